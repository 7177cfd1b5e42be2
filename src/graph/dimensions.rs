//! What the axes of an array are, found by going back from it to arrays of which it was said.
//!
//! Views, casts, elementwise operations, folds that keep an axis and feeds that know ([`Feed::axis_of`](crate::feeds::Feed::axis_of))
//! keep its name. Its coordinates are kept where each element still has its own: what is made of neighbours (`x[1:] - x[:-1]`)
//! has the name alone. Axes of several names have none.

use super::{Node, NodeKind};
use crate::dimensions::Coordinates;
use crate::view::{View, ViewAxis};
use smallvec::smallvec;
use std::collections::HashSet;
use std::sync::Arc;

/// An axis that was found.
pub struct Traced {
    /// Its name.
    pub name: Arc<str>,
    /// Whether its places are groups.
    pub groups: bool,
    /// Its coordinates, and which of them belong to its elements, if they are known.
    pub along: Option<Along>,
}

/// Elements of coordinates.
pub struct Along {
    /// The coordinates.
    pub coordinates: Coordinates<Node>,
    /// How many there are.
    pub len: u64,
    /// The first one that is meant, and the step to the next.
    pub places: Places,
}

/// Element `i` is element `start + i * step` of another axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Places {
    pub start: i64,
    pub step: i64,
}

/// Nodes that are looked at: an axis is said to be nothing rather than to be looked for without end.
const LOOKED_AT: usize = 1024;

/// An axis of a node on the way back.
type Step<'a> = (&'a Arc<Node>, usize, Option<Places>);

/// What an axis of a node is.
pub fn traced(root: &Arc<Node>, axis: usize) -> Option<Traced> {
    let mut rest: Vec<Step> = vec![(root, axis, Some(Places { start: 0, step: 1 }))];
    let mut seen = HashSet::new();
    let mut found: Option<Traced> = None;
    while let Some((node, axis, places)) = rest.pop() {
        if !seen.insert((Arc::as_ptr(node), axis, places)) {
            continue;
        }
        if seen.len() > LOOKED_AT {
            return None;
        }
        let Some(dimensions) = &node.dimensions else {
            before(node, axis, places, &mut rest);
            continue;
        };
        let Some(dimension) = dimensions.axis(axis) else { continue };
        let along = places.zip(dimension.coordinates.clone()).map(|(places, coordinates)| Along {
            coordinates,
            len: node.shape[axis],
            places,
        });
        match &mut found {
            None => found = Some(Traced { name: dimension.name.clone(), groups: dimension.groups, along }),
            Some(other) if other.name != dimension.name => return None,
            Some(other) => other.along = other.along.take().filter(|a| along.is_some_and(|b| b.is(a))),
        }
    }
    found
}

impl Along {
    /// Whether both are the same elements. Two arrays of one dimension may each have opened its coordinates.
    fn is(&self, other: &Along) -> bool {
        self.places == other.places && self.len == other.len
    }

    /// Its first `len` elements in coordinates of this shape; nothing where these do not belong to it.
    pub fn view(&self, coordinates: &[u64], len: u64) -> Option<View> {
        let Places { start, step } = self.places;
        let last = i128::from(start) + i128::from(step) * (i128::from(len) - 1);
        let inside = |at: i128| (0..i128::from(self.len)).contains(&at);
        let belong = coordinates == [self.len] && len > 0 && inside(start.into()) && inside(last);
        let axes = vec![ViewAxis { len, from: Some((0, step)) }];
        belong.then(|| View { axes, base: smallvec![start as u64] })
    }
}

/// The axes of a node's inputs that an axis of it is.
fn before<'a>(node: &'a Node, axis: usize, places: Option<Places>, rest: &mut Vec<Step<'a>>) {
    match &node.kind {
        NodeKind::Source(_) | NodeKind::Const(_) => {}
        NodeKind::View(_, view) => {
            if let Some((from, step)) = view.axes[axis].from {
                let start = view.base[from] as i64;
                let places = places.and_then(|p| p.after(start, step));
                rest.push((&node.inputs[0], from, places));
            }
        }
        NodeKind::Cast => rest.push((&node.inputs[0], axis, places)),
        NodeKind::Elementwise(..) => {
            for input in &node.inputs {
                // Axes are matched from the last one on, and one of length 1 is repeated.
                let Some(from) = (axis + input.shape.len()).checked_sub(node.shape.len()) else { continue };
                if input.shape[from] == node.shape[axis] {
                    rest.push((input, from, places));
                }
            }
        }
        NodeKind::Fold(fold) => {
            let landing = fold.landing();
            // Its shape is that of the kept axes, then its own.
            let Some(from) = (0..landing.rank()).filter(|&d| landing.keeps(d)).nth(axis) else { return };
            let columns = node.inputs.iter().take(fold.ports().len());
            let whole =
                columns.filter(|i| i.shape.len() == landing.rank() && i.shape[from] == node.shape[axis]);
            rest.extend(whole.map(|input| (input, from, places)));
        }
        NodeKind::Feed(feed) => {
            for (child, input) in node.inputs.iter().enumerate() {
                if let Some(of) = feed.axis_of(child, axis) {
                    let places = places.zip(of.shift).and_then(|(p, shift)| p.after(shift, 1));
                    rest.push((input, of.axis, places));
                }
            }
        }
    }
}

impl Places {
    /// The places in an axis of which element `i` of this one's is element `start + i * step`.
    fn after(self, start: i64, step: i64) -> Option<Places> {
        let start = start.checked_add(step.checked_mul(self.start)?)?;
        Some(Places { start, step: step.checked_mul(self.step)? })
    }
}
