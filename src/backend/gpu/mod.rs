//! The GPU backend: whole kernels as WGSL compute shaders, through wgpu on Vulkan, Metal and DX12.

mod abilities;
mod adapter;
mod cache;
mod calibrate;
mod capabilities;
mod code;
mod collect;
mod device;
mod families;
mod family;
mod histogram;
mod layout;
mod library;
mod mapping;
mod math_text;
pub mod matmul;
mod memory;
mod open;
mod probe;
mod prune;
mod reduce;
mod resident;
mod ring;
mod runner;
mod shader;
mod spirv;
#[cfg(test)]
mod tests;
mod trace;

pub use self::calibrate::calibrate;
pub use abilities::Abilities;
pub use adapter::{Choice, Found, adapters, choose, open};
pub use capabilities::capabilities;
pub use device::{Context, Fault};
pub use memory::{DeviceBuffer, Memory};
pub use resident::{Resident, copy_seconds, upload_seconds};
pub use trace::DeviceClock;

use crate::DType;
use crate::backend::calibrate as kept;
use crate::backend::cost::DeviceRates;
use crate::backend::{Backend, Capabilities, Product, Runner, WorkerBytes, files};
use crate::error::Result;
use crate::ops::kernel::Kernel;
use crate::size::human_bytes;
use crate::trace::Trace;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A GPU with a budget of its memory, of which each worker has an equal share.
pub struct Gpu {
    context: Arc<Context>,
    abilities: Abilities,
    capabilities: Capabilities,
    workers: u64,
}

/// The devices that are open in this process, by who asked for what: sessions share them.
type Opened = Vec<((Choice, u64), Weak<Context>)>;

impl Gpu {
    /// Opens an adapter for so many workers. Sessions with the same choice and budget share a device.
    ///
    /// # Errors
    /// `Device` if there is none such, or it cannot be opened.
    pub fn open(choice: &Choice, budget: Option<u64>, workers: usize) -> Result<Gpu> {
        static OPENED: Mutex<Opened> = Mutex::new(Vec::new());
        let budget = budget.unwrap_or(DEFAULT_MEMORY);
        let key = (choice.clone(), budget);
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|(_, c)| c.upgrade().is_some_and(|c| c.check().is_ok()));
        let found = opened.iter().find(|(k, _)| *k == key).and_then(|(_, c)| c.upgrade());
        let context = match found {
            Some(context) => context,
            None => {
                let context = Arc::new(open(choice, budget)?);
                opened.push((key, Arc::downgrade(&context)));
                context
            }
        };
        let abilities = context.abilities().clone();
        let capabilities = capabilities(&context);
        Ok(Gpu { context, abilities, capabilities, workers: workers.max(1) as u64 })
    }

    /// The fastest adapter that was measured on this machine, with its rates.
    ///
    /// # Errors
    /// Why there is none.
    pub fn measured(
        choice: &Choice,
        budget: Option<u64>,
        workers: usize,
        cpu: &str,
    ) -> std::result::Result<(Gpu, DeviceRates), String> {
        let folder = files::folder().ok_or("there is no folder in which rates are kept")?;
        let unmeasured = || "no GPU was measured (chunkwise devices --calibrate does it)".to_string();
        // Drivers are not even loaded where nothing was measured.
        if !kept::has_devices(&folder, cpu) {
            return Err(unmeasured());
        }
        let mut found = adapters();
        if *choice != Choice::Fastest {
            let at = choose(&found, choice).map_err(|e| e.message().to_string())?;
            found = vec![found.swap_remove(at)];
        }
        for f in found.iter().filter(|f| !f.is_software()) {
            if let Some(rates) = kept::load::<DeviceRates>(&folder, &f.name, &f.driver) {
                let gpu = Gpu::open(&Choice::Name(f.name.clone()), budget, workers);
                return gpu.map(|gpu| (gpu, rates)).map_err(|e| e.message().to_string());
            }
        }
        Err(unmeasured())
    }

    /// The same device with less that may be used: for a driver that is known to be at fault, and for
    /// tests of what happens then.
    pub fn with_abilities(mut self, abilities: Abilities) -> Gpu {
        self.abilities = abilities;
        self
    }

    /// What may be used on it.
    pub fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    /// The device.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// What a worker's runner may hold: a quarter of its share is left to products.
    fn share(&self) -> u64 {
        self.context.memory.budget() / self.workers / 4 * 3
    }

    fn shape(&self, kernel: &Kernel, block: &[u64]) -> std::result::Result<runner::Shape, String> {
        let families = runner::families(kernel, &self.abilities)?;
        runner::Shape::new(kernel, &families, block, self.share(), self.context.is_unified())
    }
}

/// The budget of device memory if none is given.
pub const DEFAULT_MEMORY: u64 = 2 << 30;

impl Backend for Gpu {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn supports(&self, kernel: &Kernel, block: &[u64]) -> std::result::Result<(), String> {
        self.context.check().map_err(|e| e.message().to_string())?;
        self.shape(kernel, block).map(drop)
    }

    fn worker_bytes(&self, kernel: &Kernel, block: &[u64]) -> WorkerBytes {
        match self.shape(kernel, block) {
            Ok(shape) => shape.worker_bytes(self.context.is_unified()),
            Err(_) => WorkerBytes::default(),
        }
    }

    fn runner(&self, kernel: &Kernel, block: &[u64], trace: Option<&Arc<Trace>>) -> Result<Box<dyn Runner>> {
        let trace = trace.map(Arc::clone);
        let runner =
            runner::GpuRunner::new(&self.context, kernel, &self.abilities, block, self.share(), trace)?;
        Ok(Box::new(runner))
    }

    fn multiplies(&self, dtype: DType, most: [usize; 3]) -> std::result::Result<(), String> {
        self.context.check().map_err(|e| e.message().to_string())?;
        matmul::check(dtype, most, &self.abilities)?;
        let (needed, share) =
            (matmul::device_bytes(dtype, most), self.context.memory.budget() / self.workers / 4);
        if needed > share {
            let [needed, share] = [needed, share].map(human_bytes);
            return Err(format!(
                "a product needs {needed} of device memory, and a worker's share is {share}"
            ));
        }
        Ok(())
    }

    fn product(&self, dtype: DType, most: [usize; 3]) -> std::result::Result<Box<dyn Product>, String> {
        self.multiplies(dtype, most)?;
        matmul::product(&self.context, dtype, most, &self.abilities)
    }
}
