//! Collecting: the elements are the result.

use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Notes, Port, Ports, Role, internal};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as};
use super::{Block, FoldRow, Scratch, SharedFold, Tile, row};
use crate::buffer::{Buffer, little_endian};
use crate::dtype::DType;
use crate::error::Result;
use crate::ops::histogram::LogOf;
use crate::ops::reduce::Quantity;
use crate::ops::shared::Patch;
use crate::ops::simd::Simd;
use serde::{Deserialize, Serialize};
use smallvec::smallvec;
use std::sync::Arc;

/// The row of [`Collect`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "collect",
    read: |data| {
        let Data { dtype, rank } = row::parse("collect", data)?;
        Ok(SharedFold::new(Collect::new(dtype, row::checked_rank("collect", rank)?)))
    },
};

/// The elements of one column, each at its place.
#[derive(Clone, Debug)]
pub struct Collect {
    dtype: DType,
    landing: Landing,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    dtype: DType,
    rank: usize,
}

impl Collect {
    /// Of a domain of `rank` axes.
    pub fn new(dtype: DType, rank: usize) -> Collect {
        Collect { dtype, landing: Landing::keep(rank) }
    }

    /// The dtype of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }
}

impl Fold for Collect {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        row::data(&Data { dtype: self.dtype, rank: self.landing.rank() })
    }

    fn ports(&self) -> Ports {
        smallvec![Port { role: Role::Values, dtype: self.dtype }]
    }

    fn landing(&self) -> &Landing {
        &self.landing
    }

    fn makes(&self, domain: &[u64]) -> Makes {
        Makes { shape: domain.into(), dtype: self.dtype, histogram: false }
    }

    fn bytes(&self, block: &[u64]) -> FoldBytes {
        let state = block.iter().fold(self.dtype.size() as u64, |bytes, &n| bytes.saturating_mul(n));
        FoldBytes { state, scratch: ("collect", 0) }
    }

    fn quantity(&self) -> Quantity {
        Quantity::Element
    }

    fn load(&self) -> Load {
        Load::Moved
    }

    fn places(&self) -> bool {
        true
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        params.map_or(Ok(()), |p| expect_params(self, p))?;
        Ok(Arc::new(self.clone()))
    }
}

impl Ready for Collect {
    fn state(&self, _: &[u64]) -> Result<Box<dyn State>> {
        Ok(Box::new(Collected::new(self.dtype)))
    }

    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let mut state = Collected::new(self.dtype);
        state.own = elements_of("collect", self.dtype, self.bytes(block).state, bytes)?;
        Ok(Box::new(state))
    }

    fn update(&self, _: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        Box::new(self.clone())
    }
}

/// The elements of a block that has `len` bytes of them, as they travelled.
///
/// # Errors
/// `Format` if they are not such elements.
pub(super) fn elements_of(operation: &str, dtype: DType, len: u64, bytes: &[u8]) -> Result<Buffer> {
    if len != bytes.len() as u64 {
        return Err(damaged(operation, "the elements do not fill their block"));
    }
    if dtype == DType::Bool && bytes.iter().any(|&b| b > 1) {
        return Err(damaged(operation, "a bool is neither 0 nor 1"));
    }
    let mut elements = Buffer::zeroed(bytes.len());
    elements.copy_from_slice(bytes);
    little_endian(&mut elements, dtype.size());
    Ok(elements)
}

/// The elements of one block: of its own, or at their place in the result.
#[derive(Debug)]
pub struct Collected {
    own: Buffer,
    /// Bytes of an element.
    size: usize,
    place: Option<Patch>,
}

impl Collected {
    /// No elements yet.
    pub fn new(dtype: DType) -> Collected {
        Collected { own: Buffer::new(), size: dtype.size(), place: None }
    }

    /// The elements, unless they were written to their place.
    pub fn elements(&self) -> &Buffer {
        &self.own
    }

    /// As [`Collected::elements`], to be written.
    pub fn elements_mut(&mut self) -> &mut Buffer {
        &mut self.own
    }

    /// As [`Collected::elements`], handed over.
    pub fn into_elements(self) -> Buffer {
        self.own
    }
}

impl State for Collected {
    fn merge(&mut self, _: &dyn State) -> Result<()> {
        Err(internal("a block of collected elements was made twice"))
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        let made = if self.place.is_some() { Made::Placed } else { Made::Elements(self.own) };
        Ok((made, Notes::new()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        if self.place.is_some() {
            return Err(internal("elements that are in the result already cannot be sent"));
        }
        let mut bytes = self.own.to_vec();
        little_endian(&mut bytes, self.size);
        Ok(bytes)
    }

    fn elements(&mut self) -> Option<&mut Buffer> {
        if self.place.is_some() { None } else { Some(&mut self.own) }
    }

    fn place(&mut self, place: Patch) -> Result<()> {
        self.place = Some(place);
        Ok(())
    }
}

impl Update for Collect {
    fn begin(&mut self, block: &Block, state: &mut dyn State) -> Result<()> {
        let state: &mut Collected = state_as(state)?;
        let bytes = block.region.len() as usize * self.dtype.size();
        match &state.place {
            Some(place) if place.len() != bytes => Err(internal("a block does not fill its place")),
            Some(_) => Ok(()),
            None => {
                state.own.resize_for_overwrite(bytes);
                Ok(())
            }
        }
    }

    fn tile(&mut self, state: &mut dyn State, tile: &Tile, _: &mut Scratch) -> Result<()> {
        let state: &mut Collected = state_as(state)?;
        let (at, bytes) = (tile.start as usize * self.dtype.size(), tile.columns[0]);
        match &mut state.place {
            Some(place) => place.write(at, bytes),
            None => state.own[at..at + bytes.len()].copy_from_slice(bytes),
        }
        Ok(())
    }
}
