//! Integers that use only some of the bits of their elements, made native.
//!
//! An HDF5 integer has a size in bytes, and in these bits a precision and an offset: the value is
//! the `precision` bits from bit `offset`, two's complement if it is signed. What the other bits
//! are is of no meaning. libhdf5 converts such elements one by one; here it is two shifts.
//!
//! Source: the HDF5 file format specification (fixed-point datatype message).
//!
//! Limits: elements of 1 to 8 bytes.

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

/// Makes stored elements of `size` bytes (1 to 8), in the byte order that `bits` says, into native
/// integers of `to` bytes (1, 2, 4 or 8, at least the precision). `out` holds as many as `stored`.
pub(crate) fn convert(
    stored: &[u8],
    size: usize,
    bits: Bits,
    out: &mut [u8],
    to: usize,
) -> Result<(), Fault> {
    let fits = shifts(bits, size).filter(|_| [1, 2, 4, 8].contains(&to) && bits.precision as usize <= 8 * to);
    fits.ok_or_else(|| misfit(bits, size))?;
    if !stored.len().is_multiple_of(size) || Some(out.len()) != (stored.len() / size).checked_mul(to) {
        return Err(format!("{} bytes of {size} each do not become {} of {to}", stored.len(), out.len()));
    }
    resized(Simd::best(), stored, size, bits, out, to);
    Ok(())
}

#[inline(always)]
fn resized_body(stored: &[u8], size: usize, bits: Bits, out: &mut [u8], to: usize) {
    match to {
        1 => from(stored, size, bits, out, |v| (v as u8).to_ne_bytes()),
        2 => from(stored, size, bits, out, |v| (v as u16).to_ne_bytes()),
        4 => from(stored, size, bits, out, |v| (v as u32).to_ne_bytes()),
        _ => from(stored, size, bits, out, u64::to_ne_bytes),
    }
}

per_simd! {
    fn resized(stored: &[u8], size: usize, bits: Bits, out: &mut [u8], to: usize) = resized_body
}

#[inline(always)]
fn from<const TO: usize>(
    stored: &[u8],
    size: usize,
    bits: Bits,
    out: &mut [u8],
    put: impl Fn(u64) -> [u8; TO],
) {
    // The sign's place, or nothing: what is xored and taken away again carries it up.
    let mask = u64::MAX >> ((64 - bits.precision) & 63);
    let sign = if bits.signed { mask ^ mask >> 1 } else { 0 };
    let shift = bits.offset & 63;
    let put = |v: u64| put(((v >> shift & mask) ^ sign).wrapping_sub(sign));
    match (size, bits.big) {
        (1, _) => each(stored, out, |e: [u8; 1]| put(e[0].into())),
        (2, false) => each(stored, out, |e| put(u16::from_le_bytes(e).into())),
        (2, true) => each(stored, out, |e| put(u16::from_be_bytes(e).into())),
        (4, false) => each(stored, out, |e| put(u32::from_le_bytes(e).into())),
        (4, true) => each(stored, out, |e| put(u32::from_be_bytes(e).into())),
        (8, false) => each(stored, out, |e| put(u64::from_le_bytes(e))),
        (8, true) => each(stored, out, |e| put(u64::from_be_bytes(e))),
        (_, big) => {
            for (e, o) in stored.chunks_exact(size).zip(out.as_chunks_mut::<TO>().0) {
                let add = |v: u64, b: &u8| v << 8 | u64::from(*b);
                *o = put(if big { e.iter().fold(0, add) } else { e.iter().rev().fold(0, add) });
            }
        }
    }
}

#[inline(always)]
fn each<const FROM: usize, const TO: usize>(
    stored: &[u8],
    out: &mut [u8],
    f: impl Fn([u8; FROM]) -> [u8; TO],
) {
    for (e, o) in stored.as_chunks::<FROM>().0.iter().zip(out.as_chunks_mut::<TO>().0) {
        *o = f(*e);
    }
}

#[cfg(test)]
mod tests;
