//! Partials merged as lists, as trees and one at a time: the bits and notes of one run, within a budget, or an error.

mod common;

use chunkwise::{
    Array, BinAxis, Binned, DType, Error, ErrorKind, Gathered, Labels, Over, Plan, PlanOptions,
    QuantileMethod, Reduction, Result, Session, StagePartial, StateBytes, Target, Values,
};
use common::{dataset, elements, exact_text, folder, to_bytes, write_file};
use ndarray::{Array1, Array2};
use std::path::{Path, PathBuf};

const SHAPE: [u64; 2] = [60, 44];

/// What is done to some bytes.
type Change<'a> = &'a dyn Fn(&mut Vec<u8>);

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 16) % n.max(1)
    }

    fn shuffle<T>(&mut self, of: &mut [T]) {
        (1..of.len()).for_each(|i| of.swap(i, self.below(i as u64 + 1) as usize));
    }
}

fn session(threads: usize, memory: u64) -> Session {
    let options = PlanOptions::new().block_bytes(1 << 10);
    let builder = Session::builder().device(common::device()).threads(threads).memory_bytes(memory);
    builder.plan_options(options).build().unwrap()
}

fn write(folder: &Path) -> PathBuf {
    let path = folder.join("data.h5");
    let len = SHAPE.iter().product();
    let data = |dtype, seed, mode| to_bytes(&elements(dtype, len, seed, mode));
    write_file(
        &path,
        &[
            (dataset("wide", &SHAPE, DType::F64, Some(&[7, 11]), Some(1)), &data(DType::F64, 1, "wide")),
            (dataset("nan", &SHAPE, DType::F32, Some(&[7, 11]), None), &data(DType::F32, 2, "nan")),
            (dataset("i", &SHAPE, DType::I16, Some(&[7, 11]), None), &data(DType::I16, 4, "wide")),
        ],
    );
    path
}

fn targets(path: &Path) -> Vec<Box<dyn Target>> {
    let open = |name: &str| Array::open(path, name).unwrap();
    let (wide, nan, i) = (open("wide"), open("nan"), open("i"));
    let labels = Array::from_ndarray(Array1::from_iter((0..SHAPE[1] as i64).map(|k| k % 5)));
    let expected = Labels::integers(&[3, 0, 9, 1]).unwrap();
    let group = |x: &Array, what, over| x.groupby_reduce(&labels, &expected, what, over);
    let none = nan.less(f64::NEG_INFINITY);
    vec![
        Box::new(wide.sum()),
        Box::new(wide.var_with(Over::axis(0))),
        Box::new(wide.std_with(Over::axis(1))),
        Box::new(nan.nanargmax()),
        Box::new(nan.nanmin_with(Over::axis(1))),
        Box::new(i.cast(DType::F64).prod_with(Over::axis(0))),
        Box::new(nan.mean_with(Over::axis(1).mask(&none))),
        Box::new(group(&wide, Reduction::Mean, Over::axis(1))),
        Box::new(group(&wide, Reduction::Max, Over::all())),
        Box::new(nan.topk(3, 0)),
        Box::new(nan.argtopk(2, 1)),
        Box::new(nan.nanmedian_with(Over::axis(0))),
        Box::new(wide.quantile_with([0.1, 0.5], QuantileMethod::Hazen, Over::axis(1))),
        Box::new(i.percentile(5.0)),
        Box::new(i.histogram(BinAxis::Edges(vec![-40000.0, -1000.0, 0.0, 10.0, 30000.0])).weights(&wide)),
        Box::new(Binned::new([
            (&nan, BinAxis::Uniform { bins: 7, low: -2.0, high: 2.0 }),
            (&i, BinAxis::Uniform { bins: 3, low: -9.0, high: 9.0 }),
        ])),
        Box::new(&i * 2 + 1),
        Box::new(wide.less(&nan)),
        Box::new(i.floor_divide(0)),
        // More stages.
        Box::new(wide.histogram(BinAxis::Auto(5))),
        Box::new((&nan - nan.nanmean()).nanstd_with(Over::axis(0))),
    ]
}

fn sent(partial: StagePartial, how: u64) -> StagePartial {
    match how {
        0 => serde_json::from_str(&serde_json::to_string(&partial).unwrap()).unwrap(),
        1 => postcard::from_bytes(&postcard::to_stdvec(&partial).unwrap()).unwrap(),
        _ => partial,
    }
}

fn sorted(notes: &[String]) -> Vec<String> {
    let mut notes = notes.to_vec();
    notes.sort();
    notes
}

/// Ranges that cover `0..n` once, some of them empty, in any order.
fn ranges(rng: &mut Rng, n: u64) -> Vec<(u64, u64)> {
    let mut cuts: Vec<u64> = (0..rng.below(12)).map(|_| rng.below(n + 1)).chain([0, n]).collect();
    cuts.sort();
    let mut out: Vec<_> = cuts.windows(2).map(|w| (w[0], w[1])).collect();
    rng.shuffle(&mut out);
    out
}

#[test]
fn any_tree_of_merges_gives_the_bits_and_notes_of_one_run() {
    let folder = folder();
    let path = write(folder.path());
    let targets = targets(&path);
    let list: Vec<&dyn Target> = targets.iter().map(|t| t.as_ref()).collect();
    let plan = session(2, 64 << 20).plan(&list).unwrap();
    let one = session(2, 64 << 20).run_plan(&plan).unwrap();
    let right: Vec<String> = one.values.iter().map(exact_text).collect();
    assert!(one.report.notes.len() >= 4, "{:?}", one.report.notes);
    let (mut rng, mut merges) = (Rng(3), 0);
    for case in 0..12 {
        let (mut values, mut notes, mut fallbacks) = (Values::new(), Vec::new(), Vec::new());
        for (n, stage) in plan.stages().iter().enumerate() {
            let worker = session(1 + rng.below(3) as usize, 64 << 20);
            let run = |(a, b): (u64, u64)| worker.run_tasks(&plan, n, a..b, &values).unwrap();
            let mut partials: Vec<StagePartial> =
                ranges(&mut rng, stage.grid.blocks()).into_iter().map(run).collect();
            for _ in 0..rng.below(8) {
                rng.shuffle(&mut partials);
                let some = partials.split_off(partials.len() - rng.below(partials.len() as u64 + 1) as usize);
                let some: Vec<_> = some.into_iter().map(|p| sent(p, rng.below(3))).collect();
                partials.push(worker.combine_tasks(&plan, n, some, &values).unwrap());
                merges += 1;
            }
            rng.shuffle(&mut partials);
            let partials: Vec<_> = partials.into_iter().map(|p| sent(p, rng.below(3))).collect();
            let merged = worker.merge_tasks(&plan, n, partials, &values).unwrap();
            notes.extend(merged.report.notes.iter().cloned());
            fallbacks.extend(merged.report.fallbacks.iter().cloned());
            values = merged.values;
        }
        let got: Vec<String> = plan.results().iter().map(|r| exact_text(&values[r])).collect();
        assert_eq!(got, right, "{case}");
        notes.sort();
        notes.dedup();
        assert_eq!(notes, sorted(&one.report.notes), "{case}");
        assert_eq!(fallbacks, one.report.fallbacks, "{case}");
    }
    println!("{merges} merges of {} targets", right.len());
}

/// Which output of its stage makes a result.
fn output_of(plan: &Plan, result: usize) -> usize {
    let makes = |s: &chunkwise::plan::Stage| s.outputs.iter().position(|o| o.value == plan.results()[result]);
    plan.stages().iter().find_map(makes).unwrap()
}

/// Tiles that have all of their tasks travel as what they have become, whoever put them together.
#[test]
fn tiles_are_finished_where_they_can_be() {
    let x = Array::random(&[40, 30], 1, DType::F64);
    let (s, none) = (session(1, 64 << 20), Values::new());
    let options = PlanOptions::new().block_bytes(10 * 8);
    let s10 = Session::builder().device(common::device()).threads(1).plan_options(options).build().unwrap();
    let bins = BinAxis::Uniform { bins: 4, low: 0.0, high: 1.0 };
    let labels = Array::from_ndarray(Array2::from_shape_fn((40, 30), |(i, _)| i as i32));
    let expected = Labels::range(4).unwrap();
    let group = x.groupby_reduce(&labels, &expected, Reduction::Sum, Over::all());
    let plan = s10.plan(&[&x.sum_with(Over::axis(1)), &x.histogram(bins), &(&x + 1.0), &group]).unwrap();
    let counts = plan.stages()[0].grid.counts();
    let n = plan.tasks();
    assert!(plan.stages().len() == 1 && counts[0] > 1 && counts[1] > 1, "{counts:?}");
    // A row of blocks and a half.
    let (row, cut) = (counts[1], counts[1] + counts[1] / 2);
    let first = s.run_tasks(&plan, 0, 0..cut, &none).unwrap();
    let finished = |p: &StagePartial, o: usize| -> Vec<bool> {
        let tiles = p.outputs[output_of(&plan, o)].tiles.iter();
        tiles.map(|t| matches!(t.holds, Gathered::Finished(_))).collect()
    };
    assert_eq!(first.ranges, [(0, cut)]);
    assert_eq!(finished(&first, 0), [true, false]);
    assert_eq!(finished(&first, 1), [false]);
    assert_eq!(finished(&first, 2), vec![true; cut as usize]);
    let Gathered::Finished(StateBytes(bytes)) = &first.outputs[output_of(&plan, 0)].tiles[0].holds else {
        panic!()
    };
    assert_eq!(bytes.len() as u64 % 8, 0);
    assert!((bytes.len() as u64) < 40 * 8 && first.outputs[output_of(&plan, 0)].tiles[0].tasks == row);
    // The rest, which has no part of the first tile; then nothing is open, and there is one range.
    let rest = s.run_tasks(&plan, 0, cut..n, &none).unwrap();
    let states = (serde_json::to_string(&first).unwrap().len(), serde_json::to_string(&rest).unwrap().len());
    let all = s.combine_tasks(&plan, 0, vec![rest, first], &none).unwrap();
    assert_eq!(all.ranges, [(0, n)]);
    assert!((0..4).all(|o| finished(&all, o).iter().all(|f| *f)), "{all:?}");
    assert!(serde_json::to_string(&all).unwrap().len() < states.0 + states.1);
    assert!(all.report.notes.iter().any(|n| n.contains("of no group")), "{:?}", all.report);
    let merged = s.merge_tasks(&plan, 0, vec![all], &none).unwrap();
    let one = s.run_plan(&plan).unwrap();
    for (result, value) in plan.results().iter().zip(&one.values) {
        assert_eq!(exact_text(&merged[result]), exact_text(value));
    }
    assert_eq!(sorted(&merged.report.notes), sorted(&one.report.notes));
    // Nothing merged is nothing, and changes nothing.
    let nothing = s.combine_tasks(&plan, 0, Vec::<StagePartial>::new(), &none).unwrap();
    assert!(nothing.ranges.is_empty() && nothing.outputs.iter().all(|o| o.tiles.is_empty()));
}

/// What finishing a tile fails with comes from whoever has the last of its tasks, in the words of a run.
#[test]
fn errors_of_finishing_are_those_of_a_run() {
    let large = Array::from_ndarray(Array2::from_elem((8, 400), i64::MAX / 3));
    let cases: [Box<dyn Target>; 2] = [
        Box::new(large.sum_with(Over::axis(1))),
        Box::new(large.min_with(Over::axis(1).mask(&large.less(0)))),
    ];
    let (s, none) = (session(1, 64 << 20), Values::new());
    for target in &cases {
        let plan = s.plan(&[target.as_ref()]).unwrap();
        let (n, per_tile) = (plan.tasks(), plan.stages()[0].grid.counts()[1]);
        assert!(per_tile > 1 && n > per_tile);
        let right = s.run_plan(&plan).map(drop).unwrap_err();
        let part = |range: std::ops::Range<u64>| s.run_tasks(&plan, 0, range, &none);
        let same = |e: Error| assert_eq!((e.kind(), e.to_string()), (right.kind(), right.to_string()));
        same(part(0..per_tile).map(drop).unwrap_err());
        let parts = || [0..1, 1..per_tile].map(|r| part(r).unwrap()).to_vec();
        same(s.combine_tasks(&plan, 0, parts(), &none).map(drop).unwrap_err());
        same(s.merge_tasks(&plan, 0, parts(), &none).map(drop).unwrap_err());
    }
}

/// A hundred thousand partials, made when they are wanted and in an order full of gaps, through a budget that holds
/// few of them.
#[test]
fn many_partials_pass_through_a_small_budget() {
    let tasks = 100_003u64;
    let x = Array::random(&[tasks, 2], 5, DType::F32);
    let options = PlanOptions::new().block_bytes(8);
    let builder =
        || Session::builder().device(chunkwise::Device::Cpu).threads(1).plan_options(options.clone());
    let worker = builder().memory("64MiB").build().unwrap();
    let bins = BinAxis::Uniform { bins: 3, low: 0.0, high: 1.0 };
    let plan = worker
        .plan(&[&x.var(), &x.max_with(Over::axis(1)), &x.histogram(bins), &x.sum_with(Over::axis(0))])
        .unwrap();
    assert_eq!((plan.stages().len(), plan.tasks()), (1, tasks));
    let none = Values::new();
    let (mut bytes, mut largest) = (0, 0);
    let budget = 900 << 10;
    let merger = builder().memory_bytes(budget).build().unwrap();
    let lazily = (0..tasks).map(|k| {
        let at = k * 40_009 % tasks;
        let partial = worker.run_tasks(&plan, 0, at..at + 1, &none)?;
        let tiles = partial.outputs.iter().flat_map(|o| &o.tiles);
        let held = tiles.map(|t| match &t.holds {
            Gathered::State(b) | Gathered::Finished(b) => b.0.len() as u64,
            _ => 0,
        });
        let held = held.sum::<u64>();
        (bytes, largest) = (bytes + held, held.max(largest));
        Ok(partial)
    });
    let merged = merger.merge_tasks(&plan, 0, lazily, &none).unwrap();
    let peak = merged.report.peak_host_bytes;
    assert!(peak <= budget && bytes > 4 * budget, "{peak} of {bytes}, each up to {largest}");
    let one = worker.run_plan(&plan).unwrap();
    for (result, value) in plan.results().iter().zip(&one.values) {
        assert_eq!(exact_text(&merged[result]), exact_text(value));
    }
    println!("{bytes} bytes of partials, {peak} held");
}

/// A refusal names a budget that does, wherever it comes and whatever is still to come.
#[test]
fn a_budget_that_is_too_small_is_named() {
    let folder = folder();
    let path = write(folder.path());
    let wide = Array::open(&path, "wide").unwrap();
    let i = Array::open(&path, "i").unwrap();
    let labels = Array::arange_int(0, SHAPE[1] as i64, 1);
    let group = wide.groupby_reduce(&labels, &Labels::range(44).unwrap(), Reduction::Var, Over::axis(1));
    let bins = BinAxis::Uniform { bins: 2000, low: -1.0, high: 1.0 };
    let cases: [Vec<Box<dyn Target>>; 4] = [
        vec![Box::new(wide.var_with(Over::axis(0))), Box::new(&wide * 2.0)],
        vec![Box::new(wide.std_with(Over::axis(1))), Box::new(wide.histogram(bins).weights(&i))],
        vec![Box::new(group)],
        vec![Box::new(wide.less(0.0)), Box::new(wide.topk(5, 0))],
    ];
    let (mut rng, mut midway) = (Rng(9), 0);
    for (k, targets) in cases.iter().enumerate() {
        let list: Vec<&dyn Target> = targets.iter().map(|t| t.as_ref()).collect();
        let worker = session(2, 64 << 20);
        let plan = worker.plan(&list).unwrap();
        let mut values = Values::new();
        for (stage, tree) in (0..plan.stages().len()).flat_map(|n| [(n, false), (n, true)]) {
            // Small ones first, the largest at the end.
            let n = plan.stages()[stage].grid.blocks();
            let mut cuts: Vec<u64> = (0..=n / 2).chain([n]).collect();
            cuts.dedup();
            let mut parts: Vec<(u64, u64)> = cuts.windows(2).map(|w| (w[0], w[1])).collect();
            let last = parts.len() - 1;
            rng.shuffle(&mut parts[..last]);
            let parts: Vec<StagePartial> =
                parts.iter().map(|&(a, b)| worker.run_tasks(&plan, stage, a..b, &values).unwrap()).collect();
            let merge = |memory: u64| -> Result<u64> {
                let s = session(1, memory);
                let mut taken = 0;
                let lazily = parts.iter().map(|p| {
                    taken += 1;
                    Ok(p.clone())
                });
                let peak = match tree {
                    true => s.combine_tasks(&plan, stage, lazily, &values).map(|p| p.report.peak_host_bytes),
                    false => s.merge_tasks(&plan, stage, lazily, &values).map(|m| m.report.peak_host_bytes),
                };
                peak.map_err(|e| e.at("taken", taken))
            };
            let least = merge(u64::MAX).unwrap();
            for memory in [1, least / 4, least / 2, least * 9 / 10, least - 1] {
                let e = merge(memory).unwrap_err();
                let case = format!("{k}, tree {tree}, {memory} of {least}: {e}");
                assert_eq!(
                    (e.kind(), e.context("stage")),
                    (ErrorKind::Budget, Some(&*stage.to_string())),
                    "{case}"
                );
                let hint = e.hint_text().unwrap();
                let needed = e.needed().unwrap();
                assert!(hint.contains("combine_tasks") && hint.contains(&needed.to_string()), "{case}");
                let peak = merge(needed).unwrap_or_else(|e| panic!("{case}: {e}"));
                assert!(peak <= needed, "{case}");
                midway += usize::from(e.context("taken").unwrap() != "0");
            }
            // What is named is more than it takes, but twice that does.
            merge(least * 2).unwrap();
            if tree {
                values = worker.merge_tasks(&plan, stage, parts, &values).unwrap().values;
            }
        }
    }
    assert!(midway > 10, "{midway}");
}

/// A plan over several tiles of several tasks, of every kind of what travels.
fn several() -> (Session, Plan, u64) {
    let x = Array::random(&[12, 40], 1, DType::F64);
    let options = PlanOptions::new().block_bytes(10 * 8);
    let s = Session::builder().device(common::device()).threads(1).plan_options(options).build().unwrap();
    let bins = BinAxis::Uniform { bins: 4, low: 0.0, high: 1.0 };
    let plan = s.plan(&[&x.sum_with(Over::axis(1)), &x.less(0.5), &x.histogram(bins).weights(&x)]).unwrap();
    let (counts, n) = (plan.stages()[0].grid.counts(), plan.tasks());
    assert!(plan.stages().len() == 1 && counts[0] > 2 && counts[1] > 1, "{counts:?}");
    (s, plan, n)
}

#[test]
fn partials_that_do_not_fit_together_are_refused() {
    let (s, plan, n) = several();
    let none = Values::new();
    let part = |range: std::ops::Range<u64>| s.run_tasks(&plan, 0, range, &none).unwrap();
    let [sum, less, bins] = [0, 1, 2].map(|result| output_of(&plan, result));
    let row = plan.stages()[0].grid.counts()[1];
    let fails = |parts: Vec<StagePartial>, says: &str| {
        for e in [
            s.combine_tasks(&plan, 0, parts.clone(), &none).map(drop).unwrap_err(),
            s.merge_tasks(&plan, 0, parts, &none).map(drop).unwrap_err(),
        ] {
            assert_eq!((e.kind(), e.context("stage")), (ErrorKind::Value, Some("0")), "{e}");
            assert!(e.to_string().contains(says), "{says}: {e}");
        }
    };
    fails(vec![part(2..n), part(0..3)], "task 2 is in two partials (stage: 0, partial: 1");
    fails(vec![part(0..2), part(4..5), part(1..5)], "task 1 is in two partials");
    // A tree does not hide what its leaves had.
    let inner = s.combine_tasks(&plan, 0, vec![part(5..6), part(0..2)], &none).unwrap();
    assert_eq!(inner.ranges, [(0, 2), (5, 6)]);
    fails(vec![inner.clone(), part(5..n)], "task 5 is in two partials");
    let e = s.merge_tasks(&plan, 0, vec![inner, part(2..5)], &none).map(drop).unwrap_err();
    assert!(e.to_string().contains(&format!("no partial has tasks 6..{n}")), "{e}");

    let lies = |change: &dyn Fn(&mut StagePartial)| {
        let mut partial = part(0..row);
        change(&mut partial);
        vec![partial, part(row..n)]
    };
    fails(lies(&|p| p.ranges = vec![(3, 1)]), "tasks 3..1");
    fails(lies(&|p| p.ranges = vec![(0, u64::MAX)]), "of a stage of");
    fails(lies(&|p| p.ranges = vec![(0, row), (row - 1, row)]), "is in two partials");
    fails(lies(&|p| p.outputs.truncate(1)), "another plan or stage");
    fails(lies(&|p| p.stage = 1), "another plan or stage");
    fails(lies(&|p| p.outputs[sum].tiles.clear()), "lacks the tiles");
    fails(lies(&|p| p.outputs[sum].tiles[0].tasks = 0), "tasks of the tile 0");
    fails(lies(&|p| p.outputs[sum].tiles[0].tasks += 1), "more tasks than it has");
    fails(lies(&|p| p.outputs[sum].tiles[0].tasks -= 1), "lacks tasks");
    fails(lies(&|p| p.outputs[sum].tiles[0].tile = u64::MAX), "has the tile");
    fails(lies(&|p| p.outputs[less].tiles.swap(0, 1)), "out of order");
    fails(lies(&|p| p.outputs[less].tiles[0].tile = n - 1), "other blocks");
    fails(lies(&|p| p.outputs[less].tiles.last_mut().unwrap().tile = n - 1), "other blocks");
    // Another tile than its tasks make: it is finished here, and again by those that have it.
    fails(lies(&|p| p.outputs[sum].tiles[0].tile = 1), "tasks of the tile 1");
    let bytes = |p: &mut StagePartial, o: usize, change: Change| {
        let tile = &mut p.outputs[o].tiles[0];
        match &mut tile.holds {
            Gathered::State(b) | Gathered::Finished(b) => change(&mut b.0),
            _ => panic!(),
        }
    };
    for o in 0..3 {
        fails(lies(&|p| bytes(p, o, &|b| b.clear())), "damaged tile 0");
        fails(lies(&|p| bytes(p, o, &|b| b.truncate(b.len() / 2))), "damaged tile 0");
    }
    fails(lies(&|p| bytes(p, sum, &|b| b.push(0))), "damaged tile 0");
    fails(lies(&|p| bytes(p, less, &|b| b[0] = 2)), "damaged tile 0");
    let whole = s.combine_tasks(&plan, 0, vec![part(0..n)], &none).unwrap();
    let changes: [Change; 3] =
        [&|b: &mut Vec<u8>| b.push(0), &|b: &mut Vec<u8>| b[0] += 1, &|b: &mut Vec<u8>| b.truncate(3)];
    for change in changes {
        let mut damaged = whole.clone();
        bytes(&mut damaged, bins, change);
        fails(vec![damaged], "damaged tile 0");
    }
    s.merge_tasks(&plan, 0, vec![whole], &none).unwrap();

    // What an iterator fails with is what merging fails with.
    let broken = || Error::new(ErrorKind::NotFound, "the third is not there");
    let iter = || [Ok(part(0..1)), Ok(part(1..2)), Err(broken())];
    let e = s.merge_tasks(&plan, 0, iter(), &none).map(drop).unwrap_err();
    assert_eq!((e.kind(), e.message()), (ErrorKind::NotFound, "the third is not there"));
    assert_eq!(s.combine_tasks(&plan, 0, iter(), &none).map(drop).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(s.combine_tasks(&plan, 3, iter(), &none).map(drop).unwrap_err().kind(), ErrorKind::Value);
}

/// Any bytes of a partial changed: an error or an answer, never a panic.
#[test]
fn a_damaged_partial_is_an_error_and_no_panic() {
    let (s, plan, n) = several();
    let none = Values::new();
    let part = |range: std::ops::Range<u64>| s.run_tasks(&plan, 0, range, &none).unwrap();
    let (mut rng, cut) = (Rng(1), n / 2 - 1);
    let (rest, good) = (part(cut..n), postcard::to_stdvec(&part(0..cut)).unwrap());
    let (mut read, mut merged) = (0, 0);
    for _ in 0..3000 {
        let mut bad = good.clone();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(bad.len() as u64) as usize;
            match rng.below(3) {
                0 => bad[at] ^= 1 << rng.below(8),
                1 => bad[at] = [0, 1, 0x7f, 0xff][rng.below(4) as usize],
                _ => bad.truncate(bad.len() - rng.below(4) as usize),
            }
        }
        let Ok(partial) = postcard::from_bytes::<StagePartial>(&bad) else { continue };
        read += 1;
        let whole = s.combine_tasks(&plan, 0, vec![partial.clone()], &none);
        let _ = whole.map(|p| s.merge_tasks(&plan, 0, vec![p, rest.clone()], &none).is_ok());
        merged += usize::from(s.merge_tasks(&plan, 0, vec![rest.clone(), partial], &none).is_ok());
    }
    println!("{read} read, {merged} merged");
    assert!(read > 300 && merged < read, "{read} read, {merged} merged");
}

/// A plan stays bound from one range to the next; a file that changes meanwhile is noticed all the same.
#[test]
fn a_file_that_changed_is_noticed_between_two_ranges() {
    let folder = folder();
    let path = write(folder.path());
    let s = session(1, 64 << 20);
    let plan = s.plan(&[&Array::open(&path, "wide").unwrap().sum()]).unwrap();
    let none = Values::new();
    s.run_tasks(&plan, 0, 0..1, &none).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    write(folder.path());
    let e = s.run_tasks(&plan, 0, 1..2, &none).map(drop).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Changed, "{e}");
    std::fs::remove_file(&path).unwrap();
    assert!(s.run_tasks(&plan, 0, 1..2, &none).is_err());
}

/// Where reductions keep axes that lie behind the reduced ones, tasks are counted tile by tile: ranges of whole tiles send
/// values only, and any other ranges merge all the same.
#[test]
fn tasks_of_one_tile_follow_each_other() {
    let folder = folder();
    let wide = Array::open(write(folder.path()), "wide").unwrap();
    let (s, none) = (session(2, 64 << 20), Values::new());
    let plan = s.plan(&[&wide.var_with(Over::axis(0)), &wide.sum()]).unwrap();
    let (counts, n) = (plan.stages()[0].grid.counts(), plan.tasks());
    assert!(plan.stages().len() == 1 && counts[0] > 2 && counts[1] > 2, "{counts:?}");
    assert_eq!((plan.task_order(0), plan.tasks_together(0)), (&[1, 0][..], counts[0]));
    let right: Vec<String> = s.run_plan(&plan).unwrap().values.iter().map(exact_text).collect();
    let merged = |parts: Vec<StagePartial>| {
        let values = s.merge_tasks(&plan, 0, parts, &none).unwrap();
        assert_eq!(plan.results().iter().map(|r| exact_text(&values[r])).collect::<Vec<_>>(), right);
    };
    let run = |(a, b): (u64, u64)| s.run_tasks(&plan, 0, a..b, &none).unwrap();
    let tiles: Vec<_> = (0..counts[1]).map(|k| run((k * counts[0], (k + 1) * counts[0]))).collect();
    let own = output_of(&plan, 0);
    for part in &tiles {
        assert!(matches!(part.outputs[own].tiles[..], [ref t] if matches!(t.holds, Gathered::Finished(_))));
    }
    merged(tiles);
    let mut rng = Rng(11);
    for _ in 0..20 {
        let mut parts: Vec<_> = ranges(&mut rng, n).into_iter().map(run).collect();
        let some = parts.split_off(rng.below(parts.len() as u64) as usize);
        parts.push(s.combine_tasks(&plan, 0, some, &none).unwrap());
        merged(parts);
    }
    // What carries on, or makes elements, is counted in C order; so is what keeps the first axes.
    for other in
        [&wide.cumsum_with(Over::axis(0)), &(&wide + 1.0), &wide.sum_with(Over::axis(1)), &wide.sum()]
    {
        assert_eq!(s.plan(&[other]).unwrap().task_order(0), [0, 1], "{other}");
    }
    // What is made as it is wanted is cut into tiles.
    let made = Array::random(&[64, 64, 64], 1, DType::F64).mean_with(Over::axis(0));
    let plan = s.plan(&[&made]).unwrap();
    assert!(plan.stages()[0].grid.counts()[1] > 1 && plan.task_order(0) == [1, 2, 0]);
}
