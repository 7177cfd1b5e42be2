//! `chunkwise info`: what is in a file, as a tree.

use super::args::Info;
use super::output::{json_line, split_place};
use super::{Done, render};
use chunkwise::size::human_bytes;
use chunkwise::source::hdf5::{Attribute, AttributeValue, Dataset, Node, NodeKind};
use chunkwise::source::tree_with;
use chunkwise::text::printable;
use chunkwise::{OpenOptions, Scalar};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::path::Path;

/// Values of an attribute that are shown to people.
const SHOWN: usize = 8;
/// Characters of a string that are shown to people.
const TEXT: usize = 72;

/// Prints the tree.
///
/// # Errors
/// What opening the file and writing can meet.
pub fn run(args: &Info) -> Done {
    // A file that is there by the whole name is meant, whatever its name looks like.
    let whole = (args.place.clone(), "/");
    let (file, path) = match Path::new(&args.place).exists() {
        true => whole,
        false => split_place(&args.place).unwrap_or(whole),
    };
    let mut options = OpenOptions::new();
    options.allow_plugins = args.allow_plugins;
    options.untrusted = args.untrusted;
    options.reader = args.reader.into();
    let node = tree_with(&file, path, options)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        json_line(&mut out, &node_json(&node)?)?;
    } else {
        writeln!(out, "{}", printable(&file.to_string_lossy()))?;
        node_text(&mut out, &node, &node.path, 0)?;
    }
    Ok(out.flush()?)
}

fn node_text(out: &mut impl Write, node: &Node, name: &str, depth: usize) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    let name = printable(name);
    match &node.kind {
        NodeKind::Group { members, truncated } => {
            let slash = if name.ends_with('/') { "" } else { "/" };
            writeln!(out, "{indent}{name}{slash}")?;
            attributes(out, node, &indent)?;
            for member in members {
                let short = member.path.rsplit('/').next().unwrap_or(&member.path);
                node_text(out, member, short, depth + 1)?;
            }
            if *truncated {
                writeln!(out, "{indent}  … (more than is listed)")?;
            }
        }
        NodeKind::Dataset(d) => {
            writeln!(out, "{indent}{name}  {}", dataset(d))?;
            attributes(out, node, &indent)?;
        }
        NodeKind::Type { text } => writeln!(out, "{indent}{name}  named type {}", printable(text))?,
        NodeKind::SoftLink { target } => writeln!(out, "{indent}{name} -> {}", printable(target))?,
        NodeKind::ExternalLink { file, object } => {
            writeln!(out, "{indent}{name} -> {}:{} (another file)", printable(file), printable(object))?;
        }
        NodeKind::UserLink { class } => writeln!(out, "{indent}{name}  a link of class {class}")?,
        NodeKind::SameAs { path } => writeln!(out, "{indent}{name} = {}", printable(path))?,
        NodeKind::Unreadable { error } => {
            writeln!(
                out,
                "{indent}{name}  cannot be read: {}",
                printable(error.lines().next().unwrap_or_default())
            )?;
        }
        _ => writeln!(out, "{indent}{name}  something that this program does not know")?,
    }
    Ok(())
}

fn shape(shape: &[u64]) -> String {
    match shape {
        [n] => format!("({n},)"),
        _ => format!("({})", shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// One line about a dataset.
fn dataset(d: &Dataset) -> String {
    let mut text = match d.dtype {
        Some(dtype) => dtype.to_string(),
        None => format!("{} (not numeric)", printable(&d.stored)),
    };
    text += &match &d.shape {
        Some(s) => format!(" {}", shape(s)),
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
        text += &format!(", {}", printable(&d.filters.join(" + ")));
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
    if d.scale {
        text += ", a dimension scale";
    }
    let scales: Vec<String> = d.scales.iter().map(|s| printable(&s.join("|")).into_owned()).collect();
    if scales.iter().any(|s| !s.is_empty()) {
        text += &format!(", axes [{}]", scales.join(", "));
    }
    text
}

fn attributes(out: &mut impl Write, node: &Node, indent: &str) -> io::Result<()> {
    for a in &node.attributes {
        let dims = if a.shape.is_empty() { String::new() } else { format!(" {}", shape(&a.shape)) };
        writeln!(out, "{indent}  @{}{dims} = {}", printable(&a.name), attribute(&a.value))?;
    }
    Ok(())
}

fn attribute(value: &AttributeValue) -> String {
    let listed = |items: Vec<String>, all: usize| match items.len() {
        1 if all == 1 => items[0].clone(),
        _ => format!("[{}{}]", items.join(", "), if all > items.len() { ", …" } else { "" }),
    };
    match value {
        AttributeValue::Numbers(v) => listed(v.iter().take(SHOWN).map(Scalar::to_string).collect(), v.len()),
        AttributeValue::Strings(v) => {
            let quoted = v.iter().take(SHOWN).map(|s| {
                let cut: String = s.chars().take(TEXT).collect();
                let dots = if cut.len() < s.len() { "…" } else { "" };
                format!("\"{}{dots}\"", printable(&cut))
            });
            listed(quoted.collect(), v.len())
        }
        AttributeValue::Other(text) => printable(text).into_owned(),
        _ => "something that this program does not know".into(),
    }
}

/// A node as a flat JSON object: `path`, `kind`, what the kind has, `attributes`.
fn node_json(node: &Node) -> Result<Value, serde_json::Error> {
    let mut object = Map::new();
    object.insert("path".into(), json!(node.path));
    let mut put = |kind: &str, fields: Value| {
        object.insert("kind".into(), json!(kind));
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
    };
    match &node.kind {
        NodeKind::Group { members, truncated } => {
            let members = members.iter().map(node_json).collect::<Result<Vec<_>, _>>()?;
            put("group", json!({"members": members, "truncated": truncated}));
        }
        NodeKind::Dataset(d) => {
            let mut fields = serde_json::to_value(d)?;
            fields["fill"] = d.fill.map_or(Ok(Value::Null), number)?;
            put("dataset", fields);
        }
        NodeKind::Type { text } => put("type", json!({"type": text})),
        NodeKind::SoftLink { target } => put("soft_link", json!({"target": target})),
        NodeKind::ExternalLink { file, object } => {
            put("external_link", json!({"file": file, "object": object}));
        }
        NodeKind::UserLink { class } => put("user_link", json!({"class": class})),
        NodeKind::SameAs { path } => put("same_as", json!({"target": path})),
        NodeKind::Unreadable { error } => put("unreadable", json!({"error": error})),
        _ => put("unknown", json!({})),
    }
    let mut attributes = Map::new();
    for a in &node.attributes {
        attributes.insert(a.name.clone(), attribute_json(a)?);
    }
    object.insert("attributes".into(), Value::Object(attributes));
    Ok(Value::Object(object))
}

fn attribute_json(a: &Attribute) -> Result<Value, serde_json::Error> {
    let (value, len) = match &a.value {
        AttributeValue::Numbers(v) => {
            (Value::Array(v.iter().map(|s| number(*s)).collect::<Result<_, _>>()?), Some(v.len()))
        }
        AttributeValue::Strings(v) => (json!(v), Some(v.len())),
        AttributeValue::Other(text) => (json!(text), None),
        _ => (Value::Null, None),
    };
    let all = a.shape.iter().fold(1u64, |n, s| n.saturating_mul(*s));
    let value = match (value, &a.shape[..]) {
        // A scalar is no list.
        (Value::Array(mut v), []) if v.len() == 1 => v.swap_remove(0),
        (value, _) => value,
    };
    let truncated = len.is_some_and(|n| (n as u64) < all);
    Ok(json!({"shape": a.shape, "value": value, "truncated": truncated}))
}

/// A number as `eval --json` writes it.
fn number(s: Scalar) -> Result<Value, serde_json::Error> {
    let mut text = Vec::new();
    render::value(&mut text, s).map_err(serde_json::Error::io)?;
    serde_json::from_slice(&text)
}
