//! An expression that was read.

use super::cx::Cx;
use super::lower::lower;
use super::lowered::{Lowered, Output};
use super::named;
use super::scope::Scope;
use super::syntax::{Ast, Expr, Span, parse};
use super::value::{Item, Val};
use crate::{Array, Error, Result, Scalar, Weak};
use std::fmt;

/// An expression, or `NAME=EXPRESSION`: NumPy in Python's syntax, read but not looked up yet.
///
/// Two are equal if they mean the same: spaces and superfluous parentheses do not count. `Display` prints text that
/// reads as an equal one.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    ast: Ast,
}

impl Expression {
    /// Reads `EXPRESSION` or `NAME=EXPRESSION`.
    ///
    /// # Errors
    /// `Expression`, with the text and a caret under the place:
    ///
    /// ```
    /// let e = chunkwise::expr::Expression::parse("mean(x").unwrap_err();
    /// assert_eq!(e.to_string(), "'(' is never closed\n  mean(x\n      ^");
    /// ```
    pub fn parse(text: &str) -> Result<Expression> {
        Ok(Expression { ast: parse(text)? })
    }

    /// `NAME` of `NAME=EXPRESSION`.
    pub fn target(&self) -> Option<&str> {
        self.ast.target().map(|t| t.name.as_str())
    }

    /// The expression as it was written, without `NAME=`.
    pub fn text(&self) -> &str {
        self.ast.body()
    }

    /// What was read.
    pub(crate) fn ast(&self) -> &Ast {
        &self.ast
    }

    /// Whether it is nothing but this name.
    pub fn is_name(&self, name: &str) -> bool {
        self.target().is_none() && matches!(&self.ast.node(self.ast.root()).expr, Expr::Name(n) if n == name)
    }

    /// What it stands for, with the names of `scope`. Nothing is computed but what must be known to build it.
    ///
    /// # Errors
    /// `Expression`, with a caret under the place that is wrong; those of opening what names stand for, and of computing
    /// what must be known.
    pub fn lower(&self, scope: &Scope) -> Result<Lowered> {
        lower(&self.ast, scope).map(Lowered)
    }

    /// The array that it stands for; a number or a list of numbers becomes one, and what a mask selects, which takes a
    /// run.
    ///
    /// # Errors
    /// As [`Expression::lower`]; `Expression` for what is no array.
    pub fn array(&self, scope: &Scope) -> Result<Array> {
        match self.output(scope)? {
            Output::Array(array) => Ok(array),
            Output::Histogram(_) => Err(self.error("a histogram is no array").hint("density=True gives one")),
        }
    }

    /// What it asks to be computed.
    ///
    /// # Errors
    /// As [`Expression::lower`]; `Expression` for what is no result.
    pub fn output(&self, scope: &Scope) -> Result<Output> {
        self.output_of(self.lower(scope)?, scope)
    }

    /// As [`Expression::output`], of what [`Expression::lower`] gave.
    ///
    /// # Errors
    /// `Expression` for what is no result; those of finding what a mask selects.
    pub fn output_of(&self, lowered: Lowered, scope: &Scope) -> Result<Output> {
        self.output_at(lowered.0, self.ast.node(self.ast.root()).span, scope)
    }

    /// As [`Expression::output_of`], of each element if it is a tuple, as `divmod` and `unique_counts` give, and of each field
    /// of a table or of rows of one; `None` if it is neither.
    ///
    /// # Errors
    /// As [`Expression::output_of`].
    pub fn outputs_of(&self, lowered: &Lowered, scope: &Scope) -> Result<Option<Vec<(Place, Output)>>> {
        let whole = self.ast.node(self.ast.root()).span;
        let rows = match &lowered.0 {
            Val::Rows(stored, entries) => Some((stored, &entries[..])),
            Val::Stored(stored) if stored.is_table()? => Some((stored, &[][..])),
            _ => None,
        };
        if let Some((stored, entries)) = rows {
            let cx = self.cx(scope);
            let columns =
                named::columns(&cx, stored, entries, &Item { value: lowered.0.clone(), span: whole })?;
            let output = |(name, value)| Ok((Place::Field(name), self.output_at(value, whole, scope)?));
            return columns.into_iter().map(output).collect::<Result<_>>().map(Some);
        }
        match &lowered.0 {
            Val::Tuple(items) if !items.iter().all(|i| matches!(i.value, Val::Scalar(Weak::Int(_)))) => {
                let output = |(n, i): (usize, &Item)| {
                    Ok((Place::Item(n), self.output_at(i.value.clone(), i.span, scope)?))
                };
                items.iter().enumerate().map(output).collect::<Result<_>>().map(Some)
            }
            _ => Ok(None),
        }
    }

    fn output_at(&self, value: Val, span: Span, scope: &Scope) -> Result<Output> {
        let cx = self.cx(scope);
        match named::told_apart(&cx, Item { value, span })?.value {
            Val::Array(a) => Ok(Output::Array(a)),
            Val::Histogram(h) => Ok(Output::Histogram(h)),
            Val::Scalar(w) => {
                let scalar = scalar(w).map_err(|e| self.ast.error(span, e.message()))?;
                Ok(Output::Array(Array::scalar(scalar).made_by(&cx.text(span))))
            }
            Val::Tuple(items) | Val::List(items) => {
                // A shape, for example: whole numbers that are known already.
                let ints = items.iter().map(|i| match i.value {
                    Val::Scalar(Weak::Int(v)) => i64::try_from(v).ok(),
                    _ => None,
                });
                let Some(ints) = ints.collect::<Option<Vec<i64>>>() else {
                    let e = self.ast.error(span, "a tuple is no result");
                    return Err(e.hint("give each expression for itself, or write array([…])"));
                };
                let known = Array::from_ndarray(ndarray::Array1::from(ints).into_shared());
                Ok(Output::Array(known.made_by(&cx.text(span))))
            }
            value @ (Val::Selection(_) | Val::Stored(_)) => {
                let array = Item { value, span }.array(&cx, "a result")?;
                Ok(Output::Array(array.made_by(&cx.text(span))))
            }
            Val::Str(text) => {
                let e = self.ast.error(span, "a string is no result");
                Err(e.hint(format!("it is {text:?}; chunkwise info FILE:/path shows attributes")))
            }
            other => Err(self.ast.error(span, format!("{} is no result", other.kind()))),
        }
    }

    fn cx<'a>(&'a self, scope: &'a Scope) -> Cx<'a> {
        Cx { ast: &self.ast, before: scope.before(), skips_missing: scope.skips_missing }
    }

    /// An error with a caret under the name of `NAME=EXPRESSION`, or under all of it where there is none.
    pub fn error(&self, message: impl AsRef<str>) -> Error {
        let whole = self.ast.node(self.ast.root()).span;
        self.ast.error(self.ast.target().map_or(whole, |t| t.span), message)
    }
}

/// The place of a result among several of one expression. `Display` is what it adds to the expression's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An element of a tuple.
    Item(usize),
    /// A field of a table; one inside of another by its path, `pos/x`.
    Field(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Item(n) => write!(f, "[{n}]"),
            Place::Field(path) => write!(f, ".{}", path.replace('/', ".")),
        }
    }
}

impl Place {
    /// What it adds to a name.
    pub fn in_a_name(&self) -> String {
        match self {
            Place::Item(n) => format!("_{n}"),
            Place::Field(path) => format!("_{}", path.replace('/', "_")),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ast.fmt(f)
    }
}

fn scalar(w: Weak) -> Result<Scalar> {
    w.to_scalar(w.default_dtype())
}
