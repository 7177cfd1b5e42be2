//! What both halves know of each other: the catalogue as data for Python, Python's classes for the native half.

use chunkwise::expr::catalogue as names;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

/// Python's classes and functions that values are made with and recognised by.
pub struct Known {
    /// `chunkwise.Array`
    pub array: Py<PyType>,
    /// `chunkwise.Group`
    pub group: Py<PyType>,
    /// Exceptions by the kind of an error.
    pub errors: Py<PyDict>,
    /// Makes an array of an object that is none of Python's own.
    pub coerce: Py<PyAny>,
    pub ndarray: Py<PyType>,
    pub generic: Py<PyType>,
    pub dtype: Py<PyType>,
    pub threading: Py<PyModule>,
}

static KNOWN: PyOnceLock<Known> = PyOnceLock::new();

/// What [`register`] was given.
pub fn known(py: Python<'_>) -> PyResult<&Known> {
    KNOWN
        .get(py)
        .ok_or_else(|| pyo3::exceptions::PyRuntimeError::new_err("chunkwise was not imported as a whole"))
}

/// Says Python's classes; the first call counts.
#[pyfunction]
pub fn register(
    py: Python<'_>,
    array: Py<PyType>,
    group: Py<PyType>,
    errors: Py<PyDict>,
    coerce: Py<PyAny>,
) -> PyResult<()> {
    let numpy = py.import("numpy")?;
    let class =
        |name: &str| -> PyResult<Py<PyType>> { Ok(numpy.getattr(name)?.cast_into::<PyType>()?.unbind()) };
    let known = Known {
        array,
        group,
        errors,
        coerce,
        ndarray: class("ndarray")?,
        generic: class("generic")?,
        dtype: class("dtype")?,
        threading: py.import("threading")?.unbind(),
    };
    let _ = KNOWN.set(py, known);
    Ok(())
}

/// Every entry of the catalogue: name, other names, kind, operator, parameters (name, default, whether it is given by its
/// name, what it means; `None` for what is not called), documentation and an example.
#[pyfunction]
pub fn catalogue(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for entry in names::entries() {
        let params = match &entry.call {
            None => None,
            Some(call) => {
                let each = call.params.iter().map(|p| (p.name, p.default, p.keyword_only, entry.about(p)));
                Some(each.collect::<Vec<_>>())
            }
        };
        let spreads = entry.spreads();
        let kind = format!("{:?}", entry.kind);
        let row =
            (entry.name, &entry.aliases, kind, entry.operator, params, spreads, entry.doc, entry.example);
        list.append(PyTuple::new(
            py,
            [
                row.0.into_pyobject(py)?.into_any(),
                row.1.into_pyobject(py)?.into_any(),
                row.2.into_pyobject(py)?.into_any(),
                row.3.into_pyobject(py)?.into_any(),
                row.4.into_pyobject(py)?.into_any(),
                row.5.into_pyobject(py)?.to_owned().into_any(),
                row.6.into_pyobject(py)?.into_any(),
                row.7.into_pyobject(py)?.into_any(),
            ],
        )?)?;
    }
    Ok(list)
}

/// What to say of a name that is not there.
#[pyfunction]
pub fn missing(name: &str) -> String {
    names::missing(name)
}
