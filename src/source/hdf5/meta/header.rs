//! The messages of an object header, of both versions, through all of its blocks.

use super::bytes::{Fields, Frame, ReadAt, check_sum, damaged, fetch, unsupported};
use crate::error::{Context, Result};

/// Bytes of an object header that are read at first; most headers are shorter.
const FIRST: u64 = 512;
/// Bounds of one object header.
const HEADER_LIMIT: u64 = 16 << 20;
const BLOCKS: usize = 4096;

const CONTINUATION: u16 = 0x10;
/// The largest kind of message that the format has.
const LAST_KIND: u16 = 0x18;
/// Whoever does not know the message must not read the object.
const MUST_KNOW: u8 = 0x80;

/// One message of an object header.
pub(crate) struct Message<'a> {
    pub kind: u16,
    pub flags: u8,
    pub body: &'a [u8],
}

/// Visits the messages of an object header until `visit` says that it has seen enough.
pub(crate) fn messages(
    file: &dyn ReadAt,
    frame: &Frame,
    header: u64,
    visit: impl FnMut(Message) -> Result<bool>,
) -> Result<()> {
    let at = frame.place(header)?;
    walk(file, frame, header, visit).at("structure", format_args!("object header at byte {at}"))
}

fn walk(
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
            if message.kind > LAST_KIND && message.flags & MUST_KNOW != 0 {
                return Err(unsupported(format_args!("objects with a message of kind {}", message.kind)));
            }
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
            return Err(damaged("there is no object header where one should be"));
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
