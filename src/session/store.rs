//! Storing arrays in HDF5 files, chunk by chunk, so that what is stored never has to fit the budget.
//!
//! A dataset is a target like any other: all that is stored and computed in one run is one plan, and what
//! it shares is read and computed once. The tasks of a stage make whole chunks of the datasets that it is
//! stored in, so that none has to be put together; arrays of one shape that are stored in chunks of two are
//! two stages.

use super::measured::explain_run;
use super::store_file::Store;
use super::store_options::StoreOptions;
use super::writing::{Place, Writing, handing};
use super::{Outcome, Session};
use crate::array::{Array, Target};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::exec::{self, Outlets, Report};
use crate::graph::{Built, Graph};
use crate::plan::{Bound, Ends, Plan, Written};
use crate::sink::hdf5::{DatasetSpec, Part};
use crate::sink::{Format, Writer};
use crate::source::SourceSpec;
use crate::whole::is_same_file;
use std::path::Path;
use std::time::Instant;

/// A plan of what is computed and stored.
struct Stored {
    plan: Plan,
    ends: Ends,
    /// Per file, its datasets.
    specs: Vec<Vec<DatasetSpec>>,
    /// And which parts of them are written, of those that the file has.
    parts: Vec<Vec<Option<Part>>>,
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
        let Stored { plan, ends, specs, parts, places } = stored;
        let bound = self.bind_with(&plan, &ends)?;
        let writers =
            stores.iter().zip(specs.iter().zip(&parts)).map(|(s, (specs, parts))| s.writer(specs, parts));
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
        let (mut written, mut kinds, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for (file, store) in stores.iter().enumerate() {
            for entry in store.prepared().at("file", store.path.display())? {
                let chunks = entry.chunks_asked().at("dataset", entry.name)?;
                let kind = kinds.iter().position(|k| *k == chunks).unwrap_or(kinds.len());
                if kind == kinds.len() {
                    kinds.push(chunks.clone());
                }
                let built: Built = entry.array.apart(kind).built;
                written.push(Written { result: roots.len(), chunks });
                roots.push(built.map_err(|e| e.duplicate()).at("dataset", entry.name)?);
                entries.push((file, entry));
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
        let mut parts: Vec<Vec<Option<Part>>> = vec![Vec::new(); stores.len()];
        for ((file, entry), &value) in entries.iter().zip(results) {
            let own =
                || plan.grid_of(value).map(|grid| grid.axes.iter().map(|a| a.longest().max(1)).collect());
            let mut spec = entry.dataset(own).at("dataset", entry.name)?;
            let in_chunks = Format::of(&stores[*file].path)? == Format::Hdf5;
            spec.chunks = spec.chunks.filter(|_| in_chunks);
            ends.handing = ends.handing.max(handing(&plan, value, &spec, entry.part()));
            ends.streamed.extend(Some(value).filter(|v| !ends.streamed.contains(v)));
            places.push(Place::new(value, (*file, specs[*file].len()), &spec, entry.part()));
            specs[*file].push(spec);
            parts[*file].push(entry.part().cloned());
        }
        for (s, (specs, parts)) in stores.iter().zip(specs.iter().zip(&parts)) {
            let new: Vec<DatasetSpec> =
                specs.iter().zip(parts).filter(|(_, p)| p.is_none()).map(|(d, _)| d.clone()).collect();
            Writer::check(&s.path, &new).at("file", s.path.display())?;
        }
        Ok(Stored { plan, ends, specs, parts, places })
    }
}

/// Checks that a plan does not read the file that is to be written.
fn is_no_input(plan: &Plan, path: &Path) -> Result<()> {
    let mut is_target =
        |spec: &SourceSpec| spec.in_file().is_some_and(|(input, _)| is_same_file(input, path));
    match plan.sources().iter().any(|s| s.spec.any(&mut is_target)) {
        false => Ok(()),
        true => Err(Error::new(ErrorKind::Value, "the file to write is also an input")
            .at("file", path.display())
            .hint("write to another file and rename it afterwards")),
    }
}
