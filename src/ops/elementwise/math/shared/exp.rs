//! exp, exp2, expm1, and the hyperbolic functions made of them.

use super::constants::*;
use super::pair::*;
use super::{BIAS, EXP_RANGE, EXP2_RANGE, EXPM1_LEAST, F, I, P, SINH_MOST, TANH_MOST, TINY};

/// e^(r + c) − 1 as a pair, for |r| ≤ ln 2 / 2 and c below r's last bit.
#[inline(always)]
pub(super) fn expm1_reduced(r: F, c: F) -> (F, F) {
    fast_two_sum(r, (c + c * r) + r * r * horner(r, &EXP))
}

/// e^(x + low) = 2^n (1 + q) with q a pair; low is below x's last bit, or nothing.
///
/// n · LN2_SHORT is exact: 15 bits and 8 (float64: 42 and 11). Where n is not 0, what it leaves of x may
/// be smaller than the rest, but is a multiple of the rest's last bit (2^-25 of 2^-35; 2^-54 of 2^-86),
/// which does as well for an exact sum.
#[inline(always)]
pub(super) fn exp_parts(x: F, low: F) -> (I, (F, F)) {
    let (nf, n) = nearest(x * LOG2E);
    let (r, c) = fast_two_sum(add_exact_product(-nf, LN2_SHORT, x), low - nf * LN2_REST);
    (n, expm1_reduced(r, c))
}

/// 2^n (1 + q).
#[inline(always)]
pub(super) fn join(n: I, q: (F, F)) -> F {
    let (h, l) = fast_two_sum(1.0, q.0);
    scale(h + (l + q.1), n)
}

/// 2^n (1 + q) as a pair; the second is left out where the first is far below 1.
#[inline(always)]
pub(super) fn join_pair(n: I, q: (F, F)) -> (F, F) {
    let (h, l) = fast_two_sum(1.0, q.0);
    let (h, l) = fast_two_sum(h, l + q.1);
    (scale(h, n), if n < -(BIAS / 2) { 0.0 } else { l * pow2(n.max(-(BIAS / 2))) })
}

/// 2^n (1 + q) r, rounded once at the end.
#[inline(always)]
pub(super) fn join_times(n: I, q: (F, F), r: (F, F)) -> F {
    let (h, l) = fast_two_sum(1.0, q.0);
    let (p, e) = two_prod(h, r.0);
    scale(p + (e + (h * r.1 + (l + q.1) * r.0)), n)
}

#[inline(always)]
pub(in super::super::super) fn exp(x: F) -> F {
    let (n, q) = exp_parts(clamp(x, EXP_RANGE.0, EXP_RANGE.1), NOTHING);
    nan_if(x.is_nan(), join(n, q))
}

#[inline(always)]
pub(in super::super::super) fn exp2(x: F) -> F {
    let c = clamp(x, EXP2_RANGE.0, EXP2_RANGE.1);
    let (nf, n) = nearest(c);
    let r = c - nf;
    // Too small for an exact product, it does not show beside 1.
    let (h, l) = two_prod(r, LN2_HI);
    let y = join(n, expm1_reduced(h, l + r * LN2_LO));
    nan_if(x.is_nan(), y)
}

/// 1 + q ± 2^-n as pairs, minus first.
#[inline(always)]
fn shifted(n: I, q: (F, F)) -> ((F, F), (F, F)) {
    let s = pow2(n.min(P + 8).wrapping_neg());
    let add = |s: F| {
        let (a, b) = two_sum(1.0, s);
        let (h, l) = two_sum(a, q.0);
        fast_two_sum(h, l + (b + q.1))
    };
    (add(-s), add(s))
}

#[inline(always)]
pub(in super::super::super) fn expm1(x: F) -> F {
    let (n, q) = exp_parts(clamp(x, EXPM1_LEAST, EXP_RANGE.1), NOTHING);
    let y = scale(shifted(n, q).0.0, n);
    nan_if(x.is_nan(), if x == 0.0 { x } else { y })
}

/// e^a / 2^n and 2^n / e^a · 4^-n as pairs, and n.
#[inline(always)]
fn both(a: F) -> (I, (F, F), (F, F)) {
    let (n, q) = exp_parts(a, NOTHING);
    let (h, l) = fast_two_sum(1.0, q.0);
    let l = l + q.1;
    let i = 1.0 / h;
    // About 1.
    let (p, e) = two_prod(h, i);
    let low = -i * (((p - 1.0) + e) + l * i);
    let s = pow2(n.wrapping_add(n).min(P + P).wrapping_neg());
    (n, (h, l), (i * s, low * s))
}

#[inline(always)]
pub(in super::super::super) fn sinh(x: F) -> F {
    let a = abs(x);
    let (n, e, i) = both(clamp(a, 0.0, SINH_MOST));
    let (h, l) = two_sum(e.0, -i.0);
    let large = scale(h + (l + (e.1 - i.1)), n.wrapping_sub(1));
    let z = a * a;
    let small = a + a * z * horner(z, &SINH);
    nan_if(x.is_nan(), with_sign(if a < 1.0 { small } else { large }, x))
}

#[inline(always)]
pub(in super::super::super) fn cosh(x: F) -> F {
    let (n, e, i) = both(clamp(abs(x), 0.0, SINH_MOST));
    let (h, l) = two_sum(e.0, i.0);
    nan_if(x.is_nan(), scale(h + (l + (e.1 + i.1)), n.wrapping_sub(1)))
}

#[inline(always)]
pub(in super::super::super) fn tanh(x: F) -> F {
    let a = abs(x);
    let c = clamp(a, 0.0, TANH_MOST);
    let (n, q) = exp_parts(c + c, NOTHING);
    let (minus, plus) = shifted(n, q);
    let (t, low) = div_pair(minus, plus);
    nan_if(x.is_nan(), if a < TINY { x } else { with_sign(t + low, x) })
}
