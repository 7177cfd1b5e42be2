//! Arrays stored in files: what comes back, what is refused, what is left behind.

mod common;

use chunkwise::{Array, Cancel, DType, ErrorKind, Over, Session, Store, StoreOptions, concatenate};

fn session(memory: &str, threads: usize) -> Session {
    Session::builder().device(common::device()).memory(memory).threads(threads).build().unwrap()
}

fn values(session: &Session, x: &Array) -> Vec<u8> {
    session.compute(x).unwrap().bytes().to_vec()
}

#[test]
fn what_is_stored_comes_back_whatever_the_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let s = session("64MiB", 3);
    let x = Array::random(&[137, 211], 5, DType::F32);
    let arrays = [
        ("x", x.clone()),
        ("group/anomaly", &x - x.mean_with(Over::axis(0))),
        ("backwards", x.t().index([chunkwise::Index::ALL.step(-2)])),
        ("bools", x.greater(0.5)),
        ("reduced", x.sum_with(Over::axis(1).dtype(DType::F64))),
        ("scalar", x.max()),
        ("empty", x.index([chunkwise::Index::from(0..0)])),
        ("joined", concatenate(&[x.clone(), &x * 2.0], 0)),
        ("halves", x.cast(DType::F16)),
    ];
    for options in [StoreOptions::new(), StoreOptions::new().deflate(3)] {
        for threads in [1, 4] {
            let s = session("64MiB", threads);
            let list: Vec<(&str, &Array)> = arrays.iter().map(|(n, a)| (*n, a)).collect();
            s.store(&path, &list, &options).unwrap();
            for (name, array) in &arrays {
                let back = Array::open(&path, name).unwrap();
                assert_eq!(back.shape().unwrap(), array.shape().unwrap(), "{name}");
                assert_eq!(back.dtype().unwrap(), array.dtype().unwrap(), "{name}");
                assert_eq!(values(&s, &back), values(&s, array), "{name}");
            }
        }
    }
    for chunks in [[1, 211], [137, 1], [50, 50], [137, 211]] {
        s.store(&path, &[("x", &x)], &StoreOptions::new().chunks(&chunks).deflate(1)).unwrap();
        let back = Array::open(&path, "x").unwrap();
        assert_eq!(back.stored_chunks().unwrap().unwrap().shape(), [chunks[0].min(137), chunks[1].min(211)]);
        assert_eq!(values(&s, &back), values(&s, &x));
    }
}

#[test]
fn more_than_the_budget_is_stored_within_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let s = session("8MiB", 2);
    let x = Array::random(&[2048, 4096], 1, DType::F64); // 64 MiB
    let report = s.store(&path, &[("x", &x)], &StoreOptions::new()).unwrap();
    assert!(report.peak_host_bytes <= 8 << 20, "{}", report.peak_host_bytes);
    let back = Array::open(&path, "x").unwrap();
    assert_eq!(values(&s, &back.sum()), values(&s, &x.sum()));
    let e = s.store(&path, &[("x", &x)], &StoreOptions::new().chunks(&[2048, 4096])).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Budget);
    assert!(e.to_string().contains("(2048, 4096)") && e.to_string().contains("smallest budget"), "{e}");
    assert_eq!(values(&s, &back.max()), values(&s, &x.max()), "the old file is unchanged");
}

#[test]
fn an_input_is_never_overwritten_and_failures_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let s = session("64MiB", 2);
    let x = Array::random(&[100_000], 1, DType::F32);
    s.store(&path, &[("x", &x)], &StoreOptions::new().chunks(&[1000])).unwrap();
    let input = Array::open(&path, "x").unwrap();
    let e = s.store(&path, &[("y", &(&input + 1.0))], &StoreOptions::new()).unwrap_err();
    assert!(e.kind() == ErrorKind::Value && e.to_string().contains("also an input"), "{e}");

    let cancel = Cancel::new();
    cancel.cancel();
    let cancelled =
        Session::builder().device(common::device()).memory("64MiB").cancel(&cancel).build().unwrap();
    let other = folder.path().join("b.h5");
    let e = cancelled.store(&other, &[("y", &(&input + 1.0))], &StoreOptions::new()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Cancelled);
    let wrong = s.store(&other, &[("y", &x)], &StoreOptions::new().chunks(&[10, 10])).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Shape);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["a.h5"]);
}

/// Blocks that cross the chunks of their source share decoded chunks; all workers together keep to
/// the budget, and each chunk is decoded once.
#[test]
fn workers_share_the_decoded_chunks_that_the_budget_has_room_for() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.h5"), folder.path().join("b.h5"));
    let s = session("64MiB", 8);
    let x = Array::random(&[1024, 2048], 1, DType::F64); // 16 MiB
    s.store(&a, &[("x", &x)], &StoreOptions::new().chunks(&[100, 2048])).unwrap();
    s.store(&b, &[("y", &x)], &StoreOptions::new().chunks(&[1024, 90])).unwrap();
    let sum = Array::open(&a, "x").unwrap() + Array::open(&b, "y").unwrap();
    let out = folder.path().join("out.h5");
    let report = session("40MiB", 8).store(&out, &[("sum", &sum)], &StoreOptions::new()).unwrap();
    assert!(report.peak_host_bytes <= 40 << 20, "{}", report.peak_host_bytes);
    // Staging memory for a device leaves less room for chunks, so some are decoded again.
    match common::device() {
        chunkwise::Device::Cpu => assert_eq!(report.chunks_decoded, 11 + 23, "{report:?}"),
        _ => assert!(report.chunks_decoded >= 11 + 23, "{report:?}"),
    }
    let back = Array::open(&out, "sum").unwrap();
    assert_eq!(values(&s, &back.equal(&x * 2.0).all()), [1]);
}

/// What an operation says of its elements is heard wherever it is computed: in a run, in blocks, in
/// a store, and in pieces of a concatenation or a product.
#[test]
fn errors_and_notes_of_elements_are_never_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let s = session("64MiB", 2);
    let one = Array::from_ndarray(ndarray::arr2(&[[1i32, 2], [3, 4]]).into_shared());
    let minus = &one * -1;
    let bad = one.power(&minus);
    for target in
        [bad.clone(), concatenate(&[one.clone(), bad.clone()], 1), bad.matmul(&one), bad.reshape(&[-1])]
    {
        let errors = [
            s.compute(&target).map(drop).unwrap_err(),
            s.compute(&target.sum()).map(drop).unwrap_err(),
            s.store(&path, &[("x", &target)], &StoreOptions::new()).map(drop).unwrap_err(),
            s.blocks(&target, chunkwise::BlockOrder::Spatial).unwrap().find_map(|b| b.err()).unwrap(),
        ];
        for e in errors {
            assert!(e.to_string().contains("negative integer power"), "{e}");
        }
    }
    assert!(!path.exists());
    let zero = one.floor_divide(&(&one - &one));
    let report = s.store(&path, &[("x", &zero)], &StoreOptions::new()).unwrap();
    assert!(report.notes.iter().any(|n| n.contains("divided by zero")), "{:?}", report.notes);
}

/// Files of several chunk shapes, an array twice in one file and in both, a value that is also a result.
#[test]
fn several_files_are_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let s = session("64MiB", 3);
    let stored = Array::random(&[137, 211], 5, DType::F32);
    s.store(at("in.h5"), &[("x", &stored)], &StoreOptions::new().chunks(&[20, 211]).deflate(1)).unwrap();
    let x = Array::open(at("in.h5"), "x").unwrap();
    let (twice, mean) = (&x * 2.0, x.mean_with(Over::axis(0)));
    let wide = StoreOptions::new().chunks(&[7, 211]).deflate(2);
    let tall = StoreOptions::new().chunks(&[137, 50]);
    let rows = StoreOptions::new().chunks(&[60]);
    let stores = [
        Store::new(at("wide.h5")).options(&wide).dataset("twice", &twice).dataset("again", &twice),
        Store::new(at("tall.h5")).options(&tall).dataset("twice", &twice).dataset("x", &x),
        Store::new(at("mean.h5")).options(&rows).dataset("mean", &mean),
    ];
    let outcome = s.run_with(&[&twice, &mean, &twice.max()], &stores).unwrap();
    let right = s.run(&[&twice, &mean, &twice.max()]).unwrap();
    for (a, b) in outcome.values.iter().zip(&right.values) {
        assert_eq!(common::exact_text(a), common::exact_text(b));
    }
    // Two chunk shapes are two walks, of which the second finds the chunks of the first.
    assert_eq!(outcome.report.chunks_decoded, 7, "{:?}", outcome.report);
    for (file, name, array, chunks) in [
        ("wide.h5", "twice", &twice, vec![7u64, 211]),
        ("wide.h5", "again", &twice, vec![7, 211]),
        ("tall.h5", "twice", &twice, vec![137, 50]),
        ("tall.h5", "x", &x, vec![137, 50]),
        ("mean.h5", "mean", &mean, vec![60]),
    ] {
        let back = Array::open(at(file), name).unwrap();
        assert_eq!(back.stored_chunks().unwrap().unwrap().shape(), chunks, "{file}:{name}");
        assert_eq!(values(&s, &back), values(&s, array), "{file}:{name}");
    }
    // Nothing appears if one of them cannot be.
    std::fs::remove_file(at("mean.h5")).unwrap();
    let bad =
        Array::from_ndarray(ndarray::arr1(&[1i32, 2])).power(Array::from_ndarray(ndarray::arr1(&[-1i32])));
    let stores = [Store::new(at("mean.h5")).dataset("m", &mean), Store::new(at("bad.h5")).dataset("b", &bad)];
    assert!(s.run_with(&[], &stores).is_err());
    assert!(!at("mean.h5").exists() && !at("bad.h5").exists());
    let e = s.run_with(&[], &[Store::new(at("in.h5")).dataset("y", &twice)]).unwrap_err();
    assert!(e.to_string().contains("also an input"), "{e}");
}

/// What a store holds is counted when it is bound: the smallest budget that a refusal names works, and is kept.
#[test]
fn the_smallest_budget_that_is_named_works() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let s = session("256MiB", 2);
    let raw = Array::random(&[600, 350], 3, DType::F64);
    // Their products are exact, and so the same on every device.
    let few = (&raw * 4.0).floor();
    let chunks = StoreOptions::new().chunks(&[50, 150]).deflate(1);
    s.store(at("in.h5"), &[("x", &raw), ("few", &few)], &chunks).unwrap();
    let x = Array::open(at("in.h5"), "x").unwrap();
    let few = Array::open(at("in.h5"), "few").unwrap();
    let small = few.index([chunkwise::Index::from(0..550), chunkwise::Index::from(0..300)]);
    let arrays = [
        ("plain", vec![x.sqrt()]),
        ("three", vec![&x + 1.0, x.sqrt(), x.greater(0.5)]),
        ("anomaly", vec![&x - x.mean_with(Over::axis(0)), x.t() * 2.0]),
        ("reshaped", vec![x.reshape(&[350, 600])]),
        ("product", vec![small.matmul(&small.t())]),
        ("halves", vec![small.cast(DType::F16).matmul(&small.t().cast(DType::F16))]),
        ("joined", vec![concatenate(&[x.clone(), &x * 2.0], 0)]),
    ];
    let asked: [(Option<[u64; 2]>, Option<u8>); 5] = [
        (None, None),
        (None, Some(6)),
        (Some([37, 320]), Some(1)),
        (Some([550, 3]), None),
        (Some([2000, 2000]), Some(9)),
    ];
    // Chunks are at most as large as the array.
    let options = |asked: &(Option<[u64; 2]>, Option<u8>), array: &Array| {
        let shape = array.shape().unwrap();
        let options = asked.1.map_or(StoreOptions::new(), |level| StoreOptions::new().deflate(level));
        asked.0.map_or(options.clone(), |c| options.chunks(&[c[0].min(shape[0]), c[1].min(shape[1])]))
    };
    for (i, (name, arrays)) in arrays.iter().enumerate() {
        let expected: Vec<_> = arrays.iter().map(|a| values(&s, a)).collect();
        for (j, asked) in asked.iter().enumerate() {
            let threads = [1, 3][(i + j) % 2];
            let case = format!("{name}, {asked:?}, {threads} threads");
            let run = |memory: u64| {
                let builder = Session::builder().device(common::device()).threads(threads);
                let session = builder.memory_bytes(memory).build().unwrap();
                let named = arrays.iter().enumerate();
                let store = named.fold(Store::new(at("out.h5")), |s, (n, a)| {
                    s.dataset_with(&format!("d{n}"), a, &options(asked, a))
                });
                session.run_with(&[&x.max()], &[store])
            };
            let refused = run(1000).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Budget, "{case}");
            let text = refused.to_string();
            let (_, rest) = text.split_once("the smallest budget that works is ").unwrap();
            let least: u64 = rest.split(' ').next().unwrap().parse().unwrap();
            let outcome = run(least).unwrap_or_else(|e| panic!("{case} with {least}: {e}"));
            let r = &outcome.report;
            assert!(r.peak_host_bytes <= r.projected_host_bytes, "{case}: {r:?}");
            assert!(r.projected_host_bytes <= least, "{case}: {r:?}");
            for (n, expected) in expected.iter().enumerate() {
                let back = Array::open(at("out.h5"), &format!("d{n}")).unwrap();
                assert!(values(&s, &back) == *expected, "{case}");
            }
        }
    }
}
