//! The smallest budget: a refusal names it at once, whatever the plan, and it is one that works well.
//!
//! Every kind of plan is bound in one byte. What that refusal names must do at the first try, on any number
//! of threads, with the same bits, each chunk decoded a few times at most; one byte less must be refused, and
//! never with a larger number. What the process holds is another test's matter (`resident.rs`).

mod common;

use chunkwise::{
    Array, BinAxis, DType, Error, ErrorKind, Index, Over, PlanOptions, Session, StoreOptions, Target,
    concatenate,
};
use common::{dataset, elements, exact_text, folder, to_bytes, write_file};
use std::path::Path;

/// How often a chunk is decoded at most, for the sake of memory; see `plan::passes`.
const CUTS: u64 = 8;

fn session(threads: usize, memory: u64, block: u64) -> Session {
    let options = PlanOptions::new().block_bytes(block);
    let builder = Session::builder().device(common::device()).plan_options(options);
    builder.threads(threads).memory_bytes(memory).build().unwrap()
}

/// Files of one shape in several layouts.
fn open(folder: &Path, name: &str, shape: &[u64], chunks: Option<&[u64]>, deflate: Option<u8>) -> Array {
    let path = folder.join(format!("{name}.h5"));
    if !path.exists() {
        let data = to_bytes(&elements(DType::F64, shape.iter().product(), name.len() as u64, "small"));
        write_file(&path, &[(dataset("x", shape, DType::F64, chunks, deflate), &data)]);
    }
    Array::open(path, "x").unwrap()
}

/// A name, chunks, and the level of compression.
type Layout<'a> = (&'a str, Option<&'a [u64]>, Option<u8>);

type Targets = Vec<Box<dyn Target>>;

/// Plans of many kinds, each with a name.
fn plans(folder: &Path) -> Vec<(String, Targets)> {
    let shape = [60, 500];
    let layouts: [Layout; 5] = [
        ("rows", Some(&[1, 500]), Some(1)),
        ("tiles", Some(&[16, 64]), Some(1)),
        ("columns", Some(&[60, 7]), Some(1)),
        ("plain tiles", Some(&[16, 64]), None),
        ("contiguous", None, None),
    ];
    let bins = |n| BinAxis::Uniform { bins: n, low: -2.0, high: 2.0 };
    let mut out: Vec<(String, Targets)> = Vec::new();
    for (layout, chunks, deflate) in layouts {
        let x = open(folder, layout, &shape, chunks, deflate);
        let y = open(folder, "other", &shape, Some(&[7, 500]), Some(1));
        let mut add = |name: &str, targets: Targets| out.push((format!("{name}, {layout}"), targets));
        for axis in [0, 1] {
            add(&format!("std over {axis}"), vec![Box::new(x.std_with(Over::axis(axis)))]);
            add(
                &format!("sum of the transposed over {axis}"),
                vec![Box::new(x.t().sum_with(Over::axis(axis)))],
            );
            let r = x.reshape(&[25, 1200]);
            add(&format!("std of a reshape over {axis}"), vec![Box::new(r.std_with(Over::axis(axis)))]);
            let r = (&x * 2.0).reshape(&[3, 10, 1000]);
            add(&format!("sum of a deep reshape over {axis}"), vec![Box::new(r.sum_with(Over::axis(axis)))]);
            let anomaly = &x - x.mean_with(Over::axis(axis)).expand_dims(axis);
            add(
                &format!("std of an anomaly over {axis}"),
                vec![Box::new(anomaly.std_with(Over::axis(axis)))],
            );
        }
        add("a sum", vec![Box::new(x.sum())]);
        add("elements", vec![Box::new(&x + &y)]);
        add("several", vec![Box::new(&x * 2.0), Box::new(x.std_with(Over::axis(0))), Box::new(y.max())]);
        add(
            "both axes at once",
            vec![
                Box::new(x.std_with(Over::axis(0))),
                Box::new(x.var_with(Over::axis(1))),
                Box::new(x.mean()),
            ],
        );
        add("a product", vec![Box::new(x.matmul(&y.t()).sum_with(Over::axis(0)))]);
        add("a chain of products", vec![Box::new(x.matmul(&y.t()).matmul(&x).std())]);
        let both = concatenate(&[x.clone(), y.clone(), x.clone()], 1);
        add("a concatenation", vec![Box::new(both.std_with(Over::axis(0)))]);
        add("a concatenation of elements", vec![Box::new(both)]);
        let (upper, lower) = (x.index([Index::from(1..60)]), x.index([Index::from(0..59)]));
        add("neighbours", vec![Box::new((upper - lower).std_with(Over::axis(0)))]);
        add("itself transposed", vec![Box::new(x.matmul(&x.t()).t().max_with(Over::axis(0)))]);
        add("a histogram", vec![Box::new(x.histogram(bins(300)))]);
        let weighted = chunkwise::Binned::new([(&x, bins(40)), (&y, bins(50))]).weights(&y);
        add("a weighted histogram of two", vec![Box::new(weighted)]);
        add("a histogram of a range that is found", vec![Box::new(x.histogram(BinAxis::Auto(20)))]);
    }
    out
}

/// What a refusal names, as data and in words.
fn named(e: &Error, case: &str) -> u64 {
    assert_eq!(e.kind(), ErrorKind::Budget, "{case}: {e}");
    let needed = e.needed().unwrap_or_else(|| panic!("{case}: {e}"));
    assert!(
        e.to_string().contains(&format!("the smallest budget that works is {needed} bytes")),
        "{case}: {e}"
    );
    needed
}

#[test]
fn the_budget_that_a_refusal_names_works_at_once_and_well() {
    let folder = folder();
    let (mut windows, mut cases) = (0, 0);
    for (name, targets) in plans(folder.path()) {
        let targets: Vec<&dyn Target> = targets.iter().map(|t| t.as_ref()).collect();
        let mut right = None;
        for (block, of) in [(1 << 11, &[1, 3][..]), (1 << 20, &[2])] {
            for &threads in of {
                let case = format!("{name}, {threads} threads, blocks of {block}");
                let plan = session(1, 1, block).plan(&targets).unwrap();
                let needed = named(&session(threads, 1, block).bind(&plan).unwrap_err(), &case);
                let tight = session(threads, needed, block);
                let bound = tight.bind(&plan).unwrap_or_else(|e| panic!("{case}: {e}"));
                for less in [needed - 1, needed / 2, needed / 7] {
                    let e = session(threads, less, block).bind(&plan).unwrap_err();
                    assert_eq!(named(&e, &case), needed, "{case} in {less}");
                }
                let outcome = tight.run_plan(&plan).unwrap_or_else(|e| panic!("{case}: {e}"));
                let r = &outcome.report;
                assert!(r.peak_host_bytes <= bound.peak_bytes && bound.peak_bytes <= needed, "{case}: {r:?}");
                let values: Vec<String> = outcome.values.iter().map(exact_text).collect();
                let roomy = session(threads, 1 << 30, block).run_plan(&plan).unwrap();
                let all: Vec<String> = roomy.values.iter().map(exact_text).collect();
                assert!(*right.get_or_insert(values.clone()) == values && all == values, "{case}");
                // Nothing that grows with the passes is written down.
                windows += u64::from(bound.stages.iter().any(|s| s.passes.len() > 1));
                for stage in &bound.stages {
                    assert!(stage.passes.sweeps().len() <= plan.stages()[0].outputs.len().max(3), "{case}");
                }
                cases += 1;
            }
        }
    }
    println!("{cases} cases, {windows} of them in windows");
    assert!(windows > cases / 8);
}

/// Reductions over an axis at the smallest budget: passes are as many as the limit allows, and chunks are
/// decoded no more often.
#[test]
fn chunks_are_decoded_a_few_times_at_most() {
    let folder = folder();
    for (chunks, length) in [([1u64, 5000], 20_000u64), ([4, 1000], 20_000), ([20, 37], 5000)] {
        let shape = [20, length];
        let name = format!("few{}", chunks[1]);
        let x = open(folder.path(), &name, &shape, Some(&chunks), Some(1));
        let n = common::chunks_of(&shape, &chunks);
        let flat = open(folder.path(), &format!("flat{}", chunks[1]), &[20 * length], Some(&[3000]), Some(1));
        let reshaped = flat.reshape(&[20, length as i64]);
        let cases = [("kept", x, n), ("reshaped", reshaped, common::chunks_of(&[20 * length], &[3000]))];
        for (kind, x, n) in cases {
            let target = x.std_with(Over::axis(0));
            let plan = session(1, 1, 1 << 20).plan(&[&target]).unwrap();
            let e = session(1, 1, 1 << 20).bind(&plan).unwrap_err();
            let tight = session(1, named(&e, kind), 1 << 20);
            let bound = tight.bind(&plan).unwrap();
            let r = tight.run_plan(&plan).unwrap().report;
            let (predicted, _) = bound.decoded_bytes();
            let explained = bound.explain(&plan);
            assert!(r.bytes_decoded <= predicted, "{kind} {chunks:?}: {r:?}\n{explained}");
            // A window or a block may cross into a chunk at either end.
            let most = n * (CUTS + 2);
            assert!(r.chunks_decoded <= most, "{kind} {chunks:?}: {} of {n}\n{explained}", r.chunks_decoded);
        }
    }
}

/// What a range of tasks gathers is held as a whole, and a refusal of it names what that takes.
#[test]
fn ranges_of_tasks_are_refused_once() {
    let folder = folder();
    let x = open(folder.path(), "tiles", &[60, 500], Some(&[16, 64]), Some(1));
    let targets: [Box<dyn Target>; 3] =
        [Box::new(&x * 2.0), Box::new(x.std_with(Over::axis(0))), Box::new(x.std_with(Over::axis(1)))];
    let (none, mut refused) = (Default::default(), 0);
    for target in &targets {
        let plan = session(1, 1, 1 << 11).plan(&[target.as_ref()]).unwrap();
        let smallest = named(&session(1, 1, 1 << 11).bind(&plan).unwrap_err(), "bound");
        let tasks = plan.stages()[0].grid.blocks();
        for (threads, end) in [(1, 1), (1, tasks / 2), (1, tasks), (3, tasks)] {
            let run = |memory: u64| session(threads, memory, 1 << 11).run_tasks(&plan, 0, 0..end, &none);
            let Err(e) = run(smallest) else { continue };
            let needed = e.needed().unwrap_or_else(|| panic!("{e}"));
            assert!(e.kind() == ErrorKind::Budget && needed > smallest, "{e}");
            assert_eq!(run(needed - 1).map(drop).unwrap_err().needed(), Some(needed));
            let peak = run(needed).unwrap().report.peak_host_bytes;
            assert!(peak <= needed, "{peak} of {needed}");
            refused += 1;
        }
    }
    assert!(refused > 3, "{refused}");
}

/// A range that finishes the tiles of its tasks holds what they became, not their states.
#[test]
fn a_range_holds_what_it_has_finished() {
    let folder = folder();
    let shape = [20_000, 8];
    let x = open(folder.path(), "tiles", &shape, Some(&[64, 4]), None);
    let plan = session(1, 1, 1 << 11).plan(&[&x.std_with(Over::axis(1))]).unwrap();
    let stage = &plan.stages()[0];
    assert!(stage.grid.counts()[1] > 1, "{:?}", stage.grid);
    let states = stage.outputs[0].fold.bytes(&shape).state;
    for threads in [1, 3] {
        let few = session(threads, states / 4, 1 << 11);
        let partial = few.run_tasks(&plan, 0, 0..stage.grid.blocks(), &Default::default()).unwrap();
        let peak = partial.report.peak_host_bytes;
        assert!(peak >= shape[0] * 8 && peak <= states / 4, "{peak}, states are {states}");
    }
}

/// One refusal names what all datasets of a file need, chunks on their way included.
#[test]
fn stores_are_refused_once() {
    let folder = folder();
    let x = open(folder.path(), "tiles", &[60, 500], Some(&[16, 64]), Some(1));
    let y = open(folder.path(), "other", &[60, 500], Some(&[7, 500]), Some(1));
    let normal = (&x - x.mean_with(Over::axis(0))) / x.std_with(Over::axis(0));
    let datasets: [&[(&str, &Array)]; 4] = [
        &[("a", &x)],
        &[("a", &normal)],
        &[("a", &(&x + &y)), ("b", &normal), ("c", &x.matmul(&y.t()))],
        &[("a", &x.reshape(&[30, 1000])), ("b", &y.t())],
    ];
    for (n, datasets) in datasets.iter().enumerate() {
        for chunks in [None, Some(5u64)] {
            let options = match chunks {
                Some(edge) => StoreOptions::new().chunks(&[edge, edge]).deflate(1),
                None => StoreOptions::new(),
            };
            for threads in [1, 3] {
                let case = format!("{n}, chunks {chunks:?}, {threads} threads");
                let path = folder.path().join("out.h5");
                let store = |memory| session(threads, memory, 1 << 12).store(&path, datasets, &options);
                let needed = named(&store(1).unwrap_err(), &case);
                assert_eq!(named(&store(needed - 1).unwrap_err(), &case), needed, "{case}");
                let report = store(needed).unwrap_or_else(|e| panic!("{case}: {e}"));
                assert!(report.peak_host_bytes <= needed, "{case}: {report:?}");
            }
        }
    }
}

/// A chunk that a block takes as a whole is decoded where it is staged: beside it there is room for what is stored, and
/// between the filters, and no more. A stage that wants parts of chunks has room for a decoded one too.
#[test]
fn a_chunk_that_is_wanted_as_a_whole_is_held_once() {
    let folder = folder();
    let chunk = 200_000u64;
    let bytes = 8 * chunk;
    let x = open(folder.path(), "long rows", &[12, chunk], Some(&[1, chunk]), Some(1));
    let least = |target: &Array, what: &str| {
        let s = session(1, 1, bytes);
        let needed = named(&s.compute(target).map(|_| ()).unwrap_err(), what);
        let s = session(1, needed, bytes);
        let outcome = s.run(&[target]).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(outcome.report.peak_host_bytes <= needed, "{what}");
        needed
    };
    // The chunk as it is stored, at most an eighth longer, between two filters, and decoded.
    let whole = least(&x.sum(), "sum");
    assert!(whole > 3 * bytes && whole < 3 * bytes + bytes / 4 + (300 << 10), "{whole} of {bytes}");
    // Every other element is a part of it.
    let part = least(&x.index([Index::ALL, Index::ALL.step(2)]).sum(), "a part");
    assert!(part > whole, "{part} of {bytes}");
}
