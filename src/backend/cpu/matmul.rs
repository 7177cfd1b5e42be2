//! Block products. Float blocks go to faer, sequentially: each element's sum then runs along the
//! inner dimension in one order, whatever the number of threads. Integers wrap, as NumPy's do, and
//! bool is "any of and".

use crate::DType;
use crate::backend::{Product, Within};
use crate::error::{Error, ErrorKind, Result};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// `c += a @ b` for C-contiguous `a` (m × k), `b` (k × n), `c` (m × n) of one dtype, which is not
/// float16.
///
/// # Errors
/// `Internal` if the lengths do not fit the shape.
fn multiply_add(dtype: DType, [m, k, n]: [usize; 3], a: &[u8], b: &[u8], c: &mut [u8]) -> Result<()> {
    let size = dtype.size();
    if a.len() != m * k * size || b.len() != k * n * size || c.len() != m * n * size {
        return Err(Error::new(
            ErrorKind::Internal,
            "a block product was given operands of the wrong length",
        ));
    }
    match dtype {
        DType::F32 | DType::F64 => {
            let (a, b) = (Within { bytes: a, strides: [k, 1] }, Within { bytes: b, strides: [n, 1] });
            if !float(dtype, [m, k, n], a, b, c) && m * n * k > 0 {
                return Err(Error::new(ErrorKind::Internal, "a block product was given unaligned operands"));
            }
        }
        DType::F16 => {
            return Err(Error::new(ErrorKind::Internal, "float16 products are accumulated in float32"));
        }
        DType::Bool => rows::<u8>([m, k, n], a, b, c, |c, x, y| c | (x & y)),
        DType::I8 | DType::U8 => rows::<u8>([m, k, n], a, b, c, |c, x, y| c.wrapping_add(x.wrapping_mul(y))),
        DType::I16 | DType::U16 => {
            rows::<u16>([m, k, n], a, b, c, |c, x, y| c.wrapping_add(x.wrapping_mul(y)))
        }
        DType::I32 | DType::U32 => {
            rows::<u32>([m, k, n], a, b, c, |c, x, y| c.wrapping_add(x.wrapping_mul(y)))
        }
        DType::I64 | DType::U64 => {
            rows::<u64>([m, k, n], a, b, c, |c, x, y| c.wrapping_add(x.wrapping_mul(y)))
        }
    }
    Ok(())
}

/// `c += a @ b` of a float dtype. Says whether the factors lie so that it could be done.
fn float(dtype: DType, [m, k, n]: [usize; 3], a: Within, b: Within, c: &mut [u8]) -> bool {
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

/// Products of one dtype on the CPU: the sum lies in the caller's tile.
pub struct CpuProduct {
    dtype: DType,
    shape: [usize; 2],
}

impl CpuProduct {
    /// For tiles of `dtype`, which is not float16.
    pub fn new(dtype: DType) -> CpuProduct {
        CpuProduct { dtype, shape: [0, 0] }
    }
}

impl Product for CpuProduct {
    fn begin(&mut self, shape: [usize; 2], c: &mut [u8]) -> Result<()> {
        self.shape = shape;
        c.fill(0);
        Ok(())
    }

    fn add(&mut self, k: usize, a: &[u8], b: &[u8], c: &mut [u8]) -> Result<()> {
        let [m, n] = self.shape;
        multiply_add(self.dtype, [m, k, n], a, b, c)
    }

    fn add_within(&mut self, k: usize, a: Within, b: Within, c: &mut [u8]) -> Result<bool> {
        let [m, n] = self.shape;
        Ok(c.len() == m * n * self.dtype.size() && float(self.dtype, [m, k, n], a, b, c))
    }

    fn finish(&mut self, _: &mut [u8]) -> Result<()> {
        Ok(())
    }
}

/// The plain product, row by row so that the inner loop runs along memory. Wrapping products have
/// the same bits for signed and unsigned.
fn rows<T: bytemuck::Pod>(
    [m, k, n]: [usize; 3],
    a: &[u8],
    b: &[u8],
    c: &mut [u8],
    add: impl Fn(T, T, T) -> T,
) {
    let (a, b) = (bytemuck::cast_slice::<u8, T>(a), bytemuck::cast_slice::<u8, T>(b));
    let c = bytemuck::cast_slice_mut::<u8, T>(c);
    for i in 0..m {
        let row = &mut c[i * n..(i + 1) * n];
        for j in 0..k {
            let x = a[i * k + j];
            for (c, &y) in row.iter_mut().zip(&b[j * n..(j + 1) * n]) {
                *c = add(*c, x, y);
            }
        }
    }
}
