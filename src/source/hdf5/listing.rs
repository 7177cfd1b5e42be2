//! What is in a file, for whoever asks.

use super::look::look;
use super::part::Elements;
use super::tree::{Node, Object};
use super::unfinished::Unfinished;
use super::{condition, facts, guard, handles, meta};
use crate::error::{Context, Result};
use crate::source::OpenOptions;
use std::path::Path;

/// What is at `object` (a path; `/` for all) in the file at `path`. Reads metadata only.
///
/// # Errors
/// `NotFound`, `Io`, `Format` for the file or the object itself; `Unsupported` if the path leads
/// into another file, or for what is not read here of the file's structures (libhdf5 may read it:
/// [`OpenOptions::reader`]). What fails below is a node of the kind `Unreadable`.
pub fn tree(path: impl AsRef<Path>, object: &str) -> Result<Node> {
    tree_with(path, object, OpenOptions::default())
}

/// Why the file at `path` may have less than it will have, or had: a writer has it open, or it is cut off. What is in it is
/// read as it is now.
///
/// # Errors
/// `NotFound` or `Io` for the file.
pub fn unfinished(path: impl AsRef<Path>) -> Result<Option<Unfinished>> {
    let path = path.as_ref();
    let inner = || {
        let canonical =
            std::fs::canonicalize(path).map_err(|e| handles::io_error(e, "cannot find the file"))?;
        Ok(condition::of(&handles::borrow(&canonical)?.raw))
    };
    Context::at(inner(), "file", path.display())
}

/// What the elements of the dataset `dataset` of the file at `path` are made of: the fields of compounds. The path may go
/// on to a field. Reads metadata only.
///
/// # Errors
/// As [`tree`]; `Type` for what is not a dataset. Of an untrusted file `Unsupported` for what is not read here of its
/// structures.
pub fn elements(path: impl AsRef<Path>, dataset: &str, options: OpenOptions) -> Result<Elements> {
    let path = path.as_ref();
    let inner = || {
        guard::check_options(options)?;
        let canonical =
            std::fs::canonicalize(path).map_err(|e| handles::io_error(e, "cannot find the file"))?;
        let file = handles::borrow(&canonical)?;
        match meta::reads(options) || options.untrusted {
            true => meta::elements(&file.raw, dataset),
            false => facts::elements(&file, dataset),
        }
    };
    inner().at("file", path.display()).at("dataset", dataset)
}

/// As [`tree`]: of an untrusted file, by another reader, with plugins (a dataset is then `readable` where one
/// undoes its filters). Other files are never looked at.
///
/// # Errors
/// As [`tree`]; those of [`guard`] for an untrusted file.
pub fn tree_with(path: impl AsRef<Path>, object: &str, options: OpenOptions) -> Result<Node> {
    let own = |file: &handles::Borrowed| meta::tree(&file.raw, object, options.allow_plugins);
    listed(path.as_ref(), object, options, own, |node| node)
}

/// What is at `object` in the file at `path` by itself: nothing below it is looked at.
///
/// # Errors
/// As [`tree_with`].
pub(in crate::source) fn object(path: &Path, object: &str, options: OpenOptions) -> Result<Object> {
    listed(path, object, options, |file| meta::object(&file.raw, object), Object::from)
}

/// Looks at a file by own code, or has libhdf5 look at it and takes what is wanted of its listing.
fn listed<T>(
    path: &Path,
    object: &str,
    options: OpenOptions,
    own: impl Fn(&handles::Borrowed) -> Result<T>,
    of: impl Fn(Node) -> T,
) -> Result<T> {
    let inner = || {
        guard::check_options(options)?;
        let canonical =
            std::fs::canonicalize(path).map_err(|e| handles::io_error(e, "cannot find the file"))?;
        if meta::reads(options) {
            match own(&handles::borrow(&canonical)?) {
                Err(e) if options.untrusted && meta::is_unknown(&e) => {}
                told => return told,
            }
        }
        match options.untrusted {
            true => guard::tree(&canonical, object),
            false => look(&canonical, object, options.allow_plugins),
        }
        .map(&of)
    };
    inner().at("file", path.display()).at("object", object)
}
