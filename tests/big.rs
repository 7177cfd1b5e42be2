//! Data much larger than the budget, really stored and barely compressible. Ignored by default:
//!
//!     CHUNKWISE_BIG_BYTES=400000000 cargo test --release --test big -- --ignored --nocapture
//!
//! `CHUNKWISE_BIG_BYTES` (4e9 if not set) is the size of `a`; `b` is as large and `c` a third of it.
//! The files go to the system's folder for temporary files, or `CHUNKWISE_BIG_DIR`. Each question is
//! answered by a fresh process, whose peak resident memory must stay below budget + 96 MiB.

mod common;
#[path = "common/oracle.rs"]
mod oracle;

use chunkwise::sink::hdf5::{DatasetSpec, Filter, Hdf5Writer, WriteScratch};
use chunkwise::{Array, DType, Index, Over};
use common::{child, chunks_of, dataset, fraction, job, session, succeed, whole};
use oracle::{F32, Moments};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const BUDGET: u64 = 128 << 20;
const ALLOWANCE: u64 = 96 << 20;

struct Big {
    n: u64,
    /// Rows of c: those of a[::3].
    third: u64,
}

impl Big {
    fn new() -> Big {
        let bytes = std::env::var("CHUNKWISE_BIG_BYTES").map_or(4e9, |b| b.parse::<f64>().unwrap());
        let n = (bytes / 4.0).sqrt() as u64;
        Big { n, third: n.div_ceil(3) }
    }

    /// Name, shape, chunks; the seed is the position.
    fn datasets(&self) -> [(&'static str, [u64; 2], [u64; 2]); 3] {
        [
            ("a", [self.n, self.n], [256, 256]),
            ("b", [self.n, self.n], [512, 128]),
            ("c", [self.third, self.n], [64, 1024]),
        ]
    }

    fn write(&self, path: &Path) {
        let sets = self.datasets();
        let specs: Vec<_> = sets
            .iter()
            .map(|(name, shape, chunks)| dataset(name, shape, DType::F32, Some(chunks), Some(1)))
            // Shuffled, the exponents would shrink to nothing.
            .map(|d| DatasetSpec { filters: vec![Filter::Deflate(1)], ..d })
            .collect();
        let writer = Hdf5Writer::create(path, &specs).unwrap();
        for (d, (_, shape, chunks)) in sets.iter().enumerate() {
            let wide = shape[1].div_ceil(chunks[1]);
            let next = AtomicU64::new(0);
            let work = || {
                let mut scratch = WriteScratch::new();
                let mut block = Vec::new();
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= chunks_of(shape, chunks) {
                        break;
                    }
                    let at = [i / wide, i % wide];
                    block.clear();
                    for row in at[0] * chunks[0]..((at[0] + 1) * chunks[0]).min(shape[0]) {
                        for col in at[1] * chunks[1]..((at[1] + 1) * chunks[1]).min(shape[1]) {
                            block.push(fraction(whole(d as u64, row * shape[1] + col)));
                        }
                    }
                    writer.write_chunk(d, &at, bytemuck::cast_slice(&block), &mut scratch).unwrap();
                }
            };
            std::thread::scope(|s| (0..2).for_each(|_| drop(s.spawn(work))));
        }
        writer.finish().unwrap();
    }

    /// The answers from the whole numbers, by name.
    fn expected(&self) -> Vec<(&'static str, Vec<f32>)> {
        let n = self.n;
        let total = n * n;
        let (mut sum, mut squares, mut product) = (0u128, 0u128, 0u128);
        let mut columns = vec![0u64; n as usize];
        let mut differences = vec![(0i64, 0u128); n as usize];
        for row in 0..n {
            for col in 0..n {
                let a = whole(0, row * n + col);
                let b = whole(1, col * n + row);
                sum += a as u128;
                squares += a as u128 * a as u128;
                columns[col as usize] += a;
                // Rounded to float32; still a multiple of 2^-48.
                product += (f64::from(fraction(a) * fraction(b)) * (1u64 << 48) as f64) as u128;
                if row % 3 == 0 {
                    let d = a as i64 - whole(2, row / 3 * n + col) as i64;
                    let at = &mut differences[col as usize];
                    at.0 += d;
                    at.1 += (d as i128 * d as i128) as u128;
                }
            }
        }
        let per_column =
            |f: &dyn Fn(usize) -> f64| (0..n as usize).map(|c| f(c) as f32).collect::<Vec<f32>>();
        vec![
            ("std", vec![Moments::from_whole(total, sum as i128, squares, 24).std(0, F32) as f32]),
            ("mean", per_column(&|c| Moments::from_whole(n, columns[c] as i128, 0, 24).mean(F32))),
            ("product", vec![Moments::from_whole(total, product as i128, 0, 48).sum(F32) as f32]),
            (
                "difference",
                per_column(&|c| {
                    let (sum, squares) = differences[c];
                    Moments::from_whole(self.third, sum as i128, squares, 24).std(0, F32)
                }),
            ),
        ]
    }
}

fn question(path: &Path, name: &str) -> Array {
    let open = |name: &str| Array::open(path, name).unwrap();
    match name {
        "std" => open("a").std(),
        "mean" => open("a").mean_with(Over::axis(0)),
        "product" => (open("a") * open("b").t()).sum(),
        "difference" => (open("a").index([Index::ALL.step(3)]) - open("c")).std_with(Over::axis(0)),
        _ => panic!("{name}"),
    }
}

/// Peak resident memory of this process.
fn peak_rss() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Not a test of its own: answers one question in a fresh process.
#[test]
fn big_worker() {
    let Some(job) = job() else { return };
    let (name, path) = job.split_once(' ').unwrap();
    let path = PathBuf::from(path);
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    let session = session(threads, &format!("{BUDGET}"));
    let plan = session.plan(&[&question(&path, name)]).unwrap();
    let bound = session.bind(&plan).unwrap();
    let outcome = session.run_plan(&plan).unwrap();
    let report = outcome.report;
    std::fs::write(path.with_extension(name), outcome.values[0].as_array().unwrap().bytes()).unwrap();
    let reads = || bound.stages.iter().flat_map(|s| &s.reads);
    let (predicted, exact) = bound.decoded_bytes();
    let once = reads().all(|r| r.times * r.passes == 1);
    let rss = peak_rss();
    let mib = |b: u64| b >> 20;
    println!(
        "BIG {name}: {:.2} s, {} MiB decoded ({} predicted, {}), {} MiB read, {} of {} MiB counted at most, \
         {} MiB resident at most, {} tasks, {} workers",
        report.elapsed_s,
        mib(report.bytes_decoded),
        mib(predicted),
        if once { "each chunk once" } else { "some chunks more than once" },
        mib(report.bytes_read),
        mib(report.peak_host_bytes),
        mib(report.projected_host_bytes),
        mib(rss),
        report.tasks.cpu,
        bound.stages.iter().map(|s| s.workers).max().unwrap_or(0),
    );
    if exact {
        assert_eq!(report.bytes_decoded, predicted);
    }
    assert!(report.bytes_decoded <= predicted, "{} decoded, {predicted} predicted", report.bytes_decoded);
    assert!(report.peak_host_bytes <= report.projected_host_bytes && report.projected_host_bytes <= BUDGET);
    assert!(rss < BUDGET + ALLOWANCE, "{} MiB resident", mib(rss));
    // All of these are chunked so that once is possible in this budget.
    assert!(once, "{}", bound.explain(&plan));
}

#[test]
#[ignore = "writes and reads gigabytes; see the head of this file"]
fn much_more_than_the_budget() {
    if job().is_some() {
        return;
    }
    let big = Big::new();
    let folder = match std::env::var_os("CHUNKWISE_BIG_DIR") {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => common::folder(),
    };
    let path = folder.path().join("big.h5");
    let start = Instant::now();
    big.write(&path);
    let stored = std::fs::metadata(&path).unwrap().len();
    let elements: u64 = big.datasets().iter().map(|d| d.1[0] * d.1[1]).sum();
    println!(
        "{} MB stored for {} MB of float32 in {:.1} s",
        stored / 1_000_000,
        elements * 4 / 1_000_000,
        start.elapsed().as_secs_f64()
    );
    assert!(stored as f64 > 0.85 * elements as f64 * 4.0, "the data is compressible");
    let mut failed = Vec::new();
    for (name, expected) in big.expected() {
        let out = child("big_worker", &format!("{name} {}", path.display()));
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().filter(|l| l.contains("BIG")).for_each(|l| println!("{l}"));
        if !out.status.success() {
            failed.push(format!("{name}:\n{text}\n{}", String::from_utf8_lossy(&out.stderr)));
            continue;
        }
        succeed(out);
        let bytes = std::fs::read(path.with_extension(name)).unwrap();
        let got: Vec<f32> = bytes.chunks(4).map(|b| f32::from_ne_bytes(b.try_into().unwrap())).collect();
        assert!(got == expected, "{name}: other values than whole numbers give");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
