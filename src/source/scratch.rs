//! What reads work with: buffers that they reuse, and how much of them they need.

use super::hdf5::filters::Work;
use super::hdf5::{Borrowed, Memos};
use super::stats::ReadStats;
use crate::buffer::Buffer;
use crate::error::Result;
use std::fmt::Debug;
use std::sync::atomic::Ordering::Relaxed;

/// Buffers that reads reuse. One per reader thread.
#[derive(Default)]
pub struct Scratch {
    /// Stored bytes.
    pub(crate) raw: Buffer,
    /// Bytes of which some are wanted.
    pub(crate) stage: Buffer,
    /// A whole decoded chunk, when only a part of it is wanted.
    pub(crate) chunk: Buffer,
    /// What decoding reuses.
    pub(crate) work: Work,
    /// The way to the last chunk, in the index of each of a few datasets.
    pub(crate) memos: Memos,
    /// The file that is read part by part; see [`Source::read_part`](super::Source::read_part).
    pub(crate) file: Option<Borrowed>,
}

impl Scratch {
    /// Empty buffers; they grow at the first reads and stay.
    pub fn new() -> Self {
        Scratch::default()
    }

    /// Bytes that it holds now.
    pub fn bytes(&self) -> u64 {
        (self.raw.capacity() + self.stage.capacity() + self.chunk.capacity()) as u64
            + self.work.bytes()
            + self.memos.bytes()
    }

    /// Ends reading part by part: gives back the file that was borrowed for it.
    pub fn end_parts(&mut self) {
        self.file = None;
    }

    /// Gives the memory back.
    pub fn clear(&mut self) {
        *self = Scratch::default();
    }
}

/// The most bytes that reads take of each buffer of a [`Scratch`]. A reader has one for all sources, and
/// buffers stay: what several sources take together is the most of each buffer, not of their sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScratchNeeds {
    /// Stored bytes.
    pub raw: u64,
    /// Bytes of which some are wanted.
    pub stage: u64,
    /// Decoded chunks of which a part is wanted.
    pub chunk: u64,
    /// Between two filters.
    pub filters: u64,
    /// Inside of one.
    pub codec: u64,
    /// What finding chunks takes.
    pub index: u64,
    /// Inside libhdf5.
    pub library: u64,
}

impl ScratchNeeds {
    fn each(&self) -> [u64; 7] {
        let ScratchNeeds { raw, stage, chunk, filters, codec, index, library } = *self;
        [raw, stage, chunk, filters, codec, index, library]
    }

    /// What both need of one [`Scratch`].
    pub fn and(&self, other: &ScratchNeeds) -> ScratchNeeds {
        let (a, b) = (self.each(), other.each());
        let [raw, stage, chunk, filters, codec, index, library] = std::array::from_fn(|i| a[i].max(b[i]));
        ScratchNeeds { raw, stage, chunk, filters, codec, index, library }
    }

    /// All bytes.
    pub fn total(&self) -> u64 {
        self.each().into_iter().fold(0, u64::saturating_add)
    }
}

impl Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scratch({} bytes)", self.bytes())
    }
}

/// What a read works with.
#[derive(Debug)]
pub struct ReadCx<'a> {
    /// Buffers to reuse.
    pub scratch: &'a mut Scratch,
    /// Where the work is counted.
    pub stats: &'a ReadStats,
}

impl ReadCx<'_> {
    /// Reads parts of something, and counts what that makes as `bytes`, whatever lies beyond the edges of the parts'
    /// chunks.
    pub(super) fn counted<T>(
        &mut self,
        bytes: u64,
        read: impl FnOnce(&mut ReadCx) -> Result<T>,
    ) -> Result<T> {
        let stats = self.stats.apart();
        let done = read(&mut ReadCx { scratch: self.scratch, stats: &stats });
        stats.bytes_decoded.store(bytes, Relaxed);
        self.stats.absorb(&stats);
        done
    }
}
