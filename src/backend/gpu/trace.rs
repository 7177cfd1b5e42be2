//! When what ran: spans on one clock, for seeing (Chrome's trace viewer, Perfetto) and for proving in
//! tests that stages overlap. A device's own times are brought to the host's clock.

use super::device::Context;
use super::memory::DeviceBuffer;
use crate::error::Result;
use serde::Serialize;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use wgpu::BufferUsages;

/// A stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Stored bytes come from a file.
    Read,
    /// They become elements.
    Decode,
    /// Elements go to the device.
    Upload,
    /// The device computes.
    Compute,
    /// Results come back.
    Download,
}

impl Lane {
    /// Every lane, in the order in which a block passes them.
    pub const ALL: [Lane; 5] = [Lane::Read, Lane::Decode, Lane::Upload, Lane::Compute, Lane::Download];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Lane::Read => "read",
            Lane::Decode => "decode",
            Lane::Upload => "upload",
            Lane::Compute => "compute",
            Lane::Download => "download",
        }
    }
}

/// What one task did in one lane, in seconds since the trace began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Span {
    /// The stage.
    pub lane: Lane,
    /// The task.
    pub task: u64,
    /// Its start.
    pub start: f64,
    /// Its end.
    pub end: f64,
}

/// Spans of one run, from any thread.
pub struct Trace {
    began: Instant,
    spans: Mutex<Vec<Span>>,
}

impl Default for Trace {
    fn default() -> Self {
        Trace::new()
    }
}

impl Trace {
    /// A trace that begins now.
    pub fn new() -> Trace {
        Trace { began: Instant::now(), spans: Mutex::default() }
    }

    /// The moment of second 0.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Seconds since it began.
    pub fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Adds a span.
    pub fn add(&self, span: Span) {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }

    /// Runs something as a span.
    pub fn record<T>(&self, lane: Lane, task: u64, what: impl FnOnce() -> T) -> T {
        let start = self.now();
        let value = what();
        self.add(Span { lane, task, start, end: self.now() });
        value
    }

    /// The spans so far, by their start.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone();
        spans.sort_by(|a, b| a.start.total_cmp(&b.start));
        spans
    }

    /// Seconds in which a lane was busy, however many tasks were in it at once.
    pub fn busy(&self, lane: Lane) -> f64 {
        length(&self.union(lane))
    }

    /// Seconds in which both lanes were busy.
    pub fn overlaps(&self, a: Lane, b: Lane) -> f64 {
        let (a, b) = (self.union(a), self.union(b));
        let (mut i, mut j, mut sum) = (0, 0, 0.0);
        while i < a.len() && j < b.len() {
            sum += (a[i].1.min(b[j].1) - a[i].0.max(b[j].0)).max(0.0);
            if a[i].1 < b[j].1 { i += 1 } else { j += 1 }
        }
        sum
    }

    /// The times in which a lane was busy, joined where they touch.
    fn union(&self, lane: Lane) -> Vec<(f64, f64)> {
        let mut out: Vec<(f64, f64)> = Vec::new();
        for span in self.spans().into_iter().filter(|s| s.lane == lane && s.end > s.start) {
            match out.last_mut() {
                Some(last) if span.start <= last.1 => last.1 = last.1.max(span.end),
                _ => out.push((span.start, span.end)),
            }
        }
        out
    }

    /// The trace event format that Chrome's viewer and Perfetto read: a row per lane, times in
    /// microseconds.
    pub fn to_json(&self) -> serde_json::Value {
        let row = |lane: Lane| Lane::ALL.iter().position(|&l| l == lane);
        let names = Lane::ALL.iter().map(|&lane| {
            serde_json::json!({"ph": "M", "name": "thread_name", "pid": 1, "tid": row(lane), "args": {"name": lane.name()}})
        });
        let spans = self.spans().into_iter().map(|s| {
            serde_json::json!({
                "ph": "X", "name": format!("task {}", s.task), "cat": s.lane.name(), "pid": 1,
                "tid": row(s.lane), "ts": s.start * 1e6, "dur": (s.end - s.start) * 1e6,
                "args": {"task": s.task},
            })
        });
        let events: Vec<serde_json::Value> = names.chain(spans).collect();
        serde_json::json!({"displayTimeUnit": "ms", "traceEvents": events})
    }
}

fn length(union: &[(f64, f64)]) -> f64 {
    union.iter().map(|(a, b)| b - a).sum()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(spans: &[(Lane, f64, f64)]) -> Trace {
        let trace = Trace::new();
        for (task, &(lane, start, end)) in spans.iter().enumerate() {
            trace.add(Span { lane, task: task as u64, start, end });
        }
        trace
    }

    #[test]
    fn overlap_is_the_time_in_which_both_are_busy() {
        use Lane::*;
        let t = trace(&[
            (Compute, 5.0, 6.0),
            (Upload, 0.0, 1.0),
            // Two uploads at once count once.
            (Upload, 0.5, 2.0),
            (Compute, 1.5, 3.0),
            (Upload, 4.0, 10.0),
            (Download, 10.0, 11.0),
        ]);
        assert_eq!(t.busy(Upload), 8.0);
        assert_eq!(t.overlaps(Upload, Compute), 1.5);
        assert_eq!(t.overlaps(Compute, Upload), 1.5);
        // Touching is not overlapping.
        assert_eq!(t.overlaps(Upload, Download), 0.0);
        assert_eq!(t.overlaps(Read, Compute), 0.0);
        assert_eq!(t.overlaps(Upload, Upload), 8.0);
    }

    #[test]
    fn recorded_spans_are_in_order_and_in_the_viewers_format() {
        let t = Trace::new();
        let answer = t.record(Lane::Read, 7, || {
            std::thread::sleep(std::time::Duration::from_millis(2));
            42
        });
        assert_eq!(answer, 42);
        t.record(Lane::Decode, 7, || ());
        let spans = t.spans();
        assert!(spans[0].end - spans[0].start >= 0.002 && spans[1].start >= spans[0].end);
        let json = t.to_json();
        let events = json["traceEvents"].as_array().unwrap();
        let named = events.iter().filter(|e| e["ph"] == "M").count();
        assert_eq!((named, events.len()), (5, 7));
        let read = events.iter().find(|e| e["ph"] == "X").unwrap();
        assert_eq!(
            (&read["cat"], &read["tid"], &read["name"]),
            (&"read".into(), &0.into(), &"task 7".into())
        );
        assert!(read["dur"].as_f64().unwrap() >= 2000.0);
    }
}
