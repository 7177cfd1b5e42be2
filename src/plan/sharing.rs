//! Chunks that several tasks of a pass read: how many must be kept so that each is decoded once.
//!
//! What is alive is counted per source: the chunks between the first and the last that any view of it, in
//! this task or in those that follow, still wants. Views that see the same chunks share them.

use super::needs::Needs;
use super::span::Span;
use super::sweep::Sweep;
use super::through::{Sight, inside, sights};
use super::{Fed, Input, Plan, PlanSource, SubKernel};
use crate::feeds::Reach;
use crate::grid::{AxisGrid, Chunks, Grid};
use crate::view::View;
use std::collections::{BTreeMap, HashMap};

/// Whether every block of a grid over the domain takes whole chunks and no chunk twice.
pub(super) fn aligned(grid: &Grid, input: &Input, chunks: &Chunks) -> bool {
    input.view.axes.iter().zip(&grid.axes).all(|(axis, grid)| {
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

/// What the inputs of a stage see of a chunked source.
struct Seen<'a> {
    chunks: &'a Chunks,
    sights: Vec<Sight>,
    /// Inputs that read it as it is.
    direct: Vec<&'a Input>,
}

/// The chunked sources that the inputs of a stage see, as they are and through halos.
fn chunked_sources<'a>(needs: &'a Needs) -> BTreeMap<usize, Seen<'a>> {
    let mut out: BTreeMap<usize, Seen> = BTreeMap::new();
    for input in &needs.stage.inputs {
        let direct = input.source().map(|s| Sight::direct(s, &input.view));
        for sight in direct.into_iter().chain(sights(input)) {
            let source = &needs.plan.sources()[sight.source];
            let Some(chunks) = source.chunks.as_ref().filter(|_| !source.shape.contains(&0)) else {
                continue;
            };
            let new = || Seen { chunks, sights: Vec::new(), direct: Vec::new() };
            let seen = out.entry(sight.source).or_insert_with(new);
            seen.direct.extend(input.source().map(|_| input));
            seen.sights.push(sight);
        }
    }
    out
}

/// Bytes of decoded chunks that must be kept so that none is decoded twice in a pass on so many workers.
pub(super) fn cache_wanted(needs: &Needs, pass: &Sweep, workers: u64) -> u64 {
    let mut wanted = 0u64;
    for (s, seen) in chunked_sources(needs) {
        let Seen { chunks, sights, direct } = seen;
        if let ([input], 1) = (&direct[..], sights.len())
            && aligned(&needs.stage.grid, input, chunks)
        {
            continue;
        }
        let source = &needs.plan.sources()[s];
        let halo = sights.len() > direct.len();
        let band = Band { needs, pass, workers, chunks, source, halo };
        wanted = wanted.saturating_add(band.elements(&sights).saturating_mul(source.dtype.size() as u64));
    }
    needs.stage.inputs.iter().fold(wanted, |w, i| w.saturating_add(nested_cache(needs.plan, i)))
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
    source: &'a PlanSource,
    /// Whether halos show it.
    halo: bool,
}

impl Band<'_> {
    /// Elements of the chunks that some sights of the source want, taken together.
    fn elements(&self, sights: &[Sight]) -> u64 {
        let mut walks: HashMap<Walk, Vec<&Sight>> = HashMap::new();
        for sight in sights.iter().filter(|s| s.axes.iter().all(|a| a.len > 0)) {
            walks.entry(sight.axes.iter().map(|a| a.from).collect()).or_default().push(sight);
        }
        let all = self.product(|axis| self.chunks.covering(axis, u64::MAX, self.source.shape[axis]));
        // Views that walk differently meet anywhere.
        let alike = walks.len() == 1;
        let groups = walks.into_values().flat_map(|sights| self.apart(sights));
        groups.map(|sights| self.of_group(&sights, alike)).fold(0, u64::saturating_add).min(all)
    }

    fn product(&self, along: impl Fn(usize) -> u64) -> u64 {
        (0..self.source.shape.len()).map(along).fold(1, u64::saturating_mul)
    }

    /// Sights that walk alike, in groups that have no chunk in common.
    fn apart<'v>(&self, sights: Vec<&'v Sight>) -> Vec<Vec<&'v Sight>> {
        let mut groups = vec![sights];
        for axis in 0..self.source.shape.len() {
            let ends = |s: &Sight| {
                let Span { first, last, .. } = Span::new(&s.view(self.source), axis, self.chunks);
                (first, last)
            };
            groups = groups
                .into_iter()
                .flat_map(|sights| {
                    let mut sorted: Vec<_> = sights.into_iter().map(|s| (ends(s), s)).collect();
                    sorted.sort_by_key(|(ends, _)| *ends);
                    let mut out: Vec<Vec<&Sight>> = Vec::new();
                    let mut end = 0;
                    for ((first, last), sight) in sorted {
                        match out.last_mut() {
                            Some(group) if first <= end => group.push(sight),
                            _ => out.push(vec![sight]),
                        }
                        end = if out.last().is_some_and(|g| g.len() == 1) { last } else { end.max(last) };
                    }
                    out
                })
                .collect();
        }
        groups
    }

    /// Elements of the chunks that are wanted at a time by sights that walk alike.
    fn of_group(&self, sights: &[&Sight], alike: bool) -> u64 {
        /// Blocks at a time whose halos are not those of neighbours, because workers do not come in turns.
        const AT_A_TIME: u64 = 4;
        let (grid, window) = (&self.needs.stage.grid, self.pass.windows.largest());
        let blocks = |d: usize| grid.axes[d].blocks();
        // Along the outermost axis that has several blocks only a band is alive: the blocks under way, which
        // are one row of the others, or, where a row is a single block, one for each worker.
        let outer = self.pass.order.iter().position(|&d| blocks(d) > 1);
        let row = outer.map_or(1, |o| self.pass.order[o + 1..].iter().map(|&d| blocks(d)).product::<u64>());
        let rows = self.workers.div_ceil(row.max(1));
        let outer = outer.map(|o| self.pass.order[o]).filter(|_| alike);
        let all = |d: usize| sights[0].axes[d].len.min(window[d]);
        let largest = |d: usize, rows: u64| self.needs.largest[d].saturating_mul(rows).min(all(d));
        let band = self.around(sights, &|d| if outer == Some(d) { largest(d, rows) } else { all(d) });
        match self.halo {
            true => {
                let near = self.around(sights, &|d| largest(d, 1));
                band.saturating_add(near.saturating_mul(AT_A_TIME))
            }
            false => band,
        }
    }

    /// Elements of the chunks that sights that walk alike see of so many elements along each domain axis.
    fn around(&self, sights: &[&Sight], len: &dyn Fn(usize) -> u64) -> u64 {
        self.product(|axis| {
            let bases = sights.iter().map(|s| s.base[axis]);
            let low = bases.clone().min().unwrap_or(0);
            let spread = bases.max().unwrap_or(0).abs_diff(low);
            let all = self.source.shape[axis];
            match sights[0].walker(axis) {
                None => self.chunks.touched(axis, inside(low, all), 1, spread.saturating_add(1).min(all)).1,
                Some((d, step)) => {
                    let len = len(d).saturating_mul(step.unsigned_abs()).saturating_add(spread);
                    self.chunks.covering(axis, len, all)
                }
            }
        })
    }
}

/// Bytes of decoded chunks without which a worker would decode one again and again within a block: where a
/// block of a reshaped array is several stretches, or a block of a product a sum over several pieces, each of
/// which takes a part of the chunks that the next one takes another part of.
pub(super) fn cache_needed(needs: &Needs, pass: &Sweep) -> u64 {
    let block = needs.block(pass);
    let of = |input: &Input| {
        let Some(fed) = input.fed() else { return 0 };
        let children = fed.of.iter().enumerate().map(|(child, k)| match fed.reach(child) {
            Reach::CRuns => {
                let shape = fed.makes().map_or_else(|_| k.shape.clone(), |(shape, _)| shape);
                of_stretches(needs.plan, input, k, &shape, &block)
            }
            Reach::Times { tile, .. } => of_boxes(needs.plan, k, &tile),
            Reach::Affine { .. } | Reach::Halo { .. } | Reach::Picked { .. } => 0,
        });
        children.fold(0, u64::saturating_add)
    };
    needs.stage.inputs.iter().map(of).fold(0, u64::saturating_add)
}

/// As [`cache_needed`], of a child that is taken in boxes.
fn of_boxes(plan: &Plan, kernel: &SubKernel, tile: &[u64]) -> u64 {
    let of = |input: &Input| match input.source() {
        Some(s) if plan.opened()[s].worth_keeping() => source_cache(plan, s, &input.view, tile),
        Some(_) => 0,
        None => {
            let nested = |fed: &Fed, child: usize| match fed.reach(child) {
                Reach::Times { tile, .. } => of_boxes(plan, &fed.of[child], &tile),
                Reach::CRuns | Reach::Affine { .. } | Reach::Halo { .. } | Reach::Picked { .. } => 0,
            };
            let of_fed = |fed: &Fed| (0..fed.of.len()).map(|c| nested(fed, c)).fold(0, u64::saturating_add);
            input.fed().map_or(0, of_fed)
        }
    };
    kernel.inputs.iter().map(of).fold(0, u64::saturating_add)
}

/// As [`cache_needed`], of a child that is shown in `shape` in C order.
fn of_stretches(plan: &Plan, input: &Input, of: &SubKernel, shape: &[u64], block: &[u64]) -> u64 {
    let counts = |r: usize| input.view.walker(r).map_or((1, 1), |(d, t)| (block[d], t.unsigned_abs()));
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
    let inner = of.shape.iter().skip(1).product::<u64>().max(1);
    let cut = of.shape.len() > 1 && !stretch.is_multiple_of(inner);
    if several || cut { slab_of_chunks(plan, of, stretch) } else { 0 }
}

/// Bytes of the chunks that are read more than once on the way through a kernel in C order, in stretches of
/// some length.
fn slab_of_chunks(plan: &Plan, kernel: &SubKernel, stretch: u64) -> u64 {
    let inner = kernel.shape.iter().skip(1).fold(1u64, |n, &len| n.saturating_mul(len)).max(1);
    let rows = stretch.div_ceil(inner);
    let of = |input: &Input| {
        let Some(s) = input.source() else { return 0 };
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

/// The most bytes of decoded chunks kept for a feed whose pieces do not follow them.
pub(super) const NESTED_CACHE: u64 = 64 << 20;

/// Bytes of decoded chunks that feeds want to keep between their pieces.
fn nested_cache(plan: &Plan, input: &Input) -> u64 {
    let Some(fed) = input.fed() else { return 0 };
    let of = |k: &SubKernel, tile: &[u64]| -> u64 {
        k.inputs.iter().fold(0u64, |sum, input| {
            sum.saturating_add(match input.source() {
                Some(s) => source_cache(plan, s, &input.view, tile),
                None => nested_cache(plan, input),
            })
        })
    };
    // Boxes of all children come in turns; what follows the children's order is at one of them at a time.
    let (mut boxes, mut rest) = (0u64, 0u64);
    for (child, k) in fed.of.iter().enumerate() {
        match fed.reach(child) {
            Reach::Times { tile, .. } => boxes = boxes.saturating_add(of(k, &tile)),
            // Chunks of sources that it shows are counted in the order of blocks.
            Reach::Halo { .. } => {
                let made = k.inputs.iter().filter(|i| i.source().is_none());
                rest = rest.max(made.map(|i| nested_cache(plan, i)).fold(0, u64::saturating_add));
            }
            Reach::Affine { .. } | Reach::Picked { .. } | Reach::CRuns => {
                rest = rest.max(of(k, &k.shape).min(NESTED_CACHE))
            }
        }
    }
    boxes.saturating_add(rest)
}

/// Bytes of the chunks that boxes of the shape `tile` share, of a source seen through `view`.
fn source_cache(plan: &Plan, s: usize, view: &View, tile: &[u64]) -> u64 {
    let source = &plan.sources()[s];
    let Some(chunks) = &source.chunks else { return 0 };
    let mut bytes = source.dtype.size() as u64;
    let mut fits = true;
    for (axis, &n) in chunks.shape().iter().enumerate() {
        let len = view.walker(axis).map_or(1, |(d, t)| tile[d].saturating_mul(t.unsigned_abs()));
        fits &= len.is_multiple_of(n) && view.base[axis].is_multiple_of(n);
        fits &= chunks.cuts(axis).is_none();
        bytes = bytes.saturating_mul(chunks.covering(axis, len, source.shape[axis]));
    }
    if fits { 0 } else { bytes }
}
