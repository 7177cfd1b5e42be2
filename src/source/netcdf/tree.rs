//! What is in a file, as a tree: what a netCDF-4 file of the same content would show.

use super::bytes::damaged;
use super::header::{Attribute as Stored, Header, Type, Variable};
use super::place::Records;
use crate::dtype::{DType, Kind, Scalar};
use crate::error::{Context, Result};
use crate::source::cf;
use crate::source::hdf5::handles;
use crate::source::hdf5::{ALL_VALUES, Attribute, AttributeValue, Dataset, Node, NodeKind, Object, ReadAt};
use std::path::Path;

/// Variables that are described.
const MAX_NODES: usize = 100_000;
/// Attributes of one variable that are described.
const MAX_ATTRIBUTES: usize = 4096;
/// Numbers of an attribute that a listing has.
const MAX_VALUES: u64 = 64;
/// Bytes of all values of attributes that are kept.
const MAX_BYTES: u64 = 32 << 20;

/// What is at `object` (a path; `/` for all) in the file at `path`. Reads the header only.
///
/// # Errors
/// `NotFound`, `Io`, `Format` for the file; `NotFound` if there is no such variable.
pub(in crate::source) fn tree(path: &Path, object: &str) -> Result<Node> {
    within(path, object, MAX_VALUES)
}

/// What is at `object` in the file at `path` by itself, with all values of its attributes.
///
/// # Errors
/// As [`tree`].
pub(in crate::source) fn object(path: &Path, object: &str) -> Result<Object> {
    within(path, object, ALL_VALUES as u64).map(Object::from)
}

fn within(path: &Path, object: &str, values: u64) -> Result<Node> {
    let inner = || {
        let canonical =
            std::fs::canonicalize(path).map_err(|e| handles::io_error(e, "cannot find the file"))?;
        let file = handles::borrow(&canonical)?;
        look_at(&file.raw, object, values)
    };
    inner().at("file", path.display()).at("object", object)
}

/// As [`tree`], in a file that is open.
pub(super) fn look(file: &dyn ReadAt, object: &str) -> Result<Node> {
    look_at(file, object, MAX_VALUES)
}

/// As [`look`], with at most so many values of an attribute.
fn look_at(file: &dyn ReadAt, object: &str, values: u64) -> Result<Node> {
    let header = Header::read(file)?;
    let records = Records::of(&header, file.len())?;
    let mut scales = vec![false; header.dimensions.len()];
    for variable in &header.variables {
        if let [d] = variable.dimensions[..]
            && header.dimension(d).is_some_and(|d| d.name == variable.name)
            && let Some(scale) = scales.get_mut(d as usize)
        {
            *scale = true;
        }
    }
    let mut look = Look { file, header: &header, records, scales, values, room: MAX_BYTES };
    match object.split('/').all(|part| part.is_empty() || part == ".") {
        true => look.root(),
        false => look.variable(header.variable(object)?),
    }
}

/// What decoding needs of the attributes of a variable.
pub(super) fn wanted(file: &dyn ReadAt, header: &Header, variable: &Variable) -> Result<Vec<Attribute>> {
    let records = Records::of(header, file.len())?;
    let mut look = Look { file, header, records, scales: Vec::new(), values: MAX_VALUES, room: MAX_BYTES };
    let wanted = variable.attributes.iter().filter(|a| cf::is_wanted(&a.name));
    wanted.map(|a| look.attribute(a).at("attribute", &a.name)).collect()
}

struct Look<'a> {
    file: &'a dyn ReadAt,
    header: &'a Header,
    records: Records,
    /// Whether a dimension has a variable of its own.
    scales: Vec<bool>,
    /// Numbers of an attribute that are kept.
    values: u64,
    /// Bytes of values that may still be kept.
    room: u64,
}

impl Look<'_> {
    fn root(&mut self) -> Result<Node> {
        let attributes = self.attributes(&self.header.attributes)?;
        let mut variables: Vec<&Variable> = self.header.variables.iter().collect();
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        let truncated = variables.len() > MAX_NODES;
        variables.truncate(MAX_NODES);
        let members = variables.into_iter().map(|v| self.variable(v)).collect::<Result<_>>()?;
        Ok(Node { path: "/".into(), kind: NodeKind::Group { members, truncated }, attributes })
    }

    fn variable(&mut self, variable: &Variable) -> Result<Node> {
        let path = format!("/{}", variable.name);
        let shape = self.header.shape(variable, self.records);
        let (dtype, stored) = match variable.of {
            Type::Number(dtype) => (Some(dtype), stored_as(dtype)),
            Type::Char => (None, "string of 1 bytes".into()),
        };
        let scale_of = |&d: &u32| {
            let named = self.scales.get(d as usize).is_some_and(|&s| s);
            let dimension = self.header.dimension(d).filter(|_| named);
            dimension.map(|d| format!("/{}", d.name)).into_iter().collect::<Vec<_>>()
        };
        let mut scales: Vec<Vec<String>> = variable.dimensions.iter().map(scale_of).collect();
        // A scale has none itself.
        let scale = matches!(&scales[..], [names] if names.first() == Some(&path));
        if scale {
            scales.clear();
        }
        let names = variable.dimensions.iter().filter_map(|&d| Some(self.header.dimension(d)?.name.clone()));
        let dataset = Dataset {
            storage_bytes: shape.iter().fold(variable.of.size() as u64, |n, &d| n.saturating_mul(d)),
            shape: Some(shape.to_vec()),
            stored,
            dtype,
            fields: Vec::new(),
            members: Vec::new(),
            layout: if self.header.has_records(variable) { "record" } else { "contiguous" }.into(),
            chunks: None,
            filters: Vec::new(),
            readable: true,
            fill: dtype.map(|dtype| self.fill(variable, dtype)).transpose()?,
            external_files: 0,
            scale,
            scales,
            dimensions: names.collect(),
        };
        let attributes = self.attributes(&variable.attributes).at("dataset", &path)?;
        Ok(Node { path, kind: NodeKind::Dataset(dataset.into()), attributes })
    }

    fn fill(&self, variable: &Variable, dtype: DType) -> Result<Scalar> {
        let own = |a: &&Stored| a.name == "_FillValue" && a.of == variable.of && a.len == 1;
        match variable.attributes.iter().find(own) {
            Some(own) => Ok(self.numbers(own, dtype, 1)?.first().copied().unwrap_or(default_fill(dtype))),
            None => Ok(default_fill(dtype)),
        }
    }

    fn attributes(&mut self, stored: &[Stored]) -> Result<Vec<Attribute>> {
        let mut sorted: Vec<&Stored> = stored.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        sorted.truncate(MAX_ATTRIBUTES);
        sorted.into_iter().map(|a| self.attribute(a).at("attribute", &a.name)).collect()
    }

    fn attribute(&mut self, a: &Stored) -> Result<Attribute> {
        let text = matches!(a.of, Type::Char);
        let kept =
            if text { a.len } else { a.len.min(self.values).saturating_mul(size_of::<Scalar>() as u64) };
        let room = self.room.checked_sub(kept);
        self.room = room.unwrap_or(self.room);
        let value = match a.of {
            _ if a.len == 0 => AttributeValue::Other("empty".into()),
            Type::Char if room.is_none() => {
                AttributeValue::Other(format!("string of {} bytes, too long to show", a.len))
            }
            Type::Number(dtype) if room.is_none() => {
                AttributeValue::Other(format!("{}, too long to show", stored_as(dtype)))
            }
            Type::Number(dtype) => AttributeValue::Numbers(self.numbers(a, dtype, a.len.min(self.values))?),
            Type::Char => {
                let mut bytes = vec![0; a.len as usize];
                self.file.read_at(a.at, &mut bytes)?;
                let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
                AttributeValue::Strings(vec![String::from_utf8_lossy(text).into_owned()])
            }
        };
        let shape = if text && a.len > 0 { Vec::new() } else { vec![a.len] };
        Ok(Attribute { name: a.name.clone(), shape, value })
    }

    /// The first `n` values of an attribute that has so many.
    fn numbers(&self, a: &Stored, dtype: DType, n: u64) -> Result<Vec<Scalar>> {
        let mut bytes = vec![0; n as usize * dtype.size()];
        self.file.read_at(a.at, &mut bytes)?;
        let scalar = |element: &mut [u8]| {
            if cfg!(target_endian = "little") {
                element.reverse();
            }
            Scalar::from_bytes(dtype, element).ok_or_else(|| damaged("values of an attribute"))
        };
        bytes.chunks_exact_mut(dtype.size()).map(scalar).collect()
    }
}

/// NumPy's type string of the stored elements.
fn stored_as(dtype: DType) -> String {
    let kind = match dtype.kind() {
        Kind::Float => 'f',
        Kind::UInt => 'u',
        Kind::Int | Kind::Bool => 'i',
    };
    format!("{}{kind}{}", if dtype.size() == 1 { '|' } else { '>' }, dtype.size())
}

/// What netCDF writes where nobody wrote, if a variable does not say otherwise (`NC_FILL_BYTE` and so on).
fn default_fill(dtype: DType) -> Scalar {
    const FLOAT: f64 = 9.969_209_968_386_869e36;
    match dtype {
        DType::Bool => Scalar::Bool(false),
        DType::I8 => Scalar::I8(-127),
        DType::I16 => Scalar::I16(-32767),
        DType::I32 => Scalar::I32(-2_147_483_647),
        DType::I64 => Scalar::I64(-9_223_372_036_854_775_806),
        DType::U8 => Scalar::U8(255),
        DType::U16 => Scalar::U16(65535),
        DType::U32 => Scalar::U32(4_294_967_295),
        DType::U64 => Scalar::U64(18_446_744_073_709_551_614),
        DType::F16 => Scalar::F16(half::f16::INFINITY),
        DType::F32 => Scalar::F32(FLOAT as f32),
        DType::F64 => Scalar::F64(FLOAT),
    }
}
