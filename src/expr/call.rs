//! Calls: a name is looked up in the [catalogue]; arguments are bound to the parameters that it says as Python binds
//! them.

use super::args::{Args, cast};
use super::axes;
use super::catalogue::{self, Entry, Is, Kind, Param, Signature};
use super::chosen;
use super::cx::Cx;
use super::selected;
use super::skipna;
use super::syntax::{Ident, Span};
use super::typo::did_you_mean;
use super::value::{Item, Val};
use crate::ops::elementwise::Op;
use crate::ops::reduce::Reduction;
use crate::{ErrorKind, Over, Result};

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
    // Python's own, and no function of arrays.
    if name == "slice" {
        return slice(cx, span, args, &keywords);
    }
    let Some((entry, signature)) = catalogue::find(name).and_then(|e| Some((e, e.call.as_ref()?))) else {
        let message = format!("there is no function '{name}'");
        let e = cx.error_of(ErrorKind::NotFound, function.span, message);
        return Err(e.hint(catalogue::missing(name)));
    };
    let args = match entry.is {
        Is::Function(f) if f.spreads => spread(args),
        _ => args,
    };
    let mut bound = bind(cx, span, signature, args, keywords)?;
    axes::number(cx, &mut bound)?;
    let entry = without_missing(cx, entry, &mut bound)?;
    match entry.is {
        Is::Elementwise(op) => elementwise(cx, op, signature, bound),
        Is::Reduction(reduction) => reduce(cx, reduction, bound),
        Is::Function(f) => (f.call)(cx, bound),
        Is::Cast(dtype) => cast(cx, bound.need(cx, "x")?, dtype),
        Is::Attribute(_) | Is::Constant(_) => Err(cx.error(span, format!("'{name}' is no function"))),
    }
}

/// `slice(stop)`, `slice(start, stop, step=None)`.
fn slice(cx: &Cx, span: Span, mut args: Vec<Item>, keywords: &[(Ident, Item)]) -> Result<Val> {
    if !(1..=3).contains(&args.len()) || !keywords.is_empty() {
        let e =
            cx.error_of(ErrorKind::Type, span, "a slice is slice(start, stop) or slice(start, stop, step)");
        return Err(e.hint("in brackets it is x[start:stop]"));
    }
    let none = || Item { value: Val::None, span };
    if args.len() == 1 {
        args.insert(0, none());
    }
    args.resize_with(3, none);
    Ok(Val::Slice(args))
}

/// What is called in the place of a name, with the arguments bound to its parameters: of reductions the form that leaves
/// out NaN, if there is one and that is meant.
fn without_missing(cx: &Cx, entry: &'static Entry, bound: &mut Args) -> Result<&'static Entry> {
    if !matches!(entry.kind, Kind::Reduction | Kind::Order | Kind::Cumulative) {
        return Ok(entry);
    }
    let Some((param, Some(x))) = bound.slots.first().cloned() else { return Ok(entry) };
    if !skipna::skips(cx, &x)? {
        return Ok(entry);
    }
    if matches!(entry.is, Is::Reduction(Reduction::Average)) {
        skipna::leave_out(cx, bound, param, &x)?;
    }
    Ok(catalogue::find(&format!("nan{}", entry.name)).unwrap_or(entry))
}

/// Puts the arguments after the first into a tuple: `x.reshape(2, 3)`.
fn spread(mut args: Vec<Item>) -> Vec<Item> {
    if args.len() > 2 {
        let rest = args.split_off(1);
        let span = rest[0].span.to(rest[rest.len() - 1].span);
        args.push(Item { value: Val::Tuple(rest), span });
    }
    args
}

/// Binds arguments to parameters.
fn bind(
    cx: &Cx,
    span: Span,
    signature: &Signature,
    args: Vec<Item>,
    keywords: Vec<(Ident, Item)>,
) -> Result<Args> {
    let Signature { name, params, .. } = signature;
    let written = || format!("it is {signature}");
    let n = signature.positional();
    if let Some(extra) = args.get(n) {
        let message = format!("{name} takes {n} argument{} without a name, not {}", plural(n), args.len());
        return Err(cx.error_of(ErrorKind::Type, extra.span, message).hint(written()));
    }
    let mut slots: Vec<(&'static str, Option<Item>)> = params.iter().map(|p| (p.name, None)).collect();
    for (slot, item) in slots.iter_mut().zip(args) {
        slot.1 = Some(item);
    }
    let takes_rest = params.iter().any(Param::is_rest);
    let mut rest = Vec::new();
    for (keyword, item) in keywords {
        match slots.iter_mut().find(|(p, _)| *p == keyword.name) {
            None if takes_rest => rest.push((keyword, item)),
            Some((_, slot)) if slot.is_some() && takes_rest => rest.push((keyword, item)),
            Some((p, slot)) if slot.is_some() => {
                let message = format!("{name} was given {p} twice");
                return Err(cx.error_of(ErrorKind::Type, keyword.span, message));
            }
            Some((_, slot)) => *slot = Some(item),
            None => {
                let message = format!("{name} has no argument '{}'", keyword.name);
                let e = cx.error_of(ErrorKind::Type, keyword.span, message);
                if keyword.name == "dim" && params.iter().any(|p| p.name == "axis") {
                    return Err(e.hint("axis takes the names of dimensions too, as in axis='time'"));
                }
                return Err(match did_you_mean(&keyword.name, params.iter().map(|p| p.name)) {
                    Some(near) => e.hint(format!("{near} {}", sentence(&written()))),
                    None => e.hint(written()),
                });
            }
        }
    }
    if let Some((missing, _)) = slots.iter().take(signature.required()).find(|(_, s)| s.is_none()) {
        return Err(cx.error_of(ErrorKind::Type, span, format!("{name} needs {missing}")).hint(written()));
    }
    Ok(Args { name, span, slots, rest })
}

/// Text that begins a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn elementwise(cx: &Cx, op: Op, signature: &Signature, mut bound: Args) -> Result<Val> {
    match op {
        Op::CLIP => return clip(cx, bound),
        Op::ROUND => return round(cx, bound),
        Op::WHERE if bound.is_bare("condition") => {
            return chosen::nonzero(cx, bound.renamed("condition", "a"));
        }
        _ => {}
    }
    let operands = signature.params.iter().map(|p| Ok((bound.need(cx, p.name)?, p.name.to_string())));
    let operands = operands.collect::<Result<Vec<_>>>()?;
    selected::elementwise(cx, op, operands).map_err(|e| cx.at(bound.span, e))
}

/// `round`, to whole numbers or to decimals.
fn round(cx: &Cx, mut bound: Args) -> Result<Val> {
    let decimals = match bound.take("decimals") {
        None => 0,
        Some(item) => {
            let decimals = i32::try_from(item.int(cx, "decimals")?);
            decimals.map_err(|_| cx.error(item.span, "so many decimals no number has"))?
        }
    };
    let x = bound.need(cx, "a")?;
    if decimals != 0 {
        return Ok(Val::Array(x.array(cx, "a")?.round_to(decimals)));
    }
    selected::elementwise(cx, Op::ROUND, vec![(x, "a".to_string())]).map_err(|e| cx.at(bound.span, e))
}

/// `clip`, of which either bound may be `None`: what is left is the row of the other bound.
fn clip(cx: &Cx, mut bound: Args) -> Result<Val> {
    let x = (bound.need(cx, "a")?, "a".to_string());
    // As in NumPy, either pair of names.
    let mut limit = |name: &'static str, other: &'static str| match (bound.take(name), bound.take(other)) {
        (Some(_), Some(second)) => Err(cx.error(second.span, format!("clip was given {name} and {other}"))),
        (first, second) => Ok(first.or(second).map(|item| (item, other.to_string()))),
    };
    let (op, operands) = match (limit("a_min", "min")?, limit("a_max", "max")?) {
        (Some(lo), Some(hi)) => (Op::CLIP, vec![x, lo, hi]),
        (Some(lo), None) => (Op::MAXIMUM, vec![x, lo]),
        (None, Some(hi)) => (Op::MINIMUM, vec![x, hi]),
        (None, None) => return Err(cx.error(bound.span, "clip needs a bound that is not None")),
    };
    selected::elementwise(cx, op, operands).map_err(|e| cx.at(bound.span, e))
}

fn reduce(cx: &Cx, reduction: Reduction, mut bound: Args) -> Result<Val> {
    let (row, span) = (reduction.row(), bound.span);
    let x = bound.need(cx, "a")?;
    let axis = bound.take("axis");
    let mut axes = axis.as_ref().map(|i| i.ints(cx, "axis")).transpose()?;
    // NumPy lets a scalar have an axis 0.
    if matches!(&x.value, Val::Array(x) if x.ndim().is_ok_and(|rank| rank == 0)) {
        axes = axes.filter(|axes| axes.iter().any(|axis| ![0, -1].contains(axis)));
    }
    let mut over = axes.clone().map_or_else(Over::all, Over::axes);
    if let Some(dtype) = bound.dtype(cx)? {
        over = over.dtype(dtype);
    }
    if let Some(ddof) = bound.take("ddof") {
        over = over.ddof(ddof.float(cx, "ddof")?);
    }
    let keepdims = bound.take("keepdims").map(|k| k.bool(cx, "keepdims")).transpose()?.unwrap_or(false);
    let (values, over) = match row.takes_where && !keepdims {
        true => selected::columns(cx, &mut bound, x, "a", over)?,
        false => {
            let span = x.span;
            let x = Item { value: Val::Array(x.array(cx, "a")?), span };
            selected::columns(cx, &mut bound, x, "a", over)?
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
