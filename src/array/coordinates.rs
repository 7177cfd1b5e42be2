//! Elements by the coordinates of an axis, as xarray's `sel` finds them.

use super::calendar::{Period, Times};
use super::{Array, Index, date_of};
use crate::dtype::{DType, Scalar, Weak};
use crate::error::{Error, ErrorKind, Result};
use std::cmp::Ordering;

/// What is looked up along an axis.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Label {
    /// The element at a coordinate. The axis goes away.
    At(Weak),
    /// The element at a date, or all of a year, a month, a day that is said less finely than the coordinates tell times apart:
    /// `2001-02`.
    Date(String),
    /// All elements between two coordinates, or dates, with both of them and in the order that they have; every `step`th.
    Between {
        /// One end, `None` for that of the axis.
        from: Option<Box<Label>>,
        /// The other end, to the end of the period that a date says.
        to: Option<Box<Label>>,
        /// Which of them.
        step: u64,
    },
    /// Elements at these coordinates, in this order.
    Each(Vec<Label>),
}

impl From<f64> for Label {
    fn from(at: f64) -> Label {
        Label::At(Weak::Float(at))
    }
}
impl From<i64> for Label {
    fn from(at: i64) -> Label {
        Label::At(Weak::Int(at.into()))
    }
}
impl From<&str> for Label {
    fn from(date: &str) -> Label {
        Label::Date(date.to_string())
    }
}
impl<L: Into<Label>> From<std::ops::RangeInclusive<L>> for Label {
    fn from(range: std::ops::RangeInclusive<L>) -> Label {
        let (from, to) = range.into_inner();
        Label::Between { from: Some(Box::new(from.into())), to: Some(Box::new(to.into())), step: 1 }
    }
}
impl<L: Into<Label>> From<Vec<L>> for Label {
    fn from(labels: Vec<L>) -> Label {
        Label::Each(labels.into_iter().map(Into::into).collect())
    }
}

/// What is taken where no element is at a coordinate, in pandas' words. A range, and a date that says less than the coordinates
/// tell apart, have what lies in them whatever the method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelMethod {
    /// Nothing: that is an error.
    #[default]
    Exact,
    /// The nearest one; of two, the larger.
    Nearest,
    /// The nearest one that is not larger (`ffill`).
    Pad,
    /// The nearest one that is not smaller (`bfill`).
    Backfill,
}

/// The coordinates along an axis.
pub(crate) struct Coordinates<'a> {
    name: &'a str,
    dtype: DType,
    values: Vec<Scalar>,
    /// Units and calendar of times.
    times: Option<(Times, &'a str, &'a str)>,
    moments: Vec<Option<i64>>,
}

/// Where labels are.
enum Found {
    One(usize),
    Several(Vec<usize>),
}

/// A label that is compared.
#[derive(Clone, Copy)]
enum Point {
    Number(Weak),
    Moment(i64),
}

fn as_f64(number: Weak) -> f64 {
    match number {
        Weak::Bool(v) => f64::from(u8::from(v)),
        Weak::Int(v) => v as f64,
        Weak::Float(v) => v,
    }
}

/// A number as it was said.
fn told(number: Weak) -> String {
    match number {
        Weak::Bool(v) => v.to_string(),
        Weak::Int(v) => v.to_string(),
        Weak::Float(v) => v.to_string(),
    }
}

impl Array {
    /// Elements along an axis: a slice where they follow each other at one distance, so that each chunk is wanted once.
    #[track_caller]
    pub(crate) fn at_positions(&self, positions: &[i64], axis: usize) -> Array {
        let step = if let [first, second, ..] = positions { second - first } else { 1 };
        let even = step > 0 && positions.windows(2).all(|pair| pair[1] - pair[0] == step);
        match (positions, even) {
            ([first, .., last] | [first @ last], true) => {
                let mut index = vec![Index::ALL; axis + 1];
                index[axis] = Index::Slice { start: Some(*first), stop: Some(*last + 1), step };
                self.index(index)
            }
            _ => self.take(positions, axis as i64),
        }
    }
}

impl<'a> Coordinates<'a> {
    /// Those of an axis called `name`: an array of one axis, and its elements.
    ///
    /// # Errors
    /// As [`Array::check`].
    pub(crate) fn new(name: &'a str, array: &'a Array, values: Vec<Scalar>) -> Result<Coordinates<'a>> {
        let notes = array.annotations()?;
        let units = notes.get("units").map(String::as_str);
        let calendar = notes.get("calendar").map_or("standard", String::as_str);
        let times = units.and_then(|units| Some((Times::new(units, calendar).ok()?, units, calendar)));
        let moments = match &times {
            Some((times, ..)) => values.iter().map(|v| times.moment(v.to_f64())).collect(),
            None => Vec::new(),
        };
        Ok(Coordinates { name, dtype: array.dtype()?, values, times, moments })
    }

    /// The elements of `array` along `axis` that a label says.
    ///
    /// # Errors
    /// `NotFound` where none is; `Value` for a date where there are no times, or that is none.
    #[track_caller]
    pub(crate) fn sel(&self, array: &Array, axis: usize, label: &Label, method: SelMethod) -> Result<Array> {
        let found = self.find(label, method)?;
        let mut index = vec![Index::ALL; axis + 1];
        let several = match &found {
            Found::One(at) => {
                index[axis] = Index::At(*at as i64);
                return Ok(array.index(index));
            }
            Found::Several(several) => several,
        };
        let several: Vec<i64> = several.iter().map(|&at| at as i64).collect();
        Ok(array.at_positions(&several, axis))
    }

    fn find(&self, label: &Label, method: SelMethod) -> Result<Found> {
        match label {
            Label::At(number) => {
                Ok(Found::One(self.one(Point::Number(*number), &|| told(*number), method)?))
            }
            Label::Date(date) => {
                let period = self.period(date)?;
                let finest = Times::resolution(self.moments.iter().flatten().copied());
                if period.resolution >= finest {
                    return Ok(Found::One(self.one(
                        Point::Moment(period.start),
                        &|| date.clone(),
                        method,
                    )?));
                }
                let within = |moment: &i64| (period.start..period.end).contains(moment);
                let all: Vec<usize> =
                    self.positions(|at| self.moments[at].as_ref().is_some_and(within)).collect();
                if all.is_empty() {
                    return Err(self.none(format!("is in {date}")));
                }
                Ok(Found::Several(all))
            }
            Label::Between { from, to, step } => self.between(from.as_deref(), to.as_deref(), *step),
            Label::Each(labels) => {
                let mut all = Vec::with_capacity(labels.len());
                for label in labels {
                    match self.find(label, method)? {
                        Found::One(at) => all.push(at),
                        Found::Several(several) => all.extend(several),
                    }
                }
                Ok(Found::Several(all))
            }
        }
    }

    fn between(&self, from: Option<&Label>, to: Option<&Label>, step: u64) -> Result<Found> {
        /// Both ends of what a label says, and whether the last one is of it.
        type Ends = (Point, Point, bool);
        let ends = |label: &Label| -> Result<Ends> {
            match label {
                Label::At(number) => Ok((Point::Number(*number), Point::Number(*number), true)),
                Label::Date(date) => {
                    let Period { start, end, .. } = self.period(date)?;
                    Ok((Point::Moment(start), Point::Moment(end), false))
                }
                _ => Err(Error::new(ErrorKind::Type, "a range has a coordinate or a date at each end")),
            }
        };
        let (from, to) = (from.map(&ends).transpose()?, to.map(&ends).transpose()?);
        let after = |at: usize, ends: &Ends| {
            matches!(self.order(at, ends.0), Some(Ordering::Greater | Ordering::Equal))
        };
        let before = |at: usize, ends: &Ends| match self.order(at, ends.1) {
            Some(Ordering::Equal) => ends.2,
            order => order == Some(Ordering::Less),
        };
        let within = |at: usize, low: &Option<Ends>, high: &Option<Ends>| {
            low.as_ref().is_none_or(|low| after(at, low)) && high.as_ref().is_none_or(|high| before(at, high))
        };
        // A coordinate that falls is given from its larger end by those who know it.
        let falls = self.falls();
        let ordered = |at: &usize| match (falls, from.is_some() && to.is_some()) {
            (_, true) => within(*at, &from, &to) || within(*at, &to, &from),
            (false, _) => within(*at, &from, &to),
            (true, _) => within(*at, &to, &from),
        };
        let all: Vec<usize> = self.positions(|at| ordered(&at)).step_by(step.max(1) as usize).collect();
        match all.is_empty() {
            true => Err(self.none("is in that range".into())),
            false => Ok(Found::Several(all)),
        }
    }

    /// Whether the first of the coordinates is larger than the last.
    fn falls(&self) -> bool {
        let ends = (self.values.first().map(|v| v.to_f64()), self.values.last().map(|v| v.to_f64()));
        matches!(ends, (Some(first), Some(last)) if first > last)
    }

    fn positions(&self, is: impl Fn(usize) -> bool) -> impl Iterator<Item = usize> {
        (0..self.values.len()).filter(move |at| is(*at))
    }

    /// The position of a label, or what the method takes in its place.
    fn one(&self, point: Point, said: &dyn Fn() -> String, method: SelMethod) -> Result<usize> {
        if let Point::Number(number) = point
            && !matches!(method, SelMethod::Exact)
            && as_f64(number).is_nan()
        {
            return Err(self.none("is near NaN".into()));
        }
        let mut exact = self.positions(|at| self.order(at, point) == Some(Ordering::Equal));
        match (exact.next(), exact.next()) {
            (Some(at), None) => return Ok(at),
            (Some(_), Some(_)) => {
                let what = format!("more than one element of '{}' is at {}", self.name, said());
                return Err(
                    Error::new(ErrorKind::Value, what).hint("a mask takes all of them: x[axis == value]")
                );
            }
            _ => {}
        }
        let side = |order: Ordering| match method {
            SelMethod::Pad => order == Ordering::Less,
            SelMethod::Backfill => order == Ordering::Greater,
            _ => true,
        };
        let near = self.positions(|at| self.order(at, point).is_some_and(side)).min_by(|&a, &b| {
            let distance = self.distance(a, point).total_cmp(&self.distance(b, point));
            distance.then(self.values[b].to_f64().total_cmp(&self.values[a].to_f64()))
        });
        match (near, method) {
            (Some(at), SelMethod::Nearest | SelMethod::Pad | SelMethod::Backfill) => Ok(at),
            (Some(at), SelMethod::Exact) => {
                let what = format!(
                    "no element of '{}' is at {}; the nearest is at {}",
                    self.name,
                    said(),
                    self.shown(at)
                );
                Err(Error::new(ErrorKind::NotFound, what).hint("method='nearest' takes that"))
            }
            (None, SelMethod::Pad) => Err(self.none(format!("is at {} or before", said()))),
            (None, SelMethod::Backfill) => Err(self.none(format!("is at {} or after", said()))),
            (None, _) => Err(self.none(format!("is at {}", said()))),
        }
    }

    fn none(&self, what: String) -> Error {
        let e = Error::new(ErrorKind::NotFound, format!("no element of '{}' {what}", self.name));
        let known = |at: &usize| !self.values[*at].to_f64().is_nan();
        let by = |a: &usize, b: &usize| self.values[*a].to_f64().total_cmp(&self.values[*b].to_f64());
        let least = self.positions(|at| known(&at)).min_by(by);
        let most = self.positions(|at| known(&at)).max_by(by);
        match (least, most) {
            (Some(least), Some(most)) => {
                e.hint(format!("it has coordinates from {} to {}", self.shown(least), self.shown(most)))
            }
            _ => e.hint("it has no coordinates that are numbers"),
        }
    }

    /// A coordinate as it is told: of times the date.
    fn shown(&self, at: usize) -> String {
        let value = self.values[at];
        let date = self
            .times
            .as_ref()
            .and_then(|(_, units, calendar)| date_of(value.to_f64(), units, calendar).ok());
        date.unwrap_or_else(|| value.to_string())
    }

    fn period(&self, date: &str) -> Result<Period> {
        match &self.times {
            Some((times, ..)) => times.period(date),
            None => {
                let e =
                    Error::new(ErrorKind::Value, format!("'{date}' for '{}', which has no times", self.name));
                Err(e.hint("its coordinates are numbers without units such as 'days since 2001-01-01'"))
            }
        }
    }

    /// How a coordinate lies to a label; nothing for NaN.
    fn order(&self, at: usize, point: Point) -> Option<Ordering> {
        match point {
            Point::Moment(moment) => Some(self.moments[at]?.cmp(&moment)),
            Point::Number(number) => match (self.values[at].to_i128(), number) {
                (Some(value), Weak::Int(number)) => Some(value.cmp(&number)),
                (Some(value), Weak::Bool(number)) => Some(value.cmp(&number.into())),
                // In the coordinates' own dtype, as NumPy compares with Python's numbers: 43.3 is one of float32.
                _ => self.values[at].to_f64().partial_cmp(&self.rounded(number)),
            },
        }
    }

    fn rounded(&self, number: Weak) -> f64 {
        match self.dtype.is_float() {
            true => number.to_scalar(self.dtype).map_or_else(|_| as_f64(number), Scalar::to_f64),
            false => as_f64(number),
        }
    }

    fn distance(&self, at: usize, point: Point) -> f64 {
        match point {
            Point::Moment(moment) => self.moments[at].map_or(f64::INFINITY, |m| m.abs_diff(moment) as f64),
            Point::Number(number) => (self.values[at].to_f64() - self.rounded(number)).abs(),
        }
    }
}
