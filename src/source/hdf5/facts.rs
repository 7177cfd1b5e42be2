//! What opening takes from a file about a dataset, as plain data, and how libhdf5 is asked for it.
//!
//! [`Facts`] are all that opening takes from a file: they come from [`meta`](super::meta), or from libhdf5, in this
//! process or in another one, and are believed from nowhere. [`Hdf5Source`](super::Hdf5Source) checks them before
//! it uses them.

use super::attribute::{self, Attribute};
use super::bytes::canonical_bools;
use super::handles::{Borrowed, RawFile};
use super::index::{ChunkIndex, Expect};
use super::meta::field::{self, Found};
use super::part::{Elements, Part};
use super::selection::Selection;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, checked_len};
use crate::h5::{self, Bits, FilterInfo, Id, Layout, Link, Object};
use crate::source::OpenOptions;
use crate::source::cf;
use serde::{Deserialize, Serialize};

/// Compact data is part of the object header, which has less than this.
pub(super) const MAX_COMPACT: u64 = 64 << 10;

/// A dataset as its file describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The path without links in it, where there are only links of this file.
    pub resolved: String,
    pub shape: Dims,
    pub dtype: DType,
    /// Whether the bytes of each element must be reversed.
    pub swap: bool,
    /// Where an integer's bits lie in its bytes, if they are not all of them.
    pub bits: Option<Bits>,
    /// The shape of the storage chunks.
    pub chunks: Option<Dims>,
    pub filters: Vec<FilterInfo>,
    /// One element in native byte order; as it is stored where only a part is wanted.
    pub fill: Vec<u8>,
    pub storage: Storage,
    /// What of each stored element is wanted, if not all; the dtype and what belongs to it are those of the part.
    #[serde(default)]
    pub part: Option<Part>,
    /// What decoding needs of its attributes, where it is asked for.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// Where the elements are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Storage {
    /// Nowhere: every element is the fill value.
    Nothing,
    /// One after the other from this byte of the file on.
    Contiguous { address: u64 },
    /// Here, as memory has them.
    Inline(Vec<u8>),
    /// In chunks. `bare_edges`: chunks over the array's edge are stored without the filters. `header`:
    /// where the object header is, from which the chunks are found; without it libhdf5 finds them.
    Chunked { bare_edges: bool, header: Option<u64> },
    /// In pieces of other files, one after the other.
    External(Vec<Slot>),
    /// In other datasets.
    Virtual(Vec<Mapping>),
    /// Where only libhdf5 gets at them, and why.
    Library { why: String },
}

/// A piece of a file that has bytes of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub file: String,
    pub offset: u64,
    /// How many; as many as there are, where nothing is said.
    pub size: Option<u64>,
}

/// Some elements of a virtual dataset that are elements of another dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mapping {
    pub file: String,
    pub dataset: String,
    pub from: Selection,
    pub to: Selection,
}

/// Asks libhdf5 about the dataset `name` of a file.
pub(crate) fn gather(file: &Borrowed, name: &str, options: OpenOptions) -> Result<Facts> {
    h5::locked(|| {
        let resolved = resolve(file.id()?, name, options)?;
        let (object, kind) = h5::open_object(file.id()?, &resolved.path)?;
        if kind != h5::Object::Dataset {
            let what = if kind == h5::Object::Group { "a group" } else { "a named type" };
            return Err(Error::new(ErrorKind::Type, format!("this is {what}, not a dataset"))
                .hint("`chunkwise info` lists what is in the file"));
        }
        drop(object);
        let id = file.dataset(&resolved.path)?;
        let mut facts = describe(&id, &resolved, options)?;
        if resolved.elsewhere && facts.storage != Storage::Nothing {
            // Addresses and sizes are those of the other file.
            facts.storage = Storage::Library { why: "the data is in another file".into() };
        }
        facts.resolved = resolved.path;
        Ok(facts)
    })
}

/// Asks libhdf5 what the elements of the dataset `name` of a file, or of one of their fields, are made of.
pub(super) fn elements(file: &Borrowed, name: &str) -> Result<Elements> {
    h5::locked(|| {
        let resolved = resolve(file.id()?, name, OpenOptions::default())?;
        let id = file.dataset(&resolved.path)?;
        field::made_of_in(&h5::encoded(&h5::dataset_type(&id)?)?, &resolved.below)
    })
}

/// Reads everything that reading needs from an open dataset.
fn describe(id: &Id, resolved: &Resolved, options: OpenOptions) -> Result<Facts> {
    let stored_type = h5::dataset_type(id)?;
    let element = h5::element_type(&stored_type)?;
    match element.dtype {
        Some(_) => {
            resolved.check_whole()?;
            describe_elements(id, &element, None, options)
        }
        None => describe_part(id, &stored_type, &element, &resolved.below, options),
    }
}

/// As [`describe`], of a part of each element.
fn describe_part(
    id: &Id,
    stored_type: &Id,
    stored: &h5::ElementType,
    below: &[String],
    options: OpenOptions,
) -> Result<Facts> {
    let Found { element, part } = field::find_in(&h5::encoded(stored_type)?, below, options.text_bytes)?;
    let Some(dtype) = element.dtype else { return Err(field::not_converted(&element)) };
    let (bits, swap) = Bits::native(element.bits, element.size, element.swap, dtype);
    if element.convert && bits.is_none() {
        return Err(field::not_converted(&element));
    }
    let facts = describe_elements(id, stored, Some(part), options)?;
    Ok(Facts { dtype, swap, bits, ..facts })
}

/// Reads everything of elements that are numbers, or of which a part is wanted, as bytes.
fn describe_elements(
    id: &Id,
    element: &h5::ElementType,
    part: Option<Part>,
    options: OpenOptions,
) -> Result<Facts> {
    let dtype = element.dtype.unwrap_or(DType::U8);
    let stored_bytes = part.as_ref().map_or(dtype.size() as u64, |part| part.stored);
    let dcpl = h5::creation(id)?;
    let layout = h5::layout(&dcpl)?;
    let external = layout != Layout::Virtual && h5::external_files(&dcpl)? > 0;
    if (external || layout == Layout::Virtual) && !options.allow_external {
        return Err(not_allowed(external));
    }
    // Of a virtual dataset libhdf5 opens the sources for its shape: not before it was allowed.
    let space = h5::shape_of(&h5::dataset_space(id)?)?;
    let shape = space.clone().unwrap_or_else(|| Dims::from_slice(&[0]));
    let bytes = checked_len(&shape).and_then(|n| n.checked_mul(stored_bytes));
    let filters = if layout == Layout::Chunked { h5::filters(&dcpl)? } else { Vec::new() };
    let mut fill = h5::fill_value(&dcpl, &element.memory, stored_bytes as usize)?;
    if element.swap {
        fill.reverse();
    }
    if dtype == DType::Bool {
        fill[0] = u8::from(fill[0] != 0);
    }
    let (bits, swap) = Bits::native(element.bits, element.size, element.swap, dtype);
    let convert = element.convert && bits.is_none();
    let library = |why: &str| Storage::Library { why: why.into() };
    let mut chunks = None;
    let storage = match layout {
        _ if bytes == Some(0) => Storage::Nothing,
        Layout::Chunked => {
            let (chunk, bare_edges) = h5::chunk_shape(&dcpl)?;
            chunks = Some(chunk);
            match convert {
                true => library("the element type has to be converted"),
                false => Storage::Chunked { bare_edges, header: header(id)? },
            }
        }
        Layout::Compact if bytes.is_some_and(|n| n <= MAX_COMPACT) => {
            Storage::Inline(compact(id, element, &shape, bytes.unwrap_or(0) as usize)?)
        }
        Layout::Contiguous if external => library("the data is in external raw files"),
        Layout::Contiguous if convert => library("the element type has to be converted"),
        Layout::Contiguous if cfg!(unix) => match h5::offset(id) {
            None => Storage::Nothing,
            Some(address) => Storage::Contiguous { address },
        },
        Layout::Virtual => library("the dataset is virtual"),
        _ => library("there is no reader of our own for this layout"),
    };
    let attributes = match options.decode {
        true => {
            attribute::of(id).into_iter().filter(|a| cf::is_wanted(&a.name)).map(Attribute::plain).collect()
        }
        false => Vec::new(),
    };
    Ok(Facts {
        resolved: String::new(),
        shape,
        dtype,
        swap,
        bits,
        chunks,
        filters,
        fill,
        storage,
        part,
        attributes,
    })
}

/// The error of data in other files, raw or of a virtual dataset, that may not be read.
pub(super) fn not_allowed(raw: bool) -> Error {
    let what = if raw { "external raw files" } else { "a virtual dataset, which reads other files" };
    Error::new(ErrorKind::Unsupported, format!("the data is in {what}"))
        .hint("allow it with OpenOptions::new().allow_external() (--allow-external) if you trust the file")
}

/// Where the object header is, if that is one number and positioned reads can follow it.
pub(super) fn header(id: &Id) -> Result<Option<u64>> {
    let address = h5::address(id)?;
    let (head, rest) = address.split_at(8);
    let plain = cfg!(unix) && rest.iter().all(|&b| b == 0);
    Ok(plain.then(|| u64::from_le_bytes(head.try_into().unwrap_or_default())))
}

/// The index of the chunks of a dataset whose object header is at `header`, or `None` where it is of a
/// kind that only libhdf5 reads.
pub(super) fn locate(raw: &RawFile, header: Option<u64>, expect: &Expect) -> Result<Option<ChunkIndex>> {
    let Some(header) = header else { return Ok(None) };
    match ChunkIndex::locate(raw, header, expect) {
        Ok(index) => Ok(Some(index)),
        Err(e) if e.kind() == ErrorKind::Unsupported => Ok(None),
        Err(e) => Err(e),
    }
}

/// All elements of a compact dataset, as memory has them.
fn compact(id: &Id, element: &h5::ElementType, shape: &[u64], bytes: usize) -> Result<Vec<u8>> {
    let dtype = element.dtype.unwrap_or(DType::U8);
    let mut out = vec![0; bytes];
    let space = h5::simple_space(shape)?;
    h5::read_selection(id, &element.memory, &space, &h5::dataset_space(id)?, &mut out)?;
    if element.swap {
        super::filters::swap_bytes(&mut out, dtype.size());
    }
    canonical_bools(dtype, &mut out);
    Ok(out)
}

/// Where a path leads.
pub(super) struct Resolved {
    /// A path of hard links, or, where external links are allowed, of anything from the first one on.
    pub path: String,
    /// Whether there is one.
    pub elsewhere: bool,
    /// The names that follow after a dataset: those of fields.
    pub below: Vec<String>,
}

impl Resolved {
    /// Fails where names of fields follow.
    ///
    /// # Errors
    /// `NotFound` if some do.
    pub fn check_whole(&self) -> Result<()> {
        if self.below.is_empty() {
            return Ok(());
        }
        let what = format!("{:?} is a dataset, there is nothing below it", self.path);
        Err(Error::new(ErrorKind::NotFound, what))
    }
}

/// Follows the soft links of a path by hand, so that a link out of the file is seen before libhdf5 follows it.
pub(super) fn resolve(file: &Id, path: &str, options: OpenOptions) -> Result<Resolved> {
    let mut pending: Vec<String> =
        path.split('/').rev().filter(|p| !p.is_empty()).map(String::from).collect();
    let mut done = String::new();
    let mut followed = 0;
    while let Some(part) = pending.pop() {
        if part == "." {
            continue;
        }
        let next = format!("{done}/{part}");
        let link = match h5::link(file, &next) {
            Ok(link) => link,
            Err(e) => match h5::open_object(file, &done) {
                Ok((_, Object::Dataset)) => {
                    let below = std::iter::once(part).chain(pending.into_iter().rev()).collect();
                    return Ok(Resolved { path: done, elsewhere: false, below });
                }
                _ => return Err(e),
            },
        };
        match link {
            Some(Link::Hard) => done = next,
            Some(Link::Soft(target)) => {
                followed += 1;
                if followed > 32 {
                    return Err(Error::new(ErrorKind::Format, "a circle of soft links").at("link", next));
                }
                if target.starts_with('/') {
                    done.clear();
                }
                pending.extend(target.split('/').rev().filter(|p| !p.is_empty()).map(String::from));
            }
            Some(Link::External(..)) if options.allow_external => {
                pending.push(part);
                let rest: Vec<String> = pending.into_iter().rev().collect();
                let path = format!("{done}/{}", rest.join("/"));
                return Ok(Resolved { path, elsewhere: true, below: Vec::new() });
            }
            Some(Link::External(other, object)) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("{next:?} is a link to {object:?} in another file, {other:?}"),
                )
                .hint("open that file, or allow it with OpenOptions::new().allow_external() (--allow-external) if you trust this one"));
            }
            Some(Link::User(class)) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("{next:?} is a link of the unknown class {class}"),
                ));
            }
            None => {
                let mut e =
                    Error::new(ErrorKind::NotFound, format!("there is no {next:?} in the file")).absent();
                let here = if done.is_empty() { "/" } else { &done };
                if let Ok((names, _)) = h5::open_object(file, here).and_then(|(g, _)| h5::link_names(&g, 12))
                {
                    e = e.hint(match names.is_empty() {
                        true => format!("{here} is empty"),
                        false => format!("{here} has {}", names.join(", ")),
                    });
                }
                return Err(e);
            }
        }
    }
    let path = if done.is_empty() { "/".into() } else { done };
    Ok(Resolved { path, elsewhere: false, below: Vec::new() })
}
