//! Objects with `shape`, `dtype` and `__getitem__` as sources: one call for each chunk, with the interpreter held.

use crate::errors::{exception, raised};
use crate::handle::Handle;
use crate::memory::Strided;
use chunkwise::grid::{Chunks, Region, Slab};
use chunkwise::source::{ReadCx, Source};
use chunkwise::{Array, DType, Error, ErrorKind, Result};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};
use std::fmt;
use std::sync::Arc;

struct Sliced {
    object: Py<PyAny>,
    /// Makes NumPy's array of a part, in a dtype.
    plain: Py<PyAny>,
    shape: Vec<u64>,
    dtype: DType,
    chunks: Option<Chunks>,
}

impl fmt::Debug for Sliced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sliced({:?}, {})", self.shape, self.dtype)
    }
}

impl Sliced {
    /// What `object[slab]` gives, as an array of NumPy's in this dtype.
    fn sliced(&self, py: Python<'_>, slab: &Slab) -> PyResult<Strided> {
        let axes = 0..slab.start.len();
        let slices = axes.map(|d| {
            let (start, step) = (slab.start[d] as isize, slab.step[d] as isize);
            let stop = if slab.count[d] == 0 { start } else { slab.last(d) as isize + 1 };
            PySlice::new(py, start, stop, step)
        });
        let part = self.object.bind(py).get_item(PyTuple::new(py, slices.collect::<Vec<_>>())?)?;
        let array = self.plain.bind(py).call1((part, self.dtype.name()))?;
        let found = Strided::of(&array)?;
        if found.shape != slab.count.as_slice() {
            let message =
                format!("a part of shape {:?} was given where {:?} was asked for", found.shape, slab.count);
            return Err(PyValueError::new_err(message));
        }
        Ok(found)
    }
}

impl Source for Sliced {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        self.chunks.as_ref()
    }

    fn describe(&self) -> String {
        "Python object".into()
    }

    fn scratch_bytes(&self) -> u64 {
        // What Python makes of a chunk before it is copied.
        self.chunks.as_ref().map_or(0, |c| c.shape().iter().product::<u64>() * self.dtype.size() as u64)
    }

    fn worth_keeping(&self) -> bool {
        true
    }

    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], _: &mut ReadCx) -> Result<()> {
        let Some(chunks) = &self.chunks else {
            return Err(Error::new(ErrorKind::Unsupported, "this source has no chunks"));
        };
        let whole = chunks.region(chunk);
        let inside = whole.intersect(&Region::whole(&self.shape));
        Python::attach(|py| {
            let part = self.sliced(py, &Slab::dense(&inside)).map_err(|e| raised(e, "__getitem__"))?;
            let size = self.dtype.size();
            if inside == whole {
                return part.read(&Slab::dense(&Region::whole(&inside.shape)), out);
            }
            let mut dense = vec![0; inside.len() as usize * size];
            part.read(&Slab::dense(&Region::whole(&inside.shape)), &mut dense)?;
            // A chunk at the edge of the array: its rows lie apart.
            let row = inside.shape.last().map_or(size, |&n| n as usize * size).max(1);
            for (i, piece) in dense.chunks_exact(row).enumerate() {
                let mut at =
                    chunkwise::grid::unravel(i as u64, &inside.shape[..inside.shape.len().saturating_sub(1)]);
                at.push(0);
                let start = chunkwise::grid::ravel(&at, &whole.shape) as usize * size;
                out[start..start + row].copy_from_slice(piece);
            }
            Ok(())
        })
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
        Python::attach(|py| {
            let part = self.sliced(py, slab).map_err(|e| raised(e, "__getitem__"))?;
            let whole = Region::whole(&slab.count);
            part.read(&Slab::dense(&whole), out)
        })
    }
}

/// An array over anything that has `shape`, `dtype` and `__getitem__`; `plain` makes NumPy's array of a part.
#[pyfunction]
pub fn from_object(
    py: Python<'_>,
    object: Bound<'_, PyAny>,
    shape: Vec<u64>,
    dtype: &str,
    chunks: Option<Vec<u64>>,
    plain: Bound<'_, PyAny>,
) -> PyResult<Handle> {
    let Some(dtype) = DType::from_name(dtype) else {
        return Err(PyTypeError::new_err(format!("there are no arrays of {dtype}")));
    };
    if chunks.as_ref().is_some_and(|c| c.len() != shape.len() || c.contains(&0)) {
        return Err(PyValueError::new_err("the chunks have one length, more than 0, for each axis"));
    }
    let chunks = chunks.filter(|c| !c.is_empty()).map(|c| Chunks::from(c.as_slice()));
    let source = Sliced { object: object.unbind(), plain: plain.unbind(), shape, dtype, chunks };
    let array = Array::new(Arc::new(source)).made_by("from_array");
    array.check().map_err(|e| exception(py, e))?;
    Ok(Handle::new(array.into()))
}
