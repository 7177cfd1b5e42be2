//! Opening a dataset: metadata only, checked before anything is believed.

use super::contiguous::Contiguous;
use super::filters::{Filter, most_stored, own_pipeline};
use super::handles::{self, Borrowed};
use super::read::{self, Form};
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Slab, checked_len};
use crate::h5::{self, FilterInfo, Id, Layout, Link, Object};
use crate::ops::kernel::Packing;
use crate::source::{Fingerprint, OpenOptions, ReadCx, Source, SourceSpec, check_slab};
use std::path::{Path, PathBuf};

/// A chunk larger than this is not believed (HDF5 before 2.0 cannot make one of 4 GiB).
const MAX_CHUNK_BYTES: u64 = 1 << 40;

/// How the elements are brought.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// No elements at all.
    Empty,
    /// Positioned reads.
    Contiguous(Contiguous),
    /// Nothing is stored: every element is the fill value.
    Fill,
    /// Raw chunk copies, decoded here. `bare_edges`: chunks over the array's edge are stored
    /// without the filters.
    Chunks { pipeline: Vec<Filter>, bare_edges: bool },
    /// libhdf5 reads.
    Library,
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
    options: OpenOptions,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) shape: Dims,
    pub(crate) dtype: DType,
    pub(crate) swap: bool,
    pub(crate) chunks: Option<Chunks>,
    pub(crate) access: Access,
    pub(crate) filters: Vec<FilterInfo>,
    /// One element in native byte order.
    pub(crate) fill: Vec<u8>,
}

impl Hdf5Source {
    /// Opens the dataset `dataset` of the file at `path`; reads no data.
    ///
    /// Integers and IEEE floats of both byte orders become the dtype of their size; an enum with
    /// the members FALSE = 0 and TRUE = 1 (h5py's bool) becomes bool, other enums their integers.
    /// A null dataspace has the shape `[0]`.
    ///
    /// # Errors
    /// `NotFound` if the file or the dataset does not exist; `Format` if the file is not HDF5 or
    /// is damaged; `Type` for strings, compounds and other types without a dtype; `Unsupported`
    /// for data in other files unless `options` allow it, or a shape beyond 63 bits.
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

    fn locate_chunk(&self, e: Error, chunk: &[u64]) -> Error {
        let place = self.chunks.as_ref().map(|c| c.region(chunk).to_string());
        self.locate(e.at("chunk", format!("{chunk:?} = {}", place.unwrap_or_default())))
    }

    /// Bytes of a decoded chunk.
    pub(crate) fn chunk_bytes(&self) -> u64 {
        self.chunks.as_ref().map_or(0, |c| c.elements() * self.dtype.size() as u64)
    }

    /// The file's state when it was opened.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The fill value's bytes, native order.
    pub fn fill_bytes(&self) -> &[u8] {
        &self.fill
    }

    /// Whether reads go through libhdf5's own pipeline (one reader at a time).
    pub fn through_library(&self) -> bool {
        matches!(self.access, Access::Library)
    }
}

fn changed() -> Error {
    Error::new(ErrorKind::Changed, "the file changed after it was opened")
        .hint("open it again; if it is still being written, wait until that is done")
}

fn open_in(path: &Path, name: &str, options: OpenOptions) -> Result<Hdf5Source> {
    let canonical = std::fs::canonicalize(path).map_err(|e| handles::io_error(e, "cannot find the file"))?;
    let file = handles::borrow(&canonical)?;
    let fingerprint = file.fingerprint;
    h5::locked(|| {
        let (resolved, elsewhere) = resolve(file.id()?, name, options)?;
        let (object, kind) = h5::open_object(file.id()?, &resolved)?;
        if kind != h5::Object::Dataset {
            let what = if kind == h5::Object::Group { "a group" } else { "a named type" };
            return Err(Error::new(ErrorKind::Type, format!("this is {what}, not a dataset"))
                .hint("`chunkwise info` lists what is in the file"));
        }
        drop(object);
        let id = file.dataset(&resolved)?;
        let mut source = describe(&id, options, &fingerprint)?;
        if elsewhere && !matches!(source.access, Access::Empty | Access::Fill) {
            // Addresses and sizes are those of the other file.
            source.access = Access::Library;
        }
        source.path = path.to_path_buf();
        source.canonical = canonical.clone();
        source.dataset = name.to_string();
        source.resolved = resolved;
        Ok(source)
    })
}

/// Reads everything that reading needs from an open dataset.
fn describe(id: &Id, options: OpenOptions, fingerprint: &Fingerprint) -> Result<Hdf5Source> {
    let element = h5::element_type(&h5::dataset_type(id)?)?;
    let Some(dtype) = element.dtype else {
        return Err(Error::new(
            ErrorKind::Type,
            format!("elements of the type {} are not numbers", element.text),
        )
        .hint("only integers, floats, bools and enums can be computed with"));
    };
    let space = h5::shape_of(&h5::dataset_space(id)?)?;
    let shape = space.clone().unwrap_or_else(|| Dims::from_slice(&[0]));
    let bytes = checked_len(&shape)
        .and_then(|n| n.checked_mul(dtype.size() as u64))
        .filter(|&n| n <= i64::MAX as u64)
        .ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("an array of shape {shape:?} of {dtype}"))
        })?;
    let dcpl = h5::creation(id)?;
    let layout = h5::layout(&dcpl)?;
    let external = layout != Layout::Virtual && h5::external_files(&dcpl)? > 0;
    if (external || layout == Layout::Virtual) && !options.allow_external {
        let what = if external { "external raw files" } else { "a virtual dataset, which reads other files" };
        return Err(Error::new(ErrorKind::Unsupported, format!("the data is in {what}")).hint(
            "allow it with OpenOptions { allow_external: true } (--allow-external) if you trust the file",
        ));
    }
    let filters = if layout == Layout::Chunked { h5::filters(&dcpl)? } else { Vec::new() };
    let mut fill = h5::fill_value(&dcpl, &element.memory, dtype.size())?;
    if element.swap {
        fill.reverse();
    }
    if dtype == DType::Bool {
        fill[0] = u8::from(fill[0] != 0);
    }
    let mut chunks = None;
    let access = match layout {
        _ if bytes == 0 => Access::Empty,
        Layout::Contiguous if !external && !element.convert && cfg!(unix) => match h5::offset(id) {
            None => Access::Fill,
            Some(address) => Access::Contiguous(Contiguous::new(address, bytes, fingerprint.size)?),
        },
        Layout::Chunked => {
            let (chunk, bare_edges) = h5::chunk_shape(&dcpl)?;
            if chunk.len() != shape.len() || chunk.contains(&0) {
                return Err(Error::new(
                    ErrorKind::Format,
                    format!("a chunk of shape {chunk:?} in an array of shape {shape:?}"),
                ));
            }
            let chunk_bytes = checked_len(&chunk).and_then(|n| n.checked_mul(dtype.size() as u64));
            if chunk_bytes.is_none_or(|n| n > MAX_CHUNK_BYTES) {
                return Err(Error::new(ErrorKind::Format, format!("a chunk of shape {chunk:?} of {dtype}")));
            }
            // A padded edge chunk must have positions that can be counted.
            if shape.iter().zip(&chunk).any(|(&n, &c)| n.checked_add(c).is_none_or(|n| n > i64::MAX as u64)) {
                return Err(Error::new(ErrorKind::Format, format!("chunks of {chunk:?} in {shape:?}")));
            }
            chunks = Some(chunk.into());
            match own_pipeline(&filters) {
                Some(pipeline) if !element.convert => Access::Chunks { pipeline, bare_edges },
                _ => Access::Library,
            }
        }
        _ => Access::Library,
    };
    Ok(Hdf5Source {
        path: PathBuf::new(),
        canonical: PathBuf::new(),
        dataset: String::new(),
        resolved: String::new(),
        options,
        fingerprint: *fingerprint,
        shape,
        dtype,
        swap: element.swap,
        chunks,
        access,
        filters,
        fill,
    })
}

/// Follows the soft links of a path by hand, so that a link out of the file is seen before
/// libhdf5 follows it. Returns a path of hard links, or, where external links are allowed, of
/// anything from the first one on, and whether there is one.
pub(super) fn resolve(file: &Id, path: &str, options: OpenOptions) -> Result<(String, bool)> {
    let mut pending: Vec<String> =
        path.split('/').rev().filter(|p| !p.is_empty()).map(String::from).collect();
    let mut done = String::new();
    let mut followed = 0;
    while let Some(part) = pending.pop() {
        if part == "." {
            continue;
        }
        let next = format!("{done}/{part}");
        let link = h5::link(file, &next).map_err(|e| match h5::open_object(file, &done) {
            Ok((_, Object::Dataset)) => {
                Error::new(ErrorKind::NotFound, format!("{done:?} is a dataset, there is nothing below it"))
            }
            _ => e,
        })?;
        match link {
            Some(Link::Hard) => done = next,
            Some(Link::Soft(target)) => {
                followed += 1;
                if followed > 32 {
                    return Err(Error::new(ErrorKind::Format, "a circle of soft links").at("link", next));
                }
                if target.starts_with('/') {
                    done.clear();
                }
                pending.extend(target.split('/').rev().filter(|p| !p.is_empty()).map(String::from));
            }
            Some(Link::External(..)) if options.allow_external => {
                pending.push(part);
                let rest: Vec<String> = pending.into_iter().rev().collect();
                return Ok((format!("{done}/{}", rest.join("/")), true));
            }
            Some(Link::External(other, object)) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("{next:?} is a link to {object:?} in another file, {other:?}"),
                )
                .hint("open that file, or allow it with OpenOptions { allow_external: true } (--allow-external) if you trust this one"));
            }
            Some(Link::User(class)) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("{next:?} is a link of the unknown class {class}"),
                ));
            }
            None => {
                let mut e = Error::new(ErrorKind::NotFound, format!("there is no {next:?} in the file"));
                let here = if done.is_empty() { "/" } else { &done };
                if let Ok((names, _)) = h5::open_object(file, here).and_then(|(g, _)| h5::link_names(&g, 12))
                {
                    e = e.hint(format!("{here} has {}", names.join(", ")));
                }
                return Err(e);
            }
        }
    }
    Ok((if done.is_empty() { "/".into() } else { done }, false))
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

    fn spec(&self) -> SourceSpec {
        SourceSpec::Hdf5 {
            path: self.path.clone(),
            dataset: self.dataset.clone(),
            options: self.options,
            fingerprint: self.fingerprint,
        }
    }

    fn describe(&self) -> String {
        format!("{}:{}", self.path.display(), self.dataset)
    }

    fn scratch_bytes(&self) -> u64 {
        let n = self.chunk_bytes();
        match self.access {
            Access::Empty | Access::Fill => n,
            Access::Contiguous(_) => super::contiguous::PIECE as u64,
            Access::Chunks { .. } => most_stored(n).saturating_add(2 * n),
            // libhdf5 holds the stored and the decoded chunk; what is not chunked is small or
            // goes through its own buffers of 1 MiB.
            Access::Library if n > 0 => most_stored(n).saturating_add(2 * n),
            Access::Library => 4 << 20,
        }
    }

    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        read::chunk(self, chunk, Form::Plain, out, cx).map_err(|e| self.locate_chunk(e, chunk))?;
        Ok(())
    }

    fn read_packed(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<Packing> {
        read::chunk(self, chunk, Form::Stored, out, cx).map_err(|e| self.locate_chunk(e, chunk))
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        check_slab(&self.shape, self.dtype, slab, out).map_err(|e| self.locate(e))?;
        if slab.is_empty() {
            return Ok(());
        }
        read::region(self, slab, out, cx).map_err(|e| self.locate(e))
    }
}
