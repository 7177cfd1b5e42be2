//! Values of Python as those of the catalogue, and back.

use crate::errors::exception;
use crate::handle::{self, Handle};
use crate::memory::Strided;
use crate::names::{Known, known};
use chunkwise::expr::{Lowered, Part, Subscript};
use chunkwise::{Array, Binned, DType, Scalar, Weak};
use pyo3::exceptions::{PyIndexError, PyNotImplementedError, PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyComplex, PyEllipsis, PyFloat, PyInt, PyList, PyRange, PySlice, PyString, PyTuple, PyType,
};
use std::sync::Arc;

/// Arrays of NumPy's of at most so many bytes are copied where they are arguments: what must be known of them is known
/// then, and needs no run.
const KNOWN: u64 = 1 << 20;

/// A value, if it is one that the catalogue knows or an array.
pub fn lowered(object: &Bound<'_, PyAny>) -> PyResult<Option<Lowered>> {
    let py = object.py();
    of(object, known(py)?)
}

/// A value as an argument; an object of another library becomes an array.
pub fn argument(object: &Bound<'_, PyAny>) -> PyResult<Lowered> {
    let py = object.py();
    let known = known(py)?;
    match of(object, known)? {
        Some(value) => Ok(value),
        None => {
            let array = known.coerce.bind(py).call1((object,))?;
            handle_of(&array, known).ok_or_else(|| PyTypeError::new_err("this is no array"))
        }
    }
}

/// What an object of one of the package's classes holds.
fn handle_of(object: &Bound<'_, PyAny>, known: &Known) -> Option<Lowered> {
    let py = object.py();
    if object.is_instance(known.array.bind(py)).ok()? || object.is_instance(known.group.bind(py)).ok()? {
        let held = object.getattr(pyo3::intern!(py, "_h")).ok()?;
        return held.cast::<Handle>().ok().map(|h| h.get().lowered.clone());
    }
    object.cast::<Handle>().ok().map(|h| h.get().lowered.clone())
}

fn of(object: &Bound<'_, PyAny>, known: &Known) -> PyResult<Option<Lowered>> {
    let py = object.py();
    if let Some(value) = handle_of(object, known) {
        return Ok(Some(value));
    }
    if object.is_none() {
        return Ok(Some(Lowered::none()));
    }
    // Before the numbers of Python: float64 is one of its floats.
    if object.is_instance(known.generic.bind(py))? {
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Some(Lowered::from(text.to_cow()?.as_ref())));
        }
        return strong(object).map(Some);
    }
    if let Some(number) = weak(object)? {
        return Ok(Some(number.into()));
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Some(Lowered::from(text.to_cow()?.as_ref())));
    }
    if let Ok(items) = object.cast::<PyTuple>() {
        return Ok(Some(Lowered::tuple(items.iter().map(|i| argument(&i)).collect::<PyResult<_>>()?)));
    }
    if let Ok(items) = object.cast::<PyList>() {
        return Ok(Some(Lowered::list(items.iter().map(|i| argument(&i)).collect::<PyResult<_>>()?)));
    }
    if object.cast::<PySlice>().is_ok() {
        let part = |name: &str| argument(&object.getattr(name)?);
        return Ok(Some(Lowered::slice(part("start")?, part("stop")?, part("step")?)));
    }
    if object.is_instance(known.ndarray.bind(py))? {
        if object.getattr(pyo3::intern!(py, "ndim"))?.extract::<usize>()? == 0 {
            return strong(object).map(Some);
        }
        let isnative = object.getattr("dtype")?.getattr("isnative")?.extract::<bool>()?;
        if !isnative {
            let native = object.getattr("dtype")?.call_method1("newbyteorder", ("=",))?;
            return of(&object.call_method1("astype", (native,))?, known);
        }
        let strided = Strided::of(object)?;
        let array = match strided.bytes() <= KNOWN {
            true => strided.copied(),
            false => Array::new(Arc::new(strided)),
        };
        let array = array.made_by("ndarray");
        array.check().map_err(|e| exception(py, e))?;
        return Ok(Some(array.into()));
    }
    if object.is_instance(known.dtype.bind(py))? {
        return dtype(object).map(|d| Some(d.into()));
    }
    if let Ok(class) = object.cast::<PyType>() {
        let is_dtype = class.is_subclass(known.generic.bind(py))?
            || [py.get_type::<PyBool>(), py.get_type::<PyInt>(), py.get_type::<PyFloat>()]
                .iter()
                .any(|t| class.is(t));
        if is_dtype {
            return dtype(&known.dtype.bind(py).call1((class,))?).map(|d| Some(d.into()));
        }
    }
    if object.cast::<PyRange>().is_ok() {
        let items = object.try_iter()?.map(|i| argument(&i?)).collect::<PyResult<_>>()?;
        return Ok(Some(Lowered::list(items)));
    }
    if object.cast::<PyComplex>().is_ok() {
        return Err(PyNotImplementedError::new_err("there are no complex numbers"));
    }
    Ok(None)
}

/// A number of Python's.
fn weak(object: &Bound<'_, PyAny>) -> PyResult<Option<Weak>> {
    if let Ok(v) = object.cast::<PyBool>() {
        return Ok(Some(Weak::Bool(v.is_true())));
    }
    if object.cast::<PyInt>().is_ok() {
        let fits = object.extract::<i128>();
        return match fits {
            Ok(v) => Ok(Some(Weak::Int(v))),
            Err(_) => Err(PyOverflowError::new_err("the whole number fits no dtype")),
        };
    }
    match object.cast::<PyFloat>() {
        Ok(v) => Ok(Some(Weak::Float(v.value()))),
        Err(_) => Ok(None),
    }
}

/// A dtype of NumPy's.
fn dtype(object: &Bound<'_, PyAny>) -> PyResult<DType> {
    let name: String = object.getattr("name")?.extract()?;
    let py = object.py();
    DType::from_name(&name).ok_or_else(|| {
        let all: Vec<&str> = DType::ALL.iter().map(|d| d.name()).collect();
        let e = chunkwise::Error::new(chunkwise::ErrorKind::Type, format!("there are no arrays of {name}"));
        exception(py, e.hint(format!("the dtypes are {}", all.join(", "))))
    })
}

/// A number of NumPy's, or an array of one: it takes part in promotion with its dtype.
fn strong(object: &Bound<'_, PyAny>) -> PyResult<Lowered> {
    let py = object.py();
    let dtype = dtype(&object.getattr(pyo3::intern!(py, "dtype"))?)?;
    let item = object.call_method0(pyo3::intern!(py, "item"))?;
    let Some(number) = weak(&item)? else {
        return Err(PyTypeError::new_err("this is no number"));
    };
    let number = match number {
        Weak::Bool(b) => Scalar::Bool(b),
        number => number.to_scalar(dtype).map_err(|e| exception(py, e))?,
    };
    Ok(Array::scalar(number).into())
}

/// What stands between `[` and `]`.
pub fn subscripts(key: &Bound<'_, PyAny>) -> PyResult<Vec<Subscript>> {
    match key.cast::<PyTuple>() {
        Ok(items) => items.iter().map(|i| subscript(&i)).collect(),
        Err(_) => Ok(vec![subscript(key)?]),
    }
}

fn subscript(item: &Bound<'_, PyAny>) -> PyResult<Subscript> {
    let py = item.py();
    if item.is_none() {
        return Ok(Subscript::NewAxis);
    }
    if item.is(PyEllipsis::get(py)) {
        return Ok(Subscript::Ellipsis);
    }
    if item.cast::<PySlice>().is_ok() {
        let bound = |name: &str| -> PyResult<Option<i64>> {
            let v = item.getattr(name)?;
            if v.is_none() {
                return Ok(None);
            }
            let v = v
                .call_method0("__index__")
                .map_err(|_| PyTypeError::new_err("a slice is of whole numbers or None"))?;
            // Past either end of every axis is one place.
            let v = v
                .extract::<i128>()
                .unwrap_or_else(|_| if v.lt(0).unwrap_or(false) { i128::MIN } else { i128::MAX });
            Ok(Some(v.clamp(i64::MIN.into(), i64::MAX.into()) as i64))
        };
        return Ok(Subscript::Slice { start: bound("start")?, stop: bound("stop")?, step: bound("step")? });
    }
    let known = known(py)?;
    let is_bool = item.cast::<PyBool>().is_ok();
    // Whole numbers of NumPy's too; an array of one is a list of indices, without an axis.
    let scalar = item.is_instance(known.generic.bind(py))? || item.cast::<PyInt>().is_ok();
    if scalar
        && !is_bool
        && let Ok(index) = item.call_method0("__index__")
    {
        let beyond = |_| PyIndexError::new_err("the index is beyond every axis");
        return Ok(Subscript::At(Weak::Int(index.extract::<i128>().map_err(beyond)?).into()));
    }
    // Indices are wanted at once, all of them.
    if item.is_instance(known.ndarray.bind(py))? && item.getattr("ndim")?.extract::<usize>()? > 0 {
        return Ok(Subscript::At(Strided::of(item)?.copied().made_by("ndarray").into()));
    }
    Ok(Subscript::At(argument(item)?))
}

/// A value as an object of Python's: what is lazy as a [`Handle`].
pub fn object<'py>(py: Python<'py>, value: Lowered) -> PyResult<Bound<'py, PyAny>> {
    let all = |items: Vec<Lowered>| items.into_iter().map(|i| object(py, i)).collect::<PyResult<Vec<_>>>();
    Ok(match value.part() {
        Part::Array(_) | Part::Selection(_) | Part::Attributes(_) => {
            Bound::new(py, Handle::new(value))?.into_any()
        }
        Part::Number(Weak::Bool(b)) => PyBool::new(py, b).to_owned().into_any(),
        Part::Number(Weak::Int(v)) => v.into_pyobject(py)?.into_any(),
        Part::Number(Weak::Float(v)) => v.into_pyobject(py)?.into_any(),
        Part::Text(text) => PyString::new(py, text).into_any(),
        Part::DType(d) => known(py)?.dtype.bind(py).call1((d.name(),))?,
        Part::Tuple(items) => PyTuple::new(py, all(items)?)?.into_any(),
        Part::List(items) => PyList::new(py, all(items)?)?.into_any(),
        Part::Histogram(h) => binned(py, h, false)?,
        Part::Stored(s) => Bound::new(py, handle::found(py, s.clone())?)?.into_any(),
        _ => py.None().into_bound(py),
    })
}

/// A histogram as NumPy gives it: what lies in the bins, and the edges of each dimension.
pub fn binned<'py>(py: Python<'py>, h: &Binned, density: bool) -> PyResult<Bound<'py, PyAny>> {
    let made = if density { h.density() } else { h.sums() }.made_by("histogram");
    let edges = (0..h.dimensions()).map(|d| h.edges(d).made_by("edges of histogram"));
    let mut handles = Vec::new();
    for array in std::iter::once(made).chain(edges) {
        array.check().map_err(|e| exception(py, e))?;
        handles.push(Bound::new(py, Handle::new(array.into()))?);
    }
    Ok(PyTuple::new(py, handles)?.into_any())
}
