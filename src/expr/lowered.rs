//! What expressions stand for, for those who use them.

use super::stored::Stored;
use super::value::Val;
use crate::array::Target;
use crate::graph::Built;
use crate::{Array, Binned, Weak};
use std::fmt;

/// What an expression stands for: an array, what a mask selects, a number, a string, a dtype, a tuple, a histogram, a
/// file or group.
///
/// It can be given a name ([`Scope::define`](super::Scope::define)) that other expressions use, and it is a result if
/// it is an array or a histogram or can become one ([`Expression::output`](super::Expression::output)).
#[derive(Clone)]
pub struct Lowered(pub(super) Val);

impl Lowered {
    /// What it is, in words: `an array`, `a whole number`, `a histogram` …
    pub fn kind(&self) -> &'static str {
        self.0.kind()
    }
}

impl fmt::Debug for Lowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Array> for Lowered {
    fn from(array: Array) -> Lowered {
        Lowered(Val::Array(array))
    }
}

impl From<Stored> for Lowered {
    fn from(stored: Stored) -> Lowered {
        Lowered(Val::Stored(stored))
    }
}

impl From<Binned> for Lowered {
    fn from(histogram: Binned) -> Lowered {
        Lowered(Val::Histogram(histogram))
    }
}

impl From<Weak> for Lowered {
    /// A Python number: weak in promotion.
    fn from(number: Weak) -> Lowered {
        Lowered(Val::Scalar(number))
    }
}

/// What an expression asks to be computed. It is a [`Target`] of sessions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Output {
    /// An array.
    Array(Array),
    /// A histogram.
    Histogram(Binned),
}

impl Target for Output {
    fn built(&self) -> Built {
        match self {
            Output::Array(array) => array.built(),
            Output::Histogram(histogram) => histogram.built(),
        }
    }
}
