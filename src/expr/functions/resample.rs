//! Reductions over the periods of a time axis, as xarray's `resample`.

use super::super::args::Args;
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::ordered;
use super::super::syntax::Span;
use super::super::value::{Item, Val};
use super::row::{Function, functions};
use crate::array::Times;
use crate::{Array, DatePart, Dimension, ErrorKind, Result};

/// The rows.
pub static FUNCTIONS: &[Function] = functions! {
    /// A reduction over the periods of a time axis, as xarray's: resample(t, 'MS', 'max').
    /// They are pandas' YS, QS, QS-DEC (seasons), MS, D, h and min, and have the time at which they begin; one without elements is
    /// there too, with NaN or 0.
    Group "resample(a, freq, func='mean', axis='time')"
        eg "resample(with_dims([1, 2, 6], time=with_units([0, 30, 31], 'days since 2001-01-01')), 'MS')" = resample;
};

/// The most periods.
const MOST: i64 = 1 << 22;

/// A period: a number of months and at which month since the year 0 one begins, or of milliseconds.
#[derive(Clone, Copy)]
enum Every {
    Months(i64, i64),
    Milliseconds(i64),
}

const PERIODS: [(&str, Every); 7] = [
    ("YS", Every::Months(12, 0)),
    ("QS", Every::Months(3, 0)),
    ("QS-DEC", Every::Months(3, 2)),
    ("MS", Every::Months(1, 0)),
    ("D", Every::Milliseconds(86_400_000)),
    ("h", Every::Milliseconds(3_600_000)),
    ("min", Every::Milliseconds(60_000)),
];

/// The times along an axis.
struct Along {
    times: Times,
    units: String,
    calendar: String,
    coordinates: Array,
}

fn resample(cx: &Cx, mut a: Args) -> Result<Val> {
    let freq = a.need(cx, "freq")?;
    let name = freq.text(cx, "freq")?;
    let every = PERIODS.iter().find(|p| p.0 == name).map(|p| p.1).ok_or_else(|| {
        let all = PERIODS.map(|p| p.0).join(", ");
        cx.error(freq.span, format!("there is no period '{name}'")).hint(format!("there are {all}"))
    })?;
    let array = a.array(cx, "a")?;
    let rank = array.ndim()? as i64;
    let axis = match a.take("axis") {
        Some(item) => item.int(cx, "axis")?,
        None => array.axis_named("time").map_err(|e| cx.at(a.span, e))?,
    };
    let at = if axis < 0 { axis + rank } else { axis };
    if !(0..rank).contains(&at) {
        return Err(cx.error_of(ErrorKind::Index, a.span, format!("there is no axis {axis}")));
    }
    let along = times(cx, a.span, &array, at as usize)?;
    let (keys, known) = keys(cx, a.span, &along, every)?;
    let (first, last) = match (known.iter().min(), known.iter().max()) {
        (Some(first), Some(last)) => (*first, *last),
        _ => return Err(cx.error(a.span, "no element has a time")),
    };
    if last - first >= MOST {
        return Err(cx.error(a.span, format!("{} periods are more than {MOST}", last - first + 1)));
    }
    let starts: Vec<f64> = (first..=last).map(|key| along.start(key, every)).collect::<Result<_>>()?;
    let span = a.span;
    let item = |value: Val| Item { value, span };
    let expected = Array::arange_int(first, last + 1, 1);
    let groups = Args {
        name: a.name,
        span: a.span,
        slots: vec![
            ("array", Some(item(Val::Array(array.clone())))),
            ("by", Some(item(Val::Array(keys)))),
            ("func", a.take("func").or_else(|| Some(item(Val::Str("mean".into()))))),
            ("expected", Some(item(Val::Array(expected)))),
            ("axis", Some(item(Val::Scalar(crate::Weak::Int(at.into()))))),
        ],
        rest: Vec::new(),
    };
    let reduced = match ordered::groupby_reduce(cx, groups)? {
        Val::Array(reduced) => reduced.moveaxis(&[-1], &[at]),
        other => return Ok(other),
    };
    let name = array.dimensions()?.into_iter().nth(at as usize).flatten();
    let name = name.map_or_else(|| "time".to_string(), |d| d.name().to_string());
    let starts = Array::from(starts).annotate("units", &along.units).annotate("calendar", &along.calendar);
    let own = Dimension::new(&name).with_coordinates(move || Ok(starts.clone()));
    let known = reduced.clone();
    Ok(Val::Array(reduced.with_dimensions_by(move || {
        let mut all = known.dimensions().unwrap_or_default();
        if let Some(place) = all.get_mut(at as usize) {
            *place = Some(own.clone());
        }
        all
    })))
}

/// The times along an axis of an array.
fn times(cx: &Cx, span: Span, array: &Array, axis: usize) -> Result<Along> {
    let coordinates = array.coordinates_of(axis).map_err(|e| cx.at(span, e))?;
    let notes = coordinates.annotations()?;
    let calendar = notes.get("calendar").map_or("standard", String::as_str).to_string();
    let units = notes.get("units").cloned().unwrap_or_default();
    let times = Times::new(&units, &calendar).map_err(|e| {
        let what = format!("the coordinates along the axis are no times: {}", e.message());
        cx.error(span, what)
            .hint("times have units such as 'days since 2001-01-01', which with_units gives them")
    })?;
    Ok(Along { times, units, calendar, coordinates })
}

/// The number of the period of each element, and those that are one.
fn keys(cx: &Cx, span: Span, along: &Along, every: Every) -> Result<(Array, Vec<i64>)> {
    let part = |part: DatePart| -> Result<Vec<i64>> {
        let parts = along.coordinates.date_part(&along.units, &along.calendar, part);
        let all = cx.elements(span, &parts)?;
        Ok(all.scalars().filter_map(|v| i64::try_from(v.to_i128()?).ok()).collect())
    };
    let none = i64::MIN;
    let keys: Vec<i64> = match every {
        Every::Months(n, shift) => {
            let (years, months) = (part(DatePart::Year)?, part(DatePart::Month)?);
            let key = |(year, month): (&i64, &i64)| match *year == none || *month == none {
                true => none,
                // A season that begins in December is that of the next year's first months.
                false => (year * 12 + month - 1 - shift).div_euclid(n),
            };
            years.iter().zip(&months).map(key).collect()
        }
        Every::Milliseconds(n) => {
            let all = cx.elements(span, &along.coordinates)?;
            let key = |v: crate::Scalar| along.times.moment(v.to_f64()).map_or(none, |m| m.div_euclid(n));
            all.scalars().map(key).collect()
        }
    };
    let known = keys.iter().copied().filter(|key| *key != none).collect();
    Ok((Array::from(keys), known))
}

impl Along {
    /// The time at which a period begins.
    fn start(&self, key: i64, every: Every) -> Result<f64> {
        let moment = match every {
            Every::Milliseconds(n) => key * n,
            Every::Months(n, shift) => {
                let month = key * n + shift;
                let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
                let sign = if year < 0 { "-" } else { "" };
                self.times.period(&format!("{sign}{:04}-{month:02}", year.abs()))?.start
            }
        };
        Ok(self.times.time(moment))
    }
}
