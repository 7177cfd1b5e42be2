//! What an opened adapter can do correctly: features that are there and that the start-up probe found
//! right. Generators and placement read this, and nothing else, about a device.

use serde::Serialize;

/// What may be used on an adapter.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Abilities {
    /// 64-bit integers: needed for every 64-bit dtype, which are held as `u64` bits.
    pub int64: bool,
    /// 64-bit integer atomics in storage and workgroup memory.
    pub int64_atomics: bool,
    /// float32 `+ − ×`, comparisons and conversions are IEEE 754's, subnormals included, and nothing
    /// is contracted or reordered: what the float32 rows (and float16's) need for the CPU's bits.
    pub float32: bool,
    /// The device's own float32 division is correctly rounded; otherwise it is corrected.
    pub divide32: bool,
    /// The same for float32 square roots.
    pub sqrt32: bool,
    /// As `float32`, for float64, with division and square root.
    pub float64: bool,
    /// Subgroup operations, if they may be used.
    pub subgroups: bool,
    /// Workgroup memory in bytes.
    pub workgroup_bytes: u32,
    /// The most bytes of one binding.
    pub binding_bytes: u64,
    /// The most workgroups per dimension.
    pub max_groups: u32,
    /// What is switched off, with the reason.
    pub off: Vec<String>,
}
