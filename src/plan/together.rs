//! Inputs that are staged together: those that see the same halo or chunked source a little apart, as the terms
//! of a stencil do, are staged once, as the box around them.
//!
//! Limits: views that walk the same axes in steps of one, where the box is no more than the views by themselves.
//! What lies in memory is used where it lies.

use super::{Fed, Input, Plan};
use crate::feeds::Reach;
use crate::grid::{Dims, Grid};
use crate::view::View;

/// Inputs that are staged together.
pub struct Together {
    /// Their positions; there are two at least.
    pub members: Vec<usize>,
    /// The least start of their views, per axis of what they see.
    pub low: Dims,
    /// The greatest.
    pub high: Dims,
}

/// The inputs over a grid that are staged together.
pub fn together(plan: &Plan, grid: &Grid, inputs: &[Input]) -> Vec<Together> {
    let opened = plan.opened();
    let in_chunks = |s: usize| opened[s].chunks().is_some() && opened[s].bytes().is_none();
    // Other feeds make pieces of a size that was agreed on.
    let halo = |fed: &Fed| (0..fed.of.len()).any(|child| matches!(fed.reach(child), Reach::Halo { .. }));
    let staged = |i: &Input| i.fed().is_some_and(halo) || i.source().is_some_and(in_chunks);
    let staged: Vec<usize> = (0..inputs.len()).filter(|&i| staged(&inputs[i])).collect();
    if staged.len() < 2 || grid.blocks() == 0 {
        return Vec::new();
    }
    let block = grid.largest();
    let mut list: Vec<Together> = Vec::new();
    for i in staged.into_iter().filter(|&i| in_steps_of_one(&inputs[i].view)) {
        let taken = list.iter_mut().any(|group| group.takes(i, inputs, &block));
        if !taken {
            let base = inputs[i].view.base.clone();
            list.push(Together { members: vec![i], low: base.clone(), high: base });
        }
    }
    list.retain(|group| group.members.len() > 1);
    list
}

fn in_steps_of_one(view: &View) -> bool {
    view.axes.iter().filter_map(|a| a.from).all(|(_, step)| step.abs() == 1)
}

impl Together {
    /// Takes an input that sees the same alike, if the box does not grow too large.
    fn takes(&mut self, i: usize, inputs: &[Input], block: &[u64]) -> bool {
        let (first, input) = (&inputs[self.members[0]], &inputs[i]);
        let alike = first.view.axes.iter().zip(&input.view.axes).all(|(a, b)| a.from == b.from);
        if !alike || first.from != input.from {
            return false;
        }
        let (low, high) = (self.low.clone(), self.high.clone());
        for (s, &base) in input.view.base.iter().enumerate() {
            (self.low[s], self.high[s]) = (low[s].min(base), high[s].max(base));
        }
        let elements = |shape: Dims| shape.iter().fold(1u64, |n, &len| n.saturating_mul(len));
        let alone = elements(walked(&input.view, block));
        if elements(self.around(&input.view, block)) > alone.saturating_mul(self.members.len() as u64 + 1) {
            (self.low, self.high) = (low, high);
            return false;
        }
        self.members.push(i);
        true
    }

    /// The shape of the box around what all of them see of a block, where one sees it through `view`.
    pub fn around(&self, view: &View, block: &[u64]) -> Dims {
        let apart = self.high.iter().zip(&self.low).map(|(&high, &low)| high - low);
        walked(view, block).iter().zip(apart).map(|(&n, apart)| n.saturating_add(apart)).collect()
    }
}

/// Elements that a view sees of a block, per axis of what it sees.
fn walked(view: &View, block: &[u64]) -> Dims {
    (0..view.base.len()).map(|s| view.walker(s).map_or(1, |(d, _)| block[d])).collect()
}
