//! Putting strided regions together from chunks.
//!
//! A copy is a loop nest over (count, source stride, target stride). Axes that lie densely behind
//! each other in both arrays are joined first, so that the innermost run is as long as it can be.

use super::{ReadCx, Source, check_slab, chunk_region};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{AxisGrid, Grid, Region, Slab, c_strides};
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

/// Copies over loops for elements of `size` bytes (1, 2, 4 or 8).
pub(crate) fn copy(src: &[u8], dst: &mut [u8], from: usize, to: usize, loops: &[Loop], size: usize) {
    match size {
        1 => copy_loops::<1>(src, dst, from, to, loops),
        2 => copy_loops::<2>(src, dst, from, to, loops),
        4 => copy_loops::<4>(src, dst, from, to, loops),
        _ => copy_loops::<8>(src, dst, from, to, loops),
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
    let part = overlap(region, slab)?;
    let (source, target) = (c_strides(&region.shape), c_strides(&slab.count));
    let (mut from, mut to, mut loops) = (0, 0, Loops::new());
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

/// Copies the elements of `slab` that lie in `region` from `src` to `out`.
///
/// `src` holds all elements of `region` (a decoded chunk: its full, padded shape), `out` all
/// elements of `slab`; both C order, elements of `size` bytes (1, 2, 4 or 8). Elements of `out`
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
pub fn chunks_of_slab(slab: &Slab, chunk: &[u64]) -> SmallVec<[(u64, u64); 4]> {
    (0..chunk.len())
        .map(|d| {
            if slab.count[d] == 0 { (0, 0) } else { (slab.start[d] / chunk[d], slab.last(d) / chunk[d] + 1) }
        })
        .collect()
}

/// Reads a region of a chunked source chunk by chunk. A chunk that is wanted whole, and whose
/// place in `out` is one run, decodes straight into it.
///
/// # Errors
/// `Index` if the slab is not inside the array; otherwise as [`Source::read_chunk`].
pub fn read_by_chunks(source: &dyn Source, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
    let size = source.dtype().size();
    check_slab(source.shape(), source.dtype(), slab, out)?;
    let Some(chunk) = source.chunks() else {
        return Err(Error::new(ErrorKind::Internal, "a source without chunks was read by chunks"));
    };
    if slab.is_empty() {
        return Ok(());
    }
    let elements = chunk.iter().product::<u64>() as usize;
    let ranges = chunks_of_slab(slab, chunk);
    let grid = Grid { axes: ranges.iter().map(|&(a, b)| AxisGrid::regular(b - a, 1)).collect() };
    let counts = grid.counts();
    for k in 0..grid.blocks() {
        let mut coords = crate::grid::unravel(k, &counts);
        coords.iter_mut().zip(&ranges).for_each(|(c, r)| *c += r.0);
        let region = chunk_region(&coords, chunk);
        // An axis with a long step can jump over a chunk.
        let Some((from, to, loops)) = plan(&region, slab) else { continue };
        if from == 0 && *loops == [Loop { count: elements, from: 1, to: 1 }] {
            source.read_chunk(&coords, &mut out[to * size..(to + elements) * size], cx)?;
            continue;
        }
        let mut decoded = std::mem::take(&mut cx.scratch.chunk);
        decoded.resize_for_overwrite(elements * size);
        let done = source.read_chunk(&coords, &mut decoded, cx);
        if done.is_ok() {
            copy(&decoded, out, from, to, &loops, size);
        }
        cx.scratch.chunk = decoded;
        done?;
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
