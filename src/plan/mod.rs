//! The plan: what will be done, frozen before anything runs, as plain data.
//!
//! A [`Plan`] holds no device, no budget, no open file and no chunk addresses. It is cut into
//! [`Stage`]s; a stage is a task grid over a domain and one fused kernel over it. Tasks are counted,
//! never listed: task `i` is the block at the C-order position `i` of the grid. A plan can be
//! written as JSON, read by another process on another machine, and run there in pieces.

mod again;
mod bind;
mod blocks;
mod ends;
mod explain;
mod lower;
mod place;
mod reads;
mod validate;

pub use again::{Kept, Visit, kept_chunk_bytes};
pub use bind::{Bound, BoundStage, Pass};
pub use blocks::uses_of_chunk;
pub use ends::Ends;
pub use place::{Machine, Placement, Wish};
pub use reads::Reads;

use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::grid::{Chunks, Dims, Grid};
use crate::ops::histogram::{Bins, HistogramSpec};
use crate::ops::program::Program;
use crate::ops::reduce::ReduceSpec;
use crate::source::{Source, SourceSpec};
use crate::view::View;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The version of the serialised form; another version is refused.
pub const PLAN_VERSION: u32 = 2;

/// How many runners of kernels nested in feeds a worker keeps for its next block; a concatenation
/// may have thousands of pieces.
pub const MAX_KEPT_RUNNERS: usize = 8;

/// The number of a value that a stage makes.
pub type ValueId = usize;

/// A source of a plan, by name, with what was known of it when the plan was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanSource {
    /// How to open it again.
    pub spec: SourceSpec,
    /// Its name for people.
    pub name: String,
    /// Its shape.
    pub shape: Dims,
    /// Its dtype.
    pub dtype: DType,
    /// Its storage chunks, if it has any.
    pub chunks: Option<Chunks>,
}

/// Where the elements of an input come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Feed {
    /// A source of the plan.
    Source(usize),
    /// The result of an earlier stage.
    Value(ValueId),
    /// The product of two matrices, each a kernel of its own.
    Matmul {
        /// The left factor.
        a: Box<SubKernel>,
        /// The right factor.
        b: Box<SubKernel>,
        /// Its dtype.
        dtype: DType,
    },
    /// Pieces one after the other along an axis.
    Concatenate {
        /// The axis.
        axis: usize,
        /// The pieces.
        pieces: Vec<SubKernel>,
    },
    /// The elements of an array of another shape, in C order.
    Reshape {
        /// That array.
        of: Box<SubKernel>,
        /// The shape after.
        shape: Dims,
    },
}

/// One input of a program: a feed, seen through a view whose shape is the domain's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Where the elements come from.
    pub feed: Feed,
    /// How the domain sees them.
    pub view: View,
}

/// A program with one output over a domain of its own; what a feed is computed by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubKernel {
    /// The domain.
    pub shape: Dims,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// The program.
    pub program: Program,
}

/// What becomes of a stage's program outputs (numbers are positions among the outputs).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Consumer {
    /// The elements are the value.
    Collect {
        /// The output.
        from: usize,
    },
    /// A reduction.
    Reduce {
        /// The row with its options.
        spec: ReduceSpec,
        /// The output with the values.
        values: usize,
        /// The output with the weights.
        weights: Option<usize>,
        /// The output with the mask.
        mask: Option<usize>,
        /// Per axis of the domain, whether it is reduced.
        reduced: Vec<bool>,
    },
    /// A histogram.
    Histogram {
        /// The bins of each dimension.
        bins: Vec<Bins>,
        /// For each automatic dimension, the values that hold its bounds.
        bounds: Vec<Option<(ValueId, ValueId)>>,
        /// The outputs with the coordinates.
        coords: Vec<usize>,
        /// The output with the weights.
        weights: Option<usize>,
        /// The output with the mask.
        mask: Option<usize>,
    },
}

/// A consumer, the value it makes, and where it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The value it makes.
    pub value: ValueId,
    /// How.
    pub consumer: Consumer,
    /// The operation, and the line or expression that asked for it.
    pub label: String,
}

/// A task grid and a kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The task grid over the domain.
    pub grid: Grid,
    /// The inputs of the program.
    pub inputs: Vec<Input>,
    /// The fused elementwise part.
    pub program: Program,
    /// What becomes of its outputs.
    pub outputs: Vec<Output>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueSpec {
    /// The shape; a histogram's is that of its counts.
    pub shape: Dims,
    /// The dtype.
    pub dtype: DType,
    /// Whether it is a histogram.
    pub histogram: bool,
    /// The last stage that reads it (or the number of stages, if it is a result).
    pub last_use: usize,
}

impl ValueSpec {
    /// The bytes that it takes in memory.
    pub fn bytes(&self) -> u64 {
        let len = self.shape.iter().fold(1u64, |n, &d| n.saturating_mul(d));
        // A histogram has a count, a sum and its share of the edges per bin.
        len.saturating_mul(if self.histogram { 24 } else { self.dtype.size() as u64 })
    }
}

/// A frozen plan.
#[derive(Clone, Debug)]
pub struct Plan {
    data: PlanData,
    /// Sources that are open in this process, in the order of the plan's.
    opened: Vec<Arc<dyn Source>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PlanData {
    version: u32,
    sources: Vec<PlanSource>,
    values: Vec<ValueSpec>,
    stages: Vec<Stage>,
    results: Vec<ValueId>,
}

/// A result that will be written in chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The result, by its position.
    pub result: usize,
    /// The shape of the chunks. If nothing is said they are the blocks that its tasks make.
    pub chunks: Option<Dims>,
}

/// What a planner may choose.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Bytes of one input's block that the planner aims at when it joins small chunks or cuts an
    /// unchunked array. A chunk that is larger is a block of its own.
    pub block_bytes: u64,
}

impl Default for PlanOptions {
    fn default() -> Self {
        PlanOptions { block_bytes: 1 << 20 }
    }
}

impl Plan {
    /// Plans a graph. Nothing is read but metadata that is known already.
    ///
    /// # Errors
    /// `Unsupported` for a graph that nests matrix products, concatenations and reshapes deeper than
    /// 64 within each other.
    pub fn new(graph: &Graph, options: &PlanOptions) -> Result<Plan> {
        Plan::writing(graph, &[], options)
    }

    /// As [`Plan::new`], where some results will be written in chunks: the tasks that make them make whole
    /// chunks.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn writing(graph: &Graph, written: &[Written], options: &PlanOptions) -> Result<Plan> {
        lower::plan(graph, written, options)
    }

    /// The task grid of the stage that makes a value.
    pub fn grid_of(&self, value: ValueId) -> Option<&Grid> {
        let makes = |s: &&Stage| s.outputs.iter().any(|o| o.value == value);
        self.data.stages.iter().find(makes).map(|s| &s.grid)
    }

    /// The stages, in the order in which they run.
    pub fn stages(&self) -> &[Stage] {
        &self.data.stages
    }

    /// The values that stages make.
    pub fn values(&self) -> &[ValueSpec] {
        &self.data.values
    }

    /// The values that were asked for, in the caller's order.
    pub fn results(&self) -> &[ValueId] {
        &self.data.results
    }

    /// The sources.
    pub fn sources(&self) -> &[PlanSource] {
        &self.data.sources
    }

    /// The sources, open in this process.
    pub fn opened(&self) -> &[Arc<dyn Source>] {
        &self.opened
    }

    /// Tasks in all stages.
    pub fn tasks(&self) -> u64 {
        self.data.stages.iter().map(|s| s.grid.blocks()).sum()
    }

    /// The plan as JSON, for another process.
    ///
    /// # Errors
    /// `Unsupported` if a source is memory of this process.
    pub fn to_json(&self) -> Result<String> {
        if let Some(s) = self
            .data
            .sources
            .iter()
            .find(|s| s.spec.any(&mut |spec| matches!(spec, SourceSpec::Memory { .. })))
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the plan reads {}, which only this process has", s.name),
            )
            .hint("store the array in a file and open it from there"));
        }
        serde_json::to_string(&self.data)
            .map_err(|e| Error::new(ErrorKind::Internal, "the plan cannot be written as JSON").caused_by(e))
    }

    /// Reads a plan that [`Plan::to_json`] wrote, checks it, and opens its sources.
    ///
    /// # Errors
    /// `Format` for what is not such a plan; `Changed`, `NotFound`, … if a source is not what it was.
    pub fn from_json(text: &str) -> Result<Plan> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let broken = |e| Error::new(ErrorKind::Format, "this is not a plan").caused_by(Box::new(e) as Box<_>);
        let Version { version } = serde_json::from_str(text).map_err(|e: serde_json::Error| broken(e))?;
        if version != PLAN_VERSION {
            return Err(Error::new(
                ErrorKind::Format,
                format!("the plan has version {version}, this program reads version {PLAN_VERSION}"),
            )
            .hint("make the plan again with the same version of chunkwise"));
        }
        let data: PlanData = serde_json::from_str(text).map_err(broken)?;
        let opened = data.sources.iter().map(|s| crate::source::open(&s.spec)).collect::<Result<Vec<_>>>()?;
        for (s, o) in data.sources.iter().zip(&opened) {
            if s.shape.as_slice() != o.shape() || s.dtype != o.dtype() || s.chunks.as_ref() != o.chunks() {
                return Err(Error::new(
                    ErrorKind::Changed,
                    "the dataset is not what it was when the plan was made",
                )
                .at("source", &s.name)
                .hint("make the plan again"));
            }
        }
        let plan = Plan { data, opened };
        plan.validate()?;
        Ok(plan)
    }

    /// A short text that two plans share only if they are the same.
    pub fn fingerprint(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        // Debug text is stable within a version, and partials never outlive one.
        let mut h = Fnv(0xcbf2_9ce4_8422_2325);
        match serde_json::to_string(&self.data) {
            Ok(text) => text.hash(&mut h),
            Err(_) => format!("{:?}", self.data).hash(&mut h),
        }
        h.finish()
    }
}

/// FNV-1a, a hash that is the same in every process.
struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.0 = (self.0 ^ b as u64).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

impl Stage {
    /// The values of earlier stages that this one reads.
    pub fn values_read(&self) -> Vec<ValueId> {
        fn of(inputs: &[Input], out: &mut Vec<ValueId>) {
            for input in inputs {
                match &input.feed {
                    Feed::Value(v) => out.push(*v),
                    Feed::Source(_) => {}
                    Feed::Matmul { a, b, .. } => [a, b].into_iter().for_each(|k| of(&k.inputs, out)),
                    Feed::Concatenate { pieces, .. } => pieces.iter().for_each(|k| of(&k.inputs, out)),
                    Feed::Reshape { of: k, .. } => of(&k.inputs, out),
                }
            }
        }
        let mut out = Vec::new();
        of(&self.inputs, &mut out);
        for o in &self.outputs {
            if let Consumer::Histogram { bounds, .. } = &o.consumer {
                out.extend(bounds.iter().flatten().flat_map(|&(a, b)| [a, b]));
            }
        }
        out
    }

    /// The kernel of this stage, for backends. Automatic histogram ranges are looked up with
    /// `bound`; where that gives `None` (before the run), a stand-in of as many bins is used.
    ///
    /// # Errors
    /// `Value` if a histogram's automatic range is not finite.
    pub fn kernel(&self, bound: &dyn Fn(ValueId) -> Option<Scalar>) -> Result<crate::ops::kernel::Kernel> {
        use crate::ops::kernel::{Kernel, Terminal};
        let terminals = self
            .outputs
            .iter()
            .map(|o| {
                Ok(match &o.consumer {
                    Consumer::Collect { from } => Terminal::Collect { from: *from },
                    Consumer::Reduce { spec, values, weights, mask, reduced } => Terminal::Reduce {
                        spec: spec.clone(),
                        values: *values,
                        weights: *weights,
                        mask: *mask,
                        reduced: reduced.clone(),
                    },
                    Consumer::Histogram { bins, bounds, coords, weights, mask } => {
                        let edges = bins
                            .iter()
                            .zip(bounds)
                            .map(|(b, bounds)| {
                                let found = bounds.and_then(|(lo, hi)| Some((bound(lo)?, bound(hi)?)));
                                match found {
                                    Some((lo, hi)) => b.resolve(lo.to_f64(), hi.to_f64()),
                                    None => b.resolve(1.0, 2.0),
                                }
                            })
                            .collect::<Result<Vec<_>>>()
                            .map_err(|e| e.at("operation", &o.label))?;
                        let dtype = |i: usize| self.program.dtype(self.program.outputs[i]);
                        let data: Vec<DType> = coords.iter().map(|&c| dtype(c)).collect();
                        let mut spec = HistogramSpec::new(edges, data, weights.map(dtype))?;
                        if mask.is_some() {
                            spec = spec.with_mask();
                        }
                        Terminal::Histogram {
                            spec: Arc::new(spec),
                            coords: coords.clone(),
                            weights: *weights,
                            mask: *mask,
                        }
                    }
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Kernel { program: self.program.clone(), terminals })
    }
}
