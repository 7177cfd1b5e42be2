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
use hdf5_sys::{h5::*, h5a::*, h5d::*, h5f::*, h5i::*, h5l::*, h5o::*, h5p::*, h5s::*, h5t::*, h5z::*};
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

/// Runs `f` under the process-wide HDF5 lock.
pub(crate) fn locked<T>(f: impl FnOnce() -> T) -> T {
    hdf5::sync::sync(f)
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
    let error = Error::new(ErrorKind::Io, if full { format!("{message}: the disk is full") } else { message });
    let error = if full { error.hint("free some space; an existing target file is unchanged") } else { error };
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
}

// ---------------------------------------------------------------- files

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

/// Opens a file for reading, without a file lock.
pub(crate) fn open_file(path: &std::path::Path) -> Result<Id> {
    let name = path_string(path)?;
    let fapl = file_access(false)?;
    Id::new(call!(H5Fopen(name.as_ptr(), H5F_ACC_RDONLY, fapl.0)), || "not a readable HDF5 file".into())
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

// ---------------------------------------------------------------- links and objects

/// What a link is, without following it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Link {
    /// An object of this file.
    Hard,
    /// A path in this file.
    Soft(String),
    /// `file`, `path` in another file.
    External(String, String),
    /// A link class that an application defined.
    User(i32),
}

/// The link `name` below `loc`; `None` if there is none.
pub(crate) fn link(loc: &Id, name: &str) -> Result<Option<Link>> {
    locked(|| {
        let c = c_string(name)?;
        let what = || format!("cannot read the link {name:?}");
        match call!(H5Lexists(loc.0, c.as_ptr(), H5P_DEFAULT)) {
            0 => return Ok(None),
            n if n < 0 => return Err(failure(what())),
            _ => {}
        }
        #[cfg(feature = "static")]
        let (mut info, get) = (MaybeUninit::<H5L_info2_t>::zeroed(), H5Lget_info2);
        #[cfg(not(feature = "static"))]
        #[allow(deprecated)]
        let (mut info, get) = (MaybeUninit::<H5L_info1_t>::zeroed(), H5Lget_info1);
        check(call!(get(loc.0, c.as_ptr(), info.as_mut_ptr(), H5P_DEFAULT)), what)?;
        // The class is read as a number: an application's class is not a value of the Rust enum.
        // SAFETY: the structure starts with the class, an int, and is initialised (zeroed, filled).
        let class = unsafe { info.as_ptr().cast::<c_int>().read() };
        if class == 0 {
            return Ok(Some(Link::Hard));
        }
        if class != 1 && class != 64 {
            return Ok(Some(Link::User(class)));
        }
        let mut value = vec![0u8; 64 * 1024];
        check(
            call!(H5Lget_val(loc.0, c.as_ptr(), value.as_mut_ptr().cast(), value.len(), H5P_DEFAULT)),
            what,
        )?;
        let text =
            |b: &[u8]| String::from_utf8_lossy(b.split(|&b| b == 0).next().unwrap_or(&[])).into_owned();
        if class == 1 {
            return Ok(Some(Link::Soft(text(&value))));
        }
        // One byte of version and flags, the file name, NUL, the object's path, NUL.
        let rest = &value[1..];
        let file = text(rest);
        let object = text(rest.get(file.len() + 1..).unwrap_or(&[]));
        Ok(Some(Link::External(file, object)))
    })
}

/// The names of the links of a group, sorted; at most `limit`, and whether there are more.
pub(crate) fn link_names(group: &Id, limit: usize) -> Result<(Vec<String>, bool)> {
    struct Found {
        names: Vec<String>,
        limit: usize,
    }
    unsafe fn push(name: *const c_char, data: *mut c_void) -> herr_t {
        // SAFETY: `data` is the `Found` below, and libhdf5 gives a C string.
        let (found, name) = unsafe { (&mut *data.cast::<Found>(), CStr::from_ptr(name)) };
        if found.names.len() == found.limit {
            return 1;
        }
        found.names.push(name.to_string_lossy().into_owned());
        0
    }
    #[cfg(feature = "static")]
    unsafe extern "C" fn visit(
        _: hid_t,
        name: *const c_char,
        _: *const H5L_info2_t,
        data: *mut c_void,
    ) -> herr_t {
        unsafe { push(name, data) }
    }
    #[cfg(not(feature = "static"))]
    unsafe extern "C" fn visit(
        _: hid_t,
        name: *const c_char,
        _: *const H5L_info1_t,
        data: *mut c_void,
    ) -> herr_t {
        // SAFETY: see `push`.
        unsafe { push(name, data) }
    }
    #[cfg(feature = "static")]
    let iterate = H5Literate2;
    #[cfg(not(feature = "static"))]
    #[allow(deprecated)]
    let iterate = H5Literate1;
    let mut found = Found { names: Vec::new(), limit };
    let mut position: hsize_t = 0;
    let data = (&raw mut found).cast();
    let code = call!(iterate(group.0, H5_INDEX_NAME, H5_ITER_INC, &mut position, Some(visit), data));
    check(code, || "cannot list the group".into())?;
    found.names.sort();
    Ok((found.names, code > 0))
}

/// What kind of object an identifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Group,
    Dataset,
    Type,
    Other,
}

/// Opens an object by path and says what it is.
pub(crate) fn open_object(loc: &Id, path: &str) -> Result<(Id, Object)> {
    locked(|| {
        let c = c_string(path)?;
        let id = Id::new(call!(H5Oopen(loc.0, c.as_ptr(), H5P_DEFAULT)), || format!("cannot open {path:?}"))?;
        let kind = match call!(H5Iget_type(id.0)) {
            H5I_GROUP => Object::Group,
            H5I_DATASET => Object::Dataset,
            H5I_DATATYPE => Object::Type,
            _ => Object::Other,
        };
        Ok((id, kind))
    })
}

/// What identifies an object inside its file, whatever path led to it.
pub(crate) fn address(object: &Id) -> Result<[u8; 16]> {
    let what = || "cannot read the object header".to_string();
    let mut out = [0u8; 16];
    #[cfg(feature = "static")]
    {
        let mut info = MaybeUninit::<H5O_info2_t>::zeroed();
        check(call!(H5Oget_info3(object.0, info.as_mut_ptr(), H5O_INFO_BASIC)), what)?;
        // SAFETY: the token is 16 bytes, initialised by the call.
        out = unsafe { (&raw const (*info.as_ptr()).token).cast::<[u8; 16]>().read() };
    }
    #[cfg(not(feature = "static"))]
    {
        let mut info = MaybeUninit::<H5O_info1_t>::zeroed();
        check(call!(H5Oget_info2(object.0, info.as_mut_ptr(), H5O_INFO_BASIC)), what)?;
        // SAFETY: the address is an integer, initialised by the call.
        out[..8].copy_from_slice(&unsafe { (*info.as_ptr()).addr }.to_le_bytes());
    }
    Ok(out)
}

/// Opens a dataset with no chunk cache, so that libhdf5 keeps no chunk in memory.
pub(crate) fn open_dataset(file: &Id, path: &str) -> Result<Id> {
    locked(|| {
        let c = c_string(path)?;
        let dapl = Id::new(call!(H5Pcreate(*H5P_CLS_DATASET_ACCESS)), || "no dataset access list".into())?;
        check(call!(H5Pset_chunk_cache(dapl.0, 1, 0, 1.0)), || "cannot set the chunk cache".into())?;
        Id::new(call!(H5Dopen2(file.0, c.as_ptr(), dapl.0)), || "cannot open the dataset".into())
    })
}

// ---------------------------------------------------------------- dataspaces

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

// ---------------------------------------------------------------- dataset metadata

/// How a dataset is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Compact,
    Contiguous,
    Chunked,
    Virtual,
}

impl Layout {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Layout::Compact => "compact",
            Layout::Contiguous => "contiguous",
            Layout::Chunked => "chunked",
            Layout::Virtual => "virtual",
        }
    }
}

/// One filter of a pipeline, as the file states it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FilterInfo {
    pub id: i32,
    pub name: String,
    pub values: Vec<u32>,
}

/// The creation list of a dataset.
pub(crate) fn creation(dataset: &Id) -> Result<Id> {
    Id::new(call!(H5Dget_create_plist(dataset.0)), || "cannot read the dataset's creation properties".into())
}

/// The storage layout.
pub(crate) fn layout(dcpl: &Id) -> Result<Layout> {
    match call!(H5Pget_layout(dcpl.0)) {
        H5D_layout_t::H5D_COMPACT => Ok(Layout::Compact),
        H5D_layout_t::H5D_CONTIGUOUS => Ok(Layout::Contiguous),
        H5D_layout_t::H5D_CHUNKED => Ok(Layout::Chunked),
        H5D_layout_t::H5D_VIRTUAL => Ok(Layout::Virtual),
        _ => Err(failure("cannot read the storage layout".into())),
    }
}

/// The chunk shape, and whether partial edge chunks are stored without the filters.
pub(crate) fn chunk_shape(dcpl: &Id) -> Result<(Dims, bool)> {
    let mut dims = [0u64; MAX_RANK];
    let rank = call!(H5Pget_chunk(dcpl.0, MAX_RANK as c_int, dims.as_mut_ptr()));
    if rank < 0 || rank as usize > MAX_RANK {
        return Err(failure("cannot read the chunk shape".into()));
    }
    let mut options: c_uint = 0;
    check(call!(H5Pget_chunk_opts(dcpl.0, &mut options)), || "cannot read the chunk options".into())?;
    Ok((Dims::from_slice(&dims[..rank as usize]), options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS != 0))
}

/// How many external files hold the data.
pub(crate) fn external_files(dcpl: &Id) -> Result<usize> {
    let n = call!(H5Pget_external_count(dcpl.0));
    if n < 0 { Err(failure("cannot read the external file list".into())) } else { Ok(n as usize) }
}

/// The filters, in the order in which they are applied when writing.
pub(crate) fn filters(dcpl: &Id) -> Result<Vec<FilterInfo>> {
    locked(|| {
        let n = call!(H5Pget_nfilters(dcpl.0));
        if !(0..=32).contains(&n) {
            return Err(failure(format!("a pipeline of {n} filters")));
        }
        (0..n as c_uint)
            .map(|i| {
                let (mut flags, mut config, mut count) = (0, 0, 64usize);
                let mut values = vec![0u32; count];
                let mut name = [0u8; 256];
                let id = call!(H5Pget_filter2(
                    dcpl.0,
                    i,
                    &mut flags,
                    &mut count,
                    values.as_mut_ptr(),
                    name.len(),
                    name.as_mut_ptr().cast(),
                    &mut config,
                ));
                check(id, || format!("cannot read filter {i} of the pipeline"))?;
                values.truncate(count.min(64));
                let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
                Ok(FilterInfo { id, name: String::from_utf8_lossy(&name[..end]).into_owned(), values })
            })
            .collect()
    })
}

/// Whether this libhdf5 has a filter (built in or as a plugin).
pub(crate) fn has_filter(id: i32) -> bool {
    call!(H5Zfilter_avail(id)) > 0
}

/// The fill value as `memory_type` (`size` bytes); zeros where none is defined.
pub(crate) fn fill_value(dcpl: &Id, memory_type: &Id, size: usize) -> Result<Vec<u8>> {
    locked(|| {
        let mut out = vec![0u8; size];
        let mut status = H5D_fill_value_t::H5D_FILL_VALUE_DEFAULT;
        check(call!(H5Pfill_value_defined(dcpl.0, &mut status)), || "cannot read the fill value".into())?;
        if status == H5D_fill_value_t::H5D_FILL_VALUE_USER_DEFINED {
            let code = call!(H5Pget_fill_value(dcpl.0, memory_type.0, out.as_mut_ptr().cast()));
            check(code, || "cannot read the fill value".into())?;
        }
        Ok(out)
    })
}

/// The address of contiguous data in the file; `None` where nothing is allocated.
pub(crate) fn offset(dataset: &Id) -> Option<u64> {
    Some(call!(H5Dget_offset(dataset.0))).filter(|&a| a != HADDR_UNDEF)
}

/// Bytes that the dataset takes in the file.
pub(crate) fn storage_size(dataset: &Id) -> u64 {
    call!(H5Dget_storage_size(dataset.0))
}

// ---------------------------------------------------------------- element types

/// What a file says about an element.
#[derive(Debug)]
pub(crate) struct ElementType {
    /// The dtype it is read as; `None` if it is not numeric (see `text`).
    pub dtype: Option<DType>,
    /// Whether the stored bytes must be reversed.
    pub swap: bool,
    /// The type in which libhdf5 is asked for elements: the file's own where only the byte order
    /// may differ, a native one where libhdf5 must convert (odd precisions).
    pub memory: Id,
    /// Whether `memory` differs from the stored bytes by more than their order.
    pub convert: bool,
    /// Bytes per stored element.
    pub size: usize,
    /// As a NumPy type string (`<f4`) or in words.
    pub text: String,
}

/// The element type of a dataset.
pub(crate) fn dataset_type(dataset: &Id) -> Result<Id> {
    Id::new(call!(H5Dget_type(dataset.0)), || "cannot read the element type".into())
}

/// The fixed-size numeric types of the two byte orders.
fn standard_types() -> [(hid_t, DType, bool); 20] {
    use DType::*;
    [
        (*H5T_STD_I8LE, I8, false),
        (*H5T_STD_U8LE, U8, false),
        (*H5T_STD_I16LE, I16, false),
        (*H5T_STD_U16LE, U16, false),
        (*H5T_STD_I32LE, I32, false),
        (*H5T_STD_U32LE, U32, false),
        (*H5T_STD_I64LE, I64, false),
        (*H5T_STD_U64LE, U64, false),
        (*H5T_IEEE_F32LE, F32, false),
        (*H5T_IEEE_F64LE, F64, false),
        (*H5T_STD_I8BE, I8, true),
        (*H5T_STD_U8BE, U8, true),
        (*H5T_STD_I16BE, I16, true),
        (*H5T_STD_U16BE, U16, true),
        (*H5T_STD_I32BE, I32, true),
        (*H5T_STD_U32BE, U32, true),
        (*H5T_STD_I64BE, I64, true),
        (*H5T_STD_U64BE, U64, true),
        (*H5T_IEEE_F32BE, F32, true),
        (*H5T_IEEE_F64BE, F64, true),
    ]
}

fn half_type(big: bool) -> Result<Id> {
    let what = || "cannot make the float16 type".to_string();
    let t = Id::new(call!(H5Tcopy(if big { *H5T_IEEE_F32BE } else { *H5T_IEEE_F32LE })), what)?;
    check(call!(H5Tset_fields(t.0, 15, 10, 5, 0, 10)), what)?;
    check(call!(H5Tset_size(t.0, 2)), what)?;
    check(call!(H5Tset_ebias(t.0, 15)), what)?;
    Ok(t)
}

/// The type that files written here use for `dtype`: native byte order; bool as h5py's enum.
pub(crate) fn file_type(dtype: DType) -> Result<Id> {
    locked(|| {
        if dtype == DType::F16 {
            return half_type(cfg!(target_endian = "big"));
        }
        if dtype == DType::Bool {
            let what = || "cannot make the bool type".to_string();
            let t = Id::new(call!(H5Tenum_create(*H5T_STD_I8LE)), what)?;
            for (name, value) in [(c"FALSE", 0i8), (c"TRUE", 1i8)] {
                check(call!(H5Tenum_insert(t.0, name.as_ptr(), (&raw const value).cast())), what)?;
            }
            return Ok(t);
        }
        copy_of_standard(dtype, cfg!(target_endian = "big"))
    })
}

/// The standard type of a numeric dtype (not bool, not float16).
pub(crate) fn copy_of_standard(dtype: DType, big: bool) -> Result<Id> {
    let found = standard_types().into_iter().find(|t| t.1 == dtype && t.2 == big);
    let Some((id, ..)) = found else {
        return Err(Error::new(ErrorKind::Internal, format!("no standard HDF5 type for {dtype}")));
    };
    Id::new(call!(H5Tcopy(id)), || "cannot copy a type".into())
}

fn enum_is_bool(t: &Id) -> bool {
    let count = call!(H5Tget_nmembers(t.0));
    if count != 2 || call!(H5Tget_size(t.0)) != 1 {
        return false;
    }
    [(c"FALSE", 0u8), (c"TRUE", 1u8)].iter().all(|(name, want)| {
        let mut value = 0xffu8;
        let code = call!(H5Tenum_valueof(t.0, name.as_ptr(), (&raw mut value).cast()));
        code >= 0 && value == *want
    })
}

/// Reads what a type is. Only integers, floats and enums have a dtype.
pub(crate) fn element_type(t: &Id) -> Result<ElementType> {
    locked(|| describe_type(t, 0))
}

fn describe_type(t: &Id, depth: usize) -> Result<ElementType> {
    let size = call!(H5Tget_size(t.0));
    if size == 0 {
        return Err(failure("cannot read the element type".into()));
    }
    let copy = || Id::new(call!(H5Tcopy(t.0)), || "cannot copy a type".into());
    let other = |text: String| -> Result<ElementType> {
        Ok(ElementType { dtype: None, swap: false, memory: copy()?, convert: false, size, text })
    };
    let parent = || -> Result<ElementType> {
        if depth > 8 {
            return Err(Error::new(ErrorKind::Format, "an element type nested more than 8 deep"));
        }
        let base = Id::new(call!(H5Tget_super(t.0)), || "cannot read the base type".into())?;
        describe_type(&base, depth + 1)
    };
    match call!(H5Tget_class(t.0)) {
        H5T_INTEGER | H5T_FLOAT => numeric_type(t, size),
        H5T_ENUM => {
            let base = parent()?;
            if enum_is_bool(t) {
                return Ok(ElementType {
                    dtype: Some(DType::Bool),
                    swap: false,
                    memory: copy()?,
                    convert: false,
                    size,
                    text: "bool".into(),
                });
            }
            let text = format!("enum of {}", base.text);
            match base.dtype {
                Some(_) if !base.convert => Ok(ElementType { memory: copy()?, text, ..base }),
                _ => other(text),
            }
        }
        H5T_STRING if call!(H5Tis_variable_str(t.0)) > 0 => other("string".into()),
        H5T_STRING => other(format!("string of {size} bytes")),
        H5T_COMPOUND => {
            let n = call!(H5Tget_nmembers(t.0)).max(0);
            let mut text = String::from("compound {");
            for i in 0..n.min(16) as c_uint {
                let name = call!(H5Tget_member_name(t.0, i));
                if name.is_null() {
                    return Err(failure("cannot read a compound member".into()));
                }
                // SAFETY: libhdf5 gave a C string that the caller frees.
                let label = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
                call!(H5free_memory(name.cast()));
                let member =
                    Id::new(call!(H5Tget_member_type(t.0, i)), || "cannot read a compound member".into())?;
                let inner =
                    if depth < 4 { describe_type(&member, depth + 1)?.text } else { "…".to_string() };
                text += &format!("{}{label}: {inner}", if i == 0 { "" } else { ", " });
            }
            text += if n > 16 { ", …}" } else { "}" };
            other(text)
        }
        H5T_REFERENCE => other("reference".into()),
        H5T_OPAQUE => other(format!("opaque of {size} bytes")),
        H5T_BITFIELD => other(format!("bitfield of {size} bytes")),
        H5T_TIME => other("time".into()),
        H5T_VLEN => other(format!("variable-length {}", parent()?.text)),
        H5T_ARRAY => other(format!("array of {}", parent()?.text)),
        _ => other("a type that this build does not know".into()),
    }
}

fn numeric_type(t: &Id, size: usize) -> Result<ElementType> {
    let equal = |id: hid_t| call!(H5Tequal(t.0, id)) > 0;
    let halves = [half_type(false)?, half_type(true)?];
    let found = standard_types()
        .into_iter()
        .chain([(halves[0].0, DType::F16, false), (halves[1].0, DType::F16, true)])
        .find(|&(id, ..)| equal(id));
    let copy = Id::new(call!(H5Tcopy(t.0)), || "cannot copy a type".into())?;
    if let Some((_, dtype, big)) = found {
        let swap = size > 1 && big != cfg!(target_endian = "big");
        let order = if size == 1 {
            '|'
        } else if big {
            '>'
        } else {
            '<'
        };
        let kind = match dtype.kind() {
            crate::dtype::Kind::Float => 'f',
            crate::dtype::Kind::UInt => 'u',
            _ => 'i',
        };
        let text = format!("{order}{kind}{size}");
        return Ok(ElementType { dtype: Some(dtype), swap, memory: copy, convert: false, size, text });
    }
    let precision = call!(H5Tget_precision(t.0));
    if call!(H5Tget_class(t.0)) == H5T_INTEGER && precision <= 64 {
        use DType::*;
        let signed = call!(H5Tget_sign(t.0)) == H5T_sign_t::H5T_SGN_2;
        let dtype = match (precision, signed) {
            (0..=8, true) => I8,
            (0..=8, false) => U8,
            (9..=16, true) => I16,
            (9..=16, false) => U16,
            (17..=32, true) => I32,
            (17..=32, false) => U32,
            (_, true) => I64,
            (_, false) => U64,
        };
        let memory = copy_of_standard(dtype, cfg!(target_endian = "big"))?;
        let text = format!("{}{precision} in {size} bytes", if signed { "int" } else { "uint" });
        return Ok(ElementType { dtype: Some(dtype), swap: false, memory, convert: true, size, text });
    }
    let text = format!(
        "a number of {precision} bits in {size} bytes that is not an IEEE float of 16, 32 or 64 bits"
    );
    Ok(ElementType { dtype: None, swap: false, memory: copy, convert: false, size, text })
}

// ---------------------------------------------------------------- data

/// The stored bytes of the chunk that starts at element `origin`; 0 if it is not allocated.
pub(crate) fn stored_size(dataset: &Id, origin: &[u64]) -> Result<u64> {
    let mut size = 0;
    let code = call!(H5Dget_chunk_storage_size(dataset.0, origin.as_ptr(), &mut size));
    check(code, || "cannot find the chunk".into())?;
    Ok(size)
}

/// Copies the stored bytes of a chunk into `out`, whose length is `stored_size`'s answer, and
/// returns the mask of the filters that were skipped when it was written.
pub(crate) fn read_stored(dataset: &Id, origin: &[u64], out: &mut [u8]) -> Result<u32> {
    let mut mask = 0;
    let to = out.as_mut_ptr().cast::<c_void>();
    #[cfg(feature = "static")]
    let code = {
        let mut length = out.len();
        call!(H5Dread_chunk2(dataset.0, H5P_DEFAULT, origin.as_ptr(), &mut mask, to, &mut length))
    };
    #[cfg(not(feature = "static"))]
    let code = call!(H5Dread_chunk1(dataset.0, H5P_DEFAULT, origin.as_ptr(), &mut mask, to));
    check(code, || "cannot read the stored chunk".into())?;
    Ok(mask)
}

/// Writes the stored bytes of a chunk.
pub(crate) fn write_stored(dataset: &Id, origin: &[u64], mask: u32, bytes: &[u8]) -> Result<()> {
    let from = bytes.as_ptr().cast::<c_void>();
    let code = call!(H5Dwrite_chunk(dataset.0, H5P_DEFAULT, mask, origin.as_ptr(), bytes.len(), from));
    check_write(code, || "cannot write the chunk".into())
}

/// Reads a selection through libhdf5. `out` is what `memory_space` says, in `memory_type`.
pub(crate) fn read_selection(
    dataset: &Id,
    memory_type: &Id,
    memory_space: &Id,
    file_space: &Id,
    out: &mut [u8],
) -> Result<()> {
    locked(|| {
        let elements = call!(H5Sget_simple_extent_npoints(memory_space.0));
        let size = call!(H5Tget_size(memory_type.0));
        if elements < 0 || (elements as u64).checked_mul(size as u64) != Some(out.len() as u64) {
            return Err(Error::new(ErrorKind::Internal, "a buffer that does not fit the selection"));
        }
        let to = out.as_mut_ptr().cast::<c_void>();
        let code = call!(H5Dread(dataset.0, memory_type.0, memory_space.0, file_space.0, H5P_DEFAULT, to));
        check(code, || "libhdf5 cannot read the data".into())
    })
}

/// Writes a selection through libhdf5.
pub(crate) fn write_selection(
    dataset: &Id,
    memory_type: &Id,
    memory_space: &Id,
    file_space: &Id,
    bytes: &[u8],
) -> Result<()> {
    locked(|| {
        let elements = call!(H5Sget_simple_extent_npoints(memory_space.0));
        let size = call!(H5Tget_size(memory_type.0));
        if elements < 0 || (elements as u64).checked_mul(size as u64) != Some(bytes.len() as u64) {
            return Err(Error::new(ErrorKind::Internal, "a buffer that does not fit the selection"));
        }
        let from = bytes.as_ptr().cast::<c_void>();
        let code = call!(H5Dwrite(dataset.0, memory_type.0, memory_space.0, file_space.0, H5P_DEFAULT, from));
        check_write(code, || "cannot write the data".into())
    })
}

mod attr;
mod create;
pub(crate) use attr::*;
pub(crate) use create::*;
