//! Derived quantities: totals, means, extremes, centres and angular momenta of what is in an object, several in one run.

use super::asked::Asked;
use super::data::{Column, Data};
use super::frame::wrapped;
use super::quantiles::Quantiles;
use super::units::Unit;
use super::units::constants::GRAVITATION;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::{Array, ArrayValue, DType, Over, Session, Target};
use std::fmt;

/// A question about what is in an object. Fields are written `KIND.FIELD [UNIT]`, kinds `KIND [UNIT]`; without a unit the
/// answer is in cgs, with `[code]` in that of the files.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Quantity {
    /// How many rows of a kind are in it.
    Count(String),
    /// The sum of a field.
    Total(String),
    /// The mean of a field; with the second field as weights, if there is one.
    Mean(String, Option<String>),
    /// Standard deviation and mean of a field, weighted as [`Quantity::Mean`].
    Std(String, Option<String>),
    /// The least and the greatest value of a field.
    Extrema(String),
    /// The median of a field, exact; with weights the least value up to which half of the weights lie.
    Median(String, Option<String>),
    /// The values of a field below which these shares of all lie, from 0 to 1, as NumPy's quantiles; with weights each is the
    /// least value up to which that share of the weights lies. What is weighted is sorted in memory.
    Quantiles(String, Vec<f64>, Option<String>),
    /// The greatest value of a field, where it is (code lengths), and what other fields are there.
    MaxAt(String, Vec<String>),
    /// As [`Quantity::MaxAt`], the least.
    MinAt(String, Vec<String>),
    /// The centre of mass of a kind, code lengths if no unit is said. With an object that has a centre the way of each
    /// particle is the shortest one through a periodic box; of everything, positions are taken as they are.
    CenterOfMass(String),
    /// The mean velocity of a kind by mass.
    BulkVelocity(String),
    /// The specific angular momentum of a kind about the centre: Σ m (r × v) / Σ m.
    AngularMomentum(String),
    /// The dimensionless spin of a kind as yt defines it: Σ|m r × v| √(Σ m v²) / M^2.5 / G.
    Spin(String),
}

/// The answer to a [`Quantity`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// What was asked.
    pub name: String,
    /// The numbers, each with what it is called (nothing for a single one) and its unit.
    pub parts: Vec<Part>,
}

/// A number of an answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Part {
    /// What it is called; empty for the only one.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Its unit; empty for pure numbers and what is not known.
    pub unit: String,
}

impl Answer {
    /// The numbers.
    pub fn values(&self) -> Vec<f64> {
        self.parts.iter().map(|p| p.value).collect()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name)?;
        for (i, part) in self.parts.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { " " })?;
            if !part.name.is_empty() {
                write!(f, "{} ", part.name)?;
            }
            let size = part.value.abs();
            match size == 0.0 || (1e-3..1e7).contains(&size) {
                true => write!(f, "{}", part.value)?,
                false => write!(f, "{:e}", part.value)?,
            }
            if !part.unit.is_empty() {
                write!(f, " {}", part.unit)?;
            }
        }
        Ok(())
    }
}

/// What is computed for a quantity, and what becomes of the numbers.
struct Job {
    name: String,
    arrays: Vec<Array>,
    finish: Finish,
}

enum Finish {
    /// Each number times a factor, with a name and a unit.
    Scaled(Vec<(String, f64, String)>),
    /// As `Scaled`, after how many elements there are.
    Counted(Vec<(String, f64, String)>),
    /// Offsets from a centre, to places in the box.
    Place { center: [f64; 3], wrap: bool, factor: f64, unit: String },
    /// J, Σ m v² and M in code units, each with its factor to cgs.
    Spin([f64; 3]),
    /// A position among the rows: the numbers of these columns there, by a second run.
    At(Vec<Column>),
}

impl Data {
    /// The answers to several questions, from one run (and a second one where something is looked up at a place).
    ///
    /// # Errors
    /// `NotFound` for kinds and fields that are not there; `Value` for units of another kind; those of the run, with the
    /// smallest budget that does.
    pub fn quantities(&self, asked: &[Quantity], session: &Session) -> Result<Vec<Answer>> {
        let jobs = asked
            .iter()
            .map(|q| self.job(q, session).at("quantity", q.name()))
            .collect::<Result<Vec<_>>>()?;
        let targets: Vec<&dyn Target> = jobs.iter().flat_map(|j| &j.arrays).map(|a| a as _).collect();
        let outcome = session.run(&targets).map_err(|e| match e.kind() {
            ErrorKind::Value if e.hint_text().is_none() => e.hint(
                "where nothing is in the object there are no extrema and no means: ask for its number first",
            ),
            _ => e,
        })?;
        let mut values = outcome.values.iter();
        let mut answers = Vec::new();
        let mut looked = Vec::new();
        for (n, job) in jobs.iter().enumerate() {
            let of: Vec<&ArrayValue> =
                values.by_ref().take(job.arrays.len()).map(|v| v.as_array()).collect::<Result<_>>()?;
            if let Finish::At(columns) = &job.finish {
                let (at, count) = (of[0].item::<i64>()?, of[1].item::<i64>()?);
                if count == 0 {
                    return Err(nothing(&job.name));
                }
                looked.push((n, at, columns));
                answers.push(Answer { name: job.name.clone(), parts: Vec::new() });
                continue;
            }
            if matches!(job.finish, Finish::Counted(_)) && of[0].item::<i64>()? == 0 {
                return Err(nothing(&job.name));
            }
            let numbers: Vec<f64> = of.iter().map(|v| v.scalar(0).map_or(f64::NAN, |s| s.to_f64())).collect();
            answers.push(Answer { name: job.name.clone(), parts: self.finish(job, &numbers) });
        }
        self.look_up(&looked, &mut answers, session)?;
        Ok(answers)
    }

    fn job(&self, quantity: &Quantity, session: &Session) -> Result<Job> {
        let name = quantity.name();
        let scaled = |arrays: Vec<Array>, parts: Vec<(&str, f64, &str)>| {
            let parts = parts.into_iter().map(|(n, f, u)| (n.to_string(), f, u.to_string())).collect();
            Job { name: name.clone(), arrays, finish: Finish::Scaled(parts) }
        };
        Ok(match quantity {
            Quantity::Count(kind) => {
                let asked = Asked::kind(kind)?;
                let kind = asked.kind.unwrap_or_default();
                let count = match self.mask(&kind)? {
                    Some(mask) => mask.count_nonzero(),
                    None => Array::scalar(self.rows(&kind)? as i64),
                };
                scaled(vec![count], vec![("", 1.0, "")])
            }
            Quantity::Total(field) => {
                let column = self.column(&Asked::read(field)?)?;
                scaled(
                    vec![column.array.sum_with(over(&column.mask))],
                    vec![("", column.factor, &column.unit)],
                )
            }
            Quantity::Mean(field, weight) => {
                let (column, mean, _) = self.mean(field, weight.as_deref())?;
                scaled(vec![mean], vec![("", column.factor, &column.unit)])
            }
            Quantity::Std(field, weight) => {
                let (column, mean, weight) = self.mean(field, weight.as_deref())?;
                let squares = (&column.array - &mean).square();
                let variance = average(&squares, weight.as_ref(), &column.mask);
                let std = variance.sqrt();
                let (f, u) = (column.factor, &column.unit[..]);
                scaled(vec![std, mean], vec![("std", f, u), ("mean", f, u)])
            }
            Quantity::Extrema(field) => {
                let column = self.column(&Asked::read(field)?)?;
                let over = || over(&column.mask);
                let arrays = vec![column.array.min_with(over()), column.array.max_with(over())];
                let (f, u) = (column.factor, &column.unit[..]);
                scaled(arrays, vec![("min", f, u), ("max", f, u)])
            }
            Quantity::Median(field, weight) => {
                let found = self.quantiles(field, None, weight.as_deref(), session)?;
                ordered(name, found, &[String::new()])
            }
            Quantity::Quantiles(field, shares, weight) => {
                let names: Vec<String> = match &shares[..] {
                    [_] => vec![String::new()],
                    all => all.iter().map(f64::to_string).collect(),
                };
                ordered(name, self.quantiles(field, Some(shares), weight.as_deref(), session)?, &names)
            }
            Quantity::MaxAt(field, others) => self.at(&name, field, others, true)?,
            Quantity::MinAt(field, others) => self.at(&name, field, others, false)?,
            Quantity::CenterOfMass(kind) => {
                let asked = Asked::kind(kind)?;
                let kind = asked.kind.as_deref().unwrap_or_default();
                let shift = self.object().center().is_some();
                let center = if shift { self.frame().center } else { [0.0; 3] };
                let arrays = self.by_mass(kind, self.places(kind, shift)?)?;
                let length = self.snapshot().contents().units.length;
                let (factor, unit) = self.unit_or(&asked, length, "code_length")?;
                Job { name, arrays, finish: Finish::Place { center, wrap: shift, factor, unit } }
            }
            Quantity::BulkVelocity(kind) => {
                let asked = Asked::kind(kind)?;
                let kind = asked.kind.as_deref().unwrap_or_default();
                let code = self.snapshot().contents().units.velocity;
                let arrays = self.by_mass(kind, self.velocities(kind, false)?)?;
                let (f, u) = self.unit_or(&asked, code, "km/s")?;
                scaled(arrays, vec![("x", f, &u), ("y", f, &u), ("z", f, &u)])
            }
            Quantity::AngularMomentum(kind) => {
                let asked = Asked::kind(kind)?;
                let kind = asked.kind.as_deref().unwrap_or_default();
                let code = self.snapshot().contents().units;
                let j = self.momenta(kind, true)?;
                let arrays = self.by_mass(kind, j)?;
                let (f, u) = self.unit_or(&asked, code.length.by(code.velocity), "cm**2/s")?;
                scaled(arrays, vec![("x", f, &u), ("y", f, &u), ("z", f, &u)])
            }
            Quantity::Spin(kind) => self.spin(&name, &Asked::kind(kind)?.kind.unwrap_or_default())?,
        })
    }

    /// The factor from a code unit to the one that is asked for, or to that which is usual.
    fn unit_or(&self, asked: &Asked, code: Unit, usual: &str) -> Result<(f64, String)> {
        let text = match asked.unit.as_deref() {
            Some("code") => return Ok((1.0, code.to_string())),
            Some(text) => text,
            None => usual,
        };
        Ok((code.per(self.snapshot().unit(text)?, self.snapshot().epoch())?, text.to_string()))
    }

    fn mean(&self, field: &str, weight: Option<&str>) -> Result<(Column, Array, Option<Array>)> {
        let column = self.column(&Asked::read(field)?)?;
        let weight = weight.map(|w| self.weight(&column, w)).transpose()?;
        let mean = average(&column.array, weight.as_ref(), &column.mask);
        Ok((column, mean, weight))
    }

    /// A field of weights, of the kind of a column.
    pub(super) fn weight(&self, column: &Column, text: &str) -> Result<Array> {
        let asked = Asked::read(text)?;
        if let Some(kind) = &asked.kind
            && self.snapshot().kinds(kind)?.iter().map(|k| &k.name).ne(self
                .snapshot()
                .kinds(&column.kind)?
                .iter()
                .map(|k| &k.name))
        {
            let e = format!("the weights are of {kind}, and the field is of {}", column.kind);
            return Err(Error::new(ErrorKind::Value, e));
        }
        Ok(self.field(&column.kind, &asked.name)?.array.cast(DType::F64))
    }

    /// The masses of a kind in code masses.
    fn masses(&self, kind: &str) -> Result<Array> {
        self.field(kind, "mass")?.in_unit(self.snapshot().contents().units.mass)
    }

    fn velocities(&self, kind: &str, relative: bool) -> Result<[Array; 3]> {
        let code = self.snapshot().contents().units.velocity;
        let prefix = if relative { "relative_velocity" } else { "velocity" };
        let of =
            |axis: &str| -> Result<Array> { self.field(kind, &format!("{prefix}_{axis}"))?.in_unit(code) };
        Ok([of("x")?, of("y")?, of("z")?])
    }

    /// Specific angular momenta, of particles relative to the centre.
    fn momenta(&self, kind: &str, relative: bool) -> Result<[Array; 3]> {
        let ([x, y, z], [u, v, w]) = (self.places(kind, true)?, self.velocities(kind, relative)?);
        Ok([&y * &w - &z * &v, &z * &u - &x * &w, &x * &v - &y * &u])
    }

    fn by_mass(&self, kind: &str, of: [Array; 3]) -> Result<Vec<Array>> {
        let (mass, mask) = (self.masses(kind)?, self.mask(kind)?);
        Ok(of.iter().map(|a| average(a, Some(&mass), &mask)).collect())
    }

    fn spin(&self, name: &str, kind: &str) -> Result<Job> {
        let (mass, mask) = (self.masses(kind)?, self.mask(kind)?);
        let [j, k, l] = self.momenta(kind, false)?;
        let [u, v, w] = self.velocities(kind, false)?;
        let momentum = (j.square() + k.square() + l.square()).sqrt() * &mass;
        let energy = (u.square() + v.square() + w.square()) * &mass;
        let arrays = [momentum, energy, mass].iter().map(|a| a.sum_with(over(&mask))).collect();
        let (code, epoch) = (self.snapshot().contents().units, self.snapshot().epoch());
        let (l, m, v) = (code.length.in_cgs(epoch), code.mass.in_cgs(epoch), code.velocity.in_cgs(epoch));
        Ok(Job { name: name.to_string(), arrays, finish: Finish::Spin([l * m * v, m * v * v, m]) })
    }

    fn at(&self, name: &str, field: &str, others: &[String], greatest: bool) -> Result<Job> {
        let column = self.column(&Asked::read(field)?)?;
        let edge = if greatest { f64::NEG_INFINITY } else { f64::INFINITY };
        let seen = match &column.mask {
            Some(mask) => mask.select(&column.array, edge),
            None => column.array.clone(),
        };
        let at = if greatest { seen.argmax() } else { seen.argmin() };
        let count = match &column.mask {
            Some(mask) => mask.count_nonzero(),
            None => Array::scalar(i64::try_from(seen.size()?).unwrap_or(i64::MAX)),
        };
        let kind = column.kind.clone();
        let mut columns = vec![column];
        for (axis, array) in ["x", "y", "z"].into_iter().zip(self.places(&kind, false)?) {
            let (name, unit) = (axis.to_string(), "code_length".to_string());
            columns.push(Column { array, factor: 1.0, unit, mask: None, kind: kind.clone(), name });
        }
        for other in others {
            let mut asked = Asked::read(other)?;
            asked.kind.get_or_insert(kind.clone());
            columns.push(self.column(&asked)?);
        }
        Ok(Job { name: name.to_string(), arrays: vec![at, count], finish: Finish::At(columns) })
    }

    /// The numbers of columns at places that are known now, in one run.
    fn look_up(
        &self,
        looked: &[(usize, i64, &Vec<Column>)],
        answers: &mut [Answer],
        session: &Session,
    ) -> Result<()> {
        if looked.is_empty() {
            return Ok(());
        }
        let each: Vec<(usize, &Column, Array)> = looked
            .iter()
            .flat_map(|(n, at, columns)| {
                columns.iter().map(move |c| (*n, c, c.array.ravel().take(&[*at], 0)))
            })
            .collect();
        let targets: Vec<&dyn Target> = each.iter().map(|(_, _, array)| array as _).collect();
        let outcome = session.run(&targets)?;
        for ((n, column, _), value) in each.iter().zip(&outcome.values) {
            let value = value.as_array()?.scalar(0).map_or(f64::NAN, |s| s.to_f64());
            let (name, unit) = (column.name.clone(), column.unit.clone());
            answers[*n].parts.push(Part { name, value: value * column.factor, unit });
        }
        Ok(())
    }

    fn finish(&self, job: &Job, numbers: &[f64]) -> Vec<Part> {
        let axes = ["x", "y", "z"];
        match &job.finish {
            Finish::Scaled(parts) => scaled(numbers, parts),
            Finish::Place { center, wrap, factor, unit } => (0..3)
                .map(|d| {
                    let at = numbers[d] + center[d];
                    let at =
                        if *wrap { wrapped(at, self.snapshot().contents().domain.as_ref(), d) } else { at };
                    Part { name: axes[d].to_string(), value: at * factor, unit: unit.clone() }
                })
                .collect(),
            Finish::Spin(factors) => {
                let [momentum, energy, mass] = [0, 1, 2].map(|i| numbers[i] * factors[i]);
                let value = momentum * energy.sqrt() / mass.powf(2.5) / GRAVITATION;
                vec![Part { name: String::new(), value, unit: String::new() }]
            }
            Finish::Counted(parts) => scaled(&numbers[1..], parts),
            Finish::At(_) => Vec::new(),
        }
    }
}

/// Quantiles with their names.
fn ordered(name: String, found: Quantiles, names: &[String]) -> Job {
    let Quantiles { column, count, values } = found;
    let parts = names.iter().map(|n| (n.clone(), column.factor, column.unit.clone())).collect();
    let arrays = std::iter::once(count).chain(values).collect();
    Job { name, arrays, finish: Finish::Counted(parts) }
}

/// Numbers times factors, with names and units.
fn scaled(numbers: &[f64], parts: &[(String, f64, String)]) -> Vec<Part> {
    let part = |(v, (name, factor, unit)): (&f64, &(String, f64, String))| Part {
        name: name.clone(),
        value: v * factor,
        unit: unit.clone(),
    };
    numbers.iter().zip(parts).map(part).collect()
}

/// A reduction over the rows that count.
fn over(mask: &Option<Array>) -> Over {
    match mask {
        Some(mask) => Over::all().mask(mask),
        None => Over::all(),
    }
}

fn average(values: &Array, weights: Option<&Array>, mask: &Option<Array>) -> Array {
    match weights {
        Some(weights) => values.average_with(over(mask).weights(weights)),
        None => values.mean_with(over(mask)),
    }
}

fn nothing(name: &str) -> Error {
    Error::new(ErrorKind::Value, "there is nothing in the object").at("quantity", name)
}

impl Quantity {
    /// What it is called, with what it is of.
    pub fn name(&self) -> String {
        let by = |weight: &Option<String>| weight.as_ref().map_or(String::new(), |w| format!(" by {w}"));
        match self {
            Quantity::Count(kind) => format!("number of {kind}"),
            Quantity::Total(field) => format!("total of {field}"),
            Quantity::Mean(field, weight) => format!("mean of {field}{}", by(weight)),
            Quantity::Std(field, weight) => format!("spread of {field}{}", by(weight)),
            Quantity::Extrema(field) => format!("extrema of {field}"),
            Quantity::Median(field, weight) => format!("median of {field}{}", by(weight)),
            Quantity::Quantiles(field, shares, weight) => {
                let shares: Vec<String> = shares.iter().map(f64::to_string).collect();
                let s = if shares.len() == 1 { "" } else { "s" };
                format!("quantile{s} {} of {field}{}", shares.join(", "), by(weight))
            }
            Quantity::MaxAt(field, _) => format!("maximum of {field}"),
            Quantity::MinAt(field, _) => format!("minimum of {field}"),
            Quantity::CenterOfMass(kind) => format!("center of mass of {kind}"),
            Quantity::BulkVelocity(kind) => format!("bulk velocity of {kind}"),
            Quantity::AngularMomentum(kind) => format!("angular momentum of {kind}"),
            Quantity::Spin(kind) => format!("spin of {kind}"),
        }
    }
}
