//! A header's bytes, one after the other.

use crate::error::{Error, ErrorKind, Result};
use crate::source::hdf5::ReadAt;

/// Bytes that are read at once.
const PAGE: u64 = 16 << 10;

/// Headers longer than this are not believed, values of attributes not counted: they are not kept.
const MAX_BYTES: u64 = 64 << 20;

/// What the bytes are.
const HEADER: &str = "the header";

/// A place in a file, moved on by what is read.
pub(super) struct Cursor<'a> {
    file: &'a dyn ReadAt,
    /// Where the next byte is.
    at: u64,
    page: Vec<u8>,
    /// Where the page is.
    from: u64,
    taken: u64,
}

/// The error for a header that is not what the format says.
pub(super) fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Format, message).hint("the file is damaged: copy it again")
}

/// The error for bytes that the file has not.
pub(super) fn cut_off(what: &str, at: u64, bytes: u64, len: u64) -> Error {
    let message = format!("{what} should be at bytes {at} + {bytes}, but the file has only {len}");
    Error::new(ErrorKind::Format, message).hint("the file is cut off or damaged: copy it again")
}

impl<'a> Cursor<'a> {
    pub fn new(file: &'a dyn ReadAt) -> Self {
        Cursor { file, at: 0, page: Vec::new(), from: 0, taken: 0 }
    }

    /// Where the next byte is.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Bytes that are left.
    fn rest(&self) -> u64 {
        self.file.len().saturating_sub(self.at)
    }

    /// Fails where the file has not so many more bytes, in which there should be `what`.
    pub fn want(&self, what: &str, bytes: u64) -> Result<()> {
        match bytes <= self.rest() {
            true => Ok(()),
            false => Err(cut_off(what, self.at, bytes, self.file.len())),
        }
    }

    /// Passes over bytes without reading them.
    pub fn skip(&mut self, bytes: u64) -> Result<()> {
        self.want(HEADER, bytes)?;
        self.at += bytes;
        Ok(())
    }

    /// Reads bytes, which are few or were found to be believable.
    pub fn fill(&mut self, mut out: &mut [u8]) -> Result<()> {
        let bytes = out.len() as u64;
        self.want(HEADER, bytes)?;
        self.taken = self.taken.saturating_add(bytes);
        if self.taken > MAX_BYTES {
            let message = format!("a header of more than {MAX_BYTES} bytes");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        while !out.is_empty() {
            let skipped = self.at.checked_sub(self.from).and_then(|n| usize::try_from(n).ok());
            match skipped.and_then(|n| self.page.get(n..)).filter(|have| !have.is_empty()) {
                Some(have) => {
                    let n = have.len().min(out.len());
                    let (head, rest) = out.split_at_mut(n);
                    head.copy_from_slice(&have[..n]);
                    self.at += n as u64;
                    out = rest;
                }
                None => {
                    self.page.resize(self.rest().min(PAGE) as usize, 0);
                    self.from = self.at;
                    let read = self.file.read_at(self.at, &mut self.page);
                    if read.is_err() {
                        self.page.clear();
                    }
                    read?;
                }
            }
        }
        Ok(())
    }

    /// A number of 4 bytes.
    pub fn u32(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    /// A number of 8 bytes.
    pub fn u64(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }
}
