//! Undoing n-bit (filter 5): of each element only the bits of its precision are stored.
//!
//! The filter's values describe the element type: how many values there are, whether nothing was
//! packed, how many elements, then the type: class 1 (a number), its size in bytes, byte order,
//! precision and offset in bits. The bits follow each other without gaps, the highest of each
//! element first. They come back at the offset, in the file's byte order, with zeros around them:
//! what the bits mean is not this filter's matter (see `precision`).
//!
//! Source: the HDF5 reference manual (`H5Pset_nbit`) and libhdf5's `H5Znbit.c`.
//!
//! Limits: types that are not numbers (arrays, compounds) are refused; such elements have no dtype
//! here. Where nothing was packed their chunks come out all the same.

use super::bits::{holds, one, unpack};
use super::{Fault, Work, swap_bytes};
use crate::ops::simd::Simd;
use crate::per_simd;

/// Undoes n-bit: `input` is what is stored, the elements come out in the file's byte order.
pub(super) fn decode(values: &[u32], input: &[u8], out: &mut [u8], _: &mut Work) -> Result<usize, Fault> {
    let &[said, unpacked, count, ref kind @ ..] = values else {
        return Err(format!("n-bit has {} parameters, too few", values.len()));
    };
    if said as usize != values.len() {
        return Err(format!("n-bit has {} parameters and says {said}", values.len()));
    }
    if unpacked != 0 {
        let most = out.len();
        let Some(out) = out.get_mut(..input.len()) else {
            return Err(format!("n-bit gives {} bytes where {most} have room", input.len()));
        };
        out.copy_from_slice(input);
        return Ok(input.len());
    }
    let &[1, size, order, precision, offset] = kind else {
        return Err(match kind.first() {
            Some(2) => "n-bit of arrays".into(),
            Some(3) => "n-bit of compounds".into(),
            Some(1) => format!("n-bit describes a number by {} values instead of 5", kind.len()),
            _ => "n-bit of something that is not a number".into(),
        });
    };
    let bits = 8 * u64::from(size);
    if size == 0 || precision == 0 || u64::from(precision) + u64::from(offset) > bits {
        return Err(format!("n-bit keeps {precision} bits from bit {offset} of elements of {size} bytes"));
    }
    if order > 1 {
        return Err(format!("n-bit names the byte order {order}"));
    }
    let (len, most) = (u64::from(count) * u64::from(size), out.len());
    let Some(out) = usize::try_from(len).ok().and_then(|n| out.get_mut(..n)) else {
        return Err(format!("n-bit gives {len} bytes where {most} have room"));
    };
    if !holds(input, u64::from(count), precision) {
        return Err("the n-bit chunk ends early".into());
    }
    let size = size as usize;
    match size {
        1 | 2 | 4 | 8 => {
            numbers(Simd::best(), input, precision, out, size, offset);
            if order == 1 {
                swap_bytes(out, size);
            }
        }
        _ => {
            for (i, e) in out.chunks_exact_mut(size).enumerate() {
                wide(input, i as u128 * u128::from(precision), precision, offset, e);
                if order == 1 {
                    e.reverse();
                }
            }
        }
    }
    Ok(out.len())
}

#[inline(always)]
fn numbers_body(input: &[u8], precision: u32, out: &mut [u8], size: usize, offset: u32) {
    // The offset is less than the bits of the size.
    match size {
        1 => unpack(input, precision, out, |n| ((n as u8) << (offset & 7)).to_le_bytes()),
        2 => unpack(input, precision, out, |n| ((n as u16) << (offset & 15)).to_le_bytes()),
        4 => unpack(input, precision, out, |n| ((n as u32) << (offset & 31)).to_le_bytes()),
        _ => unpack(input, precision, out, |n| (n << (offset & 63)).to_le_bytes()),
    }
}

per_simd! {
    /// Little-endian elements of 1, 2, 4 or 8 bytes.
    fn numbers(input: &[u8], precision: u32, out: &mut [u8], size: usize, offset: u32) = numbers_body
}

/// One little-endian element of any size, from bit `at` of the input. `offset` + `precision` fit.
fn wide(input: &[u8], at: u128, precision: u32, offset: u32, element: &mut [u8]) {
    element.fill(0);
    let end = at + u128::from(precision);
    let mut done = 0;
    // From the lowest bits up, each step up to the end of a byte of the element.
    while done < precision {
        let to = (offset + done) as usize;
        let n = (8 - to as u32 % 8).min(precision - done);
        element[to / 8] |= (one(input, end - u128::from(done + n), n) as u8) << (to % 8);
        done += n;
    }
}

#[cfg(test)]
mod tests;
