//! Attributes and small objects of files, as frontends ask for them.

use crate::error::{Error, ErrorKind, Result};
use crate::source::hdf5::{Attribute, AttributeValue, Dataset, Node, NodeKind, Object};
use crate::source::{self, OpenOptions};
use crate::{Array, DType, Device, Session};
use std::path::Path;

/// The attributes of an object.
#[derive(Clone, Debug, Default)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// Those of a listing or an object.
    pub fn new(attributes: Vec<Attribute>) -> Attributes {
        Attributes(attributes)
    }

    fn value(&self, name: &str) -> Option<&AttributeValue> {
        self.0.iter().find(|a| a.name == name).map(|a| &a.value)
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|a| a.name.as_str())
    }

    /// All its numbers; those that are written as text too.
    pub fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        match self.value(name)? {
            AttributeValue::Numbers(v) => Some(v.iter().map(|s| s.to_f64()).collect()),
            AttributeValue::Strings(v) => v.iter().map(|t| t.trim().parse().ok()).collect(),
            _ => None,
        }
    }

    /// Its first number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.numbers(name)?.first().copied()
    }

    /// Its texts.
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        match self.value(name)? {
            AttributeValue::Strings(v) => Some(v),
            _ => None,
        }
    }

    /// Its text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name)?.first().map(|t| t.trim_end_matches('\0').trim())
    }
}

/// What is at a path of a file; nothing if it is not there.
///
/// # Errors
/// As [`source::object`], but `NotFound`.
pub fn object(file: &Path, path: &str, options: OpenOptions) -> Result<Option<Object>> {
    match source::object(file, path, options) {
        Ok(object) => Ok(Some(object)),
        Err(e) if e.kind() == ErrorKind::NotFound && file.exists() => Ok(None),
        Err(e) => Err(e),
    }
}

/// The attributes of what is at a path; none if it is not there.
///
/// # Errors
/// As [`object`].
pub fn attributes(file: &Path, path: &str, options: OpenOptions) -> Result<Attributes> {
    let found = object(file, path, options)?;
    Ok(Attributes::new(found.map(|o| o.attributes).unwrap_or_default()))
}

/// A dataset in a group, with its attributes.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name in the group.
    pub name: String,
    /// What it is.
    pub dataset: Dataset,
    /// Its attributes.
    pub attributes: Attributes,
}

/// The numeric datasets in a group, by name; nothing if there is no such group.
///
/// # Errors
/// As [`source::tree_with`], but `NotFound`.
pub fn datasets(file: &Path, group: &str, options: OpenOptions) -> Result<Option<Vec<Found>>> {
    let node = match source::tree_with(file, group, options) {
        Ok(node) => node,
        Err(e) if e.kind() == ErrorKind::NotFound && file.exists() => return Ok(None),
        Err(e) => return Err(e),
    };
    let NodeKind::Group { members, .. } = node.kind else { return Ok(None) };
    let found = |node: Node| match node.kind {
        NodeKind::Dataset(dataset) if dataset.dtype.is_some() => Some(Found {
            name: node.path.rsplit('/').next().unwrap_or_default().to_string(),
            dataset: *dataset,
            attributes: Attributes::new(node.attributes),
        }),
        _ => None,
    };
    Ok(Some(members.into_iter().filter_map(found).collect()))
}

/// The numbers of a small dataset; nothing if it is not there.
///
/// # Errors
/// As [`Array::open_with`], but `NotFound`; `Format` if it has more than a million numbers.
pub fn small(file: &Path, dataset: &str, options: OpenOptions) -> Result<Option<Vec<f64>>> {
    let array = match Array::open_with(file, dataset, options) {
        Ok(array) => array,
        Err(e) if e.kind() == ErrorKind::NotFound && file.exists() => return Ok(None),
        Err(e) => return Err(e),
    };
    if array.size()? > 1 << 20 {
        let e = Error::new(ErrorKind::Format, "this should be a few numbers, and has more than a million");
        return Err(e.at("file", file.display()).at("dataset", dataset));
    }
    let session = Session::builder().device(Device::Cpu).threads(1).memory_bytes(64 << 20).build()?;
    Ok(Some(session.compute(&array.cast(DType::F64))?.as_slice::<f64>()?.to_vec()))
}
