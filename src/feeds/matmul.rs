//! The product of two matrices, tile by tile, each summed over pieces of the inner dimension in one fixed
//! order.

use super::feed::{Feed, FeedBytes, Fetch, Multiplied, Pieces, Reach, SubKernel, unfit};
use super::row::{Row, data_of};
use crate::backend::Product;
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Context, Result};
use crate::grid::{Chunks, Dims, Slab, show_shape};
use crate::ops::matmul::{MATMUL_DEPTH, check_product, matmul_dtype, round_to_f16, tile_edge};
use serde::{Deserialize, Serialize};

/// The product of two matrices of one dtype.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matmul {}

pub(super) const ROW: Row = Row::of::<Matmul>("matmul");

impl Feed for Matmul {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        data_of(self)
    }

    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        let [a, b] = of else { return Err(unfit("a product has two factors")) };
        let dtype = a.dtype()?;
        if b.dtype()? != dtype || a.shape.len() != 2 || b.shape.len() != 2 || a.shape[1] != b.shape[0] {
            return Err(unfit("the factors of a product do not fit"));
        }
        check_product(dtype)?;
        Ok((Dims::from_slice(&[a.shape[0], b.shape[1]]), dtype))
    }

    fn describe(&self, of: &[SubKernel]) -> String {
        let dtype = of[0].dtype().map_or("", |d| d.name());
        format!("matmul {dtype} of {} and {}", show_shape(&of[0].shape), show_shape(&of[1].shape))
    }

    fn is_dear(&self) -> bool {
        true
    }

    /// Factors are read once per row or column of tiles.
    fn reach(&self, of: &[SubKernel], child: usize) -> Reach {
        let edge = edge(of);
        let (across, tile) = match child {
            0 => (of[1].shape[1], [edge, MATMUL_DEPTH]),
            _ => (of[0].shape[0], [MATMUL_DEPTH, edge]),
        };
        Reach::Times { times: across.div_ceil(edge).max(1), tile: Dims::from_slice(&tile) }
    }

    fn pieces(&self, of: &[SubKernel], _: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        let edge = edge(of);
        Some(Pieces::new(Chunks::from(&[edge, edge][..]), true))
    }

    fn bytes(
        &self,
        of: &[SubKernel],
        _: &[u64],
        _: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let (a, b) = (&of[0].shape, &of[1].shape);
        let edge = edge(of);
        let (m, n, k) = (edge.min(a[0]), edge.min(b[1]), MATMUL_DEPTH.min(a[1]).max(1));
        let dtype = of[0].dtype().unwrap_or(DType::F64);
        let size = matmul_dtype(dtype).size() as u64;
        let (x, y) = (child(0, &[m, k]), child(1, &[k, n]));
        // The sum is gathered in the output, unless it is rounded at the end.
        let widened = if matmul_dtype(dtype) == dtype { 0 } else { (2 * (m * k + k * n) + 3 * m * n) * size };
        FeedBytes {
            temporary: x.temporary + y.temporary + (m * k + k * n) * size + widened,
            scratch: x.scratch.and(&y.scratch),
        }
    }

    fn product(&self, of: &[SubKernel]) -> Option<Multiplied> {
        let (a, b) = (&of[0].shape, &of[1].shape);
        let edge = edge(of);
        let most = [edge.min(a[0]), MATMUL_DEPTH.min(a[1]), edge.min(b[1])];
        let dtype = matmul_dtype(of[0].dtype().ok()?);
        Some(Multiplied { dtype, most: most.map(|n| n as usize), inner: a[1] })
    }

    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let (dtype, inner) = (of[0].dtype()?, of[0].shape[1]);
        let depth = MATMUL_DEPTH.min(inner) as usize;
        let most = [slab.count[0] as usize, depth, slab.count[1] as usize];
        let tile =
            &mut |get: &mut dyn Fetch, product: &mut dyn Product| tile(get, product, inner, dtype, slab, out);
        get.multiply(matmul_dtype(dtype), most, tile).at("operation", self.name())
    }
}

fn edge(of: &[SubKernel]) -> u64 {
    tile_edge(of[0].shape[0], of[1].shape[1])
}

/// A block of a product. The inner error is the product's: nothing is wrong with the factors.
fn tile(
    get: &mut dyn Fetch,
    product: &mut dyn Product,
    inner: u64,
    dtype: DType,
    slab: &Slab,
    out: &mut [u8],
) -> Result<Result<()>> {
    let wide = matmul_dtype(dtype);
    let (m, n) = (slab.count[0], slab.count[1]);
    // The sum is gathered where it is wanted, unless it is rounded at the end.
    let own = wide != dtype || !(out.as_ptr() as usize).is_multiple_of(wide.size());
    let mut spare = if own { get.take((m * n) as usize * wide.size()) } else { Buffer::new() };
    let c: &mut [u8] = if own { &mut spare } else { &mut *out };
    let mut done = product.begin([m as usize, n as usize], c);
    let mut k = 0;
    while k < inner && done.is_ok() {
        let depth = MATMUL_DEPTH.min(inner - k);
        let left = Slab {
            start: Dims::from_slice(&[slab.start[0], k]),
            count: Dims::from_slice(&[m, depth]),
            step: Dims::from_slice(&[slab.step[0], 1]),
        };
        let right = Slab {
            start: Dims::from_slice(&[k, slab.start[1]]),
            count: Dims::from_slice(&[depth, n]),
            step: Dims::from_slice(&[1, slab.step[1]]),
        };
        k += depth;
        if wide == dtype
            && let (Some(x), Some(y)) = (get.within(0, &left, dtype)?, get.within(1, &right, dtype)?)
        {
            match product.add_within(depth as usize, x, y, c) {
                Ok(false) => {}
                ended => {
                    done = ended.map(drop);
                    continue;
                }
            }
        }
        let x = factor(get, 0, &left, wide)?;
        let y = factor(get, 1, &right, wide)?;
        done = product.add(depth as usize, &x, &y, c);
        get.give(x);
        get.give(y);
    }
    let done = done.and_then(|()| product.finish(c));
    if own {
        match wide == dtype {
            true => out.copy_from_slice(&spare),
            false => round_to_f16(&spare, out),
        }
        get.give(spare);
    }
    Ok(done)
}

/// A piece of a factor, in the dtype of the accumulation.
fn factor(get: &mut dyn Fetch, child: usize, slab: &Slab, wide: DType) -> Result<Buffer> {
    let mut buffer = get.take(slab.len() as usize * wide.size());
    get.child(child, slab, wide, &mut buffer)?;
    Ok(buffer)
}
