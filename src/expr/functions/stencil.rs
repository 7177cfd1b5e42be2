//! Elements and those beside them.

use super::super::args::{Args, word};
use super::super::cx::Cx;
use super::super::value::{Item, Val};
use crate::{Boundary, ConvolveMode, Result, Weak};

/// `numpy.pad`, with the words of `dask.array.overlap` too where they mean the same.
pub fn pad(cx: &Cx, mut a: Args) -> Result<Val> {
    let fill = a.take("constant_values").map(|k| k.number(cx, "constant_values")).transpose()?;
    let fill = fill.unwrap_or(Weak::Int(0));
    let fill = fill.to_scalar(fill.default_dtype())?;
    let modes = [
        ("constant", Boundary::Constant(fill)),
        ("edge", Boundary::Nearest),
        ("nearest", Boundary::Nearest),
        ("symmetric", Boundary::Reflect),
        ("reflect", Boundary::Mirror),
        ("wrap", Boundary::Periodic),
        ("periodic", Boundary::Periodic),
    ];
    let boundary = word(cx, a.take("mode"), "mode", &modes, modes[0].1)?;
    let width = a.need(cx, "pad_width")?;
    let wrong = |span| cx.error(span, "pad_width is a number, a pair, or a pair for each axis");
    let pair = |item: &Item| match item.shape(cx, "pad_width")?[..] {
        [n] => Ok((n, n)),
        [before, after] => Ok((before, after)),
        _ => Err(wrong(item.span)),
    };
    let nested = |i: &Item| matches!(i.value, Val::Tuple(_) | Val::List(_));
    let widths = match &width.value {
        Val::Tuple(items) | Val::List(items) if items.iter().any(nested) => {
            items.iter().map(pair).collect::<Result<Vec<_>>>()?
        }
        _ => vec![pair(&width)?],
    };
    Ok(Val::Array(a.array(cx, "array")?.pad(&widths, &[boundary])))
}

/// `numpy.gradient` along one axis, which a 1-D array need not name.
pub fn gradient(cx: &Cx, mut a: Args) -> Result<Val> {
    let f = a.array(cx, "f")?;
    let axis = match a.take("axis") {
        Some(axis) => axis.int(cx, "axis")?,
        None if f.ndim()? == 1 => 0,
        None => {
            return Err(cx
                .error(a.span, "gradient needs the axis of an array of several axes")
                .hint("gradient(f, axis=0); NumPy gives one array for each axis"));
        }
    };
    let spacing = a.take("spacing").map(|s| s.float(cx, "spacing")).transpose()?.unwrap_or(1.0);
    let order = a.take("edge_order").map(|o| o.int(cx, "edge_order")).transpose()?.unwrap_or(1);
    Ok(Val::Array(f.gradient(axis, spacing, u32::try_from(order).unwrap_or(0))))
}

pub fn convolve(cx: &Cx, mut a: Args) -> Result<Val> {
    let modes = [("full", ConvolveMode::Full), ("same", ConvolveMode::Same), ("valid", ConvolveMode::Valid)];
    let mode = word(cx, a.take("mode"), "mode", &modes, ConvolveMode::Full)?;
    Ok(Val::Array(a.array(cx, "a")?.convolve(&a.array(cx, "v")?, mode)))
}
