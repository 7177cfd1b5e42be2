//! From tokens to an [`Ast`]: precedence climbing with Python's levels.

use super::lex::{Tok, Token, tokens};
use super::{Ast, BinaryOp, CallForm, Expr, Id, Ident, Index, Node, POSTFIX, Span, UNARY, UnaryOp, error_at};
use crate::{Error, ErrorKind, Result};

/// How deep parentheses, brackets, calls, and chains of unary operators or `**` may nest.
const MAX_DEPTH: usize = 200;
const MAX_TEXT: usize = 16 << 20;

/// Reads `EXPR` or `NAME=EXPR`.
///
/// # Errors
/// `Expression`, with the text and a caret under the place.
pub fn parse(text: &str) -> Result<Ast> {
    if text.len() > MAX_TEXT {
        let message = format!("the expression has {} bytes; at most {MAX_TEXT} are read", text.len());
        return Err(Error::new(ErrorKind::Expression, message));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, nodes: Vec::new(), depth: 0 };
    let target = parser.target();
    parser.expression(0)?;
    if *parser.tok() != Tok::End {
        return Err(parser.unexpected("the end of the expression"));
    }
    Ok(Ast { text: text.to_string(), target, nodes: parser.nodes })
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    nodes: Vec<Node>,
    depth: usize,
}

/// A node and its place with the parentheses around it.
type Parsed = (Id, Span);

impl<'t> Parser<'t> {
    /// The token `ahead` of the next one; the last one is `End` and repeats.
    fn token(&self, ahead: usize) -> &Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn tok(&self) -> &Tok {
        &self.token(0).tok
    }

    fn span(&self) -> Span {
        self.token(0).span
    }

    fn is(&self, ahead: usize, op: &str) -> bool {
        matches!(self.token(ahead).tok, Tok::Op(o) if o == op)
    }

    fn word(&self, ahead: usize) -> &'t str {
        let span = self.token(ahead).span;
        &self.text[span.start..span.end]
    }

    fn advance(&mut self) -> Span {
        let span = self.span();
        self.at += 1;
        span
    }

    fn eat(&mut self, op: &str) -> Option<Span> {
        self.is(0, op).then(|| self.advance())
    }

    fn push(&mut self, expr: Expr, span: Span) -> Parsed {
        self.nodes.push(Node { expr, span });
        (Id(self.nodes.len() as u32 - 1), span)
    }

    fn error(&self, span: Span, message: impl AsRef<str>) -> Error {
        error_at(self.text, span, message)
    }

    /// The next token is not what the grammar wants.
    fn unexpected(&self, wanted: &str) -> Error {
        let word = self.word(0);
        match self.tok() {
            Tok::End => self.error(self.span(), format!("the expression ends where {wanted} should come")),
            Tok::Keyword => self.keyword(),
            Tok::Op("=") => self
                .error(self.span(), "unexpected '='")
                .hint("compare with ==; assign as in NAME=EXPR; pass a keyword as in f(x, axis=0)"),
            Tok::Op(",") if self.depth == 0 => {
                self.error(self.span(), "unexpected ','").hint("write a tuple as (a, b)")
            }
            Tok::Op("&") => {
                self.error(self.span(), "unexpected '&'").hint("write & once, with (…) around comparisons")
            }
            Tok::Op("|") => {
                self.error(self.span(), "unexpected '|'").hint("write | once, with (…) around comparisons")
            }
            Tok::Op(op) => self.error(self.span(), format!("unexpected '{op}' where {wanted} should come")),
            Tok::Str(_) => self
                .error(self.span(), "unexpected string")
                .hint("a string is an argument, as in sum(x, dtype='float64'), a name in brackets, as in x['name'], or compared, as in x == 'name'"),
            _ => {
                let word: String = word.chars().take(40).collect();
                self.error(self.span(), format!("unexpected '{word}' where {wanted} should come"))
            }
        }
    }

    fn keyword(&self) -> Error {
        let word = self.word(0);
        let error = self.error(self.span(), format!("'{word}' does not work on arrays"));
        match word {
            "and" => error.hint("use & with (…) around comparisons, or logical_and(a, b)"),
            "or" => error.hint("use | with (…) around comparisons, or logical_or(a, b)"),
            "not" => error.hint("use ~ or logical_not(a)"),
            "if" | "else" => error.hint("use where(condition, a, b)"),
            _ => self.error(self.span(), format!("Python's '{word}' is not part of the expression language")),
        }
    }

    /// The opening bracket at `open` has no partner.
    fn close(&mut self, op: &str, open: Span, wanted: &str) -> Result<Span> {
        if let Some(span) = self.eat(op) {
            return Ok(span);
        }
        if *self.tok() == Tok::End {
            let bracket = &self.text[open.start..open.end];
            return Err(self.error(open, format!("'{bracket}' is never closed")));
        }
        Err(self.unexpected(wanted))
    }

    /// `NAME =`, if the text begins so.
    fn target(&mut self) -> Option<Ident> {
        let word = self.word(0);
        let constant = matches!(word, "True" | "False" | "None");
        if *self.tok() != Tok::Name || constant || !self.is(1, "=") {
            return None;
        }
        let span = self.advance();
        self.advance();
        Some(Ident { name: word.to_string(), span })
    }

    /// An expression of operators that bind at least as tightly as `min`.
    fn expression(&mut self, min: u8) -> Result<Parsed> {
        if self.depth >= MAX_DEPTH {
            return Err(self
                .error(self.span(), format!("the expression nests deeper than {MAX_DEPTH}"))
                .hint("give a part of it a name with NAME=EXPR"));
        }
        self.depth += 1;
        let parsed = self.operators(min);
        self.depth -= 1;
        parsed
    }

    fn operators(&mut self, min: u8) -> Result<Parsed> {
        let unary = match self.tok() {
            Tok::Op("-") => Some(UnaryOp::Neg),
            Tok::Op("+") => Some(UnaryOp::Pos),
            Tok::Op("~") => Some(UnaryOp::Invert),
            _ => None,
        };
        let (mut left, mut span) = match unary {
            Some(op) => {
                let start = self.advance();
                let (operand, end) = self.expression(UNARY)?;
                self.push(Expr::Unary(op, operand), start.to(end))
            }
            None if self.is_compared(min) => self.compared_text()?,
            None => self.postfix()?,
        };
        let mut compared = false;
        loop {
            let op = match self.tok() {
                Tok::Op(symbol) => BinaryOp::from_symbol(symbol),
                _ => None,
            };
            let Some(op) = op.filter(|op| op.level() >= min) else {
                return Ok((left, span));
            };
            if compared && op.is_comparison() {
                return Err(self.error(self.span(), "comparisons do not chain on arrays").hint(
                    "write (a < b) & (b < c); & and | bind tighter than comparisons, so these need (…)",
                ));
            }
            self.advance();
            let right = match op.symbol() {
                _ if op.is_comparison() && matches!(self.tok(), Tok::Str(_)) => self.compared_text()?,
                _ => self.expression(if op == BinaryOp::Pow { UNARY } else { op.level() + 1 })?,
            };
            (left, span) = self.push(Expr::Binary(op, left, right.0), span.to(right.1));
            compared = op.is_comparison();
        }
    }

    /// Whether what begins here is compared, where operators bind at least as tightly as `min`.
    fn is_compared(&self, min: u8) -> bool {
        self.comparison_follows() && min <= BinaryOp::Eq.level()
    }

    /// Whether the token after this one compares.
    fn comparison_follows(&self) -> bool {
        ["<", "<=", ">", ">=", "==", "!="].iter().any(|symbol| self.is(1, symbol))
    }

    /// A side of a comparison, which may be a string.
    fn compared_text(&mut self) -> Result<Parsed> {
        let span = self.span();
        match self.string() {
            Some(text) => match self.tok() {
                // It would belong to the string, as in Python.
                Tok::Op(op) if BinaryOp::from_symbol(op).is_some_and(|op| !op.is_comparison()) => Err(self
                    .error(self.span(), format!("'{op}' binds tighter than a comparison"))
                    .hint("write (…) around comparisons, as in (x == 'a') & (y == 'b')")),
                _ => Ok((text, span)),
            },
            None => self.postfix(),
        }
    }

    fn postfix(&mut self) -> Result<Parsed> {
        let (mut object, mut span) = self.primary()?;
        loop {
            (object, span) = if self.eat(".").is_some() {
                let name = self.ident("a name")?;
                if self.is(0, "(") {
                    self.call(CallForm::Method, name, vec![object], span)?
                } else {
                    let whole = span.to(name.span);
                    self.push(Expr::Attribute { object, name }, whole)
                }
            } else if let Some(open) = self.eat("[") {
                let (indices, close) = self.indices(open)?;
                self.push(Expr::Subscript { object, indices }, span.to(close))
            } else if self.is(0, "(") {
                return Err(self
                    .error(span, "this is not a function")
                    .hint("a function is called by its name, as in sqrt(x) or x.mean()"));
            } else {
                return Ok((object, span));
            };
        }
    }

    fn ident(&mut self, wanted: &str) -> Result<Ident> {
        if *self.tok() != Tok::Name {
            return Err(self.unexpected(wanted));
        }
        let name = self.word(0).to_string();
        Ok(Ident { name, span: self.advance() })
    }

    fn primary(&mut self) -> Result<Parsed> {
        let span = self.span();
        let expr = match self.tok() {
            Tok::Int(v) => Expr::Int(*v),
            Tok::Float(v) => Expr::Float(*v),
            Tok::Name => match self.word(0) {
                "True" => Expr::Bool(true),
                "False" => Expr::Bool(false),
                "None" => Expr::None,
                _ if self.is(1, "(") => {
                    let name = self.ident("a name")?;
                    return self.call(CallForm::Function, name, Vec::new(), span);
                }
                name => Expr::Name(name.to_string()),
            },
            Tok::Op("(") => return self.parenthesised(),
            Tok::Op("[") => {
                self.advance();
                let mut items = Vec::new();
                while !self.is(0, "]") {
                    items.push(self.argument()?);
                    if self.eat(",").is_none() {
                        break;
                    }
                }
                let close = self.close("]", span, "',' or ']'")?;
                return Ok(self.push(Expr::List(items), span.to(close)));
            }
            Tok::Op("...") => return Err(self.error(span, "'...' has a meaning only inside x[...]")),
            Tok::Op(":") => return Err(self.error(span, "':' has a meaning only inside x[a:b]")),
            _ => return Err(self.unexpected("a value")),
        };
        self.advance();
        Ok(self.push(expr, span))
    }

    /// `(a)` or a tuple.
    fn parenthesised(&mut self) -> Result<Parsed> {
        let open = self.advance();
        let mut items = Vec::new();
        let mut comma = false;
        while !self.is(0, ")") {
            let text = if self.is(1, ",") || comma { self.alone() } else { None };
            items.push(match text {
                Some(text) => text,
                None => self.expression(0)?.0,
            });
            if self.eat(",").is_none() {
                break;
            }
            comma = true;
        }
        let close = self.close(")", open, "an operator, ',' or ')'")?;
        match items[..] {
            [one] if !comma => Ok((one, open.to(close))),
            _ => Ok(self.push(Expr::Tuple(items), open.to(close))),
        }
    }

    /// The arguments of a call, from its `(` on.
    fn call(&mut self, form: CallForm, function: Ident, mut args: Vec<Id>, start: Span) -> Result<Parsed> {
        let open = self.advance();
        let mut keywords: Vec<(Ident, Id)> = Vec::new();
        while !self.is(0, ")") {
            if *self.tok() == Tok::Name && self.is(1, "=") {
                let name = self.ident("a name")?;
                if keywords.iter().any(|(k, _)| *k == name) {
                    return Err(self.error(name.span, format!("'{}' is given twice", name.name)));
                }
                self.advance();
                let value = self.argument()?;
                keywords.push((name, value));
            } else if self.is(0, "*") || self.is(0, "**") {
                return Err(self.error(self.span(), "starred arguments are not part of the language"));
            } else if let Some((name, _)) = keywords.last().filter(|_| *self.tok() != Tok::End) {
                let message = format!("an argument without a name follows '{}='", name.name);
                return Err(self.error(self.span(), message));
            } else {
                let value = self.argument()?;
                args.push(value);
            }
            if self.eat(",").is_none() {
                break;
            }
        }
        let close = self.close(")", open, "an operator, ',' or ')'")?;
        Ok(self.push(Expr::Call { form, function, args, keywords }, start.to(close)))
    }

    /// The value of an argument or an item of a list, which may be a string.
    fn argument(&mut self) -> Result<Id> {
        match self.alone() {
            Some(text) => Ok(text),
            None => Ok(self.expression(0)?.0),
        }
    }

    /// A string, where one may stand: as an argument, in a list, beside comparisons, and between brackets as the name of a
    /// part.
    fn string(&mut self) -> Option<Id> {
        let Tok::Str(value) = self.tok() else { return None };
        let expr = Expr::Str(value.clone());
        let span = self.advance();
        Some(self.push(expr, span).0)
    }

    /// A string that is not compared.
    fn alone(&mut self) -> Option<Id> {
        match self.comparison_follows() {
            true => None,
            false => self.string(),
        }
    }

    /// The items of a subscript and its `]`.
    fn indices(&mut self, open: Span) -> Result<(Vec<Index>, Span)> {
        if self.is(0, "]") {
            return Err(self.error(open.to(self.span()), "there is no index in the brackets"));
        }
        let mut indices = Vec::new();
        while !self.is(0, "]") {
            if self.is(0, "...") && indices.contains(&Index::Ellipsis) {
                return Err(self.error(self.span(), "an index has at most one '...'"));
            }
            indices.push(self.index()?);
            if self.eat(",").is_none() {
                break;
            }
        }
        let close = self.close("]", open, "an operator, ':', ',' or ']'")?;
        Ok((indices, close))
    }

    fn index(&mut self) -> Result<Index> {
        if self.eat("...").is_some() {
            return Ok(Index::Ellipsis);
        }
        if let Some(name) = self.alone() {
            return Ok(Index::At(name));
        }
        if *self.tok() == Tok::Name && self.word(0) == "None" && (self.is(1, ",") || self.is(1, "]")) {
            self.advance();
            return Ok(Index::NewAxis);
        }
        let start = self.bound()?;
        if self.eat(":").is_none() {
            return match start {
                Some(id) => Ok(Index::At(id)),
                None => Err(self.unexpected("an index")),
            };
        }
        let stop = self.bound()?;
        let step = if self.eat(":").is_some() { self.bound()? } else { None };
        Ok(Index::Slice { start, stop, step })
    }

    /// One part of a slice; a bare `None` is an absent one.
    fn bound(&mut self) -> Result<Option<Id>> {
        let ends = |p: &Self, ahead| p.is(ahead, ":") || p.is(ahead, ",") || p.is(ahead, "]");
        if ends(self, 0) {
            return Ok(None);
        }
        if *self.tok() == Tok::Name && self.word(0) == "None" && ends(self, 1) {
            self.advance();
            return Ok(None);
        }
        Ok(Some(self.expression(0)?.0))
    }
}

// The printer relies on this order.
const _: () = assert!(UNARY < POSTFIX);
