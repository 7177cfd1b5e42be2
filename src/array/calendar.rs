//! Parts of dates: years, months and days of times that are counted from a reference, as CF has them
//! ("Time Coordinate", cfconventions.org, chapter 4.4).
//!
//! Times are brought to whole milliseconds and counted in whole numbers from there: the civil date of a day of the
//! Gregorian calendar by Howard Hinnant's `civil_from_days` ("chrono-Compatible Low-Level Date Algorithms").

use super::{Array, attempt};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::members::Members;
use crate::ops::elementwise::Op;
use std::panic::Location;

/// A part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatePart {
    /// The year.
    Year,
    /// The month, 1 to 12.
    Month,
    /// The day of the month, from 1 on.
    Day,
    /// The hour, 0 to 23.
    Hour,
    /// The minute, 0 to 59.
    Minute,
    /// The second, 0 to 59.
    Second,
    /// The day of the week, 0 (Monday) to 6.
    DayOfWeek,
    /// The quarter of the year, 1 to 4.
    Quarter,
    /// The season: 0 to 3, whose names ([`Array::members`]) are DJF, MAM, JJA and SON, the first letters of its months.
    Season,
    /// The day of the year, from 1 on.
    DayOfYear,
}

/// How days make years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calendar {
    Gregorian,
    /// So many days in each year.
    NoLeap,
    AllLeap,
    Days360,
}

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// The last year that a date has, and the first one, of which the sign is the other.
const FURTHEST: i64 = 1_000_000;
/// Milliseconds that times lie from their reference at most: some hundred million years.
const FAR: f64 = 4e18;
/// Days before each month of a year without a leap day.
const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
/// The first day of the Gregorian calendar, as a year, month and day, and the last of the Julian one.
const GREGORIAN: (i64, i64, i64) = (1582, 10, 15);
const LAST_JULIAN: (i64, i64, i64) = (1582, 10, 4);

/// From what times are counted, and in what.
struct Reference {
    /// Milliseconds of the unit.
    unit: f64,
    /// Milliseconds from the calendar's day 0 to the reference.
    offset: i64,
    calendar: Calendar,
    /// The first day that has a date, if not all have.
    first: Option<i64>,
}

impl Array {
    /// Part of the dates of times in `units` of a `calendar`, both as CF has them: `days since 2001-01-01 06:00`, `standard`.
    /// int64. Times are rounded to milliseconds. What is no date has the least int64, as NumPy's `NaT`: NaN and infinities,
    /// and in the calendar `standard` times before the Gregorian calendar, whose dates are Julian.
    ///
    /// ```
    /// use chunkwise::{Array, DatePart, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let time = Array::arange(0.0, 90.0, 30.0);
    /// let month = time.date_part("days since 2000-01-31", "standard", DatePart::Month);
    /// assert_eq!(Session::new()?.compute(&month)?.as_slice::<i64>()?, [1, 3, 3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Calendars: `standard`, `gregorian`, `proleptic_gregorian`, `noleap`, `365_day`, `all_leap`, `366_day`, `360_day`.
    ///
    /// Errors, when it is computed: `Value` for units that are no time since a reference, and a reference that is no date;
    /// `Unsupported` for another calendar.
    #[track_caller]
    pub fn date_part(&self, units: &str, calendar: &str, part: DatePart) -> Array {
        let reference = attempt!("date_part", Reference::parse(units, calendar));
        let of_day = match part {
            DatePart::Hour => Some((DAY, DAY / 24)),
            DatePart::Minute => Some((DAY / 24, 60_000)),
            DatePart::Second => Some((60_000, 1000)),
            _ => None,
        };
        // What the month says.
        let of_month = matches!(part, DatePart::Quarter | DatePart::Season);
        let asked = if of_month { DatePart::Month } else { part };
        let milliseconds = reference.milliseconds(self);
        let day = milliseconds.floor_divide(DAY);
        let parts = match (reference.calendar, of_day) {
            (_, Some((all, each))) => milliseconds.remainder(all).floor_divide(each),
            // 1970-01-01 was a Thursday; in the other calendars the year 0 begins with a Monday, as cftime has it.
            (calendar, _) if part == DatePart::DayOfWeek => match calendar {
                Calendar::Gregorian => (&day + 3i64).remainder(7i64),
                _ => day.remainder(7i64),
            },
            (Calendar::Gregorian, _) => gregorian(&day, asked),
            (Calendar::NoLeap, _) => even(&day, 365, asked),
            (Calendar::AllLeap, _) => even(&day, 366, asked),
            (Calendar::Days360, _) => {
                let in_year = day.remainder(360);
                match asked {
                    DatePart::Year => day.floor_divide(360),
                    DatePart::Month => in_year.floor_divide(30) + 1i64,
                    DatePart::Day => in_year.remainder(30) + 1i64,
                    _ => in_year + 1i64,
                }
            }
        };
        let parts = match part {
            DatePart::Quarter => (parts + 2i64).floor_divide(3i64),
            DatePart::Season => parts.remainder(12i64).floor_divide(3i64),
            _ => parts,
        };
        let parts = match attempt!("date_part", self.numbers()) {
            Some(numbers) => numbers.select(parts, i64::MIN),
            None => parts,
        };
        let parts = match reference.first {
            Some(first) => day.less(first).select(i64::MIN, parts),
            None => parts,
        };
        match part {
            DatePart::Season => {
                parts.with_members(Members::new((0..).zip(["DJF", "MAM", "JJA", "SON"].map(String::from))))
            }
            _ => parts,
        }
    }
}

impl Array {
    /// How times in `units` of a `calendar` ([`Array::date_part`]) lie to a date, which is a year, a month, a day or a
    /// moment: to its beginning, as NumPy's `datetime64`. The comparison is one of elementwise operations, as
    /// [`Op::LESS`]. Times are rounded to milliseconds. What is no time is only unequal.
    ///
    /// # Errors
    /// `Value` for what is no date, and those of [`Array::date_part`].
    #[track_caller]
    pub(crate) fn compared_to_date(
        &self,
        units: &str,
        calendar: &str,
        comparison: Op,
        date: &str,
    ) -> Result<Array> {
        let reference = Reference::parse(units, calendar)?;
        let at = moment(date, calendar)?;
        let found = Array::elementwise(comparison, &[reference.milliseconds(self).into(), at.into()]);
        Ok(match self.numbers()? {
            Some(numbers) if comparison == Op::NOT_EQUAL => numbers.logical_not() | found,
            Some(numbers) => numbers & found,
            None => found,
        })
    }

    /// Where floats are numbers; nothing of whole numbers, which all are.
    fn numbers(&self) -> Result<Option<Array>> {
        Ok(self.dtype()?.is_float().then(|| self.isfinite()))
    }
}

/// The date of a time in `units` of a `calendar`, as [`Array::date_part`] takes them: `2001-02-28`, with the time of the day
/// if that is not midnight, `2001-02-28T06:30:00`. Rounded to milliseconds.
///
/// ```
/// assert_eq!(chunkwise::date_of(59.25, "days since 2001-01-01", "noleap")?, "2001-03-01T06:00:00");
/// # Ok::<(), chunkwise::Error>(())
/// ```
///
/// # Errors
/// `Value` for what has no date, and for units that are no time since a reference; `Unsupported` for another calendar.
pub fn date_of(time: f64, units: &str, calendar: &str) -> Result<String> {
    let times = Times::new(units, calendar)?;
    let none = || Error::new(ErrorKind::Value, format!("{time} {units} has no date"));
    let milliseconds = times.moment(time).ok_or_else(none)?;
    let reference = times.reference;
    let (day, of_day) = (milliseconds.div_euclid(DAY), milliseconds.rem_euclid(DAY));
    if reference.first.is_some_and(|first| day < first) {
        return Err(none());
    }
    let (year, month, day) = match reference.calendar {
        Calendar::Gregorian => civil_from_days(day),
        Calendar::Days360 => {
            let in_year = day.rem_euclid(360);
            (day.div_euclid(360), in_year / 30 + 1, in_year % 30 + 1)
        }
        calendar => {
            let leap = i64::from(calendar == Calendar::AllLeap);
            let (year, in_year) = (day.div_euclid(365 + leap), day.rem_euclid(365 + leap));
            let began = |month: usize| BEFORE[month] + if month > 1 { leap } else { 0 };
            let month = (1..12).rev().find(|&m| began(m) <= in_year).unwrap_or(0);
            (year, month as i64 + 1, in_year - began(month) + 1)
        }
    };
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, thousandth) = (of_day / 1000 % 60, of_day % 1000);
    let date = format!("{year:04}-{month:02}-{day:02}");
    Ok(match (of_day, thousandth) {
        (0, _) => date,
        (_, 0) => format!("{date}T{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{date}T{hour:02}:{minute:02}:{second:02}.{thousandth:03}"),
    })
}

/// The time of a date in `units` of a `calendar`, of which [`date_of`] is the date. A year, a month or a day is its beginning.
///
/// ```
/// assert_eq!(chunkwise::time_of("2001-03-01T06:00", "days since 2001-01-01", "noleap")?, 59.25);
/// # Ok::<(), chunkwise::Error>(())
/// ```
///
/// # Errors
/// `Value` for what is no date of the calendar, and for units that are no time since a reference; `Unsupported` for another
/// calendar.
pub fn time_of(date: &str, units: &str, calendar: &str) -> Result<f64> {
    Ok(Times::new(units, calendar)?.time(moment(date, calendar)?))
}

/// The times of a variable, for dates that are looked up among them.
pub(crate) struct Times {
    reference: Reference,
    calendar: String,
}

/// How finely a date is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resolution {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

/// A date, with all that it is the beginning of: a year, a month, a day. Milliseconds from the calendar's day 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub start: i64,
    /// The first millisecond after it.
    pub end: i64,
    pub resolution: Resolution,
}

impl Times {
    /// Those in `units` of a `calendar` ([`Array::date_part`]).
    ///
    /// # Errors
    /// As [`time_of`].
    pub(crate) fn new(units: &str, calendar: &str) -> Result<Times> {
        Ok(Times { reference: Reference::parse(units, calendar)?, calendar: calendar.to_string() })
    }

    /// Milliseconds from the calendar's day 0 to a time; nothing for what is none.
    pub(crate) fn moment(&self, time: f64) -> Option<i64> {
        let since = (time * self.reference.unit).round();
        (since.abs() <= FAR).then(|| since as i64 + self.reference.offset)
    }

    /// The time of a moment.
    pub(crate) fn time(&self, moment: i64) -> f64 {
        (moment - self.reference.offset) as f64 / self.reference.unit
    }

    /// The date, and how long what it says lasts: `2001-02` to the end of February.
    ///
    /// # Errors
    /// `Value` for what is no date of the calendar.
    pub(crate) fn period(&self, date: &str) -> Result<Period> {
        let date = date.trim();
        let start = moment(date, &self.calendar)?;
        let (day, clock) = date.split_once(['T', ' ']).unwrap_or((date, ""));
        let (sign, unsigned) = day.strip_prefix('-').map_or((1, day), |rest| (-1, rest));
        let year_of = |text: &str| text.parse::<i64>().ok().map(|year| sign * year);
        let begins = |year: i64, month: i64| {
            let sign = if year < 0 { "-" } else { "" };
            moment(&format!("{sign}{:04}-{month:02}", year.abs()), &self.calendar)
        };
        // A calendar's first years can have none before or after them, which end with their days.
        let month = 31 * DAY;
        Ok(match unsigned.split_once('-') {
            None => {
                let end = year_of(unsigned).map_or(Ok(start + 366 * DAY), |year| begins(year + 1, 1));
                Period { start, end: end.unwrap_or(start + 366 * DAY), resolution: Resolution::Year }
            }
            Some((year, of_year)) if !of_year.contains('-') => {
                let end = match (year_of(year), of_year.parse::<i64>()) {
                    (Some(year), Ok(12)) => begins(year + 1, 1),
                    (Some(year), Ok(of_year)) => begins(year, of_year + 1),
                    _ => Ok(start + month),
                };
                Period { start, end: end.unwrap_or(start + month), resolution: Resolution::Month }
            }
            Some(_) => {
                let clock =
                    without_zone(clock.trim().trim_end_matches(['Z', 'z'])).map_or(clock, |(clock, _)| clock);
                let (resolution, lasts) = match clock.matches(':').count() {
                    _ if clock.is_empty() => (Resolution::Day, DAY),
                    0 => (Resolution::Hour, DAY / 24),
                    1 => (Resolution::Minute, 60_000),
                    _ if clock.contains('.') => (Resolution::Millisecond, 1),
                    _ => (Resolution::Second, 1000),
                };
                Period { start, end: start + lasts, resolution }
            }
        })
    }

    /// How finely moments are told apart, a day at least.
    pub(crate) fn resolution(moments: impl Iterator<Item = i64>) -> Resolution {
        let of = |moment: i64| match moment {
            _ if moment % DAY == 0 => Resolution::Day,
            _ if moment % (DAY / 24) == 0 => Resolution::Hour,
            _ if moment % 60_000 == 0 => Resolution::Minute,
            _ if moment % 1000 == 0 => Resolution::Second,
            _ => Resolution::Millisecond,
        };
        moments.map(of).max().unwrap_or(Resolution::Day)
    }
}

/// Milliseconds from the calendar's day 0 to a date.
fn moment(date: &str, calendar: &str) -> Result<i64> {
    let day = match date.trim_start_matches('-').matches('-').count() {
        0 if date.len() >= 4 => format!("{date}-01-01"),
        1 => format!("{date}-01"),
        _ => date.to_string(),
    };
    // An hour alone is a clock too.
    let at = Reference::parse(&format!("seconds since {day}"), calendar);
    let at = at.map_err(|_| {
        Error::new(ErrorKind::Value, format!("'{date}' is no date of the calendar '{calendar}'"))
            .hint("write a date as in '2001-02-28', '2001-02', '2001' or '2001-02-28 06:00'")
    })?;
    Ok(at.offset)
}

/// Whether units are a time since a reference, in this calendar.
pub(super) fn are_times(units: &str, calendar: &str) -> bool {
    Reference::parse(units, calendar).is_ok()
}

/// Times in `from` as they are in `to`, both of one calendar; nothing if one of them is no time. Whole numbers stay whole
/// where every one of them is a whole number of the other units too.
#[track_caller]
pub(super) fn recounted(times: &Array, from: &str, to: &str, calendar: &str) -> Option<Array> {
    let (from, to) = (Reference::parse(from, calendar).ok()?, Reference::parse(to, calendar).ok()?);
    let apart = from.offset.checked_sub(to.offset)?;
    // Units are whole milliseconds.
    let (each, unit) = (from.unit as i64, to.unit as i64);
    let is_whole =
        times.dtype().is_ok_and(|dtype| !dtype.is_float()) && each % unit == 0 && apart % unit == 0;
    Some(match is_whole {
        true if each == unit => times.cast(DType::I64) + apart / unit,
        true => times.cast(DType::I64) * (each / unit) + apart / unit,
        false if each == unit => times.cast(DType::F64) + apart as f64 / to.unit,
        false => (times.cast(DType::F64) * from.unit + apart as f64) / to.unit,
    })
}

/// Of days since 1970-01-01.
#[track_caller]
fn gregorian(day: &Array, part: DatePart) -> Array {
    // Years begin with March, so that the leap day is their last.
    let day = day + 719_468i64;
    let era = day.floor_divide(146_097i64);
    let of_era = &day - &era * 146_097i64;
    let correction =
        of_era.floor_divide(1460i64) - of_era.floor_divide(36_524i64) + of_era.floor_divide(146_096i64);
    let year_of_era = (&of_era - correction).floor_divide(365i64);
    let before = &year_of_era * 365i64 + year_of_era.floor_divide(4i64) - year_of_era.floor_divide(100i64);
    let of_year = of_era - before;
    let shifted = (&of_year * 5i64 + 2i64).floor_divide(153i64);
    let month = shifted.less(10i64).select(&shifted + 3i64, &shifted - 9i64);
    let year = year_of_era + era * 400i64 + month.less_equal(2i64).cast(DType::I64);
    match part {
        DatePart::Year => year,
        DatePart::Month => month,
        DatePart::Day => of_year - (shifted * 153i64 + 2i64).floor_divide(5i64) + 1i64,
        _ => {
            let leap = year.remainder(4i64).equal(0i64)
                & (year.remainder(100i64).not_equal(0i64) | year.remainder(400i64).equal(0i64));
            // March 1 is day 60, or 61 of a leap year; January 1 lies 306 days after March 1.
            let from_march = &of_year + 60i64 + leap.cast(DType::I64);
            of_year.less(306i64).select(from_march, of_year - 305i64)
        }
    }
}

/// Of days since the first of a year 0, where all years have `length` days.
#[track_caller]
fn even(day: &Array, length: i64, part: DatePart) -> Array {
    let in_year = day.remainder(length);
    let leap = length - 365;
    // How many months began before, and the days before the one that is.
    let began = |month: usize| BEFORE[month] + if month > 1 { leap } else { 0 };
    let mut month = Array::scalar(1i64);
    let mut first = Array::scalar(0i64);
    for m in 1..12 {
        let there = in_year.greater_equal(began(m));
        first = there.select(began(m), first);
        month = month + there.cast(DType::I64);
    }
    match part {
        DatePart::Year => day.floor_divide(length),
        DatePart::Month => month,
        DatePart::Day => in_year - first + 1i64,
        _ => in_year + 1i64,
    }
}

impl Reference {
    /// Milliseconds from the calendar's day 0.
    #[track_caller]
    fn milliseconds(&self, times: &Array) -> Array {
        // What is further away stays on its side of all dates.
        (times.cast(DType::F64) * self.unit).rint().clip(-FAR, FAR).cast(DType::I64) + self.offset
    }

    fn parse(units: &str, calendar: &str) -> Result<Reference> {
        let wrong = |what: String| {
            Error::new(ErrorKind::Value, what).hint("write units as in 'days since 2001-01-01 00:00'")
        };
        let name = calendar.trim().to_ascii_lowercase();
        let calendar = match name.as_str() {
            "standard" | "gregorian" | "proleptic_gregorian" | "" => Calendar::Gregorian,
            "noleap" | "365_day" => Calendar::NoLeap,
            "all_leap" | "366_day" => Calendar::AllLeap,
            "360_day" => Calendar::Days360,
            _ => {
                let e = Error::new(ErrorKind::Unsupported, format!("the calendar '{name}'"));
                return Err(e.hint("standard, proleptic_gregorian, noleap, all_leap and 360_day are there"));
            }
        };
        let (unit, since) = units
            .split_once(" since ")
            .ok_or_else(|| wrong(format!("'{units}' is no time since a reference")))?;
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "days" | "day" | "d" => 86_400_000.0,
            "hours" | "hour" | "hrs" | "hr" | "h" => 3_600_000.0,
            "minutes" | "minute" | "mins" | "min" => 60_000.0,
            "seconds" | "second" | "secs" | "sec" | "s" => 1000.0,
            "milliseconds" | "millisecond" | "msecs" | "msec" | "ms" => 1.0,
            _ => return Err(wrong(format!("'{unit}' is no unit of time here"))),
        };
        let date = || wrong(format!("'{since}' is no date"));
        let since = since.trim().trim_end_matches(['Z', 'z']).trim_end_matches("UTC").trim();
        let (day, time) = since.split_once([' ', 'T']).unwrap_or((since, ""));
        let (negative, unsigned) = day.strip_prefix('-').map_or((false, day), |rest| (true, rest));
        let [year, month, day_of_month] =
            numbers::<i64>(unsigned, '-').and_then(|n| n.try_into().ok()).ok_or_else(date)?;
        // Further away no sum of milliseconds would be told from any other.
        if year > FURTHEST {
            return Err(date());
        }
        let year = if negative { -year } else { year };
        let (time, from_utc) = without_zone(time.trim()).ok_or_else(date)?;
        let clock = if time.is_empty() { vec![0.0] } else { numbers::<f64>(time, ':').ok_or_else(date)? };
        let most = match (calendar, month) {
            (Calendar::Days360, _) => 30,
            (Calendar::NoLeap, 2) => 28,
            (Calendar::Gregorian, 2) => days_from_civil(year, 3, 1) - days_from_civil(year, 2, 1),
            (Calendar::AllLeap, 2) => 29,
            (_, 4 | 6 | 9 | 11) => 30,
            _ => 31,
        };
        // Only seconds have a fraction.
        let counts = |(i, n): (usize, &f64)| (0.0..=60.0).contains(n) && (i == 2 || n.fract() == 0.0);
        if !(1..=12).contains(&month)
            || !(1..=most).contains(&day_of_month)
            || clock.len() > 3
            || !clock.iter().enumerate().all(counts)
        {
            return Err(date());
        }
        let (first_year, first_month, first_day) = GREGORIAN;
        let mixed = calendar == Calendar::Gregorian && name != "proleptic_gregorian";
        // Before the Gregorian calendar a date is one of the Julian calendar, and there is no year 0.
        let is_julian = mixed && (year, month, day_of_month) < GREGORIAN;
        if is_julian && (year < 1 || (year, month, day_of_month) > LAST_JULIAN) {
            return Err(date());
        }
        let leap = |extra: i64| BEFORE[month as usize - 1] + if month > 2 { extra } else { 0 };
        let days = match calendar {
            _ if is_julian => days_from_julian(year, month, day_of_month),
            Calendar::Gregorian => days_from_civil(year, month, day_of_month),
            Calendar::NoLeap => year * 365 + leap(0) + day_of_month - 1,
            Calendar::AllLeap => year * 366 + leap(1) + day_of_month - 1,
            Calendar::Days360 => year * 360 + (month - 1) * 30 + day_of_month - 1,
        };
        let since_midnight =
            clock.iter().zip([3_600_000.0, 60_000.0, 1000.0]).map(|(n, each)| n * each).sum::<f64>();
        let first = mixed.then(|| days_from_civil(first_year, first_month, first_day));
        Ok(Reference { unit, offset: days * DAY + since_midnight.round() as i64 - from_utc, calendar, first })
    }
}

/// A time of day without its offset from UTC, and that in milliseconds: `+02:00`, `-0730`, `+05`.
fn without_zone(time: &str) -> Option<(&str, i64)> {
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (clock, zone) = time.split_at(at);
    let (sign, zone) = match zone.strip_prefix('-') {
        Some(west) => (-1, west),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = match zone.split_once(':') {
        Some(both) => both,
        None if zone.len() > 2 => zone.split_at_checked(zone.len() - 2)?,
        None => (zone, "0"),
    };
    let whole = |text: &str| text.parse::<u8>().ok().map(i64::from).filter(|n| *n < 60);
    let minutes = whole(hours).filter(|h| *h < 24)? * 60 + whole(minutes)?;
    // cftime takes no offset of one digit, and UDUNITS does: only nothing is the same for both.
    (hours.len() == 2 || minutes == 0).then_some((clock.trim(), sign * minutes * 60_000))
}

/// Days from 1970-01-01 to a date of the Julian calendar, by its Julian day number (Richards, Explanatory Supplement to the
/// Astronomical Almanac, chapter 15).
fn days_from_julian(year: i64, month: i64, day: i64) -> i64 {
    let before_march = (14 - month) / 12;
    let (year, month) = (year + 4800 - before_march, month + 12 * before_march - 3);
    day + (153 * month + 2) / 5 + 365 * year + year / 4 - 32_083 - 2_440_588
}

/// Numbers with a sign between them.
fn numbers<T: std::str::FromStr>(text: &str, by: char) -> Option<Vec<T>> {
    text.split(by).map(|n| n.parse().ok()).collect()
}

/// The date of the Gregorian calendar of a day since 1970-01-01 (Hinnant's `civil_from_days`).
fn civil_from_days(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant's `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
