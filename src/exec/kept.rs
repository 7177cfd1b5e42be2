//! Decoded chunks that wait for a later pass or stage.
//!
//! Binding says of which sources, and in how many bytes ([`plan::Kept`]). The chunks that come first and
//! are wanted again are held until nobody wants them any more; when the bytes are full no more are taken,
//! and those that are held stay. A chunk's memory is counted when its place is taken, before it is
//! allocated. What is not kept takes the usual way; a source that does not come back costs one look.
//!
//! No lock is held while a chunk is decoded or copied: the tables, cut in shards, hand out shared buffers.

use super::budget::Meter;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::grid::{Chunks, Dims};
use crate::plan::{self, Bound, Moment, Plan, kept_chunk_bytes};
use crate::source::ReadStats;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Tables per source: two workers seldom want the same one at once.
const SHARDS: usize = 16;

/// The chunks that a run keeps.
pub struct Kept {
    /// By the source's position in the plan; empty if nothing is kept.
    shelves: Vec<Option<Shelf>>,
    meter: Arc<Meter>,
}

/// The chunks of one source.
struct Shelf {
    plan: plan::Kept,
    /// The chunk grid.
    chunks: Chunks,
    /// The pass that is under way, if it reads the source, and whether chunks are wanted after their first
    /// use.
    now: Option<(Moment, bool)>,
    used: AtomicU64,
    shards: [Shard; SHARDS],
}

#[derive(Default)]
struct Shard {
    chunks: Mutex<HashMap<Dims, Slot>>,
    loaded: Condvar,
}

enum Slot {
    /// A worker is decoding it.
    Loading,
    /// The chunk, and the last pass that wants it.
    Ready(Arc<Buffer>, Moment),
}

impl Kept {
    /// Nothing is kept yet.
    pub fn new(plan: &Plan, bound: &Bound, meter: &Arc<Meter>) -> Kept {
        let mut shelves = Vec::new();
        for k in &bound.kept {
            let Some(chunks) = plan.sources()[k.source].chunks.clone() else { continue };
            shelves.resize_with(shelves.len().max(k.source + 1), || None);
            shelves[k.source] = Some(Shelf::new(k.clone(), chunks));
        }
        Kept { shelves, meter: Arc::clone(meter) }
    }

    /// Nothing is kept at all.
    pub fn none(meter: &Arc<Meter>) -> Kept {
        Kept { shelves: Vec::new(), meter: Arc::clone(meter) }
    }

    /// A pass of a stage begins.
    pub fn begin(&mut self, stage: usize, pass: u64) {
        for shelf in self.shelves.iter_mut().flatten() {
            let now = shelf.plan.moment(stage, pass);
            shelf.now = now.map(|now| (now, shelf.plan.comes_back(now)));
        }
    }

    /// The pass is over: chunks that nobody will want any more are dropped.
    pub fn end(&mut self) {
        for shelf in self.shelves.iter_mut().flatten() {
            let Some((now, _)) = shelf.now.take() else { continue };
            let mut dropped = 0;
            for shard in &mut shelf.shards {
                let table = shard.chunks.get_mut().unwrap_or_else(PoisonError::into_inner);
                table.retain(|_, slot| {
                    let Slot::Ready(data, last) = slot else { return false };
                    let keep = *last > now;
                    dropped += if keep { 0 } else { kept_chunk_bytes(data.len() as u64) };
                    keep
                });
                if table.is_empty() {
                    *table = HashMap::new();
                }
            }
            shelf.used.fetch_sub(dropped, Relaxed);
            self.meter.sub(dropped);
        }
    }

    fn shelf(&self, source: usize) -> Option<&Shelf> {
        self.shelves.get(source)?.as_ref().filter(|s| s.now.is_some())
    }

    /// Whether chunks of a source are kept, or were, in the pass that is under way.
    pub fn has(&self, source: usize) -> bool {
        self.shelf(source).is_some()
    }

    /// Whether a chunk is here.
    pub fn holds(&self, source: usize, chunk: &[u64]) -> bool {
        self.shelf(source).is_some_and(|s| s.shard(chunk).lock().contains_key(chunk))
    }

    /// The chunk of a source, of `len` bytes, if it is kept; decoded by `load` if it is not here and will
    /// be kept from now on. Nothing if it is not kept.
    ///
    /// # Errors
    /// What `load` fails with.
    pub fn get(
        &self,
        source: usize,
        chunk: &[u64],
        len: usize,
        stats: &ReadStats,
        load: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<Option<Arc<Buffer>>> {
        let Some(shelf) = self.shelf(source) else { return Ok(None) };
        let shard = shelf.shard(chunk);
        let mut table = shard.lock();
        loop {
            match table.get(chunk) {
                Some(Slot::Ready(data, _)) => {
                    stats.chunks_kept.fetch_add(1, Relaxed);
                    return Ok(Some(Arc::clone(data)));
                }
                Some(Slot::Loading) => {
                    table = shard.loaded.wait(table).unwrap_or_else(PoisonError::into_inner);
                }
                None => break,
            }
        }
        let bytes = kept_chunk_bytes(len as u64);
        let Some(last) = shelf.takes(chunk, bytes) else { return Ok(None) };
        self.meter.add(bytes);
        table.insert(chunk.into(), Slot::Loading);
        drop(table);
        let place = Place { kept: self, shelf, chunk, bytes };
        let Some(mut buffer) = Buffer::try_zeroed(len) else { return Ok(None) };
        load(&mut buffer)?;
        let data = Arc::new(buffer);
        std::mem::forget(place);
        shard.lock().insert(chunk.into(), Slot::Ready(Arc::clone(&data), last));
        shard.loaded.notify_all();
        Ok(Some(data))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let held = self.shelves.iter().flatten().map(|s| s.used.load(Relaxed));
        self.meter.sub(held.sum());
    }
}

impl Shelf {
    fn new(plan: plan::Kept, chunks: Chunks) -> Shelf {
        Shelf { plan, chunks, now: None, used: AtomicU64::new(0), shards: Default::default() }
    }

    fn shard(&self, chunk: &[u64]) -> &Shard {
        let mixed = chunk.iter().fold(0u64, |h, &c| (h ^ c).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        &self.shards[(mixed >> 32) as usize % SHARDS]
    }

    /// Takes a place for a chunk, if it is wanted again and there is room; gives the last pass that wants it.
    fn takes(&self, chunk: &[u64], bytes: u64) -> Option<Moment> {
        let (now, true) = self.now? else { return None };
        let most = self.plan.bytes;
        let room = |used: u64| used.checked_add(bytes).filter(|&n| n <= most);
        room(self.used.load(Relaxed))?;
        let last = self.plan.last_wanted(now, chunk, &self.chunks)?;
        let again = last > now || (last == now && self.plan.circles(now));
        (again && self.used.fetch_update(Relaxed, Relaxed, room).is_ok()).then_some(last)
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, HashMap<Dims, Slot>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is given back, and lets others try, if decoding fails or panics.
struct Place<'a> {
    kept: &'a Kept,
    shelf: &'a Shelf,
    chunk: &'a [u64],
    bytes: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let shard = self.shelf.shard(self.chunk);
        shard.lock().remove(self.chunk);
        self.shelf.used.fetch_sub(self.bytes, Relaxed);
        self.kept.meter.sub(self.bytes);
        shard.loaded.notify_all();
    }
}

#[cfg(test)]
mod tests;
