//! The finished histogram.

use crate::dtype::DType;

/// A finished histogram: `counts.sum() + underflow + overflow + outside + nan == total`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Histogram {
    pub(super) edges: Vec<Vec<f64>>,
    pub(super) counts: Vec<u64>,
    pub(super) weights: Option<(DType, Vec<u8>)>,
    pub(super) underflow: u64,
    pub(super) overflow: u64,
    pub(super) outside: u64,
    pub(super) nan: u64,
    pub(super) nonpositive: u64,
    pub(super) total: u64,
}

impl Histogram {
    /// The float64 edges of each dimension, one more than its bins.
    pub fn edges(&self) -> &[Vec<f64>] {
        &self.edges
    }

    /// Bins along each dimension.
    pub fn shape(&self) -> Vec<u64> {
        self.edges.iter().map(|e| e.len() as u64 - 1).collect()
    }

    /// How many values lie in each bin, C order.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The sum of the weights in each bin, C order, as native bytes of the dtype given.
    pub fn weights(&self) -> Option<(DType, &[u8])> {
        self.weights.as_ref().map(|(d, b)| (*d, &b[..]))
    }

    /// Values below the first edge, those that are not positive on a log axis among them. One
    /// dimension only; 0 in more.
    pub fn underflow(&self) -> u64 {
        self.underflow
    }

    /// Values above the last edge. One dimension only; 0 in more.
    pub fn overflow(&self) -> u64 {
        self.overflow
    }

    /// Points without NaN that lie in no bin, in two and three dimensions; 0 in one.
    pub fn outside(&self) -> u64 {
        self.outside
    }

    /// Points with a NaN in any coordinate.
    pub fn nan(&self) -> u64 {
        self.nan
    }

    /// Points without NaN with a coordinate ≤ 0 on a log axis; counted in `underflow` or `outside`.
    pub fn nonpositive(&self) -> u64 {
        self.nonpositive
    }

    /// All points that were not masked out.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The probability density, as `density=True` in NumPy: counts (weighted sums, if there are
    /// weights) divided by the bin's widths, dimension by dimension, and by the sum over all bins.
    /// Bins outside the range do not count; an empty histogram gives NaN. Float64 arithmetic in
    /// NumPy's order; the sum of weights is that of the rounded bins, taken in C order.
    pub fn density(&self) -> Vec<f64> {
        let mut out: Vec<f64> = match &self.weights {
            None => self.counts.iter().map(|&c| c as f64).collect(),
            Some((dtype, bytes)) => bytes
                .chunks_exact(dtype.size())
                .map(|b| crate::dtype::Scalar::from_bytes(*dtype, b).map_or(f64::NAN, |s| s.to_f64()))
                .collect(),
        };
        let sum = match self.weights {
            None => self.counts.iter().map(|&c| c as u128).sum::<u128>() as f64,
            Some(_) => out.iter().sum(),
        };
        let mut inner = out.len();
        for edges in &self.edges {
            let bins = edges.len() - 1;
            inner = inner.checked_div(bins).unwrap_or(0);
            for (i, v) in out.iter_mut().enumerate() {
                let bin = i / inner % bins;
                *v /= edges[bin + 1] - edges[bin];
            }
        }
        out.iter_mut().for_each(|v| *v /= sum);
        out
    }
}
