//! erf, erfc and i0.

use super::constants::*;
use super::exp::{exp_parts, join_times};
use super::pair::*;
use super::{ERFC_MOST, F, I0_MOST};

/// From here on erf is 1 − erfc.
const FAR: F = 0.625;

/// erf(x) − x for |x| ≤ FAR.
#[inline(always)]
fn erf_rest(x: F) -> F {
    x * horner(x * x, &ERF)
}

/// erfc(a) for a ≥ ½: e^-a² w(t) ÷ (1 + 2 a) with t = (a − 3) ÷ (a + 3). The square is exact, as a pair.
#[inline(always)]
fn erfc_tail(a: F) -> F {
    let c = clamp(a, 0.5, ERFC_MOST);
    let (s, sl) = two_prod(c, c);
    let (n, q) = exp_parts(-s, -sl);
    let t = (c - 3.0) / (c + 3.0);
    let (w, wl) = fast_two_sum(ERFC_HI, t * horner(t, &ERFC));
    let r = div_pair((w, wl + ERFC_LO), two_sum(1.0, c + c));
    join_times(n, q, r)
}

#[inline(always)]
pub(in super::super::super) fn erf(x: F) -> F {
    let a = abs(x);
    let c = clamp(a, 0.0, FAR);
    let v = if a < FAR { c + erf_rest(c) } else { 1.0 - erfc_tail(a) };
    nan_if(x.is_nan(), with_sign(v, x))
}

#[inline(always)]
pub(in super::super::super) fn erfc(x: F) -> F {
    let a = abs(x);
    let c = clamp(x, -0.5, 0.5);
    let (h, l) = two_sum(1.0, -c);
    let near = h + (l - erf_rest(c));
    let tail = erfc_tail(a);
    let far = if x < 0.0 { 2.0 - tail } else { tail };
    nan_if(x.is_nan(), if a < 0.5 { near } else { far })
}

/// c[0] + c[1] x + c[2] x² + … as a pair, of a pair: the products and sums are exact, and what they leave goes along
/// in one float. Where x is too small for an exact product it does not show beside the coefficients.
#[inline(always)]
fn horner_pair<const N: usize>(x: (F, F), c: &[F; N]) -> (F, F) {
    let (mut v, mut l) = (c[N - 1], 0.0);
    for k in (0..N - 1).rev() {
        let (p, e) = two_prod(v, x.0);
        let (s, d) = two_sum(p, c[k]);
        l = l * x.0 + (v * x.1 + (e + d));
        v = s;
    }
    (v, l)
}

/// Up to 8 a series in z = x² ÷ 4, whose terms are all positive; above e^x w(t) ÷ √x with t = 16 ÷ x − 1.
#[inline(always)]
pub(in super::super::super) fn i0(x: F) -> F {
    let a = abs(x);
    let half = 0.5 * clamp(a, 0.0, 8.0);
    let z = two_prod(half, half);
    let (v, l) = horner_pair(z, &I0_NEAR);
    let near = v + l;
    let c = clamp(a, 8.0, I0_MOST);
    let (n, q) = exp_parts(c, NOTHING);
    let t = 16.0 / c - 1.0;
    let (w, wl) = fast_two_sum(I0_FAR_HI, t * horner(t, &I0_FAR));
    let r = div_pair((w, wl + I0_FAR_LO), sqrt_pair((c, 0.0)));
    let far = join_times(n, q, r);
    nan_if(x.is_nan(), if a < 8.0 { near } else { far })
}
