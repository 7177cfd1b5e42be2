//! What can be computed, as tables.
pub mod simd;
