//! Products of matrices and vectors, by NumPy's rules for their axes.
//!
//! Two matrices are multiplied block by block ([`Matmul`]). Where one factor is a vector, the product is a reduction of
//! the products of elements: one walk over the matrix on all cores, exact but for the rounding of each product.

use super::{Array, Draft, Index, Over, show};
use crate::dtype::{DType, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::Matmul;
use crate::graph::NodeKind;
use crate::ops::matmul::matmul_dtype;
use crate::view::broadcast_shapes;
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

impl Array {
    /// `numpy.matmul`, `x @ y`: of two matrices, of a matrix and a vector, of two vectors, and of stacks of matrices,
    /// whose leading axes broadcast.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let m = Array::from_ndarray(array![[1.0, 2.0], [3.0, 4.0]]);
    /// let v = Array::from_ndarray(array![1.0, -1.0]);
    /// let session = Session::new()?;
    /// assert_eq!(session.compute(&m.matmul(&v))?.as_slice::<f64>()?, [-1.0, -1.0]);
    /// assert_eq!(session.compute(&v.matmul(&v))?.item::<f64>()?, 2.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Chunks, threads and budget never change a bit on one device. Floats of two matrices are summed in one fixed order,
    /// and across devices an element with K terms is within `γ_K |x||y|` of the exact one, with
    /// `γ_K = K·u / (1 − K·u)` and `u` half the distance from 1 to the next float. With a vector, each product is
    /// rounded once and their sum, which is exact, once more: within `γ_2 |x||y|`, the same bits on every device.
    /// float16 is accumulated in float32. Integers wrap, as NumPy's, and bools are "any of and".
    ///
    /// Limits: a vector product of 64-bit integers may be an error beyond 2^32 terms.
    #[track_caller]
    pub fn matmul(&self, other: &Array) -> Array {
        match self.multiplied(other) {
            Ok(array) => array,
            Err(e) => Array::from_draft("matmul", Err(e), Location::caller()),
        }
    }

    /// `numpy.dot`: as [`Array::matmul`] for arrays of up to two axes and where one is a vector or a matrix on the right;
    /// a scalar multiplies; otherwise every matrix of this array with every one of the other.
    #[track_caller]
    pub fn dot(&self, other: &Array) -> Array {
        let (Ok(left), Ok(right)) = (self.ndim(), other.ndim()) else { return self.matmul(other) };
        if left == 0 || right == 0 {
            return self.multiply(other);
        }
        if left < 2 || right < 3 {
            return self.matmul(other);
        }
        // (I, 1, m, k) @ (K, k, n) is (I, K, m, n); the rows of this array come before what the other adds.
        let (i, k) = (left - 2, right - 2);
        let mut index = vec![Index::ALL; i];
        index.extend(vec![Index::NewAxis; k]);
        let all = self.index(index).matmul(other);
        let order = (0..i).chain([i + k]).chain(i..i + k).chain([i + k + 1]);
        all.transpose(&order.map(|axis| axis as i64).collect::<Vec<_>>())
    }

    #[track_caller]
    fn multiplied(&self, other: &Array) -> Result<Array> {
        let (a, b) = (self.node()?, other.node()?);
        let refuse = |what: String| {
            let shapes = format!("shapes {} and {}", show(&a.shape), show(&b.shape));
            Error::new(ErrorKind::Shape, format!("arrays of {shapes} cannot be multiplied: {what}"))
        };
        let (left, right) = (a.shape.len(), b.shape.len());
        if left == 0 || right == 0 {
            return Err(refuse("a scalar is no matrix".into()).hint("multiply by it: x * y"));
        }
        let (columns, rows) = (a.shape[left - 1], b.shape[right.saturating_sub(2)]);
        if columns != rows {
            let what = format!("operand 1 has a mismatch in its core dimension, {rows} is not {columns}");
            return Err(refuse(what)
                .hint("the last axis of the first must be as long as the last but one of the second"));
        }
        let dtype = a.dtype.promote(b.dtype);
        match (left, right) {
            (_, 1) => return sum_of_products(self, other, -1, dtype),
            (1, _) => return sum_of_products(&self.expand_dims(-1), other, -2, dtype),
            _ => {}
        }
        let lead = broadcast_shapes([&a.shape[..left - 2], &b.shape[..right - 2]]);
        let Some(mut shape) = lead else {
            let [a, b] = [&a.shape[..left - 2], &b.shape[..right - 2]].map(show);
            return Err(refuse(format!("their leading axes {a} and {b} do not broadcast"))
                .hint("axes are matched from the last; lengths must be equal or 1"));
        };
        shape.extend([a.shape[left - 2], b.shape[right - 1]]);
        let rank = left.max(right);
        let factor = |array: &Array, own: usize| -> Result<_> {
            let mut index = vec![Index::NewAxis; rank - own];
            index.push(Index::Ellipsis);
            let array = if rank == own { array.clone() } else { array.index(index) };
            Ok(array.cast(dtype).node()?.clone())
        };
        let draft = Draft {
            kind: NodeKind::Feed(Arc::new(Matmul {})),
            inputs: SmallVec::from_iter([factor(self, left)?, factor(other, right)?]),
            shape,
            dtype,
        };
        Ok(Array::from_draft("matmul", Ok(draft), Location::caller()))
    }
}

/// The sum over an axis of the products of elements, which broadcast.
#[track_caller]
fn sum_of_products(x: &Array, y: &Array, axis: i64, dtype: DType) -> Result<Array> {
    let over = || Over::axis(axis);
    let wide = match dtype {
        // Where a sum could leave 64 bits, it is taken of halves, which are put together modulo 2^64.
        DType::I64 => DType::U64,
        dtype => matmul_dtype(dtype),
    };
    let (x, y) = (x.cast(wide), y.cast(wide));
    let sum = match wide.kind() {
        Kind::Bool => (x & y).any_with(over()),
        Kind::Float => (x * y).sum_with(over()),
        _ if wide == DType::U64 => {
            let each = x * y;
            let low = (&each & u64::from(u32::MAX)).sum_with(over());
            ((each >> 32u64).sum_with(over()) << 32u64) + low
        }
        _ => (x * y).sum_with(over()),
    };
    sum.check()?;
    Ok(sum.cast(dtype))
}
