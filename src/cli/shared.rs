//! Variables of many files that do not lie along the axis along which the files are joined: coordinates, cell areas, masks
//! of land. As xarray has it, they are no more because there are more files, and are taken once where they are the same in
//! all. Which axis is joined the files say by their dimensions: that of records, and one whose coordinates differ.

use chunkwise::source::hdf5::{Attribute, AttributeValue, Dataset, Node, NodeKind, StringKind};
use chunkwise::{Join, OpenOptions, Opened, Result, Session, source};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The most elements that are compared.
const MOST: u64 = 1 << 22;

/// Files whose datasets are joined one after the other.
pub struct Shared {
    files: Vec<PathBuf>,
    options: OpenOptions,
    /// The axis along which they are joined.
    axis: i64,
    /// The first file whose coordinates differ from those of the first file, by their path; `None` where none does.
    differs: Mutex<HashMap<String, Option<PathBuf>>>,
}

/// An axis of a dataset.
#[derive(Clone, Debug, PartialEq)]
enum Dimension {
    /// That of the records of a netCDF classic file.
    Records,
    /// One that is called by a coordinate variable or a dimension scale, by its path.
    Scale(String),
    /// One of a netCDF classic file that has a name alone.
    Named,
    /// The file says nothing of it.
    Unknown,
}

/// What a dataset says of its axes.
fn dimensions(d: &Dataset) -> Vec<Dimension> {
    let rank = d.shape.as_ref().map_or(0, Vec::len);
    let of = |axis: usize| match (d.scales.get(axis).and_then(|names| names.first()), d.dimensions.get(axis))
    {
        _ if axis == 0 && d.layout == "record" => Dimension::Records,
        (Some(scale), _) => Dimension::Scale(scale.clone()),
        (None, Some(_)) => Dimension::Named,
        (None, None) => Dimension::Unknown,
    };
    (0..rank).map(of).collect()
}

/// The dataset at a path of a file by itself; nothing where it cannot be looked at, which is an error where it is opened.
fn dataset(file: &Path, path: &str, options: OpenOptions) -> Option<(Dataset, Vec<Attribute>)> {
    let node = source::tree_with(file, path, options).ok()?;
    match node.kind {
        NodeKind::Dataset(d) => Some((*d, node.attributes)),
        _ => None,
    }
}

/// Whether a dataset is a coordinate that does not go with records.
fn is_coordinate(d: &Dataset) -> bool {
    d.scale && matches!(dimensions(d)[..], [ref only] if *only != Dimension::Records)
}

fn unit(attributes: &[Attribute]) -> String {
    let units = attributes.iter().find(|a| a.name == "units").map(|a| &a.value);
    match units {
        Some(AttributeValue::Strings(texts)) => texts.concat(),
        _ => String::new(),
    }
}

impl Shared {
    pub fn new(files: &[PathBuf], join: Join, options: OpenOptions) -> Shared {
        // Stacked files have an axis of their own: what is the same is stacked as all else.
        let (files, axis) = match join {
            Join::Concatenate { axis } => (files.to_vec(), axis),
            _ => (Vec::new(), 0),
        };
        Shared { files, options, axis, differs: Mutex::default() }
    }

    /// The dataset at `path`, if it is taken once.
    ///
    /// # Errors
    /// Those of opening and comparing it.
    pub fn open(&self, path: &str) -> Result<Option<Opened>> {
        let [first, _, ..] = &self.files[..] else { return Ok(None) };
        let Some((d, _)) = dataset(first, path, self.options) else { return Ok(None) };
        let size = d.shape.iter().flatten().try_fold(1u64, |n, &len| n.checked_mul(len));
        let may_be = is_coordinate(&d) || self.lies_apart(&d)?;
        if d.dtype.is_none() || size.is_none_or(|n| n > MOST) || !may_be || self.differing(path)?.is_some() {
            return Ok(None);
        }
        let mut opened = Opened::open(first, path, self.options)?;
        opened.notes.push(format!("the same in all {} files, and taken once", self.files.len()));
        Ok(Some(opened))
    }

    /// Whether the dataset at `path` does not lie along the axis along which the files are joined.
    ///
    /// # Errors
    /// Those of comparing coordinates.
    pub fn is_apart(&self, path: &str) -> Result<bool> {
        let [first, _, ..] = &self.files[..] else { return Ok(false) };
        match dataset(first, path, self.options) {
            Some((d, _)) if is_coordinate(&d) => Ok(self.differing(path)?.is_none()),
            Some((d, _)) => self.lies_apart(&d),
            None => Ok(false),
        }
    }

    /// What is to be said of a dataset that is joined: other coordinates that differ between the files.
    pub fn notes(&self, path: &str) -> Vec<String> {
        let [first, _, ..] = &self.files[..] else { return Vec::new() };
        let Some((d, _)) = dataset(first, path, self.options) else { return Vec::new() };
        let dimensions = dimensions(&d);
        let axis = if self.axis < 0 { self.axis + dimensions.len() as i64 } else { self.axis };
        let others = dimensions.iter().enumerate().filter(|(d, _)| *d as i64 != axis);
        let mut notes = Vec::new();
        for (_, dimension) in others {
            if let Dimension::Scale(scale) = dimension
                && let Ok(Some(file)) = self.differing(scale)
            {
                let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
                let scale = scale.trim_start_matches('/');
                notes.push(format!(
                    "'{scale}' differs in {name}: what is joined is joined by position, not by '{scale}'"
                ));
            }
        }
        notes
    }

    /// Whether no axis of a dataset is one along which files are joined, and there is such a one. A number without axes
    /// lies along none.
    fn lies_apart(&self, d: &Dataset) -> Result<bool> {
        let dimensions = dimensions(d);
        if dimensions.is_empty() {
            return Ok(true);
        }
        for dimension in &dimensions {
            if *dimension == Dimension::Unknown || self.is_joined(dimension)? {
                return Ok(false);
            }
        }
        let mut all = Vec::new();
        every(&source::tree_with(&self.files[0], "/", self.options)?, &mut all);
        for dimension in &all {
            if self.is_joined(dimension)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether files are joined along a dimension.
    fn is_joined(&self, dimension: &Dimension) -> Result<bool> {
        Ok(match dimension {
            Dimension::Records => true,
            Dimension::Scale(scale) => self.differing(scale)?.is_some(),
            Dimension::Named | Dimension::Unknown => false,
        })
    }

    /// The first file in which the dataset at `path` is not what it is in the first file.
    fn differing(&self, path: &str) -> Result<Option<PathBuf>> {
        let known = |known: &Mutex<HashMap<_, _>>| {
            known.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
        };
        if let Some(known) = known(&self.differs) {
            return Ok(known);
        }
        let found = self.compare(path)?;
        let mut all = self.differs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(all.entry(path.to_string()).or_insert(found).clone())
    }

    fn compare(&self, path: &str) -> Result<Option<PathBuf>> {
        let Some((first, rest)) = self.files.split_first() else { return Ok(None) };
        let look = |file: &Path| {
            dataset(file, path, self.options).map(|(d, attributes)| (d.shape, unit(&attributes)))
        };
        let like = look(first);
        let elements = source::elements(first, path, self.options)?;
        if elements.text == Some(StringKind::Variable) {
            // Where such strings lie says nothing of them: of these only their number is compared.
            return Ok(rest.iter().find(|file| look(file) != like).cloned());
        }
        let options = self.options.text_bytes();
        let here = Opened::open(first, path, options)?;
        let session = Session::builder().threads(1).build()?;
        for file in rest {
            let same = look(file) == like && {
                let Ok(there) = Opened::open(file, path, options) else { return Ok(Some(file.clone())) };
                let equal = here.array.array_equal(&there.array, true);
                session.compute(&equal)?.scalar(0).is_some_and(|v| v.to_f64() != 0.0)
            };
            if !same {
                return Ok(Some(file.clone()));
            }
        }
        Ok(None)
    }
}

/// The dimensions of all datasets below a node.
fn every(node: &Node, out: &mut Vec<Dimension>) {
    match &node.kind {
        NodeKind::Group { members, .. } => members.iter().for_each(|member| every(member, out)),
        NodeKind::Dataset(d) => {
            let scale = d.scale.then(|| Dimension::Scale(node.path.clone()));
            for dimension in dimensions(d).into_iter().chain(scale) {
                if !out.contains(&dimension) {
                    out.push(dimension);
                }
            }
        }
        _ => {}
    }
}
