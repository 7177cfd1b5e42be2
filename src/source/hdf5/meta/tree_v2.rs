//! Version 2 B-trees, whatever their records are: links and attributes by name, huge objects of heaps,
//! chunks.
//!
//! Records are in inner nodes too. A node's pointer to a child says how many records are in it and, above
//! the leaves' parents, in all below it; how wide these numbers are follows from how many records the nodes
//! of each level can have. Headers and nodes end with a checksum.

use super::bytes::{Fields, Frame, NODE_LIMIT, ReadAt, check_sum, damaged, fetch, unsupported};
use crate::error::{Context, Result};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The most levels of a tree. A node has two children or more, and libhdf5's have dozens.
pub(crate) const DEPTH: usize = 32;
/// Bytes of a node around its records: signature, version, type, checksum.
const AROUND: u64 = 4 + 1 + 1 + 4;
/// Bytes of a node before its records.
pub(crate) const BEFORE: usize = 6;

/// What the header of a tree says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TreeV2 {
    /// The type of its records.
    pub kind: u8,
    /// Bytes of a record.
    pub record: u16,
    /// `None` as long as there are no records.
    pub root: Option<u64>,
    /// Records in the root.
    pub records: u16,
    pub depth: u16,
    node_size: u32,
}

/// A node as its parent sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Child {
    pub address: u64,
    /// How many records it has.
    pub count: u16,
}

impl TreeV2 {
    /// Reads the header of the tree.
    pub fn open(file: &dyn ReadAt, frame: &Frame, header: u64) -> Result<TreeV2> {
        let (mut bytes, mut reads) = (Vec::new(), 0);
        let len = 4 + 1 + 1 + 4 + 2 + 2 + 1 + 1 + frame.wide() + 2 + usize::from(frame.length) + 4;
        fetch(file, frame.place(header)?, len as u64, &mut bytes, &mut reads)?;
        let mut fields = Fields::new(&bytes);
        fields.signature(b"BTHD")?;
        check_sum(&bytes)?;
        let kind = fields.u8()?;
        let node_size = fields.u32()?;
        let record = fields.u16()?;
        let depth = fields.u16()?;
        fields.take(2)?;
        let root = fields.address(frame)?;
        let records = fields.u16()?;
        Ok(TreeV2 { kind, record, root, records, depth, node_size })
    }
}

/// The nodes of a tree: how they are cut into records and pointers.
pub(crate) struct Nodes<'a> {
    tree: &'a TreeV2,
    frame: &'a Frame,
    /// Bytes that say how many records a node has.
    count_width: usize,
    /// Bytes that say how many records are in and below a node at each level.
    total_width: [usize; DEPTH],
}

impl<'a> Nodes<'a> {
    pub fn new(tree: &'a TreeV2, frame: &'a Frame) -> Result<Nodes<'a>> {
        if usize::from(tree.depth) >= DEPTH {
            return Err(damaged(format!("a tree of {} levels", tree.depth)));
        }
        let size = u64::from(tree.node_size);
        if size > NODE_LIMIT {
            return Err(unsupported(format_args!("trees with nodes of {size} bytes")));
        }
        let too_small = || damaged(format!("a tree with nodes of {size} bytes"));
        let record = u64::from(tree.record);
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
        Ok(Nodes { tree, frame, count_width, total_width })
    }

    /// Bytes of a pointer in a node `level` levels above the leaves.
    fn pointer(&self, level: u16) -> usize {
        let total = usize::from(level).checked_sub(1).and_then(|l| self.total_width.get(l));
        self.frame.wide() + self.count_width + total.copied().unwrap_or(0)
    }

    /// Reads a node `level` levels above the leaves.
    pub fn load(
        &self,
        file: &dyn ReadAt,
        child: Child,
        level: u16,
        out: &mut Vec<u8>,
        reads: &mut u64,
    ) -> Result<()> {
        let count = usize::from(child.count);
        let pointers = if level > 0 { (count + 1) * self.pointer(level) } else { 0 };
        let len = AROUND + (count * usize::from(self.tree.record) + pointers) as u64;
        if len > u64::from(self.tree.node_size) {
            return Err(damaged(format!("a node of the tree with {count} records")));
        }
        fetch(file, self.frame.place(child.address)?, len, out, reads)?;
        let mut fields = Fields::new(out);
        fields.signature(if level > 0 { b"BTIN" } else { b"BTLF" })?;
        check_sum(out)?;
        if fields.u8()? != self.tree.kind {
            return Err(damaged("a node of another kind of tree"));
        }
        Ok(())
    }

    /// The bytes from record `i` of a node on.
    pub fn record<'b>(&self, node: &'b [u8], i: usize) -> &'b [u8] {
        node.get(BEFORE + i * usize::from(self.tree.record)..).unwrap_or(&[])
    }

    /// The child before record `i` of a node of `count` records, or after the last.
    pub fn child(&self, node: &[u8], count: usize, level: u16, i: usize) -> Result<Child> {
        let start = BEFORE + count * usize::from(self.tree.record) + i * self.pointer(level);
        let mut fields = Fields::new(node.get(start..).unwrap_or(&[]));
        let address = fields.address(self.frame)?;
        let address = address.ok_or_else(|| damaged("the tree names a child without address"))?;
        let count = u16::try_from(fields.number(self.count_width)?)
            .map_err(|_| damaged("a node of the tree with too many records"))?;
        Ok(Child { address, count })
    }
}

/// What is done with a record; whether that is enough.
type Visit<'a> = &'a mut dyn FnMut(&[u8]) -> Result<bool>;
/// Where a record lies to what is wanted.
type Order<'a> = &'a dyn Fn(&[u8]) -> Result<Ordering>;

/// Visits the records that `order` says are equal to what is wanted, in order, until one is enough; gives
/// whether one was. How often nodes may come again is for the file's own bound to say.
pub(crate) fn visit(
    file: &dyn ReadAt,
    frame: &Frame,
    tree: &TreeV2,
    order: Order,
    visit: Visit,
) -> Result<bool> {
    let Some(address) = tree.root else { return Ok(false) };
    let nodes = Nodes::new(tree, frame)?;
    let root = Child { address, count: tree.records };
    descend(file, &nodes, root, tree.depth, order, visit)
}

fn descend(
    file: &dyn ReadAt,
    nodes: &Nodes,
    child: Child,
    level: u16,
    order: Order,
    visit: Visit,
) -> Result<bool> {
    let at = nodes.frame.place(child.address)?;
    let mut node = Vec::new();
    nodes
        .load(file, child, level, &mut node, &mut 0)
        .at("structure", format_args!("node of a B-tree at byte {at}"))?;
    let (count, len) = (usize::from(child.count), usize::from(nodes.tree.record));
    // Whether what is wanted can be before the next record.
    let mut before = true;
    for i in 0..=count {
        let record = if i < count { nodes.record(&node, i).get(..len) } else { None };
        let here = record.map(order).transpose()?;
        if level > 0 && before && here != Some(Ordering::Less) {
            let below = nodes.child(&node, count, level, i)?;
            if descend(file, nodes, below, level - 1, order, visit)? {
                return Ok(true);
            }
        }
        if let (Some(record), Some(Ordering::Equal)) = (record, here)
            && visit(record)?
        {
            return Ok(true);
        }
        before = here != Some(Ordering::Greater);
        if !before {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Bytes that hold every number up to `most`.
fn width_of(most: u64) -> usize {
    most.checked_ilog2().unwrap_or(0) as usize / 8 + 1
}
