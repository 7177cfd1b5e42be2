//! The elements of an array of another shape, in C order.

use super::feed::{Feed, FeedBytes, Fetch, Pieces, Reach, SubKernel, unfit};
use super::row::{Row, block_in, data_of};
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::{Chunks, Dims, Slab, c_strides, checked_len, show_shape, unravel};
use serde::{Deserialize, Serialize};

/// The elements of an array of another shape, in C order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// The shape after.
    pub shape: Dims,
}

pub(super) const ROW: Row = Row::of::<Reshape>("reshape");

impl Feed for Reshape {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        data_of(self)
    }

    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        let [of] = of else { return Err(unfit("a reshape is of one array")) };
        if checked_len(&self.shape) != checked_len(&of.shape) {
            return Err(unfit("a reshape changes the number of elements"));
        }
        Ok((self.shape.clone(), of.dtype()?))
    }

    fn describe(&self, _: &[SubKernel]) -> String {
        format!("reshape to {}", show_shape(&self.shape))
    }

    fn moves(&self) -> bool {
        true
    }

    fn reach(&self, _: &[SubKernel], _: usize) -> Reach {
        Reach::CRuns
    }

    fn pieces(&self, of: &[SubKernel], chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        let (of, shape) = (&of[0], &self.shape);
        let chunks = chunks(of)?;
        // Whole slabs of chunks along the first axis are consecutive in C order.
        let slab = chunks.shape().first()? * of.shape[1..].iter().product::<u64>();
        let mut out = Dims::from_elem(1, shape.len());
        let mut left = slab.max(1);
        for d in (0..shape.len()).rev() {
            out[d] = left.min(shape[d]).max(1);
            left = (left / shape[d].max(1)).max(1);
        }
        Some(Pieces::new(out.into(), false))
    }

    fn bytes(
        &self,
        of: &[SubKernel],
        block: &[u64],
        bytes: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let FeedBytes { temporary, scratch } = child(0, &block_in(block, &of[0].shape));
        FeedBytes { temporary: bytes.saturating_mul(2).saturating_add(temporary), scratch }
    }

    /// Stretches that are consecutive in C order, box by box.
    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let shape = &self.shape;
        let dtype = of[0].dtype()?;
        let size = dtype.size();
        let rank = shape.len();
        // Axes from `run` on are taken whole and without steps, so they are one stretch.
        let mut run = rank;
        while run > 0 && slab.step[run - 1] == 1 {
            run -= 1;
            if slab.count[run] != shape[run] {
                break;
            }
        }
        let stretch: u64 = slab.count[run..].iter().product();
        let strides = c_strides(shape);
        let counts = &slab.count[..run];
        for i in 0..counts.iter().product::<u64>() {
            let at = unravel(i, counts);
            let mut first = 0u64;
            for d in 0..rank {
                let index = slab.start[d] + if d < run { at[d] * slab.step[d] } else { 0 };
                first += index * strides[d] as u64;
            }
            let target = &mut out[(i * stretch) as usize * size..][..stretch as usize * size];
            fill(&of[0].shape, get, first, dtype, target)?;
        }
        Ok(())
    }
}

/// The elements of the child of `shape` from C-order position `first` on, as many as `out` takes.
fn fill(shape: &[u64], get: &mut dyn Fetch, first: u64, dtype: DType, out: &mut [u8]) -> Result<()> {
    let size = dtype.size();
    let strides = c_strides(shape);
    let len = (out.len() / size) as u64;
    let mut done = 0;
    while done < len {
        let position = first + done;
        let at = unravel(position, shape);
        // The largest box that starts here, is one stretch, and does not go past the end.
        let mut d = shape.len();
        while d > 0 && at[d - 1] == 0 && strides[d - 1] as u64 * shape[d - 1] <= len - done {
            d -= 1;
        }
        let mut slab = Slab {
            start: at.clone(),
            count: Dims::from_elem(1, shape.len()),
            step: Dims::from_elem(1, shape.len()),
        };
        slab.count[d..].copy_from_slice(&shape[d..]);
        if d > 0 {
            let unit = strides[d - 1] as u64;
            slab.count[d - 1] = ((len - done) / unit).min(shape[d - 1] - at[d - 1]);
        }
        let n = slab.len();
        let target = &mut out[done as usize * size..(done + n) as usize * size];
        get.child(0, &slab, dtype, target)?;
        done += n;
    }
    Ok(())
}
