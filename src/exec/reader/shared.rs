//! One staging, many views: inputs that see the same halo or chunked source a little apart, as the terms of a
//! stencil do, are staged once, as the box around them, and each is placed within it.
//!
//! Limits: views that walk the same axes in steps of one, where the box is no more than the views by themselves.
//! What lies in memory is used where it lies.

use super::{Reader, Sharing, Staged};
use crate::dtype::DType;
use crate::error::Result;
use crate::feeds::Reach;
use crate::grid::{Chunks, Dims, Grid, Slab, c_strides};
use crate::ops::kernel::Packing;
use crate::plan::{Fed, Input, Plan, uses_of_chunk, uses_of_chunk_around};
use crate::view::{Placement, View};

/// What inputs of a stage have in common: which of them are staged together, and which sources feeds read.
#[derive(Default)]
pub(super) struct Groups {
    /// By input, the group; empty if there are none.
    of: Vec<Option<usize>>,
    list: Vec<Group>,
    /// Sources that feeds read, whose chunks are therefore wanted nobody knows how often.
    through_feeds: Vec<usize>,
}

struct Group {
    members: Vec<usize>,
    /// The least and the greatest start of its views, per axis of the feed.
    low: Dims,
    high: Dims,
}

impl Groups {
    pub(super) fn new(plan: &Plan, grid: &Grid, inputs: &[Input]) -> Groups {
        let opened = plan.opened();
        let in_chunks = |s: usize| opened[s].chunks().is_some() && opened[s].bytes().is_none();
        // Other feeds make pieces of a size that was agreed on.
        let halo = |fed: &Fed| (0..fed.of.len()).any(|child| matches!(fed.reach(child), Reach::Halo { .. }));
        let staged = |i: &Input| i.fed().is_some_and(halo) || i.source().is_some_and(in_chunks);
        let staged: Vec<usize> = (0..inputs.len()).filter(|&i| staged(&inputs[i])).collect();
        let mut through_feeds = Vec::new();
        inputs.iter().for_each(|input| read_by(input, &mut through_feeds));
        if staged.len() < 2 || grid.blocks() == 0 {
            return Groups { through_feeds, ..Groups::default() };
        }
        let block = grid.largest();
        let mut list: Vec<Group> = Vec::new();
        for i in staged.into_iter().filter(|&i| in_steps_of_one(&inputs[i].view)) {
            let taken = list.iter_mut().any(|group| group.takes(i, inputs, &block));
            if !taken {
                let base = inputs[i].view.base.clone();
                list.push(Group { members: vec![i], low: base.clone(), high: base });
            }
        }
        list.retain(|group| group.members.len() > 1);
        let mut of = vec![None; if list.is_empty() { 0 } else { inputs.len() }];
        list.iter().enumerate().for_each(|(g, group)| group.members.iter().for_each(|&i| of[i] = Some(g)));
        Groups { of, list, through_feeds }
    }

    /// How often the blocks of a walk ask the cache for a chunk of source `s`, if that is known.
    pub(super) fn uses(&self, sharing: Sharing, s: usize, chunk: &[u64], chunks: &Chunks) -> Option<u64> {
        let (grid, window, inputs) = sharing?;
        if self.through_feeds.contains(&s) {
            return None;
        }
        let (mut views, mut uses) = (0, 0);
        for (i, input) in inputs.iter().enumerate().filter(|(_, input)| input.source() == Some(s)) {
            views += 1;
            uses += match self.of.get(i).copied().flatten().map(|g| &self.list[g]) {
                None => uses_of_chunk(grid, window, &input.view, chunk, chunks),
                Some(group) if group.members[0] == i => {
                    let view = View { axes: input.view.axes.clone(), base: group.low.clone() };
                    let spread: Dims = group.low.iter().zip(&group.high).map(|(&a, &b)| b - a).collect();
                    uses_of_chunk_around(grid, window, &view, &spread, chunk, chunks)
                }
                Some(_) => 0,
            };
        }
        (views > 0).then_some(uses)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// The sources that the feed of an input reads.
fn read_by(input: &Input, out: &mut Vec<usize>) {
    for inner in input.children().iter().flat_map(|k| &k.inputs) {
        match inner.source() {
            Some(s) if !out.contains(&s) => out.push(s),
            Some(_) => {}
            None => read_by(inner, out),
        }
    }
}

fn in_steps_of_one(view: &View) -> bool {
    view.axes.iter().filter_map(|a| a.from).all(|(_, step)| step.abs() == 1)
}

impl Group {
    /// Takes an input that sees the same feed alike, if the box does not grow too large.
    fn takes(&mut self, i: usize, inputs: &[Input], block: &[u64]) -> bool {
        let (first, input) = (&inputs[self.members[0]], &inputs[i]);
        let alike = first.view.axes.iter().zip(&input.view.axes).all(|(a, b)| a.from == b.from);
        if !alike || first.from != input.from {
            return false;
        }
        let (mut low, mut high) = (self.low.clone(), self.high.clone());
        for (s, &base) in input.view.base.iter().enumerate() {
            (low[s], high[s]) = (low[s].min(base), high[s].max(base));
        }
        let walked = |s: usize| input.view.walker(s).map_or(1, |(d, _)| block[d]);
        let alone = (0..low.len()).fold(1u64, |n, s| n.saturating_mul(walked(s)));
        let around = (0..low.len()).fold(1u64, |n, s| n.saturating_mul(walked(s) + high[s] - low[s]));
        if around > alone.saturating_mul(self.members.len() as u64 + 1) {
            return false;
        }
        (self.low, self.high) = (low, high);
        self.members.push(i);
        true
    }

    /// The box around what all views see of a block, and where this one's elements lie in it.
    fn around(&self, view: &View, block: &Slab) -> (Slab, Placement) {
        let (mut slab, _) = view.slab(block);
        let shift: Dims = view.base.iter().zip(&self.low).map(|(&b, &l)| b - l).collect();
        for s in 0..shift.len() {
            slab.start[s] -= shift[s];
            slab.count[s] += self.high[s] - self.low[s];
        }
        let strides = c_strides(&slab.count);
        let mut placement = Placement {
            offset: shift.iter().zip(&strides).map(|(&n, &stride)| n as i64 * stride).sum(),
            strides: Default::default(),
        };
        for (d, axis) in view.axes.iter().enumerate() {
            let (s, step) = axis.from.unwrap_or((0, 0));
            placement.strides.push(if step == 0 { 0 } else { step * strides[s] });
            if step < 0 {
                placement.offset += strides[s] * (block.count[d] as i64 - 1);
            }
        }
        (slab, placement)
    }
}

impl<'a> Reader<'a> {
    /// The elements of an input that may be one of a group, of which those before are `staged`.
    pub(super) fn stage_grouped(
        &mut self,
        i: usize,
        inputs: &[Input],
        block: &Slab,
        dtype: DType,
    ) -> Result<Option<Staged<'a>>> {
        let Some(group) = self.groups.of.get(i).copied().flatten().map(|g| &self.groups.list[g]) else {
            return Ok(None);
        };
        let (slab, placement) = group.around(&inputs[i].view, block);
        let first = group.members[0];
        if first != i {
            return Ok(Some(Staged::Within(first, placement)));
        }
        let mut buffer = self.take(slab.len() as usize * dtype.size());
        match self.read(&inputs[i].from, &slab, dtype, &mut buffer) {
            Ok(()) => Ok(Some(Staged::Copied(buffer, placement, Packing::PLAIN))),
            Err(e) => {
                self.give(buffer);
                Err(e)
            }
        }
    }
}
