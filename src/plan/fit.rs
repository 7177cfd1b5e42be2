//! What a stage takes where it is placed, and how it fits: staging, workers, decoded chunks.

use super::bound::BoundStage;
use super::needs::Needs;
use super::place::{Machine, Placement, Wish, place, products_of, tiles};
use super::reads::reads;
use super::sharing::{aligned, cache_needed, cache_wanted};
use super::sweep::Passes;
use super::{Ends, Input, MAX_KEPT_RUNNERS, Plan, Read, Stage, SubKernel, Supply, Together};
use crate::backend::{Backend, DeviceKind};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::feeds::FeedBytes;
use crate::grid::Dims;
use crate::ops::kernel::Kernel;
use crate::size::human_bytes;
use crate::source::{Own, ScratchNeeds};

/// What a device may stage of a stage.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Staging {
    /// All that it wants.
    Wanted,
    /// Nothing: the stage is the CPU's.
    None,
}

/// Where a stage goes, and the bytes of staging that this takes on the host.
///
/// # Errors
/// As the kernel of the stage.
pub(super) fn staging_of(
    plan: &Plan,
    n: usize,
    machine: &Machine,
    staging: Staging,
) -> Result<(Placement, u64)> {
    let stage = &plan.stages()[n];
    let (kernel, largest) = (stage.kernel(None)?, largest(stage));
    let mut products = Vec::new();
    stage.inputs.iter().for_each(|i| products_of(i, &mut products));
    let placement = place(&kernel, &largest, stage.grid.blocks(), &products, machine);
    let (Wish::Prefer(backend) | Wish::Faster { backend, .. }, DeviceKind::Gpu) =
        (&machine.device, placement.device)
    else {
        return Ok((placement, 0));
    };
    let bytes = backend.worker_bytes(&kernel, &largest).host;
    if staging == Staging::Wanted {
        return Ok((placement, bytes));
    }
    let reason = format!("the memory budget leaves no room for {} of staging", human_bytes(bytes));
    let fallback = matches!(machine.device, Wish::Prefer(_));
    Ok((Placement { device: DeviceKind::Cpu, reason, fallback }, 0))
}

/// The shape of a stage's largest block.
fn largest(stage: &Stage) -> Dims {
    match stage.grid.blocks() {
        0 => Dims::from_elem(1, stage.grid.axes.len()),
        _ => stage.grid.largest(),
    }
}

/// What a stage needs where it is placed.
///
/// # Errors
/// As the kernel of the stage.
pub(super) fn needs_of<'a>(
    plan: &'a Plan,
    n: usize,
    ends: &'a Ends,
    values: u64,
    machine: &Machine,
    placement: &Placement,
    staging: u64,
) -> Result<Needs<'a>> {
    let stage = &plan.stages()[n];
    let (kernel, largest) = (stage.kernel(None)?, largest(stage));
    let (read, parts_bytes) = inputs_bytes(plan, machine.cpu, stage, &largest);
    let inputs =
        read.saturating_add(staging.saturating_add(machine.cpu.worker_bytes(&kernel, &largest).host));
    let in_place = placement.device == DeviceKind::Cpu;
    let parts = if in_place { parts_bytes } else { 0 };
    let values = stage.inputs.iter().map(held_by).fold(values, u64::saturating_add);
    Ok(Needs { plan, stage, ends, kernel, largest, values, inputs, parts, in_place })
}

/// A stage with its passes: as many workers and decoded chunks as the budget has room for.
pub(super) fn complete(needs: &Needs, passes: Passes, placement: Placement, machine: &Machine) -> BoundStage {
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
    // Workers are not always at neighbouring blocks. Where some of them go and the chunks of the others have room, no chunk
    // is decoded twice; half of them are as fast as all that decode twice. Otherwise room that is left is for some of it.
    let all_of = |workers: u64| shared_chunks(workers).max(with(workers));
    let mut fewer = (workers.div_ceil(2)..=workers).rev();
    let enough = |workers: &u64| at(*workers).saturating_add(all_of(*workers)) <= machine.memory;
    workers = fewer.find(enough).unwrap_or(workers);
    let left = machine.memory.saturating_sub(at(workers));
    // A worker that is held up keeps the others back before a chunk that it wants has to go: the later the more is kept.
    let room = |under_way: &u64| (1..=left).contains(&shared_chunks(*under_way));
    let lead = [2 * workers, workers].into_iter().filter(|_| workers > 1).find(room);
    let cache_bytes = with(workers).max(left.min(shared_chunks(lead.unwrap_or(workers))));
    let (worker_bytes, shared) = widest(workers);
    let reads = reads(needs, &passes, cache_bytes >= shared_chunks(workers));
    BoundStage {
        passes,
        workers: workers as usize,
        worker_bytes,
        staging_bytes: needs.inputs,
        cache_bytes,
        lead,
        shared_bytes: shared.saturating_add(needs.values),
        placement,
        reads,
        again: None,
    }
}

/// Bytes of staging and read scratch for the inputs of one block, and how many of these are for parts of chunks, of which
/// no block of the stage wants one.
fn inputs_bytes(plan: &Plan, cpu: &dyn Backend, stage: &Stage, block: &[u64]) -> (u64, u64) {
    let (inputs, program) = (&stage.inputs, &stage.program);
    let len: u64 = block.iter().product();
    let mut staged = 0u64;
    let (mut scratch, mut whole) = (ScratchNeeds::default(), ScratchNeeds::default());
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
            let FeedBytes { temporary, scratch: read } = supply_bytes(plan, cpu, input, bytes, block);
            staged = staged.saturating_add(allocated(bytes));
            staged = staged.saturating_add(temporary.saturating_mul(tiles(input, block)));
            scratch = scratch.and(&read);
            let in_place = together.group(i).is_none() && takes_whole_chunks(plan, stage, input, block);
            whole = whole.and(&if in_place { ScratchNeeds { chunk: 0, ..read } } else { read });
        }
    }
    let mut runners = Vec::new();
    inputs.iter().for_each(|i| nested_runners(cpu, i, &mut runners));
    runners.sort_unstable_by(|a, b| b.cmp(a));
    let kept = runners.iter().take(MAX_KEPT_RUNNERS).fold(0, |sum: u64, &n| sum.saturating_add(n));
    let parts = scratch.total() - whole.total();
    (staged.saturating_add(scratch.total()).saturating_add(kept), parts)
}

/// Whether every block of a stage takes whole chunks of an input, each of which is decoded where it is staged.
fn takes_whole_chunks(plan: &Plan, stage: &Stage, input: &Input, block: &[u64]) -> bool {
    let Some(s) = input.source() else { return false };
    let (source, view) = (&plan.sources()[s], &input.view);
    let Some(chunks) = source.chunks.as_ref().filter(|_| plan.opened()[s].decodes_in_place(Own)) else {
        return false;
    };
    let rank = source.shape.len();
    if view.axes.len() != rank || (0..rank).any(|d| view.axes[d].from != Some((d, 1))) {
        return false;
    }
    // A chunk over the edge of the array is not wanted as a whole.
    let no_edges =
        (0..rank).all(|d| chunks.cuts(d).is_none() && source.shape[d].is_multiple_of(chunks.shape()[d]));
    // In the block a chunk is one run.
    let first = chunks.shape().iter().position(|&n| n > 1).unwrap_or(rank);
    let one_run = (first + 1..rank).all(|d| block[d] == chunks.shape()[d]);
    no_edges && one_run && aligned(&stage.grid, input, chunks)
}

/// Bytes of a buffer for so many.
fn allocated(bytes: u64) -> u64 {
    usize::try_from(bytes).map_or(u64::MAX, |len| Buffer::capacity_for(len) as u64)
}

/// The bytes that the feeds of an input bring along.
fn held_by(input: &Input) -> u64 {
    let own = input.fed().map_or(0, |fed| fed.feed.held());
    input.children().iter().flat_map(|k| &k.inputs).map(held_by).fold(own, u64::saturating_add)
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
fn supply_bytes(plan: &Plan, cpu: &dyn Backend, input: &Input, bytes: u64, block: &[u64]) -> FeedBytes {
    match &input.from {
        Supply::Read(Read::Value(_)) => FeedBytes::default(),
        Supply::Read(Read::Source(s)) => {
            FeedBytes { temporary: 0, scratch: plan.opened()[*s].scratch_needs() }
        }
        Supply::Feed(fed) => {
            // A feed knows its own axes, not those in which it is seen.
            let own = input.view.walked(block);
            fed.bytes(&own, bytes, &|k, block| kernel_bytes(plan, cpu, k, block))
        }
    }
}

fn kernel_bytes(plan: &Plan, cpu: &dyn Backend, kernel: &SubKernel, block: &[u64]) -> FeedBytes {
    let len: u64 = block.iter().product();
    let mut temporary = 0u64;
    let mut scratch = ScratchNeeds::default();
    for (input, dtype) in kernel.inputs.iter().zip(&kernel.program.inputs) {
        let bytes = len.saturating_mul(dtype.size() as u64);
        let inner = supply_bytes(plan, cpu, input, bytes, block);
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
