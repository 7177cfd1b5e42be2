//! Names that are not there: what was meant, or what to write in their place.

use super::super::typo::did_you_mean;
use super::functions;

/// Functions of NumPy, and common ones of SciPy, pandas and xarray, that are not there and are a short expression; of
/// `x` and `y`, two arrays, and `i`, labels.
const WAYS: &[(&str, &str)] = &[
    ("argpartition", "argtopk(x, -x.shape[-1])"),
    ("array_equiv", "all(x == y)"),
    ("asanyarray", "array(x)"),
    ("asarray", "array(x)"),
    ("ascontiguousarray", "array(x)"),
    ("avg", "mean(x)"),
    ("bincount", "groupby_reduce(ones(i.shape, dtype=int64), i, 'sum', arange(10))"),
    ("choose", "where(x < 0, -1, where(x > 0, 1, 0))"),
    ("copy", "+x"),
    ("corr", "mean((x - mean(x)) * (y - mean(y))) / (std(x) * std(y))"),
    ("count", "count_nonzero(~isnan(x))"),
    ("cummean", "cumsum(x) / arange(1, x.size + 1)"),
    ("dropna", "x[~isnan(x)]"),
    ("empty", "zeros((2, 3))"),
    ("empty_like", "zeros(x.shape, dtype=x.dtype)"),
    ("exp10", "10 ** x"),
    ("fabs", "absolute(float64(x))"),
    ("fill", "full(x.shape, 7)"),
    ("fillna", "where(isnan(x), 0, x)"),
    ("first", "x[0]"),
    ("full_like", "full(x.shape, 7, dtype=x.dtype)"),
    ("geomspace", "10 ** linspace(0, 3, 4)"),
    ("groupby", "groupby_reduce(x, i, 'mean', axis=0)"),
    ("hist", "histogram(x, bins=10)"),
    ("hist2d", "histogram2d(x, y, bins=10)"),
    ("idxmax", "argmax(x)"),
    ("idxmin", "argmin(x)"),
    ("iqr", "percentile(x, 75) - percentile(x, 25)"),
    ("isna", "isnan(x)"),
    ("isneginf", "x == -inf"),
    ("isnull", "isnan(x)"),
    ("isposinf", "x == inf"),
    ("kurtosis", "mean(((x - mean(x)) / std(x)) ** 4) - 3"),
    ("last", "x[-1]"),
    ("len", "x.shape[0]"),
    ("ln", "log(x)"),
    ("logspace", "10 ** linspace(0, 3, 4)"),
    ("mad", "median(absolute(x - median(x)))"),
    ("matrix_norm", "sqrt(sum(x ** 2))"),
    ("matrix_transpose", "transpose(x, (1, 0))"),
    ("ndim", "x.ndim"),
    ("notna", "~isnan(x)"),
    ("notnull", "~isnan(x)"),
    ("nunique", "groupby_reduce(i, i, 'min').size"),
    ("ones_like", "ones(x.shape, dtype=x.dtype)"),
    ("partition", "topk(x, -x.shape[-1])"),
    ("permute", "transpose(x, (1, 0))"),
    ("piecewise", "where(x < 0, -1, where(x > 0, 1, 0))"),
    ("profile", "binned_statistic(x, y, 'mean', bins=10)"),
    ("rms", "sqrt(mean(x ** 2))"),
    ("rollaxis", "transpose(x, (1, 0))"),
    ("rolling", "convolve(x.ravel(), ones(3) / 3, 'valid')"),
    ("sem", "std(x, ddof=1) / sqrt(x.size)"),
    ("sgn", "sign(x)"),
    ("shape", "x.shape"),
    ("size", "x.size"),
    ("skew", "mean(((x - mean(x)) / std(x)) ** 3)"),
    ("stddev", "std(x)"),
    ("stdev", "std(x)"),
    ("unique", "groupby_reduce(i, i, 'min')"),
    ("unique_counts", "groupby_reduce(ones(i.shape, dtype=int64), i, 'sum')"),
    ("unique_values", "groupby_reduce(i, i, 'min')"),
    ("unsqueeze", "expand_dims(x, 0)"),
    ("value_counts", "groupby_reduce(ones(i.shape, dtype=int64), i, 'sum')"),
    ("variance", "var(x)"),
    ("vecdot", "sum(x * y, axis=-1)"),
    ("vector_norm", "sqrt(sum(x ** 2))"),
    ("zeros_like", "zeros(x.shape, dtype=x.dtype)"),
];

/// Others that are not there. None of them is a slip for another name.
const KNOWN: &str = "\
    apply apply_along_axis apply_over_axes array2string array_repr array_str asarray_chkfinite \
    asfortranarray asmatrix bartlett base_repr binary_repr blackman block bmat broadcast_shapes \
    busday_count busday_offset byteswap can_cast cholesky common_type cond conj conjugate copyto \
    corrwith cumulative_trapezoid curve_fit cut datetime_as_string datetime_data describe det \
    diag_indices diag_indices_from diagflat dsplit dump dumps eig eigh eigvals eigvalsh einsum_path fft \
    fft2 fftfreq fftn fftshift fill_diagonal filter format_float_positional format_float_scientific \
    frexp from_dlpack frombuffer fromfile fromfunction fromiter frompyfunc fromregex fromstring \
    gaussian_filter genfromtxt get_include get_printoptions getbufsize geterr geterrcall getfield \
    hamming hanning hfft hsplit ifft ifft2 ifftn ifftshift ihfft interpolate intersect1d inv irfft \
    irfft2 irfftn is_busday iscomplex iscomplexobj isdtype isfortran isnat isreal isrealobj isscalar \
    issubdtype item iterable ix_ kaiser label lexsort load loadtxt lstsq map mask_indices matrix_power \
    matrix_rank matvec may_share_memory median_filter min_scalar_type mintypecode mode multi_dot \
    nested_iters packbits pct_change pinv place poly polyadd polyder polydiv polyfit polyint polymul \
    polysub polyval print printoptions promote_types put put_along_axis putmask qcut qr quad range rank \
    ravel_multi_index real_if_close require resample resize result_type rfft rfft2 rfftfreq rfftn roots \
    save savetxt savez savez_compressed set_printoptions setbufsize setdiff1d seterr seterrcall setfield \
    setflags setxor1d shares_memory shift show_config show_runtime simpson slogdet solve sort_complex \
    svd svdvals take_along_axis tensorinv tensorsolve to_device tobytes tofile tolist tril_indices \
    tril_indices_from trim_zeros triu_indices triu_indices_from typename uniform_filter union1d \
    unique_all unique_inverse unpackbits unstack vander vecmat view vsplit zip";

/// Where all that is there can be seen.
const SEE: &str = "`chunkwise functions` lists what there is";

/// What to say of a name that is no function: what to write in its place, which name it is likely a slip for, or where
/// all of them are listed.
///
/// ```
/// use chunkwise::expr::catalogue::missing;
/// assert_eq!(missing("rms"), "write sqrt(mean(x ** 2))");
/// assert_eq!(missing("maen"), "did you mean 'mean'?");
/// assert_eq!(missing("lexsort"), "`chunkwise functions` lists what there is");
/// ```
pub fn missing(name: &str) -> String {
    if let Some((_, way)) = WAYS.iter().find(|(n, _)| *n == name) {
        return format!("write {way}");
    }
    match KNOWN.split_whitespace().any(|known| known == name) {
        true => SEE.into(),
        false => did_you_mean(name, functions()).unwrap_or_else(|| SEE.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Array;
    use crate::expr::catalogue::{find, find_attribute};
    use crate::expr::{Expression, Scope};

    #[test]
    fn what_is_missing_is_not_there_and_its_way_is() {
        let mut scope = Scope::new();
        for name in ["x", "y"] {
            scope.define(name, Array::random(&[3, 3], name.len() as u64, crate::DType::F64));
        }
        scope.define("i", Array::arange_int(0, 3, 1));
        for (name, way) in WAYS {
            assert!(find(name).is_none() || find_attribute(name).is_some(), "{name} is there");
            Expression::parse(way).unwrap().output(&scope).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        let known: Vec<&str> = KNOWN.split_whitespace().collect();
        assert!(known.len() > 150);
        for name in known {
            assert!(find(name).is_none() && !WAYS.iter().any(|(n, _)| *n == name), "{name} is there");
        }
    }

    #[test]
    fn a_hint_is_right_or_none() {
        for name in ["lexsort", "mode", "density", "fft"] {
            assert!(!missing(name).contains("did you mean"), "{name}: {}", missing(name));
        }
        for (name, near) in
            [("meam", "mean"), ("sqr", "sqrt"), ("histogran", "histogram"), ("cumsun", "cumsum")]
        {
            assert_eq!(missing(name), format!("did you mean '{near}'?"));
        }
    }
}
