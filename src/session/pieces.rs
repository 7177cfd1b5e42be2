//! Plans in pieces: ranges of a stage's tasks here or there, and their partials merged into one thing.

use super::Session;
use crate::error::Result;
use crate::exec::{self, Merged, StagePartial, Values};
use crate::plan::{Ends, Plan};
use std::ops::Range;
use std::time::Instant;

impl Session {
    /// Runs a range of the tasks of one stage (positions in its grid, in the order of [`Plan::task_order`]) and gives what was
    /// gathered, with a report. `values` are those of the stages before, from [`Session::merge_tasks`]. Parts of
    /// the output (tiles) that have all of their tasks in the range are finished here. The plan is bound
    /// at its first range, so that many small ones cost little more than a few large ones.
    ///
    /// # Errors
    /// As [`Session::compute`]; `Index` for tasks that are not there.
    pub fn run_tasks(
        &self,
        plan: &Plan,
        stage: usize,
        tasks: Range<u64>,
        values: &Values,
    ) -> Result<StagePartial> {
        let start = Instant::now();
        let ends = Ends { apart: true, ..Ends::default() };
        let bound = self.inner.bound.get(plan, || self.bind_held(plan, &ends))?;
        let counters = self.counters();
        let mut partial =
            self.with_context(|cx| exec::run_tasks(plan, stage, tasks, &bound, values, cx, &counters))?;
        partial.report = self.counted(&counters, start);
        Ok(partial)
    }

    /// Merges partials of some of a stage's tasks, in any order, into one of all of these tasks, with a report. So
    /// partials can be merged as a tree, the last ones with [`Session::merge_tasks`]: the bits are those of one
    /// run. Partials of adjacent tasks come to the fewest bytes, as the tiles between them are finished.
    /// `values` are those of the stages before.
    ///
    /// They are taken one at a time, from a list or from an iterator that reads them when they are wanted
    /// (`Item = Result<StagePartial>`). What is held counts: the partial that is made and the one that is being taken.
    ///
    /// # Errors
    /// `Value` if they overlap, belong to another plan, or are damaged; `Budget` if what is merged does not fit;
    /// what the iterator gives; what finishing a tile fails with, as [`Session::compute`].
    pub fn combine_tasks(
        &self,
        plan: &Plan,
        stage: usize,
        partials: impl IntoIterator<Item = impl Into<Result<StagePartial>>>,
        values: &Values,
    ) -> Result<StagePartial> {
        let start = Instant::now();
        let counters = self.counters();
        let mut partials = partials.into_iter().map(Into::into);
        let memory = self.memory();
        let mut partial = exec::combine_tasks(plan, stage, &mut partials, values, memory, &counters)?;
        partial.report = self.counted(&counters, start);
        Ok(partial)
    }

    /// Merges partials that together have every task of a stage, in any order, and adds the stage's
    /// values to `values`. The report has what all of the tasks noted.
    ///
    /// They are taken one at a time, from a list or from an iterator that reads them when they are wanted
    /// (`Item = Result<StagePartial>`). What is held counts: the stage's values, what lacks tasks, and the
    /// partial that is being taken. Values are given only if every task was there exactly once.
    ///
    /// # Errors
    /// `Value` if they overlap, leave tasks out, belong to another plan, or are damaged; `Budget` if
    /// what is held does not fit; what the iterator gives; what finishing fails with, as [`Session::compute`].
    pub fn merge_tasks(
        &self,
        plan: &Plan,
        stage: usize,
        partials: impl IntoIterator<Item = impl Into<Result<StagePartial>>>,
        values: &Values,
    ) -> Result<Merged> {
        let start = Instant::now();
        let counters = self.counters();
        let mut partials = partials.into_iter().map(Into::into);
        let values = exec::merge_tasks(plan, stage, &mut partials, values, self.memory(), &counters)?;
        Ok(Merged::new(values, self.counted(&counters, start)))
    }
}
