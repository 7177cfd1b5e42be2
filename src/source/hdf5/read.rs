//! Reading chunks and regions of a dataset.

use super::filters::{Filter, decode, decode_packed, least_deflated, most_stored, swap_bytes};
use super::open::{Access, Hdf5Source};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Slab};
use crate::h5;
use crate::ops::kernel::Packing;
use crate::source::assemble::read_by_chunks;
use crate::source::{ReadCx, ReadStats};
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
    let packing = bring_chunk(source, shape, origin, form, out, cx)?;
    ReadStats::add(&cx.stats.chunks_decoded, 1);
    ReadStats::add(&cx.stats.chunks_packed, u64::from(packing != Packing::PLAIN));
    ReadStats::add(&cx.stats.bytes_decoded, out.len() as u64);
    Ok(packing)
}

fn bring_chunk(
    source: &Hdf5Source,
    shape: &[u64],
    origin: Dims,
    form: Form,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<Packing> {
    match &source.access {
        Access::Chunks { pipeline, bare_edges } => {
            let edge = (0..shape.len()).any(|d| origin[d] + shape[d] > source.shape[d]);
            return own_chunk(
                source,
                &origin,
                if edge && *bare_edges { &[] } else { pipeline },
                form,
                out,
                cx,
            );
        }
        Access::Library => {
            let count: Dims = (0..shape.len()).map(|d| shape[d].min(source.shape[d] - origin[d])).collect();
            if *count != *shape {
                // The padding beyond the array's edge is unspecified, but not someone else's data.
                out.fill(0);
            }
            let part = Slab { start: origin, count, step: Dims::from_elem(1, shape.len()) };
            through_library(source, shape, &part, out, cx)?;
        }
        Access::Empty | Access::Fill | Access::Contiguous(_) => fill(out, &source.fill),
    }
    Ok(Packing::PLAIN)
}

/// Brings a region that is known to lie in the array and to be not empty.
pub(super) fn region(source: &Hdf5Source, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
    match &source.access {
        Access::Empty | Access::Fill => fill(out, &source.fill),
        Access::Contiguous(data) => {
            let file = source.borrow()?;
            data.read(&file.raw, &source.shape, source.dtype.size(), slab, out, cx)?;
            if source.swap {
                swap_bytes(out, source.dtype.size());
            }
            canonical_bools(source.dtype, out);
        }
        _ if source.chunks.is_some() => return read_by_chunks(source, slab, out, cx),
        _ => through_library(source, &slab.count.clone(), slab, out, cx)?,
    }
    ReadStats::add(&cx.stats.bytes_decoded, out.len() as u64);
    Ok(())
}

enum Stored {
    /// Not allocated.
    Nothing,
    /// Already in `out`.
    Plain,
    /// In the scratch, with this filter mask.
    Raw(u32),
}

/// A raw copy under the lock, the decoding outside it.
fn own_chunk(
    source: &Hdf5Source,
    origin: &[u64],
    pipeline: &[Filter],
    form: Form,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<Packing> {
    let size = source.dtype.size();
    let file = source.borrow()?;
    let raw = &mut cx.scratch.raw;
    let stored = under_lock(cx.stats, || -> Result<Stored> {
        let id = file.dataset(&source.resolved)?;
        let stored = h5::stored_size(&id, origin)?;
        if stored == 0 {
            return Ok(Stored::Nothing);
        }
        check_stored(stored, out.len() as u64, pipeline, source.fingerprint.size)?;
        if pipeline.is_empty() {
            h5::read_stored(&id, origin, out)?;
            return Ok(Stored::Plain);
        }
        raw.resize_for_overwrite(stored as usize);
        h5::read_stored(&id, origin, raw).map(Stored::Raw)
    })?;
    drop(file);
    // A single byte is itself in any order, and a bool's is looked at below.
    let stays = form == Form::Stored && size > 1;
    let mut packing = Packing::PLAIN;
    match stored {
        Stored::Nothing => {
            fill(out, &source.fill);
            return Ok(packing);
        }
        Stored::Plain => {
            ReadStats::add(&cx.stats.bytes_read, out.len() as u64);
            match stays {
                true => packing.swapped = source.swap,
                false if source.swap => swap_bytes(out, size),
                false => {}
            }
        }
        Stored::Raw(mask) => {
            ReadStats::add(&cx.stats.bytes_read, cx.scratch.raw.len() as u64);
            let stats = cx.stats;
            let (scratch, swap) = (&mut *cx.scratch, source.swap);
            packing = stats.record(Activity::Decode, || match stays {
                true => decode_packed(pipeline, mask, size, swap, scratch, out),
                false => decode(pipeline, mask, size, swap, scratch, out).map(|()| Packing::PLAIN),
            })?;
        }
    }
    canonical_bools(source.dtype, out);
    Ok(packing)
}

/// Whether a stored size can be true, before memory is taken for it.
fn check_stored(stored: u64, chunk: u64, pipeline: &[Filter], file: u64) -> Result<()> {
    let possible = stored <= file
        && if pipeline.is_empty() {
            stored == chunk
        } else {
            stored <= most_stored(chunk)
                && stored >= if pipeline.contains(&Filter::Deflate) { least_deflated(chunk) } else { chunk }
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

/// Reads `part` of the dataset into the origin of `out`, a box of shape `memory`.
fn through_library(
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
        match h5::read_selection(&id, &element.memory, &memory_space, &file_space, out) {
            Ok(()) => Ok(element.swap),
            Err(e) => Err(missing_filter(source).unwrap_or(e)),
        }
    })?;
    let bytes = part.len() * source.dtype.size() as u64;
    ReadStats::add(&cx.stats.bytes_read, bytes);
    if swap {
        swap_bytes(out, source.dtype.size());
    }
    canonical_bools(source.dtype, out);
    Ok(())
}

/// The error for a filter that this libhdf5 does not have, if there is one.
fn missing_filter(source: &Hdf5Source) -> Option<Error> {
    let filter = source.filters.iter().find(|f| !h5::has_filter(f.id))?;
    let known = super::filter_name(filter.id).unwrap_or(match filter.name.as_str() {
        "" => "not a registered one",
        name => name,
    });
    let named = format!("{known} ({})", filter.id);
    Some(
        Error::new(ErrorKind::Filter, format!("the data is compressed with the filter {named}, which is not available"))
            .at("filter", named)
            .hint(
                "install it as an HDF5 plugin and set HDF5_PLUGIN_PATH (`pip install hdf5plugin` has most: \
                 python -c 'import hdf5plugin; print(hdf5plugin.PLUGIN_PATH)'), or rewrite the file with h5repack",
            ),
    )
}

/// Runs `f` under the HDF5 lock and counts the wait for it.
fn under_lock<T>(stats: &ReadStats, f: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    h5::locked(|| {
        ReadStats::add(&stats.lock_wait_ns, start.elapsed().as_nanos() as u64);
        stats.record(Activity::Read, f)
    })
}

/// Fills `out` with one element over and over.
pub(super) fn fill(out: &mut [u8], element: &[u8]) {
    if element.iter().all(|b| *b == element[0]) {
        out.fill(element[0]);
        return;
    }
    let mut filled = element.len().min(out.len());
    out[..filled].copy_from_slice(&element[..filled]);
    while filled < out.len() {
        let n = filled.min(out.len() - filled);
        out.copy_within(..n, filled);
        filled += n;
    }
}

/// A bool in memory is 0 or 1, whatever byte a file has.
fn canonical_bools(dtype: DType, out: &mut [u8]) {
    if dtype == DType::Bool {
        out.iter_mut().for_each(|b| *b = u8::from(*b != 0));
    }
}
