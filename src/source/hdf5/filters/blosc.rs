//! Undoing the registered Blosc filter (32001).
//!
//! A chunk is a header of 16 bytes, where each block begins, and the blocks. A block is coded in one
//! stream, or in one for each byte of an element, each behind its length; a stream as long as what it
//! stands for is plain. The elements' bytes or bits are shuffled within each block.
//!
//! Source: c-blosc's description of the chunk format and what c-blosc 1.21 does where that is silent
//! (which blocks are split; blocks that bitshuffle leaves alone). Format version 2 is decoded, which every
//! Blosc since 1.0 writes; the chunks of Blosc2 are another format and refused. Values of the filter are
//! not needed: the header says all.
//!
//! Streams may begin anywhere in the chunk, but all of them together are at most as long as it, so that
//! the time is bounded by what comes in and out.

use super::{Fault, Work, bitshuffle, blosclz, lz4, unshuffle, zstd};
use crate::ops::simd::Simd;

const HEADER: usize = 16;

/// Blocks are split where an element has at most this many bytes,
const MOST_STREAMS: usize = 16;

/// and each of the streams stands for at least so many.
const LEAST_STREAM: usize = 128;

const SHUFFLED: u8 = 0x01;
const COPIED: u8 = 0x02;
const BITSHUFFLED: u8 = 0x04;
const UNKNOWN: u8 = 0x08;
const WHOLE: u8 = 0x10;

/// Decodes one chunk.
pub(super) fn decode(_values: &[u32], input: &[u8], out: &mut [u8], work: &mut Work) -> Result<usize, Fault> {
    let head = Head::parse(input, out.len())?;
    let out = &mut out[..head.total];
    if head.total == 0 {
        return Ok(0);
    }
    let input = &input[..head.stored];
    if head.flags & COPIED != 0 {
        if head.stored - HEADER != head.total {
            return Err(format!("a plain chunk of {} bytes has {}", head.total, head.stored - HEADER));
        }
        out.copy_from_slice(&input[HEADER..]);
        return Ok(head.total);
    }
    let blocks = head.total.div_ceil(head.block);
    let Some((starts, _)) = input[HEADER..].as_chunks::<4>().0.split_at_checked(blocks) else {
        return Err(format!("the chunk ends before the places of its {blocks} blocks"));
    };
    let (simd, bit_level) = (Simd::best(), bitshuffle::level());
    let mut streams = Streams { coder: Coder::of(head.flags)?, input, left: input.len() };
    for (to, start) in out.chunks_mut(head.block).zip(starts) {
        let start = u32::from_le_bytes(*start) as usize;
        let count = head.streams(to.len());
        let bits = head.flags & BITSHUFFLED != 0 && (to.len() / head.width).is_multiple_of(8);
        if bits || head.flags & SHUFFLED != 0 && head.width > 1 {
            let mut buffer = std::mem::take(&mut work.buffer);
            buffer.resize_for_overwrite(to.len());
            let done = streams.block(start, count, &mut buffer, work);
            match done {
                Ok(()) if bits => bitshuffle::unshuffle_bits(bit_level, &buffer, to, head.width),
                Ok(()) => unshuffle(simd, &buffer, to, head.width, false),
                Err(_) => {}
            }
            work.buffer = buffer;
            done?;
        } else {
            streams.block(start, count, to, work)?;
        }
    }
    Ok(head.total)
}

/// What the header says, checked.
struct Head {
    flags: u8,
    /// Bytes of an element.
    width: usize,
    /// Bytes that come out.
    total: usize,
    /// Bytes of a block that come out.
    block: usize,
    /// Bytes of the whole chunk.
    stored: usize,
}

impl Head {
    fn parse(input: &[u8], room: usize) -> Result<Head, Fault> {
        let Some((head, _)) = input.split_first_chunk::<HEADER>() else {
            return Err(format!("a Blosc chunk of {} bytes has no room for its header", input.len()));
        };
        let &[version, _, flags, width, ref sizes @ ..] = head;
        let size = |i: usize| u32::from_le_bytes(std::array::from_fn(|k| sizes[4 * i + k])) as usize;
        let head = Head { flags, width: usize::from(width), total: size(0), block: size(1), stored: size(2) };
        if version != 2 {
            return Err(format!("the Blosc chunk has format version {version}; 2 is known"));
        }
        if flags & UNKNOWN != 0 || flags & (SHUFFLED | BITSHUFFLED) == SHUFFLED | BITSHUFFLED {
            return Err(format!("the Blosc chunk has flags {flags:#04x}, which are not known"));
        }
        if head.total > room {
            return Err(format!("the chunk says that it decodes to {} bytes, more than {room}", head.total));
        }
        if head.stored < HEADER || head.stored > input.len() {
            return Err(format!("the chunk says that it has {} of {} bytes", head.stored, input.len()));
        }
        if head.total > 0 && (head.block == 0 || head.width == 0) {
            return Err("the Blosc chunk has blocks or elements of no bytes".into());
        }
        Ok(head)
    }

    /// The streams of a block of `len` bytes.
    fn streams(&self, len: usize) -> usize {
        let split = self.flags & WHOLE == 0
            && self.width <= MOST_STREAMS
            && self.block / self.width >= LEAST_STREAM
            && len == self.block;
        if split { self.width } else { 1 }
    }
}

#[derive(Clone, Copy)]
enum Coder {
    BloscLz,
    Lz4,
    Snappy,
    Zlib,
    Zstd,
}

impl Coder {
    fn of(flags: u8) -> Result<Coder, Fault> {
        Ok(match flags >> 5 {
            0 => Coder::BloscLz,
            1 => Coder::Lz4,
            2 => Coder::Snappy,
            3 => Coder::Zlib,
            4 => Coder::Zstd,
            other => return Err(format!("Blosc's coder {other} is not known")),
        })
    }

    /// Decodes a stream that fills `to`.
    fn fill(self, stored: &[u8], to: &mut [u8], work: &mut Work) -> Result<(), Fault> {
        let n = match self {
            Coder::Lz4 => return lz4::fill(stored, to),
            Coder::Zstd => return zstd::fill(&mut work.zstd, stored, to),
            Coder::BloscLz => blosclz::decode(stored, to)?,
            Coder::Snappy => snap::raw::Decoder::new()
                .decompress(stored, to)
                .map_err(|e| format!("a Snappy stream is damaged: {e}"))?,
            Coder::Zlib => work
                .inflate
                .get_or_insert_with(libdeflater::Decompressor::new)
                .zlib_decompress(stored, to)
                .map_err(|e| format!("a zlib stream does not inflate: {e}"))?,
        };
        match n == to.len() {
            true => Ok(()),
            false => Err(format!("a stream decodes to {n} bytes instead of {}", to.len())),
        }
    }
}

/// The streams of a chunk.
struct Streams<'a> {
    coder: Coder,
    input: &'a [u8],
    /// Bytes that streams may still have.
    left: usize,
}

impl Streams<'_> {
    /// Decodes the `count` streams from `start` on, which fill `to`.
    fn block(&mut self, start: usize, count: usize, to: &mut [u8], work: &mut Work) -> Result<(), Fault> {
        if !to.len().is_multiple_of(count) {
            return Err(format!("a block of {} bytes is split into {count} streams", to.len()));
        }
        let mut rest = self.input.get(start..).unwrap_or(&[]);
        for to in to.chunks_mut(to.len() / count) {
            let Some((len, after)) = rest.split_first_chunk::<4>() else {
                return Err("the chunk ends before its last stream".into());
            };
            let len = u32::from_le_bytes(*len) as usize;
            let Some((stored, after)) = after.split_at_checked(len) else {
                return Err(format!("a stream of {len} bytes has only {}", after.len()));
            };
            let Some(left) = self.left.checked_sub(len) else {
                return Err("the chunk's streams lie in one another".into());
            };
            (self.left, rest) = (left, after);
            if stored.len() == to.len() {
                to.copy_from_slice(stored);
            } else {
                self.coder.fill(stored, to, work)?;
            }
        }
        Ok(())
    }
}
