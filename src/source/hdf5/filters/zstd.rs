//! Undoing the registered Zstandard filter (32015): a chunk is one or more Zstandard frames.
//!
//! Source: RFC 8878; frames are decoded by libzstd, without dictionaries and without formats older
//! than 1.0. A frame is decoded straight into its place, so a frame's window costs no memory and the
//! size it states only has to be right.

use super::{Fault, Work};

/// Decodes one chunk.
pub(super) fn decode(_values: &[u32], input: &[u8], out: &mut [u8], work: &mut Work) -> Result<usize, Fault> {
    frames(&mut work.zstd, input, out)
}

/// Decodes the frames in `input` into `out` and returns how many bytes came out.
pub(super) fn frames(
    context: &mut Option<zstd_safe::DCtx<'static>>,
    input: &[u8],
    out: &mut [u8],
) -> Result<usize, Fault> {
    if context.is_none() {
        *context = zstd_safe::DCtx::try_create();
    }
    let Some(context) = context else {
        return Err("there is no memory for Zstandard's decoder".into());
    };
    context.decompress(out, input).map_err(|code| {
        format!("a Zstandard frame does not decode: {}", zstd_safe::get_error_name(code).to_lowercase())
    })
}

/// Decodes frames that fill `to`.
pub(super) fn fill(
    context: &mut Option<zstd_safe::DCtx<'static>>,
    input: &[u8],
    to: &mut [u8],
) -> Result<(), Fault> {
    match frames(context, input, to)? {
        n if n == to.len() => Ok(()),
        n => Err(format!("a Zstandard block decodes to {n} bytes instead of {}", to.len())),
    }
}
