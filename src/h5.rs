//! The calls into libhdf5, wrapped so that the rest of the crate needs no `unsafe` for them.
//!
//! Every function takes the process-wide lock of the `hdf5` crate (it is reentrant, so a caller
//! that needs several calls in one hold wraps them in [`locked`]). Failures carry the text of
//! libhdf5's error stack. Identifiers are owned by [`Id`] and closed once.
//!
//! Limits: libhdf5 1.10.7 or newer (file locks switched off per file). With the `static` feature
//! (HDF5 2.2 without deprecated symbols) the calls whose signature changed use their new names.

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, MAX_RANK};
use hdf5_sys::h5pl::H5PL_ALL_PLUGIN;
use hdf5_sys::{
    h5::*, h5a::*, h5ac::*, h5d::*, h5f::*, h5g::*, h5i::*, h5l::*, h5o::*, h5p::*, h5s::*, h5t::*, h5z::*,
};
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::Once;

/// Runs `f` under the process-wide HDF5 lock. No plugin is loaded, see [`with_plugins`].
pub(crate) fn locked<T>(f: impl FnOnce() -> T) -> T {
    static FIRST: Once = Once::new();
    hdf5::sync::sync(|| {
        // Whoever is in here holds the lock, so nobody waits for this while holding it.
        FIRST.call_once(|| load_plugins(false));
        f()
    })
}

/// As [`locked`]; where `allow` says so, libhdf5 may load HDF5 plugins meanwhile, from HDF5_PLUGIN_PATH
/// or its own folder. What it has loaded stays loaded.
pub(crate) fn with_plugins<T>(allow: bool, f: impl FnOnce() -> T) -> T {
    struct Off;
    impl Drop for Off {
        fn drop(&mut self) {
            load_plugins(false);
        }
    }
    locked(|| {
        let _off = allow.then(|| {
            load_plugins(true);
            Off
        });
        f()
    })
}

/// Says whether libhdf5 may load plugins from now on. Call it under the lock.
fn load_plugins(allow: bool) {
    let kinds = if allow { H5PL_ALL_PLUGIN } else { 0 };
    // SAFETY: it takes a number by value, and the caller holds the lock. It cannot fail once the library
    // is initialised.
    unsafe { H5PLset_loading_state(kinds) };
}

/// The version of libhdf5, as `1.10.8`.
pub(crate) fn version() -> String {
    let (major, minor, release) = locked(hdf5::library_version);
    format!("{major}.{minor}.{release}")
}

/// An HDF5 identifier, closed when dropped.
#[derive(Debug)]
pub(crate) struct Id(hid_t);

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: the identifier is ours and valid until here.
        locked(|| unsafe { H5Idec_ref(self.0) });
    }
}

impl Id {
    #[cfg(test)]
    pub(crate) fn raw(&self) -> hid_t {
        self.0
    }

    fn new(id: hid_t, what: impl FnOnce() -> String) -> Result<Id> {
        if id < 0 { Err(failure(what())) } else { Ok(Id(id)) }
    }
}

/// An error of kind `Format` with libhdf5's own account of the last failed call of this thread.
pub(crate) fn failure(message: String) -> Error {
    let error = Error::new(ErrorKind::Format, message);
    match hdf5::Error::query() {
        Ok(e) => error.caused_by(format!("libhdf5: {e}")),
        Err(_) => error,
    }
}

/// A failure to write, of kind `Io`; a full disk is named as one.
fn write_failure(message: String) -> Error {
    let text = hdf5::Error::query().map_or_else(|e| e.to_string(), |e| e.to_string());
    let full = text.contains("No space left") || text.contains("errno = 28");
    let error =
        Error::new(ErrorKind::Io, if full { format!("{message}: the disk is full") } else { message });
    let error =
        if full { error.hint("free some space; an existing target file is unchanged") } else { error };
    error.caused_by(format!("libhdf5: {text}"))
}

fn check_write(code: c_int, what: impl FnOnce() -> String) -> Result<()> {
    if code < 0 { Err(write_failure(what())) } else { Ok(()) }
}

fn check(code: c_int, what: impl FnOnce() -> String) -> Result<()> {
    if code < 0 { Err(failure(what())) } else { Ok(()) }
}

/// A C string; `NotFound` if it has a NUL inside (no object has such a name).
pub(crate) fn c_string(s: &str) -> Result<CString> {
    CString::new(s).map_err(|_| Error::new(ErrorKind::NotFound, format!("a NUL byte in the name {s:?}")))
}

macro_rules! call {
    // SAFETY of every use: identifiers come from live `Id`s, pointers from live values of the
    // length that the call asks for, and the lock is held.
    ($e:expr) => {
        locked(|| unsafe { $e })
    };
}

unsafe extern "C" {
    // Missing in hdf5-metno-sys.
    fn H5Dget_chunk_storage_size(dset_id: hid_t, offset: *const hsize_t, size: *mut hsize_t) -> herr_t;
    // Declared there with a pointer, which it does not take.
    fn H5PLset_loading_state(kinds: c_uint) -> herr_t;
}

fn path_string(path: &std::path::Path) -> Result<CString> {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec();
    #[cfg(not(unix))]
    let bytes = path.to_string_lossy().into_owned().into_bytes();
    CString::new(bytes).map_err(|_| Error::new(ErrorKind::NotFound, "a NUL byte in the file name"))
}

fn file_access(latest: bool) -> Result<Id> {
    let fapl = Id::new(call!(H5Pcreate(*H5P_CLS_FILE_ACCESS)), || "no file access list".into())?;
    check(call!(H5Pset_file_locking(fapl.0, 0, 1)), || "cannot switch the file lock off".into())?;
    if latest {
        let v = H5F_libver_t::H5F_LIBVER_V18;
        check(call!(H5Pset_libver_bounds(fapl.0, v, H5F_LIBVER_LATEST)), || {
            "cannot choose the file format".into()
        })?;
    }
    Ok(fapl)
}

/// The most bytes of metadata that libhdf5 keeps per file; by itself it takes up to 32 MiB. What is asked
/// often is kept by the sources.
const METADATA_BYTES: usize = 512 << 10;

fn small_metadata_cache(fapl: &Id) -> Result<()> {
    let what = || "cannot choose the size of the metadata cache".to_string();
    // Some room, for a structure that grew since the bindings were made.
    #[repr(C)]
    struct Config(H5AC_cache_config_t, [u64; 16]);
    let mut config = MaybeUninit::<Config>::zeroed();
    let inner = config.as_mut_ptr().cast::<H5AC_cache_config_t>();
    // SAFETY: the structure is plain data, zeroed, and first in `config`; its first field says which version
    // it is.
    unsafe { (*inner).version = 1 };
    check(call!(H5Pget_mdc_config(fapl.0, inner)), what)?;
    // SAFETY: as above.
    unsafe {
        (*inner).set_initial_size = 1;
        (*inner).initial_size = METADATA_BYTES;
        (*inner).min_size = METADATA_BYTES / 4;
        (*inner).max_size = METADATA_BYTES;
    }
    check(call!(H5Pset_mdc_config(fapl.0, inner)), what)
}

/// Opens a file for reading, without a file lock.
pub(crate) fn open_file(path: &std::path::Path) -> Result<Id> {
    let name = path_string(path)?;
    let fapl = file_access(false)?;
    small_metadata_cache(&fapl)?;
    Id::new(call!(H5Fopen(name.as_ptr(), H5F_ACC_RDONLY, fapl.0)), || "not a readable HDF5 file".into())
}

/// Opens a file for changing what is in it, without a file lock.
pub(crate) fn open_to_change(path: &std::path::Path) -> Result<Id> {
    let name = path_string(path)?;
    let fapl = file_access(true)?;
    Id::new(call!(H5Fopen(name.as_ptr(), H5F_ACC_RDWR, fapl.0)), || {
        "not an HDF5 file that can be changed".into()
    })
}

/// Creates a file in the place of what is there.
pub(crate) fn create_file(path: &std::path::Path) -> Result<Id> {
    let name = path_string(path)?;
    let fapl = file_access(true)?;
    let id = call!(H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, fapl.0));
    if id < 0 { Err(write_failure("cannot create the HDF5 file".into())) } else { Ok(Id(id)) }
}

/// Writes everything that libhdf5 holds for the file.
pub(crate) fn flush(file: &Id) -> Result<()> {
    check_write(call!(H5Fflush(file.0, H5F_scope_t::H5F_SCOPE_GLOBAL)), || "cannot flush the file".into())
}

/// Closes a file and says whether that worked.
pub(crate) fn close_file(file: Id) -> Result<()> {
    let id = file.0;
    std::mem::forget(file);
    check_write(call!(H5Fclose(id)), || "cannot close the file".into())
}

/// The shape in a dataspace; `None` for a null dataspace.
pub(crate) fn shape_of(space: &Id) -> Result<Option<Dims>> {
    locked(|| {
        match call!(H5Sget_simple_extent_type(space.0)) {
            H5S_NULL => return Ok(None),
            H5S_SCALAR => return Ok(Some(Dims::new())),
            H5S_SIMPLE => {}
            _ => return Err(failure("cannot read the dataspace".into())),
        }
        let rank = call!(H5Sget_simple_extent_ndims(space.0));
        if rank < 0 || rank as usize > MAX_RANK {
            return Err(failure(format!("a dataspace of rank {rank}")));
        }
        let mut dims = Dims::from_elem(0, rank as usize);
        let got = call!(H5Sget_simple_extent_dims(space.0, dims.as_mut_ptr(), null_mut()));
        check(got, || "cannot read the shape".into())?;
        Ok(Some(dims))
    })
}

/// The most that each axis of a dataspace can grow to, `None` without an end.
pub(crate) fn most_of(space: &Id, rank: usize) -> Result<Vec<Option<u64>>> {
    let mut most = vec![0u64; rank];
    if rank > 0 {
        let got = call!(H5Sget_simple_extent_dims(space.0, null_mut(), most.as_mut_ptr()));
        check(got, || "cannot read the most that a dataset can grow to".into())?;
    }
    Ok(most.into_iter().map(|n| Some(n).filter(|&n| n != H5S_UNLIMITED)).collect())
}

/// Gives a dataset another shape.
pub(crate) fn set_extent(dataset: &Id, shape: &[u64]) -> Result<()> {
    check_write(call!(H5Dset_extent(dataset.0, shape.as_ptr())), || "the dataset cannot grow".into())
}

/// The dataspace of a dataset.
pub(crate) fn dataset_space(dataset: &Id) -> Result<Id> {
    Id::new(call!(H5Dget_space(dataset.0)), || "cannot read the dataspace".into())
}

/// A dataspace of this shape; scalar for rank 0.
pub(crate) fn simple_space(shape: &[u64]) -> Result<Id> {
    let id = if shape.is_empty() {
        call!(H5Screate(H5S_SCALAR))
    } else {
        call!(H5Screate_simple(shape.len() as c_int, shape.as_ptr(), null()))
    };
    Id::new(id, || format!("cannot make a dataspace of shape {shape:?}"))
}

/// Selects a strided box.
pub(crate) fn select(space: &Id, start: &[u64], step: &[u64], count: &[u64]) -> Result<()> {
    if start.is_empty() {
        return Ok(());
    }
    let code = call!(H5Sselect_hyperslab(
        space.0,
        H5S_SELECT_SET,
        start.as_ptr(),
        step.as_ptr(),
        count.as_ptr(),
        null()
    ));
    check(code, || "cannot select the region".into())
}

mod attr;
mod checksum;
mod copy;
mod create;
mod data;
mod meta;
mod object;
mod scales;
mod types;
pub(crate) use attr::*;
pub(crate) use checksum::*;
pub(crate) use copy::*;
pub(crate) use create::*;
pub(crate) use data::*;
pub(crate) use meta::*;
pub(crate) use object::*;
pub(crate) use scales::*;
pub(crate) use types::*;
