//! What a histogram is made of, as plain data for a plan.

use super::edges::Edges;
use super::weigh::{self, Weighted};
use super::window::OTHERS;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// The most bins in all.
const MAX_BINS: u64 = (1 << 31) - 8;

/// Edges per dimension, the dtypes of the columns, and whether there are weights and a mask.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct HistogramSpec {
    pub(super) edges: Vec<Edges>,
    pub(super) dtypes: Vec<DType>,
    pub(super) weights: Option<DType>,
    pub(super) has_mask: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    edges: Vec<Edges>,
    dtypes: Vec<DType>,
    weights: Option<DType>,
    has_mask: bool,
}

impl From<HistogramSpec> for Stored {
    fn from(s: HistogramSpec) -> Stored {
        Stored { edges: s.edges, dtypes: s.dtypes, weights: s.weights, has_mask: s.has_mask }
    }
}

impl TryFrom<Stored> for HistogramSpec {
    type Error = Error;
    fn try_from(s: Stored) -> Result<HistogramSpec> {
        let spec = HistogramSpec::new(s.edges, s.dtypes, s.weights)?;
        Ok(if s.has_mask { spec.with_mask() } else { spec })
    }
}

impl HistogramSpec {
    /// One to three axes, the dtype of the data of each, and the dtype of the weights if any.
    ///
    /// # Errors
    /// `Value` if there are no or more than three axes, or more than 2^31 − 8 bins; `Shape` if
    /// `dtypes` has another length.
    pub fn new(edges: Vec<Edges>, dtypes: Vec<DType>, weights: Option<DType>) -> Result<HistogramSpec> {
        if edges.is_empty() || edges.len() > 3 {
            let n = edges.len();
            return Err(Error::new(ErrorKind::Value, format!("a histogram has 1 to 3 dimensions, not {n}")));
        }
        if edges.len() != dtypes.len() {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "a histogram of {} dimensions needs as many columns, not {}",
                    edges.len(),
                    dtypes.len()
                ),
            ));
        }
        let bins = edges.iter().try_fold(1u64, |n, e| n.checked_mul(e.bins()));
        if bins.is_none_or(|n| n > MAX_BINS) {
            return Err(Error::new(
                ErrorKind::Value,
                format!("more bins in all than a histogram may have ({MAX_BINS})"),
            ));
        }
        Ok(HistogramSpec { edges, dtypes, weights, has_mask: false })
    }

    /// The same with a mask (`where=`): a tile then brings one byte per value, and values whose byte
    /// is 0 are not counted at all.
    pub fn with_mask(mut self) -> HistogramSpec {
        self.has_mask = true;
        self
    }

    /// The edges of each dimension.
    pub fn edges(&self) -> &[Edges] {
        &self.edges
    }

    /// The dtype of each column.
    pub fn dtypes(&self) -> &[DType] {
        &self.dtypes
    }

    /// The dtype of the weights.
    pub fn weights(&self) -> Option<DType> {
        self.weights
    }

    /// Whether tiles bring a mask.
    pub fn has_mask(&self) -> bool {
        self.has_mask
    }

    /// The dtype of the weighted result: the weights' own if they are floats, else uint64 for
    /// unsigned integers and int64 for signed ones and bools.
    pub fn weighted_dtype(&self) -> Option<DType> {
        self.weights.map(weigh::result_dtype)
    }

    /// Bins along each dimension.
    pub fn shape(&self) -> Vec<u64> {
        self.edges.iter().map(Edges::bins).collect()
    }

    /// Bins in all.
    pub fn bins(&self) -> u64 {
        self.edges.iter().map(Edges::bins).product()
    }

    pub(super) fn slots(&self) -> usize {
        self.bins() as usize + OTHERS
    }

    /// The most bytes that a [`State`](super::State) takes per bin.
    pub fn bytes_per_bin(&self) -> u64 {
        self.weights.map_or(8, |w| Weighted::bytes_per_bin(w, self.bins()))
    }

    /// The most bytes that a [`State`](super::State) takes.
    pub fn bytes_per_state(&self) -> u64 {
        self.bins() * self.bytes_per_bin() + 160 * OTHERS as u64
    }

    /// The most bytes that one worker's [`Scratch`](super::Scratch) takes.
    pub fn bytes_per_scratch(&self) -> u64 {
        128 << 10
    }

    /// The most bytes that edges and the tables that find bins take, once per process.
    pub fn bytes_shared(&self) -> u64 {
        self.edges.iter().map(Edges::bytes).sum()
    }
}
