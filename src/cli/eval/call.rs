//! Calls: a name is looked up among the elementwise rows, the reductions, the dtypes and the other
//! functions; its parameters come from what was found, and arguments are bound to them as Python
//! binds them.

use super::args::{Args, cast};
use super::cx::Cx;
use super::functions::{self, FUNCTIONS};
use super::selected;
use super::value::{Item, Val, dtype_named};
use crate::cli::expr::{Ident, Span, nearest};
use chunkwise::ops::elementwise::Op;
use chunkwise::ops::reduce::Reduction;
use chunkwise::{DType, ErrorKind, Over, Result};

/// Whether something can be called by this name.
pub fn is_function(name: &str) -> bool {
    names().any(|n| n == name)
}

/// Every name that can be called.
pub fn names() -> impl Iterator<Item = &'static str> {
    let rows = Op::all().flat_map(|op| {
        let row = op.row();
        std::iter::once(row.name).chain(row.aliases.iter().copied())
    });
    rows.chain(Reduction::all().map(|r| r.name()))
        .chain(DType::ALL.iter().map(|d| d.name()))
        .chain(FUNCTIONS.iter().map(|f| f.name))
}

/// The parameters of what is called.
struct Signature {
    /// In Python's order.
    params: Vec<&'static str>,
    /// How many of them must be given.
    required: usize,
    /// How many of them may be given without their name.
    positional: usize,
}

/// Other keywords that NumPy has for a parameter: function, keyword, parameter.
const KEYWORDS: &[(&str, &str, &str)] =
    &[("clip", "a_min", "lo"), ("clip", "min", "lo"), ("clip", "a_max", "hi"), ("clip", "max", "hi")];

/// Calls `function`.
///
/// # Errors
/// `Expression`, with a caret at the name or argument that is wrong.
pub fn call(
    cx: &Cx,
    span: Span,
    function: &Ident,
    args: Vec<Item>,
    keywords: Vec<(Ident, Item)>,
) -> Result<Val> {
    let name = function.name.as_str();
    let keywords = keywords.into_iter().map(|(mut k, item)| {
        if let Some((.., param)) = KEYWORDS.iter().find(|(f, from, _)| *f == name && *from == k.name) {
            k.name = param.to_string();
        }
        (k, item)
    });
    let keywords = keywords.collect();
    if let Some(op) = Op::from_name(name) {
        return elementwise(cx, span, op, args, keywords);
    }
    if let Some(reduction) = Reduction::from_name(name) {
        return reduce(cx, span, reduction, args, keywords);
    }
    if let Some(dtype) = dtype_named(name) {
        let signature = Signature { params: vec!["x"], required: 1, positional: 1 };
        let mut args = bind(cx, span, dtype.name(), &signature, args, keywords)?;
        return cast(cx, args.need(cx, "x")?, dtype);
    }
    if let Some(f) = FUNCTIONS.iter().find(|f| f.name == name) {
        let (args, keywords) = functions::spread(f, args, keywords);
        let params = f.params.to_vec();
        let signature = Signature { positional: f.positional, required: f.required, params };
        return (f.call)(cx, bind(cx, span, f.name, &signature, args, keywords)?);
    }
    let e = cx.error(function.span, format!("unknown function '{name}'"));
    Err(match nearest(name, names()) {
        Some(near) => e.hint(format!("did you mean '{near}'?")),
        None => e.hint("chunkwise eval --help lists the functions"),
    })
}

/// Binds arguments to parameters.
fn bind(
    cx: &Cx,
    span: Span,
    name: &'static str,
    signature: &Signature,
    args: Vec<Item>,
    keywords: Vec<(Ident, Item)>,
) -> Result<Args> {
    let params = &signature.params;
    let written = || {
        let list = params.iter().enumerate().map(|(i, p)| match i >= signature.required {
            true => format!("{p}="),
            false => p.to_string(),
        });
        format!("{name}({})", list.collect::<Vec<_>>().join(", "))
    };
    if let Some(extra) = args.get(signature.positional) {
        let n = signature.positional;
        let message = format!("{name} takes {n} argument{} without a name, not {}", plural(n), args.len());
        return Err(cx.error(extra.span, message).hint(format!("it is {}", written())));
    }
    let mut slots: Vec<(&'static str, Option<Item>)> = params.iter().map(|p| (*p, None)).collect();
    for (slot, item) in slots.iter_mut().zip(args) {
        slot.1 = Some(item);
    }
    for (keyword, item) in keywords {
        match slots.iter_mut().find(|(p, _)| *p == keyword.name) {
            Some((p, slot)) if slot.is_some() => {
                return Err(cx.error(keyword.span, format!("{name} was given {p} twice")));
            }
            Some((_, slot)) => *slot = Some(item),
            None => {
                let e = cx.error(keyword.span, format!("{name} has no argument '{}'", keyword.name));
                return Err(match nearest(&keyword.name, params.iter().copied()) {
                    Some(near) => e.hint(format!("did you mean '{near}'? It is {}", written())),
                    None => e.hint(format!("it is {}", written())),
                });
            }
        }
    }
    if let Some((missing, _)) = slots.iter().take(signature.required).find(|(_, s)| s.is_none()) {
        return Err(cx.error(span, format!("{name} needs {missing}")).hint(format!("it is {}", written())));
    }
    Ok(Args { name, span, slots })
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn elementwise(cx: &Cx, span: Span, op: Op, args: Vec<Item>, keywords: Vec<(Ident, Item)>) -> Result<Val> {
    let params = op.row().params;
    let open = op.name() == "clip";
    let required = if open { 1 } else { params.len() };
    let signature = Signature { params: params.to_vec(), required, positional: params.len() };
    let mut bound = bind(cx, span, op.name(), &signature, args, keywords)?;
    if open {
        return clip(cx, bound);
    }
    let operands = params.iter().map(|p| Ok((bound.need(cx, p)?, p.to_string())));
    let operands = operands.collect::<Result<Vec<_>>>()?;
    selected::elementwise(cx, op, operands).map_err(|e| cx.at(span, e))
}

/// `clip`, of which either bound may be `None`: what is left is the row of the other bound.
fn clip(cx: &Cx, mut bound: Args) -> Result<Val> {
    let named = |item: Item, param: &str| (item, param.to_string());
    let x = named(bound.need(cx, "x")?, "x");
    let mut limit = |param| bound.take(param).map(|i| named(i, param));
    let (row, operands) = match (limit("lo"), limit("hi")) {
        (Some(lo), Some(hi)) => ("clip", vec![x, lo, hi]),
        (Some(lo), None) => ("maximum", vec![x, lo]),
        (None, Some(hi)) => ("minimum", vec![x, hi]),
        (None, None) => return Err(cx.error(bound.span, "clip needs a bound that is not None")),
    };
    match Op::from_name(row) {
        Some(op) => selected::elementwise(cx, op, operands).map_err(|e| cx.at(bound.span, e)),
        None => Err(cx.error(bound.span, format!("there is no operation '{row}'"))),
    }
}

fn reduce(
    cx: &Cx,
    span: Span,
    reduction: Reduction,
    args: Vec<Item>,
    keywords: Vec<(Ident, Item)>,
) -> Result<Val> {
    let row = reduction.row();
    let options = [
        ("weights", row.inputs == 2),
        ("dtype", row.takes_dtype),
        ("ddof", row.takes_ddof),
        ("keepdims", true),
        ("where", row.takes_where),
    ];
    let mut params = vec!["x", "axis"];
    params.extend(options.iter().filter(|(_, takes)| *takes).map(|(name, _)| *name));
    let signature = Signature { params, required: 1, positional: 2 + usize::from(row.inputs == 2) };
    let mut bound = bind(cx, span, reduction.name(), &signature, args, keywords)?;
    let x = bound.need(cx, "x")?;
    let axis = bound.take("axis");
    let axes = axis.as_ref().map(|i| i.ints(cx, "axis")).transpose()?;
    let mut over = axes.clone().map_or_else(Over::all, Over::axes);
    if let Some(dtype) = bound.dtype(cx)? {
        over = over.dtype(dtype);
    }
    if let Some(ddof) = bound.take("ddof") {
        over = over.ddof(ddof.float(cx, "ddof")?);
    }
    let keepdims = bound.take("keepdims").map(|k| k.bool(cx, "keepdims")).transpose()?.unwrap_or(false);
    let (values, over) = match row.takes_where && !keepdims {
        true => selected::columns(cx, &mut bound, x, "x", over)?,
        false => {
            let span = x.span;
            let x = Item { value: Val::Array(x.array(cx, "x")?), span };
            selected::columns(cx, &mut bound, x, "x", over)?
        }
    };
    let reduced = values.reduce(reduction, over);
    if let (Err(e), Some(axis)) = (reduced.check(), &axis) {
        let at = if e.kind() == ErrorKind::Index { axis.span } else { span };
        return Err(cx.at(at, e));
    }
    if !keepdims || reduced.check().is_err() {
        return Ok(Val::Array(reduced));
    }
    // Named before its axes come back, so that a plan shows the text and not this file.
    let rank = values.ndim()? as i64;
    let mut gone: Vec<i64> = match axes {
        Some(axes) => axes.into_iter().map(|a| if a < 0 { a + rank } else { a }).collect(),
        None => (0..rank).collect(),
    };
    gone.sort_unstable();
    let named = reduced.made_by(&cx.text(span));
    Ok(Val::Array(gone.into_iter().fold(named, |a, axis| a.expand_dims(axis))))
}
