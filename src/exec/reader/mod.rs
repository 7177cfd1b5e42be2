//! Bringing the inputs of a block into memory: sources, earlier values, and what feeds make.
//!
//! A [`Reader`] is one worker's: it stages an input where it lies, in a kept chunk, or in a buffer of its own.
//! [`sources`] reads sources through the caches, [`made`] does what feeds ask for, [`products`] has tiles
//! multiplied, [`ahead`] tells sources what comes next, and [`parts`] computes a block in pieces as they are
//! read.

mod ahead;
mod groups;
mod made;
mod parts;
mod products;
mod runners;
mod shared;
mod sources;
mod worker;

pub(super) use ahead::Ahead;
pub(super) use parts::Parts;
pub use worker::{Reader, Reading, Rested, Staged, Values};

use crate::dtype::DType;
use crate::error::Result;
use crate::grid::{Dims, Region, Slab, c_strides};
use crate::ops::kernel::Packing;
use crate::plan::{Input, Read, Supply};
use crate::source::{ReadCx, copy_slab};
use sources::direct;

impl<'a> Reader<'a> {
    /// The elements of an input for a block of its domain. The block must not be empty.
    pub fn stage(&mut self, input: &Input, block: &Slab, dtype: DType) -> Result<Staged<'a>> {
        if let (Supply::Read(Read::Value(v)), Some(windows)) = (&input.from, self.cx.windows)
            && let Some(window) = windows.get(v)
        {
            let shape: Dims = window.array.shape().into();
            let mut placement = direct(&input.view, block, &shape);
            placement.offset -= window.start as i64 * c_strides(&shape)[window.axis];
            return Ok(Staged::Direct(window.array.bytes(), placement));
        }
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
}

#[cfg(test)]
mod tests;
