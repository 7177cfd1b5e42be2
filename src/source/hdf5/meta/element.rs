//! What elements of a type are read as, and the type in words.

use super::bytes::damaged;
use super::datatype::{Class, Form, Member, Order, Span, Type};
use crate::dtype::{DType, Kind};
use crate::error::Result;
use crate::h5::Bits;

/// Types inside of types that are told; those of compounds.
const DEPTH: usize = 8;
const IN_COMPOUNDS: usize = 4;
/// Members that are told.
const MEMBERS: usize = 16;
/// Bytes of the widest integer that is converted here.
const WIDEST: usize = 16;

/// The elements of a dataset or an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::source::hdf5) struct Element {
    /// The dtype it is read as; `None` if it is not numeric (see `text`).
    pub dtype: Option<DType>,
    /// Whether the stored bytes must be reversed.
    pub swap: bool,
    /// Whether its stored bytes are more than the dtype's in another order.
    pub convert: bool,
    /// Where the bits of an integer lie that has to be converted and has at most 16 bytes.
    pub bits: Option<Bits>,
    /// Bytes per stored element.
    pub size: usize,
    /// As a NumPy type string (`<f4`) or in words.
    pub text: String,
}

/// What a float of each size is.
const FLOATS: [(u32, DType, Form); 3] = [
    (2, DType::F16, form(15, (10, 5), (0, 10), 15)),
    (4, DType::F32, form(31, (23, 8), (0, 23), 127)),
    (8, DType::F64, form(63, (52, 11), (0, 52), 1023)),
];

const fn form(sign: u8, exponent: (u8, u8), mantissa: (u8, u8), bias: u32) -> Form {
    Form { sign, exponent, mantissa, bias, normalization: 2 }
}

impl Element {
    pub(super) fn of(t: &Type) -> Result<Element> {
        describe(t, 0)
    }

    /// A byte.
    pub(super) fn byte() -> Element {
        Element {
            dtype: Some(DType::U8),
            swap: false,
            convert: false,
            bits: None,
            size: 1,
            text: "|u1".into(),
        }
    }

    fn other(t: &Type, text: String) -> Element {
        Element { dtype: None, swap: false, convert: false, bits: None, size: t.size as usize, text }
    }

    /// One stored element, in native byte order and as its dtype has it. `stored` has the bytes of one.
    pub fn native(&self, stored: &[u8]) -> Option<Vec<u8>> {
        let dtype = self.dtype?;
        let mut out = stored.to_vec();
        if self.convert {
            let bits = self.bits.filter(|bits| stored.len() <= WIDEST && bits.fit(stored.len()))?;
            out = vec![0; dtype.size()];
            bits.native_of(stored, &mut out);
        } else if self.swap {
            out.reverse();
        }
        if dtype == DType::Bool {
            out.iter_mut().for_each(|b| *b = u8::from(*b != 0));
        }
        (out.len() == dtype.size()).then_some(out)
    }
}

fn describe(t: &Type, depth: usize) -> Result<Element> {
    let parent = |base: &Type| match depth > DEPTH {
        true => Err(damaged(format!("an element type nested more than {DEPTH} deep"))),
        false => describe(base, depth + 1),
    };
    Ok(match &t.class {
        Class::Integer { order, bits, padded, signed } => integer(t, *order, *bits, *padded, *signed),
        Class::Float { order, bits, padded, form } => float(t, *order, *bits, *padded, *form),
        Class::Enum(base, members) => {
            let base = parent(base)?;
            if is_bool(t, members) {
                return Ok(Element { dtype: Some(DType::Bool), ..Element::other(t, "bool".into()) });
            }
            let text = format!("enum of {}", base.text);
            match base.dtype {
                Some(_) if !base.convert => Element { text, ..base },
                _ => Element::other(t, text),
            }
        }
        Class::VariableString => Element::other(t, "string".into()),
        Class::String { .. } => Element::other(t, format!("string of {} bytes", t.size)),
        Class::Compound(members) => {
            let mut text = String::from("compound {");
            for (i, Member { name, of: member, .. }) in members.iter().take(MEMBERS).enumerate() {
                let inner = match depth < IN_COMPOUNDS {
                    true => describe(member, depth + 1)?.text,
                    false => "…".into(),
                };
                text += &format!("{}{name}: {inner}", if i == 0 { "" } else { ", " });
            }
            text += if members.len() > MEMBERS { ", …}" } else { "}" };
            Element::other(t, text)
        }
        Class::Reference { .. } => Element::other(t, "reference".into()),
        Class::Opaque => Element::other(t, format!("opaque of {} bytes", t.size)),
        Class::Bitfield { order, bits } => bitfield(t, *order, *bits),
        Class::Time => Element::other(t, "time".into()),
        Class::Sequence(base) => Element::other(t, format!("variable-length {}", parent(base)?.text)),
        Class::Array(_, base) => Element::other(t, format!("array of {}", parent(base)?.text)),
        Class::Complex(base) => Element::other(t, format!("complex of {}", parent(base)?.text)),
    })
}

/// Whether an enum is a bool: h5py's, or one whose members other programs write in small letters.
fn is_bool(t: &Type, members: &[(String, Vec<u8>)]) -> bool {
    let value = |name: &str| members.iter().find(|m| m.0.eq_ignore_ascii_case(name)).map(|m| &m.1[..]);
    t.size == 1 && members.len() == 2 && value("FALSE") == Some(&[0]) && value("TRUE") == Some(&[1])
}

/// Bits as the unsigned integer of their bytes, as h5py has them, where they are all of these.
fn bitfield(t: &Type, order: Order, bits: Span) -> Element {
    let text = format!("bitfield of {} bytes", t.size);
    let read = integer(t, order, bits, false, false);
    match read.dtype {
        Some(_) if !read.convert && order != Order::Vax => Element { text, ..read },
        _ => Element::other(t, text),
    }
}

fn numeric(t: &Type, dtype: DType, order: Order) -> Element {
    let big = order == Order::Big;
    let sign = match order {
        _ if t.size == 1 => '|',
        Order::Big => '>',
        _ => '<',
    };
    let kind = match dtype.kind() {
        Kind::Float => 'f',
        Kind::UInt => 'u',
        _ => 'i',
    };
    let swap = t.size > 1 && big != cfg!(target_endian = "big");
    Element { dtype: Some(dtype), swap, ..Element::other(t, format!("{sign}{kind}{}", t.size)) }
}

fn integer(t: &Type, order: Order, bits: Span, padded: bool, signed: bool) -> Element {
    let precision = u32::from(bits.precision);
    let Some(dtype) = Bits::dtype(precision.into(), signed) else {
        return Element::other(t, not_ieee(precision, t.size));
    };
    if bits.offset == 0
        && 8 * u64::from(t.size) == u64::from(precision)
        && dtype.size() == t.size as usize
        && !padded
    {
        return numeric(t, dtype, order);
    }
    let (offset, size) = (u32::from(bits.offset), t.size as usize);
    let fits = size <= WIDEST && precision > 0 && (offset + precision) as usize <= 8 * size;
    let bits = fits.then_some(Bits { offset, precision, signed, big: order == Order::Big });
    let text = format!("{}{precision} in {size} bytes", if signed { "int" } else { "uint" });
    Element { dtype: Some(dtype), convert: true, bits, ..Element::other(t, text) }
}

fn float(t: &Type, order: Order, bits: Span, padded: bool, form: Form) -> Element {
    let whole = bits.offset == 0 && u64::from(bits.precision) == 8 * u64::from(t.size) && !padded;
    match FLOATS.iter().find(|f| (f.0, f.2) == (t.size, form)) {
        Some((_, dtype, _)) if whole && order != Order::Vax => numeric(t, *dtype, order),
        _ => Element::other(t, not_ieee(bits.precision.into(), t.size)),
    }
}

fn not_ieee(precision: u32, size: u32) -> String {
    format!("a number of {precision} bits in {size} bytes that is not an IEEE float of 16, 32 or 64 bits")
}
