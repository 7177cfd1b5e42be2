//! What can be computed, as tables.
pub mod elementwise;
pub mod simd;
