//! The walks over a stage's grid, and how many it takes in a budget.
//!
//! One walk makes everything where all accumulators fit. Otherwise reductions over axes get walks of
//! their own, each in the order that finishes its outputs one after the other, and then their outputs are
//! made window by window. Windows are counted, never listed: a [`Sweep`] is a grid of them.
//!
//! Limit: a block is cut into at most [`MAX_CUTS`] windows, because a chunk is decoded again for every
//! window that crosses it. What would need more is refused, with the budget that so many need.

use super::needs::Needs;
use super::sharing::cache_needed;
use super::sweep::{Passes, Sweep};
use crate::grid::Dims;
use crate::ops::fold::Landing;

/// The most windows that a block is cut into: how often a chunk is decoded, at most, to save memory for
/// accumulators. At the limit accumulators still take a few times the bytes of the block, so that going
/// on would save little.
pub(super) const MAX_CUTS: u64 = 8;

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
    let mut smallest = u64::MAX;
    for order in orders {
        let sweep = whole(all.clone(), order);
        let total = needs.held(&sweep).saturating_add(cache_needed(needs, &sweep));
        if total <= memory {
            return Ok(Passes { sweeps: vec![sweep] });
        }
        smallest = smallest.min(total);
    }
    // Every reduction over axes in passes of its own, in its own order, its output in windows.
    let (axis, rest): (Vec<usize>, Vec<usize>) = all.iter().partition(|&&o| tiled(needs, o).is_some());
    let (carried, rest): (Vec<usize>, Vec<usize>) =
        rest.into_iter().partition(|&o| needs.stage.outputs[o].fold.carries().is_some());
    let alone = |&o: &usize| carried_last(needs, o, domain.len()).map(|order| whole(vec![o], order));
    let carried: Vec<Sweep> = carried.iter().filter_map(alone).collect();
    // Chunks that some windows cannot do without have their room in all of them, so that more memory never
    // leads to windows that need more than there is.
    let windows: Vec<Vec<Sweep>> = axis.iter().map(|&o| all_windows(needs, o, &domain)).collect();
    let whole_walk = whole(all, natural.clone());
    let walks = windows.iter().flatten().chain(&carried).chain([&whole_walk]);
    let chunks = walks.map(|s| cache_needed(needs, s));
    let chunks = chunks.max().unwrap_or(0);
    let room = memory.saturating_sub(chunks);
    let mut sweeps = Vec::new();
    if !rest.is_empty() {
        sweeps.push(whole(rest, natural));
    }
    sweeps.extend(carried);
    // The largest windows that fit, or else the smallest.
    let fits = |mut of: Vec<Sweep>| {
        let at = of.iter().position(|s| needs.held(s) <= room).unwrap_or(of.len() - 1);
        of.swap_remove(at)
    };
    sweeps.extend(windows.into_iter().map(fits));
    let floor = sweeps.iter().map(|s| needs.held(s)).max().unwrap_or(0).saturating_add(chunks);
    if floor > memory { Err(floor.min(smallest)) } else { Ok(Passes { sweeps }) }
}

/// The passes of one reduction over its whole output, and over windows that are smaller and smaller up to the
/// limit.
fn all_windows(needs: &Needs, output: usize, domain: &[u64]) -> Vec<Sweep> {
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
        let cuts: u64 =
            block.iter().zip(&needs.largest).map(|(&b, &n)| n.div_ceil(b.max(1)).max(1)).product();
        if cuts > MAX_CUTS {
            return out;
        }
    }
}

/// The shape of a window over blocks that were made smaller: one block along the axes that were cut,
/// all of the domain along the others.
fn window_shape(block: &[u64], largest: &[u64], domain: &[u64]) -> Dims {
    (0..block.len()).map(|d| if block[d] < largest[d] { block[d] } else { domain[d] }).collect()
}
