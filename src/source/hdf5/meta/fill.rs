//! Fill values, in the messages of all versions.

use super::bytes::{Fields, damaged, unsupported};
use super::container::Container;
use super::element::Element;
use super::object::{FILL, OLD_FILL, Object};
use crate::error::{Context, Result};

/// The fill value of a dataset: one element in native byte order; zeros where none is given.
pub(super) fn value(
    container: &Container,
    dataset: &Object,
    element: &Element,
    size: usize,
) -> Result<Vec<u8>> {
    let convert = |stored: Option<Vec<u8>>| {
        let Some(stored) = stored else { return Ok(vec![0; size]) };
        check(&stored, element.size)?;
        element
            .native(&stored)
            .ok_or_else(|| unsupported(format_args!("a fill value of the type {}", element.text)))
    };
    message(container, dataset).and_then(convert).at("structure", dataset.place(container))
}

/// The fill value of a dataset as it is stored, of elements of `size` bytes; zeros where none is given.
pub(super) fn stored(container: &Container, dataset: &Object, size: usize) -> Result<Vec<u8>> {
    let bytes = |stored: Option<Vec<u8>>| {
        let stored = stored.unwrap_or_else(|| vec![0; size]);
        check(&stored, size).map(|()| stored)
    };
    message(container, dataset).and_then(bytes).at("structure", dataset.place(container))
}

fn check(stored: &[u8], size: usize) -> Result<()> {
    match stored.len() == size {
        true => Ok(()),
        false => Err(damaged(format!("a fill value of {} bytes for elements of {size}", stored.len()))),
    }
}

/// The bytes of a fill value, where one is given.
fn message(container: &Container, dataset: &Object) -> Result<Option<Vec<u8>>> {
    match dataset.find(container, FILL)? {
        Some(body) => new(&body),
        None => match dataset.find(container, OLD_FILL)? {
            Some(body) => old(&body),
            None => Ok(None),
        },
    }
}

fn new(body: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut fields = Fields::new(body);
    let there = match fields.u8()? {
        1 | 2 => {
            fields.take(2)?;
            fields.u8()? != 0
        }
        3 => fields.u8()? & 0x20 != 0,
        n => return Err(unsupported(format_args!("fill values of version {n}"))),
    };
    if there { sized(fields) } else { Ok(None) }
}

fn old(body: &[u8]) -> Result<Option<Vec<u8>>> {
    sized(Fields::new(body))
}

/// A length and so many bytes. A length that is not positive says that there is no value.
fn sized(mut fields: Fields) -> Result<Option<Vec<u8>>> {
    match fields.u32()? as i32 {
        ..=0 => Ok(None),
        len => Ok(Some(fields.take(len as usize)?.to_vec())),
    }
}
