//! A file with what its superblock says: all that reading its structures needs.

use super::bytes::{Frame, ReadAt, fetch};
use super::superblock::{self, Super};
use crate::error::{Error, ErrorKind, Result};

/// An HDF5 file.
pub(crate) struct Container<'a> {
    pub file: &'a dyn ReadAt,
    pub about: Super,
}

impl<'a> Container<'a> {
    /// Reads the superblock.
    pub fn open(file: &'a dyn ReadAt) -> Result<Self> {
        Ok(Container { file, about: superblock::read(file)? })
    }

    pub fn frame(&self) -> &Frame {
        &self.about.frame
    }

    /// The `len` bytes at a relative address. The caller bounds `len`.
    pub fn bytes(&self, address: u64, len: u64) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        fetch(self.file, self.frame().place(address)?, len, &mut out, &mut 0)?;
        Ok(out)
    }

    /// The position of an address, for messages.
    pub fn at(&self, address: u64) -> u64 {
        self.frame().base.saturating_add(address)
    }

    /// Says in an error that the file is shorter than it should be, if it is.
    pub fn explain(&self, e: Error) -> Error {
        let (have, end) = (self.file.len(), self.about.end);
        match e.kind() {
            ErrorKind::Format if have < end => e.at("file length", format_args!("{have} of {end} bytes")),
            _ => e,
        }
    }
}
