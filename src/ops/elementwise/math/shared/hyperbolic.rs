//! arcsinh, arccosh, arctanh: the logarithm of 1 + t, where t is small with the argument and kept as a pair.

use super::constants::*;
use super::log::{log1p_reduced, split, with_exponent};
use super::pair::*;
use super::root::ATAN_RANGE;
use super::{BIAS, F, I, TINY};

/// log(2^more (1 + t)) for t ≥ 0, as [`log1p`](super::log::log1p) of a pair.
#[inline(always)]
fn log_one_more(t: (F, F), more: I) -> F {
    let (u, c) = two_sum(1.0, t.0);
    let (k, m) = split(u);
    let (f, g) = two_sum(m - 1.0, (c + t.1) * pow2(k.min(BIAS - 1).wrapping_neg()));
    with_exponent(k + more, LN2_SHORT, LN2_REST, log1p_reduced(f, g - g * f + g * f * f))
}

/// log(1 + t), or log(2 a) where `a` is so large that its square would leave the range.
#[inline(always)]
fn log_of(t: (F, F), a: F) -> F {
    let large = a > ATAN_RANGE.0;
    log_one_more(if large { (a, 0.0) } else { t }, if large { 1 } else { 0 })
}

/// log(x + √(x² + 1)) with t = x + x² ÷ (1 + √(x² + 1)).
#[inline(always)]
pub(in super::super::super) fn arcsinh(x: F) -> F {
    let a = abs(x);
    // Where the square is too small to be exact the answer is x.
    let c = clamp(a, 0.0, ATAN_RANGE.0);
    let (h, l) = two_prod(c, c);
    let (w, e) = two_sum(1.0, h);
    let (s, sl) = sqrt_pair(fast_two_sum(w, e + l));
    let (d, dl) = two_sum(1.0, s);
    let (q, ql) = div_pair((h, l), (d, dl + sl));
    let (t, tl) = fast_two_sum(c, q);
    let v = with_sign(log_of((t, tl + ql), a), x);
    nan_if(x.is_nan(), if (a < TINY) | (a == F::INFINITY) { x } else { v })
}

/// log(x + √(x² − 1)) with t = (x − 1) + √(x² − 1). The difference of the square and 1 is 0 or at least 2^-P.
#[inline(always)]
pub(in super::super::super) fn arccosh(x: F) -> F {
    let c = clamp(x, 1.0, ATAN_RANGE.0);
    let (h, l) = two_prod(c, c);
    let (w, e) = two_sum(h, -1.0);
    let (s, sl) = sqrt_pair(fast_two_sum(w, e + l));
    let (b, bl) = two_sum(c, -1.0);
    let (t, tl) = fast_two_sum(s, b);
    let v = log_of((t, tl + (sl + bl)), x);
    let inside = x >= 1.0;
    nan_if(!inside, if x == F::INFINITY { x } else { v })
}

/// ½ log((1 + x) ÷ (1 − x)) with t = 2 x ÷ (1 − x).
#[inline(always)]
pub(in super::super::super) fn arctanh(x: F) -> F {
    let a = abs(x);
    let c = if a < 1.0 { a } else { 0.5 };
    let (d, dl) = two_sum(1.0, -c);
    // Where the products are too small to be exact the answer is x.
    let t = div_pair((c + c, 0.0), (d, dl));
    let v = 0.5 * log_one_more(t, 0);
    let v = if a == 1.0 { F::INFINITY } else { v };
    let inside = a <= 1.0;
    nan_if(!inside, if a < TINY { x } else { with_sign(v, x) })
}
