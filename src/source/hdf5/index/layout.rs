//! The layout message of a chunked dataset.

use super::bytes::{Fields, Frame, damaged, unsupported};
use crate::error::Result;
use crate::grid::{Dims, MAX_RANK};

/// The class of chunked storage.
const CHUNKED: u8 = 2;
/// A flag of a single chunk: its size and mask follow.
const SINGLE_FILTERED: u8 = 0x02;

/// What the message says.
pub(super) struct Layout {
    /// The chunk shape, with the bytes of an element as its last length.
    pub chunk: Dims,
    pub index: Index,
    /// Where the index is; `None` as long as nothing is stored.
    pub address: Option<u64>,
}

/// The kind of index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Index {
    TreeV1,
    /// The stored size and filter mask, where the chunk is filtered.
    Single(Option<(u64, u32)>),
    Implicit,
    Fixed,
    Extensible,
    TreeV2,
}

impl Layout {
    pub fn read(body: &[u8], frame: &Frame) -> Result<Layout> {
        let mut fields = Fields::new(body);
        match fields.u8()? {
            1 | 2 => Layout::oldest(fields, frame),
            3 => Layout::old(fields, frame),
            4 | 5 => Layout::new(fields, frame),
            n => Err(unsupported(format_args!("layout version {n}"))),
        }
    }

    /// Versions 1 and 2, from before HDF5 1.6.3.
    fn oldest(mut fields: Fields, frame: &Frame) -> Result<Layout> {
        let rank = fields.u8()?;
        chunked(fields.u8()?)?;
        fields.take(5)?;
        let address = fields.address(frame)?;
        Ok(Layout { chunk: lengths(&mut fields, rank, 4)?, index: Index::TreeV1, address })
    }

    /// Version 3.
    fn old(mut fields: Fields, frame: &Frame) -> Result<Layout> {
        chunked(fields.u8()?)?;
        let rank = fields.u8()?;
        let address = fields.address(frame)?;
        Ok(Layout { chunk: lengths(&mut fields, rank, 4)?, index: Index::TreeV1, address })
    }

    /// Version 4, and version 5, which differs only in how wide stored sizes are inside the indexes.
    fn new(mut fields: Fields, frame: &Frame) -> Result<Layout> {
        chunked(fields.u8()?)?;
        let flags = fields.u8()?;
        if flags > 3 {
            return Err(unsupported(format_args!("layout flags {flags:#x}")));
        }
        let rank = fields.u8()?;
        let width = fields.u8()?;
        let chunk = lengths(&mut fields, rank, usize::from(width))?;
        // What the index says about itself in its own header is not read twice.
        let index = match fields.u8()? {
            1 if flags & SINGLE_FILTERED != 0 => Index::Single(Some((fields.length(frame)?, fields.u32()?))),
            1 => Index::Single(None),
            2 => Index::Implicit,
            3 => {
                fields.take(1)?;
                Index::Fixed
            }
            4 => {
                fields.take(5)?;
                Index::Extensible
            }
            5 => {
                fields.take(6)?;
                Index::TreeV2
            }
            n => return Err(unsupported(format_args!("a chunk index of kind {n}"))),
        };
        Ok(Layout { chunk, index, address: fields.address(frame)? })
    }
}

fn chunked(class: u8) -> Result<()> {
    match class {
        CHUNKED => Ok(()),
        0..=3 => Err(damaged("the dataset's data is not in chunks")),
        n => Err(unsupported(format_args!("layout class {n}"))),
    }
}

fn lengths(fields: &mut Fields, rank: u8, width: usize) -> Result<Dims> {
    if rank < 2 || usize::from(rank) > MAX_RANK + 1 {
        return Err(damaged(format!("chunks of rank {rank}")));
    }
    (0..rank)
        .map(|_| match fields.number(width)? {
            0 => Err(damaged("a chunk of length 0")),
            n => Ok(n),
        })
        .collect()
}
