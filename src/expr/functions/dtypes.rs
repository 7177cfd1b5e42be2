//! Questions about dtypes and shapes, answered at once; and what real numbers answer to questions about complex ones.

use super::super::args::{Args, word};
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::value::{Item, Val};
use super::arrange::several;
use super::row::{Function, functions};
use crate::{Array, DType, Result, Weak, tri};
use ndarray::Array1;

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// The dtype that operations on these have: arrays, dtypes or numbers.
    Cast "result_type(a, b=None, c=None, d=None)" | "promote_types"
        eg "ones(2, dtype=result_type(float32, int16))" = |cx, mut a| {
        let mut found: Option<DType> = None;
        let mut weak = Vec::new();
        for param in ["a", "b", "c", "d"] {
            let Some(item) = a.take(param) else { continue };
            let dtype = match &item.value {
                Val::Scalar(w) => {
                    weak.push(*w);
                    continue;
                }
                Val::DType(_) | Val::Str(_) => item.dtype(cx)?,
                _ => item.array(cx, param)?.dtype()?,
            };
            found = Some(found.map_or(dtype, |before| before.promote(dtype)));
        }
        Ok(Val::DType(match found {
            Some(dtype) => weak.into_iter().fold(dtype, |dtype, w| w.promote_with(dtype)),
            None => weak.into_iter().map(Weak::default_dtype).reduce(DType::promote).unwrap_or(DType::F64),
        }))
    };
    /// Whether a dtype can be cast to another by a rule: 'no', 'equiv', 'safe', 'same_kind' or 'unsafe'.
    Cast "can_cast(from_, to, casting='safe')" eg "array(can_cast(int32, float64))" = |cx, mut a| {
        let words = [("no", 0), ("equiv", 0), ("safe", 1), ("same_kind", 2), ("unsafe", 3)];
        let rule = word(cx, a.take("casting"), "casting", &words, 1)?;
        let mut dtype = |param| {
            let item = a.need(cx, param)?;
            match &item.value {
                Val::Array(array) => array.dtype(),
                _ => item.dtype(cx),
            }
        };
        let (from, to) = (dtype("from_")?, dtype("to")?);
        let safe = from.promote(to) == to;
        Ok(truth(match rule {
            0 => from == to,
            1 => safe,
            2 => safe || from.kind() <= to.kind(),
            _ => true,
        }))
    };
    /// Whether a dtype is of a kind. The kinds are 'bool', 'signed integer', 'unsigned integer', 'integral', 'real floating', 'numeric'.
    Cast "isdtype(dtype, kind)" eg "array(isdtype(float32, 'real floating'))" = |cx, mut a| {
        let dtype = a.need(cx, "dtype")?.dtype(cx)?;
        let kind = a.need(cx, "kind")?;
        let kinds = match &kind.value {
            Val::Tuple(kinds) => kinds.clone(),
            _ => vec![kind],
        };
        let mut is = false;
        for kind in kinds {
            is |= match &kind.value {
                Val::DType(other) => dtype == *other,
                _ => is_kind(cx, dtype, kind)?,
            };
        }
        Ok(truth(is))
    };
    /// The shape that shapes broadcast to.
    Shape "broadcast_shapes(a, b, c=None)" eg "zeros(broadcast_shapes((3, 1), (2,)))" = |cx, mut a| {
        let mut all = Vec::new();
        for param in ["a", "b", "c"] {
            let shape = a.take(param).map(|i| i.shape(cx, param)).transpose()?;
            all.extend(shape.map(|shape| Array::zeros(&shape, DType::Bool)));
        }
        let both = crate::broadcast_arrays(&all).map_err(|e| cx.at(a.span, e))?;
        let shape = both.first().map_or(Ok(&[][..]), |b| b.shape())?;
        let number = |&n: &u64| Item { value: Val::Scalar(Weak::Int(n.into())), span: a.span };
        Ok(Val::Tuple(shape.iter().map(number).collect()))
    };
    /// The complex conjugate: real numbers are their own.
    Elementwise "conj(x)" | "conjugate" | "real_if_close" eg "conj([1.5, -2])" =
        |cx, mut a| Ok(Val::Array(a.array(cx, "x")?));
    /// Whether an element has an imaginary part that is not 0: no real number has.
    Elementwise "iscomplex(x)" eg "iscomplex([1.5, -2])" = |cx, a| everywhere(cx, a, false);
    /// Whether an element has no imaginary part: real numbers have none.
    Elementwise "isreal(x)" eg "isreal([1.5, -2])" = |cx, a| everywhere(cx, a, true);
    /// Whether there is no number: NaN.
    Elementwise "isnull(values)" eg "isnull([1, nan])" =
        |cx, mut a| Ok(Val::Array(a.array(cx, "values")?.isnan()));
    /// Whether there is a number: not NaN.
    Elementwise "notnull(values)" eg "notnull([1, nan])" =
        |cx, mut a| Ok(Val::Array(a.array(cx, "values")?.isnan().logical_not()));
    /// The indices of the elements at and below a diagonal of an n × m matrix, a tuple.
    Choice "tril_indices(n, k=0, m=None)" eg "tril_indices(2)[1]" = |cx, a| triangle(cx, a, true);
    /// The indices of the elements at and above a diagonal of an n × m matrix, a tuple.
    Choice "triu_indices(n, k=0, m=None)" eg "triu_indices(2)[1]" = |cx, a| triangle(cx, a, false);
    /// The indices of the elements of a matrix at and below a diagonal, a tuple.
    Choice "tril_indices_from(arr, k=0)" eg "tril_indices_from([[1, 2], [3, 4]])[1]" =
        |cx, a| triangle_from(cx, a, true);
    /// The indices of the elements of a matrix at and above a diagonal, a tuple.
    Choice "triu_indices_from(arr, k=0)" eg "triu_indices_from([[1, 2], [3, 4]])[1]" =
        |cx, a| triangle_from(cx, a, false);
    /// The indices of the main diagonal of an array of so many axes, a tuple.
    Choice "diag_indices(n, ndim=2)" eg "diag_indices(3)[1]" = |cx, mut a| {
        let n = whole(cx, &mut a, "n", None)?;
        let axes = whole(cx, &mut a, "ndim", Some(2))?;
        Ok(several((0..axes).map(|_| Array::arange_int(0, n, 1)), &a))
    };
    /// A matrix with the elements of an array, in C order, on a diagonal.
    Product "diagflat(v, k=0)" eg "diagflat([[1, 2]])" = |cx, mut a| {
        let k = whole(cx, &mut a, "k", Some(0))?;
        Ok(Val::Array(a.array(cx, "v")?.ravel().diag(k)))
    };
};

fn truth(is: bool) -> Val {
    Val::Scalar(Weak::Bool(is))
}

fn is_kind(cx: &Cx, dtype: DType, kind: Item) -> Result<bool> {
    let (integer, float) = (dtype.is_integer(), dtype.is_float());
    let signed = integer && dtype.kind() == crate::Kind::Int;
    let words = [
        ("bool", dtype == DType::Bool),
        ("signed integer", signed),
        ("unsigned integer", integer && !signed),
        ("integral", integer),
        ("real floating", float),
        ("complex floating", false),
        ("numeric", integer || float),
    ];
    word(cx, Some(kind), "kind", &words, false)
}

/// A bool in the shape of an array.
fn everywhere(cx: &Cx, mut a: Args, is: bool) -> Result<Val> {
    let x = a.array(cx, "x")?;
    Ok(Val::Array(Array::scalar(is).broadcast_to(x.shape()?)))
}

fn whole(cx: &Cx, a: &mut Args, param: &str, default: Option<i64>) -> Result<i64> {
    match (a.take(param), default) {
        (Some(item), _) => item.int(cx, param),
        (None, Some(default)) => Ok(default),
        (None, None) => a.need(cx, param)?.int(cx, param),
    }
}

fn triangle(cx: &Cx, mut a: Args, below: bool) -> Result<Val> {
    let n = whole(cx, &mut a, "n", None)?;
    let k = whole(cx, &mut a, "k", Some(0))?;
    let m = whole(cx, &mut a, "m", Some(n))?;
    indices(cx, &a, (n, m), k, below)
}

fn triangle_from(cx: &Cx, mut a: Args, below: bool) -> Result<Val> {
    let k = whole(cx, &mut a, "k", Some(0))?;
    let x = a.array(cx, "arr")?;
    match *x.shape()? {
        [n, m] => indices(cx, &a, (n as i64, m as i64), k, below),
        _ => Err(cx.error(a.span, "it takes a matrix, an array of two axes")),
    }
}

/// The indices of a triangle of a matrix, found at once.
fn indices(cx: &Cx, a: &Args, (n, m): (i64, i64), k: i64, below: bool) -> Result<Val> {
    let side = |n: i64| u64::try_from(n).unwrap_or(0);
    let inside = match below {
        true => tri(side(n), side(m), k),
        false => 1.0 - tri(side(n), side(m), k.saturating_sub(1)),
    };
    let found = cx.beforehand().and_then(|s| s.flatnonzero(&inside)).map_err(|e| cx.at(a.span, e))?;
    let found = Array::from_ndarray(Array1::from_vec(found));
    let m = m.max(1);
    Ok(several([found.floor_divide(m), found.remainder(m)], a))
}
