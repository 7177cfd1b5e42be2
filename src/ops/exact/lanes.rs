//! Lanes with running anchors: how a block of float64, or of what becomes such, is cut into levels; see
//! `anchored`.

// loops of a fixed number of steps over lanes are what the compiler turns into vectors
#![allow(clippy::needless_range_loop)]

use crate::ops::simd::Simd;
use crate::per_simd;

/// Values in a block.
pub(super) const BLOCK: usize = 2048;
pub(super) const LANES: usize = 16;
/// Additions to one lane, as a power of two.
const LOG_ADDS: i32 = BLOCK.ilog2() as i32 - LANES.ilog2() as i32;
/// A lane's sum stays at or below 2^50 units, which keeps it in the middle half of its binade.
const LOG_UNITS: i32 = 50;
const ABS: u64 = !(1 << 63);

/// 1.5 · 2^(unit + 52): adding and taking it away rounds to a multiple of 2^unit.
#[inline(always)]
pub(super) fn anchor(unit: i32) -> f64 {
    f64::from_bits((((unit + 52 + 1023) as u64) << 52) | 1 << 51)
}

/// The lowest e with |x| < 2^e, for normal x; at least that for others.
#[inline]
pub(super) fn above(x: f64) -> i32 {
    (x.to_bits() >> 52 & 0x7ff).max(1) as i32 - 1022
}

/// Units of the levels.
pub(super) type Units<const K: usize> = [i32; K];

/// Units for values below 2^`top` that are multiples of 2^`lowest`; none need be lower than that.
pub(super) fn units<const K: usize>(top: i32, lowest: i32) -> Units<K> {
    let mut top = top;
    std::array::from_fn(|_| {
        let unit = (top + LOG_ADDS - LOG_UNITS).max(lowest);
        // what a level leaves is at most half its unit
        top = unit - 1;
        unit
    })
}

/// The levels of a block as integers of their units.
#[derive(Clone, Copy)]
pub(super) struct Cut<const K: usize> {
    pub(super) sums: [i64; K],
    /// The largest magnitude of what came in, or of what was left.
    pub(super) max: f64,
    /// Not zero if something was left, or if there was a NaN.
    pub(super) rest: u64,
}

impl Cut<2> {
    pub(super) fn padded(self) -> Cut<3> {
        let [high, low] = self.sums;
        Cut { sums: [high, low, 0], max: self.max, rest: self.rest }
    }
}

/// Arrays of one lane number: what the compiler turns into vectors.
struct Lanes<const K: usize> {
    anchors: [f64; K],
    sums: [[f64; LANES]; K],
    max: [f64; LANES],
    rest: [u64; LANES],
}

impl<const K: usize> Lanes<K> {
    #[inline(always)]
    fn new(units: Units<K>) -> Lanes<K> {
        let anchors = units.map(anchor);
        Lanes { anchors, sums: anchors.map(|a| [a; LANES]), max: [0.0; LANES], rest: [0; LANES] }
    }

    #[inline(always)]
    fn add(&mut self, c: &[f64; LANES]) {
        for j in 0..LANES {
            let mut x = c[j];
            // written so that it is one instruction; a NaN stays out, and shows in the rest
            self.max[j] = if x.abs() > self.max[j] { x.abs() } else { self.max[j] };
            for sums in &mut self.sums {
                let sum = sums[j] + x;
                x -= sum - sums[j];
                sums[j] = sum;
            }
            self.rest[j] |= x.to_bits();
        }
    }

    #[inline(always)]
    fn finish(&self) -> Cut<K> {
        let mut out = Cut { sums: [0; K], max: 0.0, rest: 0 };
        for j in 0..LANES {
            for k in 0..K {
                let units = self.sums[k][j].to_bits().wrapping_sub(self.anchors[k].to_bits());
                // wraps only where the values were larger than thought
                out.sums[k] = out.sums[k].wrapping_add(units as i64);
            }
            out.max = if self.max[j] > out.max { self.max[j] } else { out.max };
            out.rest |= self.rest[j];
        }
        out.rest &= ABS;
        out
    }
}

/// The last, short chunk of a slice, filled up with zeros.
#[inline(always)]
fn padded(tail: &[f64]) -> [f64; LANES] {
    let mut c = [0.0; LANES];
    c[..tail.len()].copy_from_slice(tail);
    c
}

#[inline(always)]
fn cut_body<const K: usize>(v: &[f64], units: Units<K>) -> Cut<K> {
    let mut lanes = Lanes::new(units);
    let (chunks, tail) = v.as_chunks::<LANES>();
    chunks.iter().for_each(|c| lanes.add(c));
    if !tail.is_empty() {
        lanes.add(&padded(tail));
    }
    lanes.finish()
}
per_simd!(fn cut2(v: &[f64], units: Units<2>) -> Cut<2> = cut_body::<2>);
per_simd!(fn cut3(v: &[f64], units: Units<3>) -> Cut<3> = cut_body::<3>);

/// As [`cut_body`], of values that `make` puts into a small array first, from the given one on: the compiler
/// turns two simple loops into vectors, and one that also converts into single steps.
#[inline(always)]
fn cut_made<const K: usize>(len: usize, units: Units<K>, make: impl Fn(usize, &mut [f64])) -> Cut<K> {
    const PART: usize = 8;
    let mut lanes = Lanes::new(units);
    let mut part = [[0.0; LANES]; PART];
    for start in (0..len).step_by(PART * LANES) {
        let n = (PART * LANES).min(len - start);
        let flat = part.as_flattened_mut();
        make(start, &mut flat[..n]);
        flat[n..].fill(0.0);
        part.iter().for_each(|c| lanes.add(c));
    }
    lanes.finish()
}

#[inline(always)]
fn widen_body(v: &[f32], out: &mut [f64]) {
    out.iter_mut().zip(v).for_each(|(o, &x)| *o = x as f64);
}
per_simd!(pub(super) fn widen(v: &[f32], out: &mut [f64]) = widen_body);

#[inline(always)]
fn cut_widened_body<const K: usize>(v: &[f32], units: Units<K>) -> Cut<K> {
    cut_made(v.len(), units, |start, out| widen_body(&v[start..], out))
}
per_simd!(fn cut_widened2(v: &[f32], units: Units<2>) -> Cut<2> = cut_widened_body::<2>);
per_simd!(fn cut_widened3(v: &[f32], units: Units<3>) -> Cut<3> = cut_widened_body::<3>);

#[inline(always)]
fn multiply_body(a: &[f32], b: &[f32], out: &mut [f64]) {
    for ((o, &x), &y) in out.iter_mut().zip(a).zip(b) {
        *o = x as f64 * y as f64;
    }
}
per_simd!(pub(super) fn multiply(a: &[f32], b: &[f32], out: &mut [f64]) = multiply_body);

#[inline(always)]
fn cut_products_body<const K: usize>(a: &[f32], b: &[f32], units: Units<K>) -> Cut<K> {
    cut_made(a.len(), units, |start, out| multiply_body(&a[start..], &b[start..], out))
}
per_simd!(fn cut_products2(a: &[f32], b: &[f32], units: Units<2>) -> Cut<2> = cut_products_body::<2>);
per_simd!(fn cut_products3(a: &[f32], b: &[f32], units: Units<3>) -> Cut<3> = cut_products_body::<3>);

/// What is summed: float64, or what becomes such.
pub(super) trait Stream: Copy {
    /// Bits below the leading one that the values can have.
    const FRACTION: i32;
    /// Gives the values, at most [`BLOCK`], to `f`.
    fn with_values<R>(self, simd: Simd, f: impl FnOnce(&[f64]) -> R) -> R;
    fn cut2(self, simd: Simd, units: Units<2>) -> Cut<2>;
    fn cut3(self, simd: Simd, units: Units<3>) -> Cut<3>;
}

impl Stream for &[f64] {
    const FRACTION: i32 = 52;
    fn with_values<R>(self, _: Simd, f: impl FnOnce(&[f64]) -> R) -> R {
        f(self)
    }
    fn cut2(self, simd: Simd, units: Units<2>) -> Cut<2> {
        cut2(simd, self, units)
    }
    fn cut3(self, simd: Simd, units: Units<3>) -> Cut<3> {
        cut3(simd, self, units)
    }
}

/// float32 as float64.
#[derive(Clone, Copy)]
pub(super) struct Widened<'a>(pub &'a [f32]);

impl Stream for Widened<'_> {
    const FRACTION: i32 = 23;
    fn with_values<R>(self, simd: Simd, f: impl FnOnce(&[f64]) -> R) -> R {
        let mut values = [0.0; BLOCK];
        let values = &mut values[..self.0.len()];
        widen(simd, self.0, values);
        f(values)
    }
    fn cut2(self, simd: Simd, units: Units<2>) -> Cut<2> {
        cut_widened2(simd, self.0, units)
    }
    fn cut3(self, simd: Simd, units: Units<3>) -> Cut<3> {
        cut_widened3(simd, self.0, units)
    }
}

/// The exact products of pairs of float32; the slices have one length.
#[derive(Clone, Copy)]
pub(super) struct Products<'a>(pub &'a [f32], pub &'a [f32]);

impl Stream for Products<'_> {
    const FRACTION: i32 = 47;
    fn with_values<R>(self, simd: Simd, f: impl FnOnce(&[f64]) -> R) -> R {
        let mut values = [0.0; BLOCK];
        let values = &mut values[..self.0.len()];
        multiply(simd, self.0, self.1, values);
        f(values)
    }
    fn cut2(self, simd: Simd, units: Units<2>) -> Cut<2> {
        cut_products2(simd, self.0, self.1, units)
    }
    fn cut3(self, simd: Simd, units: Units<3>) -> Cut<3> {
        cut_products3(simd, self.0, self.1, units)
    }
}
