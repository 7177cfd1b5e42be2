//! From graph to plan: cut at reductions, push views to the sources, fuse what lies between.
//!
//! A *cut* is a node whose value exists as a whole before anything can use it: a reduction or a
//! histogram. What lies between cuts is fused: every chain of views becomes one affine map at a
//! source, every chain of elementwise nodes one program. Consumers (reductions, histograms, results)
//! that can start at the same time, have the same domain and share a source form one stage, so that
//! they share its reads. Everything here works with explicit stacks, so that a chain of a million
//! operations cannot overflow one.

use super::blocks::{choose_grid, whole_chunks};
use super::cuts::{Wanted, domain, in_blocks, is_cut, is_histogram, levels, streamed, wanted};
use super::dear::held;
use super::spilled::lying;
use super::tiles::in_tiles;
use super::{
    Fed, Input, Output, PLAN_VERSION, Plan, PlanData, PlanOptions, PlanSource, Read, Stage, SubKernel,
    Supply, ValueId, ValueSpec, Written,
};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::Feed;
use crate::graph::{Graph, NodeId, NodeKind};
use crate::grid::Dims;
use crate::ops::fold::{Collect, SharedFold};
use crate::ops::program::{Program, Register, Step};
use crate::source::foreign::spec_of;
use crate::source::{Source, SourceSpec};
use crate::view::View;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How deeply products, concatenations and reshapes may be nested within each other.
pub const MAX_FEED_DEPTH: usize = 64;

/// How many kernels a plan may nest in feeds, all together. What two feeds share is planned in each
/// of them, so that joining an array with itself again and again doubles them every time.
const MAX_NESTED_KERNELS: usize = 1 << 18;

#[derive(Default)]
struct Sources {
    /// By what identifies them; of what others have written, shape and dtype are part of that.
    by_spec: HashMap<(SourceSpec, DType, Dims), usize>,
    list: Vec<PlanSource>,
    /// As the choice of blocks sees them; see [`lying`].
    lying: Vec<PlanSource>,
    opened: Vec<Arc<dyn Source>>,
    /// Kernels made so far that are nested in feeds.
    nested: usize,
    /// Feeds made so far, with how many kernels are nested in each and how deeply.
    fed: HashMap<NodeId, (Arc<Fed>, usize, usize)>,
}

impl Sources {
    fn index(&mut self, source: &Arc<dyn Source>) -> usize {
        let spec = spec_of(source);
        let key = (spec.clone(), source.dtype(), source.shape().into());
        *self.by_spec.entry(key).or_insert_with(|| {
            let known = PlanSource {
                spec,
                name: source.describe(),
                shape: source.shape().into(),
                dtype: source.dtype(),
                chunks: source.chunks().cloned(),
            };
            self.lying.push(lying(&known, source));
            self.list.push(known);
            self.opened.push(source.clone());
            self.list.len() - 1
        })
    }
}

pub fn plan(graph: &Graph, written: &[Written], options: &PlanOptions) -> Result<Plan> {
    let dear = held(graph, options.hold_bytes.unwrap_or(0), options.hold_inner);
    let holding = (!dear.is_empty()).then(|| {
        let stays = written.iter().map(|w| w.result).collect();
        graph.holding(&dear, &stays)
    });
    let graph = holding.as_ref().unwrap_or(graph);
    let levels = levels(graph);
    let wanted = wanted(graph);
    let mut values: Vec<ValueSpec> = Vec::new();
    let mut value_of: HashMap<Wanted, ValueId> = HashMap::new();
    for w in &wanted {
        let node = graph.node(w.node);
        value_of.insert(*w, values.len());
        values.push(ValueSpec {
            shape: node.shape.clone(),
            dtype: node.dtype,
            histogram: is_histogram(graph, w.node),
            last_use: 0,
        });
    }
    let results: Vec<ValueId> = graph
        .outputs
        .iter()
        .map(|&node| value_of[&Wanted { node, collect: !is_cut(&graph.node(node).kind) }])
        .collect();
    let mut sources = Sources::default();
    let mut stages = Vec::new();
    let chunks: HashMap<NodeId, &Option<Dims>> =
        written.iter().map(|w| (graph.outputs[w.result], &w.chunks)).collect();
    for group in groups(graph, &wanted, &levels, &chunks) {
        let domain = domain(graph, group[0]);
        let mut builder = Builder::new(graph, &value_of, &mut sources, domain.clone(), 0);
        let mut outputs = Vec::new();
        let written =
            group.iter().find_map(|&w| chunks.get(&w.node).filter(|_| in_blocks(graph, w))).copied();
        for w in group {
            outputs.push(builder.fold(w)?);
        }
        let (inputs, program) = (builder.inputs, builder.program);
        let along = outputs.iter().find_map(|o| o.fold.carries());
        let mut grid = choose_grid(&domain, &inputs, &program, &sources.lying, along, options);
        if let Some(tiles) = in_tiles(&grid, &inputs, &program, &outputs, &sources.list, options) {
            grid = tiles;
        }
        if let Some(chunks) = written {
            grid = whole_chunks(&grid, chunks.as_deref(), &program, options);
        }
        stages.push(Stage { grid, inputs, program, outputs });
    }
    for (n, stage) in stages.iter().enumerate() {
        for v in stage.values_read() {
            values[v].last_use = n;
        }
    }
    results.iter().for_each(|&v| values[v].last_use = stages.len());
    let data = PlanData {
        version: PLAN_VERSION,
        chunkwise: env!("CARGO_PKG_VERSION").into(),
        sources: sources.list,
        values,
        stages,
        results,
    };
    let plan =
        Plan { holds: holding.is_some(), block_bytes: options.block_bytes, ..Plan::of(data, sources.opened) };
    debug_assert!(plan.validate().is_ok(), "{:?}", plan.validate());
    Ok(plan)
}

/// Consumers that share a stage, the sources they read, their domain, and how those are chunked that will be
/// written in chunks.
type Group<'a> = (Vec<Wanted>, BTreeSet<usize>, Dims, Option<&'a Option<Dims>>);

/// Consumers that run as one stage, in the order in which stages run.
fn groups(
    graph: &Graph,
    wanted: &[Wanted],
    levels: &[usize],
    chunks: &HashMap<NodeId, &Option<Dims>>,
) -> Vec<Vec<Wanted>> {
    let mut stages: BTreeMap<(usize, usize), Vec<Group>> = BTreeMap::new();
    let mut seen = Seen { by: vec![0; graph.len()], walk: 0 };
    for &w in wanted {
        let level = match w.collect {
            true => levels[w.node.index()],
            false => levels[w.node.index()] - 1,
        };
        let domain = domain(graph, w);
        let mut reads = leaves(graph, &streamed(graph, w), &mut seen);
        let stage = stages.entry((level, domain.len())).or_default();
        let mut members = vec![w];
        let mut written = chunks.get(&w.node).filter(|_| in_blocks(graph, w)).copied();
        // Join every group of the same domain that reads something this one reads too. A task makes whole
        // chunks of one shape: what is written in others is a stage of its own.
        let (joined, apart): (Vec<_>, Vec<_>) =
            std::mem::take(stage).into_iter().partition(|(_, r, d, c)| {
                let joins = *d == domain
                    && (r.is_empty() == reads.is_empty())
                    && (r.is_empty() || !r.is_disjoint(&reads));
                let fits = joins && (written.is_none() || c.is_none() || written == *c);
                written = if fits { written.or(*c) } else { written };
                fits
            });
        *stage = apart;
        for (group, r, ..) in joined.into_iter().rev() {
            members = group.into_iter().chain(members).collect();
            reads.extend(r);
        }
        stage.push((members, reads, domain, written));
    }
    stages.into_values().flatten().map(|(group, ..)| group).collect()
}

/// Which walk was last at each node, so that a walk costs what it sees and not the whole graph.
struct Seen {
    by: Vec<usize>,
    walk: usize,
}

/// The sources below some nodes, down to the next cuts.
fn leaves(graph: &Graph, from: &[NodeId], seen: &mut Seen) -> BTreeSet<usize> {
    let mut out = BTreeSet::new();
    seen.walk += 1;
    let mut stack = from.to_vec();
    while let Some(index) = stack.pop() {
        if std::mem::replace(&mut seen.by[index.index()], seen.walk) == seen.walk {
            continue;
        }
        match &graph.node(index).kind {
            NodeKind::Source(_) => {
                out.insert(index.index());
            }
            kind if is_cut(kind) => {}
            _ => stack.extend(graph.inputs(index)),
        }
    }
    out
}

/// Builds the inputs and the program of one domain.
struct Builder<'a> {
    graph: &'a Graph,
    values: &'a HashMap<Wanted, ValueId>,
    sources: &'a mut Sources,
    domain: Dims,
    depth: usize,
    inputs: Vec<Input>,
    program: Program,
    made: HashMap<(NodeId, View), Register>,
    constants: HashMap<Scalar, Register>,
}

impl<'a> Builder<'a> {
    fn new(
        graph: &'a Graph,
        values: &'a HashMap<Wanted, ValueId>,
        sources: &'a mut Sources,
        domain: Dims,
        depth: usize,
    ) -> Self {
        Builder {
            graph,
            values,
            sources,
            domain,
            depth,
            inputs: Vec::new(),
            program: Program::default(),
            made: HashMap::new(),
            constants: HashMap::new(),
        }
    }

    /// What becomes of a node: its fold, or the collection of its elements.
    fn fold(&mut self, w: Wanted) -> Result<Output> {
        let graph = self.graph;
        let node = graph.node(w.node);
        let value_of = |node: NodeId| {
            let collect = !is_cut(&graph.node(node).kind);
            self.values[&Wanted { node, collect }]
        };
        let streamed = streamed(graph, w);
        let (fold, params) = match &node.kind {
            NodeKind::Fold(fold) if !w.collect => {
                (fold.clone(), graph.inputs(w.node)[streamed.len()..].iter().map(|&p| value_of(p)).collect())
            }
            _ => (SharedFold::new(Collect::new(node.dtype, node.shape.len())), Vec::new()),
        };
        let ports = streamed.into_iter().map(|n| self.output(n)).collect::<Result<_>>()?;
        let label = format!("{} at {}", node.kind.name(), node.origin);
        Ok(Output { value: self.values[&w], fold, ports, params, label })
    }

    /// The position among the program's outputs of a node of the domain's shape.
    fn output(&mut self, node: NodeId) -> Result<usize> {
        let register = self.emit(node, View::identity(&self.domain.clone()))?;
        let outputs = &mut self.program.outputs;
        Ok(outputs.iter().position(|&r| r == register).unwrap_or_else(|| {
            outputs.push(register);
            outputs.len() - 1
        }))
    }

    /// Follows views down to the first node that computes something.
    fn resolve(&self, mut node: NodeId, mut view: View) -> (NodeId, View) {
        while let NodeKind::View(_, inner) = &self.graph.node(node).kind {
            view = view.then(inner);
            node = self.graph.inputs(node)[0];
        }
        (node, view)
    }

    /// The register with a node's elements as the domain sees them through `view`.
    fn emit(&mut self, node: NodeId, view: View) -> Result<Register> {
        let root = self.resolve(node, view);
        let mut stack = vec![(root.clone(), false)];
        while let Some((key, inputs_done)) = stack.pop() {
            if self.made.contains_key(&key) {
                continue;
            }
            let (index, view) = (key.0, key.1.clone());
            let node = self.graph.node(index).clone();
            let register = match &node.kind {
                NodeKind::Elementwise(..) | NodeKind::Cast => {
                    let keys: Vec<_> =
                        self.graph.inputs(index).iter().map(|&i| self.resolve(i, view.clone())).collect();
                    if !inputs_done {
                        stack.push((key, true));
                        stack.extend(keys.into_iter().rev().map(|k| (k, false)));
                        continue;
                    }
                    let args = keys.iter().map(|k| self.made[k]);
                    match &node.kind {
                        NodeKind::Elementwise(op, signature) => {
                            let args = args.collect();
                            self.push(Step::Apply { op: *op, args, signature: signature.clone() })
                        }
                        _ => {
                            let from = self.made[&keys[0]];
                            match self.program.dtype(from) == node.dtype {
                                true => from,
                                false => self.push(Step::Cast { from, to: node.dtype }),
                            }
                        }
                    }
                }
                NodeKind::Const(value) => match self.constants.get(value) {
                    Some(&r) => r,
                    None => {
                        let r = self.push(Step::Const(*value));
                        self.constants.insert(*value, r);
                        r
                    }
                },
                _ => {
                    let from = self.supply(index)?;
                    let input = Input { from, view };
                    let at = self.inputs.iter().position(|i| *i == input).unwrap_or_else(|| {
                        self.inputs.push(input);
                        self.program.inputs.push(node.dtype);
                        self.inputs.len() - 1
                    });
                    self.push(Step::Input(at as u32))
                }
            };
            self.made.insert(key, register);
        }
        Ok(self.made[&root])
    }

    fn push(&mut self, step: Step) -> Register {
        if let Step::Input(_) = step
            && let Some(at) = self.program.steps.iter().position(|s| *s == step)
        {
            return at as Register;
        }
        self.program.steps.push(step);
        (self.program.steps.len() - 1) as Register
    }

    fn supply(&mut self, index: NodeId) -> Result<Supply> {
        Ok(match &self.graph.node(index).kind {
            NodeKind::Source(source) => Supply::Read(Read::Source(self.sources.index(source))),
            NodeKind::Feed(feed) => Supply::Feed(self.fed(index, feed)?),
            _ => Supply::Read(Read::Value(self.values[&Wanted { node: index, collect: false }])),
        })
    }

    /// A node that a feed makes. Those who see it through views of their own share it, but each counts:
    /// a plan that is written has it once for each.
    fn fed(&mut self, node: NodeId, feed: &Arc<dyn Feed>) -> Result<Arc<Fed>> {
        if let Some((fed, kernels, depth)) = self.sources.fed.get(&node) {
            let (fed, kernels, depth) = (fed.clone(), *kernels, *depth);
            self.count(node, kernels, depth)?;
            return Ok(fed);
        }
        let of = self.graph.inputs(node).iter().map(|&i| self.sub(i)).collect::<Result<_>>()?;
        let fed = Arc::new(Fed { feed: feed.clone(), of });
        // What this build cannot make is said before anything runs.
        let made = &self.graph.node(node);
        let makes = fed.makes().and_then(|(shape, dtype)| match shape == made.shape && dtype == made.dtype {
            true => Ok(()),
            false => {
                Err(Error::new(ErrorKind::Value, "a feed makes another shape or dtype than its array has"))
            }
        });
        makes.map_err(|e| e.at("operation", feed.name()).at("at", &made.origin))?;
        let (kernels, depth) = fed.nested();
        self.sources.fed.insert(node, (fed.clone(), kernels, depth));
        Ok(fed)
    }

    /// Counts kernels that are nested `depth` deep from here on.
    fn count(&mut self, node: NodeId, kernels: usize, depth: usize) -> Result<()> {
        if self.depth + depth > MAX_FEED_DEPTH {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("feeds (matmul, concatenate, reshape, …) are nested deeper than {MAX_FEED_DEPTH}"),
            )
            .at("at", &self.graph.node(node).origin)
            .hint("join many arrays in one concatenate, or compute an intermediate result first"));
        }
        self.sources.nested += kernels;
        if self.sources.nested > MAX_NESTED_KERNELS {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the inputs of feeds (matmul, concatenate, reshape, …) are more than {MAX_NESTED_KERNELS} in all"
                ),
            )
            .at("at", &self.graph.node(node).origin)
            .hint("compute an intermediate result first"));
        }
        Ok(())
    }

    /// A node as a kernel over its own shape.
    fn sub(&mut self, node: NodeId) -> Result<SubKernel> {
        self.count(node, 1, 1)?;
        let shape = self.graph.node(node).shape.clone();
        let mut inner = Builder::new(self.graph, self.values, self.sources, shape.clone(), self.depth + 1);
        inner.output(node)?;
        Ok(SubKernel { shape, inputs: inner.inputs, program: inner.program })
    }
}
