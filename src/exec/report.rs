//! What a run did: counted work, placements, fallbacks, notes. And how far it is while it runs.

use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Tasks per device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TaskCounts {
    /// On the CPU.
    pub cpu: u64,
    /// On the GPU.
    pub gpu: u64,
}

/// Tasks that ran elsewhere than asked, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// Why.
    pub reason: String,
    /// How many tasks.
    pub tasks: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
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
    /// Where NumPy would warn: empty means, divisions by zero, empty ranges.
    pub notes: Vec<String>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
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
