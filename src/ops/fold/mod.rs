//! Folds: what becomes of the elements that a stage's program makes. Collecting them, reducing them over
//! axes, and counting them in bins are folds; each is a file of this folder and a line of [`FOLDS`].
//!
//! A [`Fold`] is plain data: it says which columns it takes ([`Port`]), which values of earlier stages
//! ([`Param`]), over which axes its results land ([`Landing`]), what it makes, and the bytes that this takes.
//! A plan holds it, and nothing in planning or running names one of them. With its params it is [`Ready`],
//! which makes accumulators ([`State`]) and the CPU's way of adding tiles of elements to them ([`Update`]);
//! a device has a way of its own, which a table of its backend finds by the fold's name.
//!
//! Whatever the tiles, the blocks and the order of merges, a state finishes into the same bits. One body of
//! tests holds every fold to that (`tests/folds.rs`).
//!
//! To add one: a file with a type that is a [`Fold`], its `ROW`, and a line in [`FOLDS`].

mod block;
mod collect;
mod grouped;
mod histogram;
mod list;
mod reduce;
mod runs;
mod shared;
mod top;

pub use block::{Block, Scratch, TILE, Tile};
pub use collect::{Collect, Collected};
pub use grouped::{By, Grouped};
pub use histogram::{Binned, HistogramFold, HistogramReady};
pub use list::{FOLDS, FoldRow, register};
pub use reduce::{Reduce, ReduceReady};
pub use runs::{Columns, Runs};
pub use shared::SharedFold;
pub use top::{First, Top, Wanted};

use super::elementwise::Op;
use super::histogram::{Histogram, LogOf};
use super::shared::Patch;
use super::simd::Simd;
use crate::buffer::Buffer;
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use smallvec::SmallVec;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// What one worker's [`Update`] takes of [`Scratch`], which updates of one kind share.
    pub scratch: (&'static str, u64),
}

/// What a fold's time goes with, for the cost model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Bytes that are moved.
    Moved,
    /// Bytes that are reduced.
    Reduced,
    /// Elements that are binned.
    Binned,
}

/// What becomes of a stage's outputs, as plain data.
pub trait Fold: fmt::Debug + Send + Sync + Any {
    /// The name of its row in [`FOLDS`], under which plans have it.
    fn name(&self) -> &'static str;

    /// The operation by the name that users know, for errors and `explain`.
    fn operation(&self) -> &'static str {
        self.name()
    }

    /// Everything else that it is, as an object; what its row's `read` makes it of again. Two folds of one
    /// name are equal if this is.
    fn data(&self) -> serde_json::Value;

    /// The columns that it takes.
    fn ports(&self) -> Ports;

    /// The values of earlier stages that it takes.
    fn params(&self) -> SmallVec<[Param; 2]> {
        SmallVec::new()
    }

    /// Where its results land.
    fn landing(&self) -> &Landing;

    /// What it makes of a domain.
    fn makes(&self, domain: &[u64]) -> Makes;

    /// The most bytes that it takes for a block of this shape; there is no default, for what cannot bound
    /// itself cannot be planned.
    fn bytes(&self, block: &[u64]) -> FoldBytes;

    /// What its time goes with.
    fn load(&self) -> Load;

    /// Whether its elements can be written to their place in the result as they come
    /// ([`State::place`]). Only where every axis is kept.
    fn places(&self) -> bool {
        false
    }

    /// What `explain` says beside its columns.
    fn detail(&self) -> String {
        String::new()
    }

    /// The fold with its params. Without any (before the run) a stand-in that takes as many bytes.
    ///
    /// # Errors
    /// `Value` if a param is not one that it can begin with; `Internal` if there are not as many as it takes.
    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>>;
}

/// A fold with its params.
pub trait Ready: fmt::Debug + Send + Sync + Any {
    /// The state of a block of this shape, empty.
    ///
    /// # Errors
    /// `Budget` if there is no memory for it.
    fn state(&self, block: &[u64]) -> Result<Box<dyn State>>;

    /// The state of a block of this shape that [`State::write`] wrote. Any bytes may be given.
    ///
    /// # Errors
    /// `Format` if it is not such a state.
    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>>;

    /// The histogram of this fold that [`Histogram::write`] wrote. Any bytes may be given.
    ///
    /// # Errors
    /// `Format` if it is not such a histogram.
    fn read_histogram(&self, bytes: &[u8]) -> Result<Histogram> {
        let _ = bytes;
        Err(Error::new(ErrorKind::Format, "a histogram came for a fold that makes none"))
    }

    /// One worker's way of adding tiles to states on the CPU. Columns of which [`Ready::takes_log`] gave a
    /// logarithm hold its arguments; `logs` has an entry per port then, and may be empty otherwise.
    fn update(&self, simd: Simd, logs: &[Option<LogOf>]) -> Box<dyn Update>;

    /// The logarithm that is left to the fold, if column `port` is one of `dtype` and the fold can do
    /// without its values.
    fn takes_log(&self, port: usize, op: Op, dtype: DType, simd: Simd) -> Option<LogOf> {
        let _ = (port, op, dtype, simd);
        None
    }
}

/// Something to be noted about what was finished, where NumPy would warn or say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// What there is to say.
    pub text: &'static str,
    /// Of how many elements it is said; 0 if that does not matter.
    pub count: u64,
}

/// What is noted about a finished state.
pub type Notes = SmallVec<[Note; 2]>;

/// What a state has become.
pub enum Made {
    /// Elements, native, C order.
    Elements(Buffer),
    /// A histogram.
    Histogram(Arc<Histogram>),
    /// Elements that are in the result already.
    Placed,
}

/// Accumulators of the outputs of one tile of the result: the kept axes of a block. The order in which blocks
/// are added and states merged never shows in what it finishes into.
pub trait State: Send + Any {
    /// Takes in everything that another state of the same fold and outputs took.
    ///
    /// # Errors
    /// `Internal` if it is of another fold, or of other outputs.
    fn merge(&mut self, other: &dyn State) -> Result<()>;

    /// Rounds it, once.
    ///
    /// # Errors
    /// What the operation says: `Value` where NumPy raises, `Overflow` where a result does not fit.
    fn finish(self: Box<Self>) -> Result<(Made, Notes)>;

    /// As bytes, for [`Ready::read`] in any process; at most [`written_bytes`].
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    fn write(&self) -> Result<Vec<u8>>;

    /// The elements of the last block, where each has a place of its own ([`Fold::places`]) and they are not there
    /// already.
    fn elements(&mut self) -> Option<&mut Buffer> {
        None
    }

    /// Gets ready for another block whose elements go to `place`. Only where [`Fold::places`].
    ///
    /// # Errors
    /// `Internal` for a fold whose elements have no place.
    fn place(&mut self, place: Patch) -> Result<()> {
        drop(place);
        Err(internal("a fold whose elements have no place of their own"))
    }
}

/// How the CPU adds the elements of blocks to a state, tile by tile.
pub trait Update: Send {
    /// A block begins.
    ///
    /// # Errors
    /// `Internal` if the state is another fold's.
    fn begin(&mut self, block: &Block, state: &mut dyn State) -> Result<()>;

    /// Adds a tile of the block.
    ///
    /// # Errors
    /// `Internal` if state or tile are another fold's.
    fn tile(&mut self, state: &mut dyn State, tile: &Tile, scratch: &mut Scratch) -> Result<()>;
}

/// The most bytes that a state may be written as ([`State::write`]) whose fold promised so many
/// ([`Fold::bytes`]).
pub fn written_bytes(state: u64) -> u64 {
    state.saturating_mul(2).saturating_add(256)
}

/// A state as the type that its fold knows.
///
/// # Errors
/// `Internal` if it is another fold's.
pub fn state_as<T: State>(state: &mut dyn State) -> Result<&mut T> {
    let any: &mut dyn Any = state;
    any.downcast_mut::<T>().ok_or_else(|| internal("a fold was given the state of another one"))
}

/// As [`state_as`], to read it.
///
/// # Errors
/// As [`state_as`].
pub fn state_ref<T: State>(state: &dyn State) -> Result<&T> {
    let any: &dyn Any = state;
    any.downcast_ref::<T>().ok_or_else(|| internal("a fold was given the state of another one"))
}

/// A state that holds nothing and takes nothing.
pub struct Nothing;

impl State for Nothing {
    fn merge(&mut self, _: &dyn State) -> Result<()> {
        Err(internal("nothing was merged with something"))
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        Err(internal("nothing was finished"))
    }

    fn write(&self) -> Result<Vec<u8>> {
        Err(internal("nothing was written"))
    }
}

/// A fold's params, of which there must be as many as it takes.
fn expect_params(fold: &dyn Fold, params: &[Given]) -> Result<()> {
    match fold.params().len() == params.len() {
        true => Ok(()),
        false => Err(internal("a fold was given another number of params than it takes")),
    }
}

fn internal(message: &str) -> Error {
    Error::new(ErrorKind::Internal, message)
}

/// A state that could not be read.
fn damaged(operation: &str, what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Format, format!("a partial result is damaged: {what}")).at("operation", operation)
}
