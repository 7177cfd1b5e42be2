//! The arguments of `histogram`, `histogram2d` and `histogramdd`.
//!
//! As in NumPy: `bins` is a number of bins or a list of edges, or one of these per dimension, or in one dimension a
//! rule that chooses their number by a run of its own; `range` is `(low, high)`, per dimension if there are several,
//! `None` for the data's own range. `log=True` makes bins of equal ratio. `where=` is a mask, as in the reductions.
//! `density=True` gives an array. As in xhistogram, `axis=` names the axes over which it goes, and what is made has
//! those that are kept first.

use super::args::{Args, reduction};
use super::cx::Cx;
use super::selected::Together;
use super::skipna;
use super::syntax::Span;
use super::value::{Item, Val};
use crate::{Array, BinAxis, BinRule, Binned, Over, Reduction, Result, Weak};

/// NumPy's default.
const BINS: u64 = 10;
/// The most edges that are computed from an expression such as `linspace(0, 1, 11)`.
const MAX_EDGES: u64 = 1 << 22;

/// A histogram over the values of `axes`; an array for densities, and where some axes are kept.
///
/// # Errors
/// As [`bins`].
pub fn histogram(cx: &Cx, mut a: Args, axes: Vec<Item>) -> Result<Val> {
    let density = a.take("density").map(|d| d.bool(cx, "density")).transpose()?.unwrap_or(false);
    let (h, keeps) = bins(cx, a, axes)?;
    Ok(match (density, keeps) {
        (true, _) => Val::Array(h.density()),
        (false, true) => Val::Array(h.sums()),
        (false, false) => Val::Histogram(h),
    })
}

/// A reduction of values in the bins of others.
///
/// # Errors
/// As [`bins`].
pub fn profile(cx: &Cx, mut a: Args, axes: Vec<Item>) -> Result<Val> {
    let statistic = a.take("statistic");
    // SciPy's name for what needs no values.
    let is = |wanted: &str| matches!(&statistic, Some(Item { value: Val::Str(name), .. }) if name == wanted);
    let counts = is("count");
    if is("median") || is("nanmedian") {
        return medians(cx, a, axes, is("nanmedian"));
    }
    let statistic = reduction(cx, statistic.filter(|_| !counts), Reduction::Mean)?;
    let values = a.need(cx, "values")?;
    let statistic = match a.given("weights") {
        None => skipna::reduction(cx, &values, statistic)?,
        // The mean of what counts more or less is the average.
        Some(_) if matches!(statistic, Reduction::Mean | Reduction::Average) && !counts => {
            if skipna::skips(cx, &values)? {
                skipna::leave_out(cx, &mut a, "values", &values)?;
            }
            Reduction::Average
        }
        Some(span) => {
            let name = if counts { "count" } else { statistic.name() };
            let e = cx.error(span, format!("{name} takes no weights"));
            return Err(e.hint("'mean' does; a sum of weights is binned_statistic(x, weights, 'sum')"));
        }
    };
    let (binned, _, values) = bins_of(cx, a, axes, Some(values))?;
    Ok(Val::Array(match values {
        Some(values) if !counts => binned.reduce(&values, statistic),
        _ => binned.counts(),
    }))
}

/// The median of values in the bins of others, whose edges are found beforehand.
fn medians(cx: &Cx, mut a: Args, axes: Vec<Item>, skips_nan: bool) -> Result<Val> {
    if let Some(span) = a.given("weights") {
        let e = cx.error(span, "the median takes no weights");
        return Err(e.hint("groupby_reduce with 'quantile' and method='inverted_cdf' does"));
    }
    let (span, rank) = (a.span, axes.len());
    let values = a.need(cx, "values")?;
    let skips_nan = skips_nan || skipna::skips(cx, &values)?;
    let (binned, _, values) = bins_of(cx, a, axes, Some(values))?;
    let Some(values) = values else { return Err(cx.error(span, "the median is of values")) };
    let edges = |d: usize| -> Result<Vec<f64>> {
        let edges = binned.edges(d);
        edges.check().map_err(|e| cx.at(span, e))?;
        Ok(cx.elements(span, &edges)?.scalars().map(|v| v.to_f64()).collect())
    };
    let edges = (0..rank).map(edges).collect::<Result<Vec<_>>>()?;
    Ok(Val::Array(binned.median(&values, &edges, skips_nan)))
}

/// The bins over the values of `axes`, with weights, mask and axes over which they go, and whether these were given.
///
/// # Errors
/// `Expression`, with a caret at the argument that is wrong.
pub fn bins(cx: &Cx, a: Args, axes: Vec<Item>) -> Result<(Binned, bool)> {
    bins_of(cx, a, axes, None).map(|(binned, keeps, _)| (binned, keeps))
}

/// As [`bins`], with values that lie beside them, which the same mask may select.
fn bins_of(
    cx: &Cx,
    mut a: Args,
    axes: Vec<Item>,
    values: Option<Item>,
) -> Result<(Binned, bool, Option<Array>)> {
    let rank = axes.len();
    if rank == 0 || rank > 3 {
        return Err(cx.error(a.span, format!("a histogram has one to three dimensions, not {rank}")));
    }
    let bins = per_axis(a.take("bins"), rank, is_bins);
    let range = match a.take("range") {
        Some(item) if rank > 1 => {
            let (span, n) = (item.span, rank);
            let items = item.items(cx, "range", "a tuple of (low, high) pairs")?;
            if items.len() != n {
                let message = format!("range has {} entries for {n} dimensions", items.len());
                return Err(cx
                    .error(span, message)
                    .hint("write range=((0, 1), (0, 2)), None for an automatic one"));
            }
            items.into_iter().map(|i| (!matches!(i.value, Val::None)).then_some(i)).collect()
        }
        item => vec![item; rank],
    };
    let log = per_axis(a.take("log"), rank, |v| matches!(v, Val::Scalar(Weak::Bool(_))));
    let (weights, mask, along) = (a.take("weights"), a.take("where"), a.take("axis"));
    let over = along.as_ref().map(|i| i.ints(cx, "axis")).transpose()?;
    let together = match (&mask, &over) {
        (None, None) => Together::of(axes.iter().chain(&weights).chain(&values), &Over::all())?,
        _ => Together::apart(),
    };
    let reduced = values.map(|values| together.array(cx, values, "values")).transpose()?;
    let weights = weights.map(|w| together.array(cx, w, "weights")).transpose()?;
    let mask = match mask {
        Some(mask) => Some(mask.array(cx, "where")?),
        None => together.mask()?,
    };
    let mut parts: Vec<(Array, BinAxis)> = Vec::new();
    for (d, ((item, range), log)) in axes.into_iter().zip(range).zip(log).enumerate() {
        let log = log.map(|l| l.bool(cx, "log")).transpose()?.unwrap_or(false);
        let values = together.array(cx, item, "the values")?;
        let axis = match &bins[d] {
            Some(rule @ Item { value: Val::Str(_), span }) => {
                let refused = match (rank, log, &weights) {
                    (2.., ..) => Some("a rule chooses the bins of one dimension only"),
                    (_, true, _) => Some("a rule chooses equal bins, so log has no meaning"),
                    (.., Some(_)) => Some("no rule chooses bins for weighted data"),
                    _ => None,
                };
                if let Some(message) = refused {
                    return Err(cx.error(*span, message).hint("write a number of bins or a list of edges"));
                }
                by_rule(cx, rule, &values, range, mask.as_ref())?
            }
            bins => axis(cx, bins.clone(), range, log)?,
        };
        parts.push((values, axis));
    }
    let mut h = Binned::new(parts.iter().map(|(a, b)| (a, b.clone())));
    if let Some(weights) = &weights {
        h = h.weights(weights);
    }
    if let Some(mask) = &mask {
        h = h.mask(mask);
    }
    if let Some(axes) = &over {
        h = h.along(axes.clone());
    }
    Ok((h, over.is_some(), reduced))
}

/// Something that says the bins of one dimension.
fn is_bins(v: &Val) -> bool {
    matches!(v, Val::Scalar(_) | Val::List(_) | Val::Tuple(_) | Val::Array(_))
}

/// One argument for all dimensions, or a sequence with one for each.
fn per_axis(item: Option<Item>, rank: usize, one: impl Fn(&Val) -> bool) -> Vec<Option<Item>> {
    match item {
        Some(Item { value: Val::Tuple(items) | Val::List(items), .. })
            if rank > 1 && items.len() == rank && items.iter().all(|i| one(&i.value)) =>
        {
            items.into_iter().map(Some).collect()
        }
        item => vec![item; rank],
    }
}

fn axis(cx: &Cx, bins: Option<Item>, range: Option<Item>, log: bool) -> Result<BinAxis> {
    let count = match &bins {
        None => BINS,
        Some(item) => match &item.value {
            Val::Scalar(Weak::Int(v)) => match u64::try_from(*v).ok().filter(|n| *n > 0) {
                Some(n) => n,
                None => return Err(cx.error(item.span, "a histogram needs at least one bin")),
            },
            Val::List(_) | Val::Tuple(_) | Val::Array(_) => {
                if let Some(range) = &range {
                    return Err(cx.error(range.span, "range has no meaning where bins are edges"));
                }
                if log {
                    return Err(cx.error(item.span, "log has no meaning where bins are edges"));
                }
                return Ok(BinAxis::Edges(edges(cx, item.clone())?));
            }
            other => {
                let message =
                    format!("bins must be a number of bins or a list of edges, not {}", other.kind());
                return Err(cx.error(item.span, message));
            }
        },
    };
    let Some(range) = range else {
        return Ok(if log { BinAxis::AutoLog(count) } else { BinAxis::Auto(count) });
    };
    let (low, high) = ends(cx, range)?;
    Ok(match log {
        true => BinAxis::Log { bins: count, low, high },
        false => BinAxis::Uniform { bins: count, low, high },
    })
}

/// A range that is given.
fn ends(cx: &Cx, range: Item) -> Result<(f64, f64)> {
    let span = range.span;
    let pair = range.items(cx, "range", "a pair (low, high)")?;
    match &pair[..] {
        [low, high] => Ok((low.float(cx, "range")?, high.float(cx, "range")?)),
        _ => Err(cx.error(span, "range is a pair (low, high)")),
    }
}

/// The bins that a rule chooses.
fn by_rule(
    cx: &Cx,
    rule: &Item,
    values: &Array,
    range: Option<Item>,
    mask: Option<&Array>,
) -> Result<BinAxis> {
    let name = rule.text(cx, "bins")?;
    let Some(found) = BinRule::from_name(name) else {
        let all = BinRule::ALL.map(BinRule::name).join(", ");
        return Err(cx
            .error(rule.span, format!("there is no rule '{name}' for bins"))
            .hint(format!("the rules are {all}; or write a number of bins or a list of edges")));
    };
    let range = range.map(|r| ends(cx, r)).transpose()?;
    let chosen = cx.beforehand().and_then(|s| s.bin_axis(values, found, range, mask));
    chosen.map_err(|e| cx.at(rule.span, e))
}

/// Edges written out, or made by a small expression.
fn edges(cx: &Cx, item: Item) -> Result<Vec<f64>> {
    if let Val::List(items) | Val::Tuple(items) = &item.value {
        return items.iter().map(|i| edge(cx, i)).collect();
    }
    let span = item.span;
    let array = item.array(cx, "bins")?;
    let shape = array.shape()?;
    if shape.len() != 1 || shape[0] > MAX_EDGES {
        let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
        let e = cx.error(span, format!("bins have shape ({}), not one axis of edges", shape.join(", ")));
        return Err(e.hint("write a number of bins, or a list of edges"));
    }
    let elements = cx.elements(span, &array)?;
    let edges = elements.scalars();
    edges
        .map(|v| match v.to_i128() {
            Some(whole) => exact(cx, whole, span),
            None => Ok(v.to_f64()),
        })
        .collect()
}

fn edge(cx: &Cx, item: &Item) -> Result<f64> {
    match item.value {
        Val::Scalar(Weak::Int(v)) => exact(cx, v, item.span),
        _ => item.float(cx, "an edge"),
    }
}

/// A whole number as an edge, which is a float64.
fn exact(cx: &Cx, v: i128, span: Span) -> Result<f64> {
    // A float64 that is whole and that far from the ends of i128 is one.
    let edge = v as f64;
    match edge as i128 == v && edge.abs() < 2f64.powi(126) {
        true => Ok(edge),
        false => Err(cx.error(span, format!("edges are float64, which has not {v}")).hint(format!(
            "the nearest that it has is {}; or subtract a number from the values first",
            edge as i128
        ))),
    }
}
