//! Axes that are cut unevenly, and the storage chunks of an array.
//!
//! Many files joined along an axis have chunks that begin anew in each file. So an uneven axis is a
//! list of stretches, one per file at most, each cut into equal lengths: what is kept grows with the
//! number of files and never with the number of chunks, and a look-up is a binary search.

use super::{Dims, Region, show_shape};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The longest axis whose cuts are believed: positions and lengths stay signed.
const MAX_LEN: u64 = i64::MAX as u64;

/// Borders that are looked at one by one.
const MAX_LOOKED_AT: u64 = 1 << 17;

/// A stretch of an axis, cut into pieces of one length from where it begins; the last may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Run {
    /// One past its last element.
    end: u64,
    /// Elements per piece.
    len: u64,
    /// Pieces up to its end, those of the runs before it too.
    pieces: u64,
}

/// An axis cut into pieces of any lengths.
///
/// As data it is the list of its runs, each as (end, length of a piece); reading checks it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Cuts {
    runs: Arc<[Run]>,
}

impl TryFrom<Vec<(u64, u64)>> for Cuts {
    type Error = String;
    fn try_from(list: Vec<(u64, u64)>) -> Result<Cuts, String> {
        let (mut at, mut pieces) = (0, 0);
        let mut runs = Vec::with_capacity(list.len());
        for (end, len) in list {
            if end <= at || end > MAX_LEN || len == 0 || len > end - at {
                return Err("the cuts of an axis do not increase".into());
            }
            pieces += (end - at).div_ceil(len);
            runs.push(Run { end, len, pieces });
            at = end;
        }
        Ok(Cuts { runs: runs.into() })
    }
}

impl From<Cuts> for Vec<(u64, u64)> {
    fn from(cuts: Cuts) -> Self {
        cuts.runs.iter().map(|r| (r.end, r.len)).collect()
    }
}

/// Stretches, each with the length of its pieces, one after the other; empty ones are left out.
impl FromIterator<(u64, u64)> for Cuts {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(stretches: I) -> Cuts {
        let mut runs: Vec<Run> = Vec::new();
        for (elements, len) in stretches.into_iter().filter(|s| s.0 > 0) {
            let start = runs.last().map_or(0, |r| r.end);
            let before = runs.len().checked_sub(2).map_or(0, |i| runs[i].end);
            let end = start.saturating_add(elements);
            let len = len.max(1);
            match runs.last_mut() {
                // It goes on as the run before it.
                Some(last)
                    if (last.end - before).is_multiple_of(last.len)
                        && (last.len == len || (last.len == elements && elements <= len)) =>
                {
                    last.pieces += elements.div_ceil(last.len);
                    last.end = end;
                }
                _ => {
                    let len = len.min(elements);
                    let pieces = runs.last().map_or(0, |r| r.pieces) + elements.div_ceil(len);
                    runs.push(Run { end, len, pieces });
                }
            }
        }
        Cuts { runs: runs.into() }
    }
}

impl Cuts {
    /// Pieces that end at these elements, which increase; the last is the axis' length.
    pub fn at_ends(ends: &[u64]) -> Cuts {
        let starts = std::iter::once(&0).chain(ends);
        ends.iter().zip(starts).map(|(e, s)| (e.saturating_sub(*s), u64::MAX)).collect()
    }

    /// Where run `r` begins, and how many pieces lie before it.
    fn before(&self, r: usize) -> (u64, u64) {
        r.checked_sub(1).map_or((0, 0), |r| (self.runs[r].end, self.runs[r].pieces))
    }

    /// The stretches: start, end, length of a piece.
    fn stretches(&self) -> impl DoubleEndedIterator<Item = (u64, u64, u64)> + '_ {
        self.stretches_from(0)
    }

    /// The stretches from run `first` on.
    fn stretches_from(&self, first: usize) -> impl DoubleEndedIterator<Item = (u64, u64, u64)> + '_ {
        (first..self.runs.len()).map(|r| (self.before(r).0, self.runs[r].end, self.runs[r].len))
    }

    /// The stretches: elements, and the length of a piece.
    pub fn lengths(&self) -> Vec<(u64, u64)> {
        self.stretches().map(|(start, end, len)| (end - start, len)).collect()
    }

    /// Elements along the axis.
    pub fn len(&self) -> u64 {
        self.runs.last().map_or(0, |r| r.end)
    }

    /// Whether the axis has no elements.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many pieces.
    pub fn count(&self) -> u64 {
        self.runs.last().map_or(0, |r| r.pieces)
    }

    /// The length of all pieces but perhaps the last, if they are all of one length.
    pub fn regular(&self) -> Option<u64> {
        match *self.runs {
            [run] => Some(run.len),
            _ => None,
        }
    }

    /// Elements in the longest piece.
    pub fn longest(&self) -> u64 {
        self.runs.iter().map(|r| r.len).max().unwrap_or(0)
    }

    /// Elements in the shortest piece.
    pub fn shortest(&self) -> u64 {
        let last = |(a, b, n): (u64, u64, u64)| (b - a - 1) % n + 1;
        self.stretches().map(last).min().unwrap_or(0)
    }

    /// The piece that holds element `i`.
    pub fn index_of(&self, i: u64) -> u64 {
        let r = self.runs.partition_point(|r| r.end <= i);
        let (start, pieces) = self.before(r);
        self.runs.get(r).map_or(pieces, |run| pieces + (i - start) / run.len)
    }

    /// The elements `start..end` of piece `k`.
    pub fn range(&self, k: u64) -> (u64, u64) {
        let r = self.runs.partition_point(|r| r.pieces <= k);
        let (start, pieces) = self.before(r);
        self.runs.get(r).map_or((start, start), |run| {
            let a = start + (k - pieces) * run.len;
            (a, (a + run.len).min(run.end))
        })
    }

    /// Pieces joined with those that follow, up to `most` elements; a longer piece stays as it is.
    pub fn joined(&self, most: u64) -> Cuts {
        let mut out = Vec::new();
        let mut pending = 0u64;
        for (start, end, len) in self.stretches() {
            let mut left = end - start;
            if pending > 0 {
                let room = most.saturating_sub(pending);
                let more = if left <= room { left } else { room / len * len };
                pending += more;
                left -= more;
                if left == 0 {
                    continue;
                }
                out.push((pending, pending));
            }
            let block = (most / len).max(1).saturating_mul(len);
            let whole = left / block * block;
            out.push((whole, block));
            pending = left - whole;
        }
        out.push((pending, pending));
        out.into_iter().collect()
    }

    /// The pieces as a view sees them whose element `i` of `count` is the axis' `first + step * i`.
    /// For steps other than 1 and -1 the pieces seen are listed; `None` if they are more than
    /// `most`.
    pub fn seen(&self, first: u64, step: i64, count: u64, most: usize) -> Option<Cuts> {
        let mut out: Vec<(u64, u64)> = Vec::new();
        match step {
            1 => {
                let (lo, hi) = (first, first.saturating_add(count));
                for (a, b, n) in self.stretches().filter(|s| s.1 > lo && s.0 < hi) {
                    let (x, y) = (a.max(lo), b.min(hi));
                    let head = ((x - a).next_multiple_of(n) - (x - a)).min(y - x);
                    out.extend([(head, head), (y - x - head, n)]);
                }
            }
            -1 => {
                let (lo, hi) = ((first + 1).saturating_sub(count), first + 1);
                for (a, b, n) in self.stretches().rev().filter(|s| s.1 > lo && s.0 < hi) {
                    let (x, y) = (a.max(lo), b.min(hi));
                    let head = ((y - a) % n).min(y - x);
                    out.extend([(head, head), (y - x - head, n)]);
                }
            }
            _ => {
                let mut i = 0;
                while i < count {
                    let at = (first as i64 + step * i as i64) as u64;
                    let (a, b) = self.range(self.index_of(at));
                    let left = if step > 0 { b - at - 1 } else { at - a };
                    let seen = (left / step.unsigned_abs() + 1).min(count - i);
                    if out.len() >= most {
                        return None;
                    }
                    out.push((seen, seen));
                    i += seen;
                }
            }
        }
        Some(out.into_iter().collect())
    }

    /// How many pieces hold one of the elements `first + step * i` for `i < count`, and how many
    /// elements those pieces have.
    pub fn touched(&self, first: u64, step: u64, count: u64) -> (u64, u64) {
        let step = step.max(1);
        let from = self.runs.partition_point(|r| r.end <= first);
        let (mut pieces, mut elements) = (0, 0);
        for (a, b, n) in self.stretches_from(from) {
            let i = a.saturating_sub(first).div_ceil(step);
            let end = (b - first).div_ceil(step).min(count);
            if i >= end {
                if i >= count {
                    break;
                }
                continue;
            }
            let (low, high) = ((first + step * i - a) / n, (first + step * (end - 1) - a) / n);
            let seen = if step <= n { high - low + 1 } else { end - i };
            pieces += seen;
            elements += seen * n - (a + (high + 1) * n).saturating_sub(b);
        }
        (pieces, elements)
    }

    /// Whether every border between two of these pieces, seen through a view whose element `i` is
    /// `first + step * i` of axis `d` of `chunks`, lies between two chunks.
    pub fn lie_on(&self, chunks: &Chunks, d: usize, first: u64, step: i64) -> bool {
        let inner = self.len();
        // Inside a run borders are `n` apart, and its end is one.
        let mut borders = self
            .stretches()
            .flat_map(|(a, b, n)| [(a + n, n, (b - a - 1) / n), (b, n, u64::from(b < inner))]);
        match step {
            1 => borders.all(|(from, n, count)| chunks.are_borders(d, first + from, n, count)),
            // The border before element i is the one behind it in the array.
            -1 => borders.all(|(from, n, count)| {
                let last = from + n * count.saturating_sub(1);
                count == 0 || chunks.are_borders(d, first + 1 - last, n, count)
            }),
            _ => {
                let chunk = |i: u64| chunks.index_of(d, (first as i64 + step * i as i64) as u64);
                self.count() <= MAX_LOOKED_AT
                    && (1..self.count()).all(|k| {
                        let (at, _) = self.range(k);
                        chunk(at - 1) != chunk(at)
                    })
            }
        }
    }

    /// Whether all positions `first + step * k` for `k < count` are where a piece begins or ends.
    fn are_borders(&self, first: u64, step: u64, count: u64) -> bool {
        let mut k = 0;
        while k < count {
            let x = first + step * k;
            let r = self.runs.partition_point(|r| r.end < x);
            let (start, Some(run)) = (self.before(r).0, self.runs.get(r)) else { return false };
            k += 1;
            if x == run.end || x == start {
                continue;
            }
            // Those that follow in the same run are checked at once.
            let inside = ((run.end - 1 - x) / step.max(1)).min(count - k);
            if !(x - start).is_multiple_of(run.len) || (inside > 0 && !step.is_multiple_of(run.len)) {
                return false;
            }
            k += inside;
        }
        true
    }
}

/// The storage chunks of an array: boxes of one shape, the last ones padded, except that along at
/// most one axis the chunks may have any lengths, which are then exact.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunks {
    shape: Dims,
    uneven: Option<(usize, Cuts)>,
}

impl From<&[u64]> for Chunks {
    fn from(shape: &[u64]) -> Chunks {
        Chunks { shape: shape.into(), uneven: None }
    }
}

impl From<Dims> for Chunks {
    fn from(shape: Dims) -> Chunks {
        Chunks { shape, uneven: None }
    }
}

impl std::fmt::Display for Chunks {
    /// The shape, and the axis along which it is only the longest.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&show_shape(&self.shape))?;
        match &self.uneven {
            Some((axis, _)) => write!(f, " at most, uneven along axis {axis}"),
            None => Ok(()),
        }
    }
}

impl Chunks {
    /// Chunks of `shape`, but along `axis` as it is cut.
    pub fn uneven(shape: &[u64], axis: usize, cuts: Cuts) -> Chunks {
        let mut shape = Dims::from_slice(shape);
        shape[axis] = cuts.regular().unwrap_or_else(|| cuts.longest());
        let even = cuts.regular().is_some();
        Chunks { shape, uneven: (!even).then_some((axis, cuts)) }
    }

    /// The shape of every chunk; along the uneven axis the longest.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The elements of the largest chunk.
    pub fn elements(&self) -> u64 {
        self.shape.iter().fold(1, |n, &d| n.saturating_mul(d))
    }

    /// How axis `d` is cut, if it is uneven.
    pub fn cuts(&self, d: usize) -> Option<&Cuts> {
        self.uneven.as_ref().filter(|(axis, _)| *axis == d).map(|(_, cuts)| cuts)
    }

    /// The chunk along axis `d` that holds element `i`.
    pub fn index_of(&self, d: usize, i: u64) -> u64 {
        self.cuts(d).map_or_else(|| i / self.shape[d], |cuts| cuts.index_of(i))
    }

    /// The elements `start..end` of chunk `k` along axis `d`, what is padded too.
    pub fn range(&self, d: usize, k: u64) -> (u64, u64) {
        let n = self.shape[d];
        self.cuts(d)
            .map_or((k.saturating_mul(n), k.saturating_add(1).saturating_mul(n)), |cuts| cuts.range(k))
    }

    /// How many chunks lie along axis `d` of an array whose length there is `len`.
    pub fn count(&self, d: usize, len: u64) -> u64 {
        self.cuts(d).map_or_else(|| len.div_ceil(self.shape[d]), Cuts::count)
    }

    /// Elements along axis `d` in chunks that hold `len` neighbours of it, at most, of an array whose
    /// length is `all`.
    pub fn covering(&self, d: usize, len: u64, all: u64) -> u64 {
        let n = self.shape[d];
        match self.cuts(d) {
            Some(cuts) => len.saturating_add(n.saturating_mul(2)).min(cuts.len()),
            // The first of them lies at the end of its chunk.
            None => (len.saturating_add(n).saturating_sub(2) / n + 1).min(all.div_ceil(n)).saturating_mul(n),
        }
    }

    /// How many chunks along axis `d` hold one of the elements `first + step * i` for `i < count`,
    /// and how many elements along the axis those chunks have.
    pub fn touched(&self, d: usize, first: u64, step: u64, count: u64) -> (u64, u64) {
        match self.cuts(d) {
            Some(cuts) => cuts.touched(first, step, count),
            None if count == 0 => (0, 0),
            None => {
                let n = self.shape[d];
                let between = (first + step * (count - 1)) / n - first / n;
                let chunks = between.saturating_add(1).min(count);
                (chunks, chunks.saturating_mul(n))
            }
        }
    }

    /// Whether all positions `first + step * k` along axis `d`, for `k < count`, lie between two
    /// chunks or at an end.
    pub fn are_borders(&self, d: usize, first: u64, step: u64, count: u64) -> bool {
        let n = self.shape[d];
        match self.cuts(d) {
            Some(cuts) => cuts.are_borders(first, step, count),
            None => count == 0 || (first.is_multiple_of(n) && (count == 1 || step.is_multiple_of(n))),
        }
    }

    /// The box of the chunk at `coords`: what a buffer for it holds.
    pub fn region(&self, coords: &[u64]) -> Region {
        let ranges = coords.iter().enumerate().map(|(d, &k)| self.range(d, k));
        let (start, shape) = ranges.map(|(a, b)| (a, b - a)).unzip();
        Region { start, shape }
    }

    /// The chunk that holds the element at `index`.
    pub fn at(&self, index: &[u64]) -> Dims {
        index.iter().enumerate().map(|(d, &i)| self.index_of(d, i)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random.
    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed;
        move |n| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % n
        }
    }

    /// Stretches with the lengths of their pieces, and all ends, counted by hand.
    fn some(next: &mut impl FnMut(u64) -> u64) -> (Cuts, Vec<u64>) {
        let same = 1 + next(6);
        let list: Vec<(u64, u64)> =
            (0..next(7)).map(|_| (next(20), if next(2) == 0 { same } else { 1 + next(9) })).collect();
        let (mut ends, mut at) = (Vec::new(), 0);
        for &(elements, len) in &list {
            let mut left = elements;
            while left > 0 {
                let piece = left.min(len);
                at += piece;
                left -= piece;
                ends.push(at);
            }
        }
        (list.into_iter().collect(), ends)
    }

    fn ends_of(cuts: &Cuts) -> Vec<u64> {
        (0..cuts.count()).map(|k| cuts.range(k).1).collect()
    }

    #[test]
    fn cuts_are_what_was_listed() {
        let mut next = numbers(1);
        for _ in 0..2000 {
            let (cuts, ends) = some(&mut next);
            assert_eq!(ends_of(&cuts), ends);
            assert_eq!(cuts.len(), ends.last().copied().unwrap_or(0));
            let starts: Vec<u64> = std::iter::once(0).chain(ends.iter().copied()).collect();
            let lens: Vec<u64> = ends.iter().zip(&starts).map(|(e, s)| e - s).collect();
            assert_eq!(cuts.longest(), lens.iter().copied().max().unwrap_or(0));
            assert_eq!(cuts.shortest(), lens.iter().copied().min().unwrap_or(0));
            for i in 0..cuts.len() {
                let k = ends.partition_point(|&e| e <= i);
                assert_eq!(cuts.index_of(i), k as u64);
                assert_eq!(cuts.range(k as u64), (starts[k], ends[k]));
            }
            assert_eq!(ends_of(&Cuts::at_ends(&ends)), ends);
            let text = serde_json::to_string(&cuts).unwrap();
            assert_eq!(serde_json::from_str::<Cuts>(&text).unwrap(), cuts);
        }
        assert!(serde_json::from_str::<Cuts>("[[3,1],[3,1]]").is_err());
        assert!(serde_json::from_str::<Cuts>("[[3,0]]").is_err());
        assert!(serde_json::from_str::<Cuts>("[[3,4]]").is_err());
        assert!(serde_json::from_str::<Cuts>("[[18446744073709551615,1]]").is_err());
    }

    #[test]
    fn equal_stretches_are_regular_and_take_no_room() {
        let cuts: Cuts = (0..1000).map(|_| (780, 524_288)).collect();
        assert_eq!((cuts.regular(), cuts.runs.len(), cuts.count()), (Some(780), 1, 1000));
        let cuts: Cuts = [(30, 10), (0, 3), (20, 10), (7, 10)].into_iter().collect();
        assert_eq!((cuts.regular(), cuts.count(), cuts.range(5)), (Some(10), 6, (50, 57)));
        let cuts: Cuts = [(30, 10), (7, 10), (20, 10)].into_iter().collect();
        assert_eq!((cuts.regular(), ends_of(&cuts)), (None, vec![10, 20, 30, 37, 47, 57]));
    }

    #[test]
    fn joined_pieces_end_where_pieces_end_and_are_not_too_long() {
        let mut next = numbers(2);
        for _ in 0..2000 {
            let (cuts, ends) = some(&mut next);
            let most = 1 + next(30);
            let joined = ends_of(&cuts.joined(most));
            assert_eq!(joined.last(), ends.last());
            let mut start = 0;
            for (n, e) in joined.iter().enumerate() {
                let at = ends.binary_search(e).unwrap();
                let first = ends.partition_point(|&e| e <= start);
                assert!(e - start <= most || at == first, "{ends:?} {most} {joined:?}");
                // The next piece would not have fitted, or half a block is filled.
                if let Some(next) = ends.get(at + 1).filter(|_| n + 1 < joined.len()) {
                    assert!(next - start > most || 2 * (e - start) >= most.min(e - start), "{joined:?}");
                }
                start = *e;
            }
        }
        let files: Cuts = (0..20_000).map(|i| (10 + i % 3, 4)).collect();
        assert!(files.joined(1 << 18).count() <= 2);
    }

    #[test]
    fn views_see_the_pieces_that_counting_finds() {
        let mut next = numbers(3);
        for _ in 0..4000 {
            let (cuts, _) = some(&mut next);
            if cuts.is_empty() {
                continue;
            }
            let first = next(cuts.len());
            let step = (1 + next(5) as i64) * if next(2) == 0 { 1 } else { -1 };
            let room = if step > 0 { cuts.len() - 1 - first } else { first };
            let count = 1 + next(room / step.unsigned_abs() + 1);
            let piece = |i: u64| cuts.index_of((first as i64 + step * i as i64) as u64);
            let borders: Vec<u64> = (1..=count).filter(|&i| i == count || piece(i) != piece(i - 1)).collect();
            let seen = cuts.seen(first, step, count, usize::MAX).unwrap();
            assert_eq!(ends_of(&seen), borders, "{cuts:?} from {first} by {step}");
            let low = if step > 0 { first } else { first - step.unsigned_abs() * (count - 1) };
            let mut pieces: Vec<u64> = (0..count).map(piece).collect();
            pieces.sort_unstable();
            pieces.dedup();
            let elements = pieces.iter().map(|&k| cuts.range(k).1 - cuts.range(k).0).sum();
            assert_eq!(cuts.touched(low, step.unsigned_abs(), count), (pieces.len() as u64, elements));
        }
    }

    #[test]
    fn neighbours_lie_in_as_many_chunks_as_the_worst_place_has() {
        for n in 1..6 {
            for all in 1..20 {
                let chunks = Chunks::from(&[n][..]);
                for len in 1..=all {
                    let worst =
                        (0..=all - len).map(|first| chunks.touched(0, first, 1, len).1).max().unwrap();
                    let covering = chunks.covering(0, len, all);
                    // Where the array is hardly longer there is no such place.
                    assert!(covering >= worst && (covering == worst || len + n > all), "{n} {all} {len}");
                }
            }
        }
    }

    #[test]
    fn borders_are_found_one_by_one() {
        let mut next = numbers(4);
        let mut right = 0;
        for _ in 0..20_000 {
            let (cuts, ends) = some(&mut next);
            let (first, step, count) = (next(40), 1 + next(12), next(6));
            let expected = (0..count)
                .map(|k| first + step * k)
                .all(|x| (x == 0 && !ends.is_empty()) || ends.contains(&x));
            assert_eq!(cuts.are_borders(first, step, count), expected, "{cuts:?} {first} {step} {count}");
            right += u64::from(expected && count > 1);
        }
        assert!(right > 100, "{right}");
    }

    #[test]
    fn chunks_are_padded_where_they_are_regular_and_exact_where_not() {
        let cuts: Cuts = [(12, 5), (3, 5)].into_iter().collect();
        let chunks = Chunks::uneven(&[1, 4], 0, cuts);
        assert_eq!((chunks.shape(), chunks.count(0, 15), chunks.count(1, 10)), (&[5, 4][..], 4, 3));
        let last = chunks.region(&[2, 2]);
        assert_eq!((last.start.as_slice(), last.shape.as_slice()), (&[10, 8][..], &[2, 4][..]));
        assert_eq!(chunks.at(&[14, 9]).as_slice(), [3, 2]);
        assert_eq!(chunks.to_string(), "(5, 4) at most, uneven along axis 0");
        let even = Chunks::uneven(&[1, 4], 0, [(10, 5), (3, 5)].into_iter().collect());
        assert_eq!(even, Chunks::from(&[5, 4][..]));
    }
}
