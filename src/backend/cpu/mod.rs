//! The CPU backend: fused programs over cache-sized tiles, straight into the accumulators.
//!
//! A runner walks its block tile by tile: load the operands, run the program, hand the outputs to
//! the terminals. Nothing of the block's size is allocated but the partials themselves. Parallelism
//! is the executor's: one runner per worker.

mod machine;
mod matmul;
mod peel;
mod tile;

pub use matmul::CpuProduct;

use super::{Backend, Capabilities, DeviceKind, Product, Runner, WorkerBytes};
use crate::DType;
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::elementwise::Events;
use crate::ops::fold::{Scratch, State, TILE, Tile, Update};
use crate::ops::kernel::{Block, Kernel, Operand, Packing, Terminal};
use crate::ops::matmul::check_product;
use crate::ops::simd::Simd;
use crate::trace::Trace;
use machine::Machine;
use smallvec::SmallVec;
use std::sync::Arc;
use tile::Walk;

/// The CPU of this machine, at one vector level.
pub struct Cpu {
    simd: Simd,
    capabilities: Capabilities,
}

impl Cpu {
    /// The CPU with `threads` threads at vector level `simd`.
    pub fn new(threads: usize, simd: Simd) -> Self {
        let features =
            Simd::available().into_iter().filter(|l| *l <= simd).map(|l| l.name().to_string()).collect();
        let capabilities = Capabilities {
            backend: DeviceKind::Cpu,
            name: cpu_name(),
            software: false,
            threads,
            features,
            dtypes: DType::ALL.to_vec(),
            disabled: Vec::new(),
            adapter: None,
        };
        Cpu { simd, capabilities }
    }
}

/// The processor's name where the system tells it.
fn cpu_name() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|l| l.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_string())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_string())
}

impl Backend for Cpu {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn supports(&self, _: &Kernel, _: &[u64]) -> std::result::Result<(), String> {
        Ok(())
    }

    fn worker_bytes(&self, kernel: &Kernel, _: &[u64]) -> WorkerBytes {
        WorkerBytes { host: scratch_bytes(kernel), device: 0 }
    }

    fn tile(&self) -> usize {
        TILE
    }

    fn runner(&self, kernel: &Kernel, _: &[u64], _: Option<&Arc<Trace>>) -> Result<Box<dyn Runner>> {
        Ok(Box::new(CpuRunner::new(kernel, self.simd)))
    }

    fn multiplies(&self, dtype: DType, _: [usize; 3]) -> std::result::Result<(), String> {
        check_product(dtype).map_err(|e| e.message().to_string())
    }

    fn product(&self, dtype: DType, _: [usize; 3]) -> std::result::Result<Box<dyn Product>, String> {
        match dtype {
            DType::F16 => Err("float16 products are accumulated in float32".into()),
            dtype => Ok(Box::new(CpuProduct::new(dtype))),
        }
    }
}

/// Bytes that one CPU runner of this kernel holds beside operands and states.
fn scratch_bytes(kernel: &Kernel) -> u64 {
    let inputs: usize = kernel.program.inputs.iter().map(|d| d.size() * TILE).sum();
    // Updates of one kind share their scratch.
    let mut kinds: SmallVec<[(&str, u64); 4]> = SmallVec::new();
    for terminal in &kernel.terminals {
        let (kind, bytes) = terminal.fold.bytes(&[]).scratch;
        match kinds.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, most)) => *most = bytes.max(*most),
            None => kinds.push((kind, bytes)),
        }
    }
    Machine::bytes(&kernel.program) + inputs as u64 + kinds.iter().map(|(_, bytes)| bytes).sum::<u64>()
}

/// How a terminal adds tiles, and which outputs it is given.
struct Adds {
    update: Box<dyn Update>,
    ports: SmallVec<[usize; 4]>,
}

/// A kernel on the CPU, for one worker.
pub struct CpuRunner {
    /// Per terminal.
    updates: Vec<Adds>,
    sizes: Vec<usize>,
    machine: Machine,
    staging: Vec<Buffer>,
    scratch: Scratch,
}

impl CpuRunner {
    /// A runner at vector level `simd`.
    pub fn new(kernel: &Kernel, simd: Simd) -> Self {
        let (program, logs) = peel::peel(kernel, simd);
        let update = |t: &Terminal| {
            let logs: SmallVec<[_; 4]> = t.ports.iter().map(|&o| logs[o].clone()).collect();
            Adds { update: t.ready.update(simd, &logs), ports: t.ports.clone() }
        };
        CpuRunner {
            updates: kernel.terminals.iter().map(update).collect(),
            sizes: kernel.program.inputs.iter().map(|d| d.size()).collect(),
            machine: Machine::new(&program, simd),
            staging: kernel.program.inputs.iter().map(|_| Buffer::new()).collect(),
            scratch: Scratch::default(),
        }
    }
}

impl Runner for CpuRunner {
    fn run(&mut self, block: &Block, operands: &[Operand], states: &mut [Box<dyn State>]) -> Result<Events> {
        if operands.iter().any(|o| o.packing != Packing::PLAIN) {
            return Err(Error::new(ErrorKind::Internal, "the CPU was given an operand that is packed"));
        }
        let shape = &block.region.shape;
        let len = block.region.len();
        let walks: SmallVec<[Walk; 4]> = operands.iter().map(|o| Walk::new(shape, o)).collect();
        for (Adds { update, .. }, state) in self.updates.iter_mut().zip(states.iter_mut()) {
            update.begin(block, &mut **state)?;
        }
        let mut events = Events::default();
        let mut start = 0u64;
        while start < len {
            let n = TILE.min((len - start) as usize);
            let inputs: SmallVec<[&[u8]; 4]> = self
                .staging
                .iter_mut()
                .enumerate()
                .map(|(i, scratch)| walks[i].load(operands[i].bytes, self.sizes[i], start, n, scratch))
                .collect();
            events |= self.machine.run(&inputs, n);
            for (Adds { update, ports }, state) in self.updates.iter_mut().zip(states.iter_mut()) {
                let columns: SmallVec<[&[u8]; 4]> =
                    ports.iter().map(|&output| self.machine.output(output, &inputs, n)).collect();
                let tile = Tile { columns: &columns, start, n };
                update.tile(&mut **state, &tile, &mut self.scratch)?;
            }
            start += n as u64;
        }
        Ok(events)
    }
}
