//! Version 1 B-trees of chunks: the index of all files before HDF5 1.10, and of most files since.
//!
//! A node is `TREE`, type 1, its level, the number of its children and its two neighbours; then keys
//! and children in turn, one key more than children. A key is the stored size and filter mask of
//! the chunk that begins there, and its first element, in elements, with a 0 for the bytes inside
//! an element. The last key lies after the last child: of the tree's last node, one chunk further along
//! each axis and one element size further in the last field.
//!
//! There is no checksum. So what a node says is held against the array and against its parent, and that a
//! chunk is not stored is believed only where nothing around it contradicts that.

use super::super::meta::bytes::{Fields, Frame, NODE_LIMIT, ReadAt, damaged, fetch, unsupported};
use super::memo::Node;
use super::place::Place;
use super::tree::{Child, Doubt, Keys, Step, Tree};
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
    /// The shape of a chunk.
    pub chunk: &'a [u64],
    /// Chunks along each axis.
    pub grid: &'a [u64],
}

impl Reader<'_> {
    /// The rank of the array.
    fn rank(&self) -> usize {
        self.chunk.len()
    }

    /// Bytes before the first key.
    fn prefix(&self) -> usize {
        8 + 2 * self.frame.wide()
    }

    fn key_bytes(&self) -> usize {
        8 + 8 * (self.rank() + 1)
    }

    fn stride(&self) -> usize {
        self.key_bytes() + self.frame.wide()
    }

    fn node_bytes(&self, children: usize) -> u64 {
        (self.prefix() + children * self.stride() + self.key_bytes()) as u64
    }

    fn keys_in<'b>(&self, bytes: &'b [u8], count: usize) -> Keys<'b> {
        Keys { bytes, first: self.prefix() + 8, stride: self.stride(), count, rank: self.rank() + 1 }
    }

    /// The address after key `i`; `None` where there is none.
    fn address(&self, bytes: &[u8], i: usize) -> Result<Option<u64>> {
        let start = self.prefix() + i * self.stride() + self.key_bytes();
        Fields::new(bytes.get(start..).unwrap_or(&[])).address(self.frame)
    }

    /// The child after key `i`.
    fn child(&self, node: &Node, i: usize) -> Result<u64> {
        let address = self.address(&node.bytes, i)?;
        address.ok_or_else(|| damaged("the tree of chunks names a child without address"))
    }

    /// Whether a key can be the place of a chunk; in leaves, of one that the array has.
    fn check_key(&self, key: &[u64], leaf: bool) -> Result<()> {
        let Some((0, first)) = key.split_last() else {
            return Err(damaged(format!(
                "the tree of chunks has the key {key:?}, which is inside an element"
            )));
        };
        for ((&at, &chunk), &count) in first.iter().zip(self.chunk).zip(self.grid) {
            if at.checked_rem(chunk) != Some(0) {
                return Err(damaged(format!(
                    "the tree of chunks has a chunk at {first:?}, where none begins"
                )));
            }
            if leaf && at / chunk >= count {
                return Err(damaged(format!(
                    "the tree of chunks has a chunk at {first:?}, outside the array"
                )));
            }
        }
        Ok(())
    }

    /// Whether behind the children that a root says it has there is one more, so that their number is
    /// wrong: below the root its parent tells.
    fn goes_on(&self, bytes: &[u8], count: usize) -> bool {
        if bytes.len() < self.node_bytes(count + 1) as usize {
            return false;
        }
        let keys = self.keys_in(bytes, count + 2);
        let (last, next) = (keys.key(count), keys.key(count + 1));
        let sized = keys.bytes[keys.first + count * keys.stride - 8..][..4] != [0; 4];
        let named = self.address(bytes, count).is_ok_and(|a| a.is_some_and(|a| a != 0));
        sized && named && last < next && self.check_key(&last, true).is_ok()
    }

    /// Whether there is a node of the tree at an address that a leaf gives for the chunk `key`.
    fn leads_to_node(&self, file: &dyn ReadAt, address: u64, key: &[u64], reads: &mut u64) -> Result<bool> {
        let (at, len) = (self.frame.place(address)?, self.node_bytes(0));
        if at.checked_add(len).is_none_or(|end| end > file.len()) {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        fetch(file, at, len, &mut bytes, reads)?;
        Ok(bytes.starts_with(b"TREE\x01") && self.keys_in(&bytes, 1).is(0, key))
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
            let below = match node.level {
                0 => u64::from(Fields::new(node.bytes.get(start..).unwrap_or(&[])).u32()?),
                _ => self.stored_bytes(file, Some((self.child(&node, i)?, node.level - 1)))?,
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
        if node.count == 0 && level.is_some() {
            return Err(damaged("a node of the tree of chunks below its root has no children"));
        }
        let goes_on = level.is_none() && self.goes_on(&node.bytes, node.count);
        node.bytes.truncate(used as usize);
        let keys = self.keys(node);
        // The last key bounds the last child.
        keys.check_order()?;
        for i in 0..node.count {
            self.check_key(&keys.key(i), node.level == 0)?;
        }
        if goes_on {
            return Err(damaged(format!(
                "a node of the tree of chunks has more than {} children",
                node.count
            )));
        }
        // A root that calls itself a leaf would make chunks of its nodes.
        let chunks = self.grid.iter().fold(1u64, |n, &d| n.saturating_mul(d));
        if level.is_none() && node.level == 0 && node.count > 0 && chunks > most as u64 {
            let (first, key) = (self.child(node, 0)?, self.keys(node).key(0));
            if self.leads_to_node(file, first, &key, reads)? {
                return Err(damaged("a node of the tree of chunks is at a wrong level"));
            }
        }
        Ok(())
    }

    /// The keys of a node with the one after its last child.
    fn keys<'b>(&self, node: &'b Node) -> Keys<'b> {
        self.keys_in(&node.bytes, if node.count > 0 { node.count + 1 } else { 0 })
    }

    fn step(&self, node: &Node, key: &[u64]) -> Result<Step> {
        let keys = self.keys(node);
        let n = keys.up_to(key);
        if n == 0 || n > node.count || (node.level == 0 && !keys.is(n - 1, key)) {
            return Ok(Step::Missing);
        }
        let address = self.child(node, n - 1)?;
        if node.level > 0 {
            let child = Child { address, count: 0 };
            return Ok(Step::Down(child, Some(keys.key(n - 1)), Some(keys.key(n))));
        }
        let start = self.prefix() + (n - 1) * self.stride();
        let mut fields = Fields::new(node.bytes.get(start..).unwrap_or(&[]));
        let (size, mask) = (u64::from(fields.u32()?), fields.u32()?);
        Ok(Step::Found(Place { address, size, mask }))
    }

    /// A node's first and last key are its parent's keys on both sides of it. Where they differ one of
    /// them is wrong, and a chunk between them may be in another node.
    fn missing(&self, node: &Node, key: &[u64]) -> Result<Doubt> {
        let keys = self.keys(node);
        let n = keys.up_to(key);
        let (first, last) = (n == 0, n > node.count);
        if !(first || last) {
            return Ok(Doubt::None);
        }
        let (bound, end) = if first { (&node.low, 0) } else { (&node.high, node.count) };
        match bound {
            Some(bound) if keys.is(end, bound) => Ok(Doubt::None),
            Some(_) => Err(damaged("the nodes of the tree of chunks contradict each other")),
            // Only its child can tell.
            None if node.level > 0 && node.count > 0 => {
                let i = if first { 0 } else { node.count - 1 };
                let child = Child { address: self.child(node, i)?, count: 0 };
                Ok(Doubt::Child { child, low: keys.key(i), high: keys.key(i + 1), end: last })
            }
            None => Ok(Doubt::None),
        }
    }
}
