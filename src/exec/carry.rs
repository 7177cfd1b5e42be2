//! What blocks hand on to those after them along an axis, where a fold goes on from block to block.
//!
//! A task reads and computes its block beside all others. Then it waits for what the block before it along the axis
//! hands on, hands on what the next one needs, which takes little, and does the rest beside the others again.
//!
//! Nobody waits for ever. Tasks are claimed in ascending order, and walks come to the blocks along the axis
//! in that order, so that a task waits only for one that was claimed before it: the first of those that are under
//! way waits for none. Where a task fails, or its worker panics, those after it are told and fail as it did; the ones
//! before it go on. What was claimed and never begun comes after the one that failed.

use super::budget::Meter;
use super::collect::Collector;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, ravel};
use crate::ops::fold::{SharedFold, State};
use crate::plan::{Pass, Stage};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What the tasks of a walk hand on.
pub(super) struct Carries {
    /// The outputs of the pass whose folds go on from block to block.
    outputs: Vec<Along>,
    waiting: Mutex<Waiting>,
    changed: Condvar,
    meter: Arc<Meter>,
}

/// One output that goes on along an axis.
struct Along {
    /// Its position in the pass.
    output: usize,
    label: String,
    axis: usize,
    /// The first block along the axis, and how many there are.
    first: u64,
    blocks: u64,
    /// Blocks of the grid, the axis as one.
    counts: Dims,
    fold: SharedFold,
}

/// What was handed on and nobody has taken yet.
struct Open {
    /// The position along the axis of the block that may take it.
    next: u64,
    carry: Box<dyn State>,
    /// What it is counted with.
    bytes: u64,
}

#[derive(Default)]
struct Waiting {
    /// By output and line of blocks.
    open: BTreeMap<(usize, u64), Open>,
    /// The first task that failed, and how.
    failed: Option<(u64, Error)>,
}

impl Carries {
    /// Of a pass, nothing handed on yet.
    pub(super) fn new(stage: &Stage, pass: &Pass, meter: &Arc<Meter>) -> Carries {
        let along = |(output, &o): (usize, &usize)| {
            let (fold, label) = (stage.outputs[o].fold.clone(), stage.outputs[o].label.clone());
            let axis = fold.carries()?;
            let (first, blocks) = Collector::span(&stage.grid, &pass.window, axis);
            let mut counts = stage.grid.counts();
            counts[axis] = 1;
            Some(Along { output, label, axis, first, blocks, counts, fold })
        };
        Carries {
            outputs: pass.outputs.iter().enumerate().filter_map(along).collect(),
            waiting: Mutex::default(),
            changed: Condvar::new(),
            meter: Arc::clone(meter),
        }
    }

    /// Whether any task waits for another one.
    pub(super) fn hand_on(&self) -> bool {
        self.outputs.iter().any(|a| a.blocks > 1)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Task `i` begins. What becomes of it is told at its [end](Turn::end).
    pub(super) fn turn(&self, i: u64) -> Turn<'_> {
        Turn { carries: self, task: i, ended: !self.hand_on() }
    }

    fn fail(&self, task: u64, e: Error) {
        let mut waiting = self.lock();
        if waiting.failed.as_ref().is_none_or(|(first, _)| task < *first) {
            waiting.failed = Some((task, e));
        }
        drop(waiting);
        self.changed.notify_all();
    }

    /// Goes on from the blocks before, in the states of task `i`, whose block of shape `block` is at `coords` of the
    /// grid.
    ///
    /// # Errors
    /// How a task before it failed; what settling a state fails with.
    pub(super) fn go_on(
        &self,
        i: u64,
        coords: &[u64],
        block: &[u64],
        states: &mut [Box<dyn State>],
    ) -> Result<()> {
        for along in &self.outputs {
            let at = coords[along.axis] - along.first;
            let mut line: Dims = coords.into();
            line[along.axis] = 0;
            let key = (along.output, ravel(&line, &along.counts));
            let before = if at == 0 { None } else { Some(self.take(i, key, at)?) };
            let after = states[along.output].carry(before).at("operation", &along.label)?;
            match after {
                Some(after) if at + 1 < along.blocks => {
                    let bytes = along.fold.carry_bytes(block);
                    self.meter.add(bytes);
                    self.lock().open.insert(key, Open { next: at + 1, carry: after, bytes });
                    self.changed.notify_all();
                }
                None if at + 1 >= along.blocks => {}
                _ => {
                    let what = "a block handed on other than what the next one needs";
                    return Err(Error::new(ErrorKind::Internal, what).at("operation", &along.label));
                }
            }
        }
        for along in &self.outputs {
            states[along.output].settle().at("operation", &along.label)?;
        }
        Ok(())
    }

    /// What the block before position `at` of a line handed on, once it is there.
    fn take(&self, i: u64, key: (usize, u64), at: u64) -> Result<Box<dyn State>> {
        let mut waiting = self.lock();
        loop {
            let is_there = waiting.open.get(&key).is_some_and(|open| open.next == at);
            if let Some(open) = is_there.then(|| waiting.open.remove(&key)).flatten() {
                self.meter.sub(open.bytes);
                return Ok(open.carry);
            }
            if let Some((_, e)) = waiting.failed.as_ref().filter(|(failed, _)| *failed < i) {
                return Err(e.duplicate());
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Carries {
    fn drop(&mut self) {
        let waiting = self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner);
        waiting.open.values().for_each(|open| self.meter.sub(open.bytes));
    }
}

/// A task under way, for which others may wait.
pub(super) struct Turn<'a> {
    carries: &'a Carries,
    task: u64,
    ended: bool,
}

impl Turn<'_> {
    /// Tells those who wait if it failed.
    ///
    /// # Errors
    /// That of `result`.
    pub(super) fn end(mut self, result: Result<()>) -> Result<()> {
        if let (Err(e), false) = (&result, self.ended) {
            self.carries.fail(self.task, e.duplicate());
        }
        self.ended = true;
        result
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let e = Error::new(ErrorKind::Internal, "a task before this one panicked");
            self.carries.fail(self.task, e);
        }
    }
}
