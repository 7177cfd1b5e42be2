//! Histograms in one to three dimensions: bin index, then counts and, with weights, exact sums.
//!
//! The result equals `numpy.histogram` (`histogram2d`, `histogramdd`) of the data as float64, with
//! float64 edges: bins are half-open, the last one closed, and membership is comparison with the
//! edges. It does not depend on how the data is cut into tiles, on the order of tiles and merges,
//! or on the vector level. Every value that was not masked out is counted exactly once: in a bin,
//! as underflow or overflow (in two and three dimensions: outside), or as NaN.
//!
//! Way of a run: [`Bins`] with the bounds of the data become [`Edges`]; edges and dtypes make a
//! [`HistogramSpec`]; each worker fills a [`State`] with [`Tile`]s; states merge; the last one
//! finishes into a [`Histogram`].
//!
//! Limits: 2^26 bins per axis, 2^31 − 8 bins in all, 2^63 values. Differences from NumPy, on
//! purpose: float32 data with automatic edges gets float64 edges; uniform edges that float64 cannot
//! tell apart are an error in every dimension; weighted sums are exact and rounded once, to the
//! weights' dtype also where NumPy's `histogramdd` gives float64; integer weights give int64 or
//! uint64, or an error where that overflows.

mod bins;
mod cells;
mod cut;
mod edges;
mod find;
mod groups;
mod load;
mod log_of;
mod logs;
mod near;
mod padded;
mod powers;
mod result;
mod spec;
mod state;
#[cfg(test)]
mod tests;
mod weigh;
mod window;

pub use bins::Bins;
pub use edges::{Edges, MAX_AXIS_BINS, Scale, integer_order};
pub(super) use load::BLOCK;
pub use log_of::LogOf;
pub use result::Histogram;
pub use spec::HistogramSpec;
pub use state::{Scratch, State, Tile};
pub(super) use weigh::{Scratch as WeighScratch, Weighted};
pub(super) use window::OTHERS;
