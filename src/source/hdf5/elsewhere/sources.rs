//! The datasets that a virtual one is made of: known when it is opened, open when they are wanted.

use super::super::handles;
use super::convert::Converted;
use super::names::{Kind, find};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims};
use crate::source::{Fingerprint, OpenOptions, Own, ScratchNeeds, Source, SourceSpec};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Sources that stay open, of one dataset. They hold no file. Tests have more than that.
pub(super) const KEPT: usize = if cfg!(test) { 3 } else { 1024 };
/// Datasets inside of each other.
const DEPTH: usize = 16;
/// Datasets that are opened for one.
const MOST: u64 = 1 << 18;

/// Opens a dataset of a file for the dataset that is made of it, which the chain ends with.
pub(in super::super) type Opener = fn(&Path, &str, OpenOptions, &Chain) -> Result<Arc<dyn Source>>;

/// The virtual datasets for which one is opened.
pub(in super::super) struct Chain<'a> {
    /// Canonical path and path in the file.
    of: (&'a Path, &'a str),
    up: Option<&'a Chain<'a>>,
    opened: &'a AtomicU64,
}

impl<'a> Chain<'a> {
    /// The chain that ends with this dataset.
    ///
    /// # Errors
    /// `Format` if the dataset is made of itself; `Unsupported` if it is too long.
    pub fn new(
        of: (&'a Path, &'a str),
        up: Option<&'a Chain<'a>>,
        opened: &'a AtomicU64,
    ) -> Result<Chain<'a>> {
        let opened = up.map_or(opened, |up| up.opened);
        let (mut above, mut depth) = (up, 1);
        while let Some(chain) = above {
            if chain.of == of {
                return Err(Error::new(ErrorKind::Format, "a virtual dataset that is made of itself"));
            }
            (above, depth) = (chain.up, depth + 1);
        }
        if depth > DEPTH {
            let message = format!("virtual datasets inside of each other, more than {DEPTH} deep");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Ok(Chain { of, up, opened })
    }

    /// Whether it is the dataset that was asked for.
    pub fn is_first(&self) -> bool {
        self.up.is_none()
    }

    fn count(&self) -> Result<()> {
        if self.opened.fetch_add(1, Relaxed) >= MOST {
            let message = format!("a virtual dataset made of more than {MOST} datasets");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Ok(())
    }
}

/// A dataset, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub file: String,
    pub dataset: String,
}

/// What is known of a dataset.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub shape: Dims,
    pub chunks: Option<Chunks>,
    pub needs: ScratchNeeds,
    pub worth_keeping: bool,
    pub advised: bool,
    /// The file that the name means.
    path: PathBuf,
    spec: Option<SourceSpec>,
}

/// A look at a dataset: nothing where it is missing. It stays open where there is room.
pub(super) type Looked = Option<(Known, Option<Arc<dyn Source>>)>;

/// The file that names them, and what is wanted of them.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub path: PathBuf,
    pub canonical: PathBuf,
    pub options: OpenOptions,
    pub dtype: DType,
    pub opener: Opener,
}

impl Home {
    /// Looks at a dataset; `None` where there is no such file, or no such dataset in it.
    pub fn look(&self, name: &Name, chain: &Chain) -> Result<Looked> {
        chain.count()?;
        let look = || {
            let Some(path) = self.file(name)? else { return Ok(None) };
            let source = match (self.opener)(&path, &name.dataset, self.options, chain) {
                Ok(source) => source,
                Err(e) if e.kind() == ErrorKind::NotFound && !names_its_own(&e) => {
                    return Ok(None);
                }
                Err(e) => return Err(e),
            };
            let spec = source.spec(Own);
            let source = self.converted(source)?;
            let known = Known {
                shape: source.shape().into(),
                chunks: source.chunks().cloned(),
                needs: source.scratch_needs(),
                worth_keeping: source.worth_keeping(),
                advised: source.wants_advice(),
                path,
                spec,
            };
            Ok(Some((known, Some(source))))
        };
        look().map_err(|e| name.locate(e))
    }

    fn file(&self, name: &Name) -> Result<Option<PathBuf>> {
        match &name.file[..] {
            "." => Ok(Some(self.path.clone())),
            file => find(Kind::Source, file, &self.path, &self.canonical),
        }
    }

    fn converted(&self, source: Arc<dyn Source>) -> Result<Arc<dyn Source>> {
        if source.dtype() == self.dtype {
            return Ok(source);
        }
        Ok(Arc::new(Converted::new(source, self.dtype)?))
    }

    fn again(&self, name: &Name, known: &Known) -> Result<Arc<dyn Source>> {
        let opened = AtomicU64::new(0);
        let chain = Chain::new((&self.canonical, ""), None, &opened)?;
        let source = (self.opener)(&known.path, &name.dataset, self.options, &chain)?;
        if source.spec(Own) != known.spec {
            return Err(handles::changed());
        }
        self.converted(source)
    }
}

impl Name {
    /// Names the dataset in an error, unless a dataset that it is made of is named already.
    pub fn locate(&self, e: Error) -> Error {
        if e.context("source file").is_some() {
            return e;
        }
        e.at("source file", &self.file).at("source dataset", &self.dataset)
    }

    /// The error for a dataset that is not there.
    pub fn missing(&self) -> Error {
        self.locate(absent("dataset"))
    }
}

/// The error for a file with a source of a virtual dataset that is not there.
pub(in super::super) fn missing(file: &str) -> Error {
    absent("file").at("source file", file)
}

fn absent(what: &str) -> Error {
    let message = format!("a {what} that the virtual dataset is made of is missing");
    Error::new(ErrorKind::NotFound, message).hint(
        "put the file there (HDF5_VDS_PREFIX says where else it may lie), or read absent parts as the fill \
         value, as libhdf5 does, with OpenOptions::new().fill_missing() (--fill-missing)",
    )
}

/// Whether what is missing is missing to the dataset, and not the dataset.
fn names_its_own(e: &Error) -> bool {
    e.context("source file").is_some() || e.context("external file").is_some()
}

/// All datasets that are there, each with its name.
#[derive(Debug)]
pub(super) struct Sources {
    home: Home,
    all: Vec<(Name, Known)>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    clock: u64,
    kept: HashMap<usize, (Arc<dyn Source>, u64)>,
}

impl Sources {
    pub fn new(home: Home) -> Sources {
        Sources { home, all: Vec::new(), open: Mutex::default() }
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Takes a dataset in, and gives its number.
    pub fn push(&mut self, name: Name, known: Known, source: Option<Arc<dyn Source>>) -> usize {
        let number = self.all.len();
        self.all.push((name, known));
        if let Some(source) = source.filter(|_| number < KEPT) {
            self.keep(number, source);
        }
        number
    }

    pub fn known(&self) -> impl Iterator<Item = &Known> {
        self.all.iter().map(|(_, known)| known)
    }

    pub fn get(&self, number: usize) -> (&Name, &Known) {
        let (name, known) = &self.all[number];
        (name, known)
    }

    fn keep(&self, number: usize, source: Arc<dyn Source>) {
        let mut open = self.open.lock().unwrap_or_else(|e| e.into_inner());
        open.clock += 1;
        let clock = open.clock;
        if open.kept.len() >= KEPT && !open.kept.contains_key(&number) {
            // Half of them go at once, so that the search for the oldest is seldom.
            let mut used: Vec<u64> = open.kept.values().map(|(_, used)| *used).collect();
            let middle = used.len() / 2;
            let (_, &mut middle, _) = used.select_nth_unstable(middle);
            open.kept.retain(|_, (_, used)| *used > middle);
        }
        open.kept.insert(number, (source, clock));
    }

    /// A dataset, opened. It must be as it was when it was first looked at.
    pub fn source(&self, number: usize) -> Result<Arc<dyn Source>> {
        {
            let mut open = self.open.lock().unwrap_or_else(|e| e.into_inner());
            open.clock += 1;
            let clock = open.clock;
            if let Some((source, used)) = open.kept.get_mut(&number) {
                *used = clock;
                return Ok(source.clone());
            }
        }
        let (name, known) = &self.all[number];
        let source = self.home.again(name, known).map_err(|e| name.locate(e))?;
        self.keep(number, source.clone());
        Ok(source)
    }

    /// What tells one state of all of them from another.
    pub fn state(&self) -> u64 {
        digest(self.known().filter_map(|known| known.spec.as_ref()).flat_map(|spec| match spec {
            SourceSpec::Hdf5 { fingerprint, others, .. } => words(fingerprint, *others),
            _ => [0; 4],
        }))
    }
}

/// A file's state as numbers, with that of the others that it names.
pub(in super::super) fn words(state: &Fingerprint, others: Option<u64>) -> [u64; 4] {
    [state.size, state.mtime_ns as u64, state.inode, others.unwrap_or(0)]
}

/// One number of many, the same in every process (FNV-1a).
pub(in super::super) fn digest(words: impl Iterator<Item = u64>) -> u64 {
    let bytes = words.flat_map(u64::to_le_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
