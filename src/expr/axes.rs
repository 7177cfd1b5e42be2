//! Axes by the names that a file gives them: `mean(t2m, axis='time')`. Weights and masks along one of them lie along it, as
//! xarray has it, wherever it is; elsewhere NumPy's broadcasting stands, and what it would lay on another axis of the
//! same length is refused.

use super::args::Args;
use super::cx::Cx;
use super::syntax::Span;
use super::value::{Item, Val};
use crate::{Array, ArrayOperand, ErrorKind, Index, Result, Weak};

/// Parameters that are axes, or several of them.
const PARAMS: [&str; 5] = ["axis", "axes", "axis1", "axis2", "source"];

/// Parameters that lie beside the elements of the array that comes first.
const BESIDE: [&str; 2] = ["weights", "where"];

/// Puts the numbers of axes in the place of their names, where an array comes first.
///
/// # Errors
/// `Expression` for a name that no axis of the array has.
pub fn number(cx: &Cx, bound: &mut Args) -> Result<()> {
    let Some(first) = bound.slots.first().and_then(|(_, item)| Named::of(item.as_ref()?)) else {
        return Ok(());
    };
    for (param, item) in &mut bound.slots {
        let Some(item) = item else { continue };
        if PARAMS.contains(param) {
            first.number(cx, item)?;
        } else if BESIDE.contains(param) {
            first.lay_along(item)?;
        }
    }
    Ok(())
}

/// Checks that broadcasting lays no axis on one of another name, where its own is there too: what was reduced over `time` and
/// `lon` has the axis `lat`, which NumPy lays on `lon`.
///
/// # Errors
/// `Expression`, with a caret at the operand.
pub fn check_laid(cx: &Cx, operands: &[ArrayOperand], spans: &[Span]) -> Result<()> {
    let arrays = operands.iter().zip(spans).filter_map(|(operand, span)| Some((operand.as_array()?, *span)));
    let arrays: Vec<(&Array, Span)> = arrays.filter(|(array, _)| array.ndim().is_ok_and(|n| n > 0)).collect();
    let Some((largest, _)) = arrays.iter().max_by_key(|(array, _)| array.ndim().unwrap_or(0)) else {
        return Ok(());
    };
    let rank = largest.ndim()?;
    for (array, span) in arrays.iter().filter(|(array, _)| array.ndim().is_ok_and(|n| n < rank)) {
        let own = array.dimensions()?;
        if own.iter().all(Option::is_none) {
            continue;
        }
        let names = largest.dimensions()?;
        let first = rank - own.len();
        for (d, dimension) in own.iter().enumerate() {
            let (Some(dimension), Some(on)) = (dimension, &names[first + d]) else { continue };
            let elsewhere = names.iter().flatten().any(|n| n.name() == dimension.name());
            if dimension.name() != on.name() && elsewhere {
                let message = format!("the axis '{}' would lie on '{}'", dimension.name(), on.name());
                let e = cx.error_of(ErrorKind::Shape, *span, message);
                return Err(e.hint("keepdims=True keeps the axes of a reduction, and x[:, None] places one"));
            }
        }
    }
    Ok(())
}

/// An array whose axes may have names.
struct Named {
    array: Array,
    /// How many of its first axes a mask makes one.
    masked: usize,
}

impl Named {
    fn of(item: &Item) -> Option<Named> {
        match &item.value {
            Val::Array(array) => Some(Named { array: array.clone(), masked: 1 }),
            Val::Selection(s) => Some(Named { array: s.values().clone(), masked: s.mask().ndim().ok()? }),
            // What cannot be opened is an error where it is used.
            Val::Stored(stored) => Some(Named { array: stored.array().ok()?, masked: 1 }),
            _ => None,
        }
    }

    fn number(&self, cx: &Cx, item: &mut Item) -> Result<()> {
        match &mut item.value {
            Val::Tuple(items) | Val::List(items) => items.iter_mut().try_for_each(|i| self.number(cx, i))?,
            // Where there are no names a string is no axis at all.
            Val::Str(_) if self.array.dimensions()?.iter().all(Option::is_none) => {}
            Val::Str(name) => {
                let axis = self.array.axis_named(name).map_err(|e| cx.at(item.span, e))?;
                let merged = self.masked.saturating_sub(1) as i64;
                if merged > 0 && axis <= merged {
                    let e = cx.error(item.span, format!("what the mask selects has no axis '{name}'"));
                    return Err(e.hint("a mask of several axes makes them one; where=mask keeps them"));
                }
                item.value = Val::Scalar(Weak::Int((axis - merged).into()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Lays an array of one axis along that of its name.
    fn lay_along(&self, item: &mut Item) -> Result<()> {
        let beside = match &item.value {
            Val::Array(array) => array.clone(),
            Val::Stored(stored) => match stored.array() {
                Ok(array) => array,
                Err(_) => return Ok(()),
            },
            _ => return Ok(()),
        };
        let rank = self.array.ndim()?;
        if self.masked > 1 || rank < 2 || beside.ndim()? != 1 {
            return Ok(());
        }
        let [Some(dimension)] = &beside.dimensions()?[..] else { return Ok(()) };
        let Ok(axis) = self.array.axis_named(dimension.name()) else { return Ok(()) };
        let after = rank - 1 - axis as usize;
        if after > 0 {
            let mut index = vec![Index::from(..)];
            index.resize(1 + after, Index::NewAxis);
            item.value = Val::Array(beside.index(index));
        }
        Ok(())
    }
}
