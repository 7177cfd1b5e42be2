//! Bins as they are asked for, before the range of the data is known.

use super::edges::{Edges, Scale};
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// The bins of one axis as the user asked for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
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

    /// The edges, given the smallest and the largest value as float64 (for log bins those of the
    /// positive values), NaN aside; +inf and −inf where there is none. Uniform: smallest to largest
    /// value; constant data ±0.5; no data 0 to 1. Log: smallest to largest positive value; constant
    /// data one decade around it (v/√10 to v·√10); no positive data 1 to 10.
    ///
    /// # Errors
    /// `Value` if a bound is infinite because the data is, and as [`Edges::uniform`] and
    /// [`Edges::log`].
    pub fn resolve(&self, low: f64, high: f64) -> Result<Edges> {
        let (bins, log) = match self {
            Bins::Edges(edges) => return Ok(edges.clone()),
            Bins::Auto { bins, log } => (*bins, *log),
        };
        let empty = low == f64::INFINITY && high == f64::NEG_INFINITY;
        if !(empty || low.is_finite() && high.is_finite()) {
            return Err(Error::new(
                ErrorKind::Value,
                "the data has infinities, so the histogram has no automatic range",
            )
            .hint("give the range of the bins"));
        }
        // −0 becomes 0, so that equal ends have equal bits
        let (low, high) = (low + 0.0, high + 0.0);
        match (log, empty) {
            (false, true) => Edges::uniform(0.0, 1.0, bins),
            (false, false) => Edges::uniform(low, high, bins),
            (true, true) => Edges::log(1.0, 10.0, bins),
            (true, false) if low == high => {
                let half = 10f64.sqrt();
                Edges::log(low / half, high * half, bins)
            }
            (true, false) => Edges::log(low, high, bins),
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
