//! Reductions over all axes or over some: the rows of the reduction table.

use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Note, Notes, Port, Ports, Role, internal};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::{Block, FoldRow, Runs, Scratch, SharedFold, TILE, Tile, row};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::histogram::LogOf;
use crate::ops::reduce::{self, Quantity, ReduceSpec};
use crate::ops::simd::Simd;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The row of [`Reduce`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "reduce",
    read: |data| {
        let Data { spec, axes } = row::parse("reduce", data)?;
        Ok(SharedFold::new(Reduce { spec, landing: axes }))
    },
};

/// A row of the reduction table with its options, over some axes.
#[derive(Clone, Debug)]
pub struct Reduce {
    spec: ReduceSpec,
    landing: Landing,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    spec: ReduceSpec,
    axes: Landing,
}

impl Reduce {
    /// Over the axes that are marked so.
    pub fn new(spec: ReduceSpec, reduced: &[bool]) -> Reduce {
        Reduce { spec, landing: Landing::over(reduced) }
    }

    /// The row with its options.
    pub fn spec(&self) -> &ReduceSpec {
        &self.spec
    }
}

/// The columns of a reduction.
pub(super) fn ports_of(spec: &ReduceSpec) -> Ports {
    let values = Port { role: Role::Values, dtype: spec.compute_dtype() };
    let weights = spec.weights_dtype().map(|dtype| Port { role: Role::Weights, dtype });
    let mask = spec.has_mask().then_some(Port { role: Role::Mask, dtype: DType::Bool });
    std::iter::once(values).chain(weights).chain(mask).collect()
}

/// Bytes of the columns that [`Turn`] turns.
pub(super) const SCRATCH: (&str, u64) = ("columns", 3 * 8 * TILE as u64);

impl Fold for Reduce {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn operation(&self) -> &'static str {
        self.spec.reduction().name()
    }

    fn data(&self) -> serde_json::Value {
        row::data(&Data { spec: self.spec.clone(), axes: self.landing.clone() })
    }

    fn ports(&self) -> Ports {
        ports_of(&self.spec)
    }

    fn landing(&self) -> &Landing {
        &self.landing
    }

    fn makes(&self, domain: &[u64]) -> Makes {
        Makes { shape: self.landing.kept(domain), dtype: self.spec.out_dtype(), histogram: false }
    }

    fn bytes(&self, block: &[u64]) -> FoldBytes {
        let outputs = self.landing.kept(block).iter().fold(1u64, |n, &d| n.saturating_mul(d));
        FoldBytes { state: outputs.saturating_mul(self.spec.bytes_per_output()), scratch: SCRATCH }
    }

    fn narrow_bytes(&self, block: &[u64]) -> Option<u64> {
        let outputs = self.landing.kept(block).iter().fold(1u64, |n, &d| n.saturating_mul(d));
        self.spec.narrow_bytes(outputs)
    }

    fn quantity(&self) -> Quantity {
        self.spec.reduction().quantity()
    }

    fn load(&self) -> Load {
        Load::Reduced
    }

    fn detail(&self) -> String {
        format!(", axes {}, {} bytes per output", self.landing.show_reduced(), self.spec.bytes_per_output())
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        params.map_or(Ok(()), |p| expect_params(self, p))?;
        Ok(Arc::new(ReduceReady { fold: self.clone(), reduced: self.landing.reduced().into_vec().into() }))
    }
}

/// A reduction, ready to run.
#[derive(Clone, Debug)]
pub struct ReduceReady {
    fold: Reduce,
    reduced: Arc<[bool]>,
}

impl ReduceReady {
    /// The row with its options.
    pub fn spec(&self) -> &ReduceSpec {
        &self.fold.spec
    }

    fn outputs(&self, block: &[u64]) -> usize {
        self.fold.landing.kept(block).iter().product::<u64>() as usize
    }
}

impl Ready for ReduceReady {
    fn state(&self, block: &[u64]) -> Result<Box<dyn State>> {
        Ok(Box::new(reduce::State::new(&self.fold.spec, self.outputs(block))))
    }

    fn narrow_state(&self, block: &[u64]) -> Result<Option<Box<dyn State>>> {
        Ok(reduce::State::narrow(&self.fold.spec, self.outputs(block)).map(|s| Box::new(s) as _))
    }

    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let operation = self.fold.operation();
        let state: reduce::State = postcard::from_bytes(bytes).map_err(|e| damaged(operation, e))?;
        if *state.spec() != self.fold.spec || state.outputs() != self.outputs(block) {
            return Err(damaged(operation, "it is of another reduction"));
        }
        Ok(Box::new(state))
    }

    fn update(&self, simd: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        Box::new(Accumulate::new(&self.fold.spec, Arc::clone(&self.reduced), simd))
    }
}

impl State for reduce::State {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        let other: &reduce::State = state_ref(other)?;
        if other.outputs() != self.outputs() || other.spec() != self.spec() {
            return Err(internal("a partial does not belong to its output"));
        }
        if other.exceeded() && !self.is_narrow() {
            return Err(internal("narrow accumulators that do not do were merged"));
        }
        reduce::State::merge(self, other);
        Ok(())
    }

    fn exceeded(&self) -> bool {
        reduce::State::exceeded(self)
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        let mut out = Buffer::zeroed(self.outputs() * self.spec().out_dtype().size());
        let notes = reduce::State::finish(&self, &mut out)?;
        Ok((Made::Elements(out), notes.texts().map(|text| Note { text, count: 0 }).collect()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self)
            .map_err(|e| Error::new(ErrorKind::Internal, "a partial result cannot be written").caused_by(e))
    }
}

/// Adds tiles run by run.
pub(super) struct Accumulate {
    reduced: Arc<[bool]>,
    runs: Option<Runs>,
    /// The columns with the weights and the mask.
    weights: Option<usize>,
    mask: Option<usize>,
    simd: Simd,
}

/// Memory in which the columns of short runs are turned.
#[derive(Default)]
struct Turn([Buffer; 3]);

impl Accumulate {
    /// For states of a reduction over the axes that are marked so.
    pub(super) fn new(spec: &ReduceSpec, reduced: Arc<[bool]>, simd: Simd) -> Accumulate {
        let weights = spec.weights_dtype().is_some();
        Accumulate {
            reduced,
            runs: None,
            weights: weights.then_some(1),
            mask: spec.has_mask().then_some(1 + usize::from(weights)),
            simd,
        }
    }

    /// A block begins.
    pub(super) fn of_block(&mut self, block: &Block) {
        self.runs = Some(Runs::new(block.region, block.domain, &self.reduced));
    }

    /// Adds a tile of the block.
    ///
    /// # Errors
    /// `Internal` if no block began.
    pub(super) fn add(&self, state: &mut reduce::State, tile: &Tile, scratch: &mut Scratch) -> Result<()> {
        let columns = reduce::Tile {
            values: tile.columns[0],
            weights: self.weights.map(|i| tile.columns[i]),
            mask: self.mask.map(|i| tile.columns[i]),
        };
        let Some(runs) = &self.runs else { return Err(internal("a tile of no block")) };
        match runs.are_short() {
            true => {
                let Turn(turned) = scratch.of::<Turn>();
                update_columns(state, columns, runs, tile.start, tile.n, turned, self.simd);
            }
            false => runs.each(tile.start, tile.n, |run| state.update(columns, run, self.simd)),
        }
        Ok(())
    }
}

impl Update for Accumulate {
    fn begin(&mut self, block: &Block, _: &mut dyn State) -> Result<()> {
        self.of_block(block);
        Ok(())
    }

    fn tile(&mut self, state: &mut dyn State, tile: &Tile, scratch: &mut Scratch) -> Result<()> {
        self.add(state_as(state)?, tile, scratch)
    }
}

/// Adds a tile of many short runs column by column.
fn update_columns(
    state: &mut reduce::State,
    tile: reduce::Tile,
    runs: &Runs,
    start: u64,
    n: usize,
    [values, weights, mask]: &mut [Buffer; 3],
    simd: Simd,
) {
    let state = std::cell::RefCell::new(state);
    runs.each_column(
        start,
        n,
        |run| state.borrow_mut().update(tile, run, simd),
        |columns| {
            columns.transpose(tile.values, tile.values.len() / n, values);
            let mut turned = reduce::Tile { values, weights: None, mask: None };
            if let Some(w) = tile.weights {
                columns.transpose(w, w.len() / n, weights);
                turned.weights = Some(weights);
            }
            if let Some(m) = tile.mask {
                columns.transpose(m, 1, mask);
                turned.mask = Some(mask);
            }
            (0..columns.len).for_each(|k| state.borrow_mut().update(turned, columns.run(k), simd));
        },
    );
}
