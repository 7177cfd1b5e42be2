//! What kernels notice.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// What a kernel noticed: a set of notes and errors, joined with `|`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Events(u32);

impl Events {
    /// Nothing.
    pub const NONE: Events = Events(0);
    /// An integer was divided by zero and gave 0. A note, as NumPy's warning.
    pub const DIVIDE_BY_ZERO: Events = Events(1);
    /// An integer was raised to a negative integer. An error.
    pub const NEGATIVE_POWER: Events = Events(2);

    /// The events whose bits are set in `bits`, as a device reports them.
    pub fn from_bits(bits: u32) -> Events {
        Events(bits & (Events::DIVIDE_BY_ZERO.0 | Events::NEGATIVE_POWER.0))
    }

    /// Whether nothing was noticed.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Events) -> bool {
        self.0 & other.0 == other.0
    }

    /// The notes, as sentences.
    pub fn notes(self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.contains(Events::DIVIDE_BY_ZERO) {
            notes.push("an integer was divided by zero: the result is 0 there");
        }
        notes
    }

    /// # Errors
    /// `Value` if one of the events is an error.
    pub fn check(self) -> Result<()> {
        if self.contains(Events::NEGATIVE_POWER) {
            return Err(Error::new(ErrorKind::Value, "integers to negative integer powers are not allowed")
                .hint("cast the base to a float first, for example with float64(x)"));
        }
        Ok(())
    }
}

impl std::ops::BitOr for Events {
    type Output = Events;
    fn bitor(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Events {
    fn bitor_assign(&mut self, other: Events) {
        self.0 |= other.0;
    }
}
