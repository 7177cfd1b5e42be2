//! Runners of the kernels that feeds are made of.

use crate::backend::{Backend, Runner};
use crate::error::Result;
use crate::ops::kernel::{Kernel, Terminal};
use crate::plan::{MAX_KEPT_RUNNERS, SubKernel};
use std::collections::HashMap;

/// Runners of nested kernels.
#[derive(Default)]
pub(super) struct Runners {
    /// By where the kernel lies.
    kept: HashMap<usize, KeptRunner>,
    /// What those hold that are kept or under way.
    bytes: u64,
}

/// A runner, and what it holds.
pub(super) struct KeptRunner {
    pub(super) runner: Box<dyn Runner>,
    bytes: u64,
}

impl Runners {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The runner of a kernel that collects its one output, for blocks of up to this shape.
    pub(super) fn take(
        &mut self,
        kernel: &SubKernel,
        cpu: &dyn Backend,
        block: &[u64],
    ) -> Result<KeptRunner> {
        if let Some(kept) = self.kept.remove(&address(kernel)) {
            return Ok(kept);
        }
        let terminals = vec![Terminal::collect(&kernel.program, 0, kernel.shape.len())?];
        let kernel = Kernel { program: kernel.program.clone(), terminals };
        let bytes = cpu.worker_bytes(&kernel, block).host;
        self.bytes += bytes;
        Ok(KeptRunner { runner: cpu.runner(&kernel, block, None)?, bytes })
    }

    /// Takes a runner back.
    pub(super) fn give(&mut self, kernel: &SubKernel, runner: KeptRunner) {
        if self.kept.len() < MAX_KEPT_RUNNERS {
            self.kept.insert(address(kernel), runner);
        } else {
            self.bytes -= runner.bytes;
        }
    }
}

/// Where a kernel of the plan lies, which stays.
fn address(kernel: &SubKernel) -> usize {
    std::ptr::from_ref(kernel) as usize
}
