//! A listing as JSON.

use crate::cli::render;
use chunkwise::Scalar;
use chunkwise::source::hdf5::{Attribute, AttributeValue, Node, NodeKind};
use serde_json::{Map, Value, json};

/// A node as a flat JSON object: `path`, `kind`, what the kind has, `attributes`.
pub fn node_json(node: &Node) -> Result<Value, serde_json::Error> {
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
