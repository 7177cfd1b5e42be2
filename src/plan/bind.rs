//! Binding: what a plan needs on this machine, found before anything is read.
//!
//! The plan says what is computed in which blocks; binding says in which order, by how many workers,
//! with which buffers, on which device. Everything that a run will hold is added up here. What does
//! not fit is first run in more passes (each reduction with the order of blocks that suits it, then
//! its output in windows); what does not fit then is refused, with the budget that would do.

use super::bound::{Bound, BoundStage};
use super::fit::{Staging, complete, needs_of, staging_of};
use super::passes::passes;
use super::place::{Machine, Placement};
use super::windowed::Windowed;
use super::windowing;
use super::{Ends, Plan};
use crate::error::{Error, ErrorKind, Result};
use crate::size::human_bytes;

impl Bound {
    /// Binds a plan.
    ///
    /// # Errors
    /// `Budget` if something does not fit; the error names it and the smallest budget that works.
    pub fn new(plan: &Plan, ends: &Ends, machine: &Machine) -> Result<Bound> {
        let results = results_bytes(plan, ends);
        let Each { stages, windowed } = each_stage(plan, ends, machine)?;
        // The budget that is named does for every stage, and for all results together.
        let needed = stages.iter().filter_map(|s| s.as_ref().err()).map(|(needed, _)| *needed);
        let smallest = needed.fold(results, u64::max);
        let stages = stages.into_iter().collect::<std::result::Result<Vec<_>, Refused>>();
        match stages {
            Ok(stages) if results <= machine.memory => Ok(Bound::of(plan, ends, machine, stages, windowed)),
            stages => {
                let first = stages.err().map(|(_, e)| e);
                Err(refusal(results, machine.memory, first, smallest))
            }
        }
    }

    /// Of stages that fit, some of them window by window.
    pub(super) fn of(
        plan: &Plan,
        ends: &Ends,
        machine: &Machine,
        stages: Vec<BoundStage>,
        windowed: Vec<Windowed>,
    ) -> Bound {
        let (ends, memory) = (ends.clone(), machine.memory);
        let mut bound =
            Bound { stages, peak_bytes: 0, memory, kept: Vec::new(), ends, spill: None, windowed };
        bound.keep(plan);
        bound
    }
}

/// Bytes of all results that the run holds.
pub(super) fn results_bytes(plan: &Plan, ends: &Ends) -> u64 {
    plan.results().iter().map(|&r| ends.bytes(plan, r)).fold(0, u64::saturating_add)
}

/// The stages, each bound or refused, and those that run window by window together.
pub(super) struct Each {
    pub(super) stages: Vec<std::result::Result<BoundStage, Refused>>,
    pub(super) windowed: Vec<Windowed>,
}

/// The stages, each bound by itself, or else with those around it.
///
/// # Errors
/// What folds say of their params.
pub(super) fn each_stage(plan: &Plan, ends: &Ends, machine: &Machine) -> Result<Each> {
    let alive = plan.alive_bytes(ends).into_iter().enumerate();
    let alone = alive.map(|(n, alive)| bind_stage(plan, n, ends, alive, machine));
    let mut stages = alone.collect::<Result<Vec<_>>>()?;
    let windowed = if ends.apart { Vec::new() } else { together(plan, ends, machine, &mut stages)? };
    Ok(Each { stages, windowed })
}

/// The error for a plan that does not fit; `stage` is that of the first of its stages that does not, and `smallest`
/// the budget that does.
pub(super) fn refusal(results: u64, memory: u64, stage: Option<Error>, smallest: u64) -> Error {
    let named = format!("the smallest budget that works is {smallest} bytes ({})", human_bytes(smallest));
    let refused = match stage {
        Some(e) if results <= memory => e.hint(named),
        _ => too_large(results, memory, &named),
    };
    refused.needs(smallest)
}

/// The error for results that do not fit by themselves.
fn too_large(results: u64, memory: u64, named: &str) -> Error {
    let (results, memory) = (human_bytes(results), human_bytes(memory));
    Error::new(ErrorKind::Budget, format!("the result needs {results} and the memory budget is {memory}"))
        .hint(format!(
            "reduce or slice it, store() it in a file, go through it with blocks(), or raise the budget \
             (--memory): {named}"
        ))
}

/// A stage that does not fit: the smallest budget that would do for it, and the error.
pub(super) type Refused = (u64, Error);

/// Has stages that do not fit run window by window with those around them, where that fits.
fn together(
    plan: &Plan,
    ends: &Ends,
    machine: &Machine,
    stages: &mut [std::result::Result<BoundStage, Refused>],
) -> Result<Vec<Windowed>> {
    let mut out: Vec<Windowed> = Vec::new();
    let mut n = 0;
    while n < stages.len() {
        let mut end = n + 1;
        let near = &stages[n..stages.len().min(n + windowing::MOST_STAGES)];
        let ways = if near.iter().any(|s| s.is_err()) { windowing::from(plan, n) } else { Vec::new() };
        let mut smallest = u64::MAX;
        for way in ways {
            if stages[way.stages.clone()].iter().all(|s| s.is_ok()) {
                continue;
            }
            match windowing::bind(plan, &way, ends, machine)? {
                Ok(bound) => {
                    end = way.stages.end;
                    stages[way.stages.clone()].iter_mut().zip(bound).for_each(|(s, b)| *s = Ok(b));
                    out.push(way);
                    break;
                }
                Err(needed) if needed < smallest => {
                    smallest = needed;
                    for (least, _) in stages[way.stages.clone()].iter_mut().filter_map(|s| s.as_mut().err()) {
                        *least = needed.min(*least);
                    }
                }
                Err(_) => {}
            }
        }
        n = end;
    }
    Ok(out)
}

/// Binds a stage where it is wanted, or on the CPU if the staging memory of a device does not fit. `values`
/// are the bytes of the values that are there meanwhile.
fn bind_stage(
    plan: &Plan,
    n: usize,
    ends: &Ends,
    values: u64,
    machine: &Machine,
) -> Result<std::result::Result<BoundStage, Refused>> {
    let (placement, staging) = staging_of(plan, n, machine, Staging::Wanted)?;
    if staging > 0 {
        let bound = bind_placed(plan, n, ends, values, machine, placement, staging)?;
        if bound.is_ok() {
            return Ok(bound);
        }
        let (placement, staging) = staging_of(plan, n, machine, Staging::None)?;
        return bind_placed(plan, n, ends, values, machine, placement, staging);
    }
    bind_placed(plan, n, ends, values, machine, placement, staging)
}

fn bind_placed(
    plan: &Plan,
    n: usize,
    ends: &Ends,
    values: u64,
    machine: &Machine,
    placement: Placement,
    staging: u64,
) -> Result<std::result::Result<BoundStage, Refused>> {
    let needs = needs_of(plan, n, ends, values, machine, &placement, staging)?;
    let passes = passes(&needs, machine.memory).map_err(|smallest| {
        let e = Error::new(
            ErrorKind::Budget,
            format!(
                "the memory budget of {} is too small: a task over a block of shape {} needs {}",
                human_bytes(machine.memory),
                crate::grid::show_shape(&needs.largest),
                human_bytes(smallest)
            ),
        )
        .at("operation", &needs.stage.outputs[0].label);
        (smallest, e)
    });
    let mut passes = match passes {
        Ok(passes) => passes,
        Err(refused) => return Ok(Err(refused)),
    };
    let again = passes.take_again();
    let again = again.map(|again| Box::new(complete(&needs, again, placement.clone(), machine)));
    Ok(Ok(BoundStage { again, ..complete(&needs, passes, placement, machine) }))
}
