//! Arrays one after the other along an axis.

use super::feed::{AxisOf, Feed, FeedBytes, Fetch, Pieces, Reach, SubKernel, unfit};
use super::row::{Row, block_in, data_of};
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::{Chunks, Cuts, Dims, Slab};
use serde::{Deserialize, Serialize};

/// Pieces one after the other along an axis.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concatenate {
    /// The axis.
    pub axis: usize,
}

pub(super) const ROW: Row = Row::of::<Concatenate>("concatenate");

impl Feed for Concatenate {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        data_of(self)
    }

    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        let axis = self.axis;
        let first = of.first().ok_or_else(|| unfit("a concatenation of nothing"))?;
        let (mut shape, dtype) = (first.shape.clone(), first.dtype()?);
        if axis >= shape.len() {
            return Err(unfit("the pieces of a concatenation do not fit"));
        }
        shape[axis] = 0;
        for p in of {
            let fits =
                p.shape.len() == shape.len() && (0..shape.len()).all(|d| d == axis || p.shape[d] == shape[d]);
            if !fits || p.dtype()? != dtype {
                return Err(unfit("the pieces of a concatenation do not fit"));
            }
            shape[axis] = shape[axis].saturating_add(p.shape[axis]);
        }
        Ok((shape, dtype))
    }

    fn describe(&self, of: &[SubKernel]) -> String {
        format!("{} pieces along axis {}", of.len(), self.axis)
    }

    fn moves(&self) -> bool {
        true
    }

    fn axis_of(&self, _: usize, axis: usize) -> Option<AxisOf> {
        Some(AxisOf { axis, shift: (axis != self.axis).then_some(0) })
    }

    fn reach(&self, _: &[SubKernel], _: usize) -> Reach {
        Reach::Affine { along: self.axis }
    }

    fn pieces(&self, of: &[SubKernel], chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        let axis = self.axis;
        let all: Vec<Option<Chunks>> = of.iter().map(chunks).collect();
        let largest = all.iter().flatten().max_by_key(|c| c.elements());
        // What has no chunks can be cut anywhere: as the others.
        let shape: Dims =
            largest.map_or_else(|| of[0].shape.iter().map(|_| 1).collect(), |c| c.shape().into());
        let each = of.iter().zip(&all).flat_map(|(p, chunks)| match chunks {
            Some(chunks) => {
                chunks.cuts(axis).map_or_else(|| vec![(p.shape[axis], chunks.shape()[axis])], Cuts::lengths)
            }
            None => vec![(p.shape[axis], shape[axis])],
        });
        let cuts: Cuts = each.collect();
        let chunks = match cuts.is_empty() {
            true => Chunks::from(shape),
            false => Chunks::uneven(&shape, axis, cuts),
        };
        Some(Pieces::new(chunks, false))
    }

    fn bytes(
        &self,
        of: &[SubKernel],
        block: &[u64],
        bytes: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let each = of.iter().enumerate().map(|(i, p)| child(i, &block_in(block, &p.shape)));
        let most = each.fold(FeedBytes::default(), |a, b| FeedBytes {
            temporary: a.temporary.max(b.temporary),
            scratch: a.scratch.and(&b.scratch),
        });
        FeedBytes { temporary: bytes.saturating_add(most.temporary), ..most }
    }

    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let axis = self.axis;
        let dtype = of[0].dtype()?;
        let size = dtype.size();
        let outer: u64 = slab.count[..axis].iter().product();
        let row = slab.count[axis + 1..].iter().product::<u64>() as usize * size;
        let total = slab.count[axis] as usize * row;
        let mut begin = 0u64;
        let mut done = 0u64;
        for (i, piece) in of.iter().enumerate() {
            let end = begin + piece.shape[axis];
            // The first element of the slab in this piece, and how many there are.
            let first = slab.start[axis] + done * slab.step[axis];
            let count = if done < slab.count[axis] && first < end {
                ((end - first).div_ceil(slab.step[axis])).min(slab.count[axis] - done)
            } else {
                0
            };
            if count > 0 {
                let mut part = slab.clone();
                part.start[axis] = first - begin;
                part.count[axis] = count;
                let bytes = count as usize * row;
                if outer == 1 {
                    let at = done as usize * row;
                    get.child(i, &part, dtype, &mut out[at..at + bytes])?;
                } else {
                    let mut buffer = get.take(outer as usize * bytes);
                    get.child(i, &part, dtype, &mut buffer)?;
                    for (o, chunk) in buffer.chunks_exact(bytes).enumerate() {
                        let at = o * total + done as usize * row;
                        out[at..at + bytes].copy_from_slice(chunk);
                    }
                    get.give(buffer);
                }
                done += count;
            }
            begin = end;
        }
        Ok(())
    }
}
