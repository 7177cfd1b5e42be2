//! From text to a tree: NumPy in Python's syntax.
//!
//! [`parse`] turns `EXPR` or `NAME=EXPR` into an [`Ast`]: an arena in which every node comes after
//! its operands, so that a reader of the tree is a loop and not a recursion, and nothing depends on
//! the depth. Precedence is Python's. What Python has and arrays have no meaning for (`and`, chained
//! comparisons, `if`, lambdas, starred arguments) is an error that says what to write in its place.
//!
//! Limits: text of at most 16 MiB, nesting of at most 200. Whole literals fit an `i128`.
//! Strings are only arguments of calls and names of parts, `x['name']`. `None`, `:` and `...` inside `[]` are an [`Index`].

mod lex;
mod parse;
mod print;
mod report;
mod span;
#[cfg(test)]
mod tests;

pub use parse::parse;
pub use report::error_at;
pub use span::Span;

use crate::Error;

/// The place of a node in its [`Ast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(u32);

impl Id {
    /// The node at this index.
    pub fn at(index: usize) -> Id {
        Id(index as u32)
    }

    /// The index into [`Ast::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A name and where it stands. Equal if the names are.
#[derive(Clone, Debug)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl PartialEq for Ident {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// `- + ~`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum UnaryOp {
    Neg,
    Pos,
    Invert,
}

macro_rules! binary_ops {
    ($($name:ident $symbol:literal $level:literal)*) => {
        /// An operator between two operands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum BinaryOp { $($name),* }

        impl BinaryOp {
            /// How it is written.
            pub fn symbol(self) -> &'static str {
                match self { $(BinaryOp::$name => $symbol),* }
            }
            /// The operator that is written so.
            pub fn from_symbol(symbol: &str) -> Option<BinaryOp> {
                match symbol { $($symbol => Some(BinaryOp::$name),)* _ => None }
            }
            /// How tightly it binds.
            fn level(self) -> u8 {
                match self { $(BinaryOp::$name => $level),* }
            }
        }
    };
}
binary_ops! {
    Lt "<" 1  Le "<=" 1  Gt ">" 1  Ge ">=" 1  Eq "==" 1  Ne "!=" 1
    BitOr "|" 2  BitXor "^" 3  BitAnd "&" 4
    Shl "<<" 5  Shr ">>" 5
    Add "+" 6  Sub "-" 6
    Mul "*" 7  Div "/" 7  FloorDiv "//" 7  Mod "%" 7  MatMul "@" 7
    Pow "**" 9
}

/// The level of [`UnaryOp`]: tighter than `*`, looser than `**`.
const UNARY: u8 = 8;
/// The level of names, literals, calls, attributes and subscripts.
const POSTFIX: u8 = 10;

impl BinaryOp {
    /// Whether it is one of the six comparisons.
    pub fn is_comparison(self) -> bool {
        self.level() == 1
    }
}

impl UnaryOp {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            UnaryOp::Neg => "-",
            UnaryOp::Pos => "+",
            UnaryOp::Invert => "~",
        }
    }
}

/// How a call was written. `x.mean(axis=0)` means `mean(x, axis=0)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallForm {
    /// `name(args)`
    Function,
    /// `args[0].name(args[1..])`
    Method,
}

/// One item between the brackets of a subscript.
#[derive(Clone, Debug, PartialEq)]
pub enum Index {
    /// An integer, a list, an array; a string, for the part of that name.
    At(Id),
    /// `start:stop:step`; a part that is absent or `None` is `None`.
    #[allow(missing_docs)]
    Slice { start: Option<Id>, stop: Option<Id>, step: Option<Id> },
    /// `None`
    NewAxis,
    /// `...`, at most once
    Ellipsis,
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A whole literal; never negative.
    Int(i128),
    /// A float literal; never negative or NaN; infinite where it is beyond float64, as in Python.
    Float(f64),
    /// A string literal; only ever an argument of a call, an item of a list or a subscript, or a side of `==` or `!=`.
    Str(String),
    /// `True`, `False`
    Bool(bool),
    /// `None`
    None,
    /// A name.
    Name(String),
    /// An operator before its operand.
    Unary(UnaryOp, Id),
    /// An operator between its operands; comparisons are among them.
    Binary(BinaryOp, Id, Id),
    /// `(a, b)`
    Tuple(Vec<Id>),
    /// `[a, b]`
    List(Vec<Id>),
    /// A call. For a method, the object is the first of `args`.
    #[allow(missing_docs)]
    Call { form: CallForm, function: Ident, args: Vec<Id>, keywords: Vec<(Ident, Id)> },
    /// `object.name`
    #[allow(missing_docs)]
    Attribute { object: Id, name: Ident },
    /// `object[indices]`
    #[allow(missing_docs)]
    Subscript { object: Id, indices: Vec<Index> },
}

impl Expr {
    /// The nodes that it is made of.
    pub fn operands(&self) -> Vec<Id> {
        match self {
            Expr::Unary(_, x) | Expr::Attribute { object: x, .. } => vec![*x],
            Expr::Binary(_, x, y) => vec![*x, *y],
            Expr::Tuple(items) | Expr::List(items) => items.clone(),
            Expr::Call { args, keywords, .. } => {
                args.iter().copied().chain(keywords.iter().map(|k| k.1)).collect()
            }
            Expr::Subscript { object, indices } => {
                let parts = indices.iter().flat_map(|index| match index {
                    Index::At(id) => [Some(*id), None, None],
                    Index::Slice { start, stop, step } => [*start, *stop, *step],
                    Index::NewAxis | Index::Ellipsis => [None; 3],
                });
                std::iter::once(*object).chain(parts.flatten()).collect()
            }
            Expr::Int(_) | Expr::Float(_) | Expr::Str(_) | Expr::Bool(_) | Expr::None | Expr::Name(_) => {
                Vec::new()
            }
        }
    }
}

/// A node with its place in the text.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub expr: Expr,
    /// Where it stands. Parentheses around it do not count.
    pub span: Span,
}

/// What [`parse`] read. Two are equal if they mean the same: places, spaces and superfluous
/// parentheses do not count. `Display` prints text that parses to an equal one.
#[derive(Clone, Debug)]
pub struct Ast {
    text: String,
    target: Option<Ident>,
    nodes: Vec<Node>,
}

impl Ast {
    /// What was not read but put together: nodes, operands before what uses them, and a text in which they stand.
    pub fn of(text: String, nodes: Vec<Node>) -> Ast {
        Ast { text, target: None, nodes }
    }

    /// `NAME` of `NAME=EXPR`.
    pub fn target(&self) -> Option<&Ident> {
        self.target.as_ref()
    }

    /// All nodes. Operands come before what uses them; each node but the last, the root, is used
    /// exactly once.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of `id`.
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id.index()]
    }

    /// The last node: the whole expression.
    pub fn root(&self) -> Id {
        Id(self.nodes.len().saturating_sub(1) as u32)
    }

    /// The expression as it was written, without `NAME=`.
    pub fn body(&self) -> &str {
        let after = self.target.as_ref().and_then(|t| self.text.get(t.span.end..));
        let body = after.and_then(|rest| rest.trim_start().strip_prefix('='));
        body.unwrap_or(&self.text).trim()
    }

    /// The text of a place.
    pub fn source(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// An error that shows a place in the text; see [`error_at`].
    pub fn error(&self, span: Span, message: impl AsRef<str>) -> Error {
        error_at(&self.text, span, message)
    }
}

impl PartialEq for Ast {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target
            && self.nodes.len() == other.nodes.len()
            && self.nodes.iter().zip(&other.nodes).all(|(a, b)| a.expr == b.expr)
    }
}
