//! The list of folds, by the names that plans have.

use super::row::FoldRow;
use super::shared::SharedFold;
use super::{collect, edges, grouped, histogram, ranks, reduce, scan, select, sorted, splat, top};
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

/// The folds of this crate.
pub static FOLDS: &[FoldRow] = &[
    collect::ROW,
    reduce::ROW,
    histogram::ROW,
    grouped::ROW,
    top::ROW,
    edges::ROW,
    ranks::ROW,
    select::ROW,
    select::SORT,
    scan::ROW,
    sorted::ROW,
    splat::ROW,
];

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
fn find(name: &str) -> Result<FoldRow> {
    let registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    FOLDS.iter().chain(registered.iter()).find(|r| r.name == name).copied().ok_or_else(|| {
        Error::new(ErrorKind::Format, format!("there is no fold '{name}' here"))
            .hint("a newer version has it, or the program that made the plan registered it")
    })
}

impl<'de> Deserialize<'de> for SharedFold {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<SharedFold, D::Error> {
        let mut data = Value::deserialize(d)?;
        let name = data.as_object_mut().and_then(|map| map.remove("fold"));
        let name = name
            .as_ref()
            .and_then(Value::as_str)
            .ok_or_else(|| serde::de::Error::custom("a fold has no name"))?;
        let row = find(name).map_err(serde::de::Error::custom)?;
        (row.read)(data).map_err(serde::de::Error::custom)
    }
}
