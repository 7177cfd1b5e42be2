//! arctan, arctan2, arcsin, arccos: one core over a ratio of two pairs.

use super::constants::*;
use super::pair::*;
use super::{F, TINY};

/// The angle of the point (x, y) with x, y ≥ 0 as pairs; `left` mirrors x. Both are near enough to
/// 1, or 0, that products of them neither overflow nor underflow. `direct` is y / x rounded once:
/// the answer where that is tiny. So it is where y is too small for an exact product; beside another base
/// than 0 so little does not show.
#[inline(always)]
fn angle(y: (F, F), x: (F, F), left: bool, direct: F) -> F {
    let swap = y.0 > x.0;
    let (n, d) = if swap { (x, y) } else { (y, x) };
    // Around the diagonal: (n − d) / (n + d) is the tangent of the angle minus π / 4.
    let middle = n.0 > 0.414_213_56 * d.0;
    let (a, ae) = two_sum(n.0, -d.0);
    let (b, be) = two_sum(n.0, d.0);
    let (tn, td) = if middle { ((a, ae + (n.1 - d.1)), (b, be + (n.1 + d.1))) } else { (n, d) };
    let (t, tl) = div_pair(tn, td);
    let z = t * t;
    let tail = t * z * horner(z, &ATAN) + tl * (1.0 - z + z * z);
    // The angle is base · π / 4 + sign · atan t.
    let base = if middle { 1.0 } else { 0.0 };
    let (base, sign) = if swap { (2.0 - base, -1.0) } else { (base, 1.0) };
    let (base, sign) = if left { (4.0 - base, -sign) } else { (base, sign) };
    let (h, l) = two_sum(base * PIO4_SHORT, sign * t);
    let v = h + (l + (sign * tail + base * PIO4_REST));
    if (base == 0.0) & (direct < TINY) { direct } else { v }
}

#[inline(always)]
pub(in super::super::super) fn arctan2(y: F, x: F) -> F {
    let (ay, ax) = (abs(y), abs(x));
    let inf = F::INFINITY;
    // Infinities and zeros by points that have the same direction.
    let both = (ay == inf) & (ax == inf);
    let py = if both | (ay == inf) {
        1.0
    } else if ax == inf {
        0.0
    } else {
        ay
    };
    let px = if both | (ax == inf) {
        1.0
    } else if ay == inf {
        0.0
    } else {
        ax
    };
    let px = if (py == 0.0) & (px == 0.0) { 1.0 } else { px };
    let direct = py / px;
    let most = if py > px { py } else { px };
    let s = if most > super::root::ATAN_RANGE.0 {
        super::root::ATAN_DOWN
    } else if most < super::root::ATAN_RANGE.1 {
        super::root::ATAN_UP
    } else {
        1.0
    };
    let left = x.to_bits() >> (super::U::BITS - 1) == 1;
    let v = angle((py * s, 0.0), (px * s, 0.0), left, direct);
    nan_if(x.is_nan() | y.is_nan(), with_sign(v, y))
}

#[inline(always)]
pub(in super::super::super) fn arctan(x: F) -> F {
    let a = abs(x);
    // Beyond, the angle no longer moves.
    let c = clamp(a, 0.0, super::root::ATAN_RANGE.0);
    let v = angle((c, 0.0), (1.0, 0.0), false, a);
    nan_if(x.is_nan(), with_sign(v, x))
}

/// √(1 − x²) as a pair. Where x² is too small for an exact product it does not show beside 1; where it is
/// not, what is left is 0 or at least 2^-P.
#[inline(always)]
fn other_leg(x: F) -> (F, F) {
    let (h, l) = two_prod(x, x);
    let (w, e) = two_sum(1.0, -h);
    sqrt_pair(fast_two_sum(w, e - l))
}

#[inline(always)]
pub(in super::super::super) fn arcsin(x: F) -> F {
    let a = abs(x);
    let v = angle((a, 0.0), other_leg(a), false, a);
    nan_if((a > 1.0) | a.is_nan(), with_sign(v, x))
}

#[inline(always)]
pub(in super::super::super) fn arccos(x: F) -> F {
    let a = abs(x);
    let y = other_leg(a);
    let v = angle(y, (a, 0.0), x < 0.0, y.0 / a);
    nan_if((a > 1.0) | a.is_nan(), v)
}
