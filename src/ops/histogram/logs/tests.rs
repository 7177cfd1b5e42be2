//! Against binary searches among the edges, of the values and of the elementwise rows' results.

use super::*;
use crate::dtype::DType;
use crate::ops::elementwise::{Op, Operand};
use crate::ops::histogram::HistogramSpec;
use crate::ops::histogram::{Edges, LogOf};

/// The slot of a value, counted among the edges; values that are not positive have their own on a log
/// axis.
fn slot(edges: &[f64], log: bool, x: f64) -> u32 {
    let n = edges.len() - 1;
    let slot = match x {
        _ if x.is_nan() => n + 2,
        _ if log && x <= 0.0 => n + 3,
        _ if x > edges[n] => n + 1,
        _ => edges.partition_point(|&e| e <= x).min(n),
    };
    slot as u32
}

/// Floats with these bits and their neighbours on both sides.
fn around32(x: f32) -> impl Iterator<Item = f32> {
    (-400..400i32).map(move |k| f32::from_bits(x.to_bits().wrapping_add_signed(k)))
}

fn around64(x: f64) -> impl Iterator<Item = f64> {
    (0..60).flat_map(move |shift| {
        [-3, -1, 0, 1, 2].map(|k: i64| f64::from_bits(x.to_bits().wrapping_add_signed(k << shift)))
    })
}

const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    -1.0,
    1.0,
    1e-320,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1e-40,
    1.1754943508222875e-38,
    3.4028234663852886e38,
    std::f64::consts::FRAC_1_SQRT_2,
    std::f64::consts::SQRT_2,
    1e300,
];

#[test]
fn the_polynomial_is_as_near_as_it_says_at_every_mantissa() {
    for log2 in [log2::<false>, log2::<true>] {
        let worst = (0..1 << 23)
            .map(|k| f32::from_bits(ROOT32 + k))
            .map(|m| (log2(m) as f64 - (m as f64).log2()).abs())
            .fold(0.0, f64::max);
        assert!(worst <= POLYNOMIAL_ERROR && worst > POLYNOMIAL_ERROR / 2.0, "{worst:e}");
    }
    // What dropping bits can do: the slope at √½.
    let slope = std::f64::consts::LOG2_E / std::f64::consts::FRAC_1_SQRT_2;
    assert!(slope * f64::exp2(-24.0) <= DROPPED);
}

#[test]
fn floats_are_taken_apart_into_exponent_and_mantissa() {
    let root = f32::from_bits(ROOT32);
    for x in [1.0f32, 0.5, root.next_down(), root, 2.0 * root, 3.0, 2e-38, 3e38, 1.2345e-7] {
        let (outside, exponent, mantissa) = x.to_ne_bytes().parts();
        assert!(!outside && (root..2.0 * root).contains(&mantissa), "{x:e} {mantissa}");
        assert_eq!(f64::exp2(exponent.into()) * f64::from(mantissa), f64::from(x));
        let y = f64::from(x) * (1.0 + f64::exp2(-40.0));
        assert_eq!(y.to_ne_bytes().parts(), (false, exponent, mantissa), "{x:e}");
    }
    for x in SPECIAL {
        let fine = x.is_normal() && x > 0.0;
        assert_eq!(x.to_ne_bytes().parts().0, !fine, "{x:e}");
        let x = x as f32;
        assert_eq!(x.to_ne_bytes().parts().0, !(x.is_normal() && x > 0.0), "{x:e}");
    }
}

#[test]
fn slots_on_log_axes_are_those_of_comparison() {
    for (lo, hi, bins) in [
        (1e-3, 10.0, 64),
        (1e-3, 10.0, 1000),
        (1.0, 2.0, 7),
        (1e-30, 1e30, 100),
        (2e-38, 3e38, 300),
        (1e-300, 1e300, 50),
        (1e33, 1e46, 80),
        (0.99, 1.02, 1),
        (4e20, 7e25, 50),
    ] {
        let edges = Edges::log(lo, hi, bins).unwrap();
        let (values, finder) = (edges.values(), edges.finder());
        assert!(Logs::of_edges(values).is_some(), "{lo} {hi} {bins}");
        let mut x: Vec<f64> = values.iter().flat_map(|&e| around64(e)).chain(SPECIAL).collect();
        x.extend((0..40_000).map(|k| lo * (hi / lo * 1.5).powf(k as f64 / 30_000.0 - 0.1)));
        let mut y: Vec<f32> = values.iter().flat_map(|&e| around32(e as f32)).collect();
        y.extend(x.iter().map(|&x| x as f32));
        y.extend((0..u32::MAX).step_by(49_999).map(f32::from_bits));
        let wide: Vec<f64> = y.iter().map(|&y| y.into()).collect();
        for simd in Simd::available() {
            let (mut of_x, mut of_y) = (vec![0; x.len()], vec![0; y.len()]);
            finder.slots(simd, &x, &mut of_x);
            if !finder.slots_f32(simd, bytemuck::cast_slice(&y), &mut of_y) {
                assert!(lo < 1e-38 || hi > 1e39, "{lo} {hi} {bins}");
                finder.slots(simd, &wide, &mut of_y);
            }
            for (&x, &found) in x.iter().zip(&of_x).chain(wide.iter().zip(&of_y)) {
                assert_eq!(found, slot(values, true, x), "{x:e} among {lo} {hi} {bins}, {}", simd.name());
            }
        }
    }
}

#[test]
fn slots_of_logarithms_are_those_of_the_rows_results() {
    for (name, base) in [("log", std::f64::consts::E), ("log2", 2.0), ("log10", 10.0)] {
        let op = Op::from_name(name).unwrap();
        for (lo, hi, bins) in [
            (-3.0, 1.0, 64),
            (-4.0, 5.0, 500),
            (0.0, 1.0, 9),
            (-30.0, 30.0, 60),
            (2.9, 3.0, 10),
            (-280.0, 290.0, 40),
        ] {
            let edges = Edges::uniform(lo, hi, bins).unwrap();
            let values = edges.values();
            let mut x: Vec<f64> =
                values.iter().flat_map(|&e| around64(base.powf(e))).chain(SPECIAL).collect();
            x.extend((0..20_000).map(|k| base.powf(lo + (hi - lo) * (k as f64 / 15_000.0 - 0.1))));
            let mut y: Vec<f32> = values.iter().flat_map(|&e| around32(base.powf(e) as f32)).collect();
            y.extend(x.iter().map(|&x| x as f32));
            // In doubt now and then, always, and not even a group.
            for (dtype, bytes) in [
                (DType::F64, bytemuck::cast_slice::<f64, u8>(&x)),
                (DType::F32, bytemuck::cast_slice(&y)),
                (DType::F64, bytemuck::cast_slice(&x[..3])),
            ] {
                for simd in Simd::available() {
                    let log = LogOf::new(op, dtype, &edges, simd).unwrap();
                    let signature = op.signature(&[Operand::Strong(dtype)]).unwrap();
                    let mut results = crate::buffer::Buffer::zeroed(bytes.len());
                    op.kernel(&signature, simd).run(&[bytes], &mut results);
                    let mut found = vec![0; bytes.len() / dtype.size()];
                    log.slots(simd, edges.finder(), bytes, &mut found);
                    for (i, &found) in found.iter().enumerate() {
                        let result = match dtype {
                            DType::F32 => bytemuck::cast_slice::<u8, f32>(&results)[i].into(),
                            _ => bytemuck::cast_slice::<u8, f64>(&results)[i],
                        };
                        let want = slot(values, false, result);
                        assert_eq!(
                            found,
                            want,
                            "{name} {result} {i} of {dtype} among {edges:?}, {}",
                            simd.name()
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn what_float32_cannot_tell_and_other_operations_are_left_alone() {
    let edges = |bins| Edges::uniform(-3.0, 1.0, bins).unwrap();
    let new = |name: &str, dtype, edges: &Edges| {
        LogOf::new(Op::from_name(name).unwrap(), dtype, edges, Simd::best()).is_some()
    };
    assert!(new("log10", DType::F32, &edges(100)));
    assert!(!new("log10", DType::F32, &edges(1 << 20)));
    assert!(!new("log10", DType::F16, &edges(100)));
    assert!(!new("log1p", DType::F32, &edges(100)) && !new("sqrt", DType::F64, &edges(100)));
    assert!(!new("log10", DType::F64, &Edges::log(1.0, 10.0, 10).unwrap()));
    // A logarithm of another dtype than its column's is refused.
    let (edges, x) = (edges(4), [1.0f32]);
    let log = LogOf::new(Op::from_name("log10").unwrap(), DType::F64, &edges, Simd::best()).unwrap();
    let spec = HistogramSpec::new(vec![edges], vec![DType::F32], None).unwrap();
    let tile = super::super::Tile {
        coords: &[bytemuck::cast_slice(&x)],
        logs: &[Some(&log)],
        weights: None,
        mask: None,
        n: 1,
    };
    let mut state = super::super::State::new(&spec).unwrap();
    assert!(state.update(&spec, tile, &mut Default::default(), Simd::best()).is_err());
}
