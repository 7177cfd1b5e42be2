//! Parts of dates, of times with units as CF has them, and units that a variable lacks.

use super::super::args::Args;
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::value::Val;
use super::row::{Function, functions};
use crate::{DatePart, Result};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// The year of times such as 'days since 2001-01-01'. Units and calendar are those of the variable if none are given.
    Elementwise "year(time, units=None, calendar=None)" eg "year([0, 366], units='days since 2000-01-01')" =
        |cx, a| part(cx, a, DatePart::Year);
    /// The month of times, 1 to 12.
    Elementwise "month(time, units=None, calendar=None)" eg "month([0, 31], units='days since 2000-01-01')" =
        |cx, a| part(cx, a, DatePart::Month);
    /// The day of the month of times, from 1 on.
    Elementwise "day(time, units=None, calendar=None)" eg "day([0, 31], units='days since 2000-01-01')" =
        |cx, a| part(cx, a, DatePart::Day);
    /// The hour of times, 0 to 23.
    Elementwise "hour(time, units=None, calendar=None)" eg "hour([0, 30], units='hours since 2000-01-01')" =
        |cx, a| part(cx, a, DatePart::Hour);
    /// The minute of times, 0 to 59.
    Elementwise "minute(time, units=None, calendar=None)" eg "minute([0, 30], units='minutes since 2000-01-01 12:50')" =
        |cx, a| part(cx, a, DatePart::Minute);
    /// The second of times, 0 to 59.
    Elementwise "second(time, units=None, calendar=None)" eg "second([0, 90], units='seconds since 2000-01-01')" =
        |cx, a| part(cx, a, DatePart::Second);
    /// The day of the week of times, 0 (Monday) to 6.
    Elementwise "weekday(time, units=None, calendar=None)" | "dayofweek" | "day_of_week"
        eg "weekday([0, 1], units='days since 2000-01-01')" = |cx, a| part(cx, a, DatePart::DayOfWeek);
    /// The quarter of the year of times, 1 to 4.
    Elementwise "quarter(time, units=None, calendar=None)" eg "quarter([0, 100], units='days since 2000-01-01')" =
        |cx, a| part(cx, a, DatePart::Quarter);
    /// The season of times: DJF, MAM, JJA or SON, the first letters of its months. In the order of the year.
    Elementwise "season(time, units=None, calendar=None)" eg "season([0, 70], units='days since 2000-01-01') == 'MAM'" =
        |cx, a| part(cx, a, DatePart::Season);
    /// The day of the year of times, from 1 on.
    Elementwise "dayofyear(time, units=None, calendar=None)" | "day_of_year"
        eg "dayofyear([0, 60], units='days since 2000-01-01')" = |cx, a| part(cx, a, DatePart::DayOfYear);
    /// The same numbers, in these units: of a variable that has none, say of times that are compared with dates.
    Elementwise "with_units(x, units, calendar=None)"
        eg "with_units([1.5, 2], 'm')" = with_units;
};

fn with_units(cx: &Cx, mut a: Args) -> Result<Val> {
    let x = a.array(cx, "x")?;
    let units = a.need(cx, "units")?;
    let mut out = x.annotate("units", units.text(cx, "units")?);
    if let Some(calendar) = a.take("calendar") {
        out = out.annotate("calendar", calendar.text(cx, "calendar")?);
    }
    Ok(Val::Array(out))
}

fn part(cx: &Cx, mut a: Args, part: DatePart) -> Result<Val> {
    let units = a
        .take("units")
        .map(|i| Ok::<_, crate::Error>((i.text(cx, "units")?.to_string(), i.span)))
        .transpose()?;
    let calendar = a.take("calendar").map(|i| i.text(cx, "calendar").map(str::to_string)).transpose()?;
    let time = a.array(cx, "time")?;
    let notes = time.annotations()?;
    let of_variable = notes.get("units").map(|units| (units.clone(), a.span));
    let Some((units, span)) = units.or(of_variable) else {
        let e = cx.error(a.span, "times without units are no dates");
        return Err(e.hint(
            "give them, as in units='days since 2001-01-01', or once as with_units(time, 'days since 2001-01-01'); files whose units differ and are no times have none in common",
        ));
    };
    let calendar = calendar.or_else(|| notes.get("calendar").cloned()).unwrap_or_else(|| "standard".into());
    let parts = time.date_part(&units, &calendar, part);
    parts.check().map_err(|e| cx.at(span, e))?;
    Ok(Val::Array(parts))
}
