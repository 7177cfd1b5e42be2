//! Counts of the work that reads did.

use crate::error::Result;
use crate::trace::{Activity, Trace};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts of the work that reads did. Shared by all readers of a run.
#[derive(Debug, Default)]
pub struct ReadStats {
    /// Stored chunks brought from files, or found to be unallocated.
    pub chunks_read: AtomicU64,
    /// Chunks turned into elements: decoded, copied where there is no filter, or filled.
    pub chunks_decoded: AtomicU64,
    /// Of those, the ones whose elements' bytes a device still had to put together.
    pub chunks_packed: AtomicU64,
    /// Times that a chunk was not decoded, because it had been kept from an earlier reading.
    pub chunks_kept: AtomicU64,
    /// Stored chunks that the system was told of before they were read.
    pub chunks_advised: AtomicU64,
    /// Their bytes in files.
    pub bytes_advised: AtomicU64,
    /// Bytes read from files.
    pub bytes_read: AtomicU64,
    /// Bytes of elements that reads made, whole chunks counted whole.
    pub bytes_decoded: AtomicU64,
    /// Bytes of elements written to temporary stores.
    pub bytes_spilled: AtomicU64,
    /// Bytes of elements that reads made from temporary stores.
    pub bytes_read_back: AtomicU64,
    /// Positioned reads of elements from files; neighbouring chunks are one.
    pub file_reads: AtomicU64,
    /// Positioned reads of the files' chunk indexes.
    pub index_reads: AtomicU64,
    /// Whether files were slow lately, as they are when a disk is behind them.
    slow: AtomicU64,
    /// Time spent waiting for the HDF5 lock, in nanoseconds.
    pub lock_wait_ns: AtomicU64,
    /// Reads that went through libhdf5's own pipeline.
    pub library_reads: AtomicU64,
    /// Where it is written down when what was done, if it is.
    pub trace: Option<Arc<Trace>>,
}

impl ReadStats {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts for work that is looked at before it is added here.
    pub(crate) fn apart(&self) -> ReadStats {
        let slow = AtomicU64::new(self.slow.load(Ordering::Relaxed));
        ReadStats { slow, trace: self.trace.clone(), ..ReadStats::default() }
    }

    /// Takes over what was counted apart; what is counted there from now on is for another time.
    pub(crate) fn absorb(&self, other: &ReadStats) {
        // Taken apart, so that a counter to come is not forgotten here.
        let ReadStats {
            chunks_read,
            chunks_decoded,
            chunks_packed,
            chunks_kept,
            chunks_advised,
            bytes_advised,
            bytes_read,
            bytes_decoded,
            bytes_spilled,
            bytes_read_back,
            file_reads,
            index_reads,
            slow,
            lock_wait_ns,
            library_reads,
            trace: _,
        } = other;
        self.slow.store(slow.load(Ordering::Relaxed), Ordering::Relaxed);
        for (to, from) in [
            (&self.chunks_read, chunks_read),
            (&self.chunks_decoded, chunks_decoded),
            (&self.chunks_packed, chunks_packed),
            (&self.chunks_kept, chunks_kept),
            (&self.chunks_advised, chunks_advised),
            (&self.bytes_advised, bytes_advised),
            (&self.bytes_read, bytes_read),
            (&self.bytes_decoded, bytes_decoded),
            (&self.bytes_spilled, bytes_spilled),
            (&self.bytes_read_back, bytes_read_back),
            (&self.file_reads, file_reads),
            (&self.index_reads, index_reads),
            (&self.lock_wait_ns, lock_wait_ns),
            (&self.library_reads, library_reads),
        ] {
            // Most are seldom used: nothing is written in common for nothing.
            if from.load(Ordering::Relaxed) > 0 {
                ReadStats::add(to, from.swap(0, Ordering::Relaxed));
            }
        }
    }

    /// Reads positioned bytes of a file, counted and timed.
    ///
    /// # Errors
    /// What `bring` fails with.
    pub(crate) fn read(&self, out: &mut [u8], bring: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<()> {
        ReadStats::add(&self.bytes_read, out.len() as u64);
        ReadStats::add(&self.file_reads, 1);
        let (start, len) = (Instant::now(), out.len());
        let done = self.record(Activity::Read, || bring(out));
        self.took(len, start.elapsed());
        done
    }

    /// Hears how long a read took.
    pub(crate) fn took(&self, bytes: usize, time: Duration) {
        // Memory gives several bytes a nanosecond, a disk rarely one.
        let slow = time.as_nanos() as u64 > 100_000 + bytes as u64;
        if slow {
            self.slow.store(16, Ordering::Relaxed);
        } else if self.slow.load(Ordering::Relaxed) > 0 {
            // Races lose a count now and then, which does not matter.
            self.slow.store(self.slow.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        }
    }

    /// Whether files are slow enough for it to be worth saying early what will be read.
    pub fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed) > 0
    }

    /// Does something, as a span of the trace if there is one.
    pub(crate) fn record<T>(&self, activity: Activity, what: impl FnOnce() -> T) -> T {
        match &self.trace {
            Some(trace) => trace.record(activity, what),
            None => what(),
        }
    }
}
