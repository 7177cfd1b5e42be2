//! Printing an [`Ast`]: canonical spaces, only the parentheses that are needed.

use super::{Ast, BinaryOp, CallForm, Expr, Id, Index, POSTFIX, UNARY};
use std::borrow::Cow;
use std::fmt;

/// What remains to be printed. A stack of it replaces recursion, so that depth does not matter.
enum Piece<'a> {
    Text(Cow<'a, str>),
    /// A node, in parentheses if it binds less tightly than the level.
    Node(Id, u8),
}

impl fmt::Display for Ast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            write!(f, "{} = ", target.name)?;
        }
        let mut stack = vec![Piece::Node(self.root(), 0)];
        let mut pieces = Vec::new();
        while let Some(piece) = stack.pop() {
            match piece {
                Piece::Text(text) => f.write_str(&text)?,
                Piece::Node(id, min) => {
                    let expr = &self.node(id).expr;
                    let parens = level(expr) < min;
                    if parens {
                        pieces.push(text("("));
                    }
                    self.pieces(expr, &mut pieces);
                    if parens {
                        pieces.push(text(")"));
                    }
                    stack.extend(pieces.drain(..).rev());
                }
            }
        }
        Ok(())
    }
}

impl Ast {
    fn pieces<'a>(&'a self, expr: &'a Expr, out: &mut Vec<Piece<'a>>) {
        match expr {
            Expr::Int(v) => out.push(Piece::Text(v.to_string().into())),
            Expr::Float(v) if v.is_infinite() => out.push(text("1e999")),
            Expr::Float(v) => out.push(Piece::Text(format!("{v:?}").into())),
            Expr::Str(v) => out.push(Piece::Text(quoted(v).into())),
            Expr::Bool(v) => out.push(text(if *v { "True" } else { "False" })),
            Expr::None => out.push(text("None")),
            Expr::Name(name) => out.push(text(name)),
            Expr::Unary(op, operand) => out.extend([text(op.symbol()), Piece::Node(*operand, UNARY)]),
            Expr::Binary(op, left, right) => {
                let (l, r) = match op {
                    BinaryOp::Pow => (POSTFIX, UNARY),
                    _ if op.is_comparison() => (op.level() + 1, op.level() + 1),
                    _ => (op.level(), op.level() + 1),
                };
                out.extend([Piece::Node(*left, l), text(" "), text(op.symbol())]);
                out.extend([text(" "), Piece::Node(*right, r)]);
            }
            Expr::Tuple(items) => {
                out.push(text("("));
                list(items, out);
                out.push(text(if items.len() == 1 { ",)" } else { ")" }));
            }
            Expr::List(items) => {
                out.push(text("["));
                list(items, out);
                out.push(text("]"));
            }
            Expr::Call { form, function, args, keywords } => {
                let mut args = &args[..];
                if let (CallForm::Method, [object, rest @ ..]) = (form, args) {
                    self.object(*object, out);
                    out.push(text("."));
                    args = rest;
                }
                out.extend([text(&function.name), text("(")]);
                list(args, out);
                for (i, (name, value)) in keywords.iter().enumerate() {
                    out.push(text(if i == 0 && args.is_empty() { "" } else { ", " }));
                    out.extend([text(&name.name), text("="), Piece::Node(*value, 0)]);
                }
                out.push(text(")"));
            }
            Expr::Attribute { object, name } => {
                self.object(*object, out);
                out.extend([text("."), text(&name.name)]);
            }
            Expr::Subscript { object, indices } => {
                self.object(*object, out);
                out.push(text("["));
                for (i, index) in indices.iter().enumerate() {
                    out.push(text(if i == 0 { "" } else { ", " }));
                    self.index(index, out);
                }
                out.push(text("]"));
            }
        }
    }

    /// What stands before `.` or `[`. A number gets parentheses: `1.T` is no expression.
    fn object<'a>(&'a self, id: Id, out: &mut Vec<Piece<'a>>) {
        let number = matches!(self.node(id).expr, Expr::Int(_) | Expr::Float(_));
        out.push(Piece::Node(id, if number { u8::MAX } else { POSTFIX }));
    }

    fn index<'a>(&'a self, index: &Index, out: &mut Vec<Piece<'a>>) {
        // A `None` that is a value and not an absent bound can only have come in parentheses.
        let value = |id: Id| Piece::Node(id, if self.node(id).expr == Expr::None { u8::MAX } else { 0 });
        match index {
            Index::At(id) => out.push(value(*id)),
            Index::NewAxis => out.push(text("None")),
            Index::Ellipsis => out.push(text("...")),
            Index::Slice { start, stop, step } => {
                out.extend(start.map(value));
                out.push(text(":"));
                out.extend(stop.map(value));
                if let Some(step) = step {
                    out.extend([text(":"), value(*step)]);
                }
            }
        }
    }
}

fn text(s: &str) -> Piece<'_> {
    Piece::Text(s.into())
}

fn list(items: &[Id], out: &mut Vec<Piece<'_>>) {
    for (i, id) in items.iter().enumerate() {
        out.extend([text(if i == 0 { "" } else { ", " }), Piece::Node(*id, 0)]);
    }
}

fn level(expr: &Expr) -> u8 {
    match expr {
        Expr::Unary(..) => UNARY,
        Expr::Binary(op, ..) => op.level(),
        _ => POSTFIX,
    }
}

fn quoted(s: &str) -> String {
    let mut out = String::from("'");
    for c in s.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out + "'"
}
