//! What is in a file, as plain data: a walk over its groups.

use super::attribute;
use super::container::Container;
use super::dataset::{Described, Place};
use super::datatype::Type;
use super::element::Element;
use super::global::Global;
use super::link::{Target, text};
use super::names::Names;
use super::object::{DATATYPE, Kind, Object};
use super::value::Values;
use super::{field, fill, group};
use crate::dtype::Scalar;
use crate::error::Result;
use crate::h5::{self, RawAttribute};
use crate::source::hdf5::attribute::{ALL_VALUES, MAX_ATTRIBUTES, MAX_VALUES};
use crate::source::hdf5::filters::is_own;
use crate::source::hdf5::index::{ChunkIndex, Expect};
use crate::source::hdf5::tree::{
    self, Dataset, MAX_DEPTH, MAX_NODES, Node, NodeKind, ObjectKind, Told, filter_text,
};
use std::collections::HashMap;

/// Bytes that all names, paths and texts of a listing may take, and what a path counts besides its length.
const ROOM: usize = 48 << 20;
const PATH: usize = 64;

/// What is at an object of the path `path`, with all that is below it.
pub(super) fn look(container: &Container, object: &Object, path: &str, plugins: bool) -> Result<Node> {
    Walk::new(container, MAX_VALUES, plugins).node(object, path.into(), 0)
}

/// What an object is by itself: all values of its attributes, and the names of what is in it.
pub(super) fn alone(container: &Container, object: &Object) -> Result<tree::Object> {
    let mut walk = Walk::new(container, ALL_VALUES, false);
    let told = match object.kind() {
        Kind::Other => Told::default(),
        _ => Told::of(walk.attributes(object)),
    };
    let (kind, members) = match object.kind() {
        Kind::Group => (ObjectKind::Group, group::sorted(container, object, MAX_NODES, walk.values.room)?.0),
        Kind::Dataset => (ObjectKind::Dataset, Vec::new()),
        Kind::Type | Kind::Other => (ObjectKind::Other, Vec::new()),
    };
    let members = members.iter().map(|link| text(&link.name)).collect();
    Ok(tree::Object { kind, attributes: told.shown, members })
}

struct Walk<'a> {
    container: &'a Container<'a>,
    values: Values<'a>,
    plugins: bool,
    /// Address and path of what has been described.
    seen: HashMap<u64, String>,
}

impl<'a> Walk<'a> {
    /// With at most so many values of an attribute.
    fn new(container: &'a Container, limit: usize, plugins: bool) -> Walk<'a> {
        let (global, names) = (Global::default(), Names::default());
        let values = Values { container, global, names, limit, room: ROOM };
        Walk { container, values, plugins, seen: HashMap::new() }
    }

    fn node(&mut self, object: &Object, path: String, depth: usize) -> Result<Node> {
        self.seen.insert(object.address, path.clone());
        let kind = object.kind();
        let told = match kind {
            Kind::Other => Told::default(),
            _ => Told::of(self.attributes(object)),
        };
        let kind = match kind {
            Kind::Group => {
                let (members, truncated) = self.members(object, &path, depth)?;
                NodeKind::Group { members, truncated }
            }
            Kind::Dataset => {
                let d = dataset(self.container, object, self.plugins)?;
                NodeKind::Dataset(Dataset { scale: told.scale, scales: told.scales, ..d }.into())
            }
            Kind::Type => NodeKind::Type { text: named_type(self.container, object)? },
            Kind::Other => NodeKind::Unreadable { error: "an object of an unknown kind".into() },
        };
        Ok(Node { path, kind, attributes: told.shown })
    }

    /// The object that a link leads to, unless it was described.
    fn linked(&mut self, address: u64, path: &str, depth: usize) -> Result<Node> {
        if let Some(first) = self.seen.get(&address) {
            let kind = NodeKind::SameAs { path: first.clone() };
            return Ok(Node { path: path.into(), kind, attributes: Vec::new() });
        }
        self.node(&Object::read(self.container, address)?, path.into(), depth)
    }

    fn members(&mut self, group: &Object, path: &str, depth: usize) -> Result<(Vec<Node>, bool)> {
        if depth >= MAX_DEPTH {
            return Ok((Vec::new(), true));
        }
        let most = MAX_NODES.saturating_sub(self.seen.len());
        let (links, mut truncated) = group::sorted(self.container, group, most, self.values.room)?;
        let mut members = Vec::new();
        for link in links {
            let full = format!("{}/{}", path.trim_end_matches('/'), text(&link.name));
            let left = self.values.room.checked_sub(full.len() + PATH);
            if self.seen.len() >= MAX_NODES || left.is_none() {
                truncated = true;
                break;
            }
            self.values.room = left.unwrap_or(0);
            let kind = match link.target {
                Target::Hard(address) => match self.linked(address, &full, depth + 1) {
                    Ok(node) => {
                        members.push(node);
                        continue;
                    }
                    Err(e) => NodeKind::Unreadable { error: self.container.explain(e).to_string() },
                },
                Target::Soft(target) => NodeKind::SoftLink { target },
                Target::External(file, object) => NodeKind::ExternalLink { file, object },
                Target::User(class) => NodeKind::UserLink { class },
            };
            members.push(Node { path: full, kind, attributes: Vec::new() });
        }
        Ok((members, truncated))
    }

    /// The attributes of an object, by name.
    fn attributes(&mut self, object: &Object) -> Vec<RawAttribute> {
        let mut all = Vec::new();
        let values = &mut self.values;
        let visited = attribute::visit(self.container, object, &mut |stored| {
            let attribute = values.plain(stored, all.len());
            let len = size_of::<RawAttribute>() + attribute.name.len();
            let left = values.room.checked_sub(len);
            values.room = left.unwrap_or(0);
            all.push(attribute);
            Ok(left.is_none() || all.len() >= MAX_ATTRIBUTES)
        });
        all.sort_by(|a, b| a.name.cmp(&b.name));
        if let Err(e) = visited {
            let value = h5::RawValue::Other(format!("unreadable: {}", e.message()));
            all.push(RawAttribute {
                name: format!("attribute {}", all.len()),
                shape: Default::default(),
                value,
            });
        }
        all
    }
}

fn named_type(container: &Container, object: &Object) -> Result<String> {
    Ok(Element::of(&Type::read(&object.get(container, DATATYPE, "datatype")?)?)?.text)
}

fn dataset(container: &Container, object: &Object, plugins: bool) -> Result<Dataset> {
    let described = Described::read(container, object)?;
    let storage_bytes = storage_bytes(container, object, &described)?;
    let Described { ty, element, shape, place, filters, external, .. } = described;
    let fields = if element.dtype.is_none() { field::list(&ty)? } else { Vec::new() };
    let fill = element.dtype.and_then(|dtype| {
        let bytes = fill::value(container, object, &element, dtype.size()).ok()?;
        Scalar::from_bytes(dtype, &bytes)
    });
    Ok(Dataset {
        shape: shape.map(|s| s.to_vec()),
        stored: element.text,
        dtype: element.dtype,
        fields,
        members: field::members(&ty)?,
        layout: place.name().into(),
        chunks: match &place {
            Place::Chunked(chunked) => chunked.chunk.split_last().map(|(_, chunk)| chunk.to_vec()),
            _ => None,
        },
        readable: filters.iter().all(|f| is_own(f.id))
            || h5::with_plugins(plugins, || filters.iter().all(|f| is_own(f.id) || h5::has_filter(f.id))),
        filters: filters.iter().map(filter_text).collect(),
        storage_bytes,
        fill,
        external_files: if matches!(place, Place::Virtual(..)) { 0 } else { external },
        scale: false,
        scales: Vec::new(),
        dimensions: Vec::new(),
    })
}

/// Bytes that a dataset takes in the file.
fn storage_bytes(container: &Container, object: &Object, described: &Described) -> Result<u64> {
    let Described { element, shape, place, filters, external, .. } = described;
    let elements = || shape.as_ref().map_or(Some(0), |s| crate::grid::checked_len(s));
    let whole = || elements().and_then(|n| n.checked_mul(element.size as u64)).unwrap_or(u64::MAX);
    Ok(match place {
        Place::Compact(data) => data.len() as u64,
        Place::Contiguous { address: None, .. } if *external == 0 => 0,
        Place::Contiguous { bytes, .. } => bytes.unwrap_or_else(whole),
        Place::Virtual(..) => 0,
        Place::Chunked(chunked) => {
            let (Some(shape), Some((_, chunk))) = (shape, chunked.chunk.split_last()) else { return Ok(0) };
            let expect = Expect { shape, chunk, element: element.size as u64, filtered: !filters.is_empty() };
            let index = ChunkIndex::locate_in(container, object.address, &expect)?;
            index.stored_bytes(container.file)?
        }
    })
}
