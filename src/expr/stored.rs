//! Files, groups and datasets that expressions reach by name: `g.Density`, `s["/PartType0/Density"]`,
//! `s["/Header"].attrs["Redshift"]`, fields of compound data `d["pos"]["x"]`. They are looked at when an expression uses them, and not before.

use super::each_file;
use super::scales::{AxisIs, axes, is_length_only};
use crate::source::hdf5::{Attribute, AttributeValue, Dataset, Elements, NodeKind, Object, ObjectKind};
use crate::source::memory::MemorySource;
use crate::source::{self, Join, OpenOptions};
use crate::{Array, Buffer, Dimension, Error, ErrorKind, Members, Result, Scalar, Session, Texts, Weak};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Names that a hint lists.
const NAMED: usize = 20;

/// How a dataset of the files is opened, by its path.
type Open = dyn Fn(&str) -> Result<Array> + Send + Sync;
/// Whether a dataset is not joined, by its path.
type Once = dyn Fn(&str) -> Result<bool> + Send + Sync;

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
    paths: Arc<[PathBuf]>,
    join: Join,
    options: OpenOptions,
    open: Arc<Open>,
    /// Whether the dataset at a path is in each of the files what it is in the first, and not joined.
    once: Arc<Once>,
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
    /// The strings as numbers.
    numbers: OnceLock<Array>,
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
        let join = Join::Concatenate { axis: 0 };
        Stored::opened_by([path], join, OpenOptions::new(), move |dataset| Array::open(&file, dataset))
    }

    /// Files whose datasets of one path are joined to one array. An attribute that differs between them is an array with an
    /// entry for each file.
    pub fn files(
        paths: impl IntoIterator<Item = impl Into<PathBuf>>,
        join: Join,
        options: OpenOptions,
    ) -> Stored {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        let files = paths.clone();
        let open = move |dataset: &str| Array::open_many_with(&files, dataset, join, options);
        Stored::opened_by(paths, join, options, open)
    }

    /// Files whose datasets are opened in a way of one's own: decoded, say. The paths are where groups, attributes and
    /// strings are looked for, and strings are joined as said.
    pub fn opened_by(
        paths: impl IntoIterator<Item = impl Into<PathBuf>>,
        join: Join,
        options: OpenOptions,
        open: impl Fn(&str) -> Result<Array> + Send + Sync + 'static,
    ) -> Stored {
        let paths = paths.into_iter().map(Into::into).collect();
        let (open, once) = (Arc::new(open), Arc::new(|_: &str| Ok(false)));
        let files = Files { paths, join, options, open, once, looked: Mutex::default() };
        Stored { looked: files.looked_at(""), files: Arc::new(files), path: String::new() }
    }

    /// With strings that are taken from the first file where `once` says that their dataset does not lie along the axis
    /// that is joined.
    pub fn once(mut self, once: impl Fn(&str) -> Result<bool> + Send + Sync + 'static) -> Stored {
        if let Some(files) = Arc::get_mut(&mut self.files) {
            files.once = Arc::new(once);
        }
        self
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
        let array = match array.dtype()?.is_integer() {
            true => self.with_names(array),
            false => array,
        };
        let stored = self.apart();
        let array = match array.ndim()? {
            0 => array,
            _ => array.with_dimensions_by(move || stored.axes()),
        };
        Ok(self.looked.array.get_or_init(|| array).clone())
    }

    /// The same, which remembers by itself what it finds: an array that it is part of may be remembered.
    fn apart(&self) -> Stored {
        let Files { paths, join, options, open, once, .. } = &*self.files;
        let (paths, open, once) = (paths.clone(), open.clone(), once.clone());
        let files =
            Arc::new(Files { paths, join: *join, options: *options, open, once, looked: Mutex::default() });
        Stored { looked: files.looked_at(&self.path), files, path: self.path.clone() }
    }

    /// What the axes of a dataset are by its file; of many files, by the first.
    fn axes(&self) -> Vec<Option<Dimension>> {
        let Ok((dataset, object)) = self.described() else { return Vec::new() };
        let mut out: Vec<_> = axes(&dataset, &object).into_iter().map(|axis| self.dimension(axis)).collect();
        if let (Join::Stack { axis }, true) = (self.files.join, self.files.paths.len() > 1) {
            let rank = out.len();
            let at = if axis < 0 { axis + rank as i64 + 1 } else { axis };
            out.insert(usize::try_from(at).unwrap_or(0).min(rank), None);
        }
        out
    }

    fn dimension(&self, axis: AxisIs) -> Option<Dimension> {
        let scale = match axis {
            AxisIs::Unknown => return None,
            AxisIs::Named(name) => return Some(Dimension::new(&name)),
            AxisIs::Scale(path) => self.at(&path),
            AxisIs::Own => self.clone(),
        };
        let dimension = Dimension::new(scale.path().rsplit('/').next().unwrap_or_default());
        Some(dimension.with_any_coordinates(move || scale.coordinates()))
    }

    /// What a scale says of the places along its axis, as numbers.
    fn coordinates(&self) -> Result<Option<Array>> {
        match is_length_only(self.object()?) || self.is_text() {
            true => Ok(None),
            false => self.array().map(|a| Some(a.made_by(self.path().trim_start_matches('/')))),
        }
    }

    /// What a listing says of a dataset, and its attributes, in the first file.
    ///
    /// # Errors
    /// Those of reading it; `Type` for what is no dataset.
    fn described(&self) -> Result<(Dataset, Object)> {
        let node = self.in_first(|path| source::tree_with(path, self.path(), self.files.options))?;
        match &node.kind {
            NodeKind::Dataset(dataset) => Ok(((**dataset).clone(), node.into())),
            _ => Err(self.located(Error::new(ErrorKind::Type, "this is no dataset"))),
        }
    }

    /// Numbers that are values of an enum have its names, where all files agree on them.
    fn with_names(&self, array: Array) -> Array {
        let Ok(elements) = self.elements() else { return array };
        if elements.members.is_empty() || self.agreed_members().is_err() {
            return array;
        }
        array.with_members(Members::new(elements.members.iter().map(|(name, value)| (*value, name.clone()))))
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

    /// Whether a name is that of an attribute and of nothing in it.
    pub(super) fn is_attribute(&self, name: &str) -> bool {
        self.object().is_ok_and(|object| {
            !object.members.iter().any(|member| member == name) && find(object, name).is_some()
        })
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

    /// Where its elements are one of `words`, which are strings or the names of an enum's values; nothing if they are
    /// neither.
    ///
    /// # Errors
    /// As [`Texts::isin`]; `Value` for a name that no value of an enum has, and for files that do not agree on these names.
    pub(super) fn is_one_of(&self, words: &[&str]) -> Result<Option<Array>> {
        // What is no dataset is told where it is opened.
        let Ok(elements) = self.elements() else { return Ok(None) };
        if elements.text.is_some() {
            let (files, options) = (&self.files, self.files.options);
            if files.paths.len() > 1 && (files.once)(self.path())? {
                return self.in_each(words).map(Some);
            }
            let texts = Texts::open_many(&*files.paths, self.path(), files.join, options)?;
            return texts.isin(words).map(Some);
        }
        if elements.members.is_empty() {
            return Ok(None);
        }
        self.agreed_members()?;
        let value = |word: &&str| {
            elements.members.iter().find(|m| m.0 == *word).map(|m| m.1).ok_or_else(|| {
                let names: Vec<String> = elements.members.iter().map(|m| m.0.clone()).collect();
                let e = Error::new(ErrorKind::Value, format!("the enum has no value of the name {word:?}"));
                self.located(e).hint(format!("it has {}", listed(&names)))
            })
        };
        let values = words.iter().map(value).collect::<Result<Vec<i128>>>()?;
        let array = self.array()?;
        let same = values.into_iter().map(|value| array.equal(Weak::Int(value)));
        Ok(same.reduce(|a, b| a.logical_or(&b)))
    }

    /// Checks that the names of an enum's values are those of the first file in all of them.
    fn agreed_members(&self) -> Result<()> {
        let elements = self.elements()?;
        for path in self.files.paths.iter().skip(1) {
            match source::elements(path, self.path(), self.files.options) {
                Ok(there) if there.members == elements.members => {}
                Err(e) if self.files.options.skip_missing && e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
                Ok(_) => {
                    let e = Error::new(ErrorKind::Value, "the files do not agree on the names of the enum");
                    return Err(self.located(e).at("first to differ", path.display()));
                }
            }
        }
        Ok(())
    }

    /// Its strings as numbers that have them as names. They are read once.
    ///
    /// # Errors
    /// As [`Session::factorize`]; `Value` for strings that are not joined and differ between the files.
    pub(super) fn factorized(&self, session: &Session) -> Result<Array> {
        if let Some(numbers) = self.looked.numbers.get() {
            return Ok(numbers.clone());
        }
        let (files, options) = (&self.files, self.files.options);
        let numbers = match files.paths.len() > 1 && (files.once)(self.path())? {
            true => self.alike(|path| session.factorize(&Texts::open(path, self.path(), options)?))?,
            false => {
                session.factorize(&Texts::open_many(&*files.paths, self.path(), files.join, options)?)?
            }
        };
        Ok(self.looked.numbers.get_or_init(|| numbers).clone())
    }

    /// The paths of the fields of its elements that have no fields themselves.
    ///
    /// # Errors
    /// Those of reading the first file.
    pub(super) fn leaves(&self) -> Result<Vec<String>> {
        let all: Vec<&str> = self.elements()?.fields.iter().map(|field| field.name.as_str()).collect();
        let holds =
            |name: &str| all.iter().any(|other| other.strip_prefix(name).is_some_and(|o| o.starts_with('/')));
        Ok(all.iter().filter(|name| !holds(name)).map(|name| name.to_string()).collect())
    }

    /// Whether its elements have fields.
    ///
    /// # Errors
    /// Those of reading the first file.
    pub(super) fn is_table(&self) -> Result<bool> {
        Ok(self.has_parts()? && !self.holds_others()? && !self.is_complex())
    }

    /// Where strings of the first file are one of `words`, which must be so in all files.
    fn in_each(&self, words: &[&str]) -> Result<Array> {
        self.alike(|path| Texts::open(path, self.path(), self.files.options)?.isin(words))
    }

    /// What is found in the first file, which must be so in all files.
    fn alike(&self, find: impl Fn(&PathBuf) -> Result<Array>) -> Result<Array> {
        let [first, rest @ ..] = &self.files.paths[..] else {
            return Err(Error::new(ErrorKind::NotFound, "no file"));
        };
        let found = find(first)?;
        let session = Session::builder().threads(1).build()?;
        for path in rest {
            let there = find(path)?;
            let same = session.compute(&found.array_equal(&there, false))?;
            if same.scalar(0) != Some(Scalar::Bool(true)) || found.members()? != there.members()? {
                let e = Error::new(
                    ErrorKind::Value,
                    "the strings differ between the files, along whose axis they do not lie",
                );
                return Err(self.located(e).at("first to differ", path.display()));
            }
        }
        Ok(found)
    }

    /// Whether its elements are strings. What cannot be looked at is none.
    pub(super) fn is_text(&self) -> bool {
        self.looked.array.get().is_none() && self.elements().is_ok_and(|elements| elements.text.is_some())
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
        for path in &*self.files.paths {
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
    /// `NotFound` if there is none; `Value` if the files have no such attribute of one shape and dtype; `Unsupported` for
    /// what is neither numbers nor text.
    pub(super) fn attribute(&self, name: &str) -> Result<Held> {
        let first = find(self.object()?, name).ok_or_else(|| self.no_attribute(name))?;
        let mut all = vec![first.clone()];
        for other in self.files.paths.iter().skip(1) {
            let there = source::object(other, self.path(), self.files.options)?;
            match find(&there, name).filter(|there| are_of_a_kind(first, there)) {
                Some(there) => all.push(there.clone()),
                None => {
                    let message = format!("the files do not agree on the attribute '{name}'");
                    return Err(self
                        .located(Error::new(ErrorKind::Value, message).at("first to differ", other.display()))
                        .hint("take it from one of them, by a name of its own"));
                }
            }
        }
        match all.iter().all(|there| there.value == first.value) {
            true => self.value(first),
            false => Ok(match self.value(&of_each(name, &all))? {
                Held::Numbers(array) => Held::Numbers(each_file::mark(&array, all.len(), self.files.join)),
                other => other,
            }),
        }
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

/// Whether two attributes are one, or the values of several files can stand side by side: numbers of one shape and
/// dtype, a text each.
fn are_of_a_kind(a: &Attribute, b: &Attribute) -> bool {
    match (&a.value, &b.value) {
        (AttributeValue::Numbers(x), AttributeValue::Numbers(y)) => {
            a.shape == b.shape && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| x.dtype() == y.dtype())
        }
        (AttributeValue::Strings(x), AttributeValue::Strings(y)) => x.len() == 1 && y.len() == 1 || x == y,
        _ => a.value == b.value,
    }
}

/// The attributes of files of a kind side by side, along a new first axis. One value of each file is one entry.
fn of_each(name: &str, all: &[Attribute]) -> Attribute {
    let mut shape = vec![all.len() as u64];
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for one in all {
        match &one.value {
            AttributeValue::Numbers(v) => numbers.extend_from_slice(v),
            AttributeValue::Strings(v) => texts.extend_from_slice(v),
            AttributeValue::Other(_) => {}
        }
    }
    if numbers.len() > all.len() {
        shape.extend_from_slice(&all[0].shape);
    }
    let value = match texts.is_empty() {
        true => AttributeValue::Numbers(numbers),
        false => AttributeValue::Strings(texts),
    };
    Attribute { name: name.to_string(), shape, value }
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
