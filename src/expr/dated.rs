//! Times beside dates: `time >= '2001-06'`.

use super::cx::Cx;
use super::syntax::Span;
use super::value::{Item, Val};
use crate::ops::elementwise::Op;
use crate::{Array, Result};

/// A comparison of times, whose units are those of the variable, with a date: at its beginning, as NumPy's
/// `datetime64`. Nothing of anything else.
///
/// # Errors
/// `Expression` for what is no date of the times' calendar.
pub fn compared(cx: &Cx, span: Span, comparison: Op, x: &Item, y: &Item) -> Result<Option<Val>> {
    let (times, date, comparison) = match (&x.value, &y.value) {
        (Val::Array(times), Val::Str(date)) => (times, date, comparison),
        (Val::Str(date), Val::Array(times)) => (times, date, turned(comparison)),
        _ => return Ok(None),
    };
    let at = if matches!(x.value, Val::Str(_)) { x.span } else { y.span };
    let Some((units, calendar)) = times_of(times)? else { return Ok(None) };
    let compared = times.compared_to_date(units, calendar, comparison, date).map_err(|e| cx.at(at, e))?;
    Ok(Some(Val::Array(compared.made_by(&cx.text(span)))))
}

/// The units and the calendar of times.
fn times_of(array: &Array) -> Result<Option<(&str, &str)>> {
    let notes = array.annotations()?;
    let units = notes.get("units").filter(|units| units.contains(" since "));
    Ok(units.map(|units| (units.as_str(), notes.get("calendar").map_or("standard", String::as_str))))
}

/// The comparison of two values the other way round.
fn turned(comparison: Op) -> Op {
    match comparison {
        Op::LESS => Op::GREATER,
        Op::GREATER => Op::LESS,
        Op::LESS_EQUAL => Op::GREATER_EQUAL,
        Op::GREATER_EQUAL => Op::LESS_EQUAL,
        same => same,
    }
}
