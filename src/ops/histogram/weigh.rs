//! Weighted bins: exact sums per bin.
//!
//! Weights whose exponents fit a *window* are added up in the [`Window`]'s cells; what leaves it, a
//! block that does not fit (inf and NaN never do), goes value by value into the long accumulators.
//! The window moves, which empties it into them, where as many rows have missed it as it has slots, so
//! that moving never costs more than missing. Every way is exact, so which ran cannot show.

use super::load::{self, BLOCK};
use super::spec::{HistogramSpec, OTHERS};
use super::window::{Cell, PIECE, WINDOW, Window};
use crate::dtype::{DType, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::unravel;
use crate::ops::exact::{Sums, Term};
use crate::ops::simd::Simd;
use crate::per_simd;

/// Bits that a new window leaves free above the first block's largest value.
const ROOM: i32 = 8;

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
pub(super) struct Weighted {
    window: Window,
    /// Multiples of 2^base are in the window; `None` while it is empty.
    base: Option<i32>,
    /// Rows that fitted another window since this one was placed.
    missed: usize,
    sums: Sums,
}

/// Memory that a worker keeps between updates.
pub(super) struct Scratch {
    values: Vec<f64>,
    piece: Vec<Cell>,
}

impl Scratch {
    pub(super) fn new() -> Scratch {
        Scratch { values: vec![0.0; BLOCK], piece: vec![Cell::default(); PIECE] }
    }
}

impl Weighted {
    /// The most bytes per bin.
    pub(super) fn bytes_per_bin(weights: DType) -> u64 {
        Window::BYTES + term(weights).bytes_per_sum()
    }

    /// All zero; `None` if there is no memory.
    pub(super) fn new(weights: DType, slots: usize) -> Option<Weighted> {
        let term = term(weights);
        let window = Window::new(slots, term == Term::Int)?;
        Some(Weighted { window, base: None, missed: 0, sums: Sums::new(term, slots - OTHERS) })
    }

    /// These counts and sums, which are one bin's each for all but [`OTHERS`] slots.
    pub(super) fn from_parts(counts: &[u64], sums: Sums) -> Option<Weighted> {
        let mut window = Window::new(counts.len(), sums.term() == Term::Int)?;
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
    pub(super) fn counts(&self) -> impl ExactSizeIterator<Item = u64> {
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
    pub(super) fn block(
        &mut self,
        simd: Simd,
        dtype: DType,
        bytes: &[u8],
        index: &[u32],
        scratch: &mut Scratch,
    ) {
        if self.window.is_full() {
            self.empty();
        }
        if !dtype.is_float() {
            return self.integers(simd, dtype, bytes, index, scratch);
        }
        let values = load::as_f64(simd, dtype, bytes, &mut scratch.values[..index.len()]);
        let (least, most) = exponents(simd, values);
        if most == 0 {
            return self.window.count(index); // all zeros add nothing
        }
        // the last bit of the finest value, and the first power of two above the largest
        let precision = match dtype {
            DType::F64 => 52,
            DType::F32 => 23,
            _ => 10,
        };
        let (last, top) = (least - 1023 - precision, most - 1022);
        match self.place(last, top, index.len()) {
            Some(base) if most < 2047 => self.window.floats(simd, values, base, index, &mut scratch.piece),
            _ => {
                self.window.count(index);
                let bins = self.sums.len();
                for (&slot, &v) in index.iter().zip(values) {
                    let bin = (slot as usize).wrapping_sub(1);
                    if bin < bins {
                        self.sums.add_at(bin, v);
                    }
                }
            }
        }
    }

    /// The base of a window for `rows` multiples of 2^last below 2^top, if it is there or worth
    /// placing.
    fn place(&mut self, last: i32, top: i32, rows: usize) -> Option<i32> {
        let fits = |base: i32| base <= last && top <= base + WINDOW;
        if let Some(base) = self.base
            && fits(base)
        {
            return Some(base);
        }
        let base = top + ROOM - WINDOW;
        if !fits(base) || !(-900..=800).contains(&base) {
            return None;
        }
        if self.base.is_some() {
            self.missed += rows;
            if self.missed < self.window.len() {
                return None;
            }
            self.empty();
        }
        self.base = Some(base);
        self.base
    }

    fn integers(&mut self, simd: Simd, dtype: DType, bytes: &[u8], index: &[u32], scratch: &mut Scratch) {
        self.base = Some(0);
        macro_rules! go {
            ($ty:ty, $size:literal) => {{
                let values = bytes.as_chunks::<$size>().0.iter().map(|&b| <$ty>::from_ne_bytes(b) as i128);
                self.window.integers(simd, values, index, &mut scratch.piece)
            }};
        }
        match dtype {
            DType::I8 => go!(i8, 1),
            DType::I16 => go!(i16, 2),
            DType::I32 => go!(i32, 4),
            DType::I64 => go!(i64, 8),
            DType::U16 => go!(u16, 2),
            DType::U32 => go!(u32, 4),
            DType::U64 => go!(u64, 8),
            _ => go!(u8, 1),
        }
    }

    /// Adds what the window holds of a bin to sum `i` of `sums`.
    fn spill(&self, bin: usize, sums: &mut Sums, i: usize) {
        let Some(base) = self.base else { return };
        if sums.term() == Term::Int {
            let total = self.window.total(bin + 1);
            if total != 0 {
                sums.add_at(i, total);
            }
            return;
        }
        for v in self.window.parts(bin + 1, base) {
            if v != 0.0 {
                sums.add_at(i, v);
            }
        }
    }

    /// Empties the window into the sums.
    fn empty(&mut self) {
        let mut sums = std::mem::replace(&mut self.sums, Sums::new(Term::Int, 0));
        (0..sums.len()).for_each(|bin| self.spill(bin, &mut sums, bin));
        self.sums = sums;
        self.window.empty();
        self.base = None;
        self.missed = 0;
    }

    /// Adds another one of the same term and slots.
    pub(super) fn merge(&mut self, other: &Weighted) {
        other.counts().enumerate().for_each(|(slot, n)| self.window.add_count(slot, n));
        self.sums.merge(&other.sums);
        (0..self.sums.len()).for_each(|bin| other.spill(bin, &mut self.sums, bin));
    }

    /// The sums with what is in the window.
    pub(super) fn sums(&self) -> std::borrow::Cow<'_, Sums> {
        if self.base.is_none() {
            return std::borrow::Cow::Borrowed(&self.sums);
        }
        let mut sums = self.sums.clone();
        (0..sums.len()).for_each(|bin| self.spill(bin, &mut sums, bin));
        std::borrow::Cow::Owned(sums)
    }

    /// The sums as native bytes of [`result_dtype`].
    pub(super) fn finish(&self, weights: DType, spec: &HistogramSpec) -> Result<Vec<u8>> {
        let dtype = result_dtype(weights);
        let mut out = Vec::with_capacity(self.sums.len() * dtype.size());
        let mut sum = Sums::new(self.term(), 1);
        for i in 0..self.sums.len() {
            sum.clear();
            sum.merge_at(0, &self.sums, i);
            self.spill(i, &mut sum, 0);
            let overflow = || {
                let bin = unravel(i as u64, &spec.shape());
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
