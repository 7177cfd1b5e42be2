//! Where results go: files of the format that their name says, written beside the target and renamed.

mod format;
pub mod hdf5;
mod npy;
mod rows;
mod writer;
mod zip;

pub use format::Format;
pub(crate) use format::Mode;
pub(crate) use writer::Writer;
pub(crate) use zip::crc32;
