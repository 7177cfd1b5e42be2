//! Arrays that the caller has in memory.
//!
//! The array is kept as it was given (shared, not copied) where it is in C order, and copied once
//! into C order where it is not. What the caller holds does not count against a run's budget.

use super::inline::Inline;
use super::{Own, ReadCx, Source, SourceSpec, check_slab, copy_slab};
use crate::buffer::Buffer;
use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Region, Slab};
use ndarray::{ArcArray, Array, Dimension, IxDyn};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};

/// An array in memory as a [`Source`]. Its number is unique in this process.
pub struct MemorySource {
    id: Number,
    shape: Dims,
    dtype: DType,
    data: Box<dyn Bytes>,
}

trait Bytes: Send + Sync {
    fn bytes(&self) -> &[u8];
}

impl<T: Element> Bytes for ArcArray<T, IxDyn> {
    fn bytes(&self) -> &[u8] {
        // In C order by construction.
        self.as_slice().map_or(&[], bytemuck::cast_slice)
    }
}

impl Bytes for Arc<Buffer> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

static ALIVE: LazyLock<Mutex<HashMap<u64, Weak<dyn Source>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

fn alive() -> std::sync::MutexGuard<'static, HashMap<u64, Weak<dyn Source>>> {
    ALIVE.lock().unwrap_or_else(|e| e.into_inner())
}

/// The number of an array that only this process has, unique in it.
pub(super) struct Number(pub(super) u64);

impl Number {
    /// Makes a source that is found by its number while it lives.
    pub(super) fn given<S: Source + 'static>(make: impl FnOnce(Number) -> S) -> Arc<S> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let source = Arc::new(make(Number(id)));
        let weak: Weak<S> = Arc::downgrade(&source);
        alive().insert(id, weak);
        source
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        alive().remove(&self.0);
    }
}

impl MemorySource {
    /// Takes an array (any layout, any rank) without copying it if it is in C order.
    ///
    /// # Errors
    /// `Shape` for more than 32 axes.
    pub fn new<T: Element, D: Dimension>(array: Array<T, D>) -> Result<Arc<MemorySource>> {
        Self::shared(array.into_shared())
    }

    /// Takes a shared array: the caller may keep using it.
    ///
    /// # Errors
    /// `Shape` for more than 32 axes.
    pub fn shared<T: Element, D: Dimension>(array: ArcArray<T, D>) -> Result<Arc<MemorySource>> {
        let array = array.into_dyn();
        if array.ndim() > crate::grid::MAX_RANK {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("an array of {} axes; 32 are the most", array.ndim()),
            ));
        }
        let array = if array.is_standard_layout() {
            array
        } else {
            array.as_standard_layout().into_owned().into_shared()
        };
        let shape = array.shape().iter().map(|&n| n as u64).collect();
        Ok(Self::known(shape, T::DTYPE, Box::new(array)))
    }

    /// Elements that a run has made, which fill the shape.
    pub(crate) fn held(dtype: DType, shape: &[u64], data: Arc<Buffer>) -> Arc<MemorySource> {
        debug_assert_eq!(data.len() as u64, shape.iter().product::<u64>() * dtype.size() as u64);
        Self::known(shape.into(), dtype, Box::new(data))
    }

    fn known(shape: Dims, dtype: DType, data: Box<dyn Bytes>) -> Arc<MemorySource> {
        Number::given(|id| MemorySource { id, shape, dtype, data })
    }

    /// All elements, C order, native.
    pub fn bytes(&self) -> &[u8] {
        self.data.bytes()
    }
}

/// The array whose elements stand in a plan.
///
/// # Errors
/// `Format` for elements that are no such array.
pub(super) fn inline(array: &Inline) -> Result<Arc<dyn Source>> {
    let (dtype, shape, elements) = array.elements()?;
    Ok(MemorySource::held(dtype, shape, Arc::new(elements)))
}

/// The array with this number, if this process still holds it.
pub(super) fn find(id: u64) -> Result<Arc<dyn Source>> {
    match alive().get(&id).and_then(Weak::upgrade) {
        Some(source) => Ok(source),
        None => {
            Err(Error::new(ErrorKind::NotFound, format!("the array {id} is not in this process's memory"))
                .hint("store it in a file to use it from another process"))
        }
    }
}

impl fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemorySource({}, {:?}, {})", self.id.0, self.shape, self.dtype)
    }
}

impl Source for MemorySource {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        None
    }

    fn spec(&self, _: Own) -> Option<SourceSpec> {
        Some(SourceSpec::Memory { id: self.id.0 })
    }

    fn describe(&self) -> String {
        format!("memory array {}", self.id.0)
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self.data.bytes())
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
        check_slab(&self.shape, self.dtype, slab, out)?;
        copy_slab(self.bytes(), &Region::whole(&self.shape), slab, out, self.dtype.size());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{ReadStats, Scratch};
    use ndarray::array;

    #[test]
    fn any_layout_reads_in_c_order_and_is_found_while_it_lives() {
        let a = array![[1i32, 2, 3], [4, 5, 6]].reversed_axes();
        let s = MemorySource::new(a).unwrap();
        let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
        let mut cx = ReadCx { scratch: &mut scratch, stats: &stats };
        let mut out = [0u8; 24];
        s.read_region(&Slab::dense(&Region::whole(&[3, 2])), &mut out, &mut cx).unwrap();
        assert_eq!(bytemuck::cast_slice::<u8, i32>(&out), [1, 4, 2, 5, 3, 6]);
        let column = Slab {
            start: [0, 1].as_slice().into(),
            count: [2, 1].as_slice().into(),
            step: [2, 1].as_slice().into(),
        };
        s.read_region(&column, &mut out[..8], &mut cx).unwrap();
        assert_eq!(bytemuck::cast_slice::<u8, i32>(&out[..8]), [4, 6]);
        assert!(s.read_region(&column, &mut out[..4], &mut cx).is_err());
        let spec = s.spec(Own).unwrap();
        assert_eq!(crate::source::open(&spec).unwrap().shape(), [3, 2]);
        drop(s);
        assert_eq!(crate::source::open(&spec).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
