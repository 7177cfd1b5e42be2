//! Tiles that are finished where their tasks ran, on their way to another process.

use super::budget::Meter;
use super::wire::{Gathered, PartialOutput, PartialTile, StateBytes, TILE_BYTES, TileNote};
use crate::buffer::little_endian;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::fold::{Made, Notes, SharedFold};
use crate::plan::Stage;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a tile of an output becomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// The dtype of its elements.
    pub(super) dtype: DType,
    /// Whether it is a histogram.
    pub(super) histogram: bool,
    /// Elements per position on the kept axes: those of the fold's own axes.
    own: u64,
}

impl Form {
    /// Of a fold over a domain.
    pub(super) fn of(fold: &SharedFold, domain: &[u64]) -> Form {
        let makes = fold.makes(domain);
        let kept = fold.landing().kept(domain).len();
        let own = makes.shape.iter().skip(kept).fold(1, |n: u64, &d| n.saturating_mul(d));
        Form { dtype: makes.dtype, histogram: makes.histogram, own }
    }

    /// The bytes of the elements of so many positions on the kept axes. Of a histogram, the most that
    /// its bins come to.
    pub(super) fn bytes(&self, positions: u64) -> u64 {
        // A histogram has a count and a sum per bin, and a few counts beside.
        let each = if self.histogram { 20 } else { self.dtype.size() as u64 };
        let beside = if self.histogram { 128 } else { 0 };
        positions.saturating_mul(self.own).saturating_mul(each).saturating_add(beside)
    }
}

/// Finished tiles, of the outputs of a stage.
pub struct Finished<'a> {
    outputs: Vec<(Form, Mutex<Output>)>,
    meter: &'a Meter,
}

#[derive(Default)]
struct Output {
    tiles: BTreeMap<u64, StateBytes>,
    notes: BTreeMap<String, u64>,
}

impl<'a> Finished<'a> {
    /// Nothing is finished yet.
    pub fn new(stage: &Stage, meter: &'a Meter) -> Finished<'a> {
        let domain = stage.grid.shape();
        let form = |fold| (Form::of(fold, &domain), Mutex::default());
        Finished { outputs: stage.outputs.iter().map(|o| form(&o.fold)).collect(), meter }
    }

    fn lock(&self, output: usize) -> MutexGuard<'_, Output> {
        self.outputs[output].1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a tile is there.
    pub fn has(&self, output: usize, tile: u64) -> bool {
        self.lock(output).tiles.contains_key(&tile)
    }

    /// Takes a tile as it travels.
    ///
    /// # Errors
    /// `Internal` if it is there already.
    pub fn put(&self, output: usize, tile: u64, bytes: StateBytes) -> Result<()> {
        self.meter.add((bytes.0.len() as u64).saturating_add(TILE_BYTES));
        match self.lock(output).tiles.insert(tile, bytes) {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Internal, "a tile was finished twice")),
        }
    }

    /// Takes the elements of a tile.
    ///
    /// # Errors
    /// As [`Finished::put`].
    pub fn elements(&self, output: usize, tile: u64, elements: &[u8]) -> Result<()> {
        let mut bytes = elements.to_vec();
        little_endian(&mut bytes, self.outputs[output].0.dtype.size());
        self.put(output, tile, StateBytes(bytes))
    }

    /// Takes what a tile of so many positions on the kept axes has become.
    ///
    /// # Errors
    /// As [`Finished::put`]; `Internal` if elements do not fill the tile.
    pub fn take(&self, output: usize, tile: u64, positions: u64, made: Made, notes: &Notes) -> Result<()> {
        let internal = |what| Error::new(ErrorKind::Internal, what);
        notes.iter().for_each(|note| self.note(output, note.text, note.count));
        match made {
            Made::Elements(elements) => {
                if elements.len() as u64 != self.outputs[output].0.bytes(positions) {
                    return Err(internal("a tile does not fill its region"));
                }
                self.elements(output, tile, &elements)
            }
            Made::Histogram(h) => self.put(output, tile, StateBytes(h.write()?)),
            Made::Placed => Err(internal("elements that are in a result already cannot be sent")),
        }
    }

    /// Takes what was noted of tiles of an output.
    pub fn note(&self, output: usize, text: &str, count: u64) {
        let mut output = self.lock(output);
        let all = output.notes.entry(text.to_string()).or_default();
        *all = all.saturating_add(count);
    }

    /// What was noted, by the number of the output.
    pub fn noted(&self) -> BTreeMap<(usize, String), u64> {
        let of = |o: usize| {
            let notes = self.lock(o).notes.clone();
            notes.into_iter().map(move |(text, count)| ((o, text), count))
        };
        (0..self.outputs.len()).flat_map(of).collect()
    }

    /// All that an output has, where so many tasks go into a tile.
    pub fn output(&self, output: usize, tasks: u64) -> PartialOutput {
        let Output { tiles, notes } = std::mem::take(&mut *self.lock(output));
        let finished = |(tile, bytes)| PartialTile { tile, tasks, holds: Gathered::Finished(bytes) };
        PartialOutput {
            tiles: tiles.into_iter().map(finished).collect(),
            notes: notes.into_iter().map(|(text, count)| TileNote { text, count }).collect(),
        }
    }
}
