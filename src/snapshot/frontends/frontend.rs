//! What a frontend is.

use crate::error::Result;
use crate::snapshot::contents::Contents;
use crate::snapshot::opening::Opening;
use std::path::{Path, PathBuf};

/// A row of the table of formats.
#[derive(Clone, Copy, Debug)]
pub struct Frontend {
    /// Its name, as `--frontend` takes it.
    pub name: &'static str,
    /// By what it is recognised, for people.
    pub looks_for: &'static str,
    /// Whether a file is of this format.
    ///
    /// # Errors
    /// Those of reading it.
    pub fits: fn(&Path, &Opening) -> Result<bool>,
    /// What the files say.
    ///
    /// # Errors
    /// `Format` if they are not what they look like.
    pub open: fn(&[PathBuf], &Opening) -> Result<Contents>,
}
