//! The graph of a computation: one node per array operation, however many chunks there are.
//!
//! Arrays are handles on immutable [`Node`]s that know their inputs. When something is computed,
//! the nodes that it needs are gathered into a petgraph DAG, equal nodes merged into one.

mod annotations;
mod dimensions;
mod show;

pub(crate) use annotations::{MISSING, carried, named};
pub(crate) use dimensions::{Along, traced};

use crate::dimensions::Dimensions;
use crate::dtype::{DType, Scalar};
use crate::error::{Error, Result};
use crate::feeds::Feed;
use crate::grid::Dims;
use crate::members::Members;
use crate::ops::elementwise::{Op, Signature};
use crate::ops::fold::{Collect, SharedFold};
use crate::source::foreign::spec_of;
use crate::source::{Source, SourceSpec};
use crate::view::View;
use petgraph::graph::{DiGraph, NodeIndex};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Where a node was made: a place in Rust code, or the text of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A line of the caller's code.
    Rust(&'static std::panic::Location<'static>),
    /// A piece of an expression.
    Text(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Rust(l) => write!(f, "{}:{}", l.file(), l.line()),
            Origin::Text(t) => f.write_str(t),
        }
    }
}

/// What a node does to its inputs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeKind {
    /// Brings elements in.
    Source(Arc<dyn Source>),
    /// One value, rank 0.
    Const(Scalar),
    /// Input 0 through an affine map; the name says which operation made it.
    View(&'static str, View),
    /// Another dtype.
    Cast,
    /// A row of the elementwise table; the inputs broadcast.
    Elementwise(Op, Signature),
    /// A fold: the columns of its ports, then its params.
    Fold(SharedFold),
    /// What a feed makes of the inputs.
    Feed(Arc<dyn Feed>),
}

impl NodeKind {
    /// A short name for errors and `explain`.
    pub fn name(&self) -> &'static str {
        match self {
            NodeKind::Source(_) => "source",
            NodeKind::Const(_) => "constant",
            NodeKind::View(name, _) => name,
            NodeKind::Cast => "cast",
            NodeKind::Elementwise(op, _) => op.name(),
            NodeKind::Fold(fold) => fold.operation(),
            NodeKind::Feed(feed) => feed.name(),
        }
    }

    /// What makes two nodes with equal inputs equal.
    fn identity(&self) -> Identity {
        match self {
            NodeKind::Source(s) => Identity::Source(spec_of(s)),
            NodeKind::Const(v) => Identity::Const(*v),
            NodeKind::View(_, v) => Identity::View(v.clone()),
            NodeKind::Cast => Identity::Cast,
            NodeKind::Elementwise(op, s) => Identity::Elementwise(*op, s.clone()),
            NodeKind::Fold(fold) => Identity::Fold(fold.clone()),
            NodeKind::Feed(feed) => Identity::Feed(feed.name(), feed.data().to_string()),
        }
    }
}

/// Nodes with equal keys are one.
type EqualKey = (Identity, DType, Dims, SmallVec<[NodeIndex; 2]>);

#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Source(SourceSpec),
    Const(Scalar),
    View(View),
    Cast,
    Elementwise(Op, Signature),
    Fold(SharedFold),
    Feed(&'static str, String),
}

/// One operation with its inputs, shape and dtype. Its `Debug` and `Display` are short, however much it is
/// made of.
pub struct Node {
    /// What it does.
    pub kind: NodeKind,
    /// What it does it to.
    pub inputs: SmallVec<[Arc<Node>; 2]>,
    /// The shape of what it makes. A histogram's is that of its counts.
    pub shape: Dims,
    /// The dtype of what it makes.
    pub dtype: DType,
    /// Where it was made.
    pub origin: Origin,
    /// Names, units and the like; not looked at when equal nodes are merged.
    pub annotations: BTreeMap<String, String>,
    /// The names of its values, where these stand for something; not looked at when equal nodes are merged.
    pub members: Option<Arc<Members>>,
    /// What its axes are, where that was said; not looked at when equal nodes are merged. What is made of it is
    /// traced back to here.
    pub(crate) dimensions: Option<Arc<Dimensions<Node>>>,
    /// Of what lies in bins and no fold shows it: the values that are in them, and the edges, of each of the last axes.
    pub(crate) bins: Option<Arc<[InBins]>>,
}

/// The values that are in bins along an axis, and the edges of these.
pub(crate) type InBins = (Arc<Node>, Arc<Node>);

impl Drop for Node {
    /// A long chain is taken apart in a loop: dropping it by recursion would overflow the stack.
    fn drop(&mut self) {
        let mut rest: Vec<Arc<Node>> = self.inputs.drain(..).collect();
        while let Some(node) = rest.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                rest.extend(node.inputs.drain(..));
            }
        }
    }
}

/// A node in the graph; its inputs are the graph's edges, numbered by position.
#[derive(Clone)]
pub struct GraphNode {
    /// The node (its own `inputs` may be equal nodes that were merged away).
    pub node: Arc<Node>,
}

/// What is computed together, as a DAG with equal nodes merged.
#[derive(Debug)]
pub struct Graph {
    dag: DiGraph<GraphNode, u32>,
    inputs: Vec<SmallVec<[NodeIndex; 2]>>,
    /// The nodes asked for, in the caller's order.
    pub outputs: Vec<NodeIndex>,
}

impl Graph {
    /// The graph that makes `roots`.
    pub fn new(roots: &[Arc<Node>]) -> Self {
        let mut graph = Graph { dag: DiGraph::new(), inputs: Vec::new(), outputs: Vec::new() };
        let mut seen: HashMap<*const Node, NodeIndex> = HashMap::new();
        #[allow(clippy::mutable_key_type, reason = "edges cache their search table, which no hash looks at")]
        let mut equal: HashMap<EqualKey, NodeIndex> = HashMap::new();
        for root in roots {
            let mut stack = vec![(root.clone(), false)];
            while let Some((node, inputs_done)) = stack.pop() {
                let key = Arc::as_ptr(&node);
                if seen.contains_key(&key) {
                    continue;
                }
                if !inputs_done {
                    stack.push((node.clone(), true));
                    stack.extend(node.inputs.iter().rev().map(|n| (n.clone(), false)));
                    continue;
                }
                let inputs: SmallVec<[NodeIndex; 2]> =
                    node.inputs.iter().map(|n| seen[&Arc::as_ptr(n)]).collect();
                let identity = (node.kind.identity(), node.dtype, node.shape.clone(), inputs.clone());
                let index = *equal.entry(identity).or_insert_with(|| graph.add(node.clone(), inputs));
                seen.insert(key, index);
            }
            graph.outputs.push(seen[&Arc::as_ptr(root)]);
        }
        graph
    }

    /// The same, where some nodes are held as wholes: whoever needs one reads what was collected of it. So do
    /// results, but for those that are to `stay` as they are.
    pub(crate) fn holding(&self, held: &HashSet<NodeIndex>, stay: &HashSet<usize>) -> Graph {
        let mut graph = Graph { dag: DiGraph::new(), inputs: Vec::new(), outputs: Vec::new() };
        // Where each node is now, and where those who need it look.
        let mut places: Vec<(NodeIndex, NodeIndex)> = Vec::new();
        for index in self.indices() {
            let inputs: SmallVec<[NodeIndex; 2]> =
                self.inputs(index).iter().map(|i| places[i.index()].1).collect();
            let node = self.node(index);
            let place = graph.add(node.clone(), inputs);
            let collected = || {
                let kind = NodeKind::Fold(SharedFold::new(Collect::new(node.dtype, node.shape.len())));
                Arc::new(Node {
                    kind,
                    inputs: SmallVec::from_iter([node.clone()]),
                    shape: node.shape.clone(),
                    dtype: node.dtype,
                    origin: node.origin.clone(),
                    annotations: BTreeMap::new(),
                    members: None,
                    dimensions: None,
                    bins: None,
                })
            };
            let looked = match held.contains(&index) {
                true => graph.add(collected(), SmallVec::from_iter([place])),
                false => place,
            };
            places.push((place, looked));
        }
        let output = |(r, o): (usize, &NodeIndex)| {
            let (place, looked) = places[o.index()];
            if stay.contains(&r) { place } else { looked }
        };
        graph.outputs = self.outputs.iter().enumerate().map(output).collect();
        graph
    }

    fn add(&mut self, node: Arc<Node>, inputs: SmallVec<[NodeIndex; 2]>) -> NodeIndex {
        let index = self.dag.add_node(GraphNode { node });
        for (position, &input) in inputs.iter().enumerate() {
            self.dag.add_edge(input, index, position as u32);
        }
        self.inputs.push(inputs);
        index
    }

    /// How many nodes it has.
    pub fn len(&self) -> usize {
        self.dag.node_count()
    }

    /// Whether nothing is computed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The nodes, each after its inputs.
    pub fn indices(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        self.dag.node_indices()
    }

    /// A node.
    pub fn node(&self, index: NodeIndex) -> &Arc<Node> {
        &self.dag[index].node
    }

    /// The inputs of a node, in order.
    pub fn inputs(&self, index: NodeIndex) -> &[NodeIndex] {
        &self.inputs[index.index()]
    }

    /// How many nodes use this one.
    pub fn users(&self, index: NodeIndex) -> usize {
        self.dag.edges_directed(index, petgraph::Direction::Outgoing).count()
    }
}

/// A node of the graph.
pub type NodeId = NodeIndex;

/// An error made while an array was built, kept until it is computed.
pub type Built = Result<Arc<Node>, Arc<Error>>;
