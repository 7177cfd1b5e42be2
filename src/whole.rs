//! Files that appear when they are whole: written beside their target under another name, then put in its
//! place.
//!
//! The other name is `.chunkwise-` with a number of the target and a random one, and `.part`. Whoever writes
//! it holds a lock on it, so that one without a lock is left over from a run that was killed: the next that
//! writes to the same target removes it. A program that is about to end by a signal calls [`remove_parts`].
//!
//! What is written goes through one descriptor, whatever becomes of the name meanwhile; what is put in the
//! target's place is that file or nothing.
//!
//! Limits: where a file system has no locks, nothing is removed later; where it can neither rename without
//! replacing nor link, a file that appears in the last moment is replaced.

use crate::error::{Error, ErrorKind, Result};
use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PREFIX: &str = ".chunkwise-";
const SUFFIX: &str = ".part";

/// What tells a file from all others while it is there: device and number.
type Identity = (u64, u64);

/// Files under way in this process.
static PARTS: Mutex<Vec<(PathBuf, Identity)>> = Mutex::new(Vec::new());

fn parts() -> MutexGuard<'static, Vec<(PathBuf, Identity)>> {
    PARTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all files that are under way in this process, which ends right after it: whoever makes another one from here on waits
/// for ever.
pub fn remove_parts() {
    let mut all = parts();
    for (path, identity) in all.drain(..) {
        remove(&path, identity);
    }
    std::mem::forget(all);
}

/// A file under another name in its target's folder. Until [`WholeFile::finish`] the target is
/// untouched; dropped before, nothing is left behind.
#[derive(Debug)]
pub struct WholeFile {
    file: File,
    part: Part,
    target: PathBuf,
    replaces: bool,
    /// What the target was like when it was copied, if it was.
    copied: Option<Seen>,
}

/// What tells that a file was changed.
type Seen = (Identity, u64, Option<std::time::SystemTime>);

fn seen(meta: &Metadata) -> Seen {
    (identity(meta), meta.len(), meta.modified().ok())
}

/// A name in the file system that is removed when it is dropped.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    identity: Identity,
}

impl Drop for Part {
    fn drop(&mut self) {
        parts().retain(|(_, identity)| *identity != self.identity);
        remove(&self.path, self.identity);
    }
}

impl WholeFile {
    /// An empty file that may take `target`'s place, with the permissions of any new file. A target
    /// that is a symbolic link stays one: what it leads to is what will be replaced.
    ///
    /// # Errors
    /// `Io` if the folder cannot be written, no file can have the name, or `target` is there and is no plain
    /// file: a device, a pipe, a socket or a folder is never replaced.
    pub fn beside(target: &Path) -> Result<WholeFile> {
        let target = behind_links(target)?;
        WholeFile::new(target, true)
    }

    /// As [`WholeFile::beside`], of a target that is not there: neither now nor when the file is finished.
    ///
    /// # Errors
    /// As [`WholeFile::beside`]; `Io` if there is something under the name, a link that leads nowhere included.
    pub fn create_new(target: &Path) -> Result<WholeFile> {
        if target.symlink_metadata().is_ok() {
            check(target)?;
            return Err(exists());
        }
        WholeFile::new(target.into(), false)
    }

    /// As [`WholeFile::beside`], of a target that is there: the file begins as a copy of it, with its permissions.
    ///
    /// # Errors
    /// As [`WholeFile::beside`]; `Io` if it is not there or cannot be copied, and, when the file is finished, if the target
    /// was changed since.
    pub fn copy_of(target: &Path) -> Result<WholeFile> {
        let cannot = |e| Error::new(ErrorKind::Io, "cannot copy the file that is to be changed").caused_by(e);
        let mut whole = WholeFile::beside(target)?;
        let copy = || {
            let mut from = File::open(&whole.target)?;
            let before = from.metadata()?;
            io::copy(&mut from, &mut &whole.file)?;
            whole.file.set_permissions(before.permissions())?;
            match seen(&before) == seen(&from.metadata()?) {
                true => Ok(seen(&before)),
                false => Err(io::Error::other("it was changed meanwhile")),
            }
        };
        whole.copied = Some(copy().map_err(cannot)?);
        Ok(whole)
    }

    fn new(target: PathBuf, replaces: bool) -> Result<WholeFile> {
        let folder = folder_of(&target).to_path_buf();
        let prefix = prefix_of(name_of(&target)?);
        remove_leftovers(&folder, &prefix);
        let cannot = |e| Error::new(ErrorKind::Io, "cannot write in the target's folder").caused_by(e);
        let state = RandomState::new();
        for n in 0..64u64 {
            let mut random = state.build_hasher();
            random.write_u64(n);
            let path = folder.join(format!("{prefix}{:016x}{SUFFIX}", random.finish()));
            let mut options = File::options();
            options.read(true).write(true).create_new(true);
            // What the user's mask lets through.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o666);
            // Whoever removes all parts waits for one that is about to be made.
            let mut known = parts();
            let file = match options.open(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened.map_err(cannot)?,
            };
            let identity = identity(&file.metadata().map_err(cannot)?);
            // The current folder may be another by the time that they are removed.
            known.push((std::path::absolute(&path).unwrap_or_else(|_| path.clone()), identity));
            drop(known);
            let part = Part { path, identity };
            // A file system without locks takes the file as well.
            let _ = lock(&file);
            // Before it had its lock another run may have taken it for one that is left over.
            if part.is_there() {
                return Ok(WholeFile { file, part, target, replaces, copied: None });
            }
        }
        Err(cannot(io::ErrorKind::AlreadyExists.into()))
    }

    /// The file, open for reading and writing.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The file by a name, for who opens it by one: whatever became of its name in the folder where the system
    /// has names for open files (Linux).
    pub fn path(&self) -> PathBuf {
        #[cfg(target_os = "linux")]
        {
            let open = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&self.file));
            if Path::new(&open).metadata().is_ok_and(|m| identity(&m) == self.part.identity) {
                return open.into();
            }
        }
        self.part.path.clone()
    }

    /// Whether its target is the file at `path`, which need not be there.
    pub fn is_for(&self, path: &Path) -> bool {
        let path = behind_links(path).unwrap_or_else(|_| path.into());
        let folder = |target: &Path| folder_of(target).canonicalize().ok();
        is_same_file(&self.target, &path)
            || (self.target.file_name() == path.file_name() && folder(&self.target) == folder(&path))
    }

    /// Writes bytes at a place of the file; it may be called from several threads.
    ///
    /// # Errors
    /// `Io`; a full disk says so.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        #[cfg(unix)]
        let written = std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, at);
        #[cfg(windows)]
        let written = (|| {
            let mut done = 0;
            while done < bytes.len() {
                match std::os::windows::fs::FileExt::seek_write(&self.file, &bytes[done..], at + done as u64)?
                {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    n => done += n,
                }
            }
            Ok(())
        })();
        written.map_err(|e| match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Error::new(ErrorKind::Io, "cannot write the file: the disk is full")
                    .caused_by(e)
                    .hint("free some space; an existing target file is unchanged")
            }
            _ => Error::new(ErrorKind::Io, "cannot write the file").caused_by(e),
        })
    }

    /// Reads back what was written.
    ///
    /// # Errors
    /// `Io`.
    pub fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<()> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, at);
        #[cfg(windows)]
        let read = (|| {
            let mut done = 0;
            while done < bytes.len() {
                match std::os::windows::fs::FileExt::seek_read(
                    &self.file,
                    &mut bytes[done..],
                    at + done as u64,
                )? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    n => done += n,
                }
            }
            Ok(())
        })();
        read.map_err(|e| Error::new(ErrorKind::Io, "cannot read back what was written").caused_by(e))
    }

    /// Syncs the file and puts it in its target's place.
    ///
    /// # Errors
    /// `Io`; the target is then as it was before, unless the message says otherwise. A file that has appeared
    /// meanwhile under the name of one that must be new is left alone.
    pub fn finish(self) -> Result<()> {
        let io = |what: &'static str| move |e: io::Error| Error::new(ErrorKind::Io, what).caused_by(e);
        self.file.sync_all().map_err(io("cannot sync the new file"))?;
        if !self.part.is_there() {
            return Err(Error::new(
                ErrorKind::Io,
                "the new file was removed, or replaced, before it was whole",
            )
            .at("file under way", self.part.path.display()));
        }
        if let Some(copied) = self.copied
            && self.target.metadata().ok().map(|m| seen(&m)) != Some(copied)
        {
            return Err(Error::new(ErrorKind::Io, "the file was changed by another since it was copied")
                .hint("nothing of this run was stored; run it again"));
        }
        let placed = match self.replaces {
            true => {
                // Something else may have come to that name since.
                check(&self.target)?;
                std::fs::rename(&self.part.path, &self.target)
            }
            false => place_new(&self.part.path, &self.target),
        };
        placed.map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => exists().hint("it appeared while the new file was written"),
            _ => io("cannot put the new file in its place")(e),
        })?;
        #[cfg(unix)]
        File::open(folder_of(&self.target))
            .and_then(|d| d.sync_all())
            .map_err(io("the file is written, but its folder cannot be synced"))?;
        Ok(())
    }
}

impl Part {
    /// Whether the name still leads to the file.
    fn is_there(&self) -> bool {
        self.path.symlink_metadata().is_ok_and(|m| identity(&m) == self.identity)
    }
}

fn exists() -> Error {
    Error::new(ErrorKind::Io, "the file exists already")
}

/// Whether there is something under that name which is written to, not replaced: a pipe, a device.
pub fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir())
}

/// Whether two names lead to one file that is there.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    let of = |path: &Path| path.metadata().ok();
    #[cfg(unix)]
    let same = |a: &Metadata, b: &Metadata| identity(a) == identity(b);
    #[cfg(not(unix))]
    let same = |_: &Metadata, _: &Metadata| a.canonicalize().ok() == b.canonicalize().ok();
    of(a).zip(of(b)).is_some_and(|(a, b)| same(&a, &b))
}

#[cfg(unix)]
fn identity(meta: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (meta.dev(), meta.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0)
}

/// Removes a name if it leads to that file.
fn remove(path: &Path, of: Identity) {
    if path.symlink_metadata().is_ok_and(|m| identity(&m) == of) {
        let _ = std::fs::remove_file(path);
    }
}

/// How the names of files under way to a target begin.
fn prefix_of(name: &OsStr) -> String {
    // FNV-1a: the same in every process.
    let hash = name
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    format!("{PREFIX}{hash:016x}-")
}

/// Removes what killed runs left of a target.
#[cfg(unix)]
fn remove_leftovers(folder: &Path, prefix: &str) {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    let Ok(entries) = folder.read_dir() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|n| n.starts_with(prefix) && n.ends_with(SUFFIX));
        if !ours {
            continue;
        }
        let path = entry.path();
        let mut options = File::options();
        options.read(true).write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let Ok(file) = options.open(&path) else { continue };
        // SAFETY: the call takes nothing and cannot fail.
        let user = unsafe { libc::geteuid() };
        if file.metadata().is_ok_and(|m| m.is_file() && m.uid() == user)
            && lock(&file).is_ok()
            && let Ok(meta) = file.metadata()
        {
            remove(&path, identity(&meta));
        }
    }
}

#[cfg(not(unix))]
fn remove_leftovers(_: &Path, _: &str) {}

/// Takes the lock of a file for as long as it is open; fails where another has it. It is none of those that
/// libhdf5 takes.
#[cfg(target_os = "linux")]
fn lock(file: &File) -> io::Result<()> {
    // SAFETY: a structure of numbers, of which all zeros is one.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: the descriptor is open and the structure lives.
    match unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(file), libc::F_OFD_SETLK, &lock) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(io::Error::from)
}

/// Gives a file a name that is not there, or fails with `AlreadyExists`.
fn place_new(part: &Path, target: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match rename_new(part, target) {
        // The file system cannot.
        Err(e) if matches!(e.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP)) => {}
        done => return done,
    }
    match std::fs::hard_link(part, target) {
        Ok(()) => std::fs::remove_file(part),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
        Err(_) if target.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => std::fs::rename(part, target),
    }
}

#[cfg(target_os = "linux")]
fn rename_new(part: &Path, target: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let name = |path: &Path| std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from);
    let (part, target) = (name(part)?, name(target)?);
    let here = libc::AT_FDCWD;
    // SAFETY: both names live through the call.
    let code = unsafe {
        let flags = libc::RENAME_NOREPLACE;
        libc::syscall(libc::SYS_renameat2, here, part.as_ptr(), here, target.as_ptr(), flags)
    };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The last part of a target's path, which has to be the name of a file.
fn name_of(target: &Path) -> Result<&OsStr> {
    let cannot = |why: &str| Error::new(ErrorKind::Io, format!("no file can have that name: {why}"));
    let bytes = target.as_os_str().as_encoded_bytes();
    let name = target.file_name().filter(|_| !bytes.ends_with(b"/") && !bytes.ends_with(b"/."));
    let name = name.ok_or_else(|| cannot("it is that of a folder"))?;
    match target.symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::InvalidFilename => Err(cannot("it is too long").caused_by(e)),
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => Err(cannot("it has a NUL byte").caused_by(e)),
        _ => Ok(name),
    }
}

fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn check(target: &Path) -> Result<()> {
    match target.metadata() {
        Ok(m) if m.is_dir() => Err(Error::new(ErrorKind::Io, "that is a folder")),
        Ok(m) if !m.is_file() => {
            Err(Error::new(ErrorKind::Io, "that is a device, a pipe or a socket, which no file replaces"))
        }
        _ => Ok(()),
    }
}

fn behind_links(target: &Path) -> Result<PathBuf> {
    check(target)?;
    if !target.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
        return Ok(target.into());
    }
    target
        .canonicalize()
        .map_err(|e| Error::new(ErrorKind::Io, "that is a symbolic link which leads nowhere").caused_by(e))
}

#[cfg(test)]
mod tests;
