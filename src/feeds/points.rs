//! Elements of an array at points: by lists of indices along several axes, one of each for a point.
//!
//! What it makes has the axis of the points first, then the axes along which it takes all. What lies in memory is
//! gathered where it lies, in any order. Of everything else a block asks for boxes: one for the points that follow each
//! other and lie in one cell of `near` elements, which is a chunk, so that a chunk is asked for once. Where the
//! points are sorted by chunk their axis is cut where the chunks are, and no two blocks want one chunk.
//!
//! Limits: points in no order cost a box at each turn; [`Array::take_points`](crate::Array::take_points) sorts them
//! first. They are part of the plan.

use super::feed::{Feed, FeedBytes, Fetch, Lying, Pieces, Reach, SubKernel, unfit};
use super::row::{Row, data_of};
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::{Chunks, Cuts, Dims, Slab, c_strides, unravel};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;

/// Elements at points.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// The axes that have indices, ascending.
    pub axes: Vec<usize>,
    /// For each of them the indices, in the order of the result.
    pub picks: Vec<Arc<[u64]>>,
    /// How many elements along each of them are brought at once.
    pub near: Vec<u64>,
}

pub(super) const ROW: Row = Row::of::<Points>("points");

impl Points {
    fn count(&self) -> u64 {
        self.picks.first().map_or(0, |p| p.len() as u64)
    }

    /// The axes along which all is taken, of `rank` axes.
    fn rest(&self, rank: usize) -> impl Iterator<Item = usize> + '_ {
        (0..rank).filter(|d| !self.axes.contains(d))
    }

    /// The slab of the child that holds the points of a box, from `low` to `high` along the axes.
    fn within(&self, rank: usize, slab: &Slab, low: &[u64], high: &[u64]) -> Slab {
        let mut part = Slab {
            start: Dims::from_elem(0, rank),
            count: Dims::from_elem(1, rank),
            step: Dims::from_elem(1, rank),
        };
        for (k, &d) in self.axes.iter().enumerate() {
            (part.start[d], part.count[d]) = (low[k], high[k] - low[k] + 1);
        }
        for (k, d) in (1..).zip(self.rest(rank)) {
            (part.start[d], part.count[d], part.step[d]) = (slab.start[k], slab.count[k], slab.step[k]);
        }
        part
    }
}

impl Feed for Points {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        data_of(self)
    }

    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        let [of] = of else { return Err(unfit("points are taken of one array")) };
        let (shape, axes) = (&of.shape, &self.axes);
        if axes.is_empty() || !axes.is_sorted_by(|a, b| a < b) || axes.iter().any(|&d| d >= shape.len()) {
            return Err(unfit("points are taken along axes that are not there"));
        }
        let alike = self.picks.iter().all(|p| p.len() as u64 == self.count());
        let there = axes.iter().zip(&self.picks).all(|(&d, picks)| picks.iter().all(|&p| p < shape[d]));
        let sizes = [self.picks.len(), self.near.len()] == [axes.len(); 2];
        if !(sizes && alike && there) || self.near.contains(&0) {
            return Err(unfit("points are taken that are not there"));
        }
        let rest = self.rest(shape.len()).map(|d| shape[d]);
        Ok((std::iter::once(self.count()).chain(rest).collect(), of.dtype()?))
    }

    fn describe(&self, _: &[SubKernel]) -> String {
        format!("{} points on axes {:?}", self.count(), self.axes)
    }

    fn moves(&self) -> bool {
        true
    }

    /// Along the first of the axes; along the others it comes to some at most.
    fn reach(&self, _: &[SubKernel], _: usize) -> Reach {
        Reach::Picked { along: self.axes[0], picks: self.picks[0].clone() }
    }

    fn pieces(&self, of: &[SubKernel], chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        let inner = chunks(&of[0])?;
        let cell = |i: usize| -> SmallVec<[u64; 4]> {
            self.axes.iter().zip(&self.picks).map(|(&d, p)| inner.index_of(d, p[i])).collect()
        };
        let n = self.count() as usize;
        if !(1..n).all(|i| cell(i - 1) <= cell(i)) {
            return None;
        }
        let ends: Vec<u64> =
            (1..=n).filter(|&i| i == n || cell(i) != cell(i - 1)).map(|i| i as u64).collect();
        let cuts = Cuts::at_ends(&ends);
        if cuts.is_empty() {
            return None;
        }
        let rest = self.rest(inner.shape().len()).map(|d| inner.shape()[d]);
        let shape: Dims = std::iter::once(cuts.longest()).chain(rest).collect();
        Some(Pieces::new(Chunks::uneven(&shape, 0, cuts), false))
    }

    fn bytes(
        &self,
        of: &[SubKernel],
        block: &[u64],
        bytes: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let shape = &of[0].shape;
        // The largest box of a block.
        let mut near = shape.clone();
        for (k, d) in (1..).zip(self.rest(shape.len())) {
            near[d] = block[k].min(shape[d]);
        }
        let mut own = bytes / block[0].max(1);
        for (&d, &most) in self.axes.iter().zip(&self.near) {
            near[d] = most.min(shape[d]);
            own = own.saturating_mul(near[d]);
        }
        let FeedBytes { temporary, scratch } = child(0, &near);
        FeedBytes { temporary: own.saturating_add(temporary), scratch }
    }

    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let (rank, dtype) = (of[0].shape.len(), of[0].dtype()?);
        let size = dtype.size();
        let at = |k: usize, i: u64| self.picks[k][(slab.start[0] + i * slab.step[0]) as usize];
        let all = 0..self.axes.len();
        let each = slab.count[1..].iter().product::<u64>() as usize * size;
        if let Some(lying) = get.lying(0, dtype)? {
            for (i, to) in (0..).zip(out.chunks_exact_mut(each)) {
                let low: SmallVec<[u64; 4]> = all.clone().map(|k| at(k, i)).collect();
                let one = self.within(rank, slab, &low, &low);
                let base = (0..rank).map(|d| one.start[d] as i64 * lying.strides[d]).sum::<i64>();
                let strides: SmallVec<[i64; 4]> =
                    self.rest(rank).map(|d| one.step[d] as i64 * lying.strides[d]).collect();
                let Lying { bytes, offset, .. } = lying;
                copy(bytes, offset + base, &strides, &slab.count[1..], size, to);
            }
            return Ok(());
        }
        let mut first = 0;
        while first < slab.count[0] {
            let cell = |i: u64| all.clone().map(move |k| at(k, i) / self.near[k]);
            let mut low: SmallVec<[u64; 4]> = all.clone().map(|k| at(k, first)).collect();
            let mut high = low.clone();
            let mut end = first + 1;
            while end < slab.count[0] && cell(end).eq(cell(first)) {
                for k in all.clone() {
                    (low[k], high[k]) = (low[k].min(at(k, end)), high[k].max(at(k, end)));
                }
                end += 1;
            }
            let part = self.within(rank, slab, &low, &high);
            let mut staged = get.take(part.len() as usize * size);
            get.child(0, &part, dtype, &mut staged)?;
            let strides = c_strides(&part.count);
            let along: SmallVec<[i64; 4]> = self.rest(rank).map(|d| strides[d]).collect();
            for i in first..end {
                let base = all.clone().map(|k| (at(k, i) - low[k]) as i64 * strides[self.axes[k]]).sum();
                let to = &mut out[i as usize * each..(i as usize + 1) * each];
                copy(&staged, base, &along, &slab.count[1..], size, to);
            }
            get.give(staged);
            first = end;
        }
        Ok(())
    }
}

/// Copies the elements at `base` and `strides` from it, in elements, C order.
fn copy(from: &[u8], base: i64, strides: &[i64], counts: &[u64], size: usize, to: &mut [u8]) {
    // Rows that are one stretch are copied whole.
    let (outer, row) = match (strides.split_last(), counts.split_last()) {
        (Some((1, outer)), Some((&row, _))) => (outer, row as usize),
        _ => (strides, 1),
    };
    let counts = &counts[..outer.len()];
    for (i, to) in (0..).zip(to.chunks_exact_mut(row.max(1) * size)) {
        let at = unravel(i, counts);
        let first = base + at.iter().zip(outer).map(|(&i, s)| i as i64 * s).sum::<i64>();
        to.copy_from_slice(&from[first as usize * size..][..to.len()]);
    }
}
