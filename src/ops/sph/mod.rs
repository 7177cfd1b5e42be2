//! Smoothed particles: kernels, and images of them as sums in fixed point of what lands on pixels in any order.

mod draw;
mod fixed;
mod kernel;
mod pixels;
mod window;

pub use draw::{Brush, VALUES, draw};
pub use fixed::Quantum;
pub use kernel::{KERNELS, Kernel, Lines};
pub use pixels::Pixels;
pub use window::{Through, Window};
