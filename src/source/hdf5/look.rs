//! How libhdf5 is asked what is in a file.
//!
//! No other file is opened for that: links into others are not followed, and of a virtual dataset, whose
//! sources libhdf5 opens to say its shape, the shape is the stored one.

use super::attribute;
use super::facts::{header, resolve};
use super::filters::is_own;
use super::handles::{self, RawFile};
use super::meta::{self, field};
use super::part::Elements;
use super::tree::{Dataset, MAX_DEPTH, MAX_NODES, Node, NodeKind, Told, filter_text};
use crate::dtype::DType;
use crate::dtype::Scalar;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::h5::{self, Id, Layout, Link};
use crate::source::OpenOptions;
use std::collections::HashMap;
use std::path::Path;

/// The tree of the file at the canonical path `path`, by libhdf5, with or without plugins.
pub(super) fn look(path: &Path, object: &str, plugins: bool) -> Result<Node> {
    let file = handles::borrow(path)?;
    let found = resolve(file.id()?, object, OpenOptions::default())?;
    if !found.below.is_empty() {
        let ty = h5::locked(|| {
            let dataset = file.dataset(&found.path)?;
            h5::encoded(&h5::dataset_type(&dataset)?)
        })?;
        return Err(field::no_object_in(&found.path, &ty, &found.below));
    }
    let resolved = found.path;
    let mut walk = Walk { file: file.id()?, raw: &file.raw, plugins, seen: HashMap::new() };
    walk.node(&resolved, 0)
}

struct Walk<'a> {
    file: &'a Id,
    raw: &'a RawFile,
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
                NodeKind::Dataset(Dataset { scale, scales, ..dataset(&id, self.raw, self.plugins)? }.into())
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

/// The shape of a virtual dataset as it is stored. libhdf5 would open the files that it names to say a shape.
fn stored_shape(id: &Id, raw: &RawFile) -> Result<Option<Dims>> {
    let header = header(id)?.ok_or_else(|| Error::new(ErrorKind::Unsupported, "a file in several parts"))?;
    meta::shape(raw, header)
}

fn dataset(id: &Id, raw: &RawFile, plugins: bool) -> Result<Dataset> {
    h5::locked(|| {
        let stored_type = h5::dataset_type(id)?;
        let element = h5::element_type(&stored_type)?;
        let Elements { mut fields, members, .. } = field::made_of_in(&h5::encoded(&stored_type)?, &[])?;
        if element.dtype.is_some() {
            fields.clear();
        }
        let dcpl = h5::creation(id)?;
        let layout = h5::layout(&dcpl)?;
        let (chunked, is_virtual) = (layout == Layout::Chunked, layout == Layout::Virtual);
        let shape = match is_virtual {
            true => stored_shape(id, raw)?,
            false => h5::shape_of(&h5::dataset_space(id)?)?,
        };
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
            members,
            layout: layout.name().into(),
            chunks: if chunked { Some(h5::chunk_shape(&dcpl)?.0.to_vec()) } else { None },
            readable: h5::with_plugins(plugins, || {
                filters.iter().all(|f| is_own(f.id) || h5::has_filter(f.id))
            }),
            filters: filters.iter().map(filter_text).collect(),
            storage_bytes: if is_virtual { 0 } else { h5::storage_size(id) },
            fill,
            external_files: if is_virtual { 0 } else { h5::external_files(&dcpl)? },
            scale: false,
            scales: Vec::new(),
            dimensions: Vec::new(),
        })
    })
}
