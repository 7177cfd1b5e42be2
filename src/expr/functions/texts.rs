//! Questions about strings and the names of enums, which are asked of each name once.

use super::super::args::Args;
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::named;
use super::super::value::Val;
use super::row::{Function, functions};
use crate::{ErrorKind, Result};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// Whether strings, or the names of enums, begin with a text.
    Elementwise "startswith(a, prefix)" eg "startswith(season([0, 70], units='days since 2000-01-01'), 'M')" =
        |cx, a| asked(cx, a, "prefix", |name, prefix| name.starts_with(prefix));
    /// Whether strings, or the names of enums, end with a text.
    Elementwise "endswith(a, suffix)" eg "endswith(season([0, 70], units='days since 2000-01-01'), 'F')" =
        |cx, a| asked(cx, a, "suffix", |name, suffix| name.ends_with(suffix));
    /// Whether a text is somewhere in strings, or in the names of enums.
    Elementwise "contains(a, text)" eg "contains(season([0, 70], units='days since 2000-01-01'), 'A')" =
        |cx, a| asked(cx, a, "text", |name, text| name.contains(text));
};

fn asked(cx: &Cx, mut a: Args, param: &str, is: fn(&str, &str) -> bool) -> Result<Val> {
    let text = a.need(cx, param)?;
    let text = text.text(cx, param)?;
    let item = a.need(cx, "a")?;
    let span = item.span;
    let numbers = named::told_apart(cx, item)?.array(cx, "a")?;
    let Some(members) = numbers.members()? else {
        let e = cx.error_of(ErrorKind::Type, span, "these are numbers without names");
        return Err(e.hint("strings and enums have names, as in t.name and t[3:5].name"));
    };
    let found = members.iter().filter(|(_, name)| is(name, text));
    let values: Vec<i64> = found.filter_map(|(value, _)| i64::try_from(value).ok()).collect();
    Ok(Val::Array(numbers.without_members().isin(&values[..])))
}
