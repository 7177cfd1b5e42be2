//! Names that are not there: what was meant, or what to write in their place.

use super::super::typo::did_you_mean;
use super::functions;

/// Functions of NumPy, and common ones of SciPy, pandas and xarray, that are not there and are a short expression; of
/// `x` and `y`, two arrays, and `i`, labels. What follows `, ` and `where` says what these are.
const WAYS: &[(&str, &str)] = &[
    ("avg", "mean(x)"),
    ("corr", "mean((x - mean(x)) * (y - mean(y))) / (std(x) * std(y))"),
    ("count", "count_nonzero(~isnan(x))"),
    ("cummean", "cumsum(x) / arange(1, x.size + 1)"),
    ("describe", "percentile(x, [0, 25, 50, 75, 100])"),
    ("dropna", "x[~isnan(x)]"),
    ("exp10", "10 ** x"),
    ("fill", "full(x.shape, 7)"),
    ("fillna", "where(isnan(x), 0, x)"),
    ("first", "x[0]"),
    ("groupby", "groupby_reduce(x, i, 'mean', axis=0), where i are labels: month(time), say"),
    ("head", "x[:5]"),
    ("hist", "histogram(x, bins=10)"),
    ("hist2d", "histogram2d(x, y, bins=10)"),
    ("idxmax", "argmax(x)"),
    ("idxmin", "argmin(x)"),
    ("iqr", "percentile(x, 75) - percentile(x, 25)"),
    ("isna", "isnan(x)"),
    ("kurtosis", "mean(((x - mean(x)) / std(x)) ** 4) - 3"),
    ("last", "x[-1]"),
    ("len", "x.shape[0]"),
    ("ln", "log(x)"),
    ("mad", "median(absolute(x - median(x)))"),
    ("masked_where", "where(x > 3, nan, x)"),
    ("matrix_norm", "sqrt(sum(x ** 2))"),
    ("ndim", "x.ndim"),
    ("nlargest", "topk(x, 3)"),
    ("notna", "~isnan(x)"),
    ("nsmallest", "topk(x, -3)"),
    ("nunique", "unique(x).size"),
    ("permute", "transpose(x, (1, 0))"),
    ("profile", "binned_statistic(x, y, 'mean', bins=10)"),
    ("polyfit", "cov(x[0], y[0])[0, 1] / var(x[0], ddof=1), where that is the slope of a line"),
    ("rms", "sqrt(mean(x ** 2))"),
    ("rolling", "mean(sliding_window_view(x, 3, axis=0), axis=-1), where windows leave out what is missing"),
    ("sem", "std(x, ddof=1) / sqrt(x.size)"),
    ("sgn", "sign(x)"),
    ("shape", "x.shape"),
    ("size", "x.size"),
    ("skew", "mean(((x - mean(x)) / std(x)) ** 3)"),
    ("stddev", "std(x)"),
    ("stdev", "std(x)"),
    ("tail", "x[-5:]"),
    ("timmean", "mean(x, axis=0)"),
    ("unsqueeze", "expand_dims(x, 0)"),
    ("value_counts", "unique_counts(x)"),
    ("variance", "var(x)"),
    ("vector_norm", "sqrt(sum(x ** 2))"),
    ("weighted", "average(x, weights=y)"),
    ("zonmean", "mean(x, axis=-1)"),
    ("zscore", "(x - mean(x)) / std(x)"),
];

/// Others that are not there. None of them is a slip for another name.
const KNOWN: &str = "\
    apply apply_along_axis apply_over_axes array2string array_repr array_str asarray_chkfinite \
    asmatrix base_repr binary_repr bmat busday_count busday_offset byteswap cholesky common_type \
    cond copyto corrwith cumulative_trapezoid curve_fit cut datetime_as_string datetime_data \
    det diag_indices_from dump dumps eig eigh eigvals eigvalsh einsum_path fft fft2 fftfreq fftn \
    fftshift fill_diagonal filter format_float_positional format_float_scientific from_dlpack \
    frombuffer fromfile fromfunction fromiter frompyfunc fromregex fromstring gaussian_filter \
    genfromtxt get_include get_printoptions getbufsize geterr geterrcall getfield hfft ifft ifft2 \
    ifftn ifftshift ihfft interpolate inv irfft irfft2 irfftn is_busday iscomplexobj isfortran isnat \
    isrealobj isscalar issubdtype item iterable ix_ label load loadtxt lstsq map mask_indices \
    matrix_power matrix_rank may_share_memory median_filter min_scalar_type mintypecode mode multi_dot \
    nested_iters pct_change pinv place poly polydiv \
    print printoptions put put_along_axis putmask qcut qr quad range rank require \
    resize rfft rfft2 rfftfreq rfftn roots save savetxt savez savez_compressed set_printoptions \
    setbufsize seterr seterrcall setfield setflags shares_memory shift show_config show_runtime \
    simpson slogdet solve sort_complex svd svdvals tensorinv tensorsolve to_device tobytes tofile \
    tolist typename uniform_filter view zip binary_dilation binary_erosion ewm explode griddata kmeans \
    melt pivot pivot_table savgol_filter spectrogram to_dataframe welch zoom ";

/// Where all that is there can be seen.
const SEE: &str = "`chunkwise functions` lists what there is";

/// What to say of a name that is no function: what to write in its place, which name it is likely a slip for, or where
/// all of them are listed.
///
/// ```
/// use chunkwise::expr::catalogue::missing;
/// assert_eq!(missing("rms"), "write sqrt(mean(x ** 2))");
/// assert_eq!(missing("maen"), "did you mean 'mean'?");
/// assert_eq!(missing("lstsq"), "`chunkwise functions` lists what there is");
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
            let way = way.split_once(", where").map_or(*way, |(way, _)| way);
            let way = Expression::parse(way).unwrap();
            let found = way.lower(&scope).and_then(|lowered| match way.outputs_of(&lowered, &scope)? {
                Some(several) => Ok(several.len()),
                None => way.output_of(lowered, &scope).map(|_| 1),
            });
            assert!(found.as_ref().is_ok_and(|n| *n > 0), "{name}: {found:?}");
        }
        let known: Vec<&str> = KNOWN.split_whitespace().collect();
        assert!(known.len() > 150);
        for name in known {
            assert!(find(name).is_none() && !WAYS.iter().any(|(n, _)| *n == name), "{name} is there");
        }
    }

    #[test]
    fn a_hint_is_right_or_none() {
        for name in ["lstsq", "mode", "density", "fft"] {
            assert!(!missing(name).contains("did you mean"), "{name}: {}", missing(name));
        }
        for (name, near) in
            [("meam", "mean"), ("sqr", "sqrt"), ("histogran", "histogram"), ("cumsun", "cumsum")]
        {
            assert_eq!(missing(name), format!("did you mean '{near}'?"));
        }
    }
}
