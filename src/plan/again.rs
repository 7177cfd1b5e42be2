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

use super::kept::{Kept, Look, Visit, kept_chunk_bytes};
use super::span::{Span, SpanEnds};
use super::{Bound, BoundStage, Input, Plan};
use crate::grid::{AxisGrid, Chunks, Grid};
use std::collections::{BTreeMap, HashMap, HashSet};

impl Bound {
    /// Gives what the stages leave of the budget to chunks that are wanted again, and adds up the peak.
    pub(super) fn keep(&mut self, plan: &Plan) {
        let peaks: Vec<u64> = self.stages.iter().map(|s| s.peak_bytes()).collect();
        let mut free: Vec<u64> = peaks.iter().map(|peak| self.memory.saturating_sub(*peak)).collect();
        let mut sources = Seen::all(self, plan);
        // Room is worth most where it is used most often.
        sources.sort_by_key(|s| std::cmp::Reverse(s.passes()));
        let mut kept = Vec::new();
        for source in sources {
            let Some(k) = source.keep(&free) else { continue };
            (0..free.len()).filter(|&n| k.lasts_over(n)).for_each(|n| free[n] -= k.bytes);
            kept.push(k);
        }
        kept.sort_by_key(|k| k.source);
        // What was taken of what a stage leaves is held beside it.
        let held = |(peak, free): (&u64, &u64)| match *peak <= self.memory {
            true => self.memory - free,
            false => *peak,
        };
        self.peak_bytes = peaks.iter().zip(&free).map(held).max().unwrap_or(0);
        self.kept = kept;
    }

    /// What moves bytes in a run, as foretold, in bytes decoded: those decoded and those written to stores. Reading
    /// back is a copy out of the page cache, which is several times as fast.
    pub fn moved_bytes(&self) -> u64 {
        const READ_BACK: u64 = 4;
        let stores = || self.spill.iter().flat_map(|s| &s.values);
        let back = stores().map(|s| s.read).fold(0, u64::saturating_add);
        let written = stores().map(|s| s.written).fold(0, u64::saturating_add);
        let decoded = self.decoded_bytes().0.saturating_sub(back);
        decoded.saturating_add(written).saturating_add(back / READ_BACK)
    }

    /// Bytes of elements that a run will make by decoding and reading, and whether it is exactly that;
    /// otherwise it is at most that, or about that for what is read piece by piece.
    pub fn decoded_bytes(&self) -> (u64, bool) {
        let stores = || self.spill.iter().flat_map(|s| &s.values);
        let kept =
            |source| self.kept.iter().any(|k| k.source == source) || stores().any(|s| s.source == source);
        let mut exact = self.kept.iter().all(|k| k.exact);
        let mut bytes =
            self.kept.iter().fold(0u64, |n, k| n.saturating_add(k.decodes.saturating_mul(k.chunk_bytes)));
        for s in stores() {
            bytes = bytes.saturating_add(s.read);
            exact &= s.exact;
        }
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

/// Numbers of the boxes of chunks that visits touch.
type Classes = HashMap<Vec<Vec<SpanEnds>>, usize>;

/// The chunks that a visit touches.
struct Touched {
    /// Those that the inputs of the stage see, along each axis, each box once.
    boxes: Vec<Vec<Span>>,
    /// How many chunks, at most.
    chunks: u64,
    /// The chunks of each pass, in all passes together, at most.
    in_passes: u64,
    passes: u64,
    /// At most how often each would be decoded in a pass.
    times: u64,
    estimate: bool,
    /// Visits of one number touch the same chunks for certain.
    class: usize,
}

impl Touched {
    /// How many chunks both touch for certain.
    fn shared(&self, other: &Touched) -> u64 {
        if self.class == other.class && self.is_box() {
            return self.chunks;
        }
        let pairs = self.boxes.iter().flat_map(|a| other.boxes.iter().map(move |b| (a, b)));
        pairs.map(|(a, b)| shared(a, b)).max().unwrap_or(0)
    }

    /// Whether it is known exactly how many chunks it touches.
    fn is_box(&self) -> bool {
        self.boxes.len() == 1
    }
}

fn shared(a: &[Span], b: &[Span]) -> u64 {
    a.iter().zip(b).fold(1, |n, (a, b)| n.saturating_mul(a.shared_chunks(b)))
}

/// Visits of different kinds that are compared with each other, at most: what the others share is not
/// counted on.
const COMPARED: usize = 32;

impl Seen {
    /// The visits to the sources that are worth keeping and read more than once.
    fn all(bound: &Bound, plan: &Plan) -> Vec<Seen> {
        let mut sources: BTreeMap<usize, (Seen, Classes)> = BTreeMap::new();
        // Stages that run window by window come back to a source in another order.
        let alone = |(n, _): &(usize, &BoundStage)| bound.windowed(*n).is_none();
        for (n, stage) in bound.stages.iter().enumerate().filter(alone) {
            let mut pass = 0;
            for sweep in stage.passes.sweeps() {
                let mut looks = BTreeMap::new();
                look(&plan.stages()[n].inputs, Some(&sweep.windows), &mut looks);
                for reads in &stage.reads {
                    let s = reads.source;
                    let Some(chunks) = plan.sources()[s].chunks.as_ref() else { continue };
                    let Some(looks) = looks.remove(&s).filter(|_| plan.opened()[s].worth_keeping()) else {
                        continue;
                    };
                    let new = || (Seen::new(plan, s, chunks), HashMap::new());
                    let (seen, classes) = sources.entry(s).or_insert_with(new);
                    let (times, estimate, passes) = (reads.times, reads.estimate, sweep.count());
                    let mut touched = Touched::new(&looks, chunks, passes, seen.all);
                    (touched.times, touched.estimate) = (times, estimate);
                    let mut key: Vec<Vec<SpanEnds>> =
                        touched.boxes.iter().map(|b| b.iter().map(Span::ends).collect()).collect();
                    key.sort_unstable();
                    let next = classes.len();
                    touched.class = *classes.entry(key).or_insert(next);
                    let circles = estimate && times > 1;
                    seen.visits.push(Visit { stage: n, pass, passes, looks, circles });
                    seen.touched.push(touched);
                }
                pass += sweep.count();
            }
        }
        let again = |s: &Seen| s.passes() > 1 || s.visits.iter().any(|v| v.circles);
        sources.into_values().map(|(seen, _)| seen).filter(again).collect()
    }

    fn new(plan: &Plan, s: usize, chunks: &Chunks) -> Seen {
        let source = &plan.sources()[s];
        let counts = source.shape.iter().enumerate().map(|(d, &n)| chunks.count(d, n));
        Seen {
            source: s,
            chunk_bytes: chunks.elements().saturating_mul(source.dtype.size() as u64),
            all: counts.fold(1, u64::saturating_mul),
            uneven: (0..source.shape.len()).any(|d| chunks.cuts(d).is_some()),
            visits: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// How many passes read the source.
    fn passes(&self) -> u64 {
        self.visits.iter().fold(0, |n, v| n.saturating_add(v.passes))
    }

    /// Chunks that are touched by visits of which those that touch the same count once, at most.
    fn distinct(&self, visits: impl Iterator<Item = usize>) -> u64 {
        let mut seen: HashSet<usize> = HashSet::new();
        let new = visits.filter(|&v| seen.insert(self.touched[v].class));
        new.fold(0u64, |n, v| n.saturating_add(self.touched[v].chunks)).min(self.all)
    }

    /// The most chunks that a visit certainly shares with one of some others.
    fn overlap(&self, v: usize, others: &[usize]) -> u64 {
        others.iter().map(|&u| self.touched[v].shared(&self.touched[u])).max().unwrap_or(0)
    }

    /// The first visits of each kind among some, as many as are compared.
    fn kinds(&self, visits: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut seen: HashSet<usize> = HashSet::new();
        visits.filter(|&u| seen.insert(self.touched[u].class)).take(COMPARED).collect()
    }

    /// What is kept of the source in the bytes that stages leave, if that is anything.
    fn keep(self, free: &[u64]) -> Option<Kept> {
        let last = self.visits.len() - 1;
        // Whether chunks are wanted again within a visit.
        let within = |v: usize| self.visits[v].circles || self.visits[v].passes > 1;
        let before = self.distinct((0..=last).filter(|&v| v < last || within(v)));
        let after = self.distinct((0..=last).filter(|&v| v > 0 || within(v)));
        let wanted = before.min(after);
        let each = kept_chunk_bytes(self.chunk_bytes);
        let room = (self.visits[0].stage..=self.visits[last].stage).map(|n| free[n]).min()?;
        let chunks = wanted.min(room / each);
        if chunks == 0 {
            return None;
        }
        let first = &self.touched[0];
        let alike = |(v, t): (usize, &Touched)| {
            let windows = t.passes == 1 || self.visits[v].looks.len() == 1;
            let all_in_each = t.in_passes == t.passes.saturating_mul(t.chunks);
            t.is_box() && t.class == first.class && windows && all_in_each
        };
        let uniform = self.touched.iter().enumerate().all(alike);
        let twice = last == 1 && self.passes() == 2;
        let certain = uniform || chunks == wanted || twice;
        let (mut decodes, mut without) = (0u64, 0u64);
        let (kinds, later) = (self.kinds(0..last + 1), self.kinds(1..last + 1));
        for (v, t) in self.touched.iter().enumerate() {
            // Chunks that wait here, and those that stay here the first time that they come.
            let found = match certain {
                false => 0,
                true if uniform => t.chunks * u64::from(v > 0),
                true => self.overlap(v, &kinds[..kinds.partition_point(|&u| u < v)]),
            };
            let found = found.min(chunks).min(t.chunks);
            let stay = match v {
                0 if within(0) => t.chunks,
                0 => self.overlap(0, &later),
                _ => 0,
            };
            let stay = stay.min(chunks).min(t.chunks - found);
            let rest = t.chunks - found - stay;
            let alone = t.in_passes.saturating_mul(t.times);
            without = without.saturating_add(alone);
            let made = match t.passes {
                1 => rest.saturating_mul(t.times).saturating_add(stay),
                // All windows see the same chunks: what does not stay is decoded in each of them.
                n if uniform => {
                    let more = (t.chunks - chunks.min(t.chunks)).saturating_mul(n - 1);
                    rest.saturating_add(more).saturating_mul(t.times).saturating_add(stay)
                }
                // All stays that is wanted again.
                _ if chunks == wanted => (t.chunks - found).saturating_mul(t.times),
                _ => alone,
            };
            decodes = decodes.saturating_add(made.min(alone));
        }
        let counted = uniform || (twice && self.touched.iter().all(Touched::is_box));
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

impl Touched {
    /// What looks touch in so many passes.
    fn new(looks: &[Look], chunks: &Chunks, passes: u64, all: u64) -> Touched {
        let mut boxes: Vec<Vec<Span>> = Vec::new();
        let mut seen: HashSet<Vec<SpanEnds>> = HashSet::new();
        let (mut touched, mut in_passes) = (0u64, 0u64);
        for look in looks {
            let spans: Vec<Span> =
                (0..look.view.base.len()).map(|axis| Span::new(&look.view, axis, chunks)).collect();
            let count = spans.iter().fold(1u64, |n, a| n.saturating_mul(a.chunks));
            if passes > 1 {
                // Looks that see the same chunks in all may see others in a window.
                let each = if look.whole { count.saturating_mul(passes) } else { in_windows(look, chunks) };
                in_passes = in_passes.saturating_add(each);
            }
            if !seen.insert(spans.iter().map(Span::ends).collect()) {
                continue;
            }
            let before = boxes.iter().take(COMPARED).map(|other| shared(&spans, other)).max().unwrap_or(0);
            touched = touched.saturating_add(count.saturating_sub(before));
            boxes.push(spans);
        }
        let chunks = touched.min(all);
        let in_passes = if passes > 1 { in_passes.min(all.saturating_mul(passes)) } else { chunks };
        Touched { boxes, chunks, in_passes, passes, times: 1, estimate: false, class: 0 }
    }
}

/// The chunks that a look touches in each window, added up, at most.
fn in_windows(look: &Look, chunks: &Chunks) -> u64 {
    const LOOKED_AT: u64 = 4096;
    let along = |(d, windows): (usize, &AxisGrid)| {
        let Some((s, step)) = look.view.axes[d].from else { return windows.blocks() };
        let touched = |(a, b): (u64, u64)| {
            let at = |i: u64| (look.view.base[s] as i64 + step * i as i64) as u64;
            chunks.touched(s, at(a).min(at(b - 1)), step.unsigned_abs(), b - a).0
        };
        match windows.blocks() {
            // Neighbours share one chunk at most.
            n if n > LOOKED_AT => touched((0, windows.len())).saturating_add(n - 1),
            n => (0..n).map(|k| touched(windows.range(k))).sum(),
        }
    };
    look.windows.axes.iter().enumerate().map(along).fold(1, u64::saturating_mul)
}

/// What inputs, and kernels nested in their feeds, see of each source in windows of the domain.
fn look(inputs: &[Input], windows: Option<&Grid>, out: &mut BTreeMap<usize, Vec<Look>>) {
    for input in inputs {
        input.children().iter().for_each(|k| look(&k.inputs, None, out));
        let Some(s) = input.source() else { continue };
        let shape = input.view.shape();
        if !shape.contains(&0) {
            let whole = windows.is_none();
            let windows = windows.cloned().unwrap_or_else(|| Grid::regular(&shape, &shape));
            out.entry(s).or_default().push(Look { view: input.view.clone(), windows, whole });
        }
    }
}
