//! Values of attributes as plain data.

use super::attribute::{Stored, Value};
use super::bytes::{Fields, damaged};
use super::container::Container;
use super::datatype::{Class, Type};
use super::element::Element;
use super::global::Global;
use super::link::until_nul;
use super::names::Names;
use crate::dtype::Scalar;
use crate::error::{Context, Result};
use crate::grid::{Dims, checked_len};
use crate::h5::{RawAttribute, RawValue};

/// The most bytes of one attribute that are read.
const MAX_BYTES: u64 = 16 << 20;
/// References of one element that are followed.
const REFERENCES: usize = 64;

/// What reading values needs and keeps.
pub(super) struct Values<'a> {
    pub container: &'a Container<'a>,
    pub global: Global,
    pub names: Names,
    /// The most elements that are kept of a value.
    pub limit: usize,
    /// Bytes that all texts together may still take.
    pub room: usize,
}

impl Values<'_> {
    /// The attribute as plain data; one that cannot be read says so. It is the object's attribute `number`.
    pub fn plain(&mut self, stored: Stored, number: usize) -> RawAttribute {
        let name = if stored.name.is_empty() { format!("attribute {number}") } else { stored.name };
        match stored.value.and_then(|value| self.read(value)).at("attribute", &name) {
            Ok((shape, value)) => RawAttribute { name, shape, value },
            Err(e) => RawAttribute {
                name,
                shape: Dims::new(),
                value: RawValue::Other(format!("unreadable: {}", e.message())),
            },
        }
    }

    fn read(&mut self, value: Value) -> Result<(Dims, RawValue)> {
        let Value { element: ty, space, data } = value;
        let Some(shape) = space.shape() else {
            return Ok((Dims::from_slice(&[0]), RawValue::Other("empty".into())));
        };
        let element = Element::of(&ty)?;
        let size = match element.dtype {
            Some(dtype) if element.convert => dtype.size(),
            _ => element.size,
        };
        let fits = |n: &u64| n.checked_mul(size as u64).is_some_and(|bytes| bytes <= MAX_BYTES);
        let Some(count) = checked_len(&shape).filter(fits) else {
            return Ok((shape, RawValue::Other(format!("{}, too long to show", element.text))));
        };
        let stored = (count as usize).checked_mul(element.size).and_then(|bytes| data.get(..bytes));
        let stored = stored.ok_or_else(|| {
            damaged(format!("{} bytes for {count} elements of {} bytes", data.len(), element.size))
        })?;
        let value = self.elements(&ty, &element, stored)?;
        Ok((shape, value))
    }

    fn elements(&mut self, ty: &Type, element: &Element, stored: &[u8]) -> Result<RawValue> {
        let all = stored.chunks_exact(element.size);
        let first = all.clone().take(self.limit);
        Ok(match (&ty.class, element.dtype) {
            (_, Some(dtype)) => {
                let scalar = |b: &[u8]| Scalar::from_bytes(dtype, &element.native(b)?);
                RawValue::Numbers(first.filter_map(scalar).collect())
            }
            (Class::VariableString, _) => {
                let mut strings = Vec::new();
                for stored in first {
                    let room = self.room as u64;
                    let bytes = self.global.element(self.container, stored, 1, room)?;
                    strings.push(self.kept(until_nul(&bytes).0)?);
                }
                RawValue::Strings(strings)
            }
            (Class::String { pad }, _) => {
                let mut strings = Vec::new();
                for stored in first {
                    let mut s = until_nul(stored).0;
                    if *pad == 2 {
                        s.truncate(s.trim_end_matches(' ').len());
                    }
                    strings.push(self.kept(s)?);
                }
                RawValue::Strings(strings)
            }
            (Class::Sequence(base), _) if matches!(base.class, Class::Reference { kind: 0 }) => {
                let mut lists = Vec::new();
                for stored in all {
                    lists.push(self.references(stored, base.size)?);
                }
                RawValue::References(lists)
            }
            _ => RawValue::Other(element.text.clone()),
        })
    }

    /// The paths of the objects that a list of references names.
    fn references(&mut self, stored: &[u8], size: u32) -> Result<Vec<String>> {
        let frame = *self.container.frame();
        let most = u64::from(size).saturating_mul(REFERENCES as u64);
        let bytes = self.global.element(self.container, stored, size.into(), most)?;
        let mut out = Vec::new();
        for reference in bytes.chunks_exact(size as usize) {
            let Some(address) = Fields::new(reference).address(&frame)? else { continue };
            if let Some(name) = self.names.of(self.container, address) {
                out.push(self.kept(name)?);
            }
        }
        Ok(out)
    }

    /// A text that there is room for.
    fn kept(&mut self, text: String) -> Result<String> {
        let left = self.room.checked_sub(text.len());
        self.room = left.ok_or_else(|| damaged("too much text to show"))?;
        Ok(text)
    }
}
