//! What looking up an array's elements in a table gives: places, membership, interpolated values.
//!
//! The table is part of the plan, so that it travels with it. Elements keep their places, and a block takes the
//! same block of the child, in the dtype in which elements are looked up.
//!
//! Limits: on the CPU only, as all feeds; 2^26 elements of the table ([`Lookup`]).

use super::feed::{AxisOf, Feed, FeedBytes, Fetch, Pieces, Reach, SubKernel, unfit};
use super::row::{Row, data_of};
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::{Chunks, Dims, Slab};
use crate::ops::lookup::Lookup;
use serde::{Deserialize, Serialize};

/// A lookup of every element.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LookedUp {
    /// In what, and for what.
    pub lookup: Lookup,
}

pub(super) const ROW: Row = Row::of::<LookedUp>("lookup");

impl Feed for LookedUp {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        data_of(self)
    }

    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        match of {
            [of] if of.dtype()? == self.lookup.takes() => Ok((of.shape.clone(), self.lookup.gives())),
            _ => Err(unfit("a table of another dtype than what is looked up in it")),
        }
    }

    fn describe(&self, _: &[SubKernel]) -> String {
        self.lookup.describe()
    }

    fn keeps_places(&self) -> bool {
        true
    }

    fn axis_of(&self, _: usize, axis: usize) -> Option<AxisOf> {
        Some(AxisOf { axis, shift: Some(0) })
    }

    fn reach(&self, of: &[SubKernel], _: usize) -> Reach {
        Reach::Halo { before: Dims::from_elem(0, of[0].shape.len()) }
    }

    fn pieces(&self, of: &[SubKernel], chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        Some(Pieces::new(chunks(&of[0])?, false))
    }

    fn bytes(
        &self,
        _: &[SubKernel],
        block: &[u64],
        _: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let size = self.lookup.takes().size() as u64;
        let staged = block.iter().fold(size, |bytes, &n| bytes.saturating_mul(n));
        let FeedBytes { temporary, scratch } = child(0, block);
        FeedBytes { temporary: staged.saturating_add(temporary), scratch }
    }

    fn held(&self) -> u64 {
        self.lookup.bytes()
    }

    fn fetch(&self, _: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let dtype = self.lookup.takes();
        let mut staged = get.take(slab.len() as usize * dtype.size());
        get.child(0, slab, dtype, &mut staged)?;
        self.lookup.find(&staged, out);
        get.give(staged);
        Ok(())
    }
}
