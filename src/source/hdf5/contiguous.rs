//! Contiguous data by positioned reads, without libhdf5 and without its lock.
//!
//! A strided region is read as the rows that cover it, in pieces of at most [`PIECE`] bytes, where
//! the gaps between wanted elements are small; over large gaps the wanted runs are read alone.

use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Slab, c_strides};
use crate::source::assemble::{Loop, Loops, copy, join};
use crate::source::{ReadCx, ReadStats};
use std::fs::File;

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
    file: &'a File,
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
        file: &File,
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
        let at = self.address + element * self.size as u64;
        ReadStats::add(&self.cx.stats.bytes_read, out.len() as u64);
        read_exact_at(self.file, out, at)
            .map_err(|e| {
                let kind = if e.kind() == std::io::ErrorKind::UnexpectedEof {
                    ErrorKind::Changed
                } else {
                    ErrorKind::Io
                };
                let what = if kind == ErrorKind::Changed { "the file became shorter" } else { "cannot read" };
                Error::new(kind, what).caused_by(e)
            })
            .at("bytes", format_args!("{at}..{}", at + out.len() as u64))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, out: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, at)
}

/// Opening never chooses positioned reads here.
#[cfg(not(unix))]
fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
