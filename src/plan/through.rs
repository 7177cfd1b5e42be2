//! What a stage sees of sources through halos. A halo shows its array shifted, so a chain of halos and views
//! is one affine map from the domain to a source, but for the borders, which show what lies near.

use super::{Input, PlanSource};
use crate::feeds::Reach;
use crate::view::{View, ViewAxis};

/// A source as the domain sees it, through halos or as it is.
pub(super) struct Sight {
    /// The source, by its position in the plan.
    pub(super) source: usize,
    /// The axes of the domain.
    pub(super) axes: Vec<ViewAxis>,
    /// The index of the first element, before the source's first where that lies in a border.
    pub(super) base: Vec<i64>,
}

impl Sight {
    /// What an input sees that reads a source as it is.
    pub(super) fn direct(source: usize, view: &View) -> Sight {
        let base = view.base.iter().map(|&b| b as i64).collect();
        Sight { source, axes: view.axes.to_vec(), base }
    }

    /// The axis of the domain that walks axis `s` of the source, and its step.
    pub(super) fn walker(&self, s: usize) -> Option<(usize, i64)> {
        self.axes.iter().enumerate().find_map(|(d, a)| a.from.filter(|f| f.0 == s).map(|f| (d, f.1)))
    }

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

/// The element of an axis of `n` that is next to `i`.
pub(super) fn inside(i: i64, n: u64) -> u64 {
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
