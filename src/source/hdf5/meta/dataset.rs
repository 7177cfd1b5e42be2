//! What a dataset's object header says, and the facts from which the dataset is opened.

use super::bytes::{Fields, damaged, unsupported};
use super::container::Container;
use super::dataspace::Space;
use super::datatype::Type;
use super::element::Element;
use super::layout::{Chunked, Layout};
use super::object::{DATASPACE, DATATYPE, EXTERNAL, LAYOUT, Object, PIPELINE};
use super::{fill, pipeline};
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, checked_len};
use crate::h5::FilterInfo;
use crate::source::OpenOptions;
use crate::source::hdf5::facts::{Facts, MAX_COMPACT, Storage};
use crate::source::hdf5::filters::swap_bytes;

/// A dataset as its header describes it.
pub(super) struct Described {
    pub element: Element,
    /// `None` of a null dataspace.
    pub shape: Option<Dims>,
    pub place: Place,
    pub filters: Vec<FilterInfo>,
    /// How many other files have its data.
    pub external: usize,
}

/// Where the data is.
pub(super) enum Place {
    Compact(Vec<u8>),
    /// The bytes, where the header has them.
    Contiguous {
        address: Option<u64>,
        bytes: Option<u64>,
    },
    Chunked(Chunked),
    Virtual,
}

impl Place {
    /// As listings name it.
    pub fn name(&self) -> &'static str {
        match self {
            Place::Compact(_) => "compact",
            Place::Contiguous { .. } => "contiguous",
            Place::Chunked(_) => "chunked",
            Place::Virtual => "virtual",
        }
    }
}

impl Described {
    pub fn read(container: &Container, dataset: &Object) -> Result<Described> {
        let here = || dataset.place(container);
        let ty = Type::read(&dataset.get(container, DATATYPE, "datatype")?).at("structure", here())?;
        let element = Element::of(&ty).at("structure", here())?;
        let space = dataset.get(container, DATASPACE, "dataspace")?;
        let shape = Space::read(&space, container.frame()).at("structure", here())?.shape();
        let layout = dataset.get(container, LAYOUT, "layout")?;
        let place = match Layout::read(&layout, container.frame()).at("structure", here())? {
            Layout::Compact(data) => Place::Compact(data.to_vec()),
            Layout::Contiguous { address, bytes } => Place::Contiguous { address, bytes },
            Layout::Chunked(chunked) => Place::Chunked(chunked),
            Layout::Virtual => Place::Virtual,
        };
        let filters = match (&place, dataset.find(container, PIPELINE)?) {
            (Place::Chunked(_), Some(body)) => pipeline::read(&body).at("structure", here())?,
            _ => Vec::new(),
        };
        let external = match dataset.find(container, EXTERNAL)? {
            Some(body) => external_files(&body).at("structure", here())?,
            None => 0,
        };
        Ok(Described { element, shape, place, filters, external })
    }
}

/// How many files an external file list names.
fn external_files(body: &[u8]) -> Result<usize> {
    let mut fields = Fields::new(body);
    match fields.u8()? {
        1 => {}
        n => return Err(unsupported(format_args!("external file lists of version {n}"))),
    }
    fields.take(5)?;
    Ok(usize::from(fields.u16()?))
}

/// All that opening needs of a dataset.
pub(super) fn facts(
    container: &Container,
    dataset: &Object,
    resolved: String,
    options: OpenOptions,
) -> Result<Facts> {
    let Described { element, shape, place, filters, external } = Described::read(container, dataset)?;
    let Some(dtype) = element.dtype else {
        return Err(Error::new(
            ErrorKind::Type,
            format!("elements of the type {} are not numbers", element.text),
        )
        .hint("only integers, floats, bools and enums can be computed with"));
    };
    let shape = shape.unwrap_or_else(|| Dims::from_slice(&[0]));
    let bytes = checked_len(&shape).and_then(|n| n.checked_mul(dtype.size() as u64));
    let external = external > 0 && !matches!(place, Place::Virtual);
    if (external || matches!(place, Place::Virtual)) && !options.allow_external {
        let what = if external { "external raw files" } else { "a virtual dataset, which reads other files" };
        return Err(Error::new(ErrorKind::Unsupported, format!("the data is in {what}")).hint(
            "allow it with OpenOptions::new().allow_external() (--allow-external) if you trust the file",
        ));
    }
    let fill = fill::value(container, dataset, &element, dtype.size())?;
    // Odd integers of the size of their dtype are made native while they are read; others libhdf5 converts.
    let bits = element.bits.filter(|_| element.size == dtype.size());
    let swap = match bits {
        Some(b) => b.big != cfg!(target_endian = "big") && dtype.size() > 1,
        None => element.swap,
    };
    let convert = element.convert && bits.is_none();
    let library = |why: &str| Storage::Library { why: why.into() };
    let mut chunks = None;
    let storage = match place {
        _ if bytes == Some(0) => Storage::Nothing,
        Place::Chunked(Chunked { mut chunk, bare_edges, .. }) => {
            chunk.pop();
            chunks = Some(chunk);
            match convert {
                true => library("the element type has to be converted"),
                false => Storage::Chunked { bare_edges, header: Some(dataset.address) },
            }
        }
        Place::Compact(data) if bytes.is_some_and(|n| n <= MAX_COMPACT) => {
            let inline = compact(&element, dtype, data, bytes.unwrap_or(0));
            Storage::Inline(inline.at("structure", dataset.place(container))?)
        }
        Place::Compact(_) => return Err(damaged(format!("compact data of an array of shape {shape:?}"))),
        Place::Contiguous { .. } if external => library("the data is in external raw files"),
        Place::Contiguous { .. } if convert => library("the element type has to be converted"),
        Place::Contiguous { address, .. } => match address {
            None => Storage::Nothing,
            Some(address) => Storage::Contiguous { address: container.frame().place(address)? },
        },
        Place::Virtual => library("the dataset is virtual"),
    };
    if let (Storage::Contiguous { address }, Some(bytes)) = (&storage, bytes)
        && address.checked_add(bytes).is_none_or(|end| end > container.file.len())
    {
        let have = container.file.len();
        return Err(Error::new(
            ErrorKind::Format,
            format!("the data should be at bytes {address} + {bytes}, but the file has only {have}"),
        )
        .hint("the file is cut off: copy it again"));
    }
    Ok(Facts { resolved, shape, dtype, swap, bits, chunks, filters, fill, storage })
}

/// All elements of a compact dataset, as memory has them.
fn compact(element: &Element, dtype: DType, mut data: Vec<u8>, bytes: u64) -> Result<Vec<u8>> {
    let count = bytes as usize / dtype.size();
    let stored = count.checked_mul(element.size).filter(|&stored| stored <= data.len());
    let stored = stored
        .ok_or_else(|| damaged(format!("{} bytes for {count} elements of {}", data.len(), element.size)))?;
    data.truncate(stored);
    if !element.convert {
        if element.swap {
            swap_bytes(&mut data, dtype.size());
        }
        if dtype == DType::Bool {
            data.iter_mut().for_each(|b| *b = u8::from(*b != 0));
        }
        return Ok(data);
    }
    let mut out = Vec::new();
    for one in data.chunks_exact(element.size) {
        let native = element.native(one);
        out.extend(native.ok_or_else(|| unsupported(format_args!("elements of the type {}", element.text)))?);
    }
    Ok(out)
}
