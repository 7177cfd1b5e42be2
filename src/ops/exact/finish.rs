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

#[derive(Clone, Copy, Debug, PartialEq)]
enum Root {
    None,
    Square,
}

fn quotient(sum: &Fixed, squares: &Fixed, n: u64, ddof: f64, format: Format, root: Root) -> u64 {
    if n == 0 || !sum.is_finite() || !squares.is_finite() || !ddof.is_finite() {
        return format.special(NAN);
    }
    if let Some(bits) = quotient_in_128_bits(sum, squares, n, ddof, format, root) {
        return bits;
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

/// [`quotient`] where every step fits 128 bits, as it does for float32 data of no extreme range;
/// `None` where it does not.
fn quotient_in_128_bits(
    sum: &Fixed,
    squares: &Fixed,
    n: u64,
    ddof: f64,
    format: Format,
    root: Root,
) -> Option<u64> {
    let freedom = n.checked_sub(ddof as u64).filter(|&f| f > 0 && ddof.fract() == 0.0)?;
    let den = n.checked_mul(freedom)? as u128;
    let ((s, es), (q, eq)) = (odd_part(sum)?, odd_part(squares)?);
    // n Q − S², in units of 2^e
    let (square, nq) = (s.checked_mul(s)?, q.checked_mul(n as u128)?);
    let e = if q == 0 {
        2 * es
    } else if s == 0 {
        eq
    } else {
        eq.min(2 * es)
    };
    let shifted = |v: u128, by: i64| match v {
        0 => Some(0),
        v => (by <= v.leading_zeros() as i64).then(|| v << by),
    };
    let num = shifted(nq, eq - e)?.checked_sub(shifted(square, 2 * es - e)?)?;
    if num == 0 {
        return Some(0);
    }
    // den < 2^64, so a second step of the division fills the quotient up to 127 bits or more.
    let up = num.leading_zeros();
    let (first, rest) = ((num << up) / den, (num << up) % den);
    let mut more = first.leading_zeros().min(64);
    if root == Root::Square && (e - up as i64 - more as i64) % 2 != 0 {
        // `first` fills all 128 bits only for den = 1, where nothing is left to divide.
        more = more.checked_sub(1)?;
    }
    let (second, left) = ((rest << more) / den, (rest << more) % den);
    let quotient = first << more | second;
    let exponent = e - up as i64 - more as i64;
    let (bits, exponent, exact) = match root {
        Root::None => (quotient, exponent, left == 0),
        Root::Square => {
            let r = quotient.isqrt();
            (r, exponent / 2, left == 0 && r * r == quotient)
        }
    };
    let skip = bits.leading_zeros();
    Some(format.round(false, Top { bits: bits << skip, exponent: exponent - skip as i64, sticky: !exact }))
}

/// A value's magnitude as (odd integer, exponent), if that fits 128 bits; (0, 0) for zero.
fn odd_part(v: &Fixed) -> Option<(u128, i64)> {
    let Some(top) = v.top() else { return Some((0, 0)) };
    let zeros = top.bits.trailing_zeros();
    (!top.sticky).then(|| (top.bits >> zeros, top.exponent + zeros as i64))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The short way against the long one, over values of every size that it takes.
    #[test]
    fn the_quotient_in_128_bits_is_the_exact_one() {
        let mut state = 1u64;
        let mut random = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 11
        };
        let mut taken = 0;
        for case in 0..20_000 {
            let n = 1 + random() % [2, 3, 10, 1000, 1 << 20][case % 5];
            let bits = 1 + random() % 24;
            let (mut s, mut q) = (0i128, 0i128);
            for _ in 0..n.min(8) {
                let x = (random() % (1 << bits)) as i128 - if case % 3 == 0 { 1 << (bits - 1) } else { 0 };
                s += x;
                q += x * x;
            }
            // The remaining values are zeros; scale by a power of two as float data does.
            let scale = |v: i128, by: u32| Fixed::from(v << by);
            let by = (random() % 5) as u32;
            let (sum, squares) = (scale(s, by), scale(q, 2 * by));
            for ddof in [0.0, 1.0, 2.0] {
                for (format, root) in [
                    (Format::F32, Root::None),
                    (Format::F32, Root::Square),
                    (Format::F64, Root::None),
                    (Format::F64, Root::Square),
                    (Format::F16, Root::Square),
                ] {
                    let Some(short) = quotient_in_128_bits(&sum, &squares, n, ddof, format, root) else {
                        continue;
                    };
                    taken += 1;
                    let ((a, _), (b, _)) = (sum.to_bigint(), squares.to_bigint());
                    let num: BigInt = b * n - &a * &a;
                    let den = BigUint::from(n) * BigUint::from(n - ddof as u64);
                    let long = divide(num.magnitude(), &den, 0, root).map_or(0, |t| format.round(false, t));
                    assert_eq!(short, long, "n {n}, sum {s}, squares {q}, ddof {ddof}, {root:?}");
                }
            }
        }
        assert!(taken > 200_000, "{taken}");
    }
}
