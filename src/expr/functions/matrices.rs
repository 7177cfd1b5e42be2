//! Matrices and products of axes.

use super::super::args::{Args, over};
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::value::{Item, Val};
use super::row::{Function, functions};
use crate::{Array, DType, Norm, Result, Weak, einsum, eye, tri};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// 1 on a diagonal of an N × M matrix, 0 elsewhere.
    Creation "eye(N, M=None, k=0, dtype=float64)" eg "eye(2, 3, k=1)" = |cx, mut a| {
        let dtype = a.dtype(cx)?.unwrap_or(DType::F64);
        let (n, m, k) = sizes(cx, &mut a)?;
        Ok(Val::Array(eye(n, m, k, dtype)))
    };
    /// The n × n matrix with 1 on its diagonal.
    Creation "identity(n, dtype=float64)" eg "identity(2)" = |cx, mut a| {
        let dtype = a.dtype(cx)?.unwrap_or(DType::F64);
        let n = length(cx, &a.need(cx, "n")?)?;
        Ok(Val::Array(eye(n, n, 0, dtype)))
    };
    /// 1 at and below a diagonal of an N × M matrix, 0 above.
    Creation "tri(N, M=None, k=0, dtype=float64)" eg "tri(2, 3)" = |cx, mut a| {
        let dtype = a.dtype(cx)?.unwrap_or(DType::F64);
        let (n, m, k) = sizes(cx, &mut a)?;
        Ok(Val::Array(tri(n, m, k).cast(dtype)))
    };
    /// The elements at and below a diagonal of the last two axes, 0 above.
    Product "tril(m, k=0)" eg "tril([[1, 2], [3, 4]])" = |cx, mut a| {
        let k = number(cx, &mut a, "k", 0)?;
        Ok(Val::Array(a.array(cx, "m")?.tril(k)))
    };
    /// The elements at and above a diagonal of the last two axes, 0 below.
    Product "triu(m, k=0)" eg "triu([[1, 2], [3, 4]])" = |cx, mut a| {
        let k = number(cx, &mut a, "k", 0)?;
        Ok(Val::Array(a.array(cx, "m")?.triu(k)))
    };
    /// A diagonal of a matrix, or the matrix that has a row on a diagonal.
    Product "diag(v, k=0)" eg "diag([[1, 2], [3, 4]])" = |cx, mut a| {
        let k = number(cx, &mut a, "k", 0)?;
        Ok(Val::Array(a.array(cx, "v")?.diag(k)))
    };
    /// The diagonal of two axes, as a new last one.
    Product "diagonal(a, offset=0, axis1=0, axis2=1)" eg "diagonal([[1, 2], [3, 4]], 1)" = |cx, mut a| {
        let (offset, axes) = plane(cx, &mut a)?;
        Ok(Val::Array(a.array(cx, "a")?.diagonal(offset, axes)))
    };
    /// The sum of the diagonal of two axes.
    Product "trace(a, offset=0, axis1=0, axis2=1)" eg "trace([[1, 2], [3, 4]])" = |cx, mut a| {
        let (offset, axes) = plane(cx, &mut a)?;
        Ok(Val::Array(a.array(cx, "a")?.trace(offset, axes)))
    };
    /// Every element of the one with every one of the other.
    Product "outer(a, b)" eg "outer([1, 2], [3, 4])" = |cx, a| product(cx, a, Array::outer);
    /// Sums of products over the last axes.
    Product "inner(a, b)" eg "inner([1, 2], [3, 4])" = |cx, a| product(cx, a, Array::inner);
    /// Sums of products along an axis of both.
    Product "vecdot(x1, x2, axis=-1)" eg "vecdot([[1, 2], [3, 4]], [1, 10])" = |cx, mut a| {
        let along = number(cx, &mut a, "axis", -1)?;
        let other = a.array(cx, "x2")?;
        Ok(Val::Array(a.array(cx, "x1")?.vecdot(&other, along)))
    };
    /// Matrices with vectors.
    Product "matvec(x1, x2)" eg "matvec([[1, 2], [3, 4]], [1, 10])" = |cx, mut a| {
        let other = a.array(cx, "x2")?;
        Ok(Val::Array(a.array(cx, "x1")?.matvec(&other)))
    };
    /// Vectors with matrices.
    Product "vecmat(x1, x2)" eg "vecmat([1, 10], [[1, 2], [3, 4]])" = |cx, mut a| {
        let other = a.array(cx, "x2")?;
        Ok(Val::Array(a.array(cx, "x1")?.vecmat(&other)))
    };
    /// The last two axes exchanged.
    Shape "matrix_transpose(x)" eg "matrix_transpose([[1, 2], [3, 4]])" =
        |cx, mut a| Ok(Val::Array(a.array(cx, "x")?.matrix_transpose()));
    /// The sum of the products of all elements.
    Product "vdot(a, b)" eg "vdot([[1, 2], [3, 4]], [[1, 0], [0, 1]])" = |cx, a| product(cx, a, Array::vdot);
    /// Blocks of the other, each multiplied by an element of the one.
    Product "kron(a, b)" eg "kron([1, 2], [1, 10])" = |cx, a| product(cx, a, Array::kron);
    /// The vector product of vectors of three components along the last axis.
    Product "cross(a, b)" eg "cross([1, 0, 0], [0, 1, 0])" = |cx, a| product(cx, a, Array::cross);
    /// Sums of products over axes of both: the last and first so many, or a pair of lists.
    Product "tensordot(a, b, axes=2)" eg "tensordot([[1, 2], [3, 4]], [[1, 2], [3, 4]], axes=1)" = tensordot;
    /// Sums of products whose axes are named by letters, 'ij,jk->ik'.
    Product "einsum(subscripts, a, b=None, c=None, d=None)" eg "einsum('ij,ij->i', [[1, 2], [3, 4]], [[1, 1], [2, 2]])" =
        |cx, mut a| {
        let subscripts = a.need(cx, "subscripts")?;
        let mut arrays = vec![a.array(cx, "a")?];
        for param in ["b", "c", "d"] {
            arrays.extend(a.take(param).map(|i| i.array(cx, param)).transpose()?);
        }
        Ok(Val::Array(einsum(subscripts.text(cx, "subscripts")?, &arrays)))
    };
    /// The norm of vectors along an axis, or of all elements: the root of the sum of squares, or the one of an order.
    Reduction "norm(x, ord=None, axis=None, *, keepdims=False)" eg "norm([3, 4])" = norm;
    /// The covariance of variables, one a row.
    Reduction "cov(m, y=None, rowvar=True, bias=False, ddof=None)" eg "cov([[1, 2, 3], [1, 3, 2]])" = |cx, mut a| {
        let rowvar = a.take("rowvar").map(|i| i.bool(cx, "rowvar")).transpose()?.unwrap_or(true);
        let bias = a.take("bias").map(|i| i.bool(cx, "bias")).transpose()?.unwrap_or(false);
        let ddof = a.take("ddof").map(|i| i.float(cx, "ddof")).transpose()?.or(bias.then_some(0.0));
        let x = variables(cx, &mut a, "m", rowvar)?;
        Ok(Val::Array(x.cov(rowvar, ddof)))
    };
    /// The correlation of variables, one a row.
    Reduction "corrcoef(x, y=None, rowvar=True)" eg "corrcoef([[1, 2, 3], [1, 3, 2]])" = |cx, mut a| {
        let rowvar = a.take("rowvar").map(|i| i.bool(cx, "rowvar")).transpose()?.unwrap_or(true);
        let x = variables(cx, &mut a, "x", rowvar)?;
        Ok(Val::Array(x.corrcoef(rowvar)))
    };
};

fn number(cx: &Cx, a: &mut Args, param: &str, default: i64) -> Result<i64> {
    Ok(a.take(param).map(|i| i.int(cx, param)).transpose()?.unwrap_or(default))
}

fn length(cx: &Cx, item: &Item) -> Result<u64> {
    u64::try_from(item.int(cx, "a length")?).map_err(|_| cx.error(item.span, "a length cannot be negative"))
}

fn sizes(cx: &Cx, a: &mut Args) -> Result<(u64, u64, i64)> {
    let n = length(cx, &a.need(cx, "N")?)?;
    let m = a.take("M").map(|i| length(cx, &i)).transpose()?.unwrap_or(n);
    Ok((n, m, number(cx, a, "k", 0)?))
}

fn plane(cx: &Cx, a: &mut Args) -> Result<(i64, (i64, i64))> {
    Ok((number(cx, a, "offset", 0)?, (number(cx, a, "axis1", 0)?, number(cx, a, "axis2", 1)?)))
}

fn product(cx: &Cx, mut a: Args, f: fn(&Array, &Array) -> Array) -> Result<Val> {
    let b = a.array(cx, "b")?;
    Ok(Val::Array(f(&a.array(cx, "a")?, &b)))
}

fn tensordot(cx: &Cx, mut a: Args) -> Result<Val> {
    let axes = a.take("axes");
    let b = a.array(cx, "b")?;
    let x = a.array(cx, "a")?;
    let last = |n: i64| -> Result<(Vec<i64>, Vec<i64>)> {
        let rank = x.ndim()? as i64;
        Ok(((rank - n..rank).collect(), (0..n).collect()))
    };
    let (ours, theirs) = match axes {
        None => last(2)?,
        Some(item) => match &item.value {
            Val::Tuple(pair) | Val::List(pair) if pair.len() == 2 => {
                (pair[0].ints(cx, "axes")?, pair[1].ints(cx, "axes")?)
            }
            Val::Scalar(Weak::Int(_)) => last(length(cx, &item)? as i64)?,
            _ => return Err(cx.error(item.span, "axes are a number, or a pair of lists")),
        },
    };
    Ok(Val::Array(x.tensordot(&b, &ours, &theirs)))
}

fn norm(cx: &Cx, mut a: Args) -> Result<Val> {
    let order = a.take("ord");
    let over = over(cx, &mut a)?;
    let x = a.array(cx, "x")?;
    let norm = match order {
        None => Norm::Frobenius,
        Some(item) => match &item.value {
            Val::Str(name) if name == "fro" => Norm::Frobenius,
            Val::Str(name) => {
                let e = cx.error(item.span, format!("there is no norm '{name}'"));
                return Err(e.hint("ord is None, 'fro', or the order of a norm of vectors: 1, 2, inf"));
            }
            // Of a matrix it would be another norm.
            _ if x.ndim()? > 1 && over.axis_count() != Some(1) => {
                let e = cx.error(item.span, "norms of matrices by their order are not there");
                return Err(e.hint("name one axis to take norms of vectors, or ravel the matrix"));
            }
            _ => Norm::P(item.float(cx, "ord")?),
        },
    };
    Ok(Val::Array(x.norm(norm, over)))
}

/// Variables of one or two arrays, one a row.
fn variables(cx: &Cx, a: &mut Args, param: &str, rowvar: bool) -> Result<Array> {
    let x = a.array(cx, param)?;
    let Some(y) = a.take("y") else { return Ok(x) };
    let (x, y) = (x.atleast_2d(), y.array(cx, "y")?.atleast_2d());
    Ok(crate::concatenate(&[x, y], if rowvar { 0 } else { 1 }))
}
