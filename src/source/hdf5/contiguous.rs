//! Contiguous data by positioned reads, without libhdf5 and without its lock.

use super::bytes::bring;
use super::handles::RawFile;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Slab, c_strides};
use crate::source::assemble::{Loop, Loops, join};
use crate::source::strided::{ReadBytes, Strided};
use crate::source::{ReadCx, ReadStats};

/// The most bytes that are read to be picked from: it stays in the processor's cache.
pub(in crate::source) const PIECE: usize = 1 << 20;
/// A gap shorter than this is cheaper to read than to jump over.
pub(in crate::source) const GAP: usize = 16 << 10;

/// Where the data lies in the file; checked against the file's length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contiguous {
    address: u64,
}

impl Contiguous {
    /// Data of `bytes` bytes at `address` of a file of `file_len` bytes.
    pub fn new(address: u64, bytes: u64, file_len: u64) -> Result<Self> {
        if address.checked_add(bytes).is_none_or(|end| end > file_len) {
            return Err(Error::new(
                ErrorKind::Format,
                format!("the data should be at bytes {address} + {bytes}, but the file has only {file_len}"),
            )
            .hint("the file is cut off: copy it again"));
        }
        Ok(Contiguous { address })
    }

    /// Data of pieces of other files, which begins with their first byte.
    pub fn elsewhere() -> Self {
        Contiguous { address: 0 }
    }

    /// Reads a region that lies in the array and is not empty; stored byte order.
    pub fn read(
        &self,
        bytes: &ReadBytes,
        shape: &[u64],
        size: usize,
        slab: &Slab,
        out: &mut [u8],
        cx: &mut ReadCx,
    ) -> Result<()> {
        let (from, to) = (c_strides(shape), c_strides(&slab.count));
        let (mut first, mut loops) = (0u64, Loops::new());
        for d in 0..shape.len() {
            first += slab.start[d] * from[d] as u64;
            let step = (slab.step[d]).saturating_mul(from[d] as u64);
            loops.push(Loop { count: slab.count[d] as usize, from: step as usize, to: to[d] as usize });
        }
        let loops = join(&loops);
        let (read, address, loops) = (bytes, self.address, &loops[..]);
        Strided { read, address, size, loops, out, piece: PIECE, gap: GAP, cx }.bring(first, 0)
    }

    /// The byte at which a region that lies in the array begins, and how many bytes it spans.
    pub fn span(&self, shape: &[u64], size: usize, slab: &Slab) -> (u64, u64) {
        let strides = c_strides(shape);
        let place =
            |at: &dyn Fn(usize) -> u64| (0..shape.len()).map(|d| at(d) * strides[d] as u64).sum::<u64>();
        let (first, last) = (place(&|d| slab.start[d]), place(&|d| slab.last(d)));
        (self.address + first * size as u64, (last - first + 1) * size as u64)
    }
}

/// Reads over joined loops from elements at `address` of the file, from element `from` on, to element `to`
/// of `out`; stored byte order. What the loops touch must lie in the file and in `out`.
#[allow(clippy::too_many_arguments)]
pub(super) fn read_loops(
    file: &RawFile,
    address: u64,
    size: usize,
    from: u64,
    to: usize,
    loops: &[Loop],
    out: &mut [u8],
    cx: &mut ReadCx,
) -> Result<()> {
    let read = |at: u64, out: &mut [u8], stats: &ReadStats| bring(file, at, out, stats);
    Strided { read: &read, address, size, loops, out, piece: PIECE, gap: GAP, cx }.bring(from, to)
}
