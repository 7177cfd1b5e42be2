//! Values of which there is one window, as stages that run window by window have them.

use super::value::ArrayValue;
use crate::plan::ValueId;
use std::collections::HashMap;

/// A part of a value, all that there is of it.
#[derive(Debug)]
pub struct Window {
    /// The axis along which it is a part, and where it begins there.
    pub(super) axis: usize,
    pub(super) start: u64,
    pub(super) array: ArrayValue,
}

/// Values of which there is one window, by their number.
pub type Windows = HashMap<ValueId, Window>;
