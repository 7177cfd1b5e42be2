//! The work done, not only the answer: how often chunks are read and decoded, what binding had
//! predicted, and what is held.

mod common;

use chunkwise::grid::{Chunks, Slab};
use chunkwise::source::{ReadCx, Source};
use chunkwise::{Array, BinAxis, DType, Index, Outcome, Over, Report, Session, Store, StoreOptions, Target};
use common::{chunks_of, dataset, elements, folder, session, to_bytes, write_file};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const SHAPE: [u64; 2] = [500, 310];

fn file(folder: &Path, name: &str, chunks: &[u64], seed: u64) -> PathBuf {
    stored(folder, name, chunks, seed, Some(1))
}

fn stored(folder: &Path, name: &str, chunks: &[u64], seed: u64, deflate: Option<u8>) -> PathBuf {
    let path = folder.join(format!("{name}.h5"));
    let data = to_bytes(&elements(DType::F32, SHAPE.iter().product(), seed, "small"));
    write_file(&path, &[(dataset("x", &SHAPE, DType::F32, Some(chunks), deflate), &data)]);
    path
}

/// Runs targets and checks what always holds: nothing beyond the budget or the prediction, and as
/// many bytes decoded as binding said.
fn run(session: &Session, targets: &[&dyn Target]) -> Report {
    let plan = session.plan(targets).unwrap();
    let bound = session.bind(&plan).unwrap();
    let report = session.run_plan(&plan).unwrap().report;
    let explained = bound.explain(&plan);
    assert!(report.peak_host_bytes <= report.projected_host_bytes, "{report:?}\n{explained}");
    assert!(report.projected_host_bytes <= session.memory(), "{report:?}");
    assert_eq!(report.projected_host_bytes, bound.peak_bytes);
    let reads = || bound.stages.iter().flat_map(|s| &s.reads);
    let (predicted, exact) = bound.decoded_bytes();
    if reads().all(|r| r.times == 1 && r.passes == 1) && bound.kept.is_empty() {
        assert!(exact && predicted == reads().map(|r| r.bytes).sum::<u64>(), "{explained}");
    }
    match exact {
        true => assert_eq!(report.bytes_decoded, predicted, "{explained}"),
        false => assert!(report.bytes_decoded <= predicted, "{report:?}\n{explained}"),
    }
    assert_eq!(explained.contains("decoded up to"), reads().any(|r| r.times > 1), "{explained}");
    report
}

#[test]
fn every_chunk_is_read_and_decoded_once() {
    let folder = folder();
    for chunks in [[64, 128], [500, 310], [1, 310], [7, 9], [500, 3]] {
        let x = Array::open(file(folder.path(), "once", &chunks, 1), "x").unwrap();
        let n = chunks_of(&SHAPE, &chunks);
        let bins = || BinAxis::Uniform { bins: 20, low: -2.0, high: 2.0 };
        for threads in [1, 2, 8] {
            let session = session(threads, "64MiB");
            let (mean, std, histogram) = (x.mean(), x.std(), x.histogram(bins()));
            let cases: [(&str, Vec<&dyn Target>); 5] = [
                ("mean", vec![&mean]),
                ("std", vec![&std]),
                ("histogram", vec![&histogram]),
                ("all three", vec![&mean, &std, &histogram]),
                ("twice the same", vec![&mean, &mean]),
            ];
            for (name, targets) in cases {
                let r = run(&session, &targets);
                assert_eq!(
                    (r.chunks_read, r.chunks_decoded),
                    (n, n),
                    "{name}, {chunks:?}, {threads} threads"
                );
            }
            let r = run(&session, &[&x.mean_with(Over::axis(0)), &x.max_with(Over::axis(1))]);
            assert_eq!(r.chunks_decoded, n, "axes, {chunks:?}");
        }
    }
}

#[test]
fn a_second_pass_finds_the_chunks_of_the_first() {
    let folder = folder();
    let x = Array::open(file(folder.path(), "two", &[64, 128], 1), "x").unwrap();
    let n = chunks_of(&SHAPE, &[64, 128]);
    for (threads, memory) in [(1, "4MiB"), (2, "16MiB"), (8, "64MiB")] {
        let session = session(threads, memory);
        let r = run(&session, &[&(&x - x.mean()).std()]);
        assert_eq!((r.chunks_decoded, r.chunks_kept), (n, n));
        // The range first, the counts second.
        let r = run(&session, &[&x.histogram(BinAxis::Auto(10))]);
        assert_eq!((r.chunks_decoded, r.chunks_kept), (n, n));
    }
}

/// Chunks are read by position, neighbours together, each node of the index once per worker, and libhdf5 is
/// not asked for any of it.
#[test]
fn reads_are_joined_and_take_no_lock() {
    let folder = folder();
    for (name, chunks, deflate) in [("packed", [4, 128], Some(1)), ("plain", [4, 128], None)] {
        let x = Array::open(stored(folder.path(), name, &chunks, 3, deflate), "x").unwrap();
        let n = chunks_of(&SHAPE, &chunks);
        for threads in [1, 4] {
            let r = run(&session(threads, "64MiB"), &[&x.sum()]);
            assert_eq!((r.chunks_read, r.library_reads), (n, 0), "{name}");
            assert!(r.lock_wait_s == 0.0, "{name}: {r:?}");
            assert!(r.file_reads * 8 <= n, "{name}: {} reads of {n} chunks", r.file_reads);
            assert!(r.index_reads <= threads as u64 * (2 + n.div_ceil(32)), "{name}: {}", r.index_reads);
        }
    }
    // Of a chunk without filters only the part that is wanted is read.
    let x = Array::open(stored(folder.path(), "rows", &[200, 310], 3, None), "x").unwrap();
    let r = run(&session(1, "64MiB"), &[&x.index([Index::At(7)]).sum()]);
    assert_eq!((r.chunks_read, r.bytes_read), (1, 310 * 4));
}

/// A stencil of 5 points written with slices, and more of its steps, over a file of half the budget: chunks are
/// counted once for all views that see them, so that both workers stay and each chunk is decoded once.
#[test]
fn the_views_of_a_stencil_share_their_chunks() {
    const N: u64 = 512;
    let folder = folder();
    let path = folder.path().join("stencil.h5");
    let data = to_bytes(&elements(DType::F32, N * N, 1, "small"));
    write_file(&path, &[(dataset("x", &[N, N], DType::F32, Some(&[64, 64]), Some(1)), &data)]);
    let x = Array::open(&path, "x").unwrap();
    let step = |x: &Array| {
        let n = x.shape().unwrap()[0] as i64;
        let at = |i: i64, j: i64| x.index([Index::from(i..n - 2 + i), Index::from(j..n - 2 + j)]);
        (at(0, 1) + at(2, 1) + at(1, 0) + at(1, 2) + at(1, 1)) * 0.2
    };
    // As 1 MiB is to a file of 64 MiB, so is this block to the file; the budget is twice the file.
    let options = chunkwise::PlanOptions::new().block_bytes(1 << 14);
    let builder = Session::builder().device(common::device()).plan_options(options);
    let session = builder.threads(2).memory_bytes(2 * N * N * 4).build().unwrap();
    let n = chunks_of(&[N, N], &[64, 64]);
    let mut y = x.clone();
    for steps in 1..=3 {
        y = step(&y);
        let target = y.max();
        let plan = session.plan(&[&target]).unwrap();
        let bound = session.bind(&plan).unwrap();
        let explained = bound.explain(&plan);
        assert_eq!(bound.stages[0].workers, 2, "{steps} steps: {explained}");
        assert!(bound.stages[0].reads.iter().all(|r| r.times == 1), "{steps} steps: {explained}");
        assert!(explained.contains("each chunk decoded once"), "{steps} steps: {explained}");
        assert!(bound.stages[0].cache_bytes < N * N * 4, "{steps} steps: {explained}");
        // A worker that the system holds up for a row of blocks may find a chunk gone, but not run after run.
        let runs = (0..10).map(|_| session.run_plan(&plan).unwrap().report);
        assert!(runs.into_iter().any(|r| r.chunks_decoded == n), "{steps} steps: {explained}");
    }
}

#[test]
fn a_slice_reads_only_the_chunks_that_cover_it() {
    let folder = folder();
    let x = Array::open(file(folder.path(), "slice", &[64, 128], 1), "x").unwrap();
    let session = session(2, "64MiB");
    let decoded = |a: &Array| run(&session, &[&a.mean()]).chunks_decoded;
    let rows = |a: i64, b: i64| Index::from(a..b);
    assert_eq!(decoded(&x.index([rows(0, 10)])), 3);
    assert_eq!(decoded(&x.index([rows(60, 70)])), 6);
    assert_eq!(decoded(&x.index([Index::At(-1)])), 3);
    assert_eq!(decoded(&x.index([Index::At(100), Index::At(5)])), 1);
    assert_eq!(decoded(&x.index([Index::ALL.step(200)])), 9);
    assert_eq!(decoded(&x.index([Index::ALL, rows(128, 256)])), 8);
    assert_eq!(decoded(&x.t().index([rows(128, 256)]).index([Index::ALL.step(-1), rows(0, 64)])), 1);
    assert_eq!(decoded(&(x.index([rows(0, 64)]) + x.index([rows(64, 128)]))), 6);
    assert_eq!(decoded(&x.index([rows(3, 3)]).cast(DType::F64)), 0);
    // Compared with the same elements: both see the same chunks.
    assert_eq!(decoded(&(x.index([rows(0, 64)]) + x.index([Index::from(0..64), Index::ALL.step(-1)]))), 3);
}

#[test]
fn differently_chunked_arrays_in_one_expression() {
    let folder = folder();
    let a = Array::open(file(folder.path(), "a", &[100, 310], 1), "x").unwrap();
    let b = Array::open(file(folder.path(), "b", &[500, 20], 2), "x").unwrap();
    let n = chunks_of(&SHAPE, &[100, 310]) + chunks_of(&SHAPE, &[500, 20]);
    for threads in [1, 2, 8] {
        let r = run(&session(threads, "64MiB"), &[&(&a * &b).mean()]);
        assert_eq!(r.chunks_decoded, n, "{threads} threads");
        let r = run(&session(threads, "64MiB"), &[&(&a - &b).std_with(Over::axis(0))]);
        assert_eq!(r.chunks_decoded, n, "{threads} threads, axis 0");
    }
    // Where the budget keeps too few, the answer is the same and `explain` says what it costs.
    let roomy = session(1, "64MiB").compute(&(&a * &b).mean()).unwrap();
    let mut tight = 200_000;
    loop {
        let small =
            Session::builder().device(common::device()).threads(1).memory_bytes(tight).build().unwrap();
        // A run may do with less, by way of a store.
        let plan = small.plan(&[&(&a * &b).mean()]).unwrap();
        match small.run_plan(&plan) {
            Ok(outcome) => {
                assert_eq!(outcome.values[0].as_array().unwrap().bytes(), roomy.bytes());
                run(&small, &[&(&a * &b).mean()]);
                break;
            }
            Err(e) => assert_eq!(e.kind(), chunkwise::ErrorKind::Budget),
        }
        tight += 50_000;
    }
    println!("a * b in {tight} bytes");
}

#[test]
fn chunks_that_were_never_written_are_filled_and_not_read() {
    use chunkwise::sink::hdf5::{Hdf5Writer, WriteScratch};
    let folder = folder();
    let path = folder.path().join("holes.h5");
    let spec = dataset("x", &[40, 40], DType::I16, Some(&[10, 10]), Some(1));
    let writer = Hdf5Writer::create(&path, &[spec]).unwrap();
    let ones: Vec<u8> = [1i16; 100].iter().flat_map(|v| v.to_ne_bytes()).collect();
    writer.write_chunk(0, &[1, 2], &ones, &mut WriteScratch::new()).unwrap();
    writer.write_chunk(0, &[3, 3], &ones, &mut WriteScratch::new()).unwrap();
    writer.finish().unwrap();
    let x = Array::open(&path, "x").unwrap();
    let session = session(2, "64MiB");
    let outcome = session.run(&[&x.sum()]).unwrap();
    assert_eq!(outcome.values[0].as_array().unwrap().item::<i64>().unwrap(), 200);
    let r = outcome.report;
    assert_eq!((r.chunks_read, r.chunks_decoded, r.bytes_decoded), (16, 16, 40 * 40 * 2), "{r:?}");
    // Two chunks of equal elements, deflated.
    assert!(r.bytes_read > 0 && r.bytes_read < 100, "{r:?}");
}

#[test]
fn contiguous_data_is_read_where_it_is_needed_and_nowhere_else() {
    let folder = folder();
    let path = folder.path().join("plain.h5");
    let data = to_bytes(&elements(DType::F32, SHAPE.iter().product(), 3, "small"));
    write_file(&path, &[(dataset("x", &SHAPE, DType::F32, None, None), &data)]);
    let x = Array::open(&path, "x").unwrap();
    let all = data.len() as u64;
    let session = session(2, "64MiB");
    let bytes = |a: &Array| run(&session, &[&a.std()]).bytes_decoded;
    assert_eq!(bytes(&x), all);
    assert_eq!(bytes(&x.index([Index::from(0..10)])), 10 * 310 * 4);
    assert_eq!(bytes(&x.index([Index::ALL, Index::from(7..8)])), 500 * 4);
    assert_eq!(bytes(&(&x + x.index([Index::ALL.step(-1)]))), 2 * all);
    let r = run(&session, &[&x.index([Index::from(100..110)]).mean()]);
    assert!(r.bytes_read >= 10 * 310 * 4 && r.bytes_read < 20 * 310 * 4, "{r:?}");
}

/// A source that counts how often each of its chunks is asked for.
#[derive(Debug)]
struct Counting {
    shape: Vec<u64>,
    chunks: Chunks,
    asked: Mutex<HashMap<Vec<u64>, u64>>,
}

impl Source for Counting {
    fn shape(&self) -> &[u64] {
        &self.shape
    }
    fn dtype(&self) -> DType {
        DType::I64
    }
    fn chunks(&self) -> Option<&Chunks> {
        Some(&self.chunks)
    }
    fn describe(&self) -> String {
        "counting".into()
    }
    fn scratch_bytes(&self) -> u64 {
        0
    }
    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> chunkwise::Result<()> {
        self.read_region(&Slab::dense(&self.chunks.region(chunk)), out, cx)
    }
    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> chunkwise::Result<()> {
        let mut touched = std::collections::BTreeSet::new();
        for i in 0..slab.count.iter().product() {
            let at = chunkwise::grid::unravel(i, &slab.count);
            let index = [0, 1].map(|d| slab.start[d] + at[d] * slab.step[d]);
            touched.insert(self.chunks.at(&index).to_vec());
            let value = (index[0] * 1000 + index[1]) as i64;
            out[i as usize * 8..][..8].copy_from_slice(&value.to_ne_bytes());
        }
        // A chunk that is read whole also has elements beyond the edge.
        touched.iter().for_each(|c| *self.asked.lock().unwrap().entry(c.clone()).or_default() += 1);
        Ok(())
    }
}

#[test]
fn nothing_is_read_before_it_is_computed_and_then_each_chunk_once() {
    let source = Arc::new(Counting {
        shape: vec![50, 70],
        chunks: Chunks::from(&[8, 9][..]),
        asked: Mutex::default(),
    });
    let x = Array::new(source.clone());
    let y = ((&x + 1).index([Index::ALL.step(-1)]).t() * 2).sum();
    let h = x.histogram(BinAxis::Uniform { bins: 10, low: 0.0, high: 5e4 });
    let session = session(4, "16MiB");
    let plan = session.plan(&[&y, &h, &x.max_with(Over::axis(0))]).unwrap();
    session.bind(&plan).unwrap();
    session.explain(&[&y, &h]).unwrap();
    let _ = (plan.to_string(), plan.fingerprint(), y.shape().unwrap(), y.dtype().unwrap());
    assert!(source.asked.lock().unwrap().is_empty());
    let outcome = session.run_plan(&plan).unwrap();
    let sum: i64 = (0..50i64).flat_map(|i| (0..70i64).map(move |j| (i * 1000 + j + 1) * 2)).sum();
    assert_eq!(outcome.values[0].as_array().unwrap().item::<i64>().unwrap(), sum);
    let asked = source.asked.lock().unwrap();
    assert_eq!(asked.len() as u64, chunks_of(&[50, 70], &[8, 9]));
    println!("most often asked: {:?}", asked.values().max());
    // y sees x turned, so it is another stage than the others: twice at most.
    assert!(asked.values().all(|&n| n <= 2), "{asked:?}");
    drop(asked);
    source.asked.lock().unwrap().clear();
    session.run(&[&y]).unwrap();
    assert!(source.asked.lock().unwrap().values().all(|&n| n == 1), "{:?}", source.asked);
}

/// What is stored is a target like any other: however many datasets there are, and values beside them,
/// they are one walk over the file.
#[test]
fn stores_values_and_histograms_share_one_walk() {
    let folder = folder();
    let out = folder.path().join("out.h5");
    let bins = || BinAxis::Uniform { bins: 20, low: -2.0, high: 2.0 };
    for chunks in [[64, 128], [500, 310], [7, 300]] {
        let x = Array::open(file(folder.path(), "shared", &chunks, 1), "x").unwrap();
        let n = chunks_of(&SHAPE, &chunks);
        let arrays = [("a", &x * 2.0), ("b", x.abs().sqrt()), ("c", x.greater(0.5))];
        let (mean, histogram, auto) = (x.mean(), x.histogram(bins()), x.histogram(BinAxis::Auto(9)));
        let anomaly = &x - x.mean_with(Over::axis(0));
        for (threads, options) in [
            (1, StoreOptions::new()),
            (2, StoreOptions::new().deflate(1)),
            (2, StoreOptions::new().chunks(&[50, 31])),
            (8, StoreOptions::new().chunks(&[499, 10]).deflate(1)),
        ] {
            let session = session(threads, "64MiB");
            let case = format!("{chunks:?}, {options:?}, {threads} threads");
            for count in 1..=3 {
                let store = Store::new(&out).options(&options);
                let store = arrays[..count].iter().fold(store, |s, (name, a)| s.dataset(name, a));
                let outcome = session.run_with(&[&mean, &histogram], std::slice::from_ref(&store)).unwrap();
                let r = &outcome.report;
                assert_eq!((r.chunks_read, r.chunks_decoded, r.chunks_kept), (n, n, 0), "{count}, {case}");
                assert!(r.peak_host_bytes <= r.projected_host_bytes, "{case}: {r:?}");
                let right = session.run(&[&mean, &histogram]).unwrap();
                let text = |o: &Outcome| o.values.iter().map(common::exact_text).collect::<Vec<_>>();
                assert_eq!(text(&outcome), text(&right), "{case}");
                for (name, a) in &arrays[..count] {
                    let back = session.compute(&Array::open(&out, name).unwrap()).unwrap();
                    assert!(back.bytes() == session.compute(a).unwrap().bytes(), "{name}, {case}");
                }
                // Without values beside them, through `store`.
                let list: Vec<(&str, &Array)> = arrays[..count].iter().map(|(n, a)| (*n, a)).collect();
                assert_eq!(
                    session.store(&out, &list, &options).unwrap().chunks_decoded,
                    n,
                    "{count}, {case}"
                );
            }
            // What needs a second walk finds the chunks of the first, as in any run.
            let store = Store::new(&out).options(&options).dataset("a", &anomaly).dataset("x", &x);
            let outcome = session.run_with(&[&auto], &[store]).unwrap();
            assert_eq!(outcome.report.chunks_decoded, n, "{case}");
            let back = session.compute(&Array::open(&out, "a").unwrap()).unwrap();
            assert!(back.bytes() == session.compute(&anomaly).unwrap().bytes(), "{case}");
        }
    }
}
