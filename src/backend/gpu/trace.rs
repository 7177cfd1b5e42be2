//! When the device computed: timestamps of its passes, brought to the host's clock.

use super::device::Context;
use super::memory::DeviceBuffer;
use crate::error::Result;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use wgpu::BufferUsages;

/// Queries are resolved to positions of this multiple.
const RESOLVED: u64 = 256;

/// When passes began and ended on the device, on the host's clock: a slot per submission in flight.
pub struct DeviceClock {
    queries: wgpu::QuerySet,
    resolved: DeviceBuffer,
    slots: Vec<DeviceBuffer>,
    /// Seconds per tick.
    period: f64,
    began: Instant,
    /// The host's seconds at the device's tick 0.
    offset: Mutex<f64>,
}

impl DeviceClock {
    /// A clock with `slots` slots whose second 0 is `began`. `None` if the device has no timestamps, or
    /// gives none.
    ///
    /// # Errors
    /// `Device` if it fails.
    pub fn new(context: &Context, began: Instant, slots: u32) -> Result<Option<DeviceClock>> {
        let slots = slots.clamp(1, 1024);
        if !context.features.contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(None);
        }
        let queries = context.scoped("making queries", || {
            context.raw().create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("times"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * slots,
            })
        })?;
        let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
        let resolved = context.buffer("times", slots as u64 * RESOLVED, usage)?;
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let slots =
            (0..slots).map(|_| context.buffer("times of a slot", 16, usage)).collect::<Result<_>>()?;
        let period = context.queue().get_timestamp_period() as f64 * 1e-9;
        let clock = DeviceClock { queries, resolved, slots, period, began, offset: Mutex::new(0.0) };
        Ok(clock.synchronise(context)?.then_some(clock))
    }

    /// Where a pass writes its times: for `ComputePassDescriptor::timestamp_writes`.
    pub fn writes(&self, slot: u32) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(2 * slot),
            end_of_pass_write_index: Some(2 * slot + 1),
        }
    }

    /// Brings a slot's times to where they can be read: after the pass, in the same submission.
    pub fn resolve(&self, encoder: &mut wgpu::CommandEncoder, slot: u32) {
        let at = slot as u64 * RESOLVED;
        encoder.resolve_query_set(&self.queries, 2 * slot..2 * slot + 2, &self.resolved, at);
        encoder.copy_buffer_to_buffer(&self.resolved, at, &self.slots[slot as usize], 0, 16);
    }

    /// Start and end of a slot's pass in the host's seconds, when its submission is done. `None` if the
    /// device gave none that make sense.
    ///
    /// # Errors
    /// `Device` if it fails.
    pub fn times(&self, context: &Context, slot: u32) -> Result<Option<(f64, f64)>> {
        let offset = *self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.ticks(context, slot)?.map(|(a, b)| (offset + a, offset + b)))
    }

    /// Device seconds.
    fn ticks(&self, context: &Context, slot: u32) -> Result<Option<(f64, f64)>> {
        let buffer = &self.slots[slot as usize];
        context.scoped("reading times", || buffer.map_async(wgpu::MapMode::Read, .., |_| {}))?;
        context.wait(context.queue().submit([]))?;
        let words = context.scoped("reading times", || {
            let words = buffer.get_mapped_range(0..16).map(|v| bytemuck::pod_collect_to_vec::<u8, u64>(&v));
            buffer.unmap();
            words.ok()
        })?;
        Ok(match words.as_deref() {
            Some(&[a, b]) if a != 0 && b >= a => Some((a as f64 * self.period, b as f64 * self.period)),
            _ => None,
        })
    }

    /// Matches the clocks: an empty pass lies between two looks at the host's. The closest pair of
    /// several counts. `false` if the device gives no times. Clocks drift: a long run does it again.
    /// Slot 0 must not be in use.
    ///
    /// # Errors
    /// `Device` if it fails.
    pub fn synchronise(&self, context: &Context) -> Result<bool> {
        let mut best: Option<(f64, f64)> = None;
        for _ in 0..5 {
            let before = self.began.elapsed().as_secs_f64();
            let submission = context.scoped("matching clocks", || {
                let mut encoder = context.raw().create_command_encoder(&Default::default());
                encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some("empty"),
                    timestamp_writes: Some(self.writes(0)),
                });
                self.resolve(&mut encoder, 0);
                context.queue().submit([encoder.finish()])
            })?;
            context.wait(submission)?;
            let after = self.began.elapsed().as_secs_f64();
            let Some((start, end)) = self.ticks(context, 0)? else { return Ok(false) };
            let (width, offset) = (after - before, (before + after - start - end) / 2.0);
            if best.is_none_or(|(w, _)| width < w) {
                best = Some((width, offset));
            }
        }
        if let Some((_, offset)) = best {
            *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = offset;
        }
        Ok(best.is_some())
    }
}
