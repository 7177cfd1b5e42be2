//! Arguments of a call, bound to its parameters, and the call that a dtype is.

use super::cx::Cx;
use super::syntax::{Ident, Span};
use super::value::{Item, Val};
use crate::{Array, DType, ErrorKind, Over, Reduction, Result, Weak};

/// Arguments bound to parameters.
pub struct Args {
    /// What was called.
    pub name: &'static str,
    /// The whole call.
    pub span: Span,
    pub(super) slots: Vec<(&'static str, Option<Item>)>,
    /// Keywords of other names, of a function that takes such, in their order.
    pub rest: Vec<(Ident, Item)>,
}

impl Args {
    /// The argument of a parameter, if one was given; `None` counts as not given.
    pub fn take(&mut self, param: &str) -> Option<Item> {
        let slot = self.slots.iter_mut().find(|(name, _)| *name == param)?;
        slot.1.take().filter(|item| !matches!(item.value, Val::None))
    }

    /// Where the argument of a parameter stands, if one was given.
    pub fn given(&self, param: &str) -> Option<Span> {
        let (_, item) = self.slots.iter().find(|(name, _)| *name == param)?;
        item.as_ref().filter(|item| !matches!(item.value, Val::None)).map(|item| item.span)
    }

    /// Gives a parameter an argument.
    pub fn put(&mut self, param: &str, item: Item) {
        self.slots.iter_mut().filter(|(name, _)| *name == param).for_each(|slot| slot.1 = Some(item.clone()));
    }

    /// Whether nothing was given but the argument of one parameter.
    pub fn is_bare(&self, param: &str) -> bool {
        self.slots.iter().all(|(name, item)| (*name == param) == item.is_some())
    }

    /// With another name for a parameter.
    pub fn renamed(mut self, from: &str, to: &'static str) -> Args {
        self.slots.iter_mut().filter(|(name, _)| *name == from).for_each(|(name, _)| *name = to);
        self
    }

    /// The argument of a parameter that must be there.
    ///
    /// # Errors
    /// `Expression` if it is `None`.
    pub fn need(&mut self, cx: &Cx, param: &str) -> Result<Item> {
        let (name, span) = (self.name, self.span);
        self.take(param).ok_or_else(|| cx.error_of(ErrorKind::Type, span, format!("{name} needs {param}")))
    }

    /// An argument as an array.
    ///
    /// # Errors
    /// `Expression` if it is not there or no array.
    pub fn array(&mut self, cx: &Cx, param: &str) -> Result<Array> {
        self.need(cx, param)?.array(cx, param)
    }

    /// An argument as a dtype.
    ///
    /// # Errors
    /// `Expression` if it is given and no dtype.
    pub fn dtype(&mut self, cx: &Cx) -> Result<Option<DType>> {
        self.take("dtype").map(|d| d.dtype(cx)).transpose()
    }
}

/// `float32(x)`, `x.astype(float32)`.
pub fn cast(cx: &Cx, item: Item, dtype: DType) -> Result<Val> {
    let span = item.span;
    let scalar = match item.value {
        Val::Scalar(Weak::Int(v)) if dtype == DType::Bool => Weak::Bool(v != 0).to_scalar(dtype),
        Val::Scalar(Weak::Float(v)) if !dtype.is_float() => {
            return Ok(Val::Array(Array::scalar(v).cast(dtype)));
        }
        Val::Scalar(w) => w.to_scalar(dtype),
        Val::Selection(s) => return Ok(Val::Selection(s.cast(dtype))),
        _ => return Ok(Val::Array(item.array(cx, "x")?.cast(dtype))),
    };
    Ok(Val::Array(Array::scalar(scalar.map_err(|e| cx.at(span, e))?)))
}

/// An array in a dtype that may have been given.
pub fn in_dtype(x: Array, dtype: Option<DType>) -> Array {
    match dtype {
        Some(dtype) => x.cast(dtype),
        None => x,
    }
}

/// `axis`, `keepdims`, and where a function has them `where` and `weights`.
pub fn over(cx: &Cx, a: &mut Args) -> Result<Over> {
    let mut over = match a.take("axis") {
        Some(axes) => Over::axes(axes.ints(cx, "axis")?),
        None => Over::all(),
    };
    for (param, set) in [("weights", Over::weights as fn(Over, &Array) -> Over), ("where", Over::mask)] {
        if let Some(item) = a.take(param) {
            over = set(over, &item.array(cx, param)?);
        }
    }
    let keeps = a.take("keepdims").map(|k| k.bool(cx, "keepdims")).transpose()?.unwrap_or(false);
    Ok(if keeps { over.keepdims() } else { over })
}

/// The reduction that a string names.
pub fn reduction(cx: &Cx, item: Option<Item>, default: Reduction) -> Result<Reduction> {
    let Some(item) = item else { return Ok(default) };
    let Val::Str(name) = &item.value else {
        return Err(cx.error(item.span, "the reduction is a name in quotes, 'mean' say"));
    };
    Reduction::from_name(name).ok_or_else(|| {
        let all: Vec<&str> = Reduction::all().map(Reduction::name).collect();
        let e = cx.error(item.span, format!("there is no reduction '{name}'"));
        if name.ends_with("median") || name.ends_with("quantile") {
            return e.hint("in bins it is groupby_reduce(values, digitize(x, edges), 'quantile', q=0.9)");
        }
        if name == "count" {
            return e.hint("how many there are is the 'sum' of notnull(values)");
        }
        e.hint(format!("the reductions are {}", all.join(", ")))
    })
}

/// One of several words.
pub fn word<T: Copy>(cx: &Cx, item: Option<Item>, what: &str, words: &[(&str, T)], default: T) -> Result<T> {
    let Some(item) = item else { return Ok(default) };
    let name = item.text(cx, what)?;
    words.iter().find(|w| w.0 == name).map(|w| w.1).ok_or_else(|| {
        let all: Vec<_> = words.iter().map(|w| w.0).collect();
        cx.error(item.span, format!("there is no {what} '{name}'"))
            .hint(format!("it can be {}", all.join(", ")))
    })
}
