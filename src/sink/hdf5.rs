//! Writing datasets to a new HDF5 file that appears all at once.
//!
//! The data goes to a temporary file beside the target; [`Hdf5Writer::finish`] flushes, closes and
//! syncs it, renames it over the target and syncs the folder. Until then the target is untouched,
//! and dropping the writer removes the temporary file. A killed process leaves the old target (and
//! perhaps a temporary file, which the next that writes to the target removes).
//!
//! Chunks are compressed by the caller's thread outside the HDF5 lock and handed over under it.
//! Limits: deflate and shuffle; the dtypes of this crate; native byte order.

use crate::buffer::Buffer;
use crate::dtype::{DType, Scalar};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, MAX_RANK, Region, checked_len};
use crate::h5::{self, Creation, Id};
use crate::whole::WholeFile;
use libdeflater::{CompressionLvl, Compressor};
use std::path::{Path, PathBuf};
use std::sync::RwLock;

/// The value of an attribute to write.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AttributeData {
    /// One string.
    Text(String),
    /// One number (a scalar) or several of one dtype (one axis).
    Numbers(Vec<Scalar>),
}

/// A dataset to write.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetSpec {
    /// Its path from the root; groups on the way are made.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its dtype; bool is written as h5py's enum.
    pub dtype: DType,
    /// The chunk shape; `None` for contiguous data.
    pub chunks: Option<Vec<u64>>,
    /// Deflate with this level, 1 to 12 (libdeflate's; beyond 9 the file says 9).
    pub deflate: Option<u8>,
    /// Whether bytes of equal rank are put together first, which helps deflate.
    pub shuffle: bool,
    /// Attributes.
    pub attributes: Vec<(String, AttributeData)>,
}

/// Buffers that a thread reuses for compressing.
#[derive(Default)]
pub struct WriteScratch {
    padded: Buffer,
    shuffled: Buffer,
    packed: Buffer,
    deflate: Option<(u8, Compressor)>,
}

impl WriteScratch {
    /// Empty buffers.
    pub fn new() -> Self {
        WriteScratch::default()
    }

    /// The most bytes that writing chunks of `chunk_bytes` bytes uses, shuffled and compressed or not.
    pub fn bytes_for(chunk_bytes: u64, shuffle: bool, deflate: Option<u8>) -> u64 {
        let buffer = chunk_bytes.saturating_add(1024);
        let shuffled = if shuffle { buffer } else { 0 };
        let packed = deflate.map_or(0, |level| {
            // What libdeflate allocates for its searches; the last three levels look for more.
            let compressor = if level < 10 { 1 << 20 } else { 10 << 20 };
            buffer.saturating_add(chunk_bytes / 8 + compressor)
        });
        buffer.saturating_add(shuffled).saturating_add(packed)
    }
}

impl std::fmt::Debug for WriteScratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "WriteScratch({} bytes)",
            self.padded.capacity() + self.shuffled.capacity() + self.packed.capacity()
        )
    }
}

#[derive(Debug)]
struct Open {
    file: Id,
    datasets: Vec<Id>,
}

/// A new file being written. Its methods may be called from many threads.
#[derive(Debug)]
pub struct Hdf5Writer {
    target: PathBuf,
    specs: Vec<DatasetSpec>,
    // Declared before the file, so that it is closed before it is removed.
    open: RwLock<Option<Open>>,
    file: Option<WholeFile>,
}

impl Hdf5Writer {
    /// Makes a temporary file beside `target` with these datasets, all of them empty.
    ///
    /// # Errors
    /// `Io` if the folder cannot be written or the target is there and no plain file; `Shape` or `Value` for a dataset that cannot be.
    pub fn create(target: impl AsRef<Path>, datasets: &[DatasetSpec]) -> Result<Self> {
        let target = target.as_ref();
        let create = || create_in(target, WholeFile::beside(target)?, datasets);
        create().at("file", target.display())
    }

    /// As [`Hdf5Writer::create`], of a file that is not there: what appears meanwhile under its name is left alone.
    ///
    /// # Errors
    /// As [`Hdf5Writer::create`]; `Io` if there is something under the name, also when the file is finished.
    pub fn create_new(target: impl AsRef<Path>, datasets: &[DatasetSpec]) -> Result<Self> {
        let target = target.as_ref();
        let create = || create_in(target, WholeFile::create_new(target)?, datasets);
        create().at("file", target.display())
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

    /// Writes a region of dataset number `dataset`, contiguous or chunked, through libhdf5's own
    /// pipeline (one writer at a time). `block` holds the region, C order, native byte order.
    ///
    /// # Errors
    /// As [`Hdf5Writer::write_chunk`].
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

    fn with<T>(&self, dataset: usize, f: impl FnOnce(&Id) -> Result<T>) -> Result<T> {
        let open = self.open.read().unwrap_or_else(|e| e.into_inner());
        match open.as_ref().and_then(|o| o.datasets.get(dataset)) {
            Some(id) => f(id),
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
        let WriteScratch { padded, shuffled, packed, deflate } = scratch;
        let mut bytes: &[u8] = block;
        if block.len() != full {
            if block.len() != inside {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!(
                        "a block of {} bytes; the chunk has {full}, the array there {inside}",
                        block.len()
                    ),
                ));
            }
            padded.resize_for_overwrite(full);
            padded.fill(0);
            pad(block, &part, chunk, padded, size);
            bytes = padded;
        }
        if spec.shuffle && size > 1 {
            shuffled.resize_for_overwrite(full);
            shuffle(bytes, shuffled, size);
            bytes = shuffled;
        }
        if let Some(level) = spec.deflate {
            let compressor = match deflate {
                Some((l, c)) if *l == level => c,
                other => {
                    let l = CompressionLvl::new(i32::from(level)).map_err(|_| {
                        Error::new(ErrorKind::Value, format!("there is no deflate level {level}"))
                    })?;
                    &mut other.insert((level, Compressor::new(l))).1
                }
            };
            packed.resize_for_overwrite(compressor.zlib_compress_bound(full));
            let n = compressor.zlib_compress(bytes, packed).map_err(|e| {
                Error::new(ErrorKind::Internal, "a chunk does not compress").caused_by(e.to_string())
            })?;
            bytes = &packed[..n];
        }
        self.with(dataset, |id| h5::write_stored(id, &origin, 0, bytes))
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
        self.with(dataset, |id| {
            h5::locked(|| {
                let file_space = h5::dataset_space(id)?;
                h5::select(&file_space, &region.start, &Dims::from_elem(1, rank), &region.shape)?;
                let memory = h5::simple_space(&region.shape)?;
                h5::write_selection(id, &h5::file_type(spec.dtype)?, &memory, &file_space, block)
            })
        })
    }
}

fn create_in(target: &Path, whole: WholeFile, datasets: &[DatasetSpec]) -> Result<Hdf5Writer> {
    for d in datasets {
        check(d).at("dataset", &d.name)?;
    }
    let open = h5::locked(|| -> Result<Open> {
        let file = h5::create_file(&whole.path())?;
        let make = |d: &DatasetSpec| -> Result<Id> {
            let creation = Creation {
                shape: &d.shape,
                dtype: d.dtype,
                chunks: d.chunks.as_deref(),
                shuffle: d.shuffle && d.dtype.size() > 1,
                deflate: d.deflate.map(|l| l.min(9)),
            };
            let id = h5::create_dataset(&file, &d.name, &creation)?;
            for (name, value) in &d.attributes {
                match value {
                    AttributeData::Text(text) => h5::write_text(&id, name, text)?,
                    AttributeData::Numbers(values) => h5::write_numbers(&id, name, values)?,
                }
            }
            Ok(id)
        };
        let datasets = datasets.iter().map(|d| make(d).at("dataset", &d.name)).collect::<Result<_>>()?;
        Ok(Open { file, datasets })
    })?;
    Ok(Hdf5Writer {
        target: target.to_path_buf(),
        specs: datasets.to_vec(),
        open: RwLock::new(Some(open)),
        file: Some(whole),
    })
}

fn check(d: &DatasetSpec) -> Result<()> {
    let shape = |message: String| Err(Error::new(ErrorKind::Shape, message));
    if d.shape.len() > MAX_RANK || checked_len(&d.shape).and_then(|n| n.checked_mul(8)).is_none() {
        return shape(format!("an array of shape {:?}", d.shape));
    }
    if d.name.trim_matches('/').is_empty() {
        return Err(Error::new(ErrorKind::Value, "a dataset without a name"));
    }
    let Some(chunks) = &d.chunks else {
        if d.deflate.is_some() || d.shuffle {
            return Err(Error::new(ErrorKind::Value, "only chunked data can be compressed"));
        }
        return Ok(());
    };
    let bytes = checked_len(chunks).and_then(|n| n.checked_mul(d.dtype.size() as u64));
    if chunks.len() != d.shape.len() || chunks.is_empty() || chunks.contains(&0) {
        return shape(format!("chunks of shape {chunks:?} for an array of shape {:?}", d.shape));
    }
    if bytes.is_none_or(|n| n > u64::from(u32::MAX)) {
        return shape(format!("a chunk of shape {chunks:?} takes 4 GiB or more"));
    }
    if d.deflate.is_some_and(|l| !(1..=12).contains(&l)) {
        return Err(Error::new(ErrorKind::Value, "a deflate level is 1 to 12"));
    }
    Ok(())
}

/// Puts a block of shape `part` into the corner of a chunk.
fn pad(block: &[u8], part: &[u64], chunk: &[u64], out: &mut [u8], size: usize) {
    let row = part.last().copied().unwrap_or(1) as usize * size;
    let outer = &part[..part.len().saturating_sub(1)];
    for (k, piece) in block.chunks_exact(row.max(1)).enumerate() {
        let index = crate::grid::unravel(k as u64, outer);
        let at =
            index.iter().zip(chunk).fold(0, |n, (&i, &c)| n * c + i) * chunk.last().copied().unwrap_or(1);
        out[at as usize * size..][..row].copy_from_slice(piece);
    }
}

/// The HDF5 shuffle: the first bytes of all elements, then the second ones, and so on.
fn shuffle(src: &[u8], dst: &mut [u8], size: usize) {
    let n = src.len() / size;
    for (k, plane) in dst.chunks_exact_mut(n.max(1)).enumerate() {
        for (d, s) in plane.iter_mut().zip(src.chunks_exact(size)) {
            *d = s[k];
        }
    }
}

#[cfg(test)]
mod tests;
