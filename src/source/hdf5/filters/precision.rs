//! Integers that use only some of the bits of their elements, made native.
//!
//! An HDF5 integer has a size in bytes, and in these bits a precision and an offset: the value is
//! the `precision` bits from bit `offset`, two's complement if it is signed. What the other bits
//! are is of no meaning. libhdf5 converts such elements one by one; here it is two shifts.
//!
//! Source: the HDF5 file format specification (fixed-point datatype message).
//!
//! Limits: elements of 1, 2, 4 or 8 bytes.

use super::Fault;
use crate::h5::Bits;
use crate::ops::simd::Simd;
use crate::per_simd;

/// Where the bits of a value lie in an element of `size` bytes: what is above them and what is not
/// theirs at all, if they lie inside.
fn shifts(bits: Bits, size: usize) -> Option<(u32, u32)> {
    let all = 8 * u32::try_from(size).ok().filter(|s| (1..=8).contains(s))?;
    let above = all.checked_sub(bits.offset.checked_add(bits.precision)?)?;
    (bits.precision > 0).then_some((above, all - bits.precision))
}

fn misfit(bits: Bits, size: usize) -> Fault {
    format!("an integer has {} bits from bit {} of {size} bytes", bits.precision, bits.offset)
}

/// Makes elements of 1, 2, 4 or 8 bytes, in native byte order, into native integers of the same
/// size, in place.
pub(crate) fn widen(data: &mut [u8], size: usize, bits: Bits) -> Result<(), Fault> {
    let fits = shifts(bits, size).filter(|_| [1, 2, 4, 8].contains(&size));
    let (above, unused) = fits.ok_or_else(|| misfit(bits, size))?;
    if unused > 0 {
        in_place(Simd::best(), data, size, above, unused, bits.signed);
    }
    Ok(())
}

#[inline(always)]
fn in_place_body(data: &mut [u8], size: usize, above: u32, unused: u32, signed: bool) {
    macro_rules! each {
        ($u:ty, $i:ty) => {{
            let most = <$u>::BITS - 1;
            let (above, unused) = (above & most, unused & most);
            let elements = data.as_chunks_mut::<{ size_of::<$u>() }>().0;
            if signed {
                for e in elements {
                    *e = (<$i>::from_ne_bytes(*e) << above >> unused).to_ne_bytes();
                }
            } else {
                for e in elements {
                    *e = (<$u>::from_ne_bytes(*e) << above >> unused).to_ne_bytes();
                }
            }
        }};
    }
    match size {
        1 => each!(u8, i8),
        2 => each!(u16, i16),
        4 => each!(u32, i32),
        _ => each!(u64, i64),
    }
}

per_simd! {
    fn in_place(data: &mut [u8], size: usize, above: u32, unused: u32, signed: bool) = in_place_body
}

#[cfg(test)]
mod tests;
