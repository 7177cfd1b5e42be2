//! One exact number that changes and is looked at after every change: the prefix of a sum.
//!
//! In two's complement, and only as long as what was added: a few limbs for data of common exponents. Rounding
//! looks at these and at nothing else, where a [`Fixed`] is taken out of an accumulator as a whole.
//!
//! Limits: 2^63 additions; values of float64 or float32 (or float16).

use super::digits::Fixed;
use super::round::Format;
use super::sums::parts;

/// The exponent of the lowest bit.
pub(super) const LOW: i32 = -1074;
/// 2098 bits of values, of which the highest has two limbs more above it.
const LIMBS: usize = 36;

/// An exact number. Below `first` all limbs are zero, from `end` on all are as the sign is.
#[derive(Clone)]
pub(super) struct Wide {
    limbs: [u64; LIMBS],
    first: usize,
    end: usize,
}

impl Wide {
    /// Zero.
    pub fn new() -> Wide {
        Wide { limbs: [0; LIMBS], first: 0, end: 0 }
    }

    /// The finite number that was taken out of an accumulator of values.
    pub fn of(v: &Fixed) -> Wide {
        let mut wide = Wide::new();
        let low = (v.low - LOW) as usize;
        for (k, &digit) in v.digits.iter().enumerate().filter(|(_, d)| **d != 0) {
            let digit = i64::from(digit);
            wide.add(if v.negative { -digit } else { digit }, low + 32 * k);
        }
        wide
    }

    /// The limbs that are not only sign are those of `i` and `i + 1`, or others that were there before.
    fn reserve(&mut self, i: usize) {
        if self.end == 0 {
            (self.first, self.end) = (i, i);
        }
        self.first = self.first.min(i);
        if self.end < i + 3 {
            let fill = self.fill();
            self.limbs[self.end..i + 3].fill(fill);
            self.end = i + 3;
        }
    }

    /// What the limbs above all others are.
    fn fill(&self) -> u64 {
        match self.end {
            0 => 0,
            end => ((self.limbs[end - 1] as i64) >> 63) as u64,
        }
    }

    /// Adds `m` · 2^(`at` + [`LOW`]); `m` has at most 63 bits.
    #[inline]
    pub fn add(&mut self, m: i64, at: usize) {
        let (i, wide) = (at / 64, i128::from(m) << (at % 64));
        if self.first > i || self.end < i + 3 {
            self.reserve(i);
        }
        let limbs = &mut self.limbs[i..self.end];
        let (low, carry) = limbs[0].overflowing_add(wide as u64);
        let high = u128::from(limbs[1]) + u128::from((wide >> 64) as u64) + u128::from(carry);
        (limbs[0], limbs[1]) = (low, high as u64);
        let mut carry = (high >> 64) as u64;
        // Above there is the sign of what is added: all ones or all zeros.
        let sign = (wide >> 127) as u64;
        for limb in &mut limbs[2..] {
            if sign.wrapping_add(carry) == 0 {
                break;
            }
            let sum = u128::from(*limb) + u128::from(sign) + u128::from(carry);
            (*limb, carry) = (sum as u64, (sum >> 64) as u64);
        }
    }

    /// Adds a finite float64.
    #[inline]
    pub fn add_f64(&mut self, x: f64) {
        let (field, m) = parts(x);
        if m != 0 {
            self.add(m, field as usize - 1);
        }
    }

    /// Becomes the sum of two finite float64.
    pub fn set(&mut self, high: f64, low: f64) {
        self.limbs[self.first..self.end].fill(0);
        (self.first, self.end) = (0, 0);
        self.add_f64(high);
        self.add_f64(low);
    }

    fn limb(&self, i: usize) -> u64 {
        match i {
            i if i >= self.end => self.fill(),
            i => self.limbs[i],
        }
    }

    /// The 64 bits from 2^`unit` on: the lowest ones of the number in that unit, rounded down.
    pub fn bits(&self, unit: i32) -> u64 {
        let at = (unit - LOW) as usize;
        let (i, shift) = (at / 64, at % 64);
        match shift {
            0 => self.limb(i),
            _ => self.limb(i) >> shift | self.limb(i + 1) << (64 - shift),
        }
    }

    /// The lowest e for which the magnitude is at most 2^e; no less than [`LOW`].
    pub fn top(&self) -> i32 {
        let fill = self.fill();
        let used = self.limbs[self.first..self.end].iter().rposition(|&l| l != fill);
        match used.map(|k| self.first + k) {
            Some(k) => LOW + 64 * k as i32 + 64 - (self.limbs[k] ^ fill).leading_zeros() as i32,
            // Below the first limb there are zeros, also where all others are ones.
            None => LOW + 64 * self.first as i32,
        }
    }

    /// Whether it is a multiple of 2^`unit`.
    pub fn is_multiple_of(&self, unit: i32) -> bool {
        let at = (unit - LOW).max(0) as usize;
        let (i, shift) = (at / 64, at % 64);
        let below = &self.limbs[self.first.min(i)..i.min(self.end)];
        below.iter().all(|&l| l == 0) && self.limb(i) & ((1 << shift) - 1) == 0
    }

    /// The bits of the nearest float of a format; exact zero is +0.
    pub fn round(&self, format: Format) -> u64 {
        let negative = self.fill() != 0;
        let mut magnitude = [0; LIMBS];
        let magnitude = &mut magnitude[..self.end - self.first];
        magnitude.copy_from_slice(&self.limbs[self.first..self.end]);
        if negative {
            let mut carry = true;
            for limb in magnitude.iter_mut() {
                (*limb, carry) = (!*limb).overflowing_add(carry.into());
            }
        }
        let Some(k) = magnitude.iter().rposition(|&l| l != 0) else { return 0 };
        let limb = |back: usize| if back <= k { magnitude[k - back] } else { 0 };
        let (two, third) = (u128::from(limb(0)) << 64 | u128::from(limb(1)), limb(2));
        let skip = two.leading_zeros();
        let bits = if skip == 0 { two } else { two << skip | u128::from(third >> (64 - skip)) };
        let sticky = third << skip != 0 || magnitude[..k.saturating_sub(2)].iter().any(|&l| l != 0);
        let exponent = i64::from(LOW) + 64 * (self.first + k) as i64 - 64 - i64::from(skip);
        format.round_parts(negative, bits, exponent, sticky)
    }
}
