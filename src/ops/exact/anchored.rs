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
//! pass. Bits left mean a look at the exponents, which says whether a third lane will do, for 131 bits; if not, the
//! values go to bins by their exponents ([`Sums::add_binned`]), which takes any. After that the next blocks are
//! looked at first. Nothing is believed that was not checked: a sum enters the accumulator only if it holds every bit.

// loops of a fixed number of steps over lanes are what the compiler turns into vectors
#![allow(clippy::needless_range_loop)]

use super::scan::{Range, Scan, scan};
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
/// How far a remembered guess may be from what is known of the values.
const REACH: i32 = 16;
/// Blocks that are looked at first, after a guess that went wrong.
const DOUBT: u8 = 4;
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

/// How many levels hold a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Levels {
    Two,
    Three,
    /// More than are worth it: bins take it.
    Many,
}

/// What the next block is thought to be like. Wrong guesses cost time and nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    /// Magnitudes are below 2^top.
    pub top: i32,
    pub levels: Levels,
    /// So many blocks are looked at before they are added, since guesses went wrong.
    pub doubt: u8,
}

impl Guess {
    /// Before anything was seen.
    pub const NONE: Guess = Guess::exactly(0);

    /// Nothing is known: a look is better than a guess.
    pub fn in_doubt() -> Guess {
        Guess { doubt: 1, ..Guess::NONE }
    }

    /// For values below 2^`top`, and none much below that.
    pub const fn exactly(top: i32) -> Guess {
        Guess { top, levels: Levels::Two, doubt: 0 }
    }

    /// What is remembered, unless the first values of a stream are too large for it, or far smaller.
    pub fn beginning_with(self, values: impl Iterator<Item = f64>) -> Guess {
        // written so that it is one instruction each
        let first = above(values.take(LANES).fold(0f64, |m, x| if x.abs() > m { x.abs() } else { m }));
        let fits = (first..first + REACH).contains(&self.top);
        Guess { top: if fits { self.top } else { (first + SLACK).min(TOP) }, ..self }
    }

    /// What is remembered, of values below 2^`top`.
    pub fn below(self, top: i32) -> Guess {
        Guess { top, ..self }
    }

    /// After a block below 2^`top`: larger values in the blocks to come have some room, and as much as the blocks
    /// before had, nearly.
    fn after(self, top: i32, levels: Levels) -> Guess {
        Guess { top: (top + SLACK).max(self.top - 1).min(TOP), levels, ..self }
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
    /// if not all are finite.
    pub(super) fn add_block<V: Stream>(
        &mut self,
        simd: Simd,
        i: usize,
        v: V,
        guess: &mut Guess,
    ) -> Option<Held> {
        if guess.doubt == 0 {
            // again for a guess that was too low, and for one that was too narrow
            for _ in 0..3 {
                let top = guess.top;
                if top > TOP {
                    break;
                }
                let wide = guess.levels == Levels::Three;
                let (found, held) = self.cut(simd, i, v, top, wide);
                if let Some((held, levels)) = held {
                    *guess = guess.after(found, levels);
                    return Some(held);
                }
                guess.top = found;
                if found <= top {
                    if wide {
                        break;
                    }
                    guess.levels = Levels::Three;
                }
            }
            guess.doubt = DOUBT;
        }
        self.add_doubtful(simd, i, v, guess)
    }

    /// Apart from the fast path, which would have to reserve its large stack.
    #[inline(never)]
    fn add_doubtful<V: Stream>(&mut self, simd: Simd, i: usize, v: V, guess: &mut Guess) -> Option<Held> {
        v.with_values(simd, |values| self.look_and_add::<V>(simd, i, values, guess))
    }

    /// Adds values below 2^`top` to sum `i` in two levels or three, if they hold them. In any case gives
    /// 2 to which the values are below.
    fn cut<V: Stream>(
        &mut self,
        simd: Simd,
        i: usize,
        v: V,
        top: i32,
        wide: bool,
    ) -> (i32, Option<(Held, Levels)>) {
        let units: Units<3> = units(top, self.lowest());
        let [high, low, lowest] = units;
        let Cut { sums, max, rest } =
            if wide { v.cut3(simd, units) } else { v.cut2(simd, [high, low]).padded() };
        let found = above(max);
        if found > top || rest != 0 {
            return (found, None);
        }
        sums.into_iter().zip(units).for_each(|(n, unit)| self.add_units(i, n, unit));
        let levels = if sums[2] == 0 { Levels::Two } else { Levels::Three };
        (found, Some((Held { max, unit: if wide { lowest } else { low } }, levels)))
    }

    /// As [`Sums::add_block`] of the values that a stream gives, looking at their exponents first.
    fn look_and_add<V: Stream>(
        &mut self,
        simd: Simd,
        i: usize,
        v: &[f64],
        guess: &mut Guess,
    ) -> Option<Held> {
        let range = match scan(simd, v) {
            Scan::Zeros => return Some(Held { max: 0.0, unit: 0 }),
            Scan::Finite(range) => range,
            Scan::NotFinite => {
                let mut finite = [0.0; BLOCK];
                for (f, &x) in finite.iter_mut().zip(v) {
                    if x.is_finite() { *f = x } else { self.add_special(i, x) }
                }
                self.look_and_add::<V>(simd, i, &finite[..v.len()], guess);
                return None;
            }
        };
        let unit = range.min - V::FRACTION;
        let levels = self.add_within(simd, i, v, range, unit);
        let doubt = if levels == Levels::Many { DOUBT } else { guess.doubt.saturating_sub(1) };
        *guess = Guess { top: (range.max + 1 + SLACK).min(TOP), levels, doubt };
        Some(Held { max: anchor(range.max - 52), unit })
    }

    /// Adds at most [`BLOCK`] finite values to sum `i`, in as many levels as it takes or in bins: the exponents of
    /// those that are not zero lie within `range`, and all are multiples of 2^`unit`.
    #[inline(never)]
    pub(super) fn add_within<V: Stream>(
        &mut self,
        simd: Simd,
        i: usize,
        v: V,
        range: Range,
        unit: i32,
    ) -> Levels {
        let top = range.max + 1;
        let [_, low, lowest]: Units<3> = units(top, self.lowest());
        let levels = match unit {
            _ if top > TOP => Levels::Many,
            _ if unit >= low => Levels::Two,
            _ if unit >= lowest => Levels::Three,
            _ => Levels::Many,
        };
        if levels == Levels::Many {
            v.with_values(simd, |values| self.add_binned(simd, i, values, range));
        } else {
            let (_, held) = self.cut(simd, i, v, top, levels == Levels::Three);
            debug_assert!(held.is_some());
        }
        levels
    }

    fn lowest(&self) -> i32 {
        self.term.low().max(-1074)
    }
}
