//! The layout message: how and where the data of a dataset is stored.

use super::bytes::{Fields, Frame, damaged, unsupported};
use crate::error::Result;
use crate::grid::{Dims, MAX_RANK};

const COMPACT: u8 = 0;
const CONTIGUOUS: u8 = 1;
const CHUNKED: u8 = 2;
const VIRTUAL: u8 = 3;
/// A flag of chunks: those over the array's edge are stored without the filters.
const BARE_EDGES: u8 = 0x01;
/// A flag of a single chunk: its size and mask follow.
const SINGLE_FILTERED: u8 = 0x02;

/// What the message says.
#[derive(Debug, PartialEq)]
pub(crate) enum Layout<'a> {
    /// The data is here.
    Compact(&'a [u8]),
    /// `None` as long as nothing is stored. The bytes, where the message has them.
    Contiguous {
        address: Option<u64>,
        bytes: Option<u64>,
    },
    Chunked(Chunked),
    /// The mappings are an object of the global heap: where its collection is, and its number there.
    Virtual {
        address: Option<u64>,
        number: u32,
    },
}

/// What it says about chunks.
#[derive(Debug, PartialEq)]
pub(crate) struct Chunked {
    /// The chunk shape, with the bytes of an element as its last length.
    pub chunk: Dims,
    pub index: Index,
    /// Where the index is; `None` as long as nothing is stored.
    pub address: Option<u64>,
    /// Whether chunks over the array's edge are stored without the filters.
    pub bare_edges: bool,
    /// Whether indexes have stored sizes that are as wide as a length (version 5), and not as the size of a chunk needs.
    pub wide_sizes: bool,
}

/// The kind of index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Index {
    TreeV1,
    /// The stored size and filter mask, where the chunk is filtered.
    Single(Option<(u64, u32)>),
    Implicit,
    Fixed,
    Extensible,
    TreeV2,
}

impl<'a> Layout<'a> {
    pub fn read(body: &'a [u8], frame: &Frame) -> Result<Layout<'a>> {
        let mut fields = Fields::new(body);
        match fields.u8()? {
            1 | 2 => Layout::oldest(fields, frame),
            version @ 3..=5 => match fields.u8()? {
                COMPACT => {
                    let size = fields.u16()?;
                    Ok(Layout::Compact(fields.take(usize::from(size))?))
                }
                CONTIGUOUS => Ok(Layout::Contiguous {
                    address: fields.address(frame)?,
                    bytes: Some(fields.length(frame)?),
                }),
                CHUNKED if version == 3 => old(fields, frame),
                CHUNKED => new(fields, frame, version),
                VIRTUAL if version > 3 => {
                    Ok(Layout::Virtual { address: fields.address(frame)?, number: fields.u32()? })
                }
                n => Err(unsupported(format_args!("layout class {n}"))),
            },
            n => Err(unsupported(format_args!("layout version {n}"))),
        }
    }

    /// Versions 1 and 2, from before HDF5 1.6.3.
    fn oldest(mut fields: Fields<'a>, frame: &Frame) -> Result<Layout<'a>> {
        let rank = fields.u8()?;
        let class = fields.u8()?;
        fields.take(5)?;
        let address = if class == COMPACT { None } else { fields.address(frame)? };
        match class {
            COMPACT => {
                fields.take(4 * usize::from(rank))?;
                let size = fields.u32()?;
                Ok(Layout::Compact(fields.take(size as usize)?))
            }
            CONTIGUOUS => Ok(Layout::Contiguous { address, bytes: None }),
            CHUNKED => {
                let chunk = lengths(&mut fields, rank, 4)?;
                Ok(in_tree(chunk, address))
            }
            n => Err(unsupported(format_args!("layout class {n}"))),
        }
    }
}

/// Chunks in version 3.
fn old<'a>(mut fields: Fields, frame: &Frame) -> Result<Layout<'a>> {
    let rank = fields.u8()?;
    let address = fields.address(frame)?;
    let chunk = lengths(&mut fields, rank, 4)?;
    Ok(in_tree(chunk, address))
}

/// Chunks in a B-tree of version 1, the only index before version 4.
fn in_tree<'a>(chunk: Dims, address: Option<u64>) -> Layout<'a> {
    Layout::Chunked(Chunked { chunk, index: Index::TreeV1, address, bare_edges: false, wide_sizes: false })
}

/// Chunks in version 4, and in version 5, which differs only in how wide stored sizes are inside the
/// indexes.
fn new<'a>(mut fields: Fields, frame: &Frame, version: u8) -> Result<Layout<'a>> {
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
    let address = fields.address(frame)?;
    let bare_edges = flags & BARE_EDGES != 0;
    Ok(Layout::Chunked(Chunked { chunk, index, address, bare_edges, wide_sizes: version == 5 }))
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

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { base: 0, address: 4, length: 4 };

    #[test]
    fn layouts_of_all_classes_and_versions() {
        let read = |bytes: &'static [u8]| Layout::read(bytes, &FRAME);
        let contiguous = |address, bytes| Layout::Contiguous { address, bytes };
        // Rank, class, reserved, address, lengths.
        let oldest = b"\x01\x01\x01\0\0\0\0\0\x20\x01\0\0\x07\0\0\0";
        assert_eq!(read(oldest).unwrap(), contiguous(Some(0x120), None));
        let oldest = b"\x02\x01\0\0\0\0\0\0\x03\0\0\0\x03\0\0\0abc";
        assert_eq!(read(oldest).unwrap(), Layout::Compact(b"abc"));
        let nowhere = b"\x03\x01\xff\xff\xff\xff\x09\0\0\0";
        assert_eq!(read(nowhere).unwrap(), contiguous(None, Some(9)));
        for compact in [b"\x03\0\x02\0ab", b"\x04\0\x02\0ab", b"\x05\0\x02\0ab"] {
            assert_eq!(read(compact).unwrap(), Layout::Compact(b"ab"));
        }
        let found = read(b"\x04\x03\x20\0\0\0\x05\0\0\0").unwrap();
        assert_eq!(found, Layout::Virtual { address: Some(0x20), number: 5 });
        let chunks = b"\x05\x02\x01\x02\x01\x07\x04\x01\x30\0\0\0";
        let Layout::Chunked(chunked) = read(chunks).unwrap() else { panic!("other storage") };
        assert_eq!((&chunked.chunk[..], chunked.bare_edges), (&[7, 4][..], true));
        assert_eq!((chunked.index, chunked.address), (Index::Single(None), Some(0x30)));
        for bad in [
            &b"\x06\0\x02\0ab"[..],
            b"\x03\x03\0\0\0\0\0\0\0\0",
            b"\x04\x04",
            b"\x03\0\x03\0ab",
            b"\x04\x02\x04\x02\x01\x07\x04\x01\x30\0\0\0",
            b"\x04\x02\0\x02\x01\x07\0\x01\x30\0\0\0",
            b"\x04\x02\0\x40\x01",
            b"",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
