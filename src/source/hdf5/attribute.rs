//! Attributes as plain data, and how libhdf5 is asked for them.

use crate::dtype::Scalar;
use crate::h5::{self, Id, RawAttribute, RawValue};
use serde::{Deserialize, Serialize};

/// Attributes of an object that are described.
pub(super) const MAX_ATTRIBUTES: usize = 4096;
/// Elements of an attribute that are kept.
pub(super) const MAX_VALUES: usize = 64;
/// Elements of an attribute that are kept where an object is looked at by itself.
pub(in crate::source) const ALL_VALUES: usize = 1 << 20;

/// An attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its shape; empty for a scalar.
    pub shape: Vec<u64>,
    /// Its value, or the beginning of it.
    pub value: AttributeValue,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttributeValue {
    /// The first 64 numbers at most.
    Numbers(Vec<Scalar>),
    /// The first 64 strings at most.
    Strings(Vec<String>),
    /// What else it is, or why it cannot be read.
    Other(String),
}

impl Attribute {
    /// An attribute as it was read. Of a list of references are the names of what they lead to.
    pub(super) fn plain(raw: RawAttribute) -> Attribute {
        let value = match raw.value {
            RawValue::Numbers(v) => AttributeValue::Numbers(v),
            RawValue::Strings(v) => AttributeValue::Strings(v),
            RawValue::References(v) => {
                AttributeValue::Strings(v.iter().take(MAX_VALUES).map(|names| names.join(" ")).collect())
            }
            RawValue::Other(text) => AttributeValue::Other(text),
        };
        Attribute { name: raw.name, shape: raw.shape.to_vec(), value }
    }
}

/// The attributes of an object, by name. What cannot be read says so.
pub(super) fn of(object: &Id) -> Vec<RawAttribute> {
    let count = h5::attribute_count(object);
    (0..count.min(MAX_ATTRIBUTES))
        .map(|i| {
            h5::attribute(object, i, MAX_VALUES).unwrap_or_else(|e| RawAttribute {
                name: e.context("attribute").map_or_else(|| format!("attribute {i}"), String::from),
                shape: Default::default(),
                value: RawValue::Other(format!("unreadable: {}", e.message())),
            })
        })
        .collect()
}
