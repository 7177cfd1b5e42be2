//! Sources that a run comes back to, and what is kept of them on the way.
//!
//! A later stage or pass may read a source again: `x - mean(x, axis=0)`, a histogram that first finds
//! its range, windows over several passes, the factors of a product. What the stages leave of the budget
//! is given to decoded chunks that wait for it. If there is room for a part only, the chunks that come
//! first are held until nobody wants them any more: whoever walks in circles and drops what was used
//! longest ago finds nothing. So it is known beforehand how many chunks are decoded.
//!
//! Limits: sources without chunks are not kept, nor those that are only copied out of the file; the
//! system's page cache has them.

use super::blocks::uses_of_chunk;
use super::reads::Span;
use super::{Bound, Input, Plan};
use crate::grid::{Chunks, Grid, Region};
use crate::view::View;

/// Bytes that a kept chunk takes beside its elements, at most: its place in a table, and allocations.
const OVERHEAD: u64 = 320;

/// Bytes that a kept chunk of `len` bytes takes.
pub fn kept_chunk_bytes(len: u64) -> u64 {
    len.saturating_add(64 + OVERHEAD)
}

/// What is kept of a source from one reading of it to the next.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The source, by its position in the plan.
    pub source: usize,
    /// The most bytes kept.
    pub bytes: u64,
    /// How many chunks these are.
    pub chunks: u64,
    /// Chunks that would be kept if there were room, at most.
    pub wanted: u64,
    /// Bytes of a decoded chunk.
    pub chunk_bytes: u64,
    /// Chunks decoded in the whole run, as predicted.
    pub decodes: u64,
    /// As [`Kept::decodes`], if nothing were kept.
    pub without: u64,
    /// Whether exactly so many are decoded; otherwise at most so many.
    pub exact: bool,
    /// The walks that read the source, in order.
    pub visits: Vec<Visit>,
}

/// A walk that reads a source.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The stage.
    pub stage: usize,
    /// The pass of the stage.
    pub pass: usize,
    looks: Vec<Look>,
    /// Whether the walk itself comes back to chunks, as products do.
    circles: bool,
}

/// What an input sees of a source.
#[derive(Clone, Debug)]
struct Look {
    view: View,
    /// The axes of the view, as one block.
    grid: Grid,
    window: Region,
}

impl Visit {
    fn touches(&self, chunk: &[u64], chunks: &Chunks) -> bool {
        self.looks.iter().any(|l| uses_of_chunk(&l.grid, &l.window, &l.view, chunk, chunks) > 0)
    }
}

impl Kept {
    /// Whether somebody may want chunks in or after a visit, by its position.
    pub fn comes_back(&self, visit: usize) -> bool {
        visit + 1 < self.visits.len() || self.visits[visit].circles
    }

    /// Whether somebody wants a chunk of the grid `chunks` again: in a later visit than this one, or once
    /// more in this one if it is `under_way`.
    pub fn wanted_again(&self, visit: usize, under_way: bool, chunk: &[u64], chunks: &Chunks) -> bool {
        let first = if under_way && self.visits[visit].circles { visit } else { visit + 1 };
        self.visits[first..].iter().any(|v| v.touches(chunk, chunks))
    }

    /// Whether chunks are held while a stage runs.
    pub fn lasts_over(&self, stage: usize) -> bool {
        let stages = self.visits.iter().map(|v| v.stage);
        stages.clone().min().is_some_and(|s| s <= stage) && stages.max().is_some_and(|s| s >= stage)
    }

    /// Whether a stage finds chunks that were kept.
    pub fn serves(&self, stage: usize) -> bool {
        self.visits.iter().enumerate().any(|(n, v)| v.stage == stage && (n > 0 || v.circles))
    }
}

impl Bound {
    /// Gives what the stages leave of the budget to chunks that are wanted again, and adds up the peak.
    pub(super) fn keep(&mut self, plan: &Plan) {
        let peaks = || self.stages.iter().map(|s| s.peak_bytes());
        let mut free: Vec<u64> = peaks().map(|peak| self.memory.saturating_sub(peak)).collect();
        let mut sources: Vec<Seen> =
            (0..plan.sources().len()).filter_map(|s| Seen::new(self, plan, s)).collect();
        // Room is worth most where it is used most often.
        sources.sort_by_key(|s| std::cmp::Reverse(s.visits.len()));
        let mut kept = Vec::new();
        for source in sources {
            let Some(k) = source.keep(&free) else { continue };
            (0..free.len()).filter(|&n| k.lasts_over(n)).for_each(|n| free[n] -= k.bytes);
            kept.push(k);
        }
        kept.sort_by_key(|k| k.source);
        let beside = |n| kept.iter().filter(|k| k.lasts_over(n)).map(|k| k.bytes).sum::<u64>();
        self.peak_bytes = peaks().enumerate().map(|(n, p)| p.saturating_add(beside(n))).max().unwrap_or(0);
        self.kept = kept;
    }

    /// Bytes of elements that a run will make by decoding and reading, and whether it is exactly that;
    /// otherwise it is at most that, or about that for what is read piece by piece.
    pub fn decoded_bytes(&self) -> (u64, bool) {
        let kept = |source| self.kept.iter().any(|k| k.source == source);
        let mut exact = self.kept.iter().all(|k| k.exact);
        let mut bytes =
            self.kept.iter().fold(0u64, |n, k| n.saturating_add(k.decodes.saturating_mul(k.chunk_bytes)));
        for r in self.stages.iter().flat_map(|s| &s.reads).filter(|r| !kept(r.source)) {
            bytes = bytes.saturating_add(r.bytes.saturating_mul(r.times).saturating_mul(r.passes));
            // Windows read only their part of a source.
            exact &= r.times == 1 && !r.estimate && r.passes == 1;
        }
        (bytes, exact)
    }
}

/// The visits to a source, and the chunks that each touches.
struct Seen {
    source: usize,
    /// Bytes of a chunk.
    chunk_bytes: u64,
    /// Chunks of the source.
    all: u64,
    /// Whether some are smaller.
    uneven: bool,
    visits: Vec<Visit>,
    touched: Vec<Touched>,
}

/// The chunks that a visit touches.
struct Touched {
    /// Per input of the stage, along each axis.
    boxes: Vec<Vec<Span>>,
    /// How many chunks, at most.
    chunks: u64,
    /// At most how often each would be decoded in the visit.
    times: u64,
    estimate: bool,
}

impl Touched {
    /// Whether both touch the same chunks for certain.
    fn same(&self, other: &Touched) -> bool {
        let first = &self.boxes[0];
        let equal = |b: &Vec<Span>| b.iter().zip(first).all(|(a, b)| a.covers_as(b));
        self.boxes.iter().chain(&other.boxes).all(equal)
    }

    /// How many chunks both touch for certain.
    fn shared(&self, other: &Touched) -> u64 {
        let pairs = self.boxes.iter().flat_map(|a| other.boxes.iter().map(move |b| (a, b)));
        pairs.map(|(a, b)| shared(a, b)).max().unwrap_or(0)
    }

    /// Whether [`Touched::shared`] and the number of chunks are exact.
    fn is_box(&self) -> bool {
        self.boxes.len() == 1 && self.boxes[0].iter().all(Span::is_dense)
    }
}

fn shared(a: &[Span], b: &[Span]) -> u64 {
    a.iter().zip(b).fold(1, |n, (a, b)| n.saturating_mul(a.shared_chunks(b)))
}

impl Seen {
    /// The visits to a source that is worth keeping and read more than once.
    fn new(bound: &Bound, plan: &Plan, s: usize) -> Option<Seen> {
        let source = &plan.sources()[s];
        let chunks = source.chunks.as_ref().filter(|_| plan.opened()[s].worth_keeping())?;
        let mut seen = Seen {
            source: s,
            chunk_bytes: chunks.elements().saturating_mul(source.dtype.size() as u64),
            all: source
                .shape
                .iter()
                .enumerate()
                .fold(1, |all, (d, &n)| all.saturating_mul(chunks.count(d, n))),
            uneven: (0..source.shape.len()).any(|d| chunks.cuts(d).is_some()),
            visits: Vec::new(),
            touched: Vec::new(),
        };
        for (n, stage) in bound.stages.iter().enumerate() {
            let Some(reads) = stage.reads.iter().find(|r| r.source == s) else { continue };
            for (p, pass) in stage.passes.iter().enumerate() {
                let mut looks = Vec::new();
                look(&plan.stages()[n].inputs, s, Some(&pass.window), &mut looks);
                let boxes: Vec<Vec<Span>> = looks.iter().map(|l| spans(l, chunks)).collect();
                if boxes.is_empty() {
                    continue;
                }
                let count = |b: &Vec<Span>| b.iter().fold(1u64, |n, a| n.saturating_mul(a.chunks));
                let mut touched = 0u64;
                for (i, b) in boxes.iter().enumerate() {
                    let before = boxes[..i].iter().map(|other| shared(b, other)).max().unwrap_or(0);
                    touched = touched.saturating_add(count(b).saturating_sub(before));
                }
                let (times, estimate) = (reads.times, reads.estimate);
                seen.visits.push(Visit { stage: n, pass: p, looks, circles: estimate && times > 1 });
                seen.touched.push(Touched { boxes, chunks: touched.min(seen.all), times, estimate });
            }
        }
        let again = (0..seen.visits.len()).any(|v| v > 0 || seen.visits[v].circles);
        again.then_some(seen)
    }

    /// Chunks that are touched by visits of which those that touch the same count once, at most.
    fn distinct(&self, visits: impl Iterator<Item = usize>) -> u64 {
        let mut seen: Vec<usize> = Vec::new();
        for v in visits {
            if !seen.iter().any(|&u| self.touched[u].same(&self.touched[v])) {
                seen.push(v);
            }
        }
        seen.iter().fold(0u64, |n, &v| n.saturating_add(self.touched[v].chunks)).min(self.all)
    }

    /// What is kept of the source in the bytes that stages leave, if that is anything.
    fn keep(self, free: &[u64]) -> Option<Kept> {
        let last = self.visits.len() - 1;
        let circles = |v: usize| self.visits[v].circles;
        let before = self.distinct((0..=last).filter(|&v| v < last || circles(v)));
        let after = self.distinct((0..=last).filter(|&v| v > 0 || circles(v)));
        let wanted = before.min(after);
        let each = kept_chunk_bytes(self.chunk_bytes);
        let room = (self.visits[0].stage..=self.visits[last].stage).map(|n| free[n]).min()?;
        let chunks = wanted.min(room / each);
        if chunks == 0 {
            return None;
        }
        let uniform = self.touched.iter().all(|t| self.touched[0].same(t));
        let certain = uniform || chunks == wanted || last == 1;
        let (mut decodes, mut without) = (0u64, 0u64);
        for (v, t) in self.touched.iter().enumerate() {
            let overlap = |other: usize| match uniform {
                true => t.chunks,
                false => t.shared(&self.touched[other]),
            };
            // Chunks that wait here, and those that stay here the first time that they come.
            let found = (0..v).map(overlap).max().unwrap_or(0);
            let found = if certain { found.min(chunks).min(t.chunks) } else { 0 };
            let stay = match (v, circles(v)) {
                (0, true) => t.chunks,
                (0, false) => (1..=last).map(overlap).max().unwrap_or(0),
                _ => 0,
            };
            let stay = stay.min(chunks).min(t.chunks);
            let rest = t.chunks - found - stay.min(t.chunks - found);
            let stay = t.chunks - found - rest;
            without = without.saturating_add(t.chunks.saturating_mul(t.times));
            decodes = decodes.saturating_add(rest.saturating_mul(t.times)).saturating_add(stay);
        }
        let counted = uniform || (last == 1 && self.touched.iter().all(Touched::is_box));
        Some(Kept {
            source: self.source,
            bytes: chunks * each,
            chunks,
            wanted,
            chunk_bytes: self.chunk_bytes,
            decodes,
            without,
            exact: counted && !self.uneven && self.touched.iter().all(|t| t.times == 1 && !t.estimate),
            visits: self.visits,
        })
    }
}

/// The chunks along each axis of its source that a look touches.
fn spans(look: &Look, chunks: &Chunks) -> Vec<Span> {
    let mut view = look.view.clone();
    for (d, axis) in view.axes.iter_mut().enumerate() {
        axis.len = look.window.shape[d];
        if let Some((s, step)) = axis.from {
            view.base[s] = (view.base[s] as i64 + step * look.window.start[d] as i64) as u64;
        }
    }
    (0..view.base.len()).map(|axis| Span::new(&view, axis, chunks)).collect()
}

/// What inputs, and kernels nested in their feeds, see of a source.
fn look(inputs: &[Input], source: usize, window: Option<&Region>, out: &mut Vec<Look>) {
    for k in inputs.iter().flat_map(Input::children) {
        look(&k.inputs, source, None, out);
    }
    for input in inputs.iter().filter(|i| i.source() == Some(source)) {
        let shape = input.view.shape();
        if !shape.contains(&0) {
            let window = window.cloned().unwrap_or_else(|| Region::whole(&shape));
            out.push(Look { view: input.view.clone(), grid: Grid::regular(&shape, &shape), window });
        }
    }
}
