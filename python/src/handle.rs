//! What Python's classes hold: something lazy.

use crate::errors::exception;
use chunkwise::expr::{Lowered, Part, Stored};
use chunkwise::source::hdf5::{Attribute, AttributeValue, NodeKind};
use chunkwise::{Array, Join, OpenOptions, Scalar};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::path::PathBuf;

/// A lazy array, what a mask selects, or a group of a file.
#[pyclass(frozen, module = "chunkwise._chunkwise")]
pub struct Handle {
    pub lowered: Lowered,
}

impl Handle {
    pub fn new(lowered: Lowered) -> Handle {
        Handle { lowered }
    }

    /// The array.
    pub fn array(&self) -> PyResult<&Array> {
        match self.lowered.part() {
            Part::Array(a) => Ok(a),
            _ => Err(PyTypeError::new_err(format!("{} is no array yet", self.lowered.kind()))),
        }
    }
}

#[pymethods]
impl Handle {
    /// Whether it is an array whose shape is known.
    #[getter]
    fn is_array(&self) -> bool {
        matches!(self.lowered.part(), Part::Array(_))
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.array()?.shape().map_err(|e| exception(py, e))?)
    }

    #[getter]
    fn ndim(&self, py: Python<'_>) -> PyResult<usize> {
        match self.lowered.part() {
            Part::Selection(s) => s.ndim(),
            _ => self.array()?.ndim(),
        }
        .map_err(|e| exception(py, e))
    }

    /// The dtype by NumPy's name.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> PyResult<&'static str> {
        let dtype = match self.lowered.part() {
            Part::Selection(s) => s.dtype(),
            _ => self.array()?.dtype(),
        };
        Ok(dtype.map_err(|e| exception(py, e))?.name())
    }

    /// The number of elements of each storage chunk along each axis; nothing if it is not stored in chunks.
    #[getter]
    fn chunks(&self, py: Python<'_>) -> PyResult<Option<Vec<Vec<u64>>>> {
        let array = self.array()?;
        let read = || -> chunkwise::Result<_> {
            let shape = array.shape()?;
            let Some(chunks) = array.stored_chunks()? else { return Ok(None) };
            let along = |d: usize| {
                let each = (0..chunks.count(d, shape[d])).map(|k| {
                    let mut at = vec![0; shape.len()];
                    at[d] = k;
                    let region = chunks.region(&at);
                    (region.start[d] + region.shape[d]).min(shape[d]) - region.start[d]
                });
                each.collect::<Vec<u64>>()
            };
            Ok(Some((0..shape.len()).map(along).collect()))
        };
        read().map_err(|e| exception(py, e))
    }

    /// What it is and what made it, on a few lines.
    fn describe(&self) -> String {
        match self.lowered.part() {
            Part::Array(a) => a.to_string(),
            _ => self.lowered.kind().to_string(),
        }
    }

    /// Of an array of decoded numbers, whether NaN stands for what is missing.
    #[getter]
    fn has_missing(&self, py: Python<'_>) -> PyResult<bool> {
        self.array()?.has_missing().map_err(|e| exception(py, e))
    }

    /// `units`, `long_name` and the like.
    #[getter]
    fn annotations(&self, py: Python<'_>) -> PyResult<std::collections::BTreeMap<String, String>> {
        self.array()?.annotations().cloned().map_err(|e| exception(py, e))
    }

    /// The names of what is in a group.
    fn members(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        match self.lowered.part() {
            Part::Stored(s) => {
                let mut names = s.members().map_err(|e| exception(py, e))?.to_vec();
                if names.is_empty() {
                    names = s.fields().map_err(|e| exception(py, e))?.iter().map(|n| n.to_string()).collect();
                }
                Ok(names)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The path of a group.
    #[getter]
    fn path(&self) -> Option<String> {
        match self.lowered.part() {
            Part::Stored(s) | Part::Attributes(s) => Some(s.path().to_string()),
            _ => None,
        }
    }
}

/// How files are opened: whether numbers are decoded, other files read, plugins loaded.
type How = (bool, bool, bool);

fn options((decode, external, plugins): How) -> OpenOptions {
    let options = if decode { OpenOptions::new().decode() } else { OpenOptions::new() };
    let options = if external { options.allow_external() } else { options };
    if plugins { options.allow_plugins() } else { options }
}

/// What is stored at a path of a file: an array, or a group.
#[pyfunction]
pub fn open(py: Python<'_>, file: PathBuf, path: &str, how: How) -> PyResult<Handle> {
    let options = options(how);
    let of = file.clone();
    let join = Join::Concatenate { axis: 0 };
    let open = move |dataset: &str| Array::open_with(&of, dataset, options);
    let stored = Stored::opened_by([file], join, options, open);
    found(py, stored.at(path))
}

/// The same of many files, joined along an axis, or stacked along a new one.
#[pyfunction]
pub fn open_many(
    py: Python<'_>,
    files: Vec<PathBuf>,
    path: &str,
    join: (i64, bool),
    how: How,
) -> PyResult<Handle> {
    let (axis, stack) = join;
    let join = if stack { Join::Stack { axis } } else { Join::Concatenate { axis } };
    found(py, Stored::files(files, join, options(how)).at(path))
}

/// The attributes of what is at a path of a file. One value of a kind is that, whatever the shape in which it is stored.
#[pyfunction]
pub fn attributes<'py>(py: Python<'py>, file: PathBuf, path: &str) -> PyResult<Bound<'py, PyDict>> {
    let object = py.detach(|| chunkwise::source::object(&file, path, OpenOptions::new()));
    told(py, object.map_err(|e| exception(py, e))?.attributes)
}

/// Attributes by their names.
fn told(py: Python<'_>, attributes: Vec<Attribute>) -> PyResult<Bound<'_, PyDict>> {
    let all = PyDict::new(py);
    let numpy = py.import("numpy")?;
    for attribute in attributes {
        let value = match &attribute.value {
            AttributeValue::Numbers(values) => {
                let dtype = values.first().map_or("float64", |v| v.dtype().name());
                let numbers = values.iter().map(|v| number(py, *v)).collect::<PyResult<Vec<_>>>()?;
                let array = numpy.call_method1("array", (numbers, dtype))?;
                match values.len() {
                    1 => array.get_item(0)?,
                    _ => array.call_method1("reshape", (attribute.shape.clone(),))?,
                }
            }
            AttributeValue::Strings(values) => match &values[..] {
                [one] => one.into_pyobject(py)?.into_any(),
                all => all.into_pyobject(py)?.into_any(),
            },
            // References and compound values: their text.
            other => format!("{other:?}").into_pyobject(py)?.into_any(),
        };
        all.set_item(attribute.name, value)?;
    }
    Ok(all)
}

/// The datasets of a group, each as a dict of its name, shape, dtype by name (or None), chunk shape, whether it is a dimension
/// scale, the scales of each axis, and its attributes.
#[pyfunction]
pub fn listing<'py>(py: Python<'py>, file: PathBuf, path: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let node = py.detach(|| chunkwise::source::tree(&file, path)).map_err(|e| exception(py, e))?;
    let NodeKind::Group { members, .. } = node.kind else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for member in members {
        let NodeKind::Dataset(dataset) = member.kind else { continue };
        let row = PyDict::new(py);
        row.set_item("name", member.path.rsplit('/').next())?;
        row.set_item("shape", dataset.shape.map(|s| PyTuple::new(py, s)).transpose()?)?;
        row.set_item("dtype", dataset.dtype.map(|d| d.name()))?;
        row.set_item("chunks", dataset.chunks)?;
        row.set_item("scale", dataset.scale)?;
        row.set_item("scales", dataset.scales)?;
        let object = py.detach(|| chunkwise::source::object(&file, &member.path, OpenOptions::new()));
        row.set_item("attributes", told(py, object.map_err(|e| exception(py, e))?.attributes)?)?;
        all.push(row);
    }
    Ok(all)
}

fn number(py: Python<'_>, v: Scalar) -> PyResult<Bound<'_, PyAny>> {
    Ok(match (v, v.to_i128()) {
        (Scalar::Bool(b), _) => b.into_pyobject(py)?.to_owned().into_any(),
        (_, Some(v)) => v.into_pyobject(py)?.into_any(),
        _ => v.to_f64().into_pyobject(py)?.into_any(),
    })
}

/// A stored dataset as an array; what has parts as it is.
pub fn found(py: Python<'_>, stored: Stored) -> PyResult<Handle> {
    let found = py.detach(|| match stored.array() {
        Ok(array) => Ok(Lowered::from(array)),
        Err(e) => {
            let has_parts = stored.members().is_ok_and(|m| !m.is_empty()) || stored.is_a_group();
            if has_parts || stored.fields().is_ok_and(|f| !f.is_empty()) {
                Ok(Lowered::from(stored.clone()))
            } else {
                Err(e)
            }
        }
    });
    found.map(Handle::new).map_err(|e| exception(py, e))
}
