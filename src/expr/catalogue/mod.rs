//! Every name of the language, as data: what can be called, attributes and constants, each with its signature, its
//! documentation and an example. It is made from the library's own tables, so that nothing is there that does not work,
//! and nothing works that is not there.
//!
//! ```
//! use chunkwise::expr::catalogue;
//! let var = catalogue::find("var").unwrap();
//! assert_eq!(var.signature(), "var(a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True)");
//! assert_eq!(var.example, "var([1, 2, 3, 4])");
//! ```

mod kind;
mod missing;
mod params;
mod signature;

pub use kind::Kind;
pub use missing::missing;
pub use signature::{Param, Signature};

use super::attributes::{ATTRIBUTES, Attribute, CONSTANTS, Constant};
use super::functions::{self, Function};
use crate::DType;
use crate::ops::elementwise::Op;
use crate::ops::reduce::Reduction;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A name of the language.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// NumPy's name.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: Vec<&'static str>,
    /// Among which it is listed.
    pub kind: Kind,
    /// The operator that means it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<&'static str>,
    /// Its parameters, if it can be called.
    #[serde(flatten)]
    pub call: Option<Signature>,
    /// What it does, one or more sentences.
    pub doc: &'static str,
    /// An expression that shows it, without names of its own.
    pub example: &'static str,
    #[serde(skip)]
    pub(super) is: Is,
}

/// What a name is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Is {
    Elementwise(Op),
    Reduction(Reduction),
    Function(&'static Function),
    Cast(DType),
    Attribute(&'static Attribute),
    Constant(&'static Constant),
}

impl Entry {
    /// How it is written: `clip(a, a_min=None, a_max=None, *, min=None, max=None)`, `x.shape`, `pi`.
    pub fn signature(&self) -> String {
        match (&self.call, self.kind) {
            (Some(call), _) => call.to_string(),
            (None, Kind::Attribute) => format!("x.{}", self.name),
            (None, _) => self.name.to_string(),
        }
    }

    /// The first sentence of its documentation.
    pub fn summary(&self) -> &'static str {
        let end = self.doc.find(". ").unwrap_or(self.doc.len());
        self.doc[..end].trim_end_matches('.')
    }

    /// Whether what follows the first argument may stand there without a tuple: `x.reshape(2, 3)`.
    pub fn spreads(&self) -> bool {
        matches!(self.is, Is::Function(f) if f.spreads)
    }

    /// Whether it can be called.
    pub fn is_function(&self) -> bool {
        self.call.is_some()
    }
}

/// How a row is written of which arguments may be left out.
fn with_defaults(op: Op) -> Option<&'static str> {
    match op {
        Op::CLIP => Some("clip(a, a_min=None, a_max=None, *, min=None, max=None)"),
        Op::ROUND => Some("round(a, decimals=0)"),
        Op::WHERE => Some("where(condition, x=None, y=None)"),
        _ => None,
    }
}

fn elementwise(op: Op) -> Entry {
    let row = op.row();
    Entry {
        name: row.name,
        aliases: row.aliases.to_vec(),
        kind: Kind::Elementwise,
        operator: row.symbol,
        call: Some(match with_defaults(op) {
            Some(text) => Signature::parse(text),
            None => Signature::of(row.name, row.params),
        }),
        doc: row.doc,
        example: row.example,
        is: Is::Elementwise(op),
    }
}

fn reduction(reduction: Reduction) -> Entry {
    let row = reduction.row();
    let weighted = row.inputs == 2;
    let taken = |name, default, takes: bool| takes.then_some((name, Some(default)));
    let call = Signature::of(row.name, &["a"])
        .and(taken("axis", "None", true), false)
        .and(taken("weights", "None", weighted), false)
        .and(taken("dtype", "None", row.takes_dtype), false)
        .and(taken("ddof", "0", row.takes_ddof), true)
        .and(taken("keepdims", "False", true), true)
        .and(taken("where", "True", row.takes_where), true);
    Entry {
        name: row.name,
        aliases: row.aliases.to_vec(),
        kind: Kind::Reduction,
        operator: None,
        call: Some(call),
        doc: row.doc,
        example: row.example,
        is: Is::Reduction(reduction),
    }
}

fn function(f: &'static Function) -> Entry {
    let call = Signature::parse(f.signature);
    Entry {
        name: call.name,
        aliases: f.aliases.to_vec(),
        kind: f.kind,
        operator: f.symbol,
        call: Some(call),
        doc: f.doc,
        example: f.example,
        is: Is::Function(f),
    }
}

/// Documentation and example of a dtype.
fn shown(dtype: DType) -> (&'static str, &'static str) {
    match dtype {
        DType::Bool => ("x as bools: whether it is not zero. A dtype too", "bool([0, 2.5])"),
        DType::I8 => ("x as integers of 8 bits. A dtype too", "int8([1.7, -3])"),
        DType::I16 => ("x as integers of 16 bits. A dtype too", "int16([1.7, -3])"),
        DType::I32 => ("x as integers of 32 bits. A dtype too", "int32([1.7, -3])"),
        DType::I64 => ("x as integers of 64 bits. A dtype too", "int64([1.7, -3])"),
        DType::U8 => ("x as unsigned integers of 8 bits. A dtype too", "uint8([1.7, 255])"),
        DType::U16 => ("x as unsigned integers of 16 bits. A dtype too", "uint16([1.7, 3])"),
        DType::U32 => ("x as unsigned integers of 32 bits. A dtype too", "uint32([1.7, 3])"),
        DType::U64 => ("x as unsigned integers of 64 bits. A dtype too", "uint64([1.7, 3])"),
        DType::F16 => ("x as floats of 16 bits. A dtype too", "float16([1, 0.1])"),
        DType::F32 => ("x as floats of 32 bits. A dtype too", "float32([1, 0.1])"),
        DType::F64 => ("x as floats of 64 bits. A dtype too", "sum(float32([1, 0.1]), dtype=float64)"),
    }
}

fn cast(dtype: DType) -> Entry {
    let (doc, example) = shown(dtype);
    Entry {
        name: dtype.name(),
        aliases: match dtype {
            DType::I64 => vec!["int"],
            DType::F64 => vec!["float"],
            _ => Vec::new(),
        },
        kind: Kind::Cast,
        operator: None,
        call: Some(Signature::of(dtype.name(), &["x"])),
        doc,
        example,
        is: Is::Cast(dtype),
    }
}

fn attribute(attribute: &'static Attribute) -> Entry {
    Entry {
        name: attribute.name,
        aliases: Vec::new(),
        kind: Kind::Attribute,
        operator: None,
        call: None,
        doc: attribute.doc,
        example: attribute.example,
        is: Is::Attribute(attribute),
    }
}

fn constant(constant: &'static Constant) -> Entry {
    Entry {
        name: constant.name,
        aliases: Vec::new(),
        kind: Kind::Constant,
        operator: None,
        call: None,
        doc: constant.doc,
        example: constant.example,
        is: Is::Constant(constant),
    }
}

/// All entries, and where in them a name is.
struct Catalogue {
    entries: Vec<Entry>,
    places: HashMap<&'static str, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut entries: Vec<Entry> = Op::all().map(elementwise).collect();
    entries.extend(Reduction::all().map(reduction));
    entries.extend(functions::all().map(function));
    entries.extend(DType::ALL.iter().map(|d| cast(*d)));
    entries.extend(CONSTANTS.iter().map(constant));
    entries.extend(ATTRIBUTES.iter().map(attribute));
    entries.sort_by_key(|e| e.kind);
    let mut places = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        for name in std::iter::once(&entry.name).chain(&entry.aliases) {
            // An attribute is no name by itself, `x.dtype`.
            if entry.kind != Kind::Attribute {
                places.insert(*name, at);
            }
        }
    }
    Catalogue { entries, places }
});

/// Every entry, kind by kind.
pub fn entries() -> &'static [Entry] {
    &CATALOGUE.entries
}

/// What a name stands for in an expression, if it is one of the language: a function, a dtype or a constant.
pub fn find(name: &str) -> Option<&'static Entry> {
    CATALOGUE.places.get(name).map(|&at| &CATALOGUE.entries[at])
}

/// The attribute of arrays that has this name.
pub fn find_attribute(name: &str) -> Option<&'static Entry> {
    entries().iter().find(|e| e.kind == Kind::Attribute && e.name == name)
}

/// The entries with a name that contains `text`, whatever its case, or with exactly this operator.
pub fn search(text: &str) -> impl Iterator<Item = &'static Entry> {
    let text = text.to_lowercase();
    entries().iter().filter(move |e| {
        let mut names = std::iter::once(&e.name).chain(&e.aliases);
        e.operator == Some(&text) || names.any(|n| n.to_lowercase().contains(&text))
    })
}

/// Every name that can be called.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    let callable = entries().iter().filter(|e| e.is_function());
    callable.flat_map(|e| std::iter::once(e.name).chain(e.aliases.iter().copied()))
}
