//! Intermediates that are dear: an element of a product costs a row times a column. What would be computed
//! again and again is held as a whole instead, where the budget has room for it.
//!
//! Computed again is a factor of a product that is made of a product itself (once for each row or column of tiles),
//! and a product that several stages need. Each is then a stage of its own. The bits are the same: how an element is
//! computed does not depend on who wants it.
//!
//! Limits: what stages want through slices is not held, for they may want little of it; products seen twice
//! by one stage, as `p + p.T`, are computed twice.

use super::cuts::{domain, is_cut, levels, streamed, wanted};
use crate::graph::{Graph, NodeId, NodeKind};
use crate::grid::Dims;
use crate::view::View;
use smallvec::SmallVec;
use std::collections::HashSet;

/// The stages that want a node: their levels and domains; two are as good as more.
type Wanting = SmallVec<[(usize, Dims); 2]>;

/// Whether anything in a graph is dear.
pub(crate) fn any_dear(graph: &Graph) -> bool {
    graph.indices().any(|n| matches!(&graph.node(n).kind, NodeKind::Feed(feed) if feed.is_dear()))
}

/// The nodes to hold, of at most so many bytes together, where an element costs `inner` products at least.
pub(super) fn held(graph: &Graph, most: u64, inner: u64) -> HashSet<NodeId> {
    // The last axis of the first factor is summed over.
    let products = |n: NodeId| graph.node(graph.inputs(n)[0]).shape.last().copied().unwrap_or(1);
    let dear = |n: NodeId| matches!(&graph.node(n).kind, NodeKind::Feed(feed) if feed.is_dear() && products(n) >= inner);
    let cut = |n: NodeId| is_cut(&graph.node(n).kind);
    if most == 0 || !graph.indices().any(dear) {
        return HashSet::new();
    }
    // Whether a node is made of something dear, down to the next values that are held anyway.
    let mut made_of = vec![false; graph.len()];
    for n in graph.indices() {
        let below = graph.inputs(n).iter().any(|&i| !cut(i) && made_of[i.index()]);
        made_of[n.index()] = !cut(n) && (below || dear(n));
    }
    let levels = levels(graph);
    let mut wanting: Vec<Wanting> = vec![Wanting::new(); graph.len()];
    for w in wanted(graph) {
        let level = levels[w.node.index()] - usize::from(!w.collect);
        let stage = (level, domain(graph, w));
        streamed(graph, w).into_iter().for_each(|n| add(&mut wanting[n.index()], [stage.clone()]));
    }
    let order: Vec<NodeId> = graph.indices().collect();
    for &n in order.iter().rev().filter(|&&n| !cut(n)) {
        let stages = wanting[n.index()].clone();
        let whole = match &graph.node(n).kind {
            NodeKind::View(_, view) => sees_all(view, &graph.node(graph.inputs(n)[0]).shape),
            _ => true,
        };
        if whole {
            graph.inputs(n).iter().for_each(|i| add(&mut wanting[i.index()], stages.clone()));
        }
    }
    let factors = order.iter().filter(|&&n| dear(n)).flat_map(|&n| graph.inputs(n));
    let factors: HashSet<NodeId> = factors.copied().filter(|f| made_of[f.index()]).collect();
    let mut left = most;
    let fits = |&n: &NodeId| {
        let node = graph.node(n);
        let bytes = node.shape.iter().fold(node.dtype.size() as u64, |bytes, &len| bytes.saturating_mul(len));
        let again = factors.contains(&n) || (dear(n) && wanting[n.index()].len() > 1);
        again && left.checked_sub(bytes).map(|rest| left = rest).is_some()
    };
    order.iter().copied().filter(fits).collect()
}

fn add(to: &mut Wanting, stages: impl IntoIterator<Item = (usize, Dims)>) {
    for stage in stages {
        if to.len() < 2 && !to.contains(&stage) {
            to.push(stage);
        }
    }
}

/// Whether a view shows every element.
fn sees_all(view: &View, shape: &[u64]) -> bool {
    (0..shape.len()).all(|s| match view.walker(s) {
        Some((d, _)) => view.axes[d].len == shape[s],
        None => shape[s] == 1,
    })
}
