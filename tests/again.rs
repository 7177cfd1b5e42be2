//! Plans that come back to a source: what waits for them in memory, what that spares, and what it takes.

mod common;

use chunkwise::{Array, BinAxis, BlockOrder, DType, Index, Over, PlanOptions, Report, Session, StoreOptions};
use chunkwise::{Outcome, Target};
use common::{chunks_of, dataset, elements, exact_text, folder, to_bytes, write_file};
use std::path::Path;

const SHAPE: [u64; 2] = [500, 310];
const CHUNK: [u64; 2] = [64, 128];

fn open(folder: &Path, name: &str, deflate: Option<u8>) -> Array {
    let path = folder.join(format!("{name}.h5"));
    let data = to_bytes(&elements(DType::F32, SHAPE.iter().product(), name.len() as u64, "small"));
    write_file(&path, &[(dataset("x", &SHAPE, DType::F32, Some(&CHUNK), deflate), &data)]);
    Array::open(path, "x").unwrap()
}

fn session(threads: usize, memory: u64) -> Session {
    let options = PlanOptions::new().block_bytes(1 << 15);
    let builder = Session::builder().device(common::device()).plan_options(options);
    builder.threads(threads).memory_bytes(memory).build().unwrap()
}

fn run(session: &Session, targets: &[&dyn Target]) -> Outcome {
    let plan = session.plan(targets).unwrap();
    let bound = session.bind(&plan).unwrap();
    let outcome = session.run_plan(&plan).unwrap();
    let r = &outcome.report;
    let explained = bound.explain(&plan);
    assert!(r.peak_host_bytes <= bound.peak_bytes && bound.peak_bytes <= session.memory(), "{explained}");
    let (bytes, exact) = bound.decoded_bytes();
    assert!(r.bytes_decoded == bytes || !exact && r.bytes_decoded < bytes, "{r:?}\n{explained}");
    for k in &bound.kept {
        let line = format!("so that {}{} are decoded", if k.exact { "" } else { "at most " }, k.decodes);
        assert!(explained.contains(&line) && k.decodes <= k.without, "{explained}");
    }
    assert_eq!(explained.contains("keeps "), !bound.kept.is_empty(), "{explained}");
    let json = serde_json::to_value(r).unwrap();
    assert_eq!(json["chunks_kept"].as_u64(), Some(r.chunks_kept));
    assert_eq!(json["bytes_advised"].as_u64(), Some(r.bytes_advised));
    outcome
}

/// From the smallest budget to one with room for all: the same bits, decodes as predicted, fewer with
/// every step, and at the ends all of them twice and once.
#[test]
fn as_much_is_kept_as_the_budget_leaves() {
    let folder = folder();
    let x = open(folder.path(), "x", Some(1));
    let n = chunks_of(&SHAPE, &CHUNK);
    let centred = &x - x.mean_with(Over::axis(0));
    let plans: [(&str, u64, Box<dyn Target>); 3] = [
        ("centred", 2, Box::new(centred.square().sum())),
        ("histogram", 2, Box::new(x.histogram(BinAxis::Auto(10)))),
        ("three stages", 3, Box::new((&centred / centred.std()).max())),
    ];
    for (name, stages, target) in &plans {
        let targets = [target.as_ref()];
        let right: Vec<String> = run(&session(1, 64 << 20), &targets).values.iter().map(exact_text).collect();
        let all = session(1, 64 << 20).bind(&session(1, 64 << 20).plan(&targets).unwrap()).unwrap();
        let needs = all.stages.iter().map(|s| s.peak_bytes()).max().unwrap();
        let each = (all.peak_bytes - needs).div_ceil(n);
        assert_eq!(all.kept.len(), 1);
        let mut before = u64::MAX;
        for room in [0, 1, 5, n / 2, n - 1, n, n + 7] {
            for threads in [1, 3] {
                // More workers need more, so that there is less to keep than there is for one.
                let s = session(threads, needs + room * each);
                let outcome = run(&s, &targets);
                let case = format!("{name}, room for {room}, {threads} threads");
                let got: Vec<String> = outcome.values.iter().map(exact_text).collect();
                assert!(got == right, "{case}");
                let r = outcome.report;
                assert_eq!(r.chunks_decoded + r.chunks_kept, stages * n, "{case}");
                if threads == 1 {
                    assert_eq!(r.chunks_decoded, stages * n - (stages - 1) * room.min(n), "{case}: {r:?}");
                    assert!(r.chunks_decoded <= before, "{case}");
                    before = r.chunks_decoded;
                }
            }
        }
        assert_eq!(run(&session(3, 64 << 20), &targets).report.chunks_decoded, n, "{name}");
    }
}

#[test]
fn only_what_is_wanted_again_is_kept_and_no_longer_than_it_is() {
    let folder = folder();
    let x = open(folder.path(), "x", Some(1));
    let y = open(folder.path(), "yy", Some(1));
    let n = chunks_of(&SHAPE, &CHUNK);
    let s = session(2, 64 << 20);
    let report = |a: &Array| run(&s, &[a]).report;
    // Of x only the first row of chunks is read again.
    let r = report(&(x.index([Index::from(0..64)]) - x.mean()).sum());
    assert_eq!((r.chunks_decoded, r.chunks_kept), (n, 3));
    let plan = s.plan(&[&(x.index([Index::from(0..64)]) - x.mean()).sum()]).unwrap();
    assert_eq!(s.bind(&plan).unwrap().kept[0].wanted, 3);
    // Seen in another order, in part, and with steps.
    let r = report(&(x.t().index([Index::ALL.step(-1)]) - x.mean()).max());
    assert_eq!((r.chunks_decoded, r.chunks_kept), (n, n));
    let r = report(&(x.index([Index::from(10..400).step(3), Index::ALL.step(-2)]) * x.mean()).sum());
    assert_eq!(r.chunks_decoded, n);
    // Two sources, each twice.
    let r = report(&((&x - x.mean()) * (&y - y.mean())).sum());
    assert_eq!((r.chunks_decoded, r.chunks_kept), (2 * n, 2 * n));
    // One after the other they use the same room: the second begins when the first is done.
    let chain = |a: &Array| (a - a.mean()).std();
    let after = (&y + chain(&x)).mean();
    assert_eq!(report(&(&y * (&after + 0.0)).sum()).chunks_decoded, 2 * n);
    // What is read once is not kept, nor what is only copied out of the file.
    let r = report(&(&x * 2.0).mean());
    assert_eq!((r.chunks_decoded, r.chunks_kept), (n, 0));
    let plain = open(folder.path(), "plain", None);
    let r = report(&(&plain - plain.mean()).std());
    assert_eq!((r.chunks_decoded, r.chunks_kept), (2 * n, 0));
}

/// Blocks that cross chunks, and factors of a product, find chunks too.
#[test]
fn blocks_that_share_chunks_and_products_find_what_is_kept() {
    let folder = folder();
    let (x, y) = (open(folder.path(), "x", Some(1)), open(folder.path(), "yy", Some(1)));
    let n = chunks_of(&SHAPE, &CHUNK);
    let shifted = x.index([Index::from(1..500)]) - x.index([Index::from(0..499)]);
    for threads in [1, 3] {
        let s = session(threads, 64 << 20);
        let r = run(&s, &[&(&shifted - shifted.mean()).std()]).report;
        assert_eq!(r.chunks_decoded, n, "{threads} threads");
        let product = x.matmul(&y.t());
        let outcome = run(&s, &[&(&product - product.max()).sum()]);
        assert_eq!(outcome.report.chunks_decoded, 2 * n, "{threads} threads");
        let memory = s.compute(&x).unwrap();
        let x2 = Array::from_ndarray(memory.to_ndarray::<f32>().unwrap());
        let y2 = Array::from_ndarray(s.compute(&y).unwrap().to_ndarray::<f32>().unwrap());
        let product = x2.matmul(&y2.t());
        let right = run(&s, &[&(&product - product.max()).sum()]);
        assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]));
    }
}

/// What is stored, or comes block by block, finds the chunks that the stages before have read.
#[test]
fn stored_arrays_find_what_is_kept() {
    let folder = folder();
    let x = open(folder.path(), "x", Some(1));
    let n = chunks_of(&SHAPE, &CHUNK);
    let normal = (&x - x.mean()) / x.std();
    let right = session(1, 64 << 20).compute(&normal).unwrap();
    let store = |s: &Session, options: &StoreOptions| -> chunkwise::Result<Report> {
        let path = folder.path().join("out.h5");
        let report = s.store(&path, &[("y", &normal)], options)?;
        assert_eq!(session(1, 64 << 20).compute(&Array::open(&path, "y")?)?.bytes(), right.bytes());
        assert!(report.peak_host_bytes <= s.memory(), "{report:?}");
        Ok(report)
    };
    for threads in [1, 3] {
        let s = session(threads, 64 << 20);
        for chunks in [[64, 128], [64, 310], [10, 310]] {
            let options = StoreOptions::new().chunks(&chunks).deflate(1);
            assert_eq!(store(&s, &options).unwrap().chunks_decoded, n, "{chunks:?}, {threads} threads");
        }
        let mut decoded = Vec::new();
        for memory in (1..48).map(|k| k << 17) {
            if let Ok(r) = store(&session(threads, memory), &StoreOptions::new().chunks(&[64, 128])) {
                assert!(r.peak_host_bytes <= r.projected_host_bytes, "{memory}: {r:?}");
                decoded.push(r.chunks_decoded);
            }
        }
        // Another worker takes what could be kept.
        assert!(threads > 1 || decoded.is_sorted_by(|a, b| a >= b), "{decoded:?}");
        assert!(decoded.first() > Some(&n) && decoded.last() == Some(&n), "{decoded:?}");
        for order in [BlockOrder::Storage, BlockOrder::Spatial] {
            let mut elements = 0;
            for block in s.blocks(&normal, order).unwrap() {
                elements += block.unwrap().0.len();
            }
            assert_eq!(elements, SHAPE[0] * SHAPE[1]);
        }
    }
}

/// A run that decodes chunks again and again says so, and names a budget in which it does not.
#[test]
fn a_run_that_decodes_often_says_what_would_help() {
    let folder = folder();
    let shape = [48, 60, 80];
    let stored = |name: &str, chunks: &[u64]| {
        let path = folder.path().join(name);
        let data = to_bytes(&elements(DType::F32, shape.iter().product(), 4, "small"));
        write_file(&path, &[(dataset("x", &shape, DType::F32, Some(chunks), Some(1)), &data)]);
        (Array::open(path, "x").unwrap(), chunks_of(&shape, chunks))
    };
    let ((u, in_u), (v, in_v)) = (stored("u.h5", &[1, 60, 80]), stored("v.h5", &[12, 15, 20]));
    // The first is made in windows, and so seldom decodes often; the second has no windows.
    let targets = [(&u * &v).mean_with(Over::axis(0)).max(), (&u * &v).mean()];
    let session = |threads, memory| {
        let builder = Session::builder().device(common::device()).threads(threads).memory_bytes(memory);
        builder.plan_options(PlanOptions::new().block_bytes(20_000)).no_spill().build().unwrap()
    };
    let budgets = [200 << 10, 300 << 10, 400 << 10, 600 << 10, 900 << 10, 1200 << 10, 2 << 20, 64 << 20];
    let (mut said, mut silent) = (0, 0);
    for (target, memory) in targets.iter().flat_map(|t| budgets.map(|memory| (t, memory))) {
        let Ok(outcome) = session(1, memory).run(&[target]) else { continue };
        let report = &outcome.report;
        let note = report.notes.iter().find(|n| n.contains("times on average"));
        assert_eq!(note.is_some(), report.chunks_decoded > 2 * (in_u + in_v), "{memory}: {report:?}");
        let Some(note) = note else {
            silent += 1;
            continue;
        };
        said += 1;
        let budget = note.split("budget of ").nth(1).unwrap_or_else(|| panic!("{note}"));
        let budget = budget.split(' ').next().unwrap().parse().unwrap();
        let enough = session(1, budget).run(&[target]).unwrap().report;
        assert!(enough.chunks_decoded <= 2 * (in_u + in_v), "{memory}: {note}\n{enough:?}");
        assert!(!enough.notes.iter().any(|n| n.contains("times on average")), "{enough:?}");
    }
    assert!(said > 0 && silent > 0, "{said} {silent}");
}

/// What was persisted is read from no file, has the same elements, and is the caller's.
#[test]
fn a_persisted_array_is_in_memory() {
    let folder = folder();
    let x = open(folder.path(), "x", Some(1));
    let session = session(2, 8 << 20);
    let y = (&x * 2.0).annotate("units", "m");
    let kept = session.persist(&y).unwrap();
    assert_eq!(kept.annotations().unwrap(), y.annotations().unwrap());
    let same = session.run(&[&kept.not_equal(&y).count_nonzero(), &kept.std()]).unwrap();
    assert_eq!(same.values[0].as_array().unwrap().item::<i64>().unwrap(), 0);
    let std = session.run(&[&kept.std(), &kept.index([Index::from(3..9)])]).unwrap();
    assert_eq!(std.report.chunks_read, 0);
    assert_eq!(exact_text(&std.values[0]), exact_text(&same.values[1]));
}
