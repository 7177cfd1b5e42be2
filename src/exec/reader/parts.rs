//! Blocks that are read and computed part by part.
//!
//! A block of a megabyte that lies in a file as it is wanted is not read at once: by the time that it is computed
//! with, its begin would have left the second cache, and so would the memory that the next block is read into.
//! Such a block is cut, and a part of all inputs is read and computed with before the next part is read into the
//! same memory. The parts of a block are one task: nothing of them shows in plans, results, or counts other than
//! that of positioned reads.
//!
//! Limits: blocks are cut along their first axis that is longer than one, which every reduction must reduce over
//! and every input must have as its outermost axis. Chunks are only cut where one of them spans the block.
//! What is collected, and inputs whose chunks are kept or shared, is read at once.

use super::Reader;
use crate::backend::Runner;
use crate::error::{Context, Result};
use crate::grid::{Region, Slab};
use crate::ops::elementwise::Events;
use crate::ops::fold::State;
use crate::ops::kernel::{Block, Kernel, Operand};
use crate::plan::{Input, Plan, Read, Supply};
use num_integer::Integer;

/// Bytes of a part, of all inputs that are read. A second cache of 1 MiB holds them beside what goes through it on
/// the way from the system's pages; parts of less than 256 KiB pay for more calls.
const PART_BYTES: u64 = 384 << 10;

/// How a stage's blocks may be cut.
pub(in crate::exec) struct Parts {
    /// By axis of the domain.
    cuttable: Vec<bool>,
    /// The inputs that are read from sources, by position.
    read: Vec<usize>,
    /// Bytes of one element of all of those.
    size: u64,
    /// Elements that the CPU computes at a time.
    tile: u64,
}

/// How one block is cut: after `first` elements of the axis, then after every `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    axis: usize,
    first: u64,
    step: u64,
}

impl Parts {
    /// For a stage on the CPU; nothing if its blocks are never cut.
    pub(in crate::exec) fn new(reader: &Reader, inputs: &[Input], kernel: &Kernel) -> Option<Parts> {
        if reader.cx.cache.enabled() {
            return None;
        }
        let (mut read, mut size) = (Vec::new(), 0);
        for (i, (input, dtype)) in inputs.iter().zip(&kernel.program.inputs).enumerate() {
            match input.from {
                Supply::Read(Read::Value(_)) => {}
                Supply::Read(Read::Source(s)) if reader.cx.plan.opened()[s].bytes().is_some() => {}
                Supply::Read(Read::Source(s)) => {
                    let kept = reader.cx.kept.is_some_and(|kept| kept.has(s));
                    if !reader.cx.plan.opened()[s].in_parts() || kept {
                        return None;
                    }
                    read.push(i);
                    size += dtype.size() as u64;
                }
                Supply::Feed(_) => return None,
            }
        }
        let mut cuttable = vec![!read.is_empty(); inputs.first()?.view.axes.len()];
        for terminal in &kernel.terminals {
            let landing = terminal.fold.landing();
            cuttable.iter_mut().enumerate().for_each(|(d, c)| *c &= !landing.keeps(d));
        }
        let tile = reader.cx.cpu.tile() as u64;
        cuttable.contains(&true).then_some(Parts { cuttable, read, size, tile })
    }

    /// How a block is cut, if it is.
    fn cut(&self, plan: &Plan, inputs: &[Input], block: &Region) -> Option<Cut> {
        let elements = block.len();
        if elements.saturating_mul(self.size) <= PART_BYTES {
            return None;
        }
        let axis = block.shape.iter().position(|&n| n > 1).filter(|&d| self.cuttable[d])?;
        let len = block.shape[axis];
        let row = elements / len;
        let rows = (PART_BYTES / row.saturating_mul(self.size)).max(1);
        if rows >= len {
            return None;
        }
        // Where chunks end along the axis: the first after the block's start, and how far they are apart.
        let mut ends: Option<(u64, u64)> = None;
        for input in self.read.iter().map(|&i| &inputs[i]) {
            let (s, step) = input.view.axes[axis].from.filter(|&(_, step)| step > 0)?;
            let (slab, _) = input.view.slab(&Slab::dense(block));
            if slab.count[..s].iter().any(|&n| n > 1) {
                return None;
            }
            let source = input.source()?;
            let Some(chunks) = plan.opened()[source].chunks() else { continue };
            if step != 1 || chunks.cuts(s).is_some() {
                return None;
            }
            let one =
                |d: usize| d == s || chunks.index_of(d, slab.start[d]) == chunks.index_of(d, slab.last(d));
            let chunk = chunks.shape()[s];
            if chunk > rows && (0..slab.count.len()).all(one) {
                continue;
            }
            let here = (chunk - slab.start[s] % chunk, chunk);
            if *ends.get_or_insert(here) != here {
                return None;
            }
        }
        let cut = match ends {
            Some((first, chunk)) => {
                let step = (rows / chunk).max(1) * chunk;
                Cut { axis, first: first + step - chunk, step }
            }
            None => {
                // Parts of about one length, of whole tiles.
                let tile = self.tile / row.gcd(&self.tile);
                let even = len.div_ceil(len.div_ceil(rows));
                let step = if tile <= even { even.next_multiple_of(tile) } else { even };
                Cut { axis, first: step, step }
            }
        };
        (cut.first < len).then_some(cut)
    }

    /// Reads and computes a block part by part; nothing if it is not cut.
    ///
    /// # Errors
    /// As reading and computing the block.
    #[allow(clippy::too_many_arguments)]
    // Apart from the way of small tasks, which are many.
    #[inline(never)]
    pub(in crate::exec) fn compute(
        &self,
        reader: &mut Reader,
        inputs: &[Input],
        kernel: &Kernel,
        runner: &mut dyn Runner,
        block: &Region,
        domain: &[u64],
        states: &mut [Box<dyn State>],
    ) -> Result<Option<Events>> {
        let Some(Cut { axis, first, step }) = self.cut(reader.cx.plan, inputs, block) else {
            return Ok(None);
        };
        let whole = Slab::dense(block);
        let (mut events, mut part) = (Events::NONE, block.clone());
        let (mut at, mut end) = (0, first);
        while at < block.shape[axis] {
            end = end.min(block.shape[axis]);
            (part.start[axis], part.shape[axis]) = (block.start[axis] + at, end - at);
            let slab = Slab::dense(&part);
            let mut staged = Vec::with_capacity(inputs.len());
            for (input, &dtype) in inputs.iter().zip(&kernel.program.inputs) {
                staged.push(reader.stage_part(input, &whole, &slab, dtype)?);
            }
            let operands: Vec<Operand> = staged.iter().map(|s| s.operand(&staged)).collect();
            events |= runner.run(&Block { region: &part, domain }, &operands, states)?;
            drop(operands);
            reader.recycle(staged);
            (at, end) = (end, end + step);
        }
        reader.scratch.end_parts();
        events.check().at("block", block)?;
        Ok(Some(events))
    }
}
