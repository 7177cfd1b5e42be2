//! Telling sources what will be read soon.
//!
//! A worker that takes a task first tells the sources of the tasks that come next what these will read, so
//! that the system can bring the bytes near while the worker decodes. Every task is told of once, by
//! whoever comes first, at most a window of tasks before it is taken. Nothing is held for it: a source has
//! the system's cache filled.
//!
//! Limits: what feeds read piece by piece is not told of, nor are
//! walks of no more tasks than workers.

use super::Reader;
use crate::grid::{Region, Slab};
use crate::plan::{Input, Plan};
use crate::view::View;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes of elements that may be told of before they are read.
const WINDOW_BYTES: u64 = 64 << 20;
/// Tasks per worker that may be.
const WINDOW_TASKS: u64 = 2;

/// What of a walk has been told.
pub struct Ahead {
    inputs: Vec<(usize, View)>,
    /// The first task that has not been told of.
    next: AtomicU64,
    window: u64,
    tasks: u64,
}

impl Ahead {
    /// For a walk of `tasks` tasks of blocks of at most the shape `largest`; nothing if no source listens.
    pub fn new(plan: &Plan, inputs: &[Input], largest: &[u64], workers: u64, tasks: u64) -> Option<Ahead> {
        if tasks <= workers {
            return None;
        }
        let mut bytes = 0u64;
        let mut told = Vec::new();
        for input in inputs {
            let Some(s) = input.source() else { continue };
            let source = &plan.opened()[s];
            if source.bytes().is_none() && source.wants_advice() {
                let len = largest.iter().fold(source.dtype().size() as u64, |n, &d| n.saturating_mul(d));
                bytes = bytes.saturating_add(len);
                told.push((s, input.view.clone()));
            }
        }
        let window = (WINDOW_BYTES / bytes.max(1)).clamp(1, WINDOW_TASKS * workers.max(1));
        (!told.is_empty()).then(|| Ahead { inputs: told, next: AtomicU64::new(0), window, tasks })
    }

    /// A worker has taken `task`; `region` is the block of a task.
    pub fn take(&self, task: u64, region: &dyn Fn(u64) -> Region, reader: &mut Reader) {
        let end = task.saturating_add(1 + self.window).min(self.tasks);
        let claim = |next: u64| (next < end).then_some(next + 1);
        while let Ok(next) = self.next.fetch_update(Relaxed, Relaxed, claim) {
            let block = region(next);
            if !block.is_empty() {
                let block = Slab::dense(&block);
                self.inputs.iter().for_each(|(s, view)| reader.advise(*s, &view.slab(&block).0));
            }
        }
    }
}
