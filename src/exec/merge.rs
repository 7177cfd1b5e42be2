//! Merging partials of a stage, one at a time: into its values, or into one partial of all their tasks.
//!
//! Any order and any tree of merges gives the bits of one run: states merge exactly, and what is finished is
//! copied. What is held at a time is what is made, the states of tiles that lack tasks, and the one partial that
//! is being taken in; all of it is counted, and refused before it is held if the budget has no room for it.
//! Which tasks were there is known as ranges, adjacent ones as one. Partials may come from anywhere: every
//! number in them is checked before it is used.

use super::budget::{Held, Meter};
use super::collect::{Collector, Goal};
use super::coverage::Coverage;
use super::finished::{Finished, Form};
use super::partials::whole_stage;
use super::reader::Values;
use super::report::{Counters, Fallback, Report};
use super::results::{Lent, Results};
use super::room::Room;
use super::stage::kernel_of;
use super::under_way::note;
use super::wire::{Gathered, PartialOutput, PartialTile, StagePartial, StateBytes, text_bytes};
use crate::buffer::little_endian;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::fold::{Made, Notes};
use crate::ops::kernel::Kernel;
use crate::plan::{Pass, Plan, PlanFingerprint, Stage, ValueSpec};
use crate::size::human_bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

/// The values after a stage, from partials that were merged, and what was met on the way.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Merged {
    /// The values so far: those that were there, and the stage's.
    pub values: Values,
    /// What merging did, with the notes and fallbacks of all partials.
    pub report: Report,
}

impl Merged {
    /// Values with a report.
    pub(crate) fn new(values: Values, report: Report) -> Merged {
        Merged { values, report }
    }
}

impl Deref for Merged {
    type Target = Values;
    fn deref(&self) -> &Values {
        &self.values
    }
}

/// Which tiles of an output are finished and gone: a bit for each.
struct Marks(Vec<u64>);

impl Marks {
    fn new(tiles: u64) -> Marks {
        Marks(vec![0; tiles.div_ceil(64) as usize])
    }

    fn has(&self, tile: u64) -> bool {
        self.0[(tile / 64) as usize] >> (tile % 64) & 1 == 1
    }

    fn set(&mut self, tile: u64) {
        self.0[(tile / 64) as usize] |= 1 << (tile % 64);
    }
}

/// An output of the stage, as partials have it.
struct Shape {
    form: Form,
    /// How many tiles there are.
    tiles: u64,
    /// Whether every axis is kept, so that a tile is a task.
    keeps_all: bool,
    /// Where finished tiles go to results: which are there.
    marks: Option<Marks>,
}

/// What partials said.
#[derive(Default)]
struct Said {
    notes: BTreeSet<String>,
    fallbacks: BTreeMap<String, u64>,
    /// Of finished tiles, by the number of the output.
    tiles: BTreeMap<(usize, String), u64>,
    /// The bytes of all this.
    bytes: u64,
}

impl Said {
    fn note(&mut self, text: String) {
        let bytes = text_bytes(&text);
        if self.notes.insert(text) {
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    fn fell_back(&mut self, fallback: Fallback) {
        let bytes = text_bytes(&fallback.reason);
        let tasks = self.fallbacks.entry(fallback.reason).or_insert_with(|| {
            self.bytes = self.bytes.saturating_add(bytes);
            0
        });
        *tasks = tasks.saturating_add(fallback.tasks);
    }

    fn of_tiles(&mut self, output: usize, text: String, count: u64) {
        let bytes = text_bytes(&text);
        let all = self.tiles.entry((output, text)).or_insert_with(|| {
            self.bytes = self.bytes.saturating_add(bytes);
            0
        });
        *all = all.saturating_add(count);
    }

    /// Tells what all partials said beside what is said of outputs.
    fn tell(&self, counters: &Counters) {
        self.notes.iter().for_each(|text| counters.note(text.clone()));
        self.fallbacks.iter().for_each(|(reason, &tasks)| counters.fell_back(reason, tasks));
    }
}

/// Partials that become one thing.
struct Merge<'a> {
    n: usize,
    tasks: u64,
    fingerprint: PlanFingerprint,
    collector: Collector<'a>,
    goal: Goal<'a>,
    shapes: Vec<Shape>,
    coverage: Coverage,
    said: Said,
    budget: Budget<'a>,
    /// What is counted of the partial that is being taken in, and of what was said.
    held: Held,
    kept: Held,
    /// What is counted of the state that is being read.
    reading: Held,
}

/// What may be held, and what would do.
struct Budget<'a> {
    n: usize,
    room: &'a Room,
    memory: u64,
    meter: &'a Meter,
    /// Bytes of the values that are made; nothing where a partial is made.
    values: Option<u64>,
    /// The largest partial so far, and the tasks that have not come.
    largest: u64,
    left: u64,
    said: u64,
}

impl Budget<'_> {
    /// Whether there is room for so many bytes more.
    ///
    /// # Errors
    /// `Budget`, with one that does for all partials that may come.
    fn fits(&self, more: u64) -> Result<()> {
        let now = self.meter.now().saturating_add(more);
        if now <= self.memory {
            return Ok(());
        }
        let partial = self.room.partial(self.left).max(self.largest);
        let needed = match self.values {
            Some(values) => values.saturating_add(self.room.merging()).saturating_add(partial),
            None => self.room.combining(partial),
        };
        let needed = needed.saturating_add(self.said).max(now);
        let what = if self.values.is_some() { "merging the stage" } else { "merging partials into one" };
        Err(Error::new(
            ErrorKind::Budget,
            format!("{what} takes {} and the memory budget is {}", human_bytes(now), human_bytes(self.memory)),
        )
        .needs(needed)
        .at("stage", self.n)
        .hint(format!(
            "merge partials of adjacent tasks first (Session::combine_tasks), or raise the budget (--memory) to \
             {needed} bytes"
        )))
    }
}

/// A stage whose partials are merged.
struct Whole<'a> {
    plan: &'a Plan,
    n: usize,
    stage: &'a Stage,
    kernel: Kernel,
    pass: Pass,
    room: Room,
}

impl<'a> Whole<'a> {
    fn new(plan: &'a Plan, n: usize, values: &Values) -> Result<Whole<'a>> {
        let none = || Error::new(ErrorKind::Value, "there is no such stage").at("stage", n);
        let stage = plan.stages().get(n).ok_or_else(none)?;
        let kernel = kernel_of(plan, stage, values, None)?;
        let (pass, room) = (whole_stage(plan, n), Room::new(stage, &kernel, plan.task_order(n)));
        Ok(Whole { plan, n, stage, kernel, pass, room })
    }

    /// A budget before anything is merged, `values` as in [`Budget`].
    fn budget<'b>(&'b self, memory: u64, meter: &'b Meter, values: Option<u64>) -> Budget<'b> {
        let (n, left) = (self.n, self.stage.grid.blocks());
        Budget { n, room: &self.room, memory, meter, values, largest: 0, left, said: 0 }
    }

    /// All of some partials, merged.
    fn merge<'b>(
        &'b self,
        partials: &mut dyn Iterator<Item = Result<StagePartial>>,
        goal: Goal<'b>,
        budget: Budget<'b>,
        meter: &'b Arc<Meter>,
    ) -> Result<Merge<'b>> {
        let collector = Collector::new(self.stage, &self.kernel, &self.pass, goal, meter).in_pieces();
        let mut merge = Merge::new(self.plan, self.stage, collector, goal, budget, meter);
        partials.enumerate().try_for_each(|(k, partial)| merge.take(k, partial?))?;
        Ok(merge)
    }
}

/// Merges partials that together have every task of a stage, and finishes its values.
///
/// # Errors
/// `Value` if they are of another plan or stage, overlap, leave tasks out, or are damaged; `Budget`; those of the
/// partials' iterator.
pub fn merge_tasks(
    plan: &Plan,
    n: usize,
    partials: &mut dyn Iterator<Item = Result<StagePartial>>,
    values: &Values,
    memory: u64,
    counters: &Counters,
) -> Result<Values> {
    let (whole, meter) = (Whole::new(plan, n, values)?, &counters.meter);
    let (stage, marks) = (whole.stage, whole.room.marks());
    let made = || stage.outputs.iter().map(|o| &plan.values()[o.value]);
    let bytes = made().map(ValueSpec::bytes).fold(0, u64::saturating_add);
    let histograms = made().filter(|v| v.histogram).map(ValueSpec::bytes).fold(0, u64::saturating_add);
    let budget = whole.budget(memory, meter, Some(bytes));
    budget.fits(bytes.saturating_add(marks))?;
    let results = Results::new(stage, plan.values(), &mut Lent::new(), &[], None, meter)?;
    // Of results, arrays are counted when they are made.
    meter.add(marks.saturating_add(histograms));
    let merge = whole.merge(partials, Goal::Results(&results), budget, meter)?;
    if let Some((start, end)) = merge.coverage.gap(stage.grid.blocks()) {
        let missing = format!("no partial has tasks {start}..{end}");
        return Err(Error::new(ErrorKind::Value, missing).at("stage", n));
    }
    let Merge { collector, said, .. } = merge;
    collector.finish()?;
    let (made, noted) = results.finish()?;
    said.tell(counters);
    let mut tiles = said.tiles;
    for ((output, text), count) in noted {
        let all = tiles.entry((output, text.to_string())).or_default();
        *all = all.saturating_add(count);
    }
    note(stage, tiles, counters);
    let mut values = values.clone();
    values.extend(stage.outputs.iter().zip(made).filter_map(|(o, value)| Some((o.value, value?))));
    Ok(values)
}

/// Merges partials of a stage into one of all their tasks.
///
/// # Errors
/// As [`merge_tasks`], but that tasks may be left out.
pub fn combine_tasks(
    plan: &Plan,
    n: usize,
    partials: &mut dyn Iterator<Item = Result<StagePartial>>,
    values: &Values,
    memory: u64,
    counters: &Counters,
) -> Result<StagePartial> {
    let (whole, meter) = (Whole::new(plan, n, values)?, &counters.meter);
    let finished = Finished::new(whole.stage, meter);
    let budget = whole.budget(memory, meter, None);
    let merge = whole.merge(partials, Goal::Partials(&finished), budget, meter)?;
    let Merge { fingerprint, collector, coverage, said, budget, kept, .. } = merge;
    said.tell(counters);
    for ((output, text), &count) in &said.tiles {
        finished.note(*output, text, count);
    }
    note(whole.stage, finished.noted(), counters);
    let fallback = |(reason, tasks)| Fallback { reason, tasks };
    let outputs = collector.into_partials(&|more| budget.fits(more))?;
    drop(kept);
    Ok(StagePartial {
        plan: fingerprint,
        stage: n,
        ranges: coverage.into_ranges(),
        outputs,
        notes: said.notes.into_iter().collect(),
        fallbacks: said.fallbacks.into_iter().map(fallback).collect(),
        report: Report::default(),
    })
}

impl<'a> Merge<'a> {
    fn new(
        plan: &Plan,
        stage: &Stage,
        collector: Collector<'a>,
        goal: Goal<'a>,
        budget: Budget<'a>,
        meter: &Arc<Meter>,
    ) -> Merge<'a> {
        let (domain, counts) = (stage.grid.shape(), stage.grid.counts());
        let shapes = stage.outputs.iter().map(|o| {
            let landing = o.fold.landing();
            let tiles = landing.kept(&counts).iter().product();
            let marks = matches!(goal, Goal::Results(_)).then(|| Marks::new(tiles));
            Shape { form: Form::of(&o.fold, &domain), tiles, keeps_all: landing.keeps_all(), marks }
        });
        Merge {
            n: budget.n,
            tasks: stage.grid.blocks(),
            fingerprint: plan.fingerprint(),
            shapes: shapes.collect(),
            collector,
            goal,
            coverage: Coverage::default(),
            said: Said::default(),
            budget,
            held: Held::new(meter),
            kept: Held::new(meter),
            reading: Held::new(meter),
        }
    }

    /// Takes in the `k`-th partial.
    fn take(&mut self, k: usize, partial: StagePartial) -> Result<()> {
        let n = self.n;
        let wrong = |what: String| Error::new(ErrorKind::Value, what).at("stage", n).at("partial", k);
        let alien = partial.plan != self.fingerprint || partial.stage != n;
        if alien || partial.outputs.len() != self.shapes.len() {
            return Err(wrong("a partial belongs to another plan or stage".into())
                .hint("merge what one version of chunkwise has made of one plan"));
        }
        let mut bytes = partial.bytes();
        self.budget.largest = self.budget.largest.max(bytes);
        self.budget.fits(bytes)?;
        self.held.set(bytes);
        let StagePartial { mut ranges, outputs, notes, fallbacks, .. } = partial;
        ranges.sort_unstable();
        let mut tasks = 0;
        for &(start, end) in &ranges {
            if start > end || end > self.tasks {
                let all = self.tasks;
                return Err(wrong(format!("a partial has tasks {start}..{end} of a stage of {all} tasks")));
            }
            self.coverage.add(start, end).map_err(|task| wrong(format!("task {task} is in two partials")))?;
            tasks += end - start;
        }
        for (o, output) in outputs.into_iter().enumerate() {
            let wrong = |what: String| wrong(format!("a partial {what}"));
            let PartialOutput { tiles, notes } = output;
            let mut left = tasks;
            let mut last = None;
            for tile in tiles {
                if last.replace(tile.tile).is_some_and(|last| last >= tile.tile) {
                    return Err(wrong(format!("has the tile {} out of order", tile.tile)));
                }
                left = left
                    .checked_sub(tile.tasks)
                    .ok_or_else(|| wrong("counts more tasks than it has".into()))?;
                bytes = bytes.saturating_sub(tile.bytes());
                if matches!(tile.holds, Gathered::Finished(_)) {
                    // Its bytes are no longer the partial's, but what is made.
                    self.held.set(bytes);
                }
                self.tile(o, tile, &ranges, &wrong)?;
                self.held.set(bytes);
            }
            if left > 0 {
                return Err(wrong(format!("lacks the tiles of {left} of its tasks")));
            }
            notes.into_iter().for_each(|said| self.said.of_tiles(o, said.text, said.count));
        }
        notes.into_iter().for_each(|text| self.said.note(text));
        fallbacks.into_iter().for_each(|f| self.said.fell_back(f));
        self.held.set(0);
        self.kept.set(self.said.bytes);
        self.budget.said = self.said.bytes;
        self.budget.left = self.budget.left.saturating_sub(tasks);
        Ok(())
    }

    /// Takes in a tile of output `o` of a partial of the tasks in `ranges`.
    fn tile(
        &mut self,
        o: usize,
        tile: PartialTile,
        ranges: &[(u64, u64)],
        wrong: &dyn Fn(String) -> Error,
    ) -> Result<()> {
        let PartialTile { tile, tasks, holds } = tile;
        let Shape { tiles, keeps_all, ref marks, .. } = self.shapes[o];
        if tile >= tiles {
            return Err(wrong(format!("has the tile {tile} of {tiles}")));
        }
        let before = |&(_, end): &(u64, u64)| end <= tile;
        let own = || ranges.get(ranges.partition_point(before)).is_some_and(|r| r.0 <= tile);
        if keeps_all && (tasks != 1 || !own()) {
            return Err(wrong("has other blocks than its tasks make".into()));
        }
        let there = match self.goal {
            Goal::Results(_) => marks.as_ref().is_some_and(|m| m.has(tile)),
            Goal::Partials(finished) => finished.has(o, tile),
        };
        let (all, waiting) = self.collector.tasks_of(o, tile);
        let together = waiting.unwrap_or(0).saturating_add(tasks);
        if there || tasks == 0 || together > all {
            return Err(wrong(format!("has {tasks} tasks of the tile {tile}, which lacks other ones")));
        }
        match holds {
            Gathered::Finished(_) if tasks < all => {
                return Err(wrong(format!("has finished the tile {tile}, which lacks tasks")));
            }
            Gathered::Finished(bytes) => self.finished(o, tile, bytes, wrong)?,
            Gathered::State(bytes) => {
                let (room, collector) = (self.budget.room.taking_of(o), &self.collector);
                self.budget.fits(room)?;
                self.reading.set(collector.state_bytes(o, tile));
                let (_, block) = collector.tile_region(o, tile);
                let state = collector.terminal(o).ready.read(&block, &bytes.0);
                let state = state.map_err(|e| wrong(format!("has a damaged tile {tile}")).caused_by(e))?;
                drop(bytes);
                if together < all && waiting.is_none() {
                    // From here on it is counted as one that waits.
                    self.reading.set(0);
                }
                collector.merge(o, tile, tasks, state)?;
                self.reading.set(0);
            }
        }
        if let Some(marks) = self.shapes[o].marks.as_mut().filter(|_| together == all) {
            marks.set(tile);
        }
        Ok(())
    }

    /// Takes in what a tile has become elsewhere.
    fn finished(
        &self,
        o: usize,
        tile: u64,
        mut bytes: StateBytes,
        wrong: &dyn Fn(String) -> Error,
    ) -> Result<()> {
        let damaged = || wrong(format!("has a damaged tile {tile}"));
        let (form, (region, _)) = (self.shapes[o].form, self.collector.tile_region(o, tile));
        if form.histogram {
            self.budget.fits(self.budget.room.taking_of(o))?;
            let read = self.collector.terminal(o).ready.read_histogram(&bytes.0);
            let histogram = read.map_err(|e| damaged().caused_by(e))?;
            return match self.goal {
                Goal::Results(results) => {
                    results.place(o, region, Made::Histogram(Arc::new(histogram)), &Notes::new())
                }
                Goal::Partials(finished) => finished.put(o, tile, bytes),
            };
        }
        if bytes.0.len() as u64 != form.bytes(region.len()) {
            return Err(damaged().caused_by("its elements do not fill it"));
        }
        if form.dtype == DType::Bool && bytes.0.iter().any(|&b| b > 1) {
            return Err(damaged().caused_by("a bool is neither 0 nor 1"));
        }
        match self.goal {
            Goal::Results(results) => {
                little_endian(&mut bytes.0, form.dtype.size());
                results.elements(o, region, &bytes.0)
            }
            Goal::Partials(finished) => finished.put(o, tile, bytes),
        }
    }
}
