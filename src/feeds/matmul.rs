//! Products of matrices, tile by tile, each summed over pieces of the inner dimension in one fixed order.
//!
//! The factors may have leading axes, by NumPy's rule: an axis of one shows the same matrices along the other's. Small
//! matrices are taken together, as many as a tile has room for, and read at once; each is multiplied by itself,
//! so that its bits are those of a product of two matrices.
//!
//! Limits: both factors have as many axes; a device multiplies matrices one by one, however small they are.

use super::feed::{Feed, FeedBytes, Fetch, Multiplied, Pieces, Reach, SubKernel, unfit};
use super::row::{Row, data_of};
use crate::backend::Product;
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Context, Result};
use crate::grid::{Chunks, Dims, Slab, c_strides, show_shape, unravel};
use crate::ops::matmul::{MATMUL_DEPTH, check_product, matmul_dtype, round_to_f16, tile_edge};
use crate::view::broadcast_shapes;
use serde::{Deserialize, Serialize};

/// The most elements of factors and products that are taken together where matrices are small.
const TOGETHER: u64 = 1 << 18;

/// The products of the matrices of two arrays of one dtype.
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
        let (dtype, rank) = (a.dtype()?, a.shape.len());
        let fits = b.dtype()? == dtype && rank >= 2 && b.shape.len() == rank;
        let fits = fits && a.shape[rank - 1] == b.shape[rank - 2];
        let lead = || broadcast_shapes([&a.shape[..rank - 2], &b.shape[..rank - 2]]);
        let Some(mut shape) = fits.then(lead).flatten() else {
            return Err(unfit("the factors of a product do not fit"));
        };
        check_product(dtype)?;
        shape.extend([a.shape[rank - 2], b.shape[rank - 1]]);
        Ok((shape, dtype))
    }

    fn describe(&self, of: &[SubKernel]) -> String {
        let dtype = of[0].dtype().map_or("", |d| d.name());
        format!("matmul {dtype} of {} and {}", show_shape(&of[0].shape), show_shape(&of[1].shape))
    }

    fn is_dear(&self) -> bool {
        true
    }

    /// Factors are read once per row or column of tiles, and again for matrices that they are repeated for.
    fn reach(&self, of: &[SubKernel], child: usize) -> Reach {
        let cut = Cut::of(of);
        let (own, other) = (&of[child].shape, &of[1 - child].shape);
        let across = if child == 0 { cut.n } else { cut.m };
        let mut times = across.div_ceil(cut.edge).max(1);
        for (d, &group) in cut.group.iter().enumerate().filter(|(d, _)| own[*d] == 1) {
            times = times.saturating_mul(other[d].div_ceil(group).max(1));
        }
        let mut tile = cut.matrices(&of[child]);
        let depth = if cut.together() > 1 { cut.k.max(1) } else { MATMUL_DEPTH };
        tile.extend(if child == 0 { [cut.edge, depth] } else { [depth, cut.edge] });
        Reach::Times { times, tile }
    }

    fn pieces(&self, of: &[SubKernel], chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        let cut = Cut::of(of);
        let mut shape = cut.group.clone();
        // Whole chunks of one factor, where as many matrices are taken together.
        let stored = of.iter().find_map(|k| Some((k, chunks(k)?)));
        for (d, group) in shape.iter_mut().enumerate() {
            let chunk = stored.as_ref().filter(|(k, _)| k.shape[d] > *group).map_or(1, |(_, c)| c.shape()[d]);
            *group = (*group / chunk.max(1)).max(1).saturating_mul(chunk.max(1)).min(*group);
        }
        shape.extend([cut.edge, cut.edge]);
        Some(Pieces::new(Chunks::from(&shape[..]), true))
    }

    fn bytes(
        &self,
        of: &[SubKernel],
        _: &[u64],
        _: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let cut = Cut::of(of);
        let (m, n) = (cut.edge.min(cut.m), cut.edge.min(cut.n));
        let k = if cut.together() > 1 { cut.k } else { MATMUL_DEPTH.min(cut.k) }.max(1);
        let dtype = of[0].dtype().unwrap_or(DType::F64);
        let size = matmul_dtype(dtype).size() as u64;
        let part = |i: usize, matrix: [u64; 2]| {
            let mut part = cut.matrices(&of[i]);
            part.extend(matrix);
            (child(i, &part), part.iter().product::<u64>())
        };
        let ((x, left), (y, right)) = (part(0, [m, k]), part(1, [k, n]));
        // The sum is gathered in the output, unless it is rounded at the end.
        let widened = if matmul_dtype(dtype) == dtype { 0 } else { 2 * (left + right) + 3 * m * n };
        FeedBytes {
            temporary: x.temporary + y.temporary + (left + right + widened) * size,
            scratch: x.scratch.and(&y.scratch),
        }
    }

    fn product(&self, of: &[SubKernel]) -> Option<Multiplied> {
        let cut = Cut::of(of);
        let most = [cut.edge.min(cut.m), MATMUL_DEPTH.min(cut.k), cut.edge.min(cut.n)];
        let dtype = matmul_dtype(of[0].dtype().ok()?);
        let most = most.map(|n| n as usize);
        Some(Multiplied { dtype, most, inner: cut.k, matrices: cut.together() })
    }

    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let cut = Cut::of(of);
        let lead = cut.group.len();
        let counts = &slab.count[..lead];
        let parts: Dims = counts.iter().zip(&cut.group).map(|(n, group)| n.div_ceil(*group)).collect();
        for i in 0..parts.iter().product() {
            let first: Dims = unravel(i, &parts).iter().zip(&cut.group).map(|(i, group)| i * group).collect();
            let count = (0..lead).map(|d| cut.group[d].min(counts[d] - first[d])).collect();
            let part = Part { of, slab, first, count, inner: cut.k };
            part.fetch(get, out).at("operation", self.name())?;
        }
        Ok(())
    }
}

/// How products are cut.
struct Cut {
    /// Rows of the first factor.
    m: u64,
    /// The inner dimension.
    k: u64,
    /// Columns of the second.
    n: u64,
    /// The edge of a tile.
    edge: u64,
    /// Matrices that are taken together along each leading axis.
    group: Dims,
}

impl Cut {
    fn of(of: &[SubKernel]) -> Cut {
        let (a, b) = (&of[0].shape, &of[1].shape);
        let lead = a.len() - 2;
        let (m, k, n) = (a[lead], a[lead + 1], b[lead + 1]);
        let edge = tile_edge(m, n);
        let (rows, columns) = (edge.min(m), edge.min(n));
        let each = (rows + columns).saturating_mul(k).saturating_add(rows * columns);
        let mut room = (TOGETHER / each.max(1)).max(1);
        let mut group = Dims::from_elem(1, lead);
        for d in (0..lead).rev() {
            group[d] = room.min(a[d].max(b[d])).max(1);
            room /= group[d];
            if room == 0 || group[d] < a[d].max(b[d]) {
                break;
            }
        }
        Cut { m, k, n, edge, group }
    }

    /// How many matrices are taken together.
    fn together(&self) -> u64 {
        self.group.iter().product()
    }

    /// How many matrices of a factor that are, along each leading axis.
    fn matrices(&self, factor: &SubKernel) -> Dims {
        self.group.iter().zip(&factor.shape).map(|(&group, &len)| if len == 1 { 1 } else { group }).collect()
    }
}

/// Matrices that are multiplied together: `count` along each leading axis of a slab, from its `first` on.
struct Part<'a> {
    of: &'a [SubKernel],
    slab: &'a Slab,
    first: Dims,
    count: Dims,
    inner: u64,
}

/// What adds the pieces of a product to its sum.
type Pieced<'t> = dyn FnMut(&mut dyn Fetch, &mut dyn Product, &mut [u8]) -> Result<Result<()>> + 't;

impl Part<'_> {
    fn fetch(&self, get: &mut dyn Fetch, out: &mut [u8]) -> Result<()> {
        let (dtype, lead) = (self.of[0].dtype()?, self.count.len());
        let wide = matmul_dtype(dtype);
        let [m, n] = [self.slab.count[lead] as usize, self.slab.count[lead + 1] as usize];
        let most = [m, MATMUL_DEPTH.min(self.inner) as usize, n];
        let bytes = m * n * dtype.size();
        let total: u64 = self.count.iter().product();
        if total == 1 {
            let to = &mut out[self.place(&Dims::from_elem(0, lead)) * bytes..][..bytes];
            let mut add = |get: &mut dyn Fetch, product: &mut dyn Product, c: &mut [u8]| {
                self.stream(get, product, dtype, c)
            };
            return get
                .multiply(wide, most, &mut |get, product| tile(get, product, dtype, [m, n], to, &mut add));
        }
        let mut pieces = Vec::new();
        for (k, depth) in depths(self.inner) {
            let x = factor(get, 0, &self.factor(0, k, depth), wide)?;
            let y = factor(get, 1, &self.factor(1, k, depth), wide)?;
            pieces.push((depth as usize, x, y));
        }
        let own = [0, 1].map(|child| self.strides(child));
        for i in 0..total {
            let at = unravel(i, &self.count);
            let [left, right] = own
                .each_ref()
                .map(|strides| -> usize { (0..lead).map(|d| at[d] as usize * strides[d]).sum() });
            let to = &mut out[self.place(&at) * bytes..][..bytes];
            let mut add = |_: &mut dyn Fetch, product: &mut dyn Product, c: &mut [u8]| {
                let mut done = Ok(());
                for (depth, x, y) in &pieces {
                    let [x_bytes, y_bytes] = [m * depth, depth * n].map(|len| len * wide.size());
                    let (x, y) = (&x[left * x_bytes..][..x_bytes], &y[right * y_bytes..][..y_bytes]);
                    done = done.and_then(|()| product.add(*depth, x, y, c));
                }
                Ok(done)
            };
            get.multiply(wide, most, &mut |get, product| tile(get, product, dtype, [m, n], to, &mut add))?;
        }
        for (_, x, y) in pieces {
            get.give(x);
            get.give(y);
        }
        Ok(())
    }

    /// How many matrices of the slab lie before one of these.
    fn place(&self, at: &[u64]) -> usize {
        let strides = c_strides(&self.slab.count[..at.len()]);
        let steps = at.iter().zip(&self.first).zip(&strides);
        steps.map(|((at, first), stride)| (first + at) as usize * *stride as usize).sum()
    }

    /// The pieces of one product, one after the other.
    fn stream(
        &self,
        get: &mut dyn Fetch,
        product: &mut dyn Product,
        dtype: DType,
        c: &mut [u8],
    ) -> Result<Result<()>> {
        let wide = matmul_dtype(dtype);
        for (k, depth) in depths(self.inner) {
            let (left, right) = (self.factor(0, k, depth), self.factor(1, k, depth));
            if wide == dtype
                && let (Some(x), Some(y)) = (get.within(0, &left, dtype)?, get.within(1, &right, dtype)?)
            {
                match product.add_within(depth as usize, x, y, c) {
                    Ok(false) => {}
                    Ok(true) => continue,
                    Err(e) => return Ok(Err(e)),
                }
            }
            let x = factor(get, 0, &left, wide)?;
            let y = factor(get, 1, &right, wide)?;
            let done = product.add(depth as usize, &x, &y, c);
            get.give(x);
            get.give(y);
            if done.is_err() {
                return Ok(done);
            }
        }
        Ok(Ok(()))
    }

    /// The piece of a factor that has `depth` of the inner dimension from `k` on.
    fn factor(&self, child: usize, k: u64, depth: u64) -> Slab {
        let (slab, lead) = (self.slab, self.count.len());
        let mut piece = Slab { start: Dims::new(), count: Dims::new(), step: Dims::new() };
        let mut push = |start, count, step| {
            piece.start.push(start);
            piece.count.push(count);
            piece.step.push(step);
        };
        for d in 0..lead {
            match self.of[child].shape[d] {
                1 => push(0, 1, 1),
                _ => push(slab.start[d] + self.first[d] * slab.step[d], self.count[d], slab.step[d]),
            }
        }
        if child == 1 {
            push(k, depth, 1);
        }
        let outer = lead + child;
        push(slab.start[outer], slab.count[outer], slab.step[outer]);
        if child == 0 {
            push(k, depth, 1);
        }
        piece
    }

    /// How many matrices of a factor lie between neighbours along each leading axis.
    fn strides(&self, child: usize) -> Vec<usize> {
        let repeated = |d: usize| self.of[child].shape[d] == 1;
        let own: Dims = (0..self.count.len()).map(|d| if repeated(d) { 1 } else { self.count[d] }).collect();
        let strides = c_strides(&own);
        (0..own.len()).map(|d| if repeated(d) { 0 } else { strides[d] as usize }).collect()
    }
}

/// The pieces of the inner dimension, in order: where each begins, and how long it is.
fn depths(inner: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..inner).step_by(MATMUL_DEPTH as usize).map(move |k| (k, MATMUL_DEPTH.min(inner - k)))
}

/// A tile of a product. The inner error is the product's: nothing is wrong with the factors.
fn tile(
    get: &mut dyn Fetch,
    product: &mut dyn Product,
    dtype: DType,
    [m, n]: [usize; 2],
    out: &mut [u8],
    add: &mut Pieced,
) -> Result<Result<()>> {
    let wide = matmul_dtype(dtype);
    // The sum is gathered where it is wanted, unless it is rounded at the end.
    let own = wide != dtype || !(out.as_ptr() as usize).is_multiple_of(wide.size());
    let mut spare = if own { get.take(m * n * wide.size()) } else { Buffer::new() };
    let c: &mut [u8] = if own { &mut spare } else { &mut *out };
    let done = match product.begin([m, n], c) {
        Ok(()) => add(get, product, c)?,
        failed => failed,
    };
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
