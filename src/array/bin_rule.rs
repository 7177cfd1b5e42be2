//! Rules that choose a number of bins: NumPy's, with its formulas, of the values as float64.
//!
//! What a rule asks of the data are ordinary reductions, so that one run gives them all; only Stone's compares
//! histograms, which takes runs of its own (`session/bins.rs`).

use super::histogram::range;
use super::{Array, Over};
use crate::dtype::DType;
use crate::error::Result;

/// A rule by which a number of equal bins is chosen; NumPy's `bins="auto"` and the others of
/// `numpy.histogram_bin_edges`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BinRule {
    /// The narrower of the bins of [`BinRule::Sturges`] and [`BinRule::Fd`], which are here at least half as wide as
    /// those of [`BinRule::Sqrt`].
    Auto,
    /// Freedman and Diaconis: width 2 · (quartile 3 − quartile 1) / n^(1/3).
    Fd,
    /// Doane: as Sturges', with more bins for skewed data.
    Doane,
    /// Scott: width (24 √π / n)^(1/3) · standard deviation.
    Scott,
    /// Stone: the number of bins of least estimated integrated squared error, by leaving each element out.
    Stone,
    /// 2 · n^(1/3) bins.
    Rice,
    /// log2(n) + 1 bins.
    Sturges,
    /// √n bins.
    Sqrt,
}

impl BinRule {
    /// All of them.
    pub const ALL: [BinRule; 8] = [
        BinRule::Auto,
        BinRule::Fd,
        BinRule::Doane,
        BinRule::Scott,
        BinRule::Stone,
        BinRule::Rice,
        BinRule::Sturges,
        BinRule::Sqrt,
    ];

    /// NumPy's name.
    pub const fn name(self) -> &'static str {
        match self {
            BinRule::Auto => "auto",
            BinRule::Fd => "fd",
            BinRule::Doane => "doane",
            BinRule::Scott => "scott",
            BinRule::Stone => "stone",
            BinRule::Rice => "rice",
            BinRule::Sturges => "sturges",
            BinRule::Sqrt => "sqrt",
        }
    }

    /// The rule of NumPy's name `name`, if there is one.
    pub fn from_name(name: &str) -> Option<BinRule> {
        BinRule::ALL.into_iter().find(|r| r.name() == name)
    }
}

/// The elements that a rule looks at, and what it asks of them; each of rank 0 and float64.
pub(crate) struct Sample {
    values: Array,
    /// Which elements count.
    pub counted: Array,
    /// The smallest and the largest; +inf and −inf if there is none.
    pub low: Array,
    pub high: Array,
    /// How many there are.
    pub size: Array,
    /// Largest less smallest.
    pub ptp: Array,
    /// Whether all elements count but for NaN.
    whole: bool,
}

impl Sample {
    /// Of the elements within a range, where the mask is true; NaN is none.
    ///
    /// # Errors
    /// The error made while the array was built, or the mask.
    pub fn new(x: &Array, within: Option<(f64, f64)>, mask: Option<&Array>) -> Result<Sample> {
        let values = x.cast(DType::F64);
        let mut counted = match x.dtype()?.is_float() {
            true => values.isnan().logical_not(),
            false => Array::full(x.shape()?, true),
        };
        let whole = within.is_none() && mask.is_none();
        if let Some((low, high)) = within {
            counted = counted & values.greater_equal(low) & values.less_equal(high);
        }
        if let Some(mask) = mask {
            counted = counted & mask.cast(DType::Bool);
        }
        counted.check()?;
        let [low, high] = range(&values, Some(&counted), false);
        let size = counted.sum().cast(DType::F64);
        let ptp = &high - &low;
        Ok(Sample { values, counted, low, high, size, ptp, whole })
    }

    /// The width that a rule gives the bins, rank 0; 0 where it gives none. Stone's is not found this way.
    pub fn width(&self, rule: BinRule) -> Array {
        let Sample { size, ptp, .. } = self;
        let counted = || Over::all().mask(&self.counted);
        match rule {
            BinRule::Sqrt => ptp / size.sqrt(),
            BinRule::Sturges => ptp / (size.log2() + 1.0),
            BinRule::Rice => ptp / (size.power(1.0 / 3.0) * 2.0),
            BinRule::Scott => {
                let share = Array::scalar(24.0 * std::f64::consts::PI.sqrt()) / size;
                share.power(1.0 / 3.0) * self.values.std_with(counted())
            }
            BinRule::Doane => {
                let product = (size + 1.0) * (size + 3.0);
                let usual = ((size - 2.0) * 6.0 / product).sqrt();
                let (mean, std) = (self.values.mean_with(counted()), self.values.std_with(counted()));
                let skew = ((&self.values - mean) / &std).power(3.0).mean_with(counted());
                let more = (skew.absolute() / usual + 1.0).log2();
                let width = ptp / (size.log2() + 1.0 + more);
                (size.greater(2.0) & std.greater(0.0)).select(&width, 0.0)
            }
            BinRule::Fd => {
                let values = match self.whole {
                    true => self.values.clone(),
                    false => self.counted.select(&self.values, f64::NAN),
                };
                let quartile = |q: f64| values.nanquantile(q);
                (quartile(0.75) - quartile(0.25)) * 2.0 * size.power(-1.0 / 3.0)
            }
            BinRule::Auto => {
                let fd = self.width(BinRule::Fd);
                let least = self.width(BinRule::Sqrt) / 2.0;
                fd.maximum(&least).minimum(self.width(BinRule::Sturges))
            }
            BinRule::Stone => Array::scalar(0.0),
        }
    }
}
