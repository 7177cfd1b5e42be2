//! Weighted bins: exact sums per bin.
//!
//! Weights that fit a *window* of exponents are added up in the [`Window`]'s cells; what does not (inf and
//! NaN never do), goes into the long accumulators, and so does what a cell holds when it is full. The
//! window moves, which empties it into them, where more rows have missed it than it has slots, so that
//! moving never costs more than missing. Every way is exact, so which ran cannot show.

use super::cut::{Anchors, GROUP, LEAST_BASE, MOST_BASE, WINDOW, Wide};
use super::load::{self, BLOCK};
use super::window::{OTHERS, Rows, Window};
use crate::dtype::{DType, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::unravel;
use crate::ops::exact::{Sums, Term};
use crate::ops::simd::Simd;
use crate::per_simd;

/// Rows after which a window is placed.
const SAMPLE: usize = 128;
/// Bits of one part of what cells hold, which must be exact as float64.
const PART: u32 = 40;

pub(super) fn term(weights: DType) -> Term {
    match weights {
        DType::F16 | DType::F32 => Term::F32,
        DType::F64 => Term::F64,
        _ => Term::Int,
    }
}

pub(super) fn result_dtype(weights: DType) -> DType {
    match weights.kind() {
        Kind::Float => weights,
        Kind::UInt => DType::U64,
        _ => DType::I64,
    }
}

/// Counts and sums of one weighted histogram by slot. A bin's sum is what is in `sums` and in the
/// window together.
#[derive(Clone, Debug)]
pub(in crate::ops) struct Weighted {
    window: Window,
    /// Multiples of 2^base are in the window; `None` while it is empty.
    base: Option<i32>,
    /// Rows that did not fit since this was placed, or since another place was last looked for.
    missed: usize,
    sums: Sums,
}

/// Memory that a worker keeps between updates.
pub(in crate::ops) struct Scratch {
    values: Vec<f64>,
}

impl Scratch {
    pub(in crate::ops) fn new() -> Scratch {
        Scratch { values: vec![0.0; BLOCK] }
    }
}

impl Weighted {
    /// The most bytes per bin, of these bins and [`OTHERS`].
    pub(super) fn bytes_per_bin(weights: DType, bins: u64) -> u64 {
        Weighted::window_bytes_per_bin(bins) + term(weights).bytes_per_sum()
    }

    /// Of those, the bytes that are not the long sum's.
    pub(in crate::ops) fn window_bytes_per_bin(bins: u64) -> u64 {
        Window::bytes_per_slot(bins as usize + OTHERS)
    }

    /// All zero; `None` if there is no memory.
    pub(super) fn new(weights: DType, slots: usize) -> Option<Weighted> {
        Weighted::of_term(term(weights), slots)
    }

    /// All zero, for values of a term: floats, or integers for [`Term::Int`].
    pub(in crate::ops) fn of_term(term: Term, slots: usize) -> Option<Weighted> {
        let window = Window::new(slots)?;
        Some(Weighted { window, base: None, missed: 0, sums: Sums::new(term, slots - OTHERS) })
    }

    /// These counts and sums, which are one bin's each for all but [`OTHERS`] slots.
    pub(super) fn from_parts(counts: &[u64], sums: Sums) -> Option<Weighted> {
        let mut window = Window::new(counts.len())?;
        if sums.len() + OTHERS != counts.len() {
            return None;
        }
        counts.iter().enumerate().for_each(|(slot, &n)| window.add_count(slot, n));
        Some(Weighted { window, base: None, missed: 0, sums })
    }

    pub(super) fn slots(&self) -> usize {
        self.window.len()
    }

    pub(super) fn term(&self) -> Term {
        self.sums.term()
    }

    /// The counts by slot.
    pub(in crate::ops) fn counts(&self) -> impl ExactSizeIterator<Item = u64> {
        self.window.counts()
    }

    /// The count of a slot.
    pub(super) fn count(&self, slot: usize) -> u64 {
        self.window.count_of(slot)
    }

    /// Adds to the count of a slot.
    pub(super) fn add_count(&mut self, slot: usize, more: u64) {
        self.window.add_count(slot, more);
    }

    /// Sets a slot that is no bin to zero.
    pub(super) fn clear(&mut self, slot: usize) {
        self.window.clear(slot);
    }

    /// As [`Sums::add_digits`].
    ///
    /// # Errors
    /// `Internal` if there is no such bin, or its sum has no such limbs.
    pub(super) fn add_digits(&mut self, bin: usize, first: usize, limbs: &[i64], flags: u8) -> Result<()> {
        if bin >= self.sums.len() || first + limbs.len() > self.term().limbs() {
            return Err(Error::new(ErrorKind::Internal, "weights of another histogram"));
        }
        self.sums.add_digits(bin, first, limbs, flags);
        Ok(())
    }

    /// Counts a block of rows, given by slots, and adds their weights.
    pub(in crate::ops) fn block(
        &mut self,
        simd: Simd,
        dtype: DType,
        bytes: &[u8],
        index: &[u32],
        scratch: &mut Scratch,
    ) {
        if self.window.expect(index.len()) {
            let full = self.window.half_full();
            full.into_iter().for_each(|slot| self.empty_slot(slot));
        }
        if matches!(dtype, DType::I64 | DType::U64) {
            return self.wide(simd, bytes.as_chunks().0, index, Wide::new(dtype == DType::I64));
        }
        if !dtype.is_float() {
            self.base = Some(0);
        }
        // the last bit of a value whose exponent is 0
        let precision = match dtype {
            DType::F64 => 52,
            DType::F32 => 23,
            _ => 10,
        };
        let values = load::as_f64(simd, dtype, bytes, &mut scratch.values[..index.len()]);
        let mut at = 0;
        loop {
            if let Some(base) = self.base {
                let rows = Rows::Floats(&values[at..], Anchors::new(base));
                at += self.groups(simd, &index[at..], rows);
            }
            if at == index.len() {
                return;
            }
            at += self.some(simd, &values[at..], &index[at..], precision);
        }
    }

    /// Adds groups up to the first that does not fit.
    fn groups(&mut self, simd: Simd, index: &[u32], rows: Rows) -> usize {
        let (rows, full) = self.window.add(simd, index, rows);
        if full {
            self.empty_full(&index[..rows]);
        }
        rows
    }

    /// Adds some rows, at the most a few: the last of a block, those of a group that does not fit, or
    /// those before there is a window.
    fn some(&mut self, simd: Simd, values: &[f64], index: &[u32], precision: i32) -> usize {
        let sample = &values[..values.len().min(SAMPLE)];
        if self.base.is_none() || self.missed > self.window.len() {
            let (least, most) = exponents(simd, sample);
            if most == 0 && self.base.is_none() {
                self.window.count(&index[..sample.len()]); // all zeros add nothing
                return sample.len();
            }
            self.missed = 0;
            if let Some(base) = place(least, most, precision) {
                self.empty();
                self.base = Some(base);
            }
        }
        let rows = if self.base.is_some() { sample.len().min(GROUP) } else { sample.len() };
        let anchors = self.base.map(Anchors::new);
        for (j, (&slot, &v)) in index[..rows].iter().zip(sample).enumerate() {
            let slot = slot as usize;
            match anchors.and_then(|anchors| anchors.cell(v)) {
                Some(cell) => {
                    if self.window.add_one(slot, j, cell) {
                        self.empty_slot(slot);
                    }
                }
                None => {
                    self.missed += 1;
                    self.window.add_count(slot, 1);
                    let bin = slot.wrapping_sub(1);
                    if bin < self.sums.len() {
                        self.sums.add_at(bin, v);
                    }
                }
            }
        }
        rows
    }

    /// Adds a block of integers of 64 bits.
    fn wide(&mut self, simd: Simd, values: &[[u8; 8]], index: &[u32], wide: Wide) {
        self.base = Some(0);
        let at = self.groups(simd, index, Rows::Wide(values, wide));
        for (j, (&slot, &v)) in index[at..].iter().zip(&values[at..]).enumerate() {
            if self.window.add_one(slot as usize, j, wide.cell(v)) {
                self.empty_slot(slot as usize);
            }
        }
    }

    /// Adds what the window holds of a bin to sum `i` of `sums`.
    fn spill(&self, bin: usize, sums: &mut Sums, i: usize) {
        let Some(base) = self.base else { return };
        let total = self.window.sum_of(bin + 1, Anchors::new(base));
        if total == 0 {
            return;
        }
        if sums.term() == Term::Int {
            return sums.add_at(i, total);
        }
        let mask = (1 << PART) - 1;
        for (k, part) in [total & mask, total >> PART & mask, total >> (2 * PART)].into_iter().enumerate() {
            sums.add_at(i, part as f64 * power(base + k as i32 * PART as i32));
        }
    }

    /// Empties the cells of a slot into its sum, which only a bin has.
    fn empty_slot(&mut self, slot: usize) {
        let bin = slot.wrapping_sub(1);
        if bin < self.sums.len() {
            let mut sums = std::mem::replace(&mut self.sums, Sums::new(Term::Int, 0));
            self.spill(bin, &mut sums, bin);
            self.sums = sums;
        }
        self.window.empty(slot);
    }

    /// Empties those of these slots that are half full.
    #[cold]
    fn empty_full(&mut self, index: &[u32]) {
        for &slot in index {
            if self.window.is_half_full(slot as usize) {
                self.empty_slot(slot as usize);
            }
        }
    }

    /// Empties the window into the sums.
    fn empty(&mut self) {
        if self.base.is_some() {
            (0..self.slots()).for_each(|slot| self.empty_slot(slot));
        }
        self.base = None;
    }

    /// Adds another one of the same term and slots.
    pub(super) fn merge(&mut self, other: &Weighted) {
        other.counts().enumerate().for_each(|(slot, n)| self.window.add_count(slot, n));
        self.sums.merge(&other.sums);
        (0..self.sums.len()).for_each(|bin| other.spill(bin, &mut self.sums, bin));
    }

    /// The sums with what is in the window.
    pub(in crate::ops) fn sums(&self) -> std::borrow::Cow<'_, Sums> {
        if self.base.is_none() {
            return std::borrow::Cow::Borrowed(&self.sums);
        }
        let mut sums = self.sums.clone();
        (0..sums.len()).for_each(|bin| self.spill(bin, &mut sums, bin));
        std::borrow::Cow::Owned(sums)
    }

    /// The sums as native bytes of [`result_dtype`]; `shape` is that of the bins.
    pub(super) fn finish(&self, weights: DType, shape: &[u64]) -> Result<Vec<u8>> {
        let dtype = result_dtype(weights);
        let mut out = Vec::with_capacity(self.sums.len() * dtype.size());
        let mut sum = Sums::new(self.term(), 1);
        for i in 0..self.sums.len() {
            sum.clear();
            sum.merge_at(0, &self.sums, i);
            self.spill(i, &mut sum, 0);
            let overflow = || {
                let bin = unravel(i as u64, shape);
                Error::new(
                    ErrorKind::Overflow,
                    format!("the sum of the weights of bin {bin:?} does not fit {dtype}"),
                )
                .hint("cast the weights to float64")
            };
            match dtype {
                DType::F16 => out.extend(sum.round_f16(0).to_bits().to_ne_bytes()),
                DType::F32 => out.extend(sum.round_f32(0).to_ne_bytes()),
                DType::F64 => out.extend(sum.round_f64(0).to_ne_bytes()),
                DType::U64 => {
                    let v = sum.to_i128(0).and_then(|v| u64::try_from(v).ok()).ok_or_else(overflow)?;
                    out.extend(v.to_ne_bytes());
                }
                _ => {
                    let v = sum.to_i128(0).and_then(|v| i64::try_from(v).ok()).ok_or_else(overflow)?;
                    out.extend(v.to_ne_bytes());
                }
            }
        }
        Ok(out)
    }
}

/// 2^e, for e from −1074 on.
fn power(e: i32) -> f64 {
    if e < -1022 { f64::from_bits(1 << (e + 1074)) } else { f64::from_bits(((e + 1023) as u64) << 52) }
}

/// The base of a window for values of exponent fields `least` to `most`, with as much room above as below.
fn place(least: i32, most: i32, precision: i32) -> Option<i32> {
    // the last bit of the finest value, and the first power of two above the largest
    let (last, top) = (least - 1023 - precision, most - 1022);
    let room = WINDOW - (top - last);
    let base = (last - room / 2).max(LEAST_BASE);
    (room >= 0 && base <= MOST_BASE && (1..2047).contains(&most)).then_some(base)
}

/// The least and the largest exponent field of the values that are not 0 (a subnormal's is 1): 2047
/// for inf and NaN; 0 as the largest if all are 0.
#[inline(always)]
fn exponents_body(values: &[f64]) -> (i32, i32) {
    let (mut least, mut most) = (u64::MAX, 0);
    for &v in values {
        let bits = v.to_bits() << 1;
        least = least.min(if bits == 0 { u64::MAX } else { bits });
        most = most.max(bits);
    }
    if most == 0 {
        return (1, 0);
    }
    (((least >> 53) as i32).max(1), ((most >> 53) as i32).max(1))
}
per_simd!(fn exponents(values: &[f64]) -> (i32, i32) = exponents_body);
