//! What masks select, `x[mask]`: it stays *predicated*, whole and beside its mask, through elementwise operations, until
//! a reduction, quantile or histogram takes the mask as its `where`. Then nothing holds positions, and no run of its own
//! finds them. Anywhere else it becomes an array first ([`Item::array`]).

use super::args::Args;
use super::cx::Cx;
use super::syntax::Span;
use super::value::{Item, Val};
use super::{axes, each_file};
use crate::ops::elementwise::Op;
use crate::{Array, ArrayOperand, Over, Result, Selection, SelectionOperand};

/// A row of the elementwise table, over arrays or over what one mask selects.
///
/// # Errors
/// `Expression`, with a caret at an operand that cannot be one.
pub fn elementwise(cx: &Cx, op: Op, operands: Vec<(Item, String)>) -> Result<Val> {
    if let Some(selected) = predicated(&operands)? {
        return Ok(Val::Selection(Selection::elementwise(op, &selected)?));
    }
    let spans: Vec<Span> = operands.iter().map(|(item, _)| item.span).collect();
    let operands: Vec<ArrayOperand> =
        operands.into_iter().map(|(item, what)| item.operand(cx, &what)).collect::<Result<_>>()?;
    let marked = each_file::check(cx, &operands, &spans)?;
    axes::check_laid(cx, &operands, &spans)?;
    let array = Array::elementwise(op, &operands);
    Ok(Val::Array(match marked {
        Some(mark) if array.shape().is_ok_and(|shape| mark.is_shape(shape)) => mark.put(&array),
        _ => array,
    }))
}

/// The operands, if there is a selection among them, and nothing beside it but what the same mask selects, and numbers.
fn predicated(operands: &[(Item, String)]) -> Result<Option<Vec<SelectionOperand>>> {
    let mut first: Option<&Selection> = None;
    let mut selected = Vec::with_capacity(operands.len());
    for (item, _) in operands {
        match &item.value {
            Val::Scalar(w) => selected.push(SelectionOperand::from(*w)),
            Val::Selection(s) => {
                if !first.map_or(Ok(true), |f| f.alike(s))? {
                    return Ok(None);
                }
                first.get_or_insert(s);
                selected.push(s.into());
            }
            _ => return Ok(None),
        }
    }
    Ok(first.is_some().then_some(selected))
}

/// Columns that a fold takes together.
pub struct Together {
    selection: Option<Selection>,
}

impl Together {
    /// Looks at the columns of a fold over some axes. Where one mask selects all of them and the fold can take it, they
    /// stay whole; otherwise what is selected is found first.
    ///
    /// # Errors
    /// Why something selected cannot be.
    pub fn of<'a>(columns: impl IntoIterator<Item = &'a Item>, over: &Over) -> Result<Together> {
        let mut first: Option<&Selection> = None;
        let mut all = true;
        for item in columns {
            match &item.value {
                Val::Selection(s) => {
                    all &= first.map_or(Ok(true), |f| f.alike(s))?;
                    first.get_or_insert(s);
                }
                _ => all = false,
            }
        }
        let selection = first.filter(|s| all && s.over(over.clone()).is_ok());
        Ok(Together { selection: selection.cloned() })
    }

    /// What nothing selected.
    pub fn apart() -> Together {
        Together { selection: None }
    }

    /// One of the columns.
    ///
    /// # Errors
    /// As [`Item::array`].
    pub fn array(&self, cx: &Cx, item: Item, what: &str) -> Result<Array> {
        match item.value {
            Val::Selection(s) if self.selection.is_some() => Ok(s.values().clone()),
            _ => item.array(cx, what),
        }
    }

    /// What the fold goes over, said of the columns.
    ///
    /// # Errors
    /// As [`Selection::over`].
    pub fn over(&self, over: Over) -> Result<Over> {
        match &self.selection {
            Some(selection) => selection.over(over),
            None => Ok(over),
        }
    }

    /// The mask of the columns.
    ///
    /// # Errors
    /// As [`Selection::where_mask`].
    pub fn mask(&self) -> Result<Option<Array>> {
        self.selection.as_ref().map(Selection::where_mask).transpose()
    }
}

/// The values that `param` names and what they are folded over: `axis`, `keepdims`, `where` and `weights`.
///
/// # Errors
/// `Expression`, with a caret at the argument that is wrong.
pub fn values_over(cx: &Cx, a: &mut Args, param: &str) -> Result<(Array, Over)> {
    let x = a.need(cx, param)?;
    let mut over = match a.take("axis") {
        Some(axes) => Over::axes(axes.ints(cx, "axis")?),
        None => Over::all(),
    };
    if a.take("keepdims").map(|k| k.bool(cx, "keepdims")).transpose()?.unwrap_or(false) {
        over = over.keepdims();
    }
    columns(cx, a, x, param, over)
}

/// Values with their `weights` and `where`, which are taken from the arguments.
///
/// # Errors
/// As [`values_over`].
pub fn columns(cx: &Cx, a: &mut Args, x: Item, param: &str, over: Over) -> Result<(Array, Over)> {
    let (weights, mask) = (a.take("weights"), a.take("where"));
    let together = match &mask {
        Some(_) => Together::apart(),
        None => Together::of([&x].into_iter().chain(&weights), &over)?,
    };
    let x = together.array(cx, x, param)?;
    // Weights that lie along one axis are said before the mask, which has the shape of the values.
    let mut over = match weights {
        Some(w) => over.weights(&together.array(cx, w, "weights")?),
        None => over,
    };
    if let Some(mask) = mask {
        over = over.mask(&mask.array(cx, "where")?);
    }
    Ok((x, together.over(over)?))
}
