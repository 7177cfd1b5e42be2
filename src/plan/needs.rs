//! What the passes of a stage take, in bytes.

use super::sweep::{Sweep, carried_bytes, kept_first};
use super::{Ends, Plan, Stage};
use crate::grid::AxisGrid;
use crate::grid::Dims;
use crate::ops::fold::Landing;
use crate::ops::kernel::{Held, Kernel, held_bytes, state_bytes};

/// What one stage needs, apart from the number of workers.
pub(super) struct Needs<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stage: &'a Stage,
    /// Where results go.
    pub(super) ends: &'a Ends,
    pub(super) kernel: Kernel,
    /// The shape of the largest block.
    pub(super) largest: Dims,
    /// Bytes of the values that are alive while the stage runs, its own too, and of what its feeds bring along.
    pub(super) values: u64,
    /// Bytes that a worker stages, reads and computes with, for a block of the largest shape.
    pub(super) inputs: u64,
    /// How many of these are for chunks of which a part is wanted, where windows cut through blocks.
    pub(super) parts: u64,
    /// Whether the stage runs on the CPU, which writes collected elements into their results.
    pub(super) in_place: bool,
}

impl Needs<'_> {
    /// Bytes per worker, and bytes shared beside the values, in the passes of a sweep.
    pub(super) fn of(&self, pass: &Sweep, workers: u64) -> (u64, u64) {
        let (window, block) = (pass.windows.largest(), self.block(pass));
        let streams = |o: usize| self.ends.streams(self.stage.outputs[o].value);
        let handing = if pass.outputs.iter().any(|&o| streams(o)) { self.ends.handing } else { 0 };
        // Without windows blocks are as they were planned.
        let parts = if pass.count() == 1 { self.parts } else { 0 };
        let mut worker = self.inputs.saturating_sub(parts).saturating_add(handing);
        let mut shared = 0u64;
        for &o in &pass.outputs {
            let terminal = &self.kernel.terminals[o];
            let fold = &terminal.fold;
            let in_place = self.in_place && !self.ends.in_blocks(self.stage.outputs[o].value);
            let grid = &self.stage.grid;
            let Held { elements, carried } = held_bytes(fold, &block, grid, in_place, pass.narrow);
            let blocks = if streams(o) { self.ends.waiting.saturating_add(1) } else { 1 };
            worker = worker.saturating_add(elements.saturating_mul(blocks)).saturating_add(carried);
            let order = self.ends.order.as_ref().filter(|_| streams(o)).unwrap_or(&pass.order);
            shared = shared.saturating_add(carried_bytes(fold, &self.stage.grid, &block, order, workers));
            // What no two blocks share is finished block by block.
            if !fold.landing().keeps_all() {
                let state = state_bytes(fold, &block, pass.narrow);
                let tiles = self.tiles(fold.landing(), &window);
                let all = match pass.narrow {
                    // What a narrow state has beside its sums each tile has.
                    true => state.saturating_mul(tiles),
                    false => fold.bytes(&window).state,
                };
                let live = match kept_first(&pass.order, fold.landing()) {
                    // A worker that has a tile for itself shares nothing.
                    in_turns if pass.narrow && workers == 1 && (in_turns || tiles == 1) => 0,
                    // Tiles are finished one after the other; each worker may be at another.
                    true => state.saturating_mul(workers + 1),
                    false => u64::MAX,
                };
                shared = shared.saturating_add(live.min(all));
            }
        }
        (worker, shared)
    }

    /// How many tiles of an output there are in a window of this size, at most.
    fn tiles(&self, landing: &Landing, window: &[u64]) -> u64 {
        let along = |d: usize| match &self.stage.grid.axes[d] {
            axis @ AxisGrid::Regular { .. } if window[d] <= self.largest[d] => axis.blocks().min(2),
            axis => axis.blocks(),
        };
        let kept = (0..window.len()).filter(|&d| landing.keeps(d));
        kept.map(along).fold(1, |n: u64, m| n.saturating_mul(m.max(1)))
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
