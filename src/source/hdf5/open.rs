//! A dataset as a [`Source`]: what its file says of it, checked before anything is believed.

use super::attribute::Attribute;
use super::bytes::canonical_bools;
use super::condition;
use super::contiguous::Contiguous;
use super::dataset::{Access, Field, Hdf5Source, INDEX_BYTES, JOINED};
use super::elsewhere::{self, Chain, External, Kind, Opener, digest, find, missing, words};
use super::facts::{self, Facts, MAX_COMPACT, Mapping, Storage};
use super::field;
use super::filters::{between_bytes, codec_bytes, most_stored, named, own_pipeline, pipeline_as_far};
use super::guard;
use super::handles::{self, Borrowed};
use super::index::Expect;
use super::meta::{self, Told};
use super::read::{self, Form};
use super::region;
use super::unfinished::Unfinished;
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, MAX_RANK, Slab, checked_len, show_shape};
use crate::h5::FilterInfo;
use crate::ops::kernel::Packing;
use crate::source::{
    Fingerprint, OpenOptions, Own, ReadCx, Reader, ScratchNeeds, Source, SourceSpec, check_slab,
};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A chunk larger than this is not believed (HDF5 before 2.0 cannot make one of 4 GiB).
const MAX_CHUNK_BYTES: u64 = 1 << 40;

/// Numbers of sources.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Hdf5Source {
    /// The source of a dataset with these facts, which may come from anywhere: nothing that they say
    /// makes a later read leave the file, a buffer or the bounds of memory.
    pub(crate) fn new(
        path: &Path,
        canonical: PathBuf,
        dataset: &str,
        options: OpenOptions,
        file: &Borrowed,
        facts: Facts,
    ) -> Result<Hdf5Source> {
        let (shape, mut fill) = (facts.shape, facts.fill);
        let field = match facts.part {
            Some(part) => Some(Field {
                shape: shape.iter().copied().chain(part.shape()).collect(),
                chunks: facts
                    .chunks
                    .as_ref()
                    .map(|c| c.iter().copied().chain(part.shape()).collect::<Dims>().into()),
                dtype: facts.dtype,
                swap: facts.swap,
                bits: facts.bits,
                part,
            }),
            None => None,
        };
        if let Some(field) = &field {
            check_field(field)?;
        }
        // Elements of which a part is wanted are bytes until it is taken from them.
        let (dtype, swap, bits) = match &field {
            Some(_) => (DType::U8, false, None),
            None => (facts.dtype, facts.swap, facts.bits),
        };
        let element = field.as_ref().map_or(dtype.size() as u64, |field| field.part.stored);
        let (state, fingerprint) = (file.state, file.state.fingerprint);
        if shape.len() > MAX_RANK || fill.len() as u64 != element {
            return Err(Error::new(ErrorKind::Format, format!("an array of {} axes", shape.len())));
        }
        if facts.filters.len() > 32 {
            return Err(Error::new(ErrorKind::Format, format!("{} filters", facts.filters.len())));
        }
        canonical_bools(dtype, &mut fill);
        let bytes = checked_len(&shape)
            .and_then(|n| n.checked_mul(element))
            .filter(|&n| n <= i64::MAX as u64)
            .ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, format!("an array of shape {shape:?} of {dtype}"))
            })?;
        if bits.is_some_and(|b| !b.fit(dtype.size())) {
            return Err(Error::new(ErrorKind::Format, "an integer whose bits are not in its bytes"));
        }
        if let Some(chunk) = &facts.chunks {
            check_chunks(chunk, &shape, (dtype, element))?;
        }
        let access = match facts.storage {
            _ if bytes == 0 => Access::Empty,
            Storage::Nothing => Access::Fill,
            Storage::Contiguous { address } => {
                Access::Contiguous(Contiguous::new(address, bytes, fingerprint.size)?)
            }
            Storage::Inline(mut data) => {
                if data.len() as u64 != bytes || bytes > MAX_COMPACT {
                    return Err(Error::new(
                        ErrorKind::Format,
                        format!("{} bytes for an array of {bytes}", data.len()),
                    ));
                }
                canonical_bools(dtype, &mut data);
                Access::Inline(data.into())
            }
            Storage::Chunked { bare_edges, header } => {
                let Some(chunk) = &facts.chunks else {
                    return Err(Error::new(ErrorKind::Format, "a chunked array without a chunk shape"));
                };
                let expect = Expect { shape: &shape, chunk, element, filtered: !facts.filters.is_empty() };
                // What libhdf5 has no plugin for it cannot undo either, and it is not asked.
                let asks = options.allow_plugins || options.untrusted || !meta::reads(options);
                match own_pipeline(&facts.filters)
                    .or_else(|| (!asks).then(|| pipeline_as_far(&facts.filters)))
                {
                    Some(pipeline) => {
                        match facts::locate(&file.raw, header, &expect)? {
                            // A chunk can be larger than memory as long as it is not there.
                            Some(index) if index.is_empty() => Access::Fill,
                            index => Access::Chunks { pipeline, bare_edges, index: index.map(Box::new) },
                        }
                    }
                    None => Access::Library(without_decoder(&facts.filters)),
                }
            }
            Storage::External(slots) => {
                let absent = options.fill_missing.then(|| {
                    let mut absent = fill.clone();
                    if swap {
                        absent.reverse();
                    }
                    absent
                });
                Access::External(Arc::new(External::find(&slots, bytes, path, &canonical, absent)?))
            }
            // Its sources are opened when this file is given back.
            Storage::Virtual(_) => Access::Empty,
            Storage::Library { why } => Access::Library(why),
        };
        if let (Some(_), Access::Library(why)) = (&field, &access) {
            let what = format!("a field of data that only libhdf5 can read: {why}");
            return Err(Error::new(ErrorKind::Unsupported, what).hint("rewrite the file with h5repack"));
        }
        let has_field = field.is_some();
        let others = match &access {
            Access::External(files) => Some(digest(files.states().flat_map(|state| words(state, None)))),
            _ => None,
        };
        Ok(Hdf5Source {
            path: path.to_path_buf(),
            canonical,
            dataset: dataset.to_string(),
            resolved: facts.resolved,
            options: options.of_a_source(),
            state,
            named: fingerprint,
            others,
            shape,
            dtype,
            element: element as usize,
            field,
            swap,
            bits,
            chunks: facts.chunks.map(Chunks::from),
            access,
            filters: facts.filters,
            fill,
            // What the attributes say of numbers is not said of a field.
            attributes: if has_field { Vec::new() } else { facts.attributes },
            unfinished: condition::of(&file.raw),
            number: NUMBERS.fetch_add(1, Relaxed),
        })
    }

    /// Opens the dataset `dataset` of the file at `path`; reads no data.
    ///
    /// Integers and IEEE floats of both byte orders become the dtype of their size; an enum with
    /// the members FALSE = 0 and TRUE = 1 (h5py's bool) becomes bool, other enums their integers.
    /// A null dataspace has the shape `[0]`.
    ///
    /// # Errors
    /// `NotFound` if the file or the dataset does not exist; `Format` if the file is not HDF5 or
    /// is damaged; `Type` for strings, compounds and other types without a dtype; `Unsupported`
    /// for data in other files unless `options` allow it, a shape beyond 63 bits, or what is not read here of
    /// the file's structures (libhdf5 may read it: [`OpenOptions::reader`]). Of an untrusted file also those of
    /// [`guard`], and `Unsupported` for data that only libhdf5 can read. Where other files are allowed, `NotFound` for
    /// one that is missing and `Format` for one that is too short, each with its name, unless `options` say that they
    /// are filled.
    pub fn open(path: impl AsRef<Path>, dataset: &str, options: OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let name = format!("/{}", dataset.trim_matches('/'));
        open_in(path, &name, options, None).at("file", path.display()).at("dataset", &name)
    }
}

/// Fails for a part that is not in its elements, or of which there could be too many.
fn check_field(field: &Field) -> Result<()> {
    let Field { part, shape, dtype, bits, .. } = field;
    part.check()?;
    let bytes = checked_len(shape).and_then(|n| n.checked_mul(dtype.size() as u64));
    if shape.len() > MAX_RANK || bytes.is_none_or(|n| n > i64::MAX as u64) {
        let what = format!("an array of shape {} of {dtype}", show_shape(shape));
        return Err(Error::new(ErrorKind::Unsupported, what));
    }
    if part.size != dtype.size() as u64 || bits.is_some_and(|b| !b.fit(dtype.size())) {
        return Err(Error::new(ErrorKind::Format, "a field whose numbers are not of its dtype"));
    }
    Ok(())
}

fn check_chunks(chunk: &[u64], shape: &[u64], (dtype, element): (DType, u64)) -> Result<()> {
    let wrong = |message: String| Err(Error::new(ErrorKind::Format, message));
    if chunk.len() != shape.len() || chunk.contains(&0) {
        return wrong(format!("a chunk of shape {chunk:?} in an array of shape {shape:?}"));
    }
    let bytes = checked_len(chunk).and_then(|n| n.checked_mul(element));
    if bytes.is_none_or(|n| n > MAX_CHUNK_BYTES) {
        return wrong(format!("a chunk of shape {chunk:?} of {dtype}"));
    }
    // A padded edge chunk must have positions that can be counted.
    if shape.iter().zip(chunk).any(|(&n, &c)| n.checked_add(c).is_none_or(|n| n > i64::MAX as u64)) {
        return wrong(format!("chunks of {chunk:?} in {shape:?}"));
    }
    Ok(())
}

/// Why libhdf5 has to undo these filters.
fn without_decoder(filters: &[FilterInfo]) -> String {
    let own = |f: &&FilterInfo| own_pipeline(std::slice::from_ref(f)).is_none();
    match filters.iter().find(own) {
        Some(f) => format!("there is no decoder of our own for the filter {}", named(f.id)),
        None => "there is no decoder of our own for its filters".into(),
    }
}

/// What the file says about a dataset. What is not known here of an untrusted file another process may know;
/// of a trusted one that is an error, which says how to ask libhdf5.
fn describe(file: &Borrowed, canonical: &Path, name: &str, options: OpenOptions) -> Result<Told> {
    if meta::reads(options) {
        match meta::facts(&file.raw, name, options) {
            Err(e) if options.untrusted && meta::is_unknown(&e) => {}
            told => return told,
        }
    }
    let facts = match options.untrusted {
        true => guard::facts(canonical, name, options),
        false => {
            named_are_files(file, canonical, name, options)?;
            facts::gather(file, name, options)
        }
    };
    facts.map(|facts| Told::Here(Box::new(facts)))
}

/// Fails where a dataset that libhdf5 is about to be asked for names what is no file: libhdf5 opens what a dataset
/// names, waits for a pipe, and in the place of what is missing reads the fill value. What own code cannot tell is left
/// to libhdf5, as are patterns of names.
fn named_are_files(file: &Borrowed, canonical: &Path, name: &str, options: OpenOptions) -> Result<()> {
    if !options.allow_external {
        return Ok(());
    }
    let Ok(Told::Here(facts)) = meta::facts(&file.raw, name, OpenOptions { reader: Reader::Own, ..options })
    else {
        return Ok(());
    };
    let (kind, names): (_, HashSet<&str>) = match &facts.storage {
        Storage::Virtual(mappings) => (Kind::Source, mappings.iter().map(|m| &*m.file).collect()),
        Storage::External(slots) => (Kind::Raw, slots.iter().map(|s| &*s.file).collect()),
        _ => return Ok(()),
    };
    // The file itself is `.`.
    let others = names.into_iter().filter(|name| *name != ".");
    others.into_iter().try_for_each(|name| match find(kind, name, canonical, canonical)? {
        None if kind == Kind::Source && !options.fill_missing && !name.contains('%') => Err(missing(name)),
        _ => Ok(()),
    })
}

fn open_in(path: &Path, name: &str, options: OpenOptions, chain: Option<&Chain>) -> Result<Hdf5Source> {
    guard::check_options(options)?;
    let canonical = std::fs::canonicalize(path).map_err(|e| handles::io_error(e, "cannot find the file"))?;
    // Whoever looks at the file, this is its state and the way to its bytes.
    let file = handles::borrow(&canonical)?;
    let named = file.state.fingerprint;
    let facts = match describe(&file, &canonical, name, options)? {
        Told::Here(facts) => *facts,
        Told::Elsewhere { file: other, object } => {
            drop(file);
            return linked(path, &canonical, name, named, (&other, &object), options, chain);
        }
    };
    let mappings = match &facts.storage {
        Storage::Virtual(mappings) => Some(mappings.clone()),
        _ => None,
    };
    let source = Hdf5Source::new(path, canonical, name, options, &file, facts)?;
    // A thread never borrows two.
    drop(file);
    if let Some(mappings) = mappings {
        return made(source, &mappings, chain);
    }
    if options.untrusted {
        guard::check_source(&source)?;
    }
    Ok(source)
}

/// The dataset that a link from the file at `path` leads to.
fn linked(
    path: &Path,
    canonical: &Path,
    name: &str,
    named: Fingerprint,
    (other, object): (&str, &str),
    options: OpenOptions,
    chain: Option<&Chain>,
) -> Result<Hdf5Source> {
    let opened = AtomicU64::new(0);
    let here = Chain::new((canonical, name), chain, &opened)?;
    let found = find(Kind::Link, other, path, canonical).and_then(|found| {
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "a link leads to a file that is missing"))
    });
    let object = format!("/{}", object.trim_matches('/'));
    let source = found.and_then(|found| open_in(&found, &object, options, Some(&here)));
    let mut source = source.map_err(|e| match e.context("linked file") {
        Some(_) => e,
        None => e.at("linked file", other).at("linked dataset", &object),
    })?;
    let others = digest(words(&source.named, source.others).into_iter());
    source.path = path.to_path_buf();
    source.dataset = name.to_string();
    (source.named, source.others) = (named, Some(others));
    Ok(source)
}

/// A virtual dataset with the datasets that it is made of.
fn made(mut source: Hdf5Source, mappings: &[Mapping], chain: Option<&Chain>) -> Result<Hdf5Source> {
    let opened = AtomicU64::new(0);
    let here = Chain::new((&source.canonical, &source.resolved), chain, &opened)?;
    let element = (source.dtype, &source.fill[..]);
    let open_source: Opener = |path, name, options, chain| {
        let name = format!("/{}", name.trim_matches('/'));
        let source = open_in(path, &name, options, Some(chain));
        Ok(Arc::new(source.at("file", path.display()).at("dataset", &name)?))
    };
    let virtual_ = elsewhere::open(
        mappings,
        &source.shape,
        element,
        &source.path,
        &source.canonical,
        source.options,
        open_source,
        &here,
    )?;
    let elements =
        checked_len(virtual_.source.shape()).and_then(|n| n.checked_mul(source.dtype.size() as u64));
    if elements.is_none_or(|n| n > i64::MAX as u64) {
        let shape = show_shape(virtual_.source.shape());
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("an array of shape {shape} of {}", source.dtype),
        ));
    }
    (source.swap, source.bits) = (false, None);
    source.shape = virtual_.source.shape().into();
    source.chunks = virtual_.source.chunks().cloned();
    source.others = Some(virtual_.state);
    source.access = match elements {
        Some(0) => Access::Empty,
        _ => Access::Virtual(virtual_.source),
    };
    Ok(source)
}

impl Source for Hdf5Source {
    fn shape(&self) -> &[u64] {
        self.field.as_ref().map_or(&self.shape, |field| &field.shape)
    }

    fn dtype(&self) -> DType {
        self.field.as_ref().map_or(self.dtype, |field| field.dtype)
    }

    fn chunks(&self) -> Option<&Chunks> {
        match &self.field {
            Some(field) => field.chunks.as_ref(),
            None => self.chunks.as_ref(),
        }
    }

    fn spec(&self, _: Own) -> Option<SourceSpec> {
        Some(SourceSpec::Hdf5 {
            path: self.path.clone(),
            dataset: self.dataset.clone(),
            options: self.options,
            fingerprint: self.named,
            others: self.others,
        })
    }

    fn attributes(&self, _: Own) -> &[Attribute] {
        &self.attributes
    }

    fn unfinished(&self, _: Own) -> Option<Unfinished> {
        self.unfinished
    }

    fn describe(&self) -> String {
        format!("{}:{}", self.path.display(), self.dataset)
    }

    fn scratch_bytes(&self) -> u64 {
        self.scratch_needs().total()
    }

    fn scratch_needs(&self) -> ScratchNeeds {
        let (n, piece) = (self.chunk_bytes(), super::contiguous::PIECE as u64);
        let none = ScratchNeeds::default();
        let needs = match self.access {
            Access::Empty | Access::Fill => none,
            Access::Inline(_) => ScratchNeeds { chunk: n, ..none },
            Access::Contiguous(_) | Access::External(_) => ScratchNeeds { stage: piece, ..none },
            Access::Virtual(ref made) => made.scratch_needs(),
            Access::Chunks { ref pipeline, bare_edges, .. } => ScratchNeeds {
                raw: most_stored(pipeline, n).max(JOINED),
                // What has no filter is read in part.
                stage: if pipeline.is_empty() || bare_edges { piece } else { 0 },
                chunk: n,
                filters: between_bytes(pipeline, n),
                codec: codec_bytes(pipeline, n),
                index: INDEX_BYTES,
                library: 0,
            },
            // libhdf5 holds the stored and the decoded chunk; what is not chunked is small or
            // goes through its own buffers of 1 MiB.
            Access::Library(_) if n > 0 => {
                ScratchNeeds { chunk: n, library: most_stored(&[], n).saturating_add(n), ..none }
            }
            Access::Library(_) => ScratchNeeds { library: 4 << 20, ..none },
        };
        match self.field {
            Some(_) => field::needs(self, needs),
            None => needs,
        }
    }

    fn decodes_in_place(&self, _: Own) -> bool {
        matches!(self.access, Access::Chunks { index: Some(_), .. }) && self.field.is_none()
    }

    fn worth_keeping(&self) -> bool {
        match &self.access {
            Access::Chunks { pipeline, .. } => !pipeline.is_empty(),
            Access::Library(_) => self.chunks.is_some(),
            Access::Virtual(made) => made.worth_keeping(),
            Access::Empty | Access::Fill => false,
            Access::Inline(_) | Access::Contiguous(_) | Access::External(_) => false,
        }
    }

    fn wants_advice(&self) -> bool {
        match &self.access {
            Access::Virtual(made) => made.wants_advice(),
            access => matches!(access, Access::Contiguous(_) | Access::Chunks { index: Some(_), .. }),
        }
    }

    /// Where files are as quick as memory there is nothing to be gained: what is in the system's cache
    /// already would only be looked up twice.
    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        if cx.stats.is_slow() && !slab.is_empty() {
            cx.scratch.end_parts();
            if let Access::Virtual(made) = &self.access {
                return made.advise(slab, cx);
            }
            // What is wrong with the file the read itself will say.
            let _ = match &self.field {
                Some(_) => read::advise(self, &field::of_elements(self, slab), cx),
                None => read::advise(self, slab, cx),
            };
        }
    }

    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        cx.scratch.end_parts();
        if let Access::Virtual(made) = &self.access {
            return made.read_chunk(chunk, out, cx).map_err(|e| self.locate_chunk(e, chunk));
        }
        let done = match &self.field {
            Some(field) => field::chunk(self, field, chunk, out, cx),
            None => read::chunk(self, chunk, Form::Plain, out, cx).map(drop),
        };
        done.map_err(|e| self.locate_chunk(e, &chunk[..chunk.len().min(self.shape.len())]))
    }

    fn read_packed(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<Packing> {
        cx.scratch.end_parts();
        if let Access::Virtual(made) = &self.access {
            return made.read_packed(chunk, out, cx).map_err(|e| self.locate_chunk(e, chunk));
        }
        if self.field.is_some() {
            return self.read_chunk(chunk, out, cx).map(|()| Packing::PLAIN);
        }
        read::chunk(self, chunk, Form::Stored, out, cx).map_err(|e| self.locate_chunk(e, chunk))
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        check_slab(self.shape(), self.dtype(), slab, out).map_err(|e| self.locate(e))?;
        if slab.is_empty() {
            return Ok(());
        }
        cx.scratch.end_parts();
        let done = match &self.field {
            Some(field) => field::region(self, field, slab, out, cx),
            None => region::region(self, slab, out, cx),
        };
        done.map_err(|e| self.locate(e))
    }

    fn in_parts(&self) -> bool {
        self.field.is_none() && region::in_parts(self)
    }

    fn read_part(&self, of: &Slab, part: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        if self.field.is_some() {
            return self.read_region(part, out, cx);
        }
        check_slab(&self.shape, self.dtype, part, out).map_err(|e| self.locate(e))?;
        if part.is_empty() {
            return Ok(());
        }
        region::part(self, of, part, out, cx).map_err(|e| self.locate(e))
    }
}
