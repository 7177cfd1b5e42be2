//! The superblock and the messages of an object header.

use super::bytes::{Fields, Frame, ReadAt, check_sum, damaged, fetch, unsupported};
use crate::error::Result;
use crate::grid::{Dims, MAX_RANK};

/// What stands before everything else in an HDF5 file (at 0 or after a user block).
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Bytes of an object header that are read at first; most headers are shorter.
const FIRST: u64 = 512;
/// Bounds of one object header: beyond them libhdf5 is asked.
const HEADER_LIMIT: u64 = 16 << 20;
const BLOCKS: usize = 4096;

/// Kinds of messages.
const DATASPACE: u16 = 0x01;
const LAYOUT: u16 = 0x08;
const CONTINUATION: u16 = 0x10;
const TREE_RANKS: u16 = 0x13;
const CACHE_IMAGE: u16 = 0x18;
/// A message that only says where the real one is.
const SHARED: u8 = 0x02;

/// What the file as a whole says.
pub(super) struct Super {
    pub frame: Frame,
    /// Half of the most entries that a node of a version 1 tree of chunks has.
    pub rank: u16,
}

/// Current and largest lengths of an array; no largest one where an axis is unlimited.
pub(super) struct Space {
    pub now: Dims,
    pub most: Vec<Option<u64>>,
}

/// What a dataset's object header says.
pub(super) struct Described {
    /// The body of the layout message.
    pub layout: Vec<u8>,
    /// `None` where it is shared and so lies elsewhere, or is missing.
    pub space: Option<Space>,
}

/// Finds and reads the superblock.
pub(super) fn superblock(file: &dyn ReadAt) -> Result<Super> {
    let (mut bytes, mut reads, mut base) = (Vec::new(), 0, 0u64);
    loop {
        if base.checked_add(SIGNATURE.len() as u64).is_none_or(|end| end > file.len()) {
            return Err(damaged("not an HDF5 file"));
        }
        fetch(file, base, SIGNATURE.len() as u64, &mut bytes, &mut reads)?;
        if bytes == SIGNATURE {
            break;
        }
        base = (base * 2).max(512);
    }
    fetch(file, base, (file.len() - base).min(96), &mut bytes, &mut reads)?;
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
    // The stated base address is not used: address 0 is where the superblock is, as in libhdf5.
    let frame = Frame { base, address, length };
    let mut rank = 32;
    if version < 2 {
        fields.take(9)?;
        if version == 1 {
            rank = fields.u16()?;
            fields.take(2)?;
        }
        fields.take(3 * frame.wide())?;
        if fields.address(&frame)?.is_some() {
            return Err(unsupported("a file in several parts"));
        }
        return Ok(Super { frame, rank });
    }
    let end = 12 + 4 * frame.wide() + 4;
    check_sum(bytes.get(..end).ok_or_else(|| damaged("the superblock ends early"))?)?;
    fields.take(1 + frame.wide())?;
    if let Some(extension) = fields.address(&frame)? {
        messages(file, &frame, extension, |message| {
            match message.kind {
                // Then structures may be newer in the image than where they belong.
                CACHE_IMAGE => return Err(unsupported("an image of the metadata cache")),
                TREE_RANKS => {
                    let mut fields = Fields::new(message.body);
                    fields.take(1)?;
                    rank = fields.u16()?;
                }
                _ => {}
            }
            Ok(false)
        })?;
    }
    Ok(Super { frame, rank })
}

/// Reads what is needed of a dataset's object header.
pub(super) fn dataset(file: &dyn ReadAt, frame: &Frame, header: u64) -> Result<Described> {
    let (mut layout, mut space, mut seen_space) = (None, None, false);
    messages(file, frame, header, |message| {
        match message.kind {
            LAYOUT if layout.is_none() => {
                if message.flags & SHARED != 0 {
                    return Err(damaged("a shared layout message"));
                }
                layout = Some(message.body.to_vec());
            }
            DATASPACE if !seen_space => {
                seen_space = true;
                if message.flags & SHARED == 0 {
                    space = Some(dataspace(message.body, frame)?);
                }
            }
            _ => {}
        }
        Ok(layout.is_some() && seen_space)
    })?;
    let layout = layout.ok_or_else(|| damaged("the dataset has no layout message"))?;
    Ok(Described { layout, space })
}

fn dataspace(body: &[u8], frame: &Frame) -> Result<Space> {
    let mut fields = Fields::new(body);
    let version = fields.u8()?;
    let rank = usize::from(fields.u8()?);
    let flags = fields.u8()?;
    match version {
        1 => fields.take(5)?,
        2 => fields.take(1)?,
        n => return Err(unsupported(format_args!("dataspace version {n}"))),
    };
    if rank > MAX_RANK {
        return Err(damaged(format!("a dataspace of rank {rank}")));
    }
    let now = (0..rank).map(|_| fields.length(frame)).collect::<Result<Dims>>()?;
    let most = match flags & 1 {
        0 => now.iter().map(|&n| Some(n)).collect(),
        _ => (0..rank).map(|_| fields.or_all_ones(usize::from(frame.length))).collect::<Result<_>>()?,
    };
    Ok(Space { now, most })
}

/// One message of an object header.
struct Message<'a> {
    kind: u16,
    flags: u8,
    body: &'a [u8],
}

/// Visits the messages of an object header until `visit` says that it has seen enough.
fn messages(
    file: &dyn ReadAt,
    frame: &Frame,
    header: u64,
    mut visit: impl FnMut(Message) -> Result<bool>,
) -> Result<()> {
    let (mut bytes, mut reads) = (Vec::new(), 0);
    let at = frame.place(header)?;
    fetch(file, at, file.len().saturating_sub(at).min(FIRST), &mut bytes, &mut reads)?;
    let prefix = Prefix::read(&bytes)?;
    let mut total = prefix.total;
    limit(total)?;
    if total > bytes.len() as u64 {
        fetch(file, at, total, &mut bytes, &mut reads)?;
    }
    bytes.truncate(total as usize);
    if prefix.newer {
        check_sum(&bytes)?;
    }
    // Blocks that are still to be read, in the order in which they were named.
    let mut blocks = vec![(header, total)];
    let mut next = 1;
    let mut start = prefix.len;
    loop {
        let end = bytes.len() - if prefix.newer { 4 } else { 0 };
        let body = bytes.get(start..end).ok_or_else(|| damaged("an object header ends early"))?;
        let mut fields = Fields::new(body);
        while let Some(message) = prefix.message(&mut fields)? {
            if message.kind != CONTINUATION {
                if visit(message)? {
                    return Ok(());
                }
                continue;
            }
            let mut fields = Fields::new(message.body);
            let address =
                fields.address(frame)?.ok_or_else(|| damaged("an object header without its rest"))?;
            let length = fields.length(frame)?;
            if blocks.iter().any(|b| b.0 == address) {
                return Err(damaged("an object header that goes round in a circle"));
            }
            if blocks.len() == BLOCKS {
                return Err(unsupported(format_args!("an object header of more than {BLOCKS} blocks")));
            }
            blocks.push((address, length));
        }
        let Some(&(address, length)) = blocks.get(next) else { return Ok(()) };
        next += 1;
        total = total.saturating_add(length);
        limit(total)?;
        fetch(file, frame.place(address)?, length, &mut bytes, &mut reads)?;
        start = 0;
        if prefix.newer {
            check_sum(&bytes)?;
            if !bytes.starts_with(b"OCHK") {
                return Err(damaged("an object header whose rest is something else"));
            }
            start = 4;
        }
    }
}

fn limit(total: u64) -> Result<()> {
    if total > HEADER_LIMIT {
        return Err(unsupported(format_args!("an object header of {total} bytes")));
    }
    Ok(())
}

/// How an object header begins.
struct Prefix {
    /// Version 2, which has checksums.
    newer: bool,
    /// Bytes before the first message.
    len: usize,
    /// Bytes of the first block, this prefix and the checksum included.
    total: u64,
    /// Whether messages have a creation index.
    indexed: bool,
}

impl Prefix {
    fn read(bytes: &[u8]) -> Result<Prefix> {
        let mut fields = Fields::new(bytes);
        if bytes.starts_with(b"OHDR") {
            fields.take(4)?;
            let version = fields.u8()?;
            if version != 2 {
                return Err(unsupported(format_args!("object header version {version}")));
            }
            let flags = fields.u8()?;
            fields.take(if flags & 0x20 != 0 { 16 } else { 0 })?;
            fields.take(if flags & 0x10 != 0 { 4 } else { 0 })?;
            let size = fields.number(1 << (flags & 3))?;
            let len = bytes.len() - fields.left();
            let total = size.checked_add(len as u64 + 4);
            let total = total.ok_or_else(|| damaged("an object header without end"))?;
            return Ok(Prefix { newer: true, len, total, indexed: flags & 4 != 0 });
        }
        let version = fields.u8()?;
        if version != 1 {
            return Err(damaged("there is no object header where the dataset should be"));
        }
        fields.take(7)?;
        let size = fields.u32()?;
        Ok(Prefix { newer: false, len: 16, total: 16 + u64::from(size), indexed: false })
    }

    /// The next message of a block; `None` at its end.
    fn message<'a>(&self, fields: &mut Fields<'a>) -> Result<Option<Message<'a>>> {
        let least = match (self.newer, self.indexed) {
            (false, _) => 8,
            (true, false) => 4,
            (true, true) => 6,
        };
        if fields.left() < least {
            // Only version 2 leaves gaps that are too short for a message.
            return match self.newer || fields.left() == 0 {
                true => Ok(None),
                false => Err(damaged("an object header ends inside a message")),
            };
        }
        let kind = if self.newer { u16::from(fields.u8()?) } else { fields.u16()? };
        let size = fields.u16()?;
        let flags = fields.u8()?;
        fields.take(if self.newer { least - 4 } else { 3 })?;
        Ok(Some(Message { kind, flags, body: fields.take(usize::from(size))? }))
    }
}
