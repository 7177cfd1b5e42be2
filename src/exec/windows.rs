//! Stages that run window by window together: each does its part of a window before the next window begins, so that
//! what lies between them is there one window at a time.

use super::context::RunContext;
use super::kept::Kept;
use super::reader::Values;
use super::report::Counters;
use super::under_way::{Outlets, UnderWay};
use super::window::Windows;
use crate::error::Result;
use crate::plan::{Bound, Plan, Windowed};

/// Runs stages together, window by window.
///
/// # Errors
/// As [`run`](super::run).
#[allow(clippy::too_many_arguments)]
pub(super) fn run_windowed<'o>(
    plan: &Plan,
    windowed: &Windowed,
    bound: &Bound,
    values: &mut Values,
    outlets: &mut Outlets<'o>,
    kept: &mut Kept,
    cx: &RunContext,
    counters: &'o Counters,
) -> Result<()> {
    let begin = |n| UnderWay::begin(plan, n, bound, Some(windowed), outlets, counters);
    let mut stages = windowed.stages.clone().map(begin).collect::<Result<Vec<_>>>()?;
    let passes = bound.stages[windowed.stages.start].passes.len();
    for p in 0..passes {
        let mut windows = Windows::new();
        for stage in &mut stages {
            let pass = bound.stages[stage.n].passes.sweeps()[0].pass(p);
            let axis = windowed.axis_of(stage.n);
            stage.open((&pass.window, axis), p + 1 == passes, counters)?;
            let kernel = stage.kernel(values, Some(&windows))?;
            stage.pass((p, &pass), &kernel, (values, Some(&windows)), kept, cx, counters)?;
            windows.extend(stage.close());
        }
        let bytes = windows.values().map(|w| w.array.bytes().len() as u64).sum();
        counters.meter.sub(bytes);
    }
    stages.into_iter().try_for_each(|stage| stage.end(values, counters))
}
