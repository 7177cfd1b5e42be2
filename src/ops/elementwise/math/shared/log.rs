//! The logarithms, and the power made of a logarithm to twice the precision and exp.

use super::constants::*;
use super::exp::{exp_parts, join};
use super::pair::*;
use super::{EXP_RANGE, F, I, P, POWER_MOST, SQRT_HALF_BITS, U, WHOLE};

/// x = 2^k m with m in [√½, √2), for x > 0.
#[inline(always)]
pub(super) fn split(x: F) -> (I, F) {
    let subnormal = x < F::MIN_POSITIVE;
    let v = x * if subnormal { WHOLE + WHOLE } else { 1.0 };
    let k = (v.to_bits().wrapping_sub(SQRT_HALF_BITS) as I) >> (P - 1);
    let m = F::from_bits(v.to_bits().wrapping_sub((k as U) << (P - 1)));
    (k.wrapping_sub(if subnormal { P } else { 0 }), m)
}

/// log(1 + f + g) as a pair, for 1 + f in [√½, √2) and g below f's last bit, given as
/// `low` = g − g f + g f².
#[inline(always)]
pub(super) fn log1p_reduced(f: F, low: F) -> (F, F) {
    let s = f / (2.0 + f);
    let z = s * s;
    // f² / 2. f is 0 or at least 2^-P; only in log1p it may be smaller, down to where the product is no
    // longer exact, but there it does not show beside f.
    let (h, l) = two_prod(0.5 * f, f);
    let t = s * (h + z * horner(z, &LOG));
    let (a, b) = fast_two_sum(f, -h);
    fast_two_sum(a, b + ((t - l) + low))
}

/// What the logarithms answer: y for positive finite numbers.
#[inline(always)]
fn ends(x: F, y: F) -> F {
    let other = if x == 0.0 { F::NEG_INFINITY.to_bits() } else { QUIET };
    let other = if x == F::INFINITY { x.to_bits() } else { other };
    // In integers, since a compiler makes more of two comparisons of floats: 0 and what has a sign
    // wrap around to beyond infinity.
    let inside = x.to_bits().wrapping_sub(1) < F::INFINITY.to_bits() - 1;
    F::from_bits(if inside { y.to_bits() } else { other })
}

/// k · (short + rest) + a, where k · short is exact and, but for k = 0, larger than a.
#[inline(always)]
pub(super) fn with_exponent(k: I, short: F, rest: F, a: (F, F)) -> F {
    let kf = float(k);
    let (h, l) = fast_two_sum(kf * short, a.0);
    h + (l + (a.1 + kf * rest))
}

/// a · (hi + lo); a is 0 or at least 2^(-P - 1).
#[inline(always)]
pub(super) fn times(a: (F, F), hi: F, lo: F) -> (F, F) {
    let (h, l) = two_prod(a.0, hi);
    (h, l + (a.0 * lo + a.1 * hi))
}

#[inline(always)]
pub(in super::super::super) fn log(x: F) -> F {
    let (k, m) = split(x);
    ends(x, with_exponent(k, LN2_SHORT, LN2_REST, log1p_reduced(m - 1.0, NOTHING)))
}

#[inline(always)]
pub(in super::super::super) fn log2(x: F) -> F {
    let (k, m) = split(x);
    let a = times(log1p_reduced(m - 1.0, NOTHING), LOG2E_HI, LOG2E_LO);
    let (h, l) = fast_two_sum(float(k), a.0);
    ends(x, h + (l + a.1))
}

#[inline(always)]
pub(in super::super::super) fn log10(x: F) -> F {
    let (k, m) = split(x);
    let l = times(log1p_reduced(m - 1.0, NOTHING), LOG10E_HI, LOG10E_LO);
    ends(x, with_exponent(k, LOG10_2_SHORT, LOG10_2_REST, l))
}

#[inline(always)]
pub(in super::super::super) fn log1p(x: F) -> F {
    let (u, c) = two_sum(1.0, x);
    let (k, m) = split(u);
    let (f, g) = two_sum(m - 1.0, c * pow2(k.min(P + 2).wrapping_neg()));
    let y = ends(u, with_exponent(k, LN2_SHORT, LN2_REST, log1p_reduced(f, g - g * f + g * f * f)));
    if x == 0.0 { x } else { y }
}

/// log x as a pair to about 2^-(P + 12), for x > 0 and finite.
#[inline(always)]
fn log_pair(x: F) -> (F, F) {
    let (k, m) = split(x);
    log_parts(k, m - 1.0, NOTHING)
}

/// log(2^k (1 + f + g)) as a pair to about 2^-(P + 12), for 1 + f in [√½, √2) and g below f's last bit.
#[inline(always)]
pub(super) fn log_parts(k: I, f: F, g: F) -> (F, F) {
    let (d, dl) = two_sum(2.0, f);
    let (s, sl) = div_pair((f, g), (d, dl + g));
    // s is 0 or at least 2^(-P - 1), so all products are 0 or at least 2^(-3P - 5).
    let (z, zl) = two_prod(s, s);
    let zl = zl + 2.0 * s * sl;
    let (c, cl) = fast_two_sum(TWO_THIRDS_HI, z * horner(z, &LOG_TAIL));
    let cl = cl + TWO_THIRDS_LO;
    let (p, pl) = two_prod(z, c);
    let pl = pl + (z * cl + zl * c);
    let (q, ql) = two_prod(s, p);
    let ql = ql + (s * pl + sl * p);
    let (h, l) = fast_two_sum(s + s, q);
    let l = l + ((sl + sl) + ql);
    let kf = float(k);
    let (a, b) = fast_two_sum(kf * LN2_SHORT, h);
    fast_two_sum(a, b + (l + kf * LN2_REST))
}

/// Whether |y| is whole; infinity is.
#[inline(always)]
fn is_whole(a: F) -> bool {
    (a >= WHOLE) | ((a + WHOLE) - WHOLE == a)
}

/// x^y with C99's special cases.
#[inline(always)]
pub(in super::super::super) fn power(x: F, y: F) -> F {
    let (ax, ay) = (abs(x), abs(y));
    let (l, ll) = log_pair(ax);
    let c = clamp(y, -POWER_MOST, POWER_MOST);
    // Too small for an exact product, it gives 1.
    let (p, pl) = two_prod(c, l);
    let inside = (p > EXP_RANGE.0) & (p < EXP_RANGE.1);
    let pl = if inside { pl + c * ll } else { 0.0 };
    let (n, q) = exp_parts(clamp(p, EXP_RANGE.0, EXP_RANGE.1), pl);
    let size = join(n, q);
    // 0 and infinity have no logarithm here.
    let end = if (ax == 0.0) == (y < 0.0) { F::INFINITY } else { 0.0 };
    let size = if (ax == 0.0) | (ax == F::INFINITY) { end } else { size };
    let odd = is_whole(ay) & !is_whole(0.5 * ay);
    let minus = (x.to_bits() >> (U::BITS - 1) == 1) & odd;
    let v = if minus { -size } else { size };
    let v = nan_if(((x < 0.0) & (ax < F::INFINITY) & !is_whole(ay)) | x.is_nan() | y.is_nan(), v);
    if (x == 1.0) | (y == 0.0) | ((ax == 1.0) & (ay == F::INFINITY)) { 1.0 } else { v }
}
