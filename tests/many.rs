//! Many files as one array: NumPy's `concatenate` and `stack`, by values known by construction; every
//! chunk decoded once; files that do not fit; plans that travel; more files than may be open.

// Ends count from the back, as in Python; cases are tables.
#![allow(clippy::reversed_empty_ranges, clippy::type_complexity)]

mod common;

use chunkwise::source::hdf5::open_files;
use chunkwise::{
    Array, BinAxis, DType, ErrorKind, Index, Join, Over, Plan, PlanOptions, Report, Session, Target,
};
use common::{chunks_of, dataset, elements, exact_text, folder, session, to_bytes, write_file};
use std::path::{Path, PathBuf};

/// How a part is stored: its chunks (none: contiguous) and deflate level.
type Layout<'a> = (Option<&'a [u64]>, Option<u8>);

/// Joined by hand: the elements of the parts along `axis`, which `stacked` says is new.
struct Whole {
    dtype: DType,
    shape: Vec<u64>,
    bytes: Vec<u8>,
    /// Shape and elements of each part.
    parts: Vec<(Vec<u64>, Vec<u8>)>,
}

/// The whole first, then each part cut out of it element by element.
fn whole(dtype: DType, outer: &[u64], lens: &[u64], inner: &[u64], stacked: bool, seed: u64) -> Whole {
    let all: u64 = lens.iter().sum();
    let shape = [outer, &[all], inner].concat();
    let bytes = to_bytes(&elements(dtype, shape.iter().product(), seed, "wide"));
    let (rows, run) = (outer.iter().product::<u64>(), inner.iter().product::<u64>() as usize * dtype.size());
    let mut first = 0;
    let mut parts = Vec::new();
    for &len in lens {
        let mut part = Vec::new();
        for row in 0..rows {
            for i in first..first + len {
                let at = (row * all + i) as usize * run;
                part.extend_from_slice(&bytes[at..at + run]);
            }
        }
        let shape = if stacked { [outer, inner].concat() } else { [outer, &[len], inner].concat() };
        parts.push((shape, part));
        first += len;
    }
    Whole { dtype, shape, bytes, parts }
}

impl Whole {
    /// Writes a file for each part, the layouts in turn, and gives their paths.
    fn write(&self, folder: &Path, layouts: &[Layout]) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for (n, (shape, bytes)) in self.parts.iter().enumerate() {
            let (chunks, deflate) = layouts[n % layouts.len()];
            // HDF5 has no chunks for scalars, none for what is empty, and none longer than a fixed shape.
            let chunks = chunks.filter(|_| !shape.is_empty() && !shape.contains(&0));
            let chunks: Option<Vec<u64>> =
                chunks.map(|c| c.iter().zip(shape).map(|(&c, &n)| c.min(n)).collect());
            let deflate = deflate.filter(|_| chunks.is_some());
            let path = folder.join(format!("part_{n}.h5"));
            write_file(&path, &[(dataset("x", shape, self.dtype, chunks.as_deref(), deflate), bytes)]);
            paths.push(path);
        }
        paths
    }

    /// The same elements in memory.
    fn in_memory(&self) -> Array {
        let shape: Vec<usize> = self.shape.iter().map(|&n| n as usize).collect();
        macro_rules! typed {
            ($t:ty) => {{
                let v = bytemuck::pod_collect_to_vec::<u8, $t>(&self.bytes);
                Array::from_ndarray(ndarray::ArrayD::from_shape_vec(shape, v).unwrap())
            }};
        }
        match self.dtype {
            DType::F32 => typed!(f32),
            DType::F64 => typed!(f64),
            DType::I16 => typed!(i16),
            DType::I32 => typed!(i32),
            _ => unreachable!(),
        }
    }

    fn chunks(&self, layouts: &[Layout]) -> u64 {
        let count = |(n, (shape, _)): (usize, &(Vec<u64>, Vec<u8>))| match layouts[n % layouts.len()].0 {
            Some(_) if shape.contains(&0) => 0,
            Some(chunks) => chunks_of(shape, chunks),
            None => 0,
        };
        self.parts.iter().enumerate().map(count).sum()
    }
}

fn small(threads: usize, memory: &str, block_bytes: u64) -> Session {
    let options = PlanOptions::new().block_bytes(block_bytes);
    Session::builder()
        .device(common::device())
        .threads(threads)
        .memory(memory)
        .plan_options(options)
        .build()
        .unwrap()
}

/// Things to compute over an array, whatever its rank.
fn questions(x: &Array) -> Vec<(String, Box<dyn Target>)> {
    let mut out: Vec<(String, Box<dyn Target>)> = Vec::new();
    let mut push = |name: String, t: Box<dyn Target>| out.push((name, t));
    let rank = x.ndim().unwrap();
    push("all".into(), Box::new(x.clone()));
    push("sum".into(), Box::new(x.sum()));
    push("turned".into(), Box::new(x.t()));
    push("scaled".into(), Box::new((x * 2.0).t()));
    push("argmax".into(), Box::new(x.argmax()));
    push("std".into(), Box::new((x - x.mean()).std()));
    push("histogram".into(), Box::new(x.histogram(BinAxis::Auto(7))));
    for axis in 0..rank {
        push(format!("mean over {axis}"), Box::new(x.mean_with(Over::axis(axis as i64))));
        push(format!("argmin over {axis}"), Box::new(x.argmin_with(Over::axis(axis as i64))));
        for (name, slice) in [
            ("back", Index::ALL.step(-1)),
            ("third", Index::ALL.step(3)),
            ("back by two", Index::ALL.step(-2)),
            ("middle", Index::from(2..-3)),
        ] {
            let mut index = vec![Index::ALL; axis];
            index.push(slice);
            let part = x.index(index);
            push(format!("{name} along {axis}"), Box::new(part.clone()));
            push(format!("sum of {name} along {axis}"), Box::new(part.t().sum_with(Over::axis(0))));
        }
    }
    push("with itself".into(), Box::new((x + x.index([Index::ALL.step(-1)])).sum()));
    out
}

fn answers(session: &Session, x: &Array) -> Vec<(String, String)> {
    questions(x)
        .iter()
        .map(|(name, target)| {
            let outcome = session.run(&[target.as_ref()]).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            assert!(outcome.report.peak_host_bytes <= session.memory(), "{name}: {:?}", outcome.report);
            (name.clone(), exact_text(&outcome.values[0]))
        })
        .collect()
}

/// Every question has the same answer over files as over memory, for threads, budgets and blocks.
fn check(what: &str, array: &Array, whole: &Whole) {
    assert_eq!(array.shape().unwrap(), whole.shape, "{what}");
    assert_eq!(array.dtype().unwrap(), whole.dtype, "{what}");
    let bytes = session(2, "64MiB").compute(array).unwrap().bytes().to_vec();
    assert!(bytes == whole.bytes, "{what}: other elements");
    let right = answers(&session(1, "64MiB"), &whole.in_memory());
    for (threads, memory, block) in [(1, "64MiB", 1 << 20), (2, "4MiB", 700), (8, "32MiB", 4000)] {
        let got = answers(&small(threads, memory, block), array);
        for (a, b) in right.iter().zip(&got) {
            assert!(
                a == b,
                "{what}, {threads} threads, blocks of {block}: {} is {} and not {}",
                a.0,
                b.1,
                a.1
            );
        }
    }
}

#[test]
fn joined_along_an_axis_as_numpy_does() {
    type Case<'a> = (&'a [u64], &'a [u64], &'a [u64], DType, &'a [Layout<'a>]);
    let cases: [Case; 9] = [
        // Outer axes, lengths of the parts, inner axes.
        (&[], &[40, 7, 0, 23, 1], &[], DType::F32, &[(Some(&[6]), Some(1))]),
        (&[], &[40, 7, 0, 23, 1], &[], DType::I32, &[(None, None)]),
        (&[], &[18, 30, 6, 5], &[9], DType::F64, &[(Some(&[6, 4]), Some(4))]),
        (
            &[],
            &[13, 30, 6, 5],
            &[9],
            DType::F32,
            &[(Some(&[6, 4]), Some(4)), (Some(&[6, 4]), None), (None, None)],
        ),
        (&[11], &[5, 0, 12, 3], &[], DType::I16, &[(Some(&[4, 5]), Some(1))]),
        (&[11], &[5, 0, 12, 3], &[], DType::F32, &[(None, None), (Some(&[3, 50]), Some(6))]),
        (&[11], &[5, 8, 12, 3], &[6], DType::F32, &[(Some(&[4, 5, 3]), None), (Some(&[4, 3, 3]), Some(1))]),
        // Chunks that differ along the other axes.
        (
            &[12],
            &[9, 4, 10],
            &[10],
            DType::F32,
            &[(Some(&[4, 2, 5]), Some(1)), (Some(&[6, 3, 10]), Some(1)), (None, None)],
        ),
        (&[], &[0, 0, 3], &[4], DType::F64, &[(Some(&[50, 60]), Some(1))]),
    ];
    for (n, (outer, lens, inner, dtype, layouts)) in cases.into_iter().enumerate() {
        let folder = folder();
        let whole = whole(dtype, outer, lens, inner, false, n as u64 + 1);
        let paths = whole.write(folder.path(), layouts);
        let axis = outer.len() as i64;
        let x = Array::open_many(&paths, "x", Join::Concatenate { axis }).unwrap();
        check(&format!("case {n}"), &x, &whole);
        let rank = whole.shape.len() as i64;
        let same = Array::open_many(&paths, "x", Join::Concatenate { axis: axis - rank }).unwrap();
        assert_eq!(same.shape().unwrap(), whole.shape);
    }
}

#[test]
fn stacked_along_a_new_axis_as_numpy_does() {
    type Case<'a> = (&'a [u64], u64, &'a [u64], &'a [Layout<'a>]);
    let cases: [Case; 7] = [
        (&[], 5, &[23], &[(Some(&[7]), Some(1))]),
        (&[], 5, &[23], &[(None, None)]),
        (&[], 4, &[], &[(None, None)]),
        (&[9], 5, &[14], &[(Some(&[4, 5]), Some(1))]),
        (&[9], 5, &[14], &[(None, None), (Some(&[4, 5]), None)]),
        (&[9, 14], 6, &[], &[(Some(&[4, 6]), Some(1)), (Some(&[2, 9]), Some(1))]),
        (&[13], 3, &[], &[(None, None)]),
    ];
    for (n, (outer, count, inner, layouts)) in cases.into_iter().enumerate() {
        let folder = folder();
        let whole = whole(DType::F32, outer, &vec![1; count as usize], inner, true, n as u64 + 20);
        let paths = whole.write(folder.path(), layouts);
        let axis = outer.len() as i64;
        let x = Array::open_many(&paths, "x", Join::Stack { axis }).unwrap();
        check(&format!("case {n}"), &x, &whole);
        let rank = whole.shape.len() as i64;
        let same = Array::open_many(&paths, "x", Join::Stack { axis: axis - rank }).unwrap();
        assert_eq!(same.shape().unwrap(), whole.shape);
    }
}

/// Runs targets: nothing beyond the budget, and as many bytes decoded as binding said.
fn run(session: &Session, targets: &[&dyn Target]) -> Report {
    let plan = session.plan(targets).unwrap();
    let bound = session.bind(&plan).unwrap();
    let report = session.run_plan(&plan).unwrap().report;
    let explained = bound.explain(&plan);
    assert!(report.peak_host_bytes <= report.projected_host_bytes, "{report:?}\n{explained}");
    // The largest chunk counts for every one that is kept, so that is a bound.
    let (predicted, exact) = bound.decoded_bytes();
    match exact {
        true => assert_eq!(report.bytes_decoded, predicted, "{explained}"),
        false => assert!(report.bytes_decoded <= predicted, "{report:?}\n{explained}"),
    }
    report
}

#[test]
fn every_chunk_is_decoded_once_whatever_the_files_end_with() {
    let both: [Layout; 2] = [(Some(&[8, 16]), Some(1)), (Some(&[8, 16]), None)];
    let other: [Layout; 2] = [(Some(&[8, 16]), Some(1)), (Some(&[5, 48]), Some(1))];
    type Case<'a> = (&'a [u64], &'a [u64], &'a [u64], &'a [Layout<'a>]);
    let cases: [Case; 5] = [
        (&[], &[40, 7, 0, 23, 1, 64], &[50], &both),
        (&[], &[40, 8, 16, 24], &[50], &both),
        (&[30], &[40, 7, 23, 90], &[], &both),
        (&[], &[40, 7, 23, 15], &[50], &other),
        (&[], &[3; 40], &[50], &[(Some(&[8, 16]), Some(1))]),
    ];
    for (n, (outer, lens, inner, layouts)) in cases.into_iter().enumerate() {
        let folder = folder();
        let whole = whole(DType::F32, outer, lens, inner, false, n as u64 + 40);
        let paths = whole.write(folder.path(), layouts);
        let x = Array::open_many(&paths, "x", Join::Concatenate { axis: outer.len() as i64 }).unwrap();
        let chunks = whole.chunks(layouts);
        let bins = || BinAxis::Uniform { bins: 20, low: -2.0, high: 2.0 };
        for (threads, block) in [(1, 1 << 20), (2, 2000), (8, 9000)] {
            let s = small(threads, "64MiB", block);
            let (mean, std, histogram) = (x.mean(), x.std(), x.histogram(bins()));
            let case = |what: &str| format!("case {n}, {threads} threads, blocks of {block}: {what}");
            assert_eq!(run(&s, &[&mean]).chunks_decoded, chunks, "{}", case("mean"));
            assert_eq!(run(&s, &[&mean, &std, &histogram]).chunks_decoded, chunks, "{}", case("three"));
            assert_eq!(
                run(&s, &[&x.t().sum_with(Over::axis(0))]).chunks_decoded,
                chunks,
                "{}",
                case("turned")
            );
            let back = x.index([Index::ALL.step(-1)]);
            assert_eq!(run(&s, &[&back.sum()]).chunks_decoded, chunks, "{}", case("back"));
            assert_eq!(run(&s, &[&(&x + &back).sum()]).chunks_decoded, chunks, "{}", case("with itself"));
            // Read twice, and kept from one reading to the other.
            assert_eq!(run(&s, &[&(&x - x.mean()).std()]).chunks_decoded, chunks, "{}", case("twice"));
            let third = x.index([Index::from(1..-1).step(3)]);
            assert!(run(&s, &[&third.mean()]).chunks_decoded <= chunks, "{}", case("third"));
        }
        for memory in ["300KiB", "500KiB", "1MiB"] {
            let tight = small(2, memory, 2000);
            match tight.bind(&tight.plan(&[&(&x + x.index([Index::ALL.step(-1)])).sum()]).unwrap()) {
                Ok(_) => drop(run(&tight, &[&(&x + x.index([Index::ALL.step(-1)])).sum()])),
                Err(e) => assert_eq!(e.kind(), ErrorKind::Budget, "{e}"),
            }
        }
    }
}

/// Datasets that can grow may have chunks far longer than themselves.
#[test]
fn chunks_longer_than_their_files_are_decoded_once() {
    let folder = folder();
    for (n, lens) in
        [[7usize, 7, 7, 7], [7, 3, 12, 1], [7, 16, 32, 5], [16, 48, 16, 9]].into_iter().enumerate()
    {
        let mut all: Vec<i32> = Vec::new();
        let mut paths = Vec::new();
        for (k, len) in lens.into_iter().enumerate() {
            let path = folder.path().join(format!("{n}_{k}.h5"));
            let data: Vec<i32> = (0..len as i32).map(|i| 1000 * k as i32 + i * i).collect();
            let file = hdf5::File::create(&path).unwrap();
            let set =
                file.new_dataset::<i32>().chunk(16).deflate(1).shape(hdf5::SimpleExtents::resizable([len]));
            set.create("x").unwrap().write(&data).unwrap();
            all.extend(data);
            paths.push(path);
        }
        let x = Array::open_many(&paths, "x", Join::Concatenate { axis: 0 }).unwrap();
        let sum: i64 = all.iter().map(|&v| i64::from(v)).sum();
        let chunks: usize = lens.iter().map(|n| n.div_ceil(16)).sum();
        for (threads, block) in [(1, 1 << 20), (2, 8), (8, 100)] {
            let s = small(threads, "64MiB", block);
            assert_eq!(s.compute(&x).unwrap().as_slice::<i32>().unwrap(), all);
            assert_eq!(s.compute(&x.sum()).unwrap().item::<i64>().unwrap(), sum);
            let back = x.index([Index::ALL.step(-1)]);
            run(&s, &[&back.index([Index::from(1..-1).step(2)]).sum()]);
            for target in [x.max(), (&x - &back).max(), back.t().mean()] {
                assert_eq!(run(&s, &[&target]).chunks_decoded, chunks as u64, "{lens:?}, blocks of {block}");
            }
        }
    }
}

#[test]
fn a_stack_reads_each_chunk_once_and_a_slice_of_it_only_its_files() {
    let folder = folder();
    let layouts: [Layout; 1] = [(Some(&[20, 20]), Some(1))];
    let whole = whole(DType::F64, &[], &[1; 12], &[50, 70], true, 60);
    let paths = whole.write(folder.path(), &layouts);
    let x = Array::open_many(&paths, "x", Join::Stack { axis: 0 }).unwrap();
    let chunks = whole.chunks(&layouts);
    assert_eq!(x.stored_chunks().unwrap().unwrap().shape(), [1, 20, 20]);
    for (threads, block) in [(1, 1 << 20), (2, 4000), (8, 40_000)] {
        let s = small(threads, "64MiB", block);
        assert_eq!(run(&s, &[&x.mean_with(Over::axis(0))]).chunks_decoded, chunks);
        assert_eq!(run(&s, &[&x.index([Index::from(3..5)]).sum()]).chunks_decoded, chunks / 6);
        assert_eq!(run(&s, &[&x.index([Index::ALL, Index::At(0), Index::At(0)])]).chunks_decoded, 12);
    }
}

#[test]
fn two_arrays_of_the_same_files_share_their_blocks() {
    let folder = folder();
    let lens = [33u64, 8, 50, 21];
    let mut paths = Vec::new();
    for (n, &len) in lens.iter().enumerate() {
        let path = folder.path().join(format!("{n}.h5"));
        let data = |seed| to_bytes(&elements(DType::F32, len, seed + n as u64, "small"));
        let chunk = [len.min(10)];
        let spec = |name| dataset(name, &[len], DType::F32, Some(&chunk), Some(1));
        write_file(&path, &[(spec("rho"), &data(1)), (spec("t"), &data(10))]);
        paths.push(path);
    }
    let open = |name: &str| Array::open_many(&paths, name, Join::Concatenate { axis: 0 }).unwrap();
    let (rho, t) = (open("rho"), open("t"));
    for block in [1, 60, 1 << 20] {
        let s = small(2, "64MiB", block);
        let plan = s.plan(&[&(&rho * &t).sum()]).unwrap();
        assert_eq!(s.bind(&plan).unwrap().stages[0].cache_bytes, 0, "blocks of {block}");
        assert_eq!(run(&s, &[&(&rho * &t).sum()]).chunks_decoded, 2 * (4 + 1 + 5 + 3));
    }
    // Blocks of many small files together.
    let s = session(2, "64MiB");
    assert_eq!(s.plan(&[&rho.sum()]).unwrap().tasks(), 1);
}

#[test]
fn a_file_that_does_not_fit_is_named_and_so_is_the_first() {
    let folder = folder();
    let file = |name: &str, shape: &[u64], dtype: DType| {
        let path = folder.path().join(name);
        let data = to_bytes(&elements(dtype, shape.iter().product(), 1, "small"));
        write_file(&path, &[(dataset("g/x", shape, dtype, None, None), &data)]);
        path
    };
    let first = file("first.h5", &[4, 5], DType::F32);
    let longer = file("longer.h5", &[6, 5], DType::F32);
    let wider = file("wider.h5", &[4, 6], DType::F32);
    let flat = file("flat.h5", &[20], DType::F32);
    let double = file("double.h5", &[4, 5], DType::F64);
    let missing = folder.path().join("missing.h5");
    let other = folder.path().join("other.h5");
    write_file(&other, &[(dataset("y", &[1], DType::F32, None, None), &[0; 4])]);
    let open = |files: &[&PathBuf], join: Join| Array::open_many(files, "g/x", join);
    let along = |axis| Join::Concatenate { axis };
    assert_eq!(open(&[&first, &longer], along(0)).unwrap().shape().unwrap(), [10, 5]);
    assert_eq!(open(&[&first, &wider], along(-1)).unwrap().shape().unwrap(), [4, 11]);
    let cases: [(&[&PathBuf], Join, ErrorKind, &[&str]); 12] = [
        (
            &[&first, &first, &wider],
            along(0),
            ErrorKind::Shape,
            &["wider.h5", "(4, 6)", "first.h5", "(4, 5)", "axis 0 only"],
        ),
        (&[&first, &longer], along(1), ErrorKind::Shape, &["longer.h5", "(6, 5)", "(4, 5)"]),
        (&[&first, &longer], Join::Stack { axis: 0 }, ErrorKind::Shape, &["longer.h5", "(6, 5)", "(4, 5)"]),
        (&[&first, &flat], along(0), ErrorKind::Shape, &["flat.h5", "(20,)"]),
        (
            &[&first, &first, &double],
            along(0),
            ErrorKind::Type,
            &["double.h5", "float64", "float32", "first.h5"],
        ),
        (&[&first, &missing, &wider], along(0), ErrorKind::NotFound, &["missing.h5"]),
        (&[&first, &other], along(0), ErrorKind::NotFound, &["other.h5", "/g/x"]),
        (&[], along(0), ErrorKind::Value, &["no files"]),
        (&[&first], along(2), ErrorKind::Index, &["axis 2", "rank 2"]),
        (&[&first], along(-3), ErrorKind::Index, &["axis -3"]),
        (&[&first], Join::Stack { axis: 3 }, ErrorKind::Index, &["axis 3", "rank 3"]),
        (&[&first], along(i64::MIN), ErrorKind::Index, &["axis"]),
    ];
    for (files, join, kind, words) in cases {
        let e = open(files, join).unwrap_err();
        let text = e.to_string();
        assert_eq!(e.kind(), kind, "{text}");
        assert!(words.iter().all(|w| text.contains(w)), "{text} has not all of {words:?}");
    }
    assert!(open(&[&first], Join::Stack { axis: 2 }).is_ok());
    // The first that is wrong, however many threads there are.
    let mut many: Vec<&PathBuf> = vec![&first; 200];
    (many[60], many[61], many[190]) = (&missing, &other, &missing);
    for _ in 0..5 {
        assert!(open(&many, along(0)).unwrap_err().to_string().contains("missing.h5"));
    }
}

#[test]
fn plans_over_many_files_travel_and_name_the_file_that_changed() {
    let folder = folder();
    let whole = whole(DType::F32, &[], &[30, 11, 0, 25], &[8], false, 70);
    let paths = whole.write(folder.path(), &[(Some(&[7, 8]), Some(1))]);
    let x = Array::open_many(&paths, "x", Join::Concatenate { axis: 0 }).unwrap();
    let s = small(2, "64MiB", 500);
    let targets: [&dyn Target; 2] =
        [&x.mean_with(Over::axis(1)), &x.index([Index::from(5..60).step(-2)]).t()];
    let plan = s.plan(&targets).unwrap();
    assert!(plan.to_string().contains("part_*.h5 (4 files):/x"), "{plan}");
    assert!(plan.to_string().contains("uneven along axis 0"), "{plan}");
    let json = plan.to_json().unwrap();
    let again = Plan::from_json(&json).unwrap();
    assert_eq!(again.fingerprint(), plan.fingerprint());
    let answer = |p: &Plan| s.run_plan(p).unwrap().values.iter().map(exact_text).collect::<Vec<_>>();
    assert_eq!(answer(&again), answer(&plan));
    // Numbers changed one by one: an error or another right answer, never a panic.
    let mut refused = 0;
    let mut tried = 0;
    for (at, _) in json.match_indices(|c: char| c.is_ascii_digit()) {
        for digit in ["0", "1", "9", "00000000000000000", "99999999999999"] {
            let bad = format!("{}{digit}{}", &json[..at], &json[at + 1..]);
            tried += 1;
            let ran = Plan::from_json(&bad).and_then(|p| match s.bind(&p)?.stages.len() {
                _ if p.tasks() > 1000 => Ok(()),
                _ => s.run_plan(&p).map(drop),
            });
            refused += u64::from(ran.is_err());
        }
    }
    println!("{tried} changes, {refused} refused");
    assert!(tried > 500 && refused > tried / 3);
    // One file is another one now.
    std::thread::sleep(std::time::Duration::from_millis(20));
    let data = to_bytes(&elements(DType::F32, 11 * 8, 5, "small"));
    write_file(&paths[1], &[(dataset("x", &[11, 8], DType::F32, Some(&[7, 8]), Some(1)), &data)]);
    for e in [Plan::from_json(&json).unwrap_err(), s.run_plan(&plan).map(drop).unwrap_err()] {
        assert_eq!(e.kind(), ErrorKind::Changed, "{e}");
        assert!(e.to_string().contains("part_1.h5"), "{e}");
    }
    std::fs::remove_file(&paths[3]).unwrap();
    let e = Plan::from_json(&json).unwrap_err();
    assert!(e.to_string().contains("part_1.h5"), "{e}");
    std::fs::remove_file(&paths[1]).unwrap();
    let e = Plan::from_json(&json).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
    assert!(e.to_string().contains("part_1.h5"), "{e}");
    // An output that is one of the inputs.
    let e = s.store(&paths[0], &[("y", &x)], &Default::default()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Value, "{e}");
}

const FILES: u32 = 20_000;

/// Twenty thousand files in a process that may have 256 descriptors.
#[cfg(unix)]
#[test]
fn more_files_than_may_be_open() {
    if let Some(folder) = common::job() {
        sum_of_many(Path::new(&folder));
        return;
    }
    let folder = folder();
    let first = folder.path().join("first.h5");
    const MARK: u64 = 0x7ab1_e5f0_0d5e_ed00;
    let data: Vec<u8> = [MARK, 1, 2].iter().flat_map(|v| v.to_ne_bytes()).collect();
    write_file(&first, &[(dataset("x", &[3], DType::U64, None, None), &data)]);
    let mut bytes = std::fs::read(&first).unwrap();
    let at = bytes.windows(8).position(|w| w == MARK.to_ne_bytes()).unwrap();
    for n in 0..FILES {
        bytes[at..at + 8].copy_from_slice(&u64::from(n).to_ne_bytes());
        std::fs::write(folder.path().join(format!("snap_{n}.h5")), &bytes).unwrap();
    }
    let start = std::time::Instant::now();
    let script =
        "ulimit -n 256 && exec \"$0\" more_files_than_may_be_open --exact --nocapture --test-threads=1";
    let out = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("CHUNKWISE_CHILD", folder.path())
        .output()
        .unwrap();
    let text = common::succeed(out);
    println!(
        "{} in {:.1} s",
        text.lines().find(|l| l.contains("opened")).unwrap_or(""),
        start.elapsed().as_secs_f64()
    );
    assert!(text.contains("summed"), "{text}");
}

#[cfg(unix)]
fn sum_of_many(folder: &Path) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call fills the struct.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) }, 0);
    assert_eq!(limit.rlim_cur, 256);
    // libhdf5's descriptors of other tests are passed on to a child.
    for fd in 3..4096 {
        // SAFETY: nothing of this process has opened a file yet.
        unsafe { libc::close(fd) };
    }
    let start = std::time::Instant::now();
    let paths: Vec<PathBuf> = (0..FILES).map(|n| folder.join(format!("snap_{n}.h5"))).collect();
    let x = Array::open_many(&paths, "x", Join::Concatenate { axis: 0 }).unwrap();
    println!("opened after {:.1} s", start.elapsed().as_secs_f64());
    assert!((1..128).contains(&open_files()), "{} files are open", open_files());
    let s = session(2, "64MiB");
    let n = u64::from(FILES);
    let outcome = s.run(&[&x.sum(), &x.max(), &x.index([Index::from(0..i64::MAX).step(3)]).sum()]).unwrap();
    let item = |i: usize| outcome.values[i].as_array().unwrap().item::<u64>().unwrap();
    let numbers = n * (n - 1) / 2;
    assert_eq!([item(0), item(1), item(2)], [numbers + 3 * n, n - 1, numbers]);
    // Planning takes no time to speak of, and what is planned is small.
    let start = std::time::Instant::now();
    let plan = s.plan(&[&(&x + 1u64).t().mean(), &x.std()]).unwrap();
    s.bind(&plan).unwrap();
    let json = plan.to_json().unwrap();
    println!("planned in {:.3} s, {} bytes", start.elapsed().as_secs_f64(), json.len());
    assert!(start.elapsed().as_secs_f64() < 3.0 && json.len() < 400 * FILES as usize);
    println!("summed");
}

#[test]
fn gadget_snapshots_as_one_array_are_what_numpy_says() {
    let Some(data) = common::data_folder("gadget_snapshots_as_one_array_are_what_numpy_says") else { return };
    let g = common::golden("many.json");
    let files: Vec<PathBuf> =
        g["files"].as_array().unwrap().iter().map(|f| data.join(f.as_str().unwrap())).collect();
    let open = |path: &str, join| Array::open_many(&files, path, join).unwrap();
    let stacked = |axis| open("/PartType0/Density", Join::Stack { axis });
    let joined = |axis| open("/PartType0/Coordinates", Join::Concatenate { axis });
    let numbers = |name: &str| -> Vec<f64> {
        g[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    for (threads, block) in [(1, 1 << 20), (2, 10_000), (8, 300_000)] {
        let s = small(threads, "64MiB", block);
        let sum = |a: &Array| format!("{:016x}", common::checksum(s.compute(a).unwrap().bytes()));
        assert_eq!(sum(&stacked(0)), g["stack_0"]);
        assert_eq!(sum(&stacked(-1)), g["stack_1"]);
        assert_eq!(sum(&joined(0)), g["concatenate_0"]);
        assert_eq!(sum(&joined(1)), g["concatenate_1"]);
        let some =
            s.compute(&joined(0).index([Index::ALL.step(-1000), Index::At(1)]).cast(DType::F64)).unwrap();
        assert_eq!(some.as_slice::<f64>().unwrap(), numbers("every_1000th"));
        let rho = stacked(0);
        assert_eq!(sum(&rho.mean_with(Over::axis(0).dtype(DType::F64))), g["mean_over_time"]);
        assert_eq!(sum(&rho.argmax_with(Over::axis(0))), g["argmax_over_time"]);
        let most = s.compute(&rho.max_with(Over::axis(1)).cast(DType::F64)).unwrap();
        assert_eq!(most.as_slice::<f64>().unwrap(), numbers("max_of_each"));
        let mean = s.compute(&rho.mean_with(Over::all().dtype(DType::F64))).unwrap().item::<f64>().unwrap();
        assert_eq!(mean, g["mean"].as_f64().unwrap());
        let h = s.compute_histogram(&rho.histogram(BinAxis::Auto(20))).unwrap();
        assert_eq!(h.counts().iter().map(|&c| c as f64).collect::<Vec<_>>(), numbers("counts"));
        assert_eq!(h.edges()[0], numbers("edges"));
    }
}
