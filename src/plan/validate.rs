//! Checks of a plan that came from elsewhere, so that running it can trust it.

use super::{Consumer, Feed, Input, Plan, PlanData, SubKernel, ValueId, ValueSpec, lower};
use crate::backend::cpu::check_product;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{AxisGrid, Dims, MAX_RANK, checked_len};
use crate::ops::histogram::Bins;
use crate::ops::kernel::kept;
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
                    let outs = stage.program.outputs.len();
                    let used: Vec<usize> = match &o.consumer {
                        Consumer::Collect { from } => vec![*from],
                        Consumer::Reduce { values, weights, mask, reduced, .. } => {
                            if reduced.len() != shape.len() {
                                return Err(wrong("a reduction has the wrong number of axes"));
                            }
                            [Some(*values), *weights, *mask].into_iter().flatten().collect()
                        }
                        Consumer::Histogram { coords, weights, mask, bins, bounds } => {
                            if coords.len() != bins.len() || bounds.len() != bins.len() {
                                return Err(wrong("a histogram has the wrong number of dimensions"));
                            }
                            let is_bound = |v: ValueId| {
                                made.get(v) == Some(&true)
                                    && !d.values[v].histogram
                                    && d.values[v].shape.is_empty()
                            };
                            if !bounds.iter().flatten().all(|&(a, b)| is_bound(a) && is_bound(b)) {
                                return Err(wrong("a histogram uses bounds that are not made yet"));
                            }
                            coords.iter().chain(weights).chain(mask).copied().collect()
                        }
                    };
                    if used.iter().any(|&u| u >= outs) || o.value >= d.values.len() {
                        return Err(wrong("a consumer reads an output that is not there"));
                    }
                    if !consumer_fits(&stage.program, &o.consumer, &shape, &d.values[o.value]) {
                        return Err(wrong("a value is not what its consumer makes"));
                    }
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

/// The dtype that a kernel nested in a feed makes; it must have exactly one output.
fn made_by(kernel: &SubKernel) -> Result<DType> {
    match kernel.program.outputs[..] {
        [output] => Ok(kernel.program.dtype(output)),
        _ => Err(Error::new(ErrorKind::Format, "the plan is not valid: a feed does not make one array")),
    }
}

/// Whether a consumer takes the dtypes that the program gives and makes the value that is said.
fn consumer_fits(program: &Program, consumer: &Consumer, domain: &[u64], value: &ValueSpec) -> bool {
    let dtype = |i: usize| program.dtype(program.outputs[i]);
    let is_mask = |mask: &Option<usize>| mask.is_none_or(|m| dtype(m) == DType::Bool);
    let (shape, made): (Dims, DType) = match consumer {
        Consumer::Collect { from } => (domain.into(), dtype(*from)),
        Consumer::Reduce { spec, values, weights, mask, reduced } => {
            let inputs = dtype(*values) == spec.compute_dtype()
                && weights.map(dtype) == spec.weights_dtype()
                && mask.is_some() == spec.has_mask();
            if !inputs || !is_mask(mask) {
                return false;
            }
            (kept(domain, reduced), spec.out_dtype())
        }
        Consumer::Histogram { bins, bounds, mask, .. } => {
            let automatic = |b: &Bins| matches!(b, Bins::Auto { .. });
            if !is_mask(mask) || bins.iter().zip(bounds).any(|(b, r)| automatic(b) != r.is_some()) {
                return false;
            }
            (bins.iter().map(Bins::bins).collect(), DType::U64)
        }
    };
    let histogram = matches!(consumer, Consumer::Histogram { .. });
    value.shape == shape && value.dtype == made && value.histogram == histogram
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
        let (shape, of): (Dims, DType) = match &input.feed {
            Feed::Source(s) => {
                let s = data.sources.get(*s).ok_or_else(|| wrong("no such source"))?;
                (s.shape.clone(), s.dtype)
            }
            Feed::Value(v) => match made.get(*v) {
                Some(true) if !data.values[*v].histogram => {
                    (data.values[*v].shape.clone(), data.values[*v].dtype)
                }
                _ => return Err(wrong("a value is used before it is made")),
            },
            Feed::Matmul { a, b, dtype } => {
                check_product(*dtype)?;
                sub(a)?;
                sub(b)?;
                let typed = made_by(a)? == *dtype && made_by(b)? == *dtype;
                if !typed || a.shape.len() != 2 || b.shape.len() != 2 || a.shape[1] != b.shape[0] {
                    return Err(wrong("the factors of a product do not fit"));
                }
                (Dims::from_slice(&[a.shape[0], b.shape[1]]), *dtype)
            }
            Feed::Concatenate { axis, pieces } => {
                pieces.iter().try_for_each(sub)?;
                let first = pieces.first().ok_or_else(|| wrong("a concatenation of nothing"))?;
                let (mut shape, dtype) = (first.shape.clone(), made_by(first)?);
                if *axis >= shape.len() {
                    return Err(wrong("the pieces of a concatenation do not fit"));
                }
                shape[*axis] = 0;
                for p in pieces {
                    let fits = p.shape.len() == shape.len()
                        && (0..shape.len()).all(|d| d == *axis || p.shape[d] == shape[d]);
                    if !fits || made_by(p)? != dtype {
                        return Err(wrong("the pieces of a concatenation do not fit"));
                    }
                    shape[*axis] = shape[*axis].saturating_add(p.shape[*axis]);
                }
                (shape, dtype)
            }
            Feed::Reshape { of, shape } => {
                sub(of)?;
                if checked_len(shape) != checked_len(&of.shape) {
                    return Err(wrong("a reshape changes the number of elements"));
                }
                (shape.clone(), made_by(of)?)
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
