//! Wide accumulators for the few narrow sums that need one.

use super::super::Term;
use super::super::sums::Sums;
use std::collections::HashMap;

/// Of how many narrow sums one may need a wide one.
const SHARE: u64 = 256;
/// At least so many may.
const LEAST: u64 = 64;
/// Bytes that a place in the table takes, at most.
const PLACE: u64 = 32;

/// Wide accumulators, and which sums have one.
#[derive(Clone)]
pub(super) struct Reserve {
    places: HashMap<u32, u32>,
    /// By place, the sum that has it.
    owners: Vec<u32>,
    sums: Sums,
    most: usize,
    /// Whether more were wanted than there are.
    pub exceeded: bool,
}

impl Reserve {
    /// For so many narrow sums.
    pub fn new(term: Term, sums: usize) -> Reserve {
        let most = Reserve::most(sums as u64) as usize;
        Reserve {
            places: HashMap::new(),
            owners: Vec::new(),
            sums: Sums::new(term, 0),
            most,
            exceeded: false,
        }
    }

    /// How many wide ones there are for so many narrow sums.
    pub const fn most(sums: u64) -> u64 {
        let share = sums / SHARE;
        if share > LEAST { share } else { LEAST }
    }

    /// The most bytes of one for so many narrow sums.
    pub const fn bytes(term: Term, sums: u64) -> u64 {
        Reserve::most(sums) * (term.limbs() as u64 * 8 + 1 + PLACE)
    }

    /// The wide accumulators and the place among them of that of sum `i`, if it has one.
    pub fn of(&self, i: usize) -> Option<(&Sums, usize)> {
        if self.places.is_empty() {
            return None;
        }
        let place = self.places.get(&(i as u32))?;
        Some((&self.sums, *place as usize))
    }

    /// The same, where it gets one if it has none. Nothing if there is none left.
    pub fn place(&mut self, i: usize) -> Option<(&mut Sums, usize)> {
        if let Some(&place) = self.places.get(&(i as u32)) {
            return Some((&mut self.sums, place as usize));
        }
        if self.places.len() == self.most {
            self.exceeded = true;
            return None;
        }
        if self.places.is_empty() {
            self.sums = Sums::new(self.sums.term(), self.most);
            self.places.reserve(self.most);
            self.owners.reserve_exact(self.most);
        }
        let place = self.places.len();
        self.places.insert(i as u32, place as u32);
        self.owners.push(i as u32);
        Some((&mut self.sums, place))
    }

    /// The sums that have one, and their places.
    pub fn each(&self) -> impl Iterator<Item = (usize, usize)> {
        self.owners.iter().enumerate().map(|(place, &i)| (i as usize, place))
    }

    /// The wide accumulators, by their places.
    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.sums.limbs.capacity() * 8
            + self.sums.flags.capacity()
            + self.places.capacity() * 16
            + self.owners.capacity() * 4
    }
}
