//! Merging: what workers have gathered becomes values.
//!
//! A fold's output is cut into tiles, one per block of the axes that it keeps. A worker adds up
//! the tile it is at by itself and hands it over when it moves on; a tile whose tasks are all done is
//! finished, rounded once, written into the result and forgotten, or kept as it is for another process that
//! writes the result. Sums are exact and other folds do not depend on order, so it does not matter who comes first.

use super::budget::Meter;
use super::finished::Finished;
use super::results::Results;
use super::wire::{Gathered, PartialOutput, PartialTile, StateBytes, TILE_BYTES};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, Grid, Region, ravel, unravel};
use crate::ops::fold::{Landing, Nothing, State, written_bytes};
use crate::ops::kernel::{Kernel, Terminal};
use crate::plan::{Pass, Stage};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// States that wait for the rest of their tile, by its number, and how many tasks each holds.
type Tiles = BTreeMap<u64, (Box<dyn State>, u64)>;

/// Where finished tiles go.
#[derive(Clone, Copy)]
pub enum Goal<'a> {
    /// Into results in memory.
    Results(&'a Results<'a>),
    /// On, to another process.
    Partials(&'a Finished<'a>),
}

impl<'a> Goal<'a> {
    fn results(&self) -> Option<&'a Results<'a>> {
        match self {
            Goal::Results(results) => Some(results),
            Goal::Partials(_) => None,
        }
    }
}

/// Merges the states of one pass of a stage.
pub struct Collector<'a> {
    stage: &'a Stage,
    kernel: &'a Kernel,
    pass: &'a Pass,
    goal: Goal<'a>,
    /// Per output of the pass.
    gathered: Vec<Mutex<Tiles>>,
    /// Per output of the pass, the tasks that go into one tile.
    tasks_per_tile: Vec<u64>,
    /// What each tile that waits is counted with beside its state.
    beside: u64,
    /// Whether narrow states did not do, so that all that the pass made is worth nothing.
    exceeded: AtomicBool,
    meter: &'a Meter,
}

/// What a worker has not handed over yet: per output of the pass, the tile and the tasks in it.
pub struct Local {
    states: Vec<Box<dyn State>>,
    tiles: Vec<Option<(u64, u64)>>,
}

impl Local {
    /// The states, one per output of the pass.
    pub fn states(&mut self) -> &mut [Box<dyn State>] {
        &mut self.states
    }
}

impl<'a> Collector<'a> {
    /// A collector for a pass.
    pub fn new(
        stage: &'a Stage,
        kernel: &'a Kernel,
        pass: &'a Pass,
        goal: Goal<'a>,
        meter: &'a Meter,
    ) -> Self {
        let tasks = |&o: &usize| -> u64 {
            let landing = kernel.terminals[o].fold.landing();
            let reduced = (0..landing.rank()).filter(|&d| !landing.keeps(d));
            reduced.map(|d| Collector::span(&stage.grid, &pass.window, d).1).product()
        };
        Collector {
            gathered: pass.outputs.iter().map(|_| Mutex::default()).collect(),
            tasks_per_tile: pass.outputs.iter().map(tasks).collect(),
            stage,
            kernel,
            pass,
            goal,
            beside: 0,
            exceeded: AtomicBool::new(false),
            meter,
        }
    }

    /// The same, for tiles of many partials: they are counted with all that each takes.
    pub fn in_pieces(self) -> Self {
        Collector { beside: TILE_BYTES, ..self }
    }

    /// The grid that the pass sees along axis `d`: its first block and how many there are.
    pub fn span(grid: &Grid, window: &Region, d: usize) -> (u64, u64) {
        if window.shape[d] == 0 {
            return (0, 0);
        }
        let first = grid.axes[d].block_of(window.start[d]);
        let last = grid.axes[d].block_of(window.start[d] + window.shape[d] - 1);
        (first, last - first + 1)
    }

    pub(super) fn terminal(&self, i: usize) -> &Terminal {
        &self.kernel.terminals[self.pass.outputs[i]]
    }

    pub(super) fn landing(&self, i: usize) -> &Landing {
        self.terminal(i).fold.landing()
    }

    /// How many tasks go into a tile of output `i` of the pass, and how many of them wait for others: nothing
    /// if no part of it is here.
    pub(super) fn tasks_of(&self, i: usize, tile: u64) -> (u64, Option<u64>) {
        let tiles = self.gathered[i].lock().unwrap_or_else(PoisonError::into_inner);
        (self.tasks_per_tile[i], tiles.get(&tile).map(|(_, tasks)| *tasks))
    }

    /// The number of the tile that a block belongs to.
    fn tile(&self, i: usize, coords: &[u64]) -> u64 {
        let landing = self.landing(i);
        match landing.keeps_any() {
            true => ravel(&landing.kept(coords), &landing.kept(&self.stage.grid.counts())),
            false => 0,
        }
    }

    /// Whether elements of output `i` of the pass may be written where they belong.
    pub fn has_place(&self, i: usize) -> bool {
        self.goal.results().is_some_and(|results| results.holds(self.pass.outputs[i]))
    }

    /// A worker's empty hands.
    pub fn local(&self) -> Local {
        let outputs = self.pass.outputs.len();
        Local { states: (0..outputs).map(|_| Box::new(Nothing) as _).collect(), tiles: vec![None; outputs] }
    }

    /// Whether [`Collector::begin`] would hand over what the worker has added up, because the block belongs
    /// to another tile.
    pub fn moves(&self, local: &Local, coords: &[u64]) -> bool {
        local.tiles.iter().enumerate().any(|(i, at)| match at {
            Some((at, _)) => !self.terminal(i).fold.places() && *at != self.tile(i, coords),
            None => false,
        })
    }

    /// Gets a worker's states ready for a block: hands over what belongs to another tile. If elements
    /// are collected `in_place`, they go to the results themselves.
    ///
    /// # Errors
    /// What finishing a tile fails with.
    pub fn begin<'l>(
        &self,
        local: &'l mut Local,
        coords: &[u64],
        block: &Region,
        in_place: bool,
    ) -> Result<&'l mut [Box<dyn State>]> {
        for i in 0..local.states.len() {
            let terminal = self.terminal(i);
            if terminal.fold.places() {
                let output = self.pass.outputs[i];
                let place = self.goal.results().filter(|r| in_place && r.holds(output));
                // SAFETY: a block belongs to one task, so nobody else has a patch of this region; it is
                // dropped at the next block, or with the worker, and the results outlive both.
                let Some(patch) = place.and_then(|r| unsafe { r.patch(output, block) }) else {
                    // The memory of the block before is used again.
                    if local.states[i].elements().is_none() {
                        local.states[i] = terminal.state(&block.shape)?;
                    }
                    continue;
                };
                if local.states[i].place(patch).is_err() {
                    local.states[i] = terminal.state(&block.shape)?;
                    // SAFETY: as above; the other patch is gone.
                    if let Some(patch) = place.and_then(|r| unsafe { r.patch(output, block) }) {
                        local.states[i].place(patch)?;
                    }
                }
                continue;
            }
            let tile = self.tile(i, coords);
            match &mut local.tiles[i] {
                Some((at, tasks)) if *at == tile => *tasks += 1,
                _ => {
                    self.hand_over(local, i)?;
                    local.states[i] = terminal.state(&block.shape)?;
                    local.tiles[i] = Some((tile, 1));
                }
            }
        }
        Ok(&mut local.states)
    }

    /// Takes what a block has completed: elements that no other block adds to.
    ///
    /// # Errors
    /// What finishing a tile fails with.
    pub fn end(&self, local: &mut Local, coords: &[u64], block: &Region) -> Result<()> {
        for (i, state) in local.states.iter_mut().enumerate() {
            self.check(state.as_ref())?;
            let Some(elements) = state.elements().filter(|_| self.terminal(i).fold.places()) else {
                continue;
            };
            let output = self.pass.outputs[i];
            match self.goal {
                Goal::Results(results) => results.write(output, block, elements)?,
                Goal::Partials(finished) => finished.elements(output, self.tile(i, coords), elements)?,
            }
        }
        Ok(())
    }

    /// Takes all that a worker still has.
    ///
    /// # Errors
    /// What finishing a tile fails with.
    pub fn flush(&self, local: &mut Local) -> Result<()> {
        (0..local.states.len()).try_for_each(|i| self.hand_over(local, i))
    }

    fn hand_over(&self, local: &mut Local, i: usize) -> Result<()> {
        let Some((tile, tasks)) = local.tiles[i].take() else { return Ok(()) };
        let state = std::mem::replace(&mut local.states[i], Box::new(Nothing));
        self.merge(i, tile, tasks, state)
    }

    /// The most bytes that the state of a tile of output `i` of the pass takes.
    pub(super) fn state_bytes(&self, i: usize, tile: u64) -> u64 {
        self.terminal(i).state_bytes(&self.tile_region(i, tile).1)
    }

    /// Merges a state of output `i` of the pass into a tile.
    ///
    /// # Errors
    /// What finishing a tile fails with; `Internal` if the state is of another kind.
    pub(super) fn merge(&self, i: usize, tile: u64, tasks: u64, state: Box<dyn State>) -> Result<()> {
        let all = self.tasks_per_tile[i];
        // A tile that nobody else has a part of need not be looked for.
        if tasks >= all {
            return self.finish_tile(i, tile, state);
        }
        let bytes = self.state_bytes(i, tile).saturating_add(self.beside);
        let whole = {
            let mut tiles = self.gathered[i].lock().unwrap_or_else(PoisonError::into_inner);
            let entry = match tiles.entry(tile) {
                std::collections::btree_map::Entry::Vacant(v) => {
                    self.meter.add(bytes);
                    v.insert((state, tasks))
                }
                std::collections::btree_map::Entry::Occupied(o) => {
                    let entry = o.into_mut();
                    entry.0.merge(&*state)?;
                    entry.1 = entry.1.saturating_add(tasks);
                    entry
                }
            };
            let done = entry.1 >= all;
            done.then(|| tiles.remove(&tile)).flatten()
        };
        match whole {
            Some((state, _)) => {
                let finished = self.finish_tile(i, tile, state);
                self.meter.sub(bytes);
                finished
            }
            None => Ok(()),
        }
    }

    /// Where a tile lies on the kept axes, within the pass' window, and a block of the domain that makes it.
    pub(super) fn tile_region(&self, i: usize, tile: u64) -> (Region, Dims) {
        let landing = self.landing(i);
        let coords = unravel(tile, &landing.kept(&self.stage.grid.counts()));
        let mut kept = coords.iter();
        let mut region = Region { start: Dims::new(), shape: Dims::new() };
        let mut block = Dims::new();
        for (d, axis) in self.stage.grid.axes.iter().enumerate() {
            let coord = if landing.keeps(d) { kept.next() } else { None };
            let Some(&coord) = coord else {
                block.push(1);
                continue;
            };
            let (a, b) = axis.range(coord);
            let (low, len) = (self.pass.window.start[d], self.pass.window.shape[d]);
            let (a, b) = (a.max(low), b.min(low + len));
            region.start.push(a);
            region.shape.push(b.saturating_sub(a));
            block.push(b.saturating_sub(a));
        }
        (region, block)
    }

    /// Whether a narrow state does.
    ///
    /// # Errors
    /// `Internal` if not, for whoever knows that the pass begins again ([`Collector::abandon`]).
    fn check(&self, state: &dyn State) -> Result<()> {
        if self.pass.narrow && state.exceeded() {
            self.exceeded.store(true, Relaxed);
            return Err(Error::new(ErrorKind::Internal, "narrow accumulators do not do for these values"));
        }
        Ok(())
    }

    /// Drops all that was gathered. Gives whether narrow states did not do.
    pub(super) fn abandon(self) -> bool {
        for (i, gathered) in self.gathered.iter().enumerate() {
            for &tile in gathered.lock().unwrap_or_else(PoisonError::into_inner).keys() {
                self.meter.sub(self.state_bytes(i, tile).saturating_add(self.beside));
            }
        }
        self.exceeded.into_inner()
    }

    /// Rounds a tile and hands it on.
    fn finish_tile(&self, i: usize, tile: u64, state: Box<dyn State>) -> Result<()> {
        self.check(state.as_ref())?;
        let output = self.pass.outputs[i];
        let (region, block) = self.tile_region(i, tile);
        let state = match self.goal {
            Goal::Results(results) => {
                let bytes = || self.terminal(i).state_bytes(&block);
                match results.gather_on(output, tile, state, (&bytes, self.meter))? {
                    Some(state) => state,
                    None => return Ok(()),
                }
            }
            Goal::Partials(_) => state,
        };
        let (made, notes) = state.finish().at("operation", &self.stage.outputs[output].label)?;
        match self.goal {
            Goal::Results(results) => results.place(output, region, made, &notes),
            Goal::Partials(finished) => finished.take(output, tile, region.len(), made, &notes),
        }
    }

    /// Finishes what no task could: folds of nothing.
    ///
    /// # Errors
    /// What folds say about empty input; `Internal` if a tile lacks tasks.
    pub fn finish(&self) -> Result<()> {
        let Some(results) = self.goal.results() else { return Ok(()) };
        let domain = self.stage.grid.shape();
        for (i, gathered) in self.gathered.iter().enumerate() {
            if !gathered.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return Err(Error::new(ErrorKind::Internal, "a tile was left unfinished"));
            }
            if domain.contains(&0) && !self.terminal(i).fold.places() {
                let output = self.pass.outputs[i];
                let state = self.terminal(i).state(&domain)?;
                let (made, notes) = state.finish().at("operation", &self.stage.outputs[output].label)?;
                let kept = self.landing(i).kept(&domain);
                results.place(output, Region::whole(&kept), made, &notes)?;
            }
        }
        Ok(())
    }

    /// All tiles, for another process: those that are finished, and the states of the others. `fits` says
    /// whether there is room for so many bytes more.
    ///
    /// # Errors
    /// What `fits` says; `Internal` if a state cannot be written.
    pub fn into_partials(self, fits: &dyn Fn(u64) -> Result<()>) -> Result<Vec<PartialOutput>> {
        let Goal::Partials(finished) = self.goal else {
            return Err(Error::new(ErrorKind::Internal, "results are no partials"));
        };
        let mut outputs = Vec::new();
        for (i, gathered) in self.gathered.iter().enumerate() {
            let all = self.tasks_per_tile[i];
            let mut output = finished.output(self.pass.outputs[i], all);
            let open = std::mem::take(&mut *gathered.lock().unwrap_or_else(PoisonError::into_inner));
            for (tile, (state, tasks)) in open {
                let bytes = self.state_bytes(i, tile);
                fits(written_bytes(bytes))?;
                let mut written = state.write()?;
                written.shrink_to_fit();
                drop(state);
                self.meter.add(written.len() as u64);
                self.meter.sub(bytes);
                output.tiles.push(PartialTile { tile, tasks, holds: Gathered::State(StateBytes(written)) });
            }
            // Two ascending runs.
            output.tiles.sort_by_key(|t| t.tile);
            outputs.push(output);
        }
        Ok(outputs)
    }
}
