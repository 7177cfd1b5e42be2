//! Values that do not fit go to temporary stores: the bits are those of a comfortable budget, as much is written and
//! read back as was planned, the smallest budget that a refusal names works at once, and nothing is left behind.

mod common;

use chunkwise::{Array, DType, Error, ErrorKind, Index, Over, PlanOptions, Session, SessionBuilder, Target};
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
                // Where windows do without, they may come to chunks so often that it is spilled none the less.
                assert!(memory == held || !spilled.is_empty(), "{case} in {memory}");
                assert_eq!(explained.matches("\nspills value").count(), spilled.len(), "{explained}");
                let sum = |of: fn(&chunkwise::plan::Spilled) -> u64| spilled.iter().map(of).sum::<u64>();
                assert_eq!(r.bytes_spilled, sum(|s| s.written), "{case} in {memory}\n{explained}");
                let read = sum(|s| s.read);
                if spilled.iter().all(|s| s.exact) {
                    assert_eq!(r.bytes_read_back, read, "{case} in {memory}\n{explained}");
                    exact += u64::from(read > 0);
                } else {
                    let back = r.bytes_read_back;
                    assert!(
                        back <= 2 * read && read <= 2 * back,
                        "{case} in {memory}: {back} of about {read}"
                    );
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

/// A running sum that is read again, of 4 MB.
fn large(rows: u64) -> Array {
    let running = Array::random(&[rows, 1000], 3, DType::F64).cumsum_with(over(0));
    (&running - running.mean_with(over(1)).expand_dims(1)).std()
}

#[test]
fn more_than_the_limit_is_refused_before_the_run() {
    let spill = folder();
    let x = large(500);
    let budget = 1 << 20;
    let tight = |bytes| builder(2, budget, 1 << 16).spill(spill.path()).spill_bytes(bytes).build().unwrap();
    assert_eq!(tight(4_000_000).run(&[&x]).unwrap().report.bytes_spilled, 4_000_000);
    let e = tight(3_999_999).run(&[&x]).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Budget);
    let needed = e.needed().unwrap();
    for part in ["spill 4000000 bytes", "the limit is 3999999 bytes", "--spill", &format!("{needed} bytes")] {
        assert!(e.to_string().contains(part), "{e}");
    }
    let roomy = builder(2, needed, 1 << 16).spill(spill.path()).spill_bytes(0).build().unwrap();
    assert_eq!(roomy.run(&[&x]).unwrap().report.bytes_spilled, 0);
    // A refusal names what works within the limit.
    let e =
        builder(2, 1000, 1 << 16).spill(spill.path()).spill_bytes(0).build().unwrap().run(&[&x]).unwrap_err();
    assert_eq!(e.needed(), Some(needed), "{e}");
    let e = builder(2, budget, 1 << 16).no_spill().build().unwrap().run(&[&x]).unwrap_err();
    assert_eq!(e.needed(), Some(needed), "{e}");
}

#[test]
fn a_folder_that_is_named_must_be_one() {
    let here = folder();
    let file = here.path().join("file");
    std::fs::write(&file, "").unwrap();
    let build = |path: &Path| Session::builder().spill(path).build().map(drop);
    build(here.path()).unwrap();
    let e = build(&here.path().join("none")).unwrap_err();
    assert!(e.kind() == ErrorKind::NotFound && e.to_string().contains("none"), "{e}");
    let e = build(&file).unwrap_err();
    assert!(e.kind() == ErrorKind::Value && e.to_string().contains("not a folder"), "{e}");
    // Nobody can make a file there, not even root.
    #[cfg(target_os = "linux")]
    {
        let e = build(Path::new("/proc/self")).unwrap_err();
        assert!(e.kind() == ErrorKind::Io && e.to_string().contains("cannot be written"), "{e}");
    }
}

#[test]
fn a_run_that_is_stopped_or_fails_frees_its_stores() {
    let spill = folder();
    let cancel = chunkwise::Cancel::new();
    let stop = cancel.clone();
    let seen = move |p: chunkwise::Progress| {
        if p.stage == 1 {
            stop.cancel();
        }
    };
    let build = || builder(2, 1 << 20, 1 << 16).spill(spill.path());
    let e = build().cancel(&cancel).on_progress(seen).build().unwrap().run(&[&large(500)]).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Cancelled);
    assert_eq!(entries(spill.path()), 0);
    // No descriptor of a store is left.
    #[cfg(target_os = "linux")]
    {
        let name = spill.path().to_string_lossy().into_owned();
        let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let to = open.filter_map(|f| Some(std::fs::read_link(f.path()).ok()?.to_string_lossy().into_owned()));
        assert_eq!(to.filter(|to| to.starts_with(&name)).count(), 0);
    }
}

#[test]
fn arrays_larger_than_the_budget_are_persisted_on_disk() {
    let (data, spill) = (folder(), folder());
    let x = open(data.path(), "many rows", &[900, 400], Some(&[1, 400]), Some(1));
    let roomy = builder(2, 1 << 30, 1 << 13).no_spill().build().unwrap();
    let tight = session(2, 2_500_000, 1 << 13, spill.path());
    let made: [Array; 4] =
        [&x * 2.0, x.cumsum_with(over(1)), x.t().cumsum_with(over(1)), x.sqrt().reshape(&[1800, 200])];
    for (n, array) in made.iter().enumerate() {
        assert!(tight.compute(array).unwrap_err().needed().unwrap() >= 2_880_000);
        let kept = tight.persist(array).unwrap_or_else(|e| panic!("{n}: {e}"));
        assert_eq!(kept.shape().unwrap(), array.shape().unwrap());
        let all = |a: &Array| exact_text(&roomy.run(&[a]).unwrap().values[0]);
        assert!(all(&kept) == all(array), "{n}");
        for (k, of) in
            [kept.std(), kept.t().sum_with(over(0)), kept.cumsum_with(over(0)).max()].iter().enumerate()
        {
            let from = [array.std(), array.t().sum_with(over(0)), array.cumsum_with(over(0)).max()];
            let outcome = tight.run(&[of]).unwrap_or_else(|e| panic!("{n} {k}: {e}"));
            assert_eq!(exact_text(&outcome.values[0]), all(&from[k]), "{n} {k}");
            assert!(outcome.report.peak_host_bytes <= 2_500_000);
        }
        // Two handles of one array are one source; a plan with it stays here.
        let plan = tight.plan(&[&(&kept + &kept.clone()).sum()]).unwrap();
        assert_eq!(plan.sources().len(), 1);
        assert!(plan.to_json().unwrap_err().to_string().contains("only this process has"));
    }
    // What fits stays in memory.
    let small = tight.persist(&x.sum_with(over(0))).unwrap();
    assert_eq!(tight.run(&[&small.sum()]).unwrap().report.bytes_read_back, 0);
    let e = builder(2, 2_500_000, 1 << 13).no_spill().build().unwrap().persist(&made[0]).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Budget);
}

#[test]
fn blocks_and_stores_of_what_is_spilled() {
    let (data, spill) = (folder(), folder());
    let x = open(data.path(), "many rows", &[900, 400], Some(&[1, 400]), Some(1));
    let running = x.cumsum_with(over(0));
    let y = &running - running.mean_with(over(1)).expand_dims(1);
    let roomy = builder(2, 1 << 30, 1 << 13).no_spill().build().unwrap();
    let right = roomy.compute(&y).unwrap();
    for threads in [1, 3] {
        let tight = session(threads, 1_500_000, 1 << 13, spill.path());
        let path = data.path().join(format!("out{threads}.h5"));
        let report = tight.store(&path, &[("y", &y)], &Default::default()).unwrap();
        assert!(report.bytes_spilled == 2_880_000 && report.peak_host_bytes <= 1_500_000, "{report:?}");
        let stored = roomy.compute(&Array::open(&path, "y").unwrap()).unwrap();
        assert!(common::canonical(&stored) == common::canonical(&right));
        let mut blocks = tight.blocks(&y, chunkwise::BlockOrder::Spatial).unwrap();
        let mut seen = 0;
        for block in blocks.by_ref() {
            let (region, part) = block.unwrap();
            let all: &[f64] = right.as_slice().unwrap();
            for (i, v) in part.as_slice::<f64>().unwrap().iter().enumerate() {
                let at = chunkwise::grid::unravel(i as u64, &region.shape);
                let place = (region.start[0] + at[0]) * 400 + region.start[1] + at[1];
                assert_eq!(v.to_bits(), all[place as usize].to_bits());
                seen += 1;
            }
        }
        assert_eq!(seen, right.as_slice::<f64>().unwrap().len());
        assert_eq!(blocks.report().bytes_spilled, 2_880_000);
        let mut out = ndarray::Array2::<f64>::zeros((900, 400));
        tight.compute_into(&y, out.view_mut()).unwrap();
        assert!(out.iter().zip(right.as_slice::<f64>().unwrap()).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
    assert_eq!(entries(spill.path()), 0);
}

/// Hundreds of values that are all there until the last stage.
#[test]
fn plans_of_many_stages_spill_as_many_values_as_they_must() {
    let spill = folder();
    let mut last = Array::random(&[100, 100], 9, DType::F64);
    let mut sum = last.clone();
    for _ in 0..300 {
        last = (&last * 0.5).cumsum_with(over(0));
        sum = sum + &last;
    }
    let target = sum.sum_with(over(0));
    let roomy = builder(2, 1 << 30, 1 << 13).no_spill().build().unwrap();
    let right = exact_text(&roomy.run(&[&target]).unwrap().values[0]);
    let of = |memory| session(2, memory, 1 << 16, spill.path());
    let needed = named(&of(1).run(&[&target]).unwrap_err(), "many stages");
    for (memory, least, most) in [(needed, 270, 300), (needed + 12_000_000, 100, 200), (1 << 26, 0, 0)] {
        let outcome = of(memory).run(&[&target]).unwrap();
        let (r, values) = (&outcome.report, outcome.report.bytes_spilled / 80_000);
        println!("{values} values spilled in {memory} bytes");
        assert_eq!(exact_text(&outcome.values[0]), right);
        assert!((least..=most).contains(&values) && r.peak_host_bytes <= memory, "{r:?}");
    }
    assert_eq!(entries(spill.path()), 0);
}

/// Products that are needed again are spilled rather than computed again.
#[test]
fn dear_products_are_spilled() {
    let spill = folder();
    let of = |seed| Array::random(&[600, 600], seed, DType::F64);
    let chain = of(1).matmul(&of(2)).matmul(&of(3)).std();
    // Little more than products take by themselves.
    let budget = 5_700_000;
    let build = |spilled: bool| {
        let builder = builder(2, budget, 1 << 16);
        if spilled { builder.spill(spill.path()) } else { builder.no_spill() }.build().unwrap()
    };
    let (with, without) = (build(true).run(&[&chain]), build(false).run(&[&chain]));
    let (with, without) = (with.unwrap(), without.unwrap());
    assert_eq!(exact_text(&with.values[0]), exact_text(&without.values[0]));
    assert_eq!((with.report.bytes_spilled, without.report.bytes_spilled), (600 * 600 * 8, 0));
    // A plan for pieces is one that runs without stores.
    let plan = build(true).plan(&[&chain]).unwrap();
    build(false).bind(&plan).unwrap();
    let shallow = of(1).index([Index::ALL, Index::from(0..100)]).matmul(&of(2).index([Index::from(0..100)]));
    assert_eq!(build(true).run(&[&shallow.matmul(&of(3)).std()]).unwrap().report.bytes_spilled, 0);
}

/// Where blocks do not follow the chunks, each chunk is decoded once into a store.
#[test]
fn what_would_be_decoded_again_and_again_is_spilled() {
    let (data, spill) = (folder(), folder());
    let x = open(data.path(), "flat", &[1_000_000], Some(&[5000]), Some(1));
    let targets: [Array; 3] = [
        x.reshape(&[1000, 1000]).sum_with(over(0)),
        x.sqrt().reshape(&[40, 25_000]).std_with(over(0)),
        x.reshape(&[1000, 1000]).t().cumsum_with(over(1)).max_with(over(1)),
    ];
    let roomy = builder(2, 1 << 30, 1 << 16).no_spill().build().unwrap();
    let mut spilled = 0;
    for (n, target) in targets.iter().enumerate() {
        let right = roomy.run(&[target]).unwrap();
        let held =
            builder(2, 1, 1 << 16).no_spill().build().unwrap().run(&[target]).unwrap_err().needed().unwrap();
        let needed = session(2, 1, 1 << 16, spill.path()).run(&[target]).unwrap_err().needed().unwrap();
        assert!(needed <= held, "{n}: {needed} of {held}");
        for memory in [needed, held, held + (64 << 10), 1 << 24] {
            let tight = session(2, memory, 1 << 16, spill.path());
            let run = tight.run(&[target]).unwrap();
            assert_eq!(exact_text(&run.values[0]), exact_text(&right.values[0]), "{n} in {memory}");
            let r = &run.report;
            assert!(r.peak_host_bytes <= memory);
            assert!(r.chunks_decoded <= 200 * 4, "{n} in {memory}: {}", r.chunks_decoded);
            let plain = builder(2, memory, 1 << 16).no_spill().build().unwrap().run(&[target]);
            if let Ok(plain) = plain {
                assert!(r.chunks_decoded <= plain.report.chunks_decoded, "{n} in {memory}");
            }
            if r.bytes_spilled > 0 && r.bytes_spilled == 8_000_000 && r.chunks_decoded == 200 {
                spilled += 1;
            }
        }
    }
    assert!(spilled > 0);
}
