//! Strings as numbers: a pass of its own.

use super::Session;
use crate::array::{Array, Index, Part, Texts};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::members::Members;
use crate::size::human_bytes;
use crate::source::hdf5::{StringKind, texts};
use crate::source::memory::MemorySource;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of strings that a run brings, unless one row of chunks has more.
const PIECE: u64 = 8 << 20;
/// Bytes that a distinct text takes beside its own, while texts are gathered and in the result.
const PER_TEXT: u64 = 96;

impl Session {
    /// Strings as numbers: the position of each in the ascending order of the distinct ones, as
    /// `pandas.factorize(x, sort=True)`, whose order is that of the bytes. The distinct texts are the names of these
    /// values ([`Array::members`]). The dtype is the least of uint8, uint16 and uint32 that has room for them, the shape that
    /// of the strings.
    ///
    /// Reads the strings at once; the numbers stay in memory, and the strings do not.
    ///
    /// ```no_run
    /// use chunkwise::{Array, OpenOptions, Over, Reduction, Session, Texts};
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let host = session.factorize(&Texts::open("log.h5", "/events/host", OpenOptions::new())?)?;
    /// let energy = Array::open("log.h5", "/events/energy")?;
    /// let per_host = energy.groupby_reduce(&host, &session.labels(&host)?, Reduction::Mean, Over::all());
    /// # let _ = per_host;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Budget` if the numbers and the distinct texts do not fit in half of the budget; `Unsupported` for more than 2²⁶
    /// strings of variable length in a file; those of reading.
    pub fn factorize(&self, texts: &Texts) -> Result<Array> {
        let parts = texts.parts()?;
        let mut found = Found::new(self.memory() / 2);
        let (path, options) = texts.dataset();
        let mut shapes = Vec::new();
        for part in &parts {
            shapes.push(match part.form.kind {
                StringKind::Variable => {
                    let most = found.most;
                    texts::each(&part.path, path, options, most, |_, _, text| found.add(text))?
                }
                _ => self.gather(part, &mut found)?,
            });
        }
        let (ranks, names) = found.ranks();
        let dtype = match names.len() {
            n if n <= 1 << 8 => DType::U8,
            n if n <= 1 << 16 => DType::U16,
            _ => DType::U32,
        };
        let mut numbers = found.numbers.into_iter();
        let coded = shapes.iter().map(|shape| {
            let count = shape.iter().product::<u64>() as usize;
            let size = dtype.size();
            let mut bytes = Buffer::zeroed(count * size);
            for (place, number) in bytes.chunks_exact_mut(size).zip(numbers.by_ref()) {
                let rank = ranks[number as usize];
                match dtype {
                    DType::U8 => place.copy_from_slice(&(rank as u8).to_ne_bytes()),
                    DType::U16 => place.copy_from_slice(&(rank as u16).to_ne_bytes()),
                    _ => place.copy_from_slice(&rank.to_ne_bytes()),
                }
            }
            texts.alone(Array::new(MemorySource::held(dtype, shape, Arc::new(bytes))))
        });
        let joined = texts.joined(&coded.collect::<Vec<_>>());
        joined.check()?;
        Ok(joined.with_members(Members::of_texts(names)))
    }

    /// Takes the strings of a part, whose bytes are in the file one after the other. Gives their shape.
    fn gather(&self, part: &Part, found: &mut Found) -> Result<Vec<u64>> {
        let bytes = part.bytes();
        let (shape, all) = (bytes.shape()?.to_vec(), bytes.shape()?.iter().product::<u64>());
        let Some((&each, strings)) = shape.split_last() else {
            return Err(Error::new(ErrorKind::Internal, "strings without bytes"));
        };
        let mut take = |array: &Array| -> Result<()> {
            let value = self.compute(array)?;
            value
                .bytes()
                .chunks_exact(each.max(1) as usize)
                .try_for_each(|text| found.add(part.form.text(text)))
        };
        match strings {
            // Strings without bytes are empty.
            _ if each == 0 => (0..strings.iter().product::<u64>()).try_for_each(|_| found.add(&[]))?,
            _ if all == 0 => {}
            [] => take(&bytes)?,
            &[rows, ..] => {
                let high = part.source.chunks().map_or(1, |chunks| chunks.shape()[0]).max(1);
                let step = (PIECE.min(self.memory() / 8) / (all / rows).max(1) / high * high).max(high);
                for start in (0..rows).step_by(step as usize) {
                    let end = start.saturating_add(step).min(rows);
                    take(&bytes.index([Index::from(start as i64..end as i64)]))?;
                }
            }
        }
        Ok(strings.to_vec())
    }
}

/// Texts in the order in which they were met.
struct Found {
    places: HashMap<Vec<u8>, u32, RandomState>,
    /// Of each string the place of its text.
    numbers: Vec<u32>,
    bytes: u64,
    most: u64,
}

impl Found {
    fn new(most: u64) -> Found {
        Found { places: HashMap::default(), numbers: Vec::new(), bytes: 0, most }
    }

    fn add(&mut self, text: &[u8]) -> Result<()> {
        let place = match self.places.get(text) {
            Some(&place) => place,
            None => {
                let place = self.places.len() as u32;
                self.bytes += PER_TEXT + 2 * text.len() as u64;
                self.places.insert(text.to_vec(), place);
                place
            }
        };
        // Numbers grow by doubling.
        let numbers = 8 * (self.numbers.len() as u64 + 1);
        if self.bytes + numbers > self.most || self.places.len() > u32::MAX as usize {
            let message = format!(
                "{} strings, {} of them distinct, do not fit in {}, half of the budget",
                self.numbers.len() + 1,
                self.places.len(),
                human_bytes(self.most)
            );
            return Err(Error::new(ErrorKind::Budget, message)
                .hint("compare them with those that you expect, or raise the budget (--memory)"));
        }
        self.numbers.push(place);
        Ok(())
    }

    /// Of each text its place in ascending order, and the texts in that order.
    fn ranks(&mut self) -> (Vec<u32>, Vec<String>) {
        let mut sorted: Vec<(Vec<u8>, u32)> = std::mem::take(&mut self.places).into_iter().collect();
        sorted.sort_unstable();
        let mut ranks = vec![0; sorted.len()];
        for (rank, (_, place)) in (0..).zip(&sorted) {
            ranks[*place as usize] = rank;
        }
        let text = |(bytes, _): (Vec<u8>, u32)| String::from_utf8_lossy(&bytes).into_owned();
        (ranks, sorted.into_iter().map(text).collect())
    }
}
