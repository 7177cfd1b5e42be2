//! The metadata of a file, read in pages of which a few are kept.
//!
//! Metadata is many small structures near each other. They are read through pages of 64 KiB, so that a file
//! of thousands of objects costs few reads, and memory that does not grow with it.
//!
//! Every look also counts against a bound that grows with the file: a file whose structures name each other
//! over and over (each look fine by itself) comes to an end.

use super::bytes::{ReadAt, beyond, damaged};
use crate::error::Result;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

const PAGE: u64 = 64 << 10;
/// Pages that are kept while a file is looked at: 16 MiB.
const KEPT: usize = 256;
/// What is longer is read past the pages.
const LONG: u64 = 4 * PAGE;

/// Bytes that may be looked at in every file, and times its length that may be besides.
const LOOKS: u64 = 256 << 20;
const TIMES: u64 = 32;
/// What a look counts at least, for the work that goes with it.
const LEAST: u64 = 256;

/// A file through pages.
pub(crate) struct Pages<'a> {
    file: &'a dyn ReadAt,
    kept: RefCell<HashMap<u64, Page>>,
    clock: Cell<u64>,
    left: Cell<u64>,
}

struct Page {
    bytes: Vec<u8>,
    used: u64,
}

impl<'a> Pages<'a> {
    pub fn new(file: &'a dyn ReadAt) -> Self {
        let left = file.len().saturating_mul(TIMES).saturating_add(LOOKS);
        Pages { file, kept: RefCell::default(), clock: Cell::new(0), left: Cell::new(left) }
    }

    /// Copies from one page.
    fn copy(&self, number: u64, from: usize, out: &mut [u8]) -> Result<()> {
        let mut kept = self.kept.borrow_mut();
        self.clock.set(self.clock.get() + 1);
        let used = self.clock.get();
        if let Some(page) = kept.get_mut(&number) {
            page.used = used;
            return copy(&page.bytes, from, out);
        }
        let mut bytes = match kept.len() < KEPT {
            true => Vec::new(),
            // The one that was not used for longest gives its memory.
            false => {
                let oldest = kept.iter().min_by_key(|(_, page)| page.used).map(|(&number, _)| number);
                oldest.and_then(|number| kept.remove(&number)).map(|page| page.bytes).unwrap_or_default()
            }
        };
        let start = number * PAGE;
        bytes.resize(PAGE.min(self.file.len().saturating_sub(start)) as usize, 0);
        self.file.read_at(start, &mut bytes)?;
        let copied = copy(&bytes, from, out);
        kept.insert(number, Page { bytes, used });
        copied
    }
}

fn copy(bytes: &[u8], from: usize, out: &mut [u8]) -> Result<()> {
    let from = bytes.get(from..).and_then(|rest| rest.get(..out.len()));
    out.copy_from_slice(from.ok_or_else(|| damaged("a structure ends early"))?);
    Ok(())
}

impl ReadAt for Pages<'_> {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let len = out.len() as u64;
        let left = self.left.get().checked_sub(len.max(LEAST));
        self.left
            .set(left.ok_or_else(|| damaged("the structures of the file refer to each other too often"))?);
        if at.checked_add(len).is_none_or(|end| end > self.len()) {
            return Err(beyond(at, len, self.len()));
        }
        if len > LONG {
            return self.file.read_at(at, out);
        }
        let (mut at, mut rest) = (at, out);
        while !rest.is_empty() {
            let from = at % PAGE;
            let n = (PAGE - from).min(rest.len() as u64);
            let (head, tail) = rest.split_at_mut(n as usize);
            self.copy(at / PAGE, from as usize, head)?;
            (at, rest) = (at + n, tail);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_from_the_right_places_in_few_reads() {
        struct Counted(Vec<u8>, Cell<u64>);
        impl ReadAt for Counted {
            fn len(&self) -> u64 {
                self.0.len() as u64
            }
            fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()> {
                self.1.set(self.1.get() + 1);
                (&self.0[..]).read_at(at, out)
            }
        }
        let pages = KEPT as u64 + 6;
        let all: Vec<u8> = (0..PAGE * pages + 100).map(|i| (i % 251) as u8).collect();
        let file = Counted(all.clone(), Cell::new(0));
        let through = Pages::new(&file);
        let same = |at: u64, len: usize| {
            let mut out = vec![0; len];
            through.read_at(at, &mut out).unwrap();
            assert_eq!(out, all[at as usize..][..len], "{at} + {len}");
        };
        for i in 0..1000 {
            same(i * 60, 100);
        }
        assert_eq!(file.1.get(), 1);
        same(PAGE - 1, 2);
        same(PAGE * pages - 10, 110);
        same(3, LONG as usize + 1);
        for i in 0..=pages {
            same(i * PAGE, 1);
        }
        assert_eq!(through.kept.borrow().len(), KEPT);
        let mut out = [0; 2];
        assert!(through.read_at(PAGE * pages + 99, &mut out).is_err());
        assert!(through.read_at(u64::MAX, &mut out).is_err());
    }

    #[test]
    fn looking_comes_to_an_end() {
        let bytes = vec![0u8; 1000];
        let file = &bytes[..];
        let pages = Pages::new(&file);
        let mut out = [0; 1000];
        let n = (0..).take_while(|_| pages.read_at(0, &mut out).is_ok()).count() as u64;
        assert_eq!(n, (LOOKS + 1000 * TIMES) / 1000);
    }
}
