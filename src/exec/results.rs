//! The results of a stage under way: memory for what is held, and what waits where stages run window by window.

use super::budget::Meter;
use super::value::{ArrayValue, Value};
use super::window::Window;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::Region;
use crate::ops::fold::{Made, Notes, State};
use crate::ops::shared::{Patch, SharedArray};
use crate::plan::{Spill, Stage, ValueId, ValueSpec, Windowed};
use crate::source::spill::SpillSource;
use crate::source::{ReadStats, Source};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was noted about the outputs of these numbers, and of how many elements.
pub type Noted = BTreeMap<(usize, &'static str), u64>;

/// Results under way of one stage, for all its passes.
pub struct Results<'o> {
    arrays: Vec<Option<SharedArray<'o>>>,
    histograms: Vec<Mutex<Option<Value>>>,
    /// Which are handed on in blocks and held nowhere, or held one window at a time.
    elsewhere: Vec<bool>,
    /// The temporary stores of those that are spilled, and what counts their bytes.
    stores: Vec<Option<Arc<SpillSource>>>,
    stats: Option<&'o ReadStats>,
    /// Where stages run window by window.
    windows: Option<Windows>,
    notes: Mutex<Noted>,
}

/// The states of tiles that wait for the next window, by their number.
type Across = Mutex<BTreeMap<u64, Box<dyn State>>>;

/// What a stage does with its outputs from window to window.
struct Windows {
    /// Per output that is held one window at a time, its axis that is cut and where the window begins.
    cut: Vec<Option<(usize, u64)>>,
    /// Per output that gathers over the axis that is cut, the states of its tiles.
    across: Vec<Option<Across>>,
    /// Whether the window is the last one.
    last: bool,
}

/// Results that are written to memory of the caller's, which nobody counts.
pub type Lent<'o> = BTreeMap<ValueId, SharedArray<'o>>;

impl<'o> Results<'o> {
    /// Room for the values of a stage, but for those that have theirs in `lent`, those that are
    /// `streamed`, and those that are there one window at a time: room for these is made by [`Results::open`].
    ///
    /// # Errors
    /// `Budget` if the system does not give the memory.
    pub fn new(
        stage: &Stage,
        values: &[ValueSpec],
        lent: &mut Lent<'o>,
        streamed: &[ValueId],
        windowed: Option<(&Windowed, usize)>,
        meter: &Meter,
    ) -> Result<Self> {
        let cut = |v: ValueId| windowed.and_then(|(w, _)| w.cut(v));
        let arrays = stage
            .outputs
            .iter()
            .map(|o| {
                let v = &values[o.value];
                if v.histogram || streamed.contains(&o.value) || cut(o.value).is_some() {
                    return Ok(None);
                }
                if let Some(array) = lent.remove(&o.value) {
                    let fits = array.dtype() == v.dtype && array.shape() == v.shape.as_slice();
                    let alien = || Error::new(ErrorKind::Internal, "lent memory does not fit its value");
                    return fits.then_some(Some(array)).ok_or_else(alien);
                }
                room(v, &v.shape, &o.label, meter).map(Some)
            })
            .collect::<Result<_>>()?;
        Ok(Results {
            arrays,
            histograms: stage.outputs.iter().map(|_| Mutex::new(None)).collect(),
            elsewhere: stage
                .outputs
                .iter()
                .map(|o| streamed.contains(&o.value) || cut(o.value).is_some())
                .collect(),
            stores: Vec::new(),
            stats: None,
            windows: windowed.map(|(w, n)| Windows::new(stage, w, n)),
            notes: Mutex::default(),
        })
    }

    /// The same, where some of those that are streamed go to temporary stores.
    ///
    /// # Errors
    /// `Io` if a store cannot be made.
    pub fn spilling(self, stage: &Stage, spill: &Spill, stats: &'o ReadStats) -> Result<Self> {
        let stores: Vec<_> = stage.outputs.iter().map(|o| spill.store(o.value).cloned()).collect();
        for (store, o) in stores.iter().zip(&stage.outputs) {
            store.as_ref().map_or(Ok(()), |s| s.create()).at("operation", &o.label)?;
        }
        Ok(Results { stores, stats: Some(stats), ..self })
    }

    /// The values, but for those in lent memory and those that are streamed, and what was noted, by the number
    /// of the output.
    ///
    /// # Errors
    /// `Internal` if a value was never made.
    pub fn finish(self) -> Result<(Vec<Option<Value>>, Noted)> {
        let mut out = Vec::new();
        let each = self.arrays.into_iter().zip(self.histograms).zip(self.elsewhere);
        for ((array, histogram), elsewhere) in each {
            out.push(match array {
                None if elsewhere => None,
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

    /// What was noted so far; with it a pass is taken back whose results will be made again.
    pub(super) fn noted(&self) -> MutexGuard<'_, Noted> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the elements of a region of an output, if it is held or spilled.
    ///
    /// # Errors
    /// As writing to a temporary store.
    pub(super) fn write(&self, output: usize, region: &Region, elements: &[u8]) -> Result<()> {
        if let Some(array) = &self.arrays[output] {
            let within = self.within(output, region);
            // SAFETY: a block belongs to one task and a tile is finished once, so nobody else has a patch of
            // this region.
            unsafe { array.write(within.as_ref().unwrap_or(region), elements) };
        }
        match (self.stores.get(output), self.stats) {
            (Some(Some(store)), Some(stats)) => store.write(region, elements, stats),
            _ => Ok(()),
        }
    }

    /// The shape of an output that is made tile by tile, if anything is kept of it.
    fn shape(&self, output: usize) -> Option<&[u64]> {
        let store = || self.stores.get(output)?.as_ref().map(|s| s.shape());
        self.arrays[output].as_ref().map(SharedArray::shape).or_else(store)
    }

    /// The place of a block's elements, if the output is held.
    ///
    /// # Safety
    /// As [`SharedArray::patch`].
    pub(super) unsafe fn patch(&self, output: usize, block: &Region) -> Option<Patch> {
        let array = self.arrays[output].as_ref()?;
        let within = self.within(output, block);
        // SAFETY: the caller's.
        Some(unsafe { array.patch(within.as_ref().unwrap_or(block)) })
    }

    /// Whether an output is held.
    pub(super) fn holds(&self, output: usize) -> bool {
        self.arrays[output].is_some()
    }

    /// Where a region lies in a window, if the output is held one window at a time.
    fn within(&self, output: usize, region: &Region) -> Option<Region> {
        let (axis, start) = self.windows.as_ref()?.cut[output]?;
        let mut region = region.clone();
        region.start[axis] -= start;
        Some(region)
    }

    /// Makes room for a window of what is held one window at a time; `window` is the part of the stage's domain,
    /// cut along `axis`.
    ///
    /// # Errors
    /// `Budget` if the system does not give the memory.
    pub(super) fn open(
        &mut self,
        stage: &Stage,
        values: &[ValueSpec],
        (window, axis): (&Region, usize),
        last: bool,
        meter: &Meter,
    ) -> Result<()> {
        let Some(windows) = &mut self.windows else { return Ok(()) };
        windows.last = last;
        let each = stage.outputs.iter().zip(&mut windows.cut).zip(&mut self.arrays);
        for ((o, cut), array) in each {
            let Some((along, start)) = cut else { continue };
            let v = &values[o.value];
            let mut shape = v.shape.clone();
            (*start, shape[*along]) = (window.start[axis], window.shape[axis]);
            *array = Some(room(v, &shape, &o.label, meter)?);
        }
        Ok(())
    }

    /// The windows that were made, of what is held one at a time.
    pub(super) fn close(&mut self, stage: &Stage) -> Vec<(ValueId, Window)> {
        let Some(windows) = &self.windows else { return Vec::new() };
        let each = stage.outputs.iter().zip(&windows.cut).zip(&mut self.arrays);
        each.filter_map(|((o, cut), array)| {
            let (axis, start) = (*cut)?;
            let array = array.take()?;
            let (dtype, shape) = (array.dtype(), array.shape().into());
            Some((
                o.value,
                Window { axis, start, array: ArrayValue::new(dtype, shape, array.into_buffer()?) },
            ))
        })
        .collect()
    }

    /// Takes the state of a tile that has all of its tasks. Gives it back, with what the windows before have
    /// gathered, unless there are windows to come. `bytes` are those of the state.
    ///
    /// # Errors
    /// `Internal` if states do not belong together.
    pub(super) fn gather_on(
        &self,
        output: usize,
        tile: u64,
        mut state: Box<dyn State>,
        (bytes, meter): (&dyn Fn() -> u64, &Meter),
    ) -> Result<Option<Box<dyn State>>> {
        let Some((windows, across)) =
            self.windows.as_ref().and_then(|w| Some((w, w.across[output].as_ref()?)))
        else {
            return Ok(Some(state));
        };
        let before = across.lock().unwrap_or_else(PoisonError::into_inner).remove(&tile);
        if let Some(before) = before {
            state.merge(&*before)?;
            meter.sub(bytes());
        }
        if windows.last {
            return Ok(Some(state));
        }
        meter.add(bytes());
        across.lock().unwrap_or_else(PoisonError::into_inner).insert(tile, state);
        Ok(None)
    }

    /// Takes the elements that go to a region of the kept axes, and to all of the fold's own.
    ///
    /// # Errors
    /// `Internal` if they do not fill it.
    pub(super) fn elements(&self, output: usize, mut region: Region, elements: &[u8]) -> Result<()> {
        if let Some(shape) = self.shape(output) {
            for &n in &shape[region.shape.len()..] {
                region.start.push(0);
                region.shape.push(n);
            }
        }
        if let Some(array) = &self.arrays[output]
            && elements.len() as u64 != region.len() * array.dtype().size() as u64
        {
            return Err(Error::new(ErrorKind::Internal, "a tile does not fill its region"));
        }
        self.write(output, &region, elements)
    }

    /// Takes what a tile has become.
    ///
    /// # Errors
    /// As [`Results::elements`].
    pub(super) fn place(&self, output: usize, region: Region, made: Made, notes: &Notes) -> Result<()> {
        match made {
            Made::Elements(elements) => self.elements(output, region, &elements)?,
            Made::Histogram(h) => {
                *self.histograms[output].lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Value::Histogram(h));
            }
            Made::Placed => {}
        }
        if !notes.is_empty() {
            let mut all = self.noted();
            for note in notes {
                let count = all.entry((output, note.text)).or_default();
                *count = count.saturating_add(note.count);
            }
        }
        Ok(())
    }
}

impl Windows {
    fn new(stage: &Stage, windowed: &Windowed, n: usize) -> Windows {
        let axis = windowed.axis_of(n);
        Windows {
            cut: stage.outputs.iter().map(|o| Some((windowed.cut(o.value)?, 0))).collect(),
            across: stage
                .outputs
                .iter()
                .map(|o| (!o.fold.landing().keeps(axis)).then(Mutex::default))
                .collect(),
            last: false,
        }
    }
}

/// Zeroed memory for a part of a value, counted.
fn room<'o>(v: &ValueSpec, shape: &[u64], label: &str, meter: &Meter) -> Result<SharedArray<'o>> {
    let bytes = shape.iter().fold(v.dtype.size() as u64, |n, &d| n.saturating_mul(d));
    let none = || {
        let bytes = crate::size::human_bytes(bytes);
        Error::new(ErrorKind::Budget, format!("the system has no {bytes} for a result"))
            .at("operation", label)
            .hint("lower the budget (--memory) to what the machine has")
    };
    let array = SharedArray::try_zeroed(v.dtype, shape).ok_or_else(none)?;
    meter.add(bytes);
    Ok(array)
}
