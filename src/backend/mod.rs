//! Where kernels run. A backend takes whole [`Kernel`]s, so it does not grow with the operations.
//!
//! What a device can do is data, [`Capabilities`], that binding reads to place each stage. The CPU
//! backend takes every kernel and is where anything runs that another device cannot do correctly.

pub mod cpu;
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

    /// Makes what multiplies matrices of a dtype (float16 as float32) in pieces of at most `m × k` by
    /// `k × n`, given as `[m, k, n]`; one per worker and product under way.
    ///
    /// # Errors
    /// Why the device cannot; there is always the CPU's.
    fn product(&self, dtype: DType, most: [usize; 3]) -> std::result::Result<Box<dyn Product>, String> {
        let (_, _) = (dtype, most);
        Err(format!("products have no code for the {}", self.capabilities().backend))
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

    /// Brings the tile into `c`.
    ///
    /// # Errors
    /// As [`Product::add`].
    fn finish(&mut self, c: &mut [u8]) -> Result<()>;
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
