//! Reading sources: through the chunks that are kept for later or shared by the tasks of a walk.

use super::{Reader, Staged};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::grid::{Chunks, Dims, Slab, c_strides, unravel};
use crate::plan::Input;
use crate::source::assemble::{Place, chunks_of_slab, read_from_chunk};
use crate::source::{ReadCx, copy_slab};
use crate::view::{Placement, View};
use std::sync::Arc;

impl<'a> Reader<'a> {
    /// The source and the chunk that a slab is exactly, if it is one that is read this once.
    pub(super) fn whole_chunk(&self, input: &Input, slab: &Slab) -> Option<(usize, Dims)> {
        let s = input.source()?;
        let source = &self.cx.plan.opened()[s];
        let chunks = source.chunks().filter(|_| source.bytes().is_none())?;
        let chunk = chunks.at(&slab.start);
        let whole = *slab == Slab::dense(&chunks.region(&chunk));
        let once =
            || !self.cx.cache.enabled() || self.groups.uses(self.cx.sharing, s, &chunk, chunks) == Some(1);
        (whole && once()).then_some((s, chunk))
    }

    /// Fills `out` with a slab of a source, through the chunks that are kept or shared.
    pub(super) fn read_source(&mut self, s: usize, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let source = &self.cx.plan.opened()[s];
        let chunks = match source.chunks() {
            Some(chunks) if self.cx.cache.enabled() || self.cx.kept.is_some_and(|kept| kept.has(s)) => chunks,
            _ => {
                let mut cx = ReadCx { scratch: &mut self.scratch, stats: self.cx.stats };
                return source.read_region(slab, out, &mut cx);
            }
        };
        let size = source.dtype().size();
        let per_axis: Vec<Vec<u64>> = (0..slab.start.len()).map(|d| touched(slab, d, chunks)).collect();
        let counts: Dims = per_axis.iter().map(|c| c.len() as u64).collect();
        for i in 0..counts.iter().product() {
            let at = unravel(i, &counts);
            let chunk: Dims = at.iter().zip(&per_axis).map(|(&k, list)| list[k as usize]).collect();
            let region = chunks.region(&chunk);
            let len = region.len() as usize * size;
            if let Some(data) = self.kept_chunk(s, &chunk, len)? {
                copy_slab(&data, &region, slab, out, size);
                continue;
            }
            if !self.cx.cache.enabled() {
                let mut cx = ReadCx { scratch: &mut self.scratch, stats: self.cx.stats };
                read_from_chunk(source.as_ref(), &chunk, slab, &Place::dense(&slab.count), out, &mut cx)?;
                continue;
            }
            let key = (s, chunk.clone());
            let (scratch, stats, sharing, groups) =
                (&mut self.scratch, self.cx.stats, self.cx.sharing, &self.groups);
            let uses = || groups.uses(sharing, s, &chunk, chunks);
            let load = |out: &mut [u8]| source.read_chunk(&chunk, out, &mut ReadCx { scratch, stats });
            let data = self.cx.cache.get(&key, len, uses, load)?;
            copy_slab(&data, &region, slab, out, size);
        }
        Ok(())
    }

    /// A chunk of a source, if it is kept.
    ///
    /// # Errors
    /// As reading it.
    pub(super) fn kept_chunk(&mut self, s: usize, chunk: &[u64], len: usize) -> Result<Option<Arc<Buffer>>> {
        let Some(kept) = self.cx.kept else { return Ok(None) };
        let (source, stats, scratch) = (&self.cx.plan.opened()[s], self.cx.stats, &mut self.scratch);
        kept.get(s, chunk, len, stats, |out| source.read_chunk(chunk, out, &mut ReadCx { scratch, stats }))
    }

    /// A block that lies in one chunk of a source, where it lies in that chunk, if the chunk is kept.
    ///
    /// # Errors
    /// As reading it.
    pub(super) fn stage_kept(&mut self, input: &Input, block: &Slab) -> Result<Option<Staged<'a>>> {
        let Some(s) = input.source() else { return Ok(None) };
        if !self.cx.kept.is_some_and(|kept| kept.has(s)) {
            return Ok(None);
        }
        let source = &self.cx.plan.opened()[s];
        let Some(chunks) = source.chunks() else { return Ok(None) };
        let (slab, mut placement) = input.view.slab(block);
        let chunk = chunks.at(&slab.start);
        if (0..chunk.len()).any(|d| chunks.index_of(d, slab.last(d)) != chunk[d]) {
            return Ok(None);
        }
        let region = chunks.region(&chunk);
        let len = region.len() as usize * source.dtype().size();
        let Some(data) = self.kept_chunk(s, &chunk, len)? else { return Ok(None) };
        let strides = c_strides(&region.shape);
        placement.offset =
            (0..chunk.len()).map(|d| (slab.start[d] - region.start[d]) as i64 * strides[d]).sum();
        for (axis, stride) in input.view.axes.iter().zip(&mut placement.strides) {
            let Some((d, step)) = axis.from else { continue };
            *stride = strides[d] * slab.step[d] as i64 * step.signum();
            if step < 0 {
                placement.offset -= *stride * (slab.count[d] as i64 - 1);
            }
        }
        Ok(Some(Staged::Kept(data, placement)))
    }

    /// Tells a source that a slab will be read, unless all of it is kept.
    pub(super) fn advise(&mut self, s: usize, slab: &Slab) {
        let source = &self.cx.plan.opened()[s];
        if let (Some(kept), Some(chunks)) = (self.cx.kept.filter(|kept| kept.has(s)), source.chunks()) {
            let ranges = chunks_of_slab(slab, chunks);
            let counts: Dims = ranges.iter().map(|r| r.1 - r.0).collect();
            let held = |i: u64| {
                let mut chunk = unravel(i, &counts);
                chunk.iter_mut().zip(&ranges).for_each(|(c, r)| *c += r.0);
                kept.holds(s, &chunk)
            };
            if (0..counts.iter().product()).all(held) {
                return;
            }
        }
        source.advise(slab, &mut ReadCx { scratch: &mut self.scratch, stats: self.cx.stats });
    }
}

/// Where a block's elements lie in the whole array.
pub(super) fn direct(view: &View, block: &Slab, shape: &[u64]) -> Placement {
    let strides = c_strides(shape);
    let mut placement = Placement {
        offset: view.base.iter().zip(&strides).map(|(&b, &s)| b as i64 * s).sum(),
        strides: Default::default(),
    };
    for (d, axis) in view.axes.iter().enumerate() {
        let stride = axis.from.map_or(0, |(s, step)| step * strides[s]);
        placement.offset += stride * block.start[d] as i64;
        placement.strides.push(stride * block.step[d] as i64);
    }
    placement
}

/// The chunks along axis `d` that hold an element of the slab, those with the most of them first: what a halo
/// adds from the others, an element here and there, then goes to lines of memory that are at hand.
fn touched(slab: &Slab, d: usize, chunks: &Chunks) -> Vec<u64> {
    if slab.step[d] == 1 {
        let (first, last) = (slab.start[d], slab.last(d));
        let mut out: Vec<u64> = (chunks.index_of(d, first)..=chunks.index_of(d, last)).collect();
        out.sort_by_key(|&k| {
            let (start, end) = chunks.range(d, k);
            std::cmp::Reverse(end.min(last + 1) - start.max(first))
        });
        return out;
    }
    let each = (0..slab.count[d]).map(|i| chunks.index_of(d, slab.start[d] + i * slab.step[d]));
    let mut out: Vec<u64> = each.collect();
    out.dedup();
    out
}
