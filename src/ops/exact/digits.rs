//! One sum taken out of its accumulator: sign, magnitude, sticky flags.

use super::Term;
use num_bigint::{BigInt, BigUint, Sign};
use smallvec::SmallVec;

pub(super) const PLUS_INF: u8 = 1;
pub(super) const MINUS_INF: u8 = 2;
pub(super) const NAN: u8 = 4;

/// An exact value: (−1)^negative · `Σ digits[k] · 2^(32 k + low)`, or an infinity, or NaN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub(super) negative: bool,
    pub(super) flags: u8,
    /// Lowest first, no zero digit on top; empty means zero.
    pub(super) digits: SmallVec<[u32; 24]>,
    pub(super) low: i32,
}

/// The leading 128 bits of a positive number: `bits` · 2^`exponent`, top bit set, plus something
/// positive below the last bit if `sticky`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Top {
    pub bits: u128,
    pub exponent: i64,
    pub sticky: bool,
}

impl Fixed {
    /// From limbs with pending carries.
    pub(super) fn from_limbs(term: Term, flags: u8, limbs: &mut [i64]) -> Fixed {
        let mut digits = SmallVec::new();
        let mut negative = false;
        if flags == 0 {
            carry(limbs);
            let top = limbs.len() - 1;
            negative = limbs[top] < 0;
            if negative {
                limbs.iter_mut().for_each(|l| *l = -*l);
                carry(limbs);
            }
            digits.extend(limbs[..top].iter().map(|&l| l as u32));
            digits.extend([limbs[top] as u32, (limbs[top] >> 32) as u32]);
            while digits.last() == Some(&0) {
                digits.pop();
            }
        }
        Fixed { negative, flags: effective(flags), digits, low: term.low() }
    }

    /// The integer ±magnitude, digits of 32 bits, lowest first.
    pub fn from_digits(negative: bool, digits: &[u32]) -> Fixed {
        let used = digits.iter().rposition(|&d| d != 0).map_or(0, |k| k + 1);
        let digits = SmallVec::from_slice(&digits[..used]);
        Fixed { negative: negative && used > 0, flags: 0, digits, low: 0 }
    }

    /// Whether it is exactly zero.
    pub fn is_zero(&self) -> bool {
        self.flags == 0 && self.digits.is_empty()
    }

    /// Whether it is neither infinite nor NaN.
    pub fn is_finite(&self) -> bool {
        self.flags == 0
    }

    /// The value as float64 if it is infinite or NaN (positive, quiet).
    pub fn special(&self) -> Option<f64> {
        match self.flags {
            0 => None,
            PLUS_INF => Some(f64::INFINITY),
            MINUS_INF => Some(f64::NEG_INFINITY),
            _ => Some(f64::from_bits(0x7ff8_0000_0000_0000)),
        }
    }

    /// The finite value as (integer, e), meaning integer · 2^e.
    pub fn to_bigint(&self) -> (BigInt, i32) {
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        (BigInt::from_biguint(sign, BigUint::from_slice(&self.digits)), self.low)
    }

    /// The integer, if the term counts in units of one and it fits.
    pub fn to_i128(&self) -> Option<i128> {
        if self.flags != 0 || self.low != 0 || self.digits.len() > 4 {
            return None;
        }
        let magnitude = self.digits.iter().rev().fold(0u128, |m, &d| m << 32 | d as u128);
        if self.negative { 0i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
    }

    /// The leading bits; `None` for zero.
    pub(super) fn top(&self) -> Option<Top> {
        let n = self.digits.len();
        let first = *self.digits.last()?;
        let skip = first.leading_zeros();
        let digit = |back: usize| if back < n { self.digits[n - 1 - back] as u128 } else { 0 };
        let four = digit(0) << 96 | digit(1) << 64 | digit(2) << 32 | digit(3);
        let fifth = digit(4) as u32;
        let bits = if skip == 0 { four } else { four << skip | (fifth >> (32 - skip)) as u128 };
        let rest_of_fifth = if skip == 0 { fifth } else { fifth << skip };
        let sticky = rest_of_fifth != 0 || (n > 5 && self.digits[..n - 5].iter().any(|&d| d != 0));
        let exponent = self.low as i64 + 32 * n as i64 - skip as i64 - 128;
        Some(Top { bits, exponent, sticky })
    }
}

impl From<i128> for Fixed {
    fn from(v: i128) -> Fixed {
        let m = v.unsigned_abs();
        Fixed::from_digits(v < 0, &[0, 32, 64, 96].map(|s| (m >> s) as u32))
    }
}

/// One NaN, or one infinity, or nothing.
pub(super) fn effective(flags: u8) -> u8 {
    match flags {
        0 | PLUS_INF | MINUS_INF => flags,
        _ => NAN,
    }
}

/// Propagates carries: every limb but the top one becomes a digit in 0..2^32.
pub(super) fn carry(limbs: &mut [i64]) {
    let Some((top, rest)) = limbs.split_last_mut() else { return };
    let mut c = 0i64;
    for l in rest {
        let v = *l + c;
        *l = v & 0xffff_ffff;
        c = v >> 32;
    }
    *top += c;
}
