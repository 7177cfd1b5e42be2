//! Tables that are looked up without a branch.

/// A list whose length is a power of two, so that an index needs a mask and no branch.
pub(super) struct Padded<T>(Vec<T>);

impl<T: Copy> Padded<T> {
    pub(super) fn new(mut values: Vec<T>, filler: T) -> Self {
        values.resize(values.len().next_power_of_two(), filler);
        Padded(values)
    }

    /// The value at `i`, which is taken modulo the length.
    #[inline(always)]
    pub(super) fn at(&self, i: usize) -> T {
        let mask = self.0.len() - 1;
        // SAFETY: `new` is the only way to make one and makes the length a power of two, which
        // is at least 1, and nothing changes it; so `i & mask` is below the length.
        unsafe { *self.0.get_unchecked(i & mask) }
    }
}
