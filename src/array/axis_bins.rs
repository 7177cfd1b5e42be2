//! The bins that axes of an array are: of counts, sums and profiles, and of what is computed of these.

use super::Array;
use super::groupby::edges;
use super::histogram::text_of;
use crate::error::Result;
use crate::graph::{InBins, Node, NodeKind};
use crate::ops::fold::{By, Grouped, SharedFold};
use crate::ops::histogram::Bins;
use std::any::Any;
use std::collections::HashSet;
use std::panic::Location;
use std::sync::Arc;

/// The bins along one axis.
#[derive(Clone, Debug)]
pub struct AxisBins {
    /// The values that are in them.
    pub values: Array,
    /// Their edges, float64, one more than there are bins.
    pub edges: Array,
}

impl AxisBins {
    /// What the values are called, as [`Binned::axis_names`](crate::Binned::axis_names).
    pub fn name(&self) -> Option<&str> {
        text_of(&self.values)
    }
}

/// Nodes that are looked at: what is computed of a profile is made of few.
const LOOKED_AT: usize = 256;

impl Array {
    /// The bins that the last axes are, one for each dimension of the histogram; nothing if these are no bins. What
    /// [`Binned`](crate::Binned)'s methods give has them, and what is computed of it element by element, unless bins of
    /// several histograms meet.
    ///
    /// ```
    /// use chunkwise::{Array, BinAxis, Reduction, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange(0.0, 8.0, 1.0);
    /// let profile = x.histogram(BinAxis::Auto(2)).reduce(&x.square(), Reduction::Mean).sqrt();
    /// let bins = profile.axis_bins()?;
    /// assert_eq!(Session::new()?.compute(&bins[0].edges)?.as_slice::<f64>()?, [0.0, 3.5, 7.0]);
    /// assert!(x.axis_bins()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Array::check`].
    pub fn axis_bins(&self) -> Result<Vec<AxisBins>> {
        let root = self.node()?;
        let (mut rest, mut seen) = (vec![root], HashSet::new());
        let mut found: Option<Found> = None;
        while let Some(node) = rest.pop() {
            if node.shape != root.shape || !seen.insert(Arc::as_ptr(node)) {
                continue;
            }
            if seen.len() > LOOKED_AT {
                return Ok(Vec::new());
            }
            let bins = match (&node.bins, &node.kind) {
                (Some(bins), _) => Some(Found::Said(bins)),
                (None, NodeKind::Fold(fold)) => GroupedBy::of(fold, node).map(Found::Grouped),
                (None, NodeKind::Cast | NodeKind::Elementwise(..)) => {
                    rest.extend(&node.inputs);
                    None
                }
                _ => None,
            };
            match (bins, &found) {
                (Some(bins), None) => found = Some(bins),
                (Some(bins), Some(others)) if !bins.are(others) => return Ok(Vec::new()),
                _ => {}
            }
        }
        Ok(found.map_or(Vec::new(), |bins| bins.axes()))
    }

    /// The same array, whose last axes are these bins.
    pub(super) fn in_bins(&self, bins: &[AxisBins]) -> Result<Array> {
        let nodes = |axis: &AxisBins| Ok((axis.values.node()?.clone(), axis.edges.node()?.clone()));
        let bins = bins.iter().map(nodes).collect::<Result<Arc<[_]>>>()?;
        Ok(self.rebuilt(|node| node.bins = Some(bins)))
    }
}

/// Bins that were found.
enum Found<'a> {
    /// A fold has them.
    Grouped(GroupedBy<'a>),
    /// It was said what they are.
    Said(&'a Arc<[InBins]>),
}

impl Found<'_> {
    fn are(&self, other: &Found) -> bool {
        match (self, other) {
            (Found::Grouped(a), Found::Grouped(b)) => a.are(b),
            (Found::Said(a), Found::Said(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn axes(&self) -> Vec<AxisBins> {
        let of = |node: &Arc<Node>| Array { built: Ok(node.clone()) };
        match self {
            Found::Grouped(grouped) => grouped.axes(),
            Found::Said(bins) => {
                bins.iter().map(|(values, edges)| AxisBins { values: of(values), edges: of(edges) }).collect()
            }
        }
    }
}

/// The bins by which a fold groups.
struct GroupedBy<'a> {
    bins: &'a [Bins],
    values: &'a [Arc<Node>],
    bounds: &'a [Arc<Node>],
}

impl<'a> GroupedBy<'a> {
    fn of(fold: &'a SharedFold, node: &'a Node) -> Option<GroupedBy<'a>> {
        let By::Bins { bins, .. } = (&**fold as &dyn Any).downcast_ref::<Grouped>()?.by() else {
            return None;
        };
        let bounds = 2 * bins.iter().filter(|b| b.needs_range()).count();
        let (columns, bounds) = node.inputs.split_at_checked(node.inputs.len().checked_sub(bounds)?)?;
        let (_, values) = columns.split_at_checked(columns.len().checked_sub(bins.len())?)?;
        Some(GroupedBy { bins, values, bounds })
    }

    fn are(&self, other: &GroupedBy) -> bool {
        let same = |a: &[Arc<Node>], b: &[Arc<Node>]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        self.bins == other.bins && same(self.bounds, other.bounds)
    }

    fn axes(&self) -> Vec<AxisBins> {
        let of = |node: &Arc<Node>| Array { built: Ok(node.clone()) };
        let bounds: Vec<Array> = self.bounds.iter().map(of).collect();
        let edges = |d| Array::from_draft("edges", edges(self.bins, &bounds, d), Location::caller());
        let axis = |d: usize| AxisBins { values: of(&self.values[d]), edges: edges(d) };
        (0..self.bins.len()).map(axis).collect()
    }
}
