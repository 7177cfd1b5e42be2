//! Variables of netCDF classic files: CDF-1, CDF-2 (64-bit offset) and CDF-5 (64-bit data).
//!
//! (NetCDF-4 files are HDF5 files, and read as such.) Opening reads the header, by code of this crate alone;
//! elements are brought by positioned reads, through the cache of open files that HDF5's sources use, and made
//! native. A variable is known by its path from the root, as `/temperature`. There are no groups below it.
//!
//! Limits: as of HDF5's, text has no dtype, and an array has at most 32 axes; a header is at most 64 MiB, with at
//! most a million dimensions, attributes, variables and axes of these.

mod bytes;
mod fuzz;
mod header;
mod place;
mod source;
mod tree;

pub(crate) use fuzz::fuzz_netcdf;
pub use source::NetcdfSource;
pub(in crate::source) use tree::{object, tree};

use crate::source::hdf5::ReadAt;

/// Whether a file begins as a netCDF classic file, of whatever version.
pub(in crate::source) fn is_classic(file: &dyn ReadAt) -> bool {
    let mut magic = [0; 3];
    file.len() >= 4 && file.read_at(0, &mut magic).is_ok() && magic == *header::MAGIC
}

#[cfg(test)]
mod tests;
