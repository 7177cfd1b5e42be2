//! What an update is given: blocks of the domain, tiles of their elements, memory that is used again.

use crate::grid::Region;
use std::any::Any;

/// Elements of a tile, at most. A column of float64 is then 16 KiB.
pub const TILE: usize = 2048;

/// A block of the domain.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// What it covers.
    pub region: &'a Region,
    /// The shape of the whole domain (positions of `argmin` count in it).
    pub domain: &'a [u64],
}

/// Elements of a block that follow each other in C order.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a> {
    /// A column per port: native bytes, aligned for their dtype.
    pub columns: &'a [&'a [u8]],
    /// The position of the first in the block.
    pub start: u64,
    /// How many.
    pub n: usize,
}

/// Memory that one worker's updates share: one of each type, made when it is first wanted.
#[derive(Default)]
pub struct Scratch(Vec<Box<dyn Any + Send>>);

impl Scratch {
    /// The one of type `T`.
    pub fn of<T: Any + Send + Default>(&mut self) -> &mut T {
        let at = self.0.iter().position(|s| (**s).is::<T>()).unwrap_or_else(|| {
            self.0.push(Box::<T>::default());
            self.0.len() - 1
        });
        match self.0[at].downcast_mut() {
            Some(scratch) => scratch,
            None => unreachable!("the position is that of a T"),
        }
    }
}

/// The elements where a mask is true, brought together at the front, without a branch for each.
pub(super) fn squeezed<'e, T: Copy>(elements: &'e mut [T], mask: &[u8]) -> &'e [T] {
    let mut n = 0;
    for i in 0..elements.len() {
        elements[n] = elements[i];
        n += usize::from(mask[i] != 0);
    }
    &elements[..n]
}
