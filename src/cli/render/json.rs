//! JSON. Every number reads back to the same bits of its dtype (NaN loses only its payload).

use super::View;
use super::number::shortest_f16;
use chunkwise::{DType, Members, Scalar};
use std::io::{self, BufWriter, Write};

/// Writes `{"kind":"array","dtype":…,"shape":…,"data":…}` without a line end.
///
/// `data` is nested lists, or a bare value for rank 0. Integers are exact, floats the shortest text
/// that reads back as their dtype; what JSON has no number for is `"NaN"`, `"Infinity"` or
/// `"-Infinity"`. An array without elements and with more than 65,536 empty lists is `[]`.
/// The text is streamed: no memory in proportion to the array.
///
/// # Errors
/// What `out` fails with, for example a closed pipe; `InvalidInput` if `bytes` does not fit.
pub fn json(out: impl Write, dtype: DType, shape: &[u64], bytes: &[u8]) -> io::Result<()> {
    json_named(out, dtype, shape, bytes, None)
}

/// As [`json`], of values with names, which are strings then.
///
/// # Errors
/// As [`json`].
pub fn json_named(
    out: impl Write,
    dtype: DType,
    shape: &[u64],
    bytes: &[u8],
    names: Option<&Members>,
) -> io::Result<()> {
    let view = View::new(dtype, shape, bytes)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e.to_string()))?;
    let mut out = BufWriter::with_capacity(1 << 16, out);
    write!(out, "{{\"kind\":\"array\",\"dtype\":\"{dtype}\",\"shape\":[")?;
    for (d, n) in shape.iter().enumerate() {
        write!(out, "{}{n}", if d == 0 { "" } else { "," })?;
    }
    out.write_all(b"],\"data\":")?;
    let lists = shape.iter().take_while(|n| **n > 0).try_fold(1u64, |a, n| a.checked_mul(*n));
    if bytes.is_empty() && lists.is_none_or(|n| n > 1 << 16) {
        out.write_all(b"[]")?;
    } else {
        nested(&mut out, &view, names, shape, &mut 0)?;
    }
    out.write_all(b"}")?;
    out.flush()
}

fn nested(
    out: &mut impl Write,
    view: &View,
    names: Option<&Members>,
    shape: &[u64],
    next: &mut u64,
) -> io::Result<()> {
    let Some((n, inner)) = shape.split_first() else {
        *next += 1;
        let element = view.get(*next - 1);
        return match names.and_then(|names| names.name(element.to_i128()?)) {
            Some(name) => serde_json::to_writer(out, name).map_err(io::Error::from),
            None => value(out, element),
        };
    };
    out.write_all(b"[")?;
    for i in 0..*n {
        if i > 0 {
            out.write_all(b",")?;
        }
        nested(out, view, names, inner, next)?;
    }
    out.write_all(b"]")
}

/// Writes the elements of an array as nested lists, as [`json`] does for `data`.
///
/// # Errors
/// As [`json`].
pub(super) fn list(out: &mut impl Write, dtype: DType, shape: &[u64], bytes: &[u8]) -> io::Result<()> {
    let view = View::new(dtype, shape, bytes)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e.to_string()))?;
    nested(out, &view, None, shape, &mut 0)
}

/// Writes one value as [`json`] does.
///
/// # Errors
/// What `out` fails with.
pub fn value(out: &mut impl Write, value: Scalar) -> io::Result<()> {
    let wide = value.to_f64();
    match value {
        _ if wide.is_nan() => out.write_all(b"\"NaN\""),
        _ if wide.is_infinite() => out.write_all(if wide > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" }),
        Scalar::Bool(v) => write!(out, "{v}"),
        Scalar::F64(v) => write!(out, "{v:?}"),
        Scalar::F32(v) => write!(out, "{v:?}"),
        Scalar::F16(v) => match shortest_f16(v).parse::<f64>() {
            Ok(short) => write!(out, "{short:?}"),
            Err(_) => write!(out, "{:?}", v.to_f64()),
        },
        v => write!(out, "{}", v.to_i128().unwrap_or_default()),
    }
}
