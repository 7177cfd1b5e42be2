//! Cumulative sums, products and extremes along an axis.

use super::{Array, Draft, Over};
use crate::dtype::{DType, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::elementwise::Op;
use crate::ops::fold::{Cumulative, Scan, SharedFold};
use smallvec::SmallVec;
use std::panic::Location;

/// Along an axis: each element becomes what it comes to with all those before it. Without an axis the elements are
/// taken in C order, and the result has one axis, as in NumPy; a scalar is taken for one axis of length 1.
///
/// Every prefix sum is exact and rounded once, so that no chunking, number of threads or budget shows. They can
/// therefore differ from NumPy's in the last bits, and are then the right ones. Dtypes are NumPy's: of small
/// integers and bools 64-bit ones, unless [`Over::dtype`] says another. Integers that do not fit are an error of kind
/// `Overflow`. Float products are rounded once at each position, as [`Array::prod`].
///
/// One walk makes them: each chunk is decoded once, and blocks along the axis hand on what they come to.
impl Array {
    /// `numpy.cumsum` over all elements in C order.
    ///
    /// ```
    /// use chunkwise::{Array, Over, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let x = Array::arange_int(1, 7, 1).reshape(&[2, 3]);
    /// assert_eq!(session.compute(&x.cumsum())?.as_slice::<i64>()?, [1, 3, 6, 10, 15, 21]);
    /// let down = x.cumsum_with(Over::axis(0));
    /// assert_eq!(session.compute(&down)?.as_slice::<i64>()?, [1, 2, 3, 5, 7, 9]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn cumsum(&self) -> Array {
        self.cumsum_with(Over::all())
    }

    /// `numpy.cumsum` along an axis, or in another dtype.
    #[track_caller]
    pub fn cumsum_with(&self, over: Over) -> Array {
        self.cumulative("cumsum", Cumulative::Sum, &over, Location::caller())
    }

    /// `numpy.cumprod` over all elements in C order.
    #[track_caller]
    pub fn cumprod(&self) -> Array {
        self.cumprod_with(Over::all())
    }

    /// `numpy.cumprod` along an axis, or in another dtype.
    #[track_caller]
    pub fn cumprod_with(&self, over: Over) -> Array {
        self.cumulative("cumprod", Cumulative::Prod, &over, Location::caller())
    }

    /// `numpy.nancumsum` over all elements in C order: NaN counts as 0.
    #[track_caller]
    pub fn nancumsum(&self) -> Array {
        self.nancumsum_with(Over::all())
    }

    /// `numpy.nancumsum` along an axis, or in another dtype.
    #[track_caller]
    pub fn nancumsum_with(&self, over: Over) -> Array {
        self.without_nan(0).cumulative("nancumsum", Cumulative::Sum, &over, Location::caller())
    }

    /// `numpy.nancumprod` over all elements in C order: NaN counts as 1.
    #[track_caller]
    pub fn nancumprod(&self) -> Array {
        self.nancumprod_with(Over::all())
    }

    /// `numpy.nancumprod` along an axis, or in another dtype.
    #[track_caller]
    pub fn nancumprod_with(&self, over: Over) -> Array {
        self.without_nan(1).cumulative("nancumprod", Cumulative::Prod, &over, Location::caller())
    }

    /// The largest element so far, as `numpy.maximum.accumulate`, over all elements in C order. It is NaN from the
    /// first NaN on, and −0 counts as less than +0.
    #[track_caller]
    pub fn cummax(&self) -> Array {
        self.cummax_with(Over::all())
    }

    /// As [`Array::cummax`], along an axis.
    #[track_caller]
    pub fn cummax_with(&self, over: Over) -> Array {
        self.cumulative("cummax", Cumulative::Max, &over, Location::caller())
    }

    /// The smallest element so far, as `numpy.minimum.accumulate`, over all elements in C order. It is NaN from the
    /// first NaN on, and −0 counts as less than +0.
    #[track_caller]
    pub fn cummin(&self) -> Array {
        self.cummin_with(Over::all())
    }

    /// As [`Array::cummin`], along an axis.
    #[track_caller]
    pub fn cummin_with(&self, over: Over) -> Array {
        self.cumulative("cummin", Cumulative::Min, &over, Location::caller())
    }

    /// `numpy.cumulative_sum`: as [`Array::cumsum_with`], but only an array of one axis need not name it. With
    /// `include_initial` the sum of nothing comes first, and the axis is one longer.
    #[track_caller]
    pub fn cumulative_sum(&self, over: Over, include_initial: bool) -> Array {
        self.with_initial("cumulative_sum", Cumulative::Sum, &over, include_initial, Location::caller())
    }

    /// `numpy.cumulative_prod`: as [`Array::cumprod_with`], but only an array of one axis need not name it. With
    /// `include_initial` the product of nothing comes first, and the axis is one longer.
    #[track_caller]
    pub fn cumulative_prod(&self, over: Over, include_initial: bool) -> Array {
        self.with_initial("cumulative_prod", Cumulative::Prod, &over, include_initial, Location::caller())
    }

    /// The elements, and `instead` for NaN.
    fn without_nan(&self, instead: i64) -> Array {
        match self.built.as_ref().is_ok_and(|n| n.dtype.is_float()) {
            true => Array::elementwise(Op::WHERE, &[self.isnan().into(), instead.into(), self.into()]),
            false => self.clone(),
        }
    }

    fn cumulative(
        &self,
        name: &'static str,
        of: Cumulative,
        over: &Over,
        at: &'static Location<'static>,
    ) -> Array {
        let draft = self.node().and_then(|node| {
            let axis = one_axis(name, of, over)?;
            let dtype = over.dtype.unwrap_or_else(|| dtype_of(of, node.dtype));
            let x = match (axis, node.shape.len()) {
                (Some(axis), 0) => {
                    super::index::axis(axis, 1)?;
                    self.reshape(&[-1])
                }
                (None, rank) if rank != 1 => self.reshape(&[-1]),
                _ => self.clone(),
            };
            let x = x.cast(dtype);
            let node = x.node()?;
            let rank = node.shape.len();
            let axis = super::index::axis(axis.unwrap_or(0), rank)?;
            // Of bools any and all are what sums and products are.
            let of = match (of, dtype) {
                (Cumulative::Sum, DType::Bool) => Cumulative::Max,
                (Cumulative::Prod, DType::Bool) => Cumulative::Min,
                (of, _) => of,
            };
            let fold = SharedFold::new(Scan::new(of, dtype, axis, rank)?);
            Ok(Draft::fold(fold, &node.shape, SmallVec::from_iter([node.clone()])))
        });
        Array::from_draft(name, draft, at)
    }

    fn with_initial(
        &self,
        name: &'static str,
        of: Cumulative,
        over: &Over,
        include_initial: bool,
        at: &'static Location<'static>,
    ) -> Array {
        let begun = self.node().and_then(|node| {
            let axis = one_axis(name, of, over)?;
            if axis.is_none() && node.shape.len() > 1 {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!("{name} needs the axis of an array of several axes"),
                )
                .hint("name it, or ravel the array first"));
            }
            if !include_initial {
                return Ok(self.clone());
            }
            let x = if node.shape.is_empty() { self.reshape(&[-1]) } else { self.clone() };
            let x = x.cast(over.dtype.unwrap_or_else(|| dtype_of(of, node.dtype)));
            let node = x.node()?;
            let axis = super::index::axis(axis.unwrap_or(0), node.shape.len())?;
            let mut shape = node.shape.clone();
            shape[axis] = 1;
            let initial = match of {
                Cumulative::Prod => Array::ones(&shape, node.dtype),
                _ => Array::zeros(&shape, node.dtype),
            };
            Ok(super::concatenate(&[initial, x.clone()], axis as i64))
        });
        match begun {
            Ok(x) => x.cumulative(name, of, over, at),
            Err(e) => Array::from_draft(name, Err(e), at),
        }
    }
}

/// The axis that is named, if one is.
fn one_axis(name: &str, of: Cumulative, over: &Over) -> Result<Option<i64>> {
    let takes_dtype = matches!(of, Cumulative::Sum | Cumulative::Prod);
    let mut given = over.keepdims.then_some("keepdims").into_iter().chain(over.options());
    if let Some(option) = given.find(|option| !(takes_dtype && *option == "dtype")) {
        return Err(Error::new(ErrorKind::Value, format!("{name} takes no {option}=")));
    }
    match over.axes.as_deref() {
        None => Ok(None),
        Some([axis]) => Ok(Some(*axis)),
        Some(_) => Err(Error::new(ErrorKind::Value, format!("{name} takes one axis or none"))
            .hint("leave the axis away to take all elements in C order")),
    }
}

/// The dtype of the result, where none is asked for: NumPy's.
fn dtype_of(of: Cumulative, dtype: DType) -> DType {
    match (of, dtype.kind()) {
        (Cumulative::Max | Cumulative::Min, _) | (_, Kind::Float) => dtype,
        (_, Kind::UInt) => DType::U64,
        (_, Kind::Int | Kind::Bool) => DType::I64,
    }
}
