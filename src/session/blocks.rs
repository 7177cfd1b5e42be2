//! Going through an array block by block.

use super::Session;
use crate::array::Array;
use crate::error::Result;
use crate::exec::{ArrayValue, BlockWalk, Counters, Stream};
use crate::grid::{Dims, Region, unravel};
use crate::plan::{Bound, Plan};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

impl Session {
    /// Goes through an array block by block, each computed when it is asked for, so that the whole
    /// never has to fit the budget.
    ///
    /// # Errors
    /// As [`Session::compute`]; the blocks themselves come as `Result`s.
    pub fn blocks(&self, array: &Array, order: BlockOrder) -> Result<Blocks> {
        let (plan, bound) = self.plan_streamed(array)?;
        let counters = Counters::default();
        let last = plan.stages().len() - 1;
        let grid = &plan.stages()[last].grid;
        let workers = bound.stages[last].workers;
        let stream = self.with_context(|cx| Stream::new(&plan, &bound, grid, workers, cx, &counters))?;
        let counts = grid.counts();
        let (axes, flips) = match order {
            BlockOrder::Spatial => ((0..counts.len()).collect(), vec![false; counts.len()]),
            BlockOrder::Storage => storage_order(&plan, last),
        };
        Ok(Blocks {
            session: self.clone(),
            tasks: counts.iter().product(),
            counts,
            axes,
            flips,
            plan,
            bound,
            counters,
            stream,
            last,
            next: 0,
            ready: VecDeque::new(),
        })
    }
}

/// In which order blocks come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockOrder {
    /// As their chunks lie in the (largest) source, so that a file is read from front to back.
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
    (axes, flips)
}

/// Computed blocks of an array, one after the other, with the region that each covers. As many are
/// computed at a time as there are workers.
pub struct Blocks {
    session: Session,
    plan: Plan,
    bound: Bound,
    counters: Counters,
    stream: Stream,
    last: usize,
    counts: Dims,
    axes: Vec<usize>,
    flips: Vec<bool>,
    tasks: u64,
    next: u64,
    ready: VecDeque<Result<(Region, ArrayValue)>>,
}

impl Blocks {
    /// The region of the block that comes at a position of the order.
    fn region(&self, position: u64) -> Region {
        let ordered: Dims = self.axes.iter().map(|&d| self.counts[d]).collect();
        let mut coords = Dims::from_elem(0, self.counts.len());
        for (&d, &k) in self.axes.iter().zip(&unravel(position, &ordered)) {
            coords[d] = if self.flips[d] { self.counts[d] - 1 - k } else { k };
        }
        self.plan.stages()[self.last].grid.region(&coords)
    }

    /// Computes the next blocks, as many as there are workers.
    fn advance(&mut self) {
        let workers = self.bound.stages[self.last].workers as u64;
        let tasks = self.next..self.tasks.min(self.next + workers);
        self.next = tasks.end;
        let made: Mutex<Vec<Option<ArrayValue>>> = Mutex::new(vec![None; (tasks.end - tasks.start) as usize]);
        let walk = BlockWalk {
            plan: &self.plan,
            bound: &self.bound,
            stream: &self.stream,
            grid: &self.plan.stages()[self.last].grid,
            tasks: tasks.clone(),
            workers: workers as usize,
            region: &|i| self.region(i),
        };
        let computed = self.session.with_context(|cx| {
            walk.run(cx, &self.counters, &|i, array| {
                let at = (i - tasks.start) as usize;
                made.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(array);
                Ok(())
            })
        });
        match computed {
            Ok(()) => {
                let made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
                let regions: Vec<Region> = tasks.map(|i| self.region(i)).collect();
                self.ready.extend(regions.into_iter().zip(made).filter_map(|(r, a)| Some(Ok((r, a?)))));
            }
            Err(e) => {
                self.next = self.tasks;
                self.ready.push_back(Err(e));
            }
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<(Region, ArrayValue)>;

    /// The next block. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() && self.next < self.tasks {
            self.advance();
        }
        self.ready.pop_front()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.tasks - self.next) as usize + self.ready.len();
        (0, Some(left))
    }
}
