//! What looks at neighbours: borders, gradients, convolutions. Each is made of slices of one padded array, so
//! that every chunk is decoded once and the halo is all that a block reads beyond itself.
//!
//! Limits: a convolution takes a short kernel, of which each element is a step of the program; its sums run in the order of the kernel, so floats may differ from NumPy's in their last bits.

use super::index::axis;
use super::{Array, Draft, Index, show};
use crate::dtype::{DType, Scalar, Weak};
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::{Boundary, Halo};
use crate::graph::NodeKind;
use crate::grid::Dims;
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// The most elements of a convolution's kernel.
const MAX_TAPS: u64 = 128;

/// Which part of a convolution is wanted; for lengths `n >= m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConvolveMode {
    /// All, `n + m - 1` elements.
    #[default]
    Full,
    /// The middle `n`.
    Same,
    /// Where the two overlap fully, `n - m + 1`.
    Valid,
}

impl Array {
    /// The array with a border, as `numpy.pad` makes it and `dask.array.overlap` shows it: `widths` elements
    /// before and after each axis, which show what `boundary` says. Either list has an entry for each axis, or
    /// one for all. Axes whose boundary is [`Boundary::None`] get no border.
    ///
    /// A stencil is made of slices of it, which share what they read:
    ///
    /// ```
    /// use chunkwise::{Array, Boundary, Index, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange(0.0, 5.0, 1.0);
    /// let p = x.pad(&[(1, 1)], &[Boundary::Nearest]);
    /// let smooth = (p.index([Index::from(..-2)]) + &x + p.index([Index::from(2..)])) / 3.0;
    /// assert_eq!(Session::new()?.compute(&smooth.index([Index::At(0)]))?.item::<f64>()?, 1.0 / 3.0);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn pad(&self, widths: &[(u64, u64)], boundary: &[Boundary]) -> Array {
        Array::from_draft("pad", self.padded(widths, boundary), Location::caller())
    }

    fn padded(&self, widths: &[(u64, u64)], boundary: &[Boundary]) -> Result<Draft> {
        let node = self.node()?;
        let (rank, dtype) = (node.shape.len(), node.dtype);
        let fits = |n: usize| n == 1 || n == rank;
        if !fits(widths.len()) || !fits(boundary.len()) {
            return Err(Error::new(
                ErrorKind::Value,
                format!("{} widths and {} boundaries for {rank} axes", widths.len(), boundary.len()),
            )
            .hint("give one for each axis, or one for all"));
        }
        let (mut before, mut after) = (Dims::from_elem(0, rank), Dims::from_elem(0, rank));
        let mut shows: Vec<Boundary> = Vec::new();
        let mut shape = node.shape.clone();
        for d in 0..rank {
            let width = widths[d.min(widths.len() - 1)];
            let mut boundary = boundary[d.min(boundary.len() - 1)];
            if boundary == Boundary::None || width == (0, 0) {
                shows.push(Boundary::None);
                continue;
            }
            match &mut boundary {
                Boundary::Constant(k) => *k = in_dtype(*k, dtype)?,
                _ if shape[d] == 0 => {
                    return Err(Error::new(
                        ErrorKind::Value,
                        format!("axis {d} of shape {} has no element to extend", show(&node.shape)),
                    )
                    .hint("an empty axis can only be padded with a constant"));
                }
                _ => {}
            }
            (before[d], after[d]) = width;
            shape[d] = shape[d].saturating_add(width.0.saturating_add(width.1));
            shows.push(boundary);
        }
        let mut constants = shows.iter().filter(|b| matches!(b, Boundary::Constant(_)));
        let first = constants.next();
        if constants.any(|b| Some(b) != first) {
            return Err(Error::new(ErrorKind::Value, "the constants of several axes differ")
                .hint("pad one axis after the other"));
        }
        let halo = Halo { before, after, boundary: shows };
        Ok(Draft {
            kind: NodeKind::Feed(Arc::new(halo)),
            inputs: SmallVec::from_iter([node.clone()]),
            shape,
            dtype,
        })
    }

    /// The gradient along an axis, as `numpy.gradient` for that axis: central differences over points `spacing`
    /// apart, at the ends one-sided ones of order `edge_order`, 1 or 2. Integers become float64.
    #[track_caller]
    pub fn gradient(&self, axis: i64, spacing: f64, edge_order: u32) -> Array {
        match self.differences(axis, spacing, edge_order) {
            Ok(array) => array,
            Err(e) => Array::from_draft("gradient", Err(e), Location::caller()),
        }
    }

    #[track_caller]
    fn differences(&self, along: i64, dx: f64, edge_order: u32) -> Result<Array> {
        let node = self.node()?;
        let d = axis(along, node.shape.len())?;
        let n = node.shape[d];
        if !(1..=2).contains(&edge_order) {
            return Err(Error::new(ErrorKind::Value, format!("edge_order must be 1 or 2, not {edge_order}")));
        }
        if n < u64::from(edge_order) + 1 {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("axis {d} of shape {} is too short for edge_order {edge_order}", show(&node.shape)),
            )
            .hint(format!("it needs {} elements", edge_order + 1)));
        }
        let dtype = if node.dtype.is_float() { node.dtype } else { DType::F64 };
        let (width, rank) = (u64::from(edge_order), node.shape.len());
        // Beyond the ends the last element is seen again, so a difference there has one neighbour.
        let p = self.cast(dtype).pad(&along_axis((width, width), rank, d), &[Boundary::Nearest]);
        let (back, here, forth) =
            (p.stretch(d, width - 1, n), p.stretch(d, width, n), p.stretch(d, width + 1, n));
        let at = Array::arange_int(0, n as i64, 1).across(d, rank);
        let (first, last) = (at.equal(0), at.equal(n as i64 - 1));
        if edge_order == 1 {
            let number = |v: f64| Weak::Float(v).to_scalar(dtype).map(Array::scalar);
            let apart = first.logical_or(&last).select(number(dx)?, number(2.0 * dx)?);
            return Ok((&forth - &back) / apart);
        }
        let inner = (&forth - &back) / (2.0 * dx);
        let begin = &here * (-1.5 / dx) + &forth * (2.0 / dx) + p.stretch(d, 4, n) * (-0.5 / dx);
        let end = p.stretch(d, 0, n) * (0.5 / dx) + &back * (-2.0 / dx) + &here * (1.5 / dx);
        Ok(first.select(begin, last.select(end, inner)))
    }

    /// `numpy.convolve`: the sums of products of a 1-D array with a short kernel that slides over it reversed.
    #[track_caller]
    pub fn convolve(&self, kernel: &Array, mode: ConvolveMode) -> Array {
        match self.convolved(kernel, mode) {
            Ok(array) => array,
            Err(e) => Array::from_draft("convolve", Err(e), Location::caller()),
        }
    }

    #[track_caller]
    fn convolved(&self, kernel: &Array, mode: ConvolveMode) -> Result<Array> {
        let (a, v) = (self.node()?, kernel.node()?);
        if a.shape.len() != 1 || v.shape.len() != 1 || a.shape[0] == 0 || v.shape[0] == 0 {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("arrays of shapes {} and {} cannot be convolved", show(&a.shape), show(&v.shape)),
            )
            .hint("both must be 1-D and not empty"));
        }
        let dtype = a.dtype.promote(v.dtype);
        // As in NumPy, the shorter one is the kernel.
        let (x, kernel) = if v.shape[0] > a.shape[0] { (kernel, self) } else { (self, kernel) };
        let (n, m) = (a.shape[0].max(v.shape[0]), a.shape[0].min(v.shape[0]));
        if m > MAX_TAPS {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("a kernel of {m} elements is longer than {MAX_TAPS}"),
            ));
        }
        let (before, after) = match mode {
            ConvolveMode::Full => (m - 1, m - 1),
            ConvolveMode::Same => (m - 1 - (m - 1) / 2, (m - 1) / 2),
            ConvolveMode::Valid => (0, 0),
        };
        let zero = Weak::Bool(false).to_scalar(dtype)?;
        let p = x.cast(dtype).pad(&[(before, after)], &[Boundary::Constant(zero)]);
        let kernel = kernel.cast(dtype);
        let len = n + before + after - (m - 1);
        let mut sum: Option<Array> = None;
        for j in 0..m {
            let term = p.stretch(0, m - 1 - j, len) * kernel.index([Index::At(j as i64)]);
            sum = Some(match sum {
                Some(sum) => sum + term,
                None => term,
            });
        }
        sum.ok_or_else(|| Error::new(ErrorKind::Internal, "a convolution with nothing"))
    }

    /// `len` elements of an axis from `start` on.
    #[track_caller]
    fn stretch(&self, d: usize, start: u64, len: u64) -> Array {
        let mut index = vec![Index::ALL; d];
        index.push(Index::from(start as i64..(start + len) as i64));
        self.index(index)
    }

    /// A 1-D array along axis `d` of `rank` axes, to be broadcast along the others.
    #[track_caller]
    fn across(self, d: usize, rank: usize) -> Array {
        let mut index = vec![Index::NewAxis; rank];
        index[d] = Index::ALL;
        self.index(index)
    }
}

/// Widths that are nothing but along one axis.
fn along_axis(width: (u64, u64), rank: usize, d: usize) -> Vec<(u64, u64)> {
    (0..rank).map(|k| if k == d { width } else { (0, 0) }).collect()
}

/// A number in another dtype, if it has it.
fn in_dtype(k: Scalar, dtype: DType) -> Result<Scalar> {
    match k.to_i128() {
        _ if k.dtype() == dtype => Ok(k),
        _ if dtype == DType::Bool => Weak::Bool(k.to_f64() != 0.0).to_scalar(dtype),
        Some(v) if !k.dtype().is_float() => Weak::Int(v).to_scalar(dtype),
        _ => Weak::Float(k.to_f64()).to_scalar(dtype),
    }
}
