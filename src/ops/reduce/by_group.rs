//! Groups in narrow accumulators, group by group: what neighbouring elements of one group go to lies side by side.
//!
//! So elements of one label along a kept axis are a row, and are added as the rows of other reductions are.

use super::moments::{Moments, Real, Stored};
use crate::ops::histogram::BLOCK;
use crate::ops::simd::Simd;

/// The index of elements that go nowhere; output `o` has the index `o + 1`.
pub const NOWHERE: u32 = 0;

/// Shorter rows are added one by one.
const SHORT: usize = 16;

/// Where groups lie: of outputs by position and then group, by group and then position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByGroup {
    pub groups: usize,
    pub positions: usize,
}

impl ByGroup {
    /// Where an output lies.
    pub fn place(self, output: usize) -> usize {
        output % self.groups * self.positions + output / self.groups
    }

    /// The index of a group, given as its number plus one, at a position on the kept axes.
    #[inline]
    pub fn index(self, position: u32, group: u32) -> u32 {
        (group - 1) * self.positions as u32 + position + 1
    }
}

/// Adds values, weighted if there are weights, to the outputs that their indices name.
pub(super) fn add<T: Stored>(
    m: &mut Moments,
    values: &[T],
    weights: Option<&[T]>,
    index: &[u32],
    skips_nan: bool,
    simd: Simd,
) {
    let mut at = 0;
    while at < values.len() {
        let end = values.len().min(at + BLOCK);
        let Some(skip) = index[at..end].iter().position(|&i| i != NOWHERE) else {
            at = end;
            continue;
        };
        at += skip;
        let row = row_of(&index[at..end]);
        let rows = at..at + row;
        let part = Part {
            first: index[at] as usize - 1,
            values: &values[rows.clone()],
            weights: weights.map(|w| &w[rows.clone()]),
            index: &index[rows.clone()],
            skips_nan,
        };
        if row < SHORT {
            part.each(m)
        } else {
            part.row(m, simd)
        }
        at = rows.end;
    }
}

/// How many elements go to outputs that follow each other, those that go nowhere among them.
fn row_of(index: &[u32]) -> usize {
    let follows = |(k, &i): (usize, &u32)| i == NOWHERE || i == index[0].wrapping_add(k as u32);
    let n = index.iter().enumerate().take_while(|&e| follows(e)).count();
    // The last one goes somewhere, for there may be no output behind it.
    index[..n].iter().rposition(|&i| i != NOWHERE).map_or(0, |k| k + 1)
}

/// Elements whose outputs follow each other from `first` on.
struct Part<'a, T> {
    first: usize,
    values: &'a [T],
    weights: Option<&'a [T]>,
    index: &'a [u32],
    skips_nan: bool,
}

impl<T: Stored> Part<'_, T> {
    fn is_there(&self, k: usize) -> bool {
        self.index[k] != NOWHERE && !(self.skips_nan && self.values[k].is_nan())
    }

    fn row(&self, m: &mut Moments, simd: Simd) {
        let n = self.values.len();
        let zero = <T::Wide as Real>::ZERO;
        let (mut v, mut w, mut keep) = ([zero; BLOCK], [zero; BLOCK], [0u8; BLOCK]);
        for k in 0..n {
            let there = self.is_there(k);
            keep[k] = there as u8;
            v[k] = if there { self.values[k].widen() } else { zero };
        }
        let weights = self.weights.map(|weights| {
            for k in 0..n {
                w[k] = if keep[k] != 0 { weights[k].widen() } else { zero };
            }
            &w[..n]
        });
        m.row(self.first, &v[..n], weights, &keep[..n], simd);
    }

    fn each(&self, m: &mut Moments) {
        for k in (0..self.values.len()).filter(|&k| self.is_there(k)) {
            m.one(self.first + k, self.values[k].widen(), self.weights.map(|w| w[k].widen()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_with_an_element_that_goes_somewhere() {
        assert_eq!(row_of(&[4, 5, 0, 7, 0, 0]), 4);
        assert_eq!(row_of(&[4, 4, 5]), 1);
        assert_eq!(row_of(&[4, 0, 0, 9]), 1);
        let by = ByGroup { groups: 3, positions: 5 };
        for (position, group) in [(0u32, 1u32), (4, 3), (2, 2)] {
            let output = position * 3 + group - 1;
            assert_eq!(by.place(output as usize) as u32 + 1, by.index(position, group));
        }
    }
}
