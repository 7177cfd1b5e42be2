//! What the passes of a stage take, in bytes.

use super::passes::{Sweep, kept_first};
use super::{Plan, Stage};
use crate::backend::cpu;
use crate::grid::Dims;
use crate::ops::kernel::{Kernel, Terminal, kept};

/// What one stage needs, apart from the number of workers.
pub(super) struct Needs<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stage: &'a Stage,
    pub(super) kernel: Kernel,
    /// The shape of the largest block.
    pub(super) largest: Dims,
    /// Bytes of the values that are alive while the stage runs, its own too.
    pub(super) values: u64,
    /// Bytes that a worker stages and reads with, for a block of the largest shape.
    pub(super) inputs: u64,
    /// Whether the stage runs on the CPU, which writes collected elements into their results.
    pub(super) in_place: bool,
}

impl Needs<'_> {
    /// Bytes per worker, and bytes shared beside the values, in the passes of a sweep.
    pub(super) fn of(&self, pass: &Sweep, workers: u64) -> (u64, u64) {
        let (window, block) = (pass.windows.largest(), self.block(pass));
        let mut worker = self.inputs.saturating_add(cpu::scratch_bytes(&self.kernel));
        let mut shared = 0u64;
        for &o in &pass.outputs {
            let terminal = &self.kernel.terminals[o];
            let placed = self.in_place && !self.plan.hands_on(self.stage.outputs[o].value);
            if placed && matches!(terminal, Terminal::Collect { .. }) {
                continue;
            }
            let partial = terminal.partial_bytes(&block, &self.kernel.program);
            worker = worker.saturating_add(partial);
            shared = shared.saturating_add(match terminal {
                Terminal::Collect { .. } => 0,
                Terminal::Histogram { .. } => partial,
                Terminal::Reduce { reduced, spec, .. } => {
                    let live = match kept_first(&pass.order, reduced) {
                        // Tiles are finished one after the other; each worker may be at another.
                        true => partial.saturating_mul(workers + 1),
                        false => u64::MAX,
                    };
                    let outputs: u64 = kept(&window, reduced).iter().product();
                    live.min(outputs.saturating_mul(spec.bytes_per_output()))
                }
            });
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
