//! Reductions of data in which NaN stands for what is missing leave it out, as xarray's with `skipna`: `mean` is `nanmean`.
//! Of other data NaN is NaN, as in NumPy.

use super::args::Args;
use super::cx::Cx;
use super::selected::elementwise;
use super::value::{Item, Val};
use crate::ops::elementwise::Op;
use crate::{Reduction, Result};

/// Whether a reduction of this leaves out NaN.
///
/// # Errors
/// That of an array that cannot be.
pub fn skips(cx: &Cx, item: &Item) -> Result<bool> {
    match &item.value {
        _ if !cx.skips_missing => Ok(false),
        Val::Array(array) => array.has_missing(),
        Val::Selection(selection) => selection.values().has_missing(),
        // What cannot be opened is an error where it is used, with its place.
        Val::Stored(stored) => stored.array().map_or(Ok(false), |a| a.has_missing()),
        _ => Ok(false),
    }
}

/// The reduction of values by group or bin: the one that leaves out NaN, if there is one and that is meant.
///
/// # Errors
/// As [`skips`].
pub fn reduction(cx: &Cx, values: &Item, reduction: Reduction) -> Result<Reduction> {
    let form = || Reduction::from_name(&format!("nan{}", reduction.name()));
    Ok(if skips(cx, values)? { form().unwrap_or(reduction) } else { reduction })
}

/// Takes the elements of `x` that are NaN from what the argument `where` lets through.
///
/// # Errors
/// `Expression` if `where` does not fit.
pub fn leave_out(cx: &Cx, a: &mut Args, param: &str, x: &Item) -> Result<()> {
    let named = |item: &Item, name: &str| (item.clone(), name.to_string());
    let there = elementwise(cx, Op::EQUAL, vec![named(x, param), named(x, param)])?;
    let mut seen = Item { value: there, span: x.span };
    if let Some(mask) = a.take("where") {
        seen.span = mask.span;
        seen.value = elementwise(cx, Op::LOGICAL_AND, vec![named(&mask, "where"), named(&seen, param)])?;
    }
    a.put("where", seen);
    Ok(())
}
