//! Regions of arrays whose elements lie together in a file.

use crate::error::Result;
use crate::grid::{Region, c_strides, unravel};
use crate::whole::WholeFile;

/// Writes a region of a contiguous array that begins at `at`: runs that lie together at once.
pub(super) fn write_rows(
    file: &WholeFile,
    at: u64,
    shape: &[u64],
    region: &Region,
    block: &[u8],
    size: usize,
) -> Result<()> {
    let rank = shape.len();
    // The axes from here on are whole, so that their elements lie together.
    let whole = (0..rank).rev().take_while(|&d| region.shape[d] == shape[d]).last().unwrap_or(rank);
    let first = whole.saturating_sub(1);
    let run = region.shape[first..].iter().product::<u64>() as usize * size;
    let strides = c_strides(shape);
    for (k, piece) in block.chunks_exact(run.max(1)).enumerate() {
        let index = unravel(k as u64, &region.shape[..first]);
        let place = |d: usize| region.start[d] + index.get(d).copied().unwrap_or(0);
        let element: u64 = (0..rank).map(|d| place(d) * strides[d] as u64).sum();
        file.write_at(piece, at + element * size as u64)?;
    }
    Ok(())
}
