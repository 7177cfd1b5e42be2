//! A plan of which some values lie in temporary stores: later stages read them as sources.
//!
//! So all that is made for sources applies to them. A stage that reads them and nothing else that is cut into chunks
//! gets a task grid of its own, of whole blocks as they were made.

use super::blocks::choose_grid;
use super::data::{Output, Plan, PlanOptions, PlanSource, Stage};
use super::ends::Ends;
use crate::feeds::{Fed, Input, Read, SubKernel, Supply};
use crate::grid::{AxisGrid, Grid};
use crate::ops::ValueId;
use crate::source::foreign::spec_of;
use crate::source::spill::SpillSource;
use crate::source::{Own, Source};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Where values may be spilled, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpillRoom {
    /// The folder of the temporary stores.
    pub folder: PathBuf,
    /// The most bytes at a time.
    pub bytes: u64,
}

/// What a bound plan spills.
#[derive(Clone, Debug)]
pub struct Spill {
    /// The plan, in which later stages read temporary stores.
    pub(super) plan: Plan,
    /// The values that are spilled.
    pub values: Vec<Spilled>,
}

/// A value in a temporary store.
#[derive(Clone, Debug)]
pub struct Spilled {
    /// The value.
    pub value: ValueId,
    /// The store, by its position among the plan's sources.
    pub source: usize,
    /// The store.
    pub(crate) store: Arc<SpillSource>,
    /// Bytes that are written to it.
    pub written: u64,
    /// Bytes that are read back.
    pub read: u64,
    /// Whether exactly so many are; otherwise about so many.
    pub exact: bool,
    /// The last stage that reads it.
    pub last: usize,
}

impl Spill {
    /// The store of a value, if it is spilled.
    pub(crate) fn store(&self, value: ValueId) -> Option<&Arc<SpillSource>> {
        self.values.iter().find(|s| s.value == value).map(|s| &s.store)
    }
}

impl Plan {
    /// The plan in which some values are spilled to stores in the room's folder. `ends` says where results go.
    pub(super) fn spilling(&self, values: &[ValueId], ends: &Ends, room: &SpillRoom) -> Spill {
        let mut plan = self.clone();
        let wanted: HashSet<ValueId> = values.iter().copied().collect();
        let mut sources: Vec<PlanSource> =
            plan.data.sources.iter().zip(&plan.opened).map(|(s, opened)| lying(s, opened)).collect();
        let mut spilled = Vec::with_capacity(values.len());
        let mut from = Replaced { sources: HashMap::new(), fed: HashMap::new() };
        for stage in &mut plan.data.stages {
            if let Some(inputs) = from.inputs(&stage.inputs) {
                stage.inputs = inputs;
                let written = stage.outputs.iter().any(|o| ends.streams(o.value));
                if !written && !any_source(&stage.inputs, &|s| plan.opened[s].chunks().is_some()) {
                    stage.grid = regridded(stage, &sources, plan.block_bytes);
                }
            }
            for output in stage.outputs.iter().filter(|o| wanted.contains(&o.value)) {
                let (value, made) = (output.value, &self.values()[output.value]);
                let name = match self.results().contains(&value) {
                    true => "spilled array".to_string(),
                    false => format!("spilled value {value}"),
                };
                let grid = made_in(stage, output, &made.shape);
                let store = SpillSource::new(name.clone(), made.dtype, &made.shape, &grid, &room.folder);
                let opened: Arc<dyn Source> = store.clone();
                let spec = spec_of(&opened);
                let (shape, dtype) = (made.shape.clone(), made.dtype);
                let source = PlanSource { spec, name, shape, dtype, chunks: None };
                let at = plan.opened.len();
                from.sources.insert(value, at);
                sources.push(lying(&source, &opened));
                plan.data.sources.push(source);
                plan.opened.push(opened);
                let (written, last) = (made.bytes(), made.last_use);
                spilled.push(Spilled { value, source: at, store, written, read: 0, exact: true, last });
            }
        }
        Spill { plan, values: spilled }
    }
}

/// A source as the choice of blocks sees it: what can be read in any region, but lies in boxes, has these for
/// chunks.
pub(super) fn lying(source: &PlanSource, opened: &Arc<dyn Source>) -> PlanSource {
    PlanSource { chunks: opened.lies_in(Own).cloned(), ..source.clone() }
}

/// Blocks of whole boxes of what a stage reads, unless they are much larger than those that it has.
fn regridded(stage: &Stage, sources: &[PlanSource], block_bytes: u64) -> Grid {
    let along = stage.outputs.iter().find_map(|o| o.fold.carries());
    let options = PlanOptions::new().block_bytes(block_bytes);
    let grid = choose_grid(&stage.grid.shape(), &stage.inputs, &stage.program, sources, along, &options);
    let elements = |grid: &Grid| grid.largest().iter().fold(1u64, |n, &d| n.saturating_mul(d));
    match elements(&grid) <= elements(&stage.grid).saturating_mul(2) {
        true => grid,
        false => stage.grid.clone(),
    }
}

/// The blocks in which a stage makes an output of some shape.
fn made_in(stage: &Stage, output: &Output, shape: &[u64]) -> Grid {
    let axes = stage.grid.axes.iter().enumerate();
    let kept = axes.filter(|(d, _)| output.fold.landing().keeps(*d)).map(|(_, axis)| axis.clone());
    let mut axes: Vec<AxisGrid> = kept.collect();
    // The axes of the fold's own.
    let own = &shape[axes.len()..];
    axes.extend(own.iter().map(|&n| AxisGrid::regular(n, n)));
    Grid { axes }
}

/// Whether it is so for a source that inputs read, or kernels nested in them.
pub(super) fn any_source(inputs: &[Input], is: &dyn Fn(usize) -> bool) -> bool {
    inputs
        .iter()
        .any(|i| i.source().is_some_and(is) || i.children().iter().any(|k| any_source(&k.inputs, is)))
}

/// Values that are read as sources.
struct Replaced {
    sources: HashMap<ValueId, usize>,
    /// Feeds that were looked at, and what became of them if anything did.
    fed: HashMap<*const Fed, Option<Arc<Fed>>>,
}

impl Replaced {
    /// The inputs, if any of them reads such a value.
    fn inputs(&mut self, inputs: &[Input]) -> Option<Vec<Input>> {
        let new: Vec<Option<Supply>> = inputs.iter().map(|i| self.supply(&i.from)).collect();
        let input = |(input, new): (&Input, Option<Supply>)| match new {
            Some(from) => Input { from, view: input.view.clone() },
            None => input.clone(),
        };
        new.iter().any(Option::is_some).then(|| inputs.iter().zip(new).map(input).collect())
    }

    fn supply(&mut self, from: &Supply) -> Option<Supply> {
        match from {
            Supply::Read(Read::Source(_)) => None,
            Supply::Read(Read::Value(v)) => self.sources.get(v).map(|&s| Supply::Read(Read::Source(s))),
            Supply::Feed(fed) => {
                if let Some(known) = self.fed.get(&Arc::as_ptr(fed)) {
                    return known.clone().map(Supply::Feed);
                }
                let new: Vec<Option<Vec<Input>>> = fed.of.iter().map(|k| self.inputs(&k.inputs)).collect();
                let kernel = |(k, new): (&SubKernel, Option<Vec<Input>>)| match new {
                    Some(inputs) => SubKernel { inputs, ..k.clone() },
                    None => k.clone(),
                };
                let changed = new.iter().any(Option::is_some);
                let of = || fed.of.iter().zip(new).map(kernel).collect();
                let new = changed.then(|| Arc::new(Fed { feed: fed.feed.clone(), of: of() }));
                self.fed.insert(Arc::as_ptr(fed), new.clone());
                new.map(Supply::Feed)
            }
        }
    }
}
