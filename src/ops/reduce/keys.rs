//! How values become keys, the smallest of which is the extreme; see `extreme`.

/// A value was there.
pub(super) const THERE: u8 = 1;
/// One counted.
pub(super) const VALID: u8 = 2;

/// Which extreme.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum End {
    Smallest,
    Largest,
}

/// How keys are made.
#[derive(Clone, Copy)]
pub(super) struct KeyRule {
    pub end: End,
    pub merges_zeros: bool,
    pub skips_nan: bool,
}

impl KeyRule {
    pub fn is_largest(self) -> bool {
        self.end == End::Largest
    }
}
