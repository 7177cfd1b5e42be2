//! The formats of files, by what their names say, and what becomes of a file that is there.

use crate::error::{Error, ErrorKind, Result};
use crate::whole::WholeFile;
use std::path::Path;

/// A format of files that arrays are stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// HDF5, and so netCDF-4: `.h5`, `.hdf5`, `.hdf`, `.he5`, `.nc`, `.nc4`, and names without an ending.
    Hdf5,
    /// NumPy's file of one array: `.npy`.
    Npy,
    /// NumPy's file of several arrays: `.npz`.
    Npz,
}

impl Format {
    /// The format that a file's name says.
    ///
    /// # Errors
    /// `Unsupported` for an ending of another one.
    pub fn of(path: &Path) -> Result<Format> {
        let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            None | Some("h5" | "hdf5" | "hdf" | "he5" | "nc" | "nc4") => Ok(Format::Hdf5),
            Some("npy") => Ok(Format::Npy),
            Some("npz") => Ok(Format::Npz),
            Some(other) => {
                Err(Error::new(ErrorKind::Unsupported, format!("arrays cannot be stored as '.{other}'"))
                    .hint("HDF5 is .h5, .hdf5, .hdf, .he5, .nc or .nc4; NumPy's files are .npy and .npz"))
            }
        }
    }
}

/// What becomes of a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is replaced.
    Replace,
    /// It is refused.
    New,
    /// It is changed: a copy of it, which takes its place.
    Change,
}

impl Mode {
    pub fn whole(self, target: &Path) -> Result<WholeFile> {
        match self {
            Mode::Replace => WholeFile::beside(target),
            Mode::New => WholeFile::create_new(target),
            Mode::Change => WholeFile::copy_of(target),
        }
    }
}
