//! Arrays from nothing.

use super::super::args::{Args, cast, in_dtype};
use super::super::cx::Cx;
use super::super::value::{Item, Val};
use crate::{Array, DType, Result, Weak};

pub fn arange(cx: &Cx, mut a: Args) -> Result<Val> {
    let start = a.need(cx, "start")?;
    let (start, stop) = match a.take("stop") {
        Some(stop) => (start, stop),
        None => (Item { value: Val::Scalar(Weak::Int(0)), span: start.span }, start),
    };
    let step = a.take("step").unwrap_or(Item { value: Val::Scalar(Weak::Int(1)), span: a.span });
    let whole = [&start, &stop, &step].iter().all(|i| matches!(i.value, Val::Scalar(Weak::Int(_))));
    let x = match whole {
        true => Array::arange_int(start.int(cx, "start")?, stop.int(cx, "stop")?, step.int(cx, "step")?),
        false => Array::arange(start.float(cx, "start")?, stop.float(cx, "stop")?, step.float(cx, "step")?),
    };
    Ok(Val::Array(in_dtype(x, a.dtype(cx)?)))
}

pub fn linspace(cx: &Cx, mut a: Args) -> Result<Val> {
    let num = match a.take("num") {
        Some(item) => match u64::try_from(item.int(cx, "num")?) {
            Ok(num) => num,
            Err(_) => return Err(cx.error(item.span, "num cannot be negative")),
        },
        None => 50,
    };
    let (start, stop) = (a.need(cx, "start")?.float(cx, "start")?, a.need(cx, "stop")?.float(cx, "stop")?);
    let endpoint = a.take("endpoint").map(|i| i.bool(cx, "endpoint")).transpose()?.unwrap_or(true);
    let made = if endpoint { Array::linspace } else { Array::linspace_before };
    Ok(Val::Array(in_dtype(made(start, stop, num), a.dtype(cx)?)))
}

pub fn filled(cx: &Cx, mut a: Args, make: fn(&[u64], DType) -> Array) -> Result<Val> {
    let shape = a.need(cx, "shape")?.shape(cx, "shape")?;
    Ok(Val::Array(make(&shape, a.dtype(cx)?.unwrap_or(DType::F64))))
}

pub fn full(cx: &Cx, mut a: Args) -> Result<Val> {
    let shape = a.need(cx, "shape")?.shape(cx, "shape")?;
    let value = a.need(cx, "fill_value")?;
    let value = match a.dtype(cx)? {
        Some(dtype) => match cast(cx, value, dtype)? {
            Val::Array(value) => value,
            _ => return Err(cx.error(a.span, "full needs a number")),
        },
        None => value.array(cx, "fill_value")?,
    };
    Ok(Val::Array(value.broadcast_to(&shape)))
}
