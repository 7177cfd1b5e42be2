//! Medians in the bins of a histogram.

use super::{Array, AxisBins, Binned};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::labels::{Labels, MOST};
use crate::ops::lookup::Side;
use std::panic::Location;

impl Binned {
    /// The median of `values` once per bin of this histogram, as `scipy.stats.binned_statistic_dd` has it, in the shape of
    /// [`Binned::reduce`]; NaN where there are none. `edges` are those of each dimension, as [`Binned::edges`] gives them: which
    /// bin an element is in must be known when the run is planned. `skip_nan` leaves out values that are NaN.
    ///
    /// ```
    /// use chunkwise::{Array, BinAxis, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let (x, y) = (Array::from(vec![0.0, 1.0, 1.5, 2.0]), Array::from(vec![5.0, 7.0, 9.0, 30.0]));
    /// let bins = x.histogram(BinAxis::Auto(2));
    /// let session = Session::new()?;
    /// let edges = session.compute(&bins.edges(0))?.as_slice::<f64>()?.to_vec();
    /// let median = session.compute(&bins.median(&y, &[edges], false))?;
    /// assert_eq!(median.as_slice::<f64>()?, [5.0, 9.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The array is one of an error as that of [`Binned::reduce`], and (`Value`) if there are not the edges of each dimension, or for more than
    /// 2^28 bins.
    #[track_caller]
    pub fn median(&self, values: &Array, edges: &[Vec<f64>], skip_nan: bool) -> Array {
        let at = Location::caller();
        self.medians(values, edges, skip_nan).unwrap_or_else(|e| Array::from_draft("median", Err(e), at))
    }

    #[track_caller]
    fn medians(&self, values: &Array, edges: &[Vec<f64>], skip_nan: bool) -> Result<Array> {
        let shape = self.shape()?;
        let axes: Vec<&Array> = self.coordinates().collect();
        let counts: Vec<i64> = edges.iter().map(|edges| edges.len() as i64 - 1).collect();
        if edges.len() != axes.len() || counts.iter().any(|&n| n < 1) {
            let message = format!("edges of {} dimensions for bins of {}", edges.len(), axes.len());
            return Err(Error::new(ErrorKind::Value, message));
        }
        let total = counts.iter().try_fold(1i64, |n, &count| n.checked_mul(count));
        let Some(total) = total.filter(|&n| n <= MOST as i64) else {
            let message = format!("{counts:?} bins are more than the {MOST} of which medians are taken");
            return Err(Error::new(ErrorKind::Value, message));
        };
        let (mut place, mut inside) = (Array::scalar(0i64), Array::scalar(true));
        for ((x, edges), &n) in axes.iter().zip(edges).zip(&counts) {
            let x = x.broadcast_to(&shape);
            let after = x.digitize(edges.as_slice(), Side::Left);
            // The last bin has both of its edges.
            let of_axis = x.equal(edges[edges.len() - 1]).select(n, &after) - 1i64;
            inside = inside & of_axis.greater_equal(0i64) & of_axis.less(n);
            place = place * n + of_axis;
        }
        if let Some(mask) = self.mask_array() {
            inside = inside & mask;
        }
        let labels = inside.select(place, -1i64);
        let groups = Labels::integers(&(0..total).collect::<Vec<_>>())?;
        let values = values.broadcast_to(&shape);
        let medians = match skip_nan {
            true => values.groupby_nanmedian(&labels, &groups, self.over()),
            false => values.groupby_median(&labels, &groups, self.over()),
        };
        let mut out: Vec<i64> = medians.shape()?.iter().map(|&n| n as i64).collect();
        out.pop();
        out.extend(&counts);
        let bins: Vec<AxisBins> = (0..)
            .zip(&axes)
            .map(|(d, values)| AxisBins { values: (*values).clone(), edges: self.edges(d) })
            .collect();
        medians.reshape(&out).in_bins(&bins)
    }
}
