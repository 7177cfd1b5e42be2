//! Checks of a plan that came from elsewhere, so that running it can trust it.

use super::{Input, Output, Plan, PlanData, Read, SubKernel, Supply, ValueSpec, lower};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{AxisGrid, Dims, MAX_RANK, checked_len};
use crate::ops::program::Program;

impl Plan {
    /// Checks everything that running the plan relies on.
    ///
    /// # Errors
    /// `Format` that says which stage is wrong, and how.
    pub(super) fn validate(&self) -> Result<()> {
        let wrong = |what: &str| Error::new(ErrorKind::Format, format!("the plan is not valid: {what}"));
        let d = &self.data;
        let mut made = vec![false; d.values.len()];
        d.values.iter().try_for_each(|v| checked_shape(&v.shape))?;
        let mut last_use = vec![0; d.values.len()];
        for (n, stage) in d.stages.iter().enumerate() {
            let check = || -> Result<()> {
                let shape = stage.grid.shape();
                if stage.outputs.is_empty() {
                    return Err(wrong("a stage makes nothing"));
                }
                checked_shape(&shape)?;
                for axis in &stage.grid.axes {
                    match axis {
                        AxisGrid::Regular { block, phase, step, len } => {
                            let fits = *step >= 1 && step <= block && phase < block;
                            let size = step.checked_mul(*len).and_then(|n| n.checked_add(*phase));
                            if !fits || size.and_then(|n| n.checked_add(*block)).is_none() {
                                return Err(wrong("a grid axis has blocks that cannot be"));
                            }
                        }
                        // That they increase was checked when they were read.
                        AxisGrid::Uneven(_) => {}
                    }
                }
                check_kernel(&shape, &stage.inputs, &stage.program, d, &made, 0)?;
                for o in &stage.outputs {
                    let value = d.values.get(o.value).ok_or_else(|| wrong("an output makes no value"))?;
                    check_fold(o, &stage.program, &shape, value, d, &made)?;
                }
                Ok(())
            };
            check().map_err(|e| e.at("stage", n))?;
            for o in &stage.outputs {
                if std::mem::replace(&mut made[o.value], true) {
                    return Err(wrong("a value is made twice").at("stage", n));
                }
            }
            stage.values_read().into_iter().for_each(|v| last_use[v] = n);
        }
        d.results.iter().for_each(|&r| last_use.get_mut(r).into_iter().for_each(|l| *l = d.stages.len()));
        if d.values.iter().zip(&last_use).any(|(v, &l)| v.last_use != l) {
            return Err(wrong("a value is not used where it says"));
        }
        match d.results.iter().all(|&r| made.get(r).copied().unwrap_or(false)) {
            true => Ok(()),
            false => Err(wrong("a result is never made")),
        }
    }
}

/// Checks that an array can have this shape.
fn checked_shape(shape: &[u64]) -> Result<()> {
    if shape.len() > MAX_RANK || checked_len(shape).is_none() {
        return Err(Error::new(ErrorKind::Format, "the plan is not valid: a shape is too large"));
    }
    Ok(())
}

/// Checks that a fold is given what it takes, and makes the value that it says.
fn check_fold(
    output: &Output,
    program: &Program,
    domain: &[u64],
    value: &ValueSpec,
    data: &PlanData,
    made: &[bool],
) -> Result<()> {
    let wrong = |what: &str| {
        Err(Error::new(ErrorKind::Format, format!("the plan is not valid: {what}"))
            .at("operation", &output.label))
    };
    let fold = &output.fold;
    let (ports, params) = (fold.ports(), fold.params());
    if fold.landing().rank() != domain.len() {
        return wrong("a fold has the wrong number of axes");
    }
    if ports.len() != output.ports.len() || params.len() != output.params.len() {
        return wrong("a fold has another number of columns or params than it takes");
    }
    if fold
        .carries()
        .is_some_and(|axis| axis >= domain.len() || !fold.places() || !fold.landing().keeps_all())
    {
        return wrong(
            "a fold goes on from block to block along an axis that is not there, or without places",
        );
    }
    let column = |&o: &usize| program.outputs.get(o).map(|&r| program.dtype(r));
    if !ports.iter().map(|p| Some(p.dtype)).eq(output.ports.iter().map(column)) {
        return wrong("a fold reads an output that is not there, or of another dtype");
    }
    for (param, &v) in params.iter().zip(&output.params) {
        let fits = |v: &ValueSpec| !v.histogram && v.dtype == param.dtype && v.shape == param.shape;
        if made.get(v) != Some(&true) || !fits(&data.values[v]) {
            return wrong("a fold uses a param that is not made yet, or is another one");
        }
    }
    let makes = fold.makes(domain);
    if value.shape != makes.shape || value.dtype != makes.dtype || value.histogram != makes.histogram {
        return wrong("a value is not what its fold makes");
    }
    Ok(())
}

/// Checks inputs and program of a stage or of a feed within it.
fn check_kernel(
    domain: &[u64],
    inputs: &[Input],
    program: &Program,
    data: &PlanData,
    made: &[bool],
    depth: usize,
) -> Result<()> {
    let wrong = |what: &str| Error::new(ErrorKind::Format, format!("the plan is not valid: {what}"));
    if depth > lower::MAX_FEED_DEPTH {
        return Err(wrong("feeds are nested too deeply"));
    }
    checked_shape(domain)?;
    program.validate()?;
    if inputs.len() != program.inputs.len() {
        return Err(wrong("a program has another number of inputs than its stage"));
    }
    for (input, &dtype) in inputs.iter().zip(&program.inputs) {
        let sub = |k: &SubKernel| check_kernel(&k.shape, &k.inputs, &k.program, data, made, depth + 1);
        let (shape, of): (Dims, DType) = match &input.from {
            Supply::Read(Read::Source(s)) => {
                let s = data.sources.get(*s).ok_or_else(|| wrong("no such source"))?;
                (s.shape.clone(), s.dtype)
            }
            Supply::Read(Read::Value(v)) => match made.get(*v) {
                Some(true) if !data.values[*v].histogram => {
                    (data.values[*v].shape.clone(), data.values[*v].dtype)
                }
                _ => return Err(wrong("a value is used before it is made")),
            },
            Supply::Feed(fed) => {
                fed.of.iter().try_for_each(sub)?;
                fed.makes()?
            }
        };
        checked_shape(&shape)?;
        if of != dtype || input.view.base.len() != shape.len() || input.view.shape().as_slice() != domain {
            return Err(wrong("an input does not fit its program"));
        }
        // Each source axis is walked by one axis at most, in steps.
        let mut walked = vec![false; shape.len()];
        for (s, step) in input.view.axes.iter().filter_map(|a| a.from) {
            match walked.get_mut(s) {
                None => return Err(wrong("a view of an axis that is not there")),
                Some(w) if *w || step == 0 => return Err(wrong("a view walks an axis twice, or never")),
                Some(w) => *w = true,
            }
        }
        // Every index that the view can make must be inside, or a damaged plan would read outside.
        if !domain.contains(&0) {
            let mut last: Vec<(i128, i128)> =
                input.view.base.iter().map(|&b| (b as i128, b as i128)).collect();
            for a in &input.view.axes {
                if let Some((s, step)) = a.from {
                    let r = last.get_mut(s).ok_or_else(|| wrong("a view of an axis that is not there"))?;
                    let far = step as i128 * (a.len as i128 - 1);
                    *r = (r.0 + far.min(0), r.1 + far.max(0));
                }
            }
            if last.iter().zip(&shape).any(|(&(lo, hi), &n)| lo < 0 || hi >= n as i128) {
                return Err(wrong("a view reaches outside its source"));
            }
        }
    }
    Ok(())
}
