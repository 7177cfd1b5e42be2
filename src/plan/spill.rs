//! Binding with temporary stores: what does not fit otherwise, values that later stages read are spilled, the largest
//! and least read first, until it fits.
//!
//! The plan is bound as usual first. Of the values that are there while a stage that does not fit runs, so many are
//! spilled as it lacks bytes, and all is bound again. What is spilled is written in blocks as it is made and read as a
//! source.
//!
//! Limits: results are not spilled, nor histograms, params of folds, and what is small.

use super::bind::{Each, each_stage, refusal, results_bytes};
use super::bound::{Bound, BoundStage};
use super::data::Plan;
use super::ends::Ends;
use super::place::Machine;
use super::spilled::{Spill, SpillRoom, Spilled, any_source};
use super::sweep::{Passes, Sweep};
use super::windowed::Windowed;
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::Input;
use crate::grid::{AxisGrid, Grid};
use crate::ops::ValueId;
use crate::size::human_bytes;
use std::collections::HashSet;

/// A value of fewer bytes is not worth a file.
const LEAST: u64 = 64 << 10;

/// After so many rounds of binding all that helps is spilled.
const ROUNDS: usize = 12;

/// How many smaller and smaller budgets are looked at before one is named.
const NAMED: usize = 8;

/// Windows along an axis that are looked at one by one.
const LOOKED_AT: u64 = 1 << 12;

impl Bound {
    /// As [`Bound::new`], where values may be spilled, and `must` are: results that would not be held.
    ///
    /// # Errors
    /// `Budget` if it does not fit even so, with the smallest budget that works, or if more would be spilled than
    /// there is room for.
    pub fn spilling(
        plan: &Plan,
        ends: &Ends,
        machine: &Machine,
        room: &SpillRoom,
        must: &[ValueId],
    ) -> Result<Bound> {
        let choice = Choice { plan, ends, machine, room, must, candidates: candidates(plan, must) };
        let results = results_bytes(plan, &choice.ends_of(must));
        let fits = if results > machine.memory { None } else { choice.choose(machine.memory)? };
        let Some(chosen) = fits else {
            let first =
                each_stage(plan, ends, machine)?.stages.into_iter().find_map(std::result::Result::err);
            let smallest = choice.smallest()?;
            return Err(refusal(results, machine.memory, first.map(|(_, e)| e), smallest));
        };
        if chosen.values.is_empty() {
            return Ok(Bound::of(plan, ends, machine, chosen.stages, chosen.windowed));
        }
        let Chosen { values, spill, stages, windowed } = chosen;
        let needed = on_disk(plan, &spill.values);
        if needed > room.bytes {
            return Err(choice.too_much(needed));
        }
        let mut bound = Bound::of(&spill.plan, &choice.ends_of(&values), machine, stages, windowed);
        bound.spill = Some(foretold(spill, &bound.stages));
        Ok(bound)
    }
}

/// A value that may be spilled.
struct Candidate {
    value: ValueId,
    bytes: u64,
    /// How many stages read it.
    readers: usize,
    /// The stage that makes it, and the last that reads it.
    alive: (usize, usize),
}

/// What may be spilled, in the order in which it is.
fn candidates(plan: &Plan, but: &[ValueId]) -> Vec<Candidate> {
    let stages = plan.stages();
    let mut kept: HashSet<ValueId> = plan.results().iter().chain(but).copied().collect();
    kept.extend(stages.iter().flat_map(|s| s.outputs.iter().flat_map(|o| &o.params)));
    let mut out = Vec::new();
    for (n, stage) in stages.iter().enumerate() {
        for value in stage.outputs.iter().map(|o| o.value).filter(|v| !kept.contains(v)) {
            let made = &plan.values()[value];
            if !made.histogram && made.bytes() > LEAST && made.last_use > n {
                out.push(Candidate { value, bytes: made.bytes(), readers: 0, alive: (n, made.last_use) });
            }
        }
    }
    if out.is_empty() {
        return out;
    }
    let mut readers = vec![0usize; plan.values().len()];
    for stage in stages {
        let mut read = stage.values_read();
        read.sort_unstable();
        read.dedup();
        read.into_iter().for_each(|v| readers[v] += 1);
    }
    out.iter_mut().for_each(|c| c.readers = readers[c.value]);
    out.sort_by_key(|c| (std::cmp::Reverse(c.bytes), c.readers, c.value));
    out
}

/// The most bytes of some values that stores hold at a time.
fn on_disk(plan: &Plan, spilled: &[Spilled]) -> u64 {
    let mut changes: Vec<(usize, bool, u64)> = Vec::new();
    for s in spilled {
        let made = plan.stages().iter().position(|stage| stage.outputs.iter().any(|o| o.value == s.value));
        changes.push((made.unwrap_or(0), true, s.written));
        changes.push((s.last.saturating_add(1), false, s.written));
    }
    changes.sort_unstable();
    let (mut now, mut most) = (0u64, 0u64);
    for (_, more, bytes) in changes {
        now = if more { now.saturating_add(bytes) } else { now.saturating_sub(bytes) };
        most = most.max(now);
    }
    most
}

/// What a plan spills in a budget.
struct Chosen {
    values: Vec<ValueId>,
    spill: Spill,
    stages: Vec<BoundStage>,
    windowed: Vec<Windowed>,
}

struct Choice<'a> {
    plan: &'a Plan,
    ends: &'a Ends,
    machine: &'a Machine<'a>,
    room: &'a SpillRoom,
    must: &'a [ValueId],
    candidates: Vec<Candidate>,
}

impl Choice<'_> {
    fn ends_of(&self, spilled: &[ValueId]) -> Ends {
        Ends { spilled: spilled.to_vec(), ..self.ends.clone() }
    }

    /// What is spilled in a budget, if that fits.
    fn choose(&self, memory: u64) -> Result<Option<Chosen>> {
        let machine = Machine { memory, ..self.machine.clone() };
        let mut taken = vec![false; self.candidates.len()];
        for round in 0.. {
            let values: Vec<ValueId> = self.values(|c| taken[c]);
            let spill = self.plan.spilling(&values, self.ends, self.room);
            let Each { stages: bound, windowed } = each_stage(&spill.plan, &self.ends_of(&values), &machine)?;
            let lacking = |(n, stage): (usize, &Result<BoundStage, (u64, Error)>)| {
                stage.as_ref().err().map(|(needed, _)| (n, needed.saturating_sub(memory)))
            };
            let refused: Vec<(usize, u64)> = bound.iter().enumerate().filter_map(lacking).collect();
            if refused.is_empty() {
                let stages = bound.into_iter().filter_map(Result::ok).collect();
                return Ok(Some(Chosen { values, spill, stages, windowed }));
            }
            let before = taken.clone();
            for (n, lacks) in refused {
                let there = |c: &Candidate| c.alive.0 <= n && n <= c.alive.1;
                let mut lacks = if round < ROUNDS { lacks } else { u64::MAX };
                // What others had spilled already helps this one too.
                for (c, candidate) in self.candidates.iter().enumerate().filter(|(_, c)| there(c)) {
                    if before[c] || lacks == 0 {
                        continue;
                    }
                    taken[c] = true;
                    lacks = lacks.saturating_sub(candidate.bytes);
                }
            }
            if taken == before {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn values(&self, taken: impl Fn(usize) -> bool) -> Vec<ValueId> {
        let chosen = (0..self.candidates.len()).filter(|&c| taken(c)).map(|c| self.candidates[c].value);
        self.must.iter().copied().chain(chosen).collect()
    }

    /// The smallest budget that does if these values are spilled, unless there is no room for them.
    fn needed(&self, values: &[ValueId]) -> Result<Option<u64>> {
        let spill = self.plan.spilling(values, self.ends, self.room);
        if on_disk(self.plan, &spill.values) > self.room.bytes {
            return Ok(None);
        }
        let (machine, ends) = (Machine { memory: 1, ..self.machine.clone() }, self.ends_of(values));
        let mut smallest = results_bytes(&spill.plan, &ends).max(1);
        for stage in each_stage(&spill.plan, &ends, &machine)?.stages {
            smallest = smallest.max(stage.err().map_or(0, |(needed, _)| needed));
        }
        Ok(Some(smallest))
    }

    /// The smallest budget that works.
    fn smallest(&self) -> Result<u64> {
        let none = self.needed(self.must)?.unwrap_or(u64::MAX);
        let mut smallest = match self.candidates.is_empty() {
            true => return Ok(none),
            false => none.min(self.needed(&self.values(|_| true))?.unwrap_or(u64::MAX)),
        };
        // A part may do with less than nothing or all of it.
        for _ in 0..NAMED {
            let Some(less) = self.choose(smallest - 1)? else { break };
            match self.needed(&less.values)? {
                Some(needed) if needed < smallest => smallest = needed,
                _ => break,
            }
        }
        Ok(smallest)
    }

    fn too_much(&self, needed: u64) -> Error {
        let (human, room) = (human_bytes(needed), human_bytes(self.room.bytes));
        let what = format!(
            "the run would spill {needed} bytes ({human}) at a time, and the limit is {} bytes ({room})",
            self.room.bytes
        );
        let e = Error::new(ErrorKind::Budget, what).at("folder", self.room.folder.display());
        let hint = "make room there, name a folder on a larger disk (--spill), or raise the limit (SessionBuilder::spill_bytes)";
        match self.needed(self.must) {
            Ok(Some(bytes)) => e
                .hint(format!(
                    "{hint}; without spilling the smallest budget that works is {bytes} bytes ({})",
                    human_bytes(bytes)
                ))
                .needs(bytes),
            _ => e.hint(hint),
        }
    }
}

/// With how much is read back from each store.
fn foretold(mut spill: Spill, stages: &[BoundStage]) -> Spill {
    for s in &mut spill.values {
        for (stage, bound) in spill.plan.stages().iter().zip(stages) {
            let nested = stage
                .inputs
                .iter()
                .any(|i| i.children().iter().any(|k| any_source(&k.inputs, &|source| source == s.source)));
            let (bytes, exact) = match nested {
                true => {
                    let reads = bound.reads.iter().filter(|r| r.source == s.source);
                    // Windows are parts of what feeds make, and come to parts of what those read.
                    let sweeps = bound.passes.sweeps().len() as u64;
                    let bytes = |r: &super::Reads| r.bytes.saturating_mul(r.times).saturating_mul(sweeps);
                    (reads.map(bytes).fold(0, u64::saturating_add), false)
                }
                false => {
                    let inputs = stage.inputs.iter().filter(|i| i.source() == Some(s.source));
                    let size = spill.plan.sources()[s.source].dtype.size() as u64;
                    let each = inputs.map(|i| read_by(i, &stage.grid, &bound.passes));
                    each.fold((0, true), |(sum, exact), (n, e)| {
                        (n.saturating_mul(size).saturating_add(sum), exact && e)
                    })
                }
            };
            s.read = s.read.saturating_add(bytes);
            s.exact &= exact;
        }
    }
    spill
}

/// The elements of a source without chunks that blocks of all passes bring of it for an input, and whether it is
/// exactly so many.
fn read_by(input: &Input, grid: &Grid, passes: &Passes) -> (u64, bool) {
    let mut exact = true;
    let mut of = |sweep: &Sweep| {
        let along = input.view.axes.iter().zip(&grid.axes).zip(&sweep.windows.axes);
        along.fold(1u64, |n, ((axis, blocks), windows)| {
            n.saturating_mul(match axis.from {
                Some(_) => axis.len,
                // Each block brings again what is repeated along the axis.
                None => {
                    let (pieces, sure) = pieces(blocks, windows);
                    exact &= sure;
                    pieces
                }
            })
        })
    };
    let elements = passes.sweeps().iter().map(&mut of).fold(0, u64::saturating_add);
    (elements, exact)
}

/// How many pieces windows cut the blocks of an axis into.
fn pieces(blocks: &AxisGrid, windows: &AxisGrid) -> (u64, bool) {
    match windows.blocks() {
        0 | 1 => (blocks.blocks(), true),
        n if n > LOOKED_AT => (blocks.blocks().saturating_add(n), false),
        n => {
            let of = |(a, b): (u64, u64)| blocks.block_of(b - 1) - blocks.block_of(a) + 1;
            ((0..n).map(|k| of(windows.range(k))).sum(), true)
        }
    }
}
