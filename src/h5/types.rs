//! Element types and the dtypes that they become.

use super::*;
use crate::dtype::Weak;
use crate::members::Members;

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
    /// Where the bits of an integer lie that `convert` says libhdf5 must convert, if it has at most 8
    /// bytes: what it takes to convert it without libhdf5. `None` of every other type.
    pub bits: Option<Bits>,
    /// Bytes per stored element.
    pub size: usize,
    /// As a NumPy type string (`<f4`) or in words.
    pub text: String,
}

/// Where the bits of an integer lie inside of its bytes. They are all there: `offset` + `precision` is
/// at most 8 times the size, and the precision is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Bits {
    /// Of the lowest bit, from the lowest bit of the element.
    pub offset: u32,
    /// How many there are.
    pub precision: u32,
    /// Whether they are a two's complement number.
    pub signed: bool,
    /// Whether the stored bytes start with the highest.
    pub big: bool,
}

impl Bits {
    /// The dtype of an integer of so many bits: the smallest that holds it.
    pub fn dtype(precision: u64, signed: bool) -> Option<DType> {
        use DType::*;
        Some(match (precision, signed) {
            (0..=8, true) => I8,
            (0..=8, false) => U8,
            (9..=16, true) => I16,
            (9..=16, false) => U16,
            (17..=32, true) => I32,
            (17..=32, false) => U32,
            (33..=64, true) => I64,
            (33..=64, false) => U64,
            _ => return None,
        })
    }

    /// What of an element's bits is made native while it is read, and whether its bytes are reversed there; of an
    /// element whose bits are not all of its bytes, that lies in `size` of them and becomes a `dtype`.
    pub fn native(bits: Option<Bits>, size: usize, swap: bool, dtype: DType) -> (Option<Bits>, bool) {
        // Odd integers of the size of their dtype; others libhdf5 converts.
        let bits = bits.filter(|_| size == dtype.size());
        let swap = match bits {
            Some(b) => b.big != cfg!(target_endian = "big") && dtype.size() > 1,
            None => swap,
        };
        (bits, swap)
    }

    /// Their number in an element of at most 16 bytes, in which they fit, as a native one of the size of `out`, which has room
    /// for all of them.
    pub fn native_of(self, stored: &[u8], out: &mut [u8]) {
        let mut word = 0u128;
        let mut add = |byte: &u8| word = word << 8 | u128::from(*byte);
        match self.big {
            true => stored.iter().for_each(&mut add),
            false => stored.iter().rev().for_each(&mut add),
        }
        // The highest bit of the number to the top, and back down.
        let unused = 128u32.saturating_sub(self.precision);
        let top = word.checked_shr(self.offset).unwrap_or(0).checked_shl(unused).unwrap_or(0);
        let value =
            if self.signed { ((top as i128) >> unused.min(127)) as u128 } else { top >> unused.min(127) };
        let size = out.len().min(16);
        match cfg!(target_endian = "big") {
            true => out.copy_from_slice(&value.to_be_bytes()[16 - size..]),
            false => out.copy_from_slice(&value.to_le_bytes()[..size]),
        }
    }

    /// Whether they lie in an element of `size` bytes.
    pub fn fit(self, size: usize) -> bool {
        self.precision > 0 && u64::from(self.offset) + u64::from(self.precision) <= 8 * size as u64
    }
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

/// An enum of integers in native byte order.
pub(super) fn enum_type(dtype: DType, members: &Members) -> Result<Id> {
    locked(|| {
        let what = || "cannot make the enum's type".to_string();
        let base = copy_of_standard(dtype, cfg!(target_endian = "big"))?;
        let t = Id::new(call!(H5Tenum_create(base.0)), what)?;
        for (value, name) in members.iter() {
            let value = Weak::Int(value).to_scalar(dtype)?.to_bytes();
            let c = c_string(name)?;
            check(call!(H5Tenum_insert(t.0, c.as_ptr(), value.as_ptr().cast())), || {
                format!("cannot name a value {name:?}")
            })?;
        }
        Ok(t)
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
    // Other programs than h5py write the names in small letters.
    (0..2).all(|i| {
        let mut value = 0xffu8;
        let code = call!(H5Tget_member_value(t.0, i, (&raw mut value).cast()));
        let name = member_name(t, i);
        let want = ["FALSE", "TRUE"].get(usize::from(value));
        code >= 0 && name.is_some_and(|name| want.is_some_and(|want| name.eq_ignore_ascii_case(want)))
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
        Ok(ElementType { dtype: None, swap: false, memory: copy()?, convert: false, bits: None, size, text })
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
                    bits: None,
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
                let label =
                    member_name(t, i).ok_or_else(|| failure("cannot read a compound member".into()))?;
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
        H5T_BITFIELD => bitfield_type(t, size),
        H5T_TIME => other("time".into()),
        H5T_VLEN => other(format!("variable-length {}", parent()?.text)),
        H5T_ARRAY => other(format!("array of {}", parent()?.text)),
        _ => other("a type that this build does not know".into()),
    }
}

/// The name of a member of an enum or a compound.
fn member_name(t: &Id, i: c_uint) -> Option<String> {
    let name = call!(H5Tget_member_name(t.0, i));
    if name.is_null() {
        return None;
    }
    // SAFETY: libhdf5 gave a C string that the caller frees.
    let text = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    call!(H5free_memory(name.cast()));
    Some(text)
}

/// Bits as the unsigned integer of their bytes, where they are all of these. libhdf5 converts no bits to integers, so it
/// is asked for them as they are stored.
fn bitfield_type(t: &Id, size: usize) -> Result<ElementType> {
    let whole = call!(H5Tget_precision(t.0)) == 8 * size && call!(H5Tget_offset(t.0)) == 0;
    let big = call!(H5Tget_order(t.0)) == H5T_order_t::H5T_ORDER_BE;
    let dtype = Bits::dtype(8 * size as u64, false).filter(|dtype| whole && dtype.size() == size);
    let memory = Id::new(call!(H5Tcopy(t.0)), || "cannot copy a type".into())?;
    let swap = dtype.is_some() && size > 1 && big != cfg!(target_endian = "big");
    let text = format!("bitfield of {size} bytes");
    Ok(ElementType { dtype, swap, memory, convert: false, bits: None, size, text })
}

/// A type as object headers have it: its datatype message.
pub(crate) fn encoded(t: &Id) -> Result<Vec<u8>> {
    let what = || "cannot read the element type".to_string();
    let mut len = 0usize;
    check(call!(H5Tencode(t.0, std::ptr::null_mut(), &mut len)), what)?;
    let mut out = vec![0u8; len];
    check(call!(H5Tencode(t.0, out.as_mut_ptr().cast(), &mut len)), what)?;
    // Before the message come its number and a version.
    out.truncate(len);
    out.drain(..len.min(2));
    Ok(out)
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
        return Ok(ElementType {
            dtype: Some(dtype),
            swap,
            memory: copy,
            convert: false,
            bits: None,
            size,
            text,
        });
    }
    let precision = call!(H5Tget_precision(t.0));
    let is_integer = call!(H5Tget_class(t.0)) == H5T_INTEGER;
    let signed = is_integer && call!(H5Tget_sign(t.0)) == H5T_sign_t::H5T_SGN_2;
    if let (true, Some(dtype)) = (is_integer, Bits::dtype(precision as u64, signed)) {
        let memory = copy_of_standard(dtype, cfg!(target_endian = "big"))?;
        let text = format!("{}{precision} in {size} bytes", if signed { "int" } else { "uint" });
        let bits = integer_bits(t, size, precision, signed);
        return Ok(ElementType { dtype: Some(dtype), swap: false, memory, convert: true, bits, size, text });
    }
    let text = format!(
        "a number of {precision} bits in {size} bytes that is not an IEEE float of 16, 32 or 64 bits"
    );
    Ok(ElementType { dtype: None, swap: false, memory: copy, convert: false, bits: None, size, text })
}

/// Where an integer's bits lie, if they can be read as 8 bytes or fewer.
fn integer_bits(t: &Id, size: usize, precision: usize, signed: bool) -> Option<Bits> {
    let big = match call!(H5Tget_order(t.0)) {
        H5T_order_t::H5T_ORDER_LE => false,
        H5T_order_t::H5T_ORDER_BE => true,
        _ => return None,
    };
    let (offset, precision) = (call!(H5Tget_offset(t.0)), u32::try_from(precision).ok()?);
    let offset = u32::try_from(offset).ok()?;
    let inside = offset.checked_add(precision)? as usize <= 8 * size.min(8);
    (size <= 8 && precision > 0 && inside).then_some(Bits { offset, precision, signed, big })
}
