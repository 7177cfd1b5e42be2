//! Creating datasets and attributes.

use super::*;
use crate::dtype::Scalar;
use crate::members::Members;

/// How a dataset is made.
pub(crate) struct Creation<'a> {
    pub shape: &'a [u64],
    /// The most that each axis can grow to, `None` without an end; a dataset of a fixed shape if not given.
    pub maxshape: Option<&'a [Option<u64>]>,
    pub dtype: DType,
    /// The names of its values, of integers: it is an enum then.
    pub members: Option<&'a Members>,
    /// `None`: contiguous.
    pub chunks: Option<&'a [u64]>,
    /// Filters in the order in which they are applied: number and values.
    pub filters: &'a [(i32, Vec<u32>)],
    /// What elements are that nobody wrote; 0 if not given.
    pub fill: Option<Scalar>,
}

/// Makes a dataset, and the groups on the way to it. All of contiguous data has its place at once.
pub(crate) fn create_dataset(file: &Id, path: &str, c: &Creation) -> Result<Id> {
    locked(|| {
        let name = c_string(path)?;
        let what = || format!("cannot make the dataset {path:?}");
        let dcpl = Id::new(call!(H5Pcreate(*H5P_CLS_DATASET_CREATE)), what)?;
        // The same file whenever it is written, as h5py's.
        check(call!(H5Pset_obj_track_times(dcpl.0, 0)), what)?;
        if let Some(fill) = c.fill {
            let (t, bytes) = (written_type(c.dtype, c.members)?, fill.to_bytes());
            check(call!(H5Pset_fill_value(dcpl.0, t.0, bytes.as_ptr().cast())), what)?;
        }
        match c.chunks {
            Some(chunks) => check(call!(H5Pset_chunk(dcpl.0, chunks.len() as c_int, chunks.as_ptr())), what)?,
            None => {
                check(call!(H5Pset_alloc_time(dcpl.0, H5D_alloc_time_t::H5D_ALLOC_TIME_EARLY)), what)?;
                if c.fill.is_none_or(|v| v.to_bytes().iter().all(|&b| b == 0)) {
                    // A new file is zeros as it is.
                    check(call!(H5Pset_fill_time(dcpl.0, H5D_fill_time_t::H5D_FILL_TIME_NEVER)), what)?;
                }
            }
        }
        add_filters(&dcpl, c.filters, what)?;
        let lcpl = Id::new(call!(H5Pcreate(*H5P_CLS_LINK_CREATE)), what)?;
        check(call!(H5Pset_create_intermediate_group(lcpl.0, 1)), what)?;
        let (t, space) = (written_type(c.dtype, c.members)?, space_to_grow(c.shape, c.maxshape)?);
        let id = call!(H5Dcreate2(file.0, name.as_ptr(), t.0, space.0, lcpl.0, dcpl.0, H5P_DEFAULT));
        if id < 0 { Err(write_failure(what())) } else { Ok(Id(id)) }
    })
}

/// The type that files written here use for elements: an enum where their values have names.
pub(crate) fn written_type(dtype: DType, members: Option<&Members>) -> Result<Id> {
    match members {
        Some(members) => enum_type(dtype, members),
        None => file_type(dtype),
    }
}

const FLETCHER32: i32 = 3;

/// Adds filters, number and values, to a list.
pub(super) fn add_filters(dcpl: &Id, filters: &[(i32, Vec<u32>)], what: impl Fn() -> String) -> Result<()> {
    for (id, values) in filters {
        // As libhdf5 and the plugins of other filters do it: a chunk may go without a codec, never without its checksum.
        let flags = if *id == FLETCHER32 { H5Z_FLAG_MANDATORY } else { H5Z_FLAG_OPTIONAL };
        check(call!(H5Pset_filter(dcpl.0, *id, flags, values.len(), values.as_ptr())), &what)?;
    }
    Ok(())
}

fn space_to_grow(shape: &[u64], most: Option<&[Option<u64>]>) -> Result<Id> {
    let Some(most) = most.filter(|m| m.len() == shape.len() && !shape.is_empty()) else {
        return simple_space(shape);
    };
    let most: Dims = most.iter().map(|m| m.unwrap_or(H5S_UNLIMITED)).collect();
    let id = call!(H5Screate_simple(shape.len() as c_int, shape.as_ptr(), most.as_ptr()));
    Id::new(id, || format!("cannot make a dataspace of shape {shape:?}"))
}

/// Writes an attribute of numbers: a scalar if there is one value, else one axis.
pub(crate) fn write_numbers(object: &Id, name: &str, values: &[Scalar]) -> Result<()> {
    let what = || format!("cannot write the attribute {name:?}");
    let Some(dtype) = values.first().map(|v| v.dtype()) else {
        return Err(Error::new(ErrorKind::Value, format!("the attribute {name:?} has no values")));
    };
    if values.iter().any(|v| v.dtype() != dtype) {
        return Err(Error::new(
            ErrorKind::Type,
            format!("the attribute {name:?} has values of several dtypes"),
        ));
    }
    locked(|| {
        let t = file_type(dtype)?;
        let space =
            if values.len() == 1 { simple_space(&[])? } else { simple_space(&[values.len() as u64])? };
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_bytes()).collect();
        let a = make(object, name, &t, &space)?;
        check_write(call!(H5Awrite(a.0, t.0, bytes.as_ptr().cast())), what)
    })
}

/// Writes an attribute of one string, UTF-8 of variable length, as h5py does.
pub(crate) fn write_text(object: &Id, name: &str, text: &str) -> Result<()> {
    let what = || format!("cannot write the attribute {name:?}");
    locked(|| {
        let value = CString::new(text).map_err(|_| {
            Error::new(ErrorKind::Value, format!("the attribute {name:?} has a NUL byte inside"))
        })?;
        let t = Id::new(call!(H5Tcopy(*H5T_C_S1)), what)?;
        check(call!(H5Tset_size(t.0, H5T_VARIABLE)), what)?;
        check(call!(H5Tset_cset(t.0, H5T_cset_t::H5T_CSET_UTF8)), what)?;
        let a = make(object, name, &t, &simple_space(&[])?)?;
        let pointer = value.as_ptr();
        check_write(call!(H5Awrite(a.0, t.0, (&raw const pointer).cast())), what)
    })
}

pub(super) fn make(object: &Id, name: &str, t: &Id, space: &Id) -> Result<Id> {
    let c = c_string(name)?;
    let id = call!(H5Acreate2(object.0, c.as_ptr(), t.0, space.0, H5P_DEFAULT, H5P_DEFAULT));
    if id < 0 { Err(write_failure(format!("cannot make the attribute {name:?}"))) } else { Ok(Id(id)) }
}

/// Whether an object has an attribute of that name.
pub(crate) fn has_attribute(object: &Id, name: &str) -> Result<bool> {
    let c = c_string(name)?;
    let has = call!(H5Aexists(object.0, c.as_ptr()));
    if has < 0 { Err(failure(format!("cannot look for the attribute {name:?}"))) } else { Ok(has > 0) }
}

/// Removes an attribute if it is there.
pub(crate) fn remove_attribute(object: &Id, name: &str) -> Result<()> {
    let c = c_string(name)?;
    match has_attribute(object, name)? {
        true => check_write(call!(H5Adelete(object.0, c.as_ptr())), || {
            format!("cannot change the attribute {name:?}")
        }),
        false => Ok(()),
    }
}
