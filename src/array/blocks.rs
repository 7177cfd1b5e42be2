//! How arrays are cut into blocks, and what functions of the user's make of them.

use super::elementwise::broadcast_node;
use super::{Array, Draft, show};
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::{BlockFunction, Boundary, Mapped};
use crate::graph::{Node, NodeKind};
use crate::grid::{Chunks, Dims};
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

impl Array {
    /// How the array is cut into blocks for those who go through them ([`Array::map_blocks`]): as the source is
    /// stored in chunks that it is made of, element by element, through slices and transposes. A slice begins a chunk
    /// of its own; of arrays of one shape the first one counts. Where no chunks are known, it is one block.
    ///
    /// # Errors
    /// As [`Array::shape`].
    pub fn chunks(&self) -> Result<Chunks> {
        let asked = self.node()?;
        // For each axis the axis of the node that is looked at, and the step.
        let mut axes: Vec<Option<(usize, u64)>> = (0..asked.shape.len()).map(|d| Some((d, 1))).collect();
        let mut node: &Arc<Node> = asked;
        let mut same = true;
        loop {
            let found = match &node.kind {
                NodeKind::Source(source) => source.chunks(),
                NodeKind::Feed(feed) => feed.cut(),
                _ => None,
            };
            if let Some(chunks) = found {
                if same {
                    return Ok(chunks.clone());
                }
                let lengths = axes.iter().zip(&asked.shape).map(|(axis, &n)| {
                    let len = axis.map_or(n, |(s, step)| chunks.shape()[s].div_ceil(step));
                    len.clamp(1, n.max(1))
                });
                return Ok(lengths.collect::<Dims>().into());
            }
            node = match &node.kind {
                NodeKind::View(_, view) => {
                    let of = &node.inputs[0];
                    same &= view.is_identity(&of.shape);
                    for axis in &mut axes {
                        *axis = axis.and_then(|(d, step)| {
                            let (s, by) = view.axes[d].from?;
                            Some((s, step.saturating_mul(by.unsigned_abs())))
                        });
                    }
                    of
                }
                NodeKind::Cast => &node.inputs[0],
                NodeKind::Elementwise(..) => {
                    let spread = |n: &Arc<Node>| match &n.kind {
                        NodeKind::View(_, view) => view.axes.iter().any(|a| a.from.is_none()),
                        _ => false,
                    };
                    let inputs = || node.inputs.iter().filter(|i| i.shape == node.shape);
                    match inputs().find(|i| !spread(i)).or_else(|| inputs().next()) {
                        Some(input) => input,
                        None => break,
                    }
                }
                NodeKind::Feed(feed) if feed.keeps_places() => {
                    same &= node.inputs[0].shape == node.shape;
                    &node.inputs[0]
                }
                _ => break,
            };
        }
        Ok(asked.shape.iter().map(|&n| n.max(1)).collect::<Dims>().into())
    }

    /// What a function makes of the blocks of an array, as `dask.array.map_blocks`: an array of the same shape. The
    /// blocks are those of [`Array::chunks`], or as the function says; it sees exactly these, whatever the budget and
    /// the threads are.
    ///
    /// ```
    /// use chunkwise::{Array, BlockFunction, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let ranked = BlockFunction::new("demeaned", |block| {
    ///     let x = block.input::<f64>(0)?.to_owned();
    ///     let mean = x.mean().unwrap_or(0.0);
    ///     block.output::<f64>()?.assign(&(x - mean));
    ///     Ok(())
    /// });
    /// let x = Array::arange(0.0, 6.0, 1.0);
    /// let y = x.map_blocks(&ranked.chunks([2]));
    /// assert_eq!(Session::new()?.compute(&y)?.as_slice::<f64>()?, [-0.5, 0.5, -0.5, 0.5, -0.5, 0.5]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Nothing is held: a block is computed once for each pass of a stage that reads it, where the stage can be cut
    /// as it is; of slices and borders that lie otherwise, neighbours may have it computed again.
    /// [`Array::map_overlap`] of it, and a second function over it in another cut, hold it first.
    ///
    /// Errors, when it is computed: what the function fails with, a panic too, with its name and the block.
    #[track_caller]
    pub fn map_blocks(&self, function: &BlockFunction) -> Array {
        Array::from_draft("map_blocks", self.mapped(&[], &[], &[], function), Location::caller())
    }

    /// As [`Array::map_blocks`], with more inputs, which broadcast to the shape of this array.
    #[track_caller]
    pub fn map_blocks_with(&self, others: &[&Array], function: &BlockFunction) -> Array {
        Array::from_draft("map_blocks", self.mapped(others, &[], &[], function), Location::caller())
    }

    /// As [`Array::map_blocks`], where a block sees `depth` elements before and after it along each axis, as
    /// `dask.array.map_overlap`. At the ends they show what `boundary` says; where that is [`Boundary::None`] there
    /// is less to see ([`MappedBlock::before`](crate::MappedBlock::before)). Either list has an entry for each axis,
    /// or one for all. What the function makes has the shape of the block without what lies around it.
    ///
    /// ```
    /// use chunkwise::{Array, BlockFunction, Boundary, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let difference = BlockFunction::new("difference", |block| {
    ///     let x = block.input::<i64>(0)?.to_owned();
    ///     for (i, to) in block.output::<i64>()?.iter_mut().enumerate() {
    ///         *to = x[[i + 1]] - x[[i]];
    ///     }
    ///     Ok(())
    /// });
    /// let x = Array::arange_int(0, 6, 1);
    /// let y = (&x * &x).map_overlap(&[(1, 0)], &[Boundary::Nearest], &difference.chunks([4]));
    /// assert_eq!(Session::new()?.compute(&y)?.as_slice::<i64>()?, [0, 1, 3, 5, 7, 9]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn map_overlap(
        &self,
        depth: &[(u64, u64)],
        boundary: &[Boundary],
        function: &BlockFunction,
    ) -> Array {
        Array::from_draft("map_overlap", self.mapped(&[], depth, boundary, function), Location::caller())
    }

    #[track_caller]
    fn mapped(
        &self,
        others: &[&Array],
        depth: &[(u64, u64)],
        boundary: &[Boundary],
        function: &BlockFunction,
    ) -> Result<Draft> {
        let node = self.node()?;
        let (shape, rank) = (node.shape.clone(), node.shape.len());
        let cut = match function.named_chunks() {
            Some(named) if named.len() != rank || named.contains(&0) => {
                let message = format!("blocks of {} do not cut an array of {}", show(named), show(&shape));
                return Err(Error::new(ErrorKind::Shape, message).hint("give a length for each axis"));
            }
            Some(named) => named.clone().into(),
            None => self.chunks()?,
        };
        let fits = |n: usize| n <= 1 || n == rank;
        if !fits(depth.len()) || !fits(boundary.len()) || depth.is_empty() != boundary.is_empty() {
            let message = format!("{} depths and {} boundaries for {rank} axes", depth.len(), boundary.len());
            return Err(Error::new(ErrorKind::Value, message).hint("give one for each axis, or one for all"));
        }
        let along = |d: usize| depth.get(d.min(depth.len().saturating_sub(1))).copied().unwrap_or((0, 0));
        let depth: Vec<(u64, u64)> = (0..rank).map(along).collect();
        let of =
            |d: usize| boundary.get(d.min(boundary.len().saturating_sub(1))).copied().unwrap_or_default();
        let bordered: Vec<bool> = (0..rank).map(|d| of(d) != Boundary::None && depth[d] != (0, 0)).collect();
        // What another function makes in other blocks would be made again for each that wants a part.
        let looks_around = depth.iter().any(|&d| d != (0, 0));
        let apart = looks_around || self.chunks()? != cut;
        let of_function = self.is_mapped();
        let held =
            if of_function && apart { self.held_at("map_blocks", Location::caller()) } else { self.clone() };
        let first = match bordered.contains(&true) {
            true => held.pad(&depth, &(0..rank).map(of).collect::<Vec<_>>()),
            false => held,
        };
        let mut inputs = SmallVec::from_iter([first.node()?.clone()]);
        for other in others {
            let other = other.node()?;
            if crate::view::broadcast_shapes([&shape[..], &other.shape[..]]).as_ref() != Some(&shape) {
                let message = format!(
                    "an array of {} does not broadcast to one of {}",
                    show(&other.shape),
                    show(&shape)
                );
                return Err(Error::new(ErrorKind::Shape, message));
            }
            inputs.push(broadcast_node(other, &shape));
        }
        let dtype = function.named_dtype().unwrap_or(node.dtype);
        let feed = Mapped::new(function, dtype, cut, depth, bordered);
        Ok(Draft { kind: NodeKind::Feed(Arc::new(feed)), inputs, shape, dtype })
    }

    /// Whether a function's blocks are somewhere in what it is made of, down to the next values that are held.
    fn is_mapped(&self) -> bool {
        let Ok(node) = &self.built else { return false };
        let mut seen = std::collections::HashSet::new();
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            match &node.kind {
                NodeKind::Feed(feed) if feed.cut().is_some() => return true,
                NodeKind::Fold(_) => {}
                _ => stack.extend(node.inputs.iter().filter(|n| seen.insert(Arc::as_ptr(n)))),
            }
        }
        false
    }
}
