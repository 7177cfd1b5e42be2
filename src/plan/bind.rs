//! Binding: what a plan needs on this machine, found before anything is read.
//!
//! The plan says what is computed in which blocks; binding says in which order, by how many workers,
//! with which buffers, on which device. Everything that a run will hold is added up here. What does
//! not fit is first run in more passes (each reduction with the order of blocks that suits it, then
//! its output in windows); what does not fit then is refused, with the budget that would do.

use super::again::Kept;
use super::place::{Machine, Placement, Wish, place, products_of, tiles};
use super::reads::{Reads, reads};
use super::{Consumer, Ends, Feed, Input, MAX_KEPT_RUNNERS, Plan, Stage, SubKernel};
use crate::backend::{Backend, DeviceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{AxisGrid, Chunks, Dims, Grid, Region};
use crate::ops::kernel::{Kernel, Terminal, kept};
use crate::ops::matmul::{MATMUL_DEPTH, matmul_dtype, tile_edge};
use crate::ops::program::Program;
use crate::size::human_bytes;
use crate::source::ScratchNeeds;

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
        for n in 0..plan.stages().len() {
            match bind_stage(plan, n, ends, machine)? {
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
            let terminal = &self.kernel.terminals[o];
            if self.in_place && !streams(o) && matches!(terminal, Terminal::Collect { .. }) {
                continue;
            }
            let partial = terminal.partial_bytes(block, &self.kernel.program);
            let blocks = if streams(o) { self.ends.waiting.saturating_add(1) } else { 1 };
            worker = worker.saturating_add(partial.saturating_mul(blocks));
            shared = shared.saturating_add(match terminal {
                Terminal::Collect { .. } => 0,
                Terminal::Histogram { .. } => partial,
                Terminal::Reduce { reduced, spec, .. } => {
                    let live = match kept_first(&pass.order, reduced) {
                        // Tiles are finished one after the other; each worker may be at another.
                        true => partial.saturating_mul(workers + 1),
                        false => u64::MAX,
                    };
                    let outputs: u64 = kept(&pass.window.shape, reduced).iter().product();
                    live.min(outputs.saturating_mul(spec.bytes_per_output()))
                }
            });
        }
        (worker, shared)
    }

    fn total(&self, pass: &Pass, block: &[u64], workers: u64) -> u64 {
        let (worker, shared) = self.of(pass, block, workers);
        worker.saturating_mul(workers).saturating_add(shared).saturating_add(self.values)
    }
}

/// Whether all kept axes come before all reduced ones.
fn kept_first(order: &[usize], reduced: &[bool]) -> bool {
    order.windows(2).all(|w| !reduced[w[0]] || reduced[w[1]])
}

/// A stage that does not fit: the smallest budget that would do for it, and the error.
type Refused = (u64, Error);

/// Binds a stage where it is wanted, or on the CPU if the staging memory of a device does not fit.
fn bind_stage(
    plan: &Plan,
    n: usize,
    ends: &Ends,
    machine: &Machine,
) -> Result<std::result::Result<BoundStage, Refused>> {
    let stage = &plan.stages()[n];
    let kernel = stage.kernel(&|_| None)?;
    let largest = match stage.grid.blocks() {
        0 => Dims::from_elem(1, stage.grid.axes.len()),
        _ => stage.grid.largest(),
    };
    let mut products = Vec::new();
    stage.inputs.iter().for_each(|i| products_of(&i.feed, &mut products));
    let placement = place(&kernel, &largest, stage.grid.blocks(), &products, machine);
    if let (Wish::Prefer(backend) | Wish::Faster { backend, .. }, DeviceKind::Gpu) =
        (&machine.device, placement.device)
    {
        let staging = backend.worker_bytes(&kernel, &largest).host;
        let bound = bind_placed(plan, n, ends, machine, placement, staging)?;
        if bound.is_ok() {
            return Ok(bound);
        }
        let reason = format!("the memory budget leaves no room for {} of staging", human_bytes(staging));
        let fallback = matches!(machine.device, Wish::Prefer(_));
        let placement = Placement { device: DeviceKind::Cpu, reason, fallback };
        return bind_placed(plan, n, ends, machine, placement, 0);
    }
    bind_placed(plan, n, ends, machine, placement, 0)
}

fn bind_placed(
    plan: &Plan,
    n: usize,
    ends: &Ends,
    machine: &Machine,
    placement: Placement,
    staging: u64,
) -> Result<std::result::Result<BoundStage, Refused>> {
    let stage = &plan.stages()[n];
    let kernel = stage.kernel(&|_| None)?;
    let largest = match stage.grid.blocks() {
        0 => Dims::from_elem(1, stage.grid.axes.len()),
        _ => stage.grid.largest(),
    };
    // Values that are alive while the stage runs, and those that it makes.
    let made = |v: usize| plan.stages()[..=n].iter().any(|s| s.outputs.iter().any(|o| o.value == v));
    let values = (0..plan.values().len())
        .filter(|&v| made(v) && plan.values()[v].last_use >= n)
        .map(|v| ends.bytes(plan, v))
        .fold(0, u64::saturating_add);
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
    let reduced_of = |o: usize| match &needs.stage.outputs[o].consumer {
        Consumer::Reduce { reduced, .. } if reduced.contains(&false) => Some(reduced),
        _ => None,
    };
    let order_for = |reduced: &[bool]| -> Vec<usize> {
        let (kept, gone): (Vec<usize>, Vec<usize>) = natural.iter().partition(|&&d| !reduced[d]);
        kept.into_iter().chain(gone).collect()
    };
    let all: Vec<usize> = (0..needs.stage.outputs.len()).collect();
    let whole = |outputs: Vec<usize>, order| Pass { outputs, window: Region::whole(&domain), order };
    // In the order in which the chunks lie, if all accumulators can live at once; otherwise in the
    // order that finishes the first reduction's outputs one after the other.
    let mut orders = vec![natural.clone()];
    orders.extend(all.iter().filter_map(|&o| reduced_of(o)).map(|r| order_for(r)));
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
    let (axis, rest): (Vec<usize>, Vec<usize>) = all.iter().partition(|&&o| reduced_of(o).is_some());
    let mut cut: Vec<(Pass, Dims)> = Vec::new();
    let mut floor = 0;
    if !rest.is_empty() {
        let pass = whole(rest, natural.clone());
        floor = floor.max(needs.total(&pass, &needs.largest, 1));
        cut.push((pass, domain.clone()));
    }
    for o in axis {
        let reduced = reduced_of(o).map(|r| r.as_slice()).unwrap_or(&[]);
        let base = whole(vec![o], order_for(reduced));
        let mut block = needs.largest.clone();
        // The bytes of the first window, which is as long as any.
        let needed = |block: &[u64]| {
            let mut pass = base.clone();
            pass.window.shape = window_shape(block, &needs.largest, &domain);
            needs.total(&pass, block, 1)
        };
        while needed(&block) > memory {
            // Halve the longest kept side of the window.
            let Some(d) = (0..block.len()).filter(|&d| !reduced[d] && block[d] > 1).max_by_key(|&d| block[d])
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
    for (input, dtype) in inputs.iter().zip(&program.inputs) {
        let bytes = len.saturating_mul(dtype.size() as u64);
        match &input.feed {
            Feed::Value(_) => {}
            Feed::Source(s) if plan.opened()[*s].bytes().is_some() => {}
            feed => {
                staged = staged.saturating_add(bytes);
                let (temporary, read) = feed_bytes(plan, cpu, feed, bytes, block);
                staged = staged.saturating_add(temporary.saturating_mul(tiles(input, block)));
                scratch = scratch.and(&read);
            }
        }
    }
    let mut runners = Vec::new();
    inputs.iter().for_each(|i| nested_runners(cpu, &i.feed, &mut runners));
    runners.sort_unstable_by(|a, b| b.cmp(a));
    let kept = runners.iter().take(MAX_KEPT_RUNNERS).fold(0, |sum: u64, &n| sum.saturating_add(n));
    staged.saturating_add(scratch.total()).saturating_add(kept)
}

/// The bytes of the runner of each kernel nested in a feed.
fn nested_runners(cpu: &dyn Backend, feed: &Feed, out: &mut Vec<u64>) {
    let mut sub = |k: &SubKernel| {
        out.push(runner_bytes(cpu, k));
        k.inputs.iter().for_each(|i| nested_runners(cpu, &i.feed, out));
    };
    match feed {
        Feed::Source(_) | Feed::Value(_) => {}
        Feed::Matmul { a, b, .. } => [a, b].into_iter().for_each(|k| sub(k)),
        Feed::Concatenate { pieces, .. } => pieces.iter().for_each(sub),
        Feed::Reshape { of, .. } => sub(of),
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

/// Temporary bytes that computing a feed takes beside its own output, and read scratch.
fn feed_bytes(plan: &Plan, cpu: &dyn Backend, feed: &Feed, bytes: u64, block: &[u64]) -> (u64, ScratchNeeds) {
    match feed {
        Feed::Value(_) => (0, ScratchNeeds::default()),
        Feed::Source(s) => (0, plan.opened()[*s].scratch_needs()),
        Feed::Matmul { a, b, dtype } => {
            let edge = tile_edge(a.shape[0], b.shape[1]);
            let (m, n, k) = (edge.min(a.shape[0]), edge.min(b.shape[1]), MATMUL_DEPTH.min(a.shape[1]).max(1));
            let size = matmul_dtype(*dtype).size() as u64;
            let (x, xs) = kernel_bytes(plan, cpu, a, &[m, k]);
            let (y, ys) = kernel_bytes(plan, cpu, b, &[k, n]);
            // The sum is gathered in the output, unless it is rounded at the end.
            let widened =
                if matmul_dtype(*dtype) == *dtype { 0 } else { (2 * (m * k + k * n) + 3 * m * n) * size };
            (x + y + (m * k + k * n) * size + widened, xs.and(&ys))
        }
        Feed::Concatenate { pieces, .. } => {
            let each = pieces.iter().map(|p| {
                let part: Dims = block_in(block, &p.shape);
                kernel_bytes(plan, cpu, p, &part)
            });
            let none = (0, ScratchNeeds::default());
            let (temporary, scratch) = each.fold(none, |a, b| (a.0.max(b.0), a.1.and(&b.1)));
            (bytes.saturating_add(temporary), scratch)
        }
        Feed::Reshape { of, .. } => {
            let part = block_in(block, &of.shape);
            let (temporary, scratch) = kernel_bytes(plan, cpu, of, &part);
            (bytes.saturating_mul(2).saturating_add(temporary), scratch)
        }
    }
}

/// A shape of as many elements as `block`, within `shape`.
fn block_in(block: &[u64], shape: &[u64]) -> Dims {
    let mut left: u64 = block.iter().product();
    let mut out = Dims::from_elem(1, shape.len());
    for d in (0..shape.len()).rev() {
        out[d] = left.min(shape[d]).max(1);
        left = left.div_ceil(out[d]);
    }
    out
}

fn kernel_bytes(plan: &Plan, cpu: &dyn Backend, kernel: &SubKernel, block: &[u64]) -> (u64, ScratchNeeds) {
    let len: u64 = block.iter().product();
    let mut temporary = 0u64;
    let mut scratch = ScratchNeeds::default();
    for (input, dtype) in kernel.inputs.iter().zip(&kernel.program.inputs) {
        let bytes = len.saturating_mul(dtype.size() as u64);
        let (t, s) = feed_bytes(plan, cpu, &input.feed, bytes, block);
        // An input that is handed on as it lies is read where it is wanted.
        let staged = if in_place(kernel) { 0 } else { bytes };
        temporary = temporary.saturating_add(staged).saturating_add(t);
        scratch = scratch.and(&s);
    }
    // What the runner makes is copied to where it is wanted, unless the input is read in place.
    let out = kernel.program.outputs.first().map_or(0, |&r| kernel.program.dtype(r).size() as u64);
    let made = if in_place(kernel) { 0 } else { len.saturating_mul(out) };
    (temporary.saturating_add(made).saturating_add(runner_bytes(cpu, kernel)), scratch)
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
    let seen = |n: usize, source: usize| {
        needs.stage.inputs[..n].iter().any(|i| matches!(i.feed, Feed::Source(s) if s == source))
    };
    let twice = move |n: usize, source: usize| {
        seen(n, source)
            || needs.stage.inputs[n + 1..].iter().any(|i| matches!(i.feed, Feed::Source(s) if s == source))
    };
    needs.stage.inputs.iter().enumerate().filter_map(move |(n, input)| match input.feed {
        Feed::Source(s) => {
            let chunks = needs.plan.sources()[s].chunks.as_ref()?;
            (!aligned(needs, input, chunks) || twice(n, s)).then_some((s, input, chunks))
        }
        _ => None,
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
    needs.stage.inputs.iter().fold(wanted, |w, i| w.saturating_add(nested_cache(needs.plan, &i.feed)))
}

/// How far along the source's axis other views of a source are from this one, where both walk domain
/// axis `d`: what one has read the other wants that much later. Without end if they part on the way.
fn apart(needs: &Needs, source: usize, input: &Input, d: usize) -> u64 {
    let others = needs.stage.inputs.iter().filter(|i| matches!(i.feed, Feed::Source(s) if s == source));
    let walk = input.view.axes[d].from;
    let far = |other: &Input| match walk {
        Some((axis, _)) if other.view.axes[d].from == walk => {
            other.view.base[axis].abs_diff(input.view.base[axis])
        }
        _ => u64::MAX,
    };
    others.map(far).max().unwrap_or(0)
}

/// Bytes of decoded chunks that products want to keep between the pieces of their factors.
fn nested_cache(plan: &Plan, feed: &Feed) -> u64 {
    let of = |k: &SubKernel, tile: &[u64]| -> u64 {
        k.inputs.iter().fold(0u64, |sum, input| {
            sum.saturating_add(match &input.feed {
                Feed::Source(s) => match &plan.sources()[*s].chunks {
                    Some(chunks) => {
                        let mut bytes = plan.sources()[*s].dtype.size() as u64;
                        let mut fits = true;
                        for (axis, &n) in chunks.shape().iter().enumerate() {
                            let len = input
                                .view
                                .walker(axis)
                                .map_or(1, |(d, t)| tile[d].saturating_mul(t.unsigned_abs()));
                            fits &= len % n == 0 && input.view.base[axis] % n == 0;
                            fits &= chunks.cuts(axis).is_none();
                            let all = plan.sources()[*s].shape[axis];
                            bytes = bytes.saturating_mul(chunks.covering(axis, len.saturating_sub(1), all));
                        }
                        if fits { 0 } else { bytes }
                    }
                    None => 0,
                },
                feed => nested_cache(plan, feed),
            })
        })
    };
    match feed {
        Feed::Source(_) | Feed::Value(_) => 0,
        Feed::Matmul { a, b, .. } => {
            let edge = tile_edge(a.shape[0], b.shape[1]);
            of(a, &[edge, MATMUL_DEPTH]).saturating_add(of(b, &[MATMUL_DEPTH, edge]))
        }
        Feed::Concatenate { pieces, .. } => {
            pieces.iter().map(|p| of(p, &p.shape)).max().unwrap_or(0).min(64 << 20)
        }
        Feed::Reshape { of: k, .. } => of(k, &k.shape).min(64 << 20),
    }
}
