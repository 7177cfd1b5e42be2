//! Strided regions out of bytes that are read by position.
//!
//! A strided region is read as the rows that cover it, in pieces, where the gaps between wanted elements are
//! small; over large gaps the wanted runs are read alone.

use super::ReadCx;
use super::assemble::{Loop, Loops, copy};
use super::stats::ReadStats;
use crate::error::Result;

/// A run longer than this is read straight into its place.
const RUN: usize = 64 << 10;

/// Fills a buffer with the bytes from a place on, and counts them.
pub(crate) type ReadBytes<'a> = dyn Fn(u64, &mut [u8], &ReadStats) -> Result<()> + 'a;

/// Elements over joined loops, on their way from bytes that are read by position into a buffer.
pub(crate) struct Strided<'a, 'b> {
    pub read: &'a ReadBytes<'a>,
    /// The place of element 0.
    pub address: u64,
    /// Bytes of an element.
    pub size: usize,
    pub loops: &'a [Loop],
    pub out: &'a mut [u8],
    /// The most bytes that are read to be picked from, in [`Scratch::stage`](super::Scratch).
    pub piece: usize,
    /// A gap shorter than this is cheaper to read than to jump over.
    pub gap: usize,
    pub cx: &'a mut ReadCx<'b>,
}

impl Strided<'_, '_> {
    /// Elements from the first to the last that loops `d..` touch.
    fn span(&self, d: usize) -> usize {
        self.loops[d..].iter().map(|l| (l.count - 1) * l.from).sum::<usize>() + 1
    }

    /// Reads what the loops touch, from element `from` on, to element `to` of the buffer. All of it must be there.
    ///
    /// # Errors
    /// What reading the bytes fails with.
    pub fn bring(&mut self, from: u64, to: usize) -> Result<()> {
        self.nest(0, from, to)
    }

    /// Reads what loops `d..` touch from element `from` on, to element `to` of `out`.
    fn nest(&mut self, d: usize, from: u64, to: usize) -> Result<()> {
        let (size, most) = (self.size, self.piece);
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
        let fit = if bytes <= most { (most - bytes) / (step.saturating_mul(size)) + 1 } else { 0 };
        let group = if gap > self.gap || (bytes > RUN && self.is_run(d + 1)) { fit.min(1) } else { fit };
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
        (self.read)(self.address + element * self.size as u64, out, self.cx.stats)
    }
}
