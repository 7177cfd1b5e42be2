//! Values that do not fit go to temporary stores: the bits are those of a comfortable budget, as much is written and
//! read back as was planned, the smallest budget that a refusal names works at once, and nothing is left behind.

mod common;

use chunkwise::{Array, DType, Error, ErrorKind, Over, PlanOptions, Session, SessionBuilder, Target};
use common::{dataset, elements, exact_text, folder, to_bytes, write_file};
use std::path::Path;

fn builder(threads: usize, memory: u64, block: u64) -> SessionBuilder {
    let options = PlanOptions::new().block_bytes(block);
    let builder = Session::builder().device(common::device()).plan_options(options);
    builder.threads(threads).memory_bytes(memory)
}

fn session(threads: usize, memory: u64, block: u64, folder: &Path) -> Session {
    builder(threads, memory, block).spill(folder).build().unwrap()
}

/// A dataset, written once.
fn open(folder: &Path, name: &str, shape: &[u64], chunks: Option<&[u64]>, deflate: Option<u8>) -> Array {
    let path = folder.join(format!("{name}.h5"));
    if !path.exists() {
        let data = to_bytes(&elements(DType::F64, shape.iter().product(), name.len() as u64, "small"));
        write_file(&path, &[(dataset("x", shape, DType::F64, chunks, deflate), &data)]);
    }
    Array::open(path, "x").unwrap()
}

type Targets = Vec<Box<dyn Target>>;

fn over(axis: i64) -> Over {
    Over::axis(axis)
}

/// Computations with large intermediates, each with a name.
fn cases(folder: &Path) -> Vec<(&'static str, Targets)> {
    let x = open(folder, "rows", &[300, 400], Some(&[1, 400]), Some(1));
    let y = open(folder, "tiles", &[300, 400], Some(&[32, 64]), None);
    let z = open(folder, "columns", &[400, 300], Some(&[400, 7]), Some(1));
    let deep = open(folder, "deep", &[40, 50, 60], Some(&[8, 25, 60]), Some(1));
    let running = x.cumsum_with(over(0));
    let mut out: Vec<(&'static str, Targets)> = Vec::new();
    let mut add = |name, targets| out.push((name, targets));
    add(
        "a running sum that is read again",
        vec![Box::new((&running - running.mean_with(over(1)).expand_dims(1)).std())],
    );
    add(
        "a running sum of a running sum",
        vec![Box::new(x.cumsum_with(over(1)).cumsum_with(over(0)).std_with(over(0)))],
    );
    add("a running sum, transposed", vec![Box::new(running.t().cumsum_with(over(0)).max_with(over(1)))]);
    add(
        "a running sum and what is under it",
        vec![Box::new((&y.cumsum_with(over(1)) * &x).sum_with(over(0)))],
    );
    add(
        "a running sum, reversed and in steps",
        vec![{
            use chunkwise::Index;
            let picked = running.index([Index::from(..).step(-3), Index::from(5..395)]);
            Box::new(picked.cumsum_with(over(1)).sum())
        }],
    );
    let means = deep.mean_with(over(0));
    add(
        "reductions that keep axes",
        vec![Box::new((&deep - &means).square().sum()), Box::new((&deep / (&means + 1.0)).max_with(over(2)))],
    );
    add("a product of a product", vec![Box::new(x.matmul(&z).cumsum_with(over(0)).matmul(&y).std())]);
    add(
        "several at once",
        vec![
            Box::new(running.std()),
            Box::new((&running * &running.cumsum_with(over(1))).sum_with(over(0))),
            Box::new(x.max()),
        ],
    );
    add("reshaped", vec![Box::new(running.reshape(&[400, 300]).cumsum_with(over(1)).sum_with(over(0)))]);
    add(
        "repeated",
        vec![{
            let row = deep.sum_with(over(2)).cumsum_with(over(1));
            Box::new((deep.cumsum_with(over(2)) * row.expand_dims(2)).std_with(over(1)))
        }],
    );
    out
}

/// What a refusal names, as data and in words.
fn named(e: &Error, case: &str) -> u64 {
    assert_eq!(e.kind(), ErrorKind::Budget, "{case}: {e}");
    let needed = e.needed().unwrap_or_else(|| panic!("{case}: {e}"));
    let said = format!("the smallest budget that works is {needed} bytes");
    assert!(e.to_string().contains(&said), "{case}: {e}");
    needed
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn what_does_not_fit_is_spilled_as_planned_and_the_bits_are_the_same() {
    let (data, spill) = (folder(), folder());
    let (mut exact, mut all, mut smaller) = (0, 0, 0);
    for (name, targets) in cases(data.path()) {
        let targets: Vec<&dyn Target> = targets.iter().map(|t| t.as_ref()).collect();
        let roomy = builder(2, 1 << 30, 1 << 13).no_spill().build().unwrap();
        let right: Vec<String> = roomy.run(&targets).unwrap().values.iter().map(exact_text).collect();
        for (block, threads) in [(1 << 13, 1), (1 << 13, 3), (1 << 16, 2)] {
            let case = format!("{name}, {threads} threads, blocks of {block}");
            let of = |memory| session(threads, memory, block, spill.path());
            let plan = of(1).plan(&targets).unwrap();
            let held = builder(threads, 1, block).no_spill().build().unwrap().bind(&plan).unwrap_err();
            let (held, needed) = (named(&held, &case), named(&of(1).bind(&plan).unwrap_err(), &case));
            assert!(needed <= held, "{case}: {needed} of {held}");
            smaller += u64::from(needed < held);
            for memory in [needed, needed + (held - needed) / 3, held] {
                let session = of(memory);
                let bound = session.bind(&plan).unwrap_or_else(|e| panic!("{case} in {memory}: {e}"));
                let outcome = session.run_plan(&plan).unwrap_or_else(|e| panic!("{case} in {memory}: {e}"));
                let values: Vec<String> = outcome.values.iter().map(exact_text).collect();
                assert!(values == right, "{case} in {memory}");
                let r = &outcome.report;
                let explained = bound.explain(&plan);
                assert!(
                    r.peak_host_bytes <= bound.peak_bytes && bound.peak_bytes <= memory,
                    "{case} in {memory}: {r:?}\n{explained}"
                );
                let spilled = bound.spill.as_ref().map_or(&[][..], |s| &s.values);
                assert_eq!(spilled.is_empty(), memory == held, "{case} in {memory}");
                assert_eq!(explained.matches("\nspills value").count(), spilled.len(), "{explained}");
                let sum = |of: fn(&chunkwise::plan::Spilled) -> u64| spilled.iter().map(of).sum::<u64>();
                assert_eq!(r.bytes_spilled, sum(|s| s.written), "{case} in {memory}\n{explained}");
                let read = sum(|s| s.read);
                if spilled.iter().all(|s| s.exact) {
                    assert_eq!(r.bytes_read_back, read, "{case} in {memory}\n{explained}");
                    exact += u64::from(read > 0);
                } else {
                    println!("{case} in {memory}: {} of about {read}", r.bytes_read_back);
                }
                all += u64::from(read > 0);
            }
            for less in [needed - 1, needed / 2] {
                assert_eq!(named(&of(less).bind(&plan).unwrap_err(), &case), needed, "{case} in {less}");
            }
        }
    }
    println!("{all} runs spilled, {exact} of them exactly as planned; {smaller} plans do with less");
    assert!(all > 30 && exact > all / 2 && smaller > 20, "{all} {exact} {smaller}");
    assert_eq!(entries(spill.path()), 0);
}
