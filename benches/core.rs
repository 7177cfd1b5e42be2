//! The kernels and one whole run, each compared with an independent answer before it is timed.
//!
//! `cargo bench --bench core` times them; `cargo bench --bench core -- --test` runs each once.

use chunkwise::sink::hdf5::{DatasetSpec, Filter, Hdf5Writer, WriteScratch};
use chunkwise::{Array, BinAxis, DType, Element, Session, Target};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use half::f16;
use ndarray::Array1;
use num_traits::AsPrimitive;
use std::hint::black_box;
use std::time::Duration;

const N: usize = 1 << 22;

/// Uniform values from a splitmix generator: the bench does not lean on the code that it times.
fn uniform(seed: u64) -> Vec<f32> {
    let mut s = seed;
    (0..N)
        .map(|_| {
            s = s.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = s;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
        })
        .collect()
}

fn session() -> Session {
    Session::builder().memory("1GiB").build().expect("a session")
}

fn item(session: &Session, x: &Array) -> f32 {
    session.compute(x).and_then(|v| v.item()).expect("a number")
}

fn benches(c: &mut Criterion) {
    let session = session();
    let data = uniform(1);
    let x = Array::from_ndarray(Array1::from(data.clone()));
    let mut group = c.benchmark_group("memory f32");
    group.throughput(Throughput::Elements(N as u64));
    group.sample_size(20);

    // Values k / 2^24 sum exactly as integers.
    let exact: u64 = data.iter().map(|&v| (v * (1u64 << 24) as f32) as u64).sum();
    let sum = x.sum();
    assert_eq!(item(&session, &sum), (exact as f64 / (1u64 << 24) as f64) as f32);
    group.bench_function("plain sum (the limit)", |b| {
        b.iter(|| {
            let mut lanes = [0f32; 32];
            for chunk in black_box(&data).as_chunks::<32>().0 {
                lanes.iter_mut().zip(chunk).for_each(|(l, v)| *l += v);
            }
            black_box(lanes)
        })
    });
    group.bench_function("exact sum", |b| b.iter(|| session.run(&[black_box(&sum)])));

    let std = x.std();
    let mean = data.iter().map(|&v| v as f64).sum::<f64>() / N as f64;
    let var = data.iter().map(|&v| (v as f64 - mean).powi(2)).sum::<f64>() / N as f64;
    assert!((item(&session, &std) as f64 - var.sqrt()).abs() < 1e-7);
    group.bench_function("exact std", |b| b.iter(|| session.run(&[black_box(&std)])));

    let fused = ((&x * &x + &x * &x).sqrt() * 2.0 - 1.0).max();
    let plain = data.iter().map(|&v| (v * v + v * v).sqrt() * 2.0 - 1.0).fold(f32::MIN, f32::max);
    assert_eq!(item(&session, &fused), plain);
    group.bench_function("sqrt(a*a + b*b)*2 - 1, max", |b| b.iter(|| session.run(&[black_box(&fused)])));

    let binned = x.histogram(BinAxis::Uniform { bins: 100, low: 0.0, high: 1.0 });
    let h = session.compute_histogram(&binned).expect("a histogram");
    let edges = &h.edges()[0];
    let mut counts = vec![0u64; 100];
    for &v in &data {
        let bin = edges.partition_point(|&e| e <= v as f64) - 1;
        counts[bin.min(99)] += 1;
    }
    assert_eq!(h.counts(), counts);
    group.bench_function("histogram, 100 bins", |b| b.iter(|| session.run(&[black_box(&binned)])));
    group.finish();

    spread(c, &session);
    matmul(c, &session, &data);
    file(c, &session, &data);
    dtypes(c, &session, &data);
}

/// Exact sums of float64 whose exponents are more and more spread.
fn spread(c: &mut Criterion, session: &Session) {
    const HALF: usize = N / 2;
    let (u, v, w) = (uniform(2), uniform(3), uniform(4));
    let normal =
        |k: usize| (-2.0 * (1.0 - u[k] as f64).ln()).sqrt() * (std::f64::consts::TAU * v[k] as f64).cos();
    let decades = |k: usize, d: f64| 10f64.powf((u[k] as f64 - 0.5) * d);
    type Make<'a> = Box<dyn Fn(usize) -> f64 + 'a>;
    let distributions: [(&str, Make); 6] = [
        ("uniform", Box::new(|k| u[k] as f64 + v[k] as f64 / (1u64 << 24) as f64)),
        ("lognormal, sigma 5", Box::new(|k| (5.0 * normal(k)).exp())),
        ("24 decades", Box::new(|k| decades(k, 24.0))),
        ("200 decades", Box::new(|k| decades(k, 200.0))),
        ("600 decades", Box::new(|k| decades(k, 600.0))),
        ("9 of 10 are zero, else 24 decades", Box::new(|k| if w[k] < 0.9 { 0.0 } else { decades(k, 24.0) })),
    ];
    let mut group = c.benchmark_group("memory f64");
    group.throughput(Throughput::Elements(N as u64));
    group.sample_size(20);
    for (name, make) in distributions {
        // Every value has its negative somewhere, but for one: the exact sum is that one.
        let mut values: Vec<f64> = (0..HALF).map(make).collect();
        values.extend(values.clone().iter().rev().map(|x| -x));
        (values[7], values[N - 8]) = (1.25, 0.0);
        let x = Array::from_ndarray(Array1::from(values));
        let sum = x.sum();
        assert_eq!(session.compute(&sum).and_then(|v| v.item::<f64>()).expect("a number"), 1.25, "{name}");
        group.bench_function(format!("exact sum, {name}"), |b| b.iter(|| session.run(&[black_box(&sum)])));
        let std = x.std();
        group.bench_function(format!("exact std, {name}"), |b| b.iter(|| session.run(&[black_box(&std)])));
    }
    group.finish();
}

fn matmul(c: &mut Criterion, session: &Session, data: &[f32]) {
    let n = 1024usize;
    let square = |from: usize| {
        let values = data[from..from + n * n].to_vec();
        ndarray::Array2::from_shape_vec((n, n), values).expect("a square")
    };
    let (a, b) = (square(0), square(n * n));
    let product = Array::from_ndarray(a.clone()).matmul(&Array::from_ndarray(b.clone()));
    let ours = session.compute(&product).and_then(|v| v.to_ndarray::<f32>()).expect("a product");
    let exact: f64 = (0..n).map(|k| a[[3, k]] as f64 * b[[k, 5]] as f64).sum();
    assert!((ours[[3, 5]] as f64 - exact).abs() / exact < 1e-6);
    let mut group = c.benchmark_group("matmul f32");
    group.throughput(Throughput::Elements(2 * (n * n * n) as u64));
    group.sample_size(10);
    group.bench_function("1024", |b| b.iter(|| session.run(&[black_box(&product) as &dyn Target])));
    group.finish();
}

fn file(c: &mut Criterion, session: &Session, data: &[f32]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bench.h5");
    let chunk = 1usize << 18;
    let spec = DatasetSpec {
        chunks: Some(vec![chunk as u64]),
        filters: Filter::shuffle_deflate(4),
        ..DatasetSpec::new("x", &[N as u64], DType::F32)
    };
    let writer = Hdf5Writer::create(&path, &[spec]).expect("a file");
    let mut scratch = WriteScratch::new();
    for (k, values) in data.chunks(chunk).enumerate() {
        writer.write_chunk(0, &[k as u64], bytemuck::cast_slice(values), &mut scratch).expect("a chunk");
    }
    writer.finish().expect("a file");
    let stored = Array::open(&path, "/x").expect("a dataset");
    let memory = Array::from_ndarray(Array1::from(data.to_vec()));
    assert_eq!(item(session, &stored.mean()), item(session, &memory.mean()));
    let mean = stored.mean();
    let mut group = c.benchmark_group("HDF5 shuffle + deflate f32");
    group.throughput(Throughput::Bytes(4 * N as u64));
    group.sample_size(10);
    group.bench_function("mean", |b| b.iter(|| session.run(&[black_box(&mean)])));
    group.finish();
}

/// The same few works in every dtype: one elementwise kernel each, into memory that is there; a sum; a histogram.
fn dtypes(c: &mut Criterion, session: &Session, data: &[f32]) {
    // Numbers that every dtype has, and their squares.
    let numbers: Vec<u8> = data.iter().map(|v| (v * 11.0) as u8).collect();
    let mut group = c.benchmark_group("dtypes");
    group.throughput(Throughput::Elements(N as u64));
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    // A dtype, and that of its roots.
    macro_rules! table {
        ($($t:ident $float:ident;)*) => { $( dtype::<$t, $float>(&mut group, session, &numbers); )* };
    }
    table! {
        i8 f16; i16 f32; i32 f64; i64 f64; u8 f16; u16 f32; u32 f64; u64 f64; f16 f16; f32 f32; f64 f64;
    }
    group.finish();
}

/// A name, what it computes from the numbers, and the same of one number.
type Work = (&'static str, Array, fn(f64) -> f64);

fn dtype<T, F>(group: &mut BenchmarkGroup<WallTime>, session: &Session, numbers: &[u8])
where
    T: Element + AsPrimitive<f64>,
    F: Element + AsPrimitive<f64>,
    u8: AsPrimitive<T>,
    f64: AsPrimitive<T> + AsPrimitive<F>,
{
    let x = Array::from_ndarray(numbers.iter().map(|v| v.as_()).collect::<Array1<T>>());
    let arithmetic: [Work; 2] = [("add", &x + &x, |v| v + v), ("multiply", &x * &x, |v| v * v)];
    let functions: [Work; 2] = [("sqrt", x.sqrt(), f64::sqrt), ("exp", x.exp(), f64::exp)];
    for (name, array, f) in arithmetic {
        elementwise::<T>(group, session, (name, T::DTYPE), &array, numbers, f);
    }
    for (name, array, f) in functions {
        elementwise::<F>(group, session, (name, T::DTYPE), &array, numbers, f);
    }

    let sum = x.sum();
    let exact = numbers.iter().map(|&v| v as u64).sum::<u64>() as f64;
    // Integers are summed in 64 bits; float16 overflows.
    let rounded: T = exact.as_();
    let expected = if T::DTYPE.is_float() { rounded.as_() } else { exact };
    let got: f64 = session.compute(&sum.cast(DType::F64)).and_then(|v| v.item()).expect("a number");
    assert_eq!(got, expected, "sum of {}", T::DTYPE);
    group.bench_function(format!("sum {}", T::DTYPE), |b| b.iter(|| session.run(&[black_box(&sum)])));

    let binned = x.histogram(BinAxis::Uniform { bins: 11, low: 0.0, high: 11.0 });
    let mut counts = vec![0u64; 11];
    numbers.iter().for_each(|&v| counts[v as usize] += 1);
    assert_eq!(session.compute_histogram(&binned).expect("a histogram").counts(), counts);
    group
        .bench_function(format!("histogram {}", T::DTYPE), |b| b.iter(|| session.run(&[black_box(&binned)])));
}

/// `array`, whose elements are `f` of the numbers.
fn elementwise<O>(
    group: &mut BenchmarkGroup<WallTime>,
    session: &Session,
    (name, dtype): (&str, DType),
    array: &Array,
    numbers: &[u8],
    f: fn(f64) -> f64,
) where
    O: Element + AsPrimitive<f64>,
    f64: AsPrimitive<O>,
{
    let mut out = Array1::<O>::from_elem(numbers.len(), 0.0.as_());
    session.compute_into(array, out.view_mut()).expect("a result");
    let tolerance = match size_of::<O>() {
        8 => 1e-14,
        4 => 1e-6,
        _ => 1e-3,
    };
    let near = |(&got, &v): (&O, &u8)| (got.as_() - f(v as f64)).abs() <= tolerance * f(v as f64);
    assert!(out.iter().zip(numbers).all(near), "{name} of {dtype}");
    group.bench_function(format!("{name} {dtype}"), |b| {
        b.iter(|| session.compute_into(black_box(array), out.view_mut()))
    });
}

criterion_group!(core, benches);
criterion_main!(core);
