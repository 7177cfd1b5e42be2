//! Reading HDF5: whole runs as a share of what the disk cache and the decoder allow, on the same threads in the
//! same process, in turns. One command: `cargo bench --bench staging`.
//!
//! The limits do what any reader must: **reads** are positioned reads of 1 MiB into one reused buffer per
//! thread, summed there; **decode** brings and decodes every chunk with this crate's own reader, into one
//! reused buffer per thread, and computes nothing. Answers are compared before anything is timed.
//!
//! `-- --test` runs each once over little data, `-- --file FILE` takes the datasets `deflate`, `plain` and
//! `contiguous` (float32, one axis) of a file that is there, `-- --threads N`, `-- --rounds N`,
//! `-- --json FILE` writes the table.

use chunkwise::sink::hdf5::{DatasetSpec, Hdf5Writer, WriteScratch};
use chunkwise::source::hdf5::Hdf5Source;
use chunkwise::source::{OpenOptions, ReadCx, ReadStats, Scratch, Source};
use chunkwise::{Array, Report, Session};
use serde_json::json;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

type Any<T> = Result<T, Box<dyn std::error::Error>>;

const CHUNK: u64 = 1 << 18;
const PIECE: usize = 1 << 20;

/// A line: rates in bytes of elements per second, medians.
struct Row {
    storage: &'static str,
    work: &'static str,
    threads: usize,
    rate: f64,
    limit: f64,
    of: &'static str,
    lock_wait_s: f64,
}

fn main() -> Any<()> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)).cloned();
    let smoke = args.iter().any(|a| a == "--test");
    let number = |name: &str, other: usize| value(name).map_or(Ok(other), |v| v.parse::<usize>());
    let cores = std::thread::available_parallelism()?.get();
    let threads = number("--threads", cores)?;
    let rounds = number("--rounds", if smoke { 1 } else { 7 })?;
    let folder = tempfile::tempdir()?;
    let path = match value("--file") {
        Some(path) => PathBuf::from(path),
        None => make(&folder.path().join("bench.h5"), if smoke { 1 << 20 } else { 1 << 27 })?,
    };
    // Before this crate opens it: libhdf5 wants every opener of a file to lock it alike.
    let contiguous = {
        let d = hdf5::File::open(&path)?.dataset("contiguous")?;
        (d.offset().ok_or("no data")?, d.size() as u64 * 4)
    };
    let bench = Bench { path, rounds, contiguous };
    bench.check(threads)?;
    let mut rows = Vec::new();
    let mut counts: Vec<usize> = (0..).map(|k| 1 << k).take_while(|&n| n < threads).collect();
    counts.push(threads);
    for &n in &counts {
        bench.measure(n, &mut rows)?;
    }
    println!(
        "{:<11} {:<5} {:>7} {:>8} {:>8}  {:>9}",
        "storage", "work", "threads", "GB/s", "share", "lock wait"
    );
    for r in &rows {
        println!(
            "{:<11} {:<5} {:>7} {:>8.2} {:>8.2} of {:<6} ({:.2} GB/s)  {:.3} s",
            r.storage,
            r.work,
            r.threads,
            r.rate / 1e9,
            r.rate / r.limit,
            r.of,
            r.limit / 1e9,
            r.lock_wait_s
        );
    }
    if let Some(path) = value("--json") {
        let rows: Vec<_> = rows
            .iter()
            .map(|r| {
                json!({"storage": r.storage, "work": r.work, "threads": r.threads, "bytes_per_s": r.rate,
                       "limit_bytes_per_s": r.limit, "limit": r.of, "lock_wait_s": r.lock_wait_s})
            })
            .collect();
        std::fs::write(path, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

/// Multiples of 1/64 with a bell's shape: half of the bits are noise, as in measured data.
fn values(n: usize) -> Vec<f32> {
    let mut s = 7u64;
    let mut next = || {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        (s >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let mut bell = || (0..12).map(|_| next()).sum::<f32>();
    (0..n).map(|_| (bell() * 64.0).round() / 64.0).collect()
}

fn make(path: &Path, elements: u64) -> Any<PathBuf> {
    let spec = |name: &str, chunks: Option<u64>, deflate: Option<u8>| DatasetSpec {
        name: name.into(),
        shape: vec![elements],
        dtype: chunkwise::DType::F32,
        chunks: chunks.map(|c| vec![c]),
        deflate,
        shuffle: deflate.is_some(),
        attributes: Vec::new(),
    };
    let specs = [
        spec("deflate", Some(CHUNK), Some(4)),
        spec("plain", Some(CHUNK), None),
        spec("contiguous", None, None),
    ];
    let writer = Hdf5Writer::create(path, &specs)?;
    let block = values(1 << 22);
    let mut scratch = WriteScratch::default();
    for k in 0..elements / CHUNK {
        // The same block over and over, turned, so that making it takes no longer than the benches.
        let turn = (k * 12_345) as usize % (block.len() - CHUNK as usize);
        let bytes: &[u8] = bytemuck::cast_slice(&block[turn..turn + CHUNK as usize]);
        for n in 0..2 {
            writer.write_chunk(n, &[k], bytes, &mut scratch)?;
        }
        let region = chunkwise::grid::Region {
            start: [k * CHUNK].as_slice().into(),
            shape: [CHUNK].as_slice().into(),
        };
        writer.write_region(2, &region, bytes)?;
    }
    writer.finish()?;
    Ok(path.to_path_buf())
}

struct Bench {
    path: PathBuf,
    rounds: usize,
    /// Where the contiguous data is, and how many bytes.
    contiguous: (u64, u64),
}

impl Bench {
    fn source(&self, name: &str) -> Any<Hdf5Source> {
        Ok(Hdf5Source::open(&self.path, name, OpenOptions::default())?)
    }

    fn run(&self, name: &str, work: &str, threads: usize) -> Any<(f64, f64, Report)> {
        let session =
            Session::builder().device(chunkwise::Device::Cpu).threads(threads).memory("256MiB").build()?;
        let x = Array::open(&self.path, name)?;
        let target = if work == "mean" { x.mean() } else { x.std() };
        let start = Instant::now();
        let outcome = session.run(&[&target])?;
        let seconds = start.elapsed().as_secs_f64();
        Ok((seconds, f64::from(outcome.values[0].as_array()?.item::<f32>()?), outcome.report))
    }

    /// All storages give one answer, and the plain sum is near it.
    fn check(&self, threads: usize) -> Any<()> {
        let n = self.source("contiguous")?.shape()[0] as f64;
        let (_, sum) = self.reads(threads)?;
        for work in ["mean", "std"] {
            let [a, b, c] =
                ["deflate", "plain", "contiguous"].map(|name| self.run(name, work, threads).map(|r| r.1));
            let (a, b, c) = (a?, b?, c?);
            assert!(a == b && b == c, "{work}: {a} {b} {c}");
            assert!(work == "std" || (a - sum / n).abs() < 1e-4, "{a} against {}", sum / n);
        }
        Ok(())
    }

    fn measure(&self, threads: usize, rows: &mut Vec<Row>) -> Any<()> {
        let bytes = self.source("contiguous")?.shape()[0] as f64 * 4.0;
        let mut limits = [Vec::new(), Vec::new()];
        let works: Vec<(&'static str, &'static str)> = ["deflate", "plain", "contiguous"]
            .into_iter()
            .flat_map(|storage| [(storage, "mean"), (storage, "std")])
            .collect();
        let mut times = vec![Vec::new(); works.len()];
        let mut waits = vec![0.0; works.len()];
        for _ in 0..self.rounds {
            limits[0].push(self.decode(threads)?);
            limits[1].push(self.reads(threads)?.0);
            for (k, (storage, work)) in works.iter().enumerate() {
                let (seconds, _, report) = self.run(storage, work, threads)?;
                times[k].push(seconds);
                waits[k] = report.lock_wait_s;
            }
        }
        let [decode, reads] = limits.map(median);
        for (k, (storage, work)) in works.into_iter().enumerate() {
            let (limit, of) = if storage == "deflate" { (decode, "decode") } else { (reads, "reads") };
            let rate = bytes / median(times[k].clone());
            rows.push(Row { storage, work, threads, rate, limit: bytes / limit, of, lock_wait_s: waits[k] });
        }
        Ok(())
    }

    /// Seconds to bring and decode every chunk.
    fn decode(&self, threads: usize) -> Any<f64> {
        let source = self.source("deflate")?;
        let chunk = source.chunks().ok_or("no chunks")?.shape()[0];
        let chunks = source.shape()[0].div_ceil(chunk);
        let (next, stats) = (AtomicU64::new(0), ReadStats::default());
        let start = Instant::now();
        on(threads, || {
            let (mut scratch, mut out) = (Scratch::new(), vec![0u8; chunk as usize * 4]);
            loop {
                let k = next.fetch_add(1, Relaxed);
                if k >= chunks {
                    return Ok(0.0);
                }
                source.read_chunk(&[k], &mut out, &mut ReadCx { scratch: &mut scratch, stats: &stats })?;
            }
        })?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Seconds to read the contiguous data in pieces and to sum them, and the sum.
    fn reads(&self, threads: usize) -> Any<(f64, f64)> {
        let (at, len) = self.contiguous;
        let next = AtomicU64::new(0);
        let start = Instant::now();
        let sum = on(threads, || {
            let file = File::open(&self.path)?;
            let mut buffer = vec![0f32; PIECE / 4];
            let mut sum = 0.0;
            loop {
                let k = next.fetch_add(1, Relaxed) * PIECE as u64;
                if k >= len {
                    return Ok(sum);
                }
                let n = (len - k).min(PIECE as u64) as usize;
                file.read_exact_at(&mut bytemuck::cast_slice_mut(&mut buffer)[..n], at + k)?;
                sum += f64::from(plain_sum(&buffer[..n / 4]));
            }
        })?;
        Ok((start.elapsed().as_secs_f64(), sum))
    }
}

/// What a compiler makes of a sum: 64 lanes, no care.
fn plain_sum(values: &[f32]) -> f32 {
    let mut lanes = [0f32; 64];
    let (whole, rest) = values.as_chunks::<64>();
    for chunk in whole {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane += v;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// Runs `f` on so many threads and adds what they give.
fn on(threads: usize, f: impl Fn() -> Any<f64> + Sync) -> Any<f64> {
    let failed = |e: Box<dyn std::error::Error>| e.to_string();
    std::thread::scope(|s| {
        let all: Vec<_> = (0..threads).map(|_| s.spawn(|| f().map_err(failed))).collect();
        let mut sum = 0.0;
        for t in all {
            sum += t.join().map_err(|_| "a thread panicked")??;
        }
        Ok(sum)
    })
}

fn median(mut v: Vec<f64>) -> f64 {
    v.sort_by(f64::total_cmp);
    v[v.len() / 2]
}
