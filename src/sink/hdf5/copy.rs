//! What `copy` makes of a file before any values are computed: groups, links, attributes, and datasets, those that keep their
//! storage with all that is in them.
//!
//! Links are those of the original: an object with several is one object, soft and external ones stay as they are. References
//! in attributes (dimension scales) lead to the copies. Of the datasets that get other chunks or filters, those of numbers are
//! left empty, for a run to fill them in parallel; others of a fixed size are read and filtered here, one chunk after the other.
//!
//! What cannot be copied is an error that names it: data in other files, references as data, links of applications.

use super::block::put;
use super::existing::own;
use super::filter::{self, Filter, WriteScratch};
use crate::buffer::Buffer;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, Grid, checked_len, show_shape, unravel};
use crate::h5::{self, Id, Layout, Link, Moved, Object};
use crate::whole::WholeFile;
use std::collections::HashMap;
use std::path::Path;

/// How chunks of copies are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Chunking {
    /// As they were.
    #[default]
    Keep,
    /// About 1 MiB, as many of the last axes as fit.
    Auto,
    /// None.
    Contiguous,
    /// Of this shape, where it fits.
    Shape(Vec<u64>),
}

/// What changes in a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub chunks: Chunking,
    /// Filters in place of those that there were; those if nothing is said.
    pub filters: Option<Vec<Filter>>,
}

/// What is left to do.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    /// Datasets whose values are still to be written: path in the original, path in the copy.
    pub empty: Vec<(String, String)>,
    /// What is not as it was asked for, or as it was.
    pub notes: Vec<String>,
}

/// The most bytes of a chunk that is chosen here, and the least of a dataset that gets chunks for its filters.
const CHUNK: u64 = 1 << 20;
const SMALL: u64 = 1 << 10;

/// Copies `from` in the file `source` to `to` in a file that is being made, which is one already if `into` says so.
///
/// # Errors
/// What cannot be read, copied or written, by its path.
pub(crate) fn begin(
    whole: &WholeFile,
    into: bool,
    source: &Path,
    (from, to): (&str, &str),
    change: &Change,
    budget: u64,
) -> Result<Begun> {
    h5::locked(|| {
        let original = h5::open_file(source).at("file", source.display())?;
        let file = match into {
            true => h5::open_to_change(&whole.path())?,
            false => h5::create_file_like(&whole.path(), &original)?,
        };
        let mut copying = Copying {
            original,
            file,
            change,
            budget,
            paths: HashMap::new(),
            order: Vec::new(),
            begun: Begun::default(),
        };
        copying.walk(from, to).at("file", source.display())?;
        copying.attributes().at("file", source.display())?;
        let Copying { original, file, begun, .. } = copying;
        h5::flush(&file)?;
        h5::close_file(file)?;
        if !into {
            user_block(whole, source, h5::user_block(&original)?)?;
        }
        Ok(begun)
    })
}

/// Copies what stands before the file's own bytes.
fn user_block(whole: &WholeFile, source: &Path, len: u64) -> Result<()> {
    use std::io::Read;
    if len == 0 {
        return Ok(());
    }
    let mut block = Vec::new();
    let read = std::fs::File::open(source).and_then(|f| f.take(len).read_to_end(&mut block));
    read.map_err(|e| Error::new(ErrorKind::Io, "cannot read the user block").caused_by(e))?;
    whole.write_at(&block, 0)
}

struct Copying<'a> {
    original: Id,
    file: Id,
    change: &'a Change,
    budget: u64,
    /// The path of each object's copy, by its address.
    paths: HashMap<u64, String>,
    /// The objects as they were copied: their paths there and here.
    order: Vec<(String, String)>,
    begun: Begun,
}

impl Copying<'_> {
    fn walk(&mut self, from: &str, to: &str) -> Result<()> {
        if from != "/" && matches!(h5::link(&self.original, from)?, Some(Link::External(..))) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "what is to be copied is a link into another file",
            )
            .at("object", from)
            .hint("name that file"));
        }
        let single = h5::open_object(&self.original, from).at("object", from)?.1 == Object::Dataset;
        // Last first; groups may be nested deeper than calls can be.
        let mut rest = vec![(from.to_string(), to.to_string())];
        while let Some((from, to)) = rest.pop() {
            self.object(&from, &to, single, &mut rest).at("object", &from)?;
        }
        Ok(())
    }

    fn object(&mut self, from: &str, to: &str, single: bool, rest: &mut Vec<(String, String)>) -> Result<()> {
        // What is asked for is copied itself, whatever link leads to it.
        if !self.order.is_empty() {
            match h5::link(&self.original, from)? {
                Some(Link::Hard) => {}
                Some(link) => return h5::create_link(&self.file, to, &link, ""),
                None => return Err(Error::new(ErrorKind::NotFound, "the link is gone")),
            }
        }
        let (object, kind) = h5::open_object(&self.original, from)?;
        let address = h5::header_address(&object)?;
        if let Some(there) = self.paths.get(&address) {
            return h5::create_link(&self.file, to, &Link::Hard, there);
        }
        self.paths.insert(address, to.to_string());
        match kind {
            Object::Group => {
                if to != "/" {
                    h5::create_group_like(&self.file, to, &object)?;
                }
                let within = |path: &str, name: &str| format!("{}/{name}", path.trim_end_matches('/'));
                let members = h5::links_in_order(&object)?;
                rest.extend(members.iter().rev().map(|name| (within(from, name), within(to, name))));
            }
            Object::Dataset => self.dataset(&object, from, to, single)?,
            Object::Type => h5::copy_stored(&object, &self.file, to)?,
            Object::Other => return Err(Error::new(ErrorKind::Unsupported, "an object of no known kind")),
        }
        self.order.push((from.to_string(), to.to_string()));
        Ok(())
    }

    fn dataset(&mut self, object: &Id, from: &str, to: &str, single: bool) -> Result<()> {
        let unsupported = |what: &str| Error::new(ErrorKind::Unsupported, what);
        let (dcpl, t) = (h5::creation(object)?, h5::dataset_type(object)?);
        let layout = h5::layout(&dcpl)?;
        if layout == Layout::Virtual || h5::external_files(&dcpl)? > 0 {
            return Err(unsupported("its data lie in other files, which are not copied").hint(
                "chunkwise eval -i x=FILE:/path --allow-external x --output NEW.h5 stores what they have",
            ));
        }
        if h5::has_references(&t) {
            return Err(unsupported("its data are references, which would lead nowhere")
                .hint("h5repack copies files with them"));
        }
        if h5::is_named(&t) {
            self.begun.notes.push(format!("{from} has a type of its own, no longer the one with a name"));
        }
        let shape = h5::shape_of(&h5::dataset_space(object)?)?.filter(|s| !s.is_empty() && !s.contains(&0));
        let asked = *self.change != Change::default();
        let (Some(shape), true) = (shape, asked) else { return h5::copy_stored(object, &self.file, to) };
        if h5::has_variable_length(&t) {
            self.begun.notes.push(format!("{from} keeps its storage: its elements have lengths that vary"));
            return h5::copy_stored(object, &self.file, to);
        }
        let size = h5::type_size(&t);
        let bytes = checked_len(&shape).and_then(|n| n.checked_mul(size as u64)).unwrap_or(u64::MAX);
        let old = if layout == Layout::Chunked { Some(h5::chunk_shape(&dcpl)?.0) } else { None };
        let chunks = self.chunks(from, &shape, size, bytes, old.as_deref(), &dcpl, object, single)?;
        let filters = match &self.change.filters {
            Some(filters) => filters.clone(),
            None => self.own_filters(&dcpl, size)?,
        };
        let filters = if chunks.is_some() { Filter::of(&filters, size) } else { Vec::new() };
        if chunks.as_deref() == old.as_deref() && self.change.filters.is_none() {
            return h5::copy_stored(object, &self.file, to);
        }
        let said: Vec<_> = filters.iter().map(|f| (f.id(), f.values(size))).collect();
        let new = h5::create_like(&self.file, to, object, chunks.as_deref(), &said)?;
        let element = h5::element_type(&t)?;
        match element.dtype.is_some() && !element.convert {
            true => self.begun.empty.push((from.to_string(), to.to_string())),
            false => self.values(object, &new, &t, &shape, chunks.as_deref(), &filters)?,
        }
        Ok(())
    }

    /// The chunks of a copy.
    #[allow(clippy::too_many_arguments)]
    fn chunks(
        &mut self,
        from: &str,
        shape: &[u64],
        size: usize,
        bytes: u64,
        old: Option<&[u64]>,
        dcpl: &Id,
        object: &Id,
        single: bool,
    ) -> Result<Option<Vec<u64>>> {
        let filtered = self.change.filters.as_ref().is_some_and(|f| !f.is_empty());
        Ok(match &self.change.chunks {
            Chunking::Keep if old.is_none() && filtered && bytes >= SMALL => Some(auto(shape, size)),
            Chunking::Keep => {
                if let (Some(old), true) =
                    (old, h5::layout(dcpl)? == Layout::Chunked && h5::chunk_shape(dcpl)?.1)
                {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        format!("its chunks of shape {} over the edge go without filters", show_shape(old)),
                    )
                    .hint("say --chunks"));
                }
                old.map(<[u64]>::to_vec)
            }
            Chunking::Auto => Some(auto(shape, size)),
            Chunking::Contiguous => {
                if h5::most_of(&h5::dataset_space(object)?, shape.len())?
                    .iter()
                    .zip(shape)
                    .any(|(m, n)| *m != Some(*n))
                {
                    self.begun
                        .notes
                        .push(format!("{from} keeps its chunks: it can grow, which only chunked data can"));
                    return Ok(old.map(<[u64]>::to_vec));
                }
                None
            }
            Chunking::Shape(chunks) => {
                let fits = chunks.len() == shape.len() && chunks.iter().zip(shape).all(|(c, n)| c <= n);
                let what = || {
                    format!(
                        "chunks of shape {} do not fit the shape {}",
                        show_shape(chunks),
                        show_shape(shape)
                    )
                };
                match (fits, single) {
                    (true, _) => Some(chunks.clone()),
                    (false, true) => {
                        return Err(Error::new(ErrorKind::Shape, what())
                            .hint("a chunk is at most as long as the dataset along each axis"));
                    }
                    (false, false) => {
                        self.begun.notes.push(format!("{from} keeps its chunks: {}", what()));
                        match old {
                            None if filtered && bytes >= SMALL => Some(auto(shape, size)),
                            old => old.map(<[u64]>::to_vec),
                        }
                    }
                }
            }
        })
    }

    /// The filters that a dataset has, to be applied anew.
    fn own_filters(&self, dcpl: &Id, size: usize) -> Result<Vec<Filter>> {
        let all = h5::filters(dcpl)?;
        all.iter()
            .map(|f| {
                own(f, size).ok_or_else(|| {
                    let what = format!("chunks with the filter '{}' ({}) cannot be written", f.name, f.id);
                    Error::new(ErrorKind::Unsupported, what).hint("say --filter")
                })
            })
            .collect()
    }

    /// Copies elements that are no numbers, as they are.
    fn values(
        &self,
        object: &Id,
        new: &Id,
        t: &Id,
        shape: &[u64],
        chunks: Option<&[u64]>,
        filters: &[Filter],
    ) -> Result<()> {
        let size = h5::type_size(t);
        let pieces = chunks.map_or_else(|| auto(shape, size), <[u64]>::to_vec);
        let full = checked_len(&pieces).and_then(|n| n.checked_mul(size as u64)).unwrap_or(u64::MAX);
        let needed = WriteScratch::bytes_for(full, filters).saturating_add(full);
        if needed > self.budget {
            return Err(Error::new(
                ErrorKind::Budget,
                format!("a chunk of shape {} does not fit the memory budget", show_shape(&pieces)),
            )
            .needs(needed));
        }
        let fill = h5::fill_value(&h5::creation(object)?, t, size)?;
        let (mut part, mut whole, mut scratch) = (Buffer::default(), Buffer::default(), WriteScratch::new());
        let grid = Grid::regular(shape, &pieces);
        let counts = grid.counts();
        for n in 0..grid.blocks() {
            let region = grid.region(&unravel(n, &counts));
            part.resize_for_overwrite(region.len() as usize * size);
            let (space, ones) = (h5::dataset_space(object)?, Dims::from_elem(1, shape.len()));
            h5::select(&space, &region.start, &ones, &region.shape)?;
            h5::read_selection(object, t, &h5::simple_space(&region.shape)?, &space, &mut part)?;
            if chunks.is_none() {
                let target = h5::dataset_space(new)?;
                h5::select(&target, &region.start, &ones, &region.shape)?;
                h5::write_selection(new, t, &h5::simple_space(&region.shape)?, &target, &part)?;
                continue;
            }
            whole.resize_for_overwrite(full as usize);
            whole.chunks_exact_mut(size).for_each(|e| e.copy_from_slice(&fill));
            put(&part, &region.shape, &Dims::from_elem(0, shape.len()), &pieces, &mut whole, size);
            let stored = filter::encode(filters, size, &whole, &mut scratch)?;
            h5::write_stored(new, &region.start, 0, stored)?;
        }
        Ok(())
    }

    /// Copies the attributes of all objects, after all of them are there.
    fn attributes(&mut self) -> Result<()> {
        let mut moved = Moved::new();
        for (address, path) in &self.paths {
            moved.insert(*address, h5::header_address(&h5::open_object(&self.file, path)?.0)?);
        }
        for (from, to) in &self.order {
            let (old, new) = (h5::open_object(&self.original, from)?.0, h5::open_object(&self.file, to)?.0);
            let left = h5::copy_attributes(&old, &new, &moved).at("object", from)?;
            // Without its dimensions netCDF's own numbers of them have no meaning, and its library cannot open the file.
            if left.iter().any(|name| name == "DIMENSION_LIST") {
                for number in ["_Netcdf4Dimid", "_Netcdf4Coordinates"] {
                    h5::remove_attribute(&new, number).at("object", from)?;
                }
            }
            for name in left {
                self.begun.notes.push(format!(
                    "{from} is without its attribute {name}, which refers to what is not copied"
                ));
            }
        }
        Ok(())
    }
}

/// Chunks of about 1 MiB: as many of the last axes as fit are whole.
fn auto(shape: &[u64], size: usize) -> Vec<u64> {
    let mut room = (CHUNK / size.max(1) as u64).max(1);
    let mut chunks: Vec<u64> = shape
        .iter()
        .rev()
        .map(|&n| {
            let own = n.min(room).max(1);
            room = (room / own).max(1);
            own
        })
        .collect();
    chunks.reverse();
    chunks
}
