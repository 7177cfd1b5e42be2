//! Undoing the registered LZ4 filter (32004).
//!
//! A chunk is the number of bytes it decodes to (8 bytes), the number of bytes in a block (4 bytes)
//! and the blocks: a length (4 bytes), then as many bytes, which are an LZ4 block or, if they are as
//! many as the block decodes to, the block itself. Numbers are big-endian. The last block may be shorter.
//!
//! Sources: the LZ4 filter's specification in HDF5's registry of filters and the LZ4 block format.
//! Bytes after the last block are ignored, as the filter itself does.

use super::{Fault, Work};

/// Decodes one chunk.
pub(super) fn decode(
    _values: &[u32],
    input: &[u8],
    out: &mut [u8],
    _work: &mut Work,
) -> Result<usize, Fault> {
    let (total, block, mut rest) = header(input, out.len())?;
    if block == 0 && total > 0 {
        return Err("the LZ4 chunk says that its blocks are empty".into());
    }
    for to in out[..total].chunks_mut(block.max(1)) {
        let stored = sized(&mut rest)?;
        if stored.len() == to.len() {
            to.copy_from_slice(stored);
        } else {
            fill(stored, to)?;
        }
    }
    Ok(total)
}

/// The header that this filter shares with bitshuffle: the bytes that come out, at most `room`, the
/// bytes of a block, and what follows.
pub(super) fn header(input: &[u8], room: usize) -> Result<(usize, usize, &[u8]), Fault> {
    let parts =
        input.split_first_chunk::<8>().and_then(|(t, rest)| Some((t, rest.split_first_chunk::<4>()?)));
    let Some((total, (block, rest))) = parts else {
        return Err(format!("a chunk of {} bytes has no room for its header", input.len()));
    };
    let total = u64::from_be_bytes(*total);
    let block = u32::from_be_bytes(*block) as usize;
    match usize::try_from(total) {
        Ok(total) if total <= room => Ok((total, block, rest)),
        _ => Err(format!("the chunk says that it decodes to {total} bytes, more than {room}")),
    }
}

/// Takes a big-endian length and as many bytes from the front of `rest`.
pub(super) fn sized<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let Some((len, after)) = rest.split_first_chunk::<4>() else {
        return Err("the chunk ends before its last block".into());
    };
    let len = u32::from_be_bytes(*len) as usize;
    let Some((stored, after)) = after.split_at_checked(len) else {
        return Err(format!("a block of {len} stored bytes has only {}", after.len()));
    };
    *rest = after;
    Ok(stored)
}

/// Decodes an LZ4 block that fills `to`.
pub(super) fn fill(stored: &[u8], to: &mut [u8]) -> Result<(), Fault> {
    match lz4_flex::block::decompress_into(stored, to) {
        Ok(n) if n == to.len() => Ok(()),
        Ok(n) => Err(format!("an LZ4 block decodes to {n} bytes instead of {}", to.len())),
        Err(e) => Err(format!("an LZ4 block is damaged: {e}")),
    }
}
