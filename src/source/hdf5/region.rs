//! Regions of a dataset: at once, or part by part.
//!
//! A region goes through the file's index: the chunks in the order in which they lie in the file, neighbours in
//! one read. A part of a region is read as a region is, but the file stays borrowed between the parts, and a chunk
//! counts with the part that has the first of its wanted elements. So a region that is read in parts counts what
//! it counts when it is read at once, but for the number of positioned reads.

use super::bytes::{bring, fill};
use super::contiguous::{Contiguous, read_loops};
use super::dataset::{Access, BATCH, GAP, Hdf5Source, INDEX_BYTES, JOINED};
use super::filters::{Filter, swap_bytes};
use super::handles::Borrowed;
use super::index::{ChunkIndex, Stored};
use super::read::{Form, as_stored, decoded, find, in_native_bits, through_library};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, Region, Slab, unravel};
use crate::source::assemble::{Loop, Loops, chunks_of_slab, copy, plan, read_by_chunks};
use crate::source::{ReadCx, ReadStats, Scratch, copy_slab};

const _: () = assert!(BATCH * size_of::<Want>() <= INDEX_BYTES as usize / 2);

/// Brings a region that is known to lie in the array and to be not empty.
pub(super) fn region(source: &Hdf5Source, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
    match &source.access {
        Access::Empty | Access::Fill => fill(out, &source.fill),
        Access::Inline(bytes) => {
            copy_slab(bytes, &Region::whole(&source.shape), slab, out, source.element);
        }
        Access::Contiguous(data) => return contiguous(source, data, &source.borrow()?, slab, out, cx),
        Access::External(files) => {
            let read = |at: u64, out: &mut [u8], stats: &ReadStats| files.read(at, out, stats);
            let data = Contiguous::elsewhere();
            data.read(&read, &source.shape, source.element, slab, out, cx)?;
            native(source, out, cx);
            return Ok(());
        }
        Access::Virtual(made) => return made.read_region(slab, out, cx),
        Access::Chunks { pipeline, bare_edges, index: Some(index) } => {
            let own = Own { source, file: &source.borrow()?, index, pipeline, bare_edges: *bare_edges };
            return own.region(slab, None, out, cx);
        }
        _ if source.chunks.is_some() => return read_by_chunks(source, slab, out, cx),
        _ => through_library(source, &slab.count.clone(), slab, out, cx)?,
    }
    ReadStats::add(&cx.stats.bytes_decoded, out.len() as u64);
    Ok(())
}

/// Whether [`part`] costs no more than [`region`]: nothing is decoded, and nothing is read to be picked from
/// that the next part would read again.
pub(super) fn in_parts(source: &Hdf5Source) -> bool {
    match &source.access {
        Access::Contiguous(_) => true,
        Access::Chunks { pipeline, index: Some(_), .. } => {
            pipeline.is_empty() && !source.swap && source.bits.is_none() && source.dtype != DType::Bool
        }
        _ => false,
    }
}

/// Brings `part` of the region `of`, which is read part by part; both lie in the array and are not empty.
pub(super) fn part(
    source: &Hdf5Source,
    of: &Slab,
    part: &Slab,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<()> {
    if !in_parts(source) {
        return region(source, part, out, cx);
    }
    // Another file is given back first: a thread never borrows two.
    let kept = cx.scratch.file.take().filter(|file| file.is(&source.canonical, &source.state));
    let file = kept.map_or_else(|| source.borrow(), Ok)?;
    let done = match &source.access {
        Access::Contiguous(data) => contiguous(source, data, &file, part, out, cx),
        Access::Chunks { pipeline, bare_edges, index: Some(index) } => {
            let own = Own { source, file: &file, index, pipeline, bare_edges: *bare_edges };
            own.region(part, Some(of), out, cx)
        }
        _ => region(source, part, out, cx),
    };
    cx.scratch.file = Some(file);
    done
}

fn contiguous(
    source: &Hdf5Source,
    data: &Contiguous,
    file: &Borrowed,
    slab: &Slab,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<()> {
    let read = |at: u64, out: &mut [u8], stats: &ReadStats| bring(&file.raw, at, out, stats);
    data.read(&read, &source.shape, source.element, slab, out, cx)?;
    native(source, out, cx);
    Ok(())
}

/// Makes stored elements those of memory, and counts them.
fn native(source: &Hdf5Source, out: &mut [u8], cx: &mut ReadCx) {
    if source.swap {
        swap_bytes(out, source.element);
    }
    in_native_bits(source, out);
    ReadStats::add(&cx.stats.bytes_decoded, out.len() as u64);
}

/// A chunk of which something is wanted: the loops of the copy to its place, and where it is stored.
struct Want {
    coords: Dims,
    from: usize,
    to: usize,
    loops: Loops,
    bare: bool,
    /// Whether it is counted as read and decoded.
    counts: bool,
    stored: Stored,
}

/// Chunks that are found through the file's index.
struct Own<'a> {
    source: &'a Hdf5Source,
    file: &'a Borrowed,
    index: &'a ChunkIndex,
    pipeline: &'a [Filter],
    bare_edges: bool,
}

impl Own<'_> {
    /// Reads a region, or a part of the region `of`.
    fn region(&self, slab: &Slab, of: Option<&Slab>, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        let Own { source, file, index, pipeline, bare_edges } = *self;
        let Some(grid) = &source.chunks else {
            return Err(Error::new(ErrorKind::Internal, "a chunked dataset without a chunk shape"));
        };
        let shape = grid.shape();
        let ranges = chunks_of_slab(slab, grid);
        let counts: Dims = ranges.iter().map(|r| r.1 - r.0).collect();
        let chunks: u64 = counts.iter().product();
        let mut batch: Vec<Want> = Vec::with_capacity(chunks.min(BATCH as u64) as usize);
        let mut missing = false;
        for k in 0..chunks {
            let coords: Dims = unravel(k, &counts).iter().zip(&ranges).map(|(c, r)| c + r.0).collect();
            // An axis with a long step can jump over a chunk.
            let region = grid.region(&coords);
            let Some((from, to, loops)) = plan(&region, slab) else { continue };
            let first = |of: &Slab| plan(&region, of).is_none_or(|(first, ..)| first == from);
            let counts = of.is_none_or(first);
            let edge = (0..shape.len()).any(|d| region.start[d] + shape[d] > source.shape[d]);
            let bare = pipeline.is_empty() || (edge && bare_edges);
            let found = find(source, index, file, &coords, if bare { &[] } else { pipeline }, cx);
            match found.map_err(|e| source.locate_chunk(e, &coords))? {
                Some(stored) => batch.push(Want { coords, from, to, loops, bare, counts, stored }),
                None => {
                    missing = true;
                    if counts {
                        count_chunk(source, cx);
                    }
                    fill_loops(source, from, to, &loops, out, cx);
                }
            }
            if batch.len() == BATCH {
                read_batch(source, file, pipeline, &mut batch, out, cx)?;
            }
        }
        read_batch(source, file, pipeline, &mut batch, out, cx)?;
        // That a chunk is not there is read, too.
        if missing { file.raw.unchanged() } else { Ok(()) }
    }
}

fn count_chunk(source: &Hdf5Source, cx: &ReadCx) {
    ReadStats::add(&cx.stats.chunks_read, 1);
    ReadStats::add(&cx.stats.chunks_decoded, 1);
    ReadStats::add(&cx.stats.bytes_decoded, source.chunk_bytes());
}

/// The fill value in the place of a chunk that is not stored.
fn fill_loops(source: &Hdf5Source, from: usize, to: usize, loops: &[Loop], out: &mut [u8], cx: &mut ReadCx) {
    let size = source.element;
    if let [Loop { count, from: 1, to: 1 }] = *loops {
        return fill(&mut out[to * size..(to + count) * size], &source.fill);
    }
    let mut chunk = std::mem::take(&mut cx.scratch.chunk);
    chunk.resize_for_overwrite(source.chunk_bytes() as usize);
    fill(&mut chunk, &source.fill);
    copy(&chunk, out, from, to, loops, size);
    cx.scratch.chunk = chunk;
}

fn read_batch(
    source: &Hdf5Source,
    file: &Borrowed,
    pipeline: &[Filter],
    batch: &mut Vec<Want>,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<()> {
    batch.sort_unstable_by_key(|w| w.stored.address);
    let end_of = |w: &Want| w.stored.address + w.stored.size;
    let mut rest = &batch[..];
    while let Some((first, more)) = rest.split_first() {
        let start = first.stored.address;
        let mut end = end_of(first);
        let near = more.iter().take_while(|w| {
            let joined = w.stored.address <= end + GAP && end_of(w).max(end) - start <= JOINED;
            end = if joined { end.max(end_of(w)) } else { end };
            joined
        });
        let group = 1 + near.count();
        if group == 1 && first.bare {
            bare(source, file, first, out, cx).map_err(|e| source.locate_chunk(e, &first.coords))?;
        } else {
            let mut raw = std::mem::take(&mut cx.scratch.raw);
            raw.resize_for_overwrite((end - start) as usize);
            let mut done = bring(&file.raw, start, &mut raw, cx.stats)
                .map_err(|e| source.locate_chunk(e, &first.coords));
            for w in &rest[..group] {
                let at = (w.stored.address - start) as usize;
                let stored = &raw[at..at + w.stored.size as usize];
                done = done.and_then(|()| {
                    place(source, pipeline, w, stored, out, cx).map_err(|e| source.locate_chunk(e, &w.coords))
                });
            }
            cx.scratch.raw = raw;
            done?;
        }
        rest[..group].iter().filter(|w| w.counts).for_each(|_| count_chunk(source, cx));
        rest = &rest[group..];
    }
    batch.clear();
    Ok(())
}

/// A chunk without filters: only what is wanted of it is read, straight to its place where it can be.
fn bare(source: &Hdf5Source, file: &Borrowed, want: &Want, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
    let size = source.element;
    let bytes = source.chunk_bytes() as usize;
    if want.is_whole(bytes / size) {
        let out = &mut out[want.to * size..][..bytes];
        bring(&file.raw, want.stored.address, out, cx.stats)?;
        as_stored(source, Form::Plain, out);
    } else if source.swap || source.bits.is_some() || source.dtype == DType::Bool {
        let mut chunk = std::mem::take(&mut cx.scratch.chunk);
        chunk.resize_for_overwrite(bytes);
        let done = bring(&file.raw, want.stored.address, &mut chunk, cx.stats);
        if done.is_ok() {
            as_stored(source, Form::Plain, &mut chunk);
            copy(&chunk, out, want.from, want.to, &want.loops, size);
        }
        cx.scratch.chunk = chunk;
        done?;
    } else {
        let at = want.stored.address;
        read_loops(&file.raw, at, size, want.from as u64, want.to, &want.loops, out, cx)?;
    }
    Ok(())
}

impl Want {
    /// Whether all `elements` of the chunk are wanted, and lie in one run.
    fn is_whole(&self, elements: usize) -> bool {
        self.from == 0 && *self.loops == [Loop { count: elements, from: 1, to: 1 }]
    }
}

/// Puts the wanted elements of a stored chunk into their place.
fn place(
    source: &Hdf5Source,
    pipeline: &[Filter],
    want: &Want,
    stored: &[u8],
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<()> {
    let size = source.element;
    let bytes = source.chunk_bytes() as usize;
    let Scratch { work, chunk, .. } = &mut *cx.scratch;
    let whole = want.is_whole(bytes / size);
    let target: &mut [u8] = if whole {
        &mut out[want.to * size..][..bytes]
    } else {
        chunk.resize_for_overwrite(bytes);
        &mut *chunk
    };
    if want.bare {
        target.copy_from_slice(stored);
        as_stored(source, Form::Plain, target);
    } else {
        decoded(source, pipeline, want.stored.mask, Form::Plain, stored, work, target, cx.stats)?;
    }
    if !whole {
        copy(&cx.scratch.chunk, out, want.from, want.to, &want.loops, size);
    }
    Ok(())
}
