//! What codecs work with, and how they refuse.

use crate::buffer::Buffer;

/// Why a codec refuses a chunk, as a sentence.
pub(crate) type Fault = String;

/// Memory and contexts that decoding reuses, so that no chunk allocates.
#[derive(Default)]
pub(crate) struct Work {
    /// Bytes between two filters.
    pub(super) stages: [Buffer; 2],
    pub buffer: Buffer,
    pub inflate: Option<libdeflater::Decompressor>,
    pub zstd: Option<zstd_safe::DCtx<'static>>,
}

impl Work {
    /// Bytes that it holds now.
    pub fn bytes(&self) -> u64 {
        (self.stages[0].capacity() + self.stages[1].capacity() + self.buffer.capacity()) as u64
    }
}
