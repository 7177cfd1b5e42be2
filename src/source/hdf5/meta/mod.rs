//! The metadata of HDF5 files, read from their bytes.
//!
//! From the superblock over object headers, groups and their links to datasets and their attributes: all that
//! opening and listing need, without libhdf5, its lock, or a process of its own. One file per structure of the
//! format; [`facts`] and [`tree`] are what comes of them.
//!
//! Source: the HDF5 File Format Specification, version 4.0. Superblocks 0 to 3, also behind user blocks;
//! object headers 1 and 2; groups as symbol tables, link messages, and dense; messages that are shared, in
//! other headers and in the file's own heap of them; attributes in headers and dense; datatypes 1 to 5,
//! dataspaces 1 and 2, fill values, filter pipelines, layouts 1 to 5; local, global and fractal heaps; B-trees 1
//! and 2. What says that a writer has the file open, or had it open when it crashed, is no obstacle: the file is
//! read as it is, and again where a writer seems to be in the middle of a change.
//!
//! Safe against any bytes: every length is checked against the file before memory is taken for it, and what is
//! inside of something else has a bound on its depth. Nothing is visited more often than the bound of
//! [`Pages`](pages::Pages) allows, so everything ends. Checksums are verified where the format has them. An
//! error says which structure is damaged, and at what byte.
//!
//! Limits: files in several parts, images of the metadata cache, heaps with filters, and what is newer than the
//! format's version 4.0 are errors of kind `Unsupported` that [`is_unknown`] tells from others: libhdf5 may read
//! those.

mod attribute;
pub(super) mod bytes;
pub(super) mod checksum;
pub(super) mod container;
mod dataset;
pub(super) mod dataspace;
mod datatype;
mod element;
mod external;
pub(super) mod field;
mod fill;
mod foreign;
mod global;
mod group;
pub(super) mod header;
mod heap;
pub(super) mod layout;
mod link;
mod listing;
mod mapping;
mod names;
pub(super) mod object;
mod pages;
mod path;
mod pipeline;
mod selection;
mod shared;
mod superblock;
mod symbols;
mod text;
pub(super) mod tree_v2;
mod value;

pub(crate) use bytes::ReadAt;
pub(super) use bytes::is_unknown;
pub(super) use text::Heap;

use super::facts::Facts;
use super::part::Elements;
use super::tree::{self, Node};
use super::unfinished::Unfinished;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::source::{OpenOptions, Reader};
use container::Container;
use dataspace::Space;
use object::{DATASPACE, Kind, Object};
use pages::Pages;
use path::Found;

/// Whether files that are opened so are read here.
pub(super) fn reads(options: OpenOptions) -> bool {
    // Positioned reads are Unix only.
    cfg!(unix) && options.reader == Reader::Own
}

/// How often a file is read again that its writer changes meanwhile.
const AGAIN: usize = 3;

/// Runs `f` over a file, and says in its error how much of the file is there. What seems to be damaged while a
/// writer is at work may have been read in the middle of a change, and is read again.
fn over<T>(file: &dyn ReadAt, f: impl Fn(&Container) -> Result<T>) -> Result<T> {
    let mut tries = 0;
    loop {
        let pages = Pages::new(file);
        let container = Container::open(&pages)?;
        match f(&container) {
            Err(e) if e.kind() == ErrorKind::Format && container.about.live && tries < AGAIN => tries += 1,
            done => return done.map_err(|e| container.explain(e)),
        }
    }
}

/// Why a file may have less than it will have, or had, as it says itself. Nothing where it is no HDF5 file that can be
/// read, as whoever reads it is told.
pub(super) fn unfinished(file: &dyn ReadAt) -> Option<Unfinished> {
    let (have, about) = (file.len(), Container::open(file).ok()?.about);
    match about.open {
        true => Some(Unfinished::Open),
        false => (have < about.end).then_some(Unfinished::Cut { have, stated: about.end }),
    }
}

/// What a file says about a dataset.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Here(Box<Facts>),
    /// It is in another file: the name of that in a link, and the path in it.
    Elsewhere {
        file: String,
        object: String,
    },
}

/// All that opening takes from a file about its dataset `name`, or where else to look where an external link leads
/// to it and `options` allow that.
pub(super) fn facts(file: &dyn ReadAt, name: &str, options: OpenOptions) -> Result<Told> {
    over(file, |container| {
        let (resolved, object, below) = match path::resolve(container, name, options)? {
            Found::Here { path, object, below } => (path, object, below),
            Found::Elsewhere(file, object) => return Ok(Told::Elsewhere { file, object }),
        };
        let what = match object.kind() {
            Kind::Dataset => {
                return dataset::facts(container, &object, (resolved, &below), options)
                    .map(|facts| Told::Here(Box::new(facts)));
            }
            Kind::Group => "a group",
            Kind::Type => "a named type",
            Kind::Other => "an object of an unknown kind",
        };
        Err(Error::new(ErrorKind::Type, format!("this is {what}, not a dataset"))
            .hint("`chunkwise info` lists what is in the file"))
    })
}

/// What the elements of the dataset `name` of a file are made of, or of one of their fields.
pub(super) fn elements(file: &dyn ReadAt, name: &str) -> Result<Elements> {
    over(file, |container| match path::resolve(container, name, OpenOptions::default())? {
        Found::Here { object, below, .. } if object.kind() == Kind::Dataset => {
            let ty = datatype::Type::read(&object.get(container, object::DATATYPE, "datatype")?)?;
            field::made_of(&ty, &below)
        }
        Found::Here { path, .. } => Err(Error::new(ErrorKind::Type, format!("{path:?} is not a dataset"))),
        Found::Elsewhere(..) => {
            Err(Error::new(ErrorKind::Internal, "a link was followed that is not allowed"))
        }
    })
}

/// What is at `name` in a file, with all that is below it.
pub(super) fn tree(file: &dyn ReadAt, name: &str, plugins: bool) -> Result<Node> {
    over(file, |container| match path::resolve(container, name, OpenOptions::default())? {
        Found::Here { path, object, below } if !below.is_empty() => {
            let ty = datatype::Type::read(&object.get(container, object::DATATYPE, "datatype")?)?;
            Err(field::no_object(&path, &ty, &below))
        }
        Found::Here { path, object, .. } => listing::look(container, &object, &path, plugins),
        Found::Elsewhere(..) => {
            Err(Error::new(ErrorKind::Internal, "a link was followed that is not allowed"))
        }
    })
}

/// What is at `name` in a file by itself.
pub(super) fn object(file: &dyn ReadAt, name: &str) -> Result<tree::Object> {
    over(file, |container| match path::resolve(container, name, OpenOptions::default())? {
        Found::Here { path, object, below } if !below.is_empty() => {
            let ty = datatype::Type::read(&object.get(container, object::DATATYPE, "datatype")?)?;
            Err(field::no_object(&path, &ty, &below))
        }
        Found::Here { object, .. } => listing::alone(container, &object),
        Found::Elsewhere(..) => {
            Err(Error::new(ErrorKind::Internal, "a link was followed that is not allowed"))
        }
    })
}

/// The shape that the object header at `header` (relative to the base address) says; `None` of a null dataspace.
pub(super) fn shape(file: &dyn ReadAt, header: u64) -> Result<Option<Dims>> {
    over(file, |container| {
        let object = Object::read(container, header)?;
        let space = object.get(container, DATASPACE, "dataspace")?;
        Ok(Space::read(&space, container.frame())?.shape())
    })
}

#[cfg(test)]
mod tests;
