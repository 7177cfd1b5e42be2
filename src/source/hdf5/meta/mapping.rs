//! The mappings of a virtual dataset: from which elements of which datasets it is made.

use super::bytes::{Fields, Frame, check_sum, damaged, unsupported};
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
    parse(container.frame(), &bytes)
        .at("structure", format_args!("mappings in the heap at byte {}", container.at(address)))
}

fn parse(frame: &Frame, bytes: &[u8]) -> Result<Option<Vec<Mapping>>> {
    check_sum(bytes)?;
    let mut fields = Fields::new(bytes.get(..bytes.len().saturating_sub(4)).unwrap_or(&[]));
    let version = fields.u8()?;
    if version > 1 {
        return Err(unsupported(format_args!("version {version} of the mappings of virtual datasets")));
    }
    let count = fields.length(frame)?;
    // Each has two names and two selections.
    if count > MOST || count > fields.left() as u64 / 18 {
        return Err(damaged(format!("a virtual dataset of {count} mappings in {} bytes", fields.left())));
    }
    let mut mappings: Vec<Mapping> = Vec::new();
    for _ in 0..count {
        let flags = if version == 1 { fields.u8()? } else { 0 };
        let earlier = |fields: &mut Fields| -> Result<usize> {
            let n = fields.length(frame)?;
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

#[cfg(test)]
mod tests {
    use super::super::checksum::lookup3;
    use super::*;
    use crate::source::hdf5::selection::{Indices, Rows, Selection};

    const FRAME: Frame = Frame { base: 0, address: 8, length: 8 };
    const EVERYTHING: [u32; 4] = [3, 1, 0, 0];

    /// Bytes with the checksum that belongs to them.
    fn summed(parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = parts.concat();
        bytes.extend(lookup3(&bytes).to_le_bytes());
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    fn parsed(bytes: &[u8]) -> Vec<Mapping> {
        parse(&FRAME, bytes).unwrap().unwrap()
    }

    #[test]
    fn names_may_be_those_of_earlier_mappings() {
        let all = [words(&EVERYTHING), words(&EVERYTHING)].concat();
        let number = |n: u64| n.to_le_bytes();
        let bytes = summed(&[
            &[1],
            &number(4),
            &[0],
            b"a.h5\0/x\0",
            &all,
            &[SAME_FILE],
            b"/y\0",
            &all,
            &[FILE_SHARED | DATASET_SHARED],
            &number(0),
            &number(1),
            &all,
            &[DATASET_SHARED],
            b"b.h5\0",
            &number(2),
            &all,
        ]);
        let names: Vec<_> = parsed(&bytes).into_iter().map(|m| (m.file, m.dataset)).collect();
        let want = [("a.h5", "/x"), (".", "/y"), ("a.h5", "/y"), ("b.h5", "/y")];
        assert_eq!(names, want.map(|(a, b)| (a.to_string(), b.to_string())));
        // Not of itself, nor of a later one.
        let bytes = summed(&[&[1], &number(1), &[FILE_SHARED], &number(0), b"/x\0", &all, &[0; 8]]);
        assert!(parse(&FRAME, &bytes).is_err());
    }

    #[test]
    fn selections_of_every_version() {
        let of = |selection: Vec<u8>| {
            let bytes = summed(&[&[0], &1u64.to_le_bytes(), b"f\0d\0", &selection, &words(&EVERYTHING)]);
            let mapping = parsed(&bytes).remove(0);
            assert_eq!(mapping.to, Selection::All);
            mapping.from
        };
        assert_eq!(of(words(&[0, 1, 0, 0])), Selection::None);
        // Points, in their order.
        let points = Rows::new(2, &[([5, 1][..].into(), 1), ([2, 7][..].into(), 1)]).unwrap();
        assert_eq!(of(words(&[1, 1, 0, 0, 2, 2, 5, 1, 2, 7])), Selection::Rows(points.clone()));
        let short: Vec<u8> = [2u16, 5, 1, 2, 7].iter().flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!(of([words(&[1, 2]), vec![2], words(&[2]), short].concat()), Selection::Rows(points));
        // Blocks that are a product, and such that are none.
        let even =
            |start, stride, count, block| Indices::blocks(start, stride, Some(count), Some(block)).unwrap();
        let blocks = [2, 1, 0, 0, 2, 4, 0, 1, 0, 3, 0, 6, 0, 8, 4, 1, 4, 3, 4, 6, 4, 8];
        assert_eq!(of(words(&blocks)), Selection::Product(vec![even(0, 4, 2, 1), even(1, 5, 2, 3)]));
        let blocks = [2, 1, 0, 0, 2, 2, 0, 1, 0, 3, 4, 1, 5, 2];
        let rows = [([0, 1][..].into(), 3), ([4, 1][..].into(), 2), ([5, 1][..].into(), 2)];
        assert_eq!(of(words(&blocks)), Selection::Rows(Rows::new(2, &rows).unwrap()));
        // By strides, with integers of 8 and of 2 bytes; all bits set is without end.
        let wide: Vec<u8> = [3u64, 4, u64::MAX, 2].iter().flat_map(|n| n.to_le_bytes()).collect();
        let long = Indices::blocks(3, 4, None, Some(2)).unwrap();
        let second = [words(&[2, 2]), vec![1], words(&[36, 1]), wide].concat();
        assert_eq!(of(second), Selection::Product(vec![long.clone()]));
        let narrow: Vec<u8> = [3u16, 4, u16::MAX, 2].iter().flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!(
            of([words(&[2, 3]), vec![1, 2], words(&[1]), narrow].concat()),
            Selection::Product(vec![long])
        );
        // Blocks that overlap, and more of them than there are bytes.
        for wrong in [&[2, 1, 0, 0, 1, 2, 0, 5, 3, 8][..], &[2, 1, 0, 0, 1, 9, 0, 5]] {
            let bytes = [&[0][..], &1u64.to_le_bytes(), b"f\0d\0", &words(wrong), &words(&EVERYTHING)];
            assert!(parse(&FRAME, &summed(&bytes)).is_err());
        }
    }
}
