//! Blocks of an array one by one: each is computed and handed on, and nothing larger is held.

use super::budget::Held;
use super::cache::ChunkCache;
use super::feed::{Reader, Values};
use super::lane::Lane;
use super::{ArrayValue, Counters, RunContext, kernel_of, on_workers};
use crate::buffer::Buffer;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Grid, Region};
use crate::ops::elementwise::Events;
use crate::ops::kernel::{Kernel, Partial};
use crate::plan::{Bound, Plan};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Blocks of a collected output of a stage, for whoever wants them one by one.
pub struct BlockWalk<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// How it is bound.
    pub bound: &'a Bound,
    /// The stage.
    pub stage: usize,
    /// The values of the stages before.
    pub values: &'a Values,
    /// How many blocks there are.
    pub tasks: u64,
    /// Workers at a time.
    pub workers: usize,
    /// The grid, if the walk takes every block of one: then it is known how many blocks want a chunk.
    pub grid: Option<&'a Grid>,
    /// The block of a task.
    pub region: &'a (dyn Fn(u64) -> Region + Sync),
}

impl BlockWalk<'_> {
    /// Computes every block and hands it to `then`, on the worker that computed it. The workers share
    /// decoded chunks.
    ///
    /// # Errors
    /// As [`run`], and what `then` fails with.
    pub fn run(
        &self,
        cx: &RunContext,
        counters: &Counters,
        then: &(dyn Fn(u64, ArrayValue) -> Result<()> + Sync),
    ) -> Result<()> {
        let stage = &self.plan.stages()[self.stage];
        let result = self.plan.results()[0];
        let output = stage.outputs.iter().position(|o| o.value == result).ok_or_else(|| {
            Error::new(ErrorKind::Internal, "the result is not made by the stage that is walked")
        })?;
        let whole = kernel_of(self.plan, stage, self.values)?;
        let kernel =
            Kernel { program: whole.program.clone(), terminals: vec![whole.terminals[output].clone()] };
        let cache = ChunkCache::new(self.bound.stages[self.stage].cache_bytes, &counters.meter);
        let dtype = self.plan.values()[result].dtype;
        let domain = stage.grid.shape();
        let window = Region::whole(&domain);
        let next = AtomicU64::new(0);
        on_workers(cx, (self.workers as u64).min(self.tasks), &|failed| {
            let mut reader = Reader::new(self.plan, self.values, &cache, &counters.stats, cx.simd);
            reader.sharing = self.grid.map(|grid| (grid, &window, stage.inputs.as_slice()));
            let placement = &self.bound.stages[self.stage].placement;
            let largest = stage.grid.largest();
            let mut lane = Lane::new(&stage.inputs, &kernel, &domain, largest, placement, cx, counters)?;
            let mut held = Held::new(&counters.meter);
            let mut events = Events::default();
            loop {
                let i = next.fetch_add(1, Relaxed);
                if i >= self.tasks || failed.load(Relaxed) {
                    break;
                }
                crate::trace::set_task(i);
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
                held.set(lane.bytes() + reader.bytes() + buffer.len() as u64);
                then(i, ArrayValue::new(dtype, block.shape, buffer))?;
            }
            events |= reader.events;
            events.notes().into_iter().for_each(|text| counters.note(text.to_string()));
            Ok(())
        })
    }
}
