//! An operation, as its place in the table.

/// An elementwise operation: a row of the table. Serialises as its NumPy name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Op(pub(super) u16);
