//! Blocks of float64 summed exactly at vector speed, whatever their exponents.
//!
//! A lane that starts at C = 1.5 · 2^(u + 52) and stays within that binade takes of each x what x is to
//! the nearest multiple of 2^u; the rest comes back without error as x − ((S + x) − S) and goes to a second
//! such lane of a lower unit (Dekker's fast two-sum with a running anchor, as in Ahrens, Demmel and Nguyen,
//! "Algorithms for efficient reproducible floating point summation", ACM TOMS 46, 2020). The bits of a
//! lane less the bits of C are then its sum as an integer. Two lanes hold 87 bits below the largest value:
//! float64 of 34 exponents with every bit set, and anything wider whose low bits are zero.
//!
//! One pass over the data does it all: the anchors are a guess from the block before, the largest magnitude
//! is found along the way, and so are the bits that the second lane left. Too low a guess means a second
//! pass, bits left mean that the block is copied and cut again until nothing is left. Nothing is believed
//! that was not checked: a sum enters the accumulator only if it holds every bit.

// loops of a fixed number of steps over lanes are what the compiler turns into vectors
#![allow(clippy::needless_range_loop)]

use super::scan::{Scan, scan};
use super::sums::Sums;
use crate::ops::simd::Simd;
use crate::per_simd;

/// Values in a block.
pub(super) const BLOCK: usize = 2048;
const LANES: usize = 16;
/// Additions to one lane, as a power of two.
const LOG_ADDS: i32 = BLOCK.ilog2() as i32 - LANES.ilog2() as i32;
/// A lane's sum stays at or below 2^50 units, which keeps it in the middle half of its binade.
const LOG_UNITS: i32 = 50;
/// Values of this exponent or above have no anchor.
const TOP: i32 = 1000;
/// The guess leaves this much room for larger values in the blocks to come.
const SLACK: i32 = 1;
const ABS: u64 = !(1 << 63);

/// 1.5 · 2^(unit + 52): adding and taking it away rounds to a multiple of 2^unit.
#[inline(always)]
pub(super) fn anchor(unit: i32) -> f64 {
    f64::from_bits((((unit + 52 + 1023) as u64) << 52) | 1 << 51)
}

/// The lowest e with |x| < 2^e, for normal x; at least that for others.
pub(super) fn above(x: f64) -> i32 {
    (x.to_bits() >> 52 & 0x7ff).max(1) as i32 - 1022
}

/// Units of the levels.
type Units<const K: usize> = [i32; K];

/// Units for values below 2^`top` that are multiples of 2^`lowest`; none need be lower than that.
fn units<const K: usize>(top: i32, lowest: i32) -> Units<K> {
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
    sums: [i64; K],
    /// The largest magnitude of what came in, or of what was left.
    max: f64,
    /// Not zero if something was left, or if there was a NaN.
    rest: u64,
}

impl Cut<2> {
    fn padded(self) -> Cut<3> {
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
per_simd!(fn widen(v: &[f32], out: &mut [f64]) = widen_body);

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

/// As [`cut_body`]; leaves what was left in place of the values.
#[inline(always)]
fn take_body(v: &mut [[f64; LANES]], units: Units<3>) -> Cut<3> {
    let mut lanes = Lanes::new(units);
    for c in v {
        let mut left = *c;
        for j in 0..LANES {
            for sums in &mut lanes.sums {
                let sum = sums[j] + left[j];
                left[j] -= sum - sums[j];
                sums[j] = sum;
            }
            lanes.max[j] = if left[j].abs() > lanes.max[j] { left[j].abs() } else { lanes.max[j] };
        }
        *c = left;
    }
    lanes.finish()
}
per_simd!(fn take(v: &mut [[f64; LANES]], units: Units<3>) -> Cut<3> = take_body);

/// What is summed: float64, or what becomes such.
pub(super) trait Stream: Copy {
    fn len(self) -> usize;
    /// The values; `out` has as many.
    fn write(self, simd: Simd, out: &mut [f64]);
    fn cut2(self, simd: Simd, units: Units<2>) -> Cut<2>;
    fn cut3(self, simd: Simd, units: Units<3>) -> Cut<3>;
}

impl Stream for &[f64] {
    fn len(self) -> usize {
        self.len()
    }
    fn write(self, _: Simd, out: &mut [f64]) {
        out.copy_from_slice(self);
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
    fn len(self) -> usize {
        self.0.len()
    }
    fn write(self, simd: Simd, out: &mut [f64]) {
        widen(simd, self.0, out);
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
    fn len(self) -> usize {
        self.0.len()
    }
    fn write(self, simd: Simd, out: &mut [f64]) {
        multiply(simd, self.0, self.1, out);
    }
    fn cut2(self, simd: Simd, units: Units<2>) -> Cut<2> {
        cut_products2(simd, self.0, self.1, units)
    }
    fn cut3(self, simd: Simd, units: Units<3>) -> Cut<3> {
        cut_products3(simd, self.0, self.1, units)
    }
}

/// What the next block is thought to be like.
#[derive(Clone, Copy)]
pub(super) struct Guess {
    /// Magnitudes are below 2^top.
    pub top: i32,
    /// Two levels won't hold it.
    pub wide: bool,
}

impl Guess {
    /// For values below 2^`top`.
    pub fn below(top: i32) -> Guess {
        Guess { top, wide: false }
    }

    /// From the first values of a stream.
    pub fn from_first(values: impl Iterator<Item = f64>) -> Guess {
        Guess::below(above(values.take(LANES).fold(0f64, |m, x| m.max(x.abs())))).with_slack()
    }

    fn with_slack(self) -> Guess {
        Guess { top: (self.top + SLACK).min(TOP), ..self }
    }
}

/// What is known of a block that the levels hold.
#[derive(Clone, Copy)]
pub(super) struct Held {
    /// The largest magnitude.
    pub max: f64,
    /// All values are multiples of 2^unit.
    pub unit: i32,
}

impl Sums {
    /// Adds at most [`BLOCK`] values to sum `i`, fast if the guess is right; it becomes what was found. `None`
    /// if the levels can't hold the block; it is added all the same.
    pub(super) fn add_block<V: Stream>(
        &mut self,
        simd: Simd,
        i: usize,
        v: V,
        guess: &mut Guess,
    ) -> Option<Held> {
        // again for a guess that was too low, and for one that was too narrow
        for _ in 0..3 {
            let Guess { top, wide } = *guess;
            if top > TOP {
                break;
            }
            let units: Units<3> = units(top, self.lowest());
            let [high, low, lowest] = units;
            let Cut { sums, max, rest } =
                if wide { v.cut3(simd, units) } else { v.cut2(simd, [high, low]).padded() };
            let found = above(max);
            guess.top = found;
            if found > top {
                continue;
            }
            if rest == 0 {
                self.add_cut(i, sums, units);
                *guess = Guess { top: found, wide: sums[2] != 0 }.with_slack();
                return Some(Held { max, unit: if wide { lowest } else { low } });
            }
            if wide {
                break;
            }
            guess.wide = true;
        }
        let top = self.add_spread(simd, i, v);
        *guess = Guess { top, wide: true }.with_slack();
        None
    }

    /// Adds at most [`BLOCK`] values to sum `i`: the huge and those that are not finite one by one, the
    /// rest by cutting off 131 bits until none are left. The rest is below 2 to what it returns.
    fn add_spread(&mut self, simd: Simd, i: usize, v: impl Stream) -> i32 {
        let mut left = [[0f64; LANES]; BLOCK / LANES];
        let left = &mut left[..v.len().div_ceil(LANES)];
        v.write(simd, &mut left.as_flattened_mut()[..v.len()]);
        let mut top = match scan(simd, left.as_flattened()) {
            Scan::Zeros => return above(0.0),
            Scan::Finite(range) => range.max + 1,
            Scan::NotFinite => TOP + 1,
        };
        if top > TOP {
            let mut max = 0f64;
            for x in left.as_flattened_mut() {
                if above(*x) > TOP {
                    self.add_f64(i, std::mem::take(x));
                } else {
                    max = max.max(x.abs());
                }
            }
            top = above(max);
        }
        let found = top;
        loop {
            let units = units(top, self.lowest());
            let cut = take(simd, left, units);
            self.add_cut(i, cut.sums, units);
            if cut.max == 0.0 {
                return found;
            }
            top = above(cut.max);
        }
    }

    fn lowest(&self) -> i32 {
        self.term.low().max(-1074)
    }

    fn add_cut(&mut self, i: usize, sums: [i64; 3], units: Units<3>) {
        sums.into_iter().zip(units).for_each(|(n, unit)| self.add_units(i, n, unit));
    }
}
