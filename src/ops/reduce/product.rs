//! Products.
//!
//! Integers: magnitudes of non-zero factors can only grow, so whether the product fits 64 bits does
//! not depend on the order, and any zero makes it 0.
//!
//! Floats: a product keeps the leading 256 bits of its significand and a count of the units of the
//! last place that truncation may have lost. As long as the odd part of the exact product has at
//! most 256 bits nothing is lost, and that does not depend on the order either, because the odd
//! part of every intermediate product divides it. Otherwise the exact product is no float and no
//! midpoint between two floats, and rounding sees the order only if such a point lies inside the
//! tracked interval, about n · 2^-200 of all cases; then the product is taken to be that point, so
//! even there all orders that notice it agree.

use super::value::{Part, Value};
use crate::ops::exact::Format;
use serde::{Deserialize, Serialize};

const NEGATIVE: u8 = 1;
const ZERO: u8 = 2;
const INFINITE: u8 = 4;
const NAN: u8 = 8;
const TOO_LARGE: u8 = 16;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct IntegerProducts {
    magnitudes: Vec<u64>,
    flags: Vec<u8>,
}

impl IntegerProducts {
    pub fn new(outputs: usize) -> IntegerProducts {
        IntegerProducts { magnitudes: vec![1; outputs], flags: vec![0; outputs] }
    }

    pub fn is_consistent(&self, outputs: usize) -> bool {
        self.magnitudes.len() == outputs && self.flags.len() == outputs
    }

    pub fn update<T: Value>(&mut self, part: Part<'_, T>) {
        part.each(|o, x| self.one(o, x));
    }

    /// Takes one value.
    #[inline]
    pub fn one<T: Value>(&mut self, o: usize, x: T) {
        let v = x.to_i128();
        let flags = if v == 0 { ZERO } else { (v < 0) as u8 * NEGATIVE };
        self.multiply(o, v.unsigned_abs() as u64, flags);
    }

    #[inline]
    fn multiply(&mut self, o: usize, magnitude: u64, flags: u8) {
        let old = self.flags[o];
        self.flags[o] = (old | flags) & !NEGATIVE | (old ^ flags) & NEGATIVE;
        if magnitude != 0 {
            match self.magnitudes[o].checked_mul(magnitude) {
                Some(m) => self.magnitudes[o] = m,
                None => self.flags[o] |= TOO_LARGE,
            }
        }
    }

    /// Multiplies with what a device gathered. False if it is no product.
    pub fn multiply_at(&mut self, o: usize, magnitude: u64, flags: u8) -> bool {
        let is_one = magnitude != 0 && flags & !(NEGATIVE | ZERO | TOO_LARGE) == 0;
        if is_one {
            self.multiply(o, magnitude, flags);
        }
        is_one
    }

    pub fn merge_at(&mut self, offset: usize, other: &IntegerProducts) {
        for (k, (&m, &f)) in other.magnitudes.iter().zip(&other.flags).enumerate() {
            self.multiply(offset + k, m, f);
        }
    }

    /// The product, if its magnitude fits 64 bits.
    pub fn get(&self, o: usize) -> Option<i128> {
        let m = self.magnitudes[o] as i128;
        match self.flags[o] {
            f if f & ZERO != 0 => Some(0),
            f if f & TOO_LARGE != 0 => None,
            f if f & NEGATIVE != 0 => Some(-m),
            _ => Some(m),
        }
    }
}

/// significand · 2^exponent · (1 + δ), the significand between 2^255 and 2^256 (lowest limb first),
/// 0 ≤ δ ≤ `lost` · 2^-255, which is less than 2 `lost` units of the last place.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Product {
    significand: [u64; 4],
    exponent: i64,
    lost: u64,
    flags: u8,
}

impl Product {
    /// Of no values.
    pub(super) const ONE: Product =
        Product { significand: [0, 0, 0, 1 << 63], exponent: -255, lost: 0, flags: 0 };
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FloatProducts(Vec<Product>);

impl FloatProducts {
    pub fn new(outputs: usize) -> FloatProducts {
        FloatProducts(vec![Product::ONE; outputs])
    }

    pub fn is_consistent(&self, outputs: usize) -> bool {
        self.0.len() == outputs && self.0.iter().all(|p| p.significand[3] >> 63 == 1)
    }

    pub fn update<T: Value>(&mut self, part: Part<'_, T>) {
        let skips_nan = part.skips_nan;
        part.each(|o, x| {
            if !(skips_nan && x.is_nan()) {
                self.one(o, x);
            }
        });
    }

    /// Takes one value.
    #[inline]
    pub fn one<T: Value>(&mut self, o: usize, x: T) {
        self.0[o].multiply_float(x.to_f64());
    }

    /// Multiplies with what a device gathered. False if it is no product.
    pub fn multiply_at(
        &mut self,
        o: usize,
        significand: [u64; 4],
        exponent: i64,
        lost: u64,
        flags: u8,
    ) -> bool {
        let is_one = significand[3] >> 63 == 1 && flags & !(NEGATIVE | ZERO | INFINITE | NAN) == 0;
        if is_one {
            self.0[o].multiply(&Product { significand, exponent, lost, flags });
        }
        is_one
    }

    pub fn merge_at(&mut self, offset: usize, other: &FloatProducts) {
        for (p, q) in self.0[offset..].iter_mut().zip(&other.0) {
            p.multiply(q);
        }
    }

    /// Significand, exponent and what was lost.
    #[cfg(test)]
    pub fn parts(&self, o: usize) -> ([u64; 4], i64, u64) {
        (self.0[o].significand, self.0[o].exponent, self.0[o].lost)
    }

    /// The product itself.
    pub fn product(&self, o: usize) -> Product {
        self.0[o]
    }

    /// Whether every factor was finite.
    pub fn is_finite(&self, o: usize) -> bool {
        self.0[o].flags & (INFINITE | NAN) == 0
    }

    /// The bits of the product in `format`.
    pub fn round(&self, o: usize, format: Format) -> u64 {
        self.0[o].round(format)
    }
}

impl Product {
    fn join_flags(&mut self, flags: u8) {
        self.flags = (self.flags | flags) & !NEGATIVE | (self.flags ^ flags) & NEGATIVE;
    }

    /// Takes one value.
    #[inline]
    pub(super) fn multiply_float(&mut self, x: f64) {
        let bits = x.to_bits();
        let field = (bits >> 52 & 0x7ff) as i64;
        let fraction = bits & ((1 << 52) - 1);
        let sign = (bits >> 63) as u8 * NEGATIVE;
        if field == 0x7ff {
            return self.join_flags(if fraction == 0 { INFINITE | sign } else { NAN });
        }
        let m = fraction | ((field != 0) as u64) << 52;
        if m == 0 {
            return self.join_flags(ZERO | sign);
        }
        let shift = m.leading_zeros();
        self.join_flags(sign);
        self.exponent = self.exponent.saturating_add(field.max(1) - 1075 - shift as i64 + 64);
        let mut wide = [0u64; 5];
        let mut carry = 0u128;
        for (w, &s) in wide.iter_mut().zip(&self.significand) {
            let p = s as u128 * (m << shift) as u128 + carry;
            *w = p as u64;
            carry = p >> 64;
        }
        wide[4] = carry as u64;
        self.keep(&wide, 0);
    }

    fn multiply(&mut self, other: &Product) {
        self.join_flags(other.flags);
        let mut wide = [0u64; 8];
        for (i, &a) in self.significand.iter().enumerate() {
            let mut carry = 0u128;
            for (j, &b) in other.significand.iter().enumerate() {
                let p = a as u128 * b as u128 + wide[i + j] as u128 + carry;
                wide[i + j] = p as u64;
                carry = p >> 64;
            }
            wide[i + 4] = carry as u64;
        }
        self.exponent = self.exponent.saturating_add(other.exponent).saturating_add(256);
        self.keep(&wide, other.lost);
    }

    /// Keeps the leading 256 bits of a product of two significands; its top bit or the next is set.
    #[inline]
    fn keep(&mut self, wide: &[u64], other_lost: u64) {
        let n = wide.len();
        let shift = 1 - (wide[n - 1] >> 63) as u32;
        for (k, s) in self.significand.iter_mut().enumerate() {
            let (hi, lo) = (wide[n - 4 + k], wide[n - 5 + k]);
            *s = if shift == 0 { hi } else { hi << 1 | lo >> 63 };
        }
        self.exponent = self.exponent.saturating_sub(shift as i64);
        let dropped = wide[..n - 5].iter().any(|&w| w != 0) || wide[n - 5] << shift != 0;
        if dropped || self.lost != 0 || other_lost != 0 {
            // relative errors add up; one more for this truncation, one for the product of both errors
            self.lost = self.lost.saturating_add(other_lost).saturating_add(2);
        }
    }

    /// The bits in `format`.
    pub(super) fn round(&self, format: Format) -> u64 {
        let sign = if self.flags & NEGATIVE != 0 { -1.0 } else { 1.0 };
        if self.flags & NAN != 0 || self.flags & (ZERO | INFINITE) == ZERO | INFINITE {
            return format.special(f64::NAN);
        } else if self.flags & INFINITE != 0 {
            return format.special(sign * f64::INFINITY);
        } else if self.flags & ZERO != 0 {
            return format.zero(self.flags & NEGATIVE != 0);
        }
        let exponent = self.exponent.clamp(-1_000_000, 1_000_000) + 128;
        let half = |s: &[u64], k: usize| (s[k + 1] as u128) << 64 | s[k] as u128;
        let (high, low) = (half(&self.significand, 2), half(&self.significand, 0));
        let negative = self.flags & NEGATIVE != 0;
        let below = format.round_parts(negative, high, exponent, low != 0 || self.lost != 0);
        if self.lost == 0 {
            return below;
        }
        let (low, carry) = low.overflowing_add(2 * self.lost as u128);
        let above = match high.checked_add(carry as u128) {
            Some(high) => format.round_parts(negative, high, exponent, low != 0),
            None => format.round_parts(negative, 1 << 127, exponent + 1, low != 0),
        };
        if below == above {
            return below;
        }
        // two neighbours: the midpoint lies in between, see the head of this file
        if below & 1 == 0 { below } else { above }
    }
}
