//! The shape of chunks, as options say it.

use chunkwise::{Error, ErrorKind};

/// The shape of chunks.
pub enum Chunks {
    /// As is best.
    Auto,
    /// None: all elements lie together.
    Contiguous,
    /// This one.
    Shape(Vec<u64>),
}

/// Reads `64,64`, `auto` or `none`.
///
/// # Errors
/// `Value` for anything else.
pub fn chunks(text: &str) -> chunkwise::Result<Chunks> {
    Ok(match text.trim() {
        "auto" => Chunks::Auto,
        "none" => Chunks::Contiguous,
        shape => Chunks::Shape(
            shape
                .split(',')
                .map(|n| n.trim().parse().ok().filter(|&n| n > 0))
                .collect::<Option<_>>()
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::Value,
                        "chunks are lengths with commas, as in 64,64, or auto, or none",
                    )
                })?,
        ),
    })
}
