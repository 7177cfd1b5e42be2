//! What must be known of elements before others can be chosen: an order by several keys, where zeros end.

use super::Session;
use crate::array::{Array, Index, Over, Target};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};

impl Session {
    /// The positions along an axis in ascending order of the last of the keys, of those that are equal there of the one before
    /// it, and so on: `numpy.lexsort`. Stable, int64. Positions are computed key by key and held, 8 bytes each.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let (name, first) = (array![2, 0, 1, 0], array![3, 1, 9, 0]);
    /// let order = session.lexsort(&[Array::from_ndarray(first), Array::from_ndarray(name)], -1)?;
    /// assert_eq!(session.compute(&order)?.as_slice::<i64>()?, [3, 1, 2, 0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Value` without keys; `Shape` for keys of several shapes; `Index` for an axis that is not there; as
    /// [`Session::compute`].
    pub fn lexsort(&self, keys: &[Array], axis: i64) -> Result<Array> {
        let Some((first, others)) = keys.split_first() else {
            return Err(Error::new(ErrorKind::Value, "there are no keys to sort by"));
        };
        for other in others {
            if other.shape()? != first.shape()? {
                return Err(Error::new(ErrorKind::Shape, "the keys have several shapes"));
            }
        }
        let mut order = first.argsort(Some(axis));
        order.check()?;
        for key in others {
            let known = self.persist(&order)?;
            let by_key = self.take_along_axis(key, &known, axis)?.argsort(Some(axis));
            order = self.take_along_axis(&known, &by_key, axis)?;
        }
        Ok(order)
    }

    /// Without the zeros at the begin of each of the axes, if `front`, and at its end, if `back`, where nothing else is:
    /// `numpy.trim_zeros`. No axes are all of them. An array of zeros has no elements then. One pass.
    ///
    /// # Errors
    /// `Index` for an axis that is not there; as [`Session::compute`].
    pub fn trim_zeros(&self, x: &Array, front: bool, back: bool, axes: &[i64]) -> Result<Array> {
        let shape = x.shape()?.to_vec();
        let rank = shape.len() as i64;
        let all: Vec<i64> = (0..rank).collect();
        let wanted = if axes.is_empty() { &all[..] } else { axes };
        let mut kept = vec![Index::ALL; shape.len()];
        let set = x.cast(DType::Bool);
        let (mut places, mut lines) = (Vec::new(), Vec::new());
        for &axis in wanted {
            let at = if axis < 0 { axis + rank } else { axis };
            if !(0..rank).contains(&at) {
                return Err(Error::new(
                    ErrorKind::Index,
                    format!("axis {axis} is out of bounds for {rank} dimensions"),
                ));
            }
            let others: Vec<i64> = all.iter().copied().filter(|&d| d != at).collect();
            lines.push(if others.is_empty() { set.clone() } else { set.any_with(Over::axes(others)) });
            places.push(at as usize);
        }
        let targets: Vec<&dyn Target> = lines.iter().map(|line| line as _).collect();
        for (at, there) in places.into_iter().zip(self.run(&targets)?.values) {
            let there = there.as_array()?.as_slice::<bool>()?;
            let n = there.len() as i64;
            let first = there.iter().position(|&b| b).map_or(n, |i| i as i64);
            let last = there.iter().rposition(|&b| b).map_or(0, |i| i as i64 + 1);
            let (from, to) = (if front { first } else { 0 }, if back { last } else { n });
            kept[at] = Index::from(from..to.max(from));
        }
        Ok(x.index(kept))
    }
}
