//! Lanes that pend beside accumulators; see `row`.

use super::Term;
use super::scan::Range;

/// Sums per segment.
pub(super) const SEGMENT: usize = 512;

/// Parts of a row, one per segment: (segment, first sum, offset in the row, length).
pub(super) fn parts(base: usize, len: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at == len {
            return None;
        }
        let first = base + at;
        let segment = first / SEGMENT;
        let n = ((segment + 1) * SEGMENT - first).min(len - at);
        at += n;
        Some((segment, first, at - n, n))
    })
}

/// Lanes that pend beside the accumulators.
#[derive(Clone, Default)]
pub(super) struct Rows {
    pub(super) segments: Vec<Segment>,
    pub(super) hi: Vec<f64>,
    /// Empty where one lane is enough.
    pub(super) lo: Vec<f64>,
    /// Of the errors of products of float64.
    pub(super) error_hi: Vec<f64>,
    pub(super) error_lo: Vec<f64>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Segment {
    pub(super) rows: u32,
    /// One lane: the exponents so far. Two lanes: the exponents that are allowed.
    pub(super) range: Option<Range>,
}

impl Rows {
    pub(super) fn new(term: Term, n: usize) -> Rows {
        let lane = |wanted: bool| if wanted { vec![0.0; n] } else { Vec::new() };
        Rows {
            segments: vec![Segment::default(); n.div_ceil(SEGMENT)],
            hi: vec![0.0; n],
            lo: lane(term.lanes() >= 2),
            error_hi: lane(term.lanes() == 4),
            error_lo: lane(term.lanes() == 4),
        }
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        size_of::<Rows>()
            + self.segments.capacity() * size_of::<Segment>()
            + (self.hi.capacity() + self.lo.capacity()) * 8
            + (self.error_hi.capacity() + self.error_lo.capacity()) * 8
    }

    /// What pends for sum `i`.
    pub fn pending(&self, i: usize) -> impl Iterator<Item = f64> + '_ {
        [self.hi.get(i), self.lo.get(i), self.error_hi.get(i), self.error_lo.get(i)]
            .into_iter()
            .flatten()
            .copied()
    }
}
