//! Parsers over arbitrary bytes; see [`crate::fuzzing`].

use super::filters::{Work, decode, own_pipeline};
use super::index::{self, Expect};
use super::meta;
use super::tree::NodeKind;
use crate::h5::FilterInfo;
use crate::source::OpenOptions;

/// The longest chunk that is decoded.
const LONGEST: u32 = 16 << 20;

/// Splits bytes off the front.
fn take<const N: usize>(data: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = data.split_first_chunk::<N>()?;
    *data = rest;
    Some(*head)
}

/// See [`crate::fuzzing::chunk`].
pub(crate) fn fuzz_chunk(mut data: &[u8]) -> Option<Vec<u8>> {
    let [count, element] = take(&mut data)?;
    let mask = u32::from(u16::from_le_bytes(take(&mut data)?));
    let len = u32::from_le_bytes(take(&mut data)?);
    let mut filters = Vec::new();
    for _ in 0..count.min(4) {
        let id = i32::from(u16::from_le_bytes(take(&mut data)?));
        let [values] = take(&mut data)?;
        let values = (0..values.min(24)).map(|_| take(&mut data).map(u32::from_le_bytes));
        filters.push(FilterInfo { id, name: String::new(), values: values.collect::<Option<_>>()? });
    }
    let size = 1usize << (element & 3);
    if len > LONGEST || !(len as usize).is_multiple_of(size) {
        return None;
    }
    let pipeline = own_pipeline(&filters)?;
    let mut out = vec![0; len as usize];
    decode(&pipeline, mask, size, element & 4 != 0, data, &mut Work::default(), &mut out).ok()?;
    Some(out)
}

/// See [`crate::fuzzing::index`].
pub(crate) fn fuzz_index(
    data: &[u8],
    header: u64,
    shape: &[u64],
    chunk: &[u64],
    element: u64,
    filtered: bool,
) -> Option<(u64, u64)> {
    index::lookups(&data, header, &Expect { shape, chunk, element, filtered }, 4096).ok()
}

/// Datasets of a file that are opened.
const OPENED: usize = 64;

/// See [`crate::fuzzing::metadata`].
pub(crate) fn fuzz_metadata(data: &[u8]) -> Option<(u64, u64)> {
    let tree = meta::tree(&data, "/", false).ok()?;
    let (mut known, mut unknown, mut opened) = (0, 0, 0);
    let mut pending = vec![tree];
    while let Some(node) = pending.pop() {
        known += 1;
        match node.kind {
            NodeKind::Group { members, .. } => pending.extend(members),
            NodeKind::Unreadable { .. } => unknown += 1,
            NodeKind::Dataset(_) if opened < OPENED => {
                opened += 1;
                unknown += u64::from(meta::facts(&data, &node.path, OpenOptions::new()).is_err());
            }
            _ => {}
        }
    }
    Some((known, unknown))
}
