//! The traits that a fold is made of: what is planned, what makes states, states, and adding to them.

use super::block::{Block, Scratch, Tile};
use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Notes, Param, Ports, internal};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::elementwise::Op;
use crate::ops::histogram::{Histogram, LogOf};
use crate::ops::reduce::Quantity;
use crate::ops::shared::Patch;
use crate::ops::simd::Simd;
use smallvec::SmallVec;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What becomes of a stage's outputs, as plain data.
pub trait Fold: fmt::Debug + Send + Sync + Any {
    /// The name of its row in [`FOLDS`](super::FOLDS), under which plans have it.
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

    /// The most bytes of a narrow state ([`Ready::narrow_state`]) over a block of this shape, and of finishing it; nothing
    /// for a fold without such states.
    fn narrow_bytes(&self, block: &[u64]) -> Option<u64> {
        let _ = block;
        None
    }

    /// What its time goes with.
    fn load(&self) -> Load;

    /// Whether its elements can be written to their place in the result as they come
    /// ([`State::place`]). Only where every axis is kept.
    fn places(&self) -> bool {
        false
    }

    /// The axis along which each block goes on from the one before ([`State::carry`]), if it is such a fold. Only
    /// where [`Fold::places`].
    fn carries(&self) -> Option<usize> {
        None
    }

    /// The most bytes of what a block of this shape hands on along that axis. Of a state's bytes ([`Fold::bytes`])
    /// all but two times these are its elements.
    fn carry_bytes(&self, block: &[u64]) -> u64 {
        let _ = block;
        0
    }

    /// What its results are beside the values of its first column: whether they have their name and unit.
    fn quantity(&self) -> Quantity {
        Quantity::Other
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

    /// The state of a block of this shape, empty, in fewer bytes ([`Fold::narrow_bytes`]); nothing if the fold has no such
    /// states. It merges with others and finishes into the same bits, unless it tells that it will not do
    /// ([`State::exceeded`]).
    ///
    /// # Errors
    /// As [`Ready::state`].
    fn narrow_state(&self, block: &[u64]) -> Result<Option<Box<dyn State>>> {
        let _ = block;
        Ok(None)
    }

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

    /// Whether it is narrow and its values do not fit it, so that it is worth nothing: whoever has it begins again with
    /// a state that is not narrow.
    fn exceeded(&self) -> bool {
        false
    }

    /// The elements of the last block, where each has a place of its own ([`Fold::places`]) and they are not there
    /// already.
    fn elements(&mut self) -> Option<&mut Buffer> {
        None
    }

    /// Takes what the block before along the axis handed on (nothing, if it is the first), and gives what this one
    /// hands on (nothing, if it is the last). All of the block's elements are there. Others may wait for it, so what
    /// takes its time is left to [`State::settle`]. Only where [`Fold::carries`].
    ///
    /// # Errors
    /// `Internal` for a fold that carries nothing, and if what came is of another one.
    fn carry(&mut self, before: Option<Box<dyn State>>) -> Result<Option<Box<dyn State>>> {
        drop(before);
        Err(internal("a fold that carries nothing from block to block"))
    }

    /// Makes the block's elements what they are after those before it, and puts them where they go. Only after
    /// [`State::carry`].
    ///
    /// # Errors
    /// What the operation says: `Overflow` where a result does not fit.
    fn settle(&mut self) -> Result<()> {
        Err(internal("a fold that carries nothing from block to block"))
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
pub(super) fn expect_params(fold: &dyn Fold, params: &[Given]) -> Result<()> {
    match fold.params().len() == params.len() {
        true => Ok(()),
        false => Err(internal("a fold was given another number of params than it takes")),
    }
}

/// A state that could not be read.
pub(super) fn damaged(operation: &str, what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Format, format!("a partial result is damaged: {what}")).at("operation", operation)
}
