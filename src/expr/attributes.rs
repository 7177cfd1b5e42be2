//! What stands behind a point without a call, `x.shape`, and names that stand for numbers.

use super::syntax::Span;
use super::value::{Item, Val};
use crate::{Array, Result, Weak};

/// An attribute of arrays.
#[derive(Debug)]
pub struct Attribute {
    /// NumPy's name.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// An expression that shows it.
    pub example: &'static str,
    /// Its value. The items of a tuple stand at the place.
    pub value: fn(&Array, Span) -> Result<Val>,
}

macro_rules! attributes {
    ($($(#[doc = $doc:literal])+ $name:literal eg $example:literal = $value:expr;)*) => {
        &[$(Attribute {
            name: $name,
            doc: concat!($($doc),+).trim_ascii_start(),
            example: $example,
            value: $value,
        }),*]
    };
}

/// The attributes of arrays.
pub static ATTRIBUTES: &[Attribute] = attributes! {
    /// The array with its axes reversed.
    "T" eg "array([[1, 2], [3, 4]]).T" = |x, _| Ok(Val::Array(x.t()));
    /// The lengths of the axes, a tuple of numbers.
    "shape" eg "zeros((2, 3)).shape" = |x, span| {
        let items = x.shape()?.iter().map(|&n| Item { value: whole(n), span });
        Ok(Val::Tuple(items.collect()))
    };
    /// How many axes there are.
    "ndim" eg "zeros((2, 3)).ndim" = |x, _| Ok(whole(x.ndim()? as u64));
    /// How many elements there are.
    "size" eg "zeros((2, 3)).size" = |x, _| Ok(whole(x.shape()?.iter().product()));
    /// The bytes of an element.
    "itemsize" eg "zeros((2, 3)).itemsize" = |x, _| Ok(whole(x.dtype()?.size() as u64));
    /// The bytes of all elements.
    "nbytes" eg "zeros((2, 3)).nbytes" = |x, _| {
        let elements = x.shape()?.iter().product::<u64>();
        Ok(whole(elements.saturating_mul(x.dtype()?.size() as u64)))
    };
    /// The dtype, as an argument.
    "dtype" eg "ones(2, dtype=arange(3).dtype)" = |x, _| Ok(Val::DType(x.dtype()?));
};

/// A number that is known: weak.
pub fn whole(v: u64) -> Val {
    Val::Scalar(Weak::Int(v.into()))
}

/// A name that stands for a value.
#[derive(Debug)]
pub struct Constant {
    /// NumPy's name.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// An expression that shows it.
    pub example: &'static str,
    /// Its value, a float; nothing for `None`.
    pub value: Option<f64>,
}

macro_rules! constants {
    ($($(#[doc = $doc:literal])+ $name:literal eg $example:literal = $value:expr;)*) => {
        &[$(Constant {
            name: $name,
            doc: concat!($($doc),+).trim_ascii_start(),
            example: $example,
            value: $value,
        }),*]
    };
}

/// The constants.
pub static CONSTANTS: &[Constant] = constants! {
    /// The ratio of a circle's circumference to its diameter.
    "pi" eg "pi" = Some(std::f64::consts::PI);
    /// The base of the natural logarithm.
    "e" eg "e" = Some(std::f64::consts::E);
    /// Euler's constant γ.
    "euler_gamma" eg "euler_gamma" = Some(0.577_215_664_901_532_9);
    /// Positive infinity.
    "inf" eg "-inf" = Some(f64::INFINITY);
    /// Not a number.
    "nan" eg "nan" = Some(f64::NAN);
    /// A new axis in an index, as None.
    "newaxis" eg "arange(2)[:, newaxis]" = None;
};

impl Constant {
    /// What it stands for.
    pub fn val(&self) -> Val {
        self.value.map_or(Val::None, |v| Val::Scalar(Weak::Float(v)))
    }
}
