//! What a product of matrices is, wherever it is computed: its pieces, their order and their dtype.
//!
//! Planner, executor and backends all follow it, so that chunks, threads and budget show in no bit.

use crate::DType;
use crate::error::{Error, ErrorKind, Result};
use half::f16;

/// The length of the pieces of the inner dimension. Partial products of these pieces are added in
/// order, so this constant is part of what a float product's bits depend on.
pub const MATMUL_DEPTH: u64 = 1024;

/// The edge of the square output tiles for an `m × n` product. It depends on nothing but the shape, and
/// no bit depends on it: every element is summed along the inner dimension in the same order.
///
/// Small products are cut into at least four tiles for each of a few cores; large ones that come from
/// files read every factor as often as there are tiles across, so their tiles are large.
pub fn tile_edge(m: u64, n: u64) -> u64 {
    match m.max(n) {
        0..=1024 => 256,
        1025..=2048 => 512,
        2049..=8192 => 1024,
        _ => 2048,
    }
}

/// The dtype in which a product of two arrays of `dtype` is accumulated.
pub fn matmul_dtype(dtype: DType) -> DType {
    if dtype == DType::F16 { DType::F32 } else { dtype }
}

/// Rounds float32 accumulators to float16.
pub fn round_to_f16(from: &[u8], to: &mut [u8]) {
    for (t, &f) in
        bytemuck::cast_slice_mut::<u8, f16>(to).iter_mut().zip(bytemuck::cast_slice::<u8, f32>(from))
    {
        *t = f16::from_f32(f);
    }
}

/// Whether this build multiplies matrices of a dtype.
///
/// # Errors
/// `Unsupported` for floats if it is without the feature `matmul`.
pub fn check_product(dtype: DType) -> Result<()> {
    match dtype.is_float() && cfg!(not(feature = "matmul")) {
        false => Ok(()),
        true => {
            let what = format!("products of {dtype} matrices: built without the feature matmul");
            Err(Error::new(ErrorKind::Unsupported, what).hint("build chunkwise with its default features"))
        }
    }
}
