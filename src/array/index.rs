//! Basic indexing: NumPy's slices with steps and negative indices, single indices, new axes.

use super::{Array, show};
use crate::error::{Error, ErrorKind, Result};
use crate::view::{View, ViewAxis};
use smallvec::SmallVec;
use std::panic::Location;

/// One entry of a NumPy index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Index {
    /// `start:stop:step`, with NumPy's meaning of missing and negative bounds.
    Slice {
        /// The first index.
        start: Option<i64>,
        /// The index before which it ends.
        stop: Option<i64>,
        /// The step, not 0.
        step: i64,
    },
    /// One index; the axis goes away.
    At(i64),
    /// `None`: a new axis of length 1.
    NewAxis,
    /// `...`: as many whole axes as are missing.
    Ellipsis,
}

impl Index {
    /// `:`
    pub const ALL: Index = Index::Slice { start: None, stop: None, step: 1 };

    /// The same slice with another step; other entries stay as they are.
    pub fn step(self, step: i64) -> Index {
        match self {
            Index::Slice { start, stop, .. } => Index::Slice { start, stop, step },
            other => other,
        }
    }
}

impl From<i64> for Index {
    fn from(i: i64) -> Index {
        Index::At(i)
    }
}
impl From<std::ops::Range<i64>> for Index {
    fn from(r: std::ops::Range<i64>) -> Index {
        Index::Slice { start: Some(r.start), stop: Some(r.end), step: 1 }
    }
}
impl From<std::ops::RangeFrom<i64>> for Index {
    fn from(r: std::ops::RangeFrom<i64>) -> Index {
        Index::Slice { start: Some(r.start), stop: None, step: 1 }
    }
}
impl From<std::ops::RangeTo<i64>> for Index {
    fn from(r: std::ops::RangeTo<i64>) -> Index {
        Index::Slice { start: None, stop: Some(r.end), step: 1 }
    }
}
impl From<std::ops::RangeFull> for Index {
    fn from(_: std::ops::RangeFull) -> Index {
        Index::ALL
    }
}

/// An axis number, perhaps negative, as an index.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize> {
    let d = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    if d < 0 || d >= rank as i64 {
        let e =
            Error::new(ErrorKind::Index, format!("axis {axis} is out of bounds for an array of {rank} axes"));
        return Err(match rank {
            0 => e.hint("a scalar has no axes"),
            _ => e.hint(format!("axes go from 0 to {}, or from -1 to -{rank}", rank - 1)),
        });
    }
    Ok(d as usize)
}

/// First index, length and step of a slice of an axis of length `len`, as `slice.indices` of Python.
fn resolve(start: Option<i64>, stop: Option<i64>, step: i64, len: u64) -> Result<(u64, u64)> {
    if step == 0 {
        return Err(Error::new(ErrorKind::Value, "a slice's step cannot be 0"));
    }
    let n = len as i128;
    let bound = |v: i64| {
        let v = if v < 0 { v as i128 + n } else { v as i128 };
        if step > 0 { v.clamp(0, n) } else { v.clamp(-1, n - 1) }
    };
    let (first, last) = if step > 0 { (0, n) } else { (n - 1, -1) };
    let start = start.map_or(first, bound);
    let stop = stop.map_or(last, bound);
    let span = if step > 0 { stop - start } else { start - stop };
    let count = if span <= 0 { 0 } else { (span - 1) / (step as i128).abs() + 1 };
    Ok((start.max(0) as u64, count as u64))
}

impl Array {
    /// NumPy's basic indexing: `x.index([Index::from(10..20), Index::ALL.step(-1)])` is
    /// `x[10:20, ::-1]`. Axes that are not named are taken whole. No data moves: only the chunks
    /// that the result needs are ever read.
    #[track_caller]
    pub fn index(&self, index: impl AsRef<[Index]>) -> Array {
        let draft = self.node().and_then(|node| {
            let view = view(&node.shape, index.as_ref())?;
            Ok(Array::viewed(node, "index", view))
        });
        Array::from_draft("index", draft, Location::caller())
    }
}

fn view(shape: &[u64], index: &[Index]) -> Result<View> {
    let named = index.iter().filter(|i| matches!(i, Index::Slice { .. } | Index::At(_))).count();
    if named > shape.len() {
        return Err(Error::new(
            ErrorKind::Index,
            format!("{named} indices for an array of shape {}", show(shape)),
        ));
    }
    let ellipses = index.iter().filter(|i| matches!(i, Index::Ellipsis)).count();
    if ellipses > 1 {
        return Err(Error::new(ErrorKind::Index, "an index can have only one '...'"));
    }
    let mut entries: Vec<Index> = Vec::new();
    for &i in index {
        match i {
            Index::Ellipsis => entries.extend(std::iter::repeat_n(Index::ALL, shape.len() - named)),
            i => entries.push(i),
        }
    }
    if ellipses == 0 {
        entries.extend(std::iter::repeat_n(Index::ALL, shape.len() - named));
    }
    let mut view = View { axes: Vec::new(), base: SmallVec::new() };
    for entry in entries {
        let d = view.base.len();
        match entry {
            Index::NewAxis => view.axes.push(ViewAxis { len: 1, from: None }),
            Index::At(i) => {
                let at = if i < 0 { i as i128 + shape[d] as i128 } else { i as i128 };
                if at < 0 || at >= shape[d] as i128 {
                    return Err(Error::new(
                        ErrorKind::Index,
                        format!("index {i} is out of bounds for axis {d} of length {}", shape[d]),
                    ));
                }
                view.base.push(at as u64);
            }
            Index::Slice { start, stop, step } => {
                let (start, len) = resolve(start, stop, step, shape[d])?;
                view.base.push(start);
                // A step past the end of the axis takes one element; keep it small.
                let step = if len <= 1 { 1 } else { step };
                view.axes.push(ViewAxis { len, from: Some((d, step)) });
            }
            Index::Ellipsis => {}
        }
    }
    Ok(view)
}
