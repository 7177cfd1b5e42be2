//! The other process, seen from this one: started, listened to for a while, and ended.

use super::wire::plain;
use crate::error::{Error, ErrorKind, Result};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// The most bytes of an answer. What is made of it takes at most ten times that.
const ANSWER: usize = 64 << 20;
/// Bytes of its complaints that are kept.
const COMPLAINTS: usize = 4096;
/// How often it is asked whether it has ended, once it says nothing more.
const TICK: Duration = Duration::from_millis(1);

/// Dead and gone when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a program answers.
pub(super) fn answer(program: &Path, arguments: &[OsString]) -> Result<Vec<u8>> {
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut running = Running(spawned.map_err(|e| {
        Error::new(ErrorKind::Io, "cannot start the program that looks at untrusted files")
            .at("program", program.display())
            .hint("CHUNKWISE_PROBE can name the chunkwise program")
            .caused_by(e)
    })?);
    let mut heard = Heard::default();
    let status = heard.listen(&mut running.0, Instant::now() + PATIENCE)?;
    match status.code() {
        Some(0) => Ok(heard.answer),
        Some(_) => Err(heard.obituary(status).at("program", program.display())),
        None => Err(heard.obituary(status)),
    }
}

/// Its answer and its complaints, until they are closed.
type Pipes = [Option<File>; 2];

#[derive(Default)]
struct Heard {
    answer: Vec<u8>,
    complaints: Vec<u8>,
}

impl Heard {
    /// Takes in what it says until it ends.
    fn listen(&mut self, child: &mut Child, deadline: Instant) -> Result<ExitStatus> {
        let file = |pipe: OwnedFd| File::from(pipe);
        let mut pipes: Pipes = [
            child.stdout.take().map(|pipe| file(pipe.into())),
            child.stderr.take().map(|pipe| file(pipe.into())),
        ];
        let mut buffer = vec![0; 64 << 10];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(harmful(format!(
                    "libhdf5 was not done with the file after {} s, in a process of its own, which was ended",
                    PATIENCE.as_secs()
                )));
            }
            // An answer is complete when its pipe is closed. Complaints may go on until the end, and
            // longer, where something else holds the pipe.
            let ended = match &pipes[0] {
                Some(_) => None,
                None => child.try_wait().map_err(lost)?,
            };
            let patience = match (&pipes[0], ended) {
                (Some(_), _) => left,
                (None, None) => left.min(TICK),
                (None, Some(_)) => Duration::ZERO,
            };
            let ready = readable(&pipes, patience).map_err(lost)?;
            if let (Some(status), false) = (ended, ready[1]) {
                return Ok(status);
            }
            for which in 0..2 {
                if ready[which] && !self.take(which, &mut pipes, &mut buffer)? {
                    pipes[which] = None;
                }
            }
        }
    }

    /// Takes what is in a pipe; whether there can be more.
    fn take(&mut self, which: usize, pipes: &mut Pipes, buffer: &mut [u8]) -> Result<bool> {
        let Some(pipe) = &mut pipes[which] else { return Ok(false) };
        let got = match pipe.read(buffer) {
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(e) => return Err(lost(e)),
        };
        let (kept, most) = match which {
            0 => (&mut self.answer, ANSWER),
            _ => (&mut self.complaints, COMPLAINTS),
        };
        let room = most - kept.len();
        if which == 0 && got > room {
            return Err(harmful(format!(
                "the process that looked at the file answered with more than {} MiB, and was ended",
                ANSWER >> 20
            )));
        }
        kept.extend_from_slice(&buffer[..got.min(room)]);
        Ok(got > 0)
    }

    /// The error for how it ended.
    fn obituary(&self, status: ExitStatus) -> Error {
        let complaints = String::from_utf8_lossy(&self.complaints);
        let said = complaints.lines().map(str::trim).find(|line| !line.is_empty());
        let e = match status.signal() {
            // From the terminal, to both of us.
            Some(libc::SIGINT) => {
                return Error::new(ErrorKind::Cancelled, "the look at the file was cancelled");
            }
            Some(libc::SIGXCPU) => harmful(
                "libhdf5 took too much processor time over the file, in a process of its own, which was ended",
            ),
            Some(signal) => harmful(format!(
                "libhdf5 died with signal {signal}{} while it looked at the file, in a process of its own",
                name(signal).map(|n| format!(" ({n})")).unwrap_or_default()
            )),
            None => harmful(format!(
                "the process that looked at the file ended with code {}",
                status.code().unwrap_or(-1)
            )),
        };
        match said {
            Some(line) => e.caused_by(plain(line)),
            None => e,
        }
    }
}

fn harmful(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Format, message)
        .hint("the file is damaged or made to do harm: get it again, from where you trust it")
}

/// Something is wrong with the pipes or the process, not with the file.
fn lost(e: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot follow the process that looks at the file").caused_by(e)
}

fn name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGKILL => "SIGKILL",
        libc::SIGTERM => "SIGTERM",
        libc::SIGALRM => "SIGALRM",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

/// Which pipes have something, or are at their end; waits for that at most so long.
fn readable(pipes: &Pipes, patience: Duration) -> io::Result<[bool; 2]> {
    // poll passes over negative numbers.
    let number = |pipe: &Option<File>| pipe.as_ref().map_or(-1, AsRawFd::as_raw_fd);
    let mut asked = [0, 1].map(|i| libc::pollfd { fd: number(&pipes[i]), events: libc::POLLIN, revents: 0 });
    // Rounded up, so that the end of patience is not waited for in circles.
    let ms = patience.as_micros().div_ceil(1000) as libc::c_int;
    // SAFETY: the array lives through the call, and has the length that is given.
    if unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, ms) } < 0 {
        let e = io::Error::last_os_error();
        return if e.kind() == io::ErrorKind::Interrupted { Ok([false; 2]) } else { Err(e) };
    }
    Ok(asked.map(|p| p.revents != 0))
}
