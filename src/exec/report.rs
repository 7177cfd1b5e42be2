//! What a run did: counted work, placements, fallbacks, notes. And how far it is while it runs.

use super::budget::Meter;
use super::measured::{StageReport, TaskCounts};
use crate::source::ReadStats;
use crate::trace::Trace;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Tasks that ran elsewhere than asked, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fallback {
    /// Why.
    pub reason: String,
    /// How many tasks.
    pub tasks: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Wall-clock seconds.
    pub elapsed_s: f64,
    /// The device that was used, by name.
    pub device: String,
    /// Workers at most.
    pub threads: usize,
    /// Tasks per device.
    pub tasks: TaskCounts,
    /// Tasks that ran elsewhere than asked.
    pub fallbacks: Vec<Fallback>,
    /// Storage chunks brought from files, or found to be unallocated.
    pub chunks_read: u64,
    /// Storage chunks turned into elements: decoded, copied where there is no filter, or filled.
    pub chunks_decoded: u64,
    /// Of those, the ones whose elements' bytes a device put together.
    pub chunks_packed: u64,
    /// Times that a block found a chunk that had been kept from an earlier pass or stage.
    pub chunks_kept: u64,
    /// Stored chunks that the system was told of before they were read.
    pub chunks_advised: u64,
    /// Their bytes in files.
    pub bytes_advised: u64,
    /// Bytes read from files.
    pub bytes_read: u64,
    /// Bytes of elements that reads made, whole chunks counted whole.
    pub bytes_decoded: u64,
    /// Bytes written to temporary stores, because what a later stage reads did not fit the budget.
    pub bytes_spilled: u64,
    /// Bytes read back from temporary stores.
    pub bytes_read_back: u64,
    /// Positioned reads of elements from files; chunks that lie near each other are one.
    pub file_reads: u64,
    /// Positioned reads of the files' chunk indexes.
    pub index_reads: u64,
    /// Reads that only libhdf5 could do, under its lock.
    pub library_reads: u64,
    /// Seconds that workers waited for the HDF5 lock, all together.
    pub lock_wait_s: f64,
    /// The most bytes held at any time, as counted.
    pub peak_host_bytes: u64,
    /// The most bytes that binding had predicted.
    pub projected_host_bytes: u64,
    /// Where NumPy would warn: empty means, divisions by zero, empty ranges. And chunks that were decoded more than
    /// twice each, with the budget that would avoid it.
    pub notes: Vec<String>,
    /// What each stage did, in order; those that ran together are one. Stages whose blocks the caller takes
    /// ([`Session::blocks`](crate::Session::blocks), pieces for other machines) are not among them.
    pub stages: Vec<StageReport>,
}

/// Counters of a run.
#[derive(Default)]
pub struct Counters {
    /// What was read.
    pub stats: ReadStats,
    /// What was held.
    pub meter: Arc<Meter>,
    pub(super) tasks: AtomicU64,
    pub(super) gpu_tasks: AtomicU64,
    /// Nanoseconds from the first to the last task of each worker.
    pub(super) busy_ns: AtomicU64,
    pub(super) stages: Mutex<Vec<StageReport>>,
    fallbacks: Mutex<Vec<Fallback>>,
    notes: Mutex<Vec<String>>,
}

impl Counters {
    /// Notes something, once.
    pub(super) fn note(&self, text: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    /// Counters of a run whose doings are written down in `trace`, if there is one.
    pub fn traced(trace: Option<&Arc<Trace>>) -> Counters {
        let mut counters = Counters::default();
        counters.stats.trace = trace.map(Arc::clone);
        counters
    }

    /// Counts tasks that the CPU ran because the device failed.
    pub(super) fn fell_back(&self, reason: &str, tasks: u64) {
        let mut fallbacks = self.fallbacks.lock().unwrap_or_else(PoisonError::into_inner);
        match fallbacks.iter_mut().find(|f| f.reason == reason) {
            Some(f) => f.tasks = f.tasks.saturating_add(tasks),
            None => fallbacks.push(Fallback { reason: reason.to_string(), tasks }),
        }
    }

    /// What was counted, as a report; the caller adds time and devices.
    pub fn report(&self) -> Report {
        Report {
            tasks: TaskCounts { cpu: self.tasks.load(Relaxed), gpu: self.gpu_tasks.load(Relaxed) },
            fallbacks: self.fallbacks.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            chunks_read: self.stats.chunks_read.load(Relaxed),
            chunks_decoded: self.stats.chunks_decoded.load(Relaxed),
            chunks_packed: self.stats.chunks_packed.load(Relaxed),
            chunks_kept: self.stats.chunks_kept.load(Relaxed),
            chunks_advised: self.stats.chunks_advised.load(Relaxed),
            bytes_advised: self.stats.bytes_advised.load(Relaxed),
            bytes_read: self.stats.bytes_read.load(Relaxed),
            bytes_decoded: self.stats.bytes_decoded.load(Relaxed),
            bytes_spilled: self.stats.bytes_spilled.load(Relaxed),
            bytes_read_back: self.stats.bytes_read_back.load(Relaxed),
            file_reads: self.stats.file_reads.load(Relaxed),
            index_reads: self.stats.index_reads.load(Relaxed),
            library_reads: self.stats.library_reads.load(Relaxed),
            lock_wait_s: self.stats.lock_wait_ns.load(Relaxed) as f64 * 1e-9,
            peak_host_bytes: self.meter.peak(),
            notes: self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            stages: self.stages.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ..Report::default()
        }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The stage that runs, from 0.
    pub stage: usize,
    /// How many stages there are.
    pub stages: usize,
    /// Tasks of this stage that are done.
    pub done: u64,
    /// Tasks of this stage.
    pub tasks: u64,
    /// Bytes decoded so far, in all stages.
    pub bytes: u64,
}

/// Stops a run from another thread or a signal handler.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not cancelled.
    pub fn new() -> Self {
        Cancel::default()
    }

    /// Asks the runs that have this token to stop. Each task under way ends; nothing new begins.
    pub fn cancel(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether it was asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Relaxed)
    }
}
