//! Files that appear when they are whole: written beside their target, then put in its place.

use crate::error::{Error, ErrorKind, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// A file under a temporary name in its target's folder. Until [`WholeFile::finish`] the target is
/// untouched; dropped before, nothing is left behind.
#[derive(Debug)]
pub struct WholeFile {
    temporary: TempPath,
    target: PathBuf,
}

impl WholeFile {
    /// An empty file that may take `target`'s place, with the permissions of any new file. A target
    /// that is a symbolic link stays one: what it leads to is what will be replaced.
    ///
    /// # Errors
    /// `Io` if the folder cannot be written, or if `target` is there and is no plain file: a device,
    /// a pipe, a socket or a folder is never replaced.
    pub fn beside(target: &Path) -> Result<WholeFile> {
        let target = behind_links(target)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".chunkwise-").suffix(".tmp");
        // What the user's mask lets through.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder
            .tempfile_in(folder_of(&target))
            .map_err(|e| Error::new(ErrorKind::Io, "cannot write in the target's folder").caused_by(e))?
            .into_temp_path();
        Ok(WholeFile { temporary, target })
    }

    /// Where the file is until it is finished.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Syncs the file and puts it in its target's place.
    ///
    /// # Errors
    /// `Io`; the target is then as it was before, unless the message says otherwise.
    pub fn finish(self) -> Result<()> {
        let io = |what: &'static str| move |e: std::io::Error| Error::new(ErrorKind::Io, what).caused_by(e);
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&self.temporary);
        file.and_then(|f| f.sync_all()).map_err(io("cannot sync the new file"))?;
        // Something else may have come to that name since.
        check(&self.target)?;
        self.temporary
            .persist(&self.target)
            .map_err(|e| io("cannot put the new file in its place")(e.error))?;
        #[cfg(unix)]
        File::open(folder_of(&self.target))
            .and_then(|d| d.sync_all())
            .map_err(io("the file is written, but its folder cannot be synced"))?;
        Ok(())
    }
}

/// Whether there is something under that name which is written to, not replaced: a pipe, a device.
pub fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir())
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
mod tests {
    use super::*;

    fn write(target: &Path, text: &str) -> Result<()> {
        let file = WholeFile::beside(target)?;
        std::fs::write(file.path(), text).unwrap();
        file.finish()
    }

    #[test]
    fn a_file_appears_when_it_is_whole_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        write(&target, "one").unwrap();
        let file = WholeFile::beside(&target).unwrap();
        std::fs::write(file.path(), "tw").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"one");
        drop(file);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        write(&target, "two").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"two");
        assert!(write(dir.path(), "").unwrap_err().to_string().contains("folder"));
        assert!(write(&dir.path().join("none/out"), "").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_what_is_no_plain_file_is_never_replaced() {
        use std::os::unix::fs::FileTypeExt;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("far")).unwrap();
        std::fs::write(at("far/file"), "old").unwrap();
        std::os::unix::fs::symlink("far/file", at("link")).unwrap();
        write(&at("link"), "new").unwrap();
        assert!(at("link").symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read(at("far/file")).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(at("far")).unwrap().count(), 1);

        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        assert!(write(&at("dangling"), "").unwrap_err().to_string().contains("leads nowhere"));

        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        std::os::unix::fs::symlink("socket", at("to_socket")).unwrap();
        for name in ["socket", "to_socket"] {
            assert!(is_stream(&at(name)));
            assert!(write(&at(name), "").unwrap_err().to_string().contains("no file replaces"));
        }
        // One that comes while the file is being written.
        let file = WholeFile::beside(&at("late")).unwrap();
        let _late = std::os::unix::net::UnixListener::bind(at("late")).unwrap();
        assert!(file.finish().is_err());
        assert!(at("late").metadata().unwrap().file_type().is_socket());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 6);
    }
}
