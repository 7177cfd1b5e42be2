//! Which inputs of a stage are staged together: those that see the same halo or chunked source a little apart, as
//! the terms of a stencil do. They are staged once, as the box around them.
//!
//! Limits: views that walk the same axes in steps of one, where the box is no more than the views by themselves.
//! What lies in memory is used where it lies.

use super::{Fed, Input, Plan};
use crate::feeds::Reach;
use crate::grid::{Dims, Slab, c_strides};
use crate::view::{Placement, View};

/// The groups of a stage's inputs.
#[derive(Default)]
pub struct Together {
    /// By input, the group; empty if there are none.
    of: Vec<Option<usize>>,
    list: Vec<Group>,
}

/// Inputs that are staged together.
pub struct Group {
    /// Their positions among the inputs, ascending.
    pub members: Vec<usize>,
    /// The least start of their views, per axis of what they see.
    pub low: Dims,
    /// The greatest.
    pub high: Dims,
}

impl Together {
    /// For blocks of up to this shape.
    pub fn new(plan: &Plan, inputs: &[Input], block: &[u64]) -> Together {
        let opened = plan.opened();
        let in_chunks = |s: usize| opened[s].chunks().is_some() && opened[s].bytes().is_none();
        // Other feeds make pieces of a size that was agreed on.
        let halo = |fed: &Fed| (0..fed.of.len()).any(|child| matches!(fed.reach(child), Reach::Halo { .. }));
        let staged = |i: &Input| i.fed().is_some_and(halo) || i.source().is_some_and(in_chunks);
        let staged: Vec<usize> = (0..inputs.len()).filter(|&i| staged(&inputs[i])).collect();
        if staged.len() < 2 {
            return Together::default();
        }
        let mut list: Vec<Group> = Vec::new();
        for i in staged.into_iter().filter(|&i| in_steps_of_one(&inputs[i].view)) {
            let taken = list.iter_mut().any(|group| group.takes(i, inputs, block));
            if !taken {
                let base = inputs[i].view.base.clone();
                list.push(Group { members: vec![i], low: base.clone(), high: base });
            }
        }
        list.retain(|group| group.members.len() > 1);
        let mut of = vec![None; if list.is_empty() { 0 } else { inputs.len() }];
        list.iter().enumerate().for_each(|(g, group)| group.members.iter().for_each(|&i| of[i] = Some(g)));
        Together { of, list }
    }

    /// Whether every input is by itself.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The group of an input, if it is not by itself.
    pub fn group(&self, input: usize) -> Option<&Group> {
        self.of.get(input).copied().flatten().map(|g| &self.list[g])
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

    /// The most elements of the box around what all views see of a block of this shape.
    pub fn most(&self, view: &View, block: &[u64]) -> u64 {
        let walked = |s: usize| view.walker(s).map_or(1, |(d, _)| block[d]);
        (0..self.low.len()).fold(1, |n, s| n.saturating_mul(walked(s) + self.high[s] - self.low[s]))
    }

    /// The box around what all views see of a block, and where this one's elements lie in it.
    pub fn around(&self, view: &View, block: &Slab) -> (Slab, Placement) {
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
