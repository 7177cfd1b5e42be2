//! A snapshot that was opened.

use super::contents::{Contents, Kind, Place, StoredField};
use super::frontends;
use super::opening::Opening;
use super::units::{self, Epoch, Unit};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::{Array, Join, OpenOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A snapshot of a simulation: one file or a set of parts, as lazy arrays with units.
///
/// ```no_run
/// use chunkwise::Session;
/// use chunkwise::snapshot::{DataObject, Quantity, Snapshot};
/// # fn main() -> chunkwise::Result<()> {
/// let snapshot = Snapshot::open("snap_000.0.hdf5")?; // and its other parts
/// let ball = snapshot.select(DataObject::sphere([25e3; 3], 5e3)); // code lengths
/// let answers = ball.quantities(&[Quantity::Total("gas.mass [Msun]".into())], &Session::new()?)?;
/// println!("{}", answers[0]);
/// # Ok(())
/// # }
/// ```
///
/// Opening reads metadata only. What it holds are arrays that know their files; it is cheap to clone, and can be used by
/// many threads.
#[derive(Clone, Debug)]
pub struct Snapshot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    contents: Contents,
    options: OpenOptions,
    derived: BTreeMap<String, UserField>,
    opened: Mutex<BTreeMap<(String, String), Array>>,
}

/// A field that a user defined.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UserField {
    /// What it is, in terms of fields in cgs.
    pub expression: String,
    /// The unit that it is shown in where no other one is asked for, if one was said.
    pub unit: Option<Unit>,
    /// This unit as it was written.
    pub shown: String,
}

impl Snapshot {
    /// The snapshot of a file: all its parts, where it has several and their names tell. The format is recognised.
    ///
    /// # Errors
    /// `Unsupported` for a file of no format that is known, with what was looked for; `NotFound` for a part that is not
    /// there; `Format` for what is damaged; those of reading.
    pub fn open(file: impl AsRef<Path>) -> Result<Snapshot> {
        Snapshot::open_with([file], &Opening::new())
    }

    /// The snapshot that lies in these files, in this order, with options.
    ///
    /// # Errors
    /// As [`Snapshot::open`]; `Value` where there are more parts than files, unless [`Opening::partial`] allows it.
    pub fn open_with(
        files: impl IntoIterator<Item = impl AsRef<Path>>,
        opening: &Opening,
    ) -> Result<Snapshot> {
        let files: Vec<PathBuf> = files.into_iter().map(|f| f.as_ref().to_path_buf()).collect();
        for file in &files {
            if let Err(e) = std::fs::metadata(file) {
                let kind = if e.kind() == std::io::ErrorKind::NotFound {
                    ErrorKind::NotFound
                } else {
                    ErrorKind::Io
                };
                return Err(Error::new(kind, "cannot find the file").at("file", file.display()).caused_by(e));
            }
        }
        let contents = frontends::open(&files, opening)?;
        Ok(Snapshot(Arc::new(Inner {
            contents,
            options: opening.options,
            derived: BTreeMap::new(),
            opened: Mutex::default(),
        })))
    }

    /// What its metadata says.
    pub fn contents(&self) -> &Contents {
        &self.0.contents
    }

    /// Scale factor and h.
    pub fn epoch(&self) -> Epoch {
        self.0.contents.epoch
    }

    /// The unit that a text says: `Msun/kpc**3`, `kpccm/h`, `code_length`.
    ///
    /// # Errors
    /// `Value` for what is no unit.
    pub fn unit(&self, text: &str) -> Result<Unit> {
        units::parse(text, &self.0.contents.units)
    }

    /// The same snapshot with a field of one's own: an expression of other fields of the same kind, in cgs, and of numbers
    /// with units (`5 [kpc]`). Its unit follows from these; the given one, if it is not empty, is that in which it is shown,
    /// and must be of the same kind. Where the unit does not follow, as of a function that says nothing of it, what comes out is
    /// in the cgs unit of the given one's kind.
    ///
    /// # Errors
    /// `Value` for what is no unit, or no name.
    pub fn with_field(&self, name: &str, expression: &str, unit: &str) -> Result<Snapshot> {
        let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if !is_name {
            return Err(Error::new(ErrorKind::Value, format!("'{name}' cannot be the name of a field")));
        }
        let mut derived = self.0.derived.clone();
        let (expression, shown) = (expression.to_string(), unit.trim().to_string());
        let unit = if shown.is_empty() { None } else { Some(self.unit(&shown)?) };
        derived.insert(name.to_string(), UserField { expression, unit, shown });
        let opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Snapshot(Arc::new(Inner {
            contents: self.0.contents.clone(),
            options: self.0.options,
            derived,
            opened: Mutex::new(opened),
        })))
    }

    /// The fields that users defined.
    pub fn user_fields(&self) -> &BTreeMap<String, UserField> {
        &self.0.derived
    }

    /// The kinds that a name stands for, with the shape of their rows.
    ///
    /// # Errors
    /// `NotFound` if there are none, with the names that there are.
    pub fn kinds(&self, name: &str) -> Result<Vec<&Kind>> {
        let contents = self.contents();
        match contents.kinds_of(name) {
            Some(kinds) if !kinds.is_empty() => Ok(kinds),
            _ => {
                let of = |k: &Kind| match k.aliases.first() {
                    Some(alias) => format!("{} ({alias})", k.name),
                    None => k.name.clone(),
                };
                let mut names: Vec<String> = contents.kinds.iter().map(of).collect();
                names.extend(contents.unions.iter().map(|(name, _)| name.clone()));
                Err(Error::new(ErrorKind::NotFound, format!("there is no '{name}' in this snapshot"))
                    .hint(format!("there are {}", names.join(", "))))
            }
        }
    }

    /// A stored field as it lies in the files: its own dtype, code units.
    ///
    /// # Errors
    /// Those of opening it; `Format` if it has not as many rows as its kind.
    pub fn stored(&self, kind: &Kind, field: &StoredField) -> Result<Array> {
        let key = (kind.name.clone(), field.name.clone());
        if let Some(array) = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(array.clone());
        }
        let array = match &field.place {
            Place::Constant(v) => Array::full(&kind.shape, *v),
            Place::Array(array) => array.clone(),
            Place::Dataset(path) => {
                let files = &self.0.contents.files;
                match &files[..] {
                    [one] => Array::open_with(one, path, self.0.options)?,
                    // A part without particles of a type has no group of it.
                    _ => {
                        let options = self.0.options.skip_missing();
                        Array::open_many_with(files, path, Join::Concatenate { axis: 0 }, options)?
                    }
                }
            }
        };
        if !array.shape()?.starts_with(&kind.shape) {
            let (rows, shape) = (Contents::rows(kind), array.shape()?.to_vec());
            let e = format!(
                "the files say {rows} rows of {}, and its {} has the shape {shape:?}",
                kind.name, field.name
            );
            return Err(Error::new(ErrorKind::Format, e)).at("file", self.0.contents.files[0].display());
        }
        let array = array.made_by(&format!("{}.{}", kind.name, field.name));
        self.0.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(key, array.clone());
        Ok(array)
    }
}
