//! Fields of compound elements: found by their names, and listed.

use super::bytes::damaged;
use super::datatype::{Class, Type};
use super::element::Element;
use super::path::nothing_below;
use crate::dtype::Scalar;
use crate::error::{Error, ErrorKind, Result};
use crate::source::hdf5::part::{Elements, Field, Part, StringKind};

/// Types inside of types that are gone through.
const DEPTH: usize = 8;
/// Fields that are listed.
const MOST: usize = 1024;
/// Names that a hint lists.
const NAMED: usize = 12;
/// What the parts of complex numbers are called, by h5py in its compounds and here in HDF5's own type.
const COMPLEX: [&str; 2] = ["r", "i"];

/// A field, or the numbers in arrays that are elements: the element type of its numbers, and where they lie.
pub(in crate::source::hdf5) struct Found {
    pub element: Element,
    pub part: Part,
}

/// The field `names` of elements of the type of a datatype message, one name a level.
///
/// # Errors
/// As [`find`].
pub(in crate::source::hdf5) fn find_in(message: &[u8], names: &[String], text_bytes: bool) -> Result<Found> {
    let ty = Type::read(message)?;
    let found = find(&ty, names, text_bytes)?;
    if has_variable(&ty) {
        // libhdf5 says how long they are in memory.
        let what = "a field beside strings or lists of variable length";
        let e = Error::new(ErrorKind::Unsupported, format!("libhdf5 does not say where {what} lies"));
        return Err(e.hint("open the file with OpenOptions::reader(Reader::Own) (--reader own)"));
    }
    Ok(found)
}

/// Whether elements of a type have parts of variable length.
fn has_variable(ty: &Type) -> bool {
    match &ty.class {
        Class::VariableString | Class::Sequence(_) => true,
        Class::Compound(members) => members.iter().any(|m| has_variable(&m.of)),
        Class::Array(_, base) => has_variable(base),
        _ => false,
    }
}

/// What elements of the type of a datatype message are made of, or their field `names`.
///
/// # Errors
/// As [`made_of`].
pub(in crate::source::hdf5) fn made_of_in(message: &[u8], names: &[String]) -> Result<Elements> {
    made_of(&Type::read(message)?, names)
}

/// What elements of a type are made of, or their field `names`.
///
/// # Errors
/// `NotFound` for a name that is not there; `Format` for a type that is nested too deep.
pub(super) fn made_of(ty: &Type, names: &[String]) -> Result<Elements> {
    let mut here = ty;
    for name in names {
        while let Class::Array(_, base) = &here.class {
            here = base;
        }
        here = member(here, name).ok_or_else(|| no_field(here, name))?.1;
    }
    let (fields, is_complex) = (list(here)?, is_complex(here));
    while let Class::Array(_, base) = &here.class {
        here = base;
    }
    Ok(Elements { fields, is_complex, text: text(here), members: members(here)? })
}

/// The field `names` of elements of a type, one name a level. Arrays on the way become axes, as do the bytes of strings
/// where `text_bytes` are wanted.
///
/// # Errors
/// `NotFound` for a name that is not there; `Type` for what is not a number, with the fields that it has.
pub(super) fn find(ty: &Type, names: &[String], text_bytes: bool) -> Result<Found> {
    let mut part = Part { size: 0, ..Part::whole(ty.size.into()) };
    let (mut here, mut names) = (ty, names.iter());
    for _ in 0..4 * DEPTH {
        here = match &here.class {
            Class::Array(lengths, base) => {
                let mut stride = u64::from(base.size);
                let at = part.axes.len();
                for &len in lengths.iter().rev() {
                    part.axes.insert(at, (len.into(), stride));
                    stride = stride.saturating_mul(len.into());
                }
                base
            }
            _ => {
                let Some(name) = names.next() else { break };
                let (offset, field) = member(here, name).ok_or_else(|| no_field(here, name))?;
                part.offset = part.offset.saturating_add(offset);
                field
            }
        };
    }
    let is_text = matches!(here.class, Class::String { .. } | Class::VariableString);
    let element = match is_text && text_bytes && names.len() == 0 {
        true => {
            part.axes.push((here.size.into(), 1));
            Element::byte()
        }
        false => Element::of(here)?,
    };
    if element.dtype.is_none() {
        return Err(not_a_number(here, &element));
    }
    part.size = element.size as u64;
    part.check()?;
    Ok(Found { element, part })
}

/// How elements of a type are strings, if they are.
fn text(ty: &Type) -> Option<StringKind> {
    match ty.class {
        Class::VariableString => Some(StringKind::Variable),
        Class::String { pad: 0 } => Some(StringKind::NulTerminated),
        Class::String { pad: 2 } => Some(StringKind::SpacePadded),
        Class::String { .. } => Some(StringKind::NulPadded),
        _ => None,
    }
}

/// The names and values of an enum that is read as numbers.
pub(super) fn members(ty: &Type) -> Result<Vec<(String, i128)>> {
    let Class::Enum(base, members) = &ty.class else { return Ok(Vec::new()) };
    let element = Element::of(base)?;
    let value = |stored: &Vec<u8>| Scalar::from_bytes(element.dtype?, &element.native(stored)?)?.to_i128();
    Ok(members.iter().filter_map(|(name, stored)| Some((name.clone(), value(stored)?))).collect())
}

/// A field of a compound, and its first byte in that.
fn member<'a>(ty: &'a Type, name: &str) -> Option<(u64, &'a Type)> {
    match &ty.class {
        Class::Compound(members) => members.iter().find(|m| m.name == name).map(|m| (m.offset, &m.of)),
        Class::Complex(base) => {
            let at = COMPLEX.iter().position(|part| *part == name)?;
            Some((at as u64 * u64::from(base.size), base))
        }
        _ => None,
    }
}

/// The names of what a type is made of.
fn names(ty: &Type) -> Vec<&str> {
    match &ty.class {
        Class::Compound(members) => members.iter().map(|m| &m.name[..]).collect(),
        Class::Complex(_) => COMPLEX.to_vec(),
        Class::Array(_, base) => names(base),
        _ => Vec::new(),
    }
}

fn no_field(ty: &Type, name: &str) -> Error {
    let has = names(ty);
    if has.is_empty() {
        let what = Element::of(ty).map_or_else(|_| "a number".into(), |element| element.text);
        return Error::new(ErrorKind::NotFound, format!("there is no field {name:?}: {what} has none"));
    }
    let e = Error::new(ErrorKind::NotFound, format!("there is no field {name:?} in the elements"));
    e.hint(format!("they have {}", listed(&has)))
}

/// The error for a path that goes on below a dataset where an object is wanted: whether that is a field, which is none, or
/// nothing.
///
/// It is of a dataset whose type is that of a datatype message.
pub(in crate::source::hdf5) fn no_object_in(dataset: &str, message: &[u8], below: &[String]) -> Error {
    match Type::read(message) {
        Ok(ty) => no_object(dataset, &ty, below),
        Err(_) => nothing_below(dataset),
    }
}

/// As [`no_object_in`], of a type.
pub(super) fn no_object(dataset: &str, ty: &Type, below: &[String]) -> Error {
    if names(ty).is_empty() {
        return nothing_below(dataset);
    }
    if let Err(e) = made_of(ty, below) {
        return e;
    }
    let field = below.join("/");
    Error::new(ErrorKind::NotFound, format!("{field:?} is a field of the dataset {dataset:?}")).hint(format!(
        "`chunkwise info FILE:{dataset}` lists its fields; `eval -i NAME=FILE:{dataset}/{field}` reads this one"
    ))
}

/// The error for elements that are no numbers, with what can be taken of them.
pub(super) fn not_a_number(ty: &Type, element: &Element) -> Error {
    let what = format!("elements of the type {} are not numbers", element.text);
    let e = Error::new(ErrorKind::Type, what);
    if is_complex(ty) {
        return e.hint(
            "take real(z), imag(z), abs(z) or angle(z); the parts are the fields r and i (FILE:/path/r)",
        );
    }
    match &names(ty)[..] {
        [] if text(ty).is_some() => {
            e.hint("strings are compared: NAME == \"text\", isin(NAME, [\"one\", \"other\"]); unique(NAME) has them all")
        }
        [] => e.hint("only integers, floats, bools, bitfields and enums can be computed with"),
        has => e.hint(format!(
            "take a field first, t.{0}[…], or as FILE:/path/{0}; there is {1}",
            has[0],
            listed(has)
        )),
    }
}

/// Whether elements are complex numbers, of HDF5's own type or of h5py's compound.
fn is_complex(ty: &Type) -> bool {
    match &ty.class {
        Class::Complex(_) => true,
        Class::Compound(members) => {
            let is_part = |(m, name): (&super::datatype::Member, &&str)| {
                m.name == **name && matches!(m.of.class, Class::Float { .. })
            };
            members.len() == 2 && members.iter().zip(&COMPLEX).all(is_part) && members[0].of == members[1].of
        }
        _ => false,
    }
}

fn listed(names: &[&str]) -> String {
    let dots = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{dots}", names[..names.len().min(NAMED)].join(", "))
}

/// The fields of elements of a type, also those inside of fields, each by its path.
///
/// # Errors
/// `Format` for a type that is nested too deep.
pub(super) fn list(ty: &Type) -> Result<Vec<Field>> {
    let mut out = Vec::new();
    walk(ty, "", &mut Vec::new(), 0, &mut out)?;
    Ok(out)
}

fn walk(ty: &Type, path: &str, shape: &mut Vec<u64>, depth: usize, out: &mut Vec<Field>) -> Result<()> {
    if depth > DEPTH {
        return Err(damaged(format!("an element type nested more than {DEPTH} deep")));
    }
    let before = shape.len();
    let mut base = ty;
    while let Class::Array(lengths, inner) = &base.class {
        shape.extend(lengths.iter().map(|&n| u64::from(n)));
        base = inner;
    }
    for name in names(base) {
        let Some((_, field)) = member(base, name).filter(|_| out.len() < MOST) else { continue };
        let path = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
        let (mut inside, mut number) = (shape.clone(), field);
        while let Class::Array(lengths, inner) = &number.class {
            inside.extend(lengths.iter().map(|&n| u64::from(n)));
            number = inner;
        }
        let element = Element::of(number)?;
        out.push(Field {
            name: path.clone(),
            stored: element.text,
            dtype: element.dtype,
            shape: inside,
            members: members(number)?,
        });
        walk(field, &path, shape, depth + 1, out)?;
    }
    shape.truncate(before);
    Ok(())
}

/// The fill value of a field, as memory has it, from that of the whole elements.
///
/// # Errors
/// As [`not_converted`].
pub(in crate::source::hdf5) fn fill(part: &Part, element: &Element, whole: &[u8]) -> Result<Vec<u8>> {
    let at = part.offset as usize..(part.offset + part.size) as usize;
    let stored = whole.get(at).ok_or_else(|| damaged("a fill value that is shorter than its elements"))?;
    element.native(stored).ok_or_else(|| not_converted(element))
}

/// The error for a field whose numbers only libhdf5 could convert.
pub(in crate::source::hdf5) fn not_converted(element: &Element) -> Error {
    let what = format!("numbers of the type {}, which have to be converted", element.text);
    Error::new(ErrorKind::Unsupported, what).hint("integers have at most 64 bits in 16 bytes here")
}
