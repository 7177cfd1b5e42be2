//! A block whose operands stay on the device: kernels measured apart from transfers.

use super::Gpu;
use super::abilities::Abilities;
use super::device::{Bind, Context, Dispatch};
use super::family::{Family, Launch, OUT, TABLE, Work};
use super::layout::Layout;
use super::memory::DeviceBuffer;
use super::runner::families;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Region, c_strides};
use crate::ops::fold::State;
use crate::ops::kernel::{Block, Kernel, Operand};
use crate::view::Placement;
use std::sync::Arc;
use std::time::Instant;
use wgpu::BufferUsages as Usage;

/// One terminal with its buffers.
struct Ready {
    launch: Launch,
    params: Vec<DeviceBuffer>,
    out: DeviceBuffer,
}

/// A kernel's launches over one block that is on the device.
pub struct Resident {
    context: Arc<Context>,
    data: DeviceBuffer,
    events: DeviceBuffer,
    ready: Vec<Ready>,
}

impl Resident {
    /// Brings dense operands (C order, all of shape `shape`, which is the whole domain) to the device.
    ///
    /// # Errors
    /// `Device` if the device cannot run the kernel, or has no room.
    pub fn new(gpu: &Gpu, kernel: &Kernel, shape: &[u64], operands: &[&[u8]]) -> Result<Resident> {
        Resident::on(gpu.context(), gpu.abilities(), kernel, shape, operands)
    }

    /// As [`Resident::new`], on a device that is not yet a backend.
    pub(super) fn on(
        context: &Arc<Context>,
        abilities: &Abilities,
        kernel: &Kernel,
        shape: &[u64],
        operands: &[&[u8]],
    ) -> Result<Resident> {
        let context = Arc::clone(context);
        let mut families: Vec<Box<dyn Family>> =
            families(kernel, abilities).map_err(|why| Error::new(ErrorKind::Device, why))?;
        let operands: Vec<Operand> = operands
            .iter()
            .map(|&bytes| Operand::plain(bytes, Placement { offset: 0, strides: c_strides(shape) }))
            .collect();
        let layout = Layout::new(shape, &operands, &kernel.program.inputs);
        let data = context.buffer("operands", layout.bytes, Usage::STORAGE | Usage::COPY_DST)?;
        for part in &layout.parts {
            let staged = context.table("operand", &operands[part.operand].bytes[part.from.clone()])?;
            let bytes = (part.from.len() as u64).next_multiple_of(4);
            let submission = context.scoped("bringing operands", || {
                let mut encoder = context.raw().create_command_encoder(&Default::default());
                encoder.copy_buffer_to_buffer(&staged, 0, &data, part.to, bytes);
                context.queue().submit([encoder.finish()])
            })?;
            context.wait(submission)?;
        }
        let events = context.buffer("events", 16, Usage::STORAGE | Usage::COPY_DST)?;
        let region = Region::whole(shape);
        let mut ready = Vec::new();
        for family in &mut families {
            let launch = family.launch(&Work {
                context: &context,
                layout: &layout,
                block: Block { region: &region, domain: shape },
                first_output: 0,
                whole_len: region.len(),
            })?;
            let params = launch
                .steps
                .iter()
                .map(|s| context.table("params", bytemuck::cast_slice(&s.params)))
                .collect::<Result<_>>()?;
            let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
            let out = context.buffer("outputs", launch.output_bytes, usage)?;
            ready.push(Ready { launch, params, out });
        }
        Ok(Resident { context, data, events, ready })
    }

    /// Runs the kernel so many times in one submission and gives the seconds until all is done.
    ///
    /// # Errors
    /// `Device` if the device fails.
    pub fn run(&self, times: u32) -> Result<f64> {
        let start = Instant::now();
        let submission = self.submit(times)?;
        self.context.wait(submission)?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Runs the kernel once in each of so many submissions and gives the seconds until all is done.
    ///
    /// # Errors
    /// `Device` if the device fails.
    pub fn run_apart(&self, times: u32) -> Result<f64> {
        let start = Instant::now();
        let mut last = self.submit(1)?;
        for _ in 1..times {
            last = self.submit(1)?;
        }
        self.context.wait(last)?;
        Ok(start.elapsed().as_secs_f64())
    }

    fn submit(&self, times: u32) -> Result<wgpu::SubmissionIndex> {
        self.context.scoped("measuring", || {
            let mut encoder = self.context.raw().create_command_encoder(&Default::default());
            for _ in 0..times {
                self.ready.iter().for_each(|r| encoder.clear_buffer(&r.out, 0, None));
                let mut pass = encoder.begin_compute_pass(&Default::default());
                self.ready.iter().for_each(|r| self.encode(&mut pass, r));
            }
            self.context.queue().submit([encoder.finish()])
        })
    }

    fn encode(&self, pass: &mut wgpu::ComputePass, ready: &Ready) {
        let bind = |at, buffer| Bind { at, buffer, range: None };
        for (step, params) in ready.launch.steps.iter().zip(&ready.params) {
            let mut binds = vec![
                bind(0, &**params),
                bind(1, &self.data),
                bind(2, &self.data),
                bind(3, &self.events),
                bind(OUT, &ready.out),
            ];
            binds.extend(step.table.iter().map(|t| bind(TABLE, t)));
            let dispatch = Dispatch { pipeline: &step.pipeline, binds: &binds, groups: step.groups };
            self.context.encode(pass, &dispatch);
        }
    }

    /// What the last run made, added to `states`, one per terminal. The block cannot run again.
    ///
    /// # Errors
    /// `Device` if the device fails.
    pub fn finish(self, states: &mut [Box<dyn State>]) -> Result<()> {
        for (ready, state) in self.ready.into_iter().zip(states) {
            let bytes = self.context.read(&ready.out, ready.launch.output_bytes)?;
            (ready.launch.absorb)(&bytes, &mut **state)?;
        }
        Ok(())
    }
}

/// Seconds for copying `bytes` from one buffer of the device to another, `times` times: what memory
/// bandwidth allows (each byte is read and written).
///
/// # Errors
/// `Device` if the device has no room or fails.
pub fn copy_seconds(gpu: &Gpu, bytes: u64, times: u32) -> Result<f64> {
    let context = gpu.context();
    let from = context.buffer("from", bytes, Usage::COPY_SRC | Usage::COPY_DST)?;
    let to = context.buffer("to", bytes, Usage::COPY_DST)?;
    let copy = |times: u32| -> Result<f64> {
        let start = Instant::now();
        let submission = context.scoped("copying", || {
            let mut encoder = context.raw().create_command_encoder(&Default::default());
            (0..times).for_each(|_| encoder.copy_buffer_to_buffer(&from, 0, &to, 0, bytes));
            context.queue().submit([encoder.finish()])
        })?;
        context.wait(submission)?;
        Ok(start.elapsed().as_secs_f64())
    };
    copy(1)?;
    copy(times)
}

/// Seconds for bringing `bytes` from mapped staging memory to the device, `times` times: what
/// the bus allows.
///
/// # Errors
/// `Device` if the device has no room or fails.
pub fn upload_seconds(gpu: &Gpu, bytes: u64, times: u32) -> Result<f64> {
    let context = gpu.context();
    let staged = context.mapped("staged", bytes, Usage::MAP_WRITE | Usage::COPY_SRC)?;
    let to = context.buffer("to", bytes, Usage::COPY_DST)?;
    context.scoped("staging", || staged.unmap())?;
    let copy = |times: u32| -> Result<f64> {
        let start = Instant::now();
        let submission = context.scoped("uploading", || {
            let mut encoder = context.raw().create_command_encoder(&Default::default());
            (0..times).for_each(|_| encoder.copy_buffer_to_buffer(&staged, 0, &to, 0, bytes));
            context.queue().submit([encoder.finish()])
        })?;
        context.wait(submission)?;
        Ok(start.elapsed().as_secs_f64())
    };
    copy(1)?;
    copy(times)
}
