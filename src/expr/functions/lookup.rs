//! Elements looked up in a table. The table is computed at once, by a run of its own; what is looked up is lazy.

use super::super::args::{Args, word};
use super::super::cx::Cx;
use super::super::value::{Item, Val};
use crate::{Interp, Result, Side, Table};

/// The elements of an argument, beforehand.
fn table(cx: &Cx, item: Item, what: &str) -> Result<(Table, usize)> {
    let span = item.span;
    let array = item.array(cx, what)?;
    let elements = cx.elements(span, &array)?;
    Ok((Table::of_bytes(elements.dtype, &elements.bytes), array.ndim()?))
}

/// The same, of what must have one axis.
pub fn list(cx: &Cx, item: Item, what: &str) -> Result<Table> {
    let span = item.span;
    match table(cx, item, what)? {
        (table, 1) => Ok(table),
        (_, axes) => Err(cx.error(span, format!("{what} has {axes} axes and must have one"))),
    }
}

/// `numpy.searchsorted`
pub fn searchsorted(cx: &Cx, mut a: Args) -> Result<Val> {
    let side = word(cx, a.take("side"), "side", &[("left", Side::Left), ("right", Side::Right)], Side::Left)?;
    let table = list(cx, a.need(cx, "a")?, "a")?;
    Ok(Val::Array(a.array(cx, "v")?.searchsorted(table, side)))
}

/// `numpy.digitize`
pub fn digitize(cx: &Cx, mut a: Args) -> Result<Val> {
    let right = a.take("right").map(|r| r.bool(cx, "right")).transpose()?.unwrap_or(false);
    let bins = list(cx, a.need(cx, "bins")?, "bins")?;
    Ok(Val::Array(a.array(cx, "x")?.digitize(bins, if right { Side::Right } else { Side::Left })))
}

/// `numpy.isin`
pub fn isin(cx: &Cx, mut a: Args) -> Result<Val> {
    let invert = a.take("invert").map(|i| i.bool(cx, "invert")).transpose()?.unwrap_or(false);
    let (test, _) = table(cx, a.need(cx, "test_elements")?, "test_elements")?;
    let found = a.array(cx, "element")?.isin(test);
    Ok(Val::Array(if invert { found.logical_not() } else { found }))
}

/// `numpy.interp`
pub fn interp(cx: &Cx, mut a: Args) -> Result<Val> {
    let float = |a: &mut Args, name| a.take(name).map(|v| v.float(cx, name)).transpose();
    let (left, right, period) = (float(&mut a, "left")?, float(&mut a, "right")?, float(&mut a, "period")?);
    let mut floats = |name| -> Result<Vec<f64>> { Ok(list(cx, a.need(cx, name)?, name)?.to_f64()) };
    let mut points = Interp::new(floats("xp")?, floats("fp")?);
    for (value, set) in
        [(left, Interp::left as fn(Interp, f64) -> Interp), (right, Interp::right), (period, Interp::period)]
    {
        if let Some(value) = value {
            points = set(points, value);
        }
    }
    Ok(Val::Array(a.array(cx, "x")?.interp(&points)))
}
