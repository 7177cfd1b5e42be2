//! `min`, `max`, `argmin`, `argmax` and their `nan*` forms.
//!
//! Values become integer keys in the order of the row, so that the extreme is always the smallest
//! key: float bits in their total order (−0 below +0), all bits flipped for a maximum, NaN below
//! everything. The `arg` rows treat −0 as +0 and break ties by the smallest position. A key that is
//! the type's maximum stands for "no value"; for floats no number has it, and integers have a flag
//! of their own.

use super::keys::{KeyRule, THERE, VALID};
use super::tile::Along;
use super::value::{Part, Value};
use crate::ops::simd::Simd;
use serde::{Deserialize, Serialize};

/// Values whose keys are looked at together.
const BLOCK: usize = 1024;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Extremes {
    best: Vec<i64>,
    /// First position of the best key; empty where not wanted.
    positions: Vec<u64>,
    /// [`THERE`] once any value was there, [`VALID`] once one counted.
    seen: Vec<u8>,
}

/// What was found for one output.
pub(super) enum Found {
    /// There were no values.
    Empty,
    /// There were only values that the row passes over.
    OnlyNan,
    /// The key and its first position (0 where not kept).
    Best(i64, u64),
}

impl Extremes {
    pub fn new(outputs: usize, positions: usize) -> Extremes {
        Extremes {
            best: vec![i64::MAX; outputs],
            positions: vec![u64::MAX; positions],
            seen: vec![0; outputs],
        }
    }

    pub fn is_consistent(&self, outputs: usize, positions: usize) -> bool {
        [self.best.len(), self.positions.len(), self.seen.len()] == [outputs, positions, outputs]
    }

    pub fn update<T: Value>(&mut self, part: Part<'_, T>, rule: KeyRule, simd: Simd) {
        match part.along {
            Along::Reduced => {
                for (b, block) in part.values.chunks(BLOCK).enumerate() {
                    let at = b * BLOCK;
                    let position = part.position + at as u64;
                    match part.mask {
                        None => self.run(part.output, block, position, rule, simd),
                        Some(mask) => {
                            for (k, (&x, &m)) in block.iter().zip(&mask[at..]).enumerate() {
                                if m != 0 {
                                    self.one(part.output, x, position + k as u64, rule);
                                }
                            }
                        }
                    }
                }
            }
            Along::Kept if part.mask.is_none() && self.positions.is_empty() => {
                let outputs = part.output..part.output + part.values.len();
                let (best, seen) = (&mut self.best[outputs.clone()], &mut self.seen[outputs]);
                T::keep_smallest(simd, part.values, rule, best, seen);
            }
            Along::Kept => {
                for (k, &x) in part.values.iter().enumerate() {
                    if part.mask.is_none_or(|m| m[k] != 0) {
                        self.one(part.output + k, x, part.position, rule);
                    }
                }
            }
        }
    }

    fn run<T: Value>(&mut self, output: usize, v: &[T], position: u64, rule: KeyRule, simd: Simd) {
        let key = T::smallest_key(simd, v, rule);
        if T::IS_FLOAT && key == i64::MAX {
            self.seen[output] |= THERE;
            return;
        }
        let better = key < self.best[output] || self.seen[output] & VALID == 0;
        let ties = key == self.best[output] && self.positions.get(output).is_some_and(|&p| position < p);
        self.seen[output] |= THERE | VALID;
        if better || ties {
            self.best[output] = key;
            if let Some(p) = self.positions.get_mut(output) {
                let first = v.iter().position(|x| x.key(rule) == key).unwrap_or(0) as u64;
                *p = position + first;
            }
        }
    }

    /// Takes one value.
    #[inline]
    pub fn one<T: Value>(&mut self, output: usize, x: T, position: u64, rule: KeyRule) {
        let key = x.key(rule);
        if T::IS_FLOAT && key == i64::MAX {
            self.seen[output] |= THERE;
        } else {
            self.offer(output, key, position, THERE | VALID);
        }
    }

    #[inline]
    pub fn offer(&mut self, output: usize, key: i64, position: u64, seen: u8) {
        self.seen[output] |= seen;
        if seen & VALID == 0 || key > self.best[output] {
            return;
        }
        let less = key < self.best[output];
        self.best[output] = key;
        if let Some(p) = self.positions.get_mut(output)
            && (less || position < *p)
        {
            *p = position;
        }
    }

    pub fn merge_at(&mut self, offset: usize, other: &Extremes) {
        for (k, (&key, &seen)) in other.best.iter().zip(&other.seen).enumerate() {
            let position = other.positions.get(k).copied().unwrap_or(0);
            self.offer(offset + k, key, position, seen);
        }
    }

    /// The smallest key so far; the last of all if no value counted.
    pub fn key(&self, o: usize) -> i64 {
        if self.seen[o] & VALID == 0 { i64::MAX } else { self.best[o] }
    }

    pub fn get(&self, o: usize) -> Found {
        match self.seen[o] {
            0 => Found::Empty,
            THERE => Found::OnlyNan,
            _ => Found::Best(self.best[o], self.positions.get(o).copied().unwrap_or(0)),
        }
    }
}
