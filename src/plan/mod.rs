//! The plan: what will be done, frozen before anything runs, as plain data.
//!
//! A [`Plan`] holds no device, no budget, no open file and no chunk addresses. It is cut into
//! [`Stage`]s; a stage is a task grid over a domain and one fused kernel over it. Tasks are counted,
//! never listed: task `i` is the block at the C-order position `i` of the grid. A plan can be
//! written as JSON, read by another process on another machine, and run there in pieces.

mod bind;
mod blocks;
mod explain;
mod lower;
mod reads;

pub use bind::{Bound, BoundStage, Machine, Pass, Placement, Reads, Wish};
pub use blocks::uses_of_chunk;

use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::grid::{Dims, Grid, MAX_RANK, checked_len};
use crate::ops::histogram::{Bins, HistogramSpec};
use crate::ops::program::Program;
use crate::ops::reduce::ReduceSpec;
use crate::source::{Source, SourceSpec};
use crate::view::View;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The version of the serialised form; another version is refused.
pub const PLAN_VERSION: u32 = 1;

/// The number of a value that a stage makes.
pub type ValueId = usize;

/// A source of a plan, by name, with what was known of it when the plan was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanSource {
    /// How to open it again.
    pub spec: SourceSpec,
    /// Its name for people.
    pub name: String,
    /// Its shape.
    pub shape: Dims,
    /// Its dtype.
    pub dtype: DType,
    /// Its storage chunks, if it has any.
    pub chunks: Option<Dims>,
}

/// Where the elements of an input come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Feed {
    /// A source of the plan.
    Source(usize),
    /// The result of an earlier stage.
    Value(ValueId),
    /// The product of two matrices, each a kernel of its own.
    Matmul {
        /// The left factor.
        a: Box<SubKernel>,
        /// The right factor.
        b: Box<SubKernel>,
        /// Its dtype.
        dtype: DType,
    },
    /// Pieces one after the other along an axis.
    Concatenate {
        /// The axis.
        axis: usize,
        /// The pieces.
        pieces: Vec<SubKernel>,
    },
    /// The elements of an array of another shape, in C order.
    Reshape {
        /// That array.
        of: Box<SubKernel>,
        /// The shape after.
        shape: Dims,
    },
}

/// One input of a program: a feed, seen through a view whose shape is the domain's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Where the elements come from.
    pub feed: Feed,
    /// How the domain sees them.
    pub view: View,
}

/// A program with one output over a domain of its own; what a feed is computed by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubKernel {
    /// The domain.
    pub shape: Dims,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// The program.
    pub program: Program,
}

/// What becomes of a stage's program outputs (numbers are positions among the outputs).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Consumer {
    /// The elements are the value.
    Collect {
        /// The output.
        from: usize,
    },
    /// A reduction.
    Reduce {
        /// The row with its options.
        spec: ReduceSpec,
        /// The output with the values.
        values: usize,
        /// The output with the weights.
        weights: Option<usize>,
        /// The output with the mask.
        mask: Option<usize>,
        /// Per axis of the domain, whether it is reduced.
        reduced: Vec<bool>,
    },
    /// A histogram.
    Histogram {
        /// The bins of each dimension.
        bins: Vec<Bins>,
        /// For each automatic dimension, the values that hold its bounds.
        bounds: Vec<Option<(ValueId, ValueId)>>,
        /// The outputs with the coordinates.
        coords: Vec<usize>,
        /// The output with the weights.
        weights: Option<usize>,
        /// The output with the mask.
        mask: Option<usize>,
    },
}

/// A consumer, the value it makes, and where it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The value it makes.
    pub value: ValueId,
    /// How.
    pub consumer: Consumer,
    /// The operation, and the line or expression that asked for it.
    pub label: String,
}

/// A task grid and a kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The task grid over the domain.
    pub grid: Grid,
    /// The inputs of the program.
    pub inputs: Vec<Input>,
    /// The fused elementwise part.
    pub program: Program,
    /// What becomes of its outputs.
    pub outputs: Vec<Output>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueSpec {
    /// The shape; a histogram's is that of its counts.
    pub shape: Dims,
    /// The dtype.
    pub dtype: DType,
    /// Whether it is a histogram.
    pub histogram: bool,
    /// The last stage that reads it (or the number of stages, if it is a result).
    pub last_use: usize,
}

impl ValueSpec {
    /// The bytes that it takes in memory.
    pub fn bytes(&self) -> u64 {
        let len = self.shape.iter().fold(1u64, |n, &d| n.saturating_mul(d));
        // A histogram has a count, a sum and its share of the edges per bin.
        len.saturating_mul(if self.histogram { 24 } else { self.dtype.size() as u64 })
    }
}

/// A frozen plan.
#[derive(Clone, Debug)]
pub struct Plan {
    data: PlanData,
    /// Sources that are open in this process, in the order of the plan's.
    opened: Vec<Arc<dyn Source>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PlanData {
    version: u32,
    sources: Vec<PlanSource>,
    values: Vec<ValueSpec>,
    stages: Vec<Stage>,
    results: Vec<ValueId>,
}

/// What a planner may choose.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Bytes of one input's block that the planner aims at when it joins small chunks or cuts an
    /// unchunked array. A chunk that is larger is a block of its own.
    pub block_bytes: u64,
}

impl Default for PlanOptions {
    fn default() -> Self {
        PlanOptions { block_bytes: 1 << 20 }
    }
}

impl Plan {
    /// Plans a graph. Nothing is read but metadata that is known already.
    ///
    /// # Errors
    /// `Unsupported` for a graph that nests matrix products, concatenations and reshapes deeper than
    /// 64 within each other.
    pub fn new(graph: &Graph, options: &PlanOptions) -> Result<Plan> {
        lower::plan(graph, options)
    }

    /// The stages, in the order in which they run.
    pub fn stages(&self) -> &[Stage] {
        &self.data.stages
    }

    /// The values that stages make.
    pub fn values(&self) -> &[ValueSpec] {
        &self.data.values
    }

    /// The values that were asked for, in the caller's order.
    pub fn results(&self) -> &[ValueId] {
        &self.data.results
    }

    /// The sources.
    pub fn sources(&self) -> &[PlanSource] {
        &self.data.sources
    }

    /// The sources, open in this process.
    pub fn opened(&self) -> &[Arc<dyn Source>] {
        &self.opened
    }

    /// Tasks in all stages.
    pub fn tasks(&self) -> u64 {
        self.data.stages.iter().map(|s| s.grid.blocks()).sum()
    }

    /// The same plan as binding sees it when its results are handed on block by block and never held
    /// as a whole.
    pub fn streamed(&self) -> Plan {
        let mut plan = self.clone();
        for &r in &self.data.results {
            plan.data.values[r].shape = Dims::from_slice(&[0]);
            plan.data.values[r].last_use = 0;
        }
        plan
    }

    /// The plan as JSON, for another process.
    ///
    /// # Errors
    /// `Unsupported` if a source is memory of this process.
    pub fn to_json(&self) -> Result<String> {
        if let Some(s) = self.data.sources.iter().find(|s| matches!(s.spec, SourceSpec::Memory { .. })) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the plan reads {}, which only this process has", s.name),
            )
            .hint("store the array in a file and open it from there"));
        }
        serde_json::to_string(&self.data)
            .map_err(|e| Error::new(ErrorKind::Internal, "the plan cannot be written as JSON").caused_by(e))
    }

    /// Reads a plan that [`Plan::to_json`] wrote, checks it, and opens its sources.
    ///
    /// # Errors
    /// `Format` for what is not such a plan; `Changed`, `NotFound`, … if a source is not what it was.
    pub fn from_json(text: &str) -> Result<Plan> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let broken = |e| Error::new(ErrorKind::Format, "this is not a plan").caused_by(Box::new(e) as Box<_>);
        let Version { version } = serde_json::from_str(text).map_err(|e: serde_json::Error| broken(e))?;
        if version != PLAN_VERSION {
            return Err(Error::new(
                ErrorKind::Format,
                format!("the plan has version {version}, this program reads version {PLAN_VERSION}"),
            )
            .hint("make the plan again with the same version of chunkwise"));
        }
        let data: PlanData = serde_json::from_str(text).map_err(broken)?;
        let opened = data.sources.iter().map(|s| crate::source::open(&s.spec)).collect::<Result<Vec<_>>>()?;
        for (s, o) in data.sources.iter().zip(&opened) {
            if s.shape.as_slice() != o.shape() || s.dtype != o.dtype() || s.chunks.as_deref() != o.chunks() {
                return Err(Error::new(
                    ErrorKind::Changed,
                    "the dataset is not what it was when the plan was made",
                )
                .at("source", &s.name)
                .hint("make the plan again"));
            }
        }
        let plan = Plan { data, opened };
        plan.validate()?;
        Ok(plan)
    }

    /// A short text that two plans share only if they are the same.
    pub fn fingerprint(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        // Debug text is stable within a version, and partials never outlive one.
        let mut h = Fnv(0xcbf2_9ce4_8422_2325);
        match serde_json::to_string(&self.data) {
            Ok(text) => text.hash(&mut h),
            Err(_) => format!("{:?}", self.data).hash(&mut h),
        }
        h.finish()
    }

    /// Checks everything that running the plan relies on.
    ///
    /// # Errors
    /// `Format` that says which stage is wrong, and how.
    fn validate(&self) -> Result<()> {
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
                        crate::grid::AxisGrid::Regular { block, phase, step, len } => {
                            let fits = *step >= 1 && step <= block && phase < block;
                            let size = step.checked_mul(*len).and_then(|n| n.checked_add(*phase));
                            if !fits || size.and_then(|n| n.checked_add(*block)).is_none() {
                                return Err(wrong("a grid axis has blocks that cannot be"));
                            }
                        }
                        crate::grid::AxisGrid::Ends(ends) => {
                            if !ends.windows(2).all(|w| w[0] < w[1]) || ends.first() == Some(&0) {
                                return Err(wrong("the ends of a grid axis do not increase"));
                            }
                        }
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
            (crate::ops::kernel::kept(domain, reduced), spec.out_dtype())
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

/// FNV-1a, a hash that is the same in every process.
struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.0 = (self.0 ^ b as u64).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

impl Stage {
    /// The values of earlier stages that this one reads.
    pub fn values_read(&self) -> Vec<ValueId> {
        fn of(inputs: &[Input], out: &mut Vec<ValueId>) {
            for input in inputs {
                match &input.feed {
                    Feed::Value(v) => out.push(*v),
                    Feed::Source(_) => {}
                    Feed::Matmul { a, b, .. } => [a, b].into_iter().for_each(|k| of(&k.inputs, out)),
                    Feed::Concatenate { pieces, .. } => pieces.iter().for_each(|k| of(&k.inputs, out)),
                    Feed::Reshape { of: k, .. } => of(&k.inputs, out),
                }
            }
        }
        let mut out = Vec::new();
        of(&self.inputs, &mut out);
        for o in &self.outputs {
            if let Consumer::Histogram { bounds, .. } = &o.consumer {
                out.extend(bounds.iter().flatten().flat_map(|&(a, b)| [a, b]));
            }
        }
        out
    }

    /// The kernel of this stage, for backends. Automatic histogram ranges are looked up with
    /// `bound`; where that gives `None` (before the run), a stand-in of as many bins is used.
    ///
    /// # Errors
    /// `Value` if a histogram's automatic range is not finite.
    pub fn kernel(&self, bound: &dyn Fn(ValueId) -> Option<Scalar>) -> Result<crate::ops::kernel::Kernel> {
        use crate::ops::kernel::{Kernel, Terminal};
        let terminals = self
            .outputs
            .iter()
            .map(|o| {
                Ok(match &o.consumer {
                    Consumer::Collect { from } => Terminal::Collect { from: *from },
                    Consumer::Reduce { spec, values, weights, mask, reduced } => Terminal::Reduce {
                        spec: spec.clone(),
                        values: *values,
                        weights: *weights,
                        mask: *mask,
                        reduced: reduced.clone(),
                    },
                    Consumer::Histogram { bins, bounds, coords, weights, mask } => {
                        let edges = bins
                            .iter()
                            .zip(bounds)
                            .map(|(b, bounds)| {
                                let found = bounds.and_then(|(lo, hi)| Some((bound(lo)?, bound(hi)?)));
                                match found {
                                    Some((lo, hi)) => b.resolve(lo.to_f64(), hi.to_f64()),
                                    None => b.resolve(1.0, 2.0),
                                }
                            })
                            .collect::<Result<Vec<_>>>()
                            .map_err(|e| e.at("operation", &o.label))?;
                        let dtype = |i: usize| self.program.dtype(self.program.outputs[i]);
                        let data: Vec<DType> = coords.iter().map(|&c| dtype(c)).collect();
                        let mut spec = HistogramSpec::new(edges, data, weights.map(dtype))?;
                        if mask.is_some() {
                            spec = spec.with_mask();
                        }
                        Terminal::Histogram {
                            spec: Arc::new(spec),
                            coords: coords.clone(),
                            weights: *weights,
                            mask: *mask,
                        }
                    }
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Kernel { program: self.program.clone(), terminals })
    }
}
