//! The choice of a stage's task grid: blocks of whole chunks, of about the size the planner aims at.

use super::{Fed, Input, PlanOptions, PlanSource, Read, SubKernel, Supply};
use crate::feeds::{Pieces, Reach};
use crate::grid::{AxisGrid, Chunks, Cuts, Dims, Grid, Region, c_strides};
use crate::ops::program::Program;
use crate::view::View;
use num_integer::Integer;

/// Uneven chunks that a view with long steps sees are listed up to this number.
const MAX_LISTED: usize = 1 << 16;

/// How an input is cut by nature, along its own axes, and the bytes of one element.
struct Cut {
    size: u64,
    pieces: Pieces,
}

fn cut(input: &Input, size: u64, sources: &[PlanSource]) -> Option<Cut> {
    let pieces = match &input.from {
        Supply::Read(Read::Source(s)) => Pieces::new(sources[*s].chunks.clone()?, false),
        Supply::Read(Read::Value(_)) => return None,
        Supply::Feed(fed) => pieces_of(fed, sources)?,
    };
    Some(Cut { size, pieces })
}

fn pieces_of(fed: &Fed, sources: &[PlanSource]) -> Option<Pieces> {
    // What a halo is around or elements are picked of may be computed: its pieces are those of what goes in.
    let any = |is: fn(Reach) -> bool| (0..fed.of.len()).any(|child| is(fed.reach(child)));
    if any(|reach| matches!(reach, Reach::Halo { .. } | Reach::Picked { .. })) {
        fed.pieces(&|k| widest_chunks(k, sources))
    } else if any(|reach| matches!(reach, Reach::Affine { .. })) {
        fed.pieces(&|k| seen_chunks(k, sources))
    } else {
        fed.pieces(&|k| inner_chunks(k, sources))
    }
}

/// The largest chunks of what goes into a kernel, as it sees them.
fn seen_chunks(kernel: &SubKernel, sources: &[PlanSource]) -> Option<Chunks> {
    let chunks = kernel.inputs.iter().filter_map(|input| {
        let own = match &input.from {
            Supply::Read(Read::Source(s)) => sources[*s].chunks.clone(),
            Supply::Read(Read::Value(_)) => None,
            Supply::Feed(fed) => pieces_of(fed, sources).map(|pieces| pieces.chunks),
        };
        own.map(|own| seen(&input.view, &own))
    });
    chunks.max_by_key(Chunks::elements)
}

/// Chunks as a view sees them. Where they begin within one along several axes, that is told of the first of these axes.
fn seen(view: &View, chunks: &Chunks) -> Chunks {
    let shape: Dims = view
        .axes
        .iter()
        .map(|axis| match axis.from {
            // Along an axis that repeats or is new, any cut will do.
            None => 1,
            Some((s, step)) => {
                chunks.shape()[s].div_ceil(step.unsigned_abs().max(1)).clamp(1, axis.len.max(1))
            }
        })
        .collect();
    let cuts = |d: usize| {
        let axis = &view.axes[d];
        let (s, step) = axis.from.filter(|_| axis.len > 0)?;
        let (base, n) = (view.base[s], chunks.shape()[s].max(1));
        match chunks.cuts(s) {
            Some(cuts) => cuts.seen(base, step, axis.len, MAX_LISTED),
            // As they would be from the first element on.
            None if step < 0 || !base.is_multiple_of(n) => {
                let end = (base as i64 + step.max(0) * (axis.len as i64 - 1)) as u64 + 1;
                let even: Cuts = std::iter::once((end.next_multiple_of(n), n)).collect();
                even.seen(base, step, axis.len, MAX_LISTED)
            }
            None => None,
        }
    };
    match (0..view.axes.len()).find_map(|d| Some((d, cuts(d)?))) {
        Some((d, cuts)) => Chunks::uneven(&shape, d, cuts),
        None => Chunks::from(shape),
    }
}

/// The largest chunks that a kernel sees of its domain.
fn widest_chunks(kernel: &SubKernel, sources: &[PlanSource]) -> Option<Chunks> {
    let whole = |input: &&Input| input.view.is_identity(&kernel.shape);
    let chunks = kernel.inputs.iter().filter(whole).filter_map(|input| match &input.from {
        Supply::Read(Read::Source(s)) => sources[*s].chunks.clone(),
        Supply::Read(Read::Value(_)) => None,
        Supply::Feed(fed) => pieces_of(fed, sources).map(|pieces| pieces.chunks),
    });
    chunks.max_by_key(Chunks::elements)
}

/// The chunks of a kernel that hands on one chunked source as it is.
fn inner_chunks(kernel: &SubKernel, sources: &[PlanSource]) -> Option<Chunks> {
    let [input] = kernel.inputs.as_slice() else { return None };
    let source = &sources[input.source()?];
    source.chunks.clone().filter(|_| input.view.is_identity(&source.shape))
}

/// Positions per block, phase and step of the cut along one domain axis.
#[derive(Clone, Copy)]
struct Lattice {
    block: u64,
    start: u64,
    step: i64,
}

impl Lattice {
    /// The axis grid whose blocks are `times` natural pieces.
    fn grid(self, len: u64, times: u64) -> AxisGrid {
        let step = self.step.unsigned_abs();
        let block = self.block.saturating_mul(times).max(step).min(1 << 62);
        let phase = match self.step > 0 {
            true => self.start % block,
            false => (self.start / block + 1) * block - 1 - self.start,
        };
        AxisGrid::Regular { len, block, phase, step }
    }
}

/// Elements that a block should have along an axis along which it goes on from the one before: what is handed on takes
/// some time and room for each line.
const LONG: u64 = 1024;

/// The task grid of a stage over `domain`, whose blocks may go on from those before them `along` an axis.
pub fn choose_grid(
    domain: &[u64],
    inputs: &[Input],
    program: &Program,
    sources: &[PlanSource],
    along: Option<usize>,
    options: &PlanOptions,
) -> Grid {
    let rank = domain.len();
    if domain.contains(&0) || rank == 0 {
        return Grid::regular(domain, domain);
    }
    let sizes = program.inputs.iter().map(|d| d.size() as u64);
    let all: u64 = sizes.clone().sum();
    // Bytes per element that count against the target: the widest input, or a share of many.
    let weight = sizes.clone().max().unwrap_or(8).max(all / 4).max(1);
    let target = (options.block_bytes / weight).max(1);
    let cuts: Vec<(&View, Cut)> =
        inputs.iter().zip(sizes).filter_map(|(i, size)| Some((&i.view, cut(i, size, sources)?))).collect();
    let primary = cuts.iter().max_by_key(|(view, c)| {
        let seen: u64 = view.axes.iter().filter(|a| a.from.is_some()).map(|a| a.len).product();
        (c.pieces.fixed, seen.saturating_mul(c.size), c.pieces.chunks.elements())
    });
    let lattice = |view: &View, c: &Cut, d: usize| {
        let (s, step) = view.axes[d].from?;
        let block = c.pieces.chunks.shape()[s].max(1);
        let (base, origin) = (view.base[s], c.pieces.origin[s]);
        let start = if base < origin { base + block - origin % block } else { base - origin };
        Some(Lattice { block, start, step })
    };
    let mut axes: Vec<AxisGrid> = Vec::with_capacity(rank);
    let mut lattices: Vec<Lattice> = Vec::with_capacity(rank);
    for (d, &len) in domain.iter().enumerate() {
        let own = primary.and_then(|(view, c)| lattice(view, c, d));
        let free = Lattice { block: 1, start: 0, step: 1 };
        lattices.push(own.unwrap_or(free));
        let uneven = primary.and_then(|(view, c)| {
            let (s, step) = view.axes[d].from?;
            c.pieces.chunks.cuts(s)?.seen(view.base[s], step, len, MAX_LISTED)
        });
        axes.push(uneven.map_or_else(|| lattices[d].grid(len, 1), AxisGrid::Uneven));
    }
    let mut elements: u64 = axes.iter().map(AxisGrid::longest).fold(1, u64::saturating_mul);
    let mut times = vec![1u64; rank];
    if let Some((_, c)) = primary {
        // Other chunked inputs: blocks that are whole chunks of both, where that stays small.
        for d in (0..rank).filter(|&d| is_regular(&axes[d])).collect::<Vec<_>>() {
            let mut block = lattices[d].block;
            for (other, oc) in &cuts {
                if let Some(l) = lattice(other, oc, d) {
                    let plain = |l: Lattice| l.step == 1 && l.start == 0;
                    if plain(l) && plain(lattices[d]) && l.block < domain[d] {
                        block = block.checked_div(block.gcd(&l.block)).unwrap_or(1).saturating_mul(l.block);
                    }
                }
            }
            let factor = block / lattices[d].block;
            let grown = elements.saturating_mul(factor.min(domain[d].div_ceil(lattices[d].block)));
            if factor > 1 && grown <= target.saturating_mul(4) && !c.pieces.fixed {
                times[d] = factor;
                axes[d] = lattices[d].grid(domain[d], factor);
                elements = axes.iter().map(AxisGrid::longest).fold(1, u64::saturating_mul);
            }
        }
        if c.pieces.fixed {
            return Grid { axes };
        }
    }
    // Join small blocks, along the last axis first: neighbours in memory stay together.
    let first = along.map(|d| (d, LONG));
    for (d, most) in first.into_iter().chain((0..rank).rev().map(|d| (d, u64::MAX))) {
        let rest = elements / axes[d].longest().max(1);
        let room = (target / rest.max(1)).min(most);
        match &axes[d] {
            AxisGrid::Regular { len, .. } => {
                let room = room / axes[d].longest().max(1);
                if room > 1 {
                    let whole = axes[d].blocks().max(1);
                    times[d] = times[d].saturating_mul(room.min(whole.saturating_mul(2)));
                    axes[d] = lattices[d].grid(*len, times[d]);
                }
            }
            AxisGrid::Uneven(cuts) => axes[d] = AxisGrid::Uneven(cuts.joined(room)),
        }
        elements = rest.saturating_mul(axes[d].longest());
        if axes[d].blocks() > 1 && most == u64::MAX {
            break;
        }
    }
    Grid { axes }
}

/// A grid like another one whose blocks are whole chunks of what will be written: of the shape `chunks`, or
/// of blocks like those that there are. Blocks that are whole chunks of what is read as well are taken where
/// they stay small.
pub fn whole_chunks(grid: &Grid, chunks: Option<&[u64]>, program: &Program, options: &PlanOptions) -> Grid {
    let plain = |axis: &AxisGrid| match *axis {
        AxisGrid::Regular { block, phase: 0, step: 1, .. } => Some(block),
        _ => None,
    };
    let Some(chunks) = chunks else {
        let even = |axis: &AxisGrid| match plain(axis) {
            Some(_) => axis.clone(),
            None => AxisGrid::regular(axis.len(), axis.longest()),
        };
        return Grid { axes: grid.axes.iter().map(even).collect() };
    };
    let mut blocks: Dims = Dims::new();
    for (axis, &chunk) in grid.axes.iter().zip(chunks) {
        let chunk = chunk.clamp(1, axis.len().max(1));
        blocks.push((plain(axis).unwrap_or(axis.longest()) / chunk).max(1) * chunk);
    }
    let widest = program.inputs.iter().map(|d| d.size() as u64).max().unwrap_or(8).max(1);
    let most = (options.block_bytes / widest).saturating_mul(4);
    for d in 0..blocks.len() {
        let Some(block) = plain(&grid.axes[d]).filter(|&b| b < grid.axes[d].len()) else { continue };
        let both = (block / block.gcd(&blocks[d])).saturating_mul(blocks[d]);
        let rest: u64 = (0..blocks.len()).filter(|&o| o != d).map(|o| blocks[o]).fold(1, u64::saturating_mul);
        if both.saturating_mul(rest) <= most {
            blocks[d] = both;
        }
    }
    Grid::regular(&grid.shape(), &blocks)
}

fn is_regular(axis: &AxisGrid) -> bool {
    matches!(axis, AxisGrid::Regular { .. })
}

/// The last block of the grid, in C order, that reads some element of the chunk at `chunk`, for an input
/// seen through `view`; nothing if none does.
pub fn last_use_of_chunk(grid: &Grid, view: &View, chunk: &[u64], chunks: &Chunks) -> Option<u64> {
    let missed = |(s, &c): (usize, &u64)| view.walker(s).is_none() && chunks.index_of(s, view.base[s]) != c;
    if chunk.iter().enumerate().any(missed) {
        return None;
    }
    let mut last = 0;
    for (d, blocks) in grid.axes.iter().enumerate() {
        let all = (0, blocks.len());
        let (first, end) = match view.axes[d].from {
            None => all,
            Some((s, _)) => elements_of_chunk(view, d, wide(chunks.range(s, chunk[s])), all),
        };
        if first >= end {
            return None;
        }
        last = last * blocks.blocks() + blocks.block_of(end - 1);
    }
    Some(last)
}

/// How many blocks of the grid that meet `window` read some element of the chunk at `chunk`, for an
/// input seen through `view`.
pub fn uses_of_chunk(grid: &Grid, window: &Region, view: &View, chunk: &[u64], chunks: &Chunks) -> u64 {
    uses_of_chunk_around(grid, window, view, &[], chunk, chunks)
}

/// As [`uses_of_chunk`], for inputs that are read together: through `view` and views that begin up to
/// `spread` later along the axes of the source.
pub fn uses_of_chunk_around(
    grid: &Grid,
    window: &Region,
    view: &View,
    spread: &[u64],
    chunk: &[u64],
    chunks: &Chunks,
) -> u64 {
    let spread = |s: usize| spread.get(s).copied().unwrap_or(0);
    for (s, &c) in chunk.iter().enumerate() {
        let around = || chunks.index_of(s, view.base[s])..=chunks.index_of(s, view.base[s] + spread(s));
        if view.walker(s).is_none() && !around().contains(&c) {
            return 0;
        }
    }
    let mut uses = 1u64;
    for d in 0..view.axes.len() {
        let (lo, hi) = (window.start[d], window.start[d] + window.shape[d]);
        let (first, end) = match view.axes[d].from {
            None => (lo, hi),
            Some((s, _)) => {
                let (a, b) = chunks.range(s, chunk[s]);
                elements_of_chunk(view, d, (i128::from(a) - i128::from(spread(s)), b.into()), (lo, hi))
            }
        };
        uses = uses.saturating_mul(blocks_over(&grid.axes[d], first, end));
    }
    uses
}

/// At most how many blocks of the grid read some element of one chunk: where there are few chunks
/// along an axis each is looked at, otherwise the longest stretch that one can have is.
pub fn most_uses_of_chunk(grid: &Grid, view: &View, chunks: &Chunks) -> u64 {
    let mut uses = 1u64;
    for (d, axis) in view.axes.iter().enumerate() {
        let blocks = &grid.axes[d];
        let most = match axis.from {
            None => blocks.blocks(),
            Some((s, step)) => {
                let (n, base) = (chunks.shape()[s], view.base[s]);
                let far = (base as i64 + step * (axis.len as i64 - 1)) as u64;
                let (first, last) = (chunks.index_of(s, base.min(far)), chunks.index_of(s, base.max(far)));
                if last - first < LOOKED_AT {
                    let uses = |c| {
                        let (a, b) = elements_of_chunk(view, d, wide(chunks.range(s, c)), (0, axis.len));
                        blocks_over(blocks, a, b)
                    };
                    (first..=last).map(uses).max().unwrap_or(0)
                } else {
                    let stretch = n.div_ceil(step.unsigned_abs());
                    let shortest = match *blocks {
                        AxisGrid::Regular { block, step, .. } => (block / step).max(1),
                        AxisGrid::Uneven(ref cuts) => cuts.shortest(),
                    };
                    (stretch.saturating_sub(1) / shortest + 2).min(blocks.blocks())
                }
            }
        };
        uses = uses.saturating_mul(most);
    }
    uses.max(1)
}

/// Chunks along an axis that are looked at one by one.
const LOOKED_AT: u64 = 4096;

/// The chunks along source axis `s` that a view's axis of `len` elements walks, if they are few.
fn few_chunks(
    view: &View,
    s: usize,
    step: i64,
    len: u64,
    chunks: &Chunks,
) -> Option<std::ops::RangeInclusive<u64>> {
    let base = view.base[s];
    let far = (base as i64 + step * (len as i64 - 1)) as u64;
    let (first, last) = (chunks.index_of(s, base.min(far)), chunks.index_of(s, base.max(far)));
    (last - first < LOOKED_AT).then_some(first..=last)
}

/// At most how many blocks of the grid want a part of one chunk of a piece that begins at `at` (an axis and
/// an index) of an array that they see through `by`, where the piece sees its source through `view`.
pub fn blocks_of_piece(grid: &Grid, by: &View, at: (usize, u64), view: &View, chunks: &Chunks) -> u64 {
    let along = |(d, blocks): (usize, &AxisGrid)| {
        let Some((r, _)) = by.axes[d].from else { return blocks.blocks() };
        let begin = if r == at.0 { at.1 } else { 0 };
        let piece = view.axes[r].len;
        let uses = |(lo, hi): (u64, u64)| {
            let (a, b) = elements_of_chunk(by, d, wide((begin + lo, begin + hi)), (0, by.axes[d].len));
            blocks_over(blocks, a, b)
        };
        match view.axes[r].from {
            None => uses((0, piece)),
            Some((s, step)) => few_chunks(view, s, step, piece, chunks).map_or(blocks.blocks(), |few| {
                let of = |k| uses(elements_of_chunk(view, r, wide(chunks.range(s, k)), (0, piece)));
                few.map(of).max().unwrap_or(0)
            }),
        }
    };
    grid.axes.iter().enumerate().map(along).fold(1, u64::saturating_mul).max(1)
}

/// At most how many blocks of the grid want a part of one chunk of an array of shape `of`, which sees its
/// source through `view`, where they see it reshaped to `shape` and through `by`. A chunk counts as all rows
/// that it has a part of.
pub fn blocks_of_stretch(
    grid: &Grid,
    by: &View,
    shape: &[u64],
    of: &[u64],
    view: &View,
    chunks: &Chunks,
) -> u64 {
    let (strides, inner) = (c_strides(shape), of.iter().skip(1).product::<u64>());
    let rows = of.first().copied().unwrap_or(1);
    let uses = |(first, end): (u64, u64)| {
        if first >= end {
            return 0;
        }
        let (mut a, mut b) = (first * inner, end * inner - 1);
        // The smallest box of the reshaped array that has those elements.
        let mut region = Region::whole(shape);
        for (d, &stride) in strides.iter().enumerate() {
            let stride = stride as u64;
            (region.start[d], region.shape[d]) = (a / stride, b / stride - a / stride + 1);
            if region.shape[d] > 1 {
                break;
            }
            (a, b) = (a % stride, b % stride);
        }
        let along = |(d, blocks): (usize, &AxisGrid)| {
            let Some((r, _)) = by.axes[d].from else { return blocks.blocks() };
            let ends = (region.start[r], region.start[r] + region.shape[r]);
            let (a, b) = elements_of_chunk(by, d, wide(ends), (0, by.axes[d].len));
            blocks_over(blocks, a, b)
        };
        let fixed = (0..shape.len()).filter(|&r| by.walker(r).is_none());
        let seen = fixed
            .into_iter()
            .all(|r| (region.start[r]..region.start[r] + region.shape[r]).contains(&by.base[r]));
        if seen { grid.axes.iter().enumerate().map(along).fold(1, u64::saturating_mul) } else { 0 }
    };
    let most = match view.axes.first().and_then(|a| a.from) {
        None => uses((0, rows)),
        Some((s, step)) => few_chunks(view, s, step, rows, chunks).map_or(grid.blocks(), |few| {
            few.map(|k| uses(elements_of_chunk(view, 0, wide(chunks.range(s, k)), (0, rows))))
                .max()
                .unwrap_or(0)
        }),
    };
    most.max(1)
}

/// The elements `first..end` of the view's axis `d`, within `lo..hi`, that lie in the chunk of the
/// elements `a..b` of the axis that it walks.
fn elements_of_chunk(view: &View, d: usize, (a, b): (i128, i128), (lo, hi): (u64, u64)) -> (u64, u64) {
    let Some((s, step)) = view.axes[d].from else { return (lo, hi) };
    let (base, t) = (view.base[s] as i128, step as i128);
    // Indices i with a <= base + t*i < b.
    let (from, to) = match t > 0 {
        true => (Integer::div_ceil(&(a - base), &t), Integer::div_ceil(&(b - base), &t)),
        false => {
            let t = -t;
            (Integer::div_ceil(&(base - b + 1), &t), Integer::div_ceil(&(base - a + 1), &t))
        }
    };
    (from.clamp(lo as i128, hi as i128) as u64, to.clamp(lo as i128, hi as i128) as u64)
}

/// Ends of a stretch that is not cut at an array's first element.
fn wide((a, b): (u64, u64)) -> (i128, i128) {
    (a.into(), b.into())
}

/// How many blocks the elements `first..end` lie in.
fn blocks_over(axis: &AxisGrid, first: u64, end: u64) -> u64 {
    if first >= end { 0 } else { axis.block_of(end - 1) - axis.block_of(first) + 1 }
}

#[cfg(test)]
mod tests;
