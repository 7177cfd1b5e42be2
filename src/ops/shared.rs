//! Arrays into which many workers write at once, each its own region.
//!
//! A result may lie in memory of its own or in the caller's. Whoever computes a block is given its
//! [`Patch`]: there elements go straight to their place, tile by tile, without a copy of the block.
//! Plain stores: ones that go past the caches were measured for results of 1 to 128 MiB, and were no
//! faster where the result is larger than the caches and slower where it is not.
//!
//! All of this memory is written through pointers, here and nowhere else. Two things make that sound: a
//! patch's region is nobody else's while the patch is there ([`SharedArray::patch`]), and the workers of
//! a run have ended when the run returns, fails or panics (they are scoped), so no patch is left when the
//! memory is read again or given back.

use crate::buffer::Buffer;
use crate::dtype::{DType, Element};
use crate::grid::{Dims, Region};
use smallvec::SmallVec;
use std::marker::PhantomData;

/// An array in C order whose regions are written by many workers.
pub struct SharedArray<'a> {
    dtype: DType,
    shape: Dims,
    /// The first of `len` initialised bytes, through which workers write.
    base: *mut u8,
    len: usize,
    /// The memory, if it is the array's own; not touched while it is shared.
    own: Option<Buffer>,
    lent: PhantomData<&'a mut [u8]>,
}

// SAFETY: through a shared reference nothing is read, and bytes are written only through patches, whose
// regions are disjoint (`SharedArray::patch`).
unsafe impl Sync for SharedArray<'_> {}
// SAFETY: it owns or exclusively borrows its bytes, as a Box<[u8]> or a &mut [u8] does.
unsafe impl Send for SharedArray<'_> {}

impl<'a> SharedArray<'a> {
    /// An array of zeros, or nothing if there is no memory for it.
    pub fn try_zeroed(dtype: DType, shape: &[u64]) -> Option<SharedArray<'static>> {
        let len = crate::grid::checked_len(shape)?.checked_mul(dtype.size() as u64)?;
        let mut own = Buffer::try_zeroed(usize::try_from(len).ok()?)?;
        let (base, len) = (own.as_mut_ptr(), own.len());
        Some(SharedArray { dtype, shape: shape.into(), base, len, own: Some(own), lent: PhantomData })
    }

    /// The caller's elements, as an array of this shape. Nothing if they do not fill it.
    pub fn lent<T: Element>(elements: &'a mut [T], shape: &[u64]) -> Option<SharedArray<'a>> {
        let len = size_of_val(elements);
        if crate::grid::checked_len(shape)? != elements.len() as u64 || T::DTYPE.size() != size_of::<T>() {
            return None;
        }
        // Elements have no padding, so that their bytes are initialised. A patch writes no bytes that
        // are not a `T`: of numbers any bytes are one, and a bool is written as 0 or 1.
        let base = elements.as_mut_ptr().cast();
        Some(SharedArray { dtype: T::DTYPE, shape: shape.into(), base, len, own: None, lent: PhantomData })
    }

    /// Its dtype.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Its shape.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The memory, unless it is the caller's.
    pub fn into_buffer(self) -> Option<Buffer> {
        self.own
    }

    /// The place of a region's elements.
    ///
    /// # Safety
    /// While the patch exists, the array is neither dropped nor its lender's borrow over, and no other
    /// patch of an element of the region exists.
    ///
    /// # Panics
    /// If the region is not within the array.
    pub unsafe fn patch(&self, region: &Region) -> Patch {
        let rank = self.shape.len();
        let size = self.dtype.size();
        let fits =
            |d: usize| region.start[d].checked_add(region.shape[d]).is_some_and(|end| end <= self.shape[d]);
        assert!(
            region.start.len() == rank && region.shape.len() == rank && (0..rank).all(fits),
            "a region lies outside its array"
        );
        // All products are at most `self.len`, but for regions of nothing.
        let mut patch = Patch {
            base: self.base,
            outer: SmallVec::new(),
            run: size,
            len: region.len() as usize * size,
            boolean: self.dtype == DType::Bool,
        };
        if patch.len == 0 {
            return patch;
        }
        let (mut stride, mut offset) = (size, 0);
        for d in (0..rank).rev() {
            let n = region.shape[d] as usize;
            offset += region.start[d] as usize * stride;
            match patch.outer.last_mut() {
                _ if n == 1 => {}
                // Axes that are taken whole are one with the axis around them.
                None if patch.run == stride => patch.run *= n,
                Some((count, step)) if *count * *step == stride => *count *= n,
                _ => patch.outer.push((n, stride)),
            }
            stride *= self.shape[d] as usize;
        }
        debug_assert!(stride == self.len && offset + patch.span() <= self.len);
        // SAFETY: the region is not empty and within the array, so its first element is.
        patch.base = unsafe { self.base.add(offset) };
        patch
    }

    /// Writes all elements, given in C order.
    ///
    /// # Panics
    /// If they are not as many bytes as the array has.
    pub fn fill(&mut self, bytes: &[u8]) {
        // SAFETY: the array is the caller's alone, so there is no other patch.
        unsafe { self.write(&Region::whole(&self.shape), bytes) };
    }

    /// Writes the elements of a region, given in C order.
    ///
    /// # Safety
    /// As [`SharedArray::patch`], as long as this call takes.
    ///
    /// # Panics
    /// If they are not the elements of a region of the array.
    pub unsafe fn write(&self, region: &Region, bytes: &[u8]) {
        // SAFETY: the caller's.
        let mut patch = unsafe { self.patch(region) };
        assert_eq!(bytes.len(), patch.len(), "a region is written with other elements than its own");
        patch.write(0, bytes);
    }
}

/// The place of a block's elements in a [`SharedArray`], for whoever computes the block.
#[derive(Debug)]
pub struct Patch {
    /// Where the first element goes.
    base: *mut u8,
    /// The axes over runs, innermost first: how many steps, and how many bytes apart.
    outer: SmallVec<[(usize, usize); 4]>,
    /// Bytes that lie one after the other.
    run: usize,
    /// Bytes of all elements.
    len: usize,
    boolean: bool,
}

// SAFETY: the region's bytes are the patch's alone while it exists (`SharedArray::patch`), so it
// does not matter which thread writes them.
unsafe impl Send for Patch {}
// SAFETY: a shared reference gives no access to the bytes.
unsafe impl Sync for Patch {}

impl Patch {
    /// Bytes of the block.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the block has no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes from the first element to the end of the last one.
    fn span(&self) -> usize {
        self.outer.iter().map(|&(n, step)| (n - 1) * step).sum::<usize>() + self.run
    }

    /// Writes elements of the block, from byte `at` of its C order on. A bool that is not 0 is written
    /// as 1.
    ///
    /// # Panics
    /// If there are more than are left of the block.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        assert!(at <= self.len && bytes.len() <= self.len - at, "elements are written beyond their block");
        let (mut row, mut along) = (at / self.run, at % self.run);
        let mut left = bytes;
        while !left.is_empty() {
            // Where the row is, and how many more there are until an outer axis steps on.
            let (mut offset, mut index) = (along, row);
            let (mut rows, mut step) = (1, 0);
            for (d, &(n, stride)) in self.outer.iter().enumerate() {
                offset += index % n * stride;
                if d == 0 {
                    (rows, step) = (n - index % n, stride);
                }
                index /= n;
            }
            for _ in 0..rows {
                let (now, rest) = left.split_at((self.run - along).min(left.len()));
                // SAFETY: byte `at` is of the block, so the run's rest from `offset` on is within the
                // region, whose bytes exist and are this patch's alone; `bytes` is thus elsewhere.
                unsafe { self.put(now, offset) };
                left = rest;
                row += 1;
                if left.is_empty() {
                    break;
                }
                offset += step - along;
                along = 0;
            }
        }
    }

    /// # Safety
    /// `offset..offset + bytes.len()` lies within a run of the region.
    #[inline]
    unsafe fn put(&self, bytes: &[u8], offset: usize) {
        // SAFETY: as the caller says, and `patch` says that nobody else uses these bytes; they
        // are initialised.
        unsafe {
            let to = std::slice::from_raw_parts_mut(self.base.add(offset), bytes.len());
            match self.boolean {
                false => to.copy_from_slice(bytes),
                true => to.iter_mut().zip(bytes).for_each(|(to, &b)| *to = (b != 0) as u8),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{ravel, unravel};

    /// The regions of an array of up to four axes, written in pieces of several lengths, against one
    /// element at a time by its index.
    #[test]
    fn elements_go_where_their_index_says() {
        // An interpreter takes its time; the shape has what matters, a whole axis within parts of others.
        let shape = if cfg!(miri) { [2u64, 2, 1, 3] } else { [3u64, 4, 1, 5] };
        let cuts = |n: u64| (0..n).flat_map(move |a| (a + 1..=n).map(move |b| (a, b - a)));
        for rank in 0..=4 {
            let shape = &shape[4 - rank..];
            let mut regions = vec![Region { start: Dims::new(), shape: Dims::new() }];
            for &n in shape {
                let longer = |r: &Region| {
                    let r = r.clone();
                    cuts(n).map(move |(at, len)| {
                        let mut r = r.clone();
                        r.start.push(at);
                        r.shape.push(len);
                        r
                    })
                };
                regions = regions.iter().flat_map(longer).collect();
            }
            let len = shape.iter().product::<u64>() as usize;
            for region in regions {
                let elements: Vec<u32> = (1..=region.len() as u32).collect();
                let mut expected = vec![0u32; len];
                for (i, &v) in elements.iter().enumerate() {
                    let mut at = unravel(i as u64, &region.shape);
                    at.iter_mut().zip(&region.start).for_each(|(a, s)| *a += s);
                    expected[ravel(&at, shape) as usize] = v;
                }
                for piece in [1, 2, 3, 7, 100] {
                    let mut memory = vec![0u32; len];
                    let array = SharedArray::lent(&mut memory, shape).unwrap();
                    // SAFETY: the only patch; it is gone before the memory is looked at.
                    let mut patch = unsafe { array.patch(&region) };
                    assert_eq!((patch.len(), patch.is_empty()), (elements.len() * 4, false));
                    for (n, part) in elements.chunks(piece).enumerate() {
                        patch.write(n * piece * 4, bytemuck::cast_slice(part));
                    }
                    drop(patch);
                    drop(array);
                    assert_eq!(memory, expected, "{region:?} of {shape:?} by {piece}");
                }
            }
        }
    }

    #[test]
    fn nothing_and_too_much() {
        let array = SharedArray::try_zeroed(DType::I16, &[2, 0, 3]).unwrap();
        let none = Region { start: [1, 0, 1][..].into(), shape: [1, 0, 2][..].into() };
        // SAFETY: no other patch.
        unsafe { array.write(&none, &[]) };
        let whole = SharedArray::try_zeroed(DType::I16, &[2, 3]).unwrap();
        let refused = |start: [u64; 2], shape: [u64; 2], bytes: &[u8]| {
            let region = Region { start: start[..].into(), shape: shape[..].into() };
            // SAFETY: no other patch.
            let write = std::panic::AssertUnwindSafe(|| unsafe { whole.write(&region, bytes) });
            assert!(std::panic::catch_unwind(write).is_err(), "{region:?}");
        };
        refused([0, 0], [2, 3], &[0; 11]);
        refused([0, 0], [2, 3], &[0; 13]);
        refused([1, 0], [2, 3], &[0; 12]);
        refused([0, u64::MAX], [1, 2], &[0; 4]);
        let part = Region { start: [1, 1][..].into(), shape: [1, 2][..].into() };
        // SAFETY: no other patch.
        unsafe { whole.write(&part, &[1, 2, 3, 4]) };
        assert_eq!(whole.into_buffer().unwrap()[..], [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        assert!(SharedArray::lent(&mut [0u8; 5], &[2, 3]).is_none());
        assert!(SharedArray::try_zeroed(DType::F64, &[1 << 40, 1 << 22]).is_none());
    }

    #[test]
    fn a_bool_is_0_or_1() {
        let mut memory = [true; 6];
        let array = SharedArray::lent(&mut memory, &[6]).unwrap();
        // SAFETY: no other patch.
        unsafe { array.write(&Region::whole(&[6]), &[0, 1, 2, 255, 0, 128]) };
        drop(array);
        assert_eq!(memory, [false, true, true, true, false, true]);
    }
}
