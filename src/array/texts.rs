//! Strings of files: they are compared, and that is an array of bools.

use super::{Array, Index, Over, concatenate, stack};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::source::hdf5::{StringKind, texts};
use crate::source::many::Many;
use crate::source::memory::MemorySource;
use crate::source::parts::Parts;
use crate::source::{self, Join, OpenOptions, Source};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A dataset of strings, or a field of strings of a compound one: what can be asked of it is which of them are equal to
/// given texts, as of `h5py`'s `dset.asstr()[:] == "text"`.
///
/// A string ends at its first byte that is 0; one that is filled up with spaces, before these. Strings are compared by
/// their bytes, which are UTF-8 here.
///
/// ```no_run
/// use chunkwise::{Array, OpenOptions, Session, Texts};
/// # fn main() -> chunkwise::Result<()> {
/// let severity = Texts::open("log.h5", "/events/sev", OpenOptions::new())?;
/// let energy = Array::open("log.h5", "/events/energy")?;
/// let of_errors = energy.boolean_index(&[severity.equal("ERROR")?])?.mean();
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

/// How strings are stored, and with how many bytes each.
type Form = (StringKind, u64);

/// The strings of a file as bytes.
type Part = (Arc<dyn Source>, PathBuf, Form);

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

    /// The parts that have strings, with how they are stored.
    fn parts(&self) -> Result<Vec<Part>> {
        let options = OpenOptions { decode: false, ..self.options }.text_bytes();
        let parts = Parts::open(&self.files, &self.path, options, self.join)?;
        let form = |(source, path): (Arc<dyn Source>, PathBuf)| {
            let elements = source::elements(&path, &self.path, self.options)?;
            match (elements.text, source.shape().last()) {
                (Some(stored), Some(&bytes)) => Ok((source, path, (stored, bytes))),
                _ => Err(Error::new(ErrorKind::Type, "the elements are no strings")
                    .at("file", path.display())
                    .at("dataset", &self.path)),
            }
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
    /// `Value` for a text with a byte that is 0; `Unsupported` for strings of one byte each and a longer text, which are
    /// meant to be put together perhaps, and for more than 2²⁶ strings of variable length; those of reading these.
    #[track_caller]
    pub fn isin(&self, texts: &[&str]) -> Result<Array> {
        if let Some(text) = texts.iter().find(|t| t.contains('\0')) {
            return Err(Error::new(ErrorKind::Value, format!("there is a NUL in the text {text:?}")));
        }
        let mut parts = Vec::new();
        let all = self.parts()?;
        let alike = |a: &Part, b: &Part| a.2 == b.2 && a.2.0 != StringKind::Variable;
        for run in all.chunk_by(alike) {
            let (_, path, (stored, bytes)) = &run[0];
            if *stored == StringKind::Variable {
                let (shape, found) = texts::equal(path, &self.path, self.options, texts)?;
                parts.push(self.alone(held(&shape, found)));
                continue;
            }
            let longer = texts.iter().find(|t| t.len() > 1);
            if let (1, Some(text)) = (*bytes, longer) {
                let what = format!("each element is one character, and {text:?} has more");
                return Err(Error::new(ErrorKind::Unsupported, what)
                    .at("file", path.display())
                    .at("dataset", &self.path));
            }
            let array = match self.files.len() {
                1 => Array::new(run[0].0.clone()),
                _ => {
                    let run: Vec<_> = run.iter().map(|part| part.0.clone()).collect();
                    let join = self.join_of(run[0].shape().len() - 1);
                    Array::new(Arc::new(Many::new(run, join)?))
                }
            };
            parts.push(compared(&array, (*stored, *bytes), texts)?);
        }
        let (Join::Concatenate { axis } | Join::Stack { axis }) = self.join;
        let array = match &parts[..] {
            [only] => only.clone(),
            parts => concatenate(parts, axis),
        };
        array.check()?;
        Ok(array)
    }

    /// What one of the files has, as it is joined with those of others.
    fn alone(&self, array: Array) -> Array {
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
fn compared(bytes: &Array, (kind, len): Form, texts: &[&str]) -> Result<Array> {
    let mut found: Option<Array> = None;
    for text in texts {
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
        let same = part.equal(Array::from_ndarray(ndarray::Array1::from_vec(row))).all_with(Over::axis(-1));
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

fn held(shape: &[u64], found: Buffer) -> Array {
    Array::new(MemorySource::held(DType::Bool, shape, Arc::new(found)))
}
