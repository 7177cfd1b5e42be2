//! A listing for people: one line a dataset, and one an attribute.

use super::dimension::without_coordinates;
use super::ranges::Ranges;
use crate::cli::output::plain;
use chunkwise::Scalar;
use chunkwise::size::human_bytes;
use chunkwise::source::cf::Decoding;
use chunkwise::source::hdf5::{Attribute, AttributeValue, Dataset, Node, NodeKind};
use std::io::{self, Write};

/// Values of an attribute that are shown unless all are asked for.
const SHOWN: usize = 8;
/// Names of an enum's values that are shown.
const MEMBERS: usize = 16;
/// Characters of a string that are shown unless all are asked for.
const TEXT: usize = 72;

/// Attributes by which HDF5's dimension scales and netCDF-4 keep their own books: what they say stands in the line of
/// the dataset.
const INTERNAL: [&str; 10] = [
    "CLASS",
    "NAME",
    "DIMENSION_LIST",
    "DIMENSION_LABELS",
    "REFERENCE_LIST",
    "_NCProperties",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_nc3_strict",
    "_NCCOPY",
];

/// How much is shown.
pub struct Shown {
    /// Internal attributes too.
    pub internal: bool,
    /// Attributes with all of their values that were read, and whole texts.
    pub long: bool,
}

impl Shown {
    /// Writes the tree.
    pub fn tree(&self, out: &mut impl Write, node: &Node, ranges: &Ranges) -> io::Result<()> {
        self.node(out, node, &node.path, 0, ranges)
    }

    fn node(
        &self,
        out: &mut impl Write,
        node: &Node,
        name: &str,
        depth: usize,
        ranges: &Ranges,
    ) -> io::Result<()> {
        let indent = "  ".repeat(depth);
        let name = plain(name);
        match &node.kind {
            NodeKind::Group { members, truncated } => {
                let slash = if name.ends_with('/') { "" } else { "/" };
                writeln!(out, "{indent}{name}{slash}")?;
                self.attributes(out, node, &indent)?;
                for member in members {
                    let short = member.path.rsplit('/').next().unwrap_or(&member.path);
                    self.node(out, member, short, depth + 1, ranges)?;
                }
                if *truncated {
                    writeln!(out, "{indent}  … (more than is listed)")?;
                }
            }
            NodeKind::Dataset(d) => {
                let range = ranges.get(&node.path).map_or_else(String::new, |(a, b)| format!(", {a} … {b}"));
                let scale = match (d.scale, without_coordinates(node)) {
                    (true, true) => ", a dimension without coordinates",
                    (true, false) => ", a dimension scale",
                    (false, _) => "",
                };
                let decoded = decoded(d, node);
                writeln!(out, "{indent}{name}  {}{scale}{range}{decoded}", dataset(d))?;
                fields(out, d, &indent)?;
                self.attributes(out, node, &indent)?;
            }
            NodeKind::Type { text } => writeln!(out, "{indent}{name}  named type {}", plain(text))?,
            NodeKind::SoftLink { target } => writeln!(out, "{indent}{name} -> {}", plain(target))?,
            NodeKind::ExternalLink { file, object } => {
                writeln!(out, "{indent}{name} -> {}:{} (another file)", plain(file), plain(object))?;
            }
            NodeKind::UserLink { class } => writeln!(out, "{indent}{name}  a link of class {class}")?,
            NodeKind::SameAs { path } => writeln!(out, "{indent}{name} = {}", plain(path))?,
            NodeKind::Unreadable { error } => {
                let error = plain(error.lines().next().unwrap_or_default());
                writeln!(out, "{indent}{name}  cannot be read: {error}")?;
            }
            _ => writeln!(out, "{indent}{name}  something that this program does not know")?,
        }
        Ok(())
    }

    fn attributes(&self, out: &mut impl Write, node: &Node, indent: &str) -> io::Result<()> {
        let shown = |a: &&Attribute| self.internal || !INTERNAL.contains(&a.name.as_str());
        for a in node.attributes.iter().filter(shown) {
            let dims = if a.shape.is_empty() { String::new() } else { format!(" {}", shape(&a.shape)) };
            writeln!(out, "{indent}  @{}{dims} = {}", plain(&a.name), self.attribute(a))?;
        }
        Ok(())
    }

    fn attribute(&self, a: &Attribute) -> String {
        let all = a.shape.iter().fold(1u64, |n, s| n.saturating_mul(*s));
        let (values, text) = if self.long { (usize::MAX, usize::MAX) } else { (SHOWN, TEXT) };
        let listed = |items: Vec<String>| match items.len() {
            1 if all == 1 => items[0].clone(),
            n if (n as u64) < all => format!("[{}, … {all} in all]", items.join(", ")),
            _ => format!("[{}]", items.join(", ")),
        };
        match &a.value {
            AttributeValue::Numbers(v) => listed(v.iter().take(values).map(Scalar::to_string).collect()),
            AttributeValue::Strings(v) => {
                let quoted = v.iter().take(values).map(|s| {
                    let cut: String = s.chars().take(text).collect();
                    let dots = if cut.len() < s.len() { "…" } else { "" };
                    format!("\"{}{dots}\"", plain(&cut))
                });
                listed(quoted.collect())
            }
            AttributeValue::Other(text) => plain(text),
            _ => "something that this program does not know".into(),
        }
    }
}

/// What expressions make of packed numbers, where that is another dtype: `, decoded as float64`.
fn decoded(d: &Dataset, node: &Node) -> String {
    let decoding = d.dtype.and_then(|dtype| Decoding::of(dtype, &node.attributes).ok());
    match decoding.filter(|decoding| decoding.dtype != decoding.stored) {
        Some(decoding) => format!(", decoded as {}", decoding.dtype),
        None => String::new(),
    }
}

fn shape(shape: &[u64]) -> String {
    match shape {
        [n] => format!("({n},)"),
        _ => format!("({})", shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// A shape whose axes are called by their names or their dimension scales: `(time 365, lat 72)`. A scale is its own axis.
fn named_shape(lengths: &[u64], d: &Dataset) -> String {
    let name = |axis: usize| {
        let own = d.dimensions.get(axis).filter(|_| !d.scale).cloned();
        let name = own.or_else(|| d.scales.get(axis).map(|names| names.join("|")));
        name.filter(|name| !name.is_empty()).map(|name| plain(name.trim_start_matches('/')))
    };
    if (0..lengths.len()).all(|axis| name(axis).is_none()) {
        return shape(lengths);
    }
    let axis = |(d, n): (usize, &u64)| match name(d) {
        Some(name) => format!("{name} {n}"),
        None => n.to_string(),
    };
    format!("({})", lengths.iter().enumerate().map(axis).collect::<Vec<_>>().join(", "))
}

/// The fields of compound elements, by the names that follow the dataset's path.
fn fields(out: &mut impl Write, d: &Dataset, indent: &str) -> io::Result<()> {
    for field in &d.fields {
        let of = match field.dtype {
            Some(dtype) => dtype.to_string(),
            None if field.stored.contains('{') => without_fields(&field.stored),
            None => format!("{} (not numeric)", plain(&field.stored)),
        };
        let dims = if field.shape.is_empty() { String::new() } else { format!(" {}", shape(&field.shape)) };
        writeln!(out, "{indent}  /{}  {of}{}{dims}", plain(&field.name), members(&field.members))?;
    }
    Ok(())
}

/// The names of an enum's values: a bool's go without saying.
fn members(members: &[(String, i128)]) -> String {
    let is_bool = |(name, value): &(String, i128)| {
        name.eq_ignore_ascii_case(if *value == 0 { "FALSE" } else { "TRUE" }) && (0..2).contains(value)
    };
    if members.is_empty() || members.iter().all(is_bool) {
        return String::new();
    }
    let mut members = members.to_vec();
    members.sort_by_key(|member| member.1);
    let mut text =
        members.iter().take(MEMBERS).map(|(name, v)| format!("{} {v}", plain(name))).collect::<Vec<_>>();
    if members.len() > MEMBERS {
        text.push("…".into());
    }
    format!(" {{{}}}", text.join(", "))
}

/// A type whose fields are listed below it.
fn without_fields(stored: &str) -> String {
    plain(stored.split(" {").next().unwrap_or(stored))
}

/// One line about a dataset.
fn dataset(d: &Dataset) -> String {
    let mut text = match d.dtype {
        Some(dtype) => format!("{dtype}{}", members(&d.members)),
        None if d.fields.is_empty() => format!("{} (not numeric)", plain(&d.stored)),
        None => without_fields(&d.stored),
    };
    text += &match &d.shape {
        Some(s) => format!(" {}", named_shape(s, d)),
        None => " empty".into(),
    };
    if d.dtype.is_some() && d.stored.starts_with('>') {
        text += ", big-endian";
    }
    match &d.chunks {
        Some(chunks) => text += &format!(", chunks {}", shape(chunks)),
        None => text += &format!(", {}", d.layout),
    }
    if !d.filters.is_empty() {
        text += &format!(", {}", plain(&d.filters.join(" + ")));
    }
    if !d.readable {
        text += " (a filter that is not there)";
    }
    let size = d
        .dtype
        .zip(d.shape.as_ref())
        .map(|(t, s)| s.iter().fold(t.size() as u64, |a, n| a.saturating_mul(*n)));
    text += &match size {
        Some(size) if size != d.storage_bytes => {
            format!(", {} stored of {}", human_bytes(d.storage_bytes), human_bytes(size))
        }
        _ => format!(", {}", human_bytes(d.storage_bytes)),
    };
    if d.external_files > 0 {
        text += &format!(", in {} other file(s)", d.external_files);
    }
    text
}
