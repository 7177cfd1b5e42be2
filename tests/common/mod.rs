//! What the integration tests share: the folder of real files, files written for a test, data that
//! Python can rebuild from a seed, comparison by bits, and fresh processes.
#![allow(dead_code)]

use chunkwise::grid::{Region, unravel};
use chunkwise::sink::hdf5::{DatasetSpec, Filter, Hdf5Writer, WriteScratch};
use chunkwise::{ArrayValue, DType, Scalar, Session, Value};
use half::f16;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The folder of real files: `CHUNKWISE_DATA`, or `../shared/data` beside the checkout. Without one
/// the test says so loudly and passes, or fails if `CHUNKWISE_DATA_REQUIRED` is set.
pub fn data_folder(test: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("CHUNKWISE_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CHUNKWISE_DATA_REQUIRED").is_none(),
        "{test}: there is no data folder at {}",
        folder.display()
    );
    // Straight to stderr, so that the harness does not swallow it.
    let _ = writeln!(
        std::io::stderr(),
        "\nSKIPPED {test}: no data folder at {} (set CHUNKWISE_DATA)\n",
        folder.display()
    );
    None
}

/// A golden file of this repository.
pub fn golden(name: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The mixer of splitmix64.
pub fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A whole number of 24 bits for every position; [`fraction`] makes a float32 of it.
pub fn whole(seed: u64, i: u64) -> u64 {
    mix((seed << 44).wrapping_add(i).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 40
}

/// A whole number of 24 bits times 2^-24, exact in float32.
pub fn fraction(k: u64) -> f32 {
    k as f32 * (1.0 / (1 << 24) as f32)
}

/// A number for every position, the same in `tests/goldens/common.py`.
pub fn hash(seed: u64, i: u64) -> u64 {
    mix((seed << 40).wrapping_add(i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The checksum of `tests/goldens/common.py`: little-endian words, zero-padded, each mixed with its
/// position, summed.
pub fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).enumerate().fold(0, |sum: u64, (i, c)| {
        let mut word = [0; 8];
        word[..c.len()].copy_from_slice(c);
        let at = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sum.wrapping_add(mix(u64::from_le_bytes(word).wrapping_add(at)))
    })
}

/// Whether there is a GPU for the tests. `CHUNKWISE_GPU` says `require`, `auto` (the default) or `off`;
/// a test that is left out says so.
pub fn gpu_available(test: &str) -> bool {
    let wish = std::env::var("CHUNKWISE_GPU").unwrap_or_else(|_| "auto".into());
    let found = match wish.as_str() {
        "off" => Err("it is switched off".to_string()),
        _ => chunkwise::backend::gpu::Gpu::open(&chunkwise::backend::gpu::Choice::Fastest, None, 1)
            .map(drop)
            .map_err(|e| e.to_string()),
    };
    if let Err(why) = &found {
        assert_ne!(wish, "require", "{test}: CHUNKWISE_GPU=require, but {why}");
        let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: no GPU ({why})\n");
    }
    found.is_ok()
}

/// The device that the tests run on: `CHUNKWISE_TEST_DEVICE`, the CPU if it is not set.
pub fn device() -> chunkwise::Device {
    match std::env::var("CHUNKWISE_TEST_DEVICE") {
        Ok(name) => name.parse().unwrap_or_else(|e| panic!("CHUNKWISE_TEST_DEVICE: {e}")),
        Err(_) => chunkwise::Device::Cpu,
    }
}

/// A session of so many threads and bytes.
pub fn session(threads: usize, memory: &str) -> Session {
    Session::builder().device(device()).threads(threads).memory(memory).build().unwrap()
}

/// The bytes of an array with every NaN the same one; with dtype and shape, so that two are equal
/// only if all is.
pub fn canonical(a: &ArrayValue) -> (DType, Vec<u64>, Vec<u8>) {
    let mut bytes = a.bytes().to_vec();
    let size = a.dtype().size();
    for c in bytes.chunks_exact_mut(size) {
        match Scalar::from_bytes(a.dtype(), c) {
            Some(Scalar::F16(v)) if v.is_nan() => c.copy_from_slice(&0x7e00u16.to_ne_bytes()),
            Some(Scalar::F32(v)) if v.is_nan() => c.copy_from_slice(&0x7fc0_0000u32.to_ne_bytes()),
            Some(Scalar::F64(v)) if v.is_nan() => c.copy_from_slice(&0x7ff8_0000_0000_0000u64.to_ne_bytes()),
            _ => {}
        }
    }
    (a.dtype(), a.shape().to_vec(), bytes)
}

/// A value as text that two values share only if they are the same bit for bit.
pub fn exact_text(v: &Value) -> String {
    match v {
        Value::Array(a) => {
            let hex: String = a.bytes().iter().map(|b| format!("{b:02x}")).collect();
            let hex = if hex.len() > 4096 { format!("{:x}", checksum(a.bytes())) } else { hex };
            format!("{} {:?} {hex}", a.dtype(), a.shape())
        }
        Value::Histogram(h) => {
            let edges: Vec<Vec<u64>> =
                h.edges().iter().map(|e| e.iter().map(|v| v.to_bits()).collect()).collect();
            format!(
                "{edges:?} {:?} {:?} {} {} {} {} {} {}",
                h.counts(),
                h.weights(),
                h.underflow(),
                h.overflow(),
                h.outside(),
                h.nan(),
                h.nonpositive(),
                h.total()
            )
        }
        _ => panic!("a value of a kind that no test knows"),
    }
}

/// A dataset in a file: chunk shape (none: contiguous), deflate level, shuffle.
pub fn dataset(
    name: &str,
    shape: &[u64],
    dtype: DType,
    chunks: Option<&[u64]>,
    deflate: Option<u8>,
) -> DatasetSpec {
    DatasetSpec {
        chunks: chunks.map(|c| c.to_vec()),
        filters: deflate.map_or(Vec::new(), Filter::shuffle_deflate),
        ..DatasetSpec::new(name, shape, dtype)
    }
}

/// Writes datasets whose elements are given as native bytes in C order.
pub fn write_file(path: &Path, datasets: &[(DatasetSpec, &[u8])]) {
    let specs: Vec<DatasetSpec> = datasets.iter().map(|d| d.0.clone()).collect();
    let writer = Hdf5Writer::create(path, &specs).unwrap();
    let mut scratch = WriteScratch::new();
    for (n, (spec, bytes)) in datasets.iter().enumerate() {
        match &spec.chunks {
            None => writer.write_region(n, &Region::whole(&spec.shape), bytes).unwrap(),
            Some(chunks) => {
                let counts: Vec<u64> = spec.shape.iter().zip(chunks).map(|(&s, &c)| s.div_ceil(c)).collect();
                for k in 0..counts.iter().product::<u64>() {
                    let at = unravel(k, &counts);
                    let part = cut(bytes, &spec.shape, spec.dtype.size(), &at, chunks);
                    writer.write_chunk(n, &at, &part, &mut scratch).unwrap();
                }
            }
        }
    }
    writer.finish().unwrap();
}

/// The part of an array that lies in a chunk.
fn cut(bytes: &[u8], shape: &[u64], size: usize, at: &[u64], chunks: &[u64]) -> Vec<u8> {
    let start: Vec<u64> = at.iter().zip(chunks).map(|(&a, &c)| a * c).collect();
    let part: Vec<u64> = (0..shape.len()).map(|d| chunks[d].min(shape[d] - start[d])).collect();
    let row = part[shape.len() - 1] as usize * size;
    let mut out = Vec::new();
    for r in 0..part[..part.len() - 1].iter().product::<u64>() {
        let i = unravel(r, &part[..part.len() - 1]);
        let mut offset = 0;
        for d in 0..shape.len() {
            offset = offset * shape[d] + start[d] + i.get(d).copied().unwrap_or(0);
        }
        out.extend_from_slice(&bytes[offset as usize * size..][..row]);
    }
    out
}

/// How many chunks a dataset has.
pub fn chunks_of(shape: &[u64], chunks: &[u64]) -> u64 {
    shape.iter().zip(chunks).map(|(&s, &c)| s.div_ceil(c)).product()
}

/// Ends the process, naming where it was, when a counter stays the same for a minute: what hangs cannot be interrupted.
pub fn watch(alive: &Arc<AtomicU64>, what: &str) {
    let (watched, what) = (Arc::downgrade(alive), what.to_string());
    std::thread::spawn(move || {
        let mut last = (u64::MAX, Instant::now());
        while let Some(alive) = watched.upgrade() {
            let n = alive.load(Ordering::Relaxed);
            drop(alive);
            if n != last.0 {
                last = (n, Instant::now());
            } else if last.1.elapsed() > Duration::from_secs(60) {
                eprintln!("number {n} of {what} takes more than a minute");
                std::process::abort();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
}

/// A folder that goes away with the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("chunkwise-test-").tempdir().unwrap()
}

/// Elements from a seed, as `tests/goldens/common.py` makes them. Modes: `small` (few whole numbers,
/// eighths for floats; sums are exact in NumPy too), `wide` (all bit patterns of integers; floats of
/// very different exponents), `nan` (as `small`, every fifth or so NaN), `inf` (as `nan`, with
/// infinities and signed zeros).
pub fn elements(dtype: DType, len: u64, seed: u64, mode: &str) -> Vec<Scalar> {
    (0..len).map(|i| element(dtype, hash(seed, i), mode)).collect()
}

fn element(dtype: DType, h: u64, mode: &str) -> Scalar {
    let small = ((h >> 8) % 41) as i64 - 20;
    let wide = mode == "wide";
    match dtype {
        DType::Bool => Scalar::Bool(h >> 63 == 1),
        DType::I8 => Scalar::I8(if wide { h as i8 } else { small as i8 }),
        DType::I16 => Scalar::I16(if wide { h as i16 } else { small as i16 }),
        DType::I32 => Scalar::I32(if wide { h as i32 } else { small as i32 }),
        DType::I64 => Scalar::I64(if wide { h as i64 } else { small }),
        DType::U8 => Scalar::U8(if wide { h as u8 } else { (small + 20) as u8 }),
        DType::U16 => Scalar::U16(if wide { h as u16 } else { (small + 20) as u16 }),
        DType::U32 => Scalar::U32(if wide { h as u32 } else { (small + 20) as u32 }),
        DType::U64 => Scalar::U64(if wide { h } else { (small + 20) as u64 }),
        DType::F16 => Scalar::F16(f16::from_f64(float(h, small, mode, 20))),
        DType::F32 => Scalar::F32(float(h, small, mode, 120) as f32),
        DType::F64 => Scalar::F64(float(h, small, mode, 1000)),
        _ => panic!("no test knows {dtype}"),
    }
}

/// In `wide` mode: sign, 10 bits of mantissa (exact in every float dtype) and an exponent in
/// [-range/2, range/2).
fn float(h: u64, small: i64, mode: &str, range: i64) -> f64 {
    let eighths = small as f64 / 8.0;
    match mode {
        "wide" => {
            let m = 1.0 + ((h >> 20) % 1024) as f64 / 1024.0;
            let e = ((h >> 32) % range as u64) as i64 - range / 2;
            let sign = if h >> 63 == 1 { -1.0 } else { 1.0 };
            sign * m * 2f64.powi(e as i32)
        }
        "nan" | "inf" if h.is_multiple_of(5) => f64::NAN,
        "inf" if h % 11 == 1 => f64::INFINITY,
        "inf" if h % 11 == 2 => f64::NEG_INFINITY,
        "inf" if h % 11 == 3 => -0.0,
        _ => eighths,
    }
}

/// Scalars as native bytes.
pub fn to_bytes(values: &[Scalar]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_bytes()).collect()
}

/// An array of such elements.
pub fn array(dtype: DType, shape: &[u64], seed: u64, mode: &str) -> chunkwise::Array {
    use ndarray::ArrayD;
    let len = shape.iter().product();
    let values = elements(dtype, len, seed, mode);
    let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
    macro_rules! typed {
        ($($variant:ident)*) => {
            match dtype {
                $(DType::$variant => {
                    let v = values.iter().map(|s| match s { Scalar::$variant(v) => *v, _ => unreachable!() });
                    chunkwise::Array::from_ndarray(ArrayD::from_shape_vec(shape, v.collect()).unwrap())
                })*
                _ => panic!("no test knows {dtype}"),
            }
        };
    }
    typed!(Bool I8 I16 I32 I64 U8 U16 U32 U64 F16 F32 F64)
}

/// Runs the test `name` of this binary in a fresh process, in which `CHUNKWISE_CHILD` is `job`.
pub fn child(name: &str, job: &str) -> std::process::Output {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"])
        .env("CHUNKWISE_CHILD", job)
        .output()
        .unwrap()
}

/// The job of this process, if it is such a child.
pub fn job() -> Option<String> {
    std::env::var("CHUNKWISE_CHILD").ok()
}

/// A child that must have succeeded; its output if not.
pub fn succeed(out: std::process::Output) -> String {
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "a child failed ({}):\n{text}\n{}",
        out.status,
        String::from_utf8_lossy(&out.stderr)
    );
    text
}
