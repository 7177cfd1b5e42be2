//! Where kernels run. A backend takes whole [`Kernel`]s, so it does not grow with the operations.
//!
//! What a device can do is data, [`Capabilities`], that binding reads to place each stage. The CPU
//! backend takes every kernel and is where anything runs that another device cannot do correctly.

pub mod cpu;
pub mod gpu;

use crate::DType;
use crate::error::Result;
use crate::ops::elementwise::Events;
use crate::ops::kernel::{Block, Kernel, Operand, Partial};
use crate::trace::Trace;
use serde::Serialize;
use std::sync::Arc;

/// What a device can do, found out once when it is opened.
#[derive(Clone, Debug, Serialize)]
pub struct Capabilities {
    /// `cpu`, `gpu`.
    pub backend: &'static str,
    /// The device's own name.
    pub name: String,
    /// Whether it is a GPU in name only, run by software.
    pub software: bool,
    /// Threads, or parallel units as far as known.
    pub threads: usize,
    /// The vector levels or features in use, lowest first.
    pub features: Vec<String>,
    /// The dtypes on which it computes right.
    pub dtypes: Vec<DType>,
    /// What was found wrong by its start-up probe and switched off, with the reason.
    pub disabled: Vec<String>,
}

/// A device that can run kernels.
pub trait Backend: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// Whether it runs this kernel correctly, over blocks of up to this shape; otherwise why not.
    fn supports(&self, kernel: &Kernel, block: &[u64]) -> std::result::Result<(), String>;

    /// The most bytes that one runner of this kernel holds beside operands and partials, over blocks of
    /// up to this shape.
    fn worker_bytes(&self, kernel: &Kernel, block: &[u64]) -> WorkerBytes;

    /// Makes what runs the kernel over blocks of up to this shape; one per worker. What it does on the way
    /// to another device is written down in `trace`.
    ///
    /// # Errors
    /// `Device` if the device cannot make it.
    fn runner(&self, kernel: &Kernel, block: &[u64], trace: Option<&Arc<Trace>>) -> Result<Box<dyn Runner>>;
}

/// What a worker holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerBytes {
    /// In host memory.
    pub host: u64,
    /// In device memory.
    pub device: u64,
}

/// One worker's instance of a kernel, with its scratch memory.
pub trait Runner: Send {
    /// Adds a block to the partials, one per terminal. A `Collect` partial is replaced. A runner may
    /// leave the work under way: then the partials stay the same ones until [`flush`](Runner::flush).
    ///
    /// # Errors
    /// `Value` if an element has no answer that could be given (a negative integer power); `Device` if
    /// the device failed: then the last [`under_way`](Runner::under_way) blocks, this one included,
    /// are not in the partials, and the runner is of no more use.
    fn run(&mut self, block: &Block, operands: &[Operand], partials: &mut [Partial]) -> Result<Events>;

    /// Ends what is under way. Afterwards the partials have every block.
    ///
    /// # Errors
    /// As [`Runner::run`].
    fn flush(&mut self, _partials: &mut [Partial]) -> Result<Events> {
        Ok(Events::NONE)
    }

    /// How many of the blocks last given are not in the partials yet.
    fn under_way(&self) -> usize {
        0
    }
}
