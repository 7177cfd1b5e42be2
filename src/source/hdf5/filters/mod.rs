//! Undoing deflate, shuffle and fletcher32, in any order and with any of them skipped.
//!
//! Sources: the filter descriptions of the HDF5 file format and of libhdf5 1.10 (`H5Zdeflate.c`,
//! `H5Zshuffle.c`, `H5Zfletcher32.c`, `H5checksum.c`); zlib is decoded by libdeflate.

use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::h5::FilterInfo;
use crate::ops::kernel::Packing;
use crate::ops::simd::Simd;
use crate::per_simd;
use crate::source::Scratch;

#[allow(dead_code)]
mod bits;
#[allow(dead_code)]
mod nbit;
#[allow(dead_code)]
pub(crate) mod precision;
#[allow(dead_code)]
mod scaleoffset;
#[allow(dead_code)]
mod szip;

/// Why a codec refuses a chunk, as a sentence.
pub(crate) type Fault = String;

/// Memory and contexts that codecs reuse, so that no chunk allocates.
#[derive(Default)]
pub(crate) struct Work {
    pub buffer: Buffer,
    pub inflate: Option<libdeflater::Decompressor>,
    pub zstd: Option<zstd_safe::DCtx<'static>>,
}

/// A filter that is undone here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    Deflate,
    /// Bytes of equal rank together; elements of this size.
    Shuffle(usize),
    Fletcher32,
}

/// The pipeline, if all of it is undone here; `None` if libhdf5 has to do it.
pub(crate) fn own_pipeline(filters: &[FilterInfo]) -> Option<Vec<Filter>> {
    let pipeline: Vec<Filter> = filters
        .iter()
        .map(|f| match (f.id, &f.values[..]) {
            (1, _) => Some(Filter::Deflate),
            (2, &[size, ..]) if size > 0 => Some(Filter::Shuffle(size as usize)),
            (3, _) => Some(Filter::Fletcher32),
            _ => None,
        })
        .collect::<Option<_>>()?;
    // The size between two deflates is not known beforehand.
    (pipeline.iter().filter(|f| **f == Filter::Deflate).count() <= 1).then_some(pipeline)
}

/// The most bytes that a chunk of `len` bytes can take in a file: deflate grows incompressible
/// data by less than this, a checksum by 4.
pub(crate) fn most_stored(len: u64) -> u64 {
    len.saturating_add(len / 8).saturating_add(4096)
}

/// The least bytes from which deflate can make `len` (its ratio is at most 1032).
pub(crate) fn least_deflated(len: u64) -> u64 {
    len / 1040
}

/// Decodes `scratch.raw` into `out` (exactly one chunk), undoing `pipeline` backwards except what
/// `mask` says was skipped. Elements have `size` bytes; `swap` reverses each.
pub(crate) fn decode(
    pipeline: &[Filter],
    mask: u32,
    size: usize,
    swap: bool,
    scratch: &mut Scratch,
    out: &mut [u8],
) -> Result<()> {
    let active: Vec<(usize, Filter)> =
        pipeline.iter().copied().enumerate().filter(|(i, _)| *i >= 32 || mask >> i & 1 == 0).collect();
    let mut swapped = !swap;
    // The bytes so far: `len` bytes of `raw` or of `stage`, or all of `out`.
    let mut place = Place::Raw;
    let mut len = scratch.raw.len();
    for (k, &(_, filter)) in active.iter().enumerate().rev() {
        let rest = &active[..k];
        let (raw, stage) = (&mut scratch.raw, &mut scratch.stage);
        match filter {
            Filter::Fletcher32 => {
                let bytes: &[u8] = match place {
                    Place::Raw => &raw[..len],
                    Place::Stage => &stage[..len],
                    Place::Out => &out[..len],
                };
                len = check_fletcher32(bytes)?;
            }
            Filter::Deflate => {
                let target = out.len() + 4 * rest.iter().filter(|f| f.1 == Filter::Fletcher32).count();
                let inflate = scratch.inflate.get_or_insert_with(libdeflater::Decompressor::new);
                if place == Place::Stage {
                    std::mem::swap(raw, stage);
                }
                let source = &raw[..len];
                let got = if rest.is_empty() {
                    place = Place::Out;
                    inflate_into(inflate, source, out)?
                } else {
                    stage.resize_for_overwrite(target);
                    place = Place::Stage;
                    inflate_into(inflate, source, stage)?
                };
                if got != target {
                    return Err(wrong_size(got, target));
                }
                len = got;
            }
            Filter::Shuffle(width) => {
                // What is left of the pipeline may only be checksums, appended to the chunk.
                let fused = rest.is_empty() && width == size && len == out.len();
                if rest.is_empty() {
                    if len != out.len() {
                        return Err(wrong_size(len, out.len()));
                    }
                    let bytes: &[u8] = if place == Place::Stage { &stage[..len] } else { &raw[..len] };
                    unshuffle(Simd::best(), bytes, out, width, fused && swap);
                    swapped |= fused;
                    place = Place::Out;
                } else if place == Place::Stage {
                    raw.resize_for_overwrite(len);
                    unshuffle(Simd::best(), &stage[..len], raw, width, false);
                    place = Place::Raw;
                } else {
                    stage.resize_for_overwrite(len);
                    unshuffle(Simd::best(), &raw[..len], stage, width, false);
                    place = Place::Stage;
                }
            }
        }
    }
    if place != Place::Out {
        if len != out.len() {
            return Err(wrong_size(len, out.len()));
        }
        out.copy_from_slice(if place == Place::Raw { &scratch.raw[..len] } else { &scratch.stage[..len] });
    } else if len != out.len() {
        return Err(wrong_size(len, out.len()));
    }
    if !swapped {
        swap_bytes(out, size);
    }
    Ok(())
}

/// As [`decode`], but leaves the elements in the file's byte order and, where the filter that was applied
/// first shuffles just them, shuffled. Gives how they lie.
pub(crate) fn decode_packed(
    pipeline: &[Filter],
    mask: u32,
    size: usize,
    swap: bool,
    scratch: &mut Scratch,
    out: &mut [u8],
) -> Result<Packing> {
    let first = (0..pipeline.len()).find(|&i| i >= 32 || mask >> i & 1 == 0);
    let first = first.filter(|&i| i < 32 && pipeline[i] == Filter::Shuffle(size));
    // As if the shuffle had been skipped: it is left to whoever reads the elements.
    decode(pipeline, first.map_or(mask, |i| mask | 1 << i), size, false, scratch, out)?;
    Ok(Packing { shuffled: first.is_some(), swapped: swap })
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Raw,
    Stage,
    Out,
}

fn wrong_size(got: usize, want: usize) -> Error {
    Error::new(ErrorKind::Format, format!("the chunk decodes to {got} bytes instead of {want}"))
        .hint("the file is damaged: copy it again")
}

fn inflate_into(d: &mut libdeflater::Decompressor, source: &[u8], out: &mut [u8]) -> Result<usize> {
    d.zlib_decompress(source, out).map_err(|e| {
        Error::new(ErrorKind::Filter, "the chunk does not inflate")
            .at("filter", "deflate (1)")
            .hint("the file is damaged: copy it again")
            .caused_by(e.to_string())
    })
}

/// HDF5's Fletcher checksum: 16-bit big-endian words, an odd last byte as the high half of one.
pub(crate) fn fletcher32(data: &[u8]) -> u32 {
    let fold = |s: u32| (s & 0xffff) + (s >> 16);
    let (mut a, mut b) = (0u32, 0u32);
    let words = data.chunks_exact(2);
    let tail = words.remainder();
    let mut block = 0;
    for w in words {
        a += u32::from(u16::from_be_bytes([w[0], w[1]]));
        b += a;
        block += 1;
        // 360 words are the most that cannot overflow.
        if block == 360 {
            (a, b, block) = (fold(a), fold(b), 0);
        }
    }
    (a, b) = (fold(a), fold(b));
    if let [last] = tail {
        a += u32::from(*last) << 8;
        b += a;
        (a, b) = (fold(a), fold(b));
    }
    (a, b) = (fold(a), fold(b));
    b << 16 | a
}

/// Checks the checksum at the end and returns the length without it.
fn check_fletcher32(bytes: &[u8]) -> Result<usize> {
    let damaged = |what: String| {
        Err(Error::new(ErrorKind::Filter, what)
            .at("filter", "fletcher32 (3)")
            .hint("the file is damaged: copy it again"))
    };
    let Some((data, sum)) = bytes.split_last_chunk::<4>() else {
        return damaged(format!("a chunk of {} bytes has no room for its checksum", bytes.len()));
    };
    let (stored, computed) = (u32::from_le_bytes(*sum), fletcher32(data));
    // Files of libhdf5 before 1.6.3 on little-endian machines have the bytes of each half swapped.
    let old = (computed & 0x00ff_00ff) << 8 | (computed & 0xff00_ff00) >> 8;
    if stored != computed && stored != old {
        return damaged(format!("the chunk's checksum is {computed:08x}, the file says {stored:08x}"));
    }
    Ok(data.len())
}

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
    fn each<const N: usize>(data: &mut [u8], f: impl Fn([u8; N]) -> [u8; N]) {
        for e in data.as_chunks_mut::<N>().0 {
            *e = f(*e);
        }
    }
    match size {
        2 => each::<2>(data, |b| u16::from_le_bytes(b).to_be_bytes()),
        4 => each::<4>(data, |b| u32::from_le_bytes(b).to_be_bytes()),
        8 => each::<8>(data, |b| u64::from_le_bytes(b).to_be_bytes()),
        _ => {}
    }
}

#[cfg(test)]
#[path = "tests/stored.rs"]
mod stored;
