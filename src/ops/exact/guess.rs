//! What blocks of values are thought to be like before they are looked at.

use super::lanes::{LANES, above};

/// Values of this exponent or above have no anchor.
pub(super) const TOP: i32 = 1000;
/// The guess leaves this much room for larger values in the blocks to come.
pub(super) const SLACK: i32 = 1;
/// How far a remembered guess may be from what is known of the values.
const REACH: i32 = 16;

/// How many levels hold a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Levels {
    Two,
    Three,
    /// More than are worth it: bins take it.
    Many,
}

/// What the next block is thought to be like. Wrong guesses cost time and nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    /// Magnitudes are below 2^top.
    pub top: i32,
    pub levels: Levels,
    /// So many blocks are looked at before they are added, since guesses went wrong.
    pub doubt: u8,
}

impl Guess {
    /// Before anything was seen.
    pub const NONE: Guess = Guess::exactly(0);

    /// Nothing is known: a look is better than a guess.
    pub fn in_doubt() -> Guess {
        Guess { doubt: 1, ..Guess::NONE }
    }

    /// For values below 2^`top`, and none much below that.
    pub const fn exactly(top: i32) -> Guess {
        Guess { top, levels: Levels::Two, doubt: 0 }
    }

    /// What is remembered, unless the first values of a stream are too large for it, or far smaller.
    pub fn beginning_with(self, values: impl Iterator<Item = f64>) -> Guess {
        // written so that it is one instruction each
        let first = above(values.take(LANES).fold(0f64, |m, x| if x.abs() > m { x.abs() } else { m }));
        let fits = (first..first + REACH).contains(&self.top);
        Guess { top: if fits { self.top } else { (first + SLACK).min(TOP) }, ..self }
    }

    /// What is remembered, of values below 2^`top`.
    pub fn below(self, top: i32) -> Guess {
        Guess { top, ..self }
    }

    /// After a block below 2^`top`: larger values in the blocks to come have some room, and as much as the blocks
    /// before had, nearly.
    pub fn after(self, top: i32, levels: Levels) -> Guess {
        Guess { top: (top + SLACK).max(self.top - 1).min(TOP), levels, ..self }
    }
}
