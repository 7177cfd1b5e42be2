//! Where a graph is cut: the nodes whose values exist as wholes before anything can use them, and what is wanted
//! of each stage.

use crate::graph::{Graph, NodeId, NodeKind};
use crate::grid::Dims;
use std::collections::HashSet;

/// Something to compute: a node, or the collection of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) node: NodeId,
    pub(super) collect: bool,
}

/// Whether a node exists as a whole before anything can use it.
pub(super) fn is_cut(kind: &NodeKind) -> bool {
    matches!(kind, NodeKind::Fold(_))
}

/// Whether a node's value is a histogram and not an array.
pub(super) fn is_histogram(graph: &Graph, index: NodeId) -> bool {
    match &graph.node(index).kind {
        NodeKind::Fold(fold) => fold.makes(&domain(graph, Wanted { node: index, collect: false })).histogram,
        _ => false,
    }
}

/// For each node, how many stages must end before it can be computed with. A param that is no cut is collected
/// in a stage of its own.
pub(super) fn levels(graph: &Graph) -> Vec<usize> {
    let mut levels = vec![0; graph.len()];
    for index in graph.indices() {
        let ports = graph.inputs(index).len() - params(graph, index).len();
        let below = graph.inputs(index).iter().enumerate().map(|(n, i)| {
            let collected = n >= ports && !is_cut(&graph.node(*i).kind);
            levels[i.index()] + collected as usize
        });
        levels[index.index()] = below.max().unwrap_or(0) + is_cut(&graph.node(index).kind) as usize;
    }
    levels
}

/// The params of a node, if it is a fold.
pub(super) fn params(graph: &Graph, index: NodeId) -> &[NodeId] {
    match &graph.node(index).kind {
        NodeKind::Fold(fold) => &graph.inputs(index)[fold.ports().len()..],
        _ => &[],
    }
}

/// Every cut, and every result or param that is none.
pub(super) fn wanted(graph: &Graph) -> Vec<Wanted> {
    let mut out: Vec<Wanted> = graph
        .indices()
        .filter(|&i| is_cut(&graph.node(i).kind))
        .map(|node| Wanted { node, collect: false })
        .collect();
    let mut collected = HashSet::new();
    let params = graph.indices().flat_map(|i| params(graph, i));
    for &node in params.chain(&graph.outputs) {
        if !is_cut(&graph.node(node).kind) && collected.insert(node) {
            out.push(Wanted { node, collect: true });
        }
    }
    out
}

pub(super) fn domain(graph: &Graph, w: Wanted) -> Dims {
    match w.collect {
        true => graph.node(w.node).shape.clone(),
        false => graph.node(graph.inputs(w.node)[0]).shape.clone(),
    }
}

/// The inputs of a consumer that its stage's program computes (bounds of ranges are looked up).
pub(super) fn streamed(graph: &Graph, w: Wanted) -> Vec<NodeId> {
    if w.collect {
        return vec![w.node];
    }
    let inputs = graph.inputs(w.node);
    match &graph.node(w.node).kind {
        NodeKind::Fold(fold) => inputs[..fold.ports().len()].to_vec(),
        _ => inputs.to_vec(),
    }
}

/// Whether its elements are made block by block, each at its place.
pub(super) fn in_blocks(graph: &Graph, w: Wanted) -> bool {
    w.collect || matches!(&graph.node(w.node).kind, NodeKind::Fold(fold) if fold.places())
}
