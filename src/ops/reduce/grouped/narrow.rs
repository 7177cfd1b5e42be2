//! Groups in narrow accumulators, group by group: what neighbouring elements of one group go to lies side by side.
//!
//! So elements of one label along a kept axis are a row, and are added as the rows of other reductions are.

use super::super::moments::{Moments, Real, Stored};
use super::super::state::{Accumulators, State};
use super::{GroupedState, GroupedTile, NOWHERE, ReduceSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::exact::Addend;
use crate::ops::histogram::BLOCK;
use crate::ops::simd::Simd;

/// Shorter rows are added one by one.
const SHORT: usize = 16;

/// Where groups lie: of outputs by position and then group, by group and then position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByGroup {
    groups: usize,
    positions: usize,
}

impl ByGroup {
    /// Where an output lies.
    pub fn place(self, output: usize) -> usize {
        output % self.groups * self.positions + output / self.groups
    }
}

impl GroupedState {
    /// No elements so far, in few bytes ([`ReduceSpec::narrow_bytes`] of all outputs), of so many groups at each of so many
    /// positions on the kept axes; nothing where there is no such form. Elements go by [`GroupedState::index`].
    pub fn narrow(spec: &ReduceSpec, groups: usize, positions: usize) -> Option<GroupedState> {
        let outputs = groups.checked_mul(positions).filter(|&n| n > 0)?;
        let state = State::narrow(spec, outputs)?;
        let by_group = Some(ByGroup { groups, positions });
        Some(GroupedState { state, cells: None, left_out: 0, by_group })
    }

    /// Whether it is narrow and will not do: what it holds is worth nothing.
    pub fn exceeded(&self) -> bool {
        self.state.exceeded()
    }

    /// The index of a group, given as its number plus one, at a position on the kept axes.
    #[inline]
    pub fn index(&self, groups: u32, position: u32, group: u32) -> u32 {
        match self.by_group {
            None => position * groups + group,
            Some(by) => (group - 1) * by.positions as u32 + position + 1,
        }
    }

    /// Merges another one where at least one is by group.
    pub(super) fn merge_by_group(&mut self, other: &GroupedState) {
        if self.by_group == other.by_group {
            return self.state.merge(&other.state);
        }
        let from = other.gathered();
        let outputs = self.state.outputs();
        let (Accumulators::Moments(to), Accumulators::Moments(moments)) =
            (&mut self.state.accumulators, &from.accumulators)
        else {
            return;
        };
        let place = |by: Option<ByGroup>, o: usize| by.map_or(o, |by| by.place(o));
        for o in 0..outputs {
            to.merge_one(place(self.by_group, o), moments, place(other.by_group, o));
        }
    }

    /// The accumulators as others have them: wide, by position.
    pub(super) fn widened(&self) -> Result<State> {
        if self.exceeded() {
            return Err(Error::new(ErrorKind::Internal, "narrow accumulators that will not do were written"));
        }
        let mut wide = GroupedState::new(self.spec(), self.groups())?;
        wide.merge_by_group(self);
        Ok(wide.state)
    }

    /// As [`GroupedState::update`], of floats into narrow accumulators.
    pub(super) fn update_narrow<T: Stored>(&mut self, tile: GroupedTile, simd: Simd)
    where
        T::Wide: Addend,
    {
        let skips_nan = self.state.spec().row().skips_nan;
        let Accumulators::Moments(m) = &mut self.state.accumulators else { return };
        let values: &[T] = bytemuck::cast_slice(tile.values);
        let weights: Option<&[T]> = tile.weights.map(bytemuck::cast_slice);
        let mut at = 0;
        while at < values.len() {
            let end = values.len().min(at + BLOCK);
            let index = &tile.index[at..end];
            let Some(skip) = index.iter().position(|&i| i != NOWHERE) else {
                at = end;
                continue;
            };
            at += skip;
            let row = row_of(&tile.index[at..end]);
            let rows = at..at + row;
            let part = Part {
                first: tile.index[at] as usize - 1,
                values: &values[rows.clone()],
                weights: weights.map(|w| &w[rows.clone()]),
                index: &tile.index[rows.clone()],
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

    fn each(&self, m: &mut Moments)
    where
        T::Wide: Addend,
    {
        for k in (0..self.values.len()).filter(|&k| self.is_there(k)) {
            m.one(self.first + k, self.values[k].widen(), self.weights.map(|w| w[k].widen()));
        }
    }
}
