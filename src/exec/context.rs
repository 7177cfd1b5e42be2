//! What a run has beside its plan: devices, threads, and who hears of it.

use super::report::{Cancel, Progress};
use crate::backend::Backend;
use crate::ops::simd::Simd;
use crate::trace::Trace;
use std::sync::Arc;

/// Called now and then with how far a run is.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);

/// What a run needs beside its plan.
pub struct RunContext<'a> {
    /// The CPU, on which anything can run.
    pub cpu: &'a dyn Backend,
    /// The GPU, for stages that are placed on it.
    pub gpu: Option<&'a dyn Backend>,
    /// Whether work that the GPU fails at is an error, rather than the CPU's.
    pub refuse_fallback: bool,
    /// Its vector level.
    pub simd: Simd,
    /// Threads for more than one worker.
    pub pool: Option<&'a rayon::ThreadPool>,
    /// Stops the run.
    pub cancel: &'a Cancel,
    /// Hears of progress.
    pub progress: Option<OnProgress<'a>>,
    /// Where it is written down when what was done.
    pub trace: Option<&'a Arc<Trace>>,
}
