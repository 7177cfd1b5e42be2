//! BloscLZ, the default coder inside Blosc chunks.
//!
//! A stream is a row of tokens whose first byte has, in the first token, only its low 5 bits. A byte
//! below 32 stands for that many plain bytes plus one. Any other repeats what came out before: its high
//! 3 bits are the length minus 2 (7 of them: following bytes are added up to one that is not 255), its
//! low 5 bits and the byte after that the distance minus one; if all of these 13 bits are set, two more
//! bytes, big-endian, are added to the distance.
//!
//! Source: the format as c-blosc 1.21 reads it.

use super::Fault;
use super::lzf::{next, plain, repeat};

/// The distance minus one that says that more of it follows.
const FAR: usize = 0x1fff;

/// Decodes `input` into `out` and returns how many bytes came out.
pub(super) fn decode(input: &[u8], out: &mut [u8]) -> Result<usize, Fault> {
    let mut rest = input;
    let mut at = 0;
    let mut mask = 31;
    while let Some((&token, after)) = rest.split_first() {
        let token = token & mask;
        (rest, mask) = (after, 0xff);
        if token < 32 {
            rest = plain(rest, usize::from(token) + 1, out, &mut at)?;
            continue;
        }
        let mut len = usize::from(token >> 5) + 2;
        if len == 9 {
            loop {
                let more = next(&mut rest)?;
                len += usize::from(more);
                if more != 255 {
                    break;
                }
            }
        }
        let mut distance = (usize::from(token & 31) << 8) + usize::from(next(&mut rest)?);
        if distance == FAR {
            distance += usize::from(u16::from_be_bytes([next(&mut rest)?, next(&mut rest)?]));
        }
        repeat(out, &mut at, distance + 1, len)?;
    }
    Ok(at)
}
