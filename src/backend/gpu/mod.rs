//! The GPU backend: whole kernels as WGSL compute shaders, through wgpu on Vulkan, Metal and DX12.

mod abilities;
mod adapter;
mod code;
mod collect;
mod device;
mod family;
mod layout;
mod library;
mod math_text;
mod memory;
mod runner;
mod spirv;
#[cfg(test)]
mod tests;

pub use abilities::Abilities;
pub use adapter::{Choice, Found, adapters, open};
pub use device::Context;
pub use memory::{DeviceBuffer, Memory};
