//! Writing datasets to a new HDF5 file that appears all at once.
//!
//! The data goes to a temporary file beside the target; [`Hdf5Writer::finish`] flushes, closes and
//! syncs it, renames it over the target and syncs the folder. Until then the target is untouched,
//! and dropping the writer removes the temporary file. A killed process leaves the old target (and
//! perhaps a temporary file, which the next that writes to the target removes).
//!
//! Chunks are filtered by the caller's thread outside the HDF5 lock and handed over under it; contiguous data is written by
//! position without it. libhdf5 writes the frame: groups, headers, attributes and indexes.
//! Limits: the filters of [`Filter`]; the dtypes of this crate; native byte order.

mod bitshuffle;
mod block;
mod copy;
mod dataset;
mod existing;
mod filter;
mod scales;
mod spec;

pub(crate) use copy::{Change, Chunking, begin};
pub(crate) use existing::{Part, check_plain, existing};
pub use filter::{Filter, WriteScratch};
pub use spec::{AttributeData, DatasetSpec};

use self::block::{fill, put, reversed};
use self::dataset::Dataset;
use super::format::Mode;
use super::rows::write_rows;
use crate::buffer::Buffer;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, Grid, Region, c_strides, unravel};
use crate::h5::{self, Creation, Id};
use crate::whole::WholeFile;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

#[derive(Debug)]
struct Open {
    file: Id,
    datasets: Vec<Dataset>,
}

/// A new file being written. Its methods may be called from many threads.
#[derive(Debug)]
pub struct Hdf5Writer {
    target: PathBuf,
    specs: Vec<DatasetSpec>,
    // Declared before the file, so that it is closed before it is removed.
    open: RwLock<Option<Open>>,
    file: Option<WholeFile>,
    /// Held while a chunk is changed, of which other threads may change other parts.
    changing: Mutex<()>,
}

impl Hdf5Writer {
    /// Makes a temporary file beside `target` with these datasets, all of them empty.
    ///
    /// # Errors
    /// `Io` if the folder cannot be written or the target is there and no plain file; `Shape` or `Value` for a dataset that cannot be.
    pub fn create(target: impl AsRef<Path>, datasets: &[DatasetSpec]) -> Result<Self> {
        Hdf5Writer::with(target.as_ref(), &Contents::new(datasets), Mode::Replace)
    }

    /// As [`Hdf5Writer::create`], of a file that is not there: what appears meanwhile under its name is left alone.
    ///
    /// # Errors
    /// As [`Hdf5Writer::create`]; `Io` if there is something under the name, also when the file is finished.
    pub fn create_new(target: impl AsRef<Path>, datasets: &[DatasetSpec]) -> Result<Self> {
        Hdf5Writer::with(target.as_ref(), &Contents::new(datasets), Mode::New)
    }

    /// As [`Hdf5Writer::create`], of a file that may be there.
    pub(super) fn with(target: &Path, contents: &Contents, mode: Mode) -> Result<Self> {
        let create = || {
            let new: Vec<DatasetSpec> = contents.new_ones().cloned().collect();
            check(&new)?;
            if mode == Mode::Change {
                existing::check_new(target, &new)?;
            }
            create_in(target, mode.whole(target)?, contents, mode)
        };
        create().at("file", target.display())
    }

    /// Goes on with a file that is an HDF5 file already, whose datasets are written.
    pub(super) fn over(target: &Path, whole: WholeFile, contents: &Contents) -> Result<Self> {
        create_in(target, whole, contents, Mode::Change).at("file", target.display())
    }

    /// The datasets.
    pub fn datasets(&self) -> &[DatasetSpec] {
        &self.specs
    }

    /// Writes the chunk at the grid position `coords` of dataset number `dataset`. `block` holds
    /// either the full chunk shape or, over the edge, only the part inside the array; C order,
    /// native byte order. Each chunk is written once.
    ///
    /// # Errors
    /// `Io` (a full disk says so); `Index` for a wrong place; `Value` for a wrong length or a
    /// contiguous dataset.
    pub fn write_chunk(
        &self,
        dataset: usize,
        coords: &[u64],
        block: &[u8],
        scratch: &mut WriteScratch,
    ) -> Result<()> {
        let spec = self.spec(dataset)?;
        self.chunk(dataset, spec, coords, block, scratch)
            .at("file", self.target.display())
            .at("dataset", &spec.name)
            .at("chunk", format_args!("{coords:?}"))
    }

    /// Writes a region of dataset number `dataset`, which if that is chunked is made of whole chunks. `block` holds the
    /// region, C order, native byte order.
    ///
    /// # Errors
    /// As [`Hdf5Writer::write_chunk`]; `Value` for a region that cuts a chunk.
    pub fn write_region(&self, dataset: usize, region: &Region, block: &[u8]) -> Result<()> {
        let spec = self.spec(dataset)?;
        self.region(dataset, spec, region, block)
            .at("file", self.target.display())
            .at("dataset", &spec.name)
            .at("region", region)
    }

    /// Completes the file and puts it in the target's place.
    ///
    /// # Errors
    /// `Io`; the target is then as it was before, unless the message says otherwise.
    pub fn finish(mut self) -> Result<()> {
        let target = std::mem::take(&mut self.target);
        self.complete().at("file", target.display())
    }

    fn complete(&mut self) -> Result<()> {
        let Some(whole) = self.file.take() else {
            return Err(Error::new(ErrorKind::Internal, "a file was finished twice"));
        };
        let open = self.open.get_mut().unwrap_or_else(|e| e.into_inner()).take();
        if let Some(Open { file, datasets }) = open {
            h5::locked(|| {
                drop(datasets);
                h5::flush(&file)?;
                h5::close_file(file)
            })?;
        }
        whole.finish()
    }

    fn spec(&self, dataset: usize) -> Result<&DatasetSpec> {
        self.specs
            .get(dataset)
            .ok_or_else(|| Error::new(ErrorKind::Index, format!("there is no dataset number {dataset}")))
    }

    fn dataset<T>(&self, dataset: usize, f: impl FnOnce(&Dataset) -> Result<T>) -> Result<T> {
        let open = self.open.read().unwrap_or_else(|e| e.into_inner());
        match open.as_ref().and_then(|o| o.datasets.get(dataset)) {
            Some(d) => f(d),
            None => Err(Error::new(ErrorKind::Internal, "a closed file was written")),
        }
    }

    fn chunk(
        &self,
        dataset: usize,
        spec: &DatasetSpec,
        coords: &[u64],
        block: &[u8],
        scratch: &mut WriteScratch,
    ) -> Result<()> {
        let Some(chunk) = spec.chunks.as_deref() else {
            return Err(Error::new(ErrorKind::Value, "the dataset is contiguous: write regions"));
        };
        let rank = chunk.len();
        let origin: Option<Dims> = (coords.len() == rank)
            .then(|| {
                (0..rank).map(|d| coords[d].checked_mul(chunk[d]).filter(|&o| o < spec.shape[d])).collect()
            })
            .flatten();
        let Some(origin) = origin else {
            return Err(Error::new(ErrorKind::Index, format!("there is no chunk {coords:?}")));
        };
        let size = spec.dtype.size();
        let full = chunk.iter().product::<u64>() as usize * size;
        let part: Dims = (0..rank).map(|d| chunk[d].min(spec.shape[d] - origin[d])).collect();
        let inside = part.iter().product::<u64>() as usize * size;
        if block.len() == full {
            return self.filtered(dataset, spec, &origin, block, scratch);
        }
        if block.len() != inside {
            return Err(Error::new(
                ErrorKind::Value,
                format!("a block of {} bytes; the chunk has {full}, the array there {inside}", block.len()),
            ));
        }
        let mut padded = std::mem::take(&mut scratch.padded);
        padded.resize_for_overwrite(full);
        fill(&mut padded, spec);
        put(block, &part, &Dims::from_elem(0, rank), chunk, &mut padded, size);
        let written = self.filtered(dataset, spec, &origin, &padded, scratch);
        scratch.padded = padded;
        written
    }

    /// Filters a whole chunk and hands it over.
    fn filtered(
        &self,
        dataset: usize,
        spec: &DatasetSpec,
        origin: &[u64],
        chunk: &[u8],
        scratch: &mut WriteScratch,
    ) -> Result<()> {
        let size = spec.dtype.size();
        self.dataset(dataset, |d| {
            let mut swapped = std::mem::take(&mut scratch.swapped);
            let chunk = if d.swap { reversed(chunk, size, &mut swapped) } else { chunk };
            let stored = filter::encode(&spec.used_filters(), size, chunk, scratch)?;
            h5::locked(|| {
                // As long as before, a chunk keeps its place in the index, and there the mask of filters that it may go without.
                if d.there
                    && !spec.filters.is_empty()
                    && h5::stored_size(&d.id, origin)? == stored.len() as u64
                {
                    h5::write_stored(&d.id, origin, 0, &stored[..stored.len() / 2])?;
                }
                h5::write_stored(&d.id, origin, 0, stored)
            })?;
            scratch.swapped = swapped;
            Ok(())
        })
    }

    /// Changes a part of the chunk at the grid position `coords` of dataset number `dataset`, which need not be there:
    /// `region` is that part, in the dataset, and `block` its elements. `decode` undoes the filters of a chunk that the mask
    /// does not say were left out.
    ///
    /// # Errors
    /// As [`Hdf5Writer::write_chunk`], and as `decode`.
    pub(crate) fn change_chunk(
        &self,
        dataset: usize,
        coords: &[u64],
        region: &Region,
        block: &[u8],
        scratch: &mut WriteScratch,
        decode: Decode,
    ) -> Result<()> {
        let spec = self.spec(dataset)?;
        let mut change = || {
            let Some(chunk) = spec.chunks.as_deref() else {
                return Err(Error::new(ErrorKind::Value, "the dataset is contiguous: write regions"));
            };
            let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            let size = spec.dtype.size();
            let origin: Dims = coords.iter().zip(chunk).map(|(k, c)| k * c).collect();
            let mut whole = std::mem::take(&mut scratch.padded);
            let mut stored = std::mem::take(&mut scratch.stored);
            whole.resize_for_overwrite(chunk.iter().product::<u64>() as usize * size);
            let swap = self.dataset(dataset, |d| {
                let len = h5::stored_size(&d.id, &origin)?;
                if len == 0 {
                    fill(&mut whole, spec);
                    return Ok(d.swap);
                }
                stored.resize_for_overwrite(len as usize);
                let mask = h5::read_stored(&d.id, &origin, &mut stored)?;
                decode(mask, d.swap, &stored, &mut whole)?;
                Ok(d.swap)
            });
            swap?;
            let within: Dims = region.start.iter().zip(&origin).map(|(r, o)| r - o).collect();
            put(block, &region.shape, &within, chunk, &mut whole, size);
            let written = self.filtered(dataset, spec, &origin, &whole, scratch);
            (scratch.padded, scratch.stored) = (whole, stored);
            written
        };
        change()
            .at("file", self.target.display())
            .at("dataset", &spec.name)
            .at("chunk", format_args!("{coords:?}"))
    }

    fn region(&self, dataset: usize, spec: &DatasetSpec, region: &Region, block: &[u8]) -> Result<()> {
        let rank = spec.shape.len();
        let inside = region.start.len() == rank
            && region.shape.len() == rank
            && (0..rank)
                .all(|d| region.start[d].checked_add(region.shape[d]).is_some_and(|e| e <= spec.shape[d]));
        if !inside {
            return Err(Error::new(
                ErrorKind::Index,
                format!("the region leaves the shape {:?}", spec.shape),
            ));
        }
        if block.len() as u64 != region.len() * spec.dtype.size() as u64 {
            return Err(Error::new(
                ErrorKind::Value,
                format!("a block of {} bytes for the region", block.len()),
            ));
        }
        if region.is_empty() {
            return Ok(());
        }
        if let Some(chunk) = spec.chunks.as_deref() {
            return self.chunks(dataset, spec, chunk, region, block);
        }
        self.dataset(dataset, |d| match (d.at, &self.file) {
            (Some(at), Some(file)) => {
                let (size, mut swapped) = (spec.dtype.size(), Buffer::default());
                let block = if d.swap { reversed(block, size, &mut swapped) } else { block };
                write_rows(file, at, &spec.shape, region, block, size)
            }
            _ => h5::locked(|| {
                let file_space = h5::dataset_space(&d.id)?;
                h5::select(&file_space, &region.start, &Dims::from_elem(1, rank), &region.shape)?;
                let memory = h5::simple_space(&region.shape)?;
                h5::write_selection(
                    &d.id,
                    &h5::written_type(spec.dtype, spec.members.as_deref())?,
                    &memory,
                    &file_space,
                    block,
                )
            }),
        })
    }
}

impl Hdf5Writer {
    /// Writes the chunks of a region. libhdf5 is not asked to: 1.10 forgets that a write failed.
    fn chunks(
        &self,
        dataset: usize,
        spec: &DatasetSpec,
        chunk: &[u64],
        region: &Region,
        block: &[u8],
    ) -> Result<()> {
        let end = |d: usize| region.start[d] + region.shape[d];
        let whole = |d: usize| {
            region.start[d].is_multiple_of(chunk[d])
                && (end(d).is_multiple_of(chunk[d]) || end(d) == spec.shape[d])
        };
        if !(0..chunk.len()).all(whole) {
            return Err(Error::new(
                ErrorKind::Value,
                "a region of a chunked dataset is made of whole chunks",
            ));
        }
        let (size, inside) = (spec.dtype.size(), Grid::regular(&region.shape, chunk));
        let (counts, strides) = (inside.counts(), c_strides(&region.shape));
        let (mut piece, mut scratch) = (Buffer::default(), WriteScratch::new());
        for n in 0..inside.blocks() {
            let at = unravel(n, &counts);
            let part = inside.region(&at);
            let row = part.shape.last().copied().unwrap_or(1) as usize * size;
            let outer = &part.shape[..part.shape.len() - 1];
            piece.resize_for_overwrite(part.len() as usize * size);
            for (k, to) in piece.chunks_exact_mut(row).enumerate() {
                let index = unravel(k as u64, outer);
                let place = |d: usize| part.start[d] + index.get(d).copied().unwrap_or(0);
                let from =
                    (0..chunk.len()).map(|d| place(d) * strides[d] as u64).sum::<u64>() as usize * size;
                to.copy_from_slice(&block[from..from + row]);
            }
            let coords: Dims = (0..chunk.len()).map(|d| region.start[d] / chunk[d] + at[d]).collect();
            self.chunk(dataset, spec, &coords, &piece, &mut scratch)?;
        }
        Ok(())
    }
}

/// Checks that a file can have these datasets.
///
/// # Errors
/// As [`DatasetSpec::check`]; `Value` for names and dimensions that cannot be beside each other.
pub(super) fn check(datasets: &[DatasetSpec]) -> Result<()> {
    datasets.iter().try_for_each(|d| d.check().at("dataset", &d.name))?;
    let names: Vec<&str> = datasets.iter().map(|d| d.name.trim_matches('/')).collect();
    for (n, name) in names.iter().enumerate() {
        let inside = |other: &&str| {
            other.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let clash = names.iter().enumerate().any(|(m, other)| m != n && inside(other));
        if clash {
            return Err(Error::new(
                ErrorKind::Value,
                format!("'{name}' would be there twice, or a group too"),
            )
            .hint("give each dataset a name of its own"));
        }
    }
    scales::plan(datasets).map(drop)
}

/// What is written to a file.
pub(super) struct Contents<'a> {
    /// Its datasets: new ones, and those of the file as they will be.
    pub datasets: &'a [DatasetSpec],
    /// Of those that the file has, which part is written; nothing of others.
    pub parts: &'a [Option<Part>],
    /// Attributes of its root.
    pub attributes: &'a [(String, AttributeData)],
}

impl<'a> Contents<'a> {
    fn new(datasets: &'a [DatasetSpec]) -> Self {
        Contents { datasets, parts: &[], attributes: &[] }
    }

    fn part(&self, n: usize) -> Option<&Part> {
        self.parts.get(n).and_then(Option::as_ref)
    }

    fn new_ones(&self) -> impl Iterator<Item = &DatasetSpec> {
        self.datasets.iter().enumerate().filter(|(n, _)| self.part(*n).is_none()).map(|(_, d)| d)
    }
}

fn create_in(target: &Path, whole: WholeFile, contents: &Contents, mode: Mode) -> Result<Hdf5Writer> {
    let new: Vec<DatasetSpec> = contents.new_ones().cloned().collect();
    let plan = scales::plan(&new)?;
    let open = h5::locked(|| -> Result<Open> {
        let file = match mode {
            Mode::Change => h5::open_to_change(&whole.path())?,
            Mode::New | Mode::Replace => h5::create_file(&whole.path())?,
        };
        for (name, _) in contents.attributes {
            h5::remove_attribute(&file, name)?;
        }
        write_attributes(&file, contents.attributes)?;
        let each = contents.datasets.iter().enumerate();
        let datasets: Vec<Dataset> = each
            .map(|(n, d)| {
                let opened =
                    contents.part(n).map_or_else(|| make(&file, d), |part| existing::open(&file, d, part));
                opened.at("dataset", &d.name)
            })
            .collect::<Result<_>>()?;
        let made = datasets.iter().enumerate().filter(|(n, _)| contents.part(*n).is_none());
        scales::write(&file, &plan, &made.map(|(_, d)| &d.id).collect::<Vec<_>>())?;
        Ok(Open { file, datasets })
    })?;
    Ok(Hdf5Writer {
        target: target.to_path_buf(),
        specs: contents.datasets.to_vec(),
        open: RwLock::new(Some(open)),
        file: Some(whole),
        changing: Mutex::default(),
    })
}

fn make(file: &Id, d: &DatasetSpec) -> Result<Dataset> {
    let filters: Vec<_> = d.used_filters().iter().map(|f| (f.id(), f.values(d.dtype.size()))).collect();
    let creation = Creation {
        shape: &d.shape,
        maxshape: d.maxshape.as_deref(),
        dtype: d.dtype,
        members: d.members.as_deref(),
        chunks: d.chunks.as_deref(),
        filters: &filters,
        fill: d.fillvalue,
    };
    let id = h5::create_dataset(file, &d.name, &creation)?;
    write_attributes(&id, &d.attributes)?;
    let at = if d.chunks.is_none() { h5::offset(&id) } else { None };
    Ok(Dataset { id, at, swap: false, there: false })
}

fn write_attributes(object: &Id, attributes: &[(String, AttributeData)]) -> Result<()> {
    attributes.iter().try_for_each(|(name, value)| match value {
        AttributeData::Text(text) => h5::write_text(object, name, text),
        AttributeData::Numbers(values) => h5::write_numbers(object, name, values),
    })
}

/// Undoes the filters of a chunk: mask, whether elements have the other byte order, stored bytes, the chunk.
pub(crate) type Decode<'a> = &'a mut dyn FnMut(u32, bool, &[u8], &mut [u8]) -> Result<()>;

#[cfg(test)]
mod tests;
