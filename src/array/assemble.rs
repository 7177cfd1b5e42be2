//! Arrays put together from others: `numpy.block`, `numpy.piecewise`, and values in the place of some elements.

use super::{Array, attempt, concatenate};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::show_shape as show;
use std::panic::Location;
use std::sync::Arc;

/// Arrays in lists in lists, for [`block`].
#[derive(Clone, Debug)]
pub enum Blocks {
    /// One array.
    Array(Array),
    /// Several beside each other: along the last axis in the innermost lists, along the one before it in those around them.
    List(Vec<Blocks>),
}

impl From<Array> for Blocks {
    fn from(array: Array) -> Blocks {
        Blocks::Array(array)
    }
}

impl<T: Into<Blocks>> From<Vec<T>> for Blocks {
    fn from(all: Vec<T>) -> Blocks {
        Blocks::List(all.into_iter().map(Into::into).collect())
    }
}

impl Blocks {
    /// How many lists are around each array, which must be as many around all, and the most axes of an array.
    fn depth(&self) -> Result<(usize, usize)> {
        match self {
            Blocks::Array(array) => Ok((0, array.ndim()?)),
            Blocks::List(all) => {
                let depths = all.iter().map(Blocks::depth).collect::<Result<Vec<_>>>()?;
                let Some(&(first, _)) = depths.first() else {
                    return Err(Error::new(ErrorKind::Value, "an empty list of blocks"));
                };
                if depths.iter().any(|(depth, _)| *depth != first) {
                    let e = Error::new(ErrorKind::Value, "blocks are not all in equally many lists");
                    return Err(e.hint("write [[a, b], [c, d]], or [[a], [b]]"));
                }
                Ok((first + 1, depths.iter().map(|d| d.1).max().unwrap_or(0)))
            }
        }
    }

    fn joined(&self, depth: usize, rank: usize) -> Array {
        match self {
            Blocks::Array(array) => {
                let own = attempt!("block", array.ndim());
                (own..rank).fold(array.clone(), |a, _| a.expand_dims(0))
            }
            Blocks::List(all) => {
                let parts: Vec<Array> = all.iter().map(|b| b.joined(depth - 1, rank)).collect();
                concatenate(&parts, -(depth as i64))
            }
        }
    }
}

/// `numpy.block`: arrays as they stand in nested lists, those of the innermost lists beside each other along the last axis,
/// lists of these along the axis before it, and so on. Arrays with fewer axes than there are lists get new ones first.
///
/// ```
/// use chunkwise::{Array, DType, Session, block};
/// # fn main() -> chunkwise::Result<()> {
/// let (a, b) = (Array::ones(&[2, 2], DType::I64), Array::zeros(&[2, 1], DType::I64));
/// let c = block(vec![vec![a.clone(), b.clone()], vec![b, a]]);
/// assert_eq!(Session::new()?.compute(&c)?.as_slice::<i64>()?, [1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1]);
/// # Ok(())
/// # }
/// ```
///
/// Errors, when it is computed: `Value` for an empty list and for lists of several depths; as [`concatenate`].
#[track_caller]
pub fn block(blocks: impl Into<Blocks>) -> Array {
    let blocks = blocks.into();
    let (depth, rank) = attempt!("block", blocks.depth());
    blocks.joined(depth, rank.max(depth).max(1))
}

impl Array {
    /// `numpy.piecewise`: of each element the choice of the last condition that is true, in the dtype of this array; where
    /// none is, `otherwise`, or 0 without it.
    ///
    /// Errors, when it is computed: `Value` for other numbers of conditions and choices.
    #[track_caller]
    pub fn piecewise(&self, conditions: &[Array], choices: &[Array], otherwise: Option<&Array>) -> Array {
        if conditions.len() != choices.len() {
            let message = format!("{} conditions for {} choices", conditions.len(), choices.len());
            let e =
                Error::new(ErrorKind::Value, message).hint("there may be one choice more, for all others");
            return Array::from_draft("piecewise", Err(e), Location::caller());
        }
        let (shape, dtype) = (attempt!("piecewise", self.shape()), attempt!("piecewise", self.dtype()));
        let zeros = Array::zeros(shape, dtype);
        let first = otherwise.map_or(zeros.clone(), |o| (o.cast(dtype)).broadcast_to(shape));
        conditions.iter().zip(choices).fold(first, |out, (condition, choice)| {
            condition.cast(crate::dtype::DType::Bool).select(choice.cast(dtype), out)
        })
    }

    /// The same array with `values` in the place of some elements, as `x[start::step] = values` along each axis: those from
    /// `start` on, each `step` after the one before it, as many as `values` has there. An axis that `values` lacks is one of
    /// length 1. In this array's dtype.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::from_ndarray(array![0, 1, 2, 3, 4, 5]);
    /// let y = x.put_slice(&Array::from_ndarray(array![70, 80]), &[1], &[3]);
    /// assert_eq!(Session::new()?.compute(&y)?.as_slice::<i32>()?, [0, 70, 2, 3, 80, 5]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Errors, when it is computed: `Index` where values would lie outside; `Shape` for other numbers of starts and steps than
    /// axes; `Value` for a step of 0.
    ///
    /// Limit: 8 bytes for each position along an axis.
    #[track_caller]
    pub fn put_slice(&self, values: &Array, start: &[i64], step: &[i64]) -> Array {
        let shape = attempt!("put_slice", self.shape()).to_vec();
        let dtype = attempt!("put_slice", self.dtype());
        let own = attempt!("put_slice", values.ndim());
        let mut values = (own..shape.len()).fold(values.cast(dtype), |v, _| v.expand_dims(0));
        let lengths = attempt!("put_slice", values.shape()).to_vec();
        if [start.len(), step.len(), lengths.len()].iter().any(|&n| n != shape.len()) {
            let message = format!(
                "{} starts and {} steps of values of shape {} for an array of shape {}",
                start.len(),
                step.len(),
                show(&lengths),
                show(&shape)
            );
            return Array::from_draft(
                "put_slice",
                Err(Error::new(ErrorKind::Shape, message)),
                Location::caller(),
            );
        }
        let mut inside: Option<Array> = None;
        for (axis, &n) in shape.iter().enumerate() {
            let places = attempt!("put_slice", places(n, lengths[axis], start[axis], step[axis]));
            let there: Vec<bool> = places.iter().map(|at| at.is_some()).collect();
            if !there.contains(&false) && step[axis] == 1 {
                continue;
            }
            if lengths[axis] == 0 {
                return self.clone();
            }
            values = values.take(&places.iter().map(|at| at.unwrap_or(0)).collect::<Vec<_>>(), axis as i64);
            let there = Array::from_ndarray(ndarray::ArcArray::from(there));
            let there = (axis + 1..shape.len()).fold(there, |a, _| a.expand_dims(-1));
            inside = Some(inside.map_or(there.clone(), |before| before.logical_and(&there)));
        }
        match inside {
            Some(inside) => inside.select(values, self),
            None => values,
        }
    }
}

/// Of each position along an axis of `n` elements the value that goes there.
fn places(n: u64, values: u64, start: i64, step: i64) -> Result<Arc<[Option<i64>]>> {
    if step == 0 {
        return Err(Error::new(ErrorKind::Value, "a step of 0"));
    }
    let first = if start < 0 { start.saturating_add(n as i64) } else { start };
    let mut out = vec![None; n as usize];
    for value in 0..values as i64 {
        let at = value.checked_mul(step).and_then(|by| by.checked_add(first));
        let Some(slot) = at.and_then(|at| usize::try_from(at).ok()).and_then(|at| out.get_mut(at)) else {
            let message =
                format!("{values} values from {start} on, {step} apart, for {n} elements along an axis");
            return Err(Error::new(ErrorKind::Index, message));
        };
        *slot = Some(value);
    }
    Ok(out.into())
}
