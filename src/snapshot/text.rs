//! Data objects, points and lengths as they are written: `sphere([25, 25, 25] Mpc, 5 Mpc) & cut("temperature > 1e5")`.

use super::object::DataObject;
use super::opened::Snapshot;
use super::quantities::Quantity;
use crate::Session;
use crate::error::{Error, ErrorKind, Result};

/// How deep parentheses may be.
const DEEPEST: usize = 64;

impl Snapshot {
    /// The object that a text says: `all`, `sphere(point, radius)`, `region(left, right)`, `disk(point, normal, radius,
    /// half height)`, `ellipsoid(point, a, b, c)` along the axes, `cut("expression of fields in cgs")`, and `&`, `|`, `^`, `-`,
    /// `~` of these with parentheses. Lengths and points have a unit behind them, or are code lengths; a point is also `c`, the
    /// middle of the box, and what the session finds: `max("gas.density")`, `min("potential")`, `com("dm")`, a center of mass, and
    /// `com("dm", object)`.
    ///
    /// # Errors
    /// `Expression` with the place that is not understood; those of finding a maximum.
    pub fn object(&self, text: &str, session: &Session) -> Result<DataObject> {
        let mut reader = Reader { text, at: 0, snapshot: self, session, depth: 0, objects: 0 };
        let object = reader.object(0)?;
        reader.end()?;
        Ok(object)
    }

    /// The point that a text says, in code lengths, as [`Snapshot::object`] reads it.
    ///
    /// # Errors
    /// As [`Snapshot::object`].
    pub fn point(&self, text: &str, session: &Session) -> Result<[f64; 3]> {
        let mut reader = Reader { text, at: 0, snapshot: self, session, depth: 0, objects: 0 };
        let point = reader.point()?;
        reader.end()?;
        Ok(point)
    }

    /// The length that a text says, in code lengths: `5 Mpc`, `5000`.
    ///
    /// # Errors
    /// `Expression` for what is no length.
    pub fn length(&self, text: &str) -> Result<f64> {
        let wrong = || {
            Error::new(ErrorKind::Expression, format!("'{text}' is no length: 5 Mpc, or 5000 code lengths"))
        };
        let text = text.trim();
        let end = number_end(text);
        let number: f64 = text[..end].parse().map_err(|_| wrong())?;
        self.in_code(number, text[end..].trim())
    }

    fn in_code(&self, number: f64, unit: &str) -> Result<f64> {
        if unit.is_empty() {
            return Ok(number);
        }
        let read = || Ok(number * self.unit(unit)?.per(self.contents().units.length, self.epoch())?);
        read().map_err(|e: Error| Error::new(ErrorKind::Expression, e.message().to_string()))
    }
}

/// Where a number at the beginning of a text ends.
fn number_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is = |i: usize| match bytes[i] {
        b'0'..=b'9' | b'.' => true,
        b'+' | b'-' => i == 0 || matches!(bytes[i - 1], b'e' | b'E'),
        b'e' | b'E' => bytes.get(i + 1).is_some_and(|n| n.is_ascii_digit() || matches!(n, b'+' | b'-')),
        _ => false,
    };
    (0..bytes.len()).find(|i| !is(*i)).unwrap_or(bytes.len())
}

/// How many objects may be combined.
const MOST: usize = 200;

/// The operators, the weakest first.
const OPERATORS: [char; 4] = ['|', '^', '&', '-'];

struct Reader<'a> {
    text: &'a str,
    at: usize,
    snapshot: &'a Snapshot,
    session: &'a Session,
    depth: usize,
    objects: usize,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&self, what: &str) -> Result<T> {
        let message =
            format!("{what}\n  {}\n  {}^", self.text, " ".repeat(self.text[..self.at].chars().count()));
        Err(Error::new(ErrorKind::Expression, message).hint(
            "objects are sphere([x, y, z] Mpc, 5 Mpc), region(left, right), disk(point, normal, radius, height), \
             ellipsoid(point, a, b, c), cut(\"temperature > 1e5\"), all; with & | ^ - ~",
        ))
    }

    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    fn need(&mut self, sign: char) -> Result<()> {
        match self.take(sign) {
            true => Ok(()),
            false => self.wrong(&format!("'{sign}' is missing")),
        }
    }

    fn end(&mut self) -> Result<()> {
        match self.rest() {
            "" => Ok(()),
            _ => self.wrong("this is not understood"),
        }
    }

    fn object(&mut self, level: usize) -> Result<DataObject> {
        let Some(&sign) = OPERATORS.get(level) else { return self.one() };
        let mut left = self.object(level + 1)?;
        while self.take(sign) {
            let right = self.object(level + 1)?;
            left = match sign {
                '|' => left | right,
                '^' => left ^ right,
                '&' => left & right,
                _ => left - right,
            };
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<DataObject> {
        self.depth += 1;
        self.objects += 1;
        if self.depth > DEEPEST || self.objects > MOST {
            return self.wrong("this is nested too deep, or of too many objects");
        }
        let object = if self.take('~') {
            !self.one()?
        } else if self.take('(') {
            let inside = self.object(0)?;
            self.need(')')?;
            inside
        } else {
            self.call()?
        };
        self.depth -= 1;
        Ok(object)
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn call(&mut self) -> Result<DataObject> {
        let start = self.at;
        let name = self.word();
        if name == "all" {
            if self.take('(') {
                self.need(')')?;
            }
            return Ok(DataObject::All);
        }
        if !["sphere", "region", "disk", "ellipsoid", "cut"].contains(&name) {
            self.at = start;
            let what = if name.is_empty() {
                "an object is missing".to_string()
            } else {
                format!("there is no object '{name}'")
            };
            return self.wrong(&what);
        }
        self.need('(')?;
        let object = match name {
            "sphere" => DataObject::sphere(self.point()?, self.next_length()?),
            "region" => {
                let left = self.point()?;
                self.need(',')?;
                DataObject::region(left, self.point()?)
            }
            "disk" => {
                let center = self.point()?;
                self.need(',')?;
                let normal = self.three()?;
                DataObject::disk(center, normal, self.next_length()?, self.next_length()?)
            }
            "ellipsoid" => {
                let center = self.point()?;
                let axes = [self.next_length()?, self.next_length()?, self.next_length()?];
                DataObject::ellipsoid(center, axes)
            }
            _ => DataObject::cut(self.quoted()?),
        };
        self.need(')')?;
        Ok(object)
    }

    fn quoted(&mut self) -> Result<&'a str> {
        let quote = if self.take('"') {
            '"'
        } else if self.take('\'') {
            '\''
        } else {
            return self.wrong("a text in quotes is missing");
        };
        let start = self.at;
        match self.text[start..].find(quote) {
            Some(len) => {
                self.at = start + len + 1;
                Ok(&self.text[start..start + len])
            }
            None => self.wrong("the quote is never closed"),
        }
    }

    fn number(&mut self) -> Result<f64> {
        let rest = self.rest();
        let end = number_end(rest);
        match rest[..end].parse::<f64>() {
            Ok(v) if v.is_finite() => {
                self.at += end;
                Ok(v)
            }
            _ => self.wrong("a number is missing"),
        }
    }

    /// The unit behind a number: what there is until a comma or the parenthesis that ends the arguments.
    fn unit(&mut self) -> Result<&'a str> {
        let rest = self.rest();
        let mut depth = 0;
        let end = rest.find(|c: char| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            depth < 0 || (depth == 0 && c == ',')
        });
        let end = end.unwrap_or(rest.len());
        self.at += end;
        Ok(rest[..end].trim())
    }

    fn next_length(&mut self) -> Result<f64> {
        self.need(',')?;
        let number = self.number()?;
        let start = self.at;
        let unit = self.unit()?;
        self.snapshot.in_code(number, unit).or_else(|e| {
            self.at = start;
            self.wrong(e.message())
        })
    }

    fn three(&mut self) -> Result<[f64; 3]> {
        let close = if self.take('[') {
            ']'
        } else if self.take('(') {
            ')'
        } else {
            return self.wrong("three numbers in brackets are missing");
        };
        let mut out = [0.0; 3];
        for (i, v) in out.iter_mut().enumerate() {
            if i > 0 {
                self.need(',')?;
            }
            *v = self.number()?;
        }
        self.need(close)?;
        Ok(out)
    }

    fn point(&mut self) -> Result<[f64; 3]> {
        let start = self.at;
        if !self.rest().starts_with(['[', '(']) {
            let name = self.word();
            return match name {
                "c" | "center" => {
                    let domain = self.snapshot.contents().domain;
                    match domain {
                        Some(d) => Ok([0, 1, 2].map(|i| d.left[i] + d.width[i] / 2.0)),
                        None => self.wrong("the snapshot has no box, and so no middle"),
                    }
                }
                "max" | "min" => {
                    self.need('(')?;
                    let field = self.quoted()?.to_string();
                    self.need(')')?;
                    let asked = match name {
                        "max" => Quantity::MaxAt(field, Vec::new()),
                        _ => Quantity::MinAt(field, Vec::new()),
                    };
                    let found = self.snapshot.all().quantities(&[asked], self.session)?;
                    let values = found[0].values();
                    Ok([values[1], values[2], values[3]])
                }
                "com" | "center_of_mass" => {
                    self.need('(')?;
                    let kind = self.quoted()?.to_string();
                    let of = if self.take(',') { self.object(0)? } else { DataObject::All };
                    self.need(')')?;
                    let data = self.snapshot.select(of);
                    let found = data.quantities(&[Quantity::CenterOfMass(kind)], self.session)?;
                    match found[0].values()[..] {
                        [x, y, z] if [x, y, z].iter().all(|v| v.is_finite()) => Ok([x, y, z]),
                        _ => self.wrong("there is no mass, and so no center of it"),
                    }
                }
                _ => {
                    self.at = start;
                    self.wrong(
                        "a point is missing: [x, y, z] with a unit, c, max(\"gas.density\"), com(\"dm\")",
                    )
                }
            };
        }
        let point = self.three()?;
        let start = self.at;
        let unit = self.unit()?;
        let factor = self.snapshot.in_code(1.0, unit).or_else(|e| {
            self.at = start;
            self.wrong(e.message())
        })?;
        Ok(if factor == 1.0 { point } else { point.map(|v| v * factor) })
    }
}
