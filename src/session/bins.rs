//! Numbers of bins that a rule chooses from the data: passes of their own, for what is made of them has a shape that
//! must be known.

use super::Session;
use crate::array::{Array, BinAxis, BinRule, Sample, Target};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::Value;
use crate::ops::histogram::{Bins, Edges, MAX_AXIS_BINS};

/// Up to so many bins Stone's rule looks at least.
const STONE_LEAST: u64 = 100;
/// The most histograms that it compares, and how many of them in one pass.
const STONE_MOST: u64 = 1000;
const STONE_AT_ONCE: u64 = 50;

impl Session {
    /// The bins that a rule chooses for a histogram of `values`, as `numpy.histogram_bin_edges(values, bins=rule,
    /// range)`: equal ones over the range that is given, else over that of the data. Only elements in the range, and
    /// where the mask is true, have a say; NaN has none. Runs what the rule asks for: one pass over the data, for `fd`
    /// and `auto` those of a quantile, for `doane` two, for `stone` one for each 50 histograms that it compares.
    ///
    /// ```
    /// use chunkwise::{Array, BinRule, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let x = Array::arange(0.0, 1000.0, 1.0);
    /// let bins = session.bin_axis(&x, BinRule::Auto, None, None)?;
    /// assert_eq!(session.compute_histogram(&x.histogram(bins))?.counts().len(), 11);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The number is NumPy's for the data as float64 (NumPy computes with float32 for float32 data). Standard
    /// deviation, skewness and quartiles are exact and rounded once, NumPy's are not: where a width divides the range
    /// nearly into whole bins, there may be one more or less. Bins of integers are at least 1 wide.
    ///
    /// # Errors
    /// `Value` for a range that cannot be, data with infinities and no range, and more bins than an axis may have;
    /// `Unsupported` for `stone` of more than a million elements, as it compares √n histograms; anything that
    /// computing can meet.
    pub fn bin_axis(
        &self,
        values: &Array,
        rule: BinRule,
        range: Option<(f64, f64)>,
        mask: Option<&Array>,
    ) -> Result<BinAxis> {
        let ends = |edges: Edges| (edges.values()[0], edges.values()[1]);
        let within = range.map(|(low, high)| Edges::uniform(low, high, 1).map(ends)).transpose()?;
        let sample = Sample::new(values, within, mask)?;
        let none = values.shape()?.contains(&0);
        let width = if none { Array::scalar(0.0) } else { sample.width(rule) };
        let found = self.numbers(&[&sample.low, &sample.high, &sample.size, &sample.ptp, &width])?;
        let [low, high, size, ptp, mut width] = found[..] else {
            return Err(Error::new(ErrorKind::Internal, "a rule for bins lacks a number"));
        };
        let (low, high) = match within {
            Some(ends) => ends,
            None => ends(Bins::Auto { bins: 1, log: false }.resolve(low, high)?),
        };
        if rule == BinRule::Stone && size > 1.0 && ptp > 0.0 {
            width = ptp / self.stone(values, &sample.counted, (low, high), size, ptp)? as f64;
        }
        if size == 0.0 || width == 0.0 {
            return Ok(BinAxis::Uniform { bins: 1, low, high });
        }
        if !values.dtype()?.is_float() {
            width = width.max(1.0);
        }
        let bins = ((high - low) / width).ceil();
        if bins.is_nan() || bins > MAX_AXIS_BINS as f64 {
            let message = format!("the rule '{}' wants {bins} bins, more than an axis may have", rule.name());
            return Err(Error::new(ErrorKind::Value, message).hint("give a number of bins, or a range"));
        }
        Ok(BinAxis::Uniform { bins: bins.max(1.0) as u64, low, high })
    }

    /// How many bins Stone's rule finds best.
    fn stone(
        &self,
        values: &Array,
        counted: &Array,
        (low, high): (f64, f64),
        size: f64,
        ptp: f64,
    ) -> Result<u64> {
        let most = STONE_LEAST.max(size.sqrt() as u64);
        if most > STONE_MOST {
            let message = format!(
                "stone's rule compares as many histograms as the square root of the number of elements, {most} here"
            );
            let e = Error::new(ErrorKind::Unsupported, message);
            return Err(
                e.hint("it takes a million elements at most; choose another rule, or a part of the data")
            );
        }
        let mut best = (f64::INFINITY, 1);
        for first in (1..=most).step_by(STONE_AT_ONCE as usize) {
            let tried = first..(first + STONE_AT_ONCE).min(most + 1);
            let all: Vec<_> = tried
                .clone()
                .map(|bins| values.histogram(BinAxis::Uniform { bins, low, high }).mask(counted))
                .collect();
            let targets: Vec<&dyn Target> = all.iter().map(|h| h as &dyn Target).collect();
            for (bins, value) in tried.zip(&self.run(&targets)?.values) {
                let share = |&n: &u64| (n as f64 / size) * (n as f64 / size);
                let squares: f64 = value.as_histogram()?.counts().iter().map(share).sum();
                let error = (2.0 - (size + 1.0) * squares) / (ptp / bins as f64);
                if error < best.0 {
                    best = (error, bins);
                }
            }
        }
        Ok(best.1)
    }

    /// The values of arrays of rank 0, as float64.
    fn numbers(&self, arrays: &[&Array]) -> Result<Vec<f64>> {
        let all: Vec<Array> = arrays.iter().map(|a| a.cast(DType::F64)).collect();
        let targets: Vec<&dyn Target> = all.iter().map(|a| a as &dyn Target).collect();
        let number = |value: &Value| value.as_array()?.item::<f64>();
        self.run(&targets)?.values.iter().map(number).collect()
    }
}
