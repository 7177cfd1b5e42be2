//! The edges of one axis: float64, made once on the host, kept with the result.

use super::find::Finder;
use super::powers;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// The most bins that one axis may have (its edges then take 512 MiB).
pub const MAX_AXIS_BINS: u64 = 1 << 26;

/// How the edges of an axis were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scale {
    /// Equally spaced.
    Uniform,
    /// Equally spaced exponents; values ≤ 0 are underflow and counted apart.
    Log,
    /// Given one by one.
    Explicit,
}

/// The edges of one axis, non-decreasing and without NaN. Bin `i` is `[edges[i], edges[i+1])`, the
/// last bin includes its upper edge. Cheap to clone; equality and hash are by bits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Edges(Arc<Inner>);

struct Inner {
    scale: Scale,
    values: Vec<f64>,
    finder: OnceLock<Finder>,
}

/// Edges travel as bits, so that every format keeps them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    scale: Scale,
    bits: Vec<u64>,
}

impl From<Edges> for Stored {
    fn from(e: Edges) -> Stored {
        Stored { scale: e.0.scale, bits: e.0.values.iter().map(|v| v.to_bits()).collect() }
    }
}

impl TryFrom<Stored> for Edges {
    type Error = Error;
    fn try_from(s: Stored) -> Result<Edges> {
        Edges::checked(s.scale, s.bits.into_iter().map(f64::from_bits).collect())
    }
}

/// 2^53: up to here float64 has every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How a 64-bit integer compares with an edge, by value.
pub fn integer_order(v: i128, edge: f64) -> Ordering {
    // Beyond 2^64 either way a cast to i128 tells enough, for it saturates.
    v.cmp(&(edge.floor() as i128)).then(if edge > edge.floor() { Ordering::Less } else { Ordering::Equal })
}

fn bad(message: String) -> Error {
    Error::new(ErrorKind::Value, message)
}

/// A list for `bins + 1` edges, or the reason why there is none.
fn room(bins: u64) -> Result<Vec<f64>> {
    if bins == 0 {
        return Err(bad("a histogram needs at least one bin".into()));
    }
    if bins > MAX_AXIS_BINS {
        return Err(bad(format!("{bins} bins are more than an axis may have ({MAX_AXIS_BINS})")));
    }
    let mut values = Vec::new();
    let len = bins as usize + 1;
    values
        .try_reserve_exact(len)
        .map_err(|_| Error::new(ErrorKind::Budget, format!("no memory for {len} bin edges")))?;
    Ok(values)
}

fn finite_range(lo: f64, hi: f64) -> Result<()> {
    if !(lo.is_finite() && hi.is_finite()) {
        return Err(bad(format!("the histogram range {lo:?} to {hi:?} is not finite")));
    }
    if lo > hi {
        return Err(bad(format!("the histogram range {lo:?} to {hi:?} is upside down")));
    }
    Ok(())
}

impl Edges {
    /// `bins` equal bins from `lo` to `hi`: the same bits as `numpy.linspace(lo, hi, bins + 1)`. A
    /// range of no width is widened by 0.5 on both sides, as NumPy does.
    ///
    /// # Errors
    /// `Value` if the range is upside down or not finite (nor its width), if there are no bins or
    /// too many, or if they are too narrow to have distinct edges (as `numpy.histogram`).
    pub fn uniform(lo: f64, hi: f64, bins: u64) -> Result<Edges> {
        finite_range(lo, hi)?;
        let (lo, hi) = if lo == hi { (lo - 0.5, hi + 0.5) } else { (lo, hi) };
        let width = hi - lo;
        if !width.is_finite() {
            return Err(bad(format!("the histogram range {lo:?} to {hi:?} is wider than float64")));
        }
        let mut values = room(bins)?;
        let div = bins as f64;
        let step = width / div;
        // NumPy's own case for ranges so narrow that the step underflows.
        values.extend((0..bins).map(|i| match step == 0.0 {
            true => i as f64 / div * width + lo,
            false => i as f64 * step + lo,
        }));
        values.push(hi);
        Edges::distinct(Scale::Uniform, values)
    }

    /// `bins` bins from `lo` to `hi` whose edges are equally spaced in their logarithm, like
    /// `numpy.geomspace(lo, hi, bins + 1)`: the first and last are exactly `lo` and `hi`, the others
    /// `lo · (hi/lo)^(i/bins)` computed in 128-bit integers and rounded once, the same on every
    /// machine (see the module `powers`). NumPy's go through libm and may differ in the last bits.
    ///
    /// # Errors
    /// `Value` unless `0 < lo < hi` and both are finite, and as [`Edges::uniform`].
    pub fn log(lo: f64, hi: f64, bins: u64) -> Result<Edges> {
        finite_range(lo, hi)?;
        if lo <= 0.0 || lo == hi {
            return Err(bad(format!("log bins need 0 < lo < hi, not {lo:?} to {hi:?}")));
        }
        let mut values = room(bins)?;
        powers::geometric(lo, hi, bins, |v| values.push(v));
        Edges::distinct(Scale::Log, values)
    }

    /// Edges as given, as `bins=[…]` in NumPy: non-decreasing; infinities are allowed. One edge
    /// makes no bins, which is allowed as in NumPy: what is above it is overflow, the rest underflow.
    ///
    /// # Errors
    /// `Value` if there is no edge, an edge is NaN (NumPy lets it pass), or they decrease.
    pub fn explicit(edges: Vec<f64>) -> Result<Edges> {
        Edges::checked(Scale::Explicit, edges)
    }

    fn distinct(scale: Scale, values: Vec<f64>) -> Result<Edges> {
        if values.windows(2).any(|w| w[0] >= w[1]) {
            let (n, lo, hi) = (values.len() - 1, values[0], values[values.len() - 1]);
            return Err(bad(format!(
                "{n} bins from {lo:?} to {hi:?} are narrower than float64 can tell apart"
            ))
            .hint("use fewer bins"));
        }
        Edges::checked(scale, values)
    }

    fn checked(scale: Scale, values: Vec<f64>) -> Result<Edges> {
        let Some(&first) = values.first() else {
            return Err(bad("a histogram needs at least one bin edge".into()));
        };
        if values.len() as u64 > MAX_AXIS_BINS + 1 {
            return Err(bad(format!("{} edges are more than an axis may have", values.len())));
        }
        if values.iter().any(|v| v.is_nan()) {
            return Err(bad("a bin edge is NaN".into()));
        }
        if let Some(i) = values.windows(2).position(|w| w[0] > w[1]) {
            let (a, b) = (values[i], values[i + 1]);
            return Err(bad(format!("bin edges must not decrease, but {a:?} is followed by {b:?}")));
        }
        if scale == Scale::Log && first <= 0.0 {
            return Err(bad(format!("log bins cannot start at {first:?}")));
        }
        Ok(Edges(Arc::new(Inner { scale, values, finder: OnceLock::new() })))
    }

    /// The edges, one more than there are bins.
    pub fn values(&self) -> &[f64] {
        &self.0.values
    }

    /// How many bins.
    pub fn bins(&self) -> u64 {
        self.0.values.len() as u64 - 1
    }

    /// How they were made.
    pub fn scale(&self) -> Scale {
        self.0.scale
    }

    /// What finds a value's bin; made at the first call and shared by all clones.
    pub(super) fn finder(&self) -> &Finder {
        self.0.finder.get_or_init(|| Finder::new(&self.0.values, self.0.scale == Scale::Log))
    }

    /// Whether 64-bit integers are compared with the edges as integers: edges that were given, of which some lie
    /// where float64 has not every integer.
    pub fn in_integers(&self, dtype: DType) -> bool {
        if !matches!(dtype, DType::I64 | DType::U64) || self.0.scale != Scale::Explicit {
            return false;
        }
        let edges = &self.0.values;
        // They do not decrease, so the first and the last that are finite tell.
        let first = edges.partition_point(|&edge| edge == f64::NEG_INFINITY);
        let end = edges.partition_point(|&edge| edge < f64::INFINITY);
        edges[first..end.max(first)].first().is_some_and(|edge| edge.abs() >= EXACT)
            || edges[first..end.max(first)].last().is_some_and(|edge| edge.abs() >= EXACT)
    }

    /// The slots of 64-bit integers by comparison as integers; `bytes` need not be aligned.
    pub(super) fn slots_in_integers(&self, dtype: DType, bytes: &[u8], slots: &mut [u32]) {
        let (edges, n) = (&self.0.values[..], self.0.values.len() - 1);
        for (slot, &bytes) in slots.iter_mut().zip(bytes.as_chunks::<8>().0) {
            let v = match dtype {
                DType::U64 => i128::from(u64::from_ne_bytes(bytes)),
                _ => i128::from(i64::from_ne_bytes(bytes)),
            };
            let below = edges[..n].partition_point(|&edge| integer_order(v, edge).is_ge());
            *slot = (below + usize::from(integer_order(v, edges[n]).is_gt())) as u32;
        }
    }

    /// The most bytes that the edges and what finds a bin among them take, shared by all clones.
    pub fn bytes(&self) -> u64 {
        self.0.values.len() as u64 * 8 + Finder::most_bytes(self.bins())
    }
}

impl PartialEq for Edges {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.scale == other.0.scale
                && self.0.values.len() == other.0.values.len()
                && self.0.values.iter().zip(&other.0.values).all(|(a, b)| a.to_bits() == b.to_bits()))
    }
}
impl Eq for Edges {}

impl Hash for Edges {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.scale.hash(state);
        self.0.values.len().hash(state);
        self.0.values.iter().for_each(|v| v.to_bits().hash(state));
    }
}

impl std::fmt::Debug for Edges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let v = &self.0.values;
        write!(f, "{:?}({:?} to {:?}, {} bins)", self.0.scale, v[0], v[v.len() - 1], v.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_integers_are_in_the_bins_that_they_belong_to() {
        let around = [-1i64 << 54, 1 << 53, (1 << 53) + 2, 1 << 62, (1 << 62) + 1024];
        let values: Vec<i64> = around.iter().flat_map(|v| (-3..=3).map(move |d| v + d)).collect();
        let inner: Vec<f64> = around.iter().map(|&v| v as f64).collect();
        let outer = [[f64::NEG_INFINITY].as_slice(), &inner, &[f64::INFINITY]].concat();
        for (edges, below) in [(inner, 0), (outer, 1)] {
            let edges = Edges::explicit(edges).unwrap();
            assert!(edges.in_integers(DType::I64) && !edges.in_integers(DType::F64));
            let mut slots = vec![0; values.len()];
            edges.slots_in_integers(DType::I64, bytemuck::cast_slice(&values), &mut slots);
            for (&v, &slot) in values.iter().zip(&slots) {
                let reached = around.iter().filter(|e| **e <= v).count() + below;
                // The last edge belongs to its bin.
                let last = usize::from(below == 0 && v == around[4]);
                assert_eq!(slot as usize, reached - last, "{v} in {edges:?}");
            }
        }
        let near = Edges::explicit(vec![f64::NEG_INFINITY, 0.5, 9e15]).unwrap();
        assert!(
            !near.in_integers(DType::U64) && Edges::explicit(vec![1e16]).unwrap().in_integers(DType::U64)
        );
    }
}
