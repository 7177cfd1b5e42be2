//! Messages that lie elsewhere: in another object header (committed types) or in a heap of the file.

use super::bytes::{Fields, damaged, unsupported};
use super::container::Container;
use super::header;
use super::heap::Heap;
use crate::error::{Context, Result};
use std::borrow::Cow;

/// The flag of a message that only says where the real one is.
pub(super) const SHARED: u8 = 0x02;

/// In the heap of shared messages.
const IN_HEAP: u8 = 1;
/// In this header after all.
const HERE: u8 = 3;

/// The body of a message of this kind, wherever it is.
pub(super) fn resolve<'a>(
    container: &Container,
    kind: u16,
    flags: u8,
    body: &'a [u8],
) -> Result<Cow<'a, [u8]>> {
    if flags & SHARED == 0 {
        return Ok(Cow::Borrowed(body));
    }
    follow(container, kind, body).map(Cow::Owned)
}

/// What the place in `body` has.
pub(super) fn follow(container: &Container, kind: u16, body: &[u8]) -> Result<Vec<u8>> {
    let frame = container.frame();
    let mut fields = Fields::new(body);
    let (version, place) = (fields.u8()?, fields.u8()?);
    match version {
        1 => {
            fields.take(6 + usize::from(frame.length))?;
        }
        2 => {}
        3 if place == IN_HEAP => {
            let id = fields.take(8)?;
            return heap(container, kind)?.object(container, id);
        }
        3 if place == HERE => return Err(unsupported("a shared message in its own header")),
        3 => {}
        n => return Err(unsupported(format_args!("version {n} of shared messages"))),
    }
    let address = fields.address(frame)?.ok_or_else(|| damaged("a shared message without a place"))?;
    let mut found = None;
    header::messages(container.file, frame, address, |message| {
        if message.kind == kind && message.flags & SHARED == 0 && found.is_none() {
            found = Some(message.body.to_vec());
        }
        Ok(found.is_some())
    })?;
    found.ok_or_else(|| damaged("an object that is referred to does not have the message that is wanted"))
}

/// The heap in which shared messages of a kind are.
pub(super) fn heap(container: &Container, kind: u16) -> Result<Heap> {
    let Some((address, indexes)) = container.about.shared else {
        return Err(damaged("a shared message in a file without a table of them"));
    };
    find(container, kind, address, indexes)
        .at("structure", format_args!("table of shared messages at byte {}", container.at(address)))
}

fn find(container: &Container, kind: u16, address: u64, indexes: u8) -> Result<Heap> {
    let frame = container.frame();
    let each = 1 + 1 + 2 + 4 + 2 + 2 + 2 + 2 * frame.wide();
    let bytes = container.bytes(address, (4 + usize::from(indexes) * each + 4) as u64)?;
    super::bytes::check_sum(&bytes)?;
    let mut fields = Fields::new(&bytes);
    if fields.take(4)? != b"SMTB" {
        return Err(damaged("there is no table of shared messages where it should be"));
    }
    // Old fill values are counted as new ones.
    let kind = if kind == 4 { 5 } else { kind };
    for _ in 0..indexes {
        let version = fields.u8()?;
        if version != 0 {
            return Err(unsupported(format_args!("version {version} of indexes of shared messages")));
        }
        fields.take(1)?;
        let kinds = fields.u16()?;
        fields.take(4 + 2 + 2 + 2 + frame.wide())?;
        let heap = fields.address(frame)?;
        if kinds >> kind.min(15) & 1 != 0 {
            let heap = heap.ok_or_else(|| damaged("shared messages without a heap"))?;
            return Heap::open(container, heap);
        }
    }
    Err(damaged(format!("no shared messages of the kind {kind}")))
}
