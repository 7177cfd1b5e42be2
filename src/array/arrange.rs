//! Elements in other places, by NumPy's names: axes exchanged, turned, repeated, cut and joined.
//!
//! All of it is made of views, slices and joins, so that nothing is moved before it is read. Sums of differences and
//! the like are in [`derived`](super::derived).

use super::index::axis;
use super::shape::{concatenate, stack};
use super::{Array, Index, attempt, show};
use crate::error::{Error, ErrorKind, Result};
use std::panic::Location;

/// The most windows, pieces or insertions that one call makes: each is a node of the graph.
const MAX_PIECES: u64 = 4096;

fn value(message: String) -> Error {
    Error::new(ErrorKind::Value, message)
}

/// `:` for all axes but `d`, which has `index`.
pub(super) fn at_axis(d: usize, index: Index) -> Vec<Index> {
    let mut out = vec![Index::ALL; d];
    out.push(index);
    out
}

impl Array {
    /// The lengths of the axes, as signed numbers.
    fn lengths(&self) -> Result<Vec<i64>> {
        Ok(self.node()?.shape.iter().map(|&n| n as i64).collect())
    }

    fn axis_of(&self, along: i64) -> Result<usize> {
        axis(along, self.node()?.shape.len())
    }

    /// Some elements along an axis: `start..stop`, as a slice has it.
    #[track_caller]
    pub(super) fn between(&self, d: usize, start: u64, stop: u64) -> Array {
        let slice = Index::Slice { start: Some(start as i64), stop: Some(stop as i64), step: 1 };
        self.index(at_axis(d, slice))
    }

    /// `numpy.swapaxes`: two axes exchanged.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there.
    #[track_caller]
    pub fn swapaxes(&self, a: i64, b: i64) -> Array {
        let (a, b) = attempt!("swapaxes", self.axis_of(a).and_then(|a| Ok((a, self.axis_of(b)?))));
        let mut order: Vec<i64> = attempt!("swapaxes", self.ndim().map(|rank| (0..rank as i64).collect()));
        order.swap(a, b);
        self.transpose(&order)
    }

    /// `numpy.moveaxis`: axes `source` come to the positions `destination`, the others stay in their order.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Value` for lists of different lengths or
    /// an axis that is named twice.
    #[track_caller]
    pub fn moveaxis(&self, source: &[i64], destination: &[i64]) -> Array {
        let order = attempt!("moveaxis", self.moved(source, destination));
        self.transpose(&order)
    }

    fn moved(&self, source: &[i64], destination: &[i64]) -> Result<Vec<i64>> {
        if source.len() != destination.len() {
            let message = format!("{} axes have {} destinations", source.len(), destination.len());
            return Err(value(message));
        }
        let each = |axes: &[i64]| -> Result<Vec<usize>> {
            let axes = axes.iter().map(|&a| self.axis_of(a)).collect::<Result<Vec<_>>>()?;
            match (1..axes.len()).find(|&i| axes[..i].contains(&axes[i])) {
                Some(twice) => Err(value(format!("axis {} is named twice", axes[twice]))),
                None => Ok(axes),
            }
        };
        let (from, to) = (each(source)?, each(destination)?);
        let mut order: Vec<i64> = (0..self.ndim()?).filter(|d| !from.contains(d)).map(|d| d as i64).collect();
        let mut pairs: Vec<(usize, usize)> = to.into_iter().zip(from).collect();
        pairs.sort_unstable();
        pairs.into_iter().for_each(|(to, from)| order.insert(to, from as i64));
        Ok(order)
    }

    /// `numpy.flip`: the elements in reverse order along axes; along all of them if none is named.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Value` for one that is named twice.
    #[track_caller]
    pub fn flip(&self, axes: &[i64]) -> Array {
        let rank = attempt!("flip", self.ndim());
        let mut index = vec![if axes.is_empty() { Index::ALL.step(-1) } else { Index::ALL }; rank];
        for &along in axes {
            let d = attempt!("flip", self.axis_of(along));
            if index[d] != Index::ALL {
                attempt!("flip", Err(value(format!("axis {d} is named twice"))));
            }
            index[d] = Index::ALL.step(-1);
        }
        self.index(index)
    }

    /// `numpy.rot90`: turned by `k` times 90 degrees in the plane of two axes, from the first towards the second.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Value` if the two are the same.
    #[track_caller]
    pub fn rot90(&self, k: i64, axes: (i64, i64)) -> Array {
        let (a, b) = attempt!("rot90", self.axis_of(axes.0).and_then(|a| Ok((a, self.axis_of(axes.1)?))));
        if a == b {
            attempt!("rot90", Err(value(format!("the two axes of a plane are not both axis {a}"))));
        }
        let (a, b) = (a as i64, b as i64);
        match k.rem_euclid(4) {
            0 => self.clone(),
            1 => self.flip(&[b]).swapaxes(a, b),
            2 => self.flip(&[a, b]),
            _ => self.swapaxes(a, b).flip(&[b]),
        }
    }

    /// `numpy.roll`: elements moved by `shifts` along `axes`, those beyond the end coming back at the beginning. One
    /// shift may be for several axes, and several for one. Without axes, the elements in C order are moved.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Value` for lists of different lengths.
    #[track_caller]
    pub fn roll(&self, shifts: &[i64], axes: &[i64]) -> Array {
        let lengths = attempt!("roll", self.lengths());
        if axes.is_empty() {
            return self.ravel().roll(shifts, &[0]).reshape(&lengths);
        }
        if shifts.len() != axes.len() && shifts.len() != 1 && axes.len() != 1 {
            let message = format!("{} shifts for {} axes", shifts.len(), axes.len());
            attempt!("roll", Err(value(message)));
        }
        let mut by = vec![0i128; lengths.len()];
        for i in 0..shifts.len().max(axes.len()) {
            let d = attempt!("roll", self.axis_of(axes[i.min(axes.len() - 1)]));
            by[d] += shifts.get(i.min(shifts.len().saturating_sub(1))).map_or(0, |&s| i128::from(s));
        }
        let mut out = self.clone();
        for (d, by) in by.into_iter().enumerate().filter(|(d, _)| lengths[*d] > 0) {
            let n = lengths[d] as u64;
            let first = n - by.rem_euclid(i128::from(n)) as u64;
            if first < n {
                out = concatenate(&[out.between(d, first, n), out.between(d, 0, first)], d as i64);
            }
        }
        out
    }

    /// `numpy.repeat`: each element as often as `repeats` says, which is one number or as many as the axis has
    /// elements. Without an axis, the elements in C order.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Shape` for numbers that do not fit it.
    #[track_caller]
    pub fn repeat(&self, repeats: &[u64], axis: Option<i64>) -> Array {
        let Some(along) = axis else { return self.ravel().repeat(repeats, Some(0)) };
        let d = attempt!("repeat", self.axis_of(along));
        let mut lengths = attempt!("repeat", self.lengths());
        let n = lengths[d] as u64;
        if let [times] = *repeats {
            let mut wide: Vec<u64> = lengths.iter().map(|&n| n as u64).collect();
            wide.insert(d + 1, times);
            lengths[d] = attempt!("repeat", product(&[n, times])) as i64;
            return self.expand_dims(d as i64 + 1).broadcast_to(&wide).reshape(&lengths);
        }
        if repeats.len() as u64 != n {
            let message = format!("{} repeats for {n} elements along axis {d}", repeats.len());
            attempt!("repeat", Err(Error::new(ErrorKind::Shape, message)));
        }
        let total = repeats.iter().fold(0u64, |sum, &n| sum.saturating_add(n));
        if total > MAX_LIST {
            let message = format!("repeats make {total} elements, and at most {MAX_LIST} can be listed");
            attempt!("repeat", Err(value(message)));
        }
        let each = |(i, &times): (i64, &u64)| std::iter::repeat_n(i, times as usize);
        self.take(&(0..).zip(repeats).flat_map(each).collect::<Vec<i64>>(), d as i64)
    }

    /// `numpy.tile`: the whole array `reps` times along each axis; the axes named last are the last ones.
    #[track_caller]
    pub fn tile(&self, reps: &[u64]) -> Array {
        let mut out = self.clone();
        let mut lengths: Vec<u64> = attempt!("tile", self.shape()).to_vec();
        while lengths.len() < reps.len() {
            out = out.expand_dims(0);
            lengths.insert(0, 1);
        }
        let first = lengths.len() - reps.len();
        // One axis after the other: each takes an axis more for a while, and there is a most of them.
        for (d, &times) in (first..).zip(reps).filter(|(_, times)| **times != 1) {
            let mut wide = lengths.clone();
            wide.insert(d, times);
            lengths[d] = attempt!("tile", product(&[lengths[d], times]));
            let to: Vec<i64> = lengths.iter().map(|&n| n as i64).collect();
            out = out.expand_dims(d as i64).broadcast_to(&wide).reshape(&to);
        }
        out
    }

    /// `numpy.atleast_1d`: a scalar becomes an array of one element.
    #[track_caller]
    pub fn atleast_1d(&self) -> Array {
        match attempt!("atleast_1d", self.ndim()) {
            0 => self.expand_dims(0),
            _ => self.clone(),
        }
    }

    /// `numpy.atleast_2d`: axes of length 1 come first.
    #[track_caller]
    pub fn atleast_2d(&self) -> Array {
        match attempt!("atleast_2d", self.ndim()) {
            0 | 1 => self.atleast_1d().expand_dims(0),
            _ => self.clone(),
        }
    }

    /// `numpy.atleast_3d`: a row is (1, n, 1), a matrix (m, n, 1).
    #[track_caller]
    pub fn atleast_3d(&self) -> Array {
        match attempt!("atleast_3d", self.ndim()) {
            0..3 => self.atleast_2d().expand_dims(2),
            _ => self.clone(),
        }
    }

    /// `numpy.append`: `values` after the elements along an axis, or without an axis after all elements in C order.
    #[track_caller]
    pub fn append(&self, values: &Array, axis: Option<i64>) -> Array {
        match axis {
            Some(along) => concatenate(&[self.clone(), values.clone()], along),
            None => concatenate(&[self.ravel(), values.ravel()], 0),
        }
    }

    /// `numpy.delete`: without the elements at `indices` along an axis, or without an axis of all elements in C order.
    ///
    /// Errors, when it is computed: `Index` for an axis or an index that is not there.
    #[track_caller]
    pub fn delete(&self, indices: &[i64], axis: Option<i64>) -> Array {
        let Some(along) = axis else { return self.ravel().delete(indices, Some(0)) };
        let d = attempt!("delete", self.axis_of(along));
        let n = attempt!("delete", self.lengths())[d];
        let mut gone = attempt!("delete", positions(indices, n, n, d));
        gone.sort_unstable();
        gone.dedup();
        let cuts = gone.iter().map(|&i| (i, i + 1));
        let (mut kept, mut start) = (Vec::new(), 0);
        for (stop, next) in cuts.chain([(n, n)]) {
            if stop > start {
                kept.push(self.between(d, start as u64, stop as u64));
            }
            start = next;
        }
        match kept.len() as u64 {
            0 => self.between(d, 0, 0),
            1 => kept.swap_remove(0),
            n if n > MAX_PIECES => {
                let gone = gone.into_iter().collect::<std::collections::HashSet<i64>>();
                let left: Vec<i64> = (0..n as i64).filter(|i| !gone.contains(i)).collect();
                self.take(&left, d as i64)
            }
            _ => concatenate(&kept, d as i64),
        }
    }

    /// `numpy.insert` with one index: `values` before the element at `index` along an axis, or without an axis of all
    /// elements in C order. The first axis of the values comes along the axis, and the others broadcast to the array's.
    ///
    /// Errors, when it is computed: `Index` for an axis or an index that is not there; `Shape` for values that do not
    /// fit.
    #[track_caller]
    pub fn insert(&self, index: i64, values: &Array, axis: Option<i64>) -> Array {
        let Some(along) = axis else { return self.ravel().insert(index, &values.ravel(), Some(0)) };
        let rank = attempt!("insert", self.ndim());
        let mut values = values.clone();
        while attempt!("insert", values.ndim()) < rank {
            values = values.expand_dims(0);
        }
        self.insert_each(&[index], &values.moveaxis(&[0], &[along]), axis)
    }

    /// `numpy.insert` with a list of indices: one element of `values` along an axis before each of them, or without an
    /// axis of all elements in C order. The values broadcast to the array's shape with as many elements along the axis
    /// as there are indices; for a single index there may be any number of them.
    ///
    /// Errors, when it is computed: `Index` for an axis or an index that is not there; `Shape` for values that do not
    /// fit; `Value` for more indices than can be inserted at once.
    #[track_caller]
    pub fn insert_each(&self, indices: &[i64], values: &Array, axis: Option<i64>) -> Array {
        let Some(along) = axis else { return self.ravel().insert_each(indices, values, Some(0)) };
        let d = attempt!("insert", self.axis_of(along));
        let n = attempt!("insert", self.lengths())[d];
        let at = attempt!("insert", positions(indices, n, n + 1, d));
        if at.len() as u64 > MAX_PIECES {
            let message = format!("{} insertions; at most {MAX_PIECES} can be made at once", at.len());
            attempt!("insert", Err(value(message)));
        }
        let rank = attempt!("insert", self.ndim());
        let mut values = values.cast(attempt!("insert", self.dtype()));
        while attempt!("insert", values.ndim()) < rank {
            values = values.expand_dims(0);
        }
        let mut shape = attempt!("insert", self.shape()).to_vec();
        shape[d] = match at.len() {
            1 => attempt!("insert", values.shape())[d],
            n => n as u64,
        };
        let values = values.broadcast_to(&shape);
        // Of equal indices the first comes first.
        let mut order: Vec<usize> = (0..at.len()).collect();
        order.sort_by_key(|&i| at[i]);
        let (mut pieces, mut start) = (Vec::new(), 0);
        for i in order {
            if at[i] > start {
                pieces.push(self.between(d, start as u64, at[i] as u64));
            }
            pieces.push(match at.len() {
                1 => values.clone(),
                _ => values.between(d, i as u64, i as u64 + 1),
            });
            start = at[i];
        }
        if start < n || pieces.is_empty() {
            pieces.push(self.between(d, start as u64, n as u64));
        }
        concatenate(&pieces, d as i64)
    }

    /// `numpy.array_split`: cut along an axis into `sections` pieces, of which the first are longer by one where it
    /// does not come out even.
    ///
    /// # Errors
    /// `Index` for an axis that is not there; `Value` for no sections, or more than can be made.
    #[track_caller]
    pub fn array_split(&self, sections: u64, along: i64) -> Result<Vec<Array>> {
        let d = self.axis_of(along)?;
        let n = self.shape()?[d];
        if sections == 0 || sections > MAX_PIECES {
            return Err(value(format!("{sections} sections; there are 1 to {MAX_PIECES}")));
        }
        let (each, longer) = (n / sections, n % sections);
        let start = |k: u64| k * each + k.min(longer);
        let mut pieces = Vec::new();
        for k in 0..sections {
            pieces.push(self.between(d, start(k), start(k + 1)));
        }
        Ok(pieces)
    }

    /// `numpy.split`: cut along an axis into `sections` equal pieces.
    ///
    /// # Errors
    /// As [`Array::array_split`]; `Shape` if it does not come out even.
    #[track_caller]
    pub fn split(&self, sections: u64, along: i64) -> Result<Vec<Array>> {
        let d = self.axis_of(along)?;
        let n = self.shape()?[d];
        if sections > 0 && !n.is_multiple_of(sections) {
            let message = format!("axis {d} has {n} elements, which are not {sections} equal pieces");
            return Err(
                Error::new(ErrorKind::Shape, message).hint("array_split makes pieces of different lengths")
            );
        }
        self.array_split(sections, along)
    }

    /// `numpy.unstack`: the arrays along an axis, which they lose.
    ///
    /// # Errors
    /// `Index` for an axis that is not there; `Value` for more of them than can be made.
    #[track_caller]
    pub fn unstack(&self, along: i64) -> Result<Vec<Array>> {
        let d = self.axis_of(along)?;
        let n = self.shape()?[d];
        if n > MAX_PIECES {
            return Err(value(format!("{n} arrays; there are at most {MAX_PIECES}")));
        }
        let at =
            |i: u64| self.index((0..d).map(|_| Index::ALL).chain([Index::At(i as i64)]).collect::<Vec<_>>());
        Ok((0..n).map(at).collect())
    }

    /// `numpy.split` at indices: the elements before the first, between the first and the second, and so on, with the
    /// bounds of slices.
    ///
    /// # Errors
    /// `Index` for an axis that is not there; `Value` for more pieces than can be made.
    #[track_caller]
    pub fn split_at(&self, indices: &[i64], along: i64) -> Result<Vec<Array>> {
        let d = self.axis_of(along)?;
        if indices.len() as u64 >= MAX_PIECES {
            return Err(value(format!("{} pieces; there are at most {MAX_PIECES}", indices.len() + 1)));
        }
        let mut pieces = Vec::new();
        let mut start = Some(0);
        for stop in indices.iter().map(|&i| Some(i)).chain([None]) {
            pieces.push(self.index(at_axis(d, Index::Slice { start, stop, step: 1 })));
            start = stop;
        }
        Ok(pieces)
    }

    /// `numpy.lib.stride_tricks.sliding_window_view`: what windows of lengths `window` along `axes` show; they come as
    /// new last axes. Nothing is stored, and each chunk is decoded once.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Shape` for a window that is longer than the
    /// axis; `Value` for windows of no or too many elements.
    #[track_caller]
    pub fn sliding_window_view(&self, window: &[u64], axes: &[i64]) -> Array {
        if window.len() != axes.len() {
            let message = format!("{} windows for {} axes", window.len(), axes.len());
            attempt!("sliding_window_view", Err(value(message)));
        }
        let shape = attempt!("sliding_window_view", self.shape()).to_vec();
        let mut out = self.clone();
        for (&w, &along) in window.iter().zip(axes) {
            let d = attempt!("sliding_window_view", axis(along, shape.len()));
            let n = attempt!("sliding_window_view", out.shape())[d];
            if w == 0 || w > MAX_PIECES {
                let message = format!("a window of {w} elements; it has 1 to {MAX_PIECES}");
                attempt!("sliding_window_view", Err(value(message)));
            }
            if w > n {
                let message =
                    format!("a window of {w} elements is longer than axis {d} of shape {}", show(&shape));
                attempt!("sliding_window_view", Err(Error::new(ErrorKind::Shape, message)));
            }
            let mut seen = Vec::new();
            for k in 0..w {
                seen.push(out.between(d, k, n - w + 1 + k));
            }
            out = stack(&seen, -1);
        }
        out
    }
}

/// The most elements of a list of indices that is written out.
const MAX_LIST: u64 = 1 << 24;

fn product(lengths: &[u64]) -> Result<u64> {
    let all =
        lengths.iter().try_fold(1u64, |n, &len| n.checked_mul(len)).filter(|n| i64::try_from(*n).is_ok());
    all.ok_or_else(|| Error::new(ErrorKind::Shape, format!("{} is too long for an axis", show(lengths))))
}

/// Indices from the first element on, below `end`; those below 0 count from `n`.
fn positions(indices: &[i64], n: i64, end: i64, d: usize) -> Result<Vec<i64>> {
    let each = indices.iter().map(|&i| match if i < 0 { i.saturating_add(n) } else { i } {
        at if (0..end).contains(&at) => Ok(at),
        _ => {
            let message = format!("index {i} is out of bounds for axis {d} with {n} elements");
            Err(Error::new(ErrorKind::Index, message))
        }
    });
    each.collect()
}

/// `numpy.atleast_1d`, then one after the other along the first axis: `numpy.hstack` of rows.
#[track_caller]
pub fn hstack(arrays: &[Array]) -> Array {
    let arrays: Vec<Array> = arrays.iter().map(Array::atleast_1d).collect();
    let rows = arrays.first().is_some_and(|a| a.ndim().is_ok_and(|rank| rank == 1));
    concatenate(&arrays, if rows { 0 } else { 1 })
}

/// `numpy.vstack`: rows under each other.
#[track_caller]
pub fn vstack(arrays: &[Array]) -> Array {
    concatenate(&arrays.iter().map(Array::atleast_2d).collect::<Vec<_>>(), 0)
}

/// `numpy.dstack`: one behind the other along a third axis.
#[track_caller]
pub fn dstack(arrays: &[Array]) -> Array {
    concatenate(&arrays.iter().map(Array::atleast_3d).collect::<Vec<_>>(), 2)
}

/// `numpy.column_stack`: rows as the columns of a matrix; matrices beside each other.
#[track_caller]
pub fn column_stack(arrays: &[Array]) -> Array {
    let column = |a: &Array| match a.ndim() {
        Ok(0 | 1) => a.atleast_2d().t(),
        _ => a.clone(),
    };
    concatenate(&arrays.iter().map(column).collect::<Vec<_>>(), 1)
}

/// `numpy.broadcast_arrays`: each in the shape that all of them broadcast to.
///
/// # Errors
/// `Shape` if they do not broadcast to one shape.
#[track_caller]
pub fn broadcast_arrays(arrays: &[Array]) -> Result<Vec<Array>> {
    let shapes = arrays.iter().map(|a| a.shape()).collect::<Result<Vec<_>>>()?;
    let Some(shape) = crate::view::broadcast_shapes(shapes.iter().copied()) else {
        let shapes: Vec<String> = shapes.iter().map(|s| show(s)).collect();
        return Err(Error::new(
            ErrorKind::Shape,
            format!("arrays of shapes {} do not broadcast", shapes.join(", ")),
        ));
    };
    let mut out = Vec::new();
    for a in arrays {
        out.push(a.broadcast_to(&shape));
    }
    Ok(out)
}

/// `numpy.meshgrid` with `indexing="xy"`, or `"ij"` where `matrix` is true: of coordinates along axes those of all points.
///
/// # Errors
/// The first error made while the coordinates were built.
#[track_caller]
pub fn meshgrid(coordinates: &[Array], matrix: bool) -> Result<Vec<Array>> {
    let rank = coordinates.len();
    let mut shape = Vec::new();
    let mut flat = Vec::new();
    for c in coordinates {
        let c = c.ravel();
        shape.push(c.shape()?[0]);
        flat.push(c);
    }
    if !matrix && rank > 1 {
        shape.swap(0, 1);
    }
    let mut out = Vec::new();
    for (k, c) in flat.iter().enumerate() {
        let d = if matrix || rank < 2 || k > 1 { k } else { 1 - k };
        let mut along = vec![1; rank];
        along[d] = -1;
        out.push(c.reshape(&along).broadcast_to(&shape));
    }
    Ok(out)
}

/// `numpy.indices`: the index along each axis of every element of an array of `shape`, int64, the axes first.
#[track_caller]
pub fn indices(shape: &[u64]) -> Array {
    let mut each = Vec::new();
    for (d, &n) in shape.iter().enumerate() {
        let mut along = vec![1; shape.len()];
        along[d] = -1;
        each.push(Array::arange_int(0, n as i64, 1).reshape(&along).broadcast_to(shape));
    }
    match shape {
        [] => Array::arange_int(0, 0, 1),
        _ => stack(&each, 0),
    }
}
