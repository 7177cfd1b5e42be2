//! A dataset of a file that is open.

use crate::h5::Id;

/// What is written to.
#[derive(Debug)]
pub(super) struct Dataset {
    pub id: Id,
    /// Where the data lie, if they are contiguous.
    pub at: Option<u64>,
    /// Whether elements have the other byte order.
    pub swap: bool,
    /// Whether the file had it.
    pub there: bool,
}
