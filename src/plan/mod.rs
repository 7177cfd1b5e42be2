//! The plan: what will be done, frozen before anything runs, as plain data.
//!
//! A [`Plan`] holds no device, no budget, no open file and no chunk addresses. It is cut into
//! [`Stage`]s; a stage is a task grid over a domain and one fused kernel over it. Tasks are counted,
//! never listed: task `i` is the block at the C-order position `i` of the grid. A plan can be
//! written as JSON, read by another process on another machine, and run there in pieces.

mod again;
mod bind;
mod blocks;
mod bound;
mod cuts;
mod data;
mod dear;
mod ends;
mod explain;
mod fingerprint;
mod fit;
mod kept;
mod lower;
mod needs;
mod order;
mod passes;
mod place;
mod portable;
mod reads;
mod sharing;
mod span;
mod spill;
mod spilled;
mod sweep;
mod through;
mod tiles;
mod together;
mod validate;
mod windowed;
mod windowing;

pub use crate::feeds::{Fed, Input, Read, SubKernel, Supply};
pub use crate::ops::ValueId;
pub use blocks::{uses_of_chunk, uses_of_chunk_around};
pub use bound::{Bound, BoundStage};
pub use data::{
    MAX_KEPT_RUNNERS, Output, PLAN_VERSION, Plan, PlanOptions, PlanSource, Stage, ValueSpec, Written,
};
pub(crate) use dear::any_dear;
pub use ends::Ends;
pub use explain::Beside;
pub use fingerprint::{NUMERICS_VERSION, PlanFingerprint};
pub use kept::{Kept, Moment, Visit, kept_chunk_bytes};
pub use place::{Machine, Placement, Wish};
pub use reads::Reads;
pub use spilled::{Spill, SpillRoom, Spilled};
pub use sweep::{Pass, Passes, Sweep, carried_bytes};
pub use together::{Group, Together};
pub use windowed::{Between, Windowed};

use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::source::Local;
use data::PlanData;
use serde::Deserialize;

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
        if let Some(name) = self.data.stages.iter().flat_map(|s| &s.inputs).find_map(function_of) {
            let only = format!("the plan calls the function '{name}', which only this process has");
            return Err(Error::new(ErrorKind::Unsupported, only)
                .hint("register it with chunkwise::unstable::register_block_function"));
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

/// The name of a function of this process that an input is made by, if there is one.
fn function_of(input: &Input) -> Option<String> {
    let fed = input.fed()?;
    let own = fed.feed.local().map(str::to_string);
    own.or_else(|| fed.of.iter().flat_map(|k| &k.inputs).find_map(function_of))
}
