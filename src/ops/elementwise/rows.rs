//! What a row of the [table](super::table) is as data, and the constants of [`Op`] that name the rows.

use super::Op;
use super::arith::*;
use super::compare::*;
use super::division::{FloorDivide, Fmod, Remainder};
use super::divisors::{Gcd, Lcm};
use super::form::{Class, Form, form, forms, kernel, uniform};
use super::half::{Half, HalfTest};
use super::kernel::{Bi, CopyBytes, KernelAt, Ter, Un};
use super::math::*;
use super::parts::*;
use super::rule::Rule;
use super::table::elementwise_rows;
use crate::DType;
use half::f16;

/// One operation: its names, parameters, documentation, error bound, and how it is computed.
#[derive(Debug)]
pub struct Row {
    /// NumPy's name.
    pub name: &'static str,
    /// Other names for the same operation.
    pub aliases: &'static [&'static str],
    /// The operator that means it, with as many operands as there are parameters.
    pub symbol: Option<&'static str>,
    /// The parameters' names; as many as the operation has operands.
    pub params: &'static [&'static str],
    /// An expression that shows what it does.
    pub example: &'static str,
    /// What it computes, one or more sentences.
    pub doc: &'static str,
    /// How far a result can be from the true value.
    pub bound: Bound,
    /// Whether the result keeps the annotations that all operands share, because it is of their kind.
    pub annotated: bool,
    pub(super) rule: Rule,
    /// How it is computed, per class of dtypes.
    pub(super) forms: &'static [Form],
}

/// The largest error of a result, in units in the last place of the correctly rounded one, per
/// float dtype. Tests hold it on samples; for float32 at least every 128th argument of the unary
/// functions was measured (expm1: all of them, 0.991; tan: every 4th, 0.996). 0 where nothing is
/// rounded, 0.5 where the result is the nearest
/// float.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Bound {
    pub f16: f64,
    pub f32: f64,
    pub f64: f64,
    /// Smaller results are held to the last place of this one: where the arguments nearly cancel. 0 where none are.
    pub from: f64,
    /// The arguments for which the bound holds.
    pub domain: &'static str,
}

/// Nothing is rounded.
const EXACT: Bound = ulp(0.0, 0.0, 0.0);
/// Rounded once.
const NEAREST: Bound = ulp(0.5, 0.5, 0.5);
const ALL: &str = "every argument, with NaN, infinities, signed zeros and subnormals";

const fn ulp(f16: f64, f32: f64, f64: f64) -> Bound {
    Bound { f16, f32, f64, from: 0.0, domain: ALL }
}

impl Bound {
    const fn above(self, from: f64) -> Bound {
        Bound { from, ..self }
    }
}

const USE_XOR: &str = "use logical_xor (^) for bools";
const USE_NOT: &str = "use logical_not (~) for bools";

macro_rules! rows {
    ($($(#[doc = $doc:literal])+ $op:ident $method:ident $(= $name:literal)? $(| $alias:literal)*
        $([$symbol:literal])? ($($params:tt)+) $example:literal { $rule:ident $(($hint:expr))?, $bound:expr $(, $annotated:ident)?; $($forms:tt)+ })*) => {
        /// The rows' places in the table.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Place { $($op),* }

        /// The rows of the table.
        impl Op {
            $($(#[doc = $doc])+ pub const $op: Op = Op(Place::$op as u16);)*
        }

        pub(super) static ROWS: &[Row] = &[$(Row {
            name: rows!(@name $method $($name)?),
            aliases: &[$($alias),*],
            symbol: rows!(@symbol $($symbol)?),
            params: rows!(@params $($params)+),
            example: $example,
            doc: concat!($($doc),+).trim_ascii_start(),
            bound: $bound,
            annotated: rows!(@annotated $($annotated)?),
            rule: Rule::$rule $(($hint))?,
            forms: forms!(($($params)+) $($forms)+),
        }),*];
    };
    (@name $method:ident) => { stringify!($method) };
    (@name $method:ident $name:literal) => { $name };
    (@annotated) => { false };
    (@annotated annotated) => { true };
    (@symbol) => { None };
    (@symbol $symbol:literal) => { Some($symbol) };
    (@params $($param:ident),+) => { &[$(stringify!($param)),+] };
}
elementwise_rows!(rows);
