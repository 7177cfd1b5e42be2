//! Units of fields: dimensions, a factor, powers of the scale factor and of h; how they are written.

pub mod constants;
mod names;
mod power;
mod unit;

pub use names::{CodeUnits, parse};
pub use power::Power;
pub use unit::{Epoch, Unit};
