//! Medians and quantiles, and reductions by group, which may be one of them.

use super::args::{Args, over, reduction, word};
use super::cx::Cx;
use super::named;
use super::selected::values_over;
use super::skipna;
use super::syntax::Span;
use super::value::{Item, Val};
use crate::{
    Array, DType, Dimension, ErrorKind, Labels, Over, QuantileMethod, Quantiles, Reduction, Result, Scalar,
    Side, Table,
};

/// `numpy.median` and its like.
pub fn median(cx: &Cx, mut a: Args, f: fn(&Array, Over) -> Array) -> Result<Val> {
    let (x, over) = values_over(cx, &mut a, "a")?;
    Ok(Val::Array(f(&x, over)))
}

/// `numpy.quantile` and its like.
pub fn quantile(
    cx: &Cx,
    mut a: Args,
    f: fn(&Array, Quantiles, QuantileMethod, Over) -> Array,
) -> Result<Val> {
    let (q, method) = asked(cx, &mut a)?;
    let (x, over) = values_over(cx, &mut a, "a")?;
    Ok(Val::Array(f(&x, q, method, over)))
}

/// `q` and `method`.
fn asked(cx: &Cx, a: &mut Args) -> Result<(Quantiles, QuantileMethod)> {
    let q = a.need(cx, "q")?;
    let q = match &q.value {
        Val::Tuple(items) | Val::List(items) => {
            items.iter().map(|i| i.float(cx, "q")).collect::<Result<Vec<_>>>()?.into()
        }
        _ => q.float(cx, "q")?.into(),
    };
    let methods = QuantileMethod::ALL.map(|m| (m.name(), m));
    Ok((q, word(cx, a.take("method"), "method", &methods, QuantileMethod::default())?))
}

/// `flox.groupby_reduce`
pub fn groupby_reduce(cx: &Cx, mut a: Args) -> Result<Val> {
    let mut func = a.take("func");
    let counts = matches!(&func, Some(Item { value: Val::Str(name), .. }) if name == "count");
    if counts {
        func = None;
    }
    let order = func.as_ref().and_then(ordered);
    let func = match reduction(cx, func.filter(|_| order.is_none()), Reduction::Sum)? {
        // The mean of what counts more or less is the average.
        Reduction::Mean if a.given("weights").is_some() => Reduction::Average,
        func => func,
    };
    let values = a.need(cx, "array")?;
    let (takes_q, mut skips_nan) = order.unwrap_or_default();
    if skipna::skips(cx, &values)? {
        skips_nan = true;
        if func == Reduction::Average {
            skipna::leave_out(cx, &mut a, "array", &values)?;
        }
    }
    let func = skipna::reduction(cx, &values, func)?;
    let mut values = values.array(cx, "array")?;
    if counts {
        // What is not missing counts, as in pandas.
        values = values.equal(&values);
    }
    let by = a.need(cx, "by")?;
    let Groups { by, expected, axes } = match by.value {
        Val::Tuple(keys) | Val::List(keys) if keys.iter().any(is_key) => {
            if let Some(span) = a.given("expected") {
                return Err(cx.error(span, "labels are expected of one key"));
            }
            by_several(cx, keys, by.span)?
        }
        _ => by_one(cx, by, a.take("expected"), a.span)?,
    };
    if a.given("axis").is_none() {
        check_along(cx, &values, &by, a.span)?;
    }
    let over = over(cx, &mut a)?;
    let asked = if takes_q { Some(asked(cx, &mut a)?) } else { None };
    for param in ["q", "method"] {
        if let Some(item) = a.take(param) {
            return Err(cx.error(item.span, format!("only 'quantile' and 'nanquantile' take {param}")));
        }
    }
    let reduced = match (order, asked) {
        (None, _) => values.groupby_reduce(&by, &expected, func, over),
        (_, Some((q, method))) if skips_nan => values.groupby_nanquantile(&by, &expected, q, method, over),
        (_, Some((q, method))) => values.groupby_quantile(&by, &expected, q, method, over),
        (_, None) if skips_nan => values.groupby_nanmedian(&by, &expected, over),
        (_, None) => values.groupby_median(&by, &expected, over),
    };
    Ok(Val::Array(along_groups(reduced, axes)?))
}

/// Groups: the labels of elements, those that there are, and for each key what its axis is called, with its labels.
struct Groups {
    by: Array,
    expected: Labels,
    axes: Vec<(String, Array)>,
}

/// Whether an item of a list is one of several keys, and no label.
fn is_key(item: &Item) -> bool {
    matches!(item.value, Val::Array(_) | Val::Stored(_) | Val::Texts(..))
}

/// Groups by one key.
fn by_one(cx: &Cx, by: Item, expected: Option<Item>, span: Span) -> Result<Groups> {
    let name = group_name(&cx.text(by.span));
    let by = named::told_apart(cx, by)?.array(cx, "by")?;
    let expected = match expected {
        Some(item) => {
            let span = item.span;
            let labels = named::labels(cx, &by, item)?.array(cx, "expected")?;
            let found = cx.beforehand().and_then(|s| Labels::of(&s.compute(&labels.ravel())?));
            found.map_err(|e| cx.at(span, e))?
        }
        // A pass of its own finds them.
        None => cx.beforehand().and_then(|s| s.labels(&by)).map_err(|e| cx.at(span, e))?,
    };
    let labels = labels_of(&expected, &by)?;
    Ok(Groups { by, expected, axes: vec![(name, labels)] })
}

/// Groups by several keys: every pair of their labels is one, whether there are elements or none.
fn by_several(cx: &Cx, keys: Vec<Item>, span: Span) -> Result<Groups> {
    let mut axes = Vec::with_capacity(keys.len());
    let (mut by, mut known, mut count): (Option<Array>, Option<Array>, u64) = (None, None, 1);
    for item in keys {
        let (name, at) = (group_name(&cx.text(item.span)), item.span);
        let key = named::told_apart(cx, item)?.array(cx, "by")?;
        let found = cx.beforehand().and_then(|s| s.labels(&key)).map_err(|e| cx.at(at, e))?;
        let labels = labels_of(&found, &key)?;
        let is_bool = key.dtype()? == DType::Bool;
        let sought = if is_bool { labels.cast(DType::U8) } else { labels.clone() };
        let table = Table::from(&cx.beforehand()?.compute(&sought)?);
        let place = match key.dtype()? {
            DType::Bool => key.cast(DType::U8),
            _ => key.without_members(),
        }
        .searchsorted(table, Side::Left);
        if key.dtype()?.is_float() {
            let is = key.equal(&key);
            known = Some(known.map_or(is.clone(), |known| known & is));
        }
        count = count.saturating_mul(found.len());
        by = Some(match by {
            None => place,
            Some(before) => before * i64::try_from(found.len()).unwrap_or(i64::MAX) + place,
        });
        axes.push((name, labels));
    }
    let expected = Labels::range(count).map_err(|e| cx.at(span, e))?;
    let by = by.ok_or_else(|| cx.error(span, "groups have a key"))?;
    // NaN is in no group, whatever the other keys are.
    let by = known.map_or(by.clone(), |known| known.select(by, -1i64));
    by.check().map_err(|e| cx.at(span, e))?;
    Ok(Groups { by, expected, axes })
}

/// Labels as an array, whose values have the names that those of `by` have.
fn labels_of(labels: &Labels, by: &Array) -> Result<Array> {
    let mut integers = Vec::new();
    let mut floats = Vec::new();
    for label in labels.scalars() {
        match label {
            Scalar::I64(v) => integers.push(v),
            v => floats.push(v.to_f64()),
        }
    }
    let labels = if floats.is_empty() { Array::from(integers) } else { Array::from(floats) };
    Ok(match by.members()? {
        Some(members) => labels.with_members(members.clone()),
        None if by.dtype()? == DType::Bool => labels.cast(DType::Bool),
        None => labels,
    })
}

/// Checks that labels of one axis lie along the last one, where broadcasting lays them, if names say along which they lie.
fn check_along(cx: &Cx, values: &Array, by: &Array, span: Span) -> Result<()> {
    let [Some(own)] = &by.dimensions()?[..] else { return Ok(()) };
    let all = values.dimensions()?;
    let is_last = all.last().is_some_and(|last| last.as_ref().is_none_or(|last| last.name() == own.name()));
    if is_last || values.axis_named(own.name()).is_err() {
        return Ok(());
    }
    let e = cx.error_of(
        ErrorKind::Shape,
        span,
        format!("the labels lie along '{}', which is not the last axis", own.name()),
    );
    Err(e.hint(format!("axis='{}' groups along it", own.name())))
}

/// What the axis of groups is called: as the function of their labels (`month(time)`), or as these are.
fn group_name(by: &str) -> String {
    let is_name = |text: &str| {
        text.chars().all(|c| c.is_alphanumeric() || c == '_') && !text.starts_with(|c: char| c.is_numeric())
    };
    let name = match by.split_once('(') {
        Some((function, rest)) => {
            let whole = rest.find(')').is_some_and(|end| end + 1 == rest.len());
            let is_cast = DType::from_name(function).is_some();
            if whole && !is_cast { function } else { "" }
        }
        None => by.rsplit(['.', '/']).next().unwrap_or_default(),
    };
    if !name.is_empty() && is_name(name) { name.into() } else { "group".into() }
}

/// Says what the last axes of what was reduced by group are: those of the groups, one for each key, with their labels as
/// coordinates.
fn along_groups(reduced: Array, keys: Vec<(String, Array)>) -> Result<Array> {
    // What cannot be is an error of the whole expression, which says where.
    if reduced.check().is_err() {
        return Ok(reduced);
    }
    let known = reduced.clone();
    let kept = reduced.ndim()?.saturating_sub(1);
    let mut shape: Vec<i64> = reduced.shape()?[..kept].iter().map(|&n| n as i64).collect();
    for (_, labels) in &keys {
        shape.push(labels.size()? as i64);
    }
    let reduced = if keys.len() > 1 { reduced.reshape(&shape) } else { reduced };
    let dimension = |(name, labels): (String, Array)| {
        Dimension::new(&name).with_coordinates(move || Ok(labels.clone())).of_groups()
    };
    let groups: Vec<Dimension> = keys.into_iter().map(dimension).collect();
    Ok(reduced.with_dimensions_by(move || {
        let mut all = known.dimensions().unwrap_or_default();
        all.truncate(kept);
        all.extend(groups.iter().cloned().map(Some));
        all
    }))
}

/// Whether a name is one of a quantile, and whether that skips NaN; nothing if it is neither that nor a median.
fn ordered(func: &Item) -> Option<(bool, bool)> {
    match &func.value {
        Val::Str(name) => match name.as_str() {
            "median" => Some((false, false)),
            "nanmedian" => Some((false, true)),
            "quantile" => Some((true, false)),
            "nanquantile" => Some((true, true)),
            _ => None,
        },
        _ => None,
    }
}
