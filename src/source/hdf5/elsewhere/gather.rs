//! Reading elements of a source to their places in a region, where they go axis by axis.
//!
//! Along each axis there are walks; each combination of one of each axis is a strided region of the source. If it
//! is one, or each of them is large, they are read one by one. Small ones are read together, as the box around
//! them, and picked from that: so a chunk is decoded once for all of them, if the box has room for it.

use super::super::selection::Selection;
use super::resolve::Link;
use super::walk::{Walk, Wanted, indexed, positions};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, Slab, c_strides};
use crate::source::assemble::{Loop, Loops, PIECE, Place, copy, join, read_into};
use crate::source::{ReadCx, Source};

/// A box is read for what is wanted of it if it has at most so many times as many elements, or bytes.
const SPARSE: u64 = 8;
const SMALL: u64 = 64 << 10;

/// What holds a region, and where its elements go.
pub(super) struct Target<'a> {
    pub out: &'a mut [u8],
    pub place: &'a Place,
}

/// The most bytes of a box: a chunk has room in it.
pub(super) fn most_bytes(source_chunk: u64) -> u64 {
    source_chunk.max(PIECE)
}

/// Whether a box with this many elements is read for what is wanted of it.
pub(super) fn is_box(elements: u64, wanted: u64, size: u64, most: u64) -> bool {
    let bytes = elements.saturating_mul(size);
    bytes <= most && (elements <= wanted.saturating_mul(SPARSE) || bytes <= SMALL)
}

/// Reads what a link whose axes go together has of a region.
pub(super) fn gather(
    link: &Link,
    source: &dyn Source,
    slab: &Slab,
    target: &mut Target,
    cx: &mut ReadCx,
) -> Result<()> {
    let (Selection::Product(to), Selection::Product(from), Some(pairs)) = (&link.to, &link.from, &link.pairs)
    else {
        return Err(Error::new(ErrorKind::Internal, "axes that do not go together"));
    };
    let shape = source.shape();
    let mut lists: Vec<Vec<Walk>> = Vec::with_capacity(to.len());
    for (d, indices) in to.iter().enumerate() {
        let wanted = Wanted { start: slab.start[d], step: slab.step[d], count: slab.count[d] };
        let mut walks = Vec::new();
        let pair = pairs.iter().find(|pair| pair.0 == d).map(|pair| pair.1);
        positions(wanted, indices, indices.len().unwrap_or(0), |walk| match pair {
            Some(s) => indexed(walk, &from[s], shape[s], |walk| walks.push(walk)),
            None => walks.push(walk),
        });
        if walks.is_empty() {
            return Ok(());
        }
        lists.push(walks);
    }
    let mut start = Dims::new();
    for (s, indices) in from.iter().enumerate() {
        // What does not go with an axis of the region is one index.
        start.push(indices.get(0));
        if !pairs.iter().any(|pair| pair.1 == s) && start[s] >= shape[s] {
            return Ok(());
        }
    }
    let most =
        most_bytes(source.chunks().map_or(0, |c| c.elements().saturating_mul(source.dtype().size() as u64)));
    let lists: Vec<&[Walk]> = lists.iter().map(Vec::as_slice).collect();
    Axes { source, pairs, start: &start, most }.read(&lists, target, cx)
}

struct Axes<'a> {
    source: &'a dyn Source,
    pairs: &'a [(usize, usize)],
    /// The index along the axes of the source that go with none.
    start: &'a [u64],
    most: u64,
}

impl Axes<'_> {
    fn read(&self, lists: &[&[Walk]], target: &mut Target, cx: &mut ReadCx) -> Result<()> {
        let wanted = lists.iter().map(|l| l.iter().map(|w| w.count).sum::<u64>()).product();
        let longest = (0..lists.len()).max_by_key(|&d| lists[d].len());
        let Some(longest) = longest.filter(|&d| lists[d].len() > 1) else {
            let walks: Vec<Walk> = lists.iter().map(|l| l[0]).collect();
            let (slab, place) = self.region(&walks, target.place);
            return read_into(self.source, &slab, target.out, &place, cx);
        };
        let around = self.around(lists);
        let size = self.source.dtype().size();
        if is_box(around.len(), wanted, size as u64, self.most) {
            return self.read_box(lists, &around, target, cx);
        }
        let (one, other) = lists[longest].split_at(lists[longest].len() / 2);
        let mut lists = lists.to_vec();
        lists[longest] = one;
        self.read(&lists, target, cx)?;
        lists[longest] = other;
        self.read(&lists, target, cx)
    }

    /// The region of the source that one walk of each axis is, and where it goes.
    fn region(&self, walks: &[Walk], place: &Place) -> (Slab, Place) {
        let rank = self.start.len();
        let mut slab = Slab {
            start: self.start.into(),
            count: Dims::from_elem(1, rank),
            step: Dims::from_elem(1, rank),
        };
        let mut to = Place { offset: place.offset, strides: smallvec::SmallVec::from_elem(0, rank) };
        for (d, walk) in walks.iter().enumerate() {
            to.offset += walk.to as usize * place.strides[d] as usize;
            if let Some(&(_, s)) = self.pairs.iter().find(|pair| pair.0 == d) {
                (slab.start[s], slab.count[s], slab.step[s]) = (walk.from, walk.count, walk.from_step);
                to.strides[s] = (walk.to_step as i64).saturating_mul(place.strides[d]);
            }
        }
        (slab, to)
    }

    /// The region around all walks: as dense as it has to be.
    fn around(&self, lists: &[&[Walk]]) -> Slab {
        let firsts: Vec<Walk> = lists.iter().map(|l| l[0]).collect();
        let (mut slab, _) =
            self.region(&firsts, &Place { offset: 0, strides: [0; 32][..lists.len()].into() });
        for &(d, s) in self.pairs {
            if lists[d].len() > 1 {
                let last = |w: &Walk| w.from + w.from_step.saturating_mul(w.count - 1);
                let lo = lists[d].iter().map(|w| w.from).min().unwrap_or(0);
                let hi = lists[d].iter().map(last).max().unwrap_or(0);
                (slab.start[s], slab.count[s], slab.step[s]) = (lo, hi - lo + 1, 1);
            }
        }
        slab
    }

    fn read_box(&self, lists: &[&[Walk]], around: &Slab, target: &mut Target, cx: &mut ReadCx) -> Result<()> {
        let size = self.source.dtype().size();
        let mut held = std::mem::take(&mut cx.scratch.chunk);
        held.resize_for_overwrite(around.len() as usize * size);
        let done = self.source.read_region(around, &mut held, cx);
        if done.is_ok() {
            let strides = c_strides(&around.count);
            let mut at = vec![0; lists.len()];
            loop {
                let walks: Vec<Walk> = lists.iter().zip(&at).map(|(l, &i)| l[i]).collect();
                let (slab, to) = self.region(&walks, target.place);
                let (mut from, mut loops) = (0, Loops::new());
                for s in 0..slab.start.len() {
                    let (first, step) = (around.start[s], around.step[s]);
                    from += ((slab.start[s] - first) / step) as usize * strides[s] as usize;
                    loops.push(Loop {
                        count: slab.count[s] as usize,
                        from: (slab.step[s] / step).saturating_mul(strides[s] as u64) as usize,
                        to: to.strides[s] as usize,
                    });
                }
                copy(&held, target.out, from, to.offset, &join(&loops), size);
                let Some(d) = (0..at.len()).rev().find(|&d| at[d] + 1 < lists[d].len()) else { break };
                at[d] += 1;
                at[d + 1..].fill(0);
            }
        }
        cx.scratch.chunk = held;
        done
    }
}
