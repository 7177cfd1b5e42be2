//! Quantiles: which of the elements in order are asked for, and what is made of them, as NumPy 2 does it.
//!
//! The order is that of [`Ordered::key`]: by value, −0 below +0, NaN last. So an order statistic is a matter of
//! which elements there are and never of where they lay. NumPy leaves open which of ±0 it finds; everything else has
//! NumPy's bits, but for what [`Asked`] names.

mod asked;
mod keys;
mod method;
mod weighted;

pub use asked::{Asked, Rule, no_elements};
pub use keys::{Key, Ordered, PIECE};
pub use method::Method;
pub use weighted::weighted_ranks;
