//! Elements as unsigned integers of the same order.

use crate::ops::simd::Simd;
use crate::per_simd;
use half::f16;

/// An unsigned integer that stands for an element in its order.
pub trait Key: bytemuck::Pod + Ord + Send + Sync {
    /// Its bits.
    const BITS: u32;
    /// The key of NaN: after all others.
    const LAST: Self;

    /// As wide as any.
    fn wide(self) -> u64;

    /// The low bits of a wide one.
    fn narrow(wide: u64) -> Self;

    /// Per [`PIECE`] keys, how many have `prefix` above their low `shift` bits (fewer than all).
    fn hits(simd: Simd, keys: &[Self], shift: u32, prefix: Self, out: &mut [u8]);
}

/// Keys that are looked at together.
pub const PIECE: usize = 64;

/// An element with an order: that of values, −0 below +0, every NaN the same and last.
pub trait Ordered: bytemuck::Pod {
    /// What stands for it.
    type Key: Key;
    /// Whether it can be NaN.
    const IS_FLOAT: bool;

    /// What stands for it in the order.
    fn key(self) -> Self::Key;

    /// The element of a key; any key may be given.
    fn of_key(key: Self::Key) -> Self;

    /// The keys of elements.
    fn keys(simd: Simd, values: &[Self], out: &mut [Self::Key]);

    /// The upper 16 bits of keys, or all if they have fewer.
    fn upper(simd: Simd, values: &[Self], out: &mut [u16]);
}

macro_rules! keys {
    ($($t:ty)*) => {$(
        impl Key for $t {
            const BITS: u32 = <$t>::BITS;
            const LAST: $t = <$t>::MAX;

            #[inline(always)]
            fn wide(self) -> u64 {
                self.into()
            }

            #[inline(always)]
            fn narrow(wide: u64) -> $t {
                wide as $t
            }

            fn hits(simd: Simd, keys: &[$t], shift: u32, prefix: $t, out: &mut [u8]) {
                #[inline(always)]
                fn body(keys: &[$t], shift: u32, prefix: $t, out: &mut [u8]) {
                    let (low, high) = (prefix << shift, prefix << shift | ((1 << shift) - 1));
                    for (piece, hits) in keys.chunks(PIECE).zip(out) {
                        let each = piece.iter().map(|&k| (k >= low && k <= high) as $t);
                        *hits = each.sum::<$t>() as u8;
                    }
                }
                per_simd!(fn run(keys: &[$t], shift: u32, prefix: $t, out: &mut [u8]) = body);
                run(simd, keys, shift, prefix, out)
            }
        }
    )*};
}
keys!(u8 u16 u32 u64);

macro_rules! loops {
    ($t:ty, $key:ty) => {
        fn keys(simd: Simd, values: &[$t], out: &mut [$key]) {
            #[inline(always)]
            fn body(values: &[$t], out: &mut [$key]) {
                values.iter().zip(out).for_each(|(v, k)| *k = v.key());
            }
            per_simd!(fn run(values: &[$t], out: &mut [$key]) = body);
            run(simd, values, out)
        }

        fn upper(simd: Simd, values: &[$t], out: &mut [u16]) {
            #[inline(always)]
            fn body(values: &[$t], out: &mut [u16]) {
                const DOWN: u32 = <$key>::BITS.saturating_sub(16);
                values.iter().zip(out).for_each(|(v, k)| *k = (v.key() >> DOWN) as u16);
            }
            per_simd!(fn run(values: &[$t], out: &mut [u16]) = body);
            run(simd, values, out)
        }
    };
}

macro_rules! integers {
    ($($t:ty, $key:ty, $flip:expr;)*) => {$(
        impl Ordered for $t {
            type Key = $key;
            const IS_FLOAT: bool = false;

            #[inline(always)]
            fn key(self) -> $key {
                self as $key ^ $flip
            }

            fn of_key(key: $key) -> $t {
                (key ^ $flip) as $t
            }

            loops!($t, $key);
        }
    )*};
}
integers!(
    u8, u8, 0; u16, u16, 0; u32, u32, 0; u64, u64, 0;
    i8, u8, 1 << 7; i16, u16, 1 << 15; i32, u32, 1 << 31; i64, u64, 1 << 63;
);

macro_rules! floats {
    ($($t:ty, $key:ty, $signed:ty, $infinity:expr, $nan:expr;)*) => {$(
        impl Ordered for $t {
            type Key = $key;
            const IS_FLOAT: bool = true;

            #[inline(always)]
            fn key(self) -> $key {
                const SIGN: $key = 1 << (<$key>::BITS - 1);
                let bits = self.to_bits();
                let negative = ((bits as $signed) >> (<$key>::BITS - 1)) as $key;
                if bits & !SIGN > $infinity { <$key>::MAX } else { bits ^ (negative | SIGN) }
            }

            fn of_key(key: $key) -> $t {
                const SIGN: $key = 1 << (<$key>::BITS - 1);
                let bits = if key & SIGN != 0 { key ^ SIGN } else { !key };
                <$t>::from_bits(if bits & !SIGN > $infinity { $nan } else { bits })
            }

            loops!($t, $key);
        }
    )*};
}
floats!(
    f16, u16, i16, 0x7c00, 0x7e00;
    f32, u32, i32, 0x7f80_0000, 0x7fc0_0000;
    f64, u64, i64, 0x7ff0_0000_0000_0000, 0x7ff8_0000_0000_0000;
);

#[cfg(test)]
mod tests {
    use super::*;

    fn ascend<T: Ordered + std::fmt::Debug>(values: &[T]) {
        let keys: Vec<T::Key> = values.iter().map(|v| v.key()).collect();
        for (i, pair) in keys.windows(2).enumerate() {
            assert!(pair[0] < pair[1], "{:?} {:?}", values[i], values[i + 1]);
        }
        for (value, key) in values.iter().zip(keys) {
            assert_eq!(bytemuck::bytes_of(&T::of_key(key)), bytemuck::bytes_of(value));
            assert_eq!(T::Key::narrow(key.wide()).wide(), key.wide());
        }
    }

    #[test]
    fn keys_have_the_order_of_values() {
        ascend(&[f32::NEG_INFINITY, f32::MIN, -1.0, -f32::MIN_POSITIVE, -1e-45, -0.0, 0.0, 1e-45, 2.0]);
        ascend(&[-0.0, 0.0, f32::MAX, f32::INFINITY, f32::from_bits(0x7fc0_0000)]);
        ascend(&[
            f64::NEG_INFINITY,
            -1.0,
            -5e-324,
            -0.0,
            0.0,
            1.0,
            f64::INFINITY,
            f64::from_bits(0x7ff8 << 48),
        ]);
        ascend(&[
            f16::NEG_INFINITY,
            f16::NEG_ONE,
            f16::NEG_ZERO,
            f16::ZERO,
            f16::MAX,
            f16::INFINITY,
            f16::NAN,
        ]);
        ascend(&[i8::MIN, -1, 0, 1, i8::MAX]);
        ascend(&[i64::MIN, -1, 0, 1, i64::MAX]);
        ascend(&[0u16, 1, u16::MAX]);
        // Every NaN is one.
        for bits in [0x7f80_0001u32, 0xff80_0001, 0xffff_ffff, 0x7fff_ffff] {
            assert_eq!(f32::from_bits(bits).key(), u32::LAST);
        }
    }

    #[test]
    fn every_level_makes_the_same_keys() {
        let values: Vec<f64> =
            (0..1000u64).map(|i| f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        for simd in Simd::available() {
            let (mut keys, mut upper, mut hits) = (vec![0; 1000], vec![0; 1000], vec![0; 16]);
            f64::keys(simd, &values, &mut keys);
            f64::upper(simd, &values, &mut upper);
            let prefix = values[77].key() >> 60;
            u64::hits(simd, &keys, 60, prefix, &mut hits);
            let (mut seen, mut wanted) = (0, 0);
            for (i, v) in values.iter().enumerate() {
                assert_eq!((keys[i], upper[i]), (v.key(), (v.key() >> 48) as u16));
                wanted += usize::from(keys[i] >> 60 == prefix);
            }
            hits.iter().for_each(|&h| seen += usize::from(h));
            assert_eq!(seen, wanted);
        }
    }
}
