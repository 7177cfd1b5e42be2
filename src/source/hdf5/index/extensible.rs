//! Extensible arrays of chunks: the index of arrays with one unlimited axis.
//!
//! Chunks are numbered in C order with the unlimited axis first, wherever it is. The first entries
//! are in the index block (`EAIB`). The others are in data blocks (`EADB`), which become larger and
//! more: super block `u` stands for 2^(u/2) data blocks of 2^((u+1)/2) times the least number of
//! entries. The addresses of the first data blocks are in the index block; those of later ones in
//! super blocks (`EASB`), whose addresses are in the index block. Large data blocks are cut into
//! pages with a checksum each, and a bit per page in the super block says whether it was written.

use super::super::meta::bytes::{Fields, Frame, ReadAt, check_sum, damaged, fetch};
use super::array::{Entry, bit, block_bytes, linear};
use super::memo::{Memo, Slot};
use super::place::Place;
use crate::error::Result;
use crate::grid::Dims;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Extensible {
    header: u64,
    /// The index block; `None` as long as nothing is stored.
    top: Option<u64>,
    pub entry: Entry,
    /// Bits of the largest number that a chunk can have.
    bits: u8,
    /// Entries in the index block.
    in_top: u8,
    /// Entries of the smallest data block.
    least: u8,
    /// The least data block addresses of a super block: smaller ones have theirs in the index block.
    pointers: u8,
    /// The binary logarithm of the entries of a page.
    page_bits: u8,
    strides: Dims,
    /// The entries up to the last one that was written.
    written: u64,
}

/// Where the entry of a chunk is.
struct Way {
    /// The super block.
    level: u32,
    /// The data block in it, and how many entries it has.
    block: u64,
    entries: u64,
    /// The entry in that.
    entry: u64,
}

impl Extensible {
    /// Reads the header of the array.
    pub fn open(
        file: &dyn ReadAt,
        frame: &Frame,
        header: u64,
        filtered: bool,
        strides: Dims,
    ) -> Result<Extensible> {
        let (mut bytes, mut reads) = (Vec::new(), 0);
        let len = 4 + 1 + 1 + 6 + 6 * usize::from(frame.length) + frame.wide() + 4;
        fetch(file, frame.place(header)?, len as u64, &mut bytes, &mut reads)?;
        let mut fields = Fields::new(&bytes);
        fields.signature(b"EAHD")?;
        check_sum(&bytes)?;
        if fields.u8()? != u8::from(filtered) {
            return Err(damaged("an array of other entries"));
        }
        let entry = Entry::new(frame, filtered, fields.u8()?)?;
        let [bits, in_top, least, pointers, page_bits] =
            [fields.u8()?, fields.u8()?, fields.u8()?, fields.u8()?, fields.u8()?];
        // How many blocks there are, and how long they are.
        fields.take(4 * usize::from(frame.length))?;
        let written = fields.length(frame)?;
        fields.length(frame)?;
        let top = fields.address(frame)?;
        let array =
            Extensible { header, top, entry, bits, in_top, least, pointers, page_bits, strides, written };
        array.levels()?;
        Ok(array)
    }

    /// How many super blocks there can be, and how many of them have no block of their own; fails
    /// where the numbers of the header make no sense.
    fn levels(&self) -> Result<(u32, u32)> {
        let sound = (1..=64).contains(&self.bits)
            && self.least.is_power_of_two()
            && self.pointers.is_power_of_two()
            && u32::from(self.bits) >= self.least.ilog2();
        if sound {
            let all = 1 + u32::from(self.bits) - self.least.ilog2();
            let inner = 2 * self.pointers.ilog2();
            // Data blocks whose addresses are in the index block have no pages.
            let largest = u64::from(self.least) << inner.div_ceil(2);
            if inner <= all && self.page().is_none_or(|page| largest <= page) {
                return Ok((all, inner));
            }
        }
        Err(damaged("an array of chunks that cannot be"))
    }

    /// Whether chunks are numbered in C order.
    #[cfg(test)]
    pub fn in_order(&self) -> bool {
        self.strides.is_sorted_by(|a, b| a >= b)
    }

    /// Entries of a page; `None` for more than can be counted.
    fn page(&self) -> Option<u64> {
        1u64.checked_shl(self.page_bits.into())
    }

    /// The way to entry `i` (counted without those in the index block).
    fn way(&self, i: u64) -> Way {
        let least = u64::from(self.least);
        let level = (i / least).saturating_add(1).ilog2();
        let inside = i - least * ((1 << level) - 1);
        let entries = least << level.div_ceil(2);
        Way { level, block: inside / entries, entries, entry: inside % entries }
    }

    /// Checks a block, and leaves what follows its prefix.
    fn check(&self, bytes: &[u8], name: &[u8; 4], frame: &Frame) -> Result<()> {
        check_sum(bytes)?;
        let mut fields = Fields::new(bytes);
        fields.signature(name)?;
        if fields.u8()? != u8::from(self.entry.filtered) {
            return Err(damaged("a block of other entries"));
        }
        fields.owner(frame, self.header)
    }

    /// How many entries there are.
    pub fn count(&self) -> u64 {
        self.written
    }

    pub fn find(
        &self,
        file: &dyn ReadAt,
        frame: &Frame,
        (coords, chunk_bytes): (&[u64], u64),
        memo: &mut Memo,
    ) -> Result<Option<Place>> {
        let i = linear(coords, &self.strides)?;
        // As for libhdf5, nothing is stored behind the last one that the header says was.
        if i >= self.written {
            return Ok(None);
        }
        Ok(self.entry(file, frame, (i, chunk_bytes), memo)?.0)
    }

    /// Entry `i`, and the next one that can be another: where none is there, a block may be left out.
    pub fn entry(
        &self,
        file: &dyn ReadAt,
        frame: &Frame,
        (i, chunk_bytes): (u64, u64),
        memo: &mut Memo,
    ) -> Result<(Option<Place>, u64)> {
        let Some(top) = self.top else { return Ok((None, self.written)) };
        let (all, inner) = self.levels()?;
        let wide = frame.wide();
        let width = u64::from(self.entry.width);
        let prefix = 6 + wide as u64;
        let in_top = u64::from(self.in_top);
        // Data blocks of the first super blocks, then the other super blocks.
        let blocks = 2 * (u64::from(self.pointers) - 1);
        let addresses = blocks + u64::from(all - inner);
        let len = block_bytes(prefix + in_top * width, addresses, wide as u64)?;
        let bytes =
            memo.block(Slot::Top, file, (frame.place(top)?, len), |b| self.check(b, b"EAIB", frame))?;
        if i < in_top {
            let place = self.entry.read(&bytes[(prefix + i * width) as usize..], frame, chunk_bytes)?;
            return Ok((place, i + 1));
        }
        let way = self.way(i - in_top);
        if way.level >= all {
            return Err(damaged(format!("chunk {i} of an index for fewer")));
        }
        let number = match way.level < inner {
            true => before(way.level) + way.block,
            false => blocks + u64::from(way.level - inner),
        };
        let start = (prefix + in_top * width) as usize + number as usize * wide;
        let address = Fields::new(bytes.get(start..).unwrap_or(&[])).address(frame)?;
        // The first entries after this data block, and after all data blocks of its super block.
        let after = i.saturating_add(way.entries - way.entry);
        let blocks_left = (1u64 << (way.level / 2)).saturating_sub(way.block + 1);
        let after_all = after.saturating_add(blocks_left.saturating_mul(way.entries));
        let Some(address) = address else {
            return Ok((None, if way.level < inner { after } else { after_all }));
        };
        // The prefix of blocks that also say where in the array they are.
        let prefix = prefix + u64::from(self.bits).div_ceil(8);
        let page = self.page().filter(|&page| page < way.entries);
        let data = if way.level < inner {
            address
        } else {
            let count = 1u64 << (way.level / 2);
            let pages = page.map_or(0, |page| way.entries / page);
            let bitmap = count.saturating_mul(pages.div_ceil(8));
            let start = bitmap.saturating_add(prefix).min(u64::MAX - 4);
            let len = block_bytes(start, count, wide as u64)?;
            let place = (frame.place(address)?, len);
            let bytes = memo.block(Slot::Middle, file, place, |b| self.check(b, b"EASB", frame))?;
            let at = start as usize + way.block as usize * wide;
            let address = Fields::new(bytes.get(at..).unwrap_or(&[])).address(frame)?;
            let Some(address) = address else { return Ok((None, after)) };
            if let Some(page) = page {
                // The bits of all blocks follow each other without gaps.
                let number = way.block * pages + way.entry / page;
                if !bit(&bytes[prefix as usize..start as usize], number) {
                    return Ok((None, i.saturating_add(page - way.entry % page)));
                }
            }
            address
        };
        let at = frame.place(data)?;
        let (bytes, offset) = match page {
            None => {
                let len = block_bytes(prefix, way.entries, width)?;
                let check = |b: &[u8]| self.check(b, b"EADB", frame);
                (memo.block(Slot::Elements, file, (at, len), check)?, prefix + way.entry * width)
            }
            Some(page) => {
                let len = block_bytes(0, page, width)?;
                // The block's prefix has a checksum of its own.
                let start = (way.entry / page)
                    .checked_mul(len)
                    .and_then(|n| n.checked_add(at)?.checked_add(prefix + 4));
                let start = start.ok_or_else(|| damaged("a page beyond the end of all files"))?;
                (memo.block(Slot::Elements, file, (start, len), check_sum)?, way.entry % page * width)
            }
        };
        let place = self.entry.read(bytes.get(offset as usize..).unwrap_or(&[]), frame, chunk_bytes)?;
        Ok((place, i + 1))
    }
}

/// Data blocks of all super blocks before this one, whose addresses are in the index block.
fn before(level: u32) -> u64 {
    let pairs = 2 * ((1u64 << (level / 2)) - 1);
    pairs + if level % 2 == 1 { 1 << (level / 2) } else { 0 }
}
