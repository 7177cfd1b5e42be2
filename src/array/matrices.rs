//! Matrices and products of axes, by NumPy's names: triangles, diagonals, outer and tensor products, norms, covariance.

use super::index::axis;
use super::shape::{concatenate, stack};
use super::{Array, Index, Over, attempt, show};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use std::panic::Location;

fn shape_error(message: String) -> Error {
    Error::new(ErrorKind::Shape, message)
}

/// Which norm, as `ord` of `numpy.linalg.norm`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Norm {
    /// The root of the sum of all squares: `None`, and `'fro'` of matrices.
    #[default]
    Frobenius,
    /// Of vectors: the sum of |x|^p, to the power 1/p; for infinity and its negative the largest and the least |x|; for 0
    /// how many are not 0.
    P(f64),
}

/// `numpy.tri`: float64 1 at and below the `k`-th diagonal of an n × m matrix, 0 above.
#[track_caller]
pub fn tri(n: u64, m: u64, k: i64) -> Array {
    below(n, m, k).cast(DType::F64)
}

/// `numpy.eye`: 1 on the `k`-th diagonal of an n × m matrix, 0 elsewhere.
#[track_caller]
pub fn eye(n: u64, m: u64, k: i64, dtype: DType) -> Array {
    let (row, column) = places(n, m);
    column.subtract(row).equal(k).cast(dtype)
}

/// The index of the row as a column, and the index of the column as a row.
#[track_caller]
fn places(n: u64, m: u64) -> (Array, Array) {
    (Array::arange_int(0, n as i64, 1).expand_dims(1), Array::arange_int(0, m as i64, 1))
}

/// Whether an element is at or below the `k`-th diagonal.
#[track_caller]
fn below(n: u64, m: u64, k: i64) -> Array {
    let (row, column) = places(n, m);
    column.subtract(row).less_equal(k)
}

impl Array {
    /// The lengths of the last two axes.
    fn matrix(&self) -> Result<(u64, u64)> {
        match *self.shape()? {
            [.., n, m] => Ok((n, m)),
            [n] => Ok((n, n)),
            [] => Err(shape_error("a scalar is no matrix".into())),
        }
    }

    /// `numpy.tril`: the elements at and below the `k`-th diagonal of the last two axes, 0 above.
    ///
    /// Errors, when it is computed: `Shape` for a scalar.
    #[track_caller]
    pub fn tril(&self, k: i64) -> Array {
        let (n, m) = attempt!("tril", self.matrix());
        let dtype = attempt!("tril", self.dtype());
        below(n, m, k).select(self, Array::zeros(&[], dtype))
    }

    /// `numpy.triu`: the elements at and above the `k`-th diagonal of the last two axes, 0 below.
    ///
    /// Errors, when it is computed: `Shape` for a scalar.
    #[track_caller]
    pub fn triu(&self, k: i64) -> Array {
        let (n, m) = attempt!("triu", self.matrix());
        let dtype = attempt!("triu", self.dtype());
        below(n, m, k.saturating_sub(1)).select(Array::zeros(&[], dtype), self)
    }

    /// `numpy.diagonal`: the elements whose index along `axes.1` is the one along `axes.0` plus `offset`, as a new last
    /// axis.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Value` if both are the same.
    #[track_caller]
    pub fn diagonal(&self, offset: i64, axes: (i64, i64)) -> Array {
        let rank = attempt!("diagonal", self.ndim());
        let (a, b) = attempt!("diagonal", axis(axes.0, rank).and_then(|a| Ok((a, axis(axes.1, rank)?))));
        if a == b {
            let e = Error::new(ErrorKind::Value, format!("a diagonal of axis {a} with itself"));
            attempt!("diagonal", Err(e));
        }
        let matrices = self.moveaxis(&[a as i64, b as i64], &[-2, -1]);
        let shape = attempt!("diagonal", matrices.shape()).to_vec();
        let (n, m) = (shape[rank - 2] as i64, shape[rank - 1] as i64);
        // In C order the next one is a row and a column on.
        let (row, column) = ((-offset.max(-n)).max(0), offset.min(m).max(0));
        let len = (n - row).min(m - column).max(0);
        let mut flat: Vec<i64> = shape[..rank - 2].iter().map(|&n| n as i64).collect();
        flat.push(n.saturating_mul(m));
        let start = row * m + column;
        let slice = match len {
            0 => Index::from(..0),
            len => {
                Index::Slice { start: Some(start), stop: Some(start + (len - 1) * (m + 1) + 1), step: m + 1 }
            }
        };
        matrices.reshape(&flat).index([Index::Ellipsis, slice])
    }

    /// `numpy.diag`: the `k`-th diagonal of a matrix, or the matrix that has a row on its `k`-th diagonal.
    ///
    /// Errors, when it is computed: `Shape` for other than one or two axes.
    #[track_caller]
    pub fn diag(&self, k: i64) -> Array {
        let n = match *attempt!("diag", self.shape()) {
            [n] => n,
            [_, _] => return self.diagonal(k, (0, 1)),
            ref shape => {
                attempt!("diag", Err(shape_error(format!("{} is no row and no matrix", show(shape)))))
            }
        };
        let dtype = attempt!("diag", self.dtype());
        let zero = Array::zeros(&[], dtype);
        let more = Array::zeros(&[k.unsigned_abs()], dtype);
        let size = n.saturating_add(k.unsigned_abs());
        let padded = concatenate(&[self.clone(), more], 0);
        let on = eye(size, size, k, DType::Bool);
        match k >= 0 {
            true => on.select(padded.expand_dims(1), zero),
            false => on.select(padded, zero),
        }
    }

    /// `numpy.trace`: the sum of [`Array::diagonal`].
    #[track_caller]
    pub fn trace(&self, offset: i64, axes: (i64, i64)) -> Array {
        self.diagonal(offset, axes).sum_with(Over::axis(-1))
    }

    /// `numpy.outer`: every element of this array with every one of the other, both in C order.
    #[track_caller]
    pub fn outer(&self, other: &Array) -> Array {
        self.ravel().expand_dims(1) * other.ravel()
    }

    /// `numpy.inner`: sums of products over the last axes.
    ///
    /// Errors, when it is computed: `Shape` if these have different lengths.
    #[track_caller]
    pub fn inner(&self, other: &Array) -> Array {
        let (left, right) = attempt!("inner", self.ndim().and_then(|l| Ok((l, other.ndim()?))));
        match left == 0 || right == 0 {
            true => self * other,
            false => self.tensordot(other, &[-1], &[-1]),
        }
    }

    /// `numpy.vecdot` of real numbers: sums of products along an axis of both, in the dtype of the products, in which
    /// integers wrap.
    ///
    /// Errors, when it is computed: `Shape` if the axes have different lengths, or the others do not broadcast; `Index` for an
    /// axis that is not there.
    #[track_caller]
    pub fn vecdot(&self, other: &Array, axis: i64) -> Array {
        let rank = attempt!("vecdot", self.ndim().and_then(|l| Ok(l.max(other.ndim()?)))) as i64;
        // Counted from the end, since that is where axes are lined up.
        let axis = if axis < 0 { axis } else { axis - rank };
        let length = |a: &Array| -> Result<Option<u64>> {
            let shape = a.shape()?;
            Ok(usize::try_from(axis + shape.len() as i64).ok().and_then(|d| shape.get(d)).copied())
        };
        let (left, right) = attempt!("vecdot", length(self).and_then(|l| Ok((l, length(other)?))));
        if left != right {
            let told = |n: Option<u64>| n.map_or("no axis".to_string(), |n| format!("length {n}"));
            let message = format!("the vectors have {} and {}", told(left), told(right));
            attempt!("vecdot", Err(Error::new(ErrorKind::Shape, message)));
        }
        let products = self * other;
        let dtype = attempt!("vecdot", products.dtype());
        products.sum_with(Over::axis(axis)).cast(dtype)
    }

    /// `numpy.matvec`: matrices with vectors, which have one axis less; the others broadcast.
    #[track_caller]
    pub fn matvec(&self, vector: &Array) -> Array {
        let made = self.matmul(&vector.expand_dims(-1));
        let rank = attempt!("matvec", made.ndim());
        made.index((1..rank).map(|_| Index::ALL).chain([Index::At(0)]).collect::<Vec<_>>())
    }

    /// `numpy.vecmat` of real numbers: vectors, which have one axis less, with matrices; the others broadcast.
    #[track_caller]
    pub fn vecmat(&self, matrix: &Array) -> Array {
        matrix.matrix_transpose().matvec(self)
    }

    /// `numpy.matrix_transpose`: the last two axes exchanged.
    ///
    /// Errors, when it is computed: `Index` for fewer than two axes.
    #[track_caller]
    pub fn matrix_transpose(&self) -> Array {
        self.swapaxes(-1, -2)
    }

    /// `numpy.vdot` of real numbers: the sum of the products of all elements.
    ///
    /// Errors, when it is computed: `Shape` for different numbers of elements.
    #[track_caller]
    pub fn vdot(&self, other: &Array) -> Array {
        self.ravel().matmul(&other.ravel())
    }

    /// `numpy.tensordot`: sums of products over `axes` of this array and as many of the other; what is left of this
    /// array comes first. No axes at all is the product of every element with every other.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Shape` for axes of different lengths;
    /// `Value` for different numbers of axes, or one that is named twice.
    #[track_caller]
    pub fn tensordot(&self, other: &Array, axes: &[i64], others: &[i64]) -> Array {
        let (left, right) = attempt!("tensordot", sides(self, other, axes, others));
        let product = self
            .transpose(&left.order(false))
            .reshape(&[left.kept_len(), left.summed_len()])
            .matmul(&other.transpose(&right.order(true)).reshape(&[right.summed_len(), right.kept_len()]));
        let shape: Vec<i64> = left.kept_shape().chain(right.kept_shape()).collect();
        product.reshape(&shape)
    }

    /// `numpy.kron`: blocks of the other array, each multiplied by an element of this one.
    #[track_caller]
    pub fn kron(&self, other: &Array) -> Array {
        let rank = attempt!("kron", self.ndim()).max(attempt!("kron", other.ndim()));
        let (mut a, mut b) = (self.clone(), other.clone());
        while attempt!("kron", a.ndim()) < rank {
            a = a.expand_dims(0);
        }
        while attempt!("kron", b.ndim()) < rank {
            b = b.expand_dims(0);
        }
        let mut shape = Vec::new();
        for (&n, &m) in attempt!("kron", a.shape()).iter().zip(attempt!("kron", b.shape())) {
            shape.push(n.saturating_mul(m) as i64);
        }
        for d in 0..rank as i64 {
            a = a.expand_dims(2 * d + 1);
            b = b.expand_dims(2 * d);
        }
        (a * b).reshape(&shape)
    }

    /// `numpy.cross` of vectors of three components along the last axis.
    ///
    /// Errors, when it is computed: `Shape` for other vectors.
    #[track_caller]
    pub fn cross(&self, other: &Array) -> Array {
        for a in [self, other] {
            if !matches!(*attempt!("cross", a.shape()), [.., 3]) {
                let message = format!("vectors of shape {}", show(attempt!("cross", a.shape())));
                let e = shape_error(message).hint("the last axis has the three components");
                attempt!("cross", Err(e));
            }
        }
        let mut out = Vec::new();
        for (i, j) in [(1, 2), (2, 0), (0, 1)] {
            let at = |k: i64| [Index::Ellipsis, Index::At(k)];
            out.push(self.index(at(i)) * other.index(at(j)) - self.index(at(j)) * other.index(at(i)));
        }
        stack(&out, -1)
    }

    /// `numpy.linalg.norm` of vectors along axes, and the Frobenius norm of anything; over all elements without axes.
    ///
    /// Errors, when it is computed: as [`Array::sum_with`].
    #[track_caller]
    pub fn norm(&self, norm: Norm, over: Over) -> Array {
        let dtype = attempt!("norm", self.dtype());
        let x = self.cast(if dtype.is_float() { dtype } else { DType::F64 }).absolute();
        match norm {
            Norm::Frobenius => x.square().sum_with(over).sqrt(),
            Norm::P(2.0) => x.square().sum_with(over).sqrt(),
            Norm::P(f64::INFINITY) => x.max_with(over),
            Norm::P(f64::NEG_INFINITY) => x.min_with(over),
            Norm::P(0.0) => x.not_equal(0.0).cast(x.dtype().unwrap_or(DType::F64)).sum_with(over),
            Norm::P(1.0) => x.sum_with(over),
            Norm::P(p) => x.power(p).sum_with(over).power(1.0 / p),
        }
    }

    /// `numpy.cov`: the covariance of variables, one a row (or a column, if `rowvar` is false), over observations. It is
    /// divided by the number of observations less `ddof`, which is 1 if not given. In float64.
    ///
    /// Errors, when it is computed: `Shape` for more than two axes; `Value` for a `ddof` that leaves nothing to divide by.
    #[track_caller]
    pub fn cov(&self, rowvar: bool, ddof: Option<f64>) -> Array {
        let shape = attempt!("cov", self.shape());
        if shape.len() > 2 {
            attempt!("cov", Err(shape_error(format!("{} has more than two axes", show(shape)))));
        }
        let turned = !rowvar && shape.len() == 2;
        let x = self.cast(DType::F64).atleast_2d();
        let x = if turned { x.t() } else { x };
        let n = attempt!("cov", x.shape())[1];
        let divisor = n as f64 - ddof.unwrap_or(1.0);
        if divisor <= 0.0 {
            let message = format!("{n} observations leave nothing to divide by");
            attempt!("cov", Err(Error::new(ErrorKind::Value, message)));
        }
        let x = &x - x.mean_with(Over::axis(1).keepdims());
        x.matmul(&x.t()).multiply(1.0 / divisor).squeeze(&[])
    }

    /// `numpy.corrcoef`: the correlation of variables, one a row (or a column, if `rowvar` is false): their covariance
    /// over the product of their standard deviations, within −1 … 1.
    #[track_caller]
    pub fn corrcoef(&self, rowvar: bool) -> Array {
        let c = self.cov(rowvar, None);
        if attempt!("corrcoef", c.ndim()) == 0 {
            return c.divide(&c);
        }
        let deviation = c.diagonal(0, (0, 1)).sqrt();
        (&c / deviation.expand_dims(1) / deviation.expand_dims(0)).clip(-1.0, 1.0)
    }
}

/// One factor of a tensor product: its lengths, and which axes are summed over, in their order.
struct Side {
    shape: Vec<u64>,
    summed: Vec<usize>,
    kept: Vec<usize>,
}

impl Side {
    fn of(array: &Array, axes: &[i64]) -> Result<Side> {
        let shape = array.shape()?.to_vec();
        let summed = axes.iter().map(|&a| axis(a, shape.len())).collect::<Result<Vec<_>>>()?;
        if let Some(twice) = (1..summed.len()).find(|&i| summed[..i].contains(&summed[i])) {
            return Err(Error::new(ErrorKind::Value, format!("axis {} is named twice", summed[twice])));
        }
        let kept = (0..shape.len()).filter(|d| !summed.contains(d)).collect();
        Ok(Side { shape, summed, kept })
    }

    fn order(&self, summed_first: bool) -> Vec<i64> {
        let (first, last) =
            if summed_first { (&self.summed, &self.kept) } else { (&self.kept, &self.summed) };
        first.iter().chain(last).map(|&d| d as i64).collect()
    }

    fn len(&self, axes: &[usize]) -> i64 {
        axes.iter().fold(1u64, |n, &d| n.saturating_mul(self.shape[d])) as i64
    }

    fn kept_len(&self) -> i64 {
        self.len(&self.kept)
    }

    fn summed_len(&self) -> i64 {
        self.len(&self.summed)
    }

    fn kept_shape(&self) -> impl Iterator<Item = i64> {
        self.kept.iter().map(|&d| self.shape[d] as i64)
    }
}

fn sides(a: &Array, b: &Array, axes: &[i64], others: &[i64]) -> Result<(Side, Side)> {
    if axes.len() != others.len() {
        let message = format!("{} axes of the one and {} of the other", axes.len(), others.len());
        return Err(Error::new(ErrorKind::Value, message));
    }
    let (left, right) = (Side::of(a, axes)?, Side::of(b, others)?);
    let different = left.summed.iter().zip(&right.summed).find(|(l, r)| left.shape[**l] != right.shape[**r]);
    match different {
        Some((l, r)) => Err(shape_error(format!(
            "axis {l} of shape {} and axis {r} of shape {} have different lengths",
            show(&left.shape),
            show(&right.shape)
        ))),
        None => Ok((left, right)),
    }
}
