//! A run: the stages of a plan one after the other, each pass by pass.

use super::context::RunContext;
use super::kept::Kept;
use super::reader::Values;
use super::report::Counters;
use super::under_way::{Outlets, UnderWay};
use super::value::Value;
use super::windows::run_windowed;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Bound, Plan, ValueId};

/// Runs all stages. Gives the values that the plan's results are, but for those that went elsewhere. The
/// workers have ended when this returns, whatever it returns.
///
/// # Errors
/// The first error of any task; `Cancelled`. What is in lent memory then is unspecified.
pub fn run<'o>(
    plan: &Plan,
    bound: &Bound,
    mut outlets: Outlets<'o>,
    cx: &RunContext,
    counters: &'o Counters,
) -> Result<Values> {
    let plan = bound.plan(plan);
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
pub(super) fn run_stages<'o>(
    plan: &Plan,
    stages: usize,
    bound: &Bound,
    outlets: &mut Outlets<'o>,
    cx: &RunContext,
    counters: &'o Counters,
) -> Result<(Values, Kept)> {
    let mut values = Values::new();
    let mut kept = Kept::new(plan, bound, &counters.meter);
    let mut n = 0;
    while n < stages {
        let from = n;
        let began = counters.begin_stage();
        n = match bound.windowed(n) {
            Some(w) => {
                run_windowed(plan, w, bound, &mut values, outlets, &mut kept, cx, counters)?;
                w.stages.end
            }
            None => {
                let mut stage = UnderWay::begin(plan, n, bound, None, outlets, counters)?;
                let kernel = stage.kernel(&values, None)?;
                for (p, pass) in (0..).zip(bound.stages[n].passes.iter()) {
                    stage.pass((p, &pass), &kernel, (&values, None), &mut kept, cx, counters)?;
                }
                stage.end(&mut values, counters)?;
                n + 1
            }
        };
        counters.end_stages(from..n, plan, bound, began);
        release(plan, n - 1, &mut values, counters);
        let over = bound.spill.iter().flat_map(|s| &s.values).filter(|s| (from..n).contains(&s.last));
        over.for_each(|s| s.store.free());
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
