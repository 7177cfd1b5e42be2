//! Names, units and the like: which of them an array has from those that it is made of.
//!
//! Views, casts and feeds that move elements keep them; so do elementwise operations whose row says so
//! ([`Row::annotated`](crate::ops::elementwise::Row)). Of several operands those are kept that all of them share, constants and the
//! conditions of `where` aside. Folds keep those of their values where what they make is of their kind
//! ([`Fold::quantity`](crate::ops::fold::Fold::quantity)): a mean, a sum. All else drops them: a square of metres is not in metres. Names of values are lost sooner: an
//! enum's value plus 1 is none of the enum's.

use super::{Node, NodeKind};
use crate::members::Members;
use crate::ops::elementwise::Op;
use crate::ops::reduce::Quantity;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Annotations by their keys.
type Annotations = BTreeMap<String, String>;

/// What a node has from its inputs.
pub(crate) fn carried(kind: &NodeKind, inputs: &[Arc<Node>]) -> Annotations {
    let from = match kind {
        NodeKind::View(..) | NodeKind::Cast => inputs,
        NodeKind::Feed(feed) if feed.moves() => inputs,
        NodeKind::Elementwise(Op::WHERE, _) => inputs.get(1..).unwrap_or_default(),
        NodeKind::Elementwise(op, _) if op.row().annotated => inputs,
        NodeKind::Fold(fold) if fold.quantity() != Quantity::Other => inputs.get(..1).unwrap_or_default(),
        _ => return Annotations::new(),
    };
    let mut operands = from.iter().filter(|node| !is_constant(node)).map(|node| &node.annotations);
    let mut out = operands.next().cloned().unwrap_or_default();
    let mut several = false;
    for other in operands {
        several = true;
        out.retain(|key, value| other.get(key) == Some(value));
    }
    let is_amount = match kind {
        NodeKind::Fold(fold) => {
            if fold.quantity() != Quantity::Element {
                out.remove(MISSING);
            }
            fold.quantity() == Quantity::Amount
        }
        NodeKind::Elementwise(op, _) if matches!(*op, Op::ADD | Op::SUBTRACT) => {
            // Nobody knows the unit of a bare number: kelvins less 273.15 are none.
            if !several {
                out.remove("units");
                out.remove("calendar");
            }
            several
        }
        _ => false,
    };
    // The time between two dates is no date.
    if is_amount && out.get("units").is_some_and(|units| units.contains(SINCE)) {
        return Annotations::new();
    }
    out
}

/// The note on decoded data in which NaN stands for what is missing; of what is made of these nobody needs to be told again.
pub(crate) const MISSING: &str = "missing";

/// What units of dates have: `days since 2001-01-01`.
const SINCE: &str = " since ";

/// The names of values that a node has from its inputs: what moves elements, or chooses between them, keeps those that all
/// of them share. A number among them stands for what it does in the others.
pub(crate) fn named(kind: &NodeKind, inputs: &[Arc<Node>]) -> Option<Arc<Members>> {
    let from = match kind {
        NodeKind::View(..) => inputs,
        NodeKind::Feed(feed) if feed.moves() => inputs,
        NodeKind::Elementwise(Op::WHERE, _) => inputs.get(1..).unwrap_or_default(),
        NodeKind::Fold(fold) if fold.quantity() == Quantity::Element => inputs.get(..1).unwrap_or_default(),
        _ => return None,
    };
    let mut operands = from.iter().filter(|node| !is_constant(node)).map(|node| node.members.as_ref());
    let first = operands.next()??;
    operands.all(|other| other.is_some_and(|o| Arc::ptr_eq(o, first) || o == first)).then(|| first.clone())
}

/// Whether a node is a number, perhaps in another dtype and seen in a larger shape: what an operand that is no
/// array becomes. Chains of views may be long, so no further is looked.
fn is_constant(node: &Arc<Node>) -> bool {
    let mut node = node;
    for _ in 0..3 {
        match (&node.kind, node.inputs.first()) {
            (NodeKind::Const(_), _) => return true,
            (NodeKind::View(..) | NodeKind::Cast, Some(inner)) if node.annotations.is_empty() => node = inner,
            _ => return false,
        }
    }
    false
}
