//! sin, cos and tan of a reduced argument, and sinc.

use super::constants::*;
use super::pair::*;
use super::{BIAS, F, I, P, TINY, TRIG_MOST, U, WHOLE};

/// An angle r + s beside a multiple of π / 2: `quadrant` counts them, |r| ≤ π / 4.
#[derive(Clone, Copy)]
pub(in super::super::super) struct Reduced {
    quadrant: I,
    r: F,
    s: F,
}

/// Whether the argument needs the long reduction.
#[inline(always)]
pub(in super::super::super) fn is_large(x: F) -> bool {
    let a = abs(x);
    (a > TRIG_MOST) & (a < F::INFINITY)
}

/// The argument minus the nearest multiple of π / 2, taken in four parts; right for |x| up to
/// TRIG_MOST.
///
/// The multiples of the first two parts are exact, and that of the third is as a pair (it is 0 or at least
/// PIO2_3). So are the sums, since each first term is a multiple of the second's last bit: a of the last bits
/// of x and of PIO2_1, b of those and of PIO2_2's. Only what is added to c may have lower bits; it would be
/// larger than c, too, only for a c below 2^(3 − P) p, that is 2^-98 (float32: 2^-32), and no argument is so
/// near a multiple of π / 2.
#[inline(always)]
pub(in super::super::super) fn reduce(x: F) -> Reduced {
    let (nf, n) = nearest(clamp(x, -TRIG_MOST, TRIG_MOST) * TWO_OVER_PI);
    let a = add_exact_product(-nf, PIO2_1, x);
    let (b, be) = fast_two_sum(a, -(nf * PIO2_2));
    let (p, pe) = two_prod(nf, PIO2_3);
    let (c, ce) = fast_two_sum(b, -p);
    let (r, s) = fast_two_sum(c, ((be + ce) - pe) - nf * PIO2_4);
    Reduced { quadrant: n, r, s }
}

/// The argument beside a multiple of π / 2, by Payne and Hanek; for finite |x| ≥ 1.
#[inline(always)]
#[allow(clippy::unnecessary_cast, reason = "one text for two widths")]
pub(in super::super::super) fn reduce_large(x: F) -> Reduced {
    let bits = x.to_bits();
    let e = ((bits >> (P - 1)) & ((1 << (U::BITS as I - P)) - 1)) as I - BIAS - (P - 1);
    let m = bits & ((1 << (P - 1)) - 1) | 1 << (P - 1);
    from_fraction(super::super::super::quarter_turns(m as u64, e as i32), bits >> (U::BITS - 1) == 1)
}

/// The angle of `turns`, negated for a negative argument.
#[inline(always)]
pub(in super::super::super) fn from_fraction(turns: super::super::super::Turns, negative: bool) -> Reduced {
    let zeros = turns.size.leading_zeros().min(64);
    let bits = turns.size << zeros;
    // Two floats of P bits each, exact.
    let part = |at: u32| -> F {
        let v = ((bits >> (128 - P as u32 - at)) as U) & ((1 << P) - 1);
        (v as F) * pow2(-(zeros as I) - P - at as I)
    };
    let (h, l) = (part(0), part(P as u32));
    let (p, e) = two_prod(h, PIO2_HI);
    let (r, s) = fast_two_sum(p, e + (h * PIO2_LO + l * PIO2_HI));
    let q = turns.quadrant as I;
    let minus = turns.minus != negative;
    Reduced {
        quadrant: if negative { -q } else { q },
        r: if minus { -r } else { r },
        s: if minus { -s } else { s },
    }
}

/// sin and cos of r + s as pairs.
#[inline(always)]
fn both(a: Reduced) -> ((F, F), (F, F)) {
    let (r, s) = (a.r, a.s);
    // Too small for an exact product, it does not show beside 1; the sine and tangent of so little are x.
    let (z, zl) = two_prod(r, r);
    let half = 0.5 * z;
    let sin = fast_two_sum(r, r * z * horner(z, &SIN) + s * (1.0 - half));
    let w = 1.0 - half;
    let cos = fast_two_sum(w, ((1.0 - w) - half) + (z * z * horner(z, &COS) - (r * s + 0.5 * zl)));
    (sin, cos)
}

#[inline(always)]
fn pick(x: F, quadrant: I, even: F, odd: F) -> F {
    let v = if quadrant & 1 == 0 { even } else { odd };
    let v = if quadrant & 2 == 0 { v } else { -v };
    nan_if(!x.is_finite(), v)
}

#[inline(always)]
pub(in super::super::super) fn sin(x: F, a: Reduced) -> F {
    let (s, c) = both(a);
    let v = pick(x, a.quadrant, s.0, c.0);
    if abs(x) < TINY { x } else { v }
}

#[inline(always)]
pub(in super::super::super) fn cos(x: F, a: Reduced) -> F {
    let (s, c) = both(a);
    pick(x, a.quadrant.wrapping_add(1), s.0, c.0)
}

#[inline(always)]
pub(in super::super::super) fn tan(x: F, a: Reduced) -> F {
    let (s, c) = both(a);
    let even = a.quadrant & 1 == 0;
    let (n, d) = if even { (s, c) } else { ((-c.0, -c.1), s) };
    let (q, l) = div_pair(n, d);
    let v = nan_if(!x.is_finite(), q + l);
    if abs(x) < TINY { x } else { v }
}

/// sin(π x) ÷ (π x). Everything up to the angle π r is exact: x less the nearest multiples of 2 and of ½.
#[inline(always)]
pub(in super::super::super) fn sinc(x: F) -> F {
    let a = abs(x);
    // From WHOLE on every number is whole.
    let c = clamp(a, 0.0, WHOLE);
    let (pairs, _) = nearest(0.5 * c);
    let y = c - (pairs + pairs);
    let (nf, n) = nearest(y + y);
    let r = y - 0.5 * nf;
    // π is two times π / 2. Where the products are too small to be exact the answer is 1.
    let (p, e) = two_prod(r + r, PIO2_HI);
    let (s, c2) = both(Reduced { quadrant: n, r: p, s: e + (r + r) * PIO2_LO });
    let top = if n & 1 == 0 { s } else { c2 };
    let top = if n & 2 == 0 { top } else { (-top.0, -top.1) };
    let (d, l) = two_prod(c + c, PIO2_HI);
    let (q, ql) = div_pair(top, (d, l + (c + c) * PIO2_LO));
    let v = if (r == 0.0) & (n & 1 == 0) { 0.0 } else { q + ql };
    nan_if(!x.is_finite(), if a < 0.25 * TINY { 1.0 } else { v })
}
