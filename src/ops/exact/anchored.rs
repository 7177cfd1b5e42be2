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

use super::guess::{Guess, Levels, SLACK, TOP};
use super::lanes::{BLOCK, Cut, Stream, Units, above, anchor, units};
use super::scan::{Range, Scan, scan};
use super::sums::Sums;
use crate::ops::simd::Simd;

/// Blocks that are looked at first, after a guess that went wrong.
const DOUBT: u8 = 4;

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
