//! What a stage reads, predicted: which chunks the views of its inputs touch, and how often each is
//! decoded. `explain` shows it, and tests hold the executor to it.

use super::bind::{Needs, Pass, aligned};
use super::blocks::most_uses_of_chunk;
use super::{Feed, Plan, PlanSource, SubKernel};
use crate::grid::{Chunks, Dims};
use crate::ops::matmul::tile_edge;
use crate::view::View;

/// How often a source's chunks are decoded in a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    /// The source, by its position in the plan.
    pub source: usize,
    /// Bytes decoded (or read, without filters) if every chunk is decoded once per pass.
    pub bytes: u64,
    /// At most how often a chunk is decoded per pass; 1 if each is decoded once.
    pub times: u64,
    /// How many passes read it.
    pub passes: u64,
    /// Whether some of it is read through a product, a concatenation or a reshape, whose pieces do
    /// not follow the chunks, so that the numbers are only about right.
    pub estimate: bool,
}

/// The chunks along one axis that a view touches.
#[derive(PartialEq)]
pub(super) struct Span {
    first: u64,
    last: u64,
    pub(super) chunks: u64,
    /// Elements along the axis in those chunks.
    elements: u64,
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

    pub(super) fn is_dense(&self) -> bool {
        self.chunks == self.last - self.first + 1
    }

    /// Whether both touch the same chunks for certain.
    pub(super) fn covers_as(&self, other: &Span) -> bool {
        let ends = |s: &Span| (s.first, s.last);
        self == other || (self.is_dense() && other.is_dense() && ends(self) == ends(other))
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
    fn shared(&self, other: &Span, axis: usize, grid: &Chunks) -> u64 {
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

/// A source's chunks; where it has none, every element is one.
fn chunks_or_elements(source: &PlanSource) -> Chunks {
    source.chunks.clone().unwrap_or_else(|| Chunks::from(Dims::from_elem(1, source.shape.len())))
}

/// What the stage reads, source by source.
pub(super) fn reads(needs: &Needs, passes: &[Pass], cached: bool) -> Vec<Reads> {
    let mut out: Vec<Reads> = Vec::new();
    let mut seen: Vec<(usize, Vec<Span>)> = Vec::new();
    for input in &needs.stage.inputs {
        nested_reads(needs.plan, &input.feed, 1, passes.len() as u64, &mut out);
        let Feed::Source(s) = input.feed else { continue };
        // What lies in memory is neither read nor decoded.
        if needs.plan.opened()[s].bytes().is_some() {
            continue;
        }
        let source = &needs.plan.sources()[s];
        let size = source.dtype.size() as u64;
        let domain = needs.stage.grid.shape();
        if domain.contains(&0) {
            continue;
        }
        let chunks = chunks_or_elements(source);
        let spans: Vec<Span> =
            (0..source.shape.len()).map(|axis| Span::new(&input.view, axis, &chunks)).collect();
        let volume = |elements: &dyn Fn(usize) -> u64| {
            (0..spans.len()).fold(size, |bytes, axis| bytes.saturating_mul(elements(axis)))
        };
        // Chunks that another input of the stage has already are not read again.
        let again = seen.iter().filter(|(of, _)| *of == s && source.chunks.is_some());
        let again = again.map(|(_, other)| volume(&|axis| spans[axis].shared(&other[axis], axis, &chunks)));
        let again = again.max().unwrap_or(0);
        let bytes = volume(&|axis| spans[axis].elements).saturating_sub(again);
        seen.push((s, spans));
        let times = match &source.chunks {
            Some(chunks) if !cached && !aligned(needs, input, chunks) => {
                most_uses_of_chunk(&needs.stage.grid, &input.view, chunks)
            }
            Some(_) => 1,
            // Without chunks every block reads what it needs, again for each block along an axis
            // that repeats the elements.
            None => {
                let repeats = input.view.axes.iter().zip(&needs.stage.grid.axes);
                repeats.filter(|(a, _)| a.from.is_none()).map(|(_, grid)| grid.blocks()).product()
            }
        };
        match out.iter_mut().find(|r| r.source == s) {
            // Without chunks each input reads what it needs by itself.
            Some(r) if source.chunks.is_none() => {
                r.bytes = r.bytes.saturating_mul(r.times).saturating_add(bytes.saturating_mul(times));
                r.times = 1;
            }
            Some(r) => {
                r.bytes = r.bytes.saturating_add(bytes);
                r.times = if cached && !r.estimate { 1 } else { r.times + times };
            }
            None => {
                let passes = passes.len() as u64;
                out.push(Reads { source: s, bytes, times, passes, estimate: false });
            }
        }
    }
    out
}

/// What feeds read that are computed piece by piece: factors once per row or column of output tiles;
/// pieces and reshaped arrays once, though blocks that cross their chunks may read some again.
fn nested_reads(plan: &Plan, feed: &Feed, times: u64, passes: u64, out: &mut Vec<Reads>) {
    let mut sub = |k: &SubKernel, times: u64| {
        for input in &k.inputs {
            let Feed::Source(source) = input.feed else {
                nested_reads(plan, &input.feed, times, passes, out);
                continue;
            };
            let s = &plan.sources()[source];
            if plan.opened()[source].bytes().is_some() || k.shape.contains(&0) {
                continue;
            }
            // Chunks are decoded whole.
            let chunks = chunks_or_elements(s);
            let bytes = (0..s.shape.len()).fold(s.dtype.size() as u64, |bytes, axis| {
                bytes.saturating_mul(Span::new(&input.view, axis, &chunks).elements)
            });
            match out.iter_mut().find(|r| r.source == source) {
                Some(r) => {
                    r.times = r.times.saturating_add(times);
                    r.estimate = true;
                }
                None => out.push(Reads { source, bytes, times, passes, estimate: true }),
            }
        }
    };
    match feed {
        Feed::Source(_) | Feed::Value(_) => {}
        Feed::Matmul { a, b, .. } => {
            let edge = tile_edge(a.shape[0], b.shape[1]);
            sub(a, times.saturating_mul(b.shape[1].div_ceil(edge).max(1)));
            sub(b, times.saturating_mul(a.shape[0].div_ceil(edge).max(1)));
        }
        Feed::Concatenate { pieces, .. } => pieces.iter().for_each(|p| sub(p, times)),
        Feed::Reshape { of, .. } => sub(of, times),
    }
}
