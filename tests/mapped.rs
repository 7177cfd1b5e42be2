//! Functions over blocks: they see exactly the blocks that were named, whatever the budget, the threads and the passes
//! are; what lies around a block against an array with a border; what is an error, and what travels.

mod common;

use chunkwise::grid::{Region, unravel};
use chunkwise::unstable::register_block_function;
use chunkwise::{
    Array, BlockFunction, Boundary, DType, ErrorKind, Index, MappedBlock, Over, Plan, Result, Scalar, Session,
};
use common::{dataset, elements, folder, session, to_bytes, write_file};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Every block of an array that is cut so.
fn blocks(shape: &[u64], cut: &[u64]) -> Vec<Region> {
    let counts: Vec<u64> = shape.iter().zip(cut).map(|(n, c)| n.div_ceil(*c)).collect();
    let region = |i| {
        let at = unravel(i, &counts);
        let start = at.iter().zip(cut).map(|(k, c)| k * c);
        let len = at.iter().zip(cut).zip(shape).map(|((k, c), n)| (n - k * c).min(*c));
        Region { start: start.collect(), shape: len.collect() }
    };
    (0..counts.iter().product()).map(region).collect()
}

type Seen = Arc<Mutex<Vec<Region>>>;

/// The elements of a block less its first one; and the blocks that it was called with.
fn from_first() -> (BlockFunction, Seen) {
    let seen = Seen::default();
    let mine = seen.clone();
    let function = BlockFunction::new("from_first", move |block: &mut MappedBlock| {
        mine.lock().unwrap().push(block.region().clone());
        let x = block.input::<f32>(0)?;
        let less = &x - x[vec![0; x.ndim()].as_slice()];
        block.output::<f32>()?.assign(&less);
        Ok(())
    });
    (function, seen)
}

const SHAPE: [u64; 2] = [90, 70];
const CHUNKS: [u64; 2] = [16, 21];

fn stored(folder: &Path) -> (Array, Vec<f32>) {
    let path = folder.join("x.h5");
    let data = to_bytes(&elements(DType::F32, SHAPE.iter().product(), 5, "small"));
    write_file(&path, &[(dataset("x", &SHAPE, DType::F32, Some(&CHUNKS), Some(1)), &data)]);
    let values = data.chunks_exact(4).map(|b| f32::from_ne_bytes(b.try_into().unwrap())).collect();
    (Array::open(path, "x").unwrap(), values)
}

/// What [`from_first`] makes, by indices alone.
fn right(values: &[f32], cut: &[u64]) -> Vec<f32> {
    let n = SHAPE[1];
    let first = |i: u64, j: u64| values[(i / cut[0] * cut[0] * n + j / cut[1] * cut[1]) as usize];
    (0..SHAPE[0] * n).map(|k| values[k as usize] - first(k / n, k % n)).collect()
}

#[test]
fn a_function_sees_the_blocks_that_were_named_and_each_once() {
    let folder = folder();
    let (x, values) = stored(folder.path());
    for cut in [&CHUNKS, &[13, 70], &[90, 1], &[7, 8], &[200, 300]] {
        let right = right(&values, cut);
        let mut wanted = blocks(&SHAPE, cut);
        let order = |r: &Region| (r.start.clone(), r.shape.clone());
        wanted.sort_by_key(order);
        for (threads, memory) in [(1, "2MiB"), (2, "4MiB"), (3, "64MiB")] {
            let (function, seen) = from_first();
            let mapped = x.map_blocks(&function.chunks(cut));
            let session = session(threads, memory);
            let calls = || {
                let mut calls = std::mem::take(&mut *seen.lock().unwrap());
                calls.sort_by_key(order);
                calls
            };
            let ran = session.run(&[&mapped]).unwrap();
            assert_eq!(ran.values[0].as_array().unwrap().as_slice::<f32>().unwrap(), right, "{cut:?}");
            assert_eq!(calls(), wanted, "{cut:?} {threads}");
            assert!(ran.report.peak_host_bytes <= ran.report.projected_host_bytes);
            // Reduced, and beside the array itself.
            let sums = session.run(&[&mapped.sum(), &(&mapped + &x).max_with(Over::axis(0))]).unwrap();
            let sum: f64 = right.iter().map(|&v| f64::from(v)).sum();
            assert_eq!(sums.values[0].as_array().unwrap().item::<f32>().unwrap(), sum as f32);
            assert_eq!(calls(), wanted, "{cut:?} {threads}");
            // What sees them otherwise has whole blocks computed too.
            let part = mapped.index([Index::from(5..60).step(3), Index::ALL.step(-1)]).t();
            let got = session.compute(&part).unwrap();
            let n = SHAPE[1] as usize;
            let picked: Vec<f32> = (0..n)
                .rev()
                .flat_map(|j| (5..60).step_by(3).map(move |i| (i, j)))
                .map(|(i, j)| right[i * n + j])
                .collect();
            assert_eq!(got.as_slice::<f32>().unwrap(), picked, "{cut:?}");
            let met: Vec<Region> =
                wanted.iter().filter(|r| r.start[0] < 60 && r.start[0] + r.shape[0] > 5).cloned().collect();
            let mut called = calls();
            assert!(called.iter().all(|c| wanted.contains(c)), "{cut:?}");
            called.dedup();
            assert!(called.iter().all(|c| met.contains(c)), "{cut:?}");
            // In blocks of a file that are cut otherwise.
            for block in session.blocks(&mapped, chunkwise::BlockOrder::Storage).unwrap() {
                block.unwrap();
            }
            assert_eq!(calls(), wanted, "{cut:?} {threads}");
        }
    }
    // Accumulators that do not fit at once: several passes, whole blocks in each.
    let (function, seen) = from_first();
    let wide = Array::random(&[40, 20_000], 1, DType::F64).cast(DType::F32);
    let mapped = wide.map_blocks(&function.chunks([20, 10_000]));
    let std = mapped.std_with(Over::axis(0));
    let right = session(2, "256MiB").compute(&std).unwrap();
    seen.lock().unwrap().clear();
    let needed = session(1, "4KiB").compute(&std).unwrap_err().needed().unwrap();
    let small = Session::builder().device(common::device()).threads(1).memory_bytes(needed).build().unwrap();
    assert_eq!(small.compute(&std).unwrap().bytes(), right.bytes());
    let named = blocks(&[40, 20_000], &[20, 10_000]);
    assert!(seen.lock().unwrap().iter().all(|r| named.contains(r)));
}

/// The sum of what a block sees around each element, as far as there is something.
fn window(before: [usize; 2], after: [usize; 2]) -> BlockFunction {
    BlockFunction::new("window", move |block: &mut MappedBlock| {
        let x = block.input::<f64>(0)?.to_owned();
        let at = block.before(0);
        for (k, to) in block.output::<f64>()?.indexed_iter_mut() {
            let range = |d: usize| {
                let i = k[d] + at[d] as usize;
                i.saturating_sub(before[d])..(i + after[d] + 1).min(x.shape()[d])
            };
            *to = range(0).flat_map(|i| range(1).map(move |j| (i, j))).map(|(i, j)| x[[i, j]]).sum();
        }
        Ok(())
    })
}

#[test]
fn what_lies_around_a_block_is_that_of_the_array() {
    let folder = folder();
    let (stored, _) = stored(folder.path());
    let x = stored.cast(DType::F64);
    let (before, after) = ([2, 1], [1, 3]);
    for boundary in [
        Boundary::None,
        Boundary::Constant(Scalar::F64(0.0)),
        Boundary::Constant(Scalar::F64(2.0)),
        Boundary::Nearest,
        Boundary::Reflect,
        Boundary::Mirror,
        Boundary::Periodic,
    ] {
        // Slices of one array with a border.
        let shown = if boundary == Boundary::None { Boundary::Constant(Scalar::F64(0.0)) } else { boundary };
        let padded = x.pad(&[(2, 1), (1, 3)], &[shown]);
        let mut right: Option<Array> = None;
        for i in 0..=3i64 {
            for j in 0..=4i64 {
                let term =
                    padded.index([Index::from(i..i + SHAPE[0] as i64), Index::from(j..j + SHAPE[1] as i64)]);
                right = Some(right.map_or_else(|| term.clone(), |sum| sum + &term));
            }
        }
        let right = session(2, "64MiB").compute(&right.unwrap()).unwrap();
        for cut in [None, Some([30, 9]), Some([1, 70]), Some([90, 70])] {
            let function = window(before, after);
            let function = cut.map_or(function.clone(), |c| function.chunks(c));
            let mapped = x.map_overlap(&[(2, 1), (1, 3)], &[boundary], &function);
            for (threads, memory) in [(1, "1MiB"), (3, "64MiB")] {
                let ran = session(threads, memory).run(&[&mapped]).unwrap();
                let got = ran.values[0].as_array().unwrap();
                assert_eq!(
                    got.as_slice::<f64>().unwrap(),
                    right.as_slice::<f64>().unwrap(),
                    "{boundary:?} {cut:?}"
                );
                assert!(ran.report.peak_host_bytes <= ran.report.projected_host_bytes);
            }
        }
        // By its own chunks each chunk is decoded once, but for what the far end shows.
        if boundary != Boundary::Periodic {
            let mapped = x.map_overlap(&[(2, 1), (1, 3)], &[boundary], &window(before, after));
            let ran = session(1, "64MiB").run(&[&mapped.sum()]).unwrap();
            assert_eq!(ran.report.chunks_decoded, common::chunks_of(&SHAPE, &CHUNKS), "{boundary:?}");
        }
    }
}

#[test]
fn functions_of_functions_and_of_several_arrays() {
    let (function, seen) = from_first();
    let x = Array::random(&[60, 40], 3, DType::F32);
    let inner = x.map_blocks(&function.chunks([20, 40]));
    let around = BlockFunction::new("above", |block: &mut MappedBlock| {
        let x = block.input::<f32>(0)?.to_owned();
        let n = x.shape()[0] - 1;
        block.output::<f32>()?.assign(&x.slice(ndarray::s![..n, ..]));
        Ok(())
    });
    let above = inner.map_overlap(&[(1, 0), (0, 0)], &[Boundary::Nearest], &around.chunks([7, 40]));
    let session = session(2, "64MiB");
    let got = session.compute(&above).unwrap();
    assert_eq!(seen.lock().unwrap().len(), 3, "held, not made again for each neighbour");
    let plain = session.compute(&inner).unwrap();
    let (got, plain) = (got.as_slice::<f32>().unwrap(), plain.as_slice::<f32>().unwrap());
    assert_eq!((&got[..40], &got[40..]), (&plain[..40], &plain[..59 * 40]));
    // Several inputs, another dtype.
    let count = BlockFunction::new("larger", |block: &mut MappedBlock| {
        assert_eq!(block.inputs(), 2);
        let (x, y) = (block.input::<f32>(0)?.to_owned(), block.input::<f64>(1)?.to_owned());
        let larger = ndarray::Zip::from(&x).and(&y).map_collect(|&a, &b| f64::from(a) > b);
        block.output::<bool>()?.assign(&larger);
        Ok(())
    });
    let limit = Array::linspace(0.0, 1.0, 40);
    let larger = x.map_blocks_with(&[&limit], &count.dtype(DType::Bool).chunks([60, 7]));
    let differs = larger.not_equal(x.cast(DType::F64).greater(&limit)).any();
    assert!(!session.compute(&differs).unwrap().item::<bool>().unwrap());
}

#[test]
fn failures_name_the_function_and_the_block() {
    let session = session(2, "64MiB");
    let x = Array::arange(0.0, 100.0, 1.0);
    let mapped =
        |f: fn(&mut MappedBlock) -> Result<()>| x.map_blocks(&BlockFunction::new("odd", f).chunks([30]));
    let fails = |block: &mut MappedBlock| match block.region().start[0] {
        60 => Err(chunkwise::Error::new(ErrorKind::Format, "no such thing")),
        _ => Ok(()),
    };
    let panics = |block: &mut MappedBlock| match block.region().start[0] {
        90 => panic!("what now {}", block.region().shape[0]),
        _ => Ok(()),
    };
    for (array, kind, says) in [
        (mapped(fails), ErrorKind::Format, ["no such thing", "function: odd", "block: [60:90]"]),
        (mapped(panics), ErrorKind::Value, ["the function panicked: what now 10", "odd", "[90:100]"]),
        (
            mapped(|b| b.input::<f32>(0).map(drop)),
            ErrorKind::Type,
            ["float64, not of float32", "odd", "block: ["],
        ),
        (
            mapped(|b| b.output::<i8>().map(drop)),
            ErrorKind::Type,
            ["float64, not of int8", "odd", "block: ["],
        ),
        (mapped(|b| b.input::<f64>(1).map(drop)), ErrorKind::Index, ["no input 1", "odd", "block: ["]),
    ] {
        let e = session.compute(&array.sum()).unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        assert!(says.iter().all(|s| e.to_string().contains(s)), "{e}");
    }
    let (function, _) = from_first();
    for (array, kind) in [
        (x.map_blocks(&function.clone().chunks([3, 3])), ErrorKind::Shape),
        (x.map_blocks(&function.clone().chunks([0])), ErrorKind::Shape),
        (x.map_blocks_with(&[&Array::arange(0.0, 3.0, 1.0)], &function), ErrorKind::Shape),
        (x.map_overlap(&[(1, 1)], &[], &function), ErrorKind::Value),
    ] {
        assert_eq!(array.check().unwrap_err().kind(), kind);
    }
    // What does not fit is refused, and the named budget does.
    let wide = Array::random(&[1 << 20], 1, DType::F32);
    let (function, seen) = from_first();
    let sum = wide.map_blocks(&function.scratch_bytes(1 << 20).chunks([1 << 18])).sum();
    let e = common::session(1, "1MiB").compute(&sum).unwrap_err();
    assert!(e.kind() == ErrorKind::Budget && e.needed().unwrap() > 3 << 20, "{e}");
    assert!(seen.lock().unwrap().is_empty());
    let enough = Session::builder().device(common::device()).threads(2).memory_bytes(e.needed().unwrap());
    assert!(enough.build().unwrap().compute(&sum).is_ok());
}

#[test]
fn registered_functions_travel_and_others_stay() {
    let session = session(2, "64MiB");
    let x = Array::random(&[50, 40], 3, DType::F32);
    let twice = |name| {
        BlockFunction::new(name, |block: &mut MappedBlock| {
            let doubled = block.input::<f32>(0)?.mapv(|v| v * 2.0);
            block.output::<f32>()?.assign(&doubled);
            Ok(())
        })
    };
    let local =
        session.plan(&[&x.map_blocks(&twice("mine")).pad(&[(1, 1)], &[Boundary::Nearest]).sum()]).unwrap();
    let e = local.to_json().unwrap_err();
    assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains("'mine'"), "{e}");
    let function = twice("test/twice");
    register_block_function(&function).unwrap();
    register_block_function(&function).unwrap();
    let e = register_block_function(&twice("test/twice")).unwrap_err();
    assert!(e.kind() == ErrorKind::Value && e.to_string().contains("already"), "{e}");
    let mapped = x.map_blocks(&function.clone().chunks([20, 30]));
    let plan = session.plan(&[&mapped.sum_with(Over::axis(1))]).unwrap();
    let json = plan.to_json().unwrap();
    let again = Plan::from_json(&json).unwrap();
    assert_eq!(again.fingerprint(), plan.fingerprint());
    let value = |plan: &Plan| session.run_plan(plan).unwrap().values[0].as_array().unwrap().bytes().to_vec();
    assert_eq!(value(&plan), value(&again));
    assert_eq!(value(&plan), session.compute(&(&x * 2.0).sum_with(Over::axis(1))).unwrap().bytes());
    let e = Plan::from_json(&json.replace("test/twice", "test/thrice")).unwrap_err();
    assert!(format!("{e:?}").contains("test/thrice"), "{e:?}");
    // Equal names are not equal functions, and one function is one.
    let pair = [twice("same"), twice("same")].map(|f| x.map_blocks(&f));
    assert_eq!(session.plan(&[&pair[0].sum(), &pair[1].sum()]).unwrap().stages()[0].inputs.len(), 2);
    let one = twice("one");
    let pair = [x.map_blocks(&one), x.map_blocks(&one)];
    assert_eq!(session.plan(&[&pair[0].sum(), &pair[1].max()]).unwrap().stages()[0].inputs.len(), 1);
}

#[test]
fn every_array_has_chunks() {
    let folder = folder();
    let (x, _) = stored(folder.path());
    let shape = |a: &Array| a.chunks().unwrap().shape().to_vec();
    let row = Array::arange(0.0, 70.0, 1.0);
    let (function, _) = from_first();
    for (array, chunks) in [
        (x.clone(), [16, 21]),
        (&x * 2.0, [16, 21]),
        (&row + &x.cast(DType::F64), [16, 21]),
        (x.t(), [21, 16]),
        (x.index([Index::from(3..), Index::ALL.step(-2)]), [16, 11]),
        (x.index([Index::from(..5), Index::ALL]), [5, 21]),
        (x.pad(&[(1, 1)], &[Boundary::Nearest]), [16, 21]),
        (x.map_blocks(&function.chunks([9, 10])), [9, 10]),
        (x.reshape(&[45, 140]), [45, 140]),
        (Array::random(&[7, 8], 1, DType::F32), [7, 8]),
        (Array::zeros(&[0, 8], DType::F32), [1, 8]),
    ] {
        assert_eq!(shape(&array), chunks, "{array}");
    }
    assert_eq!(shape(&x.index([Index::At(0)])), [21]);
    assert!(Array::scalar(1.0).chunks().unwrap().shape().is_empty());
    assert!(row.stored_chunks().unwrap().is_none() && x.stored_chunks().unwrap().is_some());
}
