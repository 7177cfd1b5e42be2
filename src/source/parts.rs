//! The datasets of one name in many files, as parts of one array: which files have it, and which of them have something
//! to bring.

use super::Source;
use super::file::open_file;
use super::parallel::in_parallel;
use super::spec::{Join, OpenOptions};
use crate::error::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Datasets that can be joined, with their files.
pub struct Parts {
    /// The datasets, in the order of the files.
    pub sources: Vec<Arc<dyn Source>>,
    /// The file of each.
    pub paths: Vec<PathBuf>,
    /// How many files have no such dataset.
    pub absent: usize,
}

impl Parts {
    /// The datasets at `dataset` of files, which are opened by several threads. Reads metadata only and keeps no
    /// file open. Files without the dataset are passed over where `options` say so; so are datasets without
    /// elements that do not fit the others because of a rank, a dtype or a length along other axes of their own.
    ///
    /// # Errors
    /// `Value` if there are no files; as [`open_file`] for the first that cannot be opened, or if none has the dataset.
    pub fn open(paths: &[PathBuf], dataset: &str, options: OpenOptions, join: Join) -> Result<Parts> {
        if paths.is_empty() {
            return Err(Error::new(ErrorKind::Value, "there are no files to open").at("dataset", dataset));
        }
        let open = |i: usize| match open_file(&paths[i], dataset, options) {
            Err(e) if is_absent(&e, &paths[i]) => match options.skip_missing || paths.len() == 1 {
                true => Ok(Err(e)),
                false => Err(advised(e)),
            },
            opened => opened.map(Ok),
        };
        let mut parts = Parts { sources: Vec::new(), paths: Vec::new(), absent: 0 };
        let mut first = None;
        for (part, path) in in_parallel(paths.len(), &open)?.into_iter().zip(paths) {
            match part {
                Ok(source) => {
                    parts.sources.push(source);
                    parts.paths.push(path.clone());
                }
                Err(e) => {
                    parts.absent += 1;
                    first.get_or_insert(e);
                }
            }
        }
        if let (true, Some(e)) = (parts.sources.is_empty(), first) {
            return Err(e);
        }
        parts.without_misfits(join);
        Ok(parts)
    }

    /// Leaves out what has no elements and does not fit.
    fn without_misfits(&mut self, join: Join) {
        let Join::Concatenate { axis } = join else { return };
        let Some(like) = self.sources.iter().find(|s| !s.shape().contains(&0)).cloned() else { return };
        let (dtype, like) = (like.dtype(), like.shape());
        let axis = if axis < 0 { axis + like.len() as i64 } else { axis };
        let Some(axis) = usize::try_from(axis).ok().filter(|&axis| axis < like.len()) else { return };
        let stays = |source: &Arc<dyn Source>| {
            let shape = source.shape();
            let fits =
                || (0..like.len()).all(|d| d == axis || shape[d] == like[d]) && source.dtype() == dtype;
            // What would bring rows without elements is no less an error than what brings others.
            !shape.contains(&0) || shape.len() == like.len() && (shape[axis] > 0 || fits())
        };
        let keep: Vec<bool> = self.sources.iter().map(stays).collect();
        let mut kept = keep.iter();
        self.sources.retain(|_| kept.next().is_none_or(|k| *k));
        let mut kept = keep.iter();
        self.paths.retain(|_| kept.next().is_none_or(|k| *k));
    }
}

/// Whether it is the file at `path` itself that has no such dataset.
fn is_absent(e: &Error, path: &Path) -> bool {
    let here = e.context("file").is_some_and(|file| *file == path.display().to_string());
    e.is_absent() && here && e.context("linked file").is_none()
}

/// The error with what can be done about one file of many.
fn advised(e: Error) -> Error {
    let skip = "files without it count as empty with OpenOptions::new().skip_missing() (--missing skip)";
    let hint = match e.hint_text() {
        Some(hint) => format!("{hint}; {skip}"),
        None => skip.into(),
    };
    e.with_hint(hint)
}
