//! Rounding once, to nearest, ties to even.

use super::digits::{Fixed, Top};
use crate::dtype::DType;
use num_bigint::BigUint;
use num_traits::Zero;

/// A binary float format to round to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Bits of the significand, the hidden one included.
    precision: u32,
    /// Exponent of the unit of subnormal numbers.
    unit: i32,
    /// Bits of the whole.
    width: u32,
}

impl Format {
    /// float16
    pub const F16: Format = Format { precision: 11, unit: -24, width: 16 };
    /// float32
    pub const F32: Format = Format { precision: 24, unit: -149, width: 32 };
    /// float64
    pub const F64: Format = Format { precision: 53, unit: -1074, width: 64 };

    /// The format of a float dtype.
    pub fn of(dtype: DType) -> Option<Format> {
        match dtype {
            DType::F16 => Some(Format::F16),
            DType::F32 => Some(Format::F32),
            DType::F64 => Some(Format::F64),
            _ => None,
        }
    }

    fn infinity(self) -> u64 {
        let exponent_bits = self.width - self.precision;
        ((1u64 << exponent_bits) - 1) << (self.precision - 1)
    }

    /// The bits of +inf, −inf or NaN (positive, quiet) that stand for `v`.
    pub fn special(self, v: f64) -> u64 {
        if v.is_nan() {
            self.infinity() | 1 << (self.precision - 2)
        } else {
            self.infinity() | (v.is_sign_negative() as u64) << (self.width - 1)
        }
    }

    /// The bits of +0 or −0.
    pub fn zero(self, negative: bool) -> u64 {
        (negative as u64) << (self.width - 1)
    }

    /// The bits of the float nearest to ±`bits` · 2^`exponent`, plus something positive below the
    /// last bit if `sticky`. The top bit of `bits` is set.
    pub fn round_parts(self, negative: bool, bits: u128, exponent: i64, sticky: bool) -> u64 {
        self.round(negative, Top { bits, exponent, sticky })
    }

    /// The bits of the float nearest to ±`top`.
    pub(super) fn round(self, negative: bool, top: Top) -> u64 {
        let sign = (negative as u64) << (self.width - 1);
        // exponent of the last bit that the result keeps
        let last = (top.exponent + 128 - self.precision as i64).max(self.unit as i64);
        let drop = last - top.exponent;
        // `drop` is at least 128 − 53
        let (kept, half, below) = if drop > 128 {
            (0, false, true)
        } else {
            let kept = if drop == 128 { 0 } else { top.bits >> drop };
            let below = top.bits & ((1u128 << (drop - 1)) - 1) != 0 || top.sticky;
            (kept as u64, top.bits >> (drop - 1) & 1 == 1, below)
        };
        let up = half && (below || kept & 1 == 1);
        // the hidden bit carries into the exponent field by plain addition, and so does a carry
        let biased = (last - self.unit as i64) as u64;
        if biased > 1 << (self.width - self.precision) {
            return sign | self.infinity();
        }
        let magnitude = (biased << (self.precision - 1)) + kept + up as u64;
        sign | magnitude.min(self.infinity())
    }

    /// The bits of the float nearest to an accumulator's value.
    pub fn round_fixed(self, v: &Fixed) -> u64 {
        match (v.special(), v.top()) {
            (Some(s), _) => self.special(s),
            (None, None) => 0,
            (None, Some(top)) => self.round(v.negative, top),
        }
    }
}

impl Top {
    /// The leading bits of `v` · 2^`exponent` (+ something below the last bit of `v` if `sticky`).
    pub(super) fn of_big(v: &BigUint, exponent: i64, sticky: bool) -> Option<Top> {
        if v.is_zero() {
            return None;
        }
        let len = v.bits() as i64;
        let (bits, lost) = if len <= 128 {
            (v << (128 - len) as u64, false)
        } else {
            (v >> (len - 128) as u64, (v.trailing_zeros().unwrap_or(0) as i64) < len - 128)
        };
        let bits = bits.iter_u64_digits().rev().fold(0u128, |m, d| m << 64 | d as u128);
        Some(Top { bits, exponent: exponent + len - 128, sticky: sticky || lost })
    }
}
