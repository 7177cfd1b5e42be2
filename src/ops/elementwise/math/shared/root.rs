//! cbrt and hypot.

use super::constants::CBRT;
use super::pair::*;
use super::{BIAS, F, HYPOT, HYPOT_RANGE, I, P, U};

const fn power_of_two(n: I) -> F {
    F::from_bits(((n + BIAS) as U) << (P - 1))
}
/// Above the first and below the second, a point is scaled before its angle is taken.
pub(super) const ATAN_RANGE: (F, F) = (power_of_two(HYPOT_RANGE.0), power_of_two(HYPOT_RANGE.1));
pub(super) const ATAN_DOWN: F = power_of_two(-HYPOT);
pub(super) const ATAN_UP: F = power_of_two(HYPOT);

/// A polynomial to 3 digits, one step of Halley's iteration, one of Newton's with the residual of
/// the cube as a pair.
#[inline(always)]
pub(in super::super::super) fn cbrt(x: F) -> F {
    let a = abs(x);
    let subnormal = a < F::MIN_POSITIVE;
    // 2^24 and 2^54 are cubes.
    let lift = if P == 24 { 24 } else { 54 };
    let v = if subnormal { a * pow2(lift) } else { a };
    // a = 8^k m with m in [1, 8): the exponent divided by 3, rounded down.
    let e = (v.to_bits() >> (P - 1)) as I;
    let k = (((e - BIAS + 3072) * 43691) >> 17) - 1024;
    let m = F::from_bits(v.to_bits().wrapping_sub(((3 * k) as U) << (P - 1)));
    let t = horner(m, &CBRT);
    let c = t * t * t;
    let t = t * ((c + (m + m)) / ((c + c) + m));
    // t is about 1 to 2.
    let (s, sl) = two_prod(t, t);
    let (c, cl) = two_prod(s, t);
    let r = (m - c) - (cl + sl * t);
    let t = t + r / (3.0 * s);
    let v = t * pow2(if subnormal { k - lift / 3 } else { k });
    nan_if(x.is_nan(), if (a == 0.0) | (a == F::INFINITY) { x } else { with_sign(v, x) })
}

/// √(x² + y²) from the exact squares as pairs, scaled where they would leave the range.
///
/// The larger square is then far from both ends. The smaller is exact where the point was scaled up, since
/// even the least subnormal's square then stays in range; elsewhere, where it is too small to be exact, it
/// is below 2^(-2P - 10) of the larger one and does not show.
#[inline(always)]
pub(in super::super::super) fn hypot(x: F, y: F) -> F {
    let (ax, ay) = (abs(x), abs(y));
    let (a, b) = if ax > ay { (ax, ay) } else { (ay, ax) };
    let large = a > ATAN_RANGE.0;
    let small = a < ATAN_RANGE.1;
    let s = if large {
        ATAN_DOWN
    } else if small {
        ATAN_UP
    } else {
        1.0
    };
    let back = if large {
        ATAN_UP
    } else if small {
        ATAN_DOWN
    } else {
        1.0
    };
    let (a, b) = (a * s, b * s);
    let (a2, al) = two_prod(a, a);
    let (b2, bl) = two_prod(b, b);
    let (h, l) = fast_two_sum(a2, b2);
    let (r, rl) = sqrt_pair((h, l + (al + bl)));
    let v = (r + rl) * back;
    let infinite = (ax == F::INFINITY) | (ay == F::INFINITY);
    nan_if((x.is_nan() | y.is_nan()) & !infinite, if infinite { F::INFINITY } else { v })
}
