//! Narrow accumulators from end to end: reductions that keep many outputs in budgets in which wide accumulators would
//! take many walks. The bits are those of a comfortable budget, chunks are decoded as often as was planned, the peak is
//! within the budget; values that narrow accumulators do not hold are added up again in wide ones, and the report says so.

mod common;

use chunkwise::plan::Bound;
use chunkwise::sink::hdf5::Hdf5Writer;
use chunkwise::{Array, DType, Labels, Over, PlanOptions, Reduction, Report, Session, Target};
use common::{array, chunks_of, dataset, elements, exact_text, folder, to_bytes, write_file};
use std::path::Path;

fn session(threads: usize, memory: u64) -> Session {
    Session::builder().device(common::device()).threads(threads).memory_bytes(memory).build().unwrap()
}

fn is_narrow(bound: &Bound) -> bool {
    bound.stages.iter().flat_map(|s| s.passes.sweeps()).any(|s| s.narrow)
}

fn passes(bound: &Bound) -> u64 {
    bound.stages.iter().map(|s| s.passes.len()).sum()
}

/// What a target makes in a budget, how it was bound and what was done.
fn run(target: &dyn Target, threads: usize, memory: u64) -> (String, Bound, Report) {
    let session = session(threads, memory);
    let plan = session.plan(&[target]).unwrap();
    let bound = session.bind(&plan).unwrap_or_else(|e| panic!("{memory}: {e}"));
    let outcome = session.run_plan(&plan).unwrap_or_else(|e| panic!("{memory}: {e}"));
    let r = outcome.report;
    assert!(r.peak_host_bytes <= bound.peak_bytes, "{} of {}", r.peak_host_bytes, bound.peak_bytes);
    assert!(bound.peak_bytes <= memory, "{} of {memory}", bound.peak_bytes);
    (exact_text(&outcome.values[0]), bound, r)
}

/// The smallest budget, as the refusal of a single byte names it.
fn smallest(target: &dyn Target) -> u64 {
    let session = session(1, 1);
    session.bind(&session.plan(&[target]).unwrap()).unwrap_err().needed().unwrap()
}

const SHAPE: [u64; 3] = [24, 50, 120];
const CHUNKS: [u64; 3] = [1, 50, 120];

fn stored(folder: &Path, name: &str, dtype: DType, mode: &str) -> Array {
    let path = folder.join(format!("{name}.h5"));
    let data = to_bytes(&elements(dtype, SHAPE.iter().product(), name.len() as u64, mode));
    write_file(&path, &[(dataset("x", &SHAPE, dtype, Some(&CHUNKS), Some(1)), &data)]);
    Array::open(path, "x").unwrap()
}

/// The month of each step.
fn months() -> (Array, Labels) {
    let months: Vec<i64> = (0..SHAPE[0] as i64).map(|t| t % 12 + 1).collect();
    let labels = Labels::integers(&(1..=12).collect::<Vec<i64>>()).unwrap();
    (Array::from_ndarray(ndarray::Array1::from_vec(months)), labels)
}

/// What is computed of values, each with a name.
fn reductions(x: &Array, kind: &str) -> Vec<(String, Array)> {
    let over = || Over::axis(0);
    let mask = array(DType::Bool, &SHAPE, 9, "small");
    let (month, labels) = months();
    let mut out = vec![
        ("sum", x.sum_with(over())),
        ("mean", x.mean_with(over())),
        ("var", x.var_with(over().ddof(1.0))),
        ("std", x.std_with(over())),
        ("masked mean", x.mean_with(over().mask(&mask))),
        ("mean of the last axis", x.mean_with(Over::axis(2))),
        ("std of the middle axis", x.std_with(Over::axis(1))),
    ];
    for (name, reduction) in [
        ("sums by month", Reduction::Sum),
        ("means by month", Reduction::Mean),
        ("deviations by month", Reduction::Std),
        ("means of what is there by month", Reduction::NanMean),
    ] {
        out.push((name, x.groupby_reduce(&month, &labels, reduction, over())));
    }
    // Labels that differ from element to element.
    let mixed = array(DType::I8, &SHAPE, 5, "small");
    let signs = Labels::integers(&[-1, 0, 1, 2]).unwrap();
    out.push(("means by label", x.groupby_reduce(&mixed, &signs, Reduction::Mean, over())));
    out.into_iter().map(|(name, a)| (format!("{name} of {kind}"), a)).collect()
}

#[test]
fn every_budget_gives_the_same_bits_and_decodes_as_planned() {
    let folder = folder();
    let float = stored(folder.path(), "float", DType::F64, "small");
    let single = stored(folder.path(), "single", DType::F32, "small");
    let packed = stored(folder.path(), "packed", DType::I16, "small").cast(DType::F64) * 0.01 + 273.15;
    let generated = Array::random(&SHAPE, 3, DType::F64) * 40.0;
    let (mut narrow, mut again, mut cases) = (0, 0, 0);
    let mut fewer = 0;
    for (kind, x) in
        [("float64", &float), ("float32", &single), ("packed", &packed), ("generated", &generated)]
    {
        for (name, target) in reductions(x, kind) {
            let (want, roomy, _) = run(&target, 1, 1 << 30);
            assert!(!is_narrow(&roomy), "{name}: where wide accumulators fit, they are taken");
            let least = smallest(&target);
            for (threads, percent) in [(1, 100), (2, 100), (1, 130), (2, 200), (2, 400)] {
                let memory = least * percent / 100;
                let (got, bound, report) = run(&target, threads, memory);
                assert_eq!(got, want, "{name} in {memory} on {threads}");
                let walked = report.notes.iter().any(|n| n.contains("made again with wide accumulators"));
                cases += 1;
                narrow += is_narrow(&bound) as usize;
                again += walked as usize;
                fewer += (is_narrow(&bound) && passes(&bound) == 1) as usize;
                assert!(!walked || is_narrow(&bound), "{name}: {:?}", report.notes);
                if !walked && kind != "generated" {
                    let (bytes, exact) = bound.decoded_bytes();
                    assert!(report.bytes_decoded <= bytes, "{name}: {report:?}");
                    assert!(!exact || report.bytes_decoded == bytes, "{name}: {report:?}");
                }
            }
        }
    }
    println!("{cases} cases, {narrow} of them narrow, {fewer} in one walk, {again} made again");
    assert!(narrow > cases / 4 && fewer > narrow / 4 && again < narrow / 4);
}

/// A monthly climatology of packed values in the budget that 512 MiB are at 721 × 1440: one walk, each chunk decoded
/// once.
#[test]
fn a_climatology_decodes_each_chunk_once() {
    let (shape, chunks) = ([24u64, 180, 360], [1u64, 180, 360]);
    let folder = folder();
    let path = folder.path().join("t.h5");
    let data = to_bytes(&elements(DType::I16, shape.iter().product(), 7, "small"));
    write_file(&path, &[(dataset("t", &shape, DType::I16, Some(&chunks), Some(1)), &data)]);
    let x = Array::open(&path, "t").unwrap().cast(DType::F64) * 0.00179 + 258.5;
    let (month, labels) = months();
    let fixed = 2 << 20;
    let memory = (512 << 20) * (180 * 360) / (721 * 1440) + fixed;
    for reduction in [Reduction::Mean, Reduction::Sum] {
        let target = x.groupby_reduce(&month, &labels, reduction, Over::axis(0));
        let (got, bound, report) = run(&target, 2, memory);
        assert!(is_narrow(&bound) && passes(&bound) == 1, "{:?}", bound.stages[0].passes);
        assert_eq!(report.chunks_decoded, chunks_of(&shape, &chunks));
        assert!(report.notes.is_empty(), "{:?}", report.notes);
        let (want, roomy, _) = run(&target, 2, 4 << 30);
        assert!(got == want && !is_narrow(&roomy));
        let session = session(2, memory);
        let explained = session.bind(&session.plan(&[&target]).unwrap()).unwrap();
        let explained = explained.explain(&session.plan(&[&target]).unwrap());
        assert!(
            explained.contains("narrow") && explained.contains("bytes per output and not"),
            "{explained}"
        );
    }
    // A deviation has two sums per output.
    let target = x.groupby_reduce(&month, &labels, Reduction::Std, Over::axis(0));
    let (got, bound, _) = run(&target, 2, 2 * memory);
    let (want, roomy, _) = run(&target, 2, 8 << 30);
    assert!(got == want && is_narrow(&bound) && passes(&bound) == 1 && !is_narrow(&roomy));
}

/// Four years of six-hourly fields of 721 × 1440 as float64 by month, bound in 512 MiB: one walk.
#[test]
fn a_climatology_of_full_size_fits_half_a_gigabyte() {
    let shape = [1460u64, 721, 1440];
    let folder = folder();
    let path = folder.path().join("t.h5");
    // No chunk is written: the file has metadata only.
    Hdf5Writer::create(&path, &[dataset("t", &shape, DType::I16, Some(&[1, 721, 1440]), Some(1))])
        .and_then(Hdf5Writer::finish)
        .unwrap();
    let x = Array::open(&path, "t").unwrap().cast(DType::F64) * 0.00179 + 258.5;
    let month = Array::from_ndarray(ndarray::Array1::from_iter((0..1460i64).map(|t| t / 122 + 1)));
    let labels = Labels::integers(&(1..=12).collect::<Vec<i64>>()).unwrap();
    let target = x.groupby_reduce(&month, &labels, Reduction::Mean, Over::axis(0));
    for threads in [1, 2, 16] {
        let session = session(threads, 512 << 20);
        let plan = session.plan(&[&target]).unwrap();
        let bound = session.bind(&plan).unwrap();
        assert!(is_narrow(&bound) && passes(&bound) == 1, "{}", bound.explain(&plan));
        assert!(bound.peak_bytes <= 512 << 20);
    }
}

/// Magnitudes that no window holds: the answer is right all the same, and the report says what it took.
#[test]
fn values_of_every_magnitude_are_added_up_again() {
    let folder = folder();
    let path = folder.path().join("wild.h5");
    let n: u64 = SHAPE.iter().product();
    let wild: Vec<u8> = (0..n)
        .flat_map(|i| {
            let bits = common::hash(1, i);
            let x = f64::from_bits(bits);
            (if x.is_finite() { x } else { 1.0 }).to_ne_bytes()
        })
        .collect();
    // Wild in one corner only, of which one of several windows has it.
    let tame = to_bytes(&elements(DType::F64, n, 2, "small"));
    let mut corner = tame.clone();
    for t in 0..SHAPE[0] {
        let row = (t * SHAPE[1] * SHAPE[2]) as usize * 8;
        corner[row..row + 120 * 8].copy_from_slice(&wild[row..row + 120 * 8]);
    }
    let spec = |name| dataset(name, &SHAPE, DType::F64, Some(&CHUNKS), Some(1));
    write_file(&path, &[(spec("wild"), &wild), (spec("corner"), &corner)]);
    let (month, labels) = months();
    let mut seen = 0;
    for name in ["wild", "corner"] {
        let x = Array::open(&path, name).unwrap();
        let targets = [
            x.sum_with(Over::axis(0)),
            x.groupby_reduce(&month, &labels, Reduction::Mean, Over::axis(0)),
            x.groupby_reduce(&month, &Labels::integers(&[1, 2, 3]).unwrap(), Reduction::Mean, Over::axis(0)),
        ];
        for target in &targets {
            let (want, _, calm) = run(target, 2, 1 << 30);
            let least = smallest(target);
            for percent in [100, 150, 300] {
                let (got, bound, report) = run(target, 2, least * percent / 100);
                assert_eq!(got, want, "{name} at {percent}");
                let again =
                    report.notes.iter().filter(|n| n.contains("again with wide accumulators")).count();
                // A window of the corner may have fewer such sums than there are wide ones in reserve.
                assert!(again <= is_narrow(&bound) as usize, "{name} at {percent}: {:?}", report.notes);
                assert!(again == 1 || !is_narrow(&bound) || name == "corner", "{:?}", report.notes);
                // What else is noted is noted once, with the same counts.
                let rest: Vec<_> = report.notes.iter().filter(|n| !n.contains("again with wide")).collect();
                let rest: Vec<_> = rest.into_iter().filter(|n| !n.contains("decoded")).collect();
                assert_eq!(rest, calm.notes.iter().collect::<Vec<_>>());
                seen += again;
            }
        }
    }
    assert!(seen > 6, "{seen}");
}

/// Two arrays whose chunks lie across each other: a walk that has no room for the chunks that it comes back to would
/// decode them dozens of times. Narrow accumulators leave that room.
#[test]
fn chunks_that_lie_across_are_decoded_once_where_narrow_accumulators_leave_room() {
    let folder = folder();
    let shape = [60u64, 100, 80];
    let data = |seed| to_bytes(&elements(DType::F32, shape.iter().product(), seed, "small"));
    let path = folder.path().join("across.h5");
    let (u, v) = (data(1), data(2));
    let dataset = |name, chunks: &[u64]| dataset(name, &shape, DType::F32, Some(chunks), Some(1));
    write_file(&path, &[(dataset("u", &[1, 100, 80]), &u), (dataset("v", &[5, 10, 10]), &v)]);
    let [u, v] = ["u", "v"].map(|name| Array::open(&path, name).unwrap());
    let once = chunks_of(&shape, &[1, 100, 80]) + chunks_of(&shape, &[5, 10, 10]);
    let product = (&u * &v).mean_with(Over::axis(0));
    let mut wanted = None;
    let mut narrow = 0;
    // Eleven walks of a layer in blocks of a layer: five layers of v are 160 kB, 8000 wide accumulators 848 kB.
    for memory in (800..2400).step_by(100).map(|n| n << 10).chain([64 << 20]) {
        for threads in [1, 2] {
            let options = PlanOptions::new().block_bytes(32_000);
            let builder = Session::builder().device(common::device()).threads(threads);
            let session = builder.memory_bytes(memory).plan_options(options).build().unwrap();
            let plan = session.plan(&[&product]).unwrap();
            let bound = session.bind(&plan).unwrap();
            let outcome = session.run_plan(&plan).unwrap();
            let got = exact_text(&outcome.values[0]);
            assert_eq!(&got, wanted.get_or_insert_with(|| got.clone()), "{memory}");
            narrow += u64::from(is_narrow(&bound));
            let decoded = outcome.report.chunks_decoded;
            // Windows come back to the chunks of u, and two workers may be on both sides of a border between layers.
            let most = if threads == 1 { once + 60 } else { 2 * once };
            assert!(
                decoded >= once && decoded <= most,
                "{memory} bytes, {threads} threads: {decoded} of {once}"
            );
        }
    }
    assert!(narrow > 0);
}

/// Several reductions in one walk, with others that have no narrow form, and what comes after it.
#[test]
fn several_outputs_share_a_narrow_walk() {
    let folder = folder();
    let x = stored(folder.path(), "several", DType::F64, "small");
    let targets: [&Array; 4] = [
        &x.mean_with(Over::axis(0)),
        &x.std_with(Over::axis(0)),
        &x.max(),
        &(&x - x.mean_with(Over::axis(0))).std(),
    ];
    let targets: Vec<&dyn Target> = targets.iter().map(|t| *t as &dyn Target).collect();
    let values = |memory: u64| {
        let session = session(2, memory);
        let plan = session.plan(&targets).unwrap();
        let bound = session.bind(&plan).unwrap();
        let outcome = session.run_plan(&plan).unwrap();
        assert!(outcome.report.peak_host_bytes <= bound.peak_bytes && bound.peak_bytes <= memory);
        (outcome.values.iter().map(exact_text).collect::<Vec<_>>(), is_narrow(&bound))
    };
    let (want, _) = values(1 << 30);
    let session = session(1, 1);
    let least = session.bind(&session.plan(&targets).unwrap()).unwrap_err().needed().unwrap();
    let mut narrow = 0;
    for percent in [100, 120, 150, 200, 300, 500] {
        let (got, is) = values(least * percent / 100);
        assert_eq!(got, want, "{percent}");
        narrow += is as usize;
    }
    assert!(narrow > 0);
}

/// Pieces for other machines are the same, whatever a run would do in that budget.
#[test]
fn pieces_are_as_ever() {
    let folder = folder();
    let x = stored(folder.path(), "pieces", DType::F64, "small");
    let target = x.mean_with(Over::axis(0));
    let options = PlanOptions::new().block_bytes(1 << 14);
    let build = |memory: u64| {
        Session::builder().plan_options(options.clone()).threads(1).memory_bytes(memory).build().unwrap()
    };
    let roomy = build(1 << 30);
    let plan = roomy.plan(&[&target]).unwrap();
    let tasks = plan.stages()[0].grid.blocks();
    let needed = build(1).bind(&plan).unwrap_err().needed().unwrap();
    let none = Default::default();
    let partial = |s: &Session| {
        serde_json::to_string(&s.run_tasks(&plan, 0, 0..tasks / 3, &none).unwrap().outputs).unwrap()
    };
    let want = partial(&roomy);
    if let Ok(piece) = build(needed).run_tasks(&plan, 0, 0..tasks / 3, &none) {
        assert_eq!(serde_json::to_string(&piece.outputs).unwrap(), want);
    }
    assert_eq!(partial(&build(1 << 29)), want);
}
