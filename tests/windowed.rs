//! Stages that run window by window together: what lies between them is never there as a whole, and no bit of the
//! answer shows it.

mod common;

use chunkwise::{Array, DType, Index, Over, PlanOptions, Session, StoreOptions, Target};
use common::{chunks_of, dataset, elements, exact_text, folder, to_bytes, write_file};
use std::path::Path;

const SHAPE: [u64; 2] = [40, 6000];
const CHUNK: [u64; 2] = [8, 500];

fn session(threads: usize, memory: u64) -> Session {
    let options = PlanOptions::new().block_bytes(1 << 12);
    let builder = Session::builder().device(common::device()).plan_options(options);
    builder.threads(threads).memory_bytes(memory).build().unwrap()
}

fn file(folder: &Path, dtype: DType) -> Array {
    file_of(folder, dtype, &SHAPE, &CHUNK)
}

fn file_of(folder: &Path, dtype: DType, shape: &[u64], chunk: &[u64]) -> Array {
    let path = folder.join(format!("{dtype}.h5"));
    let data = to_bytes(&elements(dtype, shape.iter().product(), 5, "small"));
    write_file(&path, &[(dataset("x", shape, dtype, Some(chunk), Some(1)), &data)]);
    Array::open(path, "x").unwrap()
}

/// Targets whose intermediate values are as wide as the array, each with the rows of the values between.
fn targets(x: &Array) -> Vec<(&'static str, Vec<Box<dyn Target>>)> {
    let mean = x.mean_with(Over::axis(0));
    let centred = x - &mean;
    let scaled = &centred / x.std_with(Over::axis(0));
    let columns = Over::axis(1);
    vec![
        ("std of the centred", vec![Box::new(centred.std())]),
        ("keepdims", vec![Box::new((x - x.mean_with(Over::axis(0).keepdims())).var())]),
        ("two values", vec![Box::new(scaled.square().sum())]),
        ("three stages", vec![Box::new((&centred / centred.abs().max_with(Over::axis(0))).square().mean())]),
        ("over the other axis", vec![Box::new(centred.std_with(columns))]),
        ("first positions", vec![Box::new(centred.argmax()), Box::new(centred.argmin_with(Over::axis(1)))]),
        ("transposed", vec![Box::new((x.t() - mean.expand_dims(1)).max_with(Over::axis(0)))]),
        ("a value and what is made of it", vec![Box::new((&mean * 2.0).sum()), Box::new(centred.min())]),
        ("a mask", vec![Box::new(x.sum_with(Over::all().mask(&x.greater(x.median_with(Over::axis(0))))))]),
        (
            "a histogram",
            vec![Box::new(centred.histogram(chunkwise::BinAxis::Uniform { bins: 50, low: -2.0, high: 2.0 }))],
        ),
        ("along the other axis", vec![Box::new(centred.cumsum_with(Over::axis(0)).max())]),
    ]
}

fn texts(session: &Session, targets: &[&dyn Target]) -> Vec<String> {
    session.run(targets).unwrap().values.iter().map(exact_text).collect()
}

/// In any budget from the smallest that a refusal names up, on any number of threads, from a file and made on the
/// fly: the same bits, within what was projected and within the budget; windows where the values do not fit.
#[test]
fn windows_do_not_show() {
    let folder = folder();
    let mut windows = 0;
    for dtype in [DType::F32, DType::F64, DType::I32] {
        let random = match dtype {
            DType::I32 => (Array::random(&SHAPE, 3, DType::F64) * 1e6).cast(dtype),
            _ => Array::random(&SHAPE, 3, dtype),
        };
        for (from, x) in [("a file", file(folder.path(), dtype)), ("made", random)] {
            for (name, targets) in targets(&x) {
                let targets: Vec<&dyn Target> = targets.iter().map(|t| t.as_ref()).collect();
                let right = texts(&session(1, 1 << 30), &targets);
                let tight = session(1, 1);
                let smallest = tight.bind(&tight.plan(&targets).unwrap()).unwrap_err().needed().unwrap();
                let between = [(2, 5), (1, 6), (2, 8)].map(|(threads, k)| (threads, smallest * k / 4));
                let ends =
                    [(1, smallest), (2, smallest), (3, smallest), (2, smallest * 3 / 2), (3, smallest * 3)];
                for (threads, memory) in ends.into_iter().chain(between) {
                    let case = format!("{name}, {dtype}, {from}, {threads} threads, {memory} bytes");
                    let s = session(threads, memory);
                    let plan = s.plan(&targets).unwrap();
                    let bound = s.bind(&plan).unwrap_or_else(|e| panic!("{case}: {e}"));
                    windows += bound.windowed.len();
                    let outcome = s.run_plan(&plan).unwrap_or_else(|e| panic!("{case}: {e}"));
                    let got: Vec<String> = outcome.values.iter().map(exact_text).collect();
                    assert_eq!(got, right, "{case}");
                    let r = outcome.report;
                    let explained = bound.explain(&plan);
                    assert!(r.peak_host_bytes <= bound.peak_bytes, "{case}: {r:?}\n{explained}");
                    assert!(bound.peak_bytes <= memory, "{case}\n{explained}");
                    assert_eq!(explained.contains("window by window"), !bound.windowed.is_empty(), "{case}");
                }
                let less = session(1, smallest - 1);
                let e = less.bind(&less.plan(&targets).unwrap()).unwrap_err();
                assert_eq!(e.needed(), Some(smallest), "{name}, {dtype}, {from}: {e}");
            }
        }
    }
    assert!(windows > 100, "{windows}");
}

/// Where windows end with chunks, each chunk is decoded once for each stage that reads it.
#[test]
fn windows_decode_each_chunk_once_a_stage() {
    let folder = folder();
    let (shape, chunk) = ([16, 100_000], [4, 500]);
    let x = file_of(folder.path(), DType::F64, &shape, &chunk);
    let n = chunks_of(&shape, &chunk);
    let target = (&x - x.mean_with(Over::axis(0))).std();
    let (right, mut seen) = (texts(&session(1, 1 << 30), &[&target]), 0);
    let smallest = session(1, 1).run(&[&target]).unwrap_err().needed().unwrap();
    for memory in (0..12).map(|k| smallest + k * smallest / 4) {
        let s = session(1, memory);
        let plan = s.plan(&[&target]).unwrap();
        let Ok(bound) = s.bind(&plan) else { continue };
        let Some(windowed) = bound.windowed.first() else { continue };
        let step = bound.stages[0].passes.sweeps()[0].windows.largest()[windowed.axes[0]];
        let outcome = s.run_plan(&plan).unwrap();
        assert_eq!(outcome.values.iter().map(exact_text).collect::<Vec<_>>(), right);
        if step % chunk[1] == 0 {
            assert_eq!(outcome.report.chunks_decoded, 2 * n, "{memory} bytes, windows of {step}");
            seen += 1;
        }
    }
    assert!(seen > 1, "{seen}");
}

/// What is stored goes out window by window too, in whole chunks.
#[test]
fn a_store_goes_out_in_windows() {
    let folder = folder();
    let x = file(folder.path(), DType::F64);
    let scaled = (&x - x.mean_with(Over::axis(0))) / x.std_with(Over::axis(0));
    let right = texts(&session(1, 1 << 30), &[&scaled]);
    let path = folder.path().join("out.h5");
    let store = |memory, options: &StoreOptions| {
        session(2, memory).store(&path, &[("y", &scaled)], options).map(|_| ())
    };
    let mut stored = 0;
    for options in
        [StoreOptions::new(), StoreOptions::new().deflate(1), StoreOptions::new().chunks(&[7, 900])]
    {
        let smallest = store(1, &options).unwrap_err().needed().unwrap();
        for memory in [smallest, smallest * 2] {
            store(memory, &options).unwrap_or_else(|e| panic!("{memory}: {e}"));
            let back = Array::open(&path, "y").unwrap();
            assert_eq!(texts(&session(1, 1 << 30), &[&back]), right, "{memory}");
            stored += 1;
        }
    }
    assert_eq!(stored, 6);
}

/// What cannot be windowed is refused or held as before: values that are seen through slices or reversed, read by
/// feeds, or params of folds.
#[test]
fn what_lies_otherwise_is_held() {
    let x = Array::random(&SHAPE, 3, DType::F64);
    let mean = x.mean_with(Over::axis(0));
    let reversed = mean.index([Index::Slice { start: None, stop: None, step: -1 }]);
    let others: [(&str, Array); 4] = [
        ("reversed", (&x - &reversed).std()),
        ("shifted", (x.index([Index::from(..), Index::from(1..)]) - mean.index([Index::from(..5999)])).std()),
        ("a feed", (&x - mean.take(&[5; 6000], 0)).std()),
        ("its own transpose", (mean.expand_dims(0) - mean.expand_dims(1)).std()),
    ];
    for (name, target) in &others {
        let (roomy, tight) = (session(1, 1 << 30), session(1, 1));
        let right = texts(&roomy, &[target]);
        let smallest = tight.run(&[target]).unwrap_err().needed().unwrap();
        let s = session(2, smallest);
        let plan = s.plan(&[target]).unwrap();
        assert!(s.bind(&plan).unwrap().windowed.is_empty(), "{name}");
        assert_eq!(texts(&s, &[target]), right, "{name}");
    }
}
