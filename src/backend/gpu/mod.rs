//! The GPU backend: whole kernels as WGSL compute shaders, through wgpu on Vulkan, Metal and DX12.

mod abilities;
mod adapter;
mod cache;
mod calibrate;
mod capabilities;
mod code;
mod collect;
mod device;
mod family;
mod layout;
mod library;
mod memory;
mod probe;
mod runner;
mod spirv;
#[cfg(test)]
mod tests;
mod trace;

pub use abilities::Abilities;
pub use adapter::{Choice, Found, adapters, choose, open};
pub use calibrate::calibrate;
pub use capabilities::capabilities;
pub use device::Context;
pub use memory::{DeviceBuffer, Memory};
pub use trace::{DeviceClock, Lane, Span, Trace};
