//! Going through an array block by block.

use super::Session;
use crate::array::Array;
use crate::error::Result;
use crate::exec::{ArrayValue, BlockRun, Report};
use crate::graph::Graph;
use crate::grid::Region;
use crate::plan::{Bound, Ends, Plan};
use std::sync::Arc;
use std::time::Instant;

impl Session {
    /// Goes through an array block by block, so that the whole never has to fit the budget. While one
    /// block is looked at, the next ones are computed on the session's threads, as many as binding found
    /// room for; with one thread each is computed when it is asked for.
    ///
    /// # Errors
    /// As [`Session::compute`]; the blocks themselves come as `Result`s.
    pub fn blocks(&self, array: &Array, order: BlockOrder) -> Result<Blocks> {
        let start = Instant::now();
        let root = array.collected().node()?.clone();
        let plan = self.planned(&Graph::new(&[root]), &[], &streamed, true)?;
        let last = plan.stages().len() - 1;
        let rank = plan.stages()[last].grid.axes.len();
        let order = match order {
            BlockOrder::Spatial => ((0..rank).collect(), vec![false; rank]),
            BlockOrder::Storage => storage_order(&plan, last),
        };
        let bound = self.bind_blocks(&plan, &order.0)?;
        let counters = self.counters();
        let plan = bound.plan(&plan).clone();
        let run = self.with_context(|cx| BlockRun::new(plan, bound, order, cx, counters))?;
        Ok(Blocks { session: self.clone(), run: Arc::new(run), start })
    }

    /// A plan whose results are handed on. A second block per worker is worth having, another worker more.
    fn bind_blocks(&self, plan: &Plan, order: &[usize]) -> Result<Bound> {
        let ends = |waiting| Ends { waiting, order: Some(order.to_vec()), ..streamed(plan) };
        let bound = self.bind_with(plan, &ends(0))?;
        if self.inner.pool.is_none() {
            return Ok(bound);
        }
        let roomy = self.bind_with(plan, &ends(1)).ok().filter(|roomy| {
            let workers = |b: &Bound| b.stages.last().map(|s| s.workers);
            workers(roomy) >= workers(&bound) && roomy.decoded_bytes().0 <= bound.decoded_bytes().0
        });
        Ok(roomy.unwrap_or(bound))
    }
}

/// All results are handed on.
fn streamed(plan: &Plan) -> Ends {
    Ends { streamed: plan.results().to_vec(), apart: true, ..Ends::default() }
}

/// In which order blocks come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockOrder {
    /// As their chunks lie in the (largest) source, so that a file is read from front to back. Along the axis of a
    /// scan (`cumsum`) they come from its beginning.
    #[default]
    Storage,
    /// As they lie in the array, the last axis fastest.
    Spatial,
}

/// The axes from outermost to innermost as the source's chunks are stored, and which run backwards.
fn storage_order(plan: &Plan, stage: usize) -> (Vec<usize>, Vec<bool>) {
    let stage = &plan.stages()[stage];
    let rank = stage.grid.axes.len();
    let main = stage
        .inputs
        .iter()
        .filter(|i| i.source().is_some())
        .max_by_key(|i| i.view.axes.iter().filter(|a| a.from.is_some()).map(|a| a.len).product::<u64>());
    let mut axes: Vec<usize> = (0..rank).collect();
    let mut flips = vec![false; rank];
    if let Some(input) = main {
        axes.sort_by_key(|&d| input.view.axes[d].from.map_or(usize::MAX, |(s, _)| s));
        for (d, a) in input.view.axes.iter().enumerate() {
            flips[d] = a.from.is_some_and(|(_, step)| step < 0);
        }
    }
    // Along these the blocks go on from the ones before them.
    for axis in stage.outputs.iter().filter_map(|o| o.fold.carries()) {
        flips[axis] = false;
    }
    (axes, flips)
}

/// Computed blocks of an array, one after the other, with the region that each covers. Workers stay from
/// one block to the next, and are a bounded number of blocks ahead; they end when this is dropped.
pub struct Blocks {
    session: Session,
    run: Arc<BlockRun>,
    start: Instant,
}

impl Blocks {
    /// What was done so far, notes included; of all blocks, once they came.
    pub fn report(&self) -> Report {
        self.session.report(self.run.plan(), self.run.bound(), self.run.counters(), self.start)
    }

    /// Has workers compute what there is room for.
    fn call(&self) {
        let workers = self.run.call();
        match &self.session.inner.pool {
            Some(pool) => (0..workers).for_each(|_| {
                let (session, run) = (self.session.clone(), Arc::clone(&self.run));
                pool.spawn(move || session.with_context(|cx| run.work(u64::MAX, cx)));
            }),
            None => (0..workers).for_each(|_| self.session.with_context(|cx| self.run.work(1, cx))),
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<(Region, ArrayValue)>;

    /// The next block. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        self.call();
        let next = self.run.take();
        if self.session.inner.pool.is_some() {
            self.call();
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.run.left()).ok())
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.run.close();
    }
}
