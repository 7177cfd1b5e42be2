//! Runs that let go of the interpreter and stop at Ctrl-C.

use crate::names::known;
use chunkwise::Cancel;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
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

type Job = Box<dyn FnOnce() + Send>;

/// Threads that wait for a job, and the process that they are of: none survives a fork.
static IDLE: Mutex<(u32, Vec<Sender<Job>>)> = Mutex::new((0, Vec::new()));

fn idle() -> Option<Sender<Job>> {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if idle.0 != process {
        // Those of the parent wait for nothing here; their channels are left as they are.
        std::mem::take(&mut idle.1).into_iter().for_each(std::mem::forget);
        idle.0 = process;
    }
    idle.1.pop()
}

/// Gives a job to a thread that waits for one, or to a new one.
fn give(mut job: Job) -> std::io::Result<()> {
    while let Some(thread) = idle() {
        match thread.send(job) {
            Ok(()) => return Ok(()),
            Err(back) => job = back.0,
        }
    }
    let (own, jobs) = channel::<Job>();
    std::thread::Builder::new().name("chunkwise-run".into()).spawn(move || {
        let mut next = Some(job);
        while let Some(job) = next {
            job();
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.0 == std::process::id() {
                idle.1.push(own.clone());
            }
            drop(idle);
            next = jobs.recv().ok();
        }
    })?;
    Ok(())
}

/// Runs something that takes long, without the interpreter. Where signals arrive (Python's main thread) it runs on another
/// thread, while this one asks for them; an exception that a handler raises, as Ctrl-C's does, stops the run.
///
/// # Errors
/// The exception of the handler; `OSError` if no thread can be started.
pub fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    cancel: &Cancel,
    f: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    let threading = known(py)?.threading.bind(py);
    let main = threading.call_method0("main_thread")?.is(&threading.call_method0("current_thread")?);
    if !main {
        return Ok(py.detach(f));
    }
    py.detach(|| {
        let (done, wait) = channel();
        give(Box::new(move || {
            let _ = done.send(catch_unwind(AssertUnwindSafe(f)));
        }))?;
        let mut raised = None;
        let ended = loop {
            match wait.recv_timeout(LOOKS) {
                Err(RecvTimeoutError::Timeout) if raised.is_none() => {
                    if let Err(e) = Python::attach(|py| py.check_signals()) {
                        cancel.cancel();
                        STOPPING.fetch_add(1, Ordering::Relaxed);
                        raised = Some(e);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                ended => break ended,
            }
        };
        if let Some(e) = raised {
            STOPPING.fetch_sub(1, Ordering::Relaxed);
            return Err(e);
        }
        match ended {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => {
                Err(pyo3::exceptions::PyRuntimeError::new_err("the thread of a run ended without a result"))
            }
        }
    })
}
