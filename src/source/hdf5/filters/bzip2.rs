//! Undoing the registered bzip2 filter (307): a chunk is one bzip2 stream.
//!
//! Decoded by libbz2's Rust version. Its state can't be used again, so each chunk allocates: at most
//! 3.6 MB, which the level in the stream's first bytes (1 to 9) decides. Bytes after the stream are
//! ignored, as the filter itself does.

use super::{Fault, Work};
use ::bzip2::{Decompress, Status};

/// Decodes one chunk.
pub(super) fn decode(
    _values: &[u32],
    input: &[u8],
    out: &mut [u8],
    _work: &mut Work,
) -> Result<usize, Fault> {
    let mut stream = Decompress::new(false);
    let (mut read, mut written) = (0, 0);
    loop {
        let status = stream
            .decompress(&input[read..], &mut out[written..])
            .map_err(|e| format!("the bzip2 stream is damaged: {e}"))?;
        let before = (read, written);
        // Both count what the slices above had, so they fit and stay within them.
        (read, written) = (stream.total_in() as usize, stream.total_out() as usize);
        match status {
            Status::StreamEnd => return Ok(written),
            Status::MemNeeded => return Err("there is no memory for bzip2's decoder".into()),
            _ if (read, written) != before => {}
            _ if written == out.len() && read < input.len() => {
                return Err("more comes out than there is room for".into());
            }
            _ => return Err("the bzip2 stream ends early".into()),
        }
    }
}
