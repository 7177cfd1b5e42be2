//! Exact sums of integers and bools: Σx in 128 bits, Σx² in 192.

use super::tile::Along;
use super::value::{Part, Value};
use crate::ops::exact::Fixed;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Integers {
    #[serde(with = "halves")]
    sums: Vec<i128>,
    /// Σx², low 128 bits and what is above; empty where squares are not wanted.
    #[serde(with = "halves")]
    squares: Vec<i128>,
    above: Vec<u64>,
    /// Values that were there; empty where not wanted.
    pub counts: Vec<u64>,
}

/// 128-bit integers travel as two halves, which every format can carry.
mod halves {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(v: &[i128], s: S) -> Result<S::Ok, S::Error> {
        v.iter().map(|&x| [x as u64, (x >> 64) as u64]).collect::<Vec<_>>().serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<i128>, D::Error> {
        let v = Vec::<[u64; 2]>::deserialize(d)?;
        Ok(v.into_iter().map(|[lo, hi]| ((hi as u128) << 64 | lo as u128) as i128).collect())
    }
}

impl Integers {
    pub fn new(outputs: usize, counts: usize, squares: usize) -> Integers {
        Integers {
            sums: vec![0; outputs],
            squares: vec![0; squares],
            above: vec![0; squares],
            counts: vec![0; counts],
        }
    }

    pub fn is_consistent(&self, outputs: usize, counts: usize, squares: usize) -> bool {
        [self.sums.len(), self.counts.len(), self.squares.len(), self.above.len()]
            == [outputs, counts, squares, squares]
    }

    pub fn update<T: Value>(&mut self, part: Part<'_, T>) {
        let o = part.output;
        match (part.along, part.mask) {
            (Along::Reduced, None) => {
                // Blocks whose sum fits 64 bits for values of up to 32 bits.
                for block in part.values.chunks(1 << 16) {
                    self.sums[o] += if size_of::<T>() < 8 {
                        block.iter().map(|x| x.to_i64()).sum::<i64>() as i128
                    } else {
                        block.iter().map(|x| x.to_i128()).sum::<i128>()
                    };
                    if !self.squares.is_empty() {
                        if size_of::<T>() < 4 {
                            let q = block.iter().map(|x| (x.to_i64() * x.to_i64()) as u64).sum::<u64>();
                            self.add_square(o, q as u128);
                        } else {
                            block.iter().for_each(|x| self.add_square(o, square(x)));
                        }
                    }
                }
                if let Some(c) = self.counts.get_mut(o) {
                    *c += part.values.len() as u64;
                }
            }
            (along, mask) => {
                for (k, x) in part.values.iter().enumerate() {
                    if mask.is_some_and(|m| m[k] == 0) {
                        continue;
                    }
                    let o = if along == Along::Kept { o + k } else { o };
                    self.one(o, *x);
                }
            }
        }
    }

    /// Takes one value.
    #[inline]
    pub fn one<T: Value>(&mut self, o: usize, x: T) {
        self.sums[o] += x.to_i128();
        if !self.squares.is_empty() {
            self.add_square(o, square(&x));
        }
        if let Some(c) = self.counts.get_mut(o) {
            *c += 1;
        }
    }

    #[inline]
    fn add_square(&mut self, o: usize, q: u128) {
        let (sum, carry) = (self.squares[o] as u128).overflowing_add(q);
        self.squares[o] = sum as i128;
        self.above[o] += carry as u64;
    }

    pub fn merge_at(&mut self, offset: usize, other: &Integers) {
        for (k, s) in other.sums.iter().enumerate() {
            self.sums[offset + k] += s;
        }
        for (k, (&q, above)) in other.squares.iter().zip(&other.above).enumerate() {
            self.add_square(offset + k, q as u128);
            self.above[offset + k] += above;
        }
        for (k, c) in other.counts.iter().enumerate() {
            self.counts[offset + k] += c;
        }
    }

    /// Whether Σx² is kept.
    pub fn has_squares(&self) -> bool {
        !self.squares.is_empty()
    }

    /// Adds Σ limbs[k] · 2^(32 k), for Σx of at most three limbs, and for Σx² of at most five, none
    /// of them negative.
    pub fn add_limbs_at(&mut self, o: usize, sum: &[i64], squares: &[i64], count: u64) {
        self.sums[o] += sum.iter().enumerate().map(|(k, &l)| (l as i128) << (32 * k)).sum::<i128>();
        for (k, &l) in squares.iter().enumerate() {
            for (k, digit) in [(k, l as u32), (k + 1, (l as u64 >> 32) as u32)] {
                match k {
                    0..4 => self.add_square(o, (digit as u128) << (32 * k)),
                    _ => self.above[o] += (digit as u64) << (32 * (k - 4)),
                }
            }
        }
        if let Some(c) = self.counts.get_mut(o) {
            *c += count;
        }
    }

    pub fn sum(&self, o: usize) -> i128 {
        self.sums[o]
    }

    /// Σx², where it is kept.
    pub fn squares(&self, o: usize) -> Option<Fixed> {
        let (q, a) = (*self.squares.get(o)? as u128, *self.above.get(o)?);
        let digits =
            [q as u32, (q >> 32) as u32, (q >> 64) as u32, (q >> 96) as u32, a as u32, (a >> 32) as u32];
        Some(Fixed::from_digits(false, &digits))
    }
}

fn square<T: Value>(x: &T) -> u128 {
    let m = x.to_i128().unsigned_abs();
    m * m
}
