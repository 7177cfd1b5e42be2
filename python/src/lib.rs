//! The native half of the Python package: values to and from Python, sources that lie in Python objects, and runs that
//! let go of the interpreter. Names, classes and documentation are Python, in `python/chunkwise`, made from the
//! library's catalogue.

mod convert;
mod engine;
mod errors;
mod foreign;
mod handle;
mod memory;
mod names;
mod pieces;
mod run;
mod values;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
fn _chunkwise(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<engine::Engine>()?;
    m.add_class::<handle::Handle>()?;
    m.add_class::<pieces::Plan>()?;
    m.add_class::<pieces::Stages>()?;
    m.add_class::<values::Values>()?;
    m.add_function(wrap_pyfunction!(names::register, m)?)?;
    m.add_function(wrap_pyfunction!(names::catalogue, m)?)?;
    m.add_function(wrap_pyfunction!(names::missing, m)?)?;
    m.add_function(wrap_pyfunction!(pieces::plan, m)?)?;
    m.add_function(wrap_pyfunction!(pieces::run_tasks, m)?)?;
    m.add_function(wrap_pyfunction!(pieces::combine, m)?)?;
    m.add_function(wrap_pyfunction!(pieces::merge, m)?)?;
    m.add_function(wrap_pyfunction!(memory::from_memory, m)?)?;
    m.add_function(wrap_pyfunction!(foreign::from_object, m)?)?;
    m.add_function(wrap_pyfunction!(handle::open, m)?)?;
    m.add_function(wrap_pyfunction!(handle::open_many, m)?)?;
    m.add_function(wrap_pyfunction!(handle::attributes, m)?)?;
    m.add_function(wrap_pyfunction!(handle::listing, m)?)?;
    m.add("__version__", env!("CARGO_PKG_VERSION"))
}
