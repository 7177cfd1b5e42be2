//! Results as text: JSON that reads back to the same bits, and NumPy's way for people.
//!
//! Both take plain data: a dtype, a shape (C order) and native-order bytes.

mod along;
mod histogram;
mod human;
mod json;
mod number;
#[cfg(test)]
mod tests;

pub use along::Along;
#[cfg(feature = "plot")]
pub use along::edges_around;
pub use histogram::{Of, histogram_human, histogram_json, histogram_picture, profile_human};
pub use human::{human, human_named};
pub use json::{json, json_named, value};

use chunkwise::{DType, Error, ErrorKind, Result, Scalar, grid};

/// Elements of an array, checked once.
struct View<'a> {
    dtype: DType,
    bytes: &'a [u8],
}

impl<'a> View<'a> {
    fn new(dtype: DType, shape: &[u64], bytes: &'a [u8]) -> Result<Self> {
        let wanted = grid::checked_len(shape).and_then(|n| n.checked_mul(dtype.size() as u64));
        if wanted != Some(bytes.len() as u64) {
            let message = format!("{} bytes are not an array of {dtype} and shape {shape:?}", bytes.len());
            return Err(Error::new(ErrorKind::Internal, message));
        }
        Ok(View { dtype, bytes })
    }

    /// Element `i`. A bool byte other than 0 is true.
    fn get(&self, i: u64) -> Scalar {
        let size = self.dtype.size();
        let at = i as usize * size;
        let bytes = self.bytes.get(at..at + size).unwrap_or_default();
        let otherwise = Scalar::Bool(bytes.first().is_some_and(|b| *b != 0));
        Scalar::from_bytes(self.dtype, bytes).unwrap_or(otherwise)
    }
}
