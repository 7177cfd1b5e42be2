//! What the numbers of a dataset are decoded to, from its attributes.

use super::fit::{as_read, bound};
use super::names::{DTYPE, FILL, HIGHEST, LABELS, LOWEST, MISSING, OFFSET, RANGE, SCALE, UNSIGNED};
use crate::dtype::{DType, Scalar};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::source::hdf5::{Attribute, AttributeValue};
use std::fmt;

/// What the attributes of a dataset say about its numbers.
///
/// Its text says it in a line: `int16 × 0.01 + 273.15, missing -32767 → NaN, as float32`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decoding {
    /// The dtype of the stored numbers.
    pub stored: DType,
    /// The dtype that they are read as: the one of the other sign, if `_Unsigned` says so.
    pub read: DType,
    /// Numbers as read (`_FillValue`, `missing_value`) that say that there is none, each once.
    pub missing: Vec<Scalar>,
    /// Whether NaN itself says so.
    pub nan_is_missing: bool,
    /// The range outside of which numbers say that there is none (`valid_range`, `valid_min`, `valid_max`).
    pub valid: Option<Valid>,
    /// What they are multiplied by (`scale_factor`).
    pub scale: Option<Scalar>,
    /// What is added then (`add_offset`).
    pub offset: Option<Scalar>,
    /// The dtype of what comes out, which xarray chooses too.
    pub dtype: DType,
    /// Attributes that say nothing about this data, each with the reason.
    pub ignored: Vec<String>,
    /// Names and values of `units`, `long_name`, `standard_name` and `calendar`.
    pub labels: Vec<(String, String)>,
}

/// A range of valid numbers, its ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Valid {
    /// The least.
    pub low: Option<Scalar>,
    /// The greatest.
    pub high: Option<Scalar>,
    /// Whether it is one of the numbers that come out, and not of those that are stored.
    pub decoded: bool,
}

impl Decoding {
    /// What these attributes say about data of the dtype `stored`.
    ///
    /// # Errors
    /// `Format` for a `scale_factor` or an `add_offset` that is not a number; `Unsupported` for an attribute with too
    /// many values.
    pub fn of(stored: DType, attributes: &[Attribute]) -> Result<Decoding> {
        Reading { stored, attributes, ignored: Vec::new() }.decoding()
    }

    /// Numbers as they are stored.
    pub fn none(stored: DType) -> Decoding {
        Decoding {
            stored,
            read: stored,
            missing: Vec::new(),
            nan_is_missing: false,
            valid: None,
            scale: None,
            offset: None,
            dtype: stored,
            ignored: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Whether numbers are decoded in the same way, whatever they are labelled.
    pub(crate) fn is_like(&self, other: &Decoding) -> bool {
        Decoding { labels: Vec::new(), ignored: Vec::new(), ..self.clone() }
            == Decoding { labels: Vec::new(), ignored: Vec::new(), ..other.clone() }
    }

    /// The decoding of datasets that are decoded in the same way, with the labels that all of them have.
    pub(crate) fn shared(first: &Decoding, rest: &[Decoding]) -> Decoding {
        let mut shared = first.clone();
        shared.labels.retain(|label| rest.iter().all(|other| other.labels.contains(label)));
        shared
    }

    /// Whether NaN comes out where there is no number.
    pub fn masks(&self) -> bool {
        !self.missing.is_empty() || self.nan_is_missing || self.valid.is_some()
    }

    /// Whether numbers come out as they are stored.
    pub fn is_plain(&self) -> bool {
        self.dtype == self.stored
            && self.missing.is_empty()
            && self.valid.is_none()
            && self.scale.is_none()
            && self.offset.is_none()
    }
}

impl fmt::Display for Decoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stored)?;
        if self.read != self.stored {
            write!(f, " as {}", self.read)?;
        }
        if let Some(scale) = self.scale {
            write!(f, " × {scale}")?;
        }
        if let Some(offset) = self.offset {
            let text = offset.to_string();
            match text.strip_prefix('-') {
                Some(rest) => write!(f, " - {rest}")?,
                None => write!(f, " + {text}")?,
            }
        }
        if let [first, rest @ ..] = &self.missing[..] {
            write!(f, ", missing {first}")?;
            rest.iter().try_for_each(|v| write!(f, " or {v}"))?;
            write!(f, " → NaN")?;
        } else if self.nan_is_missing {
            write!(f, ", missing NaN")?;
        }
        if let Some(valid) = self.valid {
            let kept = match (valid.low, valid.high) {
                (Some(low), Some(high)) => format!("outside {low} to {high}"),
                (Some(low), None) => format!("below {low}"),
                (None, Some(high)) => format!("above {high}"),
                (None, None) => String::from("outside nothing"),
            };
            write!(f, ", {kept}{} → NaN", if valid.decoded { " (decoded)" } else { "" })?;
        }
        if self.dtype != self.read {
            write!(f, ", as {}", self.dtype)?;
        }
        self.ignored.iter().try_for_each(|why| write!(f, "; ignored: {why}"))
    }
}

/// Attributes that are being read.
struct Reading<'a> {
    stored: DType,
    attributes: &'a [Attribute],
    ignored: Vec<String>,
}

impl Reading<'_> {
    fn decoding(mut self) -> Result<Decoding> {
        let stored = self.stored;
        let labels = LABELS.iter().filter_map(|&name| Some((name.to_string(), self.text(name)?.to_string())));
        let labels: Vec<_> = labels.collect();
        if stored == DType::Bool {
            return Ok(Decoding { labels, ..Decoding::none(stored) });
        }
        let read = self.read_as();
        let (scale, offset) = (self.factor(SCALE)?, self.factor(OFFSET)?);
        let packed = scale.is_some() || offset.is_some();
        let mut missing = Vec::new();
        let mut masks = false;
        let mut has_nan = false;
        for name in [FILL, MISSING] {
            let said = self.numbers(name)?;
            for v in said {
                if v.to_f64().is_nan() {
                    has_nan = true;
                    if !stored.is_float() {
                        self.ignored.push(format!("{name} nan, which no {stored} is"));
                    }
                    continue;
                }
                masks = true;
                match as_read(v, stored, read) {
                    Some(v) if !missing.contains(&v) => missing.push(v),
                    Some(_) => {}
                    None => self.ignored.push(format!("{name} {v}, which no {read} is")),
                }
            }
        }
        let valid = self.valid(read, packed)?;
        let dtype = match packed {
            // A NaN that says that there is none leaves the dtype of floats alone, in xarray too.
            true if stored.is_float() && has_nan && !masks => stored,
            true => unpacked(read, scale, offset),
            false if masks || valid.is_some() => with_nan(read),
            false if self.text(DTYPE) == Some("bool") && stored.is_integer() => DType::Bool,
            false => read,
        };
        let nan_is_missing = has_nan && stored.is_float();
        let ignored = self.ignored;
        Ok(Decoding { stored, read, missing, nan_is_missing, valid, scale, offset, dtype, ignored, labels })
    }

    fn find(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name == name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        match &self.find(name)?.value {
            AttributeValue::Strings(all) => all.first().map(String::as_str),
            _ => None,
        }
    }

    /// The numbers of an attribute that says something about numbers.
    fn numbers(&mut self, name: &str) -> Result<Vec<Scalar>> {
        let Some(attribute) = self.find(name) else { return Ok(Vec::new()) };
        let numbers = match &attribute.value {
            AttributeValue::Numbers(all) => all,
            other => {
                let why = format!("{name} {}, which is not a number", shown(other));
                self.ignored.push(why);
                return Ok(Vec::new());
            }
        };
        let all = attribute.shape.iter().fold(1u64, |n, d| n.saturating_mul(*d));
        if all > numbers.len() as u64 {
            let e = Error::new(ErrorKind::Unsupported, format!("{all} values are more than are looked at"));
            return Err(e.at("attribute", name).hint(AS_STORED));
        }
        Ok(numbers.clone())
    }

    /// A number that all elements are multiplied by or added to.
    fn factor(&self, name: &str) -> Result<Option<Scalar>> {
        let Some(attribute) = self.find(name) else { return Ok(None) };
        match &attribute.value {
            AttributeValue::Numbers(all) if all.len() == 1 => Ok(Some(all[0])),
            other => {
                let what = format!("{} is not one number", shown(other));
                Err(Error::new(ErrorKind::Format, what).hint(AS_STORED)).at("attribute", name)
            }
        }
    }

    /// The dtype of the sign that `_Unsigned` says.
    fn read_as(&mut self) -> DType {
        use DType::*;
        let stored = self.stored;
        let Some(text) = self.text(UNSIGNED).map(str::to_ascii_lowercase) else { return stored };
        let twin = match (text.as_str(), stored) {
            ("true", I8) => U8,
            ("true", I16) => U16,
            ("true", I32) => U32,
            ("true", I64) => U64,
            ("false", U8) => I8,
            ("false", U16) => I16,
            ("false", U32) => I32,
            ("false", U64) => I64,
            _ => stored,
        };
        if stored.is_float() {
            self.ignored.push(format!("{UNSIGNED} of {stored}"));
        }
        twin
    }

    /// The range of valid numbers. One of floats beside packed integers is of what comes out, as netCDF-Java reads it.
    fn valid(&mut self, read: DType, packed: bool) -> Result<Option<Valid>> {
        let range = self.numbers(RANGE)?;
        let ends = match range[..] {
            [low, high] => [Some((RANGE, low)), Some((RANGE, high))],
            _ => {
                if !range.is_empty() {
                    self.ignored.push(format!("{RANGE} of {} numbers", range.len()));
                }
                [self.end(LOWEST)?, self.end(HIGHEST)?]
            }
        };
        let decoded = packed && read.is_integer() && ends.iter().flatten().any(|(_, v)| v.dtype().is_float());
        let mut found = [None, None];
        for (i, (name, v)) in ends.into_iter().enumerate().filter_map(|(i, end)| Some((i, end?))) {
            let fits = match decoded || read.is_float() {
                true if v.to_f64().is_nan() => Err(()),
                true => Ok(Some(v)),
                false => match as_read(v, self.stored, read) {
                    Some(v) => Ok(Some(v)),
                    None => bound(v, read, i == 0),
                },
            };
            match fits {
                Ok(end) => found[i] = end,
                Err(()) => self.ignored.push(format!("{name} {v}, which leaves no {read}")),
            }
        }
        let [low, high] = found;
        Ok((low.is_some() || high.is_some()).then_some(Valid { low, high, decoded }))
    }

    fn end(&mut self, name: &'static str) -> Result<Option<(&'static str, Scalar)>> {
        let numbers = self.numbers(name)?;
        if numbers.len() > 1 {
            self.ignored.push(format!("{name} of {} numbers", numbers.len()));
            return Ok(None);
        }
        Ok(numbers.first().map(|&v| (name, v)))
    }
}

const AS_STORED: &str = "Array::open (--raw) gives the numbers as they are stored";

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Numbers(all) => format!("a list of {} numbers", all.len()),
        AttributeValue::Strings(all) => match &all[..] {
            [one] => format!("{one:?}"),
            all => format!("a list of {} strings", all.len()),
        },
        AttributeValue::Other(text) => text.clone(),
    }
}

/// The float that has a NaN beside the numbers of a dtype: floats themselves, float32 for integers of at most two
/// bytes, whose every number it has.
fn with_nan(dtype: DType) -> DType {
    match dtype {
        _ if dtype.is_float() => dtype,
        _ if dtype.size() <= 2 => DType::F32,
        _ => DType::F64,
    }
}

/// The dtype of packed numbers once they are multiplied and added to: that of both numbers where they share one
/// (float64 where integers of four bytes would lose digits), that of the factor where it is alone, float64 with an
/// offset otherwise. Integer factors count as float64, in which nothing overflows.
fn unpacked(read: DType, scale: Option<Scalar>, offset: Option<Scalar>) -> DType {
    let float = |v: Scalar| if v.dtype().is_float() { v.dtype() } else { DType::F64 };
    match (scale.map(float), offset.map(float)) {
        (Some(a), Some(b)) if a == b && a != DType::F16 => match read.is_integer() && read.size() == 4 {
            true => DType::F64,
            false => a,
        },
        (Some(scale), None) => scale,
        _ => DType::F64,
    }
}
