//! The language without text: functions of the catalogue, operators, subscripts and attributes applied to values that are
//! there already. What Python and other languages call; one catalogue serves them and [`Expression`](super::Expression).
//!
//! A call is put together as the expression that one would write for it, `mean(float64(3, 4), axis=2)`, with arrays
//! written as dtype and shape. Errors show that text with a caret, and say by
//! [`Error::kind_within`](crate::Error::kind_within) what kind of thing is wrong; plans and `explain` call what was made by it.
//!
//! ```
//! use chunkwise::expr::{Lowered, Part, Scope};
//! use chunkwise::{Array, ErrorKind, Session, Weak};
//! # fn main() -> chunkwise::Result<()> {
//! let scope = Scope::new();
//! let x = Lowered::from(Array::arange(0.0, 6.0, 1.0));
//! let square = scope.operate("**", vec![x.clone(), Weak::Int(2).into()])?;
//! let mean = scope.call("mean", vec![square], vec![("axis", Weak::Int(0).into())])?;
//! let Part::Array(mean) = mean.part() else { panic!("an array") };
//! assert_eq!(Session::new()?.compute(mean)?.item::<f64>()?, 55.0 / 6.0);
//!
//! let e = scope.call("mean", vec![x], vec![("axis", Weak::Int(1).into())]).unwrap_err();
//! assert_eq!(e.kind_within(), ErrorKind::Index);
//! assert!(e.to_string().contains("mean(float64(6), axis=1)\n"));
//! # Ok(())
//! # }
//! ```

use super::lower::lower_root;
use super::lowered::Lowered;
use super::scope::Scope;
use super::syntax::{self, Ast, BinaryOp, CallForm, Expr, Id, Ident, Node, Span, UnaryOp};
use super::value::{Item, Val};
use crate::{Array, Error, ErrorKind, Result, Weak};
use std::fmt::Write;

/// How many items of a tuple or list the text of a call shows.
const SHOWN: usize = 4;
/// The longest string that it shows, in characters.
const LONGEST: usize = 30;

/// One item between the brackets of a subscript.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Subscript {
    /// A whole number, a list of them, an array of them or of bools; a string, for the part of that name.
    At(Lowered),
    /// `start:stop:step`
    Slice {
        /// The first index.
        start: Option<i64>,
        /// The index after the last.
        stop: Option<i64>,
        /// From one index to the next.
        step: Option<i64>,
    },
    /// `None`
    NewAxis,
    /// `...`
    Ellipsis,
}

impl Scope {
    /// Calls a function of the [catalogue](super::catalogue) by its name, as an expression does: arguments are bound to the
    /// parameters of its signature. Nothing is computed but what must be known to build the result.
    ///
    /// # Errors
    /// `Expression`, with the call as text and a caret under what is wrong; those of computing what must be known.
    pub fn call(
        &self,
        function: &str,
        args: Vec<Lowered>,
        keywords: Vec<(&str, Lowered)>,
    ) -> Result<Lowered> {
        let mut made = Made::default();
        let function = Ident { name: function.to_string(), span: made.write(function) };
        made.text.push('(');
        let args: Vec<Id> = args.into_iter().map(|arg| made.listed(arg, "")).collect();
        let keywords = keywords.into_iter().map(|(name, arg)| made.keyword(name, arg)).collect();
        made.text.push(')');
        made.lower(self, Expr::Call { form: CallForm::Function, function, args, keywords })
    }

    /// Applies an operator of Python by its symbol, `+` or `@` say, to one or two operands.
    ///
    /// # Errors
    /// As [`Scope::call`]; `Value` for an operator that is none.
    pub fn operate(&self, operator: &str, operands: Vec<Lowered>) -> Result<Lowered> {
        let mut made = Made::default();
        let unknown = || Error::new(ErrorKind::Value, format!("there is no operator '{operator}'"));
        let expr = match <[Lowered; 2]>::try_from(operands) {
            Ok([x, y]) => {
                let op = BinaryOp::from_symbol(operator).ok_or_else(unknown)?;
                let x = made.value(x);
                let _ = write!(made.text, " {operator} ");
                Expr::Binary(op, x, made.value(y))
            }
            Err(operands) => {
                let all = [UnaryOp::Neg, UnaryOp::Pos, UnaryOp::Invert];
                let op = all.into_iter().find(|op| op.symbol() == operator).ok_or_else(unknown)?;
                let [x] = <[Lowered; 1]>::try_from(operands).map_err(|_| unknown())?;
                made.text.push_str(operator);
                Expr::Unary(op, made.value(x))
            }
        };
        made.lower(self, expr)
    }

    /// What `object[items]` stands for.
    ///
    /// # Errors
    /// As [`Scope::call`].
    pub fn subscript(&self, object: Lowered, items: Vec<Subscript>) -> Result<Lowered> {
        let mut made = Made::default();
        let object = made.value(object);
        made.text.push('[');
        let mut indices = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            made.text.push_str(if i == 0 { "" } else { ", " });
            indices.push(made.subscript(item));
        }
        made.text.push(']');
        made.lower(self, Expr::Subscript { object, indices })
    }

    /// What `object.name` stands for.
    ///
    /// # Errors
    /// As [`Scope::call`].
    pub fn attribute(&self, object: Lowered, name: &str) -> Result<Lowered> {
        let mut made = Made::default();
        let object = made.value(object);
        made.text.push('.');
        let name = Ident { name: name.to_string(), span: made.write(name) };
        made.lower(self, Expr::Attribute { object, name })
    }

    /// The array that a value is or can become: a number, nested lists of numbers, a stored dataset, and what a mask
    /// selects, which takes a run.
    ///
    /// # Errors
    /// `Expression` for what is no array; those of opening it and of computing what a mask selects.
    pub fn array_of(&self, value: Lowered) -> Result<Array> {
        if let Val::Array(array) = value.0 {
            return Ok(array);
        }
        let mut made = Made::default();
        let at = made.value(value);
        let (ast, mut values) = made.finish();
        let span = ast.node(at).span;
        let cx = super::cx::Cx { ast: &ast, before: self.before(), skips_missing: self.skips_missing };
        match values.pop().flatten() {
            Some(value) => Item { value, span }.array(&cx, "this"),
            None => Err(Error::new(ErrorKind::Internal, "a value that is none")),
        }
    }
}

/// An expression that is put together.
#[derive(Default)]
struct Made {
    text: String,
    nodes: Vec<Node>,
    values: Vec<Option<Val>>,
}

impl Made {
    fn write(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span { start, end: self.text.len() }
    }

    /// A value as an operand.
    fn value(&mut self, value: Lowered) -> Id {
        let start = self.text.len();
        let value = self.placed(value.0);
        let span = Span { start, end: self.text.len() };
        let expr = match &value {
            Val::Str(text) => Expr::Str(text.clone()),
            Val::Scalar(Weak::Int(v)) => Expr::Int(*v),
            Val::None => Expr::None,
            _ => Expr::Name(String::new()),
        };
        let id = Id::at(self.nodes.len());
        self.nodes.push(Node { expr, span });
        self.values.push(Some(value));
        id
    }

    /// Writes a value; the items in it get their places.
    fn placed(&mut self, value: Val) -> Val {
        match value {
            Val::Tuple(items) => {
                let comma = if items.len() == 1 { "," } else { "" };
                self.text.push('(');
                let items = self.items(items);
                self.text.push_str(comma);
                self.text.push(')');
                Val::Tuple(items)
            }
            Val::List(items) => {
                self.text.push('[');
                let items = self.items(items);
                self.text.push(']');
                Val::List(items)
            }
            other => {
                show(&mut self.text, &other);
                other
            }
        }
    }

    fn items(&mut self, items: Vec<Item>) -> Vec<Item> {
        let mut placed = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            if i >= SHOWN {
                if i == SHOWN {
                    self.text.push_str(", …");
                }
                let end = self.text.len();
                placed.push(Item { span: Span { start: end - '…'.len_utf8(), end }, ..item });
                continue;
            }
            self.text.push_str(if i == 0 { "" } else { ", " });
            let start = self.text.len();
            let value = self.placed(item.value);
            placed.push(Item { value, span: Span { start, end: self.text.len() } });
        }
        placed
    }

    /// An argument, after others and after what is written before it.
    fn listed(&mut self, value: Lowered, before: &str) -> Id {
        self.text.push_str(if self.text.ends_with('(') { "" } else { ", " });
        self.text.push_str(before);
        self.value(value)
    }

    fn keyword(&mut self, name: &str, value: Lowered) -> (Ident, Id) {
        self.text.push_str(if self.text.ends_with('(') { "" } else { ", " });
        let span = self.write(name);
        self.text.push('=');
        (Ident { name: name.to_string(), span }, self.value(value))
    }

    fn subscript(&mut self, item: Subscript) -> syntax::Index {
        match item {
            Subscript::At(value) => syntax::Index::At(self.value(value)),
            Subscript::NewAxis => {
                self.text.push_str("None");
                syntax::Index::NewAxis
            }
            Subscript::Ellipsis => {
                self.text.push_str("...");
                syntax::Index::Ellipsis
            }
            Subscript::Slice { start, stop, step } => {
                let bound = |made: &mut Made, v: Option<i64>| {
                    v.map(|v| made.value(Lowered(Val::Scalar(Weak::Int(v.into())))))
                };
                let start = bound(self, start);
                self.text.push(':');
                let stop = bound(self, stop);
                if step.is_some() {
                    self.text.push(':');
                }
                syntax::Index::Slice { start, stop, step: bound(self, step) }
            }
        }
    }

    fn finish(self) -> (Ast, Vec<Option<Val>>) {
        (Ast::of(self.text, self.nodes), self.values)
    }

    /// Lowers what was put together, whose last node is `root`.
    fn lower(mut self, scope: &Scope, root: Expr) -> Result<Lowered> {
        let span = Span { start: 0, end: self.text.len() };
        self.nodes.push(Node { expr: root, span });
        let (ast, mut values) = self.finish();
        lower_root(&ast, scope, &mut values).map(Lowered)
    }
}

/// Writes a value that has no items as one would write it; arrays as their dtype and shape.
fn show(text: &mut String, value: &Val) {
    let array = |text: &mut String, a: &Array| {
        let Ok((dtype, shape)) = a.dtype().and_then(|d| Ok((d, a.shape()?))) else { return };
        let lengths: Vec<String> = shape.iter().map(u64::to_string).collect();
        let _ = write!(text, "{dtype}({})", lengths.join(", "));
    };
    let _ = match value {
        Val::Array(a) => return array(text, a),
        Val::Selection(s) => {
            array(text, s.values());
            text.push_str("[mask]");
            return;
        }
        Val::Scalar(Weak::Bool(true)) => write!(text, "True"),
        Val::Scalar(Weak::Bool(false)) => write!(text, "False"),
        Val::Scalar(Weak::Int(v)) => write!(text, "{v}"),
        Val::Scalar(Weak::Float(v)) if v.is_nan() => write!(text, "nan"),
        Val::Scalar(Weak::Float(v)) => write!(text, "{v:?}"),
        Val::Str(s) => {
            let cut: String = s.chars().take(LONGEST).collect();
            let dots = if cut.len() < s.len() { "…" } else { "" };
            write!(text, "'{cut}{dots}'")
        }
        Val::DType(d) => write!(text, "{d}"),
        Val::None => write!(text, "None"),
        Val::Histogram(_) => write!(text, "histogram"),
        Val::Stored(s) | Val::Texts(s, _) | Val::Rows(s, _) => write!(text, "{}", s.path()),
        Val::Attributes(s) => write!(text, "{}.attrs", s.path()),
        Val::Tuple(_) | Val::List(_) | Val::Slice(_) => Ok(()),
    };
}

#[cfg(test)]
mod tests {
    use super::super::lowered::Part;
    use super::*;
    use crate::expr::{Expression, catalogue};
    use crate::{Buffer, DType, Session};

    fn int(v: i64) -> Lowered {
        Weak::Int(v.into()).into()
    }

    fn x() -> Lowered {
        Array::arange(0.0, 12.0, 1.0).reshape(&[3, 4]).into()
    }

    fn values(scope: &Scope, value: Lowered) -> Vec<f64> {
        let array = scope.array_of(value).unwrap().cast(DType::F64);
        Session::new().unwrap().compute(&array).unwrap().as_slice::<f64>().unwrap().to_vec()
    }

    #[test]
    fn what_is_applied_is_what_the_text_means() {
        let mut scope = Scope::new();
        scope.define("x", x());
        let all = |i| Subscript::Slice { start: i, stop: None, step: Some(2) };
        let mask = || scope.operate(">", vec![x(), int(4)]).unwrap();
        let cases = [
            ("mean(x, axis=1)", scope.call("mean", vec![x()], vec![("axis", int(1))])),
            (
                "sum(x, axis=(0, 1))",
                scope.call("sum", vec![x(), Lowered::tuple(vec![int(0), int(1)])], vec![]),
            ),
            ("x + 2", scope.operate("+", vec![x(), int(2)])),
            ("x ** 2", scope.operate("**", vec![x(), int(2)])),
            ("x @ x.T", scope.attribute(x(), "T").and_then(|t| scope.operate("@", vec![x(), t]))),
            ("-x", scope.operate("-", vec![x()])),
            ("x[1, ::2]", scope.subscript(x(), vec![Subscript::At(int(1)), all(None)])),
            (
                "x[None, ..., [2, 0]]",
                scope.subscript(
                    x(),
                    vec![
                        Subscript::NewAxis,
                        Subscript::Ellipsis,
                        Subscript::At(Lowered::list(vec![int(2), int(0)])),
                    ],
                ),
            ),
            ("x[x > 4]", scope.subscript(x(), vec![Subscript::At(mask())])),
            (
                "sum(x[x > 4])",
                scope
                    .subscript(x(), vec![Subscript::At(mask())])
                    .and_then(|s| scope.call("sum", vec![s], vec![])),
            ),
            (
                "concatenate((x, x), axis=1)",
                scope.call("concatenate", vec![Lowered::tuple(vec![x(), x()])], vec![("axis", int(1))]),
            ),
            ("pad(x, 1, 'edge')", scope.call("pad", vec![x(), int(1), Lowered::from("edge")], vec![])),
            ("astype(x, int8)", scope.call("astype", vec![x(), DType::I8.into()], vec![])),
            ("clip(x, None, 5)", scope.call("clip", vec![x(), Lowered::none(), int(5)], vec![])),
        ];
        for (text, made) in cases {
            let made = made.unwrap_or_else(|e| panic!("{text}: {e}"));
            let read = Expression::parse(text).unwrap().lower(&scope).unwrap();
            assert_eq!(made.kind(), read.kind(), "{text}");
            assert_eq!(values(&scope, made), values(&scope, read), "{text}");
        }
    }

    #[test]
    fn every_name_that_can_be_called_is_found() {
        let scope = Scope::new();
        for entry in catalogue::entries().iter().filter(|e| e.is_function()) {
            if let Err(e) = scope.call(entry.name, vec![], vec![]) {
                assert_ne!(e.kind_within(), ErrorKind::NotFound, "{e}");
            }
        }
        assert_eq!(scope.call("maen", vec![x()], vec![]).unwrap_err().kind_within(), ErrorKind::NotFound);
    }

    #[test]
    fn errors_say_what_kind_of_thing_is_wrong_and_where() {
        let scope = Scope::new();
        let kind = |made: Result<Lowered>| made.unwrap_err().kind_within();
        assert_eq!(kind(scope.call("sum", vec![x()], vec![("axis", int(2))])), ErrorKind::Index);
        assert_eq!(kind(scope.call("sum", vec![x()], vec![("axs", int(2))])), ErrorKind::Type);
        assert_eq!(kind(scope.call("sum", vec![x()], vec![("axis", "a".into())])), ErrorKind::Type);
        assert_eq!(kind(scope.call("sum", vec![], vec![])), ErrorKind::Type);
        assert_eq!(kind(scope.operate("+", vec![x(), Array::arange_int(0, 5, 1).into()])), ErrorKind::Shape);
        assert_eq!(kind(scope.subscript(x(), vec![Subscript::At(int(3))])), ErrorKind::Index);
        let one = Lowered::from(Array::zeros(&[3, 1], DType::F64));
        assert_eq!(kind(scope.call("vecdot", vec![x(), one], vec![])), ErrorKind::Shape);
        assert_eq!(kind(scope.call("vecdot", vec![x(), int(2)], vec![])), ErrorKind::Shape);
        assert_eq!(kind(scope.operate("&&", vec![x(), x()])), ErrorKind::Value);
        let e = scope.call("sum", vec![x()], vec![("axis", int(2))]).unwrap_err().to_string();
        assert!(e.contains("  sum(float64(3, 4), axis=2)\n                          ^"), "{e}");
    }

    #[test]
    fn a_number_with_a_dtype_is_known_and_promotes_as_an_array() {
        let scope = Scope::new();
        let one = || Lowered::from(Array::scalar(1i16));
        let sum = scope.call("sum", vec![x()], vec![("axis", one())]).unwrap();
        assert_eq!(values(&scope, sum), [6.0, 22.0, 38.0]);
        let small = Lowered::from(Array::zeros(&[2], DType::I8));
        let sum = scope.operate("+", vec![small, one()]).unwrap();
        let Part::Array(a) = sum.part() else { panic!() };
        assert_eq!(a.dtype().unwrap(), DType::I16);
    }

    #[test]
    fn nothing_is_computed_beforehand_where_that_is_forbidden() {
        let mut scope = Scope::new();
        let unique = |scope: &Scope| scope.call("unique", vec![x()], vec![]);
        unique(&scope).unwrap();
        let before = scope.computed();
        assert!(before > 0);
        scope.compute_nothing("say so");
        let e = unique(&scope).unwrap_err();
        assert_eq!((e.kind_within(), e.hint_text()), (ErrorKind::Unsupported, Some("say so")));
        assert_eq!(scope.computed(), before);
        scope.call("mean", vec![x()], vec![]).unwrap();
        // What is in memory is known already.
        let mut two = Buffer::zeroed(16);
        two.copy_from_slice(&[1i64, 0].map(i64::to_ne_bytes).concat());
        let indices = || Subscript::At(Array::from_buffer(DType::I64, &[2], two_of(&two)).into());
        let rows = scope.subscript(x(), vec![indices()]).unwrap();
        assert_eq!(values(&scope, rows), [4.0, 5.0, 6.0, 7.0, 0.0, 1.0, 2.0, 3.0]);
        let mask =
            Lowered::list(vec![Weak::Bool(true).into(), Weak::Bool(false).into(), Weak::Bool(true).into()]);
        let whole = Subscript::Slice { start: None, stop: None, step: None };
        let picked = scope.subscript(x(), vec![Subscript::At(mask), whole]).unwrap();
        assert_eq!(values(&scope, picked)[4..], [8.0, 9.0, 10.0, 11.0]);
        scope.call("isin", vec![x(), Lowered::list(vec![int(1)])], vec![]).unwrap();
    }

    fn two_of(of: &Buffer) -> Buffer {
        let mut copy = Buffer::zeroed(of.len());
        copy.copy_from_slice(of);
        copy
    }

    #[test]
    fn bytes_that_are_no_array_are_refused() {
        let kind = |a: Array| a.check().unwrap_err().kind();
        assert_eq!(kind(Array::from_buffer(DType::I64, &[2], Buffer::zeroed(15))), ErrorKind::Shape);
        let mut two = Buffer::zeroed(1);
        two[0] = 2;
        assert_eq!(kind(Array::from_buffer(DType::Bool, &[1], two)), ErrorKind::Value);
        assert_eq!(kind(Array::from_buffer(DType::F64, &[u64::MAX, 4], Buffer::zeroed(0))), ErrorKind::Shape);
    }
}
