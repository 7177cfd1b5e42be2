//! Numbers of elements that are more than numbers: whole elements are read, in chunks or in pieces, and of each the
//! wanted part is kept.

use super::bytes::canonical_bools;
use super::dataset::{Field, Hdf5Source};
use super::filters::precision::widen;
use super::filters::swap_bytes;
use super::read::{self, Form};
use super::region;
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, Slab};
use crate::source::assemble::read_by_chunks;
use crate::source::{ReadCx, ScratchNeeds};

/// The most bytes of elements without chunks that are read at a time, unless one element has more.
const PIECE: u64 = 1 << 20;

/// What reading the field takes, where reading whole elements takes `needs`.
pub(super) fn needs(source: &Hdf5Source, needs: ScratchNeeds) -> ScratchNeeds {
    match source.chunks {
        // A decoded chunk beside the field's own numbers of it.
        Some(_) => ScratchNeeds { stage: needs.stage.max(source.chunk_bytes()), ..needs },
        None => ScratchNeeds { chunk: needs.chunk.max(PIECE.max(source.element as u64)), ..needs },
    }
}

/// The elements that have the numbers of a slab of the field.
pub(super) fn of_elements(source: &Hdf5Source, slab: &Slab) -> Slab {
    let rank = source.shape.len();
    let first = |list: &Dims| Dims::from_slice(&list[..rank.min(list.len())]);
    Slab { start: first(&slab.start), count: first(&slab.count), step: first(&slab.step) }
}

/// Brings the field's numbers of a chunk.
pub(super) fn chunk(
    source: &Hdf5Source,
    field: &Field,
    coords: &[u64],
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<()> {
    let rank = source.shape.len();
    let whole = coords.len() == field.shape.len() && coords[rank..].iter().all(|&c| c == 0);
    let elements = source.chunks.as_ref().map_or(0, |chunks| chunks.elements());
    let bytes = field.part.shape().fold(elements.saturating_mul(field.part.size), u64::saturating_mul);
    if !whole || out.len() as u64 != bytes {
        let what = format!("a buffer of {} bytes for the chunk {coords:?} of a field", out.len());
        return Err(Error::new(ErrorKind::Internal, what));
    }
    let mut stored = std::mem::take(&mut cx.scratch.stage);
    stored.resize_for_overwrite(source.chunk_bytes() as usize);
    let done = read::chunk(source, &coords[..rank], Form::Plain, &mut stored, cx);
    if done.is_ok() {
        field.part.gather(&stored, &field.part.all(), out);
        native(field, out);
    }
    cx.scratch.stage = stored;
    done.map(drop)
}

/// Brings a region of the field that is known to lie in it and to be not empty.
pub(super) fn region(
    source: &Hdf5Source,
    field: &Field,
    slab: &Slab,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<()> {
    if field.chunks.is_some() {
        return read_by_chunks(source, slab, out, cx);
    }
    let rank = source.shape.len();
    let places = field.part.places(&slab.start[rank..], &slab.count[rank..], &slab.step[rank..]);
    let mut stored = std::mem::take(&mut cx.scratch.chunk);
    let done = pieces(source, field, &of_elements(source, slab), &places, out, &mut stored, cx);
    cx.scratch.chunk = stored;
    done?;
    native(field, out);
    Ok(())
}

/// Gathers a region of elements piece by piece: halves of the outermost axis that has several, so that each fills a run
/// of `out`.
fn pieces(
    source: &Hdf5Source,
    field: &Field,
    slab: &Slab,
    places: &[usize],
    out: &mut [u8],
    stored: &mut Buffer,
    cx: &mut ReadCx,
) -> Result<()> {
    let bytes = slab.len().saturating_mul(field.part.stored);
    let halved = slab.count.iter().position(|&n| n > 1).filter(|_| bytes > PIECE);
    let Some(d) = halved else {
        stored.resize_for_overwrite(bytes as usize);
        region::region(source, slab, stored, cx)?;
        field.part.gather(stored, places, out);
        return Ok(());
    };
    let half = slab.count[d] / 2;
    let (mut first, mut second) = (slab.clone(), slab.clone());
    first.count[d] = half;
    second.count[d] -= half;
    second.start[d] += half * slab.step[d];
    let (head, tail) = out.split_at_mut((first.len() * places.len() as u64 * field.part.size) as usize);
    pieces(source, field, &first, places, head, stored, cx)?;
    pieces(source, field, &second, places, tail, stored, cx)
}

/// Numbers as memory has them.
fn native(field: &Field, out: &mut [u8]) {
    let size = field.dtype.size();
    if field.swap {
        swap_bytes(out, size);
    }
    if let Some(bits) = field.bits {
        // They fit: it was checked when the source was made.
        let fits = widen(out, size, bits);
        debug_assert!(fits.is_ok());
    }
    canonical_bools(field.dtype, out);
}
