//! The finished histogram.

use super::spec::HistogramSpec;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};

/// A finished histogram: `counts.sum() + underflow + overflow + outside + nan == total`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Unchecked")]
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

/// A histogram as it is read, from anywhere.
#[derive(serde::Deserialize)]
struct Unchecked {
    edges: Vec<Vec<f64>>,
    counts: Vec<u64>,
    weights: Option<(DType, Vec<u8>)>,
    underflow: u64,
    overflow: u64,
    outside: u64,
    nan: u64,
    nonpositive: u64,
    total: u64,
}

impl TryFrom<Unchecked> for Histogram {
    type Error = Error;

    fn try_from(u: Unchecked) -> Result<Histogram> {
        let wrong =
            |what: &str| Err(Error::new(ErrorKind::Format, format!("a histogram is damaged: {what}")));
        let along = u.edges.iter().map(|e| (e.len() as u64).checked_sub(1));
        let bins = along.reduce(|all, n| all?.checked_mul(n?)).flatten();
        if bins != Some(u.counts.len() as u64) {
            return wrong("it has other bins than edges");
        }
        if u.weights.as_ref().is_some_and(|(dtype, bytes)| bytes.len() != u.counts.len() * dtype.size()) {
            return wrong("it has other sums of weights than bins");
        }
        let others = [u.underflow, u.overflow, u.outside, u.nan];
        if u.counts.iter().chain(&others).fold(0, |n: u64, &c| n.saturating_add(c)) != u.total {
            return wrong("its counts do not add up");
        }
        Ok(Histogram {
            edges: u.edges,
            counts: u.counts,
            weights: u.weights,
            underflow: u.underflow,
            overflow: u.overflow,
            outside: u.outside,
            nan: u.nan,
            nonpositive: u.nonpositive,
            total: u.total,
        })
    }
}

/// What a histogram has counted, as it travels: without the edges, which its spec knows.
#[derive(serde::Serialize, serde::Deserialize)]
struct Counted {
    counts: Vec<u64>,
    /// Little-endian.
    weights: Option<Vec<u8>>,
    underflow: u64,
    overflow: u64,
    outside: u64,
    nan: u64,
    nonpositive: u64,
}

fn little_endian(mut bytes: Vec<u8>, dtype: DType) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(dtype.size()).for_each(|c| c.reverse());
    }
    bytes
}

impl Histogram {
    /// As bytes, for [`Histogram::read`] in any process.
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    pub fn write(&self) -> Result<Vec<u8>> {
        let counted = Counted {
            counts: self.counts.clone(),
            weights: self.weights.as_ref().map(|(dtype, bytes)| little_endian(bytes.clone(), *dtype)),
            underflow: self.underflow,
            overflow: self.overflow,
            outside: self.outside,
            nan: self.nan,
            nonpositive: self.nonpositive,
        };
        postcard::to_stdvec(&counted)
            .map_err(|e| Error::new(ErrorKind::Internal, "a histogram cannot be written").caused_by(e))
    }

    /// The histogram of a spec that [`Histogram::write`] wrote. Any bytes may be given.
    ///
    /// # Errors
    /// `Format` if it is no histogram of the spec.
    pub fn read(spec: &HistogramSpec, bytes: &[u8]) -> Result<Histogram> {
        let wrong = |what: &str| Error::new(ErrorKind::Format, format!("a histogram is damaged: {what}"));
        let (c, rest): (Counted, _) =
            postcard::take_from_bytes(bytes).map_err(|e| wrong("it ends early or is none").caused_by(e))?;
        let (dtype, one) = (spec.weighted_dtype(), spec.edges().len() == 1);
        let sums = c.weights.as_ref().map(|w| w.len() as u64);
        if !rest.is_empty()
            || c.counts.len() as u64 != spec.bins()
            || sums != dtype.map(|d| spec.bins() * d.size() as u64)
        {
            return Err(wrong("it has other bins"));
        }
        let beside = if one { c.outside } else { c.underflow.saturating_add(c.overflow) };
        if beside > 0 || c.nonpositive > c.underflow.saturating_add(c.outside) {
            return Err(wrong("its counts do not agree"));
        }
        let others = [c.underflow, c.overflow, c.outside, c.nan];
        let total = c.counts.iter().chain(&others).fold(0, |n: u64, &c| n.saturating_add(c));
        Ok(Histogram {
            edges: spec.edges().iter().map(|e| e.values().to_vec()).collect(),
            counts: c.counts,
            weights: dtype.zip(c.weights).map(|(dtype, bytes)| (dtype, little_endian(bytes, dtype))),
            underflow: c.underflow,
            overflow: c.overflow,
            outside: c.outside,
            nan: c.nan,
            nonpositive: c.nonpositive,
            total,
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_a_histogram_or_an_error() {
        let good = Histogram {
            edges: vec![vec![0.0, 1.0, 2.0], vec![0.0, 5.0]],
            counts: vec![3, 4],
            weights: Some((DType::F32, vec![0; 8])),
            underflow: 0,
            overflow: 0,
            outside: 2,
            nan: 1,
            nonpositive: 0,
            total: 10,
        };
        let text = serde_json::to_string(&good).unwrap();
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), good);
        for (from, to) in [
            ("[0.0,1.0,2.0]", "[]"),
            ("[0.0,1.0,2.0]", "[0.0,1.0]"),
            ("[[0.0,1.0,2.0],[0.0,5.0]]", "[]"),
            ("[3,4]", "[3,4,0]"),
            ("[0,0,0,0,0,0,0,0]", "[0,0,0]"),
            ("\"total\":10", "\"total\":11"),
        ] {
            assert!(text.contains(from), "{text}");
            let e = serde_json::from_str::<Histogram>(&text.replace(from, to)).unwrap_err();
            assert!(e.to_string().contains("a histogram is damaged"), "{e}");
        }
    }
}
