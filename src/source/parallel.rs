//! Opening many files, by several threads.

use crate::error::Result;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The most threads that open files.
const MAX_OPENERS: usize = 8;

/// `f` of 0 to `n`, by several threads; the first error in order, if there is one.
pub(super) fn in_parallel<T: Send>(n: usize, f: &(dyn Fn(usize) -> Result<T> + Sync)) -> Result<Vec<T>> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(MAX_OPENERS).min(n);
    if threads < 2 {
        return (0..n).map(f).collect();
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        let mut made = Vec::new();
        // What is begun is finished, so that all before the first error are there.
        while !failed.load(Relaxed) {
            let i = next.fetch_add(1, Relaxed);
            if i >= n {
                break;
            }
            let one = f(i);
            failed.fetch_or(one.is_err(), Relaxed);
            made.push((i, one));
        }
        made
    };
    let mut all: Vec<(usize, Result<T>)> = std::thread::scope(|s| {
        let helpers: Vec<_> = (1..threads).map(|_| s.spawn(work)).collect();
        let mut all = work();
        for helper in helpers {
            match helper.join() {
                Ok(made) => all.extend(made),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, one)| one).collect()
}
