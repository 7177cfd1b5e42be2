//! The way down a tree of chunks, of either kind.
//!
//! A lookup starts at the lowest kept node whose range covers the chunk. Each node is one level
//! lower than the one above it, and no tree has more than [`DEPTH`] levels, so a lookup ends in
//! every file.

use super::super::meta::bytes::{ReadAt, damaged, little};
use super::super::meta::tree_v2::DEPTH;
use super::memo::{Memo, Node};
use super::place::Place;
use crate::error::Result;
use crate::grid::Dims;
use std::cmp::Ordering;

/// A node as its parent sees it; the count is 0 where the parent does not say it.
pub(super) use super::super::meta::tree_v2::Child;

/// What a node says about a chunk.
pub(super) enum Step {
    Found(Place),
    Missing,
    /// The child that covers it, and the keys between which that child lies.
    Down(Child, Option<Dims>, Option<Dims>),
}

/// What speaks against it that a chunk which a node does not have is not stored.
pub(super) enum Doubt {
    None,
    /// A child that lies between two keys, at the start or the end of the node, has to be looked at.
    Child {
        child: Child,
        low: Dims,
        high: Dims,
        end: bool,
    },
}

pub(super) trait Tree {
    /// Whether a node's low key is in its range (or in a record of its parent).
    const CLOSED: bool;

    fn root(&self) -> Child;

    /// Reads a node and checks all of it but its place in the tree. `level` is where it must be;
    /// `None` for the root.
    fn load(
        &self,
        file: &dyn ReadAt,
        child: Child,
        level: Option<u16>,
        node: &mut Node,
        reads: &mut u64,
    ) -> Result<()>;

    fn step(&self, node: &Node, key: &[u64]) -> Result<Step>;

    fn keys<'b>(&self, node: &'b Node) -> Keys<'b>;

    /// Whether a node that does not have a chunk can be believed.
    fn missing(&self, _: &Node, _: &[u64]) -> Result<Doubt> {
        Ok(Doubt::None)
    }
}

/// Looks a chunk up.
pub(super) fn walk<T: Tree>(
    tree: &T,
    file: &dyn ReadAt,
    key: &[u64],
    memo: &mut Memo,
) -> Result<Option<Place>> {
    while memo.depth > 1 && !memo.path[memo.depth - 1].covers(key, T::CLOSED) {
        memo.depth -= 1;
    }
    if memo.depth == 0 {
        descend(tree, file, tree.root(), (None, None), memo)?;
    }
    loop {
        match tree.step(&memo.path[memo.depth - 1], key)? {
            Step::Found(place) => return Ok(Some(place)),
            Step::Missing => return believe(tree, file, key, memo).map(|()| None),
            Step::Down(child, low, high) => descend(tree, file, child, (low, high), memo)?,
        }
    }
}

/// Puts a node below the kept ones.
fn descend<T: Tree>(
    tree: &T,
    file: &dyn ReadAt,
    child: Child,
    (low, high): (Option<Dims>, Option<Dims>),
    memo: &mut Memo,
) -> Result<()> {
    let depth = memo.depth;
    let level = match depth {
        0 => None,
        _ => Some(memo.path[depth - 1].level.checked_sub(1).ok_or_else(|| damaged("a leaf with children"))?),
    };
    if depth == DEPTH {
        return Err(damaged(format!("a tree of chunks of more than {DEPTH} levels")));
    }
    if memo.path.len() == depth {
        memo.path.push(Node::default());
    }
    let node = &mut memo.path[depth];
    // It is nowhere until it is found to be right.
    (node.low, node.high) = (None, None);
    tree.load(file, child, level, node, &mut memo.reads)?;
    let keys = tree.keys(node);
    let least = if T::CLOSED { Ordering::Less } else { Ordering::Equal };
    let below = |low: &Dims| keys.compare(0, low) <= least;
    // The key after the last child, where there is one, may be below its parent's (there was more once), but not above.
    let place = |key: &Dims| key.split_last().map(|(_, place)| place.to_vec());
    let beyond = |high: &Dims| keys.count > node.count && place(&keys.key(node.count)) > place(high);
    let above = |high: &Dims| keys.compare(node.count - 1, high) != Ordering::Less || beyond(high);
    if node.count > 0 && (low.as_ref().is_some_and(below) || high.as_ref().is_some_and(above)) {
        return Err(damaged("a node of the tree of chunks has chunks that belong to others"));
    }
    (node.low, node.high, node.believed) = (low, high, [false; 2]);
    memo.depth += 1;
    Ok(())
}

/// Fails where the last node does not have a chunk, but something speaks for it that the chunk is stored.
fn believe<T: Tree>(tree: &T, file: &dyn ReadAt, key: &[u64], memo: &mut Memo) -> Result<()> {
    let at = memo.depth - 1;
    let Doubt::Child { child, low, high, end } = tree.missing(&memo.path[at], key)? else { return Ok(()) };
    if memo.path[at].believed[usize::from(end)] {
        return Ok(());
    }
    // It may have been on the way to the last chunk.
    let (low, high) = (Some(low), Some(high));
    let seen = memo.path.get(at + 1).is_some_and(|node| node.low == low && node.high == high);
    if !seen {
        descend(tree, file, child, (low, high), memo)?;
    }
    memo.path[at].believed[usize::from(end)] = true;
    Ok(())
}

impl Node {
    fn covers(&self, key: &[u64], closed: bool) -> bool {
        let above = match &self.low {
            None => true,
            Some(low) if closed => **low <= *key,
            Some(low) => **low < *key,
        };
        above && self.high.as_ref().is_none_or(|high| *key < **high)
    }
}

/// Keys in a node's bytes: `count` of them, `stride` bytes apart, the first at `first`.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub bytes: &'a [u8],
    pub first: usize,
    pub stride: usize,
    pub count: usize,
    /// How many integers of 8 bytes a key is.
    pub rank: usize,
}

impl Keys<'_> {
    /// The bytes from the start of key `i` on, as far as they are there.
    fn at(&self, i: usize) -> &[u8] {
        self.bytes.get(self.first + i * self.stride..).unwrap_or(&[])
    }

    pub fn key(&self, i: usize) -> Dims {
        self.at(i).chunks_exact(8).take(self.rank).map(little).collect()
    }

    fn compare(&self, i: usize, key: &[u64]) -> Ordering {
        self.at(i).chunks_exact(8).take(self.rank).map(little).cmp(key.iter().copied())
    }

    pub fn is(&self, i: usize, key: &[u64]) -> bool {
        self.compare(i, key) == Ordering::Equal
    }

    /// How many keys are not above this one.
    pub fn up_to(&self, key: &[u64]) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.compare(middle, key) {
                Ordering::Greater => high = middle,
                _ => low = middle + 1,
            }
        }
        low
    }

    /// A lookup is right only where each key is above the one before it.
    pub fn check_order(&self) -> Result<()> {
        let integers = |i| self.at(i).chunks_exact(8).take(self.rank).map(little);
        match (1..self.count).all(|i| integers(i - 1).lt(integers(i))) {
            true => Ok(()),
            false => Err(damaged("the tree of chunks is not in order")),
        }
    }
}
