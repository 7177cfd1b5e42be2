//! Functions that are no rows of the library's tables: arrays from nothing, shapes, products,
//! histograms. One row each.

use super::args::{Args, cast, reduction, word};
use super::binned;
use super::chosen;
use super::cx::Cx;
use super::ordered;
use super::selected::values_over;
use super::value::{Item, Val};
use crate::cli::expr::Ident;
use chunkwise::{Array, Boundary, ConvolveMode, DType, Over, Reduction, Result, Weak, concatenate, stack};

/// One function.
pub struct Function {
    /// NumPy's name.
    pub name: &'static str,
    /// NumPy's parameters, in Python's order.
    pub params: &'static [&'static str],
    /// How many of them must be given.
    pub required: usize,
    /// How many of them may be given without their name.
    pub positional: usize,
    /// Whether what follows the first argument may stand there without a tuple: `x.reshape(2, 3)`.
    pub spreads: bool,
    /// What it makes.
    pub call: fn(&Cx, Args) -> Result<Val>,
}

macro_rules! functions {
    ($($name:literal ($($must:literal)* $(, $($may:literal)+)?) $(only $($only:literal)+)? $([$spreads:ident])? = $call:expr;)*) => {
        /// The table.
        pub static FUNCTIONS: &[Function] = &[$(Function {
            name: $name,
            params: &[$($must,)* $($($may,)+)? $($($only,)+)?],
            required: { let p: &[&str] = &[$($must),*]; p.len() },
            positional: { let p: &[&str] = &[$($must,)* $($($may,)+)?]; p.len() },
            spreads: functions!(@spreads $($spreads)?),
            call: $call,
        }),*];
    };
    (@spreads) => { false };
    (@spreads spreads) => { true };
}

functions! {
    "array" ("object", "dtype") = |cx, mut a| {
        let x = a.array(cx, "object")?;
        Ok(Val::Array(in_dtype(x, a.dtype(cx)?)))
    };
    "arange" ("start", "stop" "step" "dtype") = arange;
    "linspace" ("start" "stop", "num") only "dtype" = linspace;
    "zeros" ("shape", "dtype") = |cx, a| filled(cx, a, Array::zeros);
    "ones" ("shape", "dtype") = |cx, a| filled(cx, a, Array::ones);
    "full" ("shape" "fill_value", "dtype") = full;
    "random" ("shape") only "seed" "dtype" = random;

    "astype" ("x" "dtype") = |cx, mut a| {
        let dtype = a.need(cx, "dtype")?.dtype(cx)?;
        cast(cx, a.need(cx, "x")?, dtype)
    };
    "reshape" ("x" "shape") [spreads] = |cx, mut a| {
        let shape = a.need(cx, "shape")?.ints(cx, "shape")?;
        Ok(Val::Array(a.array(cx, "x")?.reshape(&shape)))
    };
    "ravel" ("x") = |cx, mut a| Ok(Val::Array(a.array(cx, "x")?.ravel()));
    "transpose" ("x", "axes") [spreads] = |cx, mut a| {
        let axes = a.take("axes").map(|i| i.ints(cx, "axes")).transpose()?;
        let x = a.array(cx, "x")?;
        Ok(Val::Array(match axes {
            Some(axes) => x.transpose(&axes),
            None => x.t(),
        }))
    };
    "expand_dims" ("x" "axis") = |cx, mut a| {
        let axis = a.need(cx, "axis")?.int(cx, "axis")?;
        Ok(Val::Array(a.array(cx, "x")?.expand_dims(axis)))
    };
    "squeeze" ("x", "axis") = |cx, mut a| {
        let axes = a.take("axis").map(|i| i.ints(cx, "axis")).transpose()?.unwrap_or_default();
        Ok(Val::Array(a.array(cx, "x")?.squeeze(&axes)))
    };
    "broadcast_to" ("x" "shape") = |cx, mut a| {
        let shape = a.need(cx, "shape")?.shape(cx, "shape")?;
        Ok(Val::Array(a.array(cx, "x")?.broadcast_to(&shape)))
    };
    "concatenate" ("arrays", "axis") = |cx, a| join(cx, a, concatenate);
    "stack" ("arrays", "axis") = |cx, a| join(cx, a, stack);
    "pad" ("array" "pad_width", "mode") only "constant_values" = pad;
    "gradient" ("f", "spacing") only "axis" "edge_order" = gradient;
    "convolve" ("a" "v", "mode") = convolve;
    "matmul" ("x1" "x2") = |cx, mut a| Ok(Val::Array(a.array(cx, "x1")?.matmul(&a.array(cx, "x2")?)));
    "dot" ("a" "b") = |cx, mut a| Ok(Val::Array(a.array(cx, "a")?.dot(&a.array(cx, "b")?)));

    "take" ("a" "indices", "axis") = chosen::take;
    "compress" ("condition" "a", "axis") = chosen::compress;
    "extract" ("condition" "arr") = chosen::extract;
    "flatnonzero" ("a") = chosen::flatnonzero;
    "nonzero" ("a") = chosen::nonzero;
    "argwhere" ("a") = chosen::argwhere;

    "topk" ("a" "k", "axis") = |cx, a| top(cx, a, Array::topk);
    "argtopk" ("a" "k", "axis") = |cx, a| top(cx, a, Array::argtopk);
    "cumsum" ("a", "axis" "dtype") = |cx, a| cumulative(cx, a, Array::cumsum_with);
    "cumprod" ("a", "axis" "dtype") = |cx, a| cumulative(cx, a, Array::cumprod_with);
    "nancumsum" ("a", "axis" "dtype") = |cx, a| cumulative(cx, a, Array::nancumsum_with);
    "nancumprod" ("a", "axis" "dtype") = |cx, a| cumulative(cx, a, Array::nancumprod_with);
    "cummax" ("a", "axis") = |cx, a| cumulative(cx, a, Array::cummax_with);
    "cummin" ("a", "axis") = |cx, a| cumulative(cx, a, Array::cummin_with);
    "cumulative_sum" ("x") only "axis" "dtype" "include_initial" = |cx, a| from_initial(cx, a, Array::cumulative_sum);
    "cumulative_prod" ("x") only "axis" "dtype" "include_initial" = |cx, a| from_initial(cx, a, Array::cumulative_prod);
    "ptp" ("a", "axis" "keepdims") = |cx, mut a| {
        let (x, over) = values_over(cx, &mut a, "a")?;
        Ok(Val::Array(x.ptp_with(over)))
    };
    "median" ("a", "axis") only "keepdims" "where" = |cx, a| ordered::median(cx, a, Array::median_with);
    "nanmedian" ("a", "axis") only "keepdims" "where" = |cx, a| ordered::median(cx, a, Array::nanmedian_with);
    "quantile" ("a" "q", "axis") only "method" "keepdims" "weights" "where" = |cx, a| ordered::quantile(cx, a, Array::quantile_with);
    "nanquantile" ("a" "q", "axis") only "method" "keepdims" "weights" "where" = |cx, a| ordered::quantile(cx, a, Array::nanquantile_with);
    "percentile" ("a" "q", "axis") only "method" "keepdims" "weights" "where" = |cx, a| ordered::quantile(cx, a, Array::percentile_with);
    "nanpercentile" ("a" "q", "axis") only "method" "keepdims" "weights" "where" = |cx, a| {
        ordered::quantile(cx, a, Array::nanpercentile_with)
    };
    "groupby_reduce" ("array" "by" "func", "expected" "axis") only "where" "weights" "q" "method" = ordered::groupby_reduce;
    "binned_statistic" ("x" "values", "statistic" "bins" "range") only "weights" "where" "log" "axis" = |cx, mut a| {
        let x = a.need(cx, "x")?;
        profile(cx, a, vec![x])
    };
    "binned_statistic_2d" ("x" "y" "values", "statistic" "bins" "range") only "weights" "where" "log" "axis" = |cx, mut a| {
        let axes = vec![a.need(cx, "x")?, a.need(cx, "y")?];
        profile(cx, a, axes)
    };

    "histogram_bin_edges" ("x", "bins" "range") only "weights" "where" "log" = |cx, mut a| {
        let x = a.need(cx, "x")?;
        Ok(Val::Array(binned::bins(cx, a, vec![x])?.0.edges(0)))
    };
    "histogram" ("x", "bins" "range" "density") only "weights" "where" "log" "axis" = |cx, mut a| {
        let x = a.need(cx, "x")?;
        binned::histogram(cx, a, vec![x])
    };
    "histogram2d" ("x" "y", "bins" "range" "density") only "weights" "where" "log" "axis" = |cx, mut a| {
        let axes = vec![a.need(cx, "x")?, a.need(cx, "y")?];
        binned::histogram(cx, a, axes)
    };
    "histogramdd" ("sample", "bins" "range" "density") only "weights" "where" "log" "axis" = |cx, mut a| {
        let axes = a.need(cx, "sample")?.items(cx, "sample", "a tuple of one to three arrays")?;
        binned::histogram(cx, a, axes)
    };
}

/// Puts the arguments after the first into a tuple, where the function allows to write them so.
pub fn spread(
    f: &Function,
    args: Vec<Item>,
    keywords: Vec<(Ident, Item)>,
) -> (Vec<Item>, Vec<(Ident, Item)>) {
    let mut args = args;
    if f.spreads && args.len() > 2 {
        let rest = args.split_off(1);
        let span = rest[0].span.to(rest[rest.len() - 1].span);
        args.push(Item { value: Val::Tuple(rest), span });
    }
    (args, keywords)
}

fn in_dtype(x: Array, dtype: Option<DType>) -> Array {
    match dtype {
        Some(dtype) => x.cast(dtype),
        None => x,
    }
}

fn arange(cx: &Cx, mut a: Args) -> Result<Val> {
    let start = a.need(cx, "start")?;
    let (start, stop) = match a.take("stop") {
        Some(stop) => (start, stop),
        None => (Item { value: Val::Scalar(Weak::Int(0)), span: start.span }, start),
    };
    let step = a.take("step").unwrap_or(Item { value: Val::Scalar(Weak::Int(1)), span: a.span });
    let whole = [&start, &stop, &step].iter().all(|i| matches!(i.value, Val::Scalar(Weak::Int(_))));
    let x = match whole {
        true => Array::arange_int(start.int(cx, "start")?, stop.int(cx, "stop")?, step.int(cx, "step")?),
        false => Array::arange(start.float(cx, "start")?, stop.float(cx, "stop")?, step.float(cx, "step")?),
    };
    Ok(Val::Array(in_dtype(x, a.dtype(cx)?)))
}

fn linspace(cx: &Cx, mut a: Args) -> Result<Val> {
    let num = match a.take("num") {
        Some(item) => match u64::try_from(item.int(cx, "num")?) {
            Ok(num) => num,
            Err(_) => return Err(cx.error(item.span, "num cannot be negative")),
        },
        None => 50,
    };
    let (start, stop) = (a.need(cx, "start")?.float(cx, "start")?, a.need(cx, "stop")?.float(cx, "stop")?);
    Ok(Val::Array(in_dtype(Array::linspace(start, stop, num), a.dtype(cx)?)))
}

fn filled(cx: &Cx, mut a: Args, make: fn(&[u64], DType) -> Array) -> Result<Val> {
    let shape = a.need(cx, "shape")?.shape(cx, "shape")?;
    Ok(Val::Array(make(&shape, a.dtype(cx)?.unwrap_or(DType::F64))))
}

fn full(cx: &Cx, mut a: Args) -> Result<Val> {
    let shape = a.need(cx, "shape")?.shape(cx, "shape")?;
    let value = a.need(cx, "fill_value")?;
    let value = match a.dtype(cx)? {
        Some(dtype) => match cast(cx, value, dtype)? {
            Val::Array(value) => value,
            _ => return Err(cx.error(a.span, "full needs a number")),
        },
        None => value.array(cx, "fill_value")?,
    };
    Ok(Val::Array(value.broadcast_to(&shape)))
}

fn random(cx: &Cx, mut a: Args) -> Result<Val> {
    let shape = a.need(cx, "shape")?.shape(cx, "shape")?;
    let seed = match a.take("seed") {
        Some(item) => match item.value {
            Val::Scalar(Weak::Int(v)) => u64::try_from(v)
                .map_err(|_| cx.error(item.span, "a seed is a whole number from 0 to 2^64 - 1"))?,
            _ => item.int(cx, "seed")?.unsigned_abs(),
        },
        None => 0,
    };
    let dtype = a.dtype(cx)?.unwrap_or(DType::F64);
    Ok(Val::Array(Array::random(&shape, seed, dtype)))
}

fn top(cx: &Cx, mut a: Args, f: fn(&Array, i64, i64) -> Array) -> Result<Val> {
    let axis = a.take("axis").map(|i| i.int(cx, "axis")).transpose()?.unwrap_or(-1);
    let k = a.need(cx, "k")?.int(cx, "k")?;
    Ok(Val::Array(f(&a.array(cx, "a")?, k, axis)))
}

/// The axis and the dtype that were given.
fn along(cx: &Cx, a: &mut Args) -> Result<Over> {
    let over = match a.take("axis") {
        Some(axis) => Over::axis(axis.int(cx, "axis")?),
        None => Over::all(),
    };
    Ok(match a.dtype(cx)? {
        Some(dtype) => over.dtype(dtype),
        None => over,
    })
}

fn cumulative(cx: &Cx, mut a: Args, f: fn(&Array, Over) -> Array) -> Result<Val> {
    let x = a.array(cx, "a")?;
    Ok(Val::Array(f(&x, along(cx, &mut a)?)))
}

/// `numpy.cumulative_sum` and its like, which can begin with the sum of nothing.
fn from_initial(cx: &Cx, mut a: Args, f: fn(&Array, Over, bool) -> Array) -> Result<Val> {
    let x = a.array(cx, "x")?;
    let initial = a.take("include_initial").map(|i| i.bool(cx, "include_initial")).transpose()?;
    Ok(Val::Array(f(&x, along(cx, &mut a)?, initial.unwrap_or(false))))
}

fn profile(cx: &Cx, mut a: Args, axes: Vec<Item>) -> Result<Val> {
    let statistic = a.take("statistic");
    // SciPy's name for what needs no values.
    let counts = matches!(&statistic, Some(Item { value: Val::Str(name), .. }) if name == "count");
    let statistic = reduction(cx, statistic.filter(|_| !counts), Reduction::Mean)?;
    let values = a.array(cx, "values")?;
    let (bins, _) = binned::bins(cx, a, axes)?;
    Ok(Val::Array(if counts { bins.counts() } else { bins.reduce(&values, statistic) }))
}

/// `numpy.pad`, with the words of `dask.array.overlap` too where they mean the same.
fn pad(cx: &Cx, mut a: Args) -> Result<Val> {
    let fill = a.take("constant_values").map(|k| k.number(cx, "constant_values")).transpose()?;
    let fill = fill.unwrap_or(Weak::Int(0));
    let fill = fill.to_scalar(fill.default_dtype())?;
    let modes = [
        ("constant", Boundary::Constant(fill)),
        ("edge", Boundary::Nearest),
        ("nearest", Boundary::Nearest),
        ("symmetric", Boundary::Reflect),
        ("reflect", Boundary::Mirror),
        ("wrap", Boundary::Periodic),
        ("periodic", Boundary::Periodic),
    ];
    let boundary = word(cx, a.take("mode"), "mode", &modes, modes[0].1)?;
    let width = a.need(cx, "pad_width")?;
    let wrong = |span| cx.error(span, "pad_width is a number, a pair, or a pair for each axis");
    let pair = |item: &Item| match item.shape(cx, "pad_width")?[..] {
        [n] => Ok((n, n)),
        [before, after] => Ok((before, after)),
        _ => Err(wrong(item.span)),
    };
    let nested = |i: &Item| matches!(i.value, Val::Tuple(_) | Val::List(_));
    let widths = match &width.value {
        Val::Tuple(items) | Val::List(items) if items.iter().any(nested) => {
            items.iter().map(pair).collect::<Result<Vec<_>>>()?
        }
        _ => vec![pair(&width)?],
    };
    Ok(Val::Array(a.array(cx, "array")?.pad(&widths, &[boundary])))
}

/// `numpy.gradient` along one axis, which a 1-D array need not name.
fn gradient(cx: &Cx, mut a: Args) -> Result<Val> {
    let f = a.array(cx, "f")?;
    let axis = match a.take("axis") {
        Some(axis) => axis.int(cx, "axis")?,
        None if f.ndim()? == 1 => 0,
        None => {
            return Err(cx
                .error(a.span, "gradient needs the axis of an array of several axes")
                .hint("gradient(f, axis=0); NumPy gives one array for each axis"));
        }
    };
    let spacing = a.take("spacing").map(|s| s.float(cx, "spacing")).transpose()?.unwrap_or(1.0);
    let order = a.take("edge_order").map(|o| o.int(cx, "edge_order")).transpose()?.unwrap_or(1);
    Ok(Val::Array(f.gradient(axis, spacing, u32::try_from(order).unwrap_or(0))))
}

fn convolve(cx: &Cx, mut a: Args) -> Result<Val> {
    let modes = [("full", ConvolveMode::Full), ("same", ConvolveMode::Same), ("valid", ConvolveMode::Valid)];
    let mode = word(cx, a.take("mode"), "mode", &modes, ConvolveMode::Full)?;
    Ok(Val::Array(a.array(cx, "a")?.convolve(&a.array(cx, "v")?, mode)))
}

fn join(cx: &Cx, mut a: Args, f: fn(&[Array], i64) -> Array) -> Result<Val> {
    let axis = a.take("axis").map(|i| i.int(cx, "axis")).transpose()?.unwrap_or(0);
    let items = a.need(cx, "arrays")?.items(cx, "arrays", "a tuple of arrays")?;
    let arrays = items.into_iter().map(|i| i.array(cx, "arrays")).collect::<Result<Vec<_>>>()?;
    Ok(Val::Array(f(&arrays, axis)))
}
