//! NumPy's arrays as sources: read where they lie, whatever their strides, and not copied.

use crate::errors::exception;
use crate::handle::Handle;
use chunkwise::grid::{Chunks, Region, Slab};
use chunkwise::source::{ReadCx, Source};
use chunkwise::{Array, Buffer, DType, Error, ErrorKind, Result};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use std::fmt;
use std::sync::Arc;

/// Where the elements of an array lie.
pub struct Strided {
    data: *const u8,
    pub shape: Vec<u64>,
    /// Bytes from one index to the next along each axis.
    strides: Vec<isize>,
    pub dtype: DType,
    /// What owns the memory.
    _owner: Py<PyAny>,
}

// SAFETY: the pointer is only read through, into memory that the owner keeps alive and does not move: NumPy refuses to
// resize an array that something else refers to. Elements that Python writes meanwhile are read as they are then, each
// byte being a valid one of any number; bools are made 0 or 1 as they are copied.
unsafe impl Send for Strided {}
unsafe impl Sync for Strided {}

impl fmt::Debug for Strided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Strided({:?}, {})", self.shape, self.dtype)
    }
}

impl Strided {
    /// Looks at an array of NumPy's, in native byte order.
    ///
    /// # Errors
    /// `TypeError` for a dtype that is not there.
    pub fn of(array: &Bound<'_, PyAny>) -> PyResult<Strided> {
        let dtype = array.getattr("dtype")?;
        let name: String = dtype.getattr("name")?.extract()?;
        let native: bool = dtype.getattr("isnative")?.extract()?;
        let Some(dtype) = DType::from_name(&name).filter(|_| native) else {
            return Err(PyTypeError::new_err(format!("there are no arrays of {name}")));
        };
        let interface = array.getattr("__array_interface__")?;
        let (data, _): (usize, bool) = interface.get_item("data")?.extract()?;
        Ok(Strided {
            data: data as *const u8,
            shape: array.getattr("shape")?.extract()?,
            strides: array.getattr("strides")?.extract()?,
            dtype,
            _owner: array.clone().unbind(),
        })
    }

    /// How many bytes its elements have.
    pub fn bytes(&self) -> u64 {
        self.shape.iter().product::<u64>() * self.dtype.size() as u64
    }

    /// An array with a copy of its elements.
    pub fn copied(&self) -> Array {
        let mut all = Buffer::zeroed(self.bytes() as usize);
        match self.read(&Slab::dense(&Region::whole(&self.shape)), &mut all) {
            Ok(()) => Array::from_buffer(self.dtype, &self.shape, all),
            // The whole of it is no region outside of it.
            Err(_) => Array::from_buffer(self.dtype, &self.shape, Buffer::new()),
        }
    }

    /// Copies a slab of it, C order; nothing that is outside.
    pub fn read(&self, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let size = self.dtype.size();
        let inside = slab.start.len() == self.shape.len()
            && (0..self.shape.len()).all(|d| {
                let last = slab.count[d].checked_sub(1).and_then(|n| n.checked_mul(slab.step[d]));
                last.is_none_or(|n| n.checked_add(slab.start[d]).is_some_and(|last| last < self.shape[d]))
            });
        if !inside || out.len() as u64 != slab.len() * size as u64 {
            return Err(Error::new(ErrorKind::Index, "a region outside of the array"));
        }
        if slab.is_empty() {
            return Ok(());
        }
        let rank = self.shape.len();
        let step = |d: usize| self.strides[d] * slab.step[d] as isize;
        let mut at = 0;
        for d in 0..rank {
            at += slab.start[d] as isize * self.strides[d];
        }
        // Axes that lie together in memory are one run.
        let (mut outer, mut run) = (rank, size);
        while outer > 0 && (step(outer - 1) == run as isize || slab.count[outer - 1] == 1) {
            run *= slab.count[outer - 1] as usize;
            outer -= 1;
        }
        let mut index = vec![0u64; outer];
        for piece in out.chunks_exact_mut(run) {
            // SAFETY: the slab is within the array, so that the place of every element of it is within its memory;
            // `piece` is as long as the run.
            unsafe { std::ptr::copy_nonoverlapping(self.data.offset(at), piece.as_mut_ptr(), run) };
            for d in (0..outer).rev() {
                index[d] += 1;
                at += step(d);
                if index[d] < slab.count[d] {
                    break;
                }
                at -= step(d) * slab.count[d] as isize;
                index[d] = 0;
            }
        }
        if self.dtype == DType::Bool {
            out.iter_mut().for_each(|b| *b = u8::from(*b != 0));
        }
        Ok(())
    }
}

impl Source for Strided {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        None
    }

    fn describe(&self) -> String {
        "ndarray".into()
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
        self.read(slab, out)
    }
}

/// An array over the memory of NumPy's.
#[pyfunction]
pub fn from_memory(py: Python<'_>, array: &Bound<'_, PyAny>) -> PyResult<Handle> {
    let array = Array::new(Arc::new(Strided::of(array)?)).made_by("ndarray");
    array.check().map_err(|e| exception(py, e))?;
    Ok(Handle::new(array.into()))
}
