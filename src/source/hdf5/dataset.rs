//! What is known of a dataset once its file's word was checked.

use super::attribute::Attribute;
use super::contiguous::Contiguous;
use super::elsewhere::External;
use super::filters::Filter;
use super::handles::{self, Borrowed, FileState, changed};
use super::index::ChunkIndex;
use super::part::Part;
use super::unfinished::Unfinished;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::grid::{Chunks, Dims, Region, Slab};
use crate::h5::{Bits, FilterInfo};
use crate::source::{Fingerprint, OpenOptions, Source};
use std::path::PathBuf;
use std::sync::Arc;

/// What the nodes of a chunk index that a reader keeps, and the places of chunks that it is about to read,
/// may take, as binding counts it.
pub(super) const INDEX_BYTES: u64 = 64 << 10;
/// Stored chunks that lie near each other are read at once, up to so many bytes.
pub(super) const JOINED: u64 = 256 << 10;
/// A gap between chunks that is cheaper to read than to jump over.
pub(super) const GAP: u64 = 8 << 10;
/// Chunks whose places are looked up before any of them is read.
pub(super) const BATCH: usize = 128;

/// How the elements are brought.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// No elements at all.
    Empty,
    /// Positioned reads.
    Contiguous(Contiguous),
    /// They are here.
    Inline(Arc<[u8]>),
    /// Nothing is stored: every element is the fill value.
    Fill,
    /// Stored chunks, decoded here. `bare_edges`: chunks over the array's edge are stored without
    /// the filters. Positioned reads where the index is known, else raw copies by libhdf5.
    Chunks { pipeline: Vec<Filter>, bare_edges: bool, index: Option<Box<ChunkIndex>> },
    /// Pieces of other files.
    External(Arc<External>),
    /// Elements of other datasets.
    Virtual(Arc<dyn Source>),
    /// libhdf5 reads, and why.
    Library(String),
}

/// The numbers that are wanted of elements that are more than numbers.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub part: Part,
    /// The dataset's shape and the part's.
    pub shape: Dims,
    pub chunks: Option<Chunks>,
    pub dtype: DType,
    pub swap: bool,
    pub bits: Option<Bits>,
}

/// A dataset of an HDF5 file as a [`Source`](crate::source::Source).
#[derive(Clone, Debug)]
pub struct Hdf5Source {
    /// As the user named it.
    pub(crate) path: PathBuf,
    /// The key of the handle cache.
    pub(crate) canonical: PathBuf,
    /// As the user named it, from the root.
    pub(crate) dataset: String,
    /// The path without links in it, where there are only links of this file.
    pub(crate) resolved: String,
    pub(super) options: OpenOptions,
    /// The state of the file that the dataset is in.
    pub(in crate::source) state: FileState,
    /// The state of the file that the user named, if a link led from it to another.
    pub(super) named: Fingerprint,
    /// What tells one state of the other files from another that the data is in, or that links lead to.
    pub(super) others: Option<u64>,
    pub(crate) shape: Dims,
    /// Of elements of which a part is wanted: bytes.
    pub(crate) dtype: DType,
    /// Bytes of a stored element.
    pub(super) element: usize,
    /// What of the elements is wanted, if not all.
    pub(super) field: Option<Field>,
    pub(crate) swap: bool,
    /// Where an integer's bits lie in its bytes, if they are not all of them.
    pub(crate) bits: Option<Bits>,
    pub(crate) chunks: Option<Chunks>,
    pub(crate) access: Access,
    pub(crate) filters: Vec<FilterInfo>,
    /// One element in native byte order.
    pub(crate) fill: Vec<u8>,
    /// What decoding needs of its attributes, where that was asked for.
    pub(super) attributes: Vec<Attribute>,
    /// Why its file may have less than it will have, or had.
    pub(super) unfinished: Option<Unfinished>,
    /// What readers know it by in this process.
    pub(crate) number: u64,
}

impl Hdf5Source {
    /// Fails with `Changed` if the file's state, or that of others, is not this one.
    pub(crate) fn expect(&self, fingerprint: &Fingerprint, others: Option<u64>) -> Result<()> {
        match (self.named, self.others) == (*fingerprint, others) {
            true => Ok(()),
            false => Err(self.locate(changed())),
        }
    }

    /// Borrows the file, which must still be the one that was opened.
    pub(crate) fn borrow(&self) -> Result<Borrowed> {
        handles::borrow_in(&self.canonical, &self.state)
    }

    /// Adds file and dataset to an error.
    pub(crate) fn locate(&self, e: Error) -> Error {
        e.at("file", self.path.display()).at("dataset", &self.dataset)
    }

    pub(super) fn locate_chunk(&self, e: Error, chunk: &[u64]) -> Error {
        let place = self.chunks.as_ref().map(|c| c.region(chunk).to_string());
        self.locate(e.at("chunk", format!("{chunk:?} = {}", place.unwrap_or_default())))
    }

    /// Bytes of a decoded chunk.
    pub(crate) fn chunk_bytes(&self) -> u64 {
        self.chunks.as_ref().map_or(0, |c| c.elements() * self.element as u64)
    }

    /// Where its data is in the file, `(first byte, bytes)`, if it is stored in one piece.
    pub fn in_one_piece(&self) -> Option<(u64, u64)> {
        match &self.access {
            Access::Contiguous(data) if !self.shape.contains(&0) && self.field.is_none() => {
                let all = Slab::dense(&Region::whole(&self.shape));
                Some(data.span(&self.shape, self.element, &all))
            }
            _ => None,
        }
    }

    /// The file's state when it was opened.
    pub fn fingerprint(&self) -> Fingerprint {
        self.state.fingerprint
    }

    /// The fill value's bytes, native order.
    pub fn fill_bytes(&self) -> &[u8] {
        &self.fill
    }

    /// Why reads go through libhdf5's own pipeline (one reader at a time), if they do.
    pub fn through_library(&self) -> Option<&str> {
        match &self.access {
            Access::Library(why) => Some(why),
            Access::Chunks { index: None, .. } => Some("there is no reader of our own for its chunk index"),
            _ => None,
        }
    }
}
