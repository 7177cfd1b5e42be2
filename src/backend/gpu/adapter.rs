//! Which adapters there are, and which one is meant.

use super::capabilities;
use super::device::Context;
pub use crate::backend::choice::Choice;
use crate::error::{Error, ErrorKind, Result};
use serde::Serialize;

/// An adapter of this machine.
#[derive(Debug, Serialize)]
pub struct Found {
    /// Its own name.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`.
    pub api: String,
    /// The driver and its version.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    #[serde(skip)]
    adapter: wgpu::Adapter,
}

impl Found {
    /// Whether it is a GPU in name only, run by the CPU.
    pub fn is_software(&self) -> bool {
        self.kind == "software"
    }

    #[cfg(test)]
    pub(super) fn adapter(&self) -> &wgpu::Adapter {
        &self.adapter
    }

    /// Opens it, with a budget of device memory in bytes. An adapter can be opened once.
    ///
    /// # Errors
    /// `Device` if it cannot be opened.
    pub fn open(self, budget: u64) -> Result<Context> {
        Context::open(&self.adapter, budget)
    }
}

/// Every adapter, the fastest first.
pub fn adapters() -> Vec<Found> {
    let instance = instance();
    let all = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let mut found: Vec<(u8, Found)> = all
        .into_iter()
        .map(|adapter| {
            let info = adapter.get_info();
            let rank = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => 0,
                wgpu::DeviceType::IntegratedGpu => 1,
                wgpu::DeviceType::VirtualGpu => 2,
                wgpu::DeviceType::Other => 3,
                wgpu::DeviceType::Cpu => 4,
            };
            let (kind, driver) = (capabilities::kind(info.device_type), capabilities::driver(&info));
            (rank, Found { name: info.name, api: info.backend.to_string(), driver, kind, adapter })
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, f)| f).collect()
}

/// What finds adapters.
fn instance() -> wgpu::Instance {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    if let Some(instance) = without_screens() {
        return instance;
    }
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    descriptor.flags = wgpu::InstanceFlags::empty();
    wgpu::Instance::new(descriptor)
}

/// Vulkan without the extensions that show pictures on a screen, which nothing here does. Where they are on, Mesa's
/// layer that chooses devices asks the display server which one it uses: that takes time, and writes two lines of errors
/// to stderr where there is no session of a desktop (`XDG_RUNTIME_DIR`). Nothing if there is no Vulkan.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn without_screens() -> Option<wgpu::Instance> {
    use wgpu::hal::{InstanceDescriptor, api, vulkan};
    const SCREENS: [&std::ffi::CStr; 3] =
        [c"VK_KHR_wayland_surface", c"VK_KHR_xcb_surface", c"VK_KHR_xlib_surface"];
    let descriptor = InstanceDescriptor {
        name: "chunkwise",
        flags: wgpu::InstanceFlags::empty(),
        memory_budget_thresholds: wgpu::MemoryBudgetThresholds::default(),
        backend_options: wgpu::BackendOptions::default(),
        telemetry: None,
        display: None,
    };
    let leave_out = |args: vulkan::CreateInstanceCallbackArgs| {
        args.extensions.retain(|name| !SCREENS.contains(name));
    };
    // SAFETY: each of the extensions that are left out is optional: wgpu asks for it only where the driver has it, and
    // looks whether it is on before it makes a surface of its kind. So the instance is that of a driver that lacks them.
    let instance = unsafe { vulkan::Instance::init_with_callback(&descriptor, Some(Box::new(leave_out))) };
    // SAFETY: it was made by the backend just now, and wgpu alone has it.
    instance.ok().map(|instance| unsafe { wgpu::Instance::from_hal::<api::Vulkan>(instance) })
}

/// The position of the adapter that is meant.
///
/// # Errors
/// `Device` if there is none such, with the names of those that there are.
pub fn choose(found: &[Found], choice: &Choice) -> Result<usize> {
    let names = || found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
    let none = || {
        Error::new(ErrorKind::Device, "no GPU adapter was found")
            .hint("install a Vulkan driver (mesa-vulkan-drivers has one for the CPU), or use the CPU")
    };
    match choice {
        Choice::Fastest => found.first().map(|_| 0).ok_or_else(none),
        _ if found.is_empty() => Err(none()),
        Choice::Index(i) => found.get(*i).map(|_| *i).ok_or_else(|| {
            Error::new(
                ErrorKind::Device,
                format!("there is no adapter {i}, only {}: {}", found.len(), names()),
            )
        }),
        Choice::Name(name) => {
            let wanted = name.to_lowercase();
            found.iter().position(|f| f.name.to_lowercase().contains(&wanted)).ok_or_else(|| {
                Error::new(ErrorKind::Device, format!("no adapter is called '{name}'; there is {}", names()))
            })
        }
    }
}

/// Opens the adapter that is meant, with a budget of device memory in bytes.
///
/// # Errors
/// `Device` if there is none such, or it cannot be opened.
pub fn open(choice: &Choice, budget: u64) -> Result<Context> {
    let mut found = adapters();
    let at = choose(&found, choice)?;
    found.swap_remove(at).open(budget)
}
