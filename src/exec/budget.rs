//! Bytes held, counted as they come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many bytes a run holds now and held at most.
#[derive(Debug, Default)]
pub struct Meter {
    now: AtomicU64,
    /// The most since the last mark, and before it.
    high: AtomicU64,
    before: AtomicU64,
}

impl Meter {
    /// Counts bytes that were taken.
    pub fn add(&self, bytes: u64) {
        let now = self.now.fetch_add(bytes, Relaxed) + bytes;
        self.high.fetch_max(now, Relaxed);
    }

    /// Counts bytes that were given back.
    pub fn sub(&self, bytes: u64) {
        self.now.fetch_sub(bytes, Relaxed);
    }

    /// The bytes held now.
    pub fn now(&self) -> u64 {
        self.now.load(Relaxed)
    }

    /// The most bytes held at any time.
    pub fn peak(&self) -> u64 {
        self.before.load(Relaxed).max(self.high())
    }

    /// The most bytes held since the last [mark](Meter::mark).
    pub fn high(&self) -> u64 {
        self.high.load(Relaxed)
    }

    /// From now on [`Meter::high`] is of what comes. Nothing may be taken meanwhile.
    pub fn mark(&self) {
        self.before.fetch_max(self.high(), Relaxed);
        self.high.store(self.now(), Relaxed);
    }
}

/// A holder whose size changes: tells the meter the difference.
#[derive(Debug)]
pub struct Held {
    meter: Arc<Meter>,
    bytes: u64,
}

impl Held {
    /// Nothing held yet.
    pub fn new(meter: &Arc<Meter>) -> Self {
        Held { meter: Arc::clone(meter), bytes: 0 }
    }

    /// It holds `bytes` now.
    pub fn set(&mut self, bytes: u64) {
        if bytes > self.bytes {
            self.meter.add(bytes - self.bytes);
        } else if bytes < self.bytes {
            self.meter.sub(self.bytes - bytes);
        }
        self.bytes = bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.meter.sub(self.bytes);
    }
}
