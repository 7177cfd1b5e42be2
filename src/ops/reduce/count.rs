//! `any`, `all`, `count_nonzero`: how many values are not zero, and how many there are.

use super::tile::Along;
use super::value::{Part, Value};
use crate::ops::simd::Simd;
use crate::per_simd;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Counts {
    pub nonzero: Vec<u64>,
    /// Values that were there; kept for `all` only.
    pub seen: Vec<u64>,
}

impl Counts {
    pub fn new(outputs: usize, with_seen: Seen) -> Counts {
        let seen = if with_seen == Seen::Kept { vec![0; outputs] } else { Vec::new() };
        Counts { nonzero: vec![0; outputs], seen }
    }

    pub fn update<T: Value>(&mut self, part: Part<'_, T>, simd: Simd) {
        let o = part.output;
        match part.along {
            Along::Reduced => {
                let (nonzero, there) = match part.mask {
                    None => (T::count_nonzero(simd, part.values), part.values.len() as u64),
                    Some(mask) => {
                        let pairs = part.values.iter().zip(mask);
                        let n = pairs.map(|(x, &m)| (m != 0 && !x.is_zero()) as u64).sum();
                        (n, count_true(simd, mask))
                    }
                };
                self.nonzero[o] += nonzero;
                if let Some(seen) = self.seen.get_mut(o) {
                    *seen += there;
                }
            }
            Along::Kept => {
                let n = part.values.len();
                let there = |k: usize| part.mask.is_none_or(|m| m[k] != 0);
                for (k, (c, x)) in self.nonzero[o..o + n].iter_mut().zip(part.values).enumerate() {
                    *c += (!x.is_zero() && there(k)) as u64;
                }
                if let Some(seen) = self.seen.get_mut(o..o + n) {
                    seen.iter_mut().enumerate().for_each(|(k, c)| *c += there(k) as u64);
                }
            }
        }
    }

    /// Takes one value.
    #[inline]
    pub fn one<T: Value>(&mut self, o: usize, x: T) {
        self.nonzero[o] += !x.is_zero() as u64;
        if let Some(seen) = self.seen.get_mut(o) {
            *seen += 1;
        }
    }

    pub fn merge_at(&mut self, offset: usize, other: &Counts) {
        let add = |to: &mut [u64], from: &[u64]| {
            to.iter_mut().zip(from).for_each(|(a, b)| *a = a.saturating_add(*b))
        };
        add(&mut self.nonzero[offset..], &other.nonzero);
        if !self.seen.is_empty() {
            add(&mut self.seen[offset..], &other.seen);
        }
    }
}

/// Whether [`Counts`] also counts the values that were there.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Seen {
    Kept,
    Not,
}

#[inline(always)]
fn count_true_body(mask: &[u8]) -> u64 {
    mask.chunks(255).map(|c| c.iter().map(|&m| (m != 0) as u8).sum::<u8>() as u64).sum()
}
per_simd!(
    /// How many of the bytes are not 0.
    pub(super) fn count_true(mask: &[u8]) -> u64 = count_true_body
);
