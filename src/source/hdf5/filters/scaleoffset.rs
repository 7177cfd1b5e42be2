//! Undoing scale-offset (filter 6): the distances from the least value, in as few bits as the
//! largest of them needs.
//!
//! A chunk starts with 21 bytes: the bits per number (4, little-endian), how many bytes of the
//! least value count (1), the least value (8, little-endian), 8 unused ones. Then come the numbers,
//! packed highest bit first. A number of ones alone stands for the fill value, if there is one.
//! Integers are least + number, modulo their size. Floats (D-scaling) are number / 10^D + least,
//! each step rounded in the float's own type, the power too: the bits that libhdf5 gives.
//! If the bits are as many as the type has, the values themselves follow the header; if the file
//! asks for that many for integers, nothing was packed and there is no header.
//!
//! Source: the HDF5 reference manual (`H5Pset_scaleoffset`) and libhdf5's `H5Zscaleoffset.c`.
//!
//! Limits: E-scaling does not exist in libhdf5 either. The values after the header lie in the byte
//! order of the machine that wrote them, which the file does not tell: little-endian is assumed.

use super::bits::{holds, unpack};
use super::{Fault, Work, swap_bytes};
use crate::ops::simd::Simd;
use crate::per_simd;

const HEADER: usize = 21;

/// What the filter's values say.
struct Plan {
    count: u32,
    size: usize,
    class: Class,
    big: bool,
    /// The fill value's bytes as a little-endian number.
    fill: Option<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    /// Bits asked for by the file.
    Integer(u32),
    /// The decimal exponent.
    Float(i32),
}

fn plan(values: &[u32]) -> Result<Plan, Fault> {
    let &[scale, factor, count, class, size, _sign, order, has_fill, low, high, ..] = values else {
        return Err(format!("scale-offset has {} parameters instead of 20", values.len()));
    };
    if values.len() != 20 {
        return Err(format!("scale-offset has {} parameters instead of 20", values.len()));
    }
    let factor = factor as i32;
    let class = match (class, scale) {
        (0, 2) => Class::Integer(factor.max(0) as u32),
        (1, 0) => Class::Float(factor),
        (1, 1) => return Err("scale-offset of floats by binary exponents (E-scaling)".into()),
        _ => return Err(format!("scale-offset of class {class} by method {scale}")),
    };
    let sizes: &[u32] = if matches!(class, Class::Integer(_)) { &[1, 2, 4, 8] } else { &[4, 8] };
    if !sizes.contains(&size) {
        return Err(format!("scale-offset of elements of {size} bytes"));
    }
    if order > 1 {
        return Err(format!("scale-offset names the byte order {order}"));
    }
    let fill = match has_fill {
        0 => None,
        1 => Some(u64::from(low) | if size == 8 { u64::from(high) << 32 } else { 0 }),
        other => return Err(format!("scale-offset says {other} to whether there is a fill value")),
    };
    Ok(Plan { count, size: size as usize, class, big: order == 1, fill })
}

/// Undoes scale-offset: `input` is what is stored, the elements come out in the file's byte order.
pub(super) fn decode(values: &[u32], input: &[u8], out: &mut [u8], _: &mut Work) -> Result<usize, Fault> {
    let p = plan(values)?;
    let most = 8 * p.size as u32;
    if let Class::Integer(asked) = p.class {
        if asked > most {
            return Err(format!("scale-offset asks for {asked} bits of elements of {} bytes", p.size));
        }
        if asked == most {
            return copy(input, input.len() as u64, out);
        }
    }
    let len = u64::from(p.count) * p.size as u64;
    let Some((header, packed)) = input.split_first_chunk::<HEADER>() else {
        return Err(format!("a scale-offset chunk of {} bytes has no room for its header", input.len()));
    };
    let [b0, b1, b2, b3, held, least @ ..] = *header;
    let width = u32::from_le_bytes([b0, b1, b2, b3]);
    let mut least: [u8; 8] = std::array::from_fn(|i| least[i]);
    least[usize::from(held).min(8)..].fill(0);
    let least = u64::from_le_bytes(least);
    if width > most {
        return Err(format!("scale-offset says {width} bits for elements of {} bytes", p.size));
    }
    if width == most {
        let n = copy(packed, len, out)?;
        if p.big {
            swap_bytes(&mut out[..n], p.size);
        }
        return Ok(n);
    }
    let out = room(len, out)?;
    if !holds(packed, u64::from(p.count), width) {
        return Err("the scale-offset chunk ends early".into());
    }
    let simd = Simd::best();
    match p.class {
        Class::Integer(_) => integers(simd, packed, width, out, p.size, least, p.fill),
        Class::Float(exponent) if p.size == 4 => {
            floats32(simd, packed, width, out, power32(exponent), f32::from_bits(least as u32), p.fill);
        }
        Class::Float(exponent) => {
            floats64(simd, packed, width, out, power64(exponent), f64::from_bits(least), p.fill);
        }
    }
    if p.big {
        swap_bytes(out, p.size);
    }
    Ok(out.len())
}

/// The start of `out` that takes `len` bytes.
fn room(len: u64, out: &mut [u8]) -> Result<&mut [u8], Fault> {
    let most = out.len();
    let start = usize::try_from(len).ok().and_then(|n| out.get_mut(..n));
    start.ok_or_else(|| format!("scale-offset gives {len} bytes where {most} have room"))
}

/// The first `len` bytes of `from`, as they are.
fn copy(from: &[u8], len: u64, out: &mut [u8]) -> Result<usize, Fault> {
    let out = room(len, out)?;
    let Some(from) = from.get(..out.len()) else {
        return Err("the scale-offset chunk ends early".into());
    };
    out.copy_from_slice(from);
    Ok(out.len())
}

/// 10^`exponent` by the C library's `pow`, as libhdf5 takes it: a unit off for some (10^23). Infinite or
/// 0 out of range.
fn power64(exponent: i32) -> f64 {
    // A power whose base is known may be compiled to another function.
    std::hint::black_box(10.0f64).powf(f64::from(exponent))
}

/// As [`power64`], in float32.
fn power32(exponent: i32) -> f32 {
    std::hint::black_box(10.0f32).powf(exponent as f32)
}

/// Fills `out` with little-endian elements of `N` bytes: `value` of each number of `width` bits (0 to
/// 63), or the fill value where all bits are ones. Without bits each number is 0, and ones alone.
#[inline(always)]
fn each<const N: usize>(
    packed: &[u8],
    width: u32,
    out: &mut [u8],
    fill: Option<u64>,
    value: impl Fn(u64) -> u64,
) {
    let low = |v: u64| -> [u8; N] {
        let all = v.to_le_bytes();
        std::array::from_fn(|i| all[i])
    };
    let ones = (1u64 << (width & 63)) - 1;
    match fill {
        _ if width == 0 => out.as_chunks_mut::<N>().0.fill(low(fill.unwrap_or_else(|| value(0)))),
        Some(fill) => unpack(packed, width, out, |n| low(if n == ones { fill } else { value(n) })),
        None => unpack(packed, width, out, |n| low(value(n))),
    }
}

#[inline(always)]
fn integers_body(packed: &[u8], width: u32, out: &mut [u8], size: usize, least: u64, fill: Option<u64>) {
    let value = |n: u64| n.wrapping_add(least);
    match size {
        1 => each::<1>(packed, width, out, fill, value),
        2 => each::<2>(packed, width, out, fill, value),
        4 => each::<4>(packed, width, out, fill, value),
        _ => each::<8>(packed, width, out, fill, value),
    }
}

#[inline(always)]
fn floats32_body(packed: &[u8], width: u32, out: &mut [u8], power: f32, least: f32, fill: Option<u64>) {
    // Less than 2^31: what libhdf5 reads as an int.
    let value = |n: u64| u64::from((n as i32 as f32 / power + least).to_bits());
    each::<4>(packed, width, out, fill, value);
}

#[inline(always)]
fn floats64_body(packed: &[u8], width: u32, out: &mut [u8], power: f64, least: f64, fill: Option<u64>) {
    each::<8>(packed, width, out, fill, |n| (n as i64 as f64 / power + least).to_bits());
}

per_simd! {
    fn integers(packed: &[u8], width: u32, out: &mut [u8], size: usize, least: u64, fill: Option<u64>) =
        integers_body
}
per_simd! {
    fn floats32(packed: &[u8], width: u32, out: &mut [u8], power: f32, least: f32, fill: Option<u64>) =
        floats32_body
}
per_simd! {
    fn floats64(packed: &[u8], width: u32, out: &mut [u8], power: f64, least: f64, fill: Option<u64>) =
        floats64_body
}

#[cfg(test)]
mod tests;
