//! Pieces of a stage for other machines: what a range of its tasks gathers.
//!
//! A partial can be written, sent, and merged in any order (`merge.rs`). What its tasks noted goes with it; the rest
//! of the report stays with the process that did them.

use super::collect::{Collector, Goal};
use super::collector::ToPartials;
use super::context::RunContext;
use super::finished::Finished;
use super::kept::Kept;
use super::reader::Values;
use super::report::{Counters, Report};
use super::room::Room;
use super::stage::{Shared, StageRun, Walk, kernel_of};
use super::under_way::{do_tasks, note};
use super::wire::StagePartial;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Region;
use crate::ops::kernel::{Kernel, Terminal};
use crate::plan::{Bound, BoundStage, Pass, Plan, carried_bytes};
use crate::size::human_bytes;
use std::ops::Range;

/// The stage as bound, with fewer workers and chunks kept where what a range of tasks gathers takes
/// their room. All outputs are gathered in one walk; tiles that have all of their tasks are finished, the others
/// wait for the partials of other ranges.
fn fitted(plan: &Plan, n: usize, tasks: &Range<u64>, kernel: &Kernel, bound: &Bound) -> Result<BoundStage> {
    let stage = &plan.stages()[n];
    let mut fitted = bound.stages[n].clone();
    let (block, room) = (stage.grid.largest(), Room::new(stage, kernel, plan.task_order(n)));
    let order = whole_stage(plan, n).order;
    let read = stage.values_read().into_iter().map(|v| plan.values()[v].bytes());
    let read = read.fold(0, u64::saturating_add);
    // Windows have smaller partials than a walk over all of the stage, and elements that go to their results
    // have none: here every output has one.
    let partials = kernel.terminals.iter().map(|t: &Terminal| t.state_bytes(&block));
    let partials = partials.fold(fitted.staging_bytes, u64::saturating_add);
    fitted.worker_bytes = partials.saturating_add(room.finishing(tasks));
    let needed = |f: &BoundStage| {
        let at_work = f.cache_bytes.saturating_add(f.worker_bytes.saturating_mul(f.workers as u64));
        let workers = f.workers as u64;
        let carried =
            stage.outputs.iter().map(|o| carried_bytes(&o.fold, &stage.grid, &block, &order, workers));
        let carried = carried.fold(0, u64::saturating_add);
        let gathered = room.gathered(tasks, workers).saturating_add(at_work).saturating_add(carried);
        // The workers are gone when states are written.
        gathered.max(room.written(tasks)).saturating_add(read)
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
                "{} tasks need {} and the memory budget is {}",
                tasks.end - tasks.start,
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

/// One walk over all of a stage, in the order in which its tasks are counted.
pub(super) fn whole_stage(plan: &Plan, n: usize) -> Pass {
    let stage = &plan.stages()[n];
    let domain = stage.grid.shape();
    Pass {
        outputs: (0..stage.outputs.len()).collect(),
        window: Region::whole(&domain),
        order: plan.task_order(n).to_vec(),
        narrow: false,
    }
}

/// Runs a range of a stage's tasks (in the order of [`Plan::task_order`]).
///
/// # Errors
/// `Index` if the range is not within the stage; else as [`run`](super::run): what finishing a tile fails with, too.
pub fn run_tasks(
    plan: &Plan,
    n: usize,
    range: Range<u64>,
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
    let carries = stage.outputs.iter().find(|o| o.fold.carries().is_some());
    if let Some(o) = carries.filter(|_| range != (0..tasks)) {
        let (fold, what) = (o.fold.operation(), format!("{}..{}", range.start, range.end));
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "tasks {what} of a stage of {tasks} tasks whose blocks go on from those before them ({fold})"
            ),
        )
        .at("operation", &o.label)
        .hint(format!("run all tasks of the stage in one range, 0..{tasks}")));
    }
    let kernel = kernel_of(plan, stage, values, None)?;
    let pass = whole_stage(plan, n);
    let bound = fitted(plan, n, &range, &kernel, bound)?;
    let walk = Walk::of_pass(stage, &pass).only(range.clone());
    let kept = Kept::none(&counters.meter);
    let shared = Shared::new(plan, n, &bound, &pass, walk.tasks, &counters.meter);
    let run = StageRun::new(plan, n, &bound, &pass, &walk, &kernel, values, &kept, &shared);
    let finished = Finished::new(stage, &counters.meter);
    let gathers = Collector::new(stage, &kernel, &pass, Goal::Partials(&finished), &counters.meter);
    let collector = ToPartials(gathers.in_pieces());
    do_tasks(&run, &collector, cx, counters)?;
    let noted = finished.noted();
    // There is room for what is written: it was counted with.
    let outputs = collector.0.into_partials(&|_| Ok(()))?;
    if bound.placement.fallback {
        counters.fell_back(&bound.placement.reason, walk.tasks);
    }
    let Report { mut notes, mut fallbacks, .. } = counters.report();
    notes.sort_unstable();
    fallbacks.sort_unstable_by(|a, b| a.reason.cmp(&b.reason));
    // What is said of finished tiles travels with them, and is said here too.
    note(stage, noted, counters);
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
