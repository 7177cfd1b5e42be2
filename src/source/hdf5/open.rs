//! A dataset as a [`Source`]: what its file says of it, checked before anything is believed.

use super::contiguous::Contiguous;
use super::facts::{self, Facts, MAX_COMPACT, Storage};
use super::filters::{Filter, between_bytes, codec_bytes, most_stored, named, own_pipeline};
use super::guard;
use super::handles::{self, Borrowed};
use super::index::{ChunkIndex, Expect};
use super::read::{self, Form};
use super::region::{self, JOINED};
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, MAX_RANK, Region, Slab, checked_len};
use crate::h5::{Bits, FilterInfo};
use crate::ops::kernel::Packing;
use crate::source::{Fingerprint, OpenOptions, Own, ReadCx, ScratchNeeds, Source, SourceSpec, check_slab};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A chunk larger than this is not believed (HDF5 before 2.0 cannot make one of 4 GiB).
const MAX_CHUNK_BYTES: u64 = 1 << 40;

/// What the nodes of a chunk index that a reader keeps, and the places of chunks that it is about to read,
/// may take, as binding counts it.
pub(super) const INDEX_BYTES: u64 = 64 << 10;

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
    /// libhdf5 reads, and why.
    Library(String),
}

/// A dataset of an HDF5 file as a [`Source`].
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
    pub(crate) fingerprint: Fingerprint,
    pub(crate) shape: Dims,
    pub(crate) dtype: DType,
    pub(crate) swap: bool,
    /// Where an integer's bits lie in its bytes, if they are not all of them.
    pub(crate) bits: Option<Bits>,
    pub(crate) chunks: Option<Chunks>,
    pub(crate) access: Access,
    pub(crate) filters: Vec<FilterInfo>,
    /// One element in native byte order.
    pub(crate) fill: Vec<u8>,
    /// What readers know it by in this process.
    pub(crate) number: u64,
}

/// Numbers of sources.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Hdf5Source {
    /// The source of a dataset with these facts, which may come from anywhere: nothing that they say
    /// makes a later read leave the file, a buffer or the bounds of memory.
    pub(crate) fn new(
        path: &Path,
        canonical: PathBuf,
        dataset: &str,
        options: OpenOptions,
        file: &Borrowed,
        facts: Facts,
    ) -> Result<Hdf5Source> {
        let (shape, dtype, mut fill) = (facts.shape, facts.dtype, facts.fill);
        let fingerprint = file.fingerprint;
        if shape.len() > MAX_RANK || fill.len() != dtype.size() {
            return Err(Error::new(ErrorKind::Format, format!("an array of {} axes", shape.len())));
        }
        if facts.filters.len() > 32 {
            return Err(Error::new(ErrorKind::Format, format!("{} filters", facts.filters.len())));
        }
        read::canonical_bools(dtype, &mut fill);
        let bytes = checked_len(&shape)
            .and_then(|n| n.checked_mul(dtype.size() as u64))
            .filter(|&n| n <= i64::MAX as u64)
            .ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, format!("an array of shape {shape:?} of {dtype}"))
            })?;
        if facts.bits.is_some_and(|b| !b.fit(dtype.size())) {
            return Err(Error::new(ErrorKind::Format, "an integer whose bits are not in its bytes"));
        }
        if let Some(chunk) = &facts.chunks {
            check_chunks(chunk, &shape, dtype)?;
        }
        let access = match facts.storage {
            _ if bytes == 0 => Access::Empty,
            Storage::Nothing => Access::Fill,
            Storage::Contiguous { address } => {
                Access::Contiguous(Contiguous::new(address, bytes, fingerprint.size)?)
            }
            Storage::Inline(mut data) => {
                if data.len() as u64 != bytes || bytes > MAX_COMPACT {
                    return Err(Error::new(
                        ErrorKind::Format,
                        format!("{} bytes for an array of {bytes}", data.len()),
                    ));
                }
                read::canonical_bools(dtype, &mut data);
                Access::Inline(data.into())
            }
            Storage::Chunked { bare_edges, header } => {
                let Some(chunk) = &facts.chunks else {
                    return Err(Error::new(ErrorKind::Format, "a chunked array without a chunk shape"));
                };
                let expect = Expect {
                    shape: &shape,
                    chunk,
                    element: dtype.size() as u64,
                    filtered: !facts.filters.is_empty(),
                };
                match own_pipeline(&facts.filters) {
                    Some(pipeline) => {
                        let index = facts::locate(&file.raw, header, &expect)?;
                        Access::Chunks { pipeline, bare_edges, index: index.map(Box::new) }
                    }
                    None => Access::Library(without_decoder(&facts.filters)),
                }
            }
            Storage::Library { why } => Access::Library(why),
        };
        Ok(Hdf5Source {
            path: path.to_path_buf(),
            canonical,
            dataset: dataset.to_string(),
            resolved: facts.resolved,
            options,
            fingerprint,
            shape,
            dtype,
            swap: facts.swap,
            bits: facts.bits,
            chunks: facts.chunks.map(Chunks::from),
            access,
            filters: facts.filters,
            fill,
            number: NUMBERS.fetch_add(1, Relaxed),
        })
    }

    /// Opens the dataset `dataset` of the file at `path`; reads no data.
    ///
    /// Integers and IEEE floats of both byte orders become the dtype of their size; an enum with
    /// the members FALSE = 0 and TRUE = 1 (h5py's bool) becomes bool, other enums their integers.
    /// A null dataspace has the shape `[0]`.
    ///
    /// # Errors
    /// `NotFound` if the file or the dataset does not exist; `Format` if the file is not HDF5 or
    /// is damaged; `Type` for strings, compounds and other types without a dtype; `Unsupported`
    /// for data in other files unless `options` allow it, or a shape beyond 63 bits. Of an untrusted file
    /// also those of [`guard`], and `Unsupported` for data that only libhdf5 can read.
    pub fn open(path: impl AsRef<Path>, dataset: &str, options: OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let name = format!("/{}", dataset.trim_matches('/'));
        open_in(path, &name, options).at("file", path.display()).at("dataset", &name)
    }

    /// Fails with `Changed` if the file's state is not this one.
    pub(crate) fn expect(&self, fingerprint: &Fingerprint) -> Result<()> {
        if self.fingerprint == *fingerprint { Ok(()) } else { Err(self.locate(changed())) }
    }

    /// Borrows the file, which must still be the one that was opened.
    pub(crate) fn borrow(&self) -> Result<Borrowed> {
        let file =
            handles::borrow(&self.canonical).map_err(|e| match handles::fingerprint(&self.canonical) {
                // It no longer opens because it is another file now.
                Ok(now) if now != self.fingerprint => changed().caused_by(e),
                _ => e,
            })?;
        if file.fingerprint == self.fingerprint { Ok(file) } else { Err(changed()) }
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
        self.chunks.as_ref().map_or(0, |c| c.elements() * self.dtype.size() as u64)
    }

    /// Where its data is in the file, `(first byte, bytes)`, if it is stored in one piece.
    pub fn in_one_piece(&self) -> Option<(u64, u64)> {
        match &self.access {
            Access::Contiguous(data) if !self.shape.contains(&0) => {
                let all = Slab::dense(&Region::whole(&self.shape));
                Some(data.span(&self.shape, self.dtype.size(), &all))
            }
            _ => None,
        }
    }

    /// The file's state when it was opened.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
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

fn check_chunks(chunk: &[u64], shape: &[u64], dtype: DType) -> Result<()> {
    let wrong = |message: String| Err(Error::new(ErrorKind::Format, message));
    if chunk.len() != shape.len() || chunk.contains(&0) {
        return wrong(format!("a chunk of shape {chunk:?} in an array of shape {shape:?}"));
    }
    let bytes = checked_len(chunk).and_then(|n| n.checked_mul(dtype.size() as u64));
    if bytes.is_none_or(|n| n > MAX_CHUNK_BYTES) {
        return wrong(format!("a chunk of shape {chunk:?} of {dtype}"));
    }
    // A padded edge chunk must have positions that can be counted.
    if shape.iter().zip(chunk).any(|(&n, &c)| n.checked_add(c).is_none_or(|n| n > i64::MAX as u64)) {
        return wrong(format!("chunks of {chunk:?} in {shape:?}"));
    }
    Ok(())
}

/// Why libhdf5 has to undo these filters.
fn without_decoder(filters: &[FilterInfo]) -> String {
    let own = |f: &&FilterInfo| own_pipeline(std::slice::from_ref(f)).is_none();
    match filters.iter().find(own) {
        Some(f) => format!("there is no decoder of our own for the filter {}", named(f.id)),
        None => "there is no decoder of our own for its filters".into(),
    }
}

pub(super) fn changed() -> Error {
    Error::new(ErrorKind::Changed, "the file changed after it was opened")
        .hint("open it again; if it is still being written, wait until that is done")
}

fn open_in(path: &Path, name: &str, options: OpenOptions) -> Result<Hdf5Source> {
    guard::check_options(options)?;
    let canonical = std::fs::canonicalize(path).map_err(|e| handles::io_error(e, "cannot find the file"))?;
    // Whoever looks at an untrusted file, this is its state and the way to its bytes.
    let file = handles::borrow(&canonical)?;
    let facts = match options.untrusted {
        true => guard::facts(&canonical, name)?,
        false => facts::gather(&file, name, options)?,
    };
    let source = Hdf5Source::new(path, canonical, name, options, &file, facts)?;
    if options.untrusted {
        guard::check_source(&source)?;
    }
    Ok(source)
}

impl Source for Hdf5Source {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        self.chunks.as_ref()
    }

    fn spec(&self, _: Own) -> Option<SourceSpec> {
        Some(SourceSpec::Hdf5 {
            path: self.path.clone(),
            dataset: self.dataset.clone(),
            options: self.options,
            fingerprint: self.fingerprint,
        })
    }

    fn describe(&self) -> String {
        format!("{}:{}", self.path.display(), self.dataset)
    }

    fn scratch_bytes(&self) -> u64 {
        self.scratch_needs().total()
    }

    fn scratch_needs(&self) -> ScratchNeeds {
        let (n, piece) = (self.chunk_bytes(), super::contiguous::PIECE as u64);
        let none = ScratchNeeds::default();
        match self.access {
            Access::Empty | Access::Fill | Access::Inline(_) => ScratchNeeds { chunk: n, ..none },
            Access::Contiguous(_) => ScratchNeeds { stage: piece, ..none },
            Access::Chunks { ref pipeline, bare_edges, .. } => ScratchNeeds {
                raw: most_stored(pipeline, n).max(JOINED),
                // What has no filter is read in part.
                stage: if pipeline.is_empty() || bare_edges { piece } else { 0 },
                chunk: n,
                filters: between_bytes(pipeline, n),
                codec: codec_bytes(pipeline, n),
                index: INDEX_BYTES,
                library: 0,
            },
            // libhdf5 holds the stored and the decoded chunk; what is not chunked is small or
            // goes through its own buffers of 1 MiB.
            Access::Library(_) if n > 0 => {
                ScratchNeeds { chunk: n, library: most_stored(&[], n).saturating_add(n), ..none }
            }
            Access::Library(_) => ScratchNeeds { library: 4 << 20, ..none },
        }
    }

    fn worth_keeping(&self) -> bool {
        match &self.access {
            Access::Chunks { pipeline, .. } => !pipeline.is_empty(),
            Access::Library(_) => self.chunks.is_some(),
            Access::Empty | Access::Fill | Access::Inline(_) | Access::Contiguous(_) => false,
        }
    }

    fn wants_advice(&self) -> bool {
        matches!(self.access, Access::Contiguous(_) | Access::Chunks { index: Some(_), .. })
    }

    /// Where files are as quick as memory there is nothing to be gained: what is in the system's cache
    /// already would only be looked up twice.
    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        if cx.stats.is_slow() && !slab.is_empty() {
            cx.scratch.end_parts();
            // What is wrong with the file the read itself will say.
            let _ = read::advise(self, slab, cx);
        }
    }

    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        cx.scratch.end_parts();
        read::chunk(self, chunk, Form::Plain, out, cx).map_err(|e| self.locate_chunk(e, chunk))?;
        Ok(())
    }

    fn read_packed(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<Packing> {
        cx.scratch.end_parts();
        read::chunk(self, chunk, Form::Stored, out, cx).map_err(|e| self.locate_chunk(e, chunk))
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        check_slab(&self.shape, self.dtype, slab, out).map_err(|e| self.locate(e))?;
        if slab.is_empty() {
            return Ok(());
        }
        cx.scratch.end_parts();
        region::region(self, slab, out, cx).map_err(|e| self.locate(e))
    }

    fn in_parts(&self) -> bool {
        region::in_parts(self)
    }

    fn read_part(&self, of: &Slab, part: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        check_slab(&self.shape, self.dtype, part, out).map_err(|e| self.locate(e))?;
        if part.is_empty() {
            return Ok(());
        }
        region::part(self, of, part, out, cx).map_err(|e| self.locate(e))
    }
}
