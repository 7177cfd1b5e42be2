//! Decoded chunks that tasks to come will want again.
//!
//! Where blocks cross chunks, each chunk is decoded by the first task that needs it and dropped after
//! the last; how many tasks there are follows from the geometry. The bytes kept are bounded: when
//! there is no room the chunk used longest ago goes, and is decoded again if it is needed again. Where the
//! budget has room for it, workers keep pace so that none has to go before its time ([`super::schedule`]).

use super::budget::Meter;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::grid::Dims;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How many spare buffers are kept at most, within the capacity. All chunks of a row may be done with at once, before
/// those of the next come; memory that went back to the allocator would not be found again by another thread.
const MAX_SPARE: usize = 4096;

/// A chunk: the source's position in the plan and the chunk's coordinates.
pub type ChunkKey = (usize, Dims);

/// Decoded chunks of one stage.
pub struct ChunkCache {
    capacity: u64,
    meter: Arc<Meter>,
    state: Mutex<State>,
    loaded: Condvar,
}

#[derive(Default)]
struct State {
    chunks: HashMap<ChunkKey, Slot>,
    /// Buffers of chunks that are gone, to be filled again.
    spare: Vec<Buffer>,
    /// Bytes of the chunks that are kept and of the spare buffers.
    bytes: u64,
    clock: u64,
}

enum Slot {
    /// A worker is decoding it.
    Loading,
    /// Decoded; how many more tasks want it (`None` if that is not known), and when it was used.
    Ready { data: Arc<Buffer>, left: Option<u64>, used: u64 },
}

impl ChunkCache {
    /// A cache that keeps at most `capacity` bytes.
    pub fn new(capacity: u64, meter: &Arc<Meter>) -> Self {
        ChunkCache { capacity, meter: Arc::clone(meter), state: Mutex::default(), loaded: Condvar::new() }
    }

    /// Whether it can keep anything at all.
    pub fn enabled(&self) -> bool {
        self.capacity > 0
    }

    /// The chunk at `key`, of `len` bytes, decoded by `load` if it is not here. `uses` says how many
    /// gets there will be in all, if that is known. What the cache does not keep counts as held
    /// until the chunk is dropped.
    ///
    /// # Errors
    /// What `load` fails with.
    pub fn get(
        &self,
        key: &ChunkKey,
        len: usize,
        uses: impl FnOnce() -> Option<u64>,
        load: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<Chunk<'_>> {
        let mut state = self.lock();
        loop {
            state.clock += 1;
            let now = state.clock;
            match state.chunks.get_mut(key) {
                Some(Slot::Ready { data, left, used }) => {
                    *used = now;
                    let mut found = Chunk { cache: self, data: Some(data.clone()), counted: 0 };
                    if let Some(left) = left {
                        *left -= 1;
                        if *left == 0 {
                            state.chunks.remove(key);
                            self.forget(&mut state, len as u64);
                            found.count(len as u64);
                        }
                    }
                    return Ok(found);
                }
                Some(Slot::Loading) => {
                    state = self.loaded.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                None => break,
            }
        }
        state.chunks.insert(key.clone(), Slot::Loading);
        // Chunks may be of different lengths; what is much too long for this one would not be counted.
        let fits = |b: &Buffer| b.capacity() - b.capacity() / 8 <= len;
        let mut buffer = self.take_spare(&mut state).filter(fits);
        drop(state);
        let guard = Unload { cache: self, key };
        let left = uses().map(|n| n.saturating_sub(1));
        if buffer.is_none() && left != Some(0) {
            // What goes to make room is filled again at once.
            buffer = self.make_room(&mut self.lock(), len as u64).filter(fits);
        }
        let mut buffer = buffer.unwrap_or_default();
        buffer.resize_for_overwrite(len);
        let mut chunk = Chunk { cache: self, data: None, counted: 0 };
        chunk.count(len as u64);
        load(&mut buffer)?;
        let data = Arc::new(buffer);
        chunk.data = Some(data.clone());
        std::mem::forget(guard);
        let mut state = self.lock();
        if left != Some(0) {
            self.make_room(&mut state, len as u64);
        }
        if left != Some(0) && state.bytes + len as u64 <= self.capacity {
            chunk.count(0);
            state.bytes += len as u64;
            self.meter.add(len as u64);
            let used = state.clock;
            state.chunks.insert(key.clone(), Slot::Ready { data, left, used });
        } else {
            state.chunks.remove(key);
        }
        drop(state);
        self.loaded.notify_all();
        Ok(chunk)
    }

    /// Keeps a buffer to be filled again, if there are few and the capacity has room for it.
    fn keep_spare(&self, state: &mut State, buffer: Buffer) {
        let bytes = buffer.capacity() as u64;
        if state.spare.len() < MAX_SPARE && state.bytes.saturating_add(bytes) <= self.capacity {
            state.bytes += bytes;
            self.meter.add(bytes);
            state.spare.push(buffer);
        }
    }

    fn take_spare(&self, state: &mut State) -> Option<Buffer> {
        let buffer = state.spare.pop()?;
        self.forget(state, buffer.capacity() as u64);
        Some(buffer)
    }

    /// Lets go of what has not been used for longest until there is room for `len` bytes. Gives the last buffer that went.
    fn make_room(&self, state: &mut State, len: u64) -> Option<Buffer> {
        let mut gone = None;
        while state.bytes + len > self.capacity {
            if self.take_spare(state).is_some() {
                continue;
            }
            let oldest = state
                .chunks
                .iter()
                .filter_map(|(k, s)| match s {
                    Slot::Ready { data, used, .. } if Arc::strong_count(data) == 1 => {
                        Some((*used, k.clone()))
                    }
                    _ => None,
                })
                .min();
            let Some((_, key)) = oldest else { break };
            if let Some(Slot::Ready { data, .. }) = state.chunks.remove(&key) {
                self.forget(state, data.len() as u64);
                gone = Arc::into_inner(data);
            }
        }
        gone
    }

    fn forget(&self, state: &mut State, len: u64) {
        state.bytes -= len;
        self.meter.sub(len);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chunk that a worker is reading. When it is dropped and nobody else has it, its memory is kept
/// to be filled again.
pub struct Chunk<'c> {
    cache: &'c ChunkCache,
    data: Option<Arc<Buffer>>,
    /// Bytes counted as held by the worker, because they are not the cache's.
    counted: u64,
}

impl Chunk<'_> {
    fn count(&mut self, bytes: u64) {
        self.cache.meter.sub(self.counted);
        self.cache.meter.add(bytes);
        self.counted = bytes;
    }
}

impl std::ops::Deref for Chunk<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.data.as_ref().map_or(&[], |data| data)
    }
}

impl Drop for Chunk<'_> {
    fn drop(&mut self) {
        self.count(0);
        if let Some(buffer) = self.data.take().and_then(Arc::into_inner) {
            self.cache.keep_spare(&mut self.cache.lock(), buffer);
        }
    }
}

impl Drop for ChunkCache {
    fn drop(&mut self) {
        let bytes = self.lock().bytes;
        self.meter.sub(bytes);
    }
}

/// Lets others try if decoding fails or panics.
struct Unload<'c> {
    cache: &'c ChunkCache,
    key: &'c ChunkKey,
}

impl Drop for Unload<'_> {
    fn drop(&mut self) {
        self.cache.lock().chunks.remove(self.key);
        self.cache.loaded.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    #[test]
    fn a_chunk_is_loaded_once_while_it_is_wanted_and_fits() {
        let meter = Arc::new(Meter::default());
        let cache = ChunkCache::new(2000, &meter);
        let loads = AtomicU64::new(0);
        let get = |n: u64| {
            let load = |out: &mut [u8]| {
                loads.fetch_add(1, Relaxed);
                out.fill(n as u8);
                Ok(())
            };
            let chunk = cache.get(&(0, Dims::from_slice(&[n])), 1000, || Some(3), load).unwrap();
            assert!(chunk.iter().all(|&b| b == n as u8));
        };
        std::thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    get(1);
                    get(2);
                });
            }
        });
        assert_eq!(loads.load(Relaxed), 2);
        // Two chunks kept, and at most one that each worker still reads.
        assert!((2000..=5000).contains(&meter.peak()), "{}", meter.peak());
        assert!(cache.lock().chunks.is_empty());
        for n in [1, 2, 3, 1] {
            get(n);
        }
        assert_eq!(loads.load(Relaxed), 6);
    }

    /// Many threads, room for one chunk or none, loads that fail now and then: right bytes, nothing
    /// counted that is not there, and nobody waits for ever.
    #[test]
    fn a_crowd_in_a_tiny_cache_gets_what_it_asks_for() {
        for capacity in [1, 900, 1000, 2500] {
            let meter = Arc::new(Meter::default());
            let cache = ChunkCache::new(capacity, &meter);
            std::thread::scope(|s| {
                for t in 0..8u64 {
                    let cache = &cache;
                    s.spawn(move || {
                        for i in 0..400u64 {
                            let n = (i * 7 + t * 3) % 5;
                            let fails = (i + t) % 11 == 0;
                            let load = |out: &mut [u8]| {
                                if fails {
                                    return Err(crate::Error::new(crate::ErrorKind::Io, "no"));
                                }
                                std::thread::yield_now();
                                out.fill(n as u8);
                                Ok(())
                            };
                            let uses = || (n != 4).then_some(1 + n);
                            match cache.get(&(0, Dims::from_slice(&[n])), 1000, uses, load) {
                                Ok(chunk) => {
                                    assert!(chunk.len() == 1000 && chunk.iter().all(|&b| b == n as u8))
                                }
                                Err(_) => assert!(fails),
                            }
                        }
                    });
                }
            });
            assert!(meter.peak() <= capacity + 8 * 1000, "{} of {capacity}", meter.peak());
            assert!(cache.lock().bytes <= capacity);
            assert!(!cache.lock().chunks.values().any(|s| matches!(s, Slot::Loading)));
            drop(cache);
            assert_eq!(meter.now(), 0);
        }
    }

    /// Whether chunks go because they are done with, or to make room: their memory is filled again.
    #[test]
    fn memory_is_filled_again() {
        for uses in [Some(2), None] {
            let cache = ChunkCache::new(4096, &Arc::new(Meter::default()));
            let mut places = std::collections::HashSet::new();
            // Four at a time, all of which are done with before the next come.
            for row in 0..10 {
                for n in (0..4).chain(0..4) {
                    let load = |out: &mut [u8]| {
                        places.insert(out.as_ptr() as usize);
                        Ok(())
                    };
                    cache.get(&(0, Dims::from_slice(&[row * 4 + n])), 1024, || uses, load).unwrap();
                }
            }
            assert!(places.len() <= 5, "{} places for {uses:?}", places.len());
        }
    }

    #[test]
    fn a_failed_load_can_be_tried_again() {
        let meter = Arc::new(Meter::default());
        let cache = ChunkCache::new(2000, &meter);
        let key = (0, Dims::from_slice(&[1]));
        let failed = cache.get(&key, 10, || None, |_| Err(crate::Error::new(crate::ErrorKind::Io, "no")));
        assert!(failed.is_err());
        assert!(cache.get(&key, 10, || None, |_| Ok(())).is_ok());
    }
}
