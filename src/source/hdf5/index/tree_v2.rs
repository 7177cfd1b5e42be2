//! Version 2 B-trees of chunks: the index of arrays with several unlimited axes.
//!
//! A record is the chunk's address, its stored size and filter mask where there are filters (record type 11,
//! else 10), and its grid position. How records make a tree is said in [`meta`](super::super::meta).

use super::super::meta::bytes::{Frame, ReadAt, damaged};
use super::super::meta::tree_v2::{self as shared, BEFORE, Nodes};
use super::array::Entry;
use super::memo::Node;
use super::tree::{Child, Keys, Step, Tree};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TreeV2 {
    tree: shared::TreeV2,
    /// What a record says before its grid position.
    pub entry: Entry,
}

impl TreeV2 {
    /// Reads the header of the tree.
    pub fn open(
        file: &dyn ReadAt,
        frame: &Frame,
        header: u64,
        filtered: bool,
        rank: usize,
    ) -> Result<TreeV2> {
        let tree = shared::TreeV2::open(file, frame, header)?;
        if tree.kind != 10 + u8::from(filtered) {
            return Err(damaged(format!("a tree of records of type {}", tree.kind)));
        }
        let width = usize::from(tree.record).checked_sub(8 * rank).and_then(|n| u8::try_from(n).ok());
        let width = width.ok_or_else(|| damaged(format!("chunk records of {} bytes", tree.record)))?;
        let entry = Entry::new(frame, filtered, width)?;
        Ok(TreeV2 { tree, entry })
    }

    /// Bytes of all chunks.
    pub fn stored_bytes(&self, file: &dyn ReadAt, frame: &Frame, chunk_bytes: u64) -> Result<u64> {
        let mut sum = 0u64;
        shared::visit(file, frame, &self.tree, &|_| Ok(Ordering::Equal), &mut |record| {
            let place = self.entry.read(record, frame, chunk_bytes)?;
            sum = sum.saturating_add(place.map_or(0, |place| place.size));
            Ok(false)
        })?;
        Ok(sum)
    }
}

/// A tree with what is needed to read it.
pub(super) struct Reader<'a> {
    tree: &'a TreeV2,
    root: u64,
    frame: &'a Frame,
    nodes: Nodes<'a>,
    rank: usize,
    /// The size of a chunk without filters.
    chunk_bytes: u64,
}

impl<'a> Reader<'a> {
    /// `None` for a tree without nodes.
    pub fn new(tree: &'a TreeV2, frame: &'a Frame, rank: usize, chunk_bytes: u64) -> Result<Option<Self>> {
        let Some(root) = tree.tree.root else { return Ok(None) };
        let nodes = Nodes::new(&tree.tree, frame)?;
        if usize::from(tree.tree.record) != usize::from(tree.entry.width) + 8 * rank {
            return Err(damaged(format!("chunk records of {} bytes", tree.tree.record)));
        }
        Ok(Some(Reader { tree, root, frame, nodes, rank, chunk_bytes }))
    }
}

impl Tree for Reader<'_> {
    /// A key between two children is a record itself.
    const CLOSED: bool = false;

    fn root(&self) -> Child {
        Child { address: self.root, count: self.tree.tree.records }
    }

    fn load(
        &self,
        file: &dyn ReadAt,
        child: Child,
        level: Option<u16>,
        node: &mut Node,
        reads: &mut u64,
    ) -> Result<()> {
        node.level = level.unwrap_or(self.tree.tree.depth);
        node.count = usize::from(child.count);
        self.nodes.load(file, child, node.level, &mut node.bytes, reads)?;
        self.keys(node).check_order()
    }

    fn keys<'b>(&self, node: &'b Node) -> Keys<'b> {
        let (first, stride) =
            (BEFORE + usize::from(self.tree.entry.width), usize::from(self.tree.tree.record));
        Keys { bytes: &node.bytes, first, stride, count: node.count, rank: self.rank }
    }

    fn step(&self, node: &Node, key: &[u64]) -> Result<Step> {
        let keys = self.keys(node);
        let n = keys.up_to(key);
        if n > 0 && keys.is(n - 1, key) {
            let record = self.nodes.record(&node.bytes, n - 1);
            return Ok(match self.tree.entry.read(record, self.frame, self.chunk_bytes)? {
                Some(place) => Step::Found(place),
                None => Step::Missing,
            });
        }
        if node.level == 0 {
            return Ok(Step::Missing);
        }
        let child = self.nodes.child(&node.bytes, node.count, node.level, n)?;
        let low = if n > 0 { Some(keys.key(n - 1)) } else { node.low.clone() };
        let high = if n < node.count { Some(keys.key(n)) } else { node.high.clone() };
        Ok(Step::Down(child, low, high))
    }
}
