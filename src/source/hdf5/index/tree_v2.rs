//! Version 2 B-trees of chunks: the index of arrays with several unlimited axes.
//!
//! Records are in inner nodes too. A record is the chunk's address, its stored size and filter mask
//! where there are filters (record type 11, else 10), and its grid position. A node's pointer to a
//! child says how many records are in it and, above the leaves' parents, in all below it; how wide
//! these numbers are follows from how many records the nodes of each level can have. Headers and
//! nodes end with a checksum.

use super::array::Entry;
use super::bytes::{Fields, Frame, NODE_LIMIT, ReadAt, check_sum, damaged, fetch, unsupported};
use super::memo::Node;
use super::tree::{Child, DEPTH, Keys, Step, Tree};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Bytes of a node around its records: signature, version, type, checksum.
const AROUND: u64 = 4 + 1 + 1 + 4;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TreeV2 {
    /// `None` as long as there are no records.
    root: Option<u64>,
    /// Records in the root.
    records: u16,
    depth: u16,
    node_size: u32,
    /// What a record says before its grid position.
    entry: Entry,
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
        let (mut bytes, mut reads) = (Vec::new(), 0);
        let len = 4 + 1 + 1 + 4 + 2 + 2 + 1 + 1 + frame.wide() + 2 + usize::from(frame.length) + 4;
        fetch(file, frame.place(header)?, len as u64, &mut bytes, &mut reads)?;
        let mut fields = Fields::new(&bytes);
        fields.signature(b"BTHD")?;
        check_sum(&bytes)?;
        let kind = fields.u8()?;
        if kind != 10 + u8::from(filtered) {
            return Err(damaged(format!("a tree of records of type {kind}")));
        }
        let node_size = fields.u32()?;
        let record = fields.u16()?;
        let depth = fields.u16()?;
        fields.take(2)?;
        let root = fields.address(frame)?;
        let records = fields.u16()?;
        let width = usize::from(record).checked_sub(8 * rank).and_then(|n| u8::try_from(n).ok());
        let width = width.ok_or_else(|| damaged(format!("chunk records of {record} bytes")))?;
        let entry = Entry::new(frame, filtered, width)?;
        Ok(TreeV2 { root, records, depth, node_size, entry })
    }
}

/// A tree with what is needed to read it.
pub(super) struct Reader<'a> {
    tree: &'a TreeV2,
    root: u64,
    frame: &'a Frame,
    rank: usize,
    /// The size of a chunk without filters.
    chunk_bytes: u64,
    /// Bytes that say how many records a node has.
    count_width: usize,
    /// Bytes that say how many records are in and below a node at each level.
    total_width: [usize; DEPTH],
}

impl<'a> Reader<'a> {
    /// `None` for a tree without nodes.
    pub fn new(tree: &'a TreeV2, frame: &'a Frame, rank: usize, chunk_bytes: u64) -> Result<Option<Self>> {
        let Some(root) = tree.root else { return Ok(None) };
        if usize::from(tree.depth) >= DEPTH {
            return Err(damaged(format!("a tree of chunks of {} levels", tree.depth)));
        }
        let size = u64::from(tree.node_size);
        if size > NODE_LIMIT {
            return Err(unsupported(format_args!("nodes of {size} bytes")));
        }
        let too_small = || damaged(format!("a tree of chunks with nodes of {size} bytes"));
        let record = u64::from(tree.entry.width) + 8 * rank as u64;
        if record == 0 {
            return Err(too_small());
        }
        let in_leaf = size.checked_sub(AROUND).ok_or_else(too_small)? / record;
        let count_width = width_of(in_leaf);
        let mut total_width = [0; DEPTH];
        let mut below = in_leaf;
        for level in 1..=usize::from(tree.depth) {
            let pointer = (frame.wide() + count_width + total_width[level - 1]) as u64;
            let here = size.checked_sub(AROUND + pointer).ok_or_else(too_small)? / (record + pointer);
            below = (here + 1).saturating_mul(below).saturating_add(here);
            total_width[level] = width_of(below);
        }
        Ok(Some(Reader { tree, root, frame, rank, chunk_bytes, count_width, total_width }))
    }

    fn record(&self) -> usize {
        usize::from(self.tree.entry.width) + 8 * self.rank
    }

    /// Bytes of a pointer in a node `level` levels above the leaves.
    fn pointer(&self, level: u16) -> usize {
        let total = usize::from(level).checked_sub(1).and_then(|l| self.total_width.get(l));
        self.frame.wide() + self.count_width + total.copied().unwrap_or(0)
    }

    fn keys<'b>(&self, node: &'b Node) -> Keys<'b> {
        let first = 6 + usize::from(self.tree.entry.width);
        Keys { bytes: &node.bytes, first, stride: self.record(), count: node.count, rank: self.rank }
    }
}

impl Tree for Reader<'_> {
    /// A key between two children is a record itself.
    const CLOSED: bool = false;

    fn root(&self) -> Child {
        Child { address: self.root, count: self.tree.records }
    }

    fn load(
        &self,
        file: &dyn ReadAt,
        child: Child,
        level: Option<u16>,
        node: &mut Node,
        reads: &mut u64,
    ) -> Result<()> {
        node.level = level.unwrap_or(self.tree.depth);
        node.count = usize::from(child.count);
        let pointers = if node.level > 0 { (node.count + 1) * self.pointer(node.level) } else { 0 };
        let len = AROUND + (node.count * self.record() + pointers) as u64;
        if len > u64::from(self.tree.node_size) {
            return Err(damaged(format!("a node of the tree of chunks with {} records", node.count)));
        }
        fetch(file, self.frame.place(child.address)?, len, &mut node.bytes, reads)?;
        let mut fields = Fields::new(&node.bytes);
        fields.signature(if node.level > 0 { b"BTIN" } else { b"BTLF" })?;
        check_sum(&node.bytes)?;
        if fields.u8()? != 10 + u8::from(self.tree.entry.filtered) {
            return Err(damaged("a node of another kind of tree"));
        }
        self.keys(node).check_order()
    }

    fn step(&self, node: &Node, key: &[u64]) -> Result<Step> {
        let keys = self.keys(node);
        let n = keys.up_to(key);
        if n > 0 && keys.is(n - 1, key) {
            let record = node.bytes.get(6 + (n - 1) * self.record()..).unwrap_or(&[]);
            return Ok(match self.tree.entry.read(record, self.frame, self.chunk_bytes)? {
                Some(place) => Step::Found(place),
                None => Step::Missing,
            });
        }
        if node.level == 0 {
            return Ok(Step::Missing);
        }
        let start = 6 + node.count * self.record() + n * self.pointer(node.level);
        let mut fields = Fields::new(node.bytes.get(start..).unwrap_or(&[]));
        let address = fields.address(self.frame)?;
        let address = address.ok_or_else(|| damaged("the tree of chunks names a child without address"))?;
        let count = u16::try_from(fields.number(self.count_width)?)
            .map_err(|_| damaged("a node of the tree of chunks with too many records"))?;
        let low = if n > 0 { Some(keys.key(n - 1)) } else { node.low.clone() };
        let high = if n < node.count { Some(keys.key(n)) } else { node.high.clone() };
        Ok(Step::Down(Child { address, count }, low, high))
    }
}

/// Bytes that hold every number up to `most`.
fn width_of(most: u64) -> usize {
    most.checked_ilog2().unwrap_or(0) as usize / 8 + 1
}
