//! What signals do: Ctrl-C and the like ask a run to stop, and end everything else at once.
//!
//! A run that was asked ends with an error like any other, and takes away what it was writing. A second signal,
//! or one while nothing runs that could be asked (files are being opened, a listing is made), ends the program;
//! files under way are removed. A signal that the parent has set to be ignored (`nohup`) stays ignored.
//! A file that becomes larger than the limit (SIGXFSZ) is an error of writing.

use chunkwise::{Cancel, whole};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};

/// How many runs are under way.
static RUNNING: AtomicU32 = AtomicU32::new(0);
/// Whether the runs were asked to stop.
static ASKED: AtomicBool = AtomicBool::new(false);

/// The last signal that came, 0 for none.
static CAME: AtomicI32 = AtomicI32::new(0);

/// What the process says to whoever started it, if a signal came that asked no run to stop: it ends the program, and what
/// fails meanwhile fails of it, as another process that the same Ctrl-C ended.
pub fn ended() -> Option<u8> {
    let signal = CAME.load(SeqCst);
    (signal > 0 && !ASKED.load(SeqCst)).then_some(128 + signal as u8)
}

/// As long as it is there, a first signal asks a run to stop.
pub struct Run(());

impl Run {
    /// Something begins that hears when it is cancelled.
    pub fn begin() -> Run {
        RUNNING.fetch_add(1, SeqCst);
        Run(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, SeqCst);
    }
}

/// A signal came.
fn heard(signal: i32, cancel: &Cancel) {
    if RUNNING.load(SeqCst) > 0 && !ASKED.swap(true, SeqCst) {
        return cancel.cancel();
    }
    whole::remove_parts();
    // At once: what libraries do at an exit could wait for threads that are in the middle of something.
    #[cfg(unix)]
    // SAFETY: it ends the process and returns never.
    unsafe {
        libc::_exit(128 + signal)
    }
    #[cfg(not(unix))]
    std::process::exit(128 + signal);
}

/// Listens from now on.
#[cfg(unix)]
pub fn listen(cancel: &Cancel) {
    use std::io::Read;
    let Ok((mut reader, writer)) = std::io::pipe() else { return };
    PIPE.store(std::os::fd::IntoRawFd::into_raw_fd(writer), SeqCst);
    let cancel = cancel.clone();
    let listener = std::thread::Builder::new().name("signals".into()).spawn(move || {
        let mut signal = [0];
        while reader.read_exact(&mut signal).is_ok() {
            heard(signal[0].into(), &cancel);
        }
    });
    // Without a listener a signal still ends the program, only less tidily.
    if listener.is_err() {
        return;
    }
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        handle(signal, forward);
    }
    handle(libc::SIGXFSZ, pass_over);
}

/// Where signals are written to.
#[cfg(unix)]
static PIPE: AtomicI32 = AtomicI32::new(-1);

#[cfg(unix)]
extern "C" fn forward(signal: libc::c_int) {
    CAME.store(signal, SeqCst);
    let byte = signal as u8;
    // SAFETY: write is one of the calls that a handler may make; the byte lives, and the pipe is never closed.
    // A full pipe would block, but the listener reads what was asked twice.
    unsafe { libc::write(PIPE.load(SeqCst), (&raw const byte).cast(), 1) };
}

#[cfg(unix)]
extern "C" fn pass_over(_: libc::c_int) {}

/// Sets what a signal does, unless it is ignored.
#[cfg(unix)]
fn handle(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) {
    // SAFETY: both structures are plain data, of which all zeros is a value, and live through the calls; the
    // handler makes only calls that handlers may make.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, std::ptr::null(), &mut now) != 0 || now.sa_sigaction == libc::SIG_IGN {
            return;
        }
        let mut new: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = handler as *const () as libc::sighandler_t;
        new.sa_flags = libc::SA_RESTART;
        libc::sigaction(signal, &new, std::ptr::null_mut());
    }
}

/// Listens from now on.
#[cfg(not(unix))]
pub fn listen(cancel: &Cancel) {
    let cancel = cancel.clone();
    // Without a handler Ctrl-C still ends the program, only less tidily.
    let _ = ctrlc::set_handler(move || heard(2, &cancel));
}
