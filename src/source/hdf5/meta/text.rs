//! Strings of variable length, one after the other.

use super::bytes::ReadAt;
use super::container::Container;
use super::global::Global;
use crate::error::Result;

/// A file whose global heap has strings.
pub(in crate::source::hdf5) struct Heap<'a> {
    container: Container<'a>,
    global: Global,
}

impl<'a> Heap<'a> {
    pub fn open(file: &'a dyn ReadAt) -> Result<Heap<'a>> {
        Ok(Heap { container: Container::open(file)?, global: Global::default() })
    }

    /// The string that a stored element stands for, up to its first byte that is 0; of a longer one at least the first
    /// `most` bytes.
    pub fn text(&mut self, stored: &[u8], most: u64) -> Result<Vec<u8>> {
        let mut bytes = self.global.element(&self.container, stored, 1, most)?;
        if let Some(end) = bytes.iter().position(|&b| b == 0) {
            bytes.truncate(end);
        }
        Ok(bytes)
    }
}
