//! Merging: what workers have gathered becomes values.
//!
//! A fold's output is cut into tiles, one per block of the axes that it keeps. A worker adds up
//! the tile it is at by itself and hands it over when it moves on; a tile whose tasks are all done is
//! finished, rounded once, written into the result and forgotten. Sums are exact and other folds do
//! not depend on order, so it does not matter who comes first.

use super::budget::Meter;
use super::value::{ArrayValue, Value};
use super::wire::{PartialOutput, PartialTile, StateBytes};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, Grid, Region, ravel, unravel};
use crate::ops::fold::{Landing, Made, Notes, Nothing, State};
use crate::ops::kernel::{Kernel, Terminal};
use crate::ops::shared::SharedArray;
use crate::plan::{Pass, Stage, ValueId, ValueSpec};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What was noted about the outputs of these numbers, and of how many elements.
pub type Noted = BTreeMap<(usize, &'static str), u64>;

/// Results under way of one stage, for all its passes.
pub struct Results<'o> {
    arrays: Vec<Option<SharedArray<'o>>>,
    histograms: Vec<Mutex<Option<Value>>>,
    /// Which are handed on in blocks and held nowhere.
    streamed: Vec<bool>,
    notes: Mutex<Noted>,
}

/// Results that are written to memory of the caller's, which nobody counts.
pub type Lent<'o> = BTreeMap<ValueId, SharedArray<'o>>;

impl<'o> Results<'o> {
    /// Room for the values of a stage, but for those that have theirs in `lent` and those that are
    /// `streamed`.
    ///
    /// # Errors
    /// `Budget` if the system does not give the memory.
    pub fn new(
        stage: &Stage,
        values: &[ValueSpec],
        lent: &mut Lent<'o>,
        streamed: &[ValueId],
        meter: &Meter,
    ) -> Result<Self> {
        let arrays = stage
            .outputs
            .iter()
            .map(|o| {
                let v = &values[o.value];
                if v.histogram || streamed.contains(&o.value) {
                    return Ok(None);
                }
                if let Some(array) = lent.remove(&o.value) {
                    let fits = array.dtype() == v.dtype && array.shape() == v.shape.as_slice();
                    let alien = || Error::new(ErrorKind::Internal, "lent memory does not fit its value");
                    return fits.then_some(Some(array)).ok_or_else(alien);
                }
                let bytes = v.bytes();
                let none = || {
                    let bytes = crate::size::human_bytes(bytes);
                    Error::new(ErrorKind::Budget, format!("the system has no {bytes} for a result"))
                        .at("operation", &o.label)
                        .hint("lower the budget (--memory) to what the machine has")
                };
                let array = SharedArray::try_zeroed(v.dtype, &v.shape).ok_or_else(none)?;
                meter.add(bytes);
                Ok(Some(array))
            })
            .collect::<Result<_>>()?;
        Ok(Results {
            arrays,
            histograms: stage.outputs.iter().map(|_| Mutex::new(None)).collect(),
            streamed: stage.outputs.iter().map(|o| streamed.contains(&o.value)).collect(),
            notes: Mutex::default(),
        })
    }

    /// The values, but for those in lent memory and those that are streamed, and what was noted, by the number
    /// of the output.
    ///
    /// # Errors
    /// `Internal` if a value was never made.
    pub fn finish(self) -> Result<(Vec<Option<Value>>, Noted)> {
        let mut out = Vec::new();
        let each = self.arrays.into_iter().zip(self.histograms).zip(self.streamed);
        for ((array, histogram), streamed) in each {
            out.push(match array {
                None if streamed => None,
                Some(array) => {
                    let (dtype, shape) = (array.dtype(), array.shape().into());
                    array.into_buffer().map(|data| Value::Array(ArrayValue::new(dtype, shape, data)))
                }
                None => Some(
                    histogram
                        .into_inner()
                        .unwrap_or_else(PoisonError::into_inner)
                        .ok_or_else(|| Error::new(ErrorKind::Internal, "a histogram was never finished"))?,
                ),
            });
        }
        Ok((out, self.notes.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    fn write(&self, output: usize, region: &Region, elements: &[u8]) {
        if let Some(array) = &self.arrays[output] {
            // SAFETY: a block belongs to one task and a tile is finished once, so nobody else has a patch of
            // this region.
            unsafe { array.write(region, elements) };
        }
    }

    /// Takes what a tile has become: the elements of a region, or a histogram.
    fn take(&self, output: usize, region: &Region, made: Made, notes: &Notes) {
        match made {
            Made::Elements(elements) => self.write(output, region, &elements),
            Made::Histogram(h) => {
                *self.histograms[output].lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Value::Histogram(h));
            }
            Made::Placed => {}
        }
        if !notes.is_empty() {
            let mut all = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            for note in notes {
                let count = all.entry((output, note.text)).or_default();
                *count = count.saturating_add(note.count);
            }
        }
    }
}

/// States that wait for the rest of their tile, by its number, and how many tasks each holds.
type Tiles = BTreeMap<u64, (Box<dyn State>, u64)>;

/// Merges the states of one pass of a stage.
pub struct Collector<'a> {
    stage: &'a Stage,
    kernel: &'a Kernel,
    pass: &'a Pass,
    results: Option<&'a Results<'a>>,
    /// Per output of the pass.
    gathered: Vec<Mutex<Tiles>>,
    /// Per output of the pass, the tasks that go into one tile.
    tasks_per_tile: Vec<u64>,
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
    /// A collector that finishes into `results`, or, without any, keeps states for another process.
    pub fn new(
        stage: &'a Stage,
        kernel: &'a Kernel,
        pass: &'a Pass,
        results: Option<&'a Results<'a>>,
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
            results,
            meter,
        }
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

    fn terminal(&self, i: usize) -> &Terminal {
        &self.kernel.terminals[self.pass.outputs[i]]
    }

    fn landing(&self, i: usize) -> &Landing {
        self.terminal(i).fold.landing()
    }

    /// The number of the tile that a block belongs to.
    fn tile(&self, i: usize, coords: &[u64]) -> u64 {
        let landing = self.landing(i);
        match landing.keeps_any() {
            true => ravel(&landing.kept(coords), &landing.kept(&self.stage.grid.counts())),
            false => 0,
        }
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
                let place = self.results.filter(|_| in_place);
                let Some(Some(array)) = place.map(|results| &results.arrays[self.pass.outputs[i]]) else {
                    // The memory of the block before is used again.
                    if local.states[i].elements().is_none() {
                        local.states[i] = terminal.state(&block.shape)?;
                    }
                    continue;
                };
                // SAFETY: a block belongs to one task, so nobody else has a patch of this region; it is
                // dropped at the next block, or with the worker, and the results outlive both.
                let patch = unsafe { array.patch(block) };
                if local.states[i].place(patch).is_err() {
                    local.states[i] = terminal.state(&block.shape)?;
                    // SAFETY: as above; the other patch is gone.
                    local.states[i].place(unsafe { array.patch(block) })?;
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
            let Some(elements) = state.elements().filter(|_| self.terminal(i).fold.places()) else {
                continue;
            };
            match self.results {
                Some(results) => results.write(self.pass.outputs[i], block, elements),
                None => {
                    let state = std::mem::replace(state, Box::new(Nothing));
                    self.merge(i, self.tile(i, coords), 1, state)?;
                }
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

    /// Merges a state of output `i` of the pass into a tile.
    ///
    /// # Errors
    /// What finishing a tile fails with; `Internal` if the state is of another kind.
    fn merge(&self, i: usize, tile: u64, tasks: u64, state: Box<dyn State>) -> Result<()> {
        let all = self.tasks_per_tile[i];
        // A tile that nobody else has a part of need not be looked for.
        if self.results.is_some() && tasks >= all {
            return self.finish_tile(i, tile, state);
        }
        let bytes = self.terminal(i).state_bytes(&self.tile_region(i, tile).1);
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
            let done = self.results.is_some() && entry.1 >= all;
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

    /// Takes in what another process has gathered for output `i` from the tasks in `ranges`.
    ///
    /// # Errors
    /// `Value` if it is not what such tasks make; otherwise what finishing a tile fails with.
    pub fn take(&self, i: usize, output: PartialOutput, ranges: &[(u64, u64)]) -> Result<()> {
        let wrong = |what: String| Error::new(ErrorKind::Value, format!("a partial {what}"));
        let landing = self.landing(i);
        let tiles_in_all: u64 = landing.kept(&self.stage.grid.counts()).iter().product();
        let mut left = ranges.iter().fold(0u64, |n, r| n.saturating_add(r.1.saturating_sub(r.0)));
        let mut last = None;
        for PartialTile { tile, tasks, state } in output.tiles {
            if tile >= tiles_in_all {
                return Err(wrong(format!("has the tile {tile} of {tiles_in_all}")));
            }
            if last.replace(tile).is_some_and(|last| last >= tile) {
                return Err(wrong(format!("has the tile {tile} out of order")));
            }
            // Where every axis is kept, a tile is a task.
            let own = |tile: u64| ranges.iter().any(|r| (r.0..r.1).contains(&tile));
            if landing.keeps_all() && (tasks != 1 || !own(tile)) {
                return Err(wrong("has other blocks than its tasks make".into()));
            }
            let (_, block) = self.tile_region(i, tile);
            let state = self.terminal(i).ready.read(&block, &state.0);
            let state = state.map_err(|e| wrong(format!("has a damaged tile {tile}")).caused_by(e))?;
            left = left.checked_sub(tasks).ok_or_else(|| wrong("counts more tasks than it has".into()))?;
            self.merge(i, tile, tasks, state)?;
        }
        match left {
            0 => Ok(()),
            left => Err(wrong(format!("lacks the tiles of {left} of its tasks"))),
        }
    }

    /// Where a tile lies on the kept axes, within the pass' window, and a block of the domain that makes it.
    fn tile_region(&self, i: usize, tile: u64) -> (Region, Dims) {
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

    /// Rounds a tile and writes it into the result.
    fn finish_tile(&self, i: usize, tile: u64, state: Box<dyn State>) -> Result<()> {
        let (region, _) = self.tile_region(i, tile);
        self.finish_state(i, region, state)
    }

    /// Rounds what goes to a region of the kept axes, and to all of the fold's own.
    fn finish_state(&self, i: usize, mut region: Region, state: Box<dyn State>) -> Result<()> {
        let Some(results) = self.results else { return Ok(()) };
        let output = self.pass.outputs[i];
        let (made, notes) = state.finish().at("operation", &self.stage.outputs[output].label)?;
        if let (Made::Elements(elements), Some(array)) = (&made, &results.arrays[output]) {
            for &n in &array.shape()[region.shape.len()..] {
                region.start.push(0);
                region.shape.push(n);
            }
            if elements.len() as u64 != region.len() * array.dtype().size() as u64 {
                return Err(Error::new(ErrorKind::Internal, "a tile does not fill its region"));
            }
        }
        results.take(output, &region, made, &notes);
        Ok(())
    }

    /// Finishes what no task could: folds of nothing.
    ///
    /// # Errors
    /// What folds say about empty input; `Internal` if a tile lacks tasks.
    pub fn finish(self) -> Result<()> {
        let domain = self.stage.grid.shape();
        for (i, gathered) in self.gathered.iter().enumerate() {
            if self.results.is_some() && !gathered.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return Err(Error::new(ErrorKind::Internal, "a tile was left unfinished"));
            }
            if domain.contains(&0) && !self.terminal(i).fold.places() {
                let kept = self.landing(i).kept(&domain);
                self.finish_state(i, Region::whole(&kept), self.terminal(i).state(&domain)?)?;
            }
        }
        Ok(())
    }

    /// The states themselves, for another process.
    ///
    /// # Errors
    /// `Internal` if one cannot be written.
    pub fn into_partials(self) -> Result<Vec<PartialOutput>> {
        let output = |tiles: Mutex<Tiles>| {
            let tiles = tiles.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
            let tiles = tiles.map(|(tile, (state, tasks))| {
                Ok(PartialTile { tile, tasks, state: StateBytes(state.write()?) })
            });
            Ok(PartialOutput { tiles: tiles.collect::<Result<_>>()? })
        };
        self.gathered.into_iter().map(output).collect()
    }
}
