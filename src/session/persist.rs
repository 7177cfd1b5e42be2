//! Arrays that are computed once and then stay: in memory, or in a temporary store where they do not fit.

use super::Session;
use crate::array::Array;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{self, Outlets};
use crate::graph::Graph;
use crate::plan::Ends;
use crate::source::Source;
use crate::source::memory::MemorySource;
use std::sync::Arc;

impl Session {
    /// Computes an array now and gives one that has the elements, as `persist` in dask: what is made of it
    /// reads no file of yours and computes nothing again. The elements are in memory, the caller's from then on, and do not count
    /// against the budget of later runs; the run that makes them has to have room for them. What is larger than
    /// the budget goes to a temporary store ([`SessionBuilder::spill`](super::SessionBuilder::spill)), which is there until the last array that is made
    /// of it is dropped.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let x = session.persist(&Array::random(&[1000], 1, chunkwise::DType::F64).sqrt())?;
    /// let spread = session.compute(&(x.max() - x.min()))?.item::<f64>()?;
    /// assert!(spread < 1.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Session::compute`].
    pub fn persist(&self, array: &Array) -> Result<Array> {
        let of = array.node()?;
        let source: Arc<dyn Source> = match self.compute(array) {
            Ok(value) => MemorySource::held(value.dtype(), value.shape(), value.shared()),
            Err(e) if e.kind() == ErrorKind::Budget => self.persist_spilled(array, e)?,
            Err(e) => return Err(e),
        };
        Ok(Array::new(source).rebuilt(|node| {
            node.annotations = of.annotations.clone();
            node.members = of.members.clone();
            node.dimensions = of.dimensions.clone();
            node.bins = of.bins.clone();
            node.origin = of.origin.clone();
        }))
    }

    /// Computes an array into a temporary store; `refused` is why it is not held.
    fn persist_spilled(&self, array: &Array, refused: Error) -> Result<Arc<dyn Source>> {
        let graph = Graph::new(&[array.node()?.clone()]);
        let plan = self.planned(&graph, &[], &|_| Ends::default(), true)?;
        let result = plan.results()[0];
        if plan.values()[result].shape.contains(&0) {
            return Err(refused);
        }
        let bound = self.bind_in(&plan, &Ends::default(), self.memory(), Some(&[result]))?;
        let Some(store) = bound.spill.as_ref().and_then(|s| s.store(result)).cloned() else {
            return Err(refused);
        };
        let counters = self.counters();
        self.with_context(|cx| exec::run(&plan, &bound, Outlets::default(), cx, &counters))?;
        Ok(store)
    }
}
