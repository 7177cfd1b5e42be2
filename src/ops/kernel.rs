//! What one task computes, as plain data: a fused program and what becomes of its outputs.
//!
//! A backend is handed a whole [`Kernel`] and a block of operands, and adds the block to
//! [`Partial`]s. It never sees single operations, so a new row in a table needs no new backend code.

use super::histogram::{HistogramSpec, State as HistogramState};
use super::program::Program;
use super::reduce::{ReduceSpec, State as ReduceState};
use super::shared::Patch;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::grid::{Dims, Region};
use crate::view::Placement;
use std::sync::Arc;

/// What becomes of a program's outputs. The numbers are positions in [`Program::outputs`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Terminal {
    /// The elements themselves.
    Collect {
        /// The output.
        from: usize,
    },
    /// A reduction over some axes.
    Reduce {
        /// The row with its options.
        spec: ReduceSpec,
        /// The output with the values, of the spec's compute dtype.
        values: usize,
        /// The output with the weights.
        weights: Option<usize>,
        /// The bool output that says which elements take part.
        mask: Option<usize>,
        /// Per axis of the domain, whether it is reduced.
        reduced: Vec<bool>,
    },
    /// A histogram of all elements.
    Histogram {
        /// Edges and dtypes.
        spec: Arc<HistogramSpec>,
        /// The outputs with the coordinates, one per dimension.
        coords: Vec<usize>,
        /// The output with the weights.
        weights: Option<usize>,
        /// The bool output that says which elements take part.
        mask: Option<usize>,
    },
}

/// A fused program with its terminals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// The elementwise part.
    pub program: Program,
    /// What becomes of its outputs.
    pub terminals: Vec<Terminal>,
}

/// What a terminal has gathered so far.
pub enum Partial {
    /// The elements of the last block, C order.
    Collect(Buffer),
    /// The place in the result where the elements of the next block go. For the CPU only.
    Placed(Patch),
    /// Accumulators, one per output in the block.
    Reduce(Box<ReduceState>),
    /// Bins.
    Histogram(Box<HistogramState>),
}

/// One input of a block: bytes, and where the block's elements lie in them.
#[derive(Clone, Debug)]
pub struct Operand<'a> {
    /// The staged elements.
    pub bytes: &'a [u8],
    /// Where the block's elements are among them.
    pub placement: Placement,
    /// How their bytes lie.
    pub packing: Packing,
}

impl<'a> Operand<'a> {
    /// Elements as memory has them.
    pub fn plain(bytes: &'a [u8], placement: Placement) -> Operand<'a> {
        Operand { bytes, placement, packing: Packing::PLAIN }
    }
}

/// How the bytes of elements lie. The default, plain, is each element's bytes together in native order;
/// only what says so ([`Runner::takes_packed`](crate::backend::Runner::takes_packed)) takes another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Packing {
    /// The first bytes of all elements, then the second ones, and so on.
    pub shuffled: bool,
    /// Each element's bytes in the order that is not native.
    pub swapped: bool,
}

impl Packing {
    /// Elements as memory has them.
    pub const PLAIN: Packing = Packing { shuffled: false, swapped: false };
}

/// A block of the domain.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// What it covers.
    pub region: &'a Region,
    /// The shape of the whole domain (positions of `argmin` count in it).
    pub domain: &'a [u64],
}

impl Terminal {
    /// The partial for one block of shape `block`, empty.
    ///
    /// # Errors
    /// `Budget` if there is no memory for it.
    pub fn partial(&self, block: &[u64]) -> Result<Partial> {
        Ok(match self {
            Terminal::Collect { .. } => Partial::Collect(Buffer::new()),
            Terminal::Reduce { spec, reduced, .. } => {
                let outputs: u64 = kept(block, reduced).iter().product();
                Partial::Reduce(Box::new(ReduceState::new(spec, outputs as usize)))
            }
            Terminal::Histogram { spec, .. } => Partial::Histogram(Box::new(HistogramState::new(spec)?)),
        })
    }

    /// The most bytes that the partial of a block of shape `block` takes.
    pub fn partial_bytes(&self, block: &[u64], program: &Program) -> u64 {
        let len: u64 = block.iter().product();
        match self {
            Terminal::Collect { from } => {
                len.saturating_mul(program.dtype(program.outputs[*from]).size() as u64)
            }
            Terminal::Reduce { spec, reduced, .. } => {
                kept(block, reduced).iter().product::<u64>().saturating_mul(spec.bytes_per_output())
            }
            Terminal::Histogram { spec, .. } => spec.bytes_per_state(),
        }
    }
}

impl Partial {
    /// Adds what another partial of the same terminal and outputs has gathered. The order of merges
    /// never shows in the result.
    ///
    /// # Errors
    /// `Internal` if the two are not of one kind.
    pub fn merge(&mut self, other: &Partial) -> Result<()> {
        match (self, other) {
            (Partial::Reduce(a), Partial::Reduce(b)) => a.merge(b),
            (Partial::Histogram(a), Partial::Histogram(b)) => a.merge(b)?,
            _ => {
                return Err(crate::Error::new(
                    crate::ErrorKind::Internal,
                    "partials of two kinds cannot be merged",
                ));
            }
        }
        Ok(())
    }
}

/// The lengths of the axes that are not reduced.
pub fn kept(shape: &[u64], reduced: &[bool]) -> Dims {
    shape.iter().zip(reduced).filter(|(_, r)| !**r).map(|(&n, _)| n).collect()
}
