//! Chunks that several tasks of a pass read: how many must be kept so that each is decoded once.
//!
//! What is alive is counted per source: the chunks between the first and the last that any view of it, in
//! this task or in those that follow, still wants. Views that see the same chunks share them.

use super::needs::Needs;
use super::passes::Sweep;
use super::reads::Span;
use super::{Feed, Input, Plan, SubKernel};
use crate::backend::cpu::{MATMUL_DEPTH, tile_edge};
use crate::grid::{AxisGrid, Chunks};
use crate::view::View;
use std::collections::{BTreeMap, HashMap};

/// Whether every block of the grid takes whole chunks and no chunk twice.
pub(super) fn aligned(needs: &Needs, input: &Input, chunks: &Chunks) -> bool {
    input.view.axes.iter().zip(&needs.stage.grid.axes).all(|(axis, grid)| {
        if grid.blocks() <= 1 {
            return true;
        }
        let Some((s, step)) = axis.from else { return false };
        let (n, start) = (chunks.shape()[s], input.view.base[s]);
        match grid {
            AxisGrid::Regular { .. } if chunks.cuts(s).is_some() => false,
            AxisGrid::Regular { block, phase, step: by, .. } => {
                let offset = match step > 0 {
                    true => start % n,
                    false => (start / n + 1) * n - 1 - start,
                };
                step.unsigned_abs() == *by && block % n == 0 && phase % n == offset
            }
            AxisGrid::Uneven(cuts) => cuts.lie_on(chunks, s, start, step),
        }
    })
}

/// The chunked sources that the inputs of a stage see, each with its views.
fn chunked_sources<'a>(needs: &'a Needs) -> BTreeMap<usize, (&'a Chunks, Vec<&'a Input>)> {
    let mut out: BTreeMap<usize, (&Chunks, Vec<&Input>)> = BTreeMap::new();
    for input in &needs.stage.inputs {
        let Feed::Source(s) = input.feed else { continue };
        if let Some(chunks) = needs.plan.sources()[s].chunks.as_ref() {
            out.entry(s).or_insert_with(|| (chunks, Vec::new())).1.push(input);
        }
    }
    out
}

/// Bytes of decoded chunks that must be kept so that none is decoded twice in a pass on so many workers.
pub(super) fn cache_wanted(needs: &Needs, pass: &Sweep, workers: u64) -> u64 {
    let mut wanted = 0u64;
    for (s, (chunks, inputs)) in chunked_sources(needs) {
        if let [input] = inputs[..]
            && aligned(needs, input, chunks)
        {
            continue;
        }
        let source = &needs.plan.sources()[s];
        let band = Band { needs, pass, workers, chunks, shape: &source.shape };
        wanted = wanted.saturating_add(band.elements(&inputs).saturating_mul(source.dtype.size() as u64));
    }
    needs.stage.inputs.iter().fold(wanted, |w, i| w.saturating_add(nested_cache(needs.plan, &i.feed)))
}

/// How a view walks a source: per axis of the domain the source's axis and the step.
type Walk = Vec<Option<(usize, i64)>>;

/// The chunks of a source between the first and the last that a task and those that follow still want.
struct Band<'a> {
    needs: &'a Needs<'a>,
    pass: &'a Sweep,
    /// Tasks at a time.
    workers: u64,
    chunks: &'a Chunks,
    shape: &'a [u64],
}

impl Band<'_> {
    /// Elements of the chunks that some views of the source want, taken together.
    fn elements(&self, inputs: &[&Input]) -> u64 {
        let mut walks: HashMap<Walk, Vec<&View>> = HashMap::new();
        for input in inputs.iter().filter(|i| i.view.axes.iter().all(|a| a.len > 0)) {
            walks.entry(input.view.axes.iter().map(|a| a.from).collect()).or_default().push(&input.view);
        }
        let all = self.product(|axis| self.chunks.covering(axis, u64::MAX, self.shape[axis]));
        // Views that walk differently meet anywhere.
        let alike = walks.len() == 1;
        let groups = walks.into_values().flat_map(|views| self.apart(views));
        groups.map(|views| self.of_group(&views, alike)).fold(0, u64::saturating_add).min(all)
    }

    fn product(&self, along: impl Fn(usize) -> u64) -> u64 {
        (0..self.shape.len()).map(along).fold(1, u64::saturating_mul)
    }

    /// Views that walk alike, in groups that have no chunk in common.
    fn apart<'v>(&self, views: Vec<&'v View>) -> Vec<Vec<&'v View>> {
        let mut groups = vec![views];
        for axis in 0..self.shape.len() {
            let ends = |v: &View| {
                let Span { first, last, .. } = Span::new(v, axis, self.chunks);
                (first, last)
            };
            groups = groups
                .into_iter()
                .flat_map(|views| {
                    let mut sorted: Vec<_> = views.into_iter().map(|v| (ends(v), v)).collect();
                    sorted.sort_by_key(|(ends, _)| *ends);
                    let mut out: Vec<Vec<&View>> = Vec::new();
                    let mut end = 0;
                    for ((first, last), view) in sorted {
                        match out.last_mut() {
                            Some(group) if first <= end => group.push(view),
                            _ => out.push(vec![view]),
                        }
                        end = if out.last().is_some_and(|g| g.len() == 1) { last } else { end.max(last) };
                    }
                    out
                })
                .collect();
        }
        groups
    }

    /// Elements of the chunks that are wanted at a time by views that walk alike.
    fn of_group(&self, views: &[&View], alike: bool) -> u64 {
        let (grid, window) = (&self.needs.stage.grid, self.pass.windows.largest());
        let blocks = |d: usize| grid.axes[d].blocks();
        // Along the outermost axis that has several blocks only a band is alive: the blocks under way, which
        // are one row of the others, or, where a row is a single block, one for each worker.
        let outer = self.pass.order.iter().position(|&d| blocks(d) > 1);
        let row = outer.map_or(1, |o| self.pass.order[o + 1..].iter().map(|&d| blocks(d)).product::<u64>());
        let rows = self.workers.div_ceil(row.max(1));
        let band = outer.map(|o| self.pass.order[o]).filter(|_| alike);
        let first = views[0];
        self.product(|axis| {
            let bases = views.iter().map(|v| v.base[axis]);
            let low = bases.clone().min().unwrap_or(0);
            let spread = bases.max().unwrap_or(0) - low;
            let Some((d, step)) = first.walker(axis) else {
                return self.chunks.touched(axis, low, 1, spread + 1).1;
            };
            let all = first.axes[d].len.min(window[d]);
            let len = match band == Some(d) {
                true => self.needs.largest[d].saturating_mul(rows).min(all),
                false => all,
            };
            let len = len.saturating_mul(step.unsigned_abs()).saturating_add(spread);
            self.chunks.covering(axis, len, self.shape[axis])
        })
    }
}

/// Bytes of decoded chunks without which a worker would decode one again and again within a block: where a
/// block of a reshaped array is several stretches, each of which takes a part of the chunks that the next
/// one takes another part of.
pub(super) fn cache_needed(needs: &Needs, pass: &Sweep) -> u64 {
    let block = needs.block(pass);
    let of = |input: &Input| match &input.feed {
        Feed::Reshape { of, shape } => {
            let counts =
                |r: usize| input.view.walker(r).map_or((1, 1), |(d, t)| (block[d], t.unsigned_abs()));
            // Axes from `run` on are one stretch.
            let mut run = shape.len();
            while run > 0 && counts(run - 1).1 == 1 {
                run -= 1;
                if counts(run).0 != shape[run] {
                    break;
                }
            }
            let several = (0..run).any(|r| counts(r).0 > 1);
            let stretch = (run..shape.len()).fold(1u64, |n, r| n.saturating_mul(counts(r).0));
            // Where rows are cut, a stretch itself is more than one piece.
            let cut =
                of.shape.len() > 1 && !stretch.is_multiple_of(of.shape[1..].iter().product::<u64>().max(1));
            if several || cut { slab_of_chunks(needs.plan, of, stretch) } else { 0 }
        }
        _ => 0,
    };
    needs.stage.inputs.iter().fold(0, |sum, input| sum.saturating_add(of(input)))
}

/// Bytes of the chunks that are read more than once on the way through a kernel in C order, in stretches of
/// some length.
fn slab_of_chunks(plan: &Plan, kernel: &SubKernel, stretch: u64) -> u64 {
    let inner = kernel.shape.iter().skip(1).fold(1u64, |n, &len| n.saturating_mul(len)).max(1);
    let rows = stretch.div_ceil(inner);
    let of = |input: &Input| {
        let Feed::Source(s) = input.feed else { return 0 };
        let source = &plan.sources()[s];
        let Some(chunks) = source.chunks.as_ref().filter(|_| plan.opened()[s].worth_keeping()) else {
            return 0;
        };
        let along = |(axis, &all): (usize, &u64)| {
            let Some((d, t)) = input.view.walker(axis) else { return chunks.shape()[axis] };
            let len = if d == 0 { rows } else { kernel.shape[d] };
            chunks.covering(axis, len.saturating_mul(t.unsigned_abs()), all)
        };
        let bytes = source.dtype.size() as u64;
        source.shape.iter().enumerate().map(along).fold(bytes, u64::saturating_mul)
    };
    kernel.inputs.iter().fold(0, |sum, input| sum.saturating_add(of(input)))
}

/// The most bytes of decoded chunks that concatenations and reshapes want to keep.
pub(super) const NESTED_CACHE: u64 = 64 << 20;

/// Bytes of decoded chunks that products want to keep between the pieces of their factors.
fn nested_cache(plan: &Plan, feed: &Feed) -> u64 {
    let of = |k: &SubKernel, tile: &[u64]| -> u64 {
        k.inputs.iter().fold(0u64, |sum, input| {
            sum.saturating_add(match &input.feed {
                Feed::Source(s) => match &plan.sources()[*s].chunks {
                    Some(chunks) => {
                        let mut bytes = plan.sources()[*s].dtype.size() as u64;
                        let mut fits = true;
                        for (axis, &n) in chunks.shape().iter().enumerate() {
                            let len = input
                                .view
                                .walker(axis)
                                .map_or(1, |(d, t)| tile[d].saturating_mul(t.unsigned_abs()));
                            fits &= len % n == 0 && input.view.base[axis] % n == 0;
                            fits &= chunks.cuts(axis).is_none();
                            let all = plan.sources()[*s].shape[axis];
                            bytes = bytes.saturating_mul(chunks.covering(axis, len.saturating_sub(1), all));
                        }
                        if fits { 0 } else { bytes }
                    }
                    None => 0,
                },
                feed => nested_cache(plan, feed),
            })
        })
    };
    match feed {
        Feed::Source(_) | Feed::Value(_) => 0,
        Feed::Matmul { a, b, .. } => {
            let edge = tile_edge(a.shape[0], b.shape[1]);
            of(a, &[edge, MATMUL_DEPTH]).saturating_add(of(b, &[MATMUL_DEPTH, edge]))
        }
        Feed::Concatenate { pieces, .. } => {
            pieces.iter().map(|p| of(p, &p.shape)).max().unwrap_or(0).min(NESTED_CACHE)
        }
        Feed::Reshape { of: k, .. } => of(k, &k.shape).min(NESTED_CACHE),
    }
}
