//! logaddexp and logaddexp2: the larger argument, and the logarithm of 1 + a power as a pair.

use super::constants::*;
use super::exp::{exp_parts, expm1_reduced, join_pair};
use super::log::{log_parts, split, times};
use super::pair::*;
use super::{BIAS, EXP_RANGE, EXP2_RANGE, F, FAINT, I};

/// The larger of both, and the other one less that, from `least` on: a power of what is below is 0.
#[inline(always)]
fn apart(x: F, y: F, least: F) -> (F, F, F) {
    let (hi, lo) = if x > y { (x, y) } else { (y, x) };
    let (d, dl) = two_sum(lo, -hi);
    (hi, clamp(d, least, 0.0), if d > least { dl } else { 0.0 })
}

/// log(1 + 2^n (1 + q)) as a pair, for a power of 1 at most.
#[inline(always)]
fn log_one_more(n: I, q: (F, F)) -> (F, F) {
    let (e, el) = join_pair(n, q);
    let (u, c) = two_sum(1.0, e);
    let (k, m) = split(u);
    let (f, g) = two_sum(m - 1.0, (c + el) * pow2(k.wrapping_neg()));
    let v = log_parts(k, f, g);
    if e < FAINT { (e, el) } else { v }
}

/// hi + v rounded once, or what infinities and NaN come to.
#[inline(always)]
fn ends(x: F, y: F, hi: F, v: (F, F)) -> F {
    let (s, l) = two_sum(hi, v.0);
    let sum = s + (l + v.1);
    nan_if(x.is_nan() | y.is_nan(), if abs(hi) == F::INFINITY { hi } else { sum })
}

#[inline(always)]
pub(in super::super::super) fn logaddexp(x: F, y: F) -> F {
    let (hi, d, dl) = apart(x, y, EXP_RANGE.0);
    let (n, q) = exp_parts(d, dl);
    ends(x, y, hi, log_one_more(n, q))
}

/// d less the nearest whole number is 0 or at least d's last bit, so larger than what d lacks.
#[inline(always)]
pub(in super::super::super) fn logaddexp2(x: F, y: F) -> F {
    let (hi, d, dl) = apart(x, y, EXP2_RANGE.0);
    let (nf, n) = nearest(d);
    let r = d - nf;
    // Too small for an exact product, it does not show beside 1.
    let (h, l) = two_prod(r, LN2_HI);
    let (h, l) = fast_two_sum(h, l + (r * LN2_LO + dl * LN2_HI));
    let v = log_one_more(n, expm1_reduced(h, l));
    // What is left of a product that is too small for an exact one is left out.
    let (p, pl) = times(v, LOG2E_HI, LOG2E_LO);
    let sum = ends(x, y, hi, (p, if n < -(BIAS / 2) { 0.0 } else { pl }));
    // Of two equal powers the sum is the next power.
    if x == y { x + 1.0 } else { sum }
}
