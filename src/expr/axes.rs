//! Axes by the names that a file gives them: `mean(t2m, axis='time')`.

use super::args::Args;
use super::cx::Cx;
use super::stored::Stored;
use super::value::{Item, Val};
use crate::source::hdf5::{AttributeValue, Dataset, Object};
use crate::{Array, Dimension, Join, Result, Weak};
use std::sync::Arc;

/// Parameters that are axes, or several of them.
const PARAMS: [&str; 5] = ["axis", "axes", "axis1", "axis2", "source"];

/// What the attribute `NAME` begins with of a scale that only says how long an axis is.
const NO_VARIABLE: &str = "This is a netCDF dimension but not a netCDF variable";

/// Puts the numbers of axes in the place of their names, where an array comes first.
///
/// # Errors
/// `Expression` for a name that no axis of the array has.
pub fn number(cx: &Cx, bound: &mut Args) -> Result<()> {
    let array = match bound.slots.first() {
        Some((_, Some(Item { value: Val::Array(array), .. }))) => array.clone(),
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

/// What the axes of a dataset are by its file; of many files, by the first.
pub fn of(stored: &Stored) -> Vec<Option<Dimension>> {
    let Ok((dataset, object)) = stored.described() else { return Vec::new() };
    let rank = dataset.shape.as_ref().map_or(0, Vec::len);
    let mut axes: Vec<_> = (0..rank).map(|axis| dimension(stored, &dataset, &object, axis)).collect();
    if let Join::Stack { axis } = stored.join() {
        let from_end = axis + rank as i64 + 1;
        let at = usize::try_from(if axis < 0 { from_end } else { axis }).unwrap_or(0);
        axes.insert(at.min(rank), None);
    }
    axes
}

fn dimension(stored: &Stored, dataset: &Dataset, object: &Object, axis: usize) -> Option<Dimension> {
    let scale = match dataset.scales.get(axis).and_then(|scales| scales.first()) {
        Some(scale) => Some(stored.at(scale)),
        // A scale is that of its own axis.
        None => (dataset.scale && dataset.shape.as_ref()?.len() == 1).then(|| stored.clone()),
    };
    let Some(scale) = scale else {
        let label = dataset.dimensions.get(axis).cloned().or_else(|| label(object, axis));
        return label.map(|label| Dimension::new(&label));
    };
    let dimension = Dimension::new(scale.path().rsplit('/').next().unwrap_or_default());
    let scale = Arc::new(scale);
    Some(dimension.with_any_coordinates(move || coordinates(&scale)))
}

/// What a scale says of the places along its axis, as numbers.
fn coordinates(scale: &Stored) -> Result<Option<Array>> {
    let (_, object) = scale.described()?;
    let named = object.attributes.iter().any(|a| a.name == "NAME" && text_begins(&a.value, NO_VARIABLE));
    match named || scale.is_text() {
        true => Ok(None),
        false => scale.array().map(|array| Some(array.made_by(scale.path().trim_start_matches('/')))),
    }
}

fn text_begins(value: &AttributeValue, with: &str) -> bool {
    matches!(value, AttributeValue::Strings(texts) if texts.iter().any(|text| text.starts_with(with)))
}

/// The label of an axis, as HDF5's dimension scales have them beside scales.
fn label(object: &Object, axis: usize) -> Option<String> {
    let labels = object.attributes.iter().find(|a| a.name == "DIMENSION_LABELS")?;
    match &labels.value {
        AttributeValue::Strings(labels) => labels.get(axis).filter(|label| !label.is_empty()).cloned(),
        _ => None,
    }
}
