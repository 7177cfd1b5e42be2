//! Parsers over arbitrary bytes; see [`crate::fuzzing`].

use super::filters::{Work, decode, own_pipeline};
use super::index::{self, Expect};
use crate::h5::FilterInfo;

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
) -> Option<(u64, u64)> {
    let both = [false, true].map(|filtered| {
        index::lookups(&data, header, &Expect { shape, chunk, element, filtered }, 4096).ok()
    });
    both.into_iter().flatten().next()
}
