//! Measures a device's rates, once: kernels like those that runs are made of, over blocks that do not
//! fit the nearest caches, the median of several runs. Rates are kept as JSON in the
//! [cache folder](super::files) and are taken from there as long as device and driver are the same.

use super::cost::{DeviceRates, HostRates, KernelRates, Rates, work};
use super::cpu::{Cpu, CpuProduct};
use super::{Backend, Product, Runner, files};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Region, c_strides};
use crate::ops::elementwise::{Op, Operand as Typed};
use crate::ops::fold::{HistogramFold, Reduce};
use crate::ops::histogram::{Bins, Edges};
use crate::ops::kernel::{Block, Kernel, Operand, Terminal};
use crate::ops::matmul::check_product;
use crate::ops::program::{Program, Step};
use crate::ops::reduce::{ReduceSpec, Reduction};
use crate::ops::simd::Simd;
use crate::view::Placement;
use crate::{DType, Scalar};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::Instant;

/// Raised when kernels or the meaning of a rate change.
const VERSION: u32 = 1;
/// Elements of a block.
pub(super) const ELEMENTS: u64 = 1 << 19;
/// Runs of which the median counts.
pub(super) const RUNS: usize = 5;
/// The edge of the block products.
const EDGE: usize = 384;
const BINS: u64 = 64;

/// The dtypes that stand for those of up to 32 bits, and of 64.
pub(super) const DTYPES: [DType; 2] = [DType::F32, DType::F64];

/// What a kernel is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sample {
    Elementwise,
    Transcendental,
    Reduce,
    Histogram,
}

impl Sample {
    const ALL: [Sample; 4] = [Sample::Elementwise, Sample::Transcendental, Sample::Reduce, Sample::Histogram];

    /// The kernel, over one input of `dtype`.
    fn kernel(self, dtype: DType) -> Result<Kernel> {
        let constant = |value: f64| match dtype {
            DType::F32 => Scalar::F32(value as f32),
            _ => Scalar::F64(value),
        };
        let steps = match self {
            Sample::Elementwise => vec![
                Step::Input(0),
                Step::Const(constant(1.7)),
                apply("multiply", &[0, 1], dtype)?,
                apply("add", &[2, 0], dtype)?,
            ],
            Sample::Transcendental => vec![
                Step::Input(0),
                apply("log10", &[0], dtype)?,
                apply("sin", &[1], dtype)?,
                apply("exp", &[2], dtype)?,
            ],
            Sample::Reduce | Sample::Histogram => vec![Step::Input(0)],
        };
        let program = Program { inputs: vec![dtype], outputs: vec![steps.len() as u32 - 1], steps };
        let terminal = match self {
            Sample::Reduce => {
                Terminal::new(Reduce::new(ReduceSpec::new(Reduction::Sum, &[dtype])?, &[true]), &[0])
            }
            Sample::Histogram => {
                let bins = vec![Bins::Edges(Edges::uniform(1.0, 2.0, BINS)?)];
                Terminal::new(HistogramFold::new(bins, vec![dtype], None, false, 1)?, &[0])
            }
            _ => Terminal::collect(&program, 0, 1),
        }?;
        Ok(Kernel { program, terminals: vec![terminal] })
    }
}

fn apply(name: &str, args: &[u32], dtype: DType) -> Result<Step> {
    let op = Op::from_name(name)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a row is missing").at("operation", name))?;
    let signature = op.signature(&vec![Typed::Strong(dtype); args.len()])?;
    Ok(Step::Apply { op, args: args.iter().copied().collect(), signature })
}

/// A block of values in 1 … 2, every one different from its neighbours.
pub(super) fn data(dtype: DType, elements: u64) -> Vec<u8> {
    let values =
        (0..elements).map(|i| 1.0 + (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1 << 24) as f64);
    match dtype {
        DType::F32 => values.flat_map(|v| (v as f32).to_ne_bytes()).collect(),
        _ => values.flat_map(f64::to_ne_bytes).collect(),
    }
}

/// The rates of kernels over `dtype`, from how long each takes: `seconds` runs a kernel over blocks of
/// `elements` elements in all, or says `None` where the device does not do it.
pub(super) fn kernel_rates(
    dtype: DType,
    elements: u64,
    mut seconds: impl FnMut(&Kernel) -> Result<Option<f64>>,
) -> Result<KernelRates> {
    let mut rates = KernelRates::default();
    for sample in Sample::ALL {
        let kernel = sample.kernel(dtype)?;
        let Some(s) = seconds(&kernel)?.filter(|s| *s > 0.0) else { continue };
        let work = work(&kernel, elements)[(dtype.size() == 8) as usize];
        // What loading takes is known by then; the rest is the kind's own.
        let loads = rates.elementwise_bytes_per_s.map_or(0.0, |r| work.elementwise_bytes / r);
        let own = (s - loads).max(s / 10.0);
        match sample {
            Sample::Elementwise => rates.elementwise_bytes_per_s = Some(work.elementwise_bytes / s),
            Sample::Transcendental => rates.transcendental_per_s = Some(work.transcendental / own),
            Sample::Reduce => rates.reduce_bytes_per_s = Some(work.reduce_bytes / own),
            Sample::Histogram => rates.histogram_per_s = Some(work.histogram / own),
        }
    }
    Ok(rates)
}

/// The middle one of `runs` measurements.
pub(super) fn median(runs: usize, mut measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut times = (0..runs.max(1)).map(|_| measure()).collect::<Result<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Measures the CPU with one thread and with `threads`.
///
/// # Errors
/// `Internal` if a kernel cannot be run.
pub fn calibrate_cpu(threads: usize, simd: Simd) -> Result<HostRates> {
    let mut counts = vec![1, threads.max(1)];
    counts.dedup();
    let by_threads = counts.into_iter().map(|n| Ok((n, cpu_rates(n, simd)?))).collect::<Result<_>>()?;
    Ok(HostRates { by_threads })
}

fn cpu_rates(threads: usize, simd: Simd) -> Result<Rates> {
    let cpu = Cpu::new(threads, simd);
    let mut rates = Rates::default();
    for dtype in DTYPES {
        let blocks: Vec<Vec<u8>> = (0..threads).map(|_| data(dtype, ELEMENTS)).collect();
        let mut found = kernel_rates(dtype, ELEMENTS * threads as u64, |kernel| {
            let work = blocks.iter().map(|block| cpu_block(&cpu, kernel, block)).collect::<Result<_>>()?;
            Ok(Some(together(work)?))
        })?;
        let keep = |rates: &mut Rates, found| match dtype {
            DType::F32 => rates.narrow = found,
            _ => rates.wide = found,
        };
        if check_product(dtype).is_err() {
            keep(&mut rates, found);
            continue;
        }
        let size = EDGE * EDGE;
        let matrices: Vec<Vec<u8>> = (0..threads).map(|_| data(dtype, 2 * size as u64)).collect();
        let work = matrices.iter().map(|m| {
            let (a, b) = m.split_at(size * dtype.size());
            let mut c = vec![0; a.len()];
            let mut product = CpuProduct::new(dtype);
            Box::new(move || {
                product.begin([EDGE; 2], &mut c)?;
                product.add(EDGE, a, b, &mut c)
            }) as Piece
        });
        let s = together(work.collect())?;
        found.matmul_flops_per_s = Some(2.0 * (EDGE * size * threads) as f64 / s);
        keep(&mut rates, found);
    }
    Ok(rates)
}

/// One thread's share, to be run several times. The first run only warms up.
pub(super) type Piece<'a> = Box<dyn FnMut() -> Result<()> + Send + 'a>;

fn cpu_block<'a>(cpu: &Cpu, kernel: &Kernel, bytes: &'a [u8]) -> Result<Piece<'a>> {
    let shape = [ELEMENTS];
    let mut runner: Box<dyn Runner> = cpu.runner(kernel, &shape, None)?;
    let mut states = kernel.terminals.iter().map(|t| t.state(&shape)).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move || {
        let region = Region::whole(&shape);
        let operand = Operand::plain(bytes, Placement { offset: 0, strides: c_strides(&shape) });
        let block = Block { region: &region, domain: &shape };
        runner.run(&block, std::slice::from_ref(&operand), &mut states).map(|_| ())
    }))
}

/// Seconds until all pieces are done, side by side; the median, after a run that warms up.
pub(super) fn together(pieces: Vec<Piece>) -> Result<f64> {
    let mut spans = spans(RUNS, pieces)?.into_iter();
    median(RUNS, || Ok(spans.next().unwrap_or(0.0)))
}

/// Seconds until all pieces are done, side by side, of each of so many runs after one that warms up.
pub(super) fn spans(runs: usize, pieces: Vec<Piece>) -> Result<Vec<f64>> {
    let barrier = Barrier::new(pieces.len());
    let threads = std::thread::scope(|scope| {
        let threads: Vec<_> = pieces
            .into_iter()
            .map(|mut piece| {
                let barrier = &barrier;
                scope.spawn(move || {
                    // Nobody leaves early, or the others would wait for ever.
                    let runs: Vec<(Instant, Result<()>, Instant)> = (0..=runs)
                        .map(|_| {
                            barrier.wait();
                            let start = Instant::now();
                            let done = piece();
                            (start, done, Instant::now())
                        })
                        .collect();
                    runs
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join()).collect::<Vec<_>>()
    });
    let mut all = Vec::new();
    for thread in threads {
        let runs = thread.map_err(|_| Error::new(ErrorKind::Internal, "a measuring thread ended"))?;
        all.push(runs.into_iter().map(|(a, done, b)| done.map(|()| (a, b))).collect::<Result<Vec<_>>>()?);
    }
    let span = |run: usize| {
        let start = all.iter().map(|t| t[run].0).min();
        let end = all.iter().map(|t| t[run].1).max();
        start.zip(end).map_or(0.0, |(a, b)| (b - a).as_secs_f64())
    };
    Ok((1..=runs).map(span).collect())
}

/// Rates with what they were measured on.
#[derive(Serialize, Deserialize)]
struct Stored<T> {
    version: u32,
    name: String,
    driver: String,
    rates: T,
}

/// Rates that can be told from damaged ones.
pub trait Sound {
    /// Whether every number is one that a measurement can give.
    fn is_sound(&self) -> bool;
}

impl Sound for HostRates {
    fn is_sound(&self) -> bool {
        !self.by_threads.is_empty()
            && self.by_threads.iter().all(|(n, r)| *n > 0 && r.is_sound())
            && self.by_threads.windows(2).all(|w| w[0].0 < w[1].0)
    }
}

impl Sound for DeviceRates {
    fn is_sound(&self) -> bool {
        self.rates.is_sound()
    }
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("calibration-{}.json", files::file_name(name)))
}

/// Keeps the rates of a device. Failing is no error: they are measured again.
pub fn store<T: Serialize>(folder: &Path, name: &str, driver: &str, rates: &T) {
    let stored = Stored { version: VERSION, name: name.into(), driver: driver.into(), rates };
    if let Ok(text) = serde_json::to_vec_pretty(&stored) {
        files::store(&path(folder, name), &text);
    }
}

/// The rates that were kept for this device with this driver, if they are sound.
pub fn load<T: DeserializeOwned + Sound>(folder: &Path, name: &str, driver: &str) -> Option<T> {
    let stored: Stored<T> = serde_json::from_slice(&files::load(&path(folder, name))?).ok()?;
    let fits = stored.version == VERSION && stored.name == name && stored.driver == driver;
    (fits && stored.rates.is_sound()).then_some(stored.rates)
}

/// Whether rates of anything beside the CPU may have been kept: reading names is quicker than loading
/// drivers.
pub fn has_devices(folder: &Path, cpu: &str) -> bool {
    let own = path(folder, cpu);
    let is_other = |p: PathBuf| {
        p != own && p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("calibration-"))
    };
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|e| is_other(e.path())))
}

/// What the CPU's rates depend on beside its name.
fn cpu_driver(threads: usize, simd: Simd) -> String {
    format!("{} {threads}", simd.name())
}

/// The CPU's rates that were kept, if any.
pub fn load_cpu(folder: &Path, threads: usize, simd: Simd) -> Option<HostRates> {
    let cpu = Cpu::new(threads, simd);
    load(folder, &cpu.capabilities().name, &cpu_driver(threads, simd))
}

/// Keeps the CPU's rates.
pub fn store_cpu(folder: &Path, threads: usize, simd: Simd, rates: &HostRates) {
    let cpu = Cpu::new(threads, simd);
    store(folder, &cpu.capabilities().name, &cpu_driver(threads, simd), rates);
}

#[cfg(test)]
mod tests;
