//! Block products. Float blocks go to faer, sequentially: each element's sum then runs along the
//! inner dimension in one order, whatever the number of threads. Integers wrap, as NumPy's do, and
//! bool is "any of and".
//!
//! Without the feature `matmul` there is no faer and there are no products of floats; plans with one are
//! refused.

#[cfg(feature = "matmul")]
mod float;
#[cfg(not(feature = "matmul"))]
mod float {
    use super::{DType, Within};

    /// Says that it cannot be done.
    pub fn float(_: DType, _: [usize; 3], _: Within, _: Within, _: &mut [u8]) -> bool {
        false
    }
}

use crate::DType;
use crate::backend::{Product, Within};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::matmul::check_product;
use float::float;

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
    check_product(dtype)?;
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
