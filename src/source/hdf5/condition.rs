//! Whether a file is one that its writer is done with.

use super::handles::RawFile;
use super::meta;
use super::unfinished::Unfinished;

/// Why a file may have less than it will have, or had.
pub(super) fn of(file: &RawFile) -> Option<Unfinished> {
    match file.has_writer() {
        true => Some(Unfinished::Writing),
        false => meta::unfinished(file),
    }
}
