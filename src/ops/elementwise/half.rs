//! float16: computed in float32, rounded after every operation.
//!
//! The conversions are select-based integer code that vectorises (the `half` crate's look for F16C
//! at run time, once per element) and give the one quiet NaN.

use super::kernel::{Binary, Ternary, Unary};
use half::f16;
use std::marker::PhantomData;

/// The exact float32 value.
#[inline(always)]
pub(super) fn widen(h: f16) -> f32 {
    let bits = h.to_bits() as u32;
    let magnitude = (bits & 0x7fff) << 13;
    // Exponent 31 (inf, NaN) needs another bias than the rest; 2^112 repairs the others, and
    // normalises subnormals on the way.
    let finite = f32::from_bits(magnitude) * f32::from_bits(0x7780_0000);
    let special = if magnitude > 0x0f80_0000 { 0x7fc0_0000 } else { 0x7f80_0000 };
    let v = if magnitude >= 0x0f80_0000 { special } else { finite.to_bits() };
    let sign = if magnitude > 0x0f80_0000 { 0 } else { (bits & 0x8000) << 16 };
    f32::from_bits(v | sign)
}

/// The nearest float16, ties to even.
#[inline(always)]
pub(super) fn narrow(x: f32) -> f16 {
    let bits = x.to_bits();
    let magnitude = bits & 0x7fff_ffff;
    let sign = (bits >> 16) & 0x8000;
    // Adding 0.5 puts the last bit of a float16 subnormal at the last bit of the sum.
    let small = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5f32.to_bits());
    let normal = magnitude.wrapping_add(0xfff + ((magnitude >> 13) & 1)).wrapping_sub(112 << 23) >> 13;
    let finite = if magnitude < 0x3880_0000 { small } else { normal };
    let v = if magnitude >= 0x477f_f000 { 0x7c00 } else { finite };
    f16::from_bits(if magnitude > 0x7f80_0000 { 0x7e00 } else { (v | sign) as u16 })
}

/// The nearest float16 of a float64, rounded once: the discarded bits are first gathered in the
/// last bit of a float32 (round to odd).
#[inline(always)]
pub(super) fn narrow_f64(x: f64) -> f16 {
    let bits = x.to_bits();
    let sticky = if bits & 0x1fff_ffff != 0 { 0x2000_0000 } else { 0 };
    narrow(f64::from_bits((bits & !0x1fff_ffff) | sticky) as f32)
}

/// A float32 formula applied to float16.
pub(super) struct Half<F>(PhantomData<F>);
/// A float32 formula with a bool result applied to float16.
pub(super) struct HalfTest<F>(PhantomData<F>);

impl<F: Unary<f32, Out = f32>> Unary<f16> for Half<F> {
    type Out = f16;
    const HAS_SLOW: bool = F::HAS_SLOW;
    #[inline(always)]
    fn f(a: f16) -> f16 {
        narrow(F::f(widen(a)))
    }
    #[inline(always)]
    fn is_slow(a: f16) -> bool {
        F::is_slow(widen(a))
    }
    #[inline(always)]
    fn slow(a: f16) -> f16 {
        narrow(F::slow(widen(a)))
    }
}

impl<F: Binary<f32, Out = f32>> Binary<f16> for Half<F> {
    type Out = f16;
    const HAS_SLOW: bool = F::HAS_SLOW;
    #[inline(always)]
    fn f(a: f16, b: f16) -> f16 {
        narrow(F::f(widen(a), widen(b)))
    }
    #[inline(always)]
    fn is_slow(a: f16, b: f16) -> bool {
        F::is_slow(widen(a), widen(b))
    }
    #[inline(always)]
    fn slow(a: f16, b: f16) -> f16 {
        let (a, b) = (widen(a), widen(b));
        narrow(F::finish(a, b, F::slow(a, b)))
    }
}

impl<F: Ternary<f32, f32, f32, Out = f32>> Ternary<f16, f16, f16> for Half<F> {
    type Out = f16;
    #[inline(always)]
    fn f(a: f16, b: f16, c: f16) -> f16 {
        narrow(F::f(widen(a), widen(b), widen(c)))
    }
}

impl<F: Unary<f32, Out = u8>> Unary<f16> for HalfTest<F> {
    type Out = u8;
    #[inline(always)]
    fn f(a: f16) -> u8 {
        F::f(widen(a))
    }
}

impl<F: Binary<f32, Out = u8>> Binary<f16> for HalfTest<F> {
    type Out = u8;
    #[inline(always)]
    fn f(a: f16, b: f16) -> u8 {
        F::f(widen(a), widen(b))
    }
}
