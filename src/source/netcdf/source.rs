//! A variable as a [`Source`].

use super::header::Header;
use super::place::{Place, Records};
use super::tree;
use crate::dtype::DType;
use crate::error::{Context, Error, Result};
use crate::grid::{Chunks, Slab};
use crate::source::hdf5::Attribute;
use crate::source::hdf5::guard;
use crate::source::hdf5::handles::{self, Borrowed, FileState, changed};
use crate::source::{
    Fingerprint, OpenOptions, Own, ReadCx, ReadStats, ScratchNeeds, Source, SourceSpec, check_slab,
};
use std::path::{Path, PathBuf};

/// A variable of a netCDF classic file as a [`Source`].
#[derive(Clone, Debug)]
pub struct NetcdfSource {
    /// As the user named it.
    path: PathBuf,
    /// The key of the handle cache.
    canonical: PathBuf,
    /// From the root.
    variable: String,
    state: FileState,
    place: Place,
    boxes: Option<Chunks>,
    /// What decoding needs of its attributes, where that was asked for.
    attributes: Vec<Attribute>,
}

impl NetcdfSource {
    /// Opens the variable `variable` of the file at `path`; reads no data.
    ///
    /// # Errors
    /// `NotFound` if the file or the variable does not exist; `Format` if the file is not netCDF classic, is cut
    /// off or is damaged; `Type` for text; `Unsupported` for a version that is not known, or more than 32 axes.
    pub fn open(path: impl AsRef<Path>, variable: &str, options: OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let name = format!("/{}", variable.trim_matches('/'));
        let open = || {
            guard::check_options(options)?;
            NetcdfSource::open_in(path, &name, None, options)
        };
        open().at("file", path.display()).at("dataset", &name)
    }

    /// As [`NetcdfSource::open`], of a file that must be in the state `fingerprint`. Text is bytes.
    pub(in crate::source) fn reopen(path: &Path, name: &str, fingerprint: &Fingerprint) -> Result<Self> {
        let source = NetcdfSource::open_in(path, name, Some(fingerprint), OpenOptions::new().text_bytes());
        source.at("file", path.display()).at("dataset", name)
    }

    fn open_in(
        path: &Path,
        name: &str,
        expected: Option<&Fingerprint>,
        options: OpenOptions,
    ) -> Result<Self> {
        let canonical =
            std::fs::canonicalize(path).map_err(|e| handles::io_error(e, "cannot find the file"))?;
        let file = handles::borrow(&canonical)?;
        let (state, fingerprint) = (file.state, file.state.fingerprint);
        if expected.is_some_and(|expected| *expected != fingerprint) {
            return Err(changed());
        }
        let header = Header::read(&file.raw)?;
        let variable = header.variable(name)?;
        let records = Records::of(&header, fingerprint.size)?;
        let place = Place::of(&header, variable, records, fingerprint.size, options.text_bytes)?;
        let boxes = place.boxes();
        let attributes = match options.decode {
            true => tree::wanted(&file.raw, &header, variable)?,
            false => Vec::new(),
        };
        Ok(NetcdfSource {
            path: path.to_path_buf(),
            canonical,
            variable: name.to_string(),
            state,
            place,
            boxes,
            attributes,
        })
    }

    /// Where its data is in the file, `(first byte, bytes)`, if it is stored in one piece.
    pub fn in_one_piece(&self) -> Option<(u64, u64)> {
        let bytes = self.place.bytes();
        let all = Slab::dense(&crate::grid::Region::whole(&self.place.shape));
        (bytes > 0 && self.place.in_one_piece()).then(|| self.place.span(&all))
    }

    fn borrow(&self) -> Result<Borrowed> {
        handles::borrow_in(&self.canonical, &self.state)
    }

    fn locate(&self, e: Error) -> Error {
        e.at("file", self.path.display()).at("dataset", &self.variable)
    }

    fn read(&self, file: &Borrowed, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        self.place.read(&file.raw, slab, out, cx)?;
        file.raw.unchanged()?;
        ReadStats::add(&cx.stats.bytes_decoded, out.len() as u64);
        Ok(())
    }
}

impl Source for NetcdfSource {
    fn shape(&self) -> &[u64] {
        &self.place.shape
    }

    fn dtype(&self) -> DType {
        self.place.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        None
    }

    fn lies_in(&self, _: Own) -> Option<&Chunks> {
        self.boxes.as_ref()
    }

    fn spec(&self, _: Own) -> Option<SourceSpec> {
        Some(SourceSpec::Netcdf {
            path: self.path.clone(),
            variable: self.variable.clone(),
            fingerprint: self.state.fingerprint,
        })
    }

    fn attributes(&self, _: Own) -> &[Attribute] {
        &self.attributes
    }

    fn describe(&self) -> String {
        format!("{}:{}", self.path.display(), self.variable)
    }

    fn scratch_bytes(&self) -> u64 {
        self.scratch_needs().total()
    }

    fn scratch_needs(&self) -> ScratchNeeds {
        ScratchNeeds { stage: self.place.stage(), ..ScratchNeeds::default() }
    }

    fn wants_advice(&self) -> bool {
        self.place.bytes() > 0
    }

    /// As of HDF5's contiguous data: not where files are as quick as memory.
    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        if !cx.stats.is_slow() || slab.is_empty() {
            return;
        }
        cx.scratch.end_parts();
        let (at, len) = self.place.span(slab);
        // What is spread thin is left to chance.
        if len <= slab.len().saturating_mul(4 * self.place.dtype.size() as u64) {
            // What is wrong with the file the read itself will say.
            if let Ok(file) = self.borrow() {
                file.raw.advise(at, len);
                ReadStats::add(&cx.stats.bytes_advised, len);
            }
        }
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        check_slab(&self.place.shape, self.place.dtype, slab, out).map_err(|e| self.locate(e))?;
        if slab.is_empty() {
            return Ok(());
        }
        cx.scratch.end_parts();
        let done = self.borrow().and_then(|file| self.read(&file, slab, out, cx));
        done.map_err(|e| self.locate(e))
    }

    fn in_parts(&self) -> bool {
        true
    }

    fn read_part(&self, _: &Slab, part: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        check_slab(&self.place.shape, self.place.dtype, part, out).map_err(|e| self.locate(e))?;
        if part.is_empty() {
            return Ok(());
        }
        // Another file is given back first: a thread never borrows two.
        let kept = cx.scratch.file.take().filter(|file| file.is(&self.canonical, &self.state));
        let file = kept.map_or_else(|| self.borrow(), Ok).map_err(|e| self.locate(e))?;
        let done = self.read(&file, part, out, cx);
        cx.scratch.file = Some(file);
        done.map_err(|e| self.locate(e))
    }
}
