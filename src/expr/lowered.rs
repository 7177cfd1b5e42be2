//! What expressions stand for, for those who use them.

use super::stored::Stored;
use super::syntax::Span;
use super::value::{Item, Val};
use crate::array::Target;
use crate::graph::Built;
use crate::{Array, Binned, DType, Selection, Weak};
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

    /// `None`
    pub fn none() -> Lowered {
        Lowered(Val::None)
    }

    /// `(a, b)`
    pub fn tuple(items: Vec<Lowered>) -> Lowered {
        Lowered(Val::Tuple(items.into_iter().map(nowhere).collect()))
    }

    /// `[a, b]`
    pub fn list(items: Vec<Lowered>) -> Lowered {
        Lowered(Val::List(items.into_iter().map(nowhere).collect()))
    }

    /// `slice(start, stop, step)`; what is not given is `None`.
    pub fn slice(start: Lowered, stop: Lowered, step: Lowered) -> Lowered {
        Lowered(Val::Slice([start, stop, step].map(nowhere).into()))
    }

    /// What it is, to be taken apart.
    pub fn part(&self) -> Part<'_> {
        let all = |items: &[Item]| items.iter().map(|i| Lowered(i.value.clone())).collect();
        match &self.0 {
            Val::Array(a) => Part::Array(a),
            Val::Selection(s) => Part::Selection(s),
            Val::Scalar(w) => Part::Number(*w),
            Val::Str(text) => Part::Text(text),
            Val::None => Part::None,
            Val::DType(d) => Part::DType(*d),
            Val::Tuple(items) => Part::Tuple(all(items)),
            Val::List(items) => Part::List(all(items)),
            Val::Slice(items) => Part::Slice(all(items)),
            Val::Histogram(h) => Part::Histogram(h),
            Val::Stored(s) => Part::Stored(s),
            Val::Attributes(s) => Part::Attributes(s),
            Val::Texts(s, _) => Part::Texts(s),
            Val::Rows(s, _) => Part::Rows(s),
        }
    }
}

/// An item of what was put together, which stands in no text yet.
fn nowhere(item: Lowered) -> Item {
    Item { value: item.0, span: Span { start: 0, end: 0 } }
}

/// What a [`Lowered`] is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Part<'a> {
    /// A lazy array.
    Array(&'a Array),
    /// What a mask selects, before anyone knows how much that is.
    Selection(&'a Selection),
    /// A Python number.
    Number(Weak),
    /// A string.
    Text(&'a str),
    /// `None`
    None,
    /// A dtype.
    DType(DType),
    /// A tuple.
    Tuple(Vec<Lowered>),
    /// A list.
    List(Vec<Lowered>),
    /// The start, the stop and the step of a slice.
    Slice(Vec<Lowered>),
    /// A histogram.
    Histogram(&'a Binned),
    /// A file, a group or a dataset that was not looked at yet.
    Stored(&'a Stored),
    /// The attributes of one of these.
    Attributes(&'a Stored),
    /// Stored strings that were indexed: they can be compared.
    Texts(&'a Stored),
    /// Rows of stored elements that have fields.
    Rows(&'a Stored),
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

impl From<Selection> for Lowered {
    fn from(selection: Selection) -> Lowered {
        Lowered(Val::Selection(selection))
    }
}

impl From<DType> for Lowered {
    fn from(dtype: DType) -> Lowered {
        Lowered(Val::DType(dtype))
    }
}

impl From<&str> for Lowered {
    fn from(text: &str) -> Lowered {
        Lowered(Val::Str(text.to_string()))
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
