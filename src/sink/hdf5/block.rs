//! Elements on their way into chunks.

use super::spec::DatasetSpec;
use crate::buffer::Buffer;
use crate::grid::unravel;

/// Fills a chunk with the fill value.
pub(super) fn fill(chunk: &mut [u8], spec: &DatasetSpec) {
    match spec.fillvalue.map(|v| v.to_bytes()).filter(|bytes| bytes.iter().any(|&b| b != 0)) {
        Some(bytes) => chunk.chunks_exact_mut(bytes.len()).for_each(|e| e.copy_from_slice(&bytes)),
        None => chunk.fill(0),
    }
}

/// Puts a block of shape `part` into a chunk, at `start`.
pub(super) fn put(block: &[u8], part: &[u64], start: &[u64], chunk: &[u64], out: &mut [u8], size: usize) {
    let row = part.last().copied().unwrap_or(1) as usize * size;
    let outer = &part[..part.len().saturating_sub(1)];
    for (k, piece) in block.chunks_exact(row.max(1)).enumerate() {
        let index = unravel(k as u64, outer);
        let place = |d: usize| start[d] + index.get(d).copied().unwrap_or(0);
        let at = (0..chunk.len()).fold(0, |n, d| n * chunk[d] + place(d));
        out[at as usize * size..][..row].copy_from_slice(piece);
    }
}

/// The elements with their bytes in the other order.
pub(super) fn reversed<'a>(elements: &[u8], size: usize, out: &'a mut Buffer) -> &'a [u8] {
    out.resize_for_overwrite(elements.len());
    out.copy_from_slice(elements);
    out.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    out
}
