//! One answer: the same bits for every chunk shape, thread count, budget, block size and vector
//! level. And the right bits: sums, means, variances and bins against unbounded integers.

mod common;
#[path = "common/oracle.rs"]
mod oracle;

use chunkwise::ops::simd::Simd;
use chunkwise::{Array, BinAxis, Binned, DType, Over, PlanOptions, QuantileMethod, Scalar, Session, Target};
use common::{dataset, elements, exact_text, folder, to_bytes, write_file};
use oracle::{F32, F64, Format, Moments};
use std::path::Path;

const SHAPE: [u64; 3] = [37, 45, 14];
const NAMES: [(&str, DType, &str); 7] = [
    ("f64", DType::F64, "wide"),
    ("f32", DType::F32, "wide"),
    ("f16", DType::F16, "wide"),
    ("i32", DType::I32, "wide"),
    ("nan", DType::F32, "nan"),
    ("w", DType::F32, "wide"),
    ("inf", DType::F64, "inf"),
];

fn values(name: usize) -> Vec<Scalar> {
    let (_, dtype, mode) = NAMES[name];
    elements(dtype, SHAPE.iter().product(), name as u64 + 1, mode)
}

fn numbers(name: usize) -> Vec<f64> {
    values(name).into_iter().map(Scalar::to_f64).collect()
}

/// Chunk shapes and deflate levels.
const LAYOUTS: [(Option<[u64; 3]>, Option<u8>); 8] = [
    (None, None),
    (Some([37, 45, 14]), None),
    (Some([1, 45, 14]), Some(1)),
    (Some([8, 8, 8]), Some(4)),
    (Some([37, 1, 5]), None),
    (Some([5, 45, 3]), Some(6)),
    (Some([20, 23, 14]), Some(1)),
    (Some([10, 20, 1]), None),
];

fn write(path: &Path, (chunks, deflate): (Option<[u64; 3]>, Option<u8>)) {
    let data: Vec<Vec<u8>> = (0..NAMES.len()).map(|n| to_bytes(&values(n))).collect();
    let sets: Vec<_> = NAMES
        .iter()
        .zip(&data)
        .map(|(n, d)| (dataset(n.0, &SHAPE, n.1, chunks.as_ref().map(|c| &c[..]), deflate), d.as_slice()))
        .collect();
    write_file(path, &sets);
}

fn targets(path: &Path) -> Vec<(String, Box<dyn Target>)> {
    let mut out: Vec<(String, Box<dyn Target>)> = Vec::new();
    let x: Vec<Array> = NAMES.iter().map(|n| Array::open(path, n.0).unwrap()).collect();
    for ((name, dtype, _), a) in NAMES.iter().zip(&x) {
        let plain = ["sum", "mean", "var", "std", "min", "max", "argmin", "argmax", "any", "count_nonzero"];
        let nan = ["nansum", "nanmean", "nanvar", "nanstd", "nanmin", "nanargmax", "nanmax"];
        for row in plain.iter().chain(if dtype.is_float() { &nan[..] } else { &[] }) {
            let row = chunkwise::ops::reduce::Reduction::from_name(row).unwrap();
            out.push((format!("{row} {name}"), Box::new(a.reduce(row, Over::all()))));
        }
        for axes in [vec![0], vec![1], vec![-1], vec![0, 2], vec![1, 2]] {
            out.push((format!("mean {name} {axes:?}"), Box::new(a.mean_with(Over::axes(axes.clone())))));
            out.push((format!("var {name} {axes:?}"), Box::new(a.var_with(Over::axes(axes).ddof(1.0)))));
        }
        out.push((format!("argmax {name} axis 1"), Box::new(a.argmax_with(Over::axis(1)))));
        out.push((format!("min {name} axis 0"), Box::new(a.min_with(Over::axis(0).keepdims()))));
        let quantiles = a.nanquantile_with([0.1, 0.5], QuantileMethod::Weibull, Over::axis(1));
        out.push((format!("nanquantile {name} axis 1"), Box::new(quantiles)));
        // So many that they are counted and not gathered.
        let more = a.broadcast_to(&[3, SHAPE[0], SHAPE[1], SHAPE[2]]);
        out.push((format!("nanmedian {name}"), Box::new(more.nanmedian())));
    }
    let [f64, f32, _f16, i32, nan, w, _inf] = &x[..] else { unreachable!() };
    let mut push = |name: &str, t: Box<dyn Target>| out.push((name.into(), t));
    push("sum of an expression", Box::new((f32 * 2.0 - nan).nansum()));
    push("standardised", Box::new(((f32 - f32.mean()) / f32.std()).var()));
    push("where", Box::new(f64.sum_with(Over::all().mask(&i32.greater(0)))));
    push("product of types", Box::new((i32 * f32).mean_with(Over::axis(2))));
    push("transposed", Box::new((f32.t() + nan.t()).nansum_with(Over::axes([0, 1]))));
    push(
        "sliced",
        Box::new(f64.index([chunkwise::Index::ALL.step(-3), (5..40).into(), chunkwise::Index::At(-2)]).sum()),
    );
    push("average", Box::new(f32.average_with(Over::axis(0).weights(&w.absolute()))));
    push("elements", Box::new((nan + 1.0).index([chunkwise::Index::from(3..11)])));
    push("reshaped", Box::new(f32.reshape(&[-1, 9]).sum_with(Over::axis(0))));
    push(
        "matmul",
        Box::new(f32.index([chunkwise::Index::At(3)]).matmul(&w.index([chunkwise::Index::At(5)]).t())),
    );
    push("matrices", Box::new(f32.matmul(&w.transpose(&[0, 2, 1]))));
    push(
        "matrices and one",
        Box::new(f64.t().matmul(&i32.index([chunkwise::Index::ALL, chunkwise::Index::At(3)])).sum()),
    );
    push("with a vector", Box::new(f64.matmul(&f32.index([chunkwise::Index::At(1), 2.into()]))));
    push(
        "a vector with",
        Box::new(w.index([chunkwise::Index::At(0), chunkwise::Index::ALL, 3.into()]).matmul(f32)),
    );
    push("histogram", Box::new(nan.histogram(BinAxis::Uniform { bins: 17, low: -2.0, high: 2.0 })));
    push("automatic", Box::new(nan.histogram(BinAxis::Auto(9)).weights(w)));
    push("logarithmic", Box::new(f64.absolute().histogram(BinAxis::AutoLog(12)).weights(i32)));
    push(
        "2-D",
        Box::new(
            Binned::new([
                (nan, BinAxis::Edges(vec![-2.0, -1.0, 0.0, 0.5, 2.5])),
                (i32, BinAxis::Uniform { bins: 8, low: -2e9, high: 2e9 }),
            ])
            .weights(w)
            .mask(&f32.greater(0.0)),
        ),
    );
    out
}

fn answers(session: &Session, path: &Path) -> Vec<(String, String)> {
    let targets = targets(path);
    let list: Vec<&dyn Target> = targets.iter().map(|t| t.1.as_ref()).collect();
    let outcome = session.run(&list).unwrap();
    assert!(outcome.report.peak_host_bytes <= session.memory());
    targets.iter().zip(&outcome.values).map(|(t, v)| (t.0.clone(), exact_text(v))).collect()
}

fn assert_same(case: &str, first: &[(String, String)], other: &[(String, String)]) {
    assert_eq!(first.len(), other.len());
    for (a, b) in first.iter().zip(other) {
        assert!(a == b, "{case}: {} is not the same:\n{}\n{}", a.0, a.1, b.1);
    }
}

#[test]
fn the_same_bits_however_it_is_stored_and_run() {
    let folder = folder();
    let session = |threads: usize, memory: &str, block_bytes: u64, simd: Simd| {
        Session::builder()
            .device(common::device())
            .threads(threads)
            .memory(memory)
            .plan_options(PlanOptions::new().block_bytes(block_bytes))
            .simd(simd)
            .build()
            .unwrap()
    };
    let best = Simd::best();
    let mut first: Option<Vec<(String, String)>> = None;
    let mut runs = 0;
    for (n, layout) in LAYOUTS.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}.h5"));
        write(&path, layout);
        let mut settings =
            vec![(1, "16MiB", 1 << 20, best), (2, "64MiB", 1 << 13, best), (8, "1GiB", 1 << 16, best)];
        if n % 3 == 0 {
            settings.extend(Simd::available().into_iter().map(|simd| (2, "32MiB", 40_000, simd)));
        }
        for (threads, memory, block, simd) in settings {
            let got = answers(&session(threads, memory, block, simd), &path);
            let case = format!("{layout:?}, {threads} threads, {memory}, blocks of {block}, {}", simd.name());
            assert_same(&case, first.get_or_insert_with(|| got.clone()), &got);
            runs += 1;
        }
    }
    println!("{runs} runs of {} targets over {} layouts: the same bits", first.unwrap().len(), LAYOUTS.len());
}

/// Every target on its own in the smallest budget that its refusal names: accumulators in windows,
/// several passes, chunks decoded more than once, and still the same bits.
#[test]
fn the_same_bits_in_the_tightest_budget() {
    let folder = folder();
    let path = folder.path().join("x.h5");
    write(&path, LAYOUTS[3]);
    let options =
        || Session::builder().device(common::device()).plan_options(PlanOptions::new().block_bytes(4096));
    let roomy = options().threads(2).memory("1GiB").build().unwrap();
    let mut passes = 0;
    for (name, target) in targets(&path) {
        let right = exact_text(&roomy.run(&[target.as_ref()]).unwrap().values[0]);
        let mut budget = 1;
        let (session, plan) = loop {
            let session = options().threads(2).memory_bytes(budget).build().unwrap();
            let plan = session.plan(&[target.as_ref()]).unwrap();
            match session.bind(&plan) {
                Ok(bound) => {
                    passes = passes.max(bound.stages.iter().map(|s| s.passes.len()).max().unwrap_or(0));
                    break (session, plan);
                }
                Err(e) => {
                    assert_eq!(e.kind(), chunkwise::ErrorKind::Budget, "{e}");
                    let text = e.to_string();
                    budget = match text.split("budget that works is ").nth(1) {
                        Some(rest) => rest.split(' ').next().unwrap().parse().unwrap(),
                        // The result itself is larger.
                        None => budget * 2,
                    };
                }
            }
        };
        let outcome = session.run_plan(&plan).unwrap();
        assert!(outcome.report.peak_host_bytes <= budget, "{name}: {:?} in {budget}", outcome.report);
        assert!(exact_text(&outcome.values[0]) == right, "{name} in {budget} bytes");
    }
    println!("at most {passes} passes");
    assert!(passes > 1);
}

#[test]
fn and_the_right_bits() {
    let folder = folder();
    let path = folder.path().join("x.h5");
    write(&path, LAYOUTS[3]);
    let session = common::session(2, "64MiB");
    let bits = |a: &Array| -> Vec<u64> {
        let v = session.compute(&a.cast(DType::F64)).unwrap();
        v.as_slice::<f64>().unwrap().iter().map(|v| v.to_bits()).collect()
    };
    let formats: [(usize, Format); 3] = [(0, F64), (1, F32), (2, oracle::F16)];
    for (n, f) in formats.into_iter().chain([(3, F64)]) {
        let x = Array::open(&path, NAMES[n].0).unwrap();
        let v = numbers(n);
        let m = Moments::of(v.iter().copied());
        let name = NAMES[n].0;
        if NAMES[n].1.is_float() {
            assert_eq!(bits(&x.sum()), [m.sum(f).to_bits()], "sum {name}");
        } else {
            let sum: i64 = v.iter().map(|&v| v as i64).sum();
            assert_eq!(session.compute(&x.sum()).unwrap().item::<i64>().unwrap(), sum);
        }
        assert_eq!(bits(&x.mean()), [m.mean(f).to_bits()], "mean {name}");
        assert_eq!(bits(&x.var()), [m.var(0, f).to_bits()], "var {name}");
        assert_eq!(bits(&x.var_with(Over::all().ddof(1.0))), [m.var(1, f).to_bits()], "var ddof {name}");
        assert_eq!(bits(&x.std()), [m.std(0, f).to_bits()], "std {name}");
        // Over axis 0, every output on its own.
        let inner = (SHAPE[1] * SHAPE[2]) as usize;
        let columns = |g: &dyn Fn(Moments) -> f64| -> Vec<u64> {
            (0..inner).map(|c| g(Moments::of(v.iter().skip(c).step_by(inner).copied())).to_bits()).collect()
        };
        assert_eq!(bits(&x.mean_with(Over::axis(0))), columns(&|m| m.mean(f)), "mean axis 0 {name}");
        assert_eq!(bits(&x.std_with(Over::axis(0))), columns(&|m| m.std(0, f)), "std axis 0 {name}");
    }
    // NaN passed over.
    let nan = Array::open(&path, "nan").unwrap();
    let kept: Vec<f64> = numbers(4).into_iter().filter(|v| !v.is_nan()).collect();
    assert_eq!(bits(&nan.nanmean()), [Moments::of(kept.iter().copied()).mean(F32).to_bits()]);
    assert_eq!(bits(&nan.nanvar()), [Moments::of(kept).var(0, F32).to_bits()]);
    assert!(f64::from_bits(bits(&nan.mean())[0]).is_nan());
    // Weighted bins by plain comparison, their sums exact.
    let w = Array::open(&path, "w").unwrap();
    let edges = [-2.0, -1.0, 0.0, 0.5, 2.5];
    let h = session.compute_histogram(&nan.histogram(BinAxis::Edges(edges.to_vec())).weights(&w)).unwrap();
    let pairs: Vec<(f64, f64)> = numbers(4).into_iter().zip(numbers(5)).collect();
    let (_, bytes) = h.weights().unwrap();
    for b in 0..4 {
        let last = b == 3;
        let inside = |v: f64| v >= edges[b] && (v < edges[b + 1] || (last && v == edges[b + 1]));
        let of: Vec<f64> = pairs.iter().filter(|p| inside(p.0)).map(|p| p.1).collect();
        assert_eq!(h.counts()[b], of.len() as u64);
        let sum = f32::from_ne_bytes(bytes[4 * b..4 * b + 4].try_into().unwrap());
        assert_eq!(sum as f64, Moments::of(of).sum(F32));
    }
    let nans = pairs.iter().filter(|p| p.0.is_nan()).count() as u64;
    assert_eq!(h.nan(), nans);
    assert_eq!(h.counts().iter().sum::<u64>() + h.underflow() + h.overflow() + h.nan(), h.total());
}
