//! Smoothed particles: kernels, and sums in fixed point for what lands on pixels in any order.

mod fixed;
mod kernel;

pub use fixed::Quantum;
pub use kernel::{KERNELS, Kernel, Lines};
