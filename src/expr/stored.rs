//! Files, groups and datasets that expressions reach by name: `g.Density`, `s["/PartType0/Density"]`,
//! `s["/Header"].attrs["Redshift"]`, fields of compound data `d["pos"]["x"]`. They are looked at when an expression uses them, and not before.

use crate::source::hdf5::{Attribute, AttributeValue, Elements, Object, ObjectKind};
use crate::source::memory::MemorySource;
use crate::source::{self, Join, OpenOptions};
use crate::{Array, Buffer, Error, ErrorKind, Result, Scalar, Weak};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Names that a hint lists.
const NAMED: usize = 20;

/// How a dataset of the files is opened, by its path.
type Open = dyn Fn(&str) -> Result<Array> + Send + Sync;

/// A file, a group or a dataset in it, or the same of many files whose datasets are joined.
///
/// ```no_run
/// use chunkwise::expr::{Expression, Scope, Stored};
/// # fn main() -> chunkwise::Result<()> {
/// let mut scope = Scope::new();
/// scope.define("s", Stored::file("snapshot.h5"));
/// let density = Expression::parse("s.PartType0.Density / s['/Header'].attrs['Time'] ** 3")?.array(&scope)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Stored {
    files: Arc<Files>,
    /// From the root, without a slash at the end; empty for the root.
    path: String,
    looked: Arc<Looked>,
}

struct Files {
    paths: Vec<PathBuf>,
    options: OpenOptions,
    open: Box<Open>,
    /// What was found out about the objects that were named, by their paths: each is looked at once, however often
    /// expressions name it.
    looked: Mutex<HashMap<String, Arc<Looked>>>,
}

impl Files {
    fn looked_at(&self, path: &str) -> Arc<Looked> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.entry(path.to_string()).or_default().clone()
    }
}

/// What was found out about an object.
#[derive(Default)]
struct Looked {
    array: OnceLock<Array>,
    object: OnceLock<Object>,
    elements: OnceLock<Elements>,
}

/// The value of an attribute. One of a kind is that, whatever the shape in which it is stored.
pub(super) enum Held {
    Number(Weak),
    Numbers(Array),
    Text(String),
    Texts(Vec<String>),
}

impl Stored {
    /// A whole file, HDF5 or netCDF.
    pub fn file(path: impl Into<PathBuf>) -> Stored {
        let path = path.into();
        let file = path.clone();
        Stored::opened_by([path], OpenOptions::new(), move |dataset| Array::open(&file, dataset))
    }

    /// Files whose datasets of one path are joined to one array. Attributes are those that all files agree on.
    pub fn files(
        paths: impl IntoIterator<Item = impl Into<PathBuf>>,
        join: Join,
        options: OpenOptions,
    ) -> Stored {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        let files = paths.clone();
        let open = move |dataset: &str| Array::open_many_with(&files, dataset, join, options);
        Stored::opened_by(paths, options, open)
    }

    /// Files whose datasets are opened in a way of one's own: decoded, say. The paths are where groups and attributes
    /// are looked for.
    pub fn opened_by(
        paths: impl IntoIterator<Item = impl Into<PathBuf>>,
        options: OpenOptions,
        open: impl Fn(&str) -> Result<Array> + Send + Sync + 'static,
    ) -> Stored {
        let paths = paths.into_iter().map(Into::into).collect();
        let files = Files { paths, options, open: Box::new(open), looked: Mutex::default() };
        Stored { looked: files.looked_at(""), files: Arc::new(files), path: String::new() }
    }

    /// What is at a path below it; from the root, if the path begins with `/`. Whether anything is there shows when it is
    /// used.
    pub fn at(&self, path: &str) -> Stored {
        let below = path.trim_matches('/');
        let path = match path.starts_with('/') {
            true if below.is_empty() => String::new(),
            true => format!("/{below}"),
            false => format!("{}/{below}", self.path),
        };
        Stored { looked: self.files.looked_at(&path), files: self.files.clone(), path }
    }

    /// Its path from the root.
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// The names of what is in a group, sorted.
    ///
    /// # Errors
    /// Those of reading the first file.
    pub fn members(&self) -> Result<&[String]> {
        Ok(&self.object()?.members)
    }

    /// The names of the fields of its elements; none if they have none.
    ///
    /// # Errors
    /// Those of reading the first file.
    pub fn fields(&self) -> Result<Vec<&str>> {
        let own = self.elements()?.fields.iter().map(|field| field.name.as_str());
        Ok(own.filter(|name| !name.contains('/')).collect())
    }

    /// The dataset as an array.
    ///
    /// # Errors
    /// Those of opening it; `Type` for a group.
    pub fn array(&self) -> Result<Array> {
        if let Some(array) = self.looked.array.get() {
            return Ok(array.clone());
        }
        let array = (self.files.open)(self.path()).map_err(|e| match e.kind() {
            // Only of what was found it is asked what else it is: a file that cannot be read is not read again.
            ErrorKind::Type => match self.object() {
                Ok(object) if object.kind == ObjectKind::Group => self.is_group(object),
                _ => e,
            },
            _ => e,
        })?;
        Ok(self.looked.array.get_or_init(|| array).clone())
    }

    /// Whether it is a group, as far as can be seen.
    pub fn is_a_group(&self) -> bool {
        self.holds_others().unwrap_or(false)
    }

    /// Whether it is a group.
    ///
    /// # Errors
    /// Those of reading the first file.
    pub(super) fn holds_others(&self) -> Result<bool> {
        // What was opened is a dataset.
        if self.looked.array.get().is_some() {
            return Ok(false);
        }
        match self.object() {
            Ok(object) => Ok(object.kind == ObjectKind::Group),
            // A field is no object.
            Err(_) if self.elements().is_ok() => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Whether something in it is reached by a name: what is in a group, the fields of compound elements.
    ///
    /// # Errors
    /// Those of reading the first file.
    pub(super) fn has_parts(&self) -> Result<bool> {
        // What was opened is an array of numbers.
        if self.looked.array.get().is_some() {
            return Ok(false);
        }
        match self.object() {
            Ok(object) if object.kind == ObjectKind::Group => Ok(true),
            // A field of a field is no object.
            Ok(_) | Err(_) => Ok(!self.elements()?.fields.is_empty()),
        }
    }

    /// Whether its elements are complex numbers. What cannot be looked at is none.
    pub(super) fn is_complex(&self) -> bool {
        self.looked.array.get().is_none() && self.elements().is_ok_and(|elements| elements.is_complex)
    }

    /// What its elements are made of in the first file.
    fn elements(&self) -> Result<&Elements> {
        if let Some(elements) = self.looked.elements.get() {
            return Ok(elements);
        }
        let elements = self.in_first(|path| source::elements(path, self.path(), self.files.options))?;
        Ok(self.looked.elements.get_or_init(|| elements))
    }

    /// What is found in the first file; where files may lack it, in the first that has it.
    fn in_first<T>(&self, look: impl Fn(&Path) -> Result<T>) -> Result<T> {
        let mut lacking = None;
        for path in &self.files.paths {
            match look(path) {
                Err(e) if self.files.options.skip_missing && e.kind() == ErrorKind::NotFound => {
                    lacking.get_or_insert(e);
                }
                found => return found,
            }
        }
        Err(lacking.unwrap_or_else(|| Error::new(ErrorKind::NotFound, "no file")))
    }

    fn is_group(&self, object: &Object) -> Error {
        let e = self.located(Error::new(ErrorKind::Type, "this is a group, not a dataset"));
        e.hint(match &object.members[..] {
            [] => "it is empty".to_string(),
            members => format!("it has {}", listed(members)),
        })
    }

    /// What it is in the first file.
    fn object(&self) -> Result<&Object> {
        if let Some(object) = self.looked.object.get() {
            return Ok(object);
        }
        let object = self.in_first(|path| source::object(path, self.path(), self.files.options))?;
        Ok(self.looked.object.get_or_init(|| object))
    }

    fn located(&self, e: Error) -> Error {
        let e = e.at("object", self.path());
        match &self.files.paths[..] {
            [only] => e.at("file", only.display()),
            [first, .., last] => e.at("files", format!("{} to {}", first.display(), last.display())),
            [] => e,
        }
    }

    /// The value of an attribute.
    ///
    /// # Errors
    /// `NotFound` if there is none; `Value` if the files do not agree on it; `Unsupported` for what is neither numbers nor
    /// text.
    pub(super) fn attribute(&self, name: &str) -> Result<Held> {
        let first = find(self.object()?, name).ok_or_else(|| self.no_attribute(name))?;
        for other in self.files.paths.iter().skip(1) {
            let there = source::object(other, self.path(), self.files.options)?;
            if find(&there, name).map(|a| &a.value) != Some(&first.value) {
                let message = format!("the files do not agree on the attribute '{name}'");
                return Err(self
                    .located(Error::new(ErrorKind::Value, message).at("first to differ", other.display()))
                    .hint("take it from one of them, by a name of its own"));
            }
        }
        self.value(first)
    }

    fn no_attribute(&self, name: &str) -> Error {
        let e = Error::new(ErrorKind::NotFound, format!("there is no attribute '{name}'"));
        let names: Vec<String> = match self.object() {
            Ok(object) => object.attributes.iter().map(|a| a.name.clone()).collect(),
            Err(_) => Vec::new(),
        };
        self.located(e).hint(match &names[..] {
            [] => "it has no attributes".to_string(),
            names => format!("it has {}", listed(names)),
        })
    }

    fn value(&self, attribute: &Attribute) -> Result<Held> {
        let count = attribute.shape.iter().fold(1u64, |n, d| n.saturating_mul(*d));
        let refuse = |what: &str| {
            let message = format!("the attribute '{}' {what}", attribute.name);
            self.located(Error::new(ErrorKind::Unsupported, message))
        };
        match &attribute.value {
            AttributeValue::Numbers(v) if v.len() as u64 != count => {
                Err(refuse("has more values than are read of one"))
            }
            AttributeValue::Numbers(v) => match v[..] {
                [one] => Ok(Held::Number(weak(one))),
                _ => numbers(v, &attribute.shape).map(Held::Numbers).ok_or_else(|| refuse("has no values")),
            },
            AttributeValue::Strings(v) => match &v[..] {
                [one] => Ok(Held::Text(one.clone())),
                _ => Ok(Held::Texts(v.clone())),
            },
            AttributeValue::Other(text) => Err(refuse(&format!("is neither numbers nor text: {text}"))),
        }
    }
}

/// The first names, and dots if there are more.
fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text.push_str(", …");
    }
    text
}

fn find<'a>(object: &'a Object, name: &str) -> Option<&'a Attribute> {
    object.attributes.iter().find(|a| a.name == name)
}

/// A number that was stored as Python has it: weak.
fn weak(v: Scalar) -> Weak {
    match v {
        Scalar::Bool(b) => Weak::Bool(b),
        v => v.to_i128().map_or(Weak::Float(v.to_f64()), Weak::Int),
    }
}

fn numbers(values: &[Scalar], shape: &[u64]) -> Option<Array> {
    let dtype = values.first()?.dtype();
    let mut bytes = Buffer::zeroed(values.len() * dtype.size());
    for (place, value) in bytes.chunks_exact_mut(dtype.size()).zip(values) {
        place.copy_from_slice(&value.to_bytes());
    }
    Some(Array::new(MemorySource::held(dtype, shape, Arc::new(bytes))))
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.files.paths.first().map(|p| p.display().to_string()).unwrap_or_default();
        write!(f, "Stored({file}:{})", self.path())
    }
}
