//! Names, units and the like: which of them an array has from those that it is made of.
//!
//! Views, casts and feeds that move elements keep them; so do elementwise operations whose row says so
//! ([`Row::annotated`](crate::ops::elementwise::Row)). Of several operands those are kept that all of them share, constants and the
//! conditions of `where` aside. All else drops them: a square of metres is not in metres.

use super::Array;
use crate::error::Result;
use crate::graph::{Node, NodeKind};
use crate::ops::elementwise::Op;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Annotations by their keys.
pub(super) type Annotations = BTreeMap<String, String>;

impl Array {
    /// The same array with a note attached (a name, a unit), which is never interpreted. Views, casts, joins,
    /// borders and those elementwise operations that make the same kind of quantity ([`Row::annotated`]) keep
    /// what all their operands share; everything else drops it.
    ///
    /// ```
    /// # use chunkwise::{Array, Index};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange(0.0, 9.0, 1.0).annotate("units", "K");
    /// assert_eq!((x.index([Index::At(3)]) - 273.15).annotations()?["units"], "K");
    /// assert!((&x * &x).annotations()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Row::annotated`]: crate::ops::elementwise::Row::annotated
    pub fn annotate(&self, key: &str, value: &str) -> Array {
        self.rebuilt(|node| {
            node.annotations.insert(key.to_string(), value.to_string());
        })
    }

    /// The notes that are attached to it.
    ///
    /// # Errors
    /// As [`Array::check`].
    pub fn annotations(&self) -> Result<&BTreeMap<String, String>> {
        Ok(&self.node()?.annotations)
    }
}

/// What a node has from its inputs.
pub(super) fn carried(kind: &NodeKind, inputs: &[Arc<Node>]) -> Annotations {
    let from = match kind {
        NodeKind::View(..) | NodeKind::Cast => inputs,
        NodeKind::Feed(feed) if feed.moves() => inputs,
        NodeKind::Elementwise(Op::WHERE, _) => inputs.get(1..).unwrap_or_default(),
        NodeKind::Elementwise(op, _) if op.row().annotated => inputs,
        _ => return Annotations::new(),
    };
    let mut operands = from.iter().filter(|node| !is_constant(node)).map(|node| &node.annotations);
    let mut out = operands.next().cloned().unwrap_or_default();
    for other in operands {
        out.retain(|key, value| other.get(key) == Some(value));
    }
    out
}

/// Whether a node is a number, seen in some shape and dtype.
fn is_constant(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Const(_) => true,
        NodeKind::View(..) | NodeKind::Cast => {
            node.annotations.is_empty() && node.inputs.iter().all(|n| is_constant(n))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Array, Boundary, DType, Index, concatenate};

    fn units(a: &Array) -> Option<&str> {
        a.annotations().unwrap().get("units").map(String::as_str)
    }

    #[test]
    fn annotations_travel_by_the_rule() {
        let metres = Array::random(&[6, 4], 1, DType::F64).annotate("units", "m").annotate("name", "height");
        let depth = Array::random(&[6, 4], 2, DType::F64).annotate("units", "m").annotate("name", "depth");
        let seconds = Array::random(&[6, 4], 3, DType::F64).annotate("units", "s");
        let bare = Array::random(&[6, 4], 4, DType::F64);
        for kept in [
            &metres.index([Index::from(1..3)]).t(),
            &metres.reshape(&[3, 8]),
            &metres.cast(DType::F32),
            &metres.pad(&[(1, 1)], &[Boundary::Nearest]),
            &concatenate(&[metres.clone(), depth.clone()], 0),
            &(&metres + &depth),
            &(&metres - 2.5),
            &(2.5 - &metres.abs()),
            &metres.clip(0.1, 0.5),
            &bare.greater(0.5).select(&metres, &depth),
            &bare.greater(0.5).select(&metres, 0.0),
        ] {
            assert_eq!(units(kept), Some("m"), "{kept}");
        }
        let sum = &metres + &depth;
        assert!(!sum.annotations().unwrap().contains_key("name"), "they differ");
        for dropped in [
            &(&metres * 2.0),
            &(&metres * &depth),
            &(&metres + &seconds),
            &(&metres + &bare),
            &(&bare - &metres),
            &metres.greater(&depth),
            &metres.sqrt(),
            &metres.sum(),
            &metres.matmul(&depth.t()),
            &concatenate(&[metres.clone(), bare.clone()], 0),
            &metres.greater(0.5).select(&bare, 0.0),
        ] {
            assert_eq!(units(dropped), None, "{dropped}");
        }
    }
}
