//! Edges of bins as an array: of no elements, but of the range of the data where the bins need it.

use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Notes, Param, Port, Ports, Role};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::{Block, FoldRow, Scratch, SharedFold, Tile, histogram, row};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::Dims;
use crate::ops::histogram::{Bins, Edges, LogOf};
use crate::ops::simd::Simd;
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// The row of [`EdgesFold`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "edges",
    read: |data| {
        let Data { bins, rank } = row::parse(ROW.name, data)?;
        let rank = row::checked_rank(ROW.name, rank)?;
        bins.resolve(1.0, 2.0)?;
        Ok(SharedFold::new(EdgesFold::new(bins, rank)))
    },
};

/// The edges of the bins of one dimension, float64, one more than there are bins; the same bits that a
/// histogram with these bins has. Bins with an automatic range take two params, as a histogram's.
#[derive(Clone, Debug)]
pub struct EdgesFold {
    bins: Bins,
    landing: Landing,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    bins: Bins,
    rank: usize,
}

impl EdgesFold {
    /// Over a domain of `rank` axes, of which no element is looked at.
    pub fn new(bins: Bins, rank: usize) -> EdgesFold {
        EdgesFold { bins, landing: Landing::reduce(rank) }
    }

    fn len(&self) -> u64 {
        self.bins.bins().saturating_add(1)
    }
}

impl Fold for EdgesFold {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        row::data(&Data { bins: self.bins.clone(), rank: self.landing.rank() })
    }

    fn ports(&self) -> Ports {
        smallvec![Port { role: Role::Values, dtype: DType::Bool }]
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        histogram::bounds(std::slice::from_ref(&self.bins))
    }

    fn landing(&self) -> &Landing {
        &self.landing
    }

    fn makes(&self, _: &[u64]) -> Makes {
        Makes { shape: Dims::from_slice(&[self.len()]), dtype: DType::F64, histogram: false }
    }

    fn bytes(&self, _: &[u64]) -> FoldBytes {
        // The edges, and those that they are found with.
        FoldBytes { state: self.len().saturating_mul(16), scratch: ("edges", 0) }
    }

    fn load(&self) -> Load {
        Load::Moved
    }

    fn detail(&self) -> String {
        format!(" of {} bins", self.bins.bins())
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        params.map_or(Ok(()), |p| expect_params(self, p))?;
        let edges = match params {
            Some(params) => histogram::edges(std::slice::from_ref(&self.bins), params)?.remove(0),
            None => self.bins.resolve(1.0, 2.0)?,
        };
        Ok(Arc::new(Known(edges)))
    }
}

/// Edges that are known: what there is to be made is made.
#[derive(Clone, Debug)]
struct Known(Edges);

impl Ready for Known {
    fn state(&self, _: &[u64]) -> Result<Box<dyn State>> {
        Ok(Box::new(self.clone()))
    }

    fn read(&self, _: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        match bytes.is_empty() {
            true => Ok(Box::new(self.clone())),
            false => Err(damaged(ROW.name, "it has bytes, and edges have no state")),
        }
    }

    fn update(&self, _: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        Box::new(LookAtNothing)
    }
}

impl State for Known {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        state_ref::<Known>(other).map(drop)
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        let values = bytemuck::cast_slice(self.0.values());
        let mut out = Buffer::zeroed(values.len());
        out.copy_from_slice(values);
        Ok((Made::Elements(out), Notes::new()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

struct LookAtNothing;

impl Update for LookAtNothing {
    fn begin(&mut self, _: &Block, state: &mut dyn State) -> Result<()> {
        state_as::<Known>(state).map(drop)
    }

    fn tile(&mut self, _: &mut dyn State, _: &Tile, _: &mut Scratch) -> Result<()> {
        Ok(())
    }
}
