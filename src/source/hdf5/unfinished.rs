//! Files that are read before their writer is done, or of which an end is missing.

use std::fmt;

/// Why a file may have less than it will have, or had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfinished {
    /// Somebody has it open for writing.
    Writing,
    /// It says that a writer has it open, or had when it crashed.
    Open,
    /// It has fewer bytes than it says.
    Cut {
        /// The bytes that there are.
        have: u64,
        /// Those that it says.
        stated: u64,
    },
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Unfinished::Writing => f.write_str("a writer has the file open: it is read as it is now"),
            Unfinished::Open => {
                f.write_str("a writer has the file open, or had when it crashed: it is read as it is now")
            }
            Unfinished::Cut { have, stated } => {
                write!(f, "the file has {have} of {stated} bytes: it is cut off, or still being written")
            }
        }
    }
}
