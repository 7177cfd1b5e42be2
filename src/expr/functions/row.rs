//! What a row of the [table](super) is.

use super::super::args::Args;
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::value::Val;
use crate::Result;

/// A function that is no row of the library's tables.
#[derive(Debug)]
pub struct Function {
    /// Among which it is listed.
    pub kind: Kind,
    /// NumPy's name and parameters, as NumPy writes them.
    pub signature: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// The operator that means it.
    pub symbol: Option<&'static str>,
    /// What it does, one or more sentences.
    pub doc: &'static str,
    /// An expression that shows it.
    pub example: &'static str,
    /// Whether what follows the first argument may stand there without a tuple: `x.reshape(2, 3)`.
    pub spreads: bool,
    /// What it makes.
    pub call: fn(&Cx, Args) -> Result<Val>,
}

macro_rules! functions {
    ($($(#[doc = $doc:literal])+ $kind:ident $signature:literal $(| $alias:literal)* $([$symbol:literal])?
        eg $example:literal $($spreads:ident)? = $call:expr;)*) => {
        &[$(Function {
            kind: Kind::$kind,
            signature: $signature,
            aliases: &[$($alias),*],
            symbol: functions!(@symbol $($symbol)?),
            doc: concat!($($doc),+).trim_ascii_start(),
            example: $example,
            spreads: functions!(@spreads $($spreads)?),
            call: $call,
        }),*]
    };
    (@symbol) => { None };
    (@symbol $symbol:literal) => { Some($symbol) };
    (@spreads) => { false };
    (@spreads spreads) => { true };
}
pub(super) use functions;
