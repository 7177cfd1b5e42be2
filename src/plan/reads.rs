//! What a stage reads, predicted: which chunks the views of its inputs touch, and how often each is
//! decoded. `explain` shows it, and tests hold the executor to it.

use super::blocks::{blocks_of_piece, blocks_of_stretch, most_uses_of_chunk};
use super::needs::Needs;
use super::sharing::{NESTED_CACHE, aligned};
use super::span::{Span, SpanEnds};
use super::sweep::{Passes, Sweep};
use super::through::sights;
use super::{Input, Plan, PlanSource, SubKernel};
use crate::feeds::Reach;
use crate::grid::{Chunks, Dims, Grid};
use crate::view::View;
use std::collections::{HashMap, HashSet};

/// How often a source's chunks are decoded in a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    /// The source, by its position in the plan.
    pub source: usize,
    /// Bytes decoded (or read, without filters) if every chunk is decoded once per pass.
    pub bytes: u64,
    /// At most how often a chunk is decoded per pass; 1 if each is decoded once.
    pub times: u64,
    /// How many passes read a chunk of it, at most: windows that end where chunks end have none in common.
    pub passes: u64,
    /// Whether some of it is read through a product, a concatenation or a reshape, whose pieces do
    /// not follow the chunks, so that the numbers are only about right.
    pub estimate: bool,
}

/// A source's chunks; where it has none, every element is one.
fn chunks_or_elements(source: &PlanSource) -> Chunks {
    source.chunks.clone().unwrap_or_else(|| Chunks::from(Dims::from_elem(1, source.shape.len())))
}

/// What the stage reads, source by source.
pub(super) fn reads(needs: &Needs, passes: &Passes, cached: bool) -> Vec<Reads> {
    let mut out: Vec<Reads> = Vec::new();
    let mut seen: HashMap<usize, Vec<Vec<Span>>> = HashMap::new();
    let mut boxes: HashSet<(usize, Vec<SpanEnds>)> = HashSet::new();
    let inputs = &needs.stage.inputs;
    for (n, input) in inputs.iter().enumerate() {
        // What several inputs see of a halo is brought once.
        let halo = input.fed().is_some_and(|fed| matches!(fed.reach(0), Reach::Halo { .. }));
        if !halo || !inputs[..n].iter().any(|i| i.from == input.from) {
            let again = if cached { 1 } else { uses_through(needs, input) };
            let mut nested = Nested { plan: needs.plan, passes: passes.len(), cached, out: &mut out };
            nested.input(input, 1, again, Some(&needs.stage.grid));
        }
        let Some(s) = input.source() else { continue };
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
        let all = volume(&|axis| spans[axis].elements);
        let bytes = if source.chunks.is_none() {
            all
        } else if !boxes.insert((s, spans.iter().map(Span::ends).collect())) {
            0
        } else {
            let others = seen.entry(s).or_default();
            let shared = |other: &Vec<Span>| volume(&|axis| spans[axis].shared(&other[axis], axis, &chunks));
            let again = others.iter().take(COMPARED).map(shared).max().unwrap_or(0);
            others.push(spans);
            all.saturating_sub(again)
        };
        let times = match &source.chunks {
            Some(chunks) if !cached && !aligned(&needs.stage.grid, input, chunks) => {
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
        let walks = |sweep: &Sweep| if aligned(&sweep.windows, input, &chunks) { 1 } else { sweep.count() };
        let passes = passes.sweeps().iter().map(walks).fold(0, u64::saturating_add);
        match out.iter_mut().find(|r| r.source == s) {
            // Without chunks each input reads what it needs by itself.
            Some(r) if source.chunks.is_none() => {
                r.bytes = r.bytes.saturating_mul(r.times).saturating_add(bytes.saturating_mul(times));
                (r.times, r.passes) = (1, r.passes.max(passes));
            }
            Some(r) => {
                r.passes = r.passes.max(passes);
                r.bytes = r.bytes.saturating_add(bytes);
                r.times = if cached && !r.estimate { 1 } else { r.times + times };
            }
            None => out.push(Reads { source: s, bytes, times, passes, estimate: false }),
        }
    }
    out
}

/// Inputs of a source that see other chunks than those before, that are compared with each other.
const COMPARED: usize = 32;

/// At most how many blocks want a chunk that an input shows through halos.
fn uses_through(needs: &Needs, input: &Input) -> u64 {
    let sources = needs.plan.sources();
    let uses = sights(input).into_iter().filter_map(|sight| {
        let source = &sources[sight.source];
        let chunks = source.chunks.as_ref().filter(|_| !source.shape.contains(&0))?;
        Some(most_uses_of_chunk(&needs.stage.grid, &sight.view(source), chunks))
    });
    uses.max().unwrap_or(1)
}

/// What feeds read that are computed piece by piece: factors once per row or column of output tiles, pieces
/// and reshaped arrays once per block that wants a part of a chunk, all at most.
struct Nested<'a> {
    plan: &'a Plan,
    passes: u64,
    /// Whether as many chunks are kept as are wanted.
    cached: bool,
    out: &'a mut Vec<Reads>,
}

impl Nested<'_> {
    /// What an input is made of that is computed so many times; `grid` are the blocks that want it. Where a
    /// chunk is decoded again for each block that wants it through a halo, that is `again` times.
    fn input(&mut self, input: &Input, times: u64, again: u64, grid: Option<&Grid>) {
        let Some(fed) = input.fed() else { return };
        let (by, cached) = (&input.view, self.cached);
        // What is kept between the pieces is limited.
        let grid = |bytes: u64| grid.filter(|_| !(cached && bytes <= NESTED_CACHE));
        let mut begin = 0;
        for (child, k) in fed.of.iter().enumerate() {
            match fed.reach(child) {
                Reach::Times { times: each, tile } => {
                    let pieces = Grid::regular(&k.shape, &tile);
                    let uses = |view: &View, chunks: &Chunks, _: u64| match cached {
                        true => 1,
                        false => most_uses_of_chunk(&pieces, view, chunks),
                    };
                    self.kernel(k, times.saturating_mul(each), None, &uses);
                }
                Reach::Halo { .. } => self.kernel(k, times.saturating_mul(again), None, &|_, _, _| 1),
                Reach::Picked { along, picks } => {
                    self.kernel(k, times, Some((along, &picks)), &|_, _, _| 1);
                }
                Reach::Affine { along } => {
                    let uses = |view: &View, chunks: &Chunks, bytes: u64| {
                        grid(bytes).map_or(1, |g| blocks_of_piece(g, by, (along, begin), view, chunks))
                    };
                    self.kernel(k, times, None, &uses);
                    begin += k.shape.get(along).copied().unwrap_or(0);
                }
                Reach::CRuns => {
                    let shape = fed.makes().map_or_else(|_| k.shape.clone(), |(shape, _)| shape);
                    let uses = |view: &View, chunks: &Chunks, bytes: u64| {
                        grid(bytes).map_or(1, |g| blocks_of_stretch(g, by, &shape, &k.shape, view, chunks))
                    };
                    self.kernel(k, times, None, &uses);
                }
            }
        }
    }

    /// A kernel that is computed so many times; `uses` says how often a chunk that an input sees is decoded
    /// each time, of a source of so many bytes. Along the axis of `picked` only the chunks that hold one of its
    /// indices are read.
    fn kernel(
        &mut self,
        k: &SubKernel,
        times: u64,
        picked: Option<(usize, &[u64])>,
        uses: &dyn Fn(&View, &Chunks, u64) -> u64,
    ) {
        for input in &k.inputs {
            let Some(source) = input.source() else {
                self.input(input, times, 1, None);
                continue;
            };
            let s = &self.plan.sources()[source];
            if self.plan.opened()[source].bytes().is_some() || k.shape.contains(&0) {
                continue;
            }
            // Chunks are decoded whole.
            let chunks = chunks_or_elements(s);
            let size = s.dtype.size() as u64;
            let bytes = (0..s.shape.len()).fold(size, |bytes, axis| {
                let picked = picked
                    .and_then(|(along, picks)| picked_elements(&input.view, axis, along, picks, &chunks));
                bytes.saturating_mul(picked.unwrap_or_else(|| Span::new(&input.view, axis, &chunks).elements))
            });
            let times = match s.chunks {
                Some(_) => times.saturating_mul(uses(&input.view, &chunks, bytes)),
                None => times,
            };
            match self.out.iter_mut().find(|r| r.source == source) {
                Some(r) => {
                    r.times = r.times.saturating_add(times);
                    r.estimate = true;
                }
                None => self.out.push(Reads { source, bytes, times, passes: self.passes, estimate: true }),
            }
        }
    }
}

/// Elements along axis `axis` of a source in the chunks that hold one of these indices of a view's axis `along`,
/// if that walks it.
fn picked_elements(view: &View, axis: usize, along: usize, picks: &[u64], chunks: &Chunks) -> Option<u64> {
    let (_, step) = view.walker(axis).filter(|(d, _)| *d == along)?;
    let at = |&p: &u64| chunks.index_of(axis, (view.base[axis] as i64 + step * p as i64) as u64);
    let mut touched: Vec<u64> = picks.iter().map(at).collect();
    touched.sort_unstable();
    touched.dedup();
    let len = |&k: &u64| {
        let (a, b) = chunks.range(axis, k);
        b - a
    };
    Some(touched.iter().map(len).fold(0, u64::saturating_add))
}
