//! Parameters of what is called, as NumPy writes them.

use serde::Serialize;
use std::fmt;

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it is if it is not given; nothing if it must be.
    pub default: Option<&'static str>,
    /// Whether it is given only by its name.
    pub keyword_only: bool,
}

impl Param {
    /// Whether it stands for keywords of any names, `**indexers`.
    pub fn is_rest(&self) -> bool {
        self.name.starts_with("**")
    }
}

/// What is called and with what: `var(a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True)`.
///
/// Names, order and defaults are NumPy's; what NumPy has and is not here (`out`, `initial`) is left out, and what it
/// takes after those is given by its name, so that nothing means something else by its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Signature {
    /// The name.
    #[serde(skip)]
    pub name: &'static str,
    /// The parameters, in Python's order.
    pub params: Vec<Param>,
}

impl Signature {
    /// Parameters that must be given, all of them by position or name.
    pub(in crate::expr) fn of(name: &'static str, required: &[&'static str]) -> Signature {
        Signature { name, params: Vec::new() }.and(required.iter().map(|p| (*p, None)), false)
    }

    /// With more parameters after those that are there.
    pub(in crate::expr) fn and(
        mut self,
        more: impl IntoIterator<Item = (&'static str, Option<&'static str>)>,
        keyword_only: bool,
    ) -> Signature {
        self.params.extend(more.into_iter().map(|(name, default)| Param { name, default, keyword_only }));
        self
    }

    /// Reads `name(a, b=default, *, c=default)`. Defaults are without commas and brackets.
    pub(in crate::expr) fn parse(text: &'static str) -> Signature {
        let (name, rest) = text.split_once('(').unwrap_or((text, ""));
        let mut keyword_only = false;
        let mut params = Vec::new();
        for part in rest.trim_end_matches(')').split(',').map(str::trim).filter(|p| !p.is_empty()) {
            match part.split_once('=') {
                _ if part == "*" => keyword_only = true,
                None if part.starts_with("**") => {
                    params.push(Param { name: part, default: Some("{}"), keyword_only: true });
                }
                Some((name, default)) => params.push(Param { name, default: Some(default), keyword_only }),
                None => params.push(Param { name: part, default: None, keyword_only }),
            }
        }
        Signature { name, params }
    }

    /// How many parameters must be given.
    pub fn required(&self) -> usize {
        self.params.iter().take_while(|p| p.default.is_none()).count()
    }

    /// How many parameters may be given without their name.
    pub fn positional(&self) -> usize {
        self.params.iter().take_while(|p| !p.keyword_only).count()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        let mut named = false;
        for (i, param) in self.params.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            if param.keyword_only && !named && !param.is_rest() {
                f.write_str("*, ")?;
                named = true;
            }
            f.write_str(param.name)?;
            if let Some(default) = param.default.filter(|_| !param.is_rest()) {
                write!(f, "={default}")?;
            }
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_its_text() {
        let text = "quantile(a, q, axis=None, *, method='linear', keepdims=False)";
        let s = Signature::parse(text);
        assert_eq!((s.to_string().as_str(), s.required(), s.positional()), (text, 2, 3));
        assert_eq!(s.params[3], Param { name: "method", default: Some("'linear'"), keyword_only: true });
        let rest = Signature::parse("sel(a, *, method=None, **indexers)");
        assert_eq!(rest.to_string(), "sel(a, *, method=None, **indexers)");
        assert_eq!((rest.required(), rest.positional(), rest.params[2].is_rest()), (1, 1, true));
        assert_eq!(Signature::parse("isel(a, **indexers)").to_string(), "isel(a, **indexers)");
        assert_eq!(Signature::parse("f()"), Signature { name: "f", params: vec![] });
        assert_eq!(Signature::of("sqrt", &["x"]).to_string(), "sqrt(x)");
    }
}
