//! Products of float32 and float64 blocks, by faer.
//!
//! faer computes single rows and columns, inner dimensions of one, and small products in ways of their own, which
//! round otherwise than its blocks do. Then an element's bits would depend on the shape of the tile that it is
//! computed in. So such factors are put among zeros until there is one way for all.

use super::{DType, Within};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Up to so many multiplications faer takes its way for small products.
const SMALL: usize = 16 * 16 * 16;

/// `c += a @ b` of a float dtype. Says whether the factors lie so that it could be done.
pub fn float(dtype: DType, [m, k, n]: [usize; 3], a: Within, b: Within, c: &mut [u8]) -> bool {
    fn typed<T: faer::traits::ComplexField + bytemuck::Pod + num_traits::One>(
        [m, k, n]: [usize; 3],
        a: Within,
        b: Within,
        c: &mut [u8],
    ) -> bool {
        let (Some(a), Some(b)) = (matrix::<T>(a, m, k), matrix::<T>(b, k, n)) else { return false };
        let c = bytemuck::cast_slice_mut::<u8, T>(c);
        let one = <T as num_traits::One>::one();
        let (rows, inner) = (m.max(2), k.max(2));
        let mut columns = n.max(2);
        if rows * inner * columns <= SMALL {
            columns = SMALL / (rows * inner) + 1;
        }
        let wide = |of: MatRef<'_, T>, rows: usize, columns: usize| {
            ((rows, columns) != of.shape()).then(|| among_zeros(of, rows, columns))
        };
        let (wide_a, wide_b) = (wide(a, rows, inner), wide(b, inner, columns));
        let a = wide_a.as_ref().map_or(a, |wide| MatRef::from_row_major_slice(wide, rows, inner));
        let b = wide_b.as_ref().map_or(b, |wide| MatRef::from_row_major_slice(wide, inner, columns));
        let mut wide_c = wide(MatRef::from_row_major_slice(&*c, m, n), rows, columns);
        let sum = wide_c.as_mut().map_or(&mut *c, |wide| &mut wide[..]);
        matmul(MatMut::from_row_major_slice_mut(sum, rows, columns), Accum::Add, a, b, one, Par::Seq);
        if let Some(wide) = wide_c {
            let rows = c.chunks_exact_mut(n).zip(wide.chunks_exact(columns));
            rows.for_each(|(to, from)| to.copy_from_slice(&from[..n]));
        }
        true
    }

    /// A matrix with zeros after its rows and columns, by rows.
    fn among_zeros<T: bytemuck::Pod>(of: MatRef<'_, T>, rows: usize, columns: usize) -> Vec<T> {
        let mut wide = vec![T::zeroed(); rows * columns];
        for (i, row) in wide.chunks_exact_mut(columns).take(of.nrows()).enumerate() {
            row.iter_mut().take(of.ncols()).enumerate().for_each(|(j, to)| *to = of[(i, j)]);
        }
        wide
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An element has one value in whatever tile it is computed.
    #[test]
    fn no_bit_depends_on_the_shape_of_the_tile() {
        fn check<T: bytemuck::Pod + PartialEq + std::fmt::Debug>(dtype: DType, value: fn(u64) -> T) {
            let size = size_of::<T>();
            for (m, k, n) in
                [(37, 1, 29), (37, 2, 29), (70, 17, 67), (65, 300, 41), (33, 1024, 35), (130, 1023, 19)]
            {
                let fill = |seed: u64, len: usize| {
                    (0..len as u64).map(|i| value(seed * 7919 + i)).collect::<Vec<T>>()
                };
                let (a, b) = (fill(1, m * k), fill(2, k * n));
                let product = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
                    let mut c = vec![T::zeroed(); rows.len() * columns.len()];
                    let a =
                        Within { bytes: &bytemuck::cast_slice(&a)[rows.start * k * size..], strides: [k, 1] };
                    let b =
                        Within { bytes: &bytemuck::cast_slice(&b)[columns.start * size..], strides: [n, 1] };
                    // Twice, for a sum goes on from what is there.
                    for _ in 0..2 {
                        let shape = [rows.len(), k, columns.len()];
                        assert!(float(dtype, shape, a, b, bytemuck::cast_slice_mut(&mut c)));
                    }
                    c
                };
                let whole = product(0..m, 0..n);
                for (height, width) in
                    [(1, 1), (1, n), (m, 1), (2, 3), (3, 2), (1, 5), (16, 16), (m - 1, n - 1), (5, n)]
                {
                    for (i, j) in [(0, 0), (m - height, n - width), ((m - height) / 2, (n - width) / 3)] {
                        let part = product(i..i + height, j..j + width);
                        for (r, row) in part.chunks_exact(width).enumerate() {
                            let at = (i + r) * n + j;
                            assert_eq!(
                                row,
                                &whole[at..at + width],
                                "{dtype} {m} {k} {n}: {height} by {width} at {i}, {j}"
                            );
                        }
                    }
                }
            }
        }
        fn f32_of(i: u64) -> f32 {
            f64_of(i) as f32
        }
        // Of three binades, so that the order of a sum shows.
        fn f64_of(i: u64) -> f64 {
            let h = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (i << 7);
            ((h >> 11) as f64 / (1u64 << 53) as f64 - 0.5) * [1.0, 0.125, 8.0][(h % 3) as usize]
        }
        check(DType::F32, f32_of);
        check(DType::F64, f64_of);
    }
}
