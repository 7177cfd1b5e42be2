//! Rows: element k goes to sum base + k, many at a time.
//!
//! A value is rounded to the unit of the highest limb by adding and taking away an anchor, what is left to the unit of
//! the limb below, and so on; the bits of each part less those of its anchor are the part as an integer (see
//! `anchored`). That holds every bit if the value's own lie between the segment's unit and its span, which the row's
//! exponents tell, or a look at what the last limb leaves.

use super::super::Term;
use super::super::lanes::{anchor, multiply, widen};
use super::super::pairs::two_product;
use super::super::pending::{SEGMENT, parts};
use super::super::scan::{Range, Scan, scan};
use super::{Bits, LIMB, MOST_ADDS, NONE, Narrow};
use crate::ops::simd::Simd;
use crate::per_simd;

/// The part of `x` that is a multiple of the anchor's unit, as an integer of that, and what is left.
#[inline(always)]
fn cut(x: f64, anchor: f64) -> (i64, f64) {
    let sum = x + anchor;
    (sum.to_bits().wrapping_sub(anchor.to_bits()) as i64, x - (sum - anchor))
}

#[inline(always)]
fn add2_body(v: &[f64], anchors: [f64; 2], low: &mut [i64], high: &mut [i64]) {
    for ((&x, low), high) in v.iter().zip(low).zip(high) {
        let (a, x) = cut(x, anchors[1]);
        let (b, _) = cut(x, anchors[0]);
        *high = high.wrapping_add(a);
        *low = low.wrapping_add(b);
    }
}
per_simd!(fn add2(v: &[f64], anchors: [f64; 2], low: &mut [i64], high: &mut [i64]) = add2_body);

#[inline(always)]
fn add3_body(v: &[f64], anchors: [f64; 3], low: &mut [i64], middle: &mut [i64], high: &mut [i64]) {
    for (((&x, low), middle), high) in v.iter().zip(low).zip(middle).zip(high) {
        let (a, x) = cut(x, anchors[2]);
        let (b, x) = cut(x, anchors[1]);
        let (c, _) = cut(x, anchors[0]);
        *high = high.wrapping_add(a);
        *middle = middle.wrapping_add(b);
        *low = low.wrapping_add(c);
    }
}
per_simd!(
    fn add3(v: &[f64], anchors: [f64; 3], low: &mut [i64], middle: &mut [i64], high: &mut [i64]) = add3_body
);

/// What the lowest of the limbs leaves of the values: zero if nothing.
#[inline(always)]
fn rest_body(v: &[f64], anchors: [f64; 3]) -> u64 {
    let mut rest = 0;
    for &x in v {
        let (_, x) = cut(x, anchors[2]);
        let (_, x) = cut(x, anchors[1]);
        let (_, x) = cut(x, anchors[0]);
        rest |= x.to_bits() << 1;
    }
    rest
}
per_simd!(fn rest(v: &[f64], anchors: [f64; 3]) -> u64 = rest_body);

impl Narrow {
    /// As [`Sums::add_row_f32`](super::super::Sums::add_row_f32).
    pub fn add_row_f32(&mut self, simd: Simd, base: usize, v: &[f32]) {
        let mut wide = [0f64; SEGMENT];
        for (segment, first, at, n) in parts(base, v.len()) {
            widen(simd, &v[at..at + n], &mut wide[..n]);
            self.add_part(simd, segment, first, &wide[..n], 23);
        }
    }

    /// As [`Sums::add_row_f64`](super::super::Sums::add_row_f64).
    pub fn add_row_f64(&mut self, simd: Simd, base: usize, v: &[f64]) {
        for (segment, first, at, n) in parts(base, v.len()) {
            self.add_part(simd, segment, first, &v[at..at + n], 52);
        }
    }

    /// As [`Sums::add_products_row_f32`](super::super::Sums::add_products_row_f32).
    pub fn add_products_row_f32(&mut self, simd: Simd, base: usize, a: &[f32], b: &[f32]) {
        debug_assert_eq!(self.term, Term::F32Product);
        let mut wide = [0f64; SEGMENT];
        for (segment, first, at, n) in parts(base, a.len()) {
            multiply(simd, &a[at..at + n], &b[at..at + n], &mut wide[..n]);
            self.add_part(simd, segment, first, &wide[..n], 47);
        }
    }

    /// As [`Sums::add_products_row_f64`](super::super::Sums::add_products_row_f64).
    pub fn add_products_row_f64(&mut self, simd: Simd, base: usize, a: &[f64], b: &[f64]) {
        debug_assert_eq!(self.term, Term::F64Product);
        let (mut product, mut error) = ([0f64; SEGMENT], [0f64; SEGMENT]);
        for (segment, first, at, n) in parts(base, a.len()) {
            let (a, b) = (&a[at..at + n], &b[at..at + n]);
            let bits = match (scan(simd, a), scan(simd, b)) {
                (Scan::Zeros, Scan::Zeros | Scan::Finite(_)) | (Scan::Finite(_), Scan::Zeros) => continue,
                (Scan::Finite(p), Scan::Finite(q)) => {
                    // so that neither Dekker's splitting overflows nor an error underflows
                    let safe = p.max.max(q.max) < 450 && p.min.min(q.min) > -400;
                    safe.then(|| Bits { low: p.min + q.min - 104, top: p.max + q.max + 2 })
                }
                _ => None,
            };
            if let Some(bits) = bits {
                two_product(simd, a, b, &mut product, &mut error);
                let streams = [&product[..n], &error[..n]];
                if self.room(simd, segment, bits, &streams) {
                    streams.iter().for_each(|v| self.add_fitting(simd, segment, first, v));
                    continue;
                }
            }
            a.iter().zip(b).enumerate().for_each(|(k, (&x, &y))| self.add_product(first + k, x, y));
        }
    }

    /// Adds a part of a row that lies in one segment; values have so many bits below their leading one.
    fn add_part(&mut self, simd: Simd, segment: usize, first: usize, v: &[f64], fraction: i32) {
        let bits = match scan(simd, v) {
            Scan::Zeros => return,
            Scan::Finite(Range { min, max }) => {
                Some(Bits { low: (min - fraction).max(self.term.low()), top: max + 1 })
            }
            Scan::NotFinite => None,
        };
        match bits {
            Some(bits) if self.room(simd, segment, bits, &[v]) => self.add_fitting(simd, segment, first, v),
            _ => v.iter().enumerate().for_each(|(k, &x)| self.add_value(first + k, x)),
        }
    }

    /// Whether a segment holds values with these bits, or all the same, though they may have fewer; it is moved if it must be.
    #[inline]
    fn room(&mut self, simd: Simd, segment: usize, bits: Bits, streams: &[&[f64]]) -> bool {
        if self.segments[segment].unit == NONE {
            self.segments[segment].unit = self.choose(bits);
        }
        self.is_within(segment, bits) || self.makes_room(simd, segment, bits, streams)
    }

    /// Whether a segment takes floats with these bits.
    fn is_within(&self, segment: usize, bits: Bits) -> bool {
        // Its lowest anchor is a normal number.
        self.holds(segment, bits, self.span()) && self.segments[segment].unit >= -1074
    }

    #[inline(never)]
    fn makes_room(&mut self, simd: Simd, segment: usize, bits: Bits, streams: &[&[f64]]) -> bool {
        let unit = self.segments[segment].unit as i32;
        let low = Bits { low: unit, ..bits };
        if self.is_within(segment, low) && streams.iter().all(|v| rest(simd, v, self.anchors(unit)) == 0) {
            return true;
        }
        self.move_to(segment, bits, self.span()) && self.is_within(segment, bits)
    }

    /// The anchors of the limbs; the highest one twice, if there are only two.
    fn anchors(&self, unit: i32) -> [f64; 3] {
        let last = self.term.narrow_limbs() as i32 - 1;
        std::array::from_fn(|k| anchor(unit + LIMB * (k as i32).min(last)))
    }

    /// Adds values that fit the segment.
    fn add_fitting(&mut self, simd: Simd, segment: usize, first: usize, v: &[f64]) {
        if self.segments[segment].adds >= MOST_ADDS {
            self.carry(segment);
        }
        self.segments[segment].adds += 1;
        let anchors = self.anchors(self.segments[segment].unit as i32);
        let (n, at) = (self.term.narrow_limbs(), first % SEGMENT);
        let limbs = &mut self.limbs[segment * n * SEGMENT..(segment + 1) * n * SEGMENT];
        let (low, rest) = limbs.split_at_mut(SEGMENT);
        let low = &mut low[at..at + v.len()];
        match n {
            2 => add2(simd, v, [anchors[0], anchors[1]], low, &mut rest[at..at + v.len()]),
            _ => {
                let (middle, high) = rest.split_at_mut(SEGMENT);
                let (middle, high) = (&mut middle[at..at + v.len()], &mut high[at..at + v.len()]);
                add3(simd, v, anchors, low, middle, high);
            }
        }
    }
}
