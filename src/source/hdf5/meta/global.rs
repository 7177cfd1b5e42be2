//! The global heap: where elements of variable length lie, and the mappings of virtual datasets.

use super::bytes::{BLOCK_LIMIT, Fields, damaged, fetch, unsupported};
use super::container::Container;
use crate::error::{Context, Result};
use std::collections::HashMap;

/// Collections whose objects are kept.
const KEPT: usize = 16;
/// The most objects of a collection: their numbers have 16 bits.
const OBJECTS: usize = 1 << 16;

/// What has been read of the global heap: where the objects of some collections are.
#[derive(Default)]
pub(super) struct Global {
    collections: HashMap<u64, HashMap<u16, (u64, u64)>>,
}

impl Global {
    /// The bytes of a stored element of variable length, `count` times `size`, or their beginning: at most
    /// `most` of them.
    pub fn element(&mut self, container: &Container, stored: &[u8], size: u64, most: u64) -> Result<Vec<u8>> {
        let mut fields = Fields::new(stored);
        let count = u64::from(fields.u32()?);
        let address = fields.address(container.frame())?;
        let number = fields.u32()?;
        let (Some(address), true) = (address.filter(|&a| a != 0), count > 0) else { return Ok(Vec::new()) };
        let wanted = |len: u64| {
            let wanted = count.checked_mul(size).filter(|&n| n <= len);
            let wanted = wanted.ok_or_else(|| {
                damaged(format!("its object {number} has {len} bytes, not {count} of {size}"))
            })?;
            Ok(wanted.min(most))
        };
        self.part(container, address, number, BLOCK_LIMIT, wanted)
    }

    /// The bytes of an object, of which there may be at most `limit`.
    pub fn object(
        &mut self,
        container: &Container,
        address: u64,
        number: u32,
        limit: u64,
    ) -> Result<Vec<u8>> {
        self.part(container, address, number, limit, Ok)
    }

    /// As many bytes of an object as `wanted` says, which is told how many it has.
    fn part(
        &mut self,
        container: &Container,
        address: u64,
        number: u32,
        limit: u64,
        wanted: impl Fn(u64) -> Result<u64>,
    ) -> Result<Vec<u8>> {
        let place = || format!("global heap at byte {}", container.at(address));
        if !self.collections.contains_key(&address) {
            if self.collections.len() == KEPT {
                self.collections.clear();
            }
            let objects = objects(container, address).at("structure", place())?;
            self.collections.insert(address, objects);
        }
        let found = self.collections.get(&address).and_then(|c| c.get(&u16::try_from(number).ok()?));
        let get = || -> Result<Vec<u8>> {
            let &(at, len) = found.ok_or_else(|| damaged(format!("there is no object {number} in it")))?;
            let wanted = wanted(len)?;
            if wanted > limit {
                return Err(unsupported(format_args!("objects of {wanted} bytes in the global heap")));
            }
            let mut out = Vec::new();
            fetch(container.file, at, wanted, &mut out, &mut 0)?;
            Ok(out)
        };
        get().at("structure", place())
    }
}

/// Where the objects of a collection are: positions and lengths by their numbers.
fn objects(container: &Container, address: u64) -> Result<HashMap<u16, (u64, u64)>> {
    let l = usize::from(container.frame().length);
    // What stands before the objects, and before each of them, is as long as a multiple of 8.
    let prefix = (8 + l as u64).next_multiple_of(8);
    let bytes = container.bytes(address, prefix)?;
    let mut fields = Fields::new(&bytes);
    if fields.take(4)? != b"GCOL" {
        return Err(damaged("there is no collection of objects where it should be"));
    }
    let version = fields.u8()?;
    if version != 1 {
        return Err(unsupported(format_args!("version {version} of the global heap")));
    }
    fields.take(3)?;
    let size = fields.number(l)?;
    let start = container.frame().place(address)?;
    let end = start.checked_add(size).filter(|&end| end <= container.file.len());
    let end = end.ok_or_else(|| super::bytes::beyond(start, size, container.file.len()))?;
    let (mut out, mut at) = (HashMap::new(), start + prefix);
    let (each, mut head) = (prefix, Vec::new());
    while at < end && end - at >= each {
        fetch(container.file, at, each, &mut head, &mut 0)?;
        let mut fields = Fields::new(&head);
        let number = fields.u16()?;
        fields.take(6)?;
        let len = fields.number(l)?;
        at += each;
        // Free space is the last, and number 0.
        if number == 0 {
            break;
        }
        if len > end - at {
            return Err(damaged(format!("its object {number} goes beyond its end")));
        }
        out.insert(number, (at, len));
        if out.len() > OBJECTS {
            break;
        }
        at = at.saturating_add(len.next_multiple_of(8));
    }
    Ok(out)
}
