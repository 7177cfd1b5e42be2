//! Storing arrays in an HDF5 file, chunk by chunk, so that what is stored never has to fit the budget.

use super::Session;
use crate::array::Array;
use crate::backend::DeviceKind;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::exec::{BlockWalk, Counters, Report, Stream};
use crate::grid::{AxisGrid, Dims, Grid, show_shape, unravel};
use crate::plan::{Bound, Plan};
use crate::sink::hdf5::{DatasetSpec, Hdf5Writer, WriteScratch};
use crate::size::human_bytes;
use crate::source::SourceSpec;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How arrays are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreOptions {
    chunks: Option<Vec<u64>>,
    deflate: Option<u8>,
}

impl StoreOptions {
    /// Chunks of about 1 MiB that line up with those of the sources, not compressed.
    pub fn new() -> Self {
        StoreOptions::default()
    }

    /// The chunk shape.
    pub fn chunks(mut self, shape: &[u64]) -> Self {
        self.chunks = Some(shape.to_vec());
        self
    }

    /// Compresses with shuffle and deflate of this level, 1 to 12.
    pub fn deflate(mut self, level: u8) -> Self {
        self.deflate = Some(level);
        self
    }
}

/// An array on its way into a file.
struct Job {
    plan: Plan,
    bound: Bound,
    /// The chunks of the dataset.
    grid: Grid,
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
    /// `Value` if the file is also an input; `Budget` if one chunk does not fit; `Io` (a full disk says
    /// so); and as [`Session::compute`].
    pub fn store(
        &self,
        path: impl AsRef<Path>,
        datasets: &[(&str, &Array)],
        options: &StoreOptions,
    ) -> Result<Report> {
        let path = path.as_ref();
        let start = Instant::now();
        let counters = self.counters();
        let mut jobs = Vec::new();
        let mut specs = Vec::new();
        for (name, array) in datasets {
            let (job, spec) = self.job(path, name, array, options).at("dataset", name)?;
            jobs.push(job);
            specs.push(spec);
        }
        let writer = Hdf5Writer::create(path, &specs)?;
        for (n, job) in jobs.iter().enumerate() {
            self.write(&writer, n, job, &counters)?;
        }
        writer.finish()?;
        let Some(last) = jobs.last() else { return Ok(counters.report()) };
        Ok(self.report(&last.plan, &last.bound, &counters, start))
    }

    fn job(
        &self,
        path: &Path,
        name: &str,
        array: &Array,
        options: &StoreOptions,
    ) -> Result<(Job, DatasetSpec)> {
        let (plan, mut bound) = self.plan_streamed(array)?;
        let target = path.canonicalize().ok();
        let mut is_target = |spec: &SourceSpec| match (spec, &target) {
            (SourceSpec::Hdf5 { path, .. }, Some(target)) => path.canonicalize().is_ok_and(|p| p == *target),
            _ => false,
        };
        for source in plan.sources() {
            if source.spec.any(&mut is_target) {
                return Err(Error::new(ErrorKind::Value, "the file to write is also an input")
                    .at("file", path.display())
                    .hint("write to another file and rename it afterwards"));
            }
        }
        let last = plan.stages().len() - 1;
        let shape = array.shape()?;
        let chunk = chunk_shape(shape, &plan.stages()[last].grid, options)?;
        let dtype = array.dtype()?;
        let bytes = chunk.iter().product::<u64>().saturating_mul(dtype.size() as u64);
        let block: u64 = plan.stages()[last].grid.largest().iter().product::<u64>().max(1);
        let blocks = chunk.iter().product::<u64>().div_ceil(block).max(1);
        // A chunk of several blocks takes more operands and outputs, but no more staging memory.
        let staging = self.staging(&plan, &bound)?;
        let each = bound.stages[last]
            .worker_bytes
            .saturating_sub(staging)
            .saturating_mul(blocks)
            .saturating_add(staging)
            .saturating_add(bytes)
            .saturating_add(WriteScratch::bytes_for(bytes));
        let fixed = bound.stages[last].shared_bytes;
        // Decoded chunks are kept in what one worker and its buffers leave.
        let spare = self.memory().saturating_sub(fixed.saturating_add(each));
        let cache = bound.stages[last].cache_bytes.min(spare);
        bound.stages[last].cache_bytes = cache;
        let workers = self.memory().saturating_sub(fixed.saturating_add(cache)) / each;
        if workers == 0 {
            let need = fixed.saturating_add(each);
            return Err(Error::new(
                ErrorKind::Budget,
                format!(
                    "the memory budget of {} is too small to store chunks of shape {}",
                    human_bytes(self.memory()),
                    show_shape(&chunk)
                ),
            )
            .hint(format!(
                "the smallest budget that works is {need} bytes ({}); smaller chunks need less",
                human_bytes(need)
            )));
        }
        let spec = DatasetSpec {
            name: name.to_string(),
            shape: shape.to_vec(),
            dtype,
            // HDF5 has no chunks for scalars and none of length 0.
            chunks: (!shape.is_empty() && !shape.contains(&0)).then(|| chunk.to_vec()),
            deflate: options.deflate,
            shuffle: options.deflate.is_some() && dtype.size() > 1,
            attributes: Vec::new(),
        };
        let spec = match spec.chunks {
            Some(_) => spec,
            None => DatasetSpec { deflate: None, shuffle: false, ..spec },
        };
        // Chunks that may be under way at once, and what is left for chunks that are read again.
        bound.stages[last].workers = (workers as usize).min(bound.stages[last].workers.max(1));
        bound.stages[last].worker_bytes = each;
        bound.keep(&plan);
        Ok((Job { grid: Grid::regular(shape, &chunk), plan, bound }, spec))
    }

    /// Bytes of staging memory that a worker of the last stage holds for a device.
    fn staging(&self, plan: &Plan, bound: &Bound) -> Result<u64> {
        let (Some(stage), Some(placed)) = (plan.stages().last(), bound.stages.last()) else { return Ok(0) };
        if placed.placement.device == DeviceKind::Cpu {
            return Ok(0);
        }
        let kernel = stage.kernel(&|_| None)?;
        let largest = match stage.grid.blocks() {
            0 => Dims::from_elem(1, stage.grid.axes.len()),
            _ => stage.grid.largest(),
        };
        Ok(self.with_context(|cx| cx.gpu.map_or(0, |gpu| gpu.worker_bytes(&kernel, &largest).host)))
    }

    fn write(&self, writer: &Hdf5Writer, n: usize, job: &Job, counters: &Counters) -> Result<()> {
        let workers = job.bound.stages[job.plan.stages().len() - 1].workers;
        let counts = job.grid.counts();
        let region = |i: u64| job.grid.region(&unravel(i, &counts));
        let chunked = writer.datasets()[n].chunks.is_some();
        let scratch: Mutex<Vec<WriteScratch>> = Mutex::default();
        let spare = || scratch.lock().unwrap_or_else(PoisonError::into_inner);
        self.with_context(|cx| {
            let (plan, bound, grid) = (&job.plan, &job.bound, &job.grid);
            let walk = BlockWalk {
                plan,
                bound,
                stream: &Stream::new(plan, bound, grid, workers, cx, counters)?,
                grid,
                tasks: 0..grid.blocks(),
                workers,
                region: &region,
            };
            walk.run(cx, counters, &|i, array| {
                if !chunked {
                    return writer.write_region(n, &region(i), array.bytes());
                }
                let mut buffers = spare().pop().unwrap_or_default();
                let written = writer.write_chunk(n, &unravel(i, &counts), array.bytes(), &mut buffers);
                spare().push(buffers);
                written
            })
        })
    }
}

/// The chunks asked for, or the stage's blocks where they are regular.
fn chunk_shape(shape: &[u64], grid: &Grid, options: &StoreOptions) -> Result<Dims> {
    if let Some(chunks) = &options.chunks {
        if chunks.len() != shape.len() || chunks.contains(&0) {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("chunks of shape {} for an array of shape {}", show_shape(chunks), show_shape(shape)),
            ));
        }
        return Ok(chunks.iter().zip(shape).map(|(&c, &n)| c.min(n.max(1))).collect());
    }
    let whole = |axis: &AxisGrid| match *axis {
        AxisGrid::Regular { block, phase: 0, step: 1, len } => block.min(len),
        ref other => other.longest(),
    };
    Ok(grid.axes.iter().map(|a| whole(a).max(1)).collect())
}
