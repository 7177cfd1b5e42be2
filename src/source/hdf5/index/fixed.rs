//! Fixed arrays of chunks: the index of arrays that cannot grow, or only up to given lengths.
//!
//! One data block (`FADB`) holds the entries of all chunks in C order. Above a number of entries the
//! block is cut into pages with a checksum each, and a bit per page says whether it was written.

use super::super::meta::bytes::{BLOCK_LIMIT, Fields, Frame, ReadAt, check_sum, damaged, fetch, unsupported};
use super::array::{Entry, bit, block_bytes, linear};
use super::memo::{Memo, Slot};
use super::place::Place;
use crate::error::Result;
use crate::grid::Dims;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fixed {
    header: u64,
    /// `None` as long as nothing is stored.
    data: Option<u64>,
    /// How many entries there are.
    count: u64,
    /// The binary logarithm of the entries of a page.
    page_bits: u8,
    pub entry: Entry,
    strides: Dims,
}

impl Fixed {
    /// Reads the header of the array.
    pub fn open(
        file: &dyn ReadAt,
        frame: &Frame,
        header: u64,
        filtered: bool,
        strides: Dims,
    ) -> Result<Fixed> {
        let (mut bytes, mut reads) = (Vec::new(), 0);
        let len = 4 + 1 + 1 + 1 + 1 + usize::from(frame.length) + frame.wide() + 4;
        fetch(file, frame.place(header)?, len as u64, &mut bytes, &mut reads)?;
        let mut fields = Fields::new(&bytes);
        fields.signature(b"FAHD")?;
        check_sum(&bytes)?;
        if fields.u8()? != u8::from(filtered) {
            return Err(damaged("an array of other entries"));
        }
        let entry = Entry::new(frame, filtered, fields.u8()?)?;
        let page_bits = fields.u8()?;
        let count = fields.length(frame)?;
        Ok(Fixed { header, data: fields.address(frame)?, count, page_bits, entry, strides })
    }

    /// How many entries there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn find(
        &self,
        file: &dyn ReadAt,
        frame: &Frame,
        (coords, chunk_bytes): (&[u64], u64),
        memo: &mut Memo,
    ) -> Result<Option<Place>> {
        Ok(self.entry(file, frame, (linear(coords, &self.strides)?, chunk_bytes), memo)?.0)
    }

    /// Entry `i`, and the next one that can be another: where none is there, a page may be left out.
    pub fn entry(
        &self,
        file: &dyn ReadAt,
        frame: &Frame,
        (i, chunk_bytes): (u64, u64),
        memo: &mut Memo,
    ) -> Result<(Option<Place>, u64)> {
        let Some(data) = self.data else { return Ok((None, self.count)) };
        let at = frame.place(data)?;
        if i >= self.count {
            return Err(damaged(format!("chunk {i} of an index of {} chunks", self.count)));
        }
        let width = u64::from(self.entry.width);
        let prefix = 6 + frame.wide() as u64;
        let check = |bytes: &[u8]| {
            check_sum(bytes)?;
            let mut fields = Fields::new(bytes);
            fields.signature(b"FADB")?;
            if fields.u8()? != u8::from(self.entry.filtered) {
                return Err(damaged("a block of other entries"));
            }
            fields.owner(frame, self.header)
        };
        // No page can have more entries than an integer counts.
        let page = 1u64.checked_shl(self.page_bits.into()).unwrap_or(u64::MAX);
        let (bytes, offset) = if self.count <= page {
            let len = block_bytes(prefix, self.count, width)?;
            (memo.block(Slot::Elements, file, (at, len), check)?, prefix + i * width)
        } else {
            let bitmap = self.count.div_ceil(page).div_ceil(8);
            if bitmap > BLOCK_LIMIT {
                return Err(unsupported(format_args!("an array of {} chunks", self.count)));
            }
            let top = block_bytes(prefix, bitmap, 1)?;
            let pages = memo.block(Slot::Top, file, (at, top), check)?;
            let number = i / page;
            if !bit(&pages[prefix as usize..], number) {
                return Ok((None, number.saturating_add(1).saturating_mul(page)));
            }
            let full = block_bytes(0, page, width)?;
            let start = number.checked_mul(full).and_then(|n| n.checked_add(at)?.checked_add(top));
            let start = start.ok_or_else(|| damaged("a page beyond the end of all files"))?;
            let len = block_bytes(0, page.min(self.count - number * page), width)?;
            (memo.block(Slot::Elements, file, (start, len), check_sum)?, i % page * width)
        };
        let place = self.entry.read(bytes.get(offset as usize..).unwrap_or(&[]), frame, chunk_bytes)?;
        Ok((place, i + 1))
    }
}
