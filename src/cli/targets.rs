//! The files that a command writes besides its output: each is found to be possible before the work, appears
//! when it is whole, and replaces nothing that nobody asked to be replaced.

use super::{Done, Failure};
use chunkwise::whole::{self, WholeFile};
use chunkwise::{Context, Error, ErrorKind};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Whether files that are there are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// The user asked for it.
    Replace,
    /// They are refused.
    Refuse,
    /// They are refused, by a command that adds to none.
    Keep,
    /// They are added to.
    Change,
}

impl Existing {
    /// As `--overwrite` says.
    pub fn of(overwrite: bool) -> Existing {
        if overwrite { Existing::Replace } else { Existing::Refuse }
    }
}

/// A place that an option names.
pub enum Written {
    /// Standard output.
    Stdout,
    /// A pipe or a device, which is there already.
    Stream(PathBuf),
    /// A file that appears when it is whole.
    File(WholeFile, PathBuf),
}

impl Written {
    /// The place that `option` names. What is an `input` is never replaced.
    ///
    /// # Errors
    /// A file that is there, unless it is to be replaced; one that cannot be written.
    pub fn new(
        option: &str,
        path: &Path,
        existing: Existing,
        inputs: &[PathBuf],
    ) -> Result<Written, Failure> {
        if path == Path::new("-") {
            return Ok(Written::Stdout);
        }
        if whole::is_stream(path) {
            return Ok(Written::Stream(path.into()));
        }
        check_target(option, path, existing, inputs)?;
        let file = match existing {
            Existing::Replace | Existing::Change => WholeFile::beside(path),
            Existing::Refuse | Existing::Keep => WholeFile::create_new(path),
        };
        Ok(Written::File(file.at("file", path.display())?, path.into()))
    }

    /// Whether it is the file at `path`, which need not be there.
    pub fn is_for(&self, path: &Path) -> bool {
        matches!(self, Written::File(file, _) if file.is_for(path))
    }

    /// The file's name, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Written::File(_, path) => Some(path),
            _ => None,
        }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// `Io`; the file is then as it was.
    pub fn write(self, content: &[u8]) -> Done {
        self.write_with(|out| out.write_all(content))
    }

    /// Writes what `content` writes, as it comes.
    ///
    /// # Errors
    /// As [`Written::write`].
    pub fn write_with(self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Done {
        let failed = |e| Error::new(ErrorKind::Io, "cannot write the file").caused_by(e);
        let buffered = |out: &mut dyn Write| {
            let mut out = io::BufWriter::with_capacity(1 << 16, out);
            content(&mut out)?;
            out.flush()
        };
        match self {
            Written::Stdout => buffered(&mut io::stdout().lock())?,
            Written::Stream(path) => std::fs::OpenOptions::new()
                .write(true)
                .open(&path)
                .and_then(|mut file| buffered(&mut file))
                .map_err(failed)
                .at("file", path.display())?,
            Written::File(file, path) => {
                buffered(&mut file.file()).map_err(failed).at("file", path.display())?;
                file.finish().at("file", path.display())?;
            }
        }
        Ok(())
    }
}

/// Fails where the file at `path`, which `option` names, must not be written.
///
/// # Errors
/// A file that is there, unless it is to be replaced; one that is an input, by whatever name.
pub fn check_target(option: &str, path: &Path, existing: Existing, inputs: &[PathBuf]) -> Done {
    let refused = |why: &str| Err(Failure::Usage(format!("{option} {}: {why}", path.display())));
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    if inputs.iter().any(|input| whole::is_same_file(input, path)) {
        return refused("the file is an input");
    }
    match existing {
        Existing::Refuse if option == "--output" => {
            refused("the file exists already\nhint: --overwrite replaces it, --append adds to it")
        }
        Existing::Refuse | Existing::Keep => {
            refused("the file exists already\nhint: --overwrite replaces it")
        }
        Existing::Replace | Existing::Change => Ok(()),
    }
}

/// Fails where two options name one file.
///
/// # Errors
/// The two options.
pub fn check_apart(targets: &[(&str, Option<&Written>)]) -> Done {
    for (n, (option, target)) in targets.iter().enumerate() {
        let Some(path) = target.and_then(Written::path) else { continue };
        let same = |(_, other): &&(&str, Option<&Written>)| other.is_some_and(|other| other.is_for(path));
        if let Some((other, _)) = targets[..n].iter().find(same) {
            return Err(Failure::Usage(format!("{other} and {option} are both {}", path.display())));
        }
    }
    Ok(())
}
