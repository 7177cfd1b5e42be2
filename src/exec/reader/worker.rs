//! What one worker reads with: buffers, runners, and what its walk shares.

use super::groups::{Groups, Sharing};
use super::products::Products;
use super::runners::Runners;
use crate::backend::Backend;
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::budget::{Held, Meter};
use crate::exec::cache::ChunkCache;
use crate::exec::kept::Kept;
use crate::exec::value::Value;
use crate::exec::window::Windows;
use crate::grid::Dims;
use crate::ops::elementwise::Events;
use crate::ops::kernel::{Operand, Packing};
use crate::ops::simd::Simd;
use crate::plan::{Plan, Read, Supply};
use crate::source::{ReadStats, Scratch, Source};
use crate::view::Placement;
use std::collections::HashMap;
use std::sync::Arc;

/// Values made so far, by their number.
pub type Values = HashMap<usize, Value>;

/// What the tasks of a walk read with.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    pub plan: &'a Plan,
    pub values: &'a Values,
    /// Values of which there is one window.
    pub windows: Option<&'a Windows>,
    pub cache: &'a ChunkCache,
    /// Chunks that wait for a later pass or stage.
    pub kept: Option<&'a Kept>,
    pub sharing: Sharing<'a>,
    pub stats: &'a ReadStats,
    /// The CPU, which computes what lies inside of feeds.
    pub cpu: &'a dyn Backend,
    /// The device that multiplies matrices, if it is not the CPU. It is a task's choice for tiles, not
    /// a promise: what it cannot do, or fails at, is done on the CPU and counted.
    pub products: Option<&'a dyn Backend>,
    /// Whether it is an error if that device cannot.
    pub must_multiply: bool,
    pub simd: Simd,
}

/// A reader that waits for its next task: what it holds, without what it reads with.
pub struct Rested {
    scratch: Scratch,
    pool: Vec<Buffer>,
    pooled: u64,
    held: Held,
    runners: Runners,
    products: Products,
}

impl Rested {
    /// Holds nothing yet; what it will hold is counted by `meter`.
    pub fn new(meter: &Arc<Meter>) -> Rested {
        Rested {
            scratch: Scratch::default(),
            pool: Vec::new(),
            pooled: 0,
            held: Held::new(meter),
            runners: Runners::default(),
            products: Products::default(),
        }
    }

    /// The reader at work. It must be for the plan that it was for before.
    pub fn wake(self, cx: Reading<'_>) -> Reader<'_> {
        // In a walk that shares nothing every input is by itself.
        let groups =
            cx.sharing.map(|(grid, _, inputs)| Groups::new(cx.plan, grid, inputs)).unwrap_or_default();
        let Rested { scratch, pool, pooled, held, runners, products } = self;
        Reader { cx, scratch, pool, pooled, held, runners, groups, events: Events::default(), products }
    }
}

/// One worker's means to read.
pub struct Reader<'a> {
    pub(in crate::exec) cx: Reading<'a>,
    pub(in crate::exec) scratch: Scratch,
    pub(super) pool: Vec<Buffer>,
    pub(super) pooled: u64,
    /// What of [`Reader::bytes`] is counted as held.
    pub(super) held: Held,
    pub(super) runners: Runners,
    pub(super) groups: Groups,
    pub events: Events,
    pub products: Products,
}

/// An input that lies in memory as it is, in a chunk that is kept, or a staged copy.
pub enum Staged<'a> {
    Direct(&'a [u8], Placement),
    Kept(Arc<Buffer>, Placement),
    Copied(Buffer, Placement, Packing),
    /// In what another input of the block has staged.
    Within(usize, Placement),
}

impl Staged<'_> {
    /// The operand; `all` are the inputs of the block.
    pub fn operand<'o>(&'o self, all: &'o [Staged]) -> Operand<'o> {
        match self {
            Staged::Within(first, placement) => {
                Operand { placement: placement.clone(), ..all[*first].operand(&[]) }
            }
            Staged::Direct(bytes, placement) => Operand::plain(bytes, placement.clone()),
            Staged::Kept(chunk, placement) => Operand::plain(chunk, placement.clone()),
            Staged::Copied(buffer, placement, packing) => {
                Operand { bytes: buffer, placement: placement.clone(), packing: *packing }
            }
        }
    }
}

impl<'a> Reader<'a> {
    /// Puts the reader aside between two tasks, with its buffers, runners and products.
    pub fn rest(self) -> Rested {
        Rested {
            scratch: self.scratch,
            pool: self.pool,
            pooled: self.pooled,
            held: self.held,
            runners: self.runners,
            products: self.products.rest(),
        }
    }

    /// Bytes in buffers that this reader keeps or has lent out, and in runners of nested kernels.
    pub fn bytes(&self) -> u64 {
        self.pooled + self.scratch.bytes() + self.runners.bytes()
    }

    /// Counts what is held by now.
    pub fn count(&mut self) {
        self.held.set(self.bytes());
    }

    /// A buffer of `len` bytes with any content.
    pub fn take(&mut self, len: usize) -> Buffer {
        // The smallest that fits, or else the largest, which then grows.
        let fits = |b: &Buffer| {
            (b.capacity() < len, if b.capacity() < len { usize::MAX - b.capacity() } else { b.capacity() })
        };
        let best = (0..self.pool.len()).min_by_key(|&i| fits(&self.pool[i]));
        let mut buffer = best.map(|i| self.pool.swap_remove(i)).unwrap_or_default();
        if buffer.capacity() < len {
            // Counted before it is there: a task may be long.
            self.pooled += (Buffer::capacity_for(len) - buffer.capacity()) as u64;
            self.count();
        }
        buffer.resize_for_overwrite(len);
        buffer
    }

    /// Takes a buffer back.
    pub fn give(&mut self, buffer: Buffer) {
        self.pool.push(buffer);
    }

    /// The whole array behind an input, if it is in memory.
    pub(super) fn in_memory(&self, from: &Supply) -> Result<Option<(&'a [u8], Dims)>> {
        Ok(match from {
            Supply::Read(Read::Value(v)) => {
                let value = self.cx.values.get(v).ok_or_else(|| {
                    Error::new(ErrorKind::Value, format!("value {v} of the plan is not there"))
                        .hint("run the stages in order, and hand on what they make")
                })?;
                let array = value.as_array()?;
                Some((array.bytes(), array.shape().into()))
            }
            Supply::Read(Read::Source(s)) => {
                let source: &'a Arc<dyn Source> = &self.cx.plan.opened()[*s];
                source.bytes().map(|b| (b, source.shape().into()))
            }
            Supply::Feed(_) => None,
        })
    }

    /// Takes the buffers of staged inputs back.
    pub fn recycle(&mut self, staged: Vec<Staged>) {
        for s in staged {
            if let Staged::Copied(buffer, ..) = s {
                self.give(buffer);
            }
        }
    }
}
