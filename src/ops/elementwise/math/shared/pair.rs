//! Unevaluated sums of two floats (Dekker, Knuth), and the bit tricks that all functions use.

use super::super::FMA;
use super::{BIAS, F, I, LOW, MAGIC, P, ROUND_LOW, U};

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
    let h = F::from_bits(a.to_bits().wrapping_add(ROUND_LOW) & !LOW);
    (h, a - h)
}

/// a · b as a pair: exact, and so the same in both forms, for a product that is 0 or at least
/// EXACT_FROM and does not overflow.
///
/// Then no bit of the product is below the least subnormal's. The product has 2P bits and p is within
/// half its last place, so p's error has at most P bits: the fused form gives it unrounded. The split
/// form adds the four products of halves from the largest to the smallest. They are exact, since no half
/// has more than P / 2 bits, and so is each sum: it is a multiple of its terms' last bits, and what is
/// left to come bounds it to P bits.
///
/// Below EXACT_FROM either form is within 4 least subnormals of the product, but they may differ. So each
/// use says why its products are large enough, or why so little cannot show.
#[inline(always)]
pub(super) fn two_prod(a: F, b: F) -> (F, F) {
    let p = a * b;
    if FMA {
        return (p, a.mul_add(b, -p));
    }
    let (ah, al) = split(a);
    let (bh, bl) = split(b);
    (p, (((ah * bh - p) + ah * bl) + al * bh) + al * bl)
}

/// 2^(2P) least subnormals.
#[cfg(test)]
const EXACT_FROM: F = F::from_bits(((P + 2) as U) << (P - 1));

/// a · b + c where a · b is exact, so that there is one rounding with and without fused multiply-add.
#[inline(always)]
pub(super) fn add_exact_product(a: F, b: F, c: F) -> F {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// A pair divided by a pair. The product is n.0 but for its last bits, so n.0 must be 0 or as large as
/// [`two_prod`] asks, or the caller must not care.
#[inline(always)]
pub(super) fn div_pair(n: (F, F), d: (F, F)) -> (F, F) {
    let q = n.0 / d.0;
    let (p, e) = two_prod(q, d.0);
    let r = (((n.0 - p) - e) + n.1) - q * d.1;
    (q, r / d.0)
}

/// The square root of a pair, 0 or as large as [`two_prod`] asks; 0 for 0.
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

/// A small integer as float. Vectors of 64-bit integers have no conversion at most levels.
#[inline(always)]
pub(super) fn float(n: I) -> F {
    if P == 24 {
        return n as F;
    }
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

/// What is added where there is nothing to add: x + NOTHING is x, for a zero of either sign too, so that a
/// compiler may leave it out.
pub(super) const NOTHING: F = -0.0;

/// v, or the one NaN. Selected by bits: a compiler may take all NaNs for equal.
#[inline(always)]
pub(super) fn nan_if(nan: bool, v: F) -> F {
    F::from_bits(if nan { QUIET } else { v.to_bits() })
}
/// The one NaN's bits.
pub(super) const QUIET: U = ((1 << (U::BITS as I - P + 1)) - 1) << (P - 2);

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

#[cfg(test)]
mod tests {
    use super::*;

    /// The significand as a whole number, and the exponent of its last bit.
    fn whole(x: F) -> (i128, I) {
        let bits = x.to_bits();
        let (e, m) = ((bits >> (P - 1)) as I & (2 * BIAS + 1), (bits & ((1 << (P - 1)) - 1)) as i128);
        let m = if e > 0 { m | 1 << (P - 1) } else { m };
        (if x < 0.0 { -m } else { m }, e.max(1) - BIAS - (P - 1))
    }

    /// Products of significands, those with all or few bits in a half among them, and of sizes down to
    /// EXACT_FROM, against integers.
    #[test]
    fn products_are_exact() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        let mut random = |least: I, most: I| -> F {
            let (bits, r) = (next(), next());
            let fraction = match r % 4 {
                0 => bits as U & LOW,
                1 => bits as U | LOW,
                2 => (bits as U & !LOW) | (LOW + 1) >> 1,
                _ => bits as U,
            } & ((1 << (P - 1)) - 1);
            let e = least + (r >> 40) as I % (most - least);
            let v = F::from_bits(((e + BIAS) as U) << (P - 1) | fraction);
            if r & 4 == 0 { v } else { -v }
        };
        let far = BIAS - 2 * P;
        for i in 0..200_000 {
            let (a, b) = match i % 3 {
                0 => (random(-2, 2), random(-2, 2)),
                1 => (random(-far / 2, far / 2), random(-far / 2, far / 2)),
                // About as small as may be.
                _ => {
                    let a = random(-far, far);
                    let exponent = |x: F| ((x.to_bits() >> (P - 1)) as I & (2 * BIAS + 1)) - BIAS;
                    let e = exponent(EXACT_FROM) - exponent(a);
                    (a, random(e.max(2 - BIAS), e.max(2 - BIAS) + 2))
                }
            };
            if abs(a * b) < EXACT_FROM {
                continue;
            }
            let (p, e) = two_prod(a, b);
            let ((ma, ea), (mb, eb), (mp, ep), (me, ee)) = (whole(a), whole(b), whole(p), whole(e));
            // In units of the product's last bit; what is lower in e must be zeros.
            let unit = ea + eb;
            let error = ma * mb - (mp << (ep - unit));
            let low = if me == 0 { 0 } else { unit - ee };
            assert!((0..=P as I).contains(&low) && me == error << low, "{a:e} {b:e}: {p:e} {e:e}");
        }
    }
}
