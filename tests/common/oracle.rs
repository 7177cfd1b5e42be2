//! Exact answers by unbounded integers: sums, means, variances and their roots, rounded once.
#![allow(dead_code)]

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{One, Zero};

/// Every finite float64 is a whole number of these.
const UNIT: u64 = 1074;

/// The format that is rounded to: bits of the mantissa, and the exponent of the smallest step.
#[derive(Clone, Copy)]
pub struct Format {
    bits: u64,
    least: i64,
    largest: f64,
}

pub const F64: Format = Format { bits: 53, least: -1074, largest: f64::MAX };
pub const F32: Format = Format { bits: 24, least: -149, largest: f32::MAX as f64 };
pub const F16: Format = Format { bits: 11, least: -24, largest: 65504.0 };

/// A finite value in units of 2^-1074.
pub fn whole(v: f64) -> BigInt {
    let bits = v.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let (m, shift) = if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
    let sign = if bits >> 63 == 1 { Sign::Minus } else { Sign::Plus };
    BigInt::from_biguint(sign, BigUint::from(m) << shift)
}

fn power(e: i64) -> f64 {
    if e >= -1022 { f64::from_bits(((e + 1023) as u64) << 52) } else { f64::from_bits(1 << (e + 1074)) }
}

/// numerator / denominator · 2^scale, to nearest, ties to even.
pub fn round(numerator: &BigInt, denominator: &BigUint, scale: i64, f: Format) -> f64 {
    if numerator.is_zero() {
        return 0.0;
    }
    let (sign, n) = (numerator.sign(), numerator.magnitude());
    let mut step = (n.bits() as i64 - denominator.bits() as i64 + scale - f.bits as i64).max(f.least);
    let q = loop {
        let shift = scale - step;
        let (a, b) = match shift >= 0 {
            true => (n << shift as u64, denominator.clone()),
            false => (n.clone(), denominator << (-shift) as u64),
        };
        let (q, r) = (&a / &b, &a % &b);
        if q.bits() > f.bits {
            step += 1;
            continue;
        }
        let up = match (r * 2u8).cmp(&b) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => q.bit(0),
            std::cmp::Ordering::Less => false,
        };
        break q + u8::from(up);
    };
    let q = q.to_u64_digits().first().copied().unwrap_or(0);
    let v = if step > 971 { f64::INFINITY } else { q as f64 * power(step) };
    let v = if v > f.largest { f64::INFINITY } else { v };
    if sign == Sign::Minus { -v } else { v }
}

/// n, Σx and Σx² of finite values, exact.
pub struct Moments {
    n: u64,
    sum: BigInt,
    squares: BigInt,
}

impl Moments {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Moments {
        let mut m = Moments { n: 0, sum: BigInt::zero(), squares: BigInt::zero() };
        for v in values {
            let w = whole(v);
            m.n += 1;
            m.squares += &w * &w;
            m.sum += w;
        }
        m
    }

    /// From sums of whole numbers k and k², of values k · 2^-scale.
    pub fn from_whole(n: u64, sum: i128, squares: u128, scale: u64) -> Moments {
        let squares = BigInt::from(squares) << (2 * (UNIT - scale));
        Moments { n, sum: BigInt::from(sum) << (UNIT - scale), squares }
    }

    pub fn sum(&self, f: Format) -> f64 {
        round(&self.sum, &BigUint::one(), -(UNIT as i64), f)
    }

    pub fn mean(&self, f: Format) -> f64 {
        round(&self.sum, &BigUint::from(self.n), -(UNIT as i64), f)
    }

    /// n Σx² − (Σx)², and n (n − ddof).
    fn variance(&self, ddof: u64) -> (BigInt, BigUint) {
        (&self.squares * self.n - &self.sum * &self.sum, BigUint::from(self.n) * (self.n - ddof))
    }

    pub fn var(&self, ddof: u64, f: Format) -> f64 {
        let (n, d) = self.variance(ddof);
        round(&n, &d, -2 * UNIT as i64, f)
    }

    pub fn std(&self, ddof: u64, f: Format) -> f64 {
        let (n, d) = self.variance(ddof);
        // The root of n/d with at least 128 bits, and one more bit that says whether it is exact.
        let k = 128 + d.bits() + 64u64.saturating_sub(n.bits());
        let square = (n.magnitude() << (2 * k)) / &d;
        let root = square.sqrt();
        let exact = &root * &root * &d == n.magnitude() << (2 * k);
        let odd = (root << 1u8) + u8::from(!exact);
        round(&BigInt::from(odd), &BigUint::one(), -(UNIT as i64) - k as i64 - 1, f)
    }
}

#[test]
fn the_oracle_rounds_as_the_machine_does() {
    for (a, b) in [(1.0, 3.0), (2.0, 7.0), (5e-324, 2.0), (1e308, 3e-5), (0.1, 0.3), (-7.5, 1e-3)] {
        let (n, d) = (whole(a), whole(b));
        assert_eq!(round(&n, d.magnitude(), 0, F64).to_bits(), (a / b).to_bits(), "{a} / {b}");
        assert_eq!(round(&n, &BigUint::one(), -1074, F32), a as f32 as f64, "{a}");
    }
    let m = Moments::of([1.0, 2.0, 4.0]);
    assert_eq!((m.sum(F64), m.mean(F64)), (7.0, 7.0 / 3.0));
    assert_eq!(m.var(1, F64), 7.0 / 3.0);
    assert_eq!(Moments::of([1.0, 3.0]).std(0, F64), 1.0);
    assert_eq!(Moments::of([0.0, 0.0, 3.0]).std(0, F64), 2f64.sqrt());
}
