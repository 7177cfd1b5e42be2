//! What is kept of a source from one reading of it to the next, and when it is wanted.

use super::blocks::last_use_of_chunk;
use crate::grid::{Chunks, Grid};
use crate::view::View;

/// Bytes that a kept chunk takes beside its elements, at most: its place in a table, and allocations.
const OVERHEAD: u64 = 320;

/// Bytes that a kept chunk of `len` bytes takes.
pub fn kept_chunk_bytes(len: u64) -> u64 {
    len.saturating_add(64 + OVERHEAD)
}

/// What is kept of a source from one reading of it to the next.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The source, by its position in the plan.
    pub source: usize,
    /// The most bytes kept.
    pub bytes: u64,
    /// How many chunks these are.
    pub chunks: u64,
    /// Chunks that would be kept if there were room, at most.
    pub wanted: u64,
    /// Bytes of a decoded chunk.
    pub chunk_bytes: u64,
    /// Chunks decoded in the whole run, as predicted.
    pub decodes: u64,
    /// As [`Kept::decodes`], if nothing were kept.
    pub without: u64,
    /// Whether exactly so many are decoded; otherwise at most so many.
    pub exact: bool,
    /// The walks that read the source, in order.
    pub visits: Vec<Visit>,
}

/// Passes of a stage over windows of one kind, that read a source.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The stage.
    pub stage: usize,
    /// The first of the passes, by its position in the stage.
    pub pass: u64,
    /// How many there are.
    pub passes: u64,
    pub(super) looks: Vec<Look>,
    /// Whether a pass itself comes back to chunks, as products do.
    pub(super) circles: bool,
}

/// A pass that reads a source: the visit by its position, and which of its passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The visit.
    pub visit: usize,
    /// The pass, counted within the visit.
    pub pass: u64,
}

/// What an input sees of a source.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) view: View,
    /// The axes of the view, cut into the windows of the passes.
    pub(super) windows: Grid,
    /// Whether every pass may see all of it, because pieces do not follow the windows.
    pub(super) whole: bool,
}

impl Visit {
    /// The last of the passes in which the chunk is read.
    pub(super) fn last(&self, chunk: &[u64], chunks: &Chunks) -> Option<u64> {
        let last = |l: &Look| {
            let window = last_use_of_chunk(&l.windows, &l.view, chunk, chunks)?;
            Some(if l.whole { self.passes - 1 } else { window })
        };
        self.looks.iter().filter_map(last).max()
    }
}

impl Kept {
    /// Which visit a pass of a stage is, if it reads the source.
    pub fn moment(&self, stage: usize, pass: u64) -> Option<Moment> {
        let visit = self.visits.partition_point(|v| (v.stage, v.pass) <= (stage, pass)).checked_sub(1)?;
        let v = &self.visits[visit];
        (v.stage == stage && pass - v.pass < v.passes).then(|| Moment { visit, pass: pass - v.pass })
    }

    /// Whether somebody may want chunks in or after a pass.
    pub fn comes_back(&self, now: Moment) -> bool {
        let visit = &self.visits[now.visit];
        now.visit + 1 < self.visits.len() || now.pass + 1 < visit.passes || visit.circles
    }

    /// The last pass in which a chunk of the grid `chunks` is wanted, from the visit of `now` on. A pass
    /// that is no later than `now` wants it once more only if that [`Kept::circles`].
    pub fn last_wanted(&self, now: Moment, chunk: &[u64], chunks: &Chunks) -> Option<Moment> {
        (now.visit..self.visits.len())
            .rev()
            .find_map(|visit| Some(Moment { visit, pass: self.visits[visit].last(chunk, chunks)? }))
    }

    /// Whether a pass itself comes back to chunks.
    pub fn circles(&self, now: Moment) -> bool {
        self.visits[now.visit].circles
    }

    /// Whether chunks are held while a stage runs.
    pub fn lasts_over(&self, stage: usize) -> bool {
        let (first, last) = (self.visits.first(), self.visits.last());
        first.is_some_and(|v| v.stage <= stage) && last.is_some_and(|v| v.stage >= stage)
    }

    /// Whether a stage finds chunks that were kept.
    pub fn serves(&self, stage: usize) -> bool {
        let first = self.visits.partition_point(|v| v.stage < stage);
        let of = self.visits[first..].iter().take_while(|v| v.stage == stage).enumerate();
        of.into_iter().any(|(n, v)| first + n > 0 || v.circles || v.passes > 1)
    }
}
