//! Results as text: JSON that reads back to the same bits, and NumPy's way for people.
//!
//! Both take plain data: a dtype, a shape (C order) and native-order bytes.

mod histogram;
mod human;
mod json;
mod number;
#[cfg(test)]
mod tests;

pub use histogram::{Of, histogram_human, histogram_json, histogram_picture};
pub use human::human;
pub use json::{json, value};

use chunkwise::{DType, Error, ErrorKind, Result, Scalar, grid};
use std::time::Duration;

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

/// `850 µs`, `12.3 ms`, `4.56 s`, `3 min 05 s`, `2 h 07 min`.
pub fn human_duration(duration: Duration) -> String {
    let s = duration.as_secs_f64();
    match duration.as_secs() {
        0 if s < 0.9995e-3 => format!("{:.0} µs", s * 1e6),
        0 if s < 0.99995 => format!("{:.1} ms", s * 1e3),
        0..60 if s < 59.995 => format!("{s:.2} s"),
        0..3600 => {
            let s = s.round() as u64;
            format!("{} min {:02} s", s / 60, s % 60)
        }
        s => {
            let min = s / 60;
            format!("{} h {:02} min", min / 60, min % 60)
        }
    }
}
