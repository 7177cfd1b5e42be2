//! How arrays are stored.

use crate::array::Array;
use crate::dtype::{DType, Scalar, Weak};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::MISSING;
use crate::grid::{Dims, show_shape};
use crate::members::Members;
use crate::sink::hdf5::{AttributeData, DatasetSpec, Filter};
use std::sync::Arc;

/// How arrays are stored, in h5py's words.
///
/// ```
/// use chunkwise::sink::hdf5::Filter;
/// use chunkwise::{Array, DType, Session, StoreOptions};
/// # fn main() -> chunkwise::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("out.nc");
/// let t = Array::random(&[365, 90, 180], 1, DType::F64);
/// let options = StoreOptions::new()
///     .chunks(&[73, 45, 60])
///     .filters(&[Filter::Shuffle, Filter::Deflate(4), Filter::Fletcher32])
///     .dtype(DType::F32)
///     .dims(&["time", "lat", "lon"])
///     .attribute("units", "K");
/// Session::new()?.store(&path, &[("t2m", &t)], &options)?;
/// assert_eq!(Array::open(&path, "/t2m")?.dtype()?, DType::F32);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreOptions {
    layout: Layout,
    filters: Vec<Filter>,
    dtype: Option<DType>,
    fillvalue: Option<Weak>,
    maxshape: Option<Vec<Option<u64>>>,
    dims: Vec<String>,
    attributes: Vec<(String, AttributeData)>,
}

/// Names of values as HDF5 has them, where none is empty.
fn named(members: &Arc<Members>) -> Arc<Members> {
    members.without_empty().map_or_else(|| members.clone(), Arc::new)
}

/// How elements lie in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Layout {
    #[default]
    Auto,
    Contiguous,
    Chunks(Vec<u64>),
}

impl StoreOptions {
    /// Chunks of about 1 MiB that line up with those of the sources, and no filters.
    pub fn new() -> Self {
        StoreOptions::default()
    }

    /// The chunk shape, at most as long as the array along each axis.
    pub fn chunks(mut self, shape: &[u64]) -> Self {
        self.layout = Layout::Chunks(shape.to_vec());
        self
    }

    /// No chunks: all elements lie together in the file, without filters.
    pub fn contiguous(mut self) -> Self {
        self.layout = Layout::Contiguous;
        self
    }

    /// What is done to chunks, in this order. A scalar and an empty array have no chunks and go without.
    pub fn filters(mut self, filters: &[Filter]) -> Self {
        self.filters = filters.to_vec();
        self
    }

    /// Compresses with shuffle and deflate of this level, 0 to 9.
    pub fn deflate(self, level: u8) -> Self {
        self.filters(&Filter::shuffle_deflate(level))
    }

    /// The dtype to store as: the values are cast, as by [`Array::cast`].
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// The value of elements that nobody wrote, as the file says it; it becomes one of the stored dtype.
    pub fn fillvalue(mut self, value: impl Into<Scalar>) -> Self {
        let value = value.into();
        self.fillvalue = Some(match (value, value.to_i128()) {
            (Scalar::Bool(v), _) => Weak::Bool(v),
            (_, Some(v)) => Weak::Int(v),
            _ => Weak::Float(value.to_f64()),
        });
        self
    }

    /// The most that each axis may grow to, `None` without an end.
    pub fn maxshape(mut self, most: &[Option<u64>]) -> Self {
        self.maxshape = Some(most.to_vec());
        self
    }

    /// The names of the axes, which become dimension scales, as netCDF-4 has them: those of the file's root. A dataset of one
    /// axis that is stored in the root under the name of a dimension is its coordinate.
    pub fn dims(mut self, names: &[&str]) -> Self {
        self.dims = names.iter().map(|n| n.to_string()).collect();
        self
    }

    /// An attribute; another one of that name is replaced. [Annotations](Array::annotate) of the array, such as its units,
    /// are stored in any case.
    pub fn attribute(mut self, name: &str, value: impl Into<AttributeData>) -> Self {
        self.attributes.retain(|(n, _)| n != name);
        self.attributes.push((name.to_string(), value.into()));
        self
    }

    /// The array as it is stored.
    ///
    /// # Errors
    /// `Value` for NaN that stands for what is missing, where the dtype has none and there is no fill value.
    pub(super) fn stored(&self, array: &Array) -> Result<Array> {
        let Some(dtype) = self.dtype else { return Ok(array.clone()) };
        let cast = array.cast(dtype);
        match self.fillvalue {
            _ if dtype.is_float() || !array.dtype()?.is_float() => Ok(cast),
            Some(fill) => Ok(array.isnan().select(Array::scalar(fill.to_scalar(dtype)?), cast)),
            None if array.has_missing()? => {
                let what = format!("NaN, which stands for what is missing, has no place in {dtype}");
                Err(Error::new(ErrorKind::Value, what)
                    .hint("a fill value is stored for it: StoreOptions::fillvalue (--fillvalue)"))
            }
            None => Ok(cast),
        }
    }

    /// The chunks asked for, if any, of an array that is stored.
    ///
    /// # Errors
    /// `Shape` where they do not fit.
    pub(super) fn chunks_asked(&self, array: &Array) -> Result<Option<Dims>> {
        let shape = array.shape()?;
        let Layout::Chunks(chunks) = &self.layout else { return Ok(None) };
        if chunks.len() != shape.len() || chunks.contains(&0) {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("chunks of shape {} for an array of shape {}", show_shape(chunks), show_shape(shape)),
            )
            .hint("a chunk has a length of at least 1 for each axis"));
        }
        Ok(Some(chunks.iter().copied().collect()))
    }

    /// Whether more is asked for than values of a dtype.
    pub(super) fn plain(&self) -> bool {
        *self == StoreOptions { dtype: self.dtype, ..StoreOptions::default() }
    }

    /// The dataset that an array becomes, whose tasks make blocks of the shape `own`.
    ///
    /// # Errors
    /// As [`DatasetSpec::check`]; `Type` and `Overflow` for a fill value that the dtype has not.
    pub(super) fn dataset(
        &self,
        name: &str,
        array: &Array,
        own: impl Fn() -> Option<Vec<u64>>,
    ) -> Result<DatasetSpec> {
        let (shape, dtype) = (array.shape()?, array.dtype()?);
        // HDF5 has no chunks for scalars and none of length 0.
        let can = !shape.is_empty() && (!shape.contains(&0) || self.maxshape.is_some());
        let chunks = match &self.layout {
            Layout::Chunks(chunks) => Some(chunks.clone()).filter(|_| can),
            Layout::Auto => own().filter(|_| can),
            Layout::Contiguous => None,
        };
        let filters = match (&self.layout, chunks.is_some()) {
            // It says why not.
            (Layout::Contiguous, _) | (_, true) => self.filters.clone(),
            _ => Vec::new(),
        };
        let mut attributes = self.attributes.clone();
        for (key, value) in array.annotations()? {
            if *key != MISSING && attributes.iter().all(|(name, _)| name != key) {
                attributes.push((key.clone(), AttributeData::Text(value.clone())));
            }
        }
        let spec = DatasetSpec {
            chunks,
            filters,
            fillvalue: self.fillvalue.map(|v| v.to_scalar(dtype)).transpose()?,
            maxshape: self.maxshape.clone(),
            dims: self.dims.clone(),
            attributes,
            members: array.members()?.filter(|_| dtype.is_integer()).map(named),
            ..DatasetSpec::new(name, shape, dtype)
        };
        spec.check()?;
        Ok(spec)
    }
}
