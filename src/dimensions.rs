//! What is said of the axes of an array: names, and coordinates that are opened when somebody asks for them. `N` is what the graph
//! is made of.

use crate::error::Result;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// How the coordinates along an axis are opened; of some it shows only then that they are none.
pub type Coordinates<N> = Arc<dyn Fn() -> Result<Option<Arc<N>>> + Send + Sync>;

/// The name of an axis, with its coordinates.
pub struct Dimension<N> {
    /// The name.
    pub name: Arc<str>,
    /// The coordinates.
    pub coordinates: Option<Coordinates<N>>,
    /// Whether its places are groups, and its coordinates their labels.
    pub groups: bool,
}

impl<N> Clone for Dimension<N> {
    fn clone(&self) -> Self {
        Dimension { name: self.name.clone(), coordinates: self.coordinates.clone(), groups: self.groups }
    }
}

/// What is said of the axes of an array, found when it is asked for.
pub struct Dimensions<N> {
    found: OnceLock<Vec<Option<Dimension<N>>>>,
    find: Box<dyn Fn() -> Vec<Option<Dimension<N>>> + Send + Sync>,
}

impl<N> Dimensions<N> {
    /// Of each axis what `find` tells.
    pub fn new(find: impl Fn() -> Vec<Option<Dimension<N>>> + Send + Sync + 'static) -> Dimensions<N> {
        Dimensions { found: OnceLock::new(), find: Box::new(find) }
    }

    /// What is said of an axis.
    pub fn axis(&self, axis: usize) -> Option<&Dimension<N>> {
        self.found.get_or_init(|| (self.find)()).get(axis)?.as_ref()
    }
}

impl<N> fmt::Debug for Dimensions<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dimensions")
    }
}
