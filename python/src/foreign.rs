//! Objects with `shape`, `dtype` and `__getitem__` as sources: one call for each chunk, with the interpreter held.

use crate::errors::{exception, raised};
use crate::handle::Handle;
use crate::memory::Strided;
use crate::run::stopping;
use chunkwise::grid::{Chunks, Dims, Region, Slab, ravel, unravel};
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

impl Sliced {
    /// Brings a slab to its place, `at`, in a box of the shape `whole`.
    fn part(&self, py: Python<'_>, slab: &Slab, out: &mut [u8], whole: &[u64], at: &[u64]) -> Result<()> {
        if stopping() {
            return Err(Error::new(ErrorKind::Cancelled, "a signal stopped a run"));
        }
        let found = self.sliced(py, slab).map_err(|e| raised(e, "__getitem__"))?;
        let all = Slab::dense(&Region::whole(&slab.count));
        if slab.count.as_slice() == whole {
            return found.read(&all, out);
        }
        let size = self.dtype.size();
        let mut dense = vec![0; slab.len() as usize * size];
        found.read(&all, &mut dense)?;
        let Some((&last, outer)) = slab.count.split_last() else { return Ok(()) };
        let row = last as usize * size;
        for (i, piece) in dense.chunks_exact(row.max(1)).enumerate() {
            let mut place = unravel(i as u64, outer);
            place.push(0);
            place.iter_mut().zip(at).for_each(|(place, at)| *place += at);
            let start = ravel(&place, whole) as usize * size;
            out[start..start + row].copy_from_slice(piece);
        }
        Ok(())
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
        // What Python gives of a chunk, and its copy where it has another place.
        self.chunks.as_ref().map_or(0, |c| 2 * c.shape().iter().product::<u64>() * self.dtype.size() as u64)
    }

    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], _: &mut ReadCx) -> Result<()> {
        let Some(chunks) = &self.chunks else {
            return Err(Error::new(ErrorKind::Unsupported, "this source has no chunks"));
        };
        // At the edge of the array a chunk is larger than what there is of it.
        let whole = chunks.region(chunk);
        let inside = whole.intersect(&Region::whole(&self.shape));
        let first = Dims::from_elem(0, inside.shape.len());
        Python::attach(|py| self.part(py, &Slab::dense(&inside), out, &whole.shape, &first))
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
        let rank = slab.count.len();
        let first = Dims::from_elem(0, rank);
        let Some(chunks) = self.chunks.as_ref().filter(|_| !slab.is_empty()) else {
            return Python::attach(|py| self.part(py, slab, out, &slab.count, &first));
        };
        // One call for each chunk, so that no more than one is in memory twice.
        let length = chunks.shape();
        let from: Vec<u64> = (0..rank).map(|d| slab.start[d] / length[d]).collect();
        let grid: Vec<u64> = (0..rank).map(|d| slab.last(d) / length[d] - from[d] + 1).collect();
        for n in 0..grid.iter().product() {
            let cell = unravel(n, &grid);
            let (mut part, mut at) = (slab.clone(), first.clone());
            for d in 0..rank {
                let edge = (from[d] + cell[d]) * length[d];
                let before =
                    |edge: u64| edge.saturating_sub(slab.start[d]).div_ceil(slab.step[d]).min(slab.count[d]);
                at[d] = before(edge);
                part.start[d] = slab.start[d] + at[d] * slab.step[d];
                part.count[d] = before(edge + length[d]) - at[d];
            }
            if !part.is_empty() {
                Python::attach(|py| self.part(py, &part, out, &slab.count, &at))?;
            }
        }
        Ok(())
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
