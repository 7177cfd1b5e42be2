//! The list of the other files that have the bytes of a dataset.

use super::bytes::{Fields, damaged, unsupported};
use super::container::Container;
use super::symbols::Names;
use crate::error::{Context, Result};
use crate::source::hdf5::facts::Slot;

/// How many files a list names.
pub(super) fn count(body: &[u8]) -> Result<usize> {
    let mut fields = Fields::new(body);
    match fields.u8()? {
        1 => {}
        n => return Err(unsupported(format_args!("external file lists of version {n}"))),
    }
    fields.take(5)?;
    Ok(usize::from(fields.u16()?))
}

/// The pieces of files, in order.
pub(super) fn slots(container: &Container, body: &[u8]) -> Result<Vec<Slot>> {
    let frame = container.frame();
    let count = count(body)?;
    let mut fields = Fields::new(body);
    fields.take(8)?;
    let heap = fields.address(frame)?.ok_or_else(|| damaged("a list of files without names"))?;
    let names = Names::open(container, heap)
        .at("structure", format_args!("heap of names at byte {}", container.at(heap)))?;
    let mut slots = Vec::new();
    for _ in 0..count {
        let name = names.at(container, fields.length(frame)?)?;
        let (offset, size) = (fields.length(frame)?, fields.or_all_ones(usize::from(frame.length))?);
        let file = String::from_utf8(name).map_err(|_| unsupported("names that are not UTF-8"))?;
        slots.push(Slot { file, offset, size });
    }
    Ok(slots)
}
