//! Narrow sums merged with each other and with wide ones.

use super::super::pending::SEGMENT;
use super::super::sums::Sums;
use super::{Bits, Narrow};

impl Narrow {
    /// Adds sum j of `other` to sum `offset` + j, for all. Both have one term.
    ///
    /// # Panics
    /// If the terms differ, or there are fewer sums.
    pub fn merge_at(&mut self, offset: usize, other: &Narrow) {
        assert_eq!(self.term, other.term);
        assert!(other.len() <= self.len() && offset <= self.len() - other.len());
        for (s, segment) in other.segments.iter().enumerate() {
            let sums = s * SEGMENT..other.len().min((s + 1) * SEGMENT);
            sums.clone().for_each(|j| self.flags[offset + j] |= other.flags[j]);
            let Some(unit) = other.unit(s) else { continue };
            if offset.is_multiple_of(SEGMENT) && self.unit(offset / SEGMENT + s).is_none() {
                self.copy(offset / SEGMENT + s, other, s);
                continue;
            }
            // One move for all of them, where that will do.
            let there = |j: usize| {
                let v = other.number(j);
                let bits = Bits { low: unit + v.trailing_zeros() as i32, top: unit + v.bits() as i32 };
                (!v.is_zero()).then_some(bits)
            };
            let Some(bits) = sums.clone().filter_map(there).reduce(Bits::with) else { continue };
            for to in (offset + sums.start) / SEGMENT..=(offset + sums.end - 1) / SEGMENT {
                if self.unit(to).is_some() && !self.holds(to, bits, self.reach()) {
                    self.move_to(to, bits, self.reach());
                }
            }
            debug_assert!(segment.unit != super::NONE);
            sums.for_each(|j| self.add_number(offset + j, other.number(j), unit));
        }
        for (j, place) in other.reserve.each() {
            self.add_wide(offset + j, other.reserve.sums(), place);
        }
        self.reserve.exceeded |= other.reserve.exceeded;
    }

    /// Adds sum `j` of `other` to sum `i`. Both have one term.
    pub fn merge_one(&mut self, i: usize, other: &Narrow, j: usize) {
        assert_eq!(self.term, other.term);
        self.flags[i] |= other.flags[j];
        if let Some(unit) = other.unit(j / SEGMENT) {
            self.add_number(i, other.number(j), unit);
        }
        if let Some((wide, place)) = other.reserve.of(j) {
            self.add_wide(i, wide, place);
        }
        self.reserve.exceeded |= other.reserve.exceeded;
    }

    /// Adds sum `j` of wide ones to sum `i`. Both have one term.
    pub fn add_wide(&mut self, i: usize, sums: &Sums, j: usize) {
        assert_eq!(self.term, sums.term);
        self.flags[i] |= sums.flags[j];
        self.add_limbs(i, &mut sums.settled(j));
    }

    /// Takes over a segment of `other`, where nothing is yet.
    fn copy(&mut self, to: usize, other: &Narrow, from: usize) {
        let n = self.term.narrow_limbs() * SEGMENT;
        self.limbs[to * n..(to + 1) * n].copy_from_slice(&other.limbs[from * n..(from + 1) * n]);
        self.segments[to] = other.segments[from];
    }
}
