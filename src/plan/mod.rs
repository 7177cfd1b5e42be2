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
mod fingerprint;
mod lower;
mod needs;
mod passes;
mod place;
mod reads;
mod sharing;
mod through;
mod together;
mod validate;

pub use crate::feeds::{Fed, Input, Read, SubKernel, Supply};
pub use crate::ops::ValueId;
pub use again::{Kept, Moment, Visit, kept_chunk_bytes};
pub use bind::{Bound, BoundStage};
pub use blocks::{uses_of_chunk, uses_of_chunk_around};
pub use ends::Ends;
pub use fingerprint::{NUMERICS_VERSION, PlanFingerprint};
pub use passes::{Pass, Passes, Sweep};
pub use place::{Machine, Placement, Wish};
pub use reads::Reads;
pub use together::{Group, Together};

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::grid::{Chunks, Dims, Grid};
use crate::ops::fold::{Given, SharedFold};
use crate::ops::kernel::{Kernel, Terminal};
use crate::ops::program::Program;
use crate::source::{Local, Source, SourceSpec};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};

/// The version of the serialised form; another version is refused.
pub const PLAN_VERSION: u32 = 3;

/// How many runners of kernels nested in feeds a worker keeps for its next block; a concatenation
/// may have thousands of pieces.
pub const MAX_KEPT_RUNNERS: usize = 8;

/// A source of a plan, by name, with what was known of it when the plan was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

/// What becomes of some outputs of a stage's program: the fold, the value it makes, and where it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The value it makes.
    pub value: ValueId,
    /// How.
    pub fold: SharedFold,
    /// Per port of the fold, the position among the program's outputs.
    pub ports: SmallVec<[usize; 4]>,
    /// The values of earlier stages that are the fold's params.
    pub params: Vec<ValueId>,
    /// The operation, and the line or expression that asked for it.
    pub label: String,
}

/// A task grid and a kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
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
    fingerprint: OnceLock<PlanFingerprint>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanData {
    version: u32,
    /// The version of chunkwise that made it.
    chunkwise: String,
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

    fn of(data: PlanData, opened: Vec<Arc<dyn Source>>) -> Plan {
        Plan { data, opened, fingerprint: OnceLock::new() }
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

    /// Per stage, the bytes of the values that the run holds while it runs: those of earlier stages that are
    /// still wanted, and those that it makes. In one walk, for there may be thousands of stages.
    fn alive_bytes(&self, ends: &Ends) -> Vec<u64> {
        let stages = self.data.stages.len();
        let mut changes = vec![0i128; stages + 1];
        for (n, stage) in self.data.stages.iter().enumerate() {
            for v in stage.outputs.iter().map(|o| o.value).filter(|&v| self.data.values[v].last_use >= n) {
                let bytes = i128::from(ends.bytes(self, v));
                changes[n] += bytes;
                changes[self.data.values[v].last_use.min(stages - 1) + 1] -= bytes;
            }
        }
        let mut alive = 0;
        let after = |change: &i128| {
            alive += change;
            u64::try_from(alive).unwrap_or(u64::MAX)
        };
        changes[..stages].iter().map(after).collect()
    }

    /// The plan as JSON, for another process.
    ///
    /// # Errors
    /// `Unsupported` if a source is memory of this process, or not of this crate and not registered.
    pub fn to_json(&self) -> Result<String> {
        if let Some((s, local)) = self.data.sources.iter().find_map(|s| Some((s, s.spec.local()?))) {
            let (name, hint) = match local {
                Local::Memory => (s.name.as_str(), "store the array in a file and open it from there"),
                Local::Foreign(name) => (
                    name,
                    "register what opens it with chunkwise::unstable::register_source, and say as what in \
                     Source::registration",
                ),
            };
            let only = format!("the plan reads {name}, which only this process has");
            return Err(Error::new(ErrorKind::Unsupported, only).hint(hint));
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
            chunkwise: Option<String>,
        }
        let broken = |e| Error::new(ErrorKind::Format, "this is not a plan").caused_by(Box::new(e) as Box<_>);
        let Version { version, chunkwise } =
            serde_json::from_str(text).map_err(|e: serde_json::Error| broken(e))?;
        if version != PLAN_VERSION {
            return Err(Error::new(
                ErrorKind::Format,
                format!("the plan has version {version}, this program reads version {PLAN_VERSION}"),
            )
            .hint("make the plan again with the same version of chunkwise"));
        }
        let data: PlanData = serde_json::from_str(text).map_err(|e| match &chunkwise {
            Some(by) => broken(e).at("made by", format!("chunkwise {by}")),
            None => broken(e),
        })?;
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
        let plan = Plan::of(data, opened);
        plan.validate()?;
        Ok(plan)
    }

    /// What tells it from all other plans, in any process. It is found once and kept.
    pub fn fingerprint(&self) -> PlanFingerprint {
        *self.fingerprint.get_or_init(|| match serde_json::to_vec(&self.data) {
            Ok(bytes) => PlanFingerprint::of(&bytes),
            // A path that is not text cannot be written, and such a plan stays in this process.
            Err(_) => PlanFingerprint::of(format!("{:?}", self.data).as_bytes()),
        })
    }
}

impl Stage {
    /// The values of earlier stages that this one reads.
    pub fn values_read(&self) -> Vec<ValueId> {
        fn of(inputs: &[Input], out: &mut Vec<ValueId>) {
            for input in inputs {
                out.extend(input.value());
                input.children().iter().for_each(|k| of(&k.inputs, out));
            }
        }
        let mut out = Vec::new();
        of(&self.inputs, &mut out);
        for o in &self.outputs {
            out.extend(&o.params);
        }
        out
    }

    /// The kernel of this stage, for backends. The params of folds are looked up with `value`; before the run
    /// there are none, and a stand-in takes as many bytes.
    ///
    /// # Errors
    /// What a fold says of its params: `Value` if a histogram's automatic range is not finite, say.
    pub fn kernel<'v>(&self, value: Option<&dyn Fn(ValueId) -> Result<Given<'v>>>) -> Result<Kernel> {
        let terminal = |o: &Output| -> Result<Terminal> {
            let ready = match value {
                None => o.fold.ready(None),
                Some(value) => {
                    let params = o.params.iter().map(|&v| value(v)).collect::<Result<Vec<_>>>()?;
                    o.fold.ready(Some(&params))
                }
            };
            let ready = ready.map_err(|e| e.at("operation", &o.label))?;
            Ok(Terminal { fold: o.fold.clone(), ready, ports: o.ports.clone() })
        };
        let terminals = self.outputs.iter().map(terminal).collect::<Result<Vec<_>>>()?;
        Ok(Kernel { program: self.program.clone(), terminals })
    }
}
