//! A plan bound to this process, as data.

use super::data::Plan;
use super::ends::Ends;
use super::kept::Kept;
use super::place::Placement;
use super::reads::Reads;
use super::spilled::Spill;
use super::sweep::Passes;
use super::windowed::Windowed;
use crate::backend::DeviceKind;

/// A stage with its order, workers and buffers.
#[derive(Clone, Debug)]
pub struct BoundStage {
    /// The walks that it takes.
    pub passes: Passes,
    /// Workers at a time.
    pub workers: usize,
    /// Bytes that one worker holds, in the pass that needs most.
    pub worker_bytes: u64,
    /// Those of them that are not accumulators: what it stages, reads and computes with.
    pub staging_bytes: u64,
    /// Bytes of decoded chunks that may be kept for tasks to come.
    pub cache_bytes: u64,
    /// How many tasks the newest under way may be ahead of the oldest, which is how many the chunks are kept for. `None`
    /// where no number was counted with.
    pub lead: Option<u64>,
    /// Bytes of values, and of merged accumulators in the pass that needs most.
    pub shared_bytes: u64,
    /// Where it runs.
    pub placement: Placement,
    /// What it reads.
    pub reads: Vec<Reads>,
    /// How windows are walked again whose narrow accumulators will not do; their size is that of these passes.
    pub again: Option<Box<BoundStage>>,
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
    /// Stages that run window by window together, in order.
    pub windowed: Vec<Windowed>,
    /// What of its values lies in temporary stores, if anything does.
    pub spill: Option<Spill>,
}

impl Bound {
    /// The stages that run window by window with this one, if it does not run by itself.
    pub fn windowed(&self, stage: usize) -> Option<&Windowed> {
        self.windowed.iter().find(|w| w.stages.contains(&stage))
    }

    /// The plan that is run: `plan`, which was bound, or the one in which values are read from temporary stores.
    pub fn plan<'p>(&'p self, plan: &'p Plan) -> &'p Plan {
        self.spill.as_ref().map_or(plan, |s| &s.plan)
    }
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
        let bytes = self.shared_bytes.saturating_add(self.cache_bytes).saturating_add(workers);
        bytes.max(self.again.as_ref().map_or(0, |again| again.peak_bytes()))
    }
}
