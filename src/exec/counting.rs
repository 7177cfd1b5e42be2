//! What is counted of each stage while a run goes on.

use super::measured::{Activities, StageReport, TaskCounts};
use super::report::Counters;
use crate::plan::{Bound, Plan};
use crate::trace::Activity;
use std::ops::Range;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What was counted when a stage began.
pub(super) struct Began {
    at: Instant,
    counted: [u64; COUNTED],
    activities: Option<[f64; Activity::ALL.len()]>,
}

const COUNTED: usize = 8;

impl Counters {
    fn counted(&self) -> [u64; COUNTED] {
        let stats = &self.stats;
        let all: [&AtomicU64; COUNTED] = [
            &self.tasks,
            &self.gpu_tasks,
            &self.busy_ns,
            &stats.chunks_decoded,
            &stats.bytes_read,
            &stats.bytes_decoded,
            &stats.bytes_spilled,
            &stats.bytes_read_back,
        ];
        all.map(|n| n.load(Relaxed))
    }

    fn activities(&self) -> Option<[f64; Activity::ALL.len()]> {
        self.stats.trace.as_ref().map(|t| Activity::ALL.map(|a| t.spent(a)))
    }

    /// A stage begins.
    pub(super) fn begin_stage(&self) -> Began {
        self.meter.mark();
        Began { at: Instant::now(), counted: self.counted(), activities: self.activities() }
    }

    /// Stages have ended, together.
    pub(super) fn end_stages(&self, stages: Range<usize>, plan: &Plan, bound: &Bound, began: Began) {
        let elapsed_s = began.at.elapsed().as_secs_f64();
        let (before, now) = (began.counted, self.counted());
        let [cpu, gpu, busy, chunks_decoded, bytes_read, bytes_decoded, bytes_spilled, bytes_read_back] =
            std::array::from_fn(|i| now[i] - before[i]);
        let busy_s = Duration::from_nanos(busy).as_secs_f64();
        let activities = began.activities.zip(self.activities()).map(|(before, now)| {
            let [read_s, decode_s, upload, device_s, download] = std::array::from_fn(|i| now[i] - before[i]);
            let transfer_s = upload + download;
            let compute_s = (busy_s - read_s - decode_s - transfer_s).max(0.0);
            Activities { read_s, decode_s, compute_s, transfer_s, device_s }
        });
        let outputs = plan.stages()[stages.clone()].iter().flat_map(|s| &s.outputs);
        let report = StageReport {
            elapsed_s,
            workers: bound.stages[stages.clone()].iter().map(|s| s.workers).max().unwrap_or(1),
            operations: outputs.map(|o| o.label.clone()).collect(),
            stages,
            tasks: TaskCounts { cpu, gpu },
            busy_s,
            chunks_decoded,
            bytes_read,
            bytes_decoded,
            bytes_spilled,
            bytes_read_back,
            peak_host_bytes: self.meter.high(),
            activities,
        };
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }

    /// A worker was at tasks for so long.
    pub(super) fn worked(&self, time: Duration) {
        self.busy_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }
}
