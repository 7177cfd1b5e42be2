//! What fixed and extensible arrays have in common: their elements, and linear numbers of chunks.

use super::super::meta::bytes::{BLOCK_LIMIT, Fields, Frame, damaged, unsupported};
use super::place::Place;
use crate::error::Result;
use crate::grid::Dims;
use serde::{Deserialize, Serialize};

/// How an index writes where a chunk is: its address and, where there are filters, its stored size
/// and filter mask.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub filtered: bool,
    /// Bytes of an entry.
    pub width: u8,
}

impl Entry {
    /// An entry of `width` bytes, as the index's header says.
    pub fn new(frame: &Frame, filtered: bool, width: u8) -> Result<Entry> {
        let entry = Entry { filtered, width };
        let size = entry.size_bytes(frame);
        if if filtered { (1..=8).contains(&size) } else { size == 0 } {
            return Ok(entry);
        }
        Err(damaged(format!("a chunk index with entries of {width} bytes")))
    }

    /// Bytes of the stored size; a nonsensical number for a nonsensical width.
    pub fn size_bytes(&self, frame: &Frame) -> usize {
        usize::from(self.width).wrapping_sub(frame.wide() + if self.filtered { 4 } else { 0 })
    }

    /// The entry at the start of these bytes; `None` where no chunk is stored. `chunk_bytes` is the
    /// size of a chunk without filters.
    pub fn read(&self, bytes: &[u8], frame: &Frame, chunk_bytes: u64) -> Result<Option<Place>> {
        let mut fields = Fields::new(bytes);
        let Some(address) = fields.address(frame)? else { return Ok(None) };
        Ok(Some(match self.filtered {
            false => Place { address, size: chunk_bytes, mask: 0 },
            true => {
                let size = fields.number(self.size_bytes(frame))?;
                Place { address, size, mask: fields.u32()? }
            }
        }))
    }
}

/// How many entries make `len` bytes of a block, with its prefix and checksum; checked.
pub(super) fn block_bytes(prefix: u64, count: u64, width: u64) -> Result<u64> {
    let len = count.checked_mul(width).and_then(|n| n.checked_add(prefix + 4));
    match len {
        Some(len) if len <= BLOCK_LIMIT => Ok(len),
        _ => Err(unsupported(format_args!("blocks of {count} entries"))),
    }
}

/// Whether bit `i` is set; the first bit of a byte is its highest.
pub(super) fn bit(bytes: &[u8], i: u64) -> bool {
    let byte = usize::try_from(i / 8).ok().and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte << (i % 8) & 0x80 != 0)
}

/// Chunks between neighbours along each axis, when the array is as long as it may ever become, in
/// C order of `axes`, the slowest first. The slowest axis may be unlimited.
pub(super) fn strides(counts: &[Option<u64>], axes: &[usize]) -> Result<Dims> {
    let mut strides = Dims::from_elem(0, counts.len());
    let mut below = 1u64;
    for (i, &axis) in axes.iter().enumerate().rev() {
        strides[axis] = below;
        if i > 0 {
            let count =
                counts[axis].ok_or_else(|| damaged("an index that cannot grow along an unlimited axis"))?;
            below = below.checked_mul(count).ok_or_else(|| unsupported("more than 2^64 chunks"))?;
        }
    }
    Ok(strides)
}

/// The linear number of a chunk.
pub(super) fn linear(coords: &[u64], strides: &[u64]) -> Result<u64> {
    let mut sum = 0u64;
    for (&c, &s) in coords.iter().zip(strides) {
        sum = c
            .checked_mul(s)
            .and_then(|n| n.checked_add(sum))
            .ok_or_else(|| damaged("a chunk beyond all numbers"))?;
    }
    Ok(sum)
}
