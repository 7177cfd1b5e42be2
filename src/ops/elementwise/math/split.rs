//! The functions for vector levels that have no fused multiply-add.
#![allow(clippy::duplicate_mod)]

pub(super) const FMA: bool = false;

#[path = "double.rs"]
pub(super) mod double;
#[path = "single.rs"]
pub(super) mod single;
