//! Storing arrays in HDF5 files, chunk by chunk, so that what is stored never has to fit the budget.
//!
//! A dataset is a target like any other: all that is stored and computed in one run is one plan, and what
//! it shares is read and computed once. The tasks of a stage make whole chunks of the datasets that it is
//! stored in, so that none has to be put together; arrays of one shape that are stored in chunks of two are
//! two stages.

use super::measured::explain_run;
use super::store_options::StoreOptions;
use super::{Outcome, Session};
use crate::array::{Array, Target};
use crate::buffer::Buffer;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::exec::{self, Handed, Outlets, Report, Taker};
use crate::graph::{Built, Graph};
use crate::grid::{Dims, Grid, Region, Slab, unravel};
use crate::plan::{Bound, Ends, Plan, ValueId, Written};
use crate::sink::hdf5::{AttributeData, DatasetSpec, WriteScratch};
use crate::sink::{Format, Mode, Writer};
use crate::source::{SourceSpec, copy_slab};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// An HDF5 file to be written: arrays, and the datasets that they become. Nothing happens before
/// [`Session::run_with`].
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
    datasets: Vec<(String, Array, Option<StoreOptions>)>,
    options: StoreOptions,
    attributes: Vec<(String, AttributeData)>,
    new: bool,
}

impl Store {
    /// A new file at `path`, without datasets.
    pub fn new(path: impl AsRef<Path>) -> Store {
        Store {
            path: path.as_ref().into(),
            datasets: Vec::new(),
            options: StoreOptions::new(),
            attributes: Vec::new(),
            new: false,
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
        self.new = true;
        self
    }

    /// One more dataset; groups on the way to it are made.
    pub fn dataset(mut self, name: &str, array: &Array) -> Store {
        self.datasets.push((name.to_string(), array.clone(), None));
        self
    }

    /// As [`Store::dataset`], stored in its own way.
    pub fn dataset_with(mut self, name: &str, array: &Array, options: &StoreOptions) -> Store {
        self.datasets.push((name.to_string(), array.clone(), Some(options.clone())));
        self
    }

    /// An attribute of the file: of its root.
    pub fn attribute(mut self, name: &str, value: impl Into<AttributeData>) -> Store {
        self.attributes.push((name.to_string(), value.into()));
        self
    }

    /// Checks that its format has what is asked for.
    fn check(&self) -> Result<()> {
        let plain = self.attributes.is_empty() && self.all().all(|(_, _, options)| options.plain());
        match Format::of(&self.path)? {
            Format::Hdf5 => Ok(()),
            _ if plain => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "NumPy's files have no chunks, filters, fill values, dimensions and attributes",
            )
            .hint("leave them away, or store the results in an .h5 file")),
        }
    }

    /// The datasets as they are stored, and how.
    fn all(&self) -> impl Iterator<Item = (&str, Array, &StoreOptions)> {
        self.datasets.iter().map(|(name, array, own)| {
            let options = own.as_ref().unwrap_or(&self.options);
            (name.as_str(), options.stored(array), options)
        })
    }
}

/// A result that is written.
struct Place {
    value: ValueId,
    /// The file and the dataset in it, by their positions.
    at: (usize, usize),
    /// The shape of its chunks; none if it is contiguous.
    chunk: Option<Dims>,
}

/// A plan of what is computed and stored.
struct Stored {
    plan: Plan,
    ends: Ends,
    /// Per file, its datasets.
    specs: Vec<Vec<DatasetSpec>>,
    places: Vec<Place>,
}

impl Session {
    /// Stores arrays as datasets of a new HDF5 file. Each block is computed, compressed and written
    /// by one worker; nothing larger is held. The file is written beside `path` and renamed when all
    /// of it is there, so `path` is the old file or the whole new one at any time.
    ///
    /// ```
    /// use chunkwise::{Array, Session, StoreOptions};
    /// # fn main() -> chunkwise::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("out.h5");
    /// let x = Array::linspace(0.0, 1.0, 1_000_000);
    /// let session = Session::new()?;
    /// session.store(&path, &[("/square", &x.square())], &StoreOptions::new().deflate(1))?;
    /// assert_eq!(session.compute(&Array::open(&path, "/square")?.max())?.item::<f64>()?, 1.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Value` if the file is also an input; `Budget` if one block does not fit; `Io` (a full disk says
    /// so); and as [`Session::compute`].
    pub fn store(
        &self,
        path: impl AsRef<Path>,
        datasets: &[(&str, &Array)],
        options: &StoreOptions,
    ) -> Result<Report> {
        let store = Store::new(path).options(options);
        let store = datasets.iter().fold(store, |store, (name, array)| store.dataset(name, array));
        Ok(self.run_with(&[], &[store])?.report)
    }

    /// Computes targets and stores arrays in one run: what they share is read and computed once, as
    /// `dask.compute` does with what `to_zarr(compute=False)` gave. The values are those of the targets;
    /// the files appear when all of the run is done, each at once.
    ///
    /// ```
    /// use chunkwise::{Array, BinAxis, Session, Store};
    /// # fn main() -> chunkwise::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("out.h5");
    /// let x = Array::random(&[1000, 1000], 7, chunkwise::DType::F32);
    /// let store = Store::new(&path).dataset("/root", &x.sqrt()).dataset("/square", &x.square());
    /// let histogram = x.histogram(BinAxis::Uniform { bins: 10, low: 0.0, high: 1.0 });
    /// let outcome = Session::new()?.run_with(&[&x.mean(), &histogram], &[store])?;
    /// assert_eq!(outcome.values.len(), 2);
    /// assert_eq!(Array::open(&path, "/root")?.shape()?, [1000, 1000]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Session::compute`] and [`Session::store`]. No file has changed then, unless one of several
    /// could not be put in its place after others were.
    pub fn run_with(&self, targets: &[&dyn Target], stores: &[Store]) -> Result<Outcome> {
        Ok(self.run_stored(targets, stores)?.0)
    }

    /// As [`Session::run_with`], and the plan as [`Session::explain`] has it with what was measured beside what was
    /// foreseen: `EXPLAIN ANALYZE`. What bounded each stage is there if the session is
    /// [traced](crate::SessionBuilder::trace); [`Trace::sums`](crate::trace::Trace::sums) is enough.
    ///
    /// # Errors
    /// As [`Session::run_with`].
    pub fn run_explained(&self, targets: &[&dyn Target], stores: &[Store]) -> Result<(Outcome, String)> {
        let (outcome, plan, bound) = self.run_stored(targets, stores)?;
        let text = explain_run(&plan, &bound, &outcome.report);
        Ok((outcome, text))
    }

    fn run_stored(&self, targets: &[&dyn Target], stores: &[Store]) -> Result<(Outcome, Plan, Bound)> {
        let start = Instant::now();
        let stored = self.plan_stored(targets, stores)?;
        let Stored { plan, ends, specs, places } = stored;
        let bound = self.bind_with(&plan, &ends)?;
        let writers = stores.iter().zip(&specs).map(|(s, specs)| {
            let mode = if s.new { Mode::New } else { Mode::Replace };
            Writer::create(&s.path, specs, &s.attributes, mode)
        });
        let writing = Writing::new(writers.collect::<Result<_>>()?, &places);
        let counters = self.counters();
        let outlets = Outlets { taker: Some(&writing), ..Outlets::default() };
        let values = self.with_context(|cx| exec::run(&plan, &bound, outlets, cx, &counters))?;
        writing.writers.into_iter().try_for_each(Writer::finish)?;
        let results = plan.results()[..targets.len()].iter();
        let values = results.map(|&v| exec::result(&values, v)).collect::<Result<_>>()?;
        let report = self.report(&plan, &bound, &counters, start);
        Ok((Outcome { values, report }, plan, bound))
    }

    /// As [`Session::explain`], of what [`Session::run_with`] would do.
    ///
    /// # Errors
    /// As [`Session::run_with`], as far as nothing need be read.
    pub fn explain_with(&self, targets: &[&dyn Target], stores: &[Store]) -> Result<String> {
        let Stored { plan, ends, .. } = self.plan_stored(targets, stores)?;
        Ok(self.bind_with(&plan, &ends)?.explain(&plan))
    }

    /// One plan for all that is computed and stored.
    fn plan_stored(&self, targets: &[&dyn Target], stores: &[Store]) -> Result<Stored> {
        let mut roots =
            targets.iter().map(|t| t.built().map_err(|e| e.duplicate())).collect::<Result<Vec<_>>>()?;
        let (mut written, mut kinds, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
        for store in stores {
            store.check().at("file", store.path.display())?;
            for (name, array, options) in store.all() {
                let chunks = options.chunks_asked(&array).at("dataset", name)?;
                // Before anything is planned; chunks of its own choice are checked where it is known.
                options.dataset(name, &array, || Some(vec![1; array.ndim().ok()?])).at("dataset", name)?;
                let kind = kinds.iter().position(|k| *k == chunks).unwrap_or(kinds.len());
                if kind == kinds.len() {
                    kinds.push(chunks.clone());
                }
                let built: Built = array.apart(kind).built;
                written.push(Written { result: roots.len(), chunks });
                roots.push(built.map_err(|e| e.duplicate()).at("dataset", name)?);
                arrays.push(array);
            }
        }
        let streamed = |plan: &Plan| plan.results()[targets.len()..].to_vec();
        let graph = Graph::new(&roots);
        let ends = |plan: &Plan| Ends { streamed: streamed(plan), ..Ends::default() };
        let mut plan = self.planned(&graph, &written, &ends, true)?;
        if stores.is_empty() {
            plan = self.rechunked(&graph, plan)?;
        }
        stores.iter().try_for_each(|s| is_no_input(&plan, &s.path))?;
        let mut specs: Vec<Vec<DatasetSpec>> = vec![Vec::new(); stores.len()];
        let (mut places, mut ends) = (Vec::new(), Ends::default());
        let results = &plan.results()[targets.len()..];
        let files = stores.iter().enumerate().flat_map(|(n, s)| s.all().map(move |d| (n, d)));
        for (((file, (name, _, options)), array), &value) in files.zip(&arrays).zip(results) {
            let own =
                || plan.grid_of(value).map(|grid| grid.axes.iter().map(|a| a.longest().max(1)).collect());
            let mut spec = options.dataset(name, array, own).at("dataset", name)?;
            let in_chunks = Format::of(&stores[file].path)? == Format::Hdf5;
            spec.chunks = spec.chunks.filter(|_| in_chunks);
            let chunk: Option<Dims> = spec.chunks.as_deref().map(Dims::from);
            ends.handing = ends.handing.max(handing(&plan, value, &spec));
            ends.streamed.extend(Some(value).filter(|v| !ends.streamed.contains(v)));
            places.push(Place { value, at: (file, specs[file].len()), chunk });
            specs[file].push(spec);
        }
        stores
            .iter()
            .zip(&specs)
            .try_for_each(|(s, specs)| Writer::check(&s.path, specs).at("file", s.path.display()))?;
        Ok(Stored { plan, ends, specs, places })
    }
}

/// Checks that a plan does not read the file that is to be written.
fn is_no_input(plan: &Plan, path: &Path) -> Result<()> {
    let target = path.canonicalize().ok();
    let mut is_target = |spec: &SourceSpec| match (spec.in_file(), &target) {
        (Some((path, _)), Some(target)) => path.canonicalize().is_ok_and(|p| p == *target),
        _ => false,
    };
    match plan.sources().iter().any(|s| s.spec.any(&mut is_target)) {
        false => Ok(()),
        true => Err(Error::new(ErrorKind::Value, "the file to write is also an input")
            .at("file", path.display())
            .hint("write to another file and rename it afterwards")),
    }
}

/// Bytes that a worker takes to write a block of a value: the buffers that compress a chunk, and one chunk
/// of the block where that has several.
fn handing(plan: &Plan, value: ValueId, spec: &DatasetSpec) -> u64 {
    let Some(chunks) = &spec.chunks else { return 0 };
    let bytes = chunks.iter().fold(spec.dtype.size() as u64, |n, &c| n.saturating_mul(c));
    let whole = plan.grid_of(value).is_none_or(|grid| grid.largest().as_slice() == chunks.as_slice());
    let piece = if whole { 0 } else { Buffer::capacity_for(usize::try_from(bytes).unwrap_or(usize::MAX)) };
    WriteScratch::bytes_for(bytes, &spec.used_filters()).saturating_add(piece as u64)
}

/// Files under way, and what is written where.
struct Writing<'a> {
    writers: Vec<Writer>,
    places: HashMap<ValueId, Vec<&'a Place>>,
    /// What workers that are not writing have for it.
    spare: Mutex<Vec<(WriteScratch, Buffer)>>,
}

impl<'a> Writing<'a> {
    fn new(writers: Vec<Writer>, places: &'a [Place]) -> Self {
        let mut of: HashMap<ValueId, Vec<&Place>> = HashMap::new();
        places.iter().for_each(|p| of.entry(p.value).or_default().push(p));
        Writing { writers, places: of, spare: Mutex::default() }
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<(WriteScratch, Buffer)>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the chunks of a block.
    fn write(
        &self,
        place: &Place,
        region: &Region,
        elements: &[u8],
        (scratch, piece): &mut (WriteScratch, Buffer),
    ) -> Result<()> {
        let (writer, dataset) = (&self.writers[place.at.0], place.at.1);
        let Some(chunk) = &place.chunk else { return writer.write_region(dataset, region, elements) };
        let cut = region.start.iter().zip(chunk).any(|(&start, &c)| start % c != 0);
        if cut {
            return Err(Error::new(ErrorKind::Internal, "a block begins within a chunk of its target"));
        }
        let first: Dims = region.start.iter().zip(chunk).map(|(&start, &c)| start / c).collect();
        let inside = Grid::regular(&region.shape, chunk);
        let counts = inside.counts();
        for i in 0..inside.blocks() {
            let at = unravel(i, &counts);
            let coords: Dims = first.iter().zip(&at).map(|(f, k)| f + k).collect();
            if inside.blocks() == 1 {
                writer.write_chunk(dataset, &coords, elements, scratch)?;
                continue;
            }
            let mut part = inside.region(&at);
            part.start.iter_mut().zip(&region.start).for_each(|(p, start)| *p += start);
            let size = writer.dtype(dataset).size();
            piece.resize_for_overwrite(part.len() as usize * size);
            copy_slab(elements, region, &Slab::dense(&part), piece, size);
            writer.write_chunk(dataset, &coords, piece, scratch)?;
        }
        Ok(())
    }
}

impl Taker for Writing<'_> {
    fn take(&self, block: Handed) -> Result<()> {
        let mut buffers = self.spare().pop().unwrap_or_default();
        let places = self.places.get(&block.value).into_iter().flatten();
        let written = places.map(|p| self.write(p, block.region, block.elements, &mut buffers));
        let written = written.collect::<Result<()>>();
        self.spare().push(buffers);
        written
    }

    fn rest(&self) {
        self.spare().clear();
    }
}
