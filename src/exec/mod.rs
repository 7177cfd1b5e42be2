//! The executor: obeys a bound plan.
//!
//! Stages run one after the other, a stage pass by pass (`stage.rs`). Workers take tasks from a counter
//! (`schedule.rs`) and do them (`task.rs`): a worker brings the inputs of its block into memory, runs the
//! kernel over them while they are in its cache, and keeps the partial until it moves to another tile of
//! the output. There is no queue between reading and computing: one worker's decode overlaps another's
//! arithmetic, no block waits in memory, and the number of workers bounds what is held. One worker runs on
//! the calling thread. Where the outputs go (`collector.rs`) is all in which a run differs from a piece of
//! one for another machine (`partials.rs`), from a store, and from blocks one by one (`blocks.rs`).

mod ahead;
mod blocks;
mod budget;
mod cache;
mod collect;
mod collector;
mod feed;
mod kept;
mod lane;
mod partials;
mod parts;
mod report;
mod schedule;
mod stage;
mod task;
mod value;

pub use blocks::BlockRun;
pub use collect::{Lent, PartialOutput};
pub use collector::{Handed, Taker};
pub use feed::Values;
pub use partials::{Merged, StagePartial, merge_tasks, run_tasks};
pub use report::{Cancel, Counters, Fallback, Progress, Report, TaskCounts};
pub use value::{ArrayValue, Value};

use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::simd::Simd;
use crate::plan::{Bound, Plan, Stage};
use crate::trace::Trace;
use collect::{Collector, Noted, Results};
use collector::{HandOn, ToResults};
use kept::Kept;
use stage::{Shared, StageRun, Walk, kernel_of, kernel_of_pass};
use std::sync::Arc;

/// Called now and then with how far a run is.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);

/// What a run needs beside its plan.
pub struct RunContext<'a> {
    /// The CPU, on which anything can run.
    pub cpu: &'a dyn Backend,
    /// The GPU, for stages that are placed on it.
    pub gpu: Option<&'a dyn Backend>,
    /// Whether work that the GPU fails at is an error, rather than the CPU's.
    pub refuse_fallback: bool,
    /// Its vector level.
    pub simd: Simd,
    /// Threads for more than one worker.
    pub pool: Option<&'a rayon::ThreadPool>,
    /// Stops the run.
    pub cancel: &'a Cancel,
    /// Hears of progress.
    pub progress: Option<OnProgress<'a>>,
    /// Where it is written down when what was done.
    pub trace: Option<&'a Arc<Trace>>,
}

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
pub fn result(values: &Values, v: crate::plan::ValueId) -> Result<Value> {
    values.get(&v).cloned().ok_or_else(|| Error::new(ErrorKind::Internal, "a result was never made"))
}

/// Runs the first stages. Gives their values, and the chunks that are kept for those that follow.
fn run_stages(
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
    for (p, pass) in bound.passes.iter().enumerate() {
        kept.begin(n, p);
        let walk = Walk::of_pass(stage, pass);
        let part = kernel_of_pass(&kernel, pass);
        let shared = Shared::new(plan, n, bound, pass, walk.tasks, &counters.meter);
        let run = StageRun::new(plan, n, bound, pass, &walk, &part, values, kept, &shared);
        let gathers = Collector::new(stage, &kernel, pass, Some(&results), &counters.meter);
        let gathers = match taker {
            None => {
                let collector = ToResults(gathers);
                run.run(&collector, cx, counters)?;
                collector.0
            }
            Some(taker) => {
                let collector = HandOn::new(gathers, stage, pass, ends, taker);
                run.run(&collector, cx, counters)?;
                collector.into_gathers()
            }
        };
        gathers.finish()?;
        kept.end();
    }
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

/// Notes what rows said of a stage's outputs.
fn note(stage: &Stage, notes: Vec<Noted>, counters: &Counters) {
    for (output, note) in notes {
        for text in note.texts() {
            counters.note(format!("{text} ({})", stage.outputs[output].label));
        }
    }
}
