//! The process-wide cache of open files.
//!
//! At most N files are open at once: 128 unless [`set_max_open_files`] says otherwise, or as many as
//! the limit on descriptors leaves room for. A file has one descriptor of ours, for positioned reads,
//! and one of libhdf5's from when it is first asked about the file. A reader
//! borrows a file for one operation; only files that nobody borrows are closed, the least recently
//! used first. A reader that finds every handle in use waits, so a thread must never borrow two.
//!
//! A cached file is checked against the file system at each borrow: a changed size, time or inode
//! closes it once nobody reads it, and the new state is opened. The open file itself is looked at again after
//! each read of data ([`RawFile::read_data`]), so that what was read is of the state that was opened.
//!
//! Limits: a change is seen by the times that the file system keeps. It is missed where these are coarser
//! than the changes (a file that is overwritten within milliseconds of being opened), and for a while where
//! they are cached (NFS) or set late (memory that is mapped and written). A call that writes sets the time when it begins:
//! what it writes while a file is opened and read is not seen, but that there is a writer is told
//! ([`RawFile::has_writer`]).
//!
//! Lock order: the cache's mutex is never held while the HDF5 lock is taken, and nothing borrows
//! while it holds the HDF5 lock.

use super::meta::ReadAt;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::h5::{self, Id};
use crate::source::Fingerprint;
use crate::source::advice::will_need;
use crate::source::position::read_exact_at;
use crate::source::writers::has_writer;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};

/// Files that are open at once where descriptors are plenty.
const DEFAULT_LIMIT: usize = 128;

/// Datasets that stay open per file.
const MAX_DATASETS: usize = 64;

/// What a file is at a time, as far as the file system says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FileState {
    pub fingerprint: Fingerprint,
    /// When anything of the file changed, its times included; nobody can set it.
    ctime: (i64, i64),
    /// What else than its bytes that could be of: mode, owner, group, links to it.
    attributes: [u64; 4],
}

impl FileState {
    fn of(meta: &std::fs::Metadata) -> FileState {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        #[cfg(unix)]
        let (inode, ctime) = (meta.ino(), (meta.ctime(), meta.ctime_nsec()));
        #[cfg(unix)]
        let attributes = [meta.mode().into(), meta.uid().into(), meta.gid().into(), meta.nlink()];
        #[cfg(not(unix))]
        let (inode, ctime, attributes) = (0, (0, 0), [0; 4]);
        let since = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let mtime_ns = since.map_or(0, |d| d.as_nanos() as i64);
        FileState { fingerprint: Fingerprint { size: meta.len(), mtime_ns, inode }, ctime, attributes }
    }

    /// Whether its bytes are the same at another time. A change that neither its time nor its attributes
    /// explain is one of its bytes, after which the time was put back.
    pub fn is(&self, other: &FileState) -> bool {
        self.fingerprint == other.fingerprint
            && (self.ctime == other.ctime || self.attributes != other.attributes)
    }
}

/// A file to be read by position.
#[derive(Debug)]
pub(crate) struct RawFile {
    file: File,
    len: u64,
    /// What it was when it was opened.
    state: FileState,
}

impl ReadAt for RawFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()> {
        read_exact_at(&self.file, out, at)
            .map_err(|e| {
                let (kind, what) = match e.kind() {
                    std::io::ErrorKind::UnexpectedEof => (ErrorKind::Changed, "the file became shorter"),
                    _ => (ErrorKind::Io, "cannot read"),
                };
                Error::new(kind, what).caused_by(e)
            })
            .at("bytes", format_args!("{at}..{}", at.saturating_add(out.len() as u64)))
    }
}

impl RawFile {
    /// Opens a file, and says what it is.
    pub fn open(path: &Path) -> Result<RawFile> {
        let mut options = std::fs::OpenOptions::new();
        // A pipe that came to the name since would be waited for.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
        let file = options.read(true).open(path).map_err(|e| io_error(e, "cannot open the file"))?;
        let meta = file.metadata().map_err(|e| io_error(e, "cannot look at the file"))?;
        regular(&meta)?;
        Ok(RawFile { file, len: meta.len(), state: FileState::of(&meta) })
    }

    /// Fills `out` from position `at` on with bytes of the state in which the file was opened.
    ///
    /// # Errors
    /// `Changed` if it has changed, perhaps while it was read.
    pub fn read_data(&self, at: u64, out: &mut [u8]) -> Result<()> {
        self.read_at(at, out)?;
        self.unchanged()
    }

    /// Fails if the file is not as it was when it was opened.
    pub fn unchanged(&self) -> Result<()> {
        let meta = self.file.metadata().map_err(|e| io_error(e, "cannot look at the file"))?;
        if self.state.is(&FileState::of(&meta)) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Changed, "the file changed while it was read")
            .hint("open it again; if it is still being written, wait until that is done"))
    }

    /// Whether somebody has it open for writing, where that can be told.
    pub fn has_writer(&self) -> bool {
        has_writer(&self.file)
    }

    /// Tells the system that these bytes will be read soon; it may fetch them meanwhile.
    pub fn advise(&self, at: u64, len: u64) {
        will_need(&self.file, at, len);
    }
}

/// An open file, and datasets opened before.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// What it was when it was opened.
    pub state: FileState,
    /// For positioned reads.
    pub raw: RawFile,
    path: PathBuf,
    /// libhdf5's handle, from when it is first wanted. Only set under the HDF5 lock.
    id: OnceLock<Id>,
    /// Only touched under the HDF5 lock.
    datasets: Mutex<HashMap<String, Arc<Id>>>,
    /// The last field: given back when all handles are closed.
    _slot: Slot,
}

/// The right to have one file open; counted in `State::live`.
#[derive(Debug)]
struct Slot;

impl Drop for Slot {
    fn drop(&mut self) {
        relock(&CACHE.state).live -= 1;
        CACHE.released.notify_all();
    }
}

impl OpenFile {
    /// libhdf5's handle.
    pub fn id(&self) -> Result<&Id> {
        h5::locked(|| {
            if self.id.get().is_none() {
                let id = h5::open_file(&self.path)?;
                // The path may lead to another file by now.
                if !state(&self.path)?.is(&self.state) {
                    return Err(changed());
                }
                let _ = self.id.set(id);
            }
            self.id.get().ok_or_else(|| Error::new(ErrorKind::Internal, "a file was not opened"))
        })
    }

    /// Whether it is the file at the canonical path `path`, opened in this state.
    pub fn is(&self, path: &Path, state: &FileState) -> bool {
        self.state.is(state) && self.path == path
    }

    /// A dataset of this file, by its resolved path. Call it under the HDF5 lock.
    pub fn dataset(&self, path: &str) -> Result<Arc<Id>> {
        let mut datasets = relock(&self.datasets);
        if let Some(id) = datasets.get(path) {
            return Ok(id.clone());
        }
        let id = Arc::new(h5::open_dataset(self.id()?, path)?);
        if datasets.len() >= MAX_DATASETS {
            datasets.clear();
        }
        datasets.insert(path.into(), id.clone());
        Ok(id)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if self.id.get().is_none() {
            return;
        }
        h5::locked(|| {
            relock(&self.datasets).clear();
            self.id.take();
        });
    }
}

struct Entry {
    file: Arc<OpenFile>,
    used: u64,
}

struct State {
    max: usize,
    /// Files that are open or being opened, in the map or not.
    live: usize,
    clock: u64,
    files: HashMap<PathBuf, Entry>,
}

struct Cache {
    state: Mutex<State>,
    released: Condvar,
}

static CACHE: std::sync::LazyLock<Cache> = std::sync::LazyLock::new(|| Cache {
    state: Mutex::new(State { max: default_limit(), live: 0, clock: 0, files: HashMap::new() }),
    released: Condvar::new(),
});

/// Two descriptors a file, some left to the rest of the process.
fn default_limit() -> usize {
    #[cfg(unix)]
    {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` is a live structure that the call fills.
        if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0 {
            return (limit.rlim_cur.saturating_sub(64) / 2).clamp(4, DEFAULT_LIMIT as libc::rlim_t) as usize;
        }
    }
    DEFAULT_LIMIT
}

/// A poisoned mutex of this module still guards a consistent map.
fn relock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(|e| e.into_inner())
}

/// How many files this process may hold open for reading (at least 1; at the start 128,
/// or fewer where the limit on descriptors is low).
pub fn set_max_open_files(n: usize) {
    relock(&CACHE.state).max = n.max(1);
    trim();
}

/// How many files are open for reading now.
pub fn open_files() -> usize {
    relock(&CACHE.state).live
}

/// Closes what is unused and beyond the limit.
fn trim() {
    loop {
        let mut state = relock(&CACHE.state);
        if state.live <= state.max {
            return;
        }
        let Some(victim) = evict(&mut state) else { return };
        drop(state);
        drop(victim);
    }
}

/// Takes the least recently used file that nobody borrows out of the map.
fn evict(state: &mut State) -> Option<Arc<OpenFile>> {
    let path = state
        .files
        .iter()
        .filter(|(_, e)| Arc::strong_count(&e.file) == 1)
        .min_by_key(|(_, e)| e.used)
        .map(|(p, _)| p.clone())?;
    state.files.remove(&path).map(|e| e.file)
}

/// A borrowed file. Others may borrow it too; it stays open until the last is dropped.
#[derive(Debug)]
pub(crate) struct Borrowed(Option<Arc<OpenFile>>);

impl std::ops::Deref for Borrowed {
    type Target = OpenFile;
    fn deref(&self) -> &OpenFile {
        self.0.as_ref().expect("a Borrowed holds its file until it is dropped")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // The count falls under the mutex, so that `evict` sees it and no waiter misses it.
        let last = {
            let _state = relock(&CACHE.state);
            let file = self.0.take();
            file.filter(|f| Arc::strong_count(f) == 1)
        };
        CACHE.released.notify_all();
        drop(last);
    }
}

/// The state of a file on disk.
pub(in crate::source) fn state(path: &Path) -> Result<FileState> {
    let meta = std::fs::metadata(path).map_err(|e| io_error(e, "cannot look at the file"))?;
    regular(&meta)?;
    Ok(FileState::of(&meta))
}

/// Fails for what is no file.
fn regular(meta: &std::fs::Metadata) -> Result<()> {
    if meta.is_dir() {
        return Err(Error::new(ErrorKind::Format, "a folder, not an HDF5 or netCDF file"));
    }
    if !meta.is_file() {
        // Opening a pipe would wait for a writer.
        return Err(Error::new(ErrorKind::Format, "a pipe or device, not an HDF5 or netCDF file"));
    }
    Ok(())
}

/// An I/O error; a missing file is `NotFound`.
pub(crate) fn io_error(e: std::io::Error, what: &str) -> Error {
    let kind = if e.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Io };
    Error::new(kind, what.to_string()).caused_by(e)
}

/// Borrows the file at the canonical path `path` in its present state.
pub(crate) fn borrow(path: &Path) -> Result<Borrowed> {
    let now = state(path)?;
    let mut state = relock(&CACHE.state);
    loop {
        state.clock += 1;
        let clock = state.clock;
        let live = state.live;
        let max = state.max;
        let mut victim = None;
        match state.files.get_mut(path) {
            // Of another mode or name it is the same file, and is opened anew when nobody has it: what explains one
            // change is not to explain the next.
            Some(e) if e.file.state == now || (e.file.state.is(&now) && Arc::strong_count(&e.file) > 1) => {
                e.used = clock;
                return Ok(Borrowed(Some(e.file.clone())));
            }
            // An old state: libhdf5 would answer a new open with what it has of the old one, so
            // that one goes first.
            Some(e) if Arc::strong_count(&e.file) == 1 => {
                victim = state.files.remove(path).map(|e| e.file);
            }
            Some(_) => {}
            None if live < max => {
                state.live += 1;
                break;
            }
            None => victim = evict(&mut state),
        }
        if victim.is_some() {
            drop(state);
            drop(victim);
            state = relock(&CACHE.state);
            continue;
        }
        state = CACHE.released.wait(state).unwrap_or_else(|e| e.into_inner());
    }
    drop(state);
    let opened = open(path, Slot)?;
    let mut state = relock(&CACHE.state);
    let clock = state.clock;
    // Another thread may have opened it meanwhile: then theirs stays in the map and ours is
    // closed when this borrow ends.
    state.files.entry(path.to_path_buf()).or_insert_with(|| Entry { file: opened.clone(), used: clock });
    Ok(Borrowed(Some(opened)))
}

/// Borrows the file at the canonical path `path`, which must be in the state `expected`.
pub(in crate::source) fn borrow_in(path: &Path, expected: &FileState) -> Result<Borrowed> {
    let file = borrow(path).map_err(|e| match state(path) {
        // It no longer opens because it is another file now.
        Ok(now) if !now.is(expected) => changed().caused_by(e),
        _ => e,
    })?;
    if file.state.is(expected) { Ok(file) } else { Err(changed()) }
}

fn open(path: &Path, slot: Slot) -> Result<Arc<OpenFile>> {
    let raw = RawFile::open(path)?;
    Ok(Arc::new(OpenFile {
        state: raw.state,
        raw,
        path: path.to_path_buf(),
        id: OnceLock::new(),
        datasets: Mutex::default(),
        _slot: slot,
    }))
}

pub(in crate::source) fn changed() -> Error {
    Error::new(ErrorKind::Changed, "the file changed after it was opened")
        .hint("open it again; if it is still being written, wait until that is done")
}
