//! Along one axis: which elements of a region are elements of a source, as evenly spaced stretches.

use super::super::selection::Indices;
use num_integer::Integer;

/// Elements `to + i * to_step` of a region that are elements `from + i * from_step` of a source, for `i < count`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Walk {
    pub to: u64,
    pub to_step: u64,
    pub from: u64,
    pub from_step: u64,
    pub count: u64,
}

/// An axis of a region: the indices `start + step * i` for `i < count`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub start: u64,
    pub step: u64,
    pub count: u64,
}

impl Wanted {
    fn last(&self) -> u64 {
        self.start + self.step * self.count.saturating_sub(1)
    }

    /// Which element of the region the index `x` is, if it is one.
    pub fn position(&self, x: u64) -> Option<u64> {
        let past = x.checked_sub(self.start)?;
        (past.is_multiple_of(self.step) && past / self.step < self.count).then(|| past / self.step)
    }

    /// The first element of the region at or after the index `x`.
    fn from(&self, x: u64) -> u64 {
        x.saturating_sub(self.start).div_ceil(self.step)
    }
}

/// Where the wanted indices are among the first `len` of `indices`: as walks from their positions.
pub(super) fn positions(wanted: Wanted, indices: &Indices, len: u64, mut each: impl FnMut(Walk)) {
    if wanted.count == 0 || len == 0 {
        return;
    }
    if let Some(stride) = indices.step().filter(|&stride| stride != 1) {
        // Evenly spaced among evenly spaced ones.
        each_common(wanted, indices.get(0), stride, len, each);
        return;
    }
    let mut at = indices.before(wanted.start);
    while at < len {
        let (index, run) = indices.run(at);
        if index > wanted.last() {
            break;
        }
        let end = at + run.min(len - at).max(1);
        let t = wanted.from(index);
        if t >= wanted.count {
            break;
        }
        let first = at + (wanted.start + wanted.step * t - index);
        if first < end {
            let count = ((end - 1 - first) / wanted.step + 1).min(wanted.count - t);
            each(Walk { to: t, to_step: 1, from: first, from_step: wanted.step, count });
        }
        at = end;
    }
}

/// As [`positions`], among `len` indices from `first` on that are `stride` apart.
fn each_common(wanted: Wanted, first: u64, stride: u64, len: u64, mut each: impl FnMut(Walk)) {
    let gcd = wanted.step.extended_gcd_of(stride);
    let (to_step, from_step) = (stride / gcd.0, wanted.step / gcd.0);
    // The first element at or behind the first index.
    let t = wanted.from(first);
    if t >= wanted.count {
        return;
    }
    let x = u128::from(wanted.start) + u128::from(wanted.step) * u128::from(t);
    let past = x - u128::from(first);
    if past % u128::from(gcd.0) != 0 {
        return;
    }
    // How many elements on one is that is an index: step * k = -past, modulo the stride.
    let lack = (u128::from(stride) - past % u128::from(stride)) % u128::from(stride) / u128::from(gcd.0);
    let k = (lack * u128::from(gcd.1) % u128::from(to_step)) as u64;
    let Some(to) = t.checked_add(k).filter(|&to| to < wanted.count) else { return };
    let index = wanted.start + wanted.step * to;
    let from = (index - first) / stride;
    if from >= len {
        return;
    }
    let count = ((wanted.count - 1 - to) / to_step).min((len - 1 - from) / from_step) + 1;
    each(Walk { to, to_step, from, from_step, count });
}

trait ExtendedGcd {
    /// The greatest common divisor, and the inverse of the number divided by it, modulo `other` divided by it.
    fn extended_gcd_of(self, other: u64) -> (u64, u64);
}

impl ExtendedGcd for u64 {
    fn extended_gcd_of(self, other: u64) -> (u64, u64) {
        let e = i128::from(self).extended_gcd(&i128::from(other));
        let modulus = i128::from(other) / e.gcd;
        (e.gcd as u64, e.x.rem_euclid(modulus.max(1)) as u64)
    }
}

/// Makes walks from positions in `indices` walks from the indices themselves, below `most`.
pub(super) fn indexed(walk: Walk, indices: &Indices, most: u64, mut each: impl FnMut(Walk)) {
    // No more than lie below.
    let below = indices.before(most);
    if walk.from >= below {
        return;
    }
    let count = walk.count.min((below - 1 - walk.from) / walk.from_step + 1);
    if let Some(step) = indices.step() {
        let (from, from_step) = (indices.get(walk.from), step.saturating_mul(walk.from_step));
        each(Walk { from, from_step, count, ..walk });
        return;
    }
    let mut done = 0;
    while done < count {
        let (from, run) = indices.run(walk.from + done * walk.from_step);
        let here = ((run.max(1) - 1) / walk.from_step + 1).min(count - done);
        each(Walk { to: walk.to + done * walk.to_step, from, count: here, ..walk });
        done += here;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pairs of (element of the region, index in the source), one by one.
    fn listed(wanted: Wanted, to: &Indices, from: &Indices, most: u64) -> Vec<(u64, u64)> {
        let mut out = Vec::new();
        positions(wanted, to, to.len().unwrap(), |walk| {
            indexed(walk, from, most, |w| {
                out.extend((0..w.count).map(|i| (w.to + i * w.to_step, w.from + i * w.from_step)));
            });
        });
        out.sort_unstable();
        out
    }

    #[test]
    fn walks_are_what_indexing_gives() {
        let mut state = 7u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % n
        };
        for case in 0..20_000 {
            let mut made = || match next(3) {
                0 => {
                    let block = 1 + next(4);
                    Indices::blocks(next(9), block + next(5), Some(1 + next(6)), Some(block)).unwrap()
                }
                1 => Indices::blocks(next(9), 1 + next(7), Some(1 + next(20)), Some(1)).unwrap(),
                _ => {
                    let mut at = next(4);
                    let mut list = Vec::new();
                    for _ in 0..1 + next(5) {
                        let len = 1 + next(4);
                        list.push((at, len));
                        at += len + next(4);
                    }
                    Indices::stretches(&list)
                }
            };
            let (to, from) = (made(), made());
            let n = to.len().unwrap().min(from.len().unwrap());
            let (to, from) = (to.first(n), from.first(n));
            let wanted = Wanted { start: next(12), step: 1 + next(6), count: next(12) };
            let most = if next(3) == 0 { next(30) } else { u64::MAX };
            let mut want = Vec::new();
            for t in 0..wanted.count {
                let x = wanted.start + wanted.step * t;
                let found = (0..n).find(|&i| to.get(i) == x).map(|i| from.get(i));
                want.extend(found.filter(|&y| y < most).map(|y| (t, y)));
            }
            assert_eq!(listed(wanted, &to, &from, most), want, "{case} {wanted:?} {to:?} {from:?} {most}");
            for x in 0..40 {
                assert_eq!(to.before(x), (0..n).filter(|&i| to.get(i) < x).count() as u64, "{to:?} {x}");
            }
            let end = to.end().unwrap();
            assert_eq!(end, (0..n).map(|i| to.get(i) + 1).max().unwrap_or(0));
        }
    }
}
