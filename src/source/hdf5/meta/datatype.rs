//! The datatype message, of all versions.

use super::bytes::{Fields, damaged, little, unsupported};
use super::link::text;
use crate::error::Result;

/// Types inside of types.
const DEPTH: usize = 32;

/// A type of elements.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Type {
    /// Bytes of an element.
    pub size: u32,
    pub class: Class,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Class {
    Integer {
        order: Order,
        bits: Span,
        padded: bool,
        signed: bool,
    },
    Float {
        order: Order,
        bits: Span,
        padded: bool,
        form: Form,
    },
    Time,
    String {
        pad: u8,
    },
    /// Bits without a meaning as a number.
    Bitfield {
        order: Order,
        bits: Span,
    },
    Opaque,
    Compound(Vec<Member>),
    Reference {
        kind: u8,
    },
    /// Its base type, and the names and values of its members.
    Enum(Box<Type>, Vec<(String, Vec<u8>)>),
    Sequence(Box<Type>),
    VariableString,
    /// Its lengths, and its base type.
    Array(Vec<u32>, Box<Type>),
    Complex(Box<Type>),
}

/// A member of a compound.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub name: String,
    /// Its first byte in the compound.
    pub offset: u64,
    pub of: Type,
}

/// Which byte comes first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    Little,
    Big,
    Vax,
}

/// Where the bits of a number lie in its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub offset: u16,
    pub precision: u16,
}

/// The parts of a float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Form {
    pub sign: u8,
    /// Where it starts and how long it is.
    pub exponent: (u8, u8),
    pub mantissa: (u8, u8),
    pub bias: u32,
    /// 2: the highest bit of the mantissa is not stored.
    pub normalization: u8,
}

impl Type {
    pub fn read(body: &[u8]) -> Result<Type> {
        read(&mut Fields::new(body), 0)
    }
}

fn read(fields: &mut Fields, depth: usize) -> Result<Type> {
    if depth > DEPTH {
        return Err(damaged(format!("element types nested more than {DEPTH} deep")));
    }
    let first = fields.u8()?;
    let (version, class) = (first >> 4, first & 0xf);
    let flags = fields.number(3)? as u32;
    let size = fields.u32()?;
    if version == 0 || version > 5 {
        return Err(unsupported(format_args!("element types of version {version}")));
    }
    let order = if flags & 1 != 0 { Order::Big } else { Order::Little };
    let class = match class {
        0 => Class::Integer { order, bits: span(fields)?, padded: flags & 6 != 0, signed: flags & 8 != 0 },
        1 => {
            let order = match flags & 0x41 {
                0x41 => Order::Vax,
                0x40 => return Err(damaged("a float of an unknown byte order")),
                _ => order,
            };
            let bits = span(fields)?;
            let (exponent, mantissa) = ((fields.u8()?, fields.u8()?), (fields.u8()?, fields.u8()?));
            let form = Form {
                sign: (flags >> 8) as u8,
                exponent,
                mantissa,
                bias: fields.u32()?,
                normalization: (flags >> 4 & 3) as u8,
            };
            Class::Float { order, bits, padded: flags & 0xe != 0, form }
        }
        2 => {
            fields.u16()?;
            Class::Time
        }
        3 => Class::String { pad: (flags & 0xf) as u8 },
        4 => Class::Bitfield { order, bits: span(fields)? },
        5 => {
            fields.take((flags & 0xff) as usize)?;
            Class::Opaque
        }
        6 => Class::Compound(compound(fields, version, flags & 0xffff, size, depth)?),
        7 => Class::Reference { kind: (flags & 0xf) as u8 },
        8 => {
            let base = read(fields, depth + 1)?;
            let names = (0..flags & 0xffff).map(|_| name(fields, version < 3)).collect::<Result<Vec<_>>>()?;
            let value = |name| Ok((name, fields.take(base.size as usize)?.to_vec()));
            let members = names.into_iter().map(value).collect::<Result<_>>()?;
            Class::Enum(Box::new(base), members)
        }
        9 => {
            let base = read(fields, depth + 1)?;
            if flags & 0xf == 1 { Class::VariableString } else { Class::Sequence(Box::new(base)) }
        }
        10 => {
            let rank = usize::from(fields.u8()?);
            fields.take(if version < 3 { 3 } else { 0 })?;
            let lengths = fields.take(4 * rank)?.chunks(4).map(|d| little(d) as u32).collect();
            // The order in which older versions list the axes.
            fields.take(if version < 3 { 4 * rank } else { 0 })?;
            Class::Array(lengths, Box::new(read(fields, depth + 1)?))
        }
        11 => Class::Complex(Box::new(read(fields, depth + 1)?)),
        n => return Err(unsupported(format_args!("element types of class {n}"))),
    };
    if size == 0 {
        return Err(damaged("elements of 0 bytes"));
    }
    Ok(Type { size, class })
}

fn span(fields: &mut Fields) -> Result<Span> {
    Ok(Span { offset: fields.u16()?, precision: fields.u16()? })
}

/// A name up to its NUL; in older versions the length of both is a multiple of 8.
fn name(fields: &mut Fields, padded: bool) -> Result<String> {
    let rest = fields.rest();
    let len = rest.iter().position(|&b| b == 0).ok_or_else(|| damaged("a name without end"))?;
    let taken = fields.take(if padded { (len + 8) / 8 * 8 } else { len + 1 })?;
    Ok(text(&taken[..len]))
}

fn compound(fields: &mut Fields, version: u8, members: u32, size: u32, depth: usize) -> Result<Vec<Member>> {
    let mut out = Vec::new();
    for _ in 0..members {
        let name = name(fields, version < 3)?;
        let offset = match version {
            3.. => fields.number(size.checked_ilog2().unwrap_or(0) as usize / 8 + 1)?,
            _ => u64::from(fields.u32()?),
        };
        let mut times = None;
        if version == 1 {
            let rank = usize::from(fields.u8()?);
            fields.take(3 + 4 + 4)?;
            let lengths = fields.take(16)?;
            if rank > 4 {
                return Err(damaged(format!("a member of {rank} axes")));
            }
            if rank > 0 {
                let lengths: Vec<u32> = lengths.chunks(4).take(rank).map(|d| little(d) as u32).collect();
                let product = lengths.iter().try_fold(1u32, |n, d| n.checked_mul(*d));
                times = Some((product.ok_or_else(|| damaged("a member larger than can be"))?, lengths));
            }
        }
        let mut member = read(fields, depth + 1)?;
        if let Some((times, lengths)) = times {
            let size =
                member.size.checked_mul(times).ok_or_else(|| damaged("a member larger than can be"))?;
            member = Type { size, class: Class::Array(lengths, Box::new(member)) };
        }
        if offset.saturating_add(member.size.into()) > size.into() {
            return Err(damaged(format!("the member {name:?} is beyond the end of its compound")));
        }
        out.push(Member { name, offset, of: member });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::element::Element;
    use super::*;

    fn int(size: u8) -> Vec<u8> {
        vec![0x10, 8, 0, 0, size, 0, 0, 0, 0, 0, 8 * size, 0]
    }

    fn text(bytes: &[u8]) -> String {
        Element::of(&Type::read(bytes).unwrap()).unwrap().text
    }

    /// The oldest compounds had arrays as members, and names whose lengths were multiples of 8.
    #[test]
    fn members_of_the_oldest_compounds_can_be_arrays() {
        let member = |name: &[u8; 8], offset: u8, rank: u8| {
            let mut m = [&name[..], &[offset, 0, 0, 0, rank, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
            m.extend([3, 0, 0, 0, 2, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]);
            m.extend(int(2));
            m
        };
        let head = |members: u8, size: u8| vec![0x16, members, 0, 0, size, 0, 0, 0];
        let all = [head(2, 16), member(b"a\0\0\0\0\0\0\0", 0, 2), member(b"bcd\0\0\0\0\0", 12, 0)].concat();
        assert_eq!(text(&all), "compound {a: array of <i2, bcd: <i2}");
        let outside = [head(1, 11), member(b"a\0\0\0\0\0\0\0", 0, 2)].concat();
        assert!(Type::read(&outside).unwrap_err().to_string().contains("beyond the end"));
        let many = [head(1, 16), member(b"a\0\0\0\0\0\0\0", 0, 5)].concat();
        assert!(Type::read(&many).unwrap_err().to_string().contains("5 axes"));
    }

    #[test]
    fn types_of_types() {
        assert_eq!(text(&[&[0x29, 0, 0, 0, 16, 0, 0, 0][..], &int(4)].concat()), "variable-length <i4");
        assert_eq!(text(&[&[0x29, 1, 0, 0, 16, 0, 0, 0][..], &int(1)].concat()), "string");
        let array = [&[0x3a, 0, 0, 0, 24, 0, 0, 0, 1, 6, 0, 0, 0][..], &int(4)].concat();
        assert_eq!(text(&array), "array of <i4");
        let float = [0x11, 0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0];
        assert_eq!(text(&float), "<f8");
        assert_eq!(text(&[&[0x5b, 1, 0, 0, 16, 0, 0, 0][..], &float].concat()), "complex of <f8");
        let mut vax = float;
        vax[1] |= 0x41;
        assert!(text(&vax).contains("not an IEEE float"));
        let nested = [0x29, 0, 0, 0, 16, 0, 0, 0].repeat(100);
        assert!(Type::read(&nested).unwrap_err().to_string().contains("nested"));
        for bad in [&int(0)[..], &[0x60, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0], &[0x1c, 0, 0, 0, 1, 0, 0, 0]] {
            assert!(Type::read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_of_any_bits() {
        let value = |t: [u8; 12], stored: &[u8]| {
            let element = Element::of(&Type::read(&t).unwrap()).unwrap();
            let bytes = element.native(stored).unwrap();
            crate::dtype::Scalar::from_bytes(element.dtype.unwrap(), &bytes).unwrap().to_i128().unwrap()
        };
        // 17 bits from bit 3 on, signed and not, and a big-endian one of 24 bits.
        let bits = |sign: u8, order: u8, size: u8, offset: u8, n: u8| {
            [0x10, sign | order, 0, 0, size, 0, 0, 0, offset, 0, n, 0]
        };
        let stored = ((0x1_5555u32 << 3) | 0xf000_0007).to_le_bytes();
        assert_eq!(value(bits(0, 0, 4, 3, 17), &stored), 0x1_5555);
        assert_eq!(value(bits(8, 0, 4, 3, 17), &stored), 0x1_5555 - 0x2_0000);
        assert_eq!(value(bits(8, 1, 3, 0, 24), &[0xff, 0xff, 0xfe]), -2);
        assert_eq!(value(bits(0, 1, 3, 0, 24), &[1, 2, 3]), 0x01_0203);
        let mut wide = [0xff; 16];
        wide[0] = 5;
        assert_eq!(value(bits(8, 0, 16, 0, 50), &wide), -251);
        wide.fill(0);
        wide[15] = 0x80;
        assert_eq!(value(bits(8, 0, 16, 120, 8), &wide), -128);
    }
}
