//! Fractal heaps: where links, attributes and shared messages lie when there are many.
//!
//! An object's identifier says whether it is in the identifier itself (tiny), in a block of the heap
//! (managed), or in a place of its own (huge). Blocks are the leaves of a table of rows; from the second row
//! on, the blocks of a row are twice as long as those of the row before it. Rows of blocks that are longer
//! than the heap allows are indirect blocks, which are such tables again.

use super::bytes::{BLOCK_LIMIT, Fields, NODE_LIMIT, check_sum, damaged, unsupported};
use super::checksum::lookup3;
use super::container::Container;
use super::tree_v2::{self, TreeV2};
use crate::error::{Context, Result};
use std::cell::RefCell;

/// Indirect blocks inside of each other.
const LEVELS: usize = 64;

/// A heap.
pub(super) struct Heap {
    address: u64,
    /// Bytes of an identifier.
    id: usize,
    checksums: bool,
    /// The tree of huge objects.
    huge: Option<u64>,
    /// Blocks in a row.
    width: u64,
    /// Bytes of the blocks of the first two rows, and of the longest direct block.
    start: u64,
    longest: u64,
    /// Bits of an offset in the heap.
    bits: u16,
    /// Bytes of a length in an identifier.
    len_width: usize,
    root: Option<u64>,
    /// Rows of the root; 0 where it is a direct block.
    rows: u16,
    /// The direct block that was read last, by its address.
    last: RefCell<(u64, Vec<u8>)>,
}

impl Heap {
    pub fn open(container: &Container, address: u64) -> Result<Heap> {
        Heap::read(container, address).at("structure", place(container, address))
    }

    fn read(container: &Container, address: u64) -> Result<Heap> {
        let frame = container.frame();
        let (o, l) = (frame.wide(), usize::from(frame.length));
        let len = 4 + 1 + 2 + 2 + 1 + 4 + 12 * l + 3 * o + 2 + 2 + 2 + 2 + 4;
        let bytes = container.bytes(address, len as u64)?;
        let mut fields = Fields::new(&bytes);
        fields.signature(b"FRHP")?;
        let id = usize::from(fields.u16()?);
        if fields.u16()? != 0 {
            return Err(unsupported("heaps with filters"));
        }
        check_sum(&bytes)?;
        let flags = fields.u8()?;
        let most = u64::from(fields.u32()?);
        fields.take(l)?;
        let huge = fields.address(frame)?;
        fields.take(l + o + 4 * l + 4 * l)?;
        let width = u64::from(fields.u16()?);
        let (start, longest) = (fields.length(frame)?, fields.length(frame)?);
        let bits = fields.u16()?;
        fields.take(2)?;
        let root = fields.address(frame)?;
        let rows = fields.u16()?;
        let sound = start.is_power_of_two()
            && longest.is_power_of_two()
            && width.is_power_of_two()
            && start <= longest
            && (1..=64).contains(&bits)
            && id > 1;
        if !sound || u64::from(rows) > 64 {
            return Err(damaged("a heap that cannot be"));
        }
        if longest > BLOCK_LIMIT {
            return Err(unsupported(format_args!("heaps with blocks of {longest} bytes")));
        }
        let enough = |n: u64| n.checked_ilog2().unwrap_or(0) as usize / 8 + 1;
        let len_width = (longest.ilog2() as usize).div_ceil(8).min(enough(most));
        Ok(Heap {
            address,
            id,
            checksums: flags & 2 != 0,
            huge,
            width,
            start,
            longest,
            bits,
            len_width,
            root,
            rows,
            last: RefCell::default(),
        })
    }

    /// The object with this identifier.
    pub fn object(&self, container: &Container, id: &[u8]) -> Result<Vec<u8>> {
        self.find(container, id).at("structure", place(container, self.address))
    }

    fn find(&self, container: &Container, id: &[u8]) -> Result<Vec<u8>> {
        let mut fields = Fields::new(id);
        let first = fields.u8()?;
        if first >> 6 != 0 {
            return Err(unsupported(format_args!("version {} of heap identifiers", first >> 6)));
        }
        match first >> 4 & 3 {
            0 => {
                let offset = fields.number(usize::from(self.bits).div_ceil(8))?;
                let len = fields.number(self.len_width)?;
                self.managed(container, offset, len)
            }
            1 => self.huge(container, fields),
            2 => {
                let short = usize::from(first & 0xf);
                // Longer identifiers have a second byte of length.
                let len = match self.id - 1 > 17 {
                    false => short + 1,
                    true => (short << 8 | usize::from(fields.u8()?)) + 1,
                };
                Ok(fields.take(len)?.to_vec())
            }
            n => Err(damaged(format!("a heap identifier of the type {n}"))),
        }
    }

    fn huge(&self, container: &Container, mut fields: Fields) -> Result<Vec<u8>> {
        let frame = container.frame();
        let (o, l) = (frame.wide(), usize::from(frame.length));
        let (address, len) = if self.id > o + l {
            (fields.address(frame)?, fields.length(frame)?)
        } else {
            let wanted = fields.number((self.id - 1).min(8))?;
            let tree = self.huge.ok_or_else(|| damaged("a heap without a tree of its huge objects"))?;
            let tree = TreeV2::open(container.file, frame, tree)?;
            if tree.kind != 1 {
                return Err(damaged(format!("a tree of records of type {}", tree.kind)));
            }
            let key = |record: &[u8]| Fields::new(record.get(o + l..).unwrap_or(&[])).number(l);
            let (mut found, order) = (None, |record: &[u8]| Ok(key(record)?.cmp(&wanted)));
            tree_v2::visit(container.file, frame, &tree, &order, &mut |record| {
                let mut fields = Fields::new(record);
                found = Some((fields.address(frame)?, fields.length(frame)?));
                Ok(true)
            })?;
            found.ok_or_else(|| damaged(format!("a heap does not have its huge object {wanted}")))?
        };
        let address = address.ok_or_else(|| damaged("a huge object of a heap without a place"))?;
        if len > BLOCK_LIMIT {
            return Err(unsupported(format_args!("objects of {len} bytes in heaps")));
        }
        container.bytes(address, len)
    }

    fn managed(&self, container: &Container, offset: u64, len: u64) -> Result<Vec<u8>> {
        let beyond = || damaged(format!("a heap does not have bytes {offset} + {len}"));
        let root = self.root.ok_or_else(beyond)?;
        let (address, size, inside) = match self.rows {
            0 => (root, self.start, offset),
            rows => self.descend(container, root, rows, offset)?.ok_or_else(beyond)?,
        };
        if inside.checked_add(len).is_none_or(|end| end > size) {
            return Err(beyond());
        }
        let mut last = self.last.borrow_mut();
        if last.0 != address || last.1.len() as u64 != size {
            let bytes = self.direct(container, address, size);
            *last = (
                address,
                bytes.at("structure", format_args!("block of a heap at byte {}", container.at(address)))?,
            );
        }
        Ok(last.1.get(inside as usize..(inside + len) as usize).ok_or_else(beyond)?.to_vec())
    }

    /// Reads a direct block.
    fn direct(&self, container: &Container, address: u64, size: u64) -> Result<Vec<u8>> {
        let frame = container.frame();
        let mut bytes = container.bytes(address, size)?;
        let mut fields = Fields::new(&bytes);
        fields.signature(b"FHDB")?;
        fields.owner(frame, self.address)?;
        fields.take(usize::from(self.bits).div_ceil(8))?;
        if self.checksums {
            // The sum was made with zeros in its place.
            let at = bytes.len() - fields.left();
            let sum = fields.u32()?;
            bytes.get_mut(at..at + 4).ok_or_else(|| damaged("a structure ends early"))?.fill(0);
            if lookup3(&bytes) != sum {
                return Err(damaged("a checksum of the file's structures is wrong"));
            }
        }
        Ok(bytes)
    }

    /// The direct block with this offset: its address, its length, and the offset in it.
    fn descend(
        &self,
        container: &Container,
        root: u64,
        rows: u16,
        mut offset: u64,
    ) -> Result<Option<(u64, u64, u64)>> {
        let frame = container.frame();
        let direct_rows = u64::from(self.longest.ilog2() - self.start.ilog2()) + 2;
        let (mut address, mut rows) = (root, u64::from(rows));
        for _ in 0..LEVELS {
            // Which row, where it starts, and how long its blocks are.
            let first = self.width.saturating_mul(self.start);
            let row = (offset / first).checked_ilog2().map_or(0, |n| u64::from(n) + 1);
            let size =
                self.start.checked_shl(row.saturating_sub(1) as u32).filter(|&size| size >= self.start);
            let size = size.ok_or_else(|| damaged("a heap beyond all numbers"))?;
            let before = if row == 0 { 0 } else { self.width.saturating_mul(size) };
            if row >= rows {
                return Ok(None);
            }
            let column = (offset - before.min(offset)) / size;
            offset = (offset - before.min(offset)) % size;
            let entries = rows * self.width;
            let prefix = 5 + frame.wide() + usize::from(self.bits).div_ceil(8);
            let len = (prefix as u64).saturating_add(entries.saturating_mul(frame.wide() as u64)) + 4;
            if len > NODE_LIMIT {
                return Err(unsupported(format_args!("heaps with blocks of {entries} addresses")));
            }
            let bytes = container.bytes(address, len)?;
            let mut fields = Fields::new(&bytes);
            fields.signature(b"FHIB")?;
            check_sum(&bytes)?;
            fields.owner(frame, self.address)?;
            let at = prefix as u64 + (row * self.width + column) * frame.wide() as u64;
            let child = Fields::new(bytes.get(at as usize..).unwrap_or(&[])).address(frame)?;
            let Some(child) = child else { return Ok(None) };
            if row < direct_rows {
                return Ok(Some((child, size, offset)));
            }
            address = child;
            rows = u64::from(size.ilog2().saturating_sub(first.checked_ilog2().unwrap_or(0))) + 1;
        }
        Err(damaged("a heap of too many levels"))
    }
}

fn place(container: &Container, address: u64) -> String {
    format!("heap at byte {}", container.at(address))
}
