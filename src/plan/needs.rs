//! What the passes of a stage take, in bytes.

use super::sweep::{Sweep, carried_bytes, kept_first};
use super::{Ends, Plan, Stage};
use crate::grid::Dims;
use crate::ops::kernel::{Held, Kernel};

/// What one stage needs, apart from the number of workers.
pub(super) struct Needs<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stage: &'a Stage,
    /// Where results go.
    pub(super) ends: &'a Ends,
    pub(super) kernel: Kernel,
    /// The shape of the largest block.
    pub(super) largest: Dims,
    /// Bytes of the values that are alive while the stage runs, its own too.
    pub(super) values: u64,
    /// Bytes that a worker stages, reads and computes with, for a block of the largest shape.
    pub(super) inputs: u64,
    /// Whether the stage runs on the CPU, which writes collected elements into their results.
    pub(super) in_place: bool,
}

impl Needs<'_> {
    /// Bytes per worker, and bytes shared beside the values, in the passes of a sweep.
    pub(super) fn of(&self, pass: &Sweep, workers: u64) -> (u64, u64) {
        let (window, block) = (pass.windows.largest(), self.block(pass));
        let streams = |o: usize| self.ends.streams(self.stage.outputs[o].value);
        let handing = if pass.outputs.iter().any(|&o| streams(o)) { self.ends.handing } else { 0 };
        let mut worker = self.inputs.saturating_add(handing);
        let mut shared = 0u64;
        for &o in &pass.outputs {
            let terminal = &self.kernel.terminals[o];
            let fold = &terminal.fold;
            let in_place = self.in_place && !self.ends.in_blocks(self.stage.outputs[o].value);
            let Held { elements, carried } = terminal.held_bytes(&block, &self.stage.grid, in_place);
            let blocks = if streams(o) { self.ends.waiting.saturating_add(1) } else { 1 };
            worker = worker.saturating_add(elements.saturating_mul(blocks)).saturating_add(carried);
            let order = self.ends.order.as_ref().filter(|_| streams(o)).unwrap_or(&pass.order);
            shared = shared.saturating_add(carried_bytes(fold, &self.stage.grid, &block, order, workers));
            // What no two blocks share is finished block by block.
            if !fold.landing().keeps_all() {
                let state = fold.bytes(&block).state;
                let live = match kept_first(&pass.order, fold.landing()) {
                    // Tiles are finished one after the other; each worker may be at another.
                    true => state.saturating_mul(workers + 1),
                    false => u64::MAX,
                };
                shared = shared.saturating_add(live.min(fold.bytes(&window).state));
            }
        }
        (worker, shared)
    }

    /// The shape of the largest block in the windows of a sweep.
    pub(super) fn block(&self, pass: &Sweep) -> Dims {
        self.largest.iter().zip(&pass.windows.largest()).map(|(&b, &w)| b.min(w.max(1))).collect()
    }

    /// All bytes that one worker takes in the passes of a sweep, beside decoded chunks.
    pub(super) fn held(&self, pass: &Sweep) -> u64 {
        let (worker, shared) = self.of(pass, 1);
        worker.saturating_add(shared).saturating_add(self.values)
    }
}
