//! Histograms of all elements: how many, or what weight, lies in each bin.

use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Notes, Param, Port, Ports, Role, internal};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::{Block, FoldRow, Scratch, SharedFold, Tile, row};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::ops::elementwise::Op;
use crate::ops::histogram::{self, Bins, Edges, Histogram, HistogramSpec, LogOf};
use crate::ops::simd::Simd;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;

/// The row of [`HistogramFold`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "histogram",
    read: |data| Ok(SharedFold::new(HistogramFold::try_from(row::parse::<Data>("histogram", data)?)?)),
};

/// A histogram of one to three columns. An axis with an automatic range takes two params: the smallest and the
/// largest value, float64.
#[derive(Clone, Debug)]
pub struct HistogramFold {
    data: Data,
    landing: Landing,
    /// With stand-ins for edges that are not known yet.
    spec: Arc<HistogramSpec>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    bins: Vec<Bins>,
    dtypes: Vec<DType>,
    weights: Option<DType>,
    #[serde(rename = "where")]
    has_mask: bool,
    rank: usize,
}

impl TryFrom<Data> for HistogramFold {
    type Error = Error;

    fn try_from(data: Data) -> Result<HistogramFold> {
        row::checked_rank(ROW.name, data.rank)?;
        let stand_in = data.bins.iter().map(|b| b.resolve(1.0, 2.0)).collect::<Result<Vec<_>>>()?;
        let spec = Arc::new(data.spec(stand_in)?);
        Ok(HistogramFold { landing: Landing::reduce(data.rank), spec, data })
    }
}

impl Data {
    fn spec(&self, edges: Vec<Edges>) -> Result<HistogramSpec> {
        let spec = HistogramSpec::new(edges, self.dtypes.clone(), self.weights)?;
        Ok(if self.has_mask { spec.with_mask() } else { spec })
    }
}

impl HistogramFold {
    /// Of coordinates of these dtypes over a domain of `rank` axes.
    ///
    /// # Errors
    /// As [`HistogramSpec::new`].
    pub fn new(
        bins: Vec<Bins>,
        dtypes: Vec<DType>,
        weights: Option<DType>,
        has_mask: bool,
        rank: usize,
    ) -> Result<HistogramFold> {
        HistogramFold::try_from(Data { bins, dtypes, weights, has_mask, rank })
    }

    /// Of a spec whose edges are known.
    ///
    /// # Errors
    /// As [`HistogramSpec::new`].
    pub fn of(spec: &HistogramSpec, rank: usize) -> Result<HistogramFold> {
        let bins = spec.edges().iter().cloned().map(Bins::Edges).collect();
        HistogramFold::new(bins, spec.dtypes().to_vec(), spec.weights(), spec.has_mask(), rank)
    }
}

impl Fold for HistogramFold {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        row::data(&self.data)
    }

    fn ports(&self) -> Ports {
        let coordinates = self.data.dtypes.iter().map(|&dtype| Port { role: Role::Coordinate, dtype });
        let weights = self.data.weights.map(|dtype| Port { role: Role::Weights, dtype });
        let mask = self.data.has_mask.then_some(Port { role: Role::Mask, dtype: DType::Bool });
        coordinates.chain(weights).chain(mask).collect()
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        bounds(&self.data.bins)
    }

    fn landing(&self) -> &Landing {
        &self.landing
    }

    fn makes(&self, _: &[u64]) -> Makes {
        let shape = self.data.bins.iter().map(Bins::bins).collect();
        Makes { shape, dtype: DType::U64, histogram: true }
    }

    fn bytes(&self, _: &[u64]) -> FoldBytes {
        FoldBytes {
            state: self.spec.bytes_per_state(),
            scratch: ("histogram", self.spec.bytes_per_scratch()),
        }
    }

    fn load(&self) -> Load {
        Load::Binned
    }

    fn detail(&self) -> String {
        let bins: Vec<String> = self.data.bins.iter().map(|b| b.bins().to_string()).collect();
        format!(" in {} bins", bins.join(" × "))
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        let Some(params) = params else {
            return Ok(Arc::new(HistogramReady { spec: Arc::clone(&self.spec) }));
        };
        expect_params(self, params)?;
        let edges = edges(&self.data.bins, params)?;
        Ok(Arc::new(HistogramReady { spec: Arc::new(self.data.spec(edges)?) }))
    }
}

/// The params of bins: of those with an automatic range two each.
pub(super) fn bounds(bins: &[Bins]) -> SmallVec<[Param; 2]> {
    let bound = |name| Param { name, dtype: DType::F64, shape: Dims::new() };
    let automatic = bins.iter().filter(|b| b.needs_range());
    automatic.flat_map(|_| [bound("the smallest value"), bound("the largest value")]).collect()
}

/// The edges of bins, those with an automatic range from two params each.
///
/// # Errors
/// As [`Bins::resolve`].
pub(super) fn edges(bins: &[Bins], params: &[Given]) -> Result<Vec<Edges>> {
    let mut bounds = params.chunks_exact(2);
    let mut out = Vec::with_capacity(bins.len());
    for bins in bins {
        let of_axis = if bins.needs_range() { bounds.next() } else { None };
        let (low, high) = match of_axis {
            Some([low, high]) => (low.scalar(0)?.to_f64(), high.scalar(0)?.to_f64()),
            // Edges that are there need no range.
            _ => (1.0, 2.0),
        };
        out.push(bins.resolve(low, high)?);
    }
    Ok(out)
}

/// A histogram whose edges are known.
#[derive(Clone, Debug)]
pub struct HistogramReady {
    spec: Arc<HistogramSpec>,
}

impl HistogramReady {
    /// Edges and dtypes.
    pub fn spec(&self) -> &Arc<HistogramSpec> {
        &self.spec
    }
}

impl Ready for HistogramReady {
    fn state(&self, _: &[u64]) -> Result<Box<dyn State>> {
        Ok(Box::new(Binned { spec: Arc::clone(&self.spec), bins: histogram::State::new(&self.spec)? }))
    }

    fn read(&self, _: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let bins: histogram::State = postcard::from_bytes(bytes).map_err(|e| damaged("histogram", e))?;
        if !bins.is_of(&self.spec) {
            return Err(damaged("histogram", "it has other bins"));
        }
        Ok(Box::new(Binned { spec: Arc::clone(&self.spec), bins }))
    }

    fn read_histogram(&self, bytes: &[u8]) -> Result<Histogram> {
        Histogram::read(&self.spec, bytes)
    }

    fn update(&self, simd: Simd, logs: &[Option<LogOf>]) -> Box<dyn Update> {
        let (dims, weights) = (self.spec.dtypes().len(), self.spec.weights().is_some());
        Box::new(Count {
            logs: logs.iter().take(dims).cloned().collect(),
            dims,
            weights: weights.then_some(dims),
            mask: self.spec.has_mask().then_some(dims + usize::from(weights)),
            simd,
        })
    }

    fn takes_log(&self, port: usize, op: Op, dtype: DType, simd: Simd) -> Option<LogOf> {
        LogOf::new(op, dtype, self.spec.edges().get(port)?, simd)
    }
}

/// The bins of one histogram.
pub struct Binned {
    spec: Arc<HistogramSpec>,
    bins: histogram::State,
}

impl Binned {
    /// What has been counted.
    pub fn bins(&self) -> &histogram::State {
        &self.bins
    }

    /// As [`Binned::bins`], with the spec they belong to, for what a device has counted.
    pub fn bins_mut(&mut self) -> (&HistogramSpec, &mut histogram::State) {
        (&self.spec, &mut self.bins)
    }
}

impl State for Binned {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        self.bins.merge(&state_ref::<Binned>(other)?.bins)
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        Ok((Made::Histogram(Arc::new(self.bins.finish(&self.spec)?)), Notes::new()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(&self.bins)
            .map_err(|e| Error::new(ErrorKind::Internal, "a histogram cannot be written").caused_by(e))
    }
}

/// Counts tiles.
struct Count {
    logs: SmallVec<[Option<LogOf>; 3]>,
    dims: usize,
    /// The columns with the weights and the mask.
    weights: Option<usize>,
    mask: Option<usize>,
    simd: Simd,
}

impl Update for Count {
    fn begin(&mut self, _: &Block, state: &mut dyn State) -> Result<()> {
        state_as::<Binned>(state).map(drop)
    }

    fn tile(&mut self, state: &mut dyn State, tile: &Tile, scratch: &mut Scratch) -> Result<()> {
        let Binned { spec, bins } = state_as(state)?;
        let columns = tile.columns;
        if columns.len() < self.dims {
            return Err(internal("a histogram was given fewer columns than it takes"));
        }
        let logs: SmallVec<[Option<&LogOf>; 3]> = self.logs.iter().map(Option::as_ref).collect();
        let tile = histogram::Tile {
            coords: &columns[..self.dims],
            logs: &logs,
            weights: self.weights.map(|i| columns[i]),
            mask: self.mask.map(|i| columns[i]),
            n: tile.n,
        };
        bins.update(spec, tile, scratch.of::<histogram::Scratch>(), self.simd)
    }
}
