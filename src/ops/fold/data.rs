//! What folds say of themselves and of what they make, as plain data.

use crate::buffer::Buffer;
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::ops::histogram::Histogram;
use smallvec::SmallVec;
use std::sync::Arc;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// The elements themselves.
    Values,
    /// How much each counts.
    Weights,
    /// Bools: elements where it is false are not there.
    Mask,
    /// A coordinate that chooses a bin.
    Coordinate,
    /// The number of the group that an element belongs to.
    Labels,
}

/// A column that a fold takes: an output of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// What it is for.
    pub role: Role,
    /// Its dtype.
    pub dtype: DType,
}

/// The columns of a fold, in the order in which it is given them.
pub type Ports = SmallVec<[Port; 4]>;

/// A value of an earlier stage that a fold needs before it can begin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Param {
    /// What it is, in a word.
    pub name: &'static str,
    /// Its dtype.
    pub dtype: DType,
    /// Its shape.
    pub shape: Dims,
}

/// The value of a [`Param`].
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// Its dtype.
    pub dtype: DType,
    /// Its shape.
    pub shape: &'a [u64],
    /// Its elements, native, C order.
    pub bytes: &'a [u8],
}

impl Given<'_> {
    /// The element at a position in C order.
    ///
    /// # Errors
    /// `Internal` if it is not there.
    pub fn scalar(&self, position: usize) -> Result<Scalar> {
        let size = self.dtype.size();
        let bytes = self.bytes.get(position * size..(position + 1) * size);
        bytes
            .and_then(|b| Scalar::from_bytes(self.dtype, b))
            .ok_or_else(|| internal("a param has fewer elements than its fold takes"))
    }
}

/// What becomes of one axis of the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Lands {
    /// It is an axis of the result.
    Keep,
    /// Its elements come together.
    Reduce,
}

/// Where on the axes of the domain the results of a fold land. What it makes has the kept axes first, then
/// those of its own (groups, say).
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Landing(SmallVec<[Lands; 4]>);

impl Landing {
    /// Every axis is kept: each element has a result of its own.
    pub fn keep(rank: usize) -> Landing {
        Landing(SmallVec::from_elem(Lands::Keep, rank))
    }

    /// Every axis is reduced: one result.
    pub fn reduce(rank: usize) -> Landing {
        Landing(SmallVec::from_elem(Lands::Reduce, rank))
    }

    /// By axis, whether it is reduced.
    pub fn over(reduced: &[bool]) -> Landing {
        Landing(reduced.iter().map(|&r| if r { Lands::Reduce } else { Lands::Keep }).collect())
    }

    /// By axis.
    pub fn axes(&self) -> &[Lands] {
        &self.0
    }

    /// Axes of the domain.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Whether axis `d` is kept.
    pub fn keeps(&self, d: usize) -> bool {
        self.0[d] == Lands::Keep
    }

    /// Whether any axis is kept.
    pub fn keeps_any(&self) -> bool {
        self.0.contains(&Lands::Keep)
    }

    /// Whether every axis is kept, so that no two blocks share a result.
    pub fn keeps_all(&self) -> bool {
        !self.0.contains(&Lands::Reduce)
    }

    /// By axis, whether it is reduced.
    pub fn reduced(&self) -> SmallVec<[bool; 4]> {
        self.0.iter().map(|&l| l == Lands::Reduce).collect()
    }

    /// What of a list with one entry per axis is of kept axes.
    pub fn kept(&self, of: &[u64]) -> Dims {
        of.iter().zip(&self.0).filter(|(_, l)| **l == Lands::Keep).map(|(&n, _)| n).collect()
    }

    /// The axes that are reduced, as `(0, 2)`.
    pub fn show_reduced(&self) -> String {
        let axes = (0..self.rank()).filter(|&d| !self.keeps(d)).map(|d| d.to_string());
        format!("({})", axes.collect::<Vec<_>>().join(", "))
    }
}

/// What a fold makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Makes {
    /// Its shape: the kept axes, then the fold's own. A histogram's is that of its counts.
    pub shape: Dims,
    /// Its dtype.
    pub dtype: DType,
    /// Whether it is a histogram and not an array.
    pub histogram: bool,
}

/// The most bytes that a fold takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoldBytes {
    /// A state over a block of the shape that was asked for.
    pub state: u64,
    /// What one worker's [`Update`](super::Update) takes of [`Scratch`](super::Scratch), which updates of one kind
    /// share.
    pub scratch: (&'static str, u64),
}

/// What a fold's time goes with, for the cost model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Load {
    /// Bytes that are moved.
    Moved,
    /// Bytes that are reduced.
    Reduced,
    /// Elements that are binned.
    Binned,
}

/// Something to be noted about what was finished, where NumPy would warn or say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// What there is to say.
    pub text: &'static str,
    /// Of how many elements it is said; 0 if that does not matter.
    pub count: u64,
}

/// What is said of elements whose label is not expected.
pub(super) const LEFT_OUT: &str = "elements are of no group and were left out";

/// What is noted about a finished state.
pub type Notes = SmallVec<[Note; 2]>;

/// What a state has become.
#[non_exhaustive]
pub enum Made {
    /// Elements, native, C order.
    Elements(Buffer),
    /// A histogram.
    Histogram(Arc<Histogram>),
    /// Elements that are in the result already.
    Placed,
}

pub(super) fn internal(message: &str) -> Error {
    Error::new(ErrorKind::Internal, message)
}
