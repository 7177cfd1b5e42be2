//! What `--plot` says in a build without the feature `plot`.

pub use super::plot_kinds::{Panel, PanelKind};

use super::Failure;
use super::render::Of;
use chunkwise::expr::Output;
use chunkwise::{Result, Value};
use std::path::Path;

/// No picture can be asked for.
pub enum Plot {}

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
    pub fn together(self) -> Plot {
        match self {}
    }

    /// Cannot be called.
    pub fn of<'a>(
        self,
        _results: impl IntoIterator<Item = ((&'a str, bool), &'a Output)>,
    ) -> std::result::Result<Plot, Failure> {
        match self {}
    }

    /// Cannot be called.
    pub fn draw(&self, _values: &[Value], _of: &[Of]) -> Result<Vec<u8>> {
        match *self {}
    }

    /// Cannot be called.
    pub fn panels(&self, _all: &[Panel]) -> Result<Vec<u8>> {
        match *self {}
    }
}
