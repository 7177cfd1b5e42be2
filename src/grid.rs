//! Integer geometry: regions, strided slabs, and grids of blocks that are counted, never listed.

mod chunks;
mod region;

pub use chunks::{Chunks, Cuts};
pub use region::{Dims, MAX_RANK, Region, Slab, c_strides, checked_len, ravel, show_shape, unravel};

use serde::{Deserialize, Serialize};

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
