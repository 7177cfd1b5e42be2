//! Scans: `cumsum`, `cumprod`, `cummax` and `cummin` along an axis.
//!
//! Each element has its place, and becomes what it comes to with all elements before it on its line. So blocks along
//! the axis depend on each other, but on little: on what the one before hands on, an accumulator for each line. While
//! the elements of a block come they are kept, and added to accumulators of the block's own. Then it takes what
//! the block before it hands on, hands on the sum of both, and goes along its lines. Sums are exact, so where the
//! axis is cut shows in no bit.
//!
//! Limits: float products keep 256 bits, as `prod` does, with what it says of order. What is handed on takes up to
//! 562 bytes for each line of float64, so blocks that are short along the axis are slow and take room. There is no
//! shader.

use super::collect::elements_of;
use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Notes, Port, Ports, Role, internal};
use super::reduce::{Accumulate, SCRATCH};
use super::traits::{Fold, Ready, State, Update, expect_params, state_as};
use super::{Block, FoldRow, Scratch, SharedFold, Tile, row};
use crate::buffer::{Buffer, little_endian};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::ops::histogram::LogOf;
use crate::ops::reduce::{self, Lines, Quantity, ReduceSpec, Reduction};
use crate::ops::shared::Patch;
use crate::ops::simd::Simd;
use serde::{Deserialize, Serialize};
use smallvec::smallvec;
use std::any::Any;
use std::sync::Arc;

/// The row of [`Scan`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "scan",
    read: |data| {
        let Data { of, dtype, axis, rank } = row::parse(ROW.name, data)?;
        Ok(SharedFold::new(Scan::new(of, dtype, axis, row::checked_rank(ROW.name, rank)?)?))
    },
};

/// What elements come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cumulative {
    /// The sum.
    Sum,
    /// The product.
    Prod,
    /// The largest; NaN from the first NaN on.
    Max,
    /// The smallest; NaN from the first NaN on.
    Min,
}

impl Cumulative {
    /// By the name that users know.
    pub fn name(self) -> &'static str {
        match self {
            Cumulative::Sum => "cumsum",
            Cumulative::Prod => "cumprod",
            Cumulative::Max => "cummax",
            Cumulative::Min => "cummin",
        }
    }

    fn reduction(self) -> Reduction {
        match self {
            Cumulative::Sum => Reduction::Sum,
            Cumulative::Prod => Reduction::Prod,
            Cumulative::Max => Reduction::Max,
            Cumulative::Min => Reduction::Min,
        }
    }
}

/// Elements with all those before them along an axis, in the dtype that they have.
#[derive(Clone, Debug)]
pub struct Scan {
    of: Cumulative,
    axis: usize,
    landing: Landing,
    spec: ReduceSpec,
    /// The axis, as reductions have it.
    along: Arc<[bool]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    of: Cumulative,
    dtype: DType,
    axis: usize,
    rank: usize,
}

impl Scan {
    /// Of elements of a dtype, along an axis of a domain of `rank` axes.
    ///
    /// # Errors
    /// `Format` if there is no such axis; `Type` for sums and products of bools, which are their extremes.
    pub fn new(of: Cumulative, dtype: DType, axis: usize, rank: usize) -> Result<Scan> {
        if axis >= rank {
            let what = format!("a fold '{}' along axis {axis} of {rank}", ROW.name);
            return Err(Error::new(ErrorKind::Format, what));
        }
        let mut spec = ReduceSpec::new(of.reduction(), &[dtype])?;
        if matches!(of, Cumulative::Sum | Cumulative::Prod) {
            if dtype == DType::Bool {
                let what = format!("{} of bools in bools: it is a cumulative extreme", of.name());
                return Err(Error::new(ErrorKind::Type, what));
            }
            spec = spec.with_dtype(dtype)?;
        }
        let along = (0..rank).map(|d| d == axis).collect();
        Ok(Scan { of, axis, landing: Landing::keep(rank), spec, along })
    }

    fn dtype(&self) -> DType {
        self.spec.compute_dtype()
    }

    fn elements_bytes(&self, block: &[u64]) -> u64 {
        block.iter().fold(self.dtype().size() as u64, |bytes, &n| bytes.saturating_mul(n))
    }

    fn empty(&self, block: &[u64]) -> Scanned {
        Scanned {
            scan: self.clone(),
            block: block.into(),
            elements: Buffer::new(),
            simd: Simd::BASELINE,
            settled: false,
            own: None,
            before: None,
            place: None,
        }
    }

    fn lines(&self, block: &[u64]) -> u64 {
        let others = block.iter().zip(&self.along[..]).filter(|(_, along)| !**along);
        others.fold(1, |n: u64, (&d, _)| n.saturating_mul(d))
    }
}

impl Fold for Scan {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn operation(&self) -> &'static str {
        self.of.name()
    }

    fn data(&self) -> serde_json::Value {
        let rank = self.landing.rank();
        row::data(&Data { of: self.of, dtype: self.dtype(), axis: self.axis, rank })
    }

    fn ports(&self) -> Ports {
        smallvec![Port { role: Role::Values, dtype: self.dtype() }]
    }

    fn landing(&self) -> &Landing {
        &self.landing
    }

    fn makes(&self, domain: &[u64]) -> Makes {
        Makes { shape: domain.into(), dtype: self.dtype(), histogram: false }
    }

    fn bytes(&self, block: &[u64]) -> FoldBytes {
        let carried = self.carry_bytes(block).saturating_mul(2);
        FoldBytes { state: self.elements_bytes(block).saturating_add(carried), scratch: SCRATCH }
    }

    fn quantity(&self) -> Quantity {
        self.spec.reduction().quantity()
    }

    fn load(&self) -> Load {
        Load::Reduced
    }

    fn places(&self) -> bool {
        true
    }

    fn carries(&self) -> Option<usize> {
        Some(self.axis)
    }

    fn carry_bytes(&self, block: &[u64]) -> u64 {
        self.lines(block).saturating_mul(self.spec.bytes_per_output())
    }

    fn detail(&self) -> String {
        format!(", axis {}", self.axis)
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        params.map_or(Ok(()), |p| expect_params(self, p))?;
        Ok(Arc::new(self.clone()))
    }
}

impl Ready for Scan {
    fn state(&self, block: &[u64]) -> Result<Box<dyn State>> {
        Ok(Box::new(self.empty(block)))
    }

    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let elements = elements_of(self.operation(), self.dtype(), self.elements_bytes(block), bytes)?;
        Ok(Box::new(Scanned { elements, ..self.empty(block) }))
    }

    fn update(&self, simd: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        let adds = Accumulate::new(&self.spec, Arc::clone(&self.along), simd);
        Box::new(Scanning { scan: self.clone(), adds, simd })
    }
}

/// One block.
struct Scanned {
    scan: Scan,
    block: Dims,
    /// As they came; once they are settled, as they are.
    elements: Buffer,
    simd: Simd,
    settled: bool,
    /// What the block's elements come to, line by line, if blocks come after it.
    own: Option<Box<reduce::State>>,
    /// What those before it came to.
    before: Option<Box<reduce::State>>,
    place: Option<Patch>,
}

impl State for Scanned {
    fn merge(&mut self, _: &dyn State) -> Result<()> {
        Err(internal("a block of a scan was made twice"))
    }

    fn finish(mut self: Box<Self>) -> Result<(Made, Notes)> {
        if !self.settled {
            self.settle()?;
        }
        let made = if self.place.is_some() { Made::Placed } else { Made::Elements(self.elements) };
        Ok((made, Notes::new()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        if self.settled || self.before.is_some() {
            return Err(internal("a block of a scan that has gone on from others cannot be sent"));
        }
        let mut bytes = self.elements.to_vec();
        little_endian(&mut bytes, self.scan.dtype().size());
        Ok(bytes)
    }

    fn elements(&mut self) -> Option<&mut Buffer> {
        if self.place.is_some() { None } else { Some(&mut self.elements) }
    }

    fn carry(&mut self, before: Option<Box<dyn State>>) -> Result<Option<Box<dyn State>>> {
        let wrong = || internal("a block of a scan was handed what another one carries");
        self.before = match before {
            Some(before) => {
                let before: Box<dyn Any> = before;
                Some(before.downcast::<reduce::State>().map_err(|_| wrong())?)
            }
            None => None,
        };
        let lines = self.scan.lines(&self.block);
        let fits = |s: &reduce::State| s.outputs() as u64 == lines && *s.spec() == self.scan.spec;
        if !self.before.iter().chain(&self.own).all(|s| fits(s)) {
            return Err(wrong());
        }
        let mut after = self.own.take();
        if let (Some(after), Some(before)) = (&mut after, &self.before) {
            reduce::State::merge(after, before);
        }
        Ok(after.map(|after| after as Box<dyn State>))
    }

    fn settle(&mut self) -> Result<()> {
        let (scan, lines) = (&self.scan, Lines::along(self.scan.axis, &self.block));
        let before = self.before.take();
        // What nothing came to has no elements yet.
        self.elements.resize_for_overwrite(scan.elements_bytes(&self.block) as usize);
        reduce::scan(&scan.spec, before.as_deref(), lines, &mut self.elements, self.simd)?;
        if let Some(place) = &mut self.place {
            place.write(0, &self.elements);
        }
        self.settled = true;
        Ok(())
    }

    fn place(&mut self, place: Patch) -> Result<()> {
        self.place = Some(place);
        Ok(())
    }
}

/// Keeps tiles and adds them up.
struct Scanning {
    scan: Scan,
    adds: Accumulate,
    simd: Simd,
}

impl Update for Scanning {
    fn begin(&mut self, block: &Block, state: &mut dyn State) -> Result<()> {
        let state: &mut Scanned = state_as(state)?;
        let (region, axis) = (block.region, self.scan.axis);
        let bytes = self.scan.elements_bytes(&region.shape) as usize;
        if state.place.as_ref().is_some_and(|place| place.len() != bytes) {
            return Err(internal("a block does not fill its place"));
        }
        state.elements.resize_for_overwrite(bytes);
        state.block.clone_from(&region.shape);
        (state.simd, state.settled, state.before) = (self.simd, false, None);
        let is_last = region.start[axis] + region.shape[axis] == block.domain[axis];
        state.own = match is_last {
            true => None,
            false => {
                self.adds.of_block(block);
                let lines = self.scan.lines(&region.shape) as usize;
                Some(Box::new(reduce::State::new(&self.scan.spec, lines)))
            }
        };
        Ok(())
    }

    fn tile(&mut self, state: &mut dyn State, tile: &Tile, scratch: &mut Scratch) -> Result<()> {
        let state: &mut Scanned = state_as(state)?;
        let (at, values) = (tile.start as usize * self.scan.dtype().size(), tile.columns[0]);
        state.elements[at..at + values.len()].copy_from_slice(values);
        match &mut state.own {
            Some(own) => self.adds.add(own, tile, scratch),
            None => Ok(()),
        }
    }
}
