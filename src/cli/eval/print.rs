//! The results of a run as text.

use super::value::Val;
use crate::cli::{Done, output, render};
use chunkwise::{Array, Binned, Error, ErrorKind, Outcome, Value, Weak};
use std::io::Write;

/// What an expression asks to be computed.
pub enum Target {
    /// An array.
    Array(Array),
    /// A histogram.
    Histogram(Binned),
}

impl Target {
    /// The target that a value is, if it can be a result.
    ///
    /// # Errors
    /// Why not.
    pub fn new(value: Val) -> Result<Target, String> {
        match value {
            Val::Array(a) => Ok(Target::Array(a)),
            Val::Histogram(h) => Ok(Target::Histogram(h)),
            Val::Scalar(w) => Ok(Target::Array(Array::scalar(scalar(w)?))),
            Val::Tuple(items) | Val::List(items) => {
                // A shape, for example: whole numbers that are known already.
                let ints = items.iter().map(|i| match i.value {
                    Val::Scalar(Weak::Int(v)) => i64::try_from(v).ok(),
                    _ => None,
                });
                let ints: Option<Vec<i64>> = ints.collect();
                let ints =
                    ints.ok_or("a tuple is no result; give each expression for itself, or write array([…])")?;
                Ok(Target::Array(Array::from_ndarray(ndarray::Array1::from(ints).into_shared())))
            }
            other => Err(format!("{} is no result", other.kind())),
        }
    }

    /// As the library takes it.
    pub fn as_target(&self) -> &dyn chunkwise::Target {
        match self {
            Target::Array(a) => a,
            Target::Histogram(h) => h,
        }
    }
}

fn scalar(w: Weak) -> Result<chunkwise::Scalar, String> {
    w.to_scalar(w.default_dtype()).map_err(|e| e.message().to_string())
}

/// `{"results": {…}, "report": {…}}`
pub fn json(mut out: impl Write, names: &[String], outcome: &Outcome) -> Done {
    out.write_all(b"{\"results\": {")?;
    for (i, (name, value)) in names.iter().zip(&outcome.values).enumerate() {
        out.write_all(if i == 0 { b"" } else { b",\n" })?;
        output::json(&mut out, name)?;
        out.write_all(b": ")?;
        match value {
            Value::Array(a) => render::json(&mut out, a.dtype(), a.shape(), a.bytes())?,
            Value::Histogram(h) => render::histogram_json(&mut out, h)?,
            _ => return Err(unknown(name).into()),
        }
    }
    out.write_all(b"},\n\"report\": ")?;
    output::json(&mut out, &outcome.report)?;
    out.write_all(b"}\n")?;
    Ok(out.flush()?)
}

/// The library makes what this program does not know.
fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{name} is neither an array nor a histogram"))
}

/// `name = value`, one after the other.
pub fn human(mut out: impl Write, names: &[String], outcome: &Outcome) -> Done {
    for (name, value) in names.iter().zip(&outcome.values) {
        out.write_all(named(name, value)?.as_bytes())?;
    }
    Ok(out.flush()?)
}

/// `name = value` with a line end; what has several lines begins on its own.
pub fn named(name: &str, value: &Value) -> chunkwise::Result<String> {
    let text = match value {
        Value::Array(a) => render::human(a.dtype(), a.shape(), a.bytes())?,
        Value::Histogram(h) => return Ok(format!("{name} = {}", render::histogram_human(h)?)),
        _ => return Err(unknown(name)),
    };
    let space = if text.contains('\n') { "\n" } else { " " };
    Ok(format!("{name} ={space}{text}\n"))
}
