//! Rows: element k goes to sum base + k, as in reductions over an outer axis.
//!
//! Each sum keeps one float64 lane (float32 values), two (float64 values, products of float32) or
//! four (products of float64, as rounded product and its error) that pend beside the accumulator. Outputs are grouped into segments that share an exponent range
//! and a count of rows; as long as rows × range fits 53 bits the lanes are exact, and when it would
//! not, the segment's lanes are flushed into the accumulators. A row that is too wide by itself is
//! added value by value.

use super::Term;
use super::lanes::{anchor, multiply};
use super::pairs::two_product;
use super::pending::{Rows, SEGMENT, Segment, parts};
use super::scan::{Fraction, Range, Scan, scan};
use super::sums::Sums;
use crate::ops::simd::Simd;
use crate::per_simd;

/// One lane: log2(rows) + span of exponents + 24 bits ≤ 53.
const F32_ROOM: i32 = 29;
/// Two lanes: rows before a flush, as a power of two.
const LOG_ROWS: i32 = 8;
/// Two lanes: exponents above the first row's largest that later rows may reach.
const HEADROOM: i32 = 4;

#[inline(always)]
fn scan_f32_body(v: &[f32]) -> (u32, u32) {
    let (mut max, mut min) = (0u32, u32::MAX);
    for x in v {
        let a = x.to_bits() & 0x7fff_ffff;
        max = max.max(a);
        min = min.min(a.wrapping_sub(1));
    }
    (max, min.wrapping_add(1))
}
per_simd!(fn scan_f32(v: &[f32]) -> (u32, u32) = scan_f32_body);

#[inline(always)]
fn add_lane_body(v: &[f32], lane: &mut [f64]) {
    for (l, &x) in lane.iter_mut().zip(v) {
        *l += x as f64;
    }
}
per_simd!(fn add_lane(v: &[f32], lane: &mut [f64]) = add_lane_body);

#[inline(always)]
fn add_lanes_body(v: &[f64], anchor: f64, hi: &mut [f64], lo: &mut [f64]) {
    for ((h, l), &x) in hi.iter_mut().zip(lo).zip(v) {
        let top = (x + anchor) - anchor;
        *h += top;
        *l += x - top;
    }
}
per_simd!(fn add_lanes(v: &[f64], anchor: f64, hi: &mut [f64], lo: &mut [f64]) = add_lanes_body);

/// The range that two lanes take, for values up to exponent `max`.
fn window(max: i32, fraction: Fraction) -> Range {
    let unit = window_unit(max);
    // what the anchor leaves is at most 2^(unit − 1)
    Range { min: unit - 1 + LOG_ROWS - 53 + fraction as i32, max }
}

fn window_unit(max: i32) -> i32 {
    max + 1 + LOG_ROWS - 53
}

fn log2_ceil(n: u32) -> i32 {
    n.next_power_of_two().trailing_zeros() as i32
}

impl Sums {
    /// Adds element k of `v` to sum `base` + k; the term is [`Term::F32`].
    pub fn add_row_f32(&mut self, simd: Simd, base: usize, v: &[f32]) {
        debug_assert_eq!(self.term, Term::F32);
        for (segment, first, at, n) in parts(base, v.len()) {
            let part = &v[at..at + n];
            let (max, min) = scan_f32(simd, part);
            let exponent = |bits: u32| (bits >> 23).max(1) as i32;
            let range = Range { min: exponent(min), max: exponent(max) };
            if max == 0 {
                continue;
            }
            if range.max == 0xff || range.span() > F32_ROOM {
                self.add_each_row(first, part.iter().map(|&x| x as f64));
                continue;
            }
            let mut state = self.segment(segment);
            let mut joined = state.range.map_or(range, |r| r.with(range));
            if log2_ceil(state.rows + 1) + joined.span() > F32_ROOM {
                self.flush(segment);
                state.rows = 0;
                joined = range;
            }
            let rows = self.rows();
            rows.segments[segment] = Segment { rows: state.rows + 1, range: Some(joined) };
            add_lane(simd, part, &mut rows.hi[first..first + n]);
        }
    }

    /// Adds element k of `v` to sum `base` + k; the term takes float64.
    pub fn add_row_f64(&mut self, simd: Simd, base: usize, v: &[f64]) {
        if self.term == Term::F64 {
            self.add_row_wide(simd, base, v, Fraction::F64);
        } else {
            v.iter().enumerate().for_each(|(k, &x)| self.add_f64(base + k, x));
        }
    }

    /// Adds the exact product of the elements k to sum `base` + k; the term is
    /// [`Term::F32Product`]. The slices have one length.
    pub fn add_products_row_f32(&mut self, simd: Simd, base: usize, a: &[f32], b: &[f32]) {
        debug_assert_eq!(self.term, Term::F32Product);
        assert_eq!(a.len(), b.len());
        let mut wide = [0f64; SEGMENT];
        for (c, (a, b)) in a.chunks(SEGMENT).zip(b.chunks(SEGMENT)).enumerate() {
            multiply(simd, a, b, &mut wide);
            self.add_row_wide(simd, base + c * SEGMENT, &wide[..a.len()], Fraction::F32Product);
        }
    }

    /// Adds the exact product of the elements k to sum `base` + k; the term is
    /// [`Term::F64Product`]. The slices have one length.
    pub fn add_products_row_f64(&mut self, simd: Simd, base: usize, a: &[f64], b: &[f64]) {
        debug_assert_eq!(self.term, Term::F64Product);
        assert_eq!(a.len(), b.len());
        for (segment, first, at, n) in parts(base, a.len()) {
            let (a, b) = (&a[at..at + n], &b[at..at + n]);
            let unit = match (scan(simd, a), scan(simd, b)) {
                (Scan::Finite(p), Scan::Finite(q)) => {
                    let range = Range { min: p.min + q.min, max: p.max + q.max + 1 };
                    // so that neither Dekker's splitting overflows nor an error underflows
                    let safe = p.max.max(q.max) < 450 && p.min.min(q.min) > -400;
                    // An error is below 2^(max − 53) and a multiple of 2^(min − 104): 53 lower at both
                    // ends than the product, or one less, which the window has to spare.
                    if safe { self.place(segment, range, Fraction::F64) } else { None }
                }
                _ => None,
            };
            let Some(unit) = unit else {
                self.add_products_each_row(first, a, b);
                continue;
            };
            let lanes = self.rows();
            let all = first..first + n;
            let (hi, lo) = (&mut lanes.hi[all.clone()], &mut lanes.lo[all.clone()]);
            let (error_hi, error_lo) = (&mut lanes.error_hi[all.clone()], &mut lanes.error_lo[all]);
            let (mut product, mut error) = ([0f64; SEGMENT], [0f64; SEGMENT]);
            two_product(simd, a, b, &mut product, &mut error);
            add_lanes(simd, &product[..n], anchor(unit), hi, lo);
            add_lanes(simd, &error[..n], anchor(unit - 53), error_hi, error_lo);
        }
    }

    fn add_row_wide(&mut self, simd: Simd, base: usize, v: &[f64], fraction: Fraction) {
        for (segment, first, at, n) in parts(base, v.len()) {
            let part = &v[at..at + n];
            let range = match scan(simd, part) {
                Scan::Zeros => continue,
                Scan::Finite(range) if range.max < 1000 && range.max > -850 => range,
                _ => {
                    self.add_each_row(first, part.iter().copied());
                    continue;
                }
            };
            let Some(unit) = self.place(segment, range, fraction) else {
                self.add_each_row(first, part.iter().copied());
                continue;
            };
            let lanes = self.rows();
            let (hi, lo) = (&mut lanes.hi[first..first + n], &mut lanes.lo[first..first + n]);
            add_lanes(simd, part, anchor(unit), hi, lo);
        }
    }

    /// Counts a row of exponents `range` into a segment, flushing the lanes first if they can't take
    /// it; gives the unit of the upper lane. `None` if the row is too wide for the lanes.
    fn place(&mut self, segment: usize, range: Range, fraction: Fraction) -> Option<i32> {
        let fresh = window(range.max + HEADROOM, fraction);
        if range.min < fresh.min {
            return None;
        }
        let state = self.segment(segment);
        let (mut rows, mut allowed) = (state.rows, state.range.unwrap_or(fresh));
        if rows >> LOG_ROWS != 0 || range.min < allowed.min || range.max > allowed.max {
            self.flush(segment);
            (rows, allowed) = (0, fresh);
        }
        self.rows().segments[segment] = Segment { rows: rows + 1, range: Some(allowed) };
        Some(window_unit(allowed.max))
    }

    fn rows(&mut self) -> &mut Rows {
        let (term, n) = (self.term, self.flags.len());
        self.rows.get_or_insert_with(|| Box::new(Rows::new(term, n)))
    }

    fn segment(&mut self, segment: usize) -> Segment {
        self.rows().segments[segment]
    }

    /// Moves what pends in one segment into the accumulators.
    fn flush(&mut self, segment: usize) {
        let Some(mut rows) = self.rows.take() else { return };
        let start = segment * SEGMENT;
        let end = (start + SEGMENT).min(rows.hi.len());
        rows.segments[segment] = Segment::default();
        let Rows { hi, lo, error_hi, error_lo, .. } = &mut *rows;
        for lanes in [hi, lo, error_hi, error_lo] {
            let Some(lanes) = lanes.get_mut(start..end) else { continue };
            for (k, x) in lanes.iter_mut().enumerate() {
                self.add_f64(start + k, *x);
                *x = 0.0;
            }
        }
        self.rows = Some(rows);
    }
}
