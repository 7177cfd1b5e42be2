//! Stages that run window by window together, as data.

use crate::ops::ValueId;
use std::ops::Range;

/// Stages that run window by window together. Each of them has one sweep, all with the same number of windows.
#[derive(Clone, Debug)]
pub struct Windowed {
    /// The stages.
    pub stages: Range<usize>,
    /// Per stage, the axis of its domain that is cut.
    pub axes: Vec<usize>,
    /// The values that are there one window at a time.
    pub between: Vec<Between>,
}

/// A value that is there one window at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The value.
    pub value: ValueId,
    /// Its axis that is cut.
    pub axis: usize,
}

impl Windowed {
    /// The axis of a value that is cut, if it is there one window at a time.
    pub fn cut(&self, value: ValueId) -> Option<usize> {
        self.between.iter().find(|b| b.value == value).map(|b| b.axis)
    }

    /// The axis of a stage's domain that is cut.
    pub fn axis_of(&self, stage: usize) -> usize {
        self.axes[stage - self.stages.start]
    }
}
