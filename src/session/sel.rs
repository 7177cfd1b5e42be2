//! Elements by the coordinates of axes, which are read before anything can be planned.

use super::Session;
use crate::array::{Array, Coordinates, Label, SelMethod};
use crate::error::{Error, ErrorKind, Result};

impl Session {
    /// The elements at a label of the coordinates along an axis of a name ([`Array::dimensions`]), as xarray's `sel`. The
    /// coordinates are computed at once; what is selected is lazy, and a slice where it can be, so that only its chunks are
    /// read.
    ///
    /// ```
    /// use chunkwise::{Array, Dimension, SelMethod, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let days = || Ok(Array::arange_int(0, 90, 1).annotate("units", "days since 2001-01-01"));
    /// let t = Array::arange(0.0, 90.0, 1.0).with_dimensions([Some(Dimension::new("time").with_coordinates(days))]);
    /// let session = Session::new()?;
    /// let february = session.sel(&t, "time", "2001-02", SelMethod::Exact)?;
    /// assert_eq!((february.shape()?, session.compute(&february.min())?.item::<f64>()?), (&[28][..], 31.0));
    /// assert_eq!(session.compute(&session.sel(&t, "time", "2001-03-01", SelMethod::Exact)?)?.item::<f64>()?, 59.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `NotFound` for an axis of another name, one without coordinates, and where no element is at the label; `Value` for a date
    /// that is none, and for a coordinate that is there twice; as [`Session::compute`].
    #[track_caller]
    pub fn sel(
        &self,
        array: &Array,
        axis: &str,
        label: impl Into<Label>,
        method: SelMethod,
    ) -> Result<Array> {
        let at = array.axis_named(axis)? as usize;
        let coordinates = array.coordinates_of(at)?;
        let value = self.compute(&coordinates)?;
        let all = (0..value.shape()[0] as usize).filter_map(|i| value.scalar(i)).collect();
        Coordinates::new(axis, &coordinates, all)?.sel(array, at, &label.into(), method)
    }
}

impl Array {
    /// The coordinates along an axis.
    ///
    /// # Errors
    /// `NotFound` if there are none; as [`Array::dimensions`].
    pub(crate) fn coordinates_of(&self, axis: usize) -> Result<Array> {
        let dimension = self.dimensions()?.into_iter().nth(axis).flatten();
        let name = dimension.as_ref().map_or("", |d| d.name()).to_string();
        let coordinates = dimension.map(|d| d.coordinates()).transpose()?.flatten();
        coordinates.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the axis '{name}' has no coordinates"))
                .hint(format!("isel({name}=…) takes positions"))
        })
    }
}
