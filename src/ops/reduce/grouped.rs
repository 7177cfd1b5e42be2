//! Group forms of the reductions: each element goes to the output that its index names.
//!
//! Accumulators, merging and results are those of a [`State`]. Sums of floats are first added up in the cells of
//! weighted histograms, which are exact too, and go to the long accumulators when they are full, when states
//! merge, and at the end; so the finished bits are those of adding the elements of each group by themselves.
//!
//! Limits: the sums of a float64 variance or weighted mean have no such cells (products of 106 bits do not fit
//! them) and cost a long addition per element.

use super::by_group::{self, ByGroup, NOWHERE};
use super::moments::Stored;
use super::rows::Family;
use super::spec::ReduceSpec;
use super::state::{Accumulators, Notes, State};
use super::value::Value;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::exact::{Addend, AnySums, Term};
use crate::ops::histogram::{BLOCK, OTHERS, WeighScratch, Weighted};
use crate::ops::simd::Simd;
use half::f16;
use serde::{Deserialize, Serialize};

/// The accumulators of some number of groups.
pub struct GroupedState {
    state: State,
    cells: Option<Cells>,
    /// Elements that are of no group.
    left_out: u64,
    /// Of narrow accumulators, where their outputs lie.
    by_group: Option<ByGroup>,
}

/// Sums of floats on their way to the accumulators.
struct Cells {
    first: Weighted,
    second: Option<Weighted>,
}

/// What [`GroupedState`] travels as.
#[derive(Serialize, Deserialize)]
struct Stored_ {
    state: State,
    left_out: u64,
}

/// Memory that a worker keeps between updates.
pub struct GroupedScratch {
    weigh: WeighScratch,
    index: Vec<u32>,
    products: Vec<f64>,
}

impl Default for GroupedScratch {
    fn default() -> GroupedScratch {
        GroupedScratch { weigh: WeighScratch::new(), index: vec![0; BLOCK], products: vec![0.0; BLOCK] }
    }
}

impl GroupedScratch {
    /// The bytes of one.
    pub const BYTES: u64 = (BLOCK * (8 + 4 + 8)) as u64;
}

/// Columns of one tile: values and weights as in a [`Tile`](super::Tile), and where each element goes.
#[derive(Clone, Copy, Debug)]
pub struct GroupedTile<'a> {
    /// Values of the spec's compute dtype.
    pub values: &'a [u8],
    /// Weights of that dtype, where the spec has them.
    pub weights: Option<&'a [u8]>,
    /// By element, its output plus one, or [`NOWHERE`].
    pub index: &'a [u32],
    /// By element, its position along the reduced axes; where positions count ([`GroupedState::has_positions`]).
    pub positions: &'a [u64],
}

/// The terms of the cells of a spec: of what is added first and second.
fn terms(spec: &ReduceSpec) -> Option<(Term, Option<Term>)> {
    let (family, dtype) = (spec.row().family, spec.compute_dtype());
    match (family, dtype) {
        (Family::Sum | Family::Mean, DType::F16 | DType::F32) => Some((Term::F32, None)),
        (Family::Sum | Family::Mean, DType::F64) => Some((Term::F64, None)),
        (Family::Var | Family::Std, DType::F16 | DType::F32) => Some((Term::F32, Some(Term::F32Product))),
        (Family::Average, DType::F16 | DType::F32) => Some((Term::F32Product, Some(Term::F32))),
        _ => None,
    }
}

impl GroupedState {
    /// No elements so far, of so many groups.
    ///
    /// # Errors
    /// `Budget` if there is no memory for them.
    pub fn new(spec: &ReduceSpec, groups: usize) -> Result<GroupedState> {
        let none = || Error::new(ErrorKind::Budget, format!("no memory for {groups} groups"));
        let cells = |term| Weighted::of_term(term, groups + OTHERS).ok_or_else(none);
        let cells = match terms(spec) {
            Some((first, second)) => {
                Some(Cells { first: cells(first)?, second: second.map(cells).transpose()? })
            }
            None => None,
        };
        Ok(GroupedState { state: State::new(spec, groups), cells, left_out: 0, by_group: None })
    }

    /// No elements so far, in few bytes ([`ReduceSpec::narrow_bytes`] of all outputs), of so many groups at each of so many
    /// positions on the kept axes; nothing where there is no such form. Elements go by [`GroupedState::index`].
    pub fn narrow(spec: &ReduceSpec, groups: usize, positions: usize) -> Option<GroupedState> {
        let outputs = groups.checked_mul(positions).filter(|&n| n > 0)?;
        let state = State::narrow(spec, outputs)?;
        let by_group = Some(ByGroup { groups, positions });
        Some(GroupedState { state, cells: None, left_out: 0, by_group })
    }

    /// Whether it is narrow and will not do: what it holds is worth nothing.
    pub fn exceeded(&self) -> bool {
        self.state.exceeded()
    }

    /// The index of a group, given as its number plus one, at a position on the kept axes.
    #[inline]
    pub fn index(&self, groups: u32, position: u32, group: u32) -> u32 {
        match self.by_group {
            None => position * groups + group,
            Some(by) => by.index(position, group),
        }
    }

    /// Merges another one where at least one is by group.
    fn merge_by_group(&mut self, other: &GroupedState) {
        if self.by_group == other.by_group {
            return self.state.merge(&other.state);
        }
        let from = other.gathered();
        let outputs = self.state.outputs();
        let (Accumulators::Moments(to), Accumulators::Moments(moments)) =
            (&mut self.state.accumulators, &from.accumulators)
        else {
            return;
        };
        let place = |by: Option<ByGroup>, o: usize| by.map_or(o, |by| by.place(o));
        for o in 0..outputs {
            to.merge_one(place(self.by_group, o), moments, place(other.by_group, o));
        }
    }

    /// The accumulators as others have them: wide, by position.
    fn widened(&self) -> Result<State> {
        if self.exceeded() {
            return Err(Error::new(ErrorKind::Internal, "narrow accumulators that will not do were written"));
        }
        let mut wide = GroupedState::new(self.spec(), self.groups())?;
        wide.merge_by_group(self);
        Ok(wide.state)
    }

    /// The most bytes of a state of so many groups.
    pub fn bytes(spec: &ReduceSpec, groups: u64) -> u64 {
        let of = |term: Term| {
            let each = Weighted::window_bytes_per_bin(groups) + term.bytes_per_sum();
            groups.saturating_add(OTHERS as u64).saturating_mul(each)
        };
        let cells = terms(spec).map_or(0, |(a, b)| of(a).saturating_add(b.map_or(0, of)));
        groups.saturating_mul(spec.bytes_per_output()).saturating_add(cells)
    }

    /// Whether positions along the reduced axes count.
    pub fn has_positions(spec: &ReduceSpec) -> bool {
        matches!(spec.row().family, Family::ArgMin | Family::ArgMax)
    }

    /// What it accumulates.
    pub fn spec(&self) -> &ReduceSpec {
        self.state.spec()
    }

    /// How many groups it has.
    pub fn groups(&self) -> usize {
        self.state.outputs()
    }

    /// Elements that are of no group.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Counts elements that are of no group.
    pub fn leave_out(&mut self, elements: u64) {
        self.left_out += elements;
    }

    /// Adds a tile.
    ///
    /// # Panics
    /// If an index is of no group or a column is too short: faults of the caller.
    pub fn update(&mut self, tile: GroupedTile, scratch: &mut GroupedScratch, simd: Simd) {
        match self.state.spec().compute_dtype() {
            DType::F16 => self.floats::<f16>(tile, scratch, simd),
            DType::F32 => self.floats::<f32>(tile, scratch, simd),
            DType::F64 => self.floats::<f64>(tile, scratch, simd),
            integer => crate::with_storage!(integer, T => self.any::<T>(tile)),
        }
    }

    fn floats<T: Stored>(&mut self, tile: GroupedTile, scratch: &mut GroupedScratch, simd: Simd)
    where
        T::Wide: Addend,
    {
        let values: &[T] = bytemuck::cast_slice(tile.values);
        let weights: Option<&[T]> = tile.weights.map(bytemuck::cast_slice);
        let skips_nan = self.state.spec().row().skips_nan;
        let dtype = self.state.spec().compute_dtype();
        if let Some(cells) = &mut self.cells {
            for start in (0..values.len()).step_by(BLOCK) {
                let rows = start..values.len().min(start + BLOCK);
                let (v, index) = (&values[rows.clone()], &tile.index[rows.clone()]);
                let w = weights.map(|w| &w[rows]);
                cells.block(dtype, v, w, index, skips_nan, scratch, simd);
            }
            return;
        }
        let Accumulators::Moments(m) = &mut self.state.accumulators else { return self.any::<T>(tile) };
        if self.by_group.is_some() {
            return by_group::add(m, values, weights, tile.index, skips_nan, simd);
        }
        for (k, (&x, &i)) in values.iter().zip(tile.index).enumerate() {
            if i == NOWHERE || skips_nan && x.is_nan() {
                continue;
            }
            m.one(i as usize - 1, x.widen(), weights.map(|w| w[k].widen()));
        }
    }

    fn any<T: Value>(&mut self, tile: GroupedTile) {
        let values: &[T] = bytemuck::cast_slice(tile.values);
        let (rule, skips_nan) = (self.state.key_rule(), self.state.spec().row().skips_nan);
        let there = values.iter().zip(tile.index).enumerate().filter(|(_, (_, i))| **i != NOWHERE);
        let there = there.map(|(k, (&x, &i))| (k, x, i as usize - 1));
        match &mut self.state.accumulators {
            Accumulators::Moments(_) => unreachable!("moments are of floats"),
            Accumulators::Integers(a) => there.for_each(|(_, x, o)| a.one(o, x)),
            Accumulators::Extremes(a) => {
                there.for_each(|(k, x, o)| a.one(o, x, tile.positions.get(k).copied().unwrap_or(0), rule));
            }
            Accumulators::IntegerProducts(a) => there.for_each(|(_, x, o)| a.one(o, x)),
            Accumulators::FloatProducts(a) => {
                there.for_each(|(_, x, o)| {
                    if !(skips_nan && x.is_nan()) {
                        a.one(o, x)
                    }
                });
            }
            Accumulators::Counts(a) => there.for_each(|(_, x, o)| a.one(o, x)),
        }
    }

    /// The accumulators with what is in the cells.
    fn gathered(&self) -> std::borrow::Cow<'_, State> {
        let Some(cells) = &self.cells else { return std::borrow::Cow::Borrowed(&self.state) };
        let mut state = self.state.clone();
        if let Accumulators::Moments(m) = &mut state.accumulators {
            let add = |to: &mut AnySums, from: &Weighted| match to {
                AnySums::Wide(to) => to.merge(&from.sums()),
                AnySums::Narrow(_) => unreachable!("cells are beside wide sums"),
            };
            add(&mut m.sums, &cells.first);
            if let (Some(to), Some(from)) = (&mut m.second, &cells.second) {
                add(to, from);
            }
            let counts = cells.first.counts().skip(1);
            (0..m.counts.len()).zip(counts).for_each(|(o, n)| m.counts.add(o, n));
        }
        std::borrow::Cow::Owned(state)
    }

    /// Takes in everything that `other` took.
    ///
    /// # Errors
    /// `Internal` if it is of another reduction or of other groups.
    pub fn merge(&mut self, other: &GroupedState) -> Result<()> {
        if self.spec() != other.spec() || self.groups() != other.groups() {
            return Err(Error::new(ErrorKind::Internal, "groups of two reductions cannot be merged"));
        }
        if other.exceeded() && self.by_group.is_none() {
            return Err(Error::new(ErrorKind::Internal, "narrow accumulators that do not do were merged"));
        }
        match (self.by_group, other.by_group) {
            (None, None) => self.state.merge(&other.gathered()),
            _ => self.merge_by_group(other),
        }
        self.left_out = self.left_out.saturating_add(other.left_out);
        Ok(())
    }

    /// Writes the results, as native bytes of [`ReduceSpec::out_dtype`]. A group without elements has what the
    /// row answers for none; an extreme of none is NaN where the dtype has one.
    ///
    /// # Errors
    /// As [`State::finish`]; `Value` that names the first empty group of an integer extreme.
    pub fn finish(&self, out: &mut [u8]) -> Result<Notes> {
        match self.by_group {
            None => self.gathered().finish_groups(out, |o| o),
            Some(by) => self.state.finish_groups(out, |o| by.place(o)),
        }
    }

    /// As bytes.
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    pub fn write(&self) -> Result<Vec<u8>> {
        let state = match self.by_group {
            None => self.gathered().into_owned(),
            Some(_) => self.widened()?,
        };
        let stored = Stored_ { state, left_out: self.left_out };
        postcard::to_stdvec(&stored)
            .map_err(|e| Error::new(ErrorKind::Internal, "a partial result cannot be written").caused_by(e))
    }

    /// What [`GroupedState::write`] wrote. Any bytes may be given.
    ///
    /// # Errors
    /// `Format` if it is not such a state of this reduction and so many groups.
    pub fn read(spec: &ReduceSpec, groups: usize, bytes: &[u8]) -> Result<GroupedState> {
        let wrong = || Error::new(ErrorKind::Format, "a partial result does not fit its reduction");
        let stored: Stored_ = postcard::from_bytes(bytes).map_err(|e| wrong().caused_by(e))?;
        if stored.state.spec() != spec || stored.state.outputs() != groups {
            return Err(wrong());
        }
        Ok(GroupedState {
            state: stored.state,
            left_out: stored.left_out,
            ..GroupedState::new(spec, groups)?
        })
    }
}

impl Cells {
    /// Adds at most [`BLOCK`] elements.
    #[allow(clippy::too_many_arguments, reason = "columns, and how they are to be taken")]
    fn block<T: Stored>(
        &mut self,
        dtype: DType,
        v: &[T],
        weights: Option<&[T]>,
        index: &[u32],
        skips_nan: bool,
        scratch: &mut GroupedScratch,
        simd: Simd,
    ) {
        let GroupedScratch { weigh, index: kept, products } = scratch;
        let index = if skips_nan {
            let kept = &mut kept[..v.len()];
            for ((k, &i), x) in kept.iter_mut().zip(index).zip(v) {
                *k = if x.is_nan() { NOWHERE } else { i };
            }
            kept
        } else {
            index
        };
        let bytes: &[u8] = bytemuck::cast_slice(v);
        let products = &mut products[..v.len()];
        match (weights, &mut self.second) {
            (Some(w), Some(second)) => {
                let factors = v.iter().zip(w);
                products.iter_mut().zip(factors).for_each(|(p, (x, w))| *p = x.to_f64() * w.to_f64());
                self.first.block(simd, DType::F64, bytemuck::cast_slice(products), index, weigh);
                second.block(simd, dtype, bytemuck::cast_slice(w), index, weigh);
            }
            (_, second) => {
                self.first.block(simd, dtype, bytes, index, weigh);
                if let Some(second) = second {
                    products.iter_mut().zip(v).for_each(|(p, x)| *p = x.to_f64() * x.to_f64());
                    second.block(simd, DType::F64, bytemuck::cast_slice(products), index, weigh);
                }
            }
        }
    }
}
