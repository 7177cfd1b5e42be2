//! Undoing the registered bitshuffle filter (32008): bits of equal rank together, block by block, then
//! LZ4, Zstandard or nothing.
//!
//! A block of n elements (a multiple of 8) of w bytes is 8w rows of n/8 bytes. Row r holds bit r of
//! every element, counted from the low bit of its first byte; the first element is the low bit of the
//! row's first byte. The last block may be shorter; the elements after the last multiple of 8 are plain.
//! With a coder, a header (as LZ4's filter has it) and the length of each block come first.
//!
//! Source: the format as bitshuffle's documentation describes it and its library writes it. The values
//! are: version (two of them), bytes of an element, elements of a block (0: the library's choice),
//! coder (0 none, 2 LZ4, 3 Zstandard), level.
//!
//! Turning rows into elements is the transposition of a bit matrix. A tile of 64 bytes of each row is
//! transposed by exchanging bit fields between pairs of rows, the same for all 512 bits: plain 64-bit
//! arithmetic on arrays, which compilers turn into vector instructions.

use super::{Fault, Work, lz4, zstd};
use crate::ops::simd::Simd;
use crate::per_simd;

/// Decodes one chunk.
pub(super) fn decode(values: &[u32], input: &[u8], out: &mut [u8], work: &mut Work) -> Result<usize, Fault> {
    let &[_, _, width, ref options @ ..] = values else {
        return Err(format!("bitshuffle has {} values instead of at least 3", values.len()));
    };
    let width = width as usize;
    if width == 0 {
        return Err("bitshuffle has elements of no bytes".into());
    }
    let coder = match options.get(1) {
        None | Some(0) => return plain(options.first().copied(), width, input, out),
        Some(2) => Coder::Lz4,
        Some(3) => Coder::Zstd,
        Some(other) => return Err(format!("bitshuffle's coder {other} is not known")),
    };
    let (total, block, mut rest) = lz4::header(input, out.len())?;
    let block = elements_of_block(block / width, width)?;
    let (blocks, tail) = divide(&mut out[..total], width, block)?;
    let simd = level();
    for to in blocks {
        let stored = lz4::sized(&mut rest)?;
        work.buffer.resize_for_overwrite(to.len());
        match coder {
            Coder::Lz4 => lz4::fill(stored, &mut work.buffer)?,
            Coder::Zstd => zstd::fill(&mut work.zstd, stored, &mut work.buffer)?,
        }
        unshuffle_bits(simd, &work.buffer, to, width);
    }
    let Some(stored) = rest.get(..tail.len()) else {
        return Err("the chunk ends before its last elements".into());
    };
    tail.copy_from_slice(stored);
    Ok(total)
}

enum Coder {
    Lz4,
    Zstd,
}

/// Undoes the filter where nothing but the bits' order was changed.
fn plain(block: Option<u32>, width: usize, input: &[u8], out: &mut [u8]) -> Result<usize, Fault> {
    let (total, room) = (input.len(), out.len());
    let Some(out) = out.get_mut(..total) else {
        return Err(format!("the chunk has {total} bytes, more than {room}"));
    };
    let block = elements_of_block(block.unwrap_or(0) as usize, width)?;
    let (blocks, tail) = divide(out, width, block)?;
    let simd = level();
    let mut rest = input;
    for to in blocks {
        let (from, after) = rest.split_at(to.len());
        unshuffle_bits(simd, from, to, width);
        rest = after;
    }
    tail.copy_from_slice(rest);
    Ok(total)
}

/// Elements of a block: `stated`, or the library's choice (about 8 KiB, at least 128 elements).
fn elements_of_block(stated: usize, width: usize) -> Result<usize, Fault> {
    match stated {
        0 => Ok((8192 / width / 8 * 8).max(128)),
        n if n.is_multiple_of(8) => Ok(n),
        n => Err(format!("bitshuffle's blocks have {n} elements, which is not a multiple of 8")),
    }
}

/// The blocks of `out`, all of `block` elements but the last, and the plain elements after them.
fn divide(
    out: &mut [u8],
    width: usize,
    block: usize,
) -> Result<(std::slice::ChunksMut<'_, u8>, &mut [u8]), Fault> {
    if !out.len().is_multiple_of(width) {
        return Err(format!("{} bytes are no whole number of elements of {width} bytes", out.len()));
    }
    let elements = out.len() / width;
    let (shuffled, tail) = out.split_at_mut((elements - elements % 8) * width);
    Ok((shuffled.chunks_mut(block.saturating_mul(width)), tail))
}

/// The level to turn bits at. With AVX-512 the compiler gathers words from the rows in the last step,
/// which takes twice the time.
pub(super) fn level() -> Simd {
    Simd::available().into_iter().rfind(|s| s.name() != "avx512").unwrap_or(Simd::BASELINE)
}

per_simd! {
    /// Undoes bitshuffle within one block: `src` and `dst` have the same length, which is a multiple of
    /// 8 elements of `width` bytes. Bytes after the last multiple are copied.
    pub(super) fn unshuffle_bits(src: &[u8], dst: &mut [u8], width: usize) = unshuffle_bits_body
}

#[inline(always)]
fn unshuffle_bits_body(src: &[u8], dst: &mut [u8], width: usize) {
    let row = src.len() / width / 8;
    let (src, after) = src.split_at(row * 8 * width);
    let (dst, tail) = dst.split_at_mut(src.len());
    tail.copy_from_slice(after);
    if row == 0 {
        return;
    }
    // An element is made of words of 8, 4, 2 and 1 bytes, each with its rows.
    let mut offset = 0;
    while offset < width {
        let rows = &src[offset * 8 * row..];
        offset += match width - offset {
            8.. => words::<64, 8>(rows, row, dst, width, offset),
            4.. => words::<32, 4>(rows, row, dst, width, offset),
            2.. => words::<16, 2>(rows, row, dst, width, offset),
            _ => words::<8, 1>(rows, row, dst, width, offset),
        };
    }
}

/// Bytes of a row that are turned at a time, as words and as bytes.
const LANES: usize = 8;
const TILE: usize = LANES * 8;

/// Turns the first `BITS` rows of `rows`, each of `row` bytes, into words of `SIZE` bytes (8 for each
/// byte of a row), which go to every `width` bytes of `dst` from `offset` on. Returns `SIZE`.
#[inline(always)]
fn words<const BITS: usize, const SIZE: usize>(
    rows: &[u8],
    row: usize,
    dst: &mut [u8],
    width: usize,
    offset: usize,
) -> usize {
    let mut tile = [[0u64; LANES]; BITS];
    for first in (0..row).step_by(TILE) {
        let bytes = TILE.min(row - first);
        for (lanes, from) in tile.iter_mut().zip(rows.chunks_exact(row)) {
            let from = &from[first..first + bytes];
            match from.try_into() {
                Ok(from) => load(lanes, from),
                Err(_) => {
                    let mut padded = [0; TILE];
                    padded[..bytes].copy_from_slice(from);
                    load(lanes, &padded);
                }
            }
        }
        transpose(&mut tile);
        let dst = &mut dst[first * 8 * width..(first + bytes) * 8 * width];
        if SIZE == width {
            gather::<BITS>(&mut tile);
            if bytes == TILE {
                store::<BITS>(&tile, dst);
            } else {
                let mut padded = [0; TILE * 64];
                store::<BITS>(&tile, &mut padded[..TILE * BITS]);
                dst.copy_from_slice(&padded[..dst.len()]);
            }
        } else {
            for (i, element) in dst.chunks_exact_mut(width).enumerate() {
                let word = tile[i % BITS][i / 64] >> (i % 64 / BITS * BITS);
                element[offset..offset + SIZE].copy_from_slice(&word.to_le_bytes()[..SIZE]);
            }
        }
    }
    SIZE
}

#[inline(always)]
fn load(lanes: &mut [u64; LANES], from: &[u8; TILE]) {
    for (lane, bytes) in lanes.iter_mut().zip(from.as_chunks::<8>().0) {
        *lane = u64::from_le_bytes(*bytes);
    }
}

/// Exchanges the high half of each field of `2 * SHIFT` bits of row `r` with the low half of that of row
/// `r + step`, for every `r` without the bit `step`.
#[inline(always)]
fn exchange<const BITS: usize, const SHIFT: u32>(tile: &mut [[u64; LANES]; BITS], step: usize) {
    // The low halves of all fields.
    let mask = u64::MAX / ((1 << SHIFT) + 1);
    for group in tile.chunks_exact_mut(2 * step) {
        let (low, high) = group.split_at_mut(step);
        for (low, high) in low.as_flattened_mut().iter_mut().zip(high.as_flattened_mut()) {
            let differ = (*low >> SHIFT ^ *high) & mask;
            *high ^= differ;
            *low ^= differ << SHIFT;
        }
    }
}

/// Transposes each square of `BITS` rows and as many bits: bit b of row r goes to bit r of row b.
#[inline(always)]
fn transpose<const BITS: usize>(tile: &mut [[u64; LANES]; BITS]) {
    if BITS > 32 {
        exchange::<BITS, 32>(tile, 32);
    }
    if BITS > 16 {
        exchange::<BITS, 16>(tile, 16);
    }
    if BITS > 8 {
        exchange::<BITS, 8>(tile, 8);
    }
    exchange::<BITS, 4>(tile, 4);
    exchange::<BITS, 2>(tile, 2);
    exchange::<BITS, 1>(tile, 1);
}

/// Brings words that belong side by side into one `u64`: after the transposition row r has the words
/// whose place is r modulo `BITS`; afterwards a lane has words of as many successive rows.
#[inline(always)]
fn gather<const BITS: usize>(tile: &mut [[u64; LANES]; BITS]) {
    if BITS == 8 {
        exchange::<BITS, 8>(tile, 1);
        exchange::<BITS, 16>(tile, 2);
        exchange::<BITS, 32>(tile, 4);
    }
    if BITS == 16 {
        exchange::<BITS, 16>(tile, 1);
        exchange::<BITS, 32>(tile, 2);
    }
    if BITS == 32 {
        exchange::<BITS, 32>(tile, 1);
    }
}

/// Writes what [`gather`] brought together, which fills `dst`.
#[inline(always)]
fn store<const BITS: usize>(tile: &[[u64; LANES]; BITS], dst: &mut [u8]) {
    let share = 64 / BITS;
    for (lane, dst) in dst.chunks_exact_mut(8 * BITS).enumerate() {
        for (i, to) in dst.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            // The lane's words lie in `share` runs, one for each field of its bits.
            let (field, quad) = (i / (BITS / share), i % (BITS / share));
            *to = tile[quad * share + field][lane].to_le_bytes();
        }
    }
}
