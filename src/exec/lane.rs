//! Where a worker's blocks run: on the device that binding chose, and on the CPU when that fails.
//!
//! A device may have blocks under way when it is lost or out of memory. Nothing of them has reached
//! the states then, so the CPU runs them again, with the same bits, and the report says how many.

use super::context::RunContext;
use super::reader::{Parts, Reader};
use super::report::Counters;
use crate::backend::{DeviceKind, Runner};
use crate::error::{Context, ErrorKind, Result};
use crate::grid::{Dims, Region, Slab};
use crate::ops::elementwise::Events;
use crate::ops::fold::State;
use crate::ops::kernel::{Block, Kernel, Operand};
use crate::plan::{Fed, Input, Placement};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

/// One worker's way of running a kernel's blocks.
pub(super) struct Lane<'a> {
    inputs: &'a [Input],
    kernel: &'a Kernel,
    domain: &'a [u64],
    /// The shape of the largest block.
    largest: Dims,
    counters: &'a Counters,
    cx: &'a RunContext<'a>,
    device: Option<Box<dyn Runner>>,
    cpu: Option<Box<dyn Runner>>,
    /// How blocks are cut on the CPU, known once it has its runner.
    parts: Option<Parts>,
    /// Blocks that the device has not added to the states yet.
    under_way: VecDeque<Region>,
    /// Why the device is no longer used.
    failed: Option<String>,
    /// Whether the device multiplies and the rest is copying.
    only_products: bool,
    /// What the device's runner holds on the host, and what the CPU's does.
    bytes: u64,
    cpu_bytes: u64,
    /// Tasks that the CPU has done and that are not counted yet.
    done: u64,
}

/// A lane that waits for its next block: its runners, without what they run on.
#[derive(Default)]
pub(super) struct Rested {
    device: Option<Box<dyn Runner>>,
    cpu: Option<Box<dyn Runner>>,
    parts: Option<Parts>,
    failed: Option<String>,
    bytes: u64,
    cpu_bytes: u64,
}

impl Rested {
    /// A lane for blocks of up to the shape `largest`, on the device of `placement`. It must be for the
    /// kernel that it was for before.
    ///
    /// # Errors
    /// `Device` if the device fails and fallback is refused.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn wake<'a>(
        self,
        inputs: &'a [Input],
        kernel: &'a Kernel,
        domain: &'a [u64],
        largest: Dims,
        placement: &Placement,
        cx: &'a RunContext<'a>,
        counters: &'a Counters,
    ) -> Result<Lane<'a>> {
        let Rested { device, cpu, parts, failed, bytes, cpu_bytes } = self;
        let on_gpu = placement.device != DeviceKind::Cpu;
        // A product that is only collected has nothing more to compute: it would go up to come down.
        let only_products = on_gpu
            && kernel.program.as_identity().is_some()
            && kernel.only_collects()
            && inputs.iter().any(|i| i.fed().and_then(Fed::product).is_some());
        let mut lane = Lane {
            inputs,
            kernel,
            domain,
            largest,
            counters,
            cx,
            device,
            cpu,
            parts,
            under_way: VecDeque::new(),
            failed,
            only_products,
            bytes,
            cpu_bytes,
            done: 0,
        };
        let wanted = on_gpu && !only_products && lane.device.is_none() && lane.failed.is_none();
        if let Some(gpu) = cx.gpu.filter(|_| wanted) {
            match gpu.runner(kernel, &lane.largest, cx.trace) {
                Ok(runner) => {
                    lane.bytes = gpu.worker_bytes(kernel, &lane.largest).host;
                    lane.device = Some(runner);
                }
                Err(e) if e.kind() == ErrorKind::Device && !cx.refuse_fallback => {
                    lane.failed = Some(e.to_string());
                }
                Err(e) => return Err(e),
            }
        }
        Ok(lane)
    }
}

impl Lane<'_> {
    /// Puts the lane aside. Nothing may be under way.
    pub(super) fn rest(mut self) -> Rested {
        Rested {
            device: self.device.take(),
            cpu: self.cpu.take(),
            parts: self.parts.take(),
            failed: self.failed.take(),
            bytes: self.bytes,
            cpu_bytes: self.cpu_bytes,
        }
    }

    /// Whether collected elements are there only after [`Lane::flush`].
    pub(super) fn collects_late(&self) -> bool {
        self.device.is_some() && self.kernel.terminals.iter().any(|t| t.fold.places())
    }

    /// Whether blocks go to the CPU, which writes collected elements where they belong.
    pub(super) fn collects_in_place(&self) -> bool {
        self.device.is_none()
    }

    /// Bytes of host memory that the lane holds beside what it reads.
    pub(super) fn bytes(&self) -> u64 {
        self.cpu_bytes + if self.device.is_some() { self.bytes } else { 0 }
    }

    /// Adds a block to the states, now or until [`Lane::flush`]; until then they are the same.
    ///
    /// # Errors
    /// What reading and computing meet.
    pub(super) fn run(
        &mut self,
        reader: &mut Reader,
        block: &Region,
        states: &mut [Box<dyn State>],
    ) -> Result<Events> {
        let Some(device) = &mut self.device else { return self.on_cpu(reader, block, states) };
        self.under_way.push_back(block.clone());
        match compute(reader, self.inputs, self.kernel, device.as_mut(), block, self.domain, states) {
            Ok(events) => {
                self.settle();
                Ok(events)
            }
            Err(e) => self.recover(e, reader, states),
        }
    }

    /// Ends what is under way on the device.
    ///
    /// # Errors
    /// As [`Lane::run`].
    pub(super) fn flush(&mut self, reader: &mut Reader, states: &mut [Box<dyn State>]) -> Result<Events> {
        let Some(device) = &mut self.device else { return Ok(Events::NONE) };
        match device.flush(states) {
            Ok(events) => {
                self.settle();
                events.check()?;
                Ok(events)
            }
            Err(e) => self.recover(e, reader, states),
        }
    }

    /// Counts the blocks that the device has added.
    fn settle(&mut self) {
        let left = self.device.as_ref().map_or(0, |d| d.under_way());
        while self.under_way.len() > left {
            self.under_way.pop_front();
            self.counters.gpu_tasks.fetch_add(1, Relaxed);
        }
    }

    /// Runs what the device had under way on the CPU, and everything after it.
    fn recover(
        &mut self,
        e: crate::Error,
        reader: &mut Reader,
        states: &mut [Box<dyn State>],
    ) -> Result<Events> {
        if e.kind() != ErrorKind::Device || self.cx.refuse_fallback {
            return Err(e);
        }
        self.settle();
        self.device = None;
        self.failed = Some(e.to_string());
        let mut events = Events::NONE;
        for block in std::mem::take(&mut self.under_way) {
            events |= self.on_cpu(reader, &block, states)?;
        }
        Ok(events)
    }

    fn on_cpu(
        &mut self,
        reader: &mut Reader,
        block: &Region,
        states: &mut [Box<dyn State>],
    ) -> Result<Events> {
        let runner = match &mut self.cpu {
            Some(runner) => runner,
            none => {
                self.parts = Parts::new(reader, self.inputs, self.kernel);
                self.cpu_bytes = self.cx.cpu.worker_bytes(self.kernel, &self.largest).host;
                none.insert(self.cx.cpu.runner(self.kernel, &self.largest, None)?)
            }
        };
        let before = reader.products.tiles.cpu;
        let (inputs, kernel, runner) = (self.inputs, self.kernel, runner.as_mut());
        let in_parts = match &self.parts {
            Some(parts) => parts.compute(reader, inputs, kernel, runner, block, self.domain, states)?,
            None => None,
        };
        let events = match in_parts {
            Some(events) => events,
            None => compute(reader, inputs, kernel, runner, block, self.domain, states)?,
        };
        match self.only_products && reader.products.tiles.cpu == before {
            true => drop(self.counters.gpu_tasks.fetch_add(1, Relaxed)),
            false => self.done += 1,
        }
        if let Some(why) = &self.failed {
            self.counters.fell_back(why, 1);
        }
        Ok(events)
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.counters.tasks.fetch_add(self.done, Relaxed);
    }
}

/// Brings the inputs of a block into memory and runs the kernel over them.
///
/// # Errors
/// What reading and computing meet.
fn compute(
    reader: &mut Reader,
    inputs: &[Input],
    kernel: &Kernel,
    runner: &mut dyn Runner,
    block: &Region,
    domain: &[u64],
    states: &mut [Box<dyn State>],
) -> Result<Events> {
    let slab = Slab::dense(block);
    let staged = reader.stage_all(inputs, &kernel.program.inputs, &slab, runner.takes_packed())?;
    let operands: Vec<Operand> = staged.iter().map(|s| s.operand(&staged)).collect();
    let events = runner.run(&Block { region: block, domain }, &operands, states)?;
    events.check().at("block", block)?;
    drop(operands);
    reader.recycle(staged);
    Ok(events)
}
