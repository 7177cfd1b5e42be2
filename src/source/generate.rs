//! Generated arrays.
use super::{Source, SourceSpec};
use crate::error::{Error, ErrorKind, Result};
use std::sync::Arc;
pub(super) fn from_spec(_spec: &SourceSpec) -> Result<Arc<dyn Source>> {
    Err(Error::new(ErrorKind::Unsupported, "x"))
}
