//! The coordinates along the axes of results: computed in the same run, where a picture or a table shows them.

use super::asked::Wanted;
use super::bins::bins_of;
use crate::cli::output::note;
use crate::cli::render::Along;
use chunkwise::expr::Output;
use chunkwise::{Array, Dimension, Error, ErrorKind, Result, Target, Value};

/// Axes longer than this have no coordinates in pictures and tables.
const LONGEST: u64 = 1 << 22;

/// Of which axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those of groups, whose labels are at hand and are nowhere else.
    Groups,
}

/// The dimensions of each result.
#[derive(Default)]
pub struct Coordinates {
    axes: Vec<Vec<Option<Axis>>>,
}

/// A dimension of a result.
struct Axis {
    name: String,
    values: Option<Array>,
}

impl Coordinates {
    /// Those of all results. Histograms and profiles have bins.
    ///
    /// # Errors
    /// As [`Array::check`].
    pub fn of(wanted: &[Wanted], which: Which) -> Result<Coordinates> {
        let is = |dimension: &Dimension| which == Which::All || dimension.is_of_groups();
        let of = |w: &Wanted| match &w.output {
            Output::Array(array) if bins_of(array)?.is_empty() => {
                let dimensions = array.dimensions()?.into_iter().zip(array.shape()?);
                Ok(dimensions.map(|(d, &len)| d.filter(is).map(|d| Axis::of(&d, len))).collect())
            }
            _ => Ok(Vec::new()),
        };
        Ok(Coordinates { axes: wanted.iter().map(of).collect::<Result<_>>()? })
    }

    /// What is computed after all else.
    pub fn targets(&self) -> impl Iterator<Item = &dyn Target> {
        self.axes.iter().flatten().flatten().filter_map(|axis| axis.values.as_ref()).map(|v| v as &dyn Target)
    }

    /// The dimensions of each result, with coordinates that are taken from the end of `values`.
    ///
    /// # Errors
    /// `Internal` if these are not there.
    pub fn take(&self, values: &mut Vec<Value>) -> Result<Vec<Vec<Option<Along>>>> {
        let lost = || Error::new(ErrorKind::Internal, "the coordinates of a result are not there");
        let first = values.len().checked_sub(self.targets().count()).ok_or_else(lost)?;
        let mut computed = values.split_off(first).into_iter();
        let mut along = |axis: &Axis| {
            let Axis { name, values } = axis;
            let mut along =
                Along { name: name.clone(), units: None, calendar: None, values: Vec::new(), members: None };
            if let Some(array) = values {
                let value = computed.next().ok_or_else(lost)?;
                let value = value.as_array()?;
                along.values = (0..value.shape()[0] as usize).filter_map(|i| value.scalar(i)).collect();
                along.members = array.members()?.map(|members| (**members).clone());
                let notes = array.annotations()?;
                (along.units, along.calendar) = (notes.get("units").cloned(), notes.get("calendar").cloned());
            }
            Ok(along)
        };
        let mut each = |axes: &Vec<Option<Axis>>| -> Result<Vec<Option<Along>>> {
            axes.iter().map(|axis| axis.as_ref().map(&mut along).transpose()).collect()
        };
        self.axes.iter().map(&mut each).collect()
    }
}

impl Axis {
    fn of(dimension: &Dimension, len: u64) -> Axis {
        let name = dimension.name().to_string();
        let values = match len {
            0..=LONGEST => dimension.coordinates().unwrap_or_else(|e| {
                note(&format!("the coordinates of '{name}' cannot be read: {}", e.message()));
                None
            }),
            _ => None,
        };
        Axis { name, values }
    }
}
