//! Binding: what a plan needs on this machine, found before anything is read.
//!
//! The plan says what is computed in which blocks; binding says in which order, by how many workers,
//! with which buffers, on which device. Everything that a run will hold is added up here. What does
//! not fit is first run in more passes (each reduction with the order of blocks that suits it, then
//! its output in windows); what does not fit then is refused, with the budget that would do.

use super::again::Kept;
use super::place::{Machine, Placement, Wish, place, products_of, tiles};
use super::reads::{Reads, reads};
use super::through::halo_cache;
use super::{Ends, Input, MAX_KEPT_RUNNERS, Plan, Read, Stage, SubKernel, Supply, Together};
use crate::backend::{Backend, DeviceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::{FeedBytes, Reach};
use crate::grid::{AxisGrid, Chunks, Dims, Grid, Region};
use crate::ops::fold::Landing;
use crate::ops::kernel::Kernel;
use crate::ops::program::Program;
use crate::size::human_bytes;
use crate::source::ScratchNeeds;
use crate::view::View;

/// One walk over (a window of) a stage's grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The stage's outputs that it makes, by position.
    pub outputs: Vec<usize>,
    /// The part of the domain that it covers; blocks are clipped to it.
    pub window: Region,
    /// The domain's axes, outermost first, in the order in which blocks are visited.
    pub order: Vec<usize>,
}

/// A stage with its order, workers and buffers.
#[derive(Clone, Debug)]
pub struct BoundStage {
    /// The walks that it takes.
    pub passes: Vec<Pass>,
    /// Workers at a time.
    pub workers: usize,
    /// Bytes that one worker holds, in the pass that needs most.
    pub worker_bytes: u64,
    /// Bytes of decoded chunks that may be kept for tasks to come.
    pub cache_bytes: u64,
    /// Bytes of values, and of merged accumulators in the pass that needs most.
    pub shared_bytes: u64,
    /// Where it runs.
    pub placement: Placement,
    /// What it reads.
    pub reads: Vec<Reads>,
}

/// A plan bound to this process.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The stages, in the plan's order.
    pub stages: Vec<BoundStage>,
    /// The most bytes that the run will hold.
    pub peak_bytes: u64,
    /// The budget.
    pub memory: u64,
    /// What is kept of sources that are read again.
    pub kept: Vec<Kept>,
    /// Where the results go.
    pub ends: Ends,
}

impl BoundStage {
    /// Whether collected elements go straight to their results, so that no block of them is held. Those
    /// of a device come back in blocks.
    pub fn in_place(&self) -> bool {
        self.placement.device == DeviceKind::Cpu
    }

    /// The most bytes that the stage holds.
    pub fn peak_bytes(&self) -> u64 {
        let workers = (self.workers as u64).saturating_mul(self.worker_bytes);
        self.shared_bytes.saturating_add(self.cache_bytes).saturating_add(workers)
    }
}

impl Bound {
    /// Binds a plan.
    ///
    /// # Errors
    /// `Budget` if something does not fit; the error names it and the smallest budget that works.
    pub fn new(plan: &Plan, ends: &Ends, machine: &Machine) -> Result<Bound> {
        let mut stages = Vec::new();
        let results: u64 = plan.results().iter().map(|&r| ends.bytes(plan, r)).fold(0, u64::saturating_add);
        if results > machine.memory {
            return Err(Error::new(
                ErrorKind::Budget,
                format!(
                    "the result needs {} and the memory budget is {}",
                    human_bytes(results),
                    human_bytes(machine.memory)
                ),
            )
            .hint("reduce or slice it, store() it in a file, go through it with blocks(), or raise the budget (--memory)"));
        }
        let mut refused: Option<Error> = None;
        let mut smallest = results;
        for (n, alive) in plan.alive_bytes(ends).into_iter().enumerate() {
            match bind_stage(plan, n, ends, alive, machine)? {
                Ok(stage) => stages.push(stage),
                // The budget that is named must do for the stages that follow, too.
                Err((needed, e)) => {
                    smallest = smallest.max(needed);
                    refused.get_or_insert(e);
                }
            }
        }
        if let Some(e) = refused {
            let named = human_bytes(smallest);
            return Err(e.hint(format!("the smallest budget that works is {smallest} bytes ({named})")));
        }
        let (ends, memory) = (ends.clone(), machine.memory);
        let mut bound = Bound { stages, peak_bytes: 0, memory, kept: Vec::new(), ends };
        bound.keep(plan);
        Ok(bound)
    }
}

/// What one stage needs, apart from the number of workers.
pub(super) struct Needs<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stage: &'a Stage,
    ends: &'a Ends,
    kernel: Kernel,
    largest: Dims,
    values: u64,
    inputs: u64,
    /// Whether the stage runs on the CPU, which writes collected elements into their results.
    in_place: bool,
}

impl Needs<'_> {
    /// Bytes per worker, and bytes shared beside the values, for a pass whose largest block is
    /// `block`.
    fn of(&self, pass: &Pass, block: &[u64], workers: u64) -> (u64, u64) {
        let mut shared = 0u64;
        let streams = |o: usize| self.ends.streams(self.stage.outputs[o].value);
        let handing = if pass.outputs.iter().any(|&o| streams(o)) { self.ends.handing } else { 0 };
        let mut worker = self.inputs.saturating_add(handing);
        for &o in &pass.outputs {
            let fold = &self.kernel.terminals[o].fold;
            if self.in_place && !streams(o) && fold.places() {
                continue;
            }
            let state = fold.bytes(block).state;
            let blocks = if streams(o) { self.ends.waiting.saturating_add(1) } else { 1 };
            worker = worker.saturating_add(state.saturating_mul(blocks));
            // What no two blocks share is finished block by block.
            if !fold.landing().keeps_all() {
                let live = match kept_first(&pass.order, fold.landing()) {
                    // Tiles are finished one after the other; each worker may be at another.
                    true => state.saturating_mul(workers + 1),
                    false => u64::MAX,
                };
                shared = shared.saturating_add(live.min(fold.bytes(&pass.window.shape).state));
            }
        }
        (worker, shared)
    }

    fn total(&self, pass: &Pass, block: &[u64], workers: u64) -> u64 {
        let (worker, shared) = self.of(pass, block, workers);
        worker.saturating_mul(workers).saturating_add(shared).saturating_add(self.values)
    }
}

/// Whether all kept axes come before all reduced ones.
fn kept_first(order: &[usize], landing: &Landing) -> bool {
    order.windows(2).all(|w| landing.keeps(w[0]) || !landing.keeps(w[1]))
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
    let inputs = inputs_bytes(plan, machine.cpu, &stage.inputs, &stage.program, &largest)
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
    let passes = match passes {
        Ok(passes) => passes,
        Err(refused) => return Ok(Err(refused)),
    };
    let block_of = |p: &Pass| -> Dims {
        needs.largest.iter().zip(&p.window.shape).map(|(&b, &w)| b.min(w.max(1))).collect()
    };
    let widest = |workers: u64| -> (u64, u64) {
        let each = passes.iter().map(|p| needs.of(p, &block_of(p), workers));
        each.max_by_key(|&(worker, shared)| workers.saturating_mul(worker).saturating_add(shared))
            .unwrap_or((0, 0))
    };
    let at = |workers: u64| {
        let (worker, shared) = widest(workers);
        workers.saturating_mul(worker).saturating_add(shared).saturating_add(needs.values)
    };
    // Decoded chunks that several tasks share come before more workers: decoding twice costs more.
    let wanted = cache_wanted(&needs, &passes[0]);
    let spare = machine.memory.saturating_sub(at(1));
    let most = machine.threads.max(1) as u64;
    let cache_bytes = wanted.min(if most == 1 { spare } else { spare / 4 * 3 });
    let tasks = stage.grid.blocks().max(1);
    let mut workers = most.min(tasks);
    while workers > 1 && at(workers).saturating_add(cache_bytes) > machine.memory {
        workers -= 1;
    }
    let (worker_bytes, shared) = widest(workers);
    let reads = reads(&needs, &passes, cache_bytes >= wanted);
    Ok(Ok(BoundStage {
        passes,
        workers: workers as usize,
        worker_bytes,
        cache_bytes,
        shared_bytes: shared.saturating_add(values),
        placement,
        reads,
    }))
}

/// The passes of a stage, or the smallest budget that would do.
fn passes(needs: &Needs, memory: u64) -> std::result::Result<Vec<Pass>, u64> {
    let domain = needs.stage.grid.shape();
    let natural: Vec<usize> = (0..domain.len()).collect();
    // Reductions over some axes, whose output can be made window by window.
    let tiled = |o: usize| {
        let fold = &needs.stage.outputs[o].fold;
        (fold.landing().keeps_any() && !fold.places()).then(|| fold.landing())
    };
    let order_for = |landing: &Landing| -> Vec<usize> {
        let (kept, gone): (Vec<usize>, Vec<usize>) = natural.iter().partition(|&&d| landing.keeps(d));
        kept.into_iter().chain(gone).collect()
    };
    let all: Vec<usize> = (0..needs.stage.outputs.len()).collect();
    let whole = |outputs: Vec<usize>, order| Pass { outputs, window: Region::whole(&domain), order };
    // In the order in which the chunks lie, if all accumulators can live at once; otherwise in the
    // order that finishes the first reduction's outputs one after the other.
    let mut orders = vec![natural.clone()];
    orders.extend(all.iter().filter_map(|&o| tiled(o)).map(order_for));
    let mut smallest = u64::MAX;
    for order in orders {
        let pass = whole(all.clone(), order);
        let total = needs.total(&pass, &needs.largest, 1);
        if total <= memory {
            return Ok(vec![pass]);
        }
        smallest = smallest.min(total);
    }
    // Every reduction over axes in a pass of its own, in its own order, its output in windows.
    let (axis, rest): (Vec<usize>, Vec<usize>) = all.iter().partition(|&&o| tiled(o).is_some());
    let mut cut: Vec<(Pass, Dims)> = Vec::new();
    let mut floor = 0;
    if !rest.is_empty() {
        let pass = whole(rest, natural.clone());
        floor = floor.max(needs.total(&pass, &needs.largest, 1));
        cut.push((pass, domain.clone()));
    }
    for o in axis {
        let landing = needs.stage.outputs[o].fold.landing();
        let base = whole(vec![o], order_for(landing));
        let mut block = needs.largest.clone();
        // The bytes of the first window, which is as long as any.
        let needed = |block: &[u64]| {
            let mut pass = base.clone();
            pass.window.shape = window_shape(block, &needs.largest, &domain);
            needs.total(&pass, block, 1)
        };
        while needed(&block) > memory {
            // Halve the longest kept side of the window.
            let Some(d) =
                (0..block.len()).filter(|&d| landing.keeps(d) && block[d] > 1).max_by_key(|&d| block[d])
            else {
                break;
            };
            block[d] = block[d].div_ceil(2);
        }
        floor = floor.max(needed(&block));
        let lens = window_shape(&block, &needs.largest, &domain);
        cut.push((base, lens));
    }
    // Windows are counted out only if they fit: there is no telling how many it would take otherwise.
    if floor > memory {
        return Err(floor.min(smallest));
    }
    let mut out = Vec::new();
    for (base, lens) in cut {
        let windows = Grid::regular(&domain, &lens);
        let counts = windows.counts();
        let window = |w| windows.region(&crate::grid::unravel(w, &counts));
        match windows.blocks() {
            0 => out.push(base),
            n => out.extend((0..n).map(|w| Pass { window: window(w), ..base.clone() })),
        }
    }
    Ok(out)
}

/// The shape of a window over blocks that were made smaller: one block along the axes that were cut,
/// all of the domain along the others.
fn window_shape(block: &[u64], largest: &[u64], domain: &[u64]) -> Dims {
    (0..block.len()).map(|d| if block[d] < largest[d] { block[d] } else { domain[d] }).collect()
}

/// Bytes of staging and read scratch for the inputs of one block.
fn inputs_bytes(plan: &Plan, cpu: &dyn Backend, inputs: &[Input], program: &Program, block: &[u64]) -> u64 {
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

/// Whether every block of the grid takes whole chunks and no chunk twice.
pub(super) fn aligned(needs: &Needs, input: &Input, chunks: &Chunks) -> bool {
    input.view.axes.iter().zip(&needs.stage.grid.axes).all(|(axis, grid)| {
        if grid.blocks() <= 1 {
            return true;
        }
        let Some((s, step)) = axis.from else { return false };
        let (n, start) = (chunks.shape()[s], input.view.base[s]);
        match grid {
            AxisGrid::Regular { .. } if chunks.cuts(s).is_some() => false,
            AxisGrid::Regular { block, phase, step: by, .. } => {
                let offset = match step > 0 {
                    true => start % n,
                    false => (start / n + 1) * n - 1 - start,
                };
                step.unsigned_abs() == *by && block % n == 0 && phase % n == offset
            }
            AxisGrid::Uneven(cuts) => cuts.lie_on(chunks, s, start, step),
        }
    })
}

/// The chunked sources of a stage that blocks share chunks of: the source, its view, its chunks.
fn shared_sources<'a>(needs: &'a Needs) -> impl Iterator<Item = (usize, &'a Input, &'a Chunks)> + 'a {
    let seen = |n: usize, source: usize| needs.stage.inputs[..n].iter().any(|i| i.source() == Some(source));
    let twice = move |n: usize, source: usize| {
        seen(n, source) || needs.stage.inputs[n + 1..].iter().any(|i| i.source() == Some(source))
    };
    needs.stage.inputs.iter().enumerate().filter_map(move |(n, input)| {
        let s = input.source()?;
        let chunks = needs.plan.sources()[s].chunks.as_ref()?;
        (!aligned(needs, input, chunks) || twice(n, s)).then_some((s, input, chunks))
    })
}

/// Bytes of decoded chunks that must be kept so that none is decoded twice in a pass.
fn cache_wanted(needs: &Needs, pass: &Pass) -> u64 {
    let mut wanted = 0u64;
    for (s, input, chunks) in shared_sources(needs) {
        let size = needs.plan.sources()[s].dtype.size() as u64;
        let mut alive: Dims = chunks.shape().into();
        for (at, &d) in pass.order.iter().enumerate() {
            if let Some((axis, step)) = input.view.axes[d].from {
                // Along the outermost axis that has several blocks only a band is alive.
                let outer = pass.order[..at].iter().all(|&o| needs.stage.grid.axes[o].blocks() <= 1);
                let len = if outer { needs.largest[d] } else { input.view.axes[d].len };
                let len = len.saturating_mul(step.unsigned_abs()).saturating_add(apart(needs, s, input, d));
                alive[axis] = chunks.covering(axis, len, needs.plan.sources()[s].shape[axis]);
            }
        }
        let bytes = alive.iter().fold(size, |bytes, &n| bytes.saturating_mul(n));
        wanted = wanted.saturating_add(bytes);
    }
    wanted = wanted.saturating_add(halo_cache(needs.plan, needs.stage, &needs.largest, &pass.order));
    needs.stage.inputs.iter().fold(wanted, |w, i| w.saturating_add(nested_cache(needs.plan, i)))
}

/// How far along the source's axis other views of a source are from this one, where both walk domain
/// axis `d`: what one has read the other wants that much later. Without end if they part on the way.
fn apart(needs: &Needs, source: usize, input: &Input, d: usize) -> u64 {
    let others = needs.stage.inputs.iter().filter(|i| i.source() == Some(source));
    let walk = input.view.axes[d].from;
    let far = |other: &Input| match walk {
        Some((axis, _)) if other.view.axes[d].from == walk => {
            other.view.base[axis].abs_diff(input.view.base[axis])
        }
        _ => u64::MAX,
    };
    others.map(far).max().unwrap_or(0)
}

/// The most bytes of decoded chunks kept for a feed whose pieces do not follow them.
const NESTED_CACHE: u64 = 64 << 20;

/// Bytes of decoded chunks that feeds want to keep between their pieces.
fn nested_cache(plan: &Plan, input: &Input) -> u64 {
    let Some(fed) = input.fed() else { return 0 };
    let of = |k: &SubKernel, tile: &[u64]| -> u64 {
        k.inputs.iter().fold(0u64, |sum, input| {
            sum.saturating_add(match input.source() {
                Some(s) => source_cache(plan, s, &input.view, tile),
                None => nested_cache(plan, input),
            })
        })
    };
    // Boxes of all children come in turns; what follows the children's order is at one of them at a time.
    let (mut boxes, mut rest) = (0u64, 0u64);
    for (child, k) in fed.of.iter().enumerate() {
        match fed.reach(child) {
            Reach::Times { tile, .. } => boxes = boxes.saturating_add(of(k, &tile)),
            // Chunks of sources that it shows are counted in the order of blocks.
            Reach::Halo { .. } => {
                let made = k.inputs.iter().filter(|i| i.source().is_none());
                rest = rest.max(made.map(|i| nested_cache(plan, i)).fold(0, u64::saturating_add));
            }
            Reach::Affine | Reach::CRuns => rest = rest.max(of(k, &k.shape).min(NESTED_CACHE)),
        }
    }
    boxes.saturating_add(rest)
}

/// Bytes of the chunks that boxes of the shape `tile` share, of a source seen through `view`.
fn source_cache(plan: &Plan, s: usize, view: &View, tile: &[u64]) -> u64 {
    let source = &plan.sources()[s];
    let Some(chunks) = &source.chunks else { return 0 };
    let mut bytes = source.dtype.size() as u64;
    let mut fits = true;
    for (axis, &n) in chunks.shape().iter().enumerate() {
        let len = view.walker(axis).map_or(1, |(d, t)| tile[d].saturating_mul(t.unsigned_abs()));
        fits &= len.is_multiple_of(n) && view.base[axis].is_multiple_of(n);
        fits &= chunks.cuts(axis).is_none();
        bytes = bytes.saturating_mul(chunks.covering(axis, len.saturating_sub(1), source.shape[axis]));
    }
    if fits { 0 } else { bytes }
}
