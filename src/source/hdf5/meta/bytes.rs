//! Bytes of a file by position, and the fields in them.

use super::checksum::lookup3;
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// The most bytes that one node of a tree may have: many times what libhdf5 writes.
pub(crate) const NODE_LIMIT: u64 = 1 << 20;
/// The most bytes that one block of an array may have; it can hold a bit per 1024 chunks.
pub(crate) const BLOCK_LIMIT: u64 = 16 << 20;

/// Bytes of a file, read by position.
pub(crate) trait ReadAt {
    /// How many bytes there are.
    fn len(&self) -> u64;
    /// Fills `out` from position `at` on.
    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()>;
}

impl ReadAt for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let from = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..out.len()));
        out.copy_from_slice(from.ok_or_else(|| beyond(at, out.len() as u64, ReadAt::len(self)))?);
        Ok(())
    }
}

/// The error for a structure that is not what the format says.
pub(crate) fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Format, message).hint("the file is damaged: copy it again")
}

/// What can be done about a structure that is valid but not known here.
const OTHER_READER: &str =
    "libhdf5 may read it: open it with OpenOptions::new().reader(Reader::Libhdf5) (--reader libhdf5)";

/// The error for a structure that is valid but not known here.
pub(crate) fn unsupported(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unsupported, format!("chunkwise does not read {what}")).hint(OTHER_READER)
}

/// Whether an error is of a structure that is not known here, and so perhaps known to libhdf5.
pub(crate) fn is_unknown(e: &Error) -> bool {
    e.kind() == ErrorKind::Unsupported && e.hint_text() == Some(OTHER_READER)
}

/// The error for what lies beyond the end of the file.
pub(crate) fn beyond(at: u64, len: u64, have: u64) -> Error {
    Error::new(
        ErrorKind::Format,
        format!("a structure should be at bytes {at} + {len}, but the file has only {have}"),
    )
    .hint("the file is damaged or cut off: copy it again")
}

/// Brings `len` bytes from position `at` on into `out`, in one read, and counts it. `len` is checked
/// against the file before memory is taken; the caller bounds it by one of the limits.
pub(crate) fn fetch(file: &dyn ReadAt, at: u64, len: u64, out: &mut Vec<u8>, reads: &mut u64) -> Result<()> {
    if at.checked_add(len).is_none_or(|end| end > file.len()) {
        return Err(beyond(at, len, file.len()));
    }
    let len = usize::try_from(len).map_err(|_| unsupported("a structure larger than memory"))?;
    out.clear();
    out.reserve_exact(len);
    out.resize(len, 0);
    *reads += 1;
    file.read_at(at, out)
}

/// How a file counts: where its address 0 is, and how wide addresses and lengths are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub base: u64,
    pub address: u8,
    pub length: u8,
}

impl Frame {
    /// Bytes of an address.
    pub fn wide(&self) -> usize {
        usize::from(self.address)
    }

    /// The position of a relative address in the file.
    pub fn place(&self, relative: u64) -> Result<u64> {
        self.base.checked_add(relative).ok_or_else(|| damaged("an address beyond the end of all files"))
    }
}

/// Little-endian fields, taken from the front.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Fields { rest: bytes }
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// All that is left, which stays.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or_else(|| damaged("a structure ends early"))?;
        self.rest = rest;
        Ok(head)
    }

    /// An integer of 1 to 8 bytes.
    pub fn number(&mut self, bytes: usize) -> Result<u64> {
        if bytes == 0 || bytes > 8 {
            return Err(damaged(format!("an integer of {bytes} bytes")));
        }
        Ok(little(self.take(bytes)?))
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.number(1)? as u8)
    }

    pub fn u16(&mut self) -> Result<u16> {
        Ok(self.number(2)? as u16)
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(self.number(4)? as u32)
    }

    /// An address; `None` for the undefined one, whose bits are all set.
    pub fn address(&mut self, frame: &Frame) -> Result<Option<u64>> {
        self.or_all_ones(frame.wide())
    }

    /// An integer, or `None` where all of its bits are set.
    pub fn or_all_ones(&mut self, bytes: usize) -> Result<Option<u64>> {
        let n = self.number(bytes)?;
        Ok((n != u64::MAX >> (64 - 8 * bytes)).then_some(n))
    }

    pub fn length(&mut self, frame: &Frame) -> Result<u64> {
        self.number(usize::from(frame.length))
    }

    /// A signature, and the version 0 that follows all of those read here.
    pub fn signature(&mut self, name: &[u8; 4]) -> Result<()> {
        let found = self.take(4)?;
        if found != name {
            return Err(damaged(format!(
                "'{}' should be here, but '{}' is",
                name.escape_ascii(),
                found.escape_ascii()
            )));
        }
        match self.u8()? {
            0 => Ok(()),
            n => Err(unsupported(format_args!("version {n} of '{}'", name.escape_ascii()))),
        }
    }

    /// What says to which array or tree a block belongs.
    pub fn owner(&mut self, frame: &Frame, header: u64) -> Result<()> {
        if self.address(frame)? != Some(header) {
            return Err(damaged("a block of something else"));
        }
        Ok(())
    }
}

/// Up to 8 bytes as an integer.
pub(crate) fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))
}

/// Checks the checksum in the last four bytes of a structure.
pub(crate) fn check_sum(bytes: &[u8]) -> Result<()> {
    match bytes.split_last_chunk::<4>() {
        Some((body, sum)) if lookup3(body) == u32::from_le_bytes(*sum) => Ok(()),
        _ => Err(damaged("a checksum of the file's structures is wrong")),
    }
}
