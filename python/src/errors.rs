//! Errors of the library as exceptions of Python.

use crate::names::known;
use chunkwise::{Error, ErrorKind};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The exception that an error is: of the kind of what is wrong, with message, hint and cause.
pub fn exception(py: Python<'_>, error: Error) -> PyErr {
    made(py, &error).unwrap_or_else(|_| PyRuntimeError::new_err(error.to_string()))
}

fn made(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let known = known(py)?;
    let errors: &Bound<PyDict> = known.errors.bind(py);
    let name = format!("{:?}", error.kind_within());
    let class = match errors.get_item(&name)? {
        Some(class) => class,
        None => errors.as_any().get_item("Internal")?,
    };
    let whole = error.to_string();
    // The hint stands for itself.
    let message = match error.hint_text() {
        Some(_) => whole.rsplit_once("\nhint: ").map_or(whole.as_str(), |(message, _)| message),
        None => whole.as_str(),
    };
    let object = class.call1((message, name, error.hint_text(), error.needed()))?;
    let made = PyErr::from_value(object);
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(raised) = cause.downcast_ref::<PyErr>() {
            made.set_cause(py, Some(raised.clone_ref(py)));
            return Ok(made);
        }
        source = cause.source();
    }
    Ok(made)
}

/// An exception that Python raised while a source was read, as an error of the library.
pub fn raised(error: PyErr, what: &str) -> Error {
    let said = Python::attach(|py| {
        let name = error.get_type(py).name().map(|n| n.to_string()).unwrap_or_default();
        format!("{what} raised {name}")
    });
    Error::new(ErrorKind::Io, said).caused_by(error)
}
