//! Quantiles of all elements without holding them: their keys are counted by one digit after the other.
//!
//! A key is an element as an unsigned integer of the same order ([`Ordered`]). The first pass counts keys by their
//! highest digit, which tells for each wanted rank the digit that the element there has, and its rank among those
//! of this digit. Each later pass counts, of the keys that begin with one of these prefixes, the next digit; its
//! param is what the pass before has made. The last pass knows the elements themselves and makes the results.
//!
//! Passes over the data: one for dtypes of 8 and 16 bits, two for 32, four for 64; for more than 8 quantiles at once
//! later digits are shorter, so that the counters of a worker stay at about 8 MiB, and there are up to seven.

use super::block::squeezed;
use super::data::{
    FoldBytes, Given, Landing, Load, Made, Makes, Note, Notes, Param, Port, Ports, Role, internal,
};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::{Block, FoldRow, Scratch, SharedFold, TILE, Tile, row};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::ops::histogram::LogOf;
use crate::ops::quantiles::{Asked, Key, Ordered, PIECE};
use crate::ops::simd::Simd;
use crate::with_storage;
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// The row of [`Ranks`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "ranks",
    read: |data| {
        let Data { asked, pass, rank, has_mask } = row::parse(ROW.name, data)?;
        let rank = row::checked_rank(ROW.name, rank)?;
        if pass as usize >= digits(&asked).len() {
            return Err(Error::new(ErrorKind::Format, format!("a fold '{}' has no pass {pass}", ROW.name)));
        }
        let ranks = Ranks::new(asked, pass, rank);
        Ok(SharedFold::new(if has_mask { ranks.with_mask() } else { ranks }))
    },
};

/// Prefixes up to this number are each looked for by themselves; more are found in a table.
const FEW: usize = 4;
/// The upper bits of a key by which prefixes are found, and what a table of them takes.
const UPPER: u32 = 16;
const TABLE_BYTES: u64 = 4 << UPPER;

/// One pass of the search for quantiles of all elements.
#[derive(Clone, Debug)]
pub struct Ranks {
    asked: Asked,
    pass: u32,
    landing: Landing,
    has_mask: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    asked: Asked,
    pass: u32,
    rank: usize,
    #[serde(rename = "where")]
    has_mask: bool,
}

/// The bits of each digit, the highest first.
fn digits(asked: &Asked) -> SmallVec<[u32; 8]> {
    let bits = 8 * asked.dtype().size() as u32;
    let first = bits.min(16);
    let widest = match 2 * asked.results() {
        0..=16 => 16,
        17..=256 => 12,
        _ => 8,
    };
    let rest = bits - first;
    let later = rest.div_ceil(widest);
    std::iter::once(first).chain((0..later).map(|_| rest / later)).collect()
}

impl Ranks {
    /// Pass `pass` of [`Ranks::passes`] over a domain of `rank` axes.
    pub fn new(asked: Asked, pass: u32, rank: usize) -> Ranks {
        Ranks { asked, pass, landing: Landing::reduce(rank), has_mask: false }
    }

    /// The same of the elements where a mask, which is a port of its own, is true.
    pub fn with_mask(mut self) -> Ranks {
        self.has_mask = true;
        self
    }

    /// How many passes it takes. Each but the first has the one before as its param; the last makes the results.
    pub fn passes(asked: &Asked) -> u32 {
        digits(asked).len() as u32
    }

    /// How many elements are looked for: two for each result.
    fn wanted(&self) -> usize {
        2 * self.asked.results()
    }

    fn is_last(&self) -> bool {
        self.pass + 1 == Ranks::passes(&self.asked)
    }

    /// Bits of the digits before this pass', of its own, and after it.
    fn bits(&self) -> (u32, u32, u32) {
        let digits = digits(&self.asked);
        let before: u32 = digits[..self.pass as usize].iter().sum();
        let own = digits[self.pass as usize];
        (before, own, digits.iter().sum::<u32>() - before - own)
    }

    /// The most tables of counters that there can be.
    fn tables(&self) -> usize {
        if self.pass == 0 { 1 } else { self.wanted() }
    }

    /// What one pass tells the next: how many numbers and how many NaN there are, then for each wanted element its
    /// prefix, and its rank among those with it.
    fn told(&self) -> Dims {
        Dims::from_slice(&[2 + 2 * self.wanted() as u64])
    }
}

impl Fold for Ranks {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn operation(&self) -> &'static str {
        self.asked.name()
    }

    fn data(&self) -> serde_json::Value {
        let (asked, rank) = (self.asked.clone(), self.landing.rank());
        row::data(&Data { asked, pass: self.pass, rank, has_mask: self.has_mask })
    }

    fn ports(&self) -> Ports {
        let mask = self.has_mask.then_some(Port { role: Role::Mask, dtype: DType::Bool });
        let values = Port { role: Role::Values, dtype: self.asked.dtype() };
        std::iter::once(values).chain(mask).collect()
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        match self.pass {
            0 => SmallVec::new(),
            _ => smallvec![Param { name: "with the digits of", dtype: DType::U64, shape: self.told() }],
        }
    }

    fn landing(&self) -> &Landing {
        &self.landing
    }

    fn makes(&self, _: &[u64]) -> Makes {
        match self.is_last() {
            true => Makes { shape: self.asked.shape(), dtype: self.asked.out_dtype(), histogram: false },
            false => Makes { shape: self.told(), dtype: DType::U64, histogram: false },
        }
    }

    fn bytes(&self, _: &[u64]) -> FoldBytes {
        let counters = (self.tables() as u64).saturating_mul(8 << self.bits().1);
        let table = if self.tables() > FEW { TABLE_BYTES } else { 0 };
        FoldBytes { state: counters.saturating_add(table), scratch: ("ranks", Columns::BYTES) }
    }

    fn load(&self) -> Load {
        Load::Binned
    }

    fn detail(&self) -> String {
        format!("{}, pass {} of {}", self.asked.detail(), self.pass + 1, Ranks::passes(&self.asked))
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        let found = match params {
            Some(params) => {
                expect_params(self, params)?;
                self.found(params.first())?
            }
            // As many tables as there can be.
            None if self.pass > 0 => {
                Found { prefixes: (0..self.tables() as u64).collect(), ..Found::first() }
            }
            None => Found::first(),
        };
        Ok(Arc::new(RanksReady { fold: self.clone(), found: Arc::new(found) }))
    }
}

/// What is known before a pass.
#[derive(Debug, PartialEq)]
struct Found {
    /// Numbers and NaN, after the first pass.
    numbers: u64,
    nans: u64,
    /// The digits that the wanted elements begin with: each once, ascending. In the first pass the empty one.
    prefixes: Vec<u64>,
    /// For each wanted element the prefix that it has, and its rank among those with it.
    wanted: Vec<(usize, u64)>,
}

impl Found {
    fn first() -> Found {
        Found { numbers: 0, nans: 0, prefixes: vec![0], wanted: Vec::new() }
    }
}

impl Ranks {
    /// What the pass before has found.
    ///
    /// # Errors
    /// `Internal` if it cannot have found that.
    fn found(&self, told: Option<&Given>) -> Result<Found> {
        let Some(told) = told else { return Ok(Found::first()) };
        let at = |i: usize| -> Result<u64> {
            let value = told.scalar(i)?.to_i128().and_then(|v| u64::try_from(v).ok());
            value.ok_or_else(|| internal("digits of another dtype than uint64"))
        };
        let (numbers, nans) = (at(0)?, at(1)?);
        if !self.asked.looks(numbers, nans) {
            return Ok(Found { numbers, nans, prefixes: Vec::new(), wanted: Vec::new() });
        }
        let pairs: Vec<(u64, u64)> =
            (0..self.wanted()).map(|i| Ok((at(2 + 2 * i)?, at(3 + 2 * i)?))).collect::<Result<_>>()?;
        let mut prefixes: Vec<u64> = pairs.iter().map(|p| p.0).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        if prefixes.last().is_some_and(|p| p >> self.bits().0 != 0) {
            return Err(internal("digits that are longer than those before"));
        }
        let place = |prefix| prefixes.partition_point(|&p| p < prefix);
        let wanted = pairs.into_iter().map(|(prefix, rank)| (place(prefix), rank)).collect();
        Ok(Found { numbers, nans, prefixes, wanted })
    }
}

/// A pass that knows what the one before has found.
#[derive(Clone, Debug)]
struct RanksReady {
    fold: Ranks,
    found: Arc<Found>,
}

impl RanksReady {
    fn empty(&self) -> Result<Counted> {
        let len = self.found.prefixes.len() << self.fold.bits().1;
        let mut counts = Vec::new();
        counts
            .try_reserve_exact(len)
            .map_err(|_| Error::new(ErrorKind::Budget, format!("no memory for {len} counters")))?;
        counts.resize(len, 0);
        Ok(Counted { ready: self.clone(), counts })
    }
}

impl Ready for RanksReady {
    fn state(&self, _: &[u64]) -> Result<Box<dyn State>> {
        Ok(Box::new(self.empty()?))
    }

    fn read(&self, _: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let name = self.fold.operation();
        let mut state = self.empty()?;
        let (many, mut rest) = postcard::take_from_bytes::<u64>(bytes).map_err(|e| damaged(name, e))?;
        let mut next = 0u64;
        for _ in 0..many {
            let ((gap, count), left) =
                postcard::take_from_bytes::<(u64, u64)>(rest).map_err(|e| damaged(name, e))?;
            let at = next.checked_add(gap).and_then(|at| usize::try_from(at).ok());
            let counter = at.and_then(|at| state.counts.get_mut(at));
            *counter.ok_or_else(|| damaged(name, "it counts what is not looked for"))? = count;
            (next, rest) = (next.saturating_add(gap).saturating_add(1), left);
        }
        match rest.is_empty() {
            true => Ok(Box::new(state)),
            false => Err(damaged(name, "there are bytes behind it")),
        }
    }

    fn update(&self, simd: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        let (before, own, after) = self.fold.bits();
        let few = self.found.prefixes.len() <= FEW;
        let mut first = Vec::new();
        if self.fold.pass > 0 && !few {
            // Where prefixes with these upper bits begin; each table's next entry is where they end.
            let upper = |p: &u64| p >> (before - UPPER.min(before));
            let starts = |u: u64| self.found.prefixes.partition_point(|p| upper(p) < u) as u32;
            first = vec![0; (1 << UPPER) + 1];
            first.iter_mut().enumerate().for_each(|(u, at)| *at = starts(u as u64));
        }
        let Ranks { ref asked, pass, has_mask, .. } = self.fold;
        Box::new(Count { dtype: asked.dtype(), pass, own, after, first, has_mask, simd })
    }
}

/// How often each digit came, per prefix.
struct Counted {
    ready: RanksReady,
    counts: Vec<u64>,
}

impl State for Counted {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        let other: &Counted = state_ref(other)?;
        let (ours, theirs) = (&self.ready, &other.ready);
        if ours.found != theirs.found || ours.fold.data() != theirs.fold.data() {
            return Err(internal("a partial does not belong to its output"));
        }
        // Damaged partials may count more than there can be.
        self.counts.iter_mut().zip(&other.counts).for_each(|(c, n)| *c = c.saturating_add(*n));
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(Made, Notes)> {
        let RanksReady { fold, found } = &self.ready;
        let (_, own, _) = fold.bits();
        let size = 1usize << own;
        // From how often to how many up to here.
        for table in self.counts.chunks_exact_mut(size) {
            let mut sum = 0u64;
            for count in table {
                sum = sum.saturating_add(*count);
                *count = sum;
            }
        }
        let (numbers, nans, wanted) = match fold.pass {
            0 => {
                // The last upper digit of a float is that of NaN alone.
                let all = self.counts[size - 1];
                let numbers = if fold.asked.dtype().is_float() { self.counts[size - 2] } else { all };
                let ranks = if numbers > 0 { fold.asked.ranks(numbers) } else { SmallVec::new() };
                (numbers, all - numbers, ranks.into_iter().map(|rank| (0, rank)).collect())
            }
            _ => (found.numbers, found.nans, found.wanted.clone()),
        };
        let mut keys = vec![(0, 0); fold.wanted()];
        if fold.asked.looks(numbers, nans) {
            for (key, (place, rank)) in keys.iter_mut().zip(wanted) {
                let table = &self.counts[place * size..(place + 1) * size];
                let digit = table.partition_point(|&up_to| up_to <= rank);
                if digit == size {
                    return Err(internal("fewer elements came than are wanted"));
                }
                let before = digit.checked_sub(1).map_or(0, |d| table[d]);
                *key = (found.prefixes[place] << own | digit as u64, rank - before);
            }
        }
        let makes = fold.makes(&[]);
        let mut out = Buffer::zeroed(makes.shape.iter().product::<u64>() as usize * makes.dtype.size());
        if !fold.is_last() {
            let told =
                [numbers, nans].into_iter().chain(keys.into_iter().flat_map(|(key, rank)| [key, rank]));
            out.chunks_exact_mut(8).zip(told).for_each(|(to, v)| to.copy_from_slice(&v.to_ne_bytes()));
            return Ok((Made::Elements(out), Notes::new()));
        }
        let keys: Vec<u64> = keys.into_iter().map(|(key, _)| key).collect();
        let notes = fold.asked.make(numbers, nans, &keys, &mut out)?;
        Ok((Made::Elements(out), notes.texts().map(|text| Note { text, count: 0 }).collect()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        let failed = |e| Error::new(ErrorKind::Internal, "a partial result cannot be written").caused_by(e);
        let there = || self.counts.iter().enumerate().filter(|(_, c)| **c > 0);
        let mut out = postcard::to_stdvec(&(there().count() as u64)).map_err(failed)?;
        let mut next = 0;
        for (at, &count) in there() {
            out = postcard::to_extend(&((at - next) as u64, count), out).map_err(failed)?;
            next = at + 1;
        }
        Ok(out)
    }
}

/// Memory for the keys of a tile, and for how many of each piece are looked for.
struct Columns {
    /// Elements where the mask is true.
    there: Buffer,
    keys: Buffer,
    upper: Vec<u16>,
    hits: Vec<u8>,
}

impl Columns {
    const BYTES: u64 = (TILE * (8 + 8 + 2) + TILE / PIECE) as u64;
}

impl Default for Columns {
    fn default() -> Columns {
        let [there, keys] = [0; 2].map(|_| Buffer::zeroed(8 * TILE));
        Columns { there, keys, upper: vec![0; TILE], hits: vec![0; TILE.div_ceil(PIECE)] }
    }
}

/// Counts the digits of tiles.
struct Count {
    dtype: DType,
    pass: u32,
    /// Bits of the digit, and of those after it.
    own: u32,
    after: u32,
    /// By the upper bits of a key, where prefixes with these begin; empty where there are few prefixes.
    first: Vec<u32>,
    has_mask: bool,
    simd: Simd,
}

impl Count {
    fn first_pass<T: Ordered>(&self, values: &[T], counts: &mut [u64], columns: &mut Columns) {
        let upper = &mut columns.upper[..values.len()];
        T::upper(self.simd, values, upper);
        match <&mut [u64; 1 << UPPER]>::try_from(&mut *counts) {
            // Of known length, so that no index is checked.
            Ok(counts) => upper.iter().for_each(|&u| counts[usize::from(u)] += 1),
            Err(_) => upper.iter().for_each(|&u| counts[usize::from(u)] += 1),
        }
    }

    fn later_pass<T: Ordered>(
        &self,
        values: &[T],
        prefixes: &[u64],
        counts: &mut [u64],
        columns: &mut Columns,
    ) {
        let Columns { keys, hits, .. } = columns;
        let keys: &mut [T::Key] = &mut bytemuck::cast_slice_mut(keys)[..values.len()];
        T::keys(self.simd, values, keys);
        let shift = self.own + self.after;
        let mask = (1u64 << self.own) - 1;
        let digit = |key: T::Key| ((key.wide() >> self.after) & mask) as usize;
        if self.first.is_empty() {
            for (&prefix, counts) in prefixes.iter().zip(counts.chunks_exact_mut(1 << self.own)) {
                T::Key::hits(self.simd, keys, shift, T::Key::narrow(prefix), hits);
                for (piece, &hits) in keys.chunks(PIECE).zip(&*hits) {
                    if usize::from(hits) == piece.len() {
                        piece.iter().for_each(|&key| counts[digit(key)] += 1);
                    } else if hits > 0 {
                        // Those that are looked for come together first, without a branch for each.
                        let (mut found, mut n) = ([0u64; PIECE], 0);
                        for &key in piece {
                            found[n % PIECE] = key.wide();
                            n += usize::from(key.wide() >> shift == prefix);
                        }
                        found[..n].iter().for_each(|key| counts[(key >> self.after & mask) as usize] += 1);
                    }
                }
            }
            return;
        }
        for &key in &*keys {
            let upper = (key.wide() >> (T::Key::BITS - UPPER)) as usize;
            let (begin, end) = (self.first[upper] as usize, self.first[upper + 1] as usize);
            if begin == end {
                continue;
            }
            if let Ok(at) = prefixes[begin..end].binary_search(&(key.wide() >> shift)) {
                counts[((begin + at) << self.own) + digit(key)] += 1;
            }
        }
    }
}

impl Update for Count {
    fn begin(&mut self, _: &Block, state: &mut dyn State) -> Result<()> {
        state_as::<Counted>(state).map(drop)
    }

    fn tile(&mut self, state: &mut dyn State, tile: &Tile, scratch: &mut Scratch) -> Result<()> {
        let Counted { ready, counts } = state_as(state)?;
        let columns = scratch.of::<Columns>();
        let prefixes = &ready.found.prefixes;
        if prefixes.is_empty() {
            return Ok(());
        }
        with_storage!(self.dtype, T => {
            let mask = if self.has_mask { Some(tile.columns[1]) } else { None };
            for (k, values) in bytemuck::cast_slice::<u8, T>(tile.columns[0]).chunks(TILE).enumerate() {
                let mut there = std::mem::take(&mut columns.there);
                let values = match mask {
                    None => values,
                    Some(mask) => {
                        let own = &mut bytemuck::cast_slice_mut(&mut there)[..values.len()];
                        own.copy_from_slice(values);
                        squeezed(own, &mask[k * TILE..])
                    }
                };
                match self.pass {
                    0 => self.first_pass(values, counts, columns),
                    _ => self.later_pass(values, prefixes, counts, columns),
                }
                columns.there = there;
            }
        });
        Ok(())
    }
}
