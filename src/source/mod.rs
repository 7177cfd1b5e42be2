//! Where elements come from: files, memory, formulas.
//!
//! A [`Source`] says shape, dtype and storage chunks, and brings one chunk or one strided region
//! into a buffer of the caller, in native byte order. It holds no open file: a handle is borrowed
//! from the process-wide cache for each read, so a source can be cloned, sent and kept. What
//! identifies it is a [`SourceSpec`], plain data from which [`open`] makes it again elsewhere; one that
//! others have written is identified by its object, or by what it is registered as.
//!
//! Memory: a read uses the caller's [`Scratch`] and nothing that grows with the array.

mod advice;
pub mod assemble;
pub mod cf;
mod file;
pub(crate) mod foreign;
pub mod generate;
pub mod hdf5;
mod inline;
pub mod many;
pub mod memory;
pub mod netcdf;
mod parallel;
pub(crate) mod parts;
mod position;
mod scratch;
mod spec;
pub(crate) mod spill;
mod stats;
mod strided;
mod traits;
mod writers;

pub use assemble::copy_slab;
pub(crate) use file::is_classic;
pub use file::{elements, object, open_file, tree, tree_with};
pub use inline::Inline;
pub use scratch::{ReadCx, Scratch, ScratchNeeds};
pub(crate) use spec::Local;
pub use spec::{Fingerprint, Join, OpenOptions, Reader, Registration, SourceSpec};
pub use stats::ReadStats;
pub use traits::Source;
pub(crate) use traits::{Own, check_slab};

use crate::error::{Error, ErrorKind, Result};
use std::sync::Arc;

/// Makes the source that `spec` describes.
///
/// # Errors
/// `NotFound`, `Io`, `Format`, `Type` from the file; `Changed` if the file is not the one whose
/// fingerprint the spec has; `NotFound` for an array of another process, and for what nobody registered.
pub fn open(spec: &SourceSpec) -> Result<Arc<dyn Source>> {
    match spec {
        SourceSpec::Hdf5 { path, dataset, options, fingerprint, others } => {
            let source = hdf5::Hdf5Source::open(path, dataset, *options)?;
            source.expect(fingerprint, *others)?;
            Ok(Arc::new(source))
        }
        SourceSpec::Netcdf { path, variable, fingerprint } => {
            Ok(Arc::new(netcdf::NetcdfSource::reopen(path, variable, fingerprint)?))
        }
        SourceSpec::Inline(array) => memory::inline(array),
        SourceSpec::Memory { id } => memory::find(*id),
        SourceSpec::Foreign { name, .. } => {
            let gone = format!("{name} is a source of another process, which did not register it");
            Err(Error::new(ErrorKind::NotFound, gone))
        }
        SourceSpec::Registered(registration) => foreign::open(registration),
        SourceSpec::Many { parts, join } => Ok(Arc::new(many::Many::reopen(parts, *join, &open)?)),
        _ => generate::from_spec(spec),
    }
}

/// Opens what lies in files again, as the files are now.
///
/// # Errors
/// As [`open_file`]; `Unsupported` for what lies in no file.
pub(crate) fn refreshed(spec: &SourceSpec) -> Result<Arc<dyn Source>> {
    match spec {
        SourceSpec::Hdf5 { path, dataset, options, .. } => open_file(path, dataset, *options),
        SourceSpec::Netcdf { path, variable, .. } => open_file(path, variable, OpenOptions::default()),
        SourceSpec::Many { parts, join } => Ok(Arc::new(many::Many::reopen(parts, *join, &refreshed)?)),
        _ => Err(Error::new(ErrorKind::Unsupported, "only what lies in files can be read as it is now")),
    }
}
