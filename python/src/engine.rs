//! A session as Python has it: made when it is first needed, made anew after a fork and after Ctrl-C.

use crate::convert::{argument, binned, lowered, object, subscripts};
use crate::errors::exception;
use crate::handle::Handle;
use crate::run::interruptible;
use crate::values::Values;
use chunkwise::expr::{Lowered, Part, Scope};
use chunkwise::{Array, Cancel, Device, Error, ErrorKind, FallbackPolicy, Outcome, Progress, Result};
use chunkwise::{Session, Store, StoreOptions, Target};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// By this hint it is known that something must be computed beforehand.
const BEFOREHAND: &str =
    "chunkwise.options(evaluate='allow') allows it; x.compute() and x.persist() compute at any time";

/// How often progress is told.
const TOLD: Duration = Duration::from_millis(100);

/// What builds arrays and computes nothing.
static LAZY: LazyLock<Scope> = LazyLock::new(|| {
    let mut scope = Scope::new();
    scope.compute_nothing(BEFOREHAND);
    scope.skip_missing(false);
    scope
});

#[derive(FromPyObject)]
enum Size {
    Bytes(u64),
    Text(String),
}

#[derive(FromPyObject)]
enum Spill {
    Whether(bool),
    Folder(PathBuf),
}

struct Options {
    device: Device,
    adapter: Option<String>,
    threads: Option<usize>,
    memory: Option<Size>,
    device_memory: Option<u64>,
    spill: Option<Spill>,
    fallback: bool,
    progress: Option<Py<PyAny>>,
}

/// A session and what goes with it.
pub struct Made {
    process: u32,
    pub session: Session,
    cancel: Cancel,
    pub scope: Scope,
}

/// A session with its options.
#[pyclass(frozen, module = "chunkwise._chunkwise")]
pub struct Engine {
    options: Options,
    made: Mutex<Option<Arc<Made>>>,
    evaluated: AtomicU64,
}

/// One file to be stored: path, datasets by name, chunk shape, deflate level, whether it must be new.
type File<'py> = (PathBuf, Vec<(String, Bound<'py, Handle>)>, Option<Vec<u64>>, Option<u8>, bool);

impl Engine {
    fn build(&self) -> Result<Made> {
        let o = &self.options;
        let cancel = Cancel::new();
        let mut builder = Session::builder().device(o.device).cancel(&cancel);
        if let Some(adapter) = &o.adapter {
            builder = builder.adapter(adapter);
        }
        if let Some(threads) = o.threads {
            builder = builder.threads(threads);
        }
        builder = match &o.memory {
            Some(Size::Bytes(bytes)) => builder.memory_bytes(*bytes),
            Some(Size::Text(text)) => builder.memory(text),
            None => builder,
        };
        if let Some(bytes) = o.device_memory {
            builder = builder.device_memory_bytes(bytes);
        }
        builder = match &o.spill {
            Some(Spill::Folder(folder)) => builder.spill(folder),
            Some(Spill::Whether(false)) => builder.no_spill(),
            _ => builder,
        };
        if !o.fallback {
            builder = builder.fallback(FallbackPolicy::Refuse);
        }
        if let Some(progress) = &o.progress {
            builder = builder.on_progress(told(Python::attach(|py| progress.clone_ref(py))));
        }
        let session = builder.build()?;
        let mut scope = Scope::new();
        scope.compute_with(&session);
        // NaN is NaN, as in NumPy; nanmean and its like leave it out.
        scope.skip_missing(false);
        Ok(Made { process: std::process::id(), session, cancel, scope })
    }

    /// The session. Threads do not survive a fork, and what was cancelled stays so: then it is made anew.
    fn made(&self, py: Python<'_>) -> PyResult<Arc<Made>> {
        let there = |made: &Option<Arc<Made>>| {
            made.as_ref().filter(|m| m.process == std::process::id() && !m.cancel.is_cancelled()).cloned()
        };
        // Not with the interpreter: another thread that has the lock may wait for that.
        py.detach(|| {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            match there(&made) {
                Some(made) => Ok(made),
                None => {
                    let new = Arc::new(self.build()?);
                    if let Some(old) = made.replace(new.clone()).filter(|m| m.process != std::process::id()) {
                        // Its threads are those of the parent, and cannot be waited for.
                        std::mem::forget(old);
                    }
                    Ok(new)
                }
            }
        })
        .map_err(|e: Error| exception(py, e))
    }

    /// Runs something that takes long.
    pub fn long<T: Send + 'static>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&Made) -> Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let made = self.made(py)?;
        let cancel = made.cancel.clone();
        interruptible(py, &cancel, move || f(&made))?.map_err(|e| exception(py, e))
    }

    /// Builds something; where something must be computed first, that is a run.
    fn built(
        &self,
        py: Python<'_>,
        allow: bool,
        build: impl Fn(&Scope) -> Result<Lowered> + Send + Sync + 'static,
    ) -> PyResult<Lowered> {
        match build(&LAZY) {
            Err(e)
                if allow
                    && e.kind_within() == ErrorKind::Unsupported
                    && e.hint_text() == Some(BEFOREHAND) =>
            {
                self.evaluated.fetch_add(1, Ordering::Relaxed);
                self.long(py, move |made| build(&made.scope))
            }
            other => other.map_err(|e| exception(py, e)),
        }
    }
}

/// Tells of progress now and then.
fn told(callback: Py<PyAny>) -> impl Fn(Progress) + Send + Sync + 'static {
    let last = Mutex::new(None::<Instant>);
    move |p| {
        let Ok(mut last) = last.try_lock() else { return };
        let done = p.stage + 1 == p.stages && p.done == p.tasks;
        if !done && last.is_some_and(|at| at.elapsed() < TOLD) {
            return;
        }
        *last = Some(Instant::now());
        drop(last);
        Python::attach(|py| {
            if let Err(e) = callback.call1(py, (p.stage, p.stages, p.done, p.tasks, p.bytes)) {
                e.write_unraisable(py, None);
            }
        });
    }
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (device, adapter, threads, memory, device_memory, spill, fallback, progress))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        device: &str,
        adapter: Option<String>,
        threads: Option<usize>,
        memory: Option<Size>,
        device_memory: Option<u64>,
        spill: Option<Spill>,
        fallback: bool,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Engine> {
        let device = device.parse().map_err(|e| exception(py, e))?;
        let options = Options { device, adapter, threads, memory, device_memory, spill, fallback, progress };
        Ok(Engine { options, made: Mutex::default(), evaluated: AtomicU64::new(0) })
    }

    /// Makes the session, if it is not there.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.made(py).map(drop)
    }

    /// The budget in bytes.
    fn memory(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.made(py)?.session.memory())
    }

    /// The devices, by name.
    fn devices(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.made(py)?.session.devices().iter().map(|d| d.name.clone()).collect())
    }

    /// How often something was computed because it had to be known before anything could be planned.
    fn evaluated(&self) -> u64 {
        self.evaluated.load(Ordering::Relaxed)
    }

    /// Calls a function of the catalogue.
    fn call<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        args: &Bound<'py, PyTuple>,
        keywords: &Bound<'py, PyDict>,
        allow: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let made = self.built(py, allow, called(name, args, keywords)?)?;
        object(py, made)
    }

    /// Calls a function that makes a histogram: what lies in its bins, their number or density, and the edges.
    fn histogram<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        args: &Bound<'py, PyTuple>,
        keywords: &Bound<'py, PyDict>,
        density: bool,
        allow: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let built = self.built(py, allow, called(name, args, keywords)?)?;
        match built.part() {
            Part::Histogram(h) => binned(py, h, density),
            _ => object(py, built),
        }
    }

    /// Applies an operator; `NotImplemented` for an operand that is neither an array nor a number, nor a text beside an array whose
    /// values have names or are times.
    fn operate<'py>(
        &self,
        py: Python<'py>,
        symbol: &str,
        both: &Bound<'py, PyTuple>,
        allow: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut operands = Vec::with_capacity(2);
        let (mut texts, mut named) = (false, false);
        for operand in both.iter() {
            let Some(value) = lowered(&operand)? else { return Ok(py.NotImplemented().into_bound(py)) };
            match value.part() {
                Part::Array(array) => named |= meets_texts(array),
                Part::Selection(_) | Part::Number(_) => {}
                Part::Text(_) => texts = true,
                _ => return Ok(py.NotImplemented().into_bound(py)),
            }
            operands.push(value);
        }
        if texts && !named {
            return Ok(py.NotImplemented().into_bound(py));
        }
        let symbol = symbol.to_string();
        let made = self.built(py, allow, move |scope| scope.operate(&symbol, operands.clone()))?;
        object(py, made)
    }

    /// `x[key]`
    fn subscript<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        key: &Bound<'py, PyAny>,
        allow: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (x, key) = (argument(x)?, subscripts(key)?);
        let made = self.built(py, allow, move |scope| scope.subscript(x.clone(), key.clone()))?;
        object(py, made)
    }

    /// `x.name`
    fn attribute<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        name: &str,
        allow: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let x = argument(x)?;
        let name = name.to_string();
        let made = self.built(py, allow, move |scope| scope.attribute(x.clone(), &name))?;
        object(py, made)
    }

    /// The array that something is or becomes: a number, a list, what a mask selects.
    fn array<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>, allow: bool) -> PyResult<Bound<'py, PyAny>> {
        let x = argument(x)?;
        let made = self.built(py, allow, move |scope| scope.array_of(x.clone()).map(Lowered::from))?;
        object(py, made)
    }

    /// Computes arrays and stores files, in one run: the results, and the report as JSON.
    fn run(
        &self,
        py: Python<'_>,
        targets: Vec<Bound<'_, Handle>>,
        files: Vec<File<'_>>,
    ) -> PyResult<(Vec<Values>, String)> {
        let targets: Vec<Lowered> = targets.iter().map(|t| t.get().lowered.clone()).collect();
        let mut stored = Vec::new();
        for (path, datasets, chunks, deflate, new) in files {
            let datasets: Vec<(String, Lowered)> =
                datasets.into_iter().map(|(name, h)| (name, h.get().lowered.clone())).collect();
            stored.push((path, datasets, chunks, deflate, new));
        }
        let outcome: Outcome = self.long(py, move |made| {
            let arrays =
                targets.iter().map(|t| made.scope.array_of(t.clone())).collect::<Result<Vec<Array>>>()?;
            let mut stores = Vec::new();
            for (path, datasets, chunks, deflate, new) in stored {
                let mut options = StoreOptions::new();
                if let Some(chunks) = &chunks {
                    options = options.chunks(chunks);
                }
                if let Some(level) = deflate {
                    options = options.deflate(level);
                }
                let mut store = Store::new(&path).options(&options);
                if new {
                    store = store.create_new();
                }
                for (name, value) in datasets {
                    store = store.dataset(&name, &made.scope.array_of(value)?);
                }
                stores.push(store);
            }
            let all: Vec<&dyn Target> = arrays.iter().map(|a| a as &dyn Target).collect();
            if stores.is_empty() { made.session.run(&all) } else { made.session.run_with(&all, &stores) }
        })?;
        let report = serde_json::to_string(&outcome.report)
            .map_err(|e| pyo3::exceptions::PyRuntimeError::new_err(e.to_string()))?;
        let arrays = outcome.values.into_iter().map(|v| match v {
            chunkwise::Value::Array(a) => Ok(Values::of(a)),
            _ => Err(pyo3::exceptions::PyRuntimeError::new_err("a histogram was computed as an array")),
        });
        Ok((arrays.collect::<PyResult<_>>()?, report))
    }

    /// Computes an array and gives one that has the elements.
    fn persist(&self, py: Python<'_>, x: &Bound<'_, Handle>) -> PyResult<Handle> {
        let x = x.get().lowered.clone();
        let array = self.long(py, move |made| made.session.persist(&made.scope.array_of(x)?))?;
        Ok(Handle::new(array.into()))
    }

    /// The plan of arrays as text.
    fn explain(&self, py: Python<'_>, targets: &Bound<'_, PyList>) -> PyResult<String> {
        let targets = targets.iter().map(|t| argument(&t)).collect::<PyResult<Vec<_>>>()?;
        self.long(py, move |made| {
            let arrays =
                targets.into_iter().map(|t| made.scope.array_of(t)).collect::<Result<Vec<Array>>>()?;
            let all: Vec<&dyn Target> = arrays.iter().map(|a| a as &dyn Target).collect();
            made.session.explain(&all)
        })
    }
}

/// Whether an array is compared with texts: its values have names, or are times.
fn meets_texts(array: &Array) -> bool {
    let times =
        |notes: &BTreeMap<String, String>| notes.get("units").is_some_and(|units| units.contains(" since "));
    array.members().is_ok_and(|members| members.is_some()) || array.annotations().is_ok_and(times)
}

/// A call of a function of the catalogue.
fn called(
    name: &str,
    args: &Bound<'_, PyTuple>,
    keywords: &Bound<'_, PyDict>,
) -> PyResult<impl Fn(&Scope) -> Result<Lowered> + Send + Sync + 'static> {
    let name = name.to_string();
    let args = args.iter().map(|a| argument(&a)).collect::<PyResult<Vec<_>>>()?;
    let keywords = keywords.iter().map(|(name, value)| Ok((name.extract::<String>()?, argument(&value)?)));
    let keywords = keywords.collect::<PyResult<Vec<_>>>()?;
    Ok(move |scope: &Scope| {
        let keywords = keywords.iter().map(|(name, value)| (name.as_str(), value.clone()));
        scope.call(&name, args.clone(), keywords.collect())
    })
}
