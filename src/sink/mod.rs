//! Where results go: files of the format that their name says, written beside the target and renamed.

pub mod hdf5;
mod npy;
mod rows;
mod zip;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Region;
use crate::whole::WholeFile;
use hdf5::{AttributeData, DatasetSpec, Hdf5Writer, WriteScratch};
use npy::NpyWriter;
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
}

impl Mode {
    fn whole(self, target: &Path) -> Result<WholeFile> {
        match self {
            Mode::Replace => WholeFile::beside(target),
            Mode::New => WholeFile::create_new(target),
        }
    }
}

/// A file being written, by many threads.
#[derive(Debug)]
pub(crate) enum Writer {
    Hdf5(Hdf5Writer),
    Npy(NpyWriter),
}

impl Writer {
    /// Checks that a file can have these datasets.
    ///
    /// # Errors
    /// `Unsupported` for what its format does not have; `Value` for what cannot be in one file.
    pub fn check(path: &Path, datasets: &[DatasetSpec]) -> Result<()> {
        match Format::of(path)? {
            Format::Hdf5 => hdf5::check(datasets),
            format => npy::check(format, datasets),
        }
    }

    /// Makes a temporary file beside `path`, all of whose datasets are empty.
    ///
    /// # Errors
    /// `Io`, and as [`Writer::check`].
    pub fn create(
        path: &Path,
        datasets: &[DatasetSpec],
        attributes: &[(String, AttributeData)],
        mode: Mode,
    ) -> Result<Writer> {
        Ok(match Format::of(path)? {
            Format::Hdf5 => Writer::Hdf5(Hdf5Writer::with(path, datasets, attributes, mode)?),
            format => Writer::Npy(NpyWriter::create(path, format, datasets, mode)?),
        })
    }

    /// The dtype of a dataset.
    pub fn dtype(&self, dataset: usize) -> DType {
        match self {
            Writer::Hdf5(file) => file.datasets()[dataset].dtype,
            Writer::Npy(file) => file.datasets()[dataset].dtype,
        }
    }

    /// As [`Hdf5Writer::write_chunk`].
    pub fn write_chunk(
        &self,
        dataset: usize,
        coords: &[u64],
        block: &[u8],
        scratch: &mut WriteScratch,
    ) -> Result<()> {
        match self {
            Writer::Hdf5(file) => file.write_chunk(dataset, coords, block, scratch),
            Writer::Npy(_) => Err(Error::new(ErrorKind::Internal, "such a file has no chunks")),
        }
    }

    /// As [`Hdf5Writer::write_region`].
    pub fn write_region(&self, dataset: usize, region: &Region, block: &[u8]) -> Result<()> {
        match self {
            Writer::Hdf5(file) => file.write_region(dataset, region, block),
            Writer::Npy(file) => file.write_region(dataset, region, block),
        }
    }

    /// Completes the file and puts it in the target's place.
    ///
    /// # Errors
    /// As [`Hdf5Writer::finish`].
    pub fn finish(self) -> Result<()> {
        match self {
            Writer::Hdf5(file) => file.finish(),
            Writer::Npy(file) => file.finish(),
        }
    }
}
