//! Blocks of an array one by one: each is computed and handed on, and nothing larger is held.
//!
//! Workers stay from block to block: when a worker finds no room for another block it is put aside with
//! its buffers, runners and a device's slots, and goes on, on any thread, once a block was taken. So many
//! blocks are under way or ready at most as binding counted with; there is no point at which all workers
//! wait for the slowest. Whoever goes through the blocks only waits for the next one in the order.
//!
//! Limits: blocks come in one order, so a block that takes long holds back those after it, and workers then
//! come to rest. Where there is one thread, a block is computed when it is asked for.

use super::collect::{Collector, Goal};
use super::collector::{HandOn, Handed, Taker};
use super::context::RunContext;
use super::kept::Kept;
use super::reader::Values;
use super::report::{Counters, Progress};
use super::results::{Lent, Results};
use super::run::run_stages;
use super::schedule::OwnStats;
use super::stage::{Shared, StageRun, Walk, kernel_of, kernel_of_pass};
use super::task::{Rested, Worker};
use super::under_way::Outlets;
use super::value::ArrayValue;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Region;
use crate::ops::kernel::Kernel;
use crate::plan::{Bound, Pass, Plan};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The blocks of a plan's only result, under way.
pub struct BlockRun {
    plan: Plan,
    bound: Bound,
    values: Values,
    kept: Kept,
    shared: Shared,
    /// Of the last stage.
    kernel: Kernel,
    /// Of its output that is handed on.
    part: Kernel,
    pass: Pass,
    walk: Walk,
    counters: Counters,
    /// So many blocks are under way or ready at most.
    room: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The next task for a worker, and the next for who goes through the blocks.
    next: u64,
    taken: u64,
    ready: BTreeMap<u64, ArrayValue>,
    /// Tasks that are done.
    done: u64,
    /// The first task that failed, and how.
    failed: Option<(u64, Failure)>,
    /// Nobody wants any more blocks.
    closed: bool,
    resting: Vec<Rested>,
    /// Workers that were called and have not gone, and those of them that are at work.
    called: u64,
    working: u64,
}

enum Failure {
    Error(Error),
    Panic(Box<dyn Any + Send>),
}

impl BlockRun {
    /// Runs the stages before the last one. The blocks of the last one come along `axes`, outermost
    /// first, those that are `backwards` from their end.
    ///
    /// # Errors
    /// As [`run`](super::run).
    pub fn new(
        plan: Plan,
        bound: Bound,
        (axes, backwards): (Vec<usize>, Vec<bool>),
        cx: &RunContext,
        counters: Counters,
    ) -> Result<BlockRun> {
        let last = plan.stages().len() - 1;
        let (values, mut kept) = run_stages(&plan, last, &bound, &mut Outlets::default(), cx, &counters)?;
        kept.begin(last, 0);
        let (stage, placed) = (&plan.stages()[last], &bound.stages[last]);
        let output = stage.outputs.iter().position(|o| o.value == plan.results()[0]);
        let output = output.ok_or_else(|| {
            Error::new(ErrorKind::Internal, "the result is not made by the stage that is walked")
        })?;
        let window = Region::whole(&stage.grid.shape());
        let pass = Pass { outputs: vec![output], window, order: axes.clone(), narrow: false };
        // By axis, as the order of blocks has it.
        if stage.outputs[output].fold.carries().is_some_and(|axis| backwards[axis]) {
            let what = "blocks that go on from those before them are walked from the end";
            return Err(Error::new(ErrorKind::Internal, what));
        }
        let walk = Walk::along(stage, &pass, &axes, backwards);
        let kernel = kernel_of(&plan, stage, &values, None)?;
        Ok(BlockRun {
            part: kernel_of_pass(&kernel, &pass),
            kernel,
            shared: Shared::new(&plan, last, placed, &pass, walk.tasks, &counters.meter),
            room: placed.workers.max(1) as u64 * (1 + bound.ends.waiting),
            values,
            kept,
            pass,
            walk,
            counters,
            state: Mutex::default(),
            changed: Condvar::new(),
            plan,
            bound,
        })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How it is bound.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// What was counted. If no block is left to be made, that is all: it waits for workers that are about
    /// to go.
    pub fn counters(&self) -> &Counters {
        let mut state = self.lock();
        while state.working > 0 && (state.closed || state.taken == self.walk.tasks) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        &self.counters
    }

    /// Blocks that were not taken; after an error there are none.
    pub fn left(&self) -> u64 {
        let state = self.lock();
        if state.closed { 0 } else { self.walk.tasks - state.taken }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many blocks may be begun now.
    fn wanted(&self, state: &State) -> u64 {
        match state.failed.is_some() || state.closed {
            true => 0,
            false => (state.taken + self.room).min(self.walk.tasks).saturating_sub(state.next),
        }
    }

    /// How many workers are to be called, each of which is to [`work`](BlockRun::work).
    pub fn call(&self) -> u64 {
        let mut state = self.lock();
        let workers = self.bound.stages[self.plan.stages().len() - 1].workers.max(1) as u64;
        let more = self.wanted(&state).min(workers.saturating_sub(state.called));
        state.called += more;
        more
    }

    /// Does tasks on this thread while there is room for their blocks, at most so many. For workers that
    /// were called.
    pub fn work(&self, most: u64, cx: &RunContext) {
        let mut left = most;
        let mut state = self.lock();
        // Asked again when the worker rests: a block may have been taken since it found no room.
        while self.wanted(&state) > 0 && left > 0 {
            state.working += 1;
            let rested = state.resting.pop();
            drop(state);
            let rested = rested.unwrap_or_else(|| Rested::new(&self.counters));
            let mut at = None;
            let worked = catch_unwind(AssertUnwindSafe(|| self.tasks(rested, &mut left, &mut at, cx)));
            state = self.lock();
            state.working -= 1;
            let failure = match worked {
                Ok(Ok(rested)) => {
                    if state.next < self.walk.tasks {
                        state.resting.push(rested);
                    }
                    continue;
                }
                Ok(Err(e)) => Failure::Error(e),
                Err(panic) => Failure::Panic(panic),
            };
            let at = at.unwrap_or(state.next);
            if state.failed.as_ref().is_none_or(|(first, _)| at < *first) {
                state.failed = Some((at, failure));
            }
        }
        state.called -= 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Does tasks until there is no room. `at` is the task that it failed at.
    fn tasks(&self, rested: Rested, left: &mut u64, at: &mut Option<u64>, cx: &RunContext) -> Result<Rested> {
        let BlockRun { plan, bound, values, kept, shared, kernel, part, pass, walk, counters, .. } = self;
        let n = plan.stages().len() - 1;
        let stage = &plan.stages()[n];
        let run = StageRun::new(plan, n, &bound.stages[n], pass, walk, part, values, kept, shared);
        let none = &mut Lent::new();
        let results = Results::new(stage, plan.values(), none, &bound.ends.streamed, None, &counters.meter)?;
        let gathers = Collector::new(stage, kernel, pass, Goal::Results(&results), &counters.meter);
        let ready = Ready(self);
        let collector = HandOn::new(gathers, stage, pass, &bound.ends, &ready);
        let stats = OwnStats::new(&counters.stats);
        let mut worker = Worker::wake(rested, &run, &collector, stats.own(), cx, counters)?;
        while *left > 0 {
            let mut state = self.lock();
            if self.wanted(&state) == 0 {
                break;
            }
            *at = Some(state.next);
            state.next += 1;
            drop(state);
            *left -= 1;
            worker.task(at.unwrap_or(0))?;
            let mut state = self.lock();
            state.done += 1;
            let done = state.done;
            drop(state);
            if let Some(progress) = cx.progress {
                stats.hand_over();
                progress(Progress {
                    stage: n,
                    stages: plan.stages().len(),
                    done,
                    tasks: walk.tasks,
                    bytes: counters.stats.bytes_decoded.load(Relaxed),
                });
            }
        }
        Ok(worker.rest())
    }

    /// The next block with its region, once it is there; nothing if there are no more. It must have been
    /// asked whom to [`call`](BlockRun::call).
    ///
    /// # Errors
    /// What computing the block met; there are no more after it.
    ///
    /// # Panics
    /// If computing it did.
    pub fn take(&self) -> Option<Result<(Region, ArrayValue)>> {
        let mut state = self.lock();
        loop {
            let at = state.taken;
            if state.closed {
                return None;
            }
            if let Some(array) = state.ready.remove(&at) {
                state.taken += 1;
                drop(state);
                self.counters.meter.sub(array.bytes().len() as u64);
                let coords = self.walk.coords(at);
                let stage = &self.plan.stages()[self.plan.stages().len() - 1];
                return Some(Ok((stage.grid.region(&coords), array)));
            }
            if at >= self.walk.tasks {
                return None;
            }
            if state.failed.as_ref().is_some_and(|(first, _)| *first <= at) {
                state.closed = true;
                let failed = state.failed.take();
                drop(state);
                return match failed?.1 {
                    Failure::Error(e) => Some(Err(e)),
                    Failure::Panic(panic) => resume_unwind(panic),
                };
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nobody wants any more blocks. Returns when no worker is at a task any more.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.resting.clear();
        while state.working > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.resting.clear();
    }
}

/// Takes blocks into the list of those that are ready.
struct Ready<'a>(&'a BlockRun);

impl Taker for Ready<'_> {
    fn take(&self, block: Handed) -> Result<()> {
        let run = self.0;
        let dtype = run.plan.values()[block.value].dtype;
        let elements = std::mem::take(block.elements);
        run.counters.meter.add(elements.len() as u64);
        let array = ArrayValue::new(dtype, block.region.shape.clone(), elements);
        run.lock().ready.insert(block.task, array);
        run.changed.notify_all();
        Ok(())
    }

    fn keeps(&self) -> bool {
        true
    }
}
