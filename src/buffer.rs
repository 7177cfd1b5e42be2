//! Aligned bytes: the one place where raw memory for elements is allocated.
//!
//! A [`Buffer`] holds elements of any dtype at an alignment that every dtype and every vector
//! register is content with. Buffers are meant to be kept and refilled: fresh memory costs a page
//! fault per 4 KiB, several times what it costs to fill it. Large buffers on Linux are mappings of their
//! own, aligned so that the system can back them with huge pages, and asked for as such: a result is then
//! written for the first time 1.5 times as fast. They take no more memory, for only whole huge
//! pages within the mapping are used, and like others they come zeroed when they are first touched.

pub(crate) mod bytes_or_text;

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
        #[cfg(all(target_os = "linux", not(miri)))]
        if capacity >= pages::LARGE {
            return Some(Buffer { ptr: pages::map(capacity)?, len, capacity });
        }
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

/// Memory from the system itself. Not under Miri, which does not know mappings that are given back in part.
#[cfg(all(target_os = "linux", not(miri)))]
mod pages {
    use std::ptr::{NonNull, null_mut};

    /// Buffers of so many bytes are mappings of their own.
    pub const LARGE: usize = 4 << 20;
    /// A huge page; where the processor has others, this is an alignment like any.
    const HUGE: usize = 2 << 20;

    /// `len` zero bytes whose start is aligned to a huge page.
    pub fn map(len: usize) -> Option<NonNull<u8>> {
        let all = len.checked_add(HUGE)?;
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, at a place that the system chooses.
        let start = unsafe { libc::mmap(null_mut(), all, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return None;
        }
        let start = start.cast::<u8>();
        let before = start.align_offset(HUGE).min(HUGE);
        // SAFETY: what is given back lies within the new mapping, before and after the `len` bytes that
        // are kept, from the page after them on. A part that the system does not take back stays
        // mapped and is never touched, so that it takes no memory. The advice changes no content; where
        // there are no huge pages it is refused, and nothing is lost.
        unsafe {
            let kept = start.add(before);
            if before > 0 {
                libc::munmap(start.cast(), before);
            }
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(HUGE);
            let used = len.next_multiple_of(page);
            if before + used < all {
                libc::munmap(kept.add(used).cast(), all - before - used);
            }
            libc::madvise(kept.cast(), used, libc::MADV_HUGEPAGE);
            NonNull::new(kept)
        }
    }

    /// Gives memory back.
    ///
    /// # Safety
    /// `start` came from [`map`] with this length, and nothing refers to it.
    pub unsafe fn unmap(start: NonNull<u8>, len: usize) {
        // SAFETY: the caller's; the length is rounded up to whole pages, as it was.
        unsafe { libc::munmap(start.as_ptr().cast(), len) };
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        #[cfg(all(target_os = "linux", not(miri)))]
        if self.capacity >= pages::LARGE {
            // SAFETY: `ptr` came from `map` with this length, and nothing refers to it any more.
            unsafe { pages::unmap(self.ptr, self.capacity) };
            return;
        }
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

/// Swaps elements to or from little-endian, which is how they travel.
pub(crate) fn little_endian(bytes: &mut [u8], size: usize) {
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(size).for_each(|c| c.reverse());
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

    /// A large buffer is a mapping of its own, of its length and no more: memory beyond it could be taken
    /// without anyone having counted it.
    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn a_large_buffer_is_a_mapping_of_its_length() {
        let huge = 2 << 20;
        // SAFETY: asks for a number, and whether an address is mapped.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let mapped = |at: usize| unsafe { libc::mincore(at as *mut _, page, [0u8].as_mut_ptr()) == 0 };
        let mut ends_there = false;
        for len in [pages::LARGE, pages::LARGE + 1, 9 * huge - 4097, 9 * huge + 12_345] {
            let mut b = Buffer::try_zeroed(len).unwrap();
            let start = b.as_ptr() as usize;
            let end = (start + len).next_multiple_of(page);
            // Another thread's mapping may follow at once, but not each time.
            ends_there |= !mapped(end);
            assert_eq!((b.len(), start % huge, mapped(end - page)), (len, 0, true));
            assert!(b.iter().all(|&x| x == 0));
            b.fill(7);
            let copy = b.clone();
            b.resize_for_overwrite(10);
            assert_eq!(b.as_ptr() as usize, start);
            drop(b);
            assert!(copy.len() == len && copy.iter().all(|&x| x == 7));
        }
        assert!(ends_there);
        assert!(Buffer::try_zeroed(usize::MAX - 100).is_none());
        assert!(Buffer::try_zeroed(1 << 60).is_none());
    }
}
