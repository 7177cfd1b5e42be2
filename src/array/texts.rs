//! Strings of files: they are compared, and that is an array of bools.

use super::{Array, Index, Over, concatenate, stack};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::lookup::{Lookup, Table};
use crate::source::hdf5::{StringKind, texts};
use crate::source::many::Many;
use crate::source::memory::MemorySource;
use crate::source::parts::Parts;
use crate::source::{self, Join, OpenOptions, Source};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A dataset of strings, or a field of strings of a compound one: what can be asked of it is which of them are equal to
/// given texts, as of `h5py`'s `dset.asstr()[:] == "text"`.
///
/// A string ends at its first byte that is 0; one that is filled up with spaces, before these. Where each element is one
/// character and there are several axes, the strings lie along the last one, as netCDF's. Strings are compared by
/// their bytes, which are UTF-8 here.
///
/// ```no_run
/// use chunkwise::{Array, OpenOptions, Over, Texts};
/// # fn main() -> chunkwise::Result<()> {
/// let severity = Texts::open("log.h5", "/events/sev", OpenOptions::new())?;
/// let energy = Array::open("log.h5", "/events/energy")?;
/// let of_errors = energy.mean_with(Over::all().mask(&severity.equal("ERROR")?));
/// # let _ = of_errors;
/// # Ok(())
/// # }
/// ```
///
/// Strings of fixed length are compared when the array is computed. Those of variable length are read at once, one after
/// the other: a byte in memory for each is what stays.
#[derive(Clone, Debug)]
pub struct Texts {
    files: Vec<PathBuf>,
    join: Join,
    path: String,
    options: OpenOptions,
}

/// How strings are stored.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Form {
    pub kind: StringKind,
    /// Bytes of each.
    pub len: u64,
    /// How many axes their bytes have: one, or one for the characters and one for the byte of each.
    axes: usize,
}

impl Form {
    /// What a string is of the bytes that are stored of it: [`Texts`] says where it ends.
    pub fn text<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let upto = |last: Option<usize>| &bytes[..last.map_or(0, |at| at + 1)];
        match self.kind {
            StringKind::NulTerminated | StringKind::Variable => {
                bytes.split(|&b| b == 0).next().unwrap_or_default()
            }
            StringKind::NulPadded => upto(bytes.iter().rposition(|&b| b != 0)),
            StringKind::SpacePadded => upto(bytes.iter().rposition(|&b| b != b' ')),
            StringKind::Characters => upto(bytes.iter().rposition(|&b| b != 0 && b != b' ')),
        }
    }
}

/// The strings of a file as bytes.
pub(crate) struct Part {
    pub source: Arc<dyn Source>,
    pub path: PathBuf,
    pub form: Form,
}

impl Part {
    /// The bytes, those of a string along the last axis.
    pub fn bytes(&self) -> Array {
        characters(Array::new(self.source.clone()), self.form)
    }
}

/// Without the axis that characters have for the one byte of each.
fn characters(bytes: Array, form: Form) -> Array {
    if form.axes == 2 { bytes.index([Index::Ellipsis, Index::At(0)]) } else { bytes }
}

impl Texts {
    /// The strings at `dataset` of an HDF5 file. Reads metadata only.
    ///
    /// # Errors
    /// As [`Array::open`]; `Type` for what are no strings.
    pub fn open(path: impl AsRef<Path>, dataset: &str, options: OpenOptions) -> Result<Texts> {
        Texts::of(vec![path.as_ref().to_path_buf()], dataset, Join::Concatenate { axis: 0 }, options)
    }

    /// The strings at `dataset` of many files, joined ([`Array::open_many`]). Their lengths may differ.
    ///
    /// # Errors
    /// As [`Texts::open`]; `Value` if there are no files.
    pub fn open_many(
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        dataset: &str,
        join: Join,
        options: OpenOptions,
    ) -> Result<Texts> {
        Texts::of(paths.into_iter().map(|p| p.as_ref().to_path_buf()).collect(), dataset, join, options)
    }

    fn of(files: Vec<PathBuf>, dataset: &str, join: Join, options: OpenOptions) -> Result<Texts> {
        let texts = Texts { files, join, path: dataset.to_string(), options };
        // Whether they are strings shows in the parts.
        texts.parts().map(|_| texts)
    }

    /// The path of the dataset, and how its files are opened.
    pub(crate) fn dataset(&self) -> (&str, OpenOptions) {
        (&self.path, self.options)
    }

    /// The parts that have strings, with how they are stored.
    pub(crate) fn parts(&self) -> Result<Vec<Part>> {
        let options = OpenOptions { decode: false, ..self.options }.text_bytes();
        let parts = Parts::open(&self.files, &self.path, options, self.join)?;
        let form = |(source, path): (Arc<dyn Source>, PathBuf)| {
            let elements = source::elements(&path, &self.path, self.options)?;
            let form = match (elements.text, source.shape()) {
                // Of characters that HDF5 has as strings of one byte, what lies along the last axis is a string.
                (Some(kind), &[_, .., len, 1])
                    if kind != StringKind::Characters && source.shape().len() > 2 =>
                {
                    Form { kind: StringKind::Characters, len, axes: 2 }
                }
                (Some(kind), &[.., len]) => Form { kind, len, axes: 1 },
                _ => {
                    return Err(Error::new(ErrorKind::Type, "the elements are no strings")
                        .at("file", path.display())
                        .at("dataset", &self.path));
                }
            };
            Ok(Part { source, path, form })
        };
        parts.sources.into_iter().zip(parts.paths).map(form).collect()
    }

    /// Where the strings are equal to `text`: bools, of the dataset's shape.
    ///
    /// # Errors
    /// As [`Texts::isin`].
    #[track_caller]
    pub fn equal(&self, text: &str) -> Result<Array> {
        self.isin(&[text])
    }

    /// Where the strings are one of `texts`, as `numpy.isin`: bools, of the dataset's shape.
    ///
    /// # Errors
    /// `Value` for a text with a byte that is 0; `Unsupported` for more than 2²⁶ strings of variable length; those of
    /// reading these.
    #[track_caller]
    pub fn isin(&self, texts: &[&str]) -> Result<Array> {
        if let Some(text) = texts.iter().find(|t| t.contains('\0')) {
            return Err(Error::new(ErrorKind::Value, format!("there is a NUL in the text {text:?}")));
        }
        let mut parts = Vec::new();
        let all = self.parts()?;
        let alike = |a: &Part, b: &Part| a.form == b.form && a.form.kind != StringKind::Variable;
        for run in all.chunk_by(alike) {
            let Part { source, path, form } = &run[0];
            if form.kind == StringKind::Variable {
                let (shape, found) = texts::equal(path, &self.path, self.options, texts)?;
                parts.push(self.alone(held(&shape, found)));
                continue;
            }
            let bytes = match self.files.len() {
                1 => Array::new(source.clone()),
                _ => {
                    let join = self.join_of(source.shape().len() - form.axes);
                    let run = run.iter().map(|part| part.source.clone()).collect();
                    Array::new(Arc::new(Many::new(run, join)?))
                }
            };
            parts.push(compared(&characters(bytes, *form), *form, texts)?);
        }
        let array = self.joined(&parts);
        array.check()?;
        Ok(array)
    }

    /// What runs of files have, as one array.
    pub(crate) fn joined(&self, parts: &[Array]) -> Array {
        let (Join::Concatenate { axis } | Join::Stack { axis }) = self.join;
        match parts {
            [only] => only.clone(),
            parts => concatenate(parts, axis),
        }
    }

    /// What one of the files has, as it is joined with those of others.
    pub(crate) fn alone(&self, array: Array) -> Array {
        match self.join {
            Join::Stack { axis } if self.files.len() > 1 => stack(&[array], axis),
            _ => array,
        }
    }

    /// How arrays of the bytes of strings are joined, where the strings have `rank` axes.
    fn join_of(&self, rank: usize) -> Join {
        let rank = rank as i64;
        match self.join {
            Join::Concatenate { axis } if axis < 0 => Join::Concatenate { axis: axis + rank },
            Join::Stack { axis } if axis < 0 => Join::Stack { axis: axis + rank + 1 },
            join => join,
        }
    }
}

/// Where rows of bytes are one of the texts.
fn compared(bytes: &Array, Form { kind, len, .. }: Form, texts: &[&str]) -> Result<Array> {
    let mut found: Option<Array> = None;
    for text in texts.iter().filter(|_| kind == StringKind::Characters) {
        let text = text.trim_end_matches(' ');
        if text.len() as u64 > len {
            continue;
        }
        let part = |range| bytes.index([Index::Ellipsis, range]);
        let rest = part(Index::from(text.len() as i64..));
        let mut same = (rest.equal(0u8) | rest.equal(b' ')).all_with(Over::axis(-1));
        if !text.is_empty() {
            let row = row(text.as_bytes());
            same = same & part(Index::from(..text.len() as i64)).equal(row).all_with(Over::axis(-1));
        }
        found = Some(found.map_or(same.clone(), |before| before.logical_or(&same)));
    }
    for text in texts.iter().filter(|_| kind != StringKind::Characters) {
        let (text, filled) = match kind {
            StringKind::SpacePadded => (text.trim_end_matches(' '), b' '),
            _ => (*text, 0),
        };
        if text.len() as u64 > len {
            continue;
        }
        // After the byte that ends it anything may stand.
        let compared = if kind == StringKind::NulTerminated { len.min(text.len() as u64 + 1) } else { len };
        let mut row = text.as_bytes().to_vec();
        row.resize(compared as usize, filled);
        let part = bytes.index([Index::Ellipsis, Index::from(..row.len() as i64)]);
        let same = part.equal(self::row(&row)).all_with(Over::axis(-1));
        found = Some(found.map_or(same.clone(), |before| before.logical_or(&same)));
    }
    match found {
        Some(found) => Ok(found),
        None => {
            let shape = bytes.shape()?;
            Ok(Array::zeros(&shape[..shape.len() - 1], DType::Bool))
        }
    }
}

/// A row of bytes that travels with a plan.
#[track_caller]
fn row(bytes: &[u8]) -> Array {
    let places = Array::arange_int(0, bytes.len() as i64, 1);
    places.looked_up("text", Location::caller(), |_| Lookup::element(Table::new(bytes)))
}

fn held(shape: &[u64], found: Buffer) -> Array {
    Array::new(MemorySource::held(DType::Bool, shape, Arc::new(found)))
}
