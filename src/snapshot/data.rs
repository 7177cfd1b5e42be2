//! What of a snapshot a question is about: rows of kinds, and unions of kinds, that are in an object.

use super::asked::Asked;
use super::contents::{Contents, Kind};
use super::fields::Field;
use super::frame::Frame;
use super::masks::Within;
use super::object::DataObject;
use super::opened::Snapshot;
use super::units::Unit;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::{Array, DType, Selection, concatenate};

/// A part of a snapshot: what [`DataObject`] says, seen from a centre. Cheap to clone; nothing is read before a session
/// runs what is made of it.
#[derive(Clone, Debug)]
pub struct Data {
    snapshot: Snapshot,
    object: DataObject,
    within: Within,
    frame: Frame,
}

/// A column that a question needs: numbers, their unit and the unit that they are wanted in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Column {
    /// Float64, in the unit of its field.
    pub array: Array,
    /// What the numbers are multiplied with to be in the wanted unit.
    pub factor: f64,
    /// The wanted unit, as text; empty if none is known.
    pub unit: String,
    /// Which rows count, if not all do.
    pub mask: Option<Array>,
    /// The kind, or the union.
    pub kind: String,
    /// The field.
    pub name: String,
}

impl Snapshot {
    /// What is in an object, about its centre; about the middle of the box if it has none.
    pub fn select(&self, object: DataObject) -> Data {
        let middle = self.contents().domain.map(|d| [0, 1, 2].map(|i| d.left[i] + d.width[i] / 2.0));
        let center = object.center().or(middle).unwrap_or([0.0; 3]);
        let frame = Frame { center, velocity: [0.0; 3] };
        Data { snapshot: self.clone(), object, within: Within::Center, frame }
    }

    /// A field as it was asked for: a user's in the unit that he said, if no other one is asked for.
    pub(super) fn as_shown(&self, asked: &Asked) -> Asked {
        let shown = self.user_fields().get(&asked.name).map(|f| f.shown.clone()).filter(|s| !s.is_empty());
        Asked { unit: asked.unit.clone().or(shown), ..asked.clone() }
    }

    /// Everything.
    pub fn all(&self) -> Data {
        self.select(DataObject::All)
    }
}

impl Data {
    /// Smoothed particles are in the object where their kernels touch it, and not only where their centres are in it.
    pub fn overlapping(mut self) -> Data {
        self.within = Within::Overlap;
        self
    }

    /// About another centre (code lengths), which moves (code velocities).
    pub fn about(mut self, center: [f64; 3], velocity: [f64; 3]) -> Data {
        self.frame = Frame { center, velocity };
        self
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The object.
    pub fn object(&self) -> &DataObject {
        &self.object
    }

    /// The centre and its velocity.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The name of the kind that counts where none is named: gas if there is any, else the first.
    pub fn usual_kind(&self) -> &str {
        let contents = self.snapshot.contents();
        match contents.kind("gas").or(contents.kinds.first()) {
            Some(kind) => &kind.name,
            None => "gas",
        }
    }

    fn kinds(&self, name: &str) -> Result<Vec<&Kind>> {
        self.snapshot.kinds(name)
    }

    /// Which rows of a kind are in the object, of a union those of its kinds one after the other; nothing if all are.
    ///
    /// # Errors
    /// `NotFound` for a kind that is not there; as [`Snapshot::mask`].
    pub fn mask(&self, kind: &str) -> Result<Option<Array>> {
        let kinds = self.kinds(kind)?;
        let of = |kind: &&Kind| self.snapshot.mask(&self.object, kind, self.within, &self.frame);
        let masks = kinds.iter().map(of).collect::<Result<Vec<_>>>()?;
        if masks.iter().all(Option::is_none) {
            return Ok(None);
        }
        let whole = |(mask, kind): (Option<Array>, &&Kind)| {
            mask.unwrap_or_else(|| Array::full(&kind.shape, true).cast(DType::Bool))
        };
        Ok(Some(joined(masks.into_iter().zip(&kinds).map(whole).collect())))
    }

    /// A field of a kind, of a union one after the other in the unit of the first.
    ///
    /// # Errors
    /// `NotFound` for a kind or a field that is not there; those of opening it; `Value` where kinds of a union have other
    /// units.
    pub fn field(&self, kind: &str, name: &str) -> Result<Field> {
        let kinds = self.kinds(kind)?;
        let of = |kind: &&Kind| self.snapshot.field_of(kind, name, &self.frame);
        let mut fields = kinds.iter().map(of).collect::<Result<Vec<Field>>>()?;
        if fields.len() == 1 {
            return Ok(fields.remove(0));
        }
        let (unit, epoch) = (fields[0].unit, fields[0].epoch);
        let same = |field: &Field| match (field.unit, unit) {
            (Some(_), Some(unit)) => field.in_unit(unit),
            (None, None) => Ok(field.array.cast(DType::F64)),
            _ => {
                let e = format!("the unit of '{name}' is known for some of {kind} and not for others");
                Err(Error::new(ErrorKind::Value, e))
            }
        };
        let arrays = fields.iter().map(same).collect::<Result<Vec<_>>>()?;
        Ok(Field { array: joined(arrays), unit, epoch })
    }

    /// The elements of a field in the object, in the order of the files: their number is known when it is computed.
    ///
    /// # Errors
    /// As [`Data::field`] and [`Data::mask`].
    pub fn selection(&self, text: &str) -> Result<Selection> {
        let column = self.column(&Asked::read(text)?)?;
        let values = if column.factor == 1.0 { column.array } else { column.array * column.factor };
        let mask = match column.mask {
            Some(mask) => mask,
            None => Array::full(values.shape()?, true).cast(DType::Bool),
        };
        Ok(values.boolean_index(&mask))
    }

    /// The column of a field that was asked for, in the unit that it is wanted in: cgs if none is said, as it is stored for
    /// `code`.
    ///
    /// # Errors
    /// As [`Data::field`] and [`Data::mask`]; `Value` for a unit of another kind.
    pub fn column(&self, asked: &Asked) -> Result<Column> {
        let kind = asked.kind.as_deref().unwrap_or_else(|| self.usual_kind());
        let field = self.field(kind, &asked.name)?;
        let asked = &self.snapshot.as_shown(asked);
        let (factor, unit) = wanted(&self.snapshot, &field, asked).at("field", &asked.name)?;
        Ok(Column {
            array: field.array.cast(DType::F64),
            factor,
            unit,
            mask: self.mask(kind)?,
            kind: kind.to_string(),
            name: asked.name.clone(),
        })
    }

    /// The positions of a kind or of a union, in code lengths, and their shortest ways from the centre.
    ///
    /// # Errors
    /// As [`Snapshot::positions`].
    pub fn places(&self, kind: &str, relative: bool) -> Result<[Array; 3]> {
        let name = |d: usize| {
            let axis = ["x", "y", "z"][d];
            if relative { format!("relative_{axis}") } else { axis.to_string() }
        };
        let of = |d: usize| -> Result<Array> { Ok(self.field(kind, &name(d))?.array) };
        Ok([of(0)?, of(1)?, of(2)?])
    }

    /// How many rows there are of a kind, in the object or not.
    ///
    /// # Errors
    /// `NotFound` for a kind that is not there.
    pub fn rows(&self, kind: &str) -> Result<u64> {
        Ok(self.kinds(kind)?.into_iter().map(Contents::rows).sum())
    }
}

/// What the numbers of a field are multiplied with to be in the unit that is asked for, and its text.
fn wanted(snapshot: &Snapshot, field: &Field, asked: &Asked) -> Result<(f64, String)> {
    match (&asked.unit, field.unit) {
        (None, None) => Ok((1.0, String::new())),
        (None, Some(unit)) => {
            let cgs = unit.cgs();
            Ok((field.factor(cgs)?, if cgs.is_number() { String::new() } else { cgs.dimensions() }))
        }
        (Some(text), unit) if text == "code" => {
            Ok((1.0, unit.map_or(String::new(), |u: Unit| u.to_string())))
        }
        (Some(text), _) => Ok((field.factor(snapshot.unit(text)?)?, text.clone())),
    }
}

/// Arrays of kinds one after the other; one alone keeps its shape.
fn joined(mut arrays: Vec<Array>) -> Array {
    if arrays.len() == 1 {
        return arrays.remove(0);
    }
    let flat: Vec<Array> = arrays.iter().map(Array::ravel).collect();
    concatenate(&flat, 0)
}
