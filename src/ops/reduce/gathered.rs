//! What a device gathered for one output, and how it enters a [`State`].
//!
//! A device does not have this crate's accumulators. It has exact ones of its own, and what they hold
//! is added here; since both are exact, the finished bits are those of the CPU.

use super::keys::{THERE, VALID};
use super::state::{Accumulators, State};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};

/// A sum as limbs: the integer Σ limbs\[k\] · 2^(32 k), in units of the lowest bit of its
/// [`Term`](crate::ops::exact::Term).
#[derive(Clone, Copy, Debug)]
pub struct Limbs<'a> {
    /// Lowest first, as many as the term has or fewer; each the sum of fewer than 2^31 digits
    /// between −2^32 and 2^32.
    pub limbs: &'a [i64],
    /// What was not finite: 1 +inf, 2 −inf, 4 NaN.
    pub flags: u8,
}

/// What was gathered for one output.
#[derive(Clone, Copy, Debug)]
pub enum Gathered<'a> {
    /// Of rows that add.
    Sums {
        /// Σx, or Σwx of an average.
        first: Limbs<'a>,
        /// Σx² of a variance or deviation, Σw of an average.
        second: Option<Limbs<'a>>,
        /// Values that were there.
        count: u64,
    },
    /// Of `min`, `max` and their `arg` forms.
    Extreme {
        /// The extreme and its first position, if any value counted. The value is given as
        /// [`OrderedBits`].
        best: Option<(OrderedBits, u64)>,
        /// Whether there was a value at all, perhaps one that the row passes over.
        any: bool,
    },
    /// Of `any`, `all` and `count_nonzero`.
    Counts {
        /// Values that are not zero.
        nonzero: u64,
        /// Values that were there.
        seen: u64,
    },
    /// Of products of integers.
    IntegerProduct {
        /// The product of the magnitudes that are not 0, of as many as fit 64 bits.
        magnitude: u64,
        /// 1 an odd number of negative factors, 2 a zero, 16 a magnitude beyond 64 bits.
        flags: u8,
    },
    /// Of products of floats: the finite factors that are not 0 have the product
    /// ±significand · 2^exponent · (1 + δ), 0 ≤ δ ≤ lost · 2^-255.
    FloatProduct {
        /// Lowest limb first; the top bit is set.
        significand: [u64; 4],
        /// See above.
        exponent: i64,
        /// 0 where the product is exact; it is wherever its odd part fits 256 bits.
        lost: u64,
        /// 1 an odd number of negative factors, 2 a zero, 4 an infinity, 8 NaN.
        flags: u8,
    },
}

/// A value as an unsigned integer of its own size whose order is the row's, the extreme the smallest.
/// Bools and integers of fewer than 32 bits count as int32. The sign bit is flipped (of a negative
/// float all bits), then, for a maximum, all bits; a NaN that counts is 0. `arg` rows have −0 as +0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderedBits(pub u64);

impl OrderedBits {
    /// The key that [`extreme`](super::extreme) has for it.
    fn key(self, dtype: DType, is_largest: bool) -> i64 {
        match dtype {
            DType::F16 => (self.0 as u16 ^ 0x8000) as i16 as i64,
            DType::U32 if is_largest => !(!(self.0 as u32) as i64),
            DType::U32 => self.0 as u32 as i64,
            d if d.size() == 8 => (self.0 ^ 1 << 63) as i64,
            _ => (self.0 as u32 ^ 1 << 31) as i32 as i64,
        }
    }
}

impl State {
    /// Adds what a device gathered for output `output`.
    ///
    /// # Errors
    /// `Internal` if there is no such output, or the row gathers something else.
    pub fn absorb(&mut self, output: usize, gathered: Gathered) -> Result<()> {
        let wrong = || Err(Error::new(ErrorKind::Internal, "a device gathered what the reduction does not"));
        if output >= self.outputs() {
            return wrong();
        }
        let dtype = self.spec().compute_dtype();
        let is_largest = self.key_rule().is_largest();
        match (&mut self.accumulators, gathered) {
            (Accumulators::Moments(m), Gathered::Sums { first, second, count }) => {
                let fits = |s: &crate::ops::exact::AnySums, l: &Limbs| l.limbs.len() <= s.term().limbs();
                match (&mut m.second, second) {
                    (None, None) if fits(&m.sums, &first) => {}
                    (Some(to), Some(from)) if fits(&m.sums, &first) && fits(to, &from) => {
                        to.add_digits(output, 0, from.limbs, from.flags);
                    }
                    _ => return wrong(),
                }
                m.sums.add_digits(output, 0, first.limbs, first.flags);
                m.counts.add(output, count);
            }
            (Accumulators::Integers(a), Gathered::Sums { first, second, count }) => {
                let squares = second.map(|s| s.limbs);
                if first.limbs.len() > 3 || squares.is_some() != a.has_squares() {
                    return wrong();
                }
                a.add_limbs_at(output, first.limbs, squares.unwrap_or(&[]), count);
            }
            (Accumulators::Extremes(e), Gathered::Extreme { best, any }) => match best {
                Some((bits, position)) => {
                    e.offer(output, bits.key(dtype, is_largest), position, THERE | VALID);
                }
                None if any => e.offer(output, i64::MAX, u64::MAX, THERE),
                None => {}
            },
            (Accumulators::Counts(c), Gathered::Counts { nonzero, seen }) => {
                c.nonzero[output] += nonzero;
                if let Some(s) = c.seen.get_mut(output) {
                    *s += seen;
                }
            }
            (Accumulators::IntegerProducts(p), Gathered::IntegerProduct { magnitude, flags }) => {
                if !p.multiply_at(output, magnitude, flags) {
                    return wrong();
                }
            }
            (
                Accumulators::FloatProducts(p),
                Gathered::FloatProduct { significand, exponent, lost, flags },
            ) => {
                if !p.multiply_at(output, significand, exponent, lost, flags) {
                    return wrong();
                }
            }
            _ => return wrong(),
        }
        Ok(())
    }
}

#[cfg(test)]
impl State {
    /// Significand, exponent and what was lost of a product of floats.
    pub fn float_product(&self, output: usize) -> Option<([u64; 4], i64, u64)> {
        match &self.accumulators {
            Accumulators::FloatProducts(p) => Some(p.parts(output)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::reduce::keys::{End, KeyRule};
    use crate::ops::reduce::value::Value;
    use crate::ops::reduce::{ReduceSpec, Reduction};

    #[test]
    fn ordered_bits_have_the_keys_of_their_values() {
        for end in [End::Smallest, End::Largest] {
            let rule = KeyRule { end, merges_zeros: false, skips_nan: false };
            let flip = if end == End::Largest { u64::MAX } else { 0 };
            let check = |dtype: DType, ordered: u64, key: i64| {
                let mask = if dtype.size() == 8 { u64::MAX } else { (1 << 32) - 1 };
                let mask = if dtype == DType::F16 { 0xffff } else { mask };
                let bits = OrderedBits((ordered ^ flip) & mask);
                assert_eq!(bits.key(dtype, end == End::Largest), key, "{dtype} {ordered:x}");
            };
            for v in [0u32, 1, 77, 1 << 31, u32::MAX] {
                check(DType::U32, v as u64, v.key(rule));
                check(DType::I32, (v ^ 1 << 31) as u64, (v as i32).key(rule));
                let f = f32::from_bits(v);
                let order = if v >> 31 == 1 { !v } else { v | 1 << 31 };
                if !f.is_nan() {
                    check(DType::F32, order as u64, f.key(rule));
                }
                let h = half::f16::from_bits((v >> 16) as u16);
                let order = if h.to_bits() >> 15 == 1 { !h.to_bits() } else { h.to_bits() | 1 << 15 };
                if !h.is_nan() {
                    check(DType::F16, order as u64, h.key(rule));
                }
            }
            for v in [0u64, 1, 1 << 63, u64::MAX] {
                check(DType::U64, v, v.key(rule));
                check(DType::I64, v ^ 1 << 63, (v as i64).key(rule));
            }
            for v in [-128i8, -1, 0, 5, 127] {
                check(DType::I8, (v as i32 as u32 ^ 1 << 31) as u64, v.key(rule));
            }
            for v in [0u8, 1, 255] {
                check(DType::U8, (v as u32 ^ 1 << 31) as u64, v.key(rule));
                check(DType::U16, (v as u32 ^ 1 << 31) as u64, (v as u16).key(rule));
            }
        }
        // A NaN that counts is before everything.
        assert_eq!(OrderedBits(0).key(DType::F32, false), i32::MIN as i64);
        assert_eq!(OrderedBits(0).key(DType::F16, true), i16::MIN as i64);
        assert_eq!(OrderedBits(0).key(DType::F64, true), i64::MIN);
    }

    /// One output of `row` of what was gathered, as bits.
    fn finished(row: &str, dtype: DType, gathered: &[Gathered]) -> u64 {
        let row = Reduction::from_name(row).unwrap();
        let mut state = State::new(&ReduceSpec::new(row, &vec![dtype; row.row().inputs]).unwrap(), 2);
        gathered.iter().for_each(|&g| state.absorb(1, g).unwrap());
        let size = state.spec().out_dtype().size();
        let mut out = vec![0; 2 * size];
        // Extremes of nothing are errors, so the other output has something.
        if let Some(&g) = gathered.first() {
            state.absorb(0, g).unwrap();
        }
        state.finish(&mut out).unwrap();
        let mut bits = [0; 8];
        bits[..size].copy_from_slice(&out[size..]);
        u64::from_le_bytes(bits)
    }

    #[test]
    fn what_is_gathered_is_what_was_added() {
        let sums =
            |first, second, count| Gathered::Sums { first: Limbs { limbs: first, flags: 0 }, second, count };
        // 2^-149 · 2^149 = 1, twice, and −3 of them.
        let digit = 1i64 << (149 - 128);
        let two = [0, 0, 0, 0, 2 * digit];
        let minus = [0, 0, 0, 0, -3 * digit];
        let all = [sums(&two, None, 2), sums(&minus, None, 3)];
        assert_eq!(finished("sum", DType::F32, &all), (-1f32).to_bits() as u64);
        assert_eq!(finished("mean", DType::F32, &all), (-0.2f32).to_bits() as u64);
        let infinite = Gathered::Sums { first: Limbs { limbs: &[], flags: 2 }, second: None, count: 1 };
        assert_eq!(finished("sum", DType::F32, &[all[0], infinite]), f32::NEG_INFINITY.to_bits() as u64);
        // 2^40 and −1: sum, and squares 2^80 + 1.
        let squares = Some(Limbs { limbs: &[1, 0, 1 << 16, 0, 0], flags: 0 });
        let values = [sums(&[-1, 1 << 8], squares, 2)];
        let half = ((1i64 << 40) + 1) as f64 / 2.0;
        assert_eq!(finished("var", DType::I64, &values), (half * half).to_bits());
        // Squares beyond 128 bits: 4 of 2^126.
        let squares = Some(Limbs { limbs: &[0, 0, 0, 0, 1], flags: 0 });
        let values = [sums(&[0, 0, 0], squares, 4)];
        assert_eq!(finished("std", DType::I64, &values), 2f64.powi(63).to_bits());
        let extreme = |bits, at| Gathered::Extreme { best: Some((OrderedBits(bits), at)), any: true };
        let none = Gathered::Extreme { best: None, any: true };
        let found = [none, extreme(7, 30), extreme(7, 20), extreme(9, 1)];
        assert_eq!(finished("argmin", DType::U32, &found[1..]), 20);
        assert_eq!(finished("min", DType::U32, &found[1..]), 7);
        assert_eq!(finished("nanmin", DType::F32, &found[..1]), f32::NAN.to_bits() as u64);
        let counts = |nonzero, seen| Gathered::Counts { nonzero, seen };
        assert_eq!(finished("count_nonzero", DType::U8, &[counts(3, 3), counts(4, 9)]), 7);
        assert_eq!(finished("all", DType::U8, &[counts(3, 3), counts(4, 9)]), 0);
        assert_eq!(finished("all", DType::U8, &[counts(3, 3), counts(4, 4)]), 1);
        let product = |magnitude, flags| Gathered::IntegerProduct { magnitude, flags };
        let minus_six = finished("prod", DType::I8, &[product(3, 1), product(2, 0)]);
        assert_eq!(minus_six as i64, -6);
        assert_eq!(finished("prod", DType::U8, &[product(3, 18), product(2, 0)]), 0);
        let product = |top: u64, exponent, flags| Gathered::FloatProduct {
            significand: [0, 0, 0, top << 60],
            exponent,
            lost: 0,
            flags,
        };
        // 8 and 12 at the top, so 1 and 1.5 times powers of two.
        let minus_three = finished("prod", DType::F64, &[product(8, -255, 1), product(12, -254, 0)]);
        assert_eq!(minus_three, (-3f64).to_bits());
        let infinite = [product(8, -255, 1), product(8, -255, 4)];
        assert_eq!(finished("prod", DType::F32, &infinite), f32::NEG_INFINITY.to_bits() as u64);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let spec = ReduceSpec::new(Reduction::from_name("sum").unwrap(), &[DType::F32]).unwrap();
        let mut state = State::new(&spec, 1);
        let sum = |limbs| Gathered::Sums { first: Limbs { limbs, flags: 0 }, second: None, count: 0 };
        assert!(state.absorb(1, sum(&[])).is_err());
        assert!(state.absorb(0, sum(&[0; 12])).is_err());
        assert!(state.absorb(0, Gathered::Counts { nonzero: 0, seen: 0 }).is_err());
        assert!(state.absorb(0, sum(&[0; 11])).is_ok());
        let state = |dtype| State::new(&ReduceSpec::new(Reduction::Prod, &[dtype]).unwrap(), 1);
        let integer = |magnitude, flags| Gathered::IntegerProduct { magnitude, flags };
        assert!(state(DType::I8).absorb(0, integer(0, 0)).is_err());
        assert!(state(DType::I8).absorb(0, integer(1, 4)).is_err());
        assert!(state(DType::F32).absorb(0, integer(1, 0)).is_err());
        let significand = [0, 0, 0, 1 << 62];
        let float = Gathered::FloatProduct { significand, exponent: 0, lost: 0, flags: 0 };
        assert!(state(DType::F32).absorb(0, float).is_err());
    }
}
