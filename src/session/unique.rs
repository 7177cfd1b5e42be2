//! Sets of elements: what is there, how often, and what several arrays have in common. What there is has to be known before
//! anything is planned with it, so that it is found at once, in a pass over the array, as labels of groups are.

use super::Session;
use crate::array::{Array, Over, concatenate};
use crate::dtype::{DType, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::labels::Labels;
use crate::ops::lookup::{Side, Table};
use crate::ops::reduce::Reduction;
use ndarray::Array1;

/// The distinct elements of an array, as `numpy.unique` gives them. All but the values is lazy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unique {
    /// Each element once, in ascending order, in memory. −0 is 0; NaN, if there is any, is one and the last.
    pub values: Array,
    /// The position of the first element of each, in C order, int64.
    pub index: Array,
    /// For each element of the array the position of its value, int64, in the shape of the array.
    pub inverse: Array,
    /// How many elements have each value, int64.
    pub counts: Array,
}

impl Session {
    /// The distinct elements of an array: `numpy.unique`.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let found = session.unique(&Array::from_ndarray(array![3.0, 1.0, 3.0, f64::NAN]))?;
    /// assert_eq!(session.compute(&found.values)?.as_slice::<f64>()?[..2], [1.0, 3.0]);
    /// assert_eq!(session.compute(&found.counts)?.as_slice::<i64>()?, [1, 2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Session::labels`]: what is found must fit in half of the budget, and integers in int64.
    pub fn unique(&self, x: &Array) -> Result<Unique> {
        let (dtype, size) = (x.dtype()?, x.size()?);
        let found = self.found(x)?;
        let flat = x.ravel();
        let (labels, values, table) = match dtype.is_float() {
            true => {
                let values = found.floats();
                (
                    Labels::floats(&values)?,
                    Array::from_ndarray(Array1::from_vec(values.clone())),
                    Table::from(&values),
                )
            }
            false => {
                let values = found.integers();
                (
                    Labels::integers(&values)?,
                    Array::from_ndarray(Array1::from_vec(values.clone())),
                    Table::from(&values),
                )
            }
        };
        let positions = Array::arange_int(0, i64::try_from(size).unwrap_or(i64::MAX), 1);
        // NaN is no label.
        let over = if found.nan { Over::all().mask(&flat.equal(&flat)) } else { Over::all() };
        let of_each = |what: &Array, how| what.groupby_reduce(&flat, &labels, how, over.clone());
        let mut index = of_each(&positions, Reduction::Min);
        let mut counts = of_each(&Array::ones(&[size], DType::I64), Reduction::Sum);
        let mut values = values.cast(dtype);
        // NaN lies after all of a table, where it is the last of the values.
        let inverse = match dtype {
            DType::Bool => x.cast(DType::U8).searchsorted(table, Side::Left),
            _ => x.searchsorted(table, Side::Left),
        };
        if found.nan {
            let nan = flat.isnan();
            let one = |a: Array| a.expand_dims(0);
            values = concatenate(&[values, Array::scalar(f64::NAN).cast(dtype).expand_dims(0)], 0);
            index = concatenate(&[index, one(nan.argmax())], 0);
            counts = concatenate(&[counts, one(nan.count_nonzero())], 0);
        }
        if let Some(members) = x.members()? {
            values = values.with_members(members.clone());
        }
        Ok(Unique { values, index, inverse, counts })
    }

    /// The distinct elements of both, in ascending order: `numpy.union1d`.
    ///
    /// # Errors
    /// As [`Session::unique`].
    pub fn union1d(&self, a: &Array, b: &Array) -> Result<Array> {
        Ok(self.unique(&concatenate(&[a.ravel(), b.ravel()], 0))?.values)
    }

    /// The distinct elements that are in both, in ascending order and in the dtype of both: `numpy.intersect1d`. NaN is equal to none.
    ///
    /// # Errors
    /// As [`Session::unique`].
    pub fn intersect1d(&self, a: &Array, b: &Array) -> Result<Array> {
        let (a, b) = (self.unique(a)?.values, self.unique(b)?.values);
        let dtype = concatenate(&[a.clone(), b.clone()], 0).dtype()?;
        Ok(self.among(&a, &b, true)?.cast(dtype))
    }

    /// The distinct elements of `a` that are not in `b`, in ascending order: `numpy.setdiff1d`. NaN is equal to none.
    ///
    /// # Errors
    /// As [`Session::unique`].
    pub fn setdiff1d(&self, a: &Array, b: &Array) -> Result<Array> {
        self.among(&self.unique(a)?.values, &self.unique(b)?.values, false)
    }

    /// The distinct elements that are in one of both alone, in ascending order: `numpy.setxor1d`. NaN is equal to none.
    ///
    /// # Errors
    /// As [`Session::unique`].
    pub fn setxor1d(&self, a: &Array, b: &Array) -> Result<Array> {
        let (a, b) = (self.unique(a)?.values, self.unique(b)?.values);
        Ok(concatenate(&[self.among(&a, &b, false)?, self.among(&b, &a, false)?], 0).sort(Some(0)))
    }

    /// The values that are among others, or those that are not; of one axis both, and compared in the dtype of both.
    fn among(&self, values: &Array, others: &Array, there: bool) -> Result<Array> {
        let dtype = concatenate(&[values.clone(), others.clone()], 0).dtype()?;
        let others = self.compute(&others.cast(dtype))?;
        let found = values.cast(dtype).isin(Table::from(&others));
        self.boolean_index(values, &if there { found } else { found.logical_not() })
    }

    /// How many elements are 0, 1, 2 … up to the largest, or at least `minlength` of these; or the sums of their
    /// weights: `numpy.bincount`. A pass finds the largest.
    ///
    /// # Errors
    /// `Type` unless the elements are integers; `Value` if one is negative; `Shape` unless they have one axis.
    pub fn bincount(&self, x: &Array, weights: Option<&Array>, minlength: u64) -> Result<Array> {
        let dtype = x.dtype()?;
        if !matches!(dtype.kind(), Kind::Int | Kind::UInt | Kind::Bool) {
            return Err(Error::new(ErrorKind::Type, format!("bincount counts integers, not {dtype}")));
        }
        if x.ndim()? != 1 {
            return Err(Error::new(ErrorKind::Shape, format!("bincount takes one axis, not {}", x.ndim()?)));
        }
        let mut n = 0;
        if x.size()? > 0 {
            let ends = self.run(&[&x.min(), &x.max()])?;
            let end = |i: usize| {
                ends.values[i]
                    .as_array()
                    .ok()
                    .and_then(|a| a.scalar(0))
                    .and_then(|v| v.to_i128())
                    .unwrap_or(0)
            };
            if end(0) < 0 {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!("bincount takes no negative elements, and one is {}", end(0)),
                ));
            }
            n = u64::try_from(end(1)).unwrap_or(u64::MAX).saturating_add(1);
        }
        let labels = Labels::range(n.max(minlength))?;
        let what = match weights {
            Some(weights) => weights.cast(DType::F64),
            None => Array::ones(&[x.size()?], DType::I64),
        };
        Ok(what.groupby_reduce(x, &labels, Reduction::Sum, Over::all()))
    }
}
