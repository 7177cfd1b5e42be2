//! Version 1 B-trees of chunks: the index of all files before HDF5 1.10, and of most files since.
//!
//! A node is `TREE`, type 1, its level, the number of its children and its two neighbours; then keys
//! and children in turn, one key more than children. A key is the stored size and filter mask of
//! the chunk that begins there, and its first element, in elements, with a 0 for the bytes inside
//! an element. There is no checksum.

use super::super::meta::bytes::{Fields, Frame, NODE_LIMIT, ReadAt, damaged, fetch, unsupported};
use super::memo::Node;
use super::place::Place;
use super::tree::{Child, Keys, Step, Tree};
use crate::error::Result;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TreeV1 {
    pub root: u64,
    /// Half of the most children of a node.
    pub half: u16,
}

/// A tree with what is needed to read it.
pub(super) struct Reader<'a> {
    pub tree: &'a TreeV1,
    pub frame: &'a Frame,
    /// The rank of the array.
    pub rank: usize,
}

impl Reader<'_> {
    /// Bytes before the first key.
    fn prefix(&self) -> usize {
        8 + 2 * self.frame.wide()
    }

    fn key_bytes(&self) -> usize {
        8 + 8 * (self.rank + 1)
    }

    fn stride(&self) -> usize {
        self.key_bytes() + self.frame.wide()
    }

    fn node_bytes(&self, children: usize) -> u64 {
        (self.prefix() + children * self.stride() + self.key_bytes()) as u64
    }

    fn keys<'b>(&self, node: &'b Node, count: usize) -> Keys<'b> {
        let first = self.prefix() + 8;
        Keys { bytes: &node.bytes, first, stride: self.stride(), count, rank: self.rank + 1 }
    }
}

/// Levels of a tree that are looked at.
const LEVELS: u16 = 32;

impl Reader<'_> {
    /// Bytes of all chunks below a node; below the root, whose level is not known, if there is none.
    pub fn stored_bytes(&self, file: &dyn ReadAt, below: Option<(u64, u16)>) -> Result<u64> {
        let (address, level) =
            below.map_or((self.tree.root, None), |(address, level)| (address, Some(level)));
        let mut node = Node::default();
        self.load(file, Child { address, count: 0 }, level, &mut node, &mut 0)?;
        if node.level >= LEVELS {
            return Err(damaged(format!("a tree of chunks of {} levels", node.level)));
        }
        let mut sum = 0u64;
        for i in 0..node.count {
            let start = self.prefix() + i * self.stride();
            let mut fields = Fields::new(node.bytes.get(start..).unwrap_or(&[]));
            let size = fields.u32()?;
            fields.take(self.key_bytes() - 4)?;
            let below = match node.level {
                0 => u64::from(size),
                _ => {
                    let child = fields.address(self.frame)?;
                    let child =
                        child.ok_or_else(|| damaged("the tree of chunks names a child without address"))?;
                    self.stored_bytes(file, Some((child, node.level - 1)))?
                }
            };
            sum = sum.saturating_add(below);
        }
        Ok(sum)
    }
}

impl Tree for Reader<'_> {
    const CLOSED: bool = true;

    fn root(&self) -> Child {
        Child { address: self.tree.root, count: 0 }
    }

    fn load(
        &self,
        file: &dyn ReadAt,
        child: Child,
        level: Option<u16>,
        node: &mut Node,
        reads: &mut u64,
    ) -> Result<()> {
        let most = 2 * usize::from(self.tree.half);
        let full = self.node_bytes(most);
        if full > NODE_LIMIT {
            return Err(unsupported(format_args!("nodes of {full} bytes")));
        }
        let at = self.frame.place(child.address)?;
        // The whole node, of which the end may be unused and beyond the end of the file.
        fetch(file, at, full.min(file.len().saturating_sub(at)), &mut node.bytes, reads)?;
        let mut fields = Fields::new(&node.bytes);
        if fields.take(4)? != b"TREE" || fields.u8()? != 1 {
            return Err(damaged("there is no tree of chunks where it should be"));
        }
        node.level = u16::from(fields.u8()?);
        if level.is_some_and(|level| level != node.level) {
            return Err(damaged("a node of the tree of chunks is at a wrong level"));
        }
        node.count = usize::from(fields.u16()?);
        let used = self.node_bytes(node.count);
        if node.count > most || used > node.bytes.len() as u64 {
            return Err(damaged(format!("a node of the tree of chunks with {} children", node.count)));
        }
        node.bytes.truncate(used as usize);
        // The last key bounds the last child; below a leaf there is nothing to bound.
        let bounds = if node.level > 0 && node.count > 0 { node.count + 1 } else { node.count };
        self.keys(node, bounds).check_order()
    }

    fn step(&self, node: &Node, key: &[u64]) -> Result<Step> {
        if node.count == 0 {
            return Ok(Step::Missing);
        }
        let keys = self.keys(node, if node.level > 0 { node.count + 1 } else { node.count });
        let n = keys.up_to(key);
        if n == 0 || n > node.count || (node.level == 0 && !keys.is(n - 1, key)) {
            return Ok(Step::Missing);
        }
        let start = self.prefix() + (n - 1) * self.stride();
        let mut fields = Fields::new(node.bytes.get(start..).unwrap_or(&[]));
        let (size, mask) = (u64::from(fields.u32()?), fields.u32()?);
        fields.take(self.key_bytes() - 8)?;
        let address = fields.address(self.frame)?;
        let address = address.ok_or_else(|| damaged("the tree of chunks names a child without address"))?;
        Ok(match node.level {
            0 => Step::Found(Place { address, size, mask }),
            _ => Step::Down(Child { address, count: 0 }, Some(keys.key(n - 1)), Some(keys.key(n))),
        })
    }
}
