//! The functions for vector levels that have a fused multiply-add.
#![allow(clippy::duplicate_mod)]

pub(super) const FMA: bool = true;

#[path = "double.rs"]
pub(super) mod double;
#[path = "single.rs"]
pub(super) mod single;
