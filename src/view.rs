//! Views: an array seen through slices, transposes, new axes and broadcasts, as one affine map.
//!
//! A [`View`] says, for each axis of the array that is seen, which axis of the source it walks and
//! in which steps (or none: a broadcast), and at which source index it starts. Views compose, so a
//! chain of any length reaches the source as one, and a block of the seen array asks the source
//! for one strided [`Slab`] only.

use crate::grid::{Dims, MAX_RANK, Slab, c_strides};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// One axis of the seen array.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewAxis {
    /// Its length.
    pub len: u64,
    /// The source axis it walks and the (perhaps negative) step; `None` repeats one element.
    pub from: Option<(usize, i64)>,
}

/// A map from the indices of a seen array to those of its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The axes of the seen array.
    pub axes: Vec<ViewAxis>,
    /// The source index, per source axis, of the seen array's first element.
    pub base: Dims,
}

/// Where the elements of a block of the seen array lie in a staged slab, in elements: element `i`
/// is at `offset + Σ i[d] * strides[d]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The position of the block's first element.
    pub offset: i64,
    /// The distance between neighbours along each axis of the block.
    pub strides: SmallVec<[i64; 4]>,
}

impl View {
    /// All of an array of `shape`.
    pub fn identity(shape: &[u64]) -> Self {
        View {
            axes: shape.iter().enumerate().map(|(d, &len)| ViewAxis { len, from: Some((d, 1)) }).collect(),
            base: Dims::from_elem(0, shape.len()),
        }
    }

    /// An array of `shape` broadcast to `target`, whose trailing axes match it (checked by the caller).
    pub fn broadcast(shape: &[u64], target: &[u64]) -> Self {
        let new = target.len() - shape.len();
        View {
            axes: target
                .iter()
                .enumerate()
                .map(|(d, &len)| ViewAxis {
                    len,
                    from: (d >= new && shape[d - new] == len).then(|| (d - new, 1)),
                })
                .collect(),
            base: Dims::from_elem(0, shape.len()),
        }
    }

    /// The shape of the seen array.
    pub fn shape(&self) -> Dims {
        self.axes.iter().map(|a| a.len).collect()
    }

    /// Whether it shows all of a source of `shape` as it is.
    pub fn is_identity(&self, shape: &[u64]) -> bool {
        self.axes.len() == shape.len()
            && self.base.iter().all(|&b| b == 0)
            && self.axes.iter().enumerate().all(|(d, a)| a.len == shape[d] && a.from == Some((d, 1)))
    }

    /// What `self` shows of what `inner` shows of its source: the map from `self`'s indices to
    /// those of `inner`'s source.
    pub fn then(&self, inner: &View) -> View {
        let mut base = inner.base.clone();
        for (axis, &start) in inner.axes.iter().zip(&self.base) {
            if let Some((s, step)) = axis.from {
                // An empty slice may start beyond all ends.
                let at = i128::from(base[s]) + i128::from(step) * i128::from(start);
                base[s] = at.clamp(0, i128::from(i64::MAX)) as u64;
            }
        }
        let axes = self
            .axes
            .iter()
            .map(|a| ViewAxis {
                len: a.len,
                from: a.from.and_then(|(m, t)| inner.axes[m].from.map(|(s, u)| (s, t * u))),
            })
            .collect();
        View { axes, base }
    }

    /// The source elements that a slab of the seen array needs, and where its elements then lie.
    /// The slab must not be empty.
    pub fn slab(&self, seen: &Slab) -> (Slab, Placement) {
        let rank = self.base.len();
        let mut slab = Slab {
            start: self.base.clone(),
            count: Dims::from_elem(1, rank),
            step: Dims::from_elem(1, rank),
        };
        for (d, axis) in self.axes.iter().enumerate() {
            let Some((s, t)) = axis.from else { continue };
            let first = self.base[s] as i64 + t * seen.start[d] as i64;
            let stride = t * seen.step[d] as i64;
            let last = first + stride * (seen.count[d] as i64 - 1);
            slab.start[s] = first.min(last) as u64;
            slab.count[s] = seen.count[d];
            slab.step[s] = if seen.count[d] == 1 { 1 } else { stride.unsigned_abs() };
        }
        let inner = c_strides(&slab.count);
        let mut placement = Placement { offset: 0, strides: SmallVec::from_elem(0, self.axes.len()) };
        for (d, axis) in self.axes.iter().enumerate() {
            let Some((s, t)) = axis.from else { continue };
            if t < 0 {
                placement.offset += inner[s] * (seen.count[d] as i64 - 1);
            }
            placement.strides[d] = if t < 0 { -inner[s] } else { inner[s] };
        }
        (slab, placement)
    }

    /// How many elements along each axis of the source a block of the seen array walks over.
    pub fn walked(&self, block: &[u64]) -> Dims {
        (0..self.base.len()).map(|s| self.walker(s).map_or(1, |(d, _)| block[d])).collect()
    }

    /// The seen axis that walks source axis `s`, with its step.
    pub fn walker(&self, s: usize) -> Option<(usize, i64)> {
        self.axes.iter().enumerate().find_map(|(d, a)| match a.from {
            Some((from, step)) if from == s => Some((d, step)),
            _ => None,
        })
    }
}

/// The shape that arrays of these shapes broadcast to, by NumPy's rule; `None` if they do not.
pub fn broadcast_shapes<'a>(shapes: impl IntoIterator<Item = &'a [u64]>) -> Option<Dims> {
    let mut out = Dims::new();
    for shape in shapes {
        if shape.len() > MAX_RANK {
            return None;
        }
        while out.len() < shape.len() {
            out.insert(0, 1);
        }
        let new = out.len() - shape.len();
        for (o, &n) in out[new..].iter_mut().zip(shape) {
            if *o == 1 {
                *o = n;
            } else if n != 1 && n != *o {
                return None;
            }
        }
    }
    Some(out)
}

/// Whether elements placed so are simply consecutive in C order over `shape`.
pub fn is_contiguous(shape: &[u64], strides: &[i64]) -> bool {
    let mut expected = 1i64;
    for d in (0..shape.len()).rev() {
        if shape[d] != 1 && strides[d] != expected {
            return false;
        }
        expected *= shape[d] as i64;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element of a view, found by the slab of every sub-slab, against plain index arithmetic.
    #[test]
    fn composed_views_find_the_elements_that_indexing_finds() {
        // Source 6×10; y = x[5:0:-2, 1:10:3].T[None][:, ::-1, :] broadcast to (2, 3, 3)
        let slice = View {
            axes: vec![ViewAxis { len: 3, from: Some((0, -2)) }, ViewAxis { len: 3, from: Some((1, 3)) }],
            base: Dims::from_slice(&[5, 1]),
        };
        let transpose = View {
            axes: vec![ViewAxis { len: 3, from: Some((1, 1)) }, ViewAxis { len: 3, from: Some((0, 1)) }],
            base: Dims::from_slice(&[0, 0]),
        };
        let flip = View {
            axes: vec![
                ViewAxis { len: 2, from: None },
                ViewAxis { len: 3, from: Some((0, -1)) },
                ViewAxis { len: 3, from: Some((1, 1)) },
            ],
            base: Dims::from_slice(&[2, 0]),
        };
        let view = flip.then(&transpose.then(&slice));
        let seen = Slab {
            start: Dims::from_slice(&[0, 0, 1]),
            count: Dims::from_slice(&[2, 2, 2]),
            step: Dims::from_slice(&[1, 2, 1]),
        };
        let (slab, place) = view.slab(&seen);
        let staged: Vec<(u64, u64)> = (0..slab.count[0])
            .flat_map(|i| (0..slab.count[1]).map(move |j| (i, j)))
            .map(|(i, j)| (slab.start[0] + slab.step[0] * i, slab.start[1] + slab.step[1] * j))
            .collect();
        for a in 0..2 {
            for b in 0..2u64 {
                for c in 0..2u64 {
                    let at = place.offset
                        + a as i64 * place.strides[0]
                        + b as i64 * place.strides[1]
                        + c as i64 * place.strides[2];
                    let (row, col) = (1 + c, 2 - 2 * b); // row of the slice, column of the slice
                    assert_eq!(staged[at as usize], (5 - 2 * row, 1 + 3 * col));
                }
            }
        }
    }

    #[test]
    fn shapes_broadcast_as_in_numpy() {
        let b = |s: &[&[u64]]| broadcast_shapes(s.iter().copied()).map(|d| d.to_vec());
        assert_eq!(b(&[&[3, 1], &[4]]), Some(vec![3, 4]));
        assert_eq!(b(&[&[], &[2, 1, 5], &[3, 1]]), Some(vec![2, 3, 5]));
        assert_eq!(b(&[&[0], &[1]]), Some(vec![0]));
        assert_eq!(b(&[&[2], &[3]]), None);
    }
}
