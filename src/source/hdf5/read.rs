//! Reading chunks of a dataset, and what reading regions shares with it.

use super::bytes::{bring, canonical_bools, fill};
use super::dataset::{Access, BATCH, GAP, Hdf5Source};
use super::filters::precision::widen;
use super::filters::{
    Filter, Work, decode, decode_packed, first_missing, least_stored, most_stored, swap_bytes,
};
use super::handles::Borrowed;
use super::index::{ChunkIndex, Stored};
use super::meta::ReadAt;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Slab, unravel};
use crate::h5;
use crate::ops::kernel::Packing;
use crate::source::assemble::chunks_of_slab;
use crate::source::{ReadCx, ReadStats, Scratch};
use crate::trace::Activity;
use std::time::Instant;

/// What a chunk's elements are wanted as.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// As memory has them.
    Plain,
    /// As the file has them, where that is less work.
    Stored,
}

/// Brings a whole chunk into `out`.
pub(super) fn chunk(
    source: &Hdf5Source,
    coords: &[u64],
    form: Form,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<Packing> {
    let Some(shape) = source.chunks.as_ref().map(Chunks::shape) else {
        return Err(Error::new(ErrorKind::Unsupported, "the dataset is not chunked"));
    };
    let inside = coords.len() == shape.len()
        && (0..shape.len()).all(|d| coords[d].checked_mul(shape[d]).is_some_and(|o| o < source.shape[d]));
    if !inside {
        return Err(Error::new(ErrorKind::Index, format!("there is no chunk {coords:?}")));
    }
    if out.len() as u64 != source.chunk_bytes() {
        return Err(Error::new(ErrorKind::Internal, format!("a buffer of {} bytes for a chunk", out.len())));
    }
    let origin: Dims = coords.iter().zip(shape).map(|(c, n)| c * n).collect();
    ReadStats::add(&cx.stats.chunks_read, 1);
    let packing = bring_chunk(source, shape, coords, origin, form, out, cx)?;
    ReadStats::add(&cx.stats.chunks_decoded, 1);
    ReadStats::add(&cx.stats.chunks_packed, u64::from(packing != Packing::PLAIN));
    ReadStats::add(&cx.stats.bytes_decoded, out.len() as u64);
    Ok(packing)
}

fn bring_chunk(
    source: &Hdf5Source,
    shape: &[u64],
    coords: &[u64],
    origin: Dims,
    form: Form,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<Packing> {
    match &source.access {
        Access::Chunks { pipeline, bare_edges, index } => {
            let edge = (0..shape.len()).any(|d| origin[d] + shape[d] > source.shape[d]);
            let pipeline = if edge && *bare_edges { &[][..] } else { pipeline };
            return match index {
                Some(index) => own_chunk(source, index, coords, pipeline, form, out, cx),
                None => locked_chunk(source, &origin, pipeline, form, out, cx),
            };
        }
        Access::Library(_) => {
            let count: Dims = (0..shape.len()).map(|d| shape[d].min(source.shape[d] - origin[d])).collect();
            if *count != *shape {
                // The padding beyond the array's edge is unspecified, but not someone else's data.
                out.fill(0);
            }
            let part = Slab { start: origin, count, step: Dims::from_elem(1, shape.len()) };
            through_library(source, shape, &part, out, cx)?;
        }
        Access::Inline(_) | Access::Contiguous(_) | Access::External(_) | Access::Virtual(_) => {
            return Err(Error::new(ErrorKind::Internal, "a chunk of an array without chunks"));
        }
        Access::Empty | Access::Fill => fill(out, &source.fill),
    }
    Ok(Packing::PLAIN)
}

/// A raw copy by libhdf5 under its lock, the decoding outside it: for indexes that are not read here.
fn locked_chunk(
    source: &Hdf5Source,
    origin: &[u64],
    pipeline: &[Filter],
    form: Form,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<Packing> {
    let file = source.borrow()?;
    ReadStats::add(&cx.stats.library_reads, 1);
    let raw = &mut cx.scratch.raw;
    let found = under_lock(cx.stats, || -> Result<Option<u32>> {
        let id = file.dataset(&source.resolved)?;
        let stored = h5::stored_size(&id, origin)?;
        if stored == 0 {
            return Ok(None);
        }
        check_stored(stored, out.len() as u64, pipeline, source.fingerprint().size)?;
        if pipeline.is_empty() {
            return h5::read_stored(&id, origin, out).map(Some);
        }
        raw.resize_for_overwrite(stored as usize);
        h5::read_stored(&id, origin, raw).map(Some)
    })?;
    file.raw.unchanged()?;
    drop(file);
    let Some(mask) = found else {
        fill(out, &source.fill);
        return Ok(Packing::PLAIN);
    };
    if pipeline.is_empty() {
        ReadStats::add(&cx.stats.bytes_read, out.len() as u64);
        return Ok(as_stored(source, form, out));
    }
    ReadStats::add(&cx.stats.bytes_read, cx.scratch.raw.len() as u64);
    let Scratch { raw, work, .. } = &mut *cx.scratch;
    decoded(source, pipeline, mask, form, raw, work, out, cx.stats)
}

/// A chunk that is found through the file's own index.
fn own_chunk(
    source: &Hdf5Source,
    index: &ChunkIndex,
    coords: &[u64],
    pipeline: &[Filter],
    form: Form,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<Packing> {
    let file = source.borrow()?;
    let Some(stored) = find(source, index, &file, coords, pipeline, cx)? else {
        file.raw.unchanged()?;
        fill(out, &source.fill);
        return Ok(Packing::PLAIN);
    };
    if pipeline.is_empty() {
        bring(&file.raw, stored.address, out, cx.stats)?;
        return Ok(as_stored(source, form, out));
    }
    let Scratch { raw, work, .. } = &mut *cx.scratch;
    raw.resize_for_overwrite(stored.size as usize);
    bring(&file.raw, stored.address, raw, cx.stats)?;
    drop(file);
    decoded(source, pipeline, stored.mask, form, raw, work, out, cx.stats)
}

/// Where a chunk is stored, with sizes that can be true.
pub(super) fn find(
    source: &Hdf5Source,
    index: &ChunkIndex,
    file: &Borrowed,
    coords: &[u64],
    pipeline: &[Filter],
    cx: &mut ReadCx,
) -> Result<Option<Stored>> {
    let memo = cx.scratch.memos.of(source.number);
    let before = memo.reads;
    let found = index.find(&file.raw, coords, memo);
    ReadStats::add(&cx.stats.index_reads, memo.reads - before);
    let Some(stored) = found? else { return Ok(None) };
    check_stored(stored.size, source.chunk_bytes(), pipeline, file.raw.len())?;
    if stored.address.checked_add(stored.size).is_none_or(|end| end > file.raw.len()) {
        return Err(Error::new(
            ErrorKind::Format,
            format!("the chunk should be at bytes {} + {}", stored.address, stored.size),
        )
        .at("file length", file.raw.len())
        .hint("the file is cut off or damaged: copy it again"));
    }
    Ok(Some(stored))
}

/// Elements without filters, in the byte order that is wanted.
pub(super) fn as_stored(source: &Hdf5Source, form: Form, out: &mut [u8]) -> Packing {
    let size = source.element;
    if takes_packed(source, form) {
        return Packing { shuffled: false, swapped: source.swap };
    }
    if source.swap {
        swap_bytes(out, size);
    }
    in_native_bits(source, out);
    Packing::PLAIN
}

/// Elements in native byte order whose values are not all of their bits, made values.
pub(super) fn in_native_bits(source: &Hdf5Source, out: &mut [u8]) {
    if let Some(bits) = source.bits {
        // They fit: it was checked when the source was made.
        let fits = widen(out, source.element, bits);
        debug_assert!(fits.is_ok());
    }
    canonical_bools(source.dtype, out);
}

#[allow(clippy::too_many_arguments)]
pub(super) fn decoded(
    source: &Hdf5Source,
    pipeline: &[Filter],
    mask: u32,
    form: Form,
    input: &[u8],
    work: &mut Work,
    out: &mut [u8],
    stats: &ReadStats,
) -> Result<Packing> {
    if let Some(at) = first_missing(pipeline, mask) {
        return Err(not_there(source, at));
    }
    let (size, swap) = (source.element, source.swap);
    if takes_packed(source, form) {
        return stats
            .record(Activity::Decode, || decode_packed(pipeline, mask, size, swap, input, work, out));
    }
    stats.record(Activity::Decode, || decode(pipeline, mask, size, swap, input, work, out))?;
    in_native_bits(source, out);
    Ok(Packing::PLAIN)
}

/// Whether elements may stay as they are stored. A single byte is itself in any order, a bool's is
/// looked at, and odd integers are made native here.
fn takes_packed(source: &Hdf5Source, form: Form) -> bool {
    form == Form::Stored && source.element > 1 && source.bits.is_none()
}

/// Whether a stored size can be true, before memory is taken for it.
fn check_stored(stored: u64, chunk: u64, pipeline: &[Filter], file: u64) -> Result<()> {
    let possible = stored <= file
        && match pipeline {
            [] => stored == chunk,
            _ => stored <= most_stored(pipeline, chunk) && stored >= least_stored(pipeline, chunk),
        };
    if possible {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Format,
        format!("the file says that {stored} bytes are stored for a chunk of {chunk} bytes"),
    )
    .hint("the file is damaged: copy it again"))
}

/// Tells the system where the bytes of a region lie that will be read soon.
pub(super) fn advise(source: &Hdf5Source, slab: &Slab, cx: &mut ReadCx) -> Result<()> {
    match &source.access {
        Access::Contiguous(data) => {
            let (at, len) = data.span(&source.shape, source.element, slab);
            // What is spread thin is left to chance.
            if len <= 4 * slab.len().saturating_mul(source.element as u64) {
                source.borrow()?.raw.advise(at, len);
                ReadStats::add(&cx.stats.bytes_advised, len);
            }
        }
        Access::Chunks { index: Some(index), pipeline, .. } => {
            let Some(grid) = &source.chunks else { return Ok(()) };
            let file = source.borrow()?;
            let ranges = chunks_of_slab(slab, grid);
            let counts: Dims = ranges.iter().map(|r| r.1 - r.0).collect();
            let (mut at, mut end) = (0, 0);
            for k in 0..counts.iter().product::<u64>().min(BATCH as u64) {
                let coords: Dims = unravel(k, &counts).iter().zip(&ranges).map(|(c, r)| c + r.0).collect();
                let Some(stored) = find(source, index, &file, &coords, pipeline, cx)? else { continue };
                ReadStats::add(&cx.stats.chunks_advised, 1);
                ReadStats::add(&cx.stats.bytes_advised, stored.size);
                if stored.address < at || stored.address > end + GAP {
                    if end > at {
                        file.raw.advise(at, end - at);
                    }
                    at = stored.address;
                }
                end = stored.address + stored.size;
            }
            if end > at {
                file.raw.advise(at, end - at);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Reads `part` of the dataset into the origin of `out`, a box of shape `memory`.
pub(super) fn through_library(
    source: &Hdf5Source,
    memory: &[u64],
    part: &Slab,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<()> {
    let file = source.borrow()?;
    ReadStats::add(&cx.stats.library_reads, 1);
    let swap = under_lock(cx.stats, || -> Result<bool> {
        let id = file.dataset(&source.resolved)?;
        let element = h5::element_type(&h5::dataset_type(&id)?)?;
        let memory_space = h5::simple_space(memory)?;
        let (zeros, ones) = (Dims::from_elem(0, memory.len()), Dims::from_elem(1, memory.len()));
        h5::select(&memory_space, &zeros, &ones, &part.count)?;
        let file_space = h5::dataset_space(&id)?;
        h5::select(&file_space, &part.start, &part.step, &part.count)?;
        h5::with_plugins(source.options.allow_plugins, || {
            match h5::read_selection(&id, &element.memory, &memory_space, &file_space, out) {
                Ok(()) => Ok(element.swap),
                Err(e) => Err(missing_filter(source).unwrap_or(e)),
            }
        })
    })?;
    file.raw.unchanged()?;
    let bytes = part.len() * source.element as u64;
    ReadStats::add(&cx.stats.bytes_read, bytes);
    if swap {
        swap_bytes(out, source.element);
    }
    canonical_bools(source.dtype, out);
    Ok(())
}

/// The error for a filter that this libhdf5 does not have, if there is one.
fn missing_filter(source: &Hdf5Source) -> Option<Error> {
    let missing = |f: &&h5::FilterInfo| !h5::has_filter(f.id);
    source.filters.iter().position(|f| missing(&f)).map(|at| not_there(source, at))
}

/// The error for a filter that nobody has.
fn not_there(source: &Hdf5Source, at: usize) -> Error {
    let Some(filter) = source.filters.get(at) else {
        return Error::new(ErrorKind::Internal, "a filter that the dataset has not");
    };
    if super::filters::is_own(filter.id) {
        let what = format!(
            "the filter {} has the parameters {:?}, with which it can be none",
            super::filters::named(filter.id),
            filter.values
        );
        return Error::new(ErrorKind::Format, what);
    }
    let known = super::filter_name(filter.id).unwrap_or(match filter.name.as_str() {
        "" => "not a registered one",
        name => name,
    });
    let named = format!("{known} ({})", filter.id);
    let how = match source.options.allow_plugins {
        true => "install it as an HDF5 plugin and set HDF5_PLUGIN_PATH",
        false => {
            "if you have it as an HDF5 plugin, allow that with OpenOptions::new().allow_plugins() \
             (--allow-plugins) and set HDF5_PLUGIN_PATH"
        }
    };
    let what = format!("the data is compressed with the filter {named}, which is not available");
    Error::new(ErrorKind::Filter, what).at("filter", named).hint(format!(
        "{how} (`pip install hdf5plugin` has many: \
         python -c 'import hdf5plugin; print(hdf5plugin.PLUGIN_PATH)'), or rewrite the file with h5repack where that has the \
         filter"
    ))
}

/// Runs `f` under the HDF5 lock and counts the wait for it.
fn under_lock<T>(stats: &ReadStats, f: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    h5::locked(|| {
        ReadStats::add(&stats.lock_wait_ns, start.elapsed().as_nanos() as u64);
        stats.record(Activity::Read, f)
    })
}
