//! What every kernel family has in common: how a block's terminal becomes dispatches, and what is
//! done with the bytes that come back.
//!
//! # Bindings
//! Every block kernel has the same ones, group 0:
//!
//! | binding | name | access | what |
//! |---|---|---|---|
//! | 0 | `params: array<u32>` | read | the layout's words, then the family's |
//! | 1 | `data: array<u32>` | read | the operands |
//! | 2 | `data4: array<vec4<u32>>` | read | the same bytes |
//! | 3 | `events: array<atomic<u32>>` | read, write | [`Events`](crate::ops::elementwise::Events) bits in word 0 |
//! | 4 | declared by the family | read, write | its output, zeros at first |
//! | 5 | declared by the family | read | its table, if it has one |

use super::device::{Context, Pipeline};
use super::layout::Layout;
use super::memory::DeviceBuffer;
use crate::error::Result;
use crate::ops::fold::{Block, State};
use std::sync::Arc;

/// The binding of the output.
pub const OUT: u32 = 4;
/// The binding of the table.
pub const TABLE: u32 = 5;

/// One dispatch of a launch.
pub struct Step {
    /// What runs.
    pub pipeline: Arc<Pipeline>,
    /// The words of `params`: [`Layout::words`] first where the kernel evaluates elements.
    pub params: Vec<u32>,
    /// Workgroups.
    pub groups: [u32; 3],
    /// The buffer of binding 5.
    pub table: Option<Arc<DeviceBuffer>>,
}

/// What is done with the output's bytes when they are on the host. Called once; on an error the
/// state may be half changed and the run ends.
pub type Absorb = Box<dyn FnOnce(&[u8], &mut dyn State) -> Result<()> + Send>;

/// How one block runs.
pub struct Launch {
    /// The dispatches, one after the other.
    pub steps: Vec<Step>,
    /// Bytes of output. Where the family [accumulates](Family::accumulates), always the same.
    pub output_bytes: u64,
    /// Adds the output to the terminal's state.
    pub absorb: Absorb,
}

/// A block as a family sees it.
pub struct Work<'a> {
    /// The device.
    pub context: &'a Context,
    /// Where the operands' elements are.
    pub layout: &'a Layout,
    /// What the block covers.
    pub block: Block<'a>,
    /// The position, among the state's outputs, of this block's first one: a block that is too large
    /// for a binding comes in pieces.
    pub first_output: u64,
    /// Elements of the whole block, of which this may be a piece.
    pub whole_len: u64,
}

/// One terminal of a kernel on the device.
pub trait Family: Send {
    /// How a block runs. Pipelines are found by their source in the context's cache; a family keeps
    /// those that it has had for a layout's [`key`](Layout::key).
    ///
    /// # Errors
    /// `Device` if the device fails.
    fn launch(&mut self, work: &Work) -> Result<Launch>;

    /// The most bytes of output for a block of this shape.
    fn output_bytes(&self, block: &[u64]) -> u64;

    /// Whether outputs add up over blocks on the device, so that they are read back only now and then:
    /// after at most this many elements. `None` if every block has its own output.
    fn accumulates(&self) -> Option<u64> {
        None
    }

    /// Bytes of tables that it holds on the device.
    fn table_bytes(&self) -> u64 {
        0
    }
}
