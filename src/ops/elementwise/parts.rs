//! Formulas on a float's exponent and significand: `ldexp`, `frexp`, `spacing`.

use super::arith::{Canonical, formulas};
use super::kernel::{Binary, Unary};

formulas!(Ldexp, Mantissa, Exponent, Spacing);

/// The formulas of `$t` with `$fraction` stored bits of significand and the exponents' `$bias`.
macro_rules! floats {
    ($($t:ident $bits:ident $int:ident $fraction:literal $bias:literal;)*) => { $(
        const _: () = {
            const SIZE: $bits = $bits::MAX >> 1;
            const INFINITY: $bits = $t::INFINITY.to_bits();
            const FIELD: $bits = INFINITY >> $fraction;
            /// 2^n for a normal result.
            #[inline(always)]
            fn pow2(n: $int) -> $t {
                $t::from_bits(((n + $bias) as $bits) << $fraction)
            }
            /// The magnitude's bits made normal by 2^($fraction + 1), and the exponent that it had, as a field.
            #[inline(always)]
            fn normal(x: $bits) -> ($bits, $int) {
                let size = x & SIZE;
                let subnormal = size <= SIZE >> ($bits::BITS - 1 - $fraction);
                let lifted = ($t::from_bits(size) * pow2($fraction + 1)).to_bits();
                let size = if subnormal { lifted } else { size };
                ((size), (size >> $fraction) as $int - if subnormal { $fraction + 1 } else { 0 })
            }
            /// 0, infinity or NaN.
            #[inline(always)]
            fn has_no_parts(x: $bits) -> bool {
                (x & SIZE).wrapping_sub(1) >= INFINITY - 1
            }

            impl Binary<$t> for Ldexp {
                type Out = $t;
                /// n is whole. Beyond two times the exponents' range it is as good as at its end.
                #[inline(always)]
                fn f(x: $t, n: $t) -> $t {
                    const MOST: $t = (2 * $bias + 2 * $fraction) as $t;
                    let n = if n > MOST { MOST } else { n };
                    let n = if n < -MOST { -MOST } else { n };
                    // A whole number added to this stands in the last bits.
                    const WHOLE: $t = (3u64 << ($fraction - 1)) as $t;
                    let n = (n + WHOLE).to_bits().wrapping_sub(WHOLE.to_bits()) as $int;
                    let bits = x.to_bits();
                    let (size, field) = normal(bits);
                    let m = $t::from_bits((size & (SIZE >> ($bits::BITS - 1 - $fraction))) | $bias << $fraction);
                    let e = (field - $bias + n).clamp(-2 * $bias + 2, 2 * $bias);
                    let half = e >> 1;
                    // The first product is exact.
                    let v = m * pow2(half) * pow2(e - half);
                    let v = v.to_bits() | (bits & !SIZE);
                    $t::from_bits(if has_no_parts(bits) { bits } else { v }).canonical()
                }
            }

            impl Unary<$bits> for Mantissa {
                type Out = $bits;
                #[inline(always)]
                fn f(x: $bits) -> $bits {
                    let (size, _) = normal(x);
                    let half = (size & !(FIELD << $fraction)) | ($bias - 1) << $fraction;
                    if has_no_parts(x) { x } else { half | (x & !SIZE) }
                }
            }

            impl Unary<$bits> for Exponent {
                type Out = i32;
                #[inline(always)]
                fn f(x: $bits) -> i32 {
                    let (_, field) = normal(x);
                    if has_no_parts(x) { 0 } else { (field - ($bias - 1)) as i32 }
                }
            }

            impl Unary<$bits> for Spacing {
                type Out = $bits;
                #[inline(always)]
                fn f(x: $bits) -> $bits {
                    let size = x & SIZE;
                    // The last bit's value: a normal number's exponent less the fraction's bits, or a power of 2
                    // that is subnormal.
                    let field = size >> $fraction;
                    let small = (1 as $bits) << (if field == 0 { 0 } else { field - 1 }).min($fraction);
                    let unit = if field > $fraction { (field - $fraction) << $fraction } else { small };
                    let unit = if size == $t::MAX.to_bits() { INFINITY } else { unit };
                    let signed = if size == 0 { unit } else { unit | (x & !SIZE) };
                    if size >= INFINITY { $t::NAN.to_bits() & SIZE } else { signed }
                }
            }
        };
    )* };
}
floats! {
    f32 u32 i32 23 127;
    f64 u64 i64 52 1023;
}

// float16 by the float32 that it is.
impl Unary<u16> for Mantissa {
    type Out = u16;
    #[inline(always)]
    fn f(x: u16) -> u16 {
        let size = x & 0x7fff;
        // A subnormal number is a whole one by 2^-24: its leading bit becomes the hidden one.
        let up = (size.leading_zeros() as u16).wrapping_sub(5);
        let fraction = if size < 0x400 { (size << (up & 15)) & 0x3ff } else { size & 0x3ff };
        if (size == 0) | (size >= 0x7c00) { x } else { (x & 0x8000) | 0x3800 | fraction }
    }
}
impl Unary<u16> for Exponent {
    type Out = i32;
    #[inline(always)]
    fn f(x: u16) -> i32 {
        let size = (x & 0x7fff) as i32;
        let subnormal = -8 - (size as u16).leading_zeros() as i32;
        let e = if size < 0x400 { subnormal } else { (size >> 10) - 14 };
        if (size == 0) | (size >= 0x7c00) { 0 } else { e }
    }
}
/// As NumPy's for float16: the distance to the next number upwards, of negative numbers too.
impl Unary<u16> for Spacing {
    type Out = u16;
    #[inline(always)]
    fn f(x: u16) -> u16 {
        let size = x & 0x7fff;
        // Below a negative power of 2 numbers lie twice as dense as above it.
        let dense = (x > 0x8000) & (size & 0x3ff == 0) & (size > 0x400);
        let field = (size >> 10) - dense as u16;
        let small = 1u16 << (if field == 0 { 0 } else { field - 1 }).min(10);
        let unit = if field > 10 { (field - 10) << 10 } else { small };
        let unit = if x == 0x7bff { 0x7c00 } else { unit };
        if size >= 0x7c00 { 0x7e00 } else { unit }
    }
}

#[cfg(test)]
mod tests {
    use crate::DType::{self, F16, F32, F64, I32};
    use crate::buffer::Buffer;
    use crate::ops::elementwise::{Op, Operand};
    use crate::ops::simd::Simd;
    use bytemuck::Pod;
    use half::f16;

    /// splitmix64
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn row<A: Pod, O: Pod>(op: Op, dtypes: &[DType], args: &[&[A]]) -> Vec<O> {
        let operands: Vec<Operand> = dtypes.iter().map(|&d| Operand::Strong(d)).collect();
        let signature = op.signature(&operands).unwrap();
        let bytes: Vec<&[u8]> = args.iter().map(|a| bytemuck::cast_slice(a)).collect();
        let mut out = Buffer::zeroed(args[0].len() * size_of::<O>());
        op.kernel(&signature, Simd::best()).run(&bytes, &mut out);
        bytemuck::pod_collect_to_vec(&out)
    }

    /// Every float16, against the float64 that it is.
    #[test]
    fn float16_comes_apart_and_together() {
        let x: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
        let m: Vec<f16> = row(Op::FREXP_MANTISSA, &[F16], &[&x]);
        let e: Vec<i32> = row(Op::FREXP_EXPONENT, &[F16], &[&x]);
        let n: Vec<f16> = e.iter().map(|&e| f16::from_f64(e as f64)).collect();
        let back: Vec<f16> = row(Op::LDEXP, &[F16, I32], &[&m, &n]);
        let spacing: Vec<f16> = row(Op::SPACING, &[F16], &[&x]);
        for (i, &x) in x.iter().enumerate() {
            let v = x.to_f64();
            if v.is_finite() && v != 0.0 {
                assert!((0.5..1.0).contains(&m[i].to_f64().abs()), "{x}: {}", m[i]);
                assert_eq!(m[i].to_f64() * 2f64.powi(e[i]), v);
            } else {
                assert!((m[i] == x || v.is_nan() && m[i].is_nan()) && e[i] == 0);
            }
            assert!(back[i].to_bits() == x.to_bits() || v.is_nan() && back[i].is_nan(), "{x}: {}", back[i]);
            if v.is_finite() {
                let up = match x.to_bits() {
                    0x8000 => 1,
                    bits if bits > 0x8000 => bits - 1,
                    bits => bits + 1,
                };
                assert_eq!(spacing[i].to_f64(), f16::from_bits(up).to_f64() - v, "{x}");
            }
        }
    }

    /// What comes apart is put together, and `ldexp` rounds once, ties to even: against whole numbers.
    macro_rules! parts {
        ($($test:ident $t:ident $bits:ident $dtype:ident $p:literal $least:literal;)*) => { $(
            #[test]
            fn $test() {
                let mut state = 3;
                let mut x: Vec<$t> = (0..300_000).map(|_| $t::from_bits(random(&mut state) as $bits)).collect();
                // Subnormals, ties and zeros.
                x.extend((0..200_000).map(|i| {
                    let r = random(&mut state);
                    $t::from_bits((r as $bits) >> (1 + i % ($p + 5)) << (i / 7 % $p))
                }));
                let m: Vec<$t> = row(Op::FREXP_MANTISSA, &[$dtype], &[&x]);
                let e: Vec<i32> = row(Op::FREXP_EXPONENT, &[$dtype], &[&x]);
                let whole = |e: &[i32]| e.iter().map(|&e| e as $t).collect::<Vec<$t>>();
                let back: Vec<$t> = row(Op::LDEXP, &[$dtype, I32], &[&m, &whole(&e)]);
                for (i, &x) in x.iter().enumerate() {
                    let finite = x.is_finite() && x != 0.0;
                    assert!(!finite || (0.5..1.0).contains(&m[i].abs()), "{x:e}: {:e}", m[i]);
                    assert!(finite || e[i] == 0);
                    assert!(back[i].to_bits() == x.to_bits() || x.is_nan() && back[i].is_nan(), "{x:e}: {:e}", back[i]);
                }
                let n: Vec<i32> = (0..x.len()).map(|i| match i % 3 {
                    0 => (random(&mut state) % 5000) as i32 - 2500,
                    // Beside the least number.
                    1 => $least - e[i] + (random(&mut state) % 4) as i32,
                    _ => (random(&mut state) % 40) as i32 - 20,
                }).collect();
                let got: Vec<$t> = row(Op::LDEXP, &[$dtype, I32], &[&x, &whole(&n)]);
                for (i, &x) in x.iter().enumerate() {
                    if x.is_nan() || x.is_infinite() || x == 0.0 {
                        assert!(got[i].to_bits() == x.to_bits() || x.is_nan() && got[i].is_nan());
                        continue;
                    }
                    // The significand as a whole number of units of 2^to, which is what is rounded.
                    let whole = (m[i].abs() as f64 * 2f64.powi($p)) as u128;
                    let at = e[i] - $p + n[i];
                    let cut = ($least - at).clamp(0, 100);
                    let kept = whole >> cut;
                    let (lost, half) = (whole - (kept << cut), if cut == 0 { 1 } else { 1 << (cut - 1) });
                    let kept = kept + (lost > half || (lost == half && kept & 1 == 1)) as u128;
                    // Only subnormals were cut, so this is exact unless it overflows.
                    let mut v = kept as $t;
                    let mut left = at + cut;
                    while left != 0 && v != 0.0 && v.is_finite() {
                        let step = left.clamp(-60, 60);
                        v *= (2 as $t).powi(step);
                        left -= step;
                    }
                    let v = v.copysign(x);
                    assert!(got[i].to_bits() == v.to_bits(), "{x:e} · 2^{}: {:e}, not {v:e}", n[i], got[i]);
                }
            }
        )* };
    }
    parts! {
        float32_comes_apart_and_together f32 u32 F32 24 -149;
        float64_comes_apart_and_together f64 u64 F64 53 -1074;
    }
}
