//! Where results go.

pub mod hdf5;
