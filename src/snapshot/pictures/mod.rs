//! Images and grids: what is in an object, by pixels and cells.

mod deposit;
mod image;
mod smoothed;
mod strips;
mod what;
mod window;

pub use what::{Axis, Deposit, Image, Picture, Side, Volume};
pub use window::Window;
