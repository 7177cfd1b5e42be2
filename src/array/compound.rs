//! Datasets of compound elements, and complex numbers, field by field.

use super::{Array, Opened};
use crate::error::{Error, ErrorKind, Result};
use crate::source::hdf5::{Elements, Field};
use crate::source::{self, Join, OpenOptions};
use std::path::{Path, PathBuf};

/// A dataset whose elements have fields: of a compound type, or complex. Its fields are arrays; it is none itself.
///
/// A field is also opened by its path, below the dataset's: `Array::open("log.h5", "/dset/ctime")`.
#[derive(Clone, Debug)]
pub struct Compound {
    files: Vec<PathBuf>,
    join: Option<Join>,
    path: String,
    options: OpenOptions,
    elements: Elements,
}

impl Compound {
    /// The dataset at `dataset` of an HDF5 file, or a field of one that has fields itself. Reads metadata only.
    ///
    /// # Errors
    /// As [`Array::open`]; `Type` for a dataset without fields.
    pub fn open(path: impl AsRef<Path>, dataset: &str, options: OpenOptions) -> Result<Compound> {
        Compound::of(vec![path.as_ref().to_path_buf()], dataset, None, options)
    }

    /// The datasets at `dataset` of many files, whose fields are joined ([`Array::open_many`]). Which fields there are the
    /// first file says.
    ///
    /// # Errors
    /// As [`Compound::open`]; `Value` if there are no files.
    pub fn open_many(
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        dataset: &str,
        join: Join,
        options: OpenOptions,
    ) -> Result<Compound> {
        let files = paths.into_iter().map(|p| p.as_ref().to_path_buf()).collect();
        Compound::of(files, dataset, Some(join), options)
    }

    fn of(files: Vec<PathBuf>, dataset: &str, join: Option<Join>, options: OpenOptions) -> Result<Compound> {
        let Some(first) = files.first() else {
            return Err(Error::new(ErrorKind::Value, "there are no files to open").at("dataset", dataset));
        };
        let elements = source::elements(first, dataset, options)?;
        if elements.fields.is_empty() {
            let e = Error::new(ErrorKind::Type, "the elements have no fields");
            return Err(e.at("file", first.display()).at("dataset", dataset));
        }
        Ok(Compound { files, join, path: dataset.trim_end_matches('/').into(), options, elements })
    }

    /// The fields, each followed by those inside of it.
    pub fn fields(&self) -> &[Field] {
        &self.elements.fields
    }

    /// Whether the elements are complex numbers.
    pub fn is_complex(&self) -> bool {
        self.elements.is_complex
    }

    /// The field `name`, an array. One inside of a field is named with a slash, `pos/x`.
    ///
    /// # Errors
    /// `NotFound` for a field that is not there; `Type` for one that has fields itself or is no number; otherwise as
    /// [`Array::open`] and [`Array::open_many`].
    #[track_caller]
    pub fn field(&self, name: &str) -> Result<Opened> {
        let path = format!("{}/{name}", self.path);
        match self.join {
            Some(join) => Opened::open_many(&self.files, &path, join, self.options),
            None => Opened::open(&self.files[0], &path, self.options),
        }
    }

    /// The field `name`, which has fields itself.
    ///
    /// # Errors
    /// `NotFound` for a field that is not there; `Type` for one without fields.
    pub fn inner(&self, name: &str) -> Result<Compound> {
        let path = format!("{}/{name}", self.path);
        Compound::of(self.files.clone(), &path, self.join, self.options)
    }

    /// `numpy.real` of complex numbers.
    ///
    /// # Errors
    /// `Type` if the elements are not complex; otherwise as [`Compound::field`].
    #[track_caller]
    pub fn real(&self) -> Result<Array> {
        Ok(self.parts()?.0)
    }

    /// `numpy.imag` of complex numbers.
    ///
    /// # Errors
    /// As [`Compound::real`].
    #[track_caller]
    pub fn imag(&self) -> Result<Array> {
        Ok(self.parts()?.1)
    }

    /// `numpy.abs` of complex numbers: the `hypot` of their parts.
    ///
    /// # Errors
    /// As [`Compound::real`].
    #[track_caller]
    pub fn abs(&self) -> Result<Array> {
        let (real, imag) = self.parts()?;
        Ok(real.hypot(imag))
    }

    /// `numpy.angle` of complex numbers, in radians.
    ///
    /// # Errors
    /// As [`Compound::real`].
    #[track_caller]
    pub fn angle(&self) -> Result<Array> {
        let (real, imag) = self.parts()?;
        Ok(imag.arctan2(real))
    }

    #[track_caller]
    fn parts(&self) -> Result<(Array, Array)> {
        if !self.is_complex() {
            let e = Error::new(ErrorKind::Type, "the elements are not complex numbers");
            return Err(e.at("file", self.files[0].display()).at("dataset", &self.path));
        }
        Ok((self.field("r")?.array, self.field("i")?.array))
    }
}
