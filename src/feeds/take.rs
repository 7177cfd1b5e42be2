//! Elements of an array by a list of their indices along an axis.
//!
//! What lies in memory is gathered where it lies, in any order. Of everything else a block asks for boxes: one
//! for the picks that follow each other and lie in one stretch of `near` elements, which is how long the
//! chunks are, so that a chunk is asked for once. If the list ascends the axis is cut where the chunks are,
//! and no two blocks want one chunk.
//!
//! Limits: a list that goes to and fro costs a box at each turn; [`Array::take`](crate::Array::take) sorts
//! it first. The list is part of the plan.

use super::feed::{AxisOf, Feed, FeedBytes, Fetch, Lying, Pieces, Reach, SubKernel, unfit};
use super::row::{Row, data_of};
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::{Chunks, Cuts, Dims, Slab, unravel};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Elements by their indices along an axis.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// The axis.
    pub axis: usize,
    /// The indices, in the order of the result.
    pub picks: Arc<[u64]>,
    /// How many elements along the axis are brought at once.
    pub near: u64,
}

pub(super) const ROW: Row = Row::of::<Take>("take");

impl Feed for Take {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        data_of(self)
    }

    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        let [of] = of else { return Err(unfit("elements are taken of one array")) };
        let (mut shape, dtype) = (of.shape.clone(), of.dtype()?);
        let Some(len) = shape.get_mut(self.axis) else {
            return Err(unfit("elements are taken along an axis that is not there"));
        };
        if self.near == 0 || self.picks.iter().any(|p| p >= len) {
            return Err(unfit("elements are taken that are not there"));
        }
        *len = self.picks.len() as u64;
        Ok((shape, dtype))
    }

    fn describe(&self, _: &[SubKernel]) -> String {
        format!("{} picked along axis {}", self.picks.len(), self.axis)
    }

    fn moves(&self) -> bool {
        true
    }

    fn axis_of(&self, _: usize, axis: usize) -> Option<AxisOf> {
        Some(AxisOf { axis, shift: (axis != self.axis).then_some(0) })
    }

    fn reach(&self, _: &[SubKernel], _: usize) -> Reach {
        Reach::Picked { along: self.axis, picks: self.picks.clone() }
    }

    fn pieces(&self, of: &[SubKernel], chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        let inner = chunks(&of[0])?;
        if !self.picks.is_sorted() {
            return None;
        }
        let cell = |&p: &u64| inner.index_of(self.axis, p);
        let ends = (1..=self.picks.len())
            .filter(|&i| self.picks.get(i).map(cell) != Some(cell(&self.picks[i - 1])))
            .map(|i| i as u64);
        let cuts = Cuts::at_ends(&ends.collect::<Vec<_>>());
        if cuts.is_empty() {
            return None;
        }
        Some(Pieces::new(Chunks::uneven(inner.shape(), self.axis, cuts), false))
    }

    fn bytes(
        &self,
        of: &[SubKernel],
        block: &[u64],
        bytes: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let (d, shape) = (self.axis, &of[0].shape);
        // The box of a block.
        let mut near: Dims = block.iter().zip(shape).map(|(&b, &n)| b.min(n)).collect();
        let most = self.near.min(shape[d]);
        let own = (bytes / block[d].max(1)).saturating_mul(most);
        near[d] = most;
        let FeedBytes { temporary, scratch } = child(0, &near);
        FeedBytes { temporary: own.saturating_add(temporary), scratch }
    }

    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let (d, dtype) = (self.axis, of[0].dtype()?);
        let size = dtype.size();
        let pick = |k: u64| self.picks[(slab.start[d] + k * slab.step[d]) as usize];
        if let Some(lying) = get.lying(0, dtype)? {
            let picks: Vec<i64> = (0..slab.count[d]).map(|k| pick(k) as i64 * lying.strides[d]).collect();
            match size {
                1 => gather::<1>(&lying, slab, d, &picks, out),
                2 => gather::<2>(&lying, slab, d, &picks, out),
                4 => gather::<4>(&lying, slab, d, &picks, out),
                _ => gather::<8>(&lying, slab, d, &picks, out),
            }
            return Ok(());
        }
        let outer: u64 = slab.count[..d].iter().product();
        let row = slab.count[d + 1..].iter().product::<u64>() as usize * size;
        let total = slab.count[d] as usize * row;
        let mut k = 0;
        while k < slab.count[d] {
            let (mut low, mut high) = (pick(k), pick(k));
            let cell = low / self.near;
            let mut end = k + 1;
            while end < slab.count[d] && pick(end) / self.near == cell {
                (low, high) = (low.min(pick(end)), high.max(pick(end)));
                end += 1;
            }
            let mut part = slab.clone();
            (part.start[d], part.count[d], part.step[d]) = (low, high - low + 1, 1);
            let bytes = part.count[d] as usize * row;
            let mut staged = get.take(outer as usize * bytes);
            get.child(0, &part, dtype, &mut staged)?;
            for o in 0..outer as usize {
                for j in k..end {
                    let (from, to) =
                        (o * bytes + (pick(j) - low) as usize * row, o * total + j as usize * row);
                    out[to..to + row].copy_from_slice(&staged[from..from + row]);
                }
            }
            get.give(staged);
            k = end;
        }
        Ok(())
    }
}

/// Copies the elements of a slab out of an array in memory; `picks` are the offsets along axis `d`.
fn gather<const SIZE: usize>(of: &Lying, slab: &Slab, d: usize, picks: &[i64], out: &mut [u8]) {
    let along = |axis: usize, i: u64| (slab.start[axis] + i * slab.step[axis]) as i64 * of.strides[axis];
    let last = slab.count.len() - 1;
    // All axes but the last, in C order, and the offsets along that one.
    let outer = &slab.count[..last];
    let offsets = |axis: usize| -> Vec<i64> {
        if axis == d { picks.to_vec() } else { (0..slab.count[axis]).map(|i| along(axis, i)).collect() }
    };
    let rows: Vec<Vec<i64>> = (0..last).map(offsets).collect();
    let row = offsets(last);
    let (all, _) = of.bytes.as_chunks::<SIZE>();
    let (out, _) = out.as_chunks_mut::<SIZE>();
    for (r, to) in out.chunks_exact_mut(row.len().max(1)).enumerate() {
        let at = unravel(r as u64, outer);
        let base = of.offset + at.iter().zip(&rows).map(|(&i, offsets)| offsets[i as usize]).sum::<i64>();
        for (to, &by) in to.iter_mut().zip(&row) {
            *to = all[(base + by) as usize];
        }
    }
}
