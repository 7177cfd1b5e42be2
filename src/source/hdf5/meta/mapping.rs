//! The mappings of a virtual dataset: from which elements of which datasets it is made.

use super::bytes::{Fields, check_sum, damaged, unsupported};
use super::container::Container;
use super::global::Global;
use super::selection;
use crate::error::{Context, Result};
use crate::source::hdf5::facts::Mapping;

/// The most mappings that are believed.
const MOST: u64 = 1 << 18;
/// The most bytes that they take, and that a name does.
const MOST_BYTES: u64 = 256 << 20;
const NAME: usize = 64 << 10;
/// Flags of an entry: the name of the file, or of the dataset, is that of an earlier entry; the file is this one.
const FILE_SHARED: u8 = 0x01;
const DATASET_SHARED: u8 = 0x02;
const SAME_FILE: u8 = 0x04;

/// Reads the mappings that lie in the global heap at `address` under `number`; `None` where a selection is too
/// irregular for the readers here. Without a place there are none.
pub(super) fn read(container: &Container, address: Option<u64>, number: u32) -> Result<Option<Vec<Mapping>>> {
    let Some(address) = address else { return Ok(Some(Vec::new())) };
    let bytes = Global::default().object(container, address, number, MOST_BYTES)?;
    parse(container, &bytes)
        .at("structure", format_args!("mappings in the heap at byte {}", container.at(address)))
}

fn parse(container: &Container, bytes: &[u8]) -> Result<Option<Vec<Mapping>>> {
    check_sum(bytes)?;
    let mut fields = Fields::new(bytes.get(..bytes.len().saturating_sub(4)).unwrap_or(&[]));
    let version = fields.u8()?;
    if version > 1 {
        return Err(unsupported(format_args!("version {version} of the mappings of virtual datasets")));
    }
    let count = fields.length(container.frame())?;
    // Each has two names and two selections.
    if count > MOST || count > fields.left() as u64 / 18 {
        return Err(damaged(format!("a virtual dataset of {count} mappings in {} bytes", fields.left())));
    }
    let mut mappings: Vec<Mapping> = Vec::new();
    for _ in 0..count {
        let flags = if version == 1 { fields.u8()? } else { 0 };
        let earlier = |fields: &mut Fields| -> Result<usize> {
            let n = fields.length(container.frame())?;
            let there = usize::try_from(n).ok().filter(|&n| n < mappings.len());
            there.ok_or_else(|| damaged(format!("a mapping with the name of the mapping {n}")))
        };
        let file = match flags {
            f if f & SAME_FILE != 0 => ".".into(),
            f if f & FILE_SHARED != 0 => mappings[earlier(&mut fields)?].file.clone(),
            _ => name(&mut fields)?,
        };
        let dataset = match flags & DATASET_SHARED != 0 {
            true => mappings[earlier(&mut fields)?].dataset.clone(),
            false => name(&mut fields)?,
        };
        let from = selection::read(&mut fields)?;
        let to = selection::read(&mut fields)?;
        let (Some(from), Some(to)) = (from, to) else { return Ok(None) };
        mappings.push(Mapping { file, dataset, from, to });
    }
    Ok(Some(mappings))
}

/// A text up to its NUL.
fn name(fields: &mut Fields) -> Result<String> {
    let rest = fields.rest();
    let end = rest.iter().position(|&b| b == 0).ok_or_else(|| damaged("a name without an end"))?;
    if end > NAME {
        return Err(unsupported(format_args!("names of {end} bytes")));
    }
    let name = fields.take(end)?;
    fields.take(1)?;
    std::str::from_utf8(name).map(String::from).map_err(|_| unsupported("names that are not UTF-8"))
}
