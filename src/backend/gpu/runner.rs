//! Runs a kernel's blocks on the device: operands up, one launch per terminal, outputs down.

use super::abilities::Abilities;
use super::collect::Collect;
use super::device::{Bind, Context, Dispatch};
use super::family::{Family, Launch, OUT, TABLE, Work};
use super::layout::Layout;
use super::memory::DeviceBuffer;
use super::reduce::{Outputs, Reduce};
use crate::backend::Runner;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::elementwise::Events;
use crate::ops::kernel::{Block, Kernel, Operand, Partial, Terminal};
use std::sync::Arc;
use wgpu::BufferUsages;

/// The families of a kernel's terminals.
///
/// # Errors
/// Why this device cannot run one of them right.
pub fn families(kernel: &Kernel, abilities: &Abilities) -> std::result::Result<Vec<Box<dyn Family>>, String> {
    kernel
        .terminals
        .iter()
        .map(|terminal| -> std::result::Result<Box<dyn Family>, String> {
            Ok(match terminal {
                Terminal::Collect { from } => Box::new(Collect::new(&kernel.program, *from, abilities)?),
                Terminal::Reduce { spec, values, weights, mask, reduced } => {
                    let outputs = Outputs { values: *values, weights: *weights, mask: *mask };
                    Box::new(Reduce::new(&kernel.program, spec, outputs, reduced, abilities)?)
                }
                Terminal::Histogram { .. } => return Err("histograms have no shader yet".into()),
            })
        })
        .collect()
}

/// A kernel on the device, for one worker.
pub struct GpuRunner {
    context: Arc<Context>,
    kernel: Kernel,
    families: Vec<Box<dyn Family>>,
}

impl GpuRunner {
    /// A runner.
    ///
    /// # Errors
    /// `Device` with the reason why the device cannot run the kernel.
    pub fn new(context: &Arc<Context>, kernel: &Kernel, abilities: &Abilities) -> Result<GpuRunner> {
        let families = families(kernel, abilities).map_err(|why| Error::new(ErrorKind::Device, why))?;
        Ok(GpuRunner { context: Arc::clone(context), kernel: kernel.clone(), families })
    }
}

/// The next position at which a binding may begin.
fn aligned(at: u64) -> u64 {
    at.next_multiple_of(256)
}

impl Runner for GpuRunner {
    fn run(&mut self, block: &Block, operands: &[Operand], partials: &mut [Partial]) -> Result<Events> {
        let context = Arc::clone(&self.context);
        if block.region.is_empty() {
            return Ok(Events::NONE);
        }
        let layout = Layout::new(&block.region.shape, operands, &self.kernel.program.inputs);
        let mut bytes = vec![0u8; aligned(layout.bytes.max(16)) as usize];
        for (operand, part) in operands.iter().zip(&layout.parts) {
            let from = &operand.bytes[part.from.clone()];
            bytes[part.to as usize..][..from.len()].copy_from_slice(from);
        }
        let data = context.table("operands", &bytes)?;
        let events = context.table("events", &[0; 16])?;
        for (family, partial) in self.families.iter_mut().zip(partials) {
            let work = Work {
                context: &context,
                layout: &layout,
                block: block.clone(),
                first_output: 0,
                whole_len: block.region.len(),
            };
            let Launch { steps, output_bytes, absorb } = family.launch(&work)?;
            let out: DeviceBuffer =
                context.buffer("output", output_bytes, BufferUsages::STORAGE | BufferUsages::COPY_SRC)?;
            let params: Vec<DeviceBuffer> = steps
                .iter()
                .map(|s| context.table("params", bytemuck::cast_slice(&s.params)))
                .collect::<Result<_>>()?;
            context.scoped("running a block", || {
                let mut encoder = context.raw().create_command_encoder(&Default::default());
                {
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    for (step, params) in steps.iter().zip(&params) {
                        let all = |at, buffer| Bind { at, buffer, range: None };
                        let mut binds = vec![
                            all(0, &**params),
                            all(1, &data),
                            all(2, &data),
                            all(3, &events),
                            all(OUT, &out),
                        ];
                        binds.extend(step.table.iter().map(|t| all(TABLE, t)));
                        let dispatch =
                            Dispatch { pipeline: &step.pipeline, binds: &binds, groups: step.groups };
                        context.encode(&mut pass, &dispatch);
                    }
                }
                context.queue().submit([encoder.finish()]);
            })?;
            absorb(&context.read(&out, output_bytes)?, partial)?;
        }
        let noticed: u32 = bytemuck::pod_read_unaligned(&context.read(&events, 4)?);
        Ok(Events::from_bits(noticed))
    }
}
