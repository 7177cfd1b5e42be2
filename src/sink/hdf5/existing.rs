//! Datasets that a file has already, of which a part is written, or which grow.
//!
//! libhdf5 is never asked to change a chunk: 1.10 forgets that a write failed when it puts a changed chunk out of its cache,
//! and the dataset is broken without an error. Whole chunks are filtered here, as those of new datasets are; of others what is
//! there is read, decoded, changed and filtered again, one at a time.

use super::dataset::Dataset;
use super::filter::Filter;
use super::spec::DatasetSpec;
use crate::dtype::Scalar;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::h5::{self, FilterInfo, Id, Layout, Object, RawValue};
use std::path::Path;

/// Which part of a dataset is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it begins.
    pub start: Vec<u64>,
    /// Whether elements have the other byte order.
    pub swap: bool,
}

impl Part {
    /// Whether it begins with a chunk.
    pub fn in_chunks(&self, chunk: &[u64]) -> bool {
        self.start.iter().zip(chunk).all(|(start, c)| start % c == 0)
    }
}

/// A dataset of a file, and whether its elements have the other byte order.
///
/// # Errors
/// `NotFound` if it is not there, `Io` or `Format` if the file cannot be read, `Unsupported` for what is not written.
pub(crate) fn existing(path: &Path, name: &str) -> Result<(DatasetSpec, bool)> {
    let look = || {
        h5::locked(|| {
            let file = h5::open_file(path)?;
            describe(&find(&file, name)?, name)
        })
    };
    look().at("file", path.display()).at("dataset", name)
}

/// Checks that numbers of a dataset are what they are stored as, and that those in `units`, if these are known, can
/// stand beside them.
///
/// # Errors
/// `Unsupported` if they are packed; `Value` for numbers in other units.
pub(crate) fn check_plain(path: &Path, name: &str, units: Option<&str>) -> Result<()> {
    h5::locked(|| {
        let id = find(&h5::open_file(path)?, name)?;
        if let (Some(ours), Some(theirs)) = (units, units_of(&id)?)
            && ours.trim() != theirs.trim()
        {
            return Err(Error::new(
                ErrorKind::Value,
                format!("the dataset is in {:?}, and what is to be written in it in {ours:?}", theirs.trim()),
            )
            .hint("bring the numbers to its units first; times of joined files have the units of the first: join it with that file"));
        }
        for packed in ["scale_factor", "add_offset"] {
            if h5::has_attribute(&id, packed)? {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("the dataset is packed: it has a {packed}"),
                )
                .hint("its numbers are not what is stored; store the results in a dataset of their own"));
            }
        }
        Ok(())
    })
}

/// The units that a dataset says.
fn units_of(id: &Id) -> Result<Option<String>> {
    for n in 0..h5::attribute_count(id) {
        let attribute = h5::attribute(id, n, 1)?;
        if let ("units", RawValue::Strings(texts)) = (attribute.name.as_str(), attribute.value) {
            return Ok(texts.into_iter().next());
        }
    }
    Ok(None)
}

/// The dataset of that name.
fn find(file: &Id, name: &str) -> Result<Id> {
    if !is_there(file, name)? {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no dataset '{name}' in the file"))
            .hint("--append alone adds a new one"));
    }
    match h5::open_object(file, name)? {
        (_, Object::Dataset) => h5::open_dataset(file, name),
        _ => Err(Error::new(ErrorKind::Type, format!("'{name}' is no dataset"))),
    }
}

fn describe(id: &Id, name: &str) -> Result<(DatasetSpec, bool)> {
    let unsupported = |what: &str| Err(Error::new(ErrorKind::Unsupported, what));
    let element = h5::element_type(&h5::dataset_type(id)?)?;
    let Some(dtype) = element.dtype.filter(|_| !element.convert) else {
        return unsupported(&format!("elements of type {} cannot be written", element.text));
    };
    let dcpl = h5::creation(id)?;
    let layout = h5::layout(&dcpl)?;
    if layout == Layout::Virtual || h5::external_files(&dcpl)? > 0 {
        return unsupported("the data lie in other files, which are not changed");
    }
    let space = h5::dataset_space(id)?;
    let Some(shape) = h5::shape_of(&space)? else {
        return unsupported("the dataset has no elements and no shape");
    };
    let mut spec = DatasetSpec::new(name, &shape, dtype);
    spec.maxshape = Some(h5::most_of(&space, shape.len())?);
    if layout == Layout::Chunked {
        let (chunks, plain_edges) = h5::chunk_shape(&dcpl)?;
        if plain_edges {
            return unsupported("chunks over the edge go without filters, and cannot be written");
        }
        spec.chunks = Some(chunks.to_vec());
        for f in h5::filters(&dcpl)? {
            let Some(own) = own(&f, dtype.size()) else {
                return unsupported(&format!(
                    "chunks with the filter '{}' ({}) cannot be written",
                    f.name, f.id
                ));
            };
            spec.filters.push(own);
        }
        let fill = h5::fill_value(&dcpl, &h5::file_type(dtype)?, dtype.size())?;
        spec.fillvalue = Scalar::from_bytes(dtype, &fill);
    }
    Ok((spec, element.swap))
}

/// The filter that makes the same of elements of `size` bytes.
pub(super) fn own(f: &FilterInfo, size: usize) -> Option<Filter> {
    let level = |least: u8, most: u8| {
        let level = f.values.first().and_then(|&v| u8::try_from(v).ok()).unwrap_or(least);
        level.clamp(least, most)
    };
    match (f.id, &f.values[..]) {
        (1, _) => Some(Filter::Deflate(level(0, 9))),
        (2, &[width, ..]) if width as usize == size => Some(Filter::Shuffle),
        (3, _) => Some(Filter::Fletcher32),
        (32004, _) => Some(Filter::Lz4),
        (32015, _) => Some(Filter::Zstd(level(1, 22))),
        (32008, &[_, _, width, 0, 2, ..]) if width as usize == size => Some(Filter::BitshuffleLz4),
        (32008, &[_, _, width] | &[_, _, width, 0] | &[_, _, width, 0, 0, ..]) if width as usize == size => {
            Some(Filter::Bitshuffle)
        }
        _ => None,
    }
}

/// Checks that the names of new datasets are free.
///
/// # Errors
/// `Value` for one that is not; `Io` or `Format` if the file cannot be read.
pub(super) fn check_new(path: &Path, datasets: &[DatasetSpec]) -> Result<()> {
    h5::locked(|| {
        let file = h5::open_file(path)?;
        for d in datasets {
            let mut before = String::new();
            let mut parts = d.name.split('/').filter(|part| !part.is_empty()).peekable();
            while let Some(part) = parts.next() {
                before = if before.is_empty() { part.to_string() } else { format!("{before}/{part}") };
                if h5::link(&file, &before)?.is_none() {
                    break;
                }
                let is_group =
                    || h5::open_object(&file, &before).is_ok_and(|(_, kind)| kind == Object::Group);
                if parts.peek().is_none() || !is_group() {
                    return Err(Error::new(
                        ErrorKind::Value,
                        format!("there is a '{before}' in the file already"),
                    )
                    .at("dataset", &d.name)
                    .hint("give the result another name; --append-axis and --region write into a dataset"));
                }
            }
        }
        Ok(())
    })
}

fn is_there(file: &Id, name: &str) -> Result<bool> {
    let mut before = String::new();
    for part in name.split('/').filter(|part| !part.is_empty()) {
        before = if before.is_empty() { part.to_string() } else { format!("{before}/{part}") };
        if h5::link(file, &before)?.is_none() {
            return Ok(false);
        }
    }
    Ok(!before.is_empty())
}

/// Opens a dataset to write a part of it, in the shape that it will have.
pub(super) fn open(file: &Id, d: &DatasetSpec, part: &Part) -> Result<Dataset> {
    let id = find(file, &d.name)?;
    let shape = h5::shape_of(&h5::dataset_space(&id)?)?.unwrap_or_default();
    if shape[..] != d.shape[..] {
        h5::set_extent(&id, &d.shape)?;
        // Dimensions that are no variables are as long as what they are of.
        for (axis, scale) in h5::scales_of(&id)?.iter().enumerate() {
            if let Some(scale) = scale.as_ref().filter(|_| shape[axis] != d.shape[axis]) {
                h5::grow_bare_scale(&h5::open_dataset(file, scale)?, d.shape[axis])?;
            }
        }
    }
    let contiguous = h5::layout(&h5::creation(&id)?)? == Layout::Contiguous;
    let mut at = h5::offset(&id).filter(|_| contiguous);
    if contiguous && at.is_none() && !d.shape.contains(&0) {
        // Nobody has written to it so far: with its first element it gets its place.
        let rank = d.shape.len();
        let space = h5::dataset_space(&id)?;
        let (zeros, ones) = (Dims::from_elem(0, rank), Dims::from_elem(1, rank));
        h5::select(&space, &zeros, &ones, &ones)?;
        let fill = h5::fill_value(&h5::creation(&id)?, &h5::file_type(d.dtype)?, d.dtype.size())?;
        h5::write_selection(&id, &h5::file_type(d.dtype)?, &h5::simple_space(&ones)?, &space, &fill)?;
        h5::flush(file)?;
        at = h5::offset(&id);
    }
    Ok(Dataset { id, at, swap: part.swap, there: true })
}
