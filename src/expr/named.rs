//! Strings and rows of tables beyond comparisons: strings are numbers whose values have names where they are told apart
//! (`unique`, groups) or are results; rows are an array for each field.

use super::chosen;
use super::cx::Cx;
use super::stored::Stored;
use super::syntax::{Expr, Id, Span};
use super::value::{Entry, Item, Val};
use crate::{Array, DType, Error, ErrorKind, Members, Result, Weak};

/// Names that a hint lists.
const NAMED: usize = 20;

/// Strings as numbers that have them as names; anything else as it is.
///
/// # Errors
/// Those of reading them.
pub fn told_apart(cx: &Cx, item: Item) -> Result<Item> {
    let span = item.span;
    let numbers = |stored: &Stored| {
        cx.beforehand().and_then(|session| stored.factorized(&session)).map_err(|e| cx.at(span, e))
    };
    let value = match item.value {
        Val::Stored(stored) if stored.is_text() => Val::Array(numbers(&stored)?),
        Val::Texts(stored, entries) => chosen::index(cx, &numbers(&stored)?, entries)?,
        other => other,
    };
    Ok(Item { value, span })
}

/// What labels stand for in an array whose values have names: texts become their values. A text that no value has stands for
/// a value that is not there.
///
/// # Errors
/// `Expression` where texts and numbers are mixed.
pub fn labels(cx: &Cx, by: &Array, labels: Item) -> Result<Item> {
    let (Val::List(items) | Val::Tuple(items)) = &labels.value else { return Ok(labels) };
    if !items.iter().any(|item| matches!(item.value, Val::Str(_))) {
        return Ok(labels);
    }
    let Some(members) = by.members()? else {
        let e = cx.error_of(
            ErrorKind::Type,
            labels.span,
            "the labels are texts, and the values of 'by' have no names",
        );
        return Err(e);
    };
    let mut missing = members.iter().map(|(value, _)| value).min().unwrap_or(0).min(0);
    let value = |item: &Item| {
        let text = item.text(cx, "a label")?;
        let value = members.value(text).unwrap_or_else(|| {
            missing -= 1;
            missing
        });
        Ok(Item { value: Val::Scalar(Weak::Int(value)), span: item.span })
    };
    let values = items.iter().map(value).collect::<Result<Vec<_>>>()?;
    Ok(Item { value: Val::List(values), span: labels.span })
}

/// The fields of rows of a table, those inside of others by their paths, each as it is indexed.
///
/// # Errors
/// Those of opening and indexing them.
pub fn columns(cx: &Cx, rows: &Stored, entries: &[Entry], whole: &Item) -> Result<Vec<(String, Val)>> {
    let fields = rows.leaves()?;
    let column = |name: String| {
        let stored = rows.at(&name);
        let value = match (stored.is_text(), entries.is_empty()) {
            (true, true) => Val::Stored(stored),
            (true, false) => Val::Texts(stored, entries.to_vec()),
            (false, true) => Val::Array(stored.array()?),
            (false, false) => chosen::index(cx, &stored.array()?, entries.to_vec())?,
        };
        let column = told_apart(cx, Item { value, span: whole.span })?;
        Ok((name, column.value))
    };
    fields.into_iter().map(column).collect()
}

/// Where strings are equal to texts: `x == "text"`, `x != "text"`, `isin(x, ["one", "other"])` of stored strings and
/// enums, of what has names, and of a text that is known. Nothing of anything else.
///
/// # Errors
/// As [`Stored::is_one_of`]; those of what is indexed.
pub fn compared(cx: &Cx, expr: &Expr, span: Span, values: &[Option<Val>]) -> Result<Option<Val>> {
    let value = |id: &Id| values.get(id.index()).and_then(Option::as_ref);
    let (x, y, negated, several) = match expr {
        Expr::Binary(op, x, y) if op.symbol() == "==" => (x, y, false, false),
        Expr::Binary(op, x, y) if op.symbol() == "!=" => (x, y, true, false),
        Expr::Call { function, args, keywords, .. } if function.name == "isin" => {
            let invert = match &keywords[..] {
                [] => false,
                [(name, id)] if name.name == "invert" => match value(id) {
                    Some(Val::Scalar(Weak::Bool(invert))) => *invert,
                    _ => return Ok(None),
                },
                _ => return Ok(None),
            };
            match &args[..] {
                [x, y] => (x, y, invert, true),
                _ => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    let (Some(x), Some(y)) = (value(x), value(y)) else { return Ok(None) };
    let (x, y) = match (x, y) {
        (Val::Str(_), Val::Stored(_) | Val::Texts(..) | Val::Array(_) | Val::Selection(_)) if !several => {
            (y, x)
        }
        _ => (x, y),
    };
    fn word(val: &Val) -> Option<&str> {
        match val {
            Val::Str(text) => Some(text),
            _ => None,
        }
    }
    let words = match y {
        Val::Tuple(items) | Val::List(items) if several => {
            items.iter().map(|item| word(&item.value)).collect::<Option<Vec<&str>>>()
        }
        one => word(one).map(|one| vec![one]),
    };
    let (stored, index, words) = match (x, words) {
        (Val::Str(x), Some(words)) => {
            return Ok(Some(Val::Scalar(Weak::Bool(words.contains(&x.as_str()) != negated))));
        }
        (Val::Stored(stored), Some(words)) if !words.is_empty() => (stored, None, words),
        (Val::Texts(stored, index), Some(words)) if !words.is_empty() => (stored, Some(index), words),
        (Val::Array(array), Some(words)) if !words.is_empty() => {
            let Some(members) = array.members()? else { return Ok(None) };
            let found = one_of(array, members, &words).map_err(|e| cx.at(span, e))?;
            return Ok(Some(Val::Array(if negated { found.logical_not() } else { found })));
        }
        (Val::Selection(selected), Some(words)) if !words.is_empty() => {
            let Some(members) = selected.values().members()? else { return Ok(None) };
            let found = one_of(selected.values(), members, &words).map_err(|e| cx.at(span, e))?;
            let found = if negated { found.logical_not() } else { found };
            return Ok(Some(Val::Selection(found.boolean_index(selected.mask()))));
        }
        _ => return Ok(None),
    };
    let found = stored.is_one_of(&words).map_err(|e| cx.at(span, e))?;
    let found = found.map(|found| if negated { found.logical_not() } else { found });
    match (found, index) {
        (Some(found), Some(index)) => chosen::index(cx, &found, index.clone()).map(Some),
        (found, _) => Ok(found.map(Val::Array)),
    }
}

/// Where an array has one of the names.
fn one_of(array: &Array, members: &Members, words: &[&str]) -> Result<Array> {
    let value = |word: &&str| match members.value(word) {
        None if !members.are_texts() => {
            let names: Vec<&str> = members.iter().map(|(_, name)| name).take(NAMED).collect();
            let e = Error::new(ErrorKind::Value, format!("no value has the name {word:?}"));
            Err(e.hint(format!("the names are {}", names.join(", "))))
        }
        found => Ok(found),
    };
    let values = words.iter().map(value).collect::<Result<Vec<_>>>()?;
    let same = values.into_iter().flatten().map(|value| array.equal(Weak::Int(value)));
    let nowhere = || Ok(Array::zeros(array.shape()?, DType::Bool));
    same.reduce(|a, b| a.logical_or(&b)).map_or_else(nowhere, Ok)
}
