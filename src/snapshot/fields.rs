//! Fields by their names: stored ones, their components, and what is made of them.

use super::contents::{Kind, Positions};
use super::derived::{DERIVED, Derived};
use super::dimensions::{Dimension, dimension, with_units};
use super::frame::{Frame, offset, period};
use super::opened::{Snapshot, UserField};
use super::units::constants::{BOLTZMANN, GRAVITATION, PROTON_MASS};
use super::units::{Epoch, Unit};
use crate::dtype::{DType, Weak};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::expr::{Expression, Scope};
use crate::{Array, Index};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The deepest chain of fields that are made of fields.
const DEEPEST: usize = 24;

/// A field: a lazy array, and its unit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Field {
    /// Its numbers, in its unit: float64, or whole numbers as they are stored.
    pub array: Array,
    /// Its unit, if it is known.
    pub unit: Option<Unit>,
    /// What powers of a and h come to.
    pub epoch: Epoch,
}

impl Field {
    /// The numbers in another unit, by one multiplication in float64.
    ///
    /// # Errors
    /// `Value` if its own unit is not known, or is of another kind.
    pub fn in_unit(&self, unit: Unit) -> Result<Array> {
        let factor = self.factor(unit)?;
        let array = self.array.cast(DType::F64);
        Ok(if factor == 1.0 { array } else { array * factor })
    }

    /// What its numbers are multiplied with to be in another unit.
    ///
    /// # Errors
    /// As [`Field::in_unit`].
    pub fn factor(&self, unit: Unit) -> Result<f64> {
        match self.unit {
            Some(own) => own.per(unit, self.epoch),
            None if unit.is_number() => Ok(1.0 / unit.in_cgs(self.epoch)),
            None => Err(Error::new(ErrorKind::Value, "the unit of this field is not known")),
        }
    }

    /// The numbers in cgs; those whose unit is not known as they are.
    ///
    /// # Errors
    /// None but those of the array.
    pub fn in_cgs(&self) -> Result<Array> {
        match self.unit {
            Some(unit) => self.in_unit(unit.cgs()),
            None => Ok(self.array.cast(DType::F64)),
        }
    }
}

impl Snapshot {
    /// The positions of a kind along each axis, in code lengths, float64, of a shape that broadcasts to its rows.
    ///
    /// # Errors
    /// `Unsupported` if it has none; those of opening them.
    pub fn positions(&self, kind: &Kind) -> Result<[Array; 3]> {
        match &kind.positions {
            Positions::Axes(axes) => Ok(axes.clone().map(|a| a.cast(DType::F64))),
            Positions::Nowhere(why) => {
                Err(Error::new(ErrorKind::Unsupported, format!("{} has no positions: {why}", kind.name)))
            }
            Positions::Field => {
                let field = kind.field("position").filter(|f| f.components == 3);
                let field = field.ok_or_else(|| {
                    Error::new(ErrorKind::Unsupported, format!("{} has no positions", kind.name))
                })?;
                let stored = self.stored(kind, field)?;
                Ok([0, 1, 2].map(|d| component(&stored, d).cast(DType::F64)))
            }
        }
    }

    /// A field of a kind, by its name in the file, a common name (`density`), with `_x`, `_y`, `_z` for a component, or the
    /// name of what is made of others (`temperature`, `radius`), relative to a frame.
    ///
    /// # Errors
    /// `NotFound` if there is no such field, with what is missing for it; those of opening it.
    pub fn field_of(&self, kind: &Kind, name: &str, frame: &Frame) -> Result<Field> {
        self.find_field(kind, name, frame)?.ok_or_else(|| self.no_field(kind, name))
    }

    /// As [`Snapshot::field_of`]; nothing if there is no such field.
    pub(super) fn find_field(&self, kind: &Kind, name: &str, frame: &Frame) -> Result<Option<Field>> {
        self.look(kind, name, frame, &mut Vec::new())
    }

    /// The row of the table by which a field is made; nothing if it is not, or not of what a kind has.
    pub(super) fn made_as(&self, kind: &Kind, name: &str, frame: &Frame) -> Result<Option<&'static Derived>> {
        for derived in DERIVED.iter().filter(|d| d.name == name) {
            if self.has_all(kind, derived, frame, &mut Vec::new())? {
                return Ok(Some(derived));
            }
        }
        Ok(None)
    }

    fn look(
        &self,
        kind: &Kind,
        name: &str,
        frame: &Frame,
        within: &mut Vec<String>,
    ) -> Result<Option<Field>> {
        let epoch = self.epoch();
        let made = |array: Array, unit: Option<Unit>| Ok(Some(Field { array, unit, epoch }));
        let user = self.user_fields().get(name);
        if let Some(field) = kind.field(name).filter(|_| user.is_none()) {
            let stored = self.stored(kind, field)?;
            let wide = field.dtype.is_float();
            return made(if wide { stored.cast(DType::F64) } else { stored }, field.unit);
        }
        if within.len() > DEEPEST || within.iter().any(|n| n == name) {
            let e = format!("the field '{name}' is made of itself, through {}", within.join(", "));
            return Err(Error::new(ErrorKind::Value, e));
        }
        if let Some(user) = user {
            let (array, unit) = self.evaluate(kind, name, &user.expression, frame, within)?;
            return made(array, Some(own_unit(user, unit).at("field", name)?));
        }
        let code = self.contents().units;
        if let Some(axis) = axis_of(name, "") {
            return match kind.positions {
                Positions::Nowhere(_) => Ok(None),
                _ => made(self.positions(kind)?[axis].broadcast_to(&kind.shape), Some(code.length)),
            };
        }
        if let Some(axis) = axis_of(name, "relative_velocity_") {
            let velocity = self.look(kind, &format!("velocity_{}", AXES[axis]), frame, within)?;
            let Some(velocity) = velocity else { return Ok(None) };
            let array = velocity.in_unit(code.velocity)? - frame.velocity[axis];
            return made(array, Some(code.velocity));
        }
        if let Some(axis) = axis_of(name, "relative_") {
            if matches!(kind.positions, Positions::Nowhere(_)) {
                return Ok(None);
            }
            let period = period(self.contents().domain.as_ref(), axis);
            let array = offset(&self.positions(kind)?[axis], frame.center[axis], period);
            return made(array.broadcast_to(&kind.shape), Some(code.length));
        }
        if let Some((base, axis)) = name.rsplit_once('_').and_then(|(b, a)| Some((b, axis_of(a, "")?)))
            && let Some(field) = kind.field(base).filter(|f| f.components == 3)
        {
            let stored = component(&self.stored(kind, field)?, axis);
            let wide = field.dtype.is_float();
            return made(if wide { stored.cast(DType::F64) } else { stored }, field.unit);
        }
        for derived in DERIVED.iter().filter(|d| d.name == name) {
            if self.has_all(kind, derived, frame, within)? {
                let (array, _) = self.evaluate(kind, name, derived.expression, frame, within)?;
                return made(array, Some(self.unit(derived.unit)?));
            }
        }
        match name.strip_prefix("particle_") {
            Some(rest) if kind.field(name).is_none() => self.look(kind, rest, frame, within),
            _ => Ok(None),
        }
    }

    /// Whether all that an expression of the table needs is there.
    fn has_all(
        &self,
        kind: &Kind,
        derived: &Derived,
        frame: &Frame,
        within: &mut Vec<String>,
    ) -> Result<bool> {
        if within.iter().any(|n| n == derived.name) {
            return Ok(false);
        }
        within.push(derived.name.to_string());
        let mut all = true;
        for word in words(derived.expression) {
            if CONSTANTS.iter().all(|c| c.0 != word) && !["sqrt", "where", "gamma"].contains(&word) {
                all = all && self.look(kind, word, frame, within)?.is_some();
            }
        }
        within.pop();
        Ok(all)
    }

    /// An expression over fields of a kind in cgs, and its dimension.
    fn evaluate(
        &self,
        kind: &Kind,
        name: &str,
        text: &str,
        frame: &Frame,
        within: &mut Vec<String>,
    ) -> Result<(Array, Dimension)> {
        within.push(name.to_string());
        let read = self.read(kind, text, frame, within);
        within.pop();
        let (expression, scope, unit) = read.at("field", name)?;
        let array = expression.array(&scope).at("field", name)?;
        let array = array.cast(DType::F64).broadcast_to(&kind.shape);
        array.check().at("field", name)?;
        Ok((array.made_by(&format!("{}.{name}", kind.name)), unit))
    }

    /// An expression with what its names are, and its dimension.
    fn read(
        &self,
        kind: &Kind,
        text: &str,
        frame: &Frame,
        within: &mut Vec<String>,
    ) -> Result<(Expression, Scope, Dimension)> {
        let (text, numbers) = with_units(text, |unit| self.unit(unit))?;
        let mut units = BTreeMap::new();
        let mut scope = Scope::new();
        scope.compute_nothing("a field is made of the same row of other fields");
        scope.skip_missing(false);
        scope.define("gamma", Weak::Float(self.contents().gamma));
        units.insert("gamma", Dimension::Of(Unit::NONE));
        for (name, value, unit) in CONSTANTS {
            scope.define(name, Weak::Float(*value));
            units.insert(name, Dimension::Of(self.unit(unit)?));
        }
        for (name, unit) in &numbers {
            scope.define(name, Weak::Float(unit.in_cgs(self.epoch())));
            units.insert(name, Dimension::Of(unit.cgs()));
        }
        for word in words(&text) {
            // A field of the snapshot counts more than a constant of the same name.
            if let Some(field) = self.look(kind, word, frame, within)? {
                scope.define(word, field.in_cgs()?);
                units.insert(word, field.unit.map_or(Dimension::Unknown, |u| Dimension::Of(u.cgs())));
            }
        }
        let expression = Expression::parse(&text)?;
        let unit =
            dimension(expression.ast(), |name| units.get(name).copied().unwrap_or(Dimension::Unknown))?;
        Ok((expression, scope, unit))
    }

    /// Where an expression over fields of a kind, in cgs, is true. Nowhere, if it asks for fields of another kind alone
    /// (`gas.temperature`).
    ///
    /// # Errors
    /// `Expression` for what cannot be read, or is no condition; those of the fields.
    pub fn condition(&self, kind: &Kind, text: &str, frame: &Frame) -> Result<Array> {
        let Some(own) = self.of_kind(kind, text) else {
            return Ok(Array::full(&kind.shape, false));
        };
        let (expression, scope, _) = self.read(kind, &own, frame, &mut Vec::new()).at("cut", text)?;
        let array = expression.array(&scope).map_err(|e| {
            let name = e.message().strip_prefix("unknown name '").and_then(|rest| rest.split('\'').next());
            match name {
                Some(name) => {
                    let e = self.no_field(kind, name);
                    let hint = e.hint_text().unwrap_or_default();
                    let hint = format!("{hint}; cut(\"KIND.{name} …\") selects of that kind alone");
                    Error::new(e.kind(), e.message()).hint(hint)
                }
                None => e,
            }
        });
        let array = array.at("cut", text)?;
        match array.dtype()? {
            DType::Bool => Ok(array.broadcast_to(&kind.shape)),
            other => Err(Error::new(ErrorKind::Type, format!("a cut is a condition, and this is {other}"))
                .at("cut", text)
                .hint("as in temperature > 1e5, with (…) around each of several: (temperature > 1e5) & (density < 1e-28)")),
        }
    }
}

impl Snapshot {
    /// An expression whose fields have no kinds before them any more; nothing if one of them is not of this kind.
    fn of_kind<'t>(&self, kind: &Kind, text: &'t str) -> Option<Cow<'t, str>> {
        let mut own = Cow::Borrowed(text);
        for (prefix, _) in prefixes(text) {
            let Ok(kinds) = self.kinds(prefix) else { continue };
            if kinds.iter().all(|k| k.name != kind.name) {
                return None;
            }
        }
        // From the last on, so that the places before stay where they are.
        for (prefix, at) in prefixes(text).into_iter().rev() {
            if self.kinds(prefix).is_ok() {
                own.to_mut().replace_range(at..at + prefix.len() + 1, "");
            }
        }
        Some(own)
    }
}

/// What stands before a dot at the beginning of a word, and where it begins.
fn prefixes(text: &str) -> Vec<(&str, usize)> {
    let is = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split(|c| !is(c)) {
        if let Some((prefix, rest)) = word.split_once('.')
            && [prefix, rest].iter().all(|part| part.starts_with(|c: char| c.is_alphabetic() || c == '_'))
        {
            found.push((prefix, at));
        }
        // What separates words can be of several bytes.
        at += word.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    found
}

const AXES: [&str; 3] = ["x", "y", "z"];

const CONSTANTS: &[(&str, f64, &str)] = &[
    ("kb", BOLTZMANN, "erg/K"),
    ("mp", PROTON_MASS, "g"),
    ("G", GRAVITATION, "cm**3/g/s**2"),
    ("pi", std::f64::consts::PI, "1"),
];

/// The unit of a user's field, in which its expression comes out.
fn own_unit(user: &UserField, found: Dimension) -> Result<Unit> {
    match (found, user.unit) {
        (Dimension::Of(found), Some(said)) if !found.is_like(said) => {
            let e = format!(
                "the expression comes out in {}, which is not of the kind of [{}]",
                found.dimensions(),
                user.shown
            );
            Err(Error::new(ErrorKind::Value, e)
                .hint("fields are in cgs; a number that is of a unit has it behind it, as in 1e-22 [erg*cm**3/s] * …"))
        }
        (Dimension::Of(found), _) => Ok(found),
        (_, said) => Ok(said.unwrap_or(Unit::NONE).cgs()),
    }
}

/// The axis that a name says after a prefix.
fn axis_of(name: &str, prefix: &str) -> Option<usize> {
    let axis = name.strip_prefix(prefix)?;
    AXES.iter().position(|a| *a == axis)
}

/// A number of each row.
fn component(array: &Array, d: usize) -> Array {
    array.index([Index::Ellipsis, Index::At(d as i64)])
}

/// The words of an expression that can be names, each once; those after a dot are methods.
fn words(text: &str) -> BTreeSet<&str> {
    let is = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let words =
        text.split(move |c| !is(c)).filter(|w| w.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    words.map(|w| w.split('.').next().unwrap_or(w)).collect()
}
