//! What a dataset's object header says, and the facts from which the dataset is opened.

use super::attribute::{self, Stored};
use super::bytes::{beyond, damaged, unsupported};
use super::container::Container;
use super::dataspace::Space;
use super::datatype::Type;
use super::element::Element;
use super::global::Global;
use super::layout::{Chunked, Layout};
use super::names::Names;
use super::object::{DATASPACE, DATATYPE, EXTERNAL, LAYOUT, Object, PIPELINE};
use super::path::nothing_below;
use super::value::Values;
use super::{external, field, fill, mapping, pipeline};
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Dims, checked_len};
use crate::h5::{Bits, FilterInfo};
use crate::source::OpenOptions;
use crate::source::cf;
use crate::source::hdf5::attribute::{Attribute, MAX_VALUES};
use crate::source::hdf5::facts::{Facts, MAX_COMPACT, Mapping, Storage, not_allowed};
use crate::source::hdf5::filters::swap_bytes;
use crate::source::hdf5::part::Part;

/// Bytes of texts in attributes that are kept of a dataset.
const ATTRIBUTES_ROOM: usize = 1 << 20;

/// A dataset as its header describes it.
pub(super) struct Described {
    pub ty: Type,
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
        Ok(Described { ty, element, shape, place, filters, external, files })
    }
}

/// All that opening needs of a dataset.
pub(super) fn facts(
    container: &Container,
    dataset: &Object,
    (resolved, below): (String, &[String]),
    options: OpenOptions,
) -> Result<Facts> {
    let Described { ty, mut element, shape, place, filters, external, files } =
        Described::read(container, dataset)?;
    let stored_size = element.size;
    let mut part = match element.dtype {
        Some(_) if below.is_empty() => None,
        Some(_) => return Err(nothing_below(&resolved)),
        None => {
            let found = field::find(&ty, below, options.text_bytes)?;
            element = found.element;
            Some(found.part)
        }
    };
    let Some(dtype) = element.dtype else { return Err(field::not_a_number(&ty, &element)) };
    let shape = shape.unwrap_or_else(|| Dims::from_slice(&[0]));
    let (mut bits, mut swap) = Bits::native(element.bits, element.size, element.swap, dtype);
    // Integers of other sizes than their dtype's are taken out of their elements, as fields are.
    let is_raw = matches!(place, Place::Chunked(_) | Place::Contiguous { .. });
    if element.convert && bits.is_none() && (is_raw || part.is_some()) {
        let whole = part.unwrap_or_else(|| Part::whole(stored_size as u64));
        let sized = element.bits.and_then(|bits| whole.sized(bits, dtype.size() as u64));
        part = Some(sized.ok_or_else(|| field::not_converted(&element))?);
        (bits, swap) = (None, false);
    }
    let stored_bytes = part.as_ref().map_or(dtype.size() as u64, |part| part.stored);
    let bytes = checked_len(&shape).and_then(|n| n.checked_mul(stored_bytes));
    let is_virtual = matches!(place, Place::Virtual(..));
    let external = external > 0 && !is_virtual;
    if (external || is_virtual) && !options.allow_external {
        return Err(not_allowed(external));
    }
    let fill = match &part {
        None => fill::value(container, dataset, &element, dtype.size())?,
        Some(_) => fill::stored(container, dataset, stored_size)?,
    };
    let library = |why: &str| Storage::Library { why: why.into() };
    let mut chunks = None;
    let storage = match place {
        // A virtual dataset is as long as its sources are.
        _ if bytes == Some(0) && !is_virtual => Storage::Nothing,
        Place::Chunked(Chunked { mut chunk, bare_edges, .. }) => {
            chunk.pop();
            chunks = Some(chunk);
            Storage::Chunked { bare_edges, header: Some(dataset.address) }
        }
        Place::Compact(data) if bytes.is_some_and(|n| n <= MAX_COMPACT) => {
            let inline = match &part {
                None => compact(&element, dtype, data, bytes.unwrap_or(0)),
                Some(_) => whole(data, bytes.unwrap_or(0)),
            };
            Storage::Inline(inline.at("structure", dataset.place(container))?)
        }
        Place::Compact(_) => return Err(damaged(format!("compact data of an array of shape {shape:?}"))),
        Place::Contiguous { .. } if external => {
            let slots = external::slots(container, files.as_deref().unwrap_or(&[]));
            Storage::External(slots.at("structure", dataset.place(container))?)
        }
        Place::Contiguous { address, .. } => match address {
            None => Storage::Nothing,
            Some(address) => Storage::Contiguous { address: container.frame().place(address)? },
        },
        Place::Virtual(address, number) => match mapping::read(container, address, number)? {
            Some(mappings) => Storage::Virtual(of_sources(mappings, part.as_ref(), below)?),
            None => library("the dataset is virtual, with selections that are too irregular"),
        },
    };
    if let (Storage::Contiguous { address }, Some(bytes)) = (&storage, bytes)
        && address.checked_add(bytes).is_none_or(|end| end > container.file.len())
    {
        return Err(beyond(*address, bytes, container.file.len()));
    }
    let (part, fill) = match (&storage, part) {
        // Each source has the field itself.
        (Storage::Virtual(_), Some(part)) => (None, field::fill(&part, &element, &fill)?),
        (_, part) => (part, fill),
    };
    let attributes = match options.decode {
        true => attributes(container, dataset)?,
        false => Vec::new(),
    };
    Ok(Facts { resolved, shape, dtype, swap, bits, chunks, filters, fill, storage, part, attributes })
}

/// What decoding needs of the attributes. One without a name that can be read could be any of them.
fn attributes(container: &Container, dataset: &Object) -> Result<Vec<Attribute>> {
    let mut values = Values {
        container,
        global: Global::default(),
        names: Names::default(),
        limit: MAX_VALUES,
        room: ATTRIBUTES_ROOM,
    };
    let mut out = Vec::new();
    attribute::visit(container, dataset, &mut |stored| match stored {
        Stored { name, value: Err(e) } if name.is_empty() => Err(e),
        stored if cf::is_wanted(&stored.name) => {
            out.push(Attribute::plain(values.plain(stored, out.len())));
            Ok(false)
        }
        _ => Ok(false),
    })?;
    Ok(out)
}

/// The mappings of a virtual dataset to the field of its sources.
///
/// # Errors
/// `Unsupported` for a field with axes of its own.
fn of_sources(mappings: Vec<Mapping>, part: Option<&Part>, names: &[String]) -> Result<Vec<Mapping>> {
    let Some(part) = part else { return Ok(mappings) };
    if !part.axes.is_empty() {
        let what = "a field of a virtual dataset that is an array in each element";
        return Err(
            Error::new(ErrorKind::Unsupported, what).hint("open it in the datasets that it is made of")
        );
    }
    let field = |m: Mapping| Mapping { dataset: format!("{}/{}", m.dataset, names.join("/")), ..m };
    Ok(mappings.into_iter().map(field).collect())
}

/// All bytes of a compact dataset of elements of which a part is wanted.
fn whole(mut data: Vec<u8>, bytes: u64) -> Result<Vec<u8>> {
    if (data.len() as u64) < bytes {
        return Err(damaged(format!("{} bytes for {bytes}", data.len())));
    }
    data.truncate(bytes as usize);
    Ok(data)
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
