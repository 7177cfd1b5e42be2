//! Shapes, boxes of elements, and boxes with steps.

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
