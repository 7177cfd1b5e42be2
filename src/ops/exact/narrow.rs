//! Sums that are exact in few bytes: two or three limbs per sum instead of the whole range of the term.
//!
//! 512 neighbouring sums are a *segment* with one anchor, the unit of their lowest bit, which their first values
//! choose so that there is room for smaller and for larger ones. Limbs are of 52 bits in 64-bit integers, so that
//! values are cut into them as floats, many at a time, and carries wait for a thousand additions. Two limbs take any
//! float64 of 50 exponents; products of float64, with their 106 bits, have three, for 24 exponents of the factors.
//!
//! A value with bits below the unit or too high above it first has the segment moved, if what is there and the
//! value then fit. Else it goes to a wide accumulator, of which there are a few in reserve ([`Reserve`]); the
//! sum is what both hold. When the reserve is full, the sums are *exceeded*: what they hold is worth nothing, and whoever has them
//! adds up again in wide ones. Everything else is exact, and so the same number as in [`Sums`], bit for bit.
//!
//! Limits: fewer than 2^32 sums, of floats and their products (integers are narrow by themselves); 2^63 additions.

mod long;
mod merge;
mod reserve;
mod rows;

use super::Term;
use super::digits::{Fixed, carry, effective};
use super::pending::SEGMENT;
use super::run::Run;
use super::sums::{Sums, parts, special};
use crate::ops::simd::Simd;
use long::Long;
use reserve::Reserve;

/// Bits of a limb when nothing is to be carried.
const LIMB: i32 = 52;
const LIMB_MASK: u64 = (1 << LIMB) - 1;
/// Additions before carries. Each changes a limb by at most 2^52, and the highest by 2^51.
const MOST_ADDS: u16 = 1000;
/// The highest limb stays below this when all is carried.
const FULL: i64 = 1 << 62;
/// Of a segment without values.
const NONE: i16 = i16::MIN;
/// So often a segment is looked at to be moved, in vain or not.
const MOVES: u8 = 32;

/// What 512 sums have in common.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// The exponent of the lowest bit.
    unit: i16,
    /// Additions since carries.
    adds: u16,
    moves: u8,
}

/// Where the bits of a number lie: it is a multiple of 2^low, and its magnitude is at most 2^top.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bits {
    low: i32,
    top: i32,
}

impl Bits {
    fn with(self, other: Bits) -> Bits {
        Bits { low: self.low.min(other.low), top: self.top.max(other.top) }
    }
}

/// `len` exact sums of a float [`Term`] in few bytes each.
#[derive(Clone)]
pub struct Narrow {
    term: Term,
    /// By segment, then limb, the lowest first, then sum.
    limbs: Vec<i64>,
    flags: Vec<u8>,
    segments: Vec<Segment>,
    reserve: Reserve,
    /// One wide sum, in which a run is added up first.
    run: Box<Sums>,
}

impl Term {
    /// Limbs of a narrow sum; 0 for integers, which have none.
    const fn narrow_limbs(self) -> usize {
        match self {
            Term::F32 | Term::F64 | Term::F32Product => 2,
            Term::F64Product => 3,
            Term::Int | Term::IntProduct => 0,
        }
    }

    /// The most bytes of `sums` narrow sums of this term, with all that they may need; nothing for integers.
    pub const fn narrow_bytes(self, sums: u64) -> Option<u64> {
        let (segment, limbs) = (SEGMENT as u64, self.narrow_limbs() as u64);
        if limbs == 0 || sums >= u32::MAX as u64 {
            return None;
        }
        let segments = sums.div_ceil(segment) * (segment * limbs * 8 + size_of::<Segment>() as u64);
        let run = self.limbs() as u64 * 8 + 512;
        Some(segments + sums + Reserve::bytes(self, sums) + run)
    }
}

impl Narrow {
    /// `n` sums of a term of floats; nothing for others, or where there are too many.
    pub fn new(term: Term, n: usize) -> Option<Narrow> {
        term.narrow_bytes(n as u64)?;
        let segments = n.div_ceil(SEGMENT);
        Some(Narrow {
            term,
            limbs: vec![0; segments * SEGMENT * term.narrow_limbs()],
            flags: vec![0; n],
            segments: vec![Segment { unit: NONE, adds: 0, moves: 0 }; segments],
            reserve: Reserve::new(term, n),
            run: Box::new(Sums::new(term, 1)),
        })
    }

    /// How many sums there are.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// What is added.
    pub fn term(&self) -> Term {
        self.term
    }

    /// Whether more sums need a wide accumulator than there are in reserve: then the sums are not what was added.
    pub fn exceeded(&self) -> bool {
        self.reserve.exceeded
    }

    /// Adds a float64 that is a multiple of the term's lowest unit to sum `i`.
    #[inline]
    pub(super) fn add_value(&mut self, i: usize, x: f64) {
        let (field, m) = parts(x);
        if field == 0x7ff {
            self.flags[i] |= special(x);
            return;
        }
        let (n, e) = (self.term.narrow_limbs(), field as i32 - 1075);
        let segment = &mut self.segments[i / SEGMENT];
        let at = e.wrapping_sub(segment.unit as i32);
        // of an empty segment, far above
        if (0..=LIMB * (n as i32 - 2) + 50).contains(&at) && segment.adds < MOST_ADDS {
            segment.adds += 1;
            let (limb, shift) = ((at / LIMB) as usize, at % LIMB);
            let wide = (m as i128) << shift;
            let place = self.place(i, limb);
            self.limbs[place] += (wide as u64 & LIMB_MASK) as i64;
            self.limbs[place + SEGMENT] += (wide >> LIMB) as i64;
            return;
        }
        self.add_number(i, Long::from(m as i128), e);
    }

    /// Adds the exact product of two floats to sum `i` of a term of such products.
    pub(super) fn add_product(&mut self, i: usize, a: f64, b: f64) {
        if self.term != Term::F64Product {
            return self.add_value(i, a * b);
        }
        if !(a.is_finite() && b.is_finite()) {
            self.flags[i] |= special(a * b);
            return;
        }
        let ((f, m), (g, n)) = (parts(a), parts(b));
        let (product, e) = (m as i128 * n as i128, (f + g) as i32 - 2150);
        let segment = &mut self.segments[i / SEGMENT];
        let at = e.wrapping_sub(segment.unit as i32);
        // so that it ends in the highest of three limbs
        if (0..=48).contains(&at) && segment.adds + 1 < MOST_ADDS {
            segment.adds += 2;
            let low = (product as u64 & LIMB_MASK) as i128;
            let place = self.place(i, 0);
            for (k, digit) in [(0, low << at), (1, product >> LIMB << at)] {
                let place = place + k * SEGMENT;
                self.limbs[place] += (digit as u64 & LIMB_MASK) as i64;
                self.limbs[place + SEGMENT] += (digit >> LIMB) as i64;
            }
            return;
        }
        self.add_number(i, Long::from(product), e);
    }

    /// Where limb `k` of sum `i` lies.
    fn place(&self, i: usize, k: usize) -> usize {
        (i / SEGMENT * self.term.narrow_limbs() + k) * SEGMENT + i % SEGMENT
    }

    /// The unit of a segment, if it has values.
    fn unit(&self, segment: usize) -> Option<i32> {
        Some(self.segments[segment].unit).filter(|&u| u != NONE).map(i32::from)
    }

    /// Bits above the unit that the values of rows may have.
    fn span(&self) -> i32 {
        LIMB * (self.term.narrow_limbs() as i32 - 1) + 51
    }

    /// The same of single numbers.
    fn reach(&self) -> i32 {
        LIMB * (self.term.narrow_limbs() as i32 - 1) + 60
    }

    /// The units that limbs can have.
    fn units(&self) -> (i32, i32) {
        (self.term.low(), 971 - LIMB * (self.term.narrow_limbs() as i32 - 1))
    }

    /// The limbs of sum `i` as one integer of its segment's unit.
    fn number(&self, i: usize) -> Long {
        let limb = |k: usize| Long::from(self.limbs[self.place(i, k)] as i128).up(LIMB as u32 * k as u32);
        (1..self.term.narrow_limbs()).fold(limb(0), |sum, k| sum.plus(limb(k)))
    }

    /// Adds `v` · 2^`e` to sum `i`, wherever it has room.
    fn add_number(&mut self, i: usize, v: Long, e: i32) {
        if v.is_zero() {
            return;
        }
        let zeros = v.trailing_zeros();
        let (v, e) = (v.down(zeros), e + zeros as i32);
        let bits = Bits { low: e, top: e + v.bits() as i32 };
        let segment = i / SEGMENT;
        if self.segments[segment].unit == NONE {
            self.segments[segment].unit = self.choose(bits);
        }
        if self.holds(segment, bits, self.reach()) || self.move_to(segment, bits, self.reach()) {
            let up = e - self.segments[segment].unit as i32;
            return self.deposit(i, v.up(up as u32));
        }
        if let Some((sums, place)) = self.reserve.place(i) {
            sums.add_integer(place, v.is_negative(), &v.magnitude().digits(), e);
        }
    }

    /// Adds an integer of the segment's unit, of at most as many bits as a number may have.
    fn deposit(&mut self, i: usize, v: Long) {
        let (segment, n) = (i / SEGMENT, self.term.narrow_limbs());
        let large = v.bits() as i32 > self.span();
        if large || self.segments[segment].adds >= MOST_ADDS {
            self.carry(segment);
        }
        self.segments[segment].adds += 1;
        for k in 0..n {
            let digit = v.down(LIMB as u32 * k as u32).low();
            let digit = if k + 1 < n { digit & LIMB_MASK } else { digit };
            let place = self.place(i, k);
            self.limbs[place] += digit as i64;
        }
        if large && self.limbs[self.place(i, n - 1)].unsigned_abs() >= FULL as u64 {
            self.spill(i);
        }
    }

    /// Propagates carries in a segment. Sums that have grown too large go to the reserve.
    fn carry(&mut self, segment: usize) {
        let n = self.term.narrow_limbs();
        self.segments[segment].adds = 0;
        let limbs = &mut self.limbs[segment * n * SEGMENT..(segment + 1) * n * SEGMENT];
        for k in 1..n {
            let (below, above) = limbs[(k - 1) * SEGMENT..].split_at_mut(SEGMENT);
            for (low, high) in below.iter_mut().zip(above) {
                *high += *low >> LIMB;
                *low &= LIMB_MASK as i64;
            }
        }
        let top = &limbs[(n - 1) * SEGMENT..];
        let is_full = |l: i64| !(-FULL < l && l < FULL);
        if top.iter().fold(false, |any, &l| any | is_full(l)) {
            let full: Vec<usize> = (0..SEGMENT).filter(|&k| is_full(top[k])).collect();
            full.into_iter().for_each(|k| self.spill(segment * SEGMENT + k));
        }
    }

    /// Moves what a sum's limbs hold to the reserve.
    #[cold]
    fn spill(&mut self, i: usize) {
        let Some(unit) = self.unit(i / SEGMENT) else { return };
        for k in 0..self.term.narrow_limbs() {
            let place = self.place(i, k);
            let limb = std::mem::take(&mut self.limbs[place]);
            if let Some((sums, at)) = self.reserve.place(i) {
                sums.add_units(at, limb, unit + LIMB * k as i32);
            }
        }
    }

    /// The unit for first values with these bits: with as much room above as below.
    fn choose(&self, bits: Bits) -> i16 {
        let room = self.span() - (bits.top - bits.low);
        let unit = if room >= 0 { bits.low - room / 2 } else { bits.top + 1 - self.span() };
        let (low, high) = self.units();
        unit.clamp(low, high) as i16
    }

    /// Whether numbers with these bits fit a segment, up to so many above its unit.
    fn holds(&self, segment: usize, bits: Bits, reach: i32) -> bool {
        self.unit(segment).is_some_and(|unit| unit <= bits.low && bits.top <= unit + reach)
    }

    /// Moves the unit of a segment so that it holds numbers with these bits, and what is there, if there is such a
    /// unit.
    #[cold]
    fn move_to(&mut self, segment: usize, bits: Bits, reach: i32) -> bool {
        if self.segments[segment].moves == MOVES {
            return false;
        }
        self.segments[segment].moves += 1;
        let Some(unit) = self.unit(segment) else { return false };
        self.carry(segment);
        let sums = segment * SEGMENT..self.len().min((segment + 1) * SEGMENT);
        let there = |v: Long| Bits { low: unit + v.trailing_zeros() as i32, top: unit + v.bits() as i32 };
        let mut all: Option<Bits> = None;
        for v in sums.clone().map(|i| self.number(i)).filter(|v| !v.is_zero()) {
            all = Some(all.map_or(there(v), |all| all.with(there(v))));
        }
        let all = all.unwrap_or(bits);
        let (least, most) = self.units();
        let least = least.max(bits.top - reach).max(all.top - self.reach());
        let most = most.min(bits.low).min(all.low);
        if least > most {
            return false;
        }
        let new = least + (most - least) / 2;
        for i in sums {
            let v = self.number(i);
            (0..self.term.narrow_limbs()).for_each(|k| {
                let place = self.place(i, k);
                self.limbs[place] = 0;
            });
            let v = if new > unit { v.down((new - unit) as u32) } else { v.up((unit - new) as u32) };
            for k in 0..self.term.narrow_limbs() {
                let digit = v.down(LIMB as u32 * k as u32).low();
                let last = k + 1 == self.term.narrow_limbs();
                let place = self.place(i, k);
                self.limbs[place] = (if last { digit } else { digit & LIMB_MASK }) as i64;
            }
        }
        self.segments[segment].unit = new as i16;
        true
    }

    /// Adds a number of limbs of 32 bits, lowest first, that count from the term's lowest unit.
    fn add_limbs(&mut self, i: usize, limbs: &mut [i64]) {
        carry(limbs);
        let Some((&top, rest)) = limbs.split_last() else { return };
        // The highest one has the sign, and may have more than 32 bits.
        let (fill, ends) = ((top >> 63) as u64, [top & 0xffff_ffff, top >> 32 & 0xffff_ffff]);
        let blank = fill as i64 & 0xffff_ffff;
        let digit = |k: usize| rest.get(k).copied().unwrap_or_else(|| ends[k - rest.len()]);
        let all = rest.len() + 2;
        let Some(first) = (0..all).find(|&k| digit(k) != 0) else { return };
        let last = (first..all).rev().find(|&k| digit(k) != blank).map_or(first, |k| k + 1);
        // One digit of sign beside seven.
        if last - first <= 7 {
            let digits: [i64; 7] =
                std::array::from_fn(|k| if first + k < last { digit(first + k) } else { blank });
            let v = Long::from_digits(&digits, fill);
            return self.add_number(i, v, self.term.low() + 32 * first as i32);
        }
        if let Some((sums, place)) = self.reserve.place(i) {
            sums.add_limbs(place, limbs, 1);
        }
    }

    /// Adds what `add` puts into an empty wide sum to sum `i`.
    fn add_in_wide(&mut self, i: usize, add: impl FnOnce(&mut Sums)) {
        if self.flags[i] & super::digits::NAN != 0 {
            return;
        }
        let mut run = std::mem::replace(&mut self.run, Box::new(Sums::new(Term::Int, 0)));
        run.clear();
        add(&mut run);
        self.flags[i] |= run.flags[0];
        self.add_limbs(i, &mut run.settled(0));
        self.run = run;
    }

    /// As [`Sums::add_run`].
    pub fn add_run<T: Run>(&mut self, simd: Simd, i: usize, v: &[T]) {
        self.add_in_wide(i, |sums| sums.add_run(simd, 0, v));
    }

    /// As [`Sums::add_squares_run`].
    pub fn add_squares_run<T: Run>(&mut self, simd: Simd, i: usize, v: &[T]) {
        self.add_in_wide(i, |sums| sums.add_squares_run(simd, 0, v));
    }

    /// As [`Sums::add_products_run`].
    pub fn add_products_run<T: Run>(&mut self, simd: Simd, i: usize, a: &[T], b: &[T]) {
        self.add_in_wide(i, |sums| sums.add_products_run(simd, 0, a, b));
    }

    /// As [`Sums::add_digits`].
    pub fn add_digits(&mut self, i: usize, first: usize, limbs: &[i64], flags: u8) {
        self.add_in_wide(i, |sums| sums.add_digits(0, first, limbs, flags));
    }

    /// The exact value of sum `i`.
    pub fn get(&self, i: usize) -> Fixed {
        let flags = self.flags[i];
        if self.reserve.of(i).is_some() && flags == 0 {
            let mut sums = Sums::new(self.term, 1);
            self.add_to(i, &mut sums, 0);
            return sums.get(0);
        }
        let v = if flags == 0 { self.number(i) } else { Long::ZERO };
        let mut fixed = Fixed::from_digits(v.is_negative(), &v.magnitude().digits());
        (fixed.flags, fixed.low) = (effective(flags), self.unit(i / SEGMENT).unwrap_or(self.term.low()));
        fixed
    }

    /// Adds sum `i` to sum `j` of wide ones.
    pub fn add_to(&self, i: usize, sums: &mut Sums, j: usize) {
        sums.flags[j] |= self.flags[i];
        if let Some(unit) = self.unit(i / SEGMENT) {
            for k in 0..self.term.narrow_limbs() {
                sums.add_units(j, self.limbs[self.place(i, k)], unit + LIMB * k as i32);
            }
        }
        if let Some((wide, place)) = self.reserve.of(i) {
            sums.merge_at(j, wide, place);
        }
    }

    /// The bytes held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.limbs.capacity() * 8
            + self.flags.capacity()
            + self.segments.capacity() * size_of::<Segment>()
            + self.reserve.held()
            + self.run.limbs.capacity() * 8
            + size_of::<Narrow>()
            + size_of::<Sums>()
    }
}
