//! Contiguous data by positioned reads, without libhdf5 and without its lock.
//!
//! A strided region is read as the rows that cover it, in pieces of at most [`PIECE`] bytes, where
//! the gaps between wanted elements are small; over large gaps the wanted runs are read alone.

use super::bytes::bring;
use super::handles::RawFile;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Slab, c_strides};
use crate::source::ReadCx;
use crate::source::assemble::{Loop, Loops, copy, join};

/// The most bytes that are read to be picked from: it stays in the processor's cache.
pub(crate) const PIECE: usize = 1 << 20;
/// A gap shorter than this is cheaper to read than to jump over.
const GAP: usize = 16 << 10;
/// A run longer than this is read straight into its place.
const RUN: usize = 64 << 10;

/// Where the data lies in the file; checked against the file's length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contiguous {
    address: u64,
}

struct Reader<'a, 'b> {
    file: &'a RawFile,
    address: u64,
    size: usize,
    loops: &'a [Loop],
    out: &'a mut [u8],
    cx: &'a mut ReadCx<'b>,
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

    /// Reads a region that lies in the array and is not empty; stored byte order.
    pub fn read(
        &self,
        file: &RawFile,
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
        Reader { file, address: self.address, size, loops: &loops, out, cx }.nest(0, first, 0)
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
    Reader { file, address, size, loops, out, cx }.nest(0, from, to)
}

impl Reader<'_, '_> {
    /// Elements from the first to the last that loops `d..` touch.
    fn span(&self, d: usize) -> usize {
        self.loops[d..].iter().map(|l| (l.count - 1) * l.from).sum::<usize>() + 1
    }

    /// Reads what loops `d..` touch from element `from` of the file on, to element `to` of `out`.
    fn nest(&mut self, d: usize, from: u64, to: usize) -> Result<()> {
        let size = self.size;
        let Some(&Loop { count, from: step, to: target }) = self.loops.get(d) else {
            return self.direct(from, to, 1);
        };
        if step == 1 && target == 1 && d + 1 == self.loops.len() {
            return self.direct(from, to, count);
        }
        let inner = self.span(d + 1);
        let bytes = inner.saturating_mul(size);
        // How many turns of this loop one piece covers.
        let gap = step.saturating_sub(inner).saturating_mul(size);
        let fit = if bytes <= PIECE { (PIECE - bytes) / (step.saturating_mul(size)) + 1 } else { 0 };
        let group = if gap > GAP || (bytes > RUN && self.is_run(d + 1)) { fit.min(1) } else { fit };
        let mut i = 0;
        while i < count {
            let (from, to) = (from + i as u64 * step as u64, to + i * target);
            if group < 2 {
                self.nest(d + 1, from, to)?;
                i += 1;
            } else {
                let n = group.min(count - i);
                self.piece(d, n, (n - 1) * step + inner, from, to)?;
                i += n;
            }
        }
        Ok(())
    }

    fn is_run(&self, d: usize) -> bool {
        matches!(self.loops[d..], [] | [Loop { from: 1, to: 1, .. }])
    }

    /// One read of `span` elements, of which `n` turns of loop `d` are wanted.
    fn piece(&mut self, d: usize, n: usize, span: usize, from: u64, to: usize) -> Result<()> {
        let mut stage = std::mem::take(&mut self.cx.scratch.stage);
        stage.resize_for_overwrite(span * self.size);
        let done = self.bytes(from, &mut stage);
        if done.is_ok() {
            let mut loops = Loops::from_slice(&self.loops[d..]);
            loops[0].count = n;
            copy(&stage, self.out, 0, to, &loops, self.size);
        }
        self.cx.scratch.stage = stage;
        done
    }

    /// A run of `n` elements straight into its place.
    fn direct(&mut self, from: u64, to: usize, n: usize) -> Result<()> {
        let out = std::mem::take(&mut self.out);
        let done = self.bytes(from, &mut out[to * self.size..(to + n) * self.size]);
        self.out = out;
        done
    }

    fn bytes(&self, element: u64, out: &mut [u8]) -> Result<()> {
        bring(self.file, self.address + element * self.size as u64, out, self.cx.stats)
    }
}
