//! What is in a file, for whoever asks.

use super::look::look;
use super::tree::Node;
use super::{guard, handles, meta};
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

/// As [`tree`]: of an untrusted file, by another reader, with plugins (a dataset is then `readable` where one
/// undoes its filters). Other files are never looked at.
///
/// # Errors
/// As [`tree`]; those of [`guard`] for an untrusted file.
pub fn tree_with(path: impl AsRef<Path>, object: &str, options: OpenOptions) -> Result<Node> {
    let path = path.as_ref();
    let inner = || {
        guard::check_options(options)?;
        let canonical =
            std::fs::canonicalize(path).map_err(|e| handles::io_error(e, "cannot find the file"))?;
        if meta::reads(options) {
            let file = handles::borrow(&canonical)?;
            match meta::tree(&file.raw, object, options.allow_plugins) {
                Err(e) if options.untrusted && meta::is_unknown(&e) => {}
                told => return told,
            }
        }
        match options.untrusted {
            true => guard::tree(&canonical, object),
            false => look(&canonical, object, options.allow_plugins),
        }
    };
    inner().at("file", path.display()).at("object", object)
}
