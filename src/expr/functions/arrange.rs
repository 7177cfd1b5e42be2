//! Elements in other places.

use super::super::args::Args;
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::value::{Item, Val};
use super::row::{Function, functions};
use crate::{Array, Result, broadcast_arrays, column_stack, dstack, hstack, indices, meshgrid, vstack};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// With two axes exchanged.
    Shape "swapaxes(a, axis1, axis2)" eg "swapaxes([[1, 2, 3], [4, 5, 6]], 0, 1)" = |cx, mut a| {
        let axes = (a.need(cx, "axis1")?.int(cx, "axis1")?, a.need(cx, "axis2")?.int(cx, "axis2")?);
        Ok(Val::Array(a.array(cx, "a")?.swapaxes(axes.0, axes.1)))
    };
    /// With axes moved to other positions; the others stay in their order.
    Shape "moveaxis(a, source, destination)" eg "moveaxis(zeros((2, 3, 4)), 0, -1).shape[2]" = |cx, mut a| {
        let source = a.need(cx, "source")?.ints(cx, "source")?;
        let destination = a.need(cx, "destination")?.ints(cx, "destination")?;
        Ok(Val::Array(a.array(cx, "a")?.moveaxis(&source, &destination)))
    };
    /// The elements in reverse order along axes, along all of them if none is given.
    Shape "flip(m, axis=None)" eg "flip([[1, 2], [3, 4]], axis=1)" = |cx, mut a| {
        let axes = axes(cx, &mut a, "axis")?.unwrap_or_default();
        Ok(Val::Array(a.array(cx, "m")?.flip(&axes)))
    };
    /// The rows in reverse order.
    Shape "flipud(m)" eg "flipud([[1, 2], [3, 4]])" = |cx, mut a| Ok(Val::Array(a.array(cx, "m")?.flip(&[0])));
    /// The columns in reverse order.
    Shape "fliplr(m)" eg "fliplr([[1, 2], [3, 4]])" = |cx, mut a| Ok(Val::Array(a.array(cx, "m")?.flip(&[1])));
    /// Turned by k times 90 degrees in the plane of two axes, (0, 1) if not given.
    Shape "rot90(m, k=1, axes=None)" eg "rot90([[1, 2], [3, 4]])" = rot90;
    /// Moved along axes, those beyond the end coming back at the beginning; without an axis, in C order.
    Shape "roll(a, shift, axis=None)" eg "roll([1, 2, 3, 4, 5], 2)" = |cx, mut a| {
        let shift = a.need(cx, "shift")?.ints(cx, "shift")?;
        let axes = axes(cx, &mut a, "axis")?.unwrap_or_default();
        Ok(Val::Array(a.array(cx, "a")?.roll(&shift, &axes)))
    };
    /// Each element repeated, once for all or as often as a list says for each.
    Shape "repeat(a, repeats, axis=None)" eg "repeat([1, 2, 3], [2, 0, 1])" = |cx, mut a| {
        let repeats = a.need(cx, "repeats")?.shape(cx, "repeats")?;
        let axis = axis(cx, &mut a)?;
        Ok(Val::Array(a.array(cx, "a")?.repeat(&repeats, axis)))
    };
    /// The whole array repeated along its axes.
    Shape "tile(A, reps)" eg "tile([1, 2], (2, 2))" = |cx, mut a| {
        let reps = a.need(cx, "reps")?.shape(cx, "reps")?;
        Ok(Val::Array(a.array(cx, "A")?.tile(&reps)))
    };
    /// With at least one axis.
    Shape "atleast_1d(a)" eg "atleast_1d(7)" = |cx, mut a| Ok(Val::Array(a.array(cx, "a")?.atleast_1d()));
    /// With at least two axes, new ones first.
    Shape "atleast_2d(a)" eg "atleast_2d([1, 2])" = |cx, mut a| Ok(Val::Array(a.array(cx, "a")?.atleast_2d()));
    /// With at least three axes: a row becomes (1, n, 1), a matrix (m, n, 1).
    Shape "atleast_3d(a)" eg "atleast_3d([1, 2])" = |cx, mut a| Ok(Val::Array(a.array(cx, "a")?.atleast_3d()));
    /// Each in the shape that all of them broadcast to, in a tuple; arrays is one too.
    Shape "broadcast_arrays(a, b, c=None, d=None)" eg "broadcast_arrays([1, 2], [[3], [4]])[0]" = |cx, mut a| {
        let mut all = vec![a.array(cx, "a")?, a.array(cx, "b")?];
        for param in ["c", "d"] {
            all.extend(a.take(param).map(|i| i.array(cx, param)).transpose()?);
        }
        let span = a.span;
        Ok(several(broadcast_arrays(&all).map_err(|e| cx.at(span, e))?, &a))
    };
    /// Rows one after the other, matrices beside each other.
    Shape "hstack(tup)" eg "hstack(([1, 2], [3, 4]))" = |cx, a| stacked(cx, a, hstack);
    /// Rows and matrices under each other.
    Shape "vstack(tup)" | "row_stack" eg "vstack(([1, 2], [3, 4]))" = |cx, a| stacked(cx, a, vstack);
    /// One behind the other along a third axis.
    Shape "dstack(tup)" eg "dstack(([1, 2], [3, 4]))" = |cx, a| stacked(cx, a, dstack);
    /// Rows as the columns of a matrix.
    Shape "column_stack(tup)" eg "column_stack(([1, 2], [3, 4]))" = |cx, a| stacked(cx, a, column_stack);
    /// Values after the elements along an axis, or after all of them in C order.
    Shape "append(arr, values, axis=None)" eg "append([1, 2], [3])" = |cx, mut a| {
        let values = a.array(cx, "values")?;
        let axis = axis(cx, &mut a)?;
        Ok(Val::Array(a.array(cx, "arr")?.append(&values, axis)))
    };
    /// Values before the elements at one index or at a list of them.
    Shape "insert(arr, obj, values, axis=None)" eg "insert([1, 2, 3], 1, 9)" = insert;
    /// Without the elements at an index or a list of them.
    Shape "delete(arr, obj, axis=None)" eg "delete([1, 2, 3, 4], [0, 2])" = |cx, mut a| {
        let indices = a.need(cx, "obj")?.ints(cx, "obj")?;
        let axis = axis(cx, &mut a)?;
        Ok(Val::Array(a.array(cx, "arr")?.delete(&indices, axis)))
    };
    /// Cut along an axis into as many equal pieces, or at indices; a tuple of arrays.
    Shape "split(ary, indices_or_sections, axis=0)" eg "split([1, 2, 3, 4], 2)[1]" =
        |cx, a| split(cx, a, Array::split);
    /// Cut along an axis into as many pieces, the first of which may be longer by one; a tuple of arrays.
    Shape "array_split(ary, indices_or_sections, axis=0)" eg "array_split([1, 2, 3, 4, 5], 2)[0]" =
        |cx, a| split(cx, a, Array::array_split);
    /// Cut along the second axis, or the only one, into equal pieces or at indices; a tuple of arrays.
    Shape "hsplit(ary, indices_or_sections)" eg "hsplit([1, 2, 3, 4], 2)[1]" = |cx, a| {
        let flat = matches!(a.slots.first(), Some((_, Some(i))) if i.clone().array(cx, "ary")?.ndim()? == 1);
        split_along(cx, a, if flat { 0 } else { 1 })
    };
    /// Cut along the first axis into equal pieces or at indices; a tuple of arrays.
    Shape "vsplit(ary, indices_or_sections)" eg "vsplit([[1, 2], [3, 4]], 2)[1]" = |cx, a| split_along(cx, a, 0);
    /// Cut along the third axis into equal pieces or at indices; a tuple of arrays.
    Shape "dsplit(ary, indices_or_sections)" eg "dsplit([[[1, 2]]], 2)[1]" = |cx, a| split_along(cx, a, 2);
    /// The arrays along an axis, which they lose; a tuple.
    Shape "unstack(x, axis=0)" eg "unstack([[1, 2], [3, 4]])[1]" = |cx, mut a| {
        let along = axis(cx, &mut a)?.unwrap_or(0);
        let x = a.array(cx, "x")?;
        Ok(several(x.unstack(along).map_err(|e| cx.at(a.span, e))?, &a))
    };
    /// An axis moved before another one.
    Shape "rollaxis(a, axis, start=0)" eg "rollaxis([[1, 2], [3, 4]], 1)" = |cx, mut a| {
        let from = a.need(cx, "axis")?.int(cx, "axis")?;
        let start = a.take("start").map(|i| i.int(cx, "start")).transpose()?.unwrap_or(0);
        let x = a.array(cx, "a")?;
        let rank = x.ndim()? as i64;
        let count = |n: i64| if n < 0 { n + rank } else { n };
        let (from, mut to) = (count(from), count(start));
        if to > from {
            to -= 1;
        }
        Ok(Val::Array(x.moveaxis(&[from], &[to])))
    };
    /// What a window of some lengths shows as it slides along axes, as new last axes.
    Neighbours "sliding_window_view(x, window_shape, axis=None)"
        eg "sliding_window_view([1, 2, 3, 4], 3)" = sliding_window_view;
    /// Coordinates along axes as those of all points; a tuple of arrays. indexing is 'xy' or 'ij'.
    Creation "meshgrid(x, y, z=None, *, indexing='xy')" eg "meshgrid([1, 2], [3, 4])[1]" = |cx, mut a| {
        let mut all = vec![a.array(cx, "x")?, a.array(cx, "y")?];
        all.extend(a.take("z").map(|i| i.array(cx, "z")).transpose()?);
        let words = [("xy", false), ("ij", true)];
        let matrix = super::super::args::word(cx, a.take("indexing"), "indexing", &words, false)?;
        let span = a.span;
        Ok(several(meshgrid(&all, matrix).map_err(|e| cx.at(span, e))?, &a))
    };
    /// The index along each axis of every element of a shape, the axes first.
    Creation "indices(dimensions)" eg "indices((2, 2))" =
        |cx, mut a| Ok(Val::Array(indices(&a.need(cx, "dimensions")?.shape(cx, "dimensions")?)));
};

/// An axis, if one was given.
pub fn axis(cx: &Cx, a: &mut Args) -> Result<Option<i64>> {
    a.take("axis").map(|i| i.int(cx, "axis")).transpose()
}

/// One or several axes, if any was given.
pub fn axes(cx: &Cx, a: &mut Args, param: &str) -> Result<Option<Vec<i64>>> {
    a.take(param).map(|i| i.ints(cx, param)).transpose()
}

/// Several arrays as a tuple.
pub fn several(arrays: impl IntoIterator<Item = Array>, a: &Args) -> Val {
    Val::Tuple(arrays.into_iter().map(|array| Item { value: Val::Array(array), span: a.span }).collect())
}

fn stacked(cx: &Cx, mut a: Args, f: fn(&[Array]) -> Array) -> Result<Val> {
    let items = a.need(cx, "tup")?.items(cx, "tup", "a tuple of arrays")?;
    Ok(Val::Array(f(&items.into_iter().map(|i| i.array(cx, "tup")).collect::<Result<Vec<_>>>()?)))
}

fn rot90(cx: &Cx, mut a: Args) -> Result<Val> {
    let k = a.take("k").map(|i| i.int(cx, "k")).transpose()?.unwrap_or(1);
    let span = a.span;
    let plane = match axes(cx, &mut a, "axes")?.as_deref() {
        None => (0, 1),
        Some(&[from, to]) => (from, to),
        Some(_) => return Err(cx.error(span, "axes are the two of a plane")),
    };
    Ok(Val::Array(a.array(cx, "m")?.rot90(k, plane)))
}

fn insert(cx: &Cx, mut a: Args) -> Result<Val> {
    let at = a.need(cx, "obj")?;
    let values = a.array(cx, "values")?;
    let axis = axis(cx, &mut a)?;
    let array = a.array(cx, "arr")?;
    Ok(Val::Array(match at.value {
        Val::Scalar(_) => array.insert(at.int(cx, "obj")?, &values, axis),
        _ => array.insert_each(&at.ints(cx, "obj")?, &values, axis),
    }))
}

/// Cut along an axis that the name says.
fn split_along(cx: &Cx, mut a: Args, along: i64) -> Result<Val> {
    let at = a.need(cx, "indices_or_sections")?;
    let array = a.array(cx, "ary")?;
    pieces(cx, &a, &array, at, along, Array::split)
}

fn split(cx: &Cx, mut a: Args, even: fn(&Array, u64, i64) -> Result<Vec<Array>>) -> Result<Val> {
    let along = axis(cx, &mut a)?.unwrap_or(0);
    let at = a.need(cx, "indices_or_sections")?;
    let array = a.array(cx, "ary")?;
    pieces(cx, &a, &array, at, along, even)
}

fn pieces(
    cx: &Cx,
    a: &Args,
    array: &Array,
    at: Item,
    along: i64,
    even: fn(&Array, u64, i64) -> Result<Vec<Array>>,
) -> Result<Val> {
    let pieces = match at.value {
        Val::Scalar(_) => {
            let sections = at.int(cx, "indices_or_sections")?;
            even(array, u64::try_from(sections).unwrap_or(0), along)
        }
        _ => array.split_at(&at.ints(cx, "indices_or_sections")?, along),
    };
    Ok(several(pieces.map_err(|e| cx.at(at.span, e))?, a))
}

fn sliding_window_view(cx: &Cx, mut a: Args) -> Result<Val> {
    let window = a.need(cx, "window_shape")?.shape(cx, "window_shape")?;
    let given = axes(cx, &mut a, "axis")?;
    let x = a.array(cx, "x")?;
    let all = || (0..window.len() as i64).collect();
    Ok(Val::Array(x.sliding_window_view(&window, &given.unwrap_or_else(all))))
}
