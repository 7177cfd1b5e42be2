//! Quantiles of weighted elements, and of groups: the elements of each output are gathered with their weights and the
//! numbers of their groups, sorted, and gone through.
//!
//! An element is a record of words, which compare as the elements do: its group (where there are groups), its key
//! ([`Ordered`]), its weight (where there are weights). What the sort makes of them depends on no order in which they
//! came.
//!
//! Limits: all elements of an output are held at once, 8 bytes for each word. [`Select`](super::Select) and
//! [`Ranks`](super::Ranks) take less where there are neither groups nor weights.

use super::data::{
    FoldBytes, Given, LEFT_OUT, Landing, Load, Made, Makes, Note, Notes, Port, Ports, Role, internal,
};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::{Block, FoldRow, Runs, Scratch, SharedFold, TILE, Tile, row};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::ops::histogram::LogOf;
use crate::ops::labels::Labels;
use crate::ops::quantiles::{Asked, Key, Ordered, weighted_ranks};
use crate::ops::reduce::{self, Along};
use crate::ops::simd::Simd;
use crate::with_storage;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// The row of [`Sorted`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "sorted",
    read: |data| Ok(SharedFold::new(Sorted::checked(row::parse::<Data>(ROW.name, data)?)?)),
};

/// Quantiles along the reduced axes, of weighted elements or of groups.
#[derive(Clone, Debug)]
pub struct Sorted {
    data: Data,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    asked: Asked,
    /// How many elements are reduced into each output.
    elements: u64,
    axes: Landing,
    #[serde(rename = "where")]
    has_mask: bool,
    weighted: bool,
    groups: Option<Groups>,
}

/// The labels of the groups, and the dtype of their column.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Groups {
    expected: Labels,
    dtype: DType,
}

impl Sorted {
    /// Of a domain in which `elements` elements are reduced into each output.
    pub fn new(asked: Asked, elements: u64, landing: Landing) -> Sorted {
        let data = Data { asked, elements, axes: landing, has_mask: false, weighted: false, groups: None };
        Sorted { data }
    }

    /// The same of the elements where a mask, which is a port of its own, is true.
    pub fn with_mask(mut self) -> Sorted {
        self.data.has_mask = true;
        self
    }

    /// The same with weights, a port of float64.
    ///
    /// # Errors
    /// `Value` for quantiles by another method than `inverted_cdf`.
    pub fn with_weights(mut self) -> Result<Sorted> {
        self.data.weighted = true;
        Sorted::checked(self.data)
    }

    /// The same per group, by a port of labels of this dtype.
    pub fn with_groups(mut self, expected: Labels, dtype: DType) -> Sorted {
        self.data.groups = Some(Groups { expected, dtype });
        self
    }

    fn checked(data: Data) -> Result<Sorted> {
        if data.weighted && data.asked.weighted().is_none() {
            let message = format!("{} takes weights by the method 'inverted_cdf' only", data.asked.name());
            return Err(Error::new(ErrorKind::Value, message));
        }
        Ok(Sorted { data })
    }

    fn outputs(&self, block: &[u64]) -> u64 {
        self.data.axes.kept(block).iter().fold(1, |n, &d| n.saturating_mul(d))
    }

    fn groups(&self) -> u64 {
        self.data.groups.as_ref().map_or(1, |g| g.expected.len())
    }

    /// Words of a record.
    fn words(&self) -> usize {
        1 + usize::from(self.data.weighted) + usize::from(self.data.groups.is_some())
    }

    /// Bytes of the elements of one output.
    fn each(&self) -> u64 {
        self.data.elements.saturating_mul(8 * self.words() as u64)
    }
}

impl Fold for Sorted {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn operation(&self) -> &'static str {
        self.data.asked.name()
    }

    fn data(&self) -> serde_json::Value {
        row::data(&self.data)
    }

    fn ports(&self) -> Ports {
        let Data { asked, has_mask, weighted, groups, .. } = &self.data;
        let weights = weighted.then_some(Port { role: Role::Weights, dtype: DType::F64 });
        let mask = has_mask.then_some(Port { role: Role::Mask, dtype: DType::Bool });
        let labels = groups.as_ref().map(|g| Port { role: Role::Labels, dtype: g.dtype });
        let values = Port { role: Role::Values, dtype: asked.dtype() };
        std::iter::once(values).chain(weights).chain(mask).chain(labels).collect()
    }

    fn landing(&self) -> &Landing {
        &self.data.axes
    }

    fn makes(&self, domain: &[u64]) -> Makes {
        let mut shape = self.data.axes.kept(domain);
        shape.extend(self.data.groups.as_ref().map(|g| g.expected.len()));
        shape.extend(self.data.asked.shape());
        Makes { shape, dtype: self.data.asked.out_dtype(), histogram: false }
    }

    fn bytes(&self, block: &[u64]) -> FoldBytes {
        // The elements, and how many of each output came; and how many were of no group.
        let state = self.outputs(block).saturating_mul(self.each().saturating_add(8)).saturating_add(16);
        FoldBytes { state, scratch: ("sorted", Columns::BYTES) }
    }

    fn load(&self) -> Load {
        Load::Reduced
    }

    fn detail(&self) -> String {
        let Data { asked, elements, axes, weighted, groups, .. } = &self.data;
        let groups = groups.as_ref().map_or(String::new(), |g| format!(", in {} groups", g.expected.len()));
        let weighted = if *weighted { ", weighted" } else { "" };
        format!("{}, axes {}, of {elements} each{weighted}{groups}", asked.detail(), axes.show_reduced())
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        params.map_or(Ok(()), |p| expect_params(self, p))?;
        Ok(Arc::new(self.clone()))
    }
}

impl Ready for Sorted {
    fn state(&self, block: &[u64]) -> Result<Box<dyn State>> {
        Ok(Box::new(Gathered::new(self, self.outputs(block))?))
    }

    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let name = self.operation();
        let ((came, left_out), words) =
            postcard::take_from_bytes::<(Vec<u64>, u64)>(bytes).map_err(|e| damaged(name, e))?;
        let record = 8 * self.words();
        let all = came.iter().fold(0u64, |n, &c| n.saturating_add(c));
        if came.len() as u64 != self.outputs(block)
            || came.iter().any(|&c| c > self.data.elements)
            || all.saturating_mul(record as u64) != words.len() as u64
        {
            return Err(damaged(name, "it has another number of elements"));
        }
        let mut state = Gathered::new(self, came.len() as u64)?;
        state.left_out = left_out;
        let mut records = words.chunks_exact(record);
        let mut one = [0; 3];
        for (output, &came) in came.iter().enumerate() {
            for bytes in records.by_ref().take(came as usize) {
                for (word, bytes) in one.iter_mut().zip(bytes.as_chunks::<8>().0) {
                    *word = u64::from_le_bytes(*bytes);
                }
                if !self.holds(&one) {
                    return Err(damaged(name, "an element is none of its dtype"));
                }
                state.push(output, &one[..self.words()])?;
            }
        }
        Ok(Box::new(state))
    }

    fn update(&self, simd: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        let reduced = self.data.axes.reduced().into_vec().into();
        Box::new(Gather { fold: self.clone(), reduced, runs: None, simd })
    }
}

impl Sorted {
    /// Whether a record is one of this fold.
    fn holds(&self, record: &[u64]) -> bool {
        let at = usize::from(self.data.groups.is_some());
        let dtype = self.data.asked.dtype();
        let is_key = with_storage!(dtype, T => {
            type K = <T as Ordered>::Key;
            let key = K::narrow(record[at]);
            key.wide() == record[at] && T::of_key(key).key() == key
        });
        is_key && (at == 0 || record[0] < self.groups()) && (dtype != DType::Bool || record[at] <= 1)
    }

    /// The results of one group of an output, whose records are in order.
    fn results<const N: usize>(&self, records: &[[u64; N]], out: &mut [u8]) -> Result<reduce::Notes> {
        let Data { asked, weighted, groups, .. } = &self.data;
        let at = usize::from(groups.is_some());
        let last = with_storage!(asked.dtype(), T => {
            T::IS_FLOAT.then(|| <T as Ordered>::Key::LAST.wide())
        });
        let numbers = records.partition_point(|r| Some(r[at]) != last);
        let (n, mut nans) = (numbers as u64, (records.len() - numbers) as u64);
        if !asked.looks(n, nans) {
            // A group of floats without elements has NaN, whatever is asked.
            if at > 0 && asked.out_dtype().is_float() && !asked.has_none() {
                nans = nans.max(1);
            }
            return asked.make(n, nans, &[], out);
        }
        let keys: Vec<u64> = match asked.weighted().filter(|_| *weighted) {
            None => asked.ranks(n).iter().map(|&rank| records[rank as usize][at]).collect(),
            Some(q) => weighted_ranks(numbers, |i| f64::from_bits(records[i][at + 1]), q)?
                .into_iter()
                .flat_map(|rank| [records[rank][at]; 2])
                .collect(),
        };
        asked.make(n, nans, &keys, out)
    }
}

/// The elements of outputs, as far as they came, in no order.
struct Gathered {
    fold: Sorted,
    /// How many came, per output.
    came: Vec<u64>,
    /// Records, those of an output from `output * elements` on.
    records: Buffer,
    /// How many were of no group.
    left_out: u64,
}

impl Gathered {
    fn new(fold: &Sorted, outputs: u64) -> Result<Gathered> {
        let none =
            || Error::new(ErrorKind::Budget, format!("no memory for the elements of {outputs} outputs"));
        let bytes = outputs.checked_mul(fold.each()).and_then(|b| usize::try_from(b).ok());
        let records = bytes.and_then(Buffer::try_zeroed).ok_or_else(none)?;
        let mut came = Vec::new();
        came.try_reserve_exact(outputs as usize).map_err(|_| none())?;
        came.resize(outputs as usize, 0);
        Ok(Gathered { fold: fold.clone(), came, records, left_out: 0 })
    }

    /// Where the words of the elements of an output lie that came.
    fn of(&self, output: usize) -> Range<usize> {
        let (elements, words) = (self.fold.data.elements as usize, self.fold.words());
        let first = output * elements * words;
        first..first + self.came[output] as usize * words
    }

    fn push(&mut self, output: usize, record: &[u64]) -> Result<()> {
        if self.came.get(output).is_none_or(|&came| came >= self.fold.data.elements) {
            return Err(internal("more elements came than there are"));
        }
        let end = self.of(output).end;
        bytemuck::cast_slice_mut(&mut self.records)[end..end + record.len()].copy_from_slice(record);
        self.came[output] += 1;
        Ok(())
    }

    /// Makes the results of all outputs.
    fn make<const N: usize>(&mut self, out: &mut [u8]) -> Result<reduce::Notes> {
        let mut notes = reduce::Notes::default();
        let Data { asked, groups, .. } = &self.fold.data;
        let (many, size) = (self.fold.groups() as usize, asked.results() * asked.out_dtype().size());
        for output in 0..self.came.len() {
            let own = self.of(output);
            let words: &mut [u64] = &mut bytemuck::cast_slice_mut(&mut self.records)[own];
            let (records, _) = words.as_chunks_mut::<N>();
            records.sort_unstable();
            let mut rest = &*records;
            for group in 0..many {
                let own = match groups {
                    Some(_) => rest.partition_point(|r| r[0] <= group as u64),
                    None => rest.len(),
                };
                let place = (output * many + group) * size;
                let made = self.fold.results(&rest[..own], &mut out[place..place + size]);
                let made = if groups.is_some() { made.at("group", group) } else { made };
                notes = notes.union(made?);
                rest = &rest[own..];
            }
        }
        Ok(notes)
    }
}

impl State for Gathered {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        let other: &Gathered = state_ref(other)?;
        if other.came.len() != self.came.len() || other.fold.data() != self.fold.data() {
            return Err(internal("a partial does not belong to its output"));
        }
        for output in 0..self.came.len() {
            if self.fold.data.elements - self.came[output] < other.came[output] {
                return Err(internal("more elements came than there are"));
            }
            let (end, from) = (self.of(output).end, other.of(output));
            let theirs: &[u64] = &bytemuck::cast_slice(&other.records)[from];
            bytemuck::cast_slice_mut(&mut self.records)[end..end + theirs.len()].copy_from_slice(theirs);
            self.came[output] += other.came[output];
        }
        self.left_out = self.left_out.saturating_add(other.left_out);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(Made, Notes)> {
        let Data { asked, .. } = &self.fold.data;
        let results = self.came.len() * self.fold.groups() as usize * asked.results();
        let mut out = Buffer::zeroed(results * asked.out_dtype().size());
        let said = match self.fold.words() {
            1 => self.make::<1>(&mut out),
            2 => self.make::<2>(&mut out),
            _ => self.make::<3>(&mut out),
        }?;
        let mut notes: Notes = said.texts().map(|text| Note { text, count: 0 }).collect();
        if self.left_out > 0 {
            notes.push(Note { text: LEFT_OUT, count: self.left_out });
        }
        Ok((Made::Elements(out), notes))
    }

    fn write(&self) -> Result<Vec<u8>> {
        let failed = |e| Error::new(ErrorKind::Internal, "a partial result cannot be written").caused_by(e);
        let mut out = postcard::to_stdvec(&(&self.came, self.left_out)).map_err(failed)?;
        let all: &[u64] = bytemuck::cast_slice(&self.records);
        for output in 0..self.came.len() {
            out.extend(all[self.of(output)].iter().flat_map(|word| word.to_le_bytes()));
        }
        Ok(out)
    }
}

/// Memory for the keys of a tile, as they come and as words, and for the groups of its elements.
struct Columns {
    narrow: Buffer,
    keys: Vec<u64>,
    groups: Vec<u32>,
}

impl Columns {
    const BYTES: u64 = (TILE * (8 + 8 + 4)) as u64;
}

impl Default for Columns {
    fn default() -> Columns {
        Columns { narrow: Buffer::zeroed(8 * TILE), keys: vec![0; TILE], groups: vec![0; TILE] }
    }
}

/// Gathers tiles.
struct Gather {
    fold: Sorted,
    reduced: Arc<[bool]>,
    runs: Option<Runs>,
    simd: Simd,
}

impl Update for Gather {
    fn begin(&mut self, block: &Block, state: &mut dyn State) -> Result<()> {
        self.runs = Some(Runs::new(block.region, block.domain, &self.reduced));
        state_as::<Gathered>(state).map(drop)
    }

    fn tile(&mut self, state: &mut dyn State, tile: &Tile, scratch: &mut Scratch) -> Result<()> {
        let state: &mut Gathered = state_as(state)?;
        let Some(runs) = &self.runs else { return Err(internal("a tile of no block")) };
        let Data { asked, has_mask, weighted, groups, .. } = &self.fold.data;
        let Columns { narrow, keys, groups: index } = scratch.of::<Columns>();
        with_storage!(asked.dtype(), T => {
            type K = <T as Ordered>::Key;
            let values: &[T] = bytemuck::cast_slice(tile.columns[0]);
            let narrow: &mut [K] = &mut bytemuck::cast_slice_mut(narrow)[..tile.n];
            T::keys(self.simd, values, narrow);
            keys.iter_mut().zip(narrow).for_each(|(key, narrow)| *key = narrow.wide());
        });
        let mut rest = tile.columns[1..].iter();
        let weights: Option<&[u64]> =
            if *weighted { rest.next().map(|w| bytemuck::cast_slice(w)) } else { None };
        let mask = if *has_mask { rest.next() } else { None };
        if let (Some(groups), Some(labels)) = (groups, rest.next()) {
            groups.expected.find(groups.dtype, labels, &mut index[..tile.n]);
        }
        let mut done = Ok(());
        runs.each(tile.start, tile.n, |run| {
            for k in 0..run.len {
                let i = run.start + k;
                if done.is_err() || mask.is_some_and(|m| m[i] == 0) {
                    continue;
                }
                let (mut record, mut n) = ([0; 3], 0);
                if groups.is_some() {
                    if index[i] == reduce::NOWHERE {
                        state.left_out += 1;
                        continue;
                    }
                    record[0] = u64::from(index[i] - 1);
                    n = 1;
                }
                record[n] = keys[i];
                n += 1;
                if let Some(weights) = weights {
                    record[n] = weights[i];
                    n += 1;
                }
                let output = run.output + if run.along == Along::Kept { k } else { 0 };
                done = state.push(output, &record[..n]);
            }
        });
        done
    }
}
