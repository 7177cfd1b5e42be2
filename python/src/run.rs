//! Runs that let go of the interpreter and stop at Ctrl-C.

use crate::names::known;
use chunkwise::Cancel;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How many runs a signal is stopping. A task ends what it has begun, and many calls of Python may be one task: these look
/// here between them. They are those of other runs too, which end then with a `Cancelled` of their own.
static STOPPING: AtomicUsize = AtomicUsize::new(0);

/// Whether a signal is stopping a run.
pub fn stopping() -> bool {
    STOPPING.load(Ordering::Relaxed) > 0
}

/// How often Python is asked whether a signal came.
const LOOKS: Duration = Duration::from_millis(50);

/// Runs something that takes long, without the interpreter. Where signals arrive (Python's main thread) it runs on a
/// thread of its own, while this one asks for them; an exception that a handler raises, as Ctrl-C's does, stops the run.
///
/// # Errors
/// The exception of the handler.
pub fn interruptible<T: Send>(py: Python<'_>, cancel: &Cancel, f: impl FnOnce() -> T + Send) -> PyResult<T> {
    let threading = known(py)?.threading.bind(py);
    let main = threading.call_method0("main_thread")?.is(&threading.call_method0("current_thread")?);
    if !main {
        return Ok(py.detach(f));
    }
    py.detach(|| {
        std::thread::scope(|scope| {
            let (done, wait) = channel();
            let running = scope.spawn(move || {
                let value = f();
                let _ = done.send(());
                value
            });
            let mut raised = None;
            while let Err(RecvTimeoutError::Timeout) = wait.recv_timeout(LOOKS) {
                if raised.is_none()
                    && let Err(e) = Python::attach(|py| py.check_signals())
                {
                    cancel.cancel();
                    STOPPING.fetch_add(1, Ordering::Relaxed);
                    raised = Some(e);
                }
            }
            let ended = running.join();
            if raised.is_some() {
                STOPPING.fetch_sub(1, Ordering::Relaxed);
            }
            match (ended, raised) {
                (_, Some(e)) => Err(e),
                (Ok(value), None) => Ok(value),
                (Err(panic), None) => std::panic::resume_unwind(panic),
            }
        })
    })
}
