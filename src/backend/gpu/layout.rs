//! Where a block's elements are in the operands' bytes, as classes (which decide the shader's text)
//! and numbers (which do not).

use crate::dtype::DType;
use crate::grid::Dims;
use crate::ops::kernel::Operand;
use smallvec::SmallVec;

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

/// The layout of one block.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Elements of the block, below 2^31.
    pub len: u32,
    /// Per operand, how its elements are found.
    pub access: SmallVec<[Access; 4]>,
    /// The words that a shader reads: `[len]`, then per operand its base (in elements of its dtype)
    /// and, where it is strided, the lengths of its axes and the strides along them.
    pub words: Vec<u32>,
    /// The bytes of each operand that are needed: the range in the operand, and where they go.
    pub parts: SmallVec<[Part; 4]>,
    /// Bytes of all operands on the device.
    pub bytes: u64,
}

/// The bytes of an operand that a block needs.
#[derive(Clone, Debug)]
pub struct Part {
    /// The range in the operand's bytes.
    pub from: std::ops::Range<usize>,
    /// Where they begin on the device, a multiple of 256.
    pub to: u64,
}

impl Layout {
    /// The layout of a block of shape `shape`, which is not empty, over these operands.
    pub fn new(shape: &[u64], operands: &[Operand], dtypes: &[DType]) -> Layout {
        let len: u64 = shape.iter().product();
        let mut layout = Layout {
            len: len as u32,
            access: SmallVec::new(),
            words: vec![len as u32],
            parts: SmallVec::new(),
            bytes: 0,
        };
        for (operand, dtype) in operands.iter().zip(dtypes) {
            let size = dtype.size() as u64;
            let place = &operand.placement;
            let (mut low, mut high) = (place.offset, place.offset);
            for (&n, &stride) in shape.iter().zip(&place.strides) {
                let reach = (n as i64 - 1) * stride;
                low += reach.min(0);
                high += reach.max(0);
            }
            let from = low as usize * size as usize..(high as usize + 1) * size as usize;
            let base = layout.bytes / size + (place.offset - low) as u64;
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
            layout.access.push(access);
            layout.parts.push(Part { to: layout.bytes, from: from.clone() });
            layout.bytes = (layout.bytes + from.len() as u64).next_multiple_of(256);
        }
        layout
    }

    /// What a shader's text depends on.
    pub fn key(&self) -> &[Access] {
        &self.access
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
        Layout::new(shape, &[Operand { bytes: &bytes, placement }], &[DType::F32])
    }

    #[test]
    fn classes_and_ranges() {
        let l = layout(&[4, 8], 16, &[8, 1]);
        assert_eq!((l.access[0], l.parts[0].from.clone()), (Access::Aligned, 64..192));
        let l = layout(&[4, 8], 5, &[0, 0]);
        assert_eq!((l.access[0], l.parts[0].from.clone()), (Access::Constant, 20..24));
        // Backwards: the base is the last element of what is copied.
        let l = layout(&[8], 7, &[-1]);
        assert_eq!((l.access[0], &l.words[..]), (Access::Strided(1), &[8, 7, 8, u32::MAX][..]));
        // One row repeated: 4 rows of stride 0.
        let l = layout(&[4, 8], 0, &[0, 1]);
        assert_eq!((l.access[0], l.parts[0].from.len()), (Access::Strided(2), 32));
        let l = layout(&[1, 1], 3, &[8, 1]);
        assert_eq!((l.access[0], l.words[1]), (Access::Constant, 0));
    }
}
