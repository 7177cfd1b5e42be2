//! What can be computed, as tables: elementwise rows, reductions, histograms, and the kernels that
//! they are fused into. Plain data and plain functions; nothing here knows of files or devices.

pub mod elementwise;
pub mod exact;
pub mod fold;
pub mod histogram;
pub mod kernel;
pub mod labels;
pub mod lookup;
pub mod matmul;
pub mod program;
pub mod quantiles;
pub mod reduce;
pub mod shared;
pub mod simd;
pub mod sph;

/// The number of a value that a stage of a plan makes.
pub type ValueId = usize;
