//! The functions' two forms of an exact product: every vector level against the baseline, bit by bit.
//! (That the baseline's values are right is tested with the table's rows.)

use crate::DType::{self, F32, F64};
use crate::ops::elementwise::form::Class;
use crate::ops::elementwise::{Op, Operand};
use crate::ops::simd::Simd;
use bytemuck::Pod;

/// The rows that have two forms, of this arity.
fn rows(arity: usize) -> Vec<Op> {
    let two = |op: &Op| op.row().forms.iter().any(|form| form.class == Class::Math);
    let found: Vec<Op> = Op::all().filter(|op| op.arity() == arity && two(op)).collect();
    assert!(!found.is_empty());
    found
}

/// splitmix64
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Any bits, beside 1, the functions' ranges, multiples of π / 2, and small ones down to subnormals.
fn hard(i: usize, least: i32, state: &mut u64) -> f64 {
    let (r, sign) = (random(state), if random(state) & 1 == 1 { -1.0 } else { 1.0 });
    let unit = (r >> 11) as f64 / (1u64 << 53) as f64;
    let small = -((r % 4096) as i32);
    sign * match i % 9 {
        0 => f64::from_bits(r),
        1 => 1.0 + (unit - 0.5) * 2f64.powi(small % 52),
        2 => unit * 750.0,
        3 => unit * 90.0,
        4 => unit,
        5 => (r % 2_000_001) as f64 * std::f64::consts::FRAC_PI_2,
        6 => unit * 1.1e6,
        7 => unit * 2f64.powi(small % -least),
        _ => unit * 20.0,
    }
}

/// Fails unless all levels give the same bits.
fn agree<T: Pod + std::fmt::LowerExp>(op: Op, dtype: DType, args: &[&[T]]) {
    let signature = op.signature(&vec![Operand::Strong(dtype); args.len()]).unwrap();
    let bytes: Vec<&[u8]> = args.iter().map(|a| bytemuck::cast_slice(a)).collect();
    let mut expected = vec![T::zeroed(); args[0].len()];
    op.kernel(&signature, Simd::BASELINE).run(&bytes, bytemuck::cast_slice_mut(&mut expected));
    let mut out = expected.clone();
    for simd in Simd::available() {
        bytemuck::fill_zeroes(&mut out);
        op.kernel(&signature, simd).run(&bytes, bytemuck::cast_slice_mut(&mut out));
        let differs =
            out.iter().zip(&expected).position(|(a, b)| bytemuck::bytes_of(a) != bytemuck::bytes_of(b));
        if let Some(i) = differs {
            let x: Vec<String> = args.iter().map(|a| format!("{:e}", a[i])).collect();
            panic!("{op} {dtype} {x:?} at {}: {:e}, not {:e}", simd.name(), out[i], expected[i]);
        }
    }
}

fn every_float32_by(stride: u64) {
    for first in (0..1u64 << 32).step_by((stride << 16) as usize) {
        let x: Vec<f32> = (0..1 << 16)
            .map(|i| first + i * stride)
            .take_while(|&bits| bits < 1 << 32)
            .map(|bits| f32::from_bits(bits as u32))
            .collect();
        rows(1).into_iter().for_each(|op| agree(op, F32, &[&x]));
    }
}

#[test]
fn float32_levels_agree() {
    every_float32_by(4093);
    let mut state = 1;
    for turn in 0..9 {
        let [x, y] = [0, turn].map(|shift| {
            let value = |i: usize| match i % 4 {
                0 => f32::from_bits(random(&mut state) as u32),
                _ => hard(i + shift, -149, &mut state) as f32,
            };
            (0..1 << 16).map(value).collect::<Vec<f32>>()
        });
        rows(2).into_iter().for_each(|op| agree(op, F32, &[&x, &y]));
    }
}

#[test]
fn float64_levels_agree() {
    let mut state = 2;
    for turn in 0..9 {
        let [x, y] = [0, turn]
            .map(|shift| (0..1 << 16).map(|i| hard(i + shift, -1074, &mut state)).collect::<Vec<f64>>());
        rows(1).into_iter().for_each(|op| agree(op, F64, &[&x]));
        rows(2).into_iter().for_each(|op| agree(op, F64, &[&x, &y]));
    }
}

/// Start it with --ignored, in release.
#[test]
#[ignore = "takes minutes"]
fn float32_levels_agree_everywhere() {
    every_float32_by(1);
}
