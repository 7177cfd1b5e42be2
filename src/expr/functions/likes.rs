//! Arrays like others, of evenly growing numbers, and windows; names that NumPy has for what is there.

use super::super::args::{Args, in_dtype};
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::value::Val;
use super::arrange::several;
use super::row::{Function, functions};
use crate::{Array, DType, Result};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// Zeros in the shape and dtype of an array.
    Creation "zeros_like(a, dtype=None, *, shape=None)" | "empty_like" eg "zeros_like([1, 2])" =
        |cx, a| like(cx, a, Array::zeros);
    /// Ones in the shape and dtype of an array.
    Creation "ones_like(a, dtype=None, *, shape=None)" eg "ones_like([1.5, 2])" = |cx, a| like(cx, a, Array::ones);
    /// One value everywhere, in the shape and dtype of an array.
    Creation "full_like(a, fill_value, dtype=None, *, shape=None)" eg "full_like([1, 2], 7)" = |cx, mut a| {
        let value = a.array(cx, "fill_value")?;
        let (shape, dtype) = shaped(cx, &mut a)?;
        Ok(Val::Array(value.cast(dtype).broadcast_to(&shape)))
    };
    /// Zeros: what an array holds before it is written cannot be seen here.
    Creation "empty(shape, dtype=float64)" eg "empty((2, 3)).shape" =
        |cx, a| super::creation::filled(cx, a, Array::zeros);
    /// An array of what is one already, or of nested lists of numbers.
    Creation "asarray(a, dtype=None)" | "asanyarray" | "ascontiguousarray" | "asfortranarray" | "copy"
        eg "asarray([1, 2], dtype=float32)" = |cx, mut a| {
        let x = a.array(cx, "a")?;
        Ok(Val::Array(in_dtype(x, a.dtype(cx)?)))
    };
    /// Powers of a base with evenly spaced exponents, both ends among them.
    Creation "logspace(start, stop, num=50, *, base=10.0, dtype=None)" eg "logspace(0, 3, 4)" = |cx, mut a| {
        let base = a.take("base").map(|i| i.float(cx, "base")).transpose()?.unwrap_or(10.0);
        let (start, stop, num) = ends(cx, &mut a)?;
        Ok(Val::Array(in_dtype(Array::logspace(start, stop, num, base), a.dtype(cx)?)))
    };
    /// Numbers each of which is the one before it times a constant, both ends among them.
    Creation "geomspace(start, stop, num=50, *, dtype=None)" eg "geomspace(1, 8, 4)" = |cx, mut a| {
        let (start, stop, num) = ends(cx, &mut a)?;
        Ok(Val::Array(in_dtype(Array::geomspace(start, stop, num), a.dtype(cx)?)))
    };
    /// The Bartlett window: two straight lines.
    Creation "bartlett(M)" eg "bartlett(5)" = |cx, a| window(cx, a, Array::bartlett);
    /// The Blackman window.
    Creation "blackman(M)" eg "round(blackman(5), 3)" = |cx, a| window(cx, a, Array::blackman);
    /// The Hamming window.
    Creation "hamming(M)" eg "round(hamming(5), 3)" = |cx, a| window(cx, a, Array::hamming);
    /// The Hann window.
    Creation "hanning(M)" eg "round(hanning(5), 3)" = |cx, a| window(cx, a, Array::hanning);
    /// The Kaiser window.
    Creation "kaiser(M, beta)" eg "round(kaiser(5, 14.0), 6)" = |cx, mut a| {
        let beta = a.need(cx, "beta")?.float(cx, "beta")?;
        let m = points(cx, &mut a)?;
        Ok(Val::Array(Array::kaiser(m, beta)))
    };
    /// |x| as a float.
    Elementwise "fabs(x)" eg "fabs([-3, 2.5])" = |cx, mut a| {
        let x = a.array(cx, "x")?;
        // Of integers in the float that holds them, as other rows of floats.
        let dtype = x.rint().dtype()?;
        Ok(Val::Array(x.cast(dtype).abs()))
    };
    /// Whether x is +inf.
    Elementwise "isposinf(x)" eg "isposinf([inf, -inf, 1])" =
        |cx, mut a| Ok(Val::Array(a.array(cx, "x")?.equal(f64::INFINITY)));
    /// Whether x is −inf.
    Elementwise "isneginf(x)" eg "isneginf([inf, -inf, 1])" =
        |cx, mut a| Ok(Val::Array(a.array(cx, "x")?.equal(f64::NEG_INFINITY)));
    /// The significand in ½ … 1 and the exponent of 2, a tuple.
    Elementwise "frexp(x)" eg "frexp([10.0, 0.75])[1]" = |cx, mut a| {
        let x = a.array(cx, "x")?;
        Ok(several([x.frexp_mantissa(), x.frexp_exponent()], &a))
    };
    /// The value at x of the polynomial with these coefficients, that of the highest power first.
    Elementwise "polyval(p, x)" eg "polyval([3, 0, 1], 5)" = |cx, mut a| {
        let x = a.array(cx, "x")?;
        let p = a.need(cx, "p")?;
        let span = p.span;
        let p = p.array(cx, "p")?;
        match *p.shape()? {
            [n] if n <= MAX_TERMS => Ok(Val::Array(p.polyval(&x))),
            _ => Err(cx.error(span, format!("coefficients are a list of at most {MAX_TERMS} numbers"))),
        }
    };
    /// Whether both are equal when they are broadcast to one shape.
    Reduction "array_equiv(a1, a2)" eg "array_equiv([1, 1], [1])" = |cx, mut a| {
        let (one, other) = (a.array(cx, "a1")?, a.array(cx, "a2")?);
        let equal = one.equal(&other);
        // What does not broadcast is not equal.
        Ok(Val::Array(if equal.check().is_ok() { equal.all() } else { Array::scalar(false) }))
    };
};

/// The most coefficients of a polynomial: each is a step.
const MAX_TERMS: u64 = 1000;

fn shaped(cx: &Cx, a: &mut Args) -> Result<(Vec<u64>, DType)> {
    let shape = a.take("shape").map(|i| i.shape(cx, "shape")).transpose()?;
    let dtype = a.dtype(cx)?;
    let x = a.array(cx, "a")?;
    let shape = match shape {
        Some(shape) => shape,
        None => x.shape()?.to_vec(),
    };
    Ok((shape, dtype.map_or_else(|| x.dtype(), Ok)?))
}

fn like(cx: &Cx, mut a: Args, make: fn(&[u64], DType) -> Array) -> Result<Val> {
    let (shape, dtype) = shaped(cx, &mut a)?;
    Ok(Val::Array(make(&shape, dtype)))
}

/// `start`, `stop` and `num`.
fn ends(cx: &Cx, a: &mut Args) -> Result<(f64, f64, u64)> {
    let num = match a.take("num") {
        None => 50,
        Some(item) => {
            u64::try_from(item.int(cx, "num")?).map_err(|_| cx.error(item.span, "num cannot be negative"))?
        }
    };
    Ok((a.need(cx, "start")?.float(cx, "start")?, a.need(cx, "stop")?.float(cx, "stop")?, num))
}

/// The points of a window: none for a number below 1.
fn points(cx: &Cx, a: &mut Args) -> Result<u64> {
    Ok(u64::try_from(a.need(cx, "M")?.int(cx, "M")?).unwrap_or(0))
}

fn window(cx: &Cx, mut a: Args, make: fn(u64) -> Array) -> Result<Val> {
    Ok(Val::Array(make(points(cx, &mut a)?)))
}
