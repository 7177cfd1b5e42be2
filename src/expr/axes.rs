//! Axes by the names that a file gives them: `mean(t2m, axis='time')`.

use super::args::Args;
use super::cx::Cx;
use super::value::{Item, Val};
use crate::{Array, Result, Weak};

/// Parameters that are axes, or several of them.
const PARAMS: [&str; 5] = ["axis", "axes", "axis1", "axis2", "source"];

/// Puts the numbers of axes in the place of their names, where an array comes first.
///
/// # Errors
/// `Expression` for a name that no axis of the array has.
pub fn number(cx: &Cx, bound: &mut Args) -> Result<()> {
    let Some(first) = bound.slots.first().and_then(|(_, item)| Named::of(item.as_ref()?)) else {
        return Ok(());
    };
    let axes = bound.slots.iter_mut().filter(|(param, _)| PARAMS.contains(param));
    axes.filter_map(|(_, item)| item.as_mut()).try_for_each(|item| first.number(cx, item))
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
}
