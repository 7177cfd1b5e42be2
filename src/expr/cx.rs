//! Where an expression stands, for errors with a caret.

use super::beforehand::Beforehand;
use super::syntax::{Ast, Span};
use crate::size::human_bytes;
use crate::{Array, DType, Error, ErrorKind, Result, Scalar, Session};

/// The longest text by which a node is called in errors and plans, in characters.
const MAX_LABEL: usize = 60;

/// Elements that are known.
pub struct Elements {
    /// Their dtype.
    pub dtype: DType,
    /// Their bytes, C order, native byte order.
    pub bytes: Vec<u8>,
}

impl Elements {
    /// Each of them.
    pub fn scalars(&self) -> impl Iterator<Item = Scalar> {
        self.bytes.chunks_exact(self.dtype.size()).filter_map(|b| Scalar::from_bytes(self.dtype, b))
    }
}

/// An expression being lowered.
pub struct Cx<'a> {
    pub ast: &'a Ast,
    /// What computes beforehand.
    pub before: &'a Beforehand,
    /// Whether reductions leave out what is missing.
    pub skips_missing: bool,
}

impl Cx<'_> {
    /// An error with a caret: a value is wrong.
    pub fn error(&self, span: Span, message: impl AsRef<str>) -> Error {
        self.error_of(ErrorKind::Value, span, message)
    }

    /// An error with a caret, and what kind of thing is wrong.
    pub fn error_of(&self, kind: ErrorKind, span: Span, message: impl AsRef<str>) -> Error {
        self.ast.error(span, message).within(kind)
    }

    /// An error of the library with a caret: its sentence and its hint, without places in Rust code. One that names the
    /// place of its fault in a file stays as it is.
    pub fn at(&self, span: Span, e: Error) -> Error {
        let in_a_file = ["file", "files"].iter().any(|place| e.context(place).is_some());
        if e.kind() == ErrorKind::Expression || in_a_file {
            return e;
        }
        let located = self.error_of(e.kind(), span, e.message());
        // Only what is computed beforehand needs memory before there is a plan, and that may need more.
        if let (ErrorKind::Budget, Some(needed)) = (e.kind(), e.needed()) {
            let size = human_bytes(needed);
            return located.hint(format!(
                "this must be known before anything is planned, and needs {needed} bytes ({size}); what is planned then is \
                 checked then"
            ));
        }
        match e.hint_text() {
            Some(hint) => located.hint(hint),
            None => located,
        }
    }

    /// What computes what must be known before the expression can be planned: labels, edges, positions.
    ///
    /// # Errors
    /// As [`Session::new`]; `Unsupported` where nothing may be computed yet.
    pub fn beforehand(&self) -> Result<Session> {
        self.before.session()
    }

    /// The elements of an array that must be known: those in memory as they are, and others by a run.
    ///
    /// # Errors
    /// As [`Cx::beforehand`] and [`Session::compute`].
    pub fn elements(&self, span: Span, array: &Array) -> Result<Elements> {
        let dtype = array.dtype()?;
        match array.in_memory() {
            Some(bytes) => Ok(Elements { dtype, bytes: bytes.to_vec() }),
            None => {
                let value = self.beforehand().and_then(|s| s.compute(array)).map_err(|e| self.at(span, e))?;
                Ok(Elements { dtype, bytes: value.bytes().to_vec() })
            }
        }
    }

    /// The positions, in C order, of the elements that are not zero: at once of bools in memory, and of others by a run.
    ///
    /// # Errors
    /// As [`Cx::beforehand`] and [`Session::flatnonzero`].
    pub fn positions(&self, span: Span, array: &Array) -> Result<Vec<i64>> {
        match array.in_memory().filter(|_| array.dtype().is_ok_and(|d| d == DType::Bool)) {
            Some(bytes) => Ok((0..).zip(bytes).filter(|(_, b)| **b != 0).map(|(i, _)| i).collect()),
            None => self.beforehand().and_then(|s| s.flatnonzero(array)).map_err(|e| self.at(span, e)),
        }
    }

    /// The text of a place, cut if it is long.
    pub fn text(&self, span: Span) -> String {
        let mut text: String = self.ast.source(span).chars().take(MAX_LABEL + 1).collect();
        if text.chars().count() > MAX_LABEL {
            text.pop();
            text.push('…');
        }
        text
    }
}
