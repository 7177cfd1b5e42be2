//! A plan as plain data.

use super::fingerprint::PlanFingerprint;
use crate::dtype::DType;
use crate::error::Result;
use crate::feeds::Input;
use crate::grid::{Chunks, Dims, Grid};
use crate::ops::ValueId;
use crate::ops::fold::{Given, SharedFold};
use crate::ops::kernel::{Kernel, Terminal};
use crate::ops::program::Program;
use crate::source::{Source, SourceSpec};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::{Arc, OnceLock};

/// The version of the serialised form; another version is refused.
pub const PLAN_VERSION: u32 = 5;

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
    pub(super) data: PlanData,
    /// Sources that are open in this process, in the order of the plan's.
    pub(super) opened: Vec<Arc<dyn Source>>,
    pub(super) fingerprint: OnceLock<PlanFingerprint>,
    /// Per stage, the order in which its tasks are counted, once it was asked for.
    pub(super) orders: OnceLock<Vec<Vec<usize>>>,
    /// Whether it was made so that it holds what it could compute again.
    pub(super) holds: bool,
    /// [`PlanOptions::block_bytes`] of when it was made; of one that was read, the default.
    pub(super) block_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanData {
    pub(super) version: u32,
    /// The version of chunkwise that made it.
    pub(super) chunkwise: String,
    pub(super) sources: Vec<PlanSource>,
    pub(super) values: Vec<ValueSpec>,
    pub(super) stages: Vec<Stage>,
    pub(super) results: Vec<ValueId>,
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
#[non_exhaustive]
pub struct PlanOptions {
    /// Bytes of one input's block that the planner aims at when it joins small chunks or cuts an
    /// unchunked array. A chunk that is larger is a block of its own.
    pub block_bytes: u64,
    /// Bytes of dear intermediates (products that are wanted more than once) that may be held as wholes, so that
    /// they are computed once. If nothing is said, a session takes a quarter of its budget, as far as the run still
    /// fits, and a plan that is made without one holds none.
    pub hold_bytes: Option<u64>,
    /// Only products whose inner dimension is so long are dear enough to be held.
    pub(crate) hold_inner: u64,
}

impl PlanOptions {
    /// What [`Default`] says.
    pub fn new() -> PlanOptions {
        PlanOptions::default()
    }

    /// With [`PlanOptions::block_bytes`] of so many.
    pub fn block_bytes(self, bytes: u64) -> PlanOptions {
        PlanOptions { block_bytes: bytes, ..self }
    }

    /// With [`PlanOptions::hold_bytes`] of so many.
    pub fn hold_bytes(self, bytes: u64) -> PlanOptions {
        PlanOptions { hold_bytes: Some(bytes), ..self }
    }
}

impl Default for PlanOptions {
    fn default() -> Self {
        PlanOptions { block_bytes: 1 << 20, hold_bytes: None, hold_inner: 0 }
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
            Ok(Terminal { fold: o.fold.clone(), ready, ports: o.ports.clone(), narrow: false })
        };
        let terminals = self.outputs.iter().map(terminal).collect::<Result<Vec<_>>>()?;
        Ok(Kernel { program: self.program.clone(), terminals })
    }
}

impl Plan {
    pub(super) fn of(data: PlanData, opened: Vec<Arc<dyn Source>>) -> Plan {
        let block_bytes = PlanOptions::default().block_bytes;
        Plan {
            data,
            opened,
            fingerprint: OnceLock::new(),
            orders: OnceLock::new(),
            holds: false,
            block_bytes,
        }
    }

    /// The plan, in which what another plan does not have names the first operation of that one too.
    pub(crate) fn for_sake_of(mut self, other: &Plan) -> Plan {
        let known =
            |label: &str| other.data.stages.iter().any(|s| s.outputs.iter().any(|o| o.label == label));
        let Some(first) = other.data.stages.first().map(|s| &s.outputs[0].label) else { return self };
        let new = self.data.stages.iter_mut().flat_map(|s| &mut s.outputs);
        new.filter(|o| !known(&o.label)).for_each(|o| o.label = format!("{} for {first}", o.label));
        self
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

    /// Whether it holds what it could compute again.
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    /// Tasks in all stages.
    pub fn tasks(&self) -> u64 {
        self.data.stages.iter().map(|s| s.grid.blocks()).sum()
    }
}
