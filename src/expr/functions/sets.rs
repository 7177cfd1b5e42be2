//! Sets of elements, and elements chosen by numbers. What must be known beforehand is computed at once, by a run of its own.

use super::super::args::{Args, word};
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::named;
use super::super::value::{Item, Val};
use super::arrange::{axis, several};
use super::row::{Function, functions};
use crate::{Array, IndexMode, Result, Session, Unique, ravel_multi_index};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// The distinct elements in ascending order, NaN once and last. With other answers asked for a tuple: the position
    /// of the first element of each, for each element the position of its value, how many there are.
    Order "unique(ar, return_index=False, return_inverse=False, return_counts=False)"
        eg "unique([3, 1, 3, 2], return_counts=True)[1]" = |cx, mut a| {
        let mut asked = |param| -> Result<bool> {
            Ok(a.take(param).map(|i: Item| i.bool(cx, param)).transpose()?.unwrap_or(false))
        };
        let (index, inverse, counts) =
            (asked("return_index")?, asked("return_inverse")?, asked("return_counts")?);
        let found = found(cx, &mut a, "ar")?;
        let others = [(index, found.index), (inverse, found.inverse), (counts, found.counts)];
        let others: Vec<Array> = others.into_iter().filter(|(asked, _)| *asked).map(|(_, array)| array).collect();
        Ok(match others.is_empty() {
            true => Val::Array(found.values),
            false => several([found.values].into_iter().chain(others), &a),
        })
    };
    /// The distinct elements in ascending order, NaN once and last.
    Order "unique_values(x)" eg "unique_values([3, 1, 3, 2])" =
        |cx, mut a| Ok(Val::Array(found(cx, &mut a, "x")?.values));
    /// The distinct elements and how many there are of each, a tuple.
    Order "unique_counts(x)" eg "unique_counts([3, 1, 3, 2])[1]" = |cx, mut a| {
        let found = found(cx, &mut a, "x")?;
        Ok(several([found.values, found.counts], &a))
    };
    /// The distinct elements and for each element the position of its value, a tuple.
    Order "unique_inverse(x)" eg "unique_inverse([3, 1, 3, 2])[1]" = |cx, mut a| {
        let found = found(cx, &mut a, "x")?;
        Ok(several([found.values, found.inverse], &a))
    };
    /// The distinct elements and all that is known of them, a tuple. The position of the first of each, for each element the
    /// position of its value, and how many there are.
    Order "unique_all(x)" eg "unique_all([3, 1, 3, 2])[1]" = |cx, mut a| {
        let found = found(cx, &mut a, "x")?;
        Ok(several([found.values, found.index, found.inverse, found.counts], &a))
    };
    /// The distinct elements of both, in ascending order.
    Order "union1d(ar1, ar2)" eg "union1d([3, 1], [2, 3])" = |cx, a| sets(cx, a, Session::union1d);
    /// The distinct elements that are in both, in ascending order.
    Order "intersect1d(ar1, ar2)" eg "intersect1d([3, 1, 2], [2, 3, 5])" =
        |cx, a| sets(cx, a, Session::intersect1d);
    /// The distinct elements of the one that are not in the other, in ascending order.
    Order "setdiff1d(ar1, ar2)" eg "setdiff1d([3, 1, 2], [2, 5])" = |cx, a| sets(cx, a, Session::setdiff1d);
    /// The distinct elements that are in one of both alone, in ascending order.
    Order "setxor1d(ar1, ar2)" eg "setxor1d([3, 1, 2], [2, 5])" = |cx, a| sets(cx, a, Session::setxor1d);
    /// How many elements are 0, 1, 2 … up to the largest, or the sums of their weights.
    Group "bincount(x, weights=None, minlength=0)" eg "bincount([0, 2, 2, 1])" = |cx, mut a| {
        let weights = a.take("weights").map(|i| i.array(cx, "weights")).transpose()?;
        let least = match a.take("minlength") {
            None => 0,
            Some(item) => u64::try_from(item.int(cx, "minlength")?)
                .map_err(|_| cx.error(item.span, "minlength cannot be negative"))?,
        };
        let x = a.array(cx, "x")?;
        let counted = cx.beforehand().and_then(|s| s.bincount(&x, weights.as_ref(), least));
        Ok(Val::Array(counted.map_err(|e| cx.at(a.span, e))?))
    };
    /// The kth element where it would be in order, smaller ones before it. All are in order.
    Order "partition(a, kth, axis=-1)" eg "partition([3, 1, 2], 1)[1]" = |cx, a| parted(cx, a, Array::sort);
    /// The positions of what partition gives.
    Order "argpartition(a, kth, axis=-1)" eg "argpartition([3, 1, 2], 1)[1]" =
        |cx, a| parted(cx, a, Array::argsort);
    /// Along an axis the elements at indices, which has the shape of the array but along that axis.
    Choice "take_along_axis(arr, indices, axis=-1)"
        eg "take_along_axis([[3, 1], [4, 5]], [[1], [0]], axis=1)" = |cx, mut a| {
        let along = axis(cx, &mut a)?.unwrap_or(-1);
        let (x, indices) = (a.array(cx, "arr")?, a.array(cx, "indices")?);
        let taken = cx.beforehand().and_then(|s| s.take_along_axis(&x, &indices, along));
        Ok(Val::Array(taken.map_err(|e| cx.at(a.span, e))?))
    };
    /// Of each element, a number, the element of the choice that it counts. mode is 'raise', 'wrap' or 'clip'.
    Choice "choose(a, choices, mode='raise')" eg "choose([0, 1, 0], [[1, 2, 3], [10, 20, 30]])" = |cx, mut a| {
        let mode = mode(cx, &mut a)?;
        let choices = a.need(cx, "choices")?.items(cx, "choices", "a list of arrays")?;
        let choices = choices.into_iter().map(|i| i.array(cx, "choices")).collect::<Result<Vec<_>>>()?;
        let which = a.array(cx, "a")?;
        if mode == IndexMode::Raise {
            in_bounds(cx, &a, &which, choices.len() as u64)?;
        }
        Ok(Val::Array(which.choose(&choices, mode)))
    };
    /// The position in C order of the index along each axis of a shape. mode is 'raise', 'wrap' or 'clip'.
    Choice "ravel_multi_index(multi_index, dims, mode='raise')"
        eg "ravel_multi_index(([1, 0], [2, 1]), (2, 3))" = |cx, mut a| {
        let mode = mode(cx, &mut a)?;
        let shape = a.need(cx, "dims")?.shape(cx, "dims")?;
        let indices = a.need(cx, "multi_index")?.items(cx, "multi_index", "a tuple of arrays")?;
        let indices = indices.into_iter().map(|i| i.array(cx, "multi_index")).collect::<Result<Vec<_>>>()?;
        if mode == IndexMode::Raise {
            indices.iter().zip(&shape).try_for_each(|(index, &n)| in_bounds(cx, &a, index, n))?;
        }
        Ok(Val::Array(ravel_multi_index(&indices, &shape, mode).map_err(|e| cx.at(a.span, e))?))
    };
};

fn found(cx: &Cx, a: &mut Args, param: &str) -> Result<Unique> {
    let x = named::told_apart(cx, a.need(cx, param)?)?.array(cx, param)?;
    cx.beforehand().and_then(|session| session.unique(&x)).map_err(|e| cx.at(a.span, e))
}

fn sets(cx: &Cx, mut a: Args, f: fn(&Session, &Array, &Array) -> Result<Array>) -> Result<Val> {
    let (one, other) = (a.array(cx, "ar1")?, a.array(cx, "ar2")?);
    Ok(Val::Array(cx.beforehand().and_then(|s| f(&s, &one, &other)).map_err(|e| cx.at(a.span, e))?))
}

fn mode(cx: &Cx, a: &mut Args) -> Result<IndexMode> {
    let words = [("raise", IndexMode::Raise), ("wrap", IndexMode::Wrap), ("clip", IndexMode::Clip)];
    word(cx, a.take("mode"), "mode", &words, IndexMode::Raise)
}

/// Looks beforehand whether indices are 0 to n − 1.
fn in_bounds(cx: &Cx, a: &Args, indices: &Array, n: u64) -> Result<()> {
    if indices.size()? == 0 || !indices.dtype()?.is_integer() {
        return Ok(());
    }
    let ends = [indices.min(), indices.max()];
    let ran = cx.beforehand().and_then(|s| s.run(&[&ends[0], &ends[1]])).map_err(|e| cx.at(a.span, e))?;
    for value in &ran.values {
        let index = value.as_array()?.scalar(0).and_then(|v| v.to_i128()).unwrap_or(0);
        if index < 0 || index >= i128::from(n) {
            let e = cx.error(a.span, format!("index {index} is out of bounds: there are {n}"));
            return Err(e.hint("mode='wrap' and mode='clip' take one that is there"));
        }
    }
    Ok(())
}

fn parted(cx: &Cx, mut a: Args, f: fn(&Array, Option<i64>) -> Array) -> Result<Val> {
    let kth = a.need(cx, "kth")?;
    let (span, wanted) = (kth.span, kth.ints(cx, "kth")?);
    let along = axis(cx, &mut a)?.unwrap_or(-1);
    let sorted = f(&a.array(cx, "a")?, Some(along));
    let rank = sorted.ndim()? as i64;
    let n = sorted.shape()?[(if along < 0 { along + rank } else { along }) as usize] as i64;
    if let Some(k) = wanted.iter().find(|&&k| k >= n || k < -n) {
        return Err(cx.error(span, format!("kth {k} is out of bounds for {n} elements")));
    }
    Ok(Val::Array(sorted))
}
