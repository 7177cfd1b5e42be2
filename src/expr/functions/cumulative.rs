//! What goes on along an axis, and the largest elements.

use super::super::args::Args;
use super::super::cx::Cx;
use super::super::value::Val;
use crate::{Array, Over, Result};

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

pub fn cumulative(cx: &Cx, mut a: Args, f: fn(&Array, Over) -> Array) -> Result<Val> {
    let x = a.array(cx, "a")?;
    Ok(Val::Array(f(&x, along(cx, &mut a)?)))
}

/// `numpy.cumulative_sum` and its like, which can begin with the sum of nothing.
pub fn from_initial(cx: &Cx, mut a: Args, f: fn(&Array, Over, bool) -> Array) -> Result<Val> {
    let x = a.array(cx, "x")?;
    let initial = a.take("include_initial").map(|i| i.bool(cx, "include_initial")).transpose()?;
    Ok(Val::Array(f(&x, along(cx, &mut a)?, initial.unwrap_or(false))))
}

pub fn top(cx: &Cx, mut a: Args, f: fn(&Array, i64, i64) -> Array) -> Result<Val> {
    let axis = a.take("axis").map(|i| i.int(cx, "axis")).transpose()?.unwrap_or(-1);
    let k = a.need(cx, "k")?.int(cx, "k")?;
    Ok(Val::Array(f(&a.array(cx, "a")?, k, axis)))
}
