//! Files to be written, as they are asked for.

use super::store_options::StoreOptions;
use crate::array::Array;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, show_shape};
use crate::sink::hdf5::{AttributeData, DatasetSpec, Part, check_plain, existing};
use crate::sink::{Format, Mode, Writer};
use crate::whole::WholeFile;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A file to be written: arrays, and the datasets that they become. Its format is that of its name ([`Format`]): HDF5, or
/// NumPy's. Nothing happens before [`Session::run_with`](crate::Session::run_with).
///
/// A file that is there is replaced, refused ([`Store::create_new`]), or changed ([`Store::append`], [`Store::extend`],
/// [`Store::region`]): then a copy of it is changed, which takes its place when the run is done. At any time the file is the
/// old one or the whole new one, whatever becomes of the run.
///
/// ```
/// use chunkwise::{Array, Session, Store, StoreOptions};
/// # fn main() -> chunkwise::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("log.h5");
/// let session = Session::new()?;
/// let day = |n: u64| Array::random(&[24, 10], n, chunkwise::DType::F32);
/// session.store(&path, &[("t", &day(0))], &StoreOptions::new().maxshape(&[None, Some(10)]))?;
/// let changed = Store::new(&path).extend("t", &day(1), 0).append().dataset("mean", &day(1).mean());
/// session.run_with(&[], &[changed])?;
/// assert_eq!(Array::open(&path, "t")?.shape()?, [48, 10]);
/// session.run_with(&[], &[Store::new(&path).region("t", &day(2), &[24, 0])])?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) path: PathBuf,
    datasets: Vec<Asked>,
    options: StoreOptions,
    pub(super) attributes: Vec<(String, AttributeData)>,
    pub(super) mode: Mode,
    /// A file that was begun, to which this one goes on.
    begun: Option<Arc<Mutex<Option<WholeFile>>>>,
}

/// A dataset that is asked for.
#[derive(Clone, Debug)]
struct Asked {
    name: String,
    array: Array,
    options: Option<StoreOptions>,
    to: To,
}

/// Where an array goes.
#[derive(Clone, Debug)]
enum To {
    New,
    End(usize),
    Region(Vec<u64>),
}

impl Store {
    /// A new file at `path`, without datasets.
    pub fn new(path: impl AsRef<Path>) -> Store {
        Store {
            path: path.as_ref().into(),
            datasets: Vec::new(),
            options: StoreOptions::new(),
            attributes: Vec::new(),
            mode: Mode::Replace,
            begun: None,
        }
    }

    /// A file that was begun, whose datasets are written.
    pub(super) fn begun(path: &Path, whole: WholeFile) -> Store {
        Store { begun: Some(Arc::new(Mutex::new(Some(whole)))), ..Store::new(path) }
    }

    /// Begins to write it.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub(super) fn writer(&self, specs: &[DatasetSpec], parts: &[Option<Part>]) -> Result<Writer> {
        let begun = self.begun.as_ref().and_then(|b| b.lock().unwrap_or_else(PoisonError::into_inner).take());
        match begun {
            Some(whole) => Writer::over(&self.path, whole, specs, parts),
            None => Writer::create(&self.path, specs, parts, &self.attributes, self.mode),
        }
    }

    /// The dataset of that name which is there already.
    fn there(&self, name: &str, units: Option<&str>) -> Result<(DatasetSpec, bool)> {
        let begun = self.begun.as_ref().map(|b| b.lock().unwrap_or_else(PoisonError::into_inner));
        match begun.as_ref().and_then(|b| b.as_ref()) {
            // Numbers go on as they were stored.
            Some(whole) => existing(&whole.path(), name),
            None => {
                check_plain(&self.path, name, units)?;
                existing(&self.path, name)
            }
        }
    }

    /// How its datasets are stored.
    pub fn options(mut self, options: &StoreOptions) -> Store {
        self.options = options.clone();
        self
    }

    /// A file that must not be there, neither when the run begins nor when it is put in its place; otherwise
    /// one that is there is replaced.
    pub fn create_new(mut self) -> Store {
        self.mode = Mode::New;
        self
    }

    /// An HDF5 file that is there, to which datasets are added; what it has stays. A name that it has already is refused.
    pub fn append(mut self) -> Store {
        self.mode = Mode::Change;
        self
    }

    /// One more dataset; groups on the way to it are made.
    pub fn dataset(self, name: &str, array: &Array) -> Store {
        self.with(name, array, None, To::New)
    }

    /// As [`Store::dataset`], stored in its own way.
    pub fn dataset_with(self, name: &str, array: &Array, options: &StoreOptions) -> Store {
        self.with(name, array, Some(options), To::New)
    }

    /// An array behind the end of the dataset `name` of the file, which gets longer along `axis`. It must be one that can
    /// grow ([`StoreOptions::maxshape`]), of the array's shape along the other axes, and its dtype must hold the array's.
    pub fn extend(self, name: &str, array: &Array, axis: usize) -> Store {
        self.append().with(name, array, None, To::End(axis))
    }

    /// An array in the place of a part of the dataset `name` of the file, which begins at `start`.
    pub fn region(self, name: &str, array: &Array, start: &[u64]) -> Store {
        self.append().with(name, array, None, To::Region(start.to_vec()))
    }

    fn with(mut self, name: &str, array: &Array, options: Option<&StoreOptions>, to: To) -> Store {
        let (name, array, options) = (name.to_string(), array.clone(), options.cloned());
        self.datasets.push(Asked { name, array, options, to });
        self
    }

    /// An attribute of the file: of its root.
    pub fn attribute(mut self, name: &str, value: impl Into<AttributeData>) -> Store {
        self.attributes.push((name.to_string(), value.into()));
        self
    }

    /// What is to be stored, looked up in the file where that is changed.
    ///
    /// # Errors
    /// What cannot be stored so, before anything is planned.
    pub(super) fn prepared(&self) -> Result<Vec<Entry<'_>>> {
        if Format::of(&self.path)? != Format::Hdf5 {
            let options = self.datasets.iter().filter_map(|d| d.options.as_ref()).chain([&self.options]);
            if !self.attributes.is_empty() || !options.into_iter().all(StoreOptions::plain) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "NumPy's files have no chunks, filters, fill values, dimensions and attributes",
                )
                .hint("leave them away, or store the results in an .h5 file"));
            }
            if self.mode == Mode::Change {
                return Err(Error::new(ErrorKind::Unsupported, "only HDF5 files can be added to")
                    .hint("store all results in one run, or in an .h5 file"));
            }
        }
        let all: Vec<Entry> =
            self.datasets.iter().map(|d| self.entry(d).at("dataset", &d.name)).collect::<Result<_>>()?;
        for (n, entry) in all.iter().enumerate().filter(|(_, e)| e.part().is_some()) {
            let same = |other: &&Entry| other.name.trim_matches('/') == entry.name.trim_matches('/');
            if let Some(other) = all[..n].iter().find(same).or(all[n + 1..].iter().find(same)) {
                return Err(Error::new(ErrorKind::Value, "a dataset is written twice in one run")
                    .at("dataset", other.name));
            }
        }
        Ok(all)
    }

    fn entry<'a>(&'a self, asked: &'a Asked) -> Result<Entry<'a>> {
        let options = asked.options.as_ref().unwrap_or(&self.options);
        let name = asked.name.as_str();
        let start = match &asked.to {
            To::New => {
                let entry = Entry { name, array: options.stored(&asked.array)?, options, there: None };
                // Chunks of its own choice are checked where they are known.
                entry.dataset(|| Some(vec![1; entry.array.ndim().ok()?]))?;
                return Ok(entry);
            }
            To::End(_) => None,
            To::Region(start) => Some(start),
        };
        let (mut spec, swap) =
            self.there(name, asked.array.annotations()?.get("units").map(String::as_str))?;
        let (shape, dtype) = (asked.array.shape()?, asked.array.dtype()?);
        if dtype.promote(spec.dtype) != spec.dtype {
            return Err(Error::new(
                ErrorKind::Type,
                format!("the dataset of {} does not hold values of {dtype}", spec.dtype),
            )
            .hint(format!("cast them: {}(…)", spec.dtype)));
        }
        let rank = spec.shape.len();
        let no = |what: String| Err(Error::new(ErrorKind::Shape, what));
        if shape.len() != rank || start.is_some_and(|s| s.len() != rank) {
            return no(format!(
                "an array of shape {} for a dataset of shape {}",
                show_shape(shape),
                show_shape(&spec.shape)
            ));
        }
        let start = match (&asked.to, start) {
            (To::End(axis), _) => {
                let others = (0..rank).all(|d| d == *axis || shape[d] == spec.shape[d]);
                if *axis >= rank || !others {
                    return no(format!(
                        "an array of shape {} cannot follow a dataset of shape {} along axis {axis}",
                        show_shape(shape),
                        show_shape(&spec.shape)
                    ));
                }
                let start: Vec<u64> = (0..rank).map(|d| if d == *axis { spec.shape[d] } else { 0 }).collect();
                let len = spec.shape[*axis].checked_add(shape[*axis]);
                let most = spec.maxshape.as_ref().map(|m| m[*axis]);
                match (len, most) {
                    (Some(len), Some(most)) if spec.chunks.is_some() && most.is_none_or(|m| len <= m) => {
                        spec.shape[*axis] = len;
                    }
                    _ => {
                        return no(format!("the dataset cannot grow by {} along axis {axis}", shape[*axis])).map_err(|e: Error| {
                            e.hint("a dataset that is stored with a maxshape can grow: --maxshape none,… when it is made")
                        });
                    }
                }
                start
            }
            (_, Some(start)) => {
                let inside =
                    (0..rank).all(|d| start[d].checked_add(shape[d]).is_some_and(|end| end <= spec.shape[d]));
                if !inside {
                    return no(format!(
                        "an array of shape {} at {} leaves the dataset of shape {}",
                        show_shape(shape),
                        show_shape(start),
                        show_shape(&spec.shape)
                    ));
                }
                start.clone()
            }
            (_, None) => Vec::new(),
        };
        let array = asked.array.cast(spec.dtype);
        Ok(Entry { name, array, options, there: Some((spec, Part { start, swap })) })
    }
}

/// An array on its way to a dataset.
pub(super) struct Entry<'a> {
    pub name: &'a str,
    /// As it is stored.
    pub array: Array,
    options: &'a StoreOptions,
    /// The dataset as it will be, and the part of it, if the file has it.
    there: Option<(DatasetSpec, Part)>,
}

impl Entry<'_> {
    /// The part of a dataset that the file has.
    pub fn part(&self) -> Option<&Part> {
        self.there.as_ref().map(|(_, part)| part)
    }

    /// The chunks that its blocks are made for; none if nothing is said.
    ///
    /// # Errors
    /// `Shape` where they do not fit.
    pub fn chunks_asked(&self) -> Result<Option<Dims>> {
        match &self.there {
            None => self.options.chunks_asked(&self.array),
            Some((spec, part)) => {
                let chunks: Option<Dims> = spec.chunks.as_deref().map(Dims::from);
                Ok(chunks.filter(|chunks| part.in_chunks(chunks)))
            }
        }
    }

    /// The dataset, of a stage whose blocks are of the shape `own`.
    ///
    /// # Errors
    /// As [`StoreOptions::dataset`].
    pub fn dataset(&self, own: impl Fn() -> Option<Vec<u64>>) -> Result<DatasetSpec> {
        match &self.there {
            Some((spec, _)) => Ok(spec.clone()),
            None => self.options.dataset(self.name, &self.array, own),
        }
    }
}
