//! Aligned bytes: the one place where raw memory for elements is allocated.
//!
//! A [`Buffer`] holds elements of any dtype at an alignment that every dtype and every vector
//! register is content with. Buffers are meant to be kept and refilled: fresh memory costs a page
//! fault per 4 KiB, several times what it costs to fill it.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

const ALIGN: usize = 64;

/// Growable bytes whose start is aligned to 64. Dereferences to `[u8]`; typed views come from
/// `bytemuck::cast_slice`.
pub struct Buffer {
    ptr: NonNull<u8>,
    len: usize,
    capacity: usize,
}

// SAFETY: a Buffer owns its bytes alone, as a Box<[u8]> does.
unsafe impl Send for Buffer {}
unsafe impl Sync for Buffer {}

impl Buffer {
    /// No bytes; allocates nothing.
    pub const fn new() -> Self {
        Buffer { ptr: NonNull::<Aligned>::dangling().cast(), len: 0, capacity: 0 }
    }

    /// `len` zero bytes.
    pub fn zeroed(len: usize) -> Self {
        let mut b = Buffer::new();
        b.resize_for_overwrite(len);
        b
    }

    /// `len` zero bytes, or nothing if there is no memory for them.
    pub fn try_zeroed(len: usize) -> Option<Self> {
        let capacity = Buffer::checked_capacity(len)?;
        let layout = Layout::from_size_align(capacity, ALIGN).ok()?;
        // SAFETY: the layout's size is not zero.
        let ptr = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Buffer { ptr, len, capacity })
    }

    /// Makes the length `len`. The content is unspecified (old bytes or zeros): the caller writes
    /// all of it. Grows the allocation only when it must and never shrinks it.
    pub fn resize_for_overwrite(&mut self, len: usize) {
        if len > self.capacity {
            *self = Buffer::allocate(len);
        }
        self.len = len;
    }

    fn checked_capacity(len: usize) -> Option<usize> {
        len.max(1).checked_next_multiple_of(ALIGN)
    }

    /// Bytes allocated for a length.
    pub fn capacity_for(len: usize) -> usize {
        Buffer::checked_capacity(len).unwrap_or(len)
    }

    /// Bytes allocated.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    fn allocate(len: usize) -> Self {
        Buffer::try_zeroed(len).unwrap_or_else(|| match Layout::from_size_align(len, ALIGN) {
            Ok(layout) => handle_alloc_error(layout),
            Err(_) => panic!("a buffer longer than isize::MAX"),
        })
    }
}

#[repr(align(64))]
struct Aligned;

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.capacity > 0 {
            // SAFETY: `ptr` came from `alloc_zeroed` with this layout.
            unsafe { dealloc(self.ptr.as_ptr(), Layout::from_size_align_unchecked(self.capacity, ALIGN)) }
        }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Buffer::new()
    }
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: `len <= capacity` bytes are allocated and initialised (zeroed at allocation).
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `&mut self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut b = Buffer::allocate(self.len);
        b.copy_from_slice(self);
        b
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_keeps_its_allocation_and_starts_zeroed() {
        let mut b = Buffer::zeroed(100);
        assert!(b.iter().all(|&x| x == 0));
        assert_eq!(b.as_ptr() as usize % 64, 0);
        let before = b.as_ptr();
        b.resize_for_overwrite(10);
        b.resize_for_overwrite(128);
        assert_eq!(b.as_ptr(), before);
        b.resize_for_overwrite(129);
        assert_eq!((b.len(), b.as_ptr() as usize % 64), (129, 0));
        assert_eq!(Buffer::new().as_ptr() as usize % 64, 0);
    }
}
