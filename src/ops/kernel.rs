//! What one task computes, as plain data: a fused program and what becomes of its outputs.
//!
//! A backend is handed a whole [`Kernel`] and a block of operands, and adds the block to the
//! [`State`]s of its terminals. It never sees single operations, so a new row in a table
//! needs no new backend code.

use super::fold::{Collect, Fold, Ready, SharedFold, State};
use super::program::Program;
use crate::error::Result;
use crate::grid::Grid;
use crate::view::Placement;
use smallvec::SmallVec;
use std::sync::Arc;

pub use super::fold::Block;

/// What becomes of some of a program's outputs: a fold with its params.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// The fold, as the plan has it.
    pub fold: SharedFold,
    /// The same with its params.
    pub ready: Arc<dyn Ready>,
    /// Per port of the fold, the position in [`Program::outputs`].
    pub ports: SmallVec<[usize; 4]>,
    /// Whether its states are narrow ones, if the fold has such.
    pub narrow: bool,
}

/// A fused program with its terminals.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The elementwise part.
    pub program: Program,
    /// What becomes of its outputs.
    pub terminals: Vec<Terminal>,
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

impl Terminal {
    /// A fold that takes no params, of the outputs at these positions.
    ///
    /// # Errors
    /// As [`Fold::ready`].
    pub fn new(fold: impl Fold, ports: &[usize]) -> Result<Terminal> {
        let ready = fold.ready(Some(&[]))?;
        Ok(Terminal { fold: SharedFold::new(fold), ready, ports: ports.into(), narrow: false })
    }

    /// The elements of an output of a program over `rank` axes.
    ///
    /// # Errors
    /// None, in truth: collecting takes no params.
    pub fn collect(program: &Program, output: usize, rank: usize) -> Result<Terminal> {
        Terminal::new(Collect::new(program.dtype(program.outputs[output]), rank), &[output])
    }

    /// The state for one block of shape `block`, empty.
    ///
    /// # Errors
    /// `Budget` if there is no memory for it.
    pub fn state(&self, block: &[u64]) -> Result<Box<dyn State>> {
        match self.narrow {
            true => self.ready.narrow_state(block)?.map_or_else(|| self.ready.state(block), Ok),
            false => self.ready.state(block),
        }
    }

    /// The most bytes that the state of a block of shape `block` takes.
    pub fn state_bytes(&self, block: &[u64]) -> u64 {
        state_bytes(&self.fold, block, self.narrow)
    }
}

/// As [`Terminal::state_bytes`].
pub fn state_bytes(fold: &SharedFold, block: &[u64], narrow: bool) -> u64 {
    let narrow = if narrow { fold.narrow_bytes(block) } else { None };
    narrow.unwrap_or_else(|| fold.bytes(block).state)
}

/// The most bytes of a state that a worker holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// The elements of a block, or the state of a fold whose elements have no place.
    pub elements: u64,
    /// What it carries from block to block.
    pub carried: u64,
}

impl Terminal {
    /// The most bytes that a worker holds of the state of a block of shape `block` of a grid. If elements go
    /// `in_place`, those that are not changed there are held nowhere else.
    pub fn held_bytes(&self, block: &[u64], grid: &Grid, in_place: bool) -> Held {
        held_bytes(&self.fold, block, grid, in_place, self.narrow)
    }
}

/// As [`Terminal::held_bytes`].
pub fn held_bytes(fold: &SharedFold, block: &[u64], grid: &Grid, in_place: bool, narrow: bool) -> Held {
    let Some(axis) = fold.carries() else {
        let elements = if in_place && fold.places() { 0 } else { state_bytes(fold, block, narrow) };
        return Held { elements, carried: 0 };
    };
    let carried = fold.carry_bytes(block).saturating_mul(2);
    let elements = fold.bytes(block).state.saturating_sub(carried);
    // Blocks that span the axis have nobody to hand on to.
    Held { elements, carried: if grid.axes[axis].blocks() > 1 { carried } else { 0 } }
}

impl Kernel {
    /// The same with narrow states, for the folds that have such.
    pub fn narrowed(&self) -> Kernel {
        let narrow = |t: &Terminal| Terminal { narrow: true, ..t.clone() };
        Kernel { program: self.program.clone(), terminals: self.terminals.iter().map(narrow).collect() }
    }

    /// Whether every output is collected, and nothing adds up.
    pub fn only_collects(&self) -> bool {
        self.terminals.iter().all(|t| t.fold.places())
    }
}
