//! Workers side by side, and the first error of any.

use super::RunContext;
use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Runs `work` on as many workers side by side (a single one on the calling thread) and gives the first
/// error. The flag says that another worker has failed. All workers have ended when this returns, or goes
/// on with a panic of one: they are scoped.
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
