//! A run: the stages of a plan one after the other, each pass by pass.

use super::collect::{Collector, Goal, Lent, Results};
use super::collector::{Collect, HandOn, Taker, ToResults};
use super::context::RunContext;
use super::kept::Kept;
use super::reader::Values;
use super::report::{Counters, Progress};
use super::schedule::{OwnStats, Tasks, batch, on_workers};
use super::stage::{Shared, StageRun, Walk, kernel_of, kernel_of_pass};
use super::task::{Rested, Worker};
use super::value::Value;
use crate::backend::DeviceKind;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::kernel::Kernel;
use crate::plan::{Bound, BoundStage, Ends, Pass, Plan, Stage, Sweep, ValueId};
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

/// Runs all stages. Gives the values that the plan's results are, but for those that went elsewhere. The
/// workers have ended when this returns, whatever it returns.
///
/// # Errors
/// The first error of any task; `Cancelled`. What is in lent memory then is unspecified.
pub fn run(
    plan: &Plan,
    bound: &Bound,
    mut outlets: Outlets,
    cx: &RunContext,
    counters: &Counters,
) -> Result<Values> {
    Ok(run_stages(plan, plan.stages().len(), bound, &mut outlets, cx, counters)?.0)
}

/// A result of a run.
///
/// # Errors
/// `Internal` if there is no such value.
pub fn result(values: &Values, v: ValueId) -> Result<Value> {
    values.get(&v).cloned().ok_or_else(|| Error::new(ErrorKind::Internal, "a result was never made"))
}

/// Runs the first stages. Gives their values, and the chunks that are kept for those that follow.
pub(super) fn run_stages(
    plan: &Plan,
    stages: usize,
    bound: &Bound,
    outlets: &mut Outlets,
    cx: &RunContext,
    counters: &Counters,
) -> Result<(Values, Kept)> {
    let mut values = Values::new();
    let mut kept = Kept::new(plan, bound, &counters.meter);
    for n in 0..stages {
        run_stage(plan, n, bound, &mut values, outlets, &mut kept, cx, counters)?;
        release(plan, n, &mut values, counters);
    }
    Ok((values, kept))
}

/// Drops values that no later stage reads.
fn release(plan: &Plan, stage: usize, values: &mut Values, counters: &Counters) {
    values.retain(|&v, value| {
        let keep = plan.values()[v].last_use > stage;
        if let (false, Value::Array(a)) = (keep, value) {
            counters.meter.sub(a.bytes().len() as u64);
        }
        keep
    });
}

#[allow(clippy::too_many_arguments)]
fn run_stage(
    plan: &Plan,
    n: usize,
    bound: &Bound,
    values: &mut Values,
    outlets: &mut Outlets,
    kept: &mut Kept,
    cx: &RunContext,
    counters: &Counters,
) -> Result<()> {
    let (stage, ends, bound) = (&plan.stages()[n], &bound.ends, &bound.stages[n]);
    let kernel = kernel_of(plan, stage, values)?;
    let results = Results::new(stage, plan.values(), &mut outlets.lent, &ends.streamed, &counters.meter)?;
    let streams = stage.outputs.iter().any(|o| ends.streams(o.value));
    let taker = match (streams, outlets.taker) {
        (true, None) => return Err(Error::new(ErrorKind::Internal, "nobody takes the blocks of a result")),
        (_, taker) => taker.filter(|_| streams),
    };
    let mut again = Vec::new();
    for (p, pass) in (0..).zip(bound.passes.iter()) {
        kept.begin(n, p);
        let walk = PassRun { plan, n, kernel: &kernel, values, kept, results: &results, taker, cx, counters };
        let noted = pass.narrow.then(|| results.noted().clone());
        if !walk.pass(&pass, bound, ends)? {
            *results.noted() = noted.unwrap_or_default();
            walk.again(&pass, bound, ends)?;
            again.push(pass.outputs);
        }
        kept.end();
    }
    note_again(stage, &again, bound.passes.len(), counters);
    if let Some(taker) = taker {
        taker.rest();
    }
    let (made, notes) = results.finish()?;
    note(stage, notes, counters);
    for (o, value) in stage.outputs.iter().zip(made) {
        value.map(|value| values.insert(o.value, value));
    }
    Ok(())
}

/// What the passes of a stage have in common.
struct PassRun<'a> {
    plan: &'a Plan,
    n: usize,
    kernel: &'a Kernel,
    values: &'a Values,
    kept: &'a Kept,
    results: &'a Results<'a>,
    taker: Option<&'a dyn Taker>,
    cx: &'a RunContext<'a>,
    counters: &'a Counters,
}

impl PassRun<'_> {
    /// Runs a pass. Gives whether it did: narrow accumulators may not, and what was made is then made again.
    ///
    /// # Errors
    /// The first error of any task; `Cancelled`.
    fn pass(&self, pass: &Pass, bound: &BoundStage, ends: &Ends) -> Result<bool> {
        let PassRun { plan, n, counters, cx, .. } = *self;
        let stage = &plan.stages()[n];
        let narrowed = pass.narrow.then(|| self.kernel.narrowed());
        let kernel = narrowed.as_ref().unwrap_or(self.kernel);
        let walk = Walk::of_pass(stage, pass);
        let part = kernel_of_pass(kernel, pass);
        let shared = Shared::new(plan, n, bound, pass, walk.tasks, &counters.meter);
        let run = StageRun::new(plan, n, bound, pass, &walk, &part, self.values, self.kept, &shared);
        let gathers = Collector::new(stage, kernel, pass, Goal::Results(self.results), &counters.meter);
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

    /// Walks the window of a pass again, with wide accumulators.
    ///
    /// # Errors
    /// As [`PassRun::pass`].
    fn again(&self, pass: &Pass, bound: &BoundStage, ends: &Ends) -> Result<()> {
        let missing = || Error::new(ErrorKind::Internal, "a pass that cannot be walked again was to be");
        let again = bound.again.as_deref().ok_or_else(missing)?;
        let mine = |s: &&Sweep| s.outputs.iter().all(|o| pass.outputs.contains(o));
        for pass in again.passes.sweeps().iter().filter(mine).flat_map(|s| s.within(&pass.window)) {
            if !self.pass(&pass, again, ends)? {
                return Err(missing());
            }
        }
        Ok(())
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
    let tasks = Tasks::new(run.walk.tasks, workers, batch);
    on_workers(cx, workers, &|failed| {
        let stats = OwnStats::new(&counters.stats);
        let rested = Rested::new(counters);
        let mut worker = Worker::wake(rested, run, collector, stats.own(), cx, counters)?;
        while let Some(claimed) = tasks.claim().filter(|_| !failed.load(Relaxed)) {
            for i in claimed.clone() {
                worker.task(i)?;
            }
            if let Some(progress) = cx.progress {
                stats.hand_over();
                progress(Progress {
                    stage: run.n,
                    stages: run.plan.stages().len(),
                    done: tasks.finish(claimed.end - claimed.start),
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
