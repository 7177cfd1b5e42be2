//! The list of folds, by the names that plans have.

use super::{SharedFold, collect, edges, grouped, histogram, reduce, top};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::MAX_RANK;
use std::sync::{Mutex, PoisonError};

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

/// The folds of this crate.
pub static FOLDS: &[FoldRow] =
    &[collect::ROW, reduce::ROW, histogram::ROW, grouped::ROW, top::ROW, edges::ROW];

static REGISTERED: Mutex<Vec<FoldRow>> = Mutex::new(Vec::new());

/// Adds a fold of another crate to those that plans are read with. The same row again changes nothing.
///
/// # Errors
/// `Value` if another fold has its name.
pub fn register(row: FoldRow) -> Result<()> {
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |r: &&FoldRow| r.name == row.name;
    match FOLDS.iter().chain(registered.iter()).find(same) {
        Some(there) if there.read as usize == row.read as usize => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::Value, format!("there is a fold '{}' already", row.name))),
        None => {
            registered.push(row);
            Ok(())
        }
    }
}

/// The row of this name.
///
/// # Errors
/// `Format` if there is none.
pub(super) fn find(name: &str) -> Result<FoldRow> {
    let registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    FOLDS.iter().chain(registered.iter()).find(|r| r.name == name).copied().ok_or_else(|| {
        Error::new(ErrorKind::Format, format!("there is no fold '{name}' here"))
            .hint("a newer version has it, or the program that made the plan registered it")
    })
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
