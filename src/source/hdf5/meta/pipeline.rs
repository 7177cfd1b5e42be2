//! The filters of a dataset.

use super::bytes::{Fields, damaged, unsupported};
use super::link::until_nul;
use crate::error::Result;
use crate::h5::FilterInfo;

/// The most filters of a pipeline.
const MOST: usize = 32;
/// Values of a filter that are kept.
const VALUES: usize = 64;

/// Names of the filters that libhdf5 itself has, which newer messages leave out.
const NAMES: [&str; 6] = ["deflate", "shuffle", "fletcher32", "szip", "nbit", "scaleoffset"];

/// Reads the message, in the order in which the filters are applied when writing.
pub(super) fn read(body: &[u8]) -> Result<Vec<FilterInfo>> {
    let mut fields = Fields::new(body);
    let version = fields.u8()?;
    let count = usize::from(fields.u8()?);
    match version {
        1 => fields.take(6)?,
        2 => &[],
        n => return Err(unsupported(format_args!("filter pipelines of version {n}"))),
    };
    if count > MOST {
        return Err(damaged(format!("a pipeline of {count} filters")));
    }
    (0..count).map(|_| filter(&mut fields, version == 1)).collect()
}

fn filter(fields: &mut Fields, old: bool) -> Result<FilterInfo> {
    let id = fields.u16()?;
    let mut len = if old || id >= 256 { usize::from(fields.u16()?) } else { 0 };
    fields.take(2)?;
    let count = usize::from(fields.u16()?);
    if old {
        len = len.next_multiple_of(8);
    }
    let mut name = until_nul(fields.take(len)?).0;
    if name.is_empty() {
        let known = usize::from(id).checked_sub(1).and_then(|i| NAMES.get(i));
        name = known.map_or_else(String::new, |name| name.to_string());
    }
    let values = fields.take(4 * count)?;
    if old && count % 2 == 1 {
        fields.take(4)?;
    }
    let number = |b: &[u8]| super::bytes::little(b) as u32;
    let values = values.chunks_exact(4).take(VALUES).map(number).collect();
    Ok(FilterInfo { id: i32::from(id), name, values })
}
