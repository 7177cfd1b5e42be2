//! What a run gives back: arrays and histograms in memory.

use crate::buffer::Buffer;
use crate::buffer::little_endian;
use crate::dtype::{DType, Element, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, show_shape};
use crate::ops::histogram::Histogram;
use crate::ops::lookup::Table;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// A computed array: dtype, shape and elements in C order. Cloning it shares the elements.
#[derive(Clone, Debug)]
pub struct ArrayValue {
    dtype: DType,
    shape: Dims,
    data: Arc<Buffer>,
}

/// Its elements, C order, to look others up in.
impl From<&ArrayValue> for Table {
    fn from(value: &ArrayValue) -> Table {
        Table::of_bytes(value.dtype(), value.bytes())
    }
}

impl ArrayValue {
    /// An array of elements in native byte order.
    pub(crate) fn new(dtype: DType, shape: Dims, data: Buffer) -> Self {
        debug_assert_eq!(data.len() as u64, shape.iter().product::<u64>() * dtype.size() as u64);
        ArrayValue { dtype, shape, data: Arc::new(data) }
    }

    /// The elements, shared.
    pub(crate) fn shared(&self) -> Arc<Buffer> {
        Arc::clone(&self.data)
    }

    /// The elements as they lie in memory, C order, native byte order. They are copied if something else has them too.
    pub fn into_buffer(self) -> Buffer {
        Arc::try_unwrap(self.data).unwrap_or_else(|shared| {
            let mut copy = Buffer::new();
            copy.resize_for_overwrite(shared.len());
            copy.copy_from_slice(&shared);
            copy
        })
    }

    /// Its dtype.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Its shape; empty for a scalar.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The elements as bytes, C order, native byte order; a bool is one byte, 0 or 1.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// The elements, C order.
    ///
    /// # Errors
    /// `Type` if `T` is not the array's dtype: nothing is converted silently.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        if T::DTYPE != self.dtype {
            return Err(Error::new(
                ErrorKind::Type,
                format!("the array is {}, not {}", self.dtype, T::DTYPE),
            )
            .hint(format!("cast it before it is computed: x.cast(DType::{:?})", T::DTYPE)));
        }
        bytemuck::checked::try_cast_slice(&self.data)
            .map_err(|e| Error::new(ErrorKind::Internal, format!("the elements are not valid: {e}")))
    }

    /// The only element.
    ///
    /// # Errors
    /// `Shape` if there is not exactly one; `Type` as [`ArrayValue::as_slice`].
    pub fn item<T: Element>(&self) -> Result<T> {
        match self.as_slice::<T>()? {
            [v] => Ok(*v),
            _ => Err(Error::new(
                ErrorKind::Shape,
                format!("an array of shape {} is not one element", show_shape(&self.shape)),
            )),
        }
    }

    /// The elements as an ndarray.
    ///
    /// # Errors
    /// `Type` as [`ArrayValue::as_slice`].
    pub fn to_ndarray<T: Element>(&self) -> Result<ndarray::ArrayD<T>> {
        let shape: Vec<usize> = self.shape.iter().map(|&n| n as usize).collect();
        ndarray::ArrayD::from_shape_vec(shape, self.as_slice::<T>()?.to_vec())
            .map_err(|e| Error::new(ErrorKind::Internal, "the elements do not fill the shape").caused_by(e))
    }

    /// The element at a position in C order.
    pub fn scalar(&self, position: usize) -> Option<Scalar> {
        let size = self.dtype.size();
        Scalar::from_bytes(self.dtype, self.data.get(position * size..(position + 1) * size)?)
    }
}

/// A computed array or histogram.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Value {
    /// An array.
    Array(ArrayValue),
    /// A histogram.
    Histogram(Arc<Histogram>),
}

impl Value {
    /// The array.
    ///
    /// # Errors
    /// `Type` if it is a histogram.
    pub fn as_array(&self) -> Result<&ArrayValue> {
        match self {
            Value::Array(a) => Ok(a),
            Value::Histogram(_) => Err(Error::new(ErrorKind::Type, "the value is a histogram, not an array")),
        }
    }

    /// The histogram.
    ///
    /// # Errors
    /// `Type` if it is an array.
    pub fn as_histogram(&self) -> Result<&Histogram> {
        match self {
            Value::Histogram(h) => Ok(h),
            Value::Array(_) => Err(Error::new(ErrorKind::Type, "the value is an array, not a histogram")),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    dtype: DType,
    shape: Dims,
    /// The bytes, little-endian.
    #[serde(with = "crate::buffer::bytes_or_text")]
    data: Vec<u8>,
}

impl Serialize for ArrayValue {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        let mut bytes = self.data.to_vec();
        little_endian(&mut bytes, self.dtype.size());
        Wire { dtype: self.dtype, shape: self.shape.clone(), data: bytes }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for ArrayValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        use serde::de::Error as _;
        let w = Wire::deserialize(d)?;
        let len = crate::grid::checked_len(&w.shape).and_then(|n| n.checked_mul(w.dtype.size() as u64));
        if len != Some(w.data.len() as u64) {
            return Err(D::Error::custom("the data do not fill the shape"));
        }
        let mut data = Buffer::zeroed(w.data.len());
        data.copy_from_slice(&w.data);
        little_endian(&mut data, w.dtype.size());
        if w.dtype == DType::Bool && data.iter().any(|&b| b > 1) {
            return Err(D::Error::custom("a bool is neither 0 nor 1"));
        }
        Ok(ArrayValue::new(w.dtype, w.shape, data))
    }
}
