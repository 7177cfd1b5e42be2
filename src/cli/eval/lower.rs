//! From an [`Ast`] to lazy arrays: operators, subscripts, attributes and names. Calls are in
//! [`super::call`]. One loop over the arena; every sub-expression is checked as soon as it is made,
//! so that an error points at the innermost place that is wrong.

use super::call;
use super::chosen::{self, Entry};
use super::cx::Cx;
use super::fold;
use super::selected;
use super::value::{Item, Val, dtype_named};
use crate::cli::expr::{self, Ast, BinaryOp, CallForm, Expr, Id, Ident, Span, nearest};
use chunkwise::ops::elementwise::Op;
use chunkwise::{Error, ErrorKind, Index, Result, Session, Target, Weak};
use std::collections::BTreeMap;

/// The most nodes of all expressions of a command together: graphs as deep as this still work.
const MAX_NODES: usize = 5_000;

/// Names that are numbers.
const CONSTANTS: &[(&str, f64)] =
    &[("pi", std::f64::consts::PI), ("e", std::f64::consts::E), ("inf", f64::INFINITY), ("nan", f64::NAN)];

/// The names that expressions can use.
#[derive(Default)]
pub struct Scope {
    names: BTreeMap<String, Val>,
    nodes: usize,
    session: Option<Session>,
}

impl Scope {
    /// What computes what must be known before an expression can be planned; otherwise a session with the
    /// defaults does.
    pub fn compute_with(&mut self, session: &Session) {
        self.session = Some(session.clone());
    }

    /// Gives a value a name.
    pub fn define(&mut self, name: &str, value: Val) {
        self.names.insert(name.to_string(), value);
    }

    /// Whether a name is taken.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// What an expression stands for.
    ///
    /// # Errors
    /// `Expression`, with a caret under the place that is wrong.
    pub fn lower(&mut self, ast: &Ast) -> Result<Val> {
        self.nodes += ast.nodes().len();
        if self.nodes > MAX_NODES {
            return Err(Error::new(
                ErrorKind::Expression,
                format!("the expressions have {} parts; at most {MAX_NODES} are taken", self.nodes),
            ));
        }
        let lowering = Lowering { cx: Cx { ast, session: self.session.as_ref() }, scope: self };
        let mut values: Vec<Option<Val>> = Vec::with_capacity(ast.nodes().len());
        for node in ast.nodes() {
            let value = lowering.node(&node.expr, node.span, &mut values)?;
            values.push(Some(lowering.checked(node.span, value)?));
        }
        values.pop().flatten().ok_or_else(|| Error::new(ErrorKind::Expression, "the expression is empty"))
    }

    /// A value as a result: what a mask selects is an array then.
    ///
    /// # Errors
    /// Those of finding what is selected.
    pub fn result(&self, ast: &Ast, value: Val) -> Result<Val> {
        let Val::Selection(_) = value else { return Ok(value) };
        let cx = Cx { ast, session: self.session.as_ref() };
        let span = ast.node(ast.root()).span;
        let array = Item { value, span }.array(&cx, "a result")?;
        Ok(Val::Array(array.made_by(&cx.text(span))))
    }

    fn known(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str).chain(CONSTANTS.iter().map(|(n, _)| *n))
    }
}

/// An expression being lowered, with the names that it can use.
struct Lowering<'a> {
    cx: Cx<'a>,
    scope: &'a Scope,
}

impl Lowering<'_> {
    /// What was made, known by its text from now on.
    fn checked(&self, span: Span, value: Val) -> Result<Val> {
        // A name for the same thing does not rename it.
        let named = self.scope.has(self.cx.ast.source(span));
        match value {
            Val::Array(a) => {
                a.check().map_err(|e| self.cx.at(span, e))?;
                Ok(Val::Array(if named { a } else { a.made_by(&self.cx.text(span)) }))
            }
            Val::Selection(s) => {
                s.values().check().map_err(|e| self.cx.at(span, e))?;
                Ok(Val::Selection(s))
            }
            Val::Histogram(h) => {
                h.built().map_err(|e| self.cx.at(span, e.duplicate()))?;
                Ok(Val::Histogram(if named { h } else { h.made_by(&self.cx.text(span)) }))
            }
            other => Ok(other),
        }
    }

    fn node(&self, expr: &Expr, span: Span, values: &mut [Option<Val>]) -> Result<Val> {
        let mut take = |id: &Id| Item {
            value: values.get_mut(id.index()).and_then(Option::take).unwrap_or(Val::None),
            span: self.cx.ast.node(*id).span,
        };
        match expr {
            Expr::Int(v) => Ok(Val::Scalar(Weak::Int(*v))),
            Expr::Float(v) => Ok(Val::Scalar(Weak::Float(*v))),
            Expr::Bool(v) => Ok(Val::Scalar(Weak::Bool(*v))),
            Expr::Str(v) => Ok(Val::Str(v.clone())),
            Expr::None => Ok(Val::None),
            Expr::Name(name) => self.name(name, span),
            Expr::Unary(op, x) => match take(x) {
                Item { value: Val::Scalar(x), .. } => {
                    fold::unary(*op, x).map(Val::Scalar).map_err(|m| self.cx.error(span, m))
                }
                x => self.operator(op.symbol(), span, vec![x]),
            },
            Expr::Binary(op, x, y) => match (take(x), take(y)) {
                (Item { value: Val::Scalar(x), .. }, Item { value: Val::Scalar(y), .. }) => {
                    fold::binary(*op, x, y).map(Val::Scalar).map_err(|m| self.cx.error(span, m))
                }
                (x, y) if *op == BinaryOp::MatMul => Ok(Val::Array(
                    x.array(&self.cx, "the left side")?.matmul(&y.array(&self.cx, "the right side")?),
                )),
                (x, y) if *op == BinaryOp::Pow => self.power(span, x, y),
                (x, y) => self.operator(op.symbol(), span, vec![x, y]),
            },
            Expr::Tuple(items) => Ok(Val::Tuple(items.iter().map(take).collect())),
            Expr::List(items) => Ok(Val::List(items.iter().map(take).collect())),
            Expr::Call { form, function, args, keywords } => {
                if let (CallForm::Method, [object, ..]) = (form, &args[..]) {
                    self.no_module(*object)?;
                }
                let args = args.iter().map(&mut take).collect();
                let keywords = keywords.iter().map(|(name, id)| (name.clone(), take(id))).collect();
                call::call(&self.cx, span, function, args, keywords)
            }
            Expr::Attribute { object, name } => self.attribute(take(object), name),
            Expr::Subscript { object, indices } => {
                let object = take(object);
                let index = indices.iter().map(|i| self.index(i, &mut take)).collect::<Result<Vec<_>>>()?;
                self.subscript(object, span, index)
            }
        }
    }

    fn name(&self, name: &str, span: Span) -> Result<Val> {
        if let Some(value) = self.scope.names.get(name) {
            return Ok(value.clone());
        }
        if let Some((_, v)) = CONSTANTS.iter().find(|(n, _)| *n == name) {
            return Ok(Val::Scalar(Weak::Float(*v)));
        }
        if let Some(dtype) = dtype_named(name) {
            return Ok(Val::DType(dtype));
        }
        // `np.mean(x)` is answered at the call or attribute that follows.
        if is_module(name) {
            return Ok(Val::Str(name.to_string()));
        }
        if call::is_function(name) {
            return Err(self
                .cx
                .error(span, format!("'{name}' is a function"))
                .hint(format!("write {name}(…)")));
        }
        let e = self.cx.error(span, format!("unknown name '{name}'"));
        Err(match nearest(name, self.scope.known()) {
            Some(near) => e.hint(format!("did you mean '{near}'?")),
            None if self.scope.names.is_empty() => e.hint("give inputs names with -i NAME=FILE:/path"),
            None => {
                let all: Vec<&str> = self.scope.names.keys().map(String::as_str).take(20).collect();
                e.hint(format!("the names are {}", all.join(", ")))
            }
        })
    }

    fn no_module(&self, object: Id) -> Result<()> {
        let node = self.cx.ast.node(object);
        match &node.expr {
            Expr::Name(name) if is_module(name) && !self.scope.has(name) => Err(self
                .cx
                .error(node.span, format!("unknown name '{name}'"))
                .hint(format!("leave '{name}.' away: functions stand for themselves, as in mean(x)"))),
            _ => Ok(()),
        }
    }

    /// A row of the elementwise table by its symbol.
    fn operator(&self, symbol: &str, span: Span, operands: Vec<Item>) -> Result<Val> {
        let Some(op) = Op::from_symbol(symbol, operands.len()) else {
            return Err(self.cx.error(span, format!("there is no operation '{symbol}'")));
        };
        let what = format!("an operand of '{symbol}'");
        let operands = operands.into_iter().map(|i| (i, what.clone())).collect();
        selected::elementwise(&self.cx, op, operands).map_err(|e| self.cx.at(span, e))
    }

    /// `x ** y`. As in NumPy, the operator squares any array, and takes the reciprocal or the root of floats, where
    /// the exponent is a number written so; the function `power` leaves float16 and bools to the row.
    fn power(&self, span: Span, x: Item, y: Item) -> Result<Val> {
        let dtype = match &x.value {
            Val::Array(a) => Some(a.dtype()?),
            Val::Selection(s) => Some(s.dtype()?),
            _ => None,
        };
        let row = match (dtype, &y.value) {
            (Some(_), Val::Scalar(Weak::Int(2))) => Some(Op::SQUARE),
            (Some(d), Val::Scalar(Weak::Int(-1))) if d.is_float() => Some(Op::RECIPROCAL),
            (Some(d), Val::Scalar(Weak::Float(0.5))) if d.is_float() => Some(Op::SQRT),
            _ => None,
        };
        match row {
            Some(row) => {
                let operands = vec![(x, "an operand of '**'".to_string())];
                selected::elementwise(&self.cx, row, operands).map_err(|e| self.cx.at(span, e))
            }
            None => self.operator("**", span, vec![x, y]),
        }
    }

    fn attribute(&self, object: Item, name: &Ident) -> Result<Val> {
        let int = |v: u64| Val::Scalar(Weak::Int(i128::from(v)));
        let array = match object.value {
            Val::Array(a) => a,
            Val::Selection(s) if name.name == "ndim" => return Ok(int(s.ndim()? as u64)),
            Val::Selection(s) if name.name == "dtype" => return Ok(Val::DType(s.dtype()?)),
            Val::Selection(_) => object.array(&self.cx, "an array")?,
            Val::Str(module) if is_module(&module) => {
                return Err(self.cx.error(object.span, format!("unknown name '{module}'")).hint(format!(
                    "leave '{module}.' away: constants stand for themselves, as in {}",
                    name.name
                )));
            }
            other => return Err(self.cx.error(name.span, format!("{} has no attributes", other.kind()))),
        };
        let shape = array.shape()?;
        match name.name.as_str() {
            "T" => Ok(Val::Array(array.t())),
            "shape" => {
                let items = shape.iter().map(|&n| Item { value: int(n), span: name.span });
                Ok(Val::Tuple(items.collect()))
            }
            "ndim" => Ok(int(shape.len() as u64)),
            "size" => Ok(int(shape.iter().product())),
            "itemsize" => Ok(int(array.dtype()?.size() as u64)),
            "nbytes" => Ok(int(shape.iter().product::<u64>().saturating_mul(array.dtype()?.size() as u64))),
            "dtype" => Ok(Val::DType(array.dtype()?)),
            other => {
                let e = self.cx.error(name.span, format!("an array has no attribute '{other}'"));
                Err(match call::is_function(other) {
                    true => e.hint(format!("call it: .{other}()")),
                    false => e.hint("the attributes are T, shape, ndim, size, itemsize, nbytes, dtype"),
                })
            }
        }
    }

    fn index(&self, index: &expr::Index, take: &mut impl FnMut(&Id) -> Item) -> Result<Entry> {
        let mut bound = |id: &Option<Id>| -> Result<Option<i64>> {
            let Some(id) = id else { return Ok(None) };
            let item = take(id);
            Ok(match item.value {
                Val::None => None,
                // Past either end of every axis is one place.
                Val::Scalar(Weak::Int(v)) => Some(v.clamp(i64::MIN.into(), i64::MAX.into()) as i64),
                _ => Some(item.int(&self.cx, "a slice's bound")?),
            })
        };
        Ok(Entry::Basic(match index {
            expr::Index::NewAxis => Index::NewAxis,
            expr::Index::Ellipsis => Index::Ellipsis,
            expr::Index::Slice { start, stop, step } => {
                let (start, stop) = (bound(start)?, bound(stop)?);
                Index::Slice { start, stop, step: bound(step)?.unwrap_or(1) }
            }
            expr::Index::At(id) => {
                let item = take(id);
                match item.value {
                    Val::None => Index::NewAxis,
                    Val::Scalar(Weak::Int(_)) => Index::At(item.int(&self.cx, "an index")?),
                    Val::Array(_) | Val::Selection(_) | Val::List(_) => return Ok(Entry::Chosen(item)),
                    Val::Str(_) => return Err(self.cx.error(item.span, "the array has no fields")),
                    other => {
                        return Err(self
                            .cx
                            .error(item.span, format!("{} cannot be an index", other.kind()))
                            .hint("an index is a whole number, a slice a:b:c, None, '...', a list of whole numbers, or an array of them or of bools"));
                    }
                }
            }
        }))
    }

    fn subscript(&self, object: Item, span: Span, index: Vec<Entry>) -> Result<Val> {
        match object.value {
            Val::Array(a) => chosen::index(&self.cx, &a, index),
            Val::Selection(_) => chosen::index(&self.cx, &object.array(&self.cx, "what is indexed")?, index),
            Val::Tuple(mut items) | Val::List(mut items) => match &index[..] {
                [Entry::Basic(Index::At(i))] => {
                    let n = items.len() as i64;
                    let at = if *i < 0 { i.saturating_add(n) } else { *i };
                    match usize::try_from(at).ok().filter(|at| *at < items.len()) {
                        Some(at) => Ok(items.swap_remove(at).value),
                        None => Err(self.cx.error(span, format!("index {i} is out of range for {n} items"))),
                    }
                }
                _ => Err(self.cx.error(span, "a tuple is indexed by one whole number")),
            },
            other => Err(self.cx.error(object.span, format!("{} has no items", other.kind()))),
        }
    }
}

fn is_module(name: &str) -> bool {
    matches!(name, "np" | "numpy")
}
