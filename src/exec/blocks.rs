//! Blocks of an array one by one: each is computed and handed on, and nothing larger is held.

use super::ahead::Ahead;
use super::budget::Held;
use super::cache::ChunkCache;
use super::feed::{Reader, Reading, Values};
use super::kept::Kept;
use super::lane::Lane;
use super::schedule::on_workers;
use super::{ArrayValue, Counters, Lent, RunContext, kernel_of, run_stages};
use crate::backend::DeviceKind;
use crate::buffer::Buffer;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Grid, Region};
use crate::ops::elementwise::Events;
use crate::ops::kernel::{Kernel, Partial};
use crate::plan::{Bound, Plan};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What blocks of a plan's last stage need from each other and from before: the values of earlier
/// stages, decoded chunks, and what has been told of blocks to come.
pub struct Stream {
    values: Values,
    cache: ChunkCache,
    kept: Kept,
    ahead: Option<Ahead>,
}

impl Stream {
    /// Runs the stages before the last one, whose blocks will be those of `grid`, each once.
    ///
    /// # Errors
    /// As [`run`](super::run).
    pub fn new(
        plan: &Plan,
        bound: &Bound,
        grid: &Grid,
        workers: usize,
        cx: &RunContext,
        counters: &Counters,
    ) -> Result<Stream> {
        let last = plan.stages().len() - 1;
        let (values, mut kept) = run_stages(plan, last, bound, Lent::new(), cx, counters)?;
        kept.begin(last, 0);
        let inputs = &plan.stages()[last].inputs;
        let ahead = match grid.blocks() {
            0 => None,
            tasks => Ahead::new(plan, inputs, &grid.largest(), workers as u64, tasks),
        };
        let cache = ChunkCache::new(bound.stages[last].cache_bytes, &counters.meter);
        Ok(Stream { values, cache, kept, ahead })
    }
}

/// Blocks of the collected output of a plan's last stage, for whoever wants them one by one.
pub struct BlockWalk<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// How it is bound.
    pub bound: &'a Bound,
    /// What the blocks share.
    pub stream: &'a Stream,
    /// The grid that the blocks are those of.
    pub grid: &'a Grid,
    /// The tasks of this walk, of those of the grid.
    pub tasks: Range<u64>,
    /// Workers at a time.
    pub workers: usize,
    /// The block of a task.
    pub region: &'a (dyn Fn(u64) -> Region + Sync),
}

impl BlockWalk<'_> {
    /// Computes every block and hands it to `then`, on the worker that computed it. The workers share
    /// decoded chunks.
    ///
    /// # Errors
    /// As [`run`](super::run), and what `then` fails with.
    pub fn run(
        &self,
        cx: &RunContext,
        counters: &Counters,
        then: &(dyn Fn(u64, ArrayValue) -> Result<()> + Sync),
    ) -> Result<()> {
        let last = self.plan.stages().len() - 1;
        let stage = &self.plan.stages()[last];
        let Stream { values, cache, kept, ahead } = self.stream;
        let result = self.plan.results()[0];
        let output = stage.outputs.iter().position(|o| o.value == result).ok_or_else(|| {
            Error::new(ErrorKind::Internal, "the result is not made by the stage that is walked")
        })?;
        let whole = kernel_of(self.plan, stage, values)?;
        let kernel =
            Kernel { program: whole.program.clone(), terminals: vec![whole.terminals[output].clone()] };
        let dtype = self.plan.values()[result].dtype;
        let domain = stage.grid.shape();
        let window = Region::whole(&domain);
        let next = AtomicU64::new(self.tasks.start);
        on_workers(cx, (self.workers as u64).min(self.tasks.end - self.tasks.start), &|failed| {
            let placement = &self.bound.stages[last].placement;
            let mut reader = Reader::new(Reading {
                plan: self.plan,
                values,
                cache,
                kept: Some(kept),
                sharing: Some((self.grid, &window, stage.inputs.as_slice())),
                stats: &counters.stats,
                cpu: cx.cpu,
                simd: cx.simd,
                products: cx.gpu.filter(|_| placement.device != DeviceKind::Cpu),
                must_multiply: cx.refuse_fallback,
            });
            let largest = stage.grid.largest();
            let mut lane = Lane::new(&stage.inputs, &kernel, &domain, largest, placement, cx, counters)?;
            let mut held = Held::new(&counters.meter);
            let mut events = Events::default();
            loop {
                let i = next.fetch_add(1, Relaxed);
                if i >= self.tasks.end || failed.load(Relaxed) {
                    break;
                }
                crate::trace::set_task(i);
                if let Some(ahead) = ahead {
                    ahead.take(i, self.region, &mut reader);
                }
                let block = (self.region)(i);
                if cx.cancel.is_cancelled() {
                    return Err(Error::new(ErrorKind::Cancelled, "the run was cancelled").at("block", block));
                }
                let mut partials = [Partial::Collect(Buffer::new())];
                let label = &stage.outputs[output].label;
                events |= lane.run(&mut reader, &block, &mut partials).at("operation", label)?;
                events |= lane.flush(&mut reader, &mut partials).at("operation", label)?;
                let [Partial::Collect(buffer)] = partials else {
                    return Err(Error::new(ErrorKind::Internal, "this output is not collected"));
                };
                held.set(lane.bytes() + buffer.len() as u64);
                reader.count();
                then(i, ArrayValue::new(dtype, block.shape, buffer))?;
            }
            reader.product_fallbacks.iter().for_each(|f| counters.fell_back(&f.reason, f.tasks));
            events |= reader.events;
            events.notes().into_iter().for_each(|text| counters.note(text.to_string()));
            Ok(())
        })
    }
}
