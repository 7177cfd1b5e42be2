//! Where kernels run. A backend takes whole [`Kernel`]s, so it does not grow with the operations.
//!
//! What a device can do is data, [`Capabilities`], that binding reads to place each stage. The CPU
//! backend takes every kernel and is where anything runs that another device cannot do correctly.

pub mod calibrate;
pub mod cost;
pub mod cpu;
pub mod files;
pub mod gpu;

use crate::error::Result;
use crate::ops::elementwise::Events;
use crate::ops::kernel::{Block, Kernel, Operand, Partial};
use crate::{DType, Error, ErrorKind};
use serde::Serialize;

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
    /// What only an adapter has; `None` for the CPU.
    #[serde(flatten)]
    pub adapter: Option<AdapterDetails>,
}

/// What a graphics adapter says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterDetails {
    /// `vulkan`, `metal`, `dx12`.
    pub api: String,
    /// The driver and its version.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: String,
    /// Whether it shares the host's memory, so that nothing need be copied to it.
    pub unified_memory: bool,
    /// The least and the greatest number of invocations in a subgroup.
    pub subgroup_sizes: [u32; 2],
    /// How much it takes at once.
    pub limits: AdapterLimits,
}

/// How much an adapter takes at once.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterLimits {
    /// Bytes of one buffer.
    pub buffer_bytes: u64,
    /// Bytes of one binding of a buffer.
    pub binding_bytes: u64,
    /// Bytes of memory that a workgroup shares; 0 if it is switched off.
    pub workgroup_bytes: u32,
    /// Invocations of one workgroup.
    pub workgroup_threads: u32,
    /// Workgroups per dimension.
    pub max_groups: u32,
    /// The budget of device memory that it was opened with.
    pub memory_budget_bytes: u64,
}

/// A device that can run kernels.
pub trait Backend: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// Whether it runs this kernel correctly; otherwise why not.
    fn supports(&self, kernel: &Kernel) -> std::result::Result<(), String>;

    /// The most bytes of host memory that one runner of this kernel holds beside operands and partials.
    fn scratch_bytes(&self, kernel: &Kernel) -> u64;

    /// Makes what runs the kernel; one per worker.
    ///
    /// # Errors
    /// `Device` if the device cannot make it.
    fn runner(&self, kernel: &Kernel) -> Result<Box<dyn Runner>>;
}

/// One worker's instance of a kernel, with its scratch memory.
pub trait Runner: Send {
    /// Adds a block to the partials, one per terminal. A `Collect` partial is replaced.
    ///
    /// # Errors
    /// `Value` if an element has no answer that could be given (a negative integer power).
    fn run(&mut self, block: &Block, operands: &[Operand], partials: &mut [Partial]) -> Result<Events>;
}

/// The GPU of this build, if there is one.
///
/// # Errors
/// `Device` with the reason why there is none.
pub fn gpu() -> Result<Box<dyn Backend>> {
    Err(Error::new(ErrorKind::Device, "this build has no GPU backend")
        .hint("the CPU gives the same answers; leave --no-fallback away to let it"))
}
