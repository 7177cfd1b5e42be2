//! Bins as they are asked for, before the range of the data is known, and the pass that finds it.

use super::edges::{Edges, Scale};
use super::load;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::simd::Simd;
use crate::per_simd;
use serde::{Deserialize, Serialize};

/// The bins of one axis as the user asked for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Bins {
    /// This many bins over the range of the data.
    Auto {
        /// How many bins.
        bins: u64,
        /// Whether they are equal in the logarithm; the range is then that of the positive values.
        log: bool,
    },
    /// These edges.
    Edges(Edges),
}

impl Bins {
    /// Whether the range of the data must be known first.
    pub fn needs_range(&self) -> bool {
        matches!(self, Bins::Auto { .. })
    }

    /// The edges, given the range of the data that [`Range`] found. Uniform: smallest to largest
    /// value; constant data ±0.5; no data 0 to 1. Log: smallest to largest positive value; constant
    /// data one decade around it (v/√10 to v·√10); no positive data 1 to 10.
    ///
    /// # Errors
    /// `Value` if the data has infinities (it says how many), and as [`Edges::uniform`] and
    /// [`Edges::log`].
    pub fn resolve(&self, range: &Range) -> Result<Edges> {
        let &Bins::Auto { bins, log } = (match self {
            Bins::Edges(edges) => return Ok(edges.clone()),
            auto => auto,
        }) else {
            return Err(Error::new(ErrorKind::Internal, "bins without a range"));
        };
        if range.infinite > 0 {
            let n = range.infinite;
            let s = if n == 1 { "y" } else { "ies" };
            return Err(Error::new(
                ErrorKind::Value,
                format!("the data has {n} infinit{s}, so the histogram has no automatic range"),
            )
            .hint("give the range of the bins"));
        }
        match (log, range.min_max(log)) {
            (false, None) => Edges::uniform(0.0, 1.0, bins),
            (false, Some((lo, hi))) => Edges::uniform(lo, hi, bins),
            (true, None) => Edges::log(1.0, 10.0, bins),
            (true, Some((v, hi))) if v == hi => {
                let half = 10f64.sqrt();
                Edges::log(v / half, v * half, bins)
            }
            (true, Some((lo, hi))) => Edges::log(lo, hi, bins),
        }
    }

    /// How many bins.
    pub fn bins(&self) -> u64 {
        match self {
            Bins::Auto { bins, .. } => *bins,
            Bins::Edges(e) => e.bins(),
        }
    }

    /// How the edges will be spaced.
    pub fn scale(&self) -> Scale {
        match self {
            Bins::Auto { log: false, .. } => Scale::Uniform,
            Bins::Auto { log: true, .. } => Scale::Log,
            Bins::Edges(e) => e.scale(),
        }
    }
}

/// What the first pass finds for an automatic range: NaN is ignored, infinities are counted. The
/// order of `update` and `merge` cannot show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    #[serde(with = "bits")]
    min: f64,
    #[serde(with = "bits")]
    max: f64,
    #[serde(with = "bits")]
    positive: f64,
    infinite: u64,
}

mod bits {
    use super::*;
    pub fn serialize<S: serde::Serializer>(v: &f64, s: S) -> Result<S::Ok, S::Error> {
        v.to_bits().serialize(s)
    }
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        Ok(f64::from_bits(u64::deserialize(d)?))
    }
}

impl Default for Range {
    fn default() -> Self {
        Range { min: f64::INFINITY, max: f64::NEG_INFINITY, positive: f64::INFINITY, infinite: 0 }
    }
}

impl Range {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Range::default()
    }

    /// The range of finite values between `min` and `max`, the smallest positive of which is
    /// `positive` (+inf if there is none), for callers who know it already.
    pub fn known(min: f64, max: f64, positive: f64) -> Self {
        Range { min: min + 0.0, max: max + 0.0, positive, infinite: 0 }
    }

    /// Takes in the `n` native values of `bytes`, those where `mask` (one byte each) is not 0.
    ///
    /// # Errors
    /// `Internal` if a length does not fit `n`.
    pub fn update(
        &mut self,
        dtype: DType,
        bytes: &[u8],
        mask: Option<&[u8]>,
        n: usize,
        simd: Simd,
    ) -> Result<()> {
        if bytes.len() != n * dtype.size() || mask.is_some_and(|m| m.len() != n) {
            return Err(Error::new(ErrorKind::Internal, "a column of another length than the tile"));
        }
        let mut values = [0.0; load::BLOCK];
        for start in (0..n).step_by(load::BLOCK) {
            let len = load::BLOCK.min(n - start);
            let size = dtype.size();
            load::to_f64(simd, dtype, &bytes[start * size..(start + len) * size], &mut values[..len]);
            if let Some(mask) = mask {
                for (v, &m) in values.iter_mut().zip(&mask[start..start + len]) {
                    *v = if m == 0 { f64::NAN } else { *v };
                }
            }
            let (min, max, positive, infinite) = extent(simd, &values[..len]);
            self.merge(&Range { min, max, positive, infinite });
        }
        Ok(())
    }

    /// Joins two ranges.
    pub fn merge(&mut self, other: &Range) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.positive = self.positive.min(other.positive);
        self.infinite += other.infinite;
    }

    /// The smallest and largest finite value (the smallest positive one if `log`); `None` if there
    /// is none.
    pub fn min_max(&self, log: bool) -> Option<(f64, f64)> {
        let lo = if log { self.positive } else { self.min };
        (lo <= self.max && lo.is_finite()).then_some((lo, self.max))
    }

    /// How many infinities.
    pub fn infinite(&self) -> u64 {
        self.infinite
    }
}

#[inline(always)]
fn extent_body(values: &[f64]) -> (f64, f64, f64, u64) {
    let mut min = [f64::INFINITY; 8];
    let mut max = [f64::NEG_INFINITY; 8];
    let mut positive = [f64::INFINITY; 8];
    let mut infinite = [0u64; 8];
    let mut one = |lane: usize, v: f64| {
        let v = v + 0.0; // −0 becomes 0, so that equal ends have equal bits
        let finite = v.abs() < f64::INFINITY;
        infinite[lane] += (v.abs() == f64::INFINITY) as u64;
        min[lane] = if finite & (v < min[lane]) { v } else { min[lane] };
        max[lane] = if finite & (v > max[lane]) { v } else { max[lane] };
        positive[lane] = if finite & (v > 0.0) & (v < positive[lane]) { v } else { positive[lane] };
    };
    let (rows, rest) = values.as_chunks::<8>();
    for row in rows {
        for (lane, &v) in row.iter().enumerate() {
            one(lane, v);
        }
    }
    for &v in rest {
        one(0, v);
    }
    let least = |a: [f64; 8]| a.into_iter().fold(f64::INFINITY, f64::min);
    (least(min), max.into_iter().fold(f64::NEG_INFINITY, f64::max), least(positive), infinite.iter().sum())
}
per_simd!(fn extent(values: &[f64]) -> (f64, f64, f64, u64) = extent_body);
