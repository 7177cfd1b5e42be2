//! Quantiles along axes, and axes in order: the elements of each output are gathered, and the wanted ones selected where
//! they lie.
//!
//! A state holds all elements that are reduced into its outputs, as keys of the same order ([`Ordered`]); where there
//! is no room for those of all outputs, the planner makes the outputs in windows. Limit: one output's elements must
//! fit. For quantiles of all elements of an array there is [`Ranks`](super::Ranks), which holds none.

use super::block::squeezed;
use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Note, Notes, Port, Ports, Role, internal};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::wants::Wants;
use super::{Block, FoldRow, Runs, Scratch, SharedFold, TILE, Tile, row};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::histogram::LogOf;
use crate::ops::quantiles::{Asked, Key, Ordered};
use crate::ops::reduce::{self, Along, Run};
use crate::ops::simd::Simd;
use crate::with_storage;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The row of [`Select`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "select",
    read: |data| {
        let Data { asked, elements, axes, has_mask } = row::parse(ROW.name, data)?;
        let wants = Wants::Quantiles(asked);
        Ok(SharedFold::new(Select { wants, elements, landing: axes, has_mask }))
    },
};

/// The row of [`Select::sort`].
pub(super) const SORT: FoldRow = FoldRow {
    name: "sort",
    read: |data| {
        let SortData { dtype, elements, axes } = row::parse(SORT.name, data)?;
        Ok(SharedFold::new(Select::sort(dtype, elements, axes)))
    },
};

/// Bytes of outputs that are brought together at once, where the elements of each lie apart; and how many outputs these
/// are at least, for all of a cache line is to be used, and at most.
const TOGETHER: u64 = 64 << 10;
const LINE: (u64, u64) = (16, 64);

/// Quantiles along the reduced axes, or all elements along them in order.
#[derive(Clone, Debug)]
pub struct Select {
    wants: Wants,
    /// How many elements are reduced into each output.
    elements: u64,
    landing: Landing,
    /// Whether elements where a mask is false are left out.
    has_mask: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    asked: Asked,
    elements: u64,
    axes: Landing,
    #[serde(rename = "where")]
    has_mask: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SortData {
    dtype: DType,
    elements: u64,
    axes: Landing,
}

impl Select {
    /// Of a domain in which `elements` elements are reduced into each output.
    pub fn new(asked: Asked, elements: u64, landing: Landing) -> Select {
        Select { wants: Wants::Quantiles(asked), elements, landing, has_mask: false }
    }

    /// The elements themselves, in ascending order: −0 before +0, and every NaN, as one, last.
    pub fn sort(dtype: DType, elements: u64, landing: Landing) -> Select {
        Select { wants: Wants::Sorted(dtype), elements, landing, has_mask: false }
    }

    /// The same of the elements where a mask, which is a port of its own, is true.
    pub fn with_mask(mut self) -> Select {
        self.has_mask = true;
        self
    }

    fn outputs(&self, block: &[u64]) -> u64 {
        self.landing.kept(block).iter().fold(1, |n, &d| n.saturating_mul(d))
    }

    /// Bytes of the elements of one output.
    fn each(&self) -> u64 {
        self.elements.saturating_mul(self.wants.dtype().size() as u64)
    }

    /// Whether elements of one output lie apart, and one of each output together: as they come in tiles, where the
    /// last axis is kept. They must be few enough to be brought together in the cache.
    fn apart(&self) -> bool {
        let rank = self.landing.rank();
        rank > 0 && self.landing.keeps(rank - 1) && self.each() <= TOGETHER
    }

    /// Outputs that are brought together at once.
    fn together(&self) -> u64 {
        (TOGETHER / self.each().max(1)).clamp(LINE.0, LINE.1)
    }
}

impl Fold for Select {
    fn name(&self) -> &'static str {
        match self.wants {
            Wants::Quantiles(_) => ROW.name,
            Wants::Sorted(_) => SORT.name,
        }
    }

    fn operation(&self) -> &'static str {
        self.wants.name()
    }

    fn data(&self) -> serde_json::Value {
        let Select { wants, elements, landing: axes, has_mask } = self.clone();
        match wants {
            Wants::Quantiles(asked) => row::data(&Data { asked, elements, axes, has_mask }),
            Wants::Sorted(dtype) => row::data(&SortData { dtype, elements, axes }),
        }
    }

    fn ports(&self) -> Ports {
        let mask = self.has_mask.then_some(Port { role: Role::Mask, dtype: DType::Bool });
        let values = Port { role: Role::Values, dtype: self.wants.dtype() };
        std::iter::once(values).chain(mask).collect()
    }

    fn landing(&self) -> &Landing {
        &self.landing
    }

    fn makes(&self, domain: &[u64]) -> Makes {
        let mut shape = self.landing.kept(domain);
        shape.extend(self.wants.shape(self.elements));
        Makes { shape, dtype: self.wants.out_dtype(), histogram: false }
    }

    fn bytes(&self, block: &[u64]) -> FoldBytes {
        let outputs = self.outputs(block);
        // The elements, and how many of each output came: as much for an output, however tiles are cut.
        let state = outputs.saturating_mul(self.each().saturating_add(8));
        let turned = if self.apart() { self.together().saturating_mul(self.each()) } else { 0 };
        FoldBytes { state, scratch: ("select", Keys::BYTES + turned) }
    }

    fn load(&self) -> Load {
        Load::Reduced
    }

    fn detail(&self) -> String {
        format!("{}, axes {}, of {} each", self.wants.detail(), self.landing.show_reduced(), self.elements)
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        params.map_or(Ok(()), |p| expect_params(self, p))?;
        Ok(Arc::new(self.clone()))
    }
}

impl Ready for Select {
    fn state(&self, block: &[u64]) -> Result<Box<dyn State>> {
        Ok(Box::new(Gathered::new(self, self.outputs(block))?))
    }

    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let name = self.operation();
        let (came, keys) = postcard::take_from_bytes::<Vec<u64>>(bytes).map_err(|e| damaged(name, e))?;
        let size = self.wants.dtype().size();
        let all = came.iter().fold(0u64, |n, &c| n.saturating_add(c));
        if came.len() as u64 != self.outputs(block)
            || came.iter().any(|&c| c > self.elements)
            || all.saturating_mul(size as u64) != keys.len() as u64
        {
            return Err(damaged(name, "it has another number of elements"));
        }
        let mut state = Gathered::new(self, came.len() as u64)?;
        let mut keys = keys.chunks_exact(size);
        for (output, &came) in came.iter().enumerate() {
            for key in keys.by_ref().take(came as usize) {
                let mut wide = [0; 8];
                wide[..size].copy_from_slice(key);
                if !state.push(output, u64::from_le_bytes(wide)) {
                    return Err(damaged(name, "an element is none of its dtype"));
                }
            }
        }
        Ok(Box::new(state))
    }

    fn update(&self, simd: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        let reduced = self.landing.reduced().into_vec().into();
        Box::new(Gather { select: self.clone(), reduced, runs: None, simd })
    }
}

/// The elements of outputs, as far as they came, in no order.
struct Gathered {
    select: Select,
    /// How many came, per output.
    came: Vec<u64>,
    keys: Buffer,
}

/// Where the elements of an output lie among the keys.
#[derive(Clone, Copy)]
struct Layout {
    output: usize,
    step: usize,
}

impl Gathered {
    fn new(select: &Select, outputs: u64) -> Result<Gathered> {
        let bytes = outputs.checked_mul(select.each()).and_then(|b| usize::try_from(b).ok());
        let none =
            || Error::new(ErrorKind::Budget, format!("no memory for the elements of {outputs} outputs"));
        let keys = bytes.and_then(Buffer::try_zeroed).ok_or_else(none)?;
        let mut came = Vec::new();
        came.try_reserve_exact(outputs as usize).map_err(|_| none())?;
        came.resize(outputs as usize, 0);
        Ok(Gathered { select: select.clone(), came, keys })
    }

    fn layout(&self) -> Layout {
        match self.select.apart() {
            true => Layout { output: 1, step: self.came.len() },
            false => Layout { output: self.select.elements as usize, step: 1 },
        }
    }

    /// Adds an element by its key, unless that is none.
    fn push(&mut self, output: usize, key: u64) -> bool {
        let Layout { output: first, step } = self.layout();
        let bool_key = self.select.wants.dtype() != DType::Bool || key <= 1;
        let at = output * first + self.came[output] as usize * step;
        let is_key = with_storage!(self.select.wants.dtype(), T => {
            type K = <T as Ordered>::Key;
            let narrow = K::narrow(key);
            bytemuck::cast_slice_mut::<u8, K>(&mut self.keys)[at] = narrow;
            T::of_key(narrow).key() == narrow
        });
        self.came[output] += 1;
        is_key && bool_key
    }

    /// Adds the elements of one run; of outputs beside each other those where the mask is true, if there is one.
    fn add<K: Key>(&mut self, keys: &[K], mask: Option<&[u8]>, run: Run) -> Result<()> {
        let Layout { output: first, step } = self.layout();
        let all: &mut [K] = bytemuck::cast_slice_mut(&mut self.keys);
        let too_many = || internal("more elements came than there are");
        match run.along {
            Along::Reduced => {
                let came = self.came.get_mut(run.output).ok_or_else(too_many)?;
                if self.select.elements - *came < keys.len() as u64 {
                    return Err(too_many());
                }
                let at = run.output * first + *came as usize * step;
                match step {
                    1 => all[at..at + keys.len()].copy_from_slice(keys),
                    _ => all[at..].iter_mut().step_by(step).zip(keys).for_each(|(to, k)| *to = *k),
                }
                *came += keys.len() as u64;
            }
            Along::Kept => {
                let came = self.came.get_mut(run.output..run.output + keys.len()).ok_or_else(too_many)?;
                for (i, (key, came)) in keys.iter().zip(came).enumerate() {
                    if mask.is_some_and(|m| m[i] == 0) {
                        continue;
                    }
                    if *came >= self.select.elements {
                        return Err(too_many());
                    }
                    all[(run.output + i) * first + *came as usize * step] = *key;
                    *came += 1;
                }
            }
        }
        Ok(())
    }

    fn merge_keys<K: Key>(&mut self, other: &Gathered) -> Result<()> {
        let Layout { output: first, step } = self.layout();
        let (ours, theirs): (&mut [K], &[K]) =
            (bytemuck::cast_slice_mut(&mut self.keys), bytemuck::cast_slice(&other.keys));
        for (output, (came, &more)) in self.came.iter_mut().zip(&other.came).enumerate() {
            if self.select.elements - *came < more {
                return Err(internal("more elements came than there are"));
            }
            let (to, from) = (output * first + *came as usize * step, output * first);
            for i in 0..more as usize {
                ours[to + i * step] = theirs[from + i * step];
            }
            *came += more;
        }
        Ok(())
    }

    /// Makes the results of all outputs, `size` bytes each.
    fn make<T: Ordered>(&mut self, size: usize, out: &mut [u8]) -> Result<reduce::Notes> {
        let mut notes = reduce::Notes::default();
        let Gathered { select, came, keys } = self;
        if !select.has_mask && came.iter().any(|&c| c != select.elements) {
            return Err(internal("fewer elements came than are wanted"));
        }
        let (elements, outputs) = (select.elements as usize, came.len());
        if outputs == 0 {
            return Ok(notes);
        }
        let all: &mut [T::Key] = bytemuck::cast_slice_mut(keys);
        let mut one = |output: usize, keys: &mut [T::Key]| -> Result<()> {
            let out = &mut out[output * size..(output + 1) * size];
            let keys = &mut keys[..came[output] as usize];
            notes = notes.union(select.wants.make::<T>(keys, out)?);
            Ok(())
        };
        if !select.apart() {
            return match elements {
                0 => (0..outputs).try_for_each(|output| one(output, &mut [])),
                _ => all
                    .chunks_exact_mut(elements)
                    .enumerate()
                    .try_for_each(|(output, keys)| one(output, keys)),
            }
            .map(|()| notes);
        }
        let together = (select.together() as usize).min(outputs);
        let mut turned = vec![T::Key::LAST; together * elements];
        for begin in (0..outputs).step_by(together) {
            let n = together.min(outputs - begin);
            for i in 0..elements {
                let row = &all[i * outputs + begin..][..n];
                row.iter().enumerate().for_each(|(k, key)| turned[k * elements + i] = *key);
            }
            for k in 0..n {
                one(begin + k, &mut turned[k * elements..(k + 1) * elements])?;
            }
        }
        Ok(notes)
    }
}

impl State for Gathered {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        let other: &Gathered = state_ref(other)?;
        if other.came.len() != self.came.len() || other.select.data() != self.select.data() {
            return Err(internal("a partial does not belong to its output"));
        }
        with_storage!(self.select.wants.dtype(), T => self.merge_keys::<<T as Ordered>::Key>(other))
    }

    fn finish(mut self: Box<Self>) -> Result<(Made, Notes)> {
        let wants = &self.select.wants;
        let (dtype, size) = (wants.dtype(), wants.results(self.select.elements) * wants.out_dtype().size());
        let mut out = Buffer::zeroed(self.came.len() * size);
        let notes = with_storage!(dtype, T => self.make::<T>(size, &mut out))?;
        Ok((Made::Elements(out), notes.texts().map(|text| Note { text, count: 0 }).collect()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        let failed = |e| Error::new(ErrorKind::Internal, "a partial result cannot be written").caused_by(e);
        let mut out = postcard::to_stdvec(&self.came).map_err(failed)?;
        let size = self.select.wants.dtype().size();
        let Layout { output: first, step } = self.layout();
        with_storage!(self.select.wants.dtype(), T => {
            type K = <T as Ordered>::Key;
            let keys: &[K] = bytemuck::cast_slice(&self.keys);
            for (output, &came) in self.came.iter().enumerate() {
                for i in 0..came as usize {
                    let key = keys[output * first + i * step].wide();
                    out.extend_from_slice(&key.to_le_bytes()[..size]);
                }
            }
        });
        Ok(out)
    }
}

/// Memory for the keys of a tile.
struct Keys(Buffer);

impl Keys {
    const BYTES: u64 = 8 * TILE as u64;
}

impl Default for Keys {
    fn default() -> Keys {
        Keys(Buffer::zeroed(Keys::BYTES as usize))
    }
}

/// Gathers tiles.
struct Gather {
    select: Select,
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
        let Keys(memory) = scratch.of::<Keys>();
        let mut done = Ok(());
        with_storage!(self.select.wants.dtype(), T => {
            type K = <T as Ordered>::Key;
            let values: &[T] = bytemuck::cast_slice(tile.columns[0]);
            memory.resize_for_overwrite(size_of_val(values));
            let keys: &mut [K] = bytemuck::cast_slice_mut(memory);
            T::keys(self.simd, values, keys);
            let mask = if self.select.has_mask { Some(tile.columns[1]) } else { None };
            runs.each(tile.start, tile.n, |run| {
                let rows = run.start..run.start + run.len;
                if done.is_err() {
                    return;
                }
                done = match mask.map(|m| &m[rows.clone()]) {
                    // The keys of a run are not looked at again.
                    Some(mask) if run.along == Along::Reduced => {
                        state.add(squeezed(&mut keys[rows], mask), None, run)
                    }
                    mask => state.add(&keys[rows], mask, run),
                };
            });
        });
        done
    }
}
