//! Ticks of an axis of times: at round dates of its calendar.

use super::ticks::{Tick, Ticks};
use chunkwise::{date_of, time_of};

/// The units and the calendar of times.
#[derive(Clone, Debug)]
pub struct Times {
    pub units: String,
    pub calendar: String,
}

/// Months and parts of a day between ticks, and how long these are in days, about.
const MONTHS: [(u32, f64); 4] = [(1, 30.0), (2, 60.0), (3, 90.0), (6, 180.0)];
const DAYS: [f64; 12] = [
    1.0 / 1440.0,
    5.0 / 1440.0,
    15.0 / 1440.0,
    0.5 / 24.0,
    1.0 / 24.0,
    3.0 / 24.0,
    6.0 / 24.0,
    12.0 / 24.0,
    1.0,
    2.0,
    5.0,
    10.0,
];
/// The most ticks whose texts have a month and a day, or more.
const LONG: usize = 5;
/// The share of an axis at its end that has none of these.
const END: f64 = 0.06;

impl Times {
    /// If times in these units have dates.
    pub fn of(units: Option<&str>, calendar: Option<&str>) -> Option<Times> {
        let times = Times { units: units?.to_string(), calendar: calendar.unwrap_or("standard").to_string() };
        times.date(0.0).map(|_| times)
    }

    fn date(&self, time: f64) -> Option<String> {
        date_of(time, &self.units, &self.calendar).ok()
    }

    fn time(&self, date: &str) -> Option<f64> {
        time_of(date, &self.units, &self.calendar).ok()
    }

    fn year(&self, time: f64) -> Option<i64> {
        let date = self.date(time)?;
        let (sign, rest) = date.strip_prefix('-').map_or((1, date.as_str()), |rest| (-1, rest));
        rest.split('-').next()?.parse().ok().map(|year: i64| sign * year)
    }

    /// At most `most` ticks from `low` to `high`; nothing where one of them has no date, or where no two round dates lie
    /// between them.
    pub fn ticks(&self, low: f64, high: f64, most: usize) -> Option<Ticks> {
        let day = self.time("2001-01-02")? - self.time("2001-01-01")?;
        let (first, last) = (self.year(low)?, self.year(high)?);
        let days = (high - low) / day;
        let fits = |step: f64, most: usize| days / step < most as f64;
        let ticks = if let Some(step) = DAYS.iter().find(|step| fits(**step, most.min(LONG))) {
            self.by_day(low, high, day, *step)?
        } else if let Some((step, _)) = MONTHS.iter().find(|step| fits(step.1, most)) {
            let dates = (first..=last).flat_map(|year| {
                (1..=12).step_by(*step as usize).map(move |month| format!("{year:04}-{month:02}"))
            });
            self.at(low, high, dates, "-01")
        } else {
            let tens = (0..10).flat_map(|p| [1, 2, 5].map(|s: i64| s * 10_i64.pow(p)));
            let step = tens.into_iter().find(|step| fits(*step as f64 * 365.0, most))?;
            let years = (first.div_euclid(step)..=last.div_euclid(step)).map(|n| format!("{:04}", n * step));
            self.at(low, high, years, "-01-01")
        };
        (ticks.major.len() > 1).then_some(ticks)
    }

    /// At dates, each the begin of a text with what is left out behind it.
    fn at(&self, low: f64, high: f64, texts: impl Iterator<Item = String>, rest: &str) -> Ticks {
        let tick = |text: String| {
            let at = self.time(&format!("{text}{rest}"))?;
            (low..=high).contains(&at).then_some(Tick { at, text })
        };
        Ticks { major: texts.filter_map(tick).collect(), ..Ticks::default() }
    }

    /// Every so many days, or so many parts of one, from midnight on.
    fn by_day(&self, low: f64, high: f64, day: f64, step: f64) -> Option<Ticks> {
        let midnight = self.time(self.date(low)?.get(..10)?)?;
        let places = (0..).map(|k| midnight + f64::from(k) * step * day);
        // Their texts are long, and one at the very end would be cut off.
        let last = high - END * (high - low);
        let places = places.skip_while(|at| *at < low).take_while(|at| *at <= last);
        let text = |at: f64| {
            let date = self.date(at)?;
            Some(match (step < 1.0, date.split_once('T')) {
                (false, _) => date.get(..10)?.to_string(),
                (true, Some((date, clock))) => format!("{} {}", date.get(5..)?, clock.get(..5)?),
                (true, None) => format!("{} 00:00", date.get(5..)?),
            })
        };
        let major = places.map(|at| Some(Tick { at, text: text(at)? })).collect::<Option<_>>()?;
        Some(Ticks { major, ..Ticks::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(units: &str, calendar: &str, from: &str, to: &str) -> Vec<String> {
        let times = Times::of(Some(units), Some(calendar)).expect("units of times");
        let (low, high) = (times.time(from).expect("a date"), times.time(to).expect("a date"));
        let ticks = times.ticks(low, high, 9).expect("ticks");
        assert!(
            ticks.major.len() <= 9 && ticks.major.iter().all(|t| low <= t.at && t.at <= high),
            "{ticks:?}"
        );
        ticks.major.into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn ticks_are_round_dates_whatever_the_units() {
        for units in ["hours since 1900-01-01", "days since 2000-06-15 12:00", "seconds since 1970-01-01"] {
            let of = |from, to| texts(units, "standard", from, to);
            let years = ["1860", "1880", "1900", "1920", "1940", "1960", "1980", "2000"];
            assert_eq!(of("1850-01-01", "2015-01-01"), years);
            assert_eq!(
                of("2000-02-01", "2002-01-15"),
                ["2000-04", "2000-07", "2000-10", "2001-01", "2001-04", "2001-07", "2001-10", "2002-01"]
            );
            assert_eq!(
                of("2000-02-25", "2000-03-03"),
                ["2000-02-25", "2000-02-27", "2000-02-29", "2000-03-02"]
            );
            assert_eq!(
                of("2000-02-28 05:00", "2000-02-29 01:00"),
                ["02-28 06:00", "02-28 12:00", "02-28 18:00"]
            );
        }
        assert_eq!(
            texts("days since 0001-01-01", "360_day", "2001-02-29", "2001-03-02"),
            ["2001-02-29", "2001-02-30", "2001-03-01"]
        );
    }
}
