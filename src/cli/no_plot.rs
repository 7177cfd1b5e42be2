//! What `--plot` says in a build without the feature `plot`.

use super::Failure;
use chunkwise::{Array, Binned, Result, Value};
use std::path::Path;

/// No picture can be asked for.
pub enum Plot {}

/// Nor drawn.
pub type Picture = Plot;

impl Plot {
    /// The error that names the feature.
    ///
    /// # Errors
    /// `Usage`, always.
    pub fn new(path: &Path, _log: bool) -> std::result::Result<Plot, Failure> {
        let message = format!(
            "--plot {}: this chunkwise is built without pictures\nhint: build it with --features plot",
            path.display()
        );
        Err(Failure::Usage(message))
    }

    /// Cannot be called.
    pub fn of(self, _results: impl IntoIterator<Item = Asked>) -> std::result::Result<Picture, Failure> {
        match self {}
    }

    /// Cannot be called.
    pub fn write(&self, _values: &[Value]) -> Result<()> {
        match *self {}
    }
}

/// A result, which has no picture.
pub struct Asked;

impl Asked {
    /// An array.
    pub fn array(_name: &str, _given: bool, _array: &Array) -> Asked {
        Asked
    }

    /// A histogram.
    pub fn histogram(_name: &str, _given: bool, _histogram: &Binned) -> Asked {
        Asked
    }
}
