//! The chunks along an axis that a view touches.

use crate::grid::Chunks;
use crate::view::View;

/// What tells spans apart: those of equal ends touch the same chunks for certain.
pub(super) type SpanEnds = (u64, u64, Option<(u64, Option<i64>)>);

/// The chunks along one axis that a view touches.
#[derive(Clone, PartialEq)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) chunks: u64,
    /// Elements along the axis in those chunks.
    pub(super) elements: u64,
    /// The first element and the step.
    walk: (u64, Option<i64>),
}

impl Span {
    pub(super) fn new(view: &View, axis: usize, grid: &Chunks) -> Span {
        let base = view.base[axis];
        let (far, len, step) = match view.walker(axis) {
            None => (base, 1, None),
            Some((d, t)) => {
                ((base as i64 + t * (view.axes[d].len as i64 - 1)) as u64, view.axes[d].len, Some(t))
            }
        };
        let low = base.min(far);
        let (first, last) = (grid.index_of(axis, low), grid.index_of(axis, base.max(far)));
        let (chunks, elements) = grid.touched(axis, low, step.unwrap_or(1).unsigned_abs(), len);
        Span { first, last, chunks, elements, walk: (base, step) }
    }

    fn is_dense(&self) -> bool {
        self.chunks == self.last - self.first + 1
    }

    /// What tells it apart.
    pub(super) fn ends(&self) -> SpanEnds {
        (self.first, self.last, (!self.is_dense()).then_some(self.walk))
    }

    /// How many chunks both touch for certain.
    pub(super) fn shared_chunks(&self, other: &Span) -> u64 {
        let both = (self.last.min(other.last) + 1).saturating_sub(self.first.max(other.first));
        match (self.is_dense(), other.is_dense()) {
            _ if self == other => self.chunks,
            (true, true) => both,
            (true, false) if both == other.last - other.first + 1 => other.chunks,
            (false, true) if both == self.last - self.first + 1 => self.chunks,
            _ => 0,
        }
    }

    /// Elements along the axis in chunks that both touch for certain.
    pub(super) fn shared(&self, other: &Span, axis: usize, grid: &Chunks) -> u64 {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        let both = (last + 1).saturating_sub(first);
        match (self.is_dense(), other.is_dense()) {
            _ if self == other => self.elements,
            _ if both == 0 => 0,
            (true, true) => grid.range(axis, last).1 - grid.range(axis, first).0,
            (true, false) if both == other.last - other.first + 1 => other.elements,
            (false, true) if both == self.last - self.first + 1 => self.elements,
            _ => 0,
        }
    }
}
