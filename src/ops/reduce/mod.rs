//! Reductions: one table of rows, and the accumulators that they share.
//!
//! A [`Reduction`] is a row by NumPy's name. A [`ReduceSpec`] is a row with its dtypes and options,
//! checked by NumPy's rules. A [`State`] holds the accumulators for some number of outputs: it is
//! updated from tiles of values, merged with other states, and finished into bytes. Whatever the
//! tiles, the runs and the order of the merges, the finished bits are the same: sums are exact
//! (see [`exact`](super::exact)) and rounded once, extremes are ordered totally (value, then
//! position), products keep 256 bits.
//!
//! Where this differs from NumPy, on purpose: float sums and products are rounded once; integer
//! `sum` and `prod` that do not fit their dtype are errors, never a wrap; −0 is below +0 in `min`
//! and `max`; an exact zero sum is +0; NaN results are the positive quiet NaN; `min` and `max` take
//! `where=` without `initial=` and fail only where nothing is left; `mean`, `var` and `std` take no
//! integer `dtype=`.

mod by_group;
mod count;
mod extreme;
mod gathered;
mod grouped;
mod integer;
mod keys;
mod moments;
mod product;
mod rows;
mod scan;
mod spec;
mod state;
mod tally;
#[cfg(test)]
mod tests;
mod tile;
mod value;

pub use by_group::NOWHERE;
pub use gathered::{Gathered, Limbs, OrderedBits};
pub use grouped::{GroupedScratch, GroupedState, GroupedTile};
pub use rows::{Empty, Family, Quantity, Reduction, Row};
pub use scan::{Lines, scan};
pub use spec::ReduceSpec;
pub use state::{Notes, State};
pub use tile::{Along, Run, Tile};
pub use value::{first_sort_key, sort_keys};
