//! Integer geometry: regions, strided slabs, and grids of blocks that are counted, never listed.

mod chunks;

pub use chunks::{Chunks, Cuts};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Lengths or indices, one per axis.
pub type Dims = SmallVec<[u64; 4]>;

/// The most axes that an array may have (HDF5's limit, and half of NumPy's).
pub const MAX_RANK: usize = 32;

/// The number of elements of a shape; `None` if the product of its lengths, those that are 0 left
/// out (as in NumPy, so that the strides of an empty array fit too), does not fit in 63 bits.
pub fn checked_len(shape: &[u64]) -> Option<u64> {
    let long = shape.iter().filter(|&&d| d != 0);
    let len = long.copied().try_fold(1u64, u64::checked_mul).filter(|&n| n <= i64::MAX as u64)?;
    Some(if shape.contains(&0) { 0 } else { len })
}

/// Elements between neighbours along each axis of a C-contiguous array.
pub fn c_strides(shape: &[u64]) -> SmallVec<[i64; 4]> {
    let mut strides = SmallVec::from_elem(1i64, shape.len());
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d] as i64;
    }
    strides
}

/// The multi-index of the C-order position `index` in `shape`.
pub fn unravel(mut index: u64, shape: &[u64]) -> Dims {
    let mut out = Dims::from_elem(0, shape.len());
    for d in (0..shape.len()).rev() {
        out[d] = index % shape[d];
        index /= shape[d];
    }
    out
}

/// The C-order position of a multi-index.
pub fn ravel(index: &[u64], shape: &[u64]) -> u64 {
    index.iter().zip(shape).fold(0, |n, (&i, &d)| n * d + i)
}

/// A shape as NumPy writes it: `(3,)`, `(2, 3)`.
pub fn show_shape(shape: &[u64]) -> String {
    match shape {
        [n] => format!("({n},)"),
        _ => format!("({})", shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// A box of elements: where it starts and how long it is, per axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region {
    /// The first index along each axis.
    pub start: Dims,
    /// The length along each axis.
    pub shape: Dims,
}

impl Region {
    /// The region that covers all of `shape`.
    pub fn whole(shape: &[u64]) -> Self {
        Region { start: Dims::from_elem(0, shape.len()), shape: shape.into() }
    }

    /// Elements in it.
    pub fn len(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// What both regions cover (perhaps nothing).
    pub fn intersect(&self, other: &Region) -> Region {
        let mut out = self.clone();
        for d in 0..self.start.len() {
            let lo = self.start[d].max(other.start[d]);
            let hi = (self.start[d] + self.shape[d]).min(other.start[d] + other.shape[d]);
            out.start[d] = lo;
            out.shape[d] = hi.saturating_sub(lo);
        }
        out
    }
}

impl std::fmt::Display for Region {
    /// As a NumPy index: `[0:4, 10:20]`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[")?;
        for (d, (s, n)) in self.start.iter().zip(&self.shape).enumerate() {
            write!(f, "{}{s}:{}", if d == 0 { "" } else { ", " }, s + n)?;
        }
        f.write_str("]")
    }
}

/// A box with a positive step per axis: elements `start + step * i` for `i < count`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slab {
    /// The first index along each axis.
    pub start: Dims,
    /// How many elements along each axis.
    pub count: Dims,
    /// The distance between them, at least 1.
    pub step: Dims,
}

impl Slab {
    /// Every element of a region.
    pub fn dense(region: &Region) -> Self {
        Slab {
            start: region.start.clone(),
            count: region.shape.clone(),
            step: Dims::from_elem(1, region.start.len()),
        }
    }

    /// Elements in it.
    pub fn len(&self) -> u64 {
        self.count.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.count.contains(&0)
    }

    /// The last index along axis `d`; the slab must not be empty.
    pub fn last(&self, d: usize) -> u64 {
        self.start[d] + self.step[d] * (self.count[d] - 1)
    }
}

/// One axis cut into blocks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum AxisGrid {
    /// Element `i` stands at position `phase + step * i`, and a block is what lies between two
    /// multiples of `block`. So a view `x[5::3]` of chunks of 100 keeps the chunks' borders.
    Regular {
        /// Elements along the axis.
        len: u64,
        /// Positions per block; at least `step`, so no inner block is empty.
        block: u64,
        /// The position of element 0, less than `block`.
        phase: u64,
        /// Positions per element.
        step: u64,
    },
    /// Blocks of any lengths.
    Uneven(Cuts),
}

impl AxisGrid {
    /// Blocks of `block` elements from 0.
    pub fn regular(len: u64, block: u64) -> Self {
        AxisGrid::Regular { len, block: block.max(1), phase: 0, step: 1 }
    }

    /// Elements along the axis.
    pub fn len(&self) -> u64 {
        match self {
            AxisGrid::Regular { len, .. } => *len,
            AxisGrid::Uneven(cuts) => cuts.len(),
        }
    }

    /// Whether the axis has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many blocks.
    pub fn blocks(&self) -> u64 {
        match *self {
            AxisGrid::Regular { len: 0, .. } => 0,
            AxisGrid::Regular { len, block, phase, step } => (phase + step * (len - 1)) / block + 1,
            AxisGrid::Uneven(ref cuts) => cuts.count(),
        }
    }

    /// The elements `start..end` of block `k`.
    pub fn range(&self, k: u64) -> (u64, u64) {
        match *self {
            AxisGrid::Regular { len, block, phase, step } => {
                let edge = |k: u64| (k * block).saturating_sub(phase).div_ceil(step).min(len);
                (edge(k), edge(k + 1))
            }
            AxisGrid::Uneven(ref cuts) => cuts.range(k),
        }
    }

    /// The block that holds element `i`.
    pub fn block_of(&self, i: u64) -> u64 {
        match *self {
            AxisGrid::Regular { block, phase, step, .. } => (phase + step * i) / block,
            AxisGrid::Uneven(ref cuts) => cuts.index_of(i),
        }
    }

    /// Elements in the longest block.
    pub fn longest(&self) -> u64 {
        match *self {
            AxisGrid::Regular { len, block, step, .. } => block.div_ceil(step).min(len),
            AxisGrid::Uneven(ref cuts) => cuts.longest(),
        }
    }
}

/// A grid of blocks over an array: one [`AxisGrid`] per axis. Its size does not depend on the
/// number of blocks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The axes.
    pub axes: Vec<AxisGrid>,
}

impl Grid {
    /// Equal blocks of shape `block` from the origin.
    pub fn regular(shape: &[u64], block: &[u64]) -> Self {
        Grid { axes: shape.iter().zip(block).map(|(&n, &b)| AxisGrid::regular(n, b)).collect() }
    }

    /// Blocks along each axis.
    pub fn counts(&self) -> Dims {
        self.axes.iter().map(AxisGrid::blocks).collect()
    }

    /// How many blocks; one for a scalar.
    pub fn blocks(&self) -> u64 {
        self.counts().iter().product()
    }

    /// The shape that is cut.
    pub fn shape(&self) -> Dims {
        self.axes.iter().map(AxisGrid::len).collect()
    }

    /// The shape of the largest block.
    pub fn largest(&self) -> Dims {
        self.axes.iter().map(AxisGrid::longest).collect()
    }

    /// The elements of the block at `coords`.
    pub fn region(&self, coords: &[u64]) -> Region {
        let mut r = Region { start: Dims::new(), shape: Dims::new() };
        for (axis, &k) in self.axes.iter().zip(coords) {
            let (a, b) = axis.range(k);
            r.start.push(a);
            r.shape.push(b - a);
        }
        r
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_blocks_cover_the_axis_once_and_keep_chunk_borders() {
        for len in [0u64, 1, 2, 7, 50, 101] {
            for block in [1u64, 3, 10, 200] {
                for step in [1u64, 2, 3, 10] {
                    for phase in [0u64, 1, 2, 9, 150] {
                        if phase >= block || step > block {
                            continue;
                        }
                        let axis = AxisGrid::Regular { len, block, phase, step };
                        let mut next = 0;
                        for k in 0..axis.blocks() {
                            let (a, b) = axis.range(k);
                            assert_eq!(a, next);
                            assert!(b > a, "{axis:?} block {k} is empty");
                            assert!(b - a <= axis.longest());
                            for i in a..b {
                                assert_eq!(axis.block_of(i), k);
                                assert_eq!((phase + step * i) / block, k);
                            }
                            next = b;
                        }
                        assert_eq!(next, len);
                    }
                }
            }
        }
    }

    #[test]
    fn listed_ends_are_blocks() {
        let axis = AxisGrid::Uneven(Cuts::at_ends(&[3, 4, 10]));
        assert_eq!((axis.blocks(), axis.len(), axis.longest()), (3, 10, 6));
        assert_eq!([axis.range(0), axis.range(1), axis.range(2)], [(0, 3), (3, 4), (4, 10)]);
        assert_eq!([0, 2, 3, 4, 9].map(|i| axis.block_of(i)), [0, 0, 1, 2, 2]);
    }

    #[test]
    fn ravel_and_unravel_are_inverse() {
        let shape = [3, 1, 4];
        for i in 0..12 {
            assert_eq!(ravel(&unravel(i, &shape), &shape), i);
        }
        assert_eq!(checked_len(&[u64::MAX, 2]), None);
        assert_eq!(checked_len(&[u64::MAX, 0, 2]), None);
        assert_eq!(checked_len(&[1 << 62, 0, 1]), Some(0));
    }
}
