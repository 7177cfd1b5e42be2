//! Parts of dates beside cftime's (`tests/goldens/make_dates.py`), and what is no date.

mod common;

use chunkwise::expr::{Expression, Scope};
use chunkwise::{Array, DType, DatePart, ErrorKind, date_of};
use common::{golden, session};
use ndarray::Array1;
use serde_json::Value;

const PARTS: [(&str, DatePart); 8] = [
    ("year", DatePart::Year),
    ("month", DatePart::Month),
    ("day", DatePart::Day),
    ("hour", DatePart::Hour),
    ("dayofyear", DatePart::DayOfYear),
    ("minute", DatePart::Minute),
    ("second", DatePart::Second),
    ("weekday", DatePart::DayOfWeek),
];

fn times(case: &Value) -> Vec<f64> {
    case["times"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// A part of the dates of all times.
fn part_of(case: &Value, name: &str) -> Vec<i64> {
    case[name].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
}

#[test]
fn dates_are_those_of_cftime() {
    let golden = golden("dates.json");
    let session = session(1, "64MiB");
    let mut seen = 0;
    for case in golden.as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let time = Array::from_ndarray(Array1::from_vec(times(case)));
        for (name, part) in PARTS {
            let parts = time.date_part(text("units"), text("calendar"), part);
            let got = session.compute(&parts).unwrap();
            let wanted = part_of(case, name);
            let what = format!("{name}, {}, {}", text("units"), text("calendar"));
            assert_eq!(got.as_slice::<i64>().unwrap(), wanted, "{what}: {}", case["times"]);
            seen += wanted.len();
        }
        for (i, v) in times(case).into_iter().enumerate() {
            let part = |name: &str| case[name][i].as_i64().unwrap();
            let [y, m, d] = ["year", "month", "day"].map(part);
            let clock = ["hour", "minute", "second"].map(part);
            let said = date_of(v, text("units"), text("calendar")).unwrap();
            let (date, time) = said.split_once('T').unwrap_or((&said, "00:00:00"));
            assert_eq!(date, format!("{y:04}-{m:02}-{d:02}"), "{v} {}", text("units"));
            assert_eq!(
                time[..8],
                format!("{:02}:{:02}:{:02}", clock[0], clock[1], clock[2]),
                "{v} {}",
                text("units")
            );
        }
    }
    assert!(seen > 4000, "{seen}");
}

#[test]
fn what_is_no_date_is_an_error() {
    let time = Array::arange(0.0, 3.0, 1.0);
    for (units, calendar, kind) in [
        ("K", "standard", ErrorKind::Value),
        ("days", "standard", ErrorKind::Value),
        ("months since 2001-01-01", "standard", ErrorKind::Value),
        ("days since 2001-13-01", "standard", ErrorKind::Value),
        ("days since 2001-02-29", "standard", ErrorKind::Value),
        ("days since 2000-02-29", "noleap", ErrorKind::Value),
        ("days since 2000-01-31", "360_day", ErrorKind::Value),
        ("days since 2001.5-01-01", "standard", ErrorKind::Value),
        ("days since 2001-01-01 0.5:00", "standard", ErrorKind::Value),
        (" since 2001-01-01", "standard", ErrorKind::Value),
        ("m since 2001-01-01", "standard", ErrorKind::Value),
        ("days since yesterday", "standard", ErrorKind::Value),
        ("days since 9223372036854775807-02-01", "standard", ErrorKind::Value),
        ("days since -9223372036854775807-01-01", "noleap", ErrorKind::Value),
        ("seconds since 1000001-01-01", "360_day", ErrorKind::Value),
        ("days since 2001-01-01 25:99", "standard", ErrorKind::Value),
        ("days since 2001-01-01 00:00 +2a", "standard", ErrorKind::Value),
        ("days since 2001-01-01 00:00 -7:30", "standard", ErrorKind::Value),
        ("days since 2001-01-01 00:00 +25:00", "standard", ErrorKind::Value),
        ("days since 1582-10-10", "standard", ErrorKind::Value),
        ("days since 0000-01-01", "standard", ErrorKind::Value),
        ("days since 2001-01-01", "julian", ErrorKind::Unsupported),
    ] {
        let e = time.date_part(units, calendar, DatePart::Year).check().unwrap_err();
        assert_eq!(e.kind(), kind, "{units} {calendar}: {e}");
    }
    let proleptic = time.date_part("days since 1000-01-01", "proleptic_gregorian", DatePart::Year);
    assert!(proleptic.check().is_ok());
}

/// What has no date is told from all that have one; fractions of seconds count.
#[test]
fn what_is_no_time_has_no_date() {
    let session = session(1, "64MiB");
    let time = Array::from_ndarray(ndarray::array![0.0, f64::NAN, f64::INFINITY, -200_000.0]);
    for (calendar, early) in [("standard", i64::MIN), ("proleptic_gregorian", 1453)] {
        let years = time.date_part("days since 2001-01-31", calendar, DatePart::Year);
        let got = session.compute(&years).unwrap();
        assert_eq!(got.as_slice::<i64>().unwrap(), [2001, i64::MIN, i64::MIN, early]);
    }
    let halves = Array::from_ndarray(ndarray::array![0.0, 0.5]);
    let day = halves.date_part("seconds since 2001-01-31 23:59:59.5", "noleap", DatePart::Day);
    assert_eq!(session.compute(&day).unwrap().as_slice::<i64>().unwrap(), [31, 1]);
}

/// Units and calendar are those of the variable.
#[test]
fn a_climatology_by_months() {
    let day = Array::arange(0.0, 360.0, 1.0).annotate("units", "days since 2000-01-01");
    let mut scope = Scope::new();
    scope.define("time", day.annotate("calendar", "360_day"));
    scope.define("t", Array::arange_int(0, 360, 1).reshape(&[360, 1]));
    let session = session(1, "64MiB");
    let mean = Expression::parse("groupby_reduce(t, month(time), 'mean', axis=0)").unwrap();
    let mean = mean.array(&scope).unwrap();
    let wanted: Vec<f64> = (0..12).map(|m| f64::from(m) * 30.0 + 14.5).collect();
    assert_eq!(session.compute(&mean).unwrap().as_slice::<f64>().unwrap(), wanted);
    scope.define("bare", Array::zeros(&[3], DType::F64));
    let e = Expression::parse("month(bare)").unwrap().array(&scope).unwrap_err();
    let said = e.to_string();
    assert!(said.contains("times without units") && said.contains("units='days since"), "{e}");
}

/// Times lie to the midnights of all dates as the parts of their dates, which are cftime's, do.
#[test]
fn times_are_compared_with_dates() {
    let golden = golden("dates.json");
    let session = session(1, "64MiB");
    let mut seen = 0;
    for case in golden.as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let times = times(case);
        let parts = ["year", "month", "day", "hour", "minute", "second"].map(|name| part_of(case, name));
        let date = |i: usize| parts.iter().map(|part| part[i]).collect::<Vec<i64>>();
        let time = Array::from_ndarray(Array1::from_vec(times.clone()));
        let time = time.annotate("units", text("units")).annotate("calendar", text("calendar"));
        let mut scope = Scope::new();
        scope.define("t", time);
        for at in [0, 7, 30] {
            let d = date(at);
            for (written, start) in [
                (format!("{:04}-{:02}-{:02}", d[0], d[1], d[2]), [d[0], d[1], d[2], 0, 0, 0]),
                (
                    format!("{:04}-{:02}-{:02}T{:02}:{:02}", d[0], d[1], d[2], d[3], d[4]),
                    [d[0], d[1], d[2], d[3], d[4], 0],
                ),
                (format!("{:04}-{:02}", d[0], d[1]), [d[0], d[1], 1, 0, 0, 0]),
                (format!("{:04}", d[0]), [d[0], 1, 1, 0, 0, 0]),
            ] {
                let less: Vec<bool> = (0..times.len()).map(|i| date(i)[..] < start[..]).collect();
                for (expression, negated) in [
                    (format!("t < '{written}'"), false),
                    (format!("'{written}' > t"), false),
                    (format!("t >= '{written}'"), true),
                    (format!("'{written}' <= t"), true),
                ] {
                    let found = Expression::parse(&expression).unwrap().array(&scope).unwrap();
                    let found = session.compute(&found).unwrap();
                    let wanted: Vec<bool> = less.iter().map(|less| *less != negated).collect();
                    let what = format!("{expression}, {}, {}", text("units"), text("calendar"));
                    assert_eq!(found.as_slice::<bool>().unwrap(), wanted, "{what}");
                    seen += wanted.len();
                }
            }
        }
    }
    assert!(seen > 50_000, "{seen}");
}

#[test]
fn a_date_is_compared_with_times_alone() {
    let mut scope = Scope::new();
    let time = Array::from_ndarray(ndarray::array![0.0, 31.0, f64::NAN]);
    scope.define("t", time.annotate("units", "days since 2001-01-01"));
    scope.define("x", Array::arange(0.0, 3.0, 1.0).annotate("units", "K"));
    let session = session(1, "64MiB");
    let bools = |text: &str| {
        let array = Expression::parse(text).unwrap().array(&scope).unwrap();
        session.compute(&array).unwrap().as_slice::<bool>().unwrap().to_vec()
    };
    // What is no time is only unequal.
    assert_eq!(bools("t == '2001-02'"), [false, true, false]);
    assert_eq!(bools("t != '2001-02-01 00:00'"), [true, false, true]);
    assert_eq!(bools("(t >= '2001') & (t <= '2001-01-31')"), [true, false, false]);
    // Times beyond all dates are on their side of them.
    let mut far = Scope::new();
    let beyond = Array::from_ndarray(ndarray::array![1e300, -1e300, f64::INFINITY]);
    far.define("t", beyond.annotate("units", "days since 2001-01-01"));
    let after = Expression::parse("t > '2500'").unwrap().array(&far).unwrap();
    assert_eq!(session.compute(&after).unwrap().as_slice::<bool>().unwrap(), [true, false, false]);
    assert!(date_of(1e300, "days since 2001-01-01", "standard").is_err());
    let error = |text: &str| Expression::parse(text).unwrap().array(&scope).unwrap_err().to_string();
    for date in ["2001-02-30", "yesterday", "2001-13", "12"] {
        let said = error(&format!("t < '{date}'"));
        assert!(said.contains("is no date") && said.contains("2001-02-28"), "{said}");
    }
    assert!(error("x < '2001'").contains("strings are compared"), "{}", error("x < '2001'"));
}
