//! Where kernels run. A backend takes whole [`Kernel`]s, so it does not grow with the operations.
//!
//! What a device can do is data, [`Capabilities`], that binding reads to place each stage. The CPU
//! backend takes every kernel and is where anything runs that another device cannot do correctly.

pub mod calibrate;
mod choice;
pub mod cost;
pub mod cpu;
pub mod files;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(not(feature = "gpu"))]
#[path = "gpu_absent.rs"]
pub mod gpu;
pub mod limits;
pub mod topology;

use crate::DType;
use crate::error::Result;
use crate::ops::elementwise::Events;
use crate::ops::fold::State;
use crate::ops::kernel::{Block, Kernel, Operand};
use crate::trace::Trace;
use serde::Serialize;
use std::sync::Arc;

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DeviceKind {
    /// The CPU, which computes everything.
    Cpu,
    /// A graphics adapter.
    Gpu,
}

impl std::fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Gpu => "gpu",
        })
    }
}

/// What a device can do, found out once when it is opened.
#[derive(Clone, Debug, Serialize)]
pub struct Capabilities {
    /// What it is.
    pub backend: DeviceKind,
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

    /// Whether it runs this kernel correctly, over blocks of up to this shape; otherwise why not.
    fn supports(&self, kernel: &Kernel, block: &[u64]) -> std::result::Result<(), String>;

    /// The most bytes that one runner of this kernel holds beside operands and states, over blocks of
    /// up to this shape.
    fn worker_bytes(&self, kernel: &Kernel, block: &[u64]) -> WorkerBytes;

    /// Elements that it computes at a time: blocks are best cut at multiples of that.
    fn tile(&self) -> usize {
        1
    }

    /// Makes what runs the kernel over blocks of up to this shape; one per worker. What it does on the way
    /// to another device is written down in `trace`.
    ///
    /// # Errors
    /// `Device` if the device cannot make it.
    fn runner(&self, kernel: &Kernel, block: &[u64], trace: Option<&Arc<Trace>>) -> Result<Box<dyn Runner>>;

    /// Whether [`Backend::product`] can be had; otherwise why not.
    fn multiplies(&self, _dtype: DType, _most: [usize; 3]) -> std::result::Result<(), String> {
        Err(format!("products have no code for the {}", self.capabilities().backend))
    }

    /// Makes what multiplies matrices of a dtype (float16 as float32) in pieces of at most `m × k` by
    /// `k × n`, given as `[m, k, n]`; one per worker and product under way.
    ///
    /// # Errors
    /// Why the device cannot; there is always the CPU's.
    fn product(&self, dtype: DType, most: [usize; 3]) -> std::result::Result<Box<dyn Product>, String> {
        self.multiplies(dtype, most)?;
        Err("its code is missing".into())
    }
}

/// One worker's means to multiply matrices: tiles `c` (m × n) of a product, each the sum of the products
/// of pieces `a` (m × k) and `b` (k × n), all C-contiguous.
///
/// The sum may lie in `c` or on a device; `c` is the product's own from `begin` to `finish`, and the
/// same for all calls of a tile. After an error the tile is lost.
pub trait Product: Send {
    /// Begins a tile of the shape `[m, n]`: zeros.
    ///
    /// # Errors
    /// `Device` if the device fails.
    fn begin(&mut self, shape: [usize; 2], c: &mut [u8]) -> Result<()>;

    /// Adds `a @ b`, whose inner dimension is `k`.
    ///
    /// # Errors
    /// `Device` if the device fails; `Internal` if the lengths do not fit the shape.
    fn add(&mut self, k: usize, a: &[u8], b: &[u8], c: &mut [u8]) -> Result<()>;

    /// As [`Product::add`], with factors that lie within larger arrays. Nothing is done, and `false` given,
    /// if it takes only factors that are C-contiguous.
    ///
    /// # Errors
    /// As [`Product::add`].
    fn add_within(&mut self, _k: usize, _a: Within, _b: Within, _c: &mut [u8]) -> Result<bool> {
        Ok(false)
    }

    /// Brings the tile into `c`.
    ///
    /// # Errors
    /// As [`Product::add`].
    fn finish(&mut self, c: &mut [u8]) -> Result<()>;
}

/// A piece of a factor as it lies within an array: from its first element on, element `[i, j]` is
/// `i * strides[0] + j * strides[1]` elements further.
#[derive(Clone, Copy, Debug)]
pub struct Within<'a> {
    /// The array from that element on.
    pub bytes: &'a [u8],
    /// In elements.
    pub strides: [usize; 2],
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
    /// Adds a block to the states, one per terminal. Collected elements replace those of the block before;
    /// only the CPU's runner takes states that have their [place](State::place). A runner may
    /// leave the work under way: then the states stay the same ones until [`flush`](Runner::flush).
    ///
    /// # Errors
    /// `Value` if an element has no answer that could be given (a negative integer power); `Device` if
    /// the device failed: then the last [`under_way`](Runner::under_way) blocks, this one included,
    /// are not in the states, and the runner is of no more use.
    fn run(&mut self, block: &Block, operands: &[Operand], states: &mut [Box<dyn State>]) -> Result<Events>;

    /// Ends what is under way. Afterwards the states have every block.
    ///
    /// # Errors
    /// As [`Runner::run`].
    fn flush(&mut self, _states: &mut [Box<dyn State>]) -> Result<Events> {
        Ok(Events::NONE)
    }

    /// Whether operands may be given as a file packs them, not only [plain](crate::ops::kernel::Packing).
    fn takes_packed(&self) -> bool {
        false
    }

    /// How many of the blocks last given are not in the states yet.
    fn under_way(&self) -> usize {
        0
    }
}
