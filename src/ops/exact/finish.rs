//! Statistics from exact sums: a rational number, or its square root, rounded once.

use super::digits::{Fixed, Top};
use super::round::Format;
use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{Signed, Zero};

const NAN: f64 = f64::NAN;

/// The bits of the mean `sum` / `n`, nearest in `format`. NaN for `n` = 0.
pub fn mean(sum: &Fixed, n: u64, format: Format) -> u64 {
    if n == 0 {
        return format.special(NAN);
    }
    let Some(top) = sum.top() else { return format.round_fixed(sum) };
    // n < 2^64 leaves 64 bits or more of quotient; what is below the 128 bits of the dividend only
    // adds to the remainder.
    let (q, r) = (top.bits / n as u128, top.bits % n as u128);
    let shift = q.leading_zeros();
    let sticky = top.sticky || r != 0;
    format.round(sum.negative, Top { bits: q << shift, exponent: top.exponent - shift as i64, sticky })
}

/// The bits of the variance (Σx² − (Σx)²/n) / max(n − ddof, 0), nearest in `format`.
///
/// `squares` is the sum of the squares of the values whose sum is `sum`. NaN where a value was not
/// finite, and for 0/0; inf where only the divisor is 0, as NumPy gives.
pub fn variance(sum: &Fixed, squares: &Fixed, n: u64, ddof: f64, format: Format) -> u64 {
    quotient(sum, squares, n, ddof, format, Root::None)
}

/// The bits of the square root of the exact [`variance`], nearest in `format`.
pub fn std(sum: &Fixed, squares: &Fixed, n: u64, ddof: f64, format: Format) -> u64 {
    quotient(sum, squares, n, ddof, format, Root::Square)
}

/// The bits of `num` / `den`, nearest in `format`, with IEEE's rules for zeros and infinities (a
/// zero result is +0).
pub fn ratio(num: &Fixed, den: &Fixed, format: Format) -> u64 {
    let sign = |v: &Fixed| if v.negative { -1.0 } else { 1.0 };
    let class = |v: &Fixed| v.special().unwrap_or(if v.is_zero() { 0.0 } else { sign(v) });
    let special = class(num) / class(den);
    if !num.is_finite() || !den.is_finite() || den.is_zero() {
        return if special == 0.0 { 0 } else { format.special(special) };
    }
    let ((a, ea), (b, eb)) = (num.to_bigint(), den.to_bigint());
    match divide(a.magnitude(), b.magnitude(), ea as i64 - eb as i64, Root::None) {
        None => 0,
        Some(top) => format.round(num.negative != den.negative, top),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Root {
    None,
    Square,
}

fn quotient(sum: &Fixed, squares: &Fixed, n: u64, ddof: f64, format: Format, root: Root) -> u64 {
    if n == 0 || !sum.is_finite() || !squares.is_finite() || !ddof.is_finite() {
        return format.special(NAN);
    }
    let ((s, es), (q, eq)) = (sum.to_bigint(), squares.to_bigint());
    // n Q − S², in units of 2^e
    let e = eq.min(2 * es);
    let num: BigInt = ((q * n) << (eq - e) as u64) - ((&s * &s) << (2 * es - e) as u64);
    // n − ddof, in units of 2^f
    let (d, f) = dyadic(ddof);
    let f0 = f.min(0);
    let freedom: BigInt = (BigInt::from(n) << -f0 as u64) - (d << (f - f0) as u64);
    if !freedom.is_positive() {
        return format.special(if num.is_zero() { NAN } else { f64::INFINITY });
    }
    let den = freedom.magnitude() * n;
    match divide(num.magnitude(), &den, e as i64 - f0 as i64, root) {
        None => 0,
        Some(top) => format.round(num.sign() == Sign::Minus, top),
    }
}

/// The leading bits of (num/den · 2^e), or of its square root.
fn divide(num: &BigUint, den: &BigUint, e: i64, root: Root) -> Option<Top> {
    if num.is_zero() {
        return None;
    }
    // quotient of 144 bits or more, so that its root has 72
    let mut shift = (144 + den.bits() as i64 - num.bits() as i64).max(0);
    if root == Root::Square && (e - shift) % 2 != 0 {
        shift += 1;
    }
    let scaled = num << shift as u64;
    let q = &scaled / den;
    let sticky = &q * den != scaled;
    match root {
        Root::None => Top::of_big(&q, e - shift, sticky),
        Root::Square => {
            let r = q.sqrt();
            let sticky = sticky || &r * &r != q;
            Top::of_big(&r, (e - shift) / 2, sticky)
        }
    }
}

/// A finite float as (integer, exponent).
fn dyadic(v: f64) -> (BigInt, i32) {
    let bits = v.to_bits();
    let field = (bits >> 52 & 0x7ff) as i32;
    let m = (bits & ((1 << 52) - 1)) | ((field != 0) as u64) << 52;
    let m = BigInt::from(m);
    (if v < 0.0 { -m } else { m }, field.max(1) - 1075)
}
