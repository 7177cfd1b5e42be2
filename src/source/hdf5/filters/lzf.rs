//! Undoing h5py's LZF filter (32000), and the copying that byte-wise dictionary coders share.
//!
//! A chunk is a row of tokens. A first byte below 32 stands for that many plain bytes plus one, which
//! follow. Any other repeats what came out before: its high 3 bits are the length minus 2 (7 of them:
//! the next byte is added), its low 5 bits and the byte after that the distance minus one.
//!
//! Source: the format as LibLZF's documentation and h5py's describe it. The filter's values (revision,
//! version, size of a chunk) are not needed: the size that comes out is bounded by its room.

use super::{Fault, Work};

/// Decodes one chunk.
pub(super) fn decode(
    _values: &[u32],
    input: &[u8],
    out: &mut [u8],
    _work: &mut Work,
) -> Result<usize, Fault> {
    let mut rest = input;
    let mut at = 0;
    while let Some((&token, after)) = rest.split_first() {
        rest = after;
        if token < 32 {
            rest = plain(rest, usize::from(token) + 1, out, &mut at)?;
            continue;
        }
        let mut len = usize::from(token >> 5) + 2;
        if len == 9 {
            len += usize::from(next(&mut rest)?);
        }
        let distance = (usize::from(token & 31) << 8) + usize::from(next(&mut rest)?) + 1;
        repeat(out, &mut at, distance, len)?;
    }
    Ok(at)
}

/// Takes a byte from the front of `rest`.
#[inline]
pub(super) fn next(rest: &mut &[u8]) -> Result<u8, Fault> {
    let (&byte, after) = rest.split_first().ok_or("the stream ends inside a token")?;
    *rest = after;
    Ok(byte)
}

/// How many bytes are copied at a time where there is room for more than are asked for.
const STRIDE: usize = 16;

/// Copies `len` bytes from the front of `rest` to `at`, moves `at`, and returns what follows.
#[inline]
pub(super) fn plain<'a>(
    rest: &'a [u8],
    len: usize,
    out: &mut [u8],
    at: &mut usize,
) -> Result<&'a [u8], Fault> {
    let Some((bytes, after)) = rest.split_at_checked(len) else {
        return Err(format!("the stream ends {} bytes before a token does", len - rest.len()));
    };
    let room = &mut out[*at..];
    if len <= STRIDE && rest.len() >= STRIDE && room.len() >= STRIDE {
        room[..STRIDE].copy_from_slice(&rest[..STRIDE]);
    } else {
        room.get_mut(..len).ok_or_else(overflow)?.copy_from_slice(bytes);
    }
    *at += len;
    Ok(after)
}

/// Appends at `at` the `len` bytes that began `distance` before it, which may reach into themselves.
/// May change bytes after the new `at`.
#[inline]
pub(super) fn repeat(out: &mut [u8], at: &mut usize, distance: usize, len: usize) -> Result<(), Fault> {
    let (begin, end) = match (at.checked_sub(distance), at.checked_add(len)) {
        (None, _) => return Err(format!("a token reaches back {distance} bytes where {at} came before")),
        (Some(begin), Some(end)) if end <= out.len() && distance > 0 => (begin, end),
        _ => return Err(overflow()),
    };
    let mut to = *at;
    *at = end;
    if distance >= STRIDE && out.len() - end >= STRIDE {
        while to < end {
            out.copy_within(to - distance..to - distance + STRIDE, to);
            to += STRIDE;
        }
    } else if distance == 1 {
        let byte = out[begin];
        out[to..end].fill(byte);
    } else {
        // What is there already is a whole number of periods.
        while to < end {
            let n = (to - begin).min(end - to);
            out.copy_within(begin..begin + n, to);
            to += n;
        }
    }
    Ok(())
}

fn overflow() -> Fault {
    "more comes out than there is room for".into()
}
