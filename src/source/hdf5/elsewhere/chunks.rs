//! The chunks of a virtual dataset, so that each chunk of a source is wanted for one chunk only.
//!
//! Along an axis the chunks of the sources fall into one grid where each begins at a multiple of a common length, as
//! it does in modules side by side and in frames that take turns. Along one axis they may also begin anew with each
//! source, as in files one after the other. What remains is taken whole, as the modules of a detector with gaps
//! between them, if that is not too much. Otherwise there are no chunks: regions are read as they are asked for, and a
//! chunk of a source may be decoded for several of them.

use super::super::selection::Selection;
use super::resolve::Link;
use super::sources::Sources;
use crate::dtype::DType;
use crate::grid::{Chunks, Cuts, Dims, checked_len};
use num_integer::Integer;

/// Chunks of different shapes are read together up to this many bytes.
const MOST_TOGETHER: u64 = 16 << 20;
/// Pieces of one source that are listed.
const MOST_PIECES: usize = 1 << 16;

/// A link along one axis.
struct Along {
    /// Its first index, and one past the last.
    start: u64,
    end: u64,
    /// The distance between its indices, if that is one.
    step: Option<u64>,
    cut: Cut,
}

/// How the chunks of a source cut a link along an axis.
#[derive(PartialEq)]
enum Cut {
    /// The source has none.
    Not,
    /// It is one index, to which no axis of the source belongs.
    Single,
    /// The length of the chunks in elements of the link, and how many elements of the first come before it.
    Even { len: u64, before: u64 },
    /// The pieces, as (where it ends, their length).
    Uneven(Vec<(u64, u64)>),
    /// In a way that does not go with the link.
    Other,
}

/// The chunks, if there are some.
pub(super) fn chunks(links: &[Link], sources: &Sources, shape: &[u64], dtype: DType) -> Option<Chunks> {
    let size = dtype.size() as u64;
    let each = links.iter().filter_map(|l| sources.get(l.source).1.chunks.as_ref());
    let largest = each.map(|c| c.elements().saturating_mul(size)).max()?;
    if links.iter().any(|l| l.pairs.is_none()) || shape.contains(&0) {
        return None;
    }
    let most = MOST_TOGETHER.max(largest);
    let fits = |shape: &[u64]| checked_len(shape).is_some_and(|n| n.saturating_mul(size) <= most);
    let (mut out, mut left) = (Dims::new(), Vec::new());
    for (d, &len) in shape.iter().enumerate() {
        let along: Vec<Along> = links.iter().map(|l| along(l, sources, d)).collect();
        let n = regular(&along, len, MOST_TOGETHER / size);
        out.push(n.unwrap_or(len));
        if n.is_none() {
            left.push((d, along));
        }
    }
    // One of the axes on which there is no grid may be cut as its sources are; the others are whole.
    let cut = |(d, along): &(usize, Vec<Along>)| {
        let cuts = cuts(along, shape[*d])?;
        let chunks = Chunks::uneven(&out, *d, cuts);
        fits(chunks.shape()).then_some(chunks)
    };
    let uneven = left.iter().filter_map(cut).min_by_key(Chunks::elements);
    uneven.or_else(|| fits(&out).then(|| out.into()))
}

/// A link along axis `d`.
fn along(link: &Link, sources: &Sources, d: usize) -> Along {
    let (start, end) = link.bounds[d];
    let mut along = Along { start, end, step: None, cut: Cut::Other };
    let (Selection::Product(to), Selection::Product(from), Some(pairs)) = (&link.to, &link.from, &link.pairs)
    else {
        return along;
    };
    along.step = to[d].step();
    let Some(&(_, s)) = pairs.iter().find(|pair| pair.0 == d) else {
        return Along { cut: Cut::Single, ..along };
    };
    let Some(chunks) = &sources.get(link.source).1.chunks else { return Along { cut: Cut::Not, ..along } };
    let Some(apart) = along.step.and(from[s].step()) else { return along };
    let (first, len) = (from[s].get(0), chunks.shape()[s]);
    let count = from[s].len().unwrap_or(0);
    let cut = match chunks.cuts(s) {
        // Both are evenly spaced, and a whole number of the source's steps is a chunk.
        None if len.is_multiple_of(apart) => {
            Cut::Even { len: len / apart, before: first / apart % (len / apart) }
        }
        Some(cuts) if apart == 1 => {
            cuts.seen(first, 1, count, MOST_PIECES).map_or(Cut::Other, |seen| Cut::Uneven(seen.into()))
        }
        _ => Cut::Other,
    };
    Along { cut, ..along }
}

/// The length of chunks that begin at its multiples, if there is one.
fn regular(along: &[Along], len: u64, most: u64) -> Option<u64> {
    let mut all = None;
    for one in along {
        let (n, before) = match one.cut {
            Cut::Not | Cut::Single => continue,
            Cut::Even { len, before } => (len, before),
            Cut::Uneven(_) | Cut::Other => return None,
        };
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
    let single = along.iter().all(|a| a.cut == Cut::Single);
    Some(all.unwrap_or(if single { 1 } else { len }))
}

/// Chunks that begin anew with each source.
fn cuts(along: &[Along], len: u64) -> Option<Cuts> {
    let mut all: Vec<&Along> = along.iter().collect();
    all.sort_by_key(|a| (a.start, a.end));
    let longest = all.iter().map(|a| match &a.cut {
        Cut::Even { len, .. } => *len,
        Cut::Uneven(pieces) => pieces.iter().map(|p| p.1).max().unwrap_or(1),
        Cut::Not | Cut::Single | Cut::Other => 1,
    });
    let longest = longest.max()?;
    let (mut at, mut stretches, mut last) = (0, Vec::new(), None::<&Along>);
    for one in all {
        // Modules side by side begin together, and are cut alike.
        if last.is_some_and(|l| (l.start, l.end, &l.cut) == (one.start, one.end, &one.cut)) {
            continue;
        }
        if one.step != Some(1) || one.start < at {
            return None;
        }
        stretches.push((one.start - at, longest));
        let n = one.end - one.start;
        match &one.cut {
            Cut::Not | Cut::Single => stretches.push((n, longest)),
            Cut::Even { len, before } => {
                let head = ((len - before) % len).min(n);
                stretches.extend([(head, head), (n - head, *len)]);
            }
            Cut::Uneven(pieces) => {
                let mut from = 0;
                for &(end, len) in pieces {
                    stretches.push((end - from, len));
                    from = end;
                }
            }
            Cut::Other => return None,
        }
        (at, last) = (one.end, Some(one));
    }
    stretches.push((len.checked_sub(at)?, longest));
    Some(stretches.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(start: u64, end: u64, step: u64, len: u64, before: u64) -> Along {
        Along { start, end, step: Some(step), cut: Cut::Even { len, before } }
    }

    #[test]
    fn chunks_fall_into_one_grid_or_begin_anew() {
        // Side by side, at multiples of the chunks; in turn; of several lengths.
        assert_eq!(regular(&[along(0, 8, 1, 4, 0), along(8, 16, 1, 4, 0)], 16, 100), Some(4));
        assert_eq!(regular(&[along(0, 13, 3, 4, 0), along(1, 14, 3, 4, 0)], 15, 100), Some(12));
        assert_eq!(regular(&[along(0, 12, 1, 4, 0), along(12, 24, 1, 6, 0)], 24, 100), Some(12));
        assert_eq!(regular(&[along(0, 12, 1, 4, 0), along(13, 24, 1, 4, 0)], 24, 100), None);
        assert_eq!(regular(&[along(3, 12, 1, 4, 3), along(13, 24, 1, 4, 1)], 24, 100), Some(4));
        let listed = |along: &[Along], len| {
            cuts(along, len).map(|c| (0..c.count()).map(|k| c.range(k)).collect::<Vec<_>>())
        };
        assert_eq!(
            listed(&[along(0, 6, 1, 4, 0), along(7, 13, 1, 4, 3)], 14).unwrap(),
            [(0, 4), (4, 6), (6, 7), (7, 8), (8, 12), (12, 13), (13, 14)]
        );
        assert_eq!(listed(&[along(0, 6, 1, 4, 0), along(5, 11, 1, 4, 0)], 11), None);
        let uneven = Along { cut: Cut::Uneven(vec![(2, 2), (5, 3)]), ..along(1, 6, 1, 1, 0) };
        assert_eq!(listed(&[uneven], 6).unwrap(), [(0, 1), (1, 3), (3, 6)]);
    }
}
