//! Numbers that are made of other operations.

use super::super::args::{Args, over, reduction, word};
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::skipna;
use super::super::value::{Item, Val};
use super::arrange::{axis, several};
use super::row::{Function, functions};
use crate::{Array, ConvolveMode, Dimension, Reduction, Result, concatenate, select};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// Each element less the one before it along an axis, n times over. Of bools, whether they differ.
    Neighbours "diff(a, n=1, axis=-1, prepend=None, append=None)" eg "diff([1, 4, 9, 16])" = diff;
    /// The differences of all elements in C order, with others before and after.
    Neighbours "ediff1d(ary, to_end=None, to_begin=None)" eg "ediff1d([1, 4, 9], to_begin=0)" = |cx, mut a| {
        let mut end = |param| a.take(param).map(|i: Item| i.array(cx, param)).transpose();
        let (last, first) = (end("to_end")?, end("to_begin")?);
        Ok(Val::Array(a.array(cx, "ary")?.ediff1d(first.as_ref(), last.as_ref())))
    };
    /// The integral along an axis by trapezoids between points dx apart, or at x.
    Neighbours "trapezoid(y, x=None, dx=1.0, axis=-1)" | "trapz" eg "trapezoid([1, 2, 4], dx=0.5)" = |cx, mut a| {
        let along = axis(cx, &mut a)?.unwrap_or(-1);
        let dx = a.take("dx").map(|i| i.float(cx, "dx")).transpose()?.unwrap_or(1.0);
        let x = a.take("x").map(|i| i.array(cx, "x")).transpose()?;
        Ok(Val::Array(a.array(cx, "y")?.trapezoid(x.as_ref(), dx, along)))
    };
    /// Sums of products of a sequence with another at each place, without turning it round.
    Neighbours "correlate(a, v, mode='valid')" eg "correlate([1, 2, 3, 4], [1, 0, -1])" = |cx, mut a| {
        let modes = [("full", ConvolveMode::Full), ("same", ConvolveMode::Same), ("valid", ConvolveMode::Valid)];
        let mode = word(cx, a.take("mode"), "mode", &modes, ConvolveMode::Valid)?;
        let v = a.array(cx, "v")?;
        Ok(Val::Array(a.array(cx, "a")?.correlate(&v, mode)))
    };
    /// Jumps between neighbours along an axis made smaller by whole periods, 2π if not given.
    Neighbours "unwrap(p, discont=None, axis=-1, *, period=None)" eg "unwrap([0, 3, 7, 0.5])" = |cx, mut a| {
        let along = axis(cx, &mut a)?.unwrap_or(-1);
        let discont = a.take("discont").map(|i| i.float(cx, "discont")).transpose()?;
        let period = a.take("period").map(|i| i.float(cx, "period")).transpose()?;
        Ok(Val::Array(a.array(cx, "p")?.unwrap(discont, along, period)))
    };
    /// Whether elements are near: |a − b| ≤ atol + rtol · |b|, or equal; equal_nan: NaN is near NaN.
    Elementwise "isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False)"
        eg "isclose([1, 2], [1.000001, 2.1])" = |cx, a| close(cx, a, Array::isclose);
    /// Whether all elements are near, as isclose has it.
    Reduction "allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False)"
        eg "allclose([1, 2], [1.000001, 2])" = |cx, a| close(cx, a, Array::allclose);
    /// Whether both have one shape and the same elements.
    Reduction "array_equal(a1, a2, equal_nan=False)" eg "array_equal([1, 2], [1, 2])" = |cx, mut a| {
        let nan = flag(cx, &mut a, "equal_nan")?;
        let other = a.array(cx, "a2")?;
        Ok(Val::Array(a.array(cx, "a1")?.array_equal(&other, nan)))
    };
    /// Numbers for NaN and infinities; for infinities the largest and least finite ones if none are given.
    Elementwise "nan_to_num(x, nan=0.0, posinf=None, neginf=None)"
        eg "nan_to_num([nan, inf, 1], posinf=9)" = |cx, mut a| {
        let mut number = |param| a.take(param).map(|i: Item| i.float(cx, param)).transpose();
        let (nan, above, below) = (number("nan")?.unwrap_or(0.0), number("posinf")?, number("neginf")?);
        Ok(Val::Array(a.array(cx, "x")?.nan_to_num(nan, above, below)))
    };
    /// The power in float64.
    Elementwise "float_power(x1, x2)" eg "float_power([1, 2, 3], -2)" = |cx, mut a| {
        let exponent = a.array(cx, "x2")?;
        Ok(Val::Array(a.array(cx, "x1")?.float_power(&exponent)))
    };
    /// The floor of the quotient and the remainder, a tuple.
    Elementwise "divmod(x1, x2)" eg "divmod([7, -7], 3)[1]" = |cx, mut a| {
        let divisor = a.need(cx, "x2")?.operand(cx, "x2")?;
        let (quotient, rest) = a.array(cx, "x1")?.divmod(divisor);
        Ok(several([quotient, rest], &a))
    };
    /// The fraction, with the sign of the number, and the whole part, a tuple.
    Elementwise "modf(x)" eg "modf([1.5, -2.25])[0]" = |cx, mut a| {
        let (fraction, whole) = a.array(cx, "x")?.modf();
        Ok(several([fraction, whole], &a))
    };
    /// Of each element the choice whose condition is the first that is true, or default.
    Choice "select(condlist, choicelist, default=0)" eg "select([[True, False, False], [True, True, False]], [[1, 2, 3], [4, 5, 6]])" =
        |cx, mut a| {
        let mut list = |param| -> Result<Vec<Array>> {
            let items = a.need(cx, param)?.items(cx, param, "a list of arrays")?;
            items.into_iter().map(|i| i.array(cx, param)).collect()
        };
        let (conditions, choices) = (list("condlist")?, list("choicelist")?);
        let default = match a.take("default") {
            Some(item) => item.operand(cx, "default")?,
            None => 0i64.into(),
        };
        Ok(Val::Array(select(&conditions, &choices, default)))
    };
    /// In ascending order along an axis, NaN last; axis=None: all elements in C order.
    Order "sort(a, axis=-1, kind=None, *, stable=None)" eg "sort([3, 1, 2])" = |cx, a| ordered(cx, a, Array::sort);
    /// The positions of the elements in ascending order along an axis; of equal ones the first comes first.
    Order "argsort(a, axis=-1, kind=None, *, stable=None)" eg "argsort([3, 1, 2])" = |cx, a| ordered(cx, a, Array::argsort);
    /// The central moment of an order: the mean of (a − mean) ** order.
    Reduction "moment(a, order, axis=None, *, keepdims=False)" eg "moment([1, 2, 3, 4], 2)" = |cx, mut a| {
        let item = a.need(cx, "order")?;
        let order = u32::try_from(item.int(cx, "order")?);
        let order = order.map_err(|_| cx.error(item.span, "the order is a whole number that is not negative"))?;
        let mut over = over(cx, &mut a)?;
        let item = a.need(cx, "a")?;
        let skips = skipna::skips(cx, &item)?;
        let x = item.array(cx, "a")?;
        if skips {
            over = over.mask(&x.equal(&x));
        }
        Ok(Val::Array(x.moment(order, over)))
    };
    /// A reduction over blocks of some elements along each axis, as dask.array.coarsen.
    Reduction "coarsen(reduction, x, axes, trim_excess=False)"
        eg "coarsen('mean', [1, 2, 3, 5], 2)" = |cx, mut a| {
        let factors = a.need(cx, "axes")?.shape(cx, "axes")?;
        let trim = flag(cx, &mut a, "trim_excess")?;
        let how = a.take("reduction");
        let Some(default) = Reduction::from_name("mean") else { return Err(cx.error(a.span, "there is no mean")) };
        let x = a.need(cx, "x")?;
        let how = skipna::reduction(cx, &x, reduction(cx, how, default)?)?;
        let x = x.array(cx, "x")?;
        Ok(Val::Array(blocks_along(x.coarsen(how, &factors, trim), x, factors)))
    };
    /// Of positions in C order the index along each axis of a shape, a tuple.
    Choice "unravel_index(indices, shape)" eg "unravel_index(5, (2, 3))[1]" = |cx, mut a| {
        let shape = a.need(cx, "shape")?.shape(cx, "shape")?;
        let each = a.array(cx, "indices")?.unravel_index(&shape).map_err(|e| cx.at(a.span, e))?;
        Ok(several(each, &a))
    };
};

fn flag(cx: &Cx, a: &mut Args, param: &str) -> Result<bool> {
    Ok(a.take(param).map(|i| i.bool(cx, param)).transpose()?.unwrap_or(false))
}

fn close(cx: &Cx, mut a: Args, f: fn(&Array, &Array, f64, f64, bool) -> Array) -> Result<Val> {
    let nan = flag(cx, &mut a, "equal_nan")?;
    let mut number = |param, default| -> Result<f64> {
        Ok(a.take(param).map(|i: Item| i.float(cx, param)).transpose()?.unwrap_or(default))
    };
    let (rtol, atol) = (number("rtol", 1e-5)?, number("atol", 1e-8)?);
    let other = a.array(cx, "b")?;
    Ok(Val::Array(f(&a.array(cx, "a")?, &other, rtol, atol, nan)))
}

fn ordered(cx: &Cx, mut a: Args, f: fn(&Array, Option<i64>) -> Array) -> Result<Val> {
    // One way sorts, and it is stable.
    let kinds = ["quicksort", "mergesort", "heapsort", "stable"].map(|kind| (kind, ()));
    word(cx, a.take("kind"), "kind", &kinds, ())?;
    flag(cx, &mut a, "stable")?;
    let flat = a
        .slots
        .iter()
        .any(|(p, item)| *p == "axis" && item.as_ref().is_some_and(|i| matches!(i.value, Val::None)));
    let along = if flat { None } else { Some(axis(cx, &mut a)?.unwrap_or(-1)) };
    Ok(Val::Array(f(&a.array(cx, "a")?, along)))
}

fn diff(cx: &Cx, mut a: Args) -> Result<Val> {
    let item = a.take("n");
    let n = match &item {
        Some(item) => u64::try_from(item.int(cx, "n")?).map_err(|_| {
            cx.error(item.span, "differences are taken a number of times that is not negative")
        })?,
        None => 1,
    };
    let along = axis(cx, &mut a)?.unwrap_or(-1);
    let mut end = |param| a.take(param).map(|i: Item| i.array(cx, param)).transpose();
    let (before, after) = (end("prepend")?, end("append")?);
    let x = a.array(cx, "a")?;
    let rank = x.ndim()?;
    // A number stands for a slice of it.
    let as_slice = |e: Array| -> Result<Array> {
        if e.ndim()? > 0 {
            return Ok(e);
        }
        let mut shape = x.shape()?.to_vec();
        let d = if along < 0 { along + rank as i64 } else { along };
        if let Some(n) = usize::try_from(d).ok().and_then(|d| shape.get_mut(d)) {
            *n = 1;
        }
        Ok(e.broadcast_to(&shape))
    };
    let mut pieces = Vec::new();
    pieces.extend(before.map(as_slice).transpose()?);
    pieces.push(x.clone());
    pieces.extend(after.map(as_slice).transpose()?);
    // As in NumPy, no differences at all are the array as it was.
    let x = if pieces.len() > 1 && n > 0 { concatenate(&pieces, along) } else { x };
    Ok(Val::Array(x.diff(n, along)))
}

/// Gives the axes of blocks the names that those of the elements have, with the means of their coordinates, as xarray's `coarsen`.
fn blocks_along(blocks: Array, of: Array, factors: Vec<u64>) -> Array {
    blocks.with_dimensions_by(move || {
        let all = of.dimensions().unwrap_or_default();
        let axis = |(dimension, factor): (Option<Dimension>, u64)| {
            let dimension = dimension?;
            let name = dimension.name().to_string();
            Some(Dimension::new(&name).with_any_coordinates(move || {
                let mean =
                    |c: Array| if factor == 1 { c } else { c.coarsen(Reduction::Mean, &[factor], true) };
                Ok(dimension.coordinates()?.map(mean))
            }))
        };
        all.into_iter().zip(factors.iter().copied()).map(axis).collect()
    })
}
