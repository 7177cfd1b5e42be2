//! Elements whose places along an axis are elements of another array.

use super::Session;
use crate::array::Array;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{c_strides, show_shape};

impl Session {
    /// Along an axis the elements at `indices`, which has the shape of `x` but along that axis, or 1 where all along an
    /// axis take the same: `numpy.take_along_axis`. The indices are computed at once, and take 8 bytes an axis of `x` each;
    /// each chunk with a wanted element is decoded once.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let x = Array::from_ndarray(array![[30, 10, 20], [7, 9, 8]]);
    /// let sorted = session.take_along_axis(&x, &x.argsort(Some(1)), 1)?;
    /// assert_eq!(session.compute(&sorted)?.as_slice::<i32>()?, [10, 20, 30, 7, 8, 9]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Shape` for indices that do not fit; `Index` for one that is not there; `Type` for indices that are no integers;
    /// as [`Session::compute`].
    pub fn take_along_axis(&self, x: &Array, indices: &Array, axis: i64) -> Result<Array> {
        let (shape, wanted) = (x.shape()?, indices.shape()?);
        let rank = shape.len();
        let along =
            usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok().filter(|&d| d < rank);
        let along = along.ok_or_else(|| {
            Error::new(ErrorKind::Index, format!("axis {axis} is out of bounds for {rank} dimensions"))
        })?;
        let fits = |d: usize| d == along || wanted[d] == shape[d] || wanted[d] == 1 || shape[d] == 1;
        if wanted.len() != rank || !(0..rank).all(fits) {
            let (shape, wanted) = (show_shape(shape), show_shape(wanted));
            return Err(Error::new(
                ErrorKind::Shape,
                format!("indices of shape {wanted} along axis {along} of an array of shape {shape}"),
            ));
        }
        // Where one of both has 1, the other's length.
        let made: Vec<u64> =
            (0..rank).map(|d| if d == along || shape[d] == 1 { wanted[d] } else { shape[d] }).collect();
        if !indices.dtype()?.is_integer() {
            return Err(Error::new(
                ErrorKind::Type,
                format!("indices are integers, not {}", indices.dtype()?),
            ));
        }
        let told = self.compute(&indices.broadcast_to(&made).cast(crate::DType::I64))?;
        let strides = c_strides(&made);
        let told = told.as_slice::<i64>()?;
        let lists: Vec<Vec<i64>> = (0..rank)
            .map(|d| match d {
                d if d == along => told.to_vec(),
                d if shape[d] == 1 => vec![0; told.len()],
                d => (0..told.len() as u64).map(|i| (i / strides[d] as u64 % made[d]) as i64).collect(),
            })
            .collect();
        let axes: Vec<i64> = (0..rank as i64).collect();
        let lists: Vec<&[i64]> = lists.iter().map(Vec::as_slice).collect();
        let points =
            x.take_points(&axes, &lists).reshape(&made.iter().map(|&n| n as i64).collect::<Vec<_>>());
        points.check().map(|()| points)
    }
}
