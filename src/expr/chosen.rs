//! Elements that are chosen by lists of indices and by conditions: `x[[3, 1]]`, `x[mask]`, `take`, `compress`,
//! `nonzero`. What chooses is computed at once, by a run of its own; what is chosen is lazy. A mask that is all of an index
//! is a selection, which may need no such run ([`super::selected`]).
//! Several lists in one index broadcast, and choose points.

use super::args::Args;
use super::cx::Cx;
use super::syntax::Span;
use super::value::{Entry, Item, Val};
use crate::{Array, DType, Error, ErrorKind, Index, Result, Scalar};

/// The most points that lists which broadcast may choose.
const MAX_POINTS: usize = 1 << 27;

/// `x[…]` as NumPy has it.
///
/// # Errors
/// `Expression`, with a caret at what cannot choose; anything that computing it can meet.
pub fn index(cx: &Cx, x: &Array, entries: Vec<Entry>) -> Result<Val> {
    let places: Vec<usize> = (0..).zip(&entries).filter(|(_, e)| e.is_advanced()).map(|(i, _)| i).collect();
    let together = places.windows(2).all(|p| p[1] == p[0] + 1);
    let lists = entries.iter().filter(|e| matches!(e, Entry::Chosen(_))).count();
    if lists > 1 {
        return several(cx, x, entries, together).map(Val::Array);
    }
    if let [Entry::Chosen(Item { value: Val::Array(mask), span })] = &entries[..]
        && mask.dtype()? == DType::Bool
    {
        return selection(cx, x, mask, *span);
    }
    let mut chosen = None;
    let mut basic = Vec::new();
    // Axes of what the slices leave, before the chosen ones; an ellipsis stands for as many as are not named.
    let (mut axis, mut ellipsis, mut named) = (0, false, 0);
    for entry in entries {
        match entry {
            Entry::Basic(i) => {
                if chosen.is_none() {
                    axis += matches!(i, Index::Slice { .. } | Index::NewAxis) as usize;
                    ellipsis |= matches!(i, Index::Ellipsis);
                }
                named += matches!(i, Index::Slice { .. } | Index::At(_)) as usize;
                basic.push(i);
            }
            Entry::Chosen(item) => {
                let span = item.span;
                let by = item.array(cx, "an index")?;
                let axes = axes_of(cx, span, &by)?;
                basic.extend(std::iter::repeat_n(Index::ALL, axes));
                named += axes;
                chosen = Some((by, span));
            }
        }
    }
    let Some((by, span)) = chosen else { return Ok(Val::Array(x.index(basic))) };
    if ellipsis {
        axis += x.ndim()?.saturating_sub(named);
    }
    let sliced = x.index(basic);
    sliced.check().map_err(|e| cx.at(span, e))?;
    let made = along(cx, span, &sliced, &by, axis)?;
    // Where slices lie between them, what whole numbers and lists choose comes first.
    let own = if by.dtype()? == DType::Bool { 1 } else { by.ndim()? };
    let made = match by.dtype()?.is_integer() {
        true => lies_along(made, &by, axis),
        false => made,
    };
    Ok(Val::Array(if together { made } else { to_the_front(&made, axis, own)? }))
}

/// Gives the axes that indices made the names that the axes of the indices have, as xarray does: of `x[month(time) - 1]` the
/// first one is time.
pub fn lies_along(made: Array, by: &Array, axis: usize) -> Array {
    if !by.dimensions().is_ok_and(|all| all.iter().any(Option::is_some)) {
        return made;
    }
    let (known, by) = (made.clone(), by.clone());
    made.with_dimensions_by(move || {
        let mut all = known.dimensions().unwrap_or_default();
        let own = by.dimensions().unwrap_or_default();
        for (at, dimension) in (axis..).zip(own) {
            if let Some(place) = all.get_mut(at) {
                *place = dimension;
            }
        }
        all
    })
}

/// What a mask of the first axes selects, lazily.
fn selection(cx: &Cx, x: &Array, mask: &Array, span: Span) -> Result<Val> {
    if mask.ndim()? == 0 {
        return Err(cx.error(span, "one bool is no mask"));
    }
    lies_on(cx, x, mask, 0, span)?;
    fits(cx, span, x.shape()?, mask.shape()?, 0)?;
    let selection = x.boolean_index(mask);
    selection.values().check().map_err(|e| cx.at(span, e))?;
    Ok(Val::Selection(selection))
}

/// Checks that a mask along an axis that has a name, and is there, lies on that.
fn lies_on(cx: &Cx, x: &Array, mask: &Array, axis: usize, span: Span) -> Result<()> {
    let [Some(own)] = &mask.dimensions()?[..] else { return Ok(()) };
    let (name, Ok(at)) = (own.name(), x.axis_named(own.name())) else { return Ok(()) };
    if at == axis as i64 {
        return Ok(());
    }
    let e = cx.error_of(
        ErrorKind::Index,
        span,
        format!("the mask lies along '{name}', which is axis {at} and not {axis}"),
    );
    Err(e.hint(format!("a mask along '{name}' stands at its place: x[{}mask]", ":, ".repeat(at as usize))))
}

/// Checks that a mask goes along the axes of an array from `axis` on.
fn fits(cx: &Cx, span: Span, shape: &[u64], mask: &[u64], axis: usize) -> Result<()> {
    for (d, (n, m)) in (axis..).zip(shape[axis..].iter().zip(mask)) {
        if n != m {
            return Err(cx.error_of(
                ErrorKind::Index,
                span,
                format!("the mask has length {m} along axis {d}, which has {n}"),
            ));
        }
    }
    Ok(())
}

/// Indices along one axis, in the shape that they were given in.
struct List {
    shape: Vec<usize>,
    indices: Vec<i64>,
    /// How long the axis must be, where a mask gave them.
    len: Option<u64>,
    span: Span,
}

/// What several lists and masks choose, which broadcast to one shape: a point for each of its elements.
fn several(cx: &Cx, x: &Array, entries: Vec<Entry>, together: bool) -> Result<Array> {
    let (mut lists, mut basic, mut at) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Entry::Basic(i) => basic.push(i),
            Entry::Chosen(item) => {
                for list in lists_of(cx, item)? {
                    at.push(basic.len());
                    basic.push(Index::ALL);
                    lists.push(list);
                }
            }
        }
    }
    let span = lists.iter().map(|l| l.span).reduce(Span::to);
    let located = |e| span.map_or_else(|| Error::new(ErrorKind::Internal, "no list"), |span| cx.at(span, e));
    let sliced = x.index(&basic);
    sliced.check().map_err(located)?;
    // The axes of what the slices leave; an ellipsis stands for as many as are not named.
    let named = basic.iter().filter(|i| matches!(i, Index::Slice { .. } | Index::At(_))).count();
    let lengths = |i: &Index| match i {
        Index::At(_) => 0,
        Index::Ellipsis => x.ndim().map_or(0, |n| n - named),
        _ => 1,
    };
    let axes: Vec<usize> = at.iter().map(|&at| basic[..at].iter().map(lengths).sum()).collect();
    for (list, &d) in lists.iter().zip(&axes) {
        if let Some(m) = list.len.filter(|&m| m != sliced.shape().map_or(m, |s| s[d])) {
            let n = sliced.shape()?[d];
            return Err(cx.error_of(
                ErrorKind::Index,
                list.span,
                format!("the mask has length {m} along axis {d}, which has {n}"),
            ));
        }
    }
    let (shape, indices) = broadcast(&lists).ok_or_else(|| {
        let shapes: Vec<String> = lists.iter().map(|l| format!("{:?}", l.shape)).collect();
        let message = format!("indices of shapes {} do not broadcast", shapes.join(" and "));
        let hint =
            format!("or to more than {MAX_POINTS} points; choose along one axis after the other: x[a][:, b]");
        located(Error::new(ErrorKind::Shape, message).hint(hint))
    })?;
    let signed: Vec<i64> = axes.iter().map(|&d| d as i64).collect();
    let points = sliced.take_points(&signed, &indices.iter().map(Vec::as_slice).collect::<Vec<_>>());
    points.check().map_err(located)?;
    let rest = points.shape()?[1..].iter().map(|&n| n as i64);
    let made = points.reshape(&shape.iter().map(|&n| n as i64).chain(rest).collect::<Vec<_>>());
    if !together {
        return Ok(made);
    }
    // Where nothing lies between them they stand where the first one stood.
    let (own, first) = (shape.len(), axes[0]);
    let order = (own..own + first).chain(0..own).chain(own + first..made.ndim()?);
    Ok(made.transpose(&order.map(|d| d as i64).collect::<Vec<_>>()))
}

/// The lists that an array of integers or a mask stands for, one for each axis.
fn lists_of(cx: &Cx, item: Item) -> Result<Vec<List>> {
    let span = item.span;
    let by = item.array(cx, "an index")?;
    axes_of(cx, span, &by)?;
    if by.dtype()? != DType::Bool {
        let shape = by.shape()?.iter().map(|&n| n as usize).collect();
        return Ok(vec![List { shape, indices: whole_numbers(cx, span, &by)?, len: None, span }]);
    }
    let places = places(cx, span, &by)?;
    let each = places.columns().into_iter().zip(by.shape()?);
    Ok(each
        .map(|(column, &n)| List {
            shape: vec![places.nrows()],
            indices: column.to_vec(),
            len: Some(n),
            span,
        })
        .collect())
}

/// The shape to which lists broadcast, and their indices for each of its elements; nothing if they do not, or
/// to too many.
fn broadcast(lists: &[List]) -> Option<(Vec<usize>, Vec<Vec<i64>>)> {
    let rank = lists.iter().map(|l| l.shape.len()).max()?;
    let mut shape = vec![1; rank];
    for list in lists {
        for (n, &own) in shape.iter_mut().rev().zip(list.shape.iter().rev()) {
            match (*n, own) {
                (1, own) => *n = own,
                (n, own) if own == 1 || own == n => {}
                _ => return None,
            }
        }
    }
    let points = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if points.is_none_or(|n| n > MAX_POINTS) {
        return None;
    }
    let all = lists.iter().map(|list| {
        let own = ndarray::ArrayView::from_shape(&list.shape[..], &list.indices).ok()?;
        Some(own.broadcast(&shape[..])?.iter().copied().collect())
    });
    Some((shape.clone(), all.collect::<Option<_>>()?))
}

/// How many axes of `x` a list or mask stands for.
fn axes_of(cx: &Cx, span: Span, by: &Array) -> Result<usize> {
    match by.dtype()? {
        DType::Bool if by.ndim()? == 0 => Err(cx.error(span, "one bool is no mask")),
        DType::Bool => by.ndim(),
        d if d.is_float() && by.shape()?.iter().product::<u64>() > 0 => Err(cx
            .error(span, format!("an array of {d} cannot be an index"))
            .hint("an index is of whole numbers, or a mask of bools")),
        _ => Ok(1),
    }
}

/// What `by` chooses from axis `axis` of `x` on.
fn along(cx: &Cx, span: Span, x: &Array, by: &Array, axis: usize) -> Result<Array> {
    let located = |e| cx.at(span, e);
    let shape: Vec<i64> = x.shape()?.iter().map(|&n| n as i64).collect();
    if by.dtype()? != DType::Bool {
        let picks = whole_numbers(cx, span, by)?;
        let taken = x.take(&picks, axis as i64);
        taken.check().map_err(located)?;
        if by.ndim()? == 1 {
            return Ok(taken);
        }
        let own = by.shape()?.iter().map(|&n| n as i64);
        let after = shape[axis + 1..].iter().copied();
        return Ok(taken.reshape(&shape[..axis].iter().copied().chain(own).chain(after).collect::<Vec<_>>()));
    }
    let mask = by.shape()?;
    lies_on(cx, x, by, axis, span)?;
    fits(cx, span, x.shape()?, mask, axis)?;
    let positions = cx.positions(span, by)?;
    let flat = match mask.len() {
        1 => x.clone(),
        n => {
            let all: i64 = shape[axis..axis + n].iter().product();
            let (before, after) = (shape[..axis].iter(), shape[axis + n..].iter());
            x.reshape(&before.chain([&all]).chain(after).copied().collect::<Vec<_>>())
        }
    };
    Ok(flat.at_positions(&positions, axis))
}

/// Moves axes `from..from + n` before all others.
fn to_the_front(x: &Array, from: usize, n: usize) -> Result<Array> {
    let order = (from..from + n).chain(0..from).chain(from + n..x.ndim()?);
    Ok(x.transpose(&order.map(|d| d as i64).collect::<Vec<_>>()))
}

/// The elements of an array of integers.
fn whole_numbers(cx: &Cx, span: Span, by: &Array) -> Result<Vec<i64>> {
    let elements = cx.elements(span, by)?;
    let whole = |v: Scalar| v.to_i128().and_then(|v| i64::try_from(v).ok());
    let all = elements.scalars().map(whole).collect::<Option<Vec<i64>>>();
    all.ok_or_else(|| cx.error(span, "an index is beyond int64"))
}

/// `numpy.take`
pub fn take(cx: &Cx, mut a: Args) -> Result<Val> {
    let axis = a.take("axis").map(|i| i.int(cx, "axis")).transpose()?;
    let (x, item) = (a.array(cx, "a")?, a.need(cx, "indices")?);
    let span = item.span;
    let by = item.array(cx, "indices")?;
    if by.dtype()? == DType::Bool {
        return Err(cx.error(span, "take takes whole numbers").hint("compress takes a condition"));
    }
    axes_of(cx, span, &by)?;
    let (x, axis) = match axis {
        Some(axis) => (x, axis),
        None => (x.ravel(), 0),
    };
    let d = if axis < 0 { axis + x.ndim()? as i64 } else { axis };
    match usize::try_from(d).ok().filter(|&d| x.ndim().is_ok_and(|n| d < n)) {
        Some(d) => Ok(Val::Array(along(cx, span, &x, &by, d)?)),
        // The library says what is wrong with it.
        None => Ok(Val::Array(x.take(&[], axis))),
    }
}

/// `numpy.compress`
pub fn compress(cx: &Cx, mut a: Args) -> Result<Val> {
    let axis = a.take("axis").map(|i| i.int(cx, "axis")).transpose()?;
    let item = a.need(cx, "condition")?;
    let span = item.span;
    let (condition, x) = (item.array(cx, "condition")?, a.array(cx, "a")?);
    if condition.ndim()? != 1 {
        return Err(cx.error(span, "the condition must have one axis").hint("x[mask] and extract take more"));
    }
    let x = if axis.is_none() { x.ravel() } else { x };
    let positions = cx.positions(span, &condition)?;
    Ok(Val::Array(x.take(&positions, axis.unwrap_or(0))))
}

/// `numpy.extract`
pub fn extract(cx: &Cx, mut a: Args) -> Result<Val> {
    let item = a.need(cx, "condition")?;
    let span = item.span;
    let (condition, x) = (item.array(cx, "condition")?, a.array(cx, "arr")?);
    let positions = cx.positions(span, &condition)?;
    Ok(Val::Array(x.ravel().take(&positions, 0)))
}

/// `numpy.flatnonzero`
pub fn flatnonzero(cx: &Cx, mut a: Args) -> Result<Val> {
    let (span, x) = (a.span, a.array(cx, "a")?);
    let positions = cx.beforehand().and_then(|s| s.flatnonzero(&x)).map_err(|e| cx.at(span, e))?;
    Ok(Val::Array(Array::from_ndarray(ndarray::Array1::from_vec(positions))))
}

/// `numpy.argwhere`
pub fn argwhere(cx: &Cx, mut a: Args) -> Result<Val> {
    let (span, x) = (a.span, a.array(cx, "a")?);
    Ok(Val::Array(Array::from_ndarray(places(cx, span, &x)?)))
}

/// `numpy.nonzero`
pub fn nonzero(cx: &Cx, mut a: Args) -> Result<Val> {
    let (span, x) = (a.span, a.array(cx, "a")?);
    if x.ndim()? == 0 {
        return Err(cx.error(span, "nonzero takes an array with axes"));
    }
    let places = places(cx, span, &x)?;
    let each = places.columns().into_iter().map(|column| {
        let value = Val::Array(Array::from_ndarray(column.to_owned()));
        Item { value, span }
    });
    Ok(Val::Tuple(each.collect()))
}

/// The indices of the elements that are not zero, one row each.
fn places(cx: &Cx, span: Span, x: &Array) -> Result<ndarray::Array2<i64>> {
    let positions = cx.beforehand().and_then(|s| s.flatnonzero(x)).map_err(|e| cx.at(span, e))?;
    let shape = x.shape()?;
    let mut places = ndarray::Array2::zeros((positions.len(), shape.len()));
    for (mut row, mut at) in places.rows_mut().into_iter().zip(positions) {
        for (place, &n) in row.iter_mut().zip(shape).rev() {
            (*place, at) = (at % n as i64, at / n as i64);
        }
    }
    Ok(places)
}
