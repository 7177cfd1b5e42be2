//! From an [`Ast`] to lazy arrays: operators, subscripts, attributes and names. Calls are in
//! [`super::call`]. One loop over the arena; every sub-expression is checked as soon as it is made,
//! so that an error points at the innermost place that is wrong.

use super::attributes::{ATTRIBUTES, whole};
use super::call;
use super::catalogue::{self, Is, Kind};
use super::chosen;
use super::cx::Cx;
use super::dated;
use super::fold;
use super::named;
use super::scope::Scope;
use super::selected;
use super::stored::Stored;
use super::syntax::{self, Ast, BinaryOp, CallForm, Expr, Id, Ident, Span};
use super::typo::did_you_mean;
use super::value::{Entry, Item, Val};
use crate::array::Target;
use crate::ops::elementwise::Op;
use crate::{Array, Error, ErrorKind, Index, Result, Weak};

/// The most nodes of an expression.
const MAX_NODES: usize = 5_000;

/// What an expression stands for.
///
/// # Errors
/// `Expression`, with a caret under the place that is wrong.
pub fn lower(ast: &Ast, scope: &Scope) -> Result<Val> {
    let nodes = ast.nodes();
    if nodes.len() > MAX_NODES {
        let message = format!("the expression has {} parts; at most {MAX_NODES} are taken", nodes.len());
        return Err(
            Error::new(ErrorKind::Expression, message).hint("give a part of it a name with NAME=EXPR")
        );
    }
    let lowering = Lowering::new(ast, scope);
    let mut values: Vec<Option<Val>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let value = lowering.node(&node.expr, node.span, &mut values)?;
        values.push(Some(lowering.checked(node.span, value)?));
    }
    values.pop().flatten().ok_or_else(|| Error::new(ErrorKind::Expression, "the expression is empty"))
}

/// The parts of complex numbers and the fields that they are.
const PARTS: [(&str, &str); 2] = [("real", "r"), ("imag", "i")];

/// Whether a function takes complex numbers.
fn is_of_complex(function: &str) -> bool {
    ["real", "imag", "abs", "absolute", "angle"].contains(&function)
}

/// A part of stored complex numbers, or what a function makes of both.
fn complex_part(z: &Stored, function: &str) -> Result<Array> {
    let part = |(_, field): (&str, &str)| z.at(field).array();
    let [real, imag] = PARTS;
    match function {
        "real" => part(real),
        "imag" => part(imag),
        "angle" => Ok(part(imag)?.arctan2(part(real)?)),
        _ => Ok(part(real)?.hypot(part(imag)?)),
    }
}

/// What one node stands for, whose operands have values already.
///
/// # Errors
/// `Expression`, with a caret under the place that is wrong.
pub fn lower_root(ast: &Ast, scope: &Scope, values: &mut [Option<Val>]) -> Result<Val> {
    let lowering = Lowering::new(ast, scope);
    let root = ast.node(ast.root());
    let value = lowering.node(&root.expr, root.span, values)?;
    lowering.checked(root.span, value)
}

/// An expression being lowered, with the names that it can use.
struct Lowering<'a> {
    cx: Cx<'a>,
    scope: &'a Scope,
}

impl<'a> Lowering<'a> {
    fn new(ast: &'a Ast, scope: &'a Scope) -> Lowering<'a> {
        Lowering { cx: Cx { ast, before: scope.before(), skips_missing: scope.skips_missing }, scope }
    }

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
                Ok(Val::Selection(if named { s } else { s.made_by(&self.cx.text(span)) }))
            }
            Val::Histogram(h) => {
                h.built().map_err(|e| self.cx.at(span, e.duplicate()))?;
                Ok(Val::Histogram(if named { h } else { h.made_by(&self.cx.text(span)) }))
            }
            other => Ok(other),
        }
    }

    fn node(&self, expr: &Expr, span: Span, values: &mut [Option<Val>]) -> Result<Val> {
        if let Some(part) = self.complex(expr, values)? {
            return Ok(part);
        }
        if let Some(compared) = named::compared(&self.cx, expr, span, values)? {
            return Ok(compared);
        }
        self.open_operands(expr, values)?;
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
                // `np.mean(x)` is `mean(x)`.
                let from_module =
                    *form == CallForm::Method && args.first().is_some_and(|&x| self.is_module(x));
                let args = args[usize::from(from_module)..].iter().map(&mut take).collect();
                let keywords = keywords.iter().map(|(name, id)| (name.clone(), take(id))).collect();
                call::call(&self.cx, span, function, args, keywords)
            }
            Expr::Attribute { object, name } => self.attribute(take(object), name),
            Expr::Subscript { object, indices } => {
                let stored = self.is_attribute(*object);
                let object = take(object);
                if let (Val::Scalar(w), true) = (&object.value, stored && self.is_first(indices)) {
                    return Ok(Val::Scalar(*w));
                }
                if let Some(part) = self.part(&object, indices, &mut take)? {
                    return Ok(part);
                }
                let index = indices.iter().map(|i| self.index(i, &mut take)).collect::<Result<Vec<_>>>()?;
                match object.value {
                    Val::Stored(s) if s.is_text() => Ok(Val::Texts(s, index)),
                    Val::Stored(s) if s.is_table()? => Ok(Val::Rows(s, index)),
                    _ => self.subscript(object, span, index),
                }
            }
        }
    }

    /// What `real(z)`, `z.abs()` and the like make of stored complex numbers; nothing of anything else.
    fn complex(&self, expr: &Expr, values: &mut [Option<Val>]) -> Result<Option<Val>> {
        let Expr::Call { function, args, keywords, .. } = expr else { return Ok(None) };
        let [z] = &args[..] else { return Ok(None) };
        match values.get(z.index()) {
            Some(Some(Val::Stored(stored)))
                if keywords.is_empty() && is_of_complex(&function.name) && stored.is_complex() =>
            {
                let span = self.cx.ast.node(*z).span;
                complex_part(stored, &function.name)
                    .map(|a| Some(Val::Array(a)))
                    .map_err(|e| self.cx.at(span, e))
            }
            _ => Ok(None),
        }
    }

    /// Opens the datasets that are operands, but for what is looked into by name.
    fn open_operands(&self, expr: &Expr, values: &mut [Option<Val>]) -> Result<()> {
        let looked_into = match expr {
            Expr::Attribute { object, .. } | Expr::Subscript { object, .. } => Some(*object),
            _ => None,
        };
        // Functions may take strings, also in lists.
        let may = matches!(expr, Expr::Call { .. } | Expr::List(_) | Expr::Tuple(_));
        let stays = |s: &Stored| may && s.is_text();
        for id in expr.operands().into_iter().filter(|id| Some(*id) != looked_into) {
            if let Some(slot) = values.get_mut(id.index())
                && let Some(Val::Stored(stored)) = slot
                && !stays(stored)
            {
                *slot = Some(Val::Array(self.opened(stored, self.cx.ast.node(id).span)?));
            }
        }
        Ok(())
    }

    /// A stored dataset as an array, which is known by the text.
    fn opened(&self, stored: &Stored, span: Span) -> Result<Array> {
        Ok(stored.array()?.made_by(&self.cx.text(span)))
    }

    fn name(&self, name: &str, span: Span) -> Result<Val> {
        if let Some(value) = self.scope.get(name) {
            return Ok(value.clone());
        }
        if let Some(value) = self.constant(name, span)? {
            return Ok(value);
        }
        // `np.mean(x)` and `np.pi` are looked up at the call or attribute that follows.
        if is_module(name) {
            return Ok(Val::Str(name.to_string()));
        }
        let e = self.cx.error(span, format!("unknown name '{name}'"));
        let constants = catalogue::entries().iter().filter(|e| e.kind == Kind::Constant).map(|e| e.name);
        Err(match did_you_mean(name, self.scope.names().chain(constants)) {
            Some(near) => e.hint(near),
            None if self.scope.is_empty() => e.hint(self.scope.how_to_name().to_string()),
            None => {
                let all: Vec<&str> = self.scope.names().take(20).collect();
                e.hint(format!("the names are {}", all.join(", ")))
            }
        })
    }

    /// What a name of the catalogue stands for where it is not called; nothing for other names.
    fn constant(&self, name: &str, span: Span) -> Result<Option<Val>> {
        match catalogue::find(name).map(|e| e.is) {
            Some(Is::Constant(constant)) => Ok(Some(constant.val())),
            Some(Is::Cast(dtype)) => Ok(Some(Val::DType(dtype))),
            Some(_) => {
                let e = self.cx.error(span, format!("'{name}' is a function"));
                Err(e.hint(format!("write {name}(…)")))
            }
            None => Ok(None),
        }
    }

    /// Whether an expression is one of NumPy's modules: `np`, `numpy.linalg`.
    fn is_module(&self, object: Id) -> bool {
        match &self.cx.ast.node(object).expr {
            Expr::Name(name) => is_module(name) && !self.scope.has(name),
            Expr::Attribute { object, name } => name.name == LINALG && self.is_module(*object),
            _ => false,
        }
    }

    /// A row of the elementwise table by its symbol.
    fn operator(&self, symbol: &str, span: Span, operands: Vec<Item>) -> Result<Val> {
        let Some(op) = Op::from_symbol(symbol, operands.len()) else {
            return Err(self.cx.error(span, format!("there is no operation '{symbol}'")));
        };
        if let [x, y] = &operands[..]
            && let Some(compared) = dated::compared(&self.cx, span, op, x, y)?
        {
            return Ok(compared);
        }
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
        let stored = match &object.value {
            Val::Stored(s) => Some(s.clone()),
            _ => None,
        };
        let array = match object.value {
            Val::Array(a) => a,
            Val::Stored(s) if name.name == "attrs" => return Ok(Val::Attributes(s)),
            Val::Stored(s) if s.holds_others()? => match s.is_attribute(&name.name) {
                true => {
                    let what = format!("{} is no part of {}, but an attribute", name.name, s.path());
                    let e = self.cx.error(name.span, what);
                    return Err(e.hint(format!("write .attrs['{}']", name.name)));
                }
                false => return Ok(Val::Stored(s.at(&name.name))),
            },
            Val::Stored(s) if PARTS.iter().any(|p| p.0 == name.name) && s.is_complex() => {
                return Ok(Val::Array(complex_part(&s, &name.name)?));
            }
            Val::Stored(s) if catalogue::find_attribute(&name.name).is_none() && s.has_parts()? => {
                return Ok(Val::Stored(s.at(&name.name)));
            }
            Val::Rows(s, entries) => return self.column(&s.at(&name.name), entries, name.span),
            Val::Stored(s) => self.opened(&s, object.span)?,
            Val::Selection(s) if name.name == "ndim" => return Ok(whole(s.ndim()? as u64)),
            Val::Selection(s) if name.name == "dtype" => return Ok(Val::DType(s.dtype()?)),
            Val::Selection(_) => object.array(&self.cx, "an array")?,
            Val::Str(module) if is_module(&module) && name.name == LINALG => {
                return Ok(Val::Str(format!("{module}.{LINALG}")));
            }
            Val::Str(module) if is_module(&module) => {
                let unknown = || self.cx.error(name.span, format!("unknown name '{module}.{}'", name.name));
                return self.constant(&name.name, name.span)?.ok_or_else(unknown);
            }
            other => {
                let e = self.cx.error(name.span, format!("{} has no attributes", other.kind()));
                return Err(match other {
                    Val::Histogram(_) => e.hint("its counts are histogram(…)[0], its edges histogram(…)[1]"),
                    _ => e,
                });
            }
        };
        match catalogue::find_attribute(&name.name).map(|e| e.is) {
            Some(Is::Attribute(attribute)) => (attribute.value)(&array, name.span),
            _ => {
                let e = self.cx.error(name.span, format!("an array has no attribute '{}'", name.name));
                let all: Vec<&str> = ATTRIBUTES.iter().map(|a| a.name).collect();
                Err(match catalogue::find(&name.name).is_some_and(|e| e.is_function()) {
                    true => e.hint(format!("call it: .{}()", name.name)),
                    false if name.name == "dt" => {
                        e.hint("parts of dates are functions of times: month(time), year(time), season(time)")
                    }
                    false if stored.is_some_and(|s| s.is_attribute(&name.name)) => {
                        e.hint(format!("write .attrs['{}']", name.name))
                    }
                    false => e.hint(format!("the attributes are {}", all.join(", "))),
                })
            }
        }
    }

    /// A field of rows.
    fn column(&self, field: &Stored, entries: Vec<Entry>, span: Span) -> Result<Val> {
        match () {
            () if field.is_text() => Ok(Val::Texts(field.clone(), entries)),
            () if field.is_table()? => Ok(Val::Rows(field.clone(), entries)),
            () => chosen::index(&self.cx, &self.opened(field, span)?, entries),
        }
    }

    /// A member of a group or an attribute by its name, `x["name"]`; nothing where other things are indexed.
    fn part(
        &self,
        object: &Item,
        indices: &[syntax::Index],
        take: &mut impl FnMut(&Id) -> Item,
    ) -> Result<Option<Val>> {
        let name = match indices {
            [syntax::Index::At(id)] => match &self.cx.ast.node(*id).expr {
                Expr::Str(name) => Some((name, take(id).span)),
                _ => None,
            },
            _ => None,
        };
        match (&object.value, name) {
            (Val::Attributes(s), Some((name, span))) => Ok(Some(Val::of(s.attribute(name)?, span))),
            (Val::Attributes(_), None) => {
                let e = self.cx.error(object.span, "attributes are reached by a name");
                Err(e.hint("write it in quotes, as in x.attrs['units']"))
            }
            (Val::Stored(s), Some((name, _))) if s.has_parts()? => Ok(Some(Val::Stored(s.at(name)))),
            (Val::Rows(s, entries), Some((name, span))) => {
                self.column(&s.at(name), entries.clone(), span).map(Some)
            }
            (Val::Stored(_) | Val::Array(_), Some((_, span))) => {
                Err(self.cx.error(span, "the array has no fields"))
            }
            _ => Ok(None),
        }
    }

    /// Whether a node is an attribute, `x.attrs["name"]`.
    fn is_attribute(&self, id: Id) -> bool {
        let Expr::Subscript { object, .. } = &self.cx.ast.node(id).expr else { return false };
        matches!(&self.cx.ast.node(*object).expr, Expr::Attribute { name, .. } if name.name == "attrs")
    }

    /// Whether an index is `[0]`: one number of an attribute of shape (1,) is that number already.
    fn is_first(&self, indices: &[syntax::Index]) -> bool {
        matches!(indices, [syntax::Index::At(id)] if self.cx.ast.node(*id).expr == Expr::Int(0))
    }

    fn index(&self, index: &syntax::Index, take: &mut impl FnMut(&Id) -> Item) -> Result<Entry> {
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
            syntax::Index::NewAxis => Index::NewAxis,
            syntax::Index::Ellipsis => Index::Ellipsis,
            syntax::Index::Slice { start, stop, step } => {
                let (start, stop) = (bound(start)?, bound(stop)?);
                Index::Slice { start, stop, step: bound(step)?.unwrap_or(1) }
            }
            syntax::Index::At(id) => {
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
            Val::Selection(_) | Val::Stored(_) => {
                chosen::index(&self.cx, &object.array(&self.cx, "what is indexed")?, index)
            }
            Val::Texts(..) => {
                let names = named::told_apart(&self.cx, object)?.array(&self.cx, "what is indexed")?;
                chosen::index(&self.cx, &names, index)
            }
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
            // As NumPy's tuples of counts and edges.
            Val::Histogram(h) => match index[..] {
                [Entry::Basic(Index::At(0))] if h.is_weighted() => Ok(Val::Array(h.sums())),
                [Entry::Basic(Index::At(0))] => Ok(Val::Array(h.counts())),
                [Entry::Basic(Index::At(i))] if i > 0 && i as usize <= h.dimensions() => {
                    Ok(Val::Array(h.edges(i as usize - 1)))
                }
                _ => {
                    let e = self.cx.error(
                        span,
                        "a histogram has its counts, [0], and the edges of its bins, [1] and so on",
                    );
                    Err(e.hint("take the counts first, as in histogram(x)[0][2:]"))
                }
            },
            other => Err(self.cx.error(object.span, format!("{} has no items", other.kind()))),
        }
    }
}

/// NumPy as it is imported: what it has has the same name here.
fn is_module(name: &str) -> bool {
    matches!(name, "np" | "numpy")
}

/// NumPy's module of linear algebra.
const LINALG: &str = "linalg";
