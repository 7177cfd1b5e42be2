//! Elements by lists of their indices, as `numpy.take` and `numpy.compress`.
//!
//! A list that goes up or down is a feed of what it is taken of: nothing is held, and each chunk that holds a
//! wanted element is decoded once. A list in no order is sorted: what it wants is brought in ascending order,
//! held as a whole (it is a result of its own, and counted as one), and put in order from memory.

use super::index::axis;
use super::{Array, Draft, Index, show};
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::{Points, Take};
use crate::graph::{Node, NodeKind};
use crate::ops::fold::{Collect, SharedFold};
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// Bytes of a box that is brought at once where nothing else says how long it is.
const BOX_BYTES: u64 = 64 << 10;

/// How far down operations are followed to a source with chunks.
const MAX_STEPS: usize = 64;

impl Array {
    /// `numpy.take` along an axis: its elements at `indices`, which may come in any order and again; those
    /// below 0 count from the end. The axis then is as long as the list.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange_int(0, 10, 1);
    /// assert_eq!(Session::new()?.compute(&x.take(&[7, 0, -1, 7], 0))?.as_slice::<i64>()?, [7, 0, 9, 7]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Each chunk that holds one of them is decoded once. If the indices neither ascend nor descend, the
    /// elements are held until the run has no more use for them.
    ///
    /// Errors, when it is computed: `Index` for an axis or an index that is not there.
    #[track_caller]
    pub fn take(&self, indices: &[i64], axis: i64) -> Array {
        let at = Location::caller();
        self.taken(indices, axis, at).unwrap_or_else(|e| Array::from_draft("take", Err(e), at))
    }

    /// `numpy.compress` along an axis: its elements where the condition is true. The condition may be shorter than
    /// the axis, and longer where it is false.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there, and for a condition that is true
    /// beyond it.
    #[track_caller]
    pub fn compress(&self, condition: &[bool], axis: i64) -> Array {
        let at = Location::caller();
        let indices = (0..).zip(condition).filter(|(_, wanted)| **wanted).map(|(i, _)| i);
        let taken = self.taken(&indices.collect::<Vec<i64>>(), axis, at);
        taken.unwrap_or_else(|e| Array::from_draft("compress", Err(e), at))
    }

    fn taken(&self, indices: &[i64], along: i64, at: &'static Location<'static>) -> Result<Array> {
        let node = self.node()?;
        let d = axis(along, node.shape.len())?;
        let picks = picks(indices, d, &node.shape)?;
        if let Some(slice) = as_slice(&picks) {
            let mut index = vec![Index::ALL; d];
            index.push(slice);
            return Ok(self.index(index));
        }
        if in_memory(node) {
            return Ok(self.picked(picks, d, 1, at));
        }
        let near = stretch(node, d);
        if picks.is_sorted() {
            return Ok(self.picked(picks, d, near, at));
        }
        if picks.is_sorted_by(|a, b| a >= b) {
            let mut index = vec![Index::ALL; d];
            index.push(Index::ALL.step(-1));
            return Ok(self.picked(picks.into_iter().rev().collect(), d, near, at).index(index));
        }
        let mut sorted = picks.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let places = picks.iter().map(|p| sorted.partition_point(|s| s < p) as u64).collect();
        let held = self.picked(sorted, d, near, at).held_at("take", at);
        Ok(held.picked(places, d, 1, at))
    }

    /// Elements at points: one index of each list along its axis makes a point. The axis of the points comes first,
    /// then the axes that have no list. What NumPy's `x[[0, 2], [1, 3]]` chooses, and dask's `vindex`.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange_int(0, 12, 1).reshape(&[3, 4]);
    /// let two = x.take_points(&[0, 1], &[&[0, 2], &[1, -1]]);
    /// assert_eq!(Session::new()?.compute(&two)?.as_slice::<i64>()?, [1, 11]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Each chunk that holds one of them is decoded once. If the points do not come in the order of the chunks, they
    /// are held until the run has no more use for them.
    ///
    /// Errors, when it is computed: `Index` for an axis or an index that is not there; `Value` for an axis that is
    /// named twice; `Shape` for lists of different lengths.
    #[track_caller]
    pub fn take_points(&self, axes: &[i64], indices: &[&[i64]]) -> Array {
        let at = Location::caller();
        self.at_points(axes, indices, at).unwrap_or_else(|e| Array::from_draft("take_points", Err(e), at))
    }

    fn at_points(&self, axes: &[i64], indices: &[&[i64]], at: &'static Location<'static>) -> Result<Array> {
        let node = self.node()?;
        let n = indices.first().map_or(0, |list| list.len());
        if axes.is_empty() || axes.len() != indices.len() || indices.iter().any(|list| list.len() != n) {
            let lengths: Vec<usize> = indices.iter().map(|list| list.len()).collect();
            let message = format!("lists of lengths {lengths:?} for {} axes make no points", axes.len());
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let mut lists = Vec::new();
        for (&along, list) in axes.iter().zip(indices) {
            let d = axis(along, node.shape.len())?;
            lists.push((d, picks(list, d, &node.shape)?));
        }
        lists.sort_by_key(|(d, _)| *d);
        if let Some(twice) = lists.windows(2).find(|w| w[0].0 == w[1].0) {
            return Err(Error::new(ErrorKind::Value, format!("axis {} is named twice", twice[0].0)));
        }
        let (axes, lists): (Vec<usize>, Vec<Vec<u64>>) = lists.into_iter().unzip();
        let made = |order: &[usize], near: Vec<u64>| {
            let picks = lists.iter().map(|list| order.iter().map(|&i| list[i]).collect()).collect();
            let rest = (0..node.shape.len()).filter(|d| !axes.contains(d)).map(|d| node.shape[d]);
            let shape = std::iter::once(order.len() as u64).chain(rest).collect();
            let feed = Points { axes: axes.clone(), picks, near };
            let (kind, inputs) = (NodeKind::Feed(Arc::new(feed)), SmallVec::from_iter([node.clone()]));
            Array::from_draft("take_points", Ok(Draft { kind, inputs, shape, dtype: node.dtype }), at)
        };
        let mut order: Vec<usize> = (0..n).collect();
        if in_memory(node) {
            return Ok(made(&order, vec![1; axes.len()]));
        }
        let last = axes.len() - 1;
        let near = |k: usize| match (chunked(node, axes[k]), k == last) {
            (Some(len), _) => len,
            (None, true) => stretch(node, axes[k]),
            (None, false) => 1,
        };
        let near: Vec<u64> = (0..=last).map(near).collect();
        // By chunk, and then as they lie.
        let cell = |i: usize| -> SmallVec<[u64; 4]> { (0..=last).map(|k| lists[k][i] / near[k]).collect() };
        let place = |i: usize| -> SmallVec<[u64; 4]> { (0..=last).map(|k| lists[k][i]).collect() };
        order.sort_by_cached_key(|&i| (cell(i), place(i)));
        if order.is_sorted() {
            return Ok(made(&order, near));
        }
        let mut once = order.clone();
        once.dedup_by_key(|i| place(*i));
        let mut places = vec![0; n];
        let mut held = 0;
        for &i in &order {
            held += u64::from(place(once[held as usize]) != place(i));
            places[i] = held;
        }
        Ok(made(&once, near).held_at("take", at).picked(places, 0, 1, at))
    }

    fn picked(&self, picks: Vec<u64>, axis: usize, near: u64, at: &'static Location<'static>) -> Array {
        let draft = self.node().map(|node| {
            let mut shape = node.shape.clone();
            shape[axis] = picks.len() as u64;
            let take = Take { axis, picks: picks.into(), near };
            let inputs = SmallVec::from_iter([node.clone()]);
            Draft { kind: NodeKind::Feed(Arc::new(take)), inputs, shape, dtype: node.dtype }
        });
        Array::from_draft("take", draft, at)
    }

    /// The same elements, held as a whole before anything is made of them.
    pub(super) fn held_at(&self, operation: &str, at: &'static Location<'static>) -> Array {
        let draft = self.node().map(|node| {
            let fold = SharedFold::new(Collect::new(node.dtype, node.shape.len()));
            Draft::fold(fold, &node.shape, SmallVec::from_iter([node.clone()]))
        });
        Array::from_draft(operation, draft, at)
    }
}

/// Indices of an axis from its first element on.
fn picks(indices: &[i64], d: usize, shape: &[u64]) -> Result<Vec<u64>> {
    let len = i128::from(shape[d]);
    let each = indices.iter().map(|&i| {
        let at = i128::from(i) + if i < 0 { len } else { 0 };
        match (0..len).contains(&at) {
            true => Ok(at as u64),
            false => Err(Error::new(
                ErrorKind::Index,
                format!("index {i} is out of bounds for axis {d} of an array of shape {}", show(shape)),
            )),
        }
    });
    each.collect()
}

/// The slice that is the same as a list of indices, if there is one.
fn as_slice(picks: &[u64]) -> Option<Index> {
    let first = *picks.first()? as i64;
    let step = picks.get(1).map_or(1, |&second| second as i64 - first);
    let even = step != 0 && picks.windows(2).all(|p| p[1] as i64 - p[0] as i64 == step);
    let last = *picks.last()? as i64;
    let stop = (last + step.signum() >= 0).then_some(last + step.signum());
    even.then_some(Index::Slice { start: Some(first), stop, step })
}

/// Whether an array lies in memory when something is made of it.
fn in_memory(node: &Arc<Node>) -> bool {
    let mut node = node;
    while let NodeKind::View(..) = node.kind {
        node = &node.inputs[0];
    }
    match &node.kind {
        NodeKind::Source(s) => s.bytes().is_some(),
        NodeKind::Fold(_) => true,
        _ => false,
    }
}

/// How many elements along axis `d` are worth bringing at once: as many as a chunk has.
fn stretch(node: &Arc<Node>, d: usize) -> u64 {
    let row =
        (d + 1..node.shape.len()).fold(node.dtype.size() as u64, |n, d| n.saturating_mul(node.shape[d]));
    chunked(node, d).unwrap_or(BOX_BYTES / row.max(1)).max(1)
}

/// How long the chunks are along axis `d`, if they are known.
fn chunked(node: &Arc<Node>, d: usize) -> Option<u64> {
    let mut stack = vec![(node, d, 1u64)];
    let mut longest = None;
    for _ in 0..MAX_STEPS {
        let Some((node, d, step)) = stack.pop() else { break };
        match &node.kind {
            NodeKind::Source(s) => {
                let along = s.chunks().map(|chunks| (chunks.shape()[d] / step).max(1));
                longest = longest.max(along);
            }
            NodeKind::View(_, view) => {
                if let Some((axis, by)) = view.axes[d].from {
                    stack.push((&node.inputs[0], axis, step.saturating_mul(by.unsigned_abs())));
                }
            }
            NodeKind::Cast | NodeKind::Elementwise(..) => {
                stack.extend(node.inputs.iter().filter(|i| i.shape == node.shape).map(|i| (i, d, step)));
            }
            _ => {}
        }
    }
    longest
}
