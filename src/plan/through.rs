//! What a stage sees of sources through halos. A halo shows its array shifted, so a chain of halos and views
//! is one affine map from the domain to a source, but for the borders, which show what lies near.

use super::{Input, Plan, PlanSource, Stage};
use crate::feeds::Reach;
use crate::grid::Dims;
use crate::view::{View, ViewAxis};

/// A source as the domain sees it through halos.
pub(super) struct Sight {
    /// The source, by its position in the plan.
    pub(super) source: usize,
    /// The axes of the domain.
    pub(super) axes: Vec<ViewAxis>,
    /// The index of the first element, before the source's first where that lies in a border.
    pub(super) base: Vec<i64>,
}

impl Sight {
    /// The part that lies in the source, as a view.
    pub(super) fn view(&self, source: &PlanSource) -> View {
        let mut view = View {
            axes: self.axes.clone(),
            base: self.base.iter().zip(&source.shape).map(|(&b, &n)| inside(b, n)).collect(),
        };
        for axis in &mut view.axes {
            let Some((s, step)) = axis.from else { continue };
            let n = source.shape[s];
            let last = step.saturating_mul(axis.len as i64 - 1).saturating_add(self.base[s]);
            let (first, last) = (view.base[s], inside(last, n));
            axis.len = first.abs_diff(last) / step.unsigned_abs().max(1) + 1;
        }
        view
    }
}

fn inside(i: i64, n: u64) -> u64 {
    i.clamp(0, (n as i64 - 1).max(0)) as u64
}

/// The sources that an input shows through halos.
pub(super) fn sights(input: &Input) -> Vec<Sight> {
    let mut out = Vec::new();
    let base: Vec<i64> = input.view.base.iter().map(|&b| b as i64).collect();
    look(input, &input.view.axes, &base, &mut out);
    out
}

fn look(input: &Input, axes: &[ViewAxis], base: &[i64], out: &mut Vec<Sight>) {
    let Some(fed) = input.fed() else { return };
    for (child, kernel) in fed.of.iter().enumerate() {
        let Reach::Halo { before } = fed.reach(child) else { continue };
        for inner in &kernel.inputs {
            let seen: Vec<ViewAxis> = axes
                .iter()
                .map(|a| ViewAxis {
                    len: a.len,
                    from: a.from.and_then(|(m, t)| inner.view.axes[m].from.map(|(s, u)| (s, t * u))),
                })
                .collect();
            let mut start: Vec<i64> = inner.view.base.iter().map(|&b| b as i64).collect();
            for (m, axis) in inner.view.axes.iter().enumerate() {
                if let Some((s, u)) = axis.from {
                    start[s] = start[s].saturating_add(u.saturating_mul(base[m] - before[m] as i64));
                }
            }
            match inner.source() {
                Some(source) => out.push(Sight { source, axes: seen, base: start }),
                None => look(inner, &seen, &start, out),
            }
        }
    }
}

/// Bytes of decoded chunks that halos want to keep so that none is decoded twice in a pass: a band along the
/// outermost axis that has several blocks, and what some blocks see at a time, because those of several
/// workers do not come in turns.
pub(super) fn halo_cache(plan: &Plan, stage: &Stage, largest: &[u64], order: &[usize]) -> u64 {
    const AT_A_TIME: u64 = 4;
    let seen: Vec<Sight> = stage.inputs.iter().flat_map(sights).collect();
    let mut wanted = 0u64;
    for (n, first) in seen.iter().enumerate() {
        let source = &plan.sources()[first.source];
        let (Some(chunks), false) = (&source.chunks, seen[..n].iter().any(|s| s.source == first.source))
        else {
            continue;
        };
        let (mut band, mut near): (Dims, Dims) = (chunks.shape().into(), chunks.shape().into());
        for (at, &d) in order.iter().enumerate() {
            let Some((axis, step)) = first.axes[d].from else { continue };
            let same = seen.iter().filter(|s| s.source == first.source).map(|s| match s.axes[d].from {
                walk if walk == first.axes[d].from => s.base[axis].abs_diff(first.base[axis]),
                _ => u64::MAX,
            });
            let apart = same.max().unwrap_or(0).saturating_mul(2);
            let covering = |len: u64| {
                let len = len.saturating_mul(step.unsigned_abs()).saturating_add(apart);
                chunks.covering(axis, len, source.shape[axis])
            };
            let outer = order[..at].iter().all(|&o| stage.grid.axes[o].blocks() <= 1);
            near[axis] = covering(largest[d]);
            band[axis] = if outer { near[axis] } else { covering(first.axes[d].len) };
        }
        let size = source.dtype.size() as u64;
        let bytes = |shape: &Dims| shape.iter().fold(size, |bytes, &n| bytes.saturating_mul(n));
        let all = source.shape.iter().enumerate().map(|(d, &n)| chunks.covering(d, n, n)).collect();
        let some = bytes(&band).saturating_add(bytes(&near).saturating_mul(AT_A_TIME));
        wanted = wanted.saturating_add(some.min(bytes(&all)));
    }
    wanted
}
