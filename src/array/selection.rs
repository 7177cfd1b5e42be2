//! [`Selection`]: the elements of an array where a mask is true, before anyone knows how many they are.
//!
//! It is kept as the whole array beside the mask (*predicated*), so that nothing needs positions: elementwise operations
//! go through it, and what knows no positions (sums, moments, extremes, counts, quantiles, histograms) takes the mask
//! as its `where`. Anything else wants the elements one after the other: [`Session::resolve`](crate::Session::resolve).

use super::{Array, ArrayOperand, Over, show};
use crate::dtype::{DType, Weak};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::ops::elementwise::Op;
use std::panic::Location;

/// NumPy's `x[mask]`, not computed yet: the elements of an array where a mask of its first axes is true, along one axis
/// in the place of these.
///
/// ```
/// use chunkwise::{Array, Session};
/// use ndarray::array;
/// # fn main() -> chunkwise::Result<()> {
/// let rho = Array::from_ndarray(array![[0.5, 2.0], [8.0, 0.1]]);
/// let dense = rho.boolean_index(&rho.greater(1.0));
/// let session = Session::new()?;
/// assert_eq!(session.compute(&dense.mean())?.item::<f64>()?, 5.0);
/// assert_eq!(session.compute(&session.resolve(&dense)?)?.as_slice::<f64>()?, [2.0, 8.0]);
/// # Ok(())
/// # }
/// ```
///
/// Its length is known when it is computed, so it has no `shape`; [`Selection::count`] is an array of it.
#[derive(Clone, Debug)]
pub struct Selection {
    values: Array,
    mask: Array,
}

impl Array {
    /// The elements where `mask` is true, which has the shape of the array, or of its first axes: a mask of one axis
    /// selects rows.
    ///
    /// Errors, when what is made of it is computed: `Type` for a mask that is not of bools; `Index` if its shape is not
    /// that of the first axes.
    #[track_caller]
    pub fn boolean_index(&self, mask: &Array) -> Selection {
        let at = Location::caller();
        let values = fitting(self, mask).map(|()| self.clone());
        Selection {
            values: values.unwrap_or_else(|e| Array::from_draft("boolean_index", Err(e), at)),
            mask: mask.clone(),
        }
    }
}

/// Checks that a mask selects from the first axes of an array.
fn fitting(x: &Array, mask: &Array) -> Result<()> {
    let (shape, chosen) = (x.shape()?, mask.shape()?);
    if mask.dtype()? != DType::Bool {
        return Err(Error::new(ErrorKind::Type, format!("a mask is of bools, not of {}", mask.dtype()?)));
    }
    match !chosen.is_empty() && shape.starts_with(chosen) {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::Index,
            format!("a mask of shape {} does not fit an array of shape {}", show(chosen), show(shape)),
        )
        .hint("its shape must be that of the array, or of the array's first axes")),
    }
}

/// An operand of an elementwise operation on selected elements.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SelectionOperand {
    /// Elements that the same mask selects.
    Selection(Selection),
    /// A scalar, weak as Rust's and Python's are.
    Weak(Weak),
}

impl From<&Selection> for SelectionOperand {
    fn from(s: &Selection) -> Self {
        SelectionOperand::Selection(s.clone())
    }
}

impl From<Weak> for SelectionOperand {
    fn from(w: Weak) -> Self {
        SelectionOperand::Weak(w)
    }
}

impl Selection {
    /// The same selection, whose errors and `explain` lines name `text` as the place where it was made.
    pub fn made_by(&self, text: &str) -> Selection {
        Selection { values: self.values.made_by(text), mask: self.mask.clone() }
    }

    /// All elements, selected or not.
    pub fn values(&self) -> &Array {
        &self.values
    }

    /// What selects.
    pub fn mask(&self) -> &Array {
        &self.mask
    }

    /// The dtype of the elements.
    ///
    /// # Errors
    /// Why there is no such selection.
    pub fn dtype(&self) -> Result<DType> {
        self.values.dtype()
    }

    /// How many axes it has: one for those of the mask, and those that the mask has not.
    ///
    /// # Errors
    /// As [`Selection::dtype`].
    pub fn ndim(&self) -> Result<usize> {
        Ok(self.values.ndim()? + 1 - self.mask.ndim()?)
    }

    /// How long its first axis is, as an array without axes.
    pub fn count(&self) -> Array {
        self.mask.count_nonzero()
    }

    /// Whether the same mask selects both, so that their elements belong together. Masks that were made twice in the
    /// same way are the same.
    ///
    /// # Errors
    /// As [`Selection::dtype`].
    pub fn alike(&self, other: &Selection) -> Result<bool> {
        let graph = Graph::new(&[self.mask.node()?.clone(), other.mask.node()?.clone()]);
        Ok(graph.outputs[0] == graph.outputs[1] && self.ndim()? == other.ndim()?)
    }

    /// Applies a row of the elementwise table to the elements that are selected. What is not selected raises no error
    /// and no note: `2 ** k[k >= 0]` is fine for whole numbers.
    ///
    /// # Errors
    /// `Value` for operands that different masks select, or that are scalars alone; `Shape` and `Type` as the row.
    #[track_caller]
    pub fn elementwise(op: Op, operands: &[SelectionOperand]) -> Result<Selection> {
        let mut selections = operands.iter().filter_map(|o| match o {
            SelectionOperand::Selection(s) => Some(s),
            SelectionOperand::Weak(_) => None,
        });
        let Some(first) = selections.next() else {
            return Err(Error::new(ErrorKind::Value, format!("{} of no selection", op.name())));
        };
        for other in selections {
            if !first.alike(other)? {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!("{} of elements that different masks select", op.name()),
                )
                .hint("Session::resolve makes arrays of them, whose lengths are then compared"));
            }
        }
        let mut operands: Vec<ArrayOperand> = operands
            .iter()
            .map(|o| match o {
                SelectionOperand::Selection(s) => s.values.clone().into(),
                SelectionOperand::Weak(w) => (*w).into(),
            })
            .collect();
        if let (true, Some(ArrayOperand::Array(last))) = (raises(op), operands.last())
            && !last.dtype()?.is_float()
        {
            // In the operand's own dtype, which decides on that of the result.
            let one = if last.dtype()? == DType::Bool { Weak::Bool(true) } else { Weak::Int(1) };
            let safe = [first.where_mask()?.into(), last.clone().into(), one.into()];
            let safe = Array::elementwise(Op::WHERE, &safe);
            *operands.last_mut().ok_or_else(|| Error::new(ErrorKind::Internal, "no operand"))? = safe.into();
        }
        let values = Array::elementwise(op, &operands);
        values.check()?;
        Ok(Selection { values, mask: first.mask.clone() })
    }

    /// The elements in another dtype.
    #[track_caller]
    pub fn cast(&self, dtype: DType) -> Selection {
        Selection { values: self.values.cast(dtype), mask: self.mask.clone() }
    }

    /// The mask in the shape in which it broadcasts to the values, as their `where`.
    ///
    /// # Errors
    /// As [`Selection::dtype`].
    pub fn where_mask(&self) -> Result<Array> {
        let (rank, mask) = (self.values.ndim()?, self.mask.shape()?);
        if rank == mask.len() {
            return Ok(self.mask.clone());
        }
        let ones = std::iter::repeat_n(1, rank - mask.len());
        Ok(self.mask.reshape(&mask.iter().map(|&n| n as i64).chain(ones).collect::<Vec<_>>()))
    }

    /// What goes over axes of the selection (0 is that of the selected elements), said of [`Selection::values`], with
    /// the mask. Any reduction, quantile or histogram of the values with it is that of the selected elements.
    ///
    /// # Errors
    /// `Index` for an axis that is not there; `Unsupported` if the axis of the selected elements is not among them, or
    /// shall stay with length 1 where the mask has several; `Value` if there is a mask already.
    pub fn over(&self, over: Over) -> Result<Over> {
        let (rank, own) = (self.ndim()?, self.mask.ndim()?);
        let refused = |what: &str| {
            Err(Error::new(ErrorKind::Unsupported, what.to_string())
                .hint("Session::resolve makes an array of the elements, which has all operations"))
        };
        let mut over = over;
        if over.mask_array().is_some() {
            return Err(Error::new(ErrorKind::Value, "where= of elements that a mask has selected")
                .hint("combine both masks with & and select once"));
        }
        if let Some(weights) = over.weights_array()
            && weights.shape()? != self.values.shape()?
        {
            return refused("weights that are not there for all elements");
        }
        if over.axes.is_some() {
            let (reduced, keepdims) = over.reduced(rank)?;
            if !reduced[0] {
                return refused("a reduction that keeps the axis of the selected elements");
            }
            if keepdims && own > 1 {
                return refused("keepdims over the axes of a mask");
            }
            let rest = (1..rank).filter(|&d| reduced[d]).map(|d| d + own - 1);
            over.axes = Some((0..own).chain(rest).map(|d| d as i64).collect());
        } else if over.keepdims && own > 1 {
            return refused("keepdims over the axes of a mask");
        }
        Ok(over.mask(&self.where_mask()?))
    }
}

/// Rows that raise something for an integer that stands last: an exponent, a divisor.
fn raises(op: Op) -> bool {
    matches!(op.name(), "power" | "floor_divide" | "remainder" | "fmod" | "reciprocal")
}

macro_rules! reductions {
    ($($name:ident),* $(,)?) => {
        /// Reductions over all selected elements, with exactness and dtypes as those of an array. Those with axes and
        /// options are the array's, with [`Selection::over`].
        impl Selection {
            $(#[doc = concat!("`numpy.", stringify!($name), "` of the selected elements.")]
            #[track_caller]
            pub fn $name(&self) -> Array {
                let at = Location::caller();
                match self.over(Over::all()) {
                    Ok(over) => self.values.reduce(super::reduce::row(stringify!($name)), over),
                    Err(e) => Array::from_draft(stringify!($name), Err(e), at),
                }
            })*
        }
    };
}
reductions!(sum, mean, var, std, min, max, prod, any, all);

impl Selection {
    /// `numpy.count_nonzero` of the selected elements.
    #[track_caller]
    pub fn count_nonzero(&self) -> Array {
        let at = Location::caller();
        match self.where_mask() {
            Ok(mask) => (self.values.cast(DType::Bool) & mask).count_nonzero(),
            Err(e) => Array::from_draft("count_nonzero", Err(e), at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;
    use crate::ops::elementwise::{Events, Operand};
    use crate::ops::simd::Simd;
    use ndarray::array;

    #[test]
    fn masks_that_were_made_twice_are_one() {
        let x = Array::from_ndarray(array![1, 2, 3]);
        let of = |low: i64| x.boolean_index(&x.greater(low));
        assert!(of(1).alike(&of(1)).unwrap());
        assert!(!of(1).alike(&of(2)).unwrap());
    }

    #[test]
    fn rows_raise_for_an_integer_that_stands_last_and_never_for_one() {
        let zeros_and_ones = [0i64, -1, 1];
        for op in Op::all() {
            let arity = op.row().params.len();
            let Ok(signature) = op.signature(&vec![Operand::Strong(DType::I64); arity]) else { continue };
            if signature.args.iter().any(|d| *d != DType::I64) {
                continue;
            }
            let mut raised = false;
            for at in 0..3usize.pow(arity as u32) {
                let args: Vec<i64> =
                    (0..arity).map(|i| zeros_and_ones[at / 3usize.pow(i as u32) % 3]).collect();
                let mut out = Buffer::zeroed(signature.out.size());
                let bytes: Vec<&[u8]> = args.iter().map(bytemuck::bytes_of).collect();
                let events = op.kernel(&signature, Simd::best()).run(&bytes, &mut out);
                raised |= events != Events::NONE;
                assert!(events == Events::NONE || args[arity - 1] != 1, "{} of {args:?}", op.name());
            }
            assert_eq!(raised, raises(op), "{}", op.name());
        }
    }
}
