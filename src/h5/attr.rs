//! Attributes: names, and values as plain data.

use super::*;
use crate::dtype::Scalar;
use crate::grid::checked_len;

/// The most bytes of one attribute that are read.
const MAX_BYTES: u64 = 16 << 20;

/// An attribute as it was read.
#[derive(Debug)]
pub(crate) struct RawAttribute {
    pub name: String,
    pub shape: Dims,
    pub value: RawValue,
}

/// The value of an attribute.
#[derive(Debug)]
pub(crate) enum RawValue {
    /// Numbers of one dtype, the first ones of all.
    Numbers(Vec<Scalar>),
    /// Strings, the first ones of all.
    Strings(Vec<String>),
    /// Paths of the objects that each element (a list of references) names.
    References(Vec<Vec<String>>),
    /// What it is, in words.
    Other(String),
}

/// How many attributes an object has.
pub(crate) fn attribute_count(object: &Id) -> usize {
    #[cfg(feature = "static")]
    let (mut info, get) = (MaybeUninit::<H5O_info2_t>::zeroed(), H5Oget_info3);
    #[cfg(not(feature = "static"))]
    let (mut info, get) = (MaybeUninit::<H5O_info1_t>::zeroed(), H5Oget_info2);
    if call!(get(object.0, info.as_mut_ptr(), H5O_INFO_NUM_ATTRS)) < 0 {
        return 0;
    }
    // SAFETY: the count is an integer, initialised by the call.
    unsafe { (*info.as_ptr()).num_attrs as usize }
}

/// The attribute at position `index` in name order; at most `limit` of its elements.
pub(crate) fn attribute(object: &Id, index: usize, limit: usize) -> Result<RawAttribute> {
    locked(|| {
        let what = || format!("cannot read attribute {index}");
        let a = Id::new(
            call!(H5Aopen_by_idx(
                object.0,
                c".".as_ptr(),
                H5_INDEX_NAME,
                H5_ITER_INC,
                index as hsize_t,
                H5P_DEFAULT,
                H5P_DEFAULT
            )),
            what,
        )?;
        let mut name = [0u8; 1024];
        if call!(H5Aget_name(a.0, name.len(), name.as_mut_ptr().cast())) < 0 {
            return Err(failure(what()));
        }
        let name = until_nul(&name);
        let value = read_attribute(object, &a, limit).map_err(|e| e.at("attribute", &name))?;
        Ok(RawAttribute { name, shape: value.0, value: value.1 })
    })
}

fn until_nul(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&b| b == 0).next().unwrap_or(&[])).into_owned()
}

fn read_attribute(object: &Id, a: &Id, limit: usize) -> Result<(Dims, RawValue)> {
    let what = || "cannot read the attribute".to_string();
    let t = Id::new(call!(H5Aget_type(a.0)), what)?;
    let space = Id::new(call!(H5Aget_space(a.0)), what)?;
    let Some(shape) = shape_of(&space)? else {
        return Ok((Dims::from_slice(&[0]), RawValue::Other("empty".into())));
    };
    let element = element_type(&t)?;
    let class = call!(H5Tget_class(t.0));
    let size = if element.convert { element.dtype.map_or(0, DType::size) } else { element.size };
    let count =
        checked_len(&shape).filter(|n| n.checked_mul(size.max(1) as u64).is_some_and(|b| b <= MAX_BYTES));
    let Some(count) = count else {
        return Ok((shape, RawValue::Other(format!("{}, too long to show", element.text))));
    };
    let n = count as usize;
    let read = |memory: &Id, out: &mut [u8]| {
        if n == 0 {
            return Ok(());
        }
        check(call!(H5Aread(a.0, memory.0, out.as_mut_ptr().cast())), what)
    };
    let value = if let Some(dtype) = element.dtype {
        let mut bytes = vec![0u8; n * size];
        read(&element.memory, &mut bytes)?;
        let scalar = |b: &[u8]| {
            let mut b = b.to_vec();
            if element.swap {
                b.reverse();
            }
            if dtype == DType::Bool {
                b[0] = u8::from(b[0] != 0);
            }
            Scalar::from_bytes(dtype, &b)
        };
        RawValue::Numbers(bytes.chunks_exact(size).take(limit).filter_map(scalar).collect())
    } else if class == H5T_STRING && call!(H5Tis_variable_str(t.0)) > 0 {
        let mut pointers = vec![0usize; n];
        read(&t, bytemuck::cast_slice_mut(&mut pointers))?;
        let text = |&p: &usize| {
            if p == 0 {
                return String::new();
            }
            // SAFETY: libhdf5 filled the array with C strings that live until the reclaim below.
            unsafe { CStr::from_ptr(p as *const c_char) }.to_string_lossy().into_owned()
        };
        let strings = pointers.iter().take(limit).map(text).collect();
        reclaim(&t, &space, pointers.as_mut_ptr().cast());
        RawValue::Strings(strings)
    } else if class == H5T_STRING {
        let mut bytes = vec![0u8; n * size];
        read(&t, &mut bytes)?;
        let spaces = call!(H5Tget_strpad(t.0)) == H5T_str_t::H5T_STR_SPACEPAD;
        let text = |b: &[u8]| {
            let s = until_nul(b);
            if spaces { s.trim_end_matches(' ').to_string() } else { s }
        };
        RawValue::Strings(bytes.chunks_exact(size).take(limit).map(text).collect())
    } else if class == H5T_VLEN && element.text == "variable-length reference" {
        RawValue::References(read_references(object, a, &space, n)?)
    } else {
        RawValue::Other(element.text)
    };
    Ok((shape, value))
}

/// The value of a list of object references per element, as a netCDF DIMENSION_LIST.
fn read_references(object: &Id, a: &Id, space: &Id, n: usize) -> Result<Vec<Vec<String>>> {
    let what = || "cannot read the references".to_string();
    let memory = Id::new(call!(H5Tvlen_create(*H5T_STD_REF_OBJ)), what)?;
    let mut lists = vec![hvl_t::default(); n];
    if n == 0 {
        return Ok(Vec::new());
    }
    check(call!(H5Aread(a.0, memory.0, lists.as_mut_ptr().cast())), what)?;
    let mut out = Vec::new();
    for list in &lists {
        let mut names = Vec::new();
        for i in 0..list.len.min(64) {
            // SAFETY: libhdf5 made `len` references of 8 bytes at `p`.
            names.extend(unsafe { reference_name(object, list.p.cast::<u64>().add(i)) });
        }
        out.push(names);
    }
    reclaim(&memory, space, lists.as_mut_ptr().cast());
    Ok(out)
}

/// The path of the object that a reference names. HDF5 2.2 built without deprecated symbols has
/// no call for references of this age.
#[cfg(feature = "static")]
unsafe fn reference_name(_: &Id, _: *const u64) -> Option<String> {
    None
}

#[cfg(not(feature = "static"))]
unsafe fn reference_name(object: &Id, reference: *const u64) -> Option<String> {
    let mut name = [0u8; 1024];
    // SAFETY: 0 is the object reference in every version of the enum, whose name changed in 1.12.
    let kind = unsafe { std::mem::transmute::<c_int, hdf5_sys::h5r::H5R_type_t>(0) };
    let text = name.as_mut_ptr().cast();
    let got = call!(hdf5_sys::h5r::H5Rget_name(object.0, kind, reference.cast(), text, name.len()));
    (got > 0).then(|| until_nul(&name))
}

/// Frees what libhdf5 allocated for variable-length elements.
pub(super) fn reclaim(t: &Id, space: &Id, data: *mut c_void) {
    #[cfg(feature = "static")]
    call!(H5Treclaim(t.0, space.0, H5P_DEFAULT, data));
    #[cfg(not(feature = "static"))]
    call!(H5Dvlen_reclaim(t.0, space.0, H5P_DEFAULT, data));
}
