//! Files that could have been made to do harm: libhdf5 looks at them in a process of its own.
//!
//! libhdf5 crashes on some damaged files, and takes the process along. With [`OpenOptions::untrusted`] this
//! process never gives it the file. Where the metadata is not read by this crate's own code (because it does not
//! know a structure, or because [`OpenOptions::reader`] asks for libhdf5), it starts another process, which limits
//! its own memory and time, lets libhdf5 look, and answers over a pipe in JSON (`wire.rs`). A crash, a hang or an
//! answer without end is then an error like any other. The answer is believed no more than the file: it is checked
//! as if it came from there, and the data is read by positioned reads and decoders of this crate.
//! What only libhdf5 can read is refused.
//!
//! That process is the `chunkwise` program, or a program that calls [`serve_if_asked`] first of all.
//!
//! Limits: it is a guard against crashes, hangs and memory, not a sandbox for code that a file could smuggle
//! in: the process has the rights of its user. Unix only; macOS does not enforce the limit on memory.
//!
//! [`OpenOptions::untrusted`]: crate::OpenOptions::untrusted
//! [`OpenOptions::reader`]: crate::OpenOptions::reader

#[cfg_attr(not(unix), allow(dead_code))]
mod wire;

#[cfg(unix)]
mod child;
#[cfg(unix)]
mod run;

use super::dataset::Hdf5Source;
use super::facts::Facts;
use super::handles;
use super::tree::Node;
use crate::error::{Error, ErrorKind, Result};
use crate::size::human_bytes;
use crate::source::{OpenOptions, Source};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The first argument of a process that shall look at a file.
const ASKED: &str = "chunkwise-probe";
/// Names the program that looks at files.
#[cfg(unix)]
const VARIABLE: &str = "CHUNKWISE_PROBE";

/// An array of an untrusted file has at most so many bytes, and so many more for each byte of the file: no
/// compression that is common makes more of zeros.
const MOST_BYTES: u64 = 1 << 30;
const MOST_TIMES: u64 = 1 << 10;
/// It has at most so many chunks, and one more for each byte of the file.
const MOST_CHUNKS: u64 = 1 << 20;
/// A chunk of it has at most so many bytes.
const MOST_CHUNK: u64 = 256 << 20;

/// Whether the program that runs now calls [`serve_if_asked`].
static ANNOUNCED: AtomicBool = AtomicBool::new(false);
static PROGRAM: Mutex<Option<PathBuf>> = Mutex::new(None);

/// If this process was started to look at a file, does that and ends; returns at once otherwise.
///
/// A program that opens untrusted files calls it first thing in `main`, so that it can start itself for
/// that. One that does not needs the `chunkwise` program beside it or on `PATH`, or named by the
/// environment variable `CHUNKWISE_PROBE` or [`set_program`].
///
/// ```no_run
/// use chunkwise::source::hdf5::guard;
/// use chunkwise::{Array, OpenOptions};
///
/// fn main() -> chunkwise::Result<()> {
///     guard::serve_if_asked();
///     let options = OpenOptions::new().untrusted();
///     let rho = Array::open_with("downloaded.h5", "/PartType0/Density", options)?;
///     # let _ = rho;
///     Ok(())
/// }
/// ```
pub fn serve_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == ASKED) {
        #[cfg(unix)]
        child::serve(arguments.collect());
        #[cfg(not(unix))]
        std::process::exit(2);
    }
    ANNOUNCED.store(true, Relaxed);
}

/// Says which program looks at untrusted files from now on: `chunkwise`, or one that calls
/// [`serve_if_asked`].
pub fn set_program(program: impl Into<PathBuf>) {
    *PROGRAM.lock().unwrap_or_else(|e| e.into_inner()) = Some(program.into());
}

/// The program that looks at files.
#[cfg(unix)]
fn program() -> Result<PathBuf> {
    if let Some(set) = PROGRAM.lock().unwrap_or_else(|e| e.into_inner()).clone() {
        return Ok(set);
    }
    if let Some(named) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) {
        return Ok(named.into());
    }
    let here = std::env::current_exe().ok();
    if ANNOUNCED.load(Relaxed)
        && let Some(here) = &here
    {
        return Ok(here.clone());
    }
    let beside = here.as_ref().and_then(|here| here.parent()).map(Path::to_path_buf);
    let path = std::env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(std::env::split_paths(&path))
        // An empty entry means the current folder, where anything could lie.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("chunkwise"))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                "there is no chunkwise program that could look at the untrusted file",
            )
            .hint(format!(
                "put it on PATH, name it in {VARIABLE}, or call source::hdf5::guard::serve_if_asked() first thing in main"
            ))
        })
}

/// Fails where options exclude each other.
pub(in crate::source) fn check_options(options: OpenOptions) -> Result<()> {
    let other = match options {
        OpenOptions { untrusted: true, allow_external: true, .. } => "data in other files (allow_external)",
        OpenOptions { untrusted: true, allow_plugins: true, .. } => "HDF5 plugins (allow_plugins)",
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Value, format!("a file cannot be untrusted and be allowed {other}")))
}

/// What the other process says about a dataset.
pub(super) fn facts(canonical: &Path, dataset: &str, options: OpenOptions) -> Result<Facts> {
    let question = if options.decode { "describe_decoded" } else { "describe" };
    wire::receive(&ask(question, canonical, dataset)?)
}

/// Fails for a source of an untrusted file that this process should not read.
pub(super) fn check_source(source: &Hdf5Source) -> Result<()> {
    if let Some(why) = source.through_library() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "only libhdf5 can read this, and it is not given an untrusted file: {}",
                wire::plain(why)
            ),
        )
        .hint("open the file as a trusted one if you know where it is from, or rewrite it with h5repack"));
    }
    // What is not stored takes time, too.
    let bytes = source.shape().iter().product::<u64>().saturating_mul(source.dtype().size() as u64);
    let chunks = source.chunks().map_or(1, |chunks| {
        (0..).zip(source.shape()).fold(1u64, |n, (d, &len)| n.saturating_mul(chunks.count(d, len)))
    });
    let (file, chunk) = (source.fingerprint().size, source.chunk_bytes());
    let what = if bytes > MOST_BYTES.saturating_add(file.saturating_mul(MOST_TIMES)) {
        format!("an array of {}", human_bytes(bytes))
    } else if chunks > MOST_CHUNKS.saturating_add(file) {
        format!("an array of {chunks} chunks")
    } else if chunk > MOST_CHUNK {
        format!("chunks of {}", human_bytes(chunk))
    } else {
        return Ok(());
    };
    let message = format!("an untrusted file of {} says that it has {what}", human_bytes(file));
    Err(Error::new(ErrorKind::Unsupported, message)
        .hint("open the file as a trusted one if you know where it is from"))
}

/// What is at `object` in the file at `canonical`, as the other process sees it.
pub(super) fn tree(canonical: &Path, object: &str) -> Result<Node> {
    // What is no file is not given to anyone.
    handles::state(canonical)?;
    wire::rebuild(wire::receive(&ask("tree", canonical, object)?)?)
}

/// The answer to a question about a file, as it came.
#[cfg(unix)]
fn ask(question: &str, file: &Path, object: &str) -> Result<Vec<u8>> {
    if object.contains('\0') {
        return Err(Error::new(ErrorKind::NotFound, format!("a NUL byte in the name {object:?}")));
    }
    let words: [&OsStr; 5] = [
        ASKED.as_ref(),
        env!("CARGO_PKG_VERSION").as_ref(),
        question.as_ref(),
        file.as_os_str(),
        object.as_ref(),
    ];
    run::answer(&program()?, &words.map(OsString::from))
}

#[cfg(not(unix))]
fn ask(_: &str, _: &Path, _: &str) -> Result<Vec<u8>> {
    Err(Error::new(ErrorKind::Unsupported, "untrusted files cannot be looked at on this system")
        .hint("there are no limits for a process here; read the file only if you trust it"))
}
