//! The executor: obeys a bound plan.
//!
//! Workers take tasks from a counter. A worker brings the inputs of its block into memory (reading
//! under the HDF5 lock, decoding outside it), runs the kernel over them while they are in its cache,
//! and keeps the partial until it moves to another tile of the output. There is no queue between
//! reading and computing: one worker's decode overlaps another's arithmetic, no block waits in
//! memory, and the number of workers bounds what is held. One worker runs on the calling thread.

mod ahead;
mod blocks;
mod budget;
mod cache;
mod collect;
mod feed;
mod kept;
mod lane;
mod parts;
mod report;
mod schedule;
mod value;

pub use blocks::{BlockWalk, Stream};
pub use collect::{Lent, PartialOutput};
pub use feed::Values;
pub use report::{Cancel, Fallback, Progress, Report, TaskCounts};
pub use value::{ArrayValue, Value};

use crate::backend::{Backend, DeviceKind, Runner};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, Region, Slab, unravel};
use crate::ops::elementwise::Events;
use crate::ops::kernel::{Block, Kernel, Operand, Partial, Terminal};
use crate::ops::simd::Simd;
use crate::plan::{Bound, BoundStage, Input, Pass, Plan, Stage, ValueId};
use crate::size::human_bytes;
use crate::source::ReadStats;
use crate::trace::{self, Trace};
use ahead::Ahead;
use budget::{Held, Meter};
use cache::ChunkCache;
use collect::{Collector, Results};
use feed::{Reader, Reading, Staged};
use kept::Kept;
use lane::Lane;
use schedule::{OwnStats, Tasks, batch, on_workers};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Called now and then with how far a run is.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);

/// What a run needs beside its plan.
pub struct RunContext<'a> {
    /// The CPU, on which anything can run.
    pub cpu: &'a dyn Backend,
    /// The GPU, for stages that are placed on it.
    pub gpu: Option<&'a dyn Backend>,
    /// Whether work that the GPU fails at is an error, rather than the CPU's.
    pub refuse_fallback: bool,
    /// Its vector level.
    pub simd: Simd,
    /// Threads for more than one worker.
    pub pool: Option<&'a rayon::ThreadPool>,
    /// Stops the run.
    pub cancel: &'a Cancel,
    /// Hears of progress.
    pub progress: Option<OnProgress<'a>>,
    /// Where it is written down when what was done.
    pub trace: Option<&'a Arc<Trace>>,
}

/// Counters of a run.
#[derive(Default)]
pub struct Counters {
    /// What was read.
    pub stats: ReadStats,
    /// What was held.
    pub meter: Arc<Meter>,
    tasks: AtomicU64,
    gpu_tasks: AtomicU64,
    fallbacks: Mutex<Vec<Fallback>>,
    notes: Mutex<Vec<String>>,
}

impl Counters {
    fn note(&self, text: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    /// Counters of a run whose doings are written down in `trace`, if there is one.
    pub fn traced(trace: Option<&Arc<Trace>>) -> Counters {
        let mut counters = Counters::default();
        counters.stats.trace = trace.map(Arc::clone);
        counters
    }

    /// Counts tasks that the CPU ran because the device failed.
    fn fell_back(&self, reason: &str, tasks: u64) {
        let mut fallbacks = self.fallbacks.lock().unwrap_or_else(PoisonError::into_inner);
        match fallbacks.iter_mut().find(|f| f.reason == reason) {
            Some(f) => f.tasks += tasks,
            None => fallbacks.push(Fallback { reason: reason.to_string(), tasks }),
        }
    }

    /// What was counted, as a report; the caller adds time and devices.
    pub fn report(&self) -> Report {
        Report {
            tasks: TaskCounts { cpu: self.tasks.load(Relaxed), gpu: self.gpu_tasks.load(Relaxed) },
            fallbacks: self.fallbacks.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            chunks_read: self.stats.chunks_read.load(Relaxed),
            chunks_decoded: self.stats.chunks_decoded.load(Relaxed),
            chunks_packed: self.stats.chunks_packed.load(Relaxed),
            chunks_kept: self.stats.chunks_kept.load(Relaxed),
            chunks_advised: self.stats.chunks_advised.load(Relaxed),
            bytes_advised: self.stats.bytes_advised.load(Relaxed),
            bytes_read: self.stats.bytes_read.load(Relaxed),
            bytes_decoded: self.stats.bytes_decoded.load(Relaxed),
            file_reads: self.stats.file_reads.load(Relaxed),
            index_reads: self.stats.index_reads.load(Relaxed),
            library_reads: self.stats.library_reads.load(Relaxed),
            lock_wait_s: self.stats.lock_wait_ns.load(Relaxed) as f64 * 1e-9,
            peak_host_bytes: self.meter.peak(),
            notes: self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ..Report::default()
        }
    }
}

/// Runs all stages and gives the plan's results, in order.
///
/// # Errors
/// The first error of any task; `Cancelled`.
pub fn run(plan: &Plan, bound: &Bound, cx: &RunContext, counters: &Counters) -> Result<Vec<Value>> {
    let values = run_into(plan, bound, Lent::new(), cx, counters)?;
    plan.results().iter().map(|&v| take(&values, v)).collect()
}

/// Runs all stages and gives the plan's results, but for those whose memory is `lent`, which are written
/// there; no stage may read them. The workers have ended when this returns, whatever it returns.
///
/// # Errors
/// As [`run`]; what is in lent memory then is unspecified.
pub fn run_into(
    plan: &Plan,
    bound: &Bound,
    lent: Lent,
    cx: &RunContext,
    counters: &Counters,
) -> Result<Values> {
    Ok(run_stages(plan, plan.stages().len(), bound, lent, cx, counters)?.0)
}

/// Runs the first stages. Gives their values, and the chunks that are kept for those that follow.
fn run_stages(
    plan: &Plan,
    stages: usize,
    bound: &Bound,
    mut lent: Lent,
    cx: &RunContext,
    counters: &Counters,
) -> Result<(Values, Kept)> {
    let mut values = Values::new();
    let mut kept = Kept::new(plan, bound, &counters.meter);
    for n in 0..stages {
        run_stage(plan, n, &bound.stages[n], &mut values, &mut lent, &mut kept, cx, counters)?;
        release(plan, n, &mut values, counters);
    }
    Ok((values, kept))
}

fn take(values: &Values, v: ValueId) -> Result<Value> {
    values.get(&v).cloned().ok_or_else(|| Error::new(ErrorKind::Internal, "a result was never made"))
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

/// The kernel of a stage once the values that it needs are there.
///
/// # Errors
/// `Value` if one is not there, or is not what the plan says.
pub fn kernel_of(plan: &Plan, stage: &Stage, values: &Values) -> Result<Kernel> {
    for v in stage.values_read() {
        let value = values.get(&v).ok_or_else(|| {
            Error::new(ErrorKind::Value, format!("value {v} of the plan is not there"))
                .hint("run the stages in order, and hand on what they make")
        })?;
        let spec = &plan.values()[v];
        let fits =
            matches!(value, Value::Array(a) if a.dtype() == spec.dtype && a.shape() == &spec.shape[..]);
        if !fits {
            return Err(Error::new(
                ErrorKind::Value,
                format!("value {v} is not the {} array of shape {:?} of the plan", spec.dtype, spec.shape),
            ));
        }
    }
    stage.kernel(&|v| values.get(&v)?.as_array().ok()?.scalar(0))
}

#[allow(clippy::too_many_arguments)]
fn run_stage(
    plan: &Plan,
    n: usize,
    bound: &BoundStage,
    values: &mut Values,
    lent: &mut Lent,
    kept: &mut Kept,
    cx: &RunContext,
    counters: &Counters,
) -> Result<()> {
    let stage = &plan.stages()[n];
    let kernel = kernel_of(plan, stage, values)?;
    let results = Results::new(stage, plan.values(), lent, &counters.meter)?;
    for (p, pass) in bound.passes.iter().enumerate() {
        kept.begin(n, p);
        // A pass runs only the part of the kernel that its outputs need.
        let collector = Collector::new(stage, &kernel, pass, Some(&results), &counters.meter);
        let spans: Vec<(u64, u64)> =
            (0..stage.grid.axes.len()).map(|d| Collector::span(&stage.grid, &pass.window, d)).collect();
        let tasks: u64 = spans.iter().map(|s| s.1).product();
        let counts: Dims = pass.order.iter().map(|&d| spans[d].1).collect();
        let coords = |i: u64| {
            let at = unravel(i, &counts);
            let mut coords = Dims::from_elem(0, spans.len());
            for (&d, &k) in pass.order.iter().zip(&at) {
                coords[d] = spans[d].0 + k;
            }
            coords
        };
        let stages = plan.stages().len();
        let walk = Walk { plan, n, stages, kernel: &kernel, pass, values, kept, bound, tasks };
        walk.run(&collector, &coords, cx, counters)?;
        collector.finish()?;
        kept.end();
    }
    let (made, notes) = results.finish()?;
    for (output, note) in notes {
        for text in note.texts() {
            counters.note(format!("{text} ({})", stage.outputs[output].label));
        }
    }
    for (o, value) in stage.outputs.iter().zip(made) {
        value.map(|value| values.insert(o.value, value));
    }
    Ok(())
}

/// One walk over blocks of a stage.
struct Walk<'a> {
    plan: &'a Plan,
    n: usize,
    stages: usize,
    kernel: &'a Kernel,
    pass: &'a Pass,
    values: &'a Values,
    kept: &'a Kept,
    bound: &'a BoundStage,
    tasks: u64,
}

impl Walk<'_> {
    fn run(
        &self,
        collector: &Collector,
        coords: &(dyn Fn(u64) -> Dims + Sync),
        cx: &RunContext,
        counters: &Counters,
    ) -> Result<()> {
        let cache = ChunkCache::new(self.bound.cache_bytes, &counters.meter);
        let kernel = Kernel {
            program: self.kernel.program.clone(),
            terminals: self.pass.outputs.iter().map(|&o| self.kernel.terminals[o].clone()).collect(),
        };
        let workers = (self.bound.workers as u64).min(self.tasks);
        let stage = &self.plan.stages()[self.n];
        let largest = largest(stage, self.pass);
        let ahead = Ahead::new(self.plan, &stage.inputs, &largest, workers, self.tasks);
        let ahead = ahead.as_ref();
        let free = ahead.is_none() && !cache.enabled() && self.bound.placement.device == DeviceKind::Cpu;
        let tasks = Tasks::new(self.tasks, workers, if free { batch(&kernel, &largest) } else { 1 });
        on_workers(cx, workers, &|failed| {
            self.work(&kernel, collector, coords, &cache, ahead, &tasks, failed, cx, counters)
        })
    }

    #[allow(clippy::too_many_arguments)]
    fn work(
        &self,
        kernel: &Kernel,
        collector: &Collector,
        coords: &(dyn Fn(u64) -> Dims + Sync),
        cache: &ChunkCache,
        ahead: Option<&Ahead>,
        tasks: &Tasks,
        failed: &AtomicBool,
        cx: &RunContext,
        counters: &Counters,
    ) -> Result<()> {
        let stage = &self.plan.stages()[self.n];
        let domain = stage.grid.shape();
        let stats = OwnStats::new(&counters.stats);
        let mut reader = Reader::new(Reading {
            plan: self.plan,
            values: self.values,
            cache,
            kept: Some(self.kept),
            sharing: Some((&stage.grid, &self.pass.window, &stage.inputs)),
            stats: stats.own(),
            cpu: cx.cpu,
            simd: cx.simd,
            products: cx.gpu.filter(|_| self.bound.placement.device != DeviceKind::Cpu),
            must_multiply: cx.refuse_fallback,
        });
        let largest = largest(stage, self.pass);
        let placement = &self.bound.placement;
        let mut lane = Lane::new(&stage.inputs, kernel, &domain, largest.clone(), placement, cx, counters)?;
        let in_place = |lane: &Lane| collector.has_results() && lane.collects_in_place();
        let held_at_once = |t: &&Terminal| !(in_place(&lane) && matches!(t, Terminal::Collect { .. }));
        let partials = kernel.terminals.iter().filter(held_at_once);
        let partial_bytes: u64 = partials.map(|t| t.partial_bytes(&largest, &kernel.program)).sum();
        let mut local = collector.local();
        let mut held = Held::new(&counters.meter);
        let mut events = Events::default();
        let label = &stage.outputs[self.pass.outputs[0]].label;
        let region = |coords: &[u64]| stage.grid.region(coords).intersect(&self.pass.window);
        while let Some(claimed) = tasks.claim().filter(|_| !failed.load(Relaxed)) {
            for i in claimed.clone() {
                if cx.cancel.is_cancelled() {
                    return Err(Error::new(ErrorKind::Cancelled, "the run was cancelled")
                        .at("task", format!("{i} of {}", self.tasks)));
                }
                trace::set_task(i);
                if let Some(ahead) = ahead {
                    ahead.take(i, &|i| region(&coords(i)), &mut reader);
                }
                let coords = coords(i);
                let block = region(&coords);
                if collector.moves(&local, &coords) {
                    events |= lane.flush(&mut reader, local.partials()).at("operation", label)?;
                }
                held.set(lane.bytes() + partial_bytes);
                let partials = collector.begin(&mut local, &coords, &block, in_place(&lane))?;
                events |= lane.run(&mut reader, &block, partials).at("operation", label)?;
                if lane.collects_late() {
                    events |= lane.flush(&mut reader, local.partials()).at("operation", label)?;
                }
                collector.end(&mut local, &coords, &block);
                held.set(lane.bytes() + partial_bytes);
                reader.count();
            }
            if let Some(progress) = cx.progress {
                stats.hand_over();
                progress(Progress {
                    stage: self.n,
                    stages: self.stages,
                    done: tasks.finish(claimed.end - claimed.start),
                    tasks: self.tasks,
                    bytes: counters.stats.bytes_decoded.load(Relaxed),
                });
            }
        }
        events |= lane.flush(&mut reader, local.partials()).at("operation", label)?;
        collector.flush(&mut local)?;
        reader.product_fallbacks.iter().for_each(|f| counters.fell_back(&f.reason, f.tasks));
        events |= reader.events;
        for text in events.notes() {
            counters.note(text.to_string());
        }
        Ok(())
    }
}

fn largest(stage: &Stage, pass: &Pass) -> Dims {
    stage.grid.largest().iter().zip(&pass.window.shape).map(|(&b, &w)| b.min(w)).collect()
}

/// Brings the inputs of a block into memory and runs the kernel over them.
fn compute(
    reader: &mut Reader,
    inputs: &[Input],
    kernel: &Kernel,
    runner: &mut dyn Runner,
    block: &Region,
    domain: &[u64],
    partials: &mut [Partial],
) -> Result<Events> {
    let slab = Slab::dense(block);
    let mut staged: Vec<Staged> = Vec::with_capacity(inputs.len());
    for (input, &dtype) in inputs.iter().zip(&kernel.program.inputs) {
        staged.push(match runner.takes_packed() {
            true => reader.stage_packed(input, &slab, dtype)?,
            false => reader.stage(input, &slab, dtype)?,
        });
    }
    let operands: Vec<Operand> = staged.iter().map(Staged::operand).collect();
    let events = runner.run(&Block { region: block, domain }, &operands, partials)?;
    events.check().at("block", block)?;
    drop(operands);
    reader.recycle(staged);
    Ok(events)
}

/// What one process has gathered from a range of a stage's tasks. It can be written, sent and merged
/// in any order with others of the same stage.
#[derive(Clone, Serialize, Deserialize)]
pub struct StagePartial {
    /// The fingerprint of the plan.
    pub plan: u64,
    /// The stage.
    pub stage: usize,
    /// The task ranges that went in, `start..end`.
    pub ranges: Vec<(u64, u64)>,
    /// What was gathered, per output of the stage.
    pub outputs: Vec<PartialOutput>,
}

/// The stage as bound, with fewer workers and chunks kept where what a range of tasks gathers takes
/// their room. All outputs are gathered in one walk, and nothing of it can be finished before the
/// partials of other ranges are there.
fn fitted(plan: &Plan, n: usize, tasks: u64, kernel: &Kernel, bound: &Bound) -> Result<BoundStage> {
    let stage = &plan.stages()[n];
    let mut fitted = bound.stages[n].clone();
    let block = stage.grid.largest();
    let partial = |t: &Terminal| t.partial_bytes(&block, &kernel.program);
    let gathered = stage.outputs.iter().zip(&kernel.terminals).map(|(o, t)| {
        let value = &plan.values()[o.value];
        match t {
            Terminal::Collect { .. } => value.bytes().min(partial(t).saturating_mul(tasks)),
            Terminal::Reduce { spec, .. } => {
                let outputs: u64 = value.shape.iter().product();
                outputs.saturating_mul(spec.bytes_per_output()).min(partial(t).saturating_mul(tasks))
            }
            Terminal::Histogram { .. } => partial(t),
        }
    });
    let read = stage.values_read().into_iter().map(|v| plan.values()[v].bytes());
    let fixed = gathered.chain(read).fold(0, u64::saturating_add);
    // Passes over windows have smaller partials than a walk over all of the stage, and elements that are
    // not gathered here go to their results without any.
    let windows = fitted.passes.len() > 1;
    let unseen = |t: &&Terminal| windows || (fitted.in_place() && matches!(t, Terminal::Collect { .. }));
    let partials = kernel.terminals.iter().filter(unseen).map(partial);
    fitted.worker_bytes = partials.fold(fitted.worker_bytes, u64::saturating_add);
    let needed = |f: &BoundStage| {
        fixed.saturating_add(f.cache_bytes).saturating_add(f.worker_bytes.saturating_mul(f.workers as u64))
    };
    while fitted.workers > 1 && needed(&fitted) > bound.memory {
        fitted.workers -= 1;
    }
    fitted.cache_bytes = fitted.cache_bytes.saturating_sub(needed(&fitted).saturating_sub(bound.memory));
    if needed(&fitted) > bound.memory {
        return Err(Error::new(
            ErrorKind::Budget,
            format!(
                "{tasks} tasks need {} and the memory budget is {}",
                human_bytes(needed(&fitted)),
                human_bytes(bound.memory)
            ),
        )
        .at("stage", n)
        .hint("run fewer tasks at a time, or raise the budget (--memory)"));
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
/// `Index` if the range is not within the stage; else as [`run`].
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
    let collector = Collector::new(stage, &kernel, &pass, None, &counters.meter);
    let counts = stage.grid.counts();
    let coords = |i: u64| unravel(range.start + i, &counts);
    let walk = Walk {
        plan,
        n,
        stages: plan.stages().len(),
        kernel: &kernel,
        pass: &pass,
        values,
        kept: &Kept::none(&counters.meter),
        bound: &fitted(plan, n, range.end - range.start, &kernel, bound)?,
        tasks: range.end - range.start,
    };
    walk.run(&collector, &coords, cx, counters)?;
    let outputs = collector.into_partials();
    Ok(StagePartial { plan: plan.fingerprint(), stage: n, ranges: vec![(range.start, range.end)], outputs })
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
    let results = Results::new(stage, plan.values(), &mut Lent::new(), &counters.meter)?;
    let pass = whole_stage(stage);
    let collector = Collector::new(stage, &kernel, &pass, Some(&results), &counters.meter);
    for partial in partials {
        let tasks: Vec<(u64, u64)> = partial.ranges;
        for (o, output) in partial.outputs.into_iter().enumerate() {
            collector.take(o, output, &tasks)?;
        }
    }
    collector.finish()?;
    let (made, notes) = results.finish()?;
    for (output, note) in notes {
        for text in note.texts() {
            counters.note(format!("{text} ({})", stage.outputs[output].label));
        }
    }
    let mut values = values.clone();
    values.extend(stage.outputs.iter().zip(made).filter_map(|(o, value)| Some((o.value, value?))));
    Ok(values)
}
