//! The walks over a stage's grid, as data: a [`Sweep`] is a grid of windows, each of which is a pass.

use crate::grid::{Dims, Grid, Region, unravel};
use crate::ops::fold::{Landing, SharedFold};

/// One walk over (a window of) a stage's grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The stage's outputs that it makes, by position.
    pub outputs: Vec<usize>,
    /// The part of the domain that it covers; blocks are clipped to it.
    pub window: Region,
    /// The domain's axes, outermost first, in the order in which blocks are visited.
    pub order: Vec<usize>,
    /// Whether accumulators are narrow, where there are such. If they will not do, the window is walked again
    /// ([`BoundStage::again`](super::BoundStage::again)).
    pub narrow: bool,
}

/// Passes that make the same outputs, window by window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// The stage's outputs that it makes, by position.
    pub outputs: Vec<usize>,
    /// The domain's axes, outermost first, in the order in which blocks are visited.
    pub order: Vec<usize>,
    /// The domain, cut into windows.
    pub windows: Grid,
    /// See [`Pass::narrow`].
    pub narrow: bool,
}

impl Sweep {
    pub(super) fn new(outputs: Vec<usize>, order: Vec<usize>, domain: &[u64], window: &[u64]) -> Sweep {
        Sweep { outputs, order, windows: Grid::regular(domain, window), narrow: false }
    }

    /// The same with narrow accumulators.
    pub(super) fn narrowed(&self) -> Sweep {
        Sweep { narrow: true, ..self.clone() }
    }

    /// The passes of these outputs over a part of the domain, in windows of this sweep's size.
    pub fn within<'a>(&'a self, part: &'a Region) -> impl Iterator<Item = Pass> + 'a {
        let largest = self.windows.largest();
        let size: Dims = part.shape.iter().zip(&largest).map(|(&n, &most)| n.min(most).max(1)).collect();
        let grid = Grid::regular(&part.shape, &size);
        (0..grid.blocks()).map(move |w| {
            let mut window = grid.region(&unravel(w, &grid.counts()));
            window.start.iter_mut().zip(&part.start).for_each(|(at, first)| *at += first);
            let (outputs, order) = (self.outputs.clone(), self.order.clone());
            Pass { outputs, window, order, narrow: self.narrow }
        })
    }

    /// How many passes it takes.
    pub fn count(&self) -> u64 {
        self.windows.blocks().max(1)
    }

    /// The pass over a window, by its position in C order.
    pub fn pass(&self, window: u64) -> Pass {
        let window = match self.windows.blocks() {
            0 => Region::whole(&self.windows.shape()),
            _ => self.windows.region(&unravel(window, &self.windows.counts())),
        };
        let (outputs, order) = (self.outputs.clone(), self.order.clone());
        Pass { outputs, window, order, narrow: self.narrow }
    }
}

/// All passes of a stage, in the order in which they run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passes {
    pub(super) sweeps: Vec<Sweep>,
    /// What those with narrow accumulators become where these will not do: wide ones, each of outputs that some sweep
    /// makes, in windows that any part of the domain may be cut into ([`Sweep::within`]).
    pub(super) again: Vec<Sweep>,
}

impl Passes {
    /// The passes, those over windows of one kind together.
    pub fn sweeps(&self) -> &[Sweep] {
        &self.sweeps
    }

    /// Those that take over from narrow accumulators, if there are any.
    pub(super) fn take_again(&mut self) -> Option<Passes> {
        let sweeps = std::mem::take(&mut self.again);
        (!sweeps.is_empty()).then(|| Passes { sweeps, again: Vec::new() })
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.sweeps.iter().fold(0, |n, s| n.saturating_add(s.count()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sweeps.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Pass> + '_ {
        self.sweeps.iter().flat_map(|s| (0..s.count()).map(|w| s.pass(w)))
    }
}

/// The most bytes of what blocks of shape `block` have handed on to those after them, and no worker holds, while
/// so many workers walk a grid in an order.
pub fn carried_bytes(fold: &SharedFold, grid: &Grid, block: &[u64], order: &[usize], workers: u64) -> u64 {
    let Some(axis) = fold.carries().filter(|&axis| grid.axes[axis].blocks() > 1) else { return 0 };
    let inner = order.iter().skip_while(|&&d| d != axis).skip(1);
    let open = inner.map(|&d| grid.axes[d].blocks()).fold(1, u64::saturating_mul);
    open.saturating_add(workers).saturating_mul(fold.carry_bytes(block)).min(fold.carry_bytes(&grid.shape()))
}

/// Whether all kept axes come before all reduced ones.
pub(super) fn kept_first(order: &[usize], landing: &Landing) -> bool {
    order.windows(2).all(|w| landing.keeps(w[0]) || !landing.keeps(w[1]))
}
