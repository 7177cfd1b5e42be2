//! A stage under way: its passes, one after the other, and the tasks of each.

use super::collect::{Collector, Goal};
use super::collector::{Collect, HandOn, Taker, ToResults};
use super::context::RunContext;
use super::kept::Kept;
use super::reader::Values;
use super::report::{Counters, Progress};
use super::results::{Lent, Results};
use super::schedule::{OwnStats, Tasks, batch, on_workers};
use super::stage::{Shared, StageRun, Walk, kernel_of, kernel_of_pass};
use super::task::{Rested, Worker};
use super::window::{Window, Windows};
use crate::backend::DeviceKind;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Region;
use crate::ops::kernel::Kernel;
use crate::plan::{Bound, BoundStage, Pass, Plan, Stage, Sweep, ValueId, Windowed};
use std::fmt::Display;
use std::sync::atomic::Ordering::Relaxed;

/// Where the results of a run go that it does not hold itself.
#[derive(Default)]
pub struct Outlets<'a> {
    /// Memory of the caller's, for results that no stage reads.
    pub lent: Lent<'a>,
    /// Who takes the blocks of the results that binding was told are streamed.
    pub taker: Option<&'a dyn Taker>,
}

/// A stage under way, from its first pass to its last.
pub(super) struct UnderWay<'a, 'o> {
    plan: &'a Plan,
    /// The stage's number.
    pub(super) n: usize,
    bound: &'a Bound,
    results: Results<'o>,
    taker: Option<&'o dyn Taker>,
    /// The outputs of each pass that was walked again.
    again: Vec<Vec<usize>>,
}

impl<'a, 'o> UnderWay<'a, 'o> {
    /// Makes room for what the stage makes, as far as it is held.
    ///
    /// # Errors
    /// `Budget` if the system does not give the memory.
    pub(super) fn begin(
        plan: &'a Plan,
        n: usize,
        bound: &'a Bound,
        windowed: Option<&Windowed>,
        outlets: &mut Outlets<'o>,
        counters: &'o Counters,
    ) -> Result<Self> {
        let (stage, ends) = (&plan.stages()[n], &bound.ends);
        let windowed = windowed.map(|w| (w, n));
        let (lent, meter) = (&mut outlets.lent, &counters.meter);
        let in_blocks: Vec<ValueId> = ends.streamed.iter().chain(&ends.spilled).copied().collect();
        let mut results = Results::new(stage, plan.values(), lent, &in_blocks, windowed, meter)?;
        if let Some(spill) = &bound.spill {
            results = results.spilling(stage, spill, &counters.stats)?;
        }
        let streams = stage.outputs.iter().any(|o| ends.streams(o.value));
        let taker = match (streams, outlets.taker) {
            (true, None) => {
                return Err(Error::new(ErrorKind::Internal, "nobody takes the blocks of a result"));
            }
            (_, taker) => taker.filter(|_| streams),
        };
        Ok(UnderWay { plan, n, bound, results, taker, again: Vec::new() })
    }

    fn stage(&self) -> &'a Stage {
        &self.plan.stages()[self.n]
    }

    /// The kernel, with what earlier stages have made.
    ///
    /// # Errors
    /// As [`kernel_of`].
    pub(super) fn kernel(&self, values: &Values, windows: Option<&Windows>) -> Result<Kernel> {
        kernel_of(self.plan, self.stage(), values, windows)
    }

    /// Makes room for a window of what is there one window at a time.
    ///
    /// # Errors
    /// `Budget` if the system does not give the memory.
    pub(super) fn open(&mut self, window: (&Region, usize), last: bool, counters: &Counters) -> Result<()> {
        self.results.open(self.stage(), self.plan.values(), window, last, &counters.meter)
    }

    /// The windows that the pass has made.
    pub(super) fn close(&mut self) -> Vec<(ValueId, Window)> {
        self.results.close(self.stage())
    }

    /// Does all tasks of a pass, the `p`-th of the stage; again with wide accumulators, if narrow ones will not do.
    ///
    /// # Errors
    /// As [`do_tasks`].
    pub(super) fn pass(
        &mut self,
        (p, pass): (u64, &Pass),
        kernel: &Kernel,
        earlier: (&Values, Option<&Windows>),
        kept: &mut Kept,
        cx: &RunContext,
        counters: &Counters,
    ) -> Result<()> {
        let bound = &self.bound.stages[self.n];
        kept.begin(self.n, p);
        let noted = pass.narrow.then(|| self.results.noted().clone());
        if !self.walk(pass, bound, kernel, earlier, kept, cx, counters)? {
            *self.results.noted() = noted.unwrap_or_default();
            let missing = || Error::new(ErrorKind::Internal, "a pass that cannot be walked again was to be");
            let again = bound.again.as_deref().ok_or_else(missing)?;
            let mine = |s: &&Sweep| s.outputs.iter().all(|o| pass.outputs.contains(o));
            for pass in again.passes.sweeps().iter().filter(mine).flat_map(|s| s.within(&pass.window)) {
                if !self.walk(&pass, again, kernel, earlier, kept, cx, counters)? {
                    return Err(missing());
                }
            }
            self.again.push(pass.outputs.clone());
        }
        kept.end();
        Ok(())
    }

    /// Does all tasks of a pass. Gives whether it did: narrow accumulators may not, and what was made is then made
    /// again.
    ///
    /// # Errors
    /// As [`do_tasks`].
    #[allow(clippy::too_many_arguments)]
    fn walk(
        &self,
        pass: &Pass,
        bound: &BoundStage,
        kernel: &Kernel,
        (values, windows): (&Values, Option<&Windows>),
        kept: &Kept,
        cx: &RunContext,
        counters: &Counters,
    ) -> Result<bool> {
        let (plan, n, stage, ends) = (self.plan, self.n, self.stage(), &self.bound.ends);
        let narrowed = pass.narrow.then(|| kernel.narrowed());
        let kernel = narrowed.as_ref().unwrap_or(kernel);
        let walk = Walk::of_pass(stage, pass);
        let part = kernel_of_pass(kernel, pass);
        let shared = Shared::new(plan, n, bound, pass, walk.tasks, &counters.meter);
        let run = StageRun::new(plan, n, bound, pass, &walk, &part, values, kept, &shared);
        let run = StageRun { windows, ..run };
        let gathers = Collector::new(stage, kernel, pass, Goal::Results(&self.results), &counters.meter);
        let (gathers, done) = match self.taker {
            None => {
                let collector = ToResults(gathers);
                let done = do_tasks(&run, &collector, cx, counters);
                (collector.0, done)
            }
            Some(taker) => {
                let collector = HandOn::new(gathers, stage, pass, ends, taker);
                let done = do_tasks(&run, &collector, cx, counters);
                (collector.into_gathers(), done)
            }
        };
        let done = done.and_then(|()| gathers.finish());
        match (gathers.abandon(), done) {
            (true, _) => Ok(false),
            (false, done) => done.map(|()| true),
        }
    }

    /// Hands over what the stage has made.
    ///
    /// # Errors
    /// `Internal` if something was never made.
    pub(super) fn end(self, values: &mut Values, counters: &Counters) -> Result<()> {
        if let Some(taker) = self.taker {
            taker.rest();
        }
        let stage = self.stage();
        note_again(stage, &self.again, self.bound.stages[self.n].passes.len(), counters);
        let (made, notes) = self.results.finish()?;
        note(stage, notes, counters);
        for (o, value) in stage.outputs.iter().zip(made) {
            value.map(|value| values.insert(o.value, value));
        }
        Ok(())
    }
}

/// Does all tasks of a pass, on as many workers as binding says, and hands what they make to the collector.
///
/// # Errors
/// The first error of any task; `Cancelled`.
pub(super) fn do_tasks<C: Collect>(
    run: &StageRun,
    collector: &C,
    cx: &RunContext,
    counters: &Counters,
) -> Result<()> {
    let Shared { cache, ahead, carries } = run.shared;
    let workers = (run.bound.workers as u64).min(run.walk.tasks);
    let on_cpu = run.bound.placement.device == DeviceKind::Cpu;
    // Who waits for the task before it would wait for all of its batch.
    let free = ahead.is_none() && !cache.enabled() && on_cpu && !carries.hand_on();
    let batch = if free { batch(run.kernel, &run.largest) } else { 1 };
    let tasks = Tasks::new(run.walk.tasks, workers, batch).within(run.bound.lead.filter(|_| cache.enabled()));
    on_workers(cx, workers, &|failed| {
        let stats = OwnStats::new(&counters.stats);
        let rested = Rested::new(counters);
        let mut worker = Worker::wake(rested, run, collector, stats.own(), cx, counters)?;
        while let Some(claimed) = tasks.claim().filter(|_| !failed.load(Relaxed)) {
            for i in claimed.range.clone() {
                worker.task(i)?;
            }
            if let Some(progress) = cx.progress {
                stats.hand_over();
                progress(Progress {
                    stage: run.n,
                    stages: run.plan.stages().len(),
                    done: tasks.finish(claimed.range.end - claimed.range.start),
                    tasks: run.walk.tasks,
                    bytes: counters.stats.bytes_decoded.load(Relaxed),
                });
            }
        }
        worker.finish()
    })
}

/// Notes what folds said of a stage's outputs.
pub(super) fn note<T: Display>(
    stage: &Stage,
    notes: impl IntoIterator<Item = ((usize, T), u64)>,
    counters: &Counters,
) {
    for ((output, text), count) in notes {
        let label = &stage.outputs[output].label;
        counters.note(match count {
            0 => format!("{text} ({label})"),
            count => format!("{count} {text} ({label})"),
        });
    }
}

/// Notes which windows were walked again.
fn note_again(stage: &Stage, again: &[Vec<usize>], passes: u64, counters: &Counters) {
    let Some(outputs) = again.first() else { return };
    let labels: Vec<&str> = outputs.iter().map(|&o| stage.outputs[o].label.as_str()).collect();
    counters.note(format!(
        "{} of {passes} walks were made again with wide accumulators, because the values differ more in magnitude than \
         narrow ones hold; a larger memory budget avoids that ({})",
        again.len(),
        labels.join(", ")
    ));
}
