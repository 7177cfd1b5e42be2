//! Where elements come from: files, memory, formulas.
//!
//! A [`Source`] says shape, dtype and storage chunks, and brings one chunk or one strided region
//! into a buffer of the caller, in native byte order. It holds no open file: a handle is borrowed
//! from the process-wide cache for each read, so a source can be cloned, sent and kept. What
//! identifies it is a [`SourceSpec`], plain data from which [`open`] makes it again elsewhere; one that
//! others have written is identified by its object, or by what it is registered as.
//!
//! Memory: a read uses the caller's [`Scratch`] and nothing that grows with the array.

pub mod assemble;
pub(crate) mod foreign;
pub mod generate;
pub mod hdf5;
pub mod many;
pub mod memory;

pub use assemble::copy_slab;

use crate::buffer::Buffer;
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Slab};
use crate::ops::kernel::Packing;
use crate::trace::{Activity, Trace};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What reading a file is allowed to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenOptions {
    /// Whether data may come from other files than the one that is named: external raw storage,
    /// external links, virtual datasets. Off by default, because a file from elsewhere could
    /// name any file of this machine.
    pub allow_external: bool,
    /// Whether libhdf5 may load HDF5 plugins (from `HDF5_PLUGIN_PATH` or its own folder) for filters that
    /// are not undone here. Off by default: a plugin is code that a file asks for by number.
    #[serde(default)]
    pub allow_plugins: bool,
    /// Whether the file could have been made to do harm. Then this process never gives it to libhdf5: a
    /// process of its own, with limits, looks at it ([`hdf5::guard`]), and its data is read by code of
    /// this crate only. Excludes the other two.
    #[serde(default)]
    pub untrusted: bool,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    },
    /// Evenly spaced numbers, as `numpy.arange`; see [`generate::arange`].
    Arange {
        /// The first element; its dtype is the array's.
        start: Scalar,
        /// The second element (equal to the first if there is only one).
        next: Scalar,
        /// How many.
        len: u64,
    },
    /// Evenly spaced numbers, as `numpy.linspace`; see [`generate::linspace`].
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
    /// Uniform numbers in [0, 1), as NumPy's Philox generator; see [`generate::random`].
    Random {
        /// The generator's key.
        seed: u64,
        /// The shape.
        shape: Dims,
        /// `float32` or `float64`.
        dtype: DType,
    },
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
    Registered(foreign::Registration),
    /// Many arrays as one; see [`many::Many`].
    Many {
        /// The parts, in order.
        parts: Arc<[SourceSpec]>,
        /// How they are joined.
        join: many::Join,
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

mod own {
    /// What only this crate can name: who takes it cannot be implemented or called by others.
    #[derive(Clone, Copy, Debug)]
    pub struct Own;
}
pub(crate) use own::Own;

/// Buffers that reads reuse. One per reader thread.
#[derive(Default)]
pub struct Scratch {
    /// Stored bytes.
    pub(crate) raw: Buffer,
    /// Bytes of which some are wanted.
    pub(crate) stage: Buffer,
    /// A whole decoded chunk, when only a part of it is wanted.
    pub(crate) chunk: Buffer,
    /// What decoding reuses.
    pub(crate) work: hdf5::filters::Work,
    /// The way to the last chunk, in the index of each of a few datasets.
    pub(crate) memos: hdf5::Memos,
    /// The file that is read part by part; see [`Source::read_part`].
    pub(crate) file: Option<hdf5::Borrowed>,
}

impl Scratch {
    /// Empty buffers; they grow at the first reads and stay.
    pub fn new() -> Self {
        Scratch::default()
    }

    /// Bytes that it holds now.
    pub fn bytes(&self) -> u64 {
        (self.raw.capacity() + self.stage.capacity() + self.chunk.capacity()) as u64
            + self.work.bytes()
            + self.memos.bytes()
    }

    /// Ends reading part by part: gives back the file that was borrowed for it.
    pub fn end_parts(&mut self) {
        self.file = None;
    }

    /// Gives the memory back.
    pub fn clear(&mut self) {
        *self = Scratch::default();
    }
}

/// The most bytes that reads take of each buffer of a [`Scratch`]. A reader has one for all sources, and
/// buffers stay: what several sources take together is the most of each buffer, not of their sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScratchNeeds {
    /// Stored bytes.
    pub raw: u64,
    /// Bytes of which some are wanted.
    pub stage: u64,
    /// Decoded chunks of which a part is wanted.
    pub chunk: u64,
    /// Between two filters.
    pub filters: u64,
    /// Inside of one.
    pub codec: u64,
    /// What finding chunks takes.
    pub index: u64,
    /// Inside libhdf5.
    pub library: u64,
}

impl ScratchNeeds {
    fn each(&self) -> [u64; 7] {
        let ScratchNeeds { raw, stage, chunk, filters, codec, index, library } = *self;
        [raw, stage, chunk, filters, codec, index, library]
    }

    /// What both need of one [`Scratch`].
    pub fn and(&self, other: &ScratchNeeds) -> ScratchNeeds {
        let (a, b) = (self.each(), other.each());
        let [raw, stage, chunk, filters, codec, index, library] = std::array::from_fn(|i| a[i].max(b[i]));
        ScratchNeeds { raw, stage, chunk, filters, codec, index, library }
    }

    /// All bytes.
    pub fn total(&self) -> u64 {
        self.each().into_iter().fold(0, u64::saturating_add)
    }
}

impl Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scratch({} bytes)", self.bytes())
    }
}

/// Counts of the work that reads did. Shared by all readers of a run.
#[derive(Debug, Default)]
pub struct ReadStats {
    /// Stored chunks brought from files, or found to be unallocated.
    pub chunks_read: AtomicU64,
    /// Chunks turned into elements: decoded, copied where there is no filter, or filled.
    pub chunks_decoded: AtomicU64,
    /// Of those, the ones whose elements' bytes a device still had to put together.
    pub chunks_packed: AtomicU64,
    /// Times that a chunk was not decoded, because it had been kept from an earlier reading.
    pub chunks_kept: AtomicU64,
    /// Stored chunks that the system was told of before they were read.
    pub chunks_advised: AtomicU64,
    /// Their bytes in files.
    pub bytes_advised: AtomicU64,
    /// Bytes read from files.
    pub bytes_read: AtomicU64,
    /// Bytes of elements that reads made, whole chunks counted whole.
    pub bytes_decoded: AtomicU64,
    /// Positioned reads of elements from files; neighbouring chunks are one.
    pub file_reads: AtomicU64,
    /// Positioned reads of the files' chunk indexes.
    pub index_reads: AtomicU64,
    /// Whether files were slow lately, as they are when a disk is behind them.
    slow: AtomicU64,
    /// Time spent waiting for the HDF5 lock, in nanoseconds.
    pub lock_wait_ns: AtomicU64,
    /// Reads that went through libhdf5's own pipeline.
    pub library_reads: AtomicU64,
    /// Where it is written down when what was done, if it is.
    pub trace: Option<Arc<Trace>>,
}

impl ReadStats {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts for work that is looked at before it is added here.
    pub(crate) fn apart(&self) -> ReadStats {
        let slow = AtomicU64::new(self.slow.load(Ordering::Relaxed));
        ReadStats { slow, trace: self.trace.clone(), ..ReadStats::default() }
    }

    /// Takes over what was counted apart; what is counted there from now on is for another time.
    pub(crate) fn absorb(&self, other: &ReadStats) {
        // Taken apart, so that a counter to come is not forgotten here.
        let ReadStats {
            chunks_read,
            chunks_decoded,
            chunks_packed,
            chunks_kept,
            chunks_advised,
            bytes_advised,
            bytes_read,
            bytes_decoded,
            file_reads,
            index_reads,
            slow,
            lock_wait_ns,
            library_reads,
            trace: _,
        } = other;
        self.slow.store(slow.load(Ordering::Relaxed), Ordering::Relaxed);
        for (to, from) in [
            (&self.chunks_read, chunks_read),
            (&self.chunks_decoded, chunks_decoded),
            (&self.chunks_packed, chunks_packed),
            (&self.chunks_kept, chunks_kept),
            (&self.chunks_advised, chunks_advised),
            (&self.bytes_advised, bytes_advised),
            (&self.bytes_read, bytes_read),
            (&self.bytes_decoded, bytes_decoded),
            (&self.file_reads, file_reads),
            (&self.index_reads, index_reads),
            (&self.lock_wait_ns, lock_wait_ns),
            (&self.library_reads, library_reads),
        ] {
            // Most are seldom used: nothing is written in common for nothing.
            if from.load(Ordering::Relaxed) > 0 {
                ReadStats::add(to, from.swap(0, Ordering::Relaxed));
            }
        }
    }

    /// Hears how long a read took.
    pub(crate) fn took(&self, bytes: usize, time: Duration) {
        // Memory gives several bytes a nanosecond, a disk rarely one.
        let slow = time.as_nanos() as u64 > 100_000 + bytes as u64;
        if slow {
            self.slow.store(16, Ordering::Relaxed);
        } else if self.slow.load(Ordering::Relaxed) > 0 {
            // Races lose a count now and then, which does not matter.
            self.slow.store(self.slow.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        }
    }

    /// Whether files are slow enough for it to be worth saying early what will be read.
    pub fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed) > 0
    }

    /// Does something, as a span of the trace if there is one.
    pub(crate) fn record<T>(&self, activity: Activity, what: impl FnOnce() -> T) -> T {
        match &self.trace {
            Some(trace) => trace.record(activity, what),
            None => what(),
        }
    }
}

/// What a read works with.
#[derive(Debug)]
pub struct ReadCx<'a> {
    /// Buffers to reuse.
    pub scratch: &'a mut Scratch,
    /// Where the work is counted.
    pub stats: &'a ReadStats,
}

/// An array whose elements can be brought into memory, piece by piece and from many threads.
///
/// Anyone can write one, and make an array of it with [`Array::new`](crate::Array::new):
///
/// ```
/// use chunkwise::grid::{Chunks, Slab, unravel};
/// use chunkwise::source::{ReadCx, Source};
/// use chunkwise::{Array, DType, Result, Session};
/// use std::sync::Arc;
///
/// /// A table of products, computed when it is read.
/// #[derive(Debug)]
/// struct Times([u64; 2]);
///
/// impl Source for Times {
///     fn shape(&self) -> &[u64] {
///         &self.0
///     }
///     fn dtype(&self) -> DType {
///         DType::U64
///     }
///     fn chunks(&self) -> Option<&Chunks> {
///         None // any region can be read as it is
///     }
///     fn describe(&self) -> String {
///         format!("the {} times table", self.0[0])
///     }
///     fn scratch_bytes(&self) -> u64 {
///         0
///     }
///     fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
///         for (i, element) in (0..).zip(out.chunks_exact_mut(8)) {
///             let at = unravel(i, &slab.count);
///             let [a, b] = [0, 1].map(|d| slab.start[d] + at[d] * slab.step[d]);
///             element.copy_from_slice(&(a * b).to_ne_bytes());
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let table = Array::new(Arc::new(Times([10, 10])));
/// assert_eq!(Session::new()?.compute(&table.sum())?.item::<u64>()?, 45 * 45);
/// # Ok(())
/// # }
/// ```
///
/// Its identity is its object: two arrays of one object are one, those of two objects are two, whatever
/// these say of themselves. None can say that it is another source, for this would not compile:
///
/// ```compile_fail,E0050
/// # use chunkwise::grid::{Chunks, Slab};
/// # use chunkwise::source::{ReadCx, Source, SourceSpec};
/// # use chunkwise::{DType, Result};
/// # #[derive(Debug)]
/// # struct Times([u64; 2]);
/// impl Source for Times {
///     fn spec(&self) -> SourceSpec {
///         SourceSpec::Memory { id: 1 }
///     }
/// #   fn shape(&self) -> &[u64] { &self.0 }
/// #   fn dtype(&self) -> DType { DType::U64 }
/// #   fn chunks(&self) -> Option<&Chunks> { None }
/// #   fn describe(&self) -> String { String::new() }
/// #   fn scratch_bytes(&self) -> u64 { 0 }
/// #   fn read_region(&self, _: &Slab, _: &mut [u8], _: &mut ReadCx) -> Result<()> { Ok(()) }
/// }
/// ```
pub trait Source: Send + Sync + Debug {
    /// Its shape.
    fn shape(&self) -> &[u64];

    /// Its dtype. Elements of a bool are bytes that are 0 or 1.
    fn dtype(&self) -> DType;

    /// Its storage chunks; `None` when any region can be read as it is (contiguous files, memory,
    /// formulas). A chunk may be larger than the array.
    fn chunks(&self) -> Option<&Chunks>;

    /// What it takes to open it again, for sources of this crate, which alone can say it.
    #[doc(hidden)]
    fn spec(&self, _: own::Own) -> Option<SourceSpec> {
        None
    }

    /// What a source from outside this crate is registered as
    /// ([`unstable::register_source`](crate::unstable::register_source)), so that a plan that reads it can go
    /// to other processes. Where nothing is registered under the name, it is as if nothing were said. Not
    /// settled yet: it may change in any release.
    fn registration(&self) -> Option<foreign::Registration> {
        None
    }

    /// For people: `snap.h5:/PartType0/Density`.
    fn describe(&self) -> String;

    /// The most bytes of [`Scratch`], and of buffers inside libhdf5, that one read uses.
    fn scratch_bytes(&self) -> u64;

    /// As [`Source::scratch_bytes`], buffer by buffer.
    fn scratch_needs(&self) -> ScratchNeeds {
        ScratchNeeds { chunk: self.scratch_bytes(), ..ScratchNeeds::default() }
    }

    /// All elements in C order, native byte order, if they are in memory already.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// Whether a decoded chunk is worth its memory when it is wanted again later: not where reading it is
    /// only a copy of what the system has in memory anyway.
    fn worth_keeping(&self) -> bool {
        self.chunks().is_some() && self.bytes().is_none()
    }

    /// Whether [`Source::advise`] does anything.
    fn wants_advice(&self) -> bool {
        false
    }

    /// Says that the elements of `slab` will be read soon, so that the system can bring their bytes near
    /// meanwhile. Takes little time and no memory, and cannot fail: nothing depends on it.
    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        let _ = (slab, cx);
    }

    /// Decodes the chunk at the grid position `chunk` into `out`: the box that [`Chunks::region`]
    /// gives (what lies beyond the array's edge is unspecified), C order, native byte order.
    ///
    /// # Errors
    /// `Index` or `Internal` for a wrong position or length; `Io`, `Format`, `Filter`, `Changed`
    /// from the file; `Unsupported` if [`Source::chunks`] is `None`.
    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        let _ = (chunk, out, cx);
        Err(Error::new(ErrorKind::Unsupported, "this source has no chunks").at("source", self.describe()))
    }

    /// As [`Source::read_chunk`], for a device that puts the bytes of elements together: they may be left as
    /// they are stored. Gives how they lie.
    ///
    /// # Errors
    /// As [`Source::read_chunk`].
    fn read_packed(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<Packing> {
        self.read_chunk(chunk, out, cx)?;
        Ok(Packing::PLAIN)
    }

    /// The elements of `slab`, C order, native byte order.
    ///
    /// # Errors
    /// `Index` if the slab is not inside the array; otherwise as [`Source::read_chunk`].
    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()>;

    /// Whether a region costs no more when it is read part by part ([`Source::read_part`]): not where a chunk would
    /// have to be decoded for each of its parts.
    fn in_parts(&self) -> bool {
        false
    }

    /// Reads `part` of the region `of`, all of whose parts are read one after the other. What is counted of a
    /// chunk is counted once. A file may stay borrowed in the [`Scratch`] until another is read, or until
    /// [`Scratch::end_parts`].
    ///
    /// # Errors
    /// As [`Source::read_region`] of the part.
    fn read_part(&self, of: &Slab, part: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        let _ = of;
        self.read_region(part, out, cx)
    }
}

/// Makes the source that `spec` describes.
///
/// # Errors
/// `NotFound`, `Io`, `Format`, `Type` from the file; `Changed` if the file is not the one whose
/// fingerprint the spec has; `NotFound` for an array of another process, and for what nobody registered.
pub fn open(spec: &SourceSpec) -> Result<Arc<dyn Source>> {
    match spec {
        SourceSpec::Hdf5 { path, dataset, options, fingerprint } => {
            let source = hdf5::Hdf5Source::open(path, dataset, *options)?;
            source.expect(fingerprint)?;
            Ok(Arc::new(source))
        }
        SourceSpec::Memory { id } => memory::find(*id),
        SourceSpec::Foreign { name, .. } => {
            let gone = format!("{name} is a source of another process, which did not register it");
            Err(Error::new(ErrorKind::NotFound, gone))
        }
        SourceSpec::Registered(registration) => foreign::open(registration),
        SourceSpec::Many { parts, join } => Ok(Arc::new(many::Many::reopen(parts, *join)?)),
        _ => generate::from_spec(spec),
    }
}

/// Checks a slab and a buffer against an array, so that readers can index without doubt.
pub(crate) fn check_slab(shape: &[u64], dtype: DType, slab: &Slab, out: &[u8]) -> Result<()> {
    let rank = shape.len();
    let wrong = |message: String| Err(Error::new(ErrorKind::Index, message));
    if slab.start.len() != rank || slab.count.len() != rank || slab.step.len() != rank {
        return wrong(format!("a region of rank {} in an array of rank {rank}", slab.start.len()));
    }
    for (d, &len) in shape.iter().enumerate() {
        if slab.step[d] == 0 {
            return wrong(format!("a step of 0 along axis {d}"));
        }
        if slab.count[d] == 0 {
            continue;
        }
        let last = (slab.count[d] - 1).checked_mul(slab.step[d]).and_then(|n| n.checked_add(slab.start[d]));
        if last.is_none_or(|last| last >= len) {
            return wrong(format!(
                "the region {}:{}:{} along axis {d} leaves the array, whose length is {len}",
                slab.start[d],
                last.map_or("…".into(), |l| l.saturating_add(1).to_string()),
                slab.step[d],
            ));
        }
    }
    let bytes = crate::grid::checked_len(&slab.count).and_then(|n| n.checked_mul(dtype.size() as u64));
    if bytes != Some(out.len() as u64) {
        return Err(Error::new(
            ErrorKind::Internal,
            format!("a buffer of {} bytes for a region of shape {:?} of {dtype}", out.len(), slab.count),
        ));
    }
    Ok(())
}
