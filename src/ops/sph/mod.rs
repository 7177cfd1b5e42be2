//! Smoothed particles: kernels, and images of them as sums in fixed point of what lands on pixels in any order.

mod draw;
mod fixed;
mod kernel;
mod window;

pub use draw::{Brush, Pixels, VALUES, draw};
pub use fixed::Quantum;
pub use kernel::{KERNELS, Kernel, Lines};
pub use window::{Through, Window};
