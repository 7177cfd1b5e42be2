//! Runs of a program that are watched: how it ended, what it said, how long it took and what it held at
//! most; and processes that are left over.
#![allow(dead_code)]

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a run went.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub out: String,
    pub err: String,
    /// The most memory that it, or a process that it waited for, held at once.
    pub peak: u64,
    pub took: Duration,
    /// Whether it had to be ended.
    pub late: bool,
}

/// Runs a command and ends it after `patience`.
pub fn watched(command: &mut Command, patience: Duration) -> Ran {
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let start = Instant::now();
    // wait4 below waits for it, and says what it used.
    #[allow(clippy::zombie_processes)]
    let child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap())
        .spawn()
        .unwrap();
    let pid = child.id() as libc::pid_t;
    let (mut status, mut late) = (0, false);
    // SAFETY: a structure of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: the process is a child that nobody else waits for; both structures live.
        match unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, &mut usage) } {
            0 if !late && start.elapsed() > patience => {
                late = true;
                // SAFETY: a signal to a child that was not waited for.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            0 => std::thread::sleep(Duration::from_millis(2)),
            n => {
                assert_eq!(n, pid);
                break;
            }
        }
    }
    let took = start.elapsed();
    let status = ExitStatus::from_raw(status);
    let text = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    Ran {
        code: status.code(),
        signal: status.signal(),
        out: text(&mut out),
        err: text(&mut err),
        peak: usage.ru_maxrss as u64 * unit,
        took,
        late,
    }
}

/// Gives a command at most so much address space, and no core files.
pub fn with_space(command: &mut Command, bytes: u64) -> &mut Command {
    let limit = move || {
        for (what, most) in [(libc::RLIMIT_AS, bytes), (libc::RLIMIT_CORE, 0)] {
            let limit = libc::rlimit { rlim_cur: most as libc::rlim_t, rlim_max: most as libc::rlim_t };
            // SAFETY: the structure lives.
            if unsafe { libc::setrlimit(what, &limit) } != 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec it only makes system calls.
    unsafe { command.pre_exec(limit) }
}

/// The processes that a process started and that have not ended (Linux).
pub fn children(of: u32) -> Vec<u32> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
        if parent(pid) == Some(of) {
            out.push(pid);
        }
    }
    out
}

/// Whether a process has not ended (Linux).
pub fn alive(pid: u32) -> bool {
    parent(pid).is_some()
}

/// Who started it, if it has not ended.
fn parent(pid: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, can have anything in it.
    let mut rest = text[text.rfind(')')? + 1..].split_whitespace();
    let state = rest.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    rest.next()?.parse().ok()
}

/// Waits until something is so; whether it came to be.
pub fn soon(patience: Duration, mut so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !so() {
        if start.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}
