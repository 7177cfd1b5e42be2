//! Products: factors in memory are multiplied where they lie, with the bits that copies of them give; small
//! products are work for several cores, and small matrices go together.

mod common;

use chunkwise::{Array, DType, ErrorKind, Index, Over, PlanOptions, Session, StoreOptions, concatenate};
use common::{array, canonical, chunks_of, dataset, elements, folder, hash, session, to_bytes, write_file};

fn matrix<T: Copy>(rows: usize, columns: usize, seed: u64, f: impl Fn(u64) -> T) -> ndarray::Array2<T> {
    ndarray::Array2::from_shape_fn((rows, columns), |(i, j)| f(hash(seed, (i * columns + j) as u64)))
}

/// Floats of three binades, so that the order of a sum shows in its bits.
fn single(h: u64) -> f32 {
    ((h >> 40) as f32 / (1 << 24) as f32 - 0.5) * [1.0, 0.125, 8.0][(h % 3) as usize]
}

/// Views of an array of 1300 × 1700 that are (600, 1100), however they lie.
fn views(x: &Array) -> Vec<(&'static str, Array)> {
    let cut =
        |a: Array, at: [i64; 2]| a.index([Index::from(at[0]..at[0] + 600), Index::from(at[1]..at[1] + 1100)]);
    vec![
        ("inside", cut(x.clone(), [13, 27])),
        ("transposed", cut(x.t(), [11, 3])),
        ("stepped rows", cut(x.index([Index::ALL.step(2)]), [0, 500])),
        ("stepped columns", x.t().index([Index::from(0..1200).step(2), Index::from(0..1100)])),
        ("backwards", cut(x.index([Index::ALL.step(-1)]), [5, 0])),
        (
            "one column",
            cut(x.index([Index::from(0..600), Index::from(7..8)]).broadcast_to(&[600, 1100]), [0, 0]),
        ),
        ("one row", cut(x.index([Index::from(7..8)]).broadcast_to(&[600, 1700]), [0, 9])),
        (
            "joined",
            concatenate(
                &[
                    cut(x.clone(), [0, 0]).index([Index::from(0..300)]),
                    cut(x.clone(), [9, 9]).index([Index::from(0..300)]),
                ],
                0,
            ),
        ),
    ]
}

#[test]
fn factors_where_they_lie_give_the_bits_of_copies() {
    let single = Array::from_ndarray(matrix(1300, 1700, 1, single));
    let double = Array::from_ndarray(matrix(1300, 1700, 2, |h| f64::from(self::single(h)) + 1e-9));
    let whole = Array::from_ndarray(matrix(1300, 1700, 3, |h| (h >> 50) as i32));
    for (x, threads) in [(&single, 1), (&single, 3), (&double, 2), (&whole, 2)] {
        let s = session(threads, "256MiB");
        let right = x.index([Index::from(100..1200), Index::from(900..1200)]);
        for (name, left) in views(x) {
            for (name, a, b) in [(name, &left, &right), ("turned", &right.t(), &left.t())] {
                let direct = s.compute(&a.matmul(b)).unwrap();
                // An operation on a factor has it computed piece by piece.
                let copied = s.compute(&(a * 1).matmul(&(b * 1))).unwrap();
                assert_eq!(canonical(&direct), canonical(&copied), "{name}, {:?}", x.dtype());
            }
        }
    }
}

/// Whole numbers, whose products are exact: the right elements, along edges of tiles of every size.
#[test]
fn elements_are_right_at_the_edges_of_tiles() {
    let s = session(4, "256MiB");
    for (m, k, n) in
        [(1, 1, 1), (1, 2000, 1), (255, 1, 257), (256, 1024, 256), (257, 1025, 1030), (2049, 3, 513)]
    {
        let number = |h: u64| (h >> 60) as f32 - 7.0;
        let (a, b) = (matrix(m, k, 1, number), matrix(k, n, 2, number));
        let product = Array::from_ndarray(a.clone()).matmul(&Array::from_ndarray(b.clone()));
        let got = s.compute(&product).unwrap().to_ndarray::<f32>().unwrap();
        for i in [0, 1, 254, 255, 256, 511, 512, 1023, 1024, 2047, 2048].into_iter().filter(|&i| i < m) {
            for j in 0..n {
                let exact: i64 = (0..k).map(|p| (a[[i, p]] * b[[p, j]]) as i64).sum();
                assert_eq!(got[[i, j]], exact as f32, "{m} {k} {n} at {i}, {j}");
            }
        }
    }
}

#[test]
fn small_products_are_several_tasks_and_large_ones_are_not_crumbs() {
    let tasks = |n: u64| {
        let (a, b) = (Array::random(&[n, n], 1, DType::F32), Array::random(&[n, n], 2, DType::F32));
        let plan = Session::builder().threads(1).build().unwrap().plan(&[&a.matmul(&b).sum()]).unwrap();
        plan.stages().iter().map(|s| s.grid.blocks()).max().unwrap()
    };
    assert_eq!([512, 1024, 2048, 4096, 16384].map(tasks), [4, 16, 16, 16, 64]);
    let s = session(2, "64MiB");
    let x = Array::from_ndarray(matrix(1024, 1024, 5, single));
    let product = x.matmul(&x);
    let report = s.run(&[&product.sum_with(Over::all())]).unwrap().report;
    assert_eq!(report.tasks.cpu, 16);
}

fn held_and_not(threads: usize, memory: &str) -> [Session; 2] {
    let builder = || Session::builder().device(common::device()).threads(threads).memory(memory);
    let not = PlanOptions::new().hold_bytes(0);
    [builder().build().unwrap(), builder().plan_options(not).build().unwrap()]
}

/// A product that is a factor, or that two stages need, is computed once, with the bits that it has when it is
/// computed again and again; where it does not fit it is.
#[test]
fn a_product_that_is_wanted_again_is_held() {
    let folder = folder();
    let stored = |name: &str, seed: u64| {
        let path = folder.path().join(name);
        let data = to_bytes(&elements(DType::F32, 900 * 900, seed, "small"));
        write_file(&path, &[(dataset("x", &[900, 900], DType::F32, Some(&[100, 900]), Some(1)), &data)]);
        Array::open(path, "x").unwrap()
    };
    let [a, b, c] = [stored("a.h5", 1), stored("b.h5", 2), stored("c.h5", 3)];
    let product = a.matmul(&b);
    let chain = product.matmul(&c).sum();
    let factor = (product.sin() + 1.0).t().matmul(&c).max();
    let twice = (&product - product.mean_with(Over::axis(0).keepdims())).std();
    // Little of the product is wanted: it is not held.
    let part = product.index([Index::from(0..3)]).sum() * product.index([Index::from(3..4)]).mean();
    for (target, stages) in [(&chain, 2), (&factor, 2), (&twice, 3), (&part, 3)] {
        for threads in [1, 2] {
            let [holding, not] = held_and_not(threads, "64MiB");
            let (h, n) = (holding.run(&[target]).unwrap(), not.run(&[target]).unwrap());
            let bits = |o: &chunkwise::Outcome| canonical(o.values[0].as_array().unwrap());
            assert_eq!(bits(&h), bits(&n), "{stages} stages");
            let plan = holding.plan(&[target]).unwrap();
            assert_eq!(plan.stages().len(), stages, "{}", holding.explain(&[target]).unwrap());
            assert!(h.report.peak_host_bytes <= h.report.projected_host_bytes, "{:?}", h.report);
            // In a quarter of this the product of 3 MB has no room.
            let [tight, _] = held_and_not(threads, "10MiB");
            if let Ok(outcome) = tight.run(&[target]) {
                assert_eq!(bits(&outcome), bits(&h));
            }
            assert!(tight.plan(&[target]).unwrap().stages().len() < 3 || stages == 3);
        }
    }
    // A stored product that another stage needs.
    let path = folder.path().join("p.h5");
    let [holding, not] = held_and_not(2, "64MiB");
    for (session, name) in [(&holding, "held.h5"), (&not, "not.h5")] {
        let path = path.with_file_name(name);
        session
            .store(&path, &[("/p", &product), ("/q", &(&product - product.mean()))], &StoreOptions::new())
            .unwrap();
        let p = Array::open(&path, "/p").unwrap();
        let same = session.compute(&p.not_equal(&product).count_nonzero()).unwrap();
        assert_eq!(same.item::<i64>().unwrap(), 0, "{name}");
        let q = Array::open(&path, "/q").unwrap();
        let same = session.compute(&q.not_equal(&(&product - product.mean())).count_nonzero()).unwrap();
        assert_eq!(same.item::<i64>().unwrap(), 0, "{name}");
    }
}

/// Matrices beside each other have the bits of products of two, however many are taken together.
#[test]
fn each_matrix_of_a_stack_is_multiplied_by_itself() {
    let at = |x: &Array, i: u64| if x.shape().unwrap()[0] == 1 { 0 } else { i as i64 };
    for (a, b) in [
        ([70, 3, 4], [70, 4, 5]),
        ([3000, 7, 9], [1, 9, 7]),
        ([1, 40, 300], [20, 300, 30]),
        ([4, 3, 2500], [4, 2500, 2]),
        ([3, 300, 1100], [3, 1100, 270]),
    ] {
        for dtype in [DType::F64, DType::F16, DType::I16] {
            let (x, y) = (array(dtype, &a, 1, "wide"), array(dtype, &b, 2, "wide"));
            // Sums that the order shows in.
            let (x, y) = if dtype.is_float() { (x.arctan() + 0.1, y.arctan() * 0.3) } else { (x, y) };
            let s = session(2, "128MiB");
            let all = x.matmul(&y);
            for i in [0, a[0].max(b[0]) / 2, a[0].max(b[0]) - 1] {
                let one = x.index([Index::At(at(&x, i))]).matmul(&y.index([Index::At(at(&y, i))]));
                let [of_all, one] = [all.index([Index::At(i as i64)]), one].map(|a| s.compute(&a).unwrap());
                assert_eq!(canonical(&of_all), canonical(&one), "{a:?} {b:?} {dtype} at {i}");
            }
            if dtype.is_float() {
                continue;
            }
            // Backwards, stepped and transposed views of it.
            let view = |x: Array| x.index([Index::ALL.step(-2), Index::from(1..), Index::from(..-1)]).t();
            let made = Array::from_ndarray(s.compute(&all).unwrap().to_ndarray::<i16>().unwrap());
            let [lazy, eager] = [view(all), view(made)].map(|a| s.compute(&a).unwrap());
            assert_eq!(canonical(&lazy), canonical(&eager), "{a:?} {b:?} {dtype}");
        }
    }
}

/// Small matrices in chunks are decoded once where a task takes whole chunks, and once with what is kept otherwise.
#[test]
fn stacks_and_vectors_decode_each_chunk_about_once() {
    let folder = folder();
    let path = folder.path().join("stacks.h5");
    let (shape, chunks) = ([6000u64, 6, 5], [100u64, 6, 5]);
    let data = |seed| to_bytes(&elements(DType::F32, shape.iter().product(), seed, "small"));
    let (long, blocks) = ([900u64, 5000], [90u64, 500]);
    let matrix = to_bytes(&elements(DType::F64, 900 * 5000, 3, "small"));
    write_file(
        &path,
        &[
            (dataset("a", &shape, DType::F32, Some(&chunks), Some(1)), &data(1)),
            (dataset("b", &shape, DType::F32, Some(&chunks), Some(1)), &data(2)),
            (dataset("m", &long, DType::F64, Some(&blocks), Some(1)), &matrix),
        ],
    );
    let [a, b, m] = ["a", "b", "m"].map(|n| Array::open(&path, n).unwrap());
    let s = session(2, "64MiB");
    let product = a.matmul(&b.transpose(&[0, 2, 1]));
    let outcome = s.run(&[&product.sum()]).unwrap();
    assert_eq!(outcome.report.chunks_decoded, 2 * chunks_of(&shape, &chunks));
    assert!(outcome.report.tasks.cpu + outcome.report.tasks.gpu > 1);
    let v = Array::arange_int(0, 5000, 1) % 7;
    let outcome = s.run(&[&m.matmul(&v), &v.index([Index::from(..900)]).matmul(&m)]).unwrap();
    // Both in one walk.
    assert_eq!(outcome.report.chunks_decoded, chunks_of(&long, &blocks));
    // Whole numbers of eighths: exact in any order.
    let by_hand: f64 = (0..5000)
        .map(|j| {
            let x = elements(DType::F64, j + 1, 3, "small").pop().unwrap().to_f64();
            x * (j % 7) as f64
        })
        .sum();
    let chunkwise::Value::Array(first) = &outcome.values[0] else { panic!() };
    assert_eq!(first.scalar(0).unwrap().to_f64(), by_hand);
}

/// A long product of two vectors is right to two roundings, where sums in a row would lose all digits.
#[test]
fn a_product_of_vectors_is_exact_but_for_its_products() {
    let s = session(3, "64MiB");
    let x = Array::from_ndarray(ndarray::array![1e16, 1.0, -1e16, 3.0]);
    let ones = Array::ones(&[4], DType::F64);
    assert_eq!(s.compute(&x.matmul(&ones)).unwrap().item::<f64>().unwrap(), 4.0);
    let n = 3_000_000;
    let long = Array::arange_int(0, n, 1);
    let sum = s.compute(&(&long * 1i64).dot(&(&long << 40i64))).unwrap().item::<i64>().unwrap();
    let wrapped = (0..n).fold(0i64, |sum, v| sum.wrapping_add(v.wrapping_mul(v << 40)));
    assert_eq!(sum, wrapped);
}

#[test]
fn factors_that_do_not_fit_are_told() {
    let of = |shape: &[u64]| Array::ones(shape, DType::F32);
    let error = |a: &[u64], b: &[u64]| {
        let e = of(a).matmul(&of(b)).check().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Shape);
        e.to_string()
    };
    assert!(error(&[3, 4], &[3, 4]).contains("a mismatch in its core dimension, 3 is not 4"));
    assert!(error(&[1], &[3]).contains("core dimension"));
    assert!(error(&[2, 3, 4], &[3, 4, 5]).contains("leading axes (2,) and (3,) do not broadcast"));
    assert!(error(&[3], &[]).contains("a scalar is no matrix"));
    let whole = format!("{:?}", of(&[3]).matmul(&of(&[4])).check().unwrap_err());
    assert!(whole.contains("products.rs"), "{whole}");
}
