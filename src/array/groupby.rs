//! Reductions by group: by labels, or by the bins of a histogram.

use super::reduce::{Prepared, prepare_grouped};
use super::{Array, Binned, Draft, Index, Over, Quantiles};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Origin;
use crate::ops::fold::{By, EdgesFold, Grouped, Landing, SharedFold};
use crate::ops::histogram::Bins;
use crate::ops::labels::Labels;
use crate::ops::quantiles::Method;
use crate::ops::reduce::Reduction;
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

impl Array {
    /// A reduction once per group, as `flox.groupby_reduce`: elements with one label are a group. The result
    /// has the axes that are kept, then one of the groups, in the order of `expected`.
    ///
    /// `labels` broadcast to the values; where there is one axis over which is reduced, labels of one axis go
    /// along it. Elements whose label is not expected, NaN among them, are left out, and the report says how
    /// many. A group without elements has what the reduction has for none, and NaN for an extreme.
    ///
    /// ```
    /// use chunkwise::{Array, Labels, Over, Reduction, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::from_ndarray(array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// let month = Array::from_ndarray(array![1, 2, 1]);
    /// let expected = Labels::integers(&[1, 2])?;
    /// let mean = x.groupby_reduce(&month, &expected, Reduction::Mean, Over::axis(1));
    /// assert_eq!(Session::new()?.compute(&mean)?.as_slice::<f64>()?, [2.0, 2.0, 5.0, 5.0]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn groupby_reduce(
        &self,
        labels: &Array,
        expected: &Labels,
        reduction: Reduction,
        over: Over,
    ) -> Array {
        let draft = || {
            let Prepared { spec, reduced, shape, inputs } =
                prepare_grouped(self, &[labels], reduction, &over)?;
            let by = By::Labels { expected: expected.clone(), dtype: labels.dtype()? };
            let fold = Grouped::new(spec, by, Landing::over(&reduced))?;
            Ok(Draft::fold(SharedFold::new(fold), &shape, inputs))
        };
        Array::from_draft("groupby_reduce", draft(), Location::caller())
    }
}

/// Medians and quantiles by group: exact, by NumPy's methods. All elements of one place on the kept axes are held at
/// once, 16 bytes for each and 24 with weights. With a list of quantiles their axis comes first. A group of floats
/// without elements has NaN.
impl Array {
    /// The median once per group, as `flox.groupby_reduce(…, func="median")`; labels and axes as in
    /// [`Array::groupby_reduce`].
    ///
    /// ```
    /// use chunkwise::{Array, Labels, Over, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::from_ndarray(array![5.0, 1.0, 2.0, 3.0]);
    /// let halo = Array::from_ndarray(array![7, 7, 9, 9]);
    /// let median = x.groupby_median(&halo, &Labels::integers(&[7, 9])?, Over::all());
    /// assert_eq!(Session::new()?.compute(&median)?.as_slice::<f64>()?, [3.0, 2.5]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn groupby_median(&self, labels: &Array, expected: &Labels, over: Over) -> Array {
        let asked = self.asked_median(false);
        self.in_order("median", asked, &over, Some((labels, expected)), Location::caller())
    }

    /// As [`Array::groupby_median`], of what is not NaN.
    #[track_caller]
    pub fn groupby_nanmedian(&self, labels: &Array, expected: &Labels, over: Over) -> Array {
        let asked = self.asked_median(true);
        self.in_order("nanmedian", asked, &over, Some((labels, expected)), Location::caller())
    }

    /// Quantiles once per group, as [`Array::quantile_with`] and [`Array::groupby_reduce`].
    #[track_caller]
    pub fn groupby_quantile(
        &self,
        labels: &Array,
        expected: &Labels,
        q: impl Into<Quantiles>,
        method: Method,
        over: Over,
    ) -> Array {
        let asked = self.asked_quantiles(q.into(), method, false);
        self.in_order("quantile", asked, &over, Some((labels, expected)), Location::caller())
    }

    /// As [`Array::groupby_quantile`], of what is not NaN.
    #[track_caller]
    pub fn groupby_nanquantile(
        &self,
        labels: &Array,
        expected: &Labels,
        q: impl Into<Quantiles>,
        method: Method,
        over: Over,
    ) -> Array {
        let asked = self.asked_quantiles(q.into(), method, true);
        self.in_order("nanquantile", asked, &over, Some((labels, expected)), Location::caller())
    }
}

impl Binned {
    /// A profile: a reduction of `values` once per bin of this histogram, as `scipy.stats.binned_statistic_dd` and
    /// yt's profiles. The result has the shape of the bins, after the axes that are kept ([`Binned::along`]). The
    /// histogram's mask holds here too; its weights are those of `average`.
    ///
    /// ```
    /// use chunkwise::{Array, BinAxis, Reduction, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let radius = Array::from_ndarray(array![0.1, 0.2, 1.5, 1.9, 7.0]);
    /// let density = Array::from_ndarray(array![4.0, 2.0, 1.0, 3.0, 9.0]);
    /// let bins = radius.histogram(BinAxis::Uniform { bins: 2, low: 0.0, high: 2.0 });
    /// let profile = bins.reduce(&density, Reduction::Mean);
    /// assert_eq!(Session::new()?.compute(&profile)?.as_slice::<f64>()?, [3.0, 2.0]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn reduce(&self, values: &Array, reduction: Reduction) -> Array {
        let at = Location::caller();
        let draft = || -> Result<Draft> {
            let (bins, bounds) = self.bins()?;
            let by: Vec<&Array> = self.coordinates().collect();
            let mut over = self.over();
            if let Some(mask) = self.mask_array() {
                over = over.mask(mask);
            }
            if let (Some(weights), true) = (self.weights_array(), reduction.row().inputs == 2) {
                over = over.weights(weights);
            }
            let shape = self.shape()?;
            let Prepared { spec, reduced, shape, mut inputs } =
                prepare_grouped(&values.broadcast_to(&shape), &by, reduction, &over)?;
            for bound in bounds {
                inputs.push(bound.node()?.clone());
            }
            let dtypes = by.iter().map(|a| a.dtype()).collect::<Result<_>>()?;
            let fold = Grouped::new(spec, By::Bins { bins, dtypes }, Landing::over(&reduced))?;
            Ok(Draft::fold(SharedFold::new(fold), &shape, inputs))
        };
        let built = draft()
            .map_err(|e| Arc::new(e.at("operation", reduction.name()).at("at", Origin::Rust(at))))
            .and_then(|d| d.finish(Origin::Rust(at)));
        Array { built }
    }

    /// The sum of the weights in each bin, exact and rounded once to their dtype, as an array of the shape of the
    /// bins: what `numpy.histogram` gives with weights. Without any, it is [`Binned::counts`].
    #[track_caller]
    pub fn sums(&self) -> Array {
        match self.weights_array() {
            Some(weights) => self.reduce(weights, Reduction::Sum),
            None => self.counts(),
        }
    }

    /// The probability density in each bin, float64, as `density=True` gives: the count or the sum of weights over
    /// the width of the bin, and over all of them that lie in a bin, so that the integral is 1 (for each place on the
    /// axes that are kept). NaN if none does.
    ///
    /// ```
    /// use chunkwise::{Array, BinAxis, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange(0.0, 8.0, 1.0);
    /// let density = x.histogram(BinAxis::Edges(vec![0.0, 2.0, 8.0])).density();
    /// assert_eq!(Session::new()?.compute(&density)?.as_slice::<f64>()?, [0.125, 0.125]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn density(&self) -> Array {
        let sums = self.sums();
        let dimensions = self.coordinates().count();
        let mut density = sums.cast(DType::F64);
        for d in 0..dimensions {
            let edges = self.edges(d);
            let widths = edges.index([Index::from(1..)]) - edges.index([Index::from(..-1)]);
            let mut along = vec![Index::NewAxis; dimensions];
            along[d] = Index::ALL;
            density = density / widths.index(along);
        }
        let own: Vec<i64> = (1..=dimensions as i64).map(|d| -d).collect();
        density / sums.sum_with(Over::axes(own).keepdims()).cast(DType::F64)
    }

    /// The edges along a dimension, float64, one more than there are bins, as `numpy.histogram_bin_edges`: the
    /// very ones that the histogram uses.
    ///
    /// ```
    /// use chunkwise::{Array, BinAxis, Index, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let h = Array::arange(0.0, 9.0, 1.0).histogram(BinAxis::Auto(4));
    /// let edges = h.edges(0);
    /// let widths = edges.index([Index::from(1..)]) - edges.index([Index::from(..-1)]);
    /// let density = h.counts() / (widths * 9.0);
    /// assert_eq!(Session::new()?.compute(&density.index([Index::At(0)]))?.item::<f64>()?, 2.0 / 18.0);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn edges(&self, dimension: usize) -> Array {
        let draft = self.bins().and_then(|(bins, bounds)| edges(&bins, &bounds, dimension));
        Array::from_draft("edges", draft, Location::caller())
    }

    /// How many elements lie in each bin, int64, as an array of the shape of the bins: what
    /// `numpy.histogram` gives without weights.
    #[track_caller]
    pub fn counts(&self) -> Array {
        self.reduce(&Array::scalar(true), Reduction::Sum)
    }
}

/// The edges along a dimension, with the bounds of the dimensions whose range is automatic, two each.
///
/// # Errors
/// `Index` if there is no such dimension.
pub(super) fn edges(bins: &[Bins], bounds: &[Array], dimension: usize) -> Result<Draft> {
    let Some(chosen) = bins.get(dimension) else {
        let message = format!("a histogram of {} dimensions has no dimension {dimension}", bins.len());
        return Err(Error::new(ErrorKind::Index, message));
    };
    let before = bins[..dimension].iter().filter(|b| b.needs_range()).count();
    let bounds = bounds.iter().skip(2 * before).take(if chosen.needs_range() { 2 } else { 0 });
    let mut inputs = SmallVec::new();
    for array in std::iter::once(&Array::scalar(true)).chain(bounds) {
        inputs.push(array.node()?.clone());
    }
    Ok(Draft::fold(SharedFold::new(EdgesFold::new(chosen.clone(), 0)), &[], inputs))
}
