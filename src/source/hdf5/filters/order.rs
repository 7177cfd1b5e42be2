//! The order of bytes: shuffled ones put together, and elements of the other byte order.

use crate::ops::simd::Simd;
use crate::per_simd;

#[inline(always)]
fn unshuffle_body(src: &[u8], dst: &mut [u8], width: usize, swap: bool) {
    let n = src.len() / width;
    if n == 0 {
        // The width comes from the file and can be anything.
        return dst.copy_from_slice(src);
    }
    let plane = |k: usize| {
        let k = if swap { width - 1 - k } else { k };
        &src[k * n..(k + 1) * n]
    };
    match width {
        2 => {
            let (a, b) = (plane(0), plane(1));
            for ((d, &a), &b) in dst.chunks_exact_mut(2).zip(a).zip(b) {
                d.copy_from_slice(&(u16::from(a) | u16::from(b) << 8).to_le_bytes());
            }
        }
        4 => {
            let (a, b, c, e) = (plane(0), plane(1), plane(2), plane(3));
            for ((((d, &a), &b), &c), &e) in dst.chunks_exact_mut(4).zip(a).zip(b).zip(c).zip(e) {
                let v = u32::from(a) | u32::from(b) << 8 | u32::from(c) << 16 | u32::from(e) << 24;
                d.copy_from_slice(&v.to_le_bytes());
            }
        }
        8 => {
            let p: [&[u8]; 8] = std::array::from_fn(plane);
            for (i, d) in dst.chunks_exact_mut(8).enumerate().take(n) {
                let mut v = 0u64;
                for (k, p) in p.iter().enumerate() {
                    v |= u64::from(p[i]) << (8 * k);
                }
                d.copy_from_slice(&v.to_le_bytes());
            }
        }
        _ => {
            for k in 0..width {
                for (i, &b) in plane(k).iter().enumerate() {
                    dst[i * width + k] = b;
                }
            }
        }
    }
    // What does not fill an element is stored as it is.
    dst[n * width..].copy_from_slice(&src[n * width..]);
}

per_simd! {
    /// Undoes the shuffle of elements of `width` bytes; with `swap`, reverses each element too.
    /// `dst` is as long as `src`.
    pub(crate) fn unshuffle(src: &[u8], dst: &mut [u8], width: usize, swap: bool) = unshuffle_body
}

/// Reverses the bytes of each element.
pub(crate) fn swap_bytes(data: &mut [u8], size: usize) {
    reversed(Simd::best(), data, size);
}

#[inline(always)]
fn reversed_body(data: &mut [u8], size: usize) {
    macro_rules! each {
        ($t:ty) => {
            for e in data.as_chunks_mut::<{ size_of::<$t>() }>().0 {
                *e = <$t>::from_le_bytes(*e).to_be_bytes();
            }
        };
    }
    match size {
        2 => each!(u16),
        4 => each!(u32),
        8 => each!(u64),
        _ => {}
    }
}

per_simd!(fn reversed(data: &mut [u8], size: usize) = reversed_body);
