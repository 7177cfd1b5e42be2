//! Results as arrays to go on from, and as ndarrays.

use crate::array::Array;
use crate::dtype::Element;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::ArrayValue;
use crate::source::memory::MemorySource;
use ndarray::{ArrayD, ArrayViewD};

impl From<&ArrayValue> for Array {
    /// A result to go on from. It is not copied.
    #[track_caller]
    fn from(value: &ArrayValue) -> Array {
        Array::new(MemorySource::held(value.dtype(), value.shape(), value.shared()))
    }
}

impl<'a, T: Element> TryFrom<&'a ArrayValue> for ArrayViewD<'a, T> {
    type Error = Error;

    /// The elements of a result where they are.
    ///
    /// ```
    /// # use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let value = Session::new()?.compute(&Array::from(vec![1.5, 2.5]).expand_dims(0))?;
    /// let view: ndarray::ArrayViewD<f64> = (&value).try_into()?;
    /// assert_eq!(view[[0, 1]], 2.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Type` if `T` is not the array's dtype.
    fn try_from(value: &'a ArrayValue) -> Result<ArrayViewD<'a, T>> {
        let shape: Vec<usize> = value.shape().iter().map(|&n| n as usize).collect();
        ArrayViewD::from_shape(shape, value.as_slice::<T>()?)
            .map_err(|e| Error::new(ErrorKind::Internal, "the elements do not fill the shape").caused_by(e))
    }
}

impl<T: Element> TryFrom<ArrayValue> for ArrayD<T> {
    type Error = Error;

    /// As [`ArrayValue::to_ndarray`], a copy.
    ///
    /// # Errors
    /// `Type` if `T` is not the array's dtype.
    fn try_from(value: ArrayValue) -> Result<ArrayD<T>> {
        value.to_ndarray()
    }
}
