//! How many values were there, per output.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Counts: in 64 bits, or in 32 as long as these suffice. Both are written alike, and read as 64 bits.
#[derive(Clone, Debug)]
pub(super) enum Tally {
    Wide(Vec<u64>),
    Narrow(Vec<u32>, Most),
}

/// What the largest of narrow counts is at most, and whether one may have overflowed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Most {
    count: u64,
    exceeded: bool,
}

impl Tally {
    /// Zeros.
    pub fn wide(outputs: usize) -> Tally {
        Tally::Wide(vec![0; outputs])
    }

    /// Zeros, in 32 bits.
    pub fn narrow(outputs: usize) -> Tally {
        Tally::Narrow(vec![0; outputs], Most::default())
    }

    pub fn len(&self) -> usize {
        match self {
            Tally::Wide(counts) => counts.len(),
            Tally::Narrow(counts, _) => counts.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether 32 bits do not suffice, so that the counts are nothing.
    pub fn exceeded(&self) -> bool {
        matches!(self, Tally::Narrow(_, most) if most.exceeded)
    }

    pub fn get(&self, output: usize) -> u64 {
        match self {
            Tally::Wide(counts) => counts[output],
            Tally::Narrow(counts, _) => counts[output].into(),
        }
    }

    /// Adds to the count of an output, if outputs are counted.
    #[inline]
    pub fn add(&mut self, output: usize, more: u64) {
        if self.is_empty() {
            return;
        }
        match self {
            // Counts of real elements cannot overflow; those of a damaged partial must not panic.
            Tally::Wide(counts) => counts[output] = counts[output].saturating_add(more),
            Tally::Narrow(counts, most) => {
                let sum = u64::from(counts[output]).saturating_add(more);
                most.count = most.count.max(sum);
                most.exceeded |= sum > u64::from(u32::MAX);
                counts[output] = sum as u32;
            }
        }
    }

    /// Counts a value of each of so many outputs from one on.
    pub fn row(&mut self, first: usize, n: usize) {
        self.expect_row();
        match self {
            Tally::Wide(counts) => counts[first..first + n].iter_mut().for_each(|c| *c += 1),
            Tally::Narrow(counts, _) => {
                counts[first..first + n].iter_mut().for_each(|c| *c = c.wrapping_add(1));
            }
        }
    }

    /// The same where it says 1 and not 0.
    pub fn row_where(&mut self, first: usize, keep: &[u8]) {
        self.expect_row();
        match self {
            Tally::Wide(counts) => {
                counts[first..first + keep.len()].iter_mut().zip(keep).for_each(|(c, k)| *c += *k as u64);
            }
            Tally::Narrow(counts, _) => {
                let counts = &mut counts[first..first + keep.len()];
                counts.iter_mut().zip(keep).for_each(|(c, k)| *c = c.wrapping_add(*k as u32));
            }
        }
    }

    /// Each count may grow by one.
    #[inline]
    fn expect_row(&mut self) {
        if let Tally::Narrow(counts, most) = self {
            most.count += 1;
            if most.count > u64::from(u32::MAX) {
                most.look(counts);
            }
        }
    }
}

impl Most {
    #[cold]
    fn look(&mut self, counts: &[u32]) {
        self.count = u64::from(counts.iter().copied().max().unwrap_or(0)) + 1;
        self.exceeded |= self.count > u64::from(u32::MAX);
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        (0..self.len()).map(|o| self.get(o)).collect::<Vec<u64>>().serialize(s)
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Tally, D::Error> {
        Vec::deserialize(d).map(Tally::Wide)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_counts_never_wrap_in_silence() {
        let mut t = Tally::narrow(3);
        t.add(1, u64::from(u32::MAX) - 2);
        t.add(2, u64::from(u32::MAX) - 2);
        (0..2).for_each(|_| t.row(0, 2));
        assert!(!t.exceeded());
        assert_eq!([t.get(0), t.get(1), t.get(2)], [2, u32::MAX as u64, u32::MAX as u64 - 2]);
        t.row_where(0, &[0, 1, 0]);
        assert!(t.exceeded());
        let mut large = Tally::narrow(1);
        large.add(0, 1 << 40);
        assert!(large.exceeded());
        let mut none = Tally::narrow(0);
        none.add(5, 7);
        assert!(none.is_empty() && !none.exceeded());
    }
}
