//! Unevaluated sums of two floats (Dekker, Knuth), and the bit tricks that all functions use.

use super::{BIAS, F, I, LOW, MAGIC, P, U};

/// a + b as a pair; exact.
#[inline(always)]
pub(super) fn two_sum(a: F, b: F) -> (F, F) {
    let s = a + b;
    let t = s - a;
    (s, (a - (s - t)) + (b - t))
}

/// a + b as a pair where |a| ≥ |b| or a = 0; exact.
#[inline(always)]
pub(super) fn fast_two_sum(a: F, b: F) -> (F, F) {
    let s = a + b;
    (s, b - (s - a))
}

/// The upper half of the bits, and the rest.
#[inline(always)]
fn split(a: F) -> (F, F) {
    let h = F::from_bits(a.to_bits() & !LOW);
    (h, a - h)
}

/// a · b as a pair: exact in float32, to 2^-106 in float64; no overflow or underflow in between
/// for results well inside the range.
#[inline(always)]
pub(super) fn two_prod(a: F, b: F) -> (F, F) {
    let p = a * b;
    let (ah, al) = split(a);
    let (bh, bl) = split(b);
    (p, (((ah * bh - p) + ah * bl) + al * bh) + al * bl)
}

/// A pair divided by a pair.
#[inline(always)]
pub(super) fn div_pair(n: (F, F), d: (F, F)) -> (F, F) {
    let q = n.0 / d.0;
    let (p, e) = two_prod(q, d.0);
    let r = (((n.0 - p) - e) + n.1) - q * d.1;
    (q, r / d.0)
}

/// The square root of a pair; 0 for 0.
#[inline(always)]
pub(super) fn sqrt_pair(a: (F, F)) -> (F, F) {
    let s = a.0.sqrt();
    let (p, e) = two_prod(s, s);
    let r = ((a.0 - p) - e) + a.1;
    (s, if s == 0.0 { 0.0 } else { r / (s + s) })
}

/// c[0] + c[1] x + c[2] x² + …, from the last to the first.
#[inline(always)]
pub(super) fn horner<const N: usize>(x: F, c: &[F; N]) -> F {
    let mut v = c[N - 1];
    for k in (0..N - 1).rev() {
        v = v * x + c[k];
    }
    v
}

/// The nearest whole number (ties to even) as float and integer, for |x| < 2^(P − 3).
#[inline(always)]
pub(super) fn nearest(x: F) -> (F, I) {
    let t = x + MAGIC;
    (t - MAGIC, (t.to_bits() as I).wrapping_sub(MAGIC.to_bits() as I))
}

/// A small integer as float.
#[inline(always)]
pub(super) fn float(n: I) -> F {
    F::from_bits((MAGIC.to_bits() as I).wrapping_add(n) as U) - MAGIC
}

/// 2^n for a normal result.
#[inline(always)]
pub(super) fn pow2(n: I) -> F {
    F::from_bits((n.wrapping_add(BIAS) as U) << (P - 1))
}

/// x · 2^n, rounded once, for x about 1 and |n| below twice the exponent range.
#[inline(always)]
pub(super) fn scale(x: F, n: I) -> F {
    let half = n >> 1;
    x * pow2(half) * pow2(n.wrapping_sub(half))
}

/// |x|.
#[inline(always)]
pub(super) fn abs(x: F) -> F {
    F::from_bits(x.to_bits() & (U::MAX >> 1))
}

/// |x| with the sign of y.
#[inline(always)]
pub(super) fn with_sign(x: F, y: F) -> F {
    F::from_bits((x.to_bits() & (U::MAX >> 1)) | (y.to_bits() & !(U::MAX >> 1)))
}

/// x within the bounds; NaN stays.
#[inline(always)]
pub(super) fn clamp(x: F, lo: F, hi: F) -> F {
    let x = if x < lo { lo } else { x };
    if x > hi { hi } else { x }
}
