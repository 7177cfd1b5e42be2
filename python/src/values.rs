//! Results as NumPy takes them: memory that is lent, not copied.

use chunkwise::{ArrayValue, Buffer, DType};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// The elements of a result, which `numpy.asarray` takes over by `__array_interface__`.
#[pyclass(frozen, module = "chunkwise._chunkwise")]
pub struct Values {
    buffer: Buffer,
    dtype: DType,
    shape: Vec<u64>,
}

impl Values {
    /// The elements of a result; they are copied only where the run has them twice.
    pub fn of(value: ArrayValue) -> Values {
        let (dtype, shape) = (value.dtype(), value.shape().to_vec());
        Values { buffer: value.into_buffer(), dtype, shape }
    }
}

#[pymethods]
impl Values {
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", typestr(self.dtype))?;
        interface.set_item("shape", PyTuple::new(py, &self.shape)?)?;
        // The memory is this object's alone, so that whoever has it may write to it.
        interface.set_item("data", (self.buffer.as_ptr() as usize, false))?;
        Ok(interface)
    }
}

/// NumPy's name for a dtype in native byte order.
pub fn typestr(dtype: DType) -> String {
    let kind = match dtype {
        DType::Bool => return "|b1".into(),
        d if d.is_float() => 'f',
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => 'u',
        _ => 'i',
    };
    let order = match dtype.size() {
        1 => '|',
        _ if cfg!(target_endian = "little") => '<',
        _ => '>',
    };
    format!("{order}{kind}{}", dtype.size())
}
