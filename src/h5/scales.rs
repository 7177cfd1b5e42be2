//! Dimension scales, as libhdf5's high-level library and netCDF-4 write them: attributes of the scale and of the dataset
//! that name each other by references.

use super::*;

/// An object as references name it: the address of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference(u64);

/// The reference to an object of the file.
pub(crate) fn reference(object: &Id) -> Result<Reference> {
    header_address(object).map(Reference)
}

/// Makes a dataset a dimension scale of this name.
pub(crate) fn set_scale(dataset: &Id, name: &str) -> Result<()> {
    write_fixed_text(dataset, "CLASS", "DIMENSION_SCALE")?;
    write_fixed_text(dataset, "NAME", name)
}

/// Says which scales a dataset's axes have, one each.
pub(crate) fn write_dimension_list(dataset: &Id, scales: &[Reference]) -> Result<()> {
    let what = || "cannot write the attribute \"DIMENSION_LIST\"".to_string();
    locked(|| {
        let t = Id::new(call!(H5Tvlen_create(*H5T_STD_REF_OBJ)), what)?;
        let a = make(dataset, "DIMENSION_LIST", &t, &simple_space(&[scales.len() as u64])?)?;
        let references: Vec<u64> = scales.iter().map(|r| r.0).collect();
        let lists: Vec<hvl_t> =
            references.iter().map(|r| hvl_t { len: 1, p: std::ptr::from_ref(r).cast_mut().cast() }).collect();
        check_write(call!(H5Awrite(a.0, t.0, lists.as_ptr().cast())), what)
    })
}

/// An element of a list of those that have a scale.
#[repr(C)]
#[derive(Clone, Copy)]
struct User {
    dataset: u64,
    axis: c_int,
    // Nothing between the elements is left unwritten.
    rest: c_int,
}

const USERS: &str = "REFERENCE_LIST";

/// The type of [`User`] in memory and in files.
fn user_type() -> Result<Id> {
    let what = || "cannot make the type of a list of references".to_string();
    let t = Id::new(call!(H5Tcreate(H5T_COMPOUND, size_of::<User>())), what)?;
    check(call!(H5Tinsert(t.0, c"dataset".as_ptr(), 0, *H5T_STD_REF_OBJ)), what)?;
    check(call!(H5Tinsert(t.0, c"dimension".as_ptr(), 8, *H5T_NATIVE_INT)), what)?;
    Ok(t)
}

/// Says which axes of which datasets have a scale, beside those that it is said of.
pub(crate) fn write_reference_list(scale: &Id, more: &[(Reference, usize)]) -> Result<()> {
    let what = || format!("cannot write the attribute {USERS:?}");
    if more.is_empty() {
        return Ok(());
    }
    locked(|| {
        let t = user_type()?;
        let mut users = read_users(scale, &t)?;
        users.extend(more.iter().map(|(r, axis)| User { dataset: r.0, axis: *axis as c_int, rest: 0 }));
        remove_attribute(scale, USERS)?;
        let a = make(scale, USERS, &t, &simple_space(&[users.len() as u64])?)?;
        check_write(call!(H5Awrite(a.0, t.0, users.as_ptr().cast())), what)
    })
}

fn read_users(scale: &Id, t: &Id) -> Result<Vec<User>> {
    let what = || format!("cannot read the attribute {USERS:?}");
    if !has_attribute(scale, USERS)? {
        return Ok(Vec::new());
    }
    let name = c_string(USERS)?;
    let a = Id::new(call!(H5Aopen(scale.0, name.as_ptr(), H5P_DEFAULT)), what)?;
    let space = Id::new(call!(H5Aget_space(a.0)), what)?;
    let n = call!(H5Sget_simple_extent_npoints(space.0));
    // Attributes in object headers have at most 64 KiB, others some more.
    let n = usize::try_from(n).ok().filter(|&n| n <= 1 << 20).ok_or_else(|| failure(what()))?;
    let mut users = vec![User { dataset: 0, axis: 0, rest: 0 }; n];
    check(call!(H5Aread(a.0, t.0, users.as_mut_ptr().cast())), what)?;
    Ok(users)
}

/// Makes a scale without a variable longer, with the dimension that it is of; others are left alone. Whether it was one.
pub(crate) fn grow_bare_scale(scale: &Id, len: u64) -> Result<bool> {
    locked(|| {
        let name = (0..attribute_count(scale))
            .filter_map(|n| attribute(scale, n, 1).ok())
            .find(|a| a.name == "NAME");
        let bare = name.is_some_and(|a| match a.value {
            RawValue::Strings(s) => s.first().is_some_and(|s| s.starts_with(NO_VARIABLE)),
            _ => false,
        });
        if bare {
            set_extent(scale, &[len])?;
            remove_attribute(scale, "NAME")?;
            write_fixed_text(scale, "NAME", &format!("{NO_VARIABLE}{len:10}"))?;
        }
        Ok(bare)
    })
}

/// The paths of the scales of a dataset's axes, each the first one of its axis.
pub(crate) fn scales_of(dataset: &Id) -> Result<Vec<Option<String>>> {
    locked(|| {
        if !has_attribute(dataset, "DIMENSION_LIST")? {
            return Ok(Vec::new());
        }
        for n in 0..attribute_count(dataset) {
            let a = attribute(dataset, n, MAX_RANK)?;
            if let (true, RawValue::References(lists)) = (a.name == "DIMENSION_LIST", a.value) {
                return Ok(lists.into_iter().map(|axis| axis.into_iter().next()).collect());
            }
        }
        Ok(Vec::new())
    })
}

/// Writes an attribute of one string of its own length, as libhdf5 names scales.
fn write_fixed_text(object: &Id, name: &str, text: &str) -> Result<()> {
    let what = || format!("cannot write the attribute {name:?}");
    locked(|| {
        let value = c_string(text)?;
        let t = Id::new(call!(H5Tcopy(*H5T_C_S1)), what)?;
        check(call!(H5Tset_size(t.0, value.as_bytes_with_nul().len())), what)?;
        if !text.is_ascii() {
            check(call!(H5Tset_cset(t.0, H5T_cset_t::H5T_CSET_UTF8)), what)?;
        }
        let a = make(object, name, &t, &simple_space(&[])?)?;
        check_write(call!(H5Awrite(a.0, t.0, value.as_ptr().cast())), what)
    })
}

/// A scale that is no variable: as netCDF-4 writes a dimension without one.
pub(crate) fn create_bare_scale(file: &Id, name: &str, len: u64, grows: bool) -> Result<Id> {
    let what = || format!("cannot make the dimension {name:?}");
    locked(|| {
        let c = c_string(name)?;
        let dcpl = Id::new(call!(H5Pcreate(*H5P_CLS_DATASET_CREATE)), what)?;
        check(call!(H5Pset_obj_track_times(dcpl.0, 0)), what)?;
        let most = [if grows { H5S_UNLIMITED } else { len }];
        if grows {
            check(call!(H5Pset_chunk(dcpl.0, 1, [1024u64].as_ptr())), what)?;
        }
        let space = Id::new(call!(H5Screate_simple(1, [len].as_ptr(), most.as_ptr())), what)?;
        let id =
            call!(H5Dcreate2(file.0, c.as_ptr(), *H5T_IEEE_F32BE, space.0, H5P_DEFAULT, dcpl.0, H5P_DEFAULT));
        if id < 0 {
            return Err(write_failure(what()));
        }
        let id = Id(id);
        set_scale(&id, &format!("{NO_VARIABLE}{len:10}"))?;
        Ok(id)
    })
}

/// How the name of a scale begins that is no variable.
const NO_VARIABLE: &str = "This is a netCDF dimension but not a netCDF variable.";
