//! Slots of staging memory: what goes up in one submission, and what comes down from it.
//!
//! A slot holds the operands, the parameters and the outputs of one or more blocks. Its upload buffer
//! stays mapped while it is filled, so a decoded chunk is copied once, straight to where the device
//! (or its copy engine) reads it; on unified memory shaders read that very buffer. While one slot is
//! under way its worker fills another, and other workers theirs.

use super::device::{Bind, Context, Dispatch};
use super::family::{Absorb, OUT, Step, TABLE};
use super::mapping::Mapping;
use super::memory::DeviceBuffer;
use super::trace::DeviceClock;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::elementwise::Events;
use crate::trace::{self, Activity, Span, Trace};
use std::ops::Range;
use wgpu::BufferUsages as Usage;

/// Where every binding may begin.
pub const ALIGN: u64 = 256;

/// Bytes that a slot offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// For operands and parameters.
    pub up: u64,
    /// For outputs.
    pub down: u64,
}

impl Capacity {
    /// Bytes of device memory that a slot takes (mapped buffers included: they may lie there).
    pub fn bytes(self, unified: bool) -> u64 {
        let up = if unified { self.up } else { 2 * self.up };
        up + 2 * (self.down + ALIGN) + 16
    }
}

/// One terminal of one piece of a block, placed in a slot.
pub struct Queued {
    /// Which terminal.
    pub terminal: usize,
    /// The dispatches, and where their parameters are.
    pub steps: Vec<(Step, Range<u64>)>,
    /// Where the operands are.
    pub data: Range<u64>,
    /// Where the output is; `None` if it goes into the terminal's own buffer.
    pub out: Option<Range<u64>>,
    /// What is done with the output.
    pub absorb: Absorb,
    /// Whether it is the last of its block.
    pub last: bool,
}

/// An output that is on the host.
pub struct Landed {
    /// Which terminal.
    pub terminal: usize,
    /// Its bytes; empty if they are still on the device.
    pub bytes: Vec<u8>,
    /// What is done with them.
    pub absorb: Absorb,
    /// Whether it is the last of its block.
    pub last: bool,
}

/// Who writes down when a submission ran.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Where it is written.
    pub trace: &'a Trace,
    /// The device's clock, if it has one.
    pub clock: Option<&'a DeviceClock>,
    /// The clock's slot.
    pub slot: u32,
}

/// Staging memory of one submission.
pub struct Slot {
    upload: DeviceBuffer,
    data: Option<DeviceBuffer>,
    out: DeviceBuffer,
    readback: DeviceBuffer,
    events: DeviceBuffer,
    capacity: Capacity,
    up: u64,
    down: u64,
    queued: Vec<Queued>,
    /// The readback and the upload buffer of what is under way.
    flight: Option<[Mapping; 2]>,
    /// When it was submitted and at which task, for a trace.
    sent: f64,
    task: u64,
}

impl Slot {
    /// An empty slot.
    ///
    /// # Errors
    /// `Device` if its memory does not fit.
    pub fn new(context: &Context, capacity: Capacity) -> Result<Slot> {
        let unified = context.is_unified();
        let reads = if unified { Usage::STORAGE } else { Usage::COPY_SRC };
        let data = match unified {
            true => None,
            false => Some(context.buffer("operands", capacity.up, Usage::STORAGE | Usage::COPY_DST)?),
        };
        let out = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        Ok(Slot {
            upload: context.mapped("upload", capacity.up, Usage::MAP_WRITE | reads)?,
            data,
            out: context.buffer("outputs", capacity.down, out)?,
            readback: context.buffer("readback", capacity.down + ALIGN, Usage::MAP_READ | Usage::COPY_DST)?,
            events: context.buffer("events", 16, out)?,
            capacity,
            up: 0,
            down: 0,
            queued: Vec::new(),
            flight: None,
            sent: 0.0,
            task: 0,
        })
    }

    /// Whether this many bytes more go in. Both are counted with their alignment.
    pub fn has_room(&self, up: u64, down: u64) -> bool {
        self.up + up <= self.capacity.up && self.down + down <= self.capacity.down
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// Whether it was submitted and not completed.
    pub fn is_under_way(&self) -> bool {
        self.flight.is_some()
    }

    /// Takes room for `bytes` to go up.
    pub fn place_up(&mut self, bytes: u64) -> Range<u64> {
        let range = self.up..self.up + bytes;
        self.up = range.end.next_multiple_of(ALIGN);
        range
    }

    /// Takes room for `bytes` to come down.
    pub fn place_down(&mut self, bytes: u64) -> Range<u64> {
        let range = self.down..self.down + bytes;
        self.down = range.end.next_multiple_of(ALIGN);
        range
    }

    /// Writes bytes to where they go up; `at` is a multiple of 8.
    ///
    /// # Errors
    /// `Device` if the buffer is not mapped, which a lost device can cause.
    pub fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = at + (bytes.len() as u64).next_multiple_of(4);
        let mut view = self.upload.get_mapped_range_mut(at..end).map_err(|e| {
            Error::new(ErrorKind::Device, format!("the staging buffer cannot be written: {e}"))
        })?;
        view.slice(..bytes.len()).copy_from_slice(bytes);
        Ok(())
    }

    /// Adds what is to run. Its bytes are in place.
    pub fn push(&mut self, queued: Queued) {
        self.queued.push(queued);
    }

    /// Sends everything off. `own` are the terminals' own output buffers.
    ///
    /// # Errors
    /// `Device` if the device does not take it.
    pub fn submit(
        &mut self,
        context: &Context,
        own: &[Option<DeviceBuffer>],
        watch: Option<Watch>,
    ) -> Result<()> {
        context.inject()?;
        self.sent = watch.map_or(0.0, |w| w.trace.now());
        self.task = trace::task();
        let flight = context.scoped("submitting blocks", || {
            self.upload.unmap();
            let mut encoder = context.raw().create_command_encoder(&Default::default());
            if let Some(data) = &self.data {
                encoder.copy_buffer_to_buffer(&self.upload, 0, data, 0, self.up);
            }
            encoder.clear_buffer(&self.events, 0, None);
            if self.down > 0 {
                encoder.clear_buffer(&self.out, 0, Some(self.down.next_multiple_of(4)));
            }
            {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: None,
                    timestamp_writes: watch.and_then(|w| Some(w.clock?.writes(w.slot))),
                });
                for q in &self.queued {
                    self.encode(context, &mut pass, q, own);
                }
            }
            if let Some((clock, slot)) = watch.and_then(|w| Some((w.clock?, w.slot))) {
                clock.resolve(&mut encoder, slot);
            }
            encoder.copy_buffer_to_buffer(&self.events, 0, &self.readback, 0, 16);
            if self.down > 0 {
                let bytes = self.down.next_multiple_of(4);
                encoder.copy_buffer_to_buffer(&self.out, 0, &self.readback, ALIGN, bytes);
            }
            let submission = context.queue().submit([encoder.finish()]);
            let mapping =
                |buffer: &wgpu::Buffer, mode| Mapping::begin(buffer, mode, Some(submission.clone()));
            [mapping(&self.readback, wgpu::MapMode::Read), mapping(&self.upload, wgpu::MapMode::Write)]
        })?;
        self.flight = Some(flight);
        Ok(())
    }

    fn encode(
        &self,
        context: &Context,
        pass: &mut wgpu::ComputePass,
        q: &Queued,
        own: &[Option<DeviceBuffer>],
    ) {
        let data = self.data.as_ref().unwrap_or(&self.upload);
        let operands = Some(q.data.start..q.data.end.max(q.data.start + 16).next_multiple_of(16));
        for (step, params) in &q.steps {
            let mut binds = vec![
                Bind { at: 0, buffer: data, range: Some(params.start..params.end.next_multiple_of(16)) },
                Bind { at: 1, buffer: data, range: operands.clone() },
                Bind { at: 2, buffer: data, range: operands.clone() },
                Bind { at: 3, buffer: &self.events, range: None },
            ];
            binds.push(match (&q.out, &own[q.terminal]) {
                (Some(range), _) => {
                    let end = range.end.max(range.start + 16).next_multiple_of(16);
                    Bind { at: OUT, buffer: &self.out, range: Some(range.start..end) }
                }
                (None, Some(buffer)) => Bind { at: OUT, buffer, range: None },
                (None, None) => continue,
            });
            binds.extend(step.table.iter().map(|t| Bind { at: TABLE, buffer: t, range: None }));
            let dispatch = Dispatch { pipeline: &step.pipeline, binds: &binds, groups: step.groups };
            context.encode(pass, &dispatch);
        }
    }

    /// Waits for the submission and hands over what it made. The slot is empty and mapped again.
    ///
    /// # Errors
    /// `Device` if the device failed; then nothing is handed over.
    pub fn complete(&mut self, context: &Context, watch: Option<Watch>) -> Result<(Vec<Landed>, Events)> {
        let Some(flight) = self.flight.take() else { return Ok((Vec::new(), Events::NONE)) };
        flight.into_iter().try_for_each(|mapping| mapping.wait(context))?;
        if let Some(watch) = watch {
            let times = match watch.clock {
                Some(clock) => clock.times(context, watch.slot)?,
                None => None,
            };
            // Without a clock on the device: from the submission until somebody looked.
            let (start, end) = times.unwrap_or((self.sent, watch.trace.now()));
            watch.trace.add(Span { activity: Activity::Compute, task: self.task, start, end });
        }
        let began = watch.map_or(0.0, |w| w.trace.now());
        let broken = |e| Error::new(ErrorKind::Device, format!("results cannot be read: {e}"));
        let view =
            context.scoped("reading results", || self.readback.get_mapped_range(..))?.map_err(broken)?;
        let noticed = u32::from_le_bytes([view[0], view[1], view[2], view[3]]);
        let landed = std::mem::take(&mut self.queued)
            .into_iter()
            .map(|q| Landed {
                terminal: q.terminal,
                bytes: match q.out {
                    Some(r) => view[(ALIGN + r.start) as usize..(ALIGN + r.end) as usize].to_vec(),
                    None => Vec::new(),
                },
                absorb: q.absorb,
                last: q.last,
            })
            .collect();
        drop(view);
        context.scoped("giving results back", || self.readback.unmap())?;
        (self.up, self.down) = (0, 0);
        if let Some(Watch { trace, .. }) = watch {
            let end = trace.now();
            trace.add(Span { activity: Activity::Download, task: self.task, start: began, end });
        }
        Ok((landed, Events::from_bits(noticed)))
    }
}
