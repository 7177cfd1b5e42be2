//! Tables of what is in an object: columns of one kind whose rows belong together, part by part, so that they need not
//! fit in memory.

use super::asked::Asked;
use super::contents::{Contents, Kind};
use super::data::Data;
use super::fields::Field;
use super::units::Unit;
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::{Array, ArrayValue, Index, Session, Target, concatenate};

/// The most bytes of a part.
const PART: u64 = 64 << 20;

/// Parts of fewer rows are not cut further.
const FEWEST: u64 = 1024;

/// Fields of one kind, or of a union of kinds, of what is in an object. Rows come in the order of the files, those of the
/// kinds of a union one after the other; row n of each column is of the same particle.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Table {
    /// The kind, or the union.
    pub kind: String,
    /// Its columns.
    pub columns: Vec<TableColumn>,
    mask: Option<Array>,
    rows: u64,
}

/// A column of a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TableColumn {
    /// The field.
    pub name: String,
    /// Its unit; empty for pure numbers and what is not known.
    pub unit: String,
    /// How many numbers each row has.
    pub components: u64,
    /// The dtype of its numbers: float64, or whole numbers as they are stored.
    pub dtype: DType,
    /// `[rows]`, or `[rows, components]`.
    array: Array,
}

/// Which rows of a table are in the object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TableRows {
    /// How many.
    pub count: u64,
    which: Which,
}

#[derive(Clone, Debug)]
enum Which {
    All,
    /// These.
    At(Vec<i64>),
    /// Too many to remember: each part of the files is looked through for them.
    Many,
}

impl Data {
    /// A table of fields, written `KIND.FIELD [UNIT]`. All are of one kind, which the first one names; what has several
    /// numbers in each row, as `position`, has them in its column.
    ///
    /// ```no_run
    /// use chunkwise::snapshot::{DataObject, Snapshot};
    /// use chunkwise::{ArrayValue, Error, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let ball = Snapshot::open("snap_003.hdf5")?.select(DataObject::sphere([25e3; 3], 5e3));
    /// let table = ball.table(&["gas.mass [Msun]", "id"])?;
    /// let rows = table.rows(&session)?;
    /// println!("{} rows", rows.count);
    /// table.parts(&rows, &session, |columns: &[ArrayValue]| {
    ///     let (masses, ids) = (columns[0].as_slice::<f64>()?, columns[1].as_slice::<u32>()?);
    ///     masses.iter().zip(ids).for_each(|(mass, id)| println!("{id}: {mass}"));
    ///     Ok::<(), Error>(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Value` for no fields, those of several kinds, and two of one name; as [`Data::field`] and [`Data::mask`].
    pub fn table(&self, fields: &[impl AsRef<str>]) -> Result<Table> {
        let asked = fields
            .iter()
            .map(|text| Ok(self.snapshot().as_shown(&Asked::read(text.as_ref())?)))
            .collect::<Result<Vec<_>>>()?;
        let Some(first) = asked.first() else {
            return Err(Error::new(ErrorKind::Value, "a table has at least one field"));
        };
        let kind = first.kind.clone().unwrap_or_else(|| self.spoken_kind());
        let mut columns: Vec<TableColumn> = Vec::new();
        for asked in &asked {
            let own = asked.kind.as_ref().unwrap_or(&kind);
            if !self.same_kinds(own, &kind)? {
                let e = format!("rows of {own} and of {kind} do not belong together");
                return Err(Error::new(ErrorKind::Value, e).hint("each kind has a table of its own"));
            }
            if columns.iter().any(|c| c.name == asked.name) {
                let e = format!("'{}' would be two columns of a table", asked.name);
                return Err(Error::new(ErrorKind::Value, e));
            }
            columns.push(self.table_column(&kind, asked).at("field", &asked.name)?);
        }
        let rows = self.rows(&kind)?;
        let mask = self.mask(&kind)?.map(|m| m.reshape(&[-1]));
        Ok(Table { kind, columns, mask, rows })
    }

    /// The usual kind by the name that people give it.
    fn spoken_kind(&self) -> String {
        let name = self.usual_kind();
        let kind = self.snapshot().contents().kind(name);
        kind.and_then(|k| k.aliases.first()).map_or(name, |alias| alias).to_string()
    }

    fn same_kinds(&self, one: &str, other: &str) -> Result<bool> {
        let names = |name: &str| -> Result<Vec<&str>> {
            Ok(self.snapshot().kinds(name)?.iter().map(|k| k.name.as_str()).collect())
        };
        Ok(names(one)? == names(other)?)
    }

    fn table_column(&self, kind: &str, asked: &Asked) -> Result<TableColumn> {
        let kinds = self.snapshot().kinds(kind)?;
        let fields = kinds
            .iter()
            .map(|k| self.snapshot().field_of(k, &asked.name, self.frame()))
            .collect::<Result<Vec<Field>>>()?;
        // Of several kinds the numbers are in one unit.
        let unit = self.unit_of(&fields[0], asked)?;
        let arrays =
            kinds.iter().zip(&fields).map(|(k, f)| rows_of(k, f, unit)).collect::<Result<Vec<_>>>()?;
        let mut shapes = arrays.iter().map(|a| Ok(a.shape()?[1..].to_vec())).collect::<Result<Vec<_>>>()?;
        shapes.dedup();
        if shapes.len() > 1 {
            let e = format!("rows of '{}' have different lengths in the kinds of {kind}", asked.name);
            return Err(Error::new(ErrorKind::Value, e));
        }
        let array = match &arrays[..] {
            [one] => one.clone(),
            all => concatenate(all, 0),
        };
        let text = match (&asked.unit, unit) {
            (Some(text), Some(_)) if text != "code" => text.clone(),
            (_, Some(unit)) if unit == unit.cgs() && unit.is_number() => String::new(),
            (_, Some(unit)) => unit.to_string(),
            (_, None) => String::new(),
        };
        Ok(TableColumn {
            name: asked.name.clone(),
            unit: text,
            components: array.shape()?.get(1).copied().unwrap_or(1),
            dtype: array.dtype()?,
            array,
        })
    }

    /// The unit that a field is wanted in; none if it has none and none is said.
    fn unit_of(&self, field: &Field, asked: &Asked) -> Result<Option<Unit>> {
        match asked.unit.as_deref() {
            Some("code") => Ok(field.unit),
            Some(text) => self.snapshot().unit(text).map(Some),
            None => Ok(field.unit.map(Unit::cgs)),
        }
    }
}

/// A field as rows: in a unit, as float64 where that takes a multiplication.
fn rows_of(kind: &Kind, field: &Field, unit: Option<Unit>) -> Result<Array> {
    let factor = match (unit, field.unit) {
        (None, None) => 1.0,
        (Some(unit), _) => field.factor(unit)?,
        (None, Some(_)) => {
            return Err(Error::new(ErrorKind::Value, "its unit is known for some kinds and not for others"));
        }
    };
    let array = if factor == 1.0 { field.array.clone() } else { field.array.cast(DType::F64) * factor };
    let rows = Contents::rows(kind) as i64;
    let shape: Vec<i64> = match array.shape()?.get(kind.shape.len()..) {
        None | Some([]) => vec![rows],
        Some(more) => vec![rows, more.iter().map(|&n| n as i64).product()],
    };
    Ok(if array.shape()?.len() == shape.len() { array } else { array.reshape(&shape) })
}

impl TableColumn {
    /// The bytes of a row.
    fn bytes(&self) -> u64 {
        self.components.saturating_mul(self.dtype.size() as u64)
    }

    /// Its shape in a table of so many rows.
    pub fn shape(&self, rows: u64) -> Vec<u64> {
        match self.array.shape() {
            Ok([_, components]) => vec![rows, *components],
            _ => vec![rows],
        }
    }
}

impl Table {
    /// Which rows are in the object, by a run over what selects them.
    ///
    /// # Errors
    /// Those of the run.
    pub fn rows(&self, session: &Session) -> Result<TableRows> {
        let Some(mask) = &self.mask else { return Ok(TableRows { count: self.rows, which: Which::All }) };
        match session.flatnonzero(mask) {
            Ok(at) => Ok(TableRows { count: at.len() as u64, which: Which::At(at) }),
            Err(e) if e.kind() == ErrorKind::Budget => {
                let count = session.compute(&mask.count_nonzero())?.item::<i64>()?;
                Ok(TableRows { count: count as u64, which: Which::Many })
            }
            Err(e) => Err(e),
        }
    }

    /// Hands on all rows, some after the others: of each column an array of as many. What is held is one part, which
    /// is a share of the session's budget.
    ///
    /// # Errors
    /// Those of the runs, and of `take`, after which there are no more parts.
    pub fn parts<E: From<Error>>(
        &self,
        rows: &TableRows,
        session: &Session,
        mut take: impl FnMut(&[ArrayValue]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let bytes = self.columns.iter().map(TableColumn::bytes).sum::<u64>().max(1);
        let most = (PART.min(session.memory() / 8) / bytes).max(FEWEST);
        match (&rows.which, &self.mask) {
            (Which::At(at), _) => self.parts_at(at, most, session, &mut take),
            (Which::Many, Some(mask)) => {
                let (mut from, step) = (0, (session.memory() / 64).max(FEWEST));
                while from < self.rows {
                    let to = self.rows.min(from.saturating_add(step));
                    let mut at = session.flatnonzero(&mask.index([Index::from(from as i64..to as i64)]))?;
                    at.iter_mut().for_each(|at| *at += from as i64);
                    self.parts_at(&at, most, session, &mut take)?;
                    from = to;
                }
                Ok(())
            }
            _ => cut(
                self.rows,
                most,
                |from, to| {
                    let part = |c: &TableColumn| c.array.index([Index::from(from as i64..to as i64)]);
                    self.run(&self.columns.iter().map(part).collect::<Vec<_>>(), session)
                },
                &mut take,
            ),
        }
    }

    fn parts_at<E: From<Error>>(
        &self,
        at: &[i64],
        most: u64,
        session: &Session,
        take: &mut impl FnMut(&[ArrayValue]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let part = |from: u64, to: u64| {
            let at = &at[from as usize..to as usize];
            let part = |c: &TableColumn| c.array.take(at, 0);
            self.run(&self.columns.iter().map(part).collect::<Vec<_>>(), session)
        };
        cut(at.len() as u64, most, part, take)
    }

    fn run(&self, arrays: &[Array], session: &Session) -> Result<Vec<ArrayValue>> {
        let targets: Vec<&dyn Target> = arrays.iter().map(|a| a as _).collect();
        let outcome = session.run(&targets)?;
        outcome.values.iter().map(|v| v.as_array().cloned()).collect()
    }
}

/// Goes from 0 to an end by parts, which are halved where one does not fit the budget.
fn cut<E: From<Error>>(
    end: u64,
    most: u64,
    part: impl Fn(u64, u64) -> Result<Vec<ArrayValue>>,
    take: &mut impl FnMut(&[ArrayValue]) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let (mut from, mut step) = (0, most);
    while from < end {
        let to = end.min(from.saturating_add(step));
        match part(from, to) {
            Ok(values) => take(&values)?,
            Err(e) if e.kind() == ErrorKind::Budget && step > FEWEST => {
                step = (step / 2).max(FEWEST);
                continue;
            }
            Err(e) => return Err(e.into()),
        }
        from = to;
    }
    Ok(())
}
