//! A file of any format being written.

use super::format::{Format, Mode};
use super::hdf5::{AttributeData, Contents, DatasetSpec, Decode, Hdf5Writer, Part, WriteScratch};
use super::npy::{self, NpyWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Region;
use crate::whole::WholeFile;
use std::path::Path;

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
            Format::Hdf5 => super::hdf5::check(datasets),
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
        parts: &[Option<Part>],
        attributes: &[(String, AttributeData)],
        mode: Mode,
    ) -> Result<Writer> {
        let contents = Contents { datasets, parts, attributes };
        Ok(match Format::of(path)? {
            Format::Hdf5 => Writer::Hdf5(Hdf5Writer::with(path, &contents, mode)?),
            _ if mode == Mode::Change => {
                return Err(Error::new(ErrorKind::Unsupported, "only HDF5 files can be added to")
                    .hint("store all results in one run, or in an .h5 file"));
            }
            format => Writer::Npy(NpyWriter::create(path, format, datasets, mode)?),
        })
    }

    /// Goes on with an HDF5 file that was begun, whose datasets are written.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn over(
        path: &Path,
        whole: WholeFile,
        datasets: &[DatasetSpec],
        parts: &[Option<Part>],
    ) -> Result<Writer> {
        let contents = Contents { datasets, parts, attributes: &[] };
        Ok(Writer::Hdf5(Hdf5Writer::over(path, whole, &contents)?))
    }

    /// The dataset as it will be.
    pub fn spec(&self, dataset: usize) -> &DatasetSpec {
        match self {
            Writer::Hdf5(file) => &file.datasets()[dataset],
            Writer::Npy(file) => &file.datasets()[dataset],
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

    /// As [`Hdf5Writer::change_chunk`].
    pub fn change_chunk(
        &self,
        dataset: usize,
        coords: &[u64],
        (region, block): (&Region, &[u8]),
        scratch: &mut WriteScratch,
        decode: Decode,
    ) -> Result<()> {
        match self {
            Writer::Hdf5(file) => file.change_chunk(dataset, coords, region, block, scratch, decode),
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
