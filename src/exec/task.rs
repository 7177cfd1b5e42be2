//! The work of one task: its inputs come into memory, the kernel runs over them while they are in the cache,
//! and what the block has completed is given up.
//!
//! A worker does one task after the other: it has a [`Reader`], a [`Lane`] (where blocks run) and what it has
//! gathered and not handed over. Between two tasks it can be put aside ([`Rested`]), with its buffers, runners
//! and a device's slots, and go on on another thread. Parts of blocks ([`parts`](super::parts)) are a matter
//! of the lane; they do not show here.

use super::budget;
use super::collect::Local;
use super::collector::Collect;
use super::context::RunContext;
use super::lane::{self, Lane};
use super::reader::{self, Reader, Reading};
use super::report::Counters;
use super::stage::StageRun;
use crate::backend::DeviceKind;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::ops::elementwise::Events;
use crate::ops::kernel::Held;
use crate::source::ReadStats;
use crate::trace;
use std::time::Instant;

/// One of those who do the tasks of a pass.
pub(super) struct Worker<'a, C> {
    run: &'a StageRun<'a>,
    collector: &'a C,
    cx: &'a RunContext<'a>,
    counters: &'a Counters,
    reader: Reader<'a>,
    lane: Lane<'a>,
    local: Local,
    /// What is counted as held beside the reader's buffers.
    held: budget::Held,
    /// Bytes of states that are not written where they belong, and what handing on takes.
    state_bytes: u64,
    /// Bytes of those that are gone once a task is over.
    gone_bytes: u64,
    events: Events,
    woke: Instant,
}

/// A worker that was put aside between two tasks.
pub(super) struct Rested {
    reader: reader::Rested,
    lane: lane::Rested,
    held: budget::Held,
}

impl Rested {
    /// A worker that has done nothing yet.
    pub(super) fn new(counters: &Counters) -> Rested {
        let meter = &counters.meter;
        Rested {
            reader: reader::Rested::new(meter),
            lane: lane::Rested::default(),
            held: budget::Held::new(meter),
        }
    }
}

impl<'a, C: Collect> Worker<'a, C> {
    /// A worker for a pass, out of one that was put aside for the same stage.
    ///
    /// # Errors
    /// `Device` if the device fails and fallback is refused.
    pub(super) fn wake(
        rested: Rested,
        run: &'a StageRun<'a>,
        collector: &'a C,
        stats: &'a ReadStats,
        cx: &'a RunContext<'a>,
        counters: &'a Counters,
    ) -> Result<Self> {
        let stage = run.stage();
        let placement = &run.bound.placement;
        let reader = rested.reader.wake(Reading {
            plan: run.plan,
            values: run.values,
            windows: run.windows,
            cache: &run.shared.cache,
            kept: Some(run.kept),
            sharing: Some((&stage.grid, &run.pass.window, &stage.inputs)),
            stats,
            cpu: cx.cpu,
            simd: cx.simd,
            products: cx.gpu.filter(|_| placement.device != DeviceKind::Cpu),
            must_multiply: cx.refuse_fallback,
        });
        let lane = rested.lane.wake(
            &stage.inputs,
            run.kernel,
            &run.domain,
            run.largest.clone(),
            placement,
            cx,
            counters,
        )?;
        let (mut state_bytes, mut gone_bytes) = (collector.handing(), 0);
        for (k, t) in run.kernel.terminals.iter().enumerate() {
            let places = t.fold.places();
            let in_place = places && lane.collects_in_place() && collector.has_place(k);
            let Held { elements, carried } = t.held_bytes(&run.largest, &stage.grid, in_place);
            state_bytes += elements + carried;
            gone_bytes += if places && !in_place && collector.takes_away() { elements } else { 0 };
        }
        Ok(Worker {
            run,
            collector,
            cx,
            counters,
            reader,
            lane,
            local: collector.gathers().local(),
            held: rested.held,
            state_bytes,
            gone_bytes,
            events: Events::default(),
            woke: Instant::now(),
        })
    }

    /// Does a task.
    ///
    /// # Errors
    /// What reading, computing and taking what was computed can meet; `Cancelled`.
    #[inline]
    pub(super) fn task(&mut self, i: u64) -> Result<()> {
        let turn = self.run.shared.carries.turn(i);
        turn.end(self.block(i))
    }

    #[inline]
    fn block(&mut self, i: u64) -> Result<()> {
        let run = self.run;
        if self.cx.cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "the run was cancelled")
                .at("task", format!("{i} of {}", run.walk.tasks)));
        }
        trace::set_task(i);
        if let Some(ahead) = &run.shared.ahead {
            ahead.take(i, &|i| run.region(&run.walk.coords(i)), &mut self.reader);
        }
        let coords = run.walk.coords(i);
        let block = run.region(&coords);
        let label = run.label();
        let gathers = self.collector.gathers();
        if gathers.moves(&self.local, &coords) {
            self.events |= self.lane.flush(&mut self.reader, self.local.states()).at("operation", label)?;
        }
        self.held.set(self.lane.bytes() + self.state_bytes);
        let in_place = self.lane.collects_in_place();
        let states = gathers.begin(&mut self.local, &coords, &block, in_place)?;
        self.events |= self.lane.run(&mut self.reader, &block, states).at("operation", label)?;
        if self.lane.collects_late() {
            self.events |= self.lane.flush(&mut self.reader, self.local.states()).at("operation", label)?;
        }
        run.shared.carries.go_on(i, &coords, &block.shape, self.local.states())?;
        self.held.set(self.lane.bytes() + self.state_bytes - self.gone_bytes);
        self.collector.end(&mut self.local, i, &coords, &block)?;
        self.reader.count();
        Ok(())
    }

    /// Hands over what is left when there are no more tasks.
    ///
    /// # Errors
    /// As [`Worker::task`].
    pub(super) fn finish(mut self) -> Result<()> {
        let label = self.run.label();
        self.events |= self.lane.flush(&mut self.reader, self.local.states()).at("operation", label)?;
        self.collector.gathers().flush(&mut self.local)?;
        self.tell();
        Ok(())
    }

    /// Puts the worker aside until there are tasks again. Nothing may be gathered or under way: all that
    /// its tasks made has been taken.
    pub(super) fn rest(mut self) -> Rested {
        self.tell();
        Rested { reader: self.reader.rest(), lane: self.lane.rest(), held: self.held }
    }

    /// Tells how long it was awake and what was met: notes of elements, and products that a device left to the CPU.
    fn tell(&mut self) {
        self.counters.worked(self.woke.elapsed());
        self.reader.products.fallbacks.iter().for_each(|f| self.counters.fell_back(&f.reason, f.tasks));
        self.events |= self.reader.events;
        for text in self.events.notes() {
            self.counters.note(text.to_string());
        }
    }
}
