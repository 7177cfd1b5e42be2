//! Where chunks are stored.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Bytes of a file, read by position.
pub(crate) trait ReadAt {
    /// How many bytes there are.
    fn len(&self) -> u64;
    /// Fills `out` with the bytes from `at` on.
    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()>;
}

/// What the index is checked against.
pub(crate) struct Expect<'a> {
    pub shape: &'a [u64],
    pub chunk: &'a [u64],
    pub element: u64,
    pub filtered: bool,
}

/// Where the index of a chunked dataset is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChunkIndex {}

/// A stored chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub address: u64,
    pub size: u64,
    pub mask: u32,
}

/// The nodes on the way to the last chunk found.
#[derive(Default)]
pub(crate) struct Memo {
    pub reads: u64,
}

impl Memo {
    pub fn bytes(&self) -> u64 {
        0
    }
}

impl ChunkIndex {
    pub fn locate(_: &dyn ReadAt, _: u64, _: &Expect) -> Result<ChunkIndex> {
        Err(Error::new(ErrorKind::Unsupported, "no index"))
    }

    pub fn find(&self, _: &dyn ReadAt, _: &[u64], _: &mut Memo) -> Result<Option<Stored>> {
        Err(Error::new(ErrorKind::Unsupported, "no index"))
    }
}
