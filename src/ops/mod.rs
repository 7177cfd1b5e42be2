//! What can be computed, as tables.
pub mod elementwise;
pub mod exact;
pub mod histogram;
pub mod simd;
