//! Putting strided regions together from chunks.
//!
//! A copy is a loop nest over (count, source stride, target stride). Axes that lie densely behind
//! each other in both arrays are joined first, so that the innermost run is as long as it can be.

use super::{ReadCx, Source, check_slab};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{AxisGrid, Chunks, Grid, Region, Slab, c_strides};
use smallvec::SmallVec;

/// One loop of a copy: how many, and how far apart in the source and in the target, in elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Loop {
    pub count: usize,
    pub from: usize,
    pub to: usize,
}

pub(crate) type Loops = SmallVec<[Loop; 4]>;

/// Joins neighbouring loops that are one longer loop, and drops loops of one.
pub(crate) fn join(loops: &[Loop]) -> Loops {
    let mut out = Loops::new();
    for &inner in loops.iter().filter(|l| l.count != 1) {
        match out.last_mut() {
            Some(outer) if outer.from == inner.count * inner.from && outer.to == inner.count * inner.to => {
                *outer = Loop { count: outer.count * inner.count, ..inner };
            }
            _ => out.push(inner),
        }
    }
    if out.is_empty() {
        out.push(Loop { count: 1, from: 1, to: 1 });
    }
    out
}

/// Copies elements of `SIZE` bytes over joined loops from `src[from..]` to `dst[to..]` (elements).
fn copy_loops<const SIZE: usize>(src: &[u8], dst: &mut [u8], from: usize, to: usize, loops: &[Loop]) {
    match *loops {
        [Loop { count, from: 1, to: 1 }] => {
            dst[to * SIZE..(to + count) * SIZE].copy_from_slice(&src[from * SIZE..(from + count) * SIZE]);
        }
        [Loop { count, from: step, to: 1 }] => {
            let target = dst[to * SIZE..(to + count) * SIZE].chunks_exact_mut(SIZE);
            let source = src[from * SIZE..].chunks(SIZE * step);
            for (d, s) in target.zip(source) {
                d.copy_from_slice(&s[..SIZE]);
            }
        }
        [Loop { count, from: s, to: d }] => {
            for i in 0..count {
                let (a, b) = ((from + i * s) * SIZE, (to + i * d) * SIZE);
                dst[b..b + SIZE].copy_from_slice(&src[a..a + SIZE]);
            }
        }
        [Loop { count, from: s, to: d }, ref rest @ ..] => {
            for i in 0..count {
                copy_loops::<SIZE>(src, dst, from + i * s, to + i * d, rest);
            }
        }
        [] => {}
    }
}

/// Copies over loops for elements of `size` bytes.
pub(crate) fn copy(src: &[u8], dst: &mut [u8], from: usize, to: usize, loops: &[Loop], size: usize) {
    match size {
        1 => copy_loops::<1>(src, dst, from, to, loops),
        2 => copy_loops::<2>(src, dst, from, to, loops),
        4 => copy_loops::<4>(src, dst, from, to, loops),
        8 => copy_loops::<8>(src, dst, from, to, loops),
        // Of elements that are no numbers, all bytes one after the other.
        _ => {
            let scaled = |l: &Loop| Loop { count: l.count, from: l.from * size, to: l.to * size };
            let bytes = Loop { count: size, from: 1, to: 1 };
            let loops: Loops = loops.iter().map(scaled).chain([bytes]).collect();
            copy_loops::<1>(src, dst, from * size, to * size, &loops);
        }
    }
}

/// The part of a slab that lies in a region: per axis the first slab index, and how many.
fn overlap(region: &Region, slab: &Slab) -> Option<SmallVec<[(u64, u64); 4]>> {
    (0..slab.start.len())
        .map(|d| {
            let (start, step, count) = (slab.start[d], slab.step[d], slab.count[d]);
            let (lo, hi) = (region.start[d], region.start[d].saturating_add(region.shape[d]));
            let first = lo.saturating_sub(start).div_ceil(step).min(count);
            let end = hi.saturating_sub(start).div_ceil(step).min(count);
            (end > first).then(|| (first, end - first))
        })
        .collect()
}

/// The loops of the copy from a buffer that holds `region` to one that holds `slab`, with the two
/// offsets in elements; `None` if they do not meet.
pub(crate) fn plan(region: &Region, slab: &Slab) -> Option<(usize, usize, Loops)> {
    plan_at(region, slab, &Place::dense(&slab.count))
}

/// As [`plan`], to a buffer that holds the slab as `place` says.
fn plan_at(region: &Region, slab: &Slab, place: &Place) -> Option<(usize, usize, Loops)> {
    let part = overlap(region, slab)?;
    let (source, target) = (c_strides(&region.shape), &place.strides);
    let (mut from, mut to, mut loops) = (0, place.offset, Loops::new());
    for (d, &(first, count)) in part.iter().enumerate() {
        let position = slab.start[d] + first * slab.step[d] - region.start[d];
        from += position as usize * source[d] as usize;
        to += first as usize * target[d] as usize;
        loops.push(Loop {
            count: count as usize,
            from: (slab.step[d] as usize).saturating_mul(source[d] as usize),
            to: target[d] as usize,
        });
    }
    Some((from, to, join(&loops)))
}

/// Where the elements of a slab go in a buffer: the first at `offset`, neighbours along each axis
/// `strides` apart, in elements.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub offset: usize,
    pub strides: SmallVec<[i64; 4]>,
}

impl Place {
    /// One after the other from the start.
    pub fn dense(count: &[u64]) -> Place {
        Place { offset: 0, strides: c_strides(count) }
    }
}

/// Copies the elements of `slab` that lie in `region` from `src` to `out`.
///
/// `src` holds all elements of `region` (a decoded chunk: its full, padded shape), `out` all
/// elements of `slab`; both C order, elements of `size` bytes. Elements of `out`
/// outside the region are left as they are.
///
/// # Panics
/// If a buffer is shorter than its shape says.
pub fn copy_slab(src: &[u8], region: &Region, slab: &Slab, out: &mut [u8], size: usize) {
    if let Some((from, to, loops)) = plan(region, slab) {
        copy(src, out, from, to, &loops, size);
    }
}

/// The chunks that a slab touches, per axis: first and one past the last.
pub fn chunks_of_slab(slab: &Slab, chunks: &Chunks) -> SmallVec<[(u64, u64); 4]> {
    (0..slab.start.len())
        .map(|d| match slab.count[d] {
            0 => (0, 0),
            _ => (chunks.index_of(d, slab.start[d]), chunks.index_of(d, slab.last(d)) + 1),
        })
        .collect()
}

/// Reads a region of a chunked source chunk by chunk. A chunk that is wanted whole, and whose
/// place in `out` is one run, decodes straight into it.
///
/// # Errors
/// `Index` if the slab is not inside the array; otherwise as [`Source::read_chunk`].
pub fn read_by_chunks(source: &dyn Source, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
    check_slab(source.shape(), source.dtype(), slab, out)?;
    by_chunks(source, slab, out, &Place::dense(&slab.count), cx)
}

fn by_chunks(source: &dyn Source, slab: &Slab, out: &mut [u8], place: &Place, cx: &mut ReadCx) -> Result<()> {
    let Some(chunks) = source.chunks() else {
        return Err(Error::new(ErrorKind::Internal, "a source without chunks was read by chunks"));
    };
    if slab.is_empty() {
        return Ok(());
    }
    let ranges = chunks_of_slab(slab, chunks);
    let grid = Grid { axes: ranges.iter().map(|&(a, b)| AxisGrid::regular(b - a, 1)).collect() };
    let counts = grid.counts();
    for k in 0..grid.blocks() {
        let mut coords = crate::grid::unravel(k, &counts);
        coords.iter_mut().zip(&ranges).for_each(|(c, r)| *c += r.0);
        read_from_chunk(source, &coords, slab, place, out, cx)?;
    }
    Ok(())
}

/// Reads the elements of a slab that lie in the chunk at `coords`, into their places in `out`. The slab and
/// the buffer were checked.
///
/// # Errors
/// As [`Source::read_chunk`].
pub(crate) fn read_from_chunk(
    source: &dyn Source,
    coords: &[u64],
    slab: &Slab,
    place: &Place,
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<()> {
    let size = source.dtype().size();
    let Some(chunks) = source.chunks() else {
        return Err(Error::new(ErrorKind::Internal, "a source without chunks was read by chunks"));
    };
    let region = chunks.region(coords);
    let elements = region.len() as usize;
    // An axis with a long step can jump over a chunk.
    let Some((from, to, loops)) = plan_at(&region, slab, place) else { return Ok(()) };
    if from == 0 && *loops == [Loop { count: elements, from: 1, to: 1 }] {
        return source.read_chunk(coords, &mut out[to * size..(to + elements) * size], cx);
    }
    let mut decoded = std::mem::take(&mut cx.scratch.chunk);
    decoded.resize_for_overwrite(elements * size);
    let done = source.read_chunk(coords, &mut decoded, cx);
    if done.is_ok() {
        copy(&decoded, out, from, to, &loops, size);
    }
    cx.scratch.chunk = decoded;
    done
}

/// Bytes that [`read_into`] holds beside what the source's own reads do, where there are no chunks.
pub(crate) const PIECE: u64 = 1 << 20;

/// Reads a region to any places of `out`, which are inside. What is chunked is read chunk by chunk,
/// each decoded once; what is not and does not lie in one run, in pieces of at most [`PIECE`] bytes.
///
/// # Errors
/// As [`Source::read_region`].
pub(crate) fn read_into(
    source: &dyn Source,
    slab: &Slab,
    out: &mut [u8],
    place: &Place,
    cx: &mut ReadCx,
) -> Result<()> {
    let size = source.dtype().size();
    let whole = Region::whole(&slab.count);
    let Some((_, to, loops)) = plan_at(&whole, &Slab::dense(&whole), place) else { return Ok(()) };
    let elements = slab.len() as usize;
    if *loops == [Loop { count: elements, from: 1, to: 1 }] {
        return source.read_region(slab, &mut out[to * size..(to + elements) * size], cx);
    }
    if source.chunks().is_some() {
        return by_chunks(source, slab, out, place, cx);
    }
    if (elements * size) as u64 <= PIECE {
        let mut staged = std::mem::take(&mut cx.scratch.chunk);
        staged.resize_for_overwrite(elements * size);
        let done = source.read_region(slab, &mut staged, cx);
        if done.is_ok() {
            copy(&staged, out, 0, to, &loops, size);
        }
        cx.scratch.chunk = staged;
        return done;
    }
    // In parts along the outermost axis that has several elements.
    let d = slab.count.iter().position(|&n| n > 1).unwrap_or(0);
    let row = (elements as u64 / slab.count[d]) * size as u64;
    let rows = (PIECE / row).max(1);
    let (mut part, mut place) = (slab.clone(), place.clone());
    let mut done = 0;
    while done < slab.count[d] {
        part.count[d] = rows.min(slab.count[d] - done);
        part.start[d] = slab.start[d] + done * slab.step[d];
        read_into(source, &part, out, &place, cx)?;
        place.offset += (part.count[d] as i64 * place.strides[d]) as usize;
        done += part.count[d];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Dims, checked_len, unravel};

    #[test]
    fn copies_what_indexing_gives() {
        let mut state = 1u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % n
        };
        for case in 0..2000 {
            let rank = next(4) as usize;
            let shape: Dims = (0..rank).map(|_| 1 + next(7)).collect();
            let mut slab = Slab { start: Dims::new(), count: Dims::new(), step: Dims::new() };
            let mut region = Region { start: Dims::new(), shape: Dims::new() };
            for &n in &shape {
                let (start, step) = (next(n), if next(2) == 0 { 1 } else { 1 + next(3) });
                slab.start.push(start);
                slab.step.push(step);
                slab.count.push(if next(2) == 0 { (n - start).div_ceil(step) } else { 1 });
                let lo = if next(2) == 0 { 0 } else { next(n) };
                region.start.push(lo);
                region.shape.push(1 + next(n + 2));
            }
            let size = [1, 2, 4, 8][case % 4];
            let n = checked_len(&region.shape).unwrap() as usize;
            let src: Vec<u8> = (0..n * size).map(|i| (i * 7 % 251) as u8 + 1).collect();
            let total = slab.len() as usize;
            let mut out = vec![0u8; total * size];
            copy_slab(&src, &region, &slab, &mut out, size);
            for i in 0..total {
                let index = unravel(i as u64, &slab.count);
                let at: Dims = (0..rank).map(|d| slab.start[d] + slab.step[d] * index[d]).collect();
                let inside =
                    (0..rank).all(|d| at[d] >= region.start[d] && at[d] < region.start[d] + region.shape[d]);
                let want = if inside {
                    let local: Dims = (0..rank).map(|d| at[d] - region.start[d]).collect();
                    let j = crate::grid::ravel(&local, &region.shape) as usize;
                    src[j * size..(j + 1) * size].to_vec()
                } else {
                    vec![0; size]
                };
                assert_eq!(out[i * size..(i + 1) * size], want, "{region:?} {slab:?}");
            }
        }
    }

    #[test]
    fn joins_dense_axes() {
        let l = |count, from, to| Loop { count, from, to };
        assert_eq!(*join(&[l(4, 12, 12), l(3, 4, 4), l(4, 1, 1)]), [l(48, 1, 1)]);
        assert_eq!(*join(&[l(4, 12, 8), l(1, 4, 4), l(4, 1, 1)]), [l(4, 12, 8), l(4, 1, 1)]);
        assert_eq!(*join(&[]), [l(1, 1, 1)]);
    }
}
