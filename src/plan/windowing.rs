//! Stages that run window by window together, so that what lies between them is never there as a whole.
//!
//! `std(x - mean(x, axis=0))` needs a mean per column before the first deviation. Where the means of all columns do
//! not fit, some columns go through both stages before the next ones do: one axis, which all the stages share, is cut
//! into windows. A value that only these stages read is there one window at a time ([`Between`]); what an output
//! gathers over the axis that is cut waits from window to window.
//!
//! It is tried where the stages by themselves do not fit, with the fewest windows that do.
//!
//! Limits: the stages follow each other in the plan; one axis is cut; what one makes the others read as it lies, not
//! through slices, feeds or as a fold's params. A block is cut into at most [`MOST_CUTS`] windows, and into none where what it
//! makes is handed on or spilled in blocks.

use super::fit::{Staging, complete, needs_of, staging_of};
use super::needs::Needs;
use super::passes::kept_before_reduced;
use super::sharing::cache_needed;
use super::sweep::{Passes, Sweep};
use super::windowed::{Between, Windowed};
use super::{BoundStage, Ends, Input, Machine, Plan, Read, Stage, Supply, ValueId};
use crate::error::Result;
use crate::grid::AxisGrid;
use num_integer::Integer;
use std::collections::HashMap;
use std::ops::Range;

/// The most windows that a block is cut into: each of them may decode its chunks again, for every stage.
const MOST_CUTS: u64 = 4;

/// As many stages as may run together.
pub(super) const MOST_STAGES: usize = 64;

/// The stages from `first` on that can run window by window, as many as there are, one way for each axis of the
/// first of them that may be cut.
pub(super) fn from(plan: &Plan, first: usize) -> Vec<Windowed> {
    let end = plan.stages().len().min(first + MOST_STAGES);
    let ways = |end| {
        let axes = 0..plan.stages()[first].grid.axes.len();
        axes.filter_map(|axis| trace(plan, first..end, axis)).collect::<Vec<_>>()
    };
    (first + 2..=end).rev().map(ways).find(|ways| !ways.is_empty()).unwrap_or_default()
}

/// The stages of a range, cut along an axis of the first, if they can run so.
fn trace(plan: &Plan, stages: Range<usize>, axis: usize) -> Option<Windowed> {
    let made: HashMap<ValueId, usize> =
        stages.clone().flat_map(|s| plan.stages()[s].outputs.iter().map(move |o| (o.value, s))).collect();
    let inner = |v: &ValueId| made.contains_key(v);
    // Who reads a value of the range, and through which input.
    let mut reads: Vec<(usize, &Input, ValueId)> = Vec::new();
    for n in stages.clone() {
        let stage = &plan.stages()[n];
        let direct = stage.inputs.iter().filter_map(|i| match i.from {
            Supply::Read(Read::Value(v)) if inner(&v) => Some((n, i, v)),
            _ => None,
        });
        let before = reads.len();
        reads.extend(direct);
        // What is read otherwise must be there as a whole.
        if stage.values_read().iter().filter(|v| inner(v)).count() > reads.len() - before {
            return None;
        }
    }
    let mut axes: Vec<Option<usize>> = vec![None; stages.len()];
    axes[0] = Some(axis);
    let at = |n: usize| n - stages.start;
    // An axis that is known to be cut says which one is in the stages that read, and in those that are read.
    loop {
        let mut news = false;
        for &(reader, input, v) in &reads {
            let (from, to) = (at(made[&v]), at(reader));
            let maker = &plan.stages()[made[&v]];
            let known = (axes[from], axes[to]);
            match known {
                (Some(a), None) => axes[to] = Some(axis_seen(plan, maker, input, v, a)?),
                (None, Some(a)) => axes[from] = Some(axis_below(plan, maker, input, v, a)?),
                (Some(a), Some(b)) if axis_seen(plan, maker, input, v, a)? != b => return None,
                _ => {}
            }
            news |= known != (axes[from], axes[to]);
        }
        if !news {
            break;
        }
    }
    let axes = axes.into_iter().collect::<Option<Vec<usize>>>()?;
    let carried =
        |(n, &axis): (usize, &usize)| plan.stages()[n].outputs.iter().any(|o| o.fold.carries() == Some(axis));
    if stages.clone().zip(&axes).any(carried) {
        return None;
    }
    let mut between: Vec<Between> = Vec::new();
    for &(_, _, value) in &reads {
        let only = plan.values()[value].last_use < stages.end;
        if only && between.iter().all(|b| b.value != value) {
            let maker = made[&value];
            let axis = axis_of_value(&plan.stages()[maker], value, axes[at(maker)])?;
            between.push(Between { value, axis });
        }
    }
    (!between.is_empty()).then_some(Windowed { stages, axes, between })
}

/// The axis of a value that an axis of its stage's domain becomes, if it is kept.
fn axis_of_value(maker: &Stage, value: ValueId, axis: usize) -> Option<usize> {
    let output = maker.outputs.iter().find(|o| o.value == value)?;
    let landing = output.fold.landing();
    landing.keeps(axis).then(|| (0..axis).filter(|&d| landing.keeps(d)).count())
}

/// The axis of a reader's domain along which it sees axis `axis` of the maker's, element by element.
fn axis_seen(plan: &Plan, maker: &Stage, input: &Input, value: ValueId, axis: usize) -> Option<usize> {
    let k = axis_of_value(maker, value, axis)?;
    let view = &input.view;
    let mut walks = (0..view.axes.len()).filter(|&d| view.axes[d].from.is_some_and(|(s, _)| s == k));
    let d = walks.next().filter(|_| walks.next().is_none())?;
    let as_it_lies = view.axes[d].from == Some((k, 1))
        && view.base[k] == 0
        && view.axes[d].len == plan.values()[value].shape[k];
    as_it_lies.then_some(d)
}

/// The axis of the maker's domain that is axis `axis` of a reader's.
fn axis_below(plan: &Plan, maker: &Stage, input: &Input, value: ValueId, axis: usize) -> Option<usize> {
    (0..maker.grid.axes.len()).find(|&d| axis_seen(plan, maker, input, value, d) == Some(axis))
}

/// Binds stages that run together: the fewest windows that fit, or the smallest budget that would do.
///
/// # Errors
/// As the kernel of a stage.
pub(super) fn bind(
    plan: &Plan,
    windowed: &Windowed,
    ends: &Ends,
    machine: &Machine,
) -> Result<std::result::Result<Vec<BoundStage>, u64>> {
    let lens = lengths(plan, windowed, ends);
    let mut smallest = u64::MAX;
    for staging in [Staging::Wanted, Staging::None] {
        for &len in &lens {
            let mut fits = Vec::new();
            let mut needed = 0;
            let values = held(plan, windowed, ends, len);
            for n in windowed.stages.clone() {
                let (placement, bytes) = staging_of(plan, n, machine, staging)?;
                let needs = needs_of(plan, n, ends, values, machine, &placement, bytes)?;
                let (sweep, takes) = sweep(&needs, windowed.axis_of(n), len, machine.memory);
                needed = needed.max(takes);
                fits.push((n, needs, placement, sweep));
            }
            smallest = smallest.min(needed);
            if needed <= machine.memory {
                let each = fits.into_iter().map(|(_, needs, placement, sweep)| {
                    complete(&needs, Passes { sweeps: vec![sweep], again: Vec::new() }, placement, machine)
                });
                return Ok(Ok(each.collect()));
            }
        }
    }
    Ok(Err(smallest))
}

/// Lengths of windows, the longest first.
fn lengths(plan: &Plan, windowed: &Windowed, ends: &Ends) -> Vec<u64> {
    let axes = || windowed.stages.clone().map(|n| &plan.stages()[n].grid.axes[windowed.axis_of(n)]);
    let (len, longest) =
        axes().fold((0, 1), |(len, longest), a| (a.len().max(len), a.longest().max(longest)));
    let handed =
        windowed.stages.clone().any(|n| plan.stages()[n].outputs.iter().any(|o| ends.in_blocks(o.value)));
    // Windows that end where blocks end.
    let step = axes().try_fold(1u64, |step, axis| match *axis {
        AxisGrid::Regular { block, phase: 0, step: 1, .. } => Some(step.lcm(&block)).filter(|&s| s < len),
        _ => None,
    });
    let mut out = Vec::new();
    if let Some(step) = step {
        let mut blocks = len.div_ceil(step);
        while blocks > 1 {
            blocks = blocks.div_ceil(2);
            out.push(blocks * step);
        }
    }
    if !handed {
        let mut at = step.unwrap_or(len);
        while at > 1 && at.saturating_mul(MOST_CUTS) > longest {
            at = at.div_ceil(2);
            if at.saturating_mul(MOST_CUTS) >= longest {
                out.push(at);
            }
        }
    }
    out
}

/// Bytes of the values that are there while the stages run with windows of such a length, and of what waits from
/// window to window.
fn held(plan: &Plan, windowed: &Windowed, ends: &Ends, len: u64) -> u64 {
    let Range { start, end } = windowed.stages;
    let mut bytes = 0u64;
    for (n, stage) in plan.stages()[..end].iter().enumerate() {
        for o in &stage.outputs {
            let spec = &plan.values()[o.value];
            bytes = bytes.saturating_add(match windowed.cut(o.value) {
                Some(axis) => spec.bytes() / spec.shape[axis].max(1) * len.min(spec.shape[axis]),
                None if spec.last_use >= start.max(n) => ends.bytes(plan, o.value),
                None => 0,
            });
            let landing = o.fold.landing();
            if n >= start && !landing.keeps(windowed.axis_of(n)) {
                bytes = bytes.saturating_add(o.fold.bytes(&stage.grid.shape()).state);
            }
        }
    }
    bytes
}

/// The walk over windows of a stage, in the order of blocks that takes least, and what it takes.
fn sweep(needs: &Needs, axis: usize, len: u64, memory: u64) -> (Sweep, u64) {
    let domain = needs.stage.grid.shape();
    let mut window = domain.clone();
    window[axis] = len.min(window[axis]);
    let natural: Vec<usize> = (0..domain.len()).collect();
    let outputs: Vec<usize> = (0..needs.stage.outputs.len()).collect();
    let kept = needs.stage.outputs.iter().map(|o| o.fold.landing());
    let orders = kept.filter(|l| l.keeps_any() && !l.keeps_all()).map(kept_before_reduced);
    let mut best: Option<(Sweep, u64)> = None;
    for order in [natural.clone()].into_iter().chain(orders) {
        let sweep = Sweep::new(outputs.clone(), order, &domain, &window);
        let takes = needs.held(&sweep).saturating_add(cache_needed(needs, &sweep));
        if best.as_ref().is_none_or(|(_, least)| takes < *least) {
            best = Some((sweep, takes));
        }
        if takes <= memory {
            break;
        }
    }
    best.unwrap_or_else(|| (Sweep::new(outputs, natural, &domain, &window), u64::MAX))
}
