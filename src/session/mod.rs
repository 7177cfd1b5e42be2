//! [`Session`]: the one place where a run starts. It knows the device, the budget and the threads.

mod again;
mod along;
mod bins;
mod blocks;
mod copy;
mod factorize;
mod into;
mod kept_bound;
mod labels;
mod measured;
mod memory;
mod order;
mod persist;
mod pieces;
mod planned;
mod rechunk;
mod results;
mod sel;
mod select;
mod spill;
mod store;
mod store_file;
mod store_options;
mod unique;
mod writing;

pub use blocks::{BlockOrder, Blocks};
pub use copy::{Copied, CopyOptions};
pub use into::Out;
pub use store_file::Store;
pub use store_options::StoreOptions;
pub use unique::Unique;

use crate::array::{Array, Binned, Target};
use crate::backend::cost::{DeviceRates, HostRates};
use crate::backend::cpu::Cpu;
use crate::backend::gpu::{Choice, Gpu};
use crate::backend::{Backend, Capabilities, calibrate, files};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{
    self, ArrayValue, Cancel, Counters, Fallback, Outlets, Progress, Report, RunContext, Value,
};
use crate::graph::Graph;
use crate::ops::histogram::Histogram;
use crate::ops::simd::Simd;
use crate::plan::{Bound, Ends, Plan, PlanOptions};
use crate::size::{human_bytes, parse_size};
use crate::trace::Trace;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Where to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Device {
    /// The CPU.
    Cpu,
    /// The GPU; what it cannot do correctly goes to the CPU, counted and with the reason.
    Gpu,
    /// Whatever is predicted to be faster.
    #[default]
    Auto,
}

impl std::str::FromStr for Device {
    type Err = Error;
    fn from_str(s: &str) -> Result<Device> {
        match s {
            "cpu" => Ok(Device::Cpu),
            "gpu" => Ok(Device::Gpu),
            "auto" => Ok(Device::Auto),
            _ => Err(Error::new(ErrorKind::Value, format!("there is no device '{s}'"))
                .hint("it is cpu, gpu or auto")),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Device::Cpu => "cpu",
            Device::Gpu => "gpu",
            Device::Auto => "auto",
        })
    }
}

/// What happens to work that the device asked for cannot do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FallbackPolicy {
    /// The CPU does it; the report says how many tasks and why.
    #[default]
    Allow,
    /// It is an error.
    Refuse,
}

/// Options of a [`Session`]. Errors come from [`SessionBuilder::build`].
#[derive(Default)]
pub struct SessionBuilder {
    device: Device,
    adapter: Choice,
    gpu: Option<Gpu>,
    fallback: FallbackPolicy,
    memory: Option<Result<u64>>,
    spill: spill::Wanted,
    device_memory: Option<u64>,
    threads: Option<usize>,
    simd: Option<Simd>,
    plan: PlanOptions,
    cancel: Cancel,
    progress: Option<Arc<ProgressFn>>,
    trace: Option<Arc<Trace>>,
}

type ProgressFn = dyn Fn(Progress) + Send + Sync;

impl SessionBuilder {
    /// The device; [`Device::Auto`] if nothing is said.
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// Which GPU: a part of its name, or its position in `chunkwise devices`. The fastest if nothing is
    /// said.
    pub fn adapter(mut self, name: &str) -> Self {
        self.adapter = Choice::from(name);
        self
    }

    /// A GPU that was opened before, in place of one by [`adapter`](Self::adapter).
    pub fn gpu(mut self, gpu: Gpu) -> Self {
        self.gpu = Some(gpu);
        self
    }

    /// The budget of device memory in bytes, held as strictly as the host's.
    pub fn device_memory_bytes(mut self, bytes: u64) -> Self {
        self.device_memory = Some(bytes);
        self
    }

    /// What happens to work that the device cannot do.
    pub fn fallback(mut self, policy: FallbackPolicy) -> Self {
        self.fallback = policy;
        self
    }

    /// The budget as text, `"512MiB"`. If nothing is said, half of the memory available.
    pub fn memory(mut self, size: &str) -> Self {
        self.memory = Some(parse_size(size));
        self
    }

    /// The budget in bytes.
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory = Some(Ok(bytes));
        self
    }

    /// The folder of temporary stores: what a later part of a run reads and the budget has no room for is written
    /// there, block by block, and read again. The files have no name, and go with the run. If no folder is named
    /// here, it is `CHUNKWISE_SPILL` (nothing is spilled if that is empty), or else the first of `TMPDIR` and
    /// `/var/tmp` that can be written and is not in memory.
    pub fn spill(mut self, folder: impl Into<std::path::PathBuf>) -> Self {
        (self.spill.folder, self.spill.off) = (Some(folder.into()), false);
        self
    }

    /// The most bytes in temporary stores at a time; more is refused before the run. If nothing is said, half of what
    /// is free on the folder's disk when the run begins.
    pub fn spill_bytes(mut self, bytes: u64) -> Self {
        self.spill.bytes = Some(bytes);
        self
    }

    /// Nothing is spilled: what does not fit the budget is refused.
    pub fn no_spill(mut self) -> Self {
        (self.spill.folder, self.spill.off) = (None, true);
        self
    }

    /// How many threads. One runs everything on the calling thread, in order. If nothing is said, as
    /// many as the machine has.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The vector level of the CPU; the highest if nothing is said. Every level gives the same bits.
    pub fn simd(mut self, simd: Simd) -> Self {
        self.simd = Some(simd);
        self
    }

    /// What the planner may choose.
    pub fn plan_options(mut self, options: PlanOptions) -> Self {
        self.plan = options;
        self
    }

    /// A token that stops this session's runs.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Hears of progress, from any worker.
    pub fn on_progress(mut self, f: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(f));
        self
    }

    /// Writes down when what was done: reads, decoding, and what goes to a GPU and back.
    pub fn trace(mut self, trace: &Arc<Trace>) -> Self {
        self.trace = Some(Arc::clone(trace));
        self
    }

    /// Makes the session.
    ///
    /// # Errors
    /// `Value` for a budget or a number of threads that cannot be; `Device` for a GPU that is not
    /// there when fallback is refused; `NotFound`, `Value` or `Io` for a folder of temporary stores that is named and
    /// is not there, is none, or cannot be written.
    pub fn build(self) -> Result<Session> {
        let memory = match self.memory {
            Some(memory) => memory?,
            None => memory::available() / 2,
        };
        let threads = match self.threads {
            Some(0) => {
                return Err(Error::new(ErrorKind::Value, "a session needs at least one thread"));
            }
            Some(n) if n > 4096 => {
                return Err(Error::new(ErrorKind::Value, format!("{n} threads are too many")));
            }
            Some(n) => n,
            None => std::thread::available_parallelism().map_or(1, |n| n.get()),
        };
        let pool = match threads {
            1 => None,
            n => Some(
                rayon::ThreadPoolBuilder::new()
                    .num_threads(n)
                    .thread_name(|i| format!("chunkwise-{i}"))
                    .build()
                    .map_err(|e| Error::new(ErrorKind::Io, "the threads cannot be started").caused_by(e))?,
            ),
        };
        let simd = match (self.simd, std::env::var("CHUNKWISE_SIMD")) {
            (Some(simd), _) => simd,
            (None, Ok(name)) => Simd::from_name(&name).map_err(|e| e.at("variable", "CHUNKWISE_SIMD"))?,
            (None, Err(_)) => Simd::best(),
        };
        let spill = spill::Spilling::new(self.spill)?;
        let cpu = Cpu::new(threads, simd);
        let mut rates = None;
        let (gpu, missing) = match (self.device, self.gpu) {
            (Device::Cpu, _) => (None, Some("the CPU was asked for".to_string())),
            (Device::Gpu, Some(gpu)) => (Some(gpu), None),
            (Device::Gpu, None) => match Gpu::open(&self.adapter, self.device_memory, threads) {
                Ok(gpu) => (Some(gpu), None),
                Err(e) if self.fallback == FallbackPolicy::Refuse => return Err(e),
                Err(e) => (None, Some(e.message().to_string())),
            },
            (Device::Auto, _) => {
                let name = &cpu.capabilities().name;
                let measured = Gpu::measured(&self.adapter, self.device_memory, threads, name);
                let own = files::folder().and_then(|f| calibrate::load_cpu(&f, threads, simd));
                match (measured, own) {
                    (Ok((gpu, device)), Some(cpu)) => {
                        rates = Some((device, cpu));
                        (Some(gpu), None)
                    }
                    (Ok(_), None) => (None, Some("the CPU was not measured with so many threads".into())),
                    (Err(why), _) => (None, Some(why)),
                }
            }
        };
        Ok(Session {
            inner: Arc::new(Inner {
                device: self.device,
                cpu,
                gpu,
                rates,
                missing,
                fallback: self.fallback,
                memory,
                spill,
                threads,
                simd,
                pool,
                plan: self.plan,
                cancel: self.cancel,
                progress: self.progress,
                trace: self.trace,
                bound: kept_bound::KeptBound::default(),
            }),
        })
    }
}

struct Inner {
    device: Device,
    cpu: Cpu,
    gpu: Option<Gpu>,
    /// The GPU's and the CPU's, where the faster one is to be taken.
    rates: Option<(DeviceRates, HostRates)>,
    /// Why there is no GPU.
    missing: Option<String>,
    fallback: FallbackPolicy,
    memory: u64,
    spill: spill::Spilling,
    threads: usize,
    simd: Simd,
    pool: Option<rayon::ThreadPool>,
    plan: PlanOptions,
    cancel: Cancel,
    progress: Option<Arc<ProgressFn>>,
    trace: Option<Arc<Trace>>,
    /// Plans of which pieces were run.
    bound: kept_bound::KeptBound,
}

/// A device, a byte budget and threads. Cheap to clone; can be used from many threads.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

/// What a run of several targets gave, and what it did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// The values, in the order of the targets.
    pub values: Vec<Value>,
    /// What was done.
    pub report: Report,
}

impl Session {
    /// A session with the default device, budget and threads.
    ///
    /// # Errors
    /// `Io` if the threads cannot be started.
    pub fn new() -> Result<Session> {
        Session::builder().build()
    }

    /// A session with options.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// The budget in bytes.
    pub fn memory(&self) -> u64 {
        self.inner.memory
    }

    /// The devices that this session can run on.
    pub fn devices(&self) -> Vec<&Capabilities> {
        let gpu = self.inner.gpu.iter().map(|g| g.capabilities());
        std::iter::once(self.inner.cpu.capabilities()).chain(gpu).collect()
    }

    /// Plans targets without running anything.
    ///
    /// # Errors
    /// The errors made while the targets were built.
    pub fn plan(&self, targets: &[&dyn Target]) -> Result<Plan> {
        let roots =
            targets.iter().map(|t| t.built().map_err(|e| e.duplicate())).collect::<Result<Vec<_>>>()?;
        self.planned(&Graph::new(&roots), &[], &|_| Ends::default(), false)
    }

    /// What a plan needs on this machine.
    ///
    /// # Errors
    /// `Budget` if it does not fit; `Device` if a stage would leave the device asked for and fallback
    /// is refused.
    pub fn bind(&self, plan: &Plan) -> Result<Bound> {
        self.bind_with(plan, &Ends::default())
    }

    /// The plan of some targets with what it needs on this machine, as text.
    ///
    /// # Errors
    /// As [`Session::plan`] and [`Session::bind`].
    pub fn explain(&self, targets: &[&dyn Target]) -> Result<String> {
        let plan = self.plan_here(targets)?;
        Ok(self.bind(&plan)?.explain(&plan))
    }

    /// Computes one array, into memory of its own ([`Session::compute_into`] takes the caller's).
    ///
    /// # Errors
    /// The error made while it was built; `Budget`; anything that reading can meet; `Cancelled`.
    pub fn compute(&self, array: &Array) -> Result<ArrayValue> {
        Ok(self.run(&[array])?.values[0].as_array()?.clone())
    }

    /// Computes one histogram.
    ///
    /// # Errors
    /// As [`Session::compute`].
    pub fn compute_histogram(&self, histogram: &Binned) -> Result<Arc<Histogram>> {
        match &self.run(&[histogram])?.values[0] {
            Value::Histogram(h) => Ok(h.clone()),
            Value::Array(_) => Err(Error::new(ErrorKind::Internal, "a histogram was computed as an array")),
        }
    }

    /// Computes several targets in one run: what they share is read and computed once.
    ///
    /// # Errors
    /// As [`Session::compute`].
    pub fn run(&self, targets: &[&dyn Target]) -> Result<Outcome> {
        let plan = self.plan_here(targets)?;
        self.run_plan(&plan)
    }

    /// Runs a plan.
    ///
    /// # Errors
    /// As [`Session::compute`].
    pub fn run_plan(&self, plan: &Plan) -> Result<Outcome> {
        let start = Instant::now();
        let bound = self.bind(plan)?;
        let counters = self.counters();
        let values = self.with_context(|cx| exec::run(plan, &bound, Outlets::default(), cx, &counters))?;
        let values = plan.results().iter().map(|&v| exec::result(&values, v)).collect::<Result<_>>()?;
        Ok(Outcome { values, report: self.report(plan, &bound, &counters, start) })
    }

    fn counters(&self) -> Counters {
        Counters::traced(self.inner.trace.as_ref())
    }

    fn with_context<R>(&self, f: impl FnOnce(&RunContext) -> R) -> R {
        let inner = &*self.inner;
        let progress = inner.progress.as_ref().map(|p| {
            let p = p.clone();
            move |state: Progress| p(state)
        });
        f(&RunContext {
            cpu: &inner.cpu,
            gpu: inner.gpu.as_ref().map(|g| g as &dyn Backend),
            refuse_fallback: inner.fallback == FallbackPolicy::Refuse,
            simd: inner.simd,
            pool: inner.pool.as_ref(),
            cancel: &inner.cancel,
            progress: progress.as_ref().map(|p| p as &(dyn Fn(Progress) + Sync)),
            trace: inner.trace.as_ref(),
        })
    }

    /// What a run of a whole plan did.
    fn report(&self, plan: &Plan, bound: &Bound, counters: &Counters, start: Instant) -> Report {
        let mut report = self.counted(counters, start);
        let run = bound.plan(plan).stages();
        for (stage, b) in run.iter().zip(&bound.stages).filter(|(_, b)| b.placement.fallback) {
            let tasks = stage.grid.blocks() * b.passes.len();
            match report.fallbacks.iter_mut().find(|f| f.reason == b.placement.reason) {
                Some(f) => f.tasks += tasks,
                None => report.fallbacks.push(Fallback { reason: b.placement.reason.clone(), tasks }),
            }
        }
        report.notes.extend(self.often(plan, bound, report.chunks_decoded));
        Report { projected_host_bytes: bound.peak_bytes, ..report }
    }

    /// What was counted, with the device and the time.
    fn counted(&self, counters: &Counters, start: Instant) -> Report {
        let counted = counters.report();
        Report {
            elapsed_s: start.elapsed().as_secs_f64(),
            device: match (&self.inner.gpu, counted.tasks.gpu) {
                (Some(gpu), 1..) => format!("gpu: {}", gpu.capabilities().name),
                _ => format!("cpu: {}", self.inner.cpu.capabilities().name),
            },
            threads: self.inner.threads,
            ..counted
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let i = &self.inner;
        write!(f, "Session({} threads, {}, {})", i.threads, human_bytes(i.memory), i.simd.name())
    }
}
