//! Grouped reductions: any row of the reduction table, once per group. A group is a label, or a bin.

use super::data::{
    FoldBytes, Given, LEFT_OUT, Landing, Load, Made, Makes, Note, Notes, Param, Port, Ports, Role, internal,
};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::{Block, FoldRow, Runs, Scratch, SharedFold, TILE, Tile, reduce, row};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::ops::elementwise::Op;
use crate::ops::histogram::{self, Bins, HistogramSpec, LogOf};
use crate::ops::labels::Labels;
use crate::ops::reduce::{Along, GroupedScratch, GroupedState, GroupedTile, NOWHERE, Quantity, ReduceSpec};
use crate::ops::simd::Simd;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;

/// The row of [`Grouped`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "grouped",
    read: |data| {
        let Data { spec, by, axes } = row::parse(ROW.name, data)?;
        Ok(SharedFold::new(Grouped::new(spec, by, axes)?))
    },
};

/// What elements are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum By {
    /// A column of labels; those that are not among these are of no group.
    Labels {
        /// The labels, in the order of their groups.
        expected: Labels,
        /// The dtype of the column.
        dtype: DType,
    },
    /// Columns of coordinates, one per dimension; elements that lie in no bin are of no group.
    Bins {
        /// The bins of each dimension. One with an automatic range takes two params, as a histogram's.
        bins: Vec<Bins>,
        /// The dtypes of the columns.
        dtypes: Vec<DType>,
    },
}

/// A row of the reduction table over some axes, once per group. What it makes has the kept axes, then those of
/// the groups.
#[derive(Clone, Debug)]
pub struct Grouped {
    data: Data,
    /// Of bins, with stand-ins for edges that are not known yet.
    spec: Option<Arc<HistogramSpec>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    spec: ReduceSpec,
    by: By,
    axes: Landing,
}

impl Grouped {
    /// A reduction by labels or bins; a mask is a port of its own as for other reductions.
    ///
    /// # Errors
    /// As [`HistogramSpec::new`] for bins.
    pub fn new(spec: ReduceSpec, by: By, landing: Landing) -> Result<Grouped> {
        let bins = match &by {
            By::Labels { .. } => None,
            By::Bins { bins, dtypes } => {
                let stand_in = bins.iter().map(|b| b.resolve(1.0, 2.0)).collect::<Result<Vec<_>>>()?;
                Some(Arc::new(HistogramSpec::new(stand_in, dtypes.clone(), None)?))
            }
        };
        Ok(Grouped { data: Data { spec, by, axes: landing }, spec: bins })
    }

    /// By what it groups.
    pub fn by(&self) -> &By {
        &self.data.by
    }

    /// The lengths of the axes of the groups.
    fn groups(&self) -> Dims {
        match &self.data.by {
            By::Labels { expected, .. } => Dims::from_slice(&[expected.len()]),
            By::Bins { bins, .. } => bins.iter().map(Bins::bins).collect(),
        }
    }
}

impl Fold for Grouped {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn operation(&self) -> &'static str {
        self.data.spec.reduction().name()
    }

    fn data(&self) -> serde_json::Value {
        row::data(&self.data)
    }

    fn ports(&self) -> Ports {
        let mut ports = reduce::ports_of(&self.data.spec);
        match &self.data.by {
            By::Labels { dtype, .. } => ports.push(Port { role: Role::Labels, dtype: *dtype }),
            By::Bins { dtypes, .. } => {
                ports.extend(dtypes.iter().map(|&dtype| Port { role: Role::Labels, dtype }));
            }
        }
        ports
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        match &self.data.by {
            By::Labels { .. } => SmallVec::new(),
            By::Bins { bins, .. } => super::histogram::bounds(bins),
        }
    }

    fn landing(&self) -> &Landing {
        &self.data.axes
    }

    fn makes(&self, domain: &[u64]) -> Makes {
        let mut shape = self.data.axes.kept(domain);
        shape.extend(self.groups());
        Makes { shape, dtype: self.data.spec.out_dtype(), histogram: false }
    }

    fn bytes(&self, block: &[u64]) -> FoldBytes {
        let kept = self.data.axes.kept(block);
        let groups = kept.iter().chain(&self.groups()).fold(1u64, |n, &d| n.saturating_mul(d));
        let columns = (TILE * (4 + 4 + 8)) as u64;
        let bins = self.spec.as_ref().map_or(0, |s| s.bytes_per_scratch());
        let scratch = ("grouped", columns + GroupedScratch::BYTES + bins);
        FoldBytes { state: GroupedState::bytes(&self.data.spec, groups), scratch }
    }

    fn narrow_bytes(&self, block: &[u64]) -> Option<u64> {
        let kept = self.data.axes.kept(block);
        let outputs = kept.iter().chain(&self.groups()).fold(1u64, |n, &d| n.saturating_mul(d));
        self.data.spec.narrow_bytes(outputs)
    }

    fn quantity(&self) -> Quantity {
        self.data.spec.reduction().quantity()
    }

    fn load(&self) -> Load {
        Load::Binned
    }

    fn detail(&self) -> String {
        let groups: Vec<String> = self.groups().iter().map(u64::to_string).collect();
        format!(", axes {}, in {} groups", self.data.axes.show_reduced(), groups.join(" × "))
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        let find = match (&self.data.by, params) {
            (By::Labels { expected, dtype }, _) => Find::Labels(expected.clone(), *dtype),
            (By::Bins { .. }, None) => {
                Find::Bins(self.spec.clone().ok_or_else(|| internal("bins without edges"))?)
            }
            (By::Bins { bins, dtypes }, Some(params)) => Find::Bins(Arc::new(HistogramSpec::new(
                super::histogram::edges(bins, params)?,
                dtypes.clone(),
                None,
            )?)),
        };
        params.map_or(Ok(()), |p| expect_params(self, p))?;
        Ok(Arc::new(GroupedReady {
            spec: self.data.spec.clone(),
            landing: self.data.axes.clone(),
            groups: self.groups().iter().fold(1, |n, &d| n.saturating_mul(d)),
            find,
        }))
    }
}

/// How an element's group is found.
#[derive(Clone, Debug)]
enum Find {
    Labels(Labels, DType),
    Bins(Arc<HistogramSpec>),
}

/// A grouped reduction whose groups are known.
#[derive(Clone, Debug)]
struct GroupedReady {
    spec: ReduceSpec,
    landing: Landing,
    groups: u64,
    find: Find,
}

impl GroupedReady {
    /// The outputs of a block, if an index can have them.
    fn fits(&self, block: &[u64]) -> Result<usize> {
        let outputs = self.outputs(block);
        if outputs as u64 >= u32::MAX as u64 {
            let what = format!("a block has {outputs} groups, more than 2^32");
            return Err(Error::new(ErrorKind::Unsupported, what).hint("give fewer groups"));
        }
        Ok(outputs)
    }

    fn outputs(&self, block: &[u64]) -> usize {
        self.landing.kept(block).iter().fold(self.groups, |n, &d| n.saturating_mul(d)) as usize
    }
}

impl Ready for GroupedReady {
    fn narrow_state(&self, block: &[u64]) -> Result<Option<Box<dyn State>>> {
        let outputs = self.fits(block)?;
        let positions = outputs.checked_div(self.groups as usize).unwrap_or(0);
        let state = GroupedState::narrow(&self.spec, self.groups as usize, positions);
        Ok(state.map(|s| Box::new(s) as _))
    }

    fn state(&self, block: &[u64]) -> Result<Box<dyn State>> {
        let outputs = self.fits(block)?;
        Ok(Box::new(GroupedState::new(&self.spec, outputs)?))
    }

    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let state = GroupedState::read(&self.spec, self.outputs(block), bytes);
        Ok(Box::new(state.map_err(|e| damaged(self.spec.reduction().name(), e.message()))?))
    }

    fn update(&self, simd: Simd, logs: &[Option<LogOf>]) -> Box<dyn Update> {
        let weights = self.spec.weights_dtype().map(|_| 1);
        let mask = self.spec.has_mask().then(|| 1 + usize::from(weights.is_some()));
        let first = 1 + usize::from(weights.is_some()) + usize::from(mask.is_some());
        Box::new(Accumulate {
            reduced: self.landing.reduced().into_vec().into(),
            runs: None,
            keeps: self.landing.keeps_any(),
            groups: self.groups as u32,
            find: self.find.clone(),
            logs: logs.iter().skip(first).cloned().collect(),
            positions: GroupedState::has_positions(&self.spec),
            weights,
            mask,
            first,
            simd,
        })
    }

    fn takes_log(&self, port: usize, op: Op, dtype: DType, simd: Simd) -> Option<LogOf> {
        let Find::Bins(spec) = &self.find else { return None };
        let first = reduce::ports_of(&self.spec).len();
        LogOf::new(op, dtype, spec.edges().get(port.checked_sub(first)?)?, simd)
    }
}

impl State for GroupedState {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        GroupedState::merge(self, state_ref(other)?)
    }

    fn exceeded(&self) -> bool {
        GroupedState::exceeded(self)
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        let mut out = Buffer::zeroed(self.groups() * self.spec().out_dtype().size());
        let said = GroupedState::finish(&self, &mut out)?;
        let mut notes: Notes = said.texts().map(|text| Note { text, count: 0 }).collect();
        if self.left_out() > 0 {
            notes.push(Note { text: LEFT_OUT, count: self.left_out() });
        }
        Ok((Made::Elements(out), notes))
    }

    fn write(&self) -> Result<Vec<u8>> {
        GroupedState::write(self)
    }
}

/// Adds tiles, element by element to its group.
struct Accumulate {
    reduced: Arc<[bool]>,
    runs: Option<Runs>,
    /// Whether any axis is kept.
    keeps: bool,
    groups: u32,
    find: Find,
    logs: SmallVec<[Option<LogOf>; 3]>,
    /// Whether positions count.
    positions: bool,
    /// The columns with the weights and the mask, and the first by which elements are grouped.
    weights: Option<usize>,
    mask: Option<usize>,
    first: usize,
    simd: Simd,
}

/// Where the elements of a tile go.
struct Places {
    index: Vec<u32>,
    positions: Vec<u64>,
}

impl Default for Places {
    fn default() -> Places {
        Places { index: vec![0; TILE], positions: vec![0; TILE] }
    }
}

impl Accumulate {
    /// The group of each element plus one, or [`NOWHERE`].
    fn groups(&self, tile: &Tile, scratch: &mut Scratch, index: &mut [u32]) -> Result<()> {
        let columns = &tile.columns[self.first..];
        match &self.find {
            Find::Labels(labels, dtype) => labels.find(*dtype, columns[0], index),
            Find::Bins(spec) => {
                let (bins, sizes) = (spec.bins() as u32, spec.dtypes().iter().map(|d| d.size()));
                let sizes: SmallVec<[usize; 3]> = sizes.collect();
                let logs: SmallVec<[Option<&LogOf>; 3]> = self.logs.iter().map(Option::as_ref).collect();
                for start in (0..tile.n).step_by(histogram::BLOCK) {
                    let n = (tile.n - start).min(histogram::BLOCK);
                    let rows = |size: usize| start * size..(start + n) * size;
                    let coords: SmallVec<[&[u8]; 3]> =
                        columns.iter().zip(&sizes).map(|(c, &size)| &c[rows(size)]).collect();
                    let part = histogram::Tile { coords: &coords, logs: &logs, weights: None, mask: None, n };
                    let slots = scratch.of::<histogram::Scratch>().slots(spec, &part, self.simd)?;
                    for (i, &slot) in index[start..start + n].iter_mut().zip(slots) {
                        *i = if slot <= bins { slot } else { NOWHERE };
                    }
                }
            }
        }
        Ok(())
    }
}

impl Update for Accumulate {
    fn begin(&mut self, block: &Block, _: &mut dyn State) -> Result<()> {
        self.runs = Some(Runs::new(block.region, block.domain, &self.reduced));
        Ok(())
    }

    fn tile(&mut self, state: &mut dyn State, tile: &Tile, scratch: &mut Scratch) -> Result<()> {
        let state: &mut GroupedState = state_as(state)?;
        let mut places = std::mem::take(scratch.of::<Option<Places>>()).unwrap_or_default();
        let index = &mut places.index[..tile.n];
        self.groups(tile, scratch, index)?;
        if let Some(mask) = self.mask {
            let there = tile.columns[mask].iter().map(|&m| m != 0);
            let left_out =
                index.iter().zip(there.clone()).filter(|(i, there)| *there && **i == NOWHERE).count();
            state.leave_out(left_out as u64);
            index.iter_mut().zip(there).for_each(|(i, there)| *i = if there { *i } else { NOWHERE });
        } else {
            state.leave_out(index.iter().filter(|&&i| i == NOWHERE).count() as u64);
        }
        let Some(runs) = &self.runs else { return Err(internal("a tile of no block")) };
        if self.keeps || self.positions {
            let (groups, all) = (self.groups, &mut places.positions[..tile.n]);
            runs.each(tile.start, tile.n, |run| {
                let rows = run.start..run.start + run.len;
                let (on, along) = ((run.along == Along::Kept) as u32, (run.along == Along::Reduced) as u64);
                let places = index[rows.clone()].iter_mut().zip(&mut all[rows]);
                for (k, (i, position)) in places.enumerate() {
                    let output = run.output as u32 + on * k as u32;
                    *i = if *i == NOWHERE { NOWHERE } else { state.index(groups, output, *i) };
                    *position = run.position + along * k as u64;
                }
            });
        }
        let columns = GroupedTile {
            values: tile.columns[0],
            weights: self.weights.map(|i| tile.columns[i]),
            index: &places.index[..tile.n],
            positions: &places.positions[..tile.n],
        };
        state.update(columns, scratch.of::<GroupedScratch>(), self.simd);
        *scratch.of::<Option<Places>>() = Some(places);
        Ok(())
    }
}
