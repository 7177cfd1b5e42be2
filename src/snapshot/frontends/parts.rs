//! The files of a snapshot that is written in parts, and what all of Gadget's family say of their rows.

use crate::error::{Context, Error, ErrorKind, Result};
use crate::snapshot::attributes::{Attributes, Found, attributes, datasets};
use crate::snapshot::opening::Opening;
use std::path::{Path, PathBuf};

/// More files than any snapshot has.
const MOST: u64 = 1 << 20;

/// The files of a snapshot of which some are given: all of them, if their names tell.
///
/// # Errors
/// `NotFound` for a part that is not there; `Value` if it has more files than are given and their names do not tell.
pub fn all_parts(given: &[PathBuf], parts: u64, opening: &Opening) -> Result<Vec<PathBuf>> {
    if given.len() as u64 == parts || parts <= 1 || opening.partial {
        return Ok(given.to_vec());
    }
    if parts > MOST {
        return Err(Error::new(ErrorKind::Format, format!("{parts} is no number of files"))
            .at("file", given[0].display()));
    }
    let lacking = || {
        Error::new(ErrorKind::Value, format!("the snapshot has {parts} files, and {} are given", given.len()))
            .at("file", given[0].display())
            .hint("give all of them, or say that these are what is wanted (--partial)")
    };
    let [one] = given else { return Err(lacking()) };
    let name = one.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let pieces: Vec<&str> = name.split('.').collect();
    let number = |p: &&str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
    let Some(at) = pieces.iter().skip(1).rposition(number).map(|at| at + 1) else {
        return Err(lacking());
    };
    let part = |n: u64| {
        let n = n.to_string();
        let mut pieces = pieces.clone();
        pieces[at] = &n;
        one.with_file_name(pieces.join("."))
    };
    let all: Vec<PathBuf> = (0..parts).map(part).collect();
    match all.iter().find(|p| !p.exists()) {
        Some(absent) => Err(Error::new(ErrorKind::NotFound, "a part of the snapshot is not there")
            .at("file", absent.display())
            .hint("--partial takes those that are given")),
        None => Ok(all),
    }
}

/// What all files of one snapshot say alike.
const ALIKE: [&str; 3] = ["Time", "Redshift", "BoxSize"];

/// How many rows each type has in each file, by file.
///
/// # Errors
/// `Format` for a file without NumPart_ThisFile, or with counts that are none; `Value` for files of several snapshots.
pub fn counts(files: &[PathBuf], opening: &Opening) -> Result<Vec<Vec<u64>>> {
    let mut first = None;
    let mut of = |file: &PathBuf| {
        let header = attributes(file, "/Header", opening.options)?;
        let said = ALIKE.map(|name| header.numbers(name));
        let others = first.get_or_insert_with(|| said.clone());
        if let Some(at) = (0..ALIKE.len()).find(|&at| said[at] != others[at]) {
            let shown =
                |v: &Option<Vec<f64>>| v.as_ref().map_or("not said".to_string(), |v| format!("{v:?}"));
            let what = format!(
                "these files are of different snapshots: {} is {} here, and {} in {}",
                ALIKE[at],
                shown(&said[at]),
                shown(&others[at]),
                files[0].display()
            );
            return Err(Error::new(ErrorKind::Value, what).hint("ask each snapshot alone"));
        }
        let counts = header.numbers("NumPart_ThisFile").ok_or_else(|| {
            Error::new(ErrorKind::Format, "the header does not say how many particles are in the file")
        })?;
        let whole = |v: f64| match v >= 0.0 && v.fract() == 0.0 && v < 2f64.powi(53) {
            true => Ok(v as u64),
            false => Err(Error::new(ErrorKind::Format, format!("{v} is no number of particles"))),
        };
        counts.into_iter().map(whole).collect::<Result<Vec<u64>>>()
    };
    files.iter().map(|file| of(file).at("file", file.display())).collect()
}

/// The datasets of a type, from the first file that has particles of it.
///
/// # Errors
/// Those of reading.
fn fields(files: &[PathBuf], counts: &[Vec<u64>], at: usize, opening: &Opening) -> Result<Vec<Found>> {
    let group = format!("/PartType{at}");
    for (file, counts) in files.iter().zip(counts) {
        if counts.get(at).is_some_and(|&n| n > 0)
            && let Some(found) = datasets(file, &group, opening.options)?
        {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// The types that have particles: the number of each, its rows in all files, and its fields. One without any field is a note.
///
/// # Errors
/// As [`fields`].
pub fn present(
    files: &[PathBuf],
    counts: &[Vec<u64>],
    opening: &Opening,
    notes: &mut Vec<String>,
) -> Result<Vec<(usize, u64, Vec<Found>)>> {
    let mut out = Vec::new();
    for at in 0..counts.iter().map(Vec::len).max().unwrap_or(0) {
        let rows: u64 = counts.iter().map(|c| c.get(at).copied().unwrap_or(0)).sum();
        if rows == 0 {
            continue;
        }
        let found = fields(files, counts, at, opening)?;
        match found.is_empty() {
            true => notes.push(format!(
                "the header says {rows} particles of PartType{at}, and no file has a field of them"
            )),
            false => out.push((at, rows, found)),
        }
    }
    Ok(out)
}

/// How many numbers a row of a dataset has, if it has so many rows as its type.
pub fn components(found: &Found) -> Option<u64> {
    match found.dataset.shape.as_deref()? {
        [_] => Some(1),
        [_, n] => Some(*n),
        _ => None,
    }
}

/// The box of a header, as three edges; nothing if it has none.
///
/// # Errors
/// `Format` if it is no box.
pub fn edges(header: &Attributes) -> Result<Option<[f64; 3]>> {
    let Some(size) = header.numbers("BoxSize") else { return Ok(None) };
    let edges = match size[..] {
        [one] => [one; 3],
        [x, y, z] => [x, y, z],
        _ => return Err(Error::new(ErrorKind::Format, "the BoxSize is neither one number nor three")),
    };
    match edges.iter().all(|e| e.is_finite() && *e > 0.0) {
        true => Ok(Some(edges)),
        false => Ok(None),
    }
}

/// The attributes of a group of the first file.
///
/// # Errors
/// Those of reading.
pub fn group(file: &Path, path: &str, opening: &Opening) -> Result<Attributes> {
    attributes(file, path, opening.options)
}
