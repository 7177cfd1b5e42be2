//! Plans in pieces for other processes: plans, what ranges of tasks gather, and the values of stages, all as bytes.

use crate::engine::{Engine, Made};
use crate::errors::{exception, raised};
use crate::handle::Handle;
use crate::values::Values;
use chunkwise::expr::Lowered;
use chunkwise::plan::{NUMERICS_VERSION, PLAN_VERSION};
use chunkwise::source::SourceSpec;
use chunkwise::{
    Array, ArrayValue, Error, ErrorKind, Result, StagePartial, StageValues, Target, check_versions,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Whose a plan is: the versions of the package, of plans and of the numerics, and its fingerprint.
type Versions = (String, u32, u32, String);

/// A plan that any process can run in pieces.
#[pyclass(frozen, module = "chunkwise._chunkwise")]
pub struct Plan {
    plan: Arc<chunkwise::Plan>,
}

/// A stage: its tasks, how many that follow each other make tiles of their own, whether all of them must be one range, and
/// whether what it makes keeps axes.
type StageFacts = (u64, u64, bool, bool);

#[pymethods]
impl Plan {
    /// The versions and the text of the plan.
    fn written(&self, py: Python<'_>) -> PyResult<(Versions, String)> {
        let text = py.detach(|| self.plan.to_json()).map_err(|e| exception(py, e))?;
        let package = env!("CARGO_PKG_VERSION").to_string();
        Ok(((package, PLAN_VERSION, NUMERICS_VERSION, self.key()), text))
    }

    /// A plan that [`Plan::written`] wrote, in another process. The versions are checked first.
    #[staticmethod]
    fn read(py: Python<'_>, versions: Versions, text: &str) -> PyResult<Plan> {
        let read = || -> Result<Plan> {
            let (package, plans, numerics, key) = versions;
            check_versions("plan", &package, numerics, plans)?;
            let plan = Arc::new(chunkwise::Plan::from_json(text)?);
            match plan.fingerprint().to_string() == key {
                true => Ok(Plan { plan }),
                false => Err(Error::new(ErrorKind::Format, "the plan was damaged on its way")),
            }
        };
        py.detach(read).map_err(|e| exception(py, e))
    }

    /// What tells it from all other plans.
    #[getter]
    fn key(&self) -> String {
        self.plan.fingerprint().to_string()
    }

    /// Its stages.
    fn stages(&self) -> Vec<StageFacts> {
        let all = self.plan.stages().iter().enumerate();
        all.map(|(n, s)| {
            let whole = s.outputs.iter().any(|o| o.fold.carries().is_some());
            let keeps = s.outputs.iter().any(|o| o.fold.landing().keeps_any());
            (s.grid.blocks(), self.plan.tasks_together(n), whole, keeps)
        })
        .collect()
    }

    /// Whether a file is one of its inputs, by whatever name.
    fn reads(&self, path: PathBuf) -> bool {
        let mut is_it = |spec: &SourceSpec| {
            spec.in_file().is_some_and(|(input, _)| chunkwise::whole::is_same_file(input, &path))
        };
        self.plan.sources().iter().any(|s| s.spec.any(&mut is_it))
    }

    /// The bytes of its results.
    fn bytes(&self) -> u64 {
        self.plan.results().iter().map(|&v| self.plan.values()[v].bytes()).sum()
    }
}

/// The values of the first stages of a plan.
#[pyclass(frozen, module = "chunkwise._chunkwise")]
pub struct Stages {
    values: Mutex<Arc<StageValues>>,
}

impl Stages {
    fn new_of(values: StageValues) -> Stages {
        Stages { values: Mutex::new(Arc::new(values)) }
    }

    fn shared(&self) -> Arc<StageValues> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The values of a plan's results, taken out, so that nobody has their elements twice.
    fn taken(&self, plan: &Plan) -> Result<Vec<ArrayValue>> {
        let all = std::mem::take(&mut *self.values.lock().unwrap_or_else(PoisonError::into_inner));
        let mut all = Arc::try_unwrap(all).unwrap_or_else(|all| (*all).clone()).into_values();
        let results = plan.plan.results();
        let lost = || Error::new(ErrorKind::Internal, "a result was never made");
        let one = |(n, v): (usize, &usize)| {
            let again = results[n + 1..].contains(v);
            let value = if again { all.get(v).cloned() } else { all.remove(v) };
            value.ok_or_else(lost)?.as_array().cloned()
        };
        results.iter().enumerate().map(one).collect()
    }
}

#[pymethods]
impl Stages {
    /// Before any stage has run.
    #[new]
    fn new() -> Stages {
        Stages::new_of(StageValues::new())
    }

    /// What tasks of the next stage read, as bytes; nothing if they read no values.
    fn written<'py>(&self, py: Python<'py>, plan: &Plan) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let next = self.shared().read_next(&plan.plan);
        if next.values().is_empty() {
            return Ok(None);
        }
        let bytes = py.detach(|| next.to_bytes(&plan.plan)).map_err(|e| exception(py, e))?;
        Ok(Some(PyBytes::new(py, &bytes)))
    }

    /// The values that another process wrote.
    #[staticmethod]
    fn read(py: Python<'_>, plan: &Plan, bytes: &[u8]) -> PyResult<Stages> {
        let values = StageValues::from_bytes(&plan.plan, bytes).map_err(|e| exception(py, e))?;
        Ok(Stages::new_of(values))
    }

    /// The results of a plan whose stages have all run. They are given once.
    fn results(&self, py: Python<'_>, plan: &Plan) -> PyResult<Vec<Values>> {
        let taken = self.taken(plan).map_err(|e| exception(py, e))?;
        Ok(taken.into_iter().map(Values::of).collect())
    }

    /// The results as arrays, with the names and units of those that were asked for. They are given once.
    fn arrays(&self, py: Python<'_>, plan: &Plan, of: Vec<Bound<'_, Handle>>) -> PyResult<Vec<Handle>> {
        let array = |(value, of): (ArrayValue, &Bound<'_, Handle>)| -> Result<Handle> {
            let (dtype, shape) = (value.dtype(), value.shape().to_vec());
            let mut array = Array::from_buffer(dtype, &shape, value.into_buffer());
            if let Ok(asked) = of.get().array() {
                for (key, text) in asked.annotations()? {
                    array = array.annotate(key, text);
                }
            }
            Ok(Handle::new(array.into()))
        };
        let made = || self.taken(plan)?.into_iter().zip(&of).map(array).collect::<Result<Vec<_>>>();
        made().map_err(|e| exception(py, e))
    }
}

/// Partials that Python hands over one by one.
struct Handed(Py<PyIterator>);

impl Iterator for Handed {
    type Item = Result<StagePartial>;

    fn next(&mut self) -> Option<Result<StagePartial>> {
        let taken = Python::attach(|py| -> Option<PyResult<Py<PyBytes>>> {
            let next = self.0.bind(py).clone().next()?;
            Some(next.and_then(|object| Ok(object.cast_into::<PyBytes>()?.unbind())))
        })?;
        Some(match taken {
            Err(e) => Err(raised(e, "what hands over partials")),
            Ok(bytes) => Python::attach(|py| StagePartial::from_bytes(bytes.bind(py).as_bytes())),
        })
    }
}

fn report(made: &chunkwise::Report) -> PyResult<String> {
    serde_json::to_string(made).map_err(|e| PyRuntimeError::new_err(e.to_string()))
}

/// The plan of arrays, for any process; what is only in memory goes along up to so many bytes.
#[pyfunction]
pub fn plan(
    engine: &Bound<'_, Engine>,
    py: Python<'_>,
    targets: Vec<Bound<'_, Handle>>,
    inline: u64,
) -> PyResult<Plan> {
    let targets: Vec<Lowered> = targets.iter().map(|t| t.get().lowered.clone()).collect();
    let plan = engine.get().long(py, move |made: &Made| {
        let arrays =
            targets.iter().map(|t| made.scope.array_of(t.clone())).collect::<Result<Vec<Array>>>()?;
        let all: Vec<&dyn Target> = arrays.iter().map(|a| a as &dyn Target).collect();
        made.session.plan(&all)?.portable(inline)
    })?;
    Ok(Plan { plan: Arc::new(plan) })
}

/// Runs a range of the tasks of a stage: what they gather.
#[pyfunction]
pub fn run_tasks<'py>(
    engine: &Bound<'_, Engine>,
    py: Python<'py>,
    plan: &Plan,
    stage: usize,
    range: (u64, u64),
    values: &Stages,
) -> PyResult<Bound<'py, PyBytes>> {
    let (plan, values) = (plan.plan.clone(), values.shared());
    let bytes = engine.get().long(py, move |made| {
        made.session.run_tasks(&plan, stage, range.0..range.1, values.values())?.to_bytes()
    })?;
    Ok(PyBytes::new(py, &bytes))
}

/// Puts partials together to one of all their tasks.
#[pyfunction]
pub fn combine<'py>(
    engine: &Bound<'_, Engine>,
    py: Python<'py>,
    plan: &Plan,
    stage: usize,
    partials: Bound<'_, PyIterator>,
    values: &Stages,
) -> PyResult<Bound<'py, PyBytes>> {
    let (plan, values, handed) = (plan.plan.clone(), values.shared(), Handed(partials.unbind()));
    let bytes = engine.get().long(py, move |made| {
        made.session.combine_tasks(&plan, stage, handed, values.values())?.to_bytes()
    })?;
    Ok(PyBytes::new(py, &bytes))
}

/// Puts partials of all tasks of a stage together, as they come: the values after it, and the report as JSON.
#[pyfunction]
pub fn merge(
    engine: &Bound<'_, Engine>,
    py: Python<'_>,
    plan: &Plan,
    stage: usize,
    partials: Bound<'_, PyIterator>,
    values: &Stages,
) -> PyResult<(Stages, String)> {
    let (plan, values, handed) = (plan.plan.clone(), values.shared(), Handed(partials.unbind()));
    let (after, text) = engine.get().long(py, move |made| {
        let merged = made.session.merge_tasks(&plan, stage, handed, values.values())?;
        let after = StageValues::after(&plan, stage + 1, merged.values);
        Ok((Stages::new_of(after), merged.report))
    })?;
    Ok((after, report(&text)?))
}
