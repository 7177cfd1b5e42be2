//! Elements in NumPy's order, and their places in a table that ascends.

use half::f16;

/// Elements that are looked for together, so that the processor waits for the table once for all.
pub(super) const TOGETHER: usize = 8;

/// How many elements of a table there are, from the first on, for which `goes` says that they come before x: of
/// every x, with its number.
#[inline(always)]
pub(super) fn places<T: Copy>(
    table: &[T],
    x: &[T],
    goes: impl Fn(T, T) -> bool,
    mut found: impl FnMut(usize, usize, T),
) {
    let (whole, rest) = x.as_chunks::<TOGETHER>();
    for (i, x) in whole.iter().enumerate() {
        let at = place(table, x, &goes);
        for k in 0..TOGETHER {
            found(i * TOGETHER + k, at[k], x[k]);
        }
    }
    for (k, &x) in (whole.len() * TOGETHER..).zip(rest) {
        found(k, place(table, &[x], &goes)[0], x);
    }
}

/// By halves, without a branch that depends on the elements.
#[inline(always)]
pub(super) fn place<T: Copy, const N: usize>(
    table: &[T],
    x: &[T; N],
    goes: &impl Fn(T, T) -> bool,
) -> [usize; N] {
    let (mut at, mut left) = ([0; N], table.len());
    while left > 0 {
        let half = left.div_ceil(2);
        for k in 0..N {
            // Within the table: what is left begins at it.
            at[k] += if goes(table[at[k] + half - 1], x[k]) { half } else { 0 };
        }
        left -= half;
    }
    at
}

/// An element with NumPy's order.
pub(super) trait Sorts: bytemuck::Pod {
    /// Whether it comes before the other one; NaN comes last.
    fn before(self, other: Self) -> bool;
    /// Whether both are one value.
    fn same(self, other: Self) -> bool;
    /// Bits that are the same for the same value; of integers the value, modulo 2^64.
    fn key(self) -> u64;
}

macro_rules! sorts {
    ($($t:ident)*; $($f:ident)*) => {
        $(impl Sorts for $t {
            #[inline(always)]
            fn before(self, other: $t) -> bool { self < other }
            #[inline(always)]
            fn same(self, other: $t) -> bool { self == other }
            #[inline(always)]
            fn key(self) -> u64 { self as u64 }
        })*
        $(impl Sorts for $f {
            #[inline(always)]
            fn before(self, other: $f) -> bool { (self < other) | (other.is_nan() & !self.is_nan()) }
            #[inline(always)]
            fn same(self, other: $f) -> bool { self == other }
            #[inline(always)]
            fn key(self) -> u64 { (self + 0.0).to_bits().into() }
        })*
    };
}
sorts!(u8 u16 u32 u64 i8 i16 i32 i64; f32 f64);

impl Sorts for f16 {
    #[inline(always)]
    fn before(self, other: f16) -> bool {
        // Integers that compare as the floats do, the zeros as one, and NaN beyond all.
        let key = |v: f16| {
            let size = (v.to_bits() & 0x7fff) as i32;
            let key = if v.to_bits() > 0x7fff { -size } else { size };
            if size > 0x7c00 { i32::MAX } else { key }
        };
        key(self) < key(other)
    }
    #[inline(always)]
    fn same(self, other: f16) -> bool {
        self == other
    }
    #[inline(always)]
    fn key(self) -> u64 {
        // −0 is 0.
        if self.to_bits() == 0x8000 { 0 } else { self.to_bits().into() }
    }
}
