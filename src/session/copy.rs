//! Copying datasets, groups and files, in other chunks and with other filters.

use super::Session;
use super::store_file::Store;
use crate::array::Array;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::Report;
use crate::sink::hdf5::{Change, Chunking, Filter, begin};
use crate::sink::{Format, Mode};
use crate::source::is_classic;
use crate::whole::is_same_file;
use std::path::Path;

/// What becomes of what is copied, and of a file that is there.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    change: Change,
    mode: Mode,
}

impl Default for CopyOptions {
    fn default() -> Self {
        CopyOptions::new()
    }
}

impl CopyOptions {
    /// All stays as it is; a file that is there is replaced.
    pub fn new() -> Self {
        CopyOptions { change: Change::default(), mode: Mode::Replace }
    }

    /// The chunk shape of the dataset, or of those of a group or a file that it fits; of others a note says that they keep theirs.
    pub fn chunks(mut self, shape: &[u64]) -> Self {
        self.change.chunks = Chunking::Shape(shape.to_vec());
        self
    }

    /// Chunks of about 1 MiB: as many of the last axes as fit are whole.
    pub fn auto_chunks(mut self) -> Self {
        self.change.chunks = Chunking::Auto;
        self
    }

    /// No chunks, and so no filters, but of datasets that can grow.
    pub fn contiguous(mut self) -> Self {
        self.change.chunks = Chunking::Contiguous;
        self
    }

    /// The filters of datasets in chunks; contiguous ones of 1 KiB and more get chunks for them.
    pub fn filters(mut self, filters: &[Filter]) -> Self {
        self.change.filters = Some(filters.to_vec());
        self
    }

    /// A file that must not be there.
    pub fn create_new(mut self) -> Self {
        self.mode = Mode::New;
        self
    }

    /// A file that is there, to which the copy is added.
    pub fn append(mut self) -> Self {
        self.mode = Mode::Change;
        self
    }
}

/// What copying did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Copied {
    /// What is not as it was asked for, or as it was.
    pub notes: Vec<String>,
    /// The run that wrote the values of what is stored in another way; none if nothing is.
    pub report: Option<Report>,
}

impl Session {
    /// Copies an object of an HDF5 file, with all that is in it, to a path of another file: its attributes, its links (an
    /// object with several stays one, soft and external ones stay as they are), its dimension scales, and its datasets in other
    /// chunks or with other filters. What is stored as before is copied as it is stored; numbers in other chunks are read,
    /// decoded, filtered and written on all threads, within the budget. The file appears when it is whole.
    ///
    /// ```
    /// use chunkwise::sink::hdf5::Filter;
    /// use chunkwise::{Array, CopyOptions, Session, StoreOptions};
    /// # fn main() -> chunkwise::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (old, new) = (folder.path().join("old.h5"), folder.path().join("new.h5"));
    /// let session = Session::new()?;
    /// session.store(&old, &[("g/x", &Array::arange(0.0, 1e5, 1.0))], &StoreOptions::new())?;
    /// let options = CopyOptions::new().chunks(&[4096]).filters(&Filter::shuffle_deflate(4));
    /// session.copy((&old, "/"), (&new, "/"), &options)?;
    /// assert_eq!(Array::open(&new, "/g/x")?.stored_chunks()?.unwrap().shape(), [4096]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Value` if both files are one; `Unsupported` for what cannot be copied, by its path: data in other files, references as
    /// data, links of applications; and as [`Session::run_with`]. The target is then as it was.
    pub fn copy(
        &self,
        from: (impl AsRef<Path>, &str),
        to: (impl AsRef<Path>, &str),
        options: &CopyOptions,
    ) -> Result<Copied> {
        let (source, target) = (from.0.as_ref(), to.0.as_ref());
        let (path, place) = (rooted(from.1), rooted(to.1));
        Filter::check(options.change.filters.as_deref().unwrap_or_default())?;
        let named = |e: Error| e.at("file", target.display());
        if is_same_file(source, target) {
            return Err(named(Error::new(ErrorKind::Value, "the file to write is also an input")));
        }
        if Format::of(target).map_err(named)? != Format::Hdf5 {
            return Err(named(Error::new(ErrorKind::Unsupported, "copies are HDF5 files")));
        }
        if is_classic(source) {
            let e =
                Error::new(ErrorKind::Unsupported, "a netCDF classic file, and only HDF5 files are copied");
            return Err(e
                .at("file", source.display())
                .hint("store its variables: Session::store (--output)"));
        }
        let into = options.mode == Mode::Change;
        let whole = options.mode.whole(target).map_err(named)?;
        let begun = begin(&whole, into, source, (&path, &place), &options.change, self.memory())?;
        if begun.empty.is_empty() {
            whole.finish().map_err(named)?;
            return Ok(Copied { notes: begun.notes, report: None });
        }
        let mut store = Store::begun(target, whole);
        for (old, new) in &begun.empty {
            let array = Array::open(source, old)?;
            let start = vec![0; array.ndim()?];
            store = store.region(new, &array, &start);
        }
        let report = self.run_with(&[], &[store])?.report;
        Ok(Copied { notes: begun.notes, report: Some(report) })
    }
}

/// A path from the root.
fn rooted(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    format!("/{}", parts.join("/"))
}
