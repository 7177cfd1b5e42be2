//! Opening a device: what is asked of the adapter, and the start-up probe.

use super::abilities::Abilities;
use super::cache::PipelineFile;
use super::device::{Context, device_error};
use super::memory::Memory;
use super::probe;
use super::spirv::FloatControls;
use crate::backend::files;
use crate::error::Result;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Features that are used where the adapter has them.
const WANTED: wgpu::Features = wgpu::Features::SHADER_F64
    .union(wgpu::Features::SHADER_INT64)
    .union(wgpu::Features::SHADER_INT64_ATOMIC_ALL_OPS)
    .union(wgpu::Features::SUBGROUP)
    .union(wgpu::Features::TIMESTAMP_QUERY)
    .union(wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS)
    .union(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS)
    .union(wgpu::Features::PIPELINE_CACHE)
    .union(wgpu::Features::PASSTHROUGH_SHADERS);

/// Device memory that the probe may take.
const PROBE_MEMORY: u64 = 64 << 20;

impl Context {
    /// Opens an adapter with a budget of device memory, and probes what it does right. Compiled
    /// pipelines are kept in the [cache folder](crate::backend::files::folder).
    ///
    /// # Errors
    /// `Device` if it cannot be opened.
    pub fn open(adapter: &wgpu::Adapter, budget: u64) -> Result<Context> {
        Context::open_with(adapter, budget, files::folder().as_deref())
    }

    /// As [`Context::open`], with another cache folder or none.
    ///
    /// # Errors
    /// `Device` if it cannot be opened.
    pub fn open_with(adapter: &wgpu::Adapter, budget: u64, folder: Option<&Path>) -> Result<Context> {
        let info = adapter.get_info();
        let features = adapter.features() & WANTED;
        let limits = adapter.limits();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("chunkwise"),
            required_features: features,
            required_limits: limits.clone(),
            experimental_features: wgpu::ExperimentalFeatures::disabled(),
            memory_hints: wgpu::MemoryHints::Performance,
            trace: wgpu::Trace::Off,
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| device_error(format!("{} cannot be opened: {e}", info.name)))?;
        let lost = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&lost);
        device.set_device_lost_callback(move |reason, message| {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{reason:?}: {message}"));
        });
        // Errors outside of all scopes would end the process; they count as a lost device.
        let seen = Arc::clone(&lost);
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e.to_string());
        }));
        let mut context = Context {
            memory: Arc::new(Memory::new(PROBE_MEMORY)),
            controls: FloatControls::default(),
            pipelines: Mutex::default(),
            cache: folder.and_then(|folder| PipelineFile::open(&device, &info, features, folder)),
            abilities: Abilities::default(),
            device,
            queue,
            info,
            features,
            limits,
            lost,
            fault: Mutex::default(),
        };
        context.abilities = probe::probe(&mut context)?;
        // What the probe takes is given back, and is not the user's.
        context.memory = Arc::new(Memory::new(budget));
        Ok(context)
    }
}
