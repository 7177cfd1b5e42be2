//! The formats of snapshots: one file each, and the table of them.

mod enzo;
mod frontend;
mod gadget;
mod named;
mod openpmd;
mod parts;
mod phantom;
mod swift;

pub use frontend::Frontend;

use super::contents::Contents;
use super::opening::Opening;
use crate::error::{Context, Error, ErrorKind, Result};
use std::path::PathBuf;

/// The formats, in the order in which they are tried.
pub const FRONTENDS: &[Frontend] = &[enzo::ROW, swift::ROW, gadget::ROW, phantom::ROW, openpmd::ROW];

/// What the files say, by the first format that fits.
///
/// # Errors
/// `Value` for no files and for a format that is not known; `Unsupported` with what was looked for if none fits; those of
/// reading.
pub fn open(files: &[PathBuf], opening: &Opening) -> Result<Contents> {
    let Some(first) = files.first() else {
        return Err(Error::new(ErrorKind::Value, "there are no files"));
    };
    if let Some(name) = &opening.frontend {
        let row = FRONTENDS.iter().find(|f| f.name == name).ok_or_else(|| {
            let names: Vec<_> = FRONTENDS.iter().map(|f| f.name).collect();
            Error::new(ErrorKind::Value, format!("there is no frontend '{name}'"))
                .hint(format!("there are {}", names.join(", ")))
        })?;
        return (row.open)(files, opening).at("frontend", row.name);
    }
    for row in FRONTENDS {
        if (row.fits)(first, opening).at("file", first.display())? {
            return (row.open)(files, opening).at("frontend", row.name);
        }
    }
    let looked: Vec<_> = FRONTENDS.iter().map(|f| format!("{} by {}", f.name, f.looks_for)).collect();
    let e = Error::new(ErrorKind::Unsupported, "this is no snapshot of a format that is known");
    Err(e.at("file", first.display()).hint(format!(
        "recognised are {}; chunkwise info shows what is in the file, and eval computes with it",
        looked.join("; ")
    )))
}
