//! Which tasks of a stage are there, as far as it is known by now.

use std::collections::BTreeMap;

/// Ranges of tasks, no two of which meet: what is adjacent is one range. It grows with the gaps between them.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// The end of each range by its start.
    ranges: BTreeMap<u64, u64>,
}

impl Coverage {
    /// Adds the tasks `start..end`.
    ///
    /// # Errors
    /// The first of them that is there already; then nothing is added.
    pub(super) fn add(&mut self, mut start: u64, mut end: u64) -> Result<(), u64> {
        if start >= end {
            return Ok(());
        }
        let before = self.ranges.range(..=start).next_back().map(|(&s, &e)| (s, e));
        let after = self.ranges.range(start..).next().map(|(&s, &e)| (s, e));
        match (before, after) {
            (Some((_, e)), _) if e > start => return Err(start),
            (_, Some((s, _))) if s < end => return Err(s),
            _ => {}
        }
        if let Some((s, e)) = before
            && e == start
        {
            self.ranges.remove(&s);
            start = s;
        }
        if let Some((s, e)) = after
            && s == end
        {
            self.ranges.remove(&s);
            end = e;
        }
        self.ranges.insert(start, end);
        Ok(())
    }

    /// The first tasks of `0..all` that are not there.
    pub(super) fn gap(&self, all: u64) -> Option<(u64, u64)> {
        let mut ranges = self.ranges.iter();
        let next = match ranges.next() {
            Some((&0, &end)) => end,
            Some((&start, _)) => return Some((0, start)),
            None => 0,
        };
        (next < all).then(|| (next, ranges.next().map_or(all, |(&start, _)| start)))
    }

    /// The ranges, in ascending order.
    pub(super) fn into_ranges(self) -> Vec<(u64, u64)> {
        self.ranges.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against one flag per task, in many orders.
    #[test]
    fn ranges_meet_or_overlap_or_leave_gaps() {
        let mut seed = 1u64;
        let mut below = |n: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % n
        };
        let all = 24;
        for _ in 0..2000 {
            let (mut coverage, mut there) = (Coverage::default(), [false; 24]);
            for _ in 0..below(12) {
                let (a, b) = (below(all + 1), below(all + 1));
                let range = a as usize..b.max(a) as usize;
                let first = range.clone().find(|&i| there[i]).map(|i| i as u64);
                assert_eq!(coverage.add(a, b).err(), first, "{a}..{b} of {coverage:?}");
                if first.is_none() {
                    there[range].fill(true);
                }
                let gap = (0..24).find(|&i| !there[i]).map(|i| {
                    let end = (i..24).find(|&k| there[k]).unwrap_or(24);
                    (i as u64, end as u64)
                });
                assert_eq!(coverage.gap(all), gap, "{coverage:?}");
            }
            let starts = (0..24).filter(|&i| there[i] && (i == 0 || !there[i - 1])).count();
            assert_eq!(coverage.into_ranges().len(), starts);
        }
    }
}
