//! Limits: what is computed and read on the way is right, and rates hold together.

use super::*;
use crate::sink::hdf5::{DatasetSpec, Filter, Hdf5Writer, WriteScratch};
use crate::source::OpenOptions;
use crate::source::hdf5::Hdf5Source;
use std::path::PathBuf;

#[test]
fn plain_sums_are_right_on_every_level_and_in_parts() {
    for simd in Simd::available() {
        for n in [0usize, 1, 63, 64, 1000] {
            let values: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let wide: Vec<f64> = values.iter().map(|&v| v.into()).collect();
            let sum = (0..n).sum::<usize>() as f64;
            assert_eq!(f64::from(sum_f32(simd, &values)), sum, "{} {n}", simd.name());
            assert_eq!(sum_f64(simd, &wide), sum, "{} {n}", simd.name());
            for threads in [0, 1, 3] {
                assert_eq!((plain_sum(&values, threads).1, plain_sum(&wide, threads).1), (sum, sum));
            }
        }
    }
}

#[test]
fn chains_do_every_step_in_every_lane() {
    for simd in Simd::available() {
        for fma in [None, Fma::new()] {
            for (dtype, bytes, chains) in
                [("float32", 4, chains_f32(simd, fma)), ("float64", 8, chains_f64(simd, fma))]
            {
                let lanes = chains.lanes;
                let register = match simd.name() {
                    "avx512" => 64,
                    "avx2" => 32,
                    _ if cfg!(target_arch = "aarch64") => 32,
                    _ => 16,
                };
                assert_eq!(lanes * bytes, register, "{} {dtype}", simd.name());
                let start = |c: usize, l: usize| (c + l) as f64;
                for steps in [0, 1, 3] {
                    // v -> v/2 + 1 is 2 + (v - 2)/2^steps after so many steps.
                    let value = |v: f64| 2.0 + (v - 2.0) / f64::from(1 << steps);
                    let all: f64 =
                        (0..CHAINS).flat_map(|c| (0..lanes).map(move |l| value(start(c, l)))).sum();
                    assert_eq!((chains.run)(steps), all, "{} {dtype} {steps}", simd.name());
                }
            }
        }
    }
}

#[test]
fn rates_are_those_of_a_machine() {
    for threads in [1, 2] {
        let peak = multiply_add(DType::F32, threads).unwrap();
        // Between a hundredth of what a core of today does and a hundred times that.
        assert!((1e9..1e13).contains(&peak.flops), "{peak:?}");
        let wide = multiply_add(DType::F64, threads).unwrap();
        assert_eq!(wide.fused, peak.fused);
        assert!((1e9..1e13).contains(&wide.flops), "{wide:?}");
    }
    for measure in [memory_read, memory_copy] {
        let rate = measure(1).unwrap();
        assert!((1e8..1e13).contains(&rate), "{rate}");
    }
    assert_eq!(multiply_add(DType::I32, 1).unwrap_err().kind(), ErrorKind::Type);
    // No thread is one thread.
    assert!(memory_read(0).unwrap() > 0.0);
}

#[test]
fn buffers_are_larger_than_the_caches_and_all_touched() {
    let cache = Topology::of_this_thread().and_then(|t| t.last_cache).unwrap_or(0);
    for buffers in [1, 2, 3, 64] {
        let all = (share(buffers) * buffers) as u64;
        assert!(all >= LEAST && (all >= CACHES * cache || all >= MOST), "{all}");
        assert!(all <= MOST + (buffers * STEP) as u64, "{all}");
    }
    let mut buffer = Buffer::new();
    assert!(touched(&mut buffer, 5000).unwrap().iter().all(|b| *b == 1));
    assert_eq!(touched(&mut buffer, usize::MAX).unwrap_err().kind(), ErrorKind::Budget);
}

/// A file of a header of 100 bytes and `n` values 0, 1, 2, … 9, 0, 1, …
fn values_file(folder: &Path, n: usize) -> PathBuf {
    let path = folder.join("values");
    let mut bytes = vec![0xff; 100];
    (0..n).for_each(|i| bytes.extend(((i % 10) as f32).to_ne_bytes()));
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn positioned_reads_read_every_value_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = values_file(folder.path(), 100_000);
    for threads in [1, 3] {
        for piece in [4, 4096, 1 << 20] {
            for values in [0, 10, 99_990, 100_000] {
                let reads = positioned_reads(&path, 100, values * 4, threads, piece).unwrap();
                assert_eq!(reads.sum, values as f64 * 4.5, "{threads} {piece} {values}");
                assert!(reads.seconds >= 0.0 && reads.seconds < 60.0);
            }
        }
    }
}

#[test]
fn files_that_are_short_or_missing_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = values_file(folder.path(), 1000);
    let e = positioned_reads(&path, 100, 4004, 2, 4000).unwrap_err();
    assert_eq!((e.kind(), e.context("bytes")), (ErrorKind::Io, Some("4100..4104")), "{e}");
    assert_eq!(e.context("file"), path.to_str());
    let missing = folder.path().join("missing");
    let e = positioned_reads(&missing, 0, 4, 2, 4).unwrap_err();
    assert_eq!((e.kind(), e.context("file")), (ErrorKind::NotFound, missing.to_str()));
    for (len, piece) in [(4, 0), (4, 6), (6, 4)] {
        assert_eq!(positioned_reads(&path, 0, len, 1, piece).unwrap_err().kind(), ErrorKind::Value);
    }
}

#[test]
fn decoding_reads_every_chunk_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chunks.h5");
    // The last chunks of both axes reach beyond the edge.
    let spec = |name: &str, chunks: Option<Vec<u64>>| DatasetSpec {
        filters: if chunks.is_some() { Filter::shuffle_deflate(4) } else { Vec::new() },
        chunks,
        ..DatasetSpec::new(name, &[250, 70], DType::F64)
    };
    // Space in one file, which the damage below must not hit.
    let apart = folder.path().join("whole.h5");
    Hdf5Writer::create(&apart, &[spec("whole", None)]).and_then(Hdf5Writer::finish).unwrap();
    let writer = Hdf5Writer::create(&path, &[spec("x", Some(vec![100, 16]))]).unwrap();
    let block: Vec<u8> = (0..100 * 16).flat_map(|i| f64::from(i).to_ne_bytes()).collect();
    let mut scratch = WriteScratch::default();
    for i in 0..3 {
        for j in 0..5 {
            let rows = if i == 2 { 50 } else { 100 };
            let columns = if j == 4 { 6 } else { 16 };
            writer.write_chunk(0, &[i, j], &block[..rows * columns * 8], &mut scratch).unwrap();
        }
    }
    writer.finish().unwrap();
    let open = |name| Hdf5Source::open(&path, name, OpenOptions::default()).unwrap();
    for threads in [1, 4] {
        let done = decode(&open("x"), threads).unwrap();
        let count = |n: &AtomicU64| n.load(Relaxed);
        assert_eq!((count(&done.stats.chunks_read), count(&done.stats.chunks_decoded)), (15, 15));
        assert_eq!(count(&done.stats.bytes_decoded), 15 * 100 * 16 * 8);
        assert!(done.seconds > 0.0 && done.seconds < 60.0);
    }
    let whole = Hdf5Source::open(&apart, "whole", OpenOptions::default()).unwrap();
    let e = decode(&whole, 1).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert!(e.context("source").is_some_and(|s| s.ends_with("whole.h5:/whole")), "{e}");
    // A damaged chunk fails the whole.
    let x = open("x");
    let mut bytes = std::fs::read(&path).unwrap();
    let damage = bytes.len() / 2;
    bytes[damage..damage + 200].fill(0);
    drop(x);
    std::fs::write(&path, bytes).unwrap();
    assert!(decode(&open("x"), 2).is_err());
}
