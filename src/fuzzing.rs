//! Entry points for fuzzers: everything that parses bytes of a file, or text, by code of this crate.
//!
//! Any input must come back, with an answer or an error, in time linear in its length and without more
//! memory than it names. `tests/mutations.rs` runs them over damaged pieces of real files; `fuzz/` has what
//! a coverage-guided fuzzer calls (`cargo +nightly fuzz run netcdf`).

use crate::plan::Plan;
use crate::source::hdf5::{Node, NodeKind, fuzz_chunk, fuzz_index, fuzz_metadata};
use crate::source::netcdf::fuzz_netcdf;
use crate::{Array, Device, Index, Result, Session, source};
use std::path::Path;
use std::sync::LazyLock;

/// Undoes a filter pipeline. The input says what it is: a byte with the number of filters (up to 4), a byte
/// with the element size (1, 2, 4 or 8 as two bits) and the byte order (the next bit), 2 bytes of filter mask,
/// 4 bytes with the chunk's length (up to 16 MiB); per filter 2 bytes of HDF5's number, a byte with the
/// number of values (up to 24) and 4 bytes for each; then the stored chunk. All numbers are little-endian.
///
/// Gives the decoded bytes, or nothing for an input that is refused.
pub fn chunk(data: &[u8]) -> Option<Vec<u8>> {
    fuzz_chunk(data)
}

/// Reads the chunk index of the dataset whose object header is at `header` of a file that is these bytes,
/// for an array of this shape, with chunks of this shape, elements of so many bytes, and filters or none,
/// and looks up to 4096 chunks up. Gives how many are stored and how many lookups failed, or nothing if
/// there is no such index.
pub fn index(
    data: &[u8],
    header: u64,
    shape: &[u64],
    chunk: &[u64],
    element: u64,
    filtered: bool,
) -> Option<(u64, u64)> {
    fuzz_index(data, header, shape, chunk, element, filtered)
}

/// Reads the header of the netCDF classic file that these bytes are, describes all that is in it, and reads some
/// elements of the first variables. Gives how many variables there are and how many elements were read, or nothing
/// for what is not such a file.
pub fn netcdf(data: &[u8]) -> Option<(u64, u64)> {
    fuzz_netcdf(data)
}

/// Reads a plan that is written as JSON, and gives it as it is written again; nothing for what is no plan. Files
/// that it names are looked at.
pub fn plan(data: &[u8]) -> Option<String> {
    Plan::from_json(std::str::from_utf8(data).ok()?).ok()?.to_json().ok()
}

/// Lists a file that is these bytes, and opens its first 64 datasets. Gives how many objects and links there
/// are and how many of them failed, or nothing if there is no root group.
pub fn metadata(data: &[u8]) -> Option<(u64, u64)> {
    fuzz_metadata(data)
}

/// Datasets of a file of which elements are read.
const READ: usize = 16;

/// Lists the file at `path`, which is of any format, and reads the first and last elements along each axis of its first
/// datasets, the way users do. Gives how many objects and links there are and how many elements were read, or nothing
/// for a file that cannot be listed.
pub fn file(path: &Path) -> Option<(u64, u64)> {
    static SESSION: LazyLock<Result<Session>> =
        LazyLock::new(|| Session::builder().device(Device::Cpu).threads(1).memory("16MiB").build());
    let session = SESSION.as_ref().ok()?;
    let mut pending = vec![source::tree(path, "/").ok()?];
    let (mut known, mut opened, mut elements) = (0, 0, 0);
    while let Some(Node { path: name, kind, .. }) = pending.pop() {
        known += 1;
        match kind {
            NodeKind::Group { members, .. } => pending.extend(members),
            NodeKind::Dataset(_) if opened < READ => {
                opened += 1;
                elements += ends(path, &name, session).unwrap_or(0);
            }
            _ => {}
        }
    }
    Some((known, elements))
}

/// Reads the ends of a dataset; gives how many elements that are.
fn ends(path: &Path, name: &str, session: &Session) -> Result<u64> {
    let x = Array::open(path, name)?;
    let steps = x.shape()?.iter().map(|&n| Index::ALL.step(i64::try_from(n).unwrap_or(i64::MAX).max(2) - 1));
    let steps: Vec<Index> = steps.collect();
    Ok(session.compute(&x.index(&steps[..]))?.shape().iter().product())
}
