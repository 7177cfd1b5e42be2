//! Files by what they begin with: the one place that knows which format is read by what.

use super::hdf5::{Elements, Hdf5Source, Node, NodeKind, Object, StringKind, guard, handles};
use super::netcdf::{self, NetcdfSource};
use super::{OpenOptions, Source};
use crate::error::{Context, Result};
use std::path::Path;
use std::sync::Arc;

/// Whether the file at `path` is of netCDF's classic formats. What cannot be looked at is not: as the HDF5 file
/// that it may be, it is an error with the reason.
pub(crate) fn is_classic(path: &Path) -> bool {
    let file = std::fs::canonicalize(path).ok().and_then(|canonical| handles::borrow(&canonical).ok());
    file.is_some_and(|file| netcdf::is_classic(&file.raw))
}

/// Opens the dataset `dataset` of the file at `path`, an HDF5 file (netCDF-4 is HDF5) or a netCDF classic one;
/// reads no data.
///
/// # Errors
/// As [`Hdf5Source::open`] and [`NetcdfSource::open`]; `Format` for a file of neither format.
pub fn open_file(path: &Path, dataset: &str, options: OpenOptions) -> Result<Arc<dyn Source>> {
    Ok(match is_classic(path) {
        true => Arc::new(NetcdfSource::open(path, dataset, options)?),
        false => Arc::new(Hdf5Source::open(path, dataset, options)?),
    })
}

/// What the elements of the dataset `dataset` of the file at `path` are made of, in any format that [`open_file`] opens.
///
/// # Errors
/// As [`hdf5::elements`](super::hdf5::elements).
pub fn elements(path: impl AsRef<Path>, dataset: &str, options: OpenOptions) -> Result<Elements> {
    match is_classic(path.as_ref()) {
        // Its elements are numbers and characters.
        true => {
            open_file(path.as_ref(), dataset, options.text_bytes())?;
            let is_text = match netcdf::tree(path.as_ref(), dataset)?.kind {
                NodeKind::Dataset(d) => d.dtype.is_none(),
                _ => false,
            };
            let text = is_text.then_some(StringKind::Characters);
            Ok(Elements { text, ..Elements::default() })
        }
        false => super::hdf5::elements(path, dataset, options),
    }
}

/// What is at `object` (a path; `/` for all) in the file at `path`, of any format that [`open_file`] opens.
///
/// # Errors
/// As [`hdf5::tree`](super::hdf5::tree).
pub fn tree(path: impl AsRef<Path>, object: &str) -> Result<Node> {
    tree_with(path, object, OpenOptions::default())
}

/// As [`tree`], with what [`hdf5::tree_with`](super::hdf5::tree_with) may do.
///
/// # Errors
/// As [`hdf5::tree_with`](super::hdf5::tree_with).
pub fn tree_with(path: impl AsRef<Path>, object: &str, options: OpenOptions) -> Result<Node> {
    let path = path.as_ref();
    match is_classic(path) {
        true => {
            guard::check_options(options).at("file", path.display()).at("object", object)?;
            netcdf::tree(path, object)
        }
        false => super::hdf5::tree_with(path, object, options),
    }
}

/// What is at `object` in the file at `path` by itself: what it is, all values of its attributes, and the names of what
/// is in it. Unlike [`tree_with`] it looks at nothing below.
///
/// Where libhdf5 looks ([`OpenOptions::reader`]; structures that are not read here), long attributes are cut as in a
/// listing: their shape says how many values there are.
///
/// # Errors
/// As [`hdf5::tree_with`](super::hdf5::tree_with).
pub fn object(path: impl AsRef<Path>, object: &str, options: OpenOptions) -> Result<Object> {
    let path = path.as_ref();
    match is_classic(path) {
        true => {
            guard::check_options(options).at("file", path.display()).at("object", object)?;
            netcdf::object(path, object)
        }
        false => super::hdf5::object(path, object, options),
    }
}
