//! Slots of float32 values among uniform edges, guessed in float32 arithmetic.
//!
//! Two guesses, one a little low and one a little high, have the slot between them; where they agree,
//! which is nearly always, it is known. Rows are taken 64 at a time, and 64 with any doubt are left to
//! the exact way. Both guesses are non-decreasing functions of the value, so that they enclose the slot
//! of every float32 if they do at the ends of every bin, which is checked when a `Near` is made.

use super::groups::{GROUP, groups};
use crate::per_simd;

/// 2^23: adding it to a float32 in 0 .. 2^22 rounds that to a whole number in the low bits.
const ROUNDER: f32 = 8388608.0;
/// Groups of a block that may be in doubt before all of it is left to the exact way.
pub(super) const DOUBTS: usize = 2;
/// How wide the doubt may be, in bins: then about one group in ten is in doubt.
const MOST_DOUBT: f64 = 1.0 / 1024.0;

#[derive(Clone, Copy, Debug)]
pub(super) struct Near {
    lo: f32,
    scale: f32,
    most: f32,
    below: f32,
    above: f32,
}

impl Near {
    /// For these edges, of which all cuts but the last are the edges themselves; `None` where float32
    /// is too coarse.
    pub(super) fn new(edges: &[f64]) -> Option<Near> {
        let n = edges.len() - 1;
        let (lo, hi) = (*edges.first()?, *edges.last()?);
        let doubt = n as f64 * (4.0 + lo.abs() / (hi - lo)) / (1 << 23) as f64;
        if !(n > 0 && doubt <= MOST_DOUBT) {
            return None;
        }
        let near = Near {
            lo: lo as f32,
            scale: (n as f64 / (hi - lo)) as f32,
            most: n as f32 + 0.5,
            below: 0.5 - doubt as f32,
            above: 0.5 + doubt as f32,
        };
        near.is_right_for(edges).then_some(near)
    }

    /// The two guesses, as bits.
    #[inline(always)]
    fn guesses(&self, x: f32) -> [u32; 2] {
        let t = (x - self.lo) * self.scale;
        let t = if t > -0.5 { t } else { -0.5 };
        let t = if t < self.most { t } else { self.most };
        [t + self.below, t + self.above].map(|t| (t + ROUNDER).to_bits())
    }

    fn is_right_for(&self, edges: &[f64]) -> bool {
        let guesses = |x: f32| self.guesses(x).map(|bits| bits.wrapping_sub(ROUNDER.to_bits()) as usize);
        let sane = self.lo.is_finite() && self.scale.is_normal() && self.scale > 0.0;
        let n = edges.len() - 1;
        // the first float32 that is not below an edge, and the last one below it
        let first = |e: f64| if (e as f32 as f64) < e { (e as f32).next_up() } else { e as f32 };
        let last = |e: f64| first(e).next_down();
        let over =
            if (edges[n] as f32 as f64) > edges[n] { edges[n] as f32 } else { (edges[n] as f32).next_up() };
        sane && (0..=n).all(|slot| {
            let end = if slot == n { over.next_down() } else { last(edges[slot]) };
            guesses(end)[0] <= slot && (slot == 0 || guesses(first(edges[slot - 1]))[1] >= slot)
        }) && guesses(over)[1] > n
            && guesses(f32::INFINITY)[0] <= n + 1
    }
}

/// The slots of a group, or `false` if there is doubt about any; NaN is always in doubt.
#[inline(always)]
fn group_body(near: &Near, values: &[[u8; 4]; GROUP], slots: &mut [u32; GROUP]) -> bool {
    let near = *near;
    let mut doubt = 0;
    for (slot, &x) in slots.iter_mut().zip(values) {
        let x = f32::from_ne_bytes(x);
        let [low, high] = near.guesses(x);
        doubt |= (low ^ high) | x.is_nan() as u32;
        *slot = low.wrapping_sub(ROUNDER.to_bits());
    }
    doubt == 0
}

/// How many rows from the start on, a whole number of groups, now have their slots: all before the
/// first group with doubt.
#[inline(always)]
fn run_body(near: &Near, values: &[[u8; 4]], slots: &mut [u32]) -> usize {
    groups(values, slots, |values, slots| group_body(near, values, slots))
}
per_simd!(pub(super) fn run(near: &Near, values: &[[u8; 4]], slots: &mut [u32]) -> usize = run_body);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::histogram::Edges;
    use crate::ops::simd::Simd;

    fn slot(edges: &[f64], x: f32) -> usize {
        let (x, n) = (x as f64, edges.len() - 1);
        if x > edges[n] { n + 1 } else { edges.partition_point(|&e| e <= x).min(n) }
    }

    #[test]
    fn the_slot_of_every_float32_lies_between_the_guesses() {
        for (lo, hi, bins) in [
            (0.0, 1.0, 100),
            (-4.0, 0.0, 64),
            (-3.3, 12.7, 1),
            (100.0, 101.0, 9),
            (0.1, 1e30, 7),
            (0.0, 64.0, 64),
        ] {
            let edges = Edges::uniform(lo, hi, bins).unwrap();
            let near = Near::new(edges.values()).unwrap();
            let check = |x: f32| {
                let [low, high] = near.guesses(x).map(|bits| bits.wrapping_sub(ROUNDER.to_bits()) as usize);
                let slot = slot(edges.values(), x);
                assert!(low <= slot && slot <= high, "{x:e}: {low} {slot} {high}");
            };
            (0..u32::MAX).step_by(1499).map(f32::from_bits).filter(|x| !x.is_nan()).for_each(check);
            for &edge in edges.values() {
                let bits = (edge as f32).to_bits();
                (0..2000u32)
                    .map(|k| f32::from_bits(bits.wrapping_add(k).wrapping_sub(1000)))
                    .filter(|x| !x.is_nan())
                    .for_each(check);
            }
        }
    }

    #[test]
    fn groups_without_doubt_are_decided_and_those_with_are_not() {
        let edges = Edges::uniform(-1.0, 1.0, 100).unwrap();
        let near = Near::new(edges.values()).unwrap();
        for simd in Simd::available() {
            let mut x: Vec<f32> = (0..640).map(|i| (i % 110) as f32 * 0.02 - 1.09).collect();
            let mut slots = vec![0; 640];
            let bytes = |x: &[f32]| x.iter().map(|x| x.to_ne_bytes()).collect::<Vec<_>>();
            assert_eq!(run(simd, &near, &bytes(&x), &mut slots), 640);
            for (&x, &s) in x.iter().zip(&slots) {
                assert_eq!(s as usize, slot(edges.values(), x), "{x}");
            }
            for doubtful in [f32::NAN, 1.0, -1.0, 0.0, 0.5] {
                x[200] = doubtful;
                assert_eq!(run(simd, &near, &bytes(&x), &mut slots), 192);
            }
        }
    }

    #[test]
    fn float32_too_coarse_for_the_bins_is_refused() {
        for (lo, hi, bins) in [(0.0, 1.0, 5000), (1e6, 1e6 + 1.0, 100), (-1e300, 1e300, 7), (0.0, 1e-44, 2)] {
            assert!(Near::new(Edges::uniform(lo, hi, bins).unwrap().values()).is_none(), "{lo} {hi} {bins}");
        }
    }
}
