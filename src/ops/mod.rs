//! What can be computed, as tables.
pub mod exact;
pub mod reduce;
pub mod simd;
