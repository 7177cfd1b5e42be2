//! The row of a fold in the list of them, and what reading and writing its data takes.

use super::shared::SharedFold;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::MAX_RANK;

/// How a fold is read from a plan.
#[derive(Clone, Copy, Debug)]
pub struct FoldRow {
    /// [`Fold::name`](super::Fold::name).
    pub name: &'static str,
    /// Makes it of what [`Fold::data`](super::Fold::data) gave.
    ///
    /// # Errors
    /// `Format` if that is not such a fold.
    pub read: fn(serde_json::Value) -> Result<SharedFold>,
}

/// Reads the data of a fold.
///
/// # Errors
/// `Format` if it is not what serde wants.
pub(super) fn parse<T: serde::de::DeserializeOwned>(name: &str, data: serde_json::Value) -> Result<T> {
    serde_json::from_value(data)
        .map_err(|e| Error::new(ErrorKind::Format, format!("this is no fold '{name}'")).caused_by(e))
}

/// The number of axes of a domain, as a fold's data has it.
///
/// # Errors
/// `Format` if no domain has so many.
pub(super) fn checked_rank(name: &str, rank: usize) -> Result<usize> {
    match rank <= MAX_RANK {
        true => Ok(rank),
        false => Err(Error::new(ErrorKind::Format, format!("a fold '{name}' of {rank} axes"))),
    }
}

/// The data of a fold.
pub(super) fn data<T: serde::Serialize>(of: &T) -> serde_json::Value {
    // Types of this crate with string keys and no floats but as bits: writing them cannot fail.
    serde_json::to_value(of).unwrap_or_else(|e| unreachable!("a fold is plain data: {e}"))
}
