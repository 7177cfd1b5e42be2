//! Datasets of HDF5 files.
//!
//! Opening reads metadata only, from the file's bytes and without libhdf5 (`meta`). What is known of a dataset
//! is plain data; its chunks are found in the file's own index and brought by positioned reads, without
//! libhdf5 and its lock, and decoded by the readers themselves. Data in other files is read in the same way
//! where that is allowed (`elsewhere`). What only libhdf5 can read (rare filters) goes through it, slower and
//! correct; and so does the metadata where that is asked for
//! ([`OpenOptions::reader`](crate::OpenOptions::reader)).
//!
//! Limits: numeric element types (see [`Hdf5Source::open`]); at most 32 axes; files are read as
//! they are when opened, and a change of size, time or inode afterwards is an error of kind
//! `Changed`, not a mixture of two states.

mod attribute;
mod bytes;
mod condition;
mod contiguous;
mod dataset;
mod elsewhere;
mod facts;
mod field;
pub(crate) mod filters;
mod fuzz;
pub mod guard;
pub(super) mod handles;
mod index;
mod listing;
mod look;
mod meta;
mod open;
mod part;
mod read;
mod region;
mod selection;
pub(crate) mod texts;
mod tree;
mod unfinished;

pub(super) use attribute::ALL_VALUES;
pub use attribute::{Attribute, AttributeValue};
pub(super) use contiguous::{GAP, PIECE};
pub use dataset::Hdf5Source;
pub(crate) use fuzz::{fuzz_chunk, fuzz_index, fuzz_metadata};
pub(crate) use handles::Borrowed;
pub use handles::{open_files, set_max_open_files};
pub(super) use listing::object;
pub use listing::{elements, tree, tree_with, unfinished};
pub(super) use meta::ReadAt;
pub use part::{Elements, Field, StringKind};
pub use tree::{Dataset, Node, NodeKind, Object, ObjectKind};
pub use unfinished::Unfinished;

/// The version of libhdf5 that this program is linked with, as `1.10.8`.
pub fn library_version() -> String {
    crate::h5::version()
}

/// The way to the last chunk that a reader found, for each of the last few datasets.
#[derive(Default)]
pub(crate) struct Memos {
    kept: Vec<(u64, index::Memo)>,
}

impl Memos {
    /// How many datasets a reader goes back and forth between without losing its way.
    const MOST: usize = 8;

    /// The memo of a dataset, by the number of its source.
    pub(crate) fn of(&mut self, source: u64) -> &mut index::Memo {
        let at = match self.kept.iter().position(|(s, _)| *s == source) {
            Some(at) => at,
            None => {
                if self.kept.len() == Self::MOST {
                    self.kept.remove(0);
                }
                self.kept.push((source, index::Memo::default()));
                self.kept.len() - 1
            }
        };
        &mut self.kept[at].1
    }

    /// Bytes that it holds now.
    pub(crate) fn bytes(&self) -> u64 {
        self.kept.iter().map(|(_, m)| m.bytes()).sum()
    }
}

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
