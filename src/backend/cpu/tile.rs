//! Geometry of a tile: bringing an operand's elements into C order.

use crate::buffer::Buffer;
use crate::ops::kernel::Operand;
use smallvec::SmallVec;

/// An operand's placement with neighbouring axes joined where they can be walked as one.
pub struct Walk {
    shape: SmallVec<[u64; 4]>,
    strides: SmallVec<[i64; 4]>,
    offset: i64,
}

impl Walk {
    /// Joins the axes of a block of shape `block`.
    pub fn new(block: &[u64], operand: &Operand) -> Self {
        let mut walk =
            Walk { shape: SmallVec::new(), strides: SmallVec::new(), offset: operand.placement.offset };
        for (&n, &s) in block.iter().zip(&operand.placement.strides) {
            if n == 1 {
                continue;
            }
            match (walk.shape.last_mut(), walk.strides.last_mut()) {
                (Some(outer), Some(stride)) if *stride == s * n as i64 => {
                    *outer *= n;
                    *stride = s;
                }
                _ => {
                    walk.shape.push(n);
                    walk.strides.push(s);
                }
            }
        }
        if walk.shape.is_empty() {
            walk.shape.push(1);
            walk.strides.push(1);
        }
        walk
    }

    /// The elements `start..start + n` of the block in C order: borrowed where they lie so already,
    /// otherwise gathered into `scratch`.
    pub fn load<'a>(
        &self,
        bytes: &'a [u8],
        size: usize,
        start: u64,
        n: usize,
        scratch: &'a mut Buffer,
    ) -> &'a [u8] {
        if self.shape.len() == 1 && self.strides[0] == 1 {
            let at = (self.offset as u64 + start) as usize * size;
            let direct = &bytes[at..at + n * size];
            // Kernels take typed slices, so a borrowed tile must be aligned.
            if (direct.as_ptr() as usize).is_multiple_of(size) {
                return direct;
            }
        }
        scratch.resize_for_overwrite(n * size);
        match size {
            1 => self.gather::<1>(bytes, start, scratch),
            2 => self.gather::<2>(bytes, start, scratch),
            4 => self.gather::<4>(bytes, start, scratch),
            _ => self.gather::<8>(bytes, start, scratch),
        }
        scratch
    }

    fn gather<const SIZE: usize>(&self, bytes: &[u8], start: u64, out: &mut [u8]) {
        let (src, _) = bytes.as_chunks::<SIZE>();
        let (out, _) = out.as_chunks_mut::<SIZE>();
        let last = self.shape.len() - 1;
        let (inner, stride) = (self.shape[last], self.strides[last]);
        let mut done = 0;
        while done < out.len() {
            let position = start + done as u64;
            let (mut row, along) = (position / inner, position % inner);
            let mut at = self.offset + along as i64 * stride;
            for d in (0..last).rev() {
                at += (row % self.shape[d]) as i64 * self.strides[d];
                row /= self.shape[d];
            }
            let run = ((inner - along) as usize).min(out.len() - done);
            let target = &mut out[done..done + run];
            match stride {
                1 => target.copy_from_slice(&src[at as usize..at as usize + run]),
                0 => target.fill(src[at as usize]),
                _ => {
                    for (k, v) in target.iter_mut().enumerate() {
                        *v = src[(at + k as i64 * stride) as usize];
                    }
                }
            }
            done += run;
        }
    }
}
