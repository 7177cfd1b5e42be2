//! What identifies a source, and what opening one is allowed to do, as plain data.

use super::generate::distribution::Distribution;
use super::inline::Inline;
use crate::dtype::{DType, Scalar};
use crate::grid::Dims;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who reads the metadata of an HDF5 file: what is in it, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reader {
    /// Code of this crate, which is safe against any bytes.
    #[default]
    Own,
    /// libhdf5: for files that this crate does not read.
    Libhdf5,
}

/// What reading a file is allowed to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Whether data may come from other files than the one that is named: external raw storage,
    /// external links, virtual datasets. Off by default, because a file from elsewhere could
    /// name any file of this machine. Names are looked for where libhdf5 looks: below the folders of
    /// `HDF5_EXT_PREFIX` (links) and `HDF5_VDS_PREFIX` (virtual datasets), in the folder of the file, and from the
    /// current folder; raw files below `HDF5_EXTFILE_PREFIX` or from the current folder, then in that of the file.
    pub allow_external: bool,
    /// Whether libhdf5 may load HDF5 plugins (from `HDF5_PLUGIN_PATH` or its own folder) for filters that
    /// are not undone here. Off by default: a plugin is code that a file asks for by number.
    #[serde(default)]
    pub allow_plugins: bool,
    /// Whether what is missing of the other files that [`OpenOptions::allow_external`] allows (a file, a dataset in
    /// it, elements beyond its end) is read as the fill value, as libhdf5 reads it. Off by default: then it is an
    /// error that names what is missing.
    #[serde(default)]
    pub fill_missing: bool,
    /// Whether the file could have been made to do harm. Then this process never gives it to libhdf5: it is
    /// read by code of this crate only. What that code does not know of its metadata a process of its own, with
    /// limits, looks at ([`hdf5::guard`](super::hdf5::guard)). Excludes [`OpenOptions::allow_external`] and
    /// [`OpenOptions::allow_plugins`].
    #[serde(default)]
    pub untrusted: bool,
    /// Who reads the metadata. The data is then read in the same way, but for that in other files, which libhdf5
    /// reads itself then, and what is missing of it as the fill value.
    #[serde(default)]
    pub reader: Reader,
    /// Of many files: whether those without the dataset count as files with an empty one, as long as one has it.
    /// Off by default: then it is an error that names the first such file.
    #[serde(default, skip_serializing_if = "is_false")]
    pub skip_missing: bool,
    /// Of many files: whether datasets of several dtypes become the one that NumPy promotes them to. Off by default:
    /// then it is an error that names two such files.
    #[serde(default, skip_serializing_if = "is_false")]
    pub promote: bool,
    /// Whether the numbers are decoded as the dataset's attributes say ([`Array::open_decoded`](crate::Array::open_decoded)).
    /// Off by default: then they are those that are stored. A source itself always has the stored numbers.
    #[serde(default, skip_serializing_if = "is_false")]
    pub decode: bool,
    /// Whether strings are read as their bytes: `uint8` with an axis of its own at the end, which is as long as the
    /// stored string is; of strings of variable length the bytes that say where they lie. Off by default: then strings
    /// are no numbers, and [`Texts`](crate::Texts) compares them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub text_bytes: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl OpenOptions {
    /// Nothing is allowed, and the file is trusted.
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// With [`OpenOptions::allow_external`].
    pub fn allow_external(self) -> OpenOptions {
        OpenOptions { allow_external: true, ..self }
    }

    /// With [`OpenOptions::allow_plugins`].
    pub fn allow_plugins(self) -> OpenOptions {
        OpenOptions { allow_plugins: true, ..self }
    }

    /// With [`OpenOptions::fill_missing`].
    pub fn fill_missing(self) -> OpenOptions {
        OpenOptions { fill_missing: true, ..self }
    }

    /// With [`OpenOptions::untrusted`].
    pub fn untrusted(self) -> OpenOptions {
        OpenOptions { untrusted: true, ..self }
    }

    /// With [`OpenOptions::skip_missing`].
    pub fn skip_missing(self) -> OpenOptions {
        OpenOptions { skip_missing: true, ..self }
    }

    /// With [`OpenOptions::promote`].
    pub fn promote(self) -> OpenOptions {
        OpenOptions { promote: true, ..self }
    }

    /// With [`OpenOptions::decode`].
    pub fn decode(self) -> OpenOptions {
        OpenOptions { decode: true, ..self }
    }

    /// With [`OpenOptions::text_bytes`].
    pub fn text_bytes(self) -> OpenOptions {
        OpenOptions { text_bytes: true, ..self }
    }

    /// Those by which a source is opened again: without what is made of it then.
    pub(crate) fn of_a_source(self) -> OpenOptions {
        OpenOptions { decode: false, skip_missing: false, promote: false, ..self }
    }

    /// With another [`OpenOptions::reader`].
    pub fn reader(self, reader: Reader) -> OpenOptions {
        OpenOptions { reader, ..self }
    }
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fingerprint {
    /// Bytes.
    pub size: u64,
    /// Time of the last change, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// The file's number in its file system; 0 where there is none.
    pub inode: u64,
}

/// Where an array's elements are, as plain data that another process can reopen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub enum SourceSpec {
    /// A dataset of an HDF5 file.
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// The path of the dataset inside it.
        dataset: String,
        /// What reading may do.
        options: OpenOptions,
        /// The state of the file when the source was made.
        fingerprint: Fingerprint,
        /// The state of the other files that its data is in, if it is in others.
        #[serde(default)]
        others: Option<u64>,
    },
    /// A variable of a netCDF classic file.
    Netcdf {
        /// The file.
        path: PathBuf,
        /// The path of the variable inside it.
        variable: String,
        /// The state of the file when the source was made.
        fingerprint: Fingerprint,
    },
    /// Evenly spaced numbers, as `numpy.arange`; see [`generate::arange`](super::generate::arange).
    Arange {
        /// The first element; its dtype is the array's.
        start: Scalar,
        /// The second element (equal to the first if there is only one).
        next: Scalar,
        /// How many.
        len: u64,
    },
    /// Evenly spaced numbers, as `numpy.linspace`; see [`generate::linspace`](super::generate::linspace).
    Linspace {
        /// The first.
        start: Scalar,
        /// The last (or the one after the last).
        stop: Scalar,
        /// How many.
        num: u64,
        /// Whether `stop` is the last element.
        endpoint: bool,
        /// The dtype of the elements.
        dtype: DType,
    },
    /// Uniform numbers in [0, 1), as NumPy's Philox generator; see [`generate::random`](super::generate::random).
    Random {
        /// The generator's key.
        seed: u64,
        /// The shape.
        shape: Dims,
        /// `float32` or `float64`.
        dtype: DType,
    },
    /// Numbers of a distribution; see [`generate::drawn`](super::generate::drawn).
    Drawn {
        /// Which.
        distribution: Distribution,
        /// The generator's key.
        seed: u64,
        /// The shape.
        shape: Dims,
    },
    /// A small array whose elements stand here.
    Inline(Arc<Inline>),
    /// An array of this process. It cannot be opened in another one.
    Memory {
        /// Its number in this process.
        id: u64,
    },
    /// A source that is not of this crate and says nothing of itself: an object of this process. It cannot
    /// be opened in another one.
    Foreign {
        /// The number of the object, which no other has in this process.
        id: u64,
        /// Its name for people.
        name: Arc<str>,
    },
    /// A source that is not of this crate, opened by a function that every process has registered
    /// ([`unstable::register_source`](crate::unstable::register_source)).
    Registered(Registration),
    /// Many arrays as one; see [`Many`](super::many::Many).
    Many {
        /// The parts, in order.
        parts: Arc<[SourceSpec]>,
        /// How they are joined.
        join: Join,
    },
}

impl SourceSpec {
    /// Whether it is so for this source or for a part of it.
    pub fn any(&self, is: &mut dyn FnMut(&SourceSpec) -> bool) -> bool {
        match self {
            SourceSpec::Many { parts, .. } => parts.iter().any(|p| p.any(is)),
            _ => is(self),
        }
    }

    /// The file that it lies in, and its path in that, if it is one dataset of one file.
    pub fn in_file(&self) -> Option<(&Path, &str)> {
        match self {
            SourceSpec::Hdf5 { path, dataset, .. } => Some((path, dataset)),
            SourceSpec::Netcdf { path, variable, .. } => Some((path, variable)),
            _ => None,
        }
    }

    /// The first part, or the source itself, that no other process can open; by its name, where it has one.
    pub(crate) fn local(&self) -> Option<Local<'_>> {
        match self {
            SourceSpec::Memory { .. } => Some(Local::Memory),
            SourceSpec::Foreign { name, .. } => Some(Local::Foreign(name)),
            SourceSpec::Many { parts, .. } => parts.iter().find_map(SourceSpec::local),
            _ => None,
        }
    }
}

/// What only this process can open.
pub(crate) enum Local<'a> {
    /// An array in memory.
    Memory,
    /// A source from outside that is not registered, by its name for people.
    Foreign(&'a str),
}

/// What opens a source again: a name under which a function was given to [`register_source`](super::foreign::register_source), and what
/// that function is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The name of the function.
    pub name: String,
    /// What it is told, for example as JSON. Sources of one name with equal parameters are the same array.
    pub parameters: String,
}

/// How arrays become one. A negative axis counts from the end, of the result's axes for `Stack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Join {
    /// One after the other along an axis that they have, as `numpy.concatenate`. Their lengths may
    /// differ there, and may be 0.
    Concatenate {
        /// The axis.
        axis: i64,
    },
    /// Side by side along a new axis, as `numpy.stack`.
    Stack {
        /// Where the new axis is in the result.
        axis: i64,
    },
}
