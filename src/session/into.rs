//! Results in memory that the caller has and uses again, as NumPy's `out=`.
//!
//! Fresh memory costs more than most arithmetic: the system has to find and clear every page of it. A
//! result in memory that was there before costs what its elements cost.

use super::Session;
use crate::array::{Array, Target};
use crate::dtype::Element;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{self, Lent, Outlets, Report};
use crate::grid::show_shape;
use crate::ops::shared::SharedArray;
use crate::plan::{Ends, Plan, ValueId};
use ndarray::{ArrayViewMut, Dimension};
use std::time::Instant;

/// Memory of the caller's that a result is written to.
pub struct Out<'a>(SharedArray<'a>);

impl<'a> Out<'a> {
    /// The elements of an array.
    ///
    /// # Errors
    /// `Shape` if it is not in C order.
    pub fn new<T: Element, D: Dimension>(out: ArrayViewMut<'a, T, D>) -> Result<Out<'a>> {
        let shape: Vec<u64> = out.shape().iter().map(|&n| n as u64).collect();
        let array = out.into_slice().and_then(|elements| SharedArray::lent(elements, &shape));
        array.map(Out).ok_or_else(|| {
            Error::new(
                ErrorKind::Shape,
                format!("the output of shape {} is not in C order, without gaps", show_shape(&shape)),
            )
            .hint("compute into a new array and assign() it to this one")
        })
    }
}

impl Session {
    /// Computes one array into memory that is there already. Its dtype and shape must be those of `out`;
    /// nothing is converted. What `out` held does not matter, and after an error its elements are
    /// unspecified: each is what it was, or some other value of its type.
    ///
    /// `out` does not count against the budget. It cannot be an input of the computation: it is borrowed
    /// for the time being, and an array in memory that an [`Array`] was made of is shared with nobody who
    /// could write it (ndarray copies a shared one when it is borrowed so).
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// use ndarray::Array1;
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let mut out = Array1::<f64>::zeros(1000);
    /// for i in 0..3 {
    ///     let x = Array::linspace(0.0, 999.0, 1000) * i;
    ///     session.compute_into(&x.square(), out.view_mut())?;
    ///     assert_eq!(out[10], f64::from(100 * i * i));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Shape` if `out` has another shape or is not in C order; `Type` if it has another dtype; and as
    /// [`Session::compute`].
    pub fn compute_into<T: Element, D: Dimension>(
        &self,
        array: &Array,
        out: ArrayViewMut<T, D>,
    ) -> Result<Report> {
        self.run_into(&[array], [Out::new(out)?])
    }

    /// Computes several arrays in one run, each into memory of its own: what they share is read and
    /// computed once.
    ///
    /// # Errors
    /// As [`Session::compute_into`]; `Type` for a histogram, whose result is not an array; `Value` if
    /// there are not as many outputs as targets.
    pub fn run_into<'o>(
        &self,
        targets: &[&dyn Target],
        outs: impl IntoIterator<Item = Out<'o>>,
    ) -> Result<Report> {
        let start = Instant::now();
        let outs: Vec<Out> = outs.into_iter().collect();
        if outs.len() != targets.len() {
            let what = format!("{} targets have {} outputs", targets.len(), outs.len());
            return Err(Error::new(ErrorKind::Value, what));
        }
        let plan = self.plan_here(targets)?;
        for (n, (&result, Out(out))) in plan.results().iter().zip(&outs).enumerate() {
            check(&plan, result, out).map_err(|e| if targets.len() > 1 { e.at("target", n) } else { e })?;
        }
        // A value that a stage reads, or that is wanted twice, is held by the run and copied at its end.
        let once = |v: ValueId| {
            plan.results().iter().filter(|&&r| r == v).count() == 1
                && !plan.stages().iter().any(|s| s.values_read().contains(&v))
        };
        let mut lent = Lent::new();
        let mut copied = Vec::new();
        for (&result, Out(out)) in plan.results().iter().zip(outs) {
            match once(result) {
                true => drop(lent.insert(result, out)),
                false => copied.push((result, out)),
            }
        }
        let held_by_caller: Vec<ValueId> = lent.keys().copied().collect();
        let bound = self.bind_with(&plan, &Ends { held: held_by_caller, ..Ends::default() })?;
        let counters = self.counters();
        let outlets = Outlets { lent, ..Outlets::default() };
        let values = self.with_context(|cx| exec::run(&plan, &bound, outlets, cx, &counters))?;
        for (result, mut out) in copied {
            let made = values.get(&result).ok_or_else(|| {
                Error::new(ErrorKind::Internal, format!("value {result} of the plan was never made"))
            })?;
            out.fill(made.as_array()?.bytes());
        }
        Ok(self.report(&plan, &bound, &counters, start))
    }
}

/// Whether a result can be written to `out`.
fn check(plan: &Plan, result: ValueId, out: &SharedArray) -> Result<()> {
    let made = &plan.values()[result];
    if made.histogram {
        return Err(Error::new(ErrorKind::Type, "a histogram cannot be computed into an array")
            .hint("use compute_histogram() or run()"));
    }
    if made.dtype != out.dtype() {
        return Err(Error::new(
            ErrorKind::Type,
            format!("the result is {} and the output {}", made.dtype, out.dtype()),
        )
        .hint(format!("cast it before it is computed: x.cast(DType::{:?})", out.dtype())));
    }
    if made.shape.as_slice() != out.shape() {
        let (made, out) = (show_shape(&made.shape), show_shape(out.shape()));
        return Err(Error::new(
            ErrorKind::Shape,
            format!("the result has the shape {made} and the output {out}"),
        ));
    }
    Ok(())
}
