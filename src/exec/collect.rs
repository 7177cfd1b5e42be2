//! Merging: what workers have gathered becomes values.
//!
//! A reduction's output is cut into tiles, one per block of the axes that are kept. A worker adds up
//! the tile it is at by itself and hands it over when it moves on; a tile whose tasks are all done is
//! finished, rounded once, written into the result and forgotten. Sums are exact and other rows do
//! not depend on order, so it does not matter who comes first.

use super::budget::Meter;
use super::value::{ArrayValue, Value};
use crate::buffer::Buffer;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, Grid, Region, ravel, unravel};
use crate::ops::kernel::{Kernel, Partial, Terminal, kept};
use crate::ops::reduce::{Notes, State as ReduceState};
use crate::ops::shared::SharedArray;
use crate::plan::{Pass, Stage, ValueId, ValueSpec};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a row noted about the output of this number.
pub type Noted = (usize, Notes);

/// Results under way of one stage, for all its passes.
pub struct Results<'o> {
    arrays: Vec<Option<SharedArray<'o>>>,
    histograms: Vec<Mutex<Option<Value>>>,
    /// Which are handed on in blocks and held nowhere.
    streamed: Vec<bool>,
    notes: Mutex<Vec<Noted>>,
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

    /// The values, but for those in lent memory and those that are streamed, and what rows noted, by the number of the output.
    ///
    /// # Errors
    /// `Internal` if a value was never made.
    pub fn finish(self) -> Result<(Vec<Option<Value>>, Vec<Noted>)> {
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
            // SAFETY: a block belongs to one task and a tile is finished once, so nobody else
            // has a patch of this region.
            unsafe { array.write(region, elements) };
        }
    }
}

/// A tile of accumulators, and how many tasks it holds.
pub type Tiles = BTreeMap<u64, (ReduceState, u64)>;

/// What is kept of partials until they are finished, per output.
enum Gathered {
    Blocks(Mutex<Vec<(u64, ArrayValue)>>),
    Tiles(Mutex<Tiles>),
    Histogram(Mutex<Option<Partial>>),
}

/// Merges the partials of one pass of a stage.
pub struct Collector<'a> {
    stage: &'a Stage,
    kernel: &'a Kernel,
    pass: &'a Pass,
    results: Option<&'a Results<'a>>,
    gathered: Vec<Gathered>,
    meter: &'a Meter,
}

/// What a worker has not handed over yet: per output of the pass, the tile and the tasks in it.
pub struct Local {
    partials: Vec<Partial>,
    tiles: Vec<Option<(u64, u64, Dims)>>,
}

impl Local {
    /// The partials, one per output of the pass.
    pub fn partials(&mut self) -> &mut [Partial] {
        &mut self.partials
    }
}

impl<'a> Collector<'a> {
    /// A collector that finishes into `results`, or, without any, keeps partials for another process.
    pub fn new(
        stage: &'a Stage,
        kernel: &'a Kernel,
        pass: &'a Pass,
        results: Option<&'a Results<'a>>,
        meter: &'a Meter,
    ) -> Self {
        let gathered = pass
            .outputs
            .iter()
            .map(|&o| match &kernel.terminals[o] {
                Terminal::Collect { .. } => Gathered::Blocks(Mutex::default()),
                Terminal::Reduce { .. } => Gathered::Tiles(Mutex::default()),
                Terminal::Histogram { .. } => Gathered::Histogram(Mutex::default()),
            })
            .collect();
        Collector { stage, kernel, pass, results, gathered, meter }
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

    /// Tasks of the pass that go into one tile.
    fn tasks_per_tile(&self, reduced: &[bool]) -> u64 {
        (0..reduced.len())
            .filter(|&d| reduced[d])
            .map(|d| Collector::span(&self.stage.grid, &self.pass.window, d).1)
            .product()
    }

    /// The number of the tile that a block belongs to.
    fn tile(&self, reduced: &[bool], coords: &[u64]) -> u64 {
        let counts = self.stage.grid.counts();
        ravel(&kept(coords, reduced), &kept(&counts, reduced))
    }

    /// A worker's empty hands.
    pub fn local(&self) -> Local {
        let partials = (0..self.pass.outputs.len()).map(|_| Partial::Collect(Buffer::new())).collect();
        Local { partials, tiles: vec![None; self.pass.outputs.len()] }
    }

    /// Whether [`Collector::begin`] would hand over what the worker has, because the block belongs to
    /// another tile.
    pub fn moves(&self, local: &Local, coords: &[u64]) -> bool {
        local.tiles.iter().enumerate().any(|(i, at)| match (at, self.terminal(i)) {
            (Some((at, ..)), Terminal::Reduce { reduced, .. }) => *at != self.tile(reduced, coords),
            _ => false,
        })
    }

    /// Gets a worker's partials ready for a block: hands over what belongs to another tile. If elements
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
    ) -> Result<&'l mut [Partial]> {
        for i in 0..local.partials.len() {
            let terminal = self.terminal(i);
            let (tile, shape) = match terminal {
                Terminal::Collect { .. } => {
                    let place = self.results.filter(|_| in_place).map(|r| &r.arrays[self.pass.outputs[i]]);
                    if let Some(Some(array)) = place {
                        // SAFETY: a block belongs to one task, so nobody else has a patch of this region;
                        // it is dropped in `end`, or with the worker, and the results outlive both.
                        local.partials[i] = Partial::Placed(unsafe { array.patch(block) });
                    }
                    continue;
                }
                Terminal::Reduce { reduced, .. } => (self.tile(reduced, coords), kept(&block.shape, reduced)),
                Terminal::Histogram { .. } => (0, Dims::new()),
            };
            match &mut local.tiles[i] {
                Some((at, tasks, _)) if *at == tile => *tasks += 1,
                _ => {
                    self.hand_over(local, i)?;
                    local.partials[i] = terminal.partial(&block.shape)?;
                    local.tiles[i] = Some((tile, 1, shape));
                }
            }
        }
        Ok(&mut local.partials)
    }

    /// Takes what a block has completed: its collected elements.
    pub fn end(&self, local: &mut Local, coords: &[u64], block: &Region) {
        for (i, partial) in local.partials.iter_mut().enumerate() {
            if let Partial::Placed(_) = partial {
                *partial = Partial::Collect(Buffer::new());
                continue;
            }
            let (Partial::Collect(buffer), Gathered::Blocks(blocks)) = (partial, &self.gathered[i]) else {
                continue;
            };
            let output = self.pass.outputs[i];
            match self.results {
                Some(results) => results.write(output, block, buffer),
                None => {
                    let Terminal::Collect { from } = self.terminal(i) else { continue };
                    let dtype = self.kernel.program.dtype(self.kernel.program.outputs[*from]);
                    let array = ArrayValue::new(dtype, block.shape.clone(), buffer.clone());
                    let task = ravel(coords, &self.stage.grid.counts());
                    blocks.lock().unwrap_or_else(PoisonError::into_inner).push((task, array));
                }
            }
        }
    }

    /// Takes all that a worker still has.
    ///
    /// # Errors
    /// What finishing a tile fails with.
    pub fn flush(&self, local: &mut Local) -> Result<()> {
        (0..local.partials.len()).try_for_each(|i| self.hand_over(local, i))
    }

    fn hand_over(&self, local: &mut Local, i: usize) -> Result<()> {
        let Some((tile, tasks, _)) = local.tiles[i].take() else { return Ok(()) };
        let partial = std::mem::replace(&mut local.partials[i], Partial::Collect(Buffer::new()));
        self.merge(i, tile, tasks, partial)
    }

    /// Merges a partial of output `i` of the pass into a tile.
    ///
    /// # Errors
    /// What finishing a tile fails with; `Internal` if the partial is of another kind.
    pub fn merge(&self, i: usize, tile: u64, tasks: u64, partial: Partial) -> Result<()> {
        let alien = || Error::new(ErrorKind::Internal, "a partial does not belong to its output");
        match (&self.gathered[i], partial) {
            (Gathered::Tiles(tiles), Partial::Reduce(state)) => {
                let Terminal::Reduce { reduced, spec, .. } = self.terminal(i) else { return Err(alien()) };
                let bytes = spec.bytes_per_output().saturating_mul(state.outputs() as u64);
                let whole = {
                    let mut tiles = tiles.lock().unwrap_or_else(PoisonError::into_inner);
                    let entry = match tiles.entry(tile) {
                        std::collections::btree_map::Entry::Vacant(v) => {
                            self.meter.add(bytes);
                            v.insert((*state, tasks))
                        }
                        std::collections::btree_map::Entry::Occupied(o) => {
                            let entry = o.into_mut();
                            if entry.0.outputs() != state.outputs() || entry.0.spec() != state.spec() {
                                return Err(alien());
                            }
                            entry.0.merge(&state);
                            entry.1 = entry.1.saturating_add(tasks);
                            entry
                        }
                    };
                    let done = self.results.is_some() && entry.1 >= self.tasks_per_tile(reduced);
                    done.then(|| tiles.remove(&tile)).flatten()
                };
                match whole {
                    Some((state, _)) => {
                        let finished = self.finish_tile(i, tile, &state);
                        self.meter.sub(bytes);
                        finished
                    }
                    None => Ok(()),
                }
            }
            (Gathered::Histogram(merged), partial @ Partial::Histogram(_)) => {
                let mut merged = merged.lock().unwrap_or_else(PoisonError::into_inner);
                match merged.as_mut() {
                    None => *merged = Some(partial),
                    Some(all) => all.merge(&partial)?,
                }
                Ok(())
            }
            _ => Err(alien()),
        }
    }

    /// Takes in what another process has gathered for output `i` from the tasks in `ranges`.
    ///
    /// # Errors
    /// `Value` if it is not what such tasks make; otherwise as [`Collector::merge`].
    pub fn take(&self, i: usize, output: PartialOutput, ranges: &[(u64, u64)]) -> Result<()> {
        let wrong = |what: String| Error::new(ErrorKind::Value, format!("a partial {what}"));
        let counts = self.stage.grid.counts();
        let tasks = ranges.iter().fold(0u64, |n, r| n.saturating_add(r.1.saturating_sub(r.0)));
        match (output, self.terminal(i)) {
            (PartialOutput::Tiles(tiles), Terminal::Reduce { reduced, spec, .. }) => {
                let tile_counts = kept(&counts, reduced);
                let tiles_in_all: u64 = tile_counts.iter().product();
                let mut left = tasks;
                for (tile, tasks, state) in tiles {
                    if tile >= tiles_in_all {
                        return Err(wrong(format!("has the tile {tile} of {tiles_in_all}")));
                    }
                    let coords = unravel(tile, &tile_counts);
                    let axes = self.stage.grid.axes.iter().zip(reduced).filter(|(_, r)| !**r);
                    let outputs: u64 =
                        axes.zip(&coords).map(|((a, _), &k)| a.range(k).1 - a.range(k).0).product();
                    if state.spec() != spec || state.outputs() as u64 != outputs {
                        return Err(wrong(format!("has a tile {tile} of another reduction")));
                    }
                    left = left
                        .checked_sub(tasks)
                        .ok_or_else(|| wrong("counts more tasks than it has".into()))?;
                    self.merge(i, tile, tasks, Partial::Reduce(Box::new(state)))?;
                }
                if left > 0 {
                    return Err(wrong(format!("lacks the tiles of {left} of its tasks")));
                }
                Ok(())
            }
            // That the bins are those of this histogram is checked when they are finished.
            (PartialOutput::Histogram(state), Terminal::Histogram { .. }) => match state {
                Some(state) => self.merge(i, 0, 0, Partial::Histogram(Box::new(state))),
                None if tasks == 0 => Ok(()),
                None => Err(wrong("lacks the bins of its tasks".into())),
            },
            (PartialOutput::Blocks(blocks), Terminal::Collect { from }) => {
                let dtype = self.kernel.program.dtype(self.kernel.program.outputs[*from]);
                let mut seen: Vec<u64> = blocks.iter().map(|b| b.0).collect();
                seen.sort_unstable();
                seen.dedup();
                let has = |task: u64| ranges.iter().any(|r| (r.0..r.1).contains(&task));
                if seen.len() as u64 != tasks || seen.len() != blocks.len() || !seen.iter().all(|&t| has(t)) {
                    return Err(wrong("has other blocks than its tasks make".into()));
                }
                for (task, array) in blocks {
                    let region = self.stage.grid.region(&unravel(task, &counts));
                    if array.dtype() != dtype || array.shape() != region.shape.as_slice() {
                        return Err(wrong(format!("has a block of task {task} of another shape or dtype")));
                    }
                    if let Some(results) = self.results {
                        results.write(self.pass.outputs[i], &region, array.bytes());
                    }
                }
                Ok(())
            }
            _ => Err(wrong("is of another kind than its output".into())),
        }
    }

    /// Rounds a tile and writes it into the result.
    fn finish_tile(&self, i: usize, tile: u64, state: &ReduceState) -> Result<()> {
        let (Some(results), Terminal::Reduce { reduced, spec, .. }) = (self.results, self.terminal(i)) else {
            return Ok(());
        };
        let output = self.pass.outputs[i];
        let counts = kept(&self.stage.grid.counts(), reduced);
        let coords = unravel(tile, &counts);
        let mut k = 0;
        let mut region = Region { start: Dims::new(), shape: Dims::new() };
        for (d, axis) in self.stage.grid.axes.iter().enumerate() {
            if !reduced[d] {
                let (a, b) = axis.range(coords[k]);
                let (lo, hi) =
                    (self.pass.window.start[d], self.pass.window.start[d] + self.pass.window.shape[d]);
                let (a, b) = (a.max(lo), b.min(hi));
                region.start.push(a);
                region.shape.push(b - a);
                k += 1;
            }
        }
        self.finish_state(results, output, spec.out_dtype(), &region, state)
    }

    fn finish_state(
        &self,
        results: &Results,
        output: usize,
        dtype: crate::DType,
        region: &Region,
        state: &ReduceState,
    ) -> Result<()> {
        let mut out = Buffer::zeroed(region.len() as usize * dtype.size());
        let notes = state.finish(&mut out).at("operation", &self.stage.outputs[output].label)?;
        results.write(output, region, &out);
        if notes != Notes::default() {
            results.notes.lock().unwrap_or_else(PoisonError::into_inner).push((output, notes));
        }
        Ok(())
    }

    /// Finishes what is not tied to a tile: histograms, and reductions of nothing.
    ///
    /// # Errors
    /// What rows say about empty input; `Overflow` of integer weights; `Internal` if a tile lacks tasks.
    pub fn finish(self) -> Result<()> {
        let Some(results) = self.results else { return Ok(()) };
        let domain = self.stage.grid.shape();
        for (i, gathered) in self.gathered.iter().enumerate() {
            let output = self.pass.outputs[i];
            match (gathered, self.terminal(i)) {
                (Gathered::Tiles(tiles), Terminal::Reduce { reduced, spec, .. }) => {
                    if !tiles.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                        return Err(Error::new(ErrorKind::Internal, "a tile was left unfinished"));
                    }
                    if domain.contains(&0) {
                        let shape = kept(&domain, reduced);
                        let outputs = shape.iter().product::<u64>() as usize;
                        let state = ReduceState::new(spec, outputs);
                        self.finish_state(results, output, spec.out_dtype(), &Region::whole(&shape), &state)?;
                    }
                }
                (Gathered::Histogram(merged), terminal @ Terminal::Histogram { spec, .. }) => {
                    let merged = merged.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let partial = match merged {
                        Some(partial) => partial,
                        None => terminal.partial(&[])?,
                    };
                    if let Partial::Histogram(state) = partial {
                        let h = state.finish(spec).at("operation", &self.stage.outputs[output].label)?;
                        *results.histograms[output].lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(Value::Histogram(Arc::new(h)));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The partials themselves, for another process.
    pub fn into_partials(self) -> Vec<PartialOutput> {
        self.gathered
            .into_iter()
            .map(|g| match g {
                Gathered::Blocks(blocks) => {
                    let mut blocks = blocks.into_inner().unwrap_or_else(PoisonError::into_inner);
                    blocks.sort_by_key(|b| b.0);
                    PartialOutput::Blocks(blocks)
                }
                Gathered::Tiles(tiles) => PartialOutput::Tiles(
                    tiles
                        .into_inner()
                        .unwrap_or_else(PoisonError::into_inner)
                        .into_iter()
                        .map(|(tile, (state, tasks))| (tile, tasks, state))
                        .collect(),
                ),
                Gathered::Histogram(h) => {
                    PartialOutput::Histogram(match h.into_inner().unwrap_or_else(PoisonError::into_inner) {
                        Some(Partial::Histogram(state)) => Some(*state),
                        _ => None,
                    })
                }
            })
            .collect()
    }
}

/// What one process has gathered for one output of a stage.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub enum PartialOutput {
    /// Collected blocks: the task and its elements.
    Blocks(Vec<(u64, ArrayValue)>),
    /// Accumulators: the tile, how many tasks it holds, and the sums.
    Tiles(Vec<(u64, u64, ReduceState)>),
    /// Bins.
    Histogram(Option<crate::ops::histogram::State>),
}
