//! Stored elements as reductions see them, and runs of them.

use super::keys::{End, KeyRule, THERE, VALID};
use super::tile::Along;
use crate::ops::simd::Simd;
use crate::per_simd;
use half::f16;

/// A run of typed values.
#[derive(Clone, Copy)]
pub(super) struct Part<'a, T> {
    pub values: &'a [T],
    pub mask: Option<&'a [u8]>,
    pub output: usize,
    pub position: u64,
    pub along: Along,
    pub skips_nan: bool,
}

impl<T: Copy> Part<'_, T> {
    /// Every value that is there, with its output.
    pub fn each(self, mut f: impl FnMut(usize, T)) {
        let step = (self.along == Along::Kept) as usize;
        for (k, &x) in self.values.iter().enumerate() {
            if self.mask.is_none_or(|m| m[k] != 0) {
                f(self.output + step * k, x);
            }
        }
    }
}

/// A stored element, as reductions see it.
pub(super) trait Value: bytemuck::Pod {
    const IS_FLOAT: bool;
    fn is_nan(self) -> bool;
    fn is_zero(self) -> bool;
    /// Of integers; floats give 0.
    fn to_i128(self) -> i128;
    /// Of integers of at most 32 bits, and int64; others wrap.
    fn to_i64(self) -> i64;
    fn to_f64(self) -> f64;
    /// See [`super::extreme`].
    fn key(self, rule: KeyRule) -> i64;
    /// The bits that a key stands for.
    fn of_key(key: i64, rule: KeyRule) -> u64;
    fn smallest_key(simd: Simd, v: &[Self], rule: KeyRule) -> i64;
    /// `best[k]` becomes the smaller of itself and the key of `v[k]`; `seen` tells what was there.
    fn keep_smallest(simd: Simd, v: &[Self], rule: KeyRule, best: &mut [i64], seen: &mut [u8]);
    fn count_nonzero(simd: Simd, v: &[Self]) -> u64;
}

fn flip(rule: KeyRule) -> i64 {
    -((rule.end == End::Largest) as i64)
}

macro_rules! smallest_loop {
    ($t:ty) => {
        fn smallest_key(simd: Simd, v: &[$t], rule: KeyRule) -> i64 {
            #[inline(always)]
            fn body(v: &[$t], rule: KeyRule) -> i64 {
                v.iter().fold(i64::MAX, |m, x| m.min(x.key(rule)))
            }
            per_simd!(fn run(v: &[$t], rule: KeyRule) -> i64 = body);
            run(simd, v, rule)
        }
    };
}

macro_rules! shared_loops {
    ($t:ty) => {
        fn keep_smallest(simd: Simd, v: &[$t], rule: KeyRule, best: &mut [i64], seen: &mut [u8]) {
            #[inline(always)]
            fn body(v: &[$t], rule: KeyRule, best: &mut [i64], seen: &mut [u8]) {
                for ((&x, b), s) in v.iter().zip(best).zip(seen) {
                    let key = x.key(rule);
                    let valid = !(<$t as Value>::IS_FLOAT && key == i64::MAX);
                    *s |= THERE | (valid as u8 * VALID);
                    *b = key.min(*b);
                }
            }
            per_simd!(fn run(v: &[$t], rule: KeyRule, best: &mut [i64], seen: &mut [u8]) = body);
            run(simd, v, rule, best, seen)
        }

        fn count_nonzero(simd: Simd, v: &[$t]) -> u64 {
            #[inline(always)]
            fn body(v: &[$t]) -> u64 {
                v.chunks(1 << 16).map(|c| c.iter().map(|x| !x.is_zero() as u32).sum::<u32>() as u64).sum()
            }
            per_simd!(fn run(v: &[$t]) -> u64 = body);
            run(simd, v)
        }
    };
}

macro_rules! integer_value {
    ($($t:ty, $bias:expr;)*) => {$(
        impl Value for $t {
            const IS_FLOAT: bool = false;
            #[inline(always)]
            fn is_nan(self) -> bool {
                false
            }
            #[inline(always)]
            fn is_zero(self) -> bool {
                self == 0
            }
            #[inline(always)]
            fn to_i128(self) -> i128 {
                self as i128
            }
            #[inline(always)]
            fn to_i64(self) -> i64 {
                self as i64
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn key(self, rule: KeyRule) -> i64 {
                (self as i64 ^ $bias) ^ flip(rule)
            }
            fn of_key(key: i64, rule: KeyRule) -> u64 {
                (key ^ flip(rule) ^ $bias) as u64
            }
            smallest_loop!($t);
            shared_loops!($t);
        }
    )*};
}
// uint64 is ordered as int64 after its top bit is flipped
integer_value!(i8, 0; i16, 0; i32, 0; i64, 0; u8, 0; u16, 0; u32, 0; u64, i64::MIN;);

macro_rules! float_value {
    ($($t:ty, $signed:ty, $bits:ty, $infinity:expr, $to_f64:expr;)*) => {$(
        impl Value for $t {
            const IS_FLOAT: bool = true;
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.to_bits() & (<$signed>::MAX as $bits) > $infinity
            }
            #[inline(always)]
            fn is_zero(self) -> bool {
                self.to_bits() & (<$signed>::MAX as $bits) == 0
            }
            fn to_i128(self) -> i128 {
                0
            }
            fn to_i64(self) -> i64 {
                0
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                let convert: fn($t) -> f64 = $to_f64;
                convert(self)
            }
            #[inline(always)]
            fn key(self, rule: KeyRule) -> i64 {
                let k = Keys::<$signed>::of(self.to_bits() as $signed, $infinity as $signed, rule);
                if k == <$signed>::MAX { i64::MAX } else { k as i64 }
            }
            fn of_key(key: i64, rule: KeyRule) -> u64 {
                let k = key as $signed;
                if k == <$signed>::MIN || k == <$signed>::MAX {
                    // the quiet bit is the highest of the fraction
                    return ($infinity | ($infinity >> 1 & !$infinity)) as u64;
                }
                let k = k ^ flip(rule) as $signed;
                ((k ^ ((k >> (<$signed>::BITS - 1)) & <$signed>::MAX)) as $bits) as u64
            }
            fn smallest_key(simd: Simd, v: &[$t], rule: KeyRule) -> i64 {
                #[inline(always)]
                fn body(v: &[$t], rule: KeyRule) -> $signed {
                    v.iter().fold(<$signed>::MAX, |m, x| {
                        m.min(Keys::<$signed>::of(x.to_bits() as $signed, $infinity as $signed, rule))
                    })
                }
                per_simd!(fn run(v: &[$t], rule: KeyRule) -> $signed = body);
                let k = run(simd, v, rule);
                if k == <$signed>::MAX { i64::MAX } else { k as i64 }
            }
            shared_loops!($t);
        }

        impl Keys<$signed> {
            #[inline(always)]
            fn of(bits: $signed, infinity: $signed, rule: KeyRule) -> $signed {
                let abs = bits & <$signed>::MAX;
                let bits = if rule.merges_zeros && abs == 0 { 0 } else { bits };
                let ordered = bits ^ ((bits >> (<$signed>::BITS - 1)) & <$signed>::MAX);
                let nan = if rule.skips_nan { <$signed>::MAX } else { <$signed>::MIN };
                if abs > infinity { nan } else { ordered ^ flip(rule) as $signed }
            }
        }
    )*};
}

struct Keys<T>(std::marker::PhantomData<T>);

float_value!(
    f16, i16, u16, 0x7c00u16, |x| x.to_f64();
    f32, i32, u32, 0x7f80_0000u32, |x| x as f64;
    f64, i64, u64, 0x7ff0_0000_0000_0000u64, |x| x;
);

/// The order of elements from the largest value down, or from the smallest up. NaN is larger than all else, and
/// ±0 are one.
fn order(from_largest: bool) -> KeyRule {
    let end = if from_largest { End::Largest } else { End::Smallest };
    // What is passed over has the last key of all.
    KeyRule { end, merges_zeros: true, skips_nan: !from_largest }
}

/// The keys of elements in an order, the smallest first: that from the largest value down, or from the smallest
/// up. NaN is larger than all else, and ±0 are one.
///
/// # Panics
/// If the bytes are not aligned elements of `dtype`.
pub fn sort_keys(dtype: crate::DType, values: &[u8], from_largest: bool, out: &mut Vec<i64>) {
    fn keys<T: Value>(values: &[u8], rule: KeyRule, out: &mut Vec<i64>) {
        let values: &[T] = bytemuck::cast_slice(values);
        out.clear();
        out.extend(values.iter().map(|x| x.key(rule)));
    }
    let rule = order(from_largest);
    match dtype {
        crate::DType::F16 => keys::<f16>(values, rule, out),
        crate::DType::F32 => keys::<f32>(values, rule, out),
        crate::DType::F64 => keys::<f64>(values, rule, out),
        integer => crate::with_storage!(integer, T => keys::<T>(values, rule, out)),
    }
}

/// The least of the [`sort_keys`] of some elements; the last key of all if there are none.
///
/// # Panics
/// As [`sort_keys`].
pub fn first_sort_key(dtype: crate::DType, values: &[u8], from_largest: bool, simd: Simd) -> i64 {
    fn first<T: Value>(values: &[u8], rule: KeyRule, simd: Simd) -> i64 {
        T::smallest_key(simd, bytemuck::cast_slice(values), rule)
    }
    let rule = order(from_largest);
    match dtype {
        crate::DType::F16 => first::<f16>(values, rule, simd),
        crate::DType::F32 => first::<f32>(values, rule, simd),
        crate::DType::F64 => first::<f64>(values, rule, simd),
        integer => crate::with_storage!(integer, T => first::<T>(values, rule, simd)),
    }
}
