//! Arrays of pieces, polynomials, bits, and orders by several keys.

use super::super::args::{Args, word};
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::value::{Item, Val};
use super::arrange::{axes, axis};
use super::row::{Function, functions};
use crate::{Array, BlockList, ConvolveMode, Result, block};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// Arrays as they stand in nested lists: the innermost beside each other along the last axis.
    Shape "block(arrays)" eg "block([array([1, 2]), array([3])])" = |cx, mut a| {
        let blocks = blocks(cx, a.need(cx, "arrays")?)?;
        Ok(Val::Array(block(blocks)))
    };
    /// With values in the place of elements: along each axis those from start on, step apart.
    Choice "put_slice(a, values, start, step=1)" eg "put_slice([0, 1, 2, 3, 4, 5], [7, 8], 1, 3)" = |cx, mut a| {
        let start = a.need(cx, "start")?.ints(cx, "start")?;
        let step = a.take("step").map(|i| i.ints(cx, "step")).transpose()?.unwrap_or_else(|| vec![1]);
        let step = if let [one] = step[..] { vec![one; start.len()] } else { step };
        let (x, values) = (a.array(cx, "a")?, a.array(cx, "values")?);
        Ok(Val::Array(x.put_slice(&values, &start, &step)))
    };
    /// Of each element the choice of the last condition that holds, in the dtype of x. One choice more is for all others.
    Choice "piecewise(x, condlist, funclist)" eg "piecewise([-2, 0, 3], [array([-2, 0, 3]) < 0], [-1, 1])" = |cx, mut a| {
        let mut list = |param| -> Result<Vec<Array>> {
            let items = a.need(cx, param)?.items(cx, param, "a list of arrays")?;
            items.into_iter().map(|i| i.array(cx, param)).collect()
        };
        let (conditions, mut choices) = (list("condlist")?, list("funclist")?);
        let otherwise = if choices.len() == conditions.len() + 1 { choices.pop() } else { None };
        Ok(Val::Array(a.array(cx, "x")?.piecewise(&conditions, &choices, otherwise.as_ref())))
    };
    /// The positions in ascending order of the last of the keys, then of the one before it, and so on. Computed at once.
    Order "lexsort(keys, axis=-1)" eg "lexsort(([3, 1, 9, 0], [2, 0, 1, 0]))" = |cx, mut a| {
        let along = axis(cx, &mut a)?.unwrap_or(-1);
        let keys = a.need(cx, "keys")?;
        let keys = match keys.value {
            Val::Tuple(items) | Val::List(items) if items.iter().any(|i| !matches!(i.value, Val::Scalar(_))) => {
                items.into_iter().map(|i| i.array(cx, "a key")).collect::<Result<Vec<_>>>()?
            }
            value => Item { value, span: keys.span }.array(cx, "keys")?.unstack(0).map_err(|e| cx.at(a.span, e))?,
        };
        let order = cx.beforehand().and_then(|s| s.lexsort(&keys, along));
        Ok(Val::Array(order.map_err(|e| cx.at(a.span, e))?))
    };
    /// Without the zeros at the begin, the end or both ('f', 'b', 'fb') of axes where nothing else is. Computed at once.
    Choice "trim_zeros(filt, trim='fb', axis=None)" eg "trim_zeros([0, 0, 1, 2, 0])" = |cx, mut a| {
        let trim = a.take("trim").map(|i| Ok::<_, crate::Error>((i.text(cx, "trim")?.to_lowercase(), i.span)));
        let (trim, span) = trim.transpose()?.unwrap_or_else(|| ("fb".into(), a.span));
        if !["f", "b", "fb", "bf"].contains(&trim.as_str()) {
            return Err(cx.error(span, "trim is 'f', 'b' or 'fb'"));
        }
        let along = axes(cx, &mut a, "axis")?.unwrap_or_default();
        let x = a.array(cx, "filt")?;
        let (front, back) = (trim.contains('f'), trim.contains('b'));
        let trimmed = cx.beforehand().and_then(|s| s.trim_zeros(&x, front, back, &along));
        Ok(Val::Array(trimmed.map_err(|e| cx.at(a.span, e))?))
    };
    /// The sum of two polynomials, whose coefficients begin with that of the highest power.
    Elementwise "polyadd(a1, a2)" eg "polyadd([1, 2], [9, 5, 4])" =
        |cx, mut a| Ok(Val::Array(a.array(cx, "a1")?.polyadd(&a.array(cx, "a2")?)));
    /// The difference of two polynomials, whose coefficients begin with that of the highest power.
    Elementwise "polysub(a1, a2)" eg "polysub([2, 10, -2], [3, 10, -4])" =
        |cx, mut a| Ok(Val::Array(a.array(cx, "a1")?.polysub(&a.array(cx, "a2")?)));
    /// The product of two polynomials, whose coefficients begin with that of the highest power that is not 0.
    Elementwise "polymul(a1, a2)" eg "polymul([1, 2, 3], [9, 5, 1])" = |cx, mut a| {
        let [x, y] = ["a1", "a2"].map(|param| -> Result<Array> { leading(cx, a.need(cx, param)?, param) });
        Ok(Val::Array(x?.convolve(&y?, ConvolveMode::Full)))
    };
    /// The derivative of a polynomial, or the m-th one.
    Elementwise "polyder(p, m=1)" eg "polyder([1, 1, 1, 1])" = |cx, mut a| {
        let m = times(cx, &mut a)?;
        Ok(Val::Array(a.array(cx, "p")?.polyder(m)))
    };
    /// The integral of a polynomial, or the m-th one, with a constant or one for each time, 0 if not given.
    Elementwise "polyint(p, m=1, k=0.0)" eg "polyint([6, 4, 1], k=2.0)" = |cx, mut a| {
        let m = times(cx, &mut a)?;
        let k = match a.take("k") {
            None => vec![0.0],
            Some(Item { value: Val::Tuple(items) | Val::List(items), .. }) => {
                items.iter().map(|i| i.float(cx, "k")).collect::<Result<_>>()?
            }
            Some(item) => vec![item.float(cx, "k")?],
        };
        Ok(Val::Array(a.array(cx, "p")?.polyint(m, &k)))
    };
    /// Rows of the powers of each element, N of them, the highest first unless they are increasing.
    Creation "vander(x, N=None, increasing=False)" eg "vander([2, 3], 3)" = |cx, mut a| {
        let increasing = a.take("increasing").map(|i| i.bool(cx, "increasing")).transpose()?.unwrap_or(false);
        let n = a.take("N");
        let x = a.array(cx, "x")?;
        let n = match n {
            Some(item) => u64::try_from(item.int(cx, "N")?).map_err(|_| cx.error(item.span, "N cannot be negative"))?,
            None => x.size()?,
        };
        Ok(Val::Array(x.vander(n, increasing)))
    };
    /// Eight elements, zero or not, as the bits of a byte. bitorder is 'big' or 'little'.
    Elementwise "packbits(a, axis=None, bitorder='big')" eg "packbits([1, 0, 1, 0, 0, 0, 0, 1, 1])" = |cx, mut a| {
        let little = is_little(cx, &mut a)?;
        let along = axis(cx, &mut a)?;
        Ok(Val::Array(a.array(cx, "a")?.packbits(along, little)))
    };
    /// The bits of bytes as eight elements each, or the first count of them all. bitorder is 'big' or 'little'.
    Elementwise "unpackbits(a, axis=None, count=None, bitorder='big')" eg "unpackbits(array([161, 128], dtype=uint8), count=9)" = |cx, mut a| {
        let little = is_little(cx, &mut a)?;
        let along = axis(cx, &mut a)?;
        let count = a.take("count").map(|i| i.int(cx, "count")).transpose()?;
        Ok(Val::Array(a.array(cx, "a")?.unpackbits(along, count, little)))
    };
};

fn blocks(cx: &Cx, item: Item) -> Result<BlockList> {
    match item.value {
        // A list of numbers is one of blocks too, as NumPy has it.
        Val::Tuple(items) | Val::List(items) => {
            Ok(BlockList::List(items.into_iter().map(|i| blocks(cx, i)).collect::<Result<_>>()?))
        }
        _ => Ok(BlockList::Array(item.array(cx, "a block")?)),
    }
}

fn times(cx: &Cx, a: &mut Args) -> Result<u64> {
    let Some(item) = a.take("m") else { return Ok(1) };
    u64::try_from(item.int(cx, "m")?).map_err(|_| cx.error(item.span, "m cannot be negative"))
}

fn is_little(cx: &Cx, a: &mut Args) -> Result<bool> {
    word(cx, a.take("bitorder"), "bitorder", &[("big", false), ("little", true)], false)
}

/// Coefficients without zeros before the first other one; at least one.
fn leading(cx: &Cx, item: Item, what: &str) -> Result<Array> {
    let span = item.span;
    let x = item.array(cx, what)?.atleast_1d();
    let trimmed =
        cx.beforehand().and_then(|s| s.trim_zeros(&x, true, false, &[])).map_err(|e| cx.at(span, e))?;
    Ok(if trimmed.size()? == 0 { Array::zeros(&[1], x.dtype()?) } else { trimmed })
}
