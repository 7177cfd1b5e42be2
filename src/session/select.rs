//! Elements that a condition chooses: where they are is found by a run of its own, so that what is made of
//! them has a shape that is known.

use super::{BlockOrder, Session};
use crate::array::{Array, Selection};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{c_strides, unravel};
use crate::size::human_bytes;

impl Session {
    /// `numpy.flatnonzero`: the positions in C order of the elements that are not zero, ascending. One pass over the
    /// array, block by block.
    ///
    /// # Errors
    /// `Budget` if there are more than fit in half of the budget; as [`Session::blocks`].
    pub fn flatnonzero(&self, array: &Array) -> Result<Vec<i64>> {
        // Growing takes the list and one of twice its length for a moment.
        let most = (self.memory() / 2 / (3 * size_of::<i64>() as u64)).max(1) as usize;
        let condition = array.cast(DType::Bool);
        let shape = condition.shape()?.to_vec();
        let strides = c_strides(&shape);
        let mut found: Vec<i64> = Vec::new();
        for block in self.blocks(&condition, BlockOrder::Spatial)? {
            let (region, value) = block?;
            let row = region.shape.last().copied().unwrap_or(1).max(1);
            let rows = &region.shape[..region.shape.len().saturating_sub(1)];
            for (r, line) in (0..).zip(value.as_slice::<bool>()?.chunks_exact(row as usize)) {
                let mut first: i64 = region.start.iter().zip(&strides).map(|(&i, s)| i as i64 * s).sum();
                first += unravel(r, rows).iter().zip(&strides).map(|(&i, s)| i as i64 * s).sum::<i64>();
                found.extend((first..).zip(line).filter(|(_, wanted)| **wanted).map(|(at, _)| at));
            }
            if found.len() > most {
                let what = format!(
                    "the condition is true more than {most} times, and as many positions do not fit in half of the \
                     budget of {}",
                    human_bytes(self.memory())
                );
                return Err(Error::new(ErrorKind::Budget, what).hint(
                    "reduce with where= (Over::mask), which needs no positions, select a part, or raise the budget \
                     (--memory)",
                ));
            }
        }
        if !found.is_sorted() {
            found.sort_unstable();
        }
        Ok(found)
    }

    /// NumPy's `x[mask]`: the elements of `x` where the mask is true, in C order along one axis, which takes the place
    /// of the mask's axes; the axes of `x` that the mask has not stay. So a mask of one axis chooses rows. A
    /// pass of its own over the mask finds the positions ([`Session::flatnonzero`]); the array that is made of them
    /// is lazy as any other.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let x = Array::from_ndarray(array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    /// let large = session.boolean_index(&x, &x.greater(2.0))?;
    /// assert_eq!(session.compute(&large)?.as_slice::<f64>()?, [3.0, 4.0, 5.0, 6.0]);
    /// let month = Array::from_ndarray(array![12, 1, 12]);
    /// let december = session.boolean_index(&x, &month.equal(12))?;
    /// assert_eq!(session.compute(&december.sum())?.item::<f64>()?, 14.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Session::resolve`].
    #[track_caller]
    pub fn boolean_index(&self, x: &Array, mask: &Array) -> Result<Array> {
        self.resolve(&x.boolean_index(mask))
    }

    /// The array of the elements that are selected, in C order along its first axis. A pass of its own over the mask
    /// finds where they are ([`Session::flatnonzero`]); what is made of them is lazy as any other.
    ///
    /// # Errors
    /// Those of [`Array::boolean_index`]; as [`Session::flatnonzero`].
    pub fn resolve(&self, selection: &Selection) -> Result<Array> {
        let (values, mask) = (selection.values(), selection.mask());
        let (shape, chosen) = (values.shape()?, mask.shape()?);
        let positions = self.flatnonzero(mask)?;
        if chosen.len() == 1 {
            return Ok(values.take(&positions, 0));
        }
        let rest = shape[chosen.len()..].iter().map(|&n| n as i64);
        let all = chosen.iter().map(|&n| n as i64).product();
        let flat: Vec<i64> = std::iter::once(all).chain(rest).collect();
        Ok(values.reshape(&flat).take(&positions, 0))
    }
}
