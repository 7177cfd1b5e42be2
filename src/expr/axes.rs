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
    let array = match bound.slots.first() {
        Some((_, Some(Item { value: Val::Array(array), .. }))) => array.clone(),
        Some((_, Some(Item { value: Val::Stored(stored), .. }))) => match stored.array() {
            Ok(array) => array,
            // What cannot be opened is an error where it is used.
            Err(_) => return Ok(()),
        },
        _ => return Ok(()),
    };
    let axes = bound.slots.iter_mut().filter(|(param, _)| PARAMS.contains(param));
    axes.filter_map(|(_, item)| item.as_mut()).try_for_each(|item| item_number(cx, &array, item))
}

fn item_number(cx: &Cx, array: &Array, item: &mut Item) -> Result<()> {
    match &mut item.value {
        Val::Tuple(items) | Val::List(items) => {
            items.iter_mut().try_for_each(|item| item_number(cx, array, item))?;
        }
        Val::Str(name) => {
            let axis = array.axis_named(name).map_err(|e| cx.at(item.span, e))?;
            item.value = Val::Scalar(Weak::Int(axis.into()));
        }
        _ => {}
    }
    Ok(())
}
