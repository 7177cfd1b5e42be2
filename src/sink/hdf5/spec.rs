//! What is to be written: datasets, and what makes no sense of them.

use super::filter::Filter;
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{MAX_RANK, checked_len, show_shape};
use crate::members::Members;
use std::sync::Arc;

/// The value of an attribute to write.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AttributeData {
    /// One string.
    Text(String),
    /// One number (a scalar) or several of one dtype (one axis).
    Numbers(Vec<Scalar>),
}

impl From<&str> for AttributeData {
    fn from(text: &str) -> Self {
        AttributeData::Text(text.into())
    }
}

impl From<String> for AttributeData {
    fn from(text: String) -> Self {
        AttributeData::Text(text)
    }
}

impl From<Scalar> for AttributeData {
    fn from(number: Scalar) -> Self {
        AttributeData::Numbers(vec![number])
    }
}

/// A dataset to write. [`DatasetSpec::new`] is a contiguous one without anything.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetSpec {
    /// Its path from the root; groups on the way are made.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its dtype; bool is written as h5py's enum.
    pub dtype: DType,
    /// The names of its values, of integers: it is written as an enum then.
    pub members: Option<Arc<Members>>,
    /// The chunk shape; `None` for contiguous data.
    pub chunks: Option<Vec<u64>>,
    /// What is done to chunks, in this order.
    pub filters: Vec<Filter>,
    /// What elements are that nobody wrote, and what chunks over the edge are padded with; 0 if not given. Of the dataset's
    /// dtype.
    pub fillvalue: Option<Scalar>,
    /// The most that each axis may grow to, `None` without an end; the dataset cannot grow if not given.
    pub maxshape: Option<Vec<Option<u64>>>,
    /// The names of its axes, which become dimension scales of the file's root; all or none.
    pub dims: Vec<String>,
    /// Attributes.
    pub attributes: Vec<(String, AttributeData)>,
}

impl DatasetSpec {
    /// A contiguous dataset without filters, attributes and names.
    pub fn new(name: impl Into<String>, shape: &[u64], dtype: DType) -> DatasetSpec {
        DatasetSpec {
            name: name.into(),
            shape: shape.to_vec(),
            dtype,
            members: None,
            chunks: None,
            filters: Vec::new(),
            fillvalue: None,
            maxshape: None,
            dims: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// The filters that do something to its elements.
    pub(crate) fn used_filters(&self) -> Vec<Filter> {
        Filter::of(&self.filters, self.dtype.size())
    }

    /// Whether it may get longer along an axis.
    pub(super) fn grows(&self, axis: usize) -> bool {
        self.maxshape.as_ref().is_some_and(|most| most[axis].is_none_or(|n| n > self.shape[axis]))
    }

    /// Checks that there can be such a dataset.
    ///
    /// # Errors
    /// `Shape` for chunks that do not fit the shape or take 4 GiB, and for an array that is too large; `Value` for a dataset
    /// without a name, filters that make no sense, and what only chunked datasets can have.
    pub fn check(&self) -> Result<()> {
        let (shape, rank) = (show_shape(&self.shape), self.shape.len());
        let wrong = |kind, message: String, hint: &str| Err(Error::new(kind, message).hint(hint));
        if rank > MAX_RANK || checked_len(&self.shape).and_then(|n| n.checked_mul(8)).is_none() {
            return Err(Error::new(ErrorKind::Shape, format!("an array of shape {shape}")));
        }
        if self.name.trim_matches('/').is_empty() {
            return Err(Error::new(ErrorKind::Value, "a dataset without a name"));
        }
        Filter::check(&self.filters)?;
        self.members.as_ref().map_or(Ok(()), |members| check_members(members, self.dtype))?;
        if self.fillvalue.is_some_and(|v| v.dtype() != self.dtype) {
            return Err(Error::new(ErrorKind::Type, "the fill value has another dtype than the dataset"));
        }
        if let Some(most) = &self.maxshape {
            let fits = most.iter().zip(&self.shape).all(|(m, n)| m.is_none_or(|m| m >= *n));
            if most.len() != rank || !fits {
                return wrong(
                    ErrorKind::Shape,
                    format!("an array of shape {shape} cannot grow to that maxshape"),
                    "maxshape has as many entries as the shape, each none or at least as long",
                );
            }
        }
        if !self.dims.is_empty() && self.dims.len() != rank {
            return wrong(
                ErrorKind::Shape,
                format!("{} dimension names for an array of shape {shape}", self.dims.len()),
                "give one name for each axis",
            );
        }
        let Some(chunks) = &self.chunks else {
            if !self.filters.is_empty() {
                return wrong(ErrorKind::Value, "only chunked data can be filtered".into(), "give it chunks");
            }
            if self.maxshape.is_some() {
                return wrong(ErrorKind::Value, "only chunked data can grow".into(), "give it chunks");
            }
            return Ok(());
        };
        let bytes = checked_len(chunks).and_then(|n| n.checked_mul(self.dtype.size() as u64));
        if chunks.len() != rank || chunks.is_empty() || chunks.contains(&0) {
            return wrong(
                ErrorKind::Shape,
                format!("chunks of shape {} for an array of shape {shape}", show_shape(chunks)),
                "a chunk has a length of at least 1 for each axis",
            );
        }
        // Along an axis without elements every chunk is larger, and none is there.
        let larger = (0..rank).any(|d| chunks[d] > self.shape[d].max(1) && !self.grows(d));
        if larger {
            return wrong(
                ErrorKind::Shape,
                format!("chunks of shape {} are larger than the array of shape {shape}", show_shape(chunks)),
                "a chunk is at most as long as the array along each axis",
            );
        }
        if bytes.is_none_or(|n| n > u64::from(u32::MAX)) {
            return wrong(
                ErrorKind::Shape,
                format!("a chunk of shape {} takes 4 GiB or more", show_shape(chunks)),
                "HDF5 has chunks of less than 4 GiB; take smaller ones",
            );
        }
        Ok(())
    }
}

/// The most bytes of an enum's names and values: its type is one message of an object header, which has at most 64 KiB.
const MEMBERS_BYTES: usize = 60_000;

/// Checks that names of values can be those of an enum.
fn check_members(members: &Members, dtype: DType) -> Result<()> {
    let numbers = format!("the numbers alone are {dtype}(…)");
    let refuse =
        |what: &str| Err(Error::new(ErrorKind::Unsupported, what.to_string()).hint(numbers.as_str()));
    // Names are filled up to multiples of 8 bytes in files that older libraries read.
    let bytes: usize = members.iter().map(|(_, name)| name.len() + 8 + dtype.size()).sum();
    let mut names = std::collections::HashSet::new();
    match () {
        () if members.iter().any(|(_, name)| name.is_empty() || name.contains('\0')) => {
            refuse("names become those of an enum, and HDF5 has none that are empty or have a NUL")
        }
        () if !members.iter().all(|(_, name)| names.insert(name)) => {
            refuse("two values of an enum have one name")
        }
        () if bytes > MEMBERS_BYTES => {
            refuse(&format!("{} names are too many or too long for an enum of HDF5", members.iter().len()))
        }
        () => Ok(()),
    }
}
