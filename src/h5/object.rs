//! Links and objects.

use super::*;

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
    #[cfg(feature = "static")]
    {
        let mut info = MaybeUninit::<H5O_info2_t>::zeroed();
        check(call!(H5Oget_info3(object.0, info.as_mut_ptr(), H5O_INFO_BASIC)), what)?;
        // SAFETY: the token is 16 bytes, initialised by the call.
        Ok(unsafe { (&raw const (*info.as_ptr()).token).cast::<[u8; 16]>().read() })
    }
    #[cfg(not(feature = "static"))]
    {
        let mut info = MaybeUninit::<H5O_info1_t>::zeroed();
        check(call!(H5Oget_info2(object.0, info.as_mut_ptr(), H5O_INFO_BASIC)), what)?;
        // SAFETY: the address is an integer, initialised by the call.
        let mut out = [0u8; 16];
        out[..8].copy_from_slice(&unsafe { (*info.as_ptr()).addr }.to_le_bytes());
        Ok(out)
    }
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
