//! What a dataset's object header says, and the facts from which the dataset is opened.

use super::bytes::{beyond, damaged, unsupported};
use super::container::Container;
use super::dataspace::Space;
use super::datatype::Type;
use super::element::Element;
use super::layout::{Chunked, Layout};
use super::object::{DATASPACE, DATATYPE, EXTERNAL, LAYOUT, Object, PIPELINE};
use super::{external, fill, mapping, pipeline};
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, checked_len};
use crate::h5::{Bits, FilterInfo};
use crate::source::OpenOptions;
use crate::source::hdf5::facts::{Facts, MAX_COMPACT, Storage, not_allowed};
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
    /// The message that lists them.
    files: Option<Vec<u8>>,
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
    /// Where the mappings are: a collection of the global heap, and the number in it.
    Virtual(Option<u64>, u32),
}

impl Place {
    /// As listings name it.
    pub fn name(&self) -> &'static str {
        match self {
            Place::Compact(_) => "compact",
            Place::Contiguous { .. } => "contiguous",
            Place::Chunked(_) => "chunked",
            Place::Virtual(..) => "virtual",
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
            Layout::Virtual { address, number } => Place::Virtual(address, number),
        };
        let filters = match (&place, dataset.find(container, PIPELINE)?) {
            (Place::Chunked(_), Some(body)) => pipeline::read(&body).at("structure", here())?,
            _ => Vec::new(),
        };
        let files = dataset.find(container, EXTERNAL)?.map(|body| body.to_vec());
        let external = files.as_deref().map_or(Ok(0), external::count).at("structure", here())?;
        Ok(Described { element, shape, place, filters, external, files })
    }
}

/// All that opening needs of a dataset.
pub(super) fn facts(
    container: &Container,
    dataset: &Object,
    resolved: String,
    options: OpenOptions,
) -> Result<Facts> {
    let Described { element, shape, place, filters, external, files } = Described::read(container, dataset)?;
    let Some(dtype) = element.dtype else {
        return Err(Error::new(
            ErrorKind::Type,
            format!("elements of the type {} are not numbers", element.text),
        )
        .hint("only integers, floats, bools and enums can be computed with"));
    };
    let shape = shape.unwrap_or_else(|| Dims::from_slice(&[0]));
    let bytes = checked_len(&shape).and_then(|n| n.checked_mul(dtype.size() as u64));
    let is_virtual = matches!(place, Place::Virtual(..));
    let external = external > 0 && !is_virtual;
    if (external || is_virtual) && !options.allow_external {
        return Err(not_allowed(external));
    }
    let fill = fill::value(container, dataset, &element, dtype.size())?;
    let (bits, swap) = Bits::native(element.bits, element.size, element.swap, dtype);
    let convert = element.convert && bits.is_none();
    let library = |why: &str| Storage::Library { why: why.into() };
    let mut chunks = None;
    let storage = match place {
        // A virtual dataset is as long as its sources are.
        _ if bytes == Some(0) && !is_virtual => Storage::Nothing,
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
        Place::Contiguous { .. } if convert => library("the element type has to be converted"),
        Place::Contiguous { .. } if external => {
            let slots = external::slots(container, files.as_deref().unwrap_or(&[]));
            Storage::External(slots.at("structure", dataset.place(container))?)
        }
        Place::Contiguous { address, .. } => match address {
            None => Storage::Nothing,
            Some(address) => Storage::Contiguous { address: container.frame().place(address)? },
        },
        Place::Virtual(address, number) => match mapping::read(container, address, number)? {
            Some(mappings) => Storage::Virtual(mappings),
            None => library("the dataset is virtual, with selections that are too irregular"),
        },
    };
    if let (Storage::Contiguous { address }, Some(bytes)) = (&storage, bytes)
        && address.checked_add(bytes).is_none_or(|end| end > container.file.len())
    {
        return Err(beyond(*address, bytes, container.file.len()));
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
