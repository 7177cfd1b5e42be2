//! Arrays that are computed once and then stay in memory.

use super::Session;
use crate::array::Array;
use crate::error::Result;
use crate::source::memory::MemorySource;

impl Session {
    /// Computes an array now and gives one that has the elements in memory, as `persist` in dask: what is made of it
    /// reads no file and computes nothing again. It is the caller's from then on and does not count against the
    /// budget of later runs; the run that makes it has to have room for it.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let x = session.persist(&Array::random(&[1000], 1, chunkwise::DType::F64).sqrt())?;
    /// let spread = session.compute(&(x.max() - x.min()))?.item::<f64>()?;
    /// assert!(spread < 1.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Session::compute`].
    pub fn persist(&self, array: &Array) -> Result<Array> {
        let value = self.compute(array)?;
        let of = array.node()?;
        let made = Array::new(MemorySource::held(value.dtype(), value.shape(), value.shared()));
        Ok(made.rebuilt(|node| {
            node.annotations = of.annotations.clone();
            node.origin = of.origin.clone();
        }))
    }
}
