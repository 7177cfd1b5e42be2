//! Where a block's elements are in the operands' bytes, as classes (which decide the shader's text)
//! and numbers (which do not).
//!
//! A shuffled operand goes up plane by plane: only the bytes of the elements that the block needs, the
//! lowest byte first whatever order the file has, each plane padded so that four elements are a word.

use crate::dtype::DType;
use crate::grid::Dims;
use crate::ops::kernel::{Operand, Packing};
use smallvec::SmallVec;
use std::ops::Range;

/// How a shader finds the element with the linear (C order) index `i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// At `base + i`.
    Contiguous,
    /// At `base + i`, where `base` is a multiple of 4: four elements are loaded at once.
    Aligned,
    /// At `base`, always.
    Constant,
    /// At `base` plus a stride per axis of an index of this many axes.
    Strided(u8),
}

/// How an element's bytes lie on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bytes {
    /// Together, the lowest first.
    Plain,
    /// Together, the highest first.
    Reversed,
    /// One in each of as many planes.
    Planes,
}

/// What a shader's text depends on, for one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    /// How an element's position is found.
    pub access: Access,
    /// How its bytes are put together.
    pub bytes: Bytes,
}

impl Class {
    /// How many of [`Layout::words`] are the operand's.
    pub fn words(&self) -> usize {
        let axes = match self.access {
            Access::Strided(rank) => 2 * rank as usize,
            _ => 0,
        };
        1 + axes + if self.bytes == Bytes::Planes { 2 } else { 0 }
    }
}

impl From<Access> for Class {
    fn from(access: Access) -> Class {
        Class { access, bytes: Bytes::Plain }
    }
}

/// The layout of one block.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Elements of the block, below 2^31.
    pub len: u32,
    /// Per operand, how its elements are found.
    pub classes: SmallVec<[Class; 4]>,
    /// The words that a shader reads: `[len]`, then per operand its base (in elements of its dtype, from
    /// the beginning of all operands; in planes, from the beginning of a plane); where it is strided, the
    /// lengths of its axes and the strides along them; and where it is in planes, the first word of the
    /// first plane and the words from one to the next.
    pub words: Vec<u32>,
    /// The bytes of the operands that are needed, and where they go.
    pub parts: SmallVec<[Part; 4]>,
    /// Bytes of all operands on the device.
    pub bytes: u64,
}

/// Bytes of an operand that a block needs.
#[derive(Clone, Debug)]
pub struct Part {
    /// The operand.
    pub operand: usize,
    /// The range in the operand's bytes.
    pub from: Range<usize>,
    /// Where they begin on the device, a multiple of [`PLANE`]; the first of an operand, of 256.
    pub to: u64,
}

/// Planes begin at a multiple of this, as writes to mapped memory must.
const PLANE: u64 = 8;

impl Layout {
    /// The layout of a block of shape `shape`, which is not empty, over these operands.
    pub fn new(shape: &[u64], operands: &[Operand], dtypes: &[DType]) -> Layout {
        let len: u64 = shape.iter().product();
        let mut layout = Layout {
            len: len as u32,
            classes: SmallVec::new(),
            words: vec![len as u32],
            parts: SmallVec::new(),
            bytes: 0,
        };
        for (k, (operand, dtype)) in operands.iter().zip(dtypes).enumerate() {
            let size = dtype.size() as u64;
            let place = &operand.placement;
            let (mut low, mut high) = (place.offset, place.offset);
            for (&n, &stride) in shape.iter().zip(&place.strides) {
                let reach = (n as i64 - 1) * stride;
                low += reach.min(0);
                high += reach.max(0);
            }
            let bytes = match operand.packing {
                _ if size == 1 => Bytes::Plain,
                Packing { shuffled: true, .. } => Bytes::Planes,
                Packing { swapped: true, .. } => Bytes::Reversed,
                _ => Bytes::Plain,
            };
            let before = if bytes == Bytes::Planes { 0 } else { layout.bytes / size };
            let base = before + (place.offset - low) as u64;
            let (dims, strides) = joined(shape, &place.strides);
            let access = match (&dims[..], &strides[..]) {
                ([], _) => Access::Constant,
                ([_], [1]) if base.is_multiple_of(4) => Access::Aligned,
                ([_], [1]) => Access::Contiguous,
                _ => Access::Strided(dims.len() as u8),
            };
            layout.words.push(base as u32);
            if let Access::Strided(_) = access {
                layout.words.extend(dims.iter().map(|&d| d as u32));
                layout.words.extend(strides.iter().map(|&s| s as u32));
            }
            layout.classes.push(Class { access, bytes });
            let needed = low as usize..high as usize + 1;
            let end = match bytes {
                Bytes::Planes => layout.planes(k, operand, size, needed),
                _ => {
                    let from = needed.start * size as usize..needed.end * size as usize;
                    let end = layout.bytes + from.len() as u64;
                    layout.parts.push(Part { operand: k, from, to: layout.bytes });
                    end
                }
            };
            layout.bytes = end.next_multiple_of(256);
        }
        layout
    }

    /// Adds the planes of a shuffled operand, for these of its elements, and gives where they end.
    fn planes(&mut self, k: usize, operand: &Operand, size: u64, needed: Range<usize>) -> u64 {
        let len = operand.bytes.len() / size as usize;
        let plane = (needed.len() as u64).next_multiple_of(PLANE);
        for rank in 0..size {
            let stored = if operand.packing.swapped { size - 1 - rank } else { rank } as usize * len;
            let from = stored + needed.start..stored + needed.end;
            self.parts.push(Part { operand: k, from, to: self.bytes + rank * plane });
        }
        self.words.extend([self.bytes / 4, plane / 4].map(|w| w as u32));
        self.bytes + size * plane
    }

    /// What a shader's text depends on.
    pub fn key(&self) -> &[Class] {
        &self.classes
    }
}

/// The axes that matter, neighbours joined where one stride serves both. An operand that is the same
/// everywhere has none.
fn joined(shape: &[u64], strides: &[i64]) -> (Dims, SmallVec<[i64; 4]>) {
    let mut dims = Dims::new();
    let mut out: SmallVec<[i64; 4]> = SmallVec::new();
    for (&n, &stride) in shape.iter().zip(strides) {
        match (dims.last_mut(), out.last_mut()) {
            _ if n == 1 => {}
            (Some(d), Some(s)) if *s == stride * n as i64 => {
                *d *= n;
                *s = stride;
            }
            _ => {
                dims.push(n);
                out.push(stride);
            }
        }
    }
    if out.iter().all(|&s| s == 0) { (Dims::new(), SmallVec::new()) } else { (dims, out) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Placement;

    fn layout(shape: &[u64], offset: i64, strides: &[i64]) -> Layout {
        let bytes = vec![0u8; 4096];
        let placement = Placement { offset, strides: SmallVec::from_slice(strides) };
        Layout::new(shape, &[Operand::plain(&bytes, placement)], &[DType::F32])
    }

    #[test]
    fn classes_and_ranges() {
        let l = layout(&[4, 8], 16, &[8, 1]);
        assert_eq!((l.classes[0].access, l.parts[0].from.clone()), (Access::Aligned, 64..192));
        let l = layout(&[4, 8], 5, &[0, 0]);
        assert_eq!((l.classes[0].access, l.parts[0].from.clone()), (Access::Constant, 20..24));
        // Backwards: the base is the last element of what is copied.
        let l = layout(&[8], 7, &[-1]);
        assert_eq!((l.classes[0].access, &l.words[..]), (Access::Strided(1), &[8, 7, 8, u32::MAX][..]));
        // One row repeated: 4 rows of stride 0.
        let l = layout(&[4, 8], 0, &[0, 1]);
        assert_eq!((l.classes[0].access, l.parts[0].from.len()), (Access::Strided(2), 32));
        let l = layout(&[1, 1], 3, &[8, 1]);
        assert_eq!((l.classes[0].access, l.words[1]), (Access::Constant, 0));
    }

    /// A shuffled operand of 100 elements, of which 20 to 32 are needed.
    #[test]
    fn planes_go_up_lowest_byte_first_and_padded() {
        let bytes = vec![0u8; 100];
        let plain = Operand::plain(&bytes, Placement { offset: 0, strides: SmallVec::from_slice(&[1]) });
        let bytes = vec![0u8; 400];
        let placement = Placement { offset: 20, strides: SmallVec::from_slice(&[1]) };
        for swapped in [false, true] {
            let packing = Packing { shuffled: true, swapped };
            let packed = Operand { bytes: &bytes, placement: placement.clone(), packing };
            let l = Layout::new(
                &[13],
                &[plain.clone(), packed, plain.clone()],
                &[DType::U8, DType::I32, DType::U8],
            );
            assert_eq!(l.classes[1], Class { access: Access::Aligned, bytes: Bytes::Planes });
            assert_eq!(&l.words[..], [13, 0, 0, 64, 4, 512]);
            let parts: Vec<_> = l.parts.iter().map(|p| (p.operand, p.from.clone(), p.to)).collect();
            let [a, b, c, d] = if swapped { [320, 220, 120, 20] } else { [20, 120, 220, 320] };
            let plane = |at: usize, to| (1, at..at + 13, to);
            let want =
                [(0, 0..13, 0), plane(a, 256), plane(b, 272), plane(c, 288), plane(d, 304), (2, 0..13, 512)];
            assert_eq!(parts, want);
            assert_eq!(l.bytes, 768);
        }
    }

    #[test]
    fn single_bytes_have_no_order() {
        let bytes = [0u8; 8];
        let packing = Packing { shuffled: true, swapped: true };
        let placement = Placement { offset: 0, strides: SmallVec::from_slice(&[1]) };
        let l = Layout::new(&[8], &[Operand { bytes: &bytes, placement, packing }], &[DType::I8]);
        assert_eq!((l.classes[0], l.parts.len()), (Access::Aligned.into(), 1));
    }
}
