//! What is in a file, as plain data: groups, datasets, attributes, dimension scales, links.
//!
//! Soft and external links are shown and not followed. An object that several hard links reach is
//! described once, so circles end. The order is by name. What cannot be read is a node that says
//! so; the rest is still listed.

use super::attribute::Attribute;
use super::filter_name;
use super::part::Field;
use crate::dtype::{DType, Scalar};
use crate::h5::{self, RawValue};
use serde::{Deserialize, Serialize};

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
    Dataset(Box<Dataset>),
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
    /// The names of an enum's values, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<(String, i128)>,
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
    /// The names of the axes, where the format gives each one, whether or not a scale belongs to it: netCDF classic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<String>,
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
