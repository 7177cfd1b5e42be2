//! Functions that are no rows of the library's tables of operations and reductions: one row each.

mod arrange;
mod creation;
mod cumulative;
mod dates;
mod derived;
mod dtypes;
mod labelled;
mod likes;
mod lookup;
mod matrices;
mod pieces;
mod random;
mod resample;
mod row;
mod sets;
mod stencil;
mod texts;

pub use row::Function;

use super::args::{Args, cast, in_dtype};
use super::binned::{self, profile};
use super::catalogue::Kind;
use super::chosen;
use super::cx::Cx;
use super::ordered;
use super::selected::values_over;
use super::skipna;
use super::value::Val;
use crate::{Array, Result, concatenate, stack};
use creation::{arange, filled, full, linspace};
use cumulative::{cumulative, from_initial, top};
use lookup::{digitize, interp, isin, searchsorted};
use row::functions;
use stencil::{convolve, gradient, pad};

/// All rows.
pub fn all() -> impl Iterator<Item = &'static Function> {
    [
        FUNCTIONS,
        arrange::FUNCTIONS,
        dates::FUNCTIONS,
        derived::FUNCTIONS,
        dtypes::FUNCTIONS,
        labelled::FUNCTIONS,
        likes::FUNCTIONS,
        matrices::FUNCTIONS,
        pieces::FUNCTIONS,
        random::FUNCTIONS,
        resample::FUNCTIONS,
        sets::FUNCTIONS,
        texts::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// The first part of the table. A row is its documentation, the part of the catalogue in which it is listed, NumPy's signature, other names, the
/// operator, an example, and what it does.
static FUNCTIONS: &[Function] = functions! {
    /// An array of nested lists of numbers.
    Creation "array(object, dtype=None)" eg "array([[1, 2.5], [3, 4]])" = |cx, mut a| {
        let x = a.array(cx, "object")?;
        Ok(Val::Array(in_dtype(x, a.dtype(cx)?)))
    };
    /// Numbers from start to before stop, step apart; from 0 if only one end is given.
    Creation "arange(start, stop=None, step=1, dtype=None)" eg "arange(2, 10, 3)" = arange;
    /// Evenly spaced numbers from start to stop, both among them; with endpoint=False stop is not.
    Creation "linspace(start, stop, num=50, endpoint=True, *, dtype=None)" eg "linspace(0, 1, 5)" = linspace;
    /// Zeros.
    Creation "zeros(shape, dtype=float64)" eg "zeros((2, 3))" = |cx, a| filled(cx, a, Array::zeros);
    /// Ones.
    Creation "ones(shape, dtype=float64)" eg "ones(3, dtype=int32)" = |cx, a| filled(cx, a, Array::ones);
    /// One value everywhere.
    Creation "full(shape, fill_value, dtype=None)" eg "full((2, 2), 7)" = full;

    /// The real part. Numbers that are not complex are it themselves.
    Elementwise "real(val)" eg "real([1.5, -2])" = |cx, mut a| Ok(Val::Array(a.array(cx, "val")?));
    /// The imaginary part. Numbers that are not complex have zeros.
    Elementwise "imag(val)" eg "imag([1.5, -2])" = |cx, mut a| {
        let x = a.array(cx, "val")?;
        Ok(Val::Array(Array::zeros(x.shape()?, x.dtype()?)))
    };
    /// The angle of complex numbers in radians. Those that are not complex have 0 or, below 0, pi.
    Elementwise "angle(z)" eg "angle([1.5, -2])" = |cx, mut a| {
        let x = a.array(cx, "z")?;
        Ok(Val::Array(Array::zeros(x.shape()?, x.dtype()?).arctan2(x)))
    };

    /// The elements in another dtype.
    Shape "astype(x, dtype)" eg "astype(array([1.7, -2.2]), int32)" = |cx, mut a| {
        let dtype = a.need(cx, "dtype")?.dtype(cx)?;
        cast(cx, a.need(cx, "x")?, dtype)
    };
    /// The same elements in another shape; one length may be -1.
    Shape "reshape(a, shape)" eg "reshape(arange(6), (2, -1))" spreads = |cx, mut a| {
        let shape = a.need(cx, "shape")?.ints(cx, "shape")?;
        Ok(Val::Array(a.array(cx, "a")?.reshape(&shape)))
    };
    /// All elements along one axis.
    Shape "ravel(a)" | "flatten" eg "ravel([[1, 2], [3, 4]])" = |cx, mut a| Ok(Val::Array(a.array(cx, "a")?.ravel()));
    /// The axes in another order, reversed if none is given.
    Shape "transpose(a, axes=None)" | "permute_dims"
        eg "transpose([[1, 2, 3], [4, 5, 6]])" spreads = |cx, mut a| {
        let axes = a.take("axes").map(|i| i.ints(cx, "axes")).transpose()?;
        let x = a.array(cx, "a")?;
        Ok(Val::Array(match axes {
            Some(axes) => x.transpose(&axes),
            None => x.t(),
        }))
    };
    /// With a new axis of length one.
    Shape "expand_dims(a, axis)" eg "expand_dims([1, 2], 1)" = |cx, mut a| {
        let axis = a.need(cx, "axis")?.int(cx, "axis")?;
        Ok(Val::Array(a.array(cx, "a")?.expand_dims(axis)))
    };
    /// Without axes of length one.
    Shape "squeeze(a, axis=None)" eg "squeeze([[1, 2]])" = |cx, mut a| {
        let axes = a.take("axis").map(|i| i.ints(cx, "axis")).transpose()?.unwrap_or_default();
        Ok(Val::Array(a.array(cx, "a")?.squeeze(&axes)))
    };
    /// The array as often as it fits into a larger shape.
    Shape "broadcast_to(array, shape)" eg "broadcast_to([1, 2], (3, 2))" = |cx, mut a| {
        let shape = a.need(cx, "shape")?.shape(cx, "shape")?;
        Ok(Val::Array(a.array(cx, "array")?.broadcast_to(&shape)))
    };
    /// Arrays one after the other along an axis that they have.
    Shape "concatenate(arrays, axis=0)" | "concat"
        eg "concatenate([[1, 2], [3]])" = |cx, a| join(cx, a, concatenate);
    /// Arrays of one shape beside each other along a new axis.
    Shape "stack(arrays, axis=0)" eg "stack([[1, 2], [3, 4]], axis=1)" = |cx, a| join(cx, a, stack);

    /// The array with a border: constant, edge, symmetric, reflect or wrap.
    Neighbours "pad(array, pad_width, mode='constant', *, constant_values=0)"
        eg "pad([1, 2, 3], 2, 'edge')" = pad;
    /// The slope along an axis by central differences, one-sided at both ends.
    Neighbours "gradient(f, spacing=1, *, axis=None, edge_order=1)" eg "gradient([1, 4, 9, 16])" = gradient;
    /// The convolution of two sequences, in the shapes 'full', 'same' or 'valid'.
    Neighbours "convolve(a, v, mode='full')" eg "convolve([1, 2, 3], [0, 1, 0.5])" = convolve;

    /// The product of matrices, of stacks of them and of vectors.
    Product "matmul(x1, x2)" ["@"]
        eg "matmul([[1, 2], [3, 4]], [1, 1])" =
            |cx, mut a| Ok(Val::Array(a.array(cx, "x1")?.matmul(&a.array(cx, "x2")?)));
    /// The sum of products over the last axis of a and the last but one of b.
    Product "dot(a, b)"
        eg "dot([1, 2, 3], [4, 5, 6])" = |cx, mut a| Ok(Val::Array(a.array(cx, "a")?.dot(&a.array(cx, "b")?)));

    /// The elements at a list of indices along an axis, of all elements in a row if none is given.
    Choice "take(a, indices, axis=None)" eg "take([10, 20, 30], [2, 0])" = chosen::take;
    /// The elements along an axis for which a condition holds.
    Choice "compress(condition, a, axis=None)"
        eg "compress([True, False, True], [10, 20, 30])" = chosen::compress;
    /// The elements for which a condition holds, in a row.
    Choice "extract(condition, arr)"
        eg "extract([[True, False], [False, True]], [[1, 2], [3, 4]])" = chosen::extract;
    /// The indices, among all elements in a row, of those that are not zero.
    Choice "flatnonzero(a)" eg "flatnonzero([[0, 3], [4, 0]])" = chosen::flatnonzero;
    /// For each axis, the indices of the elements that are not zero.
    Choice "nonzero(a)" eg "nonzero([[0, 3], [4, 0]])[1]" = chosen::nonzero;
    /// The indices of the elements that are not zero, a row for each.
    Choice "argwhere(a)" eg "argwhere([[0, 3], [4, 0]])" = chosen::argwhere;

    /// The k largest elements along an axis, the largest first; for k < 0 the smallest ones.
    Order "topk(a, k, axis=-1)" eg "topk([3, 1, 2], 2)" = |cx, a| top(cx, a, Array::topk);
    /// The indices of the k largest elements along an axis; for k < 0 of the smallest ones.
    Order "argtopk(a, k, axis=-1)" eg "argtopk([3, 1, 2], 2)" = |cx, a| top(cx, a, Array::argtopk);
    /// The middle element in order, or the mean of the two.
    Order "median(a, axis=None, *, keepdims=False, where=True)"
        eg "median([7, 1, 3, 2])" = |cx, a| ordered::median(cx, a, Array::median_with);
    /// The median, NaN passed over.
    Order "nanmedian(a, axis=None, *, keepdims=False, where=True)"
        eg "nanmedian([7, nan, 3])" = |cx, a| ordered::median(cx, a, Array::nanmedian_with);
    /// The value below which the share q (0 to 1) of the elements lies, by any of NumPy's methods. Weights go
    /// with method='inverted_cdf'.
    Order "quantile(a, q, axis=None, *, method='linear', keepdims=False, weights=None, where=True)"
        eg "quantile([7, 1, 3, 2], [0.25, 0.5])" = |cx, a| ordered::quantile(cx, a, Array::quantile_with);
    /// The quantile, NaN passed over.
    Order "nanquantile(a, q, axis=None, *, method='linear', keepdims=False, weights=None, where=True)"
        eg "nanquantile([7, nan, 3, 2], 0.75)" = |cx, a| ordered::quantile(cx, a, Array::nanquantile_with);
    /// The value below which q percent of the elements lie, by any of NumPy's methods. Weights go with
    /// method='inverted_cdf'.
    Order "percentile(a, q, axis=None, *, method='linear', keepdims=False, weights=None, where=True)"
        eg "percentile([7, 1, 3, 2], 90)" = |cx, a| ordered::quantile(cx, a, Array::percentile_with);
    /// The percentile, NaN passed over.
    Order "nanpercentile(a, q, axis=None, *, method='linear', keepdims=False, weights=None, where=True)"
        eg "nanpercentile([7, nan, 3, 2], 50)" = |cx, a| ordered::quantile(cx, a, Array::nanpercentile_with);
    /// The largest element less the smallest.
    Order "ptp(a, axis=None, *, keepdims=False)" eg "ptp([[4, 9], [2, 3]], axis=0)" = |cx, mut a| {
        let skips = a.slots.first().and_then(|(_, x)| x.as_ref()).map(|x| skipna::skips(cx, x)).transpose()?;
        let (x, over) = values_over(cx, &mut a, "a")?;
        Ok(Val::Array(match skips {
            Some(true) => x.nanmax_with(over.clone()) - x.nanmin_with(over),
            _ => x.ptp_with(over),
        }))
    };

    /// Where elements v would be inserted into an ascending list a, left or right of equal ones. The list is computed
    /// first.
    Order "searchsorted(a, v, side='left')" eg "searchsorted([1, 3, 3, 7], [0, 3, 9])" = searchsorted;
    /// The number of the bin of each element; bins is a list of ascending or descending edges, computed first.
    Order "digitize(x, bins, right=False)" eg "digitize([0.2, 6.4, 3.0], [0, 1, 3, 10])" = digitize;
    /// Whether each element is one of a list, which is computed first.
    Order "isin(element, test_elements, *, invert=False)" eg "isin([0, 2, 4, 6], [2, 6, 7])" = isin;
    /// The values at x of the straight lines through the points (xp, fp), which are computed first.
    Order "interp(x, xp, fp, left=None, right=None, period=None)" eg "interp([0, 1.5, 4], [1, 2, 3], [3, 2, 0])" = interp;

    /// The sum of each element and those before it along an axis.
    Cumulative "cumsum(a, axis=None, dtype=None)"
        eg "cumsum([1, 2, 3])" = |cx, a| cumulative(cx, a, Array::cumsum_with);
    /// The product of each element and those before it along an axis.
    Cumulative "cumprod(a, axis=None, dtype=None)"
        eg "cumprod([[1, 2], [3, 4]], axis=0)" = |cx, a| cumulative(cx, a, Array::cumprod_with);
    /// The cumulative sum, NaN passed over.
    Cumulative "nancumsum(a, axis=None, dtype=None)"
        eg "nancumsum([1, nan, 3])" = |cx, a| cumulative(cx, a, Array::nancumsum_with);
    /// The cumulative product, NaN passed over.
    Cumulative "nancumprod(a, axis=None, dtype=None)"
        eg "nancumprod([2, nan, 3])" = |cx, a| cumulative(cx, a, Array::nancumprod_with);
    /// The greatest of each element and those before it along an axis, as numpy.maximum.accumulate.
    Cumulative "cummax(a, axis=None)" eg "cummax([1, 3, 2])" = |cx, a| cumulative(cx, a, Array::cummax_with);
    /// The least of each element and those before it along an axis, as numpy.minimum.accumulate.
    Cumulative "cummin(a, axis=None)" eg "cummin([3, 1, 2])" = |cx, a| cumulative(cx, a, Array::cummin_with);
    /// The cumulative sum, which may begin with the sum of nothing.
    Cumulative "cumulative_sum(x, *, axis=None, dtype=None, include_initial=False)"
        eg "cumulative_sum([1, 2], include_initial=True)" = |cx, a| from_initial(cx, a, Array::cumulative_sum);
    /// The cumulative product, which may begin with the product of nothing.
    Cumulative "cumulative_prod(x, *, axis=None, dtype=None, include_initial=False)"
        eg "cumulative_prod([2, 3], include_initial=True)" =
            |cx, a| from_initial(cx, a, Array::cumulative_prod);

    /// A reduction, median or quantile of each group of elements, in the order of the labels. As
    /// flox.groupby_reduce: the groups are the last axis, and their labels unique(by), or what is expected. Several keys
    /// [a, b] have an axis each.
    Group "groupby_reduce(array, by, func='sum', expected=None, axis=None, *, where=True, weights=None, \
        q=None, method='linear')"
        eg "groupby_reduce([1, 2, 3, 4], [0, 1, 0, 1], 'mean')" = ordered::groupby_reduce;

    /// How many values lie in each bin: a number of bins, a list of edges, or a rule ('auto').
    Histogram "histogram(a, bins=10, range=None, density=False, weights=None, *, where=True, log=False, \
        axis=None)"
        eg "histogram([1, 2, 2, 3.5], bins=3, range=(1, 4), density=True)" = |cx, mut a| {
        let x = a.need(cx, "a")?;
        binned::histogram(cx, a, vec![x])
    };
    /// How many points lie in each bin of two dimensions.
    Histogram "histogram2d(x, y, bins=10, range=None, density=False, weights=None, *, where=True, \
        log=False, axis=None)"
        eg "histogram2d([0, 1, 1], [0, 1, 1], bins=2, density=True)" = |cx, mut a| {
        let axes = vec![a.need(cx, "x")?, a.need(cx, "y")?];
        binned::histogram(cx, a, axes)
    };
    /// How many points lie in each bin of one to three dimensions; sample is a tuple of arrays.
    Histogram "histogramdd(sample, bins=10, range=None, density=False, weights=None, *, where=True, \
        log=False, axis=None)"
        eg "histogramdd(([0, 1, 1], [0, 1, 1]), bins=(1, 2), density=True)" = |cx, mut a| {
        let axes = a.need(cx, "sample")?.items(cx, "sample", "a tuple of one to three arrays")?;
        binned::histogram(cx, a, axes)
    };
    /// The edges of the bins that histogram makes.
    Histogram "histogram_bin_edges(a, bins=10, range=None, weights=None, *, where=True, log=False)"
        eg "histogram_bin_edges([0, 1, 2, 3], bins='auto')" = |cx, mut a| {
        let x = a.need(cx, "a")?;
        Ok(Val::Array(binned::bins(cx, a, vec![x])?.0.edges(0)))
    };
    /// A reduction or the median of values in the bins of x, as scipy.stats.binned_statistic: a profile.
    Histogram "binned_statistic(x, values, statistic='mean', bins=10, range=None, *, weights=None, \
        where=True, log=False, axis=None)"
        eg "binned_statistic([1, 2, 3, 4], [10, 20, 30, 40], 'mean', bins=2)" = |cx, mut a| {
        let x = a.need(cx, "x")?;
        profile(cx, a, vec![x])
    };
    /// A reduction or the median of values in the bins of x and y, as scipy.stats.binned_statistic_2d.
    Histogram "binned_statistic_2d(x, y, values, statistic='mean', bins=10, range=None, *, weights=None, \
        where=True, log=False, axis=None)"
        eg "binned_statistic_2d([0, 1, 1], [0, 1, 1], [5.0, 6, 8], 'sum', bins=2)" = |cx, mut a| {
        let axes = vec![a.need(cx, "x")?, a.need(cx, "y")?];
        profile(cx, a, axes)
    };
};

fn join(cx: &Cx, mut a: Args, f: fn(&[Array], i64) -> Array) -> Result<Val> {
    let axis = a.take("axis").map(|i| i.int(cx, "axis")).transpose()?.unwrap_or(0);
    let items = a.need(cx, "arrays")?.items(cx, "arrays", "a tuple of arrays")?;
    let arrays = items.into_iter().map(|i| i.array(cx, "arrays")).collect::<Result<Vec<_>>>()?;
    Ok(Val::Array(f(&arrays, axis)))
}
