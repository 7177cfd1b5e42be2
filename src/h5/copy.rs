//! Copying objects from one file to another.

use super::*;
use std::collections::HashMap;

/// Addresses of objects in the one file, and of their copies in the other.
pub(crate) type Moved = HashMap<u64, u64>;

/// The names of a group's links: as they were made where the group knows that, else sorted.
pub(crate) fn links_in_order(group: &Id) -> Result<Vec<String>> {
    let what = || "cannot list the group".to_string();
    locked(|| {
        let list = Id::new(call!(H5Gget_create_plist(group.0)), what)?;
        let mut order: c_uint = 0;
        check(call!(H5Pget_link_creation_order(list.0, &mut order)), what)?;
        if order & H5P_CRT_ORDER_TRACKED == 0 {
            return Ok(link_names(group, usize::MAX)?.0);
        }
        let mut info = MaybeUninit::<H5G_info_t>::zeroed();
        check(call!(H5Gget_info(group.0, info.as_mut_ptr())), what)?;
        // SAFETY: a structure of numbers, filled by the call.
        let count = unsafe { (*info.as_ptr()).nlinks };
        (0..count)
            .map(|n| {
                let mut name = vec![0u8; 4096];
                let got = call!(H5Lget_name_by_idx(
                    group.0,
                    c".".as_ptr(),
                    H5_INDEX_CRT_ORDER,
                    H5_ITER_INC,
                    n,
                    name.as_mut_ptr().cast(),
                    name.len(),
                    H5P_DEFAULT
                ));
                let got = usize::try_from(got)
                    .ok()
                    .filter(|&got| got < name.len())
                    .ok_or_else(|| failure(what()))?;
                name.truncate(got);
                String::from_utf8(name).map_err(|_| failure("the name of a link is no UTF-8".into()))
            })
            .collect()
    })
}

/// Creates a file in the place of what is there, whose root is like that of another file, with a user block as long.
pub(crate) fn create_file_like(path: &std::path::Path, like: &Id) -> Result<Id> {
    locked(|| {
        let name = path_string(path)?;
        let (fcpl, fapl) = (
            Id::new(call!(H5Fget_create_plist(like.0)), || "cannot read the file's properties".into())?,
            file_access(true)?,
        );
        let id = call!(H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, fcpl.0, fapl.0));
        if id < 0 { Err(write_failure("cannot create the HDF5 file".into())) } else { Ok(Id(id)) }
    })
}

/// Bytes before the file's own.
pub(crate) fn user_block(file: &Id) -> Result<u64> {
    let what = || "cannot read the file's properties".to_string();
    let fcpl = Id::new(call!(H5Fget_create_plist(file.0)), what)?;
    let mut size = 0;
    check(call!(H5Pget_userblock(fcpl.0, &mut size)), what)?;
    Ok(size)
}

/// A list that says that groups on the way to a link are made.
fn with_groups() -> Result<Id> {
    let what = || "no link creation list".to_string();
    let lcpl = Id::new(call!(H5Pcreate(*H5P_CLS_LINK_CREATE)), what)?;
    check(call!(H5Pset_create_intermediate_group(lcpl.0, 1)), what)?;
    Ok(lcpl)
}

/// Makes a group like another one, and those on the way to it.
pub(crate) fn create_group_like(file: &Id, path: &str, like: &Id) -> Result<Id> {
    let what = || format!("cannot make the group {path:?}");
    locked(|| {
        let (name, lcpl) = (c_string(path)?, with_groups()?);
        let list = Id::new(call!(H5Gget_create_plist(like.0)), what)?;
        let id = call!(H5Gcreate2(file.0, name.as_ptr(), lcpl.0, list.0, H5P_DEFAULT));
        if id < 0 { Err(write_failure(what())) } else { Ok(Id(id)) }
    })
}

/// Makes a link of any class but an application's. A hard one leads to the object that has the path `to` in the file.
pub(crate) fn create_link(file: &Id, path: &str, link: &Link, to: &str) -> Result<()> {
    let what = || format!("cannot make the link {path:?}");
    locked(|| {
        let (name, lcpl) = (c_string(path)?, with_groups()?);
        let code = match link {
            Link::Hard => {
                let there = c_string(to)?;
                call!(H5Lcreate_hard(file.0, there.as_ptr(), file.0, name.as_ptr(), lcpl.0, H5P_DEFAULT))
            }
            Link::Soft(target) => {
                let target = c_string(target)?;
                call!(H5Lcreate_soft(target.as_ptr(), file.0, name.as_ptr(), lcpl.0, H5P_DEFAULT))
            }
            Link::External(other, object) => {
                let (other, object) = (c_string(other)?, c_string(object)?);
                call!(H5Lcreate_external(
                    other.as_ptr(),
                    object.as_ptr(),
                    file.0,
                    name.as_ptr(),
                    lcpl.0,
                    H5P_DEFAULT
                ))
            }
            Link::User(class) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("a link of the application's class {class}"),
                ));
            }
        };
        check_write(code, what)
    })
}

/// Copies a dataset or a type as it is stored, without its attributes.
pub(crate) fn copy_stored(object: &Id, file: &Id, path: &str) -> Result<()> {
    let what = || format!("cannot copy {path:?}");
    locked(|| {
        let (name, lcpl) = (c_string(path)?, with_groups()?);
        let how = Id::new(call!(H5Pcreate(*H5P_CLS_OBJECT_COPY)), what)?;
        // To merge named types libhdf5 1.10 looks at all links of the file, and crashes where they are nested deep.
        check(call!(H5Pset_copy_object(how.0, H5O_COPY_WITHOUT_ATTR_FLAG)), what)?;
        check_write(call!(H5Ocopy(object.0, c".".as_ptr(), file.0, name.as_ptr(), how.0, lcpl.0)), what)
    })
}

/// Whether elements of a type have references, or lie elsewhere because their lengths vary.
pub(crate) fn has_references(t: &Id) -> bool {
    call!(H5Tdetect_class(t.0, H5T_REFERENCE)) > 0
}

/// Whether elements of a type have lengths that vary.
pub(crate) fn has_variable_length(t: &Id) -> bool {
    if call!(H5Tdetect_class(t.0, H5T_VLEN)) > 0 || call!(H5Tis_variable_str(t.0)) > 0 {
        return true;
    }
    // Texts within: a compound or an array of them.
    let inner = |id: hid_t| Id::new(id, String::new).is_ok_and(|t| has_variable_length(&t));
    match call!(H5Tget_class(t.0)) {
        H5T_COMPOUND => (0..call!(H5Tget_nmembers(t.0)).max(0))
            .any(|n| inner(call!(H5Tget_member_type(t.0, n as c_uint)))),
        H5T_ARRAY => inner(call!(H5Tget_super(t.0))),
        _ => false,
    }
}

/// Whether a type has a name in its file.
pub(crate) fn is_named(t: &Id) -> bool {
    call!(H5Tcommitted(t.0)) > 0
}

/// Bytes of an element of a type.
pub(crate) fn type_size(t: &Id) -> usize {
    call!(H5Tget_size(t.0))
}

/// Makes a dataset like another one, in other chunks (none: contiguous) and with other filters.
pub(crate) fn create_like(
    file: &Id,
    path: &str,
    like: &Id,
    chunks: Option<&[u64]>,
    filters: &[(i32, Vec<u32>)],
) -> Result<Id> {
    let what = || format!("cannot make the dataset {path:?}");
    locked(|| {
        let (name, lcpl, dcpl) = (c_string(path)?, with_groups()?, creation(like)?);
        check(call!(H5Premove_filter(dcpl.0, H5Z_FILTER_ALL)), what)?;
        match chunks {
            Some(chunks) => check(call!(H5Pset_chunk(dcpl.0, chunks.len() as c_int, chunks.as_ptr())), what)?,
            None => {
                let (early, never) =
                    (H5D_alloc_time_t::H5D_ALLOC_TIME_EARLY, H5D_fill_time_t::H5D_FILL_TIME_NEVER);
                check(call!(H5Pset_layout(dcpl.0, H5D_layout_t::H5D_CONTIGUOUS)), what)?;
                check(call!(H5Pset_alloc_time(dcpl.0, early)), what)?;
                check(call!(H5Pset_fill_time(dcpl.0, never)), what)?;
            }
        }
        add_filters(&dcpl, filters, what)?;
        let (t, space) = (dataset_type(like)?, dataset_space(like)?);
        // A named type belongs to its file.
        let t = Id::new(call!(H5Tcopy(t.0)), what)?;
        let id = call!(H5Dcreate2(file.0, name.as_ptr(), t.0, space.0, lcpl.0, dcpl.0, H5P_DEFAULT));
        if id < 0 { Err(write_failure(what())) } else { Ok(Id(id)) }
    })
}

/// Copies the attributes of an object, whose references then lead to the copies of what they led to. Gives the names of those
/// that are left out because they refer to what was not copied.
pub(crate) fn copy_attributes(from: &Id, to: &Id, moved: &Moved) -> Result<Vec<String>> {
    let mut left = Vec::new();
    locked(|| {
        for n in 0..attribute_count(from) {
            let what = || format!("cannot copy attribute {n}");
            let a = Id::new(
                call!(H5Aopen_by_idx(
                    from.0,
                    c".".as_ptr(),
                    H5_INDEX_NAME,
                    H5_ITER_INC,
                    n as hsize_t,
                    H5P_DEFAULT,
                    H5P_DEFAULT
                )),
                what,
            )?;
            let len = call!(H5Aget_name(a.0, 0, null_mut()));
            let mut name = vec![0u8; usize::try_from(len).map_err(|_| failure(what()))? + 1];
            call!(H5Aget_name(a.0, name.len(), name.as_mut_ptr().cast()));
            name.pop();
            let name = CString::new(name).map_err(|_| failure(what()))?;
            let shown = name.to_string_lossy().into_owned();
            copy_attribute(&a, &name, to, moved)
                .map(|whole| {
                    if !whole {
                        left.push(shown.clone())
                    }
                })
                .map_err(|e| e.at("attribute", &shown))?;
        }
        Ok(left)
    })
}

fn copy_attribute(a: &Id, name: &CStr, to: &Id, moved: &Moved) -> Result<bool> {
    let what = || "cannot copy the attribute".to_string();
    // A type of the file's own stays there.
    let t = Id::new(call!(H5Aget_type(a.0)), what)?;
    let t = Id::new(call!(H5Tcopy(t.0)), what)?;
    let space = Id::new(call!(H5Aget_space(a.0)), what)?;
    let make = || {
        let id = call!(H5Acreate2(to.0, name.as_ptr(), t.0, space.0, H5P_DEFAULT, H5P_DEFAULT));
        if id < 0 { Err(write_failure(what())) } else { Ok(Id(id)) }
    };
    let (count, size) = (call!(H5Sget_simple_extent_npoints(space.0)), type_size(&t));
    let bytes = usize::try_from(count).ok().and_then(|n| n.checked_mul(size)).filter(|&n| n <= 256 << 20);
    let bytes = bytes.ok_or_else(|| failure("the attribute is too long".into()))?;
    if bytes == 0 {
        return make().map(|_| true);
    }
    // Aligned, for lists of references are structures.
    let mut data = vec![0u64; bytes.div_ceil(8)];
    let data: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut data)[..bytes];
    check(call!(H5Aread(a.0, t.0, data.as_mut_ptr().cast())), what)?;
    let lead = || -> Result<bool> {
        if !has_references(&t) {
            return Ok(true);
        }
        for element in data.chunks_exact_mut(size) {
            // SAFETY: an element of this type, as libhdf5 read it.
            if !unsafe { lead_to_copies(&t, element.as_mut_ptr(), moved)? } {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let mut lead = lead;
    let written = match lead() {
        Ok(true) => make()
            .and_then(|new| check_write(call!(H5Awrite(new.0, t.0, data.as_ptr().cast())), what))
            .map(|()| true),
        other => other,
    };
    if has_variable_length(&t) {
        reclaim(&t, &space, data.as_mut_ptr().cast());
    }
    written
}

/// Makes the references in an element lead to the copies of what they led to; says whether all of that was copied.
///
/// # Safety
/// `at` is an element of type `t` in memory.
unsafe fn lead_to_copies(t: &Id, at: *mut u8, moved: &Moved) -> Result<bool> {
    let what = || "cannot read a reference".to_string();
    match call!(H5Tget_class(t.0)) {
        H5T_REFERENCE => {
            if call!(H5Tequal(t.0, *H5T_STD_REF_OBJ)) <= 0 {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "references to regions, or of another kind, are not copied",
                ));
            }
            // SAFETY: a reference to an object has 8 bytes.
            let address = unsafe { at.cast::<u64>().read_unaligned() };
            // One that leads nowhere goes on doing so.
            let new = if address == 0 || address == u64::MAX { Some(&address) } else { moved.get(&address) };
            let Some(&new) = new else { return Ok(false) };
            // SAFETY: as above.
            unsafe { at.cast::<u64>().write_unaligned(new) };
            Ok(true)
        }
        H5T_COMPOUND => {
            for n in 0..call!(H5Tget_nmembers(t.0)).max(0) as c_uint {
                let member = Id::new(call!(H5Tget_member_type(t.0, n)), what)?;
                let offset = call!(H5Tget_member_offset(t.0, n));
                // SAFETY: a member lies within its compound.
                if has_references(&member) && !unsafe { lead_to_copies(&member, at.add(offset), moved)? } {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        H5T_VLEN | H5T_ARRAY => {
            let inner = Id::new(call!(H5Tget_super(t.0)), what)?;
            let size = type_size(&inner).max(1);
            let (first, count) = if call!(H5Tget_class(t.0)) == H5T_ARRAY {
                (at, type_size(t) / size)
            } else {
                // SAFETY: an element of variable length is such a structure.
                let list = unsafe { at.cast::<hvl_t>().read_unaligned() };
                (list.p.cast::<u8>(), list.len)
            };
            for n in 0..count {
                // SAFETY: libhdf5 has so many elements there.
                if !unsafe { lead_to_copies(&inner, first.add(n * size), moved)? } {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(true),
    }
}

/// The address of an object's header.
pub(crate) fn header_address(object: &Id) -> Result<u64> {
    let at = address(object)?;
    let mut low = [0u8; 8];
    low.copy_from_slice(&at[..8]);
    Ok(u64::from_le_bytes(low))
}
