//! A chunk as an index has it.

use serde::{Deserialize, Serialize};

/// A chunk as an index has it: the address is relative, nothing is checked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) mask: u32,
}
