//! The walks over a stage's grid, and how many it takes in a budget.
//!
//! One walk makes everything where all accumulators fit. Otherwise reductions over axes get walks of
//! their own, each in the order that finishes its outputs one after the other, and then their outputs are
//! made window by window. Windows are counted, never listed: a [`Sweep`] is a grid of them.
//!
//! Where wide accumulators do not fit in one walk, or leave no room for chunks that it comes back to, narrow ones are
//! taken if fewer windows, or fewer decodes, do with them. They may turn out not to do, because of the values; then
//! their window is walked again, with wide ones, in windows that fit. Those may be many, for it is rare.
//!
//! Limit: a block is cut into at most [`MAX_CUTS`] windows, because a chunk is decoded again for every
//! window that crosses it. What would need more is refused, with the budget that so many need.

use super::needs::Needs;
use super::reads::reads;
use super::sharing::{cache_needed, cache_wanted};
use super::sweep::{Passes, Sweep};
use crate::grid::Dims;
use crate::ops::fold::Landing;
use crate::ops::kernel::state_bytes;

/// The most windows that a block is cut into: how often a chunk is decoded, at most, to save memory for
/// accumulators. At the limit accumulators still take a few times the bytes of the block, so that going
/// on would save little.
const MAX_CUTS: u64 = 8;

/// Where an output lands, for a reduction that keeps some axes: its output can be made window by window.
fn tiled<'a>(needs: &'a Needs, output: usize) -> Option<&'a Landing> {
    let fold = &needs.stage.outputs[output].fold;
    (fold.landing().keeps_any() && !fold.places()).then(|| fold.landing())
}

/// The kept axes, then the reduced ones.
pub(super) fn kept_before_reduced(landing: &Landing) -> Vec<usize> {
    let (kept, gone): (Vec<usize>, Vec<usize>) = (0..landing.rank()).partition(|&d| landing.keeps(d));
    kept.into_iter().chain(gone).collect()
}

/// The axis along which the blocks of an output go on from each other, as the innermost one: so the fewest have
/// handed on what nobody has taken.
fn carried_last(needs: &Needs, output: usize, rank: usize) -> Option<Vec<usize>> {
    let axis = needs.stage.outputs[output].fold.carries()?;
    Some((0..rank).filter(|&d| d != axis).chain([axis]).collect())
}

/// The passes of a stage, or the smallest budget that would do.
pub(super) fn passes(needs: &Needs, memory: u64) -> Result<Passes, u64> {
    let domain = needs.stage.grid.shape();
    let natural: Vec<usize> = (0..domain.len()).collect();
    let all: Vec<usize> = (0..needs.stage.outputs.len()).collect();
    let whole = |outputs: Vec<usize>, order| Sweep::new(outputs, order, &domain, &domain);
    // In the order in which the chunks lie, if all accumulators can live at once; otherwise in the
    // order that finishes the first reduction's outputs one after the other.
    let mut orders = vec![natural.clone()];
    let carried = all.iter().filter_map(|&o| carried_last(needs, o, domain.len()));
    for order in all.iter().filter_map(|&o| tiled(needs, o)).map(kept_before_reduced).chain(carried) {
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    let walks = orders.into_iter().map(|order| whole(all.clone(), order));
    let walks: Vec<Sweep> = walks.collect();
    let mut smallest = u64::MAX;
    let mut candidates = Vec::new();
    // One walk with wide accumulators.
    for sweep in &walks {
        let total = needs.held(sweep).saturating_add(cache_needed(needs, sweep));
        if total <= memory {
            let passes = Passes { sweeps: vec![sweep.clone()], again: Vec::new() };
            if keeps_chunks(needs, &passes, memory) {
                return Ok(passes);
            }
            candidates.push(passes);
        }
        smallest = smallest.min(total);
    }
    let parts = Parts::new(needs, &domain, walks[0].clone());
    // One walk with narrow accumulators.
    if can_be_narrow(needs, &all) {
        let floor =
            parts.least(&parts.axis).max(parts.others.iter().map(|s| needs.held(s)).max().unwrap_or(0));
        for sweep in walks.iter().map(Sweep::narrowed) {
            let total = needs.held(&sweep).max(floor).saturating_add(parts.chunks);
            if total <= memory {
                let again = parts.again(&parts.axis, memory, true);
                let passes = Passes { sweeps: vec![sweep], again };
                if keeps_chunks(needs, &passes, memory) {
                    return Ok(passes);
                }
                candidates.push(passes);
            }
            smallest = smallest.min(total);
        }
    }
    // Windows: the largest that fit, or those that leave room for the chunks that they come back to.
    match parts.in_windows(memory, false) {
        Ok(passes) => candidates.push(passes),
        Err(least) => smallest = smallest.min(least),
    }
    candidates.extend(parts.in_windows(memory, true).ok());
    let least = candidates.into_iter().min_by_key(|passes| decoded(needs, passes, memory));
    least.ok_or(smallest)
}

/// Whether there is room beside every walk for the chunks that it comes back to, so that it decodes none again and again.
fn keeps_chunks(needs: &Needs, passes: &Passes, memory: u64) -> bool {
    let takes = |s: &Sweep| needs.held(s).saturating_add(cache_wanted(needs, s, 1));
    passes.sweeps.iter().all(|s| takes(s) <= memory)
}

/// About how many bytes these passes decode.
fn decoded(needs: &Needs, passes: &Passes, memory: u64) -> u64 {
    let reads = reads(needs, passes, keeps_chunks(needs, passes, memory));
    let bytes = reads.iter().map(|r| r.bytes.saturating_mul(r.times).saturating_mul(r.passes));
    bytes.fold(0, u64::saturating_add)
}

/// Every reduction over axes in passes of its own, in its own order, its output in windows.
struct Parts<'a> {
    needs: &'a Needs<'a>,
    domain: &'a [u64],
    /// The outputs that windows can be of.
    axis: Vec<usize>,
    /// The windows of each of them, smaller and smaller.
    windows: Vec<Vec<Sweep>>,
    /// The walks of the others.
    others: Vec<Sweep>,
    /// Chunks that some windows cannot do without: they have their room in all of them, so that more memory never
    /// leads to windows that need more than there is.
    chunks: u64,
}

impl<'a> Parts<'a> {
    fn new(needs: &'a Needs<'a>, domain: &'a [u64], whole_walk: Sweep) -> Self {
        let all = 0..needs.stage.outputs.len();
        let (axis, rest): (Vec<usize>, Vec<usize>) = all.partition(|&o| tiled(needs, o).is_some());
        let (carried, rest): (Vec<usize>, Vec<usize>) =
            rest.into_iter().partition(|&o| needs.stage.outputs[o].fold.carries().is_some());
        let whole = |outputs: Vec<usize>, order| Sweep::new(outputs, order, domain, domain);
        let alone = |&o: &usize| carried_last(needs, o, domain.len()).map(|order| whole(vec![o], order));
        let mut others =
            if rest.is_empty() { Vec::new() } else { vec![whole(rest, (0..domain.len()).collect())] };
        others.extend(carried.iter().filter_map(alone));
        let windows: Vec<Vec<Sweep>> =
            axis.iter().map(|&o| all_windows(needs, o, domain, MAX_CUTS)).collect();
        let walks = windows.iter().flatten().chain(&others).chain([&whole_walk]);
        let chunks = walks.map(|s| cache_needed(needs, s)).max().unwrap_or(0);
        Parts { needs, domain, axis, windows, others, chunks }
    }

    /// The passes in the largest windows that fit, narrow where that makes them fewer; or the smallest budget that would
    /// do. If they are to keep chunks, there is room for those that they come back to.
    fn in_windows(&self, memory: u64, keep: bool) -> Result<Passes, u64> {
        let needs = self.needs;
        let takes = |s: &Sweep| {
            let chunks = if keep { cache_wanted(needs, s, 1).max(self.chunks) } else { self.chunks };
            needs.held(s).saturating_add(chunks)
        };
        let mut sweeps = self.others.clone();
        let mut narrow = Vec::new();
        let mut floor = sweeps.iter().map(takes).max().unwrap_or(self.chunks);
        for (&o, of) in self.axis.iter().zip(&self.windows) {
            let first = |of: &[(Sweep, u64)]| of.iter().position(|(_, takes)| *takes <= memory);
            let wide: Vec<(Sweep, u64)> = of.iter().map(|s| (s.clone(), takes(s))).collect();
            let least = self.least(&[o]).saturating_add(self.chunks);
            let narrowed = of.iter().filter(|_| can_be_narrow(needs, &[o])).map(Sweep::narrowed);
            let narrowed: Vec<(Sweep, u64)> =
                narrowed.map(|s| (takes(&s).max(least), s)).map(|(n, s)| (s, n)).collect();
            let (sweep, takes) = match (first(&wide), first(&narrowed)) {
                (Some(w), Some(n)) if n < w => &narrowed[n],
                (Some(w), _) => &wide[w],
                (None, Some(n)) => &narrowed[n],
                // Those that take least: not always the smallest, for windows want parts of chunks.
                (None, None) => match wide.iter().chain(&narrowed).min_by_key(|(_, takes)| *takes) {
                    Some(least) => least,
                    None => continue,
                },
            };
            floor = floor.max(*takes);
            narrow.extend(sweep.narrow.then_some(o));
            sweeps.push(sweep.clone());
        }
        if floor > memory {
            return Err(floor);
        }
        let again = if narrow.is_empty() { Vec::new() } else { self.again(&narrow, memory, false) };
        Ok(Passes { sweeps, again })
    }

    /// What making these reductions again takes at least.
    fn least(&self, outputs: &[usize]) -> u64 {
        let least = |&o: &usize| {
            let windows = all_windows(self.needs, o, self.domain, u64::MAX);
            windows.iter().map(|s| self.needs.held(s)).min()
        };
        outputs.iter().filter_map(least).max().unwrap_or(0)
    }

    /// How these reductions, and maybe the others, are made where narrow accumulators will not do: in the largest
    /// windows that have room.
    fn again(&self, outputs: &[usize], memory: u64, others: bool) -> Vec<Sweep> {
        let room = memory.saturating_sub(self.chunks);
        let fits = |&o: &usize| {
            let mut all = all_windows(self.needs, o, self.domain, u64::MAX);
            let at = all.iter().position(|s| self.needs.held(s) <= room).unwrap_or(all.len() - 1);
            all.swap_remove(at)
        };
        let others = if others { &self.others[..] } else { &[] };
        others.iter().cloned().chain(outputs.iter().map(fits)).collect()
    }
}

/// Whether some of these outputs take less with narrow accumulators, and all can be made again.
fn can_be_narrow(needs: &Needs, outputs: &[usize]) -> bool {
    let is_less = |&o: &usize| {
        let fold = &needs.stage.outputs[o].fold;
        state_bytes(fold, &needs.largest, true) < state_bytes(fold, &needs.largest, false)
    };
    let streams = |&o: &usize| needs.ends.in_blocks(needs.stage.outputs[o].value);
    outputs.iter().any(is_less) && !outputs.iter().any(streams)
}

/// The passes of one reduction over its whole output, and over windows that are smaller and smaller up to the
/// limit of cuts.
fn all_windows(needs: &Needs, output: usize, domain: &[u64], most_cuts: u64) -> Vec<Sweep> {
    let landing = needs.stage.outputs[output].fold.landing();
    let order = kept_before_reduced(landing);
    let mut block = needs.largest.clone();
    let mut out = Vec::new();
    loop {
        let window = window_shape(&block, &needs.largest, domain);
        out.push(Sweep::new(vec![output], order.clone(), domain, &window));
        // Halve the longest kept side.
        let sides = (0..block.len()).filter(|&d| landing.keeps(d) && block[d] > 1);
        let Some(d) = sides.max_by_key(|&d| block[d]) else { return out };
        block[d] = block[d].div_ceil(2);
        let cuts = block.iter().zip(&needs.largest).map(|(&b, &n)| n.div_ceil(b.max(1)).max(1));
        let cuts = cuts.fold(1, u64::saturating_mul);
        if cuts > most_cuts {
            return out;
        }
    }
}

/// The shape of a window over blocks that were made smaller: one block along the axes that were cut,
/// all of the domain along the others.
fn window_shape(block: &[u64], largest: &[u64], domain: &[u64]) -> Dims {
    (0..block.len()).map(|d| if block[d] < largest[d] { block[d] } else { domain[d] }).collect()
}
