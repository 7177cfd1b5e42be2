//! A plan of which some values lie in temporary stores: later stages read them as sources.
//!
//! So all that is made for sources applies to them. A stage that reads them and nothing else that is cut into chunks
//! gets a task grid of its own, of whole blocks as they were made.

use super::blocks::choose_grid;
use super::data::{Plan, PlanOptions, PlanSource, Stage};
use super::ends::Ends;
use crate::feeds::{Fed, Input, Read, SubKernel, Supply};
use crate::grid::{AxisGrid, Grid};
use crate::ops::ValueId;
use crate::source::spill::SpillSource;
use crate::source::{Own, Source};
use std::collections::HashMap;
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
        let mut spilled = Vec::with_capacity(values.len());
        let makers: HashMap<ValueId, Grid> = self
            .stages()
            .iter()
            .flat_map(|s| s.outputs.iter().map(move |o| (o.value, made_in(self, s, o.value))))
            .filter(|(v, _)| values.contains(v))
            .collect();
        for &value in values {
            let Some(grid) = makers.get(&value) else { continue };
            let made = &self.values()[value];
            let name = format!("spilled value {value}");
            let store = SpillSource::new(name.clone(), made.dtype, &made.shape, grid, &room.folder);
            let source: Arc<dyn Source> = store.clone();
            plan.data.sources.push(PlanSource {
                spec: crate::source::foreign::spec_of(&source),
                name,
                shape: made.shape.clone(),
                dtype: made.dtype,
                chunks: None,
            });
            plan.opened.push(source);
            let (written, last) = (made.bytes(), made.last_use);
            let source = plan.data.sources.len() - 1;
            spilled.push(Spilled { value, source, store, written, read: 0, exact: true, last });
        }
        let mut from = Replaced { sources: HashMap::new(), fed: HashMap::new() };
        from.sources.extend(spilled.iter().map(|s| (s.value, s.source)));
        let lying: Vec<PlanSource> =
            plan.data.sources.iter().zip(&plan.opened).map(|(s, opened)| lying(s, opened)).collect();
        for stage in &mut plan.data.stages {
            let inputs = from.inputs(&stage.inputs);
            let Some(inputs) = inputs else { continue };
            stage.inputs = inputs;
            let written = stage.outputs.iter().any(|o| ends.streams(o.value));
            if !written && !any_source(&stage.inputs, &|s| plan.opened[s].chunks().is_some()) {
                stage.grid = regridded(stage, &lying, plan.block_bytes);
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

/// The blocks in which a stage makes a value.
fn made_in(plan: &Plan, stage: &Stage, value: ValueId) -> Grid {
    let kept = |o: &super::Output| -> Vec<AxisGrid> {
        let axes = stage.grid.axes.iter().enumerate();
        axes.filter(|(d, _)| o.fold.landing().keeps(*d)).map(|(_, axis)| axis.clone()).collect()
    };
    let mut axes = stage.outputs.iter().find(|o| o.value == value).map(kept).unwrap_or_default();
    // The axes of the fold's own.
    let own = &plan.values()[value].shape[axes.len()..];
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
