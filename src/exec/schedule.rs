//! Who does which task: workers side by side, tasks handed out in order.
//!
//! Tasks are claimed from one counter. A task of a megabyte is claimed by itself, so that the last ones end
//! together; tasks that are small are claimed in batches, for a counter that all cores write to is
//! handed round between them at tens of nanoseconds a turn, and so is all else that they count in common. What
//! a worker counts it therefore counts by itself and hands over now and then. Whoever takes which task
//! does not show in any result.
//!
//! Limits: batches need tasks that do not care who their neighbours are. Where blocks share chunks,
//! where a source is told of what comes, where a device collects, where blocks go on from those before them, and where a task ends a tile of the output,
//! tasks are claimed one by one, in the order that was counted with; where blocks share chunks, also no further ahead of the
//! oldest under way than these are kept for.

use super::context::RunContext;
use crate::error::{Error, Result};
use crate::ops::kernel::{Kernel, Terminal};
use crate::source::ReadStats;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of elements that a batch comes to, at most.
const BATCH_BYTES: u64 = 1 << 20;
/// Tasks in a batch.
const MAX_BATCH: u64 = 1024;
/// Batches that are left per worker when they begin to shrink.
const TAIL: u64 = 4;

/// Something that many cores write to, away from all else: two lines, which are fetched together.
#[repr(align(128))]
struct Apart<T>(T);

/// The tasks of a walk.
pub(super) struct Tasks {
    next: Apart<AtomicU64>,
    done: Apart<AtomicU64>,
    tasks: u64,
    workers: u64,
    batch: u64,
    pace: Option<Pace>,
}

/// How far apart tasks under way may be: what is kept for those to come was counted with that.
struct Pace {
    lead: u64,
    under_way: Mutex<Vec<u64>>,
    one_less: Condvar,
}

impl Pace {
    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tasks that a worker has claimed; others may go on from them when it is dropped.
pub(super) struct Claimed<'t> {
    pub range: Range<u64>,
    tasks: &'t Tasks,
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        if let Some(pace) = &self.tasks.pace {
            pace.lock().retain(|task| *task != self.range.start);
            pace.one_less.notify_all();
        }
    }
}

impl Tasks {
    /// So many tasks, claimed in batches of at most `batch`.
    pub(super) fn new(tasks: u64, workers: u64, batch: u64) -> Tasks {
        let count = || Apart(AtomicU64::new(0));
        let batch = batch.max(1);
        Tasks { next: count(), done: count(), tasks, workers: workers.max(1), batch, pace: None }
    }

    /// The same, claimed one by one, where the newest under way is less than `lead` ahead of the oldest. A task that waits
    /// for another must wait for one before it.
    pub(super) fn within(self, lead: Option<u64>) -> Tasks {
        let pace =
            |lead: u64| Pace { lead: lead.max(1), under_way: Mutex::default(), one_less: Condvar::new() };
        Tasks { batch: if lead.is_some() { 1 } else { self.batch }, pace: lead.map(pace), ..self }
    }

    /// The next tasks for a worker; nothing if all are taken.
    pub(super) fn claim(&self) -> Option<Claimed<'_>> {
        let range = match &self.pace {
            Some(pace) => self.in_pace(pace),
            None => self.any(),
        };
        range.map(|range| Claimed { range, tasks: self })
    }

    /// The next task, once the oldest under way is near enough.
    fn in_pace(&self, pace: &Pace) -> Option<Range<u64>> {
        let mut under_way = pace.lock();
        loop {
            let next = self.next.0.load(Relaxed);
            if next >= self.tasks {
                return None;
            }
            if under_way.iter().all(|task| next - task < pace.lead) {
                self.next.0.store(next + 1, Relaxed);
                under_way.push(next);
                return Some(next..next + 1);
            }
            under_way = pace.one_less.wait(under_way).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn any(&self) -> Option<Range<u64>> {
        if self.batch == 1 {
            // Workers come once more than there are tasks, which does not overflow.
            let i = self.next.0.fetch_add(1, Relaxed);
            return (i < self.tasks).then(|| i..i + 1);
        }
        let size = |next: u64| {
            let share = self.tasks.saturating_sub(next) / (self.workers * TAIL);
            self.batch.min(share).max(1)
        };
        let take = |next: u64| (next < self.tasks).then(|| next + size(next));
        let next = self.next.0.fetch_update(Relaxed, Relaxed, take).ok()?;
        Some(next..next + size(next))
    }

    /// Counts tasks that are done; gives how many there are by now.
    pub(super) fn finish(&self, tasks: u64) -> u64 {
        self.done.0.fetch_add(tasks, Relaxed) + tasks
    }
}

/// Tasks that may be claimed at a time, for blocks of up to the shape `largest`.
pub(super) fn batch(kernel: &Kernel, largest: &[u64]) -> u64 {
    // Tiles of the output are counted with as if workers moved on together.
    let one_tile = |t: &Terminal| t.fold.places() || !t.fold.landing().keeps_any();
    if !kernel.terminals.iter().all(one_tile) {
        return 1;
    }
    let element: usize = kernel.program.inputs.iter().map(|d| d.size()).sum();
    let bytes = largest.iter().fold(element.max(8) as u64, |n, &d| n.saturating_mul(d));
    (BATCH_BYTES / bytes.max(1)).clamp(1, MAX_BATCH)
}

/// What one worker counts of its reads, for itself; handed over when it is dropped.
pub(super) struct OwnStats<'a> {
    own: Apart<ReadStats>,
    all: &'a ReadStats,
}

impl<'a> OwnStats<'a> {
    pub(super) fn new(all: &'a ReadStats) -> OwnStats<'a> {
        OwnStats { own: Apart(all.apart()), all }
    }

    /// What the worker counts in.
    pub(super) fn own(&self) -> &ReadStats {
        &self.own.0
    }

    /// Hands over what was counted.
    pub(super) fn hand_over(&self) {
        self.all.absorb(&self.own.0);
    }
}

impl Drop for OwnStats<'_> {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// Runs `work` on as many workers side by side (a single one on the calling thread) and gives the first
/// error. The flag says that another worker has failed.
pub(super) fn on_workers(
    cx: &RunContext,
    workers: u64,
    work: &(dyn Fn(&AtomicBool) -> Result<()> + Sync),
) -> Result<()> {
    let failed = AtomicBool::new(false);
    let first_error: Mutex<Option<Error>> = Mutex::new(None);
    let worker = || {
        if let Err(e) = work(&failed) {
            failed.store(true, Relaxed);
            first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
        }
    };
    match cx.pool {
        Some(pool) if workers > 1 => {
            pool.in_place_scope(|scope| (0..workers).for_each(|_| scope.spawn(|_| worker())));
        }
        _ => worker(),
    }
    match first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(e) => Err(e),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claims everything from several threads; what each got, in order.
    fn claimed(tasks: &Tasks, threads: usize) -> Vec<Vec<Range<u64>>> {
        std::thread::scope(|s| {
            let claim = || std::iter::from_fn(|| tasks.claim().map(|c| c.range.clone())).collect();
            let workers: Vec<_> = (0..threads).map(|_| s.spawn(claim)).collect();
            workers.into_iter().map(|w| w.join().unwrap()).collect()
        })
    }

    #[test]
    fn every_task_is_claimed_once_and_each_worker_goes_forward() {
        for (n, workers, batch) in [(0, 1, 1), (1, 8, 64), (7, 2, 1024), (10_000, 8, 64), (9_999, 3, 1)] {
            let tasks = Tasks::new(n, workers, batch);
            let got = claimed(&tasks, workers as usize);
            assert!(got.iter().all(|g| g.is_sorted_by(|a, b| a.end <= b.start)));
            let mut all: Vec<Range<u64>> = got.into_iter().flatten().collect();
            all.sort_by_key(|r| r.start);
            assert!(all.iter().all(|r| !r.is_empty() && r.end - r.start <= batch));
            assert!(all.windows(2).all(|w| w[0].end == w[1].start));
            assert_eq!((all.first().map_or(0, |r| r.start), all.last().map_or(0, |r| r.end)), (0, n));
            assert!(tasks.claim().is_none());
        }
    }

    /// Many small tasks need few claims, and the last ones are spread.
    #[test]
    fn batches_are_large_at_first_and_small_at_the_end() {
        let tasks = Tasks::new(1_000_000, 4, 1024);
        let all: Vec<Range<u64>> = std::iter::from_fn(|| tasks.claim().map(|c| c.range.clone())).collect();
        assert!(all.len() < 1100, "{}", all.len());
        assert_eq!(all[0], 0..1024);
        for r in &all {
            // No batch is more than its share of what was left.
            assert!(r.end - r.start <= ((1_000_000 - r.start) / 16).max(1));
        }
        assert_eq!(all.last(), Some(&(999_999..1_000_000)));
    }

    /// One worker is held up in its first task: the others go on as far as they may and no further, and all is done in the
    /// end.
    #[test]
    fn nobody_runs_away_from_a_task_that_is_held_up() {
        let (tasks, lead) = (Tasks::new(100, 3, 64).within(Some(5)), 5);
        let held = tasks.claim().unwrap();
        assert_eq!(held.range, 0..1);
        let (others, newest) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    while let Some(claimed) = tasks.claim() {
                        newest.fetch_max(claimed.range.start, Relaxed);
                        others.fetch_add(1, Relaxed);
                    }
                });
            }
            while others.load(Relaxed) < lead - 1 {
                std::thread::yield_now();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert_eq!((others.load(Relaxed), newest.load(Relaxed)), (lead - 1, lead - 1));
            drop(held);
        });
        assert_eq!(others.load(Relaxed), 99);
        assert!(tasks.claim().is_none());
    }
}
