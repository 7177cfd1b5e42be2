//! The CPU backend: fused programs over cache-sized tiles, straight into the accumulators.
//!
//! A runner walks its block tile by tile: load the operands, run the program, hand the outputs to
//! the terminals. Nothing of the block's size is allocated but the partials themselves. Parallelism
//! is the executor's: one runner per worker.

mod machine;
mod matmul;
mod peel;
mod tile;

pub use machine::TILE;
pub use matmul::CpuProduct;

use super::{Backend, Capabilities, DeviceKind, Product, Runner, WorkerBytes};
use crate::DType;
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::elementwise::Events;
use crate::ops::histogram;
use crate::ops::kernel::{Block, Kernel, Operand, Packing, Partial, Terminal};
use crate::ops::reduce;
use crate::ops::simd::Simd;
use crate::trace::Trace;
use machine::Machine;
use smallvec::SmallVec;
use std::sync::Arc;
use tile::{Runs, Walk};

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

    fn multiplies(&self, _: DType, _: [usize; 3]) -> std::result::Result<(), String> {
        Ok(())
    }

    fn product(&self, dtype: DType, _: [usize; 3]) -> std::result::Result<Box<dyn Product>, String> {
        match dtype {
            DType::F16 => Err("float16 products are accumulated in float32".into()),
            dtype => Ok(Box::new(CpuProduct::new(dtype))),
        }
    }
}

/// Bytes that one CPU runner of this kernel holds beside operands and partials.
fn scratch_bytes(kernel: &Kernel) -> u64 {
    let inputs: usize = kernel.program.inputs.iter().map(|d| d.size() * TILE).sum();
    let histograms = kernel.terminals.iter().map(|t| match t {
        Terminal::Histogram { spec, .. } => spec.bytes_per_scratch(),
        _ => 0,
    });
    let reduces = kernel.terminals.iter().any(|t| matches!(t, Terminal::Reduce { .. }));
    let columns = if reduces { (3 * 8 * TILE) as u64 } else { 0 };
    Machine::bytes(&kernel.program) + inputs as u64 + histograms.sum::<u64>() + columns
}

/// Adds a tile of many short runs column by column.
fn update_columns(
    state: &mut reduce::State,
    tile: reduce::Tile,
    runs: &Runs,
    start: u64,
    n: usize,
    [values, weights, mask]: &mut [Buffer; 3],
    simd: Simd,
) {
    let state = std::cell::RefCell::new(state);
    runs.each_column(
        start,
        n,
        |run| state.borrow_mut().update(tile, run, simd),
        |columns| {
            columns.transpose(tile.values, tile.values.len() / n, values);
            let mut turned = reduce::Tile { values, weights: None, mask: None };
            if let Some(w) = tile.weights {
                columns.transpose(w, w.len() / n, weights);
                turned.weights = Some(weights);
            }
            if let Some(m) = tile.mask {
                columns.transpose(m, 1, mask);
                turned.mask = Some(mask);
            }
            (0..columns.len).for_each(|k| state.borrow_mut().update(turned, columns.run(k), simd));
        },
    );
}

/// A kernel on the CPU, for one worker.
pub struct CpuRunner {
    terminals: Vec<Terminal>,
    sizes: Vec<usize>,
    machine: Machine,
    staging: Vec<Buffer>,
    histogram: histogram::Scratch,
    columns: [Buffer; 3],
    /// Per output, the logarithm that a histogram takes of it.
    logs: Vec<Option<histogram::LogOf>>,
    simd: Simd,
}

impl CpuRunner {
    /// A runner at vector level `simd`.
    pub fn new(kernel: &Kernel, simd: Simd) -> Self {
        let (program, logs) = peel::peel(kernel, simd);
        CpuRunner {
            terminals: kernel.terminals.clone(),
            sizes: kernel.program.inputs.iter().map(|d| d.size()).collect(),
            machine: Machine::new(&program, simd),
            staging: kernel.program.inputs.iter().map(|_| Buffer::new()).collect(),
            histogram: histogram::Scratch::default(),
            columns: Default::default(),
            logs,
            simd,
        }
    }
}

impl Runner for CpuRunner {
    fn run(&mut self, block: &Block, operands: &[Operand], partials: &mut [Partial]) -> Result<Events> {
        if operands.iter().any(|o| o.packing != Packing::PLAIN) {
            return Err(Error::new(ErrorKind::Internal, "the CPU was given an operand that is packed"));
        }
        let shape = &block.region.shape;
        let len = block.region.len();
        let walks: SmallVec<[Walk; 4]> = operands.iter().map(|o| Walk::new(shape, o)).collect();
        let runs: SmallVec<[Option<Runs>; 4]> = self
            .terminals
            .iter()
            .map(|t| match t {
                Terminal::Reduce { reduced, .. } => Some(Runs::new(block.region, block.domain, reduced)),
                _ => None,
            })
            .collect();
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
            for ((terminal, partial), runs) in self.terminals.iter().zip(partials.iter_mut()).zip(&runs) {
                let output = |i: usize| self.machine.output(i, &inputs, n);
                match (terminal, partial) {
                    (Terminal::Collect { from }, Partial::Collect(out)) => {
                        let bytes = output(*from);
                        let size = bytes.len() / n;
                        out.resize_for_overwrite(len as usize * size);
                        out[start as usize * size..][..bytes.len()].copy_from_slice(bytes);
                    }
                    (Terminal::Collect { from }, Partial::Placed(place)) => {
                        let bytes = output(*from);
                        let size = bytes.len() / n;
                        if place.len() as u64 != len * size as u64 {
                            return Err(Error::new(ErrorKind::Internal, "a block does not fill its place"));
                        }
                        place.write(start as usize * size, bytes);
                    }
                    (Terminal::Reduce { values, weights, mask, .. }, Partial::Reduce(state)) => {
                        let tile = reduce::Tile {
                            values: output(*values),
                            weights: weights.map(output),
                            mask: mask.map(output),
                        };
                        match runs {
                            Some(runs) if runs.are_short() => {
                                update_columns(state, tile, runs, start, n, &mut self.columns, self.simd);
                            }
                            Some(runs) => runs.each(start, n, |run| state.update(tile, run, self.simd)),
                            None => {}
                        }
                    }
                    (Terminal::Histogram { spec, coords, weights, mask }, Partial::Histogram(state)) => {
                        let logs: SmallVec<[_; 3]> = coords.iter().map(|&c| self.logs[c].as_ref()).collect();
                        let coords: SmallVec<[&[u8]; 3]> = coords.iter().map(|&c| output(c)).collect();
                        let tile = histogram::Tile {
                            coords: &coords,
                            logs: &logs,
                            weights: weights.map(output),
                            mask: mask.map(output),
                            n,
                        };
                        state.update(spec, tile, &mut self.histogram, self.simd)?;
                    }
                    _ => {
                        return Err(Error::new(
                            ErrorKind::Internal,
                            "a terminal was given a partial of another kind",
                        ));
                    }
                }
            }
            start += n as u64;
        }
        Ok(events)
    }
}
