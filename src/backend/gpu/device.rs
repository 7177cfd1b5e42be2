//! An opened adapter: modules, pipelines, buffers, submissions, and what can go wrong with them.
//!
//! Errors are caught in scopes around each group of calls, so that nothing is swallowed. A lost
//! device, or one out of memory, is an error of kind `Device` that the executor answers by running
//! the tasks in flight on the CPU.

use super::abilities::Abilities;
use super::cache::PipelineFile;
use super::memory::{DeviceBuffer, Memory};
use super::prune;
use super::spirv::{self, FloatControls};
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use wgpu::naga;

/// An opened device. Everything on it goes through here.
///
/// Shaders are compiled without checks of bounds and run as they are, so that only this crate's own can
/// be: nobody else may have one compiled, though everyone may ask how the device is.
///
/// ```compile_fail,E0624
/// fn shader(context: &chunkwise::backend::gpu::Context, wgsl: &str) -> chunkwise::Result<()> {
///     context.check()?;
///     context.pipeline("mine", wgsl).map(drop)
/// }
/// ```
///
/// ```
/// fn shader(context: &chunkwise::backend::gpu::Context) -> chunkwise::Result<()> {
///     context.check()
/// }
/// ```
pub struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// Who it is.
    pub info: wgpu::AdapterInfo,
    /// What was requested and is there.
    pub features: wgpu::Features,
    /// The adapter's limits.
    pub limits: wgpu::Limits,
    /// The device memory in use, and its budget.
    pub memory: Arc<Memory>,
    /// What shaders ask of the float unit.
    pub controls: FloatControls,
    pub(super) pipelines: Mutex<HashMap<Arc<str>, Arc<Pipeline>>>,
    pub(super) cache: Option<PipelineFile>,
    pub(super) abilities: Abilities,
    pub(super) lost: Arc<Mutex<Option<String>>>,
    pub(super) fault: Mutex<Option<(u64, Fault)>>,
}

/// What a test can make happen to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device is lost, as after a driver's reset.
    Lost,
    /// The device has no memory left for one submission.
    OutOfMemory,
}

/// A compute pipeline, and the bindings that its shader uses.
pub struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    bindings: Vec<u32>,
    /// Invocations per workgroup.
    pub workgroup: u32,
}

/// A buffer for a binding.
#[derive(Clone)]
pub struct Bind<'a> {
    /// The binding's number in the shader.
    pub at: u32,
    /// The buffer.
    pub buffer: &'a wgpu::Buffer,
    /// The bytes that are bound, from a multiple of 256; all if `None`.
    pub range: Option<std::ops::Range<u64>>,
}

/// One dispatch.
pub struct Dispatch<'a> {
    /// What runs.
    pub pipeline: &'a Pipeline,
    /// Buffers for its bindings, and perhaps for others, which are left out.
    pub binds: &'a [Bind<'a>],
    /// Workgroups per dimension.
    pub groups: [u32; 3],
}

pub(super) fn device_error(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Device, what)
}

impl Context {
    /// Whether shaders go to the driver as SPIR-V of our own, with contraction forbidden.
    pub fn is_strict(&self) -> bool {
        self.info.backend == wgpu::Backend::Vulkan
            && self.features.contains(wgpu::Features::PASSTHROUGH_SHADERS)
    }

    /// The wgpu device, for what this type has no words for.
    pub(super) fn raw(&self) -> &wgpu::Device {
        &self.device
    }

    /// The wgpu queue.
    pub(super) fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// # Errors
    /// `Device` if the device is lost.
    pub fn check(&self) -> Result<()> {
        match &*self.lost.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(why) => {
                Err(device_error(format!("the device was lost ({why})")).at("device", &self.info.name))
            }
            None => Ok(()),
        }
    }

    /// Makes the device lost, as a driver's reset would.
    pub fn lose(&self) {
        // Known before it happens, so that whoever meets it can say what it was.
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert_with(|| "it was destroyed".into());
        drop(lost);
        self.device.destroy();
    }

    /// Runs calls to wgpu and gives the first error that any of them met.
    ///
    /// # Errors
    /// `Device` with the message.
    pub fn scoped<T>(&self, what: &str, calls: impl FnOnce() -> T) -> Result<T> {
        self.check()?;
        let scopes =
            [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Validation]
                .map(|filter| self.device.push_error_scope(filter));
        let value = calls();
        // The last scope pushed is popped first.
        let errors = scopes.into_iter().rev().filter_map(|scope| pollster::block_on(scope.pop()));
        match errors.last() {
            None => Ok(value),
            Some(e) => {
                let why = match &e {
                    wgpu::Error::OutOfMemory { .. } => "the device is out of memory".to_string(),
                    e => e.to_string(),
                };
                // A device that is lost says so in many ways.
                let plain = || device_error(why).at("call", what).at("device", &self.info.name);
                Err(self.check().err().unwrap_or_else(plain))
            }
        }
    }

    /// The pipeline of a WGSL source with one entry point `main`. Made once per source. Shaders run
    /// unchecked, so that the source must be this crate's own.
    ///
    /// # Errors
    /// `Internal` if the source is not valid; `Device` if the driver refuses it.
    pub(super) fn pipeline(&self, label: &str, source: &str) -> Result<Arc<Pipeline>> {
        if let Some(found) = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner).get(source) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(self.compile(label, source)?);
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(pipelines.entry(source.into()).or_insert(made)))
    }

    /// As [`Context::pipeline`], for what runs once: nothing is kept.
    ///
    /// # Errors
    /// As [`Context::pipeline`].
    pub(super) fn pipeline_once(&self, label: &str, source: &str) -> Result<Pipeline> {
        self.compile(label, source)
    }

    fn compile(&self, label: &str, source: &str) -> Result<Pipeline> {
        let (module, info) = spirv::parse(label, &prune::used(source))?;
        let entry =
            module.entry_points.iter().find(|e| e.name == "main").ok_or_else(|| {
                Error::new(ErrorKind::Internal, "the shader has no main").at("shader", label)
            })?;
        let workgroup = entry.workgroup_size.iter().product();
        let entries = bindings(&module);
        let bindings = entries.iter().map(|e| e.binding).collect();
        let strict = self.is_strict();
        let words = if strict { spirv::words(label, &module, &info, self.controls)? } else { Vec::new() };
        let size = entry.workgroup_size;
        self.scoped("compiling a shader", || {
            let layout = self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(label),
                entries: &entries,
            });
            let shader = if strict {
                // SAFETY: naga wrote the words from a validated module, with decorations added that
                // only forbid optimisations; kernels stay within their buffers by construction.
                unsafe {
                    self.device.create_shader_module_passthrough(wgpu::ShaderModuleDescriptorPassthrough {
                        label: Some(label),
                        entry_points: vec![wgpu::PassthroughShaderEntryPoint {
                            name: "main".into(),
                            workgroup_size: (size[0], size[1], size[2]),
                        }]
                        .into(),
                        spirv: Some(words.into()),
                        ..Default::default()
                    })
                }
            } else {
                // SAFETY: loops end and accesses stay within their buffers by construction.
                unsafe {
                    self.device.create_shader_module_trusted(
                        wgpu::ShaderModuleDescriptor {
                            label: Some(label),
                            source: wgpu::ShaderSource::Naga(std::borrow::Cow::Owned(module)),
                        },
                        wgpu::ShaderRuntimeChecks::unchecked(),
                    )
                }
            };
            let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(label),
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
            let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(label),
                layout: Some(&pipeline_layout),
                module: &shader,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: self.cache.as_ref().map(PipelineFile::cache),
            });
            Pipeline { pipeline, layout, bindings, workgroup }
        })
    }

    /// A buffer of at least `bytes`, counted against the budget of device memory.
    ///
    /// # Errors
    /// `Device` if the budget or the device has no room.
    pub fn buffer(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<DeviceBuffer> {
        let bytes = bytes.max(16).next_multiple_of(16);
        let held = Memory::reserve(&self.memory, bytes)?;
        let buffer = self.scoped("allocating a buffer", || {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: bytes,
                usage,
                mapped_at_creation: false,
            })
        })?;
        Ok(DeviceBuffer::new(buffer, held))
    }

    /// A buffer that is mapped for writing.
    ///
    /// # Errors
    /// As [`Context::buffer`].
    pub fn mapped(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<DeviceBuffer> {
        let size = bytes.max(16).next_multiple_of(16);
        let held = Memory::reserve(&self.memory, size)?;
        let buffer = self.scoped("allocating a staging buffer", || {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation: true,
            })
        })?;
        Ok(DeviceBuffer::new(buffer, held))
    }

    /// Whether host and device share one memory, so that shaders can read mapped buffers.
    pub fn is_unified(&self) -> bool {
        matches!(self.info.device_type, wgpu::DeviceType::IntegratedGpu | wgpu::DeviceType::Cpu)
            && self.features.contains(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS)
    }

    /// A storage buffer with these bytes, for tables that outlive many dispatches.
    ///
    /// # Errors
    /// As [`Context::buffer`].
    pub fn table(&self, label: &str, bytes: &[u8]) -> Result<DeviceBuffer> {
        let size = (bytes.len() as u64).max(16).next_multiple_of(16);
        let held = Memory::reserve(&self.memory, size)?;
        let buffer = self.scoped("allocating a table", || {
            let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage: wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::COPY_SRC
                    | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: true,
            });
            let end = (bytes.len() as u64).next_multiple_of(4);
            let written = match end {
                0 => Ok(()),
                end => buffer.get_mapped_range_mut(0..end).map(|mut view| {
                    view.slice(..bytes.len()).copy_from_slice(bytes);
                }),
            };
            buffer.unmap();
            written.map(|()| buffer)
        })?;
        let buffer = buffer.map_err(|e| device_error(format!("a table cannot be written: {e}")))?;
        Ok(DeviceBuffer::new(buffer, held))
    }

    /// Adds a dispatch to a pass.
    pub fn encode(&self, pass: &mut wgpu::ComputePass, dispatch: &Dispatch) {
        let used = dispatch.binds.iter().filter(|b| dispatch.pipeline.bindings.contains(&b.at));
        let entries: Vec<wgpu::BindGroupEntry> = used
            .map(|b| wgpu::BindGroupEntry {
                binding: b.at,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: b.buffer,
                    offset: b.range.as_ref().map_or(0, |r| r.start),
                    size: b.range.as_ref().and_then(|r| wgpu::BufferSize::new(r.end - r.start)),
                }),
            })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &dispatch.pipeline.layout,
            entries: &entries,
        });
        pass.set_pipeline(&dispatch.pipeline.pipeline);
        pass.set_bind_group(0, &group, &[]);
        let [x, y, z] = dispatch.groups;
        pass.dispatch_workgroups(x, y, z);
    }

    /// What may be used on the device: what it has and the start-up probe found right.
    pub fn abilities(&self) -> Abilities {
        self.abilities.clone()
    }

    /// Writes pipelines that are new to the cache folder; also done when the context is dropped.
    pub fn keep_pipelines(&self) {
        if let Some(file) = self.cache.as_ref().filter(|_| self.check().is_ok()) {
            file.store();
        }
    }

    /// Lets callbacks be called.
    ///
    /// # Errors
    /// `Device` if the device is lost.
    pub fn poll(&self) -> Result<()> {
        self.device.poll(wgpu::PollType::Poll).map_err(|e| self.failed_wait(e))?;
        self.check()
    }

    /// Why waiting failed: a device that is lost says so in many ways.
    fn failed_wait(&self, e: wgpu::PollError) -> Error {
        self.check().err().unwrap_or_else(|| device_error(format!("waiting for the device failed: {e}")))
    }

    /// Makes the device fail at a submission to come, for tests of what happens then.
    pub fn fail_at(&self, submission: u64, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some((submission, fault));
    }

    /// Counts a submission, and fails if a test wants it to.
    ///
    /// # Errors
    /// `Device` as the fault's real cause would give.
    pub(super) fn inject(&self) -> Result<()> {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *fault {
            Some((0, Fault::Lost)) => {
                *fault = None;
                self.lose();
                self.check()
            }
            Some((0, Fault::OutOfMemory)) => {
                *fault = None;
                Err(device_error("the device is out of memory").at("device", &self.info.name))
            }
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Waits until a submission is done, with its callbacks called.
    ///
    /// # Errors
    /// `Device` if the device is lost.
    pub fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<()> {
        self.device
            .poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: None })
            .map_err(|e| self.failed_wait(e))?;
        self.check()
    }

    /// The bytes of a buffer, copied out through a staging buffer. For small tables and tests.
    ///
    /// # Errors
    /// `Device` if that fails.
    pub fn read(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<Vec<u8>> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.buffer("read", bytes, usage)?;
        let submission = self.scoped("reading a buffer", || {
            let mut encoder = self.device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, bytes.next_multiple_of(4));
            let submission = self.queue.submit([encoder.finish()]);
            staging.map_async(wgpu::MapMode::Read, .., |_| {});
            submission
        })?;
        self.wait(submission)?;
        self.scoped("reading a buffer", || staging.get_mapped_range(0..bytes).map(|view| view.to_vec()))?
            .map_err(|e| device_error(format!("a buffer cannot be mapped: {e}")))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.keep_pipelines();
    }
}

/// One layout entry per storage buffer of the module, by its binding number.
fn bindings(module: &naga::Module) -> Vec<wgpu::BindGroupLayoutEntry> {
    let mut entries: Vec<wgpu::BindGroupLayoutEntry> = module
        .global_variables
        .iter()
        .filter_map(|(_, v)| {
            let naga::AddressSpace::Storage { access } = v.space else { return None };
            Some(wgpu::BindGroupLayoutEntry {
                binding: v.binding.as_ref()?.binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Storage {
                        read_only: !access.contains(naga::StorageAccess::STORE),
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
        })
        .collect();
    entries.sort_by_key(|e| e.binding);
    entries
}
