//! Products of float32 and float64 blocks, by faer.

use super::{DType, Within};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// `c += a @ b` of a float dtype. Says whether the factors lie so that it could be done.
pub fn float(dtype: DType, [m, k, n]: [usize; 3], a: Within, b: Within, c: &mut [u8]) -> bool {
    fn typed<T: faer::traits::ComplexField + bytemuck::Pod + num_traits::One>(
        [m, k, n]: [usize; 3],
        a: Within,
        b: Within,
        c: &mut [u8],
    ) -> bool {
        let (Some(a), Some(b)) = (matrix::<T>(a, m, k), matrix::<T>(b, k, n)) else { return false };
        let c = MatMut::from_row_major_slice_mut(bytemuck::cast_slice_mut::<u8, T>(c), m, n);
        matmul(c, Accum::Add, a, b, <T as num_traits::One>::one(), Par::Seq);
        true
    }
    match dtype {
        DType::F32 => typed::<f32>([m, k, n], a, b, c),
        DType::F64 => typed::<f64>([m, k, n], a, b, c),
        _ => false,
    }
}

/// A matrix of elements that lie by rows or by columns.
fn matrix<'a, T: bytemuck::Pod>(within: Within<'a>, rows: usize, columns: usize) -> Option<MatRef<'a, T>> {
    // The array's last bytes may belong to no element of this piece, and its first may be anywhere.
    let whole = within.bytes.len() / size_of::<T>() * size_of::<T>();
    let elements = bytemuck::try_cast_slice::<u8, T>(&within.bytes[..whole]).ok()?;
    // Lines of `length` elements, each `stride` after the one before; of a single one that does not matter.
    let fits = |lines: usize, stride: usize, length: usize| {
        let stride = if lines == 1 { length } else { stride };
        let end = stride.checked_mul(lines.checked_sub(1)?)?.checked_add(length)?;
        (length > 0 && stride >= length).then(|| Some((elements.get(..end)?, stride))).flatten()
    };
    match within.strides {
        [stride, 1] => {
            let (lines, stride) = fits(rows, stride, columns)?;
            Some(MatRef::from_row_major_slice_with_stride(lines, rows, columns, stride))
        }
        [1, stride] => {
            let (lines, stride) = fits(columns, stride, rows)?;
            Some(MatRef::from_column_major_slice_with_stride(lines, rows, columns, stride))
        }
        _ => None,
    }
}
