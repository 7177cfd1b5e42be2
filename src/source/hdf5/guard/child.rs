//! The process that looks at a file: limits first, then libhdf5, then one answer.

use super::super::facts::{self, Facts};
use super::super::{handles, look};
use super::wire::{Answer, flatten};
use crate::error::Result;
use crate::source::OpenOptions;
use serde::Serialize;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

/// The most address space, everything that is mapped included, so that less is ever resident.
const MEMORY: u64 = 896 << 20;
/// Seconds of processor time.
const PROCESSOR: u64 = 8;
/// Seconds after which it ends by itself, whatever became of who asked.
const LIFE: u32 = 12;

/// Answers the question that the arguments are, and ends the process.
pub(super) fn serve(arguments: Vec<OsString>) -> ! {
    let code = match reply(&arguments) {
        Ok(()) => 0,
        Err(e) => {
            // Nobody to tell if the pipe is closed.
            let _ = writeln!(io::stderr(), "{e}");
            2
        }
    };
    // SAFETY: it ends the process and returns never. Nothing is cleaned up: libhdf5 could crash at that
    // with what a damaged file left in it.
    unsafe { libc::_exit(code) }
}

fn reply(arguments: &[OsString]) -> Result<(), String> {
    let [version, question, file, object] = arguments else {
        return Err("this is started by chunkwise itself, to look at an untrusted file".into());
    };
    if version != env!("CARGO_PKG_VERSION") {
        let asking = version.to_string_lossy();
        return Err(format!("chunkwise {} is asked by chunkwise {asking}", env!("CARGO_PKG_VERSION")));
    }
    let object = object.to_str().ok_or("the name is not UTF-8")?;
    let file = Path::new(file);
    limit_this_process().map_err(|e| format!("cannot limit this process: {e}"))?;
    let text = match question.to_str() {
        Some("describe") => json(describe(file, object, OpenOptions::default())),
        Some("describe_decoded") => json(describe(file, object, OpenOptions::default().decode())),
        Some("tree") => json(look::look(file, object, false).map(flatten)),
        _ => return Err("an unknown question".into()),
    };
    let text = text.map_err(|e| format!("cannot write the answer: {e}"))?;
    let mut out = io::stdout().lock();
    out.write_all(&text).and_then(|()| out.flush()).map_err(|e| format!("cannot answer: {e}"))
}

fn describe(path: &Path, dataset: &str, options: OpenOptions) -> Result<Facts> {
    facts::gather(&handles::borrow(path)?, dataset, options)
}

fn json<T: Serialize>(outcome: Result<T>) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&match outcome {
        Ok(value) => Answer::Done(value),
        Err(e) => Answer::Failed((&e).into()),
    })
}

/// Limits on memory, time and what is written; the process dies with the one that started it.
fn limit_this_process() -> io::Result<()> {
    // At the first number of seconds it is told, at the second it is ended.
    let limits = [
        (libc::RLIMIT_AS, MEMORY, MEMORY),
        (libc::RLIMIT_CPU, PROCESSOR, PROCESSOR + 1),
        (libc::RLIMIT_CORE, 0, 0),
        (libc::RLIMIT_FSIZE, 0, 0),
    ];
    for (what, told, ended) in limits {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the structure lives through both calls.
        let refused = unsafe {
            libc::getrlimit(what, &mut limit) != 0 || {
                // Where there is a lower limit, that one stays.
                limit.rlim_max = limit.rlim_max.min(ended as libc::rlim_t);
                limit.rlim_cur = limit.rlim_cur.min(told as libc::rlim_t);
                libc::setrlimit(what, &limit) != 0
            }
        };
        // Not every system has a limit on memory.
        if refused && (cfg!(target_os = "linux") || what != libc::RLIMIT_AS) {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: these calls take numbers.
    unsafe {
        libc::alarm(LIFE);
        #[cfg(target_os = "linux")]
        {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // A pipe that takes core files does not ask for the limit.
            libc::prctl(libc::PR_SET_DUMPABLE, 0);
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            // Files that libhdf5 had open in the process that started this one are open here too.
            libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
        }
    }
    Ok(())
}
