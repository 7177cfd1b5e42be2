//! A stage ready to run: its kernel, the order of its blocks, and what its tasks have in common, whoever takes
//! what they make.

use super::budget::Meter;
use super::cache::ChunkCache;
use super::carry::Carries;
use super::collect::Collector;
use super::kept::Kept;
use super::reader::{Ahead, Values};
use super::window::Windows;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, Region, unravel};
use crate::ops::fold::Given;
use crate::ops::kernel::Kernel;
use crate::plan::{BoundStage, Pass, Plan, Stage, ValueId};
use std::sync::Arc;

/// The kernel of a stage once the values that it needs are there.
///
/// # Errors
/// `Value` if one is not there, or is not what the plan says.
pub(super) fn kernel_of(
    plan: &Plan,
    stage: &Stage,
    values: &Values,
    windows: Option<&Windows>,
) -> Result<Kernel> {
    // Of what is there one window at a time no fold takes a param.
    let whole = |v: &ValueId| windows.is_none_or(|w| !w.contains_key(v));
    for v in stage.values_read().into_iter().filter(whole) {
        let value = values.get(&v).ok_or_else(|| {
            Error::new(ErrorKind::Value, format!("value {v} of the plan is not there"))
                .hint("run the stages in order, and hand on what they make")
        })?;
        let spec = &plan.values()[v];
        let fits = value.as_array().is_ok_and(|a| a.dtype() == spec.dtype && a.shape() == &spec.shape[..]);
        if !fits {
            return Err(Error::new(
                ErrorKind::Value,
                format!("value {v} is not the {} array of shape {:?} of the plan", spec.dtype, spec.shape),
            ));
        }
    }
    let given = |v: ValueId| {
        let value = values.get(&v).ok_or_else(|| Error::new(ErrorKind::Internal, "a param is not there"))?;
        let array = value.as_array()?;
        Ok(Given { dtype: array.dtype(), shape: array.shape(), bytes: array.bytes() })
    };
    stage.kernel(Some(&given))
}

/// The part of a kernel that the outputs of a pass need.
pub(super) fn kernel_of_pass(kernel: &Kernel, pass: &Pass) -> Kernel {
    Kernel {
        program: kernel.program.clone(),
        terminals: pass.outputs.iter().map(|&o| kernel.terminals[o].clone()).collect(),
    }
}

/// In which order the blocks of a pass come: positions in it, and the blocks' places in the stage's grid.
pub(super) struct Walk {
    /// Along each axis of the grid, the first block and how many there are.
    spans: Vec<(u64, u64)>,
    /// The axes, outermost first, and the numbers of blocks along them.
    axes: Vec<usize>,
    counts: Dims,
    /// The axes that are walked from their end.
    backwards: Vec<bool>,
    /// The position of the first task.
    first: u64,
    /// How many tasks there are.
    pub(super) tasks: u64,
}

impl Walk {
    /// All blocks that meet the window of a pass, in its order.
    pub(super) fn of_pass(stage: &Stage, pass: &Pass) -> Walk {
        Walk::along(stage, pass, &pass.order, vec![false; pass.order.len()])
    }

    /// As [`Walk::of_pass`], in another order.
    pub(super) fn along(stage: &Stage, pass: &Pass, axes: &[usize], backwards: Vec<bool>) -> Walk {
        let span = |d| Collector::span(&stage.grid, &pass.window, d);
        let spans: Vec<(u64, u64)> = (0..stage.grid.axes.len()).map(span).collect();
        let counts: Dims = axes.iter().map(|&d| spans[d].1).collect();
        let tasks = counts.iter().product();
        Walk { spans, axes: axes.to_vec(), counts, backwards, first: 0, tasks }
    }

    /// Only the tasks of a range.
    pub(super) fn only(self, range: std::ops::Range<u64>) -> Walk {
        Walk { first: range.start, tasks: range.end - range.start, ..self }
    }

    /// The place of a task's block.
    pub(super) fn coords(&self, task: u64) -> Dims {
        let at = unravel(self.first + task, &self.counts);
        let mut coords = Dims::from_elem(0, self.spans.len());
        for (&d, &k) in self.axes.iter().zip(&at) {
            let (first, count) = self.spans[d];
            coords[d] = first + if self.backwards[d] { count - 1 - k } else { k };
        }
        coords
    }
}

/// What the tasks of a walk share: decoded chunks, what sources were told of tasks to come, and what blocks hand on
/// to those after them.
pub(super) struct Shared {
    pub(super) cache: ChunkCache,
    pub(super) ahead: Option<Ahead>,
    pub(super) carries: Carries,
}

impl Shared {
    /// For the tasks of a walk over a stage.
    pub(super) fn new(
        plan: &Plan,
        n: usize,
        bound: &BoundStage,
        pass: &Pass,
        tasks: u64,
        meter: &Arc<Meter>,
    ) -> Shared {
        let stage = &plan.stages()[n];
        let workers = (bound.workers as u64).min(tasks);
        let ahead = match tasks {
            0 => None,
            _ => Ahead::new(plan, &stage.inputs, &largest(stage, pass), workers, tasks),
        };
        let carries = Carries::new(stage, pass, meter);
        Shared { cache: ChunkCache::new(bound.cache_bytes, meter), ahead, carries }
    }
}

fn largest(stage: &Stage, pass: &Pass) -> Dims {
    stage.grid.largest().iter().zip(&pass.window.shape).map(|(&b, &w)| b.min(w)).collect()
}

/// A pass of a stage, ready to run: what its tasks have in common.
pub(super) struct StageRun<'a> {
    pub(super) plan: &'a Plan,
    /// The stage's number.
    pub(super) n: usize,
    pub(super) bound: &'a BoundStage,
    pub(super) pass: &'a Pass,
    pub(super) walk: &'a Walk,
    /// Of the pass's outputs only.
    pub(super) kernel: &'a Kernel,
    pub(super) values: &'a Values,
    /// Values of which there is one window.
    pub(super) windows: Option<&'a Windows>,
    pub(super) kept: &'a Kept,
    pub(super) shared: &'a Shared,
    pub(super) domain: Dims,
    /// The shape of the largest block.
    pub(super) largest: Dims,
}

impl<'a> StageRun<'a> {
    /// A pass of stage `n`.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new(
        plan: &'a Plan,
        n: usize,
        bound: &'a BoundStage,
        pass: &'a Pass,
        walk: &'a Walk,
        kernel: &'a Kernel,
        values: &'a Values,
        kept: &'a Kept,
        shared: &'a Shared,
    ) -> Self {
        let stage = &plan.stages()[n];
        let (domain, largest) = (stage.grid.shape(), largest(stage, pass));
        StageRun { plan, n, bound, pass, walk, kernel, values, windows: None, kept, shared, domain, largest }
    }

    pub(super) fn stage(&self) -> &'a Stage {
        &self.plan.stages()[self.n]
    }

    /// The block at a place of the grid.
    pub(super) fn region(&self, coords: &[u64]) -> Region {
        self.stage().grid.region(coords).intersect(&self.pass.window)
    }

    /// The operation that errors name.
    pub(super) fn label(&self) -> &'a str {
        &self.stage().outputs[self.pass.outputs[0]].label
    }
}
