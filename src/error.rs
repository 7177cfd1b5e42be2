//! The one error type: what kind of thing went wrong, where, and what to do about it.
//!
//! An [`Error`] is a kind, a sentence, a list of named places (file, dataset, chunk,
//! operation, …) and, where there is one, a hint. Code that knows a place adds it with
//! [`Context::at`] on the way up, so that the layer that fails need not know its callers.

use crate::text::{Printable, printable, printable_lines};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};

/// What kind of thing went wrong. Callers that react to an error match on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file, group or dataset does not exist.
    NotFound,
    /// The operating system refused or failed a read or a write.
    Io,
    /// A file is not what it says it is: truncated, damaged, inconsistent.
    Format,
    /// A filter is unknown, or a chunk does not decode.
    Filter,
    /// An operation does not take this dtype.
    Type,
    /// Shapes do not broadcast, or a rank is wrong.
    Shape,
    /// An axis or an index is out of range.
    Index,
    /// An argument's value is wrong.
    Value,
    /// A result does not fit its dtype.
    Overflow,
    /// Something does not fit the memory budget.
    Budget,
    /// An expression cannot be read.
    Expression,
    /// A thing that is valid but not supported, or not allowed by the options.
    Unsupported,
    /// A device cannot do what was asked.
    Device,
    /// The caller cancelled the run.
    Cancelled,
    /// An input changed between planning and reading.
    Changed,
    /// A fault of chunkwise itself.
    Internal,
}

struct Inner {
    kind: ErrorKind,
    message: String,
    context: Vec<(&'static str, String)>,
    hint: Option<String>,
    needed: Option<u64>,
    absent: bool,
    within: Option<ErrorKind>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// An error with its kind, its context and, often, a hint.
///
/// `Display` gives the whole story on a few lines:
///
/// ```
/// use chunkwise::{Error, ErrorKind};
/// let e = Error::new(ErrorKind::Filter, "the chunk does not inflate")
///     .at("file", "snap.h5")
///     .at("dataset", "/PartType0/Density")
///     .hint("the file is damaged: copy it again");
/// assert_eq!(
///     e.to_string(),
///     "the chunk does not inflate (file: snap.h5, dataset: /PartType0/Density)\n\
///      hint: the file is damaged: copy it again"
/// );
/// ```
pub struct Error(Box<Inner>);

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` that says `message` (lower case, no full stop).
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            context: Vec::new(),
            hint: None,
            needed: None,
            absent: false,
            within: None,
            source: None,
        }))
    }

    /// Adds a named place: `("file", path)`, `("chunk", "[0, 3]")`. Outer places are added later
    /// and shown first. A name that is already there is kept as it is.
    pub fn at(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        if !self.0.context.iter().any(|(n, _)| *n == name) {
            self.0.context.push((name, value.to_string()));
        }
        self
    }

    /// Adds what the user can do. The first hint given stays.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Adds the smallest budget that works, in bytes, for those who do not read the hint.
    pub fn needs(mut self, bytes: u64) -> Self {
        self.0.needed = Some(bytes);
        self
    }

    /// Marks that a file that is there has no object of the name.
    pub(crate) fn absent(mut self) -> Self {
        self.0.absent = true;
        self
    }

    /// Whether a file that is there has no object of the name.
    pub(crate) fn is_absent(&self) -> bool {
        self.0.absent
    }

    /// Says what kind of thing is wrong in an expression.
    pub(crate) fn within(mut self, kind: ErrorKind) -> Self {
        self.0.within = Some(kind);
        self
    }

    /// What kind of thing is wrong where an expression cannot be read or called: `Index` for an axis that is out of
    /// range, `Type` for an argument that is none of its kind. Of any other error its own [`kind`](Error::kind).
    pub fn kind_within(&self) -> ErrorKind {
        self.0.within.unwrap_or(self.0.kind)
    }

    /// The same error with another hint.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the error that caused this one.
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence alone, without places and hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The value of a named place, if it is known.
    pub fn context(&self, name: &str) -> Option<&str> {
        self.0.context.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// The named places, innermost first.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// What the user can do, if it is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Of a budget that was too small: the smallest that works, in bytes.
    pub fn needed(&self) -> Option<u64> {
        self.0.needed
    }

    /// A copy for another reader; the cause is kept as text.
    pub fn duplicate(&self) -> Self {
        Error(Box::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            context: self.0.context.clone(),
            hint: self.0.hint.clone(),
            needed: self.0.needed,
            absent: self.0.absent,
            within: self.0.within,
            source: self.0.source.as_ref().map(|s| s.to_string().into()),
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An expression is shown with its lines; all else may have names from files in it.
        match self.0.kind {
            ErrorKind::Expression => f.write_str(&printable_lines(&self.0.message))?,
            _ => f.write_str(&printable(&self.0.message))?,
        }
        if let Some(source) = &self.0.source {
            write!(Printable(f), ": {source}")?;
        }
        for (i, (name, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{name}: {}", if i == 0 { " (" } else { ", " }, printable(value))?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        match &self.0.hint {
            Some(hint) => write!(f, "\nhint: {}", printable(hint)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}] {self}", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|s| s.as_ref() as _)
    }
}

/// Adds places to the error of a `Result`.
pub trait Context<T> {
    /// Adds a named place; see [`Error::at`].
    fn at(self, name: &'static str, value: impl fmt::Display) -> Result<T>;
}

impl<T> Context<T> for Result<T> {
    fn at(self, name: &'static str, value: impl fmt::Display) -> Result<T> {
        self.map_err(|e| e.at(name, value))
    }
}
