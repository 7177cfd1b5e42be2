//! The chunks of a virtual dataset, so that each chunk of a source is wanted for one chunk only.
//!
//! Along an axis the chunks of the sources fall into one grid where each begins at a multiple of a common length, as
//! it does in modules side by side and in frames that take turns. Along one axis they may also begin anew with each
//! source, as in files one after the other. Otherwise there are no chunks: regions are read as they are asked for,
//! and a chunk of a source may be decoded for several of them.

use super::super::selection::{Indices, Selection};
use super::resolve::Link;
use super::sources::Sources;
use crate::dtype::DType;
use crate::grid::{Chunks, Cuts, Dims, checked_len};
use num_integer::Integer;

/// Chunks of different shapes are read together up to this many bytes.
const MOST_TOGETHER: u64 = 16 << 20;

/// A link along one axis.
struct Along {
    /// Its first index, and one past the last.
    start: u64,
    end: u64,
    /// The distance between its indices, if that is one.
    step: Option<u64>,
    /// The chunks of the source: what is before the first of its elements there, and their length, in elements of
    /// the link; nothing where the source has none.
    chunk: Option<(u64, u64)>,
    single: bool,
}

/// The chunks, if there are some.
pub(super) fn chunks(links: &[Link], sources: &Sources, shape: &[u64], dtype: DType) -> Option<Chunks> {
    let size = dtype.size() as u64;
    let chunked = |l: &&Link| sources.get(l.source).1.chunks.is_some();
    let largest = links.iter().filter(chunked).filter_map(|l| sources.get(l.source).1.chunks.as_ref());
    let largest = largest.map(|c| c.elements().saturating_mul(size)).max()?;
    let (mut out, mut uneven) = (Dims::new(), None);
    for (d, &len) in shape.iter().enumerate() {
        let along = links.iter().map(|l| along(l, sources, d)).collect::<Option<Vec<_>>>()?;
        match regular(&along, len, MOST_TOGETHER / size) {
            Some(n) => out.push(n),
            None if uneven.is_some() => return None,
            None => {
                let cuts = cuts(&along, len)?;
                out.push(cuts.longest().max(1));
                uneven = Some((d, cuts));
            }
        }
    }
    let bytes = checked_len(&out).map_or(u64::MAX, |n| n.saturating_mul(size));
    if bytes > MOST_TOGETHER.max(largest) || out.contains(&0) {
        return None;
    }
    Some(match uneven {
        Some((d, cuts)) => Chunks::uneven(&out, d, cuts),
        None => out.into(),
    })
}

/// A link along axis `d`; `None` if it does not go with its source's chunks there.
fn along(link: &Link, sources: &Sources, d: usize) -> Option<Along> {
    let (Selection::Product(to), Selection::Product(from), Some(pairs)) = (&link.to, &link.from, &link.pairs)
    else {
        return None;
    };
    let chunks = sources.get(link.source).1.chunks.as_ref();
    let (start, end) = *link.bounds.get(d)?;
    let step = to.get(d).and_then(Indices::step);
    let Some(&(_, s)) = pairs.iter().find(|pair| pair.0 == d) else {
        return Some(Along { start, end, step, chunk: None, single: true });
    };
    let chunk = match chunks {
        None => None,
        Some(c) if c.cuts(s).is_some() => return None,
        Some(c) => {
            // Both are evenly spaced, and a whole number of the source's steps is a chunk.
            let (_, apart) = step.zip(from.get(s).and_then(Indices::step))?;
            let len = c.shape()[s];
            if !len.is_multiple_of(apart) {
                return None;
            }
            Some((from[s].get(0) / apart % (len / apart), len / apart))
        }
    };
    Some(Along { start, end, step, chunk, single: false })
}

/// The length of chunks that begin at its multiples, if there is one.
fn regular(along: &[Along], len: u64, most: u64) -> Option<u64> {
    let mut all = None;
    for one in along {
        let Some((before, n)) = one.chunk else { continue };
        let step = one.step?;
        if (one.start / step) % n != before {
            return None;
        }
        let n = n.checked_mul(step)?;
        all = Some(match all {
            None => n,
            Some(all) if all == n => all,
            Some(all) => {
                (all / n.gcd(&all)).checked_mul(n).filter(|&n| n <= most.max(len)).map(|n| n.min(len))?
            }
        });
    }
    // Where no source has chunks the axis is whole, and a list of single indices is read one by one.
    Some(all.unwrap_or(if along.iter().all(|a| a.single) { 1 } else { len.max(1) }))
}

/// Chunks that begin anew with each source.
fn cuts(along: &[Along], len: u64) -> Option<Cuts> {
    let mut all: Vec<&Along> = along.iter().collect();
    all.sort_by_key(|a| (a.start, a.end));
    let longest = along.iter().filter_map(|a| a.chunk).map(|c| c.1).max()?;
    let (mut at, mut stretches, mut last) = (0, Vec::new(), None::<&Along>);
    for one in all {
        if one.step != Some(1) {
            return None;
        }
        // Modules side by side begin together, and are cut alike.
        if last.is_some_and(|l| (l.start, l.end, l.chunk) == (one.start, one.end, one.chunk)) {
            continue;
        }
        if one.start < at {
            return None;
        }
        stretches.push((one.start - at, longest));
        let n = one.end - one.start;
        match one.chunk {
            None => stretches.push((n, longest)),
            Some((before, chunk)) => {
                let head = ((chunk - before) % chunk).min(n);
                stretches.extend([(head, head), (n - head, chunk)]);
            }
        }
        at = one.end;
        last = Some(one);
    }
    stretches.push((len.checked_sub(at)?, longest));
    Some(stretches.into_iter().collect())
}
