//! Small arrays that travel with a plan: their elements stand in it.

use crate::buffer::{Buffer, bytes_or_text, little_endian};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, MAX_RANK, checked_len};
use serde::{Deserialize, Serialize};

/// An array as its elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inline {
    dtype: DType,
    shape: Dims,
    /// The elements, little-endian, C order.
    #[serde(with = "bytes_or_text")]
    data: Vec<u8>,
}

impl Inline {
    /// Of elements in native byte order that fill the shape.
    pub(crate) fn new(dtype: DType, shape: &[u64], elements: &[u8]) -> Inline {
        let mut data = elements.to_vec();
        little_endian(&mut data, dtype.size());
        Inline { dtype, shape: shape.into(), data }
    }

    /// The dtype, the shape and the elements in native byte order.
    ///
    /// # Errors
    /// `Format` for elements that are no such array: it may come from anywhere.
    pub(super) fn elements(&self) -> Result<(DType, &[u64], Buffer)> {
        let wrong = |what: &str| Error::new(ErrorKind::Format, what.to_string());
        let bytes = checked_len(&self.shape).and_then(|n| n.checked_mul(self.dtype.size() as u64));
        if self.shape.len() > MAX_RANK || bytes != Some(self.data.len() as u64) {
            return Err(wrong("the elements of an array in a plan do not fill its shape"));
        }
        if self.dtype == DType::Bool && self.data.iter().any(|&b| b > 1) {
            return Err(wrong("a bool is neither 0 nor 1"));
        }
        let mut all = Buffer::new();
        all.resize_for_overwrite(self.data.len());
        all.copy_from_slice(&self.data);
        little_endian(&mut all, self.dtype.size());
        Ok((self.dtype, &self.shape, all))
    }
}
