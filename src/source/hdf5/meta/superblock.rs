//! The superblock: how a file counts, where its root group is, and what it says of itself.

use super::bytes::{Fields, Frame, ReadAt, check_sum, damaged, fetch, unsupported};
use super::{foreign, header};
use crate::error::{Context, Result};

/// What stands before everything else in an HDF5 file (at 0 or after a user block).
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Messages of the superblock's extension.
const SHARED_MESSAGES: u16 = 0x0f;
const TREE_RANKS: u16 = 0x13;
const DRIVER: u16 = 0x14;
const CACHE_IMAGE: u16 = 0x18;

/// What the file as a whole says.
#[derive(Clone, Debug)]
pub(crate) struct Super {
    pub frame: Frame,
    /// Half of the most entries that a node of a version 1 tree of chunks has.
    pub rank: u16,
    /// The object header of the root group.
    pub root: u64,
    /// Where the file says that it ends.
    pub end: u64,
    /// The table of shared messages, and how many indexes it has.
    pub shared: Option<(u64, u8)>,
    /// Whether a writer says that it has the file open.
    pub open: bool,
    /// Whether it says so, and that others may read meanwhile.
    pub live: bool,
}

/// The flags of a writer, and of one whose file others read meanwhile.
const OPEN: u8 = 0x01;
const LIVE: u8 = 0x04;

/// Finds and reads the superblock. That a writer says that it has the file open is no obstacle.
pub(crate) fn read(file: &dyn ReadAt) -> Result<Super> {
    let base = find(file)?;
    decode(file, base).at("structure", format_args!("superblock at byte {base}"))
}

/// Where the superblock is.
fn find(file: &dyn ReadAt) -> Result<u64> {
    let (mut bytes, mut reads, mut base) = (Vec::new(), 0, 0u64);
    loop {
        if base.checked_add(SIGNATURE.len() as u64).is_none_or(|end| end > file.len()) {
            return Err(foreign::named(file));
        }
        fetch(file, base, SIGNATURE.len() as u64, &mut bytes, &mut reads)?;
        if bytes == SIGNATURE {
            return Ok(base);
        }
        base = (base * 2).max(512);
    }
}

fn decode(file: &dyn ReadAt, base: u64) -> Result<Super> {
    let (mut bytes, mut reads) = (Vec::new(), 0);
    fetch(file, base, (file.len() - base).min(100), &mut bytes, &mut reads)?;
    let mut fields = Fields::new(&bytes);
    fields.take(SIGNATURE.len())?;
    let version = fields.u8()?;
    let (address, length) = match version {
        0 | 1 => {
            fields.take(4)?;
            (fields.u8()?, fields.u8()?)
        }
        2 | 3 => (fields.u8()?, fields.u8()?),
        n => return Err(unsupported(format_args!("superblock version {n}"))),
    };
    for width in [address, length] {
        match width {
            2 | 4 | 8 => {}
            16 | 32 => return Err(unsupported(format_args!("addresses of {width} bytes"))),
            _ => return Err(damaged(format!("addresses of {width} bytes"))),
        }
    }
    // Address 0 is where the superblock is, as in libhdf5: a user block may have been put in front of it, or
    // taken away, after the base address was written.
    let frame = Frame { base, address, length };
    let moved = |stated: Option<u64>, end: u64| end.saturating_sub(stated.unwrap_or(0)).saturating_add(base);
    let no_root = || damaged("there is no root group");
    if version < 2 {
        fields.take(9)?;
        let mut rank = 32;
        if version == 1 {
            rank = fields.u16()?;
            fields.take(2)?;
        }
        let stated = fields.address(&frame)?;
        fields.take(frame.wide())?;
        let end = moved(stated, fields.address(&frame)?.unwrap_or(0));
        if fields.address(&frame)?.is_some() {
            return Err(unsupported("a file in several parts"));
        }
        fields.length(&frame)?;
        let root = fields.address(&frame)?.ok_or_else(no_root)?;
        return Ok(Super { frame, rank, root, end, shared: None, open: false, live: false });
    }
    let len = 12 + 4 * frame.wide() + 4;
    check_sum(bytes.get(..len).ok_or_else(|| damaged("the superblock ends early"))?)?;
    let flags = fields.u8()?;
    let (open, live) = (version == 3 && flags & (OPEN | LIVE) != 0, version == 3 && flags & LIVE != 0);
    let stated = fields.address(&frame)?;
    let extension = fields.address(&frame)?;
    let end = moved(stated, fields.address(&frame)?.unwrap_or(0));
    let root = fields.address(&frame)?.ok_or_else(no_root)?;
    let mut found = Super { frame, rank: 32, root, end, shared: None, open, live };
    if let Some(extension) = extension {
        header::messages(file, &frame, extension, |message| {
            let mut fields = Fields::new(message.body);
            match message.kind {
                // Then structures may be newer in the image than where they belong.
                CACHE_IMAGE => return Err(unsupported("an image of the metadata cache")),
                DRIVER => return Err(unsupported("a file in several parts")),
                TREE_RANKS => {
                    fields.take(1)?;
                    found.rank = fields.u16()?;
                }
                SHARED_MESSAGES => {
                    fields.take(1)?;
                    let table = fields.address(&frame)?;
                    let indexes = fields.u8()?;
                    found.shared = table.map(|table| (table, indexes));
                }
                _ => {}
            }
            Ok(false)
        })?;
    }
    Ok(found)
}
