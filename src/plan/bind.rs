//! Binding: what a plan needs on this machine, found before anything is read.
//!
//! The plan says what is computed in which blocks; binding says in which order, by how many workers,
//! with which buffers, on which device. Everything that a run will hold is added up here. What does
//! not fit is first run in more passes (each reduction with the order of blocks that suits it, then
//! its output in windows); what does not fit then is refused, with the budget that would do.

use super::bound::{Bound, BoundStage};
use super::needs::Needs;
use super::passes::passes;
use super::place::{Machine, Placement, Wish, place, products_of, tiles};
use super::reads::reads;
use super::sharing::{cache_needed, cache_wanted};
use super::sweep::Passes;
use super::{Ends, Input, MAX_KEPT_RUNNERS, Plan, Read, Stage, SubKernel, Supply, Together};
use crate::backend::{Backend, DeviceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::FeedBytes;
use crate::grid::Dims;
use crate::ops::kernel::Kernel;
use crate::size::human_bytes;
use crate::source::ScratchNeeds;

impl Bound {
    /// Binds a plan.
    ///
    /// # Errors
    /// `Budget` if something does not fit; the error names it and the smallest budget that works.
    pub fn new(plan: &Plan, ends: &Ends, machine: &Machine) -> Result<Bound> {
        let mut stages = Vec::new();
        let results = plan.results().iter().map(|&r| ends.bytes(plan, r)).fold(0, u64::saturating_add);
        let mut refused: Option<Error> = None;
        // The budget that is named does for every stage, and for all results together.
        let mut smallest = results;
        for (n, alive) in plan.alive_bytes(ends).into_iter().enumerate() {
            match bind_stage(plan, n, ends, alive, machine)? {
                Ok(stage) => stages.push(stage),
                Err((needed, e)) => {
                    smallest = smallest.max(needed);
                    refused.get_or_insert(e);
                }
            }
        }
        let named =
            || format!("the smallest budget that works is {smallest} bytes ({})", human_bytes(smallest));
        if results > machine.memory {
            return Err(too_large(results, machine.memory, &named()).needs(smallest));
        }
        if let Some(e) = refused {
            return Err(e.hint(named()).needs(smallest));
        }
        let (ends, memory) = (ends.clone(), machine.memory);
        let mut bound = Bound { stages, peak_bytes: 0, memory, kept: Vec::new(), ends };
        bound.keep(plan);
        Ok(bound)
    }
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
type Refused = (u64, Error);

/// Binds a stage where it is wanted, or on the CPU if the staging memory of a device does not fit. `values`
/// are the bytes of the values that are there meanwhile.
fn bind_stage(
    plan: &Plan,
    n: usize,
    ends: &Ends,
    values: u64,
    machine: &Machine,
) -> Result<std::result::Result<BoundStage, Refused>> {
    let stage = &plan.stages()[n];
    let kernel = stage.kernel(None)?;
    let largest = match stage.grid.blocks() {
        0 => Dims::from_elem(1, stage.grid.axes.len()),
        _ => stage.grid.largest(),
    };
    let mut products = Vec::new();
    stage.inputs.iter().for_each(|i| products_of(i, &mut products));
    let placement = place(&kernel, &largest, stage.grid.blocks(), &products, machine);
    if let (Wish::Prefer(backend) | Wish::Faster { backend, .. }, DeviceKind::Gpu) =
        (&machine.device, placement.device)
    {
        let staging = backend.worker_bytes(&kernel, &largest).host;
        let bound = bind_placed(plan, n, ends, values, machine, placement, staging)?;
        if bound.is_ok() {
            return Ok(bound);
        }
        let reason = format!("the memory budget leaves no room for {} of staging", human_bytes(staging));
        let fallback = matches!(machine.device, Wish::Prefer(_));
        let placement = Placement { device: DeviceKind::Cpu, reason, fallback };
        return bind_placed(plan, n, ends, values, machine, placement, 0);
    }
    bind_placed(plan, n, ends, values, machine, placement, 0)
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
    let stage = &plan.stages()[n];
    let kernel = stage.kernel(None)?;
    let largest = match stage.grid.blocks() {
        0 => Dims::from_elem(1, stage.grid.axes.len()),
        _ => stage.grid.largest(),
    };
    let inputs = inputs_bytes(plan, machine.cpu, stage, &largest)
        .saturating_add(staging.saturating_add(machine.cpu.worker_bytes(&kernel, &largest).host));
    let in_place = placement.device == DeviceKind::Cpu;
    let needs = Needs { plan, stage, ends, kernel, largest, values, inputs, in_place };
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
        .at("operation", &stage.outputs[0].label);
        (smallest, e)
    });
    let mut passes = match passes {
        Ok(passes) => passes,
        Err(refused) => return Ok(Err(refused)),
    };
    let again = passes.take_again();
    let again = again.map(|again| Box::new(sized(&needs, again, machine, placement.clone())));
    Ok(Ok(BoundStage { again, ..sized(&needs, passes, machine, placement) }))
}

/// A stage that takes these passes, with its workers and buffers.
fn sized(needs: &Needs, passes: Passes, machine: &Machine, placement: Placement) -> BoundStage {
    let widest = |workers: u64| -> (u64, u64) {
        let each = passes.sweeps().iter().map(|p| needs.of(p, workers));
        each.max_by_key(|&(worker, shared)| workers.saturating_mul(worker).saturating_add(shared))
            .unwrap_or((0, 0))
    };
    let at = |workers: u64| {
        let (worker, shared) = widest(workers);
        workers.saturating_mul(worker).saturating_add(shared).saturating_add(needs.values)
    };
    // Decoded chunks that several tasks share come before more workers: decoding twice costs more.
    let shared_chunks = |workers| {
        let wanted = passes.sweeps().iter().map(|p| cache_wanted(needs, p, workers));
        wanted.max().unwrap_or(0)
    };
    let needed = passes.sweeps().iter().map(|p| cache_needed(needs, p)).max().unwrap_or(0);
    let wanted = shared_chunks(1).max(needed);
    let spare = machine.memory.saturating_sub(at(1));
    let most = machine.threads.max(1) as u64;
    let cache = wanted.min(if most == 1 { spare } else { spare / 4 * 3 }).max(needed);
    let tasks = needs.stage.grid.blocks().max(1);
    let mut workers = most.min(tasks);
    let with = |workers: u64| cache.max(needed.saturating_mul(workers));
    while workers > 1 && at(workers).saturating_add(with(workers)) > machine.memory {
        workers -= 1;
    }
    // Workers are not always at neighbouring blocks: room that is left is for what that takes.
    let left = machine.memory.saturating_sub(at(workers));
    let cache_bytes = with(workers).max(left.min(shared_chunks(workers)));
    let (worker_bytes, shared) = widest(workers);
    let reads = reads(needs, &passes, cache_bytes >= wanted);
    BoundStage {
        passes,
        workers: workers as usize,
        worker_bytes,
        staging_bytes: needs.inputs,
        cache_bytes,
        shared_bytes: shared.saturating_add(needs.values),
        placement,
        reads,
        again: None,
    }
}

/// Bytes of staging and read scratch for the inputs of one block.
fn inputs_bytes(plan: &Plan, cpu: &dyn Backend, stage: &Stage, block: &[u64]) -> u64 {
    let (inputs, program) = (&stage.inputs, &stage.program);
    let len: u64 = block.iter().product();
    let mut staged = 0u64;
    let mut scratch = ScratchNeeds::default();
    let together = Together::new(plan, inputs, block);
    for (i, (input, dtype)) in inputs.iter().zip(&program.inputs).enumerate() {
        let elements = match together.group(i) {
            None => len,
            Some(group) if group.members[0] == i => group.most(&input.view, block),
            // In what the first of them has staged.
            Some(_) => continue,
        };
        let bytes = elements.saturating_mul(dtype.size() as u64);
        let in_memory = match input.from {
            Supply::Read(Read::Value(_)) => true,
            Supply::Read(Read::Source(s)) => plan.opened()[s].bytes().is_some(),
            Supply::Feed(_) => false,
        };
        if !in_memory {
            let FeedBytes { temporary, scratch: read } = supply_bytes(plan, cpu, &input.from, bytes, block);
            staged = staged.saturating_add(bytes);
            staged = staged.saturating_add(temporary.saturating_mul(tiles(input, block)));
            scratch = scratch.and(&read);
        }
    }
    let mut runners = Vec::new();
    inputs.iter().for_each(|i| nested_runners(cpu, i, &mut runners));
    runners.sort_unstable_by(|a, b| b.cmp(a));
    let kept = runners.iter().take(MAX_KEPT_RUNNERS).fold(0, |sum: u64, &n| sum.saturating_add(n));
    staged.saturating_add(scratch.total()).saturating_add(kept)
}

/// The bytes of the runner of each kernel nested in an input.
fn nested_runners(cpu: &dyn Backend, input: &Input, out: &mut Vec<u64>) {
    for k in input.children() {
        out.push(runner_bytes(cpu, k));
        k.inputs.iter().for_each(|i| nested_runners(cpu, i, out));
    }
}

/// Whether a kernel hands on its input in the order in which it lies there.
fn in_place(kernel: &SubKernel) -> bool {
    kernel.program.as_identity().is_some_and(|i| {
        let view = &kernel.inputs[i].view;
        let in_order = |(d, a): (usize, &crate::view::ViewAxis)| a.from.is_some_and(|(s, t)| s == d && t > 0);
        view.axes.len() == view.base.len() && view.axes.iter().enumerate().all(in_order)
    })
}

fn runner_bytes(cpu: &dyn Backend, kernel: &SubKernel) -> u64 {
    let bare = Kernel { program: kernel.program.clone(), terminals: Vec::new() };
    cpu.worker_bytes(&bare, &kernel.shape).host
}

/// Temporary bytes that bringing an input takes beside its own elements, and read scratch.
fn supply_bytes(plan: &Plan, cpu: &dyn Backend, from: &Supply, bytes: u64, block: &[u64]) -> FeedBytes {
    match from {
        Supply::Read(Read::Value(_)) => FeedBytes::default(),
        Supply::Read(Read::Source(s)) => {
            FeedBytes { temporary: 0, scratch: plan.opened()[*s].scratch_needs() }
        }
        Supply::Feed(fed) => fed.bytes(block, bytes, &|k, block| kernel_bytes(plan, cpu, k, block)),
    }
}

fn kernel_bytes(plan: &Plan, cpu: &dyn Backend, kernel: &SubKernel, block: &[u64]) -> FeedBytes {
    let len: u64 = block.iter().product();
    let mut temporary = 0u64;
    let mut scratch = ScratchNeeds::default();
    for (input, dtype) in kernel.inputs.iter().zip(&kernel.program.inputs) {
        let bytes = len.saturating_mul(dtype.size() as u64);
        let inner = supply_bytes(plan, cpu, &input.from, bytes, block);
        // An input that is handed on as it lies is read where it is wanted.
        let staged = if in_place(kernel) { 0 } else { bytes };
        temporary = temporary.saturating_add(staged).saturating_add(inner.temporary);
        scratch = scratch.and(&inner.scratch);
    }
    // What the runner makes is copied to where it is wanted, unless the input is read in place.
    let out = kernel.program.outputs.first().map_or(0, |&r| kernel.program.dtype(r).size() as u64);
    let made = if in_place(kernel) { 0 } else { len.saturating_mul(out) };
    let temporary = temporary.saturating_add(made).saturating_add(runner_bytes(cpu, kernel));
    FeedBytes { temporary, scratch }
}
