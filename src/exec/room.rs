//! What gathering ranges of a stage's tasks, and merging what was gathered, takes at most, in bytes.
//!
//! Tasks are counted in an order of the stage's grid ([`Plan::task_order`](crate::plan::Plan::task_order)). From the first reduced axis on that has several blocks,
//! a *run* of consecutive tasks makes some tiles of its own, as many as there are blocks of kept axes in it: they
//! begin and end within the run. So a range of tasks finishes the tiles of all runs within it, and leaves open
//! at most those of the two runs that it cuts.

use super::finished::Form;
use super::wire::TILE_BYTES;
use crate::ops::fold::written_bytes;
use crate::ops::kernel::{Kernel, Terminal};
use crate::plan::Stage;
use std::ops::Range;

/// Bytes that notes and the like may come to in a partial that was not looked at yet.
const SAID_BYTES: u64 = 16 << 10;

/// The tiles of one output.
struct Tiles {
    /// How many there are, and how many tasks go into each.
    count: u64,
    tasks: u64,
    /// The tasks of a run, and the tiles that they make.
    run: u64,
    run_tiles: u64,
    /// The bytes of the largest tile, and of all of them: as states, finished, as whichever is more, and
    /// in a partial as whichever is more.
    state: Most,
    finished: Most,
    held: Most,
    sent: Most,
}

/// The bytes of the largest of some things, and of all of them.
#[derive(Clone, Copy)]
struct Most {
    one: u64,
    all: u64,
}

impl Most {
    /// Of so many of them.
    fn of(&self, count: u64) -> u64 {
        count.saturating_mul(self.one).min(self.all)
    }

    /// Of things that are these or those.
    fn or(&self, other: Most) -> Most {
        let all = if self.one >= other.one && self.all >= other.all {
            self.all
        } else {
            self.all.saturating_add(other.all)
        };
        Most { one: self.one.max(other.one), all }
    }
}

fn product(of: impl Iterator<Item = u64>) -> u64 {
    of.fold(1, u64::saturating_mul)
}

impl Tiles {
    fn new(stage: &Stage, terminal: &Terminal, order: &[usize]) -> Tiles {
        let (landing, counts) = (terminal.fold.landing(), stage.grid.counts());
        let (domain, block) = (stage.grid.shape(), stage.grid.largest());
        let kept =
            |from: usize| product(order[from..].iter().filter(|&&d| landing.keeps(d)).map(|&d| counts[d]));
        let first = order.iter().position(|&d| !landing.keeps(d) && counts[d] > 1).unwrap_or(counts.len());
        let (count, form) = (kept(0), Form::of(&terminal.fold, &domain));
        let beside = count.saturating_mul(TILE_BYTES);
        let states = |least: u64, all: u64| Most { one: least, all: count.saturating_mul(least).min(all) };
        // Tiles together take what the whole does, and each what one of nothing does.
        let nothing = count.saturating_mul(terminal.state_bytes(&vec![0; block.len()]));
        let (one, all) =
            (terminal.state_bytes(&block), terminal.state_bytes(&domain).saturating_add(nothing));
        let state = states(one.saturating_add(TILE_BYTES), all.saturating_add(beside));
        let made = |shape: &[u64]| form.bytes(product(landing.kept(shape).into_iter()));
        let finished = states(made(&block).saturating_add(TILE_BYTES), made(&domain).saturating_add(beside));
        let all_written = all.saturating_mul(2).saturating_add(count.saturating_mul(written_bytes(0)));
        let written =
            states(written_bytes(one).saturating_add(TILE_BYTES), all_written.saturating_add(beside));
        Tiles {
            count,
            tasks: product((0..counts.len()).filter(|&d| !landing.keeps(d)).map(|d| counts[d])),
            run: product(order[first..].iter().map(|&d| counts[d])),
            run_tiles: kept(first),
            state,
            finished,
            held: state.or(finished),
            sent: written.or(finished),
        }
    }

    /// How many tiles a range of tasks finishes for sure, and how many it may leave open.
    fn of_range(&self, tasks: &Range<u64>) -> (u64, u64) {
        if tasks.is_empty() {
            return (0, 0);
        }
        let whole = (tasks.end / self.run).saturating_sub(tasks.start.div_ceil(self.run));
        let cut = (tasks.end - 1) / self.run - tasks.start / self.run + 1 - whole;
        let in_cut = tasks.end - tasks.start - whole.saturating_mul(self.run);
        (whole.saturating_mul(self.run_tiles), cut.saturating_mul(self.run_tiles).min(in_cut))
    }

    /// What taking in one tile takes, beside what is held already.
    fn taking(&self) -> u64 {
        self.state.one.saturating_add(self.finished.one.saturating_mul(2))
    }

    /// As [`Room::gathered`], of one output.
    fn gathered(&self, tasks: &Range<u64>, workers: u64) -> u64 {
        let (finished, cut) = self.of_range(tasks);
        // Beside the run that tasks are taken from, each worker may hold up a tile that it is at, and the one
        // of the task that it has taken.
        let at_work =
            if self.tasks > 1 { self.run_tiles.saturating_add(2 * workers).min(finished) } else { 0 };
        self.finished.of(finished).saturating_add(self.held.of(cut.saturating_add(at_work)))
    }
}

/// The tiles of the outputs of a stage.
pub(super) struct Room {
    outputs: Vec<Tiles>,
    tasks: u64,
}

impl Room {
    /// Of a stage whose tasks are counted along these axes, outermost first.
    pub(super) fn new(stage: &Stage, kernel: &Kernel, order: &[usize]) -> Room {
        let outputs = kernel.terminals.iter().map(|t| Tiles::new(stage, t, order)).collect();
        Room { outputs, tasks: stage.grid.blocks() }
    }

    fn sum(&self, of: impl Fn(&Tiles) -> u64) -> u64 {
        self.outputs.iter().map(of).fold(0, u64::saturating_add)
    }

    fn most(&self, of: impl Fn(&Tiles) -> u64) -> u64 {
        self.outputs.iter().map(of).max().unwrap_or(0)
    }

    /// What so many workers have gathered at any time while they do a range of tasks, beside what is in their
    /// hands.
    pub(super) fn gathered(&self, tasks: &Range<u64>, workers: u64) -> u64 {
        self.sum(|t| t.gathered(tasks, workers))
    }

    /// What a worker takes to finish a tile of a range of tasks, beside its state.
    pub(super) fn finishing(&self, tasks: &Range<u64>) -> u64 {
        self.most(|t| if tasks.end - tasks.start < t.tasks { 0 } else { t.finished.one })
    }

    /// What a range of tasks has gathered while its states are written.
    pub(super) fn written(&self, tasks: &Range<u64>) -> u64 {
        let sent = |t: &Tiles| {
            let (finished, cut) = t.of_range(tasks);
            t.finished.of(finished).saturating_add(t.sent.of(cut))
        };
        self.sum(sent).saturating_add(self.most(|t| t.state.one))
    }

    /// Bytes that say of each tile whether it is finished.
    pub(super) fn marks(&self) -> u64 {
        self.sum(|t| t.count.div_ceil(64).saturating_mul(8))
    }

    /// What taking in one tile takes, beside what is held already.
    pub(super) fn taking(&self) -> u64 {
        self.most(Tiles::taking)
    }

    /// As [`Room::taking`], of a tile of one output.
    pub(super) fn taking_of(&self, output: usize) -> u64 {
        self.outputs[output].taking()
    }

    /// The largest partial of so many tasks.
    pub(super) fn partial(&self, tasks: u64) -> u64 {
        self.sum(|t| t.sent.of(tasks.min(t.count))).saturating_add(SAID_BYTES)
    }

    /// What merging into results takes at most, beside the results and the partial that is being taken in.
    pub(super) fn merging(&self) -> u64 {
        self.sum(|t| if t.tasks > 1 { t.state.all } else { 0 })
            .saturating_add(self.marks())
            .saturating_add(self.taking())
    }

    /// What merging into one partial takes at most, beside partials of up to `partial` bytes.
    pub(super) fn combining(&self, partial: u64) -> u64 {
        let held = self.sum(|t| if t.tasks > 1 { t.held.all } else { t.finished.all });
        let taken = held.saturating_add(partial);
        taken.max(self.partial(self.tasks)).saturating_add(self.taking()).saturating_add(SAID_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::grid::{Grid, unravel};
    use crate::ops::fold::{Collect, Landing, Reduce, SharedFold};
    use crate::ops::program::{Program, Step};
    use crate::ops::reduce::{ReduceSpec, Reduction};
    use std::collections::HashMap;

    fn room(grid: &Grid, fold: SharedFold, order: &[usize]) -> (Stage, Room) {
        let program = Program { inputs: vec![DType::F64], steps: vec![Step::Input(0)], outputs: vec![0] };
        let ready = fold.ready(Some(&[])).unwrap();
        let terminals = vec![Terminal { fold, ready, ports: [0usize][..].into(), narrow: false }];
        let stage =
            Stage { grid: grid.clone(), inputs: Vec::new(), program: program.clone(), outputs: Vec::new() };
        let room = Room::new(&stage, &Kernel { program, terminals }, order);
        (stage, room)
    }

    /// Of all ranges of some grids: what is finished and what is left open, against a count of every tile's tasks.
    #[test]
    fn what_a_range_finishes_is_counted() {
        let spec = ReduceSpec::new(Reduction::Sum, &[DType::F64]).unwrap();
        for blocks in [[3, 2, 4], [1, 4, 3], [4, 1, 1], [2, 3, 1]] {
            let shape: Vec<u64> = blocks.iter().map(|b| b * 5).collect();
            let grid = Grid::regular(&shape, &[5, 5, 5]);
            for set in 0..8 {
                let reduced: Vec<bool> = (0..3).map(|d| set >> d & 1 == 1).collect();
                let landing = Landing::over(&reduced);
                let fold = || match set {
                    0 => SharedFold::new(Collect::new(DType::F64, 3)),
                    _ => SharedFold::new(Reduce::new(spec.clone(), &reduced)),
                };
                for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                    let (stage, room) = room(&grid, fold(), &order);
                    let (tiles, all) = (&room.outputs[0], stage.grid.blocks());
                    let counts: Vec<u64> = order.iter().map(|&d| grid.counts()[d]).collect();
                    for start in 0..=all {
                        for end in start..=all {
                            let mut seen: HashMap<Vec<u64>, u64> = HashMap::new();
                            for task in start..end {
                                let mut place = [0; 3];
                                order.iter().zip(unravel(task, &counts)).for_each(|(&d, k)| place[d] = k);
                                let at = landing.kept(&place).to_vec();
                                *seen.entry(at).or_default() += 1;
                            }
                            let finished = seen.values().filter(|&&n| n == tiles.tasks).count() as u64;
                            let (surely, cut) = tiles.of_range(&(start..end));
                            let case = format!("{blocks:?} {reduced:?} {start}..{end}");
                            assert!(surely <= finished, "{case}");
                            assert!(
                                seen.len() as u64 <= surely + cut,
                                "{case}: {} {surely} {cut}",
                                seen.len()
                            );
                            assert!(tiles.tasks > 1 || cut == 0, "{case}");
                        }
                    }
                }
            }
        }
    }
}
