//! The budget of device memory: a buffer exists only while its bytes are reserved.

use crate::error::{Error, ErrorKind, Result};
use crate::size::human_bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes of device memory in use, the most that were, and the most that may be.
#[derive(Debug)]
pub struct Memory {
    used: AtomicU64,
    peak: AtomicU64,
    budget: AtomicU64,
}

impl Memory {
    /// Nothing in use.
    pub fn new(budget: u64) -> Memory {
        Memory { used: AtomicU64::new(0), peak: AtomicU64::new(0), budget: AtomicU64::new(budget) }
    }

    /// The most that may be in use.
    pub fn budget(&self) -> u64 {
        self.budget.load(Relaxed)
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// The most bytes that were in use at any time.
    pub fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }

    /// Takes `bytes` of the budget until the answer is dropped.
    ///
    /// # Errors
    /// `Device` if they do not fit.
    pub fn reserve(memory: &Arc<Memory>, bytes: u64) -> Result<Reserved> {
        let budget = memory.budget();
        let fits = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= budget);
        match memory.used.fetch_update(Relaxed, Relaxed, fits) {
            Ok(before) => {
                memory.peak.fetch_max(before + bytes, Relaxed);
                Ok(Reserved { memory: Arc::clone(memory), bytes })
            }
            Err(used) => Err(Error::new(
                ErrorKind::Device,
                format!(
                    "{} more do not fit the device memory budget of {}, of which {} are in use",
                    human_bytes(bytes),
                    human_bytes(budget),
                    human_bytes(used)
                ),
            )
            .hint("raise it (--device-memory), or use smaller chunks")),
        }
    }
}

/// Bytes of the budget.
#[derive(Debug)]
pub struct Reserved {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Relaxed);
    }
}

/// A buffer with its part of the budget. Its memory is freed when it is dropped.
pub struct DeviceBuffer {
    buffer: wgpu::Buffer,
    _held: Reserved,
}

impl DeviceBuffer {
    pub(super) fn new(buffer: wgpu::Buffer, held: Reserved) -> DeviceBuffer {
        DeviceBuffer { buffer, _held: held }
    }
}

impl std::ops::Deref for DeviceBuffer {
    type Target = wgpu::Buffer;
    fn deref(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        self.buffer.destroy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_held_and_given_back() {
        let memory = Arc::new(Memory::new(100));
        let a = Memory::reserve(&memory, 60).unwrap();
        let e = Memory::reserve(&memory, 41).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Device);
        let b = Memory::reserve(&memory, 40).unwrap();
        drop(a);
        assert_eq!((memory.used(), memory.peak()), (40, 100));
        drop(b);
        assert_eq!(memory.used(), 0);
        assert!(Memory::reserve(&memory, u64::MAX).is_err());
    }
}
