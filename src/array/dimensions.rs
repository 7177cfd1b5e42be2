//! What the axes of an array are: the names of dimensions and their coordinates, as netCDF and xarray have them.

use super::Array;
use crate::dimensions::{self, Coordinates, Dimensions};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Along, Node, traced};
use crate::grid::show_shape;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// What an axis is: a name, and if they are known the coordinates of its elements.
#[derive(Clone)]
pub struct Dimension(dimensions::Dimension<Node>);

impl Dimension {
    /// An axis of a name.
    pub fn new(name: &str) -> Dimension {
        Dimension(dimensions::Dimension { name: name.into(), coordinates: None, groups: false })
    }

    /// With coordinates, an array of one axis as long as this one. They are opened when somebody asks for them.
    #[must_use]
    pub fn with_coordinates(mut self, open: impl Fn() -> Result<Array> + Send + Sync + 'static) -> Dimension {
        self.0.coordinates = Some(Arc::new(move || open()?.node().cloned().map(Some)));
        self
    }

    /// With coordinates of which it shows when they are opened whether there are any.
    pub(crate) fn with_any_coordinates(
        mut self,
        open: impl Fn() -> Result<Option<Array>> + Send + Sync + 'static,
    ) -> Dimension {
        self.0.coordinates = Some(Arc::new(move || open()?.map(|a| a.node().cloned()).transpose()));
        self
    }

    /// Of groups, whose labels are the coordinates.
    #[must_use]
    pub fn of_groups(mut self) -> Dimension {
        self.0.groups = true;
        self
    }

    /// Whether its places are groups.
    pub fn is_of_groups(&self) -> bool {
        self.0.groups
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The coordinates of its elements, an array of one axis; `None` if there are none.
    ///
    /// # Errors
    /// Those of opening them.
    pub fn coordinates(&self) -> Result<Option<Array>> {
        let opened = self.0.coordinates.as_ref().map(|open| open()).transpose()?;
        Ok(opened.flatten().map(|node| Array { built: Ok(node) }))
    }
}

/// The coordinates of the elements of an axis; nothing where those that were opened do not belong to it.
fn chosen(along: &Along, len: u64) -> Result<Option<Arc<Node>>> {
    let Some(all) = (along.coordinates)()? else { return Ok(None) };
    let Some(view) = along.view(&all.shape, len) else { return Ok(None) };
    let array =
        Array::from_draft("coordinates", Ok(Array::viewed(&all, "coordinates", view)), Location::caller());
    // They are called what they were called.
    let array = array.made_by(&all.origin.to_string());
    Ok(Some(array.node()?.clone()))
}

impl fmt::Debug for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dimension").field(&self.0.name).finish()
    }
}

impl Array {
    /// The same array, of whose axes it is said what they are, one entry for each. Nothing that is computed
    /// depends on it.
    ///
    /// ```
    /// use chunkwise::{Array, DType, Dimension, Over, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let latitudes = || Ok(Array::arange(-60.0, 90.0, 30.0));
    /// let t = Array::random(&[24, 5], 1, DType::F64)
    ///     .with_dimensions([Some(Dimension::new("time")), Some(Dimension::new("lat").with_coordinates(latitudes))]);
    /// let mean = t.mean_with(Over::axis(t.axis_named("time")?)).index([chunkwise::Index::from(1..)]);
    /// let lat = mean.dimensions()?.remove(0).expect("an axis of the file");
    /// assert_eq!(lat.name(), "lat");
    /// let at = Session::new()?.compute(&lat.coordinates()?.expect("its coordinates"))?;
    /// assert_eq!(at.as_slice::<f64>()?, [-30.0, 0.0, 30.0, 60.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The array is one of an error (`Shape`) if there are more or fewer entries than axes.
    #[track_caller]
    pub fn with_dimensions(&self, dimensions: impl IntoIterator<Item = Option<Dimension>>) -> Array {
        let dimensions: Vec<_> = dimensions.into_iter().map(|d| d.map(|d| d.0)).collect();
        match &self.built {
            Ok(node) if node.shape.len() != dimensions.len() => {
                let (n, shape) = (dimensions.len(), show_shape(&node.shape));
                let message = format!("{n} names for the axes of an array of shape {shape}");
                Array::from_draft(
                    "dimensions",
                    Err(Error::new(ErrorKind::Shape, message)),
                    Location::caller(),
                )
            }
            _ => self.known_by(Dimensions::new(move || dimensions.clone())),
        }
    }

    /// The same array, of whose axes is said what `find` tells when somebody asks; an entry for each, or nothing.
    pub(crate) fn with_dimensions_by(
        &self,
        find: impl Fn() -> Vec<Option<Dimension>> + Send + Sync + 'static,
    ) -> Array {
        let find = move || find().into_iter().map(|d| d.map(|d| d.0)).collect();
        self.known_by(Dimensions::new(find))
    }

    fn known_by(&self, dimensions: Dimensions<Node>) -> Array {
        self.rebuilt(|node| node.dimensions = Some(Arc::new(dimensions)))
    }

    /// What its axes are, where that is known: of what was opened or said ([`Array::with_dimensions`]), and of what
    /// was computed of it along axes that are still there. Coordinates are there where each element still has its own: neither
    /// differences of neighbours nor joined arrays have them, but they have the name.
    ///
    /// # Errors
    /// As [`Array::check`].
    pub fn dimensions(&self) -> Result<Vec<Option<Dimension>>> {
        let node = self.node()?;
        let axis = |(axis, &len): (usize, &u64)| {
            let found = traced(node, axis)?;
            let coordinates =
                found.along.map(|along| -> Coordinates<Node> { Arc::new(move || chosen(&along, len)) });
            Some(Dimension(dimensions::Dimension { name: found.name, coordinates, groups: found.groups }))
        };
        Ok(node.shape.iter().enumerate().map(axis).collect())
    }

    /// The number of the axis that is a dimension of this name.
    ///
    /// # Errors
    /// `NotFound` if there is none or more than one; as [`Array::check`].
    pub fn axis_named(&self, name: &str) -> Result<i64> {
        let names = self.dimensions()?;
        let mut axes = (0..).zip(&names).filter(|(_, d)| d.as_ref().is_some_and(|d| d.name() == name));
        match (axes.next(), axes.next()) {
            (Some((axis, _)), None) => Ok(axis),
            (found, _) => {
                let is = if found.is_some() { "two axes are" } else { "no axis is" };
                let e = Error::new(ErrorKind::NotFound, format!("{is} called '{name}'"));
                let called = names.iter().map(|d| d.as_ref().map_or("unnamed", Dimension::name));
                Err(match names.iter().any(Option::is_some) {
                    true => e.hint(format!("its axes are {}", called.collect::<Vec<_>>().join(", "))),
                    false => e.hint("its axes have no names that are known; axes are numbers from 0 on, in the order in which chunkwise info \
                         FILE shows them"),
                })
            }
        }
    }
}
