//! Arguments that several commands share.

use chunkwise::size::parse_size;
use chunkwise::{Cancel, Device, FallbackPolicy, Progress, Reader, Result, Session, SessionBuilder, Trace};
use clap::ValueEnum;
use std::path::PathBuf;
use std::sync::Arc;

/// Who reads the metadata of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MetadataReader {
    // As for `JoinFiles`.
    Own,
    Libhdf5,
}

impl From<MetadataReader> for Reader {
    fn from(reader: MetadataReader) -> Reader {
        match reader {
            MetadataReader::Own => Reader::Own,
            MetadataReader::Libhdf5 => Reader::Libhdf5,
        }
    }
}

/// Where and with what a command runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Run {
    /// cpu, gpu (the CPU does what it cannot) or auto
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: Device,
    /// Which GPU: a part of its name, or its number in devices
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Most device memory to use, such as 512MiB or 2GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub device_memory: Option<u64>,
    /// Most memory, such as 2GB [default: half of what is available]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<u64>,
    /// Folder for what does not fit the memory ($CHUNKWISE_SPILL)
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_spill")]
    pub spill: Option<PathBuf>,
    /// Refuse what does not fit the memory
    #[arg(long)]
    pub no_spill: bool,
    /// Threads; one runs all in order [default: all of the machine's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub threads: Option<u16>,
}

/// How the files of one input become one array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JoinFiles {
    // Texts here would be shown, and make the whole help twice as long.
    Concatenate,
    Stack,
}

/// What a dataset is that some of many files lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Missing {
    // As for `JoinFiles`.
    Error,
    Skip,
}

/// What is computed of which inputs.
#[derive(Clone, Debug, clap::Args)]
pub struct Asking {
    /// A dataset, group or file by a name (x, g.Density, s['/a'], s.attrs['t']), or all in it;
    /// patterns and lists of files are one array
    #[arg(short = 'i', long = "input", value_name = "[NAME=]FILE[:/path]")]
    pub inputs: Vec<String>,
    /// How files become one array: concatenate (the default) or stack
    #[arg(long, value_enum, default_value_t = JoinFiles::Concatenate)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub join: JoinFiles,
    /// The axis along which they are joined or stacked
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub axis: i64,
    /// What a file without it is: an error (the default) or empty
    #[arg(long, value_name = "error|skip", value_enum, default_value_t = Missing::Error)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub missing: Missing,
    /// Join datasets of several dtypes as NumPy promotes them
    #[arg(long)]
    pub promote: bool,
    /// Take numbers as stored, not decoded as CF attributes say
    #[arg(long)]
    pub raw: bool,
    /// Let missing values make reductions NaN, as NumPy does
    #[arg(long)]
    pub no_skipna: bool,
    /// A step with a name, which is no result
    #[arg(long = "let", value_name = "NAME=EXPR")]
    pub steps: Vec<String>,
    /// What to compute: NumPy in Python's syntax; later ones can use a NAME
    #[arg(required = true, value_name = "[NAME=]EXPR")]
    pub expressions: Vec<String>,
    /// Allow data from other files: links, storage, virtual datasets
    #[arg(long)]
    pub allow_external: bool,
    /// Read what other files lack as the fill value, as libhdf5 does
    #[arg(long, requires = "allow_external")]
    pub fill_missing: bool,
    /// Allow HDF5 plugins ($HDF5_PLUGIN_PATH) of filters not built in
    #[arg(long)]
    pub allow_plugins: bool,
    /// Do not trust the files: refuse data that only libhdf5 can read
    #[arg(long, conflicts_with_all = ["allow_external", "allow_plugins"])]
    pub untrusted: bool,
    /// Who reads the metadata: own code, or libhdf5
    #[arg(long, value_name = "own|libhdf5", value_enum, default_value_t = MetadataReader::Own)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub reader: MetadataReader,
}

/// How results are stored: see docs/storing.md.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Storing {
    /// Chunk shape, as 64,64; auto (the default); none: contiguous
    #[arg(long, value_name = "[NAME=]N,N", requires = "output")]
    pub chunks: Vec<String>,
    /// shuffle, deflate:0-9, fletcher32, lz4, zstd, bitshuffle[:lz4]
    #[arg(long, value_name = "[NAME=]FILTERS", requires = "output")]
    pub filter: Vec<String>,
    /// The dtype to store as
    #[arg(long, value_name = "[NAME=]DTYPE", requires = "output")]
    pub dtype: Vec<String>,
    /// What elements are that nobody wrote
    #[arg(long, value_name = "[NAME=]NUMBER", requires = "output", allow_hyphen_values = true)]
    pub fillvalue: Vec<String>,
    /// Names of the axes, as time,lat,lon, or none
    #[arg(long, value_name = "[NAME=]A,B", requires = "output")]
    pub dims: Vec<String>,
    /// How far each axis may grow later: a length, or none for any
    #[arg(long, value_name = "[NAME=]N,none", requires = "output")]
    pub maxshape: Vec<String>,
    /// An attribute of all results, of one, or (/@KEY) of the file
    #[arg(long, value_name = "[NAME@]KEY=VALUE", requires = "output")]
    pub attr: Vec<String>,
    /// Add results to the file, which keeps what it has
    #[arg(long, requires = "output", conflicts_with = "overwrite")]
    pub append: bool,
    /// Append along this axis to the dataset that the file has
    #[arg(long, value_name = "[NAME=]N", requires = "output", conflicts_with = "overwrite")]
    pub append_axis: Vec<String>,
    /// Write into this region of the dataset that the file has
    #[arg(long, value_name = "[NAME=]A:B,C:D", requires = "output", conflicts_with = "overwrite")]
    pub region: Vec<String>,
}

impl Storing {
    /// Whether a file that is there is changed.
    pub fn changes(&self) -> bool {
        self.append || !self.append_axis.is_empty() || !self.region.is_empty()
    }
}

impl Run {
    /// A session as the arguments say.
    ///
    /// # Errors
    /// `Device` for a GPU that is not there when fallback is refused; `Io` for threads.
    pub fn session(
        &self,
        fallback: FallbackPolicy,
        cancel: &Cancel,
        trace: Option<&Arc<Trace>>,
        progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Session> {
        let builder = self.builder().fallback(fallback).cancel(cancel).on_progress(progress);
        match trace {
            Some(trace) => builder.trace(trace).build(),
            None => builder.build(),
        }
    }

    fn builder(&self) -> SessionBuilder {
        let mut builder = Session::builder().device(self.device);
        if let Some(name) = &self.adapter {
            builder = builder.adapter(name);
        }
        if let Some(bytes) = self.device_memory {
            builder = builder.device_memory_bytes(bytes);
        }
        if let Some(bytes) = self.memory {
            builder = builder.memory_bytes(bytes);
        }
        if let Some(folder) = &self.spill {
            builder = builder.spill(folder);
        }
        if self.no_spill {
            builder = builder.no_spill();
        }
        if let Some(threads) = self.threads {
            builder = builder.threads(threads.into());
        }
        builder
    }
}

/// A number of bytes.
///
/// # Errors
/// What is none.
pub fn size(text: &str) -> std::result::Result<u64, String> {
    parse_size(text).map_err(|e| e.to_string())
}
