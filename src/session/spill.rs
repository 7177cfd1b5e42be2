//! Where a session spills what does not fit its budget: a folder on a disk, and how much of it.
//!
//! A folder that is named (by the builder or by `CHUNKWISE_SPILL`) is taken as it is, and has to be one that can be
//! written. Otherwise it is the first of `TMPDIR` and `/var/tmp` that can be, and is not in memory.

use crate::error::{Context, Error, ErrorKind, Result};
use crate::plan::SpillRoom;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The variable that names the folder; set and empty, nothing is spilled.
const VARIABLE: &str = "CHUNKWISE_SPILL";

/// A product whose inner dimension is so long is rather spilled than computed again.
pub(super) const DEEP: u64 = 256;

/// What a builder was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) folder: Option<PathBuf>,
    pub(super) off: bool,
    pub(super) bytes: Option<u64>,
}

/// Where a session spills.
#[derive(Debug)]
pub(super) struct Spilling {
    /// Nothing is spilled.
    off: bool,
    named: Option<PathBuf>,
    bytes: Option<u64>,
    /// The folder that was found, or why there is none.
    found: OnceLock<std::result::Result<PathBuf, String>>,
}

impl Spilling {
    /// As a builder was told.
    ///
    /// # Errors
    /// `NotFound`, `Value` or `Io` if the folder that is named is not there, is none, or cannot be written.
    pub(super) fn new(wanted: Wanted) -> Result<Spilling> {
        let Wanted { folder, mut off, bytes } = wanted;
        let variable = std::env::var_os(VARIABLE).filter(|_| folder.is_none() && !off);
        off |= variable.as_ref().is_some_and(|v| v.is_empty());
        if let Some(folder) = &folder {
            check(folder).at("folder", folder.display())?;
        }
        let variable = variable.filter(|v| !v.is_empty()).map(PathBuf::from);
        if let Some(folder) = &variable {
            check(folder).at("folder", folder.display()).at("variable", VARIABLE)?;
        }
        Ok(Spilling { off, named: folder.or(variable).filter(|_| !off), bytes, found: OnceLock::new() })
    }

    /// The folder and how much of it may be taken now; or why nothing is spilled, where that was not asked for.
    ///
    /// # Errors
    /// `Io` if the system does not say how much is free.
    pub(super) fn room(&self) -> Result<std::result::Result<SpillRoom, Option<String>>> {
        if self.off {
            return Ok(Err(None));
        }
        let folder = match &self.named {
            Some(folder) => folder,
            None => match self.found.get_or_init(find) {
                Ok(folder) => folder,
                Err(why) => return Ok(Err(Some(why.clone()))),
            },
        };
        let bytes = match self.bytes {
            Some(bytes) => bytes,
            None => disk::free(folder).at("folder", folder.display())?.map_or(u64::MAX, |free| free / 2),
        };
        Ok(Ok(SpillRoom { folder: folder.clone(), bytes }))
    }
}

/// The first folder for temporary files that can be written and is not in memory, or why there is none.
fn find() -> std::result::Result<PathBuf, String> {
    let mut why = Vec::new();
    let named = std::env::var_os("TMPDIR").filter(|t| !t.is_empty()).map(PathBuf::from);
    let others = if cfg!(unix) { PathBuf::from("/var/tmp") } else { std::env::temp_dir() };
    for folder in named.into_iter().chain([others]) {
        match (disk::in_memory(&folder), check(&folder)) {
            (true, _) => why.push(format!("{} is in memory", folder.display())),
            (false, Err(e)) => why.push(format!("{}: {e}", folder.display())),
            (false, Ok(())) => return Ok(folder),
        }
    }
    Err(format!("there is no folder for it ({})", why.join("; ")))
}

/// Whether files can be made in a folder.
fn check(folder: &Path) -> Result<()> {
    match folder.metadata() {
        Ok(m) if m.is_dir() => {}
        Ok(_) => return Err(Error::new(ErrorKind::Value, "what is to be spilled to is not a folder")),
        Err(e) => {
            return Err(Error::new(ErrorKind::NotFound, "there is no such folder to spill to").caused_by(e));
        }
    }
    let made = tempfile::tempfile_in(folder);
    made.map(drop)
        .map_err(|e| Error::new(ErrorKind::Io, "the folder to spill to cannot be written").caused_by(e))
}

#[cfg(unix)]
mod disk {
    use crate::error::{Error, ErrorKind, Result};
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    fn name(folder: &Path) -> Option<CString> {
        CString::new(folder.as_os_str().as_bytes()).ok()
    }

    /// The bytes that are free on a folder's file system, for those who are not root.
    pub(super) fn free(folder: &Path) -> Result<Option<u64>> {
        let failed = || Error::new(ErrorKind::Io, "cannot find out how much is free");
        let name = name(folder).ok_or_else(failed)?;
        // SAFETY: a structure of numbers.
        let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: the name ends with a zero, and the structure lives.
        if unsafe { libc::statvfs(name.as_ptr(), &mut found) } != 0 {
            return Err(failed().caused_by(std::io::Error::last_os_error()));
        }
        #[allow(clippy::unnecessary_cast, reason = "other systems have other widths")]
        Ok(Some((found.f_bavail as u64).saturating_mul(found.f_frsize as u64)))
    }

    /// Whether what is in a folder takes memory.
    pub(super) fn in_memory(folder: &Path) -> bool {
        #[cfg(target_os = "linux")]
        {
            const RAMFS: i64 = 0x8584_58f6;
            let Some(name) = name(folder) else { return false };
            // SAFETY: a structure of numbers.
            let mut found: libc::statfs = unsafe { std::mem::zeroed() };
            // SAFETY: the name ends with a zero, and the structure lives.
            let done = unsafe { libc::statfs(name.as_ptr(), &mut found) } == 0;
            #[allow(clippy::unnecessary_cast, reason = "other systems have other widths")]
            let (kind, tmpfs) = (found.f_type as i64 & 0xffff_ffff, libc::TMPFS_MAGIC as i64);
            done && (kind == tmpfs || kind == RAMFS)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = folder;
            false
        }
    }
}

#[cfg(not(unix))]
mod disk {
    use crate::error::Result;
    use std::path::Path;

    /// The system is not asked: what does not fit is said when it is written.
    pub(super) fn free(_: &Path) -> Result<Option<u64>> {
        Ok(None)
    }

    pub(super) fn in_memory(_: &Path) -> bool {
        false
    }
}
