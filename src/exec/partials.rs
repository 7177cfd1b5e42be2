//! Pieces of a stage for other machines: what a range of its tasks gathers, and how such partials become
//! the stage's values.
//!
//! A partial can be written, sent, and merged in any order. What its tasks noted goes with it; the rest of
//! the report stays with the process that did them.

use super::collect::{Collector, Lent, Results};
use super::collector::ToPartials;
use super::context::RunContext;
use super::kept::Kept;
use super::reader::Values;
use super::report::{Counters, Fallback, Report};
use super::run::{do_tasks, note};
use super::stage::{Shared, StageRun, Walk, kernel_of};
use super::wire::PartialOutput;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Region;
use crate::ops::kernel::{Kernel, Terminal};
use crate::plan::{Bound, BoundStage, Pass, Plan, Stage};
use crate::size::human_bytes;
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// What one process has gathered from a range of a stage's tasks. It can be written, sent and merged
/// in any order with others of the same stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StagePartial {
    /// The fingerprint of the plan.
    pub plan: u64,
    /// The stage.
    pub stage: usize,
    /// The task ranges that went in, `start..end`.
    pub ranges: Vec<(u64, u64)>,
    /// What was gathered, per output of the stage.
    pub outputs: Vec<PartialOutput>,
    /// What the tasks noted.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Tasks that ran elsewhere than asked.
    #[serde(default)]
    pub fallbacks: Vec<Fallback>,
    /// What was done in this process; it is not written, as times and counts differ from run to run.
    #[serde(skip)]
    pub report: Report,
}

/// The values after a stage, from partials that were merged, and what was met on the way.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    /// The values so far: those that were there, and the stage's.
    pub values: Values,
    /// What merging did, with the notes and fallbacks of all partials.
    pub report: Report,
}

impl Deref for Merged {
    type Target = Values;
    fn deref(&self) -> &Values {
        &self.values
    }
}

/// The stage as bound, with fewer workers and chunks kept where what a range of tasks gathers takes
/// their room. All outputs are gathered in one walk, and nothing of it can be finished before the
/// partials of other ranges are there.
fn fitted(plan: &Plan, n: usize, tasks: u64, kernel: &Kernel, bound: &Bound) -> Result<BoundStage> {
    let stage = &plan.stages()[n];
    let mut fitted = bound.stages[n].clone();
    let (block, domain) = (stage.grid.largest(), stage.grid.shape());
    let partial = |t: &Terminal| t.state_bytes(&block);
    let gathered = |t: &Terminal| t.state_bytes(&domain).min(partial(t).saturating_mul(tasks));
    let gathered = kernel.terminals.iter().map(gathered);
    let read = stage.values_read().into_iter().map(|v| plan.values()[v].bytes());
    let fixed = gathered.chain(read).fold(0, u64::saturating_add);
    // Windows have smaller partials than a walk over all of the stage, and elements that go to their results
    // have none: here every output has one.
    let partials = kernel.terminals.iter().map(partial);
    fitted.worker_bytes = partials.fold(fitted.staging_bytes, u64::saturating_add);
    let needed = |f: &BoundStage| {
        fixed.saturating_add(f.cache_bytes).saturating_add(f.worker_bytes.saturating_mul(f.workers as u64))
    };
    while fitted.workers > 1 && needed(&fitted) > bound.memory {
        fitted.workers -= 1;
    }
    fitted.cache_bytes = fitted.cache_bytes.saturating_sub(needed(&fitted).saturating_sub(bound.memory));
    if needed(&fitted) > bound.memory {
        let needed = needed(&fitted);
        return Err(Error::new(
            ErrorKind::Budget,
            format!(
                "{tasks} tasks need {} and the memory budget is {}",
                human_bytes(needed),
                human_bytes(bound.memory)
            ),
        )
        .needs(needed)
        .at("stage", n)
        .hint(format!("run fewer tasks at a time, or raise the budget (--memory) to {needed} bytes")));
    }
    Ok(fitted)
}

/// One walk over all of a stage, in C order.
fn whole_stage(stage: &Stage) -> Pass {
    let domain = stage.grid.shape();
    Pass {
        outputs: (0..stage.outputs.len()).collect(),
        window: Region::whole(&domain),
        order: (0..domain.len()).collect(),
    }
}

/// Runs a range of a stage's tasks (C order of its grid).
///
/// # Errors
/// `Index` if the range is not within the stage; else as [`run`](super::run).
pub fn run_tasks(
    plan: &Plan,
    n: usize,
    range: std::ops::Range<u64>,
    bound: &Bound,
    values: &Values,
    cx: &RunContext,
    counters: &Counters,
) -> Result<StagePartial> {
    let stage = plan.stages().get(n).ok_or_else(|| {
        Error::new(
            ErrorKind::Index,
            format!("the plan has {} stages, there is no stage {n}", plan.stages().len()),
        )
    })?;
    let tasks = stage.grid.blocks();
    if range.start > range.end || range.end > tasks {
        return Err(Error::new(
            ErrorKind::Index,
            format!("tasks {}..{} of a stage of {tasks} tasks", range.start, range.end),
        ));
    }
    let kernel = kernel_of(plan, stage, values)?;
    let pass = whole_stage(stage);
    let bound = fitted(plan, n, range.end - range.start, &kernel, bound)?;
    let walk = Walk::of_pass(stage, &pass).only(range.clone());
    let kept = Kept::none(&counters.meter);
    let shared = Shared::new(plan, n, &bound, &pass, walk.tasks, &counters.meter);
    let run = StageRun::new(plan, n, &bound, &pass, &walk, &kernel, values, &kept, &shared);
    let collector = ToPartials(Collector::new(stage, &kernel, &pass, None, &counters.meter));
    do_tasks(&run, &collector, cx, counters)?;
    let outputs = collector.0.into_partials()?;
    if bound.placement.fallback {
        counters.fell_back(&bound.placement.reason, walk.tasks);
    }
    let Report { mut notes, mut fallbacks, .. } = counters.report();
    notes.sort_unstable();
    fallbacks.sort_unstable_by(|a, b| a.reason.cmp(&b.reason));
    Ok(StagePartial {
        plan: plan.fingerprint(),
        stage: n,
        ranges: vec![(range.start, range.end)],
        outputs,
        notes,
        fallbacks,
        report: Report::default(),
    })
}

/// Merges partials that together cover every task of a stage, and finishes its values.
///
/// # Errors
/// `Value` if they are of another plan or stage, overlap, or leave tasks out.
pub fn merge_tasks(
    plan: &Plan,
    n: usize,
    partials: Vec<StagePartial>,
    values: &Values,
    counters: &Counters,
) -> Result<Values> {
    let wrong = |what: String| Error::new(ErrorKind::Value, what).at("stage", n);
    let stage = plan.stages().get(n).ok_or_else(|| wrong("there is no such stage".into()))?;
    let mut ranges: Vec<(u64, u64)> = partials.iter().flat_map(|p| p.ranges.iter().copied()).collect();
    ranges.retain(|r| r.0 < r.1);
    ranges.sort_unstable();
    let fingerprint = plan.fingerprint();
    if partials
        .iter()
        .any(|p| p.plan != fingerprint || p.stage != n || p.outputs.len() != stage.outputs.len())
    {
        return Err(wrong("a partial belongs to another plan or stage".into()));
    }
    let mut next = 0;
    for (start, end) in ranges {
        match start.cmp(&next) {
            std::cmp::Ordering::Less => return Err(wrong(format!("task {start} is in two partials"))),
            std::cmp::Ordering::Greater => {
                return Err(wrong(format!("no partial has tasks {next}..{start}")));
            }
            std::cmp::Ordering::Equal => next = end,
        }
    }
    if next != stage.grid.blocks() {
        return Err(wrong(format!("no partial has tasks {next}..{}", stage.grid.blocks())));
    }
    let kernel = kernel_of(plan, stage, values)?;
    let results = Results::new(stage, plan.values(), &mut Lent::new(), &[], &counters.meter)?;
    let pass = whole_stage(stage);
    let collector = Collector::new(stage, &kernel, &pass, Some(&results), &counters.meter);
    for partial in partials {
        partial.notes.into_iter().for_each(|text| counters.note(text));
        partial.fallbacks.iter().for_each(|f| counters.fell_back(&f.reason, f.tasks));
        let tasks: Vec<(u64, u64)> = partial.ranges;
        for (o, output) in partial.outputs.into_iter().enumerate() {
            collector.take(o, output, &tasks)?;
        }
    }
    collector.finish()?;
    let (made, notes) = results.finish()?;
    note(stage, notes, counters);
    let mut values = values.clone();
    values.extend(stage.outputs.iter().zip(made).filter_map(|(o, value)| Some((o.value, value?))));
    Ok(values)
}
