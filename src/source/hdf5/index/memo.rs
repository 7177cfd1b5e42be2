//! What a reader remembers between two lookups: the nodes on the way to the last chunk.

use super::super::meta::bytes::{ReadAt, fetch};
use crate::error::Result;
use crate::grid::Dims;

/// The nodes on the way to the last chunk found, kept by each reader thread so that neighbours cost
/// no reads: a walk over all chunks in the order of the index reads each node once.
///
/// It holds one node per level of a tree, or the blocks of an array that lead to one chunk, and
/// belongs to one index at a time: for another one it starts anew.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// Positioned reads made so far, for all indexes.
    pub reads: u64,
    /// Of which index the rest is; 0 for none.
    owner: u64,
    /// How many of `path` are valid.
    pub(super) depth: usize,
    /// The nodes of a tree, the root first.
    pub(super) path: Vec<Node>,
    blocks: [Block; 3],
}

/// One node of a tree of chunks, as the file has it.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub bytes: Vec<u8>,
    /// How many entries it has, checked against the length of `bytes`.
    pub count: usize,
    /// Levels below it.
    pub level: u16,
    /// The keys between which it lies; `None` at the edges of the tree.
    pub low: Option<Dims>,
    pub high: Option<Dims>,
    /// Whether what it says about its start and its end was held against its children.
    pub believed: [bool; 2],
}

/// A block of an array.
#[derive(Debug, Default)]
struct Block {
    at: u64,
    bytes: Vec<u8>,
}

/// Which block of an array.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    /// The one block from which all others are found.
    Top,
    /// A block of addresses between them.
    Middle,
    /// A block or page of elements.
    Elements,
}

impl Memo {
    /// Bytes that it holds.
    pub fn bytes(&self) -> u64 {
        let nodes: usize = self.path.iter().map(|n| n.bytes.capacity() + size_of::<Node>()).sum();
        let blocks: usize = self.blocks.iter().map(|b| b.bytes.capacity()).sum();
        (nodes + blocks) as u64
    }

    /// Forgets everything unless it is of this index.
    pub(super) fn belong_to(&mut self, index: u64) {
        if self.owner != index {
            *self = Memo { reads: self.reads, owner: index, ..Memo::default() };
        }
    }

    /// The block of `len` bytes at position `at`, read and checked unless it is the one kept.
    pub(super) fn block(
        &mut self,
        slot: Slot,
        file: &dyn ReadAt,
        (at, len): (u64, u64),
        check: impl FnOnce(&[u8]) -> Result<()>,
    ) -> Result<&[u8]> {
        let block = &mut self.blocks[slot as usize];
        if block.at != at || block.bytes.len() as u64 != len {
            let read =
                fetch(file, at, len, &mut block.bytes, &mut self.reads).and_then(|()| check(&block.bytes));
            if let Err(e) = read {
                block.bytes.clear();
                return Err(e);
            }
            block.at = at;
        }
        Ok(&block.bytes)
    }
}
