//! Two arithmetic steps in one loop, so that what is between them is never stored.
//!
//! A vectorised interpreter's compound primitives (Boncz, Zukowski, Nes: MonetDB/X100, CIDR 2005). The bits are
//! those of the two rows one after the other: both round, no multiply-add is fused, and a NaN on the
//! way gives the one NaN at the end as it would in between.
//!
//! Limits: + − × ÷ of float32 and float64. Rows that cost more gain nothing by it.

use super::Op;
use super::arith::{Add, Divide, Multiply, Subtract, binary, formulas};
use super::kernel::{Binary, KernelAt, Ter, Ternary};
use crate::DType;
use crate::ops::simd::Simd;
use bytemuck::Pod;
use std::marker::PhantomData;

// The first step, whose NaN the second makes the one NaN.
formulas!(Sum, Difference, Product, Quotient);
binary!(f32 f64; same; Sum(a, b) a + b);
binary!(f32 f64; same; Difference(a, b) a - b);
binary!(f32 f64; same; Product(a, b) a * b);
binary!(f32 f64; same; Quotient(a, b) a / b);

/// `G` of `F`'s result and a third value.
struct Left<F, G>(PhantomData<(F, G)>);
/// `G` of a third value and `F`'s result.
struct Right<F, G>(PhantomData<(F, G)>);

impl<T: Pod, F: Binary<T, Out = T>, G: Binary<T, Out = T>> Ternary<T, T, T> for Left<F, G> {
    type Out = T;
    #[inline(always)]
    fn f(a: T, b: T, c: T) -> T {
        G::f(F::f(a, b), c)
    }
}
impl<T: Pod, F: Binary<T, Out = T>, G: Binary<T, Out = T>> Ternary<T, T, T> for Right<F, G> {
    type Out = T;
    #[inline(always)]
    fn f(a: T, b: T, c: T) -> T {
        G::f(c, F::f(a, b))
    }
}

/// Whether [`fused`] has a kernel for rows `first` and `then` in `dtype`.
pub fn fuses(first: Op, then: Op, dtype: DType) -> bool {
    let arithmetic = |op: Op| matches!(op, Op::ADD | Op::SUBTRACT | Op::MULTIPLY | Op::DIVIDE);
    matches!(dtype, DType::F32 | DType::F64) && arithmetic(first) && arithmetic(then)
}

/// The kernel with three arguments, all of `dtype`: those of row `first`, whose result is argument `at` of
/// row `then`, and the other argument of `then`. The bits are those of the two kernels in a row.
pub fn fused(first: Op, then: Op, at: usize, dtype: DType, simd: Simd) -> Option<KernelAt> {
    macro_rules! of {
        ($t:ty, $f:ty) => {
            match (then, at) {
                // A sum or a product is the same from either side.
                (Op::ADD, _) => KernelAt::of::<Ter<Left<$f, Add>, $t, $t, $t>>(simd),
                (Op::MULTIPLY, _) => KernelAt::of::<Ter<Left<$f, Multiply>, $t, $t, $t>>(simd),
                (Op::SUBTRACT, 0) => KernelAt::of::<Ter<Left<$f, Subtract>, $t, $t, $t>>(simd),
                (Op::SUBTRACT, _) => KernelAt::of::<Ter<Right<$f, Subtract>, $t, $t, $t>>(simd),
                (Op::DIVIDE, 0) => KernelAt::of::<Ter<Left<$f, Divide>, $t, $t, $t>>(simd),
                (Op::DIVIDE, _) => KernelAt::of::<Ter<Right<$f, Divide>, $t, $t, $t>>(simd),
                _ => return None,
            }
        };
    }
    macro_rules! in_dtype {
        ($t:ty) => {
            match first {
                Op::ADD => of!($t, Sum),
                Op::SUBTRACT => of!($t, Difference),
                Op::MULTIPLY => of!($t, Product),
                Op::DIVIDE => of!($t, Quotient),
                _ => return None,
            }
        };
    }
    Some(match dtype {
        DType::F32 => in_dtype!(f32),
        DType::F64 => in_dtype!(f64),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;
    use crate::ops::elementwise::{Operand, Signature};

    /// Bits of values at which arithmetic goes wrong, and of ordinary ones.
    fn values(dtype: DType, n: usize) -> Vec<u64> {
        let narrow = dtype == DType::F32;
        let special: &[f64] =
            &[0.0, -0.0, 1.0, -1.5, f64::INFINITY, f64::NEG_INFINITY, 3e-39, -5e-324, 3e38, 1e308];
        let mut bits: Vec<u64> =
            special.iter().map(|&v| if narrow { (v as f32).to_bits() as u64 } else { v.to_bits() }).collect();
        // NaNs of both signs, quiet and signalling, with payloads.
        let nans: [u64; 3] = if narrow {
            [0xffc0_0001, 0x7f80_0001, 0x7fc0_0000]
        } else {
            [0xfff8_0000_0000_0001, 0x7ff0_0000_0000_0001, 0x7ff8_0000_0000_0000]
        };
        bits.extend(nans);
        let mut s = 1u64;
        while bits.len() < n {
            s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            bits.push(if narrow { s >> 32 } else { s });
        }
        bits
    }

    fn buffer(dtype: DType, bits: impl Iterator<Item = u64>) -> Buffer {
        let bytes: Vec<u8> = bits.flat_map(|b| b.to_ne_bytes()[..dtype.size()].to_vec()).collect();
        let mut buffer = Buffer::zeroed(bytes.len());
        buffer.copy_from_slice(&bytes);
        buffer
    }

    #[test]
    fn two_steps_in_one_have_the_bits_of_two() {
        let rows = ["add", "subtract", "multiply", "divide"].map(|name| Op::from_name(name).unwrap());
        for dtype in [DType::F32, DType::F64] {
            let v = values(dtype, 23);
            let k = v.len();
            let n = k * k * k;
            let [a, b, c] = [1, k, k * k].map(|step| buffer(dtype, (0..n).map(|i| v[i / step % k])));
            let signature = rows[0].signature(&[Operand::Strong(dtype); 2]).unwrap();
            let alone = |op: Op, s: &Signature, args: [&[u8]; 2]| {
                let mut out = Buffer::zeroed(args[0].len());
                op.kernel(s, Simd::BASELINE).run(&args, &mut out);
                out
            };
            for (first, then) in rows.iter().flat_map(|f| rows.iter().map(move |t| (*f, *t))) {
                assert!(fuses(first, then, dtype));
                let between = alone(first, &signature, [&a, &b]);
                for at in [0, 1] {
                    let args: [&[u8]; 2] = if at == 0 { [&between, &c] } else { [&c, &between] };
                    let expected = alone(then, &signature, args);
                    for simd in Simd::available() {
                        let mut out = Buffer::zeroed(c.len());
                        let kernel = fused(first, then, at, dtype, simd).unwrap();
                        kernel.run(&[&a, &b, &c], &mut out);
                        assert!(out[..] == expected[..], "{then} of {first}, {at}, {dtype}, {}", simd.name());
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_arithmetic_of_floats_is_left_alone() {
        let [add, sqrt] = ["add", "sqrt"].map(|name| Op::from_name(name).unwrap());
        for dtype in [DType::F16, DType::I32] {
            assert!(!fuses(add, add, dtype) && fused(add, add, 0, dtype, Simd::BASELINE).is_none());
        }
        for (first, then) in [(add, sqrt), (sqrt, add)] {
            assert!(!fuses(first, then, DType::F32));
            assert!(fused(first, then, 0, DType::F32, Simd::BASELINE).is_none());
        }
    }
}
