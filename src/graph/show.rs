//! Computations as text, in few lines however large they are.
//!
//! What a node is made of is a graph, in which one node may be used often: written as a tree, forty times
//! `x + x` has 2^40 leaves. So each node is written once and named by a number where it is used, and no
//! more of them than a page has, nearest first.

use super::{GraphNode, Node, NodeKind};
use crate::grid::show_shape;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Nodes that are written at most.
const MOST_NODES: usize = 64;
/// Inputs of a node that are written at most.
const MOST_INPUTS: usize = 8;
/// Characters of a name that are written at most.
const MOST_CHARS: usize = 80;

impl fmt::Debug for Node {
    /// Each node once, from this one to its sources, as far as a page goes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number: HashMap<*const Node, usize> = HashMap::from([(self as *const Node, 0)]);
        let mut found: Vec<&Node> = vec![self];
        let mut lines = Vec::new();
        while let Some(&node) = found.get(lines.len()).filter(|_| lines.len() < MOST_NODES) {
            let mut inputs = Vec::new();
            for input in node.inputs.iter().take(MOST_INPUTS) {
                let n = *number.entry(Arc::as_ptr(input)).or_insert_with(|| {
                    found.push(input);
                    found.len() - 1
                });
                inputs.push(format!("#{n}"));
            }
            lines.push(Text(format!("#{} {}", lines.len(), line(node, &call(node, &inputs)))));
        }
        if found.len() > lines.len() {
            lines.push(Text("…".into()));
        }
        f.debug_list().entries(lines).finish()
    }
}

/// Text that is its own `Debug`.
struct Text(String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for GraphNode {
    /// The node alone: what it is made of is the graph's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&alone(&self.node))
    }
}

/// A node without what it is made of.
fn alone(node: &Node) -> String {
    line(node, &name(node))
}

/// What a node does, what comes out, and where that was asked for.
fn line(node: &Node, does: &str) -> String {
    let mut text = format!("{does} {} {}", node.dtype, show_shape(&node.shape));
    for (key, value) in &node.annotations {
        text += &format!(" {}: {}", cut(key), cut(value));
    }
    text + &format!(" at {}", cut(&node.origin.to_string()))
}

/// `add(#1, #2)`, `a.h5:/x`, `2.5`.
fn call(node: &Node, inputs: &[String]) -> String {
    if node.inputs.is_empty() {
        return name(node);
    }
    let more = match node.inputs.len() - inputs.len() {
        0 => String::new(),
        n => format!(", … {n} more"),
    };
    format!("{}({}{more})", node.kind.name(), inputs.join(", "))
}

/// The name of an input. What is only seen in a larger shape, as constants in operations are, keeps its own.
fn short(mut node: &Node) -> String {
    while let NodeKind::View("broadcast_to", _) = node.kind {
        node = &node.inputs[0];
    }
    name(node)
}

/// A few words for a node: a source's name, a constant's value, otherwise the operation.
fn name(node: &Node) -> String {
    match &node.kind {
        NodeKind::Source(source) => cut(&source.describe()),
        NodeKind::Const(value) => value.to_string(),
        kind => kind.name().to_string(),
    }
}

/// The beginning of a text, if it is long.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}

impl fmt::Display for Node {
    /// What it is, how it is stored if it is stored, and what it is made of, on a few lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} array of shape {}", self.dtype, show_shape(&self.shape))?;
        if let NodeKind::Source(source) = &self.kind
            && let Some(chunks) = source.chunks()
        {
            writeln!(f, "in chunks of {}", cut(&chunks.to_string()))?;
        }
        let inputs: Vec<String> = self.inputs.iter().take(MOST_INPUTS).map(|n| short(n)).collect();
        writeln!(f, "{}", call(self, &inputs))?;
        write!(f, "made at {}", cut(&self.origin.to_string()))
    }
}
