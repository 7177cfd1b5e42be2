//! Bringing the inputs of a block into memory: sources, earlier values, and what feeds make.
//!
//! A [`Reader`] is one worker's: it stages an input where it lies, in a kept chunk, or in a buffer of its own.
//! [`sources`] reads sources through the caches, [`made`] does what feeds ask for, [`products`] has tiles
//! multiplied, [`ahead`] tells sources what comes next, and [`parts`] computes a block in pieces as they are
//! read.

mod ahead;
mod made;
mod parts;
mod products;
mod shared;
mod sources;

pub(super) use ahead::Ahead;
pub(super) use parts::Parts;

use super::budget::{Held, Meter};
use super::cache::ChunkCache;
use super::kept::Kept;
use super::value::Value;
use crate::backend::Backend;
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, Grid, Region, Slab};
use crate::ops::elementwise::Events;
use crate::ops::kernel::{Operand, Packing};
use crate::ops::simd::Simd;
use crate::plan::{Input, Plan, Read, Supply};
use crate::source::{ReadCx, ReadStats, Scratch, Source, copy_slab};
use crate::view::Placement;
use made::Runners;
use products::Products;
use shared::Groups;
use sources::direct;
use std::collections::HashMap;
use std::sync::Arc;

/// Values made so far, by their number.
pub type Values = HashMap<usize, Value>;

/// What the tasks of a walk read with.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    pub plan: &'a Plan,
    pub values: &'a Values,
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
    pub(super) cx: Reading<'a>,
    pub(super) scratch: Scratch,
    pool: Vec<Buffer>,
    pooled: u64,
    /// What of [`Reader::bytes`] is counted as held.
    held: Held,
    runners: Runners,
    groups: Groups,
    pub events: Events,
    pub products: Products,
}

/// What a stage's tasks share chunks by: its grid, the pass' window, its inputs.
pub type Sharing<'a> = Option<(&'a Grid, &'a Region, &'a [Input])>;

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

    /// The elements of an input for a block of its domain. The block must not be empty.
    pub fn stage(&mut self, input: &Input, block: &Slab, dtype: DType) -> Result<Staged<'a>> {
        if let Some((bytes, shape)) = self.in_memory(&input.from)? {
            return Ok(Staged::Direct(bytes, direct(&input.view, block, &shape)));
        }
        if let Some(staged) = self.stage_kept(input, block)? {
            return Ok(staged);
        }
        let (slab, placement) = input.view.slab(block);
        let mut buffer = self.take(slab.len() as usize * dtype.size());
        match self.read(&input.from, &slab, dtype, &mut buffer) {
            Ok(()) => Ok(Staged::Copied(buffer, placement, Packing::PLAIN)),
            Err(e) => {
                self.give(buffer);
                Err(e)
            }
        }
    }

    /// All inputs of a block of their domain, which must not be empty; `packed` says that what is stored in
    /// another order may come so.
    pub fn stage_all(
        &mut self,
        inputs: &[Input],
        dtypes: &[DType],
        block: &Slab,
        packed: bool,
    ) -> Result<Vec<Staged<'a>>> {
        let mut staged = Vec::with_capacity(inputs.len());
        for (i, (input, &dtype)) in inputs.iter().zip(dtypes).enumerate() {
            if !self.groups.is_empty()
                && let Some(grouped) = self.stage_grouped(i, inputs, block, dtype)?
            {
                staged.push(grouped);
                continue;
            }
            staged.push(match packed {
                true => self.stage_packed(input, block, dtype)?,
                false => self.stage(input, block, dtype)?,
            });
        }
        Ok(staged)
    }

    /// As [`Reader::stage`], for a part of a block of inputs of which nothing is kept or shared.
    pub fn stage_part(
        &mut self,
        input: &Input,
        block: &Slab,
        part: &Slab,
        dtype: DType,
    ) -> Result<Staged<'a>> {
        let Some(s) = input.source() else { return self.stage(input, part, dtype) };
        let source = &self.cx.plan.opened()[s];
        if source.bytes().is_some() {
            return self.stage(input, part, dtype);
        }
        let ((of, _), (slab, placement)) = (input.view.slab(block), input.view.slab(part));
        let mut buffer = self.take(slab.len() as usize * dtype.size());
        let mut cx = ReadCx { scratch: &mut self.scratch, stats: self.cx.stats };
        source.read_part(&of, &slab, &mut buffer, &mut cx)?;
        Ok(Staged::Copied(buffer, placement, Packing::PLAIN))
    }

    /// As [`Reader::stage`], but a block that is one whole chunk of a source may come as it is stored,
    /// where it is not kept and no other block wants that chunk from the cache.
    pub fn stage_packed(&mut self, input: &Input, block: &Slab, dtype: DType) -> Result<Staged<'a>> {
        if let Some(staged) = self.stage_kept(input, block)? {
            return Ok(staged);
        }
        let (slab, placement) = input.view.slab(block);
        let Some((s, chunk)) = self.whole_chunk(input, &slab) else {
            return self.stage(input, block, dtype);
        };
        let mut buffer = self.take(slab.len() as usize * dtype.size());
        let mut cx = ReadCx { scratch: &mut self.scratch, stats: self.cx.stats };
        match self.cx.plan.opened()[s].read_packed(&chunk, &mut buffer, &mut cx) {
            Ok(packing) => Ok(Staged::Copied(buffer, placement, packing)),
            Err(e) => {
                self.give(buffer);
                Err(e)
            }
        }
    }

    /// The whole array behind an input, if it is in memory.
    fn in_memory(&self, from: &Supply) -> Result<Option<(&'a [u8], Dims)>> {
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

    /// Fills `out` with the elements of a slab of what an input sees, C order.
    fn read(&mut self, from: &Supply, slab: &Slab, dtype: DType, out: &mut [u8]) -> Result<()> {
        if slab.is_empty() {
            return Ok(());
        }
        if let Some((bytes, shape)) = self.in_memory(from)? {
            copy_slab(bytes, &Region::whole(&shape), slab, out, dtype.size());
            return Ok(());
        }
        match from {
            Supply::Read(Read::Source(s)) => self.read_source(*s, slab, out),
            Supply::Read(Read::Value(_)) => Ok(()),
            Supply::Feed(fed) => self.make(fed, slab, out),
        }
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

#[cfg(test)]
mod tests;
