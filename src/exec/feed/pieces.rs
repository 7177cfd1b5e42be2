//! Concatenations and reshapes, computed for one slab.

use super::Reader;
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::{Dims, Slab, c_strides, unravel};
use crate::plan::SubKernel;

impl Reader<'_> {
    /// Elements of arrays one after the other along an axis.
    pub(super) fn concatenate(
        &mut self,
        axis: usize,
        pieces: &[SubKernel],
        slab: &Slab,
        dtype: DType,
        out: &mut [u8],
    ) -> Result<()> {
        let size = dtype.size();
        let outer: u64 = slab.count[..axis].iter().product();
        let row = slab.count[axis + 1..].iter().product::<u64>() as usize * size;
        let total = slab.count[axis] as usize * row;
        let mut begin = 0u64;
        let mut done = 0u64;
        for piece in pieces {
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
                    self.eval(piece, &part, dtype, &mut out[at..at + bytes])?;
                } else {
                    let mut buffer = self.take(outer as usize * bytes);
                    self.eval(piece, &part, dtype, &mut buffer)?;
                    for (o, chunk) in buffer.chunks_exact(bytes).enumerate() {
                        let at = o * total + done as usize * row;
                        out[at..at + bytes].copy_from_slice(chunk);
                    }
                    self.give(buffer);
                }
                done += count;
            }
            begin = end;
        }
        Ok(())
    }

    /// Elements of a reshaped array: stretches that are consecutive in C order, box by box.
    pub(super) fn reshape(
        &mut self,
        of: &SubKernel,
        shape: &[u64],
        slab: &Slab,
        dtype: DType,
        out: &mut [u8],
    ) -> Result<()> {
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
            self.stretch(of, first, dtype, target)?;
        }
        Ok(())
    }

    /// The elements from C-order position `first` on, as many as `out` takes.
    fn stretch(&mut self, of: &SubKernel, first: u64, dtype: DType, out: &mut [u8]) -> Result<()> {
        let size = dtype.size();
        let strides = c_strides(&of.shape);
        let len = (out.len() / size) as u64;
        let mut done = 0;
        while done < len {
            let position = first + done;
            let at = unravel(position, &of.shape);
            // The largest box that starts here, is one stretch, and does not go past the end.
            let mut d = of.shape.len();
            while d > 0 && at[d - 1] == 0 && strides[d - 1] as u64 * of.shape[d - 1] <= len - done {
                d -= 1;
            }
            let mut slab = Slab {
                start: at.clone(),
                count: Dims::from_elem(1, of.shape.len()),
                step: Dims::from_elem(1, of.shape.len()),
            };
            for k in d..of.shape.len() {
                slab.count[k] = of.shape[k];
            }
            if d > 0 {
                let unit = strides[d - 1] as u64;
                slab.count[d - 1] = ((len - done) / unit).min(of.shape[d - 1] - at[d - 1]);
            }
            let n = slab.len();
            let target = &mut out[done as usize * size..(done + n) as usize * size];
            self.eval(of, &slab, dtype, target)?;
            done += n;
        }
        Ok(())
    }
}
