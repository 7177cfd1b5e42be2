//! Elements by the names and coordinates of axes, as xarray's `sel` and `isel`.

use super::super::args::{Args, word};
use super::super::catalogue::Kind;
use super::super::chosen::lies_along;
use super::super::cx::Cx;
use super::super::syntax::Span;
use super::super::value::{Item, Val};
use super::row::{Function, functions};
use crate::array::Coordinates;
use crate::{Array, DType, Dimension, ErrorKind, Index, Label, Result, SelMethod, Weak};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// Elements by coordinates: sel(t, lat=45, lon=slice(0, 30), time='2001-02', method='nearest').
    /// A slice has both of its ends, a date all that it says, a list its elements in their order.
    Choice "sel(a, *, method=None, **indexers)"
        eg "sel(with_dims([1, 2, 3], lat=[10, 20, 30]), lat=slice(15, 30))" = sel;
    /// Elements by positions along axes of these names: isel(t, time=-1, lat=slice(0, 10), lon=[0, 4]).
    Choice "isel(a, **indexers)" eg "isel(with_dims([[1, 2], [3, 4]], y=None, x=None), x=0)" = isel;
    /// The same array, with names for its axes, in their order, and their coordinates or None.
    Shape "with_dims(a, **coordinates)" eg "sel(with_dims([1, 2, 3], lat=[10, 20, 30]), lat=20)" = with_dims;
};

const METHODS: &[(&str, SelMethod)] = &[
    ("nearest", SelMethod::Nearest),
    ("pad", SelMethod::Pad),
    ("ffill", SelMethod::Pad),
    ("backfill", SelMethod::Backfill),
    ("bfill", SelMethod::Backfill),
];

fn sel(cx: &Cx, mut a: Args) -> Result<Val> {
    let mut array = a.array(cx, "a")?;
    let method = word(cx, a.take("method"), "method", METHODS, SelMethod::Exact)?;
    for (name, item) in &a.rest {
        let axis = array.axis_named(&name.name).map_err(|e| cx.at(name.span, e))? as usize;
        let coordinates = array.coordinates_of(axis).map_err(|e| cx.at(name.span, e))?;
        let all = cx.elements(name.span, &coordinates)?.scalars().collect();
        let along = Coordinates::new(&name.name, &coordinates, all)?;
        let found = along.sel(&array, axis, &label(cx, item)?, method);
        let found = found.map_err(|e| cx.at(item.span, e))?;
        array = match &item.value {
            Val::Array(labels) if labels.ndim()? == 1 => lies_along(found, labels, axis),
            _ => found,
        };
    }
    Ok(Val::Array(array))
}

/// What is looked up along an axis.
fn label(cx: &Cx, item: &Item) -> Result<Label> {
    let end = |item: &Item| match item.value {
        Val::None => Ok(None),
        _ => label(cx, item).map(|label| Some(Box::new(label))),
    };
    match &item.value {
        Val::Str(date) => Ok(Label::Date(date.clone())),
        Val::Scalar(number) => Ok(Label::At(*number)),
        Val::Tuple(items) | Val::List(items) => {
            items.iter().map(|item| label(cx, item)).collect::<Result<_>>().map(Label::Each)
        }
        Val::Slice(parts) => {
            let step = match &parts[2].value {
                Val::None => 1,
                _ => u64::try_from(parts[2].int(cx, "the step")?).unwrap_or(0),
            };
            if step == 0 {
                return Err(cx.error(parts[2].span, "the step of coordinates is 1 or more"));
            }
            Ok(Label::Between { from: end(&parts[0])?, to: end(&parts[1])?, step })
        }
        _ => {
            let array = item.clone().array(cx, "a coordinate")?;
            if array.dtype()? == DType::Bool || array.ndim()? > 1 {
                let e = cx.error_of(
                    ErrorKind::Type,
                    item.span,
                    "a coordinate is a number, a date, a slice or a list",
                );
                return Err(e.hint("a mask selects in brackets: x[:, mask]"));
            }
            let labels = cx.elements(item.span, &array)?;
            let mut labels: Vec<Label> = labels
                .scalars()
                .map(|v| Label::At(v.to_i128().map_or(Weak::Float(v.to_f64()), Weak::Int)))
                .collect();
            match array.ndim()? {
                0 if labels.len() == 1 => Ok(labels.remove(0)),
                _ => Ok(Label::Each(labels)),
            }
        }
    }
}

fn isel(cx: &Cx, mut a: Args) -> Result<Val> {
    let mut array = a.array(cx, "a")?;
    for (name, item) in &a.rest {
        let axis = array.axis_named(&name.name).map_err(|e| cx.at(name.span, e))? as usize;
        let at = |index: Index| {
            let mut all = vec![Index::ALL; axis + 1];
            all[axis] = index;
            array.index(all)
        };
        let found = match &item.value {
            Val::Scalar(_) => at(Index::At(item.int(cx, "a position")?)),
            Val::Slice(parts) => {
                let bound = |item: &Item| match item.value {
                    Val::None => Ok(None),
                    _ => item.int(cx, "a position").map(Some),
                };
                let (start, stop) = (bound(&parts[0])?, bound(&parts[1])?);
                at(Index::Slice { start, stop, step: bound(&parts[2])?.unwrap_or(1) })
            }
            Val::Tuple(_) | Val::List(_) => array.take(&item.ints(cx, "positions")?, axis as i64),
            _ => {
                let positions = item.clone().array(cx, "positions")?;
                if !positions.dtype()?.is_integer() || positions.ndim()? > 1 {
                    let what = "a position is a whole number, a slice or a list of whole numbers";
                    return Err(cx.error_of(ErrorKind::Type, item.span, what));
                }
                let all = cx.elements(item.span, &positions)?;
                let all: Vec<i64> = all.scalars().filter_map(|v| i64::try_from(v.to_i128()?).ok()).collect();
                match positions.ndim()? {
                    0 if all.len() == 1 => at(Index::At(all[0])),
                    _ => array.take(&all, axis as i64),
                }
            }
        };
        found.check().map_err(|e| cx.at(item.span, e))?;
        array = found;
    }
    Ok(Val::Array(array))
}

fn with_dims(cx: &Cx, mut a: Args) -> Result<Val> {
    let array = a.array(cx, "a")?;
    let shape = array.shape()?.to_vec();
    if shape.len() != a.rest.len() {
        let message = format!("{} names for {} axes", a.rest.len(), shape.len());
        let e = cx.error_of(ErrorKind::Shape, a.span, message);
        return Err(e.hint("each axis has its own, in their order: with_dims(x, time=None, lat=[10, 20])"));
    }
    let mut dimensions = Vec::with_capacity(shape.len());
    for ((name, item), len) in a.rest.iter().zip(&shape) {
        let dimension = Dimension::new(&name.name);
        dimensions.push(Some(match &item.value {
            Val::None => dimension,
            _ => {
                let coordinates = item.clone().array(cx, "coordinates")?;
                fits(cx, item.span, &coordinates, *len)?;
                dimension.with_coordinates(move || Ok(coordinates.clone()))
            }
        }));
    }
    Ok(Val::Array(array.with_dimensions(dimensions)))
}

fn fits(cx: &Cx, span: Span, coordinates: &Array, len: u64) -> Result<()> {
    match coordinates.shape()? {
        [n] if *n == len => Ok(()),
        shape => {
            let shape = crate::grid::show_shape(shape);
            let message = format!("coordinates of shape {shape} for an axis of length {len}");
            Err(cx.error_of(ErrorKind::Shape, span, message))
        }
    }
}
