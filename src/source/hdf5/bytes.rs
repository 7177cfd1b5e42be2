//! Bytes of elements: read from their place, filled, made bools.

use super::handles::RawFile;
use crate::dtype::DType;
use crate::error::Result;
use crate::source::ReadStats;

/// Reads positioned bytes, counted and timed.
pub(super) fn bring(file: &RawFile, at: u64, out: &mut [u8], stats: &ReadStats) -> Result<()> {
    stats.read(out, |out| file.read_data(at, out))
}

/// Fills `out` with one element over and over.
pub(super) fn fill(out: &mut [u8], element: &[u8]) {
    if element.iter().all(|b| *b == element[0]) {
        out.fill(element[0]);
        return;
    }
    let mut filled = element.len().min(out.len());
    out[..filled].copy_from_slice(&element[..filled]);
    while filled < out.len() {
        let n = filled.min(out.len() - filled);
        out.copy_within(..n, filled);
        filled += n;
    }
}

/// A bool in memory is 0 or 1, whatever byte a file has.
pub(super) fn canonical_bools(dtype: DType, out: &mut [u8]) {
    if dtype == DType::Bool {
        out.iter_mut().for_each(|b| *b = u8::from(*b != 0));
    }
}
