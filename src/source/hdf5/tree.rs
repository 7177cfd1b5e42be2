//! What is in a file, as plain data: groups, datasets, attributes, dimension scales, links; and how libhdf5 is
//! asked for it.
//!
//! Soft and external links are shown and not followed. An object that several hard links reach is
//! described once, so circles end. The order is by name. What cannot be read is a node that says
//! so; the rest is still listed.

use super::attribute::{self, Attribute};
use super::facts::resolve;
use super::filters::is_own;
use super::meta::field;
use super::part::Field;
use super::{filter_name, handles};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::h5::{self, Id, Layout, Link, RawValue};
use crate::source::OpenOptions;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Groups inside groups that are followed.
pub(super) const MAX_DEPTH: usize = 64;
/// Objects that are described.
pub(super) const MAX_NODES: usize = 100_000;

/// An object or a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Node {
    /// Its path from the root.
    pub path: String,
    /// What it is.
    pub kind: NodeKind,
    /// Its attributes, by name.
    pub attributes: Vec<Attribute>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// A group.
    Group {
        /// What is in it, by name.
        members: Vec<Node>,
        /// Whether something was left out because there is too much.
        truncated: bool,
    },
    /// A dataset.
    Dataset(Dataset),
    /// A named type.
    Type {
        /// The type in words.
        text: String,
    },
    /// A link to a path in this file; not followed.
    SoftLink {
        /// The path.
        target: String,
    },
    /// A link to an object of another file; not followed.
    ExternalLink {
        /// The file.
        file: String,
        /// The path in it.
        object: String,
    },
    /// A link of a class that an application defined.
    UserLink {
        /// The class.
        class: i32,
    },
    /// An object that is described elsewhere.
    SameAs {
        /// Where.
        path: String,
    },
    /// An object that cannot be read.
    Unreadable {
        /// Why.
        error: String,
    },
}

/// One object by itself: what it is, all values of its attributes, and the names of what is in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its attributes, by name.
    pub attributes: Vec<Attribute>,
    /// The names of what is in a group, sorted.
    pub members: Vec<String>,
}

/// What an [`Object`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectKind {
    /// A group, or the root of a file.
    Group,
    /// A dataset.
    Dataset,
    /// Something else: a named type, a link, what cannot be read.
    Other,
}

impl From<Node> for Object {
    /// What a listing shows of it: of long attributes the beginning.
    fn from(node: Node) -> Object {
        let (kind, members) = match node.kind {
            NodeKind::Group { members, .. } => (ObjectKind::Group, members),
            NodeKind::Dataset(_) => (ObjectKind::Dataset, Vec::new()),
            _ => (ObjectKind::Other, Vec::new()),
        };
        let name = |member: Node| member.path.rsplit('/').next().unwrap_or_default().to_string();
        Object { kind, attributes: node.attributes, members: members.into_iter().map(name).collect() }
    }
}

/// A dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dataset {
    /// Its shape; `None` for a null dataspace.
    pub shape: Option<Vec<u64>>,
    /// The stored type: a NumPy type string (`<f4`), or words.
    pub stored: String,
    /// The dtype that it is read as; `None` if it is not numeric.
    pub dtype: Option<DType>,
    /// The fields of compound elements, those inside of fields after them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// `compact`, `contiguous`, `chunked` or `virtual`; of netCDF classic files `contiguous` or `record`.
    pub layout: String,
    /// The chunk shape.
    pub chunks: Option<Vec<u64>>,
    /// The filters in the order of writing: `deflate 4`.
    pub filters: Vec<String>,
    /// Whether this build can undo all of them.
    pub readable: bool,
    /// Bytes that it takes in the file.
    pub storage_bytes: u64,
    /// The fill value, of numeric data.
    pub fill: Option<Scalar>,
    /// How many other files hold the data.
    pub external_files: usize,
    /// Whether it is a dimension scale.
    pub scale: bool,
    /// Per axis, the dimension scales that belong to it.
    pub scales: Vec<Vec<String>>,
}

/// The tree of the file at the canonical path `path`, by libhdf5, with or without plugins.
pub(super) fn look(path: &Path, object: &str, plugins: bool) -> Result<Node> {
    let file = handles::borrow(path)?;
    let found = resolve(file.id()?, object, OpenOptions::default())?;
    found.check_whole()?;
    let resolved = found.path;
    let mut walk = Walk { file: file.id()?, plugins, seen: HashMap::new() };
    walk.node(&resolved, 0)
}

struct Walk<'a> {
    file: &'a Id,
    plugins: bool,
    /// Address and path of what has been described.
    seen: HashMap<[u8; 16], String>,
}

impl Walk<'_> {
    fn node(&mut self, path: &str, depth: usize) -> Result<Node> {
        let (id, kind) = h5::open_object(self.file, path)?;
        let plain = |kind| Node { path: path.into(), kind, attributes: Vec::new() };
        let address = h5::address(&id)?;
        if let Some(first) = self.seen.get(&address) {
            return Ok(plain(NodeKind::SameAs { path: first.clone() }));
        }
        self.seen.insert(address, path.into());
        let attributes = if kind == h5::Object::Other { Vec::new() } else { attribute::of(&id) };
        let Told { shown, scale, scales } = Told::of(attributes);
        let kind = match kind {
            h5::Object::Group => {
                let (members, truncated) = self.members(&id, path, depth)?;
                NodeKind::Group { members, truncated }
            }
            h5::Object::Dataset => {
                NodeKind::Dataset(Dataset { scale, scales, ..dataset(&id, self.plugins)? })
            }
            h5::Object::Type => NodeKind::Type { text: h5::element_type(&id)?.text },
            h5::Object::Other => NodeKind::Unreadable { error: "an object of an unknown kind".into() },
        };
        Ok(Node { path: path.into(), kind, attributes: shown })
    }

    fn members(&mut self, group: &Id, path: &str, depth: usize) -> Result<(Vec<Node>, bool)> {
        if depth >= MAX_DEPTH {
            return Ok((Vec::new(), true));
        }
        let room = MAX_NODES.saturating_sub(self.seen.len());
        let (names, mut truncated) = h5::link_names(group, room)?;
        let mut members = Vec::new();
        for name in names {
            if self.seen.len() >= MAX_NODES {
                truncated = true;
                break;
            }
            let full = format!("{}/{name}", path.trim_end_matches('/'));
            let unreadable = |e: Error| NodeKind::Unreadable { error: e.to_string() };
            let kind = match h5::link(group, &name) {
                Ok(Some(Link::Hard)) => {
                    let node = self.node(&full, depth + 1);
                    members.push(node.unwrap_or_else(|e| Node {
                        path: full,
                        kind: unreadable(e),
                        attributes: Vec::new(),
                    }));
                    continue;
                }
                Ok(Some(Link::Soft(target))) => NodeKind::SoftLink { target },
                Ok(Some(Link::External(file, object))) => NodeKind::ExternalLink { file, object },
                Ok(Some(Link::User(class))) => NodeKind::UserLink { class },
                Ok(None) => {
                    unreadable(Error::new(ErrorKind::Format, "the group lists it, but it is not there"))
                }
                Err(e) => unreadable(e),
            };
            members.push(Node { path: full, kind, attributes: Vec::new() });
        }
        Ok((members, truncated))
    }
}

/// What the attributes of an object say.
#[derive(Default)]
pub(super) struct Told {
    /// Those that are shown.
    pub shown: Vec<Attribute>,
    /// Whether it is a dimension scale.
    pub scale: bool,
    /// Per axis, the dimension scales that belong to it.
    pub scales: Vec<Vec<String>>,
}

impl Told {
    pub fn of(attributes: Vec<h5::RawAttribute>) -> Told {
        let mut told = Told::default();
        for a in attributes {
            match a.value {
                RawValue::References(lists) if a.name == "DIMENSION_LIST" => told.scales = lists,
                value => {
                    told.scale |= a.name == "CLASS"
                        && matches!(&value, RawValue::Strings(s) if s[..] == ["DIMENSION_SCALE"]);
                    told.shown.push(Attribute::plain(h5::RawAttribute { value, ..a }));
                }
            }
        }
        told
    }
}

fn dataset(id: &Id, plugins: bool) -> Result<Dataset> {
    h5::locked(|| {
        let stored_type = h5::dataset_type(id)?;
        let element = h5::element_type(&stored_type)?;
        let fields = match element.dtype {
            None => field::made_of_in(&h5::encoded(&stored_type)?, &[])?.fields,
            Some(_) => Vec::new(),
        };
        let shape = h5::shape_of(&h5::dataset_space(id)?)?;
        let dcpl = h5::creation(id)?;
        let layout = h5::layout(&dcpl)?;
        let chunked = layout == Layout::Chunked;
        let filters = if chunked { h5::filters(&dcpl)? } else { Vec::new() };
        let fill = element.dtype.and_then(|dtype| {
            let mut bytes = h5::fill_value(&dcpl, &element.memory, dtype.size()).ok()?;
            if element.swap {
                bytes.reverse();
            }
            if dtype == DType::Bool {
                bytes[0] = u8::from(bytes[0] != 0);
            }
            Scalar::from_bytes(dtype, &bytes)
        });
        Ok(Dataset {
            shape: shape.map(|s| s.to_vec()),
            stored: element.text,
            dtype: element.dtype,
            fields,
            layout: layout.name().into(),
            chunks: if chunked { Some(h5::chunk_shape(&dcpl)?.0.to_vec()) } else { None },
            readable: h5::with_plugins(plugins, || {
                filters.iter().all(|f| is_own(f.id) || h5::has_filter(f.id))
            }),
            filters: filters.iter().map(filter_text).collect(),
            storage_bytes: h5::storage_size(id),
            fill,
            external_files: if layout == Layout::Virtual { 0 } else { h5::external_files(&dcpl)? },
            scale: false,
            scales: Vec::new(),
        })
    })
}

pub(super) fn filter_text(f: &h5::FilterInfo) -> String {
    match (f.id, &f.values[..]) {
        (1, [level, ..]) => format!("deflate {level}"),
        _ => match filter_name(f.id) {
            Some(name) if f.id < 32 => name.into(),
            Some(name) => format!("{name} ({})", f.id),
            None if f.name.is_empty() => format!("filter {}", f.id),
            None => format!("{} ({})", f.name, f.id),
        },
    }
}
