//! Runs a kernel's blocks on the device: operands go up, each terminal is launched, outputs come down
//! and are added to the states.
//!
//! A block is cut into pieces where it is too large for a slot, and small blocks share one. `run`
//! returns when the operands are staged; results of earlier blocks are added when their slot is
//! needed again, all of them at `flush`. A block counts as under way until every one of its
//! terminals is in the states: if the device fails before, the executor runs it again elsewhere,
//! and nothing of it has been added.

use super::abilities::Abilities;
use super::device::Context;
use super::families::family;
use super::family::{Family, Work};
use super::layout::Layout;
use super::memory::DeviceBuffer;
use super::ring::{ALIGN, Capacity, Landed, Queued, Slot, Watch};
use super::trace::DeviceClock;
use crate::backend::{Runner, WorkerBytes};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Region;
use crate::ops::elementwise::Events;
use crate::ops::fold::State;
use crate::ops::kernel::{Block, Kernel, Operand, Terminal};
use crate::ops::program::Step;
use crate::trace::{Activity, Trace};
use crate::view::Placement;
use std::collections::VecDeque;
use std::sync::Arc;
use wgpu::BufferUsages as Usage;

/// The most steps of a program. Drivers put every function where it is called, and some take time that
/// grows with the square of what comes out.
const MOST_STEPS: usize = 512;

/// The families of a kernel's terminals.
///
/// # Errors
/// Why this device cannot run one of them right.
pub fn families(kernel: &Kernel, abilities: &Abilities) -> std::result::Result<Vec<Box<dyn Family>>, String> {
    let steps = kernel.program.steps.len();
    if steps > MOST_STEPS {
        return Err(format!("a program of {steps} steps is too long for a shader, which takes {MOST_STEPS}"));
    }
    kernel.terminals.iter().map(|t| family(&kernel.program, t, abilities)).collect()
}

/// The most bytes of operands, or of outputs, that one slot takes: enough to keep a device busy, small
/// enough that many workers can have several.
const MOST: u64 = 32 << 20;
/// Small blocks are gathered until they make this much.
const LEAST: u64 = 2 << 20;
/// Slots per worker.
pub const DEPTH: usize = 2;
/// Results that wait on the host for an accumulating terminal are added at the latest at this size.
const WAITING: usize = 16 << 20;

/// What a runner of a kernel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of one slot.
    pub capacity: Capacity,
    /// Bytes of tables and of outputs that accumulate on the device.
    pub fixed: u64,
    /// The most bytes of outputs that wait on the host beside those of the slots: for totals on the
    /// device, or for the rest of their block.
    waits: u64,
}

/// Bytes of a kernel's parameters for a block of so many axes, all terminals together: the layout's words,
/// the constants', and the family's own.
fn params_bytes(kernel: &Kernel, rank: usize) -> u64 {
    let constants = kernel.program.steps.iter().filter(|s| matches!(s, Step::Const(_))).count();
    let words = kernel.program.inputs.len() * (2 + 2 * rank) + 2 * constants + FAMILY_WORDS;
    kernel.terminals.len() as u64 * (4 * words as u64).next_multiple_of(ALIGN)
}

/// Words of parameters that a family may add.
const FAMILY_WORDS: usize = 1024;

impl Shape {
    /// For blocks of shape `block`, within `share` bytes of device memory.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn new(
        kernel: &Kernel,
        families: &[Box<dyn Family>],
        block: &[u64],
        share: u64,
        unified: bool,
    ) -> std::result::Result<Shape, String> {
        let accumulated = || families.iter().filter(|f| f.accumulates().is_some());
        let fixed: u64 = families.iter().map(|f| f.table_bytes()).sum::<u64>()
            // Once where it accumulates and once on its way to the host.
            + accumulated().map(|f| 2 * f.output_bytes(block)).sum::<u64>();
        let len = block.iter().fold(1, |n: u64, &m| n.saturating_mul(m));
        if families.iter().filter_map(|f| f.accumulates()).any(|most| len > most) {
            return Err(format!("a block of {len} elements is more than counters on the device hold"));
        }
        let params = params_bytes(kernel, block.len());
        let least = params + 2 * ALIGN * (1 + kernel.program.inputs.len() as u64);
        let inputs = kernel.program.inputs.iter().map(|d| len.saturating_mul(d.size() as u64) + 2 * ALIGN);
        let up = inputs.fold(params, u64::saturating_add).clamp(LEAST, MOST);
        let own = families.iter().filter(|f| f.accumulates().is_none());
        let outputs = own.map(|f| f.output_bytes(block).saturating_add(ALIGN)).fold(0, u64::saturating_add);
        let down = outputs.saturating_add(64 << 10).min(MOST);
        let mut capacity = Capacity { up, down };
        let needs = |c: Capacity| fixed + DEPTH as u64 * c.bytes(unified);
        while needs(capacity) > share && capacity.up.max(capacity.down) > 256 << 10 {
            if capacity.up >= capacity.down {
                capacity.up = (capacity.up / 2).next_multiple_of(ALIGN);
            } else {
                capacity.down = (capacity.down / 2).next_multiple_of(ALIGN);
            }
        }
        if needs(capacity) > share {
            return Err(format!(
                "it needs {} of device memory for a worker, whose share of the budget is {}",
                crate::size::human_bytes(needs(capacity)),
                crate::size::human_bytes(share)
            ));
        }
        if capacity.up < least {
            let (least, up) = (crate::size::human_bytes(least), crate::size::human_bytes(capacity.up));
            return Err(format!("its parameters need {least} of staging memory, and a slot has {up}"));
        }
        let accumulating = accumulated().count();
        let waits = match (accumulating > 0 && accumulating < families.len(), adds(kernel)) {
            (true, _) => WAITING as u64 + outputs,
            (false, true) if accumulating == 0 && outputs > capacity.down => outputs,
            _ => 0,
        };
        Ok(Shape { capacity, fixed, waits })
    }

    /// Bytes that one runner holds. What the host writes and reads counts on both sides: where such
    /// buffers lie is up to the driver.
    pub fn worker_bytes(&self, unified: bool) -> WorkerBytes {
        let Capacity { up, down } = self.capacity;
        WorkerBytes {
            host: DEPTH as u64 * (up + 2 * down + ALIGN) + self.waits,
            device: self.fixed + DEPTH as u64 * self.capacity.bytes(unified),
        }
    }
}

/// Whether a terminal's outputs are added to what is there: a block's must then be added all or none.
fn adds(kernel: &Kernel) -> bool {
    !kernel.only_collects()
}

/// A kernel on the device, for one worker.
pub struct GpuRunner {
    context: Arc<Context>,
    kernel: Kernel,
    families: Vec<Box<dyn Family>>,
    capacity: Capacity,
    slots: Vec<Slot>,
    current: usize,
    /// Outputs of terminals that accumulate.
    own: Vec<Option<DeviceBuffer>>,
    /// The `absorb` of those, and the elements that went in since it was last called.
    held: Vec<Option<super::family::Absorb>>,
    elements: u64,
    /// Results on the host that are not added yet.
    landed: VecDeque<Landed>,
    trace: Option<Arc<Trace>>,
    clock: Option<DeviceClock>,
    waiting: usize,
    /// Blocks that are not added yet.
    under_way: usize,
    events: Events,
    /// What went wrong in a call that had events to tell, which are told once: the next call fails.
    failed: Option<Error>,
}

impl GpuRunner {
    /// A runner.
    ///
    /// # Errors
    /// `Device` with the reason why the device cannot run the kernel, or has no memory for it.
    pub fn new(
        context: &Arc<Context>,
        kernel: &Kernel,
        abilities: &Abilities,
        block: &[u64],
        share: u64,
        trace: Option<Arc<Trace>>,
    ) -> Result<GpuRunner> {
        let refuse = |why| Error::new(ErrorKind::Device, why);
        let families = families(kernel, abilities).map_err(refuse)?;
        let shape = Shape::new(kernel, &families, block, share, context.is_unified()).map_err(refuse)?;
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let own = families
            .iter()
            .map(|f| match f.accumulates() {
                Some(_) => context.buffer("totals", f.output_bytes(block), usage).map(Some),
                None => Ok(None),
            })
            .collect::<Result<Vec<_>>>()?;
        let clock = match &trace {
            Some(trace) => DeviceClock::new(context, trace.began(), DEPTH as u32)?,
            None => None,
        };
        Ok(GpuRunner {
            context: Arc::clone(context),
            kernel: kernel.clone(),
            held: families.iter().map(|_| None).collect(),
            families,
            capacity: shape.capacity,
            slots: Vec::new(),
            current: 0,
            own,
            elements: 0,
            landed: VecDeque::new(),
            clock,
            trace,
            waiting: 0,
            under_way: 0,
            events: Events::NONE,
            failed: None,
        })
    }

    fn accumulates(&self) -> bool {
        self.own.iter().any(Option::is_some)
    }

    /// The slot that is being filled, empty and mapped if it was not begun.
    fn slot(&mut self, states: &mut [Box<dyn State>]) -> Result<&mut Slot> {
        if self.slots.len() <= self.current {
            self.slots.push(Slot::new(&self.context, self.capacity)?);
        }
        if self.slots[self.current].is_under_way() {
            self.complete(self.current)?;
            // Without totals on the device a block is complete as soon as its outputs are here.
            if !self.accumulates() {
                self.add(states)?;
            }
        }
        Ok(&mut self.slots[self.current])
    }

    fn complete(&mut self, slot: usize) -> Result<()> {
        let (landed, events) =
            self.slots[slot].complete(&self.context, watch(&self.trace, &self.clock, slot))?;
        self.events |= events;
        self.waiting += landed.iter().map(|l| l.bytes.len()).sum::<usize>();
        self.landed.extend(landed);
        Ok(())
    }

    /// Adds what has landed to the states: whole blocks, because one that is not complete may have to run
    /// again elsewhere. Elements that are only collected can be written twice.
    fn add(&mut self, states: &mut [Box<dyn State>]) -> Result<()> {
        let ready = match adds(&self.kernel) {
            true => self.landed.iter().rposition(|l| l.last).map_or(0, |n| n + 1),
            false => self.landed.len(),
        };
        for l in self.landed.drain(..ready) {
            self.waiting -= l.bytes.len();
            if self.own[l.terminal].is_none() {
                (l.absorb)(&l.bytes, &mut *states[l.terminal])?;
            }
            self.under_way -= l.last as usize;
        }
        Ok(())
    }

    fn submit(&mut self) -> Result<()> {
        if self.slots.get(self.current).is_some_and(|s| !s.is_empty() && !s.is_under_way()) {
            let watch = watch(&self.trace, &self.clock, self.current);
            self.slots[self.current].submit(&self.context, &self.own, watch)?;
            self.current = (self.current + 1) % DEPTH;
        }
        Ok(())
    }

    /// Stages one piece of a block, or cuts it where it is too large.
    fn stage(&mut self, piece: &Piece, operands: &[Operand], states: &mut [Box<dyn State>]) -> Result<()> {
        let shape = &piece.region.shape;
        let len = piece.region.len();
        let layout = match len {
            0..0x7fff_ffff => Some(Layout::new(shape, operands, &self.kernel.program.inputs)),
            _ => None,
        };
        let params = params_bytes(&self.kernel, shape.len());
        let up = layout.as_ref().map_or(u64::MAX, |l| l.bytes.max(16).next_multiple_of(ALIGN) + params);
        let own = self.families.iter().filter(|f| f.accumulates().is_none());
        let down = own.map(|f| f.output_bytes(shape).next_multiple_of(ALIGN)).fold(0, u64::saturating_add);
        let Some(layout) = layout.filter(|_| up <= self.capacity.up && down <= self.capacity.down) else {
            return self.halves(piece, operands, states);
        };
        if !self.slot(states)?.has_room(up, down) {
            self.submit()?;
            self.slot(states)?;
        }
        let context = Arc::clone(&self.context);
        let slot = &mut self.slots[self.current];
        let data = slot.place_up(layout.bytes.max(16));
        for part in &layout.parts {
            slot.write(data.start + part.to, &operands[part.operand].bytes[part.from.clone()])?;
        }
        let last = self.families.len() - 1;
        for (n, family) in self.families.iter_mut().enumerate() {
            let work = Work {
                context: &context,
                layout: &layout,
                block: Block { region: &piece.region, domain: piece.domain },
                first_output: piece.first_output(&self.kernel.terminals[n]),
                whole_len: piece.whole.iter().product(),
            };
            let launch = family.launch(&work)?;
            let out = match self.own[n] {
                Some(_) => None,
                None => Some(slot.place_down(launch.output_bytes)),
            };
            let mut steps = Vec::with_capacity(launch.steps.len());
            for step in launch.steps {
                let at = slot.place_up(4 * step.params.len() as u64);
                slot.write(at.start, bytemuck::cast_slice(&step.params))?;
                steps.push((step, at));
            }
            let last = piece.last && n == last;
            slot.push(Queued { terminal: n, steps, data: data.clone(), out, absorb: launch.absorb, last });
        }
        self.elements += len;
        Ok(())
    }

    /// Stages the two halves of a piece, cut along its outermost axis that can be cut, so that either's
    /// elements are one run of the block's.
    fn halves(&mut self, piece: &Piece, operands: &[Operand], states: &mut [Box<dyn State>]) -> Result<()> {
        let Some(d) = piece.region.shape.iter().position(|&n| n > 1) else {
            return Err(Error::new(ErrorKind::Device, "one element's outputs do not fit the staging memory")
                .hint("raise the budget (--device-memory)"));
        };
        let n = piece.region.shape[d];
        for (start, len, last) in [(0, n / 2, false), (n / 2, n - n / 2, piece.last)] {
            let mut half = Piece { region: piece.region.clone(), last, ..*piece };
            half.region.start[d] += start;
            half.region.shape[d] = len;
            let moved: Vec<Operand> = operands
                .iter()
                .map(|o| Operand {
                    bytes: o.bytes,
                    packing: o.packing,
                    placement: Placement {
                        offset: o.placement.offset + start as i64 * o.placement.strides[d],
                        strides: o.placement.strides.clone(),
                    },
                })
                .collect();
            self.stage(&half, &moved, states)?;
        }
        Ok(())
    }

    /// Reads the totals that accumulated on the device, and empties them.
    fn collect_totals(&mut self, states: &mut [Box<dyn State>]) -> Result<()> {
        let mut read = Vec::new();
        for (own, held) in self.own.iter().zip(&self.held) {
            read.push(match (own, held) {
                (Some(buffer), Some(_)) => Some(self.context.read(buffer, buffer.size())?),
                _ => None,
            });
        }
        let context = Arc::clone(&self.context);
        context.scoped("clearing totals", || {
            let mut encoder = context.raw().create_command_encoder(&Default::default());
            self.own.iter().flatten().for_each(|b| encoder.clear_buffer(b, 0, None));
            context.queue().submit([encoder.finish()]);
        })?;
        for (n, bytes) in read.into_iter().enumerate() {
            if let (Some(bytes), Some(absorb)) = (bytes, self.held[n].take()) {
                absorb(&bytes, &mut *states[n])?;
            }
        }
        self.elements = 0;
        Ok(())
    }
}

fn watch<'a>(
    trace: &'a Option<Arc<Trace>>,
    clock: &'a Option<DeviceClock>,
    slot: usize,
) -> Option<Watch<'a>> {
    Some(Watch { trace: trace.as_deref()?, clock: clock.as_ref(), slot: slot as u32 })
}

/// A part of a block whose elements are one run of the block's, in C order.
#[derive(Clone)]
struct Piece<'a> {
    region: Region,
    whole: &'a [u64],
    start: &'a [u64],
    domain: &'a [u64],
    last: bool,
}

impl Piece<'_> {
    /// The position of the piece's first output among those of the block.
    fn first_output(&self, terminal: &Terminal) -> u64 {
        let inner = |keep: &dyn Fn(usize) -> bool| -> u64 {
            let mut at = 0;
            for d in (0..self.whole.len()).filter(|&d| keep(d)) {
                at = at * self.whole[d] + (self.region.start[d] - self.start[d]);
            }
            at
        };
        inner(&|d| terminal.fold.landing().keeps(d))
    }
}

impl GpuRunner {
    fn take_block(
        &mut self,
        block: &Block,
        operands: &[Operand],
        states: &mut [Box<dyn State>],
    ) -> Result<()> {
        let len = block.region.len();
        self.context.check()?;
        let limit = self.families.iter().filter_map(|f| f.accumulates()).min();
        if limit.is_some_and(|most| self.elements + len > most) || self.waiting > WAITING {
            self.land(states)?;
        }
        let piece = Piece {
            region: block.region.clone(),
            whole: &block.region.shape,
            start: &block.region.start,
            domain: block.domain,
            last: true,
        };
        match self.trace.clone() {
            Some(trace) => trace.record(Activity::Upload, || self.stage(&piece, operands, states))?,
            None => self.stage(&piece, operands, states)?,
        }
        // Half a slot is enough to keep the device busy.
        if !self.slots[self.current].has_room(self.capacity.up / 2, self.capacity.down / 2) {
            self.submit()?;
        }
        Ok(())
    }

    /// Brings back what was submitted, all of it, and adds it.
    fn land(&mut self, states: &mut [Box<dyn State>]) -> Result<()> {
        self.submit()?;
        for n in 0..self.slots.len() {
            // The oldest first.
            let slot = (self.current + n) % self.slots.len();
            self.complete(slot)?;
        }
        if self.accumulates() {
            // Totals are read before anything is added: a block is added whole or not at all.
            for landed in &mut self.landed {
                if self.own[landed.terminal].is_some() && self.held[landed.terminal].is_none() {
                    let none: super::family::Absorb = Box::new(|_, _| Ok(()));
                    self.held[landed.terminal] = Some(std::mem::replace(&mut landed.absorb, none));
                }
            }
            self.collect_totals(states)?;
        }
        self.add(states)
    }
}

impl Runner for GpuRunner {
    fn run(&mut self, block: &Block, operands: &[Operand], states: &mut [Box<dyn State>]) -> Result<Events> {
        // Counted whatever happens: the caller has counted it too.
        self.under_way += 1;
        if let Some(e) = self.failed.take() {
            return Err(e);
        }
        let ran = match block.region.is_empty() || self.families.is_empty() {
            // Blocks are added in their order.
            true => self.land(states).map(|()| self.under_way = 0),
            false => self.take_block(block, operands, states),
        };
        let events = std::mem::take(&mut self.events);
        match ran {
            // Blocks that these are from may be added already, and do not run again.
            Err(e) if !events.is_empty() => {
                self.failed = Some(e);
                Ok(events)
            }
            ran => ran.map(|()| events),
        }
    }

    fn flush(&mut self, states: &mut [Box<dyn State>]) -> Result<Events> {
        if let Some(e) = self.failed.take() {
            return Err(e);
        }
        // Nothing is added before all has come: on an error all of it runs again, events and all.
        self.land(states)?;
        Ok(std::mem::take(&mut self.events))
    }

    fn takes_packed(&self) -> bool {
        true
    }

    fn under_way(&self) -> usize {
        self.under_way
    }
}
