//! The order in which the tasks of a stage are counted, where it runs in ranges.
//!
//! Where reductions keep some axes, tasks that go into one tile of the output follow each other, so that a range of tasks
//! finishes tiles, and what travels is values and not accumulators, which are many times as large. It is C order of the grid
//! where that is so anyway, where no reduction keeps axes, and where blocks of the grid share large chunks, which would be decoded
//! again and again otherwise. It follows from the plan alone, so that all processes count alike.

use super::blocks::most_uses_of_chunk;
use super::passes::kept_before_reduced;
use super::{Plan, Read, Supply};
use crate::ops::fold::Landing;

/// What is so much smaller than a stage's domain does not say in which order it is read.
const SMALL: u64 = 8;

impl Plan {
    /// The axes of a stage's grid, outermost first, in the order in which its tasks are counted by
    /// [`Session::run_tasks`](crate::Session::run_tasks).
    pub fn task_order(&self, stage: usize) -> &[usize] {
        let orders =
            self.orders.get_or_init(|| (0..self.data.stages.len()).map(|n| self.order_of(n)).collect());
        orders.get(stage).map_or(&[], |order| order)
    }

    /// How many tasks of a stage that follow each other make tiles of the output of their own. Ranges that begin and end at
    /// multiples of it come to the fewest bytes. It is 1 where any ranges do as well.
    pub fn tasks_together(&self, stage: usize) -> u64 {
        let Some(s) = self.data.stages.get(stage) else { return 1 };
        let (counts, order) = (s.grid.counts(), self.task_order(stage));
        let of = |landing: &Landing| {
            let first = order.iter().position(|&d| !landing.keeps(d) && counts[d] > 1)?;
            let kept = order[..first].iter().any(|&d| counts[d] > 1);
            kept.then(|| order[first..].iter().map(|&d| counts[d]).fold(1, u64::saturating_mul))
        };
        s.outputs.iter().filter_map(|o| of(o.fold.landing())).max().unwrap_or(1)
    }

    fn order_of(&self, n: usize) -> Vec<usize> {
        let stage = &self.data.stages[n];
        let counts = stage.grid.counts();
        let natural: Vec<usize> = (0..counts.len()).collect();
        let places = stage.outputs.iter().any(|o| o.fold.carries().is_some() || o.fold.landing().keeps_all());
        if places || !self.is_read_once(n) {
            return natural;
        }
        // Of those that keep some axes of several blocks, and reduce some, that with the most outputs.
        let partly = |landing: &&Landing| {
            let along = |kept: bool| (0..counts.len()).any(|d| counts[d] > 1 && landing.keeps(d) == kept);
            along(true) && along(false)
        };
        let shape = stage.grid.shape();
        let outputs =
            |landing: &&Landing| landing.kept(&shape).iter().fold(1, |n: u64, &d| n.saturating_mul(d));
        let landings = stage.outputs.iter().map(|o| o.fold.landing()).filter(partly);
        // The last one of equals would do as well; the first is that of the plan's text.
        let most = landings.rev().max_by_key(outputs);
        most.map_or(natural, kept_before_reduced)
    }

    /// Whether each large chunk that a stage reads lies in one block of its grid.
    fn is_read_once(&self, n: usize) -> bool {
        let stage = &self.data.stages[n];
        let domain = stage.grid.shape().iter().fold(1, |n: u64, &d| n.saturating_mul(d));
        stage.inputs.iter().all(|input| match &input.from {
            Supply::Read(Read::Source(s)) => {
                let source = &self.data.sources[*s];
                let small = source.shape.iter().fold(SMALL, |n: u64, &d| n.saturating_mul(d)) <= domain;
                let uses = |chunks| most_uses_of_chunk(&stage.grid, &input.view, chunks);
                small || source.chunks.as_ref().is_none_or(|chunks| uses(chunks) <= 1)
            }
            Supply::Read(Read::Value(_)) => true,
            Supply::Feed(_) => false,
        })
    }
}
