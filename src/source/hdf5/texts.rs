//! Strings of variable length, one by one: what an element stores says where its bytes lie in the file.

use super::Hdf5Source;
use super::handles;
use super::meta::Heap;
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Slab, checked_len, show_shape};
use crate::source::{OpenOptions, ReadCx, ReadStats, Scratch, Source};
use std::path::Path;

/// The most strings of one dataset.
const MOST: u64 = 1 << 26;
/// Bytes of references that are brought at once, unless one row of chunks has more.
const PIECE: u64 = 1 << 20;

/// Which strings of variable length of a dataset, or of a field, are one of `words`: its shape, and a byte for each
/// that is 1 or 0.
///
/// # Errors
/// As [`Hdf5Source::open`] and its reads; `Unsupported` for very many.
pub(crate) fn equal(
    path: &Path,
    dataset: &str,
    options: OpenOptions,
    words: &[&str],
) -> Result<(Vec<u64>, Buffer)> {
    let longest = words.iter().map(|w| w.len()).max().unwrap_or(0);
    let mut found = Buffer::default();
    let shape = each(path, dataset, options, longest as u64 + 1, |i, count, text| {
        if found.is_empty() {
            found = Buffer::zeroed(count);
        }
        found[i] = words.iter().any(|w| w.as_bytes() == text).into();
        Ok(())
    })?;
    Ok((shape, found))
}

/// Takes the strings of variable length of a dataset, or of a field, one after the other in C order: the place of each,
/// how many there are, and its bytes, of a longer one at least the first `most`. Gives their shape.
///
/// # Errors
/// As [`Hdf5Source::open`] and its reads; `Unsupported` for very many; those of `take`.
pub(crate) fn each(
    path: &Path,
    dataset: &str,
    options: OpenOptions,
    most: u64,
    mut take: impl FnMut(usize, usize, &[u8]) -> Result<()>,
) -> Result<Vec<u64>> {
    let source = Hdf5Source::open(path, dataset, options.text_bytes())?;
    let [shape @ .., each] = source.shape() else {
        return Err(Error::new(ErrorKind::Internal, "strings without bytes"));
    };
    let count = checked_len(shape).filter(|&n| n <= MOST).ok_or_else(|| {
        let what = format!("an array of {} strings of variable length", show_shape(shape));
        source.locate(Error::new(ErrorKind::Unsupported, what).hint(format!("at most {MOST} are read")))
    })?;
    let mut at = 0;
    let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
    let mut stored = Buffer::default();
    for slab in pieces(&source) {
        let mut cx = ReadCx { scratch: &mut scratch, stats: &stats };
        stored.resize_for_overwrite((slab.len()) as usize);
        source.read_region(&slab, &mut stored, &mut cx)?;
        let file = handles::borrow_in(&source.canonical, &source.state).map_err(|e| source.locate(e))?;
        let mut heap = Heap::open(&file.raw).map_err(|e| source.locate(e))?;
        for reference in stored.chunks_exact(*each as usize) {
            let text = heap.text(reference, most).map_err(|e| source.locate(e))?;
            take(at, count as usize, &text).map_err(|e| source.locate(e))?;
            at += 1;
        }
        file.raw.unchanged().map_err(|e| source.locate(e))?;
    }
    Ok(shape.to_vec())
}

/// The whole of a source in pieces along its first axis, in whole chunks.
fn pieces(source: &Hdf5Source) -> impl Iterator<Item = Slab> + use<> {
    let shape: Vec<u64> = source.shape().to_vec();
    let row = shape.iter().skip(1).product::<u64>().max(1);
    let high = source.chunks().map_or(1, |chunks| chunks.shape()[0]);
    let rows = (PIECE / row / high * high).max(high);
    // What has no axis but that of its bytes is one.
    let (len, rows) = if shape.len() == 1 { (shape[0], shape[0].max(1)) } else { (shape[0], rows) };
    let len = if shape.contains(&0) { 0 } else { len };
    (0..len).step_by(rows as usize).map(move |start| {
        let mut slab = Slab::dense(&crate::grid::Region::whole(&shape));
        slab.start[0] = start;
        slab.count[0] = rows.min(len - start);
        slab
    })
}
