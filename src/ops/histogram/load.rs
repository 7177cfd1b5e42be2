//! Columns of any dtype as float64, a block at a time: what `numpy.histogram` compares.
//!
//! Exact for every dtype but int64 and uint64, which round to nearest as a cast to float64 does. Against edges where
//! that would show they are compared as integers instead ([`Edges::in_integers`](super::Edges::in_integers)).

use crate::dtype::DType;
use crate::ops::simd::Simd;
use crate::per_simd;

/// Rows per block: small enough that a block's columns and indices stay in the first cache.
pub(in crate::ops) const BLOCK: usize = 1024;

/// Converts native values of `dtype` to float64; `bytes` need not be aligned.
pub(super) fn to_f64(simd: Simd, dtype: DType, bytes: &[u8], out: &mut [f64]) {
    match dtype {
        DType::Bool | DType::U8 => u8s(simd, bytes, out),
        DType::I8 => i8s(simd, bytes, out),
        DType::I16 => i16s(simd, bytes, out),
        DType::U16 => u16s(simd, bytes, out),
        DType::I32 => i32s(simd, bytes, out),
        DType::U32 => u32s(simd, bytes, out),
        DType::I64 => i64s(simd, bytes, out),
        DType::U64 => u64s(simd, bytes, out),
        DType::F16 => f16s(simd, bytes, out),
        DType::F32 => f32s(simd, bytes, out),
        DType::F64 => f64s(simd, bytes, out),
    }
}

/// As [`to_f64`], into `space` unless the bytes already are float64 values in their place.
pub(super) fn as_f64<'a>(simd: Simd, dtype: DType, bytes: &'a [u8], space: &'a mut [f64]) -> &'a [f64] {
    if dtype == DType::F64
        && let Ok(values) = bytemuck::try_cast_slice(bytes)
    {
        return values;
    }
    to_f64(simd, dtype, bytes, space);
    space
}

#[inline(always)]
fn each<const N: usize>(bytes: &[u8], out: &mut [f64], f: impl Fn([u8; N]) -> f64) {
    for (o, &b) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *o = f(b);
    }
}

/// A float16 from its bits: shifted into place and scaled by a power of two, which is exact and
/// makes its subnormals normal.
#[inline(always)]
pub(super) fn f16_to_f64(bits: u16) -> f64 {
    let magnitude = ((bits & 0x7fff) as u64) << 42;
    let value = f64::from_bits(magnitude) * f64::from_bits((1023 + 1008) << 52);
    let special = if bits & 0x7c00 == 0x7c00 { 0x7ff0 << 48 } else { 0 };
    f64::from_bits(value.to_bits() | special | ((bits & 0x8000) as u64) << 48)
}

macro_rules! columns {
    ($($name:ident $body:ident $ty:ty),*) => { $(
        #[inline(always)]
        fn $body(bytes: &[u8], out: &mut [f64]) {
            each(bytes, out, |b| <$ty>::from_ne_bytes(b) as f64)
        }
        per_simd!(fn $name(bytes: &[u8], out: &mut [f64]) = $body);
    )* };
}
columns!(u8s u8s_body u8, i8s i8s_body i8, i16s i16s_body i16, u16s u16s_body u16, i32s i32s_body i32,
         u32s u32s_body u32, i64s i64s_body i64, u64s u64s_body u64, f32s f32s_body f32, f64s f64s_body f64);

#[inline(always)]
fn f16s_body(bytes: &[u8], out: &mut [f64]) {
    each(bytes, out, |b| f16_to_f64(u16::from_ne_bytes(b)))
}
per_simd!(fn f16s(bytes: &[u8], out: &mut [f64]) = f16s_body);

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    #[test]
    fn every_float16_widens_exactly() {
        let all: Vec<u8> = (0..=u16::MAX).flat_map(|b| b.to_ne_bytes()).collect();
        for simd in Simd::available() {
            let mut out = vec![0.0; 1 << 16];
            to_f64(simd, DType::F16, &all, &mut out);
            for (b, v) in (0..=u16::MAX).zip(out) {
                let want = f16::from_bits(b).to_f64();
                assert!(want.to_bits() == v.to_bits() || (want.is_nan() && v.is_nan()), "{b:#x}");
            }
        }
    }

    #[test]
    fn wide_integers_round_as_a_cast_does() {
        let v = [i64::MIN, i64::MAX, (1 << 53) + 1, -(1 << 53) - 3, 0, 7];
        for simd in Simd::available() {
            let mut out = [0.0; 6];
            to_f64(simd, DType::I64, bytemuck::cast_slice(&v), &mut out);
            assert_eq!(out, v.map(|v| v as f64));
        }
    }
}
