//! Where what a pass makes goes: into results in memory, into partials for another machine, or on, block
//! by block, to whoever takes it.
//!
//! All three gather alike ([`Collector`]): a worker adds up what it is at by itself and hands it over when
//! it moves on. They differ in what becomes of a block's own elements, and in where those are meanwhile.

use super::collect::{Collector, Local};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::grid::Region;
use crate::plan::{Ends, Pass, Stage, ValueId};

/// A block of a result that is handed on.
pub struct Handed<'a> {
    /// The result.
    pub value: ValueId,
    /// The task, counted in the order of the walk.
    pub task: u64,
    /// The part of the result.
    pub region: &'a Region,
    /// Its elements in C order; whoever keeps them takes them.
    pub elements: &'a mut Buffer,
}

/// Takes blocks of results, from any worker.
pub trait Taker: Sync {
    /// Takes a block. What it holds meanwhile is what binding was told ([`Ends`](crate::plan::Ends)).
    ///
    /// # Errors
    /// Whatever taking it can meet; the run ends with it.
    fn take(&self, block: Handed) -> Result<()>;

    /// Whether it keeps the elements that it is given, so that the worker no longer holds them.
    fn keeps(&self) -> bool {
        false
    }

    /// A stage is over: no block comes before the next one, and nothing may be held for them.
    fn rest(&self) {}
}

/// What becomes of what the tasks of a pass make.
pub(super) trait Collect: Sync {
    /// What is gathered until a tile of the output, or the pass, is over.
    fn gathers(&self) -> &Collector<'_>;

    /// Whether elements collected for output `k` of the pass may be written where they belong.
    fn has_place(&self, k: usize) -> bool {
        self.gathers().has_place(k)
    }

    /// Bytes that a worker holds to hand a block on.
    fn handing(&self) -> u64 {
        0
    }

    /// Whether a worker no longer holds what it collected, once it was taken.
    fn takes_away(&self) -> bool {
        false
    }

    /// Takes what a block has completed: its collected elements.
    ///
    /// # Errors
    /// What taking them fails with.
    fn end(&self, local: &mut Local, _task: u64, coords: &[u64], block: &Region) -> Result<()> {
        self.gathers().end(local, coords, block)
    }
}

/// Results in memory.
pub(super) struct ToResults<'a>(pub Collector<'a>);

impl Collect for ToResults<'_> {
    fn gathers(&self) -> &Collector<'_> {
        &self.0
    }
}

/// Partials, in which tiles are finished that have all of their tasks.
pub(super) struct ToPartials<'a>(pub Collector<'a>);

impl Collect for ToPartials<'_> {
    fn gathers(&self) -> &Collector<'_> {
        &self.0
    }
}

/// Some outputs go on in blocks; the others are results in memory.
pub(super) struct HandOn<'a> {
    gathers: Collector<'a>,
    /// Per output of the pass, the value that goes on.
    streamed: Vec<Option<ValueId>>,
    taker: &'a dyn Taker,
    handing: u64,
}

impl<'a> HandOn<'a> {
    /// Hands the outputs that are streamed to `taker`.
    pub(super) fn new(
        gathers: Collector<'a>,
        stage: &Stage,
        pass: &Pass,
        ends: &Ends,
        taker: &'a dyn Taker,
    ) -> Self {
        let value = |&o: &usize| Some(stage.outputs[o].value).filter(|&v| ends.streams(v));
        let streamed: Vec<_> = pass.outputs.iter().map(value).collect();
        let handing = if streamed.iter().any(Option::is_some) { ends.handing } else { 0 };
        HandOn { gathers, streamed, taker, handing }
    }

    /// The results that were gathered beside.
    pub(super) fn into_gathers(self) -> Collector<'a> {
        self.gathers
    }
}

impl Collect for HandOn<'_> {
    fn gathers(&self) -> &Collector<'_> {
        &self.gathers
    }

    fn handing(&self) -> u64 {
        self.handing
    }

    fn takes_away(&self) -> bool {
        self.taker.keeps()
    }

    fn end(&self, local: &mut Local, task: u64, coords: &[u64], block: &Region) -> Result<()> {
        for (state, value) in local.states().iter_mut().zip(&self.streamed) {
            if let (Some(elements), &Some(value)) = (state.elements(), value) {
                self.taker.take(Handed { value, task, region: block, elements })?;
            }
        }
        self.gathers.end(local, coords, block)
    }
}
