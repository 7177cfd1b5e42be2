//! Datasets of HDF5 files.
//!
//! Opening reads metadata only. Chunks whose filters are deflate, shuffle and fletcher32 are
//! copied raw under the library's lock and decoded outside it; contiguous data is read with
//! positioned reads and no lock; everything else goes through libhdf5, slower and correct.
//!
//! Limits: numeric element types (see [`Hdf5Source::open`]); at most 32 axes; files are read as
//! they are when opened, and a change of size, time or inode afterwards is an error of kind
//! `Changed`, not a mixture of two states.

mod contiguous;
mod filters;
pub mod guard;
mod handles;
mod open;
mod read;
mod tree;

pub use handles::{open_files, set_max_open_files};
pub use open::Hdf5Source;
pub use tree::{Attribute, AttributeValue, Dataset, Node, NodeKind, tree, tree_with};

/// The common name of a registered filter.
pub(crate) fn filter_name(id: i32) -> Option<&'static str> {
    Some(match id {
        1 => "deflate",
        2 => "shuffle",
        3 => "fletcher32",
        4 => "szip",
        5 => "nbit",
        6 => "scaleoffset",
        305 => "LZO",
        307 => "bzip2",
        32000 => "lzf",
        32001 => "blosc",
        32002 => "mafisc",
        32003 => "snappy",
        32004 => "lz4",
        32008 => "bitshuffle",
        32012 => "sprintz",
        32013 => "zfp",
        32014 => "fpzip",
        32015 => "zstd",
        32016 => "b3d",
        32017 => "sz",
        32018 => "fcidecomp",
        32019 => "jpeg",
        32020 => "vbz",
        32022 => "lerc",
        32023 => "bitgroom",
        32024 => "sz3",
        32026 => "blosc2",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
