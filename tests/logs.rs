//! Histograms of logarithms, whose bins are found without taking them: the same counts and sums as of the
//! logarithms themselves, in whatever company these are.

use chunkwise::{Array, BinAxis, Binned, DType, Device, Session, Target};
use ndarray::{ArrayD, IxDyn};

const N: usize = 30_011;

fn session() -> Session {
    Session::builder().device(Device::Cpu).threads(2).build().unwrap()
}

fn column<T: Clone>(f: impl FnMut(usize) -> T) -> ArrayD<T> {
    ArrayD::from_shape_vec(IxDyn(&[N]), (0..N).map(f).collect()).unwrap()
}

/// Values over seven decades with zeros, negative ones, NaN and inf between them.
fn spread(i: usize) -> f64 {
    let u = (i as f64 * 0.618_033_988_749_895).fract();
    match i % 1009 {
        7 => 0.0,
        8 => -3.0,
        9 => f64::NAN,
        10 => f64::INFINITY,
        11 => 1e-3,
        12 => 10.0,
        _ => 10f64.powf(u * 7.0 - 4.5),
    }
}

fn axis(bins: u64) -> BinAxis {
    BinAxis::Uniform { bins, low: -3.0, high: 1.0 }
}

/// The bin among the edges, counted.
fn bin(edges: &[f64], x: f64) -> Option<usize> {
    let n = edges.len() - 1;
    (x >= edges[0] && x <= edges[n]).then(|| (edges.partition_point(|&e| e <= x) - 1).min(n - 1))
}

/// What the session gives for an array, as float64.
fn values(session: &Session, array: &Array) -> Vec<f64> {
    let value = session.compute(&array.cast(DType::F64)).unwrap();
    value.to_ndarray::<f64>().unwrap().into_iter().collect()
}

#[test]
fn one_axis_of_every_dtype() {
    let session = session();
    let columns = [
        Array::from_ndarray(column(spread)),
        Array::from_ndarray(column(|i| spread(i) as f32)),
        Array::from_ndarray(column(|i| half::f16::from_f64(spread(i)))),
        Array::from_ndarray(column(|i| (i % 13) as i32)),
        Array::from_ndarray(column(|i| (i % 13) as u8)),
    ];
    for x in &columns {
        for values_of in [x.log10(), x.log2(), (x * x).log(), x.sqrt()] {
            for bins in [4, 100, 1000] {
                let h = session.compute_histogram(&values_of.histogram(axis(bins))).unwrap();
                let mut counts = vec![0u64; bins as usize];
                let (mut nan, mut below, mut above) = (0, 0, 0);
                for v in values(&session, &values_of) {
                    match bin(&h.edges()[0], v) {
                        Some(b) => counts[b] += 1,
                        None if v.is_nan() => nan += 1,
                        None if v < -3.0 => below += 1,
                        None => above += 1,
                    }
                }
                assert_eq!(h.counts(), counts, "{bins} bins");
                assert_eq!([h.underflow(), h.overflow(), h.nan()], [below, above, nan]);
            }
        }
    }
}

#[test]
fn two_axes_with_weights_and_a_mask_beside_the_logarithm_itself() {
    let session = session();
    let a = Array::from_ndarray(column(|i| spread(i) as f32));
    let b = Array::from_ndarray(column(|i| spread(i * 7 + 3)));
    let w = Array::from_ndarray(column(|i| (i % 31) as f64 * 0.25 - 2.0));
    let mask = a.greater(0.01);
    let (log_a, log_b) = (a.log10(), b.log10());
    let plane = Binned::new([(&log_a, axis(16)), (&log_b, axis(9))]).weights(&w).mask(&mask);
    let (p, q) = (values(&session, &log_a), values(&session, &log_b));
    let (weight, taken) = (values(&session, &w), values(&session, &mask));
    let twice = Binned::new([(&log_a, axis(16)), (&log_a, axis(9))]);
    let own = log_b.histogram(axis(9)).weights(&log_b);
    let sum = log_a.nansum();

    // Alone, and with others that want the same logarithm for itself.
    let companies: [&[&dyn Target]; 4] =
        [&[&plane], &[&plane, &log_a], &[&plane, &sum, &twice], &[&plane, &own]];
    for company in companies {
        let outcome = session.run(company).unwrap();
        let h = outcome.values[0].as_histogram().unwrap();
        let (mut counts, mut sums) = (vec![0u64; 16 * 9], vec![0.0; 16 * 9]);
        for i in 0..N {
            if let (Some(x), Some(y), true) =
                (bin(&h.edges()[0], p[i]), bin(&h.edges()[1], q[i]), taken[i] != 0.0)
            {
                counts[x * 9 + y] += 1;
                sums[x * 9 + y] += weight[i]; // quarters: exact
            }
        }
        assert_eq!(h.counts(), counts);
        let (dtype, bytes) = h.weights().unwrap();
        assert_eq!(dtype, DType::F64);
        let found: Vec<f64> = bytes.as_chunks::<8>().0.iter().map(|&b| f64::from_ne_bytes(b)).collect();
        assert_eq!(found, sums);
    }

    // One logarithm on both axes lies on the diagonal; as its own weight it adds up within its bin.
    let outcome = session.run(&[&Binned::new([(&log_a, axis(16)), (&log_a, axis(16))]), &own]).unwrap();
    let h = outcome.values[0].as_histogram().unwrap();
    let off_diagonal: u64 = (0..256).filter(|i| i / 16 != i % 16).map(|i| h.counts()[i]).sum();
    assert_eq!((off_diagonal, h.total()), (0, N as u64));
    let h = outcome.values[1].as_histogram().unwrap();
    for (k, bytes) in h.weights().unwrap().1.as_chunks::<8>().0.iter().enumerate() {
        let mean = f64::from_ne_bytes(*bytes) / h.counts()[k] as f64;
        assert_eq!(bin(&h.edges()[0], mean), Some(k));
    }
}
