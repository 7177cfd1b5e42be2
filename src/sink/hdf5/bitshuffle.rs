//! The bitshuffle filter (32008): bits of equal rank together, block by block, then nothing or LZ4. What it writes, and its
//! words, are those of its decoder (`source/hdf5/filters/bitshuffle.rs`).

use crate::ops::simd::Simd;
use crate::per_simd;

/// Elements of a block, by the filter's own choice: about 8 KiB, at least 128.
fn block_elements(width: usize) -> usize {
    (8192 / width / 8 * 8).max(128)
}

/// The most bytes that LZ4 makes of `len` bytes in blocks of the filter's choice, which are no shorter than 128 bytes.
pub(super) fn most(len: usize) -> usize {
    let blocks = len / 128 + 1;
    16 + len + len / 255 + blocks * 32
}

/// Turns the bits of all elements of `width` bytes; `to` is as long as `from`.
pub(super) fn turn(from: &[u8], to: &mut [u8], width: usize) {
    let whole = from.len() / (8 * width) * 8 * width;
    let block = block_elements(width) * width;
    for (from, to) in from[..whole].chunks(block).zip(to[..whole].chunks_mut(block)) {
        turn_block(Simd::best(), from, to, width);
    }
    to[whole..from.len()].copy_from_slice(&from[whole..]);
}

/// Turns the bits, and compresses each block.
pub(super) fn compress(from: &[u8], to: &mut [u8], width: usize) -> Result<usize, String> {
    let whole = from.len() / (8 * width) * 8 * width;
    let block = block_elements(width) * width;
    to[..8].copy_from_slice(&(from.len() as u64).to_be_bytes());
    to[8..12].copy_from_slice(&(block as u32).to_be_bytes());
    let mut at = 12;
    let mut turned = vec![0u8; block.min(whole)];
    for piece in from[..whole].chunks(block) {
        let turned = &mut turned[..piece.len()];
        turn_block(Simd::best(), piece, turned, width);
        at += sized(turned, &mut to[at..])?;
    }
    let tail = &from[whole..];
    to[at..at + tail.len()].copy_from_slice(tail);
    Ok(at + tail.len())
}

/// An LZ4 block with its length before it.
fn sized(from: &[u8], to: &mut [u8]) -> Result<usize, String> {
    let (head, rest) = to.split_at_mut(4);
    let made = lz4_flex::block::compress_into(from, rest).map_err(|e| e.to_string())?;
    head.copy_from_slice(&(made as u32).to_be_bytes());
    Ok(4 + made)
}

/// As [`sized`], of the LZ4 filter (32004): what does not get smaller is stored as it is.
pub(super) fn lz4_block(from: &[u8], to: &mut [u8]) -> Result<usize, String> {
    let made = sized(from, to)?;
    if made - 4 < from.len() {
        return Ok(made);
    }
    to[..4].copy_from_slice(&(from.len() as u32).to_be_bytes());
    to[4..4 + from.len()].copy_from_slice(from);
    Ok(4 + from.len())
}

/// Transposes eight bytes of eight bits: bit b of byte r goes to bit r of byte b.
#[inline(always)]
fn transposed(mut x: u64) -> u64 {
    let mut t = (x ^ (x >> 7)) & 0x00aa_00aa_00aa_00aa;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000_cccc_0000_cccc;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x0000_0000_f0f0_f0f0;
    x ^ t ^ (t << 28)
}

#[inline(always)]
fn turn_block_body(src: &[u8], dst: &mut [u8], width: usize) {
    let row = src.len() / width / 8;
    for byte in 0..width {
        let rows = &mut dst[byte * 8 * row..(byte + 1) * 8 * row];
        for (g, eight) in src.chunks_exact(8 * width).enumerate() {
            let mut word = [0u8; 8];
            for (i, w) in word.iter_mut().enumerate() {
                *w = eight[i * width + byte];
            }
            let turned = transposed(u64::from_le_bytes(word)).to_le_bytes();
            for (bit, t) in turned.into_iter().enumerate() {
                rows[bit * row + g] = t;
            }
        }
    }
}

per_simd! {
    /// Turns the bits within one block, which is a multiple of 8 elements.
    fn turn_block(src: &[u8], dst: &mut [u8], width: usize) = turn_block_body
}
