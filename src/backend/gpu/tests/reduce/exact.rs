//! What a reduction must be, by arithmetic on big integers.

use super::data::{float_bits, format, integer, number};
use crate::dtype::DType;
use crate::ops::reduce::{Family, ReduceSpec};
use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{One, Signed, ToPrimitive, Zero};

/// A ratio, or its square root, rounded once to nearest, ties to even. `den` is positive.
pub fn rounded(num: &BigInt, den: &BigInt, root: bool, dtype: DType) -> u64 {
    let (exponent, fraction) = format(dtype);
    let precision = fraction as i64 + 1;
    let lowest = 2 - (1i64 << (exponent - 1)) - fraction as i64;
    if num.is_zero() {
        return 0;
    }
    let sign = (num.is_negative() as u64) << (exponent + fraction);
    let (n, d): (BigUint, BigUint) = (num.magnitude().clone(), den.magnitude().clone());
    let about = (n.bits() as i64 - d.bits() as i64) / if root { 2 } else { 1 };
    let s = precision + 4 - about;
    let scale = if root { 2 * s } else { s };
    let (n, d) = if scale >= 0 { (n << scale as u64, d) } else { (n, d << (-scale) as u64) };
    let mut q = &n / &d;
    let mut sticky = &q * &d != n;
    if root {
        let r = q.sqrt();
        sticky |= &r * &r != q;
        q = r;
    }
    let unit = (q.bits() as i64 - s - precision).max(lowest);
    let cut = (unit + s) as u64;
    let mut m = &q >> cut;
    let rest = &q - (&m << cut);
    let half = BigUint::one() << (cut - 1);
    let odd = (&m & BigUint::one()).is_one();
    if rest > half || (rest == half && (sticky || odd)) {
        m += 1u8;
    }
    let m = m.to_u64().unwrap();
    let hidden = 1u64 << fraction;
    let bits = if m < hidden { m } else { (((unit - lowest + 1) as u64) << fraction) + (m - hidden) };
    sign | bits.min(((1 << exponent) - 1) << fraction)
}

/// The integer that a finite value is in units of 2^`low`.
pub fn exact(v: f64, low: i64) -> BigInt {
    let bits = v.to_bits();
    let field = (bits >> 52 & 0x7ff) as i64;
    let m = (bits & ((1 << 52) - 1)) | ((field != 0) as u64) << 52;
    let at = field.max(1) - 1075 - low;
    let m = if at >= 0 { BigUint::from(m) << at as u64 } else { BigUint::from(m) >> (-at) as u64 };
    BigInt::from_biguint(if v.is_sign_negative() { Sign::Minus } else { Sign::Plus }, m)
}

/// What one output must be, from its values in the order of their positions: bits, weight's bits,
/// position. `None` where there is no answer, or where only the CPU is asked.
pub fn expected(spec: &ReduceSpec, values: &[(u64, u64, u64)]) -> Option<u64> {
    let (dtype, out, row) = (spec.compute_dtype(), spec.out_dtype(), spec.row());
    let float = dtype.is_float();
    let is_nan = |bits: u64| float && number(dtype, bits).is_nan();
    let all: Vec<_> = values.iter().filter(|v| !(row.skips_nan && is_nan(v.0))).collect();
    let nonzero = |bits: u64| if float { number(dtype, bits) != 0.0 } else { bits != 0 };
    let n = all.len() as i64;
    let low = match (float, dtype) {
        (false, _) => 0,
        (_, DType::F64) => -1074,
        _ => -149,
    };
    let whole = |bits: u64| match float {
        true => exact(number(dtype, bits), low),
        false => BigInt::from(integer(dtype, bits)),
    };
    let is_finite = |bits: u64| !float || number(dtype, bits).is_finite();
    let nan = || float_bits(out, f64::NAN) & !(1 << (8 * out.size() - 1));
    let unit = BigInt::one() << (-low) as u64;
    match row.family {
        Family::Any => Some(all.iter().any(|v| nonzero(v.0)) as u64),
        Family::All => Some(all.iter().all(|v| nonzero(v.0)) as u64),
        Family::Count => Some(all.iter().filter(|v| nonzero(v.0)).count() as u64),
        Family::Min | Family::Max | Family::ArgMin | Family::ArgMax => {
            let arg = matches!(row.family, Family::ArgMin | Family::ArgMax);
            let largest = matches!(row.family, Family::Max | Family::ArgMax);
            let mut best = *all.first()?;
            for v in &all[1..] {
                if is_nan(best.0) {
                    break;
                }
                let (x, y) = match float {
                    true => (number(dtype, v.0), number(dtype, best.0)),
                    false => (0.0, 0.0),
                };
                let order = match float {
                    true if x.is_nan() => std::cmp::Ordering::Less,
                    true if x == 0.0 && y == 0.0 && !arg => x.total_cmp(&y),
                    true => x.partial_cmp(&y).unwrap(),
                    false => integer(dtype, v.0).cmp(&integer(dtype, best.0)),
                };
                let order = if largest && !(float && x.is_nan()) { order.reverse() } else { order };
                if order.is_lt() {
                    best = v;
                }
            }
            Some(match (arg, is_nan(best.0)) {
                (true, _) => best.2,
                (_, true) => nan(),
                _ => best.0,
            })
        }
        Family::Sum | Family::Mean if !all.iter().all(|v| is_finite(v.0)) => {
            let sum: f64 = all.iter().map(|v| number(dtype, v.0)).filter(|v| !v.is_finite()).sum();
            Some(if sum.is_nan() { nan() } else { float_bits(out, sum) })
        }
        Family::Sum => {
            let sum: BigInt = all.iter().map(|v| whole(v.0)).sum();
            match (float, out.is_float()) {
                (_, true) => Some(rounded(&sum, &unit, false, out)),
                _ => {
                    let v = sum.to_i128()?;
                    let fits =
                        if out == DType::U64 { u64::try_from(v).is_ok() } else { i64::try_from(v).is_ok() };
                    fits.then_some(v as u64)
                }
            }
        }
        Family::Mean if n == 0 => Some(nan()),
        Family::Mean => {
            let sum: BigInt = all.iter().map(|v| whole(v.0)).sum();
            Some(rounded(&sum, &(unit * n), false, out))
        }
        Family::Var | Family::Std => {
            let ddof = spec.ddof() as i64;
            if n <= ddof {
                return None;
            }
            if !all.iter().all(|v| is_finite(v.0)) {
                return Some(nan());
            }
            let sum: BigInt = all.iter().map(|v| whole(v.0)).sum();
            let squares: BigInt = all.iter().map(|v| whole(v.0) * whole(v.0)).sum();
            let num = squares * n - &sum * &sum;
            let den = &unit * &unit * (n * (n - ddof));
            Some(rounded(&num, &den, row.family == Family::Std, out))
        }
        Family::Average => {
            if n == 0 || !all.iter().all(|v| is_finite(v.0) && is_finite(v.1)) {
                return None;
            }
            let products: BigInt = all.iter().map(|v| whole(v.0) * whole(v.1)).sum();
            let weights: BigInt = all.iter().map(|v| whole(v.1)).sum();
            if weights.is_zero() {
                return None;
            }
            let (num, den) = if weights.is_negative() { (-products, -weights) } else { (products, weights) };
            Some(rounded(&num, &(den * unit), false, out))
        }
        Family::Prod => product(dtype, out, all.iter().map(|v| v.0)),
    }
}

/// The product of all, each pair multiplied first, so that long ones take little time.
fn all_together(mut factors: Vec<BigUint>) -> BigUint {
    while factors.len() > 1 {
        factors = factors.chunks(2).map(|p| p.iter().product()).collect();
    }
    factors.pop().unwrap_or_else(BigUint::one)
}

/// The product of the magnitudes of finite values, as an integer and a power of two.
pub fn magnitude(values: &[f64]) -> (BigUint, i64) {
    let field = |v: &f64| (v.to_bits() >> 52 & 0x7ff) as i64;
    let fraction = |v: &f64| v.to_bits() & ((1 << 52) - 1) | ((field(v) != 0) as u64) << 52;
    let product = all_together(values.iter().map(|v| BigUint::from(fraction(v))).collect());
    (product, values.iter().map(|v| field(v).max(1) - 1075).sum())
}

fn product(dtype: DType, out: DType, values: impl Iterator<Item = u64>) -> Option<u64> {
    let size = 8 * out.size() as u32;
    if !dtype.is_float() {
        let values: Vec<i128> = values.map(|v| integer(dtype, v)).collect();
        let magnitude = all_together(values.iter().map(|v| BigUint::from(v.unsigned_abs())).collect());
        let is_negative = values.iter().filter(|v| **v < 0).count() % 2 == 1;
        let v = magnitude.to_u64()? as i128 * if is_negative { -1 } else { 1 };
        let bits = v as u64 & (u64::MAX >> (64 - size));
        return (integer(out, bits) == v).then_some(bits);
    }
    let values: Vec<f64> = values.map(|v| number(dtype, v)).collect();
    let any = |f: fn(&f64) -> bool| values.iter().any(f);
    let (zero, infinite) = (any(|v| *v == 0.0), any(|v| v.is_infinite()));
    if any(|v| v.is_nan()) || (zero && infinite) {
        return Some(float_bits(out, f64::NAN) & !(1 << (size - 1)));
    }
    let is_negative = values.iter().filter(|v| v.is_sign_negative()).count() % 2 == 1;
    let sign = (is_negative as u64) << (size - 1);
    if zero || infinite {
        return Some(sign | float_bits(out, if zero { 0.0 } else { f64::INFINITY }));
    }
    let (magnitude, exponent) = magnitude(&values);
    // Beyond every format's range the ends are as good.
    let magnitude = match magnitude.bits() as i64 + exponent {
        2000.. => return Some(sign | float_bits(out, f64::INFINITY)),
        ..-2000 => return Some(sign),
        _ => BigInt::from(magnitude),
    };
    let power = BigInt::one() << exponent.unsigned_abs();
    Some(
        sign | match exponent {
            0.. => rounded(&(magnitude * power), &BigInt::one(), false, out),
            _ => rounded(&magnitude, &power, false, out),
        },
    )
}
